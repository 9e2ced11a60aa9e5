/* SPDX-License-Identifier: MIT */
/*
 * runner.c - a run over the queue: what is due, then wait, then what is due
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#ifdef __linux__
#include <sys/inotify.h>
#endif

/* messages that are opened in one go to learn their accounts */
#define LOOK_AHEAD 256
/* the same while there is enough to do: who handed a message in shows only when
 * it is opened, and somebody's only one may be behind all of another one's */
#define LOOK_MORE 16
/* a watching run looks at everything again after so long, whatever it hears */
#define RESCAN_MS (60 * 1000)
/* without inotify it is all it hears */
#define POLL_MS 5000
/* the lock of the one run is tried so often */
#define LOCK_MS 200
/* what is on its way when we are asked to end may finish until then */
#define GRACE_MS 3000
#define TELL_MS 250
/* seconds; there is a rescan before */
#define LONGEST_WAIT (24 * 3600)
/* goodbyes to servers */
#define LEAVE_MS 3000

int64_t
mc_runner_now(void)
{
	return (int64_t)time(NULL);
}

static void
sooner(int64_t *wake, int64_t at)
{
	*wake = mc_clock_sooner(*wake, at);
}

static bool
watching(const struct mc_runner *r)
{
	return (r->set->run->flags & MC_RUN_WATCH) != 0;
}

/* ---------------------------------------------------------------- listening */

#ifdef __linux__
static void
listen_start(struct mc_runner *r)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return;

	struct mc_buf path;

	mc_buf_init(&path, PATH_MAX);
	mc_buf_addf(&path, "%s/q", mc_store_dir(r->set->store));
	/* a new time of modification alone counts as IN_MODIFY.  What is not
	 * heard, the scan once in a while finds */
	if (inotify_add_watch(fd, path.ptr, IN_MOVED_TO | IN_ATTRIB |
	    IN_MODIFY) < 0)
		mc_file_close(&fd);
	r->watch = fd;
	mc_buf_clear(&path);
}

static void
heard(struct mc_runner *r, const struct inotify_event *e)
{
	if ((e->mask & IN_Q_OVERFLOW) != 0)
		r->scan_at = mc_clock_ms();
	if (e->len > 2 && strncmp(e->name, "m-", 2) == 0)
		mc_runner_look(r, e->name + 2);
}

static void
listen_read(struct mc_runner *r)
{
	union {
		struct inotify_event align;
		char bytes[8192];
	} buf;
	ssize_t got;

	while ((got = read(r->watch, buf.bytes, sizeof(buf.bytes))) > 0) {
		struct inotify_event e;

		for (size_t at = 0; at + sizeof(e) <= (size_t)got;) {
			const char *p = buf.bytes + at;

			memcpy(&e, p, sizeof(e));
			heard(r, (const struct inotify_event *)(const void *)p);
			at += sizeof(e) + e.len;
		}
	}
}
#else
static void
listen_start(struct mc_runner *r)
{
	(void)r;
}

static void
listen_read(struct mc_runner *r)
{
	(void)r;
}
#endif

/* -------------------------------------------------------------- the next ones */

static void
place(struct mc_runner *r, struct mc_item *item)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	struct mc_entry_info info;
	struct mc_lane *lane;
	int rc = mc_store_look(r->set->store, item->id, &entry, &err);

	if (rc == 1) {
		mc_entry_info(entry, &info);
		lane = mc_lane_get(r, info.account, &err);
		mc_entry_close(entry);
		if (lane == NULL) {
			r->stop = err;
			return;
		}
		item->state = MC_ITEM_READY;
		if (mc_ready_put(&lane->ready, info.uid, item) != 0)
			(void)mc_err_set(&r->stop, MC_E_NOMEM,
			    MC_STAGE_LOCAL, NULL);
		return;
	}
	/* the damaged one is moved away by whoever claims it */
	if (rc < 0 && err.code == MC_E_QUEUE_DAMAGED) {
		rc = mc_store_claim(r->set->store, item->id, true, &entry,
		    &err);
		if (rc == 1)
			mc_entry_close(entry);
	} else if (rc < 0) {
		mc_log_line(r->set->log, MC_LOG_ERROR, MC_STAGE_LOCAL, "%s",
		    err.text);
	}
	mc_runner_put_off(r, item, mc_clock_after(30000));
}

static size_t
n_ready(const struct mc_runner *r)
{
	size_t n = 0;

	for (const struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		n += l->ready.n;
	return n;
}

/* an account that could take more must not wait for one that cannot */
static bool
some_lane_is_hungry(const struct mc_runner *r)
{
	for (const struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		if (l->ready.n == 0)
			return true;
	return r->lanes == NULL;
}

/* true: there is more to look at, at once */
static bool
look_ahead(struct mc_runner *r)
{
	size_t opened = 0;
	/* all that is known waits for its account, is slow or is paused: there
	 * may be others behind it */
	bool stuck = !r->gave;

	while (r->fresh.n != 0 && r->stop.code == MC_OK && !r->cancelled &&
	    opened < LOOK_AHEAD && (opened < LOOK_MORE || stuck ||
	    n_ready(r) < LOOK_AHEAD || some_lane_is_hungry(r))) {
		struct mc_item *item = mc_fifo_take(&r->fresh);

		opened++;
		if (item->failed)
			mc_record_kept(r, item);
		else
			place(r, item);
	}
	return opened != 0 && r->fresh.n != 0;
}

static void
assign(struct mc_runner *r, int64_t *ret_wake)
{
	r->gave = false;
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		mc_lane_assign(r, l, ret_wake);
}

/* connections that have nothing to do any more */
static void
tidy(struct mc_runner *r, int64_t *ret_wake)
{
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next) {
		struct mc_hand *hand = l->hands, *next;

		for (; hand != NULL; hand = next) {
			int64_t until = hand->since;

			next = hand->next;
			if (hand->tasks != NULL && !hand->ended)
				continue;
			/* a rate lets one go now and then */
			if (watching(r) || l->ready.n != 0)
				until += 1000 * (int64_t)(l->account == NULL ?
				    0 : l->account->keep_connection);
			if (hand->finished || r->cancelled ||
			    mc_clock_left(until) == 0)
				mc_hand_end(r, hand);
			else
				sooner(ret_wake, until);
		}
	}
	for (size_t i = 0; i < r->leaving.n;) {
		if (mc_child_reap(mc_vec_at(&r->leaving, i)))
			mc_vec_remove(&r->leaving, i);
		else
			i++;
	}
}

static bool
is_active(const struct mc_runner *r)
{
	for (const struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		if (l->hands != NULL)
			return true;
	return false;
}

/* ------------------------------------------------------------------ waiting */

static void
tell_progress(struct mc_runner *r, int64_t *ret_wake)
{
	const struct mc_run *run = r->set->run;

	if (run->progress == NULL || (!r->changed && !is_active(r)))
		return;
	if (mc_clock_ms() - r->told_at >= TELL_MS) {
		r->told_at = mc_clock_ms();
		r->changed = false;
		run->progress(run->ctx, &r->progress);
	}
	if (is_active(r))
		sooner(ret_wake, r->told_at + TELL_MS);
}

static void
cancel(struct mc_runner *r)
{
	if (!r->cancelled) {
		r->cancelled = true;
		r->cancel_at = mc_clock_after(GRACE_MS);
	}
	if (mc_clock_left(r->cancel_at) != 0)
		return;
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		for (struct mc_hand *h = l->hands; h != NULL; h = h->next)
			mc_hand_cut(h);
}

#define MOST_POLLED 1024

static int
wait_for(struct mc_runner *r, int64_t wake)
{
	struct pollfd p[MOST_POLLED];
	struct mc_hand *who[MOST_POLLED];
	nfds_t n = 3;

	p[0] = (struct pollfd){ .fd = r->cancelled ? -1 :
	    r->set->run->cancel_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = r->watch, .events = POLLIN };
	/* POLLHUP alone: nobody is there who would start workers */
	p[2] = (struct pollfd){ .fd = r->set->spawn == NULL || r->cancelled ?
	    -1 : *r->set->spawn };
	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		for (struct mc_hand *h = l->hands; h != NULL; h = h->next) {
			if (h->ended || n == MOST_POLLED)
				continue;
			p[n] = (struct pollfd){ .fd = h->child.sock,
			    .events = POLLIN };
			who[n++] = h;
		}
	if (r->leaving.n != 0)
		sooner(&wake, mc_clock_after(50));
	if (poll(p, n, mc_clock_left(wake)) < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	if (p[0].revents != 0 || p[2].revents != 0)
		cancel(r);
	if (p[1].revents != 0)
		listen_read(r);
	for (nfds_t i = 3; i < n; i++)
		if (p[i].revents != 0)
			mc_hand_read(r, who[i]);
	return 0;
}

/* ------------------------------------------------------------------- the run */

static int
scan_if_time(struct mc_runner *r, int64_t *ret_wake)
{
	int64_t now = mc_runner_now();

	if (r->cancelled)
		return 0;
	if (r->next_due <= now)
		r->scan_at = mc_clock_ms();
	if (mc_clock_left(r->scan_at) == 0) {
		if (mc_runner_scan(r, &r->stop) != 0)
			return -1;
		r->scan_at = !watching(r) ? MC_NEVER :
		    mc_clock_after(r->watch >= 0 ? RESCAN_MS : POLL_MS);
		sooner(&r->scan_at, r->again_at);
	}
	sooner(ret_wake, r->scan_at);
	/* one that waits for its time may be as far ahead as can be */
	if (r->next_due != MC_NEVER && watching(r))
		sooner(ret_wake, r->next_due - now > LONGEST_WAIT ? MC_NEVER :
		    mc_clock_after(1000 * (r->next_due - now)));
	return 0;
}

/* something waits for nothing but its account's rate */
static bool
rate_waits(struct mc_runner *r)
{
	int64_t ignored = MC_NEVER;

	for (struct mc_lane *l = r->lanes; l != NULL; l = l->next)
		if (l->ready.n != 0 && mc_clock_left(l->rate_until) != 0 &&
		    mc_lane_open(r, l, &ignored))
			return true;
	return false;
}

/*
 * A watching run has the lock only while it delivers, so that another one can
 * be asked for by hand.
 */
static bool
may_deliver(struct mc_runner *r, int64_t *ret_wake)
{
	if (r->set->run->ids != NULL || r->lock >= 0)
		return true;
	if (r->fresh.n == 0 && n_ready(r) == 0)
		return false;
	if (mc_store_lock_run(r->set->store, &r->lock, &r->stop) == 1)
		return true;
	sooner(ret_wake, mc_clock_after(1000));
	return false;
}

/* until nothing is due any more, or nothing of it can go */
static void
work(struct mc_runner *r)
{
	for (;;) {
		int64_t wake = MC_NEVER;
		bool may;

		if (r->set->run->ids == NULL && scan_if_time(r, &wake) != 0)
			break;
		may = may_deliver(r, &wake);
		if (may) {
			if (look_ahead(r))
				wake = 0;
			assign(r, &wake);
		}
		tidy(r, &wake);
		/* a report, for example, that was just made */
		if (may && r->fresh.n != 0 && !is_active(r))
			wake = 0;
		tell_progress(r, &wake);
		mc_runner_count(r, &wake);
		mc_notify_turn(r, &wake);
		/* somebody was busy with a message of ours */
		if (!r->cancelled)
			sooner(&wake, r->scan_at);
		if (r->cancelled || r->stop.code != MC_OK) {
			if (!is_active(r))
				break;
			/* who has nothing to do can go at once */
			if (!r->cancelled)
				wake = 0;
			cancel(r);
			sooner(&wake, mc_clock_left(r->cancel_at) != 0 ?
			    r->cancel_at : mc_clock_after(50));
		} else if (!is_active(r) && r->fresh.n == 0) {
			if (watching(r))
				mc_file_close(&r->lock);
			else if (!rate_waits(r) && r->scan_at == MC_NEVER)
				break;
		}
		if (wait_for(r, wake) != 0)
			break;
	}
}

static int
take_lock(struct mc_runner *r, struct mc_err *err)
{
	struct pollfd p = { .fd = r->set->run->cancel_fd, .events = POLLIN };
	int rc;

	for (;;) {
		rc = mc_store_lock_run(r->set->store, &r->lock, err);
		if (rc != 0 || (r->set->run->flags & MC_RUN_NO_WAIT) != 0)
			return rc;
		if (poll(&p, 1, LOCK_MS) > 0)
			return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
			    "interrupted while another run was at work");
	}
}

/*
 * Whoever puts a message while we have the lock leaves it to us, and we may
 * have looked for the last time: so we look once more after letting go.
 */
static int
run_all(struct mc_runner *r, struct mc_err *err)
{
	int rc;

	for (;;) {
		rc = take_lock(r, err);
		if (rc != 1)
			return rc;
		r->scan_at = mc_clock_ms();
		work(r);
		mc_file_close(&r->lock);
		r->scan_at = MC_NEVER;
		if (r->stop.code != MC_OK || r->cancelled ||
		    mc_runner_scan(r, &r->stop) != 0 || r->fresh.n == 0)
			return 0;
	}
}

static int
add_named(struct mc_runner *r, struct mc_err *err)
{
	const struct mc_run *run = r->set->run;

	for (size_t i = 0; i < run->n_ids; i++) {
		struct mc_store_stat st;
		struct mc_item *item;

		if (mc_store_stat_id(r->set->store, run->ids[i], &st) != 1)
			return mc_err_set(err, MC_E_QUEUE_NONE,
			    MC_STAGE_LOCAL, "there is no message %s in the "
			    "queue", run->ids[i]);
		if (mc_items_find(&r->items, st.id) != NULL)
			continue;
		item = mc_items_add(&r->items, st.id);
		if (item == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		item->state = MC_ITEM_NEW;
		item->failed = st.failed;
		item->due = st.next_attempt;
		item->forced = true;
		mc_fifo_put(&r->fresh, item);
		r->progress.left++;
	}
	return 0;
}

static void
end(struct mc_runner *r)
{
	int64_t deadline;

	mc_runner_count_rest(r);
	mc_notify_rest(r);
	mc_lanes_clear(r);
	deadline = mc_clock_after(LEAVE_MS);
	for (size_t i = 0; i < r->leaving.n; i++) {
		int left = mc_clock_left(deadline);

		mc_child_end(mc_vec_at(&r->leaving, i), left);
	}
	mc_vec_clear(&r->leaving);
	mc_items_clear(&r->items);
	mc_file_close(&r->watch);
	mc_file_close(&r->lock);
}

int
mc_runner_run(const struct mc_runner_settings *settings, struct mc_err *err)
{
	struct mc_runner r = { .set = settings, .next_due = MC_NEVER,
	    .scan_at = MC_NEVER, .again_at = MC_NEVER, .lock = -1, .watch = -1 };
	int rc = 0;

	mc_vec_init(&r.leaving, sizeof(struct mc_child), SIZE_MAX / 64);
	if (settings->run->ids != NULL) {
		rc = add_named(&r, err);
		if (rc == 0)
			work(&r);
	} else if (watching(&r)) {
		listen_start(&r);
		r.scan_at = mc_clock_ms();
		work(&r);
	} else {
		rc = run_all(&r, err);
	}
	end(&r);
	if (r.changed && settings->run->progress != NULL)
		settings->run->progress(settings->run->ctx, &r.progress);
	if (rc == 0 && r.stop.code != MC_OK) {
		if (err != NULL && !mc_err_is_set(err))
			*err = r.stop;
		return -1;
	}
	if (rc == 0 && r.cancelled && !watching(&r))
		return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    "interrupted: what was not sent waits in the queue");
	return rc < 0 ? -1 : 0;
}
