/* SPDX-License-Identifier: MIT */
/*
 * deliver.c - carry out a plan over a transport, one verdict a recipient
 */
#include "base/base.h"
#include "transport/deliver.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "transport/fit.h"

/* one transaction of the plan, while it goes out in as many as it takes */
struct work {
	struct mc_delivery *d;
	const struct mc_delivery_message *m;
	size_t *order;		/* recipients still to go */
	size_t n;
	size_t chunk;		/* how many of them go in this transaction */
	size_t *told;		/* room for as many: who has a verdict now */
	struct mc_fit fit;	/* the message as the server takes it */
};

static struct mc_rcpt *
at(const struct work *w, size_t i)
{
	return mc_envelope_at(w->m->env, w->order[i]);
}

static int
send_chunk(struct work *w, bool mark_bcc, struct mc_err *err)
{
	const struct mc_delivery_message *m = w->m;
	struct mc_transport_job job = { 0 };
	struct mc_buf extra;
	int rc = -1;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	if (mark_bcc)
		mc_buf_addf(&extra, "Bcc: %s\r\n", at(w, 0)->addr);
	if (mc_buf_err(&extra, "Bcc field", err) != 0)
		goto out;
	job.env = m->env;
	job.order = w->order;
	job.n = w->chunk;
	job.extra = mc_buf_str(&extra);
	job.header = w->fit.header;
	job.body = w->fit.body;
	job.needs_8bit = w->fit.needs_8bit;
	job.needs_utf8 = w->fit.needs_utf8;
	job.unfit = mc_err_is_set(&w->fit.unfit) ? &w->fit.unfit : NULL;
	rc = w->d->ops->send(w->d->conn, &job, err);
out:
	mc_buf_clear(&extra);
	return rc;
}

/* the server refused this one only as one too many */
static bool
is_split(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_DEFERRED && rcpt->split;
}

/* only the end of the connection kept this one from going */
static bool
is_cut_off(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING ||
	    (rcpt->verdict == MC_DEFERRED &&
	    (rcpt->code == MC_E_SERVER_UNAVAILABLE ||
	    rcpt->code == MC_E_CLOSED || rcpt->code == MC_E_NET));
}

/* the server could not do what it offers: without that it can */
static bool
is_unserved(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING || rcpt->verdict == MC_DEFERRED;
}

/* its verdict stands as it is */
static bool
is_untried(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING;
}

static size_t
count(const struct work *w, bool (*again)(const struct mc_rcpt *rcpt))
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
settle(struct work *w, bool (*again)(const struct mc_rcpt *rcpt))
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
settle_sent(struct work *w)
{
	size_t tried = w->chunk, again = count(w, is_split);

	if (again != 0 && (w->d->most == 0 || tried - again < w->d->most))
		w->d->most = tried - again;
	return settle(w, is_split);
}

static bool
is_loss(const struct mc_err *err)
{
	return !err->unsure && (err->code == MC_E_SERVER_UNAVAILABLE ||
	    err->code == MC_E_CLOSED || err->code == MC_E_NET);
}

/* the log-in may have waited for the first transaction */
static void
note_ready(struct mc_delivery *d)
{
	if (d->ready || (d->ops->ready != NULL && !d->ops->ready(d->conn)))
		return;
	d->ready = true;
	d->opening = false;
	d->opened++;
	if (d->on_open != NULL)
		d->on_open(d->ctx);
}

static int
open_connection(struct mc_delivery *d, struct mc_err *err)
{
	if (d->conn != NULL)
		return 0;
	d->since_open = 0;
	d->opening = true;
	if (d->ops == NULL && mc_transport_find(&d->ops, err) != 0)
		return -1;
	d->ready = false;
	d->env.quirks = &d->quirks;
	if (d->ops->open(&d->env, &d->conn, err) != 0)
		return -1;
	note_ready(d);
	return 0;
}

/*
 * A connection that has brought something and then ends (servers count
 * messages and refusals) is replaced; one that brought nothing is not.
 */
static int
lost(struct work *w, const struct mc_err *why, bool learnt)
{
	size_t again = is_loss(why) ? count(w, is_cut_off) : 0;
	bool replace = learnt || (is_loss(why) &&
	    (again != w->chunk || w->d->since_open != 0));

	mc_delivery_close(w->d);
	if (settle(w, learnt ? is_unserved : replace ? is_cut_off :
	    is_untried) != 0)
		return -1;
	return replace ? 0 : -1;
}

static int
run_txn(struct work *w, bool mark_bcc, struct mc_err *err)
{
	struct mc_delivery *d = w->d;

	while (w->n != 0) {
		struct mc_err why = { 0 };
		unsigned quirks;
		int rc;

		if (open_connection(d, err) != 0 ||
		    mc_fit_for(&w->fit, d->ops->takes == NULL ? UINT_MAX :
		    d->ops->takes(d->conn), err) != 0)
			return -1;
		w->chunk = d->most != 0 && d->most < w->n ? d->most : w->n;
		quirks = d->quirks;
		rc = send_chunk(w, mark_bcc, &why);
		note_ready(d);
		if (rc == 0) {
			d->since_open++;
			if (settle_sent(w) != 0)
				return stopped(err);
			continue;
		}
		if (lost(w, &why, d->quirks != quirks) != 0) {
			if (err != NULL && !mc_err_is_set(err))
				*err = why;
			return -1;
		}
	}
	return 0;
}

int
mc_delivery_run(struct mc_delivery *d, const struct mc_delivery_message *m,
    struct mc_err *err)
{
	const struct mc_plan *plan = m->plan;
	struct work w = { .d = d, .m = m };
	size_t i;
	int rc = -1;

	d->opening = false;
	mc_fit_init(&w.fit, m, d->env.caller);
	w.order = mc_mem_zalloc(plan->n_order + 1, sizeof(*w.order));
	w.told = mc_mem_zalloc(plan->n_order + 1, sizeof(*w.told));
	if (w.order == NULL || w.told == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		goto out;
	}
	for (i = 0; i < plan->txns.n; i++) {
		const struct mc_txn *txn = mc_vec_at(&plan->txns, i);

		memcpy(w.order, plan->order + txn->first,
		    txn->n * sizeof(*w.order));
		w.n = txn->n;
		if (run_txn(&w, txn->mark_bcc, err) != 0)
			goto out;
	}
	rc = 0;
out:
	mc_fit_clear(&w.fit);
	mc_mem_free(w.order);
	mc_mem_free(w.told);
	return rc;
}

void
mc_delivery_close(struct mc_delivery *d)
{
	if (d->conn != NULL)
		d->ops->close(d->conn);
	d->conn = NULL;
}
