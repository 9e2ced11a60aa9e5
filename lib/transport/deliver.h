/* SPDX-License-Identifier: MIT */
/*
 * deliver.h - carry out a plan over a transport, one verdict a recipient
 *
 * Opens the connection when it is needed, replaces it when it ends after it
 * has brought something, splits transactions as the server wants, and keeps the
 * connection for the next message.  The limits that the server announces are
 * kept.  The message goes in the form that the server takes (fit.h), made and
 * signed once a message and connection; who gets none of it, because it cannot be had, gets the reason (MC_E_NEED_8BITMIME).
 */
#ifndef MC_DELIVER_H
#define MC_DELIVER_H

#include "mail/plan.h"
#include "transport/sign.h"

struct mc_delivery {
	const struct mc_transport_ops *ops;	/* NULL: what
					 * mc_transport_find() says */
	const struct mc_transport_ops *by;	/* of the connection */
	struct mc_transport_env env;		/* set by the caller; not moved afterwards */
	struct mc_transport *conn;
	size_t since_open;	/* transactions that this connection has carried */
	uint64_t opened;	/* connections, so far */
	unsigned quirks;	/* MC_QUIRK_...; env points here */
	struct mc_token_use token;	/* env points here */
	bool ready;		/* it is open, and so is the log-in */
	size_t most;		/* recipients that the server takes; 0: not known */
	bool last;		/* set by the caller: no other message follows,
				 * so that the connection may end with it */
	bool opening;		/* the last failure came while opening */
	struct mc_signer signer;	/* of the account; loaded when it is
				 * needed, unless the caller did so */
	void (*on_open)(void *ctx);	/* told of each connection; may be NULL */
	void *ctx;
};

struct mc_delivery_message {
	struct mc_envelope *env;
	const struct mc_plan *plan;
	struct mc_str header;
	const struct mc_spool *body;
	bool needs_8bit;	/* the body has bytes >= 0x80 */
	/* the body as it was before it was encoded, for servers that take that
	 * (MC_TAKES_BINARY); the header is marked as binary then.  NULL: none */
	const struct mc_spool *binary;
	/* told what has a verdict now, before anything else goes to the server;
	 * nonzero: stop.  May be NULL */
	int (*settled)(void *ctx, const size_t *which, size_t n);
	void *ctx;
};

/*
 * mc_delivery_run - 0 when every transaction was tried; -1 with err: why
 * not (recipients that were not tried are still MC_PENDING), MC_E_CANCELLED
 * when `settled` said stop, MC_E_NOMEM, MC_E_IO and MC_E_TMPFILE (the message
 * could not be converted now)
 */
MC_NODISCARD int
mc_delivery_run(struct mc_delivery *d, const struct mc_delivery_message *m,
    struct mc_err *err);

/* messages that may come one after another */
struct mc_delivery_feed {
	/*
	 * The next one, valid until it is over, or NULL: there is none now.
	 * Asked when there is room for another one, also while others are on
	 * their way.
	 */
	const struct mc_delivery_message *(*next)(void *ctx);
	/*
	 * Nothing more comes of this one; called in the order in which they
	 * came.  0: every transaction was tried.  -1 with err: as
	 * mc_delivery_run.  1: it was given back, since another one was given
	 * up; who had a verdict was told of, the others are MC_PENDING.
	 */
	void (*over)(void *ctx, const struct mc_delivery_message *m, int rc,
	    const struct mc_err *err);
	void *ctx;
	size_t depth;		/* messages on their way at once, at least 1 */
};

/*
 * mc_delivery_feed_run - deliver until there is no next one
 *
 * When the server takes commands and text in groups (RFC 2920, RFC 3030), the
 * next messages leave before the first is answered: as many as depth says, and
 * 1 MiB.  If the connection ends, only those that cannot have arrived go
 * again, each by itself.
 */
void
mc_delivery_feed_run(struct mc_delivery *d,
    const struct mc_delivery_feed *feed);

/* would it take another message while one is on its way? */
bool
mc_delivery_overlaps(const struct mc_delivery *d);

/* end the connection, if there is one */
void
mc_delivery_close(struct mc_delivery *d);

/* the same, and forget the account's keys: another account may follow */
void
mc_delivery_end(struct mc_delivery *d);

#endif
