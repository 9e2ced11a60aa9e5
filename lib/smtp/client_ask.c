/* SPDX-License-Identifier: MIT */
/*
 * client_ask.c - whom a transaction asks for, and its commands
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/mem.h"
#include "mail/mailbox.h"

/*
 * RFC 8689 4.2.1: by TLS to a server that we know, which promises the same.
 * The connection may be another one tomorrow; the server will not.
 */
static enum mc_verdict
check_require_tls(const struct mc_client *c, bool is_report,
    struct mc_err *ret_why)
{
	if (!c->secured || !c->channel.verified) {
		(void)mc_err_set(ret_why, MC_E_TLS, MC_STAGE_TLS,
		    "the message may only go by verified TLS (require-tls), "
		    "which this connection is not");
		return MC_DEFERRED;
	}
	/* RFC 8689 section 5: a report is not lost for it */
	if ((c->caps.flags & MC_CAP_REQUIRETLS) != 0 || is_report)
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

/*
 * RFC 4865: for a time that is to come, the message goes only to a server that
 * holds it for so long.  With a time for its delivery as well it goes when that
 * begins: servers do not agree on which of the two counts from which.
 */
static void
check_hold(const struct mc_client *c, const struct mc_client_job *job,
    struct mc_err *ret_why)
{
	const struct mc_envelope *env = job->env;

	if (env->hold_until <= job->now)
		return;
	if (env->by != MC_BY_NONE)
		(void)mc_err_set(ret_why, MC_E_NEED_FUTURERELEASE,
		    MC_STAGE_MAIL, "a message with a time for its delivery is "
		    "not given to the server before it is to be sent");
	else if ((c->caps.flags & MC_CAP_FUTURERELEASE) == 0)
		(void)mc_err_set(ret_why, MC_E_NEED_FUTURERELEASE,
		    MC_STAGE_MAIL, "the server does not hold messages until a "
		    "time (it does not offer FUTURERELEASE)");
	else if (!mc_caps_can_hold(&c->caps, env->hold_until, job->now))
		(void)mc_err_set(ret_why, MC_E_NEED_FUTURERELEASE,
		    MC_STAGE_MAIL, "the server does not hold messages for so "
		    "long");
}

/*
 * It was left to the local service to say who that is, and the account has
 * another server by now: there the name would be a stranger's.
 */
static void
check_bare(const struct mc_client *c, const struct mc_client_job *job,
    const struct mc_rcpt *rcpt, struct mc_err *err)
{
	const char *sender = job->env->sender;

	if (c->set.is_service)
		return;
	if (mc_mailbox_is_bare(mc_str_from(rcpt->addr)))
		(void)mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_RCPT,
		    "\"%s\" is no full address, and this server is not the "
		    "local service, which would know whom it means",
		    rcpt->addr);
	else if (mc_mailbox_is_bare(mc_str_from(sender)))
		(void)mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_MAIL,
		    "the sender \"%s\" is no full address, and this server is "
		    "not the local service, which would know whom it means",
		    sender);
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
		verdict = check_require_tls(c, job->env->sender[0] == '\0',
		    &e);
	if (!mc_err_is_set(&e))
		check_by(c, job, &e);
	if (!mc_err_is_set(&e))
		check_bare(c, job, rcpt, &e);
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
	if (!mc_err_is_set(&e)) {
		check_hold(c, job, &e);
		verdict = MC_DEFERRED;
	}
	if (!mc_err_is_set(&e))
		return false;
	if (c->set.is_service)
		mc_client_name_service(&e);
	/* of what it offers, no log-in that is still to come changes anything */
	mc_client_verdict(rcpt, mc_client_trusted(c) ||
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
		if (!mc_str_is_ascii(mc_str_from(mc_client_rcpt(t, k)->addr)))
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

	mail->require_tls = env->require_tls &&
	    (c->caps.flags & MC_CAP_REQUIRETLS) != 0;
	mail->has_priority = env->has_priority &&
	    (c->caps.flags & MC_CAP_PRIORITY) != 0;
	mail->priority = env->priority;
	if ((c->caps.flags & MC_CAP_DELIVERBY) != 0)
		mail->by = env->by;
	mail->by_trace = env->by_trace;
	mail->by_seconds = env->by_time - t->job.now;
	if (env->hold_until > t->job.now)
		mail->hold_until = env->hold_until;
	if (env->require_tls && !mail->require_tls)
		note_left_out(c, "REQUIRETLS");
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
	mail.bare_ok = c->set.is_service;
	mail.has_size = (c->caps.flags & MC_CAP_SIZE) != 0;
	mail.size = t->job.size;
	mail.body_8bit = (c->caps.flags & MC_CAP_8BITMIME) != 0 &&
	    t->job.needs_8bit;
	mail.body_binary = t->job.needs_binary;
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
	cmd.bare_ok = c->set.is_service;
	cmd.dsn = rcpt->dsn = (c->caps.flags & MC_CAP_DSN) != 0;
	cmd.notify = rcpt->notify;
	/* a name alone is no address that anybody could be told of */
	cmd.orcpt = mc_str_from(rcpt->orcpt);
	if (rcpt->orcpt == NULL && !mc_mailbox_is_bare(cmd.addr))
		cmd.orcpt = cmd.addr;
	cmd.utf8 = (c->caps.flags & MC_CAP_SMTPUTF8) != 0;
	return mc_cmd_rcpt(mc_client_cmd(c), &cmd, err);
}

/* before the first command, if it has waited for that */
int
mc_client_put_auth(struct mc_client *c, struct mc_err *err)
{
	struct mc_str ir = mc_buf_str(&c->ir);

	if (c->auth != MC_AUTH_WAITS)
		return 0;
	if (mc_cmd_auth(mc_client_cmd(c), c->mech, &ir, err) != 0)
		return -1;
	mc_client_go(c, MC_ST_AUTH);
	mc_client_trace_cmd(c);
	c->auth = MC_AUTH_SENT;
	c->auth_end = c->handed + c->out.len;
	return 0;
}

int
mc_client_put_slot(struct mc_client *c, struct mc_client_txn *t, size_t slot,
    struct mc_err *err)
{
	int rc;

	if (slot == MC_SLOT_RSET)
		rc = mc_cmd_plain(mc_client_cmd(c), "RSET", err);
	else if (slot == MC_SLOT_MAIL)
		rc = put_mail(c, t, err);
	else if (slot == mc_client_slot_data(t))
		rc = mc_cmd_plain(mc_client_cmd(c), "DATA", err);
	else
		rc = put_rcpt(c, mc_client_rcpt(t, slot - MC_SLOT_RCPT), err);
	if (rc == 0)
		mc_client_trace_cmd(c);
	return rc;
}

int
mc_client_choose(struct mc_client *c, struct mc_client_txn *t,
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
