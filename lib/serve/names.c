/* SPDX-License-Identifier: MIT */
/*
 * names.c - numbers of users and groups by their names
 */
#include "base/base.h"

#include "serve/names.h"

#include "base/mem.h"
#include "base/num.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#define NAME 256
/* a group lists its members, of whom there may be many */
#define LEAST_ROOM 1024
#define MOST_ROOM (16 * 1024 * 1024)

struct question {
	char name[NAME];
	bool group;
	unsigned long id;	/* the answer */
	bool found;
};

/* errno */
static int
ask(struct question *q, char *room, size_t size)
{
	struct passwd pw, *user = NULL;
	struct group gr, *group = NULL;
	int sys;

	if (q->group)
		sys = getgrnam_r(q->name, &gr, room, size, &group);
	else
		sys = getpwnam_r(q->name, &pw, room, size, &user);
	if (sys != 0)
		return sys;
	q->found = user != NULL || group != NULL;
	if (q->found)
		q->id = user != NULL ? user->pw_uid : group->gr_gid;
	return 0;
}

static int
look_up(struct question *q)
{
	int sys = ERANGE;

	for (size_t size = LEAST_ROOM; sys == ERANGE && size <= MOST_ROOM;
	    size *= 4) {
		char *room = mc_mem_zalloc(1, size);

		if (room == NULL)
			return -1;
		sys = ask(q, room, size);
		mc_mem_free(room);
	}
	return sys == 0 && q->found;
}

static int
find(struct mc_str name, bool group, unsigned long *ret_id)
{
	struct question q = { .group = group };
	uint64_t number;
	int rc;

	if (mc_num_u64(name, UINT32_MAX - 1, &number) == 0) {
		*ret_id = (unsigned long)number;
		return 1;
	}
	if (name.len == 0 || name.len >= sizeof(q.name))
		return 0;
	memcpy(q.name, name.ptr, name.len);
	rc = look_up(&q);
	if (rc == 1)
		*ret_id = q.id;
	return rc;
}

int
mc_serve_user(struct mc_str name, uid_t *ret_uid)
{
	unsigned long id;
	int rc = find(name, false, &id);

	if (rc == 1)
		*ret_uid = (uid_t)id;
	return rc;
}

int
mc_serve_group(struct mc_str name, gid_t *ret_gid)
{
	unsigned long id;
	int rc = find(name, true, &id);

	if (rc == 1)
		*ret_gid = (gid_t)id;
	return rc;
}
