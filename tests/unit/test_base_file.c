/* SPDX-License-Identifier: MIT */
/*
 * test_base_file.c - files: whole reads and writes, temporary files
 */
#include "unit.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

static char dir[] = "/tmp/mailchute-test-XXXXXX";

static const char *
in_dir(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put_file(const char *name, const char *bytes, size_t n, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_EXCL, mode);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, bytes, n, NULL), 0);
	mc_file_close(&fd);
	assert_int_equal(fd, -1);
}

static size_t
count_entries(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n - 2;
}

static void
slurp(void **state)
{
	static char big[50000];
	static const size_t sizes[] = { 0, 1, 16383, 16384, 16385, 50000 };

	(void)state;
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 / 3);
	for (size_t i = 0; i < MC_NELEM(sizes); i++) {
		for (int spare = -1; spare <= 1; spare++) {
			struct mc_err err = { 0 };
			struct mc_buf b;
			mode_t mode = 0;
			uid_t owner = (uid_t)-1;
			int rc;

			if (sizes[i] == 0 && spare < 0)
				continue;
			put_file("f", big, sizes[i], 0640);
			mc_buf_init(&b, 3 + sizes[i] + (size_t)spare);
			mc_buf_addz(&b, "pre");
			rc = mc_file_slurp(in_dir("f"), &b, &mode, &owner,
			    &err);
			(void)unlink(in_dir("f"));
			if (spare < 0) {
				assert_err(rc, err, MC_E_TOO_LONG);
				assert_string_equal(b.ptr, "pre");
				assert_int_equal(owner, (uid_t)-1);
			} else {
				assert_int_equal(rc, 0);
				assert_int_equal(b.len, 3 + sizes[i]);
				assert_memory_equal(b.ptr + 3, big, sizes[i]);
				assert_int_equal(mode & 07137, 0);
				assert_true(S_ISREG(mode));
				assert_int_equal(owner, geteuid());
			}
			mc_buf_clear(&b);
		}
	}
}

static void
slurp_refuses(void **state)
{
	static const struct {
		const char *path;
		int sys;
	} rows[] = {
		{ "fifo", 0 },
		{ "missing", ENOENT },
		{ "missing/f", ENOENT },
		{ "dangling", ENOENT },
		{ "loop", ELOOP },
		{ ".", 0 },
	};

	(void)state;
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_int_equal(symlink("nothing", in_dir("dangling")), 0);
	assert_int_equal(symlink("loop", in_dir("loop")), 0);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { 0 };
		struct mc_buf b;

		mc_buf_init(&b, 100);
		assert_err(mc_file_slurp(in_dir(rows[i].path), &b, NULL, NULL,
		    &err), err, MC_E_FILE);
		assert_int_equal(err.sys, rows[i].sys);
		assert_non_null(strstr(err.text, in_dir(rows[i].path)));
		assert_int_equal(b.len, 0);
		mc_buf_clear(&b);
	}

	struct mc_err err = { 0 };
	struct mc_buf b;

	mc_buf_init(&b, 100);
	assert_err(mc_file_slurp("/dev/null", &b, NULL, NULL, &err), err,
	    MC_E_FILE);
	(void)unlink(in_dir("fifo"));
	(void)unlink(in_dir("dangling"));
	(void)unlink(in_dir("loop"));
	mc_buf_clear(&b);
}

static void
slurp_follows_links(void **state)
{
	struct mc_buf b;

	(void)state;
	put_file("real", "text\n", 5, 0600);
	assert_int_equal(symlink("real", in_dir("link")), 0);
	mc_buf_init_secret(&b, 100);
	assert_int_equal(mc_file_slurp(in_dir("link"), &b, NULL, NULL, NULL),
	    0);
	assert_string_equal(b.ptr, "text\n");
	mc_buf_clear(&b);
	(void)unlink(in_dir("link"));
	(void)unlink(in_dir("real"));
}

static void
slurp_no_memory(void **state)
{
	char text[40000];
	int rc = -1;

	(void)state;
	memset(text, 'x', sizeof(text));
	put_file("f", text, sizeof(text), 0600);
	for (unsigned long n = 1; rc != 0; n++) {
		struct mc_err err = { 0 };
		struct mc_buf b;

		assert_true(n < 20);
		mc_buf_init(&b, sizeof(text));
		(void)failmalloc(n, false);
		rc = mc_file_slurp(in_dir("f"), &b, NULL, NULL, &err);
		if (failmalloc(0, false) >= n) {
			assert_err(rc, err, MC_E_NOMEM);
			assert_int_equal(b.len, 0);
		} else
			assert_int_equal(rc, 0);
		mc_buf_clear(&b);
	}
	(void)unlink(in_dir("f"));
}

static void
temporary(void **state)
{
	struct mc_err err = { 0 };
	struct stat st;
	char got[8];
	int fd = mc_file_temp(dir, &err);

	(void)state;
	assert_true(fd > 2);
	assert_int_equal(count_entries(dir), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 0);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);

	assert_int_equal(mc_file_write(fd, "0123456789", 10, &err), 0);
	assert_int_equal(mc_file_pread(fd, got, 4, 3, &err), 0);
	assert_memory_equal(got, "3456", 4);
	assert_int_equal(mc_file_pread(fd, got, 0, 10, &err), 0);
	assert_err(mc_file_pread(fd, got, 4, 7, &err), err, MC_E_IO);
	mc_err_reset(&err);
	assert_err(mc_file_pread(fd, got, 4, UINT64_MAX - 1, &err), err,
	    MC_E_IO);
	mc_err_reset(&err);
	assert_err(mc_file_pread(fd, got, 4, INT64_MAX - 1, &err), err,
	    MC_E_IO);
	mc_file_close(&fd);
	assert_int_equal(fd, -1);
	mc_file_close(&fd);

	fd = mc_file_temp(NULL, NULL);
	assert_true(fd > 2);
	mc_file_close(&fd);
}

static void
temporary_without_dir(void **state)
{
	struct mc_err err = { 0 };
	int fd = mc_file_temp(in_dir("missing"), &err);

	(void)state;
#ifdef HAVE_MEMFD_CREATE
	char got[4] = "";
	struct stat st;

	assert_true(fd > 2);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mc_file_write(fd, "abc", 3, &err), 0);
	assert_int_equal(mc_file_pread(fd, got, 3, 0, &err), 0);
	assert_string_equal(got, "abc");
	mc_file_close(&fd);
#else
	assert_err(fd, err, MC_E_TMPFILE);
	assert_int_equal(err.sys, ENOENT);
#endif
}

/* status of a child that runs fn */
static int
in_child(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int
temp_with_all_closed(void)
{
	for (int i = 0; i < 3; i++)
		(void)close(i);
	for (int i = 0; i < 3; i++) {
		int fd = mc_file_temp(dir, NULL);

		if (fd < 3 || (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0)
			return 1;
	}
	/* and the low numbers were given back */
	return fcntl(0, F_GETFD) >= 0 || fcntl(2, F_GETFD) >= 0 ? 2 : 0;
}

static int
temp_without_descriptors(void)
{
	struct mc_err err = { 0 };

	for (int fd = dup(0); fd >= 0; fd = dup(0))
		;
	if (mc_file_temp(in_dir("missing"), &err) != -1 ||
	    err.code != MC_E_TMPFILE)
		return 1;
	return err.sys != 0 && strstr(err.text, dir) != NULL ? 0 : 2;
}

static void
temporary_numbers(void **state)
{
	(void)state;
	assert_int_equal(in_child(temp_with_all_closed), 0);
	assert_int_equal(in_child(temp_without_descriptors), 0);
}

static void
lifting(void **state)
{
	int fd = dup(0);

	(void)state;
	assert_true(fd > 2);
	assert_int_equal(mc_file_lift(fd), fd);
	mc_file_close(&fd);
	assert_int_equal(mc_file_lift(-1), -1);
}

static void
ring(int sig)
{
	(void)sig;
}

/*
 * A signal every millisecond, while the reader waits for the first byte and
 * while the writer waits for room: nothing lost, nothing twice.
 */
static void
interrupted(void **state)
{
	static char bytes[400000];
	struct sigaction act = { .sa_handler = ring }, old;
	struct itimerval each = { { 0, 1000 }, { 0, 1000 } }, off = { 0 };
	size_t have = 0;
	int fd[2], status;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 / 7);
	assert_int_equal(pipe(fd), 0);
	(void)sigaction(SIGALRM, &act, &old);

	pid_t pid = fork();

	if (pid == 0) {
		(void)usleep(30000);
		(void)setitimer(ITIMER_REAL, &each, NULL);
		_exit(mc_file_write(fd[1], bytes, sizeof(bytes), NULL) != 0);
	}
	assert_true(pid > 0);
	mc_file_close(&fd[1]);
	(void)setitimer(ITIMER_REAL, &each, NULL);
	for (;;) {
		char part[7000];
		ssize_t got = mc_file_read(fd[0], part, sizeof(part));

		if (have == 0) {
			(void)setitimer(ITIMER_REAL, &off, NULL);
			(void)usleep(30000);
		}
		assert_true(got >= 0);
		if (got == 0)
			break;
		assert_true(have + (size_t)got <= sizeof(bytes));
		assert_memory_equal(part, bytes + have, got);
		have += (size_t)got;
	}
	assert_int_equal(have, sizeof(bytes));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)sigaction(SIGALRM, &old, NULL);
	mc_file_close(&fd[0]);
}

static void
write_fails(void **state)
{
	struct mc_err err = { 0 };
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_err(mc_file_write(fd, "x", 1, &err), err, MC_E_IO);
	assert_int_equal(err.sys, EBADF);
	assert_int_equal(mc_file_write(fd, "", 0, NULL), 0);
	errno = ERANGE;
	mc_file_close(&fd);
	assert_int_equal(errno, ERANGE);
}

static void
filling(void **state)
{
	struct mc_buf b;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "abcdefgh", 8), 8);
	mc_buf_init_secret(&b, 6);
	assert_int_equal(mc_file_fill(fd[0], &b), 6);
	assert_int_equal(mc_file_fill(fd[0], &b), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(b.err, MC_E_TOO_LONG);
	assert_string_equal(b.ptr, "abcdef");
	mc_file_unfill(&b, 9);
	mc_file_unfill(&b, 2);
	assert_string_equal(b.ptr, "ab");
	assert_memory_equal(b.ptr, "ab\0\0\0\0", 6);
	mc_buf_clear(&b);

	/* full, but there is no more */
	mc_buf_init(&b, 1);
	assert_int_equal(mc_file_fill(fd[0], &b), 1);
	mc_file_close(&fd[1]);
	assert_int_equal(mc_file_fill(fd[0], &b), 0);
	assert_int_equal(b.err, 0);
	assert_string_equal(b.ptr, "h");
	mc_buf_clear(&b);
	mc_file_close(&fd[0]);
	mc_buf_init(&b, 5);
	assert_int_equal(mc_file_fill(-1, &b), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(b.err, 0);
	mc_buf_clear(&b);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slurp),
		cmocka_unit_test(slurp_refuses),
		cmocka_unit_test(slurp_follows_links),
		cmocka_unit_test(slurp_no_memory),
		cmocka_unit_test(temporary),
		cmocka_unit_test(temporary_without_dir),
		cmocka_unit_test(temporary_numbers),
		cmocka_unit_test(lifting),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(write_fails),
		cmocka_unit_test(filling),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
