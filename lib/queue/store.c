/* SPDX-License-Identifier: MIT */
/*
 * store.c - open the spool directory, see that it keeps its promises
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

void
mc_store_name(char kind, const char *id, char ret_name[MC_STORE_NAME])
{
	size_t n = 0;

	/* a hundred thousand times in a list */
	ret_name[n++] = kind;
	ret_name[n++] = '-';
	while (n < MC_STORE_NAME - 1 && *id != '\0')
		ret_name[n++] = *id++;
	ret_name[n] = '\0';
}

bool
mc_store_is_id(const char *id)
{
	size_t i;

	for (i = 0; id[i] != '\0'; i++)
		if (i >= MC_ID_LEN || !((id[i] >= 'a' && id[i] <= 'z') ||
		    (id[i] >= '2' && id[i] <= '7')))
			return false;
	return i == MC_ID_LEN;
}

char
mc_store_kind(const char *name)
{
	if ((name[0] != 't' && name[0] != 'm' && name[0] != 'l') ||
	    name[1] != '-' || !mc_store_is_id(name + 2))
		return 0;
	return name[0];
}

int
mc_store_fail(const struct mc_store *store, int sys, struct mc_err *err,
    const char *fmt, ...)
{
	enum mc_code code = MC_E_QUEUE;
	char what[256];
	va_list ap;

	if (sys == ENOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	/* EFBIG is the caller's own limit on the size of files */
	if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
		code = MC_E_QUEUE_FULL;
	va_start(ap, fmt);
	if (vsnprintf(what, sizeof(what), fmt, ap) < 0)
		what[0] = '\0';
	va_end(ap);
	return mc_err_sys(err, code, MC_STAGE_LOCAL, sys, "queue %s: %s",
	    store->dir, what);
}

int
mc_store_open_file(const struct mc_store *store, const char *name, int flags,
    struct stat *ret_st)
{
	int fd = openat(store->q, name, flags | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return -1;
	if (fstat(fd, ret_st) != 0) {
		mc_file_close(&fd);
		return -1;
	}
	if (!S_ISREG(ret_st->st_mode) || ret_st->st_uid != store->uid ||
	    ret_st->st_nlink > 1) {
		mc_file_close(&fd);
		errno = EPERM;
	}
	return fd;
}

bool
mc_store_same(const struct mc_store *store, const char *name,
    const struct stat *st)
{
	struct stat now;

	return fstatat(store->q, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	    now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

int
mc_store_lock(int fd)
{
	int rc;

	do
		rc = flock(fd, LOCK_EX | LOCK_NB);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 && (errno == EWOULDBLOCK || errno == EAGAIN))
		return 1;
	return rc;
}

void
mc_store_mode(mode_t mode, bool *ret_held, bool *ret_failed)
{
	*ret_held = (mode & S_IWUSR) == 0;
	*ret_failed = !*ret_held && (mode & S_IXUSR) != 0;
}

int
mc_store_set_time(int fd, int64_t when)
{
	const int64_t most = sizeof(time_t) < 8 ? INT32_MAX : INT64_MAX;
	struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)(when < 0 ? 0 : when > most ? most : when) },
	};

	return futimens(fd, times);
}

int
mc_store_each(const struct mc_store *store, int dir, mc_store_name_fn fn,
    void *ctx, struct mc_err *err)
{
	/* not dup: that would share the place in the directory */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return mc_store_fail(store, errno, err, "cannot read it");

	DIR *d = fdopendir(fd);

	if (d == NULL) {
		(void)mc_store_fail(store, errno, err, "cannot read it");
		mc_file_close(&fd);
		return -1;
	}

	int rc = 0;

	while (rc == 0) {
		errno = 0;

		/* a stream of our own */
		/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
		const struct dirent *e = readdir(d);

		if (e == NULL) {
			if (errno != 0)
				rc = mc_store_fail(store, errno, err,
				    "cannot read all of it");
			break;
		}
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = fn(ctx, e->d_name);
	}
	(void)closedir(d);
	return rc;
}

/* ------------------------------------------------------------ left-overs */

int
mc_store_sweep_one(const struct mc_store *store, const char *name)
{
	struct stat st;
	int fd;
	int gone = 0;

	/* a look first: devices and FIFOs are not even opened */
	if (fstatat(store->q, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || st.st_uid != store->uid)
		return 0;
	fd = openat(store->q, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	/*
	 * Whoever writes it holds the lock from before the first byte; between
	 * making and locking it is open to be taken away here, which the
	 * writer notices.
	 */
	if (mc_store_lock(fd) == 0 && fstat(fd, &st) == 0 &&
	    mc_store_same(store, name, &st) &&
	    unlinkat(store->q, name, 0) == 0)
		gone = 1;
	mc_file_close(&fd);
	return gone;
}

static int
sweep_name(void *ctx, const char *name)
{
	const struct mc_store *store = ctx;

	if (mc_store_kind(name) == 't' && mc_store_sweep_one(store, name) != 0)
		mc_log_line(store->set.log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "queue %s: removed %s, which was never finished",
		    store->dir, name);
	return 0;
}

/* -------------------------------------------------------------- file system */

#ifdef __linux__
struct fs {
	uint32_t magic;
	const char *name;
};

static const struct fs bad_fs[] = {
	{ 0x00006969, "NFS" },
	{ 0x0000517b, "SMB" },
	{ 0xff534d42, "CIFS" },
	{ 0xfe534d42, "SMB" },
	{ 0x65735546, "FUSE" },
	{ 0x01021997, "9p" },
};

#define FS_TMPFS 0x01021994u
#define FS_RAMFS 0x858458f6u
#endif

/*
 * Refused are those where locks, rename or fsync mean something else, or
 * nothing.
 */
static int
check_fs(const struct mc_store *store, struct mc_err *err)
{
#ifdef __linux__
	struct statfs fs;

	if (fstatfs(store->top, &fs) != 0)
		return mc_store_fail(store, errno, err,
		    "cannot tell its file system");

	uint32_t type = (uint32_t)fs.f_type;

	if (type == FS_TMPFS || type == FS_RAMFS)
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: this file system is in memory; what is queued "
		    "does not survive a restart", store->dir);
	for (size_t i = 0; i < MC_NELEM(bad_fs); i++) {
		if (type != bad_fs[i].magic)
			continue;
		if (!store->set.any_fs)
			return mc_err_set(err, MC_E_QUEUE_FS, MC_STAGE_LOCAL,
			    "queue %s: %s cannot promise that nothing is lost; "
			    "use a directory on a local file system",
			    store->dir, bad_fs[i].name);
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: on %s, mail may be lost or sent twice",
		    store->dir, bad_fs[i].name);
	}
#else
	(void)store;
	(void)err;
#endif
	return 0;
}

/* ------------------------------------------------------------------- opening */

/* one of the directories; *ret_st as opened */
static int
open_dir(int at, const char *name, struct stat *ret_st)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
	    O_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd >= 0 && fstat(fd, ret_st) != 0)
		mc_file_close(&fd);
	return fd;
}

static int
check_dir(const struct mc_store *store, const char *name,
    const struct stat *st, struct mc_err *err)
{
	if (st->st_uid != store->uid)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s%s belongs to uid %lu, and this is uid %lu",
		    store->dir, name, (unsigned long)st->st_uid,
		    (unsigned long)store->uid);
	if ((st->st_mode & 077) != 0)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s%s is open to others (mode %04o); chmod 700 it "
		    "after a look at what is in it", store->dir, name,
		    (unsigned)(st->st_mode & 07777));
	return 0;
}

static int
no_spool(const struct mc_store *store, struct mc_err *err)
{
	return mc_err_set(err, MC_E_QUEUE_NONE, MC_STAGE_LOCAL,
	    "queue %s: there is none yet", store->dir);
}

static int
open_top(struct mc_store *store, struct stat *ret_st, struct mc_err *err)
{
	store->top = open_dir(AT_FDCWD, store->dir, ret_st);
	if (store->top < 0 && errno == ENOENT && store->set.no_create)
		return no_spool(store, err);
	if (store->top < 0 && errno == ENOENT) {
		if (mc_store_make_path(store, err) != 0)
			return -1;
		store->top = open_dir(AT_FDCWD, store->dir, ret_st);
	}
	if (store->top < 0 && (errno == ELOOP || errno == ENOTDIR))
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: it, or a part of its path, is no directory",
		    store->dir);
	if (store->top < 0)
		return mc_store_fail(store, errno, err, "cannot open it");
	return check_dir(store, "", ret_st, err);
}

/* 1: both are there and ready; 0: set-up has not been finished */
static int
open_parts(struct mc_store *store, const struct stat *top, struct mc_err *err)
{
	struct stat q, bad;

	mc_file_close(&store->q);
	mc_file_close(&store->bad);
	store->q = open_dir(store->top, "q", &q);
	if (store->q < 0 && (errno == ENOENT || errno == EACCES))
		return 0;
	if (store->q < 0)
		return mc_store_fail(store, errno, err, "cannot open q");
	store->bad = open_dir(store->top, "bad", &bad);
	if (store->bad < 0 && (errno == ENOENT || errno == EACCES))
		return 0;
	if (store->bad < 0)
		return mc_store_fail(store, errno, err, "cannot open bad");
	if (check_dir(store, "/q", &q, err) != 0 ||
	    check_dir(store, "/bad", &bad, err) != 0)
		return -1;
	if (q.st_dev != top->st_dev || bad.st_dev != top->st_dev)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: q and bad are not on its own file system",
		    store->dir);
	return (q.st_mode & 0700) == 0700;
}

static int
open_all(struct mc_store *store, struct mc_err *err)
{
	struct stat top = { .st_dev = 0 };

	if (open_top(store, &top, err) != 0 || check_fs(store, err) != 0)
		return -1;

	int ready = open_parts(store, &top, err);

	if (ready < 0)
		return -1;
	/* nothing can have been put into one that is half made */
	if (ready == 0 && store->set.no_create)
		return no_spool(store, err);
	if (ready == 0) {
		if (mc_store_set_up(store, err) != 0)
			return -1;
		ready = open_parts(store, &top, err);
		if (ready == 0)
			return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
			    "queue %s: cannot open what was just made",
			    store->dir);
		if (ready < 0)
			return -1;
	}
	if (store->set.no_sweep)
		return 0;
	return mc_store_each(store, store->q, sweep_name, store, err);
}

int
mc_store_open(const struct mc_store_settings *settings,
    struct mc_store **ret_store, struct mc_err *err)
{
	if (settings->dir == NULL || settings->dir[0] != '/')
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "the queue's directory has to be a path from the root");

	struct mc_store *store = mc_mem_zalloc(1, sizeof(*store));

	if (store == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	store->top = store->q = store->bad = -1;
	store->set = *settings;
	store->uid = geteuid();
	store->dir = mc_mem_strdup(settings->dir);
	if (store->dir == NULL) {
		mc_store_close(store);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	store->set.dir = store->dir;
	/* a slash at the end would make O_NOFOLLOW follow */
	for (size_t n = strlen(store->dir); n > 1 && store->dir[n - 1] == '/';)
		store->dir[--n] = '\0';
	if (open_all(store, err) != 0) {
		mc_store_close(store);
		return -1;
	}
	*ret_store = store;
	return 0;
}

void
mc_store_close(struct mc_store *store)
{
	if (store == NULL)
		return;
	mc_file_close(&store->q);
	mc_file_close(&store->bad);
	mc_file_close(&store->top);
	mc_mem_free(store->dir);
	mc_mem_free(store);
}

/* ---------------------------------------------------------- for its runners */

int
mc_store_lock_run(struct mc_store *store, int *ret_fd, struct mc_err *err)
{
	/* not dup: the lock belongs to what was opened once */
	int fd = openat(store->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return mc_store_fail(store, errno, err, "cannot open it");

	int held = mc_store_lock(fd);

	if (held == 0) {
		*ret_fd = fd;
		return 1;
	}
	if (held < 0)
		(void)mc_store_fail(store, errno, err, "cannot lock it");
	mc_file_close(&fd);
	return held < 0 ? -1 : 0;
}

int
mc_store_q_fd(const struct mc_store *store)
{
	return store->q;
}

int
mc_store_top_fd(const struct mc_store *store)
{
	return store->top;
}

const char *
mc_store_dir(const struct mc_store *store)
{
	return store->dir;
}
