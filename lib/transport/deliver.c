/* SPDX-License-Identifier: MIT */
/*
 * deliver.c - carry out a plan over a transport, one verdict a recipient
 */
#include "base/base.h"
#include "transport/deliver_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/mailbox.h"

#define DOMAINS 32

/* RFC 5321 4.5.3.1.8: what every server takes */
#define SAFE_RCPTS 100

static struct mc_rcpt *
at(const struct mc_work *w, size_t i)
{
	return mc_envelope_at(w->m->env, w->order[i]);
}

int
mc_work_job(struct mc_work *w, const size_t *order, size_t n, bool mark_bcc,
    struct mc_buf *extra, struct mc_transport_job *ret_job,
    struct mc_err *err)
{
	struct mc_transport_job job = { 0 };

	if (mark_bcc)
		mc_buf_addf(extra, "Bcc: %s\r\n",
		    mc_envelope_at(w->m->env, order[0])->addr);
	if (mc_buf_err(extra, "Bcc field", err) != 0)
		return -1;
	job.env = w->m->env;
	job.order = order;
	job.n = n;
	job.extra = mc_buf_str(extra);
	job.header = w->fit.header;
	job.body = w->fit.body;
	job.needs_8bit = w->fit.needs_8bit;
	job.needs_utf8 = w->fit.needs_utf8;
	job.needs_binary = w->fit.needs_binary;
	job.unfit = mc_err_is_set(&w->fit.unfit) ? &w->fit.unfit : NULL;
	*ret_job = job;
	return 0;
}

struct mc_transport_limits
mc_delivery_limits(const struct mc_delivery *d)
{
	return d->by->limits == NULL ? (struct mc_transport_limits){ 0 } :
	    d->by->limits(d->conn);
}

/* whom the server refuses as one too many would need another connection */
static bool
is_last(const struct mc_work *w)
{
	return w->d->last && w->m->plan->txns.n == 1 && w->chunk == w->n &&
	    (w->n <= SAFE_RCPTS || mc_delivery_limits(w->d).rcpts != 0);
}

static int
send_chunk(struct mc_work *w, bool mark_bcc, struct mc_err *err)
{
	struct mc_transport_job job;
	struct mc_buf extra;
	int rc = -1;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	if (mc_work_job(w, w->order, w->chunk, mark_bcc, &extra, &job,
	    err) == 0) {
		job.last = is_last(w);
		rc = w->d->by->send(w->d->conn, &job, err);
	}
	mc_buf_clear(&extra);
	return rc;
}

bool
mc_rcpt_is_split(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_DEFERRED && rcpt->split;
}

bool
mc_rcpt_is_cut_off(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING ||
	    (rcpt->verdict == MC_DEFERRED &&
	    (rcpt->code == MC_E_SERVER_UNAVAILABLE ||
	    rcpt->code == MC_E_CLOSED || rcpt->code == MC_E_NET));
}

bool
mc_rcpt_is_unserved(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING || rcpt->verdict == MC_DEFERRED;
}

bool
mc_rcpt_is_untried(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING;
}

static size_t
count(const struct mc_work *w, mc_goes_again *again)
{
	size_t n = 0;

	for (size_t i = 0; i < w->chunk; i++)
		n += again(at(w, i));
	return n;
}

/*
 * Of the chunk just tried, only those go again for which `again` says so; the
 * rest of the work list follows.  The others are told of; -1 when nothing
 * more should be sent.
 */
static int
settle(struct mc_work *w, mc_goes_again *again)
{
	size_t kept = 0, done = 0;

	for (size_t i = 0; i < w->chunk; i++) {
		if (again(at(w, i)))
			w->order[kept++] = w->order[i];
		else
			w->told[done++] = w->order[i];
	}
	memmove(w->order + kept, w->order + w->chunk,
	    (w->n - w->chunk) * sizeof(*w->order));
	w->n -= w->chunk - kept;
	w->chunk = kept;
	if (done == 0 || w->m->settled == NULL)
		return 0;
	return w->m->settled(w->m->ctx, w->told, done) == 0 ? 0 : -1;
}

static int
stopped(struct mc_err *err)
{
	return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL, NULL);
}

/* learn the server's limit, so that 10,000 recipients are not offered ten
 * times over */
static int
settle_sent(struct mc_work *w)
{
	size_t tried = w->chunk, again = count(w, mc_rcpt_is_split);

	if (again != 0 && (w->d->most == 0 || tried - again < w->d->most))
		w->d->most = tried - again;
	return settle(w, mc_rcpt_is_split);
}

bool
mc_delivery_is_loss(const struct mc_err *err)
{
	return !err->unsure && (err->code == MC_E_SERVER_UNAVAILABLE ||
	    err->code == MC_E_CLOSED || err->code == MC_E_NET);
}

/* the log-in may have waited for the first transaction */
static void
note_ready(struct mc_delivery *d)
{
	if (d->ready || (d->by->ready != NULL && !d->by->ready(d->conn)))
		return;
	d->ready = true;
	d->opening = false;
	d->opened++;
	d->token = (struct mc_token_use){ 0 };
	if (d->on_open != NULL)
		d->on_open(d->ctx);
}

/* the log-in failed for a token that can be had anew, and for the first time:
 * the next connection gets another one */
static bool
renews(struct mc_delivery *d, const struct mc_err *err)
{
	if (err->code != MC_E_AUTH_REFUSED || d->token.given == 0 ||
	    d->token.refused != 0)
		return false;
	mc_log_line(d->env.log, MC_LOG_INFO, MC_STAGE_AUTH,
	    "the server refused the token: trying once more with a new one");
	d->token.refused = d->token.given;
	return true;
}

/* a log-in that failed for its token is tried once more with another one */
static int
open_by(struct mc_delivery *d, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	int rc = d->by->open(&d->env, &d->conn, &why);

	if (rc != 0 && renews(d, &why)) {
		mc_err_reset(&why);
		rc = d->by->open(&d->env, &d->conn, &why);
	}
	if (rc != 0 && err != NULL && !mc_err_is_set(err))
		*err = why;
	return rc;
}

static int
open_connection(struct mc_delivery *d, struct mc_err *err)
{
	if (d->conn != NULL)
		return 0;
	d->since_open = 0;
	d->opening = true;
	/* unsigned nothing leaves that should be signed, so this comes first */
	if (mc_signer_load(&d->signer, &d->env, err) != 0)
		return -1;
	/* another account may go another way */
	d->by = d->ops;
	if (d->by == NULL && mc_transport_find(d->env.account, &d->by,
	    err) != 0)
		return -1;
	d->ready = false;
	d->env.quirks = &d->quirks;
	d->env.token = &d->token;
	if (open_by(d, err) != 0)
		return -1;
	note_ready(d);
	return 0;
}

/*
 * A connection that has brought something and then ends (servers count
 * messages and refusals) is replaced; one that brought nothing is not.
 */
static int
lost(struct mc_work *w, const struct mc_err *why, bool learnt)
{
	size_t again = mc_delivery_is_loss(why) ? count(w, mc_rcpt_is_cut_off) : 0;
	bool replace = learnt || (mc_delivery_is_loss(why) &&
	    (again != w->chunk || w->d->since_open != 0));

	mc_delivery_close(w->d);
	if (settle(w, learnt ? mc_rcpt_is_unserved : replace ? mc_rcpt_is_cut_off :
	    mc_rcpt_is_untried) != 0)
		return -1;
	return replace ? 0 : -1;
}

static struct mc_str
domain_of(const struct mc_rcpt *rcpt)
{
	struct mc_str addr = mc_str_from(rcpt->addr);

	return mc_str_sub(addr, mc_mailbox_at(addr), addr.len);
}

/*
 * How many from the front have at most so many domains.  Only a few domains
 * are remembered, the others count again whenever they come: that makes some
 * transactions smaller than they could be, and is quick for any number.
 */
static size_t
within_domains(const struct mc_work *w, size_t n, size_t most)
{
	struct mc_str known[DOMAINS];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		struct mc_str domain = domain_of(at(w, i));
		size_t k = 0, kept = count < DOMAINS ? count : DOMAINS;

		while (k < kept && !mc_str_eq_nocase(known[k], domain))
			k++;
		if (k < kept)
			continue;
		if (count == most)
			return i;
		known[count++ % DOMAINS] = domain;
	}
	return n;
}

static size_t
chunk(const struct mc_work *w)
{
	struct mc_transport_limits most = mc_delivery_limits(w->d);
	size_t n = w->n;

	if (w->d->most != 0 && w->d->most < n)
		n = w->d->most;
	if (most.rcpts != 0 && most.rcpts < n)
		n = most.rcpts;
	if (most.domains != 0 && most.domains < n)
		n = within_domains(w, n, most.domains);
	return n;
}

/* the server has said after how many messages it ends the connection */
static void
leave_in_time(struct mc_delivery *d)
{
	if (d->conn == NULL || d->since_open == 0)
		return;
	size_t most = mc_delivery_limits(d).jobs;

	if (most != 0 && d->since_open >= most)
		mc_delivery_close(d);
}

int
mc_work_fit(struct mc_work *w, struct mc_err *err)
{
	const struct mc_delivery *d = w->d;

	return mc_fit_for(&w->fit, d->by->takes == NULL ? UINT_MAX :
	    d->by->takes(d->conn) & ~MC_TAKES_MORE, err);
}

/* the next attempt may renew a token again */
static int
give_up(struct mc_delivery *d)
{
	d->token = (struct mc_token_use){ 0 };
	return -1;
}

static int
run_txn(struct mc_work *w, bool mark_bcc, struct mc_err *err)
{
	struct mc_delivery *d = w->d;

	while (w->n != 0) {
		struct mc_err why = { 0 };
		unsigned quirks;
		int rc;

		leave_in_time(d);
		if (open_connection(d, err) != 0 || mc_work_fit(w, err) != 0)
			return give_up(d);
		w->chunk = chunk(w);
		quirks = d->quirks;
		rc = send_chunk(w, mark_bcc, &why);
		note_ready(d);
		if (rc >= 0) {
			d->since_open++;
			if (rc == 1)
				mc_delivery_close(d);
			if (settle_sent(w) != 0)
				return stopped(err);
			continue;
		}
		if (lost(w, &why, d->quirks != quirks || renews(d, &why)) != 0) {
			if (err != NULL && !mc_err_is_set(err))
				*err = why;
			return give_up(d);
		}
	}
	return 0;
}

int
mc_work_alone(struct mc_work *w, size_t i, bool all, struct mc_err *err)
{
	const size_t *order = mc_work_order(w, i);

	w->n = 0;
	for (size_t k = 0; k < mc_work_txn(w, i)->n; k++)
		if (all || mc_rcpt_is_untried(mc_envelope_at(w->m->env,
		    order[k])))
			w->order[w->n++] = order[k];
	return run_txn(w, mc_work_txn(w, i)->mark_bcc, err);
}

void
mc_delivery_close(struct mc_delivery *d)
{
	if (d->conn != NULL)
		d->by->close(d->conn);
	d->conn = NULL;
}

void
mc_delivery_end(struct mc_delivery *d)
{
	mc_delivery_close(d);
	mc_signer_clear(&d->signer);
}
