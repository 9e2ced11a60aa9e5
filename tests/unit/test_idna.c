/* SPDX-License-Identifier: MIT */
/* Host names: LDH rules, IDNA 2008 with UTS #46, limits. */

#include "unit.h"

#include "base/buf.h"
#include "mail/idna.h"

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

struct row {
	const char *in;
	const char *out;	/* NULL: refused */
	enum mc_code code;
};

static const struct row hosts[] = {
	{ "example.org", "example.org", 0 },
	{ "Mail.EXAMPLE.org.", "mail.example.org", 0 },
	{ "localhost", "localhost", 0 },
	{ "a--b.example", "a--b.example", 0 },
	{ "192.0.2.1", "192.0.2.1", 0 },
	{ "XN--FA-HIA.de", "xn--fa-hia.de", 0 },
	{ L63 ".org", L63 ".org", 0 },
	/* the four deviations of UTS #46 stay, non-transitional */
	{ "fa\xc3\x9f.de", "xn--fa-hia.de", 0 },
	{ "B\xc3\x9c" "CHER.example", "xn--bcher-kva.example", 0 },
	{ "b\xc3\xbc" "cher.Example.", "xn--bcher-kva.example", 0 },
	{ "bu\xcc\x88" "cher.example", "xn--bcher-kva.example", 0 },
	{ "a.\xe4\xbe\x8b\xe3\x81\x88.jp", "a.xn--r8jz45g.jp", 0 },
	{ "b\xc3\xbc" "cher\xe3\x80\x82" "example",
	    "xn--bcher-kva.example", 0 },
	{ "xn--bcher-kva.\xc3\xbc", "xn--bcher-kva.xn--tda", 0 },

	{ "", NULL, MC_E_ADDR_SYNTAX },
	{ ".", NULL, MC_E_ADDR_SYNTAX },
	{ "a..b", NULL, MC_E_ADDR_SYNTAX },
	{ ".a", NULL, MC_E_ADDR_SYNTAX },
	{ "a..", NULL, MC_E_ADDR_SYNTAX },
	{ "-a.org", NULL, MC_E_ADDR_SYNTAX },
	{ "a-.org", NULL, MC_E_ADDR_SYNTAX },
	{ "a_b.org", NULL, MC_E_ADDR_SYNTAX },
	{ "a b", NULL, MC_E_ADDR_SYNTAX },
	{ "a\r\nb", NULL, MC_E_ADDR_SYNTAX },
	{ "a/b", NULL, MC_E_ADDR_SYNTAX },
	{ "a@b", NULL, MC_E_ADDR_SYNTAX },
	{ L63 "x.org", NULL, MC_E_ADDR_LONG },
	{ L63 "." L63 "." L63 "." L63, NULL, MC_E_ADDR_LONG },
	/* no IDNA 2008 letters */
	{ "\xf0\x9f\x98\x80.example", NULL, MC_E_ADDR_SYNTAX },
	{ "\xc3\xbc\xe2\x98\x83.example", NULL, MC_E_ADDR_SYNTAX },
	{ "xn--ls8h.\xc3\xbc", NULL, MC_E_ADDR_SYNTAX },
	/* what mapping turns into ASCII must not slip through */
	{ "ex\xef\xbc\xa0mple.de", NULL, MC_E_ADDR_SYNTAX },
	{ "\xe2\x84\x80.de", NULL, MC_E_ADDR_SYNTAX },
	{ "a_\xc3\xbc.de", NULL, MC_E_ADDR_SYNTAX },
	{ "a b.\xc3\xbc", NULL, MC_E_ADDR_SYNTAX },
	{ "-\xc3\xbc.de", NULL, MC_E_ADDR_SYNTAX },
	{ "\xc3\xbc..de", NULL, MC_E_ADDR_SYNTAX },
	{ "\xcc\x88" "a.de", NULL, MC_E_ADDR_SYNTAX },
	{ "a\xe2\x80\x8d" "b.de", NULL, MC_E_ADDR_SYNTAX },
	{ "xn--zzzzzz.\xc3\xbc", NULL, MC_E_ADDR_SYNTAX },
	{ "\xc2\x85.de", NULL, MC_E_ADDR_SYNTAX },
	{ "b\xfc" "cher.de", NULL, MC_E_ADDR_SYNTAX },
	{ "\xc0\xae.de", NULL, MC_E_ADDR_SYNTAX },
};

static void
test_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(hosts); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		mc_buf_init(&out, 1000);
		mc_buf_addc(&out, '>');
		rc = mc_idna_host(mc_str_from(hosts[i].in), false, &out, &err);
		if (hosts[i].out == NULL) {
			assert_err(rc, err, hosts[i].code);
			assert_str(mc_buf_str(&out), ">");
		} else {
			assert_int_equal(rc, 0);
			assert_int_equal(err.code, MC_OK);
			assert_string_equal(out.ptr + 1, hosts[i].out);
		}
		mc_buf_clear(&out);
	}
}

static void
test_underscore(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	assert_int_equal(mc_idna_host(MC_STR("_Submission._tcp.x.org"), true,
	    &out, &err), 0);
	assert_str(mc_buf_str(&out), "_submission._tcp.x.org");
	mc_buf_reset(&out);
	assert_int_equal(mc_idna_host(MC_STR("_tcp.\xc3\xbc.org"), true, &out,
	    &err), 0);
	assert_str(mc_buf_str(&out), "_tcp.xn--tda.org");
	assert_err(mc_idna_host(MC_STR("a_\xc3\xbc.org"), true, &out, &err),
	    err, MC_E_ADDR_SYNTAX);
	mc_buf_clear(&out);
}

static void
test_bytes(void **state)
{
	struct mc_str bad[] = {
		MC_STR("a\0b.org"), MC_STR("\xc3\xbc\0.org"),
	};
	struct mc_buf out;
	struct mc_buf in;

	(void)state;
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		struct mc_err err = { .code = MC_OK };

		assert_err(mc_idna_host(bad[i], true, &out, &err), err,
		    MC_E_ADDR_SYNTAX);
	}
	/* 253 is the most, with or without the root's dot */
	for (size_t len = 252; len <= 256; len++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		mc_buf_init(&in, 1000);
		for (size_t i = 0; i < len; i++)
			mc_buf_addc(&in, i % 2 != 0 ? '.' : 'a');
		rc = mc_idna_host(mc_buf_str(&in), false, &out, &err);
		if (len <= 254)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_ADDR_LONG);
		mc_buf_clear(&in);
	}
	/* libidn2 must not see a megabyte */
	mc_buf_init(&in, 4000000);
	for (size_t i = 0; i < 1000000; i++)
		mc_buf_addz(&in, "\xc3\xbc.");
	struct mc_err err = { .code = MC_OK };

	assert_err(mc_idna_host(mc_buf_str(&in), false, &out, &err), err,
	    MC_E_ADDR_LONG);
	mc_buf_clear(&in);
	mc_buf_clear(&out);
}

static void
test_unicode(void **state)
{
	static const struct row rows[] = {
		{ "B\xc3\x9c" "CHER.example.", "b\xc3\xbc" "cher.example", 0 },
		{ "fa\xc3\x9f.de", "fa\xc3\x9f.de", 0 },
		{ "xn--bcher-kva.\xc3\xbc", "b\xc3\xbc" "cher.\xc3\xbc", 0 },
		{ "\xf0\x9f\x98\x80.de", NULL, MC_E_ADDR_SYNTAX },
	};
	static const struct row checks[] = {
		{ "b\xc3\xbc" "cher.Example", "", 0 },
		{ "\xe4\xbe\x8b\xe3\x81\x88.jp", "", 0 },
		{ "B\xc3\x9c" "CHER.example", NULL, MC_E_ADDR_SYNTAX },
		{ "bu\xcc\x88" "cher.example", NULL, MC_E_ADDR_SYNTAX },
		{ "\xe2\x98\x83.net", NULL, MC_E_ADDR_SYNTAX },
		{ "\xff.net", NULL, MC_E_ADDR_SYNTAX },
	};
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		mc_buf_reset(&out);
		rc = mc_idna_unicode(mc_str_from(rows[i].in), &out, &err);
		if (rows[i].out == NULL) {
			assert_err(rc, err, rows[i].code);
		} else {
			assert_int_equal(rc, 0);
			assert_str(mc_buf_str(&out), rows[i].out);
		}
	}
	for (size_t i = 0; i < MC_NELEM(checks); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc = mc_idna_check_u(mc_str_from(checks[i].in), &err);

		if (checks[i].out == NULL)
			assert_err(rc, err, checks[i].code);
		else
			assert_int_equal(rc, 0);
	}
	mc_buf_clear(&out);
}

static void
test_nomem(void **state)
{
	static const char *in[] = {
		"Mail.example", "b\xc3\xbc" "cher.example"
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(in); i++) {
		for (unsigned long n = 1; ; n++) {
			struct mc_err err = { .code = MC_OK };
			struct mc_buf out;
			int rc;

			assert_true(n < 100);
			mc_buf_init(&out, 1000);
			failmalloc(n, false);
			rc = mc_idna_host(mc_str_from(in[i]), false, &out,
			    &err);
			failmalloc(0, false);
			if (rc == 0)
				assert_int_not_equal(out.len, 0);
			mc_buf_clear(&out);
			if (rc == 0)
				break;
			assert_err(rc, err, MC_E_NOMEM);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_underscore),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_unicode),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
