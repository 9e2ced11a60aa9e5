/* SPDX-License-Identifier: MIT */
/*
 * Pins: SHA-256 digests of the public keys that a server may have.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/b64.h"

#define PREFIX "sha256//"

/* the digest behind one "sha256//..." */
static int
decode(struct mc_str word, unsigned char ret_digest[MC_PIN_LEN],
    struct mc_err *err)
{
	struct mc_buf raw;
	mc_buf_init(&raw, MC_PIN_LEN);
	struct mc_str prefix = MC_STR(PREFIX);
	int ret = -1;
	if (!mc_str_starts_nocase(word, prefix) ||
	    mc_b64_decode(mc_str_sub(word, prefix.len, word.len), &raw) == -1)
		goto out;
	if (raw.err == MC_E_NOMEM) {
		mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
		goto out;
	}
	if (raw.err == 0 && raw.len == MC_PIN_LEN) {
		memcpy(ret_digest, raw.ptr, MC_PIN_LEN);
		ret = 0;
	}
out:
	if (ret == -1)
		mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "tls-pin: \"%.*s\" is not %s and the base64 form of a "
		    "SHA-256 digest (44 characters)",
		    MC_STR_FMT(mc_str_sub(word, 0, 80)), PREFIX);
	mc_buf_clear(&raw);
	return ret;
}

int
mc_tls_parse_pins(const char *text, struct mc_vec *pins, struct mc_err *err)
{
	struct mc_str rest = mc_str_from(text);
	struct mc_str word;
	size_t n = 0;
	while (mc_str_next_token(&rest, " \t,;", &word)) {
		unsigned char digest[MC_PIN_LEN];
		if (decode(word, digest, err) == -1)
			return -1;
		if (++n > MC_MAX_PINS)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "tls-pin holds more than %d pins",
			    MC_MAX_PINS);
		if (pins == NULL)
			continue;
		void *p = mc_vec_add(pins);
		if (p == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG,
			    NULL);
		memcpy(p, digest, sizeof(digest));
	}
	/* an empty list must not mean that any key will do */
	if (n == 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "tls-pin holds no pin");
	return 0;
}

int
mc_tls_check_pins(const char *pins, struct mc_err *err)
{
	return mc_tls_parse_pins(pins, NULL, err);
}

int
mc_tls_spki_digest(X509 *cert, unsigned char ret_digest[MC_PIN_LEN])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	if (len <= 0)
		return -1;
	unsigned size = 0;
	unsigned char digest[EVP_MAX_MD_SIZE];
	int ok = EVP_Digest(der, (size_t)len, digest, &size, EVP_sha256(),
	    NULL);
	OPENSSL_free(der);
	if (ok != 1 || size != MC_PIN_LEN)
		return -1;
	memcpy(ret_digest, digest, MC_PIN_LEN);
	return 0;
}

bool
mc_tls_is_pinned(const struct mc_vec *pins,
    const unsigned char digest[MC_PIN_LEN])
{
	int found = 0;
	for (size_t i = 0; i < pins->n; i++)
		found |= CRYPTO_memcmp(mc_vec_at(pins, i), digest,
		    MC_PIN_LEN) == 0;
	return found != 0;
}
