/* SPDX-License-Identifier: MIT */
/*
 * limits_internal.h - what is remembered of each user
 */
#ifndef MC_SERVE_LIMITS_INTERNAL_H
#define MC_SERVE_LIMITS_INTERNAL_H

#include "serve/limits.h"

#define MC_LIMITS_BUCKETS 1024	/* a power of two */
#define MC_LIMITS_NONE UINT16_MAX

_Static_assert(MC_LIMITS_MOST < MC_LIMITS_NONE, "an index fits");

/* what one user, or loopback address, has had */
struct mc_limits_entry {
	struct mc_whose whose;
	bool used;
	uint16_t next;		/* in the same bucket, or free */
	uint32_t sessions;
	/*
	 * When the allowances are whole again, in microseconds: each message
	 * puts it off by what one takes, and it may lie one whole time ahead.
	 */
	int64_t messages_at;
	int64_t recipients_at;
	uint32_t errors;	/* as of errors_at */
	int64_t errors_at;	/* ms */
	/* committed before the count that is being made, and since it began */
	uint64_t old_messages;
	uint64_t old_bytes;
	uint64_t new_messages;
	uint64_t new_bytes;
};

struct mc_limits {
	struct mc_serve_limits set;
	uint32_t sessions;
	bool counted;		/* usage is there */
	struct mc_usage usage;
	uint16_t buckets[MC_LIMITS_BUCKETS];
	uint16_t free;		/* the first entry that is used no more */
	/* entries from here on have never been used: nobody writes to them, so
	 * that they take no memory */
	uint16_t reached;
	uint32_t n;
	struct mc_limits_entry entries[MC_LIMITS_MOST];
};

/* one that is made if need be; NULL: all are in use */
struct mc_limits_entry *
mc_limits_need(struct mc_limits *l, struct mc_whose whose, int64_t now);

/* nothing is known of it that would make a difference; errors wear off first */
bool
mc_limits_is_idle(struct mc_limits_entry *e, int64_t now);

#endif
