/* SPDX-License-Identifier: MIT */
/*
 * watch.h - judge a session that somebody else opens: greeting, EHLO,
 * STARTTLS and log-in
 *
 * Whoever talks to the server tells what goes and what comes; as soon as a
 * reply must not be accepted, the watch says so and the session ends.  The
 * same rules and words as in the client engine.
 */
#ifndef MC_WATCH_H
#define MC_WATCH_H

#include "base/buf.h"
#include "base/fact.h"
#include "base/log.h"
#include "config/config.h"
#include "smtp/caps.h"
#include "smtp/sasl_internal.h"

enum mc_watch_state {
#define MC_STATE(id, stage, seconds, words) MC_WATCH_##id,
#include "smtp/states.def"
#undef MC_STATE
	MC_WATCH__COUNT
};

struct mc_watch {
	/* set by mc_watch_init's caller */
	const struct mc_account *account;
	const struct mc_log *log;
	const struct mc_facts *facts;	/* NULL: nobody asks */
	bool login;		/* there must be one */
	struct mc_mech_set mechs;	/* that it may use */
	struct mc_sasl_channel channel;	/* once TLS is there */

	/* to be read */
	struct mc_caps caps;	/* of the last EHLO */
	bool logged_in;
	unsigned long progress;	/* replies */
	struct mc_err err;	/* set: the session must end */

	/* private */
	enum mc_watch_state state;
	struct mc_buf in;
	bool secured;
	unsigned rounds;
};

void
mc_watch_init(struct mc_watch *w);

void
mc_watch_clear(struct mc_watch *w);

/* bytes from the server, in any pieces; -1: w->err says why to stop */
MC_NODISCARD int
mc_watch_server(struct mc_watch *w, const char *p, size_t n);

/* a command that leaves; only its first word is looked at, and shown */
void
mc_watch_client(struct mc_watch *w, const char *p, size_t n);

/* is everything there that the account wants?  -1 with err: MC_E_NOT_READY,
 * MC_E_AUTH_PROTO, MC_E_INTERNAL, or w->err */
MC_NODISCARD int
mc_watch_end(const struct mc_watch *w, struct mc_err *err);

/* limit for the wait that goes on, in seconds */
unsigned
mc_watch_timeout(const struct mc_watch *w);

enum mc_stage
mc_watch_stage(const struct mc_watch *w);

/* completes "while" */
const char *
mc_watch_words(const struct mc_watch *w);

#endif
