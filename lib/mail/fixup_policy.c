/* SPDX-License-Identifier: MIT */
/*
 * fixup_policy.c - From and Sender that the account may not use
 */
#include "base/base.h"

#include "mail/fixup_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/mailbox.h"

/* the fields of one name that the policy is for */
struct kind {
	const char *name;
	const char *original;	/* where the old value goes */
	bool resent;
	bool sender;
};

static size_t
first_of(const struct mc_fixup_work *w, const struct kind *kind)
{
	return kind->resent ? w->block.start : 0;
}

static size_t
end_of(const struct mc_fixup_work *w, const struct kind *kind)
{
	return kind->resent ? w->block.end : w->h->fields.n;
}

/* ------------------------------------------------------------- whose it is */

static bool
owns(const struct mc_fixup *fix, struct mc_str addr)
{
	if (mc_mailbox_eq_loose(addr, fix->own_addr))
		return true;
	return fix->owns != NULL && fix->owns(fix->owns_ctx, addr);
}

/* are all of w->list addresses of the account? */
static int
is_owned(const struct mc_fixup_work *w, bool *ret_owned, struct mc_err *err)
{
	bool owned = w->list.addrs.n != 0;
	struct mc_buf b;
	int rc = 0;

	mc_buf_init(&b, 2 * MC_MAX_PATH);
	for (size_t i = 0; rc == 0 && owned && i < w->list.addrs.n; i++) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, i);
		struct mc_err why = { .code = MC_OK };

		mc_buf_reset(&b);
		if (mc_mailbox_make(a->local, a->domain, &b, &why) == 0)
			owned = owns(w->fix, mc_buf_str(&b));
		else if (why.code == MC_E_NOMEM)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		else
			owned = false;
	}
	mc_buf_clear(&b);
	if (rc == 0)
		*ret_owned = owned;
	return rc;
}

/* parse field f into w->list: 1 it is the account's, 0 it is not, -1 */
static int
look(struct mc_fixup_work *w, const struct mc_field *f, bool *ret_parsed,
    struct mc_err *err)
{
	bool owned = false;
	int parsed = mc_fixup_try_parse(f->value, &w->list, err);

	if (parsed < 0 || (parsed > 0 && is_owned(w, &owned, err) != 0))
		return -1;
	*ret_parsed = parsed > 0;
	return owned;
}

/* the first field of that kind that is the account's; SIZE_MAX if none is */
static int
find_owned(struct mc_fixup_work *w, const struct kind *kind, size_t *ret_i,
    struct mc_err *err)
{
	*ret_i = SIZE_MAX;
	for (size_t i = first_of(w, kind); i < end_of(w, kind); i++) {
		const struct mc_field *f = mc_header_at(w->h, i);
		bool parsed;

		if (!mc_fixup_name_is(f, kind->name))
			continue;
		int owned = look(w, f, &parsed, err);
		if (owned < 0)
			return -1;
		if (owned == 0)
			continue;
		*ret_i = i;
		return 0;
	}
	return 0;
}

/* ------------------------------------------------------------ what it says */

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

/* does `<` stand right in front of the address, and not a route? */
static bool
is_in_brackets(struct mc_str value, const struct mc_addr *a)
{
	struct mc_str front = mc_str_trim(mc_str_sub(value, 0, a->spec_off));

	return front.len != 0 && front.ptr[front.len - 1] == '<';
}

/*
 * w->text becomes the new value.  A single address in brackets is exchanged
 * where it stands, so that the display name keeps its form; one whose name is
 * a comment, as cron's, gets the name in front.
 */
static void
make_value(struct mc_fixup_work *w, const struct mc_field *f, bool parsed)
{
	const struct mc_fixup *fix = w->fix;
	const struct mc_addr *a = parsed ? mc_vec_at(&w->list.addrs, 0) : NULL;
	struct mc_str name = fix->own_name;

	mc_buf_reset(&w->text);
	if (fix->from_policy == MC_FROM_ADDRESS && a != NULL) {
		size_t behind = a->spec_off + a->spec_len;

		name = a->name.len != 0 ? a->name : a->comment;
		if (a->name.len != 0 && w->list.addrs.n == 1 &&
		    w->list.groups == 0 && is_in_brackets(f->value, a)) {
			mc_buf_add_str(&w->text, mc_str_sub(f->value, 0,
			    a->spec_off));
			mc_buf_add_str(&w->text, fix->own_addr);
			mc_buf_add_str(&w->text, mc_str_sub(f->value, behind,
			    SIZE_MAX));
			return;
		}
	}
	mc_addr_format(name, fix->own_addr, &w->text);
}

/* a field of that name on top, with the value of field *i, which moves on */
static int
keep_original(struct mc_fixup_work *w, const char *name, size_t *i,
    struct mc_err *err)
{
	mc_buf_reset(&w->text);
	add_value(&w->text, mc_header_at(w->h, *i)->value);
	if (w->text.len == 0 && w->text.err == 0)
		return 0;
	if (mc_buf_err(&w->text, "an address field", err) != 0 ||
	    mc_fixup_insert(w, 0, mc_str_from(name), mc_buf_str(&w->text),
	    err) != 0)
		return -1;
	(*i)++;
	return 0;
}

/*
 * The From or Sender at *i, which was just parsed into w->list, is to name the
 * account.  Answers to anything but an address list would go astray, so only
 * that is put into Reply-To.
 */
static int
rewrite(struct mc_fixup_work *w, const struct kind *kind, bool parsed,
    size_t *i, struct mc_err *err)
{
	const char *original = kind->original;
	struct mc_buf value;
	int rc = -1;

	if (parsed && !kind->resent && !kind->sender &&
	    w->list.addrs.n != 0 &&
	    mc_header_find(w->h, "Reply-To", 0) == SIZE_MAX)
		original = "Reply-To";
	mc_buf_init(&value, MC_MAX_ADDR_TEXT);
	make_value(w, mc_header_at(w->h, *i), parsed);
	add_value(&value, mc_buf_str(&w->text));
	if (mc_buf_err(&w->text, "an address field", err) == 0 &&
	    mc_buf_err(&value, "an address field", err) == 0 &&
	    keep_original(w, original, i, err) == 0)
		rc = mc_header_set_at(w->h, *i, mc_header_at(w->h, *i)->name,
		    mc_buf_str(&value), err);
	mc_buf_clear(&value);
	return rc;
}

/* -------------------------------------------------------------- the policy */

/* does From say just what Sender is to become? */
static int
says_own(struct mc_fixup_work *w, const struct kind *kind, bool *ret_same,
    struct mc_err *err)
{
	size_t i = mc_header_find(w->h, kind->resent ? "Resent-From" : "From",
	    first_of(w, kind));
	bool parsed = false;
	int owned = 0;

	if (i < end_of(w, kind))
		owned = look(w, mc_header_at(w->h, i), &parsed, err);
	if (owned < 0)
		return -1;
	*ret_same = false;
	if (owned == 0 || w->list.addrs.n != 1 || w->list.groups != 0)
		return 0;

	const struct mc_addr *a = mc_vec_at(&w->list.addrs, 0);
	struct mc_buf b;
	int rc;

	mc_buf_init(&b, 2 * MC_MAX_PATH);
	rc = mc_mailbox_make(a->local, a->domain, &b, err);
	if (rc == 0)
		*ret_same = mc_mailbox_eq_loose(mc_buf_str(&b),
		    w->fix->own_addr);
	mc_buf_clear(&b);
	return rc;
}

/* the field at i goes, and *owned stays on its own; 1 if the original was
 * kept, else 0 */
static int
drop(struct mc_fixup_work *w, const struct kind *kind, size_t i,
    size_t *owned, struct mc_err *err)
{
	size_t at = i;

	if (keep_original(w, kind->original, &i, err) != 0)
		return -1;
	mc_fixup_remove(w, i);
	/* two blocks become one if what was between them is gone */
	w->block = mc_fixup_newest_block(w->h);
	if (*owned != SIZE_MAX)
		*owned = *owned + (i - at) - (*owned > at ? 1 : 0);
	return i != at;
}

static int
apply(struct mc_fixup_work *w, const struct kind *kind, struct mc_err *err)
{
	size_t owned;
	bool enough;		/* the others go */

	if (find_owned(w, kind, &owned, err) != 0)
		return -1;
	enough = owned != SIZE_MAX;
	if (!enough && kind->sender && says_own(w, kind, &enough, err) != 0)
		return -1;
	for (size_t i = first_of(w, kind); i < end_of(w, kind);) {
		bool parsed = false;

		if (i == owned ||
		    !mc_fixup_name_is(mc_header_at(w->h, i), kind->name)) {
			i++;
		} else if (enough) {
			int kept = drop(w, kind, i, &owned, err);

			if (kept < 0)
				return -1;
			i += (size_t)kept;
		} else {
			if (look(w, mc_header_at(w->h, i), &parsed, err) < 0 ||
			    rewrite(w, kind, parsed, &i, err) != 0)
				return -1;
			enough = true;
			i++;
		}
	}
	return 0;
}

int
mc_fixup_policy(struct mc_fixup_work *w, struct mc_err *err)
{
	static const struct kind kinds[] = {
		{ "From", "X-Original-From", false, false },
		{ "Sender", "X-Original-Sender", false, true },
		{ "Resent-From", "X-Original-Resent-From", true, false },
		{ "Resent-Sender", "X-Original-Resent-Sender", true, true },
	};
	size_t end = w->h->fields.n;

	if (w->fix->from_policy == MC_FROM_KEEP || w->fix->own_addr.len == 0)
		return 0;
	if (mc_fixup_drop_empty(w, "Reply-To", true, 0, &end, NULL, err) != 0)
		return -1;
	/* a Bcc may have stood between two blocks */
	w->block = mc_fixup_newest_block(w->h);
	for (size_t k = 0; k < MC_NELEM(kinds); k++)
		if ((!kinds[k].resent || w->block.resent) &&
		    apply(w, &kinds[k], err) != 0)
			return -1;
	return 0;
}
