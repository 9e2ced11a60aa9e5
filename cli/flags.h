/* SPDX-License-Identifier: MIT */
/*
 * flags.h - the tables of flags.def in memory
 */
#ifndef MC_CLI_FLAGS_H
#define MC_CLI_FLAGS_H

#include "cli.h"

enum cli_value {
	CLI_NONE,
	CLI_NEED,		/* attached or the next word */
	CLI_MAY			/* attached or absent */
};

enum cli_status { CLI_HONOURED, CLI_IGNORED, CLI_REFUSED };

/* texts and no pointers to them: what has to be relocated costs each start a
 * page of memory and the time to make it */
struct cli_flag {
	char letter;
	enum cli_value value;
	enum cli_status status;
	char argument[16];
	char help[96];
};

/* what may stand behind a letter, see flags.def */
struct cli_sub {
	char group;
	char name[16];
	int id;
	enum cli_status status;
	char argument[16];
	char help[144];
};

/* rows in the order of the table; NULL past the end */
const struct cli_flag *
cli_flag_at(size_t i);

const struct cli_sub *
cli_sub_at(size_t i);

/* NULL if there is none */
const struct cli_flag *
cli_flag_find(char letter);

/* the row of a letter in a group; # is that of any digit */
const struct cli_sub *
cli_sub_find(char group, char letter);

/* the long option that `word`, NAME or NAME=VALUE, is about; *ret_value is
 * what stands behind its '=', or an empty text */
const struct cli_sub *
cli_sub_find_long(const char *word, const char **ret_value);

#endif
