/* SPDX-License-Identifier: MIT */
/*
 * account.c - which value wins, what an account must be, and who is chosen
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/dkim.h"
#include "config/grant.h"
#include "config/proxy.h"

#include <arpa/inet.h>
#include <inttypes.h>

/* who wins, strongest first */
enum rank {
	RANK_SERVICE,
	RANK_CLI,
	RANK_ENV,
	RANK_SECTION,
	RANK_USER,		/* before the sections of the user's file */
	RANK_SYSTEM,		/* before those of the system's */
	RANK_DEFAULT,
	RANKS
};

/* what says where to log in, as whom, and with what */
static const enum mc_key_id of_one_account[] = {
	MC_K_host, MC_K_port, MC_K_tls, MC_K_tls_verify, MC_K_tls_ca_file,
	MC_K_tls_ca_dir, MC_K_tls_pin, MC_K_tls_host, MC_K_tls_cert,
	MC_K_tls_key, MC_K_auth, MC_K_auth_unverified, MC_K_user,
	MC_K_password, MC_K_password_file, MC_K_password_command,
	MC_K_password_keyring, MC_K_password_fd, MC_K_netrc_file,
	MC_K_token, MC_K_token_file, MC_K_token_command, MC_K_oauth,
	MC_K_oauth_client_id, MC_K_oauth_client_secret,
	MC_K_oauth_client_secret_file, MC_K_oauth_client_secret_command,
	MC_K_oauth_flow, MC_K_oauth_tenant, MC_K_oauth_scope,
	MC_K_oauth_device_url, MC_K_oauth_auth_url, MC_K_oauth_token_url,
	MC_K_oauth_revoke_url, MC_K_oauth_key_file, MC_K_oauth_subject,
	MC_K_from, MC_K_from_name, MC_K_envelope_from,
	MC_K_dkim_domain, MC_K_dkim_selector, MC_K_dkim_key,
};

static const enum mc_key_id credentials[] = {
	MC_K_password, MC_K_password_file, MC_K_password_command,
	MC_K_password_keyring, MC_K_password_fd, MC_K_netrc_file,
	MC_K_token, MC_K_token_file, MC_K_token_command, MC_K_oauth,
};

static const enum mc_key_id signing[] = {
	MC_K_dkim_domain, MC_K_dkim_selector, MC_K_dkim_key,
};

static bool
is_among(enum mc_key_id key, const enum mc_key_id *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (keys[i] == key)
			return true;
	}
	return false;
}

/* --------------------------------------------------------- what value wins */

static const struct mc_layer *
layer_of(const struct mc_config *config, const struct mc_acct *acct,
    enum rank rank)
{
	switch (rank) {
	case RANK_SERVICE:
		return acct->by_service ? &config->service : NULL;
	case RANK_CLI:
		return &config->cli;
	case RANK_ENV:
		return &config->env.layer;
	case RANK_SECTION:
		return acct->section != NULL ? &acct->section->layer : NULL;
	case RANK_USER:
		return config->user != NULL ? &config->user->lead : NULL;
	case RANK_SYSTEM:
		return config->system != NULL ? &config->system->lead : NULL;
	case RANK_DEFAULT:
		return &config->defaults;
	case RANKS:
		break;
	}
	return NULL;
}

static bool
is_of_system(const struct mc_config *config, const struct mc_acct *acct,
    enum rank rank)
{
	return rank == RANK_SYSTEM || (rank == RANK_SECTION &&
	    acct->file != NULL && acct->file == config->system);
}

/*
 * The system's password must not go to a server that the user's file names, nor
 * is its mail to be signed with a key of the system's, which most users cannot
 * read: acct->won[MC_K_host] is known when these are looked for.
 */
static bool
is_host_of_user(const struct mc_config *config, const struct mc_acct *acct)
{
	const struct mc_setting *host = acct->won[MC_K_host];

	if (acct->file != NULL && acct->file == config->user)
		return true;
	return config->user != NULL && host != NULL &&
	    host->file == config->user->path;
}

static enum rank
rank_of(const struct mc_config *config, const struct mc_acct *acct,
    enum mc_key_id key)
{
	bool systems_own = is_among(key, credentials, MC_NELEM(credentials)) ||
	    is_among(key, signing, MC_NELEM(signing));

	for (int i = RANK_SERVICE; i < RANKS; i++) {
		enum rank rank = (enum rank)i;
		const struct mc_layer *layer = layer_of(config, acct, rank);

		if (layer == NULL || layer->v[key] == NULL)
			continue;
		if (rank == RANK_ENV && !acct->is_default && is_among(key,
		    of_one_account, MC_NELEM(of_one_account)))
			continue;
		if (systems_own && is_of_system(config, acct, rank) &&
		    is_host_of_user(config, acct))
			continue;
		return rank;
	}
	return RANKS;
}

static const struct mc_setting *
pick(const struct mc_config *config, const struct mc_acct *acct,
    enum mc_key_id key)
{
	enum rank rank = rank_of(config, acct, key);

	return rank == RANKS ? NULL :
	    layer_of(config, acct, rank)->v[key];
}

/* "password-keyring = no", "password-fd = 0" and "oauth = off" are none, and
 * displace nothing */
static bool
is_none(const struct mc_acct *acct, enum mc_key_id key)
{
	enum mc_key_type type = mc_key_row(key).type;
	const struct mc_setting *s = acct->won[key];

	if (key == MC_K_oauth)
		return s != NULL && s->num == MC_OAUTH_OFF;
	return (type == MC_TYPE_BOOL || type == MC_TYPE_UINT) &&
	    (s == NULL || s->num == 0);
}

/*
 * Passwords and tokens, in whatever form, displace each other: an account
 * with a password-command of its own wants none of the password that stands
 * before the sections.
 */
static void
pick_credentials(const struct mc_config *config, struct mc_acct *acct)
{
	enum rank best = RANKS;

	for (size_t i = 0; i < MC_NELEM(credentials); i++) {
		enum rank rank = rank_of(config, acct, credentials[i]);

		if (rank < best && !is_none(acct, credentials[i]))
			best = rank;
	}
	for (size_t i = 0; i < MC_NELEM(credentials); i++) {
		if (rank_of(config, acct, credentials[i]) != best &&
		    !is_none(acct, credentials[i]))
			acct->won[credentials[i]] = NULL;
	}
}

/*
 * A command for a proxy's password goes with a proxy that is named where it
 * is, or in a weaker place: it is not for the proxy that somebody else chose.
 */
static void
pick_proxy_password(const struct mc_config *config, struct mc_acct *acct)
{
	enum rank command = rank_of(config, acct, MC_K_proxy_password_command);
	enum rank proxy = rank_of(config, acct, MC_K_proxy);
	const struct mc_setting *by = acct->won[MC_K_proxy];

	if (command > proxy || (is_of_system(config, acct, command) &&
	    by != NULL && config->user != NULL &&
	    by->file == config->user->path))
		acct->won[MC_K_proxy_password_command] = NULL;
}

/* ------------------------------------------------- settings into the struct */

static void
fill_text(const char **ret, const struct mc_acct *acct, enum mc_key_id key)
{
	const char *text = acct->own[key];

	if (text == NULL && acct->won[key] != NULL)
		text = acct->won[key]->text;
	*ret = text != NULL && *text != '\0' ? text : NULL;
}

static void
fill_secret(struct mc_secret **ret, const struct mc_acct *acct,
    enum mc_key_id key)
{
	*ret = acct->won[key] != NULL ? acct->won[key]->secret : NULL;
}

static void
fill_num(uint64_t *ret, const struct mc_acct *acct, enum mc_key_id key)
{
	*ret = acct->won[key] != NULL ? acct->won[key]->num : 0;
}

static void
fill_bool(bool *ret, const struct mc_acct *acct, enum mc_key_id key)
{
	*ret = acct->won[key] != NULL && acct->won[key]->num != 0;
}

static void
fill_word(int *ret, const struct mc_acct *acct, enum mc_key_id key)
{
	*ret = acct->won[key] != NULL ? (int)acct->won[key]->num : 0;
}

#define FILL_TEXT fill_text
#define FILL_LIST fill_text
#define FILL_HOST fill_text
#define FILL_PATH fill_text
#define FILL_CMD fill_text
#define FILL_SECRET fill_secret
#define FILL_UINT fill_num
#define FILL_SECS fill_num
#define FILL_BYTES fill_num
#define FILL_BOOL fill_bool
#define FILL_ENUM fill_word

static void
fill(struct mc_acct *acct)
{
#define MC_KEY(id, name, type, def, flags, arg, help) \
	FILL_##type(&acct->a.id, acct, MC_K_##id);
#include "config/keys.def"
#undef MC_KEY
}

static bool
is_path_key(enum mc_key_id key)
{
	return mc_key_row(key).type == MC_TYPE_PATH || key == MC_K_host ||
	    key == MC_K_log || key == MC_K_dkim_key;
}

static bool
starts(struct mc_str path, struct mc_str with)
{
	return path.len >= with.len &&
	    memcmp(path.ptr, with.ptr, with.len) == 0;
}

/* what stands for a directory at the start of a path, or NULL, and what for */
static const char *
beginning(const struct mc_config *config, struct mc_str path,
    const char **ret_dir)
{
	if (starts(path, MC_STR("~/"))) {
		*ret_dir = config->home;
		return "~/";
	}
	/* where there is none, only what uses the file cannot work */
	if (config->credentials == NULL ||
	    !starts(path, MC_STR(MC_CREDENTIALS)))
		return NULL;
	*ret_dir = config->credentials;
	return MC_CREDENTIALS;
}

/* 1 if it has a variable part, 0, or -1 if there is nothing to put there */
static int
add_path(const struct mc_config *config, struct mc_str path,
    struct mc_buf *out)
{
	const char *dir = NULL, *from = beginning(config, path, &dir);

	if (from != NULL && dir == NULL)
		return -1;
	if (from != NULL) {
		mc_buf_addz(out, dir);
		path = mc_str_sub(path, strlen(from) - 1, SIZE_MAX);
	}
	mc_buf_add_str(out, path);
	return from != NULL;
}

/* the same for all paths of a value */
static int
add_paths(const struct mc_config *config, enum mc_key_id key,
    struct mc_str text, struct mc_buf *out)
{
	struct mc_str file;
	int rc, any = 0;

	if (key != MC_K_dkim_key)
		return add_path(config, text, out);
	while (mc_dkim_next_file(&text, &file)) {
		if (out->len != 0)
			mc_buf_addz(out, ", ");
		rc = add_path(config, file, out);
		if (rc < 0)
			return -1;
		any |= rc;
	}
	return any;
}

/* the variable parts of paths; *ret_at says whose value is bad */
static int
expand_paths(const struct mc_config *config, struct mc_acct *acct,
    const struct mc_setting **ret_at, struct mc_err *err)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		enum mc_key_id key = (enum mc_key_id)i;
		const struct mc_setting *s = acct->won[key];
		struct mc_buf path;
		int rc;

		if (!is_path_key(key) || s == NULL ||
		    (strstr(s->text, "~/") == NULL &&
		    strstr(s->text, MC_CREDENTIALS) == NULL))
			continue;
		*ret_at = s;
		mc_buf_init(&path, (MC_MAX_DKIM + 1) * MC_MAX_CONFIG_LINE);
		rc = add_paths(config, key, mc_str_from(s->text), &path);
		if (rc == 0 && path.err == 0) {
			mc_buf_clear(&path);
			continue;
		}
		if (rc < 0) {
			mc_buf_clear(&path);
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "%s: there is no home directory"
			    " for ~/: write the whole path",
			    mc_key_row(key).name);
		}
		acct->own[key] = mc_buf_take(&path);
		mc_buf_clear(&path);
		if (acct->own[key] == NULL)
			return mc_conf_nomem(err);
	}
	return 0;
}

static bool
is_loopback(const char *host)
{
	struct in_addr four;
	struct in6_addr six;

	if (mc_str_eq_nocase(mc_str_from(host), MC_STR("localhost")))
		return true;
	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &six) == 1 &&
	    memcmp(&six, &in6addr_loopback, sizeof(six)) == 0;
}

static bool
is_of_env(const struct mc_config *config, const struct mc_acct *acct,
    enum mc_key_id key)
{
	return acct->won[key] != NULL &&
	    acct->won[key] == config->env.layer.v[key];
}

static bool
is_given(const struct mc_config *config, const struct mc_acct *acct,
    enum mc_key_id key)
{
	return acct->won[key] != NULL &&
	    acct->won[key] != config->defaults.v[key];
}

/* tls and port give each other their defaults (RFC 8314 3.3) */
static void
derive(const struct mc_config *config, struct mc_acct *acct)
{
	struct mc_account *a = &acct->a;
	uint64_t port = a->port;

	a->is_socket = a->host != NULL && a->host[0] == '/';
	a->is_service = acct->by_service;
	a->is_default = acct->is_default;
	a->no_host = config->service_note;
	a->explicit_tls = is_given(config, acct, MC_K_tls);
	a->tls_mode = (enum mc_tls_mode)a->tls;
	if (!a->explicit_tls && a->is_socket)
		a->tls_mode = MC_TLS_OFF;
	else if (!a->explicit_tls && (port == 587 || port == 25))
		a->tls_mode = MC_TLS_STARTTLS;
	if (port == 0)
		port = a->tls_mode == MC_TLS_ON ? 465 :
		    a->tls_mode == MC_TLS_STARTTLS ? 587 : 25;
	(void)snprintf(a->port_text, sizeof(a->port_text), "%u",
	    (unsigned)(port & 0xffff));
	a->env_password_file = is_of_env(config, acct, MC_K_password_file);
	a->env_token_file = is_of_env(config, acct, MC_K_token_file);
	a->env_client_secret_file = is_of_env(config, acct,
	    MC_K_oauth_client_secret_file);
	/* the text was checked when it was set */
	if (a->rate == NULL || mc_rate_parse(mc_str_from(a->rate),
	    &a->rate_messages, &a->rate_seconds) != 0)
		a->rate_messages = a->rate_seconds = 0;
}

/* `key` was left to its default, which does not go with what was given for
 * the other one: it becomes the same, and is shown so */
static int
follow(struct mc_acct *acct, enum mc_key_id key, enum mc_key_id other,
    struct mc_err *err)
{
	acct->own[key] = mc_mem_strdup(acct->won[other]->text);
	if (acct->own[key] == NULL)
		return mc_conf_nomem(err);
	return 0;
}

/* retry-max is not below retry-min; *ret_at: the one that was given last */
static int
order_retries(const struct mc_config *config, struct mc_acct *acct,
    const struct mc_setting **ret_at, struct mc_err *err)
{
	struct mc_account *a = &acct->a;
	enum mc_key_id last = MC_K_retry_max;

	if (a->retry_max >= a->retry_min)
		return 0;
	if (!is_given(config, acct, MC_K_retry_max)) {
		a->retry_max = a->retry_min;
		return follow(acct, MC_K_retry_max, MC_K_retry_min, err);
	}
	if (!is_given(config, acct, MC_K_retry_min)) {
		a->retry_min = a->retry_max;
		return follow(acct, MC_K_retry_min, MC_K_retry_max, err);
	}
	if (rank_of(config, acct, MC_K_retry_min) <
	    rank_of(config, acct, MC_K_retry_max))
		last = MC_K_retry_min;
	*ret_at = acct->won[last];
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "%s: retry-max (%" PRIu64 " s) must not be below retry-min (%"
	    PRIu64 " s)", mc_key_row(last).name, a->retry_max, a->retry_min);
}

/* ------------------------------------------------------------------ checks */

static int
wrong(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* nothing in the clear: not to another machine, and no log-in at all */
static int
check_tls_off(const struct mc_acct *acct, const struct mc_setting **ret_at,
    struct mc_err *err)
{
	const struct mc_account *a = &acct->a;
	bool may_log_in = a->auth == NULL || strcmp(a->auth, "off") != 0;
	bool must_log_in = may_log_in && a->auth != NULL &&
	    strcmp(a->auth, "auto") != 0;

	if (!a->is_socket && !is_loopback(a->host)) {
		*ret_at = acct->won[MC_K_tls];
		return wrong(err, "tls: off is for localhost, addresses like"
		    " 127.0.0.1 or ::1, and sockets only");
	}
	if (must_log_in) {
		*ret_at = acct->won[MC_K_auth];
		return wrong(err, "auth: there is no log-in without TLS:"
		    " remove auth, or tls = off");
	}
	if (a->user != NULL && may_log_in) {
		*ret_at = acct->won[MC_K_user];
		return wrong(err, "user: there is no log-in without TLS:"
		    " remove user (or write auth = off), or use TLS");
	}
	return 0;
}

static int
check_dkim(const struct mc_acct *acct, const struct mc_setting **ret_at,
    struct mc_err *err)
{
	enum mc_key_id key = MC_K_dkim_domain;

	if (mc_dkim_check(&acct->a, acct->won[MC_K_dkim_domain] != NULL, &key,
	    err) == 0)
		return 0;
	*ret_at = acct->won[key];
	return -1;
}

static int
check(const struct mc_acct *acct, const struct mc_setting **ret_at,
    struct mc_err *err)
{
	const struct mc_account *a = &acct->a;

	if (check_dkim(acct, ret_at, err) != 0)
		return -1;
	if (a->tls_key != NULL && a->tls_cert == NULL) {
		*ret_at = acct->won[MC_K_tls_key];
		return wrong(err, "tls-key: needs the certificate, tls-cert");
	}
	if (a->password_fd == 1 || a->password_fd == 2) {
		*ret_at = acct->won[MC_K_password_fd];
		return wrong(err, "password-fd: must be 3 or more: 1 and 2"
		    " are for output");
	}
	if (a->host == NULL)
		return 0;
	if (a->proxy != NULL && a->is_socket) {
		*ret_at = acct->won[MC_K_proxy];
		return wrong(err, "proxy: there is none in front of a socket:"
		    " write \"proxy =\" for this account");
	}
	if (mc_proxy_check(a, err) != 0) {
		*ret_at = acct->won[MC_K_proxy_password_command];
		return -1;
	}
	if (a->proxy != NULL && a->tls_mode == MC_TLS_OFF) {
		*ret_at = acct->won[MC_K_proxy];
		return wrong(err, "proxy: not without TLS: remove proxy, or"
		    " tls = off");
	}
	if (a->tls_verify == MC_VERIFY_DANE &&
	    (a->proxy != NULL || a->transport == MC_TRANSPORT_CURL)) {
		*ret_at = acct->won[MC_K_tls_verify];
		return wrong(err, "tls-verify: dane is not there with proxy or"
		    " transport = curl");
	}
	if (a->protocol == MC_PROTOCOL_LMTP &&
	    (a->proxy != NULL || a->transport == MC_TRANSPORT_CURL)) {
		*ret_at = acct->won[MC_K_protocol];
		return wrong(err, "protocol: lmtp is not there with proxy or"
		    " transport = curl");
	}
	/* RFC 2033 section 5: there is no usual port, and 25 is not for it */
	if (a->protocol == MC_PROTOCOL_LMTP && !a->is_socket &&
	    (a->port == 0 || a->port == 25)) {
		*ret_at = acct->won[MC_K_protocol];
		return wrong(err, "protocol: lmtp needs a port, which is not "
		    "25; 24 is a usual one");
	}
	if (a->tls_mode == MC_TLS_OFF)
		return check_tls_off(acct, ret_at, err);
	if (a->is_socket && a->tls_host == NULL && a->tls_pin == NULL &&
	    a->tls_verify != MC_VERIFY_NO) {
		*ret_at = acct->won[MC_K_tls];
		return wrong(err, "tls: over a socket the name in the"
		    " certificate is needed: tls-host");
	}
	return 0;
}

/* -------------------------------------------------------------- resolving */

/*
 * `from` chooses accounts only where it belongs to one of them: what holds
 * for all of them tells none apart.
 */
static const char *
match_of(const struct mc_config *config, const struct mc_acct *acct)
{
	const struct mc_setting *env = config->env.layer.v[MC_K_from];

	if (acct->is_default && env != NULL)
		return env->text;
	if (acct->section != NULL && acct->section->layer.v[MC_K_from] != NULL)
		return acct->section->layer.v[MC_K_from]->text;
	return NULL;
}

/* 0, or -1 to stop */
static int
resolve(const struct mc_config *config, struct mc_acct *acct,
    struct mc_problems *problems)
{
	const struct mc_setting *at = NULL;
	struct mc_err e = { .code = MC_OK };

	for (size_t i = 0; i < MC_K__COUNT; i++)
		acct->won[i] = pick(config, acct, (enum mc_key_id)i);
	pick_credentials(config, acct);
	pick_proxy_password(config, acct);
	acct->match = match_of(config, acct);
	if (expand_paths(config, acct, &at, &e) == 0) {
		fill(acct);
		derive(config, acct);
		if (order_retries(config, acct, &at, &e) == 0 &&
		    check(acct, &at, &e) == 0)
			return 0;
	}

	struct mc_place place = {
		.file = at != NULL && at->file != NULL ? at->file : "",
		.line = at != NULL ? at->line : 0,
	};

	if (e.code != MC_E_NOMEM) {
		mc_err_ctx(&e, "account %s", acct->a.name);
		mc_err_ctx(&e, "%s", at != NULL ? at->origin : "?");
	}
	return mc_problems_add(problems, &place, &e);
}

static bool
is_shadowed(const struct mc_config *config, size_t file, const char *name)
{
	for (size_t i = 0; i < file; i++) {
		if (mc_conf_file_section(&config->files[i], name) != NULL)
			return true;
	}
	return false;
}

/* one for each section; a section of the user's file replaces the system's */
static size_t
list(const struct mc_config *config, struct mc_acct *accts)
{
	size_t n = 0;

	for (size_t f = 0; f < config->n_files; f++) {
		const struct mc_conf_file *cf = &config->files[f];

		for (size_t i = 0; i < cf->sections.n; i++) {
			const struct mc_section *s = mc_vec_at(&cf->sections,
			    i);

			if (is_shadowed(config, f, s->name))
				continue;
			accts[n].a.name = s->name;
			accts[n].section = s;
			accts[n].file = cf;
			n++;
		}
	}
	if (n == 0)
		accts[n++].a.name = "default";
	return n;
}

static size_t
default_of(const struct mc_config *config, const struct mc_acct *accts,
    size_t n)
{
	const char *wanted = config->env.account;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(accts[i].a.name,
		    wanted != NULL ? wanted : "default") == 0)
			return i;
	}
	return wanted == NULL && n == 1 ? 0 : n;
}

/* a variable that applies to no account at all must not be passed over */
static int
check_stray(const struct mc_config *config, struct mc_problems *problems)
{
	for (size_t i = 0; i < MC_NELEM(of_one_account); i++) {
		const struct mc_setting *s =
		    config->env.layer.v[of_one_account[i]];
		struct mc_place at;

		if (s == NULL)
			continue;
		at = (struct mc_place){ .file = s->file };
		return mc_problems_addf(problems, &at, MC_E_CONF_VALUE,
		    "%s is for the default account, but there is none: name"
		    " one in MAILCHUTE_ACCOUNT", strchr(s->origin, ' ') + 1);
	}
	return 0;
}

/* the default account as it is when the service's socket is there */
static int
make_waiting(const struct mc_config *config, const struct mc_acct *like,
    struct mc_acct **ret_acct, struct mc_problems *problems)
{
	struct mc_place nowhere = { .file = "" };
	struct mc_acct *acct = mc_mem_zalloc(1, sizeof(*acct));

	if (acct == NULL)
		return mc_problems_addf(problems, &nowhere, MC_E_NOMEM, NULL);
	acct->a.name = like->a.name;
	acct->is_default = acct->by_service = true;
	*ret_acct = acct;
	return resolve(config, acct, problems);
}

int
mc_accounts_make(struct mc_config *config, struct mc_problems *problems)
{
	struct mc_place nowhere = { .file = "" };
	struct mc_acct *accts, *waiting = NULL;
	size_t n = 1;
	size_t def;
	int rc = 0;

	for (size_t f = 0; f < config->n_files; f++)
		n += config->files[f].sections.n;
	accts = mc_mem_zalloc(n, sizeof(*accts));
	if (accts == NULL)
		return mc_problems_addf(problems, &nowhere, MC_E_NOMEM, NULL);
	n = list(config, accts);
	def = default_of(config, accts, n);
	if (def < n) {
		accts[def].is_default = true;
		accts[def].by_service =
		    config->service_state == MC_HANDOVER_USED;
	} else {
		rc = check_stray(config, problems);
	}
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = resolve(config, &accts[i], problems);
	if (rc == 0 && def < n && config->service_state == MC_HANDOVER_GONE)
		rc = make_waiting(config, &accts[def], &waiting, problems);
	if (rc != 0) {
		mc_accounts_free(waiting, waiting != NULL);
		mc_accounts_free(accts, n);
		return -1;
	}
	mc_accounts_free(config->waiting, config->waiting != NULL);
	config->waiting = waiting;
	mc_accounts_free(config->accts, config->n_accts);
	config->accts = accts;
	config->n_accts = n;
	config->def = def;
	return 0;
}

void
mc_accounts_free(struct mc_acct *accts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < MC_K__COUNT; k++)
			mc_mem_free(accts[i].own[k]);
	}
	mc_mem_free(accts);
}
