/* SPDX-License-Identifier: MIT */
/*
 * test_tls_serve.c - TLS for clients: the process that ends it, and its
 * certificate
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "certs.h"
#include "net/tls_serve.h"
#include "transport/module.h"

static char dir[64];
static char pem[80];		/* self-signed */

/* a terminator in a child, with a client and a session around it */
struct side {
	struct mc_tls_terminate set;
	int client;
	int session;
	int said;		/* a pipe: the child's error */
	pid_t pid;
	SSL_CTX *ctx;
	SSL *ssl;
};

static void
child(struct side *s, int out)
{
	struct mc_err err = { .code = MC_OK };

	(void)alarm(60);
	if (mc_tls_serve.terminate(&s->set, &err) == 0)
		_exit(0);
	_exit(mc_file_write(out, &err, sizeof(err), NULL) == 0 ? 1 : 2);
}

/* two ends of a connection over loopback, the client's first */
static void
connect_pair(int ret_fds[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	ret_fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(ret_fds[0], (struct sockaddr *)&sin,
	    sizeof(sin)), 0);
	ret_fds[1] = accept(fd, NULL, NULL);
	assert_true(ret_fds[1] >= 0);
	close(fd);
}

static void
side_open(struct side *s, const struct mc_tls_terminate *set)
{
	int client[2], plain[2], said[2];

	memset(s, 0, sizeof(*s));
	s->set = *set;
	connect_pair(client);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, plain), 0);
	assert_int_equal(pipe(said), 0);
	s->set.client_fd = client[1];
	s->set.plain_fd = plain[1];
	if (s->set.files.cert == NULL)
		s->set.files.cert = pem;
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		close(client[0]);
		close(plain[0]);
		close(said[0]);
		child(s, said[1]);
	}
	close(client[1]);
	close(plain[1]);
	close(said[1]);
	s->client = client[0];
	s->session = plain[0];
	s->said = said[0];
}

/* a handshake; what SSL_connect said */
static int
shake(struct side *s, int min, int max)
{
	s->ctx = SSL_CTX_new(TLS_client_method());
	assert_non_null(s->ctx);
	SSL_CTX_set_security_level(s->ctx, 0);
	assert_int_equal(SSL_CTX_set_min_proto_version(s->ctx, min), 1);
	assert_int_equal(SSL_CTX_set_max_proto_version(s->ctx, max), 1);
	assert_int_equal(SSL_CTX_load_verify_file(s->ctx, pem), 1);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, NULL);
	s->ssl = SSL_new(s->ctx);
	assert_non_null(s->ssl);
	assert_int_equal(SSL_set1_host(s->ssl, "localhost"), 1);
	assert_int_equal(SSL_set_fd(s->ssl, s->client), 1);
	ERR_clear_error();
	return SSL_connect(s->ssl);
}

/* what the child said; closes all */
static enum mc_code
side_close(struct side *s)
{
	struct mc_err err = { .code = MC_OK };
	int status;

	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	mc_file_close(&s->client);
	mc_file_close(&s->session);
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != 0)
		assert_int_equal(mc_file_read(s->said, &err, sizeof(err)),
		    sizeof(err));
	mc_file_close(&s->said);
	if (WEXITSTATUS(status) != 0)
		assert_true(err.code != MC_OK && err.text[0] != '\0');
	return err.code;
}

static void
assert_code(enum mc_code got, enum mc_code want)
{
	assert_string_equal(mc_code_name(got), mc_code_name(want));
}

/* read text of this length, and it is the same */
static void
session_hears(struct side *s, const char *text)
{
	char got[64] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		ssize_t k = mc_file_read(s->session, got + n,
		    strlen(text) - n);

		assert_true(k > 0);
		n += (size_t)k;
	}
	assert_string_equal(got, text);
}

static void
session_says(struct side *s, const char *text)
{
	assert_int_equal(mc_file_write(s->session, text, strlen(text), NULL),
	    0);
}

static void
client_hears(struct side *s, const char *text)
{
	char got[64] = "";
	int n = SSL_read(s->ssl, got, sizeof(got) - 1);

	assert_int_equal(n, (int)strlen(text));
	assert_string_equal(got, text);
}

static void
client_says(struct side *s, const char *text)
{
	assert_int_equal(SSL_write(s->ssl, text, (int)strlen(text)),
	    (int)strlen(text));
}

/* nothing but the end is left for the session */
static void
assert_session_over(struct side *s)
{
	char c;

	assert_int_equal(mc_file_read(s->session, &c, 1), 0);
}

static const struct mc_tls_terminate usual = { .handshake_ms = 20000,
    .idle_ms = 20000 };

/* ---------------------------------------------------------------- sessions */

static void
test_talk(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(versions); i++) {
		struct side s;
		char c;

		side_open(&s, &usual);
		assert_int_equal(shake(&s, versions[i], versions[i]), 1);
		for (unsigned k = 0; k < 3; k++) {
			client_says(&s, "EHLO x\r\n");
			session_hears(&s, "EHLO x\r\n");
			session_says(&s, "250 hello\r\n");
			client_hears(&s, "250 hello\r\n");
		}
		/* nothing that another connection could go on with */
		assert_false(SSL_SESSION_has_ticket(SSL_get0_session(s.ssl)));
		assert_int_equal(SSL_SESSION_get_max_early_data(
		    SSL_get0_session(s.ssl)), 0);
		assert_null(SSL_get_current_compression(s.ssl));
		/* the session ends, in good order */
		session_says(&s, "221 bye\r\n");
		mc_file_close(&s.session);
		client_hears(&s, "221 bye\r\n");
		assert_int_equal(SSL_get_error(s.ssl, SSL_read(s.ssl, &c, 1)),
		    SSL_ERROR_ZERO_RETURN);
		assert_code(side_close(&s), MC_OK);
	}
}

/* the end of the client: by close_notify and without, its half or all */
static void
test_client_ends(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		struct side s;
		char c;

		side_open(&s, &usual);
		assert_int_equal(shake(&s, TLS1_2_VERSION, 0), 1);
		client_says(&s, "QUIT\r\n");
		if (how % 2 == 0)
			(void)SSL_shutdown(s.ssl);
		if (how < 2)
			assert_int_equal(shutdown(s.client, SHUT_WR), 0);
		else
			mc_file_close(&s.client);
		session_hears(&s, "QUIT\r\n");
		assert_session_over(&s);
		if (how < 2) {
			session_says(&s, "221 bye\r\n");
			client_hears(&s, "221 bye\r\n");
		}
		mc_file_close(&s.session);
		if (how < 2)
			assert_int_equal(SSL_get_error(s.ssl,
			    SSL_read(s.ssl, &c, 1)), SSL_ERROR_ZERO_RETURN);
		assert_code(side_close(&s), MC_OK);
	}
}

#define BIG (3 * 1024 * 1024)

/* more than any buffer holds, one way and then the other */
static void
test_big(void **state)
{
	struct side s;
	pid_t pid;
	char piece[10000];
	size_t got = 0;
	int status, n;

	(void)state;
	memset(piece, 'y', sizeof(piece));
	side_open(&s, &usual);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60);
		close(s.client);
		for (;;) {
			ssize_t k = mc_file_read(s.session, piece, 7000);

			if (k <= 0)
				break;
			got += (size_t)k;
		}
		if (got != BIG)
			_exit(1);
		for (size_t i = 0; i < BIG; i += 4096)
			if (mc_file_write(s.session, piece, 4096, NULL) != 0)
				_exit(2);
		_exit(0);
	}
	mc_file_close(&s.session);
	assert_int_equal(shake(&s, TLS1_2_VERSION, 0), 1);
	for (size_t i = 0; i < BIG; i += 8192)
		assert_int_equal(SSL_write(s.ssl, piece, 8192), 8192);
	(void)SSL_shutdown(s.ssl);
	while ((n = SSL_read(s.ssl, piece, sizeof(piece))) > 0)
		got += (size_t)n;
	assert_int_equal(SSL_get_error(s.ssl, n), SSL_ERROR_ZERO_RETURN);
	assert_int_equal(got, BIG);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_code(side_close(&s), MC_OK);
}

static double
child_seconds(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_CHILDREN, &u), 0);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	    (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void
rest(long ms)
{
	(void)nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 },
	    NULL);
}

/* a side that does not read, or has gone, is waited for without turning */
static void
test_stalled(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 4; how++) {
		double before = child_seconds();
		char piece[4096] = "";
		struct side s;
		int n = 1;

		side_open(&s, &usual);
		assert_int_equal(shake(&s, TLS1_2_VERSION, 0), 1);
		(void)fcntl(s.client, F_SETFL, O_NONBLOCK);
		(void)fcntl(s.session, F_SETFL, O_NONBLOCK);
		for (unsigned i = 0; i < 20000 && n > 0; i++) {
			if (how < 2)
				n = SSL_write(s.ssl, piece, sizeof(piece));
			else
				n = (int)send(s.session, piece, sizeof(piece),
				    MSG_NOSIGNAL);
			if (n <= 0)
				rest(20);
		}
		if (how == 1)
			mc_file_close(&s.client);
		if (how == 3)
			mc_file_close(&s.session);
		rest(700);
		(void)side_close(&s);
		assert_true(child_seconds() - before < 0.4);
	}
}

/* ---------------------------------------------------------------- failures */

static void
test_no_handshake(void **state)
{
	struct mc_tls_terminate set = usual;
	struct side s;
	int64_t begun = mc_clock_ms();
	char c;

	(void)state;
	/* in the clear */
	side_open(&s, &set);
	assert_int_equal(send(s.client, "EHLO x\r\n", 8, MSG_NOSIGNAL), 8);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TLS);
	/* too old */
	side_open(&s, &set);
	assert_true(shake(&s, TLS1_VERSION, TLS1_1_VERSION) <= 0);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TLS);
	/* gone */
	side_open(&s, &set);
	mc_file_close(&s.client);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_CLOSED);
	/* the session has ended */
	side_open(&s, &set);
	mc_file_close(&s.session);
	assert_int_equal(mc_file_read(s.client, &c, 1), 0);
	assert_code(side_close(&s), MC_E_CANCELLED);
	assert_true(mc_clock_ms() - begun < 15000);
	/* and in good time */
	set.handshake_ms = 300;
	side_open(&s, &set);
	assert_int_equal(send(s.client, "\x16\x03\x01", 3, MSG_NOSIGNAL), 3);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TIMEOUT);
	set = usual;
	set.idle_ms = 300;
	side_open(&s, &set);
	assert_int_equal(shake(&s, TLS1_2_VERSION, 0), 1);
	client_says(&s, "x");
	session_hears(&s, "x");
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - begun < 18000);
}

/* TLS 1.2 only knows it */
static void
test_renegotiation(void **state)
{
	struct side s;

	(void)state;
	side_open(&s, &usual);
	assert_int_equal(shake(&s, TLS1_2_VERSION, TLS1_2_VERSION), 1);
	assert_int_equal(SSL_renegotiate(s.ssl), 1);
	assert_true(SSL_do_handshake(s.ssl) <= 0);
	assert_int_equal(ERR_GET_REASON(ERR_peek_error()),
	    SSL_R_NO_RENEGOTIATION);
	ERR_clear_error();
	(void)side_close(&s);
}

/* a byte that was changed on the way, after the handshake */
static void
test_broken_record(void **state)
{
	static const char junk[] = "\x17\x03\x03\x00\x20"
	    "0123456789abcdef0123456789abcdef";
	struct side s;

	(void)state;
	side_open(&s, &usual);
	assert_int_equal(shake(&s, TLS1_2_VERSION, 0), 1);
	assert_int_equal(send(s.client, junk, sizeof(junk) - 1, MSG_NOSIGNAL),
	    sizeof(junk) - 1);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TLS);
}

static void
on_loaded(void *ctx)
{
	const char *path = ctx;

	/* the files may go now */
	(void)unlink(path);
}

static void
test_loaded(void **state)
{
	struct mc_tls_terminate set = usual;
	char other[100];
	struct side s;

	(void)state;
	snprintf(other, sizeof(other), "%s/other.pem", dir);
	assert_int_equal(mc_tls_serve.self_signed(other, NULL), 0);
	set.files.cert = other;
	set.loaded = on_loaded;
	set.ctx = other;
	side_open(&s, &set);
	/* another certificate than the one that the client trusts */
	assert_true(shake(&s, TLS1_2_VERSION, 0) <= 0);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TLS);
	assert_int_equal(access(other, F_OK), -1);
	side_open(&s, &set);
	assert_session_over(&s);
	assert_code(side_close(&s), MC_E_TLS_SETUP);
}

/* ------------------------------------------------------------- certificate */

static void
test_self_signed(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf before, after;
	struct stat st;
	FILE *f;
	X509 *x;
	int days, seconds;

	(void)state;
	assert_int_equal(stat(pem, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	f = fopen(pem, "r");
	assert_non_null(f);
	x = PEM_read_X509(f, NULL, NULL, NULL);
	(void)fclose(f);
	assert_non_null(x);
	assert_int_equal(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	assert_int_equal(X509_check_ip_asc(x, "::1", 0), 1);
	assert_int_not_equal(X509_check_host(x, "example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_ca(x), 0);
	assert_int_equal(X509_cmp_current_time(X509_get0_notBefore(x)), -1);
	assert_int_equal(ASN1_TIME_diff(&days, &seconds, NULL,
	    X509_get0_notAfter(x)), 1);
	assert_true(days > 3645 && days < 3660);
	X509_free(x);

	/* once is enough */
	mc_buf_init(&before, 1 << 16);
	mc_buf_init(&after, 1 << 16);
	assert_int_equal(mc_file_slurp(pem, &before, NULL, NULL, NULL), 0);
	assert_int_equal(mc_tls_serve.self_signed(pem, NULL), 0);
	assert_int_equal(mc_file_slurp(pem, &after, NULL, NULL, NULL), 0);
	assert_string_equal(before.ptr, after.ptr);
	mc_buf_clear(&before);
	mc_buf_clear(&after);
	assert_err(mc_tls_serve.self_signed("/nonexistent/x.pem", &err), err,
	    MC_E_IO);
}

static void
test_check(void **state)
{
	struct mc_tls_serve_files files = { .cert = pem };
	struct cert_spec spec = { .cn = "a", .san = "DNS:a.example" };
	struct cert a, b;
	char cert[100], key[100];
	struct mc_err err = { .code = MC_OK };

	(void)state;
	snprintf(cert, sizeof(cert), "%s/cert.pem", dir);
	snprintf(key, sizeof(key), "%s/key.pem", dir);
	assert_int_equal(mc_tls_serve.check(&files, NULL), 0);
	assert_true(cert_make(&spec, NULL, &a) && cert_make(&spec, NULL, &b));
	assert_true(cert_write(cert, 0644, &a, NULL, NULL));
	assert_true(cert_write(key, 0600, NULL, &a, NULL));
	files = (struct mc_tls_serve_files){ cert, key };
	assert_int_equal(mc_tls_serve.check(&files, NULL), 0);
	/* one of another certificate, and open to others */
	assert_true(cert_write(key, 0600, NULL, &b, NULL));
	assert_err(mc_tls_serve.check(&files, &err), err, MC_E_TLS_SETUP);
	assert_non_null(strstr(err.text, "serve-tls-key"));
	assert_true(cert_write(key, 0600, NULL, &a, NULL));
	assert_int_equal(chmod(key, 0640), 0);
	mc_err_reset(&err);
	assert_err(mc_tls_serve.check(&files, &err), err, MC_E_CONF_SECRET);
	assert_int_equal(unlink(key), 0);
	assert_true(cert_write(key, 0600, NULL, &a, "phrase"));
	mc_err_reset(&err);
	assert_err(mc_tls_serve.check(&files, &err), err, MC_E_TLS_SETUP);
	assert_non_null(strstr(err.text, "passphrase"));
	/* none at all */
	files.key = "/nonexistent";
	mc_err_reset(&err);
	assert_err(mc_tls_serve.check(&files, &err), err, MC_E_TLS_SETUP);
	files = (struct mc_tls_serve_files){ "/etc/passwd", key };
	mc_err_reset(&err);
	assert_err(mc_tls_serve.check(&files, &err), err, MC_E_TLS_SETUP);
	assert_non_null(strstr(err.text, "serve-tls-cert"));
	assert_int_equal(unlink(key), 0);
	assert_int_equal(unlink(cert), 0);
	cert_clear(&a);
	cert_clear(&b);
}

static void
test_no_memory(void **state)
{
	struct mc_tls_serve_files files = { .cert = pem };
	char other[100];
	unsigned long n, count;

	(void)state;
	snprintf(other, sizeof(other), "%s/other.pem", dir);
	for (n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		(void)failmalloc(n, false);
		rc = mc_tls_serve.self_signed(other, &err);
		count = failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, err, MC_E_NOMEM);
			assert_int_equal(access(other, F_OK), -1);
		}
		mc_err_reset(&err);
		(void)failmalloc(n, false);
		rc = mc_tls_serve.check(&files, &err);
		count += failmalloc(0, false);
		if (rc != 0)
			assert_err(rc, err, MC_E_NOMEM);
		(void)unlink(other);
		if (count < n)
			break;
	}
	assert_true(n > 2);
}

static void
test_find(void **state)
{
	const struct mc_tls_serve_ops *ops = NULL;

	(void)state;
	assert_int_equal(mc_tls_serve_find(&ops, NULL), 0);
	assert_ptr_equal(ops, &mc_tls_serve);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_talk),
		cmocka_unit_test(test_client_ends),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_stalled),
		cmocka_unit_test(test_no_handshake),
		cmocka_unit_test(test_renegotiation),
		cmocka_unit_test(test_broken_record),
		cmocka_unit_test(test_loaded),
		cmocka_unit_test(test_self_signed),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_find),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct mc_err err = { .code = MC_OK };
	int rc;

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)alarm(300);
	snprintf(dir, sizeof(dir), "/tmp/test_tls_serve.XXXXXX");
	if (mkdtemp(dir) == NULL)
		return 99;
	snprintf(pem, sizeof(pem), "%s/serve.pem", dir);
	if (mc_tls_serve.self_signed(pem, &err) != 0) {
		fprintf(stderr, "%s\n", err.text);
		return 99;
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(pem);
	return rmdir(dir) == 0 ? rc : 1;
}
