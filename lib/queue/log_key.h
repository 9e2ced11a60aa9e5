/* SPDX-License-Identifier: MIT */
/*
 * log_key.h - the key under which addresses are hashed for the log
 *
 * It is a file in the spool's directory, of mode 0600, which is made when it
 * is first asked for and stays: the same address gets the same name in all
 * lines about one spool, and who has only the log cannot try out addresses.
 */
#ifndef MC_LOG_KEY_H
#define MC_LOG_KEY_H

#include "base/base.h"

struct mc_store;

#define MC_LOG_KEY "log-key"
#define MC_LOG_KEY_LEN 32

/*
 * -1 with err: MC_E_QUEUE (it cannot be made or read; it is no plain file of
 * ours, is open to others, or has another length), MC_E_QUEUE_FULL,
 * MC_E_INTERNAL (no random bytes), MC_E_NOMEM
 */
MC_NODISCARD int
mc_log_key_get(const struct mc_store *store,
    unsigned char ret_key[MC_LOG_KEY_LEN], struct mc_err *err);

#endif
