/* SPDX-License-Identifier: MIT */
/*
 * test_settings.c - what the configuration says about the local service
 */
#include "conf_side.h"

#include "config/allow.h"
#include "serve/settings.h"

#include <arpa/inet.h>
#include <grp.h>
#include <netinet/in.h>

static const struct mc_caller the_caller = { .login = "me",
	.home = "/home/me", .uid = 1 };

static int
load(struct side *side, const char *text, struct mc_config **ret,
    struct mc_err *err)
{
	return mc_config_load(&the_caller, side_write(side, "c", text, 0600),
	    NULL, NULL, ret, err);
}

static void
done(struct side *side)
{
	static const char *const names[] = { "c", NULL };

	side_close(side, names);
}

static void
settings_of(const char *text, struct mc_serve_settings *ret)
{
	struct mc_config *config = NULL;
	struct mc_err err = { 0 };
	struct side side;

	side_open(&side);
	if (load(&side, text, &config, &err) != 0 ||
	    mc_serve_settings_of(config, ret, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	mc_config_free(config);
	done(&side);
}

/* the figures of the manual; they outlive the configuration */
static void
test_defaults(void **state)
{
	struct mc_serve_settings s;

	(void)state;
	settings_of("", &s);
	assert_string_equal(s.socket, RUNSTATEDIR "/mailchute/submit");
	assert_int_equal(s.socket_mode, 0666);
	assert_false(s.has_group);
	assert_int_equal(s.n_listen, 0);
	assert_false(s.trust_loopback);
	assert_null(s.tokens);
	assert_null(s.tls_cert);
	assert_null(s.tls_key);
	assert_int_equal(s.limits.sessions, 64);
	assert_int_equal(s.limits.sessions_user, 8);
	assert_int_equal(s.limits.sessions_loopback, 8);
	assert_int_equal(s.limits.messages.count, 600);
	assert_int_equal(s.limits.messages.seconds, 3600);
	assert_int_equal(s.limits.recipients.count, 6000);
	assert_int_equal(s.limits.recipients.seconds, 3600);
	assert_int_equal(s.limits.queue_share, 20);
	assert_int_equal(s.limits.errors, 20);
	assert_int_equal(s.limits.junk, 100);
	assert_int_equal(s.limits.idle_ms, 300000);
	assert_int_equal(s.limits.idle_busy_ms, 10000);
	assert_int_equal(s.limits.session_ms, 3600000);
	assert_int_equal(s.limits.data_rate, 500);
	assert_int_equal(s.limits.session_messages, 100);
	assert_int_equal(s.limits.message_recipients, 1000);
	assert_int_equal(s.limits.command, 2048);
	assert_int_equal(s.limits.text_line, 1000);
	assert_int_equal(s.limits.header, 102400);
	assert_int_equal(s.limits.fields, 1000);
	assert_int_equal(s.limits.received, 50);
	assert_int_equal(s.limits.size, 25 * 1024 * 1024);
	assert_int_equal(s.limits.queue_messages, 0);
	assert_int_equal(s.limits.queue_bytes, 0);
	mc_serve_settings_clear(&s);
	assert_null(s.socket);
	mc_serve_settings_clear(&s);
}

#define ALL \
	"socket = ~/s\nsocket-group = 77\n" \
	"listen = 127.3.2.1:25, [::1]:65535\n" \
	"trust-loopback = yes\nserve-tokens = /t\nserve-tls-cert = /c\n" \
	"serve-tls-key = /k\nlimit-messages = 0\nlimit-recipients = 5/2min\n" \
	"queue-max-messages = 9\nqueue-max-bytes = 2k\nsmtp-max-size = 0\n" \
	"[account a]\n[account b]\n"

static void
test_all(void **state)
{
	struct mc_serve_settings s;
	struct sockaddr_in6 six;
	struct sockaddr_in four;

	(void)state;
	settings_of(ALL, &s);
	assert_string_equal(s.socket, "/home/me/s");
	assert_int_equal(s.socket_mode, 0660);
	assert_true(s.has_group);
	assert_int_equal(s.group, 77);
	assert_int_equal(s.n_listen, 2);
	assert_int_equal(s.listen[0].len, sizeof(four));
	memcpy(&four, &s.listen[0].ss, sizeof(four));
	assert_int_equal(four.sin_family, AF_INET);
	assert_int_equal(ntohs(four.sin_port), 25);
	assert_int_equal(ntohl(four.sin_addr.s_addr), 0x7f030201);
	assert_int_equal(s.listen[1].len, sizeof(six));
	memcpy(&six, &s.listen[1].ss, sizeof(six));
	assert_int_equal(six.sin6_family, AF_INET6);
	assert_int_equal(ntohs(six.sin6_port), 65535);
	assert_memory_equal(&six.sin6_addr, &in6addr_loopback,
	    sizeof(in6addr_loopback));
	assert_true(s.trust_loopback);
	assert_string_equal(s.tokens, "/t");
	assert_string_equal(s.tls_cert, "/c");
	assert_string_equal(s.tls_key, "/k");
	assert_int_equal(s.limits.messages.count, 0);
	assert_int_equal(s.limits.recipients.count, 5);
	assert_int_equal(s.limits.recipients.seconds, 120);
	assert_int_equal(s.limits.size, 0);
	assert_int_equal(s.limits.queue_messages, 9);
	assert_int_equal(s.limits.queue_bytes, 2048);
	mc_serve_settings_clear(&s);
}

static void
test_group_name(void **state)
{
	struct group *gr = getgrgid(1);
	struct mc_serve_settings s;
	char text[512];

	(void)state;
	if (gr == NULL)
		skip();
	(void)snprintf(text, sizeof(text), "socket-group = %s\n", gr->gr_name);
	settings_of(text, &s);
	assert_int_equal(s.group, 1);
	assert_int_equal(s.socket_mode, 0660);
	mc_serve_settings_clear(&s);
}

/* a configuration that reads well, and cannot be */
static void
test_impossible(void **state)
{
	static const struct {
		const char *text;
		const char *why;
	} cases[] = {
		{ "\nsocket-group = no-such-group-here\n",
		    "c:2: socket-group: there is no such group" },
		{ "socket =\n", "c:1: socket: there has to be one" },
		{ "serve-tls-key = /k\n", "c:1: serve-tls-key: needs" },
		{ "socket = ~/3456789/123456789/123456789/123456789/123456789/"
		    "123456789/123456789/123456789/123456789/123456789/12345\n",
		    "c:1: socket: is too long" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct mc_serve_settings s;
		struct mc_config *config = NULL;
		struct mc_err err = { 0 };
		struct side side;

		side_open(&side);
		assert_int_equal(load(&side, cases[i].text, &config, &err), 0);
		assert_err(mc_serve_settings_of(config, &s, &err), err,
		    MC_E_CONF_VALUE);
		if (strstr(err.text, cases[i].why) == NULL)
			fail_msg("%s", err.text);
		mc_config_free(config);
		done(&side);
	}
}

/* ----------------------------------------------------------------- the values */

static const struct {
	const char *key;
	const char *in;
	const char *normal;	/* NULL: refused */
} values[] = {
	{ "listen", "127.0.0.1:2525", "127.0.0.1:2525" },
	{ "listen", "127.255.0.9:1,[0:0::1]:00025",
	    "127.255.0.9:1 [::1]:25" },
	{ "listen", "127.0.0.1", NULL },
	{ "listen", "127.0.0.1:", NULL },
	{ "listen", "127.0.0.1:0", NULL },
	{ "listen", "127.0.0.1:65536", NULL },
	{ "listen", "127.0.0.1:+25", NULL },
	{ "listen", "127.1:25", NULL },
	{ "listen", "0.0.0.0:25", NULL },
	{ "listen", "128.0.0.1:25", NULL },
	{ "listen", "192.0.2.1:25", NULL },
	{ "listen", "[::]:25", NULL },
	{ "listen", "[::ffff:127.0.0.1]:25", NULL },
	{ "listen", "[::1%lo]:25", NULL },
	{ "listen", "[127.0.0.1]:25", NULL },
	{ "listen", "::1:25", NULL },
	{ "listen", "[::1]25", NULL },
	{ "listen", "[::1", NULL },
	{ "listen", "localhost:25", NULL },
	{ "listen", "127.0.0.1:25 127.0.0.1:025", NULL },
	{ "listen", ",", NULL },
	{ "listen", "127.0.0.1:1 127.0.0.1:2 127.0.0.1:3 127.0.0.1:4 "
	    "127.0.0.1:5 127.0.0.1:6 127.0.0.1:7 127.0.0.1:8 127.0.0.1:9 "
	    "127.0.0.1:10 127.0.0.1:11 127.0.0.1:12 127.0.0.1:13 "
	    "127.0.0.1:14 127.0.0.1:15 127.0.0.1:16 127.0.0.1:17", NULL },
	{ "allow-users", "*", "*" },
	{ "allow-users", "a,b  @c 12 @12", "a b @c 12 @12" },
	{ "allow-users", "DOM\\joe jo.e$ j@realm", "DOM\\joe jo.e$ j@realm" },
	{ "allow-users", "4294967294", "4294967294" },
	{ "allow-users", "4294967295", NULL },
	{ "allow-users", "@", NULL },
	{ "allow-users", "@@x", NULL },
	{ "allow-users", "-x", NULL },
	{ "allow-users", "a*", NULL },
	{ "allow-users", "a:b", NULL },
	{ "allow-users", "loopback", NULL },
	{ "allow-users", "@*", NULL },
	{ "allow-sender", "a:b@c.example", "a: b@c.example" },
	{ "allow-sender", " a , b :b@c.example , <>;; *:*;",
	    "a b: b@c.example, <>; *: *" },
	{ "allow-sender", "loopback: %U@c.example",
	    "loopback: %U@c.example" },
	{ "allow-sender", "a: \"x;y, z:\"@c.example, \"\\\"\"@c.example; b: <>",
	    "a: \"x;y, z:\"@c.example, \"\\\"\"@c.example; b: <>" },
	{ "allow-sender", "a: *@*.b\xc3\xbc.example",
	    "a: *@*.xn--b-eha.example" },
	{ "allow-sender", "a: x@[IPv6:2001:db8::1]",
	    "a: x@[IPv6:2001:db8::1]" },
	{ "allow-sender", "a: <x@y.example>", "a: x@y.example" },
	{ "allow-sender", ";", NULL },
	{ "allow-sender", "a", NULL },
	{ "allow-sender", "a:", NULL },
	{ "allow-sender", "a: ,", NULL },
	{ "allow-sender", ": b@c.example", NULL },
	{ "allow-sender", "a: b", NULL },
	{ "allow-sender", "a: %U", NULL },
	{ "allow-sender", "a: x@%U.example", NULL },
	{ "allow-sender", "a: x@*%U.example", NULL },
	{ "allow-sender", "a: b@c.example; d", NULL },
	{ "allow-sender", "a: b@c.example: d", NULL },
	{ "allow-sender", "a: Bob <b@c.example>", NULL },
	{ "allow-sender", "a: g:b@c.example;", NULL },
	{ "allow-sender", "a: \"b@c.example", NULL },
	{ "allow-sender", "a b*: b@c.example", NULL },
	{ "limit-messages", "0", "0" },
	{ "limit-messages", "120 / 60min", "120/h" },
	{ "limit-messages", "00", NULL },
	{ "limit-messages", "0/h", NULL },
	{ "limit-recipients", "5", NULL },
	{ "limit-recipients", "-5/h", NULL },
	{ "limit-sessions", "0", NULL },
	{ "limit-sessions", "4096", "4096" },
	{ "limit-sessions", "4097", NULL },
	{ "limit-message-recipients", "99", NULL },
	{ "limit-queue-share", "101", NULL },
	{ "limit-command", "511", NULL },
	{ "limit-text-line", "999", NULL },
	{ "socket-group", "mail", "mail" },
	{ "socket-group", "@mail", NULL },
	{ "socket-group", "a b", NULL },
	{ "socket", "run/x", NULL },
};

/* a normal form is its own */
static void
test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(values); i++) {
		struct mc_config *config = NULL;
		struct mc_err err = { 0 };
		struct mc_value v = { .key = "" };
		struct side side;
		char text[1024];
		int rc;

		side_open(&side);
		(void)snprintf(text, sizeof(text), "\n%s = %s\n",
		    values[i].key, values[i].in);
		rc = load(&side, text, &config, &err);
		if ((rc == 0) != (values[i].normal != NULL))
			fail_msg("%s: %d %s", text, rc, err.text);
		if (rc != 0 && (err.code != MC_E_CONF_VALUE ||
		    strstr(err.text, "c:2: ") == NULL ||
		    strstr(err.text, values[i].key) == NULL))
			fail_msg("%s: %s", text, err.text);
		for (size_t k = 0; rc == 0 && strcmp(v.key,
		    values[i].key) != 0; k++)
			assert_int_equal(mc_config_value(config, "default", k,
			    &v, NULL), 0);
		if (rc == 0 && strcmp(v.value, values[i].normal) != 0)
			fail_msg("%s: %s", text, v.value);
		mc_config_free(config);
		if (rc == 0) {
			(void)snprintf(text, sizeof(text), "%s = %s\n",
			    values[i].key, values[i].normal);
			assert_int_equal(load(&side, text, &config, &err), 0);
			mc_config_free(config);
		}
		done(&side);
	}
}

static void
test_no_memory(void **state)
{
	struct side side;
	unsigned long n = 1;
	bool all = false;

	(void)state;
	side_open(&side);
	for (; !all; n++) {
		struct mc_serve_settings s;
		struct mc_config *config = NULL;
		struct mc_err err = { 0 };
		bool right = true;

		assert_int_equal(load(&side, ALL, &config, NULL), 0);
		(void)failmalloc(n, false);

		int rc = mc_serve_settings_of(config, &s, &err);

		all = failmalloc(0, false) < n;
		right = all ? rc == 0 : rc == -1 && err.code == MC_E_NOMEM;
		assert_true(right);
		if (rc == 0)
			mc_serve_settings_clear(&s);
		mc_config_free(config);
	}
	assert_true(n > 4);
	done(&side);
}

/* the lists, with each allocation failing */
static void
test_lists_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1;; n++) {
		struct mc_config *config = NULL;
		struct mc_err err = { 0 };
		struct side side;

		side_open(&side);

		const char *path = side_write(&side, "c", "listen = "
		    "127.0.0.1:1 [::1]:2\nallow-users = a b\nallow-sender = "
		    "a: *@\xc3\xbc.example, x@\xc3\xbc.example; b: <>\n"
		    "limit-messages = 3/min\nsocket-group = x\n", 0600);

		(void)failmalloc(n, false);

		int rc = mc_config_load(&the_caller, path, NULL, NULL, &config,
		    &err);
		bool all = failmalloc(0, false) < n;

		mc_config_free(config);
		done(&side);
		if (all) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(err.code, MC_E_NOMEM);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_group_name),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_lists_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
