/* SPDX-License-Identifier: MIT */
/*
 * date.h - Date and Message-ID values
 */
#ifndef MC_DATE_H
#define MC_DATE_H

#include "base/buf.h"

/* "Mon, 23 Nov 2026 14:30:07 +0000" (RFC 5322 3.3): English whatever the
 * locale, local time zone offset; falls back to UTC */
void
mc_date_format(int64_t seconds, struct mc_buf *out);

/* "<26 random characters@domain>"; domain must be a checked host name.
 * MC_E_INTERNAL */
MC_NODISCARD int
mc_msgid_make(struct mc_str domain, struct mc_buf *out, struct mc_err *err);

#endif
