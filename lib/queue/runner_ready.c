/* SPDX-License-Identifier: MIT */
/*
 * runner_ready.c - whose message goes next
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/mem.h"

static struct mc_share *
share_of(struct mc_ready *ready, unsigned long uid)
{
	struct mc_share *s = ready->shares;

	while (s != NULL && s->uid != uid)
		s = s->next;
	if (s != NULL)
		return s;
	s = mc_mem_zalloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->uid = uid;
	s->next = ready->shares;
	ready->shares = s;
	return s;
}

static void
append(struct mc_ready *ready, struct mc_share *s)
{
	s->behind = NULL;
	if (ready->last != NULL)
		ready->last->behind = s;
	else
		ready->turn = s;
	ready->last = s;
}

static void
unlink_share(struct mc_ready *ready, struct mc_share *s)
{
	struct mc_share *before = NULL;

	for (struct mc_share *at = ready->turn; at != s; at = at->behind)
		before = at;
	if (before != NULL)
		before->behind = s->behind;
	else
		ready->turn = s->behind;
	if (ready->last == s)
		ready->last = before;
}

int
mc_ready_put(struct mc_ready *ready, unsigned long uid, struct mc_item *item)
{
	struct mc_share *s = share_of(ready, uid);

	if (s == NULL)
		return -1;
	item->share = s;
	ready->n++;
	if (item->forced) {
		mc_fifo_put(&ready->forced, item);
		return 0;
	}
	if (s->fifo.n == 0)
		append(ready, s);
	mc_fifo_put(&s->fifo, item);
	return 0;
}

void
mc_ready_put_back(struct mc_ready *ready, struct mc_item *item)
{
	struct mc_share *s = item->share;

	ready->n++;
	if (item->forced) {
		mc_fifo_put_back(&ready->forced, item);
		return;
	}
	if (s->fifo.n != 0)
		unlink_share(ready, s);
	mc_fifo_put_back(&s->fifo, item);
	s->behind = ready->turn;
	ready->turn = s;
	if (ready->last == NULL)
		ready->last = s;
}

struct mc_item *
mc_ready_take(struct mc_ready *ready)
{
	struct mc_item *item = mc_fifo_take(&ready->forced);
	struct mc_share *s = ready->turn;

	if (item == NULL && s != NULL) {
		item = mc_fifo_take(&s->fifo);
		unlink_share(ready, s);
		if (s->fifo.n != 0)
			append(ready, s);
	}
	ready->n -= item != NULL;
	return item;
}

void
mc_ready_clear(struct mc_ready *ready)
{
	while (ready->shares != NULL) {
		struct mc_share *s = ready->shares;

		ready->shares = s->next;
		mc_mem_free(s);
	}
	memset(ready, 0, sizeof(*ready));
}
