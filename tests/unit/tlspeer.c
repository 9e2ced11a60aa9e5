/* SPDX-License-Identifier: MIT */
/*
 * Servers for tests.
 */
#include "base/base.h"

#include "tlspeer.h"

#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>

static void *
serve(void *arg)
{
	struct peer *p = arg;
	/* SIGPIPE stays deadly for the thread under test */
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	int fd = accept(p->listen_fd, NULL, NULL);
	if (fd != -1) {
		p->fn(fd, p->arg);
		close(fd);
	}
	return NULL;
}

static void
die(const char *what)
{
	perror(what);
	abort();
}

void
peer_start(struct peer *p, peer_fn fn, void *arg)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	*p = (struct peer){ .fn = fn, .arg = arg };
	p->listen_fd = socket(AF_INET, SOCK_STREAM, 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* a client that writes much shall have to wait */
	int size = 65536;
	if (p->listen_fd == -1 || setsockopt(p->listen_fd, SOL_SOCKET,
	    SO_RCVBUF, &size, sizeof(size)) == -1 || bind(p->listen_fd,
	    (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(p->listen_fd, 4) == -1 || getsockname(p->listen_fd,
	    (struct sockaddr *)&sin, &len) == -1)
		die("peer");
	snprintf(p->port, sizeof(p->port), "%u",
	    (unsigned)ntohs(sin.sin_port));
	if (pthread_create(&p->thread, NULL, serve, p) != 0)
		die("pthread_create");
}

void
peer_join(struct peer *p)
{
	/* wakes accept when nobody connected */
	shutdown(p->listen_fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listen_fd);
}

void
peer_drain(int fd)
{
	char buf[4096];
	shutdown(fd, SHUT_WR);
	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

static int
take_any(int ok, X509_STORE_CTX *x)
{
	(void)ok;
	(void)x;
	return 1;
}

static SSL_CTX *
make_ctx(const struct peer_tls *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, p->min != 0 ? p->min :
	    TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, p->max);
	if (p->cert != NULL) {
		SSL_CTX_use_certificate(ctx, p->cert->x);
		SSL_CTX_use_PrivateKey(ctx, p->cert->key);
	}
	if (p->chain != NULL)
		SSL_CTX_add1_chain_cert(ctx, p->chain->x);
	if (p->ciphers != NULL)
		SSL_CTX_set_cipher_list(ctx, p->ciphers);
	if (p->client_sigalgs != NULL)
		SSL_CTX_set1_client_sigalgs_list(ctx, p->client_sigalgs);
	if (p->ask_cert)
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, take_any);
	if (p->no_ems)
		SSL_CTX_set_options(ctx, SSL_OP_NO_EXTENDED_MASTER_SECRET);
	if (p->no_tickets)
		SSL_CTX_set_num_tickets(ctx, 0);
	return ctx;
}

static void
note(struct peer_tls *p)
{
	const char *sni = SSL_get_servername(p->ssl, TLSEXT_NAMETYPE_host_name);
	p->shaken = true;
	p->got_cert = SSL_get0_peer_certificate(p->ssl) != NULL;
	snprintf(p->sni, sizeof(p->sni), "%s", sni != NULL ? sni : "");
	SSL_export_keying_material(p->ssl, p->exporter, 32,
	    "EXPORTER-Channel-Binding", 24, (const unsigned char *)"", 0, 1);
}

void
peer_tls(int fd, void *arg)
{
	struct peer_tls *p = arg;
	if (p->before != NULL)
		send(fd, p->before, strlen(p->before), MSG_NOSIGNAL);
	SSL_CTX *ctx = make_ctx(p);
	p->ssl = SSL_new(ctx);
	p->fd = fd;
	SSL_set_fd(p->ssl, fd);
	if (SSL_accept(p->ssl) == 1) {
		note(p);
		if (p->talk != NULL)
			p->talk(p);
		else
			SSL_shutdown(p->ssl);
	} else
		p->reason = ERR_GET_REASON(ERR_peek_error());
	ERR_clear_error();
	SSL_free(p->ssl);
	SSL_CTX_free(ctx);
	peer_drain(fd);
}
