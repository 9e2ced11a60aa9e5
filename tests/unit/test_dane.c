/* SPDX-License-Identifier: MIT */
/*
 * test_dane.c - the lines of the helper, also those that it never prints
 */
#include "unit.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/dane.h"

#define H32 "000102030405060708090a0b0c0d0e0f" \
    "101112131415161718191a1b1c1d1e1f"
#define H64 H32 H32

static int
parse(const char *text, size_t len, struct mc_dane *dane, struct mc_err *err)
{
	mc_dane_init(dane);
	*err = (struct mc_err){ .code = MC_OK };
	return mc_dane_parse(mc_str_make(text, len), dane, err);
}

static const struct {
	const char *text;
	size_t n;		/* records that count */
	const char *base;
	const char *why;	/* is in it */
} good[] = {
	{ "none\n", 0, "", "no TLSA records" },
	{ "insecure the zone is open\n", 0, "", "the zone is open" },
	{ "insecure \x1b[2J\tx\n", 0, "", "?[2J x" },
	{ "tlsa 3 1 1 " H32 "\nsecure mx.example\n", 1, "mx.example", "" },
	{ "tlsa 2 0 2 " H64 "\ntlsa 3 0 0 00\nsecure mx.example\n", 2,
	    "mx.example", "" },
	{ "secure mx.example\n", 0, "", "no TLSA record of mx.example" },
	/* RFC 7672 3.1.3, and what later RFCs may define */
	{ "tlsa 0 1 1 " H32 "\ntlsa 1 1 1 " H32 "\ntlsa 4 1 1 " H32
	    "\ntlsa 255 1 1 " H32 "\ntlsa 3 2 1 " H32 "\ntlsa 3 255 1 " H32
	    "\ntlsa 3 1 3 " H32 "\ntlsa 3 1 255 " H32
	    "\nsecure mx.example\n", 0, "", "is one for SMTP" },
	/* digests of the wrong length */
	{ "tlsa 3 1 1 00\ntlsa 3 1 1 " H64 "\ntlsa 3 1 2 " H32
	    "\ntlsa 3 1 1 " H32 "00\nsecure mx.example\n", 0, "", "for SMTP" },
	{ "tlsa 3 1 1 00\ntlsa 3 1 1 " H32 "\nsecure mx.example\n", 1,
	    "mx.example", "" },
};

static void
good_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(good); i++) {
		struct mc_dane d;
		struct mc_err err;
		int rc = parse(good[i].text, strlen(good[i].text), &d, &err);

		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_int_equal(d.records.n, good[i].n);
		assert_string_equal(d.base, good[i].base);
		assert_non_null(strstr(d.why, good[i].why));
		assert_int_equal(d.why[0] == '\0', good[i].n != 0);
		mc_dane_clear(&d);
	}
}

static void
what_a_record_holds(void **state)
{
	(void)state;
	static const char text[] = "tlsa 0 0 0 ffff\ntlsa 2 1 0 0a0b0c\n"
	    "tlsa 3 0 1 " H32 "\nsecure mx.example\n";
	struct mc_dane d;
	struct mc_err err;
	const struct mc_tlsa *r;

	assert_int_equal(parse(text, sizeof(text) - 1, &d, &err), 0);
	assert_int_equal(d.records.n, 2);
	r = mc_vec_at(&d.records, 0);
	assert_int_equal(r->usage, MC_DANE_TA);
	assert_int_equal(r->selector, 1);
	assert_int_equal(r->type, 0);
	assert_int_equal(r->len, 3);
	assert_memory_equal(d.data.ptr + r->off, "\x0a\x0b\x0c", 3);
	r = mc_vec_at(&d.records, 1);
	assert_int_equal(r->usage, MC_DANE_EE);
	assert_int_equal(r->selector, 0);
	assert_int_equal(r->type, 1);
	assert_int_equal(r->len, 32);
	for (size_t i = 0; i < 32; i++)
		assert_int_equal(d.data.ptr[r->off + i], i);
	mc_dane_clear(&d);
}

/* nothing of these may count as an answer, least as "none" */
static const struct {
	const char *text;
	size_t len;		/* 0: that of the text */
} bad[] = {
	{ "", 0 },
	{ "\n", 0 },
	{ "none", 0 },			/* cut off */
	{ "none\n\n", 0 },
	{ "none at all\n", 0 },
	{ " none\n", 0 },
	{ "NONE\n", 0 },
	{ "nonesuch\n", 0 },
	{ "none\r\n", 0 },
	{ "none\nnone\n", 0 },
	{ "none\nsecure mx.example\n", 0 },
	{ "none\0\n", 6 },
	{ "insecure\n", 0 },
	{ "insecure x", 0 },
	{ "again\n", 0 },
	{ "failed\n", 0 },
	{ "secure\n", 0 },
	{ "secure \n", 0 },
	{ "secure .\n", 0 },
	{ "secure .mx.example\n", 0 },
	{ "secure mx example\n", 0 },
	{ "secure mx\texample\n", 0 },
	{ "secure mx.ex\xc3\xa4mple\n", 0 },
	{ "secure mx\0.example\n", 19 },
	{ "tlsa 3 1 1 " H32 "\n", 0 },	/* no verdict */
	{ "tlsa 3 1 1 " H32, 0 },
	{ "tlsa 3 1 1 " H32 "\nnone\n", 0 },
	{ "tlsa 3 1 1 " H32 "\ninsecure x\n", 0 },
	{ "tlsa 3 1 1 " H32 "\nfailed x\n", 0 },
	{ "tlsa 0 1 1 " H32 "\nnone\n", 0 },
	{ "tlsa\nsecure mx.example\n", 0 },
	{ "tlsa 3\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 \nsecure mx.example\n", 0 },
	{ "tlsa 3 1 256 " H32 "\nsecure mx.example\n", 0 },
	{ "tlsa -3 1 1 " H32 "\nsecure mx.example\n", 0 },
	{ "tlsa +3 1 1 " H32 "\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 0x1 " H32 "\nsecure mx.example\n", 0 },
	{ "tlsa 99999999999999999999 1 1 " H32 "\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 " H32 "0\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 " H32 " 00\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 zz\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 0A\nsecure mx.example\n", 0 },
	{ "tlsa 3 1 1 00\0\nsecure mx.example\n", 34 },
	{ "TLSA 3 1 1 " H32 "\nsecure mx.example\n", 0 },
	{ "junk\nsecure mx.example\n", 0 },
	{ "\nsecure mx.example\n", 0 },
};

static void
bad_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		size_t len = bad[i].len != 0 ? bad[i].len :
		    strlen(bad[i].text);
		struct mc_dane d;
		struct mc_err err;
		int rc = parse(bad[i].text, len, &d, &err);

		if (rc != -1 || err.code != MC_E_HELPER)
			fail_msg("taken: %s", bad[i].text);
		assert_int_equal(d.records.n, 0);
		assert_int_equal(d.data.len, 0);
		assert_string_equal(d.base, "");
		mc_dane_clear(&d);
	}
}

static void
deferrals(void **state)
{
	(void)state;
	struct mc_dane d;
	struct mc_err err;

	assert_int_equal(parse("failed no \x1b answer\n", 19, &d, &err), -1);
	assert_int_equal(err.code, MC_E_RESOLVE);
	assert_int_equal(err.sys, 0);
	assert_non_null(strstr(err.text, "dane needs: no ? answer"));
	/* only this may be the network's fault */
	assert_int_equal(parse("again x\n", 8, &d, &err), -1);
	assert_int_equal(err.code, MC_E_RESOLVE);
	assert_int_equal(err.sys, EAGAIN);
}

static void
cut_anywhere(void **state)
{
	(void)state;
	static const char text[] = "tlsa 3 1 1 " H32 "\ntlsa 2 0 0 3000\n"
	    "secure mx.example\n";
	size_t len = sizeof(text) - 1;

	for (size_t n = 0; n <= len; n++) {
		char *copy = mc_mem_strndup(text, n);
		struct mc_dane d;
		struct mc_err err;

		assert_non_null(copy);
		assert_int_equal(parse(copy, n, &d, &err), n == len ? 0 : -1);
		mc_dane_clear(&d);
		mc_mem_free(copy);
	}
}

static void
too_much(void **state)
{
	(void)state;
	struct mc_dane d;
	struct mc_err err;
	struct mc_buf b;
	size_t name;

	for (int n = 100; n <= 101; n++) {
		mc_buf_init(&b, SIZE_MAX);
		for (int i = 0; i < n; i++)
			mc_buf_addz(&b, "tlsa 3 1 1 " H32 "\n");
		mc_buf_addz(&b, "secure mx.example\n");
		assert_int_equal(parse(b.ptr, b.len, &d, &err),
		    n == 100 ? 0 : -1);
		mc_dane_clear(&d);
		mc_buf_clear(&b);
	}
	/* so many that are none of ours, too */
	mc_buf_init(&b, SIZE_MAX);
	for (int i = 0; i < 1000; i++)
		mc_buf_addz(&b, "tlsa 0 1 1 00\n");
	mc_buf_addz(&b, "secure mx.example\n");
	assert_err(parse(b.ptr, b.len, &d, &err), err, MC_E_HELPER);
	mc_buf_clear(&b);

	mc_buf_init(&b, SIZE_MAX);
	for (name = 255; name <= 256; name++) {
		mc_buf_reset(&b);
		mc_buf_addz(&b, "tlsa 3 1 1 " H32 "\nsecure ");
		for (size_t i = 0; i < name; i++)
			mc_buf_addc(&b, 'x');
		mc_buf_addc(&b, '\n');
		assert_int_equal(parse(b.ptr, b.len, &d, &err),
		    name == 255 ? 0 : -1);
		mc_dane_clear(&d);
	}
	mc_buf_clear(&b);
}

/* ------------------------------------------------------------- the program */

static int
look_up(const char *host, const char *script, int64_t ms, struct mc_dane *d,
    struct mc_err *err)
{
	char path[] = "/tmp/mcdaneXXXXXX";
	int fd = mkstemp(path);
	struct mc_dane_query q = { .program = path, .host = host,
	    .port = "465", .timeout_ms = ms, .cancel_fd = -1 };
	int rc = 0;

	assert_true(fd >= 0);
	assert_true(write(fd, script, strlen(script)) ==
	    (ssize_t)strlen(script));
	assert_int_equal(fchmod(fd, 0700), 0);
	close(fd);
	mc_dane_init(d);
	*err = (struct mc_err){ .code = MC_OK };
	rc = mc_dane_lookup(&q, d, err);
	unlink(path);
	return rc;
}

static void
program(void **state)
{
	(void)state;
	struct mc_dane d;
	struct mc_err err;
	int64_t before;

#ifndef WITH_DANE
	skip();
#endif
	assert_int_equal(look_up("mx.example", "#!/bin/sh\n"
	    "echo tlsa 3 0 0 00; echo secure \"$1.$2.$#\"\n", 20000, &d,
	    &err), 0);
	assert_string_equal(d.base, "mx.example.465.2");
	mc_dane_clear(&d);
	assert_err(look_up("mx.example", "#!/bin/sh\necho none\nexit 1\n",
	    20000, &d, &err), err, MC_E_HELPER);
	assert_err(look_up("mx.example", "#!/nonexistent/program\n", 20000,
	    &d, &err), err, MC_E_HELPER);
	assert_err(look_up("mx.example", "#!/bin/sh\nkill -9 $$\n", 20000,
	    &d, &err), err, MC_E_HELPER);
	assert_err(look_up("mx.example", "#!/bin/sh\nwhile :; do "
	    "echo tlsa 0 0 0 00; done\n", 20000, &d, &err), err, MC_E_HELPER);
	before = mc_clock_ms();
	assert_err(look_up("mx.example", "#!/bin/sh\nexec sleep 60\n", 300,
	    &d, &err), err, MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - before < 20000);
}

/* what cannot have records: the program is not run */
static void
no_name(void **state)
{
	(void)state;
	static const char *const hosts[] = { "127.0.0.1", "192.0.2.1", "::1",
	    "2001:db8::1", "localhost" };
	struct mc_dane d;
	struct mc_err err;

#ifndef WITH_DANE
	skip();
#endif
	for (size_t i = 0; i < MC_NELEM(hosts); i++) {
		assert_int_equal(look_up(hosts[i], "#!/bin/sh\n"
		    "echo tlsa 3 0 0 00; echo secure x\n", 20000, &d, &err),
		    0);
		assert_int_equal(d.records.n, 0);
		assert_non_null(strstr(d.why, hosts[i]));
	}
}

static void
no_memory(void **state)
{
	(void)state;
	unsigned long n = 1;

#ifndef WITH_DANE
	skip();
#endif
	for (;; n++) {
		struct mc_dane d;
		struct mc_err err;
		int rc;

		(void)failmalloc(n, false);
		rc = look_up("mx.example", "#!/bin/sh\necho tlsa 3 1 1 " H32
		    "; echo secure mx.example\n", 20000, &d, &err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			mc_dane_clear(&d);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
		mc_dane_clear(&d);
	}
	assert_true(n > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lines),
		cmocka_unit_test(what_a_record_holds),
		cmocka_unit_test(bad_lines),
		cmocka_unit_test(deferrals),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(too_much),
		cmocka_unit_test(program),
		cmocka_unit_test(no_name),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
