/* SPDX-License-Identifier: MIT */
/*
 * runner_scan.c - what is due, by names and times alone
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"

/* which account a message is of shows only when it is opened, and so does
 * that account's schedule: this is for clocks that were wrong by weeks */
#define FAR_AHEAD (INT64_C(9) * 86400)
/* the same for one that waits for a time; whether it really does shows when it
 * is opened too */
#define FAR_AHEAD_TIMED (INT64_C(400) * 86400)

#define BUSY_MS 100
#define BUSY_TRIES 10
#define BUSY_WATCH_MS 2000

struct scan {
	struct mc_runner *r;
	int64_t now;
	bool nomem;
};

static bool
is_due(const struct mc_store_stat *st, int64_t now)
{
	if (st->next_attempt <= now)
		return true;
	return !st->failed && st->next_attempt - now > (st->timed ?
	    FAR_AHEAD_TIMED : FAR_AHEAD);
}

/* 0, or -1 if there is no memory */
static int
take(struct mc_runner *r, const struct mc_store_stat *st)
{
	struct mc_item *item = mc_items_find(&r->items, st->id);

	if (item == NULL) {
		item = mc_items_add(&r->items, st->id);
		if (item == NULL)
			return -1;
	} else if (item->state != MC_ITEM_DONE ||
	    (mc_clock_left(item->again) != 0 &&
	    item->due == st->next_attempt)) {
		/* known, and nobody has put it forward since */
		if (item->state == MC_ITEM_DONE)
			r->again_at = mc_clock_sooner(r->again_at, item->again);
		return 0;
	}
	item->state = MC_ITEM_NEW;
	item->failed = st->failed;
	item->due = st->next_attempt;
	mc_fifo_put(&r->fresh, item);
	r->progress.left++;
	return 0;
}

static int
on_stat(void *ctx, const struct mc_store_stat *st)
{
	struct scan *scan = ctx;
	struct mc_runner *r = scan->r;

	if (st->held)
		return 0;
	if (!is_due(st, scan->now)) {
		if (st->next_attempt < r->next_due)
			r->next_due = st->next_attempt;
		return 0;
	}
	scan->nomem = take(r, st) != 0;
	return scan->nomem;
}

int
mc_runner_scan(struct mc_runner *r, struct mc_err *err)
{
	struct scan scan = { .r = r, .now = mc_runner_now() };

	if ((r->set->run->flags & MC_RUN_WATCH) != 0)
		mc_items_forget(&r->items);
	r->next_due = r->again_at = MC_NEVER;
	if (mc_store_scan(r->set->store, on_stat, &scan, err) < 0)
		return -1;
	if (scan.nomem)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_fifo_sort(&r->fresh);
	return 0;
}

void
mc_runner_look(struct mc_runner *r, const char *id)
{
	struct scan scan = { .r = r, .now = mc_runner_now() };
	struct mc_store_stat st;

	/* without memory now, the next scan finds it */
	if (mc_store_stat_id(r->set->store, id, &st) == 1)
		(void)on_stat(&scan, &st);
}

void
mc_runner_put_off(struct mc_runner *r, struct mc_item *item, int64_t again)
{
	item->state = MC_ITEM_DONE;
	item->again = again;
	item->forced = false;
	if (r->progress.left != 0)
		r->progress.left--;
	r->changed = true;
}

/*
 * Another process has it: a runner, for as long as a delivery takes, or
 * whoever is just putting it, who may count on us.
 */
void
mc_runner_is_busy(struct mc_runner *r, struct mc_item *item)
{
	bool watch = (r->set->run->flags & MC_RUN_WATCH) != 0;
	int64_t again = mc_clock_after(BUSY_MS);

	/* a run over names looks at nothing twice: a report of ours that
	 * another run has taken up is that one's */
	if (item->forced || r->set->run->ids != NULL)
		again = MC_NEVER;
	else if (++item->tries > BUSY_TRIES)
		again = watch ? mc_clock_after(BUSY_WATCH_MS) : MC_NEVER;
	mc_runner_put_off(r, item, again);
	if (again < r->scan_at)
		r->scan_at = again;
}
