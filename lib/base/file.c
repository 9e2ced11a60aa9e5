/* SPDX-License-Identifier: MIT */
/*
 * file.c - descriptors and files, with EINTR and short counts dealt with
 */
#include "base/base.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#ifdef HAVE_MEMFD_CREATE
#include <sys/mman.h>
#endif
#include <sys/stat.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#define CHUNK 16384

int
mc_file_write(int fd, const void *p, size_t n, struct mc_err *err)
{
	const char *from = p;

	while (n != 0) {
		ssize_t put = write(fd, from, n < SSIZE_MAX ? n : SSIZE_MAX);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL,
			    put == 0 ? EIO : errno, "cannot write");
		from += put;
		n -= (size_t)put;
	}
	return 0;
}

ssize_t
mc_file_read(int fd, void *p, size_t n)
{
	ssize_t got;

	if (n > SSIZE_MAX)
		n = SSIZE_MAX;
	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

int
mc_file_pread(int fd, void *p, size_t n, uint64_t off, struct mc_err *err)
{
	const uint64_t most = sizeof(off_t) < 8 ? INT32_MAX : INT64_MAX;
	char *to = p;

	if (off > most || n > most - off)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, EOVERFLOW,
		    "cannot read back");
	while (n != 0) {
		ssize_t got = pread(fd, to, n < SSIZE_MAX ? n : SSIZE_MAX,
		    (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot read back");
		if (got == 0)
			return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL,
			    "a file got shorter while it was read");
		to += got;
		n -= (size_t)got;
		off += (uint64_t)got;
	}
	return 0;
}

int
mc_file_pwrite(int fd, const void *p, size_t n, uint64_t off,
    struct mc_err *err)
{
	const uint64_t most = sizeof(off_t) < 8 ? INT32_MAX : INT64_MAX;
	const char *from = p;

	if (off > most || n > most - off)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, EOVERFLOW,
		    "cannot write");
	while (n != 0) {
		ssize_t put = pwrite(fd, from, n < SSIZE_MAX ? n : SSIZE_MAX,
		    (off_t)off);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL,
			    put == 0 ? EIO : errno, "cannot write");
		from += put;
		n -= (size_t)put;
		off += (uint64_t)put;
	}
	return 0;
}

int
mc_file_sync(int fd)
{
#ifdef F_FULLFSYNC
	/* there, fsync alone leaves the bytes in the drive's cache */
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	if (errno != ENOTSUP && errno != ENOTTY && errno != EINVAL)
		return -1;
#endif
	return fsync(fd);
}

int
mc_file_sync_data(int fd)
{
#if defined(F_FULLFSYNC) || !defined(_POSIX_SYNCHRONIZED_IO) || \
    _POSIX_SYNCHRONIZED_IO <= 0
	return mc_file_sync(fd);
#else
	return fdatasync(fd);
#endif
}

static int
rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
#if defined(RENAME_NOREPLACE)
	return renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE);
#elif defined(RENAME_EXCL)
	return renameatx_np(from_dir, from, to_dir, to, RENAME_EXCL);
#elif defined(__linux__) && defined(SYS_renameat2)
	/* 1 is RENAME_NOREPLACE, for a libc that does not know it */
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 1u);
#else
	(void)from_dir;
	(void)from;
	(void)to_dir;
	(void)to;
	errno = ENOSYS;
	return -1;
#endif
}

int
mc_file_rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	if (rename_new(from_dir, from, to_dir, to) == 0)
		return 0;
	if (errno != ENOSYS)
		return -1;
	if (linkat(from_dir, from, to_dir, to, 0) != 0)
		return -1;
	if (unlinkat(from_dir, from, 0) == 0)
		return 0;

	int sys = errno;

	(void)unlinkat(to_dir, to, 0);
	errno = sys;
	return -1;
}

ssize_t
mc_file_fill(int fd, struct mc_buf *out)
{
	size_t room = out->max - out->len;
	char more;

	if (out->err == 0 && room == 0) {
		ssize_t got = mc_file_read(fd, &more, 1);

		if (got <= 0)
			return got;
		mc_mem_wipe(&more, 1);
	}

	/* with no room left this asks for too much, and marks the buffer */
	size_t n = room == 0 ? 1 : room < CHUNK ? room : CHUNK;
	char *to = mc_buf_reserve(out, n);

	if (to == NULL) {
		errno = out->err == MC_E_NOMEM ? ENOMEM : EFBIG;
		return -1;
	}

	ssize_t got = mc_file_read(fd, to, n);

	if (got > 0)
		mc_buf_commit(out, (size_t)got);
	return got;
}

void
mc_file_unfill(struct mc_buf *out, size_t len)
{
	if (len >= out->len)
		return;
	if (out->secret)
		mc_mem_wipe(out->ptr + len, out->len - len);
	out->len = len;
	out->ptr[len] = '\0';
}

int
mc_file_slurp(const char *path, struct mc_buf *out, mode_t *ret_mode,
    uid_t *ret_owner, struct mc_err *err)
{
	/* O_NONBLOCK: a FIFO that somebody planted must not hang us */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot open %s", path);

	size_t before = out->len;
	struct stat st;
	ssize_t got;
	int rc = -1;

	if (fstat(fd, &st) != 0) {
		(void)mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot look at %s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		(void)mc_err_set(err, MC_E_FILE, MC_STAGE_LOCAL,
		    "%s is no regular file", path);
		goto out;
	}
	do
		got = mc_file_fill(fd, out);
	while (got > 0);
	if (mc_buf_err(out, path, err) != 0)
		goto out;
	if (got < 0) {
		(void)mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot read %s", path);
		goto out;
	}
	if (ret_mode != NULL)
		*ret_mode = st.st_mode;
	if (ret_owner != NULL)
		*ret_owner = st.st_uid;
	rc = 0;
out:
	if (rc != 0)
		mc_file_unfill(out, before);
	mc_file_close(&fd);
	return rc;
}

int
mc_file_lift(int fd)
{
	if (fd < 0 || fd > 2)
		return fd;

	int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	mc_file_close(&fd);
	return higher;
}

/* made with a name that is gone at once; -1 with errno */
static int
temp_named(const char *dir)
{
	struct mc_buf name;
	int fd = -1;

	mc_buf_init(&name, strlen(dir) + 32);
	mc_buf_addz(&name, dir);
	mc_buf_addz(&name, "/mailchute-XXXXXX");
	if (name.err != 0)
		errno = ENOMEM;
	else
		fd = mkostemp(name.ptr, O_CLOEXEC);
	/* a message that stays behind, readable, is worse than none */
	if (fd >= 0 && unlink(name.ptr) != 0)
		mc_file_close(&fd);

	int saved = errno;

	mc_buf_clear(&name);
	errno = saved;
	return fd;
}

int
mc_file_temp(const char *dir, struct mc_err *err)
{
	int fd = -1;

	if (dir == NULL)
		dir = "/tmp";
#ifdef O_TMPFILE
	/* O_EXCL: can never be given a name */
	fd = open(dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
#endif
	if (fd < 0)
		fd = temp_named(dir);

	int sys = errno;

#ifdef HAVE_MEMFD_CREATE
	if (fd < 0) {
		fd = memfd_create("mailchute", MFD_CLOEXEC);
		if (fd >= 0)
			(void)fchmod(fd, 0600);
	}
#endif
	if (fd >= 0) {
		fd = mc_file_lift(fd);
		sys = errno;
	}
	if (fd < 0 && sys == ENOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (fd < 0)
		return mc_err_sys(err, MC_E_TMPFILE, MC_STAGE_LOCAL, sys,
		    "cannot make a temporary file in %s", dir);
	return fd;
}

void
mc_file_close(int *fd)
{
	int saved = errno;

	/* never a second try: after EINTR the number may be someone else's */
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}
