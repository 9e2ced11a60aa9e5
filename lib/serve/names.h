/* SPDX-License-Identifier: MIT */
/*
 * names.h - numbers of users and groups by their names
 */
#ifndef MC_SERVE_NAMES_H
#define MC_SERVE_NAMES_H

#include "base/str.h"

#include <sys/types.h>

/*
 * The name or the number of a user, or of a group.  1 with *ret; 0: there is
 * none, or the database cannot be asked; -1 out of memory.
 */
MC_NODISCARD int
mc_serve_user(struct mc_str name, uid_t *ret_uid);
MC_NODISCARD int
mc_serve_group(struct mc_str name, gid_t *ret_gid);

#endif
