/* SPDX-License-Identifier: MIT */
/*
 * store_internal.h - what the files of the spool directory share
 */
#ifndef MC_STORE_INTERNAL_H
#define MC_STORE_INTERNAL_H

#include "queue/format.h"

#include <sys/stat.h>

struct mc_store {
	struct mc_store_settings set;	/* dir is our own copy */
	char *dir;
	uid_t uid;			/* effective when it was opened */
	int top;			/* the directory */
	int q;
	int bad;
	bool rate_told;			/* that rates cannot be counted */
	bool counts_told;		/* nor what goes through the queue */
	/* how full it was when last counted, and our own messages since */
	bool counted;
	int64_t counted_at;		/* mc_clock_ms */
	uint64_t messages;
	uint64_t bytes;
};

/* "m-" and an identifier, and NUL */
#define MC_STORE_NAME (2 + MC_ID_LEN + 1)

void
mc_store_name(char kind, const char *id, char ret_name[MC_STORE_NAME]);

bool
mc_store_is_id(const char *id);

/* 't', 'm' or 'l' for a name that is ours, else 0 */
char
mc_store_kind(const char *name);

/* MC_E_QUEUE_FULL, MC_E_NOMEM or MC_E_QUEUE, as errno value `sys` says; the
 * text gets the system's words and where the spool is */
int
mc_store_fail(const struct mc_store *store, int sys, struct mc_err *err,
    const char *fmt, ...) MC_PRINTF(4, 5);

/*
 * open a file in q/ for reading (or `flags` O_RDWR): no link followed, no wait
 * for a FIFO.  -1 with errno; EPERM, also where it is no regular file of
 * ours with one name (or with none any more)
 */
int
mc_store_open_file(const struct mc_store *store, const char *name, int flags,
    struct stat *ret_st);

/* does the name still stand for the file that st tells of? */
bool
mc_store_same(const struct mc_store *store, const char *name,
    const struct stat *st);

/* 0; 1: another holds it; -1 with errno */
int
mc_store_lock(int fd);

/*
 * In the mode of a message: it is being sent; it waits for a time that was
 * asked for, which its modification time tells.  Both: it need not wait for
 * that any more.  What is being sent need not either, so the first one alone
 * says so too; without any the envelope decides.
 */
#define MC_MODE_ATTEMPT S_IXGRP
#define MC_MODE_TIMED S_IXOTH
#define MC_MODE_FREE (MC_MODE_ATTEMPT | MC_MODE_TIMED)

/* does it wait for a time, by its mode alone? */
static inline bool
mc_store_timed(mode_t mode)
{
	return (mode & MC_MODE_FREE) == MC_MODE_TIMED;
}

/* what the mode of a message says; never both */
void
mc_store_mode(mode_t mode, bool *ret_held, bool *ret_failed);

/* the modification time is when the next attempt is due; -1 with errno */
int
mc_store_set_time(int fd, int64_t when);

/*
 * every name in an open directory but "." and ".."; fn returns nonzero to
 * stop.  -1 with err: MC_E_QUEUE
 */
typedef int (*mc_store_name_fn)(void *ctx, const char *name);
int
mc_store_each(const struct mc_store *store, int dir, mc_store_name_fn fn,
    void *ctx, struct mc_err *err);

/* remove a t-file that nobody holds: 1 if it did, 0 if not */
int
mc_store_sweep_one(const struct mc_store *store, const char *name);

/* what the file system has left, and what of that is to stay */
struct mc_store_space {
	uint64_t bytes;
	uint64_t keep_bytes;
	bool counts_files;	/* else the next two are 0, and say nothing */
	uint64_t files;
	uint64_t keep_files;
};

/* MC_E_QUEUE */
int
mc_store_space(const struct mc_store *store, struct mc_store_space *ret_space,
    struct mc_err *err);

/* is there room for so many bytes?  MC_E_QUEUE_FULL, MC_E_QUEUE */
int
mc_store_room(struct mc_store *store, uint64_t bytes, struct mc_err *err);

/* make q/ and bad/ where they are missing, and all of it durable */
int
mc_store_set_up(struct mc_store *store, struct mc_err *err);

/* mkdir -p; the directories above come to stable storage in set_up */
int
mc_store_make_path(const struct mc_store *store, struct mc_err *err);

/* put a damaged file, whose lock we hold, into bad/ */
int
mc_store_quarantine(const struct mc_store *store, const char *name,
    const char *why);

/* ------------------------------------------------------------------ entries */

struct mc_notes {
	int fd;			/* for writing; -1 before the first */
	uint64_t good;		/* up to here the file is whole records */
	uint64_t size;		/* and so far it may go */
	uint32_t attempts;
	int64_t last;		/* time of the last note, if there is one */
	bool any;
	bool there;		/* the file was, when the message was taken */
	bool dir_synced;
};

struct mc_entry {
	struct mc_store *store;
	char id[MC_ID_LEN + 1];
	char name[MC_STORE_NAME];
	int fd;			/* for reading; carries the lock */
	int cells_fd;		/* for cells only; -1: they cannot be marked */
	bool claimed;
	bool held;
	bool cut_off;
	bool failed;
	bool timed;		/* next_attempt is its time */
	bool free;		/* need not wait for its time any more */
	bool removed;
	bool adopted;		/* the store is a stand-in of its own */
	struct stat st;
	int64_t next_attempt;
	struct mc_qf_head head;
	char *cells;
	struct mc_qf_info info;
	struct mc_envelope env;
	struct mc_buf header;
	bool have_header;
	struct mc_spool body;
	struct mc_notes notes;
};

enum mc_take {
	MC_TAKE_GLANCE,		/* no lock, and no notes */
	MC_TAKE_LOOK,		/* no lock */
	MC_TAKE_LOCK,
	MC_TAKE_CHECK,		/* lock and digest */
	MC_TAKE_CLAIM,		/* lock and probe */
	MC_TAKE_SEND		/* all three */
};

int
mc_entry_take(struct mc_store *store, const char *id, enum mc_take how,
    struct mc_entry **ret_entry, struct mc_err *err);

/* read the envelope again, to be told of first notes */
int
mc_entry_walk(const struct mc_entry *entry, struct mc_qf_reader *reader,
    struct mc_err *err);

/* open the second descriptor, write a cell as it is, and see whether it
 * stays; MC_E_QUEUE_READONLY */
int
mc_entry_probe(struct mc_entry *entry, struct mc_err *err);

/* an attempt that is told of in the message itself */
void
mc_notes_first(struct mc_entry *entry);

/* read the l-file, if there is one: attempts, and each recipient's last text */
int
mc_notes_load(struct mc_entry *entry, struct mc_err *err);

/* 0 if claimed and still there, else -1 with err: MC_E_INTERNAL */
int
mc_entry_may_write(const struct mc_entry *entry, struct mc_err *err);

#endif
