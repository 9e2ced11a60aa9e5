/* SPDX-License-Identifier: MIT */
/*
 * listener_books.c - what a listener refuses, and what there is in the queue
 */
#include "base/base.h"
#include "serve/listener_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "queue/usage.h"

#include <errno.h>
#include <inttypes.h>

#define TALLY_MS 1000
/* the queue is counted anew after so long, if it may have changed much */
#define COUNT_MS 10000

/* ----------------------------------------------------------------- refusals */

static void
show_whose(const struct mc_whose *whose, char *out, size_t size)
{
	if (whose->kind == MC_WHOSE_USER)
		snprintf(out, size, "%lu", (unsigned long)whose->id);
	else
		snprintf(out, size, "-");
}

/* no blanks in what stands behind '=', so that a line can be cut at them */
void
mc_listener_refuse(struct mc_lstate *l, const struct mc_lsession *s,
    enum mc_refusal reason, const char *detail)
{
	char uid[24], pid[24] = "-";

	l->refused[reason]++;
	if (l->tally_at == MC_NEVER)
		l->tally_at = mc_clock_after(TALLY_MS);
	if (!mc_damper_allows(l->damper, s->whose, reason, mc_clock_ms()))
		return;
	show_whose(&s->whose, uid, sizeof(uid));
	if (s->pid != 0)
		snprintf(pid, sizeof(pid), "%ld", (long)s->pid);
	mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
	    "refused source=%s uid=%s pid=%s reason=%s%s%s count=1",
	    s->hello.source, uid, pid, mc_refusal_name(reason),
	    detail[0] == '\0' ? "" : " ", detail);
}

/* the lines that were held back, in one */
void
mc_listener_tell_damped(struct mc_lstate *l, int64_t now)
{
	struct mc_damped d;
	char uid[24];

	while (mc_damper_due(l->damper, now, &d)) {
		show_whose(&d.whose, uid, sizeof(uid));
		mc_log_line(l->set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "refused source=%s uid=%s pid=- reason=%s count=%" PRIu64,
		    d.others || d.whose.kind == MC_WHOSE_SOURCE ? "-" : "unix",
		    d.others ? "-" : uid, mc_refusal_name(d.reason), d.n);
	}
}

void
mc_listener_tell_tally(struct mc_lstate *l)
{
	l->tally_at = MC_NEVER;
	for (size_t i = 0; i < MC_REFUSED__COUNT; i++) {
		if (l->refused[i] == 0)
			continue;
		if (l->set->refused(l->set->ctx, (enum mc_refusal)i,
		    l->refused[i]))
			l->refused[i] = 0;
		else
			l->tally_at = mc_clock_after(TALLY_MS);
	}
}

/* ------------------------------------------------------- counting the queue */

void
mc_listener_count_start(struct mc_lstate *l)
{
	struct mc_err err = { 0 };

	if (!l->count_due || l->count.pid != 0 ||
	    mc_clock_left(l->count_at) != 0)
		return;
	l->count_due = false;
	l->count_at = mc_clock_after(COUNT_MS);
	mc_buf_reset(&l->counted);
	if (mc_child_start(l->set->count, l->set->ctx, &l->count, &err) == 0)
		mc_limits_begin_usage(l->limits);
	else
		mc_log_line(l->set->log, MC_LOG_WARN, err.stage, "%s",
		    err.text);
}

/* as listener.h says: the sums, then users by their numbers */
static int
read_usage(const struct mc_buf *in, struct mc_usage *ret)
{
	size_t head = offsetof(struct mc_counted, user);
	const size_t one = sizeof(struct mc_usage_user);
	struct mc_counted sums;

	if (in->len < head)
		return -1;
	memcpy(&sums, in->ptr, head);
	/* half a count is none */
	if ((in->len - head) % one != 0 || (in->len - head) / one != sums.users)
		return -1;
	memset(ret, 0, sizeof(*ret));
	ret->messages = sums.messages;
	ret->bytes = sums.bytes;
	ret->whole_messages = sums.whole_messages;
	ret->whole_bytes = sums.whole_bytes;
	mc_vec_init(&ret->users, one, SIZE_MAX / one);
	for (size_t at = head; at < in->len; at += one) {
		struct mc_usage_user *u = mc_vec_add(&ret->users);

		if (u == NULL) {
			mc_usage_clear(ret);
			return -1;
		}
		memcpy(u, in->ptr + at, one);
	}
	return 0;
}

static void
count_done(struct mc_lstate *l)
{
	struct mc_err err = { 0 };
	struct mc_usage usage;

	if (l->counted.err == 0 && read_usage(&l->counted, &usage) == 0) {
		if (mc_limits_set_usage(l->limits, &usage, &err) != 0)
			mc_log_line(l->set->log, MC_LOG_WARN, err.stage, "%s",
			    err.text);
		mc_usage_clear(&usage);
	}
	mc_buf_clear(&l->counted);
	mc_child_end(&l->count, 100);
}

void
mc_listener_count_read(struct mc_lstate *l)
{
	ssize_t n;

	while ((n = mc_file_fill(l->count.sock, &l->counted)) > 0)
		;
	if (n < 0 && l->counted.err == 0 &&
	    (errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	count_done(l);
}
