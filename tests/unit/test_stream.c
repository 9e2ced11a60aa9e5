/* SPDX-License-Identifier: MIT */
/*
 * test_stream.c - bytes over a connection that does not behave
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/connect.h"
#include "net/stream.h"
#include "net/tls_internal.h"
#include "tlspeer.h"

#define LIMIT_MS 20000
#define SHORT_MS 60

static struct cert cert;	/* RSA: all signatures of one length */
static struct mc_tls *tls;

static int
set_up(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "x", .san = "DNS:mail.example",
	    .key = CERT_RSA2048 };
	if (!cert_make(&spec, NULL, &cert))
		return -1;
	char pin[64];
	cert_pin(&cert, pin);
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .pins = pin };
	return mc_tls_new(&set, &tls, NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	mc_tls_free(tls);
	cert_clear(&cert);
	return 0;
}

static int64_t
limit(void)
{
	return mc_clock_after(LIMIT_MS);
}

/* a small window makes us stop in the middle of a record */
static void
shrink(struct mc_stream *s)
{
	int size = 4096;
	setsockopt(mc_stream_fd(s), SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size));
}

static struct mc_stream *
open_stream(const struct peer *peer, int cancel_fd)
{
	struct mc_connect c = { .host = "127.0.0.1", .port = peer->port,
	    .deadline = limit(), .cancel_fd = -1 };
	struct mc_err err = { .code = MC_OK };
	struct mc_stream *s = NULL;
	int fd = mc_net_connect(&c, NULL, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(mc_stream_new(fd, cancel_fd, &s, &err), 0);
	shrink(s);
	return s;
}

/* a stream to a TLS server, handshake done */
static struct mc_stream *
open_tls(struct peer *peer, struct peer_tls *p, int cancel_fd)
{
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	p->cert = &cert;
	peer_start(peer, peer_tls, p);
	struct mc_stream *s = open_stream(peer, cancel_fd);
	assert_int_equal(mc_stream_start_tls(s, tls, false, limit(), &info,
	    &err), 0);
	return s;
}

/* read until `n` bytes or the end */
static int
read_all(struct mc_stream *s, char *buf, size_t n, size_t *ret_got,
    struct mc_err *err)
{
	*ret_got = 0;
	while (*ret_got < n) {
		size_t got;
		if (mc_stream_read(s, buf + *ret_got, n - *ret_got, limit(),
		    &got, err) == -1)
			return -1;
		if (got == 0)
			break;
		*ret_got += got;
	}
	return 0;
}

/* the byte that belongs at an offset of a long stream */
static char
pattern(size_t i)
{
	return (char)(i * 7 + i / 251);
}

static void
settle(void)
{
	poll(NULL, 0, SHORT_MS);
}

/* -------------------------------------------------------- simple dialogue */

static void
say_hello(int fd, void *arg)
{
	(void)arg;
	send(fd, "220 hello\r\n", 11, MSG_NOSIGNAL);
	peer_drain(fd);
}

static void
clear_read(void **state)
{
	(void)state;
	struct peer peer;
	char buf[64];
	size_t got;
	struct mc_err err = { .code = MC_OK };
	peer_start(&peer, say_hello, NULL);
	struct mc_stream *s = open_stream(&peer, -1);
	assert_true(mc_stream_fd(s) > 2);
	assert_int_equal(read_all(s, buf, sizeof(buf), &got, &err), 0);
	assert_str(mc_str_make(buf, got), "220 hello\r\n");
	/* and the end stays the end */
	assert_true(mc_stream_readable(s));
	assert_int_equal(mc_stream_read(s, buf, 1, limit(), &got, &err), 0);
	assert_int_equal(got, 0);
	mc_stream_free(s);
	peer_join(&peer);
	mc_stream_free(NULL);
}

/* answers each line with itself */
static void
echo_talk(struct peer_tls *p)
{
	char buf[1024];
	int n;
	while ((n = SSL_read(p->ssl, buf, sizeof(buf))) > 0)
		SSL_write(p->ssl, buf, n);
	SSL_shutdown(p->ssl);
}

static void
tls_dialogue(void **state)
{
	(void)state;
	for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
		struct peer peer;
		struct peer_tls p = { .max = max, .talk = echo_talk };
		struct mc_err err = { .code = MC_OK };
		struct mc_stream *s = open_tls(&peer, &p, -1);
		char buf[64];
		size_t got, done;
		/* TLS 1.3 has sent tickets by now: no data for us */
		settle();
		assert_false(mc_stream_readable(s));
		for (int i = 0; i < 3; i++) {
			assert_int_equal(mc_stream_write(s, "EHLO x\r\n", 8,
			    true, limit(), &done, &err), 0);
			assert_int_equal(done, 8);
			assert_int_equal(read_all(s, buf, 8, &got, &err), 0);
			assert_memory_equal(buf, "EHLO x\r\n", 8);
			assert_false(mc_stream_readable(s));
		}
		/* TLS cannot be put inside TLS */
		struct mc_tls_info info;
		assert_err(mc_stream_start_tls(s, tls, true, limit(), &info,
		    &err), err, MC_E_INTERNAL);
		mc_stream_free(s);
		peer_join(&peer);
	}
}

/* B3: the answer to a question that was not asked yet */
static void
early_talk(struct peer_tls *p)
{
	SSL_write(p->ssl, "250 x\r\n", 7);
	SSL_shutdown(p->ssl);
}

static void
early_data_shows(void **state)
{
	(void)state;
	for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
		struct peer peer;
		struct peer_tls p = { .max = max, .talk = early_talk };
		struct mc_stream *s = open_tls(&peer, &p, -1);
		struct pollfd fd = { mc_stream_fd(s), POLLIN, 0 };
		for (int i = 0; i < 100 && !mc_stream_readable(s); i++)
			poll(&fd, 1, 100);
		assert_true(mc_stream_readable(s));
		char buf[16];
		size_t got;
		assert_int_equal(mc_stream_read(s, buf, sizeof(buf), limit(),
		    &got, NULL), 0);
		assert_str(mc_str_make(buf, got), "250 x\r\n");
		assert_int_equal(mc_stream_read(s, buf, sizeof(buf), limit(),
		    &got, NULL), 0);
		assert_int_equal(got, 0);
		mc_stream_free(s);
		peer_join(&peer);
	}
}

/* close_notify is an end also while TCP stays open */
static void
half_close_talk(struct peer_tls *p)
{
	char c;
	SSL_shutdown(p->ssl);
	while (recv(p->fd, &c, 1, 0) > 0)
		;
}

static void
close_notify_is_the_end(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .talk = half_close_talk };
	struct mc_err err = { .code = MC_OK };
	struct mc_stream *s = open_tls(&peer, &p, -1);
	for (int i = 0; i < 3; i++) {
		char c;
		size_t got = 9;
		assert_int_equal(mc_stream_read(s, &c, 1, limit(), &got,
		    &err), 0);
		assert_int_equal(got, 0);
		assert_true(mc_stream_readable(s));
	}
	mc_stream_free(s);
	peer_join(&peer);
}

/* ----------------------------------------------------------------- limits */

static void
silent(int fd, void *arg)
{
	(void)arg;
	char buf[1024];
	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

/* takes nothing, until the client is gone (by hang_up) */
static void
deaf(int fd, void *arg)
{
	struct pollfd p = { fd, POLLRDHUP, 0 };
	(void)arg;
	poll(&p, 1, LIMIT_MS);
}

/* a reset gets through also where the window is full */
static void
hang_up(struct mc_stream *s)
{
	struct linger now = { 1, 0 };
	setsockopt(mc_stream_fd(s), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	mc_stream_free(s);
}

static void
deadlines(void **state)
{
	(void)state;
	struct mc_tls_info info;
	char buf[16];
	size_t got;
	for (int what = 0; what < 2; what++) {
		struct peer peer;
		struct mc_err err = { .code = MC_OK };
		peer_start(&peer, silent, NULL);
		struct mc_stream *s = open_stream(&peer, -1);
		int64_t start = mc_clock_ms();
		int64_t until = mc_clock_after(SHORT_MS);
		if (what == 0) {
			assert_err(mc_stream_read(s, buf, sizeof(buf), until,
			    &got, &err), err, MC_E_TIMEOUT);
			/* that is no reason not to try once more */
			err = (struct mc_err){ .code = MC_OK };
			assert_err(mc_stream_read(s, buf, sizeof(buf),
			    mc_clock_ms(), &got, &err), err, MC_E_TIMEOUT);
		} else {
			assert_err(mc_stream_start_tls(s, tls, false, until,
			    &info, &err), err, MC_E_TIMEOUT);
			assert_int_equal(err.stage, MC_STAGE_TLS);
			/* but half a handshake is the end of it */
			err = (struct mc_err){ .code = MC_OK };
			assert_err(mc_stream_read(s, buf, 1, limit(), &got,
			    &err), err, MC_E_TIMEOUT);
		}
		assert_true(mc_clock_ms() - start >= SHORT_MS - 1);
		mc_stream_free(s);
		peer_join(&peer);
	}
}

static void
silent_talk(struct peer_tls *p)
{
	silent(p->fd, NULL);
}

static void
deaf_talk(struct peer_tls *p)
{
	deaf(p->fd, NULL);
}

#define MUCH (1024 * 1024)
static char much[MUCH];

static void
write_deadline(void **state)
{
	(void)state;
	for (int with_tls = 0; with_tls < 2; with_tls++) {
		struct peer peer;
		struct peer_tls p = { .talk = deaf_talk };
		struct mc_err err = { .code = MC_OK };
		struct mc_stream *s;
		if (with_tls != 0)
			s = open_tls(&peer, &p, -1);
		else {
			peer_start(&peer, deaf, NULL);
			s = open_stream(&peer, -1);
		}
		size_t done = 12345;
		for (int stop = 0; stop < 2; stop++) {
			err = (struct mc_err){ .code = MC_OK };
			assert_err(mc_stream_write(s, much, MUCH, stop != 0,
			    mc_clock_after(SHORT_MS), &done, &err), err,
			    MC_E_TIMEOUT);
			assert_int_equal(done, 12345);
		}
		hang_up(s);
		peer_join(&peer);
	}
}

static void
cancelling(void **state)
{
	(void)state;
	for (int what = 0; what < 4; what++) {
		int fds[2];
		assert_int_equal(pipe(fds), 0);
		struct peer peer;
		struct peer_tls p = { .talk = what == 3 ? deaf_talk :
		    silent_talk };
		struct mc_err err = { .code = MC_OK };
		struct mc_stream *s;
		struct mc_tls_info info;
		char buf[16];
		size_t got;
		int rc;
		if (what >= 2)
			s = open_tls(&peer, &p, fds[0]);
		else {
			peer_start(&peer, silent, NULL);
			s = open_stream(&peer, fds[0]);
		}
		assert_int_equal(write(fds[1], "x", 1), 1);
		if (what == 1)
			rc = mc_stream_start_tls(s, tls, false, limit(),
			    &info, &err);
		else if (what == 3)
			rc = mc_stream_write(s, much, MUCH, true, limit(),
			    &got, &err);
		else
			rc = mc_stream_read(s, buf, sizeof(buf), limit(),
			    &got, &err);
		assert_err(rc, err, MC_E_CANCELLED);
		hang_up(s);
		peer_join(&peer);
		close(fds[0]);
		close(fds[1]);
	}
}

/* --------------------------------------------------------------- injection */

struct inject {
	const char *text;
	bool late;		/* in a segment of its own */
};

static void
inject(int fd, void *arg)
{
	const struct inject *i = arg;
	char buf[256];
	if (i->late) {
		send(fd, "220 go\r\n", 8, MSG_NOSIGNAL);
		send(fd, i->text, strlen(i->text), MSG_NOSIGNAL);
	} else {
		snprintf(buf, sizeof(buf), "220 go\r\n%s", i->text);
		send(fd, buf, strlen(buf), MSG_NOSIGNAL);
	}
	peer_drain(fd);
}

static void
injected(void **state)
{
	static const struct inject rows[] = {
		{ "250 you are welcome\r\n", false },
		{ "250 you are welcome\r\n", true },
		{ "250 half a li", false },
		{ "250 half a li", true },
		{ "x", false },
		{ "x", true },
		{ "\026\003\003", true },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct peer peer;
		struct inject row = rows[i];
		struct mc_err err = { .code = MC_OK };
		struct mc_tls_info info;
		char buf[8];
		size_t got;
		peer_start(&peer, inject, &row);
		struct mc_stream *s = open_stream(&peer, -1);
		assert_int_equal(read_all(s, buf, 8, &got, &err), 0);
		struct pollfd fd = { mc_stream_fd(s), POLLIN, 0 };
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
		assert_true(mc_stream_readable(s));
		assert_err(mc_stream_start_tls(s, tls, true, limit(), &info,
		    &err), err, MC_E_INJECTED);
		/* nothing more will come out of this connection */
		err = (struct mc_err){ .code = MC_OK };
		assert_err(mc_stream_read(s, buf, 1, limit(), &got, &err),
		    err, MC_E_INJECTED);
		err = (struct mc_err){ .code = MC_OK };
		assert_err(mc_stream_write(s, buf, 1, false, limit(), &got,
		    &err), err, MC_E_INJECTED);
		mc_stream_free(s);
		peer_join(&peer);
	}
}

/* an attacker who is a moment later: it reaches the handshake instead */
static void
injected_into_handshake(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .cert = &cert, .before = "250 x\r\n" };
	struct mc_err err = { .code = MC_OK };
	struct mc_tls_info info;
	peer_start(&peer, peer_tls, &p);
	struct mc_stream *s = open_stream(&peer, -1);
	int rc = mc_stream_start_tls(s, tls, true, limit(), &info, &err);
	assert_int_equal(rc, -1);
	assert_true(err.code == MC_E_INJECTED || err.code == MC_E_TLS);
	mc_stream_free(s);
	peer_join(&peer);
}

/* STARTTLS as it should be */
static void
starttls_server(int fd, void *arg)
{
	char buf[64];
	send(fd, "220 go\r\n", 8, MSG_NOSIGNAL);
	if (recv(fd, buf, 1, MSG_PEEK) == 1)
		peer_tls(fd, arg);
}

static void
starttls(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .cert = &cert, .talk = echo_talk };
	struct mc_err err = { .code = MC_OK };
	struct mc_tls_info info;
	char buf[8];
	size_t got;
	peer_start(&peer, starttls_server, &p);
	struct mc_stream *s = open_stream(&peer, -1);
	assert_int_equal(read_all(s, buf, 8, &got, &err), 0);
	assert_int_equal(mc_stream_start_tls(s, tls, true, limit(), &info,
	    &err), 0);
	assert_true(info.verified);
	mc_stream_free(s);
	peer_join(&peer);
	assert_true(p.shaken);
}

/* ----------------------------------- the end of the handshake is held back */

struct finish {
	int version;
	const struct cert *cert;
	bool shaken;		/* by what one receive brought */
	char text[8];		/* and what more there was in it */
	ssize_t got;
};

/* gives a handshake exactly what one receive brings; false: that is the end */
static bool
take_one(int fd, BIO *in, struct finish *f)
{
	char buf[8192];
	f->got = recv(fd, buf, sizeof(buf), 0);
	return f->got > 0 && BIO_write(in, buf, (int)f->got) == f->got;
}

static void
give(int fd, BIO *out)
{
	char buf[8192];
	int n;
	while ((n = BIO_read(out, buf, sizeof(buf))) > 0)
		send(fd, buf, (size_t)n, MSG_NOSIGNAL);
}

static void
finish_server(int fd, void *arg)
{
	struct finish *f = arg;
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	int n = 0;
	SSL_CTX_set_max_proto_version(ctx, f->version);
	SSL_CTX_use_certificate(ctx, f->cert->x);
	SSL_CTX_use_PrivateKey(ctx, f->cert->key);
	SSL *ssl = SSL_new(ctx);
	SSL_set_bio(ssl, in, out);
	while (take_one(fd, in, f)) {
		f->shaken = SSL_accept(ssl) == 1;
		n = f->shaken ? SSL_read(ssl, f->text, 5) : 0;
		give(fd, out);
		if (f->shaken || SSL_get_error(ssl, -1) == SSL_ERROR_SSL)
			break;
	}
	if (f->shaken && n <= 0 && take_one(fd, in, f))
		(void)SSL_read(ssl, f->text, 5);
	SSL_write(ssl, "250\r\n", 5);
	give(fd, out);
	ERR_clear_error();
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	peer_drain(fd);
}

static struct mc_stream *
open_finish(struct peer *peer, struct finish *f, const struct mc_tls *by,
    struct mc_err *err)
{
	struct mc_tls_info info;
	if (f->cert == NULL)
		f->cert = &cert;
	peer_start(peer, finish_server, f);
	struct mc_stream *s = open_stream(peer, -1);
	(void)!mc_stream_start_tls(s, by, true, limit(), &info, err);
	/* whatever leaves by itself has arrived then */
	settle();
	return s;
}

static void
end_of_handshake_rides(void **state)
{
	static const int versions[] = { TLS1_3_VERSION, TLS1_2_VERSION };
	(void)state;
	for (size_t i = 0; i < MC_NELEM(versions); i++) {
		struct peer peer;
		struct finish f = { .version = versions[i] };
		struct mc_err err = { .code = MC_OK };
		char buf[8];
		size_t n;
		struct mc_stream *s = open_finish(&peer, &f, tls, &err);
		assert_string_equal(err.text, "");
		/* that one looks does not send it */
		assert_false(mc_stream_readable(s));
		settle();
		assert_true(f.shaken == (versions[i] == TLS1_2_VERSION));
		assert_int_equal(mc_stream_write(s, "EHLO ", 5, true, limit(),
		    &n, &err), 0);
		assert_int_equal(n, 5);
		assert_int_equal(read_all(s, buf, 5, &n, &err), 0);
		assert_memory_equal(buf, "250\r\n", 5);
		mc_stream_free(s);
		peer_join(&peer);
		assert_true(f.shaken);
		assert_memory_equal(f.text, "EHLO ", 5);
	}
}

/* whoever waits without a word, or goes, sends it all the same */
static void
end_of_handshake_by_itself(void **state)
{
	(void)state;
	for (int reads = 0; reads < 2; reads++) {
		struct peer peer;
		struct finish f = { .version = TLS1_3_VERSION };
		struct mc_err err = { .code = MC_OK };
		char buf[8];
		size_t n;
		struct mc_stream *s = open_finish(&peer, &f, tls, &err);
		assert_string_equal(err.text, "");
		assert_false(f.shaken);
		if (reads == 1)
			assert_err(mc_stream_read(s, buf, 5,
			    mc_clock_after(SHORT_MS), &n, &err), err,
			    MC_E_TIMEOUT);
		mc_stream_free(s);
		peer_join(&peer);
		assert_true(f.shaken);
		assert_string_equal(f.text, "");
	}
}

/* the server hears why, and never that the handshake was good */
static void
no_end_for_a_stranger(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "x", .san = "DNS:mail.example",
	    .key = CERT_RSA2048 };
	struct cert other;
	struct peer peer;
	struct finish f = { .version = TLS1_3_VERSION, .cert = &other };
	struct mc_err err = { .code = MC_OK };
	assert_true(cert_make(&spec, NULL, &other));
	struct mc_stream *s = open_finish(&peer, &f, tls, &err);
	assert_int_equal(err.code, MC_E_TLS_CERT);
	mc_stream_free(s);
	peer_join(&peer);
	assert_false(f.shaken);
	assert_true(f.got > 0);		/* the alert */
	cert_clear(&other);
}

/* what is held comes first and whole, whatever the socket takes at a time */
static void
held_bytes_keep_their_place(void **state)
{
	(void)state;
	static struct mc_tls_io io;
	static char big[300000];
	int fds[2], size = 2048;
	size_t given = 0, got = 0;
	BIO_METHOD *method = mc_tls_bio_method();
	BIO *bio = BIO_new(method);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size)), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = pattern(i);
	io = (struct mc_tls_io){ .fd = fds[0], .hold = true };
	BIO_set_data(bio, &io);
	for (; given < 4000; given += 1000)
		assert_int_equal(BIO_write(bio, big + given, 1000), 1000);
	assert_int_equal(recv(fds[1], big, 1, 0), -1);
	/* what does not fit takes the others along; nothing gets through for
	 * long, and then everything does */
	while (given < sizeof(big) || io.n_held != 0) {
		char buf[1500];
		int n = 0;
		if (given < sizeof(big))
			n = BIO_write(bio, big + given,
			    (int)(sizeof(big) - given));
		else
			assert_true(mc_tls_io_flush(&io) >= 0);
		if (n > 0)
			given += (size_t)n;
		else if (given < sizeof(big))
			assert_true(BIO_should_write(bio));
		if (given > sizeof(big) / 2 && io.n_held == 0 && n > 1000) {
			/* held anew, in the middle */
			size_t most = sizeof(big) - given;
			n = most > 3000 ? 3000 : (int)most;
			assert_int_equal(BIO_write(bio, big + given, n), n);
			given += (size_t)n;
		}
		ssize_t took = recv(fds[1], buf, sizeof(buf), 0);
		for (ssize_t i = 0; i < took; i++)
			assert_int_equal(buf[i], pattern(got++));
	}
	for (char c; recv(fds[1], &c, 1, 0) == 1;)
		assert_int_equal(c, pattern(got++));
	assert_int_equal(got, sizeof(big));
	/* a reader sends it, and says so when the other end is gone */
	assert_int_equal(BIO_write(bio, "x", 1), 1);
	close(fds[1]);
	char c;
	assert_int_equal(BIO_read(bio, &c, 1), -1);
	assert_int_equal(io.sys, EPIPE);
	assert_false(BIO_should_retry(bio));
	BIO_free(bio);
	BIO_meth_free(method);
	close(fds[0]);
}

/* ------------------------------------------------------- cut connections */

/* passes bytes between two sockets, and cuts the way back after `cut` */
struct relay {
	char port[8];		/* of the real server */
	size_t cut;
	bool reset;
	size_t seen;
};

static void
relay(int fd, void *arg)
{
	struct relay *r = arg;
	char buf[4096];
	struct mc_connect c = { .host = "127.0.0.1", .port = r->port,
	    .deadline = limit(), .cancel_fd = -1 };
	int up = mc_net_connect(&c, NULL, NULL);
	if (up == -1)
		return;
	for (;;) {
		struct pollfd fds[2] = { { fd, POLLIN, 0 },
		    { up, POLLIN, 0 } };
		if (poll(fds, 2, LIMIT_MS) <= 0)
			break;
		ssize_t n;
		if (fds[0].revents != 0) {
			n = recv(fd, buf, sizeof(buf), 0);
			if (n <= 0)
				break;
			send(up, buf, (size_t)n, MSG_NOSIGNAL);
		}
		if (fds[1].revents != 0) {
			n = recv(up, buf, sizeof(buf), 0);
			if (n <= 0)
				break;
			size_t pass = (size_t)n;
			if (pass > r->cut - r->seen)
				pass = r->cut - r->seen;
			send(fd, buf, pass, MSG_NOSIGNAL);
			r->seen += pass;
			if (r->seen == r->cut)
				break;
		}
	}
	close(up);
	if (r->reset) {
		struct linger now = { 1, 0 };
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	} else
		peer_drain(fd);
}

static void
reply_talk(struct peer_tls *p)
{
	char buf[16];
	SSL_read(p->ssl, buf, sizeof(buf));
	SSL_write(p->ssl, "250 ok\r\n", 8);
	SSL_shutdown(p->ssl);
	peer_drain(p->fd);
}

struct cut_result {
	bool shaken;
	size_t got;		/* bytes of the reply */
	bool ended;		/* in good order */
	struct mc_err err;
	size_t seen;
};

static struct cut_result
run_cut(int max, size_t cut, bool reset)
{
	struct cut_result ret = { .shaken = false };
	struct peer server, between;
	struct peer_tls p = { .cert = &cert, .max = max,
	    .no_tickets = true, .talk = reply_talk };
	struct relay r = { .cut = cut, .reset = reset };
	struct mc_tls_info info;
	char buf[64];
	size_t got;
	peer_start(&server, peer_tls, &p);
	memcpy(r.port, server.port, sizeof(r.port));
	peer_start(&between, relay, &r);
	struct mc_stream *s = open_stream(&between, -1);
	int rc = mc_stream_start_tls(s, tls, false, limit(), &info, &ret.err);
	ret.shaken = rc == 0;
	if (rc == 0)
		rc = mc_stream_write(s, "NOOP\r\n", 6, false, limit(), &got,
		    &ret.err);
	while (rc == 0) {
		rc = mc_stream_read(s, buf, sizeof(buf), limit(), &got,
		    &ret.err);
		if (rc == 0 && got == 0) {
			ret.ended = true;
			break;
		}
		if (rc == 0)
			ret.got += got;
	}
	mc_stream_free(s);
	peer_join(&between);
	peer_join(&server);
	ret.seen = r.seen;
	return ret;
}

/*
 * B8.  The reply comes as whole records: it is there, or it is not; and
 * only close_notify makes an end.
 */
static void
cut_everywhere(void **state)
{
	(void)state;
	for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
		struct cut_result whole = run_cut(max, SIZE_MAX, false);
		assert_true(whole.ended);
		assert_int_equal(whole.got, 8);
		size_t total = whole.seen;
		/* the last two records to the byte, the handshake roughly */
		size_t cut = 1;
		int last = 0;
		while (cut < total) {
			struct cut_result r = run_cut(max, cut, cut % 2 == 0);
			assert_false(r.ended);
			if (r.err.code != MC_E_CLOSED)
				fail_msg("cut %zu: %s", cut, r.err.text);
			assert_true(r.got == 0 || r.got == 8);
			assert_true((int)r.got >= last || cut % 2 == 0);
			if (cut % 2 != 0)
				last = (int)r.got;
			if (cut + 80 < total)
				cut += total / 12;
			else
				cut++;
		}
		assert_int_equal(last, 8);
	}
}

static void
goodbye(int fd, void *arg)
{
	struct linger now = { 1, 0 };
	if (arg != NULL)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
broken_pipe(void **state)
{
	(void)state;
	/* an end, where the second write meets EPIPE; then a reset */
	for (int reset = 0; reset < 2; reset++) {
		struct peer peer;
		struct mc_err err = { .code = MC_OK };
		size_t done;
		peer_start(&peer, goodbye, reset != 0 ? &err : NULL);
		struct mc_stream *s = open_stream(&peer, -1);
		struct pollfd end = { mc_stream_fd(s), POLLIN, 0 };
		assert_int_equal(poll(&end, 1, LIMIT_MS), 1);
		peer_join(&peer);
		/* SIGPIPE would end this program */
		int rc = 0;
		for (int i = 0; i < 50 && rc == 0; i++) {
			rc = mc_stream_write(s, "x", 1, true, limit(), &done,
			    &err);
			poll(NULL, 0, 1);
		}
		assert_err(rc, err, MC_E_CLOSED);
		err = (struct mc_err){ .code = MC_OK };
		assert_err(mc_stream_write(s, "x", 1, true, limit(), &done,
		    &err), err, MC_E_CLOSED);
		assert_true(mc_stream_readable(s));
		mc_stream_free(s);
	}
}

static void
reset_talk(struct peer_tls *p)
{
	struct linger now = { 1, 0 };
	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	SSL_set_quiet_shutdown(p->ssl, 1);
	shutdown(p->fd, SHUT_RDWR);
}

static void
broken_pipe_tls(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .talk = reset_talk };
	struct mc_err err = { .code = MC_OK };
	size_t done;
	struct mc_stream *s = open_tls(&peer, &p, -1);
	peer_join(&peer);
	int rc = 0;
	for (int i = 0; i < 50 && rc == 0; i++)
		rc = mc_stream_write(s, much, 65536, false, limit(), &done,
		    &err);
	assert_err(rc, err, MC_E_CLOSED);
	mc_stream_free(s);
}

/* ---------------------------------------------------------- large amounts */

struct sink {
	const char *say;
	size_t got;
	bool wrong;
};

static void
take(struct sink *k, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != pattern(k->got + i))
			k->wrong = true;
	k->got += n;
}

static void
clear_sink(int fd, void *arg)
{
	struct sink *k = arg;
	static char buf[65536];
	ssize_t n;
	settle();
	if (k->say != NULL)
		send(fd, k->say, strlen(k->say), MSG_NOSIGNAL);
	settle();
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		take(k, buf, (size_t)n);
}

static void
sink_talk(struct peer_tls *p)
{
	struct sink *k = p->arg;
	static char buf[65536];
	int n;
	settle();
	if (k->say != NULL)
		SSL_write(p->ssl, k->say, (int)strlen(k->say));
	settle();
	while ((n = SSL_read(p->ssl, buf, sizeof(buf))) > 0)
		take(k, buf, (size_t)n);
	SSL_shutdown(p->ssl);
}

/* write all, reading what the server says in between */
static void
pump(struct mc_stream *s, size_t total, bool stop, const char *want)
{
	struct mc_err err = { .code = MC_OK };
	char heard[64];
	size_t n_heard = 0;
	size_t sent = 0;
	while (sent < total) {
		size_t n = total - sent;
		size_t done;
		assert_int_equal(mc_stream_write(s, much + sent, n, stop,
		    limit(), &done, &err), 0);
		assert_true(done <= n);
		assert_true(stop || done == n);
		sent += done;
		if (done == n)
			break;
		size_t got;
		assert_true(mc_stream_readable(s));
		assert_int_equal(mc_stream_read(s, heard + n_heard,
		    sizeof(heard) - n_heard, limit(), &got, &err), 0);
		assert_int_not_equal(got, 0);
		n_heard += got;
	}
	if (stop)
		assert_str(mc_str_make(heard, n_heard), want);
}

static void
server_speaks_while_we_write(void **state)
{
	(void)state;
	for (size_t i = 0; i < MUCH; i++)
		much[i] = pattern(i);
	/* clear, TLS 1.2, TLS 1.3 */
	for (int max = TLS1_2_VERSION - 1; max <= TLS1_3_VERSION; max++) {
		for (int stop = 0; stop < 2; stop++) {
			struct peer peer;
			struct sink k = { .say = stop != 0 ?
			    "452 too much\r\n" : NULL };
			struct peer_tls p = { .max = max, .talk = sink_talk,
			    .arg = &k };
			struct mc_stream *s;
			if (max >= TLS1_2_VERSION)
				s = open_tls(&peer, &p, -1);
			else {
				peer_start(&peer, clear_sink, &k);
				s = open_stream(&peer, -1);
			}
			pump(s, MUCH, stop != 0, k.say);
			mc_stream_free(s);
			peer_join(&peer);
			assert_int_equal(k.got, MUCH);
			assert_false(k.wrong);
		}
	}
}

/* a ticket in the middle of a long write is no input for the caller */
static void
ticket_talk(struct peer_tls *p)
{
	struct sink *k = p->arg;
	static char buf[65536];
	int n;
	settle();
	SSL_new_session_ticket(p->ssl);
	SSL_do_handshake(p->ssl);
	settle();
	SSL_key_update(p->ssl, SSL_KEY_UPDATE_REQUESTED);
	SSL_do_handshake(p->ssl);
	settle();
	while ((n = SSL_read(p->ssl, buf, sizeof(buf))) > 0)
		take(k, buf, (size_t)n);
	SSL_shutdown(p->ssl);
}

static void
ticket_while_we_write(void **state)
{
	(void)state;
	struct peer peer;
	struct sink k = { .say = NULL };
	struct peer_tls p = { .max = TLS1_3_VERSION, .talk = ticket_talk,
	    .arg = &k };
	struct mc_err err = { .code = MC_OK };
	struct mc_stream *s = open_tls(&peer, &p, -1);
	size_t done;
	assert_int_equal(mc_stream_write(s, much, MUCH, true, limit(), &done,
	    &err), 0);
	assert_int_equal(done, MUCH);
	mc_stream_free(s);
	peer_join(&peer);
	assert_int_equal(k.got, MUCH);
	assert_false(k.wrong);
}

/* says why, and is gone */
static void
refuse(int fd, void *arg)
{
	char c;
	struct linger now = { 1, 0 };
	(void)arg;
	if (recv(fd, &c, 1, 0) != 1)
		return;
	send(fd, "421 go away\r\n", 13, MSG_NOSIGNAL);
	settle();
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static void
reason_for_a_reset_is_heard(void **state)
{
	(void)state;
	struct peer peer;
	struct mc_err err = { .code = MC_OK };
	peer_start(&peer, refuse, NULL);
	struct mc_stream *s = open_stream(&peer, -1);
	size_t done, got;
	char buf[32];
	assert_int_equal(mc_stream_write(s, much, MUCH, true, limit(), &done,
	    &err), 0);
	assert_true(done < MUCH);
	assert_int_equal(read_all(s, buf, 13, &got, &err), 0);
	assert_str(mc_str_make(buf, got), "421 go away\r\n");
	int rc;
	do
		rc = mc_stream_write(s, much, MUCH, true, limit(), &done,
		    &err);
	while (rc == 0 && done != 0);
	assert_err(rc, err, MC_E_CLOSED);
	mc_stream_free(s);
	peer_join(&peer);
}

/* -------------------------------------------------------- renegotiation */

static void
renegotiate_talk(struct peer_tls *p)
{
	char buf[64];
	SSL_renegotiate(p->ssl);
	SSL_do_handshake(p->ssl);	/* sends HelloRequest */
	SSL_write(p->ssl, "250 x\r\n", 7);
	int n = SSL_read(p->ssl, buf, sizeof(buf));
	if (n <= 0)
		p->reason = ERR_GET_REASON(ERR_peek_error());
	p->arg = SSL_num_renegotiations(p->ssl) == 0 &&
	    SSL_is_init_finished(p->ssl) == 0 ? p : NULL;
}

static void
renegotiation_refused(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .max = TLS1_2_VERSION,
	    .talk = renegotiate_talk };
	struct mc_err err = { .code = MC_OK };
	char buf[16];
	size_t got;
	struct mc_stream *s = open_tls(&peer, &p, -1);
	int rc = 0;
	do
		rc = mc_stream_read(s, buf, sizeof(buf), limit(), &got,
		    &err);
	while (rc == 0 && got != 0);
	assert_int_equal(rc, -1);
	mc_stream_free(s);
	peer_join(&peer);
	assert_int_equal(p.reason, SSL_R_NO_RENEGOTIATION);
}

/* a server that drowns us in records that are not for us */
static void
flood_talk(struct peer_tls *p)
{
	/* OpenSSL itself does not mind whether a ticket arrives */
	struct pollfd gone = { p->fd, POLLRDHUP, 0 };
	while (poll(&gone, 1, 0) == 0)
		if (SSL_new_session_ticket(p->ssl) != 1 ||
		    SSL_do_handshake(p->ssl) != 1)
			break;
}

static void
ticket_flood_ends_at_deadline(void **state)
{
	(void)state;
	struct peer peer;
	struct peer_tls p = { .max = TLS1_3_VERSION, .talk = flood_talk };
	struct mc_err err = { .code = MC_OK };
	char c;
	size_t got;
	struct mc_stream *s = open_tls(&peer, &p, -1);
	assert_err(mc_stream_read(s, &c, 1, mc_clock_after(SHORT_MS), &got,
	    &err), err, MC_E_TIMEOUT);
	mc_stream_free(s);
	peer_join(&peer);
}

static int
waiting(struct mc_stream *s)
{
	int n = 0;
	ioctl(mc_stream_fd(s), FIONREAD, &n);
	return n;
}

/* one call does not go on for as long as there is something to eat */
static void
ticket_flood_is_eaten_in_bites(void **state)
{
	(void)state;
	enum { ENOUGH = 150000, BITE = 90000 };
	struct peer peer;
	struct peer_tls p = { .max = TLS1_3_VERSION, .talk = flood_talk };
	struct mc_err err = { .code = MC_OK };
	char c;
	size_t got;
	int size = 400000;
	struct mc_stream *s = open_tls(&peer, &p, -1);
	setsockopt(mc_stream_fd(s), SOL_SOCKET, SO_RCVBUF, &size,
	    sizeof(size));
	/* the server is held up by our small window at some point */
	int before = 0;
	for (int i = 0; i < 1000 && before < ENOUGH; i++) {
		poll(NULL, 0, 5);
		before = waiting(s);
	}
	if (before >= ENOUGH) {
		assert_err(mc_stream_read(s, &c, 1, mc_clock_ms(), &got,
		    &err), err, MC_E_TIMEOUT);
		assert_true(before - waiting(s) <= BITE);
	} else
		print_message("# the system's buffers are too small\n");
	mc_stream_free(s);
	peer_join(&peer);
}

static void
no_memory(void **state)
{
	(void)state;
	int fds[2];
	struct mc_stream *s = NULL;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(pipe(fds), 0);
	failmalloc(1, false);
	int rc = mc_stream_new(fds[0], -1, &s, &err);
	failmalloc(0, false);
	assert_err(rc, err, MC_E_NOMEM);
	/* taken also then */
	assert_int_equal(fcntl(fds[0], F_GETFD), -1);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clear_read),
		cmocka_unit_test(tls_dialogue),
		cmocka_unit_test(early_data_shows),
		cmocka_unit_test(close_notify_is_the_end),
		cmocka_unit_test(deadlines),
		cmocka_unit_test(write_deadline),
		cmocka_unit_test(cancelling),
		cmocka_unit_test(injected),
		cmocka_unit_test(injected_into_handshake),
		cmocka_unit_test(starttls),
		cmocka_unit_test(end_of_handshake_rides),
		cmocka_unit_test(end_of_handshake_by_itself),
		cmocka_unit_test(no_end_for_a_stranger),
		cmocka_unit_test(held_bytes_keep_their_place),
		cmocka_unit_test(cut_everywhere),
		cmocka_unit_test(broken_pipe),
		cmocka_unit_test(broken_pipe_tls),
		cmocka_unit_test(server_speaks_while_we_write),
		cmocka_unit_test(ticket_while_we_write),
		cmocka_unit_test(reason_for_a_reset_is_heard),
		cmocka_unit_test(renegotiation_refused),
		cmocka_unit_test(ticket_flood_ends_at_deadline),
		cmocka_unit_test(ticket_flood_is_eaten_in_bites),
		cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
