/* SPDX-License-Identifier: MIT */
/*
 * serve_sup.h - inside of the process that starts the others
 *
 * serve.c has its life, serve_parts.c the others' as far as it sees them, and
 * serve_open.c the sockets.
 */
#ifndef MC_SERVE_SUP_H
#define MC_SERVE_SUP_H

#include "base/child.h"
#include "base/vec.h"
#include "queue/spawn.h"
#include "serve/ask.h"
#include "serve_internal.h"

/* a child that does not take a frame in time is lost */
#define MC_SUP_SEND_MS 5000
/* when workers whose runner is gone are killed */
#define MC_SUP_LAST_MS 8000

/* one of the two that are always there */
struct mc_sup_part {
	struct mc_child child;
	int64_t since;
	int64_t again;		/* not before */
	int64_t wait;
};

struct mc_sup {
	struct mc_service v;	/* what the children get */
	struct mc_socket sockets[MC_SERVE_SOCKETS];
	size_t n_sockets;
	struct mc_sup_part listener;
	struct mc_sup_part runner;
	int spawn;		/* frames of the runner; -1 */
	struct mc_spawn_parent *workers;	/* of that runner */
	struct mc_vec ended;	/* struct mc_spawn_parent *, of those before */
	struct mc_vec old;	/* struct mc_child: listeners that end */
	struct mc_vec others;	/* struct mc_child: workers, TLS */
	/* of the listener */
	struct mc_ask_frame frame;
	size_t have;
	int came;		/* a descriptor */
	int tls;		/* client's, until the other is there */
	char *books;
	bool stopping;
};

/* --------------------------------------------------------- serve_parts.c */

/* the listener and the runner are there, or are when it is time */
void
mc_sup_keep_running(struct mc_sup *s);

/* the part's channel has ended: it is reaped once it has, too */
void
mc_sup_see_off(struct mc_sup *s, struct mc_sup_part *p, const char *what);

/* reap those of a list (struct mc_child) that have ended */
void
mc_sup_reap_list(struct mc_sup *s, struct mc_vec *list);

/* takes the child over, or ends it */
void
mc_sup_add_child(struct mc_vec *list, struct mc_child *child);

/* the runner is gone, or goes: its workers have a while to finish */
void
mc_sup_let_go(struct mc_sup *s);

/* kill those whose time is over */
void
mc_sup_check_workers(struct mc_sup *s, int64_t *ret_wake);

/* what is there of a frame of the listener; false: it has ended */
bool
mc_sup_read_frame(struct mc_sup *s, bool *ret_whole);

/* a whole one */
void
mc_sup_handle(struct mc_sup *s);

void
mc_sup_read_listener(struct mc_sup *s);

void
mc_sup_read_runner(struct mc_sup *s);

/* ask all of them to end, wait, and end those that do not */
void
mc_sup_stop(struct mc_sup *s);

/* ---------------------------------------------------------- serve_open.c */

/* those that were handed over, or those that the configuration names; what
 * clients by TCP need is there then */
MC_NODISCARD int
mc_sup_open(struct mc_sup *s, struct mc_err *err);

/* what clients by TCP need by the settings of v, if there are any: also for
 * those that are to take the place of s->v */
MC_NODISCARD int
mc_sup_prepare(const struct mc_sup *s, struct mc_service *v,
    struct mc_err *err);

#endif
