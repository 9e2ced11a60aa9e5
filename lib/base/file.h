/* SPDX-License-Identifier: MIT */
/*
 * file.h - descriptors and files, with EINTR and short counts dealt with
 */
#ifndef MC_FILE_H
#define MC_FILE_H

#include "base/buf.h"

/* all n bytes; -1 with err: MC_E_IO */
MC_NODISCARD int
mc_file_write(int fd, const void *p, size_t n, struct mc_err *err);

/* up to n bytes, 0 at the end; -1 with errno; retries EINTR */
MC_NODISCARD ssize_t
mc_file_read(int fd, void *p, size_t n);

/*
 * mc_file_fill - one read, as much as fits, appended to out
 *
 * Returns the count, 0 at the end of the file, or -1 with errno; if that came
 * from the buffer (no memory, or full and there is more: EFBIG), out->err is
 * set too.
 */
MC_NODISCARD ssize_t
mc_file_fill(int fd, struct mc_buf *out);

/* drop what lies past len, wiped when the buffer is secret */
void
mc_file_unfill(struct mc_buf *out, size_t len);

/* pread, all n bytes or -1 (MC_E_IO; a file that got shorter is that too) */
MC_NODISCARD int
mc_file_pread(int fd, void *p, size_t n, uint64_t off, struct mc_err *err);

/* pwrite, all n bytes; -1 with err: MC_E_IO */
MC_NODISCARD int
mc_file_pwrite(int fd, const void *p, size_t n, uint64_t off,
    struct mc_err *err);

/*
 * mc_file_sync, mc_file_sync_data - fsync and fdatasync, tried once
 *
 * -1 with errno, EINTR too.  There is no second try: after a failure the
 * system may have dropped what it could not write, and the next call would
 * succeed all the same.  Whoever goes on writes the bytes again first.
 */
MC_NODISCARD int
mc_file_sync(int fd);

MC_NODISCARD int
mc_file_sync_data(int fd);

/*
 * mc_file_rename_new - rename that replaces nothing (errno EEXIST)
 *
 * Where the system has no such call (not: where the file system refuses it,
 * EINVAL) link and unlink do it, and a crash in between leaves both names.
 * -1 with errno.
 */
MC_NODISCARD int
mc_file_rename_new(int from_dir, const char *from, int to_dir, const char *to);

/*
 * mc_file_slurp - append a whole regular file to out
 *
 * Opens with O_CLOEXEC, O_NOCTTY and O_NONBLOCK, follows symbolic links, and
 * refuses what is no regular file (also /dev/null, FIFOs).  *ret_mode and
 * *ret_owner (may be NULL) come from fstat of the opened descriptor.  -1 with
 * err: MC_E_FILE (errno in err->sys), MC_E_TOO_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_file_slurp(const char *path, struct mc_buf *out, mode_t *ret_mode,
    uid_t *ret_owner, struct mc_err *err);

/*
 * mc_file_temp - open an unlinked, empty, private file for reading and writing
 *
 * Tried in turn: O_TMPFILE in dir, mkostemp in dir and unlink, then (dir not
 * writable or not there) memfd_create where the system has it.  dir NULL
 * means /tmp.  Returns the descriptor (O_CLOEXEC, 0600, never 0, 1 or 2), or
 * -1 with err: MC_E_TMPFILE.
 */
MC_NODISCARD int
mc_file_temp(const char *dir, struct mc_err *err);

/* where mc_file_put writes */
struct mc_file_place {
	int dir;		/* an open directory */
	const char *dir_name;	/* for messages */
	const char *name;	/* of the file, without a slash */
};

/*
 * mc_file_place_open - the directory of `path`, and the name in it
 *
 * The directory may be a symbolic link.  mc_file_place_close closes it; `path`
 * stays as it is until then.  MC_E_IO, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_file_place_open(const char *path, struct mc_file_place *ret_place,
    struct mc_err *err);

void
mc_file_place_close(struct mc_file_place *place);

/*
 * mc_file_put - make a private file, or replace it, all at once
 *
 * Written beside it with mode 0600, fsync, renamed, fsync of the directory:
 * whoever looks, and whenever the power fails, finds the old file or the new
 * one.  `keep`: one that is there stays, and that is a success.  For root the
 * file belongs to the owner of the directory, so that a service finds what an
 * administrator made for it.  MC_E_IO.
 */
MC_NODISCARD int
mc_file_put(const struct mc_file_place *place, struct mc_str content,
    bool keep, struct mc_err *err);

/*
 * mc_file_lift - the same descriptor as a number above 2, close-on-exec
 *
 * For processes that were started with 0, 1 or 2 closed.  A negative fd is
 * handed through; -1 with errno (and fd closed) if there is none.
 */
MC_NODISCARD int
mc_file_lift(int fd);

/* close once, keep errno, -1 is fine; sets *fd to -1 */
void
mc_file_close(int *fd);

#endif
