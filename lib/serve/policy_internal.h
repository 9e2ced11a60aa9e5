/* SPDX-License-Identifier: MIT */
/*
 * policy_internal.h - the rules as they are kept
 */
#ifndef MC_SERVE_POLICY_INTERNAL_H
#define MC_SERVE_POLICY_INTERNAL_H

#include "base/vec.h"
#include "config/allow.h"
#include "serve/policy.h"

/* a name that was looked up; ALL, LOOPBACK, UID and GID are left */
struct mc_policy_who {
	enum mc_who_kind kind;
	bool nobody;		/* there is no such name */
	unsigned long id;
};

/* one of an account's rules */
struct mc_policy_rule {
	const struct mc_account *account;
	size_t who;		/* the first one in whos */
	size_t n;
	struct mc_str patterns;	/* slice of the configuration */
};

struct mc_policy {
	const struct mc_config *config;
	const struct mc_caller *caller;
	uid_t own;
	uid_t overflow_uid;
	gid_t overflow_gid;
	bool trust_loopback;
	bool loopback_named;	/* by some rule */
	struct mc_vec whos;	/* struct mc_policy_who; first allow-users */
	size_t n_users;
	struct mc_vec rules;	/* struct mc_policy_rule, by account */
};

/* is the peer one of n, from `first` on? */
bool
mc_policy_is_one(const struct mc_policy *policy, const struct mc_peer *peer,
    size_t first, size_t n);

/* root, or the service itself */
bool
mc_policy_is_free(const struct mc_policy *policy, const struct mc_peer *peer);

#endif
