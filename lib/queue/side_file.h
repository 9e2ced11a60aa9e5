/* SPDX-License-Identifier: MIT */
/*
 * side_file.h - a small file beside q/ that all processes share
 *
 * One in the spool's top directory, mode 0600, overwritten in place under
 * flock.  No message depends on what stands in it: it is written without
 * fsync, and carries a sum so that half of it is not taken for all of it.
 */
#ifndef MC_SIDE_FILE_H
#define MC_SIDE_FILE_H

#include "queue/store.h"

#define MC_SIDE_NAME 32

/* so many milliseconds a record may be half overwritten; then it is damaged */
#define MC_SIDE_LOOKING 20

struct mc_side_file {
	const struct mc_store *store;
	char name[MC_SIDE_NAME];
	int fd;			/* carries the lock */
	int64_t size;
};

/* against torn writes and stray bytes; nobody else can write there */
uint32_t
mc_side_sum(const unsigned char *p, size_t n);

/*
 * mc_side_open - lock file->name of file->store, and wait for that no longer
 * than `patience` milliseconds
 *
 * Returns 1 with fd and size; 0 if there is none (only without `make`, which
 * also leaves alone what is no plain file of ours with one name: with it, that
 * loses its name, and nothing is ever written through a link); -1 with err:
 * MC_E_QUEUE, MC_E_QUEUE_FULL, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_side_open(struct mc_side_file *file, bool make, int patience,
    struct mc_err *err);

/* for reading, and without lock; size 0 and fd -1 if it is not to be had */
void
mc_side_peek(struct mc_side_file *file);

/* sleep a little longer each time (*us: 0 at first); false when it is late */
bool
mc_side_nap(int64_t deadline, long *us);

/* write a part, and cut what lies behind `size`; the same errors */
MC_NODISCARD int
mc_side_write(struct mc_side_file *file, const void *p, size_t n, uint64_t at,
    int64_t size, struct mc_err *err);

/* and unlock */
void
mc_side_close(struct mc_side_file *file);

#endif
