/* SPDX-License-Identifier: MIT */
/*
 * runner.h - deliver what is due: who goes next, over which connection, and
 * what came of it
 *
 * The runner reads and writes the spool and knows no secret and no server;
 * each connection is a worker's (worker.h).  Everything that a worker tells is
 * recorded before that worker goes on.
 */
#ifndef MC_RUNNER_H
#define MC_RUNNER_H

#include "queue/store.h"
#include "transport/transport.h"

struct mc_runner_settings {
	struct mc_store *store;
	const struct mc_config *config;
	const struct mc_caller *caller;
	const struct mc_log *log;
	const struct mc_transport_ops *ops;	/* NULL: what
						 * mc_transport_find() says */
	uint64_t failed_keep;		/* seconds */
	const struct mc_run *run;	/* mailchute.h */
	const int *spawn;		/* the runner's end of a channel to the
					 * process that starts workers
					 * (spawn.h): none of the accounts'
					 * secrets is needed then, and its end
					 * ends the run.  NULL: it starts them
					 * itself */
};

/* as mc_queue_run */
MC_NODISCARD int
mc_runner_run(const struct mc_runner_settings *settings, struct mc_err *err);

#endif
