/* SPDX-License-Identifier: MIT */
/*
 * entry.c - one message of the spool: lock it, see that it is whole, read it
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/sha256.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

/* most envelopes of one or two recipients come with the first read */
#define PIECE 4096
#define DIGEST_PIECE (64 * 1024)

static int
damaged(const struct mc_entry *entry, struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_QUEUE_DAMAGED, MC_STAGE_LOCAL,
	    "queue %s: message %s is damaged: %s", entry->store->dir,
	    entry->id, what);
}

static int
cannot_read(const struct mc_entry *entry, int sys, struct mc_err *err)
{
	return mc_store_fail(entry->store, sys, err, "cannot read message %s",
	    entry->id);
}

/* an error of the disk is no damage: the message stays where it is */
static int
read_at(const struct mc_entry *entry, void *p, size_t n, uint64_t off,
    struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };

	if (mc_file_pread(entry->fd, p, n, off, &io) == 0)
		return 0;
	if (io.sys == 0)
		return damaged(entry, err, "it is shorter than it was");
	return cannot_read(entry, io.sys, err);
}

/* ------------------------------------------------------------------ reading */

static int
load_head(struct mc_entry *entry, const unsigned char *bytes, size_t n,
    struct mc_err *err)
{
	enum mc_qf_result found = MC_QF_DAMAGED;

	if (n >= MC_QF_HEAD)
		found = mc_qf_head_decode(bytes, (uint64_t)entry->st.st_size,
		    &entry->head);
	if (found == MC_QF_NEWER)
		return mc_err_set(err, MC_E_QUEUE_NEWER, MC_STAGE_LOCAL,
		    "queue %s: message %s was queued by a newer release of "
		    "mailchute; leave it to that one", entry->store->dir,
		    entry->id);
	if (found == MC_QF_DAMAGED)
		return damaged(entry, err, "its head makes no sense");
	return 0;
}

static int
load_cells(struct mc_entry *entry, const unsigned char *bytes, size_t n,
    struct mc_err *err)
{
	size_t count = entry->head.n;
	size_t have = n - MC_QF_HEAD < count ? n - MC_QF_HEAD : count;

	entry->cells = mc_mem_zalloc(count, 1);
	if (entry->cells == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	memcpy(entry->cells, bytes + MC_QF_HEAD, have);
	if (have < count && read_at(entry, entry->cells + have, count - have,
	    MC_QF_HEAD + have, err) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!mc_qf_is_cell(entry->cells[i]))
			return damaged(entry, err, "a state that is none");
	return 0;
}

static int
walk(const struct mc_entry *entry, struct mc_qf_reader *reader,
    struct mc_str first, struct mc_err *err)
{
	uint64_t off = entry->head.block;
	uint64_t end = mc_qf_header_at(&entry->head);
	char piece[PIECE];

	while (off < end) {
		uint64_t left = end - off;
		struct mc_str in = first;

		if (in.len == 0) {
			in = mc_str_make(piece, left < sizeof(piece) ?
			    (size_t)left : sizeof(piece));
			if (read_at(entry, piece, in.len, off, err) != 0)
				return -1;
		} else if (in.len > left) {
			in.len = (size_t)left;
		}

		int rc = mc_qf_reader_feed(reader, in.ptr, in.len, err);

		if (rc != 0)
			return rc;
		off += in.len;
		first = MC_STR_NONE;
	}
	return mc_qf_reader_end(reader, err);
}

int
mc_entry_walk(const struct mc_entry *entry, struct mc_qf_reader *reader,
    struct mc_err *err)
{
	return walk(entry, reader, MC_STR_NONE, err);
}

static int
load_envelope(struct mc_entry *entry, struct mc_str first, struct mc_err *err)
{
	struct mc_qf_reader reader;

	mc_qf_reader_init(&reader, entry->head.n, &entry->env, &entry->info);

	int rc = walk(entry, &reader, first, err);

	mc_qf_reader_clear(&reader);
	if (rc != 0) {
		mc_err_ctx(err, "queue %s: message %s", entry->store->dir,
		    entry->id);
		return -1;
	}
	for (size_t i = 0; i < entry->head.n; i++) {
		struct mc_rcpt *r = mc_envelope_at(&entry->env, i);
		enum mc_cell cell = mc_entry_cell(entry, i);

		r->verdict = cell == MC_CELL_DELIVERED ? MC_DELIVERED :
		    cell == MC_CELL_FAILED || cell == MC_CELL_REPORTED ?
		    MC_FAILED : MC_PENDING;
	}
	return 0;
}

/* `have`: what was read of the front of the file, which may be all of it */
static int
load_trailer(const struct mc_entry *entry, struct mc_str have,
    unsigned char *ret_digest, struct mc_err *err)
{
	uint64_t at = mc_qf_trailer_at(&entry->head);
	unsigned char bytes[MC_QF_TRAILER];

	/* a text that is not there has no length */
	if (at + sizeof(bytes) <= have.len)
		/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
		memcpy(bytes, have.ptr + at, sizeof(bytes));
	else if (read_at(entry, bytes, sizeof(bytes), at, err) != 0)
		return -1;
	if (!mc_qf_trailer_decode(bytes, (uint64_t)entry->st.st_size,
	    ret_digest))
		return damaged(entry, err, "its end is missing");
	return 0;
}

static int
load(struct mc_entry *entry, struct mc_err *err)
{
	unsigned char bytes[MC_QF_BLOCK + PIECE];
	unsigned char digest[MC_QF_DIGEST];
	struct mc_str first = MC_STR_NONE;
	size_t n = sizeof(bytes);

	if ((uint64_t)entry->st.st_size < n)
		n = (size_t)entry->st.st_size;
	if (read_at(entry, bytes, n, 0, err) != 0 ||
	    load_head(entry, bytes, n, err) != 0 ||
	    load_cells(entry, bytes, n, err) != 0)
		return -1;
	if (entry->head.block < n)
		first = mc_str_make((char *)bytes + entry->head.block,
		    n - entry->head.block);
	if (load_envelope(entry, first, err) != 0 ||
	    load_trailer(entry, mc_str_make((char *)bytes, n), digest,
	    err) != 0)
		return -1;
	if (entry->env.hold_until == 0)
		entry->free = entry->timed = false;
	mc_notes_first(entry);
	return 0;
}

/* ------------------------------------------------------------------- digest */

static int
digest_range(const struct mc_entry *entry, struct mc_sha256 *sha,
    char *piece, uint64_t off, uint64_t end, struct mc_err *err)
{
	while (off < end) {
		size_t n = end - off < DIGEST_PIECE ? (size_t)(end - off) :
		    DIGEST_PIECE;

		if (read_at(entry, piece, n, off, err) != 0)
			return -1;
		mc_sha256_add(sha, piece, n);
		off += n;
	}
	return 0;
}

static int
verify_digest(const struct mc_entry *entry, struct mc_err *err)
{
	unsigned char want[MC_QF_DIGEST], have[MC_SHA256_LEN];
	uint64_t end = mc_qf_trailer_at(&entry->head);
	char *piece = mc_mem_zalloc(1, DIGEST_PIECE);
	struct mc_sha256 sha;
	int rc = -1;

	if (piece == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_sha256_init(&sha);
	if (load_trailer(entry, MC_STR_NONE, want, err) != 0 ||
	    digest_range(entry, &sha, piece, 0, MC_QF_HEAD, err) != 0 ||
	    digest_range(entry, &sha, piece, entry->head.block, end,
	    err) != 0)
		goto out;
	mc_sha256_end(&sha, have);
	if (memcmp(have, want, sizeof(want)) != 0)
		(void)damaged(entry, err, "it is not what was queued");
	else
		rc = 0;
out:
	mc_mem_free(piece);
	return rc;
}

/* ------------------------------------------------------------------- taking */

static int
readonly(const struct mc_entry *entry, int sys, struct mc_err *err)
{
	return mc_err_sys(err, MC_E_QUEUE_READONLY, MC_STAGE_LOCAL, sys,
	    "queue %s: cannot record what becomes of message %s, so it is not "
	    "sent", entry->store->dir, entry->id);
}

int
mc_entry_probe(struct mc_entry *entry, struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };
	struct stat st;

	if (entry->cells_fd < 0) {
		entry->cells_fd = mc_store_open_file(entry->store, entry->name,
		    O_RDWR, &st);
		if (entry->cells_fd < 0)
			return readonly(entry, errno, err);
		if (st.st_ino != entry->st.st_ino) {
			mc_file_close(&entry->cells_fd);
			return readonly(entry, ESTALE, err);
		}
	}
	if (mc_file_pwrite(entry->cells_fd, entry->cells, 1, MC_QF_HEAD,
	    &io) != 0)
		return readonly(entry, io.sys, err);
	if (mc_file_sync_data(entry->cells_fd) != 0)
		return readonly(entry, errno, err);
	/* the write made it due now */
	(void)mc_store_set_time(entry->fd, entry->next_attempt);
	return 0;
}

/* what can be told without reading it */
static void
see_inode(struct mc_entry *entry)
{
	mc_store_mode(entry->st.st_mode, &entry->held, &entry->failed);
	entry->cut_off = (entry->st.st_mode & MC_MODE_FREE) == MC_MODE_ATTEMPT;
	entry->free = (entry->st.st_mode & MC_MODE_ATTEMPT) != 0;
	entry->timed = mc_store_timed(entry->st.st_mode);
	entry->next_attempt = (int64_t)entry->st.st_mtime;
}

/* 1: ours; 0: gone, or another's; -1 with err */
static int
open_entry(struct mc_entry *entry, bool lock, struct mc_err *err)
{
	struct mc_store *store = entry->store;

	entry->fd = mc_store_open_file(store, entry->name, O_RDONLY,
	    &entry->st);
	if (entry->fd < 0 && errno == ENOENT)
		return 0;
	if (entry->fd < 0 && (errno == ELOOP || errno == EPERM ||
	    errno == EISDIR || errno == ENXIO))
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: %s is no plain file of ours with one name; "
		    "nothing is done with it", store->dir, entry->name);
	if (entry->fd < 0)
		return cannot_read(entry, errno, err);
	if (lock) {
		int held = mc_store_lock(entry->fd);

		if (held < 0)
			return mc_store_fail(store, errno, err,
			    "cannot lock message %s", entry->id);
		/*
		 * The one who had the lock until now may have sent it and
		 * removed it, or taken it back, or even marked it: what was
		 * seen before the lock counts for nothing.
		 */
		if (held == 1 || fstat(entry->fd, &entry->st) != 0 ||
		    entry->st.st_nlink == 0 ||
		    !mc_store_same(store, entry->name, &entry->st))
			return 0;
		entry->claimed = true;
	}
	see_inode(entry);
	return 1;
}

static struct mc_entry *
new_entry(struct mc_store *store, const char *id)
{
	struct mc_entry *entry = mc_mem_zalloc(1, sizeof(*entry));

	if (entry == NULL)
		return NULL;
	entry->store = store;
	entry->fd = entry->cells_fd = entry->notes.fd = -1;
	mc_envelope_init(&entry->env);
	mc_buf_init(&entry->header, MC_QF_HEADER);
	mc_spool_init(&entry->body, 0, NULL);
	(void)snprintf(entry->id, sizeof(entry->id), "%s", id);
	mc_store_name('m', id, entry->name);
	return entry;
}

int
mc_entry_take(struct mc_store *store, const char *id, enum mc_take how,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	struct mc_entry *entry = mc_store_is_id(id) ? new_entry(store, id) :
	    NULL;

	if (entry == NULL && mc_store_is_id(id))
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (entry == NULL)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "not an identifier of a message in the queue");

	int rc = open_entry(entry, how > MC_TAKE_LOOK, &found);

	if (rc == 1 && load(entry, &found) != 0)
		rc = -1;
	if (rc == 1 && how != MC_TAKE_GLANCE &&
	    mc_notes_load(entry, &found) != 0)
		rc = -1;
	if (rc == 1 && (how == MC_TAKE_CHECK || how == MC_TAKE_SEND) &&
	    verify_digest(entry, &found) != 0)
		rc = -1;
	if (rc < 0 && found.code == MC_E_QUEUE_DAMAGED && entry->claimed)
		(void)mc_store_quarantine(store, entry->name, found.text);
	/*
	 * A message that is held cannot be opened for writing, nor needs it.
	 * The time of one that has failed is when it may go: not to be changed
	 * by a write, not even for a moment.
	 */
	if (rc == 1 && (how == MC_TAKE_CLAIM || how == MC_TAKE_SEND) &&
	    !entry->held && !entry->failed &&
	    mc_entry_probe(entry, &found) != 0)
		rc = -1;
	if (rc == 1) {
		*ret_entry = entry;
		return 1;
	}
	if (rc < 0 && err != NULL && !mc_err_is_set(err))
		*err = found;
	mc_entry_close(entry);
	return rc;
}

int
mc_store_claim(struct mc_store *store, const char *id, bool verify,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	return mc_entry_take(store, id, verify ? MC_TAKE_SEND : MC_TAKE_CLAIM,
	    ret_entry, err);
}

int
mc_store_seize(struct mc_store *store, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	return mc_entry_take(store, id, MC_TAKE_LOCK, ret_entry, err);
}

int
mc_store_look(struct mc_store *store, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	return mc_entry_take(store, id, MC_TAKE_LOOK, ret_entry, err);
}

int
mc_store_look_at(struct mc_store *store, const struct mc_store_stat *st,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	return mc_entry_take(store, st->id, st->notes ? MC_TAKE_LOOK :
	    MC_TAKE_GLANCE, ret_entry, err);
}

/* what an entry without a spool needs of one */
static struct mc_store *
stand_in(const char *dir)
{
	struct mc_store *store = mc_mem_zalloc(1, sizeof(*store));

	if (store == NULL)
		return NULL;
	store->top = store->q = store->bad = -1;
	store->dir = mc_mem_strdup(dir);
	if (store->dir == NULL) {
		mc_store_close(store);
		return NULL;
	}
	return store;
}

static struct mc_entry *
new_adopted(const char *dir, const char *id)
{
	struct mc_store *store = stand_in(dir);
	struct mc_entry *entry = store == NULL ? NULL : new_entry(store, id);

	if (entry == NULL)
		mc_store_close(store);
	else
		entry->adopted = true;
	return entry;
}

/* the descriptor came from elsewhere: is it a message at all? */
static int
adopt_fd(struct mc_entry *entry, struct mc_err *err)
{
	if (entry->fd < 0 || fstat(entry->fd, &entry->st) != 0)
		return cannot_read(entry, errno, err);
	if (!S_ISREG(entry->st.st_mode))
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: what was handed over as message %s is no file",
		    entry->store->dir, entry->id);
	if (fcntl(entry->fd, F_SETFD, FD_CLOEXEC) != 0)
		return cannot_read(entry, errno, err);
	see_inode(entry);
	if (load(entry, err) != 0)
		return -1;
	entry->env.hold_until = 0;
	return 0;
}

int
mc_store_adopt(const char *dir, const char *id, int fd,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	struct mc_entry *entry;

	if (!mc_store_is_id(id)) {
		mc_file_close(&fd);
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "not an identifier of a message in the queue");
	}
	entry = new_adopted(dir, id);
	if (entry == NULL) {
		mc_file_close(&fd);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	entry->fd = mc_file_lift(fd);
	if (adopt_fd(entry, err) != 0) {
		mc_entry_close(entry);
		return -1;
	}
	*ret_entry = entry;
	return 0;
}

void
mc_entry_close(struct mc_entry *entry)
{
	if (entry == NULL)
		return;
	mc_spool_clear(&entry->body);
	mc_buf_clear(&entry->header);
	mc_envelope_clear(&entry->env);
	mc_mem_free(entry->info.account);
	mc_mem_free(entry->cells);
	mc_file_close(&entry->notes.fd);
	mc_file_close(&entry->cells_fd);
	mc_file_close(&entry->fd);
	if (entry->adopted)
		mc_store_close(entry->store);
	mc_mem_free(entry);
}

/* ------------------------------------------------------------------- asking */

void
mc_entry_info(const struct mc_entry *entry, struct mc_entry_info *ret_info)
{
	int64_t hold = entry->env.hold_until;

	*ret_info = (struct mc_entry_info){
		.id = entry->id,
		.account = entry->info.account,
		.uid = entry->info.uid,
		.arrival = entry->info.arrival,
		.next_attempt = entry->next_attempt,
		.since = hold > entry->info.arrival ? hold :
		    entry->info.arrival,
		.hold_until = entry->free ? 0 : hold,
		.held = entry->held,
		.cut_off = entry->cut_off,
		.failed = entry->failed,
		.needs_8bit = entry->info.needs_8bit,
		.is_report = entry->info.is_report,
		.require_tls = entry->env.require_tls,
		.size = entry->head.header + 2 + entry->head.body,
		.attempts = entry->notes.attempts,
		.dev = entry->st.st_dev,
		.ino = entry->st.st_ino,
	};
}

struct mc_envelope *
mc_entry_envelope(struct mc_entry *entry)
{
	return &entry->env;
}

enum mc_cell
mc_entry_cell(const struct mc_entry *entry, size_t i)
{
	if (i >= entry->head.n)
		return MC_CELL_PENDING;
	return (enum mc_cell)entry->cells[i];
}

int
mc_entry_content(struct mc_entry *entry, struct mc_str *ret_header,
    const struct mc_spool **ret_body, struct mc_err *err)
{
	size_t n = entry->head.header;

	if (!entry->have_header) {
		char *to = mc_buf_reserve(&entry->header, n);

		if (to == NULL)
			return mc_buf_err(&entry->header, "the header", err);
		if (read_at(entry, to, n, mc_qf_header_at(&entry->head),
		    err) != 0)
			return -1;
		mc_buf_commit(&entry->header, n);
		mc_spool_init_fd(&entry->body, entry->fd,
		    mc_qf_body_at(&entry->head), entry->head.body);
		entry->have_header = true;
	}
	*ret_header = mc_buf_str(&entry->header);
	*ret_body = &entry->body;
	return 0;
}

int64_t
mc_entry_last_note(const struct mc_entry *entry)
{
	return entry->notes.any ? entry->notes.last : entry->info.arrival;
}

int
mc_entry_fd(const struct mc_entry *entry)
{
	return entry->fd;
}
