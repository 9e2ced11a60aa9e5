/* SPDX-License-Identifier: MIT */
/*
 * test_roles.c - what the processes of the service can do once they are
 * confined, and what they cannot
 *
 * That a whole run works as a confined runner shows in test_runner.c with
 * BY_PARENT.
 */
#include "unit.h"

#include "base/confine.h"
#include "queue/counters.h"
#include "queue/pause.h"
#include "queue/report.h"
#include "serve/roles.h"
#include "store_side.h"

#ifndef __linux__

int
main(void)
{
	printf("1..0 # SKIP Linux only\n");
	return 0;
}

#else

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define LACKS 77

struct desk {
	struct side side;
	struct mc_caller caller;
	struct mc_config *config;
	char home[100];		/* hidden */
	char secret[120];	/* in it */
	char alias_dir[100];
	char aliases[120];
	char tokens[120];
	char tmp[100];
	char file[120];		/* in tmp */
	int listening;		/* TCP */
	uint16_t port;
	int unix_listening;
	char unix_path[100];
};

static struct desk *desk;

static void
desk_open(struct desk *d, const char *more)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct mc_err err = { 0 };
	char path[120], text[600];
	socklen_t n = sizeof(in);

	memset(d, 0, sizeof(*d));
	side_init(&d->side);
#define NAME(to, what) (void)snprintf(to, sizeof(to), "%s/%s", \
	d->side.top, what)
	NAME(d->home, "home");
	NAME(d->secret, "home/secret");
	NAME(d->alias_dir, "aliases");
	NAME(d->aliases, "aliases/file");
	NAME(d->tokens, "tokens");
	NAME(d->tmp, "tmp");
	NAME(d->file, "tmp/file");
	NAME(d->unix_path, "socket");
	NAME(path, "config");
	assert_int_equal(mkdir(d->home, 0700), 0);
	assert_int_equal(mkdir(d->alias_dir, 0700), 0);
	assert_int_equal(mkdir(d->tmp, 0700), 0);
	side_write(d->secret, "x", 1);
	side_write(d->aliases, "a: b\n", 5);
	side_write(d->tokens, "x", 1);
	(void)snprintf(text, sizeof(text), "%s[account work]\n"
	    "host = mail.example\naliases = %s\n", more, d->aliases);
	side_write(path, text, strlen(text));
	d->caller.home = d->home;
	d->caller.tmpdir = d->tmp;
	d->caller.uid = geteuid();
	if (mc_config_load(&d->caller, path, NULL, NULL, &d->config,
	    &err) != 0)
		fail_msg("%s", err.text);

	d->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(d->listening, (struct sockaddr *)&in,
	    sizeof(in)), 0);
	assert_int_equal(listen(d->listening, 5), 0);
	assert_int_equal(getsockname(d->listening, (struct sockaddr *)&in,
	    &n), 0);
	d->port = ntohs(in.sin_port);
	d->unix_listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", d->unix_path);
	assert_int_equal(bind(d->unix_listening, (struct sockaddr *)&un,
	    sizeof(un)), 0);
	assert_int_equal(listen(d->unix_listening, 5), 0);
	desk = d;
}

static void
desk_close(struct desk *d)
{
	(void)close(d->listening);
	(void)close(d->unix_listening);
	mc_config_free(d->config);
	side_clear(&d->side);
}

/* 0: fine; else the number of the line that was wrong */
typedef int (*ask_fn)(void);

static int
in_role(enum mc_role role, unsigned without, unsigned need, ask_fn fn)
{
	int *line = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED |
	    MAP_ANONYMOUS, -1, 0);
	struct mc_role_settings set = { .config = desk->config,
	    .caller = &desk->caller, .spool = desk->side.dir,
	    .tokens = desk->tokens, .log = &desk->side.log,
	    .without = without };
	int status, rc;
	pid_t pid;

	assert_true(line != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(30);
		if ((mc_role_confine(role, &set) & need) != need)
			_exit(LACKS);
		*line = fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	rc = *line;
	(void)munmap(line, sizeof(int));
	if (WIFEXITED(status) && WEXITSTATUS(status) == LACKS) {
		print_message("# SKIP: this system lacks 0x%x\n", need);
		skip();
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the child ended with 0x%x", (unsigned)status);
	return rc;
}

#define MUST_FAIL(call, want) do { \
	errno = 0; \
	if ((long)(call) != -1 || errno != (want)) { \
		dprintf(2, "# %s: errno %d\n", #call, errno); \
		return __LINE__; \
	} \
} while (0)

#define MUST(call) do { \
	errno = 0; \
	if (!(call)) { \
		dprintf(2, "# %s: errno %d\n", #call, errno); \
		return __LINE__; \
	} \
} while (0)

#define ALL (MC_CONFINE_FILES | MC_CONFINE_CALLS)

/* ------------------------------------------------------- what none may do */

static char outside[160], inside[160];

static int
ask_forbidden(void)
{
	char *none[] = { NULL };
	struct stat st;

	(void)snprintf(outside, sizeof(outside), "%s/new", desk->side.top);
	(void)snprintf(inside, sizeof(inside), "%s/q/new", desk->side.dir);
	/* files elsewhere */
	MUST_FAIL(open(desk->secret, O_RDONLY), EACCES);
	MUST_FAIL(open(desk->secret, O_WRONLY), EACCES);
	MUST_FAIL(open(outside, O_WRONLY | O_CREAT, 0600), EACCES);
	MUST_FAIL(open("/etc/new-of-mailchute", O_WRONLY | O_CREAT, 0600),
	    EACCES);
	MUST_FAIL(open("/etc/passwd", O_WRONLY), EACCES);
	MUST_FAIL(mkdir(outside, 0700), EACCES);
	MUST_FAIL(unlink(desk->secret), EACCES);
	MUST_FAIL(rename(desk->secret, outside), EACCES);
	MUST_FAIL(truncate(desk->secret, 0), EACCES);
	MUST_FAIL(open("/run", O_RDONLY | O_DIRECTORY), EACCES);
	MUST_FAIL(open("/proc/self/environ", O_RDONLY), EACCES);
	/* what Landlock does not look at */
	MUST_FAIL(chmod(desk->secret, 0644), EPERM);
	MUST_FAIL(utimensat(AT_FDCWD, desk->secret, NULL, 0), EPERM);
	MUST_FAIL(symlink("x", inside), EPERM);
	MUST_FAIL(mkfifo(inside, 0600), EPERM);
	MUST_FAIL(chown(desk->secret, geteuid(), getegid()), EPERM);
	MUST(stat(desk->secret, &st) == 0 && (st.st_mode & 07777) == 0600);
	/* the network */
	MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
	MUST_FAIL(socket(AF_INET, SOCK_DGRAM, 0), EAFNOSUPPORT);
	MUST_FAIL(socket(AF_INET6, SOCK_STREAM, 0), EAFNOSUPPORT);
	MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, 0), EAFNOSUPPORT);
	MUST_FAIL(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
	MUST_FAIL(listen(desk->unix_listening, 1), EPERM);
	/* programs, and other processes */
	MUST_FAIL(execve("/bin/true", none, none), EPERM);
	MUST_FAIL(syscall(SYS_execveat, AT_FDCWD, "/bin/true", none, none, 0),
	    EPERM);
	MUST_FAIL(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL), EPERM);
	MUST_FAIL(setuid(getuid()), EPERM);
	MUST_FAIL(syscall(SYS_unshare, 0), EPERM);
	MUST_FAIL(syscall(435, NULL, 0), ENOSYS);
	return 0;
}

/* --------------------------------------------- what listener and runner may */

/* a message comes, is claimed, noted, marked, put off, reported, and goes */
static int
ask_spool(void)
{
	struct mc_store *store = desk->side.store;
	struct mc_err err = { 0 };
	struct mc_schedule schedule;
	struct mc_pause pause;
	struct mc_entry *entry;
	char id[MC_ID_LEN + 1];
	size_t all[] = { 0, 1, 2 };
	int lock = -1;

	memset(&schedule, 0, sizeof(schedule));
	schedule.retry_min = 60;
	schedule.retry_max = 600;
	MUST(mc_store_put(store, &desk->side.item, NULL, id, &err) == 0);
	MUST(mc_store_lock_run(store, &lock, &err) == 1);
	MUST(mc_store_claim(store, id, true, &entry, &err) == 1);
	MUST(mc_entry_attempt(entry, true, &err) == 0);
	MUST(mc_entry_note(entry, 0, ARRIVAL, "[451 4.0.0] wait", true,
	    &err) == 0);
	MUST(mc_entry_mark(entry, all, 1, MC_CELL_UNSURE, &err) == 0);
	MUST(mc_entry_reschedule(entry, ARRIVAL + 1000, &err) == 0);
	MUST(mc_entry_attempt(entry, false, &err) == 0);
	mc_entry_close(entry);
	MUST(mc_store_claim(store, id, true, &entry, &err) == 1);
	MUST(mc_entry_hold(entry, true, &err) == 0);
	MUST(mc_entry_hold(entry, false, &err) == 0);
	MUST(mc_entry_mark(entry, all, 3, MC_CELL_DELIVERED, &err) == 0);
	MUST(mc_entry_done(entry));
	MUST(mc_entry_remove(entry, &err) == 0);
	mc_entry_close(entry);
	MUST(mc_pause_add(store, "work", &schedule, MC_FAULT_NETWORK, &err,
	    ARRIVAL, &pause, &err) == 0);
	mc_pause_clear(store, "work");
	MUST(mc_rate_take(store, "work", 5, 60, ARRIVAL) == 0);
	mc_file_close(&lock);
	return 0;
}

static int
ask_damaged(void)
{
	struct mc_store *store = desk->side.store;
	struct mc_err err = { 0 };
	struct mc_entry *entry;
	char id[MC_ID_LEN + 1];
	int fd;

	MUST(mc_store_put(store, &desk->side.item, NULL, id, &err) == 0);
	fd = open(side_path(&desk->side, "q", 'm', id), O_RDWR);
	MUST(fd >= 0 && ftruncate(fd, 5000) == 0 && close(fd) == 0);
	/* into another directory, which the first Landlock would not let it */
	MUST(mc_store_claim(store, id, true, &entry, &err) == -1);
	MUST(err.code == MC_E_QUEUE_DAMAGED);
	MUST(access(side_path(&desk->side, "bad", 'm', id), F_OK) == 0);
	return 0;
}

static int
ask_system(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct mc_err err = { 0 };
	int fd, ends[2], status;
	char path[160], c;
	pid_t pid;

	/* the system's files, and names of users */
	fd = open("/etc/passwd", O_RDONLY);
	MUST(fd >= 0 && read(fd, &c, 1) == 1 && close(fd) == 0);
	MUST(getpwuid(0) != NULL);
	/* temporary files have no name */
	fd = mc_file_temp(desk->tmp, &err);
	MUST(fd >= 0 && write(fd, "x", 1) == 1 && close(fd) == 0);
	MUST_FAIL(open(desk->file, O_WRONLY | O_CREAT, 0600), EACCES);
	/* a log by a local socket, and channels */
	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s",
	    desk->unix_path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(fd >= 0 && connect(fd, (struct sockaddr *)&un,
	    sizeof(un)) == 0);
	(void)close(fd);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	/* processes, confined as we are */
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0)
		_exit(open(desk->secret, O_RDONLY) != -1);
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	/* whoever waits for mail hears of it */
	(void)snprintf(path, sizeof(path), "%s/q", desk->side.dir);
	fd = inotify_init1(IN_NONBLOCK);
	MUST(fd >= 0 && inotify_add_watch(fd, path, IN_MOVED_TO) >= 0);
	return 0;
}

static int
connect_here(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
	    .sin_port = htons(desk->port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int
ask_accept(void)
{
	int fd = accept4(desk->listening, NULL, NULL, SOCK_CLOEXEC);

	MUST(fd >= 0 && write(fd, "x", 1) == 1);
	(void)close(fd);
	MUST((fd = open(desk->aliases, O_RDONLY)) >= 0);
	(void)close(fd);
	MUST((fd = open(desk->tokens, O_RDONLY)) >= 0);
	(void)close(fd);
	MUST_FAIL(open(desk->aliases, O_WRONLY), EACCES);
	return 0;
}

static int
ask_no_accept(void)
{
	MUST_FAIL(accept4(desk->listening, NULL, NULL, SOCK_CLOEXEC), EPERM);
	MUST_FAIL(accept(desk->listening, NULL, NULL), EPERM);
	MUST_FAIL(open(desk->aliases, O_RDONLY), EACCES);
	MUST_FAIL(open(desk->tokens, O_RDONLY), EACCES);
	return 0;
}

static void
test_listener(void **state)
{
	struct desk d;
	int fd;

	(void)state;
	desk_open(&d, "");
	assert_int_equal(in_role(MC_ROLE_LISTENER, 0, ALL, ask_forbidden), 0);
	assert_int_equal(in_role(MC_ROLE_LISTENER, 0, ALL, ask_spool), 0);
	assert_int_equal(in_role(MC_ROLE_LISTENER, 0, ALL, ask_damaged), 0);
	assert_int_equal(in_role(MC_ROLE_LISTENER, 0, ALL, ask_system), 0);
	fd = connect_here();
	assert_int_equal(in_role(MC_ROLE_LISTENER, 0, ALL, ask_accept), 0);
	(void)close(fd);
	desk_close(&d);
}

static void
test_runner(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d, "");
	assert_int_equal(in_role(MC_ROLE_RUNNER, 0, ALL, ask_forbidden), 0);
	assert_int_equal(in_role(MC_ROLE_RUNNER, 0, ALL, ask_spool), 0);
	assert_int_equal(in_role(MC_ROLE_RUNNER, 0, ALL, ask_damaged), 0);
	assert_int_equal(in_role(MC_ROLE_RUNNER, 0, ALL, ask_system), 0);
	assert_int_equal(in_role(MC_ROLE_RUNNER, 0, ALL, ask_no_accept), 0);
	desk_close(&d);
}

/* ------------------------------------------------------------- terminator */

static int given[2];

static int
ask_closed(void)
{
	int ends[2];
	void *room;
	char c;

	MUST_FAIL(open("/etc/passwd", O_RDONLY), EACCES);
	MUST_FAIL(open("/dev/null", O_RDWR), EACCES);
	MUST_FAIL(open(desk->tmp, O_TMPFILE | O_RDWR | O_EXCL, 0600), EACCES);
	MUST_FAIL(socket(AF_UNIX, SOCK_STREAM, 0), EPERM);
	MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	MUST_FAIL(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), EPERM);
	MUST_FAIL(accept(desk->listening, NULL, NULL), EPERM);
	MUST_FAIL(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), EPERM);
	MUST_FAIL(syscall(435, NULL, 0), ENOSYS);
#ifdef SYS_fork
	MUST_FAIL(syscall(SYS_fork), EPERM);
	MUST_FAIL(syscall(SYS_vfork), EPERM);
#endif
	MUST_FAIL(fchmod(given[0], 0600), EPERM);
	MUST_FAIL(unlink(desk->secret), EPERM);
	/* what it lives on */
	MUST(write(given[1], "x", 1) == 1 && read(given[0], &c, 1) == 1);
	MUST(getrandom(&c, 1, 0) == 1);
	MUST((room = malloc(1000000)) != NULL);
	free(room);
	return 0;
}

/* the same without Landlock */
static void
test_terminator(void **state)
{
	struct desk d;

	(void)state;
	desk_open(&d, "");
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, given), 0);
	assert_int_equal(in_role(MC_ROLE_TERMINATOR, 0, ALL, ask_closed), 0);
	assert_int_equal(in_role(MC_ROLE_TERMINATOR, MC_CONFINE_FILES |
	    MC_CONFINE_PORTS | MC_CONFINE_SCOPE, MC_CONFINE_CALLS,
	    ask_closed), 0);
	(void)close(given[0]);
	(void)close(given[1]);
	desk_close(&d);
}

/* ---------------------------------------------------------- what is missing */

static int
ask_half_files(void)
{
	MUST_FAIL(open(desk->secret, O_RDONLY), EACCES);
	MUST_FAIL(unlink(desk->secret), EACCES);
	return ask_spool();
}

static int
ask_half_calls(void)
{
	MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
	MUST_FAIL(chmod(desk->secret, 0644), EPERM);
	return ask_spool();
}

/* one of the two is better than none, and the log says it */
static void
test_half(void **state)
{
	static const unsigned landlock = MC_CONFINE_FILES | MC_CONFINE_PORTS |
	    MC_CONFINE_SCOPE;
	struct desk d;

	(void)state;
	desk_open(&d, "");
	assert_int_equal(in_role(MC_ROLE_RUNNER, MC_CONFINE_CALLS,
	    MC_CONFINE_FILES, ask_half_files), 0);
	assert_int_equal(in_role(MC_ROLE_RUNNER, landlock, MC_CONFINE_CALLS,
	    ask_half_calls), 0);
	desk_close(&d);
}

static void
test_says_what_lacks(void **state)
{
	struct desk d;
	char *said;
	int status;
	pid_t pid;

	(void)state;
	desk_open(&d, "");
	for (int told = 0; told < 2; told++) {
		said = mmap(NULL, sizeof(d.side.said), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_true(said != MAP_FAILED);
		pid = fork();
		if (pid == 0) {
			struct mc_role_settings set = { .config = d.config,
			    .caller = &d.caller, .spool = d.side.dir,
			    .log = &d.side.log, .told = told != 0,
			    .without = MC_CONFINE_FILES };

			(void)mc_role_confine(MC_ROLE_LISTENER, &set);
			memcpy(said, d.side.said, sizeof(d.side.said));
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(strstr(said, "not confined in everything") !=
		    NULL, told == 0);
		if (told == 0)
			assert_non_null(strstr(said, " files"));
		(void)munmap(said, sizeof(d.side.said));
	}
	desk_close(&d);
}

static int
ask_free(void)
{
	int fd = open(desk->secret, O_RDONLY);

	MUST(fd >= 0);
	MUST(socket(AF_INET, SOCK_STREAM, 0) >= 0);
	return 0;
}

/* the default account decides for all of them */
static void
test_confine_no(void **state)
{
	static const struct {
		const char *conf;
		bool confinable;
	} rows[] = {
		{ "", true },
		{ "confine = no\n", false },
		{ "[account default]\nhost = h.example\nconfine = no\n", false },
		{ "[account default]\nhost = h.example\n"
		    "[account other]\nhost = h.example\nconfine = no\n", true },
		/* none is the default one: the first */
		{ "[account a]\nhost = h.example\nconfine = no\n", false },
		{ "[account a]\nhost = h.example\n", true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct desk d;

		desk_open(&d, rows[i].conf);
		assert_int_equal(mc_role_confinable(d.config),
		    rows[i].confinable);
		if (!rows[i].confinable) {
			assert_int_equal(in_role(MC_ROLE_LISTENER, 0, 0,
			    ask_free), 0);
			assert_int_equal(in_role(MC_ROLE_RUNNER, 0, 0,
			    ask_free), 0);
		}
		desk_close(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listener),
		cmocka_unit_test(test_runner),
		cmocka_unit_test(test_terminator),
		cmocka_unit_test(test_half),
		cmocka_unit_test(test_says_what_lacks),
		cmocka_unit_test(test_confine_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
