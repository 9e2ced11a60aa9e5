/* SPDX-License-Identifier: MIT */
/*
 * doctor_queue.c - can mail be kept, and what became of what was
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LAST 3
#define MIB (1024 * 1024)

static const char queue[] = "queue";

/* -------------------------------------------------------------- file system */

/* the directory, or the first above it that is there */
static bool
find_there(const char *dir, char *buf, size_t size)
{
	struct stat st;

	snprintf(buf, size, "%s", dir);
	while (buf[0] != '\0' && stat(buf, &st) != 0) {
		char *slash = strrchr(buf, '/');

		if (slash == NULL || (errno != ENOENT && errno != ENOTDIR))
			return false;
		slash[slash == buf ? 1 : 0] = '\0';
		if (buf[1] == '\0')
			break;
	}
	return strcmp(buf, dir) == 0;
}

/* "1M" and the like, as the configuration has it */
static uint64_t
bytes_of(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);
	const char *units = "KMGT", *unit = *end == '\0' ? NULL :
	    strchr(units, *end >= 'a' && *end <= 'z' ? *end - 'a' + 'A' :
	    *end);

	for (const char *p = units; unit != NULL && p <= unit; p++)
		n *= 1024;
	return n;
}

/* as the library counts it: queue-reserve, else 64 MiB or 5 %, the larger */
static uint64_t
reserve_of(const struct doctor *d, const struct statvfs *fs)
{
	uint64_t set = bytes_of(doctor_key(d, "queue-reserve"));
	uint64_t share = (uint64_t)fs->f_blocks * fs->f_frsize / 20;

	if (set != 0)
		return set;
	return share > 64 * (uint64_t)MIB ? share : 64 * (uint64_t)MIB;
}

/* a file without a name leaves no trace; 0, or errno */
static int
try_to_write(const char *dir)
{
#ifdef O_TMPFILE
	char block[4096] = { 0 };
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	int sys = 0;

	if (fd < 0)
		/* file systems that know no such files */
		return errno == EOPNOTSUPP || errno == EISDIR ||
		    errno == EINVAL || errno == ENOENT ? 0 : errno;
	if (write(fd, block, sizeof(block)) < 0)
		sys = errno;
	close(fd);
	return sys;
#else
	(void)dir;
	return 0;
#endif
}

static void
fail_queue(struct doctor *d, const char *remedy, const char *found)
{
	doctor_say(d, DOCTOR_FAILED, EX_CANTCREAT, queue, remedy,
	    "%s: nothing can be queued", found);
}

/* true: it cannot be written, and that was said */
static bool
is_closed(struct doctor *d, const char *dir, bool read_only)
{
	struct doctor_why why = { "", "" };
	char found[DOCTOR_TEXT];
	int sys = access(dir, W_OK | X_OK) != 0 ? errno : try_to_write(dir);

	if (read_only || sys == EROFS) {
		snprintf(found, sizeof(found), "%.1000s is on a read-only file "
		    "system", dir);
		fail_queue(d, "mount it for writing (`mount -o remount,rw`), "
		    "or set queue-dir; look in the kernel's log why it is "
		    "read-only", found);
	} else if (sys == ENOSPC || sys == EDQUOT) {
		snprintf(found, sizeof(found), "%s at %.1000s",
		    sys == EDQUOT ? "the quota is used up" :
		    "the disk is full", dir);
		fail_queue(d, "make room there, or move the queue "
		    "(queue-dir)", found);
	} else if (sys != 0) {
		doctor_why_not(d, dir, DOCTOR_FILL, sys, &why);
		fail_queue(d, why.remedy, why.found);
	}
	return read_only || sys != 0;
}

static void
check_room(struct doctor *d, const char *dir, const struct statvfs *fs,
    bool exists)
{
	uint64_t left = (uint64_t)fs->f_bavail * fs->f_frsize;
	uint64_t reserve = reserve_of(d, fs);
	char found[DOCTOR_TEXT];

	if (left > reserve && (fs->f_files == 0 || fs->f_favail != 0)) {
		doctor_ok(d, queue, "%s%s, %llu MB free", dir, exists ? "" :
		    " (made with the first message)",
		    (unsigned long long)(left / MIB));
		return;
	}
	snprintf(found, sizeof(found), "the disk is full at %.1000s: %llu MB "
	    "and %llu files are free, and %llu MB are kept free "
	    "(queue-reserve)", dir, (unsigned long long)(left / MIB),
	    (unsigned long long)fs->f_favail,
	    (unsigned long long)(reserve / MIB));
	fail_queue(d, "make room there, or move the queue (queue-dir)", found);
}

static void
check_fs(struct doctor *d, const char *dir)
{
	char there[DOCTOR_PATH], q[DOCTOR_PATH + 2];
	bool exists = find_there(dir, there, sizeof(there));
	struct doctor_why why = { "", "" };
	struct statvfs fs;
	struct stat st;

	if (statvfs(there, &fs) != 0) {
		doctor_why_not(d, there, DOCTOR_FILL, errno, &why);
		fail_queue(d, why.remedy, why.found);
		return;
	}
	snprintf(q, sizeof(q), "%s/q", there);
	if (!exists || stat(q, &st) != 0)
		snprintf(q, sizeof(q), "%s", there);
	if (!is_closed(d, q, (fs.f_flag & ST_RDONLY) != 0))
		check_room(d, dir, &fs, exists);
}

/* ----------------------------------------------------------------- messages */

struct message {
	char id[64];
	int64_t arrival;
	bool failed;
	char text[512];
};

struct messages {
	const struct doctor *d;
	size_t waiting;
	size_t failed;
	size_t damaged;
	uint64_t most;		/* bytes that the server takes; 0: any */
	char big[64];		/* one that is larger */
	uint64_t big_size;
	char pause[512];
	struct message last[LAST];	/* the newest first */
};

/* what was said about a recipient who has it not */
static const char *
said(const struct mc_queue_message *m)
{
	struct mc_queue_recipient r;

	for (size_t i = 0; mc_queue_rcpt(m, i, &r) == 0; i++)
		if (r.verdict != MC_DELIVERED && r.text != NULL &&
		    r.text[0] != '\0')
			return r.text;
	return NULL;
}

static void
keep(struct messages *all, const struct mc_queue_message *m,
    const char *text)
{
	size_t i = LAST;

	while (i > 0 && m->arrival > all->last[i - 1].arrival)
		i--;
	if (i == LAST)
		return;
	memmove(&all->last[i + 1], &all->last[i],
	    (LAST - 1 - i) * sizeof(all->last[0]));
	snprintf(all->last[i].id, sizeof(all->last[i].id), "%s", m->id);
	snprintf(all->last[i].text, sizeof(all->last[i].text), "%s", text);
	all->last[i].arrival = m->arrival;
	all->last[i].failed = m->state == MC_QUEUE_FAILED;
}

static int
on_message(void *ctx, const struct mc_queue_message *m)
{
	struct messages *all = ctx;
	const char *account = all->d->account;
	const char *text;

	if (m->state == MC_QUEUE_DAMAGED) {
		all->damaged++;
		return 0;
	}
	if (account != NULL && strcmp(m->account, account) != 0)
		return 0;
	all->failed += m->state == MC_QUEUE_FAILED;
	all->waiting += m->state != MC_QUEUE_FAILED;
	if (m->pause != NULL)
		snprintf(all->pause, sizeof(all->pause), "%s", m->pause);
	if (all->most != 0 && m->size > all->most) {
		snprintf(all->big, sizeof(all->big), "%s", m->id);
		all->big_size = m->size;
	}
	text = said(m);
	if (text != NULL)
		keep(all, m, text);
	return cli_cancelled() ? 1 : 0;
}

static void
say_last(struct doctor *d, const struct messages *all)
{
	const char *remedy, *cause;

	for (size_t i = 0; i < LAST && all->last[i].id[0] != '\0'; i++) {
		cause = doctor_refusal(all->last[i].text, &remedy);
		doctor_say(d, DOCTOR_WARNING, 0, "last failures", remedy,
		    "message %s %s; %s: %s", all->last[i].id,
		    all->last[i].failed ? "has failed for good" : "waits",
		    cause, all->last[i].text);
	}
}

static void
say_messages(struct doctor *d, const struct messages *all)
{
	if (all->pause[0] != '\0')
		doctor_say(d, DOCTOR_WARNING, 0, queue, "once that is mended: "
		    "`mailchute queue retry all`", "the account is paused: %s",
		    all->pause);
	if (all->big[0] != '\0')
		doctor_say(d, DOCTOR_FAILED, EX_UNAVAILABLE, "size", "make it "
		    "smaller, or send links instead of files", "message %s "
		    "has %llu bytes, and the server takes no more than %llu",
		    all->big, (unsigned long long)all->big_size,
		    (unsigned long long)all->most);
	if (all->damaged != 0)
		doctor_say(d, DOCTOR_WARNING, 0, queue, "`mailchute queue "
		    "check` says more", "%zu damaged messages",
		    all->damaged);
	doctor_ok(d, "messages", "%zu waiting, %zu failed for good (see "
	    "`mailchute queue`)", all->waiting, all->failed);
	say_last(d, all);
}

static void
look(struct doctor *d, struct mc_queue *q)
{
	const char *size = doctor_last(d, MC_STAGE_EHLO, "tls", "size", 0);
	struct messages all = { .d = d,
	    .most = size == NULL ? 0 : strtoull(size, NULL, 10) };
	struct mc_err err = { 0 };

	if (mc_queue_list(q, on_message, &all, &err) < 0)
		doctor_fail(d, &err, queue, "`mailchute queue check` says "
		    "more");
	else if (!cli_cancelled())
		say_messages(d, &all);
}

void
doctor_queue(struct doctor *d)
{
	struct mc_queue *q = NULL;
	struct mc_err err = { 0 };

	if (strcmp(doctor_key(d, "queue"), "off") == 0) {
		doctor_ok(d, queue, "off: what cannot be sent at once is not "
		    "kept");
		return;
	}
	if (mc_queue_open(&d->id->caller, d->config, 0, &q, &err) != 0) {
		doctor_fail(d, &err, queue, err.code == MC_E_QUEUE_FS ?
		    "set queue-dir to a place on a local disk" :
		    "see who owns the directory, and its mode");
		return;
	}
	check_fs(d, mc_queue_dir(q));
	look(d, q);
	mc_queue_free(q);
}
