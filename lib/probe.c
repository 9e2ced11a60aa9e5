/* SPDX-License-Identifier: MIT */
/*
 * probe.c - the way of a message as far as the log-in, told step by step
 */
#include "base/base.h"
#include "mailchute.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/mailbox.h"
#include "transport/transport.h"

/* a time limit of the account, which may be none, is at most that */
static uint64_t
at_most(uint64_t seconds, int ms)
{
	uint64_t most = ((uint64_t)ms + 999) / 1000;

	return seconds == 0 || seconds > most ? most : seconds;
}

/* ----------------------------------------------------- mail to somebody */

static int
add_rcpt(struct mc_envelope *env, const char *text, struct mc_err *err)
{
	struct mc_addr_list list;
	const struct mc_addr *addr;
	struct mc_buf out;
	size_t i;
	int rc = -1;

	mc_addr_list_init(&list);
	mc_buf_init(&out, 2 * MC_MAX_DOMAIN + 2);
	if (mc_addr_parse(mc_str_from(text), 0, &list, err) != 0)
		goto out;
	if (list.addrs.n != 1) {
		(void)mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "one address is needed");
		goto out;
	}
	addr = mc_vec_at(&list.addrs, 0);
	if (mc_mailbox_make(addr->local, addr->domain, &out, err) == 0 &&
	    mc_buf_err(&out, "address", err) == 0)
		rc = mc_envelope_add(env, mc_buf_str(&out), false, &i, err);
out:
	mc_buf_clear(&out);
	mc_addr_list_clear(&list);
	return rc;
}

static int
make_envelope(struct mc_envelope *env, const struct mc_account *account,
    const char *rcpt, struct mc_err *err)
{
	struct mc_str from = mc_account_from(account);

	if (from.len == 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "account %s has no sender: set `from`", account->name);
	if (mc_envelope_set_sender(env, from, err) != 0)
		return -1;
	return add_rcpt(env, rcpt, err);
}

/* what the server has said of the only recipient */
static int
verdict_of(const struct mc_rcpt *rcpt, struct mc_err *err)
{
	if (rcpt->verdict == MC_PENDING)
		return 0;
	(void)mc_err_set(err, rcpt->code, rcpt->stage, "%s",
	    rcpt->text != NULL ? rcpt->text : "refused");
	if (err != NULL && err->code == rcpt->code && err->smtp == 0) {
		err->smtp = rcpt->smtp;
		memcpy(err->enh, rcpt->enh, sizeof(err->enh));
	}
	return -1;
}

static int
ask(const struct mc_transport_ops *ops, struct mc_transport *t,
    struct mc_envelope *env, struct mc_err *err)
{
	static const size_t first[] = { 0 };
	struct mc_spool body;
	struct mc_transport_job job = { .env = env, .order = first, .n = 1,
	    .body = &body, .ask = true };
	int rc;

	/* nothing is ever written into it */
	mc_spool_init(&body, MC_SPOOL_MEMORY, NULL);
	rc = ops->send(t, &job, err);
	mc_spool_clear(&body);
	return rc < 0 ? -1 : verdict_of(mc_envelope_at(env, 0), err);
}

static int
run(const struct mc_transport_env *env, struct mc_envelope *envelope,
    struct mc_err *err)
{
	const struct mc_transport_ops *ops;
	struct mc_transport *t;
	int rc = 0;

	if (mc_transport_find(env->account, &ops, err) != 0 ||
	    ops->open(env, &t, err) != 0)
		return -1;
	if (envelope->rcpts.n != 0)
		rc = ask(ops, t, envelope, err);
	ops->close(t);
	return rc;
}

int
mc_probe(const struct mc_caller *caller, const struct mc_config *config,
    const struct mc_probe *probe, struct mc_err *err)
{
	const struct mc_facts facts = { probe->fact, probe->ctx };
	const struct mc_log log = { probe->log, probe->log_ctx,
	    MC_LOG_TRACE };
	struct mc_transport_env env = { .caller = caller, .facts = &facts,
	    .log = &log, .cancel_fd = probe->cancel_fd };
	const struct mc_account *found;
	struct mc_account account;
	struct mc_envelope envelope;
	int rc = 0;

	if (mc_config_find(config, probe->account, &found, err) != 0)
		return -1;
	/* what it points to stays the configuration's */
	account = *found;
	if (probe->timeout_ms > 0) {
		account.connect_timeout = at_most(account.connect_timeout,
		    probe->timeout_ms);
		account.timeout = at_most(account.timeout, probe->timeout_ms);
		env.session_ms = probe->timeout_ms;
	}
	env.account = &account;
	env.no_login = (probe->flags & MC_PROBE_NO_AUTH) != 0;
	mc_envelope_init(&envelope);
	if (probe->rcpt != NULL && !env.no_login)
		rc = make_envelope(&envelope, found, probe->rcpt, err);
	if (rc == 0)
		rc = run(&env, &envelope, err);
	mc_envelope_clear(&envelope);
	return rc;
}
