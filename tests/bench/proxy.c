/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - make loopback as slow as a distant server, and write down who
 * spoke when
 *
 *	proxy DELAY PORT
 *
 * Forwards a free port of 127.0.0.1 and ::1, printed as "port N", to
 * 127.0.0.1:PORT.  Each direction takes DELAY microseconds.  It ends with its
 * standard input.  proxy.py says what is made up for, and how round trips are
 * counted from the line that each connection gets at its end:
 *
 *	way PORT START EVENT ...
 *
 * PORT is that of the proxy's own end towards the server, by which the server
 * knows the connection; START is when the client connected.  An EVENT is
 *
 *	c:TIME:BYTES:DEPTH		the client sent
 *	s:READ:SEEN:BYTES:DEPTH:SEGMENTS	the server did
 *
 * READ is when the proxy had it, SEEN when the client could read it, both by
 * CLOCK_MONOTONIC in nanoseconds.  Reads between two writes to the client are
 * one event.  DEPTH is the round trip, counted from the first (the handshake of
 * TCP), in which this was sent: one more than that of the latest answer that
 * had arrived.  SEGMENTS are those with data that came from the client so far,
 * -1 where the kernel does not tell.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK 262144
#define MOST 256		/* connections at a time */
#define HELD (64UL << 20)	/* bytes on the way in one direction */

struct chunk {
	struct chunk *next;
	long long due, read;
	size_t len, done;	/* len 0: the end */
	int depth;
	char data[];
};

struct pipe {
	struct chunk *first, **last;
	size_t held;
	bool over;		/* its source has ended */
	bool shut;		/* and its sink knows */
};

struct event {
	char who;
	int depth, segments;
	long long read, seen;
	unsigned long long bytes;
};

struct way {
	int client, server;	/* server is -1 before its time */
	long long start;
	int port;
	int arrived;		/* depth of what the client has */
	int got;		/* and the server */
	struct pipe up, down;
	struct event *events;
	size_t count, room;
};

static long long delay;
static struct sockaddr_in target = { .sin_family = AF_INET };
static struct way *ways[MOST];
static size_t way_count;

static void
die(const char *what)
{
	fprintf(stderr, "proxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *
get(size_t n)
{
	void *p = calloc(1, n);

	if (p == NULL)
		die("memory");
	return p;
}

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
set(int fd, int option, int value)
{
	setsockopt(fd, IPPROTO_TCP, option, &value, sizeof(value));
}

static int
segments_in(int fd)
{
	struct tcp_info info;
	socklen_t n = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) == -1 ||
	    n < offsetof(struct tcp_info, tcpi_data_segs_in) +
	    sizeof(info.tcpi_data_segs_in))
		return -1;
	return (int)info.tcpi_data_segs_in;
}

static void
note(struct way *w, const struct event *e)
{
	struct event *last = w->count > 0 ? &w->events[w->count - 1] : NULL;

	if (last != NULL && e->who == 'c' && last->who == 'c') {
		last->bytes += e->bytes;
		return;
	}
	if (w->count == w->room) {
		w->room = w->room == 0 ? 64 : 2 * w->room;
		w->events = realloc(w->events, w->room * sizeof(*w->events));
		if (w->events == NULL)
			die("memory");
	}
	w->events[w->count++] = *e;
}

static void
put(struct pipe *p, struct chunk *c)
{
	*p->last = c;
	p->last = &c->next;
	p->held += c->len;
	p->over = c->len == 0;
}

static void
drop_first(struct pipe *p)
{
	struct chunk *c = p->first;

	p->first = c->next;
	if (p->first == NULL)
		p->last = &p->first;
	p->held -= c->len;
	free(c);
}

/* one read of what came from fd */
static void
take(struct way *w, struct pipe *p, int fd)
{
	static char data[CHUNK];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
	struct chunk *c;

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		n = 0;
	c = get(sizeof(*c) + (size_t)n);
	memcpy(c->data, data, (size_t)n);
	c->len = (size_t)n;
	c->read = now();
	c->due = c->read + delay;
	if (p == &w->up) {
		set(w->client, TCP_QUICKACK, 0);
		/* its connect() returned a round trip too early, and so did all
		 * that it did until the first answer */
		if (w->arrived == 1)
			c->due += 2 * delay;
		c->depth = w->arrived + 1;
		if (n > 0)
			note(w, &(struct event){ .who = 'c', .read = c->read,
			    .bytes = (size_t)n, .depth = c->depth });
	} else
		c->depth = w->got;
	put(p, c);
}

static void
arrives(struct way *w, struct pipe *p, const struct chunk *c)
{
	if (p == &w->up) {
		if (c->depth > w->got)
			w->got = c->depth;
		return;
	}
	note(w, &(struct event){ .who = 's', .read = c->read, .seen = now(),
	    .bytes = c->len, .depth = c->depth,
	    .segments = segments_in(w->client) });
	if (c->depth > w->arrived)
		w->arrived = c->depth;
}

/* write what is due to fd */
static void
give(struct way *w, struct pipe *p, int fd)
{
	struct chunk *c;

	while ((c = p->first) != NULL && c->due <= now()) {
		ssize_t n;

		if (c->len == 0) {
			shutdown(fd, SHUT_WR);
			p->shut = true;
			drop_first(p);
			return;
		}
		/* before the write, which may wake its reader at once */
		if (c->done == 0)
			arrives(w, p, c);
		n = send(fd, c->data + c->done, c->len - c->done,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == -1)		/* nobody reads any more */
			c->done = c->len;
		else
			c->done += (size_t)n;
		if (c->done == c->len)
			drop_first(p);
	}
}

static void
reach_server(struct way *w)
{
	struct sockaddr_in own;
	socklen_t n = sizeof(own);

	w->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (w->server == -1 || connect(w->server, (struct sockaddr *)&target,
	    sizeof(target)) == -1 ||
	    getsockname(w->server, (struct sockaddr *)&own, &n) == -1)
		die("server");
	w->port = ntohs(own.sin_port);
	set(w->server, TCP_NODELAY, 1);
}

static void
begin(int listener)
{
	struct way *w;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd == -1)
		return;
	if (way_count == MOST) {
		close(fd);
		return;
	}
	w = get(sizeof(*w));
	w->start = now();
	w->client = fd;
	w->server = -1;
	w->arrived = 1;
	w->got = 2;
	w->up.last = &w->up.first;
	w->down.last = &w->down.first;
	set(fd, TCP_NODELAY, 1);
	set(fd, TCP_QUICKACK, 0);
	ways[way_count++] = w;
}

static void
end(size_t i)
{
	struct way *w = ways[i];

	printf("way %d %lld", w->port, w->start);
	for (size_t k = 0; k < w->count; k++) {
		const struct event *e = &w->events[k];

		if (e->who == 'c')
			printf(" c:%lld:%llu:%d", e->read, e->bytes, e->depth);
		else
			printf(" s:%lld:%lld:%llu:%d:%d", e->read, e->seen,
			    e->bytes, e->depth, e->segments);
	}
	putchar('\n');
	fflush(stdout);
	while (w->up.first != NULL)
		drop_first(&w->up);
	while (w->down.first != NULL)
		drop_first(&w->down);
	close(w->client);
	if (w->server != -1)
		close(w->server);
	free(w->events);
	free(w);
	ways[i] = ways[--way_count];
}

/* wait for input, for room, or for the next time that something is due */
static void
wait_for(struct pollfd *fds, const int *listeners)
{
	long long next = now() + 1000000000LL, left;
	struct timespec t;
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = 0, .events = POLLIN };
	for (int i = 0; i < 2; i++)
		fds[n++] = (struct pollfd){ .fd = listeners[i],
		    .events = POLLIN };
	for (size_t i = 0; i < way_count; i++) {
		struct way *w = ways[i];
		const struct pipe *pipes[2] = { &w->up, &w->down };
		int in[2] = { w->client, w->server };
		int out[2] = { w->server, w->client };

		fds[n] = (struct pollfd){ .fd = -1 };
		fds[n + 1] = (struct pollfd){ .fd = -1 };
		if (w->server == -1 && w->start + 3 * delay < next)
			next = w->start + 3 * delay;
		for (int k = 0; k < 2; k++) {
			const struct chunk *c = pipes[k]->first;

			if (in[k] != -1 && !pipes[k]->over &&
			    pipes[k]->held < HELD) {
				fds[n + (nfds_t)k].fd = in[k];
				fds[n + (nfds_t)k].events |= POLLIN;
			}
			if (c == NULL || out[k] == -1)
				continue;
			if (c->done > 0 || c->due <= now()) {
				fds[n + 1 - (nfds_t)k].fd = out[k];
				fds[n + 1 - (nfds_t)k].events |= POLLOUT;
			} else if (c->due < next)
				next = c->due;
		}
		n += 2;
	}
	left = next - now();
	if (left < 0)
		left = 0;
	t.tv_sec = left / 1000000000;
	t.tv_nsec = left % 1000000000;
	if (ppoll(fds, n, &t, NULL) == -1 && errno != EINTR)
		die("poll");
}

static void
work(const int *listeners)
{
	static struct pollfd fds[3 + 2 * MOST];

	for (;;) {
		size_t old = way_count;

		wait_for(fds, listeners);
		if ((fds[0].revents & (POLLIN | POLLHUP)) != 0)
			return;
		for (size_t i = 0; i < old; i++) {
			struct way *w = ways[i];
			short mask = POLLIN | POLLHUP | POLLERR;

			/* in this order: what was sent before an answer came */
			if ((fds[3 + 2 * i].revents & mask) != 0 &&
			    !w->up.over)
				take(w, &w->up, w->client);
			if ((fds[4 + 2 * i].revents & mask) != 0 &&
			    !w->down.over)
				take(w, &w->down, w->server);
			if (w->server == -1 && now() >= w->start + 3 * delay)
				reach_server(w);
			if (w->server != -1)
				give(w, &w->up, w->server);
			give(w, &w->down, w->client);
		}
		for (size_t i = old; i-- > 0; )
			if (ways[i]->up.shut && ways[i]->down.shut)
				end(i);
		for (int i = 0; i < 2; i++)
			if (listeners[i] != -1 && fds[1 + i].revents != 0)
				begin(listeners[i]);
	}
}

static int
listen_on(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd == -1)
		return -1;
	if (a->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a, n) == -1 || listen(fd, 64) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof(a4);
	int listeners[2];

	if (argc != 3) {
		fputs("usage: proxy delay port\n", stderr);
		return 2;
	}
	delay = strtoll(argv[1], NULL, 10) * 1000;
	target.sin_port = htons((in_port_t)strtol(argv[2], NULL, 10));
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	signal(SIGPIPE, SIG_IGN);
	/* a link does not wait for a processor, nor for a lazy timer */
	(void)setpriority(PRIO_PROCESS, 0, -15);
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listeners[0] = listen_on((struct sockaddr *)&a4, sizeof(a4));
	if (listeners[0] == -1 ||
	    getsockname(listeners[0], (struct sockaddr *)&a4, &n) == -1)
		die("listen");
	a6.sin6_addr = in6addr_loopback;
	a6.sin6_port = a4.sin_port;
	listeners[1] = listen_on((struct sockaddr *)&a6, sizeof(a6));
	printf("port %d\n", ntohs(a4.sin_port));
	fflush(stdout);
	work(listeners);
	return 0;
}
