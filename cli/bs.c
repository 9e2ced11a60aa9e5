/* SPDX-License-Identifier: MIT */
/*
 * bs.c - sendmail -bs: an SMTP session on standard input and output
 */
#include "cli.h"

#include <sys/wait.h>
#include <unistd.h>

struct bs {
	const struct cli_identity *id;
	const struct cli_options *o;
	const struct mc_config *config;
	const char *log;
	bool run;		/* there may be something for one at the end */
};

static enum mc_way
choose_way(const struct cli_options *o)
{
	switch (o->delivery) {
	case CLI_NOW:
		return MC_WAY_SEND;
	case CLI_BACKGROUND:
		return MC_WAY_QUEUE;
	case CLI_QUEUE:
		return o->queue_only ? MC_WAY_QUEUE_ONLY : MC_WAY_QUEUE;
	case CLI_AS_CONFIGURED:
		break;
	}
	return MC_WAY_CONFIGURED;
}

/* the session goes on, while the runs it has begun come to their ends */
static void
start_run(const struct bs *bs, bool sure)
{
	cli_background_run(bs->id, bs->config, bs->o->tag, bs->log, sure);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void
on_done(void *ctx, const struct mc_submission *sub,
    const struct mc_queued *queued, const struct mc_err *queue_err)
{
	struct bs *bs = ctx;
	int mode = mc_submission_queue_mode(sub);
	bool later = bs->o->delivery == CLI_BACKGROUND ||
	    (bs->o->delivery == CLI_AS_CONFIGURED && mode == 2);
	struct mc_result r;
	size_t i;

	cli_log_results(bs->log, sub, queued);
	if (queue_err->code != MC_OK)
		cli_log_text(&bs->log, MC_LOG_ERROR, queue_err->stage,
		    queue_err->text);
	/* the server is there: what waits for it can go */
	for (i = 0; mode != 1 && mc_submission_result(sub, i, &r) == 0; i++)
		bs->run = bs->run || r.verdict == MC_DELIVERED;
	if (!later || queued->recipients == 0)
		return;
	bs->run = true;
	if (!cli_cancelled())
		start_run(bs, true);
}

int
cli_smtp(const struct cli_identity *id, const struct cli_options *o,
    const struct mc_config *config)
{
	int verbose = o->verbose, status = 0;
	struct bs bs = { .id = id, .o = o, .config = config,
	    .log = cli_log_of(id, config) };
	struct mc_err err = { 0 };
	struct mc_smtp smtp = {
		.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO,
		.cancel_fd = cli_cancel_fd(), .way = choose_way(o),
		.account = o->account, .full_name = o->full_name,
		.no_aliases = o->no_aliases,
		.most = verbose != 0 ? MC_LOG_TRACE : MC_LOG_WARN,
		.log = cli_trace, .log_ctx = &verbose,
		.done = on_done, .ctx = &bs,
	};

	if (o->dry_run) {
		cli_say("--dry-run is not for -bs; nothing was sent");
		return EX_USAGE;
	}
	if (mc_smtp_run(&id->caller, config, &smtp, &err) != 0)
		status = cli_fail(&err);
	if (bs.run && !cli_cancelled())
		start_run(&bs, false);
	return status;
}
