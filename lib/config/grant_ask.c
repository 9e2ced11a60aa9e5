/* SPDX-License-Identifier: MIT */
/*
 * grant_ask.c - a question to a provider, by way of mailchute-oauth
 *
 * Secrets go to its standard input, and come back by its standard output;
 * helper/oauth.h has the language.
 */
#include "base/base.h"
#include "config/grant.h"

#include <errno.h>
#include <time.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/num.h"
#include "base/proc.h"
#include "config/proxy.h"
#include "config/source.h"

/* the helper keeps its own limit, and says more when it is over */
#define SPARE_MS 5000

struct reply {
	const struct mc_terms *terms;
	struct mc_grant grant;
	bool answered;
	enum mc_ask_word word;
	struct mc_err err;
};

/* ------------------------------------------------------------------ request */

static void
add(struct mc_buf *out, const char *key, struct mc_str value)
{
	if (value.len == 0)
		return;
	/* a line is the end of a value: such a one must not begin another */
	if (mc_str_has_ctl(value)) {
		out->err = MC_E_TOO_LONG;
		return;
	}
	mc_buf_addz(out, key);
	mc_buf_addc(out, ' ');
	mc_buf_add_str(out, value);
	mc_buf_addc(out, '\n');
}

static void
addz(struct mc_buf *out, const char *key, const char *value)
{
	if (value != NULL)
		add(out, key, mc_str_from(value));
}

static int
add_secret(struct mc_buf *out, const struct mc_terms *t,
    const struct mc_caller *caller, enum mc_secret_kind kind,
    struct mc_err *err)
{
	struct mc_secret *secret = NULL;
	int rc = 0;

	if (!mc_source_has(t->account, kind))
		return 0;
	rc = mc_source_get(t->account, kind, caller, -1, &secret, err);
	if (rc == 0 && kind == MC_SECRET_OAUTH_KEY) {
		mc_buf_addz(out, "key-file ");
		mc_b64_encode(mc_secret_peek(secret), out);
		mc_buf_addc(out, '\n');
	} else if (rc == 0) {
		add(out, kind == MC_SECRET_PROXY ? "proxy-password" :
		    "client-secret", mc_secret_peek(secret));
	}
	mc_secret_free(secret);
	return rc;
}

static void
add_decoded(struct mc_buf *out, const char *key, struct mc_str coded)
{
	struct mc_buf plain;

	mc_buf_init_secret(&plain, MC_MAX_SECRET);
	mc_proxy_decode(coded, &plain);
	if (plain.err != 0)
		out->err = plain.err;
	else
		add(out, key, mc_buf_str(&plain));
	mc_buf_clear(&plain);
}

static int
add_proxy(struct mc_buf *out, const struct mc_terms *t,
    const struct mc_caller *caller, struct mc_err *err)
{
	struct mc_proxy p;

	if (t->account->proxy == NULL ||
	    mc_proxy_split(mc_secret_peek(t->account->proxy), &p) != 0)
		return 0;
	mc_buf_addf(out, "proxy %.*s://%.*s:%.*s\n", MC_STR_FMT(p.scheme),
	    MC_STR_FMT(p.host), MC_STR_FMT(p.port));
	if (p.has_user)
		add_decoded(out, "proxy-user", p.user);
	if (p.has_user && p.password.len != 0)
		add_decoded(out, "proxy-password", p.password);
	return add_secret(out, t, caller, MC_SECRET_PROXY, err);
}

static int
make_request(struct mc_buf *out, const struct mc_terms *t,
    const struct mc_caller *caller, const struct mc_ask *ask,
    struct mc_err *err)
{
	addz(out, "what", ask->what);
	mc_buf_addf(out, "seconds %u\n", ask->seconds);
	addz(out, "client-id", t->client_id);
	addz(out, "scope", t->scope);
	addz(out, "device-url", t->device_url);
	addz(out, "auth-url", t->auth_url);
	addz(out, "auth-extra", t->auth_extra);
	addz(out, "token-url", t->token_url);
	addz(out, "revoke-url", t->revoke_url);
	addz(out, "subject", t->subject);
	addz(out, "login-hint", t->account->user);
	addz(out, "redirect-host", t->redirect_host);
	if (ask->browser)
		addz(out, "browser", "yes");
	if (ask->refresh != NULL)
		add(out, "refresh-token", mc_secret_peek(ask->refresh));
	if (add_secret(out, t, caller, MC_SECRET_OAUTH_CLIENT, err) != 0 ||
	    (t->flow == MC_FLOW_JWT && add_secret(out, t, caller,
	    MC_SECRET_OAUTH_KEY, err) != 0) ||
	    add_proxy(out, t, caller, err) != 0)
		return -1;
	if (out->err == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	if (out->err != 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "account %s: a value of the oauth keys is too long, or has "
		    "control characters in it", t->account->name);
	return 0;
}

/* ------------------------------------------------------------------- answer */

/* control characters mean a helper that is none */
static bool
is_token(const char *s)
{
	size_t n = 0;

	while (s[n] > 0x20 && s[n] < 0x7f)
		n++;
	return n != 0 && s[n] == '\0' && n <= MC_MAX_SECRET;
}

static void
take_token(struct reply *r, const char *const *f, size_t n)
{
	struct mc_grant *g = &r->grant;
	uint64_t seconds;

	if (n < 5 || !is_token(f[1]) || (f[3][0] != '\0' && !is_token(f[3])) ||
	    mc_num_u64(mc_str_from(f[2]), UINT32_MAX, &seconds) != 0)
		return;
	g->access = mc_secret_new(f[1], strlen(f[1]), &r->err);
	if (g->access != NULL && f[3][0] != '\0')
		g->refresh = mc_secret_new(f[3], strlen(f[3]), &r->err);
	g->got = (int64_t)time(NULL);
	g->expires = g->got + (int64_t)seconds;
	r->answered = true;
}

static void
take_error(struct reply *r, const char *word, const char *text)
{
	const char *name = r->terms->account->name;
	const char *colon = strstr(text, ": ");

	r->answered = true;
	if (strcmp(word, "login") == 0) {
		/* what it means; then the provider's words for it */
		int n = (int)(colon != NULL ? (size_t)(colon - text) :
		    strlen(text));

		r->word = MC_ASK_LOGIN;
		(void)mc_err_set(&r->err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s: %.*s: run mailchute login %s (%s)", name, n,
		    text, name, colon != NULL ? colon + 2 : "no reason");
	} else if (strcmp(word, "refused") == 0) {
		(void)mc_err_set(&r->err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s: %s", name, text);
	} else {
		if (strcmp(word, "temporary") == 0)
			r->word = MC_ASK_TEMPORARY;
		(void)mc_err_set(&r->err, MC_E_HELPER, MC_STAGE_CONFIG,
		    "account %s: no token: %s", name, text);
	}
}

static void
on_line(void *ctx, const char *const *f, size_t n)
{
	struct reply *r = ctx;

	if (r->answered || n == 0)
		return;
	if (strcmp(f[0], "token") == 0)
		take_token(r, f, n);
	else if (strcmp(f[0], "error") == 0 && n >= 3)
		take_error(r, f[1], f[2]);
	else if (strcmp(f[0], "done") == 0)
		r->answered = true;
}

static void
explain(struct mc_err *err)
{
	if (err != NULL && err->code == MC_E_HELPER && err->sys == ENOENT)
		mc_err_ctx(err, "OAuth needs a part of mailchute that is not "
		    "installed, or was left out when it was built (libcurl and "
		    "libjansson were missing)");
}

int
mc_grant_ask(const struct mc_terms *terms, const struct mc_caller *caller,
    const struct mc_ask *ask, struct mc_grant *ret_grant,
    enum mc_ask_word *ret_word, struct mc_err *err)
{
	struct reply r = { .terms = terms };
	struct mc_helper h = { .name = "oauth", .line = on_line, .ctx = &r,
	    .cancel_fd = ask->cancel_fd };
	struct mc_buf request;
	int rc = -1;

	*ret_word = MC_ASK_OTHER;
	mc_buf_init_secret(&request, MC_PROC_INPUT);
	if (make_request(&request, terms, caller, ask, err) == 0) {
		h.input = request.ptr;
		h.input_len = request.len;
		h.timeout_ms = (int)ask->seconds * 1000 + SPARE_MS;
		rc = mc_helper_run(caller, &h, err);
		if (rc != 0)
			explain(err);
	}
	mc_buf_clear(&request);
	if (rc == 0 && !r.answered)
		(void)mc_err_set(&r.err, MC_E_HELPER, MC_STAGE_CONFIG,
		    "account %s: mailchute-oauth said nothing that makes sense",
		    terms->account->name);
	if (rc == 0 && !mc_err_is_set(&r.err)) {
		*ret_grant = r.grant;
		return 0;
	}
	mc_grant_clear(&r.grant);
	*ret_word = r.word;
	if (rc == 0 && err != NULL && !mc_err_is_set(err))
		*err = r.err;
	return -1;
}
