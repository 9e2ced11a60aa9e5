/* SPDX-License-Identifier: MIT */
/*
 * runner_report.c - delivery reports that a run makes, and what stands for them
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/err.h"
#include "queue/counters.h"
#include "queue/report.h"

static int
put_report(struct mc_runner *r, const struct mc_entry_info *of,
    const char *to, const char *id, struct mc_str header,
    const struct mc_spool *body, bool has_8bit, struct mc_err *err)
{
	struct mc_store_item item = { .account = of->account, .uid = of->uid,
	    .header = header, .body = body, .needs_8bit = has_8bit, .n = 1,
	    .is_report = true };
	struct mc_err why = { .code = MC_OK };
	static const size_t first[] = { 0 };
	char put_id[MC_ID_LEN + 1];
	struct mc_envelope env;
	size_t i;
	int rc = -1;

	mc_envelope_init(&env);
	item.arrival = item.next_attempt = mc_runner_now();
	item.env = &env;
	item.order = first;
	/* RFC 8689 section 5: what quotes it goes no other way */
	env.require_tls = of->require_tls;
	if (mc_envelope_set_sender(&env, MC_STR_NONE, err) != 0 ||
	    mc_envelope_add(&env, mc_str_from(to), false, &i, err) != 0)
		goto out;
	mc_envelope_at(&env, 0)->notify = MC_NOTIFY_NEVER;
	rc = mc_store_put(r->set->store, &item, id, put_id, &why);
	if (rc == 0) {
		mc_log_line(r->set->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "message %s: report %s to %s", of->id, id, to);
		mc_runner_look(r, id);
		(void)mc_counters_add(r->set->store, of->account,
		    &(struct mc_counts){ .queued = 1 });
	} else if (why.code == MC_E_QUEUE_EXISTS) {
		/* made before a crash */
		rc = 0;
	} else if (err != NULL && !mc_err_is_set(err)) {
		*err = why;
	}
out:
	mc_envelope_clear(&env);
	return rc;
}

static int
make_report(struct mc_runner *r, const struct mc_lane *lane,
    struct mc_entry *entry, enum mc_report_kind kind, const struct mc_some *s,
    struct mc_err *err)
{
	const struct mc_envelope *env = mc_entry_envelope(entry);
	struct mc_report_settings set = { .kind = kind, .env = env,
	    .which = s->which, .n = s->n };
	char id[MC_ID_LEN + 1];
	struct mc_entry_info info;
	struct mc_buf header;
	struct mc_spool body;
	bool has_8bit = false;
	int rc = -1;

	mc_entry_info(entry, &info);
	mc_buf_init(&header, MC_REPORT_HEADER);
	mc_spool_init(&body, 256 * 1024, r->set->caller->tmpdir);
	set.id = info.id;
	set.arrival = info.arrival;
	set.last_attempt = mc_entry_last_note(entry);
	set.now = mc_runner_now();
	set.retry_until = info.since + (int64_t)lane->schedule.lifetime;
	mc_report_of_account(lane->account, &set);
	if (mc_report_id(info.id, kind, s->which, s->n, id, err) == 0 &&
	    mc_entry_content(entry, &set.header, &set.body, err) == 0 &&
	    mc_report_make(&set, &header, &body, &has_8bit, err) == 0)
		rc = put_report(r, &info, env->sender, id,
		    mc_buf_str(&header), &body, has_8bit, err);
	mc_buf_clear(&header);
	mc_spool_clear(&body);
	return rc;
}

static bool
is_about_nobody(struct mc_entry *entry)
{
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	return info.is_report || mc_entry_envelope(entry)->sender[0] == '\0';
}

static void
pick_cells(struct mc_entry *entry, enum mc_cell cell, enum mc_cell other,
    struct mc_some *s)
{
	s->n = 0;
	for (size_t i = 0; i < mc_record_rcpts(entry); i++)
		if (mc_entry_cell(entry, i) == cell ||
		    mc_entry_cell(entry, i) == other)
			s->which[s->n++] = i;
}

/* of those, the ones who asked for such a report, or said nothing of reports
 * (by_default) */
static struct mc_some
wanted(struct mc_entry *entry, enum mc_report_kind kind, bool by_default,
    const struct mc_some *of, size_t *room)
{
	struct mc_some s = { room, 0 };

	if (is_about_nobody(entry))
		return s;
	for (size_t k = 0; k < of->n; k++) {
		const struct mc_rcpt *rcpt = mc_record_rcpt(entry, of->which[k]);

		if (mc_report_wanted(rcpt, kind) ||
		    (by_default && rcpt->notify == 0))
			room[s.n++] = of->which[k];
	}
	return s;
}

void
mc_report_failed(struct mc_runner *r, const struct mc_lane *lane,
    struct mc_entry *entry, struct mc_some *s, size_t *room)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_some report;

	pick_cells(entry, MC_CELL_FAILED, MC_CELL_FAILED, s);
	if (s->n == 0)
		return;
	report = wanted(entry, MC_REPORT_FAILED, false, s, room);
	if (report.n != 0 && make_report(r, lane, entry, MC_REPORT_FAILED,
	    &report, &err) != 0) {
		mc_err_ctx(&err, "the report about a message that failed "
		    "cannot be made now");
		mc_record_error(r, &err);
		return;
	}
	(void)mc_record_mark(r, entry, s, MC_CELL_REPORTED);
}

void
mc_report_relayed(struct mc_runner *r, struct mc_task *t, struct mc_some *s,
    size_t *room)
{
	struct mc_entry *entry = t->entry;
	struct mc_err err = { .code = MC_OK };
	struct mc_some report;

	s->n = 0;
	for (size_t i = 0; i < mc_record_rcpts(entry); i++) {
		const struct mc_rcpt *rcpt = mc_record_rcpt(entry, i);

		/* replies are of this attempt alone */
		if (mc_entry_cell(entry, i) == MC_CELL_DELIVERED &&
		    rcpt->reply != NULL && !rcpt->dsn)
			s->which[s->n++] = i;
	}
	report = wanted(entry, MC_REPORT_RELAYED, false, s, room);
	if (report.n != 0 && make_report(r, t->lane, entry,
	    MC_REPORT_RELAYED, &report, &err) != 0)
		mc_record_error(r, &err);
}

#define DELAY_WORDS "the sender was told of the delay"

static int
find_delay(void *ctx, size_t i, int64_t when, const char *text)
{
	(void)ctx;
	(void)when;
	return i == SIZE_MAX && strcmp(text, DELAY_WORDS) == 0;
}

void
mc_report_delayed(struct mc_runner *r, struct mc_task *t, struct mc_some *s,
    size_t *room)
{
	struct mc_entry *entry = t->entry;
	const struct mc_account *a = t->lane->account;
	const struct mc_envelope *env = mc_entry_envelope(entry);
	/* RFC 2852 4.1.4: mode N is a wish to be told */
	bool late = env->by == MC_BY_NOTIFY && env->by_time <= t->begun;
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	struct mc_some report;

	mc_entry_info(entry, &info);
	if (a == NULL || (!late && (a->delay_report == 0 ||
	    t->begun - info.since < (int64_t)a->delay_report)))
		return;
	pick_cells(entry, MC_CELL_PENDING, MC_CELL_UNSURE, s);
	report = wanted(entry, MC_REPORT_DELAYED, late, s, room);
	if (report.n == 0 ||
	    mc_entry_notes(entry, find_delay, NULL, &err) != 0)
		return;
	if (make_report(r, t->lane, entry, MC_REPORT_DELAYED, &report,
	    &err) != 0 || mc_entry_note(entry, SIZE_MAX, t->begun,
	    DELAY_WORDS, false, &err) != 0)
		mc_record_error(r, &err);
}
