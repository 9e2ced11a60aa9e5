/* SPDX-License-Identifier: MIT */
/*
 * login.c - is there a log-in, and with what
 */
#include "base/base.h"
#include "transport/login.h"

#include "base/err.h"
#include "base/secret.h"
#include "config/grant.h"
#include "config/source.h"

bool
mc_login_wanted(const struct mc_account *a)
{
	if (a->auth != NULL && strcasecmp(a->auth, "off") == 0)
		return false;
	if (a->auth != NULL && strcasecmp(a->auth, "auto") != 0)
		return true;
	/* nothing goes in the clear, and there is no need to say so of each */
	if (a->netrc_file != NULL && a->tls_mode != MC_TLS_OFF)
		return true;
	return a->user != NULL || mc_source_has(a, MC_SECRET_TOKEN);
}

/* one that is not configured, where the log-in cannot do without */
static bool
wants_other(const struct mc_account *a, bool token)
{
	return !token && a->user != NULL && a->tls_cert == NULL &&
	    !mc_source_has(a, MC_SECRET_PASSWORD) &&
	    mc_sasl_wants_password(a->auth) && mc_sasl_needs_secret(a->auth);
}

static int
get_password(const struct mc_transport_env *env, struct mc_login *login,
    struct mc_err *err)
{
	enum mc_source_place place;

	if (env->keeper == NULL && env->once != NULL) {
		if (mc_source_place(env->account, MC_SECRET_PASSWORD,
		    env->caller, &place, err) != 0)
			return -1;
		if (place == MC_PLACE_FD || place == MC_PLACE_NONE)
			return mc_once_get(env->once, env->account,
			    env->cancel_fd, &login->password, err);
	}
	return mc_login_secret(env, MC_SECRET_PASSWORD, &login->password, err);
}

/* a token that can be renewed, unlike what else there is */
static int
get_grant(const struct mc_transport_env *env, struct mc_secret **ret_secret,
    struct mc_err *err)
{
	struct mc_grant_wish wish = { .cancel_fd = env->cancel_fd };
	int rc;

	if (env->token != NULL)
		wish.refused = env->token->refused;
	if (env->keeper != NULL) {
		env->keeper->refused = wish.refused;
		rc = mc_keeper_get(env->keeper, MC_SECRET_TOKEN,
		    env->cancel_fd, ret_secret, err);
	} else
		rc = mc_grant_token(env->account, env->caller, &wish,
		    ret_secret, err);
	if (rc == 0 && env->token != NULL)
		env->token->given = mc_grant_mark(mc_secret_peek(*ret_secret));
	return rc;
}

int
mc_login_secret(const struct mc_transport_env *env, enum mc_secret_kind kind,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	if (kind == MC_SECRET_TOKEN && env->account->oauth != MC_OAUTH_OFF)
		return get_grant(env, ret_secret, err);
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

	if (a->user == NULL && a->netrc_file != NULL &&
	    mc_login_secret(env, MC_SECRET_USER, &login->user, err) != 0)
		return -1;
	if ((password || wants_other(a, token)) &&
	    get_password(env, login, err) != 0)
		return -1;
	if (token && mc_login_secret(env, MC_SECRET_TOKEN, &login->token,
	    err) != 0)
		return -1;
	return 0;
}

const char *
mc_login_user(const struct mc_account *a, const struct mc_login *login)
{
	return login->user != NULL ? mc_secret_peek(login->user).ptr : a->user;
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
	s.user = mc_login_user(a, login);
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
	mc_secret_free(login->user);
	mc_secret_free(login->password);
	mc_secret_free(login->token);
	memset(login, 0, sizeof(*login));
}
