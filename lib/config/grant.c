/* SPDX-License-Identifier: MIT */
/*
 * grant.c - a token for a log-in: the one that is there, or a new one
 */
#include "base/base.h"
#include "config/grant.h"

#include <time.h>

#include "base/err.h"
#include "base/file.h"

/* a token is renewed so many seconds before it is over, or a tenth of its life
 * where that is less */
#define AHEAD 60
/* clocks of one machine that were set back */
#define SLACK 300
#define MOST_SECONDS 600

uint64_t
mc_grant_mark(struct mc_str token)
{
	/* FNV-1a: for telling the last token from its successor */
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < token.len; i++)
		h = (h ^ (unsigned char)token.ptr[i]) *
		    UINT64_C(0x100000001b3);
	return h == 0 ? 1 : h;
}

struct need {
	const struct mc_terms *terms;
	const struct mc_caller *caller;
	const struct mc_grant_wish *wish;
};

static bool
is_refused(const struct need *n, const struct mc_grant *g)
{
	return n->wish->refused != 0 &&
	    mc_grant_mark(mc_secret_peek(g->access)) == n->wish->refused;
}

/* so many seconds before it is over it counts as over */
static bool
is_good(const struct need *n, const struct mc_grant *g, int64_t ahead)
{
	int64_t now = (int64_t)time(NULL);

	return !is_refused(n, g) && now >= g->got - SLACK &&
	    now + ahead < g->expires;
}

static int64_t
ahead_of(const struct mc_grant *g)
{
	int64_t tenth = (g->expires - g->got) / 10;

	return tenth < AHEAD ? tenth : AHEAD;
}

/* the access token leaves */
static struct mc_secret *
take(struct mc_grant *g)
{
	struct mc_secret *access = g->access;

	g->access = NULL;
	return access;
}

static int
log_in(const struct need *n, const char *why, struct mc_err *err)
{
	const char *name = n->terms->account->name;

	return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
	    "account %s %s: run mailchute login %s", name, why, name);
}

/* ask for a new one; `old` may have nothing */
static int
ask(const struct need *n, const struct mc_grant *old,
    struct mc_grant *ret_grant, enum mc_ask_word *ret_word,
    struct mc_err *err)
{
	const struct mc_account *a = n->terms->account;
	struct mc_ask q = { .what = "refresh", .refresh = old->refresh,
	    .cancel_fd = -1 };

	*ret_word = MC_ASK_OTHER;
	q.seconds = a->helper_timeout > MOST_SECONDS ? MOST_SECONDS :
	    (unsigned)a->helper_timeout;
	if (n->terms->flow == MC_FLOW_JWT)
		q.what = "jwt";
	else if (n->terms->flow == MC_FLOW_CLIENT)
		q.what = "client";
	else if (old->access == NULL)
		return log_in(n, "is not logged in", err);
	else if (old->refresh == NULL)
		return log_in(n, "has a token that is over, and nothing to "
		    "renew it with", err);
	return mc_grant_ask(n->terms, n->caller, &q, ret_grant, ret_word,
	    err);
}

/* nobody else does this now */
static int
renew(const struct need *n, struct mc_secret **ret_token, struct mc_err *err)
{
	struct mc_grant old = { .access = NULL }, got = { .access = NULL };
	struct mc_err why = { .code = MC_OK };
	enum mc_ask_word word = MC_ASK_OTHER;
	int rc = mc_grant_load(n->terms, n->caller, &old, err);

	if (rc < 0)
		return -1;
	/* another one was faster */
	if (rc == 1 && is_good(n, &old, ahead_of(&old))) {
		*ret_token = take(&old);
		mc_grant_clear(&old);
		return 0;
	}
	/* a provider may take the old one with the question: so not before we
	 * have seen that the new one can be kept */
	rc = old.refresh == NULL ? 0 : mc_grant_store(n->terms, n->caller,
	    &old, &why);
	if (rc == 0)
		rc = ask(n, &old, &got, &word, &why);
	if (rc == 0) {
		/* not every renewal brings a new one (RFC 6749 6) */
		if (got.refresh == NULL) {
			got.refresh = old.refresh;
			old.refresh = NULL;
		}
		rc = mc_grant_store(n->terms, n->caller, &got, &why);
	}
	if (rc == 0)
		*ret_token = take(&got);
	else if (word == MC_ASK_TEMPORARY && old.access != NULL &&
	    is_good(n, &old, 0)) {
		/* it was renewed ahead of time, for such a case */
		*ret_token = take(&old);
		rc = 0;
	} else if (err != NULL && !mc_err_is_set(err))
		*err = why;
	mc_grant_clear(&got);
	mc_grant_clear(&old);
	return rc;
}

static int
find(const struct need *n, struct mc_secret **ret_token, struct mc_err *err)
{
	const struct mc_account *a = n->terms->account;
	struct mc_grant g = { .access = NULL };
	int rc = mc_grant_load(n->terms, n->caller, &g, err);
	int lock = -1;

	if (rc < 0)
		return -1;
	if (rc == 1 && is_good(n, &g, ahead_of(&g))) {
		*ret_token = take(&g);
		mc_grant_clear(&g);
		return 0;
	}
	mc_grant_clear(&g);
	/* without making a directory for nothing */
	if (rc == 0 && !mc_terms_alone(n->terms))
		return log_in(n, "is not logged in", err);
	if (mc_grant_lock(a, n->caller, (int64_t)a->helper_timeout * 1000,
	    n->wish->cancel_fd, &lock, err) != 0)
		return -1;
	rc = renew(n, ret_token, err);
	mc_file_close(&lock);
	return rc;
}

int
mc_grant_token(const struct mc_account *account,
    const struct mc_caller *caller, const struct mc_grant_wish *wish,
    struct mc_secret **ret_token, struct mc_err *err)
{
	struct mc_terms terms;
	struct need n = { &terms, caller, wish };
	int rc = mc_terms_make(account, MC_FLOW_AUTO, &terms, err);

	if (rc == 0)
		rc = find(&n, ret_token, err);
	mc_terms_clear(&terms);
	return rc;
}
