/* SPDX-License-Identifier: MIT */
/*
 * Dot-stuffing: every short message in every cut, against a server that reads
 * strictly.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/dot.h"

#define MOST (1 << 24)

/* what a message means, written as plainly as can be: CRLF, CR and LF end
 * lines, and the last line has an end too */
static size_t
canonical(const char *in, size_t n, char *ret_out)
{
	size_t len = 0;
	bool open = false;

	for (size_t i = 0; i < n; i++) {
		if (in[i] != '\r' && in[i] != '\n') {
			ret_out[len++] = in[i];
			open = true;
			continue;
		}
		if (in[i] == '\r' && i + 1 < n && in[i + 1] == '\n')
			i++;
		ret_out[len++] = '\r';
		ret_out[len++] = '\n';
		open = false;
	}
	if (open) {
		ret_out[len++] = '\r';
		ret_out[len++] = '\n';
	}
	return len;
}

/*
 * The server: a machine over single bytes.  Only CRLF "." CRLF ends (the CRLF
 * before DATA's first line counts).  Returns how many bytes it took up to the
 * end; fails the test on a CR or LF alone, on bytes past the end, and if there
 * is no end.
 */
static size_t
decode(const char *wire, size_t n, char *ret_out)
{
	enum { START, DOT, DOT_CR, TEXT, TEXT_CR, DONE } st = START;
	size_t len = 0;
	char c;

	for (size_t i = 0; i < n; i++) {
		c = wire[i];
		switch (st) {
		case DONE:
			fail_msg("bytes after the end");
			break;
		case START:
			if (c == '.') {
				st = DOT;
				continue;
			}
			break;
		case DOT:
			if (c == '\r') {
				st = DOT_CR;
				continue;
			}
			assert_int_not_equal(c, '\n');
			/* the first dot goes, whatever follows */
			break;
		case DOT_CR:
			assert_int_equal(c, '\n');
			st = DONE;
			continue;
		case TEXT:
			break;
		case TEXT_CR:
			assert_int_equal(c, '\n');
			ret_out[len++] = '\r';
			ret_out[len++] = '\n';
			st = START;
			continue;
		}
		assert_int_not_equal(c, '\n');
		if (c == '\r') {
			st = TEXT_CR;
			continue;
		}
		ret_out[len++] = c;
		st = TEXT;
	}
	assert_int_equal(st, DONE);
	return len;
}

/* encode in pieces that end where the bits of `cuts` say (bit i: after byte
 * i) */
static void
encode(const char *in, size_t n, unsigned cuts, struct mc_buf *out)
{
	struct mc_dot d;
	size_t from = 0;

	mc_buf_reset(out);
	mc_dot_init(&d);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && ((cuts >> i) & 1u) == 0)
			continue;
		mc_dot_add(&d, mc_str_make(in + from, i + 1 - from), out);
		from = i + 1;
	}
	mc_dot_end(&d, out);
	assert_int_equal(out->err, 0);
}

static void
check(const char *in, size_t n, const struct mc_buf *wire)
{
	char want[64], got[64];
	size_t n_want = canonical(in, n, want);
	size_t n_got;

	assert_true(wire->len <= sizeof(got));
	n_got = decode(wire->ptr, wire->len, got);
	assert_int_equal(n_got, n_want);
	assert_memory_equal(got, want, n_want);
}

/* all strings over four bytes up to length 8, all ways to cut them */
static void
test_all(void **state)
{
	static const char alphabet[] = { '\r', '\n', '.', 'a' };
	struct mc_buf out, whole;
	unsigned long strings = 0, cuttings = 0;

	(void)state;
	mc_buf_init(&out, MOST);
	mc_buf_init(&whole, MOST);
	for (size_t n = 0; n <= 8; n++)
		for (unsigned long s = 0; s < 1ul << (2 * n); s++) {
			char in[8];

			for (size_t i = 0; i < n; i++)
				in[i] = alphabet[(s >> (2 * i)) & 3];
			encode(in, n, 0, &whole);
			check(in, n, &whole);
			strings++;
			for (unsigned c = 1; n > 1 && c < 1u << (n - 1); c++) {
				encode(in, n, c, &out);
				if (out.len != whole.len || memcmp(out.ptr,
				    whole.ptr, out.len) != 0)
					fail_msg("cut %u of string %lu", c, s);
				cuttings++;
			}
		}
	assert_int_equal(strings, 87381);
	assert_true(cuttings > 9000000);
	mc_buf_clear(&out);
	mc_buf_clear(&whole);
}

static void
test_table(void **state)
{
	static const struct {
		const char *in;
		const char *wire;
	} rows[] = {
		{ "", ".\r\n" },
		{ ".", "..\r\n.\r\n" },
		{ "..", "...\r\n.\r\n" },
		{ ".\r", "..\r\n.\r\n" },
		{ ".\n", "..\r\n.\r\n" },
		{ ".\r\n", "..\r\n.\r\n" },
		{ "a", "a\r\n.\r\n" },
		{ "a.b\r\n", "a.b\r\n.\r\n" },
		{ "\r\n", "\r\n.\r\n" },
		{ "\n.\n", "\r\n..\r\n.\r\n" },
		{ "a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\n.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r\n.\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n" },
		{ "\r\r\n\n", "\r\n\r\n\r\n.\r\n" },
		{ "\n\r", "\r\n\r\n.\r\n" },
	};
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, MOST);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		encode(rows[i].in, strlen(rows[i].in), 0, &out);
		assert_string_equal(out.ptr, rows[i].wire);
		encode(rows[i].in, strlen(rows[i].in), ~0u, &out);
		assert_string_equal(out.ptr, rows[i].wire);
	}
	mc_buf_clear(&out);
}

/* every other byte stands for itself, NUL and 8-bit too */
static void
test_bytes(void **state)
{
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, MOST);
	for (int c = 0; c < 256; c++) {
		char in[3] = { 'x', (char)c, 'y' };

		encode(in, sizeof(in), 0, &out);
		check(in, sizeof(in), &out);
	}
	mc_buf_clear(&out);
}

/* pieces without bytes change nothing, nor does a held CR get lost by them */
static void
test_empty_pieces(void **state)
{
	struct mc_dot d;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, MOST);
	mc_dot_init(&d);
	mc_dot_add(&d, MC_STR_NONE, &out);
	mc_dot_add(&d, MC_STR("a\r"), &out);
	assert_string_equal(out.ptr, "a");
	mc_dot_add(&d, MC_STR_NONE, &out);
	mc_dot_add(&d, MC_STR(""), &out);
	mc_dot_add(&d, MC_STR("\n"), &out);
	mc_dot_add(&d, MC_STR_NONE, &out);
	mc_dot_end(&d, &out);
	assert_string_equal(out.ptr, "a\r\n.\r\n");
	mc_buf_clear(&out);
}

/* no end of data, ever, where a buffer failed: the caller sees that it did */
static void
test_full(void **state)
{
	struct mc_dot d;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 10);
	mc_dot_init(&d);
	mc_dot_add(&d, MC_STR("12345\r\n"), &out);
	mc_dot_add(&d, MC_STR("6789\r\n"), &out);
	mc_dot_end(&d, &out);
	assert_string_equal(out.ptr, "12345\r\n");
	assert_int_equal(out.err, MC_E_TOO_LONG);
	mc_buf_clear(&out);

	mc_buf_init(&out, MOST);
	mc_dot_init(&d);
	failmalloc(1, false);
	mc_dot_add(&d, MC_STR("12345\r\n"), &out);
	mc_dot_end(&d, &out);
	assert_int_equal(failmalloc(0, false), 1);
	assert_int_equal(out.len, 0);
	assert_int_equal(out.err, MC_E_NOMEM);
	mc_buf_clear(&out);
}

/*
 * Time must not depend on which line ends there are: 4 MB of the worst
 * mixtures in one piece.  What is quadratic here does not come back.
 */
static void
test_linear(void **state)
{
	static const char *const units[] = {
		"\r", "\n", ".", "\r\n", ".\r\n", "\r\r\n", "\n\r", ".\n",
		".\r", "\n.\r", "a\r", "a\n"
	};
	size_t n = 4u << 20;
	char *in = malloc(n);
	struct mc_buf out;

	(void)state;
	assert_non_null(in);
	for (size_t i = 0; i < MC_NELEM(units); i++) {
		struct mc_dot d;
		size_t len = strlen(units[i]);

		for (size_t k = 0; k < n; k++)
			in[k] = units[i][k % len];
		mc_buf_init(&out, 4 * n);
		mc_dot_init(&d);
		mc_dot_add(&d, mc_str_make(in, n), &out);
		mc_dot_end(&d, &out);
		assert_int_equal(out.err, 0);
		assert_in_range(out.len, n, 4 * n);
		assert_memory_equal(out.ptr + out.len - 5, "\r\n.\r\n", 5);
		mc_buf_clear(&out);
	}
	free(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_empty_pieces),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
