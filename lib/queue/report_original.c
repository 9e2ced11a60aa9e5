/* SPDX-License-Identifier: MIT */
/*
 * report_original.c - what goes back of the original: its header, or all of it
 *
 * The queue holds what may be sent, but a report must not depend on that: a
 * field that is none is left out, a line that is too long is folded or cut,
 * and blind copies are not told even if they should have come this far.
 */
#include "base/base.h"

#include "queue/report_internal.h"

#include "base/err.h"
#include "base/limits.h"

#define MOST_HEADER (32 * 1024)
/* with the blanks behind it; longer ones are nobody's */
#define MOST_NAME 512
#define MOST_ID 512

struct field {
	struct mc_str raw;	/* lines, as they stand */
	struct mc_str name;
	size_t colon;
};

/*
 * CRLF, and either byte alone: a reader may take that for the end of a line
 * too, and what then stands behind it must be looked at as a field.
 */
static bool
next_line(struct mc_str *rest, struct mc_str *ret_line)
{
	size_t n = 0;

	if (rest->len == 0)
		return false;
	while (n < rest->len && rest->ptr[n] != '\r' && rest->ptr[n] != '\n')
		n++;
	*ret_line = mc_str_make(rest->ptr, n);
	if (n + 1 < rest->len && rest->ptr[n] == '\r' &&
	    rest->ptr[n + 1] == '\n')
		n++;
	*rest = mc_str_sub(*rest, n + 1, SIZE_MAX);
	return true;
}

/* ------------------------------------------------------------------- fields */

static bool
is_field(struct field *f)
{
	struct mc_str raw = f->raw;
	size_t n = 0;

	while (n < raw.len && raw.ptr[n] > ' ' && raw.ptr[n] < 0x7f &&
	    raw.ptr[n] != ':')
		n++;
	f->name = mc_str_sub(raw, 0, n);
	while (n < raw.len && mc_is_blank((unsigned char)raw.ptr[n]))
		n++;
	f->colon = n;
	return f->name.len != 0 && n <= MOST_NAME && n < raw.len &&
	    raw.ptr[n] == ':';
}

static bool
is_hidden(struct mc_str name)
{
	return mc_str_eq_nocase(name, MC_STR("Bcc")) ||
	    mc_str_eq_nocase(name, MC_STR("Resent-Bcc"));
}

/* a line and the folded ones below it; false at the end or a blank line */
static bool
next_lines(struct mc_str *rest, struct mc_str *ret_raw)
{
	struct mc_str left = *rest;
	struct mc_str line;

	if (!next_line(&left, &line) || line.len == 0)
		return false;
	while (left.len != 0 && mc_is_blank((unsigned char)left.ptr[0]))
		(void)next_line(&left, &line);
	*ret_raw = mc_str_make(rest->ptr, rest->len - left.len);
	*rest = left;
	return true;
}

static bool
next_field(struct mc_str *rest, struct field *ret_field)
{
	while (next_lines(rest, &ret_field->raw))
		if (is_field(ret_field) && !is_hidden(ret_field->name))
			return true;
	return false;
}

/* ------------------------------------------------------------------ quoting */

static struct mc_str
drop_blanks_behind(struct mc_str line)
{
	while (line.len != 0 && mc_is_blank((unsigned char)
	    line.ptr[line.len - 1]))
		line.len--;
	return line;
}

/* where to fold a line without blanks at its end: at the last blank that
 * fits, has text in front and stands at `from` or later; 0 if nowhere */
static size_t
fold_at(struct mc_str line, size_t from)
{
	if (from == 0)
		while (from < line.len &&
		    mc_is_blank((unsigned char)line.ptr[from]))
			from++;
	for (size_t i = MC_MAX_LINE; i != 0 && i >= from; i--)
		if (mc_is_blank((unsigned char)line.ptr[i]) &&
		    !mc_is_blank((unsigned char)line.ptr[i - 1]))
			return i;
	return 0;
}

/* as much as may stand in a line, not through a character */
static size_t
cut_at(struct mc_str line)
{
	size_t n = MC_MAX_LINE;

	while (n > MC_MAX_LINE - 3 &&
	    ((unsigned char)line.ptr[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
put_clean(struct mc_report *r, struct mc_str line)
{
	if (mc_str_chr(line, '\0') == line.len) {
		mc_report_put(r, line);
		return;
	}
	for (size_t i = 0; i < line.len; i++)
		mc_buf_addc(&r->line, line.ptr[i] == '\0' ? '?' : line.ptr[i]);
	mc_report_end(r);
}

/*
 * One line of a field; `value` is where its value begins, 0 in a folded one.
 * What no line can hold is lost.  Returns how many bytes it comes to.
 */
static size_t
quote_line(struct mc_report *r, struct mc_str line, size_t value, bool put)
{
	size_t size = 0;

	line = drop_blanks_behind(line);
	while (line.len != 0) {
		size_t n = line.len;
		size_t rest = n;

		if (n > MC_MAX_LINE) {
			/* or a line of blanks alone would come of it */
			while (value == 0 &&
			    mc_is_blank((unsigned char)line.ptr[1])) {
				line.ptr++;
				line.len--;
			}
			n = rest = line.len;
		}
		if (n > MC_MAX_LINE) {
			n = rest = fold_at(line, value);
			if (n == 0) {
				n = cut_at(line);
				rest = line.len;
			}
		}
		size += n + 2;
		if (put)
			put_clean(r, mc_str_sub(line, 0, n));
		line = mc_str_sub(line, rest, SIZE_MAX);
		value = 0;
	}
	return size;
}

static size_t
quote_field(struct mc_report *r, const struct field *f, bool put)
{
	struct mc_str rest = f->raw;
	size_t value = f->colon + 1;
	size_t size = 0;
	struct mc_str line;

	while (next_line(&rest, &line)) {
		size += quote_line(r, line, value, put);
		value = 0;
	}
	return size;
}

/* a field that has no room is left out, so that a long list of recipients
 * does not hide subject and date */
static void
quote_header(struct mc_report *r)
{
	struct mc_str rest = r->set->header;
	size_t room = r->full ? SIZE_MAX : MOST_HEADER;
	struct field f;

	while (!r->failed && next_field(&rest, &f)) {
		size_t size = quote_field(r, &f, false);

		if (size > room)
			continue;
		room -= size;
		(void)quote_field(r, &f, true);
	}
}

void
mc_report_original(struct mc_report *r)
{
	struct mc_str rest = mc_buf_str(&r->whole);
	struct mc_str line;

	quote_header(r);
	if (!r->full)
		return;
	mc_report_put(r, MC_STR(""));
	while (!r->failed && next_line(&rest, &line))
		mc_report_put(r, line);
}

/* ------------------------------------------------------------- whole or not */

/* fit to be sent again byte by byte? */
static bool
is_clean(struct mc_str body)
{
	size_t line = 0;

	for (size_t i = 0; i < body.len; i++) {
		char c = body.ptr[i];

		if (c == '\0' || c == '\n')
			return false;
		if (c != '\r') {
			line++;
			continue;
		}
		if (i + 1 == body.len || body.ptr[i + 1] != '\n')
			return false;
		if (line > MC_MAX_LINE)
			return false;
		line = 0;
		i++;
	}
	return line <= MC_MAX_LINE;
}

int
mc_report_read_original(struct mc_report *r, struct mc_err *err)
{
	const struct mc_report_settings *set = r->set;
	const struct mc_spool *body = set->body;
	size_t got = 0;

	/* RFC 8689 section 5: REQUIRETLS means RET=HDRS */
	if (set->env->ret != MC_RET_FULL || set->env->require_tls ||
	    set->kind != MC_REPORT_FAILED ||
	    body == NULL || body->size > MC_REPORT_BUFFER ||
	    set->header.len + 2 > MC_REPORT_BUFFER - (size_t)body->size)
		return 0;

	size_t size = (size_t)body->size;
	char *to = mc_buf_reserve(&r->whole, size);

	if (to == NULL)
		return mc_buf_err(&r->whole, "the message", err);
	while (size != 0 && r->whole.len < size) {
		if (mc_spool_read(body, r->whole.len, to + r->whole.len,
		    size - r->whole.len, &got, err) != 0)
			return -1;
		if (got == 0)
			break;
		mc_buf_commit(&r->whole, got);
	}
	r->full = r->whole.len == size && is_clean(mc_buf_str(&r->whole));
	return 0;
}

/* --------------------------------------------------------------- identifier */

/* between the brackets: what needs no quotes, with an @ inside */
static bool
is_plain_id(struct mc_str id)
{
	size_t at = mc_str_chr(id, '@');

	for (size_t i = 0; i < id.len; i++)
		if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f ||
		    strchr("<>()\",;\\", id.ptr[i]) != NULL)
			return false;
	return at != 0 && at + 1 < id.len && id.len <= MOST_ID;
}

struct mc_str
mc_report_message_id(struct mc_str header)
{
	struct field f;

	while (next_field(&header, &f)) {
		if (!mc_str_eq_nocase(f.name, MC_STR("Message-ID")))
			continue;

		struct mc_str id = mc_str_trim(mc_str_sub(f.raw, f.colon + 1,
		    SIZE_MAX));

		if (id.len > 2 && id.ptr[0] == '<' &&
		    id.ptr[id.len - 1] == '>' &&
		    is_plain_id(mc_str_sub(id, 1, id.len - 2)))
			return id;
		break;
	}
	return MC_STR_NONE;
}
