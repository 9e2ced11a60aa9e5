/* SPDX-License-Identifier: MIT */
/*
 * send.c - carry out the plan over a transport, one verdict a recipient
 */
#include "base/base.h"
#include "submission.h"

#include "base/err.h"
#include "base/mem.h"
#include "mail/maildir.h"
#include "transport/deliver.h"

void
mc_submission_defer_rest(struct mc_submission *sub, const struct mc_err *why)
{
	size_t i;

	for (i = 0; i < sub->env.rcpts.n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);

		if (rcpt->verdict != MC_PENDING)
			continue;
		rcpt->verdict = MC_DEFERRED;
		rcpt->code = why->code;
		rcpt->stage = why->stage;
		rcpt->smtp = why->smtp;
		memcpy(rcpt->enh, why->enh, sizeof(rcpt->enh));
		mc_mem_free(rcpt->text);
		rcpt->text = mc_mem_strdup(why->text);
	}
}

/* the worst thing that happened decides: lost for good, unsure, later */
static int
rank(enum mc_verdict verdict)
{
	switch (verdict) {
	case MC_FAILED:
		return 3;
	case MC_UNSURE:
		return 2;
	case MC_DEFERRED:
	case MC_PENDING:
		return 1;
	case MC_DELIVERED:
		break;
	}
	return 0;
}

int
mc_submission_status(const struct mc_submission *sub, struct mc_err *err)
{
	struct mc_result worst = { 0 }, r;
	int top = 0;
	size_t i;

	if (!sub->prepared)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "the submission is not prepared");
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
		if (r.queued || rank(r.verdict) <= top)
			continue;
		top = rank(r.verdict);
		worst = r;
	}
	if (top == 0)
		return 0;
	if (err == NULL)
		return -1;
	*err = top != 1 ? worst.err :
	    mc_err_is_set(&sub->stop) ? sub->stop :
	    !sub->sent ? sub->queue_err : worst.err;
	/* "the loop ended" is never success */
	if (err->code == MC_OK)
		(void)mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "%s: no verdict", worst.address);
	return -1;
}

/* what the server said when it took something last, for those who ask */
static void
keep_final(struct mc_submission *sub)
{
	const char *final = NULL;
	struct mc_result r;
	size_t i;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.verdict == MC_DELIVERED)
			final = r.reply;
	if (final == NULL)
		return;
	mc_mem_free(sub->final);
	sub->final = mc_mem_strdup(final);
}

static bool
is_sent(const struct mc_submission *sub)
{
	for (size_t i = 0; i < sub->env.rcpts.n; i++)
		if (mc_envelope_at(&sub->env, i)->verdict == MC_DELIVERED)
			return true;
	return false;
}

/* one copy, when somebody has got it; the mail is sent whatever comes of it */
static void
keep_copy(struct mc_submission *sub)
{
	if (sub->account->copy_to == NULL || !is_sent(sub))
		return;
	sub->env.copied = true;
	if (mc_maildir_put(sub->account->copy_to, sub->caller->hostname,
	    mc_buf_str(&sub->header), &sub->message.body,
	    &sub->copy_err) != 0)
		mc_log_line(&sub->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "copy-to: %s (the message itself was sent)",
		    sub->copy_err.text);
}

int
mc_submission_send_over(struct mc_submission *sub, struct mc_delivery *d,
    struct mc_err *err)
{
	struct mc_delivery_message m = { 0 };

	if (mc_submission_prepare(sub, err) != 0)
		return -1;
	if (sub->sent || sub->queued)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "this submission was sent or queued already");
	sub->sent = true;
	if (d->env.account != sub->account) {
		mc_delivery_end(d);
		d->env.account = sub->account;
		d->most = 0;
		d->quirks = 0;
		d->token = (struct mc_token_use){ 0 };
	}
	m.env = &sub->env;
	m.plan = &sub->plan;
	m.header = mc_buf_str(&sub->header);
	m.body = &sub->message.body;
	m.binary = sub->binary.size == 0 ? NULL : &sub->binary;
	m.needs_8bit = mc_submission_needs_8bit(sub);
	if (d->env.once != NULL)
		mc_once_look(d->env.once, sub->account);
	if (mc_delivery_run(d, &m, &sub->stop) != 0) {
		sub->stop_opening = d->opening;
		mc_submission_defer_rest(sub, &sub->stop);
	}
	keep_final(sub);
	keep_copy(sub);
	if (mc_submission_status(sub, err) != 0)
		return -1;
	mc_submission_well(sub);
	return 0;
}

/* each transaction carries the whole message, and a server may make more of
 * them than were planned */
static void
tell_progress(void *ctx, size_t n)
{
	struct mc_submission *sub = ctx;
	uint64_t total = (sub->header.len + 2 + sub->message.body.size) *
	    sub->plan.txns.n;

	sub->handed_over += n;
	if (total < sub->handed_over)
		total = sub->handed_over;
	sub->progress(sub->progress_ctx, sub->handed_over, total);
}

int
mc_submission_send(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_delivery d = { 0 };
	int rc;

	d.env.caller = sub->caller;
	d.env.log = &sub->log;
	d.env.cancel_fd = sub->cancel_fd;
	d.env.once = &sub->once;
	d.last = true;
	d.env.progress = sub->progress == NULL ? NULL : tell_progress;
	d.env.progress_ctx = sub;
	rc = mc_submission_send_over(sub, &d, err);
	mc_delivery_end(&d);
	/* there is no next connection */
	mc_once_clear(&sub->once);
	return rc;
}
