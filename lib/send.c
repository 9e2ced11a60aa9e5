/* SPDX-License-Identifier: MIT */
/*
 * send.c - carry out the plan over a transport, one verdict a recipient
 */
#include "base/base.h"
#include "submission.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "transport/transport.h"

struct sender {
	struct mc_submission *sub;
	const struct mc_transport_ops *ops;
	struct mc_transport_env env;
	struct mc_transport *conn;
	size_t since_open;	/* transactions that this connection carried */
	size_t *order;		/* work list: recipients still to go */
	size_t n;
	size_t chunk;		/* how many of them go in this transaction */
	size_t most;		/* what the server takes; SIZE_MAX: all */
	struct mc_err stop;	/* why nothing more is tried */
};

/* whoever has no verdict could not be tried: `why` says for what reason */
static void
defer_rest(struct mc_submission *sub, const struct mc_err *why)
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

static int
send_work(struct sender *s, const struct mc_txn *txn, struct mc_err *err)
{
	struct mc_submission *sub = s->sub;
	struct mc_transport_job job = { 0 };
	struct mc_buf extra;
	int rc = -1;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	if (txn->mark_bcc)
		mc_buf_addf(&extra, "Bcc: %s\r\n",
		    mc_envelope_at(&sub->env, s->order[0])->addr);
	if (mc_buf_err(&extra, "Bcc field", err) != 0)
		goto out;
	job.env = &sub->env;
	job.order = s->order;
	job.n = s->chunk;
	job.extra = mc_buf_str(&extra);
	job.header = mc_buf_str(&sub->header);
	job.body = &sub->message.body;
	job.needs_8bit = sub->message.facts.has_8bit ||
	    sub->message.header_8bit;
	rc = s->ops->send(s->conn, &job, err);
out:
	mc_buf_clear(&extra);
	return rc;
}

/* the server refused this one only as one too many */
static bool
is_split(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_DEFERRED && rcpt->split;
}

/* only the end of the connection kept this one from going */
static bool
is_cut_off(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING ||
	    (rcpt->verdict == MC_DEFERRED &&
	    (rcpt->code == MC_E_SERVER_UNAVAILABLE ||
	    rcpt->code == MC_E_CLOSED || rcpt->code == MC_E_NET));
}

/*
 * Of the chunk just tried, only those go again for which `again` says so; the
 * rest of the work list follows.  Returns how many those are.
 */
static size_t
keep(struct sender *s, bool (*again)(const struct mc_rcpt *rcpt))
{
	size_t i, n = 0;

	for (i = 0; i < s->chunk; i++)
		if (again(mc_envelope_at(&s->sub->env, s->order[i])))
			s->order[n++] = s->order[i];
	memmove(s->order + n, s->order + s->chunk,
	    (s->n - s->chunk) * sizeof(*s->order));
	s->n -= s->chunk - n;
	return n;
}

/* learn the server's limit, so that 10,000 recipients are not offered ten
 * times over */
static void
keep_split(struct sender *s)
{
	size_t tried = s->chunk, again = keep(s, is_split);

	if (again != 0 && tried - again < s->most)
		s->most = tried - again;
}

static bool
is_loss(const struct mc_err *err)
{
	return !err->unsure && (err->code == MC_E_SERVER_UNAVAILABLE ||
	    err->code == MC_E_CLOSED || err->code == MC_E_NET);
}

/*
 * One transaction of the plan, in as many pieces as the server wants.  A
 * connection that has settled something and then ends (servers count messages
 * and refusals) is replaced; one that brought nothing is not.  0, or -1 when
 * nothing more should be tried.
 */
static int
run_txn(struct sender *s, const struct mc_txn *txn)
{
	struct mc_err err;
	size_t tried;
	int rc;

	while (s->n != 0) {
		if (s->conn == NULL) {
			s->since_open = 0;
			if (s->ops->open(&s->env, &s->conn, &s->stop) != 0)
				return -1;
		}
		s->chunk = s->n < s->most ? s->n : s->most;
		memset(&err, 0, sizeof(err));
		rc = send_work(s, txn, &err);
		if (rc == 0) {
			s->since_open++;
			keep_split(s);
			continue;
		}
		s->ops->close(s->conn);
		s->conn = NULL;
		tried = s->chunk;
		if (!is_loss(&err) ||
		    (keep(s, is_cut_off) == tried && s->since_open == 0)) {
			s->stop = err;
			return -1;
		}
	}
	return 0;
}

static void
run_plan(struct sender *s)
{
	const struct mc_plan *plan = &s->sub->plan;
	size_t i;

	for (i = 0; i < plan->txns.n; i++) {
		const struct mc_txn *txn = mc_vec_at(&plan->txns, i);

		memcpy(s->order, plan->order + txn->first,
		    txn->n * sizeof(*s->order));
		s->n = txn->n;
		if (run_txn(s, txn) != 0)
			break;
	}
	if (i < plan->txns.n)
		defer_rest(s->sub, &s->stop);
	s->ops->close(s->conn);
	s->conn = NULL;
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

static int
conclude(struct sender *s, struct mc_err *err)
{
	struct mc_submission *sub = s->sub;
	struct mc_result worst = { 0 }, r;
	const char *final = NULL;
	int top = 0;
	size_t i;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
		if (r.verdict == MC_DELIVERED)
			final = r.reply;
		if (rank(r.verdict) > top) {
			top = rank(r.verdict);
			worst = r;
		}
	}
	if (final != NULL) {
		mc_mem_free(sub->final);
		sub->final = mc_mem_strdup(final);
	}
	if (top == 0)
		return 0;
	if (err == NULL)
		return -1;
	*err = s->stop.code != MC_OK && top == 1 ? s->stop : worst.err;
	/* "the loop ended" is never success */
	if (err->code == MC_OK)
		(void)mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "%s: no verdict", worst.address);
	return -1;
}

int
mc_submission_send(struct mc_submission *sub, struct mc_err *err)
{
	struct sender s = { .sub = sub, .ops = &mc_transport_native,
	    .most = SIZE_MAX };
	int rc;

	if (mc_submission_prepare(sub, err) != 0)
		return -1;
	if (sub->sent)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "this submission was sent already");
	sub->sent = true;
	s.env.account = sub->account;
	s.env.caller = sub->caller;
	s.env.log = &sub->log;
	s.env.cancel_fd = sub->cancel_fd;
	s.order = mc_mem_zalloc(sub->env.rcpts.n + 1, sizeof(*s.order));
	if (s.order == NULL) {
		(void)mc_err_set(&s.stop, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		defer_rest(sub, &s.stop);
	} else {
		run_plan(&s);
	}
	rc = conclude(&s, err);
	mc_mem_free(s.order);
	return rc;
}
