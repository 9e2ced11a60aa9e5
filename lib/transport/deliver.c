/* SPDX-License-Identifier: MIT */
/*
 * deliver.c - carry out a plan over a transport, one verdict a recipient
 */
#include "base/base.h"
#include "transport/deliver.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/mailbox.h"
#include "transport/fit.h"

#define DOMAINS 32

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

/* extra holds what the job borrows */
static int
make_job(struct work *w, const size_t *order, size_t n, bool mark_bcc,
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
	job.unfit = mc_err_is_set(&w->fit.unfit) ? &w->fit.unfit : NULL;
	*ret_job = job;
	return 0;
}

static int
send_chunk(struct work *w, bool mark_bcc, struct mc_err *err)
{
	struct mc_transport_job job;
	struct mc_buf extra;
	int rc = -1;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	if (make_job(w, w->order, w->chunk, mark_bcc, &extra, &job, err) == 0)
		rc = w->d->by->send(w->d->conn, &job, err);
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
	if (d->ready || (d->by->ready != NULL && !d->by->ready(d->conn)))
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
	/* another account may go another way */
	d->by = d->ops;
	if (d->by == NULL && mc_transport_find(d->env.account, &d->by,
	    err) != 0)
		return -1;
	d->ready = false;
	d->env.quirks = &d->quirks;
	if (d->by->open(&d->env, &d->conn, err) != 0)
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

static struct mc_transport_limits
limits(const struct mc_delivery *d)
{
	return d->by->limits == NULL ? (struct mc_transport_limits){ 0 } :
	    d->by->limits(d->conn);
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
within_domains(const struct work *w, size_t n, size_t most)
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
chunk(const struct work *w)
{
	struct mc_transport_limits most = limits(w->d);
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
	size_t most = limits(d).jobs;

	if (most != 0 && d->since_open >= most)
		mc_delivery_close(d);
}

static int
run_txn(struct work *w, bool mark_bcc, struct mc_err *err)
{
	struct mc_delivery *d = w->d;

	while (w->n != 0) {
		struct mc_err why = { 0 };
		unsigned quirks;
		int rc;

		leave_in_time(d);
		if (open_connection(d, err) != 0 ||
		    mc_fit_for(&w->fit, d->by->takes == NULL ? UINT_MAX :
		    d->by->takes(d->conn), err) != 0)
			return -1;
		w->chunk = chunk(w);
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

/* ------------------------------------------------- several in flight at once */

/* so much of a message may be on its way in copies, before anybody has said
 * anything about the first */
#define MOST_IN_FLIGHT (1024 * 1024)

static const struct mc_txn *
txn_at(const struct work *w, size_t i)
{
	return mc_vec_at(&w->m->plan->txns, i);
}

static const size_t *
order_of(const struct work *w, size_t i)
{
	return w->m->plan->order + txn_at(w, i)->first;
}

/*
 * Of one that is over, whoever goes again is left to `again`; the others are
 * told of.  -1 when nothing more should be sent.
 */
static int
land(struct work *w, size_t i, bool (*goes_again)(const struct mc_rcpt *rcpt),
    bool *again)
{
	const size_t *order = order_of(w, i);
	size_t done = 0;

	for (size_t k = 0; k < txn_at(w, i)->n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(w->m->env, order[k]);

		if (goes_again(rcpt)) {
			rcpt->verdict = MC_PENDING;
			again[i] = true;
		} else {
			w->told[done++] = order[k];
		}
	}
	if (done == 0 || w->m->settled == NULL)
		return 0;
	return w->m->settled(w->m->ctx, w->told, done) == 0 ? 0 : -1;
}

/* the connection broke with transactions first to end - 1 on it */
static int
crash(struct work *w, size_t first, size_t end, const struct mc_err *why,
    bool learnt, bool *again)
{
	bool loss = is_loss(why);
	int rc = 0;

	mc_delivery_close(w->d);
	/* it has brought something: the log-in, and the one before these */
	for (size_t i = first; i < end; i++)
		if (land(w, i, learnt ? is_unserved : loss ? is_cut_off :
		    is_untried, again) != 0)
			rc = -1;
	return rc;
}

static int
start(struct work *w, size_t i, struct mc_err *err)
{
	struct mc_transport_job job;
	struct mc_buf extra;
	int rc = 2;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	/* what cannot be made for want of memory waits until it is alone */
	if (make_job(w, order_of(w, i), txn_at(w, i)->n,
	    txn_at(w, i)->mark_bcc, &extra, &job, NULL) == 0)
		rc = w->d->by->start(w->d->conn, &job, err);
	mc_buf_clear(&extra);
	return rc;
}

/* whole, and within what the server takes on one connection; so many are on
 * their way */
static bool
may_fly(const struct work *w, size_t i, size_t flying)
{
	struct mc_transport_limits most = limits(w->d);
	size_t n = txn_at(w, i)->n;

	return (w->d->most == 0 || n <= w->d->most) &&
	    (most.rcpts == 0 || n <= most.rcpts) &&
	    (most.domains == 0 || n <= 1 || n <= most.domains) &&
	    (most.jobs == 0 || w->d->since_open + flying < most.jobs);
}

/*
 * As many transactions from *next on as the server lets us begin before it has
 * answered: the copies for blind recipients cost no round trip each.  Those
 * that have to go again are marked in `again`.  0, or -1 with err: nothing more
 * can be sent.
 */
static int
fly(struct work *w, size_t *next, bool *again, struct mc_err *err)
{
	struct mc_delivery *d = w->d;
	size_t size = w->fit.header.len + (size_t)w->fit.body->size;
	size_t most = MOST_IN_FLIGHT / (size + 1);
	size_t first = *next, n = w->m->plan->txns.n;
	unsigned quirks = d->quirks;
	struct mc_err why = { 0 };
	int rc = 0;

	while (rc == 0 && (*next < n || first < *next)) {
		rc = 2;
		if (*next < n && *next - first < most &&
		    may_fly(w, *next, *next - first))
			rc = start(w, *next, &why);
		if (rc == 0) {
			++*next;
			continue;
		}
		if (rc < 0) {
			++*next;
			break;
		}
		if (rc == 1 && first == *next) {
			rc = land(w, first, is_split, again);
			first = ++*next;
		} else if (first == *next) {
			/* it cannot go this way */
			return 0;
		} else {
			rc = d->by->finish(d->conn, &why);
			if (rc < 0)
				break;
			d->since_open++;
			rc = land(w, first++, is_split, again);
		}
		if (rc < 0)
			return stopped(err);
	}
	if (rc == 0)
		return 0;
	if (crash(w, first, *next, &why, d->quirks != quirks, again) != 0)
		return stopped(err);
	if (is_loss(&why) || d->quirks != quirks)
		return 0;
	if (err != NULL && !mc_err_is_set(err))
		*err = why;
	return -1;
}

/* one transaction by itself, or what is left of it */
static int
run_alone(struct work *w, size_t i, bool all, struct mc_err *err)
{
	const size_t *order = order_of(w, i);

	w->n = 0;
	for (size_t k = 0; k < txn_at(w, i)->n; k++)
		if (all || is_untried(mc_envelope_at(w->m->env, order[k])))
			w->order[w->n++] = order[k];
	return run_txn(w, txn_at(w, i)->mark_bcc, err);
}

static int
run_plan(struct work *w, bool *again, struct mc_err *err)
{
	const struct mc_delivery *d = w->d;
	size_t n = w->m->plan->txns.n;
	size_t i = 0;

	while (i < n) {
		if (run_alone(w, i++, true, err) != 0)
			return -1;
		if (i < n && d->conn != NULL && d->ready &&
		    d->by->start != NULL && fly(w, &i, again, err) != 0)
			return -1;
	}
	for (i = 0; i < n; i++)
		if (again[i] && run_alone(w, i, false, err) != 0)
			return -1;
	return 0;
}

int
mc_delivery_run(struct mc_delivery *d, const struct mc_delivery_message *m,
    struct mc_err *err)
{
	const struct mc_plan *plan = m->plan;
	struct work w = { .d = d, .m = m };
	bool *again = NULL;
	int rc = -1;

	d->opening = false;
	mc_fit_init(&w.fit, m, d->env.caller);
	w.order = mc_mem_zalloc(plan->n_order + 1, sizeof(*w.order));
	w.told = mc_mem_zalloc(plan->n_order + 1, sizeof(*w.told));
	again = mc_mem_zalloc(plan->txns.n + 1, sizeof(*again));
	if (w.order == NULL || w.told == NULL || again == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	else
		rc = run_plan(&w, again, err);
	mc_fit_clear(&w.fit);
	mc_mem_free(again);
	mc_mem_free(w.order);
	mc_mem_free(w.told);
	return rc;
}

void
mc_delivery_close(struct mc_delivery *d)
{
	if (d->conn != NULL)
		d->by->close(d->conn);
	d->conn = NULL;
}
