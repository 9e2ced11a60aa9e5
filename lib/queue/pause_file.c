/* SPDX-License-Identifier: MIT */
/*
 * pause_file.c - the file of an account behind pause.h
 */
#include "base/base.h"

#include "queue/pause_file.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "queue/bytes.h"
#include "queue/sha256.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#define MAGIC "MCPAUSE\n"
#define RECORD_VERSION 1
#define AT_TEXT 56
#define AT_GROUPS (AT_TEXT + MC_ERR_TEXT)
#define GROUP 12
#define AT_SUM (MC_PAUSE_BYTES - 4)

_Static_assert(AT_GROUPS + GROUP * MC_PAUSE_GROUPS == AT_SUM,
    "the table in pause_file.h");

/* milliseconds for everything that others may keep us from */
#define PATIENCE 1000
/* microseconds.  Nobody queues for the lock, so whoever sleeps long between
 * two tries starves among those who try all the time */
#define SHORTEST_NAP 50
#define LONGEST_NAP 1000
/* so long a record may be half overwritten; then it is damaged */
#define LOOKING 20

/* ------------------------------------------------------------------- record */

/* against torn writes and stray bytes; nobody else can write here */
static uint32_t
fnv1a(const unsigned char *p, size_t n)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

void
mc_pause_encode(const struct mc_pause_record *record,
    unsigned char ret_bytes[MC_PAUSE_BYTES])
{
	const struct mc_pause *p = &record->pause;
	unsigned char *b = ret_bytes;

	memset(b, 0, MC_PAUSE_BYTES);
	memcpy(b, MAGIC, strlen(MAGIC));
	put_u32(b + 8, RECORD_VERSION);
	put_u32(b + 12, record->groups);
	put_u64(b + 16, (uint64_t)p->until);
	put_u64(b + 24, (uint64_t)p->since);
	put_u64(b + 32, (uint64_t)record->counted);
	put_u32(b + 40, p->failures);
	put_u32(b + 44, (uint32_t)p->fault);
	put_u32(b + 48, (uint32_t)p->code);
	memcpy(b + AT_TEXT, p->text, strnlen(p->text, MC_ERR_TEXT - 1));
	for (size_t i = 0; i < record->groups; i++) {
		unsigned char *g = b + AT_GROUPS + i * GROUP;

		put_u64(g, (uint64_t)record->group[i].last);
		put_u32(g + 8, record->group[i].n);
	}
	put_u32(b + AT_SUM, fnv1a(b, AT_SUM));
}

static bool
decode_groups(const unsigned char *b, struct mc_pause_record *r)
{
	if (r->groups > MC_PAUSE_GROUPS)
		return false;
	for (size_t i = 0; i < r->groups; i++) {
		const unsigned char *g = b + AT_GROUPS + i * GROUP;

		r->group[i].last = (int64_t)get_u64(g);
		r->group[i].n = get_u32(g + 8);
		if (i != 0 && r->group[i].last < r->group[i - 1].last)
			return false;
	}
	return true;
}

static bool
is_code(uint32_t n)
{
	return n == MC_OK || (n <= INT_MAX &&
	    strcmp(mc_code_name((enum mc_code)n), "MC_E_?") != 0);
}

bool
mc_pause_decode(const unsigned char bytes[MC_PAUSE_BYTES],
    struct mc_pause_record *ret_record)
{
	const unsigned char *b = bytes;
	const char *text = (const char *)b + AT_TEXT;
	uint32_t fault = get_u32(b + 44);
	uint32_t code = get_u32(b + 48);

	if (memcmp(b, MAGIC, strlen(MAGIC)) != 0 ||
	    get_u32(b + 8) != RECORD_VERSION ||
	    get_u32(b + AT_SUM) != fnv1a(b, AT_SUM) ||
	    fault > MC_FAULT_BUSY || !is_code(code))
		return false;

	struct mc_pause_record r = {
		.pause = {
			.until = (int64_t)get_u64(b + 16),
			.since = (int64_t)get_u64(b + 24),
			.failures = get_u32(b + 40),
			.fault = (enum mc_fault)fault,
			.code = (enum mc_code)code,
		},
		.counted = (int64_t)get_u64(b + 32),
		.groups = get_u32(b + 12),
	};

	if (!decode_groups(b, &r))
		return false;
	(void)mc_str_printable(mc_str_make(text, strnlen(text, MC_ERR_TEXT)),
	    r.pause.text, sizeof(r.pause.text));
	*ret_record = r;
	return true;
}

/* --------------------------------------------------------------------- file */

/* 26 digits of 5 bits each, as identifiers have them */
void
mc_pause_name(const char *account, char ret_name[MC_PAUSE_NAME])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	unsigned char sum[MC_SHA256_LEN];
	struct mc_sha256 sha;

	mc_sha256_init(&sha);
	mc_sha256_add(&sha, account, strlen(account));
	mc_sha256_end(&sha, sum);
	memcpy(ret_name, "a-", 2);
	for (size_t i = 0; i < MC_ID_LEN; i++) {
		const unsigned char *p = sum + i * 5 / 8;
		unsigned two = (unsigned)p[0] << 8 | p[1];

		ret_name[2 + i] = digits[two >> (11 - i * 5 % 8) & 31];
	}
	ret_name[2 + MC_ID_LEN] = '\0';
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

/* whether there was a whole one */
static bool
read_record(int fd, int64_t size, struct mc_pause_record *ret_record)
{
	unsigned char bytes[MC_PAUSE_BYTES];

	return size == MC_PAUSE_BYTES &&
	    mc_file_pread(fd, bytes, sizeof(bytes), 0, NULL) == 0 &&
	    mc_pause_decode(bytes, ret_record);
}

/* sleep a little longer each time; false when patience is at its end */
static bool
nap(int64_t deadline, long *us)
{
	if (mc_clock_left(deadline) == 0)
		return false;
	*us = *us == 0 ? SHORTEST_NAP :
	    *us * 2 > LONGEST_NAP ? LONGEST_NAP : *us * 2;
	(void)nanosleep(&(struct timespec){ .tv_nsec = *us * 1000 }, NULL);
	return true;
}

static int
make_file(const struct mc_pause_file *file)
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
remove_foreign(const struct mc_pause_file *file)
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
find(struct mc_pause_file *file, bool make)
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
lock(struct mc_pause_file *file, int64_t deadline)
{
	struct stat here, there;
	long us = 0;
	int rc;

	while ((rc = mc_store_lock(file->fd)) == 1) {
		if (!nap(deadline, &us)) {
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
find_and_lock(struct mc_pause_file *file, bool make)
{
	int64_t deadline = mc_clock_after(PATIENCE);
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
		if (errno != EAGAIN || !nap(deadline, &us))
			return -1;
	}
}

int
mc_pause_open(const struct mc_store *store, const char *account, bool make,
    struct mc_pause_file *ret_file, struct mc_err *err)
{
	struct mc_pause_file file = { .store = store, .fd = -1 };

	mc_pause_name(account, file.name);

	int rc = find_and_lock(&file, make);

	if (rc < 0 && errno == ETIMEDOUT)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: another process keeps %s locked", store->dir,
		    file.name);
	if (rc < 0)
		return mc_store_fail(store, errno, err, "cannot open %s",
		    file.name);
	if (rc == 0)
		return 0;
	if (!read_record(file.fd, file.size, &file.record)) {
		file.record = (struct mc_pause_record){ .groups = 0 };
		if (file.size != 0)
			mc_log_line(store->set.log, MC_LOG_WARN,
			    MC_STAGE_LOCAL, "queue %s: %s is damaged and made"
			    " anew", store->dir, file.name);
	}
	*ret_file = file;
	return 1;
}

int
mc_pause_save(struct mc_pause_file *file, struct mc_err *err)
{
	unsigned char bytes[MC_PAUSE_BYTES];
	struct mc_err io = { .code = MC_OK };

	mc_pause_encode(&file->record, bytes);
	if (file->size > MC_PAUSE_BYTES &&
	    ftruncate(file->fd, MC_PAUSE_BYTES) != 0)
		return mc_store_fail(file->store, errno, err, "cannot cut %s",
		    file->name);
	if (mc_file_pwrite(file->fd, bytes, sizeof(bytes), 0, &io) != 0)
		return mc_store_fail(file->store, io.sys, err,
		    "cannot write %s", file->name);
	file->size = MC_PAUSE_BYTES;
	return 0;
}

void
mc_pause_close(struct mc_pause_file *file)
{
	mc_file_close(&file->fd);
}

/*
 * No lock: whoever stops in the middle of something must not stop those who
 * only look.  A record that is half written has a wrong sum.
 */
void
mc_pause_peek(const struct mc_store *store, const char *account,
    struct mc_pause_record *ret_record)
{
	struct mc_pause_record record = { .groups = 0 };
	char name[MC_PAUSE_NAME];
	int64_t size;

	*ret_record = record;
	mc_pause_name(account, name);

	int fd = open_plain(store, name, O_RDONLY, &size);

	int64_t deadline = mc_clock_after(LOOKING);
	long us = 0;

	while (fd >= 0 && size == MC_PAUSE_BYTES) {
		if (read_record(fd, size, &record)) {
			*ret_record = record;
			break;
		}
		if (!nap(deadline, &us))
			break;
	}
	mc_file_close(&fd);
}
