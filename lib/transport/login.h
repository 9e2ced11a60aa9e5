/* SPDX-License-Identifier: MIT */
/*
 * login.h - is there a log-in, and with what
 */
#ifndef MC_LOGIN_H
#define MC_LOGIN_H

#include "smtp/sasl.h"
#include "transport/transport.h"

/* from env->keeper if there is one, else mc_source_get */
MC_NODISCARD int
mc_login_secret(const struct mc_transport_env *env, enum mc_secret_kind kind,
    struct mc_secret **ret_secret, struct mc_err *err);

struct mc_login {
	struct mc_secret *user;		/* of netrc-file; NULL: the account's */
	struct mc_secret *password;	/* NULL: none */
	struct mc_secret *token;
	struct mc_sasl *sasl;		/* NULL: no log-in, or not by ourselves */
};

/* does the account log in at all? */
bool
mc_login_wanted(const struct mc_account *a);

/*
 * mc_login_secrets - get what the account's mechanisms may need
 *
 * Errors of mc_source_get, and MC_E_NO_SECRET when there is nothing to log in
 * with; then too mc_login_clear is the caller's.
 */
MC_NODISCARD int
mc_login_secrets(const struct mc_transport_env *env, struct mc_login *login,
    struct mc_err *err);

/* if a log-in is wanted, here and now: the secrets, and mc_sasl_new with them */
MC_NODISCARD int
mc_login_sasl(const struct mc_transport_env *env, struct mc_login *login,
    struct mc_err *err);

/* the name to log in with, or NULL */
const char *
mc_login_user(const struct mc_account *a, const struct mc_login *login);

/* wipe and forget */
void
mc_login_clear(struct mc_login *login);

#endif
