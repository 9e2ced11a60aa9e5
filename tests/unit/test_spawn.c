/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c - workers that a runner's parent starts: what it believes, and
 * who is left when one of the three is killed
 *
 * test_runner.c and test_runner_lots.c go the same way once more, see BY_PARENT
 * there.
 */
#define BY_PARENT
#include "runner_stage.h"

#include "config/source.h"

#include <sys/socket.h>

/* as lib/queue/spawn.c has it; a change there has to be one here */
struct frame {
	uint32_t magic;
	uint32_t type;
	uint32_t number;
	uint32_t ms;
	int32_t log_most;
	uint32_t told;
	char account[65];
};

static const struct frame good = { .magic = UINT32_C(0x6d637370), .type = 1,
	.number = 1, .log_most = MC_LOG_INFO, .account = "work" };

struct bench {
	struct stage s;
	struct mc_spawn_parent parent;
	int ends[2];		/* parent, runner */
};

static void
bench_open(struct bench *b, const char *more)
{
	set_up(&b->s, more);
	b->parent = (struct mc_spawn_parent){ .config = b->s.config,
	    .caller = &b->s.caller, .log = &b->s.side.log,
	    .dir = b->s.side.dir, .ops = &fake };
	mc_spawn_parent_init(&b->parent);
	assert_int_equal(mc_spawn_channel(b->ends, NULL), 0);
}

static void
bench_close(struct bench *b)
{
	mc_spawn_parent_clear(&b->parent);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	mc_file_close(&b->ends[0]);
	mc_file_close(&b->ends[1]);
	tear_down(&b->s);
}

/* n bytes, and descriptors */
static void
tell(struct bench *b, const void *p, size_t n, const int *fds, size_t n_fds)
{
	struct iovec part;
	struct msghdr msg;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(20 * sizeof(int))];
	} control;

	memset(&msg, 0, sizeof(msg));
	memset(&control, 0, sizeof(control));
	memcpy(&part.iov_base, &p, sizeof(p));
	part.iov_len = n;
	msg.msg_iov = &part;
	msg.msg_iovlen = 1;
	if (n_fds != 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(b->ends[1], &msg, 0), (ssize_t)n);
}

static size_t
open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	if (d == NULL)
		return 0;
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n;
}

/* it was told off, and what came along is closed */
static void
check_refused(struct bench *b, const void *p, size_t n, const int *fds,
    size_t n_fds, const char *why)
{
	struct mc_err err = { 0 };
	size_t before = open_fds();
	pid_t pid = -5;

	b->s.side.said[0] = '\0';
	tell(b, p, n, fds, n_fds);
	assert_int_equal(mc_spawn_take(b->ends[0], &b->parent, &pid, &err), 0);
	assert_int_equal(pid, -5);
	assert_int_equal(err.code, MC_OK);
	if (strstr(b->s.side.said, why) == NULL)
		fail_msg("\"%s\", not \"%s\"", b->s.side.said, why);
	assert_int_equal(open_fds(), before);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

/* -------------------------------------------------------- what it believes */

static void
test_malformed(void **state)
{
	char longer[sizeof(good) + 1];
	int pair[2], pipes[2], many[20];
	struct mc_err err = { 0 };
	struct frame f;
	struct bench b;
	pid_t pid;

	(void)state;
	bench_open(&b, "");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(pipe(pipes), 0);
	for (size_t i = 0; i < MC_NELEM(many); i++)
		many[i] = pair[1];

	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), 0);
#define REFUSED(change, fds, n_fds, why) do { \
	f = good; \
	change; \
	check_refused(&b, &f, sizeof(f), fds, n_fds, why); \
} while (0)
	REFUSED(f.magic++, &pair[1], 1, "well-formed");
	REFUSED(f.type = 0, &pair[1], 1, "well-formed");
	REFUSED(f.type = 3, &pair[1], 1, "well-formed");
	REFUSED(f.told = 2, &pair[1], 1, "well-formed");
	REFUSED(f.log_most = -1, &pair[1], 1, "well-formed");
	REFUSED(f.log_most = 6, &pair[1], 1, "well-formed");
	REFUSED(f.account[0] = '\0', &pair[1], 1, "well-formed");
	REFUSED(memset(f.account, 'w', sizeof(f.account)), &pair[1], 1,
	    "well-formed");
	REFUSED(f.account[64] = 'x', &pair[1], 1, "well-formed");
	REFUSED(f.account[5] = 'x', &pair[1], 1, "well-formed");
	REFUSED(memcpy(f.account, "other", 6), &pair[1], 1, "no account");
	REFUSED(f.type = 2, NULL, 0, "well-formed");
	REFUSED(f.type = 2; f.account[0] = f.account[1] = f.account[2] =
	    f.account[3] = 0, &pair[1], 1, "well-formed");
	REFUSED(f.type = 2; f.ms = UINT32_MAX; memset(f.account, 0,
	    sizeof(f.account)), NULL, 0, "well-formed");
	/* descriptors */
	REFUSED((void)f, NULL, 0, "well-formed");
	REFUSED((void)f, &pipes[0], 1, "well-formed");
	REFUSED((void)f, many, 2, "well-formed");
	REFUSED((void)f, many, 20, "well-formed");
	/* sizes */
	memset(longer, 0, sizeof(longer));
	memcpy(longer, &good, sizeof(good));
	check_refused(&b, longer, sizeof(longer), &pair[1], 1, "well-formed");
	check_refused(&b, longer, sizeof(good) - 1, &pair[1], 1, "well-formed");
	check_refused(&b, longer, 1, NULL, 0, "well-formed");

	/* it has not lost heart */
	tell(&b, &good, sizeof(good), &pair[1], 1);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), 1);
	assert_true(pid > 0);
	/* a number twice */
	b.s.side.said[0] = '\0';
	tell(&b, &good, sizeof(good), &pair[1], 1);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), 0);
	assert_non_null(strstr(b.s.side.said, "number is taken"));
	(void)close(pair[0]);
	(void)close(pair[1]);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	bench_close(&b);
}

static void
test_end(void **state)
{
	struct mc_err err = { 0 };
	struct bench b;
	pid_t pid;

	(void)state;
	bench_open(&b, "");
	mc_file_close(&b.ends[1]);
	assert_err(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), err,
	    MC_E_IO);
	bench_close(&b);
}

static void
test_no_memory(void **state)
{
	struct mc_spawn_request req = { .account = "work", .number = 1 };
	struct mc_child child = { .sock = -1 };
	struct mc_err err = { 0 };
	struct bench b;
	char c;
	pid_t pid;

	(void)state;
	bench_open(&b, "");
	assert_int_equal(mc_spawn_worker(b.ends[1], &req, &child, &err), 0);
	assert_int_equal(child.pid, 0);
	(void)failmalloc(1, false);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), 0);
	(void)failmalloc(0, false);
	/* it shows at once */
	assert_int_equal(recv(child.sock, &c, 1, 0), 0);
	mc_child_end(&child, 1000);
	bench_close(&b);
}

static void
test_too_long_a_name(void **state)
{
	char name[100];
	struct mc_spawn_request req = { .account = name };
	struct mc_child child;
	struct mc_err err = { 0 };
	struct bench b;

	(void)state;
	bench_open(&b, "");
	memset(name, 'x', sizeof(name));
	name[65] = '\0';
	assert_err(mc_spawn_worker(b.ends[1], &req, &child, &err), err,
	    MC_E_BAD_VALUE);
	bench_close(&b);
}

/* ------------------------------------------------------- what a worker is */

struct seen {
	int fds;		/* beyond the channel */
	int own;		/* 1: it has its account's password */
	int other;		/* 1: it has the other one's */
	int chld;		/* SIGCHLD is as it was made */
	int blocked;
};

static struct seen *seen;
static struct mc_config *seen_config;

static int
has_password(const char *name, const struct mc_caller *caller)
{
	const struct mc_account *a;
	struct mc_secret *secret = NULL;
	struct mc_err err = { 0 };
	int rc;

	if (mc_config_find(seen_config, name, &a, &err) != 0)
		return -1;
	rc = mc_source_get(a, MC_SECRET_PASSWORD, caller, -1, &secret, &err);
	mc_secret_free(secret);
	return rc == 0;
}

static int
look_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	struct sigaction act;
	sigset_t mask;

	for (int fd = 4; fd < 200; fd++)
		seen->fds += fcntl(fd, F_GETFD) != -1;
	seen->own = has_password(env->account->name, env->caller);
	seen->other = has_password("other", env->caller);
	(void)sigaction(SIGCHLD, NULL, &act);
	seen->chld = act.sa_handler == SIG_DFL;
	(void)sigprocmask(SIG_SETMASK, NULL, &mask);
	seen->blocked = sigismember(&mask, SIGUSR1);
	return fake_open(env, ret_transport, err);
}

static const struct mc_transport_ops looking = { .name = "looking",
	.open = look_open, .send = fake_send, .close = fake_close };

static void
on_child(int sig)
{
	(void)sig;
}

static void
test_worker(void **state)
{
	struct sigaction act, old;
	sigset_t mask, before;
	struct stage s;

	(void)state;
	set_up(&s, "password = own-secret\n"
	    "[account other]\nhost = mail.example\npassword = its-secret\n");
	memset(seen, 0, sizeof(*seen));
	seen_config = s.config;
	s.ops = &looking;
	put_to(&s, "ok", 0);
	memset(&act, 0, sizeof(act));
	act.sa_handler = on_child;
	assert_int_equal(sigaction(SIGCHLD, &act, &old), 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	assert_int_equal(sigprocmask(SIG_BLOCK, &mask, &before), 0);
	run_ok(&s);
	assert_int_equal(sigaction(SIGCHLD, &old, NULL), 0);
	assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	assert_int_equal(times_sent("ok@y.example"), 1);
	/* the message */
	assert_int_equal(seen->fds, 1);
	assert_int_equal(seen->own, 1);
	assert_int_equal(seen->other, 0);
	assert_int_equal(seen->chld, 1);
	assert_int_equal(seen->blocked, 0);
	/* it was the worker that has forgotten */
	assert_int_equal(has_password("other", &s.caller), 1);
	tear_down(&s);
}

/* ------------------------------------------------- one that is not started */

/* the parent knows no such account, as after a change of its configuration:
 * the message waits with its account, which is asked for once */
static void
test_not_started(void **state)
{
	struct mc_caller caller;
	struct mc_config *config = NULL, *mine;
	struct mc_pause pause;
	struct mc_err err = { 0 };
	char path[200], cells[10];
	struct stage s;
	int ends[2];
	pid_t pid;

	(void)state;
	set_up(&s, "connections = 3\n");
	put_to(&s, "ok", 0);
	put_to(&s, "ok", 0);
	mine = s.config;
	caller = s.caller;
	(void)snprintf(path, sizeof(path), "%s/config", s.side.top);
	side_write(path, "[account x]\nhost = h.example\n", 29);
	assert_int_equal(mc_config_load(&caller, path, NULL, NULL, &config,
	    &err), 0);

	assert_int_equal(mc_spawn_channel(ends, NULL), 0);
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(outcome != MAP_FAILED);
	pid = fork();
	if (pid == 0) {
		(void)close(ends[0]);
		be_runner(&s, ends[1]);
	}
	(void)close(ends[1]);

	struct mc_spawn_parent parent = { .config = config, .ops = &fake,
	    .caller = &caller, .log = &s.side.log, .dir = s.side.dir };

	mc_spawn_parent_init(&parent);
	be_parent(&parent, pid, &ends[0]);
	mc_spawn_parent_clear(&parent);
	assert_true(outcome->ended);
	assert_int_equal(outcome->rc, 0);
	assert_int_equal(world->sends, 0);
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 0);
	assert_string_equal(cells, "P");
	assert_int_equal(look(&s, s.ids[1], cells).attempts, 0);
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until > now());
	assert_non_null(strstr(pause.text, "could not be started"));

	char *first = strstr(s.side.said, "no process was started");

	assert_non_null(first);
	assert_null(strstr(first + 1, "no process was started"));
	mc_config_free(config);
	s.config = mine;
	tear_down(&s);
}

/* ------------------------------------------------------------------- kills */

/* a run in a process of its own, and its parent in another; until `sends` */
static pid_t
start_all(struct stage *s, int sends)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(60);
		_exit(run(s, NULL) != RUN_KILLED);
	}
	for (int i = 0; i < 1000 && __atomic_load_n(&world->sends,
	    __ATOMIC_SEQ_CST) < sends; i++)
		(void)poll(NULL, 0, 10);
	assert_int_equal(world->sends, sends);
	return pid;
}

/* waits until nobody has the message */
static int64_t
until_free(struct stage *s, const char *id)
{
	int64_t begun = mc_clock_ms();
	struct mc_entry *entry;
	struct mc_err err = { 0 };

	while (mc_clock_ms() - begun < 20000) {
		if (mc_store_claim(s->side.store, id, true, &entry,
		    &err) == 1) {
			mc_entry_close(entry);
			return mc_clock_ms() - begun;
		}
		(void)poll(NULL, 0, 10);
	}
	fail_msg("somebody still has %s", id);
	return -1;
}

/* the runner alone: its workers break off, and let go of what they have */
static void
test_runner_killed(void **state)
{
	struct stage s;
	int status;
	pid_t pid;

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "stuck", 0);
	pid = start_all(&s, 1);
	assert_true(world->runner > 0);
	assert_int_equal(kill(world->runner, SIGKILL), 0);
	assert_in_range(until_free(&s, s.ids[0]), 0, 5000);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(world->n_sent, 0);
	/* and it goes on with the next one */
	world->open_now = 0;
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* their parent: the workers die with it, and the runner ends by itself */
static void
test_parent_killed(void **state)
{
	struct stage s;
	pid_t pid, runner;
	int64_t begun;

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "stuck", 0);
	s.run.flags = MC_RUN_WATCH;
	pid = start_all(&s, 1);
	runner = world->runner;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	begun = mc_clock_ms();
	assert_in_range(until_free(&s, s.ids[0]), 0, 8000);
	/* it is nobody's child that we could wait for */
	while (kill(runner, 0) == 0 && mc_clock_ms() - begun < 20000)
		(void)poll(NULL, 0, 20);
	assert_true(mc_clock_ms() - begun < 15000);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* an idle runner too hears that its parent is gone */
static void
test_parent_killed_idle(void **state)
{
	struct stage s;
	int64_t begun;
	pid_t pid;

	(void)state;
	set_up(&s, "connections = 1\n");
	s.run.flags = MC_RUN_WATCH;
	pid = start_all(&s, 0);
	for (int i = 0; i < 500 && world->runner == 0; i++)
		(void)poll(NULL, 0, 10);
	assert_true(world->runner > 0);
	(void)poll(NULL, 0, 100);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	begun = mc_clock_ms();
	while (kill(world->runner, 0) == 0 && mc_clock_ms() - begun < 20000)
		(void)poll(NULL, 0, 20);
	assert_true(mc_clock_ms() - begun < 5000);
	tear_down(&s);
}

static int
kill_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	(void)env;
	(void)ret_transport;
	(void)err;
	(void)add(&world->opens, 1);
	(void)kill(getpid(), SIGKILL);
	return -1;
}

static const struct mc_transport_ops dying = { .name = "dying",
	.open = kill_open, .send = fake_send, .close = fake_close };

/* a worker that dies before it is logged in has sent nothing: no doubt about
 * the message, and no endless new ones */
static void
test_worker_killed_early(void **state)
{
	struct mc_pause pause;
	char cells[10];
	struct stage s;

	(void)state;
	set_up(&s, "connections = 2\n");
	put_to(&s, "ok", 0);
	put_to(&s, "ok", 0);
	s.ops = &dying;
	assert_int_equal(run(&s, NULL), 0);
	assert_int_equal(world->opens, 1);
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 0);
	assert_string_equal(cells, "P");
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until > now());
	tear_down(&s);
}

/* ------------------------------------------------- those that do not go */

static void
hang_close(struct mc_transport *t)
{
	fake_close(t);
	for (;;)
		(void)poll(NULL, 0, 1000);
}

static const struct mc_transport_ops hanging = { .name = "hanging",
	.open = fake_open, .send = fake_send, .close = hang_close };

/* its channel is at its end, and it stays: until its time is over */
static void
test_overstays(void **state)
{
	int64_t begun = mc_clock_ms();
	struct stage s;

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "ok", 0);
	s.ops = &hanging;
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	/* what be_parent() gives them after the runner */
	assert_in_range(mc_clock_ms() - begun, 4900, 12000);
	tear_down(&s);
}

/* one that is let go while the runner lives */
static void
test_let_go(void **state)
{
	struct mc_spawn_request req = { .account = "work", .number = 7 };
	struct mc_child child = { .sock = -1 };
	struct mc_err err = { 0 };
	int64_t wake = MC_NEVER;
	struct bench b;
	int status;
	pid_t pid, none = -1;

	(void)state;
	bench_open(&b, "confine = no\n");
	assert_int_equal(mc_spawn_worker(b.ends[1], &req, &child, &err), 0);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &pid, &err), 1);
	assert_int_equal(mc_spawn_check(&b.parent, &wake), 1);
	assert_true(wake == MC_NEVER);
	/* nobody's */
	mc_spawn_let_go(b.ends[1], 8, 0);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &none, &err), 0);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	/* it keeps its channel, and so its life, until then */
	mc_spawn_let_go(b.ends[1], 7, 300);
	assert_int_equal(mc_spawn_take(b.ends[0], &b.parent, &none, &err), 0);
	assert_int_equal(none, -1);
	assert_int_equal(mc_spawn_check(&b.parent, &wake), 1);
	assert_true(wake != MC_NEVER);
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	while (mc_clock_left(wake) != 0)
		(void)poll(NULL, 0, mc_clock_left(wake));
	assert_int_equal(mc_spawn_check(&b.parent, &wake), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(mc_spawn_gone(&b.parent, pid));
	assert_false(mc_spawn_gone(&b.parent, pid));
	assert_int_equal(mc_spawn_check(&b.parent, &wake), 0);
	mc_child_end(&child, 0);
	bench_close(&b);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_too_long_a_name),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_not_started),
		cmocka_unit_test(test_runner_killed),
		cmocka_unit_test(test_parent_killed),
		cmocka_unit_test(test_parent_killed_idle),
		cmocka_unit_test(test_worker_killed_early),
		cmocka_unit_test(test_overstays),
		cmocka_unit_test(test_let_go),
	};

	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED || stage_open(argc, argv) != 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
