/* SPDX-License-Identifier: MIT */
/* The encoding of a message between DATA and its end. */
#include "base/base.h"

#include "smtp/dot.h"

/* where the next CR and LF are; each byte of a piece is searched once for
 * each, whatever the mixture of line ends */
struct scan {
	const char *end;
	const char *cr;		/* at or after the place asked for; or end */
	const char *lf;
};

static const char *
find(const char *p, const char *end, char c)
{
	const char *hit = memchr(p, c, (size_t)(end - p));

	return hit == NULL ? end : hit;
}

/* how far the bytes from p on may go out as they are: up to a CR or LF that is
 * not part of CRLF, a CR that ends the piece, or a line that starts with a
 * dot */
static const char *
run_end(struct scan *s, const char *p)
{
	while (p < s->end) {
		if (s->cr < p)
			s->cr = find(p, s->end, '\r');
		if (s->lf < p)
			s->lf = find(p, s->end, '\n');
		if (s->lf < s->cr)
			return s->lf;
		if (s->lf == s->end || s->lf != s->cr + 1)
			return s->cr;
		p = s->lf + 1;
		if (p < s->end && *p == '.')
			return p;
	}
	return p;
}

void
mc_dot_init(struct mc_dot *d)
{
	d->at_line_start = true;
	d->cr = false;
}

static void
end_line(struct mc_dot *d, struct mc_buf *out)
{
	mc_buf_add(out, "\r\n", 2);
	d->at_line_start = true;
	d->cr = false;
}

void
mc_dot_add(struct mc_dot *d, struct mc_str in, struct mc_buf *out)
{
	if (in.len == 0)
		return;

	const char *p = in.ptr;
	const char *end = p + in.len;

	if (d->cr) {
		end_line(d, out);
		if (*p == '\n')
			p++;
	}

	struct scan s = { end, find(p, end, '\r'), find(p, end, '\n') };

	while (p < end) {
		if (d->at_line_start && *p == '.')
			mc_buf_addc(out, '.');

		const char *stop = run_end(&s, p);

		mc_buf_add(out, p, (size_t)(stop - p));
		d->at_line_start = stop > p && stop[-1] == '\n';
		p = stop;
		if (p == end || d->at_line_start)
			continue;
		if (*p == '\r' && p + 1 == end) {
			d->cr = true;
			return;
		}
		/* a CR or LF by itself: it ends the line all the same.  Sent
		 * as it is, a server that reads it so would see the end of
		 * the message where we do not (SMTP smuggling). */
		end_line(d, out);
		p++;
	}
}

void
mc_dot_end(struct mc_dot *d, struct mc_buf *out)
{
	if (d->cr || !d->at_line_start)
		end_line(d, out);
	mc_buf_add(out, ".\r\n", 3);
}

void
mc_chunk_init(struct mc_chunk *chunk)
{
	chunk->cr = false;
}

/* a number that is known lets the compiler look at many at once */
#define BLOCK 256

/* each LF has a CR in front of it, each CR an LF behind it; p[-1] counts */
static bool
pairs_only(const char *p, size_t n)
{
	unsigned char bad = 0;

	for (; n >= BLOCK; p += BLOCK, n -= BLOCK) {
		for (size_t i = 0; i < BLOCK; i++)
			bad |= (unsigned char)((p[i] == '\n') ^
			    (p[(ptrdiff_t)i - 1] == '\r'));
		if (bad != 0)
			return false;
	}
	for (size_t i = 0; i < n; i++)
		bad |= (unsigned char)((p[i] == '\n') ^
		    (p[(ptrdiff_t)i - 1] == '\r'));
	return bad == 0;
}

bool
mc_chunk_check(struct mc_chunk *chunk, struct mc_str piece)
{
	if (piece.len == 0)
		return true;
	if (chunk->cr != (piece.ptr[0] == '\n') ||
	    !pairs_only(piece.ptr + 1, piece.len - 1))
		return false;
	chunk->cr = piece.ptr[piece.len - 1] == '\r';
	return true;
}

bool
mc_chunk_end(const struct mc_chunk *chunk)
{
	return !chunk->cr;
}
