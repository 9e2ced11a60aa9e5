/* SPDX-License-Identifier: MIT */
/*
 * Dot-stuffing there and back: the first byte says how the rest is cut.  A
 * strict server must see one message, the right one, and nothing behind it.
 */
#include "base/base.h"

#include "base/buf.h"
#include "smtp/dot.h"

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
encode(struct mc_str in, size_t piece, struct mc_buf *out)
{
	struct mc_dot d;

	mc_dot_init(&d);
	for (size_t off = 0; off < in.len; off += piece)
		mc_dot_add(&d, mc_str_sub(in, off, piece), out);
	mc_dot_end(&d, out);
	require(out->err == 0);
}

/* CRLF, CR and LF end lines, and the last line has an end too */
static void
canonical(struct mc_str in, struct mc_buf *out)
{
	bool open = false;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		open = c != '\r' && c != '\n';
		if (open) {
			mc_buf_addc(out, c);
			continue;
		}
		mc_buf_add(out, "\r\n", 2);
		if (c == '\r' && i + 1 < in.len && in.ptr[i + 1] == '\n')
			i++;
	}
	if (open)
		mc_buf_add(out, "\r\n", 2);
}

/* line by line, the way RFC 5321 4.5.2 tells a server to */
static void
decode(struct mc_str wire, struct mc_buf *out)
{
	for (;;) {
		size_t lf = mc_str_chr(wire, '\n');

		require(lf < wire.len && lf > 0 && wire.ptr[lf - 1] == '\r');

		struct mc_str line = mc_str_sub(wire, 0, lf - 1);

		wire = mc_str_sub(wire, lf + 1, wire.len);
		require(mc_str_chr(line, '\r') == line.len);
		if (mc_str_eq(line, MC_STR(".")))
			break;
		if (line.len > 0 && line.ptr[0] == '.')
			line = mc_str_sub(line, 1, line.len);
		mc_buf_add_str(out, line);
		mc_buf_add(out, "\r\n", 2);
	}
	require(wire.len == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	struct mc_str in = mc_str_make((const char *)data + 1, size - 1);
	struct mc_buf wire, pieces, want, got;

	mc_buf_init(&wire, MOST);
	mc_buf_init(&pieces, MOST);
	mc_buf_init(&want, MOST);
	mc_buf_init(&got, MOST);
	encode(in, in.len + 1, &wire);
	encode(in, 1 + data[0] % 16, &pieces);
	require(mc_str_eq(mc_buf_str(&wire), mc_buf_str(&pieces)));
	canonical(in, &want);
	decode(mc_buf_str(&wire), &got);
	require(mc_str_eq(mc_buf_str(&want), mc_buf_str(&got)));
	mc_buf_clear(&wire);
	mc_buf_clear(&pieces);
	mc_buf_clear(&want);
	mc_buf_clear(&got);
	return 0;
}
