/* SPDX-License-Identifier: MIT */
/*
 * check.c - go through the whole spool, mend what can be mended, tell the rest
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

/* damaged messages of one name that are kept side by side */
#define MOST_NAMESAKES 100

int
mc_store_quarantine(const struct mc_store *store, const char *name,
    const char *why)
{
	char to[MC_STORE_NAME + 8];
	char notes[MC_STORE_NAME];
	int rc = -1;

	(void)snprintf(to, sizeof(to), "%s", name);
	for (int i = 2; i <= MOST_NAMESAKES; i++) {
		rc = mc_file_rename_new(store->q, name, store->bad, to);
		if (rc == 0 || errno != EEXIST)
			break;
		(void)snprintf(to, sizeof(to), "%s.%d", name, i);
	}
	if (rc != 0) {
		mc_log_line(store->set.log, MC_LOG_ERROR, MC_STAGE_LOCAL,
		    "%s; it cannot be moved to bad/, and stays", why);
		return -1;
	}
	mc_log_line(store->set.log, MC_LOG_ERROR, MC_STAGE_LOCAL,
	    "%s; moved to bad/%s", why, to);
	mc_store_name('l', name + 2, notes);
	if (mc_file_rename_new(store->q, notes, store->bad, notes) != 0 &&
	    errno != ENOENT)
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: %s cannot be moved to bad/", store->dir, notes);
	return 0;
}

struct checking {
	struct mc_store *store;
	mc_store_check_fn fn;
	void *ctx;
	size_t bad;
	struct mc_err *err;
};

static void
tell(struct checking *c, const char *name, const char *what)
{
	if (c->fn != NULL)
		c->fn(c->ctx, name, what);
}

static void
check_done(struct checking *c, struct mc_entry *entry, const char *name)
{
	struct mc_err err = { .code = MC_OK };

	/* nobody would look at it before its time, and then to remove it */
	if (entry->failed && !mc_entry_done(entry)) {
		if (fchmod(entry->fd, 0600) == 0)
			tell(c, name, "kept as failed, but there are "
			    "recipients left; it goes again");
		else
			tell(c, name, "kept as failed, but there are "
			    "recipients left; cannot be mended");
		return;
	}
	if (!mc_entry_delivered(entry))
		return;
	if (mc_entry_remove(entry, &err) == 0)
		tell(c, name, "every recipient has it; removed");
	else
		tell(c, name, err.text);
}

static int
check_message(struct checking *c, const char *name)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	int rc = mc_entry_take(c->store, name + 2, MC_TAKE_CHECK, &entry, &err);

	if (rc == 1) {
		check_done(c, entry, name);
		mc_entry_close(entry);
		return 0;
	}
	if (rc == 0)
		return 0;
	if (err.code == MC_E_NOMEM) {
		*c->err = err;
		return -1;
	}
	tell(c, name, err.text);
	/* one that could be moved is counted in bad/ */
	if (err.code == MC_E_QUEUE_DAMAGED &&
	    faccessat(c->store->q, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		c->bad++;
	return 0;
}

/* notes whose message is gone: its removal was cut short, or undone */
static void
check_notes(struct checking *c, const char *name)
{
	char message[MC_STORE_NAME];
	struct stat st;

	mc_store_name('m', name + 2, message);
	if (fstatat(c->store->q, message, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	    errno != ENOENT)
		return;
	if (unlinkat(c->store->q, name, 0) == 0)
		tell(c, name, "notes without message; removed");
	else if (errno != ENOENT)
		tell(c, name, "notes without message; cannot be removed");
}

static int
check_name(void *ctx, const char *name)
{
	struct checking *c = ctx;
	char kind = mc_store_kind(name);
	struct stat st;

	if (kind == 0) {
		tell(c, name, "not a name of ours; left alone");
		return 0;
	}
	if (fstatat(c->store->q, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno != ENOENT)
			tell(c, name, "cannot be looked at");
		return 0;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != c->store->uid) {
		tell(c, name, "no regular file, or not ours; left alone");
		return 0;
	}
	if (kind == 't') {
		if (mc_store_sweep_one(c->store, name) != 0)
			tell(c, name, "was never finished; removed");
		return 0;
	}
	if (st.st_nlink > 1) {
		tell(c, name, "has other names too; left alone");
		return 0;
	}
	if (kind == 'l') {
		check_notes(c, name);
		return 0;
	}
	return check_message(c, name);
}

static int
count_bad(void *ctx, const char *name)
{
	struct checking *c = ctx;

	if (strncmp(name, "m-", 2) == 0) {
		c->bad++;
		tell(c, name, "damaged message in bad/");
	} else if (mc_store_kind(name) == 0) {
		tell(c, name, "not a name of ours, in bad/");
	}
	return 0;
}

int
mc_store_check(struct mc_store *store, mc_store_check_fn fn, void *ctx,
    size_t *ret_bad, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	struct checking c = { .store = store, .fn = fn, .ctx = ctx,
	    .err = &found };

	if (mc_store_each(store, store->q, check_name, &c, &found) != 0 ||
	    mc_store_each(store, store->bad, count_bad, &c, &found) != 0) {
		if (err != NULL && !mc_err_is_set(err))
			*err = found;
		return -1;
	}
	*ret_bad = c.bad;
	return 0;
}
