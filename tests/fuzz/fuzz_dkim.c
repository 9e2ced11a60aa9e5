/* SPDX-License-Identifier: MIT */
/*
 * DKIM: a header, a blank line and a body of any bytes; the first byte says how
 * the body is cut.  Pieces make the same form as the whole, the form is its own
 * form, and every field is written so that it can be read.
 */
#include "base/base.h"

#include "base/limits.h"
#include "mail/dkim.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MOST ((size_t)1 << 28)

static void
require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static void
put(void *ctx, const char *p, size_t n)
{
	require(n != 0);
	mc_buf_add(ctx, p, n);
}

static void
canon(struct mc_str in, size_t piece, struct mc_buf *out)
{
	struct mc_dkim_body b;

	mc_buf_reset(out);
	mc_dkim_body_begin(&b, put, out);
	for (size_t off = 0; off < in.len; off += piece) {
		struct mc_str s = mc_str_sub(in, off, piece);

		mc_dkim_body_add(&b, s.ptr, s.len);
	}
	mc_dkim_body_end(&b);
	require(out->err == 0);
}

/* RFC 6376 3.4.4, as a verifier reads it */
static void
check_form(struct mc_str s)
{
	if (s.len == 0)
		return;
	require(s.len > 2 && s.ptr[s.len - 2] == '\r' &&
	    s.ptr[s.len - 1] == '\n');
	require(s.len < 4 || memcmp(s.ptr + s.len - 4, "\r\n\r\n", 4) != 0);
	for (size_t i = 0; i + 1 < s.len; i++) {
		require(s.ptr[i] != '\t');
		if (s.ptr[i] == ' ')
			require(s.ptr[i + 1] != ' ' && (i + 2 >= s.len ||
			    memcmp(s.ptr + i + 1, "\r\n", 2) != 0));
	}
}

static void
try_body(struct mc_str body, size_t piece)
{
	struct mc_buf whole, pieces;

	mc_buf_init(&whole, MOST);
	mc_buf_init(&pieces, MOST);
	canon(body, body.len + 1, &whole);
	canon(body, piece, &pieces);
	require(mc_str_eq(mc_buf_str(&whole), mc_buf_str(&pieces)));
	check_form(mc_buf_str(&whole));
	canon(mc_buf_str(&whole), piece, &pieces);
	require(mc_str_eq(mc_buf_str(&whole), mc_buf_str(&pieces)));
	mc_buf_clear(&whole);
	mc_buf_clear(&pieces);
}

static void
try_header(struct mc_str text)
{
	struct mc_dkim_tags tags = { .algorithm = "rsa-sha256",
	    .domain = "example.org", .selector = MC_STR("s"), .time = 1 };
	char domain[MC_MAX_DOMAIN + 1];
	struct mc_header h, again;
	struct mc_buf field, form;
	int rc;

	mc_header_init(&h);
	mc_header_init(&again);
	mc_buf_init(&field, MOST);
	mc_buf_init(&form, MOST);
	/* the fields in front of one that is none are there all the same */
	(void)!mc_header_read(&h, text, NULL);
	rc = mc_dkim_is_ours(&h, "example.org", domain, sizeof(domain), NULL);
	require(rc == 0 || rc == 1);
	require(rc == 0 || mc_header_find(&h, "From", 0) != SIZE_MAX);
	mc_dkim_field_begin(&tags, &h, &field);
	require(field.err == 0);
	mc_dkim_put_header(&h, mc_buf_str(&field), put, &form);
	require(form.err == 0 && form.len > 2 &&
	    memcmp(form.ptr + form.len - 2, "b=", 2) == 0);
	require(mc_dkim_field_end(text, &field, NULL) == 0 ||
	    text.len > 4096);
	require(mc_header_read(&again, mc_buf_str(&field), NULL) == 0 ||
	    field.err != 0 || text.len > 4096);
	mc_header_clear(&h);
	mc_header_clear(&again);
	mc_buf_clear(&field);
	mc_buf_clear(&form);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_str in;
	size_t end = 0;

	if (size == 0)
		return 0;
	in = mc_str_make((const char *)data + 1, size - 1);
	while (end < in.len && !(in.len - end >= 4 &&
	    memcmp(in.ptr + end, "\r\n\r\n", 4) == 0))
		end++;
	try_header(mc_str_sub(in, 0, end + 2));
	try_body(mc_str_sub(in, end + 4, SIZE_MAX), 1 + data[0] % 16);
	try_body(in, 1 + data[0] % 16);
	return 0;
}
