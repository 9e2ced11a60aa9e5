/* SPDX-License-Identifier: MIT */
/*
 * queue_stats.h - what "mailchute queue stats" knows, and three ways to say it
 */
#ifndef MC_CLI_QUEUE_STATS_H
#define MC_CLI_QUEUE_STATS_H

#include "queue.h"

struct cli_refusal {
	char *reason;
	uint64_t count;
};

struct cli_stats {
	struct cli_queue *q;
	int64_t now;
	bool found;		/* the account that was asked for */
	struct mc_queue_account *accounts;	/* copies, by name */
	size_t n;
	size_t cap;
	struct cli_refusal *refusals;		/* of the local service */
	size_t n_refusals;
	int64_t refusals_since;
	struct cli_text text;	/* what is to be written */
};

const char *
cli_stats_state(enum mc_stat stat);

/* of all states */
uint64_t
cli_stats_sum(const uint64_t numbers[MC_STATS]);

void
cli_stats_people(struct cli_stats *stats);

/* the text format of Prometheus, version 0.0.4 */
void
cli_stats_prometheus(struct cli_stats *stats);

#endif
