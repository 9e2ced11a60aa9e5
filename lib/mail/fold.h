/* SPDX-License-Identifier: MIT */
/*
 * fold.h - header lines that are too long for the wire
 */
#ifndef MC_FOLD_H
#define MC_FOLD_H

#include "mail/header.h"

/*
 * mc_fold_header - fold every line over MC_MAX_LINE bytes at its blanks
 *
 * A CRLF is put in front of a blank, so that unfolding gives the same text
 * (RFC 5322 2.2.3); no line of blanks alone is made.  Fields without such a
 * line keep their bytes.  MC_E_MSG_CONTENT when a stretch without blanks is
 * too long; MC_E_NOMEM.
 */
MC_NODISCARD int
mc_fold_header(struct mc_header *h, struct mc_err *err);

#endif
