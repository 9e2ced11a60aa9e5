/* SPDX-License-Identifier: MIT */
/*
 * smtp_take.h - what a client of our SMTP server says, put into a submission
 */
#ifndef MC_SMTP_TAKE_H
#define MC_SMTP_TAKE_H

#include "smtp/server.h"
#include "submission.h"

/* a mailbox as the engine has it, in the parts that a submission wants; the
 * null sender has neither */
void
mc_take_split(struct mc_str addr, bool bare, struct mc_str *ret_local,
    struct mc_str *ret_domain);

/* sender, BODY, SMTPUTF8 and what is asked for in reports.  MC_E_NOMEM,
 * MC_E_BAD_VALUE */
MC_NODISCARD int
mc_take_mail(struct mc_submission *sub, const struct mc_server_mail *mail,
    struct mc_err *err);

/*
 * One recipient.  Aliases, and a domain for bare names, wait until the account
 * is known, which is when the header is: the answer is the same for every
 * address.
 */
MC_NODISCARD int
mc_take_rcpt(struct mc_submission *sub, const struct mc_server_rcpt *rcpt,
    struct mc_err *err);

/* MC_E_MSG_CONTENT (5.4.6) with more than `most` Received fields; the message
 * has ended */
MC_NODISCARD int
mc_take_hops(const struct mc_submission *sub, size_t most,
    struct mc_err *err);

/* the name by which we greet */
struct mc_str
mc_take_host(const struct mc_caller *caller);

#endif
