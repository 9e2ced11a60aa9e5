/* SPDX-License-Identifier: MIT */
/*
 * server_cmd.c - the lines that a client sends, and what is done about them
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include <inttypes.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"

#define MC_VF_NO_ARG 0x01u
#define MC_VF_ARG 0x02u
#define MC_VF_HELLO 0x04u
#define MC_VF_JUNK 0x08u
#define MC_VF_REPEAT 0x10u

static void cmd_ehlo(struct mc_server *s, struct mc_str arg);
static void cmd_helo(struct mc_server *s, struct mc_str arg);
static void cmd_mail(struct mc_server *s, struct mc_str arg);
static void cmd_rcpt(struct mc_server *s, struct mc_str arg);
static void cmd_data(struct mc_server *s, struct mc_str arg);
static void cmd_bdat(struct mc_server *s, struct mc_str arg);
static void cmd_rset(struct mc_server *s, struct mc_str arg);
static void cmd_noop(struct mc_server *s, struct mc_str arg);
static void cmd_quit(struct mc_server *s, struct mc_str arg);
static void cmd_vrfy(struct mc_server *s, struct mc_str arg);
static void cmd_help(struct mc_server *s, struct mc_str arg);
static void cmd_auth(struct mc_server *s, struct mc_str arg);
static void cmd_starttls(struct mc_server *s, struct mc_str arg);
static void cmd_not_here(struct mc_server *s, struct mc_str arg);
static void cmd_foreign(struct mc_server *s, struct mc_str arg);

struct verb {
	const char *word;
	void (*handler)(struct mc_server *s, struct mc_str arg);
	unsigned flags;
};

static const struct verb verbs[] = {
#define MC_VERB(word, handler, flags) { #word, cmd_##handler, flags },
#include "smtp/server_verbs.def"
#undef MC_VERB
};

/* ------------------------------------------------------------------- lines */

/* no command begins so: TLS, a proxy's header, or text that follows a refused
 * DATA; some of it never has a line end */
static bool
is_foreign(struct mc_str in)
{
	return in.len != 0 && !mc_is_alpha((unsigned char)in.ptr[0]) &&
	    in.ptr[0] != '\r' && in.ptr[0] != '\n';
}

/* whatever decides does not depend on how the bytes are cut into pieces */
bool
mc_server_take_line(struct mc_server *s, struct mc_str *ret_line)
{
	struct mc_str in = mc_str_sub(mc_server_input(s), 0,
	    MC_MAX_SERVER_LINE_HARD);
	size_t lf;

	if (in.len == 0)
		return false;
	lf = s->scanned + mc_str_chr(mc_str_sub(in, s->scanned, in.len), '\n');
	if (lf == in.len) {
		if (in.len >= MC_MAX_SERVER_LINE_HARD)
			mc_server_say_close(s, MC_SAY_LINE_LONG);
		s->scanned = lf;
		return false;
	}
	s->scanned = 0;
	s->in_at += lf + 1;
	*ret_line = mc_str_sub(in, 0, lf + 1);
	return true;
}

void
mc_server_wipe_line(struct mc_server *s, size_t raw_len)
{
	if (s->set.offer_auth)
		mc_mem_wipe(s->in.ptr + s->in_at - raw_len, raw_len);
}

bool
mc_server_take_line_end(struct mc_server *s, struct mc_str *line)
{
	size_t n = line->len - 1;
	bool cr = n > 0 && line->ptr[n - 1] == '\r';

	if (!cr && !s->set.lf_ok) {
		mc_server_say_close(s, MC_SAY_LINE_LF);
		return false;
	}
	if (!s->has_line)
		s->lf_lines = !cr;
	s->has_line = true;
	line->len = cr ? n - 1 : n;
	return true;
}

/* ---------------------------------------------------------------- dispatch */

static const struct verb *
find_verb(struct mc_str word)
{
	size_t i;

	for (i = 0; i < MC_NELEM(verbs); i++)
		if (mc_str_eq_nocase(word, mc_str_from(verbs[i].word)))
			return &verbs[i];
	return NULL;
}

/* false: it was one too many, and the session has ended */
static bool
count_junk(struct mc_server *s, const struct verb *verb)
{
	if ((verb->flags & MC_VF_JUNK) == 0 &&
	    !((verb->flags & MC_VF_REPEAT) != 0 && s->hello))
		return true;
	return mc_server_count_junk(s, 1);
}

/* what the table says of its place and its argument */
static enum mc_say
check_verb(const struct mc_server *s, const struct verb *verb,
    struct mc_str arg)
{
	if ((verb->flags & MC_VF_HELLO) != 0 && !s->hello)
		return MC_SAY_NO_HELLO;
	if ((verb->flags & MC_VF_ARG) != 0 && arg.len == 0)
		return MC_SAY_ARG;
	if ((verb->flags & MC_VF_NO_ARG) != 0 && arg.len != 0)
		return MC_SAY_ARG;
	return MC_SAY_NONE;
}

static void
run_verb(struct mc_server *s, const struct verb *verb, struct mc_str arg)
{
	enum mc_say say = check_verb(s, verb, arg);

	if (!count_junk(s, verb))
		return;
	if (say != MC_SAY_NONE)
		mc_server_refuse(s, say);
	else
		verb->handler(s, arg);
}

/* raw_len: with the line end */
static void
dispatch(struct mc_server *s, struct mc_str line, size_t raw_len)
{
	struct mc_str rest = line;
	struct mc_str word = MC_STR_NONE;
	const struct verb *verb;

	(void)mc_str_next_token(&rest, " \t", &word);
	verb = find_verb(word);
	/* first of all, or a long request of a browser would be one error, and
	 * what it carries be taken for commands */
	if (verb != NULL && verb->handler == cmd_foreign)
		cmd_foreign(s, rest);
	else if (raw_len > s->set.max_line)
		mc_server_refuse(s, MC_SAY_LINE_LONG);
	else if (mc_str_chr(line, '\r') < line.len ||
	    mc_str_chr(line, '\0') < line.len)
		mc_server_refuse(s, MC_SAY_LINE_BYTES);
	else if (verb == NULL)
		mc_server_refuse(s, MC_SAY_UNKNOWN);
	else
		run_verb(s, verb, mc_str_trim(rest));
}

int
mc_server_on_command(struct mc_server *s)
{
	struct mc_str line;
	size_t raw_len;

	if (s->bye != MC_SAY_NONE) {
		mc_server_say_close(s, s->bye);
		return MC_GO_ON;
	}
	if (is_foreign(mc_server_input(s))) {
		mc_server_say_close(s, MC_SAY_FOREIGN);
		return MC_GO_ON;
	}
	if (mc_server_take_line(s, &line)) {
		raw_len = line.len;
		if (mc_server_take_line_end(s, &line))
			dispatch(s, line, raw_len);
		mc_server_wipe_line(s, raw_len);
		return MC_GO_ON;
	}
	if (s->state != MC_SV_COMMAND)
		return MC_GO_ON;
	if (!s->eof)
		return MC_SERVE_READ;
	mc_server_close(s);
	return MC_GO_ON;
}

/* ------------------------------------------------------------ the commands */

/* what a client says of itself is of no use here: it is not kept, and not
 * said back to anybody */
static bool
hello(struct mc_server *s, struct mc_str arg, bool esmtp)
{
	if (mc_str_has_ctl(arg)) {
		mc_server_refuse(s, MC_SAY_ARG);
		return false;
	}
	if (!mc_server_count_given_up(s))
		return false;
	mc_server_drop(s);
	s->hello = true;
	s->esmtp = esmtp;
	return true;
}

static void
cmd_ehlo(struct mc_server *s, struct mc_str arg)
{
	char size[40] = "SIZE";

	if (!hello(s, arg, true))
		return;
	if (s->set.max_size != 0)
		snprintf(size, sizeof(size), "SIZE %" PRIu64, s->set.max_size);
	mc_server_put_line(s, 250, true, s->set.host);
	mc_server_put_line(s, 250, true, MC_STR("PIPELINING"));
	mc_server_put_line(s, 250, true, mc_str_from(size));
	mc_server_put_line(s, 250, true, MC_STR("8BITMIME"));
	if (!s->set.no_smtputf8)
		mc_server_put_line(s, 250, true, MC_STR("SMTPUTF8"));
	if (!s->set.no_dsn)
		mc_server_put_line(s, 250, true, MC_STR("DSN"));
	if (!s->set.no_chunking)
		mc_server_put_line(s, 250, true, MC_STR("CHUNKING"));
	if (s->set.offer_starttls && !s->tls)
		mc_server_put_line(s, 250, true, MC_STR("STARTTLS"));
	if (mc_server_has_auth(s))
		mc_server_put_line(s, 250, true, MC_STR("AUTH PLAIN LOGIN"));
	mc_server_put_line(s, 250, false, MC_STR("ENHANCEDSTATUSCODES"));
}

static void
cmd_helo(struct mc_server *s, struct mc_str arg)
{
	if (hello(s, arg, false))
		mc_server_put_line(s, 250, false, s->set.host);
}

static void
cmd_mail(struct mc_server *s, struct mc_str arg)
{
	enum mc_say say;

	if (s->txn.open) {
		mc_server_refuse(s, MC_SAY_TWO_MAILS);
		return;
	}
	if (s->set.max_messages != 0 &&
	    s->messages >= s->set.max_messages) {
		mc_server_say_close(s, MC_SAY_MESSAGES);
		return;
	}
	if (s->set.need_auth && !s->logged_in) {
		mc_server_refuse(s, MC_SAY_AUTH_FIRST);
		return;
	}
	say = mc_server_read_mail(s, arg);
	if (say != MC_SAY_NONE) {
		mc_server_drop(s);
		mc_server_refuse(s, say);
		return;
	}
	s->state = MC_SV_MAIL;
}

static void
cmd_rcpt(struct mc_server *s, struct mc_str arg)
{
	enum mc_say say;

	if (!s->txn.open)
		say = MC_SAY_NO_MAIL;
	else if (s->txn.chunking)
		say = MC_SAY_IN_CHUNKS;
	else if (s->set.max_rcpts != 0 && s->txn.rcpts >= s->set.max_rcpts)
		say = MC_SAY_RCPTS;
	else
		say = mc_server_read_rcpt(s, arg);
	if (say == MC_SAY_RCPTS && !mc_server_count_put_off(s))
		return;
	if (say == MC_SAY_NONE)
		s->state = MC_SV_RCPT;
	else
		mc_server_refuse(s, say);
}

static void
cmd_data(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	if (!s->txn.open)
		mc_server_refuse(s, MC_SAY_NO_MAIL);
	else if (s->txn.chunking)
		mc_server_refuse(s, MC_SAY_IN_CHUNKS);
	else if (s->txn.rcpts == 0)
		mc_server_refuse(s, MC_SAY_NO_RCPT);
	else
		mc_server_begin_data(s);
}

/*
 * The bytes behind it are content whether it is refused or not (RFC 3030
 * section 2); where nobody knows how many there are, none may be taken for a
 * command.
 */
static void
cmd_bdat(struct mc_server *s, struct mc_str arg)
{
	struct mc_str size = MC_STR_NONE;
	struct mc_str rest = arg;
	enum mc_say refusal = MC_SAY_NONE;
	uint64_t n;
	bool last;

	(void)mc_str_next_token(&rest, " \t", &size);
	rest = mc_str_trim(rest);
	last = mc_str_eq_nocase(rest, MC_STR("LAST"));
	if (mc_num_u64(size, UINT64_MAX, &n) != 0 || (rest.len != 0 && !last)) {
		mc_server_say_close(s, MC_SAY_BDAT_SYNTAX);
		return;
	}
	if (s->set.no_chunking)
		refusal = MC_SAY_NOT_HERE;
	else if (!s->esmtp)
		refusal = MC_SAY_NO_HELLO;
	else if (!s->txn.open)
		refusal = MC_SAY_NO_MAIL;
	else if (s->txn.rcpts == 0)
		refusal = MC_SAY_NO_RCPT;
	mc_server_begin_chunk(s, n, last, refusal);
}

static void
cmd_rset(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	if (!mc_server_count_given_up(s))
		return;
	mc_server_drop(s);
	mc_server_say(s, MC_SAY_OK);
}

static void
cmd_noop(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_say(s, MC_SAY_OK);
}

static void
cmd_quit(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_say(s, MC_SAY_GOODBYE);
	mc_server_close(s);
}

/* the same whoever is asked for (RFC 5321 7.3) */
static void
cmd_vrfy(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_say(s, MC_SAY_VRFY);
}

static void
cmd_help(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_say(s, MC_SAY_HELP);
}

static void
cmd_auth(struct mc_server *s, struct mc_str arg)
{
	mc_server_cmd_auth(s, arg);
}

static void
cmd_starttls(struct mc_server *s, struct mc_str arg)
{
	mc_server_cmd_starttls(s, arg);
}

static void
cmd_not_here(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_refuse(s, MC_SAY_NOT_HERE);
}

static void
cmd_foreign(struct mc_server *s, struct mc_str arg)
{
	(void)arg;
	mc_server_say_close(s, MC_SAY_FOREIGN);
}
