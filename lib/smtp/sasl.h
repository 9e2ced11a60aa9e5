/* SPDX-License-Identifier: MIT */
/*
 * sasl.h - the log-in, step by step, without I/O (RFC 4954)
 *
 * SCRAM, OAUTHBEARER and XOAUTH2 are our own, the rest is libgsasl's (GSSAPI
 * may talk to a ticket server).  mechs.def has them all.
 */
#ifndef MC_SASL_H
#define MC_SASL_H

#include "base/secret.h"
#include "base/buf.h"

struct mc_sasl_settings {
	const char *user;		/* NULL: none (EXTERNAL, GSSAPI) */
	const struct mc_secret *password;	/* borrowed; NULL: none */
	const struct mc_secret *token;	/* borrowed; NULL: none */
	/* allow-list in the user's words, separated by blanks or commas, any case;
	 * NULL or "auto": EXTERNAL (with client certificate and no password or token),
	 * SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN, as far as
	 * the secrets for them are there; GSSAPI, CRAM-MD5, DIGEST-MD5, NTLM only when named.
	 * "auto" may stand among names.  The list is a set: they are tried for in the order of
	 * mechs.def, strongest first, whatever the order here */
	const char *mechs;
	const char *host;		/* server name, for GSSAPI and OAUTHBEARER */
	const char *port;
	uint64_t max_iterations;	/* SCRAM */
};

/* facts of the channel that the log-in will run on */
struct mc_sasl_channel {
	bool verified;
	bool unverified_ok;		/* the user's second word */
	bool client_cert;		/* the server asked for and got one */
	bool has_exporter;
	unsigned char exporter[32];
};

struct mc_sasl;

/*
 * The strings are copied, the secrets borrowed until mc_sasl_free.  MC_E_NOMEM, MC_E_INTERNAL,
 * MC_E_CONF_VALUE: unknown mechanism named, or one that libgsasl lacks; user, password or token
 * unusable: empty, NUL, not UTF-8, control bytes (user, token), or not preparable with SASLprep while
 * only SCRAM is allowed (else SCRAM is left out).
 */
MC_NODISCARD int
mc_sasl_new(const struct mc_sasl_settings *settings, struct mc_sasl **ret_sasl,
    struct mc_err *err);

/* wipes what it held; NULL is fine */
void
mc_sasl_free(struct mc_sasl *sasl);

/* would any allowed mechanism use the password (or the token)?  For fetching only what is needed;
 * looks at settings->mechs alone */
bool
mc_sasl_wants_password(const char *mechs);
bool
mc_sasl_wants_token(const char *mechs);

/* does every allowed mechanism need one of them, or else a certificate? */
bool
mc_sasl_needs_secret(const char *mechs);

/*
 * mc_sasl_start - choose the mechanism and make the initial response
 *
 * offered is mc_caps.mechs.  The first of our list that the server offers and the channel
 * permits: verified (or unverified_ok) for everything; an unverified channel permits -PLUS with
 * exporter only.  -PLUS needs has_exporter.  When we could bind but the server offers no -PLUS, plain SCRAM
 * says so (GS2 flag y; n without exporter, and when the list above leaves out an offered -PLUS).  *ret_mech is valid as long as sasl.  *ret_has_ir false: mechanism that the server
 * begins (LOGIN).  ir is appended as base64 ("=" when empty); a caller that holds it back, since the
 * line would be too long, sends it after an empty 334, which is no step.  Not
 * callable twice.  MC_E_AUTH_NOT_OFFERED: text names what was offered and what was allowed.  MC_E_NOMEM,
 * MC_E_TOO_LONG, MC_E_INTERNAL, MC_E_AUTH_PROTO (GSSAPI without a ticket).
 */
MC_NODISCARD int
mc_sasl_start(struct mc_sasl *sasl, struct mc_str offered,
    const struct mc_sasl_channel *channel, struct mc_str *ret_mech,
    bool *ret_has_ir, struct mc_buf *ir, struct mc_err *err);

/* after mc_sasl_start: is the initial response all that we have to say? */
bool
mc_sasl_one_step(const struct mc_sasl *sasl);

/*
 * mc_sasl_step - answer a 334
 *
 * challenge and response are base64 (the text after "334 ").  SCRAM: server nonce, salt (1..1024 bytes),
 * 4096 <= i <= max_iterations, no m=, checked before any hashing.  OAUTHBEARER/XOAUTH2
 * errors: dummy answer once, what the server said kept for mc_sasl_detail.  More than
 * MC_MAX_AUTH_ROUNDS: error.  -1 with err MC_E_AUTH_PROTO (also e= of SCRAM) or MC_E_AUTH_SERVER (wrong proof):
 * the caller sends "*".  Every later step fails.
 */
MC_NODISCARD int
mc_sasl_step(struct mc_sasl *sasl, struct mc_str challenge,
    struct mc_buf *response, struct mc_err *err);

/*
 * mc_sasl_accept - may a 235 be believed?  MC_E_AUTH_SERVER when the mechanism has the server
 * prove itself and it has not (SCRAM without a right v=); MC_E_AUTH_PROTO when any other dialogue
 * is not at its end.  The log-in is over then, and wiped.
 */
MC_NODISCARD int
mc_sasl_accept(struct mc_sasl *sasl, struct mc_err *err);

/* "status 401" of an OAuth error, printable, or empty */
struct mc_str
mc_sasl_detail(const struct mc_sasl *sasl);

#endif
