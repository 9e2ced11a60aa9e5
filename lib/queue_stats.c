/* SPDX-License-Identifier: MIT */
/*
 * queue_stats.c - how much is in the queue, and what has gone through it
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/vec.h"
#include "queue/counters.h"
#include "queue/pause.h"

#include <poll.h>
#include <time.h>

/* messages between two looks at cancel_fd */
#define LOOK 64

struct account {
	char *name;
	struct mc_queue_account sum;
};

struct gathering {
	struct mc_queue *queue;
	int cancel_fd;
	int64_t now;
	uint64_t seen;
	struct mc_vec accounts;		/* struct account, in order */
	struct mc_err *err;
};

/* ---------------------------------------------------------------- accounts */

/* the first one that is not before `name` */
static size_t
place_of(const struct gathering *g, const char *name)
{
	size_t low = 0, high = g->accounts.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct account *a = mc_vec_at(&g->accounts, middle);

		if (strcmp(a->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* NULL with err */
static struct account *
add_account(struct gathering *g, const char *name, size_t place)
{
	char *copy = mc_mem_strdup(name);
	struct account *a = copy == NULL ? NULL : mc_vec_add(&g->accounts);

	if (a == NULL) {
		mc_mem_free(copy);
		(void)mc_err_set(g->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	a = mc_vec_at(&g->accounts, place);
	memmove(a + 1, a, (g->accounts.n - 1 - place) * sizeof(*a));
	*a = (struct account){ .name = copy };
	return a;
}

static struct account *
get_account(struct gathering *g, const char *name)
{
	size_t place = place_of(g, name);
	struct account *a = mc_vec_at(&g->accounts, place);

	if (a != NULL && strcmp(a->name, name) == 0)
		return a;
	return add_account(g, name, place);
}

static void
clear(struct gathering *g)
{
	for (size_t i = 0; i < g->accounts.n; i++) {
		struct account *a = mc_vec_at(&g->accounts, i);

		mc_mem_free(a->name);
	}
	mc_vec_clear(&g->accounts);
}

/* ---------------------------------------------------------------- messages */

static bool
is_cancelled(const struct gathering *g)
{
	struct pollfd p = { .fd = g->cancel_fd, .events = POLLIN };

	return p.fd >= 0 && poll(&p, 1, 0) > 0;
}

static enum mc_stat
stat_of(const struct mc_queue_message *m, int64_t now)
{
	switch (m->state) {
	case MC_QUEUE_ACTIVE:
		return MC_STAT_ACTIVE;
	case MC_QUEUE_HELD:
		return MC_STAT_HELD;
	case MC_QUEUE_FAILED:
		return MC_STAT_FAILED;
	case MC_QUEUE_DAMAGED:
		return MC_STAT_DAMAGED;
	case MC_QUEUE_WAITING:
		break;
	}
	if (m->hold_until > now)
		return MC_STAT_TIMED;
	return m->next_attempt > now ? MC_STAT_DEFERRED : MC_STAT_DUE;
}

static void
sooner(int64_t *at, int64_t when)
{
	if (*at == 0 || when < *at)
		*at = when;
}

static int
add_message(void *ctx, const struct mc_queue_message *m)
{
	struct gathering *g = ctx;
	enum mc_stat stat = stat_of(m, g->now);
	struct account *a;

	if (g->seen++ % LOOK == 0 && is_cancelled(g))
		return mc_err_set(g->err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    "interrupted");
	a = get_account(g, m->account);
	if (a == NULL)
		return -1;
	a->sum.messages[stat]++;
	a->sum.bytes[stat] += m->size;
	if (stat != MC_STAT_FAILED && stat != MC_STAT_DAMAGED)
		sooner(&a->sum.oldest, m->arrival);
	if (m->state == MC_QUEUE_WAITING)
		sooner(&a->sum.next_attempt, m->next_attempt);
	return 0;
}

static int
add_counts(void *ctx, const char *name, const struct mc_counts *counts)
{
	struct account *a = get_account(ctx, name);

	if (a == NULL)
		return -1;
	a->sum.queued = counts->queued;
	a->sum.delivered = counts->delivered;
	a->sum.deferred = counts->deferred;
	a->sum.failed = counts->failed;
	return 0;
}

/* ------------------------------------------------------------------- stats */

/* those that have nothing are told of too: what is missing and what is zero
 * look alike to nobody */
static int
gather(struct gathering *g, int64_t *ret_since)
{
	const char *name;

	*ret_since = 0;
	for (size_t i = 0; (name = mc_config_account(g->queue->config,
	    i)) != NULL; i++)
		if (get_account(g, name) == NULL)
			return -1;
	if (g->queue->store == NULL)
		return 0;
	if (mc_counters_each(g->queue->store, add_counts, g, ret_since) != 0)
		return -1;
	return mc_queue_list(g->queue, add_message, g, g->err);
}

static int
tell(const struct gathering *g, int64_t since, mc_queue_account_fn fn,
    void *ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < g->accounts.n; i++) {
		struct account *a = mc_vec_at(&g->accounts, i);
		struct mc_pause pause;

		a->sum.account = a->name;
		a->sum.since = since;
		if (a->name[0] != '\0' && g->queue->store != NULL &&
		    mc_queue_pause(g->queue, a->name, g->now, &pause)) {
			a->sum.paused_until = pause.until;
			a->sum.pause = pause.text;
		}
		rc = fn(ctx, &a->sum);
	}
	return rc;
}

int
mc_queue_stats(struct mc_queue *queue, int cancel_fd, mc_queue_account_fn fn,
    void *ctx, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	struct gathering g = { .queue = queue, .cancel_fd = cancel_fd,
	    .now = (int64_t)time(NULL), .err = &found };
	int64_t since;
	int rc;

	mc_vec_init(&g.accounts, sizeof(struct account), SIZE_MAX / 1024);
	rc = gather(&g, &since);
	if (rc == 0)
		rc = tell(&g, since, fn, ctx);
	else if (err != NULL && !mc_err_is_set(err))
		*err = found;
	clear(&g);
	return rc;
}

/* ----------------------------------------------------------------- refusals */

struct refusing {
	mc_queue_refusal_fn fn;
	void *ctx;
	const int64_t *since;
};

static int
tell_refusal(void *ctx, const char *reason, const struct mc_counts *counts)
{
	const struct refusing *r = ctx;
	struct mc_queue_refusal refusal = { .reason = reason,
	    .count = counts->queued, .since = *r->since };

	return r->fn(r->ctx, &refusal);
}

int
mc_queue_refusals(struct mc_queue *queue, mc_queue_refusal_fn fn, void *ctx)
{
	int64_t since = 0;
	struct refusing r = { fn, ctx, &since };

	if (queue->store == NULL)
		return 0;
	return mc_refused_each(queue->store, tell_refusal, &r, &since);
}
