/* SPDX-License-Identifier: MIT */
/*
 * client.h - the client's half of an SMTP session, without I/O and clock
 *
 * The owner moves bytes and does what mc_client_step asks for:
 *
 *	want = mc_client_step(c, &err)	// handles what has been fed
 *	write all of mc_client_output(c), telling mc_client_sent(c, n)
 *	MC_WANT_READ	wait for bytes, mc_client_feed them
 *	MC_WANT_TLS	handshake, then mc_client_secured(c, facts)
 *	MC_WANT_JOB	mc_client_begin a transaction, or mc_client_quit; the log-in
 *			may still be to come (mc_client_ready)
 *	MC_WANT_BODY	mc_client_body with content, at the end mc_client_body_end
 *	MC_WANT_CLOSE	close the connection
 *
 * Every recipient of a begun transaction gets exactly one verdict, by the
 * time MC_WANT_JOB comes again, or, when step fails or the owner has called
 * mc_client_lost, at once.  With CHUNKING (RFC 3030) a text of up to
 * MC_MAX_EARLY bytes leaves with MAIL and RCPT, a longer one when they are
 * answered; a server that refuses BDAT as if it did not know it gets the same
 * by DATA.  If a log-in that rode with a transaction is refused, the step fails
 * when the last reply is there: what the server has taken all the same is
 * delivered, the rest deferred.  With the text of a last job QUIT leaves too, if
 * that makes one write of all: MC_WANT_CLOSE then comes where MC_WANT_JOB would,
 * and mc_client_ended says so.  PIPELINING or not, two cursors count the commands
 * sent and answered, and a reply that nobody asked for ends the session.
 */
#ifndef MC_CLIENT_H
#define MC_CLIENT_H

#include "base/fact.h"
#include "base/log.h"
#include "mail/envelope.h"
#include "smtp/caps.h"
#include "smtp/sasl.h"

enum mc_want {
	MC_WANT_READ,
	MC_WANT_TLS,
	MC_WANT_JOB,
	MC_WANT_BODY,
	MC_WANT_CLOSE
};

enum mc_client_tls {
	MC_CLIENT_TLS_DONE,	/* TLS from the start, facts in settings */
	MC_CLIENT_TLS_STARTTLS,
	MC_CLIENT_TLS_NONE	/* the user chose plaintext: HELO allowed */
};

struct mc_client_settings {
	struct mc_str ehlo_name;	/* checked by mc_cmd_ehlo */
	enum mc_client_tls tls;
	struct mc_sasl_channel channel;	/* for MC_CLIENT_TLS_DONE */
	bool unverified_ok;		/* goes into the channel after STARTTLS */
	struct mc_sasl *sasl;		/* borrowed; NULL: no log-in */
	bool no_pipelining;
	bool one_flight;	/* a log-in of one step may leave together
				 * with the first transaction (RFC 4954 4) */
	bool no_chunking;
	bool lmtp;		/* RFC 2033: LHLO, and a verdict on the text for
				 * each recipient */
	bool is_service;	/* the local service is at the other end: texts
				 * say so, and names without a domain may be
				 * sent, which else are refused here */
	const struct mc_log *log;	/* borrowed; may be NULL */
	const struct mc_facts *facts;	/* borrowed; NULL: nobody asks */
};

struct mc_client;

/* MC_E_NOMEM, MC_E_BAD_VALUE (EHLO name) */
MC_NODISCARD int
mc_client_new(const struct mc_client_settings *settings,
    struct mc_client **ret_client, struct mc_err *err);

void
mc_client_free(struct mc_client *c);

/*
 * bytes from the server.  They are only stored: errors come from the step.
 * MC_E_NOMEM, MC_E_REPLY_LONG (more than a reply may hold without a step)
 */
MC_NODISCARD int
mc_client_feed(struct mc_client *c, const void *p, size_t n,
    struct mc_err *err);

/*
 * handle what can be handled.  Returns an enum mc_want, or -1 with err; then
 * the session is over, output may hold a last "*" or QUIT worth one try to
 * write, and all verdicts are there.
 */
MC_NODISCARD int
mc_client_step(struct mc_client *c, struct mc_err *err);

/* a text that begins with "the server" says "the local service" instead */
void
mc_client_name_service(struct mc_err *err);

/* what to write next; valid until the next call on c */
struct mc_str
mc_client_output(const struct mc_client *c);

void
mc_client_sent(struct mc_client *c, size_t n);

/* after MC_WANT_TLS: everything heard before is forgotten (RFC 3207 4.2) */
void
mc_client_secured(struct mc_client *c, const struct mc_sasl_channel *channel);

/*
 * mc_client_resume - go on where somebody else has greeted the server
 *
 * After mc_client_new and before the first step; with MC_CLIENT_TLS_DONE or
 * _NONE.  caps: the answer to the last EHLO.  The log-in comes next, if there
 * is to be one.  Errors of a step.
 */
MC_NODISCARD int
mc_client_resume(struct mc_client *c, const struct mc_caps *caps,
    struct mc_err *err);

/* one transaction: n recipients out of env, by index */
struct mc_client_job {
	struct mc_envelope *env;
	const size_t *order;		/* borrowed until the job is over */
	size_t n;
	uint64_t size;			/* of the content; for SIZE= and the limit */
	bool needs_8bit;		/* content has bytes >= 0x80, but for: */
	bool needs_utf8;		/* header is UTF-8, so SMTPUTF8 is asked
					 * for, if it is offered */
	int64_t now;			/* seconds since 1970, for env->by_time */
	const struct mc_err *unfit;	/* why it could not be made 7-bit; NULL:
					 * nobody tried; borrowed */
	bool needs_binary;		/* by BDAT only, as it is: see
					 * mc_client_takes_binary */
	bool ask;			/* MAIL and RCPT alone; who is accepted
					 * stays MC_PENDING */
	bool last;			/* nothing follows on this connection:
					 * QUIT may ride (only with one_flight) */
};

/*
 * Recipients that the server cannot take at all (no SMTPUTF8, too big, no 8BITMIME)
 * get their verdict at once; if none is left nothing is sent and the next step says
 * MC_WANT_JOB.  MC_E_NOMEM, MC_E_INTERNAL, or what cmd.h says of a bad argument.
 */
MC_NODISCARD int
mc_client_begin(struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *err);

/*
 * With PIPELINING and CHUNKING a transaction may begin while others wait for
 * their replies, if it and they go early: when the text of the one before was
 * handed over in full.  Nothing has to be written in between.  They are over in
 * the order in which they began, but for one that has nobody to ask for, which
 * is over at once.
 */
bool
mc_client_can_begin(const struct mc_client *c, uint64_t size);

/* the same, and it would leave before its replies are awaited */
bool
mc_client_overlaps(const struct mc_client *c, uint64_t size);

/* would it ever, with this server? */
bool
mc_client_takes_more(const struct mc_client *c);

/* how many are over, from the start */
unsigned long
mc_client_over(const struct mc_client *c);

/* content, any piece; MC_E_NOMEM */
MC_NODISCARD int
mc_client_body(struct mc_client *c, struct mc_str piece, struct mc_err *err);

MC_NODISCARD int
mc_client_body_end(struct mc_client *c, struct mc_err *err);

/* content cannot be had: the connection must be closed without a dot */
void
mc_client_body_abort(struct mc_client *c, const struct mc_err *why);

/* QUIT rode with the last job, which is over: whether its reply comes makes no
 * difference */
bool
mc_client_ended(const struct mc_client *c);

/* QUIT into the output; the next step says MC_WANT_CLOSE, its reply is not awaited */
void
mc_client_quit(struct mc_client *c);

/*
 * the connection is gone or a deadline passed: verdicts for whoever has none
 * (unsure once the end of data was handed out), err gets stage, words and unsure
 */
void
mc_client_lost(struct mc_client *c, struct mc_err *err);

/*
 * MC_WANT_BODY, and the text goes with what is in the output already: nothing
 * has to be written before mc_client_body_end
 */
bool
mc_client_holds(const struct mc_client *c);

/* MC_WANT_BODY is for the text from its first byte on; it may be wanted twice */
bool
mc_client_body_begins(const struct mc_client *c);

/* the log-in is over, or there is none: false as long as it waits for the first
 * transaction */
bool
mc_client_ready(const struct mc_client *c);

/* a log-in that rode with a transaction was refused */
bool
mc_client_login_failed(const struct mc_client *c);

/* ... because something stood behind it */
bool
mc_client_out_of_step(const struct mc_client *c);

/* may a job need BINARYMIME?  Not if BDAT is turned off */
bool
mc_client_takes_binary(const struct mc_client *c);

/* has the server refused BODY=BINARYMIME, which it offers? */
bool
mc_client_refuses_binary(const struct mc_client *c);

/* has the server refused BDAT as if it did not know it? */
bool
mc_client_stumbled(const struct mc_client *c);

/* longest wait for what comes next, in seconds; counts per reply: start again
 * whenever mc_client_progress has changed */
unsigned
mc_client_timeout(const struct mc_client *c);

unsigned long
mc_client_progress(const struct mc_client *c);

/* nothing sent waits for an answer: bytes from the server now are an error */
bool
mc_client_quiet(const struct mc_client *c);

const struct mc_caps *
mc_client_caps(const struct mc_client *c);

/* text of the last final 250, or empty */
struct mc_str
mc_client_final(const struct mc_client *c);

#endif
