/* SPDX-License-Identifier: MIT */
/*
 * test_date.c - Date values in many zones, and Message-IDs
 */
#include "unit.h"

#include "mail/date.h"

#include <locale.h>
#include <time.h>

static void
assert_date(const char *zone, int64_t seconds, const char *want)
{
	struct mc_buf b;

	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
	mc_buf_init(&b, 100);
	mc_date_format(seconds, &b);
	assert_string_equal(b.ptr, want);
	mc_buf_clear(&b);
}

static void
test_format(void **state)
{
	static const struct {
		const char *zone;
		int64_t seconds;
		const char *want;
	} rows[] = {
		{ "UTC0", 1795444207, "Mon, 23 Nov 2026 14:30:07 +0000" },
		{ "UTC0", 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ "UTC0", -1, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ "UTC0", INT64_MIN, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ "UTC0", 951782400, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ "UTC0", 2147483648, "Tue, 19 Jan 2038 03:14:08 +0000" },
		{ "UTC0", INT64_MAX, "Thu, 30 Dec 9999 23:59:59 +0000" },
		{ "XXX-24", INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +2400" },
		{ "XXX-14", 1798718400, "Fri, 01 Jan 2027 02:00:00 +1400" },
		{ "XXX12", 1798761600, "Thu, 31 Dec 2026 12:00:00 -1200" },
		{ "XXX5", 0, "Wed, 31 Dec 1969 19:00:00 -0500" },
		{ "XXX-5:30", 1795444207, "Mon, 23 Nov 2026 20:00:07 +0530" },
		{ "XXX3:30", 1795444207, "Mon, 23 Nov 2026 11:00:07 -0330" },
		{ "XXX0:30", 1795444207, "Mon, 23 Nov 2026 14:00:07 -0030" },
		/* an offset with seconds cannot be said: UTC */
		{ "XXX-0:19:32", 1795444207, "Mon, 23 Nov 2026 14:30:07 +0000" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1795444207,
		    "Mon, 23 Nov 2026 15:30:07 +0100" },
		{ "CET-1CEST,M3.5.0,M10.5.0/3", 1784903407,
		    "Fri, 24 Jul 2026 16:30:07 +0200" },
		{ ":/etc/passwd", 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
		{ "", 0, "Thu, 01 Jan 1970 00:00:00 +0000" },
	};

	(void)state;
	if (sizeof(time_t) < 8)
		skip();
	/* the words must not follow the locale */
	(void)setlocale(LC_ALL, "");
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_date(rows[i].zone, rows[i].seconds, rows[i].want);
	(void)setlocale(LC_ALL, "C");
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void
test_msgid(void **state)
{
	static const char *const bad[] = { "", ".", "a.", ".a", "a..b", "a b",
		"a\r\nBcc: e", "a>b", "a@b", "[192.0.2.1]", "caf\xc3\xa9.example",
		"a\"b", "a,b" };
	static const char *const good[] = { "mail.example.org", "localhost",
		"a_b.example", "xn--caf-dma.example", "192.0.2.1", "A-1" };
	struct mc_err err = { .code = MC_OK };
	struct mc_buf b;

	(void)state;
	mc_buf_init(&b, 500);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		assert_err(mc_msgid_make(mc_str_from(bad[i]), &b, &err), err,
		    MC_E_INTERNAL);
		assert_int_equal(b.len, 0);
		mc_err_reset(&err);
	}
	for (size_t i = 0; i < MC_NELEM(good); i++) {
		char first[27] = "";

		assert_int_equal(mc_msgid_make(mc_str_from(good[i]), &b, &err),
		    0);
		assert_int_equal(b.len, 29 + strlen(good[i]));
		assert_int_equal(b.ptr[0], '<');
		for (size_t k = 1; k < 27; k++)
			assert_true(mc_is_alnum((unsigned char)b.ptr[k]));
		assert_int_equal(b.ptr[27], '@');
		assert_memory_equal(b.ptr + 28, good[i], strlen(good[i]));
		assert_int_equal(b.ptr[b.len - 1], '>');
		memcpy(first, b.ptr + 1, 26);
		mc_buf_reset(&b);
		assert_int_equal(mc_msgid_make(mc_str_from(good[i]), &b, &err),
		    0);
		assert_memory_not_equal(b.ptr + 1, first, 26);
		mc_buf_reset(&b);
	}
	char longer[300];
	memset(longer, 'a', sizeof(longer));
	assert_err(mc_msgid_make(mc_str_make(longer, 256), &b, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_int_equal(mc_msgid_make(mc_str_make(longer, 255), &b, &err), 0);
	mc_buf_clear(&b);

	failmalloc(1, false);
	int rc = mc_msgid_make(MC_STR("x.example"), &b, &err);
	failmalloc(0, false);
	assert_err(rc, err, MC_E_NOMEM);
	mc_buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_msgid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
