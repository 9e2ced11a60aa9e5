/* SPDX-License-Identifier: MIT */
/*
 * rand.h - random bytes and identifiers from the kernel
 */
#ifndef MC_RAND_H
#define MC_RAND_H

#include "base/base.h"

/* n <= 256; -1 with err: MC_E_INTERNAL when the kernel gives none */
MC_NODISCARD int
mc_rand_bytes(void *p, size_t n, struct mc_err *err);

#define MC_ID_LEN 26
/* 128 random bits as 26 characters of base32 in lower case, then NUL */
MC_NODISCARD int
mc_rand_id(char ret_id[MC_ID_LEN + 1], struct mc_err *err);

#define MC_ID_BYTES 16
/* the same form for bytes that the caller has, of a digest for example */
void
mc_rand_id_of(const unsigned char bytes[MC_ID_BYTES],
    char ret_id[MC_ID_LEN + 1]);

#endif
