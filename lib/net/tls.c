/* SPDX-License-Identifier: MIT */
/*
 * The TLS context of an account: one policy, its trust, its certificate.
 */
#include "base/base.h"

#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/limits.h"
#include "base/mem.h"
#include "net/connect.h"
#include "net/tls_internal.h"

/* what a system-wide openssl.cnf may have turned on and we never want */
#define OPTIONS_OFF (SSL_OP_IGNORE_UNEXPECTED_EOF | \
    SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION)

#define OPTIONS_ON (SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | \
    SSL_OP_NO_TICKET | OPTIONS_NEW)

/* RFC 8879: the rule is that nothing is ever decompressed */
#if defined(SSL_OP_NO_RX_CERTIFICATE_COMPRESSION) && \
    defined(SSL_OP_NO_TX_CERTIFICATE_COMPRESSION)
#define OPTIONS_NEW (SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | \
    SSL_OP_NO_TX_CERTIFICATE_COMPRESSION)
#else
#define OPTIONS_NEW 0
#endif

#define SECURITY_LEVEL 2

static int
setup_failed(const char *what, struct mc_err *err)
{
	char buf[256];
	return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
	    "cannot set up TLS: %s (%s)", what,
	    mc_tls_reason(buf, sizeof(buf)));
}

/* the system's policy (openssl.cnf) may be stricter than ours, never laxer */
int
mc_tls_set_policy(SSL_CTX *ctx, struct mc_err *err)
{
	long min = SSL_CTX_get_min_proto_version(ctx);
	if (min < TLS1_2_VERSION &&
	    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return setup_failed("TLS 1.2", err);
	if (SSL_CTX_get_security_level(ctx) < SECURITY_LEVEL)
		SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
	SSL_CTX_clear_options(ctx, OPTIONS_OFF);
	SSL_CTX_set_options(ctx, OPTIONS_ON);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* one recv(2) a record instead of two */
	SSL_CTX_set_read_ahead(ctx, 1);
	return 0;
}

/* what a server's certificate is good for */
static int
set_purpose(SSL_CTX *ctx, struct mc_err *err)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	if (X509_VERIFY_PARAM_set_purpose(param,
	    X509_PURPOSE_SSL_SERVER) != 1)
		return setup_failed("purpose", err);
	/* RFC 9525: wildcards are a whole label, and no common name */
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return 0;
}

/*
 * OpenSSL takes an empty name for "check nothing" and one with a leading dot
 * for "any host below", so that neither may get through.
 */
static int
set_host(struct mc_tls *tls, const char *host, struct mc_err *err)
{
	struct mc_str s = mc_str_from(host);
	tls->literal = mc_net_is_literal(host);
	if (tls->literal) {
		if (s.ptr[0] == '[')
			s = mc_str_sub(s, 1, s.len - 2);
		s = mc_str_sub(s, 0, mc_str_chr(s, '%'));
	} else if (s.len == 0 || s.len > MC_MAX_DOMAIN || s.ptr[0] == '.' ||
	    !mc_str_is_ascii(s) || mc_str_has_ctl(s) ||
	    mc_str_chr(s, ' ') != s.len)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "\"%s\" cannot be checked against a certificate: it is "
		    "no host name", host);
	tls->host = mc_mem_strndup(s.ptr, s.len);
	if (tls->host == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
	return 0;
}

static int
set_identity(struct mc_tls *tls, const struct mc_tls_settings *settings,
    struct mc_err *err)
{
	if (settings->host != NULL && set_host(tls, settings->host, err) == -1)
		return -1;
	if (settings->pins != NULL)
		return mc_tls_parse_pins(settings->pins, &tls->pins, err);
	if (settings->verify && settings->host == NULL)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "no name to check the server's certificate against: set "
		    "tls-host or tls-pin");
	return 0;
}

int
mc_tls_new(const struct mc_tls_settings *settings, struct mc_tls **ret_tls,
    struct mc_err *err)
{
	struct mc_tls *tls = mc_mem_zalloc(1, sizeof(*tls));
	if (tls == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
	int ret = -1;
	tls->verify = settings->verify;
	tls->facts = settings->facts;
	mc_vec_init(&tls->pins, MC_PIN_LEN, MC_MAX_PINS);
	if (set_identity(tls, settings, err) == -1)
		goto out;
	ERR_clear_error();
	tls->ctx = SSL_CTX_new(TLS_client_method());
	tls->bio = mc_tls_bio_method();
	if (tls->ctx == NULL || tls->bio == NULL) {
		setup_failed("OpenSSL does not start", err);
		goto out;
	}
	if (mc_tls_set_policy(tls->ctx, err) == -1 ||
	    set_purpose(tls->ctx, err) == -1)
		goto out;
	if (settings->dane != NULL &&
	    mc_tls_set_dane(tls, settings->dane, err) == -1)
		goto out;
	mc_tls_set_callbacks(tls);
	if (tls->verify && tls->pins.n == 0 && tls->dane == NULL &&
	    mc_tls_load_trust(tls, settings, err) == -1)
		goto out;
	if (settings->cert != NULL) {
		struct mc_tls_pair pair = { "tls-cert", settings->cert,
		    "tls-key", settings->key };
		if (mc_tls_load_cert(tls->ctx, &pair, err) == -1)
			goto out;
		tls->has_cert = true;
	}
	*ret_tls = tls;
	tls = NULL;
	ret = 0;
out:
	mc_tls_free(tls);
	return ret;
}

void
mc_tls_free(struct mc_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->bio);
	X509_LOOKUP_meth_free(tls->late);
	mc_mem_free(tls->late_file);
	mc_vec_clear(&tls->pins);
	mc_mem_free(tls->host);
	mc_mem_free(tls);
}
