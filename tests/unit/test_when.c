/* SPDX-License-Identifier: MIT */
/*
 * test_when.c - points in time as they are written, in many zones
 */
#include "unit.h"

#include "mail/when.h"

#include <time.h>

#define CET "CET-1CEST,M3.5.0,M10.5.0/3"
#define NOW 1795615200		/* 2026-11-25 14:00:00 UTC, a Wednesday */
#define SPRING 1774656000	/* 2026-03-28 00:00:00 UTC; a gap on the 29th */
#define AUTUMN 1792800000	/* 2026-10-24 00:00:00 UTC; twice on the 25th */
#define NEVER_MIND (-1)

static void
zone(const char *name)
{
	assert_int_equal(setenv("TZ", name, 1), 0);
	tzset();
}

static void
test_rfc3339(void **state)
{
	static const struct {
		const char *text;
		int64_t want;		/* -1: not one */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-25T14:00:00Z", NOW },
		{ "2026-11-25t14:00:00z", NOW },
		{ "2026-11-25 14:00:00Z", NOW },
		{ "2026-11-25T14:00:00.999Z", NOW },
		{ "2026-11-25T14:00:00.0+00:00", NOW },
		{ "2026-11-25T14:00:00-00:00", NOW },
		{ "2026-11-25T15:00:00+01:00", NOW },
		{ "2026-11-25T10:30:00-03:30", NOW },
		{ "2026-11-26T13:59:00+23:59", NOW },
		{ "2000-02-29T00:00:00Z", 951782400 },
		{ "2028-02-29T00:00:00Z", 1835395200 },
		{ "2100-03-01T00:00:00Z", 4107542400 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "1970-01-01T00:00:00+00:01", -1 },
		{ "9999-12-31T23:59:59-00:01", -1 },
		{ "1969-12-31T23:59:59Z", -1 },
		{ "2100-02-29T00:00:00Z", -1 },
		{ "2027-02-29T00:00:00Z", -1 },
		{ "2026-04-31T00:00:00Z", -1 },
		{ "2026-00-10T00:00:00Z", -1 },
		{ "2026-13-10T00:00:00Z", -1 },
		{ "2026-01-00T00:00:00Z", -1 },
		{ "2026-01-01T24:00:00Z", -1 },
		{ "2026-01-01T00:60:00Z", -1 },
		{ "2026-01-01T00:00:60Z", -1 },
		{ "2026-01-01T00:00:00", -1 },
		{ "2026-01-01T00:00Z", -1 },
		{ "2026-01-01T00:00:00.Z", -1 },
		{ "2026-01-01T00:00:00+24:00", -1 },
		{ "2026-01-01T00:00:00+01:60", -1 },
		{ "2026-01-01T00:00:00+0100", -1 },
		{ "2026-01-01T00:00:00+1:00", -1 },
		{ "2026-01-01T00:00:00Z ", -1 },
		{ " 2026-01-01T00:00:00Z", -1 },
		{ "26-01-01T00:00:00Z", -1 },
		{ "2026-1-01T00:00:00Z", -1 },
		{ "+026-01-01T00:00:00Z", -1 },
		{ "2026-01-01", -1 },
		{ "999999999", -1 },
		{ "", -1 },
	};

	(void)state;
	zone("XXX-5:30");
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str text = mc_str_from(rows[i].text);
		int64_t when = NEVER_MIND;

		if (mc_when_rfc3339(text, &when) != (rows[i].want >= 0) ||
		    when != rows[i].want)
			fail_msg("%s: %lld", rows[i].text, (long long)when);
		/* what is cut short is another time, or none */
		for (size_t n = 0; n < text.len && rows[i].want >= 0; n++)
			assert_false(mc_when_rfc3339(mc_str_sub(text, 0, n),
			    &when));
	}
}

static void
test_utc(void **state)
{
	static const struct {
		int64_t when;
		const char *want;
	} rows[] = {
		{ NOW, "2026-11-25T14:00:00Z" },
		{ 0, "1970-01-01T00:00:00Z" },
		{ INT64_MIN, "1970-01-01T00:00:00Z" },
		{ 951782400, "2000-02-29T00:00:00Z" },
		{ INT64_MAX, "9999-12-31T23:59:59Z" },
	};
	struct mc_buf b;
	int64_t when;

	(void)state;
	zone("XXX-5:30");
	mc_buf_init(&b, 100);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		mc_when_add_utc(rows[i].when, &b);
		assert_string_equal(b.ptr, rows[i].want);
		mc_buf_reset(&b);
	}
	for (int64_t t = 0; t < INT64_C(253402300799); t += 86400 * 97 + 3601) {
		mc_when_add_utc(t, &b);
		assert_true(mc_when_rfc3339(mc_buf_str(&b), &when));
		assert_true(when == t);
		mc_buf_reset(&b);
	}
	mc_buf_clear(&b);
}

struct row {
	const char *zone;
	int64_t now;
	const char *text;
	int64_t want;			/* NEVER_MIND: refused */
	const char *why;		/* part of the text then */
};

static const struct row rows[] = {
	/* with a zone, which counts alone */
	{ CET, NOW, "2026-12-24T18:00:00+01:00", 1798131600, NULL },
	{ "XXX-5:30", NOW, "2026-12-24T18:00:00+01:00", 1798131600, NULL },
	{ "XXX-5:30", NOW, "2026-12-24T17:00:00Z", 1798131600, NULL },
	{ "XXX-5:30", NOW, "2026-12-24T17:00Z", 1798131600, NULL },
	{ "XXX-5:30", NOW, "2026-12-24 18:00+01:00", 1798131600, NULL },
	/* without: local */
	{ "UTC0", NOW, "2026-12-24T17:00:00", 1798131600, NULL },
	{ CET, NOW, "2026-12-24 18:00", 1798131600, NULL },
	{ CET, NOW, "2026-12-24T18:00", 1798131600, NULL },
	{ CET, NOW, "2026-12-24 18:00:30", 1798131630, NULL },
	{ CET, NOW, "2027-07-24 18:00", 1816444800, NULL },
	{ "XXX5", NOW, "2026-11-25 09:00:01", NOW + 1, NULL },
	/* clocks put forward from 02:00 to 03:00 */
	{ CET, SPRING, "2026-03-29 01:59:59", 1774745999, NULL },
	{ CET, SPRING, "2026-03-29 02:00", NEVER_MIND, "put forward" },
	{ CET, SPRING, "2026-03-29 02:30", NEVER_MIND, "put forward" },
	{ CET, SPRING, "2026-03-29 03:00", 1774746000, NULL },
	{ CET, SPRING, "2026-03-29 02:30:00+01:00", 1774747800, NULL },
	{ "UTC0", SPRING, "2026-03-29 02:30", 1774751400, NULL },
	/* and back from 03:00 to 02:00: the first, unless it is over */
	{ CET, AUTUMN, "2026-10-25 02:30", 1792888200, NULL },
	{ CET, 1792888200 + 1800, "2026-10-25 02:30", 1792891800, NULL },
	{ CET, AUTUMN, "2026-10-25 03:00", 1792893600, NULL },
	/* the next such moment */
	{ "UTC0", NOW, "14:01", NOW + 60, NULL },
	{ "UTC0", NOW, "14:00", NOW + 86400, NULL },
	{ "UTC0", NOW, "13:59", NOW + 86400 - 60, NULL },
	{ "UTC0", NOW, "00:00", 1795651200, NULL },
	{ CET, NOW, "18:00", 1795626000, NULL },
	{ "XXX-14", NOW, "05:00", 1795618800, NULL },
	{ CET, SPRING + 3600, "02:30", 1774661400, NULL },
	{ CET, 1774702800, "02:30", 1774830600, NULL },
	{ CET, 1792875600, "02:30", 1792888200, NULL },
	{ CET, 1792888200, "02:30", 1792891800, NULL },
	{ CET, 1792891800, "02:30", 1792891800 + 86400, NULL },
	/* the end of a month, of February, of a year */
	{ "UTC0", 1769860800, "11:00", 1769943600, NULL },
	{ "UTC0", 1772280000, "11:00", 1772362800, NULL },
	{ "UTC0", 1835352000, "11:00", 1835434800, NULL },
	{ "UTC0", 1798718400, "11:00", 1798801200, NULL },
	/* from now on */
	{ CET, NOW, "+2h30m", NOW + 9000, NULL },
	{ CET, NOW, "+90s", NOW + 90, NULL },
	{ CET, NOW, "+3d", NOW + 3 * 86400, NULL },
	{ CET, NOW, "+1w2d3h4m5s", NOW + 788645, NULL },
	{ CET, NOW, "+0s", NOW, NULL },
	{ CET, NOW, "+366d", NOW + 366 * 86400, NULL },
	{ CET, NOW, "+52w2d", NOW + 366 * 86400, NULL },
	{ CET, NOW, "+366d1s", NEVER_MIND, "more than 366 days" },
	{ CET, NOW, "+999999999w", NEVER_MIND, "more than 366 days" },
	{ CET, NOW, "+999999999w999999999d999999999h", NEVER_MIND,
	    "more than 366 days" },
	{ CET, NOW, "+1000000000s", NEVER_MIND, "not a time" },
	{ CET, NOW, "+99999999999999999999s", NEVER_MIND, "not a time" },
	{ CET, NOW, "+2", NEVER_MIND, "not a time" },
	{ CET, NOW, "+", NEVER_MIND, "not a time" },
	{ CET, NOW, "+h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+2m1h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+1h1h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+1.5h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+-1h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+ 1h", NEVER_MIND, "not a time" },
	{ CET, NOW, "+1H", NEVER_MIND, "not a time" },
	{ CET, NOW, "+1y", NEVER_MIND, "not a time" },
	{ CET, NOW, "+1h30", NEVER_MIND, "not a time" },
	{ CET, NOW, "-1h", NEVER_MIND, "not a time" },
	/* since 1970 */
	{ CET, NOW, "@1798131600", 1798131600, NULL },
	{ CET, NOW, "@0", NEVER_MIND, "which is over" },
	{ CET, NOW, "@9223372036854775807", NEVER_MIND, "more than 366" },
	{ CET, NOW, "@9223372036854775808", NEVER_MIND, "not a time" },
	{ CET, NOW, "@-1", NEVER_MIND, "not a time" },
	{ CET, NOW, "@", NEVER_MIND, "not a time" },
	{ CET, NOW, "@1798131600.5", NEVER_MIND, "not a time" },
	/* over, and only just */
	{ "UTC0", NOW, "2026-11-25 13:59", NOW - 60, NULL },
	{ "UTC0", NOW, "2026-11-25 13:58:59", NEVER_MIND,
	    "that is 2026-11-25 13:58:59 +0000, which is over" },
	{ CET, NOW, "2026-11-25 14:00", NEVER_MIND,
	    "that is 2026-11-25 14:00:00 +0100, which is over" },
	{ CET, NOW, "2020-01-01T10:00:00Z", NEVER_MIND,
	    "that is 2020-01-01 11:00:00 +0100, which is over" },
	{ CET, NOW, "1969-12-31 23:59", NEVER_MIND, "no such day" },
	/* the last one */
	{ "UTC0", NOW, "2027-11-26 14:00", NOW + 366 * 86400, NULL },
	{ "UTC0", NOW, "2027-11-26 14:00:01", NEVER_MIND,
	    "that is 2027-11-26 14:00:01 +0000, more than 366 days ahead" },
	{ "UTC0", NOW, "9999-12-31 23:59", NEVER_MIND, "more than 366 days" },
	/* no such day or hour */
	{ "UTC0", NOW, "2027-02-29 10:00", NEVER_MIND, "no such day" },
	{ "UTC0", 1835352000, "2028-02-29 10:00", 1835431200, NULL },
	{ "UTC0", NOW, "2026-11-31 10:00", NEVER_MIND, "no such day" },
	{ "UTC0", NOW, "2026-13-01 10:00", NEVER_MIND, "no such day" },
	{ "UTC0", NOW, "2026-12-24 24:00", NEVER_MIND, "no such day" },
	{ "UTC0", NOW, "2026-12-24 18:60", NEVER_MIND, "no such day" },
	{ "UTC0", NOW, "24:00", NEVER_MIND, "no such day" },
	{ "UTC0", NOW, "18:60", NEVER_MIND, "no such day" },
	/* none at all */
	{ "UTC0", NOW, "", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, ":", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "6:00", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "18:0", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "18:00:00", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "18:00 ", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "18:00Z", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "6pm", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "1800", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "tomorrow", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "2026-12-24", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "2026-12-24 18", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "2026-12-24  18:00", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "2026-12-24 18:00 Z", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "24.12.2026 18:00", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "12/24/2026 18:00", NEVER_MIND, "not a time" },
	{ "UTC0", NOW, "\n\x1b[1m", NEVER_MIND, "not a time" },
};

static void
check(const struct row *row)
{
	struct mc_err err = { .code = MC_OK };
	int64_t when = NEVER_MIND;
	int rc;

	zone(row->zone);
	rc = mc_when_parse(mc_str_from(row->text), row->now, &when, &err);
	if ((rc == 0) != (row->want != NEVER_MIND) || when != row->want)
		fail_msg("%s \"%s\": %lld, not %lld %s", row->zone, row->text,
		    (long long)when, (long long)row->want, err.text);
	if (rc == 0)
		return;
	assert_int_equal(err.code, MC_E_USAGE);
	if (strstr(err.text, row->why) == NULL)
		fail_msg("\"%s\": %s", row->text, err.text);
	assert_int_equal(mc_err_exit(&err), 64);
	assert_false(mc_str_has_ctl(mc_str_from(err.text)));
}

static void
test_parse(void **state)
{
	(void)state;
	if (sizeof(time_t) < 8)
		skip();
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check(&rows[i]);
}

/* whatever is cut off, put in, or very long: a time, or a word of why not */
static void
test_hostile(void **state)
{
	static char longest[100000];
	struct mc_err err = { .code = MC_OK };
	int64_t when;

	(void)state;
	zone(CET);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str text = mc_str_from(rows[i].text);

		for (size_t n = 0; n < text.len; n++) {
			char copy[100];

			memset(&err, 0, sizeof(err));
			when = NOW;
			assert_true(mc_when_parse(mc_str_sub(text, 0, n), NOW,
			    &when, &err) == 0 || err.code == MC_E_USAGE);
			assert_true(when >= NOW - 60 &&
			    when <= NOW + 366 * 86400);
			memcpy(copy, text.ptr, text.len);
			copy[n] = '\0';
			memset(&err, 0, sizeof(err));
			assert_err(mc_when_parse(mc_str_make(copy, text.len),
			    NOW, &when, &err), err, MC_E_USAGE);
		}
	}
	memset(longest, '9', sizeof(longest));
	for (size_t i = 0; i < 3; i++) {
		longest[0] = "+@9"[i];
		memset(&err, 0, sizeof(err));
		assert_err(mc_when_parse(mc_str_make(longest, sizeof(longest)),
		    NOW, &when, &err), err, MC_E_USAGE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3339),
		cmocka_unit_test(test_utc),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
