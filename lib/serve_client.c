/* SPDX-License-Identifier: MIT */
/*
 * serve_client.c - who it is that a session of the service has to do with
 */
#include "base/base.h"
#include "serve_client.h"

#include "serve/sockets.h"

#include <grp.h>

static void
fill_names(struct mc_served *c)
{
	c->caller.login = c->person.login[0] == '\0' ? NULL :
	    c->person.login;
	c->caller.full_name = c->person.full_name;
	c->peer.login = c->caller.login;
}

void
mc_served_forget(struct mc_served *c)
{
	c->peer.has_uid = false;
	c->peer.n_groups = 0;
	memset(&c->person, 0, sizeof(c->person));
	fill_names(c);
}

void
mc_served_look(struct mc_served *c)
{
	c->caller = *c->service->caller;
	c->caller.login = NULL;
	c->caller.full_name = "";
	c->peer.groups = c->groups;
	if (c->hello.has_uid == 0)
		return;
	c->peer.has_uid = true;
	c->peer.uid = (uid_t)c->hello.uid;
	c->groups[0] = (gid_t)c->hello.gid;
	c->peer.n_groups = 1 + mc_socket_peer_groups(c->fd, c->groups + 1,
	    MC_SERVED_GROUPS - 1);
	/* one whom the database does not know has no name */
	if (mc_serve_person_of(c->peer.uid, &c->person) != 1)
		memset(&c->person, 0, sizeof(c->person));
	fill_names(c);
}

bool
mc_served_become(struct mc_served *c, struct mc_str login)
{
	int n = MC_SERVED_GROUPS;

	if (mc_serve_person_named(login, &c->person) != 1)
		return false;
	c->peer.has_uid = true;
	c->peer.uid = c->person.uid;
	if (getgrouplist(c->person.login, c->person.gid, c->groups, &n) < 0)
		n = MC_SERVED_GROUPS;
	c->peer.n_groups = (size_t)n;
	fill_names(c);
	return true;
}
