/* SPDX-License-Identifier: MIT */
/*
 * pause.c - an account that fails waits for all processes; rates are counted
 * for all of them
 */
#include "base/base.h"

#include "queue/pause.h"

#include "base/err.h"
#include "base/rand.h"
#include "queue/pause_file.h"
#include "queue/store_internal.h"

/* servers that lock users out count within minutes */
#define LOCK_OUT 300
/* a network may come back any time, and asking it costs nothing */
#define MOST_NETWORK 60
/* connections of one run fail together */
#define SAME 2
/* groups of messages in one window, and how far clocks of processes that wait
 * for each other may be apart, milliseconds */
#define GROUPS 60
#define SKEW 10000

/* ------------------------------------------------------------------- pauses */

void
mc_pause_load(struct mc_store *store, const char *account,
    struct mc_pause *ret_pause)
{
	struct mc_pause_record record;

	mc_pause_peek(store, account, &record);
	*ret_pause = record.pause;
}

/* all pauses that are made fit in this */
static struct mc_schedule
with_lock_out(const struct mc_schedule *s)
{
	struct mc_schedule r = { .retry_min = s->retry_min,
	    .retry_max = s->retry_max, .unsure_wait = LOCK_OUT };

	if (r.retry_min < LOCK_OUT)
		r.retry_min = LOCK_OUT;
	if (r.retry_max < r.retry_min)
		r.retry_max = r.retry_min;
	return r;
}

bool
mc_pause_holds(const struct mc_pause *pause, const struct mc_schedule *s,
    int64_t now)
{
	struct mc_schedule all = with_lock_out(s);

	return pause->until != 0 && !mc_schedule_due(&all, pause->until, now);
}

static bool
is_refused(const struct mc_err *why)
{
	return why != NULL &&
	    (why->code == MC_E_AUTH_REFUSED || why->smtp == 535);
}

static int64_t
end_of(const struct mc_schedule *s, enum mc_fault fault,
    const struct mc_err *why, uint32_t failures, int64_t now)
{
	struct mc_schedule other;
	uint32_t random;

	if (fault == MC_FAULT_NETWORK) {
		other = (struct mc_schedule){ .unsure_wait =
		    s->retry_min < MOST_NETWORK ? s->retry_min : MOST_NETWORK };
		return mc_schedule_next_unsure(&other, 1, now, 0);
	}
	/* without chance, the middle */
	if (mc_rand_bytes(&random, sizeof(random), NULL) != 0)
		random = UINT32_MAX / 2;
	if (fault == MC_FAULT_ACCOUNT && is_refused(why)) {
		other = with_lock_out(s);
		return mc_schedule_next_unsure(&other, failures, now, random);
	}
	return mc_schedule_next(s, failures, now, random);
}

static bool
is_within(int64_t a, int64_t b, uint64_t distance)
{
	return a > b ? (uint64_t)a - (uint64_t)b <= distance :
	    (uint64_t)b - (uint64_t)a <= distance;
}

/* one more failure; is it the one that is known already? */
static bool
count(struct mc_pause_record *record, enum mc_fault fault, int64_t now)
{
	struct mc_pause *p = &record->pause;

	if (fault == MC_FAULT_NETWORK) {
		if (p->since == 0)
			p->since = now;
		return false;
	}
	if (p->failures != 0 && is_within(now, record->counted, SAME))
		return true;
	if (p->failures == 0)
		p->since = now;
	if (p->failures != UINT32_MAX)
		p->failures++;
	record->counted = now;
	return false;
}

static void
add(struct mc_pause_record *record, const struct mc_schedule *s,
    enum mc_fault fault, const struct mc_err *why, int64_t now)
{
	struct mc_pause *p = &record->pause;
	enum mc_code code = why != NULL ? why->code : MC_OK;
	bool holds = mc_pause_holds(p, s, now);
	bool known = count(record, fault, now);
	int64_t until = end_of(s, fault, why, p->failures, now);

	if (holds && (p->until >= until ||
	    (known && p->fault == fault && p->code == code)))
		return;
	p->until = until;
	p->fault = fault;
	p->code = code;
	memset(p->text, 0, sizeof(p->text));
	(void)mc_str_printable(why == NULL ? MC_STR_NONE :
	    mc_str_make(why->text, strnlen(why->text, sizeof(why->text))),
	    p->text, sizeof(p->text));
}

int
mc_pause_add(struct mc_store *store, const char *account,
    const struct mc_schedule *s, enum mc_fault fault, const struct mc_err *why,
    int64_t now, struct mc_pause *ret_pause, struct mc_err *err)
{
	struct mc_pause_file file = { .side = { .fd = -1 } };
	int rc = 0;

	if (fault == MC_FAULT_MESSAGE) {
		mc_pause_peek(store, account, &file.record);
	} else if (mc_pause_open(store, account, true, &file, err) < 0) {
		/* it counts for this process at least */
		mc_pause_peek(store, account, &file.record);
		add(&file.record, s, fault, why, now);
		rc = -1;
	} else {
		add(&file.record, s, fault, why, now);
		rc = mc_pause_save(&file, err);
	}
	mc_pause_close(&file);
	if (ret_pause != NULL)
		*ret_pause = file.record.pause;
	return rc;
}

static bool
is_clear(const struct mc_pause *p)
{
	return p->until == 0 && p->since == 0 && p->failures == 0;
}

void
mc_pause_clear(struct mc_store *store, const char *account)
{
	struct mc_pause_file file = { .side = { .fd = -1 } };
	struct mc_err err = { .code = MC_OK };

	/* after every message that went: mostly there is nothing to do */
	mc_pause_peek(store, account, &file.record);
	if (is_clear(&file.record.pause))
		return;

	int rc = mc_pause_open(store, account, false, &file, &err);

	if (rc == 1 && !is_clear(&file.record.pause)) {
		file.record.pause = (struct mc_pause){ .until = 0 };
		rc = mc_pause_save(&file, &err);
	}
	mc_pause_close(&file);
	if (rc < 0)
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "the pause of account %s stays: %s", account, err.text);
}

/* -------------------------------------------------------------------- rates */

static void
drop_oldest(struct mc_pause_record *r)
{
	r->groups--;
	memmove(r->group, r->group + 1, r->groups * sizeof(r->group[0]));
}

static uint64_t
sum(const struct mc_pause_record *r)
{
	uint64_t n = 0;

	for (size_t i = 0; i < r->groups; i++)
		n += r->group[i].n;
	return n;
}

/*
 * The clock went back, and how much time has passed is not known: all that
 * has gone counts as gone now.
 */
static void
gone_now(struct mc_pause_record *r, int64_t now)
{
	uint64_t n = sum(r);

	r->group[0].last = now;
	r->group[0].n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
	r->groups = 1;
}

static void
add_one(struct mc_pause_record *r, int64_t now, int64_t window)
{
	int64_t width = window / GROUPS > 0 ? window / GROUPS : 1;
	struct mc_pause_group *g = r->group;
	struct mc_pause_group *newest = &g[r->groups == 0 ? 0 : r->groups - 1];

	if (r->groups != 0 && newest->last / width == now / width &&
	    newest->n != UINT32_MAX) {
		newest->last = now;
		newest->n++;
		return;
	}
	/* more than fit are left over from a rate with narrower groups; what
	 * goes with the next one counts longer, never shorter */
	if (r->groups == MC_PAUSE_GROUPS) {
		uint64_t n = (uint64_t)g[0].n + g[1].n;

		g[1].n = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
		drop_oldest(r);
	}
	g[r->groups].last = now;
	g[r->groups].n = 1;
	r->groups++;
}

/* milliseconds until enough have left the window that one more may go */
static int64_t
wait_for(const struct mc_pause_record *r, uint64_t messages, int64_t window,
    int64_t now)
{
	uint64_t n = sum(r);

	for (size_t i = 0; i < r->groups; i++) {
		n -= r->group[i].n;
		if (n < messages)
			return window - (now - r->group[i].last);
	}
	return window;
}

/* 0 or the wait; *ret_changed: the record has to be written */
static int64_t
take(struct mc_pause_record *r, uint64_t messages, int64_t window,
    int64_t now, bool *ret_changed)
{
	int64_t ahead = 0;

	if (r->groups != 0 && r->group[r->groups - 1].last > now) {
		int64_t newest = r->group[r->groups - 1].last;

		if (is_within(newest, now, SKEW)) {
			ahead = newest - now;
			now = newest;
		} else {
			gone_now(r, now);
			*ret_changed = true;
		}
	}
	while (r->groups != 0 &&
	    (uint64_t)now - (uint64_t)r->group[0].last >= (uint64_t)window)
		drop_oldest(r);
	if (sum(r) >= messages)
		return wait_for(r, messages, window, now) + ahead;
	add_one(r, now, window);
	*ret_changed = true;
	return 0;
}

static int64_t
cannot_count(struct mc_store *store, const char *account,
    const struct mc_err *err)
{
	if (!store->rate_told)
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "the rate of account %s is not kept: %s", account,
		    err->text);
	store->rate_told = true;
	return 0;
}

int64_t
mc_rate_take(struct mc_store *store, const char *account, uint64_t messages,
    uint64_t seconds, int64_t now_ms)
{
	const uint64_t most = INT64_MAX / 4000;
	struct mc_pause_file file = { .side = { .fd = -1 } };
	struct mc_err err = { .code = MC_OK };
	bool changed = false;

	if (messages == 0 || seconds == 0)
		return 0;
	if (mc_pause_open(store, account, true, &file, &err) < 0)
		return cannot_count(store, account, &err);

	int64_t wait = take(&file.record, messages,
	    (int64_t)(seconds < most ? seconds : most) * 1000, now_ms,
	    &changed);

	if (changed && mc_pause_save(&file, &err) != 0)
		wait = cannot_count(store, account, &err);
	mc_pause_close(&file);
	return wait;
}
