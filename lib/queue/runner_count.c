/* SPDX-License-Identifier: MIT */
/*
 * runner_count.c - what a run has done goes to the spool's counters, in batches
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"

#define COUNT_MS 1000

static bool
has_counts(const struct mc_lane *lane)
{
	const struct mc_counts *c = &lane->counts;

	return (c->queued | c->delivered | c->deferred | c->failed) != 0;
}

/* what cannot be written now is written with what comes next */
static bool
write_counts(struct mc_runner *r)
{
	bool all = true;

	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next) {
		if (!has_counts(l))
			continue;
		if (mc_counters_add(r->set->store, l->name, &l->counts))
			l->counts = (struct mc_counts){ .queued = 0 };
		else
			all = false;
	}
	return all;
}

static bool
some_lane_has(const struct mc_runner *r)
{
	for (const struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		if (has_counts(l))
			return true;
	return false;
}

void
mc_runner_count(struct mc_runner *r, int64_t *ret_wake)
{
	if (!some_lane_has(r))
		return;
	if (mc_clock_left(r->count_at) != 0) {
		*ret_wake = mc_clock_sooner(*ret_wake, r->count_at);
		return;
	}
	r->count_at = mc_clock_after(COUNT_MS);
	if (!write_counts(r))
		*ret_wake = mc_clock_sooner(*ret_wake, r->count_at);
}

void
mc_runner_count_rest(struct mc_runner *r)
{
	(void)write_counts(r);
}
