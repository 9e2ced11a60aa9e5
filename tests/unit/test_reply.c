/* SPDX-License-Identifier: MIT */
/* Replies: every sample whole, cut at every offset, and byte by byte. */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "smtp/reply.h"

#define LINE MC_MAX_REPLY_LINE

struct sample {
	const char *in;		/* MC_STR would count NULs, so len says it */
	size_t len;
	int rc;			/* of the whole input */
	size_t used;
	int code;
	int enh[3];
	size_t lines;
	const char *text;	/* mc_reply_text */
	enum mc_code error;
};

#define S(lit) (lit), sizeof(lit) - 1

static const struct sample samples[] = {
	/* good */
	{ S("250 ok\r\n"), 1, 8, 250, { 0 }, 1, "250 ok", MC_OK },
	{ S("250 ok\n"), 1, 7, 250, { 0 }, 1, "250 ok", MC_OK },
	{ S("250\r\n"), 1, 5, 250, { 0 }, 1, "250", MC_OK },
	{ S("250\n"), 1, 4, 250, { 0 }, 1, "250", MC_OK },
	{ S("250 \r\n"), 1, 6, 250, { 0 }, 1, "250", MC_OK },
	{ S("559 x\r\n"), 1, 7, 559, { 0 }, 1, "559 x", MC_OK },
	{ S("200 x\r\n"), 1, 7, 200, { 0 }, 1, "200 x", MC_OK },
	{ S("354 go on\r\n"), 1, 11, 354, { 0 }, 1, "354 go on", MC_OK },
	{ S("250 ok\r\n250 more\r\n"), 1, 8, 250, { 0 }, 1, "250 ok", MC_OK },
	{ S("250-a\r\n250 b\r\n"), 1, 14, 250, { 0 }, 2, "250 a b", MC_OK },
	{ S("250-a\n250-b\r\n250\n"), 1, 17, 250, { 0 }, 3, "250 a b", MC_OK },
	{ S("220-\r\n220 \r\n"), 1, 12, 220, { 0 }, 2, "220", MC_OK },
	{ S("334 \r\n"), 1, 6, 334, { 0 }, 1, "334", MC_OK },

	/* enhanced codes */
	{ S("250 2.1.5 ok\r\n"), 1, 14, 250, { 2, 1, 5 }, 1, "250 2.1.5 ok",
	    MC_OK },
	{ S("550 5.7.999 x\r\n"), 1, 15, 550, { 5, 7, 999 }, 1,
	    "550 5.7.999 x", MC_OK },
	{ S("550 5.0.0\r\n"), 1, 11, 550, { 5, 0, 0 }, 1, "550 5.0.0", MC_OK },
	{ S("450 4.2.1\tlater\r\n"), 1, 17, 450, { 4, 2, 1 }, 1,
	    "450 4.2.1 later", MC_OK },
	{ S("550-5.1.1 no such\r\n550 5.1.1  user\r\n"), 1, 36, 550,
	    { 5, 1, 1 }, 2, "550 5.1.1 no such user", MC_OK },
	{ S("550-5.1.1 no\r\n550 5.1.2 user\r\n"), 1, 30, 550, { 5, 1, 1 }, 2,
	    "550 5.1.1 no 5.1.2 user", MC_OK },
	{ S("550-no\r\n550 5.1.2 user\r\n"), 1, 24, 550, { 0 }, 2,
	    "550 no 5.1.2 user", MC_OK },
	{ S("550 2.0.0 x\r\n"), 1, 13, 550, { 0 }, 1, "550 2.0.0 x", MC_OK },
	{ S("250 5.7.1 x\r\n"), 1, 13, 250, { 0 }, 1, "250 5.7.1 x", MC_OK },
	{ S("354 3.0.0 x\r\n"), 1, 13, 354, { 0 }, 1, "354 3.0.0 x", MC_OK },
	{ S("550 5.999.9999\r\n"), 1, 16, 550, { 0 }, 1, "550 5.999.9999",
	    MC_OK },
	{ S("550 5.01.1 x\r\n"), 1, 14, 550, { 0 }, 1, "550 5.01.1 x", MC_OK },
	{ S("550 5.1.00 x\r\n"), 1, 14, 550, { 0 }, 1, "550 5.1.00 x", MC_OK },
	{ S("550 5.1 x\r\n"), 1, 11, 550, { 0 }, 1, "550 5.1 x", MC_OK },
	{ S("550 5.1. x\r\n"), 1, 12, 550, { 0 }, 1, "550 5.1. x", MC_OK },
	{ S("550 5.1.1.1 x\r\n"), 1, 15, 550, { 0 }, 1, "550 5.1.1.1 x",
	    MC_OK },
	{ S("550 5.1.1x\r\n"), 1, 12, 550, { 0 }, 1, "550 5.1.1x", MC_OK },
	{ S("550 05.1.1 x\r\n"), 1, 14, 550, { 0 }, 1, "550 05.1.1 x", MC_OK },
	{ S("550 55.1.1 x\r\n"), 1, 14, 550, { 0 }, 1, "550 55.1.1 x", MC_OK },
	{ S("550 -5.1.1 x\r\n"), 1, 14, 550, { 0 }, 1, "550 -5.1.1 x", MC_OK },

	/* what people must not get to see raw */
	{ S("550 a\033[2Jb\x7f" "c\r\n"), 1, 14, 550, { 0 }, 1,
	    "550 a?[2Jb?c", MC_OK },
	{ S("550 \x9b" "1m\r\n"), 1, 9, 550, { 0 }, 1, "550 ?1m", MC_OK },
	{ S("550 gr\xc3\xbc\xc3\x9f\r\n"), 1, 12, 550, { 0 }, 1,
	    "550 gr\xc3\xbc\xc3\x9f", MC_OK },
	{ S("550 x\r\n550 Recipient: evil\r\n"), 1, 7, 550, { 0 }, 1, "550 x",
	    MC_OK },

	/* not yet */
	{ S(""), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("2"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("25"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250-"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250\r"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250 text\r"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250-a\r\n"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },
	{ S("250-a\r\n25"), 0, 0, 0, { 0 }, 0, NULL, MC_OK },

	/* never */
	{ S("\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("\0"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("H"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("HTTP/1.1 400 Bad Request\r\n"), -1, 0, 0, { 0 }, 0, NULL,
	    MC_E_REPLY_SYNTAX },
	{ S("* OK IMAP4rev1"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("+OK POP3"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("\x15\x03\x01"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("099 x\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("199 x\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("600 x\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("260 x\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("2500\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("25\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("25a\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("25 ok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("+250 ok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S(" 250 ok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250\tok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250.ok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250\0ok\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250 o\0k\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250 o\rk\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250 ok\r\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250\rx"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("220-a\r\n250 b\r\n"), -1, 0, 0, { 0 }, 0, NULL,
	    MC_E_REPLY_SYNTAX },
	{ S("250-a\r\n251 b\r\n"), -1, 0, 0, { 0 }, 0, NULL,
	    MC_E_REPLY_SYNTAX },
	{ S("250-a\r\n\r\n"), -1, 0, 0, { 0 }, 0, NULL, MC_E_REPLY_SYNTAX },
	{ S("250-a\r\nb\r\n250 c\r\n"), -1, 0, 0, { 0 }, 0, NULL,
	    MC_E_REPLY_SYNTAX },
	{ S("250-a\r\n 250 c\r\n"), -1, 0, 0, { 0 }, 0, NULL,
	    MC_E_REPLY_SYNTAX },
};

/* parse a copy that ends where the input ends, so that a look beyond it is
 * one into foreign memory */
static int
parse(const char *p, size_t n, size_t max_line, struct mc_reply *r,
    size_t *used, char **ret_copy, struct mc_err *err)
{
	char *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	if (n > 0)
		memcpy(copy, p, n);
	*ret_copy = copy;
	return mc_reply_parse(mc_str_make(copy, n), max_line, r, used, err);
}

static void
check_sample(const struct sample *s, const struct mc_reply *r, size_t used)
{
	struct mc_buf text;

	assert_int_equal(used, s->used);
	assert_int_equal(r->code, s->code);
	assert_memory_equal(r->enh, s->enh, sizeof(r->enh));
	assert_int_equal(r->lines, s->lines);
	assert_int_equal(r->raw.len, s->used);
	assert_memory_equal(r->raw.ptr, s->in, s->used);
	mc_buf_init(&text, 4096);
	mc_reply_text(r, &text);
	assert_string_equal(text.ptr, s->text);
	mc_buf_clear(&text);
}

static void
test_whole(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(samples); i++) {
		const struct sample *s = &samples[i];
		struct mc_reply r = { .code = -7 };
		struct mc_err err = { .code = MC_OK };
		size_t used = 77;
		char *copy;
		int rc = parse(s->in, s->len, LINE, &r, &used, &copy, &err);

		assert_int_equal(rc, s->rc);
		if (rc == 1)
			check_sample(s, &r, used);
		else
			assert_true(r.code == -7 && used == 77);
		if (rc == -1)
			assert_err(rc, err, s->error);
		else
			assert_int_equal(err.code, MC_OK);
		free(copy);
	}
}

/* every front part: "not yet" until the verdict, and never another one */
static void
test_every_front(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(samples); i++) {
		const struct sample *s = &samples[i];
		int verdict = 0;

		for (size_t n = 0; n <= s->len; n++) {
			struct mc_reply r;
			struct mc_err err = { .code = MC_OK };
			size_t used;
			char *copy;
			int rc = parse(s->in, n, LINE, &r, &used, &copy, &err);

			if (verdict != 0)
				assert_int_equal(rc, verdict);
			if (rc == 1) {
				assert_true(n >= s->used);
				check_sample(s, &r, used);
			}
			if (s->rc == 1 && n < s->used)
				assert_int_equal(rc, 0);
			verdict = rc;
			free(copy);
		}
		assert_int_equal(verdict, s->rc);
	}
}

/* what cannot become a reply is known as soon as it is there */
static void
test_early(void **state)
{
	static const struct {
		struct mc_str in;
		size_t at;	/* so many bytes are still fine */
	} rows[] = {
		{ { S("HTTP/1.1 200 OK\r\n") }, 0 },
		{ { S("1") }, 0 },
		{ { S("26") }, 1 },
		{ { S("25\n") }, 2 },
		{ { S("25\r\n") }, 2 },
		{ { S("2500 x\r\n") }, 3 },
		{ { S("250-x\r\n251") }, 9 },
		{ { S("250-x\r\n350") }, 7 },
		{ { S("250-x\r\n250x") }, 10 },
		{ { S("250 \0") }, 4 },
		{ { S("250 x\ry") }, 6 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_reply r;
		struct mc_err err = { .code = MC_OK };
		size_t used;

		assert_int_equal(mc_reply_parse(mc_str_sub(rows[i].in, 0,
		    rows[i].at), LINE, &r, &used, &err), 0);
		assert_err(mc_reply_parse(mc_str_sub(rows[i].in, 0,
		    rows[i].at + 1), LINE, &r, &used, &err), err,
		    MC_E_REPLY_SYNTAX);
	}
}

static void
test_error_text(void **state)
{
	static const struct {
		struct mc_str in;
		const char *text;
	} rows[] = {
		{ { S("HTTP/1.1 400 Bad\033[1m Request\r\nServer: x\r\n") },
		    "the server sent not an SMTP reply: \"HTTP/1.1 400 "
		    "Bad?[1m Request\"; check host, port and tls" },
		{ { S("220-a\r\n250 b\r\n") },
		    "the server sent a reply whose lines carry different "
		    "codes: \"250 b\"" },
		{ { S("250 a\0b\r\n") },
		    "the server sent a reply that holds a NUL byte: "
		    "\"250 a?b\"; check host, port and tls" },
		{ { S("250 a\rb\r\n") },
		    "the server sent a reply with a bare carriage return: "
		    "\"250 a b\"; check host, port and tls" },
	};
	char junk[500];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_reply r;
		struct mc_err err = { .code = MC_OK };
		size_t used;

		assert_err(mc_reply_parse(rows[i].in, LINE, &r, &used, &err),
		    err, MC_E_REPLY_SYNTAX);
		assert_string_equal(err.text, rows[i].text);
	}

	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	memset(junk, 'j', sizeof(junk));
	assert_err(mc_reply_parse(mc_str_make(junk, sizeof(junk)), LINE, &r,
	    &used, &err), err, MC_E_REPLY_SYNTAX);
	assert_in_range(strlen(err.text), 80, 200);
}

/* n bytes of line, end included */
static void
add_line(struct mc_buf *b, const char *start, size_t n, const char *end)
{
	mc_buf_addz(b, start);
	n -= strlen(start) + strlen(end);
	while (n-- > 0)
		mc_buf_addc(b, 'x');
	mc_buf_addz(b, end);
}

static int
parse_buf(const struct mc_buf *b, size_t max_line, enum mc_code *ret_code)
{
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;
	char *copy;
	int rc = parse(b->ptr, b->len, max_line, &r, &used, &copy, &err);

	free(copy);
	*ret_code = err.code;
	return rc;
}

static void
test_line_limit(void **state)
{
	static const size_t limits[] = {
		MC_MAX_REPLY_LINE, MC_MAX_REPLY_LINE_AUTH, 512
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(limits); i++) {
		size_t most = limits[i];
		struct mc_buf b;
		enum mc_code code;

		mc_buf_init(&b, 1 << 20);
		add_line(&b, "250 ", most, "\r\n");
		assert_int_equal(parse_buf(&b, most, &code), 1);
		mc_buf_reset(&b);
		add_line(&b, "250 ", most, "\n");
		assert_int_equal(parse_buf(&b, most, &code), 1);
		mc_buf_reset(&b);
		add_line(&b, "250 ", most + 1, "\r\n");
		assert_int_equal(parse_buf(&b, most, &code), -1);
		assert_int_equal(code, MC_E_REPLY_LONG);
		/* no end in sight */
		mc_buf_reset(&b);
		add_line(&b, "250 ", most - 1, "");
		assert_int_equal(parse_buf(&b, most, &code), 0);
		mc_buf_addc(&b, 'x');
		assert_int_equal(parse_buf(&b, most, &code), -1);
		assert_int_equal(code, MC_E_REPLY_LONG);
		/* a later line counts for itself */
		mc_buf_reset(&b);
		mc_buf_addz(&b, "250-a\r\n");
		add_line(&b, "250 ", most, "\r\n");
		assert_int_equal(parse_buf(&b, most, &code), 1);
		mc_buf_reset(&b);
		mc_buf_addz(&b, "250-a\r\n");
		add_line(&b, "250 ", most, "");
		assert_int_equal(parse_buf(&b, most, &code), -1);
		assert_int_equal(code, MC_E_REPLY_LONG);
		/* what is wrong within the limit is said; beyond it not seen */
		mc_buf_reset(&b);
		add_line(&b, "250 ", most - 1, "");
		mc_buf_addc(&b, '\0');
		mc_buf_addz(&b, "xx\r\n");
		assert_int_equal(parse_buf(&b, most, &code), -1);
		assert_int_equal(code, MC_E_REPLY_SYNTAX);
		mc_buf_reset(&b);
		add_line(&b, "250 ", most, "");
		mc_buf_addc(&b, '\0');
		assert_int_equal(parse_buf(&b, most, &code), -1);
		assert_int_equal(code, MC_E_REPLY_LONG);
		mc_buf_clear(&b);
	}
}

static void
test_lines_limit(void **state)
{
	struct mc_buf b;
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;
	enum mc_code code;

	(void)state;
	mc_buf_init(&b, 1 << 20);
	for (size_t i = 1; i < MC_MAX_REPLY_LINES; i++)
		mc_buf_addz(&b, "250-a\r\n");
	assert_int_equal(parse_buf(&b, LINE, &code), 0);
	mc_buf_addz(&b, "250 b\r\n");
	assert_int_equal(mc_reply_parse(mc_buf_str(&b), LINE, &r, &used, &err),
	    1);
	assert_int_equal(r.lines, MC_MAX_REPLY_LINES);
	assert_str(mc_reply_line(&r, MC_MAX_REPLY_LINES - 1), "b");
	assert_str(mc_reply_line(&r, MC_MAX_REPLY_LINES), "");
	/* one that goes on after the last that may be */
	b.ptr[b.len - 4] = '-';
	assert_int_equal(parse_buf(&b, LINE, &code), -1);
	assert_int_equal(code, MC_E_REPLY_LONG);
	mc_buf_clear(&b);
}

static void
test_reply_limit(void **state)
{
	struct mc_buf b;
	enum mc_code code;

	(void)state;
	mc_buf_init(&b, 1 << 20);
	while (b.len + LINE < MC_MAX_REPLY)
		add_line(&b, "250-", LINE, "\r\n");

	size_t front = b.len;
	size_t left = MC_MAX_REPLY - front;

	add_line(&b, "250 ", left, "\r\n");
	assert_int_equal(b.len, MC_MAX_REPLY);
	assert_int_equal(parse_buf(&b, LINE, &code), 1);
	/* other replies behind it are none of its bytes */
	mc_buf_addz(&b, "250 another\r\n");
	assert_int_equal(parse_buf(&b, LINE, &code), 1);

	/* with long lines the whole is the limit that counts */
	mc_buf_reset(&b);
	while (b.len + 12000 < MC_MAX_REPLY)
		add_line(&b, "250-", 12000, "\r\n");
	front = b.len;
	add_line(&b, "250 ", MC_MAX_REPLY - front - 1, "");
	assert_int_equal(parse_buf(&b, MC_MAX_REPLY_LINE_AUTH, &code), 0);
	mc_buf_addz(&b, "x");
	assert_int_equal(parse_buf(&b, MC_MAX_REPLY_LINE_AUTH, &code), -1);
	assert_int_equal(code, MC_E_REPLY_LONG);
	mc_buf_addz(&b, "\r\n");
	assert_int_equal(parse_buf(&b, MC_MAX_REPLY_LINE_AUTH, &code), -1);
	assert_int_equal(code, MC_E_REPLY_LONG);

	/* full to the last byte, and going on */
	mc_buf_reset(&b);
	while (b.len < MC_MAX_REPLY)
		add_line(&b, "250-", LINE, "\r\n");
	assert_int_equal(b.len, MC_MAX_REPLY);
	assert_int_equal(parse_buf(&b, LINE, &code), -1);
	assert_int_equal(code, MC_E_REPLY_LONG);
	mc_buf_clear(&b);
}

/* the largest reply, byte by byte: the limits keep that harmless */
static void
test_byte_by_byte(void **state)
{
	struct mc_buf b;
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	(void)state;
	mc_buf_init(&b, 1 << 20);
	for (size_t i = 1; i < 32; i++)
		add_line(&b, "250-", LINE, "\r\n");
	add_line(&b, "250 ", LINE, "\r\n");
	assert_int_equal(b.len, MC_MAX_REPLY);
	for (size_t n = 0; n < b.len; n++)
		assert_int_equal(mc_reply_parse(mc_str_make(b.ptr, n), LINE,
		    &r, &used, &err), 0);
	assert_int_equal(mc_reply_parse(mc_buf_str(&b), LINE, &r, &used, &err),
	    1);
	assert_int_equal(used, b.len);
	assert_int_equal(r.lines, 32);
	mc_buf_clear(&b);
}

static void
test_line(void **state)
{
	struct mc_reply r;
	struct mc_reply none = { .code = 0 };
	struct mc_err err = { .code = MC_OK };
	size_t used;

	(void)state;
	assert_int_equal(mc_reply_parse(MC_STR("250-mx.example greets\r\n"
	    "250-  SIZE 10 \n250-\r\n250\r\n250 next"), LINE, &r, &used, &err),
	    1);
	assert_int_equal(r.lines, 4);
	assert_str(mc_reply_line(&r, 0), "mx.example greets");
	assert_str(mc_reply_line(&r, 1), "  SIZE 10 ");
	assert_str(mc_reply_line(&r, 2), "");
	assert_str(mc_reply_line(&r, 3), "");
	assert_str(mc_reply_line(&r, 4), "");
	assert_str(mc_reply_line(&r, SIZE_MAX), "");
	assert_str(mc_reply_line(&none, 0), "");
}

static void
test_text_limit(void **state)
{
	struct mc_buf in, out;
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	(void)state;
	mc_buf_init(&in, 1 << 20);
	mc_buf_init(&out, 1 << 20);
	/* lines of every length and of characters of 1 to 4 bytes */
	static const char *const chars[] = {
		"x", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x93\xa7"
	};

	for (size_t c = 0; c < MC_NELEM(chars); c++)
		for (size_t len = 1; len < 40; len++) {
			mc_buf_reset(&in);
			mc_buf_reset(&out);
			for (size_t i = 0; i < 60; i++) {
				mc_buf_addz(&in, i == 59 ? "550 " : "550-");
				for (size_t k = 0; k < len; k++)
					mc_buf_addz(&in, chars[c]);
				mc_buf_addz(&in, "\r\n");
			}
			assert_int_equal(mc_reply_parse(mc_buf_str(&in), LINE,
			    &r, &used, &err), 1);
			mc_buf_addz(&out, "before ");
			mc_reply_text(&r, &out);
			assert_in_range(out.len, 7 + 100,
			    7 + MC_MAX_REPLY_TEXT);
			assert_true(mc_str_is_utf8(mc_buf_str(&out)));
			assert_int_not_equal(out.ptr[out.len - 1], ' ');
		}
	mc_buf_clear(&in);
	mc_buf_clear(&out);
}

static void
test_err(void **state)
{
	static const struct {
		struct mc_str in;
		enum mc_code code;
		int smtp;
		int enh[3];
		const char *text;
	} rows[] = {
		{ { S("550 5.1.1 no such user\r\n") }, MC_E_REFUSED, 550,
		    { 5, 1, 1 }, "RCPT: 550 5.1.1 no such user" },
		{ { S("451 later\r\n") }, MC_E_REFUSED, 451, { 4, 0, 0 },
		    "RCPT: 451 later" },
		{ { S("550 2.0.0 x\r\n") }, MC_E_REFUSED, 550, { 5, 0, 0 },
		    "RCPT: 550 2.0.0 x" },
		{ { S("250 2.0.0 x\r\n") }, MC_E_REPLY_UNEXPECTED, 250,
		    { 2, 0, 0 }, "RCPT: 250 2.0.0 x" },
		{ { S("250 x\r\n") }, MC_E_REPLY_UNEXPECTED, 250, { 4, 5, 0 },
		    "RCPT: 250 x" },
		{ { S("354\r\n") }, MC_E_REPLY_UNEXPECTED, 354, { 4, 5, 0 },
		    "RCPT: 354" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_reply r;
		struct mc_err err = { .code = MC_OK };
		size_t used;

		assert_int_equal(mc_reply_parse(rows[i].in, LINE, &r, &used,
		    &err), 1);
		assert_err(mc_reply_err(&r, rows[i].code, MC_STAGE_RCPT,
		    "RCPT", &err), err, rows[i].code);
		assert_int_equal(err.stage, MC_STAGE_RCPT);
		assert_int_equal(err.smtp, rows[i].smtp);
		assert_memory_equal(err.enh, rows[i].enh, sizeof(err.enh));
		assert_string_equal(err.text, rows[i].text);
		/* first one wins; none is fine */
		struct mc_err before = err;

		assert_int_equal(mc_reply_err(&r, MC_E_IO, MC_STAGE_END, "X",
		    &err), -1);
		assert_memory_equal(&before, &err, sizeof(err));
		assert_int_equal(mc_reply_err(&r, MC_E_IO, MC_STAGE_END, "X",
		    NULL), -1);
	}
}

/* without memory the refusal still says who refused and how */
static void
test_err_nomem(void **state)
{
	struct mc_reply r;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	(void)state;
	assert_int_equal(mc_reply_parse(MC_STR("550 5.1.1 no such user, and "
	    "a text that is long enough to make the buffer grow twice\r\n"),
	    LINE, &r, &used, &err), 1);
	for (unsigned long n = 1; ; n++) {
		memset(&err, 0, sizeof(err));
		failmalloc(n, false);
		mc_reply_err(&r, MC_E_REFUSED, MC_STAGE_RCPT, "RCPT", &err);
		unsigned long count = failmalloc(0, false);

		assert_int_equal(err.code, MC_E_REFUSED);
		assert_int_equal(err.smtp, 550);
		assert_int_equal(err.enh[2], 1);
		if (count < n) {
			assert_true(n > 1);
			break;
		}
		assert_string_equal(err.text, "RCPT: 550");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_every_front),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_error_text),
		cmocka_unit_test(test_line_limit),
		cmocka_unit_test(test_lines_limit),
		cmocka_unit_test(test_reply_limit),
		cmocka_unit_test(test_byte_by_byte),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_text_limit),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_err_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
