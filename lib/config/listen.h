/* SPDX-License-Identifier: MIT */
/*
 * listen.h - the loopback addresses of `listen`
 */
#ifndef MC_CONFIG_LISTEN_H
#define MC_CONFIG_LISTEN_H

#include "base/buf.h"

#include <sys/socket.h>

/* addresses in one list */
#define MC_LISTEN_MOST 16

struct mc_listen {
	struct sockaddr_storage ss;
	socklen_t len;
};

/*
 * mc_listen_parse - "127.0.0.1:2525" or "[::1]:2525"
 *
 * Addresses out of 127.0.0.0/8, and ::1; a port from 1 to 65535.  -1 with err:
 * MC_E_CONF_VALUE.
 */
MC_NODISCARD int
mc_listen_parse(struct mc_str word, struct mc_listen *ret_listen,
    struct mc_err *err);

/* append the form that mc_listen_parse takes */
void
mc_listen_format(const struct mc_listen *listen, struct mc_buf *out);

/*
 * mc_listen_check - append the normal form of a list
 *
 * Separated by blanks or commas, each address once.  -1 with err:
 * MC_E_CONF_VALUE (also for more than MC_LISTEN_MOST, or none).
 */
MC_NODISCARD int
mc_listen_check(struct mc_str in, struct mc_buf *out, struct mc_err *err);

#endif
