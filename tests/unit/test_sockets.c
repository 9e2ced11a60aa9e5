/* SPDX-License-Identifier: MIT */
/*
 * test_sockets.c - listening sockets: what stands in their place, who is behind
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "serve/sockets.h"

struct place {
	char dir[64];
	char path[96];
};

static void
place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/mc-sockets-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chmod(p->dir, 0755), 0);
	snprintf(p->path, sizeof(p->path), "%s/submit", p->dir);
}

static void
place_end(struct place *p)
{
	(void)unlink(p->path);
	(void)rmdir(p->path);
	assert_int_equal(rmdir(p->dir), 0);
}

static int
listen_on(const char *path, struct mc_socket *s, struct mc_err *err)
{
	memset(err, 0, sizeof(*err));
	return mc_socket_unix(path, 0666, (gid_t)-1, s, err);
}

static int
plain_socket(const char *path, bool listening)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	if (listening)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
	    0);
	return fd;
}

static void
test_life(void **state)
{
	static const mode_t modes[] = { 0666, 0660, 0600 };
	struct mc_err err;
	struct mc_socket s;
	struct place p;
	struct stat st;
	mode_t mask;

	(void)state;
	place_make(&p);
	mask = umask(0777);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		memset(&err, 0, sizeof(err));
		assert_int_equal(mc_socket_unix(p.path, modes[i], getegid(),
		    &s, &err), 0);
		assert_int_equal(lstat(p.path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(st.st_gid, getegid());
		assert_true(s.made && !s.is_tcp);
		assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
		assert_string_equal(s.text, p.path);
		mc_socket_close(&s);
		assert_int_equal(s.fd, -1);
		assert_int_equal(lstat(p.path, &st), -1);
		mc_socket_close(&s);
	}
	umask(mask);
	place_end(&p);
}

static void
test_peer(void **state)
{
	gid_t groups[64];
	struct mc_err err;
	struct mc_socket s;
	struct place p;
	char text[64];
	uid_t uid = 1;
	gid_t gid = 1;
	pid_t pid = 1;
	int fd, in;

	(void)state;
	place_make(&p);
	assert_int_equal(listen_on(p.path, &s, &err), 0);
	fd = connect_to(p.path);
	in = accept(s.fd, NULL, NULL);
	assert_true(in >= 0);
	assert_int_equal(mc_socket_peer(in, &uid, &gid, &pid), 0);
	assert_int_equal(uid, geteuid());
	assert_int_equal(gid, getegid());
	assert_int_equal(pid, getpid());
	assert_true(mc_socket_peer_groups(in, groups, 64) <= 64);
	/* too many for the room: none, never more than that */
	assert_true(mc_socket_peer_groups(in, groups, 0) == 0);
	mc_socket_peer_text(in, text, sizeof(text));
	assert_string_equal(text, "unix");
	mc_file_close(&in);
	mc_file_close(&fd);
	assert_int_equal(mc_socket_peer(-1, &uid, &gid, &pid), -1);
	mc_socket_close(&s);
	place_end(&p);
}

/* a process that has the socket too, and goes a moment later */
static pid_t
going(int *fd)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)nanosleep(&(struct timespec){ .tv_nsec = 200000000 },
		    NULL);
		_exit(0);
	}
	mc_file_close(fd);
	return pid;
}

/* the next one starts while the last of a killed one goes */
static void
test_going(void **state)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sockaddr *a = (struct sockaddr *)(void *)&addr;
	socklen_t len = sizeof(addr);
	struct mc_err err;
	struct mc_socket s, t;
	struct place p;
	pid_t pid;
	int fd;

	(void)state;
	place_make(&p);
	/* the socket */
	fd = plain_socket(p.path, true);
	pid = going(&fd);
	assert_int_equal(listen_on(p.path, &s, &err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* the lock; what mc_socket_close would remove stays as it is */
	mc_file_close(&s.fd);
	pid = going(&s.dir);
	assert_int_equal(listen_on(p.path, &t, &err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	mc_socket_close(&t);
	/* the port */
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memset(&err, 0, sizeof(err));
	assert_int_equal(mc_socket_tcp(a, len, &s, &err), 0);
	assert_int_equal(getsockname(s.fd, a, &len), 0);
	pid = going(&s.fd);
	assert_int_equal(mc_socket_tcp(a, len, &t, &err), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	mc_socket_close(&t);
	place_end(&p);
}

/* who is there stays, and a second service is told so */
static void
test_taken(void **state)
{
	struct mc_err err;
	struct mc_socket s, t;
	struct place p;
	struct stat st;
	ino_t ino;
	int fd;

	(void)state;
	place_make(&p);
	assert_int_equal(listen_on(p.path, &s, &err), 0);
	assert_int_equal(lstat(p.path, &st), 0);
	ino = st.st_ino;
	assert_err(listen_on(p.path, &t, &err), err, MC_E_QUEUE_BUSY);
	assert_int_equal(lstat(p.path, &st), 0);
	assert_true(st.st_ino == ino);
	fd = connect_to(p.path);
	mc_file_close(&fd);
	mc_socket_close(&s);
	/* one that knows nothing of locks */
	fd = plain_socket(p.path, true);
	assert_err(listen_on(p.path, &t, &err), err, MC_E_QUEUE_BUSY);
	assert_int_equal(lstat(p.path, &st), 0);
	mc_file_close(&fd);
	/* its path is left, and nobody behind it */
	assert_int_equal(listen_on(p.path, &s, &err), 0);
	mc_socket_close(&s);
	fd = plain_socket(p.path, false);
	mc_file_close(&fd);
	assert_int_equal(listen_on(p.path, &s, &err), 0);
	fd = connect_to(p.path);
	mc_file_close(&fd);
	mc_socket_close(&s);
	place_end(&p);
}

static void
make_file(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);

	assert_true(fd >= 0);
	mc_file_close(&fd);
}

static void
make_link(const char *path)
{
	assert_int_equal(symlink("/tmp/mc-sockets-nowhere", path), 0);
}

static void
make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0666), 0);
}

static void
make_dir(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
test_not_a_socket(void **state)
{
	static void (*const make[])(const char *) = {
		make_file, make_link, make_fifo, make_dir,
	};
	struct stat before, after;
	struct mc_err err;
	struct mc_socket s;
	struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < sizeof(make) / sizeof(make[0]); i++) {
		make[i](p.path);
		assert_int_equal(lstat(p.path, &before), 0);
		assert_err(listen_on(p.path, &s, &err), err, MC_E_CONF_VALUE);
		assert_int_equal(lstat(p.path, &after), 0);
		assert_true(before.st_ino == after.st_ino &&
		    before.st_mode == after.st_mode);
		assert_int_equal(access("/tmp/mc-sockets-nowhere", F_OK), -1);
		assert_int_equal(remove(p.path), 0);
	}
	place_end(&p);
}

static void
test_directory(void **state)
{
	static const struct {
		mode_t mode;
		bool good;
	} rows[] = {
		{ 0755, true }, { 0700, true }, { 0711, true },
		{ 0775, false }, { 0757, false }, { 0777, false },
		{ 01777, false },
	};
	struct mc_err err;
	struct mc_socket s;
	struct place p;
	char deep[160];

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(chmod(p.dir, rows[i].mode), 0);
		if (rows[i].good) {
			assert_int_equal(listen_on(p.path, &s, &err), 0);
			mc_socket_close(&s);
		} else {
			assert_err(listen_on(p.path, &s, &err), err,
			    MC_E_CONF_VALUE);
			assert_int_equal(access(p.path, F_OK), -1);
		}
	}
	if (geteuid() == 0) {
		assert_int_equal(chmod(p.dir, 0755), 0);
		assert_int_equal(chown(p.dir, 12345, 12345), 0);
		assert_err(listen_on(p.path, &s, &err), err, MC_E_CONF_VALUE);
	}
	/* the last part of it is made, no more than that */
	assert_int_equal(chmod(p.dir, 0755), 0);
	snprintf(deep, sizeof(deep), "%s/run/submit", p.dir);
	assert_int_equal(listen_on(deep, &s, &err), 0);
	mc_socket_close(&s);
	snprintf(deep, sizeof(deep), "%s/run", p.dir);
	assert_int_equal(rmdir(deep), 0);
	snprintf(deep, sizeof(deep), "%s/a/b/submit", p.dir);
	assert_err(listen_on(deep, &s, &err), err, MC_E_CONF_VALUE);
	place_end(&p);
}

static void
test_bad_paths(void **state)
{
	char long_path[200];
	const char *paths[] = { "", "submit", "/tmp/", "/", long_path };
	struct mc_err err;
	struct mc_socket s;

	(void)state;
	memset(long_path, 'x', sizeof(long_path));
	memcpy(long_path, "/tmp/", 5);
	long_path[sizeof(long_path) - 1] = '\0';
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_err(listen_on(paths[i], &s, &err), err,
		    MC_E_CONF_VALUE);
}

/* ---------------------------------------------------------------- addresses */

static socklen_t
address(const char *text, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		return sizeof(*in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
	in6->sin6_family = AF_INET6;
	return sizeof(*in6);
}

static void
test_loopback(void **state)
{
	static const struct {
		const char *text;
		bool yes;
	} rows[] = {
		{ "127.0.0.1", true }, { "127.255.255.254", true },
		{ "::1", true }, { "0.0.0.0", false }, { "128.0.0.1", false },
		{ "126.255.255.255", false }, { "192.0.2.1", false },
		{ "10.0.0.1", false }, { "::", false }, { "::2", false },
		{ "::ffff:127.0.0.1", false }, { "fe80::1", false },
		{ "100::1", false }, { "2001:db8::1", false },
	};
	struct sockaddr_storage ss;
	struct sockaddr *addr = (struct sockaddr *)&ss;
	struct mc_err err;
	struct mc_socket s;
	socklen_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		len = address(rows[i].text, &ss);
		assert_int_equal(mc_socket_is_loopback(addr), rows[i].yes);
		if (rows[i].yes)
			continue;
		memset(&err, 0, sizeof(err));
		assert_err(mc_socket_tcp(addr, len, &s, &err), err,
		    MC_E_CONF_VALUE);
		assert_non_null(strstr(err.text, rows[i].text));
	}
	ss.ss_family = AF_UNIX;
	assert_false(mc_socket_is_loopback(addr));
}

static void
test_tcp(void **state)
{
	struct sockaddr_storage ss;
	struct sockaddr *addr = (struct sockaddr *)&ss;
	struct mc_err err = { 0 };
	struct mc_socket s, t;
	socklen_t len = address("127.0.0.1", &ss);
	char text[64];
	int fd, in = -1;

	(void)state;
	assert_int_equal(mc_socket_tcp(addr, len, &s, &err), 0);
	assert_true(s.is_tcp && !s.made);
	len = sizeof(ss);
	assert_int_equal(getsockname(s.fd, addr, &len), 0);
	assert_err(mc_socket_tcp(addr, len, &t, &err), err, MC_E_IO);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, addr, len), 0);
	for (int i = 0; in < 0 && i < 1000; i++) {
		in = accept(s.fd, NULL, NULL);
		if (in < 0)
			usleep(1000);
	}
	assert_true(in >= 0);
	mc_socket_peer_text(in, text, sizeof(text));
	assert_string_equal(text, "127.0.0.1");
	mc_file_close(&in);
	mc_file_close(&fd);
	mc_socket_close(&s);
}

/* --------------------------------------------------------- made by somebody */

static void
refuse_take(int fd)
{
	struct mc_err err = { 0 };
	struct mc_socket s;

	assert_err(mc_socket_take(fd, &s, &err), err, MC_E_CONF_VALUE);
}

static void
test_take(void **state)
{
	struct mc_err err = { 0 };
	struct sockaddr_storage ss;
	struct mc_socket s;
	struct place p;
	socklen_t len;
	int fd, pair[2];

	(void)state;
	place_make(&p);
	refuse_take(-1);
	fd = open("/dev/null", O_RDWR);
	refuse_take(fd);
	mc_file_close(&fd);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	refuse_take(pair[0]);
	mc_file_close(&pair[0]);
	mc_file_close(&pair[1]);
	fd = plain_socket(p.path, false);
	refuse_take(fd);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(mc_socket_take(fd, &s, &err), 0);
	assert_string_equal(s.text, p.path);
	assert_true(fcntl(s.fd, F_GETFD) & FD_CLOEXEC);
	assert_true(fcntl(s.fd, F_GETFL) & O_NONBLOCK);
	mc_socket_close(&s);
	/* who made it removes it */
	assert_int_equal(access(p.path, F_OK), 0);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	len = address("0.0.0.0", &ss);
	assert_int_equal(bind(fd, (struct sockaddr *)&ss, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	refuse_take(fd);
	mc_file_close(&fd);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	refuse_take(fd);
	mc_file_close(&fd);
	place_end(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_peer),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_going),
		cmocka_unit_test(test_not_a_socket),
		cmocka_unit_test(test_directory),
		cmocka_unit_test(test_bad_paths),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
