/* SPDX-License-Identifier: MIT */
/*
 * curl_secure.c - what libcurl is told of TLS and of the log-in
 */
#include "base/base.h"
#include "transport/curl_internal.h"

#include "base/env.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"

#include <errno.h>

static int
check_file(const char *key, const char *file, struct mc_err *err)
{
	if (file == NULL || access(file, R_OK) == 0)
		return 0;
	return mc_err_sys(err, MC_E_TLS_SETUP, MC_STAGE_TLS, errno, "%s %s",
	    key, file);
}

/* the file with the private key: ours or root's, and closed to others */
static int
check_key(const char *key, const char *file, struct mc_err *err)
{
	struct mc_err why = { 0 };
	struct mc_buf text;
	mode_t mode;
	uid_t owner;
	int rc;

	mc_buf_init_secret(&text, MC_MAX_CONFIG);
	rc = mc_file_slurp(file, &text, &mode, &owner, &why);
	mc_buf_clear(&text);
	if (rc != 0)
		return mc_err_set(err, why.code == MC_E_NOMEM ? MC_E_NOMEM :
		    MC_E_TLS_SETUP, MC_STAGE_TLS, "%s: %s", key, why.text);
	if ((mode & 077) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_TLS,
		    "%s %s holds a private key and is open to others (mode "
		    "%04o): chmod 600 it", key, file, (unsigned)mode & 07777);
	if (owner != geteuid() && owner != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_TLS,
		    "%s %s holds a private key and belongs to another user",
		    key, file);
	return 0;
}

static int
set_trust(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	const char *late = mc_env_get(t->env->caller->envp, "SSL_CERT_FILE");
	const char *dir = mc_env_get(t->env->caller->envp, "SSL_CERT_DIR");

	if (a->tls_ca_file == NULL && a->tls_ca_dir == NULL) {
		/* in place of those that libcurl was built with */
		if (late != NULL && access(late, R_OK) == 0)
			mc_curl_set_text(t, CURLOPT_CAINFO, late);
		if (dir != NULL)
			mc_curl_set_text(t, CURLOPT_CAPATH, dir);
		mc_curl_set_long(t, CURLOPT_SSL_OPTIONS,
		    CURLSSLOPT_NO_PARTIALCHAIN);
		return 0;
	}
	if (check_file("tls-ca-file", a->tls_ca_file, err) != 0 ||
	    check_file("tls-ca-dir", a->tls_ca_dir, err) != 0)
		return -1;
	/* NULL takes away what libcurl was built with */
	mc_curl_set_text(t, CURLOPT_CAINFO, a->tls_ca_file);
	mc_curl_set_text(t, CURLOPT_CAPATH, a->tls_ca_dir);
	return 0;
}

static int
set_pins(struct mc_transport *t, struct mc_err *err)
{
	struct mc_str rest = mc_str_from(t->env->account->tls_pin), word;
	struct mc_buf list;

	mc_buf_init(&list, 2 * MC_MAX_CONFIG_LINE);
	while (mc_str_next_token(&rest, " \t,;", &word)) {
		if (list.len != 0)
			mc_buf_addc(&list, ';');
		mc_buf_add_str(&list, word);
	}
	return mc_curl_set_buf(t, CURLOPT_PINNEDPUBLICKEY, &list, err);
}

int
mc_curl_set_tls(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	bool chain = a->tls_verify != MC_VERIFY_NO && a->tls_pin == NULL;

	if (a->tls_mode == MC_TLS_OFF) {
		mc_curl_set_long(t, CURLOPT_USE_SSL, CURLUSESSL_NONE);
		return 0;
	}
	mc_curl_set_long(t, CURLOPT_USE_SSL, CURLUSESSL_ALL);
	mc_curl_set_long(t, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	mc_curl_set_text(t, CURLOPT_SSL_CIPHER_LIST, "DEFAULT:@SECLEVEL=2");
	mc_curl_set_long(t, CURLOPT_SSL_SESSIONID_CACHE, 0);
	mc_curl_set_long(t, CURLOPT_SSL_VERIFYPEER, chain ? 1 : 0);
	mc_curl_set_long(t, CURLOPT_SSL_VERIFYHOST, chain ? 2 : 0);
	if (a->tls_verify == MC_VERIFY_NO && a->tls_pin == NULL)
		mc_log_line(t->env->log, MC_LOG_WARN, MC_STAGE_TLS,
		    "account %s has tls-verify = no: anybody in between can "
		    "read and change the mail", a->name);
	if (chain && set_trust(t, err) != 0)
		return -1;
	if (a->tls_pin != NULL && set_pins(t, err) != 0)
		return -1;
	if (a->tls_cert != NULL) {
		if (check_file("tls-cert", a->tls_cert, err) != 0 ||
		    check_key(a->tls_key != NULL ? "tls-key" : "tls-cert",
		    a->tls_key != NULL ? a->tls_key : a->tls_cert, err) != 0)
			return -1;
		mc_curl_set_text(t, CURLOPT_SSLCERT, a->tls_cert);
		mc_curl_set_text(t, CURLOPT_SSLKEY, a->tls_key);
	}
	t->watch.channel.verified = a->tls_verify != MC_VERIFY_NO ||
	    a->tls_pin != NULL;
	t->watch.channel.unverified_ok = a->auth_unverified;
	t->watch.channel.client_cert = a->tls_cert != NULL;
	return 0;
}

/* ------------------------------------------------------------------- log-in */

/* what this libcurl knows of mechs.def */
static unsigned
known_mechs(void)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	unsigned mask = 1u << MC_MECH_EXTERNAL | 1u << MC_MECH_OAUTHBEARER |
	    1u << MC_MECH_XOAUTH2 | 1u << MC_MECH_DIGEST_MD5 |
	    1u << MC_MECH_CRAM_MD5 | 1u << MC_MECH_PLAIN |
	    1u << MC_MECH_LOGIN;

	if ((v->features & (CURL_VERSION_KERBEROS5 | CURL_VERSION_GSSAPI)) !=
	    0)
		mask |= 1u << MC_MECH_GSSAPI;
	if ((v->features & CURL_VERSION_NTLM) != 0)
		mask |= 1u << MC_MECH_NTLM;
	if ((v->features & CURL_VERSION_GSASL) != 0)
		mask |= 1u << MC_MECH_SCRAM_SHA_1 |
		    1u << MC_MECH_SCRAM_SHA_256;
	return mask;
}

static int
bad_login(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* libcurl puts them between separators as they are */
static int
check_login(const struct mc_transport *t, struct mc_err *err)
{
	struct mc_str user = mc_str_from(mc_login_user(t->env->account,
	    &t->login));
	struct mc_str s;

	if (mc_str_has_ctl(user) || !mc_str_is_utf8(user))
		return bad_login(err, "user is not printable UTF-8");
	if (t->login.password != NULL) {
		s = mc_secret_peek(t->login.password);
		if (s.len == 0 || mc_str_chr(s, '\0') != s.len)
			return bad_login(err, "the password is empty, or has "
			    "a NUL byte");
		if (!mc_str_is_utf8(s))
			return bad_login(err, "the password is not UTF-8");
	}
	if (t->login.token != NULL) {
		s = mc_secret_peek(t->login.token);
		for (size_t i = 0; i < s.len; i++)
			if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
				return bad_login(err, "the token has bytes "
				    "that no OAuth 2.0 access token has "
				    "(blanks, control or non-ASCII)");
	}
	return 0;
}

/* which mechanisms the account allows, libcurl knows and we have what for */
static int
allow_mechs(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	bool is_auto = a->auth == NULL || strcasecmp(a->auth, "auto") == 0;
	struct mc_mech_set *set = &t->watch.mechs;
	unsigned named, known = known_mechs();
	struct mc_str bad;

	set->allowed = mc_mechs_parse(is_auto ? NULL : a->auth, &named, &bad);
	if (bad.len != 0)
		return mc_mechs_unknown(bad, err);
	for (size_t i = 0; i < MC_N_MECHS; i++)
		if ((named & ~known & 1u << i) != 0 &&
		    (set->allowed & known) == 0)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "auth: libcurl %s does not know "
			    "%s, and no other mechanism is allowed: see "
			    "TRANSPORTS in mailchute.conf(5)",
			    curl_version_info(CURLVERSION_NOW)->version,
			    mc_mechs[i].name.ptr);
	set->allowed &= known;
	/* a certificate logs in by itself only where nothing else was given */
	if ((named & 1u << MC_MECH_EXTERNAL) == 0 &&
	    (t->login.password != NULL || t->login.token != NULL))
		set->allowed &= ~(1u << MC_MECH_EXTERNAL);
	set->have = MC_MN_HOST |
	    (mc_login_user(a, &t->login) != NULL ? MC_MN_USER : 0) |
	    (t->login.password != NULL ? MC_MN_PASSWORD : 0) |
	    (t->login.token != NULL ? MC_MN_TOKEN : 0);
	return 0;
}

static int
set_mechs(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_mech_set *set = &t->watch.mechs;
	unsigned have = set->have |
	    (t->env->account->tls_cert != NULL ? MC_MN_CERT : 0);
	struct mc_buf list;

	mc_buf_init(&list, 1024);
	for (size_t i = 0; i < MC_N_MECHS; i++)
		if ((set->allowed & 1u << i) != 0 &&
		    (mc_mechs[i].needs & ~have) == 0)
			mc_buf_addf(&list, "%sAUTH=%s", list.len != 0 ? ";" :
			    "", mc_mechs[i].name.ptr);
	/* nothing that could be used: the watch says so when it has seen what
	 * the server offers, and until then nothing else must be tried */
	if (list.len == 0)
		mc_buf_addz(&list, "AUTH=EXTERNAL");
	return mc_curl_set_buf(t, CURLOPT_LOGIN_OPTIONS, &list, err);
}

int
mc_curl_set_login(struct mc_transport *t, struct mc_err *err)
{
	/* NOLINTNEXTLINE(clang-analyzer-deadcode.DeadStores): without MC_NATIVE */
	const struct mc_account *a = t->env->account;
	const char *user;

#ifdef MC_NATIVE
	return mc_login_sasl(t->env, &t->login, err);
#endif
	t->watch.login = !t->env->no_login && mc_login_wanted(a);
	if (!t->watch.login)
		return 0;
	if (mc_login_secrets(t->env, &t->login, err) != 0)
		return -1;
	user = mc_login_user(a, &t->login);
	if (check_login(t, err) != 0 || allow_mechs(t, err) != 0 ||
	    set_mechs(t, err) != 0)
		return -1;
	mc_curl_set_long(t, CURLOPT_SASL_IR, 1);
	mc_curl_set_text(t, CURLOPT_USERNAME, user != NULL ? user : "");
	if (t->login.password != NULL)
		mc_curl_set_text(t, CURLOPT_PASSWORD,
		    mc_secret_peek(t->login.password).ptr);
	if (t->login.token != NULL)
		mc_curl_set_text(t, CURLOPT_XOAUTH2_BEARER,
		    mc_secret_peek(t->login.token).ptr);
	return 0;
}

/* no use once the log-in is over; what libcurl has copied of them for the
 * connection goes with the connection */
void
mc_curl_drop_secrets(struct mc_transport *t)
{
	(void)curl_easy_setopt(t->easy, CURLOPT_PASSWORD, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_XOAUTH2_BEARER, NULL);
	(void)curl_easy_setopt(t->easy, CURLOPT_PROXYPASSWORD, NULL);
}
