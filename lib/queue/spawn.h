/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - workers for a runner that may have neither the network nor secrets
 *
 * Its parent starts them: a frame of fixed size says for which account, and
 * brings the worker's end of a channel whose other end the runner keeps.  What
 * goes over that channel is none of the parent's business.  The channel to the
 * parent keeps frames apart (SOCK_SEQPACKET) and goes one way.
 */
#ifndef MC_SPAWN_H
#define MC_SPAWN_H

#include "base/child.h"
#include "base/log.h"
#include "base/vec.h"
#include "transport/transport.h"

/* of one runner at a time; what is asked for beyond that is refused */
#define MC_SPAWN_MOST 1024

/* ret_ends[0] for the parent, ret_ends[1] for the runner; both non-blocking and
 * closed by exec.  MC_E_IO */
MC_NODISCARD int
mc_spawn_channel(int ret_ends[2], struct mc_err *err);

/* --------------------------------------------------------------- the runner */

struct mc_spawn_request {
	const char *account;
	enum mc_level log_most;		/* what the worker tells */
	bool told;			/* as in struct mc_worker */
	uint32_t number;		/* of our own choice, never twice */
};

/*
 * mc_spawn_worker - have one started
 *
 * ret_child has no pid: there is nothing to reap or to kill.  Whether there is
 * a worker shows later: if there is none, its channel is at its end before the
 * first frame.  -1 with err: MC_E_IO (nobody is there any more, or has had time
 * for ten seconds), MC_E_BAD_VALUE (the name is too long).
 */
MC_NODISCARD int
mc_spawn_worker(int channel, const struct mc_spawn_request *req,
    struct mc_child *ret_child, struct mc_err *err);

/* it is not needed any more: killed if it is there after `ms`.  Best effort */
void
mc_spawn_let_go(int channel, uint32_t number, int64_t ms);

/* --------------------------------------------------------------- the parent */

/* for one runner; an object of its own for the next one */
struct mc_spawn_parent {
	struct mc_config *config;	/* with secrets; changed in workers only */
	const struct mc_caller *caller;
	const struct mc_log *log;
	const char *dir;		/* of the spool, for texts */
	const struct mc_transport_ops *ops;	/* NULL: the account's own */
	void (*begun)(void *ctx);	/* first of all in a worker, or NULL */
	void *ctx;
	struct mc_vec workers;		/* inside */
};

/* the fields above `workers` are the caller's, before or after */
void
mc_spawn_parent_init(struct mc_spawn_parent *p);

/*
 * mc_spawn_take - one frame from the runner, if there is one; never waits
 *
 * Returns 1 with the pid of a worker that was started (it is one of the
 * caller's children, and may be reaped by waitpid(-1)); 0 if none was: nothing
 * to read, no worker was asked for, or what came is not well-formed, is for an
 * account that is not there, or cannot be done now, all of which is logged and
 * has its descriptors closed; -1 at the end of the channel, with err: MC_E_IO.
 *
 * In the worker the secrets of other accounts are overwritten, descriptors are
 * closed but 0, 1 and 2, and signals are as mc_child_start() has them.  For
 * callers with one thread.
 */
MC_NODISCARD int
mc_spawn_take(int channel, struct mc_spawn_parent *p, pid_t *ret_pid,
    struct mc_err *err);

/* a child of the caller's was reaped: was it one of these? */
bool
mc_spawn_gone(struct mc_spawn_parent *p, pid_t pid);

/* the runner's end is closed, or the run is to end: all of them are killed if
 * they are there after `ms` */
void
mc_spawn_end(struct mc_spawn_parent *p, int64_t ms);

/*
 * mc_spawn_check - kill those whose time is over
 *
 * Whoever was reaped has to be told of by mc_spawn_gone() before.  Returns how
 * many there are; *wake (mc_clock_ms) becomes sooner if it has to be called
 * sooner.
 */
size_t
mc_spawn_check(struct mc_spawn_parent *p, int64_t *wake);

/* kill and reap those that are left */
void
mc_spawn_parent_clear(struct mc_spawn_parent *p);

#endif
