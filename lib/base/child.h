/* SPDX-License-Identifier: MIT */
/*
 * child.h - a part of this program in a process of its own, and how to talk
 *
 * Fork without exec: for callers with one thread.  The child keeps descriptors
 * 0, 1, 2 and its end of the channel, ignores SIGINT, SIGTERM, SIGHUP and
 * SIGPIPE (its parent tells it when to end), has no handler for SIGCHLD and no
 * signal blocked, and dies with its parent where the system can do that.
 */
#ifndef MC_CHILD_H
#define MC_CHILD_H

#include "base/buf.h"

struct mc_child {
	pid_t pid;		/* 0: none, reaped, or somebody else's child */
	int sock;		/* our end, non-blocking; -1: closed */
	int killed;		/* reaped: by this signal; 0: by none */
};

/* runs in the child, which ends when it returns; sock is blocking */
typedef void (*mc_child_fn)(void *ctx, int sock);

/* MC_E_IO */
MC_NODISCARD int
mc_child_start(mc_child_fn fn, void *ctx, struct mc_child *ret_child,
    struct mc_err *err);

/*
 * mc_child_pair - a channel: ends[0] for us (non-blocking), ends[1] for a child
 *
 * MC_E_IO
 */
MC_NODISCARD int
mc_child_pair(int ret_ends[2], struct mc_err *err);

/*
 * mc_child_start_at - the same over a channel that is there already
 *
 * sock is the child's end, made blocking, and closed here in any case.  MC_E_IO
 */
MC_NODISCARD int
mc_child_start_at(mc_child_fn fn, void *ctx, int sock, pid_t *ret_pid,
    struct mc_err *err);

/* has it ended?  Reaps it; never waits */
bool
mc_child_reap(struct mc_child *child);

/*
 * close our end, wait up to `ms` for the end of the child, then kill it; always
 * reaped
 */
void
mc_child_end(struct mc_child *child, int64_t ms);

/*
 * mc_child_send - n bytes, and a descriptor with them unless fd is -1
 *
 * Waits while the other side does not read, `ms` at most.  The descriptor stays open here.
 * -1 with errno, EPIPE when the other end is gone.
 */
MC_NODISCARD int
mc_child_send(int sock, const void *p, size_t n, int fd, int64_t ms);

/*
 * mc_child_recv - exactly n bytes, and the descriptor that came with them
 *
 * For the blocking side.  *ret_fd (may be NULL) is -1 if none came.  1; 0 at
 * the end; -1 with errno.
 */
MC_NODISCARD int
mc_child_recv(int sock, void *p, size_t n, int *ret_fd);

/*
 * mc_child_recv_some - what is there, n bytes at most; never waits
 *
 * For the side that must not hang on the other one.  A descriptor that comes
 * along takes the place of *fd, which is closed.  0 at the end, -1 with errno
 * (EAGAIN: nothing is there).
 */
MC_NODISCARD ssize_t
mc_child_recv_some(int sock, void *p, size_t n, int *fd);

#endif
