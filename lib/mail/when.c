/* SPDX-License-Identifier: MIT */
/*
 * when.c - points in time as people and servers write them
 */
#include "base/base.h"

#include "mail/when.h"

#include "base/err.h"
#include "base/num.h"

#include <time.h>

#define DAY INT64_C(86400)
#define LAST_SECOND INT64_C(253402300799)	/* of 9999 */
/* a point in time may be over for so long, and means now */
#define GRACE 60
/* of what was given, in an error text */
#define QUOTE_MAX 60
/* a day may lack some moment, and an island may lack a day */
#define MOST_DAYS 4

struct stamp {
	int year, month, day;
	int hour, minute, second;
	bool has_zone;
	int zone;		/* seconds that it is ahead of UTC */
};

enum found {
	FOUND,
	NO_TIME,		/* it does not look like one */
	NO_VALUE,		/* it does, but has a 25th hour or 32nd day */
	NO_MOMENT		/* the local clock never shows it */
};

/* ------------------------------------------------------------------- dates */

static bool
is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int
days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static bool
is_valid(const struct stamp *s)
{
	return s->year >= 1970 && s->month >= 1 && s->month <= 12 &&
	    s->day >= 1 && s->day <= days_in(s->year, s->month) &&
	    s->hour < 24 && s->minute < 60 && s->second < 60;
}

/* as if its zone were UTC */
static int64_t
seconds_of(const struct stamp *s)
{
	int before = s->year - 1;
	int64_t days = (int64_t)before * 365 + before / 4 - before / 100 +
	    before / 400 - 719162;

	for (int month = 1; month < s->month; month++)
		days += days_in(s->year, month);
	days += s->day - 1;
	return ((days * 24 + s->hour) * 60 + s->minute) * 60 + s->second;
}

static bool
to_time(int64_t when, time_t *ret_time)
{
	*ret_time = (time_t)when;
	return (int64_t)*ret_time == when;
}

/* ------------------------------------------------------------------ reading */

static bool
take_char(struct mc_str *s, const char *any)
{
	if (s->len == 0 || strchr(any, s->ptr[0]) == NULL || s->ptr[0] == '\0')
		return false;
	*s = mc_str_sub(*s, 1, s->len);
	return true;
}

static bool
take_digits(struct mc_str *s, size_t n, int *ret_value)
{
	uint64_t value;

	if (s->len < n || mc_num_u64(mc_str_sub(*s, 0, n), 9999, &value) != 0)
		return false;
	*ret_value = (int)value;
	*s = mc_str_sub(*s, n, s->len);
	return true;
}

/* "18:00" */
static bool
take_clock(struct mc_str *s, struct stamp *stamp)
{
	return take_digits(s, 2, &stamp->hour) && take_char(s, ":") &&
	    take_digits(s, 2, &stamp->minute);
}

/* ":00", or with a fraction, which is left out */
static bool
take_second(struct mc_str *s, struct stamp *stamp)
{
	int digit;

	if (!take_char(s, ":") || !take_digits(s, 2, &stamp->second))
		return false;
	if (!take_char(s, "."))
		return true;
	if (!take_digits(s, 1, &digit))
		return false;
	while (take_digits(s, 1, &digit))
		;
	return true;
}

static bool
take_zone(struct mc_str *s, struct stamp *stamp)
{
	struct stamp ahead = { 0 };
	bool minus = s->len != 0 && s->ptr[0] == '-';

	stamp->has_zone = true;
	if (take_char(s, "Zz"))
		return true;
	if (!take_char(s, "+-") || !take_clock(s, &ahead) ||
	    ahead.hour > 23 || ahead.minute > 59)
		return false;
	stamp->zone = (ahead.hour * 60 + ahead.minute) * (minus ? -60 : 60);
	return true;
}

static bool
read_stamp(struct mc_str s, bool in_full, struct stamp *stamp)
{
	memset(stamp, 0, sizeof(*stamp));
	if (!take_digits(&s, 4, &stamp->year) || !take_char(&s, "-") ||
	    !take_digits(&s, 2, &stamp->month) || !take_char(&s, "-") ||
	    !take_digits(&s, 2, &stamp->day) || !take_char(&s, "Tt ") ||
	    !take_clock(&s, stamp))
		return false;
	if ((in_full || (s.len != 0 && s.ptr[0] == ':')) &&
	    !take_second(&s, stamp))
		return false;
	if ((in_full || s.len != 0) && !take_zone(&s, stamp))
		return false;
	return s.len == 0;
}

bool
mc_when_rfc3339(struct mc_str text, int64_t *ret_when)
{
	struct stamp stamp;
	int64_t when;

	if (!read_stamp(text, true, &stamp) || !is_valid(&stamp))
		return false;
	when = seconds_of(&stamp) - stamp.zone;
	if (when < 0 || when > LAST_SECOND)
		return false;
	*ret_when = when;
	return true;
}

void
mc_when_add_utc(int64_t when, struct mc_buf *out)
{
	struct tm tm;
	time_t t;

	if (when < 0)
		when = 0;
	if (when > LAST_SECOND)
		when = LAST_SECOND;
	if (!to_time(when, &t))
		t = INT32_MAX;
	if (gmtime_r(&t, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	mc_buf_addf(out, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ------------------------------------------------------------- local times */

/* mktime mends what there is not; only what it leaves as it was is right */
static bool
try_local(const struct stamp *s, int dst, int64_t *ret_when)
{
	struct tm tm = { .tm_year = s->year - 1900, .tm_mon = s->month - 1,
		.tm_mday = s->day, .tm_hour = s->hour, .tm_min = s->minute,
		.tm_sec = s->second, .tm_isdst = dst };
	struct tm back;
	time_t t = mktime(&tm);

	if (localtime_r(&t, &back) == NULL ||
	    back.tm_year != s->year - 1900 || back.tm_mon != s->month - 1 ||
	    back.tm_mday != s->day || back.tm_hour != s->hour ||
	    back.tm_min != s->minute || back.tm_sec != s->second)
		return false;
	*ret_when = (int64_t)t;
	return true;
}

/* the first moment after `after` at which the local clock shows it */
static bool
local_after(const struct stamp *s, int64_t after, int64_t *ret_when)
{
	bool found = false;
	int64_t when;

	for (int dst = -1; dst <= 1; dst++) {
		if (!try_local(s, dst, &when) || when <= after ||
		    (found && when >= *ret_when))
			continue;
		*ret_when = when;
		found = true;
	}
	return found;
}

static enum found
find_stamp(struct mc_str text, int64_t now, int64_t *ret_when)
{
	struct stamp stamp;

	if (!read_stamp(text, false, &stamp))
		return NO_TIME;
	if (!is_valid(&stamp))
		return NO_VALUE;
	if (stamp.has_zone) {
		*ret_when = seconds_of(&stamp) - stamp.zone;
		return FOUND;
	}
	return local_after(&stamp, now - GRACE - 1, ret_when) ||
	    local_after(&stamp, INT64_MIN, ret_when) ? FOUND : NO_MOMENT;
}

/* "18:00": today, or the first day that has it */
static enum found
find_clock(struct mc_str text, int64_t now, int64_t *ret_when)
{
	struct stamp s = { .year = 1970, .month = 1, .day = 1 };
	struct tm tm;
	time_t t;

	if (!take_clock(&text, &s) || text.len != 0)
		return NO_TIME;
	if (!is_valid(&s))
		return NO_VALUE;
	if (!to_time(now, &t) || localtime_r(&t, &tm) == NULL)
		return NO_MOMENT;
	s.year = tm.tm_year + 1900;
	s.month = tm.tm_mon + 1;
	s.day = tm.tm_mday;
	for (int i = 0; i < MOST_DAYS; i++) {
		if (local_after(&s, now, ret_when))
			return FOUND;
		if (++s.day <= days_in(s.year, s.month))
			continue;
		s.day = 1;
		if (++s.month <= 12)
			continue;
		s.month = 1;
		s.year++;
	}
	return NO_MOMENT;
}

/* ------------------------------------------------------------ other forms */

static enum found
find_span(struct mc_str s, int64_t now, int64_t *ret_when)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { 'w', 7 * DAY }, { 'd', DAY }, { 'h', 3600 },
		{ 'm', 60 }, { 's', 1 } };
	int64_t sum = 0;
	bool any = false;

	for (size_t i = 0; i < MC_NELEM(units) && s.len != 0; i++) {
		size_t n = mc_str_chr(s, units[i].unit);
		uint64_t count;

		if (n == s.len)
			continue;
		if (mc_num_u64(mc_str_sub(s, 0, n), 999999999, &count) != 0)
			return NO_TIME;
		sum += (int64_t)count * units[i].seconds;
		s = mc_str_sub(s, n + 1, s.len);
		any = true;
	}
	if (!any || s.len != 0)
		return NO_TIME;
	*ret_when = now + sum;
	return FOUND;
}

static enum found
find_count(struct mc_str s, int64_t *ret_when)
{
	uint64_t when;

	if (mc_num_u64(s, INT64_MAX, &when) != 0)
		return NO_TIME;
	*ret_when = (int64_t)when;
	return FOUND;
}

static enum found
find(struct mc_str text, int64_t now, int64_t *ret_when)
{
	struct mc_str rest = mc_str_sub(text, 1, text.len);

	if (text.len != 0 && text.ptr[0] == '+')
		return find_span(rest, now, ret_when);
	if (text.len != 0 && text.ptr[0] == '@')
		return find_count(rest, ret_when);
	return mc_str_chr(text, ':') <= 2 ? find_clock(text, now, ret_when) :
	    find_stamp(text, now, ret_when);
}

/* what was understood, in the reader's own zone */
static void
show(int64_t when, char *ret_text, size_t size)
{
	struct tm tm;
	time_t t;

	if (!to_time(when, &t) || localtime_r(&t, &tm) == NULL ||
	    strftime(ret_text, size, "%Y-%m-%d %H:%M:%S %z", &tm) == 0)
		(void)snprintf(ret_text, size, "a time that no clock shows");
}

int
mc_when_parse(struct mc_str text, int64_t now, int64_t *ret_when,
    struct mc_err *err)
{
	struct mc_str quote = mc_str_sub(text, 0, QUOTE_MAX);
	const char *what = NULL;
	char shown[64];
	int64_t when = 0;

	switch (find(text, now, &when)) {
	case FOUND:
		break;
	case NO_TIME:
		what = "not a time; write it as \"2026-12-24 18:00\", "
		    "2026-12-24T18:00:00+01:00, 18:00, +2h30m, or @SECONDS "
		    "since 1970";
		break;
	case NO_VALUE:
		what = "there is no such day or time of day";
		break;
	case NO_MOMENT:
		what = "there is no such time here: the clocks are put forward "
		    "over it";
		break;
	}
	if (what != NULL)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "cannot send at \"%.*s\": %s", MC_STR_FMT(quote), what);
	show(when, shown, sizeof(shown));
	if (when < now - GRACE)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "cannot send at \"%.*s\": that is %s, which is over",
		    MC_STR_FMT(quote), shown);
	if (when > now + MC_WHEN_DAYS * DAY)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "cannot send at \"%.*s\": that is %s, more than %d days "
		    "ahead", MC_STR_FMT(quote), shown, MC_WHEN_DAYS);
	*ret_when = when;
	return 0;
}
