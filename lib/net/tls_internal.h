/* SPDX-License-Identifier: MIT */
/*
 * tls_internal.h - what the TLS sources and the stream share
 */
#ifndef MC_TLS_INTERNAL_H
#define MC_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/vec.h"
#include "net/tls.h"

#define MC_MAX_PINS 64
#define MC_MAX_HELD 4096

struct mc_tls {
	SSL_CTX *ctx;
	BIO_METHOD *bio;
	char *host;		/* NULL: no name to check */
	bool literal;		/* host is an address */
	bool verify;
	bool no_trust;		/* the system has no authorities */
	X509_LOOKUP_METHOD *late;	/* reads bundles when they are needed */
	char *late_file;	/* named by the caller, or NULL */
	bool late_bundle;	/* the system's bundle, too */
	bool late_done;
	bool has_cert;
	struct mc_vec pins;	/* of unsigned char[MC_PIN_LEN] */
	const struct mc_dane *dane;	/* NULL: no record is usable */
	const struct mc_facts *facts;	/* NULL: nobody asks */
};

/*
 * The descriptor under a TLS connection, and what the last system call said:
 * OpenSSL's error codes do not tell a reset from an end.
 */
struct mc_tls_io {
	int fd;			/* -1: not connected yet */
	int receives;		/* during this call into OpenSSL */
	bool blocked;		/* there was nothing to read */
	bool eof;
	int sys;		/* errno of a failed call */
	unsigned char first[8];	/* the first bytes that came in */
	size_t n_first;
	bool hold;		/* keep what is written until a read wants its
				 * answer */
	size_t n_held;		/* they leave before anything else does */
	unsigned char held[MC_MAX_HELD];
};

/* one handshake; the callbacks write down here what they see */
struct mc_tls_conn {
	const struct mc_tls *tls;
	SSL *ssl;
	X509 *leaf;		/* of a check that failed */
	X509 *culprit;		/* the certificate at fault, maybe the leaf */
	int verify_error;	/* X509_V_..., the first one */
	bool pinned;		/* the leaf's key is among the pins */
	bool weak;		/* the leaf's key is too short */
	bool asked;		/* the server asked for our certificate */
};

/* -------------------------------------------------------------- tls_bio.c */

/*
 * mc_tls_bio_method - a BIO over struct mc_tls_io
 *
 * OpenSSL's own socket BIO uses write(2), and a library may not touch the
 * SIGPIPE that this gives.  NULL: no memory.
 */
MC_NODISCARD BIO_METHOD *
mc_tls_bio_method(void);

/*
 * mc_tls_io_flush - send what was held back
 *
 * Returns 1 when nothing is left, 0 when the socket takes no more now, -1 with
 * io->sys.
 */
int
mc_tls_io_flush(struct mc_tls_io *io);

/* the first n bytes of what was held have left some other way */
void
mc_tls_io_sent(struct mc_tls_io *io, size_t n);

/* ------------------------------------------------------------ tls_trust.c */

/*
 * mc_tls_load_trust - tell tls->ctx whom to trust
 *
 * Without file and dir: the system's, tls->no_trust when there is none.
 */
MC_NODISCARD int
mc_tls_load_trust(struct mc_tls *tls, const struct mc_tls_settings *settings,
    struct mc_err *err);

/* files in PEM form, and what the configuration calls them */
struct mc_tls_pair {
	const char *cert_name;
	const char *cert;	/* the chain, our own first */
	const char *key_name;
	const char *key;	/* NULL: in cert */
};

/* the certificate chain and key that we show */
MC_NODISCARD int
mc_tls_load_cert(SSL_CTX *ctx, const struct mc_tls_pair *pair,
    struct mc_err *err);

/* ------------------------------------------------------------------ tls.c */

/* versions, strength and options, the same for both sides */
MC_NODISCARD int
mc_tls_set_policy(SSL_CTX *ctx, struct mc_err *err);

/* -------------------------------------------------------------- tls_pin.c */

/* pins may be NULL (only checked); see mc_tls_check_pins */
MC_NODISCARD int
mc_tls_parse_pins(const char *text, struct mc_vec *pins, struct mc_err *err);

/* SHA-256 of the DER form of the certificate's SubjectPublicKeyInfo */
MC_NODISCARD int
mc_tls_spki_digest(X509 *cert, unsigned char ret_digest[MC_PIN_LEN]);

/* takes the same time whichever pin it is, or none */
bool
mc_tls_is_pinned(const struct mc_vec *pins,
    const unsigned char digest[MC_PIN_LEN]);

/* ----------------------------------------------------------- tls_verify.c */

/* keep `dane` in tls if OpenSSL can use one of its records */
MC_NODISCARD int
mc_tls_set_dane(struct mc_tls *tls, const struct mc_dane *dane,
    struct mc_err *err);

/* the callbacks that mc_tls_new hands to OpenSSL */
void
mc_tls_set_callbacks(struct mc_tls *tls);

/*
 * mc_tls_conn_init - a connection of tls over io, not yet shaken hands
 *
 * `conn` and `io` stay where they are until mc_tls_conn_clear.
 */
MC_NODISCARD int
mc_tls_conn_init(struct mc_tls_conn *conn, const struct mc_tls *tls,
    struct mc_tls_io *io, struct mc_err *err);

void
mc_tls_conn_clear(struct mc_tls_conn *conn);

/* after SSL_connect: check all again, fail closed, fill in the information */
MC_NODISCARD int
mc_tls_conn_finish(struct mc_tls_conn *conn, struct mc_tls_info *ret_info,
    struct mc_err *err);

/* ------------------------------------------------------------ tls_error.c */

/* MC_E_TLS_CERT with the check that failed and what to do about it */
int
mc_tls_cert_error(const struct mc_tls_conn *conn, struct mc_err *err);

/* MC_E_TLS for a handshake that failed: the oldest error in OpenSSL's queue */
int
mc_tls_handshake_error(const struct mc_tls_conn *conn,
    const struct mc_tls_io *io, bool after_clear, struct mc_err *err);

/* append a host name or address of a certificate, ", " in front unless it is
 * the first; false: it is neither */
bool
mc_tls_add_name(struct mc_buf *out, const GENERAL_NAME *name);

/* words for the oldest error in OpenSSL's queue, which is emptied */
const char *
mc_tls_reason(char *buf, size_t size);

/* ------------------------------------------------------------ tls_facts.c */

/* tell tls->facts, which is there, what the handshake has shown; OpenSSL's
 * queue of errors stays as it is */
void
mc_tls_tell(const struct mc_tls_conn *conn);

#endif
