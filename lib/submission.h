/* SPDX-License-Identifier: MIT */
/*
 * submission.h - inside of a submission: collect, prepare, send
 */
#ifndef MC_SUBMISSION_H
#define MC_SUBMISSION_H

#include "base/log.h"
#include "base/rand.h"
#include "config/config.h"
#include "config/once.h"
#include "mail/envelope.h"
#include "mail/fixup.h"
#include "mail/message.h"
#include "mail/plan.h"

struct mc_delivery;
struct mc_store;

/* an address as it came, before aliases and domain */
struct mc_raw_addr {
	char *local;
	char *domain;		/* "" for a bare name */
	char *orcpt;		/* as mc_rcpt.orcpt; NULL: none */
	unsigned notify;	/* 0: what is said for all */
	bool no_alias;
	bool from_bcc;
};

struct mc_submission {
	const struct mc_caller *caller;
	const struct mc_config *config;
	struct mc_log log;
	int cancel_fd;
	mc_progress_fn progress;	/* NULL: none */
	void *progress_ctx;
	struct mc_once once;
	uint64_t handed_over;	/* bytes of content */

	char *account_name;
	bool has_sender;
	struct mc_raw_addr sender;	/* local "" is the null sender */
	char *full_name;	/* NULL: not given */
	struct mc_vec raw;	/* struct mc_raw_addr */
	bool header_rcpts;
	bool no_aliases;
	bool body_8bit;
	bool smtputf8;		/* SMTPUTF8 was asked for */
	unsigned notify;	/* of those that have none of their own */
	enum mc_ret ret;
	char *envid;
	bool has_priority;
	int priority;
	enum mc_by by;
	bool by_trace;
	uint64_t by_seconds;
	int64_t send_at;	/* seconds since 1970; 0: at once */
	unsigned long uid;	/* who hands it in */
	const char *received_by;	/* a Received field names this host as the
				 * one that took it; NULL: there is none */
	const char *received_with;	/* "ESMTP" */
	char id[MC_ID_LEN + 1];	/* by which it will be in the queue; "": any */
	bool report_failed;	/* who was refused while others were not goes
				 * to the queue too, for a delivery report */

	struct mc_message message;
	struct mc_spool binary;	/* its body as it was before it was encoded, if
				 * that may go by BINARYMIME; else empty */
	struct mc_message_reader *reader;
	bool ended;

	struct mc_err broken;	/* why reading or preparing failed, for good */
	bool prepared;
	bool sent;
	bool held_back;		/* not tried: mc_submission_admit said so */
	bool queued;
	bool reported;
	struct mc_err stop;	/* why not all was tried; code 0: it was */
	bool stop_opening;	/* it came while the connection was opened */
	int64_t not_before;	/* of what was held back; 0: no matter when */
	struct mc_err copy_err;	/* why there is no copy of what was sent */
	struct mc_err queue_err;	/* why it could not be queued */
	struct mc_store *store;	/* NULL: not looked for, or not there */
	struct mc_log store_log;
	const struct mc_account *account;
	const char *rule;
	struct mc_envelope env;
	bool sender_given;	/* its sender is the one that was set */
	struct mc_plan plan;
	struct mc_buf header;
	struct mc_buf message_id;
	struct mc_buf stripped;	/* names of fields that strip-headers removed */
	struct mc_buf own_domain;	/* domain for senders and headers */
	char *final;
};

/* copy an address into item; MC_E_NOMEM */
MC_NODISCARD int
mc_raw_addr_set(struct mc_raw_addr *item, struct mc_str local,
    struct mc_str domain, struct mc_err *err);

void
mc_raw_addr_clear(struct mc_raw_addr *item);

/* the header speaks for itself when it is sent */
static inline bool
mc_submission_needs_8bit(const struct mc_submission *sub)
{
	return sub->message.facts.has_8bit;
}

/* are names without a domain left to the server, which knows what they mean? */
static inline bool
mc_submission_is_bare(const struct mc_submission *sub)
{
	return sub->account->is_service && sub->account->domain == NULL;
}

/* no final verdict: it can be queued */
static inline bool
mc_submission_is_open(const struct mc_rcpt *rcpt)
{
	return rcpt->verdict == MC_PENDING || rcpt->verdict == MC_DEFERRED ||
	    rcpt->verdict == MC_UNSURE;
}

/* the sender, in parts as mc_addr has them; local "" is the null sender */
MC_NODISCARD int
mc_submission_put_sender(struct mc_submission *sub, struct mc_str local,
    struct mc_str domain, struct mc_err *err);

/* one more recipient, in parts too, with what is wanted for it alone;
 * notify 0, orcpt empty: nothing */
MC_NODISCARD int
mc_submission_put_rcpt(struct mc_submission *sub, struct mc_str local,
    struct mc_str domain, unsigned notify, struct mc_str orcpt,
    struct mc_err *err);

/* wait for input or the cancel descriptor; 1 readable, -1 with err:
 * MC_E_CANCELLED, MC_E_IO */
MC_NODISCARD int
mc_submission_wait_input(const struct mc_submission *sub, int fd,
    struct mc_err *err);

/*
 * mc_submission_send_over - mc_submission_send over a connection that may be
 * there and is left for the next submission
 *
 * d->env is set but for the account, and outlives the connection; d->ops may
 * be NULL.  A connection of another account is closed.
 */
MC_NODISCARD int
mc_submission_send_over(struct mc_submission *sub, struct mc_delivery *d,
    struct mc_err *err);

/* whoever has no verdict was not tried: `why` says for what reason */
void
mc_submission_defer_rest(struct mc_submission *sub, const struct mc_err *why);

/* enqueue.c: give rcpt another text, one that mc_reason_parse can read back as
 * reply code and status; the old one is the caller's now.  MC_E_NOMEM */
MC_NODISCARD int
mc_submission_set_reason(struct mc_rcpt *rcpt, struct mc_err *err);

/* enqueue.c: sub->store; without `create` MC_E_QUEUE_NONE if it is not there */
MC_NODISCARD int
mc_submission_open_store(struct mc_submission *sub, bool create,
    struct mc_err *err);

/* enqueue.c: the server has done all that it was asked: whatever was known
 * against the account is over */
void
mc_submission_well(struct mc_submission *sub);

/*
 * sender.c: settle the envelope's sender: the null sender stays; what was set
 * counts unless envelope-from-fixed or from-policy is against it; then
 * envelope-from, then the account's address, then the user's.  MC_E_NO_USER,
 * MC_E_CONF_VALUE, MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_submission_settle_sender(struct mc_submission *sub, struct mc_err *err);

/* sender.c: fill what *fix says about From and Sender; the addresses stand in
 * from and own, which are empty before */
MC_NODISCARD int
mc_submission_fix_from(const struct mc_submission *sub, struct mc_buf *from,
    struct mc_buf *own, struct mc_fixup *fix, struct mc_err *err);

/* resolve.c: turn what was collected into the envelope's recipients */
MC_NODISCARD int
mc_submission_resolve(struct mc_submission *sub, struct mc_err *err);

#endif
