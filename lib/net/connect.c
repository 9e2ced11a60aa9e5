/* SPDX-License-Identifier: MIT */
/*
 * From a host name, literal or socket path to a connected descriptor.
 */
#include "base/base.h"

#include "net/connect.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/num.h"
#include "net/connect_internal.h"
#include "net/wait.h"

/* how long until a full backlog of a UNIX socket is tried again */
#define RETRY_MS 20

static int
unix_fail(const char *path, int sys, struct mc_err *err)
{
	const char *hint = "";
	if (sys == ENOENT || sys == ECONNREFUSED)
		hint = " (is the service running?)";
	else if (sys == EACCES)
		hint = " (this user may not use the service)";
	return mc_err_sys(err, MC_E_CONNECT, MC_STAGE_CONNECT, sys,
	    "cannot connect to %s%s", path, hint);
}

/* poll(2) tells nothing about a listener with a full backlog (EAGAIN), so
 * look again every now and then */
static int
pause_unix(const struct mc_connect *c, struct mc_err *err)
{
	struct pollfd fds[1];
	if (mc_clock_left(c->deadline) == 0)
		return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_CONNECT,
		    "%s is too busy to accept a connection", c->host);
	return mc_wait_any(fds, 0, c->cancel_fd,
	    mc_clock_sooner(c->deadline, mc_clock_after(RETRY_MS)),
	    MC_STAGE_CONNECT, err);
}

static int
connect_unix(const struct mc_connect *c, struct mc_err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct mc_str path = mc_str_from(c->host);
	if (path.len >= sizeof(sun.sun_path))
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "the path of the socket is longer than %zu bytes: %s",
		    sizeof(sun.sun_path) - 1, c->host);
	memcpy(sun.sun_path, path.ptr, path.len);
	int fd = mc_net_socket(AF_UNIX);
	if (fd == -1)
		return unix_fail(c->host, errno, err);
	int rc;
	while ((rc = connect(fd, (const struct sockaddr *)&sun,
	    sizeof(sun))) == -1 && errno == EAGAIN)
		if (pause_unix(c, err) == -1)
			goto fail;
	if (rc == -1 && (errno == EINPROGRESS || errno == EINTR)) {
		if (mc_wait_one(fd, POLLOUT, c->cancel_fd, c->deadline,
		    MC_STAGE_CONNECT, NULL, err) == -1)
			goto fail;
		socklen_t len = sizeof(rc);
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &rc, &len) == -1)
			rc = errno;
		errno = rc;
	}
	if (rc != 0) {
		unix_fail(c->host, errno, err);
		goto fail;
	}
	return fd;
fail:
	mc_file_close(&fd);
	return -1;
}

/* RFC 6761 section 6.3: localhost is the loopback, whatever a resolver says */
static void
loopback(uint16_t port, int family, struct mc_ips *ret_addrs)
{
	static const char *const texts[] = { "127.0.0.1", "::1" };
	ret_addrs->n = 0;
	for (size_t i = 0; i < MC_NELEM(texts); i++) {
		struct mc_ip *a = &ret_addrs->v[ret_addrs->n];
		if (mc_ip_parse(texts[i], port, a) == 0 &&
		    (family == AF_UNSPEC || a->ss.ss_family == family))
			ret_addrs->n++;
	}
}

static int
literal(const struct mc_connect *c, const struct mc_ip *addr, int family,
    struct mc_ips *ret_addrs, struct mc_err *err)
{
	if (mc_ip_is_any(addr))
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "%s is nobody's address", c->host);
	if (family != AF_UNSPEC && addr->ss.ss_family != family)
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "%s and the source address %s are of different families",
		    c->host, c->source);
	ret_addrs->v[0] = *addr;
	ret_addrs->n = 1;
	return 0;
}

static int
find_addrs(const struct mc_connect *c, uint16_t port, int family,
    struct mc_ips *ret_addrs, struct mc_err *err)
{
	struct mc_ip addr;
	if (mc_ip_parse(c->host, port, &addr) == 0)
		return literal(c, &addr, family, ret_addrs, err);
	if (mc_net_is_loopback(c->host)) {
		loopback(port, family, ret_addrs);
		return 0;
	}
	size_t len = strlen(c->host);
	if (len == 0 || len > MC_MAX_DOMAIN)
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "cannot resolve a host name of %zu bytes (1 to %d)", len,
		    MC_MAX_DOMAIN);
	return mc_net_resolve(c, family, NULL, ret_addrs, err);
}

static void
tell_addrs(const struct mc_connect *c, const struct mc_ips *addrs,
    int64_t since)
{
	char text[MC_PEER_TEXT];
	for (size_t i = 0; i < addrs->n; i++) {
		mc_ip_text(&addrs->v[i], text);
		mc_fact(c->facts, MC_STAGE_RESOLVE, "address",
		    mc_str_from(text));
	}
	mc_fact_number(c->facts, MC_STAGE_RESOLVE, "ms",
	    mc_clock_ms() - since);
}

int
mc_net_connect(const struct mc_connect *c, char ret_peer[MC_PEER_TEXT],
    struct mc_err *err)
{
	char peer[MC_PEER_TEXT];
	int fd;
	int64_t since = c->facts != NULL ? mc_clock_ms() : 0;
	if (c->host[0] == '/') {
		fd = connect_unix(c, err);
		snprintf(peer, sizeof(peer), "%s", c->host);
	} else {
		uint64_t port;
		if (mc_num_u64(mc_str_from(c->port), 65535, &port) == -1 ||
		    port == 0)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "port %s is not a number from 1 "
			    "to 65535", c->port == NULL ? "?" : c->port);
		struct mc_ip source;
		if (c->source != NULL &&
		    mc_ip_parse(c->source, 0, &source) == -1)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "source %s is not an IP address",
			    c->source);
		struct mc_ips addrs;
		if (find_addrs(c, (uint16_t)port, c->source == NULL ?
		    AF_UNSPEC : source.ss.ss_family, &addrs, err) == -1)
			return -1;
		if (c->facts != NULL) {
			tell_addrs(c, &addrs, since);
			since = mc_clock_ms();
		}
		size_t winner;
		fd = mc_net_race(c, &addrs, c->source == NULL ? NULL : &source,
		    &winner, err);
		if (fd != -1)
			mc_ip_text(&addrs.v[winner], peer);
	}
	if (fd == -1)
		return -1;
	mc_log_line(c->log, MC_LOG_DEBUG, MC_STAGE_CONNECT, "connected to %s",
	    peer);
	if (c->facts != NULL) {
		mc_fact(c->facts, MC_STAGE_CONNECT, "peer", mc_str_from(peer));
		mc_fact_number(c->facts, MC_STAGE_CONNECT, "ms",
		    mc_clock_ms() - since);
	}
	if (ret_peer != NULL)
		memcpy(ret_peer, peer, sizeof(peer));
	return fd;
}
