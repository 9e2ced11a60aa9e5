/* SPDX-License-Identifier: MIT */
/*
 * queue_steer.c - hold, release, retry and remove, as a person says
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/err.h"
#include "queue/pause.h"

#include <time.h>

typedef int (*take_fn)(struct mc_store *store, const char *id,
    struct mc_entry **ret_entry, struct mc_err *err);

/* with the probe: cells may be marked */
static int
claim(struct mc_store *store, const char *id, struct mc_entry **ret_entry,
    struct mc_err *err)
{
	return mc_store_claim(store, id, false, ret_entry, err);
}

static int
busy(const char *id, struct mc_err *err)
{
	return mc_err_set(err, MC_E_QUEUE_BUSY, MC_STAGE_LOCAL,
	    "message %s is being delivered just now; try again later", id);
}

static int
take(struct mc_queue *queue, const char *id, take_fn how,
    struct mc_entry **ret_entry, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	struct mc_store_stat st;
	int rc = queue->store == NULL ? 0 : how(queue->store, id, ret_entry,
	    &found);

	if (rc == 1)
		return 0;
	if (rc == 0 && queue->store != NULL &&
	    mc_store_stat_id(queue->store, id, &st) == 1)
		return busy(id, err);
	if (rc == 0 || found.code == MC_E_USAGE)
		return mc_queue_not_there(queue, id, err);
	if (err != NULL && !mc_err_is_set(err))
		*err = found;
	return -1;
}

int
mc_queue_hold(struct mc_queue *queue, const char *id, struct mc_err *err)
{
	struct mc_entry *entry = NULL;

	if (take(queue, id, mc_store_seize, &entry, err) != 0)
		return -1;

	int rc = mc_entry_hold(entry, true, err);

	mc_entry_close(entry);
	return rc;
}

int
mc_queue_release(struct mc_queue *queue, const char *id, struct mc_err *err)
{
	struct mc_entry *entry = NULL;

	if (take(queue, id, claim, &entry, err) != 0)
		return -1;

	int rc = mc_entry_hold(entry, false, err);

	mc_entry_close(entry);
	return rc;
}

static int
retry(struct mc_entry *entry, struct mc_entry_info *info, struct mc_err *err)
{
	int64_t now = (int64_t)time(NULL);

	if (info->failed)
		return mc_entry_revive(entry, now, err);
	if (info->held && mc_entry_hold(entry, false, err) != 0)
		return -1;
	if (info->hold_until > now && mc_entry_free(entry, err) != 0)
		return -1;
	return mc_entry_reschedule(entry, now, err);
}

int
mc_queue_retry(struct mc_queue *queue, const char *id, struct mc_err *err)
{
	struct mc_entry_info info;
	struct mc_entry *entry = NULL;

	if (take(queue, id, claim, &entry, err) != 0)
		return -1;
	mc_entry_info(entry, &info);

	int rc = retry(entry, &info, err);

	if (rc == 0)
		mc_pause_clear(queue->store, info.account);
	mc_entry_close(entry);
	return rc;
}

int
mc_queue_remove(struct mc_queue *queue, const char *id, struct mc_err *err)
{
	struct mc_err found = { .code = MC_OK };
	struct mc_entry *entry = NULL;
	int rc = take(queue, id, mc_store_seize, &entry, &found);

	if (rc == 0) {
		rc = mc_entry_remove(entry, &found);
		mc_entry_close(entry);
	} else if (found.code == MC_E_QUEUE_DAMAGED) {
		/* it is in bad/ by now, unless it could not be moved */
		struct mc_err why = { .code = MC_OK };

		rc = mc_store_drop_bad(queue->store, id, &why);
		if (rc == 1)
			return 0;
		if (rc < 0)
			found = why;
		rc = -1;
	}
	if (rc != 0 && err != NULL && !mc_err_is_set(err))
		*err = found;
	return rc;
}
