/* SPDX-License-Identifier: MIT */
/*
 * refusal.c - the table of reasons
 */
#include "base/base.h"

#include "serve/limits.h"

static const struct {
	const char *name;
	const char *words;
} rows[MC_REFUSED__COUNT] = {
	[MC_REFUSED_NOT] = { "", "" },
#define MC_REFUSAL(id, name, words) [MC_REFUSED_##id] = { name, words },
#include "serve/reasons.def"
#undef MC_REFUSAL
};

const char *
mc_refusal_name(enum mc_refusal reason)
{
	return (unsigned)reason < MC_REFUSED__COUNT ? rows[reason].name : "";
}

const char *
mc_refusal_words(enum mc_refusal reason)
{
	return (unsigned)reason < MC_REFUSED__COUNT ? rows[reason].words : "";
}

enum mc_refusal
mc_refusal_find(const char *name)
{
	for (unsigned i = 1; i < MC_REFUSED__COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return (enum mc_refusal)i;
	return MC_REFUSED_NOT;
}
