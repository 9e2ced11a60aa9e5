/* SPDX-License-Identifier: MIT */
/*
 * queue.h - what the parts of "mailchute queue" share
 */
#ifndef MC_CLI_QUEUE_H
#define MC_CLI_QUEUE_H

#include "cli.h"
#include "text.h"

struct cli_queue {
	const struct cli_identity *id;
	const struct mc_config *config;
	struct mc_queue *queue;
	const char *account;	/* only messages of this one; NULL: all */
	bool json;
	bool prometheus;	/* stats */
	const char *output;	/* stats: this file; NULL: standard output */
	bool body;		/* show: the body too */
	bool watch;		/* run: stay */
	bool no_wait;		/* run: leave when another is at work */
	int verbose;		/* run */
	bool failed;		/* something was left out, and that was said */
	char **words;		/* identifiers, or "all" */
	int n_words;
};

/* open the queue; 0 or an exit status, said */
int
cli_queue_open(struct cli_queue *q);

void
cli_queue_close(struct cli_queue *q);

/* is it a message that was asked for? */
bool
cli_queue_wants(const struct cli_queue *q,
    const struct mc_queue_message *message);

/* were we asked to end? */
bool
cli_queue_cancelled(void);

/* that was so; says it, and is an exit status */
int
cli_queue_interrupted(void);

/* there was none: 0, or an exit status, said, if there cannot be any, since
 * the account was misspelt */
int
cli_queue_none(const struct cli_queue *q);

/* list all and show one: an exit status */
int
cli_queue_list(struct cli_queue *q);

int
cli_queue_show(struct cli_queue *q, const char *id);

/* numbers: an exit status */
int
cli_queue_stats(struct cli_queue *q);

/* deliver: what is due, or the messages that are named */
int
cli_queue_run(struct cli_queue *q);

/* deliver these, or all that are due; with ret_gone: 0, and it is set, if one
 * of them is not there any more and so nothing was done */
int
cli_queue_deliver(struct cli_queue *q, const char *const *ids, size_t n,
    bool *ret_gone);

/* the whole identifier; 0 or an exit status, said */
int
cli_queue_find(struct cli_queue *q, const char *word, char ret_id[32]);

const char *
cli_queue_state(enum mc_queue_state state);

const char *
cli_queue_verdict(enum mc_verdict verdict);

/* one object without the closing brace, so that more can stand in it */
void
cli_queue_json(struct cli_text *text, const struct mc_queue_message *message);

/* "due now", "next try at 14:20, in 12min" and the like */
void
cli_queue_next(struct cli_text *text, const struct mc_queue_message *message,
    int64_t now);

#endif
