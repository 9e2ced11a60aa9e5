/* SPDX-License-Identifier: MIT */
/*
 * test_base_err.c - errors, their table and exit statuses; log lines
 */
#include "unit.h"

#include "base/log.h"

#include <errno.h>
#include <sysexits.h>

static void
first_error_wins(void **state)
{
	struct mc_err err = { 0 };

	(void)state;
	assert_false(mc_err_is_set(&err));
	assert_false(mc_err_is_set(NULL));
	assert_int_equal(mc_err_set(&err, MC_E_CONNECT, MC_STAGE_CONNECT,
	    "cannot connect to %s", "a.example"), -1);
	assert_true(mc_err_is_set(&err));
	assert_int_equal(mc_err_set(&err, MC_E_IO, MC_STAGE_DATA, "no"), -1);
	assert_int_equal(mc_err_sys(&err, MC_E_IO, MC_STAGE_DATA, EIO, "no"),
	    -1);
	assert_int_equal(err.code, MC_E_CONNECT);
	assert_int_equal(err.stage, MC_STAGE_CONNECT);
	assert_int_equal(err.sys, 0);
	assert_int_equal(err.enh[0] * 100 + err.enh[1] * 10 + err.enh[2], 441);
	assert_string_equal(err.text, "cannot connect to a.example");
	mc_err_reset(&err);
	assert_false(mc_err_is_set(&err));
	assert_string_equal(err.text, "");
	assert_int_equal(err.enh[0], 0);
}

static void
null_is_fine(void **state)
{
	(void)state;
	assert_int_equal(mc_err_set(NULL, MC_E_IO, MC_STAGE_DATA, "x"), -1);
	assert_int_equal(mc_err_sys(NULL, MC_E_IO, MC_STAGE_DATA, EIO, "x"),
	    -1);
	mc_err_ctx(NULL, "x");
	mc_err_reset(NULL);
	assert_int_equal(mc_err_exit(NULL), 0);
}

static void
texts(void **state)
{
	struct mc_err err = { 0 };

	(void)state;
	/* the table's own words, when there are no better ones */
	(void)mc_err_set(&err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	assert_string_equal(err.text, "out of memory");
	mc_err_reset(&err);
	(void)mc_err_set(&err, MC_E_NOMEM, MC_STAGE_LOCAL, "%s", "");
	assert_string_equal(err.text, "out of memory");
	mc_err_reset(&err);
	(void)mc_err_set(&err, MC_E_REFUSED, MC_STAGE_RCPT, "said: %s",
	    "no\r\n\x1b[2Jgo \xff");
	assert_string_equal(err.text, "said: no ?[2Jgo ?");
	mc_err_reset(&err);

	(void)mc_err_sys(&err, MC_E_FILE, MC_STAGE_CONFIG, ENOENT,
	    "cannot open %s", "/x");
	assert_int_equal(err.sys, ENOENT);
	assert_non_null(strstr(err.text, "cannot open /x: "));
	assert_non_null(strstr(err.text, strerror(ENOENT)));
	mc_err_reset(&err);
	(void)mc_err_sys(&err, MC_E_FILE, MC_STAGE_CONFIG, 99999, NULL);
	assert_non_null(strstr(err.text, "cannot read a file: "));
	mc_err_reset(&err);

	/* a bug of the caller is still an error */
	(void)mc_err_set(&err, MC_OK, MC_STAGE_LOCAL, "x");
	assert_int_equal(err.code, MC_E_INTERNAL);
	mc_err_reset(&err);
	(void)mc_err_set(&err, (enum mc_code)9999, MC_STAGE_LOCAL, "x");
	assert_int_equal(err.code, MC_E_INTERNAL);
}

static void
context(void **state)
{
	struct mc_err err = { 0 };

	(void)state;
	mc_err_ctx(&err, "nothing to put it before");
	assert_false(mc_err_is_set(&err));
	assert_string_equal(err.text, "");
	(void)mc_err_set(&err, MC_E_TLS, MC_STAGE_TLS, "no shared cipher");
	mc_err_ctx(&err, "%s:%d", "mx.example", 465);
	mc_err_ctx(&err, "account %s", "wo\nrk");
	assert_string_equal(err.text,
	    "account wo rk: mx.example:465: no shared cipher");
	assert_int_equal(err.code, MC_E_TLS);
	assert_int_equal(err.stage, MC_STAGE_TLS);
}

/* never longer than its place, never cut inside a character */
static void
cuts(void **state)
{
	char long_text[3000];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		struct mc_err err = { 0 };
		size_t n = shift;

		memset(long_text, 'x', shift);
		while (n + 3 < sizeof(long_text)) {
			memcpy(long_text + n, "\xe2\x82\xac", 3);
			n += 3;
		}
		long_text[n] = '\0';
		(void)mc_err_sys(&err, MC_E_IO, MC_STAGE_LOCAL, EIO, "%s",
		    long_text);
		for (int i = 0; i < 3; i++) {
			size_t len = strlen(err.text);

			assert_true(len < MC_ERR_TEXT && len > MC_ERR_TEXT - 5);
			assert_true(mc_str_is_utf8(mc_str_from(err.text)));
			mc_err_ctx(&err, "%s", i == 1 ? long_text : "in");
		}
	}
}

static void
names(void **state)
{
	(void)state;
	assert_string_equal(mc_code_name(MC_OK), "MC_OK");
	assert_string_equal(mc_code_name(MC_E_USAGE), "MC_E_USAGE");
	assert_string_equal(mc_code_name(MC_E_INTERNAL), "MC_E_INTERNAL");
	assert_non_null(mc_code_name((enum mc_code)9999));
	assert_string_equal(mc_stage_name(MC_STAGE_LOCAL), "local");
	assert_string_equal(mc_stage_name(MC_STAGE_END), "end");
	assert_non_null(mc_stage_name((enum mc_stage)9999));
	for (int i = 0; i <= MC_STAGE_END; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    mc_stage_name((enum mc_stage)i),
			    mc_stage_name((enum mc_stage)k));
	for (int i = 0; i <= MC_E_INTERNAL; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(mc_code_name((enum mc_code)i),
			    mc_code_name((enum mc_code)k));
	assert_string_equal(mc_version(), VERSION);
}

/* each code: a name, words, a status out of sysexits, a class 4 or 5 */
static void
whole_table(void **state)
{
	(void)state;
	for (int i = 1; i <= MC_E_INTERNAL; i++) {
		struct mc_err err = { 0 };

		(void)mc_err_set(&err, (enum mc_code)i, MC_STAGE_LOCAL, NULL);
		assert_int_equal(err.code, i);
		assert_true(strlen(err.text) > 4);
		assert_true(mc_str_is_ascii(mc_str_from(err.text)));
		assert_true(err.enh[0] == 4 || err.enh[0] == 5);
		assert_in_range(mc_err_exit(&err), EX_USAGE, EX_CONFIG);
		err.unsure = 1;
		assert_int_equal(mc_err_exit(&err), EX_TEMPFAIL);
	}
}

static void
exit_status(void **state)
{
	static const struct {
		enum mc_code code;
		int smtp, enh[3], want;
	} rows[] = {
		{ MC_OK, 0, { 0, 0, 0 }, 0 },
		{ MC_OK, 550, { 5, 1, 1 }, 0 },
		{ MC_E_USAGE, 0, { 0, 0, 0 }, EX_USAGE },
		{ MC_E_NOMEM, 0, { 0, 0, 0 }, EX_TEMPFAIL },
		{ MC_E_CONF_KEY, 0, { 0, 0, 0 }, EX_CONFIG },
		{ MC_E_ADDR_SYNTAX, 0, { 0, 0, 0 }, EX_DATAERR },
		{ MC_E_INTERNAL, 0, { 0, 0, 0 }, EX_SOFTWARE },
		{ (enum mc_code)9999, 0, { 0, 0, 0 }, EX_SOFTWARE },
		{ MC_E_REFUSED, 550, { 5, 1, 1 }, EX_NOUSER },
		{ MC_E_REFUSED, 550, { 5, 1, 2 }, EX_NOHOST },
		{ MC_E_REFUSED, 550, { 5, 1, 3 }, EX_UNAVAILABLE },
		{ MC_E_REFUSED, 550, { 5, 7, 1 }, EX_NOPERM },
		{ MC_E_REFUSED, 554, { 5, 7, 26 }, EX_NOPERM },
		{ MC_E_REFUSED, 550, { 5, 2, 1 }, EX_UNAVAILABLE },
		{ MC_E_REFUSED, 550, { 0, 0, 0 }, EX_UNAVAILABLE },
		{ MC_E_REFUSED, 451, { 4, 1, 1 }, EX_TEMPFAIL },
		{ MC_E_REFUSED, 451, { 0, 0, 0 }, EX_TEMPFAIL },
		/* the digits contradict each other: the reply's own wins */
		{ MC_E_REFUSED, 451, { 5, 1, 1 }, EX_TEMPFAIL },
		{ MC_E_REFUSED, 550, { 4, 7, 1 }, EX_UNAVAILABLE },
		{ MC_E_REFUSED, 550, { 2, 1, 1 }, EX_UNAVAILABLE },
		{ MC_E_NO_RCPT_LEFT, 0, { 5, 1, 1 }, EX_NOUSER },
		{ MC_E_NO_RCPT_LEFT, 0, { 4, 2, 2 }, EX_TEMPFAIL },
		{ MC_E_NO_RCPT_LEFT, 0, { 0, 0, 0 }, EX_UNAVAILABLE },
		/* not the server's to decide */
		{ MC_E_AUTH_REFUSED, 535, { 5, 7, 8 }, EX_TEMPFAIL },
		{ MC_E_SERVER_UNAVAILABLE, 554, { 5, 7, 1 }, EX_TEMPFAIL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = {
			.code = rows[i].code,
			.smtp = rows[i].smtp,
			.enh = { rows[i].enh[0], rows[i].enh[1],
			    rows[i].enh[2] },
		};

		if (mc_err_exit(&err) != rows[i].want)
			fail_msg("row %zu gives %d", i, mc_err_exit(&err));
	}
}

struct lines {
	int n;
	enum mc_level level;
	enum mc_stage stage;
	char text[4096];
};

static void
keep_line(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text)
{
	struct lines *lines = ctx;

	lines->n++;
	lines->level = level;
	lines->stage = stage;
	(void)snprintf(lines->text, sizeof(lines->text), "%s", text);
}

static void
log_lines(void **state)
{
	struct lines got = { 0 };
	struct mc_log log = { keep_line, &got, MC_LOG_INFO };
	struct mc_log none = { NULL, NULL, MC_LOG_TRACE };

	(void)state;
	mc_log_line(NULL, MC_LOG_ERROR, MC_STAGE_LOCAL, "x");
	mc_log_line(&none, MC_LOG_ERROR, MC_STAGE_LOCAL, "x");
	assert_false(mc_log_wants(NULL, MC_LOG_ERROR));
	assert_false(mc_log_wants(&none, MC_LOG_ERROR));
	assert_true(mc_log_wants(&log, MC_LOG_INFO));
	assert_false(mc_log_wants(&log, MC_LOG_DEBUG));
	mc_log_line(&log, MC_LOG_DEBUG, MC_STAGE_LOCAL, "x");
	mc_log_line(&log, MC_LOG_NONE, MC_STAGE_LOCAL, "x");
	assert_int_equal(got.n, 0);
	mc_log_line(&log, MC_LOG_INFO, MC_STAGE_EHLO, "S: %.*s",
	    MC_STR_FMT(MC_STR("250 hi\x1b")));
	assert_int_equal(got.n, 1);
	assert_int_equal(got.level, MC_LOG_INFO);
	assert_int_equal(got.stage, MC_STAGE_EHLO);
	assert_string_equal(got.text, "S: 250 hi?");
}

static void
log_bounded(void **state)
{
	struct lines got = { 0 };
	struct mc_log log = { keep_line, &got, MC_LOG_TRACE };
	char text[10000];

	(void)state;
	memset(text, 'x', sizeof(text));
	mc_log_line(&log, MC_LOG_TRACE, MC_STAGE_EHLO, "%.*s",
	    MC_STR_FMT(mc_str_make(text, sizeof(text))));
	assert_int_equal(strlen(got.text), 2047);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_wins),
		cmocka_unit_test(null_is_fine),
		cmocka_unit_test(texts),
		cmocka_unit_test(context),
		cmocka_unit_test(cuts),
		cmocka_unit_test(names),
		cmocka_unit_test(whole_table),
		cmocka_unit_test(exit_status),
		cmocka_unit_test(log_lines),
		cmocka_unit_test(log_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
