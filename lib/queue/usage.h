/* SPDX-License-Identifier: MIT */
/*
 * usage.h - how much of a spool is whose, and how much it can hold
 */
#ifndef MC_QUEUE_USAGE_H
#define MC_QUEUE_USAGE_H

#include "base/vec.h"
#include "queue/store.h"

struct mc_usage_user {
	uint64_t uid;		/* who put the messages there */
	uint64_t messages;
	uint64_t bytes;
};

struct mc_usage {
	struct mc_vec users;	/* struct mc_usage_user, by uid */
	uint64_t messages;	/* all, also those that cannot be read */
	uint64_t bytes;
	uint64_t whole_messages;	/* what it can hold; 0: no limit */
	uint64_t whole_bytes;
};

/*
 * mc_usage_count - look at every message
 *
 * Also at those that are held or have failed; no message is locked, and one
 * that comes or goes meanwhile may be counted or not.  The whole is what
 * queue-max-messages and queue-max-bytes allow, else what is there and what
 * the file system has left beside the reserve.  Readable cancel_fd (-1: none)
 * ends it.  -1 with err: MC_E_CANCELLED, MC_E_QUEUE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_usage_count(struct mc_store *store, int cancel_fd,
    struct mc_usage *ret_usage, struct mc_err *err);

void
mc_usage_clear(struct mc_usage *usage);

/* NULL: has nothing there */
const struct mc_usage_user *
mc_usage_find(const struct mc_usage *usage, uint64_t uid);

#endif
