/* SPDX-License-Identifier: MIT */
/*
 * session.h - one SMTP session over a pair of descriptors, with deadlines
 *
 * Drives the server engine (smtp/server.h) for `-bs` on standard input and
 * output, or on a socket; what mail is and where it goes is the business of
 * the owner's functions.
 */
#ifndef MC_SESSION_H
#define MC_SESSION_H

#include "base/log.h"
#include "smtp/server.h"

/*
 * What the engine asks for.  An answer that is left alone is a yes to MAIL and
 * RCPT, and 451 at the end of a message.  A function that fails says so in its
 * answer (mc_server_answer_err); what fails in `body` is kept for `end`.
 * Between a MAIL that was answered with yes and its end there is exactly one
 * call of `end` or `reset`, however the session ends.
 */
struct mc_session_owner {
	void (*mail)(void *ctx, const struct mc_server_mail *mail,
	    struct mc_server_answer *answer);
	void (*rcpt)(void *ctx, const struct mc_server_rcpt *rcpt,
	    struct mc_server_answer *answer);
	void (*body)(void *ctx, struct mc_str piece);
	void (*end)(void *ctx, struct mc_server_answer *answer);
	void (*reset)(void *ctx);
	/* called before each wait for the client; returns when to be called
	 * again if that takes so long (mc_clock_ms, or MC_NEVER).  May be NULL */
	int64_t (*idle)(void *ctx);
	void *ctx;
	/*
	 * All below may be NULL.  `auth` answers with 235, 535 or 421; left
	 * alone it is a "not now", 454.
	 */
	void (*auth)(void *ctx, const struct mc_server_auth *auth,
	    struct mc_server_answer *answer);
	/*
	 * The client begins TLS on its descriptor: who ends it there?  Returns
	 * the descriptor on which the session goes on in both directions, or
	 * -1 with err, which ends it.  What the owner knew of a log-in or of
	 * EHLO is void.  It closes both descriptors after the session.
	 */
	int (*starttls)(void *ctx, struct mc_err *err);
	/* instead of idle_ms (0: that), asked at least every 5 s while the
	 * client is waited for: it may change under those who wait.  With it
	 * a command has to come as a whole in that time, instead of a byte */
	int64_t (*idle_limit)(void *ctx);
};

struct mc_session {
	int in_fd;
	int out_fd;		/* may be the same; neither is closed, nor its
				 * flags changed */
	int cancel_fd;		/* readable: end soon; -1: never */
	struct mc_server_settings server;
	struct mc_session_owner owner;
	int64_t idle_ms;	/* without a byte from, or room for one to, the
				 * client; 0: 300 s */
	int64_t total_ms;	/* the session; 0: 3600 s */
	int64_t delay_ms;	/* before the greeting: for a client that is
				 * known for its errors; 0: none */
	int64_t slow_ms;	/* MC_SERVE_SLOW, times mc_server_slowness; 0:
				 * 1 s */
	int64_t rate;		/* a message comes with so many bytes a second,
				 * or more; 0: 500 */
	int64_t rate_ms;	/* what it may take in any case; 0: 60 s */
	const struct mc_log *log;	/* borrowed; may be NULL */
};

/*
 * mc_session_run - from the greeting to the end
 *
 * Returns 0 after QUIT, an end of input between messages, or when the engine
 * has ended the session (which is logged).  -1 with err: MC_E_TIMEOUT,
 * MC_E_CANCELLED, MC_E_CLOSED (the client went away in the middle of a
 * message, while delay_ms passed, or does not want to read), MC_E_IO,
 * MC_E_NOMEM, MC_E_BAD_VALUE (host), and what `starttls` says.  What `end` has
 * answered with yes stays taken in any case.
 *
 * All replies so far have left before the session waits for input and before
 * `end` is called: who cannot read them any more has no mail taken from him.
 * The caller ignores SIGPIPE.
 */
MC_NODISCARD int
mc_session_run(const struct mc_session *session, struct mc_err *err);

/* how a session went, for a log and for what is kept about its client */
struct mc_session_result {
	size_t taken;		/* messages */
	unsigned errors;	/* see mc_server_errors_total */
	unsigned junk;
	unsigned too_big;	/* messages */
	unsigned too_many;	/* recipients */
	unsigned no_login;	/* see mc_server_no_login */
	bool tls;		/* STARTTLS came to its end */
	bool receiving;		/* it ended within a message */
	bool overtime;		/* all of it took too long */
	enum mc_server_end end;
};

/* the same; *ret_result is written whatever comes of it */
MC_NODISCARD int
mc_session_run_result(const struct mc_session *session,
    struct mc_session_result *ret_result, struct mc_err *err);

#endif
