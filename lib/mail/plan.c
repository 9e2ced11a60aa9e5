/* SPDX-License-Identifier: MIT */
/*
 * plan.c - fan-out: who may see whom decides who shares a transaction
 */
#include "base/base.h"

#include "mail/plan.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

void
mc_plan_init(struct mc_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	mc_vec_init(&plan->txns, sizeof(struct mc_txn), MC_MAX_RCPTS);
}

void
mc_plan_clear(struct mc_plan *plan)
{
	mc_vec_clear(&plan->txns);
	mc_mem_free(plan->order);
	mc_plan_init(plan);
}

static bool
is_open(const struct mc_rcpt *r)
{
	return r->verdict == MC_PENDING || r->verdict == MC_DEFERRED;
}

static int
add_txn(struct mc_plan *plan, size_t first, size_t n, bool blind,
    enum mc_fan_out fan_out, struct mc_err *err)
{
	struct mc_txn *t = mc_vec_add(&plan->txns);

	if (t == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	t->first = first;
	t->n = n;
	t->blind = blind;
	t->mark_bcc = blind && fan_out == MC_FAN_BCC;
	return 0;
}

/* append the open recipients that are (or are not) alone to the order */
static void
put_in_order(const struct mc_envelope *env, enum mc_fan_out fan_out,
    bool alone, struct mc_plan *plan)
{
	for (size_t i = 0; i < env->rcpts.n; i++) {
		const struct mc_rcpt *r = mc_envelope_at(env, i);
		bool is_alone = r->blind && fan_out != MC_FAN_OFF;

		if (is_open(r) && is_alone == alone)
			plan->order[plan->n_order++] = i;
	}
}

static int
make(const struct mc_envelope *env, enum mc_fan_out fan_out, size_t max_rcpts,
    struct mc_plan *plan, struct mc_err *err)
{
	if (env->rcpts.n == 0)
		return 0;
	plan->order = mc_mem_zalloc(env->rcpts.n, sizeof(*plan->order));
	if (plan->order == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);

	put_in_order(env, fan_out, false, plan);
	size_t together = plan->n_order;
	size_t chunk = max_rcpts == 0 ? together : max_rcpts;
	for (size_t at = 0; at < together;) {
		size_t n = together - at < chunk ? together - at : chunk;

		if (add_txn(plan, at, n, false, fan_out, err) != 0)
			return -1;
		at += n;
	}
	put_in_order(env, fan_out, true, plan);
	for (size_t at = together; at < plan->n_order; at++)
		if (add_txn(plan, at, 1, true, fan_out, err) != 0)
			return -1;
	return 0;
}

int
mc_plan_make(struct mc_envelope *env, enum mc_fan_out fan_out,
    size_t max_rcpts, struct mc_plan *plan, struct mc_err *err)
{
	struct mc_plan fresh;

	mc_plan_init(&fresh);
	if (make(env, fan_out, max_rcpts, &fresh, err) != 0) {
		mc_plan_clear(&fresh);
		return -1;
	}
	for (size_t i = 0; i < fresh.txns.n; i++) {
		const struct mc_txn *t = mc_vec_at(&fresh.txns, i);

		for (size_t k = t->first; k < t->first + t->n; k++)
			mc_envelope_at(env, fresh.order[k])->txn = i;
	}
	mc_plan_clear(plan);
	*plan = fresh;
	return 0;
}
