/* SPDX-License-Identifier: MIT */
/*
 * serve_setup.c - what a service has to know before it serves, and its tokens
 */
#include "base/base.h"
#include "serve_internal.h"

#include "base/err.h"
#include "queue_internal.h"
#include "serve/tokens.h"

/* ----------------------------------------------------------------- settings */

static bool
may_leave(const struct mc_account *a, struct mc_err *err)
{
	if (a->is_service)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "there is no configuration, so the service has no server "
		    "to hand mail to: write one, see mailchute-serve(8)");
	else if (a->host == NULL)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has no host: put \"host = NAME\" into the "
		    "service's configuration, see mailchute-serve(8)",
		    a->name);
	else if (a->queue == MC_QUEUE_OFF)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has queue = off, and a service has to queue: "
		    "take that out", a->name);
	else if (a->copy_to != NULL)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has copy-to, which is for one's own mail, and "
		    "a service sends that of others: take that out", a->name);
	else if (a->notify_command != NULL)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has notify-command, and the process of a "
		    "service that works at the queue may run nothing: take "
		    "that out, and see mailchute queue stats", a->name);
	else if (a->password_fd != 0)
		(void)mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "account %s has password-fd, which can be read only once, "
		    "and a service logs in again and again: use password-file, "
		    "see mailchute-serve(8)", a->name);
	else
		return true;
	return false;
}

static int
check_accounts(const struct mc_config *config, struct mc_err *err)
{
	const struct mc_account *a;
	const char *name;

	for (size_t i = 0; (name = mc_config_account(config, i)) != NULL; i++)
		if (mc_config_find(config, name, &a, err) != 0 ||
		    !may_leave(a, err))
			return -1;
	return 0;
}

/* a file that the configuration names, or one beside q/ */
static int
place(struct mc_buf *out, const char *given, const struct mc_buf *spool,
    const char *name, struct mc_err *err)
{
	mc_buf_reset(out);
	if (given != NULL)
		mc_buf_addz(out, given);
	else
		mc_buf_addf(out, "%s/%s", spool->ptr, name);
	return mc_buf_err(out, "path", err);
}

void
mc_serve_init(struct mc_service *v, const struct mc_caller *caller,
    const struct mc_serve_options *set)
{
	memset(v, 0, sizeof(*v));
	v->caller = caller;
	v->set = set;
	v->log = (struct mc_log){ set->log, set->log_ctx, set->most };
	mc_buf_init(&v->spool, MC_QUEUE_PLACE);
	mc_buf_init(&v->tokens, MC_QUEUE_PLACE);
	mc_buf_init(&v->cert, MC_QUEUE_PLACE);
}

void
mc_serve_clear(struct mc_service *v)
{
	mc_policy_free(v->policy);
	mc_serve_settings_clear(&v->limits);
	mc_buf_clear(&v->spool);
	mc_buf_clear(&v->tokens);
	mc_buf_clear(&v->cert);
	if (v->own_config)
		mc_config_free(v->config);
}

/* all that can be wrong shows before anybody is served */
int
mc_serve_settle(struct mc_service *v, struct mc_err *err)
{
	struct mc_policy *policy = NULL;

	if (check_accounts(v->config, err) != 0 ||
	    mc_serve_settings_of(v->config, &v->limits, err) != 0 ||
	    mc_queue_place(v->caller, v->config, &v->spool, err) != 0 ||
	    place(&v->tokens, v->limits.tokens, &v->spool, MC_SERVE_TOKENS,
	    err) != 0 ||
	    place(&v->cert, v->limits.tls_cert, &v->spool, MC_SERVE_PEM,
	    err) != 0 ||
	    mc_policy_new(v->config, v->caller, &v->log, &policy, err) != 0)
		return -1;
	mc_policy_free(policy);
	return 0;
}

/* ------------------------------------------------------------------- tokens */

static int
tokens_place(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_buf *out, struct mc_err *err)
{
	struct mc_serve_settings set;
	struct mc_buf spool;
	int rc;

	mc_buf_init(&spool, MC_QUEUE_PLACE);
	rc = mc_serve_settings_of(config, &set, err);
	if (rc == 0) {
		rc = mc_queue_place(caller, config, &spool, err);
		if (rc == 0)
			rc = place(out, set.tokens, &spool, MC_SERVE_TOKENS,
			    err);
		mc_serve_settings_clear(&set);
	}
	mc_buf_clear(&spool);
	return rc;
}

int
mc_serve_token_add(const struct mc_caller *caller,
    const struct mc_config *config, const char *login,
    char ret_token[MC_TOKEN_SIZE], struct mc_err *err)
{
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, MC_QUEUE_PLACE);
	rc = tokens_place(caller, config, &path, err);
	if (rc == 0)
		rc = mc_token_make(path.ptr, login, ret_token, err);
	mc_buf_clear(&path);
	return rc;
}

int
mc_serve_token_remove(const struct mc_caller *caller,
    const struct mc_config *config, const char *login, struct mc_err *err)
{
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, MC_QUEUE_PLACE);
	rc = tokens_place(caller, config, &path, err);
	if (rc == 0)
		rc = mc_token_remove(path.ptr, login, err);
	mc_buf_clear(&path);
	if (rc == 0)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%s has no token", login);
	return rc < 0 ? -1 : 0;
}
