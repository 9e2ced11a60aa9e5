/* SPDX-License-Identifier: MIT */
/*
 * client_verdict.c - what a reply means for the recipients of a transaction
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

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

void
mc_client_verdict(struct mc_rcpt *rcpt, enum mc_verdict verdict,
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
 * The server does not like the parameter that it has offered, or the time: it
 * said nothing against the message, which can wait here.  What is about the
 * sender (x.1.y) or not allowed (x.7.y) is no better later.
 */
static bool
is_about_hold(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage)
{
	const struct mc_client_job *job = &mc_client_oldest(c)->job;

	return stage == MC_STAGE_MAIL && job->env->hold_until > job->now &&
	    (r->code == 501 || r->code == 504 || r->code == 555 ||
	    (r->code >= 500 && r->code != 503 && r->enh[1] == 5)) &&
	    r->enh[1] != 1 && r->enh[1] != 7;
}

/* the service does not let this user send as that sender */
static bool
is_not_allowed(const struct mc_reply *r, enum mc_stage stage)
{
	return stage == MC_STAGE_MAIL && r->code == 550 && r->enh[0] == 5 &&
	    r->enh[1] == 7 && r->enh[2] == 1;
}

/*
 * What a refusal means for a recipient: final only from a server that has
 * proved who it is and let us in; 530 and 538 are about
 * the account, 503 about the order of commands: never about the mail.
 */
enum mc_verdict
mc_client_refusal(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage, const char *what, struct mc_err *ret_why)
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
	if (is_about_hold(c, r, stage)) {
		code = MC_E_NEED_FUTURERELEASE;
		verdict = MC_DEFERRED;
		what = "the server refused to hold the message until its time";
	}
	if (c->set.is_service && is_not_allowed(r, stage))
		code = MC_E_NOT_ALLOWED;
	memset(ret_why, 0, sizeof(*ret_why));
	(void)mc_reply_err(r, code, stage, what, ret_why);
	if (c->set.is_service)
		mc_client_name_service(ret_why);
	return verdict;
}

void
mc_client_name_service(struct mc_err *err)
{
	static const char from[] = "the server", to[] = "the local service";
	char text[MC_ERR_TEXT];

	if (err == NULL || strncmp(err->text, from, sizeof(from) - 1) != 0)
		return;
	memcpy(text, err->text, sizeof(text));
	(void)snprintf(err->text, sizeof(err->text), "%s%.*s", to,
	    (int)(sizeof(err->text) - sizeof(to)), text + sizeof(from) - 1);
}

void
mc_client_reply_text(const struct mc_reply *r, char *ret_text, size_t size)
{
	struct mc_buf b;

	mc_buf_init(&b, MC_MAX_REPLY_TEXT + 32);
	mc_reply_text(r, &b);
	snprintf(ret_text, size, "%.*s", MC_STR_FMT(mc_buf_str(&b)));
	mc_buf_clear(&b);
}

/* the same refusal for every recipient that has no verdict yet */
void
mc_client_refuse_rest(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage, const char *what)
{
	struct mc_client_txn *t = mc_client_oldest(c);
	struct mc_err why;
	char text[MC_MAX_REPLY_TEXT + 32];
	enum mc_verdict verdict = mc_client_refusal(c, r, stage, what, &why);
	size_t k;

	mc_client_reply_text(r, text, sizeof(text));
	for (k = 0; k < t->n_active; k++)
		if (mc_client_rcpt(t, k)->verdict == MC_PENDING)
			mc_client_verdict(mc_client_rcpt(t, k), verdict, &why,
			    text);
}

/* a log-in that was refused is the reason, whatever each reply said */
void
mc_client_blame_auth(struct mc_client *c)
{
	struct mc_client_txn *t = mc_client_oldest(c);

	for (size_t k = 0; k < t->n_active; k++)
		if (mc_client_rcpt(t, k)->verdict != MC_DELIVERED)
			mc_client_verdict(mc_client_rcpt(t, k), MC_DEFERRED,
			    &c->auth_err, NULL);
}

void
mc_client_deliver(struct mc_rcpt *rcpt, const char *text)
{
	rcpt->verdict = MC_DELIVERED;
	set_texts(rcpt, NULL, text);
}
