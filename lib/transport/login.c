/* SPDX-License-Identifier: MIT */
/*
 * login.c - is there a log-in, and with what
 */
#include "base/base.h"
#include "transport/login.h"

#include "base/err.h"
#include "base/secret.h"
#include "config/source.h"

bool
mc_login_wanted(const struct mc_account *a)
{
	if (a->auth != NULL && strcasecmp(a->auth, "off") == 0)
		return false;
	if (a->auth != NULL && strcasecmp(a->auth, "auto") != 0)
		return true;
	return a->user != NULL || mc_source_has(a, MC_SECRET_TOKEN);
}

int
mc_login_secret(const struct mc_transport_env *env, enum mc_secret_kind kind,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	if (env->keeper != NULL)
		return mc_keeper_get(env->keeper, kind, env->cancel_fd,
		    ret_secret, err);
	return mc_source_get(env->account, kind, env->caller, env->cancel_fd,
	    ret_secret, err);
}

int
mc_login_secrets(const struct mc_transport_env *env, struct mc_login *login,
    struct mc_err *err)
{
	const struct mc_account *a = env->account;
	bool password = mc_source_has(a, MC_SECRET_PASSWORD) &&
	    mc_sasl_wants_password(a->auth);
	bool token = mc_source_has(a, MC_SECRET_TOKEN) &&
	    mc_sasl_wants_token(a->auth);

	if (password && mc_login_secret(env, MC_SECRET_PASSWORD,
	    &login->password, err) != 0)
		return -1;
	if (token && mc_login_secret(env, MC_SECRET_TOKEN, &login->token,
	    err) != 0)
		return -1;
	if (!password && !token && a->tls_cert == NULL &&
	    (a->auth == NULL || strcasecmp(a->auth, "auto") == 0))
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has a user but no password: set "
		    "password-file, password-command or token-command",
		    a->name);
	return 0;
}

int
mc_login_sasl(const struct mc_transport_env *env, struct mc_login *login,
    struct mc_err *err)
{
	const struct mc_account *a = env->account;
	struct mc_sasl_settings s = { 0 };

	if (env->no_login || !mc_login_wanted(a))
		return 0;
	if (mc_login_secrets(env, login, err) != 0)
		return -1;
	s.user = a->user;
	s.password = login->password;
	s.token = login->token;
	s.mechs = a->auth;
	s.host = a->is_socket ? "localhost" : a->host;
	s.port = a->port_text;
	s.max_iterations = a->scram_max_iterations;
	return mc_sasl_new(&s, &login->sasl, err);
}

void
mc_login_clear(struct mc_login *login)
{
	mc_sasl_free(login->sasl);
	mc_secret_free(login->password);
	mc_secret_free(login->token);
	memset(login, 0, sizeof(*login));
}
