/* SPDX-License-Identifier: MIT */
/*
 * test_dkim.c - canonical forms, what a signature covers, and how it looks
 */
#include "unit.h"

#include "base/b64.h"
#include "base/limits.h"
#include "mail/dkim.h"
#include "queue/sha256.h"

#define TAGS "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; " \
	"d=example.org; s=s1;"

static void
put(void *ctx, const char *p, size_t n)
{
	assert_int_not_equal(n, 0);
	mc_buf_add(ctx, p, n);
}

/* ------------------------------------------------------------------- bodies */

/* cut at two places */
static void
canon(struct mc_str in, size_t a, size_t b, struct mc_buf *out)
{
	struct mc_dkim_body body;

	mc_buf_reset(out);
	mc_dkim_body_begin(&body, put, out);
	mc_dkim_body_add(&body, in.ptr, a);
	mc_dkim_body_add(&body, in.ptr + a, b - a);
	mc_dkim_body_add(&body, in.ptr + b, in.len - b);
	mc_dkim_body_end(&body);
}

static void
test_body(void **state)
{
	static const struct {
		struct mc_str in;
		const char *out;
	} rows[] = {
		/* RFC 6376 3.4.5 */
		{ MC_STR(" C \r\nD \t E\r\n\r\n\r\n"), " C\r\nD E\r\n" },
		/* 3.4.4: nothing at all, and not a line end */
		{ MC_STR(""), "" },
		{ MC_STR("\r\n"), "" },
		{ MC_STR("\r\n\r\n\r\n"), "" },
		{ MC_STR(" \t \r\n\t\r\n"), "" },
		{ MC_STR(" "), "" },
		{ MC_STR("x"), "x\r\n" },
		{ MC_STR("x\r\n"), "x\r\n" },
		{ MC_STR("x \t"), "x\r\n" },
		{ MC_STR("\r\n\r\nx\r\n\r\n"), "\r\n\r\nx\r\n" },
		{ MC_STR("\tx\r\n \r\n\t y  z\r\n"), " x\r\n\r\n y z\r\n" },
		{ MC_STR(" x\r\n  \r\n \ty\r\n . \r\n"),
		    " x\r\n\r\n y\r\n .\r\n" },
		/* only CRLF ends a line */
		{ MC_STR("a\nb\rc\r\r\nd\n\r\n"),
		    "a\nb\rc\r\r\nd\n\r\n" },
		{ MC_STR("a \rb \n\r\n"), "a \rb \n\r\n" },
		{ MC_STR("a\r\n\r"), "a\r\n\r\r\n" },
		{ MC_STR("\r"), "\r\r\n" },
		{ MC_STR("\xc3\xbc \x80\xff\r\n"), "\xc3\xbc \x80\xff\r\n" },
	};
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		for (size_t a = 0; a <= rows[i].in.len; a++)
			for (size_t b = a; b <= rows[i].in.len; b++) {
				canon(rows[i].in, a, b, &out);
				assert_str(mc_buf_str(&out), rows[i].out);
			}
	/* NUL is a byte like others */
	canon(MC_STR("a\0 \0b\0\r\n"), 2, 3, &out);
	assert_int_equal(out.len, 8);
	assert_memory_equal(out.ptr, "a\0 \0b\0\r\n", 8);
	mc_buf_clear(&out);
}

/* what waits is counted, and what comes out is not cut */
static void
test_large_body(void **state)
{
	struct mc_dkim_body body;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000000);
	mc_dkim_body_begin(&body, put, &out);
	for (int i = 0; i < 5000; i++)
		mc_dkim_body_add(&body, "  \r\n", 4);
	assert_int_equal(out.len, 0);
	for (int i = 0; i < 3000; i++)
		mc_dkim_body_add(&body, "x \t", 3);
	for (int i = 0; i < 5000; i++)
		mc_dkim_body_add(&body, "\r\n\t", 3);
	mc_dkim_body_end(&body);
	assert_int_equal(out.len, 10000 + 3000 + 2999 + 2);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(out.ptr[i], "\r\n"[i % 2]);
	assert_memory_equal(out.ptr + 10000, "x x x ", 6);
	assert_memory_equal(out.ptr + out.len - 4, " x\r\n", 4);
	mc_buf_clear(&out);
}

/* RFC 8463 A.3, and the digest of nothing (RFC 6376 3.4.4) */
static void
test_digests(void **state)
{
	static const struct {
		struct mc_str in;
		const char *hash;
	} rows[] = {
		{ MC_STR("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?"
		    "\r\n\r\nJoe.\r\n"),
		    "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=" },
		{ MC_STR("\r\n"),
		    "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
	};
	struct mc_buf out, hash;

	(void)state;
	mc_buf_init(&out, 1000);
	mc_buf_init(&hash, 100);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		unsigned char bytes[MC_SHA256_LEN];
		struct mc_sha256 sha;

		canon(rows[i].in, 1, 1, &out);
		mc_sha256_init(&sha);
		mc_sha256_add(&sha, out.ptr, out.len);
		mc_sha256_end(&sha, bytes);
		mc_buf_reset(&hash);
		mc_b64_encode(mc_str_make((char *)bytes, sizeof(bytes)),
		    &hash);
		assert_str(mc_buf_str(&hash), rows[i].hash);
	}
	mc_buf_clear(&out);
	mc_buf_clear(&hash);
}

/* ------------------------------------------------------------------- fields */

static void
test_field(void **state)
{
	static const struct {
		const char *raw;
		const char *out;
	} rows[] = {
		/* RFC 6376 3.4.5 */
		{ "A: X\r\n", "a:X\r\n" },
		{ "B : Y\t\r\n\tZ  \r\n", "b:Y Z\r\n" },
		{ "SUBJect:\r\n", "subject:\r\n" },
		{ "Subject:   \r\n \t\r\n", "subject:\r\n" },
		{ "Subject \t : \t a:b : c\r\n", "subject:a:b : c\r\n" },
		{ "X:\r\n\r\n a\r\n \r\n b", "x:a b\r\n" },
		{ "x:a \r\n\t\r\n  b\t\t c", "x:a b c\r\n" },
		{ "x:a\r\n b", "x:a b\r\n" },
		{ "X-\xc3\x9c: \xc3\x9c\r\n", "x-\xc3\x9c:\xc3\x9c\r\n" },
		{ "x", "x:\r\n" },
		{ "", ":\r\n" },
	};
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000000);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		mc_buf_reset(&out);
		mc_dkim_put_field(mc_str_from(rows[i].raw), false, put, &out);
		assert_str(mc_buf_str(&out), rows[i].out);
		mc_buf_reset(&out);
		mc_dkim_put_field(mc_str_from(rows[i].raw), true, put, &out);
		assert_int_equal(out.len + 2, strlen(rows[i].out));
		assert_memory_equal(out.ptr, rows[i].out, out.len);
	}
	mc_buf_clear(&out);
}

static void
test_large_field(void **state)
{
	struct mc_buf raw, out;

	(void)state;
	mc_buf_init(&raw, MC_MAX_HEADER_RCPT);
	mc_buf_init(&out, MC_MAX_HEADER_RCPT);
	mc_buf_addz(&raw, "To:");
	for (int i = 0; i < 50000; i++)
		mc_buf_addz(&raw, " a@example.org,\r\n\t");
	mc_buf_addz(&raw, " b@example.org\r\n");
	mc_dkim_put_field(mc_buf_str(&raw), false, put, &out);
	assert_int_equal(out.len, 3 + 50000 * 15 + 13 + 2);
	assert_int_equal(mc_buf_err(&out, "field", NULL), 0);
	mc_buf_clear(&raw);
	mc_buf_clear(&out);
}

/* ---------------------------------------------------------------- signature */

static void
read_header(struct mc_header *h, const char *text)
{
	mc_header_init(h);
	assert_int_equal(mc_header_read(h, mc_str_from(text), NULL), 0);
}

static struct mc_dkim_tags
some_tags(void)
{
	struct mc_dkim_tags t = { .algorithm = "rsa-sha256",
	    .domain = "example.org", .selector = MC_STR("s1"), .time = 1234 };

	return t;
}

/* the value of h= without folds */
static void
names(const char *header, struct mc_buf *out)
{
	struct mc_dkim_tags tags = some_tags();
	struct mc_header h;
	struct mc_buf field;
	const char *at;

	mc_buf_init(&field, 1000000);
	read_header(&h, header);
	mc_dkim_field_begin(&tags, &h, &field);
	assert_int_equal(mc_buf_err(&field, "field", NULL), 0);
	at = strstr(field.ptr, "h=");
	assert_non_null(at);
	mc_buf_reset(out);
	for (at += 2; *at != ';'; at++)
		if (*at != '\r' && *at != '\n' && *at != '\t')
			mc_buf_addc(out, *at);
	mc_header_clear(&h);
	mc_buf_clear(&field);
}

static void
test_names(void **state)
{
	static const struct {
		const char *header;
		const char *names;
	} rows[] = {
		{ "From: a@x\r\n", "From:From:Subject:To:Date:Cc:Reply-To:"
		    "Message-ID:MIME-Version:Content-Type:"
		    "Content-Transfer-Encoding" },
		/* one that others put above, twice, and never */
		{ "Received: x\r\nReturn-Path: <a@x>\r\nBcc: b@x\r\n"
		    "RESENT-BCC: b@x\r\nDKIM-Signature: v=1\r\nSender: c@x\r\n"
		    "reply-to: r@x\r\nfrom: a@x\r\nTO: b@x\r\nto: c@x\r\n"
		    "Comments: y\r\n",
		    "From:From:Subject:To:To:To:Date:Cc:Reply-To:Reply-To:"
		    "Message-ID:MIME-Version:Content-Type:"
		    "Content-Transfer-Encoding" },
		{ "From: a@x\r\nReferences: <a>\r\nIn-Reply-To: <a>\r\n"
		    "Resent-From: b@x\r\nResent-From: c@x\r\nList-Id: l\r\n"
		    "List-Unsubscribe: <u>\r\nList-Unsubscribe-Post: o\r\n",
		    "From:From:Subject:To:Date:Cc:Reply-To:Message-ID:"
		    "MIME-Version:Content-Type:Content-Transfer-Encoding:"
		    "In-Reply-To:References:Resent-From:Resent-From:List-Id:"
		    "List-Unsubscribe:List-Unsubscribe-Post" },
		{ "", "From:Subject:To:Date:Cc:Reply-To:Message-ID:"
		    "MIME-Version:Content-Type:Content-Transfer-Encoding" },
	};
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 10000);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		names(rows[i].header, &out);
		assert_str(mc_buf_str(&out), rows[i].names);
	}
	mc_buf_clear(&out);
}

static void
test_covers(void **state)
{
	struct mc_header h;
	struct mc_buf out;

	(void)state;
	read_header(&h, "To: one@x\r\nReceived: r\r\nTo : two@x\r\n"
	    "Subject:  a\r\n b\r\nFrom: a@x\r\nto: three@x\r\nX-Y: z\r\n");
	mc_buf_init(&out, 10000);
	/* of each name the lowest first (RFC 6376 5.4.2) */
	mc_dkim_put_header(&h, MC_STR("DKIM-Signature: v=1;\r\n\tb="), put,
	    &out);
	assert_str(mc_buf_str(&out), "from:a@x\r\nsubject:a b\r\n"
	    "to:three@x\r\nto:two@x\r\nto:one@x\r\ndkim-signature:v=1; b=");
	mc_header_clear(&h);
	mc_buf_clear(&out);
}

/* every line of a field is short, and what is put together is what was meant */
static void
check_lines(struct mc_str s)
{
	struct mc_str line;
	struct mc_str rest = s;

	assert_true(s.len > 2);
	assert_memory_equal(s.ptr + s.len - 2, "\r\n", 2);
	while (mc_str_next_token(&rest, "\r\n", &line)) {
		size_t width = line.len + (line.ptr[0] == '\t' ? 7 : 0);

		assert_in_range(width, 3, 77);
	}
}

static void
test_lines(void **state)
{
	struct mc_dkim_tags tags = some_tags();
	char signature[512];
	struct mc_header h;
	struct mc_buf out, bytes;

	(void)state;
	memset(signature, 'x', sizeof(signature));
	mc_buf_init(&out, 1000000);
	mc_buf_init(&bytes, 10000);
	mc_header_init(&h);
	for (size_t n = 0; n <= sizeof(signature); n++) {
		struct mc_str rest, piece;

		mc_buf_reset(&out);
		mc_buf_reset(&bytes);
		mc_dkim_field_begin(&tags, &h, &out);
		assert_memory_equal(out.ptr, TAGS, strlen(TAGS));
		assert_string_equal(out.ptr + out.len - 2, "b=");
		size_t from = out.len;

		assert_int_equal(mc_dkim_field_end(mc_str_make(signature, n),
		    &out, NULL), 0);
		check_lines(mc_buf_str(&out));
		rest = mc_str_sub(mc_buf_str(&out), from, SIZE_MAX);
		struct mc_buf text;

		mc_buf_init(&text, 10000);
		while (mc_str_next_token(&rest, "\r\n\t", &piece))
			mc_buf_add_str(&text, piece);
		assert_int_equal(mc_b64_decode(mc_buf_str(&text), &bytes), 0);
		assert_int_equal(bytes.len, n);
		assert_memory_equal(bytes.ptr, signature, n);
		mc_buf_clear(&text);
	}
	mc_buf_clear(&out);
	mc_buf_clear(&bytes);
	mc_header_clear(&h);
}

/* as many fields as there can be */
static void
test_many(void **state)
{
	struct mc_dkim_tags tags = some_tags();
	struct mc_header h;
	struct mc_buf out;
	size_t n = 0;

	(void)state;
	mc_header_init(&h);
	while (n < MC_MAX_FIELDS && mc_header_append_raw(&h,
	    MC_STR("Content-Transfer-Encoding: 7bit\r\n"), NULL) == 0)
		n++;
	assert_int_equal(n, MC_MAX_FIELDS);
	mc_buf_init(&out, 64 * 1024);
	mc_dkim_field_begin(&tags, &h, &out);
	assert_int_equal(mc_dkim_field_end(MC_STR("x"), &out, NULL), 0);
	check_lines(mc_buf_str(&out));
	mc_header_clear(&h);
	mc_buf_clear(&out);
}

/* ------------------------------------------------------------------- author */

static void
test_author(void **state)
{
	static const struct {
		const char *header;
		int ours;
		const char *domain;
	} rows[] = {
		{ "From: a@example.org\r\n", 1, "" },
		{ "From: A <a@Example.ORG>\r\n", 1, "" },
		{ "From: a@b.c.example.org\r\n", 1, "" },
		{ "From: a@x.example.org, b@example.org\r\n", 1, "" },
		{ "from: G: a@example.org;\r\n", 1, "" },
		{ "From: \xc3\xa4@example.org\r\n", 1, "" },
		{ "From: a@example.com\r\n", 0, "example.com" },
		{ "From: a@notexample.org\r\n", 0, "notexample.org" },
		{ "From: a@org\r\n", 0, "org" },
		{ "From: a@example.org.x\r\n", 0, "example.org.x" },
		{ "From: a@example.org, b@x.com\r\n", 0, "x.com" },
		{ "From: a@example.org\r\nFrom: b@x.com\r\n", 0, "x.com" },
		{ "From: a@[192.0.2.1]\r\n", 0, "[192.0.2.1]" },
		{ "From: \"a@example.org\" <b@x.com>\r\n", 0, "x.com" },
		{ "From: a\r\n", 0, "" },
		{ "From:\r\n", 0, "" },
		{ "From: G:;\r\n", 0, "" },
		{ "From: <\r\n", 0, "" },
		{ "Sender: a@example.org\r\n", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char domain[100];
		struct mc_header h;

		read_header(&h, rows[i].header);
		assert_int_equal(mc_dkim_is_ours(&h, "example.org", domain,
		    sizeof(domain), NULL), rows[i].ours);
		if (!rows[i].ours)
			assert_string_equal(domain, rows[i].domain);
		mc_header_clear(&h);
	}
}

static void
test_author_idna(void **state)
{
	char domain[100];
	struct mc_header h;

	(void)state;
	read_header(&h, "From: a@x.gr\xc3\xbcn.example\r\n");
	assert_int_equal(mc_dkim_is_ours(&h, "xn--grn-ioa.example", domain,
	    sizeof(domain), NULL), 1);
	assert_int_equal(mc_dkim_is_ours(&h, "gruen.example", domain,
	    sizeof(domain), NULL), 0);
	assert_string_equal(domain, "x.gr\xc3\xbcn.example");
	mc_header_clear(&h);
}

/* ------------------------------------------------------------------- memory */

static void
test_no_memory(void **state)
{
	bool done = false;

	(void)state;
	for (unsigned long n = 1; !done; n++) {
		struct mc_dkim_tags tags = some_tags();
		struct mc_err err = { .code = MC_OK };
		char domain[100];
		struct mc_header h;
		struct mc_buf out;
		int rc;

		read_header(&h, "From: a@example.org\r\nTo: b@x\r\n");
		mc_buf_init(&out, 10000);
		failmalloc(n, false);
		rc = mc_dkim_is_ours(&h, "example.org", domain,
		    sizeof(domain), &err);
		if (rc == 1) {
			mc_dkim_field_begin(&tags, &h, &out);
			rc = mc_dkim_field_end(MC_STR("xyz"), &out, &err);
		}
		done = failmalloc(0, false) < n;
		if (rc != 0) {
			assert_false(done);
			assert_err(rc, err, MC_E_NOMEM);
		} else {
			assert_true(done);
			assert_non_null(strstr(out.ptr, "b=eHl6\r\n"));
		}
		mc_header_clear(&h);
		mc_buf_clear(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_large_body),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_field),
		cmocka_unit_test(test_large_field),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_author),
		cmocka_unit_test(test_author_idna),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
