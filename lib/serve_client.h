/* SPDX-License-Identifier: MIT */
/*
 * serve_client.h - inside of a session of the service: the client
 *
 * serve_session.c has what is said, serve_client.c who says it.
 */
#ifndef MC_SERVE_CLIENT_H
#define MC_SERVE_CLIENT_H

#include "serve/ask.h"
#include "serve/names.h"
#include "serve_internal.h"
#include "submission.h"

/* groups of a user; further ones do not count */
#define MC_SERVED_GROUPS 1024

struct mc_served {
	const struct mc_service *service;
	const struct mc_serve_limits *limits;
	int sock;		/* to the listener */
	int fd;			/* the client */
	int plain;		/* what comes of it after STARTTLS; -1 */
	struct mc_ask_hello hello;
	struct mc_caller caller;	/* the service's, but for the name */
	struct mc_serve_person person;
	struct mc_peer peer;
	gid_t groups[MC_SERVED_GROUPS];
	struct mc_submission *sub;	/* of the open transaction, or NULL */
	struct mc_err broken;
	uint64_t size;		/* of its content so far */
	struct mc_buf sender;	/* it, for the log */
	const char *account;
	unsigned refused;	/* how often that was told */
	bool busy;		/* the service, when it was last asked */
	int64_t ask_busy;	/* when to ask again */
};

/* who has connected, as the kernel says; nobody yet if it is by TCP */
void
mc_served_look(struct mc_served *c);

/* the user of that name, who has proved it; false: there is none */
bool
mc_served_become(struct mc_served *c, struct mc_str login);

/* nobody again */
void
mc_served_forget(struct mc_served *c);

#endif
