/* SPDX-License-Identifier: MIT */
/*
 * compose_field.c - the fields of a header that is made from what people write
 */
#include "base/base.h"
#include "mail/compose.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/addr_part.h"
#include "mail/encword.h"
#include "mail/mailbox.h"

#define WIDTH 76
/* a word that is longer cannot be folded, and is encoded */
#define MOST_WORD 300

/* ---------------------------------------------------------------- addresses */

/* a field that grows by addresses */
struct list {
	struct mc_buf *out;
	size_t col;
	size_t n;
};

static void
add_piece(struct list *l, struct mc_str piece)
{
	size_t first = mc_str_chr(piece, '\r');
	size_t lf = SIZE_MAX;

	if (l->n != 0) {
		mc_buf_addc(l->out, ',');
		l->col++;
	}
	if (l->n != 0 && l->col + 1 + first + 1 > WIDTH) {
		mc_buf_addz(l->out, "\r\n");
		l->col = 0;
	}
	mc_buf_addc(l->out, ' ');
	mc_buf_add_str(l->out, piece);
	for (size_t i = 0; i < piece.len; i++)
		if (piece.ptr[i] == '\n')
			lf = i;
	l->col = lf == SIZE_MAX ? l->col + 1 + piece.len :
	    piece.len - lf - 1;
	l->n++;
}

static int
add_address(struct list *l, const struct mc_addr *addr, struct mc_err *err)
{
	struct mc_str name = addr->name.len != 0 ? addr->name : addr->comment;
	struct mc_buf spec, piece;
	int rc = -1;

	mc_buf_init(&spec, MC_MAX_PATH * 2);
	mc_buf_init(&piece, MC_MAX_HEADER);
	if (addr->domain.len == 0)
		mc_buf_add_str(&spec, addr->local);
	else if (mc_mailbox_make(addr->local, addr->domain, &spec, err) != 0)
		goto out;
	if (mc_buf_err(&spec, "address", err) != 0)
		goto out;
	mc_addr_format(name, mc_buf_str(&spec), &piece);
	if (mc_buf_err(&piece, "address", err) != 0)
		goto out;
	add_piece(l, mc_buf_str(&piece));
	rc = 0;
out:
	mc_buf_clear(&spec);
	mc_buf_clear(&piece);
	return rc;
}

/* *groups: how many groups there were, empty ones too */
static int
add_list(struct list *l, const char *text, size_t *groups, struct mc_err *err)
{
	struct mc_addr_list list;
	int rc;

	mc_addr_list_init(&list);
	rc = mc_addr_parse(mc_str_from(text), MC_ADDR_OPERAND, &list, err);
	for (size_t i = 0; rc == 0 && i < list.addrs.n; i++)
		rc = add_address(l, mc_vec_at(&list.addrs, i), err);
	*groups += list.groups;
	mc_addr_list_clear(&list);
	return rc;
}

int
mc_compose_addresses(const char *name, const char *const *lists,
    struct mc_buf *out, size_t *ret_n, struct mc_err *err)
{
	struct list l = { .out = out };
	size_t start = out->len, groups = 0;

	mc_buf_addz(out, name);
	mc_buf_addc(out, ':');
	l.col = strlen(name) + 1;
	for (size_t i = 0; lists != NULL && lists[i] != NULL; i++)
		if (add_list(&l, lists[i], &groups, err) != 0) {
			mc_err_ctx(err, "%s", name);
			return -1;
		}
	*ret_n = l.n;
	if (l.n == 0 && groups != 0)
		add_piece(&l, MC_STR("undisclosed-recipients:;"));
	if (l.n == 0)
		mc_buf_splice(out, start, out->len - start, MC_STR_NONE);
	else
		mc_buf_addz(out, "\r\n");
	return mc_buf_err(out, "header", err);
}

/* --------------------------------------------------------------- other text */

/* the front of s that is blank (or, with `word`, is not) */
static size_t
span(struct mc_str s, bool word)
{
	size_t n = 0;

	while (n < s.len && (s.ptr[n] == ' ') != word)
		n++;
	return n;
}

static bool
has_encoded_look(struct mc_str s)
{
	for (size_t i = 0; i + 1 < s.len; i++)
		if (s.ptr[i] == '=' && s.ptr[i + 1] == '?')
			return true;
	return false;
}

static bool
has_long_word(struct mc_str s)
{
	size_t blanks, n;

	for (; s.len != 0; s = mc_str_sub(s, blanks + n, s.len)) {
		blanks = span(s, false);
		n = span(mc_str_sub(s, blanks, s.len), true);
		if (n > MOST_WORD || blanks > MOST_WORD)
			return true;
	}
	return false;
}

static void
fold_ascii(struct mc_str s, size_t col, struct mc_buf *out)
{
	bool first = true;

	while (s.len != 0) {
		size_t n = span(s, false);

		n += span(mc_str_sub(s, n, s.len), true);
		if (!first && col + n > WIDTH) {
			mc_buf_addz(out, "\r\n");
			col = 0;
		}
		mc_buf_add_str(out, mc_str_sub(s, 0, n));
		s = mc_str_sub(s, n, s.len);
		col += n;
		first = false;
	}
}

/* s: clean, without tabs and without blanks at its ends */
static void
add_text(struct mc_str s, size_t col, struct mc_buf *out)
{
	struct mc_encword w;

	if (s.len == 0)
		return;
	mc_buf_addc(out, ' ');
	col++;
	if (!has_encoded_look(s) && !has_long_word(s) && mc_str_is_ascii(s)) {
		fold_ascii(s, col, out);
		return;
	}
	mc_encword_init(&w, col, out);
	if (has_encoded_look(s) || has_long_word(s))
		mc_encword_put(&w, s);
	else
		(void)mc_encword_words(&w, s, 0, s.len, MC_ENCWORD_TEXT);
	mc_encword_clear(&w);
}

int
mc_compose_field(struct mc_str name, struct mc_str text, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_buf clean;
	int rc = -1;

	mc_buf_init(&clean, MC_MAX_HEADER);
	for (size_t i = 0; i < text.len; i++)
		mc_buf_addc(&clean, text.ptr[i] == '\t' ? ' ' : text.ptr[i]);
	if (mc_buf_err(&clean, "header field", err) != 0) {
		mc_err_ctx(err, "%.*s", MC_STR_FMT(name));
		goto out;
	}
	if (!mc_str_is_utf8(text)) {
		(void)mc_err_set(err, MC_E_HDR_SYNTAX, MC_STAGE_LOCAL,
		    "%.*s is not UTF-8", MC_STR_FMT(name));
		goto out;
	}
	if (!mc_addr_is_clean(mc_buf_str(&clean))) {
		(void)mc_err_set(err, MC_E_HDR_SYNTAX, MC_STAGE_LOCAL,
		    "%.*s holds a line end or another control character",
		    MC_STR_FMT(name));
		goto out;
	}
	mc_buf_add_str(out, name);
	mc_buf_addc(out, ':');
	add_text(mc_str_trim(mc_buf_str(&clean)), name.len + 1, out);
	mc_buf_addz(out, "\r\n");
	rc = mc_buf_err(out, "header", err);
out:
	mc_buf_clear(&clean);
	return rc;
}

/* made by us, or read as if it named recipients or the way of the message */
static bool
is_taken(struct mc_str name)
{
	static const char *const names[] = {
		"From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Date",
		"MIME-Version", "Return-Path", "Received",
	};

	if (mc_str_starts_nocase(name, MC_STR("Content-")) ||
	    mc_str_starts_nocase(name, MC_STR("Resent-")))
		return true;
	for (size_t i = 0; i < MC_NELEM(names); i++)
		if (mc_str_eq_nocase(name, mc_str_from(names[i])))
			return true;
	return false;
}

/* RFC 5322 3.6.8, and short enough for a line */
static bool
is_name(struct mc_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
			return false;
	return name.len != 0 && name.len < WIDTH;
}

int
mc_compose_extra(const char *line, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str s = mc_str_from(line);
	size_t colon = mc_str_chr(s, ':');
	struct mc_str name = mc_str_sub(s, 0, colon);

	if (colon == s.len || !is_name(name))
		return mc_err_set(err, MC_E_HDR_SYNTAX, MC_STAGE_LOCAL,
		    "\"%.60s\" is no header field, which is \"Name: text\"",
		    line);
	if (is_taken(name))
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "the field %.*s cannot be given like this; mailchute "
		    "makes it", MC_STR_FMT(name));
	return mc_compose_field(name, mc_str_sub(s, colon + 1, s.len), out,
	    err);
}
