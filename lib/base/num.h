/* SPDX-License-Identifier: MIT */
/*
 * num.h - numbers out of text, without locale, sign tricks or overflow
 */
#ifndef MC_NUM_H
#define MC_NUM_H

#include "base/str.h"

/* only digits, at least one; -1 if not, or if the value is above `most` */
MC_NODISCARD int
mc_num_u64(struct mc_str s, uint64_t most, uint64_t *ret_value);

/* seconds: "90", "90s", "10min" (or "m"), "4h", "5d"; any case, blanks before
 * the unit allowed */
MC_NODISCARD int
mc_num_seconds(struct mc_str s, uint64_t most, uint64_t *ret_seconds);

/* bytes: "1000", "10k"/"10K"/"10KiB", M, G (powers of 1024); the same */
MC_NODISCARD int
mc_num_bytes(struct mc_str s, uint64_t most, uint64_t *ret_bytes);

#endif
