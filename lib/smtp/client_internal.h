/* SPDX-License-Identifier: MIT */
/*
 * client_internal.h - the engine's state, shared by its parts
 *
 * client.c holds the session, client_session.c greets, client_login.c logs in.
 * client_txn.c has the transactions that are open: what may leave, and what
 * comes next.  client_ask.c makes their commands, client_slots.c takes the
 * replies, client_body.c carries their text, client_verdict.c says what came of
 * it.
 */
#ifndef MC_CLIENT_INTERNAL_H
#define MC_CLIENT_INTERNAL_H

#include "base/buf.h"
#include "smtp/client.h"
#include "smtp/cmd.h"
#include "smtp/dot.h"

enum mc_state {
#define MC_STATE(id, stage, seconds, words) MC_ST_##id,
#include "smtp/states.def"
#undef MC_STATE
	MC_ST__COUNT
};

/* the commands of a transaction, in the order of their replies */
enum mc_slot {
	MC_SLOT_RSET,
	MC_SLOT_MAIL,
	MC_SLOT_RCPT,		/* and so on, one each */
};

/* a log-in that rides with the first transaction */
enum mc_client_auth {
	MC_AUTH_ALONE,		/* it does not, or has ended well */
	MC_AUTH_WAITS,
	MC_AUTH_SENT,
	MC_AUTH_FAILED
};

/* one that has begun and is not over.  Replies belong to the oldest; what is
 * written belongs to the newest, and the others are written in full. */
struct mc_client_txn {
	struct mc_client_job job;
	size_t *active;		/* recipients that are really asked for */
	size_t n_active;
	size_t sent;		/* slots written */
	size_t answered;	/* slots that have their reply */
	size_t accepted;	/* recipients */
	bool mail_ok;
	bool mail_answered;
	bool lone_dot;		/* DATA was granted for nobody */
	bool dot_out;		/* the end of data was handed out */
	bool chunking;		/* the text goes by BDAT */
	bool early;		/* and together with the commands */
	bool body_begun;
	struct mc_chunk guard;
	uint64_t left;		/* of the chunk */
	uint64_t begin;		/* `handed` before its first command */
	uint64_t end;		/* and when the chunk is out */
};

struct mc_client {
	struct mc_client_settings set;
	char *ehlo_name;
	enum mc_state state;
	struct mc_caps caps;
	struct mc_sasl_channel channel;
	bool secured;		/* TLS is up */
	bool logged_in;
	bool asked;		/* some of what was written awaits a reply */
	unsigned long progress;
	struct mc_buf in;
	struct mc_buf out;
	struct mc_buf show;
	struct mc_buf ir;	/* initial response kept for the first 334 */
	bool ir_waits;
	struct mc_str mech;

	struct mc_client_txn *txns;	/* a ring, the oldest first */
	size_t cap;
	size_t first;
	size_t n;
	unsigned long over;	/* transactions that are */
	bool need_rset;		/* the server has an open transaction */
	bool out_of_step;	/* the server wants the log-in alone */
	bool no_chunking;	/* the server stumbles over it */
	bool no_binary;		/* or over BODY=BINARYMIME */
	bool quit_rides;	/* it stands behind the newest text */
	uint64_t handed;	/* bytes that have left, in all */
	enum mc_client_auth auth;
	uint64_t auth_end;	/* `handed` when it is out */
	struct mc_err auth_err;
	bool text_judged;	/* LMTP: some have a verdict on the text */
	struct mc_dot dot;	/* of the one that goes by DATA */
	struct mc_buf final;
};

/* the one place where the state changes */
void
mc_client_go(struct mc_client *c, enum mc_state state);

/* 1 and a reply (counted, traced), 0 more input needed, -1 with err */
MC_NODISCARD int
mc_client_reply(struct mc_client *c, struct mc_reply *ret_reply,
    struct mc_err *err);

/* the reply that mc_client_reply gave last is dealt with */
void
mc_client_reply_done(struct mc_client *c, size_t used);

/* where the builders of cmd.h write */
struct mc_cmd_out
mc_client_cmd(struct mc_client *c);

/* trace what was just built */
void
mc_client_trace_cmd(struct mc_client *c);

/* permanent refusals may be believed */
bool
mc_client_trusted(const struct mc_client *c);

/* a reply that does not belong where it came */
int
mc_client_unexpected(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err);

/* what the server says of itself in a 421, anywhere */
int
mc_client_unavailable(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err);

/* a reply to what has not left in full: always -1.  (A refusal may come early,
 * of a line that is too long.) */
int
mc_client_too_early(const struct mc_client *c, struct mc_err *err);

/* bytes that nothing asked for: always -1 */
int
mc_client_unasked(struct mc_client *c, struct mc_err *err);

/*
 * client_session.c: the greeting, EHLO, STARTTLS and the log-in go in
 * lock-step: one reply is awaited, and none may come behind it.
 */
MC_NODISCARD int
mc_client_session_step(struct mc_client *c, struct mc_err *err);

/* the session failed in good order: say goodbye; always -1 */
int
mc_client_fail_politely(struct mc_client *c);

/* a refusal before log-in is of the account, never of a message; always -1 */
int
mc_client_refused_early(struct mc_client *c, const struct mc_reply *r,
    enum mc_code code, const char *what, struct mc_err *err);

/* client_login.c: EHLO is answered */
MC_NODISCARD int
mc_client_start_auth(struct mc_client *c, struct mc_err *err);

/* a reply to the log-in that goes by itself */
MC_NODISCARD int
mc_client_on_login(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err);

/* the reply to the AUTH that rode with a transaction; -1 only where the session
 * cannot go on */
MC_NODISCARD int
mc_client_on_auth(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err);

/* client_txn.c: handle replies of the transaction; as mc_client_step */
MC_NODISCARD int
mc_client_txn_step(struct mc_client *c, struct mc_err *err);

/* the oldest one is over */
void
mc_client_finish(struct mc_client *c);

/*
 * client_slots.c: a reply to the oldest transaction.  421 may come in any slot
 * and ends the session (RFC 5321 3.8).
 */
MC_NODISCARD int
mc_client_on_slot(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err);

/* the log-in that rode was refused, and all has been said: always -1 */
int
mc_client_auth_failed(struct mc_client *c, struct mc_err *err);

/* client_body.c: some of the text is here still, so its end is not there */
void
mc_client_unsent(struct mc_client *c);

void
mc_client_clear_txns(struct mc_client *c);

/* client_txn.c: the whole message may be with the server, and no verdict is */
bool
mc_client_is_out(const struct mc_client *c);

/* client_txn.c: verdicts for whoever has none */
void
mc_client_txn_lost(struct mc_client *c, const struct mc_err *why);

const char *
mc_client_words(enum mc_state state);

enum mc_stage
mc_client_stage(enum mc_state state);

/* ----------------------------------------------- transactions that are open */

static inline struct mc_client_txn *
mc_client_txn_at(const struct mc_client *c, size_t i)
{
	return &c->txns[(c->first + i) % c->cap];
}

/* the one that replies belong to */
static inline struct mc_client_txn *
mc_client_oldest(const struct mc_client *c)
{
	return mc_client_txn_at(c, 0);
}

/* the one that is being written */
static inline struct mc_client_txn *
mc_client_newest(const struct mc_client *c)
{
	return mc_client_txn_at(c, c->n - 1);
}

static inline struct mc_rcpt *
mc_client_rcpt(const struct mc_client_txn *t, size_t k)
{
	return mc_envelope_at(t->job.env, t->active[k]);
}

static inline size_t
mc_client_slot_data(const struct mc_client_txn *t)
{
	return MC_SLOT_RCPT + t->n_active;
}

/* client_txn.c: the state says which reply is awaited */
void
mc_client_await(struct mc_client *c);

/* client_verdict.c: for one recipient; reply may be NULL */
void
mc_client_verdict(struct mc_rcpt *rcpt, enum mc_verdict verdict,
    const struct mc_err *why, const char *reply);

void
mc_client_deliver(struct mc_rcpt *rcpt, const char *text);

/* what a refusal means for a recipient: MC_FAILED or MC_DEFERRED, and why */
enum mc_verdict
mc_client_refusal(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage, const char *what, struct mc_err *ret_why);

/* the same for all of the oldest transaction who have no verdict yet */
void
mc_client_refuse_rest(struct mc_client *c, const struct mc_reply *r,
    enum mc_stage stage, const char *what);

void
mc_client_reply_text(const struct mc_reply *r, char *ret_text, size_t size);

/* a log-in that was refused is the reason, whatever each reply said */
void
mc_client_blame_auth(struct mc_client *c);

/* client_ask.c: t->active, and a verdict for whom this server cannot take */
MC_NODISCARD int
mc_client_choose(struct mc_client *c, struct mc_client_txn *t,
    struct mc_err *err);

/* the log-in that has waited for a first transaction, if it has */
MC_NODISCARD int
mc_client_put_auth(struct mc_client *c, struct mc_err *err);

MC_NODISCARD int
mc_client_put_slot(struct mc_client *c, struct mc_client_txn *t, size_t slot,
    struct mc_err *err);

#endif
