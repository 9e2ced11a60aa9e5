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

/* resolve.c: turn what was collected into the envelope's recipients */
MC_NODISCARD int
mc_submission_resolve(struct mc_submission *sub, struct mc_err *err);

#endif
