/* SPDX-License-Identifier: MIT */
/*
 * fixup.h - what a submission agent may and must change in a header (RFC 6409 8)
 */
#ifndef MC_FIXUP_H
#define MC_FIXUP_H

#include "mail/addr.h"
#include "mail/envelope.h"
#include "mail/header.h"

enum mc_from_policy {
	MC_FROM_KEEP = 0,	/* leave From as it is */
	MC_FROM_ADDRESS,	/* another address, same display name; original kept in
				 * Reply-To (if there is none) else X-Original-From */
	MC_FROM_FORCE		/* From becomes full_name <address> altogether; original kept
				 * the same way */
};

struct mc_fixup {
	struct mc_str domain;	/* appended to bare names; empty: they stay */
	struct mc_str from_addr; /* for a missing From, and for from_policy */
	struct mc_str from_name; /* display name for a From made here */
	enum mc_from_policy from_policy;
	struct mc_str id_domain; /* right side of a new Message-ID */
	int64_t now;		/* seconds since 1970 */
};

/*
 * mc_fixup_recipients - what `-t` takes from a header
 *
 * Resent-To/-Cc/-Bcc of all blocks when any Resent- field exists, else
 * To/Cc/Bcc; each list is parsed and handed to fn with its field kind.
 * MC_E_ADDR_SYNTAX (with the field's name), MC_E_NO_RCPT never.
 */
enum mc_rcpt_kind { MC_RCPT_TO, MC_RCPT_CC, MC_RCPT_BCC };
typedef int (*mc_fixup_rcpt_fn)(void *ctx, enum mc_rcpt_kind kind,
    const struct mc_addr *addr, struct mc_err *err);

MC_NODISCARD int
mc_fixup_recipients(const struct mc_header *h, mc_fixup_rcpt_fn fn, void *ctx,
    struct mc_err *err);

/*
 * mc_fixup_visible - the addresses that every reader of the message sees
 *
 * To and Cc, or Resent-To and Resent-Cc of the newest (topmost) Resent-
 * block if there is one.  A list that does not parse is skipped: its
 * recipients then count as blind, which is the safe side.
 */
MC_NODISCARD int
mc_fixup_visible(const struct mc_header *h, mc_fixup_rcpt_fn fn, void *ctx,
    struct mc_err *err);

/*
 * mc_fixup_header - make the header fit to leave
 *
 * Removes every Bcc, Resent-Bcc, Return-Path and Content-Length; adds Date,
 * Message-ID and From when missing or empty (when the message is resent, their
 * Resent- forms too as far as the newest block lacks them); qualifies bare
 * addresses in From, Sender, Reply-To, To, Cc, and their Resent- forms,
 * touching only the bytes that need it; repairs cron's `root (Cron Daemon)`
 * only so far; applies from_policy to From, Sender (removed when it would name
 * another address) and their Resent- forms in the newest block, where the
 * original goes to X-Original-Resent-From.  An address field that cannot be
 * parsed is left as it is; if from_policy replaces it, Reply-To is not used.
 * Fields already right keep their bytes.  New fields go to the top, Resent-
 * ones to the top of the newest block.  *ret_message_id gets the value of
 * Message-ID with its brackets, printable.  On failure the header is changed
 * in part, but the Bcc fields are gone.  MC_E_HDR_SYNTAX, MC_E_HDR_LONG (too
 * many fields), MC_E_TOO_LONG, MC_E_NOMEM, MC_E_INTERNAL.
 */
MC_NODISCARD int
mc_fixup_header(struct mc_header *h, const struct mc_fixup *fix,
    struct mc_buf *ret_message_id, struct mc_err *err);

#endif
