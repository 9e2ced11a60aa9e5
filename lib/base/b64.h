/* SPDX-License-Identifier: MIT */
/*
 * b64.h - base64 (RFC 4648 section 4), strict
 */
#ifndef MC_B64_H
#define MC_B64_H

#include "base/buf.h"

/* append the encoding without line breaks */
void
mc_b64_encode(struct mc_str in, struct mc_buf *out);

/*
 * mc_b64_decode - append the decoded bytes
 *
 * Padding is required, the unused bits must be zero, nothing but the alphabet
 * is taken.  -1 (nothing appended) if it is not that; a full buffer shows in
 * mc_buf_err.
 */
MC_NODISCARD int
mc_b64_decode(struct mc_str in, struct mc_buf *out);

#endif
