/* SPDX-License-Identifier: MIT */
/*
 * transport.h - the way a plan leaves: open account, send transactions, close
 *
 * One interface, several makers.  A transport writes the verdicts into the
 * envelope's recipients; what it returns is about the connection.
 */
#ifndef MC_TRANSPORT_H
#define MC_TRANSPORT_H

#include "base/fact.h"
#include "base/log.h"
#include "config/config.h"
#include "config/keeper.h"
#include "config/once.h"
#include "mail/envelope.h"
#include "mail/spool.h"

/* of a token that can be renewed; marks of mc_grant_mark, 0: none */
struct mc_token_use {
	uint64_t given;		/* of the one that the last log-in had */
	uint64_t refused;	/* of one that the server has refused: the next
				 * log-in gets another one */
};

/* what is the same for all transactions of a run; borrowed */
struct mc_transport_env {
	const struct mc_account *account;
	const struct mc_caller *caller;
	const struct mc_log *log;
	int cancel_fd;
	struct mc_keeper *keeper;	/* has the secrets; NULL: they are
					 * read here */
	struct mc_once *once;	/* for passwords that can be had only once;
				 * NULL: nobody is asked */
	unsigned *quirks;	/* what this server cannot do although it says
				 * so, learnt and minded; NULL: nothing */
	struct mc_token_use *token;	/* NULL: nobody minds */
	/* told of each n bytes of content handed to the server, or NULL */
	void (*progress)(void *ctx, size_t n);
	void *progress_ctx;
	/* somebody asks what is seen: the log-in does not wait for a job then.
	 * NULL: nobody does */
	const struct mc_facts *facts;
	bool no_login;		/* stop after EHLO; only with facts */
	int64_t session_ms;	/* until the session is ready; 0: as always */
};

/* sums of these */
#define MC_QUIRK_CHUNKING 1u	/* offers it, does not know BDAT */
#define MC_QUIRK_FLIGHT 2u	/* a log-in must go alone */
#define MC_QUIRK_BINARY 4u	/* refuses BODY=BINARYMIME */

/* one transaction */
struct mc_transport_job {
	struct mc_envelope *env;
	const size_t *order;
	size_t n;
	struct mc_str extra;	/* field in front of the header, with CRLF, or empty */
	struct mc_str header;	/* all fields */
	const struct mc_spool *body;
	bool needs_8bit;	/* bytes >= 0x80 that SMTPUTF8 does not cover */
	bool needs_utf8;	/* UTF-8 in the header: SMTPUTF8, if it is there */
	bool needs_binary;	/* NUL or lines over MC_MAX_LINE: BINARYMIME */
	bool ask;		/* only whether the server would take it: nothing
				 * is sent, and who is accepted stays MC_PENDING */
	bool last;		/* nothing follows on this connection */
	/* why it still has such bytes although the server takes none (all its
	 * recipients are refused then); NULL: no reason */
	const struct mc_err *unfit;
};

/* what the server at the other end takes */
#define MC_TAKES_8BIT 1u	/* 8BITMIME */
#define MC_TAKES_UTF8 2u	/* SMTPUTF8, and 8BITMIME as RFC 6531 3.1 wants */
#define MC_TAKES_BINARY 4u	/* BINARYMIME, and CHUNKING that is not turned off */
#define MC_TAKES_MORE 8u	/* jobs begin while others are on their way */

/* what it says it takes of each; 0: not known */
struct mc_transport_limits {
	size_t rcpts;		/* recipients in a transaction */
	size_t domains;		/* domains among them */
	size_t jobs;		/* transactions in a connection */
};

struct mc_transport;

struct mc_transport_ops {
	const char *name;
	/* connect, secure, log in; err is of the account or the server */
	int (*open)(const struct mc_transport_env *env,
	    struct mc_transport **ret_transport, struct mc_err *err);
	/* 0: every recipient of the job has its verdict and the connection
	 * serves on.  1: the same, but it does not, for the job was the last
	 * one.  -1: they have it too, but the connection is gone. */
	int (*send)(struct mc_transport *t, const struct mc_transport_job *job,
	    struct mc_err *err);
	/* goodbye without waiting for an answer; NULL is fine */
	void (*close)(struct mc_transport *t);
	/* a sum of MC_TAKES_...; what is not there, no job may need, unless it
	 * is unfit.  NULL: takes everything */
	unsigned (*takes)(const struct mc_transport *t);
	/* is the log-in over?  It may ride with the first job, and be what that
	 * fails for; recipients are then MC_PENDING still.  NULL: always */
	bool (*ready)(const struct mc_transport *t);
	/*
	 * Begin a job while others wait for their replies.  0: it has begun, and
	 * finish() will say so; 1: it is over at once; 2: not now: finish those
	 * that have begun, and send() it; -1: the connection is gone, and all
	 * that had begun have their verdicts.  Of the job itself and what it
	 * points to, env and order stay valid until it is over.  NULL: never
	 */
	int (*start)(struct mc_transport *t,
	    const struct mc_transport_job *job, struct mc_err *err);
	/* wait for the oldest one that has begun; as send() */
	int (*finish)(struct mc_transport *t, struct mc_err *err);
	/* nothing more is written, nor waited for: all that have begun get their
	 * verdicts, for the reason why; close() comes next.  There if start is */
	void (*drop)(struct mc_transport *t, const struct mc_err *why);
	/* NULL: none is known */
	struct mc_transport_limits (*limits)(const struct mc_transport *t);
};

/* the client engine over TCP, TLS or a UNIX socket */
extern const struct mc_transport_ops mc_transport_native;

/* the same over a UNIX socket, without TLS and log-in: all that can be linked
 * without the libraries for these */
extern const struct mc_transport_ops mc_transport_socket;

/* the same engine over what libcurl has connected, secured and logged in */
extern const struct mc_transport_ops mc_transport_curl;

/* does the account go through libcurl: by its key, for its proxy, or since
 * there is nothing else in this build? */
static inline bool
mc_transport_by_curl(const struct mc_account *account)
{
#ifdef MC_NATIVE
	return account->transport == MC_TRANSPORT_CURL ||
	    account->proxy != NULL;
#else
	(void)account;
	return true;
#endif
}

/*
 * mc_transport_find - the transport that an account is to use
 *
 * Two files define it: find_linked.c, which has the native one at hand, and
 * for the program find_module.c; what is not linked in is loaded the first
 * time (module.h), so this is called when something is to be sent, not before.
 * MC_E_MODULE, MC_E_NOMEM; MC_E_CONF_VALUE: the account has no host.
 */
MC_NODISCARD int
mc_transport_find(const struct mc_account *account,
    const struct mc_transport_ops **ret_ops, struct mc_err *err);

#endif
