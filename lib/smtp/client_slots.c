/* SPDX-License-Identifier: MIT */
/*
 * client_slots.c - the replies to a transaction, slot by slot
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"

/* it does not know the parameter that it offers, or can do nothing with what it
 * announces (RFC 3463 3.7) */
static bool
is_binary_refused(const struct mc_client *c, const struct mc_reply *r)
{
	return mc_client_oldest(c)->job.needs_binary &&
	    c->auth != MC_AUTH_FAILED && (r->code == 501 || r->code == 504 ||
	    r->code == 555 || (r->code >= 500 && r->enh[1] == 6));
}

static int
on_mail(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_oldest(c);

	t->mail_answered = true;
	if (r->code == 250) {
		t->mail_ok = true;
		c->need_rset = true;
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	/* the text may be on its way in that form: the owner begins anew */
	if (is_binary_refused(c, r)) {
		c->no_binary = true;
		return mc_reply_err(r, MC_E_REPLY_UNEXPECTED, MC_STAGE_MAIL,
		    "the server offers BINARYMIME and refuses it", err);
	}
	mc_client_refuse_rest(c, r, MC_STAGE_MAIL,
	    "the server refused the sender");
	return 0;
}

/* RFC 5321 4.5.3.1.10: 452, and 552 from older servers, end a batch; unless
 * the enhanced code (RFC 3463) says that it is about the address, the mailbox or
 * a rule */
static bool
is_too_many(const struct mc_client_txn *t, const struct mc_reply *r)
{
	return t->accepted != 0 && (r->code == 452 || r->code == 552) &&
	    r->enh[1] != 1 && r->enh[1] != 2 && r->enh[1] != 7;
}

static int
on_rcpt(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_oldest(c);
	struct mc_rcpt *rcpt = mc_client_rcpt(t, t->answered - MC_SLOT_RCPT);
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
	verdict = mc_client_refusal(c, r, MC_STAGE_RCPT,
	    "the server refused the recipient", &why);
	if (is_too_many(t, r)) {
		verdict = MC_DEFERRED;
		rcpt->split = true;
	}
	mc_client_reply_text(r, text, sizeof(text));
	mc_client_verdict(rcpt, verdict, &why, text);
	return 0;
}

int
mc_client_auth_failed(struct mc_client *c, struct mc_err *err)
{
	if (err != NULL)
		*err = c->auth_err;
	return -1;
}

static int
on_data(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_oldest(c);

	if (r->code < 400 && c->out.len != 0)
		return mc_client_too_early(c, err);
	if (r->code == 354) {
		/* nothing of it for a server that has not let us in */
		if (c->auth == MC_AUTH_FAILED)
			return mc_client_auth_failed(c, err);
		mc_dot_init(&c->dot);
		t->lone_dot = t->accepted == 0;
		mc_client_go(c, MC_ST_BODY);
		return 0;
	}
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	mc_client_refuse_rest(c, r, MC_STAGE_DATA,
	    "the server refused the message");
	mc_client_finish(c);
	return 0;
}

/* BDAT is refused as something unknown, not the message */
static bool
is_stumble(const struct mc_client *c, const struct mc_reply *r)
{
	return mc_client_oldest(c)->accepted != 0 &&
	    c->auth != MC_AUTH_FAILED && r->code >= 500 && r->code <= 504;
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

/* the next recipient who has not been judged; there is one */
static struct mc_rcpt *
next_open(const struct mc_client_txn *t)
{
	size_t k = 0;

	while (mc_client_rcpt(t, k)->verdict != MC_PENDING)
		k++;
	return mc_client_rcpt(t, k);
}

static bool
any_open(const struct mc_client_txn *t)
{
	for (size_t k = 0; k < t->n_active; k++)
		if (mc_client_rcpt(t, k)->verdict == MC_PENDING)
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
	struct mc_rcpt *rcpt = next_open(mc_client_oldest(c));
	char text[MC_MAX_REPLY_TEXT + 32];
	struct mc_err why;

	if (r->code < 250 || (r->code > 259 && r->code < 400))
		return mc_client_unexpected(c, r, err);
	if (mc_client_oldest(c)->chunking && !c->text_judged &&
	    is_stumble(c, r))
		return stumble(c, r, err);
	if (!c->text_judged)
		c->need_rset = false;
	c->text_judged = true;
	c->need_rset = c->need_rset || (mc_client_oldest(c)->chunking &&
	    r->code >= 400);
	mc_client_reply_text(r, text, sizeof(text));
	if (r->code == 421) {
		/* nothing comes behind it */
		mc_client_refuse_rest(c, r, MC_STAGE_END, what);
	} else if (r->code >= 400) {
		enum mc_verdict v = mc_client_refusal(c, r, MC_STAGE_END,
		    what, &why);

		mc_client_verdict(rcpt, v, &why, text);
	} else {
		mc_client_deliver(rcpt, text);
		mc_buf_reset(&c->final);
		mc_buf_addz(&c->final, text);
	}
	if (!any_open(mc_client_oldest(c)))
		mc_client_finish(c);
	return 0;
}

static int
on_end(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_oldest(c);
	char text[MC_MAX_REPLY_TEXT + 32];
	size_t k;

	if (r->code < 250 || (r->code > 259 && r->code < 400))
		return mc_client_unexpected(c, r, err);
	if (t->chunking && is_stumble(c, r))
		return stumble(c, r, err);
	/* RFC 3030 section 3: after a refused BDAT there is nothing but RSET */
	c->need_rset = t->chunking && r->code >= 400;
	if (r->code >= 400) {
		mc_client_refuse_rest(c, r, MC_STAGE_END,
		    "the server refused the message");
		mc_client_finish(c);
		return 0;
	}
	mc_client_reply_text(r, text, sizeof(text));
	for (k = 0; k < t->n_active; k++)
		if (mc_client_rcpt(t, k)->verdict == MC_PENDING)
			mc_client_deliver(mc_client_rcpt(t, k), text);
	mc_buf_reset(&c->final);
	mc_buf_addz(&c->final, text);
	mc_client_finish(c);
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

int
mc_client_on_slot(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_oldest(c);

	if (c->auth == MC_AUTH_SENT)
		return mc_client_on_auth(c, r, err);
	if (c->handed <= t->begin)
		return mc_client_too_early(c, err);
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
	if (t->answered == mc_client_slot_data(t))
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
	return c->out.len != 0 ? mc_client_too_early(c, err) : 0;
}
