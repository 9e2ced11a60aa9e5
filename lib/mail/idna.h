/* SPDX-License-Identifier: MIT */
/*
 * idna.h - host names in the form that DNS, TLS and SMTP want (libidn2)
 */
#ifndef MC_IDNA_H
#define MC_IDNA_H

#include "base/buf.h"

/*
 * mc_idna_host - append a host name as lower case A-labels, no trailing dot
 *
 * Checks labels (1..63, LDH, no hyphen at an end; '_' only with
 * `allow_underscore`) and total length (253).  IDNA 2008 with UTS #46
 * non-transitional mapping for what is not ASCII; pure ASCII does not enter
 * libidn2.  -1 with err: MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_idna_host(struct mc_str host, bool allow_underscore, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_idna_unicode - append a host name as U-labels in their normal form
 *
 * The same mapping and checks; for an SMTPUTF8 address (RFC 6531 3.3).  No
 * trailing dot.  -1 as above.
 */
MC_NODISCARD int
mc_idna_unicode(struct mc_str host, struct mc_buf *out, struct mc_err *err);

/* valid U-labels, already in the form that mc_idna_unicode gives (but for the
 * case of ASCII letters)?  -1 as above */
MC_NODISCARD int
mc_idna_check_u(struct mc_str host, struct mc_err *err);

#endif
