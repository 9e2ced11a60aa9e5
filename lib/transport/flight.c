/* SPDX-License-Identifier: MIT */
/*
 * flight.c - messages one after another, several of them on their way at once
 *
 * They begin and are answered in order, as many as may be, and when all of them
 * are answered the next begin: a round trip for each lot.  To begin one for
 * each that is over would be no faster, since both wait for the oldest, and
 * make more segments.  Whatever is out of the ordinary (one too many
 * recipients, a message that has to go alone, the end of the connection) waits
 * until nothing flies any more, and is then done one by one.
 */
#include "base/base.h"
#include "transport/deliver_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* so many bytes may be on their way before anybody has said anything about
 * the first */
#define MOST_BYTES (1024 * 1024)

struct flight {
	struct mc_delivery *d;
	const struct mc_delivery_feed *feed;
	struct mc_work *first;		/* messages, in the order they came */
	struct mc_work *last;
	size_t n;
	size_t flying;			/* transactions */
	uint64_t bytes;			/* of those */
	bool drain;			/* nothing more begins */
	bool stopped;			/* somebody said stop */
};

/* ----------------------------------------------------------------- messages */

static void
work_free(struct mc_work *w)
{
	mc_fit_clear(&w->fit);
	mc_mem_free(w->states);
	mc_mem_free(w->order);
	mc_mem_free(w->told);
	mc_mem_free(w);
}

static struct mc_work *
work_new(struct mc_delivery *d, const struct mc_delivery_message *m)
{
	struct mc_work *w = mc_mem_zalloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->d = d;
	w->m = m;
	mc_fit_init(&w->fit, m, d->env.caller, &d->signer);
	w->order = mc_mem_zalloc(m->plan->n_order + 1, sizeof(*w->order));
	w->told = mc_mem_zalloc(m->plan->n_order + 1, sizeof(*w->told));
	w->states = mc_mem_zalloc(m->plan->txns.n + 1, sizeof(*w->states));
	if (w->order != NULL && w->told != NULL && w->states != NULL)
		return w;
	work_free(w);
	return NULL;
}

/* the next message, at the end of the list; NULL: none now */
static struct mc_work *
pull(struct flight *f)
{
	for (;;) {
		const struct mc_delivery_message *m =
		    f->feed->next(f->feed->ctx);
		struct mc_err err = { .code = MC_OK };
		struct mc_work *w;

		if (m == NULL)
			return NULL;
		w = work_new(f->d, m);
		if (w != NULL) {
			if (f->first == NULL)
				f->first = w;
			else
				f->last->next = w;
			f->last = w;
			f->n++;
			return w;
		}
		(void)mc_err_set(&err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		f->feed->over(f->feed->ctx, m, -1, &err);
	}
}

/* the first message is over */
static void
pop(struct flight *f, int rc, const struct mc_err *err)
{
	struct mc_work *w = f->first;

	f->first = w->next;
	if (f->first == NULL)
		f->last = NULL;
	f->n--;
	f->feed->over(f->feed->ctx, w->m, rc, err);
	work_free(w);
}

static bool
is_flying(const struct mc_work *w)
{
	return w->landed < w->begun;
}

/* SIZE_MAX: nobody goes again */
static size_t
next_again(const struct mc_work *w)
{
	for (size_t i = 0; i < w->begun; i++)
		if (w->states[i] == MC_WORK_AGAIN)
			return i;
	return SIZE_MAX;
}

static bool
is_over(const struct mc_work *w)
{
	return w->begun == w->m->plan->txns.n && !is_flying(w) &&
	    next_again(w) == SIZE_MAX;
}

/* those that are over, up to one that is not */
static void
pop_done(struct flight *f)
{
	while (f->first != NULL && !mc_err_is_set(&f->first->err) &&
	    is_over(f->first))
		pop(f, 0, NULL);
}

/* ------------------------------------------------------------------ landing */

static uint64_t
size_of(const struct mc_work *w)
{
	return w->fit.header.len + w->fit.body->size;
}

/* one is over: whoever goes again is left to `again`, the others are told of */
static void
land(struct flight *f, struct mc_work *w, size_t i, mc_goes_again *again)
{
	const size_t *order = mc_work_order(w, i);
	size_t done = 0;

	w->states[i] = MC_WORK_OVER;
	for (size_t k = 0; k < mc_work_txn(w, i)->n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(w->m->env, order[k]);

		if (again(rcpt)) {
			rcpt->verdict = MC_PENDING;
			w->states[i] = MC_WORK_AGAIN;
			f->drain = true;
		} else {
			w->told[done++] = order[k];
		}
	}
	while (w->landed < w->begun && w->states[w->landed] != MC_WORK_FLIES)
		w->landed++;
	if (done != 0 && w->m->settled != NULL &&
	    w->m->settled(w->m->ctx, w->told, done) != 0)
		f->stopped = f->drain = true;
}

static void
touch_down(struct flight *f, struct mc_work *w, mc_goes_again *again)
{
	f->flying--;
	f->bytes -= size_of(w);
	land(f, w, w->landed, again);
}

static struct mc_work *
oldest(const struct flight *f)
{
	struct mc_work *w = f->first;

	while (w != NULL && !is_flying(w))
		w = w->next;
	return w;
}

/*
 * The connection broke with all of these on it.  What cannot have arrived goes
 * again when the connection just ended or the server has shown what it cannot
 * do; else they share the reason.
 */
static void
crash(struct flight *f, const struct mc_err *why, bool learnt)
{
	struct mc_err sure = *why;
	bool loss;
	struct mc_work *w;

	sure.unsure = false;
	loss = mc_delivery_is_loss(&sure) && !f->stopped;
	mc_delivery_close(f->d);
	f->drain = true;
	while ((w = oldest(f)) != NULL) {
		if (!loss && !learnt)
			w->err = *why;
		touch_down(f, w, learnt ? mc_rcpt_is_unserved :
		    loss ? mc_rcpt_is_cut_off : mc_rcpt_is_untried);
	}
}

static void
stop(struct flight *f)
{
	struct mc_err why = { .code = MC_OK };

	(void)mc_err_set(&why, MC_E_CANCELLED, MC_STAGE_LOCAL, NULL);
	if (f->flying != 0) {
		f->d->by->drop(f->d->conn, &why);
		crash(f, &why, false);
	}
	while (f->first != NULL)
		pop(f, -1, &why);
}

/* ----------------------------------------------------------------- beginning */

bool
mc_delivery_overlaps(const struct mc_delivery *d)
{
	return d->conn != NULL && d->ready && d->by->start != NULL &&
	    d->env.account->pipeline_depth > 1 &&
	    (d->by->takes == NULL ||
	    (d->by->takes(d->conn) & MC_TAKES_MORE) != 0);
}

/* whole, and within what the server takes on one connection */
static bool
may_fly(const struct flight *f, const struct mc_work *w, size_t i)
{
	struct mc_transport_limits most = mc_delivery_limits(f->d);
	size_t n = mc_work_txn(w, i)->n;

	return (f->d->most == 0 || n <= f->d->most) &&
	    (most.rcpts == 0 || n <= most.rcpts) &&
	    (most.domains == 0 || n <= 1 || n <= most.domains) &&
	    (most.jobs == 0 || f->d->since_open + f->flying < most.jobs);
}

static bool
has_room(const struct flight *f, const struct mc_work *w)
{
	return f->flying == 0 || f->bytes + size_of(w) <= MOST_BYTES;
}

/* as the transport's start */
static int
start(struct mc_work *w, size_t i, struct mc_err *err)
{
	struct mc_transport_job job;
	struct mc_buf extra;
	int rc = 2;

	mc_buf_init(&extra, MC_MAX_PATH * 2);
	/* what cannot be made for want of memory waits until it is alone */
	if (mc_work_job(w, mc_work_order(w, i), mc_work_txn(w, i)->n,
	    mc_work_txn(w, i)->mark_bcc, &extra, &job, NULL) == 0)
		rc = w->d->by->start(w->d->conn, &job, err);
	mc_buf_clear(&extra);
	return rc;
}

/* the message that the next transaction is of; NULL: none, or no room */
static struct mc_work *
next_work(struct flight *f)
{
	struct mc_work *w = f->last;

	/* only the last one can be there in part */
	if (w != NULL && w->begun < w->m->plan->txns.n)
		return w;
	return f->n < f->feed->depth ? pull(f) : NULL;
}

/* begin one more.  1: begun, or over at once; 0: not now; -1: all is lost */
static int
begin(struct flight *f, struct mc_err *why)
{
	struct mc_work *w = next_work(f);
	size_t i;
	int rc;

	if (w == NULL)
		return 0;
	i = w->begun;
	if (mc_work_fit(w, NULL) != 0 || !may_fly(f, w, i)) {
		/* alone it will be seen why */
		f->drain = true;
		return 0;
	}
	if (!has_room(f, w))
		return 0;
	rc = start(w, i, why);
	if (rc == 2) {
		f->drain = true;
		return 0;
	}
	w->begun++;
	if (rc == 1) {
		land(f, w, i, mc_rcpt_is_split);
		return 1;
	}
	w->states[i] = MC_WORK_FLIES;
	f->flying++;
	f->bytes += size_of(w);
	return rc < 0 ? -1 : 1;
}

/* as many as may be, until nothing flies; how many have begun */
static size_t
fly(struct flight *f)
{
	struct mc_delivery *d = f->d;
	unsigned quirks = d->quirks;
	struct mc_err why = { .code = MC_OK };
	size_t begun = 0;
	int rc = 0;

	f->drain = false;
	while (!f->drain && (rc = begin(f, &why)) == 1)
		begun++;
	while (rc >= 0 && !f->stopped && f->flying != 0) {
		rc = d->by->finish(d->conn, &why);
		if (rc < 0)
			break;
		d->since_open++;
		touch_down(f, oldest(f), mc_rcpt_is_split);
		if (!f->stopped)
			pop_done(f);
	}
	if (rc < 0)
		crash(f, &why, d->quirks != quirks);
	return begun + (rc < 0);
}

/* --------------------------------------------------------------------- alone */

/* one message was given up: the others may be tried again some time */
static void
give_up(struct flight *f, const struct mc_err *why)
{
	pop(f, -1, why);
	while (f->first != NULL) {
		if (mc_err_is_set(&f->first->err))
			pop(f, -1, &f->first->err);
		else
			pop(f, is_over(f->first) ? 0 : 1, NULL);
	}
}

/* the next transaction of the first message, while nothing flies */
static void
go_alone(struct flight *f)
{
	struct mc_work *w = f->first;
	size_t again = next_again(w);
	size_t i = again != SIZE_MAX ? again : w->begun++;
	struct mc_err err = { .code = MC_OK };

	w->states[i] = MC_WORK_OVER;
	w->landed = w->begun;
	if (mc_work_alone(w, i, again == SIZE_MAX, &err) == 0)
		return;
	f->stopped = err.code == MC_E_CANCELLED;
	give_up(f, &err);
}

void
mc_delivery_feed_run(struct mc_delivery *d,
    const struct mc_delivery_feed *feed)
{
	struct flight f = { .d = d, .feed = feed };

	while (!f.stopped && (f.first != NULL || pull(&f) != NULL)) {
		struct mc_work *w = f.first;

		d->opening = false;
		if (mc_err_is_set(&w->err)) {
			struct mc_err why = w->err;

			give_up(&f, &why);
		} else if (is_over(w)) {
			pop(&f, 0, NULL);
		} else if (next_again(w) != SIZE_MAX ||
		    !mc_delivery_overlaps(d) || fly(&f) == 0) {
			go_alone(&f);
		}
		if (f.stopped)
			stop(&f);
	}
}

/* ---------------------------------------------------------------- only one */

struct single {
	const struct mc_delivery_message *m;
	int rc;
	struct mc_err *err;
};

static const struct mc_delivery_message *
single_next(void *ctx)
{
	struct single *s = ctx;
	const struct mc_delivery_message *m = s->m;

	s->m = NULL;
	return m;
}

static void
single_over(void *ctx, const struct mc_delivery_message *m, int rc,
    const struct mc_err *err)
{
	struct single *s = ctx;

	(void)m;
	s->rc = rc;
	if (rc < 0 && s->err != NULL && !mc_err_is_set(s->err))
		*s->err = *err;
}

int
mc_delivery_run(struct mc_delivery *d, const struct mc_delivery_message *m,
    struct mc_err *err)
{
	struct single s = { m, -1, err };
	struct mc_delivery_feed feed = { single_next, single_over, &s, 1 };

	mc_delivery_feed_run(d, &feed);
	return s.rc;
}
