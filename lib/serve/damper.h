/* SPDX-License-Identifier: MIT */
/*
 * damper.h - lines about refusals, but not thousands of them
 *
 * For each user and reason so many lines a minute are written; of the rest only
 * the number, when the minute is over.  No input or output, no clock: `now` is
 * milliseconds of mc_clock_ms.
 */
#ifndef MC_SERVE_DAMPER_H
#define MC_SERVE_DAMPER_H

#include "serve/limits.h"

#define MC_DAMPER_LINES 5
#define MC_DAMPER_TIME (60 * 1000)
/* pairs of a user and a reason within the same minute; all others share one
 * place for each reason */
#define MC_DAMPER_MOST 256

/* so many lines were not written */
struct mc_damped {
	bool others;		/* of several users: whose says nothing */
	struct mc_whose whose;
	enum mc_refusal reason;
	uint64_t n;
};

struct mc_damper;

/* NULL with err: MC_E_NOMEM; nothing fails later */
MC_NODISCARD struct mc_damper *
mc_damper_new(struct mc_err *err);

void
mc_damper_free(struct mc_damper *d);

/* may a line be written now?  If not, it is counted */
MC_NODISCARD bool
mc_damper_allows(struct mc_damper *d, struct mc_whose whose,
    enum mc_refusal reason, int64_t now);

/*
 * mc_damper_due - tell what was not written, for minutes that are over
 *
 * Called again and again until it returns false.  With now MC_NEVER all are
 * over, for the end.
 */
bool
mc_damper_due(struct mc_damper *d, int64_t now, struct mc_damped *ret_damped);

/* when the next one is due; MC_NEVER: nothing was held back */
int64_t
mc_damper_next(const struct mc_damper *d);

#endif
