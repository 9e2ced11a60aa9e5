/* SPDX-License-Identifier: MIT */
/*
 * smtp_run.c - each message of an SMTP session becomes a submission
 */
#include "base/base.h"
#include "smtp_run.h"
#include "smtp_take.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "queue/report.h"
#include "serve/session.h"

struct bridge {
	const struct mc_caller *caller;
	const struct mc_config *config;
	const struct mc_smtp *set;
	struct mc_log log;
	struct mc_submission *sub;	/* of the open transaction, or NULL */
	struct mc_err broken;	/* why it cannot be taken, once it is */
	/* what became of it */
	struct mc_queued queued;
	struct mc_err queue_err;
	struct mc_delivery d;	/* one log-in for many messages */
	uint64_t carried;	/* messages, by this connection */
	int64_t used;		/* when it was last used */
};

/* ---------------------------------------------------------------- envelope */

static int
begin(struct bridge *b, const struct mc_server_mail *mail, struct mc_err *err)
{
	const struct mc_smtp *set = b->set;

	if (mc_submission_new(b->caller, b->config, &b->sub, err) != 0)
		return -1;
	mc_submission_set_log(b->sub, set->most, set->log, set->log_ctx);
	mc_submission_set_cancel(b->sub, set->cancel_fd);
	mc_submission_no_aliases(b->sub, set->no_aliases);
	if (set->account != NULL &&
	    mc_submission_set_account(b->sub, set->account, err) != 0)
		return -1;
	if (set->full_name != NULL &&
	    mc_submission_set_full_name(b->sub, set->full_name, err) != 0)
		return -1;
	return mc_take_mail(b->sub, mail, err);
}

static void
drop(struct bridge *b)
{
	mc_submission_free(b->sub);
	b->sub = NULL;
}

static void
on_mail(void *ctx, const struct mc_server_mail *mail,
    struct mc_server_answer *answer)
{
	struct bridge *b = ctx;
	struct mc_err err = { 0 };

	memset(&b->broken, 0, sizeof(b->broken));
	if (begin(b, mail, &err) == 0)
		return;
	drop(b);
	mc_server_answer_err(&err, answer);
}

/*
 * Aliases, and a domain for bare names, wait until the account is known, which
 * is when the header is: the answer is the same for every address.
 */
static void
on_rcpt(void *ctx, const struct mc_server_rcpt *rcpt,
    struct mc_server_answer *answer)
{
	struct bridge *b = ctx;
	struct mc_err err = { 0 };

	if (mc_take_rcpt(b->sub, rcpt, &err) != 0)
		mc_server_answer_err(&err, answer);
}

static void
on_body(void *ctx, struct mc_str piece)
{
	struct bridge *b = ctx;

	/* what comes after an error is lost, and the error stays */
	if (b->broken.code == MC_OK && mc_submission_write(b->sub, piece.ptr,
	    piece.len, 0, &b->broken) != 0)
		mc_log_line(&b->log, MC_LOG_DEBUG, MC_STAGE_LOCAL, "%s",
		    b->broken.text);
}

static void
on_reset(void *ctx)
{
	drop(ctx);
}

/* ----------------------------------------------------------------- sending */

/* servers do not like those that do nothing, and who waits for one may be kept
 * out by it */
static int64_t
on_idle(void *ctx)
{
	struct bridge *b = ctx;
	int64_t until;

	if (b->d.conn == NULL)
		return MC_NEVER;
	until = b->used + (int64_t)b->d.env.account->keep_connection * 1000;
	if (mc_clock_left(until) != 0)
		return until;
	mc_delivery_close(&b->d);
	return MC_NEVER;
}

static int
send_now(struct bridge *b, struct mc_err *err)
{
	uint64_t opened = b->d.opened;
	int rc;

	(void)on_idle(b);
	if (b->d.conn != NULL &&
	    b->carried >= b->d.env.account->messages_per_connection)
		mc_delivery_close(&b->d);
	rc = mc_submission_send_over(b->sub, &b->d, err);
	b->carried = b->d.opened == opened ? b->carried + 1 : 1;
	b->used = mc_clock_ms();
	return rc;
}

static bool
is_to_be_sent(const struct bridge *b, int mode)
{
	switch (b->set->way) {
	case MC_WAY_SEND:
		return true;
	case MC_WAY_QUEUE:
		return mode == MC_QUEUE_OFF;
	case MC_WAY_QUEUE_ONLY:
		return false;
	case MC_WAY_CONFIGURED:
		break;
	}
	return mode != MC_QUEUE_ALWAYS;
}

/* what came of it is in the submission */
static void
deliver(struct bridge *b)
{
	int mode = mc_submission_queue_mode(b->sub);
	bool queue = mode != MC_QUEUE_OFF;
	struct mc_err err = { 0 };

	memset(&b->queued, 0, sizeof(b->queued));
	memset(&b->queue_err, 0, sizeof(b->queue_err));
	if (is_to_be_sent(b, mode) &&
	    (!queue || mc_submission_admit(b->sub, 0, &err) == 0) &&
	    send_now(b, &err) == 0)
		return;
	if (!queue) {
		if (b->set->way == MC_WAY_QUEUE_ONLY)
			(void)mc_err_set(&b->queue_err, MC_E_QUEUE,
			    MC_STAGE_LOCAL, "account %s has queue = off; "
			    "nothing was sent", b->sub->account->name);
		return;
	}
	b->sub->report_failed = true;
	if (mc_submission_queue(b->sub, &b->queued, &b->queue_err) != 0)
		b->queued.recipients = 0;
}

/* ------------------------------------------------------------------ answer */

struct tally {
	size_t all;
	size_t delivered;
	size_t waiting;		/* in the queue, to be sent */
	size_t reported;	/* in the queue, for the report */
	size_t failed;
	size_t left;		/* neither sent nor queued */
	size_t worst;		/* recipient that the answer is about */
};

static void
count(const struct mc_submission *sub, struct tally *t)
{
	struct mc_result r;

	memset(t, 0, sizeof(*t));
	for (; mc_submission_result(sub, t->all, &r) == 0; t->all++) {
		if (r.verdict == MC_DELIVERED) {
			t->delivered++;
		} else if (r.queued) {
			t->waiting += r.verdict != MC_FAILED;
			t->reported += r.verdict == MC_FAILED;
		} else if (r.verdict == MC_FAILED) {
			if (t->failed++ == 0 && t->left == 0)
				t->worst = t->all;
		} else if (t->left++ == 0) {
			t->worst = t->all;
		}
	}
}

/* the runner makes none where none is wanted */
static bool
report_follows(const struct mc_submission *sub)
{
	size_t i;

	for (i = 0; sub->env.sender[0] != '\0' && i < sub->env.rcpts.n; i++) {
		const struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);

		if (rcpt->verdict == MC_FAILED &&
		    mc_report_wanted(rcpt, MC_REPORT_FAILED))
			return true;
	}
	return false;
}

static void
say_yes(const struct bridge *b, const struct tally *t,
    struct mc_server_answer *answer)
{
	const char *sent = t->delivered == 0 ? "" :
	    t->delivered == t->all ? "sent" : "sent to some";
	const char *comma = t->delivered != 0 && t->waiting != 0 ? ", " : "";

	answer->code = 250;
	(void)snprintf(answer->text, sizeof(answer->text), "%s%s%s%s%s%s",
	    sent, comma, t->waiting != 0 ? "queued as " : "",
	    t->waiting != 0 ? b->queued.id : "",
	    t->reported != 0 ? ", refused for some" : "",
	    t->reported != 0 && report_follows(b->sub) ?
	    ": a report follows" : "");
}

/*
 * Not for all of them can it be answered for, and there is but one answer:
 * who can come again does, which may make copies but loses nothing; where the
 * refusal is final the submitter has to know it.
 */
static void
say_no(const struct bridge *b, const struct tally *t,
    struct mc_server_answer *answer)
{
	const struct mc_err *queue_err = &b->queue_err, *why;
	struct mc_err err = { 0 };
	struct mc_result r;
	bool tried;

	if (mc_submission_result(b->sub, t->worst, &r) != 0)
		return;
	tried = r.err.code != MC_OK;
	why = tried ? &r.err : queue_err;
	(void)mc_err_set(&err, why->code, why->stage, "%s%s%s%s%s%s",
	    t->delivered != 0 ? "sent to some, but not to " : "",
	    t->delivered != 0 ? r.address : "",
	    t->delivered != 0 ? ": " : "", why->text,
	    tried && mc_err_is_set(queue_err) ? "; not queued: " : "",
	    tried ? queue_err->text : "");
	err.smtp = why->smtp;
	memcpy(err.enh, why->enh, sizeof(err.enh));
	mc_server_answer_err(&err, answer);
	if (t->left != 0 && tried && answer->code >= 500) {
		answer->code = 451;
		answer->enh[0] = 4;
	}
}

static void
judge(const struct bridge *b, struct mc_server_answer *answer)
{
	struct tally t;

	count(b->sub, &t);
	if (t.failed == 0 && t.left == 0)
		say_yes(b, &t, answer);
	else
		say_no(b, &t, answer);
}

static void
on_end(void *ctx, struct mc_server_answer *answer)
{
	struct bridge *b = ctx;
	struct mc_err err = b->broken;

	if (err.code != MC_OK || mc_take_hops(b->sub, MC_MAX_RECEIVED, &err) != 0 ||
	    mc_submission_prepare(b->sub, &err) != 0) {
		mc_log_line(&b->log, MC_LOG_INFO, err.stage,
		    "message not taken: %s", err.text);
		mc_server_answer_err(&err, answer);
	} else {
		deliver(b);
		judge(b, answer);
		if (b->set->done != NULL)
			b->set->done(b->set->ctx, b->sub, &b->queued,
			    &b->queue_err);
	}
	drop(b);
}

/* ----------------------------------------------------------------- session */

int
mc_smtp_run_over(const struct mc_caller *caller,
    const struct mc_config *config, const struct mc_smtp *smtp,
    const struct mc_transport_ops *ops, struct mc_err *err)
{
	struct bridge b = { .caller = caller, .config = config, .set = smtp };
	struct mc_session session = {
		.in_fd = smtp->in_fd, .out_fd = smtp->out_fd,
		.cancel_fd = smtp->cancel_fd,
		.server = {
			.host = mc_take_host(caller),
			.max_size = smtp->max_size,
			.max_rcpts = MC_MAX_SERVER_RCPTS,
			.max_messages = MC_MAX_SERVER_MESSAGES,
			.lf_ok = true,
		},
		.owner = {
			.mail = on_mail, .rcpt = on_rcpt, .body = on_body,
			.end = on_end, .reset = on_reset, .idle = on_idle,
			.ctx = &b,
		},
		.log = &b.log,
	};
	const struct mc_account *a;
	int rc;

	/* one that is not there is so for every message: said before the
	 * first; and a global key is the same in all */
	if (mc_config_find(config, smtp->account != NULL ? smtp->account :
	    mc_config_account(config, 0), &a, err) != 0)
		return -1;
	if (smtp->max_size == 0)
		session.server.max_size = a->smtp_max_size;
	b.log = (struct mc_log){ smtp->log, smtp->log_ctx, smtp->most };
	b.d.ops = ops;
	b.d.env.caller = caller;
	b.d.env.log = &b.log;
	b.d.env.cancel_fd = smtp->cancel_fd;
	rc = mc_session_run(&session, err);
	mc_delivery_end(&b.d);
	return rc;
}

int
mc_smtp_run(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_smtp *smtp, struct mc_err *err)
{
	return mc_smtp_run_over(caller, config, smtp, NULL, err);
}
