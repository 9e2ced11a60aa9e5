/* SPDX-License-Identifier: MIT */
/*
 * fixup.c - whom a header names, and its Resent- blocks
 */
#include "base/base.h"

#include "mail/fixup_internal.h"

#include "base/err.h"

/* ---------------------------------------------------------- Resent- blocks */

bool
mc_fixup_is_resent(const struct mc_field *f)
{
	return mc_str_starts_nocase(f->name, MC_STR("Resent-"));
}

/*
 * The block ends with the first other field, or where a name comes again
 * that a block has once: two blocks may touch.
 */
struct mc_fixup_block
mc_fixup_newest_block(const struct mc_header *h)
{
	static const char once[][20] = { "Resent-Date", "Resent-From",
		"Resent-Sender", "Resent-Message-ID" };
	struct mc_fixup_block b = { .resent = false };
	unsigned seen = 0;

	while (b.start < h->fields.n &&
	    !mc_fixup_is_resent(mc_header_at(h, b.start)))
		b.start++;
	b.resent = b.start < h->fields.n;
	if (!b.resent)
		b.start = 0;
	b.end = b.start;
	for (; b.resent && b.end < h->fields.n; b.end++) {
		const struct mc_field *f = mc_header_at(h, b.end);
		unsigned bit = 0;

		if (!mc_fixup_is_resent(f))
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

/* -------------------------------------------------------------- recipients */

/* is it To, Cc or Bcc, or the Resent- form of one? */
static bool
rcpt_kind(const struct mc_field *f, bool resent, enum mc_rcpt_kind *ret_kind)
{
	struct mc_str name = f->name;

	if (resent != mc_fixup_is_resent(f))
		return false;
	if (resent)
		name = mc_str_sub(name, MC_RESENT_LEN, SIZE_MAX);
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
	bool resent = mc_fixup_newest_block(h).resent;
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

int
mc_fixup_try_parse(struct mc_str value, struct mc_addr_list *list,
    struct mc_err *err)
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
	struct mc_fixup_block b = mc_fixup_newest_block(h);
	size_t end = b.resent ? b.end : h->fields.n;
	struct mc_addr_list list;
	int rc = 0;

	mc_addr_list_init(&list);
	for (size_t i = b.start; rc == 0 && i < end; i++) {
		const struct mc_field *f = mc_header_at(h, i);
		enum mc_rcpt_kind kind;

		if (!rcpt_kind(f, b.resent, &kind) || kind == MC_RCPT_BCC)
			continue;
		int parsed = mc_fixup_try_parse(f->value, &list, err);
		if (parsed < 0)
			rc = -1;
		else if (parsed > 0)
			rc = tell_all(&list, kind, fn, ctx, err);
	}
	mc_addr_list_clear(&list);
	return rc;
}
