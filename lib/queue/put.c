/* SPDX-License-Identifier: MIT */
/*
 * put.c - take a message into the spool: all of it, or nothing
 *
 * The order of the steps is the contract.  What a crash after each of them
 * leaves behind is walked through by tests/crash.
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "queue/sha256.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

/* one write for a small message, few for a large one */
#define CHUNK (64 * 1024)
/* the digits of a fresh identifier cannot well be taken so often */
#define TRIES 8
/* records of the largest envelope; the rest is bounded by what it holds */
#define MOST_ENVELOPE ((size_t)1 << 30)

struct writer {
	struct mc_store *store;
	int fd;
	char temp[MC_STORE_NAME];	/* name while it is written */
	char *chunk;
	size_t cap;
	size_t len;
	struct mc_sha256 sha;
};

/* ------------------------------------------------------------------ bytes */

static int
flush(struct writer *w, struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };

	if (w->len == 0)
		return 0;
	if (mc_file_write(w->fd, w->chunk, w->len, &io) != 0)
		return mc_store_fail(w->store, io.sys, err,
		    "cannot write a message");
	w->len = 0;
	return 0;
}

static int
add(struct writer *w, const void *p, size_t n, bool hash, struct mc_err *err)
{
	const char *from = p;

	if (hash)
		mc_sha256_add(&w->sha, p, n);
	while (n != 0) {
		size_t k = n < w->cap - w->len ? n : w->cap - w->len;

		memcpy(w->chunk + w->len, from, k);
		w->len += k;
		from += k;
		n -= k;
		if (w->len == w->cap && flush(w, err) != 0)
			return -1;
	}
	return 0;
}

static int
add_block(struct writer *w, const struct mc_qf_head *head, const char *cells,
    struct mc_err *err)
{
	static const char zeros[MC_QF_BLOCK];
	unsigned char bytes[MC_QF_HEAD];

	mc_qf_head_encode(head, bytes);
	if (add(w, bytes, sizeof(bytes), true, err) != 0 ||
	    add(w, cells, head->n, false, err) != 0)
		return -1;
	return add(w, zeros, head->block - MC_QF_HEAD - head->n, false, err);
}

static int
add_body(struct writer *w, const struct mc_spool *body, struct mc_err *err)
{
	char *piece = mc_mem_zalloc(1, MC_BODY_CHUNK);
	uint64_t off = 0;
	int rc = -1;

	if (piece == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	while (off < body->size) {
		size_t got;

		if (mc_spool_read(body, off, piece, MC_BODY_CHUNK, &got,
		    err) != 0)
			goto out;
		if (got == 0) {
			(void)mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "the body is shorter than it says");
			goto out;
		}
		if (add(w, piece, got, true, err) != 0)
			goto out;
		off += got;
	}
	rc = 0;
out:
	mc_mem_free(piece);
	return rc;
}

static int
add_trailer(struct writer *w, uint64_t size, struct mc_err *err)
{
	unsigned char digest[MC_SHA256_LEN];
	unsigned char bytes[MC_QF_TRAILER];

	mc_sha256_end(&w->sha, digest);
	mc_qf_trailer_encode(size, digest, bytes);
	return add(w, bytes, sizeof(bytes), false, err);
}

static int
write_all(struct writer *w, const struct mc_store_item *item,
    const struct mc_qf_head *head, const char *cells,
    const struct mc_buf *envelope, struct mc_err *err)
{
	uint64_t size = mc_qf_trailer_at(head) + MC_QF_TRAILER;

	if (add_block(w, head, cells, err) != 0 ||
	    add(w, envelope->ptr, envelope->len, true, err) != 0 ||
	    add(w, item->header.ptr, item->header.len, true, err) != 0 ||
	    add_body(w, item->body, err) != 0 ||
	    add_trailer(w, size, err) != 0)
		return -1;
	return flush(w, err);
}

/* ------------------------------------------------------------------- files */

/*
 * Locks the new file.  Between making and locking it the sweep of another
 * process may have it; then it is left to that one and made again: 1.
 */
static int
lock_temp(struct writer *w, struct mc_err *err)
{
	struct stat st;
	int held = mc_store_lock(w->fd);

	if (held == 1)
		return 1;
	if (held != 0)
		return mc_store_fail(w->store, errno, err,
		    "cannot lock a file");
	if (fstat(w->fd, &st) != 0)
		return mc_store_fail(w->store, errno, err,
		    "cannot look at a file");
	if (st.st_nlink == 0)
		return 1;
	/* the umask is the caller's, whatever it is */
	if ((st.st_mode & 07777) != 0600 && fchmod(w->fd, 0600) != 0)
		return mc_store_fail(w->store, errno, err,
		    "cannot chmod a file");
	return 0;
}

static int
make_temp(struct writer *w, struct mc_err *err)
{
	char id[MC_ID_LEN + 1];
	int rc = -1;

	if (mc_rand_id(id, err) != 0)
		return -1;
	mc_store_name('t', id, w->temp);
	w->fd = openat(w->store->q, w->temp, O_RDWR | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (w->fd < 0 && errno == EEXIST)
		return 1;
	if (w->fd < 0)
		return mc_store_fail(w->store, errno, err,
		    "cannot make a file");
	w->fd = mc_file_lift(w->fd);
	if (w->fd >= 0)
		rc = lock_temp(w, err);
	else
		(void)mc_store_fail(w->store, errno, err, "no descriptors");
	if (rc < 0)
		(void)unlinkat(w->store->q, w->temp, 0);
	if (rc != 0)
		mc_file_close(&w->fd);
	return rc;
}

static int
begin(struct writer *w, uint64_t size, struct mc_err *err)
{
	int rc = 1;

	w->cap = size < CHUNK ? (size_t)size : CHUNK;
	w->chunk = mc_mem_zalloc(1, w->cap);
	mc_sha256_init(&w->sha);
	if (w->chunk == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (int i = 0; i < TRIES && rc == 1; i++)
		rc = make_temp(w, err);
	if (rc == 1)
		return mc_err_set(err, MC_E_QUEUE, MC_STAGE_LOCAL,
		    "queue %s: new files are taken away", w->store->dir);
	return rc;
}

/* the lock goes with the descriptor */
static void
end(struct writer *w)
{
	mc_file_close(&w->fd);
	mc_mem_free(w->chunk);
}

static int
take_name(struct writer *w, const char *id, char ret_id[MC_ID_LEN + 1],
    char ret_name[MC_STORE_NAME], struct mc_err *err)
{
	/* the digits of the t-name are as random as any */
	(void)snprintf(ret_id, MC_ID_LEN + 1, "%s", id != NULL ? id :
	    w->temp + 2);
	for (int i = 0; i < TRIES; i++) {
		mc_store_name('m', ret_id, ret_name);
		if (mc_file_rename_new(w->store->q, w->temp, w->store->q,
		    ret_name) == 0)
			return 0;
		if (errno != EEXIST || id != NULL)
			break;
		if (mc_rand_id(ret_id, err) != 0)
			return -1;
	}
	if (errno == EEXIST && id != NULL) {
		/*
		 * Whoever put it may have been killed before its directory
		 * was on stable storage, and the caller is going to rely on
		 * this message.
		 */
		if (mc_file_sync(w->store->q) != 0)
			return mc_store_fail(w->store, errno, err,
			    "cannot fsync the directory");
		return mc_err_set(err, MC_E_QUEUE_EXISTS, MC_STAGE_LOCAL,
		    "queue %s: %s is in it already", w->store->dir, id);
	}
	if (errno == EINVAL)
		return mc_err_sys(err, MC_E_QUEUE_FS, MC_STAGE_LOCAL, errno,
		    "queue %s: renaming without replacing does not work on "
		    "this file system; use another", w->store->dir);
	return mc_store_fail(w->store, errno, err, "cannot rename");
}

/*
 * The message has its name, but whether that would survive is unknown, and
 * the caller is about to hear that it was not taken.  No runner can have sent
 * it: that needs the lock, which is ours.
 */
static int
withdraw(struct writer *w, const char *name, int sys, struct mc_err *err)
{
	if (unlinkat(w->store->q, name, 0) == 0)
		return mc_store_fail(w->store, sys, err,
		    "cannot fsync the directory");
	mc_log_line(w->store->set.log, MC_LOG_ERROR, MC_STAGE_LOCAL,
	    "queue %s: cannot take back %s after a failure; it may be sent "
	    "although its sender was told that it was not queued",
	    w->store->dir, name + 2);
	return mc_store_fail(w->store, sys, err, "cannot fsync the directory, "
	    "nor take %s back, so it may be sent", name + 2);
}

/*
 * Without renaming in one step, or where an answer got lost, the message may
 * have its name though it is said to have failed.
 */
static bool
has_name(const struct writer *w, const char *name)
{
	struct stat st;

	return fstat(w->fd, &st) == 0 && mc_store_same(w->store, name, &st);
}

static int
commit(struct writer *w, const struct mc_store_item *item, const char *id,
    char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	char name[MC_STORE_NAME];

	/* best effort: without it the first attempt is due at once */
	(void)mc_store_set_time(w->fd, item->next_attempt);
	if (item->env->hold_until > item->arrival)
		(void)fchmod(w->fd, 0600 | MC_MODE_TIMED);
	if (mc_file_sync(w->fd) != 0) {
		(void)mc_store_fail(w->store, errno, err,
		    "cannot fsync a message");
		goto drop;
	}
	if (take_name(w, id, ret_id, name, err) != 0) {
		if (has_name(w, name))
			(void)withdraw(w, name, errno, err);
		goto drop;
	}
	if (mc_file_sync(w->store->q) != 0)
		return withdraw(w, name, errno, err);
	return 0;
drop:
	(void)unlinkat(w->store->q, w->temp, 0);
	return -1;
}

/* -------------------------------------------------------------------- put */

static int
measure(const struct mc_store_item *item, const struct mc_buf *envelope,
    struct mc_qf_head *ret_head, struct mc_err *err)
{
	if (item->header.len > MC_QF_HEADER)
		return mc_err_set(err, MC_E_HDR_LONG, MC_STAGE_LOCAL,
		    "the header is too large for the queue (limit %d bytes)",
		    MC_QF_HEADER);
	if (item->body->size > INT64_MAX / 2)
		return mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL, NULL);
	ret_head->version = mc_qf_version_for(item->env);
	ret_head->n = (uint32_t)item->n;
	ret_head->block = mc_qf_block(ret_head->n);
	ret_head->envelope = (uint32_t)envelope->len;
	ret_head->header = (uint32_t)item->header.len;
	ret_head->body = item->body->size;
	return 0;
}

static int
put(struct mc_store *store, const struct mc_store_item *item,
    const struct mc_buf *envelope, const char *cells, const char *id,
    char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	struct writer w = { .store = store, .fd = -1 };
	struct mc_qf_head head;
	char name[MC_ID_LEN + 1];
	int rc = -1;

	if (measure(item, envelope, &head, err) != 0)
		return -1;

	uint64_t size = mc_qf_trailer_at(&head) + MC_QF_TRAILER;

	if (mc_store_room(store, size, err) != 0)
		return -1;
	if (begin(&w, size, err) != 0)
		goto out;
	if (write_all(&w, item, &head, cells, envelope, err) != 0) {
		(void)unlinkat(store->q, w.temp, 0);
		goto out;
	}
	if (commit(&w, item, id, name, err) != 0)
		goto out;
	store->messages++;
	store->bytes += size;
	(void)snprintf(ret_id, MC_ID_LEN + 1, "%s", name);
	rc = 0;
out:
	end(&w);
	return rc;
}

int
mc_store_put(struct mc_store *store, const struct mc_store_item *item,
    const char *id, char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	struct mc_buf envelope;
	int rc = -1;

	if (id != NULL && !mc_store_is_id(id))
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "not an identifier of a message in the queue");
	if (item->n > MC_MAX_RCPTS)
		return mc_err_set(err, MC_E_TOO_MANY_RCPTS, MC_STAGE_LOCAL,
		    NULL);

	char *cells = mc_mem_zalloc(item->n, 1);

	if (cells == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_buf_init(&envelope, MOST_ENVELOPE);
	if (mc_qf_envelope_encode(item, &envelope, cells, err) == 0)
		rc = put(store, item, &envelope, cells, id, ret_id, err);
	mc_buf_clear(&envelope);
	mc_mem_free(cells);
	return rc;
}
