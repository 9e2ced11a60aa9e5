/* SPDX-License-Identifier: MIT */
/*
 * source.h - get an account's password, token, or password for its proxy from
 * where it is kept
 */
#ifndef MC_SOURCE_H
#define MC_SOURCE_H

#include "config/config.h"

enum mc_secret_kind { MC_SECRET_PASSWORD, MC_SECRET_TOKEN,
	MC_SECRET_PROXY		/* by proxy-password-command alone */
};

/* is one configured? */
bool
mc_source_has(const struct mc_account *account, enum mc_secret_kind kind);

/*
 * mc_source_get - read it: the key itself, else the file, else the command
 *
 * Of a file one line end at the end goes and the rest is exact; of a command's
 * output the first line counts (`pass show` prints more below).  A file must be regular, owned by
 * us or root, and not readable by group or others (MC_E_CONF_SECRET), except
 * one that the environment named (containers mount secrets 0444).
 * What mc_config_forget has overwritten is MC_E_NO_SECRET.
 * NUL inside is refused (MC_E_CONF_VALUE: "holds a NUL byte"); empty is MC_E_NO_SECRET.
 * Commands: caller's environment, helper-timeout, at most MC_MAX_SECRET
 * bytes; MC_E_HELPER says which key and how it ended, never its output.
 * The caller owns *ret_secret.
 */
MC_NODISCARD int
mc_source_get(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err);

#endif
