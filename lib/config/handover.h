/* SPDX-License-Identifier: MIT */
/*
 * handover.h - the local service, to which users without a configuration hand
 * their mail
 */
#ifndef MC_HANDOVER_H
#define MC_HANDOVER_H

#include "config/config.h"

/*
 * mc_handover_look - is there a socket, and may it be used?
 *
 * Whoever can put another socket in its place gets the mail, so its directory
 * has to be root's or that of the socket's owner, and nobody else's to write.
 * One that was made for the service stays when it ends: then mail waits for it.
 * -1 with err (MC_E_CONNECT): it is not to be used, and why.
 */
#define MC_LOOK_NONE 0	/* there is no such directory */
#define MC_LOOK_THERE 1
#define MC_LOOK_AWAY 2	/* the directory is there, and no socket */
MC_NODISCARD int
mc_handover_look(const char *path, struct mc_err *err);

/*
 * mc_config_find_queued - mc_config_find for mail that waits
 *
 * What was put into the queue for the local service belongs to it also while
 * its socket is not there.
 */
MC_NODISCARD int
mc_config_find_queued(const struct mc_config *config, const char *name,
    const struct mc_account **ret_account, struct mc_err *err);

/* why an account without host cannot send, and what to do; always -1 */
int
mc_account_no_host(const struct mc_account *account, struct mc_err *err);

#endif
