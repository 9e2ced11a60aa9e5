/* SPDX-License-Identifier: MIT */
/*
 * alias.h - the aliases file: names, lists, :include:, a default entry
 */
#ifndef MC_ALIAS_H
#define MC_ALIAS_H

#include "base/str.h"

struct mc_aliases;

/*
 * mc_aliases_load - read a file in the usual format
 *
 * "name: member, member" with continuation lines, '#' comments, quoted names; members are
 * addresses, names, ":include:/path" (the included file: members, one or more a
 * line) and quoted strings.  Lines that are no entry, control bytes, and a name that stands
 * twice are errors that name file and line (MC_E_CONF_ALIASES).  Members are looked at
 * only when their name is expanded: a file shared with another mail system
 * may hold pipes and files for names that nobody writes to from here.
 * MC_E_FILE when the file cannot be read.
 */
MC_NODISCARD int
mc_aliases_load(const char *path, struct mc_aliases **ret_aliases,
    struct mc_err *err);

void
mc_aliases_free(struct mc_aliases *a);

/*
 * mc_aliases_check - tell every problem of a file, its members and the files
 * that it includes
 *
 * fn may be NULL: then the first problem ends it.  0, or -1 with the first.
 */
MC_NODISCARD int
mc_aliases_check(const char *path, mc_problem_fn fn, void *ctx,
    struct mc_err *err);

/* told of every result: a full address, or a bare name that nothing resolves */
typedef int (*mc_alias_fn)(void *ctx, struct mc_str local,
    struct mc_str domain, struct mc_err *err);

/*
 * mc_aliases_expand - expand a local name, over and over, each name once
 *
 * Names are compared without case.  Members `name@localhost` and `name@hostname` count as
 * local names too.  A name that is not in the file goes to the `default` entry if there is one
 * (not for names met while default itself is expanded),
 * else to fn bare.  A member equal to the name under expansion, or with a leading
 * backslash, stays as it is.  name and what fn gets are in the form of mc_addr.local; fn may be
 * told of one address more than once.
 * MC_E_CONF_ALIASES with file and line (a pipe, a file, no address, an included file that cannot be
 * read, too deep, nothing left), MC_E_TOO_MANY_RCPTS (more than MC_MAX_RCPTS results), MC_E_NOMEM,
 * or what fn says.
 */
MC_NODISCARD int
mc_aliases_expand(const struct mc_aliases *a, struct mc_str name,
    struct mc_str hostname, mc_alias_fn fn, void *ctx, struct mc_err *err);

#endif
