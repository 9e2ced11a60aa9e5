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
	MC_FROM_KEEP = 0,	/* leave what is there as it is */
	MC_FROM_ADDRESS,	/* own_addr, with the name that is there */
	MC_FROM_FORCE		/* own_name and own_addr */
};

struct mc_fixup {
	struct mc_str domain;	/* appended to bare names; empty: they stay */
	struct mc_str from_addr; /* for a From (or Sender) that is missing */
	struct mc_str from_name; /* its display name */
	enum mc_from_policy from_policy;	/* for what is not owned */
	struct mc_str own_addr;	/* empty: from_policy changes nothing */
	struct mc_str own_name;
	/* is this address (as mc_mailbox_make gives it) one of the account's?
	 * NULL: only own_addr is */
	bool (*owns)(const void *ctx, struct mc_str addr);
	const void *owns_ctx;
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
 * Removes every Bcc, Resent-Bcc, Return-Path and Content-Length.  Adds Date,
 * Message-ID and From when missing or empty; to a resent message the Resent-
 * forms as far as the newest block lacks them, and the plain ones only in
 * place of empty ones.  Qualifies bare addresses in From, Sender, Reply-To,
 * To, Cc, and their Resent- forms, touching only the bytes that need it.
 *
 * from_policy is for From and Sender, and for Resent-From and Resent-Sender of
 * the newest block, that name anybody but the account (or are no address list).
 * One field of a kind is left: the first that is owned, else the first one,
 * rewritten.  What it said goes to Reply-To if it was a From that is an
 * address list and there is no Reply-To, else to X-Original-NAME; what the
 * others said goes there too.  A Sender that would come to name the same as
 * From goes (RFC 5322 3.6.2); a From of several people gets a Sender if it has
 * none, under every policy.
 *
 * Fields already right keep their bytes; what cannot be parsed is left as it
 * is otherwise.  New fields go to the top, Resent- ones to the top of the
 * newest block.  *ret_message_id gets the value of Message-ID (else of
 * Resent-Message-ID) with its brackets, printable.  On failure the header is
 * changed in part, but the Bcc fields are gone.  MC_E_LOOP (more than
 * MC_MAX_RECEIVED), MC_E_HDR_SYNTAX, MC_E_HDR_LONG (too many fields),
 * MC_E_TOO_LONG, MC_E_NOMEM, MC_E_INTERNAL.
 */
MC_NODISCARD int
mc_fixup_header(struct mc_header *h, const struct mc_fixup *fix,
    struct mc_buf *ret_message_id, struct mc_err *err);

#endif
