/* SPDX-License-Identifier: MIT */
/*
 * test_header.c - fields keep their bytes, and nothing gets in through a value
 */
#include "unit.h"

#include "base/limits.h"
#include "mail/header.h"

static void
assert_header(const struct mc_header *h, const char *want)
{
	struct mc_buf b;

	mc_buf_init(&b, 1 << 20);
	mc_header_write(h, &b);
	assert_string_equal(b.ptr, want);
	assert_int_equal(b.len, h->size);
	mc_buf_clear(&b);
}

static void
append(struct mc_header *h, const char *raw)
{
	struct mc_err err = { .code = MC_OK };

	assert_int_equal(mc_header_append_raw(h, mc_str_from(raw), &err), 0);
	assert_int_equal(err.code, MC_OK);
}

static void
test_append(void **state)
{
	static const struct {
		const char *raw;
		const char *name;	/* NULL: refused */
		const char *value;
	} rows[] = {
		{ "To: a@x\r\n", "To", " a@x" },
		{ "To:a@x\r\n", "To", "a@x" },
		{ "bCC \t: a@x\r\n", "bCC", " a@x" },
		{ "X:\r\n", "X", "" },
		{ "X: \r\n", "X", " " },
		{ "X:a:b\r\n", "X", "a:b" },
		{ "X: a\r\n b\r\n", "X", " a\r\n b" },
		{ "X: a\r\n\t\r\n b\r\n", "X", " a\r\n\t\r\n b" },
		{ "X: \xff\x80\r\n", "X", " \xff\x80" },
		{ "!#$: v\r\n", "!#$", " v" },
		{ "", NULL, NULL },
		{ "\r\n", NULL, NULL },
		{ "X", NULL, NULL },
		{ "X\r\n", NULL, NULL },
		{ ": v\r\n", NULL, NULL },
		{ " X: v\r\n", NULL, NULL },
		{ "X: v", NULL, NULL },
		{ "X: v\n", NULL, NULL },
		{ "X: v\r", NULL, NULL },
		{ "X:\n", NULL, NULL },
		{ "X:", NULL, NULL },
		{ "X: v\nY: w\r\n", NULL, NULL },
		{ "X: v\n w\r\n", NULL, NULL },
		{ "X: v\r\nY: w\r\n", NULL, NULL },
		{ "X: v\r\n\r\n", NULL, NULL },
		{ "X: v\r w\r\n", NULL, NULL },
		{ "X: v\r\r\n", NULL, NULL },
		{ "X Y: v\r\n", NULL, NULL },
		{ "X\xc3\xa9: v\r\n", NULL, NULL },
		{ "X\x7f: v\r\n", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_header h;
		struct mc_err err = { .code = MC_OK };

		mc_header_init(&h);
		int rc = mc_header_append_raw(&h, mc_str_from(rows[i].raw),
		    &err);
		if (rows[i].name == NULL) {
			assert_err(rc, err, MC_E_HDR_SYNTAX);
			assert_int_equal(h.fields.n, 0);
			assert_header(&h, "");
		} else {
			assert_int_equal(rc, 0);
			assert_str(mc_header_at(&h, 0)->name, rows[i].name);
			assert_str(mc_header_at(&h, 0)->value, rows[i].value);
			assert_str(mc_header_at(&h, 0)->raw, rows[i].raw);
			assert_header(&h, rows[i].raw);
		}
		mc_header_clear(&h);
	}

	struct mc_header h;
	struct mc_err err = { .code = MC_OK };
	mc_header_init(&h);
	assert_err(mc_header_append_raw(&h, MC_STR("X: a\0b\r\n"), &err), err,
	    MC_E_HDR_SYNTAX);
	mc_header_clear(&h);
}

static void
test_edit(void **state)
{
	struct mc_header h;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_header_init(&h);
	append(&h, "To: a\r\n");
	append(&h, "bcc: b\r\n");
	append(&h, "BCC : c\r\n");
	append(&h, "Subject:s\r\n");
	append(&h, "Bcc:\r\n");
	assert_int_equal(mc_header_find(&h, "Bcc", 0), 1);
	assert_int_equal(mc_header_find(&h, "Bcc", 2), 2);
	assert_int_equal(mc_header_find(&h, "Bcc", 3), 4);
	assert_true(mc_header_find(&h, "Bcc", 5) == SIZE_MAX);
	assert_true(mc_header_find(&h, "Bc", 0) == SIZE_MAX);
	assert_int_equal(mc_header_remove_all(&h, "Bcc"), 3);
	assert_int_equal(mc_header_remove_all(&h, "Bcc"), 0);
	assert_header(&h, "To: a\r\nSubject:s\r\n");

	assert_int_equal(mc_header_insert(&h, 0, MC_STR("From"), MC_STR("me"),
	    &err), 0);
	assert_int_equal(mc_header_insert(&h, 3, MC_STR("X-E"), MC_STR(""),
	    &err), 0);
	assert_int_equal(mc_header_insert(&h, 1, MC_STR("X-F"),
	    MC_STR("a\r\n b\r\n\tc"), &err), 0);
	assert_header(&h, "From: me\r\nX-F: a\r\n b\r\n\tc\r\nTo: a\r\n"
	    "Subject:s\r\nX-E:\r\n");
	assert_int_equal(mc_header_set_at(&h, 2, MC_STR("Cc"),
	    MC_STR(" longer than before"), &err), 0);
	assert_int_equal(mc_header_set_raw_at(&h, 3,
	    MC_STR("Subject :t\r\n \r\n u\r\n"), &err), 0);
	assert_str(mc_header_at(&h, 3)->name, "Subject");
	mc_header_remove(&h, 1);
	mc_header_remove(&h, 99);
	assert_header(&h, "From: me\r\nCc: longer than before\r\n"
	    "Subject :t\r\n \r\n u\r\nX-E:\r\n");

	assert_err(mc_header_set_at(&h, 4, MC_STR("X"), MC_STR("y"), &err),
	    err, MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_header_insert(&h, 5, MC_STR("X"), MC_STR("y"), &err),
	    err, MC_E_INTERNAL);
	assert_null(mc_header_at(&h, 4));
	mc_header_clear(&h);
}

#define S(lit) { (lit), sizeof(lit) - 1 }

static void
test_injection(void **state)
{
	static const struct {
		struct mc_str name;
		struct mc_str value;
	} rows[] = {
		{ S("X"), S("a\r\nBcc: e@x") },
		{ S("X"), S("a\nBcc: e@x") },
		{ S("X"), S("a\rBcc: e@x") },
		{ S("X"), S("a\r\n") },
		{ S("X"), S("a\n") },
		{ S("X"), S("a\r") },
		{ S("X"), S("\r\n") },
		{ S("X"), S("a\r\n\r\nbody") },
		{ S("X"), S("a\r\n \r\n\r\nbody") },
		{ S("X"), S("a\r\n ") },
		{ S("X"), S("a\r\n \t\r\n b") },
		{ S("X"), S("a\0b") },
		{ S("X"), S("a\r\n\0b") },
		{ S(""), S("a") },
		{ S("X:"), S("a") },
		{ S("X "), S("a") },
		{ S("X\r\nBcc"), S("a") },
		{ S("X\nY"), S("a") },
		{ S("X\0"), S("a") },
		{ S("\xc3\xa9"), S("a") },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_header h;
		struct mc_err err = { .code = MC_OK };

		mc_header_init(&h);
		append(&h, "To: a\r\n");
		assert_err(mc_header_insert(&h, 0, rows[i].name,
		    rows[i].value, &err), err, MC_E_HDR_SYNTAX);
		mc_err_reset(&err);
		assert_err(mc_header_set_at(&h, 0, rows[i].name,
		    rows[i].value, &err), err, MC_E_HDR_SYNTAX);
		assert_header(&h, "To: a\r\n");
		mc_header_clear(&h);
	}
}

/* whatever goes in: either refused, or exactly one field comes out, of which
 * no line could be taken for another field or the end of the header */
static void
test_all_values(void **state)
{
	static const char letters[] = { '\r', '\n', ' ', 'a', ':', '\0' };
	char text[6];

	(void)state;
	for (size_t len = 0; len <= sizeof(text); len++) {
		size_t total = 1;

		for (size_t i = 0; i < len; i++)
			total *= sizeof(letters);
		for (size_t n = 0; n < total; n++) {
			struct mc_header h;
			size_t x = n;

			for (size_t i = 0; i < len; i++) {
				text[i] = letters[x % sizeof(letters)];
				x /= sizeof(letters);
			}
			mc_header_init(&h);
			if (mc_header_insert(&h, 0, MC_STR("N"),
			    mc_str_make(text, len), NULL) == 0) {
				struct mc_str raw = mc_header_at(&h, 0)->raw;

				for (size_t i = 0; i < raw.len; i++) {
					char c = raw.ptr[i];

					assert_int_not_equal(c, 0);
					if (c == '\r')
						assert_int_equal(
						    raw.ptr[i + 1], '\n');
					if (c != '\n')
						continue;
					assert_int_equal(raw.ptr[i - 1], '\r');
					if (i + 1 == raw.len)
						break;
					assert_int_equal(raw.ptr[i + 1], ' ');
					while (raw.ptr[i + 1] == ' ')
						i++;
					assert_int_not_equal(raw.ptr[i + 1],
					    '\r');
				}
			}
			mc_header_clear(&h);
		}
	}
}

static void
test_limits(void **state)
{
	struct mc_header h;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_header_init(&h);
	for (size_t i = 0; i < MC_MAX_FIELDS; i++)
		append(&h, "X: y\r\n");
	assert_err(mc_header_append_raw(&h, MC_STR("X: y\r\n"), &err), err,
	    MC_E_HDR_LONG);
	/* what a submission agent adds still fits, but not without end */
	mc_err_reset(&err);
	assert_int_equal(mc_header_insert(&h, 0, MC_STR("Date"), MC_STR("d"),
	    &err), 0);
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < MC_MAX_FIELDS; i++)
		rc = mc_header_insert(&h, 0, MC_STR("Y"), MC_STR("z"), &err);
	assert_err(rc, err, MC_E_HDR_LONG);
	assert_int_equal(mc_header_remove_all(&h, "x"), MC_MAX_FIELDS);
	mc_header_clear(&h);
	assert_int_equal(h.size, 0);
}

static int
work(struct mc_header *h, struct mc_err *err)
{
	for (int i = 0; i < 10; i++)
		if (mc_header_append_raw(h, MC_STR("X: y\r\n z\r\n"), err) != 0)
			return -1;
	if (mc_header_insert(h, 3, MC_STR("Date"), MC_STR("d"), err) != 0 ||
	    mc_header_set_at(h, 4, MC_STR("To"), MC_STR("d"), err) != 0 ||
	    mc_header_set_raw_at(h, 5, MC_STR("Cc:d\r\n"), err) != 0)
		return -1;
	return 0;
}

static void
test_no_memory(void **state)
{
	struct mc_header h;
	unsigned long n = 1;

	(void)state;
	for (;; n++) {
		struct mc_err err = { .code = MC_OK };

		mc_header_init(&h);
		failmalloc(n, false);
		int rc = work(&h, &err);
		failmalloc(0, false);
		size_t size = 0;
		for (size_t i = 0; i < h.fields.n; i++)
			size += mc_header_at(&h, i)->raw.len;
		assert_int_equal(size, h.size);
		mc_header_clear(&h);
		if (rc == 0)
			break;
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_edit),
		cmocka_unit_test(test_injection),
		cmocka_unit_test(test_all_values),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
