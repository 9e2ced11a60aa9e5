/* SPDX-License-Identifier: MIT */
/*
 * server_internal.h - the engine's state, shared by its parts
 *
 * server.c holds the session and its replies, server_count.c what a client has
 * done wrong, server_cmd.c commands, server_auth.c AUTH and STARTTLS,
 * server_arg.c the arguments of MAIL and RCPT, server_data.c content.
 */
#ifndef MC_SERVER_INTERNAL_H
#define MC_SERVER_INTERNAL_H

#include "base/buf.h"
#include "smtp/server.h"

enum mc_server_state {
#define MC_SERVER_STATE(id, handler, words) MC_SV_##id,
#include "smtp/server_states.def"
#undef MC_SERVER_STATE
	MC_SV__COUNT
};

enum mc_say {
	MC_SAY_NONE,
#define MC_SAY(id, code, a, b, c, text) MC_SAY_##id,
#include "smtp/server_replies.def"
#undef MC_SAY
	MC_SAY__COUNT
};

/* a handler has nothing to ask for: go on with the next state */
#define MC_GO_ON (-1)

/* where a byte of content stands in its line */
enum mc_content_at {
	MC_AT_START,
	MC_AT_TEXT,
	MC_AT_CR,
	MC_AT_DOT,		/* the first of a line, held back */
	MC_AT_DOT_CR
};

struct mc_content {
	enum mc_content_at at;
	bool ended;		/* DATA: the last dot was there */
	bool bare_ends;		/* CR or LF by itself */
	bool long_line;
	bool too_big;
	uint64_t size;		/* decoded bytes, dropped ones too */
	size_t line;		/* bytes of this line so far */
};

/* all that mc_server_drop forgets */
struct mc_server_txn {
	bool open;		/* MAIL was answered with yes */
	bool chunking;		/* BDAT has begun */
	size_t rcpts;		/* accepted */
	size_t put_off;		/* recipients refused for now */
	struct mc_server_mail mail;
	struct mc_server_rcpt rcpt;
	struct mc_content content;
	struct mc_buf sender;	/* what the slices point into */
	struct mc_buf envid;
	struct mc_buf addr;
	struct mc_buf orcpt;
};

/* what the next line of a log-in is */
enum mc_login_at {
	MC_LOGIN_PLAIN,
	MC_LOGIN_USER,
	MC_LOGIN_PASSWORD
};

struct mc_login {
	enum mc_login_at at;
	size_t user_len;	/* LOGIN: of this length in front of text */
	struct mc_buf text;	/* decoded, secret */
	struct mc_server_auth auth;	/* slices of it */
};

struct mc_server {
	struct mc_server_settings set;	/* host is our copy */
	char *host;
	enum mc_server_state state;
	struct mc_buf in;
	size_t in_at;		/* what is in front of it is dealt with */
	size_t scanned;		/* behind it: no LF in there */
	struct mc_buf out;
	struct mc_buf body;
	bool eof;
	enum mc_say bye;
	const char *reason;
	unsigned too_big;	/* messages that were refused for it */
	unsigned too_many;	/* recipients, the same */
	unsigned no_login;	/* commands that came before one */
	enum mc_say last;	/* with which the engine has ended it */
	bool has_line;		/* the first one was there, */
	bool lf_lines;		/* and ended with LF alone */
	bool hello;
	bool esmtp;
	bool slow;		/* MC_SERVE_SLOW is due */
	bool reset_due;		/* MC_SERVE_RESET is due */
	bool tls;
	bool logged_in;
	unsigned errors;
	unsigned junk;
	unsigned errors_total;
	unsigned junk_total;
	size_t messages;
	size_t taken;
	struct mc_server_txn txn;
	struct mc_login login;
	/* the chunk that comes in, wanted or not */
	uint64_t chunk_left;
	bool chunk_last;
	enum mc_say chunk_say;	/* refused: dropped, then this; or NONE */
};

/* ---------------------------------------------------------------- server.c */

/* a reply that is no error */
void
mc_server_say(struct mc_server *s, enum mc_say say);

/* a refused command: counted, and slow or the last one if there are many */
void
mc_server_refuse(struct mc_server *s, enum mc_say say);

/* the last reply, and the end */
void
mc_server_say_close(struct mc_server *s, enum mc_say say);

/* the end, without a word */
void
mc_server_close(struct mc_server *s);

/* lines of a reply that have no enhanced code */
void
mc_server_put_line(struct mc_server *s, int code, bool more,
    struct mc_str text);

/* the one function that forgets a transaction, whatever it has come to */
void
mc_server_drop(struct mc_server *s);

/* bytes fed and not yet dealt with */
static inline struct mc_str
mc_server_input(const struct mc_server *s)
{
	return mc_str_sub(mc_buf_str(&s->in), s->in_at, SIZE_MAX);
}

/* what to do in a state: an enum mc_serve, or MC_GO_ON */
#define MC_SERVER_STATE(id, handler, words) \
	int mc_server_on_##handler(struct mc_server *s);
#include "smtp/server_states.def"
#undef MC_SERVER_STATE

/* ---------------------------------------------------------- server_count.c */

/* false: it was one too many, and the session has ended */
MC_NODISCARD bool
mc_server_count_error(struct mc_server *s);

MC_NODISCARD bool
mc_server_count_junk(struct mc_server *s, unsigned n);

/* the client gives up its transaction, if there is one */
MC_NODISCARD bool
mc_server_count_given_up(struct mc_server *s);

/* a recipient was refused for now */
MC_NODISCARD bool
mc_server_count_put_off(struct mc_server *s);

/* ------------------------------------------------------------ server_cmd.c */

/*
 * take the next line off the input, with its end; false: there is none yet, or
 * there never will be one
 */
MC_NODISCARD bool
mc_server_take_line(struct mc_server *s, struct mc_str *ret_line);

/* cut off its end; false if that was LF alone and may not, and the session has
 * ended */
MC_NODISCARD bool
mc_server_take_line_end(struct mc_server *s, struct mc_str *line);

/* forget the line that was taken last, with its end, of which a copy would
 * stay in memory: it may have held a password */
void
mc_server_wipe_line(struct mc_server *s, size_t raw_len);

/* ----------------------------------------------------------- server_auth.c */

/* is AUTH announced, and taken? */
bool
mc_server_has_auth(const struct mc_server *s);

void
mc_server_cmd_auth(struct mc_server *s, struct mc_str arg);

void
mc_server_cmd_starttls(struct mc_server *s, struct mc_str arg);

/* the owner's answer to MC_SERVE_AUTH */
void
mc_server_login_answer(struct mc_server *s, int code);

/* ------------------------------------------------------------ server_arg.c */

/* read the argument of MAIL or RCPT into s->txn; MC_SAY_NONE if all is well,
 * else the refusal */
enum mc_say
mc_server_read_mail(struct mc_server *s, struct mc_str arg);

enum mc_say
mc_server_read_rcpt(struct mc_server *s, struct mc_str arg);

/* ----------------------------------------------------------- server_data.c */

/* DATA was granted */
void
mc_server_begin_data(struct mc_server *s);

/* BDAT: its bytes follow, and have to be read even if it is refused */
void
mc_server_begin_chunk(struct mc_server *s, uint64_t n, bool last,
    enum mc_say refusal);

#endif
