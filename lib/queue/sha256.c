/* SPDX-License-Identifier: MIT */
/*
 * sha256.c - SHA-256 by the functions that OpenSSL calls low-level
 *
 * The others make OpenSSL read its configuration, load providers and build
 * tables of all algorithms first: 2 ms of processor time in a process that
 * only queues one message, half of all it takes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/base.h"

#include "queue/sha256.h"

void
mc_sha256_init(struct mc_sha256 *sha)
{
	(void)SHA256_Init(&sha->ctx);
}

void
mc_sha256_add(struct mc_sha256 *sha, const void *p, size_t n)
{
	if (n != 0)
		(void)SHA256_Update(&sha->ctx, p, n);
}

void
mc_sha256_end(struct mc_sha256 *sha, unsigned char ret_digest[MC_SHA256_LEN])
{
	(void)SHA256_Final(ret_digest, &sha->ctx);
}
