/* SPDX-License-Identifier: MIT */
/*
 * enqueue.c - what cannot be sent now goes to the queue, and what the queue
 * knows of an account is asked before sending
 */
#include "base/base.h"
#include "submission.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rand.h"
#include "queue/counters.h"
#include "queue/format.h"
#include "queue/pause.h"
#include "queue/reason.h"
#include "queue/schedule.h"
#include "queue/store.h"
#include "queue_internal.h"

/* ------------------------------------------------------------------ spool */

/*
 * Success is silent: what the spool has to say of itself (that it is in
 * memory, say) at each message is for those who watch.
 */
static void
quiet_log(struct mc_submission *sub)
{
	sub->store_log = sub->log;
	if (sub->log.most <= MC_LOG_INFO && sub->log.most > MC_LOG_ERROR)
		sub->store_log.most = MC_LOG_ERROR;
}

int
mc_submission_open_store(struct mc_submission *sub, bool create,
    struct mc_err *err)
{
	struct mc_store_settings set = { 0 };
	struct mc_buf dir;
	int rc = -1;

	if (sub->store != NULL)
		return 0;
	mc_buf_init(&dir, MC_QUEUE_PLACE);
	if (mc_queue_settings(sub->caller, sub->config, &dir, &set, err) != 0)
		goto out;
	quiet_log(sub);
	set.log = &sub->store_log;
	set.no_create = !create;
	set.no_sweep = true;
	rc = mc_store_open(&set, &sub->store, err);
out:
	mc_buf_clear(&dir);
	return rc;
}

/* --------------------------------------------------------- before sending */

static int
hold_back(struct mc_submission *sub, const struct mc_err *why,
    int64_t not_before, struct mc_err *err)
{
	sub->sent = true;
	sub->held_back = true;
	sub->not_before = not_before;
	sub->stop = *why;
	mc_submission_defer_rest(sub, why);
	if (err != NULL)
		*err = *why;
	return -1;
}

/* it stays due: once the password is right the queue empties at once */
static int
check_pause(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_err why = { 0 };
	struct mc_schedule s;
	struct mc_pause pause;

	mc_schedule_of(sub->account, &s);
	mc_pause_load(sub->store, sub->account->name, &pause);
	if (pause.fault != MC_FAULT_ACCOUNT ||
	    pause.code != MC_E_AUTH_REFUSED ||
	    !mc_pause_holds(&pause, &s, mc_clock_real_ms() / 1000))
		return 0;
	(void)mc_err_set(&why, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, "%s",
	    pause.text[0] != '\0' ? pause.text :
	    "the server refused the log-in a short while ago");
	return hold_back(sub, &why, 0, err);
}

static int
check_rate(struct mc_submission *sub, struct mc_err *err)
{
	const struct mc_account *a = sub->account;
	struct mc_err why = { 0 };
	int64_t now = mc_clock_real_ms(), wait;

	if (a->rate_messages == 0)
		return 0;
	wait = mc_rate_take(sub->store, a->name, a->rate_messages,
	    a->rate_seconds, now);
	if (wait <= 0)
		return 0;
	(void)mc_err_set(&why, MC_E_RATE, MC_STAGE_LOCAL,
	    "rate limit %s reached", a->rate);
	return hold_back(sub, &why, (now + wait + 999) / 1000, err);
}

int
mc_submission_admit(struct mc_submission *sub, unsigned flags,
    struct mc_err *err)
{
	struct mc_err why = { 0 };

	if (mc_submission_prepare(sub, err) != 0)
		return -1;
	if (sub->sent || sub->queued)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "this submission was sent or queued already");
	if (mc_submission_queue_mode(sub) == MC_QUEUE_OFF)
		return 0;
	/* a queue that does not work is no reason not to send */
	if (mc_submission_open_store(sub, sub->account->rate_messages != 0,
	    &why) != 0) {
		if (why.code != MC_E_QUEUE_NONE)
			mc_log_line(&sub->log, MC_LOG_INFO, MC_STAGE_LOCAL,
			    "%s", why.text);
		return 0;
	}
	if ((flags & MC_ADMIT_REFUSED) == 0 && check_pause(sub, err) != 0)
		return -1;
	return check_rate(sub, err);
}

void
mc_submission_well(struct mc_submission *sub)
{
	if (sub->store != NULL)
		mc_pause_clear(sub->store, sub->account->name);
}

/* ---------------------------------------------------------------- putting */

int
mc_submission_queue_mode(const struct mc_submission *sub)
{
	if (!sub->prepared)
		return -1;
	return sub->account->host == NULL ? MC_QUEUE_OFF : sub->account->queue;
}

/* the recipients that go to the queue, and what they had for a text before */
struct chosen {
	size_t *order;
	char **texts;
	size_t n;
	size_t timed;		/* so many wait for their time alone */
	bool unsure;
	bool open;		/* somebody is still to be sent to */
};

int
mc_submission_set_reason(struct mc_rcpt *rcpt, struct mc_err *err)
{
	struct mc_err why = { .code = rcpt->code, .stage = rcpt->stage,
	    .smtp = rcpt->smtp, .unsure = rcpt->verdict == MC_UNSURE };
	struct mc_buf out;
	char *line;

	memcpy(why.enh, rcpt->enh, sizeof(why.enh));
	snprintf(why.text, sizeof(why.text), "%s", rcpt->text);
	mc_buf_init(&out, MC_QF_NOTE_TEXT);
	mc_reason_format(&why, &out);
	line = mc_buf_take(&out);
	if (line == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	rcpt->text = line;
	return 0;
}

/*
 * A message that nobody got is refused, and the submitter knows; one that
 * somebody got is taken, and only a report tells of the others.
 */
static bool
is_taken(const struct mc_submission *sub)
{
	size_t i;

	for (i = 0; i < sub->env.rcpts.n; i++) {
		const struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);

		if (rcpt->verdict != MC_FAILED)
			return true;
	}
	return false;
}

static int
choose(struct mc_submission *sub, struct chosen *c, struct mc_err *err)
{
	bool failed_too = sub->report_failed && is_taken(sub);
	size_t i, most = sub->env.rcpts.n + 1;

	c->order = mc_mem_zalloc(most, sizeof(*c->order));
	c->texts = mc_mem_zalloc(most, sizeof(*c->texts));
	if (c->order == NULL || c->texts == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (i = 0; i < sub->env.rcpts.n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);

		if (!mc_submission_is_open(rcpt) &&
		    !(failed_too && rcpt->verdict == MC_FAILED))
			continue;
		c->order[c->n] = i;
		c->texts[c->n] = rcpt->text;
		/* that nobody else holds it says nothing about an attempt */
		if (rcpt->code == MC_E_NEED_FUTURERELEASE) {
			rcpt->text = NULL;
			c->timed++;
		}
		if (rcpt->text != NULL &&
		    mc_submission_set_reason(rcpt, err) != 0)
			return -1;
		c->unsure = c->unsure || rcpt->verdict == MC_UNSURE;
		c->open = c->open || mc_submission_is_open(rcpt);
		c->n++;
	}
	return 0;
}

/* everything as it was */
static void
unchoose(struct mc_submission *sub, struct chosen *c)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, c->order[i]);

		if (rcpt->text != c->texts[i])
			mc_mem_free(rcpt->text);
		rcpt->text = c->texts[i];
	}
	mc_mem_free(c->order);
	mc_mem_free(c->texts);
}

/* whose fault the failure was, of those that are not for this message alone */
static enum mc_fault
fault(const struct mc_submission *sub)
{
	if (!mc_err_is_set(&sub->stop) || sub->held_back ||
	    sub->stop.code == MC_E_CANCELLED)
		return MC_FAULT_MESSAGE;
	return mc_fault_of(&sub->stop, sub->stop_opening);
}

static int64_t
next_try(const struct mc_submission *sub, const struct mc_schedule *s,
    const struct chosen *c, int64_t now)
{
	uint32_t chance = 0;

	if (!c->open || c->timed == c->n)
		return now;
	if (!sub->sent || sub->held_back)
		return sub->not_before > now ? sub->not_before : now;
	/* without chance it is a time all the same */
	if (mc_rand_bytes(&chance, sizeof(chance), NULL) != 0)
		chance = 0;
	return c->unsure ? mc_schedule_next_unsure(s, 1, now, chance) :
	    mc_schedule_next(s, 1, now, chance);
}

static int64_t
next_attempt(const struct mc_submission *sub, const struct mc_schedule *s,
    const struct chosen *c, int64_t now)
{
	int64_t next = next_try(sub, s, c, now);

	return c->open && sub->env.hold_until > next ? sub->env.hold_until :
	    next;
}

/* also when there is no room for the message then: others must not run into
 * the same wall */
static void
add_pause(const struct mc_submission *sub, const struct mc_schedule *s,
    enum mc_fault whose, int64_t now)
{
	struct mc_err why = { 0 };

	if (mc_pause_add(sub->store, sub->account->name, s, whose, &sub->stop,
	    now, NULL, &why) != 0)
		mc_log_line(&sub->store_log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "%s", why.text);
}

static int
put(struct mc_submission *sub, const struct chosen *c,
    struct mc_queued *ret_queued, struct mc_err *err)
{
	const char *account = sub->account->name;
	enum mc_fault whose = fault(sub);
	struct mc_store_item item = { 0 };
	char id[MC_ID_LEN + 1];
	struct mc_schedule s;
	struct mc_pause pause;

	mc_schedule_of(sub->account, &s);
	item.account = account;
	item.uid = sub->uid;
	item.arrival = mc_clock_real_ms() / 1000;
	item.next_attempt = next_attempt(sub, &s, c, item.arrival);
	item.env = &sub->env;
	item.order = c->order;
	item.n = c->n;
	item.header = mc_buf_str(&sub->header);
	item.body = &sub->message.body;
	item.needs_8bit = mc_submission_needs_8bit(sub);
	/* what has perhaps been delivered has been tried, whatever came then */
	item.no_attempt = !c->unsure && (whose != MC_FAULT_MESSAGE ||
	    sub->held_back || sub->stop.code == MC_E_CANCELLED ||
	    c->timed == c->n);
	if (whose != MC_FAULT_MESSAGE)
		add_pause(sub, &s, whose, item.arrival);
	if (mc_store_put(sub->store, &item,
	    sub->id[0] == '\0' ? NULL : sub->id, id, err) != 0)
		return -1;
	(void)mc_counters_add(sub->store, account,
	    &(struct mc_counts){ .queued = 1 });
	memset(ret_queued, 0, sizeof(*ret_queued));
	(void)snprintf(ret_queued->id, sizeof(ret_queued->id), "%s", id);
	ret_queued->recipients = c->n;
	ret_queued->next_attempt = item.next_attempt;
	if (c->open)
		ret_queued->hold_until = sub->env.hold_until;
	mc_pause_load(sub->store, account, &pause);
	if (mc_pause_holds(&pause, &s, item.arrival) &&
	    pause.until > item.next_attempt)
		ret_queued->next_attempt = pause.until;
	return 0;
}

int
mc_submission_queue(struct mc_submission *sub, struct mc_queued *ret_queued,
    struct mc_err *err)
{
	struct mc_err why = { 0 };
	struct chosen c = { 0 };
	int rc = -1;

	if (!sub->prepared || sub->queued)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    sub->queued ? "this submission was queued already" :
		    "the submission is not prepared");
	if (choose(sub, &c, &why) != 0)
		goto out;
	if (c.n == 0) {
		memset(ret_queued, 0, sizeof(*ret_queued));
		rc = 0;
	} else if (mc_submission_open_store(sub, true, &why) == 0) {
		rc = put(sub, &c, ret_queued, &why);
		sub->queued = rc == 0;
	}
out:
	unchoose(sub, &c);
	if (rc == 0)
		return 0;
	sub->queue_err = why;
	if (err != NULL)
		*err = why;
	return -1;
}
