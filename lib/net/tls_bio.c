/* SPDX-License-Identifier: MIT */
/*
 * A BIO that sends without SIGPIPE, remembers how its last call went, and can
 * hold back what ends a handshake.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0		/* SO_NOSIGPIPE is set on the socket there */
#endif

/*
 * OpenSSL stays in one call for as long as records come that are not for us
 * (tickets, key updates), so a server that sends nothing else would get past
 * every deadline.  After so many receives the caller has a look at the clock.
 */
#define MAX_RECEIVES 4

static bool
would_block(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK;
}

/* what is held goes first, in the same call; the bytes of p that have left, 0
 * also when not all of the others have; -1: not even that */
static ssize_t
send_more(struct mc_tls_io *io, const char *p, size_t n)
{
	union {
		const char *in;
		void *out;	/* sendmsg only reads, whatever its types say */
	} more = { p };
	struct iovec parts[2] = {
		{ io->held, io->n_held }, { more.out, n },
	};
	struct msghdr msg = { .msg_iov = parts, .msg_iovlen = 2 };
	ssize_t put;
	do
		put = sendmsg(io->fd, &msg, MSG_NOSIGNAL);
	while (put == -1 && errno == EINTR);
	if (put == -1) {
		if (!would_block(errno))
			io->sys = errno;
		return -1;
	}
	size_t took = (size_t)put < io->n_held ? (size_t)put : io->n_held;
	mc_tls_io_sent(io, took);
	return put - (ssize_t)took;
}

void
mc_tls_io_sent(struct mc_tls_io *io, size_t n)
{
	io->n_held -= n;
	memmove(io->held, io->held + n, io->n_held);
}

int
mc_tls_io_flush(struct mc_tls_io *io)
{
	while (io->n_held != 0)
		if (send_more(io, NULL, 0) == -1)
			return io->sys == 0 ? 0 : -1;
	return 1;
}

static int
bio_write(BIO *bio, const char *p, int n)
{
	struct mc_tls_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
	if (io->hold && (size_t)n <= sizeof(io->held) - io->n_held) {
		memcpy(io->held + io->n_held, p, (size_t)n);
		io->n_held += (size_t)n;
		return n;
	}
	if (io->fd == -1) {
		BIO_set_retry_write(bio);
		return -1;
	}
	ssize_t put = send_more(io, p, (size_t)n);
	if (put > 0)
		return (int)put;
	if (io->sys == 0)
		BIO_set_retry_write(bio);
	return -1;
}

static int
bio_read(BIO *bio, char *p, int n)
{
	struct mc_tls_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
	if (io->fd == -1) {
		io->blocked = true;
		BIO_set_retry_read(bio);
		return -1;
	}
	/* its answer is what the handshake waits for */
	if (io->hold && mc_tls_io_flush(io) != 1) {
		if (io->sys == 0)
			BIO_set_retry_write(bio);
		return -1;
	}
	if (io->receives == MAX_RECEIVES) {
		BIO_set_retry_read(bio);
		return -1;
	}
	io->receives++;
	ssize_t got;
	do
		got = recv(io->fd, p, (size_t)n, 0);
	while (got == -1 && errno == EINTR);
	if (got == 0)
		io->eof = true;
	if (got == -1) {
		if (would_block(errno)) {
			io->blocked = true;
			BIO_set_retry_read(bio);
		} else
			io->sys = errno;
	}
	for (ssize_t i = 0; i < got && io->n_first < sizeof(io->first); i++)
		io->first[io->n_first++] = (unsigned char)p[i];
	return (int)got;
}

static long
bio_ctrl(BIO *bio, int cmd, long arg, void *p)
{
	const struct mc_tls_io *io = BIO_get_data(bio);
	(void)arg;
	(void)p;
	if (cmd == BIO_CTRL_FLUSH)
		return 1;
	if (cmd == BIO_CTRL_EOF)
		return io->eof;
	return 0;
}

static int
bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

BIO_METHOD *
mc_tls_bio_method(void)
{
	/* no number by BIO_get_new_index: a process has just 127 of them */
	BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mailchute");
	if (m == NULL)
		return NULL;
	if (BIO_meth_set_write(m, bio_write) != 1 ||
	    BIO_meth_set_read(m, bio_read) != 1 ||
	    BIO_meth_set_ctrl(m, bio_ctrl) != 1 ||
	    BIO_meth_set_create(m, bio_create) != 1) {
		BIO_meth_free(m);
		return NULL;
	}
	return m;
}
