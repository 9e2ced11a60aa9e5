/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - a single address as it may stand in MAIL and RCPT
 */
#ifndef MC_MAILBOX_H
#define MC_MAILBOX_H

#include "base/buf.h"

/*
 * mc_mailbox_make - append "local@domain", checked by RFC 5321 and RFC 6531
 *
 * local as mc_addr.local; domain a host name or an address literal
 * ([192.0.2.1], [IPv6:2001:db8::1]; General-address-literal refused).  A
 * trailing dot of the domain goes.  A domain outside ASCII becomes its A-label
 * form (IDNA 2008, UTS #46 non-transitional) when the local part is ASCII, and
 * U-labels in their normal form else.  Case is kept, except in a domain
 * outside ASCII.  Limits: local 64 octets, domain 255 (labels 63, LDH, no
 * hyphen at the ends), both with '@' 254.  A leading '-' in the local part is
 * fine here.  -1 with err: MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG, MC_E_NOMEM;
 * nothing appended then.
 */
MC_NODISCARD int
mc_mailbox_make(struct mc_str local, struct mc_str domain, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_mailbox_bare - append a name without domain, for a server that adds one
 *
 * local as above, and checked so; errors too.
 */
MC_NODISCARD int
mc_mailbox_bare(struct mc_str local, struct mc_buf *out, struct mc_err *err);

/* offset of the '@' that ends the local part of a made mailbox, or len */
size_t
mc_mailbox_at(struct mc_str addr);

/* is it a name without domain, and not the null sender? */
bool
mc_mailbox_is_bare(struct mc_str addr);

/* same local part, and same domain but for ASCII case */
bool
mc_mailbox_eq(struct mc_str a, struct mc_str b);

/* the same with the local part's case ignored: for "is this one named in the
 * header" */
bool
mc_mailbox_eq_loose(struct mc_str a, struct mc_str b);

/*
 * mc_mailbox_match - does an address fit one pattern of `from =`?
 *
 * "*@dom", "*@*.dom", "user@dom", "user+*@dom", "*": '*' stands for any run of
 * bytes; case is ignored.  Linear time, no recursion.
 */
bool
mc_mailbox_match(struct mc_str pattern, struct mc_str addr);

#endif
