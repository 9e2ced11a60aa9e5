/* SPDX-License-Identifier: MIT */
/*
 * mime_side.h - read a message once more, in another way, and compare
 *
 * Parts are cut out of the whole text from the outside to the inside; the code
 * under test goes line by line.  Only the values of fields are parsed by what
 * mime_type.c has, which has tables of its own.
 */
#ifndef MC_MIME_SIDE_H
#define MC_MIME_SIDE_H

#include "base/b64.h"
#include "base/limits.h"
#include "mail/mime_internal.h"

/* one line with its end cut off; false at the end of the text */
static inline bool
side_line(struct mc_str text, size_t *at, struct mc_str *ret_line)
{
	size_t i = *at;

	if (i >= text.len)
		return false;
	while (i < text.len && !(text.ptr[i] == '\n' && i > *at &&
	    text.ptr[i - 1] == '\r'))
		i++;
	*ret_line = mc_str_sub(text, *at, i < text.len ? i - 1 - *at :
	    text.len - *at);
	*at = i < text.len ? i + 1 : text.len;
	return true;
}

/* ----------------------------------------------------------------- decoders */

static inline int
side_hex(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c == '\0' ? NULL : strchr(digits, c);

	return at == NULL ? -1 : (int)(at - digits) % 16;
}

/* RFC 2045 6.7; "=" without two digits stands for itself */
static inline void
side_decode_qp(struct mc_str text, struct mc_buf *out)
{
	struct mc_str line;
	size_t at = 0;

	while (side_line(text, &at, &line)) {
		bool ended = at < text.len || (text.len > 1 &&
		    text.ptr[text.len - 1] == '\n' &&
		    text.ptr[text.len - 2] == '\r');

		while (line.len != 0 && (line.ptr[line.len - 1] == ' ' ||
		    line.ptr[line.len - 1] == '\t'))
			line.len--;
		if (line.len != 0 && line.ptr[line.len - 1] == '=') {
			line.len--;
			ended = false;
		}
		for (size_t i = 0; i < line.len; i++) {
			int high = line.len - i > 2 ? side_hex(line.ptr[i + 1])
			    : -1;
			int low = line.len - i > 2 ? side_hex(line.ptr[i + 2])
			    : -1;

			if (line.ptr[i] == '=' && high >= 0 && low >= 0) {
				mc_buf_addc(out, (char)(high * 16 + low));
				i += 2;
			} else {
				mc_buf_addc(out, line.ptr[i]);
			}
		}
		if (ended)
			mc_buf_addz(out, "\r\n");
	}
}

/* what is no base64 is told as it is, without blanks and line ends */
static inline void
side_decode_base64(struct mc_str text, struct mc_buf *out)
{
	struct mc_buf plain;

	mc_buf_init(&plain, SIZE_MAX / 2);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\0' ||
		    strchr(" \t\r\n", text.ptr[i]) == NULL)
			mc_buf_addc(&plain, text.ptr[i]);
	if (mc_b64_decode(mc_buf_str(&plain), out) != 0) {
		mc_buf_addz(out, "not base64: ");
		mc_buf_add_str(out, mc_buf_str(&plain));
	}
	mc_buf_clear(&plain);
}

/* ----------------------------------------------------------------- entities */

static inline bool
side_is_field(struct mc_str line)
{
	size_t colon = mc_str_chr(line, ':');

	if (colon == line.len)
		return false;
	while (colon > 0 && (line.ptr[colon - 1] == ' ' ||
	    line.ptr[colon - 1] == '\t'))
		colon--;
	for (size_t i = 0; i < colon; i++)
		if (line.ptr[i] < '!' || line.ptr[i] > '~')
			return false;
	return colon != 0;
}

/* 8-bit bytes, or what they may have become (test_downgrade.c looks at that) */
static inline bool
side_is_encoded(struct mc_str raw)
{
	static const char *const marks[] = { "=?", "*=", "%", "xn--" };

	if (!mc_str_is_ascii(raw))
		return true;
	for (size_t i = 0; i < raw.len; i++)
		for (size_t k = 0; k < MC_NELEM(marks); k++)
			if (mc_str_eq(mc_str_sub(raw, i, strlen(marks[k])),
			    mc_str_from(marks[k])))
				return true;
	return false;
}

/* tell a field unfolded, unless it may change */
static inline void
side_field(struct mc_str raw, bool top, struct mc_mime_fields *fields,
    struct mc_buf *out)
{
	size_t colon = mc_str_chr(raw, ':');
	struct mc_str name = mc_str_trim(mc_str_sub(raw, 0, colon));

	if (raw.len == 0)
		return;
	(void)!mc_mime_fields_note(fields, name, mc_str_trim(mc_str_sub(raw,
	    colon + 1, raw.len)), NULL);
	if (mc_str_eq_nocase(name, MC_STR("Content-Transfer-Encoding")) ||
	    (top && (mc_str_eq_nocase(name, MC_STR("MIME-Version")) ||
	    mc_str_eq_nocase(name, MC_STR("Content-Type")))))
		return;
	if (side_is_encoded(raw))
		raw = name;
	for (size_t i = 0; i < raw.len; i++)
		if (raw.ptr[i] != '\r' && raw.ptr[i] != '\n')
			mc_buf_addc(out, raw.ptr[i]);
	mc_buf_addc(out, '\n');
}

/* cut the header off; returns where the body begins */
static inline size_t
side_head(struct mc_str text, bool top, bool message,
    struct mc_mime_fields *fields, struct mc_buf *out)
{
	struct mc_str line;
	size_t from = 0, at = 0, before = 0;
	bool any = false;

	while (side_line(text, &at, &line)) {
		bool more = any && line.len != 0 &&
		    (line.ptr[0] == ' ' || line.ptr[0] == '\t');
		bool field = side_is_field(line);

		if (message && before == 0 && line.len >= 5 &&
		    memcmp(line.ptr, "From ", 5) == 0) {
			mc_buf_add_str(out, line);
			mc_buf_addc(out, '\n');
			from = at;
		} else if (!more) {
			side_field(mc_str_sub(text, from, before - from), top,
			    fields, out);
			from = before;
			if (!field)
				return line.len == 0 ? at : before;
			any = true;
		}
		before = at;
	}
	side_field(mc_str_sub(text, from, before - from), top, fields, out);
	return text.len;
}

/* recursion, to be another way than the code's; it ends at a depth of 100 */
/* NOLINTBEGIN(misc-no-recursion) */
static inline void
side_entity(struct mc_str head, struct mc_str text, bool top, bool message,
    bool digest, unsigned depth, struct mc_buf *out);

/* tell the parts of a multipart; false if there is none */
static inline bool
side_parts(struct mc_str text, struct mc_str boundary, bool digest,
    unsigned depth, struct mc_buf *out)
{
	struct mc_str line;
	size_t from = SIZE_MAX, at = 0, before = 0;
	bool any = false;

	for (; side_line(text, &at, &line); before = at) {
		struct mc_str rest = mc_str_sub(line, 2 + boundary.len,
		    line.len);
		bool close = rest.len >= 2 && rest.ptr[0] == '-' &&
		    rest.ptr[1] == '-';

		if (line.len > MC_MAX_LINE || line.len < 2 ||
		    line.ptr[0] != '-' || line.ptr[1] != '-' ||
		    !mc_str_eq(mc_str_sub(line, 2, boundary.len), boundary))
			continue;
		rest = mc_str_sub(rest, close ? 2 : 0, rest.len);
		while (rest.len != 0 && (rest.ptr[0] == ' ' ||
		    rest.ptr[0] == '\t'))
			rest = mc_str_sub(rest, 1, rest.len);
		if (rest.len != 0)
			continue;
		if (from != SIZE_MAX)
			side_entity(MC_STR_NONE, mc_str_sub(text, from,
			    before >= from + 2 ? before - 2 - from : 0), false,
			    false, digest, depth, out);
		any = any || !close || from != SIZE_MAX;
		from = at;
		if (close)
			return any;
	}
	if (from != SIZE_MAX)
		side_entity(MC_STR_NONE, mc_str_sub(text, from, text.len),
		    false, false, digest, depth, out);
	return any;
}

/*
 * Tell an entity: its fields, then what is in it, decoded.  Of the message
 * itself (top) the header comes apart.
 */
static inline void
side_entity(struct mc_str head, struct mc_str text, bool top, bool message,
    bool digest, unsigned depth, struct mc_buf *out)
{
	struct mc_mime_fields fields;
	struct mc_buf boundary;
	bool walked = false;

	mc_mime_fields_init(&fields);
	mc_buf_init(&boundary, SIZE_MAX / 2);
	mc_buf_addf(out, "[%u\n", depth);
	if (top)
		(void)side_head(head, true, false, &fields, out);
	else
		text = mc_str_sub(text, side_head(text, false, message,
		    &fields, out), text.len);
	mc_buf_addz(out, "\n");

	struct mc_mime_type type = mc_mime_type_parse(mc_buf_str(
	    &fields.type));
	if (digest && !fields.has_type)
		type.kind = MC_MIME_MESSAGE;
	if (fields.cte > MC_CTE_BINARY || fields.twice || depth > 100)
		type.kind = MC_MIME_LEAF;
	if (type.kind == MC_MIME_MESSAGE) {
		side_entity(MC_STR_NONE, text, false, true, false, depth + 1,
		    out);
		walked = true;
	} else if (type.kind == MC_MIME_MULTIPART && mc_mime_boundary(
	    mc_buf_str(&fields.type), &boundary, NULL) == 1) {
		walked = side_parts(text, mc_buf_str(&boundary),
		    type.is_digest, depth + 1, out);
	}
	if (walked || fields.twice)
		;
	else if (fields.cte == MC_CTE_QP)
		side_decode_qp(text, out);
	else if (fields.cte == MC_CTE_BASE64)
		side_decode_base64(text, out);
	else
		mc_buf_add_str(out, text);
	mc_buf_addf(out, "\n%u]\n", depth);
	mc_buf_clear(&boundary);
	mc_mime_fields_clear(&fields);
}
/* NOLINTEND(misc-no-recursion) */

/* ----------------------------------------------------------- whole messages */

/* append the whole of a spool */
static inline void
side_read(const struct mc_spool *s, struct mc_buf *out)
{
	char block[4096];
	uint64_t off = 0;
	size_t got;

	while (mc_spool_read(s, off, block, sizeof(block), &got, NULL) == 0 &&
	    got != 0) {
		mc_buf_add(out, block, got);
		off += got;
	}
}

static inline void
side_tell(const struct mc_header *h, const struct mc_spool *body,
    struct mc_buf *out)
{
	struct mc_buf head, text;

	mc_buf_init(&head, SIZE_MAX / 2);
	mc_buf_init(&text, SIZE_MAX / 2);
	mc_header_write(h, &head);
	side_read(body, &text);
	side_entity(mc_buf_str(&head), mc_buf_str(&text), true, false, false,
	    0, out);
	mc_buf_clear(&head);
	mc_buf_clear(&text);
}

/* which MC_MIME_... a text holds, counted the slow way */
static inline unsigned
side_flags(struct mc_str text)
{
	unsigned flags = 0;
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		bool lf = c == '\r' && i + 1 < text.len &&
		    text.ptr[i + 1] == '\n';

		if (lf) {
			len = 0;
			i++;
			continue;
		}
		len++;
		if (len > MC_MAX_LINE)
			flags |= MC_MIME_LINES;
		if (c >= 0x80)
			flags |= MC_MIME_8BIT;
		if (c == '\0')
			flags |= MC_MIME_NUL;
		if (c == '\r' || c == '\n')
			flags |= MC_MIME_CR;
	}
	return flags;
}

/*
 * What mc_mime_convert did to a message, in other words than its own: NULL, or
 * what is wrong.  before: told by side_tell.
 */
static inline const char *
side_fault(int rc, unsigned want, const struct mc_header *h,
    const struct mc_spool *old_body, const struct mc_spool *body,
    struct mc_str before)
{
	struct mc_buf text, after;
	const char *fault = NULL;
	char end[2] = "";
	size_t got;

	mc_buf_init(&text, SIZE_MAX / 2);
	mc_buf_init(&after, SIZE_MAX / 2);
	side_read(rc == 1 ? body : old_body, &text);
	if (old_body->size > 1)
		(void)!mc_spool_read(old_body, old_body->size - 2, end, 2,
		    &got, NULL);
	side_tell(h, rc == 1 ? body : old_body, &after);
	if (rc != 1 && body->size != 0)
		fault = "a body without success";
	else if (!mc_str_eq(before, mc_buf_str(&after)))
		fault = "what is decoded has changed";
	else if (rc != -1 && (side_flags(mc_buf_str(&text)) & want) != 0)
		fault = "what had to go is there";
	else if (rc == 1 && memcmp(end, "\r\n", 2) == 0 && text.len != 0 &&
	    (text.len == 1 || memcmp(text.ptr + text.len - 2, "\r\n", 2) !=
	    0))
		fault = "no line end at the end";
	mc_buf_clear(&text);
	mc_buf_clear(&after);
	return fault;
}

#endif
