/* SPDX-License-Identifier: MIT */
/*
 * probe.c - the way of a message as far as the log-in, told step by step
 */
#include "base/base.h"
#include "mailchute.h"

#include "base/err.h"
#include "transport/transport.h"

/* a time limit of the account, which may be none, is at most that */
static uint64_t
at_most(uint64_t seconds, int ms)
{
	uint64_t most = ((uint64_t)ms + 999) / 1000;

	return seconds == 0 || seconds > most ? most : seconds;
}

static int
run(const struct mc_transport_env *env, struct mc_err *err)
{
	const struct mc_transport_ops *ops;
	struct mc_transport *t;

	if (mc_transport_find(env->account, &ops, err) != 0 ||
	    ops->open(env, &t, err) != 0)
		return -1;
	ops->close(t);
	return 0;
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
	return run(&env, err);
}
