/* SPDX-License-Identifier: MIT */
/*
 * test_base_memory.c - allocation, buffers, vectors, secrets, random, clock
 */
#include "unit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/secret.h"
#include "base/vec.h"

static void
memory(void **state)
{
	unsigned char *p = mc_mem_zalloc(3, 5);

	(void)state;
	assert_non_null(p);
	for (size_t i = 0; i < 15; i++)
		assert_int_equal(p[i], 0);
	memset(p, 7, 15);
	p = mc_mem_realloc(p, 1000, 4);
	assert_non_null(p);
	assert_int_equal(p[14], 7);
	mc_mem_wipe(p, 15);
	assert_int_equal(p[0] | p[14], 0);
	/* too much is refused, and the old block stays */
	assert_null(mc_mem_realloc(p, SIZE_MAX / 2, 3));
	assert_null(mc_mem_zalloc(SIZE_MAX / 2, 3));
	assert_null(mc_mem_zalloc(3, SIZE_MAX / 2));
	p[3999] = 1;
	mc_mem_free(p);

	p = mc_mem_zalloc(0, 8);
	assert_non_null(p);
	mc_mem_free(p);
	p = mc_mem_realloc(NULL, 8, 0);
	assert_non_null(p);
	mc_mem_free(p);
	mc_mem_free(NULL);
	mc_mem_wipe(NULL, 0);
}

static void
copies(void **state)
{
	char *p = mc_mem_strndup("ab\0cd", 5);

	(void)state;
	assert_non_null(p);
	assert_memory_equal(p, "ab\0cd", 6);
	mc_mem_free(p);
	p = mc_mem_strndup(NULL, 0);
	assert_non_null(p);
	assert_string_equal(p, "");
	mc_mem_free(p);
	p = mc_mem_strdup("text");
	assert_non_null(p);
	assert_string_equal(p, "text");
	mc_mem_free(p);
	assert_null(mc_mem_strndup("", SIZE_MAX));
}

static void
buf_appends(void **state)
{
	struct mc_buf b;

	(void)state;
	mc_buf_init(&b, 1000);
	assert_string_equal(b.ptr, "");
	mc_buf_add(&b, NULL, 0);
	mc_buf_add_str(&b, MC_STR_NONE);
	mc_buf_addz(&b, "");
	assert_int_equal(b.cap, 0);
	mc_buf_add(&b, "a\0b", 3);
	mc_buf_addz(&b, "cd");
	mc_buf_addc(&b, 'e');
	mc_buf_addf(&b, "%d-%s", 42, "x");
	mc_buf_addf(&b, "%s", "");
	mc_buf_add_str(&b, MC_STR("fg"));
	assert_int_equal(b.len, 12);
	assert_memory_equal(b.ptr, "a\0bcde42-xfg", 13);
	for (int i = 0; i < 100; i++)
		mc_buf_addf(&b, "%03d", i);
	assert_int_equal(b.len, 312);
	assert_string_equal(b.ptr + 306, "098099");
	mc_buf_reset(&b);
	assert_string_equal(b.ptr, "");
	assert_int_not_equal(b.cap, 0);
	mc_buf_clear(&b);
	assert_int_equal(b.cap, 0);
	assert_int_equal(b.max, 1000);
	mc_buf_clear(&b);
}

/* exactly max fits; one more does nothing, and so does all that follows */
static void
buf_maximum(void **state)
{
	(void)state;
	for (size_t max = 0; max < 200; max++) {
		struct mc_buf b;
		struct mc_err err = { 0 };

		mc_buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			mc_buf_addc(&b, 'x');
		assert_int_equal(mc_buf_err(&b, "line", &err), 0);
		assert_int_equal(b.len, max);
		assert_true(b.cap <= max + 1);
		assert_int_equal(b.ptr[max], '\0');
		mc_buf_addc(&b, 'y');
		mc_buf_add(&b, NULL, 0);
		mc_buf_addf(&b, "%s", "");
		assert_int_equal(b.len, max);
		assert_err(mc_buf_err(&b, "line", &err), err, MC_E_TOO_LONG);
		assert_non_null(strstr(err.text, "line is too long"));
		assert_null(mc_buf_take(&b));
		assert_null(mc_buf_reserve(&b, 0));
		mc_buf_consume(&b, 1);
		mc_buf_addc(&b, 'z');
		assert_int_equal(b.len, max == 0 ? 0 : max - 1);
		mc_buf_reset(&b);
		assert_int_equal(mc_buf_err(&b, "line", NULL), 0);
		mc_buf_clear(&b);
	}
}

static void
buf_huge(void **state)
{
	struct mc_buf b;

	(void)state;
	mc_buf_init(&b, SIZE_MAX);
	mc_buf_addz(&b, "abc");
	assert_null(mc_buf_reserve(&b, SIZE_MAX));
	assert_int_equal(b.err, MC_E_TOO_LONG);
	mc_buf_reset(&b);
	/* within the maximum, but there is no such memory */
	mc_buf_addz(&b, "abc");
	(void)failmalloc(1, false);
	assert_null(mc_buf_reserve(&b, SIZE_MAX / 4 - 3));
	(void)failmalloc(0, false);
	assert_int_equal(b.err, MC_E_NOMEM);
	assert_string_equal(b.ptr, "abc");
	mc_buf_clear(&b);
}

static void
buf_reserve_commit(void **state)
{
	struct mc_buf b;
	char *p;

	(void)state;
	mc_buf_init(&b, 100);
	mc_buf_commit(&b, 0);
	assert_int_equal(b.err, 0);
	p = mc_buf_reserve(&b, 100);
	assert_non_null(p);
	memset(p, 'x', 100);
	mc_buf_commit(&b, 60);
	assert_int_equal(b.len, 60);
	assert_int_equal(b.ptr[60], '\0');
	mc_buf_commit(&b, 41);
	assert_int_equal(b.len, 60);
	assert_int_equal(b.err, MC_E_TOO_LONG);
	mc_buf_clear(&b);
	mc_buf_commit(&b, 1);
	assert_int_equal(b.err, MC_E_TOO_LONG);
	mc_buf_clear(&b);
}

static void
buf_consume_splice(void **state)
{
	static const struct {
		size_t off, len;
		const char *with, *want;
	} rows[] = {
		{ 0, 0, "", "abcdef" },
		{ 0, 0, "X", "Xabcdef" },
		{ 6, 0, "X", "abcdefX" },
		{ 0, 6, "", "" },
		{ 2, 2, "XY", "abXYef" },
		{ 2, 2, "", "abef" },
		{ 2, 1, "WXYZ", "abWXYZdef" },
		{ 5, 1, "Z", "abcdeZ" },
		{ 7, 0, "X", NULL },
		{ 3, 4, "X", NULL },
		{ SIZE_MAX, 2, "X", NULL },
		{ 2, SIZE_MAX, "X", NULL },
		{ 3, 3, "0123456789", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf b;

		mc_buf_init(&b, 10);
		mc_buf_addz(&b, "abcdef");
		mc_buf_splice(&b, rows[i].off, rows[i].len,
		    mc_str_from(rows[i].with));
		if (rows[i].want == NULL) {
			assert_int_equal(b.err, MC_E_TOO_LONG);
			assert_string_equal(b.ptr, "abcdef");
		} else {
			assert_int_equal(b.err, 0);
			assert_string_equal(b.ptr, rows[i].want);
			assert_int_equal(b.len, strlen(rows[i].want));
		}
		mc_buf_clear(&b);
	}

	struct mc_buf b;

	mc_buf_init(&b, 10);
	mc_buf_consume(&b, 3);
	mc_buf_splice(&b, 0, 0, MC_STR_NONE);
	mc_buf_addz(&b, "abcdef");
	mc_buf_consume(&b, 0);
	mc_buf_consume(&b, 2);
	assert_string_equal(b.ptr, "cdef");
	mc_buf_consume(&b, SIZE_MAX);
	assert_string_equal(b.ptr, "");
	assert_int_equal(b.len, 0);
	mc_buf_clear(&b);
}

static void
buf_take(void **state)
{
	struct mc_buf b;
	char *p;

	(void)state;
	mc_buf_init(&b, 10);
	p = mc_buf_take(&b);
	assert_non_null(p);
	assert_string_equal(p, "");
	mc_mem_free(p);
	mc_buf_addz(&b, "abc");
	p = mc_buf_take(&b);
	assert_non_null(p);
	assert_string_equal(p, "abc");
	mc_mem_free(p);
	assert_int_equal(b.len + b.cap, 0);
	mc_buf_addz(&b, "again");
	assert_string_equal(b.ptr, "again");
	mc_buf_clear(&b);
}

static void
buf_printable(void **state)
{
	struct mc_buf b;

	(void)state;
	mc_buf_init(&b, 20);
	mc_buf_addz(&b, "> ");
	mc_buf_add_printable(&b, MC_STR("a\x1b\r\nb\xc3\xbc!"), 6);
	assert_string_equal(b.ptr, "> a? b\xc3\xbc");
	mc_buf_add_printable(&b, MC_STR("xyz"), 0);
	mc_buf_add_printable(&b, MC_STR_NONE, 9);
	mc_buf_add_printable(&b, MC_STR("\0"), 9);
	assert_string_equal(b.ptr, "> a? b\xc3\xbc?");
	assert_int_equal(b.err, 0);
	mc_buf_add_printable(&b, MC_STR("0123456789abc"), 99);
	assert_int_equal(b.err, MC_E_TOO_LONG);
	mc_buf_clear(&b);
}

/* the allocator never moves the bytes of a secret buffer */
static void
buf_secret(void **state)
{
	struct mc_buf b;

	(void)state;
	mc_buf_init_secret(&b, 5000);
	mc_buf_addz(&b, "hunter2");
	for (int i = 0; i < 1000; i++) {
		size_t cap = b.cap;
		uintptr_t was = (uintptr_t)b.ptr;

		mc_buf_addc(&b, 's');
		/* a new block each time: the old one was there to be wiped */
		if (b.cap != cap)
			assert_true((uintptr_t)b.ptr != was);
	}
	assert_int_equal(b.len, 1007);
	assert_memory_equal(b.ptr, "hunter2s", 8);
	mc_buf_reset(&b);
	for (size_t i = 0; i < b.cap; i++)
		assert_int_equal(b.ptr[i], 0);
	mc_buf_clear(&b);
	assert_true(b.secret);
	mc_buf_clear(&b);
}

static int
fill_buffer(bool secret, struct mc_err *err)
{
	struct mc_buf b;
	int rc;

	if (secret)
		mc_buf_init_secret(&b, 4000);
	else
		mc_buf_init(&b, 4000);
	for (int i = 0; i < 100; i++) {
		mc_buf_addf(&b, "%d,", i);
		mc_buf_addz(&b, "abcdefgh");
		mc_buf_splice(&b, 0, 1, MC_STR("01"));
		mc_buf_add_printable(&b, MC_STR("\x1b"), 9);
	}
	rc = mc_buf_err(&b, "list", err);
	if (rc == 0)
		assert_int_equal(b.len, 290 + 800 + 100 + 100);

	char *p = mc_buf_take(&b);

	assert_true((p == NULL) == (rc != 0));
	mc_mem_free(p);
	mc_buf_clear(&b);
	return rc;
}

static void
buf_no_memory(void **state)
{
	(void)state;
	for (int secret = 0; secret < 2; secret++) {
		int rc = -1;

		for (unsigned long n = 1; rc != 0; n++) {
			struct mc_err err = { 0 };

			assert_true(n < 20);
			(void)failmalloc(n, n % 2 == 0);
			rc = fill_buffer(secret, &err);
			if (failmalloc(0, false) >= n)
				assert_err(rc, err, MC_E_NOMEM);
			else
				assert_int_equal(rc, 0);
		}
	}

	struct mc_buf b;

	mc_buf_init(&b, 10);
	(void)failmalloc(1, false);
	assert_null(mc_buf_take(&b));
	(void)failmalloc(0, false);
	assert_int_equal(b.err, MC_E_NOMEM);
	mc_buf_clear(&b);
}

struct item {
	size_t number;
	void *pointer;
};

static void
vectors(void **state)
{
	struct mc_vec v;

	(void)state;
	mc_vec_init(&v, sizeof(struct item), 100);
	assert_null(mc_vec_at(&v, 0));
	for (size_t i = 0; i < 100; i++) {
		struct item *it = mc_vec_add(&v);

		assert_non_null(it);
		assert_int_equal(it->number, 0);
		assert_null(it->pointer);
		it->number = i;
		it->pointer = it;
	}
	assert_null(mc_vec_add(&v));
	assert_int_equal(v.n, 100);
	assert_null(mc_vec_at(&v, 100));
	assert_null(mc_vec_at(&v, SIZE_MAX));
	mc_vec_remove(&v, 100);
	mc_vec_remove(&v, 99);
	mc_vec_remove(&v, 0);
	mc_vec_remove(&v, 49);
	assert_int_equal(v.n, 97);
	for (size_t i = 0; i < v.n; i++) {
		const struct item *it = mc_vec_at(&v, i);

		assert_int_equal(it->number, i < 49 ? i + 1 : i + 2);
	}

	/* a place that was used before is zero again */
	struct item *it = mc_vec_add(&v);

	assert_int_equal(it->number, 0);
	assert_null(it->pointer);
	mc_vec_clear(&v);
	assert_int_equal(v.n, 0);
	assert_int_equal(v.max, 100);
	mc_vec_clear(&v);
}

static void
vectors_limits(void **state)
{
	struct mc_vec v;

	(void)state;
	mc_vec_init(&v, 4, 0);
	assert_null(mc_vec_add(&v));
	for (size_t max = 1; max < 40; max++) {
		size_t n = 0;

		mc_vec_init(&v, 4, max);
		while (mc_vec_add(&v) != NULL)
			n++;
		assert_int_equal(n, max);
		assert_int_equal(v.cap, max);
		mc_vec_clear(&v);
	}
	mc_vec_init(&v, SIZE_MAX / 4, SIZE_MAX);
	assert_null(mc_vec_add(&v));
	assert_int_equal(v.n, 0);
	mc_vec_init(&v, 4, SIZE_MAX);
	for (int i = 0; i < 20; i++)
		assert_non_null(mc_vec_add(&v));
	/* no memory: what was there stays */
	(void)failmalloc(1, true);
	while (v.n < v.cap)
		assert_non_null(mc_vec_add(&v));

	size_t n = v.n;

	assert_null(mc_vec_add(&v));
	assert_int_equal(failmalloc(0, false), 1);
	assert_int_equal(v.n, n);
	assert_non_null(mc_vec_add(&v));
	mc_vec_clear(&v);
}

static void
secrets(void **state)
{
	char *big = mc_mem_zalloc(20000, 1);

	(void)state;
	assert_non_null(big);
	memset(big, 'p', 20000);
	for (size_t len = 0; len <= 20000; len += 4999) {
		struct mc_err err = { 0 };
		struct mc_secret *s = mc_secret_new(big, len, &err);

		assert_non_null(s);
		assert_int_equal(mc_secret_peek(s).len, len);
		assert_memory_equal(mc_secret_peek(s).ptr, big, len);
		assert_int_equal(mc_secret_peek(s).ptr[len], '\0');
		mc_secret_free(s);
	}

	struct mc_err err = { 0 };
	struct mc_secret *s = mc_secret_new(NULL, 0, &err);

	assert_non_null(s);
	assert_str(mc_secret_peek(s), "");
	mc_secret_free(s);
	mc_secret_free(NULL);
	assert_null(mc_secret_new(big, SIZE_MAX, &err));
	assert_err(-1, err, MC_E_NOMEM);
	mc_err_reset(&err);
	assert_null(mc_secret_new(big, SIZE_MAX / 2, &err));
	assert_err(-1, err, MC_E_NOMEM);
	mc_mem_free(big);
}

#ifdef __linux__
/* what the kernel says of the pages: "dd" is "not in a dump" */
static void
secrets_out_of_dumps(void **state)
{
	struct mc_secret *s = mc_secret_new("hunter2", 7, NULL);
	unsigned long at = (unsigned long)mc_secret_peek(s).ptr;
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[4096];
	bool inside = false, found = false;

	(void)state;
	if (f == NULL)
		skip();
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long from, to;

		/* the kernel's own text */
		/* NOLINTNEXTLINE(cert-err34-c) */
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = from <= at && at < to;
		else if (inside && strncmp(line, "VmFlags:", 8) == 0) {
			found = true;
			assert_non_null(strstr(line, " dd"));
		}
	}
	(void)fclose(f);
	mc_secret_free(s);
	if (!found)
		skip();
}
#endif

static void
secrets_equal(void **state)
{
	(void)state;
	assert_true(mc_secret_eq(MC_STR("abc"), MC_STR("abc")));
	assert_true(mc_secret_eq(MC_STR_NONE, MC_STR("")));
	assert_true(mc_secret_eq(MC_STR("a\0b"), MC_STR("a\0b")));
	assert_false(mc_secret_eq(MC_STR("a\0b"), MC_STR("a\0c")));
	assert_false(mc_secret_eq(MC_STR("abc"), MC_STR("abcd")));
	assert_false(mc_secret_eq(MC_STR("xbc"), MC_STR("abc")));
	assert_false(mc_secret_eq(MC_STR("abc"), MC_STR("ab\xe3")));
}

static void
randomness(void **state)
{
	unsigned char a[256], b[256], ones[256] = { 0 };
	struct mc_err err = { 0 };

	(void)state;
	assert_int_equal(mc_rand_bytes(a, 0, &err), 0);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(mc_rand_bytes(a, sizeof(a), &err), 0);
		assert_int_equal(mc_rand_bytes(b, sizeof(b), &err), 0);
		assert_memory_not_equal(a, b, sizeof(a));
		for (size_t k = 0; k < sizeof(a); k++)
			ones[k] |= a[k] | b[k];
	}
	/* no byte was left out: 16 random bytes are never all zero */
	for (size_t k = 0; k < sizeof(ones); k++)
		assert_int_not_equal(ones[k], 0);
	assert_err(mc_rand_bytes(a, 257, &err), err, MC_E_INTERNAL);
}

static void
identifiers(void **state)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	char id[MC_ID_LEN + 1], other[MC_ID_LEN + 1];
	unsigned seen[MC_ID_LEN] = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(mc_rand_id(id, NULL), 0);
		assert_int_equal(strlen(id), MC_ID_LEN);
		for (size_t k = 0; k < MC_ID_LEN; k++) {
			const char *at = strchr(digits, id[k]);

			assert_non_null(at);
			seen[k] |= 1u << (at - digits);
		}
	}
	/* 25 digits take every value, the last one has 3 bits of its 5 */
	for (size_t k = 0; k < MC_ID_LEN - 1; k++)
		assert_int_equal(seen[k], UINT32_MAX);
	assert_int_equal(seen[MC_ID_LEN - 1], 0x11111111);
	assert_int_equal(mc_rand_id(other, NULL), 0);
	assert_string_not_equal(id, other);

	unsigned char bytes[MC_ID_BYTES];

	memset(bytes, 0xff, sizeof(bytes));
	mc_rand_id_of(bytes, id);
	assert_string_equal(id, "77777777777777777777777774");
	for (size_t k = 0; k < sizeof(bytes); k++)
		bytes[k] = (unsigned char)k;
	mc_rand_id_of(bytes, id);
	assert_string_equal(id, "aaaqeayeaudaocajbifqydiob4");
}

static void
clocks(void **state)
{
	int64_t a = mc_clock_ms(), b;

	(void)state;
	assert_true(a >= 0);
	(void)usleep(20000);
	b = mc_clock_ms();
	assert_true(b - a >= 19 && b - a < 10000);
	assert_int_equal(mc_clock_after(MC_NEVER), MC_NEVER);
	assert_int_equal(mc_clock_after(MC_NEVER - 1), MC_NEVER);
	a = mc_clock_after(5000) - mc_clock_ms();
	assert_true(a > 4000 && a <= 5000);
	assert_true(mc_clock_after(-5) <= mc_clock_ms());
	assert_true(mc_clock_after(INT64_MIN) >= b);
	assert_int_equal(mc_clock_sooner(1, 2), 1);
	assert_int_equal(mc_clock_sooner(MC_NEVER, 2), 2);
	assert_int_equal(mc_clock_left(MC_NEVER), -1);
	assert_int_equal(mc_clock_left(0), 0);
	assert_int_equal(mc_clock_left(INT64_MIN), 0);
	assert_int_equal(mc_clock_left(MC_NEVER - 1), INT_MAX);
	a = mc_clock_left(mc_clock_after(5000));
	assert_true(a > 4000 && a <= 5000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory),
		cmocka_unit_test(copies),
		cmocka_unit_test(buf_appends),
		cmocka_unit_test(buf_maximum),
		cmocka_unit_test(buf_huge),
		cmocka_unit_test(buf_reserve_commit),
		cmocka_unit_test(buf_consume_splice),
		cmocka_unit_test(buf_take),
		cmocka_unit_test(buf_printable),
		cmocka_unit_test(buf_secret),
		cmocka_unit_test(buf_no_memory),
		cmocka_unit_test(vectors),
		cmocka_unit_test(vectors_limits),
		cmocka_unit_test(secrets),
#ifdef __linux__
		cmocka_unit_test(secrets_out_of_dumps),
#endif
		cmocka_unit_test(secrets_equal),
		cmocka_unit_test(randomness),
		cmocka_unit_test(identifiers),
		cmocka_unit_test(clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
