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

#include <inttypes.h>
#include <poll.h>

/* a state that cannot be written is tried again so long, milliseconds */
#define MARK_MS (600 * 1000)
#define MARK_WAIT_MOST 5000
/* so many messages in a row that break the connection are no chance */
#define MOST_BROKEN 3

static struct mc_rcpt *
rcpt_of(struct mc_entry *entry, size_t i)
{
	return mc_envelope_at(mc_entry_envelope(entry), i);
}

static size_t
n_rcpts(struct mc_entry *entry)
{
	return mc_entry_envelope(entry)->rcpts.n;
}

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

/* recipients of the entry; what was not allocated is empty */
struct some {
	size_t *which;
	size_t n;
};

static struct some
room_for(struct mc_entry *entry)
{
	return (struct some){
		mc_mem_zalloc(n_rcpts(entry) + 1, sizeof(size_t)), 0
	};
}

static void
log_error(struct mc_runner *r, const struct mc_err *err)
{
	mc_log_line(r->set->log, MC_LOG_ERROR, MC_STAGE_LOCAL, "%s",
	    err->text);
}

/* ------------------------------------------------------------------ marking */

/*
 * Until it stands there nothing else is done: whoever dies now sends a
 * message twice, and whoever goes on sends many twice.
 */
static bool
mark(struct mc_runner *r, struct mc_entry *entry, const struct some *s,
    enum mc_cell cell)
{
	int64_t deadline = mc_clock_after(MARK_MS);
	struct pollfd p = { .fd = r->set->run->cancel_fd, .events = POLLIN };
	struct mc_err err = { .code = MC_OK };
	int wait = 100;

	if (s->n == 0 || mc_entry_mark(entry, s->which, s->n, cell, &err) == 0)
		return true;
	log_error(r, &err);
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

static int
note(struct mc_runner *r, struct mc_hand *hand, struct mc_entry *entry,
    size_t i, const struct mc_err *why, bool sync)
{
	int64_t when = hand != NULL ? hand->begun : mc_runner_now();
	struct mc_err err = { .code = MC_OK };
	struct mc_buf line;
	int rc;

	mc_buf_init(&line, 2 * MC_ERR_TEXT);
	mc_reason_format(why, &line);
	rc = mc_entry_note(entry, i, when, line.ptr, sync, &err);
	mc_buf_clear(&line);
	if (hand != NULL)
		hand->noted = true;
	if (rc != 0)
		log_error(r, &err);
	return rc;
}

/* the reason is on stable storage before the state that needs it; false: they
 * have not failed */
static bool
fail(struct mc_runner *r, struct mc_hand *hand, struct mc_entry *entry,
    const struct some *s)
{
	for (size_t k = 0; k < s->n; k++) {
		struct mc_err why;

		err_of(rcpt_of(entry, s->which[k]), &why);
		/* without it they stay pending, and are tried again */
		if (note(r, hand, entry, s->which[k], &why,
		    k + 1 == s->n) != 0)
			return false;
	}
	return mark(r, entry, s, MC_CELL_FAILED);
}

/* --------------------------------------------------------- what a worker told */

static void
tell_event(struct mc_runner *r, struct mc_hand *hand, size_t i,
    enum mc_verdict verdict)
{
	struct mc_lane *lane = hand->lane;
	struct mc_run_event event = { 0 };
	struct mc_entry_info info;
	const struct mc_rcpt *rcpt = rcpt_of(hand->entry, i);

	if (verdict == MC_DELIVERED)
		r->progress.delivered++;
	else if (verdict == MC_FAILED)
		r->progress.failed++;
	else
		r->progress.deferred++;
	r->changed = true;
	if (r->set->run->event == NULL)
		return;
	mc_entry_info(hand->entry, &info);
	event.id = info.id;
	event.account = lane->name;
	event.host = lane->account == NULL || lane->account->host == NULL ?
	    "" : lane->account->host;
	event.sender = mc_entry_envelope(hand->entry)->sender;
	event.address = rcpt->addr;
	event.verdict = verdict;
	err_of(rcpt, &event.err);
	event.err.unsure = verdict == MC_UNSURE;
	if (verdict == MC_DELIVERED)
		memset(&event.err, 0, sizeof(event.err));
	event.reply = rcpt->reply;
	event.size = info.size;
	event.next_attempt = verdict == MC_DEFERRED ? hand->next_attempt :
	    verdict == MC_UNSURE ? hand->next_unsure : 0;
	r->set->run->event(r->set->run->ctx, &event);
}

/* those told of that have this verdict */
static void
pick(struct mc_hand *hand, enum mc_verdict verdict, struct some *s)
{
	s->n = 0;
	for (size_t k = 0; k < hand->n_told; k++)
		if (rcpt_of(hand->entry, hand->told[k])->verdict == verdict)
			s->which[s->n++] = hand->told[k];
}

static void
defer(struct mc_runner *r, struct mc_hand *hand, size_t i)
{
	struct mc_err why;
	enum mc_fault fault;

	err_of(rcpt_of(hand->entry, i), &why);
	if (why.code == MC_E_CANCELLED)
		return;
	fault = mc_fault_of(&why, false);
	if (fault != MC_FAULT_MESSAGE && !hand->lane_failed) {
		hand->lane_failed = true;
		mc_lane_fail(r, hand->lane, fault, &why);
	}
	/* nobody's attempt: the account is at fault */
	if (fault == MC_FAULT_ACCOUNT || fault == MC_FAULT_NETWORK)
		return;
	(void)note(r, hand, hand->entry, i, &why, false);
}

void
mc_record_settled(struct mc_runner *r, struct mc_hand *hand)
{
	static const enum mc_verdict order[] = { MC_DELIVERED, MC_UNSURE,
	    MC_FAILED, MC_DEFERRED };
	struct mc_entry *entry = hand->entry;
	struct some s = { hand->room[0], 0 };

	for (size_t v = 0; v < MC_NELEM(order); v++) {
		enum mc_verdict verdict = order[v];

		pick(hand, order[v], &s);
		if (order[v] == MC_DELIVERED) {
			if (!mark(r, entry, &s, MC_CELL_DELIVERED))
				break;
			if (s.n != 0)
				hand->lane->broken = 0;
		} else if (order[v] == MC_FAILED && !fail(r, hand, entry, &s)) {
			verdict = MC_DEFERRED;
		}
		for (size_t k = 0; k < s.n; k++) {
			struct mc_err why;

			if (order[v] == MC_UNSURE) {
				err_of(rcpt_of(entry, s.which[k]), &why);
				(void)note(r, hand, entry, s.which[k], &why,
				    false);
			} else if (order[v] == MC_DEFERRED) {
				defer(r, hand, s.which[k]);
			}
			tell_event(r, hand, s.which[k], verdict);
		}
		if (order[v] == MC_UNSURE &&
		    !mark(r, entry, &s, MC_CELL_UNSURE))
			break;
	}
}

/* ------------------------------------------------------------------ reports */

static struct mc_str
domain_of(struct mc_str addr)
{
	for (size_t i = addr.len; i > 0; i--)
		if (addr.ptr[i - 1] == '@')
			return mc_str_sub(addr, i, addr.len);
	return MC_STR_NONE;
}

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
	if (mc_envelope_set_sender(&env, MC_STR_NONE, err) != 0 ||
	    mc_envelope_add(&env, mc_str_from(to), false, &i, err) != 0)
		goto out;
	mc_envelope_at(&env, 0)->notify = MC_NOTIFY_NEVER;
	rc = mc_store_put(r->set->store, &item, id, put_id, &why);
	if (rc == 0) {
		mc_log_line(r->set->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "message %s: report %s to %s", of->id, id, to);
		mc_runner_look(r, id);
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
    struct mc_entry *entry, enum mc_report_kind kind, const struct some *s,
    struct mc_err *err)
{
	const struct mc_account *a = lane->account;
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
	set.retry_until = info.arrival + (int64_t)lane->schedule.lifetime;
	if (a != NULL)
		set.from = mc_account_from(a);
	set.reporter = domain_of(set.from.len != 0 ? set.from :
	    mc_str_from(env->sender));
	if (a != NULL && a->domain != NULL)
		set.reporter = mc_str_from(a->domain);
	if (set.reporter.len == 0)
		set.reporter = MC_STR("localhost");
	if (a != NULL && a->host != NULL && !a->is_socket)
		set.host = mc_str_from(a->host);
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
    struct some *s)
{
	s->n = 0;
	for (size_t i = 0; i < n_rcpts(entry); i++)
		if (mc_entry_cell(entry, i) == cell ||
		    mc_entry_cell(entry, i) == other)
			s->which[s->n++] = i;
}

/* of those, the ones who asked for such a report */
static struct some
wanted(struct mc_entry *entry, enum mc_report_kind kind, const struct some *of,
    size_t *room)
{
	struct some s = { room, 0 };

	if (is_about_nobody(entry))
		return s;
	for (size_t k = 0; k < of->n; k++)
		if (mc_report_wanted(rcpt_of(entry, of->which[k]), kind))
			room[s.n++] = of->which[k];
	return s;
}

/*
 * Every F becomes B, once its report is committed.  Who wants none gets B
 * too.  What cannot be done now is done by the next run: F stays.
 */
static void
report_failed(struct mc_runner *r, const struct mc_lane *lane,
    struct mc_entry *entry, struct some *s, size_t *room)
{
	struct mc_err err = { .code = MC_OK };
	struct some report;

	pick_cells(entry, MC_CELL_FAILED, MC_CELL_FAILED, s);
	if (s->n == 0)
		return;
	report = wanted(entry, MC_REPORT_FAILED, s, room);
	if (report.n != 0 && make_report(r, lane, entry, MC_REPORT_FAILED,
	    &report, &err) != 0) {
		mc_err_ctx(&err, "the report about a message that failed "
		    "cannot be made now");
		log_error(r, &err);
		return;
	}
	(void)mark(r, entry, s, MC_CELL_REPORTED);
}

/* NOTIFY=SUCCESS, and the server will not tell */
static void
report_relayed(struct mc_runner *r, struct mc_hand *hand, struct some *s,
    size_t *room)
{
	struct mc_entry *entry = hand->entry;
	struct mc_err err = { .code = MC_OK };
	struct some report;

	s->n = 0;
	for (size_t i = 0; i < n_rcpts(entry); i++) {
		const struct mc_rcpt *rcpt = rcpt_of(entry, i);

		/* replies are of this attempt alone */
		if (mc_entry_cell(entry, i) == MC_CELL_DELIVERED &&
		    rcpt->reply != NULL && !rcpt->dsn)
			s->which[s->n++] = i;
	}
	report = wanted(entry, MC_REPORT_RELAYED, s, room);
	if (report.n != 0 && make_report(r, hand->lane, entry,
	    MC_REPORT_RELAYED, &report, &err) != 0)
		log_error(r, &err);
}

#define DELAY_WORDS "the sender was told of the delay"

static int
find_delay(void *ctx, size_t i, int64_t when, const char *text)
{
	(void)ctx;
	(void)when;
	return i == SIZE_MAX && strcmp(text, DELAY_WORDS) == 0;
}

static void
report_delayed(struct mc_runner *r, struct mc_hand *hand, struct some *s,
    size_t *room)
{
	struct mc_entry *entry = hand->entry;
	const struct mc_account *a = hand->lane->account;
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	struct some report;

	mc_entry_info(entry, &info);
	if (a == NULL || a->delay_report == 0 ||
	    hand->begun - info.arrival < (int64_t)a->delay_report)
		return;
	pick_cells(entry, MC_CELL_PENDING, MC_CELL_UNSURE, s);
	report = wanted(entry, MC_REPORT_DELAYED, s, room);
	if (report.n == 0 ||
	    mc_entry_notes(entry, find_delay, NULL, &err) != 0)
		return;
	if (make_report(r, hand->lane, entry, MC_REPORT_DELAYED, &report,
	    &err) != 0 || mc_entry_note(entry, SIZE_MAX, hand->begun,
	    DELAY_WORDS, false, &err) != 0)
		log_error(r, &err);
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
	log_error(r, &err);
	return false;
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

/* with unsure-retries = 0 this is known before another attempt */
static void
give_up_unsure(struct mc_runner *r, struct mc_lane *lane,
    struct mc_entry *entry, struct some *s)
{
	s->n = 0;
	for (size_t i = 0; i < n_rcpts(entry); i++)
		if (too_unsure(lane, entry, i)) {
			give_up(rcpt_of(entry, i), UNSURE_END);
			s->which[s->n++] = i;
		}
	(void)fail(r, NULL, entry, s);
}

static void
expire(struct mc_runner *r, struct mc_hand *hand, const struct mc_err *why,
    struct some *s)
{
	struct mc_lane *lane = hand->lane;
	struct mc_entry *entry = hand->entry;
	struct mc_entry_info info;
	bool old;

	mc_entry_info(entry, &info);
	old = mc_schedule_expired(&lane->schedule, info.arrival,
	    info.attempts + lane->pause.failures, hand->begun);
	s->n = 0;
	for (size_t i = 0; i < n_rcpts(entry); i++) {
		enum mc_cell cell = mc_entry_cell(entry, i);
		struct mc_rcpt *rcpt = rcpt_of(entry, i);

		if (cell != MC_CELL_PENDING && cell != MC_CELL_UNSURE)
			continue;
		if (!old && !too_unsure(lane, entry, i))
			continue;
		if (rcpt->text == NULL && why->code != MC_OK)
			rcpt->text = mc_mem_strdup(why->text);
		give_up(rcpt, old ? "given up after too long" : UNSURE_END);
		s->which[s->n++] = i;
	}
	if (!fail(r, hand, entry, s))
		return;
	for (size_t k = 0; k < s->n; k++)
		tell_event(r, hand, s->which[k], MC_FAILED);
}

/* ---------------------------------------------------------------- the end */

static bool
has_cell(struct mc_entry *entry, enum mc_cell cell)
{
	for (size_t i = 0; i < n_rcpts(entry); i++)
		if (mc_entry_cell(entry, i) == cell)
			return true;
	return false;
}

/* nobody is left to send to: gone, or kept to be looked at; true if so */
static bool
conclude(struct mc_runner *r, struct mc_entry *entry)
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
		log_error(r, &err);
	return true;
}

static void
reschedule(struct mc_runner *r, struct mc_hand *hand)
{
	struct mc_err err = { .code = MC_OK };
	int64_t next = has_cell(hand->entry, MC_CELL_UNSURE) ?
	    hand->next_unsure : hand->next_attempt;

	/* what would be due at once for ever is no way to go on */
	if (mc_entry_reschedule(hand->entry, next, &err) != 0) {
		log_error(r, &err);
		if (r->stop.code == MC_OK)
			r->stop = err;
	}
	hand->item->due = next;
	hand->again = mc_clock_after((next - hand->begun) * 1000);
	if (next < r->next_due)
		r->next_due = next;
}

/* servers limit connections: one that others of ours have outdone is no reason
 * to stop those */
static bool
one_too_many(const struct mc_hand *hand, enum mc_fault fault, bool opening)
{
	struct mc_lane *lane = hand->lane;
	size_t others = 0;

	for (const struct mc_hand *h = lane->hands; h != NULL; h = h->next)
		others += h != hand && !h->finished && h->open;
	if (fault != MC_FAULT_BUSY || !opening || others == 0)
		return false;
	lane->most_hands = others;
	return true;
}

/* a failure that no recipient was told of */
static enum mc_fault
fault_of(struct mc_runner *r, struct mc_hand *hand,
    const struct mc_frame_done *done)
{
	struct mc_lane *lane = hand->lane;
	const struct mc_err *why = &done->err;
	enum mc_fault fault;

	if (why->code == MC_OK || why->code == MC_E_CANCELLED)
		return MC_FAULT_MESSAGE;
	fault = mc_fault_of(why, done->opening != 0);
	if (fault == MC_FAULT_MESSAGE) {
		if (!hand->noted)
			(void)note(r, hand, hand->entry, SIZE_MAX, why, false);
		lane->broken++;
		if (lane->broken < MOST_BROKEN || hand->lane_failed)
			return fault;
		lane->broken = 0;
		mc_lane_fail(r, lane, MC_FAULT_BUSY, why);
		return fault;
	}
	/* its connection is no good any more */
	hand->finished = true;
	if (one_too_many(hand, fault, done->opening != 0))
		return fault;
	if (!hand->lane_failed)
		mc_lane_fail(r, lane, fault, why);
	return fault;
}

/* the message waits for its account, in its old place */
static void
wait_for_account(struct mc_runner *r, struct mc_lane *lane,
    struct mc_item *item)
{
	if (item->forced || r->cancelled) {
		mc_runner_put_off(r, item, MC_NEVER);
		return;
	}
	item->state = MC_ITEM_READY;
	mc_fifo_put_back(&lane->ready, item);
}

static void
settle(struct mc_runner *r, struct mc_hand *hand,
    const struct mc_frame_done *done)
{
	struct mc_entry *entry = hand->entry;
	enum mc_fault fault = fault_of(r, hand, done);
	bool cancelled = done->err.code == MC_E_CANCELLED;
	struct some s = { hand->room[0], 0 };
	size_t *room = hand->room[1];

	if (fault != MC_FAULT_NETWORK && !cancelled)
		expire(r, hand, &done->err, &s);
	report_failed(r, hand->lane, entry, &s, room);
	report_relayed(r, hand, &s, room);
	if (conclude(r, entry))
		return;
	report_delayed(r, hand, &s, room);
	hand->waits = !cancelled && !hand->noted &&
	    (fault != MC_FAULT_MESSAGE || hand->lane_failed);
	if (!cancelled && !hand->waits)
		reschedule(r, hand);
}

void
mc_record_done(struct mc_runner *r, struct mc_hand *hand,
    const struct mc_frame_done *done)
{
	struct mc_item *item = hand->item;

	hand->again = mc_clock_after(1000);
	if (done->adopted != 0)
		settle(r, hand, done);
	else
		log_error(r, &done->err);
	mc_entry_close(hand->entry);
	hand->entry = NULL;
	hand->item = NULL;
	if (hand->waits)
		wait_for_account(r, hand->lane, item);
	else
		mc_runner_put_off(r, item, hand->again);
	if (hand->lane->account == NULL || hand->carried >=
	    hand->lane->account->messages_per_connection)
		hand->finished = true;
}

/* --------------------------------------------------------- without sending */

/* another run may have been here since it was seen to be due */
static bool
still_due(const struct mc_lane *lane, const struct mc_item *item,
    struct mc_entry *entry)
{
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	if (info.held)
		return false;
	return item->forced || mc_schedule_due(&lane->schedule,
	    info.next_attempt, mc_runner_now());
}

int
mc_record_before(struct mc_runner *r, struct mc_lane *lane,
    struct mc_item *item, struct mc_entry *entry)
{
	struct some s = room_for(entry);
	size_t *room = mc_mem_zalloc(n_rcpts(entry) + 1, sizeof(size_t));
	bool send = false;

	if (s.which == NULL || room == NULL) {
		(void)mc_err_set(&r->stop, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	} else if (still_due(lane, item, entry) && revive(r, entry)) {
		give_up_unsure(r, lane, entry, &s);
		report_failed(r, lane, entry, &s, room);
		send = !conclude(r, entry) &&
		    (has_cell(entry, MC_CELL_PENDING) ||
		    has_cell(entry, MC_CELL_UNSURE)) &&
		    r->stop.code == MC_OK;
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
		log_error(r, &err);
	if (rc == 1) {
		(void)(revive(r, entry) && conclude(r, entry));
		mc_entry_close(entry);
	}
	mc_runner_put_off(r, item, mc_clock_after(60 * 1000));
}
