/* SPDX-License-Identifier: MIT */
/*
 * side_file.c - small files beside q/: find, lock, write
 */
#include "base/base.h"

#include "queue/side_file.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

/* microseconds.  Nobody queues for the lock, so whoever sleeps long between
 * two tries starves among those who try all the time */
#define SHORTEST_NAP 50
#define LONGEST_NAP 1000

uint32_t
mc_side_sum(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static bool
is_ours(const struct mc_store *store, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == store->uid &&
	    st->st_nlink == 1 && (st->st_mode & 0600) == 0600;
}

/* -1 with errno; EPERM where it is no plain file of ours with one name */
static int
open_plain(const struct mc_store *store, const char *name, int flags,
    int64_t *ret_size)
{
	struct stat st;
	int fd;

	/* a look first: devices and FIFOs are not even opened */
	if (fstatat(store->top, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	errno = EPERM;
	if (!is_ours(store, &st))
		return -1;
	fd = openat(store->top, name, flags | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0 || !is_ours(store, &st)) {
		mc_file_close(&fd);
		errno = EPERM;
		return -1;
	}
	*ret_size = (int64_t)st.st_size;
	return fd;
}

bool
mc_side_nap(int64_t deadline, long *us)
{
	if (mc_clock_left(deadline) == 0)
		return false;
	*us = *us == 0 ? SHORTEST_NAP :
	    *us * 2 > LONGEST_NAP ? LONGEST_NAP : *us * 2;
	(void)nanosleep(&(struct timespec){ .tv_nsec = *us * 1000 }, NULL);
	return true;
}

static int
make_file(const struct mc_side_file *file)
{
	int fd = openat(file->store->top, file->name, O_RDWR | O_CREAT |
	    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	/* an odd umask */
	if (fd >= 0 && fchmod(fd, 0600) != 0)
		mc_file_close(&fd);
	return fd;
}

/* what stands there instead of a file of ours loses its name, no more */
static int
remove_foreign(const struct mc_side_file *file)
{
	const struct mc_store *store = file->store;
	struct stat st;

	/* another process may have been quicker */
	if (fstatat(store->top, file->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	if (is_ours(store, &st))
		return 0;
	if (unlinkat(store->top, file->name,
	    S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) != 0)
		return errno == ENOENT ? 0 : -1;
	mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "queue %s: removed %s, which was no plain file of ours",
	    store->dir, file->name);
	return 0;
}

/* 1 opened or made; 0 if there is none; -1 with errno, EAGAIN: once more */
static int
find(struct mc_side_file *file, bool make)
{
	file->fd = open_plain(file->store, file->name, O_RDWR, &file->size);
	if (file->fd >= 0)
		return 1;

	bool foreign = errno == EPERM || errno == ELOOP || errno == EACCES ||
	    errno == ENXIO;

	if (!foreign && errno != ENOENT)
		return -1;
	if (!make)
		return 0;
	if (foreign) {
		if (remove_foreign(file) == 0)
			errno = EAGAIN;
		return -1;
	}
	file->fd = make_file(file);
	file->size = 0;
	if (file->fd >= 0)
		return 1;
	if (errno == EEXIST)
		errno = EAGAIN;
	return -1;
}

/* is it locked, and still the file of that name?  -1 with errno as above */
static int
lock(struct mc_side_file *file, int64_t deadline)
{
	struct stat here, there;
	long us = 0;
	int rc;

	while ((rc = mc_store_lock(file->fd)) == 1) {
		if (!mc_side_nap(deadline, &us)) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	if (rc != 0)
		return -1;
	if (fstat(file->fd, &here) != 0)
		return -1;
	if (fstatat(file->store->top, file->name, &there,
	    AT_SYMLINK_NOFOLLOW) != 0 || here.st_dev != there.st_dev ||
	    here.st_ino != there.st_ino) {
		errno = EAGAIN;
		return -1;
	}
	file->size = (int64_t)here.st_size;
	return 0;
}

static int
find_and_lock(struct mc_side_file *file, bool make, int patience)
{
	int64_t deadline = mc_clock_after(patience);
	long us = 0;

	for (;;) {
		int rc = find(file, make);

		if (rc == 0)
			return 0;
		if (rc == 1) {
			if (lock(file, deadline) == 0)
				return 1;
			mc_file_close(&file->fd);
		}
		if (errno != EAGAIN || !mc_side_nap(deadline, &us))
			return -1;
	}
}

int
mc_side_open(struct mc_side_file *file, bool make, int patience,
    struct mc_err *err)
{
	int rc = find_and_lock(file, make, patience);

	if (rc < 0 && errno == ETIMEDOUT)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: another process keeps %s locked",
		    file->store->dir, file->name);
	if (rc < 0)
		return mc_store_fail(file->store, errno, err, "cannot open %s",
		    file->name);
	return rc;
}

void
mc_side_peek(struct mc_side_file *file)
{
	file->size = 0;
	file->fd = open_plain(file->store, file->name, O_RDONLY, &file->size);
}

int
mc_side_write(struct mc_side_file *file, const void *p, size_t n, uint64_t at,
    int64_t size, struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };

	if (file->size > size && ftruncate(file->fd, (off_t)size) != 0)
		return mc_store_fail(file->store, errno, err, "cannot cut %s",
		    file->name);
	if (mc_file_pwrite(file->fd, p, n, at, &io) != 0)
		return mc_store_fail(file->store, io.sys, err,
		    "cannot write %s", file->name);
	file->size = size;
	return 0;
}

void
mc_side_close(struct mc_side_file *file)
{
	mc_file_close(&file->fd);
}
