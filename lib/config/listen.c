/* SPDX-License-Identifier: MIT */
/*
 * listen.c - the loopback addresses of `listen`
 */
#include "base/base.h"

#include "config/listen.h"

#include "base/err.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static int
bad(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* "host:port", with brackets around a host that has colons itself */
static int
split(struct mc_str word, struct mc_str *ret_host, struct mc_str *ret_port)
{
	bool six = word.len != 0 && word.ptr[0] == '[';
	size_t end = mc_str_chr(word, six ? ']' : ':');
	size_t colon = six ? end + 1 : end;

	if (colon >= word.len || word.ptr[colon] != ':')
		return -1;
	*ret_host = mc_str_sub(word, six, end - six);
	*ret_port = mc_str_sub(word, colon + 1, SIZE_MAX);
	return six;
}

static bool
get_four(const char *host, uint16_t port, struct mc_listen *l)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_port = htons(port) };

	if (inet_pton(AF_INET, host, &sin.sin_addr) != 1 ||
	    ntohl(sin.sin_addr.s_addr) >> 24 != 127)
		return false;
	memcpy(&l->ss, &sin, sizeof(sin));
	l->len = sizeof(sin);
	return true;
}

static bool
get_six(const char *host, uint16_t port, struct mc_listen *l)
{
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons(port) };

	if (inet_pton(AF_INET6, host, &sin6.sin6_addr) != 1 ||
	    memcmp(&sin6.sin6_addr, &in6addr_loopback,
	    sizeof(in6addr_loopback)) != 0)
		return false;
	memcpy(&l->ss, &sin6, sizeof(sin6));
	l->len = sizeof(sin6);
	return true;
}

int
mc_listen_parse(struct mc_str word, struct mc_listen *ret_listen,
    struct mc_err *err)
{
	struct mc_listen l = { .len = 0 };
	char text[INET6_ADDRSTRLEN];
	struct mc_str host, port;
	uint64_t number;
	int six = split(word, &host, &port);

	if (six < 0)
		return bad(err, "must be addresses with ports, like "
		    "127.0.0.1:2525 or [::1]:2525");
	if (mc_num_u64(port, 65535, &number) != 0 || number == 0)
		return bad(err, "a port is a number from 1 to 65535");
	if (host.len >= sizeof(text) || mc_str_chr(host, '\0') != host.len)
		return bad(err, "that is no address");
	memcpy(text, host.ptr, host.len);
	text[host.len] = '\0';
	if (!(six ? get_six : get_four)(text, (uint16_t)number, &l))
		return bad(err, "takes loopback addresses only: those that "
		    "begin with 127., and [::1]; no names, and none that "
		    "another machine could reach");
	*ret_listen = l;
	return 0;
}

void
mc_listen_format(const struct mc_listen *listen, struct mc_buf *out)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct sockaddr_in6 sin6;
	struct sockaddr_in sin;

	if (listen->ss.ss_family == AF_INET) {
		memcpy(&sin, &listen->ss, sizeof(sin));
		(void)inet_ntop(AF_INET, &sin.sin_addr, text, sizeof(text));
		mc_buf_addf(out, "%s:%u", text, ntohs(sin.sin_port));
	} else {
		memcpy(&sin6, &listen->ss, sizeof(sin6));
		(void)inet_ntop(AF_INET6, &sin6.sin6_addr, text, sizeof(text));
		mc_buf_addf(out, "[%s]:%u", text, ntohs(sin6.sin6_port));
	}
}

/* is it one of the words already in the list? */
static bool
is_there(struct mc_str list, struct mc_str word)
{
	struct mc_str one;

	while (mc_str_next_token(&list, " ", &one))
		if (mc_str_eq(one, word))
			return true;
	return false;
}

static int
add(struct mc_str word, size_t from, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str list = mc_str_sub(mc_buf_str(out), from, SIZE_MAX);
	struct mc_listen l;
	struct mc_buf one;
	int rc;

	if (mc_listen_parse(word, &l, err) != 0)
		return -1;
	mc_buf_init(&one, INET6_ADDRSTRLEN + 16);
	mc_listen_format(&l, &one);
	rc = mc_buf_err(&one, "address", err);
	if (rc == 0 && is_there(list, mc_buf_str(&one)))
		rc = bad(err, "has an address twice");
	if (rc == 0 && list.len != 0)
		mc_buf_addc(out, ' ');
	if (rc == 0)
		mc_buf_add_str(out, mc_buf_str(&one));
	mc_buf_clear(&one);
	return rc;
}

int
mc_listen_check(struct mc_str in, struct mc_buf *out, struct mc_err *err)
{
	size_t from = out->len;
	struct mc_str word;
	size_t n = 0;

	for (; mc_str_next_token(&in, " \t,", &word); n++) {
		if (n == MC_LISTEN_MOST)
			return bad(err, "has too many addresses");
		if (add(word, from, out, err) != 0)
			return -1;
	}
	return n != 0 ? 0 : bad(err, "holds no address");
}
