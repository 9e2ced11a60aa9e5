/* SPDX-License-Identifier: MIT */
/*
 * shim.c - stands between a program and the calls that touch its spool
 *
 * Loaded with LD_PRELOAD.  It counts the calls whose descriptor or path lies
 * under MC_SHIM_DIR (and that MC_SHIM_ONLY names, a list such as
 * "fsync,fdatasync", if that is set).  MC_SHIM_FAULTS is a list of
 * CALL:MODE:ERRNO; at that call it does what the mode says:
 *
 *	errno		fail once with that errno, without doing it
 *	errno-on	the same, and so does every later call
 *	half		write half of it, and say so; what writes nothing fails
 *	half-on		the same, and every later call fails
 *	half-kill	write half of it and die
 *	kill-before	die instead of it
 *	kill-after	die after it
 *	stop		stop before it, until somebody continues the process
 *
 * With MC_SHIM_WHO, only the calls of the process that was started ("parent")
 * or of those that it forks ("child") count, and sendmsg(2) is one of them,
 * wherever it goes.  With MC_SHIM_ALARM, SIGALRM comes so many milliseconds
 * after a fault that lasts.
 *
 * "HIT call" goes to standard error then.  With MC_SHIM_LOG, what was done to
 * files, and what the program wrote on standard output, is appended to that
 * file, in the form that states.py reads.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

enum mode {
	NOTHING,
	ERRNO,
	ERRNO_ON,
	HALF,
	HALF_ON,
	HALF_KILL,
	KILL_BEFORE,
	KILL_AFTER,
	STOP
};

#define MOST_FAULTS 4

static struct {
	bool ready;
	char dir[PATH_MAX];
	size_t dir_len;
	const char *only;
	const char *who;
	pid_t first;
	unsigned long count;
	struct fault {
		unsigned long at;
		enum mode mode;
		int sys;
	} faults[MOST_FAULTS];
	size_t n_faults;
	const struct fault *now;	/* hit by the call that is under way */
	int sys;
	int log;
	bool failing;
} shim = { .log = -1 };

static const struct {
	const char *name;
	enum mode mode;
} modes[] = {
	{ "errno", ERRNO }, { "errno-on", ERRNO_ON }, { "half", HALF },
	{ "half-on", HALF_ON }, { "half-kill", HALF_KILL },
	{ "kill-before", KILL_BEFORE }, { "kill-after", KILL_AFTER },
	{ "stop", STOP },
};

#define REAL(ret, name, ...) \
	static ret (*real)(__VA_ARGS__); \
	if (real == NULL) \
		real = (ret (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static void
say(int fd, const char *text, size_t n)
{
	while (n != 0) {
		long put = syscall(SYS_write, fd, text, n);

		if (put <= 0)
			return;
		text += put;
		n -= (size_t)put;
	}
}

static void
set_up(void)
{
	const char *s = getenv("MC_SHIM_DIR");

	if (shim.ready)
		return;
	shim.ready = true;
	shim.first = getpid();
	if (s == NULL || realpath(s, shim.dir) == NULL)
		return;
	shim.dir_len = strlen(shim.dir);
	shim.only = getenv("MC_SHIM_ONLY");
	shim.who = getenv("MC_SHIM_WHO");
	s = getenv("MC_SHIM_FAULTS");
	while (s != NULL && *s != '\0' && shim.n_faults < MOST_FAULTS) {
		struct fault *f = &shim.faults[shim.n_faults++];
		char mode[32] = "";

		if (sscanf(s, "%lu:%31[a-z-]:%d", &f->at, mode, &f->sys) != 3)
			abort();
		for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
			if (strcmp(mode, modes[i].name) == 0)
				f->mode = modes[i].mode;
		if (f->mode == NOTHING)
			abort();
		s = strchr(s, ',');
		s = s == NULL ? NULL : s + 1;
	}
	s = getenv("MC_SHIM_LOG");
	if (s != NULL) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, s, O_WRONLY |
		    O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		shim.log = (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 200);
		(void)syscall(SYS_close, fd);
	}
}

/* ------------------------------------------------------------- whose is it */

static bool
inside(const char *path)
{
	return shim.dir_len != 0 &&
	    strncmp(path, shim.dir, shim.dir_len) == 0 &&
	    (path[shim.dir_len] == '/' || path[shim.dir_len] == '\0');
}

static bool
fd_path(int fd, char path[PATH_MAX])
{
	char proc[64];
	ssize_t n;

	if (fd == AT_FDCWD)
		return getcwd(path, PATH_MAX) != NULL;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, path, PATH_MAX - 1);
	if (n < 0)
		return false;
	path[n] = '\0';
	return true;
}

static bool
ours_fd(int fd)
{
	char path[PATH_MAX];
	int saved = errno;
	bool is;

	set_up();
	is = fd_path(fd, path) && inside(path);
	errno = saved;
	return is;
}

static bool
ours_at(int dir, const char *name)
{
	char path[PATH_MAX];
	int saved = errno;
	bool is;

	set_up();
	if (name[0] == '/')
		return inside(name);
	is = fd_path(dir, path) && inside(path);
	errno = saved;
	return is;
}

/* ------------------------------------------------------------------- faults */

enum act { GO_ON, FAIL, HALVE };

static void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool
counts(const char *call)
{
	const char *at = shim.only;
	size_t n = strlen(call);

	if (at == NULL)
		return true;
	for (; (at = strstr(at, call)) != NULL; at += n)
		if ((at == shim.only || at[-1] == ',') &&
		    (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

/* the process that was started, or one that it has forked */
static bool
is_meant(void)
{
	return shim.who == NULL ||
	    (getpid() == shim.first) == (strcmp(shim.who, "parent") == 0);
}

static void
set_alarm(void)
{
	const char *s = getenv("MC_SHIM_ALARM");
	long ms = s == NULL ? 0 : atol(s);
	struct itimerval in = { .it_value = { ms / 1000, ms % 1000 * 1000 } };

	if (ms != 0)
		(void)setitimer(ITIMER_REAL, &in, NULL);
}

/* what is to become of this call, which is one of ours */
static enum act
before(const char *call, bool writes)
{
	enum mode mode = NOTHING;
	char text[64];

	shim.now = NULL;
	if (!counts(call) || !is_meant())
		return GO_ON;
	if (shim.failing) {
		errno = shim.sys;
		return FAIL;
	}
	shim.count++;
	for (size_t i = 0; i < shim.n_faults; i++)
		if (shim.faults[i].at == shim.count)
			shim.now = &shim.faults[i];
	if (shim.now == NULL)
		return GO_ON;
	mode = shim.now->mode;
	shim.sys = shim.now->sys;
	note("hit %s\n", call);
	say(2, text, (size_t)snprintf(text, sizeof(text), "HIT %s\n", call));
	shim.failing = mode == ERRNO_ON || mode == HALF_ON;
	if (shim.failing)
		set_alarm();
	if (mode == KILL_BEFORE)
		(void)raise(SIGKILL);
	if (mode == STOP)
		(void)raise(SIGSTOP);
	if (mode == KILL_AFTER || mode == STOP)
		return GO_ON;
	if (writes && (mode == HALF || mode == HALF_ON || mode == HALF_KILL))
		return HALVE;
	if (mode == HALF_KILL)
		(void)raise(SIGKILL);
	errno = shim.sys;
	return FAIL;
}

static void
after(void)
{
	if (shim.now != NULL && (shim.now->mode == KILL_AFTER ||
	    shim.now->mode == HALF_KILL))
		(void)raise(SIGKILL);
	shim.now = NULL;
}

/* ------------------------------------------------------------------- the log */

static void
note(const char *fmt, ...)
{
	char text[2 * PATH_MAX];
	int saved = errno;
	va_list ap;
	int n;

	if (shim.log < 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n > 0)
		say(shim.log, text, (size_t)n);
	errno = saved;
}

static unsigned long long
fd_ino(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (unsigned long long)st.st_ino : 0;
}

/* of what the name stands for, and of the directory that has the name */
static unsigned long long
name_ino(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ?
	    (unsigned long long)st.st_ino : 0;
}

static unsigned long long
dir_ino(int dir, const char *name)
{
	char path[PATH_MAX];
	const char *slash = strrchr(name, '/');
	struct stat st;

	if (slash == NULL)
		return dir == AT_FDCWD ? name_ino(dir, ".") : fd_ino(dir);
	(void)snprintf(path, sizeof(path), "%.*s", slash == name ? 1 :
	    (int)(slash - name), name);
	return fstatat(dir, path, &st, 0) == 0 ?
	    (unsigned long long)st.st_ino : 0;
}

static const char *
base(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash == NULL ? name : slash + 1;
}

static void
note_write(int fd, long long off, const void *p, ssize_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *from = p;
	char hex[512];

	if (shim.log < 0 || n <= 0)
		return;
	note("write %llu %lld ", fd_ino(fd), off);
	while (n > 0) {
		ssize_t k = n < 256 ? n : 256;

		for (ssize_t i = 0; i < k; i++) {
			hex[2 * i] = digits[from[i] >> 4];
			hex[2 * i + 1] = digits[from[i] & 15];
		}
		say(shim.log, hex, (size_t)(2 * k));
		from += k;
		n -= k;
	}
	note("\n");
}

/* --------------------------------------------------------------- descriptors */

ssize_t
write(int fd, const void *p, size_t n)
{
	enum act act = GO_ON;
	bool ours = ours_fd(fd);
	long long off;
	ssize_t put;

	REAL(ssize_t, write, int, const void *, size_t);
	if (!ours) {
		put = real(fd, p, n);
		if (fd == 1 && put > 0)
			note("ack %.*s", (int)put, (const char *)p);
		return put;
	}
	act = before("write", true);
	if (act == FAIL)
		return -1;
	off = (long long)lseek(fd, 0, SEEK_CUR);
	put = real(fd, p, act == HALVE ? (n + 1) / 2 : n);
	note_write(fd, off, p, put);
	after();
	return put;
}

static ssize_t
do_pwrite(int fd, const void *p, size_t n, off_t off)
{
	enum act act = GO_ON;
	bool ours = ours_fd(fd);
	ssize_t put;

	REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
	if (ours)
		act = before("pwrite", true);
	if (act == FAIL)
		return -1;
	put = real(fd, p, act == HALVE ? (n + 1) / 2 : n, off);
	if (ours) {
		note_write(fd, (long long)off, p, put);
		after();
	}
	return put;
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t off)
{
	return do_pwrite(fd, p, n, off);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off_t off)
{
	return do_pwrite(fd, p, n, off);
}

static ssize_t
do_pread(int fd, void *p, size_t n, off_t off)
{
	enum act act = GO_ON;
	bool ours = ours_fd(fd);
	ssize_t got;

	REAL(ssize_t, pread, int, void *, size_t, off_t);
	if (ours)
		act = before("pread", true);
	if (act == FAIL)
		return -1;
	got = real(fd, p, act == HALVE ? (n + 1) / 2 : n, off);
	if (ours)
		after();
	return got;
}

ssize_t
pread(int fd, void *p, size_t n, off_t off)
{
	return do_pread(fd, p, n, off);
}

ssize_t
pread64(int fd, void *p, size_t n, off_t off)
{
	return do_pread(fd, p, n, off);
}

ssize_t
read(int fd, void *p, size_t n)
{
	enum act act = GO_ON;
	bool ours = ours_fd(fd);
	ssize_t got;

	REAL(ssize_t, read, int, void *, size_t);
	if (ours)
		act = before("read", true);
	if (act == FAIL)
		return -1;
	got = real(fd, p, act == HALVE ? (n + 1) / 2 : n);
	if (ours)
		after();
	return got;
}

/* to another process: the channel between a runner and its worker */
ssize_t
sendmsg(int fd, const struct msghdr *msg, int flags)
{
	bool ours;
	ssize_t put;

	REAL(ssize_t, sendmsg, int, const struct msghdr *, int);
	set_up();
	ours = shim.dir_len != 0 && shim.who != NULL;
	if (ours && before("sendmsg", false) != GO_ON)
		return -1;
	put = real(fd, msg, flags);
	if (ours)
		after();
	return put;
}

/* the same for every call that takes a descriptor and either works or not */
#define FD_CALL(name, decl, args, types, line) \
int \
name decl \
{ \
	bool ours = ours_fd(fd); \
	int rc; \
	REAL(int, name, types); \
	if (!ours) \
		return real args; \
	if (before(#name, false) != GO_ON) { \
		if (strstr(#name, "sync") != NULL) \
			note(#name " %llu fail\n", fd_ino(fd)); \
		if (strcmp(#name, "close") == 0) \
			(void)syscall(SYS_close, fd); \
		return -1; \
	} \
	rc = real args; \
	if (rc == 0) \
		line; \
	after(); \
	return rc; \
}
#define TYPES(...) __VA_ARGS__

FD_CALL(fsync, (int fd), (fd), TYPES(int), note("fsync %llu ok\n", fd_ino(fd)))
FD_CALL(fdatasync, (int fd), (fd), TYPES(int),
    note("fdatasync %llu ok\n", fd_ino(fd)))
FD_CALL(flock, (int fd, int op), (fd, op), TYPES(int, int), (void)0)
FD_CALL(close, (int fd), (fd), TYPES(int), (void)0)
FD_CALL(ftruncate, (int fd, off_t len), (fd, len), TYPES(int, off_t),
    note("trunc %llu %lld\n", fd_ino(fd), (long long)len))
FD_CALL(fchmod, (int fd, mode_t mode), (fd, mode), TYPES(int, mode_t),
    note("chmod %llu %o\n", fd_ino(fd), (unsigned)mode))
FD_CALL(futimens, (int fd, const struct timespec ts[2]), (fd, ts),
    TYPES(int, const struct timespec *),
    note("utime %llu %lld\n", fd_ino(fd), (long long)ts[1].tv_sec))
FD_CALL(posix_fallocate, (int fd, off_t off, off_t len), (fd, off, len),
    TYPES(int, off_t, off_t), (void)0)
FD_CALL(fallocate, (int fd, int mode, off_t off, off_t len),
    (fd, mode, off, len), TYPES(int, int, off_t, off_t), (void)0)

/* --------------------------------------------------------------------- names */

static int
do_openat(int dir, const char *name, int flags, mode_t mode)
{
	bool ours = ours_at(dir, name);
	bool there = true;
	int fd;

	REAL(int, openat, int, const char *, int, ...);
	if (ours && before("open", false) != GO_ON)
		return -1;
	if (ours && (flags & O_CREAT) != 0)
		there = name_ino(dir, name) != 0;
	fd = real(dir, name, flags, mode);
	if (ours) {
		if (fd >= 0 && !there)
			note("create %llu %s %llu %o\n", dir_ino(dir, name),
			    base(name), fd_ino(fd), (unsigned)mode);
		after();
	}
	return fd;
}

#define OPEN_MODE(mode, flags) do { \
	va_list ap; \
	va_start(ap, flags); \
	mode = ((flags) & (O_CREAT | O_TMPFILE)) != 0 ? \
	    (mode_t)va_arg(ap, unsigned) : 0; \
	va_end(ap); \
} while (0)

int
openat(int dir, const char *name, int flags, ...)
{
	mode_t mode;

	OPEN_MODE(mode, flags);
	return do_openat(dir, name, flags, mode);
}

int
openat64(int dir, const char *name, int flags, ...)
{
	mode_t mode;

	OPEN_MODE(mode, flags);
	return do_openat(dir, name, flags, mode);
}

int
open(const char *name, int flags, ...)
{
	mode_t mode;

	OPEN_MODE(mode, flags);
	return do_openat(AT_FDCWD, name, flags, mode);
}

int
open64(const char *name, int flags, ...)
{
	mode_t mode;

	OPEN_MODE(mode, flags);
	return do_openat(AT_FDCWD, name, flags, mode);
}

/* names that _FORTIFY_SOURCE has for the same calls */
int __open_2(const char *name, int flags);
int __open64_2(const char *name, int flags);
int __openat_2(int dir, const char *name, int flags);
int __openat64_2(int dir, const char *name, int flags);
ssize_t __read_chk(int fd, void *p, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *p, size_t n, off_t off, size_t room);
ssize_t __pread64_chk(int fd, void *p, size_t n, off_t off, size_t room);

int
__open_2(const char *name, int flags)
{
	return do_openat(AT_FDCWD, name, flags, 0);
}

int
__open64_2(const char *name, int flags)
{
	return do_openat(AT_FDCWD, name, flags, 0);
}

int
__openat_2(int dir, const char *name, int flags)
{
	return do_openat(dir, name, flags, 0);
}

int
__openat64_2(int dir, const char *name, int flags)
{
	return do_openat(dir, name, flags, 0);
}

ssize_t
__read_chk(int fd, void *p, size_t n, size_t room)
{
	if (n > room)
		abort();
	return read(fd, p, n);
}

ssize_t
__pread_chk(int fd, void *p, size_t n, off_t off, size_t room)
{
	if (n > room)
		abort();
	return do_pread(fd, p, n, off);
}

ssize_t
__pread64_chk(int fd, void *p, size_t n, off_t off, size_t room)
{
	if (n > room)
		abort();
	return do_pread(fd, p, n, off);
}

int
mkdirat(int dir, const char *name, mode_t mode)
{
	bool ours = ours_at(dir, name);
	int rc;

	REAL(int, mkdirat, int, const char *, mode_t);
	if (ours && before("mkdir", false) != GO_ON)
		return -1;
	rc = real(dir, name, mode);
	if (ours) {
		if (rc == 0)
			note("mkdir %llu %s %llu %o\n", dir_ino(dir, name),
			    base(name), name_ino(dir, name), (unsigned)mode);
		after();
	}
	return rc;
}

int
unlinkat(int dir, const char *name, int flags)
{
	bool ours = ours_at(dir, name);
	unsigned long long ino = 0;
	int rc;

	REAL(int, unlinkat, int, const char *, int);
	if (ours && before("unlink", false) != GO_ON)
		return -1;
	if (ours)
		ino = name_ino(dir, name);
	rc = real(dir, name, flags);
	if (ours) {
		if (rc == 0)
			note("unlink %llu %s %llu\n", dir_ino(dir, name),
			    base(name), ino);
		after();
	}
	return rc;
}

int
unlink(const char *name)
{
	return unlinkat(AT_FDCWD, name, 0);
}

int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	bool ours = ours_at(to_dir, to);
	int rc;

	REAL(int, linkat, int, const char *, int, const char *, int);
	if (ours && before("link", false) != GO_ON)
		return -1;
	rc = real(from_dir, from, to_dir, to, flags);
	if (ours) {
		if (rc == 0)
			note("link %llu %s %llu\n", dir_ino(to_dir, to),
			    base(to), name_ino(to_dir, to));
		after();
	}
	return rc;
}

/*
 * ENOSYS, asked for by MC_SHIM_NO_RENAMEAT2, is a kernel without the call.
 */
int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned flags)
{
	bool ours = ours_at(to_dir, to);
	unsigned long long ino;
	int rc;

	REAL(int, renameat2, int, const char *, int, const char *, unsigned);
	if (ours && flags != 0 && getenv("MC_SHIM_NO_RENAMEAT2") != NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (ours && before("rename", false) != GO_ON)
		return -1;
	ino = name_ino(from_dir, from);
	rc = real(from_dir, from, to_dir, to, flags);
	if (ours) {
		if (rc == 0)
			note("rename %llu %s %llu %s %llu\n",
			    dir_ino(from_dir, from), base(from),
			    dir_ino(to_dir, to), base(to), ino);
		after();
	}
	return rc;
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int
rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* before the program forks */
__attribute__((constructor)) static void
begin(void)
{
	set_up();
}
