/* SPDX-License-Identifier: MIT */
/*
 * listener_internal.h - inside of the listener
 *
 * listener.c takes connections and hears its sessions and its parent,
 * listener_books.c tells what was refused, and counts the queue.
 */
#ifndef MC_SERVE_LISTENER_INTERNAL_H
#define MC_SERVE_LISTENER_INTERNAL_H

#include "base/vec.h"
#include "serve/ask.h"
#include "serve/damper.h"
#include "serve/listener.h"

struct mc_lsession {
	struct mc_child child;
	struct mc_whose counted;	/* who has one session more, until it
				 * ends */
	struct mc_whose whose;	/* on whose account it goes: the same, or who
				 * has logged in */
	bool joined;		/* it is counted for both */
	struct mc_ask_hello hello;
	pid_t pid;		/* of the client */
	struct mc_ask_frame frame;	/* what has come of the next one */
	size_t have;
	int fd;			/* that came with it */
	int tls;		/* the client's, until the other one is there */
};

struct mc_lstate {
	const struct mc_listener *set;
	struct mc_limits *limits;
	struct mc_damper *damper;
	struct mc_vec sessions;	/* struct mc_lsession * */
	struct mc_vec leaving;	/* struct mc_child */
	int stop[2];		/* its end tells sessions to end */
	bool accepting;
	bool handed;		/* the parent listens to another one now */
	bool parent_gone;
	int64_t rest_until;
	int64_t until;		/* ending; MC_NEVER: not yet */
	struct mc_child count;
	struct mc_buf counted;	/* what has come of it */
	bool count_due;		/* something has come since the last one */
	int64_t count_at;
	uint64_t refused[MC_REFUSED__COUNT];	/* not told yet */
	int64_t tally_at;	/* when they are; MC_NEVER: there are none */
};

/* one more was refused: a line, if there are not too many of them; detail: what
 * stands behind the reason, or "" */
void
mc_listener_refuse(struct mc_lstate *l,
    const struct mc_lsession *s, enum mc_refusal reason,
    const char *detail);

/* the lines that were held back, each kind in one */
void
mc_listener_tell_damped(struct mc_lstate *l, int64_t now);

/* to the statistics */
void
mc_listener_tell_tally(struct mc_lstate *l);

/* count the queue, if it is time */
void
mc_listener_count_start(struct mc_lstate *l);

/* what has come of a count */
void
mc_listener_count_read(struct mc_lstate *l);

#endif
