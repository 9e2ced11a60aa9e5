/* SPDX-License-Identifier: MIT */
/*
 * client_txn.c - one mail transaction of the client, without I/O
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* more than these at once no server has in its buffers */
#define MOST_TXNS 256

static struct mc_client_txn *
txn_at(const struct mc_client *c, size_t i)
{
	return &c->txns[(c->first + i) % c->cap];
}

/* the one that replies belong to */
static struct mc_client_txn *
oldest(const struct mc_client *c)
{
	return txn_at(c, 0);
}

/* the one that is being written */
static struct mc_client_txn *
newest(const struct mc_client *c)
{
	return txn_at(c, c->n - 1);
}

static struct mc_rcpt *
job_rcpt(const struct mc_client_txn *t, size_t k)
{
	return mc_envelope_at(t->job.env, t->active[k]);
}

static size_t
slot_data(const struct mc_client_txn *t)
{
	return MC_SLOT_RCPT + t->n_active;
}

/* a text that does not fit in memory is left out: the verdict counts */
static void
set_texts(struct mc_rcpt *rcpt, const char *text, const char *reply)
{
	mc_mem_free(rcpt->text);
	rcpt->text = text == NULL ? NULL : mc_mem_strdup(text);
	if (reply != NULL) {
		mc_mem_free(rcpt->reply);
		rcpt->reply = mc_mem_strdup(reply);
	}
}

static void
verdict_err(struct mc_rcpt *rcpt, enum mc_verdict verdict,
    const struct mc_err *why, const char *reply)
{
	rcpt->verdict = verdict;
	rcpt->code = why->code;
	rcpt->stage = why->stage;
	rcpt->smtp = why->smtp;
	memcpy(rcpt->enh, why->enh, sizeof(rcpt->enh));
	set_texts(rcpt, why->text, reply);
}

/*
 * "Mail system congestion" is by its meaning never for good (RFC 3463 3.5), and
 * is what large providers say with 550 when the quota of a day is used up.
 */
static bool
is_quota(const struct mc_reply *r)
{
	return r->code >= 500 && r->enh[1] == 4 && r->enh[2] == 5;
}

/*
 * What a refusal means for a recipient: final only from a server that has
 * proved who it is and let us in; 530 and 538 are about
 * the account, 503 about the order of commands: never about the mail.
 */
static enum mc_verdict
refusal(struct mc_client *c, const struct mc_reply *r, enum mc_stage stage,
    const char *what, struct mc_err *ret_why)
{
	enum mc_code code = MC_E_REFUSED;
	enum mc_verdict verdict = r->code >= 500 ? MC_FAILED : MC_DEFERRED;

	if (r->code == 503 || r->code == 530 || r->code == 535 ||
	    r->code == 538 ||
	    (verdict == MC_FAILED && !mc_client_trusted(c))) {
		code = MC_E_NOT_READY;
		verdict = MC_DEFERRED;
	}
	if (is_quota(r))
		verdict = MC_DEFERRED;
	memset(ret_why, 0, sizeof(*ret_why));
	(void)mc_reply_err(r, code, stage, what, ret_why);
	return verdict;
}

static void
reply_text(const struct mc_reply *r, char *ret_text, size_t size)
{
	struct mc_buf b;

	mc_buf_init(&b, MC_MAX_REPLY_TEXT + 32);
	mc_reply_text(r, &b);
	snprintf(ret_text, size, "%.*s", MC_STR_FMT(mc_buf_str(&b)));
	mc_buf_clear(&b);
}

/* the same refusal for every recipient that has no verdict yet */
static void
refuse_rest(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage, const char *what)
{
	struct mc_client_txn *t = oldest(c);
	struct mc_err why;
	char text[MC_MAX_REPLY_TEXT + 32];
	enum mc_verdict verdict = refusal(c, r, stage, what, &why);
	size_t k;

	reply_text(r, text, sizeof(text));
	for (k = 0; k < t->n_active; k++)
		if (job_rcpt(t, k)->verdict == MC_PENDING)
			verdict_err(job_rcpt(t, k), verdict, &why, text);
}

/* a log-in that was refused is the reason, whatever each reply said */
static void
blame_auth(struct mc_client *c)
{
	struct mc_client_txn *t = oldest(c);

	for (size_t k = 0; k < t->n_active; k++)
		if (job_rcpt(t, k)->verdict != MC_DELIVERED)
			verdict_err(job_rcpt(t, k), MC_DEFERRED, &c->auth_err,
			    NULL);
}

/* no more of the oldest one */
static void
drop_oldest(struct mc_client *c)
{
	struct mc_client_txn *t = oldest(c);

	mc_mem_free(t->active);
	memset(t, 0, sizeof(*t));
	c->first = (c->first + 1) % c->cap;
	c->n--;
	c->over++;
}

static void
finish(struct mc_client *c)
{
	if (c->auth == MC_AUTH_FAILED)
		blame_auth(c);
	drop_oldest(c);
	if (c->n != 0)
		return;
	c->asked = false;
	mc_client_go(c, MC_ST_READY);
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
		if (is_out(c, txn_at(c, i)))
			return true;
	return false;
}

/* the oldest one that is open */
static void
lose(struct mc_client *c, const struct mc_err *why, bool granted)
{
	struct mc_client_txn *t = oldest(c);
	struct mc_err e = *why;
	enum mc_verdict verdict = MC_DEFERRED;
	size_t k;

	/* a refusal is one, whatever it answers */
	e.unsure = is_out(c, t) && why->smtp < 400;
	if (e.unsure)
		verdict = MC_UNSURE;
	for (k = 0; k < t->n_active; k++) {
		struct mc_rcpt *rcpt = job_rcpt(t, k);

		if (rcpt->verdict == MC_PENDING)
			verdict_err(rcpt, verdict, &e, NULL);
		else if (!still_final(rcpt, why) && !granted)
			verdict_err(rcpt, MC_DEFERRED, &e, NULL);
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
	    (c->state == MC_ST_END && !oldest(c)->early);
	while (c->n != 0) {
		lose(c, why, granted);
		granted = false;
	}
	/* what has not left yet must not leave now: with the end of data in
	 * it, the server would take a message that counts as not sent */
	mc_buf_clear(&c->out);
}

/* ------------------------------------------------------------------- begin */

/*
 * RFC 8689 4.2.1: by TLS to a server that we know, which promises the same.
 * The connection may be another one tomorrow; the server will not.
 */
static enum mc_verdict
check_require_tls(const struct mc_client *c, struct mc_err *ret_why)
{
	if (!c->secured || !c->channel.verified) {
		(void)mc_err_set(ret_why, MC_E_TLS, MC_STAGE_TLS,
		    "the message may only go by verified TLS (require-tls), "
		    "which this connection is not");
		return MC_DEFERRED;
	}
	if ((c->caps.flags & MC_CAP_REQUIRETLS) != 0)
		return MC_PENDING;
	(void)mc_err_set(ret_why, MC_E_NEED_REQUIRETLS, MC_STAGE_MAIL,
	    "the message may only go by verified TLS all the way "
	    "(require-tls), and the server does not offer REQUIRETLS");
	return MC_FAILED;
}

/* RFC 2852 4: mode R goes to nobody who cannot keep it, or not any more */
static void
check_by(const struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *ret_why)
{
	const struct mc_envelope *env = job->env;
	int64_t left = env->by_time - job->now;

	if (env->by != MC_BY_RETURN)
		return;
	if (left <= 0)
		(void)mc_err_set(ret_why, MC_E_EXPIRED, MC_STAGE_MAIL,
		    "the time that was set for its delivery is over");
	else if ((c->caps.flags & MC_CAP_DELIVERBY) == 0)
		(void)mc_err_set(ret_why, MC_E_NEED_DELIVERBY, MC_STAGE_MAIL,
		    "the message is to be delivered in time or returned, and "
		    "the server does not offer DELIVERBY");
	else if (left < (int64_t)c->caps.by_min)
		(void)mc_err_set(ret_why, MC_E_NEED_DELIVERBY, MC_STAGE_MAIL,
		    "the server promises delivery within %u seconds at best, "
		    "and %lld are left", (unsigned)c->caps.by_min,
		    (long long)left);
}

/* a recipient that this server cannot take, whatever we ask */
static bool
settle_early(struct mc_client *c, const struct mc_client_job *job,
    struct mc_rcpt *rcpt)
{
	bool utf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0;
	enum mc_verdict verdict = MC_FAILED;
	struct mc_err e = { 0 };

	if (job->env->require_tls)
		verdict = check_require_tls(c, &e);
	if (!mc_err_is_set(&e))
		check_by(c, job, &e);
	if (mc_err_is_set(&e))
		;
	else if (c->caps.size != 0 && job->size > c->caps.size)
		(void)mc_err_set(&e, MC_E_TOO_BIG, MC_STAGE_MAIL,
		    "the message has %llu bytes, the server takes %llu",
		    (unsigned long long)job->size,
		    (unsigned long long)c->caps.size);
	else if (!utf8 && !mc_str_is_ascii(mc_str_from(job->env->sender)))
		(void)mc_err_set(&e, MC_E_NEED_SMTPUTF8, MC_STAGE_MAIL,
		    "the sender's address has characters outside ASCII in "
		    "front of the @, and the server does not offer SMTPUTF8: "
		    "send from an address in ASCII");
	else if (!utf8 && !mc_str_is_ascii(mc_str_from(rcpt->addr)))
		(void)mc_err_set(&e, MC_E_NEED_SMTPUTF8, MC_STAGE_RCPT,
		    "the address has characters outside ASCII in front of the "
		    "@, and the server does not offer SMTPUTF8");
	else if ((job->needs_8bit || job->needs_utf8) &&
	    (c->caps.flags & MC_CAP_8BITMIME) == 0)
		(void)mc_err_set(&e, MC_E_NEED_8BITMIME, MC_STAGE_MAIL,
		    "the server does not offer 8BITMIME: %s",
		    job->unfit == NULL ? "the message has 8-bit bytes" :
		    job->unfit->text);
	else
		return false;
	/* of what it offers, no log-in that is still to come changes anything */
	verdict_err(rcpt, mc_client_trusted(c) ||
	    (c->auth == MC_AUTH_WAITS && c->channel.verified) ?
	    verdict : MC_DEFERRED, &e, NULL);
	return true;
}

static bool
job_needs_utf8(const struct mc_client_txn *t)
{
	size_t k;

	if (t->job.needs_utf8 ||
	    !mc_str_is_ascii(mc_str_from(t->job.env->sender)))
		return true;
	for (k = 0; k < t->n_active; k++)
		if (!mc_str_is_ascii(mc_str_from(job_rcpt(t, k)->addr)))
			return true;
	return false;
}

static void
note_left_out(const struct mc_client *c, const char *what)
{
	mc_log_line(c->set.log, MC_LOG_INFO, MC_STAGE_MAIL,
	    "%s is left out: the server does not offer it", what);
}

static void
choose_params(const struct mc_client *c, const struct mc_client_txn *t,
    struct mc_cmd_mail *mail)
{
	const struct mc_envelope *env = t->job.env;

	mail->require_tls = env->require_tls;
	mail->has_priority = env->has_priority &&
	    (c->caps.flags & MC_CAP_PRIORITY) != 0;
	mail->priority = env->priority;
	if ((c->caps.flags & MC_CAP_DELIVERBY) != 0)
		mail->by = env->by;
	mail->by_trace = env->by_trace;
	mail->by_seconds = env->by_time - t->job.now;
	if (env->has_priority && !mail->has_priority)
		note_left_out(c, "MT-PRIORITY");
	if (env->by != mail->by)
		note_left_out(c, "DELIVERBY");
}

static int
put_mail(struct mc_client *c, const struct mc_client_txn *t,
    struct mc_err *err)
{
	const struct mc_envelope *env = t->job.env;
	struct mc_cmd_mail mail = { 0 };

	mail.sender = mc_str_from(env->sender);
	mail.has_size = (c->caps.flags & MC_CAP_SIZE) != 0;
	mail.size = t->job.size;
	mail.body_8bit = (c->caps.flags & MC_CAP_8BITMIME) != 0 &&
	    t->job.needs_8bit;
	mail.smtputf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0 &&
	    (env->smtputf8 || job_needs_utf8(t));
	choose_params(c, t, &mail);
	if ((c->caps.flags & MC_CAP_DSN) != 0) {
		mail.ret = env->ret;
		mail.envid = mc_str_from(env->envid);
	}
	return mc_cmd_mail(mc_client_cmd(c), &mail, err);
}

static int
put_rcpt(struct mc_client *c, struct mc_rcpt *rcpt, struct mc_err *err)
{
	struct mc_cmd_rcpt cmd = { 0 };

	cmd.addr = mc_str_from(rcpt->addr);
	cmd.dsn = rcpt->dsn = (c->caps.flags & MC_CAP_DSN) != 0;
	cmd.notify = rcpt->notify;
	cmd.orcpt = mc_str_from(rcpt->orcpt != NULL ? rcpt->orcpt :
	    rcpt->addr);
	cmd.utf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0;
	return mc_cmd_rcpt(mc_client_cmd(c), &cmd, err);
}

/* before the first command, if it has waited for that */
static int
put_auth(struct mc_client *c, struct mc_err *err)
{
	struct mc_str ir = mc_buf_str(&c->ir);

	if (c->auth != MC_AUTH_WAITS)
		return 0;
	if (mc_cmd_auth(mc_client_cmd(c), c->mech, &ir, err) != 0)
		return -1;
	mc_client_go(c, MC_ST_AUTH);
	mc_client_trace_cmd(c);
	c->auth = MC_AUTH_SENT;
	return 0;
}

static int
put_slot(struct mc_client *c, struct mc_client_txn *t, size_t slot,
    struct mc_err *err)
{
	int rc;

	if (slot == MC_SLOT_RSET)
		rc = mc_cmd_plain(mc_client_cmd(c), "RSET", err);
	else if (slot == MC_SLOT_MAIL)
		rc = put_mail(c, t, err);
	else if (slot == slot_data(t))
		rc = mc_cmd_plain(mc_client_cmd(c), "DATA", err);
	else
		rc = put_rcpt(c, job_rcpt(t, slot - MC_SLOT_RCPT), err);
	if (rc == 0)
		mc_client_trace_cmd(c);
	return rc;
}

/* DATA would be for nobody, and that is already known */
static bool
pointless(const struct mc_client_txn *t)
{
	if (t->mail_answered && !t->mail_ok)
		return true;
	return t->answered >= slot_data(t) && t->accepted == 0;
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
	if (!t->chunking || t->dot_out || t->sent != slot_data(t) ||
	    c->state == MC_ST_BODY)
		return false;
	return t->early || t->answered == slot_data(t);
}

bool
mc_client_holds(const struct mc_client *c)
{
	return c->n != 0 && newest(c)->early && !newest(c)->dot_out &&
	    c->state != MC_ST_BODY;
}

bool
mc_client_body_begins(const struct mc_client *c)
{
	return c->n == 0 || !newest(c)->body_begun;
}

/* write as many commands as may leave now; two cursors: sent and answered */
static int
put_more(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = newest(c);
	bool pipelining = pipelines(c);
	size_t end = slot_data(t) + (t->chunking ? 0 : 1);

	while (t->sent < end && c->out.len < MC_MAX_FLIGHT &&
	    (pipelining || t->sent == t->answered)) {
		if (pointless(t) || (c->set.lmtp && t->sent == slot_data(t) &&
		    t->answered != t->sent))
			return 0;
		if (put_slot(c, t, t->sent, err) != 0)
			return -1;
		t->sent++;
	}
	return 0;
}

/* the state says which reply is awaited */
static void
await(struct mc_client *c)
{
	const struct mc_client_txn *t = oldest(c);

	if (c->auth == MC_AUTH_SENT)
		mc_client_go(c, MC_ST_AUTH);
	else if (t->answered == MC_SLOT_RSET)
		mc_client_go(c, MC_ST_RSET);
	else if (t->answered == MC_SLOT_MAIL)
		mc_client_go(c, MC_ST_MAIL);
	/* the text is not out yet: no verdict is awaited */
	else if (t->answered < slot_data(t) || (t->chunking && !t->dot_out))
		mc_client_go(c, MC_ST_RCPT);
	else
		mc_client_go(c, t->chunking || t->dot_out ? MC_ST_END :
		    MC_ST_DATA);
}

static int
choose_active(struct mc_client *c, struct mc_client_txn *t,
    struct mc_err *err)
{
	size_t k;

	t->active = mc_mem_zalloc(t->job.n + 1, sizeof(*t->active));
	if (t->active == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (k = 0; k < t->job.n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(t->job.env,
		    t->job.order[k]);

		rcpt->verdict = MC_PENDING;
		rcpt->code = MC_OK;
		rcpt->split = false;
		if (!settle_early(c, &t->job, rcpt))
			t->active[t->n_active++] = t->job.order[k];
	}
	return 0;
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
	return c->n < MOST_TXNS && mc_client_ready(c) && goes_early(c, size) &&
	    newest(c)->early && newest(c)->dot_out &&
	    c->out.len < MC_MAX_FLIGHT / 2;
}

bool
mc_client_overlaps(const struct mc_client *c, uint64_t size)
{
	return mc_client_can_begin(c, size) && mc_client_ready(c) &&
	    goes_early(c, size);
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
		grown[i] = *txn_at(c, i);
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
	t = txn_at(c, c->n);
	memset(t, 0, sizeof(*t));
	t->job = *job;
	if (choose_active(c, t, err) != 0)
		return -1;
	t->chunking = (c->caps.flags & MC_CAP_CHUNKING) != 0 &&
	    !c->no_chunking && !c->set.no_chunking;
	t->early = goes_early(c, job->size);
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
	mc_mem_free(newest(c)->active);
	memset(newest(c), 0, sizeof(*c->txns));
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
	if (c->n == 0 && c->in.len != 0)
		return mc_client_unasked(c, err);
	if (begin(c, job, err) != 0)
		return -1;
	if (c->n == 1)
		mc_buf_reset(&c->final);
	if (newest(c)->n_active == 0) {
		drop_newest(c);
		return 0;
	}
	await(c);
	if (put_auth(c, &why) != 0 || put_more(c, &why) != 0) {
		mc_client_txn_lost(c, &why);
		mc_client_go(c, MC_ST_DEAD);
		if (err != NULL && !mc_err_is_set(err))
			*err = why;
		return -1;
	}
	return 0;
}

/* ----------------------------------------------------------------- replies */

static int
on_mail(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = oldest(c);

	t->mail_answered = true;
	if (r->code == 250) {
		t->mail_ok = true;
		c->need_rset = true;
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	refuse_rest(c, r, MC_STAGE_MAIL, "the server refused the sender");
	return 0;
}

/* RFC 5321 4.5.3.1.10: 452, and 552 from older servers, end a batch */
static bool
is_too_many(const struct mc_client_txn *t, const struct mc_reply *r)
{
	return t->accepted != 0 && (r->code == 452 || r->code == 552);
}

static int
on_rcpt(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = oldest(c);
	struct mc_rcpt *rcpt = job_rcpt(t, t->answered - MC_SLOT_RCPT);
	struct mc_err why;
	char text[MC_MAX_REPLY_TEXT + 32];
	enum mc_verdict verdict;

	if (r->code >= 250 && r->code <= 252) {
		/* a yes behind a refused MAIL is a server out of step */
		if (!t->mail_ok)
			return mc_client_unexpected(c, r, err);
		t->accepted++;
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	if (rcpt->verdict != MC_PENDING)
		return 0;
	verdict = refusal(c, r, MC_STAGE_RCPT,
	    "the server refused the recipient", &why);
	if (is_too_many(t, r)) {
		verdict = MC_DEFERRED;
		rcpt->split = true;
	}
	reply_text(r, text, sizeof(text));
	verdict_err(rcpt, verdict, &why, text);
	return 0;
}

static int
auth_failed(struct mc_client *c, struct mc_err *err)
{
	if (err != NULL)
		*err = c->auth_err;
	return -1;
}

static int
on_data(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = oldest(c);

	if (r->code == 354) {
		/* nothing of it for a server that has not let us in */
		if (c->auth == MC_AUTH_FAILED)
			return auth_failed(c, err);
		mc_dot_init(&c->dot);
		t->lone_dot = t->accepted == 0;
		mc_client_go(c, MC_ST_BODY);
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	refuse_rest(c, r, MC_STAGE_DATA, "the server refused the message");
	finish(c);
	return 0;
}

/* BDAT is refused as something unknown, not the message */
static bool
is_stumble(const struct mc_client *c, const struct mc_reply *r)
{
	return oldest(c)->accepted != 0 && c->auth != MC_AUTH_FAILED &&
	    (r->code == 500 || r->code == 501 || r->code == 502 ||
	    r->code == 503 || r->code == 504);
}

/*
 * Whether such a server has skipped the text or takes it for commands nobody
 * knows, so this connection is over; the owner tries another without BDAT.
 */
static int
stumble(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	c->no_chunking = true;
	return mc_reply_err(r, MC_E_REPLY_UNEXPECTED, MC_STAGE_END,
	    "the server offers CHUNKING and does not know BDAT", err);
}

static void
deliver(struct mc_rcpt *rcpt, const char *text)
{
	rcpt->verdict = MC_DELIVERED;
	set_texts(rcpt, NULL, text);
}

/* the next recipient who has not been judged; there is one */
static struct mc_rcpt *
next_open(const struct mc_client_txn *t)
{
	size_t k = 0;

	while (job_rcpt(t, k)->verdict != MC_PENDING)
		k++;
	return job_rcpt(t, k);
}

static bool
any_open(const struct mc_client_txn *t)
{
	for (size_t k = 0; k < t->n_active; k++)
		if (job_rcpt(t, k)->verdict == MC_PENDING)
			return true;
	return false;
}

/*
 * RFC 2033 section 4.2: one reply for each accepted recipient, in the order
 * of RCPT; in all else the same as on_end.
 */
static int
on_end_lmtp(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	static const char what[] = "the server refused the message";
	struct mc_rcpt *rcpt = next_open(oldest(c));
	char text[MC_MAX_REPLY_TEXT + 32];
	struct mc_err why;

	if (r->code < 250 || (r->code > 259 && r->code < 400))
		return mc_client_unexpected(c, r, err);
	if (oldest(c)->chunking && !c->text_judged && is_stumble(c, r))
		return stumble(c, r, err);
	if (!c->text_judged)
		c->need_rset = false;
	c->text_judged = true;
	c->need_rset = c->need_rset || (oldest(c)->chunking &&
	    r->code >= 400);
	reply_text(r, text, sizeof(text));
	if (r->code == 421) {
		/* nothing comes behind it */
		refuse_rest(c, r, MC_STAGE_END, what);
	} else if (r->code >= 400) {
		enum mc_verdict v = refusal(c, r, MC_STAGE_END, what, &why);

		verdict_err(rcpt, v, &why, text);
	} else {
		deliver(rcpt, text);
		mc_buf_reset(&c->final);
		mc_buf_addz(&c->final, text);
	}
	if (!any_open(oldest(c)))
		finish(c);
	return 0;
}

static int
on_end(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = oldest(c);
	char text[MC_MAX_REPLY_TEXT + 32];
	size_t k;

	if (r->code < 250 || (r->code > 259 && r->code < 400))
		return mc_client_unexpected(c, r, err);
	if (t->chunking && is_stumble(c, r))
		return stumble(c, r, err);
	/* RFC 3030 section 3: after a refused BDAT there is nothing but RSET */
	c->need_rset = t->chunking && r->code >= 400;
	if (r->code >= 400) {
		refuse_rest(c, r, MC_STAGE_END,
		    "the server refused the message");
		finish(c);
		return 0;
	}
	reply_text(r, text, sizeof(text));
	for (k = 0; k < t->n_active; k++)
		if (job_rcpt(t, k)->verdict == MC_PENDING)
			deliver(job_rcpt(t, k), text);
	mc_buf_reset(&c->final);
	mc_buf_addz(&c->final, text);
	finish(c);
	return 0;
}

static int
on_reset(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code != 250)
		return mc_client_unexpected(c, r, err);
	c->need_rset = false;
	return 0;
}

/* 421 may come in any slot and ends the session (RFC 5321 3.8) */
static int
on_slot(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = oldest(c);

	if (c->auth == MC_AUTH_SENT)
		return mc_client_on_auth(c, r, err);
	if (c->handed <= t->begin)
		return mc_err_set(err, MC_E_INJECTED,
		    mc_client_stage(c->state),
		    "the server answered a command that had not left yet");
	if (c->state == MC_ST_END) {
		if ((c->set.lmtp ? on_end_lmtp(c, r, err) :
		    on_end(c, r, err)) != 0)
			return -1;
		if (r->code != 421)
			return 0;
		if (c->n != 0)
			return mc_client_unavailable(c, r, err);
		mc_client_go(c, MC_ST_DEAD);
		return 0;
	}
	if (r->code == 421)
		return mc_client_unavailable(c, r, err);
	if (t->answered == slot_data(t))
		return on_data(c, r, err);
	if (t->answered == MC_SLOT_RSET) {
		if (on_reset(c, r, err) != 0)
			return -1;
	} else if (t->answered == MC_SLOT_MAIL) {
		if (on_mail(c, r, err) != 0)
			return -1;
	} else if (on_rcpt(c, r, err) != 0) {
		return -1;
	}
	t->answered++;
	if (t->sent != t->answered || c->n != 1)
		return 0;
	c->asked = false;
	if (c->out.len != 0)
		return mc_err_set(err, MC_E_INJECTED,
		    mc_client_stage(c->state),
		    "the server answered a command that had not left yet");
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
	return oldest(c)->chunking ? c->handed < oldest(c)->end :
	    c->out.len != 0;
}

/* where the transaction stands once no further reply is in the buffer */
static int
what_next(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = newest(c);

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
	if (wants_chunk(c, t) && !pointless(t)) {
		if (c->auth == MC_AUTH_FAILED)
			return auth_failed(c, err);
		if (!t->early)
			mc_client_go(c, MC_ST_BODY);
		return MC_WANT_BODY;
	}
	if (c->n == 1 && t->sent == t->answered && pointless(t)) {
		c->need_rset = t->mail_ok;
		finish(c);
		return c->auth == MC_AUTH_FAILED ? auth_failed(c, err) :
		    MC_WANT_JOB;
	}
	if (c->state != MC_ST_END)
		await(c);
	return MC_WANT_READ;
}

static bool
reply_is_awaited(const struct mc_client *c)
{
	const struct mc_client_txn *t = oldest(c);

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
		rc = on_slot(c, &r, err);
		mc_client_reply_done(c, used);
		if (rc != 0)
			return -1;
		if (c->state == MC_ST_READY)
			return c->auth == MC_AUTH_FAILED ?
			    auth_failed(c, err) : MC_WANT_JOB;
		if (c->state == MC_ST_DEAD)
			return MC_WANT_CLOSE;
		if (c->state != MC_ST_BODY)
			await(c);
	}
	return what_next(c, err);
}

/* -------------------------------------------------------------------- body */

static bool
takes_body(const struct mc_client *c)
{
	const struct mc_client_txn *t;

	if (c->n == 0 || newest(c)->dot_out)
		return false;
	t = newest(c);
	return (c->state == MC_ST_BODY && !t->lone_dot) || mc_client_holds(c);
}

static int
put_chunk(struct mc_client *c, struct mc_str piece, struct mc_err *err)
{
	struct mc_client_txn *t = newest(c);

	if (!t->body_begun) {
		if (mc_cmd_bdat(mc_client_cmd(c), t->left, err) != 0)
			return -1;
		mc_client_trace_cmd(c);
		t->sent++;
		mc_chunk_init(&t->guard);
	}
	/* less or more than was announced, or a line end that some servers
	 * see and others do not: what has left so far is no message */
	if (piece.len > t->left || !mc_chunk_check(&t->guard, piece))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "the message is not what it was announced to be");
	t->left -= piece.len;
	mc_buf_add_str(&c->out, piece);
	return 0;
}

int
mc_client_body(struct mc_client *c, struct mc_str piece, struct mc_err *err)
{
	struct mc_client_txn *t;

	if (!takes_body(c))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "message text in the wrong state");
	t = newest(c);
	if (!t->chunking)
		mc_dot_add(&c->dot, piece, &c->out);
	else if (put_chunk(c, piece, err) != 0)
		return -1;
	t->body_begun = true;
	return mc_buf_err(&c->out, "message text", err);
}

int
mc_client_body_end(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = c->n == 0 ? NULL : newest(c);

	if (t == NULL || t->dot_out || (t->lone_dot ?
	    c->state != MC_ST_BODY : !takes_body(c)))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "end of data in the wrong state");
	if (!t->chunking)
		mc_dot_end(&c->dot, &c->out);
	else if (put_chunk(c, MC_STR_NONE, err) != 0)
		return -1;
	else if (t->left != 0 || !mc_chunk_end(&t->guard))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "the message ends before its announced end");
	if (mc_buf_err(&c->out, "message text", err) != 0)
		return -1;
	t->dot_out = true;
	t->end = c->handed + c->out.len;
	if (t->chunking)
		await(c);
	else
		mc_client_go(c, MC_ST_END);
	return 0;
}

void
mc_client_unsent(struct mc_client *c)
{
	if (c->n != 0 && !newest(c)->chunking)
		newest(c)->dot_out = false;
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

void
mc_client_body_abort(struct mc_client *c, const struct mc_err *why)
{
	mc_client_txn_lost(c, why);
	mc_client_go(c, MC_ST_DEAD);
}
