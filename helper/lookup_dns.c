/* SPDX-License-Identifier: MIT */
/*
 * lookup_dns.c - SRV, TXT, MX and addresses
 *
 * By c-ares, since the resolver of the C library has neither a deadline for a
 * question nor a parser for these records.  c-ares is kept up (curl, Node.js
 * and gRPC use it), asks without blocking, tries every server, turns to TCP for
 * what was cut, throws away answers with a wrong id, port or question, and
 * takes bytes of answers apart without trusting them.  libunbound would
 * validate DNSSEC by itself, but in a process that lives for one question it
 * begins with an empty cache; ldns and getdns leave more to the caller.
 *
 * DNSSEC is one bit here, the resolver's word (AD), and believed only where
 * nobody can have forged it on the way: from a server on this machine, or where
 * the administrator has written "options trust-ad" into resolv.conf.
 */
#include <config.h>

/* ares_send and the parsers are there in all versions; their successors are not
 * in the versions that distributions keep */
#define CARES_NO_DEPRECATED

#include "helper/lookup.h"

#include <ares.h>
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

#define MAX_SOCKETS 32
#define TRY_MS 2000
#define TRIES 3
#define EDNS_SIZE 1232		/* what passes everywhere in one piece */

/* one question, and its answer */
struct question {
	const char *name;
	int type;
	bool done;
	int status;		/* of c-ares */
	int rcode;
	bool secure;
	unsigned char *answer;
	int len;
};

struct resolver {
	ares_channel channel;
	struct pollfd fds[MAX_SOCKETS];
	nfds_t n_fds;
	bool trusted;		/* its AD bit counts */
};

/* ----------------------------------------------------------------- sockets */

static void
on_socket(void *ctx, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = ctx;
	nfds_t i = 0;

	while (i < r->n_fds && r->fds[i].fd != fd)
		i++;
	if (!readable && !writable) {
		if (i < r->n_fds)
			r->fds[i] = r->fds[--r->n_fds];
		return;
	}
	if (i == r->n_fds) {
		/* then it is not looked at, and its question runs out of time */
		if (r->n_fds == MAX_SOCKETS)
			return;
		r->n_fds++;
	}
	r->fds[i].fd = fd;
	r->fds[i].events = (short)((readable ? POLLIN : 0) |
	    (writable ? POLLOUT : 0));
	r->fds[i].revents = 0;
}

/* once: wait for something, and have c-ares look at it */
static void
turn(struct resolver *r, int ms)
{
	struct pollfd ready[MAX_SOCKETS];
	struct timeval most, tv, *wait;
	nfds_t n = r->n_fds;

	most.tv_sec = ms / 1000;
	most.tv_usec = ms % 1000 * 1000;
	wait = ares_timeout(r->channel, &most, &tv);
	memcpy(ready, r->fds, sizeof(ready));
	if (poll(ready, n, (int)(wait->tv_sec * 1000 + wait->tv_usec / 1000) +
	    1) < 0)
		n = 0;
	/* sockets come and go while this runs, so it runs over a copy */
	for (nfds_t i = 0; i < n; i++) {
		short seen = ready[i].revents;

		if (seen != 0)
			ares_process_fd(r->channel,
			    (seen & (POLLIN | POLLERR | POLLHUP)) != 0 ?
			    ready[i].fd : ARES_SOCKET_BAD,
			    (seen & POLLOUT) != 0 ?
			    ready[i].fd : ARES_SOCKET_BAD);
	}
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

/* ---------------------------------------------------------------- resolver */

/*
 * 127.0.0.11 is what containers of Docker have: it hands on what comes from
 * elsewhere, the AD bit too, and validates nothing.
 */
static bool
is_own(const struct ares_addr_port_node *node)
{
	if (node->family == AF_INET) {
		unsigned long ip = ntohl(node->addr.addr4.s_addr);

		return ip >> 24 == 127 && ip != 0x7f00000b;
	}
	return node->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(
	    (const struct in6_addr *)(const void *)&node->addr.addr6);
}

static bool
all_on_loopback(ares_channel channel)
{
	struct ares_addr_port_node *nodes = NULL;
	bool all;

	if (ares_get_servers_ports(channel, &nodes) != ARES_SUCCESS)
		return false;
	all = nodes != NULL;
	for (struct ares_addr_port_node *p = nodes; p != NULL; p = p->next)
		all = all && is_own(p);
	ares_free_data(nodes);
	return all;
}

/* "options ... trust-ad" in resolv.conf, which c-ares does not tell of */
static bool
says_trust_ad(void)
{
	char line[1024];
	bool found = false;
	FILE *f = fopen("/etc/resolv.conf", "re");

	if (f == NULL)
		return false;
	while (!found && fgets(line, sizeof(line), f) != NULL) {
		char *rest, *word = strtok_r(line, " \t\n", &rest);

		if (word == NULL || strcmp(word, "options") != 0)
			continue;
		while (!found && (word = strtok_r(NULL, " \t\n", &rest)) != NULL)
			found = strcmp(word, "trust-ad") == 0;
	}
	(void)fclose(f);
	return found;
}

static int
open_resolver(const struct lookup *l, int flags, struct resolver *r)
{
	struct ares_options o;

	memset(r, 0, sizeof(*r));
	memset(&o, 0, sizeof(o));
	o.flags = ARES_FLAG_EDNS | flags;
	o.ednspsz = EDNS_SIZE;
	o.timeout = TRY_MS;
	o.tries = TRIES;
	o.sock_state_cb = on_socket;
	o.sock_state_cb_data = r;
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		return -1;
	if (ares_init_options(&r->channel, &o, ARES_OPT_FLAGS |
	    ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
	    ARES_OPT_SOCK_STATE_CB) != ARES_SUCCESS) {
		ares_library_cleanup();
		return -1;
	}
	if (l->server != NULL && ares_set_servers_ports_csv(r->channel,
	    l->server) != ARES_SUCCESS) {
		ares_destroy(r->channel);
		ares_library_cleanup();
		return -1;
	}
	r->trusted = all_on_loopback(r->channel) ||
	    (l->server == NULL && says_trust_ad());
	return 0;
}

static void
close_resolver(struct resolver *r)
{
	ares_destroy(r->channel);
	ares_library_cleanup();
}

/* --------------------------------------------------------------- questions */

static void
on_answer(void *ctx, int status, int timeouts, unsigned char *answer, int len)
{
	struct question *q = ctx;

	(void)timeouts;
	q->done = true;
	q->status = status;
	if (status != ARES_SUCCESS || answer == NULL || len < NS_HFIXEDSZ)
		return;
	q->answer = malloc((size_t)len);
	if (q->answer == NULL) {
		q->status = ARES_ENOMEM;
		return;
	}
	memcpy(q->answer, answer, (size_t)len);
	q->len = len;
	q->rcode = answer[3] & 0x0f;
	q->secure = (answer[3] & 0x20) != 0;
}

static bool
random_id(unsigned short *ret)
{
	FILE *f = fopen("/dev/urandom", "re");
	bool good = f != NULL && fread(ret, sizeof(*ret), 1, f) == 1;

	if (f != NULL)
		(void)fclose(f);
	return good;
}

/* RFC 6840 5.7: AD in the question asks for AD in the answer */
static void
ask(struct resolver *r, struct question *q)
{
	unsigned char *query = NULL;
	unsigned short id;
	int len;

	if (!random_id(&id))
		q->status = ARES_ENOMEM;
	else
		q->status = ares_create_query(q->name, ns_c_in, q->type, id, 1,
		    &query, &len, EDNS_SIZE);
	if (q->status != ARES_SUCCESS) {
		q->done = true;
		return;
	}
	query[3] |= 0x20;
	ares_send(r->channel, query, len, on_answer, q);
	ares_free_string(query);
}

/* ask what is not done yet; 0, or -1 if there is no resolver */
static int
ask_with(const struct lookup *l, int flags, struct question *q, size_t n)
{
	struct resolver resolver, *r = &resolver;
	bool done;

	if (open_resolver(l, flags, r) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (!q[i].done)
			ask(r, &q[i]);
	for (;;) {
		int left = lookup_left(l);

		done = true;
		for (size_t i = 0; i < n; i++)
			done = done && q[i].done;
		if (done)
			break;
		if (left == 0) {
			/* calls back for what is open */
			ares_cancel(r->channel);
			break;
		}
		turn(r, left);
	}
	for (size_t i = 0; i < n; i++)
		q[i].secure = q[i].secure && r->trusted;
	close_resolver(r);
	return 0;
}

/*
 * Where all servers fail, c-ares does not tell how; the first one is asked
 * once more then, for the sake of what a person reads.
 */
static int
ask_all(const struct lookup *l, struct question *q, size_t n)
{
	bool again = false;

	if (ask_with(l, 0, q, n) != 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (q[i].status == ARES_ECONNREFUSED) {
			q[i].done = false;
			again = true;
		}
	return again ? ask_with(l, ARES_FLAG_NOCHECKRESP, q, n) : 0;
}

/* "" if there is an answer to look at, else the word of an error */
static const char *
word_of(const struct question *q)
{
	if (q->status == ARES_ENOTFOUND || q->status == ARES_ENODATA)
		return "none";
	if (q->status != ARES_SUCCESS || q->answer == NULL)
		return "temporary";
	if (q->rcode == ns_r_nxdomain)
		return "none";
	return q->rcode == ns_r_noerror ? "" : "temporary";
}

static void
say_error(const struct question *q, const char *word, const char *what)
{
	if (strcmp(word, "none") == 0)
		lookup_error(word, "%s has no %s", q->name, what);
	else if (q->status == ARES_ESERVFAIL || (q->status == ARES_SUCCESS &&
	    q->rcode == ns_r_servfail))
		lookup_error(word, "the DNS server failed to find %s of %s "
		    "(trouble at the domain, or wrong signatures)", what,
		    q->name);
	else if (q->status == ARES_ECONNREFUSED ||
	    q->status == ARES_ETIMEOUT || q->status == ARES_ECANCELLED)
		lookup_error(word, "no DNS server answered about %s of %s in "
		    "time: check the network and /etc/resolv.conf", what,
		    q->name);
	else
		lookup_error(word, "the DNS server gave no answer about %s of "
		    "%s that can be used (%s)", what, q->name,
		    q->status != ARES_SUCCESS ? ares_strerror(q->status) :
		    "it refused");
}

/* ----------------------------------------------------------------- records */

static const char *
digit(bool yes)
{
	return yes ? "1" : "0";
}

/* a host that an answer names; "." is none on purpose */
static bool
is_host(const char *host)
{
	return lookup_is_name(host, true);
}

static int
by_priority(const void *a, const void *b)
{
	const struct ares_srv_reply *x = *(struct ares_srv_reply *const *)a;
	const struct ares_srv_reply *y = *(struct ares_srv_reply *const *)b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return strcasecmp(x->host, y->host);
}

static int
by_preference(const void *a, const void *b)
{
	const struct ares_mx_reply *x = *(struct ares_mx_reply *const *)a;
	const struct ares_mx_reply *y = *(struct ares_mx_reply *const *)b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return strcasecmp(x->host, y->host);
}

/* how many were said; -1: the domain says that there is no such service */
static int
say_srv(const struct question *q)
{
	struct ares_srv_reply *list = NULL, *sorted[LOOKUP_RECORDS_MAX];
	char priority[8], weight[8], port[8];
	bool never = false;
	size_t n = 0;
	int said = 0;

	if (ares_parse_srv_reply(q->answer, q->len, &list) != ARES_SUCCESS)
		return 0;
	for (struct ares_srv_reply *p = list; p != NULL; p = p->next) {
		if (p->host[0] == '\0' || strcmp(p->host, ".") == 0)
			never = true;
		else if (is_host(p->host) && p->port != 0 &&
		    n < LOOKUP_RECORDS_MAX)
			sorted[n++] = p;
	}
	/* they are pointers */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	qsort(sorted, n, sizeof(sorted[0]), by_priority);
	for (size_t i = 0; i < n; i++, said++) {
		(void)snprintf(priority, sizeof(priority), "%u",
		    sorted[i]->priority);
		(void)snprintf(weight, sizeof(weight), "%u", sorted[i]->weight);
		(void)snprintf(port, sizeof(port), "%u", sorted[i]->port);
		lookup_say("srv", digit(q->secure), priority, weight, port,
		    sorted[i]->host, (char *)NULL);
	}
	ares_free_data(list);
	return said == 0 && never ? -1 : said;
}

static int
say_mx(const struct question *q)
{
	struct ares_mx_reply *list = NULL, *sorted[LOOKUP_RECORDS_MAX];
	char preference[8];
	bool never = false;
	size_t n = 0;

	if (ares_parse_mx_reply(q->answer, q->len, &list) != ARES_SUCCESS)
		return 0;
	for (struct ares_mx_reply *p = list; p != NULL; p = p->next) {
		/* RFC 7505 */
		if (p->host[0] == '\0' || strcmp(p->host, ".") == 0)
			never = true;
		else if (is_host(p->host) && n < LOOKUP_RECORDS_MAX)
			sorted[n++] = p;
	}
	/* the same */
	/* NOLINTNEXTLINE(bugprone-sizeof-expression) */
	qsort(sorted, n, sizeof(sorted[0]), by_preference);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(preference, sizeof(preference), "%u",
		    sorted[i]->priority);
		lookup_say("mx", digit(q->secure), preference, sorted[i]->host,
		    (char *)NULL);
	}
	ares_free_data(list);
	return n == 0 && never ? -1 : (int)n;
}

/* a NUL within would end the record early, and is none of its text */
static void
append(char *to, size_t *n, const unsigned char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[(*n)++] = from[i] == '\0' ? '?' : (char)from[i];
	to[*n] = '\0';
}

static int
say_txt(const struct question *q)
{
	struct ares_txt_ext *list = NULL;
	char *text;
	size_t n = 0;
	int said = 0;

	if (ares_parse_txt_reply_ext(q->answer, q->len, &list) != ARES_SUCCESS)
		return 0;
	/* all of it together is no longer than the answer */
	text = malloc((size_t)q->len + 1);
	for (struct ares_txt_ext *p = list; p != NULL && text != NULL &&
	    said < LOOKUP_RECORDS_MAX; p = p->next) {
		append(text, &n, p->txt, p->length);
		if (p->next != NULL && !p->next->record_start)
			continue;
		lookup_say("txt", digit(q->secure), text, (char *)NULL);
		said++;
		n = 0;
	}
	free(text);
	ares_free_data(list);
	return said;
}

/* what the addresses of an answer are: their number, texts in `ret` */
static int
addresses(const struct question *q, char ret[][INET6_ADDRSTRLEN], int most)
{
	struct ares_addrttl v4[LOOKUP_RECORDS_MAX];
	struct ares_addr6ttl v6[LOOKUP_RECORDS_MAX];
	int n = most < LOOKUP_RECORDS_MAX ? most : LOOKUP_RECORDS_MAX;

	if (word_of(q)[0] != '\0')
		return 0;
	if ((q->type == ns_t_a ?
	    ares_parse_a_reply(q->answer, q->len, NULL, v4, &n) :
	    ares_parse_aaaa_reply(q->answer, q->len, NULL, v6, &n)) !=
	    ARES_SUCCESS)
		return 0;
	for (int i = 0; i < n; i++) {
		if (q->type == ns_t_a)
			(void)inet_ntop(AF_INET, &v4[i].ipaddr, ret[i],
			    INET6_ADDRSTRLEN);
		else
			(void)inet_ntop(AF_INET6, &v6[i].ip6addr, ret[i],
			    INET6_ADDRSTRLEN);
	}
	return n;
}

static int
say_addr(const struct question *q)
{
	char texts[LOOKUP_RECORDS_MAX][INET6_ADDRSTRLEN];
	int n = addresses(q, texts, LOOKUP_RECORDS_MAX);

	for (int i = 0; i < n; i++)
		lookup_say("addr", digit(q->secure), texts[i], (char *)NULL);
	return n;
}

/* ---------------------------------------------------------------- commands */

static const struct {
	int type;
	const char *what;
	int (*say)(const struct question *q);
} kinds[] = {
	[LOOKUP_SRV] = { ns_t_srv, "SRV record", say_srv },
	[LOOKUP_TXT] = { ns_t_txt, "TXT record", say_txt },
	[LOOKUP_MX] = { ns_t_mx, "MX record", say_mx },
	[LOOKUP_ADDR] = { ns_t_a, "address", say_addr },
};

/* the worse of what two questions have come to, for the text of an error */
static const struct question *
worse(const struct question *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word_of(&q[i]), "temporary") == 0)
			return &q[i];
	return &q[0];
}

static void
tell(enum lookup_type type, const struct question *q, size_t n)
{
	const char *what = kinds[type].what;
	int said = 0;

	for (size_t i = 0; i < n && said >= 0; i++)
		if (word_of(&q[i])[0] == '\0')
			said += kinds[type].say(&q[i]);
	if (said < 0)
		lookup_say("error", "none", type == LOOKUP_MX ?
		    "the domain says that it takes no mail" :
		    "the domain says that it has no such service", "decided",
		    (char *)NULL);
	else if (said == 0) {
		const struct question *bad = worse(q, n);
		const char *word = word_of(bad);

		say_error(bad, word[0] == '\0' ? "none" : word, what);
	}
}

int
lookup_dns(const struct lookup *l, enum lookup_type type, const char *name)
{
	struct question q[2] = { { .name = name, .type = kinds[type].type },
	    { .name = name, .type = ns_t_aaaa } };
	size_t n = type == LOOKUP_ADDR ? 2 : 1;

	if (ask_all(l, q, n) != 0)
		return EX_OSERR;
	tell(type, q, n);
	free(q[0].answer);
	free(q[1].answer);
	return EX_OK;
}

int
lookup_host(const struct lookup *l, const char *host, char *ret, size_t size)
{
	struct question q[2] = { { .name = host, .type = ns_t_a },
	    { .name = host, .type = ns_t_aaaa } };
	char texts[8][INET6_ADDRSTRLEN];
	size_t len = 0;

	if (ask_all(l, q, 2) != 0)
		return 0;
	ret[0] = '\0';
	for (size_t i = 0; i < 2; i++)
		for (int k = 0, n = addresses(&q[i], texts, 8); k < n; k++) {
			int add = snprintf(ret + len, size - len, "%s%s%s%s",
			    len == 0 ? "" : ",", i == 0 ? "" : "[", texts[k],
			    i == 0 ? "" : "]");

			if (add > 0 && (size_t)add < size - len)
				len += (size_t)add;
			else
				ret[len] = '\0';
		}
	free(q[0].answer);
	free(q[1].answer);
	return len != 0;
}
