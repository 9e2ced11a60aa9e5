/* SPDX-License-Identifier: MIT */
/*
 * test_listener.c - the listener with sessions that do what a test wants
 *
 * The listener is a process as in the service.  Its sessions are of our own
 * making: the first byte that a client sends says what one does.
 */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "serve/ask.h"
#include "serve/listener.h"

#define WAIT_MS 20000

/* seen by all processes */
struct shared {
	char log[65536];
	size_t log_len;
	uint64_t refused[MC_REFUSED__COUNT];
	struct mc_usage_user user;
	size_t counts;
	struct mc_counted counted;	/* has no end of its own */
};

struct stage {
	struct shared *shared;
	char dir[64];
	char path[96];
	struct mc_socket sockets[2];
	struct sockaddr_in tcp;
	struct mc_serve_settings set;
	struct mc_str books;
	struct mc_log log;
	pid_t pid;
	int parent;		/* our end of its channel */
};

/* -------------------------------------------------------------- its sessions */

static void
say(int fd, const void *p, size_t n)
{
	ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

	(void)done;
}

/* whoever is gone is gone */
static void
put(int sock, const void *p, size_t n, int fd)
{
	int rc = mc_child_send(sock, p, n, fd, 5000);

	(void)rc;
}

/* one question for each letter that follows; y or n and the reason as a letter */
static void
do_ask(int fd, int sock)
{
	static const char letters[] = "LMRSB";
	const char *at;
	char c[2];

	while (recv(fd, c, 2, MSG_WAITALL) == 2 &&
	    (at = strchr(letters, c[0])) != NULL) {
		struct mc_ask_answer a = { 0 };
		char out[2];
		int rc = mc_ask(sock, (enum mc_ask_what)(1 + at - letters),
		    (uint64_t)(unsigned char)c[1], &a);

		out[0] = rc < 0 ? 'x' : rc > 0 ? 'y' : 'n';
		out[1] = (char)('A' + a.reason);
		say(fd, out, 2);
	}
}

/* until the listener has enough of us */
static void
do_garbage(int fd, int sock, char how)
{
	struct mc_ask_frame f;
	char c;

	memset(&f, 'x', sizeof(f));
	if (how == 'g')
		put(sock, &f, sizeof(f), -1);
	else if (how == 'h')
		put(sock, &f, 10, -1);
	/* with a descriptor for every byte */
	for (int i = 0; how == 'd' && i < 20; i++)
		put(sock, &f, 1, fd);
	/* questions, and no look at the answers */
	f.what = MC_ASK_BUSY;
	for (int i = 0; how == 'q' && i < 100000; i++)
		if (mc_child_send(sock, &f, sizeof(f), -1, 1000) != 0)
			break;
	say(fd, "!", 1);
	if (how == 'h' || how == 'd')
		return;
	while (recv(sock, &c, 1, 0) > 0)
		;
	say(fd, "e", 1);
}

static void
do_refusals(int fd, int sock)
{
	struct mc_ask_frame f = { .what = MC_ASK_REFUSED,
	    .reason = MC_REFUSED_SENDER };

	memset(f.text, 'y', sizeof(f.text));
	for (int i = 0; i < 100; i++)
		if (mc_child_send(sock, &f, sizeof(f), -1, 5000) != 0)
			return;
	f.reason = MC_REFUSED__COUNT;
	put(sock, &f, sizeof(f), -1);
	f.reason = UINT32_MAX;
	put(sock, &f, sizeof(f), -1);
	mc_ask_tell(sock, MC_ASK_ERRORS, MC_REFUSED_NOT, UINT64_MAX, NULL);
	say(fd, "!", 1);
}

static void
do_tls(int fd, int sock, char how)
{
	int fds[2];
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
		return;
	if ((how == 't' && mc_ask_give(sock, MC_ASK_TLS_CLIENT, fd) != 0) ||
	    mc_ask_give(sock, MC_ASK_TLS_PLAIN, fds[1]) != 0)
		return;
	mc_file_close(&fds[1]);
	if (recv(fds[0], &c, 1, 0) == 1)
		say(fd, &c, 1);
	else
		say(fd, "0", 1);
	mc_file_close(&fds[0]);
}

static void
tell_hello(int fd, const struct mc_ask_hello *hello)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%u %u %u %s %lld.", hello->has_uid,
	    hello->uid, hello->is_tcp, hello->source,
	    (long long)hello->delay_ms);
	say(fd, text, strlen(text));
}

/* until the client goes or all sessions are told to end */
static void
stay(int fd, int stop)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
	    { .fd = stop, .events = POLLIN } };

	(void)poll(p, 2, WAIT_MS);
	if (p[1].revents != 0)
		say(fd, "s", 1);
}

static void
session(void *ctx, int sock)
{
	struct mc_ask_hello hello;
	int fd = -1, stop = -1;
	char c = 0;

	(void)ctx;
	if (mc_child_recv(sock, &hello, sizeof(hello), &fd) != 1 ||
	    mc_child_recv(sock, &c, 1, &stop) != 1 || recv(fd, &c, 1, 0) != 1)
		return;
	if (c == 'i')
		tell_hello(fd, &hello);
	else if (c == 'a')
		do_ask(fd, sock);
	else if (c == 'r')
		do_refusals(fd, sock);
	else if (c == 't' || c == 'p')
		do_tls(fd, sock, c);
	else if (c == 'k')
		(void)raise(SIGKILL);
	else if (c != 'w')
		do_garbage(fd, sock, c);
	else
		say(fd, "w", 1);
	if (strchr("wi", c) != NULL)
		stay(fd, stop);
}

static void
count(void *ctx, int sock)
{
	struct stage *s = ctx;

	s->shared->counts++;
	put(sock, &s->shared->counted,
	    sizeof(s->shared->counted), -1);
	put(sock, &s->shared->user, sizeof(s->shared->user), -1);
}

/* ----------------------------------------------------------------- the stage */

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct shared *sh = ctx;
	size_t n = strlen(text);

	(void)level;
	(void)stage;
	if (n + 2 > sizeof(sh->log) - sh->log_len)
		return;
	memcpy(sh->log + sh->log_len, text, n);
	sh->log[sh->log_len + n] = '\n';
	sh->log_len += n + 1;
}

static bool
on_refused(void *ctx, enum mc_refusal reason, uint64_t n)
{
	struct stage *s = ctx;

	s->shared->refused[reason] += n;
	return true;
}

static void
listen_tcp(struct stage *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct mc_err err = { 0 };
	socklen_t len = sizeof(s->tcp);

	assert_int_equal(mc_socket_tcp((struct sockaddr *)&in, sizeof(in),
	    &s->sockets[1], &err), 0);
	assert_int_equal(getsockname(s->sockets[1].fd,
	    (struct sockaddr *)&s->tcp, &len), 0);
}

static void
stage_make(struct stage *s)
{
	struct mc_err err = { 0 };

	memset(s, 0, sizeof(*s));
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(s->shared, MAP_FAILED);
	snprintf(s->dir, sizeof(s->dir), "/tmp/mc-listener-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	assert_int_equal(chmod(s->dir, 0755), 0);
	snprintf(s->path, sizeof(s->path), "%s/submit", s->dir);
	assert_int_equal(mc_socket_unix(s->path, 0666, (gid_t)-1,
	    &s->sockets[0], &err), 0);
	listen_tcp(s);
	s->log = (struct mc_log){ on_log, s->shared, MC_LOG_DEBUG };
	s->set.limits = (struct mc_serve_limits){ .sessions = 8,
	    .sessions_user = 4, .sessions_loopback = 4, .queue_share = 20 };
	s->shared->user.uid = UINT32_MAX;
	s->shared->counted.users = 1;
}

static void
begin(struct stage *s)
{
	struct mc_listener l = { .sockets = s->sockets, .n_sockets = 2,
	    .set = &s->set, .own_uid = geteuid(), .books = s->books,
	    .session = session, .count = count, .ctx = s, .log = &s->log,
	    .refused = on_refused };
	struct mc_err err = { 0 };
	int fds[2];

	assert_int_equal(mc_child_pair(fds, &err), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0) {
		mc_file_close(&fds[0]);
		l.parent = fds[1];
		_exit(mc_listener_run(&l, &err) != 0);
	}
	mc_file_close(&fds[1]);
	s->parent = fds[0];
}

static void
await_end(struct stage *s)
{
	int64_t deadline = mc_clock_after(WAIT_MS);
	int status = -1;

	while (waitpid(s->pid, &status, WNOHANG) == 0) {
		if (mc_clock_left(deadline) == 0) {
			(void)kill(s->pid, SIGKILL);
			fail_msg("the listener does not end");
		}
		(void)poll(NULL, 0, 5);
	}
	assert_int_equal(status, 0);
	s->pid = 0;
}

static void
stage_end(struct stage *s)
{
	mc_file_close(&s->parent);
	if (s->pid != 0)
		await_end(s);
	mc_socket_close(&s->sockets[0]);
	mc_socket_close(&s->sockets[1]);
	assert_int_equal(rmdir(s->dir), 0);
	assert_int_equal(munmap(s->shared, sizeof(*s->shared)), 0);
}

/* --------------------------------------------------------------- the clients */

static int
arrive_at(int family, const struct sockaddr *addr, socklen_t len)
{
	const struct timeval limit = { WAIT_MS / 1000, 0 };
	int fd = socket(family, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
	    sizeof(limit)), 0);
	assert_int_equal(connect(fd, addr, len), 0);
	return fd;
}

static int
arrive(struct stage *s, const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", s->path);
	fd = arrive_at(AF_UNIX, (struct sockaddr *)&addr, sizeof(addr));
	say(fd, text, strlen(text));
	return fd;
}

static int
arrive_tcp(struct stage *s, const char *text)
{
	int fd = arrive_at(AF_INET, (struct sockaddr *)&s->tcp,
	    sizeof(s->tcp));

	say(fd, text, strlen(text));
	return fd;
}

/* exactly this comes, and for its end with it the end */
static void
hear(int fd, const char *text)
{
	size_t n = strlen(text);
	char got[256] = "";

	assert_true(n < sizeof(got));
	(void)recv(fd, got, n, MSG_WAITALL);
	assert_string_equal(got, text);
}

/* a listener that was started since may have a copy */
static void
leave(int *fd)
{
	(void)shutdown(*fd, SHUT_RDWR);
	mc_file_close(fd);
}

/* wait until that many sessions fit: the listener sees ends a bit later */
static void
can_come(struct stage *s)
{
	int64_t deadline = mc_clock_after(WAIT_MS);
	char c = 0;

	for (;;) {
		int fd = arrive(s, "w");
		bool yes = recv(fd, &c, 1, 0) == 1 && c == 'w';

		leave(&fd);
		if (yes)
			return;
		assert_true(mc_clock_left(deadline) != 0);
		(void)poll(NULL, 0, 5);
	}
}

static void
await_log(struct stage *s, const char *text)
{
	int64_t deadline = mc_clock_after(WAIT_MS);

	while (strstr(s->shared->log, text) == NULL) {
		if (mc_clock_left(deadline) == 0)
			fail_msg("not in the log: %s\n%s", text,
			    s->shared->log);
		(void)poll(NULL, 0, 5);
	}
}

static size_t
lines_with(struct stage *s, const char *text)
{
	size_t n = 0;

	for (const char *at = s->shared->log; (at = strstr(at, text)) != NULL;
	    at++)
		n++;
	return n;
}

/* -------------------------------------------------------------------- tests */

static void
test_hello(void **state)
{
	struct stage s;
	char text[80];
	int fd;

	(void)state;
	stage_make(&s);
	begin(&s);
	fd = arrive(&s, "i");
	snprintf(text, sizeof(text), "1 %lu 0 unix 0.",
	    (unsigned long)geteuid());
	hear(fd, text);
	leave(&fd);
	fd = arrive_tcp(&s, "i");
	hear(fd, "0 0 1 127.0.0.1 0.");
	leave(&fd);
	stage_end(&s);
}

static void
test_caps(void **state)
{
	struct stage s;
	int fds[8], fd;
	size_t n = 0;

	(void)state;
	stage_make(&s);
	s.set.limits.sessions = 5;
	begin(&s);
	for (; n < 4; n++) {
		fds[n] = arrive(&s, "w");
		hear(fds[n], "w");
	}
	fd = arrive(&s, "");
	hear(fd, "421 4.7.0 ");
	leave(&fd);
	await_log(&s, "reason=user-sessions count=1");
	/* another one has still a place, but then the house is full */
	fds[n] = arrive_tcp(&s, "w");
	hear(fds[n++], "w");
	fd = arrive_tcp(&s, "");
	hear(fd, "421 4.7.0 ");
	leave(&fd);
	await_log(&s, "source=127.0.0.1 uid=- pid=- reason=sessions count=1");
	while (n > 0)
		leave(&fds[--n]);
	can_come(&s);
	mc_file_close(&s.parent);
	await_end(&s);
	/* can_come may have come too early */
	assert_true(s.shared->refused[MC_REFUSED_USER_SESSIONS] >= 1);
	assert_true(s.shared->refused[MC_REFUSED_SESSIONS] >= 1);
	stage_end(&s);
}

/* what the parts allow, and what they do not */
static void
test_questions(void **state)
{
	struct stage s;
	int fd, others[3];

	(void)state;
	stage_make(&s);
	s.set.limits.messages = (struct mc_serve_rate){ 2, 3600 };
	s.set.limits.recipients = (struct mc_serve_rate){ 3, 3600 };
	s.set.limits.sessions = 4;
	begin(&s);
	fd = arrive(&s, "aM\1M\1M\1");
	hear(fd, "yAyAn");
	hear(fd, (char[]){ 'A' + MC_REFUSED_RATE_MESSAGES, 0 });
	say(fd, "R\1R\1R\1R\1", 8);
	hear(fd, "yAyAyAn");
	hear(fd, (char[]){ 'A' + MC_REFUSED_RATE_RECIPIENTS, 0 });
	/* who comes by the path is who he is */
	say(fd, "L\1", 2);
	hear(fd, "n");
	hear(fd, (char[]){ 'A' + MC_REFUSED_OTHER, 0 });
	say(fd, "B\1", 2);
	hear(fd, "n");
	hear(fd, (char[]){ 'A' + MC_REFUSED_OTHER, 0 });
	for (size_t i = 0; i < 3; i++) {
		others[i] = arrive(&s, "w");
		hear(others[i], "w");
	}
	say(fd, "B\1", 2);
	hear(fd, "yA");
	for (size_t i = 0; i < 3; i++)
		leave(&others[i]);
	leave(&fd);
	stage_end(&s);
}

/* a part that is over is counted anew when it is asked for */
static void
test_share(void **state)
{
	struct stage s;
	int64_t deadline;
	int fd;

	(void)state;
	stage_make(&s);
	s.shared->counted = (struct mc_counted){ .messages = 3, .bytes = 30,
	    .whole_messages = 10, .whole_bytes = 1000, .users = 1 };
	s.shared->user = (struct mc_usage_user){ .uid = geteuid(),
	    .messages = 3, .bytes = 30 };
	begin(&s);
	deadline = mc_clock_after(WAIT_MS);
	while (s.shared->counts == 0 && mc_clock_left(deadline) != 0)
		(void)poll(NULL, 0, 5);
	/* it is read soon after it was made */
	(void)poll(NULL, 0, 200);
	fd = arrive(&s, "aS\1");
	hear(fd, "n");
	hear(fd, (char[]){ 'A' + MC_REFUSED_SHARE, 0 });
	s.shared->user.messages = 0;
	s.shared->user.bytes = 0;
	deadline = mc_clock_after(2 * WAIT_MS);
	while (s.shared->counts < 2 && mc_clock_left(deadline) != 0)
		(void)poll(NULL, 0, 50);
	assert_int_equal(s.shared->counts, 2);
	(void)poll(NULL, 0, 200);
	say(fd, "S\1", 2);
	hear(fd, "yA");
	leave(&fd);
	stage_end(&s);
}

static void
test_login(void **state)
{
	struct stage s;
	int fd, fds[4];

	(void)state;
	stage_make(&s);
	s.set.limits.sessions_user = 2;
	s.set.limits.messages = (struct mc_serve_rate){ 1, 3600 };
	begin(&s);
	for (size_t i = 0; i < 2; i++) {
		fds[i] = arrive_tcp(&s, "aL\7");
		hear(fds[i], "yA");
	}
	fds[2] = arrive_tcp(&s, "aL\7");
	hear(fds[2], "n");
	hear(fds[2], (char[]){ 'A' + MC_REFUSED_USER_SESSIONS, 0 });
	/* again as another one: the first has a place more */
	say(fds[1], "L\10", 2);
	hear(fds[1], "yA");
	say(fds[2], "L\7", 2);
	hear(fds[2], "yA");
	/* on his account, on whatever connection */
	say(fds[0], "M\1", 2);
	hear(fds[0], "yA");
	say(fds[2], "M\1", 2);
	hear(fds[2], "n");
	say(fds[1], "M\1", 2);
	hear(fds[1], "yA");
	for (size_t i = 0; i < 3; i++)
		leave(&fds[i]);
	fd = arrive_tcp(&s, "i");
	hear(fd, "0 0 1 127.0.0.1 0.");
	leave(&fd);
	stage_end(&s);
}

/* sessions that have been taken over: only they suffer */
static void
test_garbage(void **state)
{
	struct stage s;
	int fd, other;

	(void)state;
	stage_make(&s);
	begin(&s);
	other = arrive(&s, "aB\1");
	hear(other, "n");
	hear(other, (char[]){ 'A' + MC_REFUSED_OTHER, 0 });
	fd = arrive(&s, "g");
	hear(fd, "!e");
	leave(&fd);
	fd = arrive(&s, "h");
	hear(fd, "!");
	leave(&fd);
	fd = arrive(&s, "q");
	hear(fd, "!e");
	leave(&fd);
	fd = arrive(&s, "k");
	await_log(&s, "killed by signal 9");
	leave(&fd);
	fd = arrive(&s, "d");
	hear(fd, "!");
	leave(&fd);
	say(other, "B\1", 2);
	hear(other, "n");
	leave(&other);
	can_come(&s);
	stage_end(&s);
}

/* thousands of complaints make five lines and a sum */
static void
test_refusals(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_make(&s);
	begin(&s);
	fd = arrive(&s, "r");
	hear(fd, "!");
	leave(&fd);
	mc_file_close(&s.parent);
	await_end(&s);
	assert_int_equal(lines_with(&s, "reason=sender yyy"), 5);
	assert_int_equal(lines_with(&s, "reason=sender count=95"), 1);
	assert_int_equal(s.shared->refused[MC_REFUSED_SENDER], 100);
	stage_end(&s);
}

static void
take_frame(struct stage *s, uint32_t what, int *fd, struct mc_ask_frame *f)
{
	struct pollfd p = { .fd = s->parent, .events = POLLIN };
	size_t have = 0;

	while (have < sizeof(*f)) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = mc_child_recv_some(s->parent, (char *)f + have,
		    sizeof(*f) - have, fd);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_int_equal(f->what, what);
}

static void
test_tls(void **state)
{
	struct mc_ask_frame f;
	struct stage s;
	int fd, client = -1, plain = -1;

	(void)state;
	stage_make(&s);
	begin(&s);
	/* one without the other is nothing */
	fd = arrive_tcp(&s, "p");
	hear(fd, "0");
	await_log(&s, "cannot begin TLS for 127.0.0.1");
	leave(&fd);
	fd = arrive_tcp(&s, "t");
	take_frame(&s, MC_ASK_TLS_CLIENT, &client, &f);
	take_frame(&s, MC_ASK_TLS_PLAIN, &plain, &f);
	assert_true(client >= 0 && plain >= 0);
	say(client, "C", 1);
	hear(fd, "C");
	say(plain, "P", 1);
	hear(fd, "P");
	mc_file_close(&client);
	mc_file_close(&plain);
	leave(&fd);
	stage_end(&s);
}

static void
take_books(struct stage *s, char *to, size_t size, size_t *ret_n)
{
	struct pollfd p = { .fd = s->parent, .events = POLLIN };
	struct mc_ask_frame f;
	int fd = -1;

	assert_int_equal(mc_child_send(s->parent, "H", 1, -1, 5000), 0);
	take_frame(s, MC_LISTENER_BOOKS, &fd, &f);
	assert_int_equal(fd, -1);
	assert_true(f.n > 0 && f.n <= size);
	for (*ret_n = 0; *ret_n < f.n;) {
		ssize_t n;

		assert_int_equal(poll(&p, 1, WAIT_MS), 1);
		n = mc_child_recv_some(s->parent, to + *ret_n,
		    (size_t)f.n - *ret_n, &fd);
		assert_true(n > 0);
		*ret_n += (size_t)n;
	}
}

/* a reload: the old one goes on for its sessions, the new one knows what was */
static void
test_books(void **state)
{
	static char books[MC_LIMITS_SAVED];
	struct stage s, old;
	size_t n;
	int fd, fresh;

	(void)state;
	stage_make(&s);
	s.set.limits.messages = (struct mc_serve_rate){ 2, 3600 };
	begin(&s);
	fd = arrive(&s, "aM\1");
	hear(fd, "yA");
	take_books(&s, books, sizeof(books), &n);
	old = s;
	s.books = mc_str_make(books, n);
	begin(&s);
	fresh = arrive(&s, "aM\1M\1");
	hear(fresh, "yAn");
	hear(fresh, (char[]){ 'A' + MC_REFUSED_RATE_MESSAGES, 0 });
	/* the old session has its listener still */
	say(fd, "M\1M\1", 4);
	hear(fd, "yAn");
	leave(&fd);
	/* and with it the old listener ends, whatever its parent does */
	await_end(&old);
	mc_file_close(&old.parent);
	leave(&fresh);
	stage_end(&s);
}

static void
test_bad_books(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_make(&s);
	s.books = MC_STR("these are no books, however long one looks at them");
	begin(&s);
	await_log(&s, "limits begin anew");
	fd = arrive(&s, "w");
	hear(fd, "w");
	leave(&fd);
	stage_end(&s);
}

/* it ends, and with it all sessions, when the parent is gone */
static void
test_parent_gone(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	stage_make(&s);
	begin(&s);
	fd = arrive(&s, "w");
	hear(fd, "w");
	mc_file_close(&s.parent);
	hear(fd, "s");
	await_end(&s);
	leave(&fd);
	stage_end(&s);
}

/* each allocation fails in turn: it does not serve, or goes on */
static void
test_no_memory(void **state)
{
	struct mc_listener l;
	struct mc_err err;
	struct stage s;
	int fds[2];

	(void)state;
	stage_make(&s);
	for (unsigned long i = 1; i < 4; i++) {
		memset(&err, 0, sizeof(err));
		l = (struct mc_listener){ .sockets = s.sockets,
		    .set = &s.set, .session = session, .count = count,
		    .ctx = &s, .log = &s.log };
		assert_int_equal(mc_child_pair(fds, &err), 0);
		/* it has nothing to do but to end */
		mc_file_close(&fds[0]);
		l.parent = fds[1];
		(void)failmalloc(i, false);
		if (mc_listener_run(&l, &err) != 0)
			assert_int_equal(err.code, MC_E_NOMEM);
		(void)failmalloc(0, false);
		mc_file_close(&fds[1]);
	}
	stage_end(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_caps),
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_books),
		cmocka_unit_test(test_bad_books),
		cmocka_unit_test(test_parent_gone),
		cmocka_unit_test(test_no_memory),
	};
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &ignore, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
