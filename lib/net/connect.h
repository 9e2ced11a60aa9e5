/* SPDX-License-Identifier: MIT */
/*
 * connect.h - a connected socket: resolving and racing addresses (RFC 8305)
 */
#ifndef MC_CONNECT_H
#define MC_CONNECT_H

#include "base/fact.h"
#include "base/log.h"

struct mc_connect {
	const char *host;	/* A-label name, literal, or absolute path of a
				 * UNIX socket */
	const char *port;	/* decimal; ignored for a socket */
	const char *source;	/* local address literal or NULL */
	int64_t deadline;	/* resolving and all addresses together */
	int64_t attempt_ms;	/* one address at most; 0: 30 s */
	int64_t delay_ms;	/* before the next one is tried beside; 0:
				 * 250 ms */
	int cancel_fd;		/* -1: none */
	struct mc_str hello;	/* may leave with the SYN; empty: none */
	size_t *ret_sent;	/* how much of it did; may be NULL */
	const struct mc_log *log;
	const struct mc_facts *facts;	/* NULL: nobody asks */
};

#define MC_PEER_TEXT 128

/*
 * mc_net_connect - resolve and connect
 *
 * getaddrinfo runs in a thread of its own, so that the deadline holds; an
 * abandoned one frees its memory when it ends.  Literals and `localhost`, which
 * is 127.0.0.1 and ::1 without asking anybody, need none.  Addresses: at most
 * MC_MAX_ADDRESSES, families alternating, the resolver's first family first;
 * 0.0.0.0 and :: are skipped; attempts start delay_ms apart or at once when the
 * one before has failed; the first to connect wins, the others are closed.
 * With `source` only its family is tried.
 *
 * With `hello` an attempt beside which no other one runs uses TCP Fast Open
 * (RFC 7413) where the system has it.  `hello` may then reach a server whose
 * connection is not the one returned, and reach it twice; the caller sends what
 * *ret_sent, set on success, leaves of it.  When such an attempt fails, other
 * than by a time-out, the address is tried once more as always.
 *
 * Returns a non-blocking, close-on-exec descriptor above 2 with TCP_NODELAY set
 * (and SO_KEEPALIVE), and in ret_peer (may be NULL) "192.0.2.1:465" or the
 * path.  -1 with err: MC_E_RESOLVE (text: what the resolver said and what to
 * check), MC_E_CONNECT (each address's errno words, shortened), MC_E_TIMEOUT,
 * MC_E_CANCELLED, MC_E_CONF_VALUE (source is no literal, port no number).
 * err->sys: EAGAIN when the name could not be looked up for now; that of the
 * first address that was not merely unreachable from here, else of the first.
 */
MC_NODISCARD int
mc_net_connect(const struct mc_connect *c, char ret_peer[MC_PEER_TEXT],
    struct mc_err *err);

/* is it a loopback literal (127.0.0.0/8, ::1) or "localhost"? */
bool
mc_net_is_loopback(const char *host);

/* is it an address literal, with or without brackets? */
bool
mc_net_is_literal(const char *host);

#endif
