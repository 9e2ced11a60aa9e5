/* SPDX-License-Identifier: MIT */
/*
 * sender.c - who sends: the envelope's sender, and what a From is made of
 */
#include "base/base.h"
#include "submission.h"

#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "mail/mailbox.h"

/* local@domain, with the sender's own domain for a bare name, unless the server
 * is to add one */
static int
make_address(const struct mc_submission *sub, const char *local,
    const char *domain, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str d = mc_str_from(domain);

	if (d.len == 0 && mc_submission_is_bare(sub))
		return mc_mailbox_bare(mc_str_from(local), out, err);
	if (d.len == 0)
		d = mc_buf_str(&sub->own_domain);
	return mc_mailbox_make(mc_str_from(local), d, out, err);
}

/* the address of who sends when nobody has said so */
static int
default_address(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str from = mc_account_from(sub->account);

	if (from.len != 0) {
		mc_buf_add_str(out, from);
		return mc_buf_err(out, "sender", err);
	}
	if (sub->caller->login == NULL)
		return mc_err_set(err, MC_E_NO_USER, MC_STAGE_LOCAL,
		    "user %lu has no name here: set from in the "
		    "configuration, or use -f", sub->caller->uid);
	return make_address(sub, sub->caller->login, NULL, out, err);
}

/* the same where it may be missing: out is empty then; -1 is MC_E_NOMEM */
static int
try_default(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (default_address(sub, out, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_buf_reset(out);
	return 0;
}

/*
 * The address that from-policy puts in place of others.  An account with
 * patterns alone has the user's own address, if that fits one.  Empty: the
 * account has none, and nothing can be put there.
 */
static int
own_address(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	if (sub->account->from_policy == MC_FROM_KEEP)
		return 0;
	if (try_default(sub, out, err) != 0)
		return -1;
	if (!mc_account_owns(sub->account, mc_buf_str(out)))
		mc_buf_reset(out);
	return 0;
}

/* ---------------------------------------------------------------- envelope */

static int
make_configured(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	const struct mc_caller *c = sub->caller;
	struct mc_sender_names names = {
		.login = mc_str_from(c->login),
		.host = mc_str_from(c->hostname),
		.mail = mc_str_from(c->mailname != NULL ? c->mailname :
		    c->hostname),
		.domain = mc_buf_str(&sub->own_domain),
	};

	if (mc_envelope_from_make(mc_str_from(sub->account->envelope_from),
	    &names, out, err) == 0)
		return 0;
	mc_err_ctx(err, "envelope-from of account %s", sub->account->name);
	return -1;
}

/* what -f says, or the account's own address where from-policy wants that */
static int
make_given(struct mc_submission *sub, struct mc_buf *out, bool *ret_use,
    struct mc_err *err)
{
	struct mc_buf own;
	int rc;

	if (make_address(sub, sub->sender.local, sub->sender.domain, out,
	    err) != 0) {
		mc_err_ctx(err, "sender");
		return -1;
	}
	mc_buf_init(&own, 2 * MC_MAX_PATH);
	rc = own_address(sub, &own, err);
	if (rc == 0)
		*ret_use = own.len == 0 ||
		    mc_account_owns(sub->account, mc_buf_str(out));
	mc_buf_clear(&own);
	return rc;
}

int
mc_submission_settle_sender(struct mc_submission *sub, struct mc_err *err)
{
	const struct mc_account *a = sub->account;
	bool null = sub->has_sender && sub->sender.local[0] == '\0';
	bool given = false;
	struct mc_buf out;
	int rc = 0;

	mc_buf_init(&out, 2 * MC_MAX_PATH);
	if (sub->has_sender && !null && !a->envelope_from_fixed)
		rc = make_given(sub, &out, &given, err);
	if (rc == 0 && !given && !null) {
		mc_buf_reset(&out);
		rc = a->envelope_from != NULL ?
		    make_configured(sub, &out, err) :
		    default_address(sub, &out, err);
	}
	if (rc == 0)
		rc = mc_envelope_set_sender(&sub->env, mc_buf_str(&out), err);
	if (rc == 0)
		sub->sender_given = given;
	mc_buf_clear(&out);
	return rc;
}

/* ------------------------------------------------------------------ header */

/*
 * The address for a From that is missing: the sender that was given, else who
 * sends.  A report of failure (sender <>) may come from where nobody has a
 * name, as in a container: it still needs an address there.
 */
static int
from_address(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	const char *sender = sub->env.sender;

	if (!sub->sender_given && try_default(sub, out, err) != 0)
		return -1;
	if (out->len == 0 && sender[0] != '\0')
		mc_buf_addz(out, sender);
	else if (out->len == 0)
		return make_address(sub, "MAILER-DAEMON", NULL, out, err);
	return mc_buf_err(out, "sender", err);
}

static bool
owns(const void *ctx, struct mc_str addr)
{
	return mc_account_owns(ctx, addr);
}

int
mc_submission_fix_from(const struct mc_submission *sub, struct mc_buf *from,
    struct mc_buf *own, struct mc_fixup *fix, struct mc_err *err)
{
	const struct mc_account *a = sub->account;
	const char *name = mc_env_get(sub->caller->envp, "NAME");

	if (from_address(sub, from, err) != 0 ||
	    own_address(sub, own, err) != 0)
		return -1;
	if (name == NULL)
		name = sub->caller->full_name;
	if (a->from_name != NULL)
		name = a->from_name;
	fix->from_addr = mc_buf_str(from);
	fix->own_addr = mc_buf_str(own);
	fix->from_name = mc_str_from(sub->full_name != NULL ? sub->full_name :
	    name);
	fix->own_name = a->from_name != NULL ? mc_str_from(a->from_name) :
	    fix->from_name;
	fix->from_policy = (enum mc_from_policy)a->from_policy;
	fix->owns = owns;
	fix->owns_ctx = a;
	return 0;
}
