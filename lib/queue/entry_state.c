/* SPDX-License-Identifier: MIT */
/*
 * entry_state.c - record what becomes of a message: cells, time, hold, end
 */
#include "base/base.h"

#include "queue/store.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store_internal.h"

#include <errno.h>
#include <fcntl.h>

/* neighbours that one pwrite takes */
#define MOST_RUN 512

bool
mc_entry_delivered(const struct mc_entry *entry)
{
	for (size_t i = 0; i < entry->head.n; i++)
		if (entry->cells[i] != MC_CELL_DELIVERED)
			return false;
	return true;
}

bool
mc_entry_done(const struct mc_entry *entry)
{
	for (size_t i = 0; i < entry->head.n; i++)
		if (entry->cells[i] != MC_CELL_DELIVERED &&
		    entry->cells[i] != MC_CELL_REPORTED)
			return false;
	return true;
}

int
mc_entry_may_write(const struct mc_entry *entry, struct mc_err *err)
{
	if (entry->claimed && !entry->removed)
		return 0;
	return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
	    "message %s of the queue is not claimed, or gone", entry->id);
}

/* what was delivered stays so, or it would be sent again */
static int
check_mark(const struct mc_entry *entry, const size_t *which, size_t n,
    enum mc_cell cell, struct mc_err *err)
{
	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (!mc_qf_is_cell((char)cell))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "not a state of a recipient");
	for (size_t i = 0; i < n; i++)
		if (which[i] >= entry->head.n ||
		    (mc_entry_cell(entry, which[i]) == MC_CELL_DELIVERED &&
		    cell != MC_CELL_DELIVERED))
			return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "message %s of the queue: no such recipient, or "
			    "one who has it", entry->id);
	if (entry->cells_fd < 0)
		return mc_err_set(err, MC_E_QUEUE_READONLY, MC_STAGE_LOCAL,
		    "message %s of the queue is held, or has failed; release "
		    "it first", entry->id);
	return 0;
}

static int
write_runs(const struct mc_entry *entry, const size_t *which, size_t n,
    enum mc_cell cell, struct mc_err *err)
{
	char cells[MOST_RUN];

	memset(cells, (char)cell, sizeof(cells));
	for (size_t i = 0; i < n;) {
		size_t run = 1;

		while (i + run < n && run < sizeof(cells) &&
		    which[i + run] == which[i] + run)
			run++;
		if (mc_file_pwrite(entry->cells_fd, cells, run,
		    MC_QF_HEAD + which[i], err) != 0)
			return -1;
		i += run;
	}
	return 0;
}

static enum mc_verdict
verdict_of(enum mc_cell cell)
{
	switch (cell) {
	case MC_CELL_PENDING:
	case MC_CELL_UNSURE:
		return MC_PENDING;
	case MC_CELL_DELIVERED:
		return MC_DELIVERED;
	case MC_CELL_FAILED:
	case MC_CELL_REPORTED:
		return MC_FAILED;
	}
	return MC_PENDING;
}

int
mc_entry_mark(struct mc_entry *entry, const size_t *which, size_t n,
    enum mc_cell cell, struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };

	if (check_mark(entry, which, n, cell, err) != 0)
		return -1;
	if (n == 0)
		return 0;
	/*
	 * After a failed fdatasync the caller comes again, and the cells are
	 * written again: only that makes the second fdatasync mean anything.
	 */
	if (write_runs(entry, which, n, cell, &io) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, io.sys,
		    "queue %s: cannot record what became of message %s",
		    entry->store->dir, entry->id);
	if (mc_file_sync_data(entry->cells_fd) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "queue %s: cannot record for good what became of message "
		    "%s", entry->store->dir, entry->id);
	for (size_t i = 0; i < n; i++) {
		entry->cells[which[i]] = (char)cell;
		mc_envelope_at(&entry->env, which[i])->verdict =
		    verdict_of(cell);
	}
	(void)mc_store_set_time(entry->fd, entry->next_attempt);
	return 0;
}

int
mc_entry_reschedule(struct mc_entry *entry, int64_t next_attempt,
    struct mc_err *err)
{
	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (mc_store_set_time(entry->fd, next_attempt) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot put off message %s", entry->id);
	entry->next_attempt = next_attempt;
	return 0;
}

/* what its mode says of attempts and of its time */
static mode_t
marks(const struct mc_entry *entry)
{
	return entry->cut_off ? MC_MODE_ATTEMPT : entry->free ? MC_MODE_FREE :
	    entry->timed ? MC_MODE_TIMED : 0;
}

int
mc_entry_attempt(struct mc_entry *entry, bool begins, struct mc_err *err)
{
	mode_t mode = entry->failed ? 0700 : entry->held ? 0400 : 0600;

	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	entry->timed = false;
	if (fchmod(entry->fd, mode | (begins ? MC_MODE_ATTEMPT :
	    entry->free ? MC_MODE_FREE : 0)) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot note an attempt at message %s", entry->id);
	entry->cut_off = begins;
	return 0;
}

int
mc_entry_wait(struct mc_entry *entry, struct mc_err *err)
{
	int64_t until = entry->env.hold_until;

	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (entry->timed && entry->next_attempt >= until)
		return 0;
	if (fchmod(entry->fd, (entry->held ? 0400u : 0600u) |
	    MC_MODE_TIMED) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot put off message %s", entry->id);
	entry->timed = true;
	return mc_entry_reschedule(entry, until, err);
}

int
mc_entry_free(struct mc_entry *entry, struct mc_err *err)
{
	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (fchmod(entry->fd, (entry->held ? 0400u : 0600u) |
	    MC_MODE_FREE) != 0 || mc_file_sync(entry->fd) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot free message %s of its time", entry->id);
	entry->free = true;
	entry->timed = false;
	return 0;
}

int
mc_entry_hold(struct mc_entry *entry, bool held, struct mc_err *err)
{
	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (entry->failed && held)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "message %s has failed and is not sent again by itself; "
		    "there is nothing to hold", entry->id);
	if (entry->failed)
		return 0;
	if (fchmod(entry->fd, (held ? 0400u : 0600u) | marks(entry)) != 0 ||
	    mc_file_sync(entry->fd) != 0)
		return mc_store_fail(entry->store, errno, err, held ?
		    "cannot hold message %s" : "cannot release message %s",
		    entry->id);
	entry->held = held;
	return held ? 0 : mc_entry_probe(entry, err);
}

int
mc_entry_keep(struct mc_entry *entry, int64_t until, struct mc_err *err)
{
	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (entry->held || !mc_entry_done(entry) || mc_entry_delivered(entry))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "message %s of the queue is held, or has not failed",
		    entry->id);
	/*
	 * The time first: with the mode and an old time it would be removed.
	 * Both stand in the inode, which comes to the disk as a whole.
	 */
	if (mc_store_set_time(entry->fd, until) != 0 ||
	    fchmod(entry->fd, 0700) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot keep message %s", entry->id);
	entry->next_attempt = until;
	entry->failed = true;
	return 0;
}

/* the mode first: what is on the disk of this, in any order, is due or kept */
static int
revive(struct mc_entry *entry, const size_t *which, size_t n,
    struct mc_err *err)
{
	struct mc_err io = { .code = MC_OK };
	mode_t mode = 0600;

	if (entry->env.hold_until != 0)
		mode |= MC_MODE_FREE;
	if (fchmod(entry->fd, mode) != 0)
		return mc_store_fail(entry->store, errno, err,
		    "cannot chmod message %s", entry->id);
	if (entry->cells_fd < 0 && mc_entry_probe(entry, err) != 0)
		return -1;
	if (write_runs(entry, which, n, MC_CELL_PENDING, &io) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, io.sys,
		    "queue %s: cannot record that message %s is to be sent",
		    entry->store->dir, entry->id);
	/* the mode too */
	if (mc_file_sync(entry->cells_fd) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "queue %s: cannot record for good that message %s is to "
		    "be sent", entry->store->dir, entry->id);
	return 0;
}

int
mc_entry_revive(struct mc_entry *entry, int64_t next_attempt,
    struct mc_err *err)
{
	size_t n = 0;

	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	if (mc_entry_delivered(entry))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "message %s of the queue is delivered to all", entry->id);

	size_t *which = mc_mem_zalloc(entry->head.n, sizeof(*which));

	if (which == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (size_t i = 0; i < entry->head.n; i++)
		if (entry->cells[i] == MC_CELL_FAILED ||
		    entry->cells[i] == MC_CELL_REPORTED)
			which[n++] = i;

	int rc = revive(entry, which, n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		entry->cells[which[i]] = MC_CELL_PENDING;
		mc_envelope_at(&entry->env, which[i])->verdict = MC_PENDING;
	}
	if (rc == 0) {
		entry->failed = entry->held = entry->timed = false;
		entry->free = entry->env.hold_until != 0;
		entry->next_attempt = next_attempt;
	} else {
		(void)fchmod(entry->fd, entry->failed ? 0700 :
		    entry->held ? 0400 : 0600);
	}
	(void)mc_store_set_time(entry->fd, entry->next_attempt);
	mc_mem_free(which);
	return rc;
}

int
mc_entry_remove(struct mc_entry *entry, struct mc_err *err)
{
	struct mc_store *store = entry->store;
	char notes[MC_STORE_NAME];

	if (mc_entry_may_write(entry, err) != 0)
		return -1;
	mc_store_name('l', entry->id, notes);
	if (unlinkat(store->q, notes, 0) != 0 && errno != ENOENT)
		mc_log_line(store->set.log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "queue %s: cannot remove %s", store->dir, notes);
	if (unlinkat(store->q, entry->name, 0) != 0 && errno != ENOENT)
		return mc_store_fail(store, errno, err,
		    "cannot remove message %s", entry->id);
	entry->removed = true;
	/*
	 * A message that comes back after a power loss says itself that it is
	 * delivered, and goes again.  One that a person removed would be sent,
	 * or shown.
	 */
	if (!mc_entry_delivered(entry) && mc_file_sync(store->q) != 0)
		return mc_store_fail(store, errno, err, "message %s is "
		    "removed, but might come back after a crash", entry->id);
	return 0;
}
