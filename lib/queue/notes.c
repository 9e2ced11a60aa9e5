/* SPDX-License-Identifier: MIT */
/*
 * notes.c - what was said about a message at each attempt, in a file beside it
 *
 * Nothing depends on this file: it may be torn, missing or of another's
 * making, and the message goes all the same.
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

#define PIECE (4 * 1024)

/* more than this is not read, and makes room at the next note */
static uint64_t
most(const struct mc_entry *entry)
{
	return 64 * 1024 + (uint64_t)entry->head.n * MC_QF_NOTE;
}

/* ------------------------------------------------------------------ reading */

typedef int (*each_fn)(void *ctx, const struct mc_qf_note *note);

/* the whole records at the front of a file, or all of it where that cannot be
 * read just now; nonzero from fn stops */
static int
each_note(const struct mc_entry *entry, int fd, uint64_t size, each_fn fn,
    void *ctx, uint64_t *ret_good)
{
	char piece[PIECE];
	size_t have = 0;
	uint64_t good = 0;
	int rc = 0;

	/* no read more than there is to read: most files take one */
	while (rc == 0 && good < most(entry) && good + have < size) {
		ssize_t got = mc_file_read(fd, piece + have,
		    sizeof(piece) - have);
		size_t at = 0;

		if (got < 0)
			good = size;
		if (got <= 0)
			break;
		have += (size_t)got;
		while (rc == 0) {
			struct mc_qf_note note;
			size_t used;
			int is = mc_qf_note_decode(mc_str_make(piece + at,
			    have - at), entry->head.n, &note, &used);

			if (is == 0)
				break;
			if (is < 0)
				goto out;
			at += used;
			good += used;
			rc = fn(ctx, &note);
		}
		memmove(piece, piece + at, have - at);
		have -= at;
	}
out:
	*ret_good = good;
	return rc;
}

/* -1 if there is none that could be read */
static int
open_notes(const struct mc_entry *entry, uint64_t *ret_size)
{
	char name[MC_STORE_NAME];
	struct stat st;

	/* whoever has the descriptor alone has no directory */
	if (entry->adopted)
		return -1;
	mc_store_name('l', entry->id, name);

	int fd = mc_store_open_file(entry->store, name, O_RDONLY, &st);

	if (fd >= 0)
		*ret_size = st.st_size > 0 ? (uint64_t)st.st_size : 0;
	else if (errno != ENOENT)
		mc_log_line(entry->store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: the notes in %s cannot be read and are ignored",
		    entry->store->dir, name);
	return fd;
}

/* one more note is known; a note with the time of the last is no new attempt */
static void
count_note(struct mc_notes *notes, int64_t when, uint32_t attempt)
{
	if (attempt > notes->attempts)
		notes->attempts = attempt;
	notes->any = true;
	notes->last = when;
}

static int
load_one(void *ctx, const struct mc_qf_note *note)
{
	struct mc_entry *entry = ctx;
	struct mc_rcpt *r = note->i == SIZE_MAX ? NULL :
	    mc_envelope_at(&entry->env, note->i);

	count_note(&entry->notes, note->when, note->attempt);
	if (r == NULL || note->text.len == 0)
		return 0;

	char *text = mc_mem_strndup(note->text.ptr, note->text.len);

	if (text == NULL)
		return -1;
	mc_mem_free(r->text);
	r->text = text;
	return 0;
}

void
mc_notes_first(struct mc_entry *entry)
{
	if (entry->info.has_first && !entry->info.no_attempt)
		count_note(&entry->notes, entry->info.arrival, 1);
}

int
mc_notes_load(struct mc_entry *entry, struct mc_err *err)
{
	struct mc_notes *notes = &entry->notes;
	int rc;
	int fd = open_notes(entry, &notes->size);

	if (fd < 0)
		return 0;
	notes->there = true;
	rc = each_note(entry, fd, notes->size, load_one, entry, &notes->good);
	mc_file_close(&fd);
	if (rc != 0)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

struct telling {
	mc_note_fn fn;
	void *ctx;
	int64_t arrival;
};

static int
tell_first(void *ctx, size_t i, struct mc_str said)
{
	const struct telling *t = ctx;
	char text[MC_QF_NOTE_TEXT + 1];

	(void)mc_str_printable(said, text, sizeof(text));
	return t->fn(t->ctx, i, t->arrival, text);
}

static int
tell_note(void *ctx, const struct mc_qf_note *note)
{
	const struct telling *t = ctx;
	char text[MC_QF_NOTE_TEXT + 1];

	(void)mc_str_printable(note->text, text, sizeof(text));
	return t->fn(t->ctx, note->i, note->when, text);
}

/* they stand in the envelope, which is read again rather than kept */
static int
tell_firsts(const struct mc_entry *entry, struct telling *t,
    struct mc_err *err)
{
	struct mc_qf_info info = { .account = NULL };
	struct mc_qf_reader reader;
	struct mc_envelope env;

	if (!entry->info.has_first)
		return 0;
	mc_envelope_init(&env);
	mc_qf_reader_init(&reader, entry->head.n, &env, &info);
	reader.first = tell_first;
	reader.ctx = t;

	int rc = mc_entry_walk(entry, &reader, err);

	mc_qf_reader_clear(&reader);
	mc_envelope_clear(&env);
	mc_mem_free(info.account);
	return rc;
}

int
mc_entry_notes(struct mc_entry *entry, mc_note_fn fn, void *ctx,
    struct mc_err *err)
{
	struct telling t = { .fn = fn, .ctx = ctx,
	    .arrival = entry->info.arrival };
	uint64_t size, good;
	int rc = tell_firsts(entry, &t, err);

	if (rc != 0)
		return rc;

	int fd = open_notes(entry, &size);

	if (fd < 0)
		return 0;
	rc = each_note(entry, fd, size, tell_note, &t, &good);
	mc_file_close(&fd);
	return rc;
}

/* ------------------------------------------------------------------ writing */

static int
try_open(const struct mc_entry *entry, const char *name, int flags)
{
	struct stat st;
	int fd = openat(entry->store->q, name, O_WRONLY | O_CREAT | flags |
	    O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == entry->store->uid && st.st_nlink == 1) {
		if ((st.st_mode & 07777) != 0600)
			(void)fchmod(fd, 0600);
		return fd;
	}
	mc_file_close(&fd);
	errno = EPERM;
	return -1;
}

static int
count_one(void *ctx, const struct mc_qf_note *note)
{
	count_note(ctx, note->when, note->attempt);
	return 0;
}

/*
 * It could not be read when the message was opened, and may hold what must not
 * be written over: how often something was tried, or why it failed.
 */
static void
look_again(struct mc_entry *entry)
{
	struct mc_notes *notes = &entry->notes;
	struct stat st;
	int fd = open_notes(entry, &notes->size);

	if (fd >= 0) {
		(void)each_note(entry, fd, notes->size, count_one, notes,
		    &notes->good);
		mc_file_close(&fd);
	} else if (fstat(notes->fd, &st) == 0 && st.st_size > 0) {
		notes->good = notes->size = (uint64_t)st.st_size;
	}
	notes->there = notes->good != 0;
}

/* what stands there instead of a file of ours loses its name, no more */
static int
open_for_writing(struct mc_entry *entry, struct mc_err *err)
{
	char name[MC_STORE_NAME];

	mc_store_name('l', entry->id, name);
	entry->notes.fd = try_open(entry, name, 0);
	if (entry->notes.fd >= 0 && !entry->notes.there)
		look_again(entry);
	if (entry->notes.fd < 0 && (errno == ELOOP || errno == EPERM ||
	    errno == ENXIO)) {
		(void)unlinkat(entry->store->q, name, 0);
		entry->notes.fd = try_open(entry, name, O_EXCL);
		entry->notes.good = entry->notes.size = 0;
	}
	if (entry->notes.fd < 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot open the notes of message %s", entry->id);
	return 0;
}

static int
append(struct mc_entry *entry, const unsigned char *bytes, size_t n,
    struct mc_err *err)
{
	struct mc_notes *notes = &entry->notes;
	struct mc_err io = { .code = MC_OK };

	if (notes->good + n > most(entry))
		notes->good = 0;
	/* torn, foreign or old bytes must not stand behind the new ones */
	if (notes->size > notes->good &&
	    ftruncate(notes->fd, (off_t)notes->good) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot cut the notes of message %s", entry->id);
	notes->size = notes->good + n;
	if (mc_file_pwrite(notes->fd, bytes, n, notes->good, &io) != 0)
		return mc_store_fail(entry->store, io.sys, err,
		    "cannot write the notes of message %s", entry->id);
	return 0;
}

static int
sync_notes(struct mc_entry *entry, struct mc_err *err)
{
	if (mc_file_sync_data(entry->notes.fd) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot fsync the notes of message %s", entry->id);
	/* the file's name too, which may be as new as the note */
	if (!entry->notes.dir_synced && mc_file_sync(entry->store->q) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot fsync the directory");
	entry->notes.dir_synced = true;
	return 0;
}

/*
 * What a failed fsync was to save may be lost though it can be read, and a
 * note behind it would be lost with it.  It goes, to be written anew; so does
 * a name that has never been on stable storage.
 */
static void
take_back(struct mc_entry *entry)
{
	char name[MC_STORE_NAME];

	/* if this fails too, the next note cuts first */
	if (ftruncate(entry->notes.fd, (off_t)entry->notes.good) == 0)
		entry->notes.size = entry->notes.good;
	if (entry->notes.there || entry->notes.dir_synced)
		return;
	mc_store_name('l', entry->id, name);
	(void)unlinkat(entry->store->q, name, 0);
	mc_file_close(&entry->notes.fd);
	entry->notes.good = entry->notes.size = 0;
}

int
mc_entry_note(struct mc_entry *entry, size_t i, int64_t when,
    const char *text, bool sync, struct mc_err *err)
{
	struct mc_notes *notes = &entry->notes;
	unsigned char bytes[MC_QF_NOTE];
	struct mc_qf_note note = { .i = i, .when = when,
	    .text = mc_str_from(text) };

	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (i != SIZE_MAX && i >= entry->head.n)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "message %s of the queue: no such recipient", entry->id);
	if (notes->fd < 0 && open_for_writing(entry, err) != 0)
		return -1;
	note.attempt = notes->attempts;
	if ((!notes->any || notes->last != when) &&
	    notes->attempts != UINT32_MAX)
		note.attempt++;

	size_t n = mc_qf_note_encode(&note, bytes);

	if (append(entry, bytes, n, err) != 0)
		return -1;
	if (sync && sync_notes(entry, err) != 0) {
		take_back(entry);
		return -1;
	}
	notes->good += n;
	note.text = mc_str_make((const char *)bytes + 24, n - 28);
	if (load_one(entry, &note) != 0)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}
