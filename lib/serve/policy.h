/* SPDX-License-Identifier: MIT */
/*
 * policy.h - who may use the local service, and as whom
 *
 * Reads allow-users and each account's allow-sender once, with the numbers that
 * the names have at that time.  What a peer is comes from the kernel, or from
 * a log-in; nothing that a client says of itself counts here.
 */
#ifndef MC_SERVE_POLICY_H
#define MC_SERVE_POLICY_H

#include "base/log.h"
#include "config/config.h"

#include <sys/types.h>

struct mc_peer {
	bool has_uid;		/* false: by TCP, and nobody has logged in */
	uid_t uid;
	const char *login;	/* name of the uid; NULL if it has none, or
				 * without uid */
	const gid_t *groups;	/* all of them, with the effective one */
	size_t n_groups;
};

struct mc_policy;

/*
 * mc_policy_new - read the rules
 *
 * Borrows config and caller, whose uid is the service's own; log is for this
 * call alone, may be NULL, and gets a warning for each name that does not
 * exist: it fits nobody.  -1 with err: MC_E_CONF_VALUE, MC_E_CONF_ACCOUNT,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_policy_new(const struct mc_config *config, const struct mc_caller *caller,
    const struct mc_log *log, struct mc_policy **ret_policy,
    struct mc_err *err);

void
mc_policy_free(struct mc_policy *policy);

/*
 * mc_policy_admits - may it use the service at all?
 *
 * Root and the service's own uid always; others by allow-users, in which "*"
 * is every user with a name on this host: a user can have 65536 numbers
 * without one (subuid(5)), and so would have as many shares.  Never the
 * overflow uid, which stands for users of containers that have no number
 * here.  A peer without uid: with trust-loopback.
 */
bool
mc_policy_admits(const struct mc_policy *policy, const struct mc_peer *peer);

/*
 * mc_policy_sender - the account for a sender, if the peer may use it
 *
 * local and domain as mc_mailbox_make takes them; without domain it is bare and
 * gets one, both empty are the null sender.  Appends the whole sender to
 * `out`, nothing for the null one; room for MC_MAX_PATH is enough.  The account
 * belongs to the configuration.  -1 with err: MC_E_NOT_ALLOWED (the text says
 * what the peer may use, and nothing of others), as of mc_mailbox_make,
 * MC_E_ADDR_BARE, MC_E_CONF_ACCOUNT, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_policy_sender(const struct mc_policy *policy, const struct mc_peer *peer,
    struct mc_str local, struct mc_str domain,
    const struct mc_account **ret_account, struct mc_buf *out,
    struct mc_err *err);

#endif
