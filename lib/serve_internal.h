/* SPDX-License-Identifier: MIT */
/*
 * serve_internal.h - inside of the service: what its processes share
 *
 * serve.c is the process that starts the others; serve/listener.h has the one
 * that takes connections.
 */
#ifndef MC_SERVE_INTERNAL_H
#define MC_SERVE_INTERNAL_H

#include "base/buf.h"
#include "config/config.h"
#include "queue/store.h"
#include "serve/policy.h"
#include "serve/settings.h"
#include "serve/sockets.h"

struct mc_service {
	const struct mc_caller *caller;	/* who the service is */
	const struct mc_serve_options *set;
	struct mc_config *config;
	bool own_config;	/* read by us: freed with the rest */
	struct mc_serve_settings limits;
	struct mc_policy *policy;	/* made in the listener */
	struct mc_buf spool;	/* path of the queue */
	struct mc_buf tokens;	/* file of local tokens; empty: none */
	struct mc_buf cert;	/* for STARTTLS; empty: none */
	struct mc_log log;
	struct mc_store *store;	/* of the listener, for its counters */
	struct mc_str books;	/* of the listener before */
};

/* a listening socket, on its way to the listener: a child keeps no descriptor
 * but its channel */
struct mc_serve_handed {
	uint32_t is_tcp;
	uint32_t last;
	char text[sizeof(((struct mc_socket *)0)->text)];
};

/* more are not listened on */
#define MC_SERVE_SOCKETS (MC_LISTEN_MOST + 16)

/* ---------------------------------------------------------- serve_setup.c */

void
mc_serve_init(struct mc_service *v, const struct mc_caller *caller,
    const struct mc_serve_options *set);

void
mc_serve_clear(struct mc_service *v);

/* all that can be wrong with a configuration shows before anybody is served */
MC_NODISCARD int
mc_serve_settle(struct mc_service *v, struct mc_err *err);

/* ------------------------------------------------------- serve_session.c */

/*
 * Lives, for mc_child_start; ctx: struct mc_service.  A session is told of its
 * client as serve/ask.h says.
 */
void
mc_serve_session(void *ctx, int sock);

/* --------------------------------------------------------- serve_child.c */

/* through the channel come struct mc_serve_handed with descriptors, then what
 * serve/listener.h says */
void
mc_serve_listener(void *ctx, int sock);

/* a byte with the descriptor for queue/spawn.h comes first, then the end */
void
mc_serve_runner(void *ctx, int sock);

/* two bytes with descriptors: the client's, and the session's */
void
mc_serve_tls(void *ctx, int sock);

/* counts the queue, see listener.h; ctx: struct mc_service */
void
mc_serve_count(void *ctx, int sock);

/* first thing in each new process */
void
mc_serve_in_child(const struct mc_service *v, const char *role);

void
mc_serve_log_err(const struct mc_service *v, const struct mc_err *err);

#endif
