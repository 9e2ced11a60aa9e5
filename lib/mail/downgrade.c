/* SPDX-License-Identifier: MIT */
/*
 * downgrade.c - fields of a header in ASCII, each in the way that its kind has
 */
#include "base/base.h"
#include "mail/downgrade.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/encword.h"
#include "mail/mailbox.h"

enum kind {
	TEXT,			/* unstructured, or nobody knows */
	ADDRESSES,		/* an address that cannot go: refused */
	RECIPIENTS,		/* it becomes an empty group */
	STRUCTURED,		/* phrases, comments, angle brackets */
	PARAMETERS,		/* of MIME */
	IDENTIFIER		/* refused */
};

static enum kind
kind_of(const struct mc_field *f)
{
	static const struct {
		const char *name;
		enum kind kind;
	} rows[] = {
		{ "From", ADDRESSES }, { "Sender", ADDRESSES },
		{ "Reply-To", ADDRESSES }, { "To", RECIPIENTS },
		{ "Cc", RECIPIENTS }, { "Bcc", RECIPIENTS },
		{ "Message-ID", IDENTIFIER }, { "Content-ID", IDENTIFIER },
		{ "Mail-Followup-To", ADDRESSES },
		{ "Mail-Reply-To", ADDRESSES },
		{ "Disposition-Notification-To", ADDRESSES },
		{ "Return-Receipt-To", ADDRESSES },
		{ "Errors-To", ADDRESSES }, { "X-Original-From", ADDRESSES },
		{ "References", STRUCTURED }, { "In-Reply-To", STRUCTURED },
		{ "Date", STRUCTURED }, { "Received", STRUCTURED },
		{ "Keywords", STRUCTURED }, { "MIME-Version", STRUCTURED },
		{ "Content-Transfer-Encoding", STRUCTURED },
		{ "Authentication-Results", STRUCTURED },
		{ "Auto-Submitted", STRUCTURED },
		{ "Content-Type", PARAMETERS },
		{ "Content-Disposition", PARAMETERS },
	};
	struct mc_str name = f->name;

	if (mc_str_starts_nocase(name, MC_STR("List-")))
		return STRUCTURED;
	if (mc_str_starts_nocase(name, MC_STR("Resent-")))
		name = mc_str_sub(name, 7, name.len);
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		if (mc_str_eq_nocase(name, mc_str_from(rows[i].name)))
			return rows[i].kind;
	return TEXT;
}

struct work {
	struct mc_header *h;
	const struct mc_field *f;
	enum kind kind;
	bool parsed;		/* the field is an address list */
	struct mc_addr_list list;
	struct mc_buf spec;	/* an address as it may stand in ASCII */
	struct mc_buf out;	/* the new field */
	struct mc_encword w;
	struct mc_err *err;
};

static int
refuse(const struct work *w, const char *why)
{
	return mc_err_set(w->err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
	    "header field %.*s: %s", MC_STR_FMT(w->f->name), why);
}

static struct mc_str
name_part(const struct mc_field *f)
{
	return mc_str_sub(f->raw, 0, f->raw.len - f->value.len - 2);
}

static int
replace(struct work *w, size_t i)
{
	mc_buf_addz(&w->out, "\r\n");
	if (mc_buf_err(&w->out, "a header field", w->err) != 0)
		return -1;
	return mc_header_set_raw_at(w->h, i, mc_buf_str(&w->out), w->err);
}

/* 1: an address list, 0: none; -1: no memory to find out */
static int
parse(struct work *w)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_addr_parse(w->f->value, MC_ADDR_NULL_OK, &w->list, &why) == 0)
		return 1;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(w->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

/* w->spec becomes the address with A-labels: 1; 0 if that cannot be */
static int
make_spec(struct work *w, const struct mc_addr *a)
{
	struct mc_err why = { .code = MC_OK };

	mc_buf_reset(&w->spec);
	if (a->domain.len == 0 || !mc_str_is_ascii(a->local) ||
	    mc_str_is_ascii(a->domain))
		return 0;
	if (mc_mailbox_make(a->local, a->domain, &w->spec, &why) == 0)
		return 1;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(w->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

/* ------------------------------------------------------------------ domains */

static int
convert_domains(struct work *w, size_t i)
{
	struct mc_str value = w->f->value;
	size_t done = 0;
	bool any = false;

	int rc = parse(w);
	if (rc <= 0)
		return rc;
	mc_buf_reset(&w->out);
	mc_buf_add_str(&w->out, name_part(w->f));
	for (size_t k = 0; k < w->list.addrs.n; k++) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, k);

		rc = make_spec(w, a);
		if (rc < 0)
			return -1;
		if (rc == 0 || a->spec_off < done)
			continue;
		mc_buf_add_str(&w->out, mc_str_sub(value, done,
		    a->spec_off - done));
		mc_buf_add_str(&w->out, mc_buf_str(&w->spec));
		done = a->spec_off + a->spec_len;
		any = true;
	}
	if (!any)
		return 0;
	mc_buf_add_str(&w->out, mc_str_sub(value, done, value.len));
	return replace(w, i) == 0 ? 1 : -1;
}

/* ---------------------------------------------------------------- addresses */

/* an address of which no ASCII form exists */
static int
put_lost(struct work *w, const struct mc_addr *a, struct mc_str shown)
{
	if (w->kind != RECIPIENTS)
		return refuse(w, "the address has characters outside ASCII, "
		    "which needs a server with SMTPUTF8");
	if (a->in_group)
		return refuse(w, "an address in a group has characters "
		    "outside ASCII, which needs a server with SMTPUTF8");
	mc_encword_put(&w->w, shown);
	mc_encword_raw(&w->w, MC_STR(":;"));
	return 0;
}

static void
put_percent(struct work *w, struct mc_str s)
{
	char one[4];

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c < 0x80) {
			mc_encword_raw(&w->w, mc_str_sub(s, i, 1));
			continue;
		}
		(void)snprintf(one, sizeof(one), "%%%02X", c);
		mc_encword_raw(&w->w, mc_str_make(one, 3));
	}
}

/*
 * "<...>" at `at`; a is the address in it, or NULL if nothing is known of it.
 * Returns where it ends, SIZE_MAX after a failure.
 */
static size_t
put_angle(struct work *w, size_t at, const struct mc_addr *a)
{
	struct mc_str s = w->f->value;
	size_t end = a != NULL ? a->spec_off + a->spec_len : at;

	while (end < s.len && s.ptr[end] != '>')
		end++;
	end = end < s.len ? end + 1 : s.len;
	struct mc_str all = mc_str_sub(s, at, end - at);
	if (mc_str_is_ascii(all)) {
		mc_encword_raw(&w->w, all);
	} else if (a == NULL) {
		put_percent(w, all);
	} else {
		struct mc_str spec = mc_str_sub(s, a->spec_off, a->spec_len);

		if (mc_str_is_ascii(spec)) {
			/* in a comment or an old route beside the address */
			mc_encword_raw(&w->w, MC_STR("<"));
			mc_encword_raw(&w->w, spec);
			mc_encword_raw(&w->w, MC_STR(">"));
		} else if (put_lost(w, a, all) != 0) {
			return SIZE_MAX;
		}
	}
	return end;
}

/* a comment with those inside */
static size_t
put_comment(struct work *w, size_t at)
{
	struct mc_str s = w->f->value;
	size_t depth = 0;

	do {
		struct mc_str one = mc_str_sub(s, at, 1);

		if (one.ptr[0] == '(' || one.ptr[0] == ')') {
			mc_encword_raw(&w->w, one);
			depth = one.ptr[0] == '(' ? depth + 1 : depth - 1;
			at++;
		} else {
			at = mc_encword_words(&w->w, s, at, s.len,
			    MC_ENCWORD_COMMENT);
		}
	} while (depth != 0 && at < s.len);
	return at;
}

/* the address that begins at `at` or later, and is not yet done */
static const struct mc_addr *
next_addr(const struct work *w, size_t at, size_t *k)
{
	const struct mc_addr *a;

	if (!w->parsed)
		return NULL;
	while ((a = mc_vec_at(&w->list.addrs, *k)) != NULL &&
	    a->spec_off < at)
		(*k)++;
	return a;
}

/* the address itself, without brackets */
static int
put_bare(struct work *w, const struct mc_addr *a)
{
	struct mc_str spec = mc_str_sub(w->f->value, a->spec_off, a->spec_len);

	if (!mc_str_is_ascii(spec))
		return put_lost(w, a, spec);
	mc_encword_raw(&w->w, spec);
	return 0;
}

static int
put_structured(struct work *w)
{
	struct mc_str s = w->f->value;
	size_t at = 0, k = 0;

	while (at < s.len) {
		const struct mc_addr *a = next_addr(w, at, &k);

		if (a != NULL && a->spec_off == at) {
			if (put_bare(w, a) != 0)
				return -1;
			at += a->spec_len;
		} else if (s.ptr[at] == '<') {
			if (a != NULL && mc_str_chr(mc_str_sub(s, at,
			    a->spec_off - at), '>') < a->spec_off - at)
				a = NULL;
			at = put_angle(w, at, a);
			if (at == SIZE_MAX)
				return -1;
		} else if (s.ptr[at] == '(') {
			at = put_comment(w, at);
		} else {
			size_t to = mc_encword_words(&w->w, s, at,
			    a != NULL ? a->spec_off : s.len,
			    MC_ENCWORD_PHRASE);

			if (to == at)
				mc_encword_raw(&w->w, mc_str_sub(s, to++, 1));
			at = to;
		}
	}
	return 0;
}

/* --------------------------------------------------------------- parameters */

static size_t
value_end(struct mc_str s, size_t at)
{
	if (at < s.len && s.ptr[at] == '"') {
		for (at++; at < s.len && s.ptr[at] != '"'; at++)
			if (s.ptr[at] == '\\')
				at++;
		return at < s.len ? at + 1 : s.len;
	}
	while (at < s.len && strchr(" \t\r\n;(", s.ptr[at]) == NULL)
		at++;
	return at;
}

/* %XX for all but letters, digits and what harms nowhere (RFC 2231 7) */
static void
put_extended(struct work *w, struct mc_str s)
{
	bool quoted = s.len != 0 && s.ptr[0] == '"';
	char one[4];

	for (size_t i = quoted ? 1 : 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (quoted && c == '"')
			break;
		if (quoted && c == '\\' && i + 1 < s.len)
			c = (unsigned char)s.ptr[++i];
		if (c == '\r' || c == '\n')
			continue;
		if (mc_is_alnum(c) || c == '.' || c == '-' || c == '_')
			(void)snprintf(one, sizeof(one), "%c", c);
		else
			(void)snprintf(one, sizeof(one), "%%%02X", c);
		mc_encword_raw(&w->w, mc_str_from(one));
	}
}

/* "name=value" in the form of RFC 2231; the name has been written */
static void
put_parameter(struct work *w, struct mc_str name, struct mc_str value)
{
	size_t star = mc_str_chr(name, '*');
	bool first = star == name.len || mc_str_eq(mc_str_sub(name, star,
	    name.len), MC_STR("*0"));

	if (name.len != 0 && name.ptr[name.len - 1] == '*') {
		mc_encword_raw(&w->w, MC_STR("="));
		put_percent(w, value);
		return;
	}
	mc_encword_raw(&w->w, MC_STR("*="));
	if (first) {
		mc_encword_raw(&w->w, mc_str_from(mc_encword_charset(value)));
		mc_encword_raw(&w->w, MC_STR("''"));
	}
	put_extended(w, value);
}

static void
put_parameters(struct work *w)
{
	struct mc_str s = w->f->value;
	size_t at = 0, name = 0;

	while (at < s.len) {
		char c = s.ptr[at];
		size_t end = at + 1;

		if (c == '(') {
			at = put_comment(w, at);
			name = at;
			continue;
		}
		if (c == '=' && !mc_str_is_ascii(mc_str_sub(s, at + 1,
		    value_end(s, at + 1) - at - 1))) {
			end = value_end(s, at + 1);
			put_parameter(w, mc_str_sub(s, name, at - name),
			    mc_str_sub(s, at + 1, end - at - 1));
		} else if (c == '"' || c == '=') {
			end = value_end(s, c == '=' ? at + 1 : at);
			put_percent(w, mc_str_sub(s, at, end - at));
		} else {
			put_percent(w, mc_str_sub(s, at, 1));
		}
		if (strchr(" \t\r\n;", c) != NULL)
			name = end;
		at = end;
	}
}

/* -------------------------------------------------------------------- whole */

static int
convert_field(struct work *w, size_t i)
{
	struct mc_str value = w->f->value;
	int rc = 0;

	w->parsed = false;
	if (w->kind == IDENTIFIER)
		return refuse(w, "an identifier has bytes outside ASCII");
	if (w->kind == ADDRESSES || w->kind == RECIPIENTS) {
		rc = parse(w);
		if (rc < 0)
			return -1;
		w->parsed = rc != 0;
	}
	mc_buf_reset(&w->out);
	mc_buf_add_str(&w->out, name_part(w->f));
	mc_encword_init(&w->w, w->out.len, &w->out);
	rc = 0;
	if (w->kind == TEXT)
		(void)mc_encword_words(&w->w, value, 0, value.len,
		    MC_ENCWORD_TEXT);
	else if (w->kind == PARAMETERS)
		put_parameters(w);
	else
		rc = put_structured(w);
	mc_encword_clear(&w->w);
	return rc == 0 ? replace(w, i) : -1;
}

static int
each_field(struct mc_header *h, bool all, struct mc_err *err)
{
	struct work w = { .h = h, .err = err };
	int rc = 0, any = 0;

	mc_addr_list_init(&w.list);
	mc_buf_init(&w.spec, MC_MAX_PATH * 2);
	mc_buf_init(&w.out, 4 * MC_MAX_HEADER_RCPT);
	for (size_t i = 0; rc >= 0 && i < h->fields.n; i++) {
		w.f = mc_header_at(h, i);
		w.kind = kind_of(w.f);
		if (mc_str_is_ascii(w.f->raw))
			continue;
		if (w.kind == ADDRESSES || w.kind == RECIPIENTS) {
			rc = convert_domains(&w, i);
			any |= rc == 1;
			w.f = mc_header_at(h, i);
		}
		if (rc >= 0 && all && !mc_str_is_ascii(w.f->raw))
			rc = convert_field(&w, i);
	}
	mc_addr_list_clear(&w.list);
	mc_buf_clear(&w.spec);
	mc_buf_clear(&w.out);
	return rc < 0 ? -1 : any;
}

int
mc_downgrade_domains(struct mc_header *h, struct mc_err *err)
{
	return each_field(h, false, err);
}

int
mc_downgrade_header(struct mc_header *h, struct mc_err *err)
{
	return each_field(h, true, err) < 0 ? -1 : 0;
}
