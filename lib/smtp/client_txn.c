/* SPDX-License-Identifier: MIT */
/*
 * client_txn.c - one mail transaction of the client, without I/O
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

static struct mc_rcpt *
job_rcpt(const struct mc_client *c, size_t k)
{
	return mc_envelope_at(c->job.env, c->active[k]);
}

static size_t
slot_data(const struct mc_client *c)
{
	return MC_SLOT_RCPT + c->n_active;
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
	struct mc_err why;
	char text[MC_MAX_REPLY_TEXT + 32];
	enum mc_verdict verdict = refusal(c, r, stage, what, &why);
	size_t k;

	reply_text(r, text, sizeof(text));
	for (k = 0; k < c->n_active; k++)
		if (job_rcpt(c, k)->verdict == MC_PENDING)
			verdict_err(job_rcpt(c, k), verdict, &why, text);
}

static void
finish(struct mc_client *c)
{
	c->busy = false;
	c->asked = false;
	mc_mem_free(c->active);
	c->active = NULL;
	c->n_active = 0;
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

void
mc_client_txn_lost(struct mc_client *c, const struct mc_err *why)
{
	struct mc_err e = *why;
	enum mc_verdict verdict = MC_DEFERRED;
	bool granted = c->state == MC_ST_BODY || c->state == MC_ST_END;
	size_t k;

	if (!c->busy)
		return;
	if (c->dot_out && !c->lone_dot) {
		verdict = MC_UNSURE;
		e.unsure = 1;
	}
	for (k = 0; k < c->n_active; k++) {
		struct mc_rcpt *rcpt = job_rcpt(c, k);

		if (rcpt->verdict == MC_PENDING)
			verdict_err(rcpt, verdict, &e, NULL);
		else if (!still_final(rcpt, why) && !granted)
			verdict_err(rcpt, MC_DEFERRED, &e, NULL);
	}
	/* what has not left yet must not leave now: with the end of data in
	 * it, the server would take a message that counts as not sent */
	mc_buf_clear(&c->out);
	c->busy = false;
}

/* ------------------------------------------------------------------- begin */

/* a recipient that this server cannot take, whatever we ask */
static bool
settle_early(struct mc_client *c, struct mc_rcpt *rcpt)
{
	const struct mc_client_job *job = &c->job;
	bool utf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0;
	struct mc_err e = { 0 };

	if (c->caps.size != 0 && job->size > c->caps.size)
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
	verdict_err(rcpt, mc_client_trusted(c) ? MC_FAILED : MC_DEFERRED, &e,
	    NULL);
	return true;
}

static bool
job_needs_utf8(const struct mc_client *c)
{
	size_t k;

	if (c->job.needs_utf8 ||
	    !mc_str_is_ascii(mc_str_from(c->job.env->sender)))
		return true;
	for (k = 0; k < c->n_active; k++)
		if (!mc_str_is_ascii(mc_str_from(job_rcpt(c, k)->addr)))
			return true;
	return false;
}

static int
put_mail(struct mc_client *c, struct mc_err *err)
{
	const struct mc_envelope *env = c->job.env;
	struct mc_cmd_mail mail = { 0 };

	mail.sender = mc_str_from(env->sender);
	mail.has_size = (c->caps.flags & MC_CAP_SIZE) != 0;
	mail.size = c->job.size;
	mail.body_8bit = (c->caps.flags & MC_CAP_8BITMIME) != 0 &&
	    c->job.needs_8bit;
	mail.smtputf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0 &&
	    (env->smtputf8 || job_needs_utf8(c));
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
	cmd.orcpt = mc_str_from(rcpt->orcpt);
	cmd.utf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0;
	return mc_cmd_rcpt(mc_client_cmd(c), &cmd, err);
}

static int
put_slot(struct mc_client *c, size_t slot, struct mc_err *err)
{
	int rc;

	if (slot == MC_SLOT_RSET)
		rc = mc_cmd_plain(mc_client_cmd(c), "RSET", err);
	else if (slot == MC_SLOT_MAIL)
		rc = put_mail(c, err);
	else if (slot == slot_data(c))
		rc = mc_cmd_plain(mc_client_cmd(c), "DATA", err);
	else
		rc = put_rcpt(c, job_rcpt(c, slot - MC_SLOT_RCPT), err);
	if (rc == 0)
		mc_client_trace_cmd(c);
	return rc;
}

/* DATA would be for nobody, and that is already known */
static bool
pointless(const struct mc_client *c)
{
	if (c->mail_answered && !c->mail_ok)
		return true;
	return c->answered >= slot_data(c) && c->accepted == 0;
}

/* write as many commands as may leave now; two cursors: sent and answered */
static int
put_more(struct mc_client *c, struct mc_err *err)
{
	bool pipelining = (c->caps.flags & MC_CAP_PIPELINING) != 0 &&
	    !c->set.no_pipelining;

	while (c->sent <= slot_data(c) && c->out.len < MC_MAX_FLIGHT &&
	    (pipelining || c->sent == c->answered)) {
		if (pointless(c))
			return 0;
		if (put_slot(c, c->sent, err) != 0)
			return -1;
		c->sent++;
	}
	return 0;
}

/* the state says which reply is awaited */
static void
await(struct mc_client *c)
{
	if (c->answered == MC_SLOT_RSET)
		mc_client_go(c, MC_ST_RSET);
	else if (c->answered == MC_SLOT_MAIL)
		mc_client_go(c, MC_ST_MAIL);
	else if (c->answered < slot_data(c))
		mc_client_go(c, MC_ST_RCPT);
	else
		mc_client_go(c, MC_ST_DATA);
}

static int
choose_active(struct mc_client *c, struct mc_err *err)
{
	size_t k;

	c->active = mc_mem_zalloc(c->job.n + 1, sizeof(*c->active));
	if (c->active == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	c->n_active = 0;
	for (k = 0; k < c->job.n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(c->job.env,
		    c->job.order[k]);

		rcpt->verdict = MC_PENDING;
		rcpt->code = MC_OK;
		rcpt->split = false;
		if (!settle_early(c, rcpt))
			c->active[c->n_active++] = c->job.order[k];
	}
	return 0;
}

int
mc_client_begin(struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (c->state != MC_ST_READY || c->busy)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_MAIL,
		    "transaction begun in the wrong state");
	if (c->in.len != 0)
		return mc_client_unasked(c, err);
	c->job = *job;
	if (choose_active(c, err) != 0)
		return -1;
	c->busy = true;
	c->accepted = 0;
	c->mail_ok = c->mail_answered = false;
	c->lone_dot = c->dot_out = false;
	mc_buf_reset(&c->final);
	if (c->n_active == 0) {
		finish(c);
		return 0;
	}
	c->sent = c->answered = c->need_rset ? MC_SLOT_RSET : MC_SLOT_MAIL;
	await(c);
	if (put_more(c, &why) != 0) {
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
	c->mail_answered = true;
	if (r->code == 250) {
		c->mail_ok = true;
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
is_too_many(const struct mc_client *c, const struct mc_reply *r)
{
	return c->accepted != 0 && (r->code == 452 || r->code == 552);
}

static int
on_rcpt(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_rcpt *rcpt = job_rcpt(c, c->answered - MC_SLOT_RCPT);
	struct mc_err why;
	char text[MC_MAX_REPLY_TEXT + 32];
	enum mc_verdict verdict;

	if (r->code >= 250 && r->code <= 252) {
		/* a yes behind a refused MAIL is a server out of step */
		if (!c->mail_ok)
			return mc_client_unexpected(c, r, err);
		c->accepted++;
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	if (rcpt->verdict != MC_PENDING)
		return 0;
	verdict = refusal(c, r, MC_STAGE_RCPT,
	    "the server refused the recipient", &why);
	if (is_too_many(c, r)) {
		verdict = MC_DEFERRED;
		rcpt->split = true;
	}
	reply_text(r, text, sizeof(text));
	verdict_err(rcpt, verdict, &why, text);
	return 0;
}

static int
on_data(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code == 354) {
		mc_dot_init(&c->dot);
		c->lone_dot = c->accepted == 0;
		mc_client_go(c, MC_ST_BODY);
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	refuse_rest(c, r, MC_STAGE_DATA, "the server refused the message");
	finish(c);
	return 0;
}

static int
on_end(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	char text[MC_MAX_REPLY_TEXT + 32];
	size_t k;

	if (r->code < 250 || (r->code > 259 && r->code < 400))
		return mc_client_unexpected(c, r, err);
	c->need_rset = false;
	if (r->code >= 400) {
		refuse_rest(c, r, MC_STAGE_END,
		    "the server refused the message");
		finish(c);
		return 0;
	}
	reply_text(r, text, sizeof(text));
	for (k = 0; k < c->n_active; k++)
		if (job_rcpt(c, k)->verdict == MC_PENDING) {
			job_rcpt(c, k)->verdict = MC_DELIVERED;
			set_texts(job_rcpt(c, k), NULL, text);
		}
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
	if (c->state == MC_ST_END) {
		if (on_end(c, r, err) != 0)
			return -1;
		if (r->code == 421)
			mc_client_go(c, MC_ST_DEAD);
		return 0;
	}
	if (r->code == 421)
		return mc_client_unavailable(c, r, err);
	if (c->answered == slot_data(c))
		return on_data(c, r, err);
	if (c->answered == MC_SLOT_RSET) {
		if (on_reset(c, r, err) != 0)
			return -1;
	} else if (c->answered == MC_SLOT_MAIL) {
		if (on_mail(c, r, err) != 0)
			return -1;
	} else if (on_rcpt(c, r, err) != 0) {
		return -1;
	}
	c->answered++;
	if (c->sent != c->answered)
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

/* where the transaction stands once no further reply is in the buffer */
static int
what_next(struct mc_client *c, struct mc_err *err)
{
	if (c->state == MC_ST_BODY) {
		if (c->in.len != 0)
			return early_reply(c, err);
		c->asked = false;
		if (!c->lone_dot)
			return MC_WANT_BODY;
		/* nobody wants it: close the transaction without the text */
		if (mc_client_body_end(c, err) != 0)
			return -1;
		return MC_WANT_READ;
	}
	if (c->state == MC_ST_END) {
		if (c->in.len != 0 && c->out.len != 0)
			return early_reply(c, err);
		return MC_WANT_READ;
	}
	if (put_more(c, err) != 0)
		return -1;
	if (c->sent == c->answered && pointless(c)) {
		c->need_rset = c->mail_ok;
		finish(c);
		return MC_WANT_JOB;
	}
	await(c);
	return MC_WANT_READ;
}

static bool
reply_is_awaited(const struct mc_client *c)
{
	return c->state == MC_ST_END ||
	    (c->state != MC_ST_BODY && c->sent > c->answered);
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
		if (c->state == MC_ST_END && c->out.len != 0)
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
			return MC_WANT_JOB;
		if (c->state == MC_ST_DEAD)
			return MC_WANT_CLOSE;
		if (c->state != MC_ST_BODY && c->state != MC_ST_END)
			await(c);
	}
	return what_next(c, err);
}

/* -------------------------------------------------------------------- body */

int
mc_client_body(struct mc_client *c, struct mc_str piece, struct mc_err *err)
{
	if (c->state != MC_ST_BODY || c->lone_dot)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "message text in the wrong state");
	mc_dot_add(&c->dot, piece, &c->out);
	return mc_buf_err(&c->out, "message text", err);
}

int
mc_client_body_end(struct mc_client *c, struct mc_err *err)
{
	if (c->state != MC_ST_BODY)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "end of data in the wrong state");
	mc_dot_end(&c->dot, &c->out);
	if (mc_buf_err(&c->out, "message text", err) != 0)
		return -1;
	c->dot_out = true;
	mc_client_go(c, MC_ST_END);
	return 0;
}

void
mc_client_body_abort(struct mc_client *c, const struct mc_err *why)
{
	mc_client_txn_lost(c, why);
	mc_client_go(c, MC_ST_DEAD);
}
