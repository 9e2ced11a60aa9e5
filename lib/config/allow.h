/* SPDX-License-Identifier: MIT */
/*
 * allow.h - the lists of allow-users and allow-sender as text
 *
 * What the words mean to a running service is in serve/policy.h.
 */
#ifndef MC_CONFIG_ALLOW_H
#define MC_CONFIG_ALLOW_H

#include "base/buf.h"

enum mc_who_kind {
	MC_WHO_USER,		/* by name */
	MC_WHO_UID,
	MC_WHO_GROUP,		/* "@name" */
	MC_WHO_GID,		/* "@number" */
	MC_WHO_ALL,		/* "*": every user */
	MC_WHO_LOOPBACK		/* "loopback": who comes by TCP without a log-in */
};

#define MC_WHO_NAME 255		/* bytes of a name */

struct mc_who {
	enum mc_who_kind kind;
	struct mc_str name;	/* slice of the word */
	unsigned long id;
};

/* -1 with err: MC_E_CONF_VALUE */
MC_NODISCARD int
mc_who_parse(struct mc_str word, struct mc_who *ret_who, struct mc_err *err);

/*
 * mc_allow_users_check - append the normal form of an allow-users
 *
 * Words separated by blanks or commas.  MC_E_CONF_VALUE.
 */
MC_NODISCARD int
mc_allow_users_check(struct mc_str in, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_allow_sender_check - append the normal form of an allow-sender
 *
 * "WHO...: PATTERN...; WHO...: PATTERN...".  Patterns are those of `from` with
 * %U in the local part, or "<>"; domains become A-labels.  MC_E_CONF_VALUE,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_allow_sender_check(struct mc_str in, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_allow_next_rule - the next rule of a normal form, false when none is left
 *
 * The words of *ret_whos are separated by blanks; mc_allow_next_pattern takes
 * the patterns off one by one.
 */
bool
mc_allow_next_rule(struct mc_str *rest, struct mc_str *ret_whos,
    struct mc_str *ret_patterns);
bool
mc_allow_next_pattern(struct mc_str *patterns, struct mc_str *ret_pattern);

#endif
