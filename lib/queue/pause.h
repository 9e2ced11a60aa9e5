/* SPDX-License-Identifier: MIT */
/*
 * pause.h - what all processes have to know of an account: it is paused, or
 * has used up its rate
 *
 * One small file an account in the spool's top directory, "a-" and 26
 * characters of base32 out of SHA-256 of the account's name; mode 0600, a
 * record of fixed size with a checksum, overwritten in place under flock, for
 * which nobody waits longer than a second.  Nothing depends on it: a file
 * that is torn, missing, or no plain file of ours with one name counts as "no
 * pause", and is made anew (after unlink, never through a link).  Written
 * without fsync: after a crash the worst is one log-in too many.
 */
#ifndef MC_PAUSE_H
#define MC_PAUSE_H

#include "queue/schedule.h"
#include "queue/store.h"

struct mc_pause {
	int64_t until;		/* seconds since 1970; 0: not paused */
	int64_t since;		/* first of the failures in a row */
	uint32_t failures;	/* in a row; network failures are not counted */
	enum mc_fault fault;
	enum mc_code code;
	char text[MC_ERR_TEXT];	/* printable, one line; "" if none */
};

/* all zero if there is none or it cannot be read; waits for no lock */
void
mc_pause_load(struct mc_store *store, const char *account,
    struct mc_pause *ret_pause);

/* is it in force?  One that ends further ahead than any that is made is not:
 * the clock was wrong */
bool
mc_pause_holds(const struct mc_pause *pause, const struct mc_schedule *s,
    int64_t now);

/*
 * mc_pause_add - one more failure that is the account's
 *
 * MC_FAULT_NETWORK: until now + retry_min, at most 60 s, failures unchanged.
 * MC_FAULT_BUSY: retry_min doubling to retry_max, with chance as in
 * schedule.h.  MC_FAULT_ACCOUNT: the same; when the log-in was refused, from
 * 5 minutes or retry_min, whichever is more, and by whatever chance never
 * less than 5 minutes, since servers lock users out who try too often.
 * MC_FAULT_MESSAGE changes nothing.
 *
 * Several processes may report the same failure: within 2 s of the last one
 * that was counted it is not counted.  A pause that holds and ends later than
 * this one would stays as it is.  *ret_pause (may be NULL) is what holds now.
 *
 * -1 with err: MC_E_QUEUE, MC_E_QUEUE_FULL, MC_E_NOMEM (cannot be written;
 * ret_pause is filled in all the same).
 */
MC_NODISCARD int
mc_pause_add(struct mc_store *store, const char *account,
    const struct mc_schedule *s, enum mc_fault fault, const struct mc_err *why,
    int64_t now, struct mc_pause *ret_pause, struct mc_err *err);

/* the account works, or somebody wants it tried again: no pause, no failures.
 * Makes no file, and locks none where there is nothing to forget.  The rate
 * is kept.  A failure is logged. */
void
mc_pause_clear(struct mc_store *store, const char *account);

/*
 * mc_rate_take - may one more message go now?
 *
 * At most `messages` in any window of `seconds`, in a burst or not, counted
 * for all processes; after a burst what has gone stays counted up to a
 * sixtieth of `seconds` longer.  Returns 0 if it may (and it is counted),
 * else the milliseconds to wait, at least 1; also 0 where there is no limit
 * (messages or seconds 0).  now_ms is milliseconds since 1970.  A clock that
 * went back gives nothing back: what has gone counts as gone just now.  What
 * cannot be read or written counts as nothing gone yet, and is logged once a
 * store.
 */
int64_t
mc_rate_take(struct mc_store *store, const char *account, uint64_t messages,
    uint64_t seconds, int64_t now_ms);

#endif
