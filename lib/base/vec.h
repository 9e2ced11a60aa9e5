/* SPDX-License-Identifier: MIT */
/*
 * vec.h - growing array of equal items
 *
 *	struct mc_vec v;
 *	mc_vec_init(&v, sizeof(struct item), MAX_ITEMS);
 *	struct item *it = mc_vec_add(&v);	// zeroed, NULL on failure
 *	it = mc_vec_at(&v, i);			// NULL when out of range
 *
 * Pointers to items are valid until the next mc_vec_add.
 */
#ifndef MC_VEC_H
#define MC_VEC_H

#include "base/base.h"

struct mc_vec {
	void *items;
	size_t n;
	size_t cap;
	size_t size;
	size_t max;
};

void
mc_vec_init(struct mc_vec *v, size_t size, size_t max);

/* free the array; what the items own is the caller's business */
void
mc_vec_clear(struct mc_vec *v);

MC_NODISCARD void *
mc_vec_add(struct mc_vec *v);

MC_NODISCARD void *
mc_vec_at(const struct mc_vec *v, size_t i);

/* remove item i, keeping the order */
void
mc_vec_remove(struct mc_vec *v, size_t i);

#endif
