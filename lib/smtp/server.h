/* SPDX-License-Identifier: MIT */
/*
 * server.h - the server's half of an SMTP session, without I/O and clock
 *
 * For submission from the same machine: -bs on standard input and output, and
 * the sockets of the local service.  The owner moves bytes and does what
 * mc_server_step asks for:
 *
 *	want = mc_server_step(s)	// handles what has been fed
 *	write all of mc_server_output(s), telling mc_server_sent(s, n)
 *	MC_SERVE_READ	wait for bytes, mc_server_feed them (or mc_server_eof)
 *	MC_SERVE_WRITE	too much output: nothing else until it is written
 *	MC_SERVE_MAIL	check mc_server_mail(s), then mc_server_answer
 *	MC_SERVE_RCPT	check mc_server_rcpt(s), then mc_server_answer
 *	MC_SERVE_BODY	take mc_server_body(s)
 *	MC_SERVE_END	all of the message was taken: deliver or queue it, then
 *			mc_server_answer
 *	MC_SERVE_RESET	drop what was collected for the transaction
 *	MC_SERVE_AUTH	check mc_server_auth(s), then mc_server_answer
 *	MC_SERVE_STARTTLS
 *			write all output, begin TLS on the connection, then
 *			mc_server_tls_up; where that fails the session is
 *			over, without a word
 *	MC_SERVE_SLOW	write, and wait mc_server_slowness(s) seconds before
 *			the next step
 *	MC_SERVE_CLOSE	write what is left, and close
 *
 * MAIL, RCPT, AUTH and END are questions: step repeats them until they are
 * answered.  A MAIL that was answered with yes opens a transaction, and each
 * transaction ends with exactly one END or one RESET, before the next MAIL
 * and before CLOSE.  Only the first 2yz after END makes the message the
 * owner's: whatever happens before it, the client has to keep it.
 *
 * Each command gets one reply, in order; what the client said is not in it.
 * Memory is taken in mc_server_new and does not grow; where an address cannot
 * be looked at for want of it the command gets 451.
 *
 * Lines end with CRLF.  Without lf_ok an LF alone in a command ends the
 * session.  With it a command may end either way, and the first line of the
 * session decides, for good, what ends a line of DATA: LF if it ended so
 * itself (then "." LF ends the message; a CR in front of an LF belongs to the
 * line end, but "." CR LF is refused), else CRLF.  Whatever else holds a CR or
 * LF by itself could be the end of the message to some other program, so it
 * is read up to the real end, answered 550 5.5.2, and the session is over.
 *
 * Refused commands are errors; what leads to no message is junk: NOOP, RSET,
 * VRFY, HELP, a second EHLO, a transaction that was given up (one, and one more
 * for each hundred recipients in it), a MAIL refused for now, each hundredth
 * recipient refused for now.  From half of what is allowed on each of them
 * makes the next reply slower, and with the last one the session ends.  A
 * message that was taken pays them off.
 *
 * SECURITY.md section 5; RFC 5321, 1870, 2034, 2920, 3030, 3207, 3461, 4616,
 * 4954, 6152, 6531, 6533.
 */
#ifndef MC_SERVER_H
#define MC_SERVER_H

#include "base/err.h"
#include "mail/envelope.h"

enum mc_serve {
	MC_SERVE_READ,
	MC_SERVE_WRITE,
	MC_SERVE_MAIL,
	MC_SERVE_RCPT,
	MC_SERVE_BODY,
	MC_SERVE_END,
	MC_SERVE_RESET,
	MC_SERVE_AUTH,
	MC_SERVE_STARTTLS,
	MC_SERVE_SLOW,
	MC_SERVE_CLOSE
};

struct mc_server_settings {
	struct mc_str host;	/* in the greeting and the reply to EHLO */
	uint64_t max_size;	/* of a message, announced; 0: no limit.  More
				 * is read and dropped, as much again (at least
				 * 1 MiB), then the session ends */
	size_t max_rcpts;	/* in one transaction; 0: no limit */
	size_t max_messages;	/* in one session, refused ones too; 0: no
				 * limit */
	bool lf_ok;		/* see above */
	bool long_lines_ok;	/* more than max_text_line: else 554 */
	bool no_chunking;
	bool no_smtputf8;
	bool no_dsn;
	/* 0: what limits.h says */
	unsigned max_errors;
	unsigned max_junk;
	size_t max_line;	/* a command and its line end: else 500; more
				 * than 16384 ends the session in any case */
	size_t max_text_line;	/* of a message, with its line end */
	/* what only a socket has: without it such commands get 502 */
	bool offer_auth;	/* AUTH PLAIN and LOGIN */
	bool need_auth;		/* MAIL before it gets 530 */
	bool offer_starttls;
	bool auth_needs_tls;	/* AUTH before STARTTLS gets 538 */
};

struct mc_server;

/* MC_E_NOMEM, MC_E_BAD_VALUE (host: see mc_cmd_is_ehlo_name) */
MC_NODISCARD int
mc_server_new(const struct mc_server_settings *settings,
    struct mc_server **ret_server, struct mc_err *err);

void
mc_server_free(struct mc_server *s);

/* how many bytes can be fed now; after MC_SERVE_READ at least 65536 */
size_t
mc_server_room(const struct mc_server *s);

/* bytes from the client, only stored.  MC_E_TOO_LONG: more than there is room
 * for, nothing stored */
MC_NODISCARD int
mc_server_feed(struct mc_server *s, const void *p, size_t n,
    struct mc_err *err);

/* no bytes will follow: what has been fed is handled, then MC_SERVE_CLOSE.
 * Half a command is dropped; half a message gets 421. */
void
mc_server_eof(struct mc_server *s);

enum mc_server_bye {
	MC_SERVER_SHUTDOWN,	/* 421 4.3.2 */
	MC_SERVER_TIMEOUT,	/* 421 4.4.2 */
	MC_SERVER_REFUSED	/* 421 4.7.0: not for this client */
};

/*
 * end the session with 421: before the greeting in its place, else before the
 * next command; a message of which all has been fed is still taken and
 * judged, a part of one is dropped.  The first reason counts.
 */
void
mc_server_bye(struct mc_server *s, enum mc_server_bye why);

enum mc_serve
mc_server_step(struct mc_server *s);

/* what to write next; valid until the next call on s */
struct mc_str
mc_server_output(const struct mc_server *s);

void
mc_server_sent(struct mc_server *s, size_t n);

/* Slices are valid until the transaction is over. */
struct mc_server_mail {
	struct mc_str sender;	/* made by mc_mailbox_make; a bare name (as
				 * mc_addr.local) if `bare`; empty: <> */
	bool bare;
	bool esmtp;		/* said EHLO, not HELO */
	bool has_size;
	uint64_t size;		/* as announced, not above max_size */
	bool body_8bit;		/* BODY=8BITMIME */
	bool smtputf8;
	enum mc_ret ret;
	struct mc_str envid;	/* decoded: printable ASCII, at most 100 bytes;
				 * empty: none */
};

/* from MC_SERVE_MAIL until the transaction is over */
const struct mc_server_mail *
mc_server_mail(const struct mc_server *s);

/* Slices are valid until mc_server_answer, which wipes what they point to. */
struct mc_server_auth {
	struct mc_str authzid;	/* empty, or the same as user */
	struct mc_str user;	/* not empty, UTF-8 without control bytes, at
				 * most 255 bytes */
	struct mc_str password;	/* not empty, any bytes */
};

/* from MC_SERVE_AUTH until it is answered: 235, 535 (an error: see above) or
 * 421, and all else is 454; the engine has its own words for each */
const struct mc_server_auth *
mc_server_auth(const struct mc_server *s);

/*
 * mc_server_tls_up - what comes from now on came over TLS
 *
 * The session begins again behind its greeting (RFC 3207 4.2): log-in, EHLO
 * and transaction are forgotten, and so must be by the owner.  Bytes that were
 * fed after STARTTLS end the session: somebody else may have put them there.
 */
void
mc_server_tls_up(struct mc_server *s);

/* Slices are valid until mc_server_answer. */
struct mc_server_rcpt {
	struct mc_str addr;	/* as sender, never empty */
	bool bare;
	unsigned notify;	/* MC_NOTIFY_..., 0: not given */
	struct mc_str orcpt;	/* decoded, printable, without type; empty:
				 * none, or of a type other than rfc822 and
				 * utf-8 */
};

const struct mc_server_rcpt *
mc_server_rcpt(const struct mc_server *s);

/* after MC_SERVE_BODY: the next piece of the content, as it was before dots
 * were doubled; of DATA every line ends with CRLF.  Valid until the step. */
struct mc_str
mc_server_body(const struct mc_server *s);

/*
 * An answer: code 250 or 400 to 559, enh of the same class, and one line of
 * text.  All zero is a plain yes to MAIL and RCPT.
 */
struct mc_server_answer {
	int code;
	int enh[3];		/* zero: x.0.0 */
	char text[MC_ERR_TEXT];	/* what cannot be printed becomes '?', and
				 * all outside ASCII without SMTPUTF8 */
};

/* the answer for what went wrong: a refusal by the relay is passed on with its
 * numbers, what is temporary or of our own making becomes 451 or 452 */
void
mc_server_answer_err(const struct mc_err *why,
    struct mc_server_answer *ret_answer);

/*
 * mc_server_answer - answer MC_SERVE_MAIL, RCPT, AUTH or END
 *
 * What is no answer by the rules above, and a plain yes to END, becomes 451:
 * nobody takes responsibility for mail by forgetting to answer.  421 ends the
 * session.  551 becomes 550 (RFC 5321 7.4).  An answer to no question changes
 * nothing.
 */
void
mc_server_answer(struct mc_server *s, const struct mc_server_answer *answer);

/* after MC_SERVE_SLOW: how many times as long as at first, 1 to 10 */
unsigned
mc_server_slowness(const struct mc_server *s);

/* of the whole session: nothing pays these off */
unsigned
mc_server_errors_total(const struct mc_server *s);

unsigned
mc_server_junk_total(const struct mc_server *s);

/* how many messages were refused for their size, recipients for their number,
 * and MAILs since nobody had logged in */
unsigned
mc_server_too_big(const struct mc_server *s);

unsigned
mc_server_too_many(const struct mc_server *s);

unsigned
mc_server_no_login(const struct mc_server *s);

/* messages that were answered with 2yz */
size_t
mc_server_taken(const struct mc_server *s);

/* a transaction waits for its END or RESET: who gives up now resets it */
bool
mc_server_open(const struct mc_server *s);

/* the content of a message has begun and not ended */
bool
mc_server_receiving(const struct mc_server *s);

/* completes "while ..."; never NULL */
const char *
mc_server_words(const struct mc_server *s);

/* why the engine ended the session, for a log: the text of its last reply;
 * NULL while it goes on, and after QUIT or an end of input between messages */
const char *
mc_server_reason(const struct mc_server *s);

enum mc_server_end {
	MC_SERVER_END_NONE,	/* see mc_server_reason; or one that is not here */
	MC_SERVER_END_ERRORS,
	MC_SERVER_END_JUNK,
	MC_SERVER_END_MESSAGES,
	MC_SERVER_END_FOREIGN,	/* what came is no SMTP */
	MC_SERVER_END_FORM	/* line ends or lengths that others may read
				 * otherwise (smuggling) */
};

/* the same for counting */
enum mc_server_end
mc_server_end_of(const struct mc_server *s);

#endif
