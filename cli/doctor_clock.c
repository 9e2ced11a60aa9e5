/* SPDX-License-Identifier: MIT */
/*
 * doctor_clock.c - is it the time that this machine thinks?
 *
 * No server is asked.  What was written here with a right clock stays: the date
 * of this release, dates of files; and servers say in their greeting what time
 * it is for them.
 */
#include "doctor.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#ifdef __linux__
#include <sys/timex.h>
#endif

#define DAY 86400
/* on a machine that runs, something is written more often than that */
#define QUIET (30 * DAY)
#define MOST_FILES 500

static const char set_it[] = "set it: timedatectl set-ntp true, or date -s; "
    "with a wrong clock no certificate can be checked";

/* -------------------------------------------------------------------- files */

static void
look_at(const char *path, int64_t *newest)
{
	struct stat st;

	if (stat(path, &st) == 0 && (int64_t)st.st_mtime > *newest)
		*newest = (int64_t)st.st_mtime;
}

static void
look_into(const char *dir, int64_t *newest)
{
	char path[DOCTOR_PATH];
	const struct dirent *e;
	DIR *d = opendir(dir);

	look_at(dir, newest);
	for (int i = 0; d != NULL && i < MOST_FILES &&
	    (e = readdir(d)) != NULL; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		look_at(path, newest);
	}
	if (d != NULL)
		closedir(d);
}

/* when something was written here last */
static int64_t
last_written(const struct doctor *d)
{
	static const char *const dirs[] = { "/run", "/var/log", "/tmp",
	    "/var/lib/systemd/timesync", "/etc" };
	const char *file;
	int64_t newest = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		look_into(dirs[i], &newest);
	for (size_t i = 0; d->config != NULL &&
	    (file = mc_config_file(d->config, i)) != NULL; i++)
		look_at(file, &newest);
	return newest;
}

/* ---------------------------------------------------- dates in a greeting */

/* days since 1970 of a day in our calendar (Fliegel and Van Flandern's way to
 * count, from March on) */
static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	    1 - 719468;
}

/* "26 Nov 2026 07:20:19 +0100", as RFC 5322 has it; 0: it is none */
static int64_t
parse_date(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char name[4], sign = '+';
	int day, year, hour, minute, second, zone = 0, n;
	int64_t when;

	/* no field is longer than an int holds */
	/* NOLINTNEXTLINE(cert-err34-c) */
	n = sscanf(text, "%2d %3s %4d %2d:%2d:%2d %c%4d", &day, name, &year,
	    &hour, &minute, &second, &sign, &zone);
	if (n < 6 || day < 1 || day > 31 || year < 1990 || hour < 0 ||
	    minute < 0 || second < 0)
		return 0;
	for (int m = 0; m < 12; m++) {
		if (strncasecmp(months + 3 * m, name, 3) != 0)
			continue;
		when = days_of(year, m + 1, day) * DAY + hour * 3600 +
		    minute * 60 + second;
		zone = zone / 100 * 3600 + zone % 100 * 60;
		return n < 8 ? when : sign == '-' ? when + zone :
		    when - zone;
	}
	return 0;
}

static int64_t
date_in(const char *text)
{
	for (const char *p = text; p != NULL && *p != '\0'; p++) {
		int64_t when;

		if (p != text && (p[-1] != ' ' || *p < '0' || *p > '9'))
			continue;
		when = parse_date(p);
		if (when != 0)
			return when;
	}
	return 0;
}

int64_t
doctor_true_time(const struct doctor *d)
{
	int64_t said = date_in(doctor_fact(d, MC_STAGE_GREETING, "text", 0));
	int64_t newest;

	if (said != 0)
		return said;
	newest = last_written(d);
	return newest != 0 && (newest + QUIET < d->now || newest > d->now +
	    DAY) ? newest : 0;
}

/* ---------------------------------------------------------------------- say */

/* 1 yes, 0 no, -1 nobody knows */
static int
is_kept_right(void)
{
#ifdef __linux__
	struct timex t = { 0 };

	if (adjtimex(&t) >= 0)
		return (t.status & STA_UNSYNC) == 0;
#endif
	return -1;
}

void
doctor_clock(struct doctor *d)
{
	char now[64], then[64];
	int64_t newest = last_written(d);
	int kept = is_kept_right();

	doctor_date(d->now, now, sizeof(now));
	if (d->now < MC_VERSION_TIME) {
		d->clock_wrong = true;
		doctor_say(d, DOCTOR_FAILED, EX_OSERR, "clock", set_it,
		    "it says %s, which is before this release was made (%s): "
		    "the clock of this machine is wrong", now,
		    doctor_date(MC_VERSION_TIME, then, sizeof(then)));
	} else if (newest > d->now + DAY) {
		d->clock_wrong = true;
		doctor_say(d, DOCTOR_WARNING, 0, "clock", set_it, "it says "
		    "%s, and files of this machine were written on %s: it is "
		    "behind", now, doctor_date(newest, then, sizeof(then)));
	} else if (newest != 0 && newest + QUIET < d->now) {
		doctor_say(d, DOCTOR_WARNING, 0, "clock", set_it, "it says "
		    "%s, and nothing was written on this machine since %s: "
		    "is it ahead?", now,
		    doctor_date(newest, then, sizeof(then)));
	} else {
		doctor_ok(d, "clock", "%s%s", now, kept == 1 ? ", kept right "
		    "by NTP" : kept == 0 ? "; nothing keeps it right (NTP)" :
		    "");
	}
}

void
doctor_compare_clocks(struct doctor *d)
{
	int64_t said = date_in(doctor_fact(d, MC_STAGE_GREETING, "text", 0));
	char now[64], then[64];

	if (said == 0 || d->clock_wrong || llabs((long long)(said - d->now)) <
	    3600)
		return;
	d->clock_wrong = true;
	doctor_say(d, DOCTOR_FAILED, EX_OSERR, "clock", set_it, "the server "
	    "says that it is %s, this machine %s: the clock of this machine "
	    "is wrong, or the server's",
	    doctor_date(said, then, sizeof(then)),
	    doctor_date(d->now, now, sizeof(now)));
}
