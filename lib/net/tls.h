/* SPDX-License-Identifier: MIT */
/*
 * tls.h - TLS by OpenSSL with the one policy that mailchute has
 *
 * TLS 1.2 at least, security level 2; no compression, renegotiation, early
 * data, kept tickets or ignored ends; chain, purpose and name are checked.
 */
#ifndef MC_TLS_H
#define MC_TLS_H

#include "base/fact.h"
#include "base/log.h"
#include "net/dane.h"

#define MC_PIN_LEN 32

struct mc_tls_settings {
	const char *host;	/* reference name (A-label) or address literal;
				 * for a socket NULL unless tls-host */
	bool verify;		/* false only by the user's word */
	const char *ca_file;	/* NULL, NULL: the system's trust, hashed */
	const char *ca_dir;	/* directory first, bundle only without it */
	const char *late_file;	/* with the system's trust: a bundle (that of
				 * SSL_CERT_FILE) read only if the directory
				 * does not know an authority; or NULL */
	const char *pins;	/* "sha256//BASE64 ...", or NULL */
	const struct mc_dane *dane;	/* records that the server has to match
				 * (stay until mc_tls_free), or NULL */
	const char *cert;	/* client certificate chain or NULL */
	const char *key;	/* NULL: in cert */
	const struct mc_facts *facts;	/* told of each handshake, also of one
				 * that fails (stay until mc_tls_free); NULL:
				 * nobody asks */
};

/* made from settings, serves many streams, is freed after them */
struct mc_tls;

/*
 * Pins replace the chain check (a pinned server may be self-signed, of any
 * name, and expired): the handshake fails unless the SPKI digest of the leaf
 * is among them, and its key long enough.  Without pins `verify` needs a host.
 *
 * With `dane`, records that OpenSSL can use replace authorities and name; pins
 * have to fit as well then.  Without usable ones it is as if there were none:
 * pins decide, else authorities and name, so `verify` has to be set.
 *
 * The key file must be ours or root's and not open to group or others
 * (MC_E_CONF_SECRET).  -1 with err: MC_E_TLS_SETUP, MC_E_CONF_VALUE,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_tls_new(const struct mc_tls_settings *settings, struct mc_tls **ret_tls,
    struct mc_err *err);

void
mc_tls_free(struct mc_tls *tls);

/* "sha256//BASE64" list well-formed?  MC_E_CONF_VALUE */
MC_NODISCARD int
mc_tls_check_pins(const char *pins, struct mc_err *err);

#define MC_EXPORTER_LEN 32

/* what a finished handshake is worth */
struct mc_tls_info {
	bool verified;		/* chain and name, pin, or DANE */
	bool client_cert;	/* the server asked for ours and got it */
	bool has_exporter;	/* TLS 1.3, or 1.2 with RFC 7627 */
	unsigned char exporter[MC_EXPORTER_LEN];	/* RFC 9266 */
	char version[16];	/* "TLSv1.3" */
	char cipher[64];
	char how[64];		/* "verified by ...", or "NOT VERIFIED" */
};

#endif
