/* SPDX-License-Identifier: MIT */
/*
 * dkim.h - the keys of an account that have to do with DKIM signatures
 */
#ifndef MC_CONFIG_DKIM_H
#define MC_CONFIG_DKIM_H

#include "config/config.h"

#define MC_MAX_DKIM 4	/* signatures on one message */

/*
 * mc_dkim_selectors, mc_dkim_files - append the normal form of a list
 *
 * Selectors are separated by blanks or commas (by one blank in the normal
 * form), files by commas (", ").  -1 with err: MC_E_CONF_VALUE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_dkim_selectors(struct mc_str in, struct mc_buf *out, struct mc_err *err);

MC_NODISCARD int
mc_dkim_files(struct mc_str in, struct mc_buf *out, struct mc_err *err);

/* next element of a list of files in its normal form; false: none is left */
bool
mc_dkim_next_file(struct mc_str *rest, struct mc_str *ret_file);

/*
 * mc_dkim_check - do the three keys of an account go together?
 *
 * `off`: the account says that it has no dkim-domain.  -1 with err
 * (MC_E_CONF_VALUE) and the key to blame.
 */
MC_NODISCARD int
mc_dkim_check(const struct mc_account *account, bool off,
    enum mc_key_id *ret_key, struct mc_err *err);

#endif
