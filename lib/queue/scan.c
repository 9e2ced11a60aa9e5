/* SPDX-License-Identifier: MIT */
/*
 * scan.c - what is in the spool by names and inodes alone, and is there room
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/vec.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/statvfs.h>

/* oddities that one scan tells of; a runner scans often */
#define MOST_WARNINGS 10
/* a count is believed so long, milliseconds */
#define COUNT_AGE 10000

/* names that are kept at once; more memory than that is not to be had */
#define MOST_NAMES (SIZE_MAX / 64)

struct name {
	char id[MC_ID_LEN];
};

struct scan {
	struct mc_store *store;
	bool quiet;
	bool names_only;
	unsigned odd;
	mc_store_scan_fn fn;
	void *ctx;
	struct mc_err *err;
	struct mc_vec messages;		/* struct name */
	struct mc_vec notes;		/* uint64_t: key() of each */
};

static void
warn(struct scan *scan, const char *name, const char *what)
{
	scan->odd++;
	if (scan->quiet || scan->odd > MOST_WARNINGS)
		return;
	mc_log_line(scan->store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "queue %s: %s: %s; skipped%s", scan->store->dir, name, what,
	    scan->odd < MOST_WARNINGS ? "" : ", and more of the kind");
}

/* 1 with *ret_stat; 0 if it is gone: sent or taken back; -1 with a word if it
 * is no message of ours */
static int
stat_name(const struct mc_store *store, const char *name,
    struct mc_store_stat *ret_stat, const char **ret_why)
{
	struct stat st;

	if (fstatat(store->q, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		*ret_why = "cannot be looked at";
		return errno == ENOENT ? 0 : -1;
	}
	*ret_why = "not a regular file";
	if (!S_ISREG(st.st_mode))
		return -1;
	*ret_why = "another owner, or other names too";
	if (st.st_uid != store->uid || st.st_nlink > 1)
		return -1;
	memcpy(ret_stat->id, name + 2, sizeof(ret_stat->id));
	ret_stat->next_attempt = (int64_t)st.st_mtime;
	ret_stat->size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	ret_stat->notes = true;
	mc_store_mode(st.st_mode, &ret_stat->held, &ret_stat->failed);
	ret_stat->timed = !ret_stat->failed && mc_store_timed(st.st_mode);
	return 1;
}

static int
stat_one(struct scan *scan, const char *name, bool notes)
{
	struct mc_store_stat found;
	const char *why;
	int rc = stat_name(scan->store, name, &found, &why);

	if (rc < 0)
		warn(scan, name, why);
	if (rc <= 0)
		return 0;
	found.notes = notes;
	return scan->fn(scan->ctx, &found);
}

int
mc_store_stat_id(struct mc_store *store, const char *id,
    struct mc_store_stat *ret_stat)
{
	char name[MC_STORE_NAME];
	struct mc_store_stat found;
	const char *why;

	if (!mc_store_is_id(id))
		return 0;
	mc_store_name('m', id, name);
	if (stat_name(store, name, &found, &why) != 1)
		return 0;
	*ret_stat = found;
	return 1;
}

/* eight of the random characters; two that are alike cost a look in vain */
static uint64_t
key(const char *id)
{
	uint64_t k;

	memcpy(&k, id, sizeof(k));
	return k;
}

/* notes may stand before their message or behind it, so all names come first */
static int
keep_name(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	char kind = mc_store_kind(name);
	struct name *kept;
	uint64_t *notes;

	if (kind == 0)
		warn(scan, name, "not a name of ours");
	if (kind == 'm') {
		kept = mc_vec_add(&scan->messages);
		if (kept == NULL)
			goto no_memory;
		memcpy(kept->id, name + 2, sizeof(kept->id));
	}
	if (kind == 'l') {
		notes = mc_vec_add(&scan->notes);
		if (notes == NULL)
			goto no_memory;
		*notes = key(name + 2);
	}
	return 0;
no_memory:
	return mc_err_set(scan->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
}

static int
by_key(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool
has_notes(const struct scan *scan, const char *id)
{
	uint64_t k = key(id);

	return scan->notes.n != 0 && bsearch(&k, scan->notes.items,
	    scan->notes.n, sizeof(k), by_key) != NULL;
}

static int
tell_name(const struct scan *scan, const char *id, bool notes)
{
	struct mc_store_stat st = { .notes = notes };

	memcpy(st.id, id, MC_ID_LEN);
	return scan->fn(scan->ctx, &st);
}

static int
tell_all(struct scan *scan)
{
	char name[MC_STORE_NAME] = "m-";
	int rc = 0;

	if (scan->notes.n > 1)
		qsort(scan->notes.items, scan->notes.n, sizeof(uint64_t),
		    by_key);
	for (size_t i = 0; rc == 0 && i < scan->messages.n; i++) {
		const struct name *at = mc_vec_at(&scan->messages, i);
		bool notes = has_notes(scan, at->id);

		memcpy(name + 2, at->id, sizeof(at->id));
		rc = scan->names_only ? tell_name(scan, at->id, notes) :
		    stat_one(scan, name, notes);
	}
	return rc;
}

static int
scan_all(struct scan *scan, struct mc_err *err)
{
	scan->err = err;
	mc_vec_init(&scan->messages, sizeof(struct name), MOST_NAMES);
	mc_vec_init(&scan->notes, sizeof(uint64_t), MOST_NAMES);

	int rc = mc_store_each(scan->store, scan->store->q, keep_name, scan,
	    err);

	if (rc == 0)
		rc = tell_all(scan);
	mc_vec_clear(&scan->messages);
	mc_vec_clear(&scan->notes);
	return rc;
}

int
mc_store_scan(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err)
{
	struct scan scan = { .store = store, .fn = fn, .ctx = ctx };

	return scan_all(&scan, err);
}

int
mc_store_scan_names(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err)
{
	struct scan scan = { .store = store, .fn = fn, .ctx = ctx,
	    .names_only = true };

	return scan_all(&scan, err);
}

static int
stat_as_read(void *ctx, const char *name)
{
	return mc_store_kind(name) == 'm' ? stat_one(ctx, name, true) : 0;
}

int
mc_store_scan_quick(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err)
{
	struct scan scan = { .store = store, .quiet = true, .fn = fn,
	    .ctx = ctx };

	return mc_store_each(store, store->q, stat_as_read, &scan, err);
}

static int
bad_name(void *ctx, const char *name)
{
	struct scan *scan = ctx;
	struct mc_store_stat found;
	char id[MC_ID_LEN + 1];
	struct stat st;

	/* m-ID, or m-ID.2 where there were two of one name */
	if (strncmp(name, "m-", 2) != 0 || strlen(name) < 2 + MC_ID_LEN)
		return 0;
	(void)snprintf(id, sizeof(id), "%s", name + 2);
	if (!mc_store_is_id(id) ||
	    fstatat(scan->store->bad, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	memcpy(found.id, id, sizeof(found.id));
	found.next_attempt = (int64_t)st.st_mtime;
	found.size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	found.held = true;
	found.failed = found.timed = false;
	found.notes = true;
	return scan->fn(scan->ctx, &found);
}

int
mc_store_scan_bad(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err)
{
	struct scan scan = { .store = store, .fn = fn, .ctx = ctx };

	return mc_store_each(store, store->bad, bad_name, &scan, err);
}

/* -------------------------------------------------------------------- room */

struct tally {
	uint64_t messages;
	uint64_t bytes;
};

static int
tally_one(void *ctx, const struct mc_store_stat *st)
{
	struct tally *tally = ctx;

	tally->messages++;
	tally->bytes += st->size;
	return 0;
}

static int
count(struct mc_store *store, struct mc_err *err)
{
	struct tally tally = { 0, 0 };

	if (mc_store_scan_quick(store, tally_one, &tally, err) != 0)
		return -1;
	store->messages = tally.messages;
	store->bytes = tally.bytes;
	store->counted = true;
	store->counted_at = mc_clock_ms();
	return 0;
}

static bool
over_limit(const struct mc_store *store, uint64_t bytes)
{
	const struct mc_store_settings *set = &store->set;

	if (set->max_messages != 0 && store->messages >= set->max_messages)
		return true;
	return set->max_bytes != 0 && (bytes > set->max_bytes ||
	    store->bytes > set->max_bytes - bytes);
}

/*
 * Counting reads the whole directory, so a count is kept for a while; a
 * refusal never rests on an old one.
 */
static int
check_limits(struct mc_store *store, uint64_t bytes, struct mc_err *err)
{
	if (store->set.max_messages == 0 && store->set.max_bytes == 0)
		return 0;
	if (!store->counted || over_limit(store, bytes) ||
	    mc_clock_ms() - store->counted_at > COUNT_AGE) {
		if (count(store, err) != 0)
			return -1;
	}
	if (!over_limit(store, bytes))
		return 0;
	return mc_err_set(err, MC_E_QUEUE_FULL, MC_STAGE_LOCAL,
	    "queue %s: %" PRIu64 " messages and %" PRIu64 " bytes wait in it, "
	    "and the limit does not allow this one", store->dir,
	    store->messages, store->bytes);
}

static uint64_t
times(uint64_t n, uint64_t size)
{
	return size != 0 && n > UINT64_MAX / size ? UINT64_MAX : n * size;
}

int
mc_store_space(const struct mc_store *store, struct mc_store_space *ret_space,
    struct mc_err *err)
{
	struct mc_store_space s = { .keep_bytes = store->set.reserve_bytes };
	struct statvfs fs;

	if (fstatvfs(store->q, &fs) != 0)
		return mc_store_fail(store, errno, err,
		    "cannot tell how much space is free");
	s.bytes = times(fs.f_bavail, fs.f_frsize);
	s.files = fs.f_favail;
	/* some file systems make inodes as they go, and count none */
	s.counts_files = fs.f_files != 0;
	s.keep_files = s.counts_files ? 1 : 0;
	if (s.keep_bytes == 0) {
		s.keep_bytes = times(fs.f_blocks, fs.f_frsize) / 20;
		if (s.keep_bytes < UINT64_C(64) * 1024 * 1024)
			s.keep_bytes = UINT64_C(64) * 1024 * 1024;
		s.keep_files = fs.f_files / 20;
	}
	*ret_space = s;
	return 0;
}

static int
check_space(const struct mc_store *store, uint64_t bytes, struct mc_err *err)
{
	struct mc_store_space s = { .bytes = 0 };

	if (mc_store_space(store, &s, err) != 0)
		return -1;
	if (s.bytes < s.keep_bytes || s.bytes - s.keep_bytes < bytes)
		return mc_err_set(err, MC_E_QUEUE_FULL, MC_STAGE_LOCAL,
		    "queue %s: %" PRIu64 " bytes are free on its file system, "
		    "and %" PRIu64 " have to stay free", store->dir,
		    s.bytes, s.keep_bytes);
	if (s.files < s.keep_files)
		return mc_err_set(err, MC_E_QUEUE_FULL, MC_STAGE_LOCAL,
		    "queue %s: its file system is short of inodes (%" PRIu64
		    " free)", store->dir, s.files);
	return 0;
}

int
mc_store_room(struct mc_store *store, uint64_t bytes, struct mc_err *err)
{
	if (check_limits(store, bytes, err) != 0)
		return -1;
	return check_space(store, bytes, err);
}
