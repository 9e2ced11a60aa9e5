/* SPDX-License-Identifier: MIT */
/*
 * runner_record.c - from what a worker told to what stands in the spool
 *
 * The order is the contract: the cell first, then everything else.
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "mail/maildir.h"

#include <inttypes.h>
#include <poll.h>

/* a state that cannot be written is tried again so long, milliseconds */
#define MARK_MS (600 * 1000)
#define MARK_WAIT_MOST 5000
/* so many messages in a row that break the connection are no chance */
#define MOST_BROKEN 3

static void
err_of(const struct mc_rcpt *rcpt, struct mc_err *ret_err)
{
	memset(ret_err, 0, sizeof(*ret_err));
	ret_err->code = rcpt->code;
	ret_err->stage = rcpt->stage;
	ret_err->smtp = rcpt->smtp;
	memcpy(ret_err->enh, rcpt->enh, sizeof(ret_err->enh));
	ret_err->unsure = rcpt->verdict == MC_UNSURE;
	(void)snprintf(ret_err->text, sizeof(ret_err->text), "%s",
	    rcpt->text == NULL ? "" : rcpt->text);
}

void
mc_record_error(struct mc_runner *r, const struct mc_err *err)
{
	mc_log_line(r->set->log, MC_LOG_ERROR, MC_STAGE_LOCAL, "%s",
	    err->text);
}

/* ------------------------------------------------------------------ marking */

/*
 * Until it stands there nothing else is done: whoever dies now sends a
 * message twice, and whoever goes on sends many twice.
 */
bool
mc_record_mark(struct mc_runner *r, struct mc_entry *entry,
    const struct mc_some *s, enum mc_cell cell)
{
	int64_t deadline = mc_clock_after(MARK_MS);
	struct pollfd p = { .fd = r->set->run->cancel_fd, .events = POLLIN };
	struct mc_err err = { .code = MC_OK };
	int wait = 100;

	if (s->n == 0 || mc_entry_mark(entry, s->which, s->n, cell, &err) == 0)
		return true;
	mc_record_error(r, &err);
	while (err.code == MC_E_IO && mc_clock_left(deadline) != 0 &&
	    poll(&p, 1, wait) <= 0) {
		mc_err_reset(&err);
		if (mc_entry_mark(entry, s->which, s->n, cell, &err) == 0)
			return true;
		wait = wait * 2 < MARK_WAIT_MOST ? wait * 2 : MARK_WAIT_MOST;
	}
	if (r->stop.code == MC_OK)
		(void)mc_err_set(&r->stop, MC_E_QUEUE_READONLY,
		    MC_STAGE_LOCAL, "%s; nothing more is sent", err.text);
	return false;
}

int
mc_record_note(struct mc_runner *r, struct mc_task *t, struct mc_entry *entry,
    size_t i, const struct mc_err *why, bool sync)
{
	int64_t when = t != NULL ? t->begun : mc_runner_now();
	struct mc_err err = { .code = MC_OK };
	struct mc_buf line;
	int rc;

	mc_buf_init(&line, 2 * MC_ERR_TEXT);
	mc_reason_format(why, &line);
	rc = mc_entry_note(entry, i, when, line.ptr, sync, &err);
	mc_buf_clear(&line);
	if (t != NULL)
		t->noted = true;
	if (rc != 0)
		mc_record_error(r, &err);
	return rc;
}

/* the reason is on stable storage before the state that needs it; false: they
 * have not failed */
static bool
fail(struct mc_runner *r, struct mc_lane *lane, struct mc_task *t,
    struct mc_entry *entry, const struct mc_some *s)
{
	for (size_t k = 0; k < s->n; k++) {
		struct mc_err why;

		err_of(mc_record_rcpt(entry, s->which[k]), &why);
		/* without it they stay pending, and are tried again */
		if (mc_record_note(r, t, entry, s->which[k], &why,
		    k + 1 == s->n) != 0)
			return false;
	}
	if (!mc_record_mark(r, entry, s, MC_CELL_FAILED))
		return false;
	mc_notify_add(lane, entry, s);
	return true;
}

/* --------------------------------------------------------- what a worker told */

static void
tell_event(struct mc_runner *r, struct mc_task *t, size_t i,
    enum mc_verdict verdict)
{
	struct mc_lane *lane = t->lane;
	struct mc_run_event event = { 0 };
	struct mc_entry_info info;
	const struct mc_rcpt *rcpt = mc_record_rcpt(t->entry, i);

	if (verdict == MC_DELIVERED) {
		r->progress.delivered++;
		lane->counts.delivered++;
	} else if (verdict == MC_FAILED) {
		r->progress.failed++;
		lane->counts.failed++;
	} else {
		r->progress.deferred++;
		lane->counts.deferred++;
	}
	r->changed = true;
	if (r->set->run->event == NULL)
		return;
	mc_entry_info(t->entry, &info);
	event.id = info.id;
	event.account = lane->name;
	event.host = lane->account == NULL || lane->account->host == NULL ?
	    "" : lane->account->host;
	event.sender = mc_entry_envelope(t->entry)->sender;
	event.address = rcpt->addr;
	event.verdict = verdict;
	err_of(rcpt, &event.err);
	event.err.unsure = verdict == MC_UNSURE;
	if (verdict == MC_DELIVERED)
		memset(&event.err, 0, sizeof(event.err));
	event.reply = rcpt->reply;
	event.size = info.size;
	event.next_attempt = verdict == MC_DEFERRED ? t->next_attempt :
	    verdict == MC_UNSURE ? t->next_unsure : 0;
	r->set->run->event(r->set->run->ctx, &event);
}

/* those told of that have this verdict */
static void
pick(struct mc_task *t, enum mc_verdict verdict, struct mc_some *s)
{
	s->n = 0;
	for (size_t k = 0; k < t->n_told; k++)
		if (mc_record_rcpt(t->entry, t->told[k])->verdict == verdict)
			s->which[s->n++] = t->told[k];
}

/* what the others that were with the same worker have met already is the same
 * trouble */
static bool
is_news(const struct mc_task *t, int64_t last)
{
	return t->since >= last;
}

static void
fail_lane(struct mc_runner *r, struct mc_task *t, enum mc_fault fault,
    const struct mc_err *why)
{
	if (!is_news(t, t->hand->failed_at))
		return;
	t->hand->failed_at = mc_clock_ms();
	mc_lane_fail(r, t->lane, fault, why);
}

static void
defer(struct mc_runner *r, struct mc_task *t, size_t i)
{
	struct mc_err why;
	enum mc_fault fault;

	err_of(mc_record_rcpt(t->entry, i), &why);
	if (why.code == MC_E_CANCELLED)
		return;
	fault = mc_fault_of(&why, false);
	if (fault != MC_FAULT_MESSAGE && !t->lane_failed) {
		t->lane_failed = true;
		fail_lane(r, t, fault, &why);
	}
	/* nobody's attempt: the account is at fault */
	if (fault == MC_FAULT_ACCOUNT || fault == MC_FAULT_NETWORK)
		return;
	(void)mc_record_note(r, t, t->entry, i, &why, false);
}

/* is this going to be the first delivery of a message that wants a copy? */
static bool
wants_copy(struct mc_task *t, const struct mc_some *s)
{
	struct mc_entry_info info;

	mc_entry_info(t->entry, &info);
	return s->n != 0 && t->lane->account->copy_to != NULL &&
	    !info.is_report && !mc_entry_envelope(t->entry)->copied &&
	    !mc_record_has(t->entry, MC_CELL_DELIVERED);
}

static void
keep_copy(struct mc_runner *r, struct mc_task *t)
{
	struct mc_err err = { .code = MC_OK };
	const struct mc_spool *body;
	struct mc_entry_info info;
	struct mc_str header;

	mc_entry_info(t->entry, &info);
	if (mc_entry_content(t->entry, &header, &body, &err) != 0 ||
	    mc_maildir_put(t->lane->account->copy_to,
	    r->set->caller->hostname, header, body, &err) != 0)
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "copy-to: %s (message %s itself was sent)", err.text,
		    info.id);
}

void
mc_record_settled(struct mc_runner *r, struct mc_task *t)
{
	static const enum mc_verdict order[] = { MC_DELIVERED, MC_UNSURE,
	    MC_FAILED, MC_DEFERRED };
	struct mc_entry *entry = t->entry;
	struct mc_some s = { t->room[0], 0 };

	for (size_t v = 0; v < MC_NELEM(order); v++) {
		enum mc_verdict verdict = order[v];

		pick(t, order[v], &s);
		if (order[v] == MC_DELIVERED) {
			bool copy = wants_copy(t, &s);

			if (!mc_record_mark(r, entry, &s, MC_CELL_DELIVERED))
				break;
			if (s.n != 0)
				t->lane->broken = 0;
			if (copy)
				keep_copy(r, t);
		} else if (order[v] == MC_FAILED && !fail(r, t->lane, t, entry,
		    &s)) {
			verdict = MC_DEFERRED;
		}
		for (size_t k = 0; k < s.n; k++) {
			struct mc_err why;

			if (order[v] == MC_UNSURE) {
				err_of(mc_record_rcpt(entry, s.which[k]), &why);
				(void)mc_record_note(r, t, entry, s.which[k], &why,
				    false);
			} else if (order[v] == MC_DEFERRED) {
				defer(r, t, s.which[k]);
			}
			tell_event(r, t, s.which[k], verdict);
		}
		if (order[v] == MC_UNSURE &&
		    !mc_record_mark(r, entry, &s, MC_CELL_UNSURE))
			break;
	}
}

/* ----------------------------------------------------------------- giving up */

struct unsure_count {
	size_t i;
	uint64_t n;
};

static int
count_unsure(void *ctx, size_t i, int64_t when, const char *text)
{
	struct unsure_count *c = ctx;

	(void)when;
	c->n += i == c->i && mc_reason_is_unsure(mc_str_from(text));
	return 0;
}

static bool
too_unsure(struct mc_lane *lane, struct mc_entry *entry, size_t i)
{
	struct mc_err err = { .code = MC_OK };
	struct unsure_count c = { i, 0 };

	if (mc_entry_cell(entry, i) != MC_CELL_UNSURE)
		return false;
	return mc_entry_notes(entry, count_unsure, &c, &err) == 0 &&
	    c.n > lane->schedule.unsure_retries;
}

static void
give_up(struct mc_rcpt *rcpt, const char *why)
{
	struct mc_err e = { .code = MC_OK };
	struct mc_reason last;

	mc_reason_parse(mc_str_from(rcpt->text), &last);
	(void)mc_err_set(&e, MC_E_EXPIRED, MC_STAGE_LOCAL, "%s%s%.*s", why,
	    last.text.len == 0 ? "" : "; last: ", MC_STR_FMT(last.text));
	rcpt->code = e.code;
	rcpt->stage = e.stage;
	rcpt->smtp = 0;
	memcpy(rcpt->enh, e.enh, sizeof(rcpt->enh));
	mc_mem_free(rcpt->text);
	rcpt->text = mc_mem_strdup(e.text);
}

#define UNSURE_END "given up: sent several times, and never a verdict"

void
mc_record_give_up_unsure(struct mc_runner *r, struct mc_lane *lane,
    struct mc_entry *entry, struct mc_some *s)
{
	s->n = 0;
	for (size_t i = 0; i < mc_record_rcpts(entry); i++)
		if (too_unsure(lane, entry, i)) {
			give_up(mc_record_rcpt(entry, i), UNSURE_END);
			s->which[s->n++] = i;
		}
	if (fail(r, lane, NULL, entry, s))
		lane->counts.failed += s->n;
}

static void
expire(struct mc_runner *r, struct mc_task *t, const struct mc_err *why,
    struct mc_some *s)
{
	struct mc_lane *lane = t->lane;
	struct mc_entry *entry = t->entry;
	const struct mc_envelope *env = mc_entry_envelope(entry);
	const char *end = UNSURE_END;
	struct mc_entry_info info;
	bool old;

	mc_entry_info(entry, &info);
	old = mc_schedule_expired(&lane->schedule, info.since,
	    info.attempts + lane->pause.failures, t->begun);
	if (old)
		end = "given up after too long";
	/* RFC 2852 4.1.4: mode R ends on time, whatever the lifetime */
	if (env->by == MC_BY_RETURN && env->by_time <= t->begun &&
	    t->begun >= MC_SCHEDULE_RELEASED) {
		old = true;
		end = "given up: the time that was set for its delivery is "
		    "over";
	}
	s->n = 0;
	for (size_t i = 0; i < mc_record_rcpts(entry); i++) {
		enum mc_cell cell = mc_entry_cell(entry, i);
		struct mc_rcpt *rcpt = mc_record_rcpt(entry, i);

		if (cell != MC_CELL_PENDING && cell != MC_CELL_UNSURE)
			continue;
		if (!old && !too_unsure(lane, entry, i))
			continue;
		if (rcpt->text == NULL && why->code != MC_OK)
			rcpt->text = mc_mem_strdup(why->text);
		give_up(rcpt, end);
		s->which[s->n++] = i;
	}
	if (!fail(r, lane, t, entry, s))
		return;
	for (size_t k = 0; k < s->n; k++)
		tell_event(r, t, s->which[k], MC_FAILED);
}

/* ---------------------------------------------------------------- the end */

bool
mc_record_conclude(struct mc_runner *r, struct mc_entry *entry)
{
	struct mc_err err = { .code = MC_OK };
	int64_t until = mc_entry_last_note(entry) +
	    (int64_t)r->set->failed_keep;
	int rc;

	if (!mc_entry_done(entry))
		return false;
	if (mc_entry_delivered(entry) || until <= mc_runner_now())
		rc = mc_entry_remove(entry, &err);
	else
		rc = mc_entry_keep(entry, until, &err);
	if (rc != 0)
		mc_record_error(r, &err);
	return true;
}

static void
reschedule(struct mc_runner *r, struct mc_task *t)
{
	struct mc_err err = { .code = MC_OK };
	int64_t next = mc_record_has(t->entry, MC_CELL_UNSURE) ?
	    t->next_unsure : t->next_attempt;

	/* what would be due at once for ever is no way to go on */
	if (mc_entry_reschedule(t->entry, next, &err) != 0) {
		mc_record_error(r, &err);
		if (r->stop.code == MC_OK)
			r->stop = err;
	}
	t->item->due = next;
	/* the attempt itself may have taken longer than the wait after it */
	if (next - mc_runner_now() > 1)
		t->again = mc_clock_after((next - mc_runner_now()) * 1000);
	if (next < r->next_due)
		r->next_due = next;
}

/* servers limit connections: one that others of ours have outdone is no reason
 * to stop those */
static bool
one_too_many(const struct mc_task *t, enum mc_fault fault, bool opening)
{
	struct mc_lane *lane = t->lane;
	size_t others = 0;

	for (const struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		others += h != t->hand && !h->finished && h->open;
	if (fault != MC_FAULT_BUSY || !opening || others == 0)
		return false;
	lane->most_hands = others;
	return true;
}

/* a failure that no recipient was told of */
static enum mc_fault
fault_of(struct mc_runner *r, struct mc_task *t,
    const struct mc_frame_done *done)
{
	struct mc_lane *lane = t->lane;
	const struct mc_err *why = &done->err;
	enum mc_fault fault;

	if (why->code == MC_OK || why->code == MC_E_CANCELLED)
		return MC_FAULT_MESSAGE;
	fault = mc_fault_of(why, done->opening != 0);
	if (fault == MC_FAULT_MESSAGE) {
		if (!t->noted)
			(void)mc_record_note(r, t, t->entry, SIZE_MAX, why,
			    false);
		if (is_news(t, t->hand->broke_at))
			lane->broken++;
		t->hand->broke_at = mc_clock_ms();
		if (lane->broken < MOST_BROKEN || t->lane_failed)
			return fault;
		lane->broken = 0;
		fail_lane(r, t, MC_FAULT_BUSY, why);
		return fault;
	}
	/* its connection is no good any more */
	t->hand->finished = true;
	if (one_too_many(t, fault, done->opening != 0))
		return fault;
	if (!t->lane_failed)
		fail_lane(r, t, fault, why);
	return fault;
}

/* the message waits for its account, in its old place; asked for by name it
 * is tried once */
static void
wait_for_account(struct mc_runner *r, struct mc_lane *lane,
    struct mc_item *item, bool untried)
{
	if ((item->forced && !untried) || r->cancelled) {
		mc_runner_put_off(r, item, MC_NEVER);
		return;
	}
	item->state = MC_ITEM_READY;
	mc_ready_put_back(&lane->ready, item);
}

static void
settle(struct mc_runner *r, struct mc_task *t,
    const struct mc_frame_done *done)
{
	struct mc_entry *entry = t->entry;
	enum mc_fault fault = fault_of(r, t, done);
	bool cancelled = done->err.code == MC_E_CANCELLED;
	struct mc_some s = { t->room[0], 0 };
	size_t *room = t->room[1];

	if (fault != MC_FAULT_NETWORK && !cancelled && done->untried == 0)
		expire(r, t, &done->err, &s);
	mc_report_failed(r, t->lane, entry, &s, room);
	mc_report_relayed(r, t, &s, room);
	if (mc_record_conclude(r, entry))
		return;
	mc_report_delayed(r, t, &s, room);
	t->waits = !cancelled && !t->noted && (done->untried != 0 ||
	    fault != MC_FAULT_MESSAGE || t->lane_failed);
	if (!cancelled && !t->waits)
		reschedule(r, t);
}

/* all that came of it is recorded */
static void
end_attempt(struct mc_runner *r, struct mc_entry *entry)
{
	struct mc_err err = { .code = MC_OK };

	if (!mc_entry_done(entry) && r->stop.code == MC_OK &&
	    mc_entry_attempt(entry, false, &err) != 0)
		mc_record_error(r, &err);
}

void
mc_record_done(struct mc_runner *r, struct mc_task *t,
    const struct mc_frame_done *done)
{
	struct mc_item *item = t->item;

	t->again = mc_clock_after(1000);
	if (done->adopted != 0)
		settle(r, t, done);
	else
		mc_record_error(r, &done->err);
	end_attempt(r, t->entry);
	mc_entry_close(t->entry);
	t->entry = NULL;
	t->item = NULL;
	if (t->waits)
		wait_for_account(r, t->lane, item, done->untried != 0);
	else
		mc_runner_put_off(r, item, t->again);
	if (t->lane->account == NULL || t->hand->carried >=
	    t->lane->account->messages_per_connection)
		t->hand->finished = true;
}
