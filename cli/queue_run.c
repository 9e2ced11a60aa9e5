/* SPDX-License-Identifier: MIT */
/*
 * queue_run.c - "mailchute queue run": deliver what waits, and say so
 */
#include "queue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* a run that takes longer than this shows where it is */
#define QUIET_SECONDS 2

struct running {
	const char *log;
	int verbose;
	bool talks;		/* standard error is a terminal, or -v */
	bool shows;		/* it is a terminal, and nothing else goes there */
	bool shown;		/* the progress line is there */
	struct timespec begun;
	struct mc_run_progress last;
	int worst;		/* exit status of what was not delivered */
};

static void
wipe_line(struct running *run)
{
	if (run->shown)
		fputs("\r\033[K", stderr);
	run->shown = false;
}

static void
on_progress(void *ctx, const struct mc_run_progress *p)
{
	struct running *run = ctx;
	struct timespec now;

	run->last = *p;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!run->shows || now.tv_sec - run->begun.tv_sec < QUIET_SECONDS)
		return;
	fprintf(stderr, "\r%zu delivered, %zu deferred, %zu failed; "
	    "%zu messages left\033[K", p->delivered, p->deferred, p->failed,
	    p->left);
	run->shown = true;
}

static void
on_event(void *ctx, const struct mc_run_event *event)
{
	struct running *run = ctx;
	int status = mc_err_exit(&event->err);

	cli_log_event(run->log, event);
	if (event->verdict == MC_DELIVERED)
		return;
	if (event->verdict != MC_FAILED)
		status = EX_TEMPFAIL;
	if (run->worst == 0 || run->worst == EX_TEMPFAIL)
		run->worst = status;
	if (!run->talks)
		return;
	wipe_line(run);
	cli_say("%s: %s: %s%s", event->id, event->address, event->err.text,
	    event->verdict == MC_FAILED ? " (given up)" : "");
}

static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct running *run = ctx;

	/* a timer's run: what nobody hears must be found */
	if (!run->talks && level == MC_LOG_WARN &&
	    strcmp(run->log, "stderr") != 0)
		cli_log_text(&run->log, level, stage, text);
	if (!run->talks && level != MC_LOG_ERROR)
		return;
	wipe_line(run);
	cli_trace(&run->verbose, level, stage, text);
}

static void
summary(const struct running *run)
{
	const struct mc_run_progress *p = &run->last;

	if (!isatty(STDOUT_FILENO) && run->verbose == 0)
		return;
	printf("%zu delivered, %zu deferred, %zu failed\n", p->delivered,
	    p->deferred, p->failed);
}

/* "held", "failed" and a time are a person's word, not for a run to overrule */
static int
check_state(void *ctx, const struct mc_queue_message *m)
{
	char when[64];

	(void)ctx;
	cli_minute(m->hold_until, when, sizeof(when));
	if (m->state == MC_QUEUE_HELD)
		cli_say("%s is held; release it first", m->id);
	else if (m->state == MC_QUEUE_FAILED)
		cli_say("%s has failed for good; \"queue retry\" gives it "
		    "another chance", m->id);
	else if (m->hold_until != 0)
		cli_say("%s is to be sent %s; \"queue retry\" sends it at "
		    "once", m->id, when);
	else
		return 0;
	return EX_DATAERR;
}

static int
find_ids(struct cli_queue *q, char (*ids)[32], const char **list)
{
	struct mc_err err = { 0 };
	int i, rc;

	for (i = 0; i < q->n_words; i++) {
		rc = cli_queue_find(q, q->words[i], ids[i]);
		if (rc != 0)
			return rc;
		rc = mc_queue_show(q->queue, ids[i], check_state, NULL, &err);
		if (rc != 0)
			return rc < 0 ? cli_fail(&err) : rc;
		list[i] = ids[i];
	}
	return 0;
}

static int
go(struct mc_queue *queue, struct running *run, struct mc_run *settings,
    bool *ret_gone)
{
	struct mc_err err = { 0 };
	int rc;

	settings->cancel_fd = cli_cancel_fd();
	settings->event = on_event;
	settings->progress = on_progress;
	settings->ctx = run;
	clock_gettime(CLOCK_MONOTONIC, &run->begun);
	mc_queue_set_log(queue, run->verbose != 0 ? MC_LOG_TRACE :
	    MC_LOG_WARN, on_log, run);
	rc = mc_queue_run(queue, settings, &err);
	wipe_line(run);
	if (rc != 0 && ret_gone != NULL && err.code == MC_E_QUEUE_NONE) {
		*ret_gone = true;
		return 0;
	}
	if (rc != 0)
		return cli_fail(&err);
	if ((settings->flags & MC_RUN_WATCH) == 0)
		summary(run);
	return 0;
}

static struct running
begin(const struct cli_queue *q)
{
	struct running run = { .log = cli_log_of(q->id, q->config),
	    .verbose = q->verbose };

	run.talks = isatty(STDERR_FILENO) || q->verbose != 0;
	run.shows = isatty(STDERR_FILENO) && q->verbose == 0;
	return run;
}

int
cli_queue_deliver(struct cli_queue *q, const char *const *ids, size_t n,
    bool *ret_gone)
{
	struct running run = begin(q);
	struct mc_run settings = { .ids = ids, .n_ids = n };

	return go(q->queue, &run, &settings, ret_gone);
}

int
cli_queue_run(struct cli_queue *q)
{
	struct running run = begin(q);
	struct mc_run settings = { 0 };
	size_t n = (size_t)q->n_words;
	char (*ids)[32] = calloc(n + 1, sizeof(*ids));
	const char **list = calloc(n + 1, sizeof(*list));
	int status = EX_TEMPFAIL;

	cli_open_log(NULL);
	if (q->watch)
		settings.flags |= MC_RUN_WATCH;
	if (q->no_wait)
		settings.flags |= MC_RUN_NO_WAIT;
	if (ids == NULL || list == NULL)
		cli_say("out of memory");
	else
		status = find_ids(q, ids, list);
	if (status == 0) {
		settings.ids = n == 0 ? NULL : list;
		settings.n_ids = n;
		status = go(q->queue, &run, &settings, NULL);
		/* who names a message wants to know what became of it */
		if (status == 0 && n != 0)
			status = run.worst;
	}
	free(ids);
	free(list);
	return status;
}
