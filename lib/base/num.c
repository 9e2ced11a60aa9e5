/* SPDX-License-Identifier: MIT */
/*
 * num.c - numbers out of text, without locale, sign tricks or overflow
 */
#include "base/base.h"
#include "base/num.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit times[] = {
	{ "", 1 },
	{ "s", 1 },
	{ "m", 60 },
	{ "min", 60 },
	{ "h", 60 * 60 },
	{ "d", 24 * 60 * 60 },
};

static const struct unit sizes[] = {
	{ "", 1 },
	{ "k", 1024 },
	{ "kib", 1024 },
	{ "m", 1024 * 1024 },
	{ "mib", 1024 * 1024 },
	{ "g", 1024 * 1024 * 1024 },
	{ "gib", 1024 * 1024 * 1024 },
};

int
mc_num_u64(struct mc_str s, uint64_t most, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (!mc_is_digit(s.ptr[i]))
			return -1;

		uint64_t digit = (uint64_t)(s.ptr[i] - '0');

		if (digit > most || value > (most - digit) / 10)
			return -1;
		value = value * 10 + digit;
	}
	*ret_value = value;
	return 0;
}

static int
with_unit(struct mc_str s, const struct unit *units, size_t n_units,
    uint64_t most, uint64_t *ret_value)
{
	size_t digits = 0;

	while (digits < s.len && mc_is_digit(s.ptr[digits]))
		digits++;

	struct mc_str name = mc_str_sub(s, digits, SIZE_MAX);

	while (name.len > 1 && mc_is_blank(name.ptr[0]))
		name = mc_str_sub(name, 1, SIZE_MAX);
	for (size_t i = 0; i < n_units; i++) {
		uint64_t value;

		if (!mc_str_eq_nocase(name, mc_str_from(units[i].name)))
			continue;
		if (mc_num_u64(mc_str_sub(s, 0, digits),
		    most / units[i].factor, &value) != 0)
			return -1;
		*ret_value = value * units[i].factor;
		return 0;
	}
	return -1;
}

int
mc_num_seconds(struct mc_str s, uint64_t most, uint64_t *ret_seconds)
{
	return with_unit(s, times, MC_NELEM(times), most, ret_seconds);
}

int
mc_num_bytes(struct mc_str s, uint64_t most, uint64_t *ret_bytes)
{
	return with_unit(s, sizes, MC_NELEM(sizes), most, ret_bytes);
}
