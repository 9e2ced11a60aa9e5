/* SPDX-License-Identifier: MIT */
/*
 * spool.h - bytes kept in memory and, past a limit, in an unlinked file
 */
#ifndef MC_SPOOL_H
#define MC_SPOOL_H

#include "base/buf.h"

struct mc_spool {
	struct mc_buf mem;	/* everything, or the tail not yet in the file */
	int fd;			/* -1 while all is in memory */
	uint64_t size;
	uint64_t in_file;
	size_t limit;		/* memory used at most */
	const char *tmpdir;	/* borrowed; NULL: /tmp */
	uint64_t base;		/* where in the file byte 0 stands */
	bool borrowed;		/* the descriptor is another's */
};

void
mc_spool_init(struct mc_spool *s, size_t limit, const char *tmpdir);

/*
 * mc_spool_init_fd - `size` bytes of an open file from offset `base`, to read
 *
 * The descriptor is borrowed, its offset neither used nor moved (pread).
 * Adding to such a spool is an error (MC_E_INTERNAL).
 */
void
mc_spool_init_fd(struct mc_spool *s, int fd, uint64_t base, uint64_t size);

void
mc_spool_clear(struct mc_spool *s);

/* MC_E_TMPFILE, MC_E_IO, MC_E_NOMEM, MC_E_INTERNAL */
MC_NODISCARD int
mc_spool_add(struct mc_spool *s, const void *p, size_t n, struct mc_err *err);

/* the same with n bytes and CRLF behind them */
MC_NODISCARD int
mc_spool_add_line(struct mc_spool *s, const void *p, size_t n,
    struct mc_err *err);

/* up to n bytes from offset off; *ret_got 0 at the end; MC_E_IO */
MC_NODISCARD int
mc_spool_read(const struct mc_spool *s, uint64_t off, void *p, size_t n,
    size_t *ret_got, struct mc_err *err);

#endif
