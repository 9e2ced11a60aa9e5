/* SPDX-License-Identifier: MIT */
/*
 * test_mime_encode.c - the streams and the fields of MIME, each on its own
 */
#include "unit.h"

#include "base/mem.h"
#include "mime_side.h"

/* ------------------------------------------------------------------ streams */

/* code `in`, cut after every `piece` bytes */
static void
run(enum mc_mime_coder_kind kind, unsigned want, struct mc_str in,
    size_t piece, bool last, struct mc_buf *out)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_spool spool;
	struct mc_mime_out o = { .to = &spool, .err = &err };
	struct mc_mime_coder c;

	mc_spool_init(&spool, 1 << 20, NULL);
	o.block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	assert_non_null(o.block);
	mc_mime_coder_init(&c, kind, want, &o);
	for (size_t at = 0; at < in.len; at += piece)
		mc_mime_coder_add(&c, in.ptr + at, in.len - at < piece ?
		    in.len - at : piece);
	mc_mime_coder_end(&c, last);
	assert_int_equal(mc_mime_flush(&o), 0);
	assert_int_equal(err.code, MC_OK);
	side_read(&spool, out);
	mc_mem_free(o.block);
	mc_spool_clear(&spool);
}

#define A10 "aaaaaaaaaa"
#define A70 A10 A10 A10 A10 A10 A10 A10
#define B4 "YWFh"	/* base64 of aaa */
#define B72 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4 B4

static void
test_streams(void **state)
{
	static const struct {
		enum mc_mime_coder_kind kind;
		struct mc_str in;
		const char *out;	/* in front of a delimiter */
		const char *last;	/* at the end; NULL: the same */
	} rows[] = {
#define ROW(kind, in, ...) { kind, { in, sizeof(in) - 1 }, __VA_ARGS__ }
		ROW(MC_CODE_QP, "", "", NULL),
		ROW(MC_CODE_QP, "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n", NULL),
		ROW(MC_CODE_QP, "a", "a", "a=\r\n"),
		ROW(MC_CODE_QP, "a ", "a=20", "a =\r\n"),
		ROW(MC_CODE_QP, " \t\r\n", " =09\r\n", NULL),
		ROW(MC_CODE_QP, "a=b\x7f\x80\xff\x01\t~\r\n",
		    "a=3Db=7F=80=FF=01\t~\r\n", NULL),
		ROW(MC_CODE_QP, "a\rb\nc\r\r\n\0\r", "a=0Db=0Ac=0D\r\n=00=0D",
		    "a=0Db=0Ac=0D\r\n=00=0D=\r\n"),
		/* beginnings of lines */
		ROW(MC_CODE_QP, ".\r\n..\r\n", "=2E\r\n=2E.\r\n", NULL),
		ROW(MC_CODE_QP, "From \r\nFrom x\r\nFrom\r\nfrom x\r\n >From x",
		    "From=20\r\n=46rom x\r\nFrom\r\nfrom x\r\n >From x",
		    "From=20\r\n=46rom x\r\nFrom\r\nfrom x\r\n >From x=\r\n"),
		ROW(MC_CODE_QP, "-\r\n--\r\n---x\r\n- -\r\n",
		    "-\r\n=2D-\r\n=2D--x\r\n- -\r\n", NULL),
		/* lines of 75, 76, 77 and so on; escapes stay whole */
		ROW(MC_CODE_QP, A70 "bbbbb\r\n", A70 "bbbbb\r\n", NULL),
		ROW(MC_CODE_QP, A70 "bbbbbb\r\n", A70 "bbbbb=\r\nb\r\n", NULL),
		ROW(MC_CODE_QP, A70 "bb=\r\n", A70 "bb=3D\r\n", NULL),
		ROW(MC_CODE_QP, A70 "bbb=\r\n", A70 "bbb=\r\n=3D\r\n", NULL),
		ROW(MC_CODE_QP, A70 "bbbb \r\n", A70 "bbbb=\r\n=20\r\n", NULL),
		ROW(MC_CODE_QP, A70 "bbbbb.\r\n", A70 "bbbbb=\r\n=2E\r\n",
		    NULL),
		ROW(MC_CODE_QP, A70 "bbbbb--x", A70 "bbbbb=\r\n=2D-x",
		    A70 "bbbbb=\r\n=2D-x=\r\n"),
		ROW(MC_CODE_QP, A70 "bbbbbFrom x\r\n",
		    A70 "bbbbb=\r\n=46rom x\r\n", NULL),
		ROW(MC_CODE_QP,
		    "From " A10 A10 A10 A10 A10 A10 "cccccccccc\r\n",
		    "=46rom " A10 A10 A10 A10 A10 A10 "cccccccc=\r\ncc\r\n",
		    NULL),
		ROW(MC_CODE_QP, "--" A70 "bbbbbb\r\n",
		    "=2D-" A70 "b=\r\nbbbbb\r\n", NULL),
		ROW(MC_CODE_BASE64, "", "", NULL),
		ROW(MC_CODE_BASE64, "a", "YQ==", "YQ==\r\n"),
		ROW(MC_CODE_BASE64, "a\r\n\0", "YQ0KAA==", "YQ0KAA==\r\n"),
		ROW(MC_CODE_BASE64, A10 A10 A10 A10 A10 "aaaaaaa", B72 B4,
		    B72 B4 "\r\n"),
		ROW(MC_CODE_BASE64, A10 A10 A10 A10 A10 "aaaaaaaaa",
		    B72 B4 "\r\nYWE=", B72 B4 "\r\nYWE=\r\n"),
		ROW(MC_WRAP_BASE64, "", "", NULL),
		ROW(MC_WRAP_BASE64, "\r\n \r\n", "", NULL),
		ROW(MC_WRAP_BASE64, "YQ\r\n==\r\n\r\n", "YQ==", "YQ==\r\n"),
		ROW(MC_WRAP_BASE64, B72 B72 "\r\n", B72 B4 "\r\n"
		    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
		    "FhYWFhYWFh", B72 B4 "\r\n"
		    "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYW"
		    "FhYWFhYWFh\r\n"),
		ROW(MC_WRAP_QP, "a=3Db =\r\n c =20 \t\r\n", "a=3Db  c =20\r\n",
		    NULL),
		ROW(MC_WRAP_QP, "a=  \r\nb", "ab", "ab=\r\n"),
		ROW(MC_WRAP_QP, "a= b=4= =c3=G3==\r\n",
		    "a=3D b=3D4=3D =c3=3DG3=3D",
		    "a=3D b=3D4=3D =c3=3DG3=3D=\r\n"),
		ROW(MC_WRAP_QP, "a=", "a", "a=\r\n"),
		ROW(MC_WRAP_QP, "=", "", NULL),
		ROW(MC_WRAP_QP, "= ", "", NULL),
		ROW(MC_WRAP_QP, "=4", "=3D4", "=3D4=\r\n"),
		ROW(MC_WRAP_QP, "=4 \r\n", "=3D4\r\n", NULL),
		ROW(MC_WRAP_QP, "a \t", "a", "a=\r\n"),
		ROW(MC_WRAP_QP, "\xe9\0\r=\r", "=E9=00=0D=3D=0D",
		    "=E9=00=0D=3D=0D=\r\n"),
		ROW(MC_WRAP_QP, A70 "bbbb=E9\r\n", A70 "bbbb=\r\n=E9\r\n",
		    NULL),
		ROW(MC_CODE_FILLER, "", "", NULL),
		ROW(MC_CODE_FILLER, "a\xe9\0\r\n\r\r\n\n--b\r\n-\r\n-",
		    "a??\r\n?\r\n?--b\r\n \r\n ", NULL),
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		for (size_t piece = 1; piece < 100; piece++) {
			for (int last = 0; last < 2; last++) {
				const char *want = last == 0 ||
				    rows[i].last == NULL ? rows[i].out :
				    rows[i].last;
				struct mc_buf out;

				mc_buf_init(&out, SIZE_MAX / 2);
				run(rows[i].kind, 15, rows[i].in, piece,
				    last != 0, &out);
				if (out.len != strlen(want) ||
				    memcmp(out.ptr, want, out.len) != 0)
					fail_msg("row %zu, %zu:\n%s\nnot\n%s",
					    i, piece, out.ptr, want);
				mc_buf_clear(&out);
			}
		}
	}
}

/* only what has to go goes */
static void
test_filler(void **state)
{
	static const char text[] = "a\xe9\0\r\nb\rc\nd\r\n-e";
	static const struct {
		unsigned want;
		struct mc_str out;
	} rows[] = {
		{ 0, MC_STR("a\xe9\0\r\nb\rc\nd\r\n e") },
		{ MC_MIME_8BIT, MC_STR("a?\0\r\nb\rc\nd\r\n e") },
		{ MC_MIME_NUL, MC_STR("a\xe9?\r\nb\rc\nd\r\n e") },
		{ MC_MIME_CR, MC_STR("a\xe9\0\r\nb?c?d\r\n e") },
	};
	char big[3000];
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, SIZE_MAX / 2);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		mc_buf_reset(&out);
		run(MC_CODE_FILLER, rows[i].want, mc_str_make(text,
		    sizeof(text) - 1), 3, true, &out);
		assert_true(mc_str_eq(mc_buf_str(&out), rows[i].out));
	}
	/* lines of exactly the limit are none too long */
	memset(big, '-', sizeof(big));
	for (size_t n = 997; n < 1000; n++) {
		mc_buf_reset(&out);
		run(MC_CODE_FILLER, MC_MIME_LINES, mc_str_make(big, n), n, true,
		    &out);
		assert_int_equal(out.len, n < 999 ? n : n + 3);
		assert_int_equal(side_flags(mc_buf_str(&out)), 0);
		mc_buf_reset(&out);
		run(MC_CODE_FILLER, MC_MIME_8BIT, mc_str_make(big, n), n, true,
		    &out);
		assert_int_equal(out.len, n);
	}
	mc_buf_reset(&out);
	run(MC_CODE_FILLER, MC_MIME_LINES, mc_str_make(big, sizeof(big)), 7,
	    true, &out);
	assert_int_equal(out.len, sizeof(big) + 9);
	assert_int_equal(side_flags(mc_buf_str(&out)), 0);
	mc_buf_clear(&out);
}

/* any bytes there and back, lines of a proper length, nothing at their begin */
static void
check_round_trip(enum mc_mime_coder_kind kind, struct mc_str in, size_t piece,
    bool last)
{
	struct mc_buf out, back;
	struct mc_str line;
	size_t at = 0;

	mc_buf_init(&out, SIZE_MAX / 2);
	mc_buf_init(&back, SIZE_MAX / 2);
	run(kind, 0, in, piece, last, &out);
	while (side_line(mc_buf_str(&out), &at, &line)) {
		assert_true(line.len <= 76);
		assert_false(mc_str_starts_nocase(line, MC_STR("--")));
		assert_false(mc_str_starts_nocase(line, MC_STR("From ")));
		assert_false(mc_str_starts_nocase(line, MC_STR(".")));
		assert_true(line.len == 0 ||
		    !mc_is_blank(line.ptr[line.len - 1]));
	}
	assert_int_equal(side_flags(mc_buf_str(&out)), 0);
	assert_true(!last || out.len == 0 || out.ptr[out.len - 1] == '\n');
	if (kind == MC_CODE_QP)
		side_decode_qp(mc_buf_str(&out), &back);
	else
		side_decode_base64(mc_buf_str(&out), &back);
	assert_true(mc_str_eq(in, mc_buf_str(&back)));
	mc_buf_clear(&out);
	mc_buf_clear(&back);
}

static void
test_round_trips(void **state)
{
	static const char bytes[] = "\r\n \t=.-F\xe9" "a";
	static const char *const words[] = { "From ", "--", "\r\n", " ", ".",
		"=", "\xe9", "word", "\t\r\n", "=3D" };
	uint32_t seed = 1;
	char text[400];

	(void)state;
	for (int n = 0; n < 4000; n++) {
		size_t len = 0;

		while (len < 300) {
			seed = seed * 1103515245 + 12345;
			unsigned r = seed >> 16;
			if (n % 4 == 0) {
				text[len++] = (char)r;
			} else if (n % 4 == 1) {
				text[len++] = bytes[r % (sizeof(bytes) - 1)];
			} else {
				const char *word = words[r %
				    MC_NELEM(words)];

				memcpy(text + len, word, strlen(word));
				len += strlen(word);
			}
		}
		check_round_trip(n % 3 == 0 ? MC_CODE_BASE64 : MC_CODE_QP,
		    mc_str_make(text, len - (size_t)n % 100), 1 + n % 77,
		    n % 2 == 0);
	}
}

/* wrapped anew, quoted-printable of any kind says what it did */
static void
test_wrapped(void **state)
{
	static const char *const words[] = { "From ", "--", "\r\n", " ", ".",
		"=", "\xe9", "word", " \r\n", "=3D", "=C", "=c3", "\t", "=\r\n",
		"==", A70, "0", "\r", "\n" };
	uint32_t seed = 1;

	(void)state;
	for (int n = 0; n < 4000; n++) {
		struct mc_buf in, out, first, second;
		struct mc_str line;
		size_t at = 0;

		mc_buf_init(&in, SIZE_MAX / 2);
		mc_buf_init(&out, SIZE_MAX / 2);
		mc_buf_init(&first, SIZE_MAX / 2);
		mc_buf_init(&second, SIZE_MAX / 2);
		for (int i = 0; i < n % 60; i++) {
			seed = seed * 1103515245 + 12345;
			mc_buf_addz(&in, words[(seed >> 16) %
			    MC_NELEM(words)]);
		}
		run(MC_WRAP_QP, 0, mc_buf_str(&in), 1 + (size_t)n % 9,
		    n % 2 == 0, &out);
		side_decode_qp(mc_buf_str(&in), &first);
		side_decode_qp(mc_buf_str(&out), &second);
		if (!mc_str_eq(mc_buf_str(&first), mc_buf_str(&second)))
			fail_msg("%s\ncame out as\n%s", in.ptr, out.ptr);
		while (side_line(mc_buf_str(&out), &at, &line))
			assert_true(line.len <= 76);
		assert_int_equal(side_flags(mc_buf_str(&out)), 0);
		mc_buf_clear(&in);
		mc_buf_clear(&out);
		mc_buf_clear(&first);
		mc_buf_clear(&second);
	}
}

/* ------------------------------------------------------------------- fields */

static void
test_types(void **state)
{
	static const struct {
		const char *value;
		struct mc_mime_type type;
	} rows[] = {
#define LEAF .kind = MC_MIME_LEAF
#define MULTI .kind = MC_MIME_MULTIPART
		{ "text/plain", { LEAF, .is_text = true } },
		{ "TEXT/x;y", { LEAF, .is_text = true } },
		/* not understood: text (RFC 2045 5.2) */
		{ "", { LEAF, .is_text = true } },
		{ "text", { LEAF, .is_text = true } },
		{ "multipart", { LEAF, .is_text = true } },
		{ "multipart/", { LEAF, .is_text = true } },
		{ "/mixed", { LEAF, .is_text = true } },
		{ "(x", { LEAF, .is_text = true } },
		{ "application/octet-stream", { LEAF } },
		{ "textual/plain", { LEAF } },
		{ "multipart/mixed", { MULTI } },
		{ "(c)Multipart(d\\)) /(e(f)g)\r\n MIXED;a=b", { MULTI } },
		{ "multipart/signed2", { MULTI } },
		{ "multipart/signed", { MULTI, .why = MC_WHY_SIGNED } },
		{ "multipart/Encrypted", { MULTI, .why = MC_WHY_ENCRYPTED } },
		{ "multipart/digest", { MULTI, .is_digest = true } },
		{ "message/rfc822", { .kind = MC_MIME_MESSAGE } },
		{ "message/rfc822x", { LEAF, .why = MC_WHY_7BIT_TYPE } },
		{ "message/delivery-status",
		    { LEAF, .why = MC_WHY_7BIT_TYPE } },
		{ "message/global-headers", { LEAF } },
		{ "application/pkcs7-mime; x=y",
		    { LEAF, .why = MC_WHY_PKCS7 } },
		{ "application/x-pkcs7-mime", { LEAF, .why = MC_WHY_PKCS7 } },
		{ "application/pkcs7-signature", { LEAF } },
		{ "multipart/" A70 A70 A70, { MULTI } },
		{ A70 A70 A70 "/x", { LEAF } },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_mime_type t = mc_mime_type_parse(
		    mc_str_from(rows[i].value));

		if (t.kind != rows[i].type.kind || t.why != rows[i].type.why ||
		    t.is_text != rows[i].type.is_text ||
		    t.is_digest != rows[i].type.is_digest)
			fail_msg("%s", rows[i].value);
	}
}

static void
test_boundaries(void **state)
{
	static const struct {
		const char *value;
		const char *boundary;	/* NULL: none that is usable */
	} rows[] = {
		{ "multipart/x; boundary=abc", "abc" },
		{ "multipart/x;BOUNDARY=abc;d=e", "abc" },
		{ "multipart/x; a=\"; boundary=no\"; boundary = \"abc\"",
		    "abc" },
		{ "multipart/x; a=(; boundary=no) b; boundary=abc(c)", "abc" },
		{ "multipart/x; boundary=\"a\\\"b\\\\c\"", "a\"b\\c" },
		{ "multipart/x; boundary=\"a\r\n b\"", "a b" },
		{ "multipart/x; boundary=\"a b  \"", "a b" },
		{ "multipart/x; boundary=a=b/c:d?e", "a=b/c:d?e" },
		{ "multipart/x; boundary=abc junk; d=e", "abc" },
		{ "multipart/x junk \"; boundary=no\"; boundary=abc", "abc" },
		{ "multipart/x;; ; boundary; boundary=abc;", NULL },
		{ "multipart/x;; ; d; boundary=abc;", "abc" },
		{ "multipart/x; boundary*=us-ascii'en'a%20b%3", "a b%3" },
		{ "multipart/x; boundary*=abc", "abc" },
		{ "multipart/x; boundary*0=\"a%20\"; boundary*1*=%62c; "
		    "boundary*2=d", "a%20bcd" },
		{ "multipart/x; boundary*1=b; boundary*0=a", "ab" },
		{ "multipart/x; boundary*0*=x'y'a; boundary*1*=b'c'd",
		    "ab'c'd" },
		{ "multipart/x; boundary*1=b", NULL },
		{ "multipart/x; boundary*0=a; boundary*0=a", NULL },
		{ "multipart/x; boundary*0=a; boundary*2=a", NULL },
		{ "multipart/x; boundary=a; boundary*0=a", NULL },
		{ "multipart/x; boundary=a; boundary=a", NULL },
		{ "multipart/x; boundary*x=a", NULL },
		{ "multipart/x; boundaryx=a", NULL },
		{ "multipart/x", NULL },
		{ "", NULL },
		{ "multipart/x; boundary", NULL },
		{ "multipart/x; boundary=", NULL },
		{ "multipart/x; boundary=\"\"", NULL },
		{ "multipart/x; boundary=\"   \"", NULL },
		{ "multipart/x; boundary=\"abc", NULL },
		{ "multipart/x; boundary=\"abc\\", NULL },
		{ "multipart/x; boundary=\"a\tb\"", NULL },
		{ "multipart/x; boundary=\xe9", NULL },
		{ "multipart/x; boundary*=%80", NULL },
		{ "multipart/x; boundary*=''%00a", NULL },
		{ "multipart/x; (((boundary=abc", NULL },
		{ "multipart/x; (\\", NULL },
		{ "multipart/x; boundary=a\rb", "a" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf b;

		mc_buf_init(&b, 1000);
		mc_buf_addz(&b, "before ");
		int rc = mc_mime_boundary(mc_str_from(rows[i].value), &b,
		    &err);
		if (rc != (rows[i].boundary != NULL))
			fail_msg("%d of %s", rc, rows[i].value);
		assert_string_equal(b.ptr + 7, rc == 1 ? rows[i].boundary :
		    "");
		mc_buf_clear(&b);
		for (unsigned long n = 1; n < 9; n++) {
			mc_buf_init(&b, 1000);
			(void)failmalloc(n, n % 2 == 0);
			rc = mc_mime_boundary(mc_str_from(rows[i].value), &b,
			    &err);
			(void)failmalloc(0, false);
			if (rc == -1)
				assert_err(rc, err, MC_E_NOMEM);
			else
				assert_int_equal(rc, rows[i].boundary != NULL);
			mc_buf_clear(&b);
		}
	}
}

static void
test_encodings(void **state)
{
	static const struct {
		const char *value;
		enum mc_mime_cte cte;
	} rows[] = {
		{ "7bit", MC_CTE_7BIT }, { " 8BIT ", MC_CTE_8BIT },
		{ "(a) binary (b)", MC_CTE_BINARY },
		{ "Quoted-Printable", MC_CTE_QP }, { "base64", MC_CTE_BASE64 },
		{ "8bit; x", MC_CTE_8BIT }, { "base64;", MC_CTE_OTHER },
		{ "base64 x", MC_CTE_OTHER }, { "", MC_CTE_7BIT },
		{ "8-bit", MC_CTE_8BIT }, { "UTF-8", MC_CTE_8BIT },
		{ "utf-8;", MC_CTE_OTHER }, { "x-uuencode", MC_CTE_OTHER },
		{ "\"base64\"", MC_CTE_OTHER }, { "7bits", MC_CTE_OTHER },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_mime_fields f;

		mc_mime_fields_init(&f);
		assert_int_equal(f.cte, MC_CTE_NONE);
		assert_int_equal(mc_mime_fields_note(&f,
		    MC_STR("content-transfer-ENCODING"),
		    mc_str_from(rows[i].value), NULL), 0);
		if (f.cte != rows[i].cte)
			fail_msg("%s", rows[i].value);
		assert_true(f.has_cte && !f.twice && !f.has_type);
		assert_int_equal(mc_mime_fields_note(&f, MC_STR("other"),
		    MC_STR("base64"), NULL), 0);
		assert_true(f.cte == rows[i].cte && !f.twice);
		mc_mime_fields_clear(&f);
	}
	assert_null(mc_mime_cte_name(MC_CTE_NONE));
	assert_null(mc_mime_cte_name(MC_CTE_OTHER));
}

static void
test_fields(void **state)
{
	static const struct {
		const char *line;
		bool is_field;
	} rows[] = {
		{ "a:", true }, { "A-b!~: c", true }, { "a \t: b", true },
		{ ":", false }, { "", false }, { "a b: c", false },
		{ " a: b", false }, { "\xe9: b", false }, { "a\x01: b", false },
		{ "a", false }, { "a ", false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_int_equal(mc_mime_is_field(mc_str_from(rows[i].line)),
		    rows[i].is_field);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_filler),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_boundaries),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
