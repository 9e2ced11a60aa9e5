/* SPDX-License-Identifier: MIT */
/*
 * set_up.c - make a spool directory that a power loss cannot take away
 *
 * A message is as durable as the directories above it.  q/ is made without
 * permission to write and gets it last, once everything above is on stable
 * storage: whoever finds q/ writable knows that, and whoever finds it not,
 * after a crash or beside a process that is at it, does all of this again.
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

/* a mode that an odd umask did not let through */
static int
mend_mode(int at, const char *name, mode_t mode)
{
	struct stat st;

	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if ((st.st_mode & 07777) == mode || !S_ISDIR(st.st_mode))
		return 0;
	return fchmodat(at, name, mode, 0);
}

/* 0 if it is there afterwards, whoever made it */
static int
make_dir(int at, const char *name, mode_t mode)
{
	if (mkdirat(at, name, mode) != 0)
		return errno == EEXIST ? 0 : -1;
	return mend_mode(at, name, mode);
}

int
mc_store_make_path(const struct mc_store *store, struct mc_err *err)
{
	char *path = mc_mem_strdup(store->dir);
	int rc = 0;

	if (path == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (char *p = path + 1; rc == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (make_dir(AT_FDCWD, path, 0700) != 0)
			rc = mc_store_fail(store, errno, err, "cannot make %s",
			    path);
		*p = c;
		if (c == '\0')
			break;
	}
	mc_mem_free(path);
	return rc;
}

static int
sync_dir(const struct mc_store *store, int fd, const char *name,
    struct mc_err *err)
{
	if (mc_file_sync(fd) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOTSUP)
		return mc_err_sys(err, MC_E_QUEUE_FS, MC_STAGE_LOCAL, errno,
		    "queue %s: fsync of directories does not work on this "
		    "file system; use another", store->dir);
	return mc_store_fail(store, errno, err, "cannot fsync %s", name);
}

/*
 * All directories above, since another process may have made them and died.
 * One that we may not read, or that is read-only, was not made just now.
 */
static int
sync_above(const struct mc_store *store, struct mc_err *err)
{
	char *path = mc_mem_strdup(store->dir);
	int rc = 0;

	if (path == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	while (rc == 0 && path[1] != '\0') {
		char *slash = strrchr(path, '/');

		slash[slash == path] = '\0';

		int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 && errno != EACCES && errno != EPERM)
			rc = mc_store_fail(store, errno, err, "cannot open %s",
			    path);
		if (fd >= 0 && mc_file_sync(fd) != 0 && errno != EINVAL &&
		    errno != ENOTSUP && errno != EROFS && errno != EBADF)
			rc = mc_store_fail(store, errno, err, "cannot fsync %s",
			    path);
		mc_file_close(&fd);
	}
	mc_mem_free(path);
	return rc;
}

/* rename without replacing has to work before a message depends on it */
static int
test_rename(const struct mc_store *store, struct mc_err *err)
{
	char from[MC_ID_LEN + 1], to[MC_ID_LEN + 1];
	int rc = 0;

	if (mc_rand_id(from, err) != 0 || mc_rand_id(to, err) != 0)
		return -1;

	int fd = openat(store->top, from, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return mc_store_fail(store, errno, err, "cannot write there");
	mc_file_close(&fd);
	if (mc_file_rename_new(store->top, from, store->top, to) != 0) {
		if (errno == EINVAL || errno == ENOTSUP)
			rc = mc_err_sys(err, MC_E_QUEUE_FS, MC_STAGE_LOCAL,
			    errno, "queue %s: renaming without replacing does "
			    "not work on this file system; use another",
			    store->dir);
		else
			rc = mc_store_fail(store, errno, err, "cannot rename");
		(void)unlinkat(store->top, from, 0);
	}
	(void)unlinkat(store->top, to, 0);
	return rc;
}

int
mc_store_set_up(struct mc_store *store, struct mc_err *err)
{
	struct stat st;
	int q = -1;
	int rc = -1;

	if (make_dir(store->top, "bad", 0700) != 0 ||
	    make_dir(store->top, "q", 0500) != 0)
		return mc_store_fail(store, errno, err, "cannot make it");
	/* died between mkdir and mending the mode */
	if (fstatat(store->top, "bad", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_mode & 0777) == 0)
		(void)mend_mode(store->top, "bad", 0700);
	if (fstatat(store->top, "q", &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_mode & 0777) == 0)
		(void)mend_mode(store->top, "q", 0500);
	if (test_rename(store, err) != 0)
		return -1;
	q = openat(store->top, "q", O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);
	if (q < 0) {
		(void)mc_store_fail(store, errno, err, "cannot open q");
		goto out;
	}
	if (sync_dir(store, q, "q", err) != 0 ||
	    sync_dir(store, store->top, "it", err) != 0 ||
	    sync_above(store, err) != 0)
		goto out;
	if (fchmod(q, 0700) != 0) {
		(void)mc_store_fail(store, errno, err, "cannot chmod q");
		goto out;
	}
	rc = 0;
out:
	mc_file_close(&q);
	return rc;
}
