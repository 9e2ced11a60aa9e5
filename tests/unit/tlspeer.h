/* SPDX-License-Identifier: MIT */
/*
 * tlspeer.h - servers on 127.0.0.1 for tests, each in a thread of its own
 */
#ifndef MC_TEST_TLSPEER_H
#define MC_TEST_TLSPEER_H

#include <openssl/ssl.h>
#include <pthread.h>

#include "certs.h"

/* talks to one client; must not use cmocka's assertions */
typedef void (*peer_fn)(int fd, void *arg);

struct peer {
	int listen_fd;
	char port[8];
	pthread_t thread;
	peer_fn fn;
	void *arg;
};

/* listens and serves one connection, which is closed when fn returns */
void
peer_start(struct peer *p, peer_fn fn, void *arg);

/* wait for it, also when nobody came */
void
peer_join(struct peer *p);

/* a TLS server for peer_start: fn is peer_tls and arg one of these */
struct peer_tls {
	const struct cert *cert;
	const struct cert *chain;	/* sent behind it, or NULL */
	int min, max;			/* versions, 0: any */
	const char *ciphers;		/* up to TLS 1.2, or NULL */
	const char *client_sigalgs;
	bool ask_cert;
	bool no_ems;
	bool no_tickets;
	const char *before;		/* sent in clear first, or NULL */
	void (*talk)(struct peer_tls *p);	/* after the handshake */
	void *arg;
	/* what came of it */
	SSL *ssl;
	int fd;
	bool shaken;			/* the handshake was finished */
	bool got_cert;			/* the client showed one */
	char sni[256];			/* "" if none */
	unsigned char exporter[32];
	int reason;			/* SSL_R_... of a failure in talk */
};

void
peer_tls(int fd, void *arg);

/* read until the end, so that no reset hides what was sent */
void
peer_drain(int fd);

#endif
