/* SPDX-License-Identifier: MIT */
/*
 * tls_serve.h - the server's side of TLS, for clients on loopback
 *
 * TLS 1.2 at least; no compression, renegotiation, tickets or early data.
 * OpenSSL is in the native module: transport/module.h finds what is here.
 */
#ifndef MC_TLS_SERVE_H
#define MC_TLS_SERVE_H

#include "base/base.h"

/* certificate and key, in PEM form; what the key is in must be ours or root's,
 * and closed to all others */
struct mc_tls_serve_files {
	const char *cert;	/* with its chain behind it */
	const char *key;	/* NULL: in cert */
};

struct mc_tls_terminate {
	int client_fd;		/* the client's socket, which becomes
				 * non-blocking */
	int plain_fd;		/* one end of a pair of sockets */
	struct mc_tls_serve_files files;
	int64_t handshake_ms;	/* 0: 30 s */
	int64_t idle_ms;	/* without a byte of the session in either
				 * direction; it has limits of its own, so
				 * more than those.  0: 3600 s */
	/* the files have been read, and nothing has come from the client: the
	 * time to give up what is not needed any more.  May be NULL */
	void (*loaded)(void *ctx);
	void *ctx;
};

struct mc_tls_serve_ops {
	/*
	 * terminate - end TLS on client_fd until the session is over
	 *
	 * For a process of its own.  Bytes go both ways; an end that comes from
	 * one side is handed to the other (shutdown, close_notify), while the
	 * other direction goes on.  An end of the client's without close_notify
	 * is an end like others: SMTP tells by itself what is whole.  When it
	 * returns, both sides have been shut down; neither is closed.
	 *
	 * 0 after an end that either side wanted.  -1 with err: MC_E_TLS (no
	 * handshake, or broken records), MC_E_TIMEOUT, MC_E_CLOSED (the client
	 * was cut off), MC_E_IO, and those of check.
	 */
	int (*terminate)(const struct mc_tls_terminate *t, struct mc_err *err);

	/*
	 * check - can these files be used?
	 *
	 * -1 with err: MC_E_TLS_SETUP, MC_E_CONF_SECRET, MC_E_NOMEM.
	 */
	int (*check)(const struct mc_tls_serve_files *files,
	    struct mc_err *err);

	/*
	 * self_signed - make a certificate with its key, in one file
	 *
	 * EC P-256, for localhost, 127.0.0.1 and ::1, ten years; mode 0600.  A
	 * file that is there stays as it is.  -1 with err: MC_E_TLS_SETUP,
	 * MC_E_IO, MC_E_NOMEM.
	 */
	int (*self_signed)(const char *path, struct mc_err *err);
};

/* only where OpenSSL is linked */
extern const struct mc_tls_serve_ops mc_tls_serve;

#endif
