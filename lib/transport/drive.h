/* SPDX-License-Identifier: MIT */
/*
 * drive.h - run the client engine over a connection, whoever made that
 *
 * What all transports share: moving the bytes, waiting with deadlines, and the
 * content of a message.
 */
#ifndef MC_DRIVE_H
#define MC_DRIVE_H

#include "smtp/client.h"
#include "transport/login.h"
#include "transport/transport.h"

/* the connection; contracts as those of net/stream.h */
struct mc_link {
	/* *ret_got is 0 at an orderly end */
	int (*read)(void *ctx, void *p, size_t n, int64_t deadline,
	    size_t *ret_got, struct mc_err *err);
	/* all n bytes, or less when input came that has to be read first (only
	 * with stop_on_input); the same bytes come again then */
	int (*write)(void *ctx, const void *p, size_t n, bool stop_on_input,
	    int64_t deadline, size_t *ret_done, struct mc_err *err);
	/* would read return at once?  never waits */
	bool (*readable)(void *ctx);
	/* the handshake after STARTTLS; NULL: never needed */
	int (*secure)(void *ctx, struct mc_err *err);
};

struct mc_drive {
	const struct mc_link *link;	/* NULL: there is no connection */
	void *ctx;
	const struct mc_transport_env *env;
	struct mc_login *login;		/* wiped when the log-in is over */
	struct mc_client *client;	/* NULL: there is none yet */
	int64_t session_end;
	unsigned long waited;	/* jobs whose end was told of */
	unsigned long at_once;	/* and those that were over when they began */
	char *buf;		/* MC_BODY_CHUNK, for both directions */
};

/* memory, and the end of the session; both stay the caller's.  MC_E_NOMEM */
MC_NODISCARD int
mc_drive_init(struct mc_drive *d, const struct mc_transport_env *env,
    struct mc_login *login, struct mc_err *err);

/* frees the engine too, after a QUIT that is not waited for */
void
mc_drive_clear(struct mc_drive *d);

/* make the engine; errors of mc_client_new */
MC_NODISCARD int
mc_drive_client(struct mc_drive *d, enum mc_client_tls tls,
    const struct mc_sasl_channel *channel, struct mc_err *err);

/* run the engine until it is ready for a job */
MC_NODISCARD int
mc_drive_open(struct mc_drive *d, struct mc_err *err);

/* see mc_transport_ops */
MC_NODISCARD int
mc_drive_send(struct mc_drive *d, const struct mc_transport_job *job,
    struct mc_err *err);

unsigned
mc_drive_takes(const struct mc_drive *d);

struct mc_transport_limits
mc_drive_limits(const struct mc_drive *d);

bool
mc_drive_ready(const struct mc_drive *d);

MC_NODISCARD int
mc_drive_start(struct mc_drive *d, const struct mc_transport_job *job,
    struct mc_err *err);

MC_NODISCARD int
mc_drive_finish(struct mc_drive *d, struct mc_err *err);

void
mc_drive_drop(struct mc_drive *d, const struct mc_err *why);

/* the error text says which server it was, once */
void
mc_drive_name_host(const struct mc_account *account, struct mc_err *err);

#endif
