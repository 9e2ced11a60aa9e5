/* SPDX-License-Identifier: MIT */
/*
 * keyring.h - a password out of the desktop's keyring
 */
#ifndef MC_KEYRING_H
#define MC_KEYRING_H

#include "config/config.h"

/*
 * mc_keyring_get - append what secret-tool prints for the account
 *
 * It asks the session's secret service for the item with the attributes
 * service mailchute, host HOST, user USER.  That may have somebody asked at
 * the desktop, within helper-timeout.  MC_E_NO_SECRET: no user, no session
 * bus, a keyring that stays locked, no such item; the text says what to do.
 * MC_E_HELPER: no secret-tool, or it reaches no keyring.  MC_E_CANCELLED,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_keyring_get(const struct mc_account *account,
    const struct mc_caller *caller, int cancel_fd, struct mc_buf *out,
    struct mc_err *err);

#endif
