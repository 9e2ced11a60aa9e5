/* SPDX-License-Identifier: MIT */
/*
 * fixup_internal.h - what the parts of the header fix-ups share; not for others
 */
#ifndef MC_FIXUP_INTERNAL_H
#define MC_FIXUP_INTERNAL_H

#include "mail/fixup.h"

#define MC_RESENT_LEN 7		/* of "Resent-" */

/* fields [start, end) are the newest Resent- block (RFC 5322 3.6.6) */
struct mc_fixup_block {
	bool resent;		/* there is one */
	size_t start;
	size_t end;
};

/* a header being worked on */
struct mc_fixup_work {
	struct mc_header *h;
	const struct mc_fixup *fix;
	struct mc_fixup_block block;
	struct mc_addr_list list;	/* of the field in hand */
	struct mc_buf text;		/* what a field is to become */
};

struct mc_fixup_block
mc_fixup_newest_block(const struct mc_header *h);

bool
mc_fixup_is_resent(const struct mc_field *f);

bool
mc_fixup_name_is(const struct mc_field *f, const char *name);

/*
 * Parse a list that need not be one: 1 parsed, 0 not an address list, -1
 * with err when there is no memory to find out.
 */
MC_NODISCARD int
mc_fixup_try_parse(struct mc_str value, struct mc_addr_list *list,
    struct mc_err *err);

/* as mc_header_insert and mc_header_remove; the block stays where it is */
MC_NODISCARD int
mc_fixup_insert(struct mc_fixup_work *w, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err);

void
mc_fixup_remove(struct mc_fixup_work *w, size_t i);

/*
 * Fields of that name in [start, *end) that say nothing go: without text,
 * "<>", or with `addr` a list without addresses.  *ret_n, if not NULL, is how
 * many went.
 */
MC_NODISCARD int
mc_fixup_drop_empty(struct mc_fixup_work *w, const char *name, bool addr,
    size_t start, size_t *end, size_t *ret_n, struct mc_err *err);

/* apply w->fix->from_policy; names are qualified, and nothing is missing */
MC_NODISCARD int
mc_fixup_policy(struct mc_fixup_work *w, struct mc_err *err);

#endif
