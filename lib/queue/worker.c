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
#include "transport/deliver.h"

/* the runner reads whenever it is not writing to a disk */
#define TELL_MS (600 * 1000)

struct work {
	const struct mc_worker *set;
	int sock;
	bool deaf;		/* the channel broke: nobody records any more */
	struct mc_log log;
	struct mc_delivery d;
	struct mc_entry *entry;
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
tell_rcpt(struct work *w, size_t i)
{
	const struct mc_rcpt *r = mc_envelope_at(mc_entry_envelope(w->entry),
	    i);
	struct mc_frame_rcpt head = { .i = (uint32_t)i,
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
	tell(w, MC_FRAME_RCPT, bytes, n);
}

/* first act after a verdict, before anything else goes to the server */
static int
settled(void *ctx, const size_t *which, size_t n)
{
	struct work *w = ctx;
	struct mc_frame frame;
	char none[1];

	for (size_t k = 0; k < n; k++)
		tell_rcpt(w, which[k]);
	tell(w, MC_FRAME_SETTLED, NULL, 0);
	if (hear(w, &frame, none, sizeof(none), NULL) &&
	    frame.type == MC_FRAME_GO)
		return 0;
	return -1;
}

static void
on_open(void *ctx)
{
	tell(ctx, MC_FRAME_OPEN, NULL, 0);
}

static int
deliver(struct work *w, struct mc_err *err)
{
	const struct mc_account *a = w->set->account;
	struct mc_delivery_message m = { 0 };
	struct mc_entry_info info;
	struct mc_plan plan;
	int rc = -1;

	mc_plan_init(&plan);
	mc_entry_info(w->entry, &info);
	m.env = mc_entry_envelope(w->entry);
	m.plan = &plan;
	m.needs_8bit = info.needs_8bit;
	m.settled = settled;
	m.ctx = w;
	if (mc_entry_content(w->entry, &m.header, &m.body, err) == 0 &&
	    mc_plan_make(m.env, (enum mc_fan_out)a->fan_out,
	    (size_t)a->max_recipients, &plan, err) == 0)
		rc = mc_delivery_run(&w->d, &m, err);
	mc_plan_clear(&plan);
	return rc;
}

static void
do_job(struct work *w, const char *id, int fd)
{
	struct mc_frame_done done;

	memset(&done, 0, sizeof(done));
	w->d.opening = false;
	if (mc_store_adopt(w->set->dir, id, fd, &w->entry, &done.err) == 0) {
		done.adopted = 1;
		if (deliver(w, &done.err) != 0)
			done.opening = w->d.opening;
		mc_entry_close(w->entry);
		w->entry = NULL;
	}
	tell(w, MC_FRAME_DONE, &done, sizeof(done));
}

void
mc_worker_main(void *ctx, int sock)
{
	struct work w = { .set = ctx, .sock = sock };
	char id[MC_ID_LEN + 1];
	struct mc_frame frame;
	int fd;

	w.log = (struct mc_log){ log_line, &w, w.set->log_most };
	w.d.ops = w.set->ops;
	w.d.env.account = w.set->account;
	w.d.env.caller = w.set->caller;
	w.d.env.log = &w.log;
	/* in the middle of a job nothing comes but the end */
	w.d.env.cancel_fd = sock;
	w.d.on_open = on_open;
	w.d.ctx = &w;
	while (hear(&w, &frame, id, sizeof(id), &fd)) {
		if (frame.type != MC_FRAME_JOB || frame.len != sizeof(id) ||
		    id[MC_ID_LEN] != '\0' || fd < 0) {
			mc_file_close(&fd);
			break;
		}
		do_job(&w, id, fd);
	}
	mc_delivery_close(&w.d);
}
