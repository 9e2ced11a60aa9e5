/* SPDX-License-Identifier: MIT */
/*
 * runner_hand.c - the runner's side of a worker: start, give, listen, end
 */
#include "base/base.h"
#include "queue/runner_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/spawn.h"

#include <errno.h>
#include <sys/socket.h>

/* a worker that does not read what it waits for is broken */
#define GIVE_MS 10000
/* so much of what has not been answered may be with one worker */
#define MOST_BYTES (1024 * 1024)
/* for goodbyes to servers, of workers that are not ours to watch */
#define LET_GO_MS 60000

/*
 * Loaded here it is there for all workers, and in a run that stays it is the
 * one that was there at the start, whatever is installed meanwhile.  If it is
 * missing, each worker will say so as a failure of its account.
 */
static const struct mc_transport_ops *
find_transport(const struct mc_runner *r, const struct mc_lane *lane)
{
	const struct mc_transport_ops *ops = r->set->ops;
	struct mc_err ignored = { 0 };

	if (ops == NULL && mc_transport_find(lane->account, &ops,
	    &ignored) != 0)
		return NULL;
	return ops;
}

static enum mc_level
log_most(const struct mc_runner *r)
{
	return r->set->log == NULL || r->set->log->fn == NULL ? MC_LOG_NONE :
	    r->set->log->most;
}

static int
start_own(struct mc_runner *r, struct mc_hand *hand, struct mc_err *err)
{
	struct mc_lane *lane = hand->lane;

	lane->worker = (struct mc_worker){ .ops = find_transport(r, lane),
	    .account = lane->account, .caller = r->set->caller,
	    .log_most = log_most(r), .dir = mc_store_dir(r->set->store),
	    .depth = (size_t)lane->account->pipeline_depth,
	    .told = r->told_confine };
	return mc_child_start(mc_worker_main, &lane->worker, &hand->child,
	    err);
}

static int
start_by_parent(struct mc_runner *r, struct mc_hand *hand, struct mc_err *err)
{
	struct mc_spawn_request req = { .account = hand->lane->name,
	    .log_most = log_most(r), .told = r->told_confine };

	/* 0 is for our own */
	if (++r->spawned == 0)
		r->spawned++;
	req.number = hand->spawned = r->spawned;
	return mc_spawn_worker(*r->set->spawn, &req, &hand->child, err);
}

struct mc_hand *
mc_hand_start(struct mc_runner *r, struct mc_lane *lane, struct mc_err *err)
{
	struct mc_hand *hand = mc_mem_zalloc(1, sizeof(*hand));

	if (hand == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	hand->lane = lane;
	hand->child.sock = -1;
	mc_buf_init(&hand->in, 16 * (sizeof(struct mc_frame) +
	    MC_FRAME_MOST));
	/* so that hearing needs no more memory */
	if (mc_buf_reserve(&hand->in, 2 * (sizeof(struct mc_frame) +
	    MC_FRAME_MOST)) == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		mc_mem_free(hand);
		return NULL;
	}
	if ((r->set->spawn == NULL ? start_own(r, hand, err) :
	    start_by_parent(r, hand, err)) != 0) {
		mc_buf_clear(&hand->in);
		mc_mem_free(hand);
		return NULL;
	}
	r->told_confine = r->told_confine || lane->account->confine;
	hand->since = mc_clock_ms();
	hand->next = lane->hands;
	lane->hands = hand;
	lane->n_hands++;
	return hand;
}

static int
say(struct mc_hand *hand, enum mc_frame_type type, const void *p, size_t n,
    int fd)
{
	char bytes[sizeof(struct mc_frame) + sizeof(struct mc_frame_job)];
	struct mc_frame frame = { (uint32_t)type, (uint32_t)n };

	memcpy(bytes, &frame, sizeof(frame));
	if (n != 0)
		memcpy(bytes + sizeof(frame), p, n);
	return mc_child_send(hand->child.sock, bytes, sizeof(frame) + n, fd,
	    GIVE_MS);
}

/* -------------------------------------------------------------------- tasks */

static void
task_free(struct mc_task *t)
{
	mc_mem_free(t->told);
	mc_mem_free(t->room[0]);
	mc_mem_free(t->room[1]);
	mc_mem_free(t);
}

static struct mc_task *
task_new(struct mc_hand *hand, struct mc_item *item, struct mc_entry *entry)
{
	size_t n = mc_record_rcpts(entry);
	struct mc_task *t = mc_mem_zalloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->lane = hand->lane;
	t->hand = hand;
	t->item = item;
	t->entry = entry;
	t->told = mc_mem_zalloc(n + 1, sizeof(size_t));
	t->room[0] = mc_mem_zalloc(n + 1, sizeof(size_t));
	t->room[1] = mc_mem_zalloc(n + 1, sizeof(size_t));
	if (t->told != NULL && t->room[0] != NULL && t->room[1] != NULL)
		return t;
	task_free(t);
	return NULL;
}

static struct mc_task *
task_find(const struct mc_hand *hand, uint32_t number)
{
	struct mc_task *t = hand->tasks;

	while (t != NULL && t->number != number)
		t = t->next;
	return t;
}

static void
task_add(struct mc_hand *hand, struct mc_task *t)
{
	struct mc_task **at = &hand->tasks;

	while (*at != NULL)
		at = &(*at)->next;
	*at = t;
	hand->n_tasks++;
	hand->bytes += t->size;
	t->number = ++hand->number;
}

/* it is over: recorded, and forgotten */
static void
task_done(struct mc_runner *r, struct mc_task *t,
    const struct mc_frame_done *done)
{
	struct mc_hand *hand = t->hand;
	struct mc_task **at = &hand->tasks;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	hand->n_tasks--;
	hand->bytes -= t->size;
	mc_record_done(r, t, done);
	task_free(t);
	hand->since = mc_clock_ms();
}

/*
 * What ends before its log-in has sent nothing.  Of one that our parent was to
 * start this is also all that shows if it could not; the account waits then, so
 * that it is not asked for another one at once.
 */
static void
why_broken(const struct mc_hand *hand, struct mc_frame_done *done)
{
	memset(done, 0, sizeof(*done));
	done->adopted = 1;
	if (hand->cut) {
		(void)mc_err_set(&done->err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    NULL);
	} else if (hand->spawned != 0 && !hand->open) {
		done->opening = 1;
		(void)mc_err_set(&done->err, MC_E_IO, MC_STAGE_LOCAL,
		    "the process that was to send it could not be started, or "
		    "has ended before it was logged in");
	} else {
		(void)mc_err_set(&done->err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "the process that was to send it has ended in the middle; "
		    "a copy may have arrived");
	}
}

/* as good as its word: the worker is not there any more */
static void
broke(struct mc_runner *r, struct mc_hand *hand)
{
	struct mc_frame_done done;

	if (hand->ended)
		return;
	hand->ended = hand->finished = true;
	mc_child_end(&hand->child, 0);
	if (hand->spawned != 0)
		mc_spawn_let_go(*r->set->spawn, hand->spawned, 0);
	why_broken(hand, &done);
	while (hand->tasks != NULL)
		task_done(r, hand->tasks, &done);
}

bool
mc_hand_has_room(const struct mc_hand *hand)
{
	const struct mc_account *a = hand->lane->account;

	if (hand->finished || (hand->n_tasks != 0 && !hand->gives))
		return false;
	if (hand->n_tasks == 0)
		return true;
	/* what is let go at a rate is not held in hand */
	return hand->overlaps && a->rate_messages == 0 && !hand->full &&
	    !hand->tasks->alone &&
	    hand->n_tasks < a->pipeline_depth &&
	    hand->carried + hand->n_tasks < a->messages_per_connection;
}

bool
mc_hand_may_have(struct mc_hand *hand, struct mc_item *item,
    struct mc_entry *entry)
{
	struct mc_entry_info info;

	mc_entry_info(entry, &info);
	/* whatever broke the connection, or the worker, must not do it to
	 * others again */
	item->alone = info.cut_off || info.attempts != 0 ||
	    info.size > MOST_BYTES || mc_record_has(entry, MC_CELL_UNSURE);
	if (hand->n_tasks == 0)
		return true;
	hand->full = item->alone || hand->bytes + info.size > MOST_BYTES;
	return !hand->full;
}

int
mc_hand_give(struct mc_runner *r, struct mc_hand *hand, struct mc_item *item,
    struct mc_entry *entry)
{
	struct mc_frame_job job;
	struct mc_entry_info info;
	struct mc_err none = { .code = MC_OK };
	struct mc_task *t = task_new(hand, item, entry);
	uint32_t chance = 0;

	if (t == NULL) {
		(void)mc_err_set(&r->stop, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		mc_entry_close(entry);
		mc_runner_put_off(r, item, MC_NEVER);
		return -1;
	}
	mc_entry_info(entry, &info);
	/* without random bytes the waits are not spread, and no worse */
	if (mc_rand_bytes(&chance, sizeof(chance), &none) != 0)
		chance = 0;
	mc_err_reset(&none);
	t->begun = mc_runner_now();
	t->next_attempt = mc_schedule_next(&hand->lane->schedule,
	    info.attempts + 1, t->begun, chance);
	t->next_unsure = mc_schedule_next_unsure(&hand->lane->schedule,
	    info.attempts + 1, t->begun, chance);
	t->since = mc_clock_ms();
	t->size = info.size;
	t->alone = item->alone;
	task_add(hand, t);
	item->state = MC_ITEM_ACTIVE;
	if (mc_entry_attempt(entry, true, &none) != 0)
		mc_log_line(r->set->log, MC_LOG_WARN, MC_STAGE_LOCAL, "%s",
		    none.text);
	hand->gives = true;
	memset(&job, 0, sizeof(job));
	job.job = t->number;
	memcpy(job.id, item->id, sizeof(job.id));
	if (say(hand, MC_FRAME_JOB, &job, sizeof(job), mc_entry_fd(entry)) == 0)
		return 0;
	broke(r, hand);
	return -1;
}

void
mc_hand_run(struct mc_runner *r, struct mc_hand *hand)
{
	if (hand->ended || !hand->gives)
		return;
	hand->gives = hand->full = false;
	/* who was asked to break off does not hear any more */
	if (!hand->cut && say(hand, MC_FRAME_RUN, NULL, 0, -1) != 0)
		broke(r, hand);
}

/* ------------------------------------------------------------------ hearing */

static void
set_text(char **where, const char *text)
{
	mc_mem_free(*where);
	*where = text[0] == '\0' ? NULL : mc_mem_strdup(text);
}

/* false: not what a worker says */
static bool
on_rcpt(struct mc_hand *hand, const char *p, size_t n)
{
	struct mc_frame_rcpt f;
	const char *text = p + sizeof(f), *reply;
	struct mc_rcpt *rcpt;
	struct mc_task *t;

	if (n < sizeof(f) + 2 || p[n - 1] != '\0')
		return false;
	memcpy(&f, p, sizeof(f));
	reply = text + strlen(text) + 1;
	t = task_find(hand, f.job);
	if (reply > p + n - 1 || t == NULL)
		return false;
	rcpt = mc_envelope_at(mc_entry_envelope(t->entry), f.i);
	if (rcpt == NULL || t->n_told >= mc_record_rcpts(t->entry))
		return false;
	t->told[t->n_told++] = f.i;
	rcpt->verdict = (enum mc_verdict)f.verdict;
	rcpt->code = (enum mc_code)f.code;
	rcpt->stage = (enum mc_stage)f.stage;
	rcpt->smtp = f.smtp;
	for (size_t k = 0; k < 3; k++)
		rcpt->enh[k] = f.enh[k];
	rcpt->dsn = f.dsn != 0;
	set_text(&rcpt->text, text);
	set_text(&rcpt->reply, reply);
	return true;
}

static bool
on_log(struct mc_runner *r, const char *p, size_t n)
{
	int32_t head[2];

	if (n < sizeof(head) + 1 || p[n - 1] != '\0')
		return false;
	memcpy(head, p, sizeof(head));
	mc_log_line(r->set->log, (enum mc_level)head[0],
	    (enum mc_stage)head[1], "%s", p + sizeof(head));
	return true;
}

static bool
on_done(struct mc_runner *r, struct mc_hand *hand, const char *p, size_t n)
{
	struct mc_frame_done done;
	struct mc_task *t;

	if (n != sizeof(done))
		return false;
	memcpy(&done, p, sizeof(done));
	done.err.text[sizeof(done.err.text) - 1] = '\0';
	t = task_find(hand, done.job);
	if (t == NULL)
		return false;
	hand->carried += done.untried == 0;
	task_done(r, t, &done);
	return true;
}

static bool
on_open(struct mc_runner *r, struct mc_hand *hand, const char *p, size_t n)
{
	struct mc_frame_open f;

	if (n != sizeof(f))
		return false;
	memcpy(&f, p, sizeof(f));
	hand->open = true;
	hand->overlaps = f.overlaps != 0;
	mc_lane_works(r, hand->lane);
	return true;
}

static bool
on_settled(struct mc_runner *r, struct mc_hand *hand, const char *p, size_t n)
{
	struct mc_task *t;
	uint32_t number;

	if (n != sizeof(number))
		return false;
	memcpy(&number, p, sizeof(number));
	t = task_find(hand, number);
	if (t == NULL)
		return false;
	mc_record_settled(r, t);
	t->n_told = 0;
	/* what cannot be recorded must not be followed by more */
	if (r->stop.code != MC_OK)
		mc_hand_cut(hand);
	return hand->cut || say(hand, MC_FRAME_GO, NULL, 0, -1) == 0;
}

static bool
on_frame(struct mc_runner *r, struct mc_hand *hand, uint32_t type,
    const char *p, size_t n)
{
	switch ((enum mc_frame_type)type) {
	case MC_FRAME_OPEN:
		return on_open(r, hand, p, n);
	case MC_FRAME_RCPT:
		return on_rcpt(hand, p, n);
	case MC_FRAME_SETTLED:
		return on_settled(r, hand, p, n);
	case MC_FRAME_DONE:
		return on_done(r, hand, p, n);
	case MC_FRAME_LOG:
		return on_log(r, p, n);
	case MC_FRAME_JOB:
	case MC_FRAME_RUN:
	case MC_FRAME_GO:
		break;
	}
	return false;
}

/* the frames that are whole; false: not what a worker says */
static bool
take_frames(struct mc_runner *r, struct mc_hand *hand)
{
	size_t at = 0;
	bool fine = true;

	while (fine && hand->in.len - at >= sizeof(struct mc_frame)) {
		struct mc_frame frame;

		memcpy(&frame, hand->in.ptr + at, sizeof(frame));
		if (frame.len > MC_FRAME_MOST)
			return false;
		if (hand->in.len - at - sizeof(frame) < frame.len)
			break;
		at += sizeof(frame);
		fine = on_frame(r, hand, frame.type, hand->in.ptr + at,
		    frame.len);
		at += frame.len;
		if (hand->ended)
			return true;
	}
	mc_buf_consume(&hand->in, at);
	return fine;
}

void
mc_hand_read(struct mc_runner *r, struct mc_hand *hand)
{
	char *to = mc_buf_reserve(&hand->in, MC_FRAME_MOST);
	ssize_t got;

	if (to == NULL) {
		broke(r, hand);
		return;
	}
	got = recv(hand->child.sock, to, MC_FRAME_MOST, 0);
	if (got < 0 && (errno == EINTR || errno == EAGAIN ||
	    errno == EWOULDBLOCK))
		return;
	if (got <= 0) {
		broke(r, hand);
		return;
	}
	mc_buf_commit(&hand->in, (size_t)got);
	if (!take_frames(r, hand))
		broke(r, hand);
}

void
mc_hand_cut(struct mc_hand *hand)
{
	if (hand->child.sock >= 0)
		(void)shutdown(hand->child.sock, SHUT_WR);
	hand->finished = hand->cut = true;
}

/*
 * The end of the channel is what it waits for; what it still has to say to
 * the server takes a moment, for which nobody waits here.
 */
void
mc_hand_end(struct mc_runner *r, struct mc_hand *hand)
{
	struct mc_lane *lane = hand->lane;
	struct mc_hand **at = &lane->hands;
	struct mc_child *leaving = NULL;

	if (!hand->ended && hand->tasks == NULL)
		leaving = mc_vec_add(&r->leaving);
	if (leaving != NULL) {
		*leaving = hand->child;
		mc_file_close(&leaving->sock);
		if (hand->spawned != 0)
			mc_spawn_let_go(*r->set->spawn, hand->spawned,
			    LET_GO_MS);
	} else {
		broke(r, hand);
	}
	while (*at != hand)
		at = &(*at)->next;
	*at = hand->next;
	lane->n_hands--;
	mc_buf_clear(&hand->in);
	mc_mem_free(hand);
}
