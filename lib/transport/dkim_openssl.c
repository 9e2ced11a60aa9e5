/* SPDX-License-Identifier: MIT */
/*
 * dkim_openssl.c - keys and digests for DKIM
 */
#include "base/base.h"
#include "transport/dkim.h"

#include "base/err.h"
#include "base/mem.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define MOST_SIGNATURE 2048	/* RSA of 16384 bits */

struct mc_dkim_key {
	EVP_PKEY *pkey;
	bool is_rsa;
};

struct mc_dkim_digest {
	EVP_MD_CTX *ctx;
	bool failed;
};

static const char *
reason(char *buf, size_t size)
{
	unsigned long e = ERR_peek_error();
	const char *words = ERR_reason_error_string(e);

	(void)snprintf(buf, size, "%s", words != NULL ? words :
	    "OpenSSL gives no reason");
	ERR_clear_error();
	return buf;
}

static int
failed(const char *what, struct mc_err *err)
{
	char buf[256];

	return mc_err_set(err, MC_E_DKIM, MC_STAGE_LOCAL, "%s: %s", what,
	    reason(buf, sizeof(buf)));
}

static int
refuse(const char *file, const char *what, struct mc_err *err)
{
	ERR_clear_error();
	return mc_err_set(err, MC_E_DKIM, MC_STAGE_CONFIG, "dkim-key: %s %s",
	    file, what);
}

/* --------------------------------------------------------------------- keys */

static void
key_free(struct mc_dkim_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	mc_mem_free(key);
}

/* nobody is there to be asked for one */
static int
no_password(char *buf, int size, int writing, void *ctx)
{
	bool *asked = ctx;

	(void)buf;
	(void)size;
	(void)writing;
	*asked = true;
	return -1;
}

static int
check_kind(struct mc_dkim_key *key, const char *file, struct mc_err *err)
{
	int id = EVP_PKEY_get_base_id(key->pkey);

	key->is_rsa = id == EVP_PKEY_RSA;
	if (!key->is_rsa && id != EVP_PKEY_ED25519)
		return refuse(file, "is neither an RSA nor an Ed25519 key, and "
		    "DKIM knows no others: make one with \"mailchute dkim "
		    "keygen\"", err);
	if (key->is_rsa && EVP_PKEY_get_bits(key->pkey) < MC_DKIM_LEAST_BITS)
		return refuse(file, "is an RSA key of less than 1024 bits, "
		    "which receivers do not take: make a longer one with "
		    "\"mailchute dkim keygen\"", err);
	return 0;
}

static int
key_new(struct mc_str pem, const char *file, struct mc_dkim_key **ret_key,
    struct mc_err *err)
{
	struct mc_dkim_key *key;
	bool asked = false;
	BIO *bio;

	if (pem.len > INT_MAX)
		return refuse(file, "is too large", err);
	key = mc_mem_zalloc(1, sizeof(*key));
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	if (key == NULL || bio == NULL) {
		BIO_free(bio);
		mc_mem_free(key);
		ERR_clear_error();
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	key->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &asked);
	BIO_free(bio);
	if (key->pkey == NULL && asked)
		(void)refuse(file, "is locked with a passphrase: \"openssl "
		    "pkey\" writes a copy without", err);
	else if (key->pkey == NULL)
		(void)refuse(file, "holds no private key in PEM form", err);
	if (key->pkey == NULL || check_kind(key, file, err) != 0) {
		key_free(key);
		return -1;
	}
	ERR_clear_error();
	*ret_key = key;
	return 0;
}

static const char *
key_type(const struct mc_dkim_key *key)
{
	return key->is_rsa ? "rsa" : "ed25519";
}

static unsigned
key_bits(const struct mc_dkim_key *key)
{
	return (unsigned)EVP_PKEY_get_bits(key->pkey);
}

/* RFC 8463 3.2: 32 bytes, without what DER has around them */
static int
raw_public(const struct mc_dkim_key *key, struct mc_buf *out,
    struct mc_err *err)
{
	unsigned char raw[64];
	size_t n = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &n) != 1)
		return failed("cannot take the public key", err);
	mc_buf_add(out, raw, n);
	return mc_buf_err(out, "public key", err);
}

static int
public_key(const struct mc_dkim_key *key, struct mc_buf *out,
    struct mc_err *err)
{
	unsigned char *der = NULL;
	int n;

	if (!key->is_rsa)
		return raw_public(key, out, err);
	n = i2d_PUBKEY(key->pkey, &der);
	if (n <= 0)
		return failed("cannot take the public key", err);
	mc_buf_add(out, der, (size_t)n);
	OPENSSL_free(der);
	return mc_buf_err(out, "public key", err);
}

/* ------------------------------------------------------------------ signing */

static bool
sign_rsa(EVP_PKEY_CTX *ctx, const unsigned char *digest, unsigned char *sig,
    size_t *n)
{
	return EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(ctx, sig, n, digest, MC_DKIM_DIGEST) == 1;
}

/* RFC 8463 3: the digest is the message, which PureEdDSA hashes its own way */
static bool
sign_ed25519(EVP_PKEY *pkey, const unsigned char *digest, unsigned char *sig,
    size_t *n)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, n, digest, MC_DKIM_DIGEST) == 1;

	EVP_MD_CTX_free(ctx);
	return ok;
}

static int
sign(const struct mc_dkim_key *key, const unsigned char digest[MC_DKIM_DIGEST],
    struct mc_buf *out, struct mc_err *err)
{
	unsigned char sig[MOST_SIGNATURE];
	size_t n = sizeof(sig);
	EVP_PKEY_CTX *ctx;
	bool ok;

	ERR_clear_error();
	if (key->is_rsa) {
		ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
		ok = ctx != NULL && sign_rsa(ctx, digest, sig, &n);
		EVP_PKEY_CTX_free(ctx);
	} else {
		ok = sign_ed25519(key->pkey, digest, sig, &n);
	}
	if (!ok)
		return failed("cannot sign (DKIM)", err);
	mc_buf_add(out, sig, n);
	return mc_buf_err(out, "signature", err);
}

/* ----------------------------------------------------------------- new keys */

static int
generate(unsigned bits, struct mc_buf *out, struct mc_err *err)
{
	EVP_PKEY *pkey;
	/* in memory of OpenSSL that is wiped */
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long n = 0;
	int rc = -1;

	ERR_clear_error();
	pkey = bits == 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") :
	    EVP_RSA_gen(bits);
	if (pkey != NULL && bio != NULL && PEM_write_bio_PrivateKey(bio, pkey,
	    NULL, NULL, 0, NULL, NULL) == 1)
		n = BIO_get_mem_data(bio, &text);
	if (n > 0) {
		mc_buf_add(out, text, (size_t)n);
		rc = mc_buf_err(out, "private key", err);
	} else {
		(void)failed("cannot make a key", err);
	}
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return rc;
}

/* ------------------------------------------------------------------ digests */

static void
digest_free(struct mc_dkim_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	mc_mem_free(d);
}

static void
begin(struct mc_dkim_digest *d)
{
	d->failed = EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1;
}

static int
digest_new(struct mc_dkim_digest **ret_digest, struct mc_err *err)
{
	struct mc_dkim_digest *d = mc_mem_zalloc(1, sizeof(*d));

	if (d != NULL)
		d->ctx = EVP_MD_CTX_new();
	if (d == NULL || d->ctx == NULL) {
		digest_free(d);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	begin(d);
	*ret_digest = d;
	return 0;
}

static void
digest_add(void *ctx, const char *p, size_t n)
{
	struct mc_dkim_digest *d = ctx;

	if (!d->failed && EVP_DigestUpdate(d->ctx, p, n) != 1)
		d->failed = true;
}

static int
digest_end(struct mc_dkim_digest *d, unsigned char ret_bytes[MC_DKIM_DIGEST],
    struct mc_err *err)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (d->failed || EVP_DigestFinal_ex(d->ctx, bytes, &n) != 1 ||
	    n != MC_DKIM_DIGEST) {
		begin(d);
		return failed("cannot hash (DKIM)", err);
	}
	memcpy(ret_bytes, bytes, MC_DKIM_DIGEST);
	begin(d);
	return 0;
}

const struct mc_dkim_ops mc_dkim_openssl = {
	.key_new = key_new,
	.key_free = key_free,
	.type = key_type,
	.bits = key_bits,
	.public_key = public_key,
	.sign = sign,
	.generate = generate,
	.digest_new = digest_new,
	.digest_free = digest_free,
	.digest_add = digest_add,
	.digest_end = digest_end,
};
