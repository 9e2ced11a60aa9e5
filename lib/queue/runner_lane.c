/* SPDX-License-Identifier: MIT */
/*
 * runner_lane.c - one account of a run: may it go, and over how many
 * connections
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/handover.h"

#include <inttypes.h>

/* another connection costs a log-in: worth it for so many messages, or when
 * the one at hand keeps the others waiting */
#define WORTH 8
#define SLOW_MS 2000
/* a message that cannot be read just now is looked at again after this */
#define TROUBLE_MS 30000

/* ----------------------------------------------------------------- accounts */

struct mc_lane *
mc_lane_get(struct mc_runner *r, const char *account, struct mc_err *err)
{
	struct mc_err none = { .code = MC_OK };
	struct mc_lane *lane = r->lanes;

	while (lane != NULL && strcmp(lane->name, account) != 0)
		lane = lane->next;
	if (lane != NULL)
		return lane;
	lane = mc_mem_zalloc(1, sizeof(*lane));
	if (lane != NULL)
		lane->name = mc_mem_strdup(account);
	if (lane == NULL || lane->name == NULL) {
		mc_mem_free(lane);
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	if (mc_config_find_queued(r->set->config, account, &lane->account,
	    &none) != 0) {
		lane->account = NULL;
		/* the schedule of the default account is better than none */
		if (mc_config_find(r->set->config, NULL, &lane->account,
		    &none) == 0)
			mc_schedule_of(lane->account, &lane->schedule);
		lane->account = NULL;
	} else {
		mc_schedule_of(lane->account, &lane->schedule);
	}
	mc_pause_load(r->set->store, account, &lane->pause);
	lane->next = r->lanes;
	r->lanes = lane;
	return lane;
}

void
mc_lanes_clear(struct mc_runner *r)
{
	while (r->lanes != NULL) {
		struct mc_lane *lane = r->lanes;

		while (lane->hands != NULL)
			mc_hand_end(r, lane->hands);
		r->lanes = lane->next;
		mc_ready_clear(&lane->ready);
		mc_mem_free(lane->name);
		mc_mem_free(lane);
	}
}

void
mc_lane_fail(struct mc_runner *r, struct mc_lane *lane, enum mc_fault fault,
    const struct mc_err *why)
{
	struct mc_err err = { .code = MC_OK };
	int64_t now = mc_runner_now();

	lane->proven = false;
	if (mc_pause_add(r->set->store, lane->name, &lane->schedule, fault,
	    why, now, &lane->pause, &err) != 0)
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL, "%s",
		    err.text);
	mc_log_line(r->set->log, MC_LOG_WARN, why->stage,
	    "account %s is paused for %" PRId64 " s: %s", lane->name,
	    lane->pause.until > now ? lane->pause.until - now : 0, why->text);
}

void
mc_lane_works(struct mc_runner *r, struct mc_lane *lane)
{
	lane->proven = true;
	if (lane->pause.until != 0 || lane->pause.failures != 0)
		mc_pause_clear(r->set->store, lane->name);
	memset(&lane->pause, 0, sizeof(lane->pause));
}

/* ------------------------------------------------------------------ may it? */

static bool
forced(const struct mc_lane *lane)
{
	return lane->ready.forced.n != 0;
}

/* a pause that somebody has lifted in the meantime */
static bool
paused(struct mc_runner *r, struct mc_lane *lane)
{
	int64_t now = mc_runner_now();

	if (!mc_pause_holds(&lane->pause, &lane->schedule, now))
		return false;
	mc_pause_load(r->set->store, lane->name, &lane->pause);
	return mc_pause_holds(&lane->pause, &lane->schedule, now);
}

static void
sooner(int64_t *wake, int64_t at)
{
	*wake = mc_clock_sooner(*wake, at);
}

bool
mc_lane_open(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake)
{
	struct mc_err why = { .code = MC_OK };

	if (lane->ready.n == 0 || (paused(r, lane) && !forced(lane))) {
		if (lane->ready.n != 0)
			sooner(ret_wake, mc_clock_after(1000 *
			    (lane->pause.until - mc_runner_now())));
		return false;
	}
	if (lane->account == NULL) {
		(void)mc_err_set(&why, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "there is no account %s in the configuration any more",
		    lane->name);
		mc_lane_fail(r, lane, MC_FAULT_ACCOUNT, &why);
		while (forced(lane))
			mc_runner_put_off(r, mc_ready_take(&lane->ready),
			    MC_NEVER);
		return false;
	}
	return true;
}

/* one more message within the rate? */
static bool
rate_allows(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake)
{
	const struct mc_account *a = lane->account;
	int64_t wait;

	if (a->rate_messages == 0)
		return true;
	if (mc_clock_left(lane->rate_until) == 0) {
		wait = mc_rate_take(r->set->store, lane->name,
		    a->rate_messages, a->rate_seconds, mc_clock_real_ms());
		if (wait == 0)
			return true;
		lane->rate_until = mc_clock_after(wait);
	}
	sooner(ret_wake, lane->rate_until);
	return false;
}

/* ------------------------------------------------------------------- assign */

/* the one that has least to do */
static struct mc_hand *
free_hand(const struct mc_lane *lane)
{
	struct mc_hand *best = NULL;

	for (struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		if (mc_hand_has_room(h) &&
		    (best == NULL || h->n_tasks < best->n_tasks))
			best = h;
	return best;
}

static size_t
working(const struct mc_lane *lane)
{
	size_t n = 0;

	for (const struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		n += !h->finished;
	return n;
}

/* the first one proves that the log-in works: many at once would be many
 * failures at once */
static bool
worth_another(const struct mc_lane *lane, int64_t *ret_wake)
{
	size_t n = working(lane);
	int64_t slowest = mc_clock_ms();

	if (n == 0)
		return true;
	if (n >= lane->account->connections || !lane->proven ||
	    (lane->most_hands != 0 && n >= lane->most_hands))
		return false;
	if (lane->ready.n >= WORTH * n)
		return true;
	for (const struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		if (h->tasks != NULL && h->tasks->since < slowest)
			slowest = h->tasks->since;
	if (mc_clock_ms() - slowest > SLOW_MS)
		return true;
	sooner(ret_wake, slowest + SLOW_MS + 1);
	return false;
}

static struct mc_hand *
find_hand(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_hand *hand = free_hand(lane);

	if (hand != NULL || !worth_another(lane, ret_wake))
		return hand;
	hand = mc_hand_start(r, lane, &err);
	if (hand == NULL) {
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL, "%s",
		    err.text);
		sooner(ret_wake, mc_clock_after(1000));
		if (lane->n_hands == 0)
			r->stop = err;
	}
	return hand;
}

/* 1: *ret_entry is to be sent; 0: this item needs no more; 2: it waits until
 * the worker is done with others */
static int
claim(struct mc_runner *r, struct mc_hand *hand, struct mc_item *item,
    struct mc_entry **ret_entry)
{
	struct mc_err err = { .code = MC_OK };
	int rc;

	if (item->alone && hand->n_tasks != 0) {
		hand->full = true;
		return 2;
	}
	rc = mc_store_claim(r->set->store, item->id, true, ret_entry, &err);
	if (rc == 1) {
		item->tries = 0;
		if (mc_hand_may_have(hand, item, *ret_entry))
			return mc_record_before(r, hand->lane, item,
			    *ret_entry);
		mc_entry_close(*ret_entry);
		return 2;
	}
	if (rc < 0 && err.code == MC_E_QUEUE_READONLY)
		r->stop = err;
	else if (rc < 0 && err.code != MC_E_QUEUE_DAMAGED)
		mc_log_line(r->set->log, MC_LOG_ERROR, MC_STAGE_LOCAL, "%s",
		    err.text);
	if (rc == 0) {
		mc_runner_is_busy(r, item);
	} else {
		item->tries = 0;
		mc_runner_put_off(r, item, mc_clock_after(TROUBLE_MS));
	}
	return 0;
}

static void
give(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake)
{
	while (r->stop.code == MC_OK && !r->cancelled &&
	    mc_lane_open(r, lane, ret_wake)) {
		struct mc_hand *hand = find_hand(r, lane, ret_wake);
		struct mc_entry *entry;
		struct mc_item *item;
		int rc;

		if (hand == NULL || !rate_allows(r, lane, ret_wake))
			return;
		item = mc_ready_take(&lane->ready);
		rc = claim(r, hand, item, &entry);
		if (rc == 2) {
			mc_ready_put_back(&lane->ready, item);
			continue;
		}
		r->gave = true;
		if (rc == 1)
			(void)mc_hand_give(r, hand, item, entry);
	}
}

void
mc_lane_assign(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake)
{
	give(r, lane, ret_wake);
	for (struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		mc_hand_run(r, h);
}
