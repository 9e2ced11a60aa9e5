/* SPDX-License-Identifier: MIT */
/*
 * fixup.c - the changes to a header that make it fit to leave
 */
#include "base/base.h"

#include "mail/fixup.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/date.h"
#include "mail/mailbox.h"

#define RESENT_LEN 7		/* of "Resent-" */

/* fields [start, end) are the newest Resent- block (RFC 5322 3.6.6) */
struct block {
	bool resent;		/* there is one */
	size_t start;
	size_t end;
};

/* ----------------------------------------------------------- Resent- blocks */

static bool
is_resent(const struct mc_field *f)
{
	return mc_str_starts_nocase(f->name, MC_STR("Resent-"));
}

/*
 * The block ends with the first other field, or where a name comes again
 * that a block has once: two blocks may touch.
 */
static struct block
newest_block(const struct mc_header *h)
{
	static const char once[][20] = { "Resent-Date", "Resent-From",
		"Resent-Sender", "Resent-Message-ID" };
	struct block b = { .resent = false };
	unsigned seen = 0;

	while (b.start < h->fields.n && !is_resent(mc_header_at(h, b.start)))
		b.start++;
	b.resent = b.start < h->fields.n;
	if (!b.resent)
		b.start = 0;
	b.end = b.start;
	for (; b.resent && b.end < h->fields.n; b.end++) {
		const struct mc_field *f = mc_header_at(h, b.end);
		unsigned bit = 0;

		if (!is_resent(f))
			break;
		for (size_t i = 0; i < MC_NELEM(once); i++)
			if (mc_str_eq_nocase(f->name, mc_str_from(once[i])))
				bit = 1u << i;
		if ((seen & bit) != 0)
			break;
		seen |= bit;
	}
	return b;
}

/* --------------------------------------------------------------- recipients */

/* is it To, Cc or Bcc, or the Resent- form of one? */
static bool
rcpt_kind(const struct mc_field *f, bool resent, enum mc_rcpt_kind *ret_kind)
{
	struct mc_str name = f->name;

	if (resent != is_resent(f))
		return false;
	if (resent)
		name = mc_str_sub(name, RESENT_LEN, name.len - RESENT_LEN);
	if (mc_str_eq_nocase(name, MC_STR("To")))
		*ret_kind = MC_RCPT_TO;
	else if (mc_str_eq_nocase(name, MC_STR("Cc")))
		*ret_kind = MC_RCPT_CC;
	else if (mc_str_eq_nocase(name, MC_STR("Bcc")))
		*ret_kind = MC_RCPT_BCC;
	else
		return false;
	return true;
}

static int
tell_all(const struct mc_addr_list *list, enum mc_rcpt_kind kind,
    mc_fixup_rcpt_fn fn, void *ctx, struct mc_err *err)
{
	for (size_t i = 0; i < list->addrs.n; i++)
		if (fn(ctx, kind, mc_vec_at(&list->addrs, i), err) != 0)
			return -1;
	return 0;
}

int
mc_fixup_recipients(const struct mc_header *h, mc_fixup_rcpt_fn fn, void *ctx,
    struct mc_err *err)
{
	bool resent = newest_block(h).resent;
	struct mc_addr_list list;
	int rc = 0;

	mc_addr_list_init(&list);
	for (size_t i = 0; rc == 0 && i < h->fields.n; i++) {
		const struct mc_field *f = mc_header_at(h, i);
		enum mc_rcpt_kind kind;

		if (!rcpt_kind(f, resent, &kind))
			continue;
		rc = mc_addr_parse(f->value, MC_ADDR_NULL_OK, &list, err);
		if (rc == 0)
			rc = tell_all(&list, kind, fn, ctx, err);
		if (rc != 0)
			mc_err_ctx(err, "%.*s", MC_STR_FMT(f->name));
	}
	mc_addr_list_clear(&list);
	return rc;
}

/*
 * Parse a list that need not be one: 1 parsed, 0 not an address list, -1
 * with err when there is no memory to find out.
 */
static int
try_parse(struct mc_str value, struct mc_addr_list *list, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_addr_parse(value, MC_ADDR_NULL_OK, list, &why) == 0)
		return 1;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

int
mc_fixup_visible(const struct mc_header *h, mc_fixup_rcpt_fn fn, void *ctx,
    struct mc_err *err)
{
	struct block b = newest_block(h);
	size_t end = b.resent ? b.end : h->fields.n;
	struct mc_addr_list list;
	int rc = 0;

	mc_addr_list_init(&list);
	for (size_t i = b.start; rc == 0 && i < end; i++) {
		const struct mc_field *f = mc_header_at(h, i);
		enum mc_rcpt_kind kind;

		if (!rcpt_kind(f, b.resent, &kind) || kind == MC_RCPT_BCC)
			continue;
		int parsed = try_parse(f->value, &list, err);
		if (parsed < 0)
			rc = -1;
		else if (parsed > 0)
			rc = tell_all(&list, kind, fn, ctx, err);
	}
	mc_addr_list_clear(&list);
	return rc;
}

/* ------------------------------------------------------------ the work list */

struct work {
	struct mc_header *h;
	const struct mc_fixup *fix;
	struct block block;
	struct mc_addr_list list;	/* of the field in hand */
	struct mc_buf text;		/* what a field is to become */
};

/* insert before field i and keep the block where it is */
static int
insert(struct work *w, size_t i, struct mc_str name, struct mc_str value,
    struct mc_err *err)
{
	if (mc_header_insert(w->h, i, name, value, err) != 0)
		return -1;
	if (i < w->block.start || (i == w->block.start &&
	    !mc_str_starts_nocase(name, MC_STR("Resent-"))))
		w->block.start++;
	if (i <= w->block.end)
		w->block.end++;
	return 0;
}

static void
remove_at(struct work *w, size_t i)
{
	mc_header_remove(w->h, i);
	if (i < w->block.start)
		w->block.start--;
	if (i < w->block.end)
		w->block.end--;
}

static bool
name_is(const struct mc_field *f, const char *name)
{
	return mc_str_eq_nocase(f->name, mc_str_from(name));
}

static void
drop_unwanted(struct work *w)
{
	static const char names[][16] = { "Bcc", "Resent-Bcc", "Return-Path",
		"Content-Length" };

	for (size_t i = w->h->fields.n; i-- > 0;) {
		bool drop = false;

		for (size_t k = 0; k < MC_NELEM(names); k++)
			if (name_is(mc_header_at(w->h, i), names[k]))
				drop = true;
		if (drop)
			remove_at(w, i);
	}
}

/* --------------------------------------------------------------- bare names */

static bool
is_addr_field(const struct mc_field *f)
{
	static const char names[][10] = { "From", "Sender", "Reply-To", "To",
		"Cc" };
	struct mc_str name = f->name;

	if (is_resent(f))
		name = mc_str_sub(name, RESENT_LEN, name.len - RESENT_LEN);
	for (size_t i = 0; i < MC_NELEM(names); i++)
		if (mc_str_eq_nocase(name, mc_str_from(names[i])))
			return true;
	return false;
}

/* w->text becomes the raw field with the domain behind each bare name of
 * w->list; false if there is none */
static bool
add_domains(struct work *w, const struct mc_field *f)
{
	size_t base = f->raw.len - f->value.len - 2;
	size_t done = 0;

	mc_buf_reset(&w->text);
	for (size_t i = 0; i < w->list.addrs.n; i++) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, i);
		size_t at = base + a->spec_off + a->spec_len;

		if (a->domain.len != 0 || at < done)
			continue;
		mc_buf_add_str(&w->text, mc_str_sub(f->raw, done, at - done));
		mc_buf_addc(&w->text, '@');
		mc_buf_add_str(&w->text, w->fix->domain);
		done = at;
	}
	if (done == 0)
		return false;
	mc_buf_add_str(&w->text, mc_str_sub(f->raw, done, f->raw.len - done));
	return true;
}

static int
qualify(struct work *w, struct mc_err *err)
{
	if (w->fix->domain.len == 0)
		return 0;
	for (size_t i = 0; i < w->h->fields.n; i++) {
		const struct mc_field *f = mc_header_at(w->h, i);

		if (!is_addr_field(f))
			continue;
		int parsed = try_parse(f->value, &w->list, err);
		if (parsed < 0)
			return -1;
		if (parsed == 0 || !add_domains(w, f))
			continue;
		if (mc_buf_err(&w->text, "an address field", err) != 0 ||
		    mc_header_set_raw_at(w->h, i, mc_buf_str(&w->text),
		    err) != 0)
			return -1;
	}
	return 0;
}

/* ----------------------------------------------------------- missing fields */

/*
 * Does the field say anything?  "<>" and a list without addresses do not: no
 * server takes such a From.
 */
static int
is_filled(struct work *w, const struct mc_field *f, bool addr,
    struct mc_err *err)
{
	struct mc_str value = mc_str_trim(f->value);

	if (value.len == 0 || mc_str_eq(value, MC_STR("<>")))
		return 0;
	if (!addr)
		return 1;
	int parsed = try_parse(value, &w->list, err);
	if (parsed <= 0)
		return parsed < 0 ? -1 : 1;
	return w->list.addrs.n != 0 || w->list.groups != 0;
}

/* fields of that name in [start, *end) that say nothing go */
static int
drop_empty(struct work *w, const char *name, bool addr, size_t start,
    size_t *end, struct mc_err *err)
{
	for (size_t i = start; i < *end;) {
		const struct mc_field *f = mc_header_at(w->h, i);
		int filled = name_is(f, name) ? is_filled(w, f, addr, err) : 1;

		if (filled < 0)
			return -1;
		if (filled > 0) {
			i++;
			continue;
		}
		remove_at(w, i);
		(*end)--;
	}
	return 0;
}

/* the value that a missing field gets, into w->text */
static int
make_value(struct work *w, const char *name, struct mc_err *err)
{
	const struct mc_fixup *fix = w->fix;

	mc_buf_reset(&w->text);
	if (strcmp(name, "Date") == 0) {
		mc_date_format(fix->now, &w->text);
	} else if (strcmp(name, "Message-ID") == 0) {
		if (mc_msgid_make(fix->id_domain, &w->text, err) != 0)
			return -1;
	} else {
		if (fix->from_addr.len == 0)
			return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "no address for the From field");
		mc_addr_format(fix->from_name, fix->from_addr, &w->text);
	}
	return mc_buf_err(&w->text, "a header field", err);
}

static int
add_missing(struct work *w, bool resent, struct mc_err *err)
{
	static const char names[][20] = { "Resent-Message-ID", "Resent-Date",
		"Resent-From" };

	for (size_t k = 0; k < MC_NELEM(names); k++) {
		const char *plain = names[k] + RESENT_LEN;
		const char *name = resent ? names[k] : plain;
		bool addr = strcmp(plain, "From") == 0;
		size_t start = resent ? w->block.start : 0;
		size_t end = resent ? w->block.end : w->h->fields.n;

		if (drop_empty(w, name, addr, start, &end, err) != 0)
			return -1;
		if (mc_header_find(w->h, name, start) < end)
			continue;
		if (make_value(w, plain, err) != 0 ||
		    insert(w, start, mc_str_from(name), mc_buf_str(&w->text),
		    err) != 0)
			return -1;
	}
	return 0;
}

/* -------------------------------------------------------------- from-policy */

/* is w->list just the address that From must have? */
static int
is_owned(const struct work *w, bool *ret_owned, struct mc_err *err)
{
	struct mc_buf b;

	*ret_owned = false;
	if (w->list.addrs.n != 1 || w->list.groups != 0)
		return 0;
	const struct mc_addr *a = mc_vec_at(&w->list.addrs, 0);
	mc_buf_init(&b, MC_MAX_ADDR_TEXT);
	mc_buf_add_str(&b, a->local);
	mc_buf_addc(&b, '@');
	mc_buf_add_str(&b, a->domain);
	int rc = mc_buf_err(&b, "an address", err);
	if (rc == 0)
		*ret_owned = mc_mailbox_eq_loose(mc_buf_str(&b),
		    w->fix->from_addr);
	mc_buf_clear(&b);
	return rc;
}

/* the value with folds that may be read but not made (their line is blank)
 * joined to the line above */
static void
add_value(struct mc_buf *out, struct mc_str value)
{
	value = mc_str_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		size_t k = i + 2;

		while (value.ptr[i] == '\r' && k < value.len &&
		    mc_is_blank((unsigned char)value.ptr[k]))
			k++;
		if (value.ptr[i] == '\r' && k < value.len &&
		    value.ptr[k] == '\r')
			i++;
		else
			mc_buf_addc(out, value.ptr[i]);
	}
}

/*
 * w->text becomes the new value of a From.  One address in one field is
 * exchanged where it stands, so that the display name keeps its form.
 */
static void
make_from(struct work *w, const struct mc_field *f, bool parsed)
{
	const struct mc_fixup *fix = w->fix;
	bool keep_name = fix->from_policy == MC_FROM_ADDRESS && parsed;
	struct mc_str name = fix->from_name;

	mc_buf_reset(&w->text);
	if (keep_name && w->list.addrs.n == 1 && w->list.groups == 0) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, 0);
		size_t behind = a->spec_off + a->spec_len;

		mc_buf_add_str(&w->text, mc_str_sub(f->value, 0, a->spec_off));
		mc_buf_add_str(&w->text, fix->from_addr);
		mc_buf_add_str(&w->text, mc_str_sub(f->value, behind,
		    f->value.len - behind));
		return;
	}
	if (keep_name && w->list.addrs.n != 0) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, 0);

		name = a->name.len != 0 ? a->name : a->comment;
	}
	mc_addr_format(name, fix->from_addr, &w->text);
}

/*
 * Rewrite the From or Resent-From at *i and keep what it said.  Reply-To is
 * only for a plain From that is an address list: answers to anything else
 * would go astray.  The field that is added moves *i.
 */
static int
rewrite_from(struct work *w, size_t *i, struct mc_err *err)
{
	const struct mc_field *f = mc_header_at(w->h, *i);
	const char *kept = is_resent(f) ? "X-Original-Resent-From" :
	    "X-Original-From";
	struct mc_buf value;
	bool owned = false;
	int rc = -1;

	int parsed = try_parse(f->value, &w->list, err);
	if (parsed < 0 || (parsed > 0 && is_owned(w, &owned, err) != 0))
		return -1;
	if (owned && w->fix->from_policy == MC_FROM_ADDRESS)
		return 0;
	if (parsed > 0 && !is_resent(f) &&
	    mc_header_find(w->h, "Reply-To", 0) == SIZE_MAX)
		kept = "Reply-To";
	make_from(w, f, parsed > 0);
	if (mc_str_eq(mc_str_trim(f->value), mc_buf_str(&w->text)))
		return 0;

	mc_buf_init(&value, MC_MAX_ADDR_TEXT);
	add_value(&value, mc_buf_str(&w->text));
	mc_buf_reset(&w->text);
	add_value(&w->text, f->value);
	if (mc_buf_err(&value, "From", err) != 0 ||
	    mc_buf_err(&w->text, "From", err) != 0 ||
	    mc_header_set_at(w->h, *i, f->name, mc_buf_str(&value), err) != 0 ||
	    insert(w, 0, mc_str_from(kept), mc_buf_str(&w->text), err) != 0)
		goto out;
	(*i)++;
	rc = 0;
out:
	mc_buf_clear(&value);
	return rc;
}

static int
apply_policy(struct work *w, struct mc_err *err)
{
	size_t end = w->h->fields.n;

	if (w->fix->from_policy == MC_FROM_KEEP)
		return 0;
	if (drop_empty(w, "Reply-To", true, 0, &end, err) != 0)
		return -1;
	for (size_t i = 0; i < w->h->fields.n; i++) {
		const struct mc_field *f = mc_header_at(w->h, i);
		bool newest = w->block.resent && i >= w->block.start &&
		    i < w->block.end;
		bool owned = false;

		if (name_is(f, "From") ||
		    (newest && name_is(f, "Resent-From"))) {
			if (rewrite_from(w, &i, err) != 0)
				return -1;
		} else if (name_is(f, "Sender") ||
		    (newest && name_is(f, "Resent-Sender"))) {
			int parsed = try_parse(f->value, &w->list, err);

			if (parsed < 0 ||
			    (parsed > 0 && is_owned(w, &owned, err) != 0))
				return -1;
			if (!owned)
				remove_at(w, i--);
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- the whole */

/* "<...>" if the value has that, else the value as it is, for people */
static int
find_message_id(const struct mc_header *h, struct mc_buf *out,
    struct mc_err *err)
{
	size_t i = mc_header_find(h, "Message-ID", 0);
	const struct mc_field *f = i == SIZE_MAX ? NULL : mc_header_at(h, i);

	if (f == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
	struct mc_str id = mc_str_trim(f->value);
	struct mc_str rest = mc_str_sub(id, mc_str_chr(id, '<'), id.len);
	size_t close = mc_str_chr(rest, '>');
	if (close < rest.len)
		id = mc_str_sub(rest, 0, close + 1);
	mc_buf_add_printable(out, id, MC_MAX_LINE);
	return mc_buf_err(out, "the Message-ID", err);
}

int
mc_fixup_header(struct mc_header *h, const struct mc_fixup *fix,
    struct mc_buf *ret_message_id, struct mc_err *err)
{
	struct work w = { .h = h, .fix = fix, .block = newest_block(h) };
	int rc = -1;

	mc_addr_list_init(&w.list);
	mc_buf_init(&w.text, MC_MAX_ADDR_TEXT);
	drop_unwanted(&w);
	if (qualify(&w, err) != 0)
		goto out;
	if (w.block.resent && add_missing(&w, true, err) != 0)
		goto out;
	if (add_missing(&w, false, err) != 0 || apply_policy(&w, err) != 0)
		goto out;
	rc = find_message_id(h, ret_message_id, err);
out:
	mc_buf_clear(&w.text);
	mc_addr_list_clear(&w.list);
	return rc;
}
