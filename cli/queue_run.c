/* SPDX-License-Identifier: MIT */
/*
 * queue_run.c - "mailchute queue run": deliver what waits, and say so
 */
#include "cli.h"

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

/* "held" and "failed" are a person's word, not for a run to overrule */
static int
check_state(void *ctx, const struct mc_queue_message *m)
{
	(void)ctx;
	if (m->state == MC_QUEUE_HELD)
		cli_say("%s is held; release it first", m->id);
	else if (m->state == MC_QUEUE_FAILED)
		cli_say("%s has failed for good; \"queue retry\" gives it "
		    "another chance", m->id);
	else
		return 0;
	return EX_DATAERR;
}

static int
find_ids(struct mc_queue *queue, int n, char **words, char (*ids)[32],
    const char **list)
{
	struct mc_err err = { 0 };
	int rc;

	for (int i = 0; i < n; i++) {
		if (mc_queue_find(queue, words[i], ids[i], &err) != 0)
			return cli_fail(&err);
		rc = mc_queue_show(queue, ids[i], check_state, NULL, &err);
		if (rc != 0)
			return rc < 0 ? cli_fail(&err) : rc;
		list[i] = ids[i];
	}
	return 0;
}

static int
go(struct mc_queue *queue, struct running *run, struct mc_run *settings)
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
	if (rc != 0)
		return cli_fail(&err);
	if ((settings->flags & MC_RUN_WATCH) == 0)
		summary(run);
	/* who names a message wants to know what became of it */
	return settings->ids != NULL ? run->worst : 0;
}

#define MOST_IDS 1000

int
cli_queue_run(struct mc_queue *queue, const char *log, int verbose, int argc,
    char **argv)
{
	static char ids[MOST_IDS][32];
	static const char *list[MOST_IDS];
	struct running run = { .log = log, .verbose = verbose };
	struct mc_run settings = { 0 };
	int i, status;

	run.talks = isatty(STDERR_FILENO) || verbose != 0;
	run.shows = isatty(STDERR_FILENO) && verbose == 0;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--watch") == 0)
			settings.flags |= MC_RUN_WATCH;
		else if (strcmp(argv[i], "--no-wait") == 0)
			settings.flags |= MC_RUN_NO_WAIT;
		else if (strcmp(argv[i], "-v") == 0)
			run.verbose++, run.talks = true, run.shows = false;
		else
			break;
	}
	if (i < argc && (argv[i][0] == '-' || argc - i > MOST_IDS ||
	    (settings.flags & MC_RUN_WATCH) != 0)) {
		cli_say("usage: mailchute queue run [--watch] [--no-wait] [-v]"
		    " or queue run [-v] ID ...");
		return EX_USAGE;
	}
	if (i < argc) {
		status = find_ids(queue, argc - i, argv + i, ids, list);
		if (status != 0)
			return status;
		settings.ids = list;
		settings.n_ids = (size_t)(argc - i);
	}
	return go(queue, &run, &settings);
}
