/* SPDX-License-Identifier: MIT */
/*
 * names.c - what the databases of users and groups say
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
	enum { BY_GROUP, BY_LOGIN, BY_UID } by;
	char name[NAME];
	uid_t uid;
	/* the answer */
	bool found;
	gid_t group;
	struct mc_serve_person person;
};

static void
keep(struct question *q, const struct passwd *pw)
{
	struct mc_serve_person *p = &q->person;
	const char *gecos = pw->pw_gecos == NULL ? "" : pw->pw_gecos;
	size_t n = strcspn(gecos, ",");

	memset(p, 0, sizeof(*p));
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	if (strlen(pw->pw_name) < sizeof(p->login))
		memcpy(p->login, pw->pw_name, strlen(pw->pw_name));
	if (n < sizeof(p->full_name) && memchr(gecos, '&', n) == NULL)
		memcpy(p->full_name, gecos, n);
}

/* errno */
static int
ask(struct question *q, char *room, size_t size)
{
	struct passwd pw, *user = NULL;
	struct group gr, *group = NULL;
	int sys;

	if (q->by == BY_GROUP)
		sys = getgrnam_r(q->name, &gr, room, size, &group);
	else if (q->by == BY_LOGIN)
		sys = getpwnam_r(q->name, &pw, room, size, &user);
	else
		sys = getpwuid_r(q->uid, &pw, room, size, &user);
	if (sys != 0)
		return sys;
	q->found = user != NULL || group != NULL;
	if (user != NULL)
		keep(q, user);
	else if (group != NULL)
		q->group = group->gr_gid;
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

/* a number stands for itself */
static bool
is_number(struct mc_str name, uint64_t *ret)
{
	return mc_num_u64(name, UINT32_MAX - 1, ret) == 0;
}

static int
look_up_name(struct question *q, struct mc_str name)
{
	if (name.len == 0 || name.len >= sizeof(q->name))
		return 0;
	memcpy(q->name, name.ptr, name.len);
	return look_up(q);
}

int
mc_serve_user(struct mc_str name, uid_t *ret_uid)
{
	struct question q = { .by = BY_LOGIN };
	uint64_t number;
	int rc = 1;

	if (is_number(name, &number))
		q.person.uid = (uid_t)number;
	else
		rc = look_up_name(&q, name);
	if (rc == 1)
		*ret_uid = q.person.uid;
	return rc;
}

int
mc_serve_group(struct mc_str name, gid_t *ret_gid)
{
	struct question q = { .by = BY_GROUP };
	uint64_t number;
	int rc = 1;

	if (is_number(name, &number))
		q.group = (gid_t)number;
	else
		rc = look_up_name(&q, name);
	if (rc == 1)
		*ret_gid = q.group;
	return rc;
}

int
mc_serve_person_of(uid_t uid, struct mc_serve_person *ret)
{
	struct question q = { .by = BY_UID, .uid = uid };
	int rc = look_up(&q);

	if (rc == 1)
		*ret = q.person;
	return rc;
}

int
mc_serve_person_named(struct mc_str login, struct mc_serve_person *ret)
{
	struct question q = { .by = BY_LOGIN };
	int rc = look_up_name(&q, login);

	if (rc == 1)
		*ret = q.person;
	return rc;
}
