/* SPDX-License-Identifier: MIT */
/*
 * test_session_serve.c - what a session has over a socket of the service:
 * log-in, another descriptor for TLS, limits that change, delays
 */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "serve/session.h"

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<c@d.example>\r\n"
#define D "DATA\r\nx\r\n.\r\n"
#define PLAIN_JOE "AGpvZQBwYXNz"

struct side {
	struct mc_session set;
	struct mc_session_result result;
	struct mc_buf log;
	int client;
	int cancel[2];
	int tls[2];		/* instead of the socket, after STARTTLS */
	bool no_tls;
	int auth_code;
	int64_t limit;		/* within 2 s of the first look, then 1 ms */
	int64_t first;
	unsigned looks;
	bool open;
	struct mc_err err;
};

static void
on_mail(void *ctx, const struct mc_server_mail *mail,
    struct mc_server_answer *answer)
{
	struct side *s = ctx;

	(void)mail;
	(void)answer;
	s->open = true;
	mc_buf_addz(&s->log, "MAIL ");
}

static void
on_rcpt(void *ctx, const struct mc_server_rcpt *rcpt,
    struct mc_server_answer *answer)
{
	(void)ctx;
	(void)rcpt;
	(void)answer;
}

static void
on_body(void *ctx, struct mc_str piece)
{
	(void)ctx;
	(void)piece;
}

static void
on_end(void *ctx, struct mc_server_answer *answer)
{
	struct side *s = ctx;

	s->open = false;
	mc_buf_addz(&s->log, "END ");
	answer->code = 250;
}

static void
on_reset(void *ctx)
{
	struct side *s = ctx;

	assert_true(s->open);
	s->open = false;
	mc_buf_addz(&s->log, "RESET ");
}

static void
on_auth(void *ctx, const struct mc_server_auth *auth,
    struct mc_server_answer *answer)
{
	struct side *s = ctx;

	mc_buf_addf(&s->log, "AUTH %.*s/%.*s ", MC_STR_FMT(auth->user),
	    MC_STR_FMT(auth->password));
	answer->code = s->auth_code;
}

static int
on_starttls(void *ctx, struct mc_err *err)
{
	struct side *s = ctx;
	char text[2000];
	ssize_t n;

	/* all that was said has left */
	n = recv(s->client, text, sizeof(text), MSG_DONTWAIT);
	assert_true(n > 21);
	assert_memory_equal(text + n - 21, "220 2.0.0 Begin TLS\r\n", 21);
	mc_buf_addz(&s->log, "TLS ");
	if (s->no_tls)
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_TLS, "not here");
	return s->tls[0];
}

static int64_t
on_limit(void *ctx)
{
	struct side *s = ctx;

	if (s->looks++ == 0)
		s->first = mc_clock_ms();
	if (s->limit == 0 || mc_clock_ms() - s->first < 2000)
		return s->limit;
	return 1;
}

static void
side_open(struct side *s)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	mc_buf_init(&s->log, 1 << 20);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s->tls), 0);
	assert_int_equal(pipe(s->cancel), 0);
	s->client = pair[1];
	s->auth_code = 235;
	s->set = (struct mc_session){
		.in_fd = pair[0], .out_fd = pair[0], .cancel_fd = s->cancel[0],
		.server = {
			.host = MC_STR("mx.example"), .offer_auth = true,
			.offer_starttls = true,
		},
		.owner = {
			.mail = on_mail, .rcpt = on_rcpt, .body = on_body,
			.end = on_end, .reset = on_reset, .auth = on_auth,
			.starttls = on_starttls, .ctx = s,
		},
		.idle_ms = 20000, .total_ms = 20000, .slow_ms = 20,
	};
}

static void
side_close(struct side *s)
{
	mc_file_close(&s->client);
	mc_file_close(&s->set.in_fd);
	for (size_t i = 0; i < 2; i++) {
		mc_file_close(&s->cancel[i]);
		mc_file_close(&s->tls[i]);
	}
	mc_buf_clear(&s->log);
}

static void
put(int fd, const char *text)
{
	assert_int_equal(mc_file_write(fd, text, strlen(text), NULL), 0);
}

static int
run(struct side *s)
{
	int rc = mc_session_run_result(&s->set, &s->result, &s->err);

	assert_false(s->open);
	assert_int_equal(rc != 0, s->err.code != MC_OK);
	return rc;
}

/* what has come to the client ends so */
static void
assert_heard(int fd, const char *end)
{
	static char text[20000];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);
	size_t k = strlen(end);

	if (n < 0)
		n = 0;
	assert_true((size_t)n >= k);
	assert_memory_equal(text + (size_t)n - k, end, k);
}

static void
test_auth(void **state)
{
	static const struct {
		int code;
		const char *end;
		const char *log;
		unsigned errors;
	} rows[] = {
		{ 235, "250 2.1.0 Sender ok\r\n", "AUTH joe/pass MAIL RESET ",
		    0 },
		{ 535, "530 5.7.0 Log in first\r\n", "AUTH joe/pass ", 2 },
		{ 0, "530 5.7.0 Log in first\r\n", "AUTH joe/pass ", 1 },
		{ 421, "421 4.7.0 Not for you, or not now\r\n",
		    "AUTH joe/pass ", 0 },
	};
	struct side s;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		side_open(&s);
		s.auth_code = rows[i].code;
		s.set.server.need_auth = true;
		put(s.client, HI "AUTH PLAIN " PLAIN_JOE "\r\n" M);
		assert_int_equal(shutdown(s.client, SHUT_WR), 0);
		assert_int_equal(run(&s), 0);
		assert_heard(s.client, rows[i].end);
		assert_string_equal(s.log.ptr, rows[i].log);
		assert_int_equal(s.result.errors, rows[i].errors);
		assert_false(s.result.tls);
		side_close(&s);
	}
	/* without an owner's word nobody gets in */
	side_open(&s);
	s.set.owner.auth = NULL;
	put(s.client, HI "AUTH PLAIN " PLAIN_JOE "\r\n");
	assert_int_equal(shutdown(s.client, SHUT_WR), 0);
	assert_int_equal(run(&s), 0);
	assert_heard(s.client, "454 4.7.0 Nobody can log in just now; try "
	    "again later\r\n");
	side_close(&s);
}

/* both directions go over to the new descriptor, and nothing to the old */
static void
test_starttls(void **state)
{
	struct side s;

	(void)state;
	side_open(&s);
	put(s.client, HI M R "STARTTLS\r\n");
	put(s.tls[1], M HI M R D "NOOP\r\nQUIT\r\n");
	assert_int_equal(run(&s), 0);
	assert_string_equal(s.log.ptr, "MAIL TLS RESET MAIL END ");
	assert_heard(s.tls[1], "221 2.0.0 Goodbye\r\n");
	assert_heard(s.client, "");
	assert_int_equal(recv(s.client, s.log.ptr, 1, MSG_DONTWAIT), -1);
	assert_true(s.result.tls);
	assert_int_equal(s.result.taken, 1);
	assert_int_equal(s.result.errors, 1);
	assert_int_equal(s.result.junk, 1);
	side_close(&s);

	/* the client goes away behind it */
	side_open(&s);
	put(s.client, HI "STARTTLS\r\n");
	put(s.tls[1], HI M R "DATA\r\nx");
	assert_int_equal(shutdown(s.tls[1], SHUT_WR), 0);
	assert_err(run(&s), s.err, MC_E_CLOSED);
	side_close(&s);
}

/* where it cannot begin, the session is over */
static void
test_no_tls(void **state)
{
	struct side s;

	(void)state;
	side_open(&s);
	s.no_tls = true;
	put(s.client, HI M "STARTTLS\r\n");
	assert_err(run(&s), s.err, MC_E_MODULE);
	assert_string_equal(s.log.ptr, "MAIL TLS RESET ");
	assert_int_equal(recv(s.client, s.log.ptr, 1, MSG_DONTWAIT), -1);
	side_close(&s);
	side_open(&s);
	s.set.owner.starttls = NULL;
	put(s.client, HI "STARTTLS\r\n");
	assert_err(run(&s), s.err, MC_E_TLS_SETUP);
	side_close(&s);
	/* bytes behind it: not even tried */
	side_open(&s);
	put(s.client, HI "STARTTLS\r\nEHLO x\r\n");
	assert_int_equal(run(&s), 0);
	assert_string_equal(s.log.ptr, "");
	assert_heard(s.client, "421 4.7.0 Nothing may follow STARTTLS before "
	    "TLS has begun\r\n");
	side_close(&s);
}

/* a limit that gets shorter holds for those who wait already */
static void
test_idle_limit(void **state)
{
	struct side s;
	int64_t begun = mc_clock_ms();

	(void)state;
	side_open(&s);
	s.set.owner.idle_limit = on_limit;
	s.limit = 15000;
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	assert_heard(s.client, "421 4.4.2 Waited too long\r\n");
	assert_true(s.looks >= 2);
	assert_true(mc_clock_ms() - begun >= 1500);
	assert_true(mc_clock_ms() - begun < 12000);
	side_close(&s);
	/* 0 is idle_ms */
	side_open(&s);
	s.set.owner.idle_limit = on_limit;
	s.set.idle_ms = 200;
	begun = mc_clock_ms();
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - begun < 4000);
	side_close(&s);
}

/* a byte now and then keeps no place, a command does, and so does a message */
static void
test_trickle(void **state)
{
	static const struct {
		const char *first;
		const char *bytes;
		bool good;
	} rows[] = {
		{ "", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", false },
		{ HI M R "DATA\r\n", "xxxxxxxxxxxxxxxx\r\n.\r\n", true },
		{ "", "NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		int64_t begun = mc_clock_ms();
		struct side s;
		pid_t pid;
		int status;

		side_open(&s);
		s.set.owner.idle_limit = on_limit;
		s.set.idle_ms = 1500;
		put(s.client, rows[i].first);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			(void)alarm(20);
			mc_file_close(&s.set.in_fd);
			for (const char *p = rows[i].bytes; *p != '\0'; p++) {
				(void)send(s.client, p, 1, MSG_NOSIGNAL);
				(void)nanosleep(&(struct timespec){
				    .tv_nsec = 100000000 }, NULL);
			}
			(void)shutdown(s.client, SHUT_WR);
			_exit(0);
		}
		(void)run(&s);
		if (rows[i].good)
			assert_int_equal(s.err.code, MC_OK);
		else
			assert_int_equal(s.err.code, MC_E_TIMEOUT);
		assert_true(rows[i].good || mc_clock_ms() - begun < 2900);
		side_close(&s);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
}

/* nobody reads the replies; the limit gets shorter there too */
static void
test_idle_limit_writing(void **state)
{
	struct side s;
	struct mc_buf in;
	int64_t begun = mc_clock_ms();
	int size = 4096;
	pid_t pid;
	int status;

	(void)state;
	side_open(&s);
	(void)setsockopt(s.set.in_fd, SOL_SOCKET, SO_SNDBUF, &size,
	    sizeof(size));
	s.set.server.max_junk = 1000000;
	s.set.owner.idle_limit = on_limit;
	s.limit = 15000;
	mc_buf_init(&in, 1 << 20);
	for (unsigned i = 0; i < 20000; i++)
		mc_buf_addz(&in, "NOOP\r\n");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(30);
		mc_file_close(&s.set.in_fd);
		(void)send(s.client, in.ptr, in.len, MSG_NOSIGNAL);
		_exit(0);
	}
	mc_buf_clear(&in);
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - begun < 14000);
	side_close(&s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void
test_delay(void **state)
{
	struct side s;
	int64_t begun = mc_clock_ms();

	(void)state;
	side_open(&s);
	s.set.delay_ms = 400;
	put(s.client, "QUIT\r\n");
	assert_int_equal(run(&s), 0);
	assert_true(mc_clock_ms() - begun >= 400);
	assert_heard(s.client, "221 2.0.0 Goodbye\r\n");
	side_close(&s);
	/* one who has gone is not waited for */
	begun = mc_clock_ms();
	side_open(&s);
	s.set.delay_ms = 15000;
	mc_file_close(&s.client);
	assert_err(run(&s), s.err, MC_E_CLOSED);
	side_close(&s);
	/* nor is a wish to end kept waiting */
	side_open(&s);
	s.set.delay_ms = 15000;
	put(s.client, "QUIT\r\n");
	put(s.cancel[1], "x");
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_heard(s.client, "421 4.3.2 Shutting down; try again later\r\n");
	side_close(&s);
	/* nor is it longer than the session */
	side_open(&s);
	s.set.delay_ms = 15000;
	s.set.total_ms = 200;
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - begun < 10000);
	side_close(&s);
}

/* each error waits longer than the one before */
static void
test_slower(void **state)
{
	int64_t begun = mc_clock_ms();
	struct side s;

	(void)state;
	side_open(&s);
	s.set.server.max_errors = 8;
	s.set.slow_ms = 50;
	put(s.client, "X\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\n");
	assert_int_equal(run(&s), 0);
	/* the fourth is the first slow one; 1 + 2 + 3 + 4 */
	assert_true(mc_clock_ms() - begun >= 500);
	assert_true(mc_clock_ms() - begun < 5000);
	assert_int_equal(s.result.errors, 8);
	assert_heard(s.client, "421 4.7.0 Too many errors\r\n");
	side_close(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_no_tls),
		cmocka_unit_test(test_idle_limit),
		cmocka_unit_test(test_trickle),
		cmocka_unit_test(test_idle_limit_writing),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_slower),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
