/* SPDX-License-Identifier: MIT */
/*
 * wait.h - the one place where mailchute waits for a network descriptor
 */
#ifndef MC_WAIT_H
#define MC_WAIT_H

#include <poll.h>

#include "base/err.h"

/*
 * mc_wait_any - poll n descriptors and the one that cancels
 *
 * `fds` has room for n + 1 items.  Returns how many of the n are ready, 0 when
 * `until` has passed, -1 with err: MC_E_CANCELLED (cancel_fd readable and none
 * of the others ready: an answer that is there is still taken), MC_E_NET.
 */
MC_NODISCARD int
mc_wait_any(struct pollfd *fds, size_t n, int cancel_fd, int64_t until,
    enum mc_stage stage, struct mc_err *err);

/*
 * mc_wait_one - the same for one descriptor
 *
 * 0 with *ret_revents (may be NULL); -1 also with MC_E_TIMEOUT.
 */
MC_NODISCARD int
mc_wait_one(int fd, short events, int cancel_fd, int64_t deadline,
    enum mc_stage stage, short *ret_revents, struct mc_err *err);

#endif
