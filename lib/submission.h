/* SPDX-License-Identifier: MIT */
/*
 * submission.h - inside of a submission: collect, prepare, send
 */
#ifndef MC_SUBMISSION_H
#define MC_SUBMISSION_H

#include "base/log.h"
#include "config/config.h"
#include "mail/envelope.h"
#include "mail/fixup.h"
#include "mail/message.h"
#include "mail/plan.h"

struct mc_store;

/* an address as it came, before aliases and domain */
struct mc_raw_addr {
	char *local;
	char *domain;		/* "" for a bare name */
	bool no_alias;
	bool from_bcc;
};

struct mc_submission {
	const struct mc_caller *caller;
	const struct mc_config *config;
	struct mc_log log;
	int cancel_fd;

	char *account_name;
	bool has_sender;
	struct mc_raw_addr sender;	/* local "" is the null sender */
	char *full_name;	/* NULL: not given */
	struct mc_vec raw;	/* struct mc_raw_addr */
	bool header_rcpts;
	bool no_aliases;
	bool body_8bit;
	unsigned notify;
	enum mc_ret ret;
	char *envid;

	struct mc_message message;
	struct mc_message_reader *reader;
	bool ended;

	struct mc_err broken;	/* why reading or preparing failed, for good */
	bool prepared;
	bool sent;
	bool held_back;		/* not tried: mc_submission_admit said so */
	bool queued;
	struct mc_err stop;	/* why not all was tried; code 0: it was */
	bool stop_opening;	/* it came while the connection was opened */
	int64_t not_before;	/* of what was held back; 0: no matter when */
	struct mc_err queue_err;	/* why it could not be queued */
	struct mc_store *store;	/* NULL: not looked for, or not there */
	struct mc_log store_log;
	const struct mc_account *account;
	const char *rule;
	struct mc_envelope env;
	struct mc_plan plan;
	struct mc_buf header;
	struct mc_buf message_id;
	struct mc_buf own_domain;	/* domain for senders and headers */
	char *final;
};

/* copy an address into item; MC_E_NOMEM */
MC_NODISCARD int
mc_raw_addr_set(struct mc_raw_addr *item, struct mc_str local,
    struct mc_str domain, struct mc_err *err);

void
mc_raw_addr_clear(struct mc_raw_addr *item);

static inline bool
mc_submission_needs_8bit(const struct mc_submission *sub)
{
	return sub->message.facts.has_8bit || sub->message.header_8bit;
}

/* no final verdict: it can be queued */
static inline bool
mc_submission_is_open(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING || rcpt->verdict == MC_DEFERRED ||
	    rcpt->verdict == MC_UNSURE;
}

/* whoever has no verdict was not tried: `why` says for what reason */
void
mc_submission_defer_rest(struct mc_submission *sub, const struct mc_err *why);

/* enqueue.c: the server has done all that it was asked: whatever was known
 * against the account is over */
void
mc_submission_well(struct mc_submission *sub);

/* resolve.c: turn what was collected into the envelope's recipients */
MC_NODISCARD int
mc_submission_resolve(struct mc_submission *sub, struct mc_err *err);

#endif
