/* SPDX-License-Identifier: MIT */
/*
 * unit.h - what every unit test includes: the code under test and cmocka
 */
#ifndef MC_UNIT_H
#define MC_UNIT_H

#include "base/base.h"
#include "base/err.h"

#include <setjmp.h>

#include <cmocka.h>

/* the slice holds exactly this text */
#define assert_str(s, text) do { \
	struct mc_str s_ = (s); \
	assert_int_equal(s_.len, strlen(text)); \
	if (s_.len != 0) \
		assert_memory_equal(s_.ptr, (text), s_.len); \
} while (0)

/* failed with this code, and said something */
#define assert_err(rc, e, want) do { \
	assert_int_equal((rc), -1); \
	assert_string_equal(mc_code_name((e).code), mc_code_name(want)); \
	assert_int_not_equal((e).text[0], 0); \
} while (0)

/*
 * failmalloc.c, linked into every unit test: make the n-th allocation (from
 * 1) fail once, and all later ones if `forever`; 0 turns it off.  Returns how
 * many allocations there were since the last call.
 */
unsigned long
failmalloc(unsigned long n, bool forever);

#endif
