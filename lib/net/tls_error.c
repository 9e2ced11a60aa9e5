/* SPDX-License-Identifier: MIT */
/*
 * Words for what went wrong with TLS, so that somebody can mend it.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <time.h>

#include "base/b64.h"
#include "base/err.h"

/* names of a certificate that are listed */
#define MAX_NAMES 4
#define NAME_TEXT 64
#define WHO_TEXT 96
#define DATE_TEXT 72

/* "calling fopen(/etc/ssl/certs/4042bcee.0, r): Permission denied" */
static void
system_words(unsigned long e, const char *data, int flags, char *buf,
    size_t size)
{
	char words[128];
	bool told = (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';
	snprintf(buf, size, "%s%s%s", told ? data : "", told ? ": " : "",
	    mc_err_words(ERR_GET_REASON(e), words, sizeof(words)));
}

const char *
mc_tls_reason(char *buf, size_t size)
{
	const char *data;
	int flags;
	unsigned long e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
	const char *words = ERR_reason_error_string(e);
	if (e == 0)
		snprintf(buf, size, "no reason given");
	else if (ERR_GET_LIB(e) == ERR_LIB_SYS)
		system_words(e, data, flags, buf, size);
	else if (words != NULL)
		snprintf(buf, size, "%s", words);
	else
		snprintf(buf, size, "OpenSSL error %lx", e);
	ERR_clear_error();
	return buf;
}

/* "2026-08-25 10:00 UTC" */
static const char *
date_text(const ASN1_TIME *t, char buf[DATE_TEXT])
{
	struct tm tm;
	if (t == NULL || ASN1_TIME_to_tm(t, &tm) != 1)
		snprintf(buf, DATE_TEXT, "an unreadable date");
	else
		snprintf(buf, DATE_TEXT, "%04d-%02d-%02d %02d:%02d UTC",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		    tm.tm_min);
	return buf;
}

/* the common name, else the organisation, of a certificate's subject or
 * issuer */
static const char *
who(const X509_NAME *name, char buf[WHO_TEXT])
{
	static const int nids[] = { NID_commonName, NID_organizationName };
	snprintf(buf, WHO_TEXT, "somebody without name");
	for (size_t i = 0; name != NULL && i < MC_NELEM(nids); i++) {
		int at = X509_NAME_get_index_by_NID(name, nids[i], -1);
		if (at < 0)
			continue;
		unsigned char *utf8 = NULL;
		int len = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(
		    X509_NAME_get_entry(name, at)));
		if (len < 0)
			continue;
		mc_str_printable(mc_str_make((const char *)utf8, (size_t)len),
		    buf, WHO_TEXT);
		OPENSSL_free(utf8);
		break;
	}
	return buf;
}

bool
mc_tls_add_name(struct mc_buf *out, const GENERAL_NAME *name)
{
	int type;
	const void *value = GENERAL_NAME_get0_value(name, &type);
	if (type != GEN_DNS && type != GEN_IPADD)
		return false;
	const unsigned char *p = ASN1_STRING_get0_data(value);
	size_t len = (size_t)ASN1_STRING_length(value);
	if (out->len > 0)
		mc_buf_addz(out, ", ");
	if (type == GEN_DNS)
		mc_buf_add_printable(out,
		    mc_str_make((const char *)p, len), NAME_TEXT);
	else if (len == 4)
		mc_buf_addf(out, "%u.%u.%u.%u", p[0], p[1], p[2], p[3]);
	else
		for (size_t i = 0; i + 1 < len && i < 16; i += 2)
			mc_buf_addf(out, "%s%x", i == 0 ? "" : ":",
			    (unsigned)(p[i] << 8 | p[i + 1]));
	return true;
}

/* "a.example, b.example and 7 more"; empty when there is none */
static void
list_names(X509 *cert, struct mc_buf *out)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);
	int total = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
	int listed = 0;
	int i = 0;
	for (; i < total && listed < MAX_NAMES; i++)
		listed += mc_tls_add_name(out, sk_GENERAL_NAME_value(names, i));
	if (i < total)
		mc_buf_addf(out, " and %d more", total - i);
	GENERAL_NAMES_free(names);
}

static int
name_error(const struct mc_tls_conn *conn, struct mc_err *err)
{
	struct mc_buf names;
	mc_buf_init(&names, MC_ERR_TEXT);
	if (conn->leaf != NULL)
		list_names(conn->leaf, &names);
	struct mc_str s = mc_buf_str(&names);
	if (s.len == 0)
		mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
		    "certificate names no host (no subjectAltName; a common "
		    "name does not count), so it is not for %s",
		    conn->tls->host);
	else
		mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
		    "certificate is for %.*s and not for %s: check `host`",
		    MC_STR_FMT(s), conn->tls->host);
	mc_buf_clear(&names);
	return -1;
}

/* "sha256//..." of the leaf's key */
static void
add_pin(const struct mc_tls_conn *conn, struct mc_buf *out)
{
	unsigned char digest[MC_PIN_LEN];
	if (conn->leaf == NULL ||
	    mc_tls_spki_digest(conn->leaf, digest) == -1)
		return;
	mc_buf_addz(out, "sha256//");
	mc_b64_encode(mc_str_make((const char *)digest, sizeof(digest)), out);
}

/*
 * A certificate that is there and cannot be read is worth a word: OpenSSL goes
 * on as if it did not know it.  Takes all errors.
 */
static void
unread(char *buf, size_t size)
{
	char what[200];
	const char *data;
	int flags;
	unsigned long e;
	buf[0] = '\0';
	while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0)
		if (ERR_GET_LIB(e) == ERR_LIB_SYS && buf[0] == '\0') {
			system_words(e, data, flags, what, sizeof(what));
			snprintf(buf, size, "; a certificate could not be "
			    "read (%s)", what);
		}
}

static int
authority_error(const struct mc_tls_conn *conn, bool self, const char *more,
    struct mc_err *err)
{
	struct mc_buf pin;
	mc_buf_init(&pin, MC_ERR_TEXT);
	add_pin(conn, &pin);
	struct mc_str s = mc_buf_str(&pin);
	char issuer[WHO_TEXT] = "";
	const X509 *cert = conn->culprit != NULL ? conn->culprit : conn->leaf;
	who(cert == NULL ? NULL : X509_get_issuer_name(cert), issuer);
	if (conn->tls->no_trust)
		mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
		    "certificate cannot be checked: this system has no "
		    "certificates of authorities (install ca-certificates, "
		    "or set tls-ca-file)");
	else if (self)
		mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
		    "certificate is self-signed: set tls-ca-file to it or, "
		    "once you know that this key is the server's, tls-pin = "
		    "%.*s%s", MC_STR_FMT(s), more);
	else
		mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
		    "certificate comes from an unknown authority, %s: set "
		    "tls-ca-file to that authority's certificate or, once you "
		    "know that this key is the server's, tls-pin = %.*s%s",
		    issuer, MC_STR_FMT(s), more);
	mc_buf_clear(&pin);
	return -1;
}

static int
time_error(const struct mc_tls_conn *conn, bool expired, struct mc_err *err)
{
	char when[DATE_TEXT];
	char name[WHO_TEXT];
	X509 *cert = conn->culprit != NULL ? conn->culprit : conn->leaf;
	if (cert == NULL)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate is not valid now");
	date_text(expired ? X509_get0_notAfter(cert) :
	    X509_get0_notBefore(cert), when);
	bool leaf = conn->leaf == NULL || X509_cmp(cert, conn->leaf) == 0;
	return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
	    "the server's certificate%s%s %s %s (if that is not so, set this "
	    "machine's clock)", leaf ? "" : " is from an authority whose own, ",
	    leaf ? "" : who(X509_get_subject_name(cert), name),
	    expired ? "expired on" : "is not valid before", when);
}

static int
pin_error(const struct mc_tls_conn *conn, struct mc_err *err)
{
	if (conn->weak)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's key is too short to be safe");
	struct mc_buf pin;
	mc_buf_init(&pin, MC_ERR_TEXT);
	add_pin(conn, &pin);
	struct mc_str s = mc_buf_str(&pin);
	mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's key is not "
	    "among tls-pin: it is %.*s (a new key, or not the server)",
	    MC_STR_FMT(s));
	mc_buf_clear(&pin);
	return -1;
}

static int
dane_error(const struct mc_tls_conn *conn, struct mc_err *err)
{
	return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS, "the server's "
	    "certificate matches none of the TLSA records that %s has in DNS: "
	    "it is not the server, or whoever runs it has to mend the records",
	    conn->tls->dane == NULL ? "it" : conn->tls->dane->base);
}

int
mc_tls_cert_error(const struct mc_tls_conn *conn, struct mc_err *err)
{
	char more[256];
	unread(more, sizeof(more));
	if (conn->tls->pins.n > 0 && !conn->pinned)
		return pin_error(conn, err);
	switch (conn->verify_error) {
	case X509_V_ERR_DANE_NO_MATCH:
		return dane_error(conn, err);
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return name_error(conn, err);
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return time_error(conn, true, err);
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return time_error(conn, false, err);
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return authority_error(conn, true, more, err);
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return authority_error(conn, false, more, err);
	case X509_V_ERR_INVALID_PURPOSE:
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate is not meant for servers (its "
		    "extended key usage says so)");
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate is too weak to be safe (%s)",
		    X509_verify_cert_error_string(conn->verify_error));
	}
	return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
	    "the server's certificate is not trusted: %s",
	    X509_verify_cert_error_string(conn->verify_error));
}

/* three digits and a blank or hyphen */
static bool
looks_like_smtp(const struct mc_tls_io *io)
{
	if (io->n_first < 4 || (io->first[3] != ' ' && io->first[3] != '-'))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!mc_is_digit(io->first[i]))
			return false;
	return true;
}

/* handshake, alert: what a TLS server begins with */
static bool
looks_like_tls(const struct mc_tls_io *io)
{
	return io->n_first == 0 || io->first[0] == 0x15 ||
	    io->first[0] == 0x16;
}

static const char *
hint(int reason)
{
	switch (reason) {
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_NO_PROTOCOLS_AVAILABLE:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		return ": the server has to offer TLS 1.2 or newer";
	case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
	case SSL_R_TLSV1_ALERT_INSUFFICIENT_SECURITY:
		return ": the server accepts nothing of what is offered "
		    "(old ciphers only, or a client certificate is missing)";
	case SSL_R_DH_KEY_TOO_SMALL:
	case SSL_R_EE_KEY_TOO_SMALL:
	case SSL_R_WRONG_SIGNATURE_TYPE:
		return ": the server's cryptography is too weak";
	case SSL_R_TLSV1_UNRECOGNIZED_NAME:
		return ": the server does not know this name, check `host`";
	}
	return "";
}

static bool
is_verification(unsigned long e)
{
	return ERR_GET_LIB(e) == ERR_LIB_SSL &&
	    ERR_GET_REASON(e) == SSL_R_CERTIFICATE_VERIFY_FAILED;
}

int
mc_tls_handshake_error(const struct mc_tls_conn *conn,
    const struct mc_tls_io *io, bool after_clear, struct mc_err *err)
{
	unsigned long e = ERR_peek_error();
	/* first may be what was in the way of a certificate */
	if (is_verification(e) || is_verification(ERR_peek_last_error()))
		return mc_tls_cert_error(conn, err);
	if (!after_clear && looks_like_smtp(io)) {
		ERR_clear_error();
		return mc_err_set(err, MC_E_TLS, MC_STAGE_TLS,
		    "the server speaks SMTP in clear where TLS from the start "
		    "was expected: port 587 wants tls = starttls, tls = on "
		    "goes with port 465");
	}
	if (!looks_like_tls(io)) {
		ERR_clear_error();
		return mc_err_set(err, MC_E_TLS, MC_STAGE_TLS, after_clear ?
		    "the server does not speak TLS after its reply to "
		    "STARTTLS" : "the server does not speak TLS on this "
		    "port: check `host`, `port` and `tls`");
	}
	char buf[256];
	mc_tls_reason(buf, sizeof(buf));
	return mc_err_set(err, MC_E_TLS, MC_STAGE_TLS,
	    "the TLS handshake failed (%s)%s", buf,
	    ERR_GET_LIB(e) == ERR_LIB_SSL ? hint(ERR_GET_REASON(e)) : "");
}
