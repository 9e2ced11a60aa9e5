/* SPDX-License-Identifier: MIT */
/*
 * clock.c - points in time for waits, immune to changes of the wall clock
 */
#include "base/base.h"
#include "base/clock.h"

#include <time.h>

int64_t
mc_clock_ms(void)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
mc_clock_real_ms(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
mc_clock_after(int64_t ms)
{
	int64_t now = mc_clock_ms();

	if (ms > MC_NEVER - now)
		return MC_NEVER;
	return ms < 0 ? now : now + ms;
}

int64_t
mc_clock_sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int
mc_clock_left(int64_t deadline)
{
	if (deadline == MC_NEVER)
		return -1;

	int64_t now = mc_clock_ms();

	if (deadline <= now)
		return 0;
	return deadline - now > INT_MAX ? INT_MAX : (int)(deadline - now);
}
