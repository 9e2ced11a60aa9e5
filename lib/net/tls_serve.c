/* SPDX-License-Identifier: MIT */
/*
 * tls_serve.c - ends TLS on a socket, and passes the bytes on
 */
#include "base/base.h"

#include "net/tls_serve_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/wait.h"

#define HANDSHAKE_MS (30 * 1000)
#define IDLE_MS (3600 * 1000)
#define LAST_MS 2000		/* for the client to take the end */
#define PIECE 16384		/* the text of a record */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* bytes on their way from one side to the other */
struct flow {
	size_t at;
	size_t n;		/* behind `at` */
	bool ended;		/* nothing follows what is in here */
	bool shut;		/* and the other side was told so */
	unsigned char data[PIECE];
};

struct pump {
	const struct mc_tls_terminate *set;
	SSL *ssl;
	struct mc_tls_io io;
	int64_t deadline;
	short client;		/* what to wait for on its descriptor */
	bool moved;		/* something has happened */
	bool plain_gone;	/* nobody reads there any more */
	struct flow in;		/* from the client */
	struct flow out;
};

enum outcome { DONE, ENDED, WAIT, AGAIN, FAILED };

/* ------------------------------------------------------- calls of OpenSSL */

static void
before_call(struct pump *p)
{
	ERR_clear_error();
	p->io.receives = 0;
	p->io.blocked = false;
	p->io.sys = 0;
}

static enum outcome
outcome_of(struct pump *p, int rc)
{
	if (rc > 0)
		return DONE;
	switch (SSL_get_error(p->ssl, rc)) {
	case SSL_ERROR_ZERO_RETURN:
		return ENDED;
	case SSL_ERROR_WANT_READ:
		/* see tls_bio.c: records that are not for us */
		if (!p->io.blocked)
			return AGAIN;
		p->client |= POLLIN;
		return WAIT;
	case SSL_ERROR_WANT_WRITE:
		p->client |= POLLOUT;
		return WAIT;
	}
	return FAILED;
}

static int
fail(const struct pump *p, const char *doing, struct mc_err *err)
{
	char buf[256];

	if (p->io.sys != 0)
		return mc_err_sys(err, MC_E_CLOSED, MC_STAGE_TLS, p->io.sys,
		    "lost the client while %s", doing);
	if (p->io.eof)
		return mc_err_set(err, MC_E_CLOSED, MC_STAGE_TLS,
		    "the client went away while %s", doing);
	return mc_err_set(err, MC_E_TLS, MC_STAGE_TLS,
	    "TLS with the client failed while %s (%s)", doing,
	    mc_tls_reason(buf, sizeof(buf)));
}

/* until one of the two can go on, or the deadline has passed */
static int
wait_for(struct pump *p, short plain, struct mc_err *err)
{
	struct pollfd fds[3] = {
		{ .fd = p->set->client_fd, .events = p->client },
		{ .fd = p->plain_gone ? -1 : p->set->plain_fd,
		    .events = plain },
	};
	int n;

	/* it would still report an end, over and over */
	if (p->client == 0)
		fds[0].fd = -1;
	n = mc_wait_any(fds, 2, -1, p->deadline, MC_STAGE_TLS, err);
	/* both directions are over; what was said before is read later on */
	if (n > 0 && plain == 0 && (fds[1].revents & (POLLHUP | POLLERR)) != 0)
		p->plain_gone = true;
	return n < 0 ? -1 : 0;
}

/* --------------------------------------------------------------- handshake */

static int
handshake(struct pump *p, struct mc_err *err)
{
	int64_t ms = p->set->handshake_ms;

	p->deadline = mc_clock_after(ms != 0 ? ms : HANDSHAKE_MS);
	for (;;) {
		enum outcome o;

		before_call(p);
		p->client = 0;
		o = outcome_of(p, SSL_accept(p->ssl));
		if (o == DONE)
			return 0;
		if (o == FAILED || o == ENDED)
			return fail(p, "shaking hands", err);
		if (mc_clock_left(p->deadline) == 0)
			return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_TLS,
			    "the client did not finish the TLS handshake in "
			    "time");
		if (o == WAIT && wait_for(p, 0, err) != 0)
			return -1;
		if (p->plain_gone)
			return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_TLS,
			    "the session ended before TLS began");
	}
}

/* ---------------------------------------------------------------- the pump */

static void
moved(struct pump *p)
{
	int64_t ms = p->set->idle_ms;

	p->moved = true;
	p->deadline = mc_clock_after(ms != 0 ? ms : IDLE_MS);
}

/* what a socket said that is no error: not now */
static bool
is_later(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK || sys == EINTR;
}

static int
from_client(struct pump *p, struct mc_err *err)
{
	int got;

	if (p->in.n != 0 || p->in.ended)
		return 0;
	before_call(p);
	got = SSL_read(p->ssl, p->in.data, PIECE);
	switch (outcome_of(p, got)) {
	case DONE:
		p->in.at = 0;
		p->in.n = (size_t)got;
		moved(p);
		return 0;
	case WAIT:
		return 0;
	case AGAIN:
		/* counts as no byte of the session */
		p->moved = true;
		return 0;
	case ENDED:
		break;
	case FAILED:
		return fail(p, "reading", err);
	}
	p->in.ended = true;
	p->moved = true;
	return 0;
}

static int
to_plain(struct pump *p, struct mc_err *err)
{
	ssize_t n;

	if (p->in.n == 0)
		return 0;
	n = send(p->set->plain_fd, p->in.data + p->in.at, p->in.n,
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		p->in.at += (size_t)n;
		p->in.n -= (size_t)n;
		moved(p);
		return 0;
	}
	if (n < 0 && is_later(errno))
		return 0;
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_TLS, errno,
		    "cannot pass on what the client says");
	/* the session has heard enough; what it said last still goes out */
	p->in.n = 0;
	p->in.ended = true;
	p->in.shut = true;
	p->moved = true;
	return 0;
}

static int
from_plain(struct pump *p, struct mc_err *err)
{
	ssize_t n;

	if (p->out.n != 0 || p->out.ended)
		return 0;
	n = recv(p->set->plain_fd, p->out.data, PIECE, MSG_DONTWAIT);
	if (n < 0 && is_later(errno))
		return 0;
	if (n < 0 && errno != ECONNRESET)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_TLS, errno,
		    "cannot read what the session says");
	if (n <= 0) {
		p->out.ended = true;
		p->moved = true;
		return 0;
	}
	p->out.at = 0;
	p->out.n = (size_t)n;
	moved(p);
	return 0;
}

static int
to_client(struct pump *p, struct mc_err *err)
{
	int put;

	if (p->out.n == 0)
		return 0;
	before_call(p);
	put = SSL_write(p->ssl, p->out.data + p->out.at, (int)p->out.n);
	switch (outcome_of(p, put)) {
	case DONE:
		p->out.at += (size_t)put;
		p->out.n -= (size_t)put;
		moved(p);
		return 0;
	case WAIT:
		return 0;
	case AGAIN:
		p->moved = true;
		return 0;
	case ENDED:
	case FAILED:
		break;
	}
	return fail(p, "writing", err);
}

/* the session's end is the end; the client's is only that of its half */
static int
pump(struct pump *p, struct mc_err *err)
{
	moved(p);
	while (!p->out.ended || p->out.n != 0) {
		short plain = 0;

		p->moved = false;
		p->client = 0;
		if (from_client(p, err) != 0 || to_plain(p, err) != 0 ||
		    from_plain(p, err) != 0 || to_client(p, err) != 0)
			return -1;
		if (p->in.ended && p->in.n == 0 && !p->in.shut) {
			(void)shutdown(p->set->plain_fd, SHUT_WR);
			p->in.shut = true;
		}
		if (mc_clock_left(p->deadline) == 0)
			return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_TLS,
			    "nothing came over TLS for too long");
		if (p->moved)
			continue;
		if (p->in.n != 0)
			plain |= POLLOUT;
		if (p->out.n == 0 && !p->out.ended)
			plain |= POLLIN;
		if (wait_for(p, plain, err) != 0)
			return -1;
	}
	return 0;
}

/* ----------------------------------------------------------------- the end */

/*
 * close_notify, and then what the client still sends is read and dropped: a
 * socket that is closed with bytes unread resets the connection, and the
 * last reply might go with it.
 */
static void
part(struct pump *p)
{
	struct mc_err err = { .code = MC_OK };

	p->deadline = mc_clock_after(LAST_MS);
	before_call(p);
	(void)SSL_shutdown(p->ssl);
	(void)shutdown(p->set->client_fd, SHUT_WR);
	while (!p->io.eof && mc_clock_left(p->deadline) != 0) {
		ssize_t n = recv(p->set->client_fd, p->in.data, PIECE,
		    MSG_DONTWAIT);

		if (n == 0 || (n < 0 && !is_later(errno)))
			break;
		if (n < 0 && mc_wait_one(p->set->client_fd, POLLIN, -1,
		    p->deadline, MC_STAGE_TLS, NULL, &err) != 0)
			break;
	}
}

static int
set_up(struct pump *p, SSL_CTX *ctx, BIO_METHOD *method, struct mc_err *err)
{
	int fd = p->set->client_fd;
	int on = 1;
	int flags = fcntl(fd, F_GETFL);
	BIO *bio;

	if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_TLS, errno,
		    "cannot use the client's connection");
	/* replies are short, and each is waited for */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	p->io.fd = fd;
	p->ssl = SSL_new(ctx);
	bio = method == NULL ? NULL : BIO_new(method);
	if (p->ssl == NULL || bio == NULL) {
		BIO_free(bio);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
	}
	BIO_set_data(bio, &p->io);
	SSL_set_bio(p->ssl, bio, bio);
	return 0;
}

static int
run(struct pump *p, SSL_CTX *ctx, struct mc_err *err)
{
	BIO_METHOD *method = mc_tls_bio_method();
	int rc = set_up(p, ctx, method, err);

	if (rc == 0 && p->set->loaded != NULL)
		p->set->loaded(p->set->ctx);
	if (rc == 0)
		rc = handshake(p, err);
	if (rc == 0) {
		rc = pump(p, err);
		if (rc == 0)
			part(p);
	}
	SSL_free(p->ssl);
	BIO_meth_free(method);
	return rc;
}

static int
terminate(const struct mc_tls_terminate *t, struct mc_err *err)
{
	SSL_CTX *ctx = mc_tls_serve_ctx(&t->files, err);
	struct pump *p = mc_mem_zalloc(1, sizeof(*p));
	int rc = -1;

	if (ctx != NULL && p == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
	if (ctx != NULL && p != NULL) {
		p->set = t;
		rc = run(p, ctx, err);
		mc_mem_wipe(p, sizeof(*p));
	}
	mc_mem_free(p);
	SSL_CTX_free(ctx);
	(void)shutdown(t->plain_fd, SHUT_RDWR);
	(void)shutdown(t->client_fd, SHUT_RDWR);
	return rc;
}

const struct mc_tls_serve_ops mc_tls_serve = {
	.terminate = terminate,
	.check = mc_tls_serve_check,
	.self_signed = mc_tls_serve_self_signed,
};
