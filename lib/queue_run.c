/* SPDX-License-Identifier: MIT */
/*
 * queue_run.c - deliver from the queue, as the public header says
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/err.h"
#include "queue/runner.h"

int
mc_queue_run(struct mc_queue *queue, const struct mc_run *run,
    struct mc_err *err)
{
	return mc_queue_run_by(queue, run, -1, err);
}

int
mc_queue_run_by(struct mc_queue *queue, const struct mc_run *run, int spawn,
    struct mc_err *err)
{
	struct mc_runner_settings set = { .store = queue->store,
	    .config = queue->config, .caller = queue->caller,
	    .log = &queue->log, .run = run,
	    .spawn = spawn < 0 ? NULL : &spawn };
	const struct mc_account *account;

	if (queue->store == NULL && run->n_ids != 0)
		return mc_err_set(err, MC_E_QUEUE_NONE, MC_STAGE_LOCAL,
		    "there is no message %s in the queue", run->ids[0]);
	/* nothing is there, and nothing was asked to wait for it */
	if (queue->store == NULL && (run->flags & MC_RUN_WATCH) == 0)
		return 0;
	if (queue->store == NULL)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "a queue to watch has to be opened with MC_QUEUE_CREATE");
	if (mc_config_find(queue->config, mc_config_account(queue->config, 0),
	    &account, err) != 0)
		return -1;
	set.failed_keep = account->failed_keep;
	return mc_runner_run(&set, err);
}
