/* SPDX-License-Identifier: MIT */
/*
 * addr_part.h - pieces that the address modules share; not for others
 */
#ifndef MC_ADDR_PART_H
#define MC_ADDR_PART_H

#include "base/buf.h"

/* may stand in an atom (RFC 5322 3.2.3, RFC 6532 3.2); any byte >= 0x80 does */
bool
mc_addr_is_atext(char c);

/* one or more atoms with single dots between them */
bool
mc_addr_is_dot_string(struct mc_str s);

/* valid UTF-8 and free of control characters, those of U+0080..9F too */
bool
mc_addr_is_clean(struct mc_str s);

/* offset behind the quoted-string that starts at off; 0 if it has no end */
size_t
mc_addr_quoted_end(struct mc_str s, size_t off);

/*
 * mc_addr_unescape - append text without its backslashes and folds
 *
 * For the inside of a quoted-string or comment.  A tab becomes a blank.
 */
void
mc_addr_unescape(struct mc_str s, struct mc_buf *out);

/* append a decoded local part as SMTP wants it: quoted only where needed */
void
mc_addr_write_local(struct mc_str content, struct mc_buf *out);

/* the front of s for an error text, cut between characters */
struct mc_str
mc_addr_excerpt(struct mc_str s);

#endif
