/* SPDX-License-Identifier: MIT */
/*
 * log_key.c - the key under which addresses are hashed for the log
 */
#include "base/base.h"
#include "queue/log_key.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

static bool
is_good(const struct mc_store *store, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == store->uid &&
	    (st->st_mode & 077) == 0 && st->st_size == MC_LOG_KEY_LEN;
}

static int
no_good(const struct mc_store *store, struct mc_err *err)
{
	return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
	    "queue %s: " MC_LOG_KEY " is not a file of %d bytes that only its "
	    "owner may read; remove it", store->dir, MC_LOG_KEY_LEN);
}

/* 1 read, 0 if there is none */
static int
read_key(const struct mc_store *store, unsigned char key[MC_LOG_KEY_LEN],
    struct mc_err *err)
{
	struct stat st;
	int rc = -1;
	int fd;

	/* a look first: devices and FIFOs are not even opened */
	if (fstatat(store->top, MC_LOG_KEY, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT)
			return 0;
		return mc_store_fail(store, errno, err,
		    "cannot look at " MC_LOG_KEY);
	}
	if (!is_good(store, &st))
		return no_good(store, err);
	fd = openat(store->top, MC_LOG_KEY, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return mc_store_fail(store, errno, err,
		    "cannot open " MC_LOG_KEY);
	if (fstat(fd, &st) != 0 || !is_good(store, &st))
		(void)no_good(store, err);
	else if (mc_file_pread(fd, key, MC_LOG_KEY_LEN, 0, err) == 0)
		rc = 1;
	mc_file_close(&fd);
	return rc;
}

static int
write_temp(const struct mc_store *store, const char *name, struct mc_err *err)
{
	unsigned char key[MC_LOG_KEY_LEN];
	int fd = openat(store->top, name, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc = -1;

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return mc_store_fail(store, errno, err,
		    "cannot make " MC_LOG_KEY);
	/* an odd umask */
	if (fchmod(fd, 0600) != 0)
		(void)mc_store_fail(store, errno, err,
		    "cannot chmod " MC_LOG_KEY);
	else if (mc_rand_bytes(key, sizeof(key), err) == 0 &&
	    mc_file_write(fd, key, sizeof(key), err) == 0)
		rc = 0;
	/* a key of zeros after a crash would be no secret */
	if (rc == 0 && mc_file_sync(fd) != 0)
		rc = mc_store_fail(store, errno, err,
		    "cannot fsync " MC_LOG_KEY);
	mc_mem_wipe(key, sizeof(key));
	mc_file_close(&fd);
	return rc;
}

/* another process may be quicker: then its key is the one */
static int
make_key(const struct mc_store *store, struct mc_err *err)
{
	char name[MC_ID_LEN + 1];
	int rc;

	if (mc_rand_id(name, err) != 0)
		return -1;
	rc = write_temp(store, name, err);
	if (rc == 0 && mc_file_rename_new(store->top, name, store->top,
	    MC_LOG_KEY) != 0 && errno != EEXIST)
		rc = mc_store_fail(store, errno, err,
		    "cannot rename " MC_LOG_KEY);
	/* gone already if it was renamed */
	(void)unlinkat(store->top, name, 0);
	return rc;
}

int
mc_log_key_get(const struct mc_store *store,
    unsigned char ret_key[MC_LOG_KEY_LEN], struct mc_err *err)
{
	unsigned char key[MC_LOG_KEY_LEN];
	int rc = read_key(store, key, err);

	if (rc == 0 && make_key(store, err) != 0)
		return -1;
	if (rc == 0)
		rc = read_key(store, key, err);
	if (rc == 0)
		return mc_store_fail(store, ENOENT, err,
		    "cannot keep " MC_LOG_KEY);
	if (rc < 0)
		return -1;
	memcpy(ret_key, key, sizeof(key));
	mc_mem_wipe(key, sizeof(key));
	return 0;
}
