/* SPDX-License-Identifier: MIT */
/*
 * clock.h - time: milliseconds for waits, seconds for dates
 */
#ifndef MC_CLOCK_H
#define MC_CLOCK_H

#include "base/base.h"

#define MC_NEVER INT64_MAX

/* CLOCK_MONOTONIC in milliseconds */
int64_t
mc_clock_ms(void);

/* CLOCK_REALTIME in milliseconds since 1970 */
int64_t
mc_clock_real_ms(void);

/* now + ms, MC_NEVER when ms is MC_NEVER or the sum would overflow */
int64_t
mc_clock_after(int64_t ms);

/* the nearer of two points in time */
int64_t
mc_clock_sooner(int64_t a, int64_t b);

/* milliseconds left for poll(2): 0 when past, -1 for MC_NEVER, <= INT_MAX */
int
mc_clock_left(int64_t deadline);

#endif
