/* SPDX-License-Identifier: MIT */
/*
 * sockets.h - the sockets that a service listens on, and who is behind them
 */
#ifndef MC_SERVE_SOCKETS_H
#define MC_SERVE_SOCKETS_H

#include "base/err.h"

#include <sys/socket.h>

struct mc_socket {
	int fd;			/* listening, non-blocking; -1: none */
	bool is_tcp;
	bool made;		/* by us: the path is removed at the end */
	int dir;		/* of that path, locked while we have it; -1 */
	char text[128];		/* path or "127.0.0.1:25" */
	char name[108];		/* of the socket in its directory */
};

/*
 * mc_socket_unix - listen on a path
 *
 * Its directory is made (0755) if only that is missing; it has to be ours or
 * root's, and nobody else's to write in.  A socket that nobody listens on any
 * more is replaced; one that was killed has 1.3 s to let go of it.  The mode
 * is `mode`, the group `gid` unless that is -1.
 * MC_E_CONF_VALUE (the place), MC_E_QUEUE_BUSY (another service has it),
 * MC_E_IO.
 */
MC_NODISCARD int
mc_socket_unix(const char *path, mode_t mode, gid_t gid,
    struct mc_socket *ret_socket, struct mc_err *err);

/*
 * mc_socket_tcp - listen on a loopback address
 *
 * It waits for one that was killed as mc_socket_unix does.  MC_E_CONF_VALUE
 * (it is none), MC_E_IO.
 */
MC_NODISCARD int
mc_socket_tcp(const struct sockaddr *addr, socklen_t len,
    struct mc_socket *ret_socket, struct mc_err *err);

/*
 * mc_socket_take - one that somebody else has made
 *
 * It has to listen, on a path or a loopback address.  It is used as it is, and
 * becomes close-on-exec and non-blocking.  MC_E_CONF_VALUE.
 */
MC_NODISCARD int
mc_socket_take(int fd, struct mc_socket *ret_socket, struct mc_err *err);

/* close it; remove the path that we have made */
void
mc_socket_close(struct mc_socket *s);

/* is it 127.0.0.0/8 or ::1? */
bool
mc_socket_is_loopback(const struct sockaddr *addr);

/*
 * is the peer of a TCP connection there?  Some systems let other machines in, at
 * an address of loopback too (route_localnet of Linux)
 */
bool
mc_socket_peer_is_loopback(int fd);

/* 421 in place of a greeting, as far as the peer takes it; who is turned away
 * does not learn why */
void
mc_socket_turn_away(int fd);

/* "192.0.2.1" of a peer, or "unix" */
void
mc_socket_peer_text(int fd, char *ret_text, size_t size);

/*
 * mc_socket_peer - who has connected to a UNIX socket, as the kernel says
 *
 * Effective user and group at that time; pid for logs alone, 0 if it is not
 * known.  -1 with errno.
 */
MC_NODISCARD int
mc_socket_peer(int fd, uid_t *ret_uid, gid_t *ret_gid, pid_t *ret_pid);

/* all groups of that peer, up to `most`; 0 where the system does not tell */
size_t
mc_socket_peer_groups(int fd, gid_t *ret_groups, size_t most);

#endif
