/* SPDX-License-Identifier: MIT */
/*
 * dkim_canon.c - the canonical forms of a message that DKIM calls relaxed
 */
#include "base/base.h"
#include "mail/dkim.h"

static void
out_flush(struct mc_dkim_out *out)
{
	if (out->n != 0)
		out->put(out->ctx, out->bytes, out->n);
	out->n = 0;
}

static inline void
out_byte(struct mc_dkim_out *out, char c)
{
	if (out->n == sizeof(out->bytes))
		out_flush(out);
	out->bytes[out->n++] = c;
}

/* --------------------------------------------------------------------- body */

void
mc_dkim_body_begin(struct mc_dkim_body *b, mc_dkim_put *put, void *ctx)
{
	b->out.put = put;
	b->out.ctx = ctx;
	b->out.n = 0;
	b->ends = 0;
	b->blank = b->cr = b->any = false;
}

static inline void
content(struct mc_dkim_body *b, char c)
{
	for (; b->ends != 0; b->ends--) {
		out_byte(&b->out, '\r');
		out_byte(&b->out, '\n');
	}
	if (b->blank)
		out_byte(&b->out, ' ');
	b->blank = false;
	b->any = true;
	out_byte(&b->out, c);
}

void
mc_dkim_body_add(struct mc_dkim_body *b, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (b->cr) {
			b->cr = false;
			if (c == '\n') {
				b->blank = false;
				b->ends++;
				continue;
			}
			content(b, '\r');
		}
		if (c == '\r')
			b->cr = true;
		else if (c == ' ' || c == '\t')
			b->blank = true;
		else
			content(b, c);
	}
}

void
mc_dkim_body_end(struct mc_dkim_body *b)
{
	if (b->cr)
		content(b, '\r');
	b->cr = false;
	if (b->any) {
		out_byte(&b->out, '\r');
		out_byte(&b->out, '\n');
	}
	out_flush(&b->out);
}

/* ------------------------------------------------------------------- header */

void
mc_dkim_put_field(struct mc_str raw, bool last, mc_dkim_put *put, void *ctx)
{
	struct mc_dkim_out out = { .put = put, .ctx = ctx, .n = 0 };
	size_t colon = mc_str_chr(raw, ':');
	struct mc_str name = mc_str_trim(mc_str_sub(raw, 0, colon));
	struct mc_str value = mc_str_trim(mc_str_sub(raw, colon + 1,
	    SIZE_MAX));
	bool blank = false;

	for (size_t i = 0; i < name.len; i++)
		out_byte(&out, (char)mc_to_lower((unsigned char)name.ptr[i]));
	out_byte(&out, ':');
	for (size_t i = 0; i < value.len; i++) {
		char c = value.ptr[i];

		if (c == ' ' || c == '\t') {
			blank = true;
		} else if (c != '\r' && c != '\n') {
			if (blank)
				out_byte(&out, ' ');
			blank = false;
			out_byte(&out, c);
		}
	}
	if (!last) {
		out_byte(&out, '\r');
		out_byte(&out, '\n');
	}
	out_flush(&out);
}
