/* SPDX-License-Identifier: MIT */
/*
 * deliver_internal.h - what deliver.c and flight.c share
 */
#ifndef MC_DELIVER_INTERNAL_H
#define MC_DELIVER_INTERNAL_H

#include "transport/fit.h"

/* one message, while it goes out in as many transactions as it takes */
struct mc_work {
	struct mc_delivery *d;
	const struct mc_delivery_message *m;
	struct mc_fit fit;	/* the message as the server takes it */
	size_t *told;		/* room for all recipients: who has a verdict now */

	/* the transaction that goes alone (deliver.c) */
	size_t *order;		/* recipients still to go */
	size_t n;
	size_t chunk;		/* how many of them go at once */

	/* those that go together (flight.c) */
	enum mc_work_state {
		MC_WORK_WAITS,
		MC_WORK_FLIES,	/* begun, not yet answered */
		MC_WORK_AGAIN,	/* whoever is pending goes once more, alone */
		MC_WORK_OVER
	} *states;		/* of each transaction of the plan */
	size_t begun;		/* this one waits, and all behind it */
	size_t landed;		/* in front of this one none flies */
	struct mc_err err;	/* why it is given up */
	struct mc_work *next;
};

/* which recipients of a transaction that is over go once more */
typedef bool mc_goes_again(const struct mc_rcpt *rcpt);

/* the server refused this one only as one too many */
mc_goes_again mc_rcpt_is_split;

/* only the end of the connection kept this one from going */
mc_goes_again mc_rcpt_is_cut_off;

/* the server could not do what it offers: without that it can */
mc_goes_again mc_rcpt_is_unserved;

/* its verdict stands as it is */
mc_goes_again mc_rcpt_is_untried;

static inline const struct mc_txn *
mc_work_txn(const struct mc_work *w, size_t i)
{
	return mc_vec_at(&w->m->plan->txns, i);
}

static inline const size_t *
mc_work_order(const struct mc_work *w, size_t i)
{
	return w->m->plan->order + mc_work_txn(w, i)->first;
}

/* extra holds what the job borrows; MC_E_NOMEM */
MC_NODISCARD int
mc_work_job(struct mc_work *w, const size_t *order, size_t n, bool mark_bcc,
    struct mc_buf *extra, struct mc_transport_job *ret_job,
    struct mc_err *err);

/* the form for the connection that is open; errors of mc_fit_for */
MC_NODISCARD int
mc_work_fit(struct mc_work *w, struct mc_err *err);

/*
 * mc_work_alone - one transaction, while nothing else is on its way
 *
 * all: of all its recipients, else of those that are pending.  Errors of
 * mc_delivery_run.
 */
MC_NODISCARD int
mc_work_alone(struct mc_work *w, size_t i, bool all, struct mc_err *err);

/* what the server says it takes */
struct mc_transport_limits
mc_delivery_limits(const struct mc_delivery *d);

/* the connection ended, and not with a message left in doubt */
bool
mc_delivery_is_loss(const struct mc_err *err);

#endif
