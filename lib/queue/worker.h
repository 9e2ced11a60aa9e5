/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the process that carries messages of one account over one
 * connection
 *
 * It has the network and the account's secrets; it cannot write to the spool,
 * and gives up what else it does not need (worker_confine.h).
 * Each message comes as a descriptor that carries the message's lock, so that
 * the lock lives as long as the last process that may be sending it.  What it
 * tells, the runner records, and lets it go on after that.
 *
 * The channel, both ways: a struct mc_frame, then `len` bytes.
 *
 *	runner to worker
 *	JOB	struct mc_frame_job; the descriptor comes along
 *	RUN	no more of them for now (empty)
 *	GO	recorded: go on (empty)
 *	(end of the channel: finish up; in the middle of a job: break off)
 *
 *	worker to runner
 *	OPEN	struct mc_frame_open: connected and logged in
 *	RCPT	struct mc_frame_rcpt, text, NUL, reply, NUL
 *	SETTLED	number of the job: its recipients told of since the last one have
 *		this verdict; waits for GO
 *	DONE	struct mc_frame_done: nothing more comes about this job
 *	LOG	level, stage (two int32_t), text, NUL
 *
 * JOBs, and a RUN behind them, come when the worker has none; what can be read
 * in between is the end.
 */
#ifndef MC_WORKER_H
#define MC_WORKER_H

#include "base/rand.h"
#include "transport/transport.h"

enum mc_frame_type {
	MC_FRAME_JOB = 1,
	MC_FRAME_RUN,
	MC_FRAME_GO,
	MC_FRAME_OPEN,
	MC_FRAME_RCPT,
	MC_FRAME_SETTLED,
	MC_FRAME_DONE,
	MC_FRAME_LOG
};

/* more than any frame holds */
#define MC_FRAME_MOST 8192

struct mc_frame {
	uint32_t type;
	uint32_t len;
};

struct mc_frame_job {
	uint32_t job;
	char id[MC_ID_LEN + 1];
};

struct mc_frame_open {
	uint32_t overlaps;	/* it takes messages while others are on their way */
};

struct mc_frame_rcpt {
	uint32_t job;
	uint32_t i;
	int32_t verdict;
	int32_t code;
	int32_t stage;
	int32_t smtp;
	int32_t enh[3];
	int32_t dsn;		/* the server takes care of notifications */
};

struct mc_frame_done {
	uint32_t job;
	struct mc_err err;	/* MC_OK: every recipient was tried */
	int32_t opening;	/* it came while the connection was opened */
	int32_t adopted;	/* 0: the message could not be read */
	int32_t untried;	/* given back, since another one was given up; who
				 * has a verdict was told of */
};

struct mc_worker {
	const struct mc_transport_ops *ops;
	const struct mc_account *account;
	const struct mc_caller *caller;
	enum mc_level log_most;
	const char *dir;	/* of the spool, for texts */
	size_t depth;		/* messages on their way at once */
	bool told;		/* another one has said what it cannot give up */
};

/* the child's life: takes jobs until the channel ends.  ctx: struct mc_worker */
void
mc_worker_main(void *ctx, int sock);

#endif
