/* SPDX-License-Identifier: MIT */
/*
 * store.h - the spool directory: one file a message, nothing half, nothing lost
 *
 * Layout of the directory: q/ with t-ID (being written), m-ID (committed) and
 * l-ID (notes, append only), and bad/ for what is damaged; all 0700, files
 * 0600.  An m-file is
 *
 *	block 0		magic, version, number of recipients, offsets, and one
 *			status cell (a byte) for each recipient; padded to a
 *			multiple of 4096
 *	immutable	envelope (length-prefixed records), header, body
 *	trailer		total length, SHA-256 of the immutable part, end mark
 *
 * Cells are overwritten in place, one pwrite and one fdatasync; nothing else
 * changes after the commit.  The time of the next attempt is the m-file's
 * modification time, "held" its mode 0400, "failed" (nobody is left to send
 * to, and somebody never got it: kept to be looked at until that time) its
 * mode 0700, so that a run over many messages that are not due opens none of
 * them.  While somebody tries to send it, the mode has 0010 too.  While it
 * waits for the time that its envelope names (hold_until), it has 0001, so that
 * a time of the next attempt that is far ahead is no sign of a wrong clock; with
 * 0011 it need not wait any more.  A message is claimed by flock on the m-file,
 * which dies with its process.  Times are seconds since 1970.  Names beside q/
 * and bad/ are not the spool's (side_file.h).
 */
#ifndef MC_STORE_H
#define MC_STORE_H

#include "base/log.h"
#include "base/rand.h"
#include "mail/envelope.h"
#include "mail/spool.h"

enum mc_cell {
	MC_CELL_PENDING = 'P',
	MC_CELL_UNSURE = 'U',		/* pending, but may have been delivered */
	MC_CELL_DELIVERED = 'D',
	MC_CELL_FAILED = 'F',		/* for good; report not yet committed */
	MC_CELL_REPORTED = 'B'		/* for good; report committed or not due */
};

struct mc_store_settings {
	const char *dir;		/* absolute; made (0700) if absent */
	bool any_fs;			/* take file systems that break promises */
	uint64_t max_messages;		/* 0: no limit */
	uint64_t max_bytes;		/* 0: no limit */
	uint64_t reserve_bytes;		/* keep so much free; 0: the larger of 64
					 * MiB and 5 %, and 5 % of the inodes */
	bool no_create;			/* one that is not there, or half made:
					 * MC_E_QUEUE_NONE; nothing is made */
	bool no_sweep;			/* leave t-files to another open: one that
					 * only puts need not read the directory */
	const struct mc_log *log;
};

struct mc_store;

/*
 * mc_store_open - open (and make) the spool
 *
 * Refuses: a path component that is no directory, an owner other than us, mode
 * bits of 077, NFS, CIFS/SMB, FUSE and 9p (MC_E_QUEUE_FS; tmpfs is taken and
 * warned of), a file system without fsync of directories or
 * renameat2(RENAME_NOREPLACE).  Removes t-files that nobody holds a lock on.
 * MC_E_QUEUE, MC_E_QUEUE_FS, MC_E_QUEUE_NONE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_store_open(const struct mc_store_settings *settings,
    struct mc_store **ret_store, struct mc_err *err);

void
mc_store_close(struct mc_store *store);

/* ---------------------------------------------------------------- enqueue */

struct mc_store_item {
	const char *account;		/* name */
	unsigned long uid;		/* who handed it in */
	int64_t arrival;
	int64_t next_attempt;
	const struct mc_envelope *env;	/* sender, ret, envid, body_8bit; if
					 * it waits for a time, next_attempt is
					 * not before */
	const size_t *order;		/* which of its recipients, n of them;
					 * verdict MC_UNSURE starts as cell U,
					 * MC_FAILED (to be reported) as F, any
					 * other as P; text, or reply, becomes
					 * the first note */
	size_t n;
	struct mc_str header;		/* all fields, without the blank line */
	const struct mc_spool *body;
	bool needs_8bit;		/* the body has bytes >= 0x80 */
	bool is_report;			/* a delivery report: none about it */
	bool no_attempt;		/* the first notes are of the account:
					 * they do not count as an attempt */
};

/*
 * mc_store_put - write, sync, rename, sync the directory
 *
 * id: NULL for a random one (written to ret_id), else the identifier to use (a
 * delivery report's: MC_E_QUEUE_EXISTS when it is there, which is success for a
 * rerun).  Returns 0 only past the commit point: exactly one fsync of the file
 * and one of the directory.  -1: nothing is left behind (withdrawn under the
 * lock when only the directory's fsync failed).  A process with SIGXFSZ ignored
 * gets its own limit on file sizes as MC_E_QUEUE_FULL.  The limits on messages
 * and bytes are counted anew every ten seconds, so that several processes may
 * pass them by a little; failed messages count.
 * MC_E_QUEUE_FULL (limits, free space, inodes: exit 75), MC_E_QUEUE (all else
 * about the spool: exit 75), MC_E_QUEUE_FS, MC_E_IO (the body could not be
 * read), MC_E_NO_RCPT, MC_E_USAGE, MC_E_BAD_VALUE, MC_E_TOO_LONG,
 * MC_E_HDR_LONG, MC_E_TOO_MANY_RCPTS, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_store_put(struct mc_store *store, const struct mc_store_item *item,
    const char *id, char ret_id[MC_ID_LEN + 1], struct mc_err *err);

/* --------------------------------------------------------------- scanning */

struct mc_store_stat {
	char id[MC_ID_LEN + 1];
	int64_t next_attempt;
	uint64_t size;
	bool held;
	bool failed;			/* next_attempt: when it may be removed */
	bool timed;			/* next_attempt: not before, however far
					 * ahead; a hint, the envelope decides */
	bool notes;			/* there are any beside it */
};

/* stop the scan by returning nonzero, which mc_store_scan returns */
typedef int (*mc_store_scan_fn)(void *ctx, const struct mc_store_stat *st);

/*
 * mc_store_scan - every m-file by readdir and fstatat, none opened, in no order
 *
 * The names are read first (26 bytes a file are kept), so fn may do to the
 * spool what it wants.  Names that are not ours, links, FIFOs, directories,
 * other owners: skipped, and warned of.  -1 with err: MC_E_QUEUE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_store_scan(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err);

/* the same by readdir alone, for who opens each of them: id and notes are told,
 * the rest is 0, and what has such a name need be no message */
MC_NODISCARD int
mc_store_scan_names(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err);

/* mc_store_scan in constant memory, and an early end comes early: fn is called
 * while names are read, and leaves the spool alone.  `notes` is always true,
 * and nothing is warned of */
MC_NODISCARD int
mc_store_scan_quick(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err);

/* 1 if there is such an m-file that mc_store_scan would tell of, else 0 */
int
mc_store_stat_id(struct mc_store *store, const char *id,
    struct mc_store_stat *ret_stat);

/* the damaged messages in bad/, for lists; all told as held */
MC_NODISCARD int
mc_store_scan_bad(struct mc_store *store, mc_store_scan_fn fn, void *ctx,
    struct mc_err *err);

/* remove all that bad/ has of a message, for good.  1 if there was something,
 * else 0; -1 with err: MC_E_QUEUE */
MC_NODISCARD int
mc_store_drop_bad(struct mc_store *store, const char *id, struct mc_err *err);

/* ------------------------------------------------------------------ entries */

struct mc_entry;

/*
 * mc_store_claim - take a message for delivery
 *
 * Returns 1 with *ret_entry; 0 when another process has it or it is gone; -1
 * with err: MC_E_QUEUE_DAMAGED (moved to bad/, logged), MC_E_QUEUE_READONLY
 * (the write probe failed: do not send), MC_E_QUEUE_NEWER (left alone), MC_E_QUEUE
 * (also: no plain file of ours; left alone), MC_E_NOMEM.  `verify`: check
 * the digest over the whole (always before sending).  What a scan told may be
 * old by now: ask mc_entry_info again.  A message that is held or has failed
 * is not probed, and cannot be marked until it is released or revived.
 */
MC_NODISCARD int
mc_store_claim(struct mc_store *store, const char *id, bool verify,
    struct mc_entry **ret_entry, struct mc_err *err);

/*
 * mc_store_seize - take a message to hold or remove it
 *
 * As mc_store_claim, but neither is the digest looked at nor is anything
 * written: it works on a disk that is full.  Cells cannot be marked.
 */
MC_NODISCARD int
mc_store_seize(struct mc_store *store, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err);

/* look without lock: for lists.  Same result; the digest is not checked, only
 * the structure, and what is damaged stays where it is */
MC_NODISCARD int
mc_store_look(struct mc_store *store, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err);

/* the same for what a scan has just told of, which saves looking for notes
 * where there were none */
MC_NODISCARD int
mc_store_look_at(struct mc_store *store, const struct mc_store_stat *st,
    struct mc_entry **ret_entry, struct mc_err *err);

/* drops the lock */
void
mc_entry_close(struct mc_entry *entry);

struct mc_entry_info {
	const char *id;
	const char *account;
	unsigned long uid;
	int64_t arrival;
	int64_t next_attempt;
	int64_t since;			/* arrival, or the time that it waits
					 * or waited for */
	int64_t hold_until;		/* not to be sent before; 0: at once, or
					 * mc_entry_free was called */
	bool held;
	bool failed;
	bool cut_off;			/* an attempt has begun, and its end
					 * is not recorded */
	bool needs_8bit;
	bool is_report;
	bool require_tls;
	uint64_t size;			/* header, blank line, body */
	uint64_t attempts;		/* from the notes; 0 if unknown */
	dev_t dev;			/* of the file that is locked */
	ino_t ino;
};

void
mc_entry_info(const struct mc_entry *entry, struct mc_entry_info *ret_info);

/* sender and all recipients in the order of the cells; owned by the entry.
 * Recipients whose cell is P or U have verdict MC_PENDING; D MC_DELIVERED; F
 * and B MC_FAILED.  rcpt->text: the last note about it */
struct mc_envelope *
mc_entry_envelope(struct mc_entry *entry);

enum mc_cell
mc_entry_cell(const struct mc_entry *entry, size_t i);

/* header (read into memory, owned) and body (spool over the open descriptor,
 * owned) */
MC_NODISCARD int
mc_entry_content(struct mc_entry *entry, struct mc_str *ret_header,
    const struct mc_spool **ret_body, struct mc_err *err);

/*
 * mc_entry_mark - record a state for n recipients: first act after the final
 * reply
 *
 * One pwrite a run of neighbours, then one fdatasync.  MC_E_IO: the caller must
 * keep the lock and try again, and start nothing new.  MC_E_QUEUE_READONLY:
 * held or failed.  MC_E_INTERNAL: not claimed, no such recipient, or another state for
 * one who has it.
 */
MC_NODISCARD int
mc_entry_mark(struct mc_entry *entry, const size_t *which, size_t n,
    enum mc_cell cell, struct mc_err *err);

/*
 * mc_entry_note - append a line to the notes of recipient i (or SIZE_MAX: of
 * the message): made printable, at most 512 bytes of text, with the time
 *
 * Notes with the same time belong to one attempt.  sync: on stable storage
 * when it returns 0, else best effort.  When there are too many, the old ones
 * go.  MC_E_QUEUE, MC_E_QUEUE_FULL.
 */
MC_NODISCARD int
mc_entry_note(struct mc_entry *entry, size_t i, int64_t when,
    const char *text, bool sync, struct mc_err *err);

/* each note in order: fn(ctx, recipient or SIZE_MAX, when, text) */
typedef int (*mc_note_fn)(void *ctx, size_t i, int64_t when, const char *text);
MC_NODISCARD int
mc_entry_notes(struct mc_entry *entry, mc_note_fn fn, void *ctx,
    struct mc_err *err);

/*
 * next attempt (best effort: losing it means an earlier one); hold and release
 * (on stable storage)
 *
 * What has failed cannot be held (MC_E_USAGE), and releasing it does nothing.
 */
MC_NODISCARD int
mc_entry_reschedule(struct mc_entry *entry, int64_t next_attempt,
    struct mc_err *err);
MC_NODISCARD int
mc_entry_hold(struct mc_entry *entry, bool held, struct mc_err *err);

/*
 * mc_entry_wait - it waits for its hold_until: its name says so again, where
 * that was lost (best effort: without it, it is opened in vain)
 * mc_entry_free - it need not wait for that any more (on stable storage)
 */
MC_NODISCARD int
mc_entry_wait(struct mc_entry *entry, struct mc_err *err);
MC_NODISCARD int
mc_entry_free(struct mc_entry *entry, struct mc_err *err);

/*
 * mc_entry_attempt - an attempt begins, or its end is recorded
 *
 * Whoever is killed between the two may have sent copies that no cell tells
 * of; the next one to claim the message sees `cut_off`.  Best effort: after a
 * power loss it may be missing.
 */
MC_NODISCARD int
mc_entry_attempt(struct mc_entry *entry, bool begins, struct mc_err *err);

/*
 * mc_entry_keep - it has failed: kept until `until`, then removed by a run
 *
 * For an entry with no cell P, U or F and at least one B that is not held.
 * Best effort: one whose mode is not yet right looks due, and the next run
 * comes here again.  mc_entry_revive puts it back (also one that is held, or
 * has failed for some only): cells F and B become P, mode 0600, both synced;
 * due at `next_attempt`, as after mc_entry_free.  A crash on the way may leave
 * cells P and mode 0700; mc_store_check mends that.  MC_E_INTERNAL (also: delivered to all),
 * MC_E_QUEUE, MC_E_IO, MC_E_QUEUE_READONLY, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_entry_keep(struct mc_entry *entry, int64_t until, struct mc_err *err);
MC_NODISCARD int
mc_entry_revive(struct mc_entry *entry, int64_t next_attempt,
    struct mc_err *err);

/* D everywhere, and D or B everywhere */
bool
mc_entry_delivered(const struct mc_entry *entry);
bool
mc_entry_done(const struct mc_entry *entry);

/* time of the last note, or of arrival */
int64_t
mc_entry_last_note(const struct mc_entry *entry);

/* the descriptor that carries the lock, for the process that delivers; to be
 * read by offset alone; borrowed */
int
mc_entry_fd(const struct mc_entry *entry);

/*
 * mc_store_adopt - an entry by a descriptor of mc_entry_fd, elsewhere
 *
 * Takes ownership of fd (also on failure), which does not outlive an exec any
 * more.  What is handed over is to be sent now: the envelope has no hold_until.
 * For reading alone, and without the notes but for the first ones; the
 * digest is not checked.  No store is needed: `dir` is for error texts.
 * MC_E_QUEUE_DAMAGED, MC_E_QUEUE, MC_E_NOMEM, MC_E_USAGE.
 */
MC_NODISCARD int
mc_store_adopt(const char *dir, const char *id, int fd,
    struct mc_entry **ret_entry, struct mc_err *err);

/*
 * mc_store_lock_run - be the one run over the whole spool
 *
 * flock on a descriptor of the top directory of its own; it dies with the
 * process.  1 with *ret_fd (close it to let go), 0 when another has it, -1
 * with err: MC_E_QUEUE.
 */
MC_NODISCARD int
mc_store_lock_run(struct mc_store *store, int *ret_fd, struct mc_err *err);

/* descriptor of q/, for watching; of the top directory; path; all borrowed */
int
mc_store_q_fd(const struct mc_store *store);
int
mc_store_top_fd(const struct mc_store *store);
const char *
mc_store_dir(const struct mc_store *store);

/* all cells D; or the user's word, or the time of a failed one is over: then it
 * is gone for good when this returns 0.  Unlinks notes, then the message */
MC_NODISCARD int
mc_entry_remove(struct mc_entry *entry, struct mc_err *err);

/* ------------------------------------------------------------------- check */

/* told of everything odd: what, and whether it was put right or moved */
typedef void (*mc_store_check_fn)(void *ctx, const char *name,
    const char *what);

/*
 * mc_store_check - the fsck of the contract
 *
 * *ret_bad counts damaged messages, in bad/ too.  Removes what is delivered to
 * all, never-finished files, notes without message; failed messages stay.
 */
MC_NODISCARD int
mc_store_check(struct mc_store *store, mc_store_check_fn fn, void *ctx,
    size_t *ret_bad, struct mc_err *err);

#endif
