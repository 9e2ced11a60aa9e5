/* SPDX-License-Identifier: MIT */
/* The value of `proxy`: what is one, and its parts. */
#include "unit.h"

#include "base/buf.h"
#include "config/proxy.h"

static void
test_good(void **state)
{
	static const struct {
		const char *in;
		const char *scheme;
		const char *user;	/* NULL: none */
		const char *password;
		const char *host;
		const char *port;
	} rows[] = {
		{ "socks5h://proxy:1080", "socks5h", NULL, "", "proxy",
		    "1080" },
		{ "socks5://127.0.0.1:1", "socks5", NULL, "", "127.0.0.1",
		    "1" },
		{ "http://p.example:65535/", "http", NULL, "", "p.example",
		    "65535" },
		{ "https://[2001:db8::1]:443", "https", NULL, "",
		    "[2001:db8::1]", "443" },
		{ "http://bob@p:1", "http", "bob", "", "p", "1" },
		{ "http://bob:@p:1", "http", "bob", "", "p", "1" },
		{ "http://b%40b:s%3A%2f%25:x@p:1", "http", "b%40b",
		    "s%3A%2f%25:x", "p", "1" },
		{ "socks5h://u:\xc3\xa4@p:1", "socks5h", "u", "\xc3\xa4", "p",
		    "1" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_proxy p;

		memset(&p, 0xa5, sizeof(p));
		assert_int_equal(mc_proxy_split(mc_str_from(rows[i].in), &p),
		    0);
		assert_str(p.scheme, rows[i].scheme);
		assert_int_equal(p.has_user, rows[i].user != NULL);
		assert_str(p.user, rows[i].user != NULL ? rows[i].user : "");
		assert_str(p.password, rows[i].password);
		assert_str(p.host, rows[i].host);
		assert_str(p.port, rows[i].port);
	}
}

static void
test_bad(void **state)
{
	static const char *const rows[] = {
		"", ":", "proxy", "proxy:1080", "socks5h", "socks5h:",
		"socks5h:/p:1", "socks5h//p:1", "socks5h://", "socks5h://p",
		"socks5h://p:", "socks5h://:1", "socks5h://p:0",
		"socks5h://p:65536", "socks5h://p:-1", "socks5h://p:1x",
		"socks5h://p:1/x", "SOCKS5H://p:1", "socks4://p:1",
		"ftp://p:1", "socks5hx://p:1", "socks5h://@p:1",
		"socks5h://:pw@p:1", "socks5h://a@b@p:1", "socks5h://a/b@p:1",
		"socks5h://a b@p:1", "socks5h://a:b c@p:1", "socks5h://p :1",
		"socks5h://a%@p:1", "socks5h://a%4@p:1", "socks5h://a%zz@p:1",
		"socks5h://a%00@p:1", "socks5h://a\x01@p:1",
		"socks5h://p\x7f:1", "socks5h://2001:db8::1:1",
		"socks5h://[]:1", "socks5h://[::1:1", "socks5h://p?x:1",
		"socks5h://p#x:1",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_proxy p = { .has_user = true };

		if (mc_proxy_split(mc_str_from(rows[i]), &p) != -1)
			fail_msg("taken: %s", rows[i]);
		assert_true(p.has_user);
	}
	/* no byte behind the end is looked at */
	for (size_t n = 0; n < strlen("http://a%41:b@p:1"); n++) {
		char *own = strndup("http://a%41:b@p:1", n);
		struct mc_proxy p;

		assert_non_null(own);
		assert_int_equal(mc_proxy_split(mc_str_make(own, n), &p), -1);
		free(own);
	}
}

static void
test_decode(void **state)
{
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 100);
	mc_proxy_decode(MC_STR("%40%3a%2F%25b%C3%A4"), &out);
	assert_str(mc_buf_str(&out), "@:/%b\xc3\xa4");
	mc_buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
