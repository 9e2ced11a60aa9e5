/* SPDX-License-Identifier: MIT */
/*
 * Waiting for descriptors with a deadline and a way to be interrupted.
 */
#include "base/base.h"

#include "net/wait.h"

#include <errno.h>

#include "base/clock.h"

int
mc_wait_any(struct pollfd *fds, size_t n, int cancel_fd, int64_t until,
    enum mc_stage stage, struct mc_err *err)
{
	fds[n] = (struct pollfd){ .fd = cancel_fd, .events = POLLIN };
	for (;;) {
		int left = mc_clock_left(until);
		/* poll skips negative descriptors */
		int ready = poll(fds, (nfds_t)(n + 1), left);
		if (ready == -1) {
			if (errno == EINTR || errno == EAGAIN)
				continue;
			return mc_err_sys(err, MC_E_NET, stage, errno,
			    "cannot wait for the network");
		}
		if (fds[n].revents != 0) {
			if (ready > 1)
				return ready - 1;
			return mc_err_set(err, MC_E_CANCELLED, stage, NULL);
		}
		if (ready > 0)
			return ready;
		/* a far deadline comes in pieces of INT_MAX */
		if (mc_clock_left(until) == 0)
			return 0;
	}
}

int
mc_wait_one(int fd, short events, int cancel_fd, int64_t deadline,
    enum mc_stage stage, short *ret_revents, struct mc_err *err)
{
	struct pollfd fds[2] = { { .fd = fd, .events = events } };
	int ready = mc_wait_any(fds, 1, cancel_fd, deadline, stage, err);
	if (ready == -1)
		return -1;
	if (ready == 0)
		return mc_err_set(err, MC_E_TIMEOUT, stage, NULL);
	if (ret_revents != NULL)
		*ret_revents = fds[0].revents;
	return 0;
}
