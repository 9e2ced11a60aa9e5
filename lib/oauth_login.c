/* SPDX-License-Identifier: MIT */
/*
 * oauth_login.c - log in at a provider, log out, and how things stand
 */
#include "base/base.h"
#include "mailchute.h"

#include "base/err.h"
#include "base/file.h"
#include "config/grant.h"

/* a person has to find a browser; the helper has limits of its own below it */
#define LOGIN_SECONDS 1800
#define QUICK_SECONDS 60
#define LOCK_MS 60000

static const struct {
	const char *word;	/* as oauth-flow and the helper have it */
	enum mc_flow flow;
} flows[] = {
	{ "device", MC_FLOW_DEVICE },
	{ "code", MC_FLOW_CODE },
	{ "client", MC_FLOW_CLIENT },
	{ "jwt", MC_FLOW_JWT },
};

static int
flow_of(const char *word, enum mc_flow *ret_flow, struct mc_err *err)
{
	*ret_flow = MC_FLOW_AUTO;
	if (word == NULL || strcmp(word, "auto") == 0)
		return 0;
	for (size_t i = 0; i < MC_NELEM(flows); i++)
		if (strcmp(flows[i].word, word) == 0) {
			*ret_flow = flows[i].flow;
			return 0;
		}
	return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
	    "there is no log-in by \"%s\": use auto, device, code, client or "
	    "jwt", word);
}

static const char *
word_of(enum mc_flow flow)
{
	for (size_t i = 0; i < MC_NELEM(flows); i++)
		if (flows[i].flow == flow)
			return flows[i].word;
	return "";
}

/* a token of another kind would never be renewed, nor even found again */
static int
check_flow(const struct mc_account *a, const struct mc_terms *asked,
    struct mc_err *err)
{
	struct mc_terms own;
	struct mc_err ignored = { .code = MC_OK };
	bool same = mc_terms_make(a, MC_FLOW_AUTO, &own, &ignored) != 0 ||
	    (mc_terms_alone(&own) ? own.flow == asked->flow :
	    !mc_terms_alone(asked));

	mc_terms_clear(&own);
	if (same)
		return 0;
	return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
	    "account %s: write oauth-flow = %s into the configuration, so that "
	    "the token is renewed in the same way", a->name,
	    word_of(asked->flow));
}

static void
tell(const struct mc_terms *t, const struct mc_grant *g,
    struct mc_oauth_state *ret_state)
{
	ret_state->got = g->got;
	ret_state->expires = g->expires;
	ret_state->has_refresh = g->refresh != NULL || mc_terms_alone(t);
}

static int
log_in(const struct mc_terms *t, const struct mc_caller *caller,
    const struct mc_oauth_options *o, struct mc_oauth_state *ret_state,
    struct mc_err *err)
{
	bool alone = mc_terms_alone(t);
	struct mc_ask q = { .what = word_of(t->flow),
	    .browser = o->browser != 0, .cancel_fd = o->cancel_fd,
	    .seconds = alone ? QUICK_SECONDS : LOGIN_SECONDS };
	struct mc_grant g = { .access = NULL };
	enum mc_ask_word word;
	int lock = -1;
	int rc = mc_grant_ask(t, caller, &q, &g, &word, err);

	/* whoever renews the old token must not put it over this one */
	if (rc == 0)
		rc = mc_grant_lock(t->account, caller, LOCK_MS, o->cancel_fd,
		    &lock, err);
	if (rc == 0)
		rc = mc_grant_store(t, caller, &g, err);
	if (rc == 0)
		tell(t, &g, ret_state);
	mc_file_close(&lock);
	mc_grant_clear(&g);
	return rc;
}

int
mc_oauth_login(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_oauth_options *options, struct mc_oauth_state *ret_state,
    struct mc_err *err)
{
	const struct mc_account *a;
	struct mc_terms terms;
	enum mc_flow flow;
	int rc;

	if (flow_of(options->flow, &flow, err) != 0 ||
	    mc_config_find(config, options->account, &a, err) != 0)
		return -1;
	rc = mc_terms_make(a, flow, &terms, err);
	if (rc == 0)
		rc = check_flow(a, &terms, err);
	if (rc == 0)
		rc = log_in(&terms, caller, options, ret_state, err);
	mc_terms_clear(&terms);
	return rc;
}

/* the provider first: without the token it could not be asked any more */
static int
withdraw(const struct mc_terms *t, const struct mc_caller *caller,
    int cancel_fd, struct mc_err *err)
{
	struct mc_grant g = { .access = NULL }, none = { .access = NULL };
	struct mc_ask q = { .what = "revoke", .seconds = QUICK_SECONDS,
	    .cancel_fd = cancel_fd };
	enum mc_ask_word word;
	int rc;

	if (t->revoke_url == NULL)
		return 0;
	rc = mc_grant_load(t, caller, &g, err);
	if (rc == 1) {
		q.refresh = g.refresh != NULL ? g.refresh : g.access;
		rc = mc_grant_ask(t, caller, &q, &none, &word, err);
	}
	mc_grant_clear(&none);
	mc_grant_clear(&g);
	return rc;
}

int
mc_oauth_logout(const struct mc_caller *caller,
    const struct mc_config *config, const struct mc_oauth_options *options,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	const struct mc_account *a;
	struct mc_terms terms;
	int rc, withdrawn = 0;

	if (mc_config_find(config, options->account, &a, err) != 0)
		return -1;
	/* a configuration without oauth by now has tokens all the same */
	if (mc_terms_make(a, MC_FLOW_AUTO, &terms, NULL) == 0 &&
	    options->local == 0)
		withdrawn = withdraw(&terms, caller, options->cancel_fd, &why);
	mc_terms_clear(&terms);
	rc = mc_grant_remove(a, caller, err);
	if (rc < 0 || withdrawn == 0)
		return rc;
	mc_err_ctx(&why, "the token is gone from this machine, but could not "
	    "be withdrawn at the provider");
	if (err != NULL && !mc_err_is_set(err))
		*err = why;
	return -1;
}

int
mc_oauth_look(const struct mc_caller *caller, const struct mc_config *config,
    const char *account, struct mc_oauth_state *ret_state, struct mc_err *err)
{
	struct mc_grant g = { .access = NULL };
	const struct mc_account *a;
	struct mc_terms terms;
	int rc;

	if (mc_config_find(config, account, &a, err) != 0)
		return -1;
	rc = mc_terms_make(a, MC_FLOW_AUTO, &terms, err);
	if (rc == 0)
		rc = mc_grant_load(&terms, caller, &g, err);
	if (rc == 1)
		tell(&terms, &g, ret_state);
	mc_terms_clear(&terms);
	mc_grant_clear(&g);
	return rc;
}
