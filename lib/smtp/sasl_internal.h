/* SPDX-License-Identifier: MIT */
/*
 * sasl_internal.h - what the files behind sasl.h share; nobody else includes it
 *
 * Messages here are raw bytes: sasl.c does the base64, the choice, the count
 * of rounds and the end.  Nothing here keeps a secret longer than the call,
 * but for what libgsasl holds until mc_gsasl_end.
 */
#ifndef MC_SASL_INTERNAL_H
#define MC_SASL_INTERNAL_H

#include "base/buf.h"
#include "smtp/sasl.h"

/* longest message of ours: three times the longest user name, and a secret */
#define MC_SASL_MAX_MESSAGE (512 * 1024)
#define MC_SCRAM_NONCE_BYTES 24
#define MC_SCRAM_MIN_ITERATIONS 4096	/* RFC 5802 5.1, RFC 7677 4 */
#define MC_SCRAM_MAX_SALT 1024
#define MC_OAUTH_MAX_JSON 4096
#define MC_OAUTH_MAX_STATUS 32

#define MC_MN_USER 0x01u
#define MC_MN_PASSWORD 0x02u
#define MC_MN_TOKEN 0x04u
#define MC_MN_HOST 0x08u
#define MC_MN_CERT 0x10u

#define MC_MT_AUTO 0x01u
#define MC_MT_BOUND 0x02u
#define MC_MT_SERVER_FIRST 0x04u
#define MC_MT_PROVES 0x08u
#define MC_MT_ONE_STEP 0x10u

enum mc_mech_kind {
	MC_KIND_GSASL,
	MC_KIND_SCRAM_SHA1,
	MC_KIND_SCRAM_SHA256,
	MC_KIND_OAUTHBEARER,
	MC_KIND_XOAUTH2
};

enum mc_mech_id {
#define MC_MECH(id, name, kind, needs, traits) MC_MECH_##id,
#include "smtp/mechs.def"
#undef MC_MECH
	MC_N_MECHS
};

/* who logs in where; an empty slice is "none" */
struct mc_sasl_login {
	struct mc_str user;
	struct mc_str password;
	struct mc_str token;
	struct mc_str host;
	struct mc_str port;
};

/* ------------------------------------------------------ sasl_mechs.c */

struct mc_mech {
	struct mc_str name;	/* NUL-terminated too */
	enum mc_mech_kind kind;
	unsigned needs;
	unsigned traits;
};

/* by enum mc_mech_id; a set of them is a mask with bit 1u << id */
extern const struct mc_mech mc_mechs[MC_N_MECHS];

bool
mc_mech_is_scram(const struct mc_mech *m);

bool
mc_mech_is_oauth(const struct mc_mech *m);

/* all that have one of these needs */
unsigned
mc_mechs_needing(unsigned needs);

/*
 * mc_mechs_parse - read the user's list (NULL: auto)
 *
 * *ret_named: those that stand in it by their own names.  *ret_bad: the first
 * word that is no mechanism, or empty; it slices into list.
 */
unsigned
mc_mechs_parse(const char *list, unsigned *ret_named, struct mc_str *ret_bad);

/* -1 with MC_E_CONF_VALUE that names the word and all mechanisms */
int
mc_mechs_unknown(struct mc_str word, struct mc_err *err);

struct mc_mech_set {
	unsigned allowed;
	unsigned have;		/* needs that are met, without MC_MN_CERT */
	bool unprepared;	/* SCRAM was taken out: SASLprep failed */
};

/* see mc_sasl_start; MC_E_AUTH_NOT_OFFERED */
MC_NODISCARD int
mc_mechs_choose(const struct mc_mech_set *set, struct mc_str offered,
    const struct mc_sasl_channel *channel, const struct mc_mech **ret_mech,
    struct mc_err *err);

/*
 * mc_mechs_gs2_flag - 'p', 'y' or 'n' for a SCRAM mechanism
 *
 * RFC 5802 6: "y" says that we could bind but saw no -PLUS of it, so that a
 * server which did offer it notices that somebody took it away.  "n" where we
 * cannot, and where the user's list leaves out the -PLUS that is offered.
 */
char
mc_mechs_gs2_flag(const struct mc_mech *m, struct mc_str offered,
    const struct mc_sasl_channel *channel);

/* ------------------------------------------------------ sasl_gsasl.c */

/*
 * mc_sasl_prep - append the SASLprep form (RFC 4013) of s, UTF-8 without NUL
 *
 * Code points that Unicode 3.2 had not assigned (every emoji) stay as they are:
 * a server that let somebody have such a password knows it like that.
 * -1 with err: MC_E_NOMEM, MC_E_CONF_VALUE ("`what` ..."; also when nothing
 * is left of it).
 */
MC_NODISCARD int
mc_sasl_prep(struct mc_str s, const char *what, struct mc_buf *out,
    struct mc_err *err);

struct mc_gsasl;

/* MC_E_NOMEM, MC_E_INTERNAL */
MC_NODISCARD int
mc_gsasl_new(struct mc_gsasl **ret_g, struct mc_err *err);

/* ends the log-in too; NULL is fine */
void
mc_gsasl_free(struct mc_gsasl *g);

/* does this build of libgsasl have the client side of it? */
bool
mc_gsasl_has(const struct mc_gsasl *g, const char *mech);

/* begin a log-in.  Copies of user, password and host until mc_gsasl_end */
MC_NODISCARD int
mc_gsasl_start(struct mc_gsasl *g, const char *mech,
    const struct mc_sasl_login *login, struct mc_err *err);

/*
 * mc_gsasl_step - next message; in is NULL for the initial response
 *
 * Returns 1 when the mechanism has all it wants, 0 when it wants another
 * challenge, -1 with err: MC_E_NOMEM, MC_E_AUTH_PROTO, MC_E_AUTH_SERVER.
 */
MC_NODISCARD int
mc_gsasl_step(struct mc_gsasl *g, const struct mc_str *in, struct mc_buf *out,
    struct mc_err *err);

/* wipe and drop what the log-in held */
void
mc_gsasl_end(struct mc_gsasl *g);

/* ------------------------------------------------------ sasl_scram.c */

struct mc_scram_settings {
	bool sha256;		/* else SHA-1 */
	char flag;		/* GS2: 'n', 'y' or 'p' */
	const unsigned char *exporter;	/* 32 bytes, for 'p' */
	struct mc_str user;	/* prepared */
	struct mc_str nonce;	/* empty: made here */
	uint64_t max_iterations;
};

struct mc_scram;

/* MC_E_NOMEM, MC_E_INTERNAL (no random bytes) */
MC_NODISCARD int
mc_scram_new(const struct mc_scram_settings *settings,
    struct mc_scram **ret_scram, struct mc_err *err);

void
mc_scram_free(struct mc_scram *s);

/* append client-first-message */
void
mc_scram_first(const struct mc_scram *s, struct mc_buf *out);

/*
 * mc_scram_step - answer server-first-message, judge server-final-message
 *
 * password is prepared.  Every field is checked before anything is hashed.
 * 1: the server has proven itself, nothing appended; 0: client-final-message
 * appended; -1 with err: MC_E_AUTH_PROTO, MC_E_AUTH_SERVER, MC_E_NOMEM,
 * MC_E_INTERNAL.  Not to be called again after 1 or -1.
 */
MC_NODISCARD int
mc_scram_step(struct mc_scram *s, struct mc_str in, struct mc_str password,
    struct mc_buf *out, struct mc_err *err);

/* ----------------------------------------------------------- oauth.c */

/* append the initial response: RFC 7628 3.1, or Google's XOAUTH2 */
void
mc_oauth_first(enum mc_mech_kind kind, const struct mc_sasl_login *login,
    struct mc_buf *out);

/* may the token stand in such a message? (RFC 6750 2.1: visible ASCII) */
bool
mc_oauth_is_token(struct mc_str token);

/*
 * mc_oauth_status - "status" out of the server's error object
 *
 * Three digits or a word of RFC 6750 3.1 (lower case letters and '_'); false
 * if there is none like that, and for the token itself.
 */
bool
mc_oauth_status(struct mc_str json, struct mc_str token,
    struct mc_str *ret_status);

/* append saslname (RFC 5801 4): ',' and '=' as =2C and =3D */
void
mc_sasl_add_name(struct mc_str name, struct mc_buf *out);

#endif
