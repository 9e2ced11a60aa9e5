/* SPDX-License-Identifier: MIT */
/*
 * Connecting to several addresses side by side, RFC 8305 section 5.
 */
#include "base/base.h"

#include "net/connect_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "net/wait.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

#define ATTEMPT_MS 30000
#define DELAY_MS 250

/* one address; fd is -1 before and after */
struct attempt {
	int fd;
	int64_t until;
	int sys;		/* why it failed */
	bool at_source;		/* it was bind that failed */
	bool fast;		/* the SYN carries data, or might */
	size_t sent;		/* that much of `hello` */
};

struct race {
	const struct mc_connect *c;
	const struct mc_ips *addrs;
	const struct mc_ip *source;
	struct attempt tries[MC_MAX_ADDRESSES];
	size_t started;
	int64_t next;		/* when to start another one */
};

int
mc_net_socket(int family)
{
#if defined(SOCK_CLOEXEC) && defined(SOCK_NONBLOCK)
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return -1;
#else
	int fd = socket(family, SOCK_STREAM, 0);
	if (fd == -1)
		return -1;
	int fl = fcntl(fd, F_GETFL);
	if (fl == -1 || fcntl(fd, F_SETFL, fl | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1) {
		mc_file_close(&fd);
		return -1;
	}
#endif
	if (fd <= 2) {
		/* a closed stdin must not become the connection */
		int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		mc_file_close(&fd);
		fd = high;
	}
	return fd;
}

/* and let the next one start at once */
static void
give_up(struct race *r, struct attempt *a, int sys)
{
	mc_file_close(&a->fd);
	a->sys = sys;
	r->next = mc_clock_ms();
}

/* ask for TCP Fast Open; the connection is to be made by send_hello then */
static bool
make_fast(int fd)
{
#ifdef TCP_FASTOPEN_CONNECT
	int on = 1;
	return setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on,
	    sizeof(on)) == 0;
#else
	(void)fd;
	return false;
#endif
}

/*
 * connect has returned without a SYN, because there is a cookie for that host.
 * The SYN leaves now, with as much as fits; from here on the attempt is like
 * every other one: the socket becomes writable when the server has answered.
 */
static int
send_hello(struct race *r, struct attempt *a)
{
	ssize_t put;
	do
		put = send(a->fd, r->c->hello.ptr, r->c->hello.len,
		    MSG_NOSIGNAL);
	while (put == -1 && errno == EINTR);
	if (put >= 0)
		a->sent = (size_t)put;
	/* EINPROGRESS: the kernel has lost the cookie, the SYN went bare */
	else if (errno != EINPROGRESS && errno != EAGAIN &&
	    errno != EWOULDBLOCK) {
		give_up(r, a, errno);
		return -1;
	}
	return 0;
}

/* connected at once: 1; under way: 0; failed: -1 */
static int
start(struct race *r, size_t i, bool fast)
{
	const struct mc_connect *c = r->c;
	const struct mc_ip *to = &r->addrs->v[i];
	struct attempt *a = &r->tries[i];
	char text[MC_PEER_TEXT];
	mc_ip_text(to, text);
	mc_log_line(c->log, MC_LOG_DEBUG, MC_STAGE_CONNECT, "trying %s", text);
	*a = (struct attempt){ .fd = mc_net_socket(to->ss.ss_family) };
	a->until = mc_clock_after(
	    c->attempt_ms > 0 ? c->attempt_ms : ATTEMPT_MS);
	r->next = mc_clock_after(c->delay_ms > 0 ? c->delay_ms : DELAY_MS);
	if (a->fd == -1) {
		give_up(r, a, errno);
		return -1;
	}
	/* a flight of commands is one write: waiting to fill a segment only
	 * costs time */
	int on = 1;
	(void)setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(a->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	if (r->source != NULL && bind(a->fd,
	    (const struct sockaddr *)&r->source->ss, r->source->len) == -1) {
		a->at_source = true;
		give_up(r, a, errno);
		return -1;
	}
	fast = fast && make_fast(a->fd);
	if (connect(a->fd, (const struct sockaddr *)&to->ss, to->len) == 0) {
		a->fast = fast;
		return fast ? send_hello(r, a) : 1;
	}
	/* POSIX: after EINTR the connection goes on being made */
	if (errno == EINPROGRESS || errno == EINTR)
		return 0;
	give_up(r, a, errno);
	return -1;
}

/*
 * Something on the way may refuse a SYN only for the data in it, and that is
 * not what the user should hear of.  A time-out is no such case: the kernel
 * repeats its SYN without data.
 */
static int
retry_bare(struct race *r, size_t i)
{
	const struct attempt *a = &r->tries[i];
	if (!a->fast || a->sys == ETIMEDOUT)
		return -1;
	return start(r, i, false);
}

/* connected: 1; failed: -1; under way once more: 0 */
static int
settle(struct race *r, size_t i)
{
	struct attempt *a = &r->tries[i];
	int sys = 0;
	socklen_t len = sizeof(sys);
	if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &sys, &len) == -1)
		sys = errno;
	if (sys == 0)
		return 1;
	give_up(r, a, sys);
	return retry_bare(r, i);
}

static size_t
running(const struct race *r)
{
	size_t n = 0;
	for (size_t i = 0; i < r->started; i++)
		n += r->tries[i].fd != -1;
	return n;
}

/* the winner's index in *ret_winner: 1; go on: 0; -1 with err */
static int
step(struct race *r, size_t *ret_winner, struct mc_err *err)
{
	struct pollfd fds[MC_MAX_ADDRESSES + 1];
	size_t which[MC_MAX_ADDRESSES];
	size_t n = 0;
	int64_t until = r->c->deadline;
	if (r->started < r->addrs->n)
		until = mc_clock_sooner(until, r->next);
	for (size_t i = 0; i < r->started; i++) {
		if (r->tries[i].fd == -1)
			continue;
		until = mc_clock_sooner(until, r->tries[i].until);
		fds[n] = (struct pollfd){ .fd = r->tries[i].fd,
		    .events = POLLOUT };
		which[n++] = i;
	}
	if (mc_wait_any(fds, n, r->c->cancel_fd, until, MC_STAGE_CONNECT,
	    err) == -1)
		return -1;
	for (size_t k = 0; k < n; k++) {
		struct attempt *a = &r->tries[which[k]];
		if (fds[k].revents == 0) {
			if (mc_clock_left(a->until) == 0)
				give_up(r, a, ETIMEDOUT);
		} else if (settle(r, which[k]) == 1) {
			*ret_winner = which[k];
			return 1;
		}
	}
	return 0;
}

static const char *
hint(int sys)
{
	switch (sys) {
	case ECONNREFUSED:
		return ": nothing listens there, check host and port";
	case ETIMEDOUT:
		return ": a firewall may block this port";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return ": is the network up?";
	}
	return "";
}

static int
sys_of(const struct attempt *a)
{
	return a->fd != -1 ? ETIMEDOUT : a->sys;
}

/*
 * The failure that stands for all: the first one, but one that came from
 * somewhere before one that never left.  A host without IPv6 is unreachable
 * at each IPv6 address, which tells nothing about the server.
 */
static int
telling(const struct race *r)
{
	for (size_t i = 0; i < r->started; i++) {
		int sys = sys_of(&r->tries[i]);
		if (sys != ENETUNREACH && sys != EHOSTUNREACH &&
		    sys != ENETDOWN && sys != EADDRNOTAVAIL)
			return sys;
	}
	return sys_of(&r->tries[0]);
}

/* "192.0.2.1:465: Connection refused; ..." */
static int
explain(const struct race *r, enum mc_code code, struct mc_err *err)
{
	if (r->started == 0)
		return mc_err_set(err, code, MC_STAGE_CONNECT,
		    "no time left to connect to %s port %s", r->c->host,
		    r->c->port);
	struct mc_buf why;
	mc_buf_init(&why, MC_ERR_TEXT);
	int sys = telling(r);
	for (size_t i = 0; i < r->started; i++) {
		const struct attempt *a = &r->tries[i];
		char text[MC_PEER_TEXT];
		mc_ip_text(&r->addrs->v[i], text);
		struct mc_err one = { .code = MC_OK };
		mc_err_sys(&one, MC_E_CONNECT, MC_STAGE_CONNECT, sys_of(a),
		    "%s%s", text, a->at_source ? " from `source`" : "");
		/* several hosts of one provider mostly fail alike: the first
		 * few say it */
		if (i == 4) {
			mc_buf_addf(&why, "; and %zu more", r->started - i);
			break;
		}
		mc_buf_addf(&why, "%s%s", i == 0 ? "" : "; ", one.text);
	}
	struct mc_str s = mc_buf_str(&why);
	mc_err_set(err, code, MC_STAGE_CONNECT,
	    "cannot connect to %s port %s (%.*s)%s", r->c->host, r->c->port,
	    MC_STR_FMT(s), hint(sys));
	if (err != NULL && err->code == code && err->sys == 0)
		err->sys = sys;
	mc_buf_clear(&why);
	return -1;
}

int
mc_net_race(const struct mc_connect *c, const struct mc_ips *addrs,
    const struct mc_ip *source, size_t *ret_winner, struct mc_err *err)
{
	struct race r = { .c = c, .addrs = addrs, .source = source };
	int won = 0;
	size_t winner = 0;
	r.next = mc_clock_ms();
	while (won == 0) {
		if (mc_clock_left(c->deadline) == 0) {
			won = explain(&r, MC_E_TIMEOUT, err);
			break;
		}
		if (r.started < addrs->n && (running(&r) == 0 ||
		    mc_clock_left(r.next) == 0)) {
			/* one server at a time gets to see the hello */
			bool fast = c->hello.len != 0 && running(&r) == 0;
			winner = r.started++;
			int rc = start(&r, winner, fast);
			if (rc == -1)
				rc = retry_bare(&r, winner);
			won = rc == 1;
			continue;
		}
		if (running(&r) == 0)
			won = explain(&r, MC_E_CONNECT, err);
		else
			won = step(&r, &winner, err);
	}
	int fd = -1;
	if (won == 1) {
		fd = r.tries[winner].fd;
		r.tries[winner].fd = -1;
		*ret_winner = winner;
		if (c->ret_sent != NULL)
			*c->ret_sent = r.tries[winner].sent;
	}
	for (size_t i = 0; i < r.started; i++)
		mc_file_close(&r.tries[i].fd);
	return fd;
}
