/* SPDX-License-Identifier: MIT */
/*
 * addr_parser.h - inside of mc_addr_parse: tokens, addr-specs; not for others
 *
 * Functions that return int give 0, or -1 with p->err.
 */
#ifndef MC_ADDR_PARSER_H
#define MC_ADDR_PARSER_H

#include "mail/addr.h"
#include "mail/addr_part.h"

struct mc_addr_span {
	size_t off;
	size_t len;
};

struct mc_addr_parser {
	struct mc_str in;
	size_t pos;
	unsigned flags;		/* MC_ADDR_... */
	struct mc_addr_list *list;
	struct mc_buf *text;	/* list->text */
	struct mc_buf local;	/* decoded local part being read */
	struct mc_addr_span lead; /* first comment in front of this member */
	size_t mark;		/* where this address's text begins */
	size_t last_mark;	/* the same of the address before */
	bool in_group;
	bool beside;		/* nothing separates us from the one before */
	struct mc_err *err;
};

/* the next byte, or -1 at the end */
static inline int
peek(const struct mc_addr_parser *p)
{
	return p->pos < p->in.len ? (unsigned char)p->in.ptr[p->pos] : -1;
}

static inline bool
at_atext(const struct mc_addr_parser *p)
{
	return p->pos < p->in.len && mc_addr_is_atext(p->in.ptr[p->pos]);
}

/* say why, and quote what stands at off; -1 */
int
mc_addr_refuse(struct mc_addr_parser *p, size_t off, const char *why);

/* no control characters but tabs and folds; everything else here relies on
 * it and takes CR and LF for blanks */
MC_NODISCARD int
mc_addr_check_bytes(struct mc_addr_parser *p);

/* offset behind the quoted-string, or address literal, that starts at off */
MC_NODISCARD int
mc_addr_find_quote(struct mc_addr_parser *p, size_t off, size_t *ret_end);

MC_NODISCARD int
mc_addr_find_bracket(struct mc_addr_parser *p, size_t off, size_t *ret_end);

/* skip blanks and comments; *ret (if not NULL) gets the first comment, with
 * its parentheses, or len 0 */
MC_NODISCARD int
mc_addr_skip_cfws(struct mc_addr_parser *p, struct mc_addr_span *ret);

/* first byte ahead that tells what stands here: one of "@<>:,;", or NUL for
 * the end; nothing is skipped */
MC_NODISCARD int
mc_addr_classify(struct mc_addr_parser *p, char *ret_kind);

/*
 * mc_addr_read_spec - read an addr-spec or bare name and what blanks follow
 *
 * Appends local part and domain to p->text and fills in their lengths in *a,
 * and where they stood.  *ret_tail (if not NULL): first comment behind.
 */
MC_NODISCARD int
mc_addr_read_spec(struct mc_addr_parser *p, struct mc_addr *a,
    struct mc_addr_span *ret_tail);

/* skip "@a,@b:" and the blanks behind */
MC_NODISCARD int
mc_addr_skip_route(struct mc_addr_parser *p);

#endif
