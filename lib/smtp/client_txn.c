/* SPDX-License-Identifier: MIT */
/*
 * client_txn.c - the transactions of the client that are open, without I/O
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* more than these at once no server has in its buffers */
#define MOST_TXNS 256

/* no more of the oldest one */
static void
drop_oldest(struct mc_client *c)
{
	struct mc_client_txn *t = mc_client_oldest(c);

	mc_mem_free(t->active);
	memset(t, 0, sizeof(*t));
	c->first = (c->first + 1) % c->cap;
	c->n--;
	c->over++;
}

void
mc_client_finish(struct mc_client *c)
{
	if (c->auth == MC_AUTH_FAILED)
		mc_client_blame_auth(c);
	drop_oldest(c);
	if (c->n != 0)
		return;
	c->asked = false;
	mc_client_go(c, c->quit_rides ? MC_ST_QUIT : MC_ST_READY);
}

/*
 * A refusal is final only once the session has stayed in step to the end of
 * the group of commands: where a reply is missing, the one that looks like
 * this recipient's is another's.  A server that says 421 is in step.
 */
static bool
still_final(const struct mc_rcpt *rcpt, const struct mc_err *why)
{
	return rcpt->verdict == MC_DELIVERED ||
	    (rcpt->verdict == MC_FAILED &&
	    why->code == MC_E_SERVER_UNAVAILABLE);
}

static bool
is_out(const struct mc_client *c, const struct mc_client_txn *t)
{
	return t->dot_out && !t->lone_dot &&
	    (!t->chunking || c->handed >= t->end);
}

bool
mc_client_is_out(const struct mc_client *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (is_out(c, mc_client_txn_at(c, i)))
			return true;
	return false;
}

/* the oldest one that is open */
static void
lose(struct mc_client *c, const struct mc_err *why, bool granted)
{
	struct mc_client_txn *t = mc_client_oldest(c);
	struct mc_err e = *why;
	enum mc_verdict verdict = MC_DEFERRED;
	size_t k;

	/* a refusal is one, whatever it answers */
	e.unsure = is_out(c, t) && why->smtp < 400;
	if (e.unsure)
		verdict = MC_UNSURE;
	for (k = 0; k < t->n_active; k++) {
		struct mc_rcpt *rcpt = mc_client_rcpt(t, k);

		if (rcpt->verdict == MC_PENDING)
			mc_client_verdict(rcpt, verdict, &e, NULL);
		else if (!still_final(rcpt, why) && !granted)
			mc_client_verdict(rcpt, MC_DEFERRED, &e, NULL);
	}
	drop_oldest(c);
}

void
mc_client_txn_lost(struct mc_client *c, const struct mc_err *why)
{
	bool granted;

	if (c->n == 0)
		return;
	granted = c->state == MC_ST_BODY ||
	    (c->state == MC_ST_END && !mc_client_oldest(c)->early);
	while (c->n != 0) {
		lose(c, why, granted);
		granted = false;
	}
	/* what has not left yet must not leave now: with the end of data in
	 * it, the server would take a message that counts as not sent */
	mc_buf_clear(&c->out);
}

/* ------------------------------------------------------------------- begin */

/* DATA would be for nobody, and that is already known */
static bool
pointless(const struct mc_client_txn *t)
{
	if (t->mail_answered && !t->mail_ok)
		return true;
	if (t->job.ask)
		return t->answered >= mc_client_slot_data(t);
	return t->answered >= mc_client_slot_data(t) && t->accepted == 0;
}

static bool
pipelines(const struct mc_client *c)
{
	return (c->caps.flags & MC_CAP_PIPELINING) != 0 &&
	    !c->set.no_pipelining;
}

/* BDAT's turn: the text is wanted with the commands, or after their replies */
static bool
wants_chunk(const struct mc_client *c, const struct mc_client_txn *t)
{
	/* BDAT counts as sent with the first piece of the text */
	if (!t->chunking || t->dot_out || c->state == MC_ST_BODY ||
	    t->sent != mc_client_slot_data(t) + (t->body_begun ? 1 : 0))
		return false;
	return t->early || t->answered == mc_client_slot_data(t);
}

bool
mc_client_holds(const struct mc_client *c)
{
	return c->n != 0 && mc_client_newest(c)->early &&
	    !mc_client_newest(c)->dot_out && c->state != MC_ST_BODY;
}

bool
mc_client_body_begins(const struct mc_client *c)
{
	return c->n == 0 || !mc_client_newest(c)->body_begun;
}

/* write as many commands as may leave now; two cursors: sent and answered */
static int
put_more(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_newest(c);
	bool pipelining = pipelines(c);
	size_t end = mc_client_slot_data(t) +
	    (t->chunking || t->job.ask ? 0 : 1);

	while (t->sent < end && c->out.len < MC_MAX_FLIGHT &&
	    (pipelining || t->sent == t->answered)) {
		if (pointless(t) || (c->set.lmtp &&
		    t->sent == mc_client_slot_data(t) &&
		    t->answered != t->sent))
			return 0;
		if (mc_client_put_slot(c, t, t->sent, err) != 0)
			return -1;
		t->sent++;
	}
	return 0;
}

/* the state says which reply is awaited */
void
mc_client_await(struct mc_client *c)
{
	const struct mc_client_txn *t = mc_client_oldest(c);

	if (c->auth == MC_AUTH_SENT)
		mc_client_go(c, MC_ST_AUTH);
	else if (t->answered == MC_SLOT_RSET)
		mc_client_go(c, MC_ST_RSET);
	else if (t->answered == MC_SLOT_MAIL)
		mc_client_go(c, MC_ST_MAIL);
	/* the text is not out yet: no verdict is awaited */
	else if (t->answered < mc_client_slot_data(t) ||
	    (t->chunking && !t->dot_out))
		mc_client_go(c, MC_ST_RCPT);
	else
		mc_client_go(c, t->chunking || t->dot_out ? MC_ST_END :
		    MC_ST_DATA);
}

static bool
goes_early(const struct mc_client *c, uint64_t size)
{
	/* in LMTP, who is accepted says how many replies there will be */
	return (c->caps.flags & MC_CAP_CHUNKING) != 0 && !c->no_chunking &&
	    !c->set.no_chunking && !c->set.lmtp && pipelines(c) &&
	    size <= MC_MAX_EARLY;
}

bool
mc_client_can_begin(const struct mc_client *c, uint64_t size)
{
	if (c->n == 0)
		return c->state == MC_ST_READY;
	return c->n < MOST_TXNS && !c->quit_rides && mc_client_ready(c) &&
	    goes_early(c, size) && mc_client_newest(c)->early &&
	    mc_client_newest(c)->dot_out &&
	    c->out.len < MC_MAX_FLIGHT / 2;
}

bool
mc_client_overlaps(const struct mc_client *c, uint64_t size)
{
	return mc_client_can_begin(c, size) && mc_client_ready(c) &&
	    goes_early(c, size);
}

bool
mc_client_takes_more(const struct mc_client *c)
{
	return goes_early(c, 0);
}

/* room for one more at the end of the ring */
static int
grow(struct mc_client *c, struct mc_err *err)
{
	size_t cap = c->cap == 0 ? 2 : 2 * c->cap;
	struct mc_client_txn *grown;

	if (c->n < c->cap)
		return 0;
	grown = mc_mem_zalloc(cap, sizeof(*grown));
	if (grown == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (size_t i = 0; i < c->n; i++)
		grown[i] = *mc_client_txn_at(c, i);
	mc_mem_free(c->txns);
	c->txns = grown;
	c->cap = cap;
	c->first = 0;
	return 0;
}

static int
begin(struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *err)
{
	struct mc_client_txn *t;

	if (grow(c, err) != 0)
		return -1;
	t = mc_client_txn_at(c, c->n);
	memset(t, 0, sizeof(*t));
	t->job = *job;
	if (mc_client_choose(c, t, err) != 0)
		return -1;
	t->chunking = !job->ask && (c->caps.flags & MC_CAP_CHUNKING) != 0 &&
	    !c->no_chunking && !c->set.no_chunking;
	t->early = t->chunking && goes_early(c, job->size);
	c->text_judged = false;
	t->left = job->size;
	t->begin = c->handed + c->out.len;
	t->sent = t->answered = c->need_rset || c->n != 0 ? MC_SLOT_RSET :
	    MC_SLOT_MAIL;
	c->n++;
	return 0;
}

/* nobody of the newest one is to be asked for */
static void
drop_newest(struct mc_client *c)
{
	mc_mem_free(mc_client_newest(c)->active);
	memset(mc_client_newest(c), 0, sizeof(*c->txns));
	c->n--;
	c->over++;
}

int
mc_client_begin(struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (!mc_client_can_begin(c, job->size))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_MAIL,
		    "transaction begun in the wrong state");
	if (job->needs_binary && !mc_client_takes_binary(c))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_MAIL,
		    "the server does not take the message as it is");
	if (c->n == 0 && c->in.len != 0)
		return mc_client_unasked(c, err);
	if (begin(c, job, err) != 0)
		return -1;
	if (c->n == 1)
		mc_buf_reset(&c->final);
	if (mc_client_newest(c)->n_active == 0) {
		drop_newest(c);
		return 0;
	}
	mc_client_await(c);
	if (mc_client_put_auth(c, &why) != 0 || put_more(c, &why) != 0) {
		mc_client_txn_lost(c, &why);
		mc_client_go(c, MC_ST_DEAD);
		if (err != NULL && !mc_err_is_set(err))
			*err = why;
		return -1;
	}
	return 0;
}

/*
 * Something came although the message is not out yet: never a verdict on it.
 * (Taking a final-looking 250 here for one would lose the mail.)
 */
static int
early_reply(struct mc_client *c, struct mc_err *err)
{
	struct mc_reply r;
	int rc;

	rc = mc_client_reply(c, &r, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return c->state == MC_ST_BODY ? MC_WANT_BODY : MC_WANT_READ;
	if (r.code == 421)
		return mc_client_unavailable(c, &r, err);
	return mc_client_unexpected(c, &r, err);
}

/* the text that END waits for is not out yet */
static bool
is_leaving(const struct mc_client *c)
{
	const struct mc_client_txn *t = mc_client_oldest(c);

	return t->chunking ? c->handed < t->end : c->out.len != 0;
}

/* where the transaction stands once no further reply is in the buffer */
static int
what_next(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_newest(c);

	if (c->state == MC_ST_BODY) {
		if (c->in.len != 0)
			return early_reply(c, err);
		c->asked = false;
		if (!t->lone_dot)
			return MC_WANT_BODY;
		/* nobody wants it: close the transaction without the text */
		if (mc_client_body_end(c, err) != 0)
			return -1;
		return MC_WANT_READ;
	}
	if (c->state == MC_ST_END && c->in.len != 0 && is_leaving(c))
		return early_reply(c, err);
	if (put_more(c, err) != 0)
		return -1;
	/* what was announced has to come, whoever wants it */
	if (wants_chunk(c, t) && (t->body_begun || !pointless(t))) {
		if (c->auth == MC_AUTH_FAILED)
			return mc_client_auth_failed(c, err);
		if (!t->early)
			mc_client_go(c, MC_ST_BODY);
		return MC_WANT_BODY;
	}
	if (c->n == 1 && t->sent == t->answered && pointless(t)) {
		c->need_rset = t->mail_ok;
		mc_client_finish(c);
		return c->auth == MC_AUTH_FAILED ? mc_client_auth_failed(c, err) :
		    MC_WANT_JOB;
	}
	if (c->state != MC_ST_END)
		mc_client_await(c);
	return MC_WANT_READ;
}

static bool
reply_is_awaited(const struct mc_client *c)
{
	const struct mc_client_txn *t = mc_client_oldest(c);

	return c->state == MC_ST_END || c->auth == MC_AUTH_SENT ||
	    (c->state != MC_ST_BODY && t->sent > t->answered);
}

int
mc_client_txn_step(struct mc_client *c, struct mc_err *err)
{
	struct mc_reply r;
	size_t used;
	int rc;

	while (reply_is_awaited(c) && c->in.len != 0) {
		if (!c->asked)
			return mc_client_unasked(c, err);
		if (c->state == MC_ST_END && is_leaving(c))
			break;
		rc = mc_client_reply(c, &r, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		used = r.raw.len;
		rc = mc_client_on_slot(c, &r, err);
		mc_client_reply_done(c, used);
		if (rc != 0)
			return -1;
		if (c->state == MC_ST_READY || c->state == MC_ST_QUIT)
			return c->auth == MC_AUTH_FAILED ?
			    mc_client_auth_failed(c, err) : c->quit_rides ?
			    MC_WANT_CLOSE : MC_WANT_JOB;
		if (c->state == MC_ST_DEAD)
			return MC_WANT_CLOSE;
		if (c->state != MC_ST_BODY)
			mc_client_await(c);
	}
	return what_next(c, err);
}

void
mc_client_clear_txns(struct mc_client *c)
{
	while (c->n != 0)
		drop_oldest(c);
	mc_mem_free(c->txns);
	c->txns = NULL;
	c->cap = 0;
}
