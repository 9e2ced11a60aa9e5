/* SPDX-License-Identifier: MIT */
/*
 * test_reason.c - reasons as one line, and back
 */
#include "unit.h"

#include "queue/format.h"
#include "queue/reason.h"

static struct mc_err
make(int smtp, int x, int y, int z, const char *text)
{
	struct mc_err e = { .code = MC_E_REFUSED, .smtp = smtp,
	    .enh = { x, y, z } };

	(void)snprintf(e.text, sizeof(e.text), "%s", text);
	return e;
}

static void
format(void **state)
{
	static const struct {
		int smtp;
		int enh[3];
		const char *text;
		const char *line;
	} t[] = {
		{ 550, { 5, 1, 1 }, "no such user", "[550 5.1.1] no such user" },
		{ 450, { 4, 999, 999 }, "x", "[450 4.999.999] x" },
		{ 550, { 0, 0, 0 }, "x", "[550] x" },
		{ 550, { 3, 0, 0 }, "x", "[550] x" },
		{ 550, { 5, 1000, 0 }, "x", "[550] x" },
		{ 550, { 5, -1, 0 }, "x", "[550] x" },
		/* refused, but not for good */
		{ 554, { 4, 7, 0 }, "x", "[554 4.7.0] x" },
		{ 354, { 4, 5, 0 }, "x", "[354 4.5.0] x" },
		{ 0, { 5, 4, 7 }, "given up", "[5.4.7] given up" },
		{ 199, { 5, 4, 7 }, "x", "[5.4.7] x" },
		{ 600, { 5, 4, 7 }, "x", "[5.4.7] x" },
		{ -550, { 5, 4, 7 }, "x", "[5.4.7] x" },
		{ 0, { 0, 0, 0 }, "nobody knows", "nobody knows" },
		{ 0, { 0, 0, 0 }, "[550 5.1.1] x", " [550 5.1.1] x" },
		{ 0, { 0, 0, 0 }, " [550] x", "  [550] x" },
		{ 0, { 0, 0, 0 }, "\r\n[550] x", "  [550] x" },
		{ 0, { 0, 0, 0 }, " x [550]", " x [550]" },
		{ 0, { 0, 0, 0 }, "", "" },
		{ 550, { 5, 0, 0 }, "", "[550 5.0.0]" },
		{ 0, { 4, 0, 0 }, "", "[4.0.0]" },
		{ 550, { 5, 0, 0 }, "a\r\nb\t\x1b[2Jc\x7f",
		    "[550 5.0.0] a b ?[2Jc?" },
		{ 550, { 5, 0, 0 }, "gr\xc3\xbc\xc3\x9f \xff\xc0\xaf",
		    "[550 5.0.0] gr\xc3\xbc\xc3\x9f ???" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_err e = make(t[i].smtp, t[i].enh[0], t[i].enh[1],
		    t[i].enh[2], t[i].text);
		struct mc_buf out;

		mc_buf_init(&out, 2000);
		mc_buf_addz(&out, "<");
		mc_reason_format(&e, &out);
		assert_int_equal(mc_buf_err(&out, "line", NULL), 0);
		assert_string_equal(out.ptr + 1, t[i].line);
		assert_int_equal(out.ptr[0], '<');
		mc_buf_clear(&out);
	}
}

static void
parse(void **state)
{
	static const struct {
		const char *line;
		int smtp;
		int enh[3];
		const char *text;
	} t[] = {
		{ "[550 5.1.1] no such user", 550, { 5, 1, 1 },
		    "no such user" },
		{ "[550 5.1.1]  two", 550, { 5, 1, 1 }, " two" },
		{ "[550 5.1.1] ", 550, { 5, 1, 1 }, "" },
		{ "[550 5.1.1]", 550, { 5, 1, 1 }, "" },
		{ "[550] x ] y [", 550, { 0, 0, 0 }, "x ] y [" },
		{ "[200] x", 200, { 0, 0, 0 }, "x" },
		{ "[599 2.0.999] x", 599, { 2, 0, 999 }, "x" },
		{ "[4.0.0] [550 5.1.1] y", 0, { 4, 0, 0 }, "[550 5.1.1] y" },
		{ " [550] x", 0, { 0, 0, 0 }, "[550] x" },
		{ "  [550] x", 0, { 0, 0, 0 }, " [550] x" },
		{ " x", 0, { 0, 0, 0 }, " x" },
		/* all text */
		{ "", 0, { 0, 0, 0 }, "" },
		{ "x", 0, { 0, 0, 0 }, "x" },
		{ "[", 0, { 0, 0, 0 }, "[" },
		{ "[]", 0, { 0, 0, 0 }, "[]" },
		{ "[] x", 0, { 0, 0, 0 }, "[] x" },
		{ "[ ] x", 0, { 0, 0, 0 }, "[ ] x" },
		{ "[199] x", 0, { 0, 0, 0 }, "[199] x" },
		{ "[600] x", 0, { 0, 0, 0 }, "[600] x" },
		{ "[5500] x", 0, { 0, 0, 0 }, "[5500] x" },
		{ "[0550] x", 0, { 0, 0, 0 }, "[0550] x" },
		{ "[55] x", 0, { 0, 0, 0 }, "[55] x" },
		{ "[+550] x", 0, { 0, 0, 0 }, "[+550] x" },
		{ "[550 ] x", 0, { 0, 0, 0 }, "[550 ] x" },
		{ "[550  5.1.1] x", 0, { 0, 0, 0 }, "[550  5.1.1] x" },
		{ "[550 5.1.1 ] x", 0, { 0, 0, 0 }, "[550 5.1.1 ] x" },
		{ "[550 5.1] x", 0, { 0, 0, 0 }, "[550 5.1] x" },
		{ "[550 5.1.] x", 0, { 0, 0, 0 }, "[550 5.1.] x" },
		{ "[550 5..1] x", 0, { 0, 0, 0 }, "[550 5..1] x" },
		{ "[550 .1.1] x", 0, { 0, 0, 0 }, "[550 .1.1] x" },
		{ "[550 5.1.1.1] x", 0, { 0, 0, 0 }, "[550 5.1.1.1] x" },
		{ "[550 5.1.1.] x", 0, { 0, 0, 0 }, "[550 5.1.1.] x" },
		{ "[550 5.1.01] x", 0, { 0, 0, 0 }, "[550 5.1.01] x" },
		{ "[550 5.1000.1] x", 0, { 0, 0, 0 }, "[550 5.1000.1] x" },
		{ "[550 5.1.1000] x", 0, { 0, 0, 0 }, "[550 5.1.1000] x" },
		{ "[550 3.1.1] x", 0, { 0, 0, 0 }, "[550 3.1.1] x" },
		{ "[550 1.1.1] x", 0, { 0, 0, 0 }, "[550 1.1.1] x" },
		{ "[6.1.1] x", 0, { 0, 0, 0 }, "[6.1.1] x" },
		{ "[550 -5.1.1] x", 0, { 0, 0, 0 }, "[550 -5.1.1] x" },
		{ "[550 5.1.1]x", 0, { 0, 0, 0 }, "[550 5.1.1]x" },
		{ "[550 5.1.1", 0, { 0, 0, 0 }, "[550 5.1.1" },
		{ "[550 99999999999999999999.1.1] x", 0, { 0, 0, 0 },
		    "[550 99999999999999999999.1.1] x" },
	};
	struct mc_reason r;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		mc_reason_parse(mc_str_from(t[i].line), &r);
		if (r.smtp != t[i].smtp || r.enh[0] != t[i].enh[0] ||
		    r.enh[1] != t[i].enh[1] || r.enh[2] != t[i].enh[2])
			fail_msg("%s: %d %d.%d.%d", t[i].line, r.smtp,
			    r.enh[0], r.enh[1], r.enh[2]);
		assert_str(r.text, t[i].text);
	}
	mc_reason_parse(MC_STR_NONE, &r);
	assert_int_equal(r.text.len, 0);
	mc_reason_parse(MC_STR("[550\0 5.1.1] x"), &r);
	assert_int_equal(r.smtp, 0);
	assert_int_equal(r.text.len, 14);
}

/* the beginning of `text` in print, `most` bytes of it, is what comes back */
static void
there_and_back(int smtp, int x, int y, int z, const char *text)
{
	struct mc_err e = make(smtp, x, y, z, text);
	char print[MC_ERR_TEXT];
	struct mc_reason r;
	struct mc_buf out;

	(void)mc_str_printable(mc_str_from(e.text), print, sizeof(print));
	mc_buf_init(&out, 2000);
	mc_reason_format(&e, &out);
	assert_true(out.len <= MC_QF_NOTE_TEXT);
	assert_true(mc_str_is_utf8(mc_buf_str(&out)));
	assert_false(mc_str_has_ctl(mc_buf_str(&out)));
	mc_reason_parse(mc_buf_str(&out), &r);
	assert_int_equal(r.smtp, smtp);
	assert_int_equal(r.enh[0], x);
	assert_int_equal(r.enh[1], y);
	assert_int_equal(r.enh[2], z);
	assert_true(r.text.len <= strlen(print));
	if (r.text.len != 0)
		assert_memory_equal(r.text.ptr, print, r.text.len);
	/* cut only where there was no room, but for a character of 4 bytes */
	if (r.text.len < strlen(print))
		assert_true(out.len > MC_QF_NOTE_TEXT - 4);
	mc_buf_clear(&out);
}

static void
hostile(void **state)
{
	static const char bytes[] = "[] 5.0a\n\x80\xe2";
	static const int codes[][4] = { { 550, 5, 1, 1 }, { 550, 0, 0, 0 },
	    { 0, 5, 4, 7 }, { 0, 0, 0, 0 }, { 599, 5, 999, 999 },
	    { 200, 2, 0, 0 } };
	char text[4097];

	(void)state;
	for (size_t c = 0; c < MC_NELEM(codes); c++) {
		const int *n = codes[c];

		/* every text of up to five of these */
		for (unsigned i = 0; i < 100000; i++) {
			char some[6];

			for (unsigned k = i, j = 0; j < 5; k /= 10, j++)
				some[j] = bytes[k % 10];
			some[5] = '\0';
			some[i % 6] = '\0';
			there_and_back(n[0], n[1], n[2], n[3], some);
		}
		/* 4 KiB of each, from every place in a character */
		for (size_t at = 0; at < 4; at++) {
			static const char *const fill[] = { "x", "[", "]",
			    "\xc3\xbc", "\xf0\x9f\x93\xac", "\r\n", "\xff",
			    "[550 5.1.1] " };

			for (size_t f = 0; f < MC_NELEM(fill); f++) {
				size_t len = strlen(fill[f]);

				memset(text, 'y', sizeof(text));
				for (size_t k = at; k < 4096; k++)
					text[k] = fill[f][(k - at) % len];
				text[4096] = '\0';
				there_and_back(n[0], n[1], n[2], n[3], text);
			}
		}
	}

	/* no NUL at the end of the text */
	struct mc_err e = make(0, 0, 0, 0, "");
	struct mc_buf out;

	memset(e.text, 'z', sizeof(e.text));
	mc_buf_init(&out, 2000);
	mc_reason_format(&e, &out);
	assert_int_equal(out.len, MC_QF_NOTE_TEXT);
	mc_buf_clear(&out);
}

static void
no_memory(void **state)
{
	struct mc_err e = make(550, 5, 1, 1, "no such user");

	(void)state;
	for (unsigned long n = 1; ; n++) {
		struct mc_err why = { .code = MC_OK };
		struct mc_buf out;

		mc_buf_init(&out, 2000);
		(void)failmalloc(n, false);
		mc_reason_format(&e, &out);

		bool hit = failmalloc(0, false) >= n;
		int rc = mc_buf_err(&out, "line", &why);

		mc_buf_clear(&out);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 1);
			break;
		}
		assert_err(rc, why, MC_E_NOMEM);
	}

	/* no room */
	struct mc_buf out;
	struct mc_err why = { .code = MC_OK };

	mc_buf_init(&out, 5);
	mc_reason_format(&e, &out);
	assert_err(mc_buf_err(&out, "line", &why), why, MC_E_TOO_LONG);
	mc_buf_clear(&out);
}

static void
unsure(void **state)
{
	struct mc_err why = { .code = MC_E_CLOSED, .enh = { 4, 4, 2 },
	    .unsure = 1, .text = "gone" };
	struct mc_reason r;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	mc_reason_format(&why, &out);
	assert_string_equal(out.ptr,
	    "[4.4.2] may have been delivered: gone");
	assert_true(mc_reason_is_unsure(mc_buf_str(&out)));
	mc_reason_parse(mc_buf_str(&out), &r);
	assert_str(r.text, "may have been delivered: gone");
	mc_buf_reset(&out);
	why.unsure = 0;
	mc_reason_format(&why, &out);
	assert_false(mc_reason_is_unsure(mc_buf_str(&out)));
	assert_false(mc_reason_is_unsure(MC_STR_NONE));
	mc_buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unsure),
		cmocka_unit_test(format),
		cmocka_unit_test(parse),
		cmocka_unit_test(hostile),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
