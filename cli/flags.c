/* SPDX-License-Identifier: MIT */
/*
 * flags.c - the tables of flags.def, and looking something up there
 */
#include "flags.h"

#include <string.h>
#include <strings.h>

#define MC_FLAG(letter, value, status, a, h) \
	CLI_FITS(a, cli_flag, argument) CLI_FITS(h, cli_flag, help)
#define MC_SUB(group, n, id, status, a, h) \
	CLI_FITS(n, cli_sub, name) CLI_FITS(a, cli_sub, argument) \
	CLI_FITS(h, cli_sub, help)
#include "flags.def"

static const struct cli_flag flags[] = {
#define MC_FLAG(letter, value, status, argument, help) \
	{ letter, CLI_##value, CLI_##status, argument, help },
#include "flags.def"
};

static const struct cli_sub subs[] = {
#define MC_SUB(group, name, id, status, argument, help) \
	{ #group[0], name, id, CLI_##status, argument, help },
#include "flags.def"
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))
#define N_SUBS (sizeof(subs) / sizeof(subs[0]))

const struct cli_flag *
cli_flag_at(size_t i)
{
	return i < N_FLAGS ? &flags[i] : NULL;
}

const struct cli_sub *
cli_sub_at(size_t i)
{
	return i < N_SUBS ? &subs[i] : NULL;
}

const struct cli_flag *
cli_flag_find(char letter)
{
	size_t i;

	for (i = 0; i < N_FLAGS; i++)
		if (flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

const struct cli_sub *
cli_sub_find(char group, char letter)
{
	size_t i;

	for (i = 0; i < N_SUBS; i++)
		if (subs[i].group == group && subs[i].name[0] == letter)
			return &subs[i];
	return NULL;
}

const struct cli_sub *
cli_sub_find_long(const char *word, const char **ret_value)
{
	size_t i, n = strcspn(word, "= \t");
	const char *value = word + n;

	for (i = 0; i < N_SUBS; i++)
		if (subs[i].group == 'O' && strlen(subs[i].name) == n &&
		    strncasecmp(subs[i].name, word, n) == 0)
			break;
	if (i == N_SUBS)
		return NULL;
	/* sendmail takes "Name = value" too */
	value += strspn(value, " \t");
	value += *value == '=';
	*ret_value = value + strspn(value, " \t");
	return &subs[i];
}
