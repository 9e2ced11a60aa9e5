/* SPDX-License-Identifier: MIT */
/*
 * strip.h - header fields that do not leave (RFC 5321 7.5 and 7.6)
 */
#ifndef MC_STRIP_H
#define MC_STRIP_H

#include "mail/header.h"

/*
 * mc_strip_parse - append a list of field names in its normal form
 *
 * Names are separated by blanks or commas; in the normal form by one blank.
 * -1 with err: MC_E_CONF_VALUE for what is no name of a field, and for one that
 * a message, its way or its readers depend on.  The text names only fields of
 * that table, never what was written.
 */
MC_NODISCARD int
mc_strip_parse(struct mc_str in, struct mc_buf *out, struct mc_err *err);

/*
 * mc_strip_header - remove the fields of these names, case ignored
 *
 * `names` is as of mc_strip_parse.  A message that is resent keeps all: what is
 * below its Resent- fields was written by others.  Fields that a DKIM or ARC
 * signature covers stay too.  Names as they stood in the message are appended
 * to removed, or to kept for the sake of a signature, each of them once,
 * separated by ", ".  MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_strip_header(struct mc_header *h, struct mc_str names,
    struct mc_buf *removed, struct mc_buf *kept, struct mc_err *err);

#endif
