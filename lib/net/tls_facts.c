/* SPDX-License-Identifier: MIT */
/*
 * What a handshake has shown of the server, for whoever asks.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/b64.h"

/* a certificate may have thousands */
#define MOST_NAMES 100
#define MOST_CHAIN 10

static void
tell_name(const struct mc_facts *facts, const char *what,
    const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	if (bio != NULL && name != NULL && X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		long len = BIO_get_mem_data(bio, &text);
		mc_fact(facts, MC_STAGE_TLS, what, mc_str_make(text,
		    len > 0 ? (size_t)len : 0));
	}
	BIO_free(bio);
}

static void
tell_time(const struct mc_facts *facts, const char *what, const ASN1_TIME *t)
{
	int days, seconds;
	ASN1_TIME *zero = ASN1_TIME_set(NULL, 0);
	if (zero != NULL && t != NULL &&
	    ASN1_TIME_diff(&days, &seconds, zero, t) == 1)
		mc_fact_number(facts, MC_STAGE_TLS, what,
		    (int64_t)days * 86400 + seconds);
	ASN1_TIME_free(zero);
}

static void
tell_hosts(const struct mc_facts *facts, X509 *cert)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);
	int total = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	for (int i = 0; i < total && i < MOST_NAMES; i++) {
		struct mc_buf one;
		mc_buf_init(&one, MC_ERR_TEXT);
		if (mc_tls_add_name(&one, sk_GENERAL_NAME_value(names, i)) &&
		    mc_buf_err(&one, "name", NULL) == 0)
			mc_fact(facts, MC_STAGE_TLS, "name",
			    mc_buf_str(&one));
		mc_buf_clear(&one);
	}
	GENERAL_NAMES_free(names);
}

static void
tell_pin(const struct mc_facts *facts, X509 *cert)
{
	unsigned char digest[MC_PIN_LEN];
	struct mc_buf pin;
	mc_buf_init(&pin, MC_ERR_TEXT);
	mc_buf_addz(&pin, "sha256//");
	if (mc_tls_spki_digest(cert, digest) == 0) {
		mc_b64_encode(mc_str_make((const char *)digest,
		    sizeof(digest)), &pin);
		if (mc_buf_err(&pin, "pin", NULL) == 0)
			mc_fact(facts, MC_STAGE_TLS, "pin",
			    mc_buf_str(&pin));
	}
	mc_buf_clear(&pin);
}

static void
tell_leaf(const struct mc_facts *facts, X509 *leaf)
{
	tell_name(facts, "subject", X509_get_subject_name(leaf));
	tell_name(facts, "issuer", X509_get_issuer_name(leaf));
	tell_hosts(facts, leaf);
	tell_time(facts, "not-before", X509_get0_notBefore(leaf));
	tell_time(facts, "not-after", X509_get0_notAfter(leaf));
	tell_pin(facts, leaf);
}

/* the first check that failed, and of which certificate */
static void
tell_verdict(const struct mc_tls_conn *conn, X509 *leaf)
{
	const struct mc_facts *facts = conn->tls->facts;
	X509 *at = conn->culprit;
	if (conn->tls->no_trust)
		mc_fact(facts, MC_STAGE_TLS, "trust", MC_STR("none"));
	if (conn->verify_error == X509_V_OK)
		return;
	mc_fact(facts, MC_STAGE_TLS, "verify", mc_str_from(
	    X509_verify_cert_error_string(conn->verify_error)));
	if (at == NULL || X509_cmp(at, leaf) == 0)
		return;
	tell_name(facts, "culprit", X509_get_subject_name(at));
	tell_name(facts, "culprit-issuer", X509_get_issuer_name(at));
	tell_time(facts, "culprit-not-before", X509_get0_notBefore(at));
	tell_time(facts, "culprit-not-after", X509_get0_notAfter(at));
}

/* what the server has sent beside its own */
static void
tell_chain(const struct mc_tls_conn *conn)
{
	STACK_OF(X509) *sent = SSL_get_peer_cert_chain(conn->ssl);
	int n = sent == NULL ? 0 : sk_X509_num(sent);
	for (int i = 1; i < n && i < MOST_CHAIN; i++)
		tell_name(conn->tls->facts, "chain",
		    X509_get_subject_name(sk_X509_value(sent, i)));
}

/* where the handshake ended before there was a certificate, the error that
 * comes back says all that is known */
void
mc_tls_tell(const struct mc_tls_conn *conn)
{
	const struct mc_facts *facts = conn->tls->facts;
	X509 *leaf = conn->leaf != NULL ? conn->leaf :
	    SSL_get0_peer_certificate(conn->ssl);
	if (leaf == NULL)
		return;
	int marked = ERR_set_mark();
	mc_fact(facts, MC_STAGE_TLS, "version",
	    mc_str_from(SSL_get_version(conn->ssl)));
	mc_fact(facts, MC_STAGE_TLS, "cipher",
	    mc_str_from(SSL_get_cipher_name(conn->ssl)));
	tell_leaf(facts, leaf);
	tell_chain(conn);
	tell_verdict(conn, leaf);
	if (marked == 1)
		(void)ERR_pop_to_mark();
	else
		ERR_clear_error();
}
