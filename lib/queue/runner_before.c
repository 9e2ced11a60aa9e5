/* SPDX-License-Identifier: MIT */
/*
 * runner_before.c - what can be done for a message without sending it
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

static struct mc_some
room_for(struct mc_entry *entry)
{
	return (struct mc_some){
		mc_mem_zalloc(mc_record_rcpts(entry) + 1, sizeof(size_t)), 0
	};
}

/* it says that it failed, and somebody is left: putting it back was cut short */
static bool
revive(struct mc_runner *r, struct mc_entry *entry)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (!info.failed || mc_entry_done(entry))
		return true;
	if (mc_entry_revive(entry, mc_runner_now(), &err) == 0)
		return true;
	mc_record_error(r, &err);
	return false;
}

/* its file may have lost what keeps a scan from it */
static void
wait_for_time(struct mc_runner *r, struct mc_entry *entry)
{
	struct mc_err err = { .code = MC_OK };

	if (mc_entry_wait(entry, &err) != 0)
		mc_record_error(r, &err);
}

/* another run may have been here since it was seen to be due */
static bool
still_due(struct mc_runner *r, const struct mc_lane *lane,
    const struct mc_item *item, struct mc_entry *entry)
{
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (info.held)
		return false;
	if (info.hold_until > mc_runner_now()) {
		wait_for_time(r, entry);
		return false;
	}
	return item->forced || mc_schedule_due(&lane->schedule,
	    info.next_attempt, mc_runner_now());
}

/*
 * Whoever tried last was killed before all was recorded; what is pending may
 * have arrived.  It goes again, and a person who wonders about two copies
 * finds out why.
 */
static void
tell_cut_off(struct mc_runner *r, struct mc_entry *entry)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (!info.cut_off)
		return;
	mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "message %s: the last attempt was cut off before its end was "
	    "recorded; sending it again may make a second copy", info.id);
	(void)mc_err_set(&why, MC_E_CANCELLED, MC_STAGE_LOCAL,
	    "an attempt was cut off before its end was recorded; a copy may "
	    "have arrived");
	(void)mc_record_note(r, NULL, entry, SIZE_MAX, &why, false);
}

int
mc_record_before(struct mc_runner *r, struct mc_lane *lane,
    struct mc_item *item, struct mc_entry *entry)
{
	struct mc_some s = room_for(entry);
	size_t *room = mc_mem_zalloc(mc_record_rcpts(entry) + 1, sizeof(size_t));
	bool send = false;

	if (s.which == NULL || room == NULL) {
		(void)mc_err_set(&r->stop, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	} else if (still_due(r, lane, item, entry) && revive(r, entry)) {
		mc_record_give_up_unsure(r, lane, entry, &s);
		mc_report_failed(r, lane, entry, &s, room);
		send = !mc_record_conclude(r, entry) &&
		    (mc_record_has(entry, MC_CELL_PENDING) ||
		    mc_record_has(entry, MC_CELL_UNSURE)) &&
		    r->stop.code == MC_OK;
		if (send)
			tell_cut_off(r, entry);
	}
	mc_mem_free(room);
	mc_mem_free(s.which);
	if (send)
		return 1;
	mc_entry_close(entry);
	mc_runner_put_off(r, item, mc_clock_after(1000));
	return 0;
}

void
mc_record_kept(struct mc_runner *r, struct mc_item *item)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	int rc = mc_store_claim(r->set->store, item->id, false, &entry, &err);

	if (rc < 0)
		mc_record_error(r, &err);
	if (rc == 1) {
		(void)(revive(r, entry) && mc_record_conclude(r, entry));
		mc_entry_close(entry);
	}
	mc_runner_put_off(r, item, mc_clock_after(60 * 1000));
}
