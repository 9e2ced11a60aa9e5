/* SPDX-License-Identifier: MIT */
/*
 * sha256.c - SHA-256 (FIPS 180-4, sections 4 to 6)
 */
#include "base/base.h"

#include "queue/sha256.h"

#define ROUNDS 64
#define LENGTH_AT (MC_SHA256_BLOCK - 8)

/* the first 32 bits of the fractional parts of the cube roots of the first 64
 * primes (4.2.2) */
static const uint32_t round_constants[ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* the same of the square roots of the first 8 (5.3.3) */
static const uint32_t first_state[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static uint32_t
rotate(uint32_t x, unsigned n)
{
	return x >> n | x << (32 - n);
}

static uint32_t
get_word(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* the message schedule (6.2.2 step 1) */
static void
spread(const unsigned char *block, uint32_t w[ROUNDS])
{
	for (size_t t = 0; t < 16; t++)
		w[t] = get_word(block + 4 * t);
	for (size_t t = 16; t < ROUNDS; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];

		w[t] = w[t - 16] + w[t - 7] +
		    (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) +
		    (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
	}
}

/*
 * One round (6.2.2 step 3).  In place of moving all eight variables on, the
 * next round takes them by other names, so eight rounds come together.
 */
static inline void
turn(const uint32_t s[8], uint32_t *d, uint32_t *h, unsigned n, uint32_t kw)
{
	uint32_t a = s[(8 - n) % 8], b = s[(9 - n) % 8], c = s[(10 - n) % 8];
	uint32_t e = s[(12 - n) % 8], f = s[(13 - n) % 8];
	uint32_t g = s[(14 - n) % 8];
	uint32_t one = *h + kw + ((e & f) ^ (~e & g)) +
	    (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25));

	*d += one;
	*h = one + ((a & b) ^ (a & c) ^ (b & c)) +
	    (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22));
}

static void
take_block(struct mc_sha256 *sha, const unsigned char *block)
{
	uint32_t w[ROUNDS], s[8];

	spread(block, w);
	memcpy(s, sha->state, sizeof(s));
	for (size_t t = 0; t < ROUNDS; t += 8) {
		const uint32_t *k = round_constants + t;

		turn(s, &s[3], &s[7], 0, k[0] + w[t]);
		turn(s, &s[2], &s[6], 1, k[1] + w[t + 1]);
		turn(s, &s[1], &s[5], 2, k[2] + w[t + 2]);
		turn(s, &s[0], &s[4], 3, k[3] + w[t + 3]);
		turn(s, &s[7], &s[3], 4, k[4] + w[t + 4]);
		turn(s, &s[6], &s[2], 5, k[5] + w[t + 5]);
		turn(s, &s[5], &s[1], 6, k[6] + w[t + 6]);
		turn(s, &s[4], &s[0], 7, k[7] + w[t + 7]);
	}
	for (size_t i = 0; i < 8; i++)
		sha->state[i] += s[i];
}

void
mc_sha256_init(struct mc_sha256 *sha)
{
	memcpy(sha->state, first_state, sizeof(first_state));
	sha->total = 0;
}

void
mc_sha256_add(struct mc_sha256 *sha, const void *p, size_t n)
{
	const unsigned char *from = p;
	size_t held = sha->total % MC_SHA256_BLOCK, room;

	sha->total += n;
	while (n != 0) {
		if (held == 0 && n >= MC_SHA256_BLOCK) {
			take_block(sha, from);
			from += MC_SHA256_BLOCK;
			n -= MC_SHA256_BLOCK;
			continue;
		}
		room = MC_SHA256_BLOCK - held;
		if (room > n)
			room = n;
		memcpy(sha->block + held, from, room);
		from += room;
		n -= room;
		held += room;
		if (held == MC_SHA256_BLOCK) {
			take_block(sha, sha->block);
			held = 0;
		}
	}
}

void
mc_sha256_end(struct mc_sha256 *sha, unsigned char ret_digest[MC_SHA256_LEN])
{
	static const unsigned char end[MC_SHA256_BLOCK] = { 0x80 };
	size_t held = sha->total % MC_SHA256_BLOCK;
	uint64_t bits = sha->total * 8;
	unsigned char length[8];

	for (size_t i = 0; i < 8; i++)
		length[i] = (unsigned char)(bits >> (56 - 8 * i));
	mc_sha256_add(sha, end, (held < LENGTH_AT ? LENGTH_AT :
	    LENGTH_AT + MC_SHA256_BLOCK) - held);
	mc_sha256_add(sha, length, sizeof(length));
	for (size_t i = 0; i < MC_SHA256_LEN; i++)
		ret_digest[i] = (unsigned char)(sha->state[i / 4] >>
		    (24 - 8 * (i % 4)));
}
