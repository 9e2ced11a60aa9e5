/* SPDX-License-Identifier: MIT */
/*
 * keys.c - the table of keys, and finding a key by its name
 */
#include "base/base.h"
#include "config/conf.h"

#define NAME_MAX_LOOKED_AT 64

#ifndef RUNSTATEDIR
#define RUNSTATEDIR "/run"
#endif

static const struct mc_key_row rows[MC_K__COUNT] = {
#define MC_KEY(id, name, type, def, flags, arg, help) \
	[MC_K_##id] = { name, MC_TYPE_##type, def, flags, arg, help },
#include "config/keys.def"
#undef MC_KEY
};

const struct mc_key_row *
mc_key_row(enum mc_key_id key)
{
	return &rows[key];
}

int
mc_key_info(size_t i, struct mc_key *ret_key)
{
	if (i >= MC_K__COUNT)
		return -1;
	*ret_key = (struct mc_key){
		.name = rows[i].name,
		.type = rows[i].arg,
		.def = rows[i].def,
		.help = rows[i].help,
		.flags = rows[i].flags,
	};
	return 0;
}

int
mc_key_find(struct mc_str name, enum mc_key_id *ret_key)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		if (!mc_str_eq(name, mc_str_from(rows[i].name)))
			continue;
		*ret_key = (enum mc_key_id)i;
		return 0;
	}
	return -1;
}

static int
fold(char c)
{
	return c == '_' ? '-' : mc_to_lower((unsigned char)c);
}

/* Levenshtein's, one row at a time */
size_t
mc_key_distance(struct mc_str a, struct mc_str b)
{
	size_t row[NAME_MAX_LOOKED_AT + 1];

	a = mc_str_sub(a, 0, NAME_MAX_LOOKED_AT);
	b = mc_str_sub(b, 0, NAME_MAX_LOOKED_AT);
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 0; i < a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b.len; j++) {
			bool same = fold(a.ptr[i]) == fold(b.ptr[j]);
			size_t best = diagonal + (same ? 0 : 1);

			diagonal = row[j + 1];
			if (row[j + 1] + 1 < best)
				best = row[j + 1] + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[b.len];
}

enum mc_key_id
mc_key_nearest(struct mc_str name)
{
	enum mc_key_id nearest = (enum mc_key_id)0;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < MC_K__COUNT; i++) {
		size_t far = mc_key_distance(name, mc_str_from(rows[i].name));

		if (far >= least)
			continue;
		least = far;
		nearest = (enum mc_key_id)i;
	}
	return nearest;
}

bool
mc_key_presentable(struct mc_str name)
{
	const char *nearest = rows[mc_key_nearest(name)].name;

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			return false;
	}
	return mc_key_distance(name, mc_str_from(nearest)) <= name.len / 2;
}
