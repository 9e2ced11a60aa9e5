/* SPDX-License-Identifier: MIT */
/*
 * runner_internal.h - what the files of the runner share
 */
#ifndef MC_RUNNER_INTERNAL_H
#define MC_RUNNER_INTERNAL_H

#include "base/child.h"
#include "queue/counters.h"
#include "queue/pause.h"
#include "queue/report.h"
#include "queue/runner.h"
#include "queue/worker.h"

/* -------------------------------------------------------------------- items */

/* a message of this run, by name; it is opened when its turn comes */
struct mc_item {
	char id[MC_ID_LEN + 1];
	enum mc_item_state {
		MC_ITEM_NEW,		/* due; account not known yet */
		MC_ITEM_READY,		/* in its account's list */
		MC_ITEM_ACTIVE,		/* with a worker */
		MC_ITEM_DONE		/* not again, before `again` */
	} state;
	bool failed;		/* kept, and its time may be over */
	bool forced;		/* asked for by name: due or not, paused or not */
	bool alone;		/* nothing else is sent beside it */
	unsigned tries;		/* in vain, since others had it */
	int64_t due;		/* seconds since 1970 */
	int64_t again;		/* mc_clock_ms; MC_NEVER: not in this run */
	struct mc_share *share;	/* whose turn it is sent in */
	struct mc_item *next;	/* of the list that it is in */
	struct mc_item *chain;	/* of its bucket */
};

struct mc_items {
	struct mc_item **buckets;
	size_t n_buckets;	/* 0 or a power of two */
	size_t n;
};

/* NULL if it is not there */
struct mc_item *
mc_items_find(const struct mc_items *items, const char *id);

/* it must not be there; NULL if out of memory */
struct mc_item *
mc_items_add(struct mc_items *items, const char *id);

/* those that are done, and have not been seen again since they might be */
void
mc_items_forget(struct mc_items *items);

void
mc_items_clear(struct mc_items *items);

/* first in, first out */
struct mc_fifo {
	struct mc_item *first;
	struct mc_item *last;
	size_t n;
};

void
mc_fifo_put(struct mc_fifo *fifo, struct mc_item *item);

void
mc_fifo_put_back(struct mc_fifo *fifo, struct mc_item *item);

struct mc_item *
mc_fifo_take(struct mc_fifo *fifo);

/* what is put in any order comes out oldest first */
void
mc_fifo_sort(struct mc_fifo *fifo);

/*
 * What is ready of an account: those that were asked for by name, in the order
 * of asking; then those who handed in messages take turns, a message each, and
 * the messages of one go in the order in which they were put here.  So nobody
 * waits for all that somebody else has handed in before.
 */
struct mc_share {
	unsigned long uid;
	struct mc_fifo fifo;
	struct mc_share *next;	/* of all of them */
	struct mc_share *behind;	/* whose turn it is after, if it has any */
};

struct mc_ready {
	struct mc_fifo forced;
	struct mc_share *shares;	/* of all, also without messages */
	struct mc_share *turn;		/* those with messages, next one first */
	struct mc_share *last;
	size_t n;
};

/* -1 if out of memory */
int
mc_ready_put(struct mc_ready *ready, unsigned long uid, struct mc_item *item);

/* as if it had not been taken; it was put here before */
void
mc_ready_put_back(struct mc_ready *ready, struct mc_item *item);

struct mc_item *
mc_ready_take(struct mc_ready *ready);

void
mc_ready_clear(struct mc_ready *ready);

/* ------------------------------------------------------------------- runner */

struct mc_runner;

/* an account of this run */
struct mc_lane {
	char *name;
	const struct mc_account *account;	/* NULL: not in the configuration */
	struct mc_schedule schedule;
	struct mc_pause pause;
	struct mc_ready ready;
	struct mc_hand *hands;	/* its workers, a list */
	size_t n_hands;
	size_t most_hands;	/* the server takes no more; 0: not known */
	bool proven;		/* a log-in has worked since anything failed */
	unsigned broken;	/* messages in a row that lost the connection */
	int64_t rate_until;	/* mc_clock_ms: before that nothing goes */
	struct mc_buf failed;	/* for notify-command */
	uint64_t failed_more;	/* so many that there was no room for */
	int64_t notify_at;	/* mc_clock_ms: not started before */
	struct mc_child notifier;
	struct mc_counts counts;	/* not in the file yet */
	struct mc_worker worker;
	struct mc_lane *next;
};

/* a message that a worker has */
struct mc_task {
	struct mc_lane *lane;
	struct mc_hand *hand;
	struct mc_item *item;
	struct mc_entry *entry;	/* claimed */
	uint32_t number;	/* by which the worker speaks of it */
	uint64_t size;
	bool alone;		/* nothing else is with the worker meanwhile */
	int64_t begun;		/* seconds since 1970: time of all its notes */
	int64_t since;		/* mc_clock_ms: with the worker */
	/* room for all recipients of the message, had before it is sent: what
	 * was delivered must not stay unrecorded for want of memory */
	size_t *told;		/* recipients told since the last SETTLED */
	size_t n_told;
	size_t *room[2];
	int64_t next_attempt;	/* if it is deferred, and if it is unsure */
	int64_t next_unsure;
	bool noted;		/* something was written down about this attempt */
	bool lane_failed;	/* it has paused its account */
	bool waits;		/* for its account: it was not really tried */
	int64_t again;		/* mc_clock_ms: else it may be tried again then */
	struct mc_task *next;
};

/* the runner's side of one worker */
struct mc_hand {
	struct mc_lane *lane;
	struct mc_child child;
	uint32_t spawned;	/* its number with our parent, whose child it
				 * is then (spawn.h); 0: it is ours */
	struct mc_buf in;	/* from the channel, not yet handled */
	struct mc_task *tasks;	/* in the order given; none: idle */
	size_t n_tasks;
	uint64_t bytes;		/* of them */
	uint32_t number;	/* of the last one */
	bool gives;		/* it is being given some, and told to start after */
	bool full;		/* what comes next has to wait until then */
	bool overlaps;		/* its server takes more while one is on its way */
	int64_t since;		/* mc_clock_ms: idle */
	size_t carried;		/* messages, so far */
	int64_t failed_at;	/* mc_clock_ms: it paused its account; MC_PAST */
	int64_t broke_at;	/* its connection broke */
	bool finished;		/* no more jobs: to be ended */
	bool open;		/* it has been connected and logged in */
	bool cut;		/* it was asked to break off */
	bool ended;		/* channel closed */
	struct mc_hand *next;
};

struct mc_runner {
	const struct mc_runner_settings *set;
	struct mc_items items;
	struct mc_fifo fresh;	/* due, account not known */
	bool gave;		/* the last round had something for a worker */
	struct mc_lane *lanes;
	struct mc_run_progress progress;
	bool told_confine;	/* a worker has said what it cannot give up */
	bool changed;		/* progress has, since it was last told */
	int64_t told_at;
	int64_t count_at;	/* mc_clock_ms: counts of lanes are written */
	int64_t next_due;	/* seconds since 1970 of what is not due; MC_NEVER */
	int64_t scan_at;	/* mc_clock_ms: look at everything again */
	int64_t again_at;	/* the same, for those that the last look left
				 * alone, since it was too early */
	bool cancelled;
	int64_t cancel_at;	/* mc_clock_ms: break off what is on its way */
	struct mc_vec leaving;	/* struct mc_child: to be reaped */
	uint32_t spawned;	/* number of the last one that was asked for */
	struct mc_err stop;	/* why nothing more is done */
	int lock;		/* the one run; -1 */
	int watch;		/* inotify; -1 */
	int q_watch;
};

int64_t
mc_runner_now(void);

/* runner_lane.c */
struct mc_lane *
mc_lane_get(struct mc_runner *r, const char *account, struct mc_err *err);

void
mc_lanes_clear(struct mc_runner *r);

/* a failure that is the account's: pause it and say so */
void
mc_lane_fail(struct mc_runner *r, struct mc_lane *lane, enum mc_fault fault,
    const struct mc_err *why);

void
mc_lane_works(struct mc_runner *r, struct mc_lane *lane);

/* does anything go now?  *ret_wake (mc_clock_ms) is when to look again */
bool
mc_lane_open(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake);

/* hand out messages and start workers */
void
mc_lane_assign(struct mc_runner *r, struct mc_lane *lane, int64_t *ret_wake);

/* runner_hand.c */
struct mc_hand *
mc_hand_start(struct mc_runner *r, struct mc_lane *lane, struct mc_err *err);

/* has it room for one more? */
bool
mc_hand_has_room(const struct mc_hand *hand);

/* beside what it has?  Else the message waits, and so does what comes after it */
bool
mc_hand_may_have(struct mc_hand *hand, struct mc_item *item,
    struct mc_entry *entry);

/* give it a message that is claimed; takes the entry, also on failure, after
 * which the item is settled */
int
mc_hand_give(struct mc_runner *r, struct mc_hand *hand, struct mc_item *item,
    struct mc_entry *entry);

/* that was all for now: it is to begin */
void
mc_hand_run(struct mc_runner *r, struct mc_hand *hand);

/* handle what the channel has */
void
mc_hand_read(struct mc_runner *r, struct mc_hand *hand);

/* ask it to break off */
void
mc_hand_cut(struct mc_hand *hand);

/* end it and forget it */
void
mc_hand_end(struct mc_runner *r, struct mc_hand *hand);

/* runner_record.c: from what was told to what stands in the spool */

/* recipients of an entry, by number; the room is somebody else's */
struct mc_some {
	size_t *which;
	size_t n;
};

static inline struct mc_rcpt *
mc_record_rcpt(struct mc_entry *entry, size_t i)
{
	return mc_envelope_at(mc_entry_envelope(entry), i);
}

static inline size_t
mc_record_rcpts(struct mc_entry *entry)
{
	return mc_entry_envelope(entry)->rcpts.n;
}

static inline bool
mc_record_has(struct mc_entry *entry, enum mc_cell cell)
{
	for (size_t i = 0; i < mc_record_rcpts(entry); i++)
		if (mc_entry_cell(entry, i) == cell)
			return true;
	return false;
}

void
mc_record_error(struct mc_runner *r, const struct mc_err *err);

/* a state on stable storage; false: it cannot be, and the run ends */
bool
mc_record_mark(struct mc_runner *r, struct mc_entry *entry,
    const struct mc_some *s, enum mc_cell cell);

/* what came of an attempt at recipient i (SIZE_MAX: at the message), with the
 * time of the task or, without one, of now; errors as mc_entry_note, logged */
int
mc_record_note(struct mc_runner *r, struct mc_task *t, struct mc_entry *entry,
    size_t i, const struct mc_err *why, bool sync);

/* those that were sent in doubt often enough have failed; with unsure-retries =
 * 0 this is known before another attempt.  s: room for all recipients */
void
mc_record_give_up_unsure(struct mc_runner *r, struct mc_lane *lane,
    struct mc_entry *entry, struct mc_some *s);

/* nobody is left to send to: gone, or kept to be looked at; true if so */
bool
mc_record_conclude(struct mc_runner *r, struct mc_entry *entry);

/* one recipient was told of: its verdict is in the envelope */
void
mc_record_settled(struct mc_runner *r, struct mc_task *t);

/* the attempt is over; closes the entry and settles the item */
void
mc_record_done(struct mc_runner *r, struct mc_task *t,
    const struct mc_frame_done *done);

/*
 * runner_before.c: what can be done for a message without sending it: reports
 * that a crash kept from being made, and its end.  1: it is to be sent; 0: the
 * entry was closed
 */
int
mc_record_before(struct mc_runner *r, struct mc_lane *lane,
    struct mc_item *item, struct mc_entry *entry);

/* a kept message whose time may be over */
void
mc_record_kept(struct mc_runner *r, struct mc_item *item);

/*
 * runner_report.c.  s and room are room for all recipients each.
 *
 * failed: every F becomes B, once its report is committed; who wants none gets
 * B too.  What cannot be done now is done by the next run: F stays.
 */
void
mc_report_failed(struct mc_runner *r, const struct mc_lane *lane,
    struct mc_entry *entry, struct mc_some *s, size_t *room);

/* NOTIFY=SUCCESS, and the server will not tell */
void
mc_report_relayed(struct mc_runner *r, struct mc_task *t,
    struct mc_some *s, size_t *room);

/* it waits for so long that the sender is told, once */
void
mc_report_delayed(struct mc_runner *r, struct mc_task *t,
    struct mc_some *s, size_t *room);

/*
 * runner_notify.c: notify-command.  add: these have failed for good.  turn: start
 * it when it is time, and see how it ended; rest: the same at the end of the
 * run, for what is left, and wait for it
 */
void
mc_notify_add(struct mc_lane *lane, struct mc_entry *entry,
    const struct mc_some *s);

void
mc_notify_turn(struct mc_runner *r, int64_t *ret_wake);

void
mc_notify_rest(struct mc_runner *r);

/* runner_count.c: what lanes have counted goes to the file, once a second, and
 * all that is left at the end */
void
mc_runner_count(struct mc_runner *r, int64_t *ret_wake);

void
mc_runner_count_rest(struct mc_runner *r);

/* runner_scan.c */
int
mc_runner_scan(struct mc_runner *r, struct mc_err *err);

/* one name, which something has happened to */
void
mc_runner_look(struct mc_runner *r, const char *id);

/* the item is no longer worked at; again: mc_clock_ms */
void
mc_runner_put_off(struct mc_runner *r, struct mc_item *item, int64_t again);

void
mc_runner_is_busy(struct mc_runner *r, struct mc_item *item);

#endif
