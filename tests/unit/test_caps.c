/* SPDX-License-Identifier: MIT */
/* Capabilities: EHLO replies and what is to be understood from them. */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/caps.h"

static void
read_caps(struct mc_str in, struct mc_caps *ret_caps)
{
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	assert_int_equal(mc_reply_parse(in, MC_MAX_REPLY_LINE, &r, &used,
	    &err), 1);
	/* nothing of an earlier session may show through */
	memset(ret_caps, 0xa5, sizeof(*ret_caps));
	mc_caps_parse(&r, ret_caps);
}

static void
test_table(void **state)
{
	static const struct {
		const char *in;
		unsigned flags;
		uint64_t size;
		const char *mechs;
	} rows[] = {
		{ "250 mx.example\r\n", 0, 0, "" },
		{ "250\r\n", 0, 0, "" },
		{ "250-\r\n250\r\n", 0, 0, "" },
		{ "250 STARTTLS\r\n", 0, 0, "" },
		{ "250-STARTTLS\r\n250 HELP\r\n", 0, 0, "" },
		{ "250-mx\r\n250-SIZE 35882577\r\n250-8BITMIME\r\n"
		    "250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n"
		    "250-PIPELINING\r\n250-CHUNKING\r\n250-DSN\r\n"
		    "250-REQUIRETLS\r\n250-AUTH PLAIN LOGIN\r\n"
		    "250 SMTPUTF8\r\n", 0x3ff, 35882577, " PLAIN LOGIN " },

		/* exact tokens, any case */
		{ "250-mx\n250 StartTLS\n", MC_CAP_STARTTLS, 0, "" },
		{ "250-mx\n250-STARTTLSX\n250-XSTARTTLS\n250-STARTTL\n"
		    "250-STARTTLS-\n250 X STARTTLS\n", 0, 0, "" },
		{ "250-mx\n250-AUTHX PLAIN\n250-SIZEX 10\n250-SIZE=10\n"
		    "250-XAUTH PLAIN\n250 DSNS\n", 0, 0, "" },
		{ "250-mx\n250  STARTTLS\n", 0, 0, "" },
		{ "250-mx\n250 STARTTLS\tx\n", 0, 0, "" },
		{ "250-mx\n250-PIPELINING \n250 DSN x y\n",
		    MC_CAP_PIPELINING | MC_CAP_DSN, 0, "" },

		/* SIZE */
		{ "250-mx\n250 SIZE\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE \n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 0\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 1\n", MC_CAP_SIZE, 1, "" },
		{ "250-mx\n250 size  0010  \n", MC_CAP_SIZE, 10, "" },
		{ "250-mx\n250 SIZE 2147483647\n", MC_CAP_SIZE, 2147483647,
		    "" },
		{ "250-mx\n250 SIZE 2147483648\n", MC_CAP_SIZE,
		    UINT64_C(2147483648), "" },
		{ "250-mx\n250 SIZE 4294967296\n", MC_CAP_SIZE,
		    UINT64_C(4294967296), "" },
		{ "250-mx\n250 SIZE 9223372036854775807\n", MC_CAP_SIZE,
		    INT64_MAX, "" },
		{ "250-mx\n250 SIZE 9223372036854775808\n", MC_CAP_SIZE, 0,
		    "" },
		{ "250-mx\n250 SIZE 18446744073709551617\n", MC_CAP_SIZE, 0,
		    "" },
		{ "250-mx\n250 SIZE 10000000000000000000000000000000000000000"
		    "\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE -1\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE +1\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 0x10\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 10 20\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 10k\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250 SIZE 10\t\n", MC_CAP_SIZE, 0, "" },
		{ "250-mx\n250-SIZE 10\n250 SIZE 20\n", MC_CAP_SIZE, 20, "" },
		{ "250-mx\n250-SIZE 10\n250 SIZE\n", MC_CAP_SIZE, 0, "" },

		/* AUTH */
		{ "250-mx\n250 AUTH\n", MC_CAP_AUTH, 0, "" },
		{ "250-mx\n250 AUTH=\n", MC_CAP_AUTH, 0, "" },
		{ "250-mx\n250 AUTH=LOGIN PLAIN\n", MC_CAP_AUTH, 0,
		    " LOGIN PLAIN " },
		{ "250-mx\n250 auth= login\n", MC_CAP_AUTH, 0, " LOGIN " },
		{ "250-mx\n250-AUTH PLAIN\n250 AUTH=PLAIN LOGIN\n",
		    MC_CAP_AUTH, 0, " PLAIN LOGIN " },
		{ "250-mx\n250-AUTH PLAIN\n250 AUTH XOAUTH2 plain\n",
		    MC_CAP_AUTH, 0, " PLAIN XOAUTH2 " },
		{ "250-mx\n250 AUTH  scram-sha-256-plus  X_Y-1 \n",
		    MC_CAP_AUTH, 0, " SCRAM-SHA-256-PLUS X_Y-1 " },
		{ "250-mx\n250 AUTH PL\tAIN P*N =PLAIN \xc3\x84 "
		    "LOGIN\n", MC_CAP_AUTH, 0, " LOGIN " },
		{ "250-mx\n250 AUTH A2345678901234567890 "
		    "B23456789012345678901\n", MC_CAP_AUTH, 0,
		    " A2345678901234567890 " },
		{ "250-mx\n250 AUTH =\n", MC_CAP_AUTH, 0, "" },

		{ "250-mx\n250-LIMITS\n250 limits x\n", MC_CAP_LIMITS, 0,
		    "" },
		{ "250-mx\n250-LIMITSX RCPTMAX=1\n250 LIMITS=1\n", 0, 0,
		    "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_caps caps;

		read_caps(mc_str_from(rows[i].in), &caps);
		assert_int_equal(caps.flags, rows[i].flags);
		assert_true(caps.size == rows[i].size);
		assert_string_equal(caps.mechs, rows[i].mechs);
	}
}

static void
test_limits(void **state)
{
	static const struct {
		const char *words;
		uint32_t rcpt;
		uint32_t domain;
		uint32_t mail;
	} rows[] = {
		{ "RCPTMAX=1", 1, 0, 0 },
		{ "MAILMAX=5 RCPTMAX=999999 RCPTDOMAINMAX=10", 999999, 10, 5 },
		{ " rcptmax=7  Other=9 mailmax=8 ", 7, 0, 8 },
		{ "RCPTMAX=10\r\n250-LIMITS MAILMAX=3", 10, 0, 3 },
		{ "RCPTMAX=10\r\n250-LIMITS RCPTMAX=3", 3, 0, 0 },
		/* none of these is a limit */
		{ "RCPTMAX=0 MAILMAX=0 RCPTDOMAINMAX=0", 0, 0, 0 },
		{ "RCPTMAX= MAILMAX", 0, 0, 0 },
		{ "RCPTMAX=1000000 MAILMAX=4294967297", 0, 0, 0 },
		{ "RCPTMAX=18446744073709551617", 0, 0, 0 },
		{ "RCPTMAX=-1 MAILMAX=+1 RCPTDOMAINMAX=0x10", 0, 0, 0 },
		{ "RCPTMAX=01 MAILMAX=1k RCPTDOMAINMAX=1,", 0, 0, 0 },
		{ "XRCPTMAX=1 RCPTMAX:1 MAILMAX=\xd9\xa1", 0, 0, 0 },
		{ "RCPTMAX=1\tMAILMAX=1", 0, 0, 0 },
		/* and what is none does not undo one */
		{ "RCPTMAX=5 RCPTMAX=0", 5, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf in;
		struct mc_caps caps;

		mc_buf_init(&in, 4096);
		mc_buf_addf(&in, "250-mx\r\n250-LIMITS %s\r\n250 HELP\r\n",
		    rows[i].words);
		read_caps(mc_buf_str(&in), &caps);
		assert_int_equal(caps.flags, MC_CAP_LIMITS);
		assert_int_equal(caps.rcpt_max, rows[i].rcpt);
		assert_int_equal(caps.domain_max, rows[i].domain);
		assert_int_equal(caps.mail_max, rows[i].mail);
		mc_buf_clear(&in);
	}
}

static void
test_deliver_by(void **state)
{
	static const struct {
		const char *line;
		unsigned flags;
		uint32_t least;
	} rows[] = {
		{ "BINARYMIME", MC_CAP_BINARYMIME, 0 },
		{ "BINARYMIMEX", 0, 0 },
		{ "DELIVERBY", MC_CAP_DELIVERBY, 0 },
		{ "deliverby 240", MC_CAP_DELIVERBY, 240 },
		{ "DELIVERBY 999999999", MC_CAP_DELIVERBY, 999999999 },
		{ "DELIVERBY 1000000000", MC_CAP_DELIVERBY, 0 },
		{ "DELIVERBY 99999999999999999999", MC_CAP_DELIVERBY, 0 },
		{ "DELIVERBY -1", MC_CAP_DELIVERBY, 0 },
		{ "DELIVERBY 1 2", MC_CAP_DELIVERBY, 0 },
		{ "DELIVERBY=1", 0, 0 },
		{ "MT-PRIORITY MIXER", MC_CAP_PRIORITY, 0 },
		{ "MT-PRIORITY", MC_CAP_PRIORITY, 0 },
		{ "MT-PRIORITYX", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char in[100];
		struct mc_caps caps;

		(void)snprintf(in, sizeof(in), "250-mx\r\n250 %s\r\n",
		    rows[i].line);
		read_caps(mc_str_from(in), &caps);
		assert_int_equal(caps.flags, rows[i].flags);
		assert_int_equal(caps.by_min, rows[i].least);
	}
}

/* how long, and until when: both, or it is as good as not offered */
static void
test_hold(void **state)
{
	static const struct {
		const char *line;
		int64_t most;
		int64_t last;
	} rows[] = {
		{ "FUTURERELEASE 86400 2026-12-24T17:00:00Z", 86400,
		    1798131600 },
		{ "futurerelease  1  2026-12-24t18:00:00.25+01:00 ", 1,
		    1798131600 },
		{ "FUTURERELEASE 4611686018427387903 1970-01-01T00:00:00Z",
		    INT64_MAX / 2, 0 },
		{ "FUTURERELEASE 0 2026-12-24T17:00:00Z", 0, 0 },
		{ "FUTURERELEASE -1 2026-12-24T17:00:00Z", 0, 0 },
		{ "FUTURERELEASE 99999999999999999999 2026-12-24T17:00:00Z", 0,
		    0 },
		{ "FUTURERELEASE 86400 2026-12-24T17:00:00", 0, 0 },
		{ "FUTURERELEASE 86400 1798131600", 0, 0 },
		{ "FUTURERELEASE 86400 2026-12-24T17:00:00Z x", 0, 0 },
		{ "FUTURERELEASE 2026-12-24T17:00:00Z", 0, 0 },
		{ "FUTURERELEASE 86400", 0, 0 },
		{ "FUTURERELEASE", 0, 0 },
		{ "FUTURERELEASE 1 2026-12-24T17:00:00Z\r\n"
		    "250 FUTURERELEASE", 0, 0 },
		{ "FUTURERELEASE\r\n250 FUTURERELEASE 1 "
		    "2026-12-24T17:00:00Z", 1, 1798131600 },
		{ "FUTURERELEASES 86400 2026-12-24T17:00:00Z", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char in[200];
		struct mc_caps caps;
		int64_t most = rows[i].most, last = rows[i].last;
		const char *sep = strstr(rows[i].line, "\r\n") != NULL ? "-" :
		    " ";

		(void)snprintf(in, sizeof(in), "250-mx\r\n250%s%s\r\n", sep,
		    rows[i].line);
		read_caps(mc_str_from(in), &caps);
		assert_int_equal(caps.flags, most != 0 ?
		    MC_CAP_FUTURERELEASE : 0);
		assert_true(caps.hold_most == most && caps.hold_last == last);
		assert_true(mc_caps_can_hold(&caps, last, last - 1) ==
		    (most != 0));
		assert_true(mc_caps_can_hold(&caps, last, last - most) ==
		    (most != 0));
		assert_false(mc_caps_can_hold(&caps, last, last - most - 1));
		assert_false(mc_caps_can_hold(&caps, last + 1, last));
	}
}

static void
test_has_mech(void **state)
{
	static const struct {
		struct mc_str mech;
		bool want;
	} rows[] = {
		{ { "PLAIN", 5 }, true },
		{ { "plain", 5 }, true },
		{ { "PLAI", 4 }, false },
		{ { "LAIN", 4 }, false },
		{ { "PLAINS", 6 }, false },
		{ { "", 0 }, false },
		{ { NULL, 0 }, false },
		{ { " ", 1 }, false },
		{ { "PLAIN SCRAM-SHA-1", 17 }, false },
		{ { " PLAIN", 6 }, false },
		{ { "PLAIN\0", 6 }, false },
		{ { "SCRAM-SHA-1", 11 }, true },
		{ { "SCRAM-SHA-1-PLUS", 16 }, false },
		{ { "SHA-1", 5 }, false },
		{ { "A23456789012345678901", 21 }, false },
	};
	struct mc_caps caps;

	(void)state;
	read_caps(MC_STR("250-mx\r\n250 AUTH PLAIN SCRAM-SHA-1\r\n"), &caps);
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_int_equal(mc_caps_has_mech(&caps, rows[i].mech),
		    rows[i].want);
	read_caps(MC_STR("250 mx\r\n"), &caps);
	assert_false(mc_caps_has_mech(&caps, MC_STR("PLAIN")));
}

/* more mechanisms than there is room for: whole words as long as they fit */
static void
test_full(void **state)
{
	struct mc_buf in;
	struct mc_caps caps;
	unsigned n = 0;

	(void)state;
	mc_buf_init(&in, 1 << 20);
	mc_buf_addz(&in, "250-mx\r\n");
	while (in.len < 50000) {
		size_t start = in.len;

		mc_buf_addz(&in, "250-AUTH");
		while (in.len - start < 1900)
			mc_buf_addf(&in, " MECHANISM-%u", n++);
		mc_buf_addz(&in, "\r\n");
	}
	mc_buf_addz(&in, "250-AUTH\r\n250 AUTH A-MECHANISM-TOO-FAR X\r\n");
	read_caps(mc_buf_str(&in), &caps);

	size_t len = strlen(caps.mechs);

	/* the short one still went in where the long one did not */
	assert_in_range(len, MC_MAX_MECHS - 20, MC_MAX_MECHS - 1);
	assert_string_equal(caps.mechs + len - 3, " X ");
	assert_false(mc_caps_has_mech(&caps, MC_STR("A-MECHANISM-TOO-FAR")));
	assert_true(mc_caps_has_mech(&caps, MC_STR("MECHANISM-0")));
	for (size_t i = 0; i < len; i++)
		if (caps.mechs[i] == ' ')
			assert_int_not_equal(caps.mechs[i + 1], ' ');
	/* each word is one that was named */
	for (char *p = caps.mechs; (p = strstr(p, "MECH")) != NULL; p++) {
		char word[32];
		size_t m = strcspn(p, " ");

		assert_in_range(m, 11, sizeof(word) - 1);
		memcpy(word, p, m);
		word[m] = '\0';
		assert_int_equal(strspn(word + 10, "0123456789"), m - 10);
		assert_true(mc_caps_has_mech(&caps, mc_str_from(word)));
	}
	mc_buf_clear(&in);
}

/* fills the room to the last byte, and not one byte more */
static void
test_last_byte(void **state)
{
	(void)state;
	for (size_t last = 1; last <= 20; last++) {
		struct mc_buf in;
		struct mc_caps caps;
		size_t used = 1;

		mc_buf_init(&in, 1 << 20);
		mc_buf_addz(&in, "250-mx\r\n250 AUTH");
		for (unsigned i = 100; used + 20 < MC_MAX_MECHS; i++) {
			mc_buf_addf(&in, " MECHANISM-%u", i);
			used += 14;
		}

		size_t fits = MC_MAX_MECHS - 1 - used - 1;

		mc_buf_addc(&in, ' ');
		for (size_t i = 0; i < last; i++)
			mc_buf_addc(&in, 'Z');
		mc_buf_addz(&in, "\r\n");
		read_caps(mc_buf_str(&in), &caps);
		assert_int_equal(strlen(caps.mechs),
		    last <= fits ? used + last + 1 : used);
		assert_true(fits >= 1 && fits < 20);
		mc_buf_clear(&in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_deliver_by),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_has_mech),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_last_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
