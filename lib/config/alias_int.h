/* SPDX-License-Identifier: MIT */
/*
 * alias_int.h - inside of the aliases: entries, and members one by one
 */
#ifndef MC_CONFIG_ALIAS_INT_H
#define MC_CONFIG_ALIAS_INT_H

#include "base/buf.h"
#include "base/vec.h"
#include "config/alias.h"
#include "config/conf.h"
#include "mail/addr.h"

#define MC_MAX_ALIAS_FILES 100	/* included ones */

struct mc_alias_entry {
	struct mc_str name;	/* lower case, without quotes */
	struct mc_str value;	/* as it stands, with line ends and comments */
	unsigned line;
};

struct mc_aliases {
	char *path;
	struct mc_buf text;
	struct mc_vec entries;	/* sorted by name once loaded */
};

/*
 * The three steps of loading: read the file (MC_E_FILE, MC_E_CONF_ALIASES,
 * MC_E_NOMEM), find the entries, sort them and find twins.  The latter two
 * return 0, or -1 to stop.
 */
MC_NODISCARD int
mc_aliases_open(const char *path, struct mc_aliases **ret_aliases,
    struct mc_err *err);

MC_NODISCARD int
mc_aliases_lines(struct mc_aliases *a, struct mc_problems *problems);

MC_NODISCARD int
mc_aliases_sort(struct mc_aliases *a, struct mc_problems *problems);

/* name in any case, without quotes; NULL if it is not there */
const struct mc_alias_entry *
mc_aliases_find(const struct mc_aliases *a, struct mc_str name);

/* append a local part without its quotes and backslashes */
void
mc_alias_unquote(struct mc_str local, struct mc_buf *out);

/* goes through the members of an entry, or of an included file */
struct mc_alias_reader {
	struct mc_str rest;
	unsigned line;
	bool by_line;		/* a line end separates, too */
};

/*
 * Put the next member that is not empty into *out (cleared before), on one
 * line; *ret_line is where it begins.  1, 0 at the end, -1 with err:
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_alias_next(struct mc_alias_reader *r, struct mc_buf *out,
    unsigned *ret_line, struct mc_err *err);

/*
 * What a member is: addresses in *list, or the path of an included file
 * (*ret_path not empty, a slice of text).  -1 with err: MC_E_CONF_ALIASES
 * (pipe, file, syntax), MC_E_NOMEM.
 */
MC_NODISCARD int
mc_alias_member(struct mc_str text, struct mc_addr_list *list,
    struct mc_str *ret_path, struct mc_err *err);

/* contents of an included file; MC_E_CONF_ALIASES, MC_E_NOMEM */
MC_NODISCARD int
mc_alias_include(const char *path, struct mc_buf *out, struct mc_err *err);

#endif
