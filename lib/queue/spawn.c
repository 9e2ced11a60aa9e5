/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - workers for a runner that may have neither the network nor secrets
 */
#include "base/base.h"
#include "queue/spawn.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "queue/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

/* the parent does little, and that soon */
#define ASK_MS 10000
/* whatever the runner says, no worker that was let go stays longer */
#define LET_GO_MOST 600000

#define FRAME_MAGIC UINT32_C(0x6d637370)

enum frame_type { FRAME_START = 1, FRAME_LET_GO };

/* both ends are the same program: the bytes are as the compiler has them */
struct frame {
	uint32_t magic;
	uint32_t type;
	uint32_t number;
	uint32_t ms;		/* LET_GO */
	int32_t log_most;	/* START, as are those below */
	uint32_t told;
	char account[MC_MAX_ACCOUNT_NAME + 1];	/* NUL-terminated, zero behind */
};

struct worker {
	pid_t pid;
	uint32_t number;
	int64_t kill_at;	/* mc_clock_ms, or MC_NEVER */
};

int
mc_spawn_channel(int ret_ends[2], struct mc_err *err)
{
	int ends[2], sys;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot make a channel");
	for (int i = 0; i < 2; i++) {
		ends[i] = mc_file_lift(ends[i]);
		if (ends[i] >= 0 &&
		    fcntl(ends[i], F_SETFD, FD_CLOEXEC) == 0 &&
		    fcntl(ends[i], F_SETFL, O_NONBLOCK) == 0)
			continue;
		sys = errno;
		mc_file_close(&ends[0]);
		mc_file_close(&ends[1]);
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, sys,
		    "cannot make a channel");
	}
	ret_ends[0] = ends[0];
	ret_ends[1] = ends[1];
	return 0;
}

/* --------------------------------------------------------------- the runner */

int
mc_spawn_worker(int channel, const struct mc_spawn_request *req,
    struct mc_child *ret_child, struct mc_err *err)
{
	struct frame f;
	size_t n = strlen(req->account);
	int ends[2], rc = 0;

	if (n >= sizeof(f.account))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "the name of an account is too long");
	if (mc_child_pair(ends, err) != 0)
		return -1;
	memset(&f, 0, sizeof(f));
	f.magic = FRAME_MAGIC;
	f.type = FRAME_START;
	f.number = req->number;
	f.log_most = (int32_t)req->log_most;
	f.told = req->told;
	memcpy(f.account, req->account, n);
	if (mc_child_send(channel, &f, sizeof(f), ends[1], ASK_MS) != 0)
		rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot have a process started that sends mail");
	mc_file_close(&ends[1]);
	if (rc != 0) {
		mc_file_close(&ends[0]);
		return -1;
	}
	ret_child->pid = 0;
	ret_child->sock = ends[0];
	return 0;
}

void
mc_spawn_let_go(int channel, uint32_t number, int64_t ms)
{
	struct frame f;

	memset(&f, 0, sizeof(f));
	f.magic = FRAME_MAGIC;
	f.type = FRAME_LET_GO;
	f.number = number;
	f.ms = ms < 0 ? 0 : ms > LET_GO_MOST ? LET_GO_MOST : (uint32_t)ms;
	/* a parent that is gone has nothing left to kill */
	if (mc_child_send(channel, &f, sizeof(f), -1, ASK_MS) != 0)
		return;
}

/* --------------------------------------------------------------- the parent */

void
mc_spawn_parent_init(struct mc_spawn_parent *p)
{
	mc_vec_init(&p->workers, sizeof(struct worker), MC_SPAWN_MOST);
}

#ifdef MSG_CMSG_CLOEXEC
#define CLOEXEC_FLAG MSG_CMSG_CLOEXEC
#else
#define CLOEXEC_FLAG 0
#endif

/* more than one is a mistake, and none of them may stay open */
#define MOST_FDS 8

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MOST_FDS * sizeof(int))];
};

/* how many came; all but the first one are closed */
static size_t
take_fds(struct msghdr *msg, int *ret_fd)
{
	size_t n = 0;

	*ret_fd = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL;
	    c = CMSG_NXTHDR(msg, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i + sizeof(int) <= bytes;
		    i += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i, sizeof(fd));
			if (n++ == 0)
				*ret_fd = fd;
			else
				mc_file_close(&fd);
		}
	}
	return n;
}

/* a frame of this size, and what came along; 1, 0: nothing there, -1: the end,
 * 2: not well-formed */
static int
receive(int channel, struct frame *f, int *ret_fd)
{
	char bytes[sizeof(*f) + 1];
	struct iovec part = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	union control control;
	struct msghdr msg;
	size_t fds;
	ssize_t got;

	memset(&msg, 0, sizeof(msg));
	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	msg.msg_control = control.bytes;
	msg.msg_controllen = sizeof(control.bytes);
	do {
		got = recvmsg(channel, &msg, MSG_DONTWAIT | CLOEXEC_FLAG);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
	/* before anything else: also what comes with a wrong frame is ours */
	fds = take_fds(&msg, ret_fd);
	if (got == 0 && fds == 0) {
		errno = 0;
		return -1;
	}
	if ((size_t)got != sizeof(*f) || fds > 1 ||
	    (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		mc_file_close(ret_fd);
		return 2;
	}
	memcpy(f, bytes, sizeof(*f));
	return 1;
}

/* a stream of the kernel's own kind, and nothing that a worker could be made
 * to open for somebody */
static bool
is_channel(int fd)
{
	union {
		struct sockaddr any;
		struct sockaddr_storage room;
	} a;
	socklen_t n = sizeof(a), size = sizeof(int);
	int type = 0;

	return fd >= 0 && getsockname(fd, &a.any, &n) == 0 &&
	    a.any.sa_family == AF_UNIX &&
	    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	    type == SOCK_STREAM;
}

static bool
is_well_formed(const struct frame *f, int fd)
{
	size_t n = strnlen(f->account, sizeof(f->account));

	if (f->magic != FRAME_MAGIC || f->told > 1)
		return false;
	for (size_t i = n; i < sizeof(f->account); i++)
		if (f->account[i] != '\0')
			return false;
	if (f->type == FRAME_LET_GO)
		return fd < 0 && n == 0 && f->ms <= LET_GO_MOST;
	return f->type == FRAME_START && n != 0 && n < sizeof(f->account) &&
	    f->log_most >= MC_LOG_NONE && f->log_most <= MC_LOG_TRACE &&
	    is_channel(fd);
}

struct start {
	const struct mc_spawn_parent *parent;
	struct mc_config *config;
	struct mc_worker worker;
};

static void
be_worker(void *ctx, int sock)
{
	struct start *s = ctx;
	struct mc_err ignored = { .code = MC_OK };

	if (s->parent->begun != NULL)
		s->parent->begun(s->parent->ctx);
	mc_config_forget(s->config, s->worker.account->name);
	/* not loaded in the parent, which is there all the time and would be
	 * twice as large; where it is missing the worker says so */
	if (s->worker.ops == NULL && mc_transport_find(s->worker.account,
	    &s->worker.ops, &ignored) != 0)
		s->worker.ops = NULL;
	mc_worker_main(&s->worker, sock);
}

static int
refuse(const struct mc_spawn_parent *p, int fd, const char *why)
{
	mc_log_line(p->log, MC_LOG_ERROR, MC_STAGE_LOCAL,
	    "no process was started that sends mail: %s", why);
	mc_file_close(&fd);
	return 0;
}

static struct worker *
find(struct mc_spawn_parent *p, uint32_t number)
{
	for (size_t i = 0; i < p->workers.n; i++) {
		struct worker *w = mc_vec_at(&p->workers, i);

		if (w->number == number)
			return w;
	}
	return NULL;
}

/* takes fd */
static int
start(struct mc_spawn_parent *p, const struct frame *f, int fd,
    pid_t *ret_pid)
{
	struct mc_err err = { .code = MC_OK };
	struct start s = { .parent = p, .config = p->config };
	struct worker *w;

	/* one that the configuration does not have must not become the default
	 * one, which the empty name would be */
	if (mc_config_find(p->config, f->account, &s.worker.account,
	    &err) != 0)
		return refuse(p, fd, err.text);
	if (find(p, f->number) != NULL)
		return refuse(p, fd, "its number is taken");
	/* with room for it before it is there */
	w = mc_vec_add(&p->workers);
	if (w == NULL)
		return refuse(p, fd, "there are too many of them, or there is "
		    "no memory");
	s.worker.ops = p->ops;
	s.worker.caller = p->caller;
	s.worker.log_most = (enum mc_level)f->log_most;
	s.worker.dir = p->dir;
	s.worker.depth = (size_t)s.worker.account->pipeline_depth;
	s.worker.told = f->told != 0;
	*w = (struct worker){ .number = f->number, .kill_at = MC_NEVER };
	if (mc_child_start_at(be_worker, &s, fd, &w->pid, &err) != 0) {
		mc_vec_remove(&p->workers, p->workers.n - 1);
		return refuse(p, -1, err.text);
	}
	*ret_pid = w->pid;
	return 1;
}

static int
let_go(struct mc_spawn_parent *p, const struct frame *f)
{
	struct worker *w = find(p, f->number);
	int64_t ignored;

	if (w != NULL)
		w->kill_at = mc_clock_sooner(w->kill_at,
		    mc_clock_after(f->ms));
	ignored = MC_NEVER;
	(void)mc_spawn_check(p, &ignored);
	return 0;
}

int
mc_spawn_take(int channel, struct mc_spawn_parent *p, pid_t *ret_pid,
    struct mc_err *err)
{
	struct frame f;
	int fd = -1;
	int rc = receive(channel, &f, &fd);

	if (rc < 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "the process that works at the queue is gone");
	if (rc == 0)
		return 0;
	if (rc == 2 || !is_well_formed(&f, fd))
		return refuse(p, fd, "what the process that works at the "
		    "queue said is not well-formed");
	return f.type == FRAME_LET_GO ? let_go(p, &f) :
	    start(p, &f, fd, ret_pid);
}

bool
mc_spawn_gone(struct mc_spawn_parent *p, pid_t pid)
{
	for (size_t i = 0; i < p->workers.n; i++) {
		const struct worker *w = mc_vec_at(&p->workers, i);

		if (w->pid != pid)
			continue;
		mc_vec_remove(&p->workers, i);
		return true;
	}
	return false;
}

void
mc_spawn_end(struct mc_spawn_parent *p, int64_t ms)
{
	for (size_t i = 0; i < p->workers.n; i++) {
		struct worker *w = mc_vec_at(&p->workers, i);

		w->kill_at = mc_clock_sooner(w->kill_at, mc_clock_after(ms));
	}
}

size_t
mc_spawn_check(struct mc_spawn_parent *p, int64_t *wake)
{
	for (size_t i = 0; i < p->workers.n; i++) {
		struct worker *w = mc_vec_at(&p->workers, i);

		if (w->kill_at == MC_NEVER)
			continue;
		if (mc_clock_left(w->kill_at) != 0) {
			*wake = mc_clock_sooner(*wake, w->kill_at);
			continue;
		}
		/* it stays in the list, and its pid its own, until reaped */
		(void)kill(w->pid, SIGKILL);
		w->kill_at = MC_NEVER;
	}
	return p->workers.n;
}

void
mc_spawn_parent_clear(struct mc_spawn_parent *p)
{
	for (size_t i = 0; i < p->workers.n; i++) {
		struct mc_child child = { .sock = -1 };
		const struct worker *w = mc_vec_at(&p->workers, i);

		child.pid = w->pid;
		mc_child_end(&child, 0);
	}
	mc_vec_clear(&p->workers);
}
