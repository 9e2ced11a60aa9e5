/* SPDX-License-Identifier: MIT */
/*
 * serve_internal.h - inside of the service: what its processes share
 *
 * serve.c is the process that starts the others, serve_session.c the one for
 * each client; serve/listener.h has the one between them.
 */
#ifndef MC_SERVE_INTERNAL_H
#define MC_SERVE_INTERNAL_H

#include "base/buf.h"
#include "config/config.h"
#include "serve/policy.h"
#include "serve/settings.h"

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
	struct mc_buf key;
	struct mc_log log;
	struct mc_str books;	/* of the listener before */
};

/* a session's life, for mc_child_start; ctx: struct mc_service */
void
mc_serve_session(void *ctx, int sock);

/* counts the queue, see listener.h; ctx: struct mc_service */
void
mc_serve_count(void *ctx, int sock);

/* first thing in each new process */
void
mc_serve_in_child(const struct mc_service *s, const char *role);

#endif
