/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the process that carries messages of one account over one
 * connection
 */
#include "base/base.h"
#include "queue/worker.h"

#include "base/child.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store.h"
#include "queue/worker_confine.h"
#include "transport/deliver.h"

/* the runner reads whenever it is not writing to a disk */
#define TELL_MS (600 * 1000)

struct job {
	struct work *w;
	uint32_t number;
	char id[MC_ID_LEN + 1];
	int fd;			/* -1: the entry has it */
	struct mc_entry *entry;
	struct mc_plan plan;
	struct mc_delivery_message m;
	struct job *next;	/* of those that wait */
};

struct work {
	const struct mc_worker *set;
	int sock;
	bool deaf;		/* the channel broke: nobody records any more */
	bool stopped;		/* nothing more is to be sent */
	struct mc_log log;
	struct mc_delivery d;
	struct job *waiting;	/* given, and not yet begun */
};

static void
tell(struct work *w, enum mc_frame_type type, const void *p, size_t n)
{
	char bytes[sizeof(struct mc_frame) + MC_FRAME_MOST];
	struct mc_frame frame = { (uint32_t)type, (uint32_t)n };

	if (w->deaf || n > MC_FRAME_MOST)
		return;
	memcpy(bytes, &frame, sizeof(frame));
	if (n != 0)
		memcpy(bytes + sizeof(frame), p, n);
	if (mc_child_send(w->sock, bytes, sizeof(frame) + n, -1, TELL_MS) != 0)
		w->deaf = true;
}

/* 1 with the frame's bytes; 0: the end */
static int
hear(struct work *w, struct mc_frame *ret_frame, char *buf, size_t size,
    int *ret_fd)
{
	if (ret_fd != NULL)
		*ret_fd = -1;
	if (w->deaf || mc_child_recv(w->sock, ret_frame, sizeof(*ret_frame),
	    ret_fd) != 1 || ret_frame->len > size)
		return 0;
	return ret_frame->len == 0 ||
	    mc_child_recv(w->sock, buf, ret_frame->len, NULL) == 1;
}

static void
log_line(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct work *w = ctx;
	int32_t head[2] = { (int32_t)level, (int32_t)stage };
	char bytes[MC_FRAME_MOST];
	size_t n = strlen(text);

	if (n > sizeof(bytes) - sizeof(head) - 1)
		n = sizeof(bytes) - sizeof(head) - 1;
	memcpy(bytes, head, sizeof(head));
	memcpy(bytes + sizeof(head), text, n);
	bytes[sizeof(head) + n] = '\0';
	tell(w, MC_FRAME_LOG, bytes, sizeof(head) + n + 1);
}

static size_t
add_text(char *to, size_t room, const char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	if (n >= room)
		n = room - 1;
	if (n != 0)
		memcpy(to, text, n);
	to[n] = '\0';
	return n + 1;
}

static void
tell_rcpt(struct job *j, size_t i)
{
	const struct mc_rcpt *r = mc_envelope_at(mc_entry_envelope(j->entry),
	    i);
	struct mc_frame_rcpt head = { .job = j->number, .i = (uint32_t)i,
	    .verdict = (int32_t)r->verdict, .code = (int32_t)r->code,
	    .stage = (int32_t)r->stage, .smtp = r->smtp, .dsn = r->dsn };
	char bytes[sizeof(head) + 2 * (MC_ERR_TEXT + 1)];
	size_t n = sizeof(head);

	for (size_t k = 0; k < 3; k++)
		head.enh[k] = r->enh[k];
	memcpy(bytes, &head, sizeof(head));
	n += add_text(bytes + n, MC_ERR_TEXT, r->verdict == MC_DELIVERED ?
	    NULL : r->text);
	n += add_text(bytes + n, MC_ERR_TEXT, r->reply);
	tell(j->w, MC_FRAME_RCPT, bytes, n);
}

/* first act after a verdict, before anything else goes to the server */
static int
settled(void *ctx, const size_t *which, size_t n)
{
	struct job *j = ctx;
	struct work *w = j->w;
	struct mc_frame frame;
	char none[1];

	for (size_t k = 0; k < n; k++)
		tell_rcpt(j, which[k]);
	tell(w, MC_FRAME_SETTLED, &j->number, sizeof(j->number));
	if (!w->stopped && hear(w, &frame, none, sizeof(none), NULL) &&
	    frame.type == MC_FRAME_GO)
		return 0;
	w->stopped = true;
	return -1;
}

static void
on_open(void *ctx)
{
	struct work *w = ctx;
	struct mc_frame_open f = { mc_delivery_overlaps(&w->d) };

	tell(w, MC_FRAME_OPEN, &f, sizeof(f));
}

/* --------------------------------------------------------------------- jobs */

static void
end_job(struct job *j, struct mc_frame_done *done)
{
	struct work *w = j->w;

	mc_entry_close(j->entry);
	mc_plan_clear(&j->plan);
	mc_file_close(&j->fd);
	done->job = j->number;
	mc_mem_free(j);
	tell(w, MC_FRAME_DONE, done, sizeof(*done));
}

/* the runner may try them another time, or not */
static void
give_back(struct work *w)
{
	while (w->waiting != NULL) {
		struct job *j = w->waiting;
		struct mc_frame_done done;

		memset(&done, 0, sizeof(done));
		done.adopted = done.untried = 1;
		w->waiting = j->next;
		end_job(j, &done);
	}
}

/* false: not what a runner says */
static bool
take_job(struct work *w, const struct mc_frame *frame,
    const struct mc_frame_job *f, int fd)
{
	struct job **at = &w->waiting;
	struct job *j;

	if (frame->len != sizeof(*f) || f->id[MC_ID_LEN] != '\0' || fd < 0) {
		mc_file_close(&fd);
		return false;
	}
	j = mc_mem_zalloc(1, sizeof(*j));
	if (j == NULL) {
		struct mc_frame_done done;

		memset(&done, 0, sizeof(done));
		done.job = f->job;
		(void)mc_err_set(&done.err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		mc_file_close(&fd);
		tell(w, MC_FRAME_DONE, &done, sizeof(done));
		return true;
	}
	j->w = w;
	j->number = f->job;
	memcpy(j->id, f->id, sizeof(j->id));
	j->fd = fd;
	mc_plan_init(&j->plan);
	while (*at != NULL)
		at = &(*at)->next;
	*at = j;
	return true;
}

/* what the runner has for us; false: the end */
static bool
hear_jobs(struct work *w)
{
	union {
		struct mc_frame_job job;
		char bytes[sizeof(struct mc_frame_job)];
	} u;
	struct mc_frame frame;
	int fd;

	for (;;) {
		memset(&u, 0, sizeof(u));
		if (!hear(w, &frame, u.bytes, sizeof(u.bytes), &fd))
			return false;
		if (frame.type == MC_FRAME_JOB) {
			if (!take_job(w, &frame, &u.job, fd))
				return false;
			continue;
		}
		mc_file_close(&fd);
		return frame.type == MC_FRAME_RUN;
	}
}

static int
open_job(struct job *j, struct mc_frame_done *done)
{
	const struct mc_account *a = j->w->set->account;
	struct mc_entry_info info;
	int fd = j->fd;

	j->fd = -1;
	if (mc_store_adopt(j->w->set->dir, j->id, fd, &j->entry,
	    &done->err) != 0)
		return -1;
	done->adopted = 1;
	mc_entry_info(j->entry, &info);
	j->m.env = mc_entry_envelope(j->entry);
	j->m.plan = &j->plan;
	j->m.needs_8bit = info.needs_8bit;
	j->m.settled = settled;
	j->m.ctx = j;
	if (mc_entry_content(j->entry, &j->m.header, &j->m.body,
	    &done->err) != 0)
		return -1;
	return mc_plan_make(j->m.env, (enum mc_fan_out)a->fan_out,
	    (size_t)a->max_recipients, &j->plan, &done->err);
}

static const struct mc_delivery_message *
next(void *ctx)
{
	struct work *w = ctx;

	for (;;) {
		struct job *j = w->waiting;
		struct mc_frame_done done;

		if (j == NULL || w->stopped)
			return NULL;
		w->waiting = j->next;
		memset(&done, 0, sizeof(done));
		if (open_job(j, &done) == 0)
			return &j->m;
		end_job(j, &done);
	}
}

static void
over(void *ctx, const struct mc_delivery_message *m, int rc,
    const struct mc_err *err)
{
	struct work *w = ctx;
	struct mc_frame_done done;

	memset(&done, 0, sizeof(done));
	done.adopted = 1;
	done.untried = rc == 1;
	if (rc < 0) {
		done.err = *err;
		done.opening = w->d.opening;
	}
	end_job(m->ctx, &done);
	if (rc < 0)
		give_back(w);
}

/*
 * What needs more than will be left is started before.  Without a keeper there
 * would be no log-in, so everything stays as it is then.
 */
static void
confine(struct work *w, struct mc_keeper *keeper)
{
	const struct mc_account *a = w->set->account;
	struct mc_err err = { .code = MC_OK };

	if (!mc_worker_confinable(a))
		return;
	if (mc_keeper_needed(a, w->set->caller)) {
		if (mc_keeper_start(a, w->set->caller, keeper, &err) != 0) {
			mc_log_line(&w->log, MC_LOG_INFO, MC_STAGE_LOCAL,
			    "this worker is not confined: %s", err.text);
			return;
		}
		w->d.env.keeper = keeper;
	}
	/* not before the keeper is there, which shall not have them */
	mc_signer_load_now(&w->d.signer, &w->d.env);
	mc_worker_confine(w->set, &w->log);
}

void
mc_worker_main(void *ctx, int sock)
{
	struct work w = { .set = ctx, .sock = sock };
	struct mc_keeper keeper = { .child = { .sock = -1 } };
	struct mc_delivery_feed feed = { next, over, &w, 1 };

	w.log = (struct mc_log){ log_line, &w, w.set->log_most };
	w.d.ops = w.set->ops;
	w.d.env.account = w.set->account;
	w.d.env.caller = w.set->caller;
	w.d.env.log = &w.log;
	/* in the middle of a job nothing comes but the end */
	w.d.env.cancel_fd = sock;
	w.d.on_open = on_open;
	w.d.ctx = &w;
	feed.depth = w.set->depth;
	confine(&w, &keeper);
	while (!w.stopped && hear_jobs(&w)) {
		mc_delivery_feed_run(&w.d, &feed);
		give_back(&w);
	}
	give_back(&w);
	mc_delivery_end(&w.d);
	mc_keeper_end(&keeper);
}
