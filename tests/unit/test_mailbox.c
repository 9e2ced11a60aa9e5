/* SPDX-License-Identifier: MIT */
/* One address: what MAIL and RCPT may carry, comparing, patterns. */

#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "mail/mailbox.h"

struct row {
	const char *local;
	const char *domain;
	const char *out;	/* NULL: refused */
	enum mc_code code;
};

static const struct row made[] = {
	{ "a", "example.org", "a@example.org", 0 },
	{ "Bob.Smith+x", "Example.ORG", "Bob.Smith+x@Example.ORG", 0 },
	{ "a", "Example.ORG.", "a@Example.ORG", 0 },
	{ "-w", "x.org", "-w@x.org", 0 },
	{ "!#$%&'*+-/=?^_`{|}~", "x", "!#$%&'*+-/=?^_`{|}~@x", 0 },
	{ "\"a b\"", "x", "\"a b\"@x", 0 },
	{ "\"x,y\"", "x", "\"x,y\"@x", 0 },
	{ "\"a@b\"", "x", "\"a@b\"@x", 0 },
	{ "\"a..b\"", "x", "\"a..b\"@x", 0 },
	{ "\".\"", "x", "\".\"@x", 0 },
	{ "\"joe\"", "x", "joe@x", 0 },
	{ "\"j\\o\\e\"", "x", "joe@x", 0 },
	{ "\"a\\\"b\\\\c\"", "x", "\"a\\\"b\\\\c\"@x", 0 },
	{ "\" \"", "x", "\" \"@x", 0 },
	/* literals */
	{ "a", "[192.0.2.1]", "a@[192.0.2.1]", 0 },
	{ "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", 0 },
	{ "a", "[ipv6:::ffff:192.0.2.1]", "a@[ipv6:::ffff:192.0.2.1]", 0 },
	/* international */
	{ "a", "B\xc3\x9c" "CHER.Example", "a@xn--bcher-kva.example", 0 },
	{ "a", "fa\xc3\x9f.de", "a@xn--fa-hia.de", 0 },
	{ "\xc3\xbc", "B\xc3\x9c" "CHER.Example",
	    "\xc3\xbc@b\xc3\xbc" "cher.example", 0 },
	{ "\xc3\xbc", "xn--bcher-kva.Example",
	    "\xc3\xbc@xn--bcher-kva.Example", 0 },
	{ "\"\xc3\xbc b\"", "x", "\"\xc3\xbc b\"@x", 0 },

	{ "", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a\\\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a\"b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a\".\"b\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a,b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a@b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a..b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ ".a", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a.", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "<a", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a\r\nRCPT TO:<e@x>", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a\r\n b\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "\"a\tb\"", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a\x7f", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a\xff", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a\xc2\x9b", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a\xc0\x80", "x", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "", NULL, MC_E_ADDR_SYNTAX },
	{ "a", ".", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "b..c", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "b_c.org", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "-b.org", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "b c", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "b> SIZE=1", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "x\r\nDATA", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[192.0.2.1", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[192.0.2.256]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[192.0.2]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[192.0.2.1]x", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[2001:db8::1]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[IPv6:]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[IPv6:192.0.2.1]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[IPv6:fe80::1%eth0]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "[X400:abc]", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "\xf0\x9f\x98\x80.example", NULL, MC_E_ADDR_SYNTAX },
	{ "\xc3\xbc", "\xf0\x9f\x98\x80.example", NULL, MC_E_ADDR_SYNTAX },
	{ "a", "ex\xef\xbc\xa0mple.de", NULL, MC_E_ADDR_SYNTAX },
};

static void
test_make(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(made); i++) {
		const struct row *r = &made[i];
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		mc_buf_init(&out, 1000);
		mc_buf_addc(&out, '>');
		rc = mc_mailbox_make(mc_str_from(r->local),
		    mc_str_from(r->domain), &out, &err);
		if (r->out == NULL) {
			assert_err(rc, err, r->code);
			assert_str(mc_buf_str(&out), ">");
		} else {
			assert_string_equal(err.text, "");
			assert_int_equal(rc, 0);
			assert_string_equal(out.ptr + 1, r->out);
		}
		mc_buf_clear(&out);
	}
}

static void
test_nul(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	assert_err(mc_mailbox_make(MC_STR("a\0b"), MC_STR("x"), &out, &err),
	    err, MC_E_ADDR_SYNTAX);
	err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_mailbox_make(MC_STR("a"), MC_STR("x\0y"), &out, &err),
	    err, MC_E_ADDR_SYNTAX);
	err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_mailbox_make(MC_STR("a"), MC_STR("[192.0.2.1\0]"), &out,
	    &err), err, MC_E_ADDR_SYNTAX);
	assert_int_equal(out.len, 0);
	mc_buf_clear(&out);
}

/* a local part of n bytes and a domain of m bytes, labels of at most 50 */
static int
make_sized(size_t n, size_t m, bool quoted, struct mc_err *err)
{
	struct mc_buf local;
	struct mc_buf domain;
	struct mc_buf out;
	int rc;

	mc_buf_init(&local, 100000);
	mc_buf_init(&domain, 100000);
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < n; i++)
		mc_buf_addc(&local, quoted && (i == 0 || i + 1 == n) ? '"' :
		    quoted && i == 1 ? ' ' : 'l');
	for (size_t i = 0; i < m; i++)
		mc_buf_addc(&domain, i % 50 == 49 && i + 1 < m ? '.' : 'd');
	*err = (struct mc_err){ .code = MC_OK };
	rc = mc_mailbox_make(mc_buf_str(&local), mc_buf_str(&domain), &out,
	    err);
	if (rc == 0)
		assert_int_equal(out.len, n + m + 1);
	else
		assert_int_equal(out.len, 0);
	mc_buf_clear(&local);
	mc_buf_clear(&domain);
	mc_buf_clear(&out);
	return rc;
}

static void
test_limits(void **state)
{
	static const struct {
		size_t local;
		size_t domain;
		bool quoted;
		bool fine;
	} rows[] = {
		{ 64, 20, false, true }, { 65, 20, false, false },
		{ 64, 20, true, true }, { 65, 20, true, false },
		{ 1, 252, false, true }, { 1, 253, false, false },
		{ 1, 254, false, false }, { 1, 256, false, false },
		{ 64, 189, false, true }, { 64, 190, false, false },
		{ 64, 192, false, false }, { 50000, 50000, false, false },
		{ 50000, 50000, true, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err;
		int rc = make_sized(rows[i].local, rows[i].domain,
		    rows[i].quoted, &err);

		if (rows[i].fine)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_ADDR_LONG);
	}
}

/* escapes that are not needed do not count */
static void
test_escaped_length(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf local;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&local, 1000);
	mc_buf_init(&out, 1000);
	mc_buf_addc(&local, '"');
	for (int i = 0; i < 64; i++)
		mc_buf_addz(&local, "\\x");
	mc_buf_addc(&local, '"');
	assert_int_equal(mc_mailbox_make(mc_buf_str(&local), MC_STR("d"), &out,
	    &err), 0);
	assert_int_equal(out.len, 66);
	mc_buf_clear(&local);
	mc_buf_clear(&out);
}

static void
test_at(void **state)
{
	static const struct {
		const char *addr;
		size_t at;
	} rows[] = {
		{ "a@x", 1 }, { "\"a@b\"@x", 5 }, { "\"a\\\"@b\"@x", 7 },
		{ "\xc3\xbc@x", 2 }, { "bob", 3 }, { "", 0 }, { "\"a@b\"", 5 },
		{ "\"a@b", 4 }, { "a@[192.0.2.1]", 1 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_int_equal(mc_mailbox_at(mc_str_from(rows[i].addr)),
		    rows[i].at);
}

static void
test_eq(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool eq;
		bool loose;
	} rows[] = {
		{ "a@x.org", "a@x.org", true, true },
		{ "a@x.org", "a@X.Org", true, true },
		{ "A@x.org", "a@x.org", false, true },
		{ "a@x.org", "b@x.org", false, false },
		{ "a@x.org", "a@x.orgs", false, false },
		{ "ab@x", "a@bx", false, false },
		{ "\"A@b\"@x", "\"a@b\"@x", false, true },
		{ "\"a@B\"@x", "\"a@b\"@x", false, true },
		{ "\"a@b\"@X", "\"a@b\"@x", true, true },
		{ "bob", "bob", true, true },
		{ "bob", "bob@x", false, false },
		{ "", "", true, true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str a = mc_str_from(rows[i].a);
		struct mc_str b = mc_str_from(rows[i].b);

		assert_int_equal(mc_mailbox_eq(a, b), rows[i].eq);
		assert_int_equal(mc_mailbox_eq(b, a), rows[i].eq);
		assert_int_equal(mc_mailbox_eq_loose(a, b), rows[i].loose);
	}
}

static void
test_match(void **state)
{
	static const struct {
		const char *pattern;
		const char *addr;
		bool match;
	} rows[] = {
		{ "*", "a@x", true }, { "*", "", true },
		{ "*@dom", "a@dom", true }, { "*@dom", "A@DOM", true },
		{ "*@dom", "a@sub.dom", false }, { "*@dom", "a@dom.", false },
		{ "*@dom", "\"x@dom\"@evil", false },
		{ "*@dom", "@dom", true },
		{ "*@*.dom", "a@sub.dom", true }, { "*@*.dom", "a@dom", false },
		{ "*@*.dom", "a@a.dom.dom", true },
		{ "user@dom", "User@Dom", true },
		{ "user@dom", "use@dom", false },
		{ "user@dom", "user@domx", false }, { "user@dom", "", false },
		{ "user+*@dom", "user+x.y@dom", true },
		{ "user+*@dom", "user@dom", false },
		{ "user+*@dom", "user+@dom", true },
		{ "a**b", "ab", true }, { "a*b*c", "a-b-b-c", true },
		{ "a*b*c", "a-c-b", false },
		{ "", "a", false }, { "", "", true },
		{ "**", "x", true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_int_equal(mc_mailbox_match(mc_str_from(rows[i].pattern),
		    mc_str_from(rows[i].addr)), rows[i].match);
}

/* the pattern that is worst for a matcher that backtracks */
static void
test_match_worst(void **state)
{
	struct mc_buf pattern;
	struct mc_buf addr;

	(void)state;
	mc_buf_init(&pattern, 2000000);
	mc_buf_init(&addr, 1000);
	for (int i = 0; i < 300000; i++)
		mc_buf_addz(&pattern, "*aaaa");
	mc_buf_addc(&pattern, 'b');
	for (int i = 0; i < MC_MAX_PATH; i++)
		mc_buf_addc(&addr, 'a');
	assert_false(mc_mailbox_match(mc_buf_str(&pattern), mc_buf_str(&addr)));
	mc_buf_addc(&addr, 'a');
	assert_false(mc_mailbox_match(MC_STR("*"), mc_buf_str(&addr)));
	mc_buf_clear(&pattern);
	mc_buf_clear(&addr);
}

static void
test_nomem(void **state)
{
	static const size_t rows[] = { 0, 14, 17, 19 };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const struct row *r = &made[rows[i]];

		for (unsigned long n = 1; ; n++) {
			struct mc_err err = { .code = MC_OK };
			struct mc_buf out;
			int rc;

			assert_true(n < 100);
			mc_buf_init(&out, 1000);
			failmalloc(n, n % 2 == 0);
			rc = mc_mailbox_make(mc_str_from(r->local),
			    mc_str_from(r->domain), &out, &err);
			failmalloc(0, false);
			if (rc == 0)
				assert_string_equal(out.ptr, r->out);
			else
				assert_int_equal(out.len, 0);
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
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_escaped_length),
		cmocka_unit_test(test_at),
		cmocka_unit_test(test_eq),
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_match_worst),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
