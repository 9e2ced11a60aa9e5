/* SPDX-License-Identifier: MIT */
/*
 * fold.c - header lines that are too long for the wire
 */
#include "base/base.h"
#include "mail/fold.h"

#include "base/err.h"
#include "base/limits.h"

/* length of the first line of s, without its CRLF */
static size_t
line_len(struct mc_str s)
{
	return mc_str_chr(s, '\n') < s.len ? mc_str_chr(s, '\n') - 1 : s.len;
}

static bool
has_long_line(struct mc_str raw)
{
	while (raw.len != 0) {
		size_t n = line_len(raw);

		if (n > MC_MAX_LINE)
			return true;
		raw = mc_str_sub(raw, n + 2, raw.len);
	}
	return false;
}

/*
 * Where to break: in front of the last blank within the limit that has text
 * on both sides; 0 if there is none.
 */
static size_t
break_at(struct mc_str line)
{
	size_t i, first = 0;

	while (first < line.len && mc_is_blank((unsigned char)line.ptr[first]))
		first++;
	for (i = MC_MAX_LINE; i > first; i--)
		if (mc_is_blank((unsigned char)line.ptr[i]) &&
		    !mc_is_blank((unsigned char)line.ptr[i - 1]) &&
		    mc_str_trim(mc_str_sub(line, i, line.len)).len != 0)
			return i;
	return 0;
}

/* append the value with every long line broken; the first line carries `used`
 * bytes of field name already */
static int
fold_value(struct mc_str raw, struct mc_buf *out)
{
	while (raw.len != 0) {
		struct mc_str line = mc_str_sub(raw, 0, line_len(raw));

		raw = mc_str_sub(raw, line.len + 2, raw.len);
		while (line.len > MC_MAX_LINE) {
			size_t i = break_at(line);

			if (i == 0)
				return -1;
			mc_buf_add(out, line.ptr, i);
			mc_buf_addz(out, "\r\n");
			line = mc_str_sub(line, i, line.len);
		}
		mc_buf_add_str(out, line);
		mc_buf_addz(out, "\r\n");
	}
	return 0;
}

static int
fold_field(struct mc_header *h, size_t i, struct mc_err *err)
{
	const struct mc_field *f = mc_header_at(h, i);
	struct mc_buf out;
	int rc = -1;

	mc_buf_init(&out, 2 * (MC_MAX_HEADER + MC_MAX_HEADER_RCPT));
	if (fold_value(f->raw, &out) != 0) {
		(void)mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "header field %.*s: more than %d bytes without a blank to "
		    "fold at", MC_STR_FMT(f->name), MC_MAX_LINE);
		goto out;
	}
	if (mc_buf_err(&out, "header field", err) != 0)
		goto out;
	rc = mc_header_set_raw_at(h, i, mc_buf_str(&out), err);
out:
	mc_buf_clear(&out);
	return rc;
}

int
mc_fold_header(struct mc_header *h, struct mc_err *err)
{
	size_t i;

	for (i = 0; i < h->fields.n; i++)
		if (has_long_line(mc_header_at(h, i)->raw) &&
		    fold_field(h, i, err) != 0)
			return -1;
	return 0;
}
