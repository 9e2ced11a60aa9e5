/* SPDX-License-Identifier: MIT */
/*
 * net_side.h - ports on 127.0.0.1 that take, refuse and swallow connections
 */
#ifndef MC_NET_SIDE_H
#define MC_NET_SIDE_H

#include "net/connect_internal.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>

#define SHORT_MS 60

static int
listen_on(uint16_t *ret_port, int backlog)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	if (backlog >= 0)
		assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*ret_port = ntohs(sin.sin_port);
	return fd;
}

/* a port where connecting neither works nor fails */
struct hole {
	int listener;
	int fill[64];
	uint16_t port;
};

static void
hole_open(struct hole *h)
{
	h->listener = listen_on(&h->port, 0);
	struct sockaddr_in sin = { .sin_family = AF_INET };
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(h->port);
	for (size_t i = 0; i < MC_NELEM(h->fill); i++)
		h->fill[i] = -1;
	for (size_t i = 0; i < MC_NELEM(h->fill); i++) {
		h->fill[i] = mc_net_socket(AF_INET);
		if (connect(h->fill[i], (struct sockaddr *)&sin,
		    sizeof(sin)) == 0)
			continue;
		struct pollfd fd = { h->fill[i], POLLOUT, 0 };
		if (poll(&fd, 1, SHORT_MS) == 0)
			return;
	}
	fail_msg("the backlog does not fill up");
}

static void
hole_close(struct hole *h)
{
	for (size_t i = 0; i < MC_NELEM(h->fill); i++)
		if (h->fill[i] != -1)
			close(h->fill[i]);
	close(h->listener);
}

static size_t
open_fds(void)
{
	size_t n = 0;
	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

#endif
