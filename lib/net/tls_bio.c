/* SPDX-License-Identifier: MIT */
/*
 * A BIO that sends without SIGPIPE and remembers how its last call went.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <errno.h>
#include <sys/socket.h>

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

static int
bio_write(BIO *bio, const char *p, int n)
{
	struct mc_tls_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
	ssize_t put;
	do
		put = send(io->fd, p, (size_t)n, MSG_NOSIGNAL);
	while (put == -1 && errno == EINTR);
	if (put == -1) {
		if (would_block(errno))
			BIO_set_retry_write(bio);
		else
			io->sys = errno;
	}
	return (int)put;
}

static int
bio_read(BIO *bio, char *p, int n)
{
	struct mc_tls_io *io = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
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
