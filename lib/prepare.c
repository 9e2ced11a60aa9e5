/* SPDX-License-Identifier: MIT */
/*
 * prepare.c - all decisions that need no network: account, envelope, header, plan
 */
#include "base/base.h"
#include "submission.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/date.h"
#include "mail/fold.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "mail/mime.h"
#include "mail/strip.h"

#include <time.h>

static struct mc_str
host_domain(const struct mc_submission *sub)
{
	return mc_str_from(sub->caller->mailname != NULL ?
	    sub->caller->mailname : sub->caller->hostname);
}

/* ------------------------------------------------------------------- account */

/* make an address; what cannot be one leaves out empty, -1 is MC_E_NOMEM */
static int
try_make(struct mc_str local, struct mc_str domain, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (domain.len == 0 ||
	    mc_mailbox_make(local, domain, out, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_buf_reset(out);
	return 0;
}

/*
 * The first address of the header's From, made; empty if there is none.  -1
 * is MC_E_NOMEM: taken for no From, it would choose another account.
 */
static int
header_from(const struct mc_submission *sub, struct mc_buf *out,
    struct mc_err *err)
{
	size_t i = mc_header_find(&sub->message.header, "From", 0);
	struct mc_err why = { .code = MC_OK };
	struct mc_addr_list list;
	int rc = 0;

	if (i == SIZE_MAX)
		return 0;
	mc_addr_list_init(&list);
	if (mc_addr_parse(mc_header_at(&sub->message.header, i)->value,
	    MC_ADDR_NULL_OK, &list, &why) == 0) {
		const struct mc_addr *addr = mc_vec_at(&list.addrs, 0);

		if (addr != NULL)
			rc = try_make(addr->local, addr->domain, out, err);
	} else if (why.code == MC_E_NOMEM) {
		rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	mc_addr_list_clear(&list);
	return rc;
}

static int
choose_account(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_buf from, sender;
	int rc = -1;

	mc_buf_init(&from, MC_MAX_PATH * 2);
	mc_buf_init(&sender, MC_MAX_PATH * 2);
	if (sub->account_name != NULL) {
		sub->rule = "named by the caller";
		rc = mc_config_find(sub->config, sub->account_name,
		    &sub->account, err);
		goto out;
	}
	if (header_from(sub, &from, err) != 0 ||
	    (sub->has_sender && try_make(mc_str_from(sub->sender.local),
	    mc_str_from(sub->sender.domain), &sender, err) != 0))
		goto out;
	rc = mc_config_choose(sub->config, mc_buf_str(&sender),
	    mc_buf_str(&from), &sub->account, &sub->rule, err);
out:
	mc_buf_clear(&from);
	mc_buf_clear(&sender);
	return rc;
}

/*
 * The domain for senders, header addresses and Message-ID: the configured
 * one, else that of the account's own address, else the host's name.  (A
 * recipient never gets a guessed domain, see resolve.c.)
 */
static int
find_domain(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_str from = mc_account_from(sub->account);
	size_t at = mc_mailbox_at(from);
	struct mc_str d = mc_str_from(sub->account->domain);
	struct mc_err why = { .code = MC_OK };

	mc_buf_reset(&sub->own_domain);
	if (d.len == 0 && at < from.len)
		d = mc_str_sub(from, at + 1, from.len);
	if (d.len == 0)
		d = host_domain(sub);
	if (d.len != 0 && mc_idna_host(d, false, &sub->own_domain, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_buf_reset(&sub->own_domain);
	mc_buf_addz(&sub->own_domain, "localhost");
	return mc_buf_err(&sub->own_domain, "domain", err);
}

/* RFC 8689 section 5: delivery is worth more than secrecy, says the sender of
 * this message */
static bool
waives_tls(const struct mc_header *h)
{
	size_t i = mc_header_find(h, "TLS-Required", 0);

	return i != SIZE_MAX && mc_str_eq_nocase(mc_str_trim(
	    mc_header_at(h, i)->value), MC_STR("No"));
}

static void
settle_tls(struct mc_submission *sub)
{
	bool waived = waives_tls(&sub->message.header);

	sub->env.require_tls = sub->account->require_tls && !waived;
	if (sub->account->require_tls && waived)
		mc_log_line(&sub->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "the message says TLS-Required: No, so require-tls is not "
		    "asked for");
}

static int
settle_dsn(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_envelope *env = &sub->env;
	int64_t now = mc_clock_real_ms() / 1000;
	struct mc_rcpt *rcpt;
	size_t i;

	settle_tls(sub);
	env->has_priority = sub->has_priority;
	env->priority = sub->priority;
	env->by = sub->by;
	env->by_trace = sub->by_trace;
	/* what waits for its time has all of its time for delivery then */
	if (sub->send_at > now)
		env->hold_until = sub->send_at;
	env->by_time = (int64_t)sub->by_seconds +
	    (env->hold_until != 0 ? env->hold_until : now);
	env->ret = sub->ret;
	env->body_8bit = sub->body_8bit;
	env->smtputf8 = sub->smtputf8 && sub->message.header_8bit;
	if (sub->envid != NULL) {
		env->envid = mc_mem_strdup(sub->envid);
		if (env->envid == NULL)
			goto nomem;
	}
	for (i = 0; i < env->rcpts.n; i++) {
		rcpt = mc_envelope_at(env, i);
		if (rcpt->notify == 0 || rcpt->orcpt != NULL ||
		    mc_mailbox_is_bare(mc_str_from(rcpt->addr)))
			continue;
		rcpt->orcpt = mc_mem_strdup(rcpt->addr);
		if (rcpt->orcpt == NULL)
			goto nomem;
	}
	return 0;
nomem:
	return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
}

/* -------------------------------------------------------------------- header */

/* for bare names */
static struct mc_str
header_domain(const struct mc_submission *sub)
{
	struct mc_str d = mc_str_from(sub->account->domain);

	if (d.len == 0)
		d = host_domain(sub);
	if (d.len == 0 || mc_str_chr(d, '_') < d.len)
		d = mc_buf_str(&sub->own_domain);
	return d;
}

static int
fix_header(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_fixup fix = { 0 };
	struct mc_buf from, own;
	int rc = -1;

	mc_buf_init(&from, MC_MAX_PATH * 2);
	mc_buf_init(&own, MC_MAX_PATH * 2);
	if (mc_submission_fix_from(sub, &from, &own, &fix, err) != 0)
		goto out;
	if (!mc_submission_is_bare(sub))
		fix.domain = header_domain(sub);
	/* made here for the local service too: all attempts need the same */
	fix.id_domain = mc_buf_str(&sub->own_domain);
	fix.now = (int64_t)time(NULL);
	rc = mc_fixup_header(&sub->message.header, &fix, &sub->message_id,
	    err);
out:
	mc_buf_clear(&own);
	mc_buf_clear(&from);
	return rc;
}

/*
 * Behind the fix-ups: these count the Received fields, and whoever has them
 * removed still wants to know of a loop.
 */
static int
strip_header(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_buf kept;
	int rc;

	mc_buf_init(&kept, MC_MAX_CONFIG_LINE);
	rc = mc_strip_header(&sub->message.header,
	    mc_str_from(sub->account->strip_headers), &sub->stripped, &kept,
	    err);
	if (rc == 0 && sub->stripped.len != 0)
		mc_log_line(&sub->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "removed, as strip-headers says: %s", sub->stripped.ptr);
	if (rc == 0 && kept.len != 0)
		mc_log_line(&sub->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "kept in spite of strip-headers, since a signature covers "
		    "it: %s", kept.ptr);
	mc_buf_clear(&kept);
	return rc;
}

static bool
strips_received(const struct mc_account *a)
{
	struct mc_str rest = mc_str_from(a->strip_headers), word;

	while (mc_str_next_token(&rest, " ", &word))
		if (mc_str_eq_nocase(word, MC_STR("Received")))
			return true;
	return false;
}

/*
 * RFC 5321 4.4, and of what it may hold no more than finds the message again
 * (7.6): not who handed it in, nor from where, nor for whom.
 */
static int
add_trace(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_buf value;
	int rc;

	if (sub->received_by == NULL)
		return 0;
	if (mc_rand_id(sub->id, err) != 0)
		return -1;
	if (strips_received(sub->account))
		return 0;
	mc_buf_init(&value, MC_MAX_DOMAIN + 200);
	mc_buf_addf(&value, "from localhost (local)\r\n\tby %s with %s id "
	    "%s;\r\n\t", sub->received_by, sub->received_with, sub->id);
	mc_date_format((int64_t)time(NULL), &value);
	rc = mc_buf_err(&value, "Received", err);
	if (rc == 0)
		rc = mc_header_insert(&sub->message.header, 0,
		    MC_STR("Received"), mc_buf_str(&value), err);
	mc_buf_clear(&value);
	return rc;
}

/*
 * What hardly any server takes is encoded, part by part; what cannot be is
 * refused before anything is sent.  The queue gets it so, too; for the server
 * that is asked now, what is marked as binary stays at hand as it is.
 */
static int
fix_body(struct mc_submission *sub, struct mc_err *err)
{
	struct mc_message *m = &sub->message;
	unsigned want = (m->facts.longest_line > MC_MAX_LINE ? MC_MIME_LINES :
	    0) | (m->facts.has_nul ? MC_MIME_NUL : 0);
	struct mc_spool body;
	bool binary;
	int rc;

	if (want == 0)
		return 0;
	if (mc_mime_is_binary(&m->header, &m->body, want, &binary, err) != 0)
		return -1;
	mc_spool_init(&body, MC_SPOOL_MEMORY, sub->caller->tmpdir);
	rc = mc_mime_convert(&m->header, &m->body, want, &body, err);
	if (rc > 0)
		rc = mc_message_set_body(m, &body, err);
	if (rc == 0 && binary) {
		struct mc_spool empty = sub->binary;

		sub->binary = body;
		body = empty;
	}
	mc_spool_clear(&body);
	if (rc == 0 && (m->facts.has_nul ||
	    m->facts.longest_line > MC_MAX_LINE))
		rc = mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "long lines or NUL are left in the text");
	return rc;
}

static int
prepare(struct mc_submission *sub, struct mc_err *err)
{
	if (mc_submission_end(sub, err) != 0 ||
	    choose_account(sub, err) != 0 || find_domain(sub, err) != 0 ||
	    mc_submission_resolve(sub, err) != 0 ||
	    mc_submission_settle_sender(sub, err) != 0 ||
	    settle_dsn(sub, err) != 0 ||
	    fix_body(sub, err) != 0 || fix_header(sub, err) != 0 ||
	    strip_header(sub, err) != 0 || add_trace(sub, err) != 0 ||
	    mc_fold_header(&sub->message.header, err) != 0)
		return -1;
	mc_header_write(&sub->message.header, &sub->header);
	if (mc_buf_err(&sub->header, "header", err) != 0)
		return -1;
	if (mc_plan_make(&sub->env, (enum mc_fan_out)sub->account->fan_out,
	    (size_t)sub->account->max_recipients, &sub->plan, err) != 0)
		return -1;
	return 0;
}

int
mc_submission_prepare(struct mc_submission *sub, struct mc_err *err)
{
	if (sub->prepared)
		return 0;
	/* half of it is done, and not a second time */
	if (!mc_err_is_set(&sub->broken) && prepare(sub, &sub->broken) == 0) {
		sub->prepared = true;
		return 0;
	}
	if (err != NULL)
		*err = sub->broken;
	return -1;
}
