/* SPDX-License-Identifier: MIT */
/*
 * vec.c - growing array of equal items
 */
#include "base/base.h"
#include "base/mem.h"
#include "base/vec.h"

#define FIRST_CAP 8

void
mc_vec_init(struct mc_vec *v, size_t size, size_t max)
{
	*v = (struct mc_vec){ .size = size, .max = max };
}

void
mc_vec_clear(struct mc_vec *v)
{
	mc_mem_free(v->items);
	mc_vec_init(v, v->size, v->max);
}

static bool
grow(struct mc_vec *v)
{
	size_t cap = v->cap < FIRST_CAP ? FIRST_CAP : v->cap;

	if (v->cap >= FIRST_CAP)
		cap = v->cap > v->max / 2 ? v->max : v->cap * 2;
	if (cap > v->max)
		cap = v->max;

	void *items = mc_mem_realloc(v->items, cap, v->size);

	if (items == NULL)
		return false;
	v->items = items;
	v->cap = cap;
	return true;
}

void *
mc_vec_add(struct mc_vec *v)
{
	if (v->n >= v->max || (v->n == v->cap && !grow(v)))
		return NULL;

	void *item = (char *)v->items + v->n * v->size;

	memset(item, 0, v->size);
	v->n++;
	return item;
}

void *
mc_vec_at(const struct mc_vec *v, size_t i)
{
	return i < v->n ? (char *)v->items + i * v->size : NULL;
}

void
mc_vec_remove(struct mc_vec *v, size_t i)
{
	if (i >= v->n)
		return;

	char *item = (char *)v->items + i * v->size;

	memmove(item, item + v->size, (v->n - i - 1) * v->size);
	v->n--;
}
