/* SPDX-License-Identifier: MIT */
/*
 * test_compose.c - messages made of addresses, texts and files
 */
#include "unit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"
#include "mail/compose.h"

#include <fcntl.h>

/* random numbers: as many of ours as there are, then real ones */
static struct {
	const char *ids[32];
	size_t n;
	size_t used;
	bool broken;
} dice;

int __real_mc_rand_id(char ret_id[MC_ID_LEN + 1], struct mc_err *err);
int __wrap_mc_rand_id(char ret_id[MC_ID_LEN + 1], struct mc_err *err);

int
__wrap_mc_rand_id(char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	if (dice.broken)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "no dice");
	if (dice.used == dice.n)
		return __real_mc_rand_id(ret_id, err);
	memcpy(ret_id, dice.ids[dice.used++], MC_ID_LEN + 1);
	return 0;
}

#define ID1 "abcdefghijklmnopqrstuvwxyz"
#define ID2 "zyxwvutsrqponmlkjihgfedcba"

static int
reset_dice(void **state)
{
	(void)state;
	memset(&dice, 0, sizeof(dice));
	return 0;
}

/* ------------------------------------------------------------------- fields */

static void
test_addresses(void **state)
{
	static const struct {
		const char *lists[4];
		const char *out;
		size_t n;
	} rows[] = {
		{ { NULL }, "", 0 },
		{ { "", " ", NULL }, "", 0 },
		{ { "a@b.example", NULL }, "To: a@b.example\r\n", 1 },
		{ { "a@b.example, c@d.example", "root", NULL },
		    "To: a@b.example, c@d.example, root\r\n", 3 },
		{ { "a@b.example c@d.example", NULL },
		    "To: a@b.example, c@d.example\r\n", 2 },
		{ { "Ann Lee <a@b.example>", "\"Lee, Bo\" <c@d.example>",
		    NULL }, "To: Ann Lee <a@b.example>, \"Lee, Bo\" "
		    "<c@d.example>\r\n", 2 },
		{ { "J\xc3\xb6rg <a@b.example>", NULL },
		    "To: =?UTF-8?B?SsO2cmc=?= <a@b.example>\r\n", 1 },
		{ { "a@b.example (Ann)", NULL }, "To: Ann <a@b.example>\r\n",
		    1 },
		{ { "a@b\xc3\xbc.example", NULL },
		    "To: a@xn--b-eha.example\r\n", 1 },
		{ { "G: a@b.example, c@d.example;", NULL },
		    "To: a@b.example, c@d.example\r\n", 2 },
		{ { "Nobody:;", NULL }, "To: undisclosed-recipients:;\r\n",
		    0 },
		{ { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.example",
		    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@example.example", NULL },
		    "To: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.example,\r\n"
		    " bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb@example.example\r\n", 2 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		size_t n = 99;

		mc_buf_init(&out, 10000);
		assert_int_equal(mc_compose_addresses("To", rows[i].lists, &out,
		    &n, &err), 0);
		assert_string_equal(out.ptr, rows[i].out);
		assert_int_equal(n, rows[i].n);
		mc_buf_clear(&out);
	}
}

static void
test_bad_addresses(void **state)
{
	static const char *const rows[] = {
		"a@b@c", "a b <", "<>", "a@b.example\r\nX: y", "a@b.example\n",
		"\"x\ny\" <a@b.example>", "a@-b.example", "a\x01@b.example",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const char *const lists[] = { rows[i], NULL };
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		size_t n;

		mc_buf_init(&out, 10000);
		assert_err(mc_compose_addresses("Cc", lists, &out, &n, &err),
		    err, MC_E_ADDR_SYNTAX);
		assert_int_equal(strncmp(err.text, "Cc: ", 4), 0);
		mc_buf_clear(&out);
	}
}

#define W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"
#define W350 W50 W50 W50 W50 W50 W50 W50

static void
test_fields(void **state)
{
	static const struct {
		const char *text;
		const char *out;
	} rows[] = {
		{ "", "Subject:\r\n" },
		{ " \t", "Subject:\r\n" },
		{ "a  b\tc ", "Subject: a  b c\r\n" },
		{ "Gr\xc3\xbc\xc3\x9f" "e", "Subject: =?UTF-8?B?R3LDvMOfZQ==?=\r\n" },
		{ "my Gr\xc3\xbc\xc3\x9f" "e, friend",
		    "Subject: my =?UTF-8?B?R3LDvMOfZSw=?= friend\r\n" },
		/* text, not a word that is encoded */
		{ "=?UTF-8?B?eA==?=",
		    "Subject: =?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=\r\n" },
		{ W50 " " W50, "Subject: " W50 "\r\n " W50 "\r\n" },
		{ W50 "   " W50 " x", "Subject: " W50 "\r\n   " W50 " x\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;

		mc_buf_init(&out, 10000);
		assert_int_equal(mc_compose_field(MC_STR("Subject"),
		    mc_str_from(rows[i].text), &out, &err), 0);
		assert_string_equal(out.ptr, rows[i].out);
		mc_buf_clear(&out);
	}
}

/* no line over 76 bytes, whatever the text is */
static void
test_long_fields(void **state)
{
	static const char *const rows[] = {
		W350, W350 W350 W350, "\xc3\xa9" W350,
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		size_t line = 0;

		mc_buf_init(&out, 10000);
		assert_int_equal(mc_compose_field(MC_STR("Subject"),
		    mc_str_from(rows[i]), &out, &err), 0);
		for (size_t k = 0; k < out.len; k++) {
			line = out.ptr[k] == '\n' ? 0 : line + 1;
			assert_true(line <= 77);
			assert_true((unsigned char)out.ptr[k] < 0x80);
		}
		mc_buf_clear(&out);
	}
}

static void
test_bad_fields(void **state)
{
	static const char *const rows[] = {
		"a\nBcc: x@y.example", "a\r\nBcc: x@y.example", "a\rb", "a\n",
		"a\r\n b", "a\x7f", "a\x1b[2J", "a\xc2\x85", "a\xff",
		"\xc0\xaf",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;

		mc_buf_init(&out, 10000);
		assert_err(mc_compose_field(MC_STR("Subject"),
		    mc_str_from(rows[i]), &out, &err), err, MC_E_HDR_SYNTAX);
		assert_int_equal(out.len, 0);
		mc_buf_clear(&out);
	}
}

static void
test_extra(void **state)
{
	static const struct {
		const char *line;
		enum mc_code code;
		const char *out;
	} rows[] = {
		{ "X-Job: 7", MC_OK, "X-Job: 7\r\n" },
		{ "X-Job:7:8", MC_OK, "X-Job: 7:8\r\n" },
		{ "X-Job:", MC_OK, "X-Job:\r\n" },
		{ "Message-ID: <a@b.example>", MC_OK,
		    "Message-ID: <a@b.example>\r\n" },
		{ "References: <a@b.example>", MC_OK,
		    "References: <a@b.example>\r\n" },
		{ "X-\xc3\xa9: 7", MC_E_HDR_SYNTAX, NULL },
		{ "X Job: 7", MC_E_HDR_SYNTAX, NULL },
		{ "X-Job : 7", MC_E_HDR_SYNTAX, NULL },
		{ ": 7", MC_E_HDR_SYNTAX, NULL },
		{ "X-Job", MC_E_HDR_SYNTAX, NULL },
		{ "", MC_E_HDR_SYNTAX, NULL },
		{ "X-Job\nX: 7", MC_E_HDR_SYNTAX, NULL },
		{ "X-Job: 7\nX: 8", MC_E_HDR_SYNTAX, NULL },
		{ "X-Job: 7\r\n\r\nx", MC_E_HDR_SYNTAX, NULL },
		{ "bcc: a@b.example", MC_E_USAGE, NULL },
		{ "TO: a@b.example", MC_E_USAGE, NULL },
		{ "Subject: x", MC_E_USAGE, NULL },
		{ "Resent-To: a@b.example", MC_E_USAGE, NULL },
		{ "content-type: text/html", MC_E_USAGE, NULL },
		{ "Content-Transfer-Encoding: x", MC_E_USAGE, NULL },
		{ "MIME-Version: 2.0", MC_E_USAGE, NULL },
		{ "Return-Path: <>", MC_E_USAGE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		mc_buf_init(&out, 10000);
		rc = mc_compose_extra(rows[i].line, &out, &err);
		if (rows[i].code == MC_OK) {
			assert_int_equal(rc, 0);
			assert_string_equal(out.ptr, rows[i].out);
		} else {
			assert_err(rc, err, rows[i].code);
			assert_int_equal(out.len, 0);
		}
		mc_buf_clear(&out);
	}
}

/* -------------------------------------------------------------------- files */

static void
test_names(void **state)
{
	static const char *const bad[] = {
		"", "/", "/tmp/", "a\nb", "a/b\rc", "\x1b[2J", "a\x7f",
		"a\xff.txt", "a\xc2\x9b.txt",
	};
	struct mc_err err = { .code = MC_OK };
	struct mc_str name;

	(void)state;
	assert_int_equal(mc_compose_file_name("a.txt", &name, &err), 0);
	assert_str(name, "a.txt");
	assert_int_equal(mc_compose_file_name("../x\n/b c", &name, &err), 0);
	assert_str(name, "b c");
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		mc_err_reset(&err);
		assert_err(mc_compose_file_name(bad[i], &name, &err), err,
		    MC_E_BAD_VALUE);
	}
}

static void
test_types(void **state)
{
	static const struct {
		const char *name;
		const char *type;
	} names[] = {
		{ "a.txt", "text/plain" }, { "a.b.PDF", "application/pdf" },
		{ "a.tar.gz", "application/gzip" }, { "a.JpEg", "image/jpeg" },
		{ "a", "application/octet-stream" },
		{ ".txt", "application/octet-stream" },
		{ "a.", "application/octet-stream" },
		{ "a.eml", "application/octet-stream" },
		{ "", "application/octet-stream" },
	};
	static const char *const good[] = {
		"text/plain", "text/plain; charset=x", "application/x-a.b+c",
		"text/csv;header=present ; charset=utf-8",
	};
	static const char *const bad[] = {
		"", "text", "text/", "/plain", "text/plain\r\nX: y", "a/b/c",
		"text /plain", "text/plain;", "text/plain; x", "text/plain; x=",
		"text/plain; name=a", "text/plain x=y", "text/\xc3\xa9",
		"multipart/mixed", "Message/rfc822", "text/plain; x=\"y\"",
	};
	struct mc_err err = { .code = MC_OK };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(names); i++)
		assert_string_equal(mc_compose_type_of(
		    mc_str_from(names[i].name)), names[i].type);
	for (size_t i = 0; i < MC_NELEM(good); i++)
		assert_int_equal(mc_compose_type_check(good[i], &err), 0);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		mc_err_reset(&err);
		assert_err(mc_compose_type_check(bad[i], &err), err,
		    MC_E_BAD_VALUE);
	}
	mc_err_reset(&err);
	assert_int_equal(mc_compose_charset_check("ISO-8859-15", &err), 0);
	assert_err(mc_compose_charset_check("a b", &err), err, MC_E_BAD_VALUE);
	mc_err_reset(&err);
	assert_err(mc_compose_charset_check("", &err), err, MC_E_BAD_VALUE);
	mc_err_reset(&err);
	assert_err(mc_compose_charset_check("x\r\ny", &err), err,
	    MC_E_BAD_VALUE);
}

static void
test_file_header(void **state)
{
	static const struct {
		const char *name;
		const char *fallback;
		const char *filename;
	} rows[] = {
		{ "a b.txt", "a b.txt", "filename=\"a b.txt\"" },
		{ "a\"b\\c", "a_b_c", "filename*=UTF-8''a%22b%5Cc" },
		{ "\xc3\xbc" "ber.txt", "_ber.txt",
		    "filename*=UTF-8''%C3%BCber.txt" },
		{ "\xe2\x82\xac'*%", "_'*%",
		    "filename*=UTF-8''%E2%82%AC%27%2A%25" },
		{ "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac.txt",
		    "_______.txt",
		    "filename*0*=UTF-8''%E2%82%AC%E2%82%AC%E2%82%AC%E2%82%AC"
		    "%E2%82%AC%E2%82%AC;\r\n"
		    " filename*1*=%E2%82%AC.txt" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf out;
		char want[1000];

		mc_buf_init(&out, 10000);
		mc_compose_file_header(mc_str_from(rows[i].name), "text/x",
		    i == 0 ? "UTF-8" : NULL, &out);
		snprintf(want, sizeof(want), "Content-Type: text/x%s;\r\n"
		    " name=\"%s\"\r\nContent-Transfer-Encoding: base64\r\n"
		    "Content-Disposition: attachment;\r\n %s\r\n\r\n",
		    i == 0 ? "; charset=UTF-8" : "", rows[i].fallback,
		    rows[i].filename);
		assert_string_equal(out.ptr, want);
		mc_buf_clear(&out);
	}
}

/* -------------------------------------------------------------- the message */

static int
into_buf(void *ctx, const void *p, size_t n, struct mc_err *err)
{
	mc_buf_add(ctx, p, n);
	return mc_buf_err(ctx, "test", err);
}

/* NULL if there is no memory for it */
static struct mc_compose_text *
make_text(struct mc_str in, size_t piece, struct mc_err *err)
{
	struct mc_compose_text *t = mc_compose_text_new(NULL, err);

	for (size_t at = 0; t != NULL && at < in.len; at += piece) {
		size_t n = in.len - at < piece ? in.len - at : piece;

		if (mc_compose_text_add(t, in.ptr + at, n, err) == 0)
			continue;
		mc_compose_text_free(t);
		return NULL;
	}
	return t;
}

/* one text alone */
static void
write_text(struct mc_str in, size_t piece, struct mc_buf *out)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_compose c = { .charset = NULL };
	struct mc_compose_text *t = make_text(in, piece, &err);

	assert_non_null(t);
	assert_int_equal(mc_compose_text_end(t, false, "it", &err), 0);
	c.text = t;
	assert_int_equal(mc_compose_write(&c, into_buf, out, &err), 0);
	mc_compose_text_free(t);
}

#define HEAD(cte) "MIME-Version: 1.0\r\n" \
	"Content-Type: text/plain; charset=UTF-8\r\n" \
	"Content-Transfer-Encoding: " cte "\r\n\r\n"
#define W900 W350 W350 W50 W50 W50 W50
#define W998 W900 W50 "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww"

static void
test_encodings(void **state)
{
	static const struct {
		struct mc_str in;
		const char *out;	/* or how it begins, if it ends with * */
	} rows[] = {
#define ROW(in, out) { { in, sizeof(in) - 1 }, out }
		ROW("", HEAD("7bit")),
		ROW("a", HEAD("7bit") "a"),
		ROW("a\n.\n\nb\r\nc\n", HEAD("7bit")
		    "a\r\n.\r\n\r\nb\r\nc\r\n"),
		ROW("\n", HEAD("7bit") "\r\n"),
		ROW("From x\n", HEAD("7bit") "From x\r\n"),
		ROW("\xc3\xa9\n", HEAD("8bit") "\xc3\xa9\r\n"),
		ROW(W998 "\n", HEAD("7bit") "*"),
		ROW(W998 "\r\n", HEAD("7bit") "*"),
		ROW(W998, HEAD("7bit") "*"),
		ROW(W998 "w", HEAD("quoted-printable") "*"),
		ROW("a\n" W998 "w\nb", HEAD("quoted-printable") "*"),
		ROW("a\rb\n", HEAD("quoted-printable") "a=0Db\r\n"),
		ROW("a\r\r\nb\n", HEAD("quoted-printable") "a=0D\r\nb\r\n"),
		ROW("a\r", HEAD("quoted-printable") "a=0D=\r\n"),
		ROW("\n\r", HEAD("quoted-printable") "\r\n=0D=\r\n"),
		ROW("--\r\xc3\xa9", HEAD("quoted-printable")
		    "=2D-=0D=C3=A9=\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		for (size_t piece = 1; piece < 4; piece++) {
			size_t n = strlen(rows[i].out);
			struct mc_buf out;

			mc_buf_init(&out, 100000);
			write_text(rows[i].in, piece, &out);
			if (n != 0 && rows[i].out[n - 1] == '*')
				assert_memory_equal(out.ptr, rows[i].out,
				    n - 1);
			else
				assert_string_equal(out.ptr, rows[i].out);
			mc_buf_clear(&out);
		}
	}
}

static void
test_refused_texts(void **state)
{
	static const struct mc_str rows[] = {
		{ "a\0b", 3 }, { "\xff", 1 }, { "a\xc3", 2 },
		{ "\xed\xa0\x80", 3 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		for (int any = 0; any < 2; any++) {
			struct mc_err err = { .code = MC_OK };
			struct mc_compose_text *t = make_text(rows[i], 1,
			    &err);
			int rc;

			assert_non_null(t);
			rc = mc_compose_text_end(t, any != 0, "it", &err);
			if (any != 0 && i > 0)
				assert_int_equal(rc, 0);
			else
				assert_err(rc, err, MC_E_MSG_CONTENT);
			mc_compose_text_free(t);
		}
	}
}

struct parts {
	struct mc_compose c;
	struct mc_compose_text *text;
	struct mc_compose_text *html;
	struct mc_compose_file files[2];
};

/* false if there is no memory for it */
static bool
make_parts(struct parts *p, const char *text, const char *html, size_t n,
    struct mc_err *err)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < 2; i++)
		mc_spool_init(&p->files[i].bytes, 1000, NULL);
	p->text = make_text(mc_str_from(text), 1000, err);
	if (p->text == NULL)
		return false;
	if (html != NULL) {
		p->html = make_text(mc_str_from(html), 1000, err);
		if (p->html == NULL)
			return false;
	}
	p->files[0].name = MC_STR("a.bin");
	p->files[0].type = "application/octet-stream";
	p->files[1].name = MC_STR("b.txt");
	p->files[1].type = "text/plain";
	for (size_t i = 0; i < n; i++)
		if (mc_spool_add(&p->files[i].bytes, i == 0 ? "\0\xff" : "hi",
		    2, err) != 0)
			return false;
	p->c.fields = MC_STR("To: x\r\n");
	p->c.text = p->text;
	p->c.html = p->html;
	p->c.files = p->files;
	p->c.n_files = n;
	return true;
}

static void
free_parts(struct parts *p)
{
	mc_compose_text_free(p->text);
	mc_compose_text_free(p->html);
	for (size_t i = 0; i < 2; i++)
		mc_spool_clear(&p->files[i].bytes);
}

#define TYPE(subtype, letter, cte) "Content-Type: multipart/" subtype ";\r\n" \
	" boundary=\"=_" letter ID1 "\"\r\n" cte "\r\n"
#define TEXT(subtype, cte) "Content-Type: text/" subtype "; charset=UTF-8\r\n" \
	"Content-Transfer-Encoding: " cte "\r\n\r\n"
#define FILE1 "Content-Type: application/octet-stream;\r\n" \
	" name=\"a.bin\"\r\nContent-Transfer-Encoding: base64\r\n" \
	"Content-Disposition: attachment;\r\n filename=\"a.bin\"\r\n\r\nAP8="
#define FILE2 "Content-Type: text/plain; charset=UTF-8;\r\n" \
	" name=\"b.txt\"\r\nContent-Transfer-Encoding: base64\r\n" \
	"Content-Disposition: attachment;\r\n filename=\"b.txt\"\r\n\r\naGk="
#define FRONT "To: x\r\nMIME-Version: 1.0\r\n"
#define CTE8 "Content-Transfer-Encoding: 8bit\r\n"

static void
test_parts(void **state)
{
	static const struct {
		const char *text;
		const char *html;
		size_t n;
		const char *out;
	} rows[] = {
		{ "a\n", "<p>", 0, FRONT TYPE("alternative", "a", "")
		    "--=_a" ID1 "\r\n" TEXT("plain", "7bit") "a\r\n"
		    "\r\n--=_a" ID1 "\r\n" TEXT("html", "7bit") "<p>"
		    "\r\n--=_a" ID1 "--\r\n" },
		{ "", "\xc3\xa9", 0, FRONT TEXT("html", "8bit") "\xc3\xa9" },
		{ "\xc3\xa9", NULL, 1, FRONT TYPE("mixed", "m", CTE8)
		    "--=_m" ID1 "\r\n" TEXT("plain", "8bit") "\xc3\xa9"
		    "\r\n--=_m" ID1 "\r\n" FILE1
		    "\r\n--=_m" ID1 "--\r\n" },
		{ "", NULL, 2, FRONT TYPE("mixed", "m", "")
		    "--=_m" ID1 "\r\n" FILE1
		    "\r\n--=_m" ID1 "\r\n" FILE2
		    "\r\n--=_m" ID1 "--\r\n" },
		{ "", "x", 1, FRONT TYPE("mixed", "m", "")
		    "--=_m" ID1 "\r\n" TEXT("html", "7bit") "x"
		    "\r\n--=_m" ID1 "\r\n" FILE1
		    "\r\n--=_m" ID1 "--\r\n" },
		{ "a", "\xc3\xa9", 2, FRONT TYPE("mixed", "m", CTE8)
		    "--=_m" ID1 "\r\n" TYPE("alternative", "a", CTE8)
		    "--=_a" ID1 "\r\n" TEXT("plain", "7bit") "a"
		    "\r\n--=_a" ID1 "\r\n" TEXT("html", "8bit") "\xc3\xa9"
		    "\r\n--=_a" ID1 "--"
		    "\r\n--=_m" ID1 "\r\n" FILE1
		    "\r\n--=_m" ID1 "\r\n" FILE2
		    "\r\n--=_m" ID1 "--\r\n" },
		/* in quoted-printable that is no last part nothing is added */
		{ "a\rb", NULL, 1, FRONT TYPE("mixed", "m", "")
		    "--=_m" ID1 "\r\n" TEXT("plain", "quoted-printable")
		    "a=0Db\r\n--=_m" ID1 "\r\n" FILE1
		    "\r\n--=_m" ID1 "--\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		struct parts p;

		dice.ids[0] = ID1;
		dice.n = 1;
		dice.used = 0;
		mc_buf_init(&out, 100000);
		assert_true(make_parts(&p, rows[i].text, rows[i].html,
		    rows[i].n, &err));
		assert_int_equal(mc_compose_write(&p.c, into_buf, &out, &err),
		    0);
		assert_string_equal(out.ptr, rows[i].out);
		free_parts(&p);
		mc_buf_clear(&out);
	}
}

/* a boundary that a text holds is thrown away, wherever pieces are cut */
static void
test_collision(void **state)
{
	const size_t size = MC_BODY_CHUNK * 2 + 100;
	char *text = mc_mem_zalloc(1, size + 1);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < 4 * MC_ID_LEN; i++) {
		/* around the end of a piece, at both ends, in the HTML */
		size_t at = i == 0 ? 0 : i == 1 ? size - MC_ID_LEN :
		    MC_BODY_CHUNK - 2 * MC_ID_LEN + i;
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		struct parts p;

		memset(text, 'a', size);
		memcpy(text + at, ID1, MC_ID_LEN);
		dice.ids[0] = ID1;
		dice.ids[1] = ID2;
		dice.n = 2;
		dice.used = 0;
		mc_buf_init(&out, 1000000);
		assert_true(make_parts(&p, i % 2 == 0 ? text : "x",
		    i % 2 == 0 ? "x" : text, 1, &err));
		assert_int_equal(mc_compose_write(&p.c, into_buf, &out, &err),
		    0);
		assert_int_equal(dice.used, 2);
		assert_non_null(strstr(out.ptr, "boundary=\"=_m" ID2));
		assert_null(strstr(out.ptr, "_m" ID1));
		free_parts(&p);
		mc_buf_clear(&out);
	}
	mc_mem_free(text);
}

/* what comes near is none */
static void
test_no_collision(void **state)
{
	static const char *const rows[] = {
		"abcdefghijklmnopqrstuvwxy", "bcdefghijklmnopqrstuvwxyz",
		"abcdefghijklmnopqrstuvwxy\nz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		struct parts p;

		dice.ids[0] = ID1;
		dice.n = 1;
		dice.used = 0;
		mc_buf_init(&out, 1000000);
		assert_true(make_parts(&p, rows[i], NULL, 1, &err));
		assert_int_equal(mc_compose_write(&p.c, into_buf, &out, &err),
		    0);
		assert_non_null(strstr(out.ptr, "boundary=\"=_m" ID1));
		free_parts(&p);
		mc_buf_clear(&out);
	}
}

static void
test_no_boundary(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf out;
	struct parts p;

	(void)state;
	for (dice.n = 0; dice.n < MC_NELEM(dice.ids); dice.n++)
		dice.ids[dice.n] = ID1;
	mc_buf_init(&out, 100000);
	assert_true(make_parts(&p, "x" ID1 "x", NULL, 1, &err));
	assert_err(mc_compose_write(&p.c, into_buf, &out, &err), err,
	    MC_E_INTERNAL);
	assert_int_equal(out.len, 0);
	dice.broken = true;
	mc_err_reset(&err);
	assert_err(mc_compose_write(&p.c, into_buf, &out, &err), err,
	    MC_E_INTERNAL);
	free_parts(&p);
	mc_buf_clear(&out);
}

/* ----------------------------------------------------------------- failures */

static int
refuse(void *ctx, const void *p, size_t n, struct mc_err *err)
{
	(void)ctx;
	(void)p;
	(void)n;
	return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL, "no more");
}

static void
test_reader_refuses(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct parts p;

	(void)state;
	assert_true(make_parts(&p, "a", "b", 2, &err));
	assert_err(mc_compose_write(&p.c, refuse, NULL, &err), err,
	    MC_E_CANCELLED);
	free_parts(&p);
}

static void
test_shrunk_file(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf out;
	struct parts p;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	mc_buf_init(&out, 100000);
	assert_true(make_parts(&p, "a", NULL, 0, &err));
	mc_spool_init_fd(&p.files[0].bytes, fd, 0, 100);
	p.c.n_files = 1;
	assert_err(mc_compose_write(&p.c, into_buf, &out, &err), err,
	    MC_E_IO);
	assert_string_equal(err.text, "a.bin got shorter while it was read");
	free_parts(&p);
	mc_buf_clear(&out);
	close(fd);
}

/* all of it; false with MC_E_NOMEM when an allocation failed */
static bool
do_all(struct mc_buf *out)
{
	static const char *const lists[] = {
		"J\xc3\xb6rg M <a@b\xc3\xbc.example>, \"x\" <c@d.example>",
		"root", NULL,
	};
	static const char long_text[] = "\xe2\x82\xac '" W350;
	struct mc_err err = { .code = MC_OK };
	struct parts p;
	struct mc_buf fields;
	size_t n;
	bool good = false;

	mc_buf_init(&fields, 100000);
	if (make_parts(&p, "a\rb", "\xc3\xa9", 2, &err) &&
	    mc_compose_addresses("To", lists, &fields, &n, &err) == 0 &&
	    mc_compose_field(MC_STR("Subject"), mc_str_from(long_text),
	    &fields, &err) == 0 &&
	    mc_compose_extra("X-A: b \xc3\xa9 c", &fields, &err) == 0) {
		p.c.fields = mc_buf_str(&fields);
		p.files[1].name = MC_STR("\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		    "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");
		good = mc_compose_write(&p.c, into_buf, out, &err) == 0;
	}
	if (!good)
		assert_string_equal(mc_code_name(err.code), "MC_E_NOMEM");
	free_parts(&p);
	mc_buf_clear(&fields);
	return good;
}

static void
test_no_memory(void **state)
{
	unsigned long total;
	struct mc_buf want;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(dice.ids); i++)
		dice.ids[i] = ID2;
	mc_buf_init(&want, 100000);
	failmalloc(0, false);
	dice.n = 1;
	assert_true(do_all(&want));
	total = failmalloc(0, false);
	assert_true(total > 20);
	for (unsigned long i = 1; i <= 2 * total; i++) {
		struct mc_buf out;
		bool good;

		dice.used = 0;
		mc_buf_init(&out, 100000);
		failmalloc((i + 1) / 2, i % 2 == 0);
		good = do_all(&out);
		failmalloc(0, false);
		/* what is left out must not go unnoticed */
		if (good)
			assert_string_equal(out.ptr, want.ptr);
		mc_buf_clear(&out);
	}
	mc_buf_clear(&want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_bad_addresses),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_long_fields),
		cmocka_unit_test(test_bad_fields),
		cmocka_unit_test(test_extra),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_file_header),
		cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_refused_texts),
		cmocka_unit_test_setup(test_parts, reset_dice),
		cmocka_unit_test_setup(test_collision, reset_dice),
		cmocka_unit_test_setup(test_no_collision, reset_dice),
		cmocka_unit_test_setup(test_no_boundary, reset_dice),
		cmocka_unit_test_setup(test_reader_refuses, reset_dice),
		cmocka_unit_test_setup(test_shrunk_file, reset_dice),
		cmocka_unit_test_setup(test_no_memory, reset_dice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
