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

/*
 * The texts themselves, and where in them each begins, instead of pointers:
 * what has to be relocated costs each start a page of memory and the time to
 * make it.
 */
#define NONE ""

static const struct texts {
#define MC_KEY(id, name, type, def, flags, arg, help) \
	char name_##id[sizeof(name)]; \
	char def_##id[sizeof(def)]; \
	char arg_##id[sizeof(arg)]; \
	char help_##id[sizeof(help)];
#include "config/keys.def"
#undef MC_KEY
} texts = {
#define MC_KEY(id, name, type, def, flags, arg, help) name, def, arg, help,
#include "config/keys.def"
#undef MC_KEY
};

_Static_assert(sizeof(texts) <= UINT16_MAX, "offsets are of 16 bits");

static const struct {
	uint16_t name, def, arg, help;
	uint8_t type, flags;
} rows[MC_K__COUNT] = {
#define MC_KEY(id, name, type, def, flags, arg, help) \
	[MC_K_##id] = { offsetof(struct texts, name_##id), \
	    offsetof(struct texts, def_##id), offsetof(struct texts, arg_##id), \
	    offsetof(struct texts, help_##id), MC_TYPE_##type, flags },
#include "config/keys.def"
#undef MC_KEY
};

static const char *
text_at(size_t offset)
{
	return (const char *)&texts + offset;
}

static const char *
name_of(size_t i)
{
	return text_at(rows[i].name);
}

struct mc_key_row
mc_key_row(enum mc_key_id key)
{
	const char *def = text_at(rows[key].def);

	return (struct mc_key_row){
		.name = name_of(key),
		.type = (enum mc_key_type)rows[key].type,
		.def = *def != '\0' ? def : NULL,
		.flags = rows[key].flags,
		.arg = text_at(rows[key].arg),
		.help = text_at(rows[key].help),
	};
}

int
mc_key_info(size_t i, struct mc_key *ret_key)
{
	struct mc_key_row row;

	if (i >= MC_K__COUNT)
		return -1;
	row = mc_key_row((enum mc_key_id)i);
	*ret_key = (struct mc_key){
		.name = row.name,
		.type = row.arg,
		.def = row.def,
		.help = row.help,
		.flags = row.flags,
	};
	return 0;
}

int
mc_key_find(struct mc_str name, enum mc_key_id *ret_key)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		if (!mc_str_eq(name, mc_str_from(name_of(i))))
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
		size_t far = mc_key_distance(name, mc_str_from(name_of(i)));

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
	const char *nearest = name_of(mc_key_nearest(name));

	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if ((c < 'a' || c > 'z') && c != '-' && c != '_')
			return false;
	}
	return mc_key_distance(name, mc_str_from(nearest)) <= name.len / 2;
}
