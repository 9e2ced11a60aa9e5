/* SPDX-License-Identifier: MIT */
/*
 * envelope.h - who sends, who receives, what came of it
 */
#ifndef MC_ENVELOPE_H
#define MC_ENVELOPE_H

#include "base/vec.h"
#include "base/str.h"

struct mc_rcpt {
	char *addr;		/* made by mc_mailbox_make; owned */
	char *orcpt;		/* original address for ORCPT, plain text without
				 * type, never that of another recipient; NULL: it
				 * is addr; owned */
	bool orcpt_given;	/* orcpt is what the submitter said */
	unsigned notify;	/* MC_NOTIFY_..., 0 = unspecified */
	bool blind;		/* not named in To/Cc */
	bool from_bcc;		/* came from a Bcc field */
	size_t txn;		/* number of its transaction in the plan */
	/* outcome; small, since there may be many recipients */
	enum mc_verdict verdict;
	enum mc_code code;	/* MC_OK unless not delivered */
	enum mc_stage stage;
	int smtp;
	int enh[3];
	char *text;		/* why not delivered, one line; owned */
	char *reply;		/* last reply about it, printable; owned */
	bool split;		/* refused only as one too many: goes again at once */
	bool dsn;		/* it went to a server that does DSN (RFC 3461) */
};

/* how the end of the time for delivery is meant (RFC 2852) */
enum mc_by {
	MC_BY_NONE = 0,
	MC_BY_NOTIFY,		/* tell the sender, and go on */
	MC_BY_RETURN		/* return the message */
};

enum mc_ret { MC_RET_NONE = 0, MC_RET_FULL, MC_RET_HDRS };

struct mc_envelope {
	char *sender;		/* owned; "" is the null sender, NULL is unset */
	struct mc_vec rcpts;	/* struct mc_rcpt */
	enum mc_ret ret;
	char *envid;		/* printable text, not yet xtext; owned */
	bool body_8bit;		/* the submitter said so; MAIL goes by the text */
	bool smtputf8;		/* ask for SMTPUTF8 even if no address needs it:
				 * the submitter did */
	bool copied;		/* a copy is where copy-to says, or could not
				 * be put there */
	bool require_tls;	/* REQUIRETLS (RFC 8689), or not at all */
	bool has_priority;
	int priority;		/* -9 to 9 (RFC 6710) */
	enum mc_by by;
	bool by_trace;
	int64_t by_time;	/* seconds since 1970 */
	int64_t hold_until;	/* not delivered before (RFC 4865); seconds
				 * since 1970, 0: at once */
	/* private: finds a recipient by its address, so recipients are added by
	 * mc_envelope_add alone and never removed */
	struct mc_envelope_slot *slots;
	size_t n_slots;		/* 0 or a power of two */
	uint64_t key[2];
};

void
mc_envelope_init(struct mc_envelope *env);

void
mc_envelope_clear(struct mc_envelope *env);

/* copies; MC_E_NOMEM */
MC_NODISCARD int
mc_envelope_set_sender(struct mc_envelope *env, struct mc_str addr,
    struct mc_err *err);

/*
 * mc_envelope_add - add a recipient unless it is there (mc_mailbox_eq)
 *
 * Many recipients stay linear.  *ret_index is its place either way.  A
 * duplicate that is visible makes the one that is there visible (blind =
 * false).  MC_E_TOO_MANY_RCPTS, MC_E_NOMEM, MC_E_INTERNAL (no random bytes
 * for the hash).
 */
MC_NODISCARD int
mc_envelope_add(struct mc_envelope *env, struct mc_str addr, bool blind,
    size_t *ret_index, struct mc_err *err);

/* is there a recipient with this address (mc_mailbox_eq)? */
bool
mc_envelope_has(const struct mc_envelope *env, struct mc_str addr);

struct mc_rcpt *
mc_envelope_at(const struct mc_envelope *env, size_t i);

#endif
