/* SPDX-License-Identifier: MIT */
/*
 * counters.c - how much has gone through a spool since it was made, and how often
 * the local service has refused something
 */
#include "base/base.h"

#include "queue/counters.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "queue/bytes.h"
#include "queue/side_file.h"
#include "queue/store_internal.h"

#define MAGIC_LEN 8
#define FILE_VERSION 1
#define RECORD MC_COUNTERS_RECORD
#define AT_SUM (RECORD - 4)
/* milliseconds: whoever puts a message hardly waits for this */
#define PATIENCE 100

_Static_assert(MC_COUNTERS_NAME + 4 * 8 == AT_SUM, "the table in counters.h");

/* two files of the same form */
struct kind {
	const char *file;
	const char *magic;
};

static const struct kind accounts = { MC_COUNTERS_FILE, "MCCOUNT\n" };
static const struct kind refusals = { MC_REFUSED_FILE, "MCREFUS\n" };

/* the file as it was read: the head, and n accounts or reasons */
struct table {
	const struct kind *kind;
	size_t n;
	unsigned char bytes[RECORD * (1 + MC_COUNTERS_MOST)];
};

static unsigned char *
record_at(struct table *t, size_t i)
{
	return t->bytes + RECORD * (1 + i);
}

static void
put_sum(unsigned char *record)
{
	put_u32(record + AT_SUM, mc_side_sum(record, AT_SUM));
}

static bool
is_whole(const unsigned char *record)
{
	return get_u32(record + AT_SUM) == mc_side_sum(record, AT_SUM);
}

/* ------------------------------------------------------------------ reading */

static bool
is_sound(struct table *t)
{
	const unsigned char *head = t->bytes;

	if (memcmp(head, t->kind->magic, MAGIC_LEN) != 0 ||
	    get_u32(head + 8) != FILE_VERSION || !is_whole(head))
		return false;
	for (size_t i = 0; i < t->n; i++) {
		const unsigned char *record = record_at(t, i);

		if (!is_whole(record) || record[0] == '\0' ||
		    record[MC_COUNTERS_NAME - 1] != '\0')
			return false;
	}
	return true;
}

/* whether there was a whole one */
static bool
read_table(int fd, int64_t size, struct table *t)
{
	if (size < RECORD || size % RECORD != 0 ||
	    size > (int64_t)sizeof(t->bytes) ||
	    mc_file_pread(fd, t->bytes, (size_t)size, 0, NULL) != 0)
		return false;
	t->n = (size_t)size / RECORD - 1;
	return is_sound(t);
}

static void
get_counts(const unsigned char *record, struct mc_counts *ret_counts)
{
	const unsigned char *p = record + MC_COUNTERS_NAME;

	ret_counts->queued = get_u64(p);
	ret_counts->delivered = get_u64(p + 8);
	ret_counts->deferred = get_u64(p + 16);
	ret_counts->failed = get_u64(p + 24);
}

static int
tell(struct table *t, mc_counters_fn fn, void *ctx)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < t->n; i++) {
		const unsigned char *record = record_at(t, i);
		struct mc_counts counts;

		get_counts(record, &counts);
		rc = fn(ctx, (const char *)record, &counts);
	}
	return rc;
}

static void
name_file(struct mc_side_file *file, const struct mc_store *store,
    const struct kind *kind)
{
	*file = (struct mc_side_file){ .store = store, .fd = -1 };
	memcpy(file->name, kind->file, strlen(kind->file));
}

/* a record that is half written has a wrong sum, for a moment */
static int
each(const struct mc_store *store, const struct kind *kind, mc_counters_fn fn,
    void *ctx, int64_t *ret_since)
{
	int64_t deadline = mc_clock_after(MC_SIDE_LOOKING);
	struct table t = { .kind = kind };
	struct mc_side_file file;
	long us = 0;
	bool good;

	*ret_since = 0;
	name_file(&file, store, kind);
	mc_side_peek(&file);
	if (file.fd < 0 || file.size == 0) {
		mc_side_close(&file);
		return 0;
	}
	while (!(good = read_table(file.fd, file.size, &t)) &&
	    mc_side_nap(deadline, &us))
		continue;
	mc_side_close(&file);
	if (good) {
		*ret_since = (int64_t)get_u64(t.bytes + 16);
		return tell(&t, fn, ctx);
	}
	mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "queue %s: %s is damaged; the next %s begins it anew",
	    store->dir, file.name, kind == &accounts ? "message" : "refusal");
	return 0;
}

int
mc_counters_each(const struct mc_store *store, mc_counters_fn fn, void *ctx,
    int64_t *ret_since)
{
	return each(store, &accounts, fn, ctx, ret_since);
}

int
mc_refused_each(const struct mc_store *store, mc_counters_fn fn, void *ctx,
    int64_t *ret_since)
{
	return each(store, &refusals, fn, ctx, ret_since);
}

/* ------------------------------------------------------------------- adding */

static void
begin_anew(struct table *t)
{
	memset(t->bytes, 0, RECORD);
	memcpy(t->bytes, t->kind->magic, MAGIC_LEN);
	put_u32(t->bytes + 8, FILE_VERSION);
	put_u64(t->bytes + 16, (uint64_t)(mc_clock_real_ms() / 1000));
	put_sum(t->bytes);
	t->n = 0;
}

static uint64_t
sum_of(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static void
add_to(unsigned char *record, const struct mc_counts *more)
{
	unsigned char *p = record + MC_COUNTERS_NAME;
	struct mc_counts old;

	get_counts(record, &old);
	put_u64(p, sum_of(old.queued, more->queued));
	put_u64(p + 8, sum_of(old.delivered, more->delivered));
	put_u64(p + 16, sum_of(old.deferred, more->deferred));
	put_u64(p + 24, sum_of(old.failed, more->failed));
	put_sum(record);
}

/* t->n where it has none yet */
static size_t
find_account(struct table *t, const char *account)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (strcmp((char *)record_at(t, i), account) == 0)
			break;
	return i;
}

/* a record lies in one page, so nobody who is killed leaves half of it */
static int
save(struct mc_side_file *file, struct table *t, size_t i, bool anew,
    struct mc_err *err)
{
	size_t from = anew ? 0 : RECORD * (1 + i);
	size_t to = RECORD * (2 + i);
	int64_t old = anew ? 0 : file->size;
	int64_t size = old > (int64_t)to ? old : (int64_t)to;

	if (mc_side_write(file, t->bytes + from, to - from, from, size,
	    err) == 0)
		return 0;
	/* half a record behind the others would spoil them */
	if (size != old && ftruncate(file->fd, (off_t)old) == 0)
		file->size = old;
	return -1;
}

static int
add(struct mc_side_file *file, const struct kind *kind, const char *account,
    const struct mc_counts *more, struct mc_err *err)
{
	struct table t = { .kind = kind };
	bool anew = !read_table(file->fd, file->size, &t);

	if (anew && file->size != 0)
		mc_log_line(file->store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: %s is damaged and begins anew",
		    file->store->dir, file->name);
	if (anew)
		begin_anew(&t);

	size_t i = find_account(&t, account);

	if (i == MC_COUNTERS_MOST)
		return 0;
	if (i == t.n) {
		memset(record_at(&t, i), 0, RECORD);
		memcpy(record_at(&t, i), account, strlen(account));
	}
	add_to(record_at(&t, i), more);
	return save(file, &t, i, anew, err);
}

static bool
add_in(struct mc_store *store, const struct kind *kind, const char *name,
    const struct mc_counts *more)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_side_file file;
	size_t len = strlen(name);

	if (len == 0 || len >= MC_COUNTERS_NAME)
		return true;
	name_file(&file, store, kind);

	int rc = mc_side_open(&file, true, PATIENCE, &err);

	if (rc == 1)
		rc = add(&file, kind, name, more, &err);
	mc_side_close(&file);
	if (rc < 0 && !store->counts_told) {
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "what goes through the queue is not counted: %s",
		    err.text);
		store->counts_told = true;
	}
	return rc >= 0;
}

bool
mc_counters_add(struct mc_store *store, const char *account,
    const struct mc_counts *more)
{
	return add_in(store, &accounts, account, more);
}

bool
mc_refused_add(struct mc_store *store, const char *reason, uint64_t n)
{
	struct mc_counts more = { .queued = n };

	return add_in(store, &refusals, reason, &more);
}
