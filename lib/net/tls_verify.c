/* SPDX-License-Identifier: MIT */
/*
 * Is this the server that the user meant?  Checked inside the handshake, and
 * once more after it.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* what security level 2 asks of a key: 112 bits, RSA 2048 */
#define KEY_BITS 112

/* RFC 9266 section 2: this label, a context of no bytes, 32 bytes */
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"

static struct mc_tls_conn *
conn_of(X509_STORE_CTX *x)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x,
	    SSL_get_ex_data_X509_STORE_CTX_idx());
	return ssl == NULL ? NULL : SSL_get_app_data(ssl);
}

static void
keep(X509 **slot, X509 *cert)
{
	if (*slot != NULL || cert == NULL || X509_up_ref(cert) != 1)
		return;
	*slot = cert;
}

/* never changes OpenSSL's verdict, only notes it down for the error text */
static int
verify_step(int ok, X509_STORE_CTX *x)
{
	struct mc_tls_conn *conn = conn_of(x);
	if (conn == NULL)
		return 0;
	if (!ok && conn->verify_error == X509_V_OK) {
		conn->verify_error = X509_STORE_CTX_get_error(x);
		keep(&conn->leaf, X509_STORE_CTX_get0_cert(x));
		keep(&conn->culprit, X509_STORE_CTX_get_current_cert(x));
	}
	return ok;
}

/*
 * A pin stands for the chain: the user has said which key it is.  Expiry and
 * names do not matter then, but a key that can be forged still does.
 */
static int
verify_pin(X509_STORE_CTX *x, void *arg)
{
	const struct mc_tls *tls = arg;
	struct mc_tls_conn *conn = conn_of(x);
	X509 *leaf = X509_STORE_CTX_get0_cert(x);
	X509_STORE_CTX_set_error(x, X509_V_ERR_APPLICATION_VERIFICATION);
	if (conn == NULL || leaf == NULL)
		return 0;
	keep(&conn->leaf, leaf);
	unsigned char digest[MC_PIN_LEN];
	EVP_PKEY *key = X509_get0_pubkey(leaf);
	conn->weak = key == NULL || EVP_PKEY_get_security_bits(key) < KEY_BITS;
	if (mc_tls_spki_digest(leaf, digest) == -1 ||
	    !mc_tls_is_pinned(&tls->pins, digest) || conn->weak)
		return 0;
	conn->pinned = true;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

/* records and pins: both have to fit */
static int
verify_pin_and_dane(X509_STORE_CTX *x, void *arg)
{
	return verify_pin(x, arg) == 1 ? X509_verify_cert(x) : 0;
}

/* no verification by the user's word: do not even spend the time */
static int
verify_nothing(X509_STORE_CTX *x, void *arg)
{
	(void)arg;
	X509_STORE_CTX_set_error(x, X509_V_OK);
	return 1;
}

/* called when, and only when, the server asks for a certificate */
static int
cert_wanted(SSL *ssl, void *arg)
{
	struct mc_tls_conn *conn = SSL_get_app_data(ssl);
	(void)arg;
	if (conn != NULL)
		conn->asked = true;
	return 1;
}

void
mc_tls_set_callbacks(struct mc_tls *tls)
{
	if (tls->pins.n > 0 && tls->dane != NULL) {
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, verify_step);
		SSL_CTX_set_cert_verify_callback(tls->ctx,
		    verify_pin_and_dane, tls);
	} else if (tls->pins.n > 0) {
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_cert_verify_callback(tls->ctx, verify_pin, tls);
	} else if (tls->verify || tls->dane != NULL)
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_PEER, verify_step);
	else {
		SSL_CTX_set_verify(tls->ctx, SSL_VERIFY_NONE, NULL);
		SSL_CTX_set_cert_verify_callback(tls->ctx, verify_nothing,
		    NULL);
	}
	SSL_CTX_set_cert_cb(tls->ctx, cert_wanted, NULL);
}

/*
 * Name the records to OpenSSL.  RFC 7671 section 5.1: with DANE-EE(3) neither
 * name nor date matter.  Returns how many it can use, -1: no memory.
 */
static int
add_records(SSL *ssl, const struct mc_dane *dane)
{
	int usable = 0;
	if (SSL_dane_enable(ssl, dane->base) != 1)
		return -1;
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	for (size_t i = 0; i < dane->records.n; i++) {
		const struct mc_tlsa *r = mc_vec_at(&dane->records, i);
		int rc = SSL_dane_tlsa_add(ssl, r->usage, r->selector, r->type,
		    (const unsigned char *)dane->data.ptr + r->off, r->len);
		if (rc < 0)
			return -1;
		usable += rc;
	}
	/* a record that it cannot use leaves the reason behind */
	ERR_clear_error();
	return usable;
}

int
mc_tls_set_dane(struct mc_tls *tls, const struct mc_dane *dane,
    struct mc_err *err)
{
	int usable = -1;
	if (dane->records.n == 0)
		return 0;
	SSL *probe = NULL;
	if (SSL_CTX_dane_enable(tls->ctx) == 1 &&
	    (probe = SSL_new(tls->ctx)) != NULL)
		usable = add_records(probe, dane);
	SSL_free(probe);
	if (usable < 0) {
		char buf[256];
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "cannot set up DANE (%s)", mc_tls_reason(buf, sizeof(buf)));
	}
	tls->dane = usable > 0 ? dane : NULL;
	return 0;
}

/* RFC 7672 3.2.2 and 8.1: the name of the records is the one to ask for; a
 * certificate may also be for the one that the user has written */
static int
set_dane(SSL *ssl, const struct mc_tls *tls)
{
	if (add_records(ssl, tls->dane) <= 0)
		return 0;
	if (tls->host == NULL || tls->literal)
		return 1;
	return SSL_add1_host(ssl, tls->host);
}

static int
set_name(SSL *ssl, const struct mc_tls *tls)
{
	if (tls->dane != NULL)
		return set_dane(ssl, tls);
	if (tls->host == NULL)
		return 1;
	if (tls->literal)	/* RFC 6066 section 3: no SNI for literals */
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
		    tls->host);
	if (SSL_set1_host(ssl, tls->host) != 1)
		return 0;
	return SSL_set_tlsext_host_name(ssl, tls->host) == 1;
}

int
mc_tls_conn_init(struct mc_tls_conn *conn, const struct mc_tls *tls,
    struct mc_tls_io *io, struct mc_err *err)
{
	*conn = (struct mc_tls_conn){ .tls = tls };
	ERR_clear_error();
	BIO *bio = NULL;
	SSL *ssl = SSL_new(tls->ctx);
	if (ssl == NULL || (bio = BIO_new(tls->bio)) == NULL ||
	    SSL_set_app_data(ssl, conn) != 1 || set_name(ssl, tls) != 1) {
		char buf[256];
		mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "cannot set up a TLS connection (%s)",
		    mc_tls_reason(buf, sizeof(buf)));
		BIO_free(bio);
		SSL_free(ssl);
		return -1;
	}
	BIO_set_data(bio, io);
	SSL_set_bio(ssl, bio, bio);
	SSL_set_connect_state(ssl);
	conn->ssl = ssl;
	return 0;
}

void
mc_tls_conn_clear(struct mc_tls_conn *conn)
{
	SSL_free(conn->ssl);
	X509_free(conn->leaf);
	X509_free(conn->culprit);
	*conn = (struct mc_tls_conn){ .ssl = NULL };
}

/* did OpenSSL really compare the name, and not just had none to compare? */
static bool
name_checked(const struct mc_tls_conn *conn, X509 *cert)
{
	const struct mc_tls *tls = conn->tls;
	if (tls->host == NULL)
		return false;
	if (tls->literal)
		return X509_check_ip_asc(cert, tls->host, 0) == 1;
	return SSL_get0_peername(conn->ssl) != NULL;
}

/* a record matched, and for one of an authority the name did too */
static bool
dane_checked(const struct mc_tls_conn *conn)
{
	uint8_t usage = 0;
	if (SSL_get0_dane_authority(conn->ssl, NULL, NULL) < 0 ||
	    SSL_get0_dane_tlsa(conn->ssl, &usage, NULL, NULL, NULL, NULL) < 0)
		return false;
	return usage == MC_DANE_EE ||
	    (usage == MC_DANE_TA &&
	    SSL_get0_peername(conn->ssl) != NULL);
}

/* SECURITY: a result of "fine" is also what there is without a certificate */
static int
check_again(const struct mc_tls_conn *conn, struct mc_err *err)
{
	const struct mc_tls *tls = conn->tls;
	X509 *cert = SSL_get0_peer_certificate(conn->ssl);
	if (cert == NULL)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server has shown no certificate");
	bool good;
	if (tls->dane != NULL)
		good = dane_checked(conn) &&
		    (tls->pins.n == 0 || conn->pinned);
	else if (tls->pins.n > 0)
		good = conn->pinned;
	else if (tls->verify)
		good = name_checked(conn, cert);
	else
		return 0;
	if (!good || SSL_get_verify_result(conn->ssl) != X509_V_OK)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate has not been checked");
	return 0;
}

static void
say_how(const struct mc_tls_conn *conn, struct mc_tls_info *info)
{
	const struct mc_tls *tls = conn->tls;
	uint8_t usage = 0, selector = 0, type = 0;
	const char *how = !info->verified ? "NOT VERIFIED" :
	    tls->pins.n > 0 ? "verified by pin" :
	    "verified by authority and name";
	if (tls->dane == NULL) {
		snprintf(info->how, sizeof(info->how), "%s", how);
		return;
	}
	(void)SSL_get0_dane_tlsa(conn->ssl, &usage, &selector, &type, NULL,
	    NULL);
	snprintf(info->how, sizeof(info->how), "verified by DANE (TLSA %u %u "
	    "%u)%s", usage, selector, type,
	    tls->pins.n > 0 ? " and pin" : "");
}

/* RFC 9266 section 1: before TLS 1.3 only with extended master secret */
static bool
export_binding(SSL *ssl, unsigned char ret_key[MC_EXPORTER_LEN])
{
	static const unsigned char no_context[1];
	if (SSL_version(ssl) < TLS1_3_VERSION &&
	    SSL_get_extms_support(ssl) != 1)
		return false;
	return SSL_export_keying_material(ssl, ret_key, MC_EXPORTER_LEN,
	    EXPORTER_LABEL, sizeof(EXPORTER_LABEL) - 1, no_context, 0,
	    1) == 1;
}

int
mc_tls_conn_finish(struct mc_tls_conn *conn, struct mc_tls_info *ret_info,
    struct mc_err *err)
{
	SSL *ssl = conn->ssl;
	if (check_again(conn, err) == -1)
		return -1;
	struct mc_tls_info info = { .verified = false };
	info.verified = conn->tls->pins.n > 0 || conn->tls->verify ||
	    conn->tls->dane != NULL;
	say_how(conn, &info);
	/* ours was sent only if we could also sign with its key: a server may
	 * ask for algorithms that we do not have, and then gets nothing */
	int nid = NID_undef;
	info.client_cert = conn->asked && conn->tls->has_cert &&
	    SSL_get_signature_type_nid(ssl, &nid) == 1 && nid != NID_undef;
	info.has_exporter = export_binding(ssl, info.exporter);
	snprintf(info.version, sizeof(info.version), "%s",
	    SSL_get_version(ssl));
	snprintf(info.cipher, sizeof(info.cipher), "%s",
	    SSL_get_cipher_name(ssl));
	*ret_info = info;
	return 0;
}
