/* SPDX-License-Identifier: MIT */
/*
 * test_base_text.c - slices, numbers and base64
 */
#include "unit.h"

#include "base/b64.h"
#include "base/num.h"

static void
classes(void **state)
{
	(void)state;
	for (int c = -300; c < 600; c++) {
		bool up = c >= 65 && c <= 90, low = c >= 97 && c <= 122;
		bool digit = c >= 48 && c <= 57;

		assert_int_equal(mc_is_alpha(c), up || low);
		assert_int_equal(mc_is_digit(c), digit);
		assert_int_equal(mc_is_alnum(c), up || low || digit);
		assert_int_equal(mc_is_blank(c), c == 32 || c == 9);
		assert_int_equal(mc_to_lower(c), up ? c + 32 : c);
	}
}

static void
slices(void **state)
{
	struct mc_str s = MC_STR("hello");

	(void)state;
	assert_str(mc_str_from(NULL), "");
	assert_str(mc_str_from("ab"), "ab");
	assert_str(mc_str_sub(s, 0, 2), "he");
	assert_str(mc_str_sub(s, 3, SIZE_MAX), "lo");
	assert_str(mc_str_sub(s, 4, 1), "o");
	assert_str(mc_str_sub(s, 5, 1), "");
	assert_str(mc_str_sub(s, SIZE_MAX, SIZE_MAX), "");
	assert_str(mc_str_sub(MC_STR_NONE, 0, 1), "");
	assert_int_equal(mc_str_chr(s, 'l'), 2);
	assert_int_equal(mc_str_chr(s, 'x'), 5);
	assert_int_equal(mc_str_chr(s, '\0'), 5);
	assert_int_equal(mc_str_chr(MC_STR_NONE, 'x'), 0);
}

static void
equality(void **state)
{
	static const struct {
		struct mc_str a, b;
		bool same, fold, starts;
	} rows[] = {
		{ { "", 0 }, { NULL, 0 }, true, true, true },
		{ { "a", 1 }, { "", 0 }, false, false, true },
		{ { "", 0 }, { "a", 1 }, false, false, false },
		{ { "EHLO", 4 }, { "ehlo", 4 }, false, true, true },
		{ { "EHLO x", 6 }, { "ehlo", 4 }, false, false, true },
		{ { "a\0b", 3 }, { "a\0c", 3 }, false, false, false },
		{ { "a\0b", 3 }, { "A\0b", 3 }, false, true, true },
		/* not a case pair: only letters are folded */
		{ { "[", 1 }, { "{", 1 }, false, false, false },
		{ { "@", 1 }, { "`", 1 }, false, false, false },
		{ { "\xc4", 1 }, { "\xe4", 1 }, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str a = rows[i].a, b = rows[i].b;

		assert_int_equal(mc_str_eq(a, b), rows[i].same);
		assert_int_equal(mc_str_eq_nocase(a, b), rows[i].fold);
		assert_int_equal(mc_str_starts_nocase(a, b), rows[i].starts);
	}
}

static void
trimming(void **state)
{
	(void)state;
	assert_str(mc_str_trim(MC_STR(" \t\r\na b\r\n")), "a b");
	assert_str(mc_str_trim(MC_STR("ab")), "ab");
	assert_str(mc_str_trim(MC_STR(" \n ")), "");
	assert_str(mc_str_trim(MC_STR_NONE), "");
	assert_str(mc_str_trim(MC_STR("\va\f")), "\va\f");
}

static void
tokens(void **state)
{
	static const struct {
		struct mc_str in;
		const char *seps, *joined;
	} rows[] = {
		{ { "a b  c", 6 }, " ", "<a><b><c>" },
		{ { "  a,\tb, ", 8 }, " ,\t", "<a><b>" },
		{ { ",,,", 3 }, ",", "" },
		{ { NULL, 0 }, ",", "" },
		{ { "abc", 3 }, "", "<abc>" },
		/* the NUL that ends the set is no separator */
		{ { "a\0b", 3 }, ",", "<a?b>" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str rest = rows[i].in, token;
		struct mc_buf got;

		mc_buf_init(&got, 100);
		while (mc_str_next_token(&rest, rows[i].seps, &token)) {
			mc_buf_addc(&got, '<');
			mc_buf_add_printable(&got, token, 50);
			mc_buf_addc(&got, '>');
		}
		assert_int_equal(rest.len, 0);
		assert_string_equal(got.ptr, rows[i].joined);
		mc_buf_clear(&got);
	}
}

static void
kinds(void **state)
{
	static const struct {
		const char *text;
		bool ascii, utf8, ctl;
	} rows[] = {
		{ "", true, true, false },
		{ "plain ~", true, true, false },
		{ "tab\t", true, true, true },
		{ "\x7f", true, true, true },
		{ "\x1f", true, true, true },
		{ "gr\xc3\xbc\xc3\x9f", false, true, false },
		{ "\xc2\x80", false, true, false },
		{ "\xdf\xbf", false, true, false },
		{ "\xe0\xa0\x80", false, true, false },
		{ "\xef\xbf\xbf", false, true, false },
		{ "\xf0\x90\x80\x80", false, true, false },
		{ "\xf4\x8f\xbf\xbf", false, true, false },
		{ "\xed\x9f\xbf", false, true, false },
		{ "\xee\x80\x80", false, true, false },
		/* overlong, surrogates, too high, cut short, stray */
		{ "\xc0\x80", false, false, false },
		{ "\xc1\xbf", false, false, false },
		{ "\xe0\x9f\xbf", false, false, false },
		{ "\xf0\x8f\xbf\xbf", false, false, false },
		{ "\xed\xa0\x80", false, false, false },
		{ "\xed\xbf\xbf", false, false, false },
		{ "\xf4\x90\x80\x80", false, false, false },
		{ "\xf5\x80\x80\x80", false, false, false },
		{ "\xff", false, false, false },
		{ "\x80", false, false, false },
		{ "a\xc3", false, false, false },
		{ "\xe2\x82", false, false, false },
		{ "\xf0\x9f\x98", false, false, false },
		{ "\xe2\x82" "a", false, false, false },
		{ "\xc3\xc3\xbc", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str s = mc_str_from(rows[i].text);

		assert_int_equal(mc_str_is_ascii(s), rows[i].ascii);
		assert_int_equal(mc_str_is_utf8(s), rows[i].utf8);
		assert_int_equal(mc_str_has_ctl(s), rows[i].ctl);
	}
	assert_true(mc_str_has_ctl(MC_STR("a\0b")));
	assert_true(mc_str_is_utf8(MC_STR("a\0b")));
}

/* against the definition: every code point, encoded */
static void
utf8_by_encoding(void **state)
{
	unsigned long good = 0;

	(void)state;
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char p[4];
		size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		static const unsigned char lead[] = { 0, 0xc0, 0xe0, 0xf0 };

		for (size_t i = n - 1; i > 0; i--)
			p[i] = (char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3f));
		p[0] = (char)(lead[n - 1] | c >> (6 * (n - 1)));
		if (mc_str_is_utf8(mc_str_make(p, n)))
			good++;
		else if (c < 0xd800 || c > 0xdfff)
			fail_msg("U+%04X refused", (unsigned)c);
	}
	assert_int_equal(good, 0x110000 - 0x800);
}

static void
printable(void **state)
{
	static const struct {
		struct mc_str in;
		size_t cap;
		const char *want;
	} rows[] = {
		{ { "plain", 5 }, 99, "plain" },
		{ { "a\r\n\tb\n", 6 }, 99, "a b " },
		{ { "a \r\n b", 6 }, 99, "a   b" },
		{ { "\0\x1b[2J\x7f", 6 }, 99, "??[2J?" },
		{ { "\xc2\x9b" "2J", 4 }, 99, "?2J" },
		{ { "\xc2\xa0", 2 }, 99, "\xc2\xa0" },
		/* right-to-left override, zero-width blank, BOM */
		{ { "\xe2\x80\xae" "x\xe2\x80\x8b\xef\xbb\xbf", 10 }, 99,
		    "?x??" },
		{ { "\xff\xfe", 2 }, 99, "??" },
		{ { "\xe2\x82", 2 }, 99, "??" },
		{ { "gr\xc3\xbc\xc3\x9f", 6 }, 99, "gr\xc3\xbc\xc3\x9f" },
		/* cut where characters end */
		{ { "gr\xc3\xbc\xc3\x9f", 6 }, 7, "gr\xc3\xbc\xc3\x9f" },
		{ { "gr\xc3\xbc\xc3\x9f", 6 }, 6, "gr\xc3\xbc" },
		{ { "gr\xc3\xbc\xc3\x9f", 6 }, 5, "gr\xc3\xbc" },
		{ { "gr\xc3\xbc\xc3\x9f", 6 }, 4, "gr" },
		{ { "abc", 3 }, 1, "" },
	};
	char text[100];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		size_t n = mc_str_printable(rows[i].in, text, rows[i].cap);

		assert_string_equal(text, rows[i].want);
		assert_int_equal(n, strlen(text));
	}
	text[0] = 'x';
	assert_int_equal(mc_str_printable(MC_STR("abc"), text, 0), 0);
	assert_int_equal(text[0], 'x');
}

/* whatever goes in: no longer than before, UTF-8, nothing to obey */
static void
printable_always(void **state)
{
	uint32_t x = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char in[24], text[25];

		for (size_t i = 0; i < sizeof(in); i++) {
			x = x * 1664525 + 1013904223;
			in[i] = (char)(x >> 24);
			/* more of what is nearly UTF-8 */
			if (i % 3 != 0 && (x >> 16 & 1) != 0)
				in[i] = (char)(0x80 | (x >> 24 & 0x3f));
		}

		size_t n = mc_str_printable(mc_str_make(in, sizeof(in)), text,
		    sizeof(text));

		assert_true(n <= sizeof(in));
		assert_true(mc_str_is_utf8(mc_str_make(text, n)));
		assert_false(mc_str_has_ctl(mc_str_make(text, n)));
		for (size_t i = 0; i + 1 < n; i++)
			assert_false((unsigned char)text[i] == 0xc2 &&
			    (unsigned char)text[i + 1] < 0xa0);
	}
}

static void
numbers(void **state)
{
	static const struct {
		const char *in;
		uint64_t most;
		int rc;
		uint64_t want;
	} rows[] = {
		{ "0", 0, 0, 0 },
		{ "1", 0, -1, 0 },
		{ "00042", 99, 0, 42 },
		{ "99", 99, 0, 99 },
		{ "100", 99, -1, 0 },
		{ "2147483648", UINT64_MAX, 0, 2147483648u },
		{ "4294967296", UINT64_MAX, 0, 4294967296u },
		{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", UINT64_MAX, -1, 0 },
		{ "99999999999999999999999999", UINT64_MAX, -1, 0 },
		{ "9223372036854775808", INT64_MAX, -1, 0 },
		{ "", 9, -1, 0 },
		{ "-1", UINT64_MAX, -1, 0 },
		{ "+1", 9, -1, 0 },
		{ " 1", 9, -1, 0 },
		{ "1 ", 9, -1, 0 },
		{ "0x10", 99, -1, 0 },
		{ "1e3", UINT64_MAX, -1, 0 },
		{ "\xd9\xa1", 99, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		uint64_t got = 77;

		assert_int_equal(mc_num_u64(mc_str_from(rows[i].in),
		    rows[i].most, &got), rows[i].rc);
		assert_int_equal(got, rows[i].rc == 0 ? rows[i].want : 77);
	}
}

static void
numbers_with_units(void **state)
{
	static const struct {
		const char *in;
		bool bytes;
		uint64_t most;
		int rc;
		uint64_t want;
	} rows[] = {
		{ "90", false, 999, 0, 90 },
		{ "90s", false, 999, 0, 90 },
		{ "10min", false, 999, 0, 600 },
		{ "10m", false, 999, 0, 600 },
		{ "10 \tmin", false, 999, 0, 600 },
		{ "4h", false, 99999, 0, 14400 },
		{ "5d", false, 999999, 0, 432000 },
		{ "0", false, 0, 0, 0 },
		{ "17m", false, 1020, 0, 1020 },
		{ "17m", false, 1019, -1, 0 },
		{ "", false, 9, -1, 0 },
		{ "s", false, 9, -1, 0 },
		{ " 9", false, 9, -1, 0 },
		{ "9 ", false, 9, -1, 0 },
		{ "9w", false, 9, -1, 0 },
		{ "9ss", false, 9, -1, 0 },
		{ "-9s", false, 9, -1, 0 },
		{ "1.5h", false, 99999, -1, 0 },
		{ "1h30m", false, 99999, -1, 0 },
		{ "9k", false, 99999, -1, 0 },
		{ "213503982334602d", false, UINT64_MAX, -1, 0 },
		{ "1000", true, 1000, 0, 1000 },
		{ "10k", true, 99999, 0, 10240 },
		{ "10K", true, 99999, 0, 10240 },
		{ "10KiB", true, 99999, 0, 10240 },
		{ "2 M", true, UINT64_MAX, 0, 2097152 },
		{ "2MiB", true, UINT64_MAX, 0, 2097152 },
		{ "3G", true, UINT64_MAX, 0, 3221225472u },
		{ "3GiB", true, UINT64_MAX, 0, 3221225472u },
		{ "17179869183G", true, UINT64_MAX, 0, 18446744072635809792u },
		{ "17179869184G", true, UINT64_MAX, -1, 0 },
		{ "1KB", true, UINT64_MAX, -1, 0 },
		{ "1h", true, UINT64_MAX, -1, 0 },
		{ "k", true, UINT64_MAX, -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str in = mc_str_from(rows[i].in);
		uint64_t got = 77;
		int rc = rows[i].bytes ? mc_num_bytes(in, rows[i].most, &got) :
		    mc_num_seconds(in, rows[i].most, &got);

		if (rc != rows[i].rc)
			fail_msg("\"%s\": %d", rows[i].in, rc);
		assert_int_equal(got, rc == 0 ? rows[i].want : 77);
	}
}

/* RFC 4648 section 10, and bytes that need the last two letters */
static void
base64_known(void **state)
{
	static const struct {
		const char *plain, *coded;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xbf", "+/+/" },
		{ "\xff\xff\xff\xff", "/////w==" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf b;

		mc_buf_init(&b, 100);
		mc_buf_addc(&b, '>');
		mc_b64_encode(mc_str_from(rows[i].plain), &b);
		assert_string_equal(b.ptr + 1, rows[i].coded);
		mc_buf_reset(&b);
		assert_int_equal(mc_b64_decode(mc_str_from(rows[i].coded), &b),
		    0);
		assert_str(mc_buf_str(&b), rows[i].plain);
		mc_buf_clear(&b);
	}
}

static void
base64_refused(void **state)
{
	static const struct mc_str rows[] = {
		{ "Z", 1 }, { "Zg", 2 }, { "Zg=", 3 }, { "Zg===", 5 },
		{ "Zm9vY", 5 }, { "=", 1 }, { "====", 4 }, { "Z===", 4 },
		{ "Zg==Zg==", 8 }, { "Zm=v", 4 }, { "=m9v", 4 },
		{ "Zm9v\n", 5 }, { "Zm9\n", 4 }, { " Zm9", 4 },
		{ "Zm-_", 4 }, { "Zm\0v", 4 }, { "Zm\xc3\xbc", 4 },
		/* bits set that carry nothing */
		{ "Zh==", 4 }, { "Zm9=", 4 }, { "Zo==", 4 }, { "Zm+=", 4 },
		{ "Zi==", 4 }, { "Zk==", 4 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf b;

		mc_buf_init(&b, 100);
		mc_buf_addz(&b, "before");
		if (mc_b64_decode(rows[i], &b) != -1)
			fail_msg("row %zu was taken", i);
		assert_str(mc_buf_str(&b), "before");
		assert_int_equal(mc_buf_err(&b, "b", NULL), 0);
		mc_buf_clear(&b);
	}
}

static void
base64_round_trip(void **state)
{
	char bytes[256];
	uint32_t x = 7;

	(void)state;
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		struct mc_buf coded, plain;

		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			bytes[i] = (char)(x >> 24);
		}
		mc_buf_init(&coded, 400);
		mc_buf_init(&plain, 256);
		mc_b64_encode(mc_str_make(bytes, n), &coded);
		assert_int_equal(coded.len, (n + 2) / 3 * 4);
		assert_int_equal(mc_b64_decode(mc_buf_str(&coded), &plain), 0);
		assert_int_equal(plain.len, n);
		assert_memory_equal(plain.ptr, bytes, n);
		mc_buf_clear(&coded);
		mc_buf_clear(&plain);
	}
}

static void
base64_too_long(void **state)
{
	struct mc_buf b;
	struct mc_err err = { 0 };

	(void)state;
	mc_buf_init(&b, 7);
	mc_b64_encode(MC_STR("foob"), &b);
	assert_err(mc_buf_err(&b, "it", &err), err, MC_E_TOO_LONG);
	assert_int_equal(b.len, 0);
	mc_buf_reset(&b);
	mc_b64_encode(MC_STR("foo"), &b);
	assert_int_equal(mc_b64_decode(MC_STR("Zm9vYg=="), &b), 0);
	assert_int_equal(mc_buf_err(&b, "it", NULL), -1);
	assert_int_equal(mc_b64_decode(MC_STR("Zm9vYg"), &b), -1);
	mc_buf_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),
		cmocka_unit_test(slices),
		cmocka_unit_test(equality),
		cmocka_unit_test(trimming),
		cmocka_unit_test(tokens),
		cmocka_unit_test(kinds),
		cmocka_unit_test(utf8_by_encoding),
		cmocka_unit_test(printable),
		cmocka_unit_test(printable_always),
		cmocka_unit_test(numbers),
		cmocka_unit_test(numbers_with_units),
		cmocka_unit_test(base64_known),
		cmocka_unit_test(base64_refused),
		cmocka_unit_test(base64_round_trip),
		cmocka_unit_test(base64_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
