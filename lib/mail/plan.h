/* SPDX-License-Identifier: MIT */
/*
 * plan.h - which recipients share a transaction
 */
#ifndef MC_PLAN_H
#define MC_PLAN_H

#include "mail/envelope.h"

enum mc_fan_out {
	MC_FAN_BLIND = 0,	/* each blind recipient alone, same bytes */
	MC_FAN_BCC,		/* alone, own copy with a Bcc field naming just it */
	MC_FAN_OFF		/* all together */
};

struct mc_txn {
	size_t first;		/* into plan.order */
	size_t n;
	bool blind;
	bool mark_bcc;		/* put "Bcc: that address" on this copy */
};

struct mc_plan {
	struct mc_vec txns;	/* struct mc_txn */
	size_t *order;		/* indexes of recipients, transaction by transaction */
	size_t n_order;
};

void
mc_plan_init(struct mc_plan *plan);

void
mc_plan_clear(struct mc_plan *plan);

/*
 * mc_plan_make - visible recipients first, together, in chunks of at most
 * max_rcpts (0: no limit); then each blind one alone, in their order
 *
 * Writes mc_rcpt.txn.  Recipients whose verdict is not MC_PENDING or MC_DEFERRED are left
 * out.  fan_out OFF: chunks of all.  MC_E_NOMEM.
 */
MC_NODISCARD int
mc_plan_make(struct mc_envelope *env, enum mc_fan_out fan_out,
    size_t max_rcpts, struct mc_plan *plan, struct mc_err *err);

#endif
