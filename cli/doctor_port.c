/* SPDX-License-Identifier: MIT */
/*
 * doctor_port.c - what speaks at a port
 */
#include "doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct address {
	struct sockaddr_storage ss;
	socklen_t len;
};

/* "192.0.2.1:25", "[2001:db8::1]:25", with another port */
static int
parse(const char *text, unsigned port, struct address *ret)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&ret->ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->ss;
	char host[128];

	memset(ret, 0, sizeof(*ret));
	doctor_bare(text, host, sizeof(host));
	if (inet_pton(AF_INET, host, &in4->sin_addr) == 1) {
		in4->sin_family = AF_INET;
		in4->sin_port = htons((uint16_t)port);
		ret->len = sizeof(*in4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		ret->len = sizeof(*in6);
		return 0;
	}
	return -1;
}

/* wait; 1 ready, 0 not in time or we are to end */
static int
ready(int fd, short events, int ms)
{
	struct pollfd p[] = { { .fd = fd, .events = events },
	    { .fd = cli_cancel_fd(), .events = POLLIN } };

	return poll(p, 2, ms) > 0 && p[0].revents != 0;
}

/* the descriptor, or -1 with *ret_what */
static int
dial(const struct address *a, int ms, enum doctor_port *ret_what)
{
	int fd = socket(a->ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int sys = 0;
	socklen_t len = sizeof(sys);

	*ret_what = DOCTOR_CLOSED;
	if (fd < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		goto fail;
	if (connect(fd, (const struct sockaddr *)&a->ss, a->len) == 0)
		return fd;
	if (errno != EINPROGRESS)
		goto fail;
	if (!ready(fd, POLLOUT, ms)) {
		*ret_what = DOCTOR_SILENT;
		goto fail;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &sys, &len) == 0 && sys == 0)
		return fd;
	if (sys == ETIMEDOUT)
		*ret_what = DOCTOR_SILENT;
fail:
	if (fd >= 0)
		close(fd);
	return -1;
}

static enum doctor_port
what_is(const char *p, ssize_t n)
{
	if (n <= 0)
		return DOCTOR_MUTE;
	if (p[0] == 0x15 || p[0] == 0x16)
		return DOCTOR_TLS;
	if (n >= 3 && memcmp(p, "HTT", 3) == 0)
		return DOCTOR_HTTP;
	if (n >= 3 && p[0] >= '2' && p[0] <= '5' && p[1] >= '0' &&
	    p[1] <= '9')
		return DOCTOR_SMTP;
	return DOCTOR_OTHER;
}

enum doctor_port
doctor_knock(const char *address, unsigned port, int ms)
{
	/* a ClientHello without anything in it: TLS answers with an alert */
	static const char hello[] = { 0x16, 3, 1, 0, 4, 1, 0, 0, 0 };
	struct address a;
	enum doctor_port what;
	char buf[64];
	ssize_t n = -1;
	int fd;

	if (parse(address, port, &a) != 0)
		return DOCTOR_CLOSED;
	fd = dial(&a, ms, &what);
	if (fd < 0)
		return what;
	/* whoever greets late greets all the same */
	if (ready(fd, POLLIN, ms / 4) || (send(fd, hello, sizeof(hello),
	    MSG_NOSIGNAL) > 0 && ready(fd, POLLIN, ms)))
		n = recv(fd, buf, sizeof(buf), 0);
	close(fd);
	return what_is(buf, n);
}

#define KNOCK_MS 1500

static const char *
words_of(enum doctor_port what)
{
	switch (what) {
	case DOCTOR_SILENT:
		return "no answer";
	case DOCTOR_SMTP:
		return "SMTP, for tls = starttls";
	case DOCTOR_TLS:
		return "TLS from the start, for tls = on";
	case DOCTOR_HTTP:
		return "a web server";
	case DOCTOR_MUTE:
	case DOCTOR_OTHER:
		return "something else";
	case DOCTOR_CLOSED:
		break;
	}
	return NULL;
}

unsigned
doctor_ports(const struct doctor *d, char *text, size_t size)
{
	static const unsigned ports[] = { 465, 587, 25 };
	const char *address = doctor_fact(d, MC_STAGE_RESOLVE, "address", 0);
	unsigned own = (unsigned)strtoul(d->port, NULL, 10), use = 0;
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; address != NULL &&
	    i < sizeof(ports) / sizeof(ports[0]) && !cli_cancelled(); i++) {
		enum doctor_port what;

		if (ports[i] == own)
			continue;
		what = doctor_knock(address, ports[i], KNOCK_MS);
		if (use == 0 && ports[i] != 25 &&
		    (what == DOCTOR_SMTP || what == DOCTOR_TLS))
			use = ports[i];
		if (words_of(what) != NULL && n < size)
			n += (size_t)snprintf(text + n, size - n,
			    "%sport %u: %s", n == 0 ? "" : "; ", ports[i],
			    words_of(what));
	}
	return use;
}
