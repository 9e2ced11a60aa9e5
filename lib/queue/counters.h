/* SPDX-License-Identifier: MIT */
/*
 * counters.h - how much has gone through a spool since it was made
 *
 * The file "counters" beside q/, as side_file.h says: records of 128 bytes,
 * all integers little-endian.  The first one is
 *
 *	0	"MCCOUNT\n"
 *	8	u32 version, u32 zero
 *	16	i64 since (seconds since 1970)
 *	124	u32 FNV-1a of all that
 *
 * and each other one an account's:
 *
 *	0	its name, filled up with NULs
 *	92	u64 queued, u64 delivered, u64 deferred, u64 failed
 *	124	u32 FNV-1a of all that
 *
 * Best effort: what was added shortly before a crash may be missing, nothing
 * else depends on it, and a file that is damaged begins anew and says so.
 */
#ifndef MC_COUNTERS_H
#define MC_COUNTERS_H

#include "queue/store.h"

#define MC_COUNTERS_FILE "counters"
#define MC_REFUSED_FILE "refused"
#define MC_COUNTERS_RECORD 128
#define MC_COUNTERS_NAME 92
/* accounts; what others do is not counted */
#define MC_COUNTERS_MOST 256

struct mc_counts {
	uint64_t queued;		/* messages put into the queue */
	uint64_t delivered;		/* recipients, by runs of the queue */
	uint64_t deferred;		/* the same, each time */
	uint64_t failed;
};

/*
 * mc_counters_add - add to what an account has
 *
 * True when that is done, or can never be; false when it cannot be just now
 * (somebody keeps the file locked for more than a tenth of a second, no room).
 * The reason is logged once a store.  Needs no memory.
 */
bool
mc_counters_add(struct mc_store *store, const char *account,
    const struct mc_counts *more);

/* return nonzero to stop: mc_counters_each returns it */
typedef int (*mc_counters_fn)(void *ctx, const char *account,
    const struct mc_counts *counts);

/*
 * mc_counters_each - each account's, in no order; waits for no lock
 *
 * *ret_since is 0, and nothing is told, if there is no file that can be read;
 * that it is damaged is logged.
 */
MC_NODISCARD int
mc_counters_each(const struct mc_store *store, mc_counters_fn fn, void *ctx,
    int64_t *ret_since);

/*
 * mc_refused_add, mc_refused_each - the same for what the local service refused
 *
 * In the file "refused", of the same form, with "MCREFUS\n" at its beginning:
 * an earlier release does not look at it.  In place of an account a reason has
 * a record (of serve/reasons.def), and of the counts the first one alone is
 * used.
 */
bool
mc_refused_add(struct mc_store *store, const char *reason, uint64_t n);
MC_NODISCARD int
mc_refused_each(const struct mc_store *store, mc_counters_fn fn, void *ctx,
    int64_t *ret_since);

#endif
