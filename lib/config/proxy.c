/* SPDX-License-Identifier: MIT */
/*
 * proxy.c - the parts of the value of `proxy`
 */
#include "base/base.h"
#include "config/proxy.h"

#include "base/err.h"
#include "base/num.h"

static const char *const schemes[] = { "socks5h", "socks5", "http", "https" };

static bool
is_scheme(struct mc_str s)
{
	for (size_t i = 0; i < MC_NELEM(schemes); i++)
		if (mc_str_eq(s, mc_str_from(schemes[i])))
			return true;
	return false;
}

/* -1 if it is none */
static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* the byte behind the % at `i`; -1 if there are no two hex digits */
static int
encoded(struct mc_str s, size_t i)
{
	if (i + 2 >= s.len || hex(s.ptr[i + 1]) < 0 || hex(s.ptr[i + 2]) < 0)
		return -1;
	return hex(s.ptr[i + 1]) << 4 | hex(s.ptr[i + 2]);
}

static bool
is_word(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c <= ' ' || c == 0x7f || (c == '%' && encoded(s, i) <= 0))
			return false;
	}
	return true;
}

/* a name, an IPv4 address, or an IPv6 address in brackets */
static bool
is_host(struct mc_str s)
{
	bool six = s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']';
	struct mc_str bare = six ? mc_str_sub(s, 1, s.len - 2) : s;

	for (size_t i = 0; i < bare.len; i++) {
		unsigned char c = (unsigned char)bare.ptr[i];

		if (!mc_is_alnum(c) && c != '.' && c != '-' && c != '_' &&
		    !(six && c == ':'))
			return false;
	}
	return bare.len != 0;
}

static size_t
last(struct mc_str s, char c)
{
	size_t i = s.len;

	while (i != 0 && s.ptr[i - 1] != c)
		i--;
	return i != 0 ? i - 1 : s.len;
}

int
mc_proxy_split(struct mc_str in, struct mc_proxy *ret_proxy)
{
	struct mc_proxy p = { .has_user = false };
	struct mc_str rest;
	uint64_t port;
	size_t at;

	p.scheme = mc_str_sub(in, 0, mc_str_chr(in, ':'));
	rest = mc_str_sub(in, p.scheme.len, SIZE_MAX);
	if (!is_scheme(p.scheme) || !is_word(in) ||
	    !mc_str_starts_nocase(rest, MC_STR("://")))
		return -1;
	rest = mc_str_sub(rest, 3, SIZE_MAX);
	if (rest.len != 0 && rest.ptr[rest.len - 1] == '/')
		rest.len--;
	at = last(rest, '@');
	if (at != rest.len) {
		struct mc_str who = mc_str_sub(rest, 0, at);

		p.has_user = true;
		p.user = mc_str_sub(who, 0, mc_str_chr(who, ':'));
		p.password = mc_str_sub(who, p.user.len + 1, SIZE_MAX);
		rest = mc_str_sub(rest, at + 1, SIZE_MAX);
		if (p.user.len == 0 || mc_str_chr(who, '@') != who.len ||
		    mc_str_chr(who, '/') != who.len)
			return -1;
	}
	at = last(rest, ':');
	p.host = mc_str_sub(rest, 0, at);
	p.port = mc_str_sub(rest, at + 1, SIZE_MAX);
	if (!is_host(p.host) || mc_num_u64(p.port, 65535, &port) != 0 ||
	    port == 0)
		return -1;
	*ret_proxy = p;
	return 0;
}

int
mc_proxy_check(const struct mc_account *account, struct mc_err *err)
{
	struct mc_proxy p;

	if (account->proxy == NULL || account->proxy_password_command == NULL)
		return 0;
	/* its form was checked when it was set */
	if (mc_proxy_split(mc_secret_peek(account->proxy), &p) != 0 ||
	    !p.has_user)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "proxy-password-command: there is no user in proxy: write "
		    "socks5h://user@host:port");
	if (p.password.len != 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "proxy-password-command: there is a password in proxy too: "
		    "remove one of them");
	return 0;
}

void
mc_proxy_decode(struct mc_str in, struct mc_buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		int c = in.ptr[i] == '%' ? encoded(in, i) : -1;

		if (c > 0)
			i += 2;
		mc_buf_addc(out, c > 0 ? (char)c : in.ptr[i]);
	}
}
