/* SPDX-License-Identifier: MIT */
/*
 * sink.c - a submission server that takes everything and keeps nothing
 *
 *	sink -c CERT -k KEY -u USER -p PASSWORD [-P] [-C]
 *
 * Listens on three free ports of loopback and prints "ports TLS STARTTLS
 * CLEAR": TLS from the start, with STARTTLS, without TLS.  One thread for each
 * connection.  -P does not offer PIPELINING, -C offers CHUNKING.  It ends with
 * its standard input.
 * For each connection one line at its end:
 *
 *	conn PORT MESSAGES BYTES AUTH QUIT FINAL WRONG TLS RCPTS
 *
 * port of the client, messages accepted, bytes of content, whether it logged
 * in, whether it said QUIT, the time (CLOCK_MONOTONIC, ns) just before the
 * last final reply was written, whether the client said anything wrong, the
 * version of TLS, and recipients taken.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER 65536

enum mode { IMPLICIT, STARTTLS, CLEAR, MODES };

static SSL_CTX *ctx;
static const char *user = "user", *password = "password";
static bool pipelining = true;
static bool chunking;
static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

struct listener {
	enum mode mode;
	int fd;
};

struct conn {
	int fd;
	enum mode mode;
	SSL *ssl;
	char in[BUFFER];
	size_t at, len;		/* in[at..len) is unread */
	char out[4096];
	size_t out_len;
	unsigned long messages, rcpts;
	unsigned long long bytes;
	long long final;
	bool auth, quit, wrong;
	bool mail, rcpt;
};

static void
die(const char *what)
{
	fprintf(stderr, "sink: %s\n", what);
	exit(1);
}

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ------------------------------------------------------------- the stream */

static bool
flush(struct conn *c)
{
	size_t done = 0;

	while (done < c->out_len) {
		int n = (int)(c->out_len - done);

		n = c->ssl != NULL ? SSL_write(c->ssl, c->out + done, n) :
		    (int)send(c->fd, c->out + done, (size_t)n, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	c->out_len = 0;
	return true;
}

static void
say(struct conn *c, const char *text)
{
	size_t n = strlen(text);

	if (c->out_len + n > sizeof(c->out) && !flush(c))
		return;
	memcpy(c->out + c->out_len, text, n);
	c->out_len += n;
}

/* more input; what is unread moves to the front */
static bool
fill(struct conn *c)
{
	int n;

	if (c->at > 0) {
		memmove(c->in, c->in + c->at, c->len - c->at);
		c->len -= c->at;
		c->at = 0;
	}
	if (c->len == sizeof(c->in))
		return false;
	n = (int)(sizeof(c->in) - c->len);
	n = c->ssl != NULL ? SSL_read(c->ssl, c->in + c->len, n) :
	    (int)recv(c->fd, c->in + c->len, (size_t)n, 0);
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	return true;
}

/* one line without its CRLF; answers go out when no further line is there */
static char *
line(struct conn *c)
{
	for (;;) {
		char *start = c->in + c->at;
		char *end = memchr(start, '\n', c->len - c->at);

		if (end != NULL) {
			c->at = (size_t)(end + 1 - c->in);
			*end = '\0';
			if (end > start && end[-1] == '\r')
				end[-1] = '\0';
			else
				c->wrong = true;
			return start;
		}
		if (!flush(c) || !fill(c))
			return NULL;
	}
}

/* read to the end of the data: CRLF.CRLF, where the CRLF before may be that
 * of the DATA command */
static bool
swallow(struct conn *c)
{
	bool first = true;

	for (;;) {
		size_t n = c->len - c->at;
		char *p = c->in + c->at, *end;

		if (first && n >= 3 && memcmp(p, ".\r\n", 3) == 0) {
			c->at += 3;
			return true;
		}
		if (n >= 3)
			first = false;
		end = memmem(p, n, "\r\n.\r\n", 5);
		if (end != NULL) {
			c->bytes += (unsigned long long)(end + 2 - p);
			c->at = (size_t)(end + 5 - c->in);
			return true;
		}
		/* keep what may be the beginning of the end */
		if (n > 4) {
			c->bytes += n - 4;
			c->at = c->len - 4;
		}
		if (!fill(c))
			return false;
	}
}

static bool
start_tls(struct conn *c)
{
	c->ssl = SSL_new(ctx);
	if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1)
		die("cannot make a TLS connection");
	/* libESMTP waits for ever when a ticket comes before its EHLO */
	if (c->mode == STARTTLS)
		SSL_set_num_tickets(c->ssl, 0);
	return SSL_accept(c->ssl) == 1;
}

/* ------------------------------------------------------------ the commands */

/* the text behind a base64 line is as expected */
static bool
is_base64_of(const char *text, const char *want, size_t n)
{
	unsigned char b64[1024];

	if (n > 700)
		return false;
	EVP_EncodeBlock(b64, (const unsigned char *)want, (int)n);
	return strcmp(text, (char *)b64) == 0;
}

static bool
plain_matches(const char *text)
{
	char want[700];
	int n = snprintf(want, sizeof(want), "%c%s%c%s", 0, user, 0, password);
	int m;

	if (is_base64_of(text, want, (size_t)n))
		return true;
	/* with the authorization identity spelt out */
	m = snprintf(want, sizeof(want), "%s%c%s%c%s", user, 0, user, 0,
	    password);
	return is_base64_of(text, want, (size_t)m);
}

static void
command_auth(struct conn *c, const char *arg)
{
	bool good = false;

	if (strncasecmp(arg, "PLAIN", 5) == 0) {
		const char *text = arg[5] == ' ' ? arg + 6 : NULL;

		if (text == NULL) {
			say(c, "334 \r\n");
			text = line(c);
		}
		good = text != NULL && plain_matches(text);
	} else if (strncasecmp(arg, "LOGIN", 5) == 0) {
		const char *text = arg[5] == ' ' ? arg + 6 : NULL;

		if (text == NULL) {
			say(c, "334 VXNlcm5hbWU6\r\n");
			text = line(c);
		}
		good = text != NULL && is_base64_of(text, user, strlen(user));
		say(c, "334 UGFzc3dvcmQ6\r\n");
		text = line(c);
		good = text != NULL &&
		    is_base64_of(text, password, strlen(password)) && good;
	}
	c->auth = good;
	if (good) {
		say(c, "235 2.7.0 welcome\r\n");
		return;
	}
	c->wrong = true;
	say(c, "535 5.7.8 no\r\n");
}

static void
command_ehlo(struct conn *c)
{
	say(c, "250-sink.example\r\n");
	if (pipelining)
		say(c, "250-PIPELINING\r\n");
	if (chunking)
		say(c, "250-CHUNKING\r\n");
	if (c->mode == STARTTLS && c->ssl == NULL)
		say(c, "250-STARTTLS\r\n");
	if (c->ssl != NULL)
		say(c, "250-AUTH PLAIN LOGIN\r\n");
	say(c, "250-SIZE 1073741824\r\n250-8BITMIME\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n");
}

static bool
command_data(struct conn *c)
{
	if (!c->mail || !c->rcpt) {
		c->wrong = true;
		say(c, "503 5.5.1 MAIL and RCPT first\r\n");
		return true;
	}
	c->mail = c->rcpt = false;
	say(c, "354 go on\r\n");
	if (!flush(c) || !swallow(c))
		return false;
	c->messages++;
	say(c, "250 2.0.0 taken\r\n");
	c->final = now();
	return flush(c);
}

static bool
command_bdat(struct conn *c, const char *arg)
{
	char *end;
	unsigned long long left = strtoull(arg, &end, 10);
	bool last = strcasecmp(end, " LAST") == 0;
	bool wanted = c->mail && c->rcpt;

	while (left > 0) {
		size_t n = c->len - c->at;

		if (n == 0) {
			if (!fill(c))
				return false;
			continue;
		}
		if (n > left)
			n = (size_t)left;
		c->at += n;
		c->bytes += n;
		left -= n;
	}
	if (!wanted || (!last && *end != '\0')) {
		c->wrong = true;
		say(c, "503 5.5.1 MAIL and RCPT first\r\n");
		return true;
	}
	if (!last) {
		say(c, "250 2.0.0 go on\r\n");
		return true;
	}
	c->mail = c->rcpt = false;
	c->messages++;
	say(c, "250 2.0.0 taken\r\n");
	c->final = now();
	return true;
}

static void
refuse(struct conn *c, const char *text)
{
	c->wrong = true;
	say(c, text);
}

static bool
begins(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

/* false: the connection is over */
static bool
command(struct conn *c, const char *text)
{
	if (begins(text, "EHLO "))
		command_ehlo(c);
	else if (begins(text, "HELO "))
		say(c, "250 sink.example\r\n");
	else if (begins(text, "AUTH "))
		command_auth(c, text + 5);
	else if (begins(text, "MAIL FROM:")) {
		if (c->mode != CLEAR && !c->auth) {
			refuse(c, "530 5.7.0 log in first\r\n");
			return true;
		}
		c->mail = true;
		say(c, "250 2.1.0 sender\r\n");
	} else if (begins(text, "RCPT TO:")) {
		c->rcpt = true;
		c->rcpts++;
		say(c, "250 2.1.5 recipient\r\n");
	} else if (begins(text, "DATA"))
		return command_data(c);
	else if (begins(text, "BDAT ") && chunking)
		return command_bdat(c, text + 5);
	else if (begins(text, "STARTTLS") && c->mode == STARTTLS &&
	    c->ssl == NULL) {
		say(c, "220 2.0.0 go on\r\n");
		return flush(c) && start_tls(c);
	} else if (begins(text, "QUIT")) {
		c->quit = true;
		say(c, "221 2.0.0 bye\r\n");
		(void)flush(c);
		return false;
	} else if (begins(text, "RSET") || begins(text, "NOOP")) {
		c->mail = c->rcpt = false;
		say(c, "250 2.0.0 well\r\n");
	} else
		refuse(c, "500 5.5.1 what?\r\n");
	return true;
}

static void
talk(struct conn *c)
{
	char *text;

	if (c->mode == IMPLICIT && !start_tls(c))
		return;
	say(c, "220 sink.example ESMTP\r\n");
	while ((text = line(c)) != NULL)
		if (!command(c, text))
			break;
}

static int
peer_port(int fd)
{
	struct sockaddr_in6 a;		/* the larger one of the two */
	socklen_t n = sizeof(a);

	if (getpeername(fd, (struct sockaddr *)&a, &n) == -1)
		return 0;
	if (a.sin6_family == AF_INET6)
		return ntohs(a.sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&a)->sin_port);
}

static void *
serve(void *arg)
{
	struct conn *c = arg;
	int port = peer_port(c->fd);

	talk(c);
	if (c->ssl != NULL && c->quit)
		(void)SSL_shutdown(c->ssl);
	pthread_mutex_lock(&out_lock);
	printf("conn %d %lu %llu %d %d %lld %d %s %lu\n", port, c->messages,
	    c->bytes, c->auth, c->quit, c->final, c->wrong,
	    c->ssl != NULL ? SSL_get_version(c->ssl) : "none",
	    c->rcpts);
	fflush(stdout);
	pthread_mutex_unlock(&out_lock);
	SSL_free(c->ssl);
	close(c->fd);
	free(c);
	return NULL;
}

/* --------------------------------------------------------------- the start */

static void *
accept_loop(void *arg)
{
	const struct listener *l = arg;

	for (;;) {
		int fd = accept(l->fd, NULL, NULL), on = 1;
		struct conn *c;
		pthread_t thread;

		if (fd == -1)
			continue;
		c = calloc(1, sizeof(*c));
		if (c == NULL)
			die("no memory");
		c->fd = fd;
		c->mode = l->mode;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		if (pthread_create(&thread, NULL, serve, c) != 0)
			die("no thread");
		pthread_detach(thread);
	}
	return NULL;
}

/* listen on one address; port 0 takes a free one; -1 where it cannot be had */
static int
listen_on(const struct sockaddr *a, socklen_t n)
{
	int fd = socket(a->sa_family, SOCK_STREAM, 0), on = 1;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, a, n) == -1 || listen(fd, 64) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
start(enum mode mode, int fd)
{
	struct listener *l = malloc(sizeof(*l));
	pthread_t thread;

	if (l == NULL)
		die("no memory");
	l->mode = mode;
	l->fd = fd;
	if (pthread_create(&thread, NULL, accept_loop, l) != 0)
		die("no thread");
	pthread_detach(thread);
}

/* the same port on ::1, where there is one: "localhost" often means it */
static int
open_port(enum mode mode)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	socklen_t n = sizeof(a4);
	int fd;

	a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = listen_on((struct sockaddr *)&a4, sizeof(a4));
	if (fd == -1 || getsockname(fd, (struct sockaddr *)&a4, &n) == -1)
		die("cannot listen on 127.0.0.1");
	start(mode, fd);
	a6.sin6_addr = in6addr_loopback;
	a6.sin6_port = a4.sin_port;
	fd = listen_on((struct sockaddr *)&a6, sizeof(a6));
	if (fd != -1)
		start(mode, fd);
	return ntohs(a4.sin_port);
}

static void
load_tls(const char *cert, const char *key)
{
	ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL ||
	    SSL_CTX_use_certificate_chain_file(ctx, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		die("cannot use the certificate");
	SSL_CTX_set_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

int
main(int argc, char **argv)
{
	const char *cert = NULL, *key = NULL;
	int opt, ports[MODES];
	char c;

	while ((opt = getopt(argc, argv, "c:k:u:p:PC")) != -1) {
		switch (opt) {
		case 'c': cert = optarg; break;
		case 'k': key = optarg; break;
		case 'u': user = optarg; break;
		case 'p': password = optarg; break;
		case 'P': pipelining = false; break;
		case 'C': chunking = true; break;
		default: return 2;
		}
	}
	if (cert == NULL || key == NULL)
		die("-c and -k are missing");
	signal(SIGPIPE, SIG_IGN);
	load_tls(cert, key);
	for (int i = 0; i < MODES; i++)
		ports[i] = open_port((enum mode)i);
	printf("ports %d %d %d\n", ports[IMPLICIT], ports[STARTTLS],
	    ports[CLEAR]);
	fflush(stdout);
	while (read(0, &c, 1) == 1)
		;
	return 0;
}
