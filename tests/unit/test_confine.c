/* SPDX-License-Identifier: MIT */
/*
 * test_confine.c - what a confined process can do, and what it cannot
 */
#include "unit.h"

#include "base/buf.h"
#include "base/confine.h"
#include "base/file.h"

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
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define GOOD 0
#define LACKS 77

static char top[] = "/tmp/mailchute-test-XXXXXX";
static char seen[100], hidden[100], tmp[100], file[120], inner[120];
static uint16_t port, other_port;
static int served = -1, other_served = -1;

/* what a child is asked; it says its number where it was wrong, for which 0 is
 * good */
typedef int (*ask_fn)(void);

static unsigned needs;

static int
in_child(ask_fn fn, struct mc_confine_rules rules, unsigned need)
{
	struct mc_confine_result got;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(20);
		mc_confine(&rules, &got);
		if (got.sys != 0)
			_exit(99);
		if ((got.done & need) != need)
			_exit(LACKS);
		if ((got.done & rules.without) != 0)
			_exit(98);
		needs = need;
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LACKS) {
		print_message("# SKIP: this system lacks 0x%x\n", need);
		skip();
	}
	if (!WIFEXITED(status))
		fail_msg("child was ended by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, text, strlen(text), NULL), 0);
	(void)close(fd);
}

static int
serve(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

static int
make_all(void **state)
{
	(void)state;
	if (mkdtemp(top) == NULL)
		return -1;
	(void)snprintf(seen, sizeof(seen), "%s/seen", top);
	(void)snprintf(hidden, sizeof(hidden), "%s/hidden", top);
	(void)snprintf(tmp, sizeof(tmp), "%s/tmp", top);
	(void)snprintf(file, sizeof(file), "%s/file", seen);
	(void)snprintf(inner, sizeof(inner), "%s/file", hidden);
	(void)mkdir(seen, 0700);
	(void)mkdir(hidden, 0700);
	(void)mkdir(tmp, 0700);
	put(file, "seen");
	put(inner, "hidden");
	served = serve(&port);
	other_served = serve(&other_port);
	return 0;
}

static int
remove_all(void **state)
{
	(void)state;
	(void)unlink(file);
	(void)unlink(inner);
	(void)rmdir(seen);
	(void)rmdir(hidden);
	(void)rmdir(tmp);
	(void)close(served);
	(void)close(other_served);
	return rmdir(top);
}

/* it failed, with this errno */
#define MUST_FAIL(call, want) do { \
	errno = 0; \
	if ((long)(call) != -1 || errno != (want)) { \
		dprintf(2, "# %s: errno %d\n", #call, errno); \
		return __LINE__ % 90 + 1; \
	} \
} while (0)

#define MUST(call) do { \
	errno = 0; \
	if (!(call)) { \
		dprintf(2, "# %s: errno %d\n", #call, errno); \
		return __LINE__ % 90 + 1; \
	} \
} while (0)

/* ------------------------------------------------------------------- files */

static struct mc_confine_rules
usual(unsigned without)
{
	static struct mc_confine_path paths[4];

	paths[0] = (struct mc_confine_path){ seen, MC_MAY_READ };
	paths[1] = (struct mc_confine_path){ tmp, MC_MAY_TEMP };
	paths[2] = (struct mc_confine_path){ "/nowhere/at/all", MC_MAY_READ };
	paths[3] = (struct mc_confine_path){ "/dev/null", MC_MAY_READ };
	return (struct mc_confine_rules){ .paths = paths, .n_paths = 4,
	    .ports = &port, .n_ports = 1, .without = without };
}

static int
ask_names(void)
{
	int fd = needs == MC_CONFINE_CALLS ? EPERM : EACCES;
	char to[140];

	(void)snprintf(to, sizeof(to), "%s/new", seen);
	MUST_FAIL(open(file, O_WRONLY), EACCES);
	MUST_FAIL(open(file, O_RDWR), EACCES);
	MUST_FAIL(open(to, O_WRONLY | O_CREAT, 0600), EACCES);
	MUST_FAIL(open(file, O_RDONLY | O_TRUNC), EACCES);
	MUST_FAIL(mkdir(to, 0700), fd);
	MUST_FAIL(rename(file, to), fd);
	MUST_FAIL(unlink(file), fd);
	MUST_FAIL(symlink("x", to), fd);
	MUST_FAIL(mkfifo(to, 0600), fd);
	MUST_FAIL(link(file, to), fd);
	MUST_FAIL(open(seen, O_TMPFILE | O_RDWR, 0600), EACCES);
	return GOOD;
}

static int
ask_reading(void)
{
	int fd = open(file, O_RDONLY);
	char c;

	MUST(fd >= 0);
	MUST(read(fd, &c, 1) == 1);
	MUST(open(seen, O_RDONLY | O_DIRECTORY) >= 0);
	MUST_FAIL(open(inner, O_RDONLY), EACCES);
	MUST_FAIL(open(hidden, O_RDONLY | O_DIRECTORY), EACCES);
	MUST(open("/dev/null", O_RDONLY) >= 0);
	MUST_FAIL(execl("/bin/sh", "sh", "-c", "exit 0", NULL), EACCES);
	return ask_names();
}

static void
files(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_reading, usual(MC_CONFINE_CALLS),
	    MC_CONFINE_FILES), GOOD);
}

static int
ask_links(void)
{
	char at[140];

	(void)snprintf(at, sizeof(at), "%s/out", seen);
	MUST(open(at, O_RDONLY) >= 0);
	/* one of a directory says nothing of what is in it */
	(void)snprintf(at, sizeof(at), "%s/all/other", seen);
	MUST_FAIL(open(at, O_RDONLY), EACCES);
	(void)snprintf(at, sizeof(at), "%s/other", hidden);
	MUST_FAIL(open(at, O_RDONLY), EACCES);
	MUST_FAIL(open(inner, O_WRONLY), EACCES);
	return GOOD;
}

static int
ask_no_links(void)
{
	char at[140];

	(void)snprintf(at, sizeof(at), "%s/out", seen);
	MUST_FAIL(open(at, O_RDONLY), EACCES);
	return GOOD;
}

static void
links(void **state)
{
	struct mc_confine_path path = { seen, MC_MAY_READ | MC_MAY_LINKS };
	struct mc_confine_rules rules = { .paths = &path, .n_paths = 1 };
	char at[3][140];

	(void)state;
	(void)snprintf(at[0], sizeof(at[0]), "%s/out", seen);
	(void)snprintf(at[1], sizeof(at[1]), "%s/all", seen);
	(void)snprintf(at[2], sizeof(at[2]), "%s/other", hidden);
	put(at[2], "other");
	assert_int_equal(symlink("../hidden/file", at[0]), 0);
	assert_int_equal(symlink(hidden, at[1]), 0);
	assert_int_equal(in_child(ask_links, rules, MC_CONFINE_FILES), GOOD);
	path.may = MC_MAY_READ;
	assert_int_equal(in_child(ask_no_links, rules, MC_CONFINE_FILES),
	    GOOD);
	for (size_t i = 0; i < MC_NELEM(at); i++)
		(void)unlink(at[i]);
}

static int
ask_temp(void)
{
	struct mc_err err = { 0 };
	struct stat st;
	char link[64], where[200] = "";
	int fd = mc_file_temp(tmp, &err);
	ssize_t n;

	MUST(fd >= 0);
	MUST(mc_file_write(fd, "abc", 3, NULL) == 0);
	MUST(ftruncate(fd, 1) == 0);
	MUST(fstat(fd, &st) == 0 && st.st_size == 1 && st.st_nlink == 0);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, where, sizeof(where) - 1);
	/* on the disk, if the file system of /tmp can do that */
	MUST(n > 0 && (strncmp(where, tmp, strlen(tmp)) == 0 ||
	    strstr(where, "memfd") != NULL));
	dprintf(2, "# temporary file: %s\n", where);
	/* elsewhere it is in memory */
	fd = mc_file_temp(hidden, &err);
	MUST(fd >= 0);
	memset(where, 0, sizeof(where));
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, where, sizeof(where) - 1);
	MUST(n > 0);
	if ((needs & MC_CONFINE_FILES) != 0)
		MUST(strstr(where, "memfd") != NULL);
	return GOOD;
}

static void
temporary(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_temp, usual(0), MC_CONFINE_FILES |
	    MC_CONFINE_CALLS), GOOD);
	assert_int_equal(in_child(ask_temp, usual(MC_CONFINE_CALLS),
	    MC_CONFINE_FILES), GOOD);
	assert_int_equal(in_child(ask_temp, usual(MC_CONFINE_FILES),
	    MC_CONFINE_CALLS), GOOD);
}

/* with the filter not even what lies in the directory for temporary files */
static int
ask_temp_names(void)
{
	char name[140];

	(void)snprintf(name, sizeof(name), "%s/is-there", tmp);
	MUST_FAIL(open(name, O_RDWR), EACCES);
	MUST_FAIL(open(name, O_RDWR | O_EXCL), EACCES);
	MUST_FAIL(open(tmp, O_TMPFILE | O_RDWR, 0600), EACCES);
	MUST_FAIL(unlink(name), EPERM);
	return GOOD;
}

static void
names_beside_temporary(void **state)
{
	char name[140];

	(void)state;
	(void)snprintf(name, sizeof(name), "%s/is-there", tmp);
	put(name, "x");
	assert_int_equal(in_child(ask_temp_names, usual(0),
	    MC_CONFINE_CALLS), GOOD);
	(void)unlink(name);
}

static int
ask_run(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", "exit 7", NULL);
		_exit(errno == EACCES || errno == EPERM ? 8 : 9);
	}
	MUST(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WEXITSTATUS(status);
}

static void
programs(void **state)
{
	static const struct mc_confine_path all = { "/", MC_MAY_READ |
	    MC_MAY_RUN };
	static const struct mc_confine_path none = { "/", MC_MAY_READ };
	struct mc_confine_rules r = { .paths = &all, .n_paths = 1 };

	(void)state;
	assert_int_equal(in_child(ask_run, r, MC_CONFINE_CALLS), 8);
	r.run = true;
	assert_int_equal(in_child(ask_run, r, MC_CONFINE_CALLS), 7);
	r.paths = &none;
	assert_int_equal(in_child(ask_run, r, MC_CONFINE_FILES), 8);
}

/* ------------------------------------------------------------------- ports */

static int
reach(uint16_t to)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(to);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	mc_file_close(&fd);
	return rc;
}

static int
take_address(uint16_t number)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons(number);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	mc_file_close(&fd);
	return rc;
}

static int
ask_ports(void)
{
	MUST(reach(port) == 0);
	MUST_FAIL(reach(other_port), EACCES);
	MUST_FAIL(take_address(0), EACCES);
	return GOOD;
}

static int
ask_bind(void)
{
	MUST(take_address(0) == 0);
	MUST_FAIL(take_address(8), EACCES);
	return GOOD;
}

static void
ports(void **state)
{
	struct mc_confine_rules r = usual(0);

	(void)state;
	assert_int_equal(in_child(ask_ports, r, MC_CONFINE_PORTS), GOOD);
	r.bind = true;
	assert_int_equal(in_child(ask_bind, r, MC_CONFINE_PORTS), GOOD);
}

static int
ask_scope(void)
{
	MUST_FAIL(kill(getppid(), 0), EPERM);
	MUST(kill(getpid(), 0) == 0);
	return GOOD;
}

static void
scope(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_scope, usual(0), MC_CONFINE_SCOPE),
	    GOOD);
}

/* ------------------------------------------------------------------- calls */

static int
ask_calls(void)
{
	char to[140];
	int fd = open(file, O_RDONLY);

	MUST(fd >= 0);
	(void)snprintf(to, sizeof(to), "%s/new", seen);
	MUST_FAIL(execl("/bin/sh", "sh", "-c", "exit 0", NULL), EPERM);
	MUST_FAIL(syscall(SYS_execveat, 0, "", NULL, NULL, 0), EPERM);
	MUST_FAIL(ptrace(PTRACE_TRACEME, 0, NULL, NULL), EPERM);
	MUST_FAIL(unshare(CLONE_NEWNS), EPERM);
	MUST_FAIL(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0),
	    EPERM);
	MUST_FAIL(syscall(435, NULL, 0), ENOSYS);
	MUST_FAIL(syscall(437, AT_FDCWD, file, NULL, 0), ENOSYS);
	MUST_FAIL(syscall(425, 1, NULL), EPERM);
	MUST_FAIL(setuid(getuid()), EPERM);
	MUST_FAIL(syscall(SYS_bpf, 0, NULL, 0), EPERM);
	MUST_FAIL(syscall(SYS_keyctl, 0, -3, 0), EPERM);
	MUST_FAIL(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL), EPERM);
	MUST_FAIL(socket(AF_PACKET, SOCK_RAW, 0), EAFNOSUPPORT);
	MUST_FAIL(socket(AF_ALG, SOCK_SEQPACKET, 0), EAFNOSUPPORT);
	MUST_FAIL(listen(served, 1), EPERM);
	MUST_FAIL(accept(served, NULL, NULL), EPERM);
	MUST_FAIL(ioctl(0, TIOCSTI, "x"), EPERM);
	MUST_FAIL(syscall(SYS_personality, 0), EPERM);
	MUST(syscall(SYS_personality, 0xffffffff) >= 0);
	/* not by a descriptor either */
	MUST_FAIL(fchmod(fd, 0666), EPERM);
	MUST_FAIL(fchown(fd, 0, 0), EPERM);
	MUST_FAIL(futimens(fd, NULL), EPERM);
	MUST_FAIL(chmod(file, 0666), EPERM);
	MUST_FAIL(truncate(file, 0), EPERM);
#ifdef SYS_creat
	MUST_FAIL(syscall(SYS_creat, to, 0600), EPERM);
	MUST_FAIL(syscall(SYS_open, file, O_RDWR), EACCES);
	MUST_FAIL(syscall(SYS_open | 0x40000000, file, O_RDONLY), EPERM);
#endif
	return ask_names();
}

static void
calls(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_calls, usual(MC_CONFINE_FILES),
	    MC_CONFINE_CALLS), GOOD);
}

static void *
nothing(void *arg)
{
	return arg;
}

/* what a delivery does all the time */
static int
ask_usual(void)
{
	struct addrinfo *list = NULL;
	pthread_t thread;
	int fds[2];

	MUST(reach(port) == 0);
	MUST(pthread_create(&thread, NULL, nothing, NULL) == 0);
	MUST(pthread_join(thread, NULL) == 0);
	MUST(getaddrinfo("localhost", "25", NULL, &list) == 0);
	freeaddrinfo(list);
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	MUST(pipe(fds) == 0);
	return GOOD;
}

static void
what_is_needed(void **state)
{
	static const struct mc_confine_path paths[] = {
		{ "/etc", MC_MAY_READ }, { "/usr", MC_MAY_READ },
		{ "/lib", MC_MAY_READ }, { "/lib64", MC_MAY_READ },
		{ "/proc", MC_MAY_READ }, { "/run", MC_MAY_READ },
	};
	struct mc_confine_rules r = usual(0);

	(void)state;
	r.paths = paths;
	r.n_paths = MC_NELEM(paths);
	assert_int_equal(in_child(ask_usual, r, 0), GOOD);
}

static int
ask_nothing(void)
{
	MUST(open(inner, O_RDWR) >= 0);
	MUST(reach(other_port) == 0);
	MUST(kill(getppid(), 0) == 0);
	return GOOD;
}

/* a kernel that has none of it */
static void
without_all(void **state)
{
	(void)state;
	assert_int_equal(in_child(ask_nothing, usual(MC_CONFINE_FILES |
	    MC_CONFINE_PORTS | MC_CONFINE_SCOPE | MC_CONFINE_CALLS), 0), GOOD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(links),
		cmocka_unit_test(temporary),
		cmocka_unit_test(names_beside_temporary),
		cmocka_unit_test(programs),
		cmocka_unit_test(ports),
		cmocka_unit_test(scope),
		cmocka_unit_test(calls),
		cmocka_unit_test(what_is_needed),
		cmocka_unit_test(without_all),
	};

	return cmocka_run_group_tests(tests, make_all, remove_all);
}

#endif
