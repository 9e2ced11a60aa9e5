/* SPDX-License-Identifier: MIT */
/*
 * mime_encode.c - quoted-printable and base64, and what repairs them
 *
 * No line that is made here begins with "--", ".", or "From ": it could be
 * taken for a delimiter, an end of the message, or an mbox's.
 */
#include "base/base.h"
#include "mail/mime_internal.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/limits.h"

/* RFC 2045 6.7 (5) and 6.8: without CRLF */
#define MAX_CODED 76

/* ------------------------------------------------------------------- output */

void
mc_mime_put(struct mc_mime_out *out, const void *p, size_t n)
{
	const char *s = p;

	while (n != 0 && !out->failed) {
		size_t k = MC_BODY_CHUNK - out->n;

		if (k == 0) {
			(void)!mc_mime_flush(out);
			continue;
		}
		k = k < n ? k : n;
		memcpy(out->block + out->n, s, k);
		out->n += k;
		s += k;
		n -= k;
	}
}

int
mc_mime_flush(struct mc_mime_out *out)
{
	if (!out->failed && out->n != 0 && (out->to != NULL ?
	    mc_spool_add(out->to, out->block, out->n, out->err) :
	    out->put(out->ctx, out->block, out->n, out->err)) != 0)
		out->failed = true;
	out->n = 0;
	return out->failed ? -1 : 0;
}

/* --------------------------------------------------------- quoted-printable */

/* write the line that is complete but for its end */
static void
qp_line(struct mc_mime_coder *c)
{
	struct mc_str line = mc_str_make(c->line, c->n);

	if (mc_str_eq(mc_str_sub(line, 0, 5), MC_STR("From ")) ||
	    mc_str_eq(mc_str_sub(line, 0, 2), MC_STR("--"))) {
		mc_mime_put(c->out, *c->line == 'F' ? "=46" : "=2D", 3);
		line = mc_str_sub(line, 1, line.len);
	}
	mc_mime_put(c->out, line.ptr, line.len);
	c->n = 0;
}

static void
qp_soft_break(struct mc_mime_coder *c)
{
	qp_line(c);
	mc_mime_put(c->out, "=\r\n", 3);
}

/* what the line still takes; qp_line may make two bytes more of it */
static size_t
qp_room(const struct mc_mime_coder *c)
{
	size_t spare = c->n != 0 && (*c->line == 'F' || *c->line == '-') ? 2 :
	    0;

	return MAX_CODED - c->n - spare;
}

static void
qp_escape(struct mc_mime_coder *c, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";

	/* one for the soft break */
	if (qp_room(c) < 3 + 1)
		qp_soft_break(c);
	c->line[c->n++] = '=';
	c->line[c->n++] = digits[byte >> 4];
	c->line[c->n++] = digits[byte & 15];
}

static void
qp_byte(struct mc_mime_coder *c, char byte)
{
	unsigned char u = (unsigned char)byte;

	if (qp_room(c) < 1 + 1)
		qp_soft_break(c);
	if (u >= 0x7f || (u < 0x20 && u != '\t') || u == '=' ||
	    (u == '.' && c->n == 0))
		qp_escape(c, u);
	else
		c->line[c->n++] = byte;
}

/* a blank in front of a line end would be lost (RFC 2045 6.7 (3)) */
static void
qp_save_blank(struct mc_mime_coder *c)
{
	char last;

	if (c->n == 0 || !mc_is_blank((unsigned char)c->line[c->n - 1]))
		return;
	last = c->line[--c->n];
	qp_escape(c, (unsigned char)last);
}

static void
qp_hard_break(struct mc_mime_coder *c)
{
	qp_save_blank(c);
	qp_line(c);
	mc_mime_put(c->out, "\r\n", 2);
}

static void
qp_end(struct mc_mime_coder *c, bool last)
{
	if (c->n == 0)
		return;
	if (last) {
		qp_soft_break(c);
		return;
	}
	qp_save_blank(c);
	qp_line(c);
}

static void
qp_add(struct mc_mime_coder *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->cr) {
			c->cr = false;
			if (p[i] == '\n') {
				qp_hard_break(c);
				continue;
			}
			qp_escape(c, '\r');
		}
		if (p[i] == '\r')
			c->cr = true;
		else
			qp_byte(c, p[i]);
	}
}

/* ---------------------------------------------- quoted-printable, once more */

static bool
is_hex(char byte)
{
	return mc_is_digit((unsigned char)byte) ||
	    (byte >= 'A' && byte <= 'F') || (byte >= 'a' && byte <= 'f');
}

/* what was held turned out to stand for itself */
static void
wrap_literally(struct mc_mime_coder *c)
{
	if (c->equal)
		qp_escape(c, '=');
	c->equal = false;
	if (c->hex != 0)
		qp_byte(c, (char)c->hex);
	c->hex = 0;
	for (size_t i = 0; i < c->n_blanks; i++)
		qp_byte(c, c->blanks[i]);
	c->n_blanks = 0;
}

/*
 * The end of a line of quoted-printable: blanks in front of it count for
 * nothing, and behind "=" neither does it.
 */
static void
wrap_break(struct mc_mime_coder *c)
{
	bool soft = c->equal && c->hex == 0;

	c->n_blanks = 0;
	if (!soft) {
		wrap_literally(c);
		qp_hard_break(c);
	}
	c->equal = false;
}

static void
wrap_blank(struct mc_mime_coder *c, char byte)
{
	if (c->hex != 0)
		wrap_literally(c);
	if (c->n_blanks == sizeof(c->blanks)) {
		/* whether they are content is still to be seen, and this
		 * many may not be kept */
		(void)mc_err_set(c->out->err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "more than %zu blanks in a row in quoted-printable, which "
		    "cannot be wrapped", sizeof(c->blanks));
		c->out->failed = true;
		return;
	}
	c->blanks[c->n_blanks++] = byte;
}

static void
wrap_byte(struct mc_mime_coder *c, char byte)
{
	if (mc_is_blank((unsigned char)byte)) {
		wrap_blank(c, byte);
	} else if (c->equal && c->n_blanks == 0 && is_hex(byte)) {
		if (c->hex == 0) {
			c->hex = (unsigned char)byte;
			return;
		}
		/* as it was written, digits and all */
		if (qp_room(c) < 3 + 1)
			qp_soft_break(c);
		c->line[c->n++] = '=';
		c->line[c->n++] = (char)c->hex;
		c->line[c->n++] = byte;
		c->equal = false;
		c->hex = 0;
	} else {
		wrap_literally(c);
		if (byte == '=')
			c->equal = true;
		else
			qp_byte(c, byte);
	}
}

static void
wrap_add(struct mc_mime_coder *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->cr) {
			c->cr = false;
			if (p[i] == '\n') {
				wrap_break(c);
				continue;
			}
			wrap_byte(c, '\r');
		}
		if (p[i] == '\r')
			c->cr = true;
		else
			wrap_byte(c, p[i]);
	}
}

static void
wrap_end(struct mc_mime_coder *c, bool last)
{
	/* "=" at the very end is a soft break like any other */
	if (c->hex == 0)
		c->equal = false;
	c->n_blanks = 0;
	wrap_literally(c);
	qp_end(c, last);
}

/* ------------------------------------------------------------------- base64 */

static void
base64_line(struct mc_mime_coder *c)
{
	if (c->n == 0)
		return;
	if (c->more)
		mc_mime_put(c->out, "\r\n", 2);
	c->more = true;
	if (c->kind == MC_CODE_BASE64) {
		mc_buf_reset(&c->text);
		mc_b64_encode(mc_str_make(c->line, c->n), &c->text);
		if (mc_buf_err(&c->text, "base64", c->out->err) != 0)
			c->out->failed = true;
		mc_mime_put(c->out, c->text.ptr, c->text.len);
	} else {
		mc_mime_put(c->out, c->line, c->n);
	}
	c->n = 0;
}

static void
base64_add(struct mc_mime_coder *c, const char *p, size_t n)
{
	while (n != 0) {
		size_t k = MAX_CODED / 4 * 3 - c->n;

		k = k < n ? k : n;
		memcpy(c->line + c->n, p, k);
		c->n += k;
		p += k;
		n -= k;
		if (c->n == MAX_CODED / 4 * 3)
			base64_line(c);
	}
}

static void
base64_wrap(struct mc_mime_coder *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] == ' ' || p[i] == '\t' || p[i] == '\r' ||
		    p[i] == '\n')
			continue;
		c->line[c->n++] = p[i];
		if (c->n == MAX_CODED)
			base64_line(c);
	}
}

static void
base64_end(struct mc_mime_coder *c, bool last)
{
	base64_line(c);
	if (last && c->more)
		mc_mime_put(c->out, "\r\n", 2);
}

/* ------------------------------------------------------------------- filler */

static void
filler_byte(struct mc_mime_coder *c, char byte)
{
	unsigned char u = (unsigned char)byte;

	if ((c->want & MC_MIME_LINES) != 0 && c->n >= MC_MAX_LINE) {
		mc_mime_put(c->out, "\r\n", 2);
		c->n = 0;
	}
	/* replaced bytes and broken lines might make a delimiter; none begins
	 * with a blank */
	if (c->n == 0 && c->broken) {
		mc_mime_put(c->out, " ", 1);
		c->n++;
	} else if (c->n == 0 && byte == '-') {
		byte = ' ';
	}
	if ((u >= 0x80 && (c->want & MC_MIME_8BIT) != 0) ||
	    (u == '\0' && (c->want & MC_MIME_NUL) != 0) ||
	    ((u == '\r' || u == '\n') && (c->want & MC_MIME_CR) != 0))
		byte = '?';
	mc_mime_put(c->out, &byte, 1);
	c->n++;
	c->broken = c->n >= MC_MAX_LINE;
}

static void
filler_add(struct mc_mime_coder *c, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c->cr) {
			c->cr = false;
			if (p[i] == '\n') {
				mc_mime_put(c->out, "\r\n", 2);
				c->n = 0;
				c->broken = false;
				continue;
			}
			filler_byte(c, '\r');
		}
		if (p[i] == '\r')
			c->cr = true;
		else
			filler_byte(c, p[i]);
	}
}

/* ---------------------------------------------------------------------- all */

void
mc_mime_coder_init(struct mc_mime_coder *c, enum mc_mime_coder_kind kind,
    unsigned want, struct mc_mime_out *out)
{
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->want = want;
	c->out = out;
	mc_buf_init(&c->text, MAX_CODED);
}

void
mc_mime_coder_add(struct mc_mime_coder *c, const char *p, size_t n)
{
	switch (c->kind) {
	case MC_CODE_QP:
		qp_add(c, p, n);
		break;
	case MC_CODE_BASE64:
		base64_add(c, p, n);
		break;
	case MC_WRAP_QP:
		wrap_add(c, p, n);
		break;
	case MC_WRAP_BASE64:
		base64_wrap(c, p, n);
		break;
	case MC_CODE_FILLER:
		filler_add(c, p, n);
		break;
	}
}

void
mc_mime_coder_end(struct mc_mime_coder *c, bool last)
{
	bool cr = c->cr;

	c->cr = false;
	switch (c->kind) {
	case MC_CODE_QP:
		if (cr)
			qp_byte(c, '\r');
		qp_end(c, last);
		break;
	case MC_WRAP_QP:
		if (cr)
			wrap_byte(c, '\r');
		wrap_end(c, last);
		break;
	case MC_CODE_BASE64:
	case MC_WRAP_BASE64:
		base64_end(c, last);
		break;
	case MC_CODE_FILLER:
		if (cr)
			filler_byte(c, '\r');
		break;
	}
	mc_buf_clear(&c->text);
}
