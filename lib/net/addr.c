/* SPDX-License-Identifier: MIT */
/*
 * Network addresses: literals in and out, and which ones are worth trying.
 */
#include "base/base.h"

#include "net/connect_internal.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

/* an IPv6 address, '%' and the name of an interface */
#define MAX_LITERAL 96

/* copy without brackets, cut the scope off */
static int
split_literal(const char *text, char host[MAX_LITERAL], const char **ret_scope)
{
	struct mc_str s = mc_str_from(text);
	if (s.len >= 2 && s.ptr[0] == '[') {
		if (s.ptr[s.len - 1] != ']')
			return -1;
		s = mc_str_sub(s, 1, s.len - 2);
	}
	if (s.len == 0 || s.len >= MAX_LITERAL)
		return -1;
	memcpy(host, s.ptr, s.len);
	host[s.len] = '\0';
	char *percent = strchr(host, '%');
	*ret_scope = NULL;
	if (percent != NULL) {
		*percent = '\0';
		*ret_scope = percent + 1;
	}
	return 0;
}

int
mc_ip_parse(const char *text, uint16_t port, struct mc_ip *ret_addr)
{
	char host[MAX_LITERAL];
	const char *scope;
	if (split_literal(text, host, &scope) == -1)
		return -1;
	struct mc_ip a = { .len = 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6 };
	if (scope == NULL && inet_pton(AF_INET, host, &sin.sin_addr) == 1) {
		sin.sin_port = htons(port);
		memcpy(&a.ss, &sin, sizeof(sin));
		a.len = sizeof(sin);
	} else if (inet_pton(AF_INET6, host, &sin6.sin6_addr) == 1) {
		sin6.sin6_port = htons(port);
		if (scope != NULL)
			sin6.sin6_scope_id = if_nametoindex(scope);
		memcpy(&a.ss, &sin6, sizeof(sin6));
		a.len = sizeof(sin6);
	} else
		return -1;
	*ret_addr = a;
	return 0;
}

bool
mc_ip_is_any(const struct mc_ip *addr)
{
	if (addr->ss.ss_family == AF_INET) {
		struct sockaddr_in sin;
		memcpy(&sin, &addr->ss, sizeof(sin));
		return sin.sin_addr.s_addr == htonl(INADDR_ANY);
	}
	struct sockaddr_in6 sin6;
	memcpy(&sin6, &addr->ss, sizeof(sin6));
	if (IN6_IS_ADDR_V4MAPPED(&sin6.sin6_addr)) {
		static const unsigned char none[4];
		return memcmp(&sin6.sin6_addr.s6_addr[12], none, 4) == 0;
	}
	return IN6_IS_ADDR_UNSPECIFIED(&sin6.sin6_addr) != 0;
}

void
mc_ip_text(const struct mc_ip *addr, char ret_text[MC_PEER_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";
	if (addr->ss.ss_family == AF_INET) {
		struct sockaddr_in sin;
		memcpy(&sin, &addr->ss, sizeof(sin));
		inet_ntop(AF_INET, &sin.sin_addr, host, sizeof(host));
		snprintf(ret_text, MC_PEER_TEXT, "%s:%u", host,
		    (unsigned)ntohs(sin.sin_port));
		return;
	}
	struct sockaddr_in6 sin6;
	memcpy(&sin6, &addr->ss, sizeof(sin6));
	inet_ntop(AF_INET6, &sin6.sin6_addr, host, sizeof(host));
	snprintf(ret_text, MC_PEER_TEXT, "[%s]:%u", host,
	    (unsigned)ntohs(sin6.sin6_port));
}

static bool
holds(const struct mc_ips *addrs, const struct mc_ip *a)
{
	for (size_t i = 0; i < addrs->n; i++)
		if (addrs->v[i].len == a->len &&
		    memcmp(&addrs->v[i].ss, &a->ss, a->len) == 0)
			return true;
	return false;
}

void
mc_ips_pick(const struct addrinfo *list, int family,
    struct mc_ips *ret_addrs)
{
	struct mc_ips by[2] = { { .n = 0 }, { .n = 0 } };
	int first = AF_UNSPEC;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		int af = ai->ai_family;
		if ((af != AF_INET && af != AF_INET6) ||
		    (family != AF_UNSPEC && af != family) ||
		    ai->ai_addrlen > sizeof(by[0].v[0].ss))
			continue;
		struct mc_ip a = { .len = ai->ai_addrlen };
		memcpy(&a.ss, ai->ai_addr, a.len);
		if (first == AF_UNSPEC)
			first = af;
		struct mc_ips *to = &by[af == first ? 0 : 1];
		if (mc_ip_is_any(&a) || to->n == MC_MAX_ADDRESSES ||
		    holds(to, &a))
			continue;
		to->v[to->n++] = a;
	}
	/* RFC 8305 section 4, with a First Address Family Count of 1 */
	ret_addrs->n = 0;
	for (size_t i = 0; i < MC_MAX_ADDRESSES; i++)
		for (size_t f = 0; f < 2; f++)
			if (i < by[f].n && ret_addrs->n < MC_MAX_ADDRESSES)
				ret_addrs->v[ret_addrs->n++] = by[f].v[i];
}

bool
mc_net_is_literal(const char *host)
{
	struct mc_ip a;
	return host != NULL && mc_ip_parse(host, 0, &a) == 0;
}

bool
mc_net_is_loopback(const char *host)
{
	if (host == NULL)
		return false;
	struct mc_str s = mc_str_from(host);
	if (mc_str_eq_nocase(s, MC_STR("localhost")) ||
	    mc_str_eq_nocase(s, MC_STR("localhost.")))
		return true;
	struct mc_ip a;
	if (mc_ip_parse(host, 0, &a) == -1)
		return false;
	if (a.ss.ss_family == AF_INET) {
		struct sockaddr_in sin;
		memcpy(&sin, &a.ss, sizeof(sin));
		return ntohl(sin.sin_addr.s_addr) >> 24 == 127;
	}
	struct sockaddr_in6 sin6;
	memcpy(&sin6, &a.ss, sizeof(sin6));
	return IN6_IS_ADDR_LOOPBACK(&sin6.sin6_addr) != 0;
}
