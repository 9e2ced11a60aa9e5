/* SPDX-License-Identifier: MIT */
/*
 * sha256.h - SHA-256 (FIPS 180-4) for the spool
 *
 * It guards files against damage and makes names out of text; the one secret
 * that goes through it is the key for addresses in the log (log_key.h).  A crypto library would do it as well, but loading one
 * takes as much processor time as queueing the message does, and the program
 * that only queues has no other use for it.
 */
#ifndef MC_SHA256_H
#define MC_SHA256_H

#include "base/base.h"

#define MC_SHA256_LEN 32
#define MC_SHA256_BLOCK 64

struct mc_sha256 {
	uint32_t state[8];
	uint64_t total;		/* bytes so far */
	unsigned char block[MC_SHA256_BLOCK];	/* the last total % 64 of them */
};

/* none of these allocates, and none can fail */
void
mc_sha256_init(struct mc_sha256 *sha);

/* p may be NULL if n is 0 */
void
mc_sha256_add(struct mc_sha256 *sha, const void *p, size_t n);

/* sha is to be initialised before it is used again */
void
mc_sha256_end(struct mc_sha256 *sha, unsigned char ret_digest[MC_SHA256_LEN]);

#endif
