/* SPDX-License-Identifier: MIT */
/*
 * test_config.c - keys, values, files, environment, precedence
 */
#include "conf_side.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

/* ------------------------------------------------------------------- keys */

static void
test_keys(void **state)
{
	struct mc_key key;
	enum mc_key_id id;
	size_t n = 0;

	(void)state;
	while (mc_key_info(n, &key) == 0) {
		assert_non_null(key.name);
		assert_non_null(key.help);
		assert_int_equal(mc_key_find(mc_str_from(key.name), &id), 0);
		assert_int_equal(id, n);
		n++;
	}
	assert_int_equal(n, MC_K__COUNT);
	assert_int_equal(mc_key_find(MC_STR("Host"), &id), -1);
	assert_int_equal(mc_key_find(MC_STR("hos"), &id), -1);
	assert_int_equal(mc_key_find(MC_STR(""), &id), -1);
	assert_int_equal(mc_key_info(MC_K_password, &key), 0);
	assert_int_equal(key.flags, MC_KEY_SECRET | MC_KEY_NOCLI);
	assert_string_equal(key.type, "text");
}

static void
test_nearest(void **state)
{
	static const struct {
		const char *name;
		const char *nearest;
	} t[] = {
		{ "tls_pin", "tls-pin" },
		{ "PASSWORD-COMMAND", "password-command" },
		{ "passwrod", "password" },
		{ "hsot", "host" },
		{ "tls-verfy", "tls-verify" },
		{ "usr", "user" },
		{ "max-recipient", "max-recipients" },
		{ "connecttimeout", "connect-timeout" },
	};
	char many[4096];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++)
		assert_string_equal(mc_key_row(mc_key_nearest(
		    mc_str_from(t[i].name))).name, t[i].nearest);
	assert_int_equal(mc_key_distance(MC_STR("a_B"), MC_STR("A-b")), 0);
	assert_int_equal(mc_key_distance(MC_STR(""), MC_STR("abc")), 3);
	assert_int_equal(mc_key_distance(MC_STR("abc"), MC_STR("")), 3);
	assert_int_equal(mc_key_distance(MC_STR("kitten"),
	    MC_STR("sitting")), 3);
	memset(many, 'x', sizeof(many));
	assert_int_equal(mc_key_distance(mc_str_make(many, sizeof(many)),
	    MC_STR("")), 64);
}

/* ----------------------------------------------------------------- values */

static void
test_values(void **state)
{
	static const struct {
		enum mc_key_id key;
		const char *in;
		const char *out;	/* NULL: refused */
		uint64_t num;
	} t[] = {
		{ MC_K_port, "465", "", 465 },
		{ MC_K_port, "65535", "", 65535 },
		{ MC_K_port, "0", "", 0 },
		{ MC_K_port, "65536", NULL, 0 },
		{ MC_K_port, "-1", NULL, 0 },
		{ MC_K_port, "+1", NULL, 0 },
		{ MC_K_port, "smtps", NULL, 0 },
		{ MC_K_port, "465 # TLS", NULL, 0 },
		{ MC_K_port, "", NULL, 0 },
		{ MC_K_port, "18446744073709551617", NULL, 0 },
		{ MC_K_scram_max_iterations, "4095", NULL, 0 },
		{ MC_K_scram_max_iterations, "4096", "", 4096 },
		{ MC_K_connect_timeout, "10s", "", 10 },
		{ MC_K_connect_timeout, "5min", "", 300 },
		{ MC_K_connect_timeout, "4h", "", 14400 },
		{ MC_K_connect_timeout, "0", NULL, 0 },
		{ MC_K_connect_timeout, "2d", NULL, 0 },
		{ MC_K_timeout, "0", "", 0 },
		{ MC_K_helper_timeout, "0", NULL, 0 },
		{ MC_K_max_recipients, "100000", "", 100000 },
		{ MC_K_max_recipients, "100001", NULL, 0 },
		{ MC_K_tls_verify, "yes", "", MC_VERIFY_YES },
		{ MC_K_tls_verify, "no", "", MC_VERIFY_NO },
		{ MC_K_tls_verify, "dane", "", MC_VERIFY_DANE },
		{ MC_K_tls_verify, "true", NULL, 0 },
		{ MC_K_tls_verify, "", NULL, 0 },
		{ MC_K_tls, "on", "", MC_TLS_ON },
		{ MC_K_tls, "starttls", "", MC_TLS_STARTTLS },
		{ MC_K_tls, "off", "", MC_TLS_OFF },
		{ MC_K_tls, "on|starttls", NULL, 0 },
		{ MC_K_tls, "optional", NULL, 0 },
		{ MC_K_from_policy, "force", "", 2 },
		{ MC_K_fan_out, "bcc", "", 1 },
		{ MC_K_host, "SMTP.Work.Example.", "smtp.work.example", 0 },
		{ MC_K_host, "m\xc3\xbcller.example",
		    "xn--mller-kva.example", 0 },
		{ MC_K_host, "my_mail", "my_mail", 0 },
		{ MC_K_host, "192.0.2.1", "192.0.2.1", 0 },
		{ MC_K_host, "[192.0.2.1]", "192.0.2.1", 0 },
		{ MC_K_host, "[2001:db8::1]", "2001:db8::1", 0 },
		{ MC_K_host, "2001:db8::1", "2001:db8::1", 0 },
		{ MC_K_host, "fe80::1%eth0", "fe80::1%eth0", 0 },
		{ MC_K_host, "fe80::1%", NULL, 0 },
		{ MC_K_host, "/run/mailchute/socket",
		    "/run/mailchute/socket", 0 },
		{ MC_K_host, "~/sock", "~/sock", 0 },
		{ MC_K_host, "smtp.example:465", NULL, 0 },
		{ MC_K_host, "smtps://smtp.example", NULL, 0 },
		{ MC_K_host, "smtp example", NULL, 0 },
		{ MC_K_host, "-smtp.example", NULL, 0 },
		{ MC_K_host, "\"smtp.example\"", NULL, 0 },
		{ MC_K_host, "smtp.example # old", NULL, 0 },
		{ MC_K_host, "", "", 0 },
		{ MC_K_tls_host, "/run/socket", NULL, 0 },
		{ MC_K_tls_host, "192.0.2.1", "192.0.2.1", 0 },
		{ MC_K_domain, "Work.Example", "work.example", 0 },
		{ MC_K_domain, "192.0.2.1:1", NULL, 0 },
		{ MC_K_source_address, "192.0.2.1", "192.0.2.1", 0 },
		{ MC_K_source_address, "fe80::1%eth0", "fe80::1%eth0", 0 },
		{ MC_K_source_address, "nothing", NULL, 0 },
		{ MC_K_source_address, "[::1]", NULL, 0 },
		{ MC_K_source_address, "192.0.2.1:25", NULL, 0 },
		{ MC_K_domain, "a_b.example", NULL, 0 },
		{ MC_K_ehlo_name, "Client.Example", "client.example", 0 },
		{ MC_K_ehlo_name, "[192.0.2.1]", "[192.0.2.1]", 0 },
		{ MC_K_ehlo_name, "[IPv6:2001:db8::1]",
		    "[IPv6:2001:db8::1]", 0 },
		{ MC_K_ehlo_name, "[192.0.2.300]", NULL, 0 },
		{ MC_K_ehlo_name, "a b", NULL, 0 },
		{ MC_K_ehlo_name, "a\r\nRCPT TO:<x@y>", NULL, 0 },
		{ MC_K_tls_ca_file, "/etc/ca.pem", "/etc/ca.pem", 0 },
		{ MC_K_tls_ca_file, "~/ca.pem", "~/ca.pem", 0 },
		{ MC_K_tls_ca_file, "ca.pem", NULL, 0 },
		{ MC_K_tls_ca_file, "~root/ca.pem", NULL, 0 },
		{ MC_K_tls_pin, PIN, PIN, 0 },
		{ MC_K_tls_pin, PIN ",  " PIN, PIN " " PIN, 0 },
		{ MC_K_tls_pin, "sha256//AAAA", NULL, 0 },
		{ MC_K_tls_pin, "sha256//", NULL, 0 },
		{ MC_K_tls_pin, "sha1//AAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL,
		    0 },
		{ MC_K_tls_pin, PIN "x", NULL, 0 },
		{ MC_K_tls_pin, ",", NULL, 0 },
		{ MC_K_auth, "AUTO", "auto", 0 },
		{ MC_K_auth, "off", "off", 0 },
		{ MC_K_auth, "scram-sha-256-plus, plain",
		    "SCRAM-SHA-256-PLUS PLAIN", 0 },
		{ MC_K_auth, "auto plain", NULL, 0 },
		{ MC_K_auth, "pl;ain", NULL, 0 },
		{ MC_K_auth, "abcdefghijklmnopqrstu", NULL, 0 },
		{ MC_K_auth, " , ", NULL, 0 },
		{ MC_K_password_command, "pass show work/smtp",
		    "pass show work/smtp", 0 },
		{ MC_K_password_command, "pass 'show", NULL, 0 },
		{ MC_K_log, "syslog", "syslog", 0 },
		{ MC_K_log, "/var/log/mailchute", "/var/log/mailchute", 0 },
		{ MC_K_log, "mail.log", NULL, 0 },
		{ MC_K_rate, "20/min", "20/min", 0 },
		{ MC_K_rate, "5/s", "5/s", 0 },
		{ MC_K_rate, "100/h", "100/h", 0 },
		{ MC_K_rate, "1000/d", "1000/d", 0 },
		{ MC_K_rate, "30/2min", "30/2min", 0 },
		{ MC_K_rate, "30 / 2 min", "30/2min", 0 },
		{ MC_K_rate, "30\t/\t2min", "30/2min", 0 },
		{ MC_K_rate, "20/M", "20/min", 0 },
		{ MC_K_rate, "20/60", "20/min", 0 },
		{ MC_K_rate, "20/90", "20/90s", 0 },
		{ MC_K_rate, "20/90s", "20/90s", 0 },
		{ MC_K_rate, "20/120s", "20/2min", 0 },
		{ MC_K_rate, "20/24h", "20/d", 0 },
		{ MC_K_rate, "0020/007d", "20/7d", 0 },
		{ MC_K_rate, "1000000000/365d", "1000000000/365d", 0 },
		{ MC_K_rate, "", "", 0 },
		{ MC_K_rate, "1000000001/d", NULL, 0 },
		{ MC_K_rate, "1/366d", NULL, 0 },
		{ MC_K_rate, "18446744073709551617/d", NULL, 0 },
		{ MC_K_rate, "1/18446744073709551617", NULL, 0 },
		{ MC_K_rate, "0", NULL, 0 },
		{ MC_K_rate, "0/min", NULL, 0 },
		{ MC_K_rate, "20/0min", NULL, 0 },
		{ MC_K_rate, "20/0", NULL, 0 },
		{ MC_K_rate, "20", NULL, 0 },
		{ MC_K_rate, "20/", NULL, 0 },
		{ MC_K_rate, "/", NULL, 0 },
		{ MC_K_rate, "/min", NULL, 0 },
		{ MC_K_rate, "20min", NULL, 0 },
		{ MC_K_rate, "20//min", NULL, 0 },
		{ MC_K_rate, "20/min/2", NULL, 0 },
		{ MC_K_rate, "20/2", "20/2s", 0 },
		{ MC_K_rate, "20/month", NULL, 0 },
		{ MC_K_rate, "20/minuteminuteminute", NULL, 0 },
		{ MC_K_rate, "20/-1min", NULL, 0 },
		{ MC_K_rate, "-20/min", NULL, 0 },
		{ MC_K_rate, "2.5/min", NULL, 0 },
		{ MC_K_rate, "20k/min", NULL, 0 },
		{ MC_K_rate, "20 per min", NULL, 0 },
		{ MC_K_rate, "20/min # mine", NULL, 0 },
		{ MC_K_user, "me \"#1\"", "me \"#1\"", 0 },
		{ MC_K_user, "me\x7f", NULL, 0 },
		{ MC_K_user, "", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_setting s = { .text = NULL };
		struct mc_err e = { .code = MC_OK };
		int rc = mc_value_parse(t[i].key, mc_str_from(t[i].in), &s,
		    &e);
		const char *name = mc_key_row(t[i].key).name;

		if (t[i].out == NULL) {
			assert_err(rc, e, MC_E_CONF_VALUE);
			assert_memory_equal(e.text, name, strlen(name));
			assert_null(s.text);
			continue;
		}
		if (rc != 0)
			fail_msg("%s = %s: %s", name, t[i].in, e.text);
		assert_non_null(s.text);
		if (t[i].out[0] != '\0' || t[i].in[0] == '\0')
			assert_string_equal(s.text, t[i].out);
		assert_int_equal(s.num, t[i].num);
		/* a normal form is one of itself */
		if (t[i].out[0] != '\0') {
			struct mc_setting same = { .text = NULL };

			assert_int_equal(mc_value_parse(t[i].key,
			    mc_str_from(s.text), &same, NULL), 0);
			assert_string_equal(same.text, s.text);
			mc_setting_clear(&same);
		}
		mc_setting_clear(&s);
	}
}

static void
test_from_values(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} t[] = {
		{ "me@work.example", "me@work.example" },
		{ "me@work.example, *@lists.work.example",
		    "me@work.example, *@lists.work.example" },
		{ "me@work.example,*@*.work.example,",
		    "me@work.example, *@*.work.example" },
		{ "<me@work.example>", "me@work.example" },
		{ "me+*@Work.Example", "me+*@Work.Example" },
		{ "*", "*" },
		{ "\"a, b\"@work.example, c@d.example",
		    "\"a, b\"@work.example, c@d.example" },
		{ "me@b\xc3\xbc" "cher.example",
		    "me@xn--bcher-kva.example" },
		{ "*@b\xc3\xbc" "cher.example", "*@xn--bcher-kva.example" },
		{ "*@*.b\xc3\xbc" "cher.example",
		    "*@*.xn--bcher-kva.example" },
		{ "*@[192.0.2.1]", "*@[192.0.2.1]" },
		{ "me", NULL },
		{ "me*", NULL },
		{ "Me <me@work.example>", NULL },
		{ "me@work.example (Me)", NULL },
		{ "g: me@work.example;", NULL },
		{ "me@work.example other@work.example", NULL },
		{ "me@@work.example", NULL },
		{ "me@work..example", NULL },
		{ "*@wo_rk.*", NULL },
		{ "\"me@work.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_setting s = { .text = NULL };
		struct mc_err e = { .code = MC_OK };
		int rc = mc_value_parse(MC_K_from, mc_str_from(t[i].in), &s,
		    &e);

		if (t[i].out == NULL) {
			if (rc == 0)
				fail_msg("%s gave %s", t[i].in, s.text);
			assert_err(rc, e, MC_E_CONF_VALUE);
			continue;
		}
		if (rc != 0)
			fail_msg("%s: %s", t[i].in, e.text);
		assert_string_equal(s.text, t[i].out);
		mc_setting_clear(&s);
	}

	struct mc_str rest = MC_STR("\"a,\\\" b\"@x, *@y, z@z");
	struct mc_str el;

	assert_true(mc_value_next_from(&rest, &el));
	assert_str(el, "\"a,\\\" b\"@x");
	assert_true(mc_value_next_from(&rest, &el));
	assert_str(el, "*@y");
	assert_true(mc_value_next_from(&rest, &el));
	assert_str(el, "z@z");
	assert_false(mc_value_next_from(&rest, &el));
}

/* ------------------------------------------------------------------ files */

struct told {
	unsigned n;
	unsigned lines[16];
	struct mc_err errs[16];
	char files[16][128];
};

static void
tell(void *ctx, const char *file, unsigned line, const struct mc_err *problem)
{
	struct told *told = ctx;

	assert_true(told->n < MC_NELEM(told->lines));
	told->lines[told->n] = line;
	told->errs[told->n] = *problem;
	(void)snprintf(told->files[told->n], sizeof(told->files[0]), "%s",
	    file);
	told->n++;
}

static void
test_file_errors(void **state)
{
	/* one problem each, in that line */
	static const struct {
		const char *text;
		unsigned line;
		enum mc_code code;
		const char *says;
	} t[] = {
		{ "host = a\nhost = b\n", 2, MC_E_CONF_SYNTAX, "line 1" },
		{ "[account a]\nhost = a\n[account b]\n[account a]\nport = x\n"
		    "port = 1\n", 4, MC_E_CONF_SYNTAX, "line 1" },
		{ "[account a\n", 1, MC_E_CONF_SYNTAX, "[account work]" },
		{ "[account a] # main\n", 1, MC_E_CONF_SYNTAX, "bracket" },
		{ "[account]\n", 1, MC_E_CONF_SYNTAX, "name of an account" },
		{ "[account a b]\n", 1, MC_E_CONF_SYNTAX, "without blanks" },
		{ "[account \"a\"]\n", 1, MC_E_CONF_SYNTAX, "quotes" },
		{ "[work]\nhost = x\n", 1, MC_E_CONF_SYNTAX,
		    "[account NAME]" },
		{ "[\n", 1, MC_E_CONF_SYNTAX, "section" },
		{ "[]\n", 1, MC_E_CONF_SYNTAX, "section" },
		{ "\nhost smtp.example\n", 2, MC_E_CONF_SYNTAX, "host = " },
		{ "host: smtp.example\n", 1, MC_E_CONF_SYNTAX, "host = " },
		{ "hunter2 is secret\n", 1, MC_E_CONF_SYNTAX, "key = value" },
		{ "tls_pin = x\n", 1, MC_E_CONF_KEY, "\"tls-pin\"" },
		{ "hsot = x\n", 1, MC_E_CONF_KEY,
		    "unknown key \"hsot\"; the nearest is \"host\"" },
		{ " = x\n", 1, MC_E_CONF_KEY, "unknown key;" },
		{ "aHVudGVyMg== \n", 1, MC_E_CONF_KEY, "unknown key;" },
		{ "[account a]\nlog = off\n", 2, MC_E_CONF_KEY,
		    "before the first section" },
		{ "port = 465 # TLS\n", 1, MC_E_CONF_VALUE, "lines of their" },
		{ "tls = yes\n", 1, MC_E_CONF_VALUE, "on|starttls|off" },
		{ "user = a\rb\n", 1, MC_E_CONF_SYNTAX, "control" },
		{ "user = a\r\r\n", 1, MC_E_CONF_SYNTAX, "control" },
		{ "user = \x1b[2J\n", 1, MC_E_CONF_SYNTAX, "control" },
		{ "#\x01\n", 1, MC_E_CONF_SYNTAX, "control" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_conf_file cf;
		struct told told = { .n = 0 };
		struct mc_problems p = { .fn = tell, .ctx = &told };
		char place[32];

		assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
		assert_int_equal(mc_conf_file_parse(&cf,
		    mc_str_from(t[i].text), &p), 0);
		if (t[i].line == 4)
			assert_int_equal(told.n, 2);
		else
			assert_int_equal(told.n, 1);
		assert_int_equal(told.lines[0], t[i].line);
		assert_string_equal(told.files[0], "/f");
		assert_err(-1, told.errs[0], t[i].code);
		(void)snprintf(place, sizeof(place), "/f:%u: ", t[i].line);
		assert_memory_equal(told.errs[0].text, place, strlen(place));
		if (strstr(told.errs[0].text, t[i].says) == NULL)
			fail_msg("no \"%s\" in: %s", t[i].says,
			    told.errs[0].text);
		assert_null(strstr(told.errs[0].text, "unter2"));
		assert_null(strstr(told.errs[0].text, "HVud"));
		mc_conf_file_clear(&cf);

		/* nobody listens: it stops there */
		struct mc_problems quiet = { .fn = NULL };

		assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
		assert_int_equal(mc_conf_file_parse(&cf,
		    mc_str_from(t[i].text), &quiet), -1);
		assert_int_equal(quiet.first.code, t[i].code);
		mc_conf_file_clear(&cf);
	}
}

static void
test_file_verbatim(void **state)
{
	static const char text[] =
	    "\xef\xbb\xbf# comment\r\n"
	    "; another\n"
	    "  \t\n"
	    "timeout = 5 min\r\n"
	    "  [ account   work ]  \n"
	    "\tpassword =   p#a\"s s' ;=\xc3\xa4\xff\\n  \t\n"
	    "user=\n"
	    "from = me@work.example\n"
	    "[account x.y_z-@+\xc3\xa4]\n"
	    "host = no-newline.example";
	struct mc_conf_file cf;
	struct mc_problems p = { .fn = NULL };
	const struct mc_section *s;

	(void)state;
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, MC_STR(text), &p), 0);
	assert_int_equal(p.first.code, MC_OK);
	assert_true(cf.has_secret);
	assert_int_equal(cf.lead.v[MC_K_timeout]->num, 300);
	assert_string_equal(cf.lead.v[MC_K_timeout]->origin, "/f:4");
	assert_int_equal(cf.sections.n, 2);
	s = mc_conf_file_section(&cf, "work");
	assert_non_null(s);
	assert_int_equal(s->line, 5);
	assert_str(mc_secret_peek(s->layer.v[MC_K_password]->secret),
	    "p#a\"s s' ;=\xc3\xa4\xff\\n");
	assert_string_equal(s->layer.v[MC_K_password]->text, "");
	assert_non_null(s->layer.v[MC_K_user]);
	assert_string_equal(s->layer.v[MC_K_user]->text, "");
	s = mc_conf_file_section(&cf, "x.y_z-@+\xc3\xa4");
	assert_non_null(s);
	assert_string_equal(s->layer.v[MC_K_host]->text, "no-newline.example");
	mc_conf_file_clear(&cf);
}

static void
test_file_limits(void **state)
{
	size_t n = MC_MAX_CONFIG_LINE;
	char *text = mc_mem_zalloc(n + 8, 1);
	struct mc_conf_file cf;
	struct mc_problems p = { .fn = NULL };

	(void)state;
	memset(text, 'x', n);
	memcpy(text, "user = ", 7);
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, mc_str_make(text, n), &p), 0);
	assert_int_equal(strlen(cf.lead.v[MC_K_user]->text), n - 7);
	mc_conf_file_clear(&cf);
	text[n] = 'x';
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, mc_str_make(text, n + 1),
	    &p), -1);
	assert_err(-1, p.first, MC_E_CONF_SYNTAX);
	mc_conf_file_clear(&cf);
	memcpy(text, "user = a\0b\n", 11);
	p = (struct mc_problems){ .fn = NULL };
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, mc_str_make(text, 11), &p),
	    -1);
	assert_err(-1, p.first, MC_E_CONF_SYNTAX);
	mc_conf_file_clear(&cf);
	mc_mem_free(text);
}

static void
test_file_accounts_limit(void **state)
{
	struct mc_buf text;
	struct mc_conf_file cf;
	struct mc_problems p = { .fn = NULL };

	(void)state;
	mc_buf_init(&text, MC_MAX_CONFIG);
	for (int i = 0; i < MC_MAX_ACCOUNTS; i++)
		mc_buf_addf(&text, "[account a%d]\n", i);
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, mc_buf_str(&text), &p), 0);
	assert_int_equal(cf.sections.n, MC_MAX_ACCOUNTS);
	mc_conf_file_clear(&cf);
	mc_buf_addz(&text, "[account more]\n");
	assert_int_equal(mc_conf_file_init(&cf, "/f", NULL), 0);
	assert_int_equal(mc_conf_file_parse(&cf, mc_buf_str(&text), &p), -1);
	assert_err(-1, p.first, MC_E_CONF_SYNTAX);
	mc_conf_file_clear(&cf);
	mc_buf_clear(&text);
}

/* ------------------------------------------------------------- whole loads */

#define MAX_ENV 16

struct world {
	struct side side;
	struct mc_caller caller;
	char *envp[MAX_ENV + 1];
	char env[MAX_ENV][256];
	char system[128];
	char home[128];
	struct mc_config *config;
	struct mc_err err;
	struct told told;
};

static const char *const all_files[] = {
	"home/.config/mailchute/config", "home/.config/mailchute",
	"home/.config", "home", "system", "named", "value", "link",
	"xdg/mailchute/config", "xdg/mailchute", "xdg", NULL
};

static void
world_open(struct world *w)
{
	*w = (struct world){ .config = NULL };
	side_open(&w->side);
	side_mkdir(&w->side, "home");
	side_mkdir(&w->side, "home/.config");
	side_mkdir(&w->side, "home/.config/mailchute");
	(void)snprintf(w->system, sizeof(w->system), "%s/system", w->side.dir);
	(void)snprintf(w->home, sizeof(w->home), "%s/home", w->side.dir);
	w->caller.envp = w->envp;
	w->caller.home = w->home;
	w->caller.uid = getuid();
}

static void
world_env(struct world *w, const char *name, const char *value)
{
	size_t i = 0;

	while (w->envp[i] != NULL)
		i++;
	assert_true(i < MAX_ENV);
	(void)snprintf(w->env[i], sizeof(w->env[i]), "%s=%s", name, value);
	w->envp[i] = w->env[i];
}

static int
world_load(struct world *w, const char *file, bool listen)
{
	mc_config_free(w->config);
	w->config = NULL;
	w->err = (struct mc_err){ .code = MC_OK };
	w->told.n = 0;
	return mc_config_load_from(&w->caller, file, w->system,
	    listen ? tell : NULL, &w->told, &w->config, &w->err);
}

static void
world_good(struct world *w)
{
	if (world_load(w, NULL, false) != 0)
		fail_msg("%s", w->err.text);
}

static void
world_close(struct world *w)
{
	mc_config_free(w->config);
	side_close(&w->side, all_files);
}

static const char *
origin_of(const struct world *w, const char *account, enum mc_key_id key,
    const char *want)
{
	struct mc_value v;
	struct mc_err e = { .code = MC_OK };

	assert_int_equal(mc_config_value(w->config, account, key, &v, &e), 0);
	assert_string_equal(v.key, mc_key_row(key).name);
	assert_string_equal(v.value, want);
	assert_int_equal(v.is_default, strcmp(v.origin, "default") == 0);
	return v.origin;
}

static const struct mc_account *
account_of(const struct world *w, const char *name)
{
	const struct mc_account *a;
	struct mc_err e = { .code = MC_OK };

	if (mc_config_find(w->config, name, &a, &e) != 0)
		fail_msg("%s", e.text);
	return a;
}

#define USER "home/.config/mailchute/config"

static void
test_nothing(void **state)
{
	struct world w;
	const struct mc_account *a;

	(void)state;
	world_open(&w);
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "default");
	assert_null(mc_config_account(w.config, 1));
	assert_null(mc_config_file(w.config, 0));
	a = account_of(&w, NULL);
	assert_null(a->host);
	assert_null(a->password);
	assert_int_equal(a->tls_mode, MC_TLS_ON);
	assert_string_equal(a->port_text, "465");
	assert_int_equal(a->connect_timeout, 120);
	assert_int_equal(a->tls_verify, MC_VERIFY_YES);
	assert_string_equal(a->auth, "auto");
	(void)origin_of(&w, NULL, MC_K_host, "");
	(void)origin_of(&w, NULL, MC_K_port, "465");
	(void)origin_of(&w, NULL, MC_K_log, "syslog");

	/* no environment, no home, nobody at all */
	w.caller = (struct mc_caller){ .uid = 12345 };
	world_good(&w);
	assert_string_equal(account_of(&w, "default")->name, "default");
	world_close(&w);
}

static void
test_precedence(void **state)
{
	struct world w;
	struct mc_err e = { .code = MC_OK };
	char want[256];

	(void)state;
	world_open(&w);
	side_write(&w.side, "system", "timeout = 1\nfan-out = off\n"
	    "connect-timeout = 1\nmax-recipients = 1\nhelper-timeout = 1\n"
	    "[account default]\nhost = system.example\nuser = s\n"
	    "[account other]\nhost = other.example\n", 0644);
	side_write(&w.side, USER, "timeout = 2\nconnect-timeout = 2\n"
	    "helper-timeout = 2\n"
	    "[account default]\nhost = user.example\nconnect-timeout = 3\n"
	    "domain = section.example\n", 0644);
	world_env(&w, "MAILCHUTE_HELPER_TIMEOUT", "4");
	world_env(&w, "MAILCHUTE_CONNECT_TIMEOUT", "4");
	world_good(&w);
	(void)snprintf(want, sizeof(want), "%s/%s:5", w.side.dir, USER);
	assert_string_equal(origin_of(&w, NULL, MC_K_host, "user.example"),
	    want);
	/* the whole account was replaced */
	(void)origin_of(&w, NULL, MC_K_user, "");
	(void)origin_of(&w, "other", MC_K_host, "other.example");
	assert_string_equal(origin_of(&w, NULL, MC_K_helper_timeout, "4"),
	    "environment MAILCHUTE_HELPER_TIMEOUT");
	(void)origin_of(&w, NULL, MC_K_connect_timeout, "4");
	(void)origin_of(&w, "other", MC_K_connect_timeout, "4");
	(void)origin_of(&w, NULL, MC_K_timeout, "2");
	(void)snprintf(want, sizeof(want), "%s/system:2", w.side.dir);
	assert_string_equal(origin_of(&w, NULL, MC_K_fan_out, "off"), want);
	assert_string_equal(mc_config_file(w.config, 1), w.system);
	assert_null(mc_config_file(w.config, 2));
	assert_string_equal(mc_config_account(w.config, 0), "default");
	assert_string_equal(mc_config_account(w.config, 1), "other");
	assert_null(mc_config_account(w.config, 2));

	assert_int_equal(mc_config_set(w.config, "connect-timeout", "5min",
	    &e), 0);
	assert_string_equal(origin_of(&w, NULL, MC_K_connect_timeout, "5min"),
	    "command line");
	assert_int_equal(account_of(&w, "other")->connect_timeout, 300);
	world_close(&w);
}

static void
test_set(void **state)
{
	struct world w;
	struct mc_err e = { .code = MC_OK };

	(void)state;
	world_open(&w);
	world_good(&w);
	assert_err(mc_config_set(w.config, "password", "hunter2", &e), e,
	    MC_E_USAGE);
	assert_null(strstr(e.text, "hunter2"));
	e.code = MC_OK;
	assert_err(mc_config_set(w.config, "host", "x", &e), e, MC_E_USAGE);
	e.code = MC_OK;
	assert_err(mc_config_set(w.config, "fan_out", "x", &e), e,
	    MC_E_CONF_KEY);
	assert_non_null(strstr(e.text, "\"fan-out\""));
	assert_int_equal(mc_config_set(w.config, "fan-out", "bcc", NULL), 0);
	e.code = MC_OK;
	assert_err(mc_config_set(w.config, "fan-out", "maybe", &e), e,
	    MC_E_CONF_VALUE);
	assert_non_null(strstr(e.text, "command line: fan-out"));
	assert_int_equal(account_of(&w, NULL)->fan_out, 1);
	assert_int_equal(mc_config_set(w.config, "fan-out", "off", NULL), 0);
	assert_int_equal(account_of(&w, NULL)->fan_out, 2);
	assert_int_equal(mc_config_value(w.config, NULL, MC_K__COUNT,
	    &(struct mc_value){ .key = NULL }, NULL), -1);
	e.code = MC_OK;
	assert_err(mc_config_value(w.config, "no", 0,
	    &(struct mc_value){ .key = NULL }, &e), e, MC_E_CONF_ACCOUNT);
	world_close(&w);
}

static void
test_which_file(void **state)
{
	struct world w;
	char path[256];

	(void)state;
	world_open(&w);
	side_write(&w.side, USER, "[account user]\n", 0644);
	side_write(&w.side, "system", "[account system]\n", 0644);
	(void)snprintf(path, sizeof(path), "%s", side_write(&w.side, "named",
	    "[account named]\n", 0644));

	assert_int_equal(world_load(&w, path, false), 0);
	assert_string_equal(mc_config_account(w.config, 0), "named");
	assert_null(mc_config_account(w.config, 1));
	assert_string_equal(mc_config_file(w.config, 0), path);
	assert_null(mc_config_file(w.config, 1));

	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "user");
	assert_string_equal(mc_config_account(w.config, 1), "system");

	/* the caller has found out whose home it is: HOME does not count,
	 * since cron and sudo leave another's there */
	world_env(&w, "HOME", "/nonexistent");
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "user");

	side_mkdir(&w.side, "xdg");
	side_mkdir(&w.side, "xdg/mailchute");
	side_write(&w.side, "xdg/mailchute/config", "[account xdg]\n", 0644);
	world_env(&w, "XDG_CONFIG_HOME", side_path(&w.side, "xdg"));
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "xdg");

	world_env(&w, "MAILCHUTE_CONFIG", path);
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "named");
	assert_null(mc_config_account(w.config, 1));

	assert_int_equal(world_load(&w, "/dev/null", false), 0);
	assert_string_equal(mc_config_account(w.config, 0), "default");
	assert_err(world_load(&w, "/nonexistent/x", false), w.err,
	    MC_E_CONF_FILE);
	assert_non_null(strstr(w.err.text, "/nonexistent/x"));
	assert_err(world_load(&w, w.side.dir, false), w.err, MC_E_CONF_FILE);
	world_close(&w);
}

static void
test_relative_xdg(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	side_write(&w.side, USER, "[account user]\n", 0644);
	world_env(&w, "XDG_CONFIG_HOME", "relative");
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "user");
	world_close(&w);
}

/* root may read everything: go on as somebody else */
static void
lower(struct world *w)
{
	static const char *const dirs[] = { ".", "home", "home/.config",
	    "home/.config/mailchute" };

	if (getuid() != 0)
		return;
	for (size_t i = 0; i < MC_NELEM(dirs); i++)
		assert_int_equal(chown(side_path(&w->side, dirs[i]), 65534,
		    65534), 0);
	assert_int_equal(seteuid(65534), 0);
	w->caller.uid = 65534;
}

static void
test_unreadable(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	lower(&w);
	side_write(&w.side, "system", "[account system]\n", 0);
	assert_err(world_load(&w, NULL, false), w.err, MC_E_CONF_FILE);
	assert_non_null(strstr(w.err.text, "Permission denied"));
	side_write(&w.side, USER, "[account user]\n", 0644);
	world_good(&w);
	assert_string_equal(mc_config_account(w.config, 0), "user");
	assert_null(mc_config_file(w.config, 1));
	side_write(&w.side, USER, "[account user]\n", 0);
	assert_err(world_load(&w, NULL, false), w.err, MC_E_CONF_FILE);

	/* a home that is closed to us is none */
	assert_int_equal(chmod(side_path(&w.side, "home"), 0), 0);
	assert_err(world_load(&w, NULL, false), w.err, MC_E_CONF_FILE);
	assert_non_null(strstr(w.err.text, "system"));
	world_env(&w, "MAILCHUTE_HOST", "smtp.example");
	world_good(&w);
	assert_string_equal(account_of(&w, NULL)->host, "smtp.example");
	assert_int_equal(chmod(side_path(&w.side, "home"), 0700), 0);
	world_close(&w);
	assert_int_equal(seteuid(getuid()), 0);
}

static void
test_secret_mode(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} t[] = {
		{ 0600, true }, { 0400, true }, { 0700, true },
		{ 0640, false }, { 0604, false }, { 0620, false },
		{ 0602, false }, { 0610, false }, { 0601, false },
		{ 0644, false }, { 0666, false },
	};
	struct world w;
	char path[256];
	struct stat st;

	(void)state;
	world_open(&w);
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		(void)snprintf(path, sizeof(path), "%s", side_write(&w.side,
		    "named", "[account a]\npassword = hunter2\n", t[i].mode));
		if (t[i].good) {
			assert_int_equal(world_load(&w, path, false), 0);
			continue;
		}
		assert_err(world_load(&w, path, false), w.err,
		    MC_E_CONF_SECRET);
		assert_non_null(strstr(w.err.text, "chmod 600 "));
		assert_non_null(strstr(w.err.text, path));
		assert_null(strstr(w.err.text, "hunter2"));
	}
	/* without a secret any mode will do; an empty one is none */
	side_write(&w.side, "named", "password =\npassword-command = pass\n",
	    0644);
	assert_int_equal(world_load(&w, path, false), 0);

	/* the file behind the link counts */
	side_write(&w.side, "named", "token = t\n", 0600);
	assert_int_equal(symlink(path, side_path(&w.side, "link")), 0);
	assert_int_equal(world_load(&w, side_path(&w.side, "link"), false), 0);
	assert_int_equal(chmod(path, 0644), 0);
	assert_err(world_load(&w, side_path(&w.side, "link"), false), w.err,
	    MC_E_CONF_SECRET);

	/* of somebody else: neither the caller nor root */
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	w.caller.uid = (unsigned long)st.st_uid + 1;
	if (st.st_uid == 0)
		assert_int_equal(world_load(&w, path, false), 0);
	else {
		assert_err(world_load(&w, path, false), w.err,
		    MC_E_CONF_SECRET);
		assert_non_null(strstr(w.err.text, "belongs to user"));
	}
	world_close(&w);
}

/* whoever may write the file chooses what runs with our rights */
static void
test_command_mode(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} t[] = {
		{ 0600, true }, { 0644, true }, { 0444, true },
		{ 0620, false }, { 0602, false }, { 0664, false },
	};
	static const char *const keys[] = { "password", "token" };
	struct world w;
	char path[256], text[64];
	struct stat st;

	(void)state;
	world_open(&w);
	for (size_t i = 0; i < MC_NELEM(t) * 2; i++) {
		(void)snprintf(text, sizeof(text), "%s-command = /bin/pass\n",
		    keys[i % 2]);
		(void)snprintf(path, sizeof(path), "%s", side_write(&w.side,
		    "named", text, t[i / 2].mode));
		if (t[i / 2].good) {
			assert_int_equal(world_load(&w, path, false), 0);
			continue;
		}
		assert_err(world_load(&w, path, false), w.err,
		    MC_E_CONF_SECRET);
		assert_non_null(strstr(w.err.text, "chmod go-w "));
	}
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(stat(path, &st), 0);
	w.caller.uid = (unsigned long)st.st_uid + 1;
	assert_int_equal(world_load(&w, path, false),
	    st.st_uid == 0 ? 0 : -1);
	world_close(&w);
}

/* what a stranger may have written, and given with -C */
static void
test_distrust(void **state)
{
	static const struct {
		const char *text;
		const char *key;	/* that is not taken; NULL: none */
	} t[] = {
		{ "", NULL },
		{ "host = h.example\nport = 25\nuser = u\nfrom = a@b.example\n"
		    "queue = off\nlog = off\ntimeout = 5\n", NULL },
		{ "log = syslog\n[account a]\nhost = h.example\n", NULL },
		{ "log = stderr\naliases =\npassword-file =\n", NULL },
		{ "log = /x\n", "log" },
		{ "log = ~/x\n", "log" },
		{ "queue-dir = /x\n", "queue-dir" },
		{ "[account a]\naliases = /x\n", "aliases" },
		{ "[account a]\nhost = h.example\n[account b]\n"
		    "token-file = /x\n", "token-file" },
		{ "tls-ca-file = /x\n", "tls-ca-file" },
		{ "tls-ca-dir = /x\n", "tls-ca-dir" },
		{ "tls-cert = /x\n", "tls-cert" },
		{ "password-file = /x\n", "password-file" },
		{ "dkim-domain = a.example\ndkim-selector = s\n"
		    "dkim-key = /x\n", "dkim-key" },
		{ "proxy = socks5h://x:1\n", NULL },
		{ "oauth = off\noauth-client-id = x\n", NULL },
		{ "oauth = google\n", "oauth" },
		{ "[account a]\noauth-token-url = https://x.example/\n",
		    "oauth-token-url" },
		{ "oauth-key-file = /x\n", "oauth-key-file" },
		{ "oauth-dir = /x\n", "oauth-dir" },
	};
	static const mode_t modes[] = { 0664, 0646, 0600 };
	char path[256], want[300];
	struct world w;
	int rc;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t) * MC_NELEM(modes); i++) {
		mode_t mode = modes[i % MC_NELEM(modes)];
		const char *key = t[i / MC_NELEM(modes)].key;

		world_open(&w);
		(void)snprintf(path, sizeof(path), "%s", side_write(&w.side,
		    "named", t[i / MC_NELEM(modes)].text, mode));
		if (world_load(&w, path, false) != 0)
			fail_msg("%s", w.err.text);
		rc = mc_config_distrust(w.config, &w.err);
		/* who runs this as root owns a file that is root's alone */
		if (key == NULL || (mode == 0600 && getuid() == 0)) {
			assert_int_equal(rc, 0);
		} else {
			assert_err(rc, w.err, MC_E_CONF_SECRET);
			(void)snprintf(want, sizeof(want), ": %s is refused",
			    key);
			assert_non_null(strstr(w.err.text, want));
			assert_non_null(strstr(w.err.text, path));
		}
		world_close(&w);
	}
}

/* nor does that for a proxy go to a stranger's */
static void
test_distrust_proxy(void **state)
{
	char path[256];
	struct world w;

	(void)state;
	for (int i = 0; i < 2; i++) {
		world_open(&w);
		if (i == 1)
			world_env(&w, "MAILCHUTE_PROXY_PASSWORD_COMMAND", "x");
		(void)snprintf(path, sizeof(path), "%s", side_write(&w.side,
		    "named", "proxy = http://p.example:1\n", 0666));
		if (world_load(&w, path, false) != 0)
			fail_msg("%s", w.err.text);
		assert_int_equal(mc_config_distrust(w.config, &w.err), -i);
		world_close(&w);
	}
}

/* credentials of the environment do not go to a stranger's host */
static void
test_distrust_host(void **state)
{
	static const char *const names[] = {
		"MAILCHUTE_PASSWORD", "MAILCHUTE_TOKEN",
		"MAILCHUTE_PASSWORD_COMMAND", "MAILCHUTE_TOKEN_COMMAND",
		"MAILCHUTE_USER",
	};
	char path[256];
	struct world w;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(names); i++) {
		world_open(&w);
		world_env(&w, names[i], "x");
		(void)snprintf(path, sizeof(path), "%s", side_write(&w.side,
		    "named", "host = h.example\n", 0666));
		if (world_load(&w, path, false) != 0)
			fail_msg("%s", w.err.text);
		if (i + 1 == MC_NELEM(names))
			assert_int_equal(mc_config_distrust(w.config, NULL),
			    0);
		else
			assert_err(mc_config_distrust(w.config, &w.err),
			    w.err, MC_E_CONF_SECRET);
		/* without a host of its own it says nothing of it */
		(void)side_write(&w.side, "named", "from = a@b.example\n",
		    0666);
		if (world_load(&w, path, false) != 0)
			fail_msg("%s", w.err.text);
		assert_int_equal(mc_config_distrust(w.config, NULL), 0);
		world_close(&w);
	}
}

static void
test_all_problems(void **state)
{
	struct world w;
	char path[256];

	(void)state;
	world_open(&w);
	(void)snprintf(path, sizeof(path), "%s", side_write(&w.side, "named",
	    "hsot = x\nport = y\n[account a]\ntls = off\nhost = a.example\n"
	    "password = hunter2\nuser_ = z\n[bad]\nport = z\n", 0644));
	world_env(&w, "MAILCHUTE_PROT", "1");
	assert_err(world_load(&w, path, true), w.err, MC_E_CONF_KEY);
	assert_null(w.config);
	assert_non_null(strstr(w.err.text, "MAILCHUTE_PORT"));
	assert_int_equal(w.told.n, 8);
	assert_string_equal(w.told.files[0], "environment");
	assert_int_equal(w.told.lines[1], 1);
	assert_int_equal(w.told.lines[2], 2);
	assert_int_equal(w.told.lines[3], 7);
	assert_int_equal(w.told.lines[4], 8);
	assert_int_equal(w.told.lines[5], 9);
	assert_int_equal(w.told.errs[6].code, MC_E_CONF_SECRET);
	assert_int_equal(w.told.lines[7], 4);
	assert_int_equal(w.told.errs[7].code, MC_E_CONF_VALUE);
	for (unsigned i = 0; i < w.told.n; i++)
		assert_null(strstr(w.told.errs[i].text, "hunter2"));
	assert_err(world_load(&w, path, false), w.err, MC_E_CONF_KEY);
	world_close(&w);
}

/* ------------------------------------------------------------ environment */

static void
test_env(void **state)
{
	struct world w;
	const struct mc_account *a;

	(void)state;
	world_open(&w);
	side_write(&w.side, "value", "from-file.example\n", 0644);
	world_env(&w, "MAILCHUTE_HOST", "smtp.example");
	world_env(&w, "MAILCHUTE_TLS_CA_FILE", "/etc/ca.pem");
	world_env(&w, "MAILCHUTE_PASSWORD", " hunter2\r\n ");
	world_env(&w, "MAILCHUTE_DOMAIN_FILE", side_path(&w.side, "value"));
	world_env(&w, "MAILCHUTE_USER", "");
	world_env(&w, "MAILCHUTE_PORT", "");
	world_env(&w, "MAILCHUTE_TEST_ANYTHING", "1");
	world_env(&w, "MAILCHUTE_LOG", "off");
	world_env(&w, "MAILCHUTES", "1");
	world_env(&w, "MAILCHUTE_HOST", "second.example");
	world_good(&w);
	a = account_of(&w, NULL);
	assert_string_equal(a->host, "smtp.example");
	assert_string_equal(a->tls_ca_file, "/etc/ca.pem");
	assert_string_equal(a->domain, "from-file.example");
	assert_null(a->user);
	assert_string_equal(a->log, "off");
	/* exactly, and gone from where it was */
	assert_str(mc_secret_peek(a->password), " hunter2\r\n ");
	assert_string_equal(w.env[2], "MAILCHUTE_PASSWORD=");
	for (size_t i = 0; i < 11; i++)
		assert_int_equal(w.env[2][19 + i], 0);
	assert_string_equal(origin_of(&w, NULL, MC_K_domain,
	    "from-file.example"), "environment MAILCHUTE_DOMAIN_FILE");
	assert_string_equal(origin_of(&w, NULL, MC_K_password, "<hidden>"),
	    "environment MAILCHUTE_PASSWORD");
	world_close(&w);
}

static void
test_env_secret_files(void **state)
{
	struct world w;
	const struct mc_account *a;

	(void)state;
	world_open(&w);
	world_env(&w, "MAILCHUTE_PASSWORD_FILE", "/run/secrets/p");
	world_env(&w, "MAILCHUTE_TOKEN_FILE", "/run/secrets/t");
	world_good(&w);
	a = account_of(&w, NULL);
	assert_string_equal(a->password_file, "/run/secrets/p");
	assert_true(a->env_password_file);
	assert_true(a->env_token_file);
	assert_null(a->password);
	world_close(&w);
}

static void
test_env_errors(void **state)
{
	static const struct {
		const char *name;
		const char *value;
		enum mc_code code;
		const char *says;
	} t[] = {
		{ "MAILCHUTE_PASWORD", "hunter2", MC_E_CONF_KEY,
		    "MAILCHUTE_PASSWORD" },
		{ "MAILCHUTE_ACOUNT", "x", MC_E_CONF_KEY,
		    "MAILCHUTE_ACCOUNT" },
		{ "MAILCHUTE_tls", "on", MC_E_CONF_KEY, "MAILCHUTE_TLS" },
		{ "MAILCHUTE_CONNECT-TIMEOUT", "1", MC_E_CONF_KEY,
		    "MAILCHUTE_CONNECT_TIMEOUT" },
		{ "MAILCHUTE_", "1", MC_E_CONF_KEY, "nearest" },
		{ "MAILCHUTE__FILE", "/x", MC_E_CONF_KEY, "nearest" },
		{ "MAILCHUTE_PORT", "hunter2", MC_E_CONF_VALUE,
		    "environment MAILCHUTE_PORT: port" },
		{ "MAILCHUTE_USER", "a\nb", MC_E_CONF_VALUE, "control" },
		{ "MAILCHUTE_USER_FILE", "/nonexistent", MC_E_CONF_FILE,
		    "/nonexistent" },
		{ "MAILCHUTE_TLS_KEY_FILE", "/etc/passwd",
		    MC_E_CONF_VALUE, "leave _FILE away" },
		{ "MAILCHUTE_URL", "smtp.example", MC_E_CONF_VALUE,
		    "smtps://" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct world w;

		world_open(&w);
		world_env(&w, t[i].name, t[i].value);
		assert_err(world_load(&w, NULL, false), w.err, t[i].code);
		if (strstr(w.err.text, t[i].says) == NULL)
			fail_msg("no \"%s\" in: %s", t[i].says, w.err.text);
		assert_null(strstr(w.err.text, "hunter2"));
		world_close(&w);
	}
}

static void
test_env_both(void **state)
{
	struct world w;

	(void)state;
	world_open(&w);
	side_write(&w.side, "value", "me\n", 0644);
	world_env(&w, "MAILCHUTE_USER", "me");
	world_env(&w, "MAILCHUTE_USER_FILE", side_path(&w.side, "value"));
	/* wiped even though reading stopped before it */
	world_env(&w, "MAILCHUTE_TOKEN", "hunter2");
	assert_err(world_load(&w, NULL, false), w.err, MC_E_CONF_VALUE);
	assert_non_null(strstr(w.err.text, "MAILCHUTE_USER is set too"));
	assert_string_equal(w.env[2], "MAILCHUTE_TOKEN=");
	world_close(&w);
}

static void
test_url(void **state)
{
	static const struct {
		const char *url;
		const char *host;	/* NULL: refused */
		const char *port;
		enum mc_tls_mode tls;
		const char *user;
		const char *password;
		const char *left;	/* in the environment */
	} t[] = {
		{ "smtps://me@smtp.example:4650", "smtp.example", "4650",
		    MC_TLS_ON, "me", NULL, "smtps://me@smtp.example:4650" },
		{ "smtps://smtp.example/", "smtp.example", "465", MC_TLS_ON,
		    NULL, NULL, "smtps://smtp.example/" },
		{ "SMTP://me%40work.example@smtp.example", "smtp.example",
		    "587", MC_TLS_STARTTLS, "me@work.example", NULL,
		    "SMTP://me%40work.example@smtp.example" },
		{ "smtp://me@work.example:hunter2@smtp.example:25",
		    "smtp.example", "25", MC_TLS_STARTTLS, "me@work.example",
		    "hunter2", "smtp://me@work.example@smtp.example:25" },
		{ "smtps://me:a%3Ab%2f%25:c@smtp.example", "smtp.example",
		    "465", MC_TLS_ON, "me", "a:b/%:c",
		    "smtps://me@smtp.example" },
		{ "smtps://me@[2001:db8::1]:465", "2001:db8::1", "465",
		    MC_TLS_ON, "me", NULL, "smtps://me@[2001:db8::1]:465" },
		{ "smtps://[::1]", "::1", "465", MC_TLS_ON, NULL, NULL,
		    "smtps://[::1]" },
		{ "smtps://2001:db8::1", NULL, NULL, 0, NULL, NULL, "" },
		{ "smtps://me:hun/ter2@smtp.example", NULL, NULL, 0, NULL,
		    NULL, "" },
		{ "smtps://me:hunter2@smtp.example/path", NULL, NULL, 0, NULL,
		    NULL, "smtps://me@smtp.example/path" },
		{ "smtps://me:hunter2@smtp.example?x", NULL, NULL, 0, NULL,
		    NULL, "smtps://me@smtp.example?x" },
		{ "smtps://me:hunter2%@smtp.example", NULL, NULL, 0, NULL,
		    NULL, "smtps://me@smtp.example" },
		{ "smtps://me%00:hunter2@smtp.example", NULL, NULL, 0, NULL,
		    NULL, "smtps://me%00@smtp.example" },
		{ "smtps://me:hunter2%00@smtp.example", NULL, NULL, 0, NULL,
		    NULL, "smtps://me@smtp.example" },
		{ "smtps://me%0d%0a@smtp.example", NULL, NULL, 0, NULL, NULL,
		    "smtps://me%0d%0a@smtp.example" },
		{ "smtps://me@smtp.example:", NULL, NULL, 0, NULL, NULL, "" },
		{ "smtps://me@smtp.example:99999", NULL, NULL, 0, NULL, NULL,
		    "smtps://me@smtp.example:99999" },
		{ "smtps://me@", NULL, NULL, 0, NULL, NULL, "" },
		{ "smtps://", NULL, NULL, 0, NULL, NULL, "" },
		{ "https://hunter2@smtp.example", NULL, NULL, 0, NULL, NULL,
		    "" },
		{ "smtps:///run/socket", NULL, NULL, 0, NULL, NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct world w;
		int rc;

		world_open(&w);
		world_env(&w, "MAILCHUTE_URL", t[i].url);
		rc = world_load(&w, NULL, false);
		if (strcmp(w.env[0] + 14, t[i].left) != 0)
			fail_msg("%s left %s", t[i].url, w.env[0]);
		if (t[i].host == NULL) {
			if (rc == 0)
				fail_msg("%s was taken", t[i].url);
			assert_err(rc, w.err, MC_E_CONF_VALUE);
			assert_null(strstr(w.err.text, "hunter2"));
			world_close(&w);
			continue;
		}
		if (rc != 0)
			fail_msg("%s: %s", t[i].url, w.err.text);
		a = account_of(&w, NULL);
		assert_string_equal(a->host, t[i].host);
		assert_string_equal(a->port_text, t[i].port);
		assert_int_equal(a->tls_mode, t[i].tls);
		if (t[i].user == NULL)
			assert_null(a->user);
		else
			assert_string_equal(a->user, t[i].user);
		if (t[i].password == NULL)
			assert_null(a->password);
		else
			assert_str(mc_secret_peek(a->password),
			    t[i].password);
		world_close(&w);
	}
}

static void
test_url_weaker(void **state)
{
	const struct mc_account *a;
	struct world w;

	(void)state;
	world_open(&w);
	world_env(&w, "MAILCHUTE_URL", "smtps://me:hunter2@smtp.example");
	world_env(&w, "MAILCHUTE_PORT", "10465");
	world_env(&w, "MAILCHUTE_USER", "you");
	world_env(&w, "MAILCHUTE_TOKEN_FILE", "/run/secrets/t");
	world_good(&w);
	a = account_of(&w, NULL);
	assert_string_equal(a->host, "smtp.example");
	assert_string_equal(a->port_text, "10465");
	assert_string_equal(a->user, "you");
	assert_null(a->password);
	assert_string_equal(origin_of(&w, NULL, MC_K_host, "smtp.example"),
	    "environment MAILCHUTE_URL");
	world_close(&w);
}

static void
test_canary(void **state)
{
	struct world w;
	struct mc_value v;
	struct mc_err e = { .code = MC_OK };

	(void)state;
	world_open(&w);
	side_write(&w.side, USER, "token = c4n4ry\n[account a]\n"
	    "password = c4n4ry\n", 0600);
	world_good(&w);
	for (size_t i = 0; mc_config_value(w.config, NULL, i, &v, &e) == 0;
	    i++) {
		assert_null(strstr(v.value, "c4n4ry"));
		assert_null(strstr(v.origin, "c4n4ry"));
		if (i == MC_K_password)
			assert_string_equal(v.value, "<hidden>");
		/* displaced by the account's own */
		if (i == MC_K_token)
			assert_string_equal(v.value, "");
	}
	world_close(&w);
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1; ; n++) {
		struct world w;
		int rc;

		world_open(&w);
		side_write(&w.side, "system", "timeout = 3\npassword = x\n"
		    "[account s]\nhost = /run/s\n", 0600);
		side_write(&w.side, USER, "[account a]\nhost = a.example\n"
		    "password-file = ~/p\nfrom = *@a.example, b@c.example\n"
		    "password-command = a b\ntls-pin = " PIN "\n"
		    "rate = 30/2min\nretry-min = 6h\n"
		    "[account default]\nehlo-name = [192.0.2.1]\n", 0600);
		world_env(&w, "MAILCHUTE_URL", "smtps://u:p@h.example:1");
		world_env(&w, "MAILCHUTE_DOMAIN_FILE",
		    side_write(&w.side, "value", "d.example\n", 0644));
		(void)failmalloc(n, false);
		rc = world_load(&w, NULL, true);
		if (rc == 0)
			rc = mc_config_set(w.config, "from", "x@y.example",
			    &w.err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			world_close(&w);
			assert_true(n > 100);
			return;
		}
		if (w.err.code != MC_E_NOMEM)
			fail_msg("allocation %lu: %s", n, w.err.text);
		assert_err(rc, w.err, MC_E_NOMEM);
		world_close(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_from_values),
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_file_verbatim),
		cmocka_unit_test(test_file_limits),
		cmocka_unit_test(test_file_accounts_limit),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_which_file),
		cmocka_unit_test(test_relative_xdg),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_secret_mode),
		cmocka_unit_test(test_command_mode),
		cmocka_unit_test(test_distrust),
		cmocka_unit_test(test_distrust_host),
		cmocka_unit_test(test_distrust_proxy),
		cmocka_unit_test(test_all_problems),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_env_secret_files),
		cmocka_unit_test(test_env_errors),
		cmocka_unit_test(test_env_both),
		cmocka_unit_test(test_url),
		cmocka_unit_test(test_url_weaker),
		cmocka_unit_test(test_canary),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
