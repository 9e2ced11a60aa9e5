/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when a message goes again, when not any more, and whose fault
 * a failure was
 *
 * Pure: times are seconds since 1970 and come in, chance comes in too.
 */
#ifndef MC_SCHEDULE_H
#define MC_SCHEDULE_H

#include "config/config.h"

/* a clock that is behind this knows nothing */
#define MC_SCHEDULE_RELEASED ((int64_t)MC_VERSION_TIME)

/* RFC 5321 4.5.4.1 asks for at least 4 to 5 days; see also keys.def */
struct mc_schedule {
	uint64_t retry_min;
	uint64_t retry_max;	/* below retry_min counts as retry_min */
	uint64_t lifetime;
	uint64_t unsure_wait;
	uint64_t unsure_retries;
};

void
mc_schedule_of(const struct mc_account *account,
    struct mc_schedule *ret_schedule);

/*
 * mc_schedule_next - time of the next attempt after `attempts` failed ones
 *
 * retry_min, doubled for each attempt after the first, at most retry_max; then
 * 75 to 125 percent of it by `random` (any 32 bits), at least a second.
 * attempts 0 counts as 1.  Never overflows: INT64_MAX is the latest.
 */
int64_t
mc_schedule_next(const struct mc_schedule *s, uint64_t attempts, int64_t now,
    uint32_t random);

/* the same after an attempt that left it unsure: unsure_wait or the above,
 * whichever is later */
int64_t
mc_schedule_next_unsure(const struct mc_schedule *s, uint64_t attempts,
    int64_t now, uint32_t random);

/*
 * mc_schedule_due - is it time?
 *
 * Also when next lies further ahead than any wait that this schedule gives
 * (125 percent of the longest, unsure_wait counted in): then the clock was
 * wrong when it was set.
 */
bool
mc_schedule_due(const struct mc_schedule *s, int64_t next, int64_t now);

/*
 * mc_schedule_expired - give up, after an attempt that has just failed?
 *
 * Age over the lifetime and at least 4 attempts (those that the account
 * failed before any message counted in).  An arrival in the future is age 0;
 * a `now` before MC_SCHEDULE_RELEASED means a clock that knows nothing: no.
 */
bool
mc_schedule_expired(const struct mc_schedule *s, int64_t arrival,
    uint64_t attempts, int64_t now);

/*
 * Whose fault?  Decides what is paused.
 */
enum mc_fault {
	MC_FAULT_MESSAGE,	/* of this message or recipient: it waits,
				 * alone */
	MC_FAULT_NETWORK,	/* nobody can be reached: costs no attempt */
	MC_FAULT_ACCOUNT,	/* log-in, certificate, configuration, helper:
				 * account */
	MC_FAULT_BUSY		/* 421, 450 4.7.x and the like: account, for a
				 * while */
};

/*
 * mc_fault_of - by error, and whether it came while opening the connection
 *
 * Opening: nothing is the message's.  421 and MC_E_SERVER_UNAVAILABLE are
 * BUSY.  NETWORK are failures that err->sys explains by ENETUNREACH,
 * EHOSTUNREACH, ENETDOWN, EADDRNOTAVAIL and their like, a name that could not
 * be looked up for now (MC_E_RESOLVE with EAGAIN, a resolver that does not
 * answer), and want of memory, descriptors or threads here, which is over
 * soon; MC_E_CANCELLED too, of which better nobody asks.  All else is
 * ACCOUNT, also a server that refuses or does not answer, and a host that
 * does not exist.
 *
 * Later: 421, 450, 451 and 452 with 4.7.x or 4.3.2, and
 * MC_E_SERVER_UNAVAILABLE are BUSY, and so is x.4.5, the quota of a day; the classes ACCOUNT and CONFIG of
 * errors.def are ACCOUNT; all else is MESSAGE.  (A lost connection is the
 * message's: one poisoned message must not stop the others.)
 */
enum mc_fault
mc_fault_of(const struct mc_err *err, bool opening);

#endif
