/* SPDX-License-Identifier: MIT */
/*
 * grant_terms.c - what is known of providers, and what an account adds
 */
#include "base/base.h"
#include "config/grant.h"

#include "base/err.h"

#define MOST_URL 2048

/* as Google and Microsoft document them for SMTP; %s is the tenant */
struct preset {
	const char *scope;
	const char *scope_client;	/* where nobody logs in */
	const char *device_url;
	const char *auth_url;
	const char *auth_extra;
	const char *token_url;
	const char *revoke_url;
	const char *redirect_host;
	enum mc_flow flow;
};

#define MS "https://login.microsoftonline.com/%s/oauth2/v2.0/"

/*
 * Google gives this scope to nobody by the device flow.  Without "consent" it
 * leaves the refresh token out at the second log-in.
 */
static const struct preset presets[] = {
	[MC_OAUTH_GOOGLE] = {
		.scope = "https://mail.google.com/",
		.scope_client = "https://mail.google.com/",
		.device_url = "https://oauth2.googleapis.com/device/code",
		.auth_url = "https://accounts.google.com/o/oauth2/v2/auth",
		.auth_extra = "access_type=offline&prompt=consent",
		.token_url = "https://oauth2.googleapis.com/token",
		.revoke_url = "https://oauth2.googleapis.com/revoke",
		.flow = MC_FLOW_CODE,
	},
	/* registered as http://localhost, with any port, for programs */
	[MC_OAUTH_MICROSOFT] = {
		.scope = "https://outlook.office.com/SMTP.Send offline_access",
		.scope_client = "https://outlook.office365.com/.default",
		.device_url = MS "devicecode",
		.auth_url = MS "authorize",
		.token_url = MS "token",
		.redirect_host = "localhost",
		.flow = MC_FLOW_DEVICE,
	},
	[MC_OAUTH_CUSTOM] = { .flow = MC_FLOW_AUTO },
};

/* no user and password in front of it: these would be seen */
static bool
has_plain_host(struct mc_str rest)
{
	size_t n = 0;

	while (n < rest.len && strchr("/?", rest.ptr[n]) == NULL)
		n++;
	return n != 0 && mc_str_chr(mc_str_sub(rest, 0, n), '@') == n;
}

bool
mc_terms_is_url(struct mc_str url)
{
	static const struct mc_str clear[] = {
		MC_STR("http://127.0.0.1"), MC_STR("http://localhost"),
		MC_STR("http://[::1]"),
	};
	struct mc_str https = MC_STR("https://");

	for (size_t i = 0; i < url.len; i++)
		if (url.ptr[i] < 0x21 || url.ptr[i] > 0x7e)
			return false;
	if (url.len > MOST_URL || mc_str_chr(url, '#') != url.len)
		return false;
	if (url.len > https.len && mc_str_eq(mc_str_sub(url, 0, https.len),
	    https))
		return has_plain_host(mc_str_sub(url, https.len, SIZE_MAX));
	for (size_t i = 0; i < MC_NELEM(clear); i++) {
		size_t n = clear[i].len;

		if (url.len > n && mc_str_eq(mc_str_sub(url, 0, n),
		    clear[i]) && (url.ptr[n] == ':' || url.ptr[n] == '/'))
			return mc_str_chr(url, '@') == url.len;
	}
	return false;
}

/* a URL of a preset, with the tenant in it */
static const char *
fill_in(struct mc_terms *t, const char *url)
{
	const char *tenant = t->account->oauth_tenant;
	const char *hole = url == NULL ? NULL : strstr(url, "%s");
	size_t at = t->room.len;

	if (hole == NULL)
		return url;
	mc_buf_add(&t->room, url, (size_t)(hole - url));
	mc_buf_addz(&t->room, tenant != NULL ? tenant : "common");
	mc_buf_addz(&t->room, hole + 2);
	mc_buf_addc(&t->room, '\0');
	return t->room.err != 0 ? NULL : t->room.ptr + at;
}

static const char *
either(const char *own, const char *preset)
{
	return own != NULL ? own : preset;
}

static enum mc_flow
flow_of(const struct mc_account *a, enum mc_flow asked,
    const struct preset *p)
{
	if (asked != MC_FLOW_AUTO)
		return asked;
	if (a->oauth_flow != MC_FLOW_AUTO)
		return (enum mc_flow)a->oauth_flow;
	if (a->oauth_key_file != NULL)
		return MC_FLOW_JWT;
	if (p->flow != MC_FLOW_AUTO)
		return p->flow;
	return a->oauth_device_url != NULL ? MC_FLOW_DEVICE : MC_FLOW_CODE;
}

static bool
has_word(const char *list, struct mc_str wanted)
{
	struct mc_str rest = mc_str_from(list == NULL ? "" : list), word;

	while (mc_str_next_token(&rest, " ", &word))
		if (mc_str_eq(word, wanted))
			return true;
	return false;
}

static int
missing(const struct mc_terms *t, const char *key, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "account %s: this way to log in needs %s", t->account->name, key);
}

static int
check(const struct mc_terms *t, struct mc_err *err)
{
	const struct mc_account *a = t->account;

	if (t->client_id == NULL && t->flow != MC_FLOW_JWT)
		return missing(t, "oauth-client-id", err);
	if (t->token_url == NULL)
		return missing(t, "oauth-token-url", err);
	if (t->flow == MC_FLOW_DEVICE && t->device_url == NULL)
		return missing(t, "oauth-device-url", err);
	if (t->flow == MC_FLOW_CODE && t->auth_url == NULL)
		return missing(t, "oauth-auth-url", err);
	if (t->flow == MC_FLOW_JWT && a->oauth_key_file == NULL)
		return missing(t, "oauth-key-file", err);
	if (t->flow == MC_FLOW_CLIENT && a->oauth_client_secret == NULL &&
	    a->oauth_client_secret_file == NULL &&
	    a->oauth_client_secret_command == NULL)
		return missing(t, "oauth-client-secret-file (or -command)",
		    err);
	if (a->oauth == MC_OAUTH_MICROSOFT && t->flow == MC_FLOW_CLIENT &&
	    a->oauth_tenant == NULL)
		return missing(t, "oauth-tenant", err);
	return 0;
}

int
mc_terms_make(const struct mc_account *a, enum mc_flow flow,
    struct mc_terms *ret_terms, struct mc_err *err)
{
	struct mc_terms *t = ret_terms;
	const struct preset *p;

	memset(t, 0, sizeof(*t));
	t->account = a;
	/* slices of it stay where they are: it never grows beyond the first
	 * allocation, which is made here */
	mc_buf_init(&t->room, 3 * MOST_URL);
	if (a->oauth == MC_OAUTH_OFF)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "account %s: there is nothing to log in to, since oauth "
		    "is off: set oauth, see mailchute.conf(5)", a->name);
	if (mc_buf_reserve(&t->room, 3 * MOST_URL) == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	p = &presets[a->oauth];
	t->flow = flow_of(a, flow, p);
	t->client_id = a->oauth_client_id;
	t->scope = either(a->oauth_scope, t->flow == MC_FLOW_CLIENT ||
	    t->flow == MC_FLOW_JWT ? p->scope_client : p->scope);
	t->device_url = either(a->oauth_device_url, fill_in(t, p->device_url));
	t->auth_url = either(a->oauth_auth_url, fill_in(t, p->auth_url));
	t->token_url = either(a->oauth_token_url, fill_in(t, p->token_url));
	t->revoke_url = either(a->oauth_revoke_url, p->revoke_url);
	t->auth_extra = p->auth_extra;
	/* OpenID Connect Core 11 */
	if (t->auth_extra == NULL && a->oauth == MC_OAUTH_CUSTOM &&
	    has_word(t->scope, MC_STR("offline_access")))
		t->auth_extra = "prompt=consent";
	t->redirect_host = either(p->redirect_host, "127.0.0.1");
	t->subject = a->oauth_subject;
	if (t->subject == NULL && t->flow == MC_FLOW_JWT)
		t->subject = a->user;
	if (mc_buf_err(&t->room, "address of the provider", err) != 0)
		return -1;
	return check(t, err);
}

void
mc_terms_clear(struct mc_terms *terms)
{
	mc_buf_clear(&terms->room);
}

bool
mc_terms_alone(const struct mc_terms *terms)
{
	return terms->flow == MC_FLOW_CLIENT || terms->flow == MC_FLOW_JWT;
}
