/* SPDX-License-Identifier: MIT */
/*
 * downgrade.h - a header for servers without SMTPUTF8, or without 8BITMIME
 */
#ifndef MC_DOWNGRADE_H
#define MC_DOWNGRADE_H

#include "mail/header.h"

/*
 * mc_downgrade_domains - domains outside ASCII become A-labels
 *
 * In From, Sender, Reply-To, To, Cc, Bcc, their Resent- forms and the like,
 * of every address with an ASCII local part; all other bytes stay.  So does a
 * field that is no address list, and a domain that has no A-labels.  1 if
 * something changed, 0 if not; -1 with err: MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_downgrade_domains(struct mc_header *h, struct mc_err *err);

/*
 * mc_downgrade_header - the whole header in ASCII
 *
 * As mc_downgrade_domains, and then, in fields with other bytes only:
 *  - text, display names and comments become encoded words (RFC 2047, UTF-8
 *    or, for what is not that, unknown-8bit of RFC 1428), as few as needed;
 *  - parameters in Content-Type and Content-Disposition become RFC 2231;
 *  - what stands in angle brackets and is no address: %XX, as in a URL;
 *  - in To, Cc and Bcc, an address with other bytes in its local part becomes
 *    a group without addresses that names it (RFC 6857 3.1.8).
 * Refused with MC_E_MSG_CONTENT and the field's name: such an address
 * elsewhere or in a group, and other bytes in Message-ID or Content-ID.  That
 * a DKIM-Signature breaks is the caller's business.  MC_E_NOMEM, MC_E_TOO_LONG.  After a failure the
 * header is changed in part.
 */
MC_NODISCARD int
mc_downgrade_header(struct mc_header *h, struct mc_err *err);

#endif
