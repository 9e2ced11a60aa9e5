/* SPDX-License-Identifier: MIT */
/*
 * tls_serve_cert.c - the certificate that the local service shows
 */
#include "base/base.h"

#include "net/tls_serve_internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "base/file.h"
#include "base/limits.h"

#define DAY (24L * 3600)
#define DAYS (3650 + 2)		/* with leap days */

static int
setup_failed(const char *what, struct mc_err *err)
{
	char buf[256];

	return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
	    "cannot set up TLS for clients: %s (%s)", what,
	    mc_tls_reason(buf, sizeof(buf)));
}

SSL_CTX *
mc_tls_serve_ctx(const struct mc_tls_serve_files *files, struct mc_err *err)
{
	const struct mc_tls_pair pair = {
		"serve-tls-cert", files->cert, "serve-tls-key", files->key
	};
	SSL_CTX *ctx;

	ERR_clear_error();
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL) {
		(void)setup_failed("OpenSSL does not start", err);
		return NULL;
	}
	if (mc_tls_set_policy(ctx, err) == 0) {
		/* SMTP says by itself what is whole, and the replies to one
		 * who just ends his half shall still get there */
		SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
		/* resuming would save little, and early data can be played
		 * again by others */
		if (SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
		    SSL_CTX_set_max_early_data(ctx, 0) != 1 ||
		    SSL_CTX_set_recv_max_early_data(ctx, 0) != 1)
			(void)setup_failed("tickets", err);
		else if (mc_tls_load_cert(ctx, &pair, err) == 0)
			return ctx;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

int
mc_tls_serve_check(const struct mc_tls_serve_files *files, struct mc_err *err)
{
	SSL_CTX *ctx = mc_tls_serve_ctx(files, err);

	if (ctx == NULL)
		return -1;
	SSL_CTX_free(ctx);
	return 0;
}

/* ------------------------------------------------------------- self-signed */

static bool
add_extension(X509 *x, X509V3_CTX *v3, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, v3, nid, value);
	bool ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;

	X509_EXTENSION_free(ext);
	return ok;
}

static bool
set_serial(X509 *x)
{
	BIGNUM *n = BN_new();
	/* RFC 5280 4.1.2.2: positive, at most 20 bytes */
	bool ok = n != NULL && BN_rand(n, 127, BN_RAND_TOP_ONE,
	    BN_RAND_BOTTOM_ANY) == 1 &&
	    BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x)) != NULL;

	BN_free(n);
	return ok;
}

static bool
set_names(X509 *x)
{
	static const unsigned char name[] = "localhost";
	X509_NAME *subject = X509_NAME_new();
	bool ok = subject != NULL && X509_NAME_add_entry_by_NID(subject,
	    NID_commonName, MBSTRING_ASC, name, sizeof(name) - 1, -1, 0) == 1 &&
	    X509_set_subject_name(x, subject) == 1 &&
	    X509_set_issuer_name(x, subject) == 1;

	X509_NAME_free(subject);
	return ok;
}

static bool
fill_in(X509 *x, EVP_PKEY *key)
{
	static const struct {
		int nid;
		const char *value;
	} extensions[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "serverAuth" },
		{ NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1" },
		{ NID_subject_key_identifier, "hash" },
	};
	X509V3_CTX v3;
	size_t i;

	/* a clock that was a little fast is no reason for a refusal */
	if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) ||
	    !set_names(x) || X509_set_pubkey(x, key) != 1 ||
	    X509_gmtime_adj(X509_getm_notBefore(x), -DAY) == NULL ||
	    X509_time_adj_ex(X509_getm_notAfter(x), DAYS, 0, NULL) == NULL)
		return false;
	X509V3_set_ctx(&v3, x, x, NULL, NULL, 0);
	for (i = 0; i < MC_NELEM(extensions); i++)
		if (!add_extension(x, &v3, extensions[i].nid,
		    extensions[i].value))
			return false;
	return X509_sign(x, key, EVP_sha256()) > 0;
}

/* both as text in *ret_pem, which the caller frees; key first, as it is for
 * everybody who makes such files */
static bool
make_pem(BIO **ret_pem)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	/* in memory of OpenSSL that is wiped */
	BIO *pem = BIO_new(BIO_s_secmem());
	bool ok = key != NULL && x != NULL && pem != NULL &&
	    fill_in(x, key) &&
	    PEM_write_bio_PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) ==
	    1 && PEM_write_bio_X509(pem, x) == 1;

	X509_free(x);
	EVP_PKEY_free(key);
	if (ok)
		*ret_pem = pem;
	else
		BIO_free(pem);
	return ok;
}

int
mc_tls_serve_self_signed(const char *path, struct mc_err *err)
{
	struct mc_file_place place;
	BIO *pem = NULL;
	char *text = NULL;
	long n;
	int rc;

	if (access(path, F_OK) == 0)
		return 0;
	ERR_clear_error();
	if (!make_pem(&pem))
		return setup_failed("no certificate could be made", err);
	n = BIO_get_mem_data(pem, &text);
	rc = mc_file_place_open(path, &place, err);
	if (rc == 0) {
		rc = mc_file_put(&place, mc_str_make(text, (size_t)n), true,
		    err);
		mc_file_place_close(&place);
	}
	BIO_free(pem);
	return rc;
}
