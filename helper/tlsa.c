/* SPDX-License-Identifier: MIT */
/*
 * tlsa.c - mailchute-tlsa HOST PORT: the TLSA records of a server
 *
 * A program of its own, run for `tls-verify = dane` alone, so that no DNS
 * library is in the way of a message.  What it prints is described in
 * lib/net/dane.h.
 *
 * It validates nothing itself but asks the system's resolver, and believes
 * the AD bit only where nobody can have forged it on the way: from a server
 * on this machine, or where the administrator has written "options trust-ad"
 * into resolv.conf.  libunbound would validate without such a server, but in
 * a process that lives for one question it begins with an empty cache, and
 * fetches keys from the root downwards before every message.
 */
#include <config.h>

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#define TYPE_TLSA 52		/* RFC 6698 7.1; not in every nameser.h */
#define MAX_ANSWER 65535
#define MAX_RECORDS 100
#define MAX_ALIASES 16
#define MAX_NAME 253

enum kind {
	FAILED = -1,
	SECURE,
	INSECURE
};

/* one answer of the resolver */
struct answer {
	enum kind kind;
	bool data;			/* records of the type are there */
	bool alias;			/* the name leads to `end` */
	char end[NS_MAXDNAME];
	unsigned char msg[MAX_ANSWER];
	int len;			/* 0: no records at all */
};

static int say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)putchar('\n');
	return fflush(stdout) != 0 || ferror(stdout) ? EX_IOERR : EX_OK;
}

/* the same name, with or without the dot at the end */
static bool
same_name(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);

	na -= na > 1 && a[na - 1] == '.';
	nb -= nb > 1 && b[nb - 1] == '.';
	return na == nb && strncasecmp(a, b, na) == 0;
}

/* --------------------------------------------------------------- the resolver */

/*
 * 127.0.0.11 is what containers of Docker have: it hands on what comes from
 * elsewhere, the AD bit too, and validates nothing.
 */
static bool
is_own_v4(const struct sockaddr_in *sin)
{
	unsigned long ip = ntohl(sin->sin_addr.s_addr);

	return ip >> 24 == 127 && ip != 0x7f00000b;
}

static bool
all_on_loopback(const struct __res_state *res)
{
	for (int i = 0; i < res->nscount && i < MAXNS; i++) {
		const struct sockaddr_in *sin = &res->nsaddr_list[i];
		const struct sockaddr_in6 *sin6 = res->_u._ext.nsaddrs[i];

		if (sin->sin_family == AF_INET) {
			if (!is_own_v4(sin))
				return false;
		} else if (sin6 == NULL || sin6->sin6_family != AF_INET6 ||
		    !IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr))
			return false;
	}
	return res->nscount > 0;
}

/* ------------------------------------------------------------------ answers */

/*
 * Follow aliases from `name` through the answer, and see whether a record of
 * `type` stands where they end.  -1: not a DNS message.
 */
static int
follow(struct answer *a, const char *name, int type)
{
	ns_msg msg;
	ns_rr rr;
	int n;

	(void)snprintf(a->end, sizeof(a->end), "%s", name);
	a->alias = a->data = false;
	if (ns_initparse(a->msg, a->len, &msg) != 0)
		return -1;
	n = ns_msg_count(msg, ns_s_an);
	for (int i = 0, hops = 0; i < n; i++) {
		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			return -1;
		if (ns_rr_class(rr) != ns_c_in ||
		    !same_name(ns_rr_name(rr), a->end))
			continue;
		if ((int)ns_rr_type(rr) == type)
			a->data = true;
		if (ns_rr_type(rr) != ns_t_cname || type == ns_t_cname)
			continue;
		if (++hops > MAX_ALIASES || ns_name_uncompress(
		    ns_msg_base(msg), ns_msg_end(msg), ns_rr_rdata(rr),
		    a->end, sizeof(a->end)) < 0)
			return -1;
		a->alias = true;
	}
	return 0;
}

static void
ask(struct __res_state *res, const char *name, int type, struct answer *a)
{
	HEADER head;
	int len;

	memset(a, 0, sizeof(*a));
	len = res_nquery(res, name, ns_c_in, type, a->msg, sizeof(a->msg));
	/* that there is nothing can be proved as well; the answer is there
	 * then, although the call has failed */
	if (len < 0 && res->res_h_errno != HOST_NOT_FOUND &&
	    res->res_h_errno != NO_DATA) {
		a->kind = FAILED;
		return;
	}
	memcpy(&head, a->msg, sizeof(head));
	a->kind = head.ad ? SECURE : INSECURE;
	(void)snprintf(a->end, sizeof(a->end), "%s", name);
	if (len < 0)
		return;
	a->len = len > MAX_ANSWER ? MAX_ANSWER : len;
	if (head.tc || follow(a, name, type) != 0)
		a->kind = FAILED;
}

static int
say_failed(const char *word, const char *what, const char *name)
{
	return say("%s no valid answer about %s of %s (none in time, a "
	    "failing server, or wrong signatures)", word, what, name);
}

/* prints the records at the end of the aliases; their number */
static int
print_records(const struct answer *a, bool print)
{
	ns_msg msg;
	ns_rr rr;
	int n = 0;

	if (ns_initparse(a->msg, a->len, &msg) != 0)
		return 0;
	for (int i = 0; i < ns_msg_count(msg, ns_s_an); i++) {
		const unsigned char *p;

		if (ns_parserr(&msg, ns_s_an, i, &rr) != 0)
			break;
		if ((int)ns_rr_type(rr) != TYPE_TLSA ||
		    ns_rr_class(rr) != ns_c_in || ns_rr_rdlen(rr) < 4 ||
		    !same_name(ns_rr_name(rr), a->end))
			continue;
		n++;
		if (!print)
			continue;
		p = ns_rr_rdata(rr);
		(void)printf("tlsa %u %u %u ", p[0], p[1], p[2]);
		for (int k = 3; k < ns_rr_rdlen(rr); k++)
			(void)printf("%02x", p[k]);
		(void)putchar('\n');
	}
	return n;
}

/* ------------------------------------------------------------------- looking */

/*
 * RFC 7671 section 7, RFC 7672 2.2: the names under which to look, the one
 * that an alias ends at first.  An address that is not secure means that
 * there is nothing to look for, and nobody asks then for types that broken
 * servers do not answer; only an alias in a secure zone may lead out of it.
 * Their number; -1: failed.
 */
static int
find_bases(struct __res_state *res, struct answer *a, const char *host,
    char bases[2][NS_MAXDNAME])
{
	int n = 0;

	ask(res, host, ns_t_a, a);
	if (a->kind != FAILED && !a->data)
		ask(res, host, ns_t_aaaa, a);
	if (a->kind == FAILED)
		return -1;
	if (a->kind == INSECURE && a->alias) {
		ask(res, host, ns_t_cname, a);
		if (a->kind == FAILED)
			return -1;
		a->alias = false;
	}
	if (a->kind == INSECURE)
		return 0;
	if (a->alias && !same_name(a->end, host))
		(void)snprintf(bases[n++], NS_MAXDNAME, "%s", a->end);
	(void)snprintf(bases[n++], NS_MAXDNAME, "%s", host);
	return n;
}

static int
look_up(struct __res_state *res, struct answer *a, const char *host,
    unsigned port)
{
	char bases[2][NS_MAXDNAME], name[MAX_NAME + 16];
	bool insecure = false;
	int n = find_bases(res, a, host, bases);

	if (n < 0)
		return say_failed("again", "the address", host);
	if (n == 0)
		return say("insecure the address of %s is not signed by "
		    "DNSSEC", host);
	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "_%u._tcp.%.*s", port,
		    MAX_NAME, bases[i]);
		if (strlen(name) > MAX_NAME)
			continue;
		ask(res, name, TYPE_TLSA, a);
		if (a->kind == FAILED)
			return say_failed("failed", "TLSA", name);
		if (a->kind == INSECURE) {
			insecure = true;
			continue;
		}
		if (!a->data)
			continue;
		if (print_records(a, false) > MAX_RECORDS)
			return say("failed there are more than %d TLSA "
			    "records of %s", MAX_RECORDS, name);
		(void)print_records(a, true);
		return say("secure %s", bases[i]);
	}
	if (insecure)
		return say("insecure the TLSA records of %s are not signed by "
		    "DNSSEC", host);
	return say("none");
}

static bool
parse_port(const char *text, unsigned *ret_port)
{
	unsigned port = 0;

	for (; *text >= '0' && *text <= '9' && port <= 65535; text++)
		port = port * 10 + (unsigned)(*text - '0');
	*ret_port = port;
	return *text == '\0' && port >= 1 && port <= 65535;
}

/* what is printed of a name has to stay one word on one line */
static bool
is_host(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");

	return n > 0 && n <= MAX_NAME && text[n] == '\0';
}

int
main(int argc, char *argv[])
{
	struct __res_state res;
	struct answer *a;
	unsigned port;
	int status;

	if (argc != 3 || !is_host(argv[1]) || !parse_port(argv[2], &port)) {
		(void)fprintf(stderr, "usage: mailchute-tlsa HOST PORT\n");
		return EX_USAGE;
	}
	memset(&res, 0, sizeof(res));
	a = malloc(sizeof(*a));
	if (a == NULL || res_ninit(&res) != 0) {
		free(a);
		return say("failed the resolver cannot be used");
	}
	if ((res.options & RES_TRUSTAD) == 0 && !all_on_loopback(&res))
		status = say("insecure the DNS server is not on this machine, "
		    "and resolv.conf does not say \"options trust-ad\"");
	else {
		/* without the first glibc clears the bit in every answer */
		res.options |= RES_TRUSTAD | RES_USE_EDNS0 | RES_USE_DNSSEC;
		status = look_up(&res, a, argv[1], port);
	}
	res_nclose(&res);
	free(a);
	return status;
}
