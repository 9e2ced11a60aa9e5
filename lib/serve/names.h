/* SPDX-License-Identifier: MIT */
/*
 * names.h - what the databases of users and groups say
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

/* what the database says of a user; what does not fit is empty */
struct mc_serve_person {
	uid_t uid;
	gid_t gid;
	char login[256];
	char full_name[256];	/* GECOS up to the first comma; empty where it
				 * has '&' in it */
};

/* the same results */
MC_NODISCARD int
mc_serve_person_of(uid_t uid, struct mc_serve_person *ret);
MC_NODISCARD int
mc_serve_person_named(struct mc_str login, struct mc_serve_person *ret);

#endif
