/* SPDX-License-Identifier: MIT */
/*
 * pause_file.h - the file of an account behind pause.h: find, lock, read, write
 *
 * All integers little-endian:
 *
 *	0	"MCPAUSE\n"
 *	8	u32 version, u32 groups that are used
 *	16	i64 until, i64 since, i64 counted
 *	40	u32 failures, u32 fault, u32 code, u32 zero
 *	56	text, filled up with NULs
 *	568	groups, each i64 last, u32 n
 *	1336	u32 FNV-1a of all that
 */
#ifndef MC_PAUSE_FILE_H
#define MC_PAUSE_FILE_H

#include "queue/pause.h"
#include "queue/side_file.h"

#define MC_PAUSE_NAME (2 + MC_ID_LEN + 1)
#define MC_PAUSE_GROUPS 64
#define MC_PAUSE_BYTES (568 + 12 * MC_PAUSE_GROUPS + 4)

/* messages that count as having gone all at `last` */
struct mc_pause_group {
	int64_t last;		/* milliseconds since 1970 */
	uint32_t n;
};

struct mc_pause_record {
	struct mc_pause pause;
	int64_t counted;	/* when a failure was last counted */
	uint32_t groups;
	struct mc_pause_group group[MC_PAUSE_GROUPS];	/* oldest first */
};

void
mc_pause_encode(const struct mc_pause_record *record,
    unsigned char ret_bytes[MC_PAUSE_BYTES]);

/* false: no such record; what is taken is in range, and printable */
MC_NODISCARD bool
mc_pause_decode(const unsigned char bytes[MC_PAUSE_BYTES],
    struct mc_pause_record *ret_record);

void
mc_pause_name(const char *account, char ret_name[MC_PAUSE_NAME]);

struct mc_pause_file {
	struct mc_side_file side;
	struct mc_pause_record record;	/* all zero if there was none */
};

/*
 * mc_pause_open - lock the file of an account and read it
 *
 * Returns 1; 0 if there is none (only without `make`, which also leaves alone
 * what is no file of ours); -1 with err: MC_E_QUEUE, MC_E_QUEUE_FULL,
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_pause_open(const struct mc_store *store, const char *account, bool make,
    struct mc_pause_file *ret_file, struct mc_err *err);

/* write file->record; the same errors */
MC_NODISCARD int
mc_pause_save(struct mc_pause_file *file, struct mc_err *err);

/* and unlock */
void
mc_pause_close(struct mc_pause_file *file);

/* read without lock; all zero if that fails */
void
mc_pause_peek(const struct mc_store *store, const char *account,
    struct mc_pause_record *ret_record);

#endif
