/* SPDX-License-Identifier: MIT */
/*
 * test_session.c - sessions over sockets, pipes and files, and their ends
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "serve/session.h"

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<c@d.example>\r\n"
#define D "DATA\r\nx\r\n.\r\n"

/* both sides of a session */
struct side {
	struct mc_session set;
	struct mc_buf log;	/* what the owner was told */
	struct mc_buf body;
	struct mc_buf out;	/* what the client got */
	char said[256];		/* to the log */
	int client;		/* the other end of a socket */
	int cancel[2];
	struct mc_server_answer end;
	struct mc_server_answer rcpt;
	void (*in_rcpt)(struct side *s);
	void (*in_end)(struct side *s);
	bool open;
	struct mc_err err;
};

static void
on_mail(void *ctx, const struct mc_server_mail *mail,
    struct mc_server_answer *answer)
{
	struct side *s = ctx;

	assert_false(s->open);
	s->open = true;
	assert_int_equal(answer->code, 0);
	mc_buf_addf(&s->log, "MAIL %.*s\n", MC_STR_FMT(mail->sender));
}

static void
on_rcpt(void *ctx, const struct mc_server_rcpt *rcpt,
    struct mc_server_answer *answer)
{
	struct side *s = ctx;

	assert_true(s->open);
	if (s->in_rcpt != NULL)
		s->in_rcpt(s);
	*answer = s->rcpt;
	if (s->log.len < 100000)
		mc_buf_addf(&s->log, "RCPT %.*s\n", MC_STR_FMT(rcpt->addr));
}

static void
on_body(void *ctx, struct mc_str piece)
{
	struct side *s = ctx;

	assert_true(s->open && piece.len != 0);
	mc_buf_add_str(&s->body, piece);
}

static void
on_end(void *ctx, struct mc_server_answer *answer)
{
	struct side *s = ctx;

	assert_true(s->open);
	s->open = false;
	mc_buf_addf(&s->log, "END %zu\n", s->body.len);
	if (s->in_end != NULL)
		s->in_end(s);
	*answer = s->end;
}

static void
on_reset(void *ctx)
{
	struct side *s = ctx;

	assert_true(s->open);
	s->open = false;
	mc_buf_addz(&s->log, "RESET\n");
	mc_buf_reset(&s->body);
}

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct side *s = ctx;

	(void)level;
	(void)stage;
	(void)snprintf(s->said, sizeof(s->said), "%s", text);
}

static struct mc_log logger;

static void
side_open(struct side *s)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	mc_buf_init(&s->log, 1 << 24);
	mc_buf_init(&s->body, 1 << 24);
	mc_buf_init(&s->out, 1 << 24);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(s->cancel), 0);
	s->client = pair[1];
	logger = (struct mc_log){ on_log, s, MC_LOG_INFO };
	s->set = (struct mc_session){
		.in_fd = pair[0], .out_fd = pair[0], .cancel_fd = s->cancel[0],
		.server = { .host = MC_STR("mx.example"), .lf_ok = true },
		.owner = {
			.mail = on_mail, .rcpt = on_rcpt, .body = on_body,
			.end = on_end, .reset = on_reset, .ctx = s,
		},
		.idle_ms = 20000, .total_ms = 20000, .slow_ms = 20,
		.log = &logger,
	};
	s->end = (struct mc_server_answer){ .code = 250 };
}

static void
side_close(struct side *s)
{
	mc_file_close(&s->client);
	if (s->set.out_fd != s->set.in_fd)
		mc_file_close(&s->set.out_fd);
	mc_file_close(&s->set.in_fd);
	mc_file_close(&s->cancel[0]);
	mc_file_close(&s->cancel[1]);
	mc_buf_clear(&s->log);
	mc_buf_clear(&s->body);
	mc_buf_clear(&s->out);
}

static void
put(struct side *s, const char *text)
{
	assert_int_equal(mc_file_write(s->client, text, strlen(text), NULL),
	    0);
}

/* what has come to the client, without waiting */
static void
drain(struct side *s)
{
	char piece[4096];
	ssize_t n;

	while ((n = recv(s->client, piece, sizeof(piece), MSG_DONTWAIT)) > 0)
		mc_buf_add(&s->out, piece, (size_t)n);
	mc_buf_addc(&s->out, '\0');
	s->out.len--;
}

static int
run(struct side *s)
{
	int rc = mc_session_run(&s->set, &s->err);

	assert_false(s->open);
	assert_int_equal(rc != 0, s->err.code != MC_OK);
	if (s->client >= 0)
		drain(s);
	return rc;
}

static bool
ends_with(const struct mc_buf *b, const char *text)
{
	size_t n = strlen(text);

	return b->len >= n && memcmp(b->ptr + b->len - n, text, n) == 0;
}

/* ----------------------------------------------------------- good sessions */

static void
test_socket(void **state)
{
	struct side s;

	(void)state;
	side_open(&s);
	put(&s, HI M R D M R "RSET\r\n" M R "BDAT 3 LAST\r\ny\r\nQUIT\r\n");
	assert_int_equal(run(&s), 0);
	assert_string_equal(s.log.ptr, "MAIL a@b.example\nRCPT c@d.example\n"
	    "END 3\nMAIL a@b.example\nRCPT c@d.example\nRESET\n"
	    "MAIL a@b.example\nRCPT c@d.example\nEND 3\n");
	assert_string_equal(s.body.ptr, "y\r\n");
	assert_true(ends_with(&s.out, "250 2.0.0 Ok\r\n221 2.0.0 Goodbye\r\n"));
	assert_string_equal(s.said, "");
	side_close(&s);
}

/* the end of input is QUIT */
static void
test_end_of_input(void **state)
{
	static const struct {
		const char *in;
		enum mc_code code;
		const char *end;
	} rows[] = {
		{ "", MC_OK, "220 mx.example ESMTP\r\n" },
		{ HI M R, MC_OK, "250 2.1.5 Recipient ok\r\n" },
		{ HI M R D, MC_OK, "250 2.0.0 Ok\r\n" },
		{ HI M R "DATA\r\nx", MC_E_CLOSED, "421 4.4.2 The input "
		    "ended in the middle of a message\r\n" },
		{ HI M R "BDAT 3\r\nab\nBDAT 9 LAST\r\nx", MC_E_CLOSED,
		    "421 4.4.2 The input ended in the middle of a "
		    "message\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct side s;

		side_open(&s);
		put(&s, rows[i].in);
		assert_int_equal(shutdown(s.client, SHUT_WR), 0);
		(void)run(&s);
		assert_int_equal(s.err.code, rows[i].code);
		assert_true(ends_with(&s.out, rows[i].end));
		side_close(&s);
	}
}

/* an unlinked file with this text */
static int
file_with(const char *text, size_t n)
{
	int fd = mc_file_temp(NULL, NULL);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, text, n, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* `sendmail -bs <in >out`, once with LF */
static void
test_files(void **state)
{
	static const char in[] = "EHLO c\nMAIL FROM:<a>\nRCPT TO:<b>\nDATA\n"
	    "one\n..two\n.\nQUIT\n";
	struct side s;
	char text[1024];
	ssize_t n;

	(void)state;
	side_open(&s);
	mc_file_close(&s.set.in_fd);
	mc_file_close(&s.client);
	s.set.in_fd = file_with(in, sizeof(in) - 1);
	s.set.out_fd = file_with("", 0);
	assert_int_equal(run(&s), 0);
	assert_string_equal(s.body.ptr, "one\r\n.two\r\n");
	n = pread(s.set.out_fd, text, sizeof(text), 0);
	assert_true(n > 0);
	mc_buf_add(&s.out, text, (size_t)n);
	assert_true(ends_with(&s.out, "354 Go ahead; a line with only a dot "
	    "ends it\r\n250 2.0.0 Ok\r\n221 2.0.0 Goodbye\r\n"));
	side_close(&s);
}

/* a child that waits for each reply before it goes on, and is done when all
 * came: nothing is held back */
static void
lockstep_client(int fd)
{
	static const char *const lines[] = {
		HI, M, R, "DATA\r\n", "x\r\n.\r\n", M, R, "BDAT 2\r\n\r\n",
		"BDAT 0 LAST\r\n", "NOPE\r\n", "QUIT\r\n",
	};
	size_t i = 0;
	char c[5] = "";
	size_t n = 0;

	/* "NNN " at the start of a line ends a reply */
	for (;;) {
		char ch;

		if (mc_file_read(fd, &ch, 1) != 1)
			break;
		if (n < 4)
			c[n] = ch;
		n++;
		if (ch != '\n')
			continue;
		n = 0;
		if (c[3] == '-')
			continue;
		if (i < MC_NELEM(lines) && mc_file_write(fd, lines[i],
		    strlen(lines[i]), NULL) != 0)
			_exit(2);
		i++;
	}
	_exit(i == MC_NELEM(lines) + 1 ? 0 : 1);
}

static void
test_lockstep(void **state)
{
	struct side s;
	int status;
	pid_t pid;

	(void)state;
	side_open(&s);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		mc_file_close(&s.set.in_fd);
		(void)alarm(20);
		lockstep_client(s.client);
	}
	mc_file_close(&s.client);
	assert_int_equal(run(&s), 0);
	mc_file_close(&s.set.in_fd);
	s.set.out_fd = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_string_equal(s.body.ptr, "x\r\n\r\n");
	side_close(&s);
}

/* more than any buffer holds, in both directions */
static void
test_big(void **state)
{
	struct mc_buf in;
	struct side s;
	int status;
	pid_t pid;

	(void)state;
	mc_buf_init(&in, 1 << 24);
	mc_buf_addz(&in, HI M);
	for (unsigned i = 0; i < 20000; i++)
		mc_buf_addz(&in, R);
	mc_buf_addz(&in, "DATA\r\n");
	for (unsigned i = 0; i < 60000; i++)
		mc_buf_addz(&in, "a line of text\r\n");
	mc_buf_addz(&in, ".\r\nQUIT\r\n");
	side_open(&s);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char piece[4096];
		struct pollfd p = { .fd = s.client };
		size_t at = 0;

		mc_file_close(&s.set.in_fd);
		(void)alarm(60);
		for (;;) {
			ssize_t n;

			p.events = POLLIN;
			if (at < in.len)
				p.events |= POLLOUT;
			if (poll(&p, 1, -1) < 0)
				_exit(1);
			if ((p.revents & POLLOUT) != 0) {
				n = send(s.client, in.ptr + at, in.len - at,
				    MSG_DONTWAIT | MSG_NOSIGNAL);
				at += n > 0 ? (size_t)n : 0;
			}
			if ((p.revents & (POLLIN | POLLHUP)) != 0 &&
			    mc_file_read(s.client, piece, 100) <= 0)
				_exit(0);
		}
	}
	mc_file_close(&s.client);
	assert_int_equal(run(&s), 0);
	mc_file_close(&s.set.in_fd);
	s.set.out_fd = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(ends_with(&s.log, "END 960000\n"));
	assert_int_equal(s.body.len, 960000);
	mc_buf_clear(&in);
	side_close(&s);
}

/* ---------------------------------------------------------------- bad ends */

static void
test_idle(void **state)
{
	static const char *const in[] = { "", HI, HI M R, HI M R "DATA\r\nx",
	    HI "MAIL FR", HI M R "BDAT 10\r\nx" };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(in); i++) {
		struct side s;
		int64_t begun = mc_clock_ms();

		side_open(&s);
		s.set.idle_ms = 60;
		put(&s, in[i]);
		assert_err(run(&s), s.err, MC_E_TIMEOUT);
		assert_true(ends_with(&s.out,
		    "\r\n421 4.4.2 Waited too long\r\n"));
		assert_int_equal(ends_with(&s.log, "RESET\n"),
		    i != 0 && i != 1 && i != 4);
		assert_true(mc_clock_ms() - begun >= 60);
		side_close(&s);
	}
}

/* a client that is never silent, until the session is too old */
static void
talk_for_ever(struct side *s)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, s->set.in_fd), s->set.in_fd);
	mc_file_close(&fd);
}

static void
test_total(void **state)
{
	struct side s;

	(void)state;
	side_open(&s);
	s.set.out_fd = dup(s.set.in_fd);
	assert_true(s.set.out_fd >= 0);
	s.set.total_ms = 100;
	s.set.server.max_size = 1000000;
	s.set.server.max_size *= 1000000;
	s.in_rcpt = talk_for_ever;
	put(&s, HI M R "DATA\r\n");
	(void)alarm(60);
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	(void)alarm(0);
	assert_true(ends_with(&s.out, "421 4.4.2 Waited too long\r\n"));
	assert_true(ends_with(&s.log, "RESET\n"));
	side_close(&s);
}

static void
cancel_now(struct side *s)
{
	assert_int_equal(write(s->cancel[1], "x", 1), 1);
}

static void
test_cancel(void **state)
{
	static const char bye[] =
	    "421 4.3.2 Shutting down; try again later\r\n";
	struct mc_buf in;
	struct side s;

	(void)state;
	/* no further command, though it is there */
	side_open(&s);
	put(&s, HI M R);
	cancel_now(&s);
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(ends_with(&s.out, bye));
	assert_int_equal(s.log.len, 0);
	side_close(&s);
	/* in the middle of a message */
	side_open(&s);
	s.in_rcpt = cancel_now;
	put(&s, HI M R "DATA\r\nhalf of it\r\n");
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(ends_with(&s.out, bye));
	assert_true(ends_with(&s.log, "RESET\n"));
	side_close(&s);
	/* all of the message is there: it gets its answer */
	side_open(&s);
	s.in_rcpt = cancel_now;
	put(&s, HI M R D);
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(ends_with(&s.log, "END 3\n"));
	assert_true(strstr(s.out.ptr, "\r\n250 2.0.0 Ok\r\n421 ") != NULL);
	side_close(&s);
	/* all of it has come, if not yet to us */
	side_open(&s);
	s.in_rcpt = cancel_now;
	mc_buf_init(&in, 1 << 20);
	mc_buf_addz(&in, HI M R "DATA\r\n");
	for (unsigned i = 0; i < 3000; i++)
		mc_buf_addz(&in, "text\r\n");
	mc_buf_addz(&in, ".\r\n" M);
	put(&s, in.ptr);
	mc_buf_clear(&in);
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(ends_with(&s.log, "END 18000\n"));
	side_close(&s);
}

/* the signal comes while the message is passed on; and one who never stops
 * talking does not keep us from stopping */
static void
test_cancel_at_the_end(void **state)
{
	struct side s;
	pid_t pid;

	(void)state;
	side_open(&s);
	s.in_end = cancel_now;
	put(&s, HI M R D);
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(strstr(s.out.ptr, "\r\n250 2.0.0 Ok\r\n") != NULL);
	side_close(&s);

	side_open(&s);
	s.in_end = cancel_now;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char piece[1000];

		mc_file_close(&s.set.in_fd);
		(void)alarm(20);
		(void)send(s.client, HI, strlen(HI), MSG_NOSIGNAL);
		while (send(s.client, M R D, strlen(M R D),
		    MSG_NOSIGNAL) > 0)
			(void)recv(s.client, piece, sizeof(piece),
			    MSG_DONTWAIT);
		_exit(0);
	}
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	side_close(&s);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* room for the greeting on one page, and for one more: a longer write would
 * wait for more */
static void
nearly_fill(const int fds[2])
{
	char page[4096] = "";
	int flags = fcntl(fds[1], F_GETFL);

	assert_int_equal(fcntl(fds[1], F_SETFL, flags | O_NONBLOCK), 0);
	while (write(fds[1], page, sizeof(page)) > 0)
		;
	assert_int_equal(fcntl(fds[1], F_SETFL, flags), 0);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(mc_file_read(fds[0], page, sizeof(page)),
		    sizeof(page));
}

/* replies that nobody reads stop the session, and no message is taken */
static void
test_no_reader(void **state)
{
	struct mc_buf in;
	struct side s;
	int out[2];
	pid_t pid;

	(void)state;
	mc_buf_init(&in, 1 << 24);
	mc_buf_addz(&in, HI M);
	for (unsigned i = 0; i < 20000; i++)
		mc_buf_addz(&in, R);
	mc_buf_addz(&in, D "QUIT\r\n");
	for (int cancelled = 0; cancelled < 2; cancelled++) {
		side_open(&s);
		mc_file_close(&s.set.in_fd);
		assert_int_equal(pipe(out), 0);
		s.set.in_fd = file_with(in.ptr, in.len);
		s.set.out_fd = out[1];
		s.set.idle_ms = cancelled ? 20000 : 100;
		if (!cancelled)
			nearly_fill(out);
		pid = cancelled ? fork() : 0;
		assert_true(pid >= 0);
		if (cancelled && pid == 0) {
			struct pollfd p = { out[1], POLLOUT, 0 };

			(void)alarm(60);
			while (poll(&p, 1, 0) != 0)
				(void)poll(NULL, 0, 10);
			cancel_now(&s);
			_exit(0);
		}
		assert_err(run(&s), s.err, cancelled ? MC_E_CANCELLED :
		    MC_E_TIMEOUT);
		assert_string_equal(s.err.text, "the client takes no reply");
		if (cancelled)
			assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_true(ends_with(&s.log, "RESET\n"));
		mc_file_close(&out[0]);
		side_close(&s);
	}
	mc_buf_clear(&in);
}

static void
hang_up(struct side *s)
{
	mc_file_close(&s->client);
}

static void
test_reader_gone(void **state)
{
	static const char in[] = HI M R D;
	struct side s;
	int out[2];

	(void)state;
	/* a pipe, a socket; from the beginning, or in a transaction */
	side_open(&s);
	mc_file_close(&s.set.in_fd);
	assert_int_equal(pipe(out), 0);
	mc_file_close(&out[0]);
	s.set.in_fd = file_with(in, sizeof(in) - 1);
	s.set.out_fd = out[1];
	assert_err(run(&s), s.err, MC_E_CLOSED);
	assert_int_equal(s.log.len, 0);
	side_close(&s);
	side_open(&s);
	s.in_rcpt = hang_up;
	put(&s, HI M R D);
	assert_err(run(&s), s.err, MC_E_CLOSED);
	assert_string_equal(s.log.ptr,
	    "MAIL a@b.example\nRCPT c@d.example\nRESET\n");
	side_close(&s);
}

static void
test_bad_descriptors(void **state)
{
	struct side s;
	int fd;

	(void)state;
	side_open(&s);
	fd = s.set.in_fd;
	s.set.in_fd = 1000;
	assert_err(run(&s), s.err, MC_E_IO);
	s.set.in_fd = fd;
	mc_err_reset(&s.err);
	s.set.out_fd = 1000;
	assert_err(run(&s), s.err, MC_E_IO);
	s.set.out_fd = fd;
	mc_err_reset(&s.err);
	s.set.server.host = MC_STR("a b");
	assert_err(run(&s), s.err, MC_E_BAD_VALUE);
	side_close(&s);
	/* no room on the disk for replies */
	side_open(&s);
	put(&s, HI M R D "QUIT\r\n");
	s.set.out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	if (s.set.out_fd >= 0) {
		assert_err(run(&s), s.err, MC_E_IO);
		assert_int_equal(s.log.len, 0);
	} else {
		s.set.out_fd = s.set.in_fd;
	}
	side_close(&s);
}

/* too many errors: slow, and then over; that is in the log */
static void
test_slow(void **state)
{
	int64_t begun = mc_clock_ms();
	struct side s;

	(void)state;
	side_open(&s);
	for (unsigned i = 0; i < 30; i++)
		put(&s, "NONSENSE\r\n");
	assert_int_equal(run(&s), 0);
	assert_true(mc_clock_ms() - begun >= 10 * 20);
	assert_true(ends_with(&s.out, "421 4.7.0 Too many errors\r\n"));
	assert_string_equal(s.said, "session ended: Too many errors");
	side_close(&s);
	/* a wish to end does not wait for it */
	side_open(&s);
	s.set.slow_ms = 15000;
	for (unsigned i = 0; i < 11; i++)
		put(&s, "NONSENSE\r\n");
	cancel_now(&s);
	begun = mc_clock_ms();
	assert_err(run(&s), s.err, MC_E_CANCELLED);
	assert_true(mc_clock_ms() - begun < 10000);
	side_close(&s);
}

/* the owner's words get through; what it forgets to answer is no yes */
static void
test_answers(void **state)
{
	struct side s;

	(void)state;
	side_open(&s);
	s.rcpt = (struct mc_server_answer){ 550, { 5, 7, 1 }, "not to him" };
	put(&s, HI M R "DATA\r\nQUIT\r\n");
	assert_int_equal(run(&s), 0);
	assert_true(ends_with(&s.out, "\r\n550 5.7.1 not to him\r\n"
	    "503 5.5.1 RCPT first\r\n221 2.0.0 Goodbye\r\n"));
	side_close(&s);
	side_open(&s);
	s.end.code = 0;
	put(&s, HI M R D "QUIT\r\n");
	assert_int_equal(run(&s), 0);
	assert_true(strstr(s.out.ptr, "\r\n451 4.3.0 ") != NULL);
	side_close(&s);
	side_open(&s);
	s.end = (struct mc_server_answer){ 421, { 4, 3, 2 }, "no more" };
	put(&s, HI M R D M);
	assert_int_equal(run(&s), 0);
	assert_true(ends_with(&s.out, "\r\n421 4.3.2 no more\r\n"));
	assert_string_equal(s.said, "session ended: refused by the service");
	side_close(&s);
}

static void
test_no_memory(void **state)
{
	unsigned long n;
	unsigned begun = 0;

	(void)state;
	for (n = 1;; n++) {
		struct side s;
		unsigned long count;

		side_open(&s);
		/* ours must not be what fails */
		assert_non_null(mc_buf_reserve(&s.log, 4096));
		assert_non_null(mc_buf_reserve(&s.body, 4096));
		put(&s, HI M R "BDAT 3 LAST\r\nx\r\nQUIT\r\n");
		(void)failmalloc(n, false);
		s.err.code = MC_OK;
		if (mc_session_run(&s.set, &s.err) != 0)
			assert_int_equal(s.err.code, MC_E_NOMEM);
		else
			begun++;
		count = failmalloc(0, false);
		assert_false(s.open);
		side_close(&s);
		if (count < n)
			break;
	}
	assert_true(n > 10 && begun > 3);
}

static int64_t
on_idle(void *ctx)
{
	struct side *s = ctx;

	mc_buf_addz(&s->log, "idle ");
	return mc_clock_after(100);
}

/* asked again and again, which does not make the wait longer */
static void
test_idle_owner(void **state)
{
	struct side s;
	int64_t begun = mc_clock_ms();

	(void)state;
	side_open(&s);
	s.set.idle_ms = 550;
	s.set.owner.idle = on_idle;
	put(&s, HI M);
	assert_err(run(&s), s.err, MC_E_TIMEOUT);
	assert_true(mc_clock_ms() - begun < 10000);
	assert_true(strncmp(s.log.ptr, "idle MAIL a@b.example\nidle idle ",
	    32) == 0);
	assert_true(ends_with(&s.log, "RESET\n"));
	side_close(&s);
}

/* a message has to come on; how fast does not matter elsewhere */
static void
test_rate(void **state)
{
	static const struct {
		const char *first;
		int pause_ms;		/* between pieces of 10 bytes */
		int64_t rate;
		bool good;
	} rows[] = {
		{ HI M R "DATA\r\n", 150, 10, true },
		{ HI M R "DATA\r\n", 150, 5000, false },
		{ HI M R "BDAT 90\r\n", 150, 5000, false },
		{ HI M R, 150, 5000, true },
		{ HI M R D M R "DATA\r\n", 150, 5000, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct side s;
		pid_t pid;
		int status;

		side_open(&s);
		s.set.rate = rows[i].rate;
		s.set.rate_ms = 500;
		put(&s, rows[i].first);
		pid = fork();
		if (pid == 0) {
			struct timespec ts = { 0, rows[i].pause_ms * 1000000L };

			/* gone when the session is */
			(void)alarm(20);
			mc_file_close(&s.set.in_fd);
			for (int k = 0; k < 8; k++) {
				(void)nanosleep(&ts, NULL);
				(void)send(s.client, "NOOP x y\r\n", 10,
				    MSG_NOSIGNAL);
			}
			(void)send(s.client, ".\r\n", 3, MSG_NOSIGNAL);
			(void)shutdown(s.client, SHUT_WR);
			_exit(0);
		}
		assert_true(pid > 0);
		(void)run(&s);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		drain(&s);
		assert_int_equal(s.err.code,
		    rows[i].good ? MC_OK : MC_E_TIMEOUT);
		assert_int_equal(strstr(s.out.ptr, "\r\n421 4.4.2 ") == NULL,
		    rows[i].good);
		if (i == 0)
			assert_int_equal(s.body.len, 80);
		side_close(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_end_of_input),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_lockstep),
		cmocka_unit_test(test_big),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_idle_owner),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_at_the_end),
		cmocka_unit_test(test_no_reader),
		cmocka_unit_test(test_reader_gone),
		cmocka_unit_test(test_bad_descriptors),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_no_memory),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
