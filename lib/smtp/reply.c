/* SPDX-License-Identifier: MIT */
/* Server replies: cut one off the input, take its codes and text apart. */
#include "base/base.h"

#include "smtp/reply.h"

#include "base/err.h"
#include "base/limits.h"

#define QUOTE_MAX 80	/* of a bad line, in an error text */

static const char not_reply[] = "not an SMTP reply";

/*
 * What is wrong with a line, or the beginning of one, that no further byte can
 * mend; NULL if nothing.  A line that is passed over instead would shift all
 * later replies by one: a 2yz to QUIT would then look like the one to the end
 * of the message, and the message be lost.
 */
static const char *
line_fault(struct mc_str line, const char *first)
{
	for (size_t i = 0; i < line.len && i < 3; i++) {
		char c = line.ptr[i];

		if (!mc_is_digit(c) || (i == 0 && (c < '2' || c > '5')) ||
		    (i == 1 && c > '5'))
			return not_reply;
		if (first != NULL && first[i] != c)
			return "a reply whose lines carry different codes";
	}
	if (line.len <= 3)
		return NULL;
	if (memchr(" -\r\n", line.ptr[3], 4) == NULL)
		return not_reply;
	if (memchr(line.ptr, '\0', line.len) != NULL)
		return "a reply that holds a NUL byte";

	const char *cr = memchr(line.ptr, '\r', line.len);
	const char *last = line.ptr + line.len - 1;

	if (cr != NULL && cr != last && cr[1] != '\n')
		return "a reply with a bare carriage return";
	return NULL;
}

static int
syntax_error(struct mc_str rest, bool first, const char *why,
    struct mc_err *err)
{
	struct mc_str line = mc_str_sub(rest, 0, mc_str_chr(rest, '\n'));
	char quote[QUOTE_MAX + 1];

	(void)mc_str_printable(mc_str_trim(line), quote, sizeof(quote));
	return mc_err_set(err, MC_E_REPLY_SYNTAX, MC_STAGE_LOCAL,
	    "the server sent %s: \"%s\"%s", why, quote,
	    first ? "; check host, port and tls" : "");
}

static int
long_error(size_t limit, const char *unit, struct mc_err *err)
{
	return mc_err_set(err, MC_E_REPLY_LONG, MC_STAGE_LOCAL,
	    "the server's reply is too long (limit: %zu %s)", limit, unit);
}

/* 1 to 3 digits, no leading zero; how many were read, 0 if it is not that */
static size_t
enh_number(struct mc_str s, int *ret_value)
{
	size_t n = 0;
	int value = 0;

	while (n < s.len && mc_is_digit(s.ptr[n])) {
		if (n == 3 || (n > 0 && value == 0))
			return 0;
		value = value * 10 + (s.ptr[n] - '0');
		n++;
	}
	if (n > 0)
		*ret_value = value;
	return n;
}

/* length of the enhanced code in front of `text` (RFC 2034 section 4), 0 if
 * there is none that goes with `code` */
static size_t
parse_enh(struct mc_str text, int code, int ret_enh[3])
{
	int enh[3];
	size_t off = 0;

	for (size_t i = 0; i < 3; i++) {
		size_t n = enh_number(mc_str_sub(text, off, text.len), &enh[i]);

		if (n == 0)
			return 0;
		off += n;
		if (i == 2)
			break;
		if (off >= text.len || text.ptr[off] != '.')
			return 0;
		off++;
	}
	if (off < text.len && !mc_is_blank(text.ptr[off]))
		return 0;
	if (enh[0] != code / 100 || enh[0] == 3)
		return 0;
	memcpy(ret_enh, enh, sizeof(enh));
	return off;
}

/* cut a line off the front of `rest`: its text without code and line end */
static bool
next_line(struct mc_str *rest, struct mc_str *ret_text)
{
	if (rest->len == 0)
		return false;

	size_t n = mc_str_chr(*rest, '\n');
	struct mc_str line = mc_str_sub(*rest, 0, n);

	*rest = mc_str_sub(*rest, n + 1, rest->len);
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	*ret_text = mc_str_sub(line, 4, line.len);
	return true;
}

static void
fill_reply(struct mc_str raw, size_t lines, struct mc_reply *ret_reply)
{
	struct mc_reply r = { .lines = lines, .raw = raw };

	for (size_t i = 0; i < 3; i++)
		r.code = r.code * 10 + (raw.ptr[i] - '0');
	(void)parse_enh(mc_reply_line(&r, 0), r.code, r.enh);
	*ret_reply = r;
}

int
mc_reply_parse(struct mc_str in, size_t max_line, struct mc_reply *ret_reply,
    size_t *ret_used, struct mc_err *err)
{
	size_t off = 0;
	size_t lines = 0;
	bool more = true;

	while (more) {
		/* nothing past the limits is looked at, so that the verdict is
		 * the same however the bytes arrive */
		size_t room = MC_MAX_REPLY - off;
		bool by_line = max_line < room;

		if (by_line)
			room = max_line;

		struct mc_str rest = mc_str_sub(in, off, in.len);
		struct mc_str line = mc_str_sub(rest, 0, room);
		size_t lf = mc_str_chr(line, '\n');
		bool whole = lf < line.len;

		if (whole)
			line.len = lf + 1;

		const char *why = line_fault(line, off > 0 ? in.ptr : NULL);

		if (why != NULL)
			return syntax_error(rest, off == 0, why, err);
		if (!whole && line.len < room)
			return 0;
		if (!whole)
			return long_error(by_line ? max_line : MC_MAX_REPLY,
			    by_line ? "bytes a line" : "bytes", err);
		off += line.len;
		lines++;
		more = line.ptr[3] == '-';
		if (more && lines == MC_MAX_REPLY_LINES)
			return long_error(MC_MAX_REPLY_LINES, "lines", err);
	}
	fill_reply(mc_str_sub(in, 0, off), lines, ret_reply);
	*ret_used = off;
	return 1;
}

struct mc_str
mc_reply_line(const struct mc_reply *r, size_t i)
{
	struct mc_str rest = r->raw;
	struct mc_str text;

	while (next_line(&rest, &text))
		if (i-- == 0)
			return text;
	return MC_STR_NONE;
}

void
mc_reply_text(const struct mc_reply *r, struct mc_buf *out)
{
	size_t start = out->len;
	struct mc_str rest = r->raw;
	struct mc_str text;

	mc_buf_addf(out, "%d", r->code);
	if (r->enh[0] != 0)
		mc_buf_addf(out, " %d.%d.%d", r->enh[0], r->enh[1], r->enh[2]);
	while (next_line(&rest, &text)) {
		int enh[3];
		size_t n = parse_enh(text, r->code, enh);

		if (n != 0 && memcmp(enh, r->enh, sizeof(enh)) == 0)
			text = mc_str_sub(text, n, text.len);
		text = mc_str_trim(text);

		size_t used = out->len - start;

		/* room for the blank and one character, however long */
		if (text.len == 0 || used + 5 > MC_MAX_REPLY_TEXT)
			continue;
		mc_buf_addc(out, ' ');
		mc_buf_add_printable(out, text, MC_MAX_REPLY_TEXT - used - 1);
	}
}

int
mc_reply_err(const struct mc_reply *r, enum mc_code code, enum mc_stage stage,
    const char *what, struct mc_err *err)
{
	struct mc_buf text;

	if (err == NULL || mc_err_is_set(err))
		return -1;

	mc_buf_init(&text, MC_MAX_REPLY_TEXT);
	mc_reply_text(r, &text);
	/* without memory the code alone has to do: it is what decides */
	if (mc_buf_err(&text, "reply", NULL) == 0)
		mc_err_set(err, code, stage, "%s: %s", what, text.ptr);
	else
		mc_err_set(err, code, stage, "%s: %d", what, r->code);
	mc_buf_clear(&text);

	err->smtp = r->code;
	if (r->enh[0] != 0)
		memcpy(err->enh, r->enh, sizeof(err->enh));
	else if (r->code >= 400)
		memcpy(err->enh, (int[3]){ r->code / 100, 0, 0 },
		    sizeof(err->enh));
	return -1;
}
