/* SPDX-License-Identifier: MIT */
/*
 * child.c - a part of this program in a process of its own, and how to talk
 */
#include "base/base.h"
#include "base/child.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

/* how often the end of a child is looked for, milliseconds */
#define REAP_EVERY 5

/* ------------------------------------------------------------- in the child */

static void
handle(int sig, void (*how)(int))
{
	struct sigaction act;

	memset(&act, 0, sizeof(act));
	sigemptyset(&act.sa_mask);
	act.sa_handler = how;
	(void)sigaction(sig, &act, NULL);
}

static void
settle_signals(void)
{
	sigset_t none;

	/* the handlers of the parent write to its descriptors, and those
	 * numbers are about to mean something else */
	handle(SIGINT, SIG_IGN);
	handle(SIGTERM, SIG_IGN);
	handle(SIGHUP, SIG_IGN);
	handle(SIGPIPE, SIG_IGN);
	handle(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	/* the child has one thread */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* the channel becomes descriptor 3, so that the rest can be closed at once */
static int
settle_fds(int sock)
{
	int fd = sock == 3 ? 3 : dup2(sock, 3);

	if (fd != 3 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return -1;
	mc_proc_close_from(4, mc_proc_most_fds());
	return fd;
}

static void
be_child(mc_child_fn fn, void *ctx, int sock, pid_t parent)
{
	int fd;

	settle_signals();
#ifdef __linux__
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(1);
#else
	(void)parent;
#endif
	fd = settle_fds(sock);
	if (fd >= 0)
		fn(ctx, fd);
	_exit(fd < 0);
}

/* ------------------------------------------------------------ in the parent */

static int
pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		fds[i] = mc_file_lift(fds[i]);
		if (fds[i] < 0 || fcntl(fds[i], F_SETFD, FD_CLOEXEC) != 0) {
			mc_file_close(&fds[i]);
			mc_file_close(&fds[1 - i]);
			return -1;
		}
	}
	if (fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0)
		return 0;
	mc_file_close(&fds[0]);
	mc_file_close(&fds[1]);
	return -1;
}

int
mc_child_pair(int ret_ends[2], struct mc_err *err)
{
	int fds[2];

	if (pair(fds) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot make a channel");
	ret_ends[0] = fds[0];
	ret_ends[1] = fds[1];
	return 0;
}

int
mc_child_start_at(mc_child_fn fn, void *ctx, int sock, pid_t *ret_pid,
    struct mc_err *err)
{
	pid_t parent = getpid();
	pid_t pid = -1;

	/* whoever made it may have left it otherwise */
	if (fcntl(sock, F_SETFL, 0) == 0)
		pid = fork();
	if (pid == 0)
		be_child(fn, ctx, sock, parent);
	mc_file_close(&sock);
	if (pid < 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot make a process");
	*ret_pid = pid;
	return 0;
}

int
mc_child_start(mc_child_fn fn, void *ctx, struct mc_child *ret_child,
    struct mc_err *err)
{
	int fds[2];

	if (mc_child_pair(fds, err) != 0)
		return -1;
	if (mc_child_start_at(fn, ctx, fds[1], &ret_child->pid, err) != 0) {
		mc_file_close(&fds[0]);
		return -1;
	}
	ret_child->sock = fds[0];
	ret_child->killed = 0;
	return 0;
}

bool
mc_child_reap(struct mc_child *child)
{
	pid_t pid;
	int status = 0;

	if (child->pid == 0)
		return true;
	pid = waitpid(child->pid, &status, WNOHANG);
	if (pid == child->pid && WIFSIGNALED(status))
		child->killed = WTERMSIG(status);
	/* ECHILD: somebody has made SIGCHLD ignored */
	if (pid == child->pid || (pid < 0 && errno == ECHILD))
		child->pid = 0;
	return child->pid == 0;
}

void
mc_child_end(struct mc_child *child, int64_t ms)
{
	int64_t deadline = mc_clock_after(ms);

	mc_file_close(&child->sock);
	while (!mc_child_reap(child) && mc_clock_left(deadline) != 0)
		(void)poll(NULL, 0, REAP_EVERY);
	if (child->pid == 0)
		return;
	(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child->pid = 0;
}

/* ------------------------------------------------------------------ channel */

#ifdef MSG_NOSIGNAL
#define NO_SIGNAL MSG_NOSIGNAL
#else
#define NO_SIGNAL 0
#endif

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static ssize_t
send_some(int sock, const void *p, size_t n, int fd)
{
	struct iovec part;
	struct msghdr msg;
	union control control;

	memset(&msg, 0, sizeof(msg));
	/* what is pointed to is only read */
	memcpy(&part.iov_base, &p, sizeof(p));
	part.iov_len = n;
	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	if (fd >= 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(sock, &msg, NO_SIGNAL);
}

int
mc_child_send(int sock, const void *p, size_t n, int fd, int64_t ms)
{
	int64_t deadline = mc_clock_after(ms);
	const char *from = p;

	while (n != 0) {
		ssize_t put = send_some(sock, from, n, fd);

		if (put > 0) {
			from += put;
			n -= (size_t)put;
			/* it goes with the first byte, once */
			fd = -1;
			continue;
		}
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return -1;

		struct pollfd wait = { .fd = sock, .events = POLLOUT };
		int left = mc_clock_left(deadline);

		if (left == 0) {
			errno = ETIMEDOUT;
			return -1;
		}
		(void)poll(&wait, 1, left);
	}
	return 0;
}

/* descriptors beyond the first are not for us, and must not pile up */
static void
take_fd(struct msghdr *msg, int *fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	    c = CMSG_NXTHDR(msg, c)) {
		int got;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len < CMSG_LEN(sizeof(got)))
			continue;
		memcpy(&got, CMSG_DATA(c), sizeof(got));
		got = mc_file_lift(got);
		if (got >= 0)
			(void)fcntl(got, F_SETFD, FD_CLOEXEC);
		if (*fd < 0)
			*fd = got;
		else
			mc_file_close(&got);
	}
}

static ssize_t
recv_some(int sock, void *p, size_t n, int flags, int *fd)
{
	struct iovec part = { .iov_base = p, .iov_len = n };
	struct msghdr msg;
	union control control;
	ssize_t got;

	do {
		memset(&msg, 0, sizeof(msg));
		msg.msg_iov = &part;
		msg.msg_iovlen = 1;
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		got = recvmsg(sock, &msg, flags);
	} while (got < 0 && errno == EINTR);
	if (got > 0)
		take_fd(&msg, fd);
	return got;
}

ssize_t
mc_child_recv_some(int sock, void *p, size_t n, int *fd)
{
	int came = -1;
	ssize_t got = recv_some(sock, p, n, MSG_DONTWAIT, &came);

	if (came >= 0) {
		mc_file_close(fd);
		*fd = came;
	}
	return got;
}

int
mc_child_recv(int sock, void *p, size_t n, int *ret_fd)
{
	char *to = p;
	int fd = -1;

	while (n != 0) {
		ssize_t got = recv_some(sock, to, n, 0, &fd);

		if (got <= 0) {
			mc_file_close(&fd);
			return got < 0 ? -1 : 0;
		}
		to += got;
		n -= (size_t)got;
	}
	if (ret_fd != NULL)
		*ret_fd = fd;
	else
		mc_file_close(&fd);
	return 1;
}
