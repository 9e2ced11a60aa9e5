/* SPDX-License-Identifier: MIT */
/*
 * connect_internal.h - the parts of connecting, each to be tested by itself
 */
#ifndef MC_CONNECT_INTERNAL_H
#define MC_CONNECT_INTERNAL_H

#include <netdb.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "net/connect.h"

struct mc_ip {
	struct sockaddr_storage ss;
	socklen_t len;
};

struct mc_ips {
	struct mc_ip v[MC_MAX_ADDRESSES];
	size_t n;
};

/* getaddrinfo(3), or a test's replacement */
typedef int (*mc_resolver_fn)(const char *host, const char *port,
    const struct addrinfo *hints, struct addrinfo **ret_list);

/*
 * mc_ip_parse - an address literal, with or without brackets, as a sockaddr
 *
 * 0, or -1 when the text is none ("%scope" is taken behind IPv6).
 */
MC_NODISCARD int
mc_ip_parse(const char *text, uint16_t port, struct mc_ip *ret_addr);

/* 0.0.0.0 or ::, also as ::ffff:0.0.0.0 */
bool
mc_ip_is_any(const struct mc_ip *addr);

/* "192.0.2.1:465", "[2001:db8::1]:465" */
void
mc_ip_text(const struct mc_ip *addr, char ret_text[MC_PEER_TEXT]);

/*
 * mc_ips_pick - choose what to try out of the resolver's list
 *
 * Only `family` unless AF_UNSPEC; no duplicates, no 0.0.0.0; families
 * alternate, beginning with the first one's; at most MC_MAX_ADDRESSES.
 */
void
mc_ips_pick(const struct addrinfo *list, int family,
    struct mc_ips *ret_addrs);

/*
 * mc_net_resolve - ask the resolver in a thread of its own
 *
 * MC_E_RESOLVE, MC_E_TIMEOUT, MC_E_CANCELLED, MC_E_NOMEM.  `fn` NULL is
 * getaddrinfo.
 */
MC_NODISCARD int
mc_net_resolve(const struct mc_connect *c, int family, mc_resolver_fn fn,
    struct mc_ips *ret_addrs, struct mc_err *err);

/*
 * mc_net_race - connect to the first of the addresses that answers (RFC 8305)
 *
 * `source` (or NULL) is bound first.  Returns the descriptor as
 * mc_net_connect does, with the winner's index.
 */
MC_NODISCARD int
mc_net_race(const struct mc_connect *c, const struct mc_ips *addrs,
    const struct mc_ip *source, size_t *ret_winner, struct mc_err *err);

/* a non-blocking, close-on-exec stream socket above 2; -1 with errno */
MC_NODISCARD int
mc_net_socket(int family);

#endif
