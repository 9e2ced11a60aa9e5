/* SPDX-License-Identifier: MIT */
/*
 * limits.h - how much each user of the local service has had
 *
 * The listener's bookkeeping: open sessions, messages and recipients in a time,
 * errors of former sessions, shares of the queue.  No input or output, no
 * clock: `now` is milliseconds of mc_clock_ms and never goes back.  All memory
 * is taken at once, so that nothing here fails for want of it later, but for
 * mc_limits_set_usage and mc_limits_save.
 */
#ifndef MC_SERVE_LIMITS_H
#define MC_SERVE_LIMITS_H

#include "base/buf.h"
#include "queue/usage.h"
#include "serve/settings.h"

enum mc_refusal {
	MC_REFUSED_NOT = 0,
#define MC_REFUSAL(id, name, words) MC_REFUSED_##id,
#include "serve/reasons.def"
#undef MC_REFUSAL
	MC_REFUSED__COUNT
};

/* "sessions", and "too many sessions"; "" for what is none */
const char *
mc_refusal_name(enum mc_refusal reason);
const char *
mc_refusal_words(enum mc_refusal reason);

/* MC_REFUSED_NOT if there is no such name */
enum mc_refusal
mc_refusal_find(const char *name);

/* users and addresses that are remembered at the same time */
#define MC_LIMITS_MOST 4096

/* whose account something goes on */
struct mc_whose {
	enum {
		MC_WHOSE_USER,		/* id is a uid */
		MC_WHOSE_SOURCE		/* id is 4 or 6: who comes over IPv4 or
					 * IPv6 loopback addresses */
	} kind;
	uint32_t id;
};

static inline struct mc_whose
mc_whose_user(uid_t uid)
{
	return (struct mc_whose){ MC_WHOSE_USER, (uint32_t)uid };
}

static inline struct mc_whose
mc_whose_source(bool six)
{
	/* anybody can connect from any address out of 127.0.0.0/8, so they
	 * count as one */
	return (struct mc_whose){ MC_WHOSE_SOURCE, six ? 6 : 4 };
}

struct mc_limits;

/* NULL with err: MC_E_NOMEM; limits are copied */
MC_NODISCARD struct mc_limits *
mc_limits_new(const struct mc_serve_limits *limits, struct mc_err *err);

void
mc_limits_free(struct mc_limits *l);

/* ----------------------------------------------------------------- sessions */

/*
 * mc_limits_open - a session begins: of a user, or from a loopback address
 *
 * MC_REFUSED_NOT: it is counted until mc_limits_close, and its greeting is to
 * wait for *ret_delay milliseconds, because of errors in earlier ones.  Else
 * SESSIONS, USER_SESSIONS, LOOPBACK_SESSIONS, or USERS when nobody more can be
 * remembered.
 *
 * A user who logs in on a session from a loopback address joins it: this
 * counts for the user too, until mc_limits_leave, but not twice in all.
 */
MC_NODISCARD enum mc_refusal
mc_limits_open(struct mc_limits *l, struct mc_whose whose, int64_t now,
    int64_t *ret_delay);
void
mc_limits_close(struct mc_limits *l, struct mc_whose whose);
MC_NODISCARD enum mc_refusal
mc_limits_join(struct mc_limits *l, struct mc_whose whose, int64_t now);
void
mc_limits_leave(struct mc_limits *l, struct mc_whose whose);

/* sessions that are open; more than three quarters of what may be? */
uint32_t
mc_limits_sessions(const struct mc_limits *l);
bool
mc_limits_busy(const struct mc_limits *l);

/* a session has had n errors; they wear off, by half in MC_LIMITS_HALF */
#define MC_LIMITS_HALF (5 * 60 * 1000)
#define MC_LIMITS_FREE_ERRORS 10	/* not punished */
#define MC_LIMITS_ERROR_DELAY 100	/* ms for each one more */
#define MC_LIMITS_MOST_DELAY 10000
void
mc_limits_errors(struct mc_limits *l, struct mc_whose whose, uint32_t n,
    int64_t now);

/* --------------------------------------------------------------------- rates */

/*
 * mc_limits_message, mc_limits_recipients - may one more, may n more come?
 *
 * MC_REFUSED_NOT: they are counted.  RATE_MESSAGES or RATE_RECIPIENTS with
 * *ret_wait, in how many seconds; never for more than the limit at once.
 * USERS as above.
 */
MC_NODISCARD enum mc_refusal
mc_limits_message(struct mc_limits *l, struct mc_whose whose, int64_t now,
    int64_t *ret_wait);
MC_NODISCARD enum mc_refusal
mc_limits_recipients(struct mc_limits *l, struct mc_whose whose, uint32_t n,
    int64_t now, int64_t *ret_wait);

/* -------------------------------------------------------------------- shares */

/*
 * mc_limits_share - may a message of so many bytes still come from this uid?
 *
 * SHARE if it would have more than its part of the queue's messages or bytes:
 * as of the last count, and what was committed since.  Before the first count
 * everything may.
 */
MC_NODISCARD enum mc_refusal
mc_limits_share(const struct mc_limits *l, uid_t uid, uint64_t bytes);

/* a message of the uid is in the queue */
void
mc_limits_committed(struct mc_limits *l, uid_t uid, uint64_t bytes,
    int64_t now);

/*
 * mc_limits_begin_usage, mc_limits_set_usage - before, and after a count
 *
 * What is committed from the beginning of a count on is added to it, as nobody
 * knows whether the count has it.  usage is copied; -1 with err: MC_E_NOMEM,
 * the old count stays.
 */
void
mc_limits_begin_usage(struct mc_limits *l);
MC_NODISCARD int
mc_limits_set_usage(struct mc_limits *l, const struct mc_usage *usage,
    struct mc_err *err);

/* --------------------------------------------------------------------- carry */

/*
 * mc_limits_save, mc_limits_load - hand over to the listener that comes next
 *
 * Rates, errors and what was committed since the last count; sessions stay
 * with whom they are, and usage is counted anew.  Append to `out`: room for
 * MC_LIMITS_SAVED is enough.  -1 with err: MC_E_NOMEM, MC_E_TOO_LONG.
 * Loading is for a new object; -1 with err: MC_E_BAD_VALUE, nothing is taken
 * then.
 */
#define MC_LIMITS_RECORD 48
#define MC_LIMITS_SAVED (16 + MC_LIMITS_MOST * MC_LIMITS_RECORD)
MC_NODISCARD int
mc_limits_save(const struct mc_limits *l, int64_t now, struct mc_buf *out,
    struct mc_err *err);
MC_NODISCARD int
mc_limits_load(struct mc_limits *l, struct mc_str in, int64_t now,
    struct mc_err *err);

#endif
