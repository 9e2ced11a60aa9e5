/* SPDX-License-Identifier: MIT */
/*
 * client_login.c - the log-in: by itself, or riding with a transaction
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"

int
mc_client_start_auth(struct mc_client *c, struct mc_err *err)
{
	struct mc_str ir;
	bool has_ir;
	size_t line;

	mc_buf_reset(&c->ir);
	if (mc_sasl_start(c->set.sasl, mc_str_from(c->caps.mechs),
	    &c->channel, &c->mech, &has_ir, &c->ir, err) != 0)
		return mc_client_fail_politely(c);
	mc_fact(c->set.facts, MC_STAGE_AUTH, "mechanism", c->mech);
	if (mc_buf_err(&c->ir, "initial response", err) != 0)
		return -1;
	ir = mc_buf_str(&c->ir);
	line = strlen("AUTH  \r\n") + c->mech.len + ir.len;
	c->ir_waits = has_ir && line > MC_MAX_COMMAND_IR;
	if (c->set.one_flight && has_ir && !c->ir_waits &&
	    !c->set.no_pipelining &&
	    (c->caps.flags & MC_CAP_PIPELINING) != 0 &&
	    mc_sasl_one_step(c->set.sasl)) {
		c->auth = MC_AUTH_WAITS;
		mc_client_go(c, MC_ST_READY);
		return 0;
	}
	if (mc_cmd_auth(mc_client_cmd(c), c->mech,
	    has_ir && !c->ir_waits ? &ir : NULL, err) != 0)
		return -1;
	mc_client_trace_cmd(c);
	mc_client_go(c, MC_ST_AUTH);
	return 0;
}

/* give up the dialogue: RFC 4954 section 4 */
static int
cancel_auth(struct mc_client *c)
{
	if (mc_cmd_auth_line(mc_client_cmd(c), MC_STR("*"), NULL) == 0)
		mc_client_trace_cmd(c);
	return -1;
}

static int
on_challenge(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	struct mc_str challenge = mc_str_trim(mc_reply_line(r, 0));
	struct mc_buf response;
	int rc = -1;

	mc_buf_init_secret(&response, 2 * MC_MAX_SECRET);
	if (r->lines != 1) {
		(void)mc_client_unexpected(c, r, err);
		goto out;
	}
	if (c->ir_waits) {
		c->ir_waits = false;
		if (challenge.len != 0) {
			(void)mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
			    "the server answered the log-in with a challenge "
			    "where the mechanism has none");
			rc = cancel_auth(c);
			goto out;
		}
		mc_buf_add_str(&response, mc_buf_str(&c->ir));
		mc_buf_clear(&c->ir);
	} else if (mc_sasl_step(c->set.sasl, challenge, &response, err) != 0) {
		rc = cancel_auth(c);
		goto out;
	}
	if (mc_buf_err(&response, "log-in response", err) != 0)
		goto out;
	if (mc_cmd_auth_line(mc_client_cmd(c), mc_buf_str(&response),
	    err) != 0)
		goto out;
	mc_client_trace_cmd(c);
	rc = 0;
out:
	mc_buf_clear(&response);
	return rc;
}

static int
add_detail(struct mc_client *c, struct mc_err *err)
{
	struct mc_str detail = mc_sasl_detail(c->set.sasl);

	if (detail.len != 0)
		mc_err_ctx(err, "%.*s", MC_STR_FMT(detail));
	return -1;
}

static const char *
refused_words(const struct mc_reply *r)
{
	return r->code == 535 ? "the server refused user or password" :
	    "the server refused the log-in";
}

/*
 * A challenge where there is nothing to answer: what a provider says about
 * a token (RFC 7628 3.2.2), or a server that does not know of initial
 * responses.  It takes the next command for the answer, which is none.
 */
static void
unwanted_challenge(struct mc_client *c, const struct mc_reply *r)
{
	struct mc_buf ignored;

	mc_buf_init_secret(&ignored, 2 * MC_MAX_SECRET);
	if (r->lines == 1 && mc_sasl_step(c->set.sasl,
	    mc_str_trim(mc_reply_line(r, 0)), &ignored, NULL) == 0 &&
	    mc_sasl_detail(c->set.sasl).len != 0)
		(void)mc_err_set(&c->auth_err, MC_E_AUTH_REFUSED,
		    MC_STAGE_AUTH, "the server refused the log-in");
	else
		(void)mc_err_set(&c->auth_err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the server answered the log-in with a challenge where "
		    "the mechanism has none");
	mc_buf_clear(&ignored);
	(void)add_detail(c, &c->auth_err);
}

/* what Exim and Postfix say to those who do not wait for their reply; no code
 * is reserved for it */
static bool
complains_of_haste(const struct mc_reply *r)
{
	static const char *const words[] = { "synchroni", "pipelin" };
	struct mc_str line = mc_reply_line(r, 0);

	for (size_t i = 0; i < MC_NELEM(words); i++)
		for (size_t at = 0; at < line.len; at++)
			if (mc_str_starts_nocase(mc_str_sub(line, at,
			    line.len), mc_str_from(words[i])))
				return true;
	return false;
}

int
mc_client_on_auth(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	if (r->code == 421)
		return mc_client_unavailable(c, r, err);
	if (r->code < 400 && c->handed < c->auth_end)
		return mc_client_too_early(c, err);
	mc_buf_clear(&c->ir);
	if (r->code == 235) {
		c->auth = MC_AUTH_ALONE;
		if (mc_sasl_accept(c->set.sasl, err) != 0)
			return -1;
		c->logged_in = true;
		return 0;
	}
	if (r->code != 334 && r->code < 400)
		return mc_client_unexpected(c, r, err);
	c->auth = MC_AUTH_FAILED;
	c->out_of_step = r->code != 334 && complains_of_haste(r);
	mc_err_reset(&c->auth_err);
	if (r->code == 334) {
		unwanted_challenge(c, r);
		return 0;
	}
	(void)mc_reply_err(r, r->code < 500 ? MC_E_SERVER_UNAVAILABLE :
	    MC_E_AUTH_REFUSED, MC_STAGE_AUTH, refused_words(r), &c->auth_err);
	(void)add_detail(c, &c->auth_err);
	return 0;
}

int
mc_client_on_login(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	if (r->code == 334)
		return on_challenge(c, r, err);
	mc_buf_clear(&c->ir);
	if (r->code == 235) {
		if (c->ir_waits)
			return mc_client_unexpected(c, r, err);
		if (mc_sasl_accept(c->set.sasl, err) != 0)
			return -1;
		c->logged_in = true;
		/* the dialogue goes with the buffer it stood in */
		mc_buf_clear(&c->out);
		mc_client_go(c, MC_ST_READY);
		return 0;
	}
	(void)mc_client_refused_early(c, r, MC_E_AUTH_REFUSED, refused_words(r), err);
	return add_detail(c, err);
}
