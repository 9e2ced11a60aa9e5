/* SPDX-License-Identifier: MIT */
/*
 * dkim.h - keys and digests for DKIM, which are OpenSSL's
 *
 * In the native module, as TLS is: the program loads it for a message that is
 * to be signed, whatever transport carries that.
 */
#ifndef MC_TRANSPORT_DKIM_H
#define MC_TRANSPORT_DKIM_H

#include "mail/dkim.h"

struct mc_dkim_key;
struct mc_dkim_digest;

/* RFC 8301 3.2: shorter ones count for nothing */
#define MC_DKIM_LEAST_BITS 1024

struct mc_dkim_ops {
	/*
	 * key_new - read a private key, RSA or Ed25519, in PEM form
	 *
	 * `file` is for texts alone.  The caller wipes `pem`; what OpenSSL has
	 * made of it is wiped by key_free.  MC_E_DKIM, MC_E_NOMEM
	 */
	int (*key_new)(struct mc_str pem, const char *file,
	    struct mc_dkim_key **ret_key, struct mc_err *err);
	/* NULL is fine */
	void (*key_free)(struct mc_dkim_key *key);

	/* "rsa" or "ed25519": k= of a record, and a= is that with "-sha256" */
	const char *(*type)(const struct mc_dkim_key *key);
	unsigned (*bits)(const struct mc_dkim_key *key);

	/* append the public key as p= wants it, in bytes.  MC_E_DKIM */
	int (*public_key)(const struct mc_dkim_key *key, struct mc_buf *out,
	    struct mc_err *err);

	/* append a signature over a digest.  MC_E_DKIM */
	int (*sign)(const struct mc_dkim_key *key,
	    const unsigned char digest[MC_DKIM_DIGEST], struct mc_buf *out,
	    struct mc_err *err);

	/* append a new private key in PEM form; bits 0: Ed25519.  MC_E_DKIM */
	int (*generate)(unsigned bits, struct mc_buf *out, struct mc_err *err);

	/* SHA-256.  MC_E_NOMEM */
	int (*digest_new)(struct mc_dkim_digest **ret_digest,
	    struct mc_err *err);
	void (*digest_free)(struct mc_dkim_digest *digest);
	mc_dkim_put *digest_add;	/* its ctx is the digest */
	/* and it begins anew.  MC_E_DKIM: this, or an add before it, failed */
	int (*digest_end)(struct mc_dkim_digest *digest,
	    unsigned char ret_bytes[MC_DKIM_DIGEST], struct mc_err *err);
};

/* only where OpenSSL is linked */
extern const struct mc_dkim_ops mc_dkim_openssl;

/*
 * mc_dkim_find - find them, in the native module
 *
 * MC_E_MODULE: it cannot be loaded, or this was built without OpenSSL.
 */
MC_NODISCARD int
mc_dkim_find(const struct mc_dkim_ops **ret_ops, struct mc_err *err);

/* what that says where it was left out */
int
mc_dkim_none(struct mc_err *err);

#endif
