/* SPDX-License-Identifier: MIT */
/*
 * when.h - points in time as people and servers write them
 *
 * All are seconds since 1970.
 */
#ifndef MC_WHEN_H
#define MC_WHEN_H

#include "base/buf.h"

/* a message may be meant for so long after now */
#define MC_WHEN_DAYS 366

/* "2026-12-24T18:00:00+01:00" (RFC 3339 5.6, in full): false if it is none, or
 * not of the years 1970 to 9999 */
bool
mc_when_rfc3339(struct mc_str text, int64_t *ret_when);

/* append "2026-12-24T17:00:00Z"; what is outside those years is cut to them */
void
mc_when_add_utc(int64_t when, struct mc_buf *out);

/*
 * mc_when_parse - read a point in time that is to come
 *
 * A date and time of RFC 3339, where seconds and zone may be left out (then it
 * is of the local zone) and a blank may stand for the T; "HH:MM", the next
 * such moment of the local zone; "+2h30m", units w d h m s in this order, from
 * `now` on, of fixed lengths; "@N", seconds since 1970.  Of a local time that
 * there is twice it is the first that is to come.
 *
 * MC_E_USAGE: none of these; no such day, or no such moment (clocks that are
 * put forward); over for more than a minute; more than MC_WHEN_DAYS ahead.
 */
MC_NODISCARD int
mc_when_parse(struct mc_str text, int64_t now, int64_t *ret_when,
    struct mc_err *err);

#endif
