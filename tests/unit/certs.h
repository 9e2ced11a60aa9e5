/* SPDX-License-Identifier: MIT */
/*
 * certs.h - certificates of any shape, made while a test runs
 */
#ifndef MC_TEST_CERTS_H
#define MC_TEST_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

enum cert_key {
	CERT_EC,		/* P-256 */
	CERT_RSA1024,
	CERT_RSA2048
};

struct cert_spec {
	const char *cn;
	const char *san;	/* "DNS:a.example, IP:192.0.2.1", or NULL */
	const char *raw_dns;	/* one dNSName of these bytes, or NULL */
	size_t raw_len;
	const char *eku;	/* "serverAuth", or NULL */
	int from;		/* days from now; both 0: -1 and 30 */
	int to;
	enum cert_key key;
	const char *md;		/* NULL: SHA256 */
	bool ca;
};

struct cert {
	X509 *x;
	EVP_PKEY *key;
};

/* issuer NULL: self-signed; false when OpenSSL will not do it */
bool
cert_make(const struct cert_spec *spec, const struct cert *issuer,
    struct cert *ret_cert);

void
cert_clear(struct cert *cert);

/* "sha256//..." of the certificate's key */
void
cert_pin(const struct cert *cert, char ret_pin[64]);

/* PEM files; `pass` encrypts the key, what is NULL is left out */
bool
cert_write(const char *path, unsigned mode, const struct cert *cert,
    const struct cert *key, const char *pass);

#endif
