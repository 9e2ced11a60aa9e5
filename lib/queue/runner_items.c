/* SPDX-License-Identifier: MIT */
/*
 * runner_items.c - the messages of a run, by name, and lists of them
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/mem.h"

#define LEAST_BUCKETS 64
/* what was not seen for so long is gone */
#define FORGET_MS 60000

/* identifiers are random: any few of their characters spread well */
static size_t
bucket(const struct mc_items *items, const char *id)
{
	uint32_t h = UINT32_C(2166136261);

	for (size_t i = 0; id[i] != '\0'; i++)
		h = (h ^ (unsigned char)id[i]) * UINT32_C(16777619);
	return h & (items->n_buckets - 1);
}

struct mc_item *
mc_items_find(const struct mc_items *items, const char *id)
{
	struct mc_item *item = NULL;

	if (items->n_buckets != 0)
		item = items->buckets[bucket(items, id)];
	while (item != NULL && strcmp(item->id, id) != 0)
		item = item->chain;
	return item;
}

static int
grow(struct mc_items *items)
{
	size_t n = items->n_buckets == 0 ? LEAST_BUCKETS :
	    items->n_buckets * 2;
	struct mc_items bigger = { .n_buckets = n, .n = items->n };

	bigger.buckets = mc_mem_zalloc(n, sizeof(struct mc_item *));
	if (bigger.buckets == NULL)
		return -1;
	for (size_t i = 0; i < items->n_buckets; i++)
		while (items->buckets[i] != NULL) {
			struct mc_item *item = items->buckets[i];
			size_t to = bucket(&bigger, item->id);

			items->buckets[i] = item->chain;
			item->chain = bigger.buckets[to];
			bigger.buckets[to] = item;
		}
	mc_mem_free(items->buckets);
	*items = bigger;
	return 0;
}

struct mc_item *
mc_items_add(struct mc_items *items, const char *id)
{
	struct mc_item *item;

	/* a table that cannot grow is slower, and no more */
	if (items->n >= items->n_buckets && grow(items) != 0 &&
	    items->n_buckets == 0)
		return NULL;
	item = mc_mem_zalloc(1, sizeof(*item));
	if (item == NULL)
		return NULL;
	(void)snprintf(item->id, sizeof(item->id), "%s", id);

	size_t to = bucket(items, id);

	item->chain = items->buckets[to];
	items->buckets[to] = item;
	items->n++;
	return item;
}

void
mc_items_clear(struct mc_items *items)
{
	for (size_t i = 0; i < items->n_buckets; i++)
		while (items->buckets[i] != NULL) {
			struct mc_item *item = items->buckets[i];

			items->buckets[i] = item->chain;
			mc_mem_free(item);
		}
	mc_mem_free(items->buckets);
	memset(items, 0, sizeof(*items));
}

void
mc_items_forget(struct mc_items *items)
{
	for (size_t i = 0; i < items->n_buckets; i++) {
		struct mc_item **at = &items->buckets[i];

		while (*at != NULL) {
			struct mc_item *item = *at;

			if (item->state != MC_ITEM_DONE ||
			    mc_clock_ms() - item->again < FORGET_MS) {
				at = &item->chain;
				continue;
			}
			*at = item->chain;
			items->n--;
			mc_mem_free(item);
		}
	}
}

/* -------------------------------------------------------------------- lists */

void
mc_fifo_put(struct mc_fifo *fifo, struct mc_item *item)
{
	item->next = NULL;
	if (fifo->last != NULL)
		fifo->last->next = item;
	else
		fifo->first = item;
	fifo->last = item;
	fifo->n++;
}

void
mc_fifo_put_back(struct mc_fifo *fifo, struct mc_item *item)
{
	item->next = fifo->first;
	fifo->first = item;
	if (fifo->last == NULL)
		fifo->last = item;
	fifo->n++;
}

struct mc_item *
mc_fifo_take(struct mc_fifo *fifo)
{
	struct mc_item *item = fifo->first;

	if (item == NULL)
		return NULL;
	fifo->first = item->next;
	if (fifo->first == NULL)
		fifo->last = NULL;
	item->next = NULL;
	fifo->n--;
	return item;
}

static struct mc_item *
merge(struct mc_item *a, struct mc_item *b)
{
	struct mc_item *first = NULL, **end = &first;

	while (a != NULL && b != NULL) {
		struct mc_item **least = b->due < a->due ? &b : &a;

		*end = *least;
		end = &(*end)->next;
		*least = *end;
	}
	*end = a != NULL ? a : b;
	return first;
}

/* merging runs of 1, 2, 4, ...: no recursion, no memory */
void
mc_fifo_sort(struct mc_fifo *fifo)
{
	struct mc_item *runs[64] = { NULL };
	struct mc_item *item, *all = NULL;
	size_t k;

	while ((item = mc_fifo_take(fifo)) != NULL) {
		for (k = 0; runs[k] != NULL; k++) {
			item = merge(runs[k], item);
			runs[k] = NULL;
		}
		runs[k] = item;
	}
	for (k = 0; k < MC_NELEM(runs); k++)
		if (runs[k] != NULL)
			all = merge(runs[k], all);
	while (all != NULL) {
		item = all;
		all = all->next;
		mc_fifo_put(fifo, item);
	}
}
