/* SPDX-License-Identifier: MIT */
/*
 * doctor_files.c - who may read a file, and who is it that refuses
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_GROUPS 256
#define CAP_DAC_OVERRIDE_BIT 1

/* the first line of a small file of the kernel; "" if there is none */
static void
read_line(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, size - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
}

void
doctor_mode(mode_t mode, uid_t owner, char *buf, size_t size)
{
	const struct passwd *pw = getpwuid(owner);

	if (pw != NULL)
		snprintf(buf, size, "mode %04o, of %s",
		    (unsigned)mode & 07777, pw->pw_name);
	else
		snprintf(buf, size, "mode %04o, of user %lu",
		    (unsigned)mode & 07777, (unsigned long)owner);
}

/* does this process pass over all modes? */
static bool
is_almighty(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	bool all = geteuid() == 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "CapEff:", 7) == 0)
			all = (strtoull(line + 7, NULL, 16) >>
			    CAP_DAC_OVERRIDE_BIT & 1) != 0;
	if (f != NULL)
		fclose(f);
	return all;
}

static bool
in_group(gid_t gid)
{
	gid_t groups[MOST_GROUPS];
	int n = getgroups(MOST_GROUPS, groups);

	if (gid == getegid())
		return true;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* want: bits as of a mode, 4 to read, 1 to search */
static bool
mode_allows(const struct stat *st, unsigned want)
{
	unsigned bits = (unsigned)st->st_mode & 7;

	if (st->st_uid == geteuid())
		bits = (unsigned)st->st_mode >> 6 & 7;
	else if (in_group(st->st_gid))
		bits = (unsigned)st->st_mode >> 3 & 7;
	return (bits & want) == want || is_almighty();
}

static void
of_module(char *buf, size_t size)
{
	char label[256], list[256], enforce[8];

	read_line("/proc/self/attr/current", label, sizeof(label));
	read_line("/sys/kernel/security/lsm", list, sizeof(list));
	read_line("/sys/fs/selinux/enforce", enforce, sizeof(enforce));
	if (enforce[0] == '1')
		snprintf(buf, size, "SELinux, which runs this as %s", label);
	else if (label[0] != '\0' && strncmp(label, "unconfined", 10) != 0)
		snprintf(buf, size, "AppArmor, with the profile %s", label);
	else if (list[0] != '\0')
		snprintf(buf, size, "of %s", list);
	else
		snprintf(buf, size, "AppArmor, SELinux or Landlock");
}

static void
say_module(const char *path, struct doctor_why *why)
{
	char who[640];

	of_module(who, sizeof(who));
	snprintf(why->found, sizeof(why->found), "%.1000s: permission denied, "
	    "although its mode and those of the directories above it allow "
	    "it: a security module of the kernel refuses (%s)", path, who);
	snprintf(why->remedy, sizeof(why->remedy), "look for DENIED or avc in "
	    "`journalctl -k`, and allow %.1000s there (aa-logprof for "
	    "AppArmor, ausearch -m AVC for SELinux)", path);
}

/* the first directory on the way that lets nobody like us pass, in `dir` */
static bool
is_shut(const char *path, char *dir, size_t size, struct stat *ret_st)
{
	for (const char *p = path; *p != '\0'; p++) {
		size_t len = p == path ? 1 : (size_t)(p - path);

		if (*p != '/' || len >= size)
			continue;
		memcpy(dir, path, len);
		dir[len] = '\0';
		if (stat(dir, ret_st) != 0)
			return false;
		if (!mode_allows(ret_st, 1))
			return true;
	}
	return false;
}

void
doctor_why_not(const struct doctor *d, const char *path, unsigned want,
    int sys, struct doctor_why *why)
{
	char dir[DOCTOR_PATH], mode[300];
	struct stat st;

	snprintf(why->found, sizeof(why->found), "%.1000s: %s", path,
	    strerror(sys));
	snprintf(why->remedy, sizeof(why->remedy), "%s", sys == ENOENT ?
	    "make the file, or correct its name in the configuration" :
	    "see that this user can use it");
	if (sys != EACCES && sys != EPERM)
		return;
	if (is_shut(path, dir, sizeof(dir), &st)) {
		doctor_mode(st.st_mode, st.st_uid, mode, sizeof(mode));
		snprintf(why->found, sizeof(why->found), "%.800s: permission "
		    "denied: the directory %.800s is closed to this user "
		    "(%s)", path, dir, mode);
		snprintf(why->remedy, sizeof(why->remedy),
		    "chmod go+x %.800s, or move the file", dir);
	} else if (stat(path, &st) == 0 && !mode_allows(&st, want)) {
		doctor_mode(st.st_mode, st.st_uid, mode, sizeof(mode));
		snprintf(why->found, sizeof(why->found), "%.1000s: permission "
		    "denied: %s, and this is %s", path, mode,
		    d->id->caller.login != NULL ? d->id->caller.login :
		    "another user");
		snprintf(why->remedy, sizeof(why->remedy),
		    "run this as its owner, or chown %.1000s", path);
	} else {
		say_module(path, why);
	}
}
