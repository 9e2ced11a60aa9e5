/* SPDX-License-Identifier: MIT */
/*
 * addr.h - address lists of RFC 5322 and RFC 6532, as headers and people write
 */
#ifndef MC_ADDR_H
#define MC_ADDR_H

#include "base/buf.h"
#include "base/vec.h"

struct mc_addr {
	/* local part in the form that SMTP wants: dot-string, or quoted-string
	 * only where quotes are needed; never empty */
	struct mc_str local;
	/* domain or address literal, comments and blanks gone; empty when the
	 * address is a bare name */
	struct mc_str domain;
	/* phrase in front of <...>, unquoted, encoded words as they stand;
	 * empty if none */
	struct mc_str name;
	/* text of a trailing or leading comment if there was no phrase */
	struct mc_str comment;
	/* where the addr-spec (without brackets) stands in the input */
	size_t spec_off;
	size_t spec_len;
	/* was written with a leading backslash: aliases do not apply */
	bool no_alias;
	/* stands inside a group */
	bool in_group;
};

struct mc_addr_list {
	struct mc_vec addrs;	/* struct mc_addr */
	struct mc_buf text;	/* what the slices point into */
	size_t groups;		/* how many groups there were, empty ones too */
};

void
mc_addr_list_init(struct mc_addr_list *list);

void
mc_addr_list_clear(struct mc_addr_list *list);

#define MC_ADDR_OPERAND 1u	/* command line: "a@x b@x" is two, \name */
#define MC_ADDR_NULL_OK 2u	/* "<>" gives no address, no error */

/*
 * mc_addr_parse - parse an address list, replacing what *list held
 *
 * Takes groups (not nested: RFC 5322 3.4), comments (nested, by counting),
 * quoted strings, folding (CRLF or LF followed by a blank), obsolete routes
 * (dropped), obsolete local parts and domains with CFWS around dots, domain
 * literals, empty members, phrases with dots, UTF-8.  `;` outside a group
 * separates like a comma.  Empty text gives no address and no error.  Without
 * recursion; time and memory linear.  In an angle-bracket or bare address
 * without '@' the whole is a bare name (atom, dots allowed, or quoted string).
 * "a@b <a@b>" is one address.  Checked for grammar only; length and domain:
 * mc_mailbox_make.
 *
 * Refused: unbalanced quotes, brackets or comments, nested groups, a group
 * without ';', two '@', CR or LF that folds nothing (in an operand any CR or
 * LF), NUL and other control bytes, "<>" without MC_ADDR_NULL_OK, and two
 * addresses without a comma between them unless MC_ADDR_OPERAND is given and
 * both have an '@' ("a@b SIZE=1" and "a b@c" are errors).  -1 with err:
 * MC_E_ADDR_SYNTAX (text quotes the place, printable), MC_E_TOO_MANY_RCPTS,
 * MC_E_NOMEM, MC_E_TOO_LONG; *list is then empty.
 */
MC_NODISCARD int
mc_addr_parse(struct mc_str text, unsigned flags, struct mc_addr_list *list,
    struct mc_err *err);

/*
 * mc_addr_format - append "Name <local@domain>", or the bare address
 *
 * An ASCII name that is no plain phrase is quoted; any other is encoded by RFC
 * 2047 (UTF-8, base64, words of at most 75 bytes, cut between characters;
 * folded with CRLF blank).  Control characters become blanks, blanks at both
 * ends go, and what is no UTF-8 becomes U+FFFD.  An ASCII name is folded where
 * a line would get too long (76 with encoded words in it, else 700), and
 * encoded if it has a word of more than 300 bytes.
 */
void
mc_addr_format(struct mc_str name, struct mc_str addr, struct mc_buf *out);

#endif
