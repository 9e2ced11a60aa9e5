/* SPDX-License-Identifier: MIT */
/*
 * date.c - Date and Message-ID values
 */
#include "base/base.h"

#include "mail/date.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/rand.h"

#include <time.h>

/* the last day of 9999 is left out so that no zone reaches a fifth digit */
#define LAST_SECOND (INT64_C(253402300799) - 86400)

/* minutes that `local` is ahead of `utc`, both of the same moment; false if
 * RFC 5322 cannot say it (old zones have seconds) */
static bool
zone_minutes(const struct tm *local, const struct tm *utc, int *ret_minutes)
{
	int days = local->tm_yday - utc->tm_yday;

	if (local->tm_year != utc->tm_year)
		days = local->tm_year > utc->tm_year ? 1 : -1;
	if (local->tm_sec != utc->tm_sec)
		return false;
	*ret_minutes = (days * 24 + local->tm_hour - utc->tm_hour) * 60 +
	    local->tm_min - utc->tm_min;
	return *ret_minutes > -100 * 60 && *ret_minutes < 100 * 60;
}

void
mc_date_format(int64_t seconds, struct mc_buf *out)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
		"Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
		"Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm utc;
	struct tm local;
	int zone = 0;

	if (seconds < 0)
		seconds = 0;
	if (seconds > LAST_SECOND)
		seconds = LAST_SECOND;
	time_t t = (time_t)seconds;
	if ((int64_t)t != seconds)	/* 32-bit time_t */
		t = INT32_MAX;
	if (gmtime_r(&t, &utc) == NULL)
		memset(&utc, 0, sizeof(utc));
	if (localtime_r(&t, &local) == NULL ||
	    !zone_minutes(&local, &utc, &zone)) {
		local = utc;
		zone = 0;
	}
	int ahead = zone < 0 ? -zone : zone;
	mc_buf_addf(out, "%s, %02d %s %d %02d:%02d:%02d %c%02d%02d",
	    days[(unsigned)local.tm_wday % 7], local.tm_mday,
	    months[(unsigned)local.tm_mon % 12], local.tm_year + 1900,
	    local.tm_hour, local.tm_min, local.tm_sec,
	    zone < 0 ? '-' : '+', ahead / 60, ahead % 60);
}

/* letters, digits, '-' and '_' between single dots: fit for any context */
static bool
is_host(struct mc_str s)
{
	bool dot = true;

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (c == '.' && dot)
			return false;
		if (c != '.' && c != '-' && c != '_' && !mc_is_alnum(c))
			return false;
		dot = c == '.';
	}
	return !dot && s.len <= MC_MAX_DOMAIN;
}

int
mc_msgid_make(struct mc_str domain, struct mc_buf *out, struct mc_err *err)
{
	char id[MC_ID_LEN + 1];

	if (!is_host(domain))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "no usable host name for a Message-ID");
	if (mc_rand_id(id, err) != 0)
		return -1;
	mc_buf_addc(out, '<');
	mc_buf_addz(out, id);
	mc_buf_addc(out, '@');
	mc_buf_add_str(out, domain);
	mc_buf_addc(out, '>');
	return mc_buf_err(out, "the Message-ID", err);
}
