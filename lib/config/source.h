/* SPDX-License-Identifier: MIT */
/*
 * source.h - get an account's password, token, or password for its proxy from
 * where it is kept
 */
#ifndef MC_SOURCE_H
#define MC_SOURCE_H

#include "config/config.h"

enum mc_secret_kind { MC_SECRET_PASSWORD, MC_SECRET_TOKEN,
	MC_SECRET_PROXY,	/* by proxy-password-command alone */
	MC_SECRET_USER,		/* no secret: the login of netrc-file */
	MC_SECRET_OAUTH_CLIENT,
	MC_SECRET_OAUTH_KEY	/* by oauth-key-file alone */
};

/* where one is, in the order of precedence */
enum mc_source_place {
	MC_PLACE_KEY,
	MC_PLACE_FILE,
	MC_PLACE_COMMAND,
	MC_PLACE_KEYRING,
	MC_PLACE_FD,
	MC_PLACE_NETRC,
	MC_PLACE_CREDENTIAL,	/* not configured, but there */
	MC_PLACE_NONE
};

/* is one configured? */
bool
mc_source_has(const struct mc_account *account, enum mc_secret_kind kind);

/*
 * mc_source_place - where it comes from
 *
 * A password that no key is set for may be a credential of the service manager:
 * mailchute.ACCOUNT.password in $CREDENTIALS_DIRECTORY, or for the default
 * account mailchute.password.  MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_source_place(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, enum mc_source_place *ret_place,
    struct mc_err *err);

/*
 * mc_source_credential - the file that holds the account's credential
 *
 * 1 with its path, 0 if there is none or `dir` is NULL, -1 with err as above.
 */
MC_NODISCARD int
mc_source_credential(const char *dir, const struct mc_account *account,
    struct mc_buf *path, struct mc_err *err);

/* there is no password for the user: what to do; always -1 (MC_E_NO_SECRET) */
int
mc_source_none(const struct mc_account *account, struct mc_err *err);

/* a secret of the first line of what was read for `key`; errors as below */
MC_NODISCARD int
mc_source_first_line(struct mc_str text, const char *key,
    struct mc_secret **ret_secret, struct mc_err *err);

/*
 * mc_source_get - read it, from the place that mc_source_place says
 *
 * Of a file one line end at the end goes and the rest is exact; of a command's
 * output the first line counts (`pass show` prints more below).  A file must be regular, owned by
 * us or root, and not readable by group or others (MC_E_CONF_SECRET), except
 * one that the environment named (containers mount secrets 0444).
 * With `oauth` a token comes from mc_grant_token (grant.h), with its errors.
 * What mc_config_forget has overwritten is MC_E_NO_SECRET.
 * NUL inside is refused (MC_E_CONF_VALUE: "holds a NUL byte"); empty is MC_E_NO_SECRET.
 * Commands: caller's environment, helper-timeout, at most MC_MAX_SECRET
 * bytes; MC_E_HELPER says which key and how it ended, never its output; where
 * there is no terminal, also that it may want somebody to unlock something.
 * Of a netrc the rules are those of mc_netrc_find (MC_E_CONF_SYNTAX), and of
 * its file those of others; of the keyring see mc_keyring_get.
 * MC_PLACE_FD is MC_E_NO_SECRET: mc_once_get has it.
 * The caller owns *ret_secret.
 */
MC_NODISCARD int
mc_source_get(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err);

#endif
