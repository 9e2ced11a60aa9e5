/* SPDX-License-Identifier: MIT */
/*
 * client_body.c - the text of a transaction, by DATA or BDAT
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"

static bool
takes_body(const struct mc_client *c)
{
	const struct mc_client_txn *t;

	if (c->n == 0 || mc_client_newest(c)->dot_out)
		return false;
	t = mc_client_newest(c);
	return (c->state == MC_ST_BODY && !t->lone_dot) || mc_client_holds(c);
}

static int
put_chunk(struct mc_client *c, struct mc_str piece, struct mc_err *err)
{
	struct mc_client_txn *t = mc_client_newest(c);

	if (!t->body_begun) {
		if (mc_cmd_bdat(mc_client_cmd(c), t->left, err) != 0)
			return -1;
		mc_client_trace_cmd(c);
		t->sent++;
		mc_chunk_init(&t->guard);
	}
	/* less or more than was announced, or a line end that some servers
	 * see and others do not: what has left so far is no message */
	if (piece.len > t->left || !mc_chunk_check(&t->guard, piece))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "the message is not what it was announced to be");
	t->left -= piece.len;
	mc_buf_add_str(&c->out, piece);
	return 0;
}

int
mc_client_body(struct mc_client *c, struct mc_str piece, struct mc_err *err)
{
	struct mc_client_txn *t;

	if (!takes_body(c))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "message text in the wrong state");
	t = mc_client_newest(c);
	if (!t->chunking)
		mc_dot_add(&c->dot, piece, &c->out);
	else if (put_chunk(c, piece, err) != 0)
		return -1;
	t->body_begun = true;
	return mc_buf_err(&c->out, "message text", err);
}

/* RFC 2920 3.1: as the last command of a group, which it is */
static int
put_quit(struct mc_client *c, struct mc_err *err)
{
	if (mc_cmd_plain(mc_client_cmd(c), "QUIT", err) != 0)
		return -1;
	mc_client_trace_cmd(c);
	c->quit_rides = true;
	return 0;
}

int
mc_client_body_end(struct mc_client *c, struct mc_err *err)
{
	struct mc_client_txn *t = c->n == 0 ? NULL : mc_client_newest(c);

	if (t == NULL || t->dot_out || (t->lone_dot ?
	    c->state != MC_ST_BODY : !takes_body(c)))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "end of data in the wrong state");
	if (!t->chunking)
		mc_dot_end(&c->dot, &c->out);
	else if (put_chunk(c, MC_STR_NONE, err) != 0)
		return -1;
	else if (t->left != 0 || !mc_chunk_end(&t->guard))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "the message ends before its announced end");
	t->end = c->handed + c->out.len;
	if (t->early && t->job.last && c->set.one_flight &&
	    put_quit(c, err) != 0)
		return -1;
	if (mc_buf_err(&c->out, "message text", err) != 0)
		return -1;
	t->dot_out = true;
	if (t->chunking)
		mc_client_await(c);
	else
		mc_client_go(c, MC_ST_END);
	return 0;
}

void
mc_client_unsent(struct mc_client *c)
{
	if (c->n != 0 && !mc_client_newest(c)->chunking)
		mc_client_newest(c)->dot_out = false;
}

void
mc_client_body_abort(struct mc_client *c, const struct mc_err *why)
{
	mc_client_txn_lost(c, why);
	mc_client_go(c, MC_ST_DEAD);
}
