/* SPDX-License-Identifier: MIT */
/*
 * sha256.h - SHA-256, without what a crypto library does before its first one
 */
#ifndef MC_SHA256_H
#define MC_SHA256_H

#include "base/base.h"

#include <openssl/sha.h>

#define MC_SHA256_LEN 32

struct mc_sha256 {
	SHA256_CTX ctx;
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
