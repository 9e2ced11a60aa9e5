/* SPDX-License-Identifier: MIT */
/*
 * grant.h - OAuth 2.0 tokens that an account gets and renews by itself
 *
 * grant_terms.c knows what to ask of whom, grant_file.c keeps what was got, in
 * one file an account; grant_ask.c has the helper program mailchute-oauth talk
 * to the provider; grant.c puts these together.
 */
#ifndef MC_GRANT_H
#define MC_GRANT_H

#include "config/config.h"

enum mc_oauth { MC_OAUTH_OFF = 0, MC_OAUTH_GOOGLE, MC_OAUTH_MICROSOFT,
	MC_OAUTH_CUSTOM };
enum mc_flow { MC_FLOW_AUTO = 0, MC_FLOW_DEVICE, MC_FLOW_CODE, MC_FLOW_CLIENT,
	MC_FLOW_JWT };

/* -------------------------------------------------------------------- terms */

/* an account's settings with those of its provider; borrowed from both */
struct mc_terms {
	const struct mc_account *account;
	enum mc_flow flow;		/* never AUTO */
	const char *client_id;		/* NULL: jwt needs none */
	const char *scope;		/* NULL: the provider's own */
	const char *device_url;		/* those that the flow does not need */
	const char *auth_url;		/* may be NULL */
	const char *auth_extra;		/* parameters for auth_url, or NULL */
	const char *token_url;
	const char *revoke_url;
	const char *subject;
	const char *redirect_host;
	struct mc_buf room;		/* what had to be made */
};

/*
 * mc_terms_make - what holds for this account
 *
 * `flow` other than AUTO wins over the account's.  MC_E_CONF_VALUE: oauth is
 * off, or a key is missing for the flow, which the text names; MC_E_NOMEM.
 * mc_terms_clear is due in any case.
 */
MC_NODISCARD int
mc_terms_make(const struct mc_account *account, enum mc_flow flow,
    struct mc_terms *ret_terms, struct mc_err *err);

void
mc_terms_clear(struct mc_terms *terms);

/* does it need nobody to log in? */
bool
mc_terms_alone(const struct mc_terms *terms);

/* https, or http to this machine, in printable ASCII */
bool
mc_terms_is_url(struct mc_str url);

/* -------------------------------------------------------------------- files */

/* what a provider has granted; all zero: nothing */
struct mc_grant {
	struct mc_secret *access;
	struct mc_secret *refresh;	/* NULL: none */
	int64_t got;			/* seconds since 1970 */
	int64_t expires;
};

/* frees and wipes */
void
mc_grant_clear(struct mc_grant *grant);

/* the directory: oauth-dir, else "oauth" beside queue-dir, else below the
 * user's state.  MC_E_CONF_VALUE: there is none, MC_E_NOMEM, MC_E_TOO_LONG */
MC_NODISCARD int
mc_grant_place(const struct mc_account *account,
    const struct mc_caller *caller, struct mc_buf *out, struct mc_err *err);

/*
 * mc_grant_load - read the account's file
 *
 * Returns 1 with *ret_grant; 0 if there is none, or if it was got on other
 * terms (client, provider, scope, subject) or is none of ours.  -1 with err:
 * MC_E_CONF_SECRET (others can read it, or write where it is), MC_E_IO,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_grant_load(const struct mc_terms *terms, const struct mc_caller *caller,
    struct mc_grant *ret_grant, struct mc_err *err);

/* a directory 0700, and in it a file 0600 that is there as a whole or not at
 * all.  MC_E_CONF_SECRET, MC_E_IO, MC_E_NOMEM */
MC_NODISCARD int
mc_grant_store(const struct mc_terms *terms, const struct mc_caller *caller,
    const struct mc_grant *grant, struct mc_err *err);

/* 1, or 0 if there was none, whatever its terms; -1: MC_E_IO, MC_E_NOMEM */
MC_NODISCARD int
mc_grant_remove(const struct mc_account *account,
    const struct mc_caller *caller, struct mc_err *err);

/*
 * mc_grant_lock - wait until nobody else renews this account's token
 *
 * The lock goes with the descriptor, and with the process.  MC_E_TIMEOUT after
 * timeout_ms, MC_E_CANCELLED, MC_E_IO, MC_E_CONF_SECRET, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_grant_lock(const struct mc_account *account,
    const struct mc_caller *caller, int64_t timeout_ms, int cancel_fd,
    int *ret_fd, struct mc_err *err);

/* ------------------------------------------------------------------- asking */

/* how to ask; the words are those of the helper */
struct mc_ask {
	const char *what;
	const struct mc_secret *refresh;	/* for refresh and revoke */
	bool browser;
	unsigned seconds;	/* limit */
	int cancel_fd;
};

/* why it came to nothing, beside the error */
enum mc_ask_word {
	MC_ASK_OTHER,
	MC_ASK_LOGIN,		/* somebody has to log in again */
	MC_ASK_TEMPORARY	/* another time */
};

/*
 * mc_grant_ask - have the helper talk to the provider
 *
 * 0 with *ret_grant, of which nothing is set for revoke.  -1 with *ret_word and
 * err: MC_E_NO_SECRET (the provider refuses, or wants another log-in),
 * MC_E_HELPER (anything else), MC_E_CONF_VALUE, MC_E_CANCELLED, MC_E_NOMEM,
 * and those of mc_source_get for the client secret.
 */
MC_NODISCARD int
mc_grant_ask(const struct mc_terms *terms, const struct mc_caller *caller,
    const struct mc_ask *ask, struct mc_grant *ret_grant,
    enum mc_ask_word *ret_word, struct mc_err *err);

/* -------------------------------------------------------------------- whole */

/* tells tokens apart without being one; 0 is of none */
uint64_t
mc_grant_mark(struct mc_str token);

struct mc_grant_wish {
	uint64_t refused;	/* mark of a token that the server has refused; 0:
				 * none */
	int cancel_fd;
};

/*
 * mc_grant_token - an access token that should still be good
 *
 * The one that is there, unless it is (nearly) over or the refused one; else a
 * new one, which only one process at a time gets.  Once a provider is asked,
 * cancel_fd counts no more, up to helper-timeout: a refresh token that
 * was used up must not be lost.  MC_E_NO_SECRET with "run mailchute login" in
 * the text; otherwise as mc_terms_make, mc_grant_load, _lock, _ask, _store.
 */
MC_NODISCARD int
mc_grant_token(const struct mc_account *account,
    const struct mc_caller *caller, const struct mc_grant_wish *wish,
    struct mc_secret **ret_token, struct mc_err *err);

#endif
