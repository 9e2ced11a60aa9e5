/* SPDX-License-Identifier: MIT */
/*
 * Certificates for tests.
 */
#include "base/base.h"

#include "certs.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define DAY 86400L

static EVP_PKEY *
make_key(enum cert_key kind)
{
	if (kind == CERT_EC)
		return EVP_EC_gen("P-256");
	return EVP_RSA_gen(kind == CERT_RSA1024 ? 1024u : 2048u);
}

static bool
add_ext(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	bool ok = ext != NULL && X509_add_ext(x, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return ok;
}

/* what no configuration syntax can say: a NUL inside a name */
static bool
add_raw_dns(X509 *x, const char *p, size_t len)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_IA5STRING *text = ASN1_IA5STRING_new();
	ASN1_STRING_set(text, p, (int)len);
	GENERAL_NAME_set0_value(name, GEN_DNS, text);
	sk_GENERAL_NAME_push(names, name);
	bool ok = X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0,
	    X509V3_ADD_DEFAULT) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

static bool
fill(X509 *x, const struct cert_spec *spec, EVP_PKEY *key, X509 *issuer)
{
	static long serial = 1;
	int from = spec->from;
	int to = spec->to;
	if (from == 0 && to == 0) {
		from = -1;
		to = 30;
	}
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(x), from * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), to * DAY);
	X509_NAME *name = X509_get_subject_name(x);
	if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
	    (const unsigned char *)spec->cn, -1, -1, 0) != 1 ||
	    X509_set_issuer_name(x, issuer == NULL ? name :
	    X509_get_subject_name(issuer)) != 1 ||
	    X509_set_pubkey(x, key) != 1)
		return false;
	if (!add_ext(x, NID_basic_constraints,
	    spec->ca ? "critical,CA:TRUE" : "critical,CA:FALSE"))
		return false;
	if (spec->san != NULL &&
	    !add_ext(x, NID_subject_alt_name, spec->san))
		return false;
	if (spec->raw_dns != NULL &&
	    !add_raw_dns(x, spec->raw_dns, spec->raw_len))
		return false;
	return spec->eku == NULL || add_ext(x, NID_ext_key_usage, spec->eku);
}

bool
cert_make(const struct cert_spec *spec, const struct cert *issuer,
    struct cert *ret_cert)
{
	struct cert c = { .x = X509_new(), .key = make_key(spec->key) };
	const EVP_MD *md = EVP_get_digestbyname(
	    spec->md != NULL ? spec->md : "SHA256");
	if (c.x == NULL || c.key == NULL || md == NULL ||
	    !fill(c.x, spec, c.key, issuer == NULL ? NULL : issuer->x) ||
	    X509_sign(c.x, issuer == NULL ? c.key : issuer->key, md) == 0) {
		cert_clear(&c);
		return false;
	}
	*ret_cert = c;
	return true;
}

void
cert_clear(struct cert *cert)
{
	X509_free(cert->x);
	EVP_PKEY_free(cert->key);
	*cert = (struct cert){ .x = NULL };
}

void
cert_pin(const struct cert *cert, char ret_pin[64])
{
	unsigned char *der = NULL;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned char text[45];
	int len = i2d_PUBKEY(cert->key, &der);
	EVP_Digest(der, (size_t)len, digest, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
	EVP_EncodeBlock(text, digest, 32);
	snprintf(ret_pin, 64, "sha256//%s", (const char *)text);
}

bool
cert_write(const char *path, unsigned mode, const struct cert *cert,
    const struct cert *key, const char *pass)
{
	unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		return false;
	FILE *f = fdopen(fd, "w");
	bool ok = true;
	if (cert != NULL)
		ok = PEM_write_X509(f, cert->x) == 1;
	if (key != NULL)
		ok = ok && PEM_write_PKCS8PrivateKey(f, key->key,
		    pass == NULL ? NULL : EVP_aes_128_cbc(), pass,
		    pass == NULL ? 0 : (int)strlen(pass), NULL, NULL) == 1;
	ok = fchmod(fd, (mode_t)mode) == 0 && ok;
	return fclose(f) == 0 && ok;
}
