/* SPDX-License-Identifier: MIT */
/*
 * rate.c - a number of messages in a time
 */
#include "base/base.h"
#include "base/num.h"
#include "config/conf.h"

#include <inttypes.h>

#define MOST_MESSAGES 1000000000
#define MOST_SECONDS (365 * 86400)

/* "min", or "2min" */
static int
parse_time(struct mc_str s, uint64_t *ret_seconds)
{
	char text[16];

	if (s.len == 0 || mc_is_digit(s.ptr[0]))
		return mc_num_seconds(s, MOST_SECONDS, ret_seconds);
	if (s.len > sizeof(text) - 2)
		return -1;
	text[0] = '1';
	memcpy(text + 1, s.ptr, s.len);
	return mc_num_seconds(mc_str_make(text, s.len + 1), MOST_SECONDS,
	    ret_seconds);
}

int
mc_rate_parse(struct mc_str in, uint64_t *ret_messages, uint64_t *ret_seconds)
{
	size_t slash = mc_str_chr(in, '/');
	struct mc_str number = mc_str_trim(mc_str_sub(in, 0, slash));
	struct mc_str time = mc_str_trim(mc_str_sub(in, slash + 1, SIZE_MAX));
	uint64_t messages;
	uint64_t seconds;

	if (mc_num_u64(number, MOST_MESSAGES, &messages) != 0 ||
	    parse_time(time, &seconds) != 0 || messages == 0 || seconds == 0)
		return -1;
	*ret_messages = messages;
	*ret_seconds = seconds;
	return 0;
}

int
mc_config_rate(const char *text, uint64_t *ret_count, uint64_t *ret_seconds)
{
	if (strcmp(text, "0") != 0)
		return mc_rate_parse(mc_str_from(text), ret_count,
		    ret_seconds);
	*ret_count = *ret_seconds = 0;
	return 0;
}

void
mc_rate_format(uint64_t messages, uint64_t seconds, struct mc_buf *out)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = {
		{ "d", 86400 },
		{ "h", 3600 },
		{ "min", 60 },
		{ "s", 1 },
	};
	size_t i = 0;

	while (seconds % units[i].seconds != 0)
		i++;
	mc_buf_addf(out, "%" PRIu64 "/", messages);
	if (seconds != units[i].seconds)
		mc_buf_addf(out, "%" PRIu64, seconds / units[i].seconds);
	mc_buf_addz(out, units[i].name);
}
