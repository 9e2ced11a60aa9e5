/* SPDX-License-Identifier: MIT */
/*
 * client_session.c - the greeting, EHLO and STARTTLS
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "smtp/tell.h"

int
mc_client_fail_politely(struct mc_client *c)
{
	if (mc_cmd_plain(mc_client_cmd(c), "QUIT", NULL) == 0)
		mc_client_trace_cmd(c);
	return -1;
}

int
mc_client_refused_early(struct mc_client *c, const struct mc_reply *r,
    enum mc_code code, const char *what, struct mc_err *err)
{
	if (r->code < 400)
		return mc_client_unexpected(c, r, err);
	if (r->code == 421)
		(void)mc_client_unavailable(c, r, err);
	else if (r->code < 500)
		(void)mc_reply_err(r, MC_E_SERVER_UNAVAILABLE,
		    mc_client_stage(c->state), what, err);
	else
		(void)mc_reply_err(r, code, mc_client_stage(c->state), what, err);
	return mc_client_fail_politely(c);
}

static int
send_ehlo(struct mc_client *c, struct mc_err *err)
{
	struct mc_str name = mc_str_from(c->ehlo_name);
	int rc = c->set.lmtp ? mc_cmd_lhlo(mc_client_cmd(c), name, err) :
	    mc_cmd_ehlo(mc_client_cmd(c), name, err);

	if (rc != 0)
		return -1;
	mc_client_trace_cmd(c);
	mc_client_go(c, MC_ST_EHLO);
	return 0;
}

static int
on_greeting(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code != 220)
		return mc_client_refused_early(c, r, MC_E_NOT_READY,
		    "the server does not want us", err);
	return send_ehlo(c, err);
}

static int
send_starttls(struct mc_client *c, struct mc_err *err)
{
	if ((c->caps.flags & MC_CAP_STARTTLS) == 0) {
		(void)mc_err_set(err, MC_E_TLS_NOT_OFFERED, MC_STAGE_STARTTLS,
		    "the server does not offer STARTTLS, so nothing was sent; "
		    "try tls = on with port 465, or ask who stands in between");
		return mc_client_fail_politely(c);
	}
	if (mc_cmd_plain(mc_client_cmd(c), "STARTTLS", err) != 0)
		return -1;
	mc_client_trace_cmd(c);
	mc_client_go(c, MC_ST_STARTTLS);
	return 0;
}

static int
after_ehlo(struct mc_client *c, struct mc_err *err)
{
	if (c->set.tls == MC_CLIENT_TLS_STARTTLS && !c->secured)
		return send_starttls(c, err);
	if (c->set.sasl == NULL) {
		mc_client_go(c, MC_ST_READY);
		return 0;
	}
	if (!c->secured)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_AUTH,
		    "log-in without TLS");
	return mc_client_start_auth(c, err);
}

static int
on_ehlo(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code == 250) {
		mc_caps_parse(r, &c->caps);
		/* RFC 6531 3.1 (8): the one is nothing without the other */
		if ((c->caps.flags & MC_CAP_8BITMIME) == 0)
			c->caps.flags &= ~MC_CAP_SMTPUTF8;
		return after_ehlo(c, err);
	}
	/* RFC 5321 3.2; only where no TLS can be stripped by it */
	if (r->code >= 500 && c->set.tls == MC_CLIENT_TLS_NONE &&
	    !c->set.lmtp) {
		if (mc_cmd_helo(mc_client_cmd(c), mc_str_from(c->ehlo_name),
		    err) != 0)
			return -1;
		mc_client_trace_cmd(c);
		mc_client_go(c, MC_ST_HELO);
		return 0;
	}
	return mc_client_refused_early(c, r, MC_E_NOT_READY, c->set.lmtp ?
	    "LHLO was refused: is it an LMTP server?" : "EHLO was refused",
	    err);
}

static int
on_helo(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code != 250)
		return mc_client_refused_early(c, r, MC_E_NOT_READY, "HELO was refused",
		    err);
	memset(&c->caps, 0, sizeof(c->caps));
	return after_ehlo(c, err);
}

static int
on_starttls(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	if (r->code == 220 && r->lines == 1) {
		mc_client_go(c, MC_ST_HANDSHAKE);
		return 0;
	}
	return mc_client_refused_early(c, r, MC_E_TLS, "STARTTLS was refused", err);
}

void
mc_client_secured(struct mc_client *c, const struct mc_sasl_channel *channel)
{
	memset(&c->caps, 0, sizeof(c->caps));
	mc_buf_reset(&c->in);
	c->channel = *channel;
	c->channel.unverified_ok = c->set.unverified_ok;
	c->secured = true;
	c->asked = false;
	/* the name was checked when the engine was made */
	if (send_ehlo(c, NULL) != 0)
		mc_client_go(c, MC_ST_DEAD);
}

int
mc_client_resume(struct mc_client *c, const struct mc_caps *caps,
    struct mc_err *err)
{
	c->caps = *caps;
	/* RFC 6531 3.1 (8): the one is nothing without the other */
	if ((c->caps.flags & MC_CAP_8BITMIME) == 0)
		c->caps.flags &= ~MC_CAP_SMTPUTF8;
	c->asked = false;
	mc_client_go(c, MC_ST_EHLO);
	return after_ehlo(c, err);
}

static int
on_reply(struct mc_client *c, const struct mc_reply *r, struct mc_err *err)
{
	switch (c->state) {
	case MC_ST_GREETING:
		return on_greeting(c, r, err);
	case MC_ST_EHLO:
		return on_ehlo(c, r, err);
	case MC_ST_HELO:
		return on_helo(c, r, err);
	case MC_ST_STARTTLS:
		return on_starttls(c, r, err);
	case MC_ST_AUTH:
		return mc_client_on_login(c, r, err);
	case MC_ST_HANDSHAKE:
	case MC_ST_READY:
	case MC_ST_RSET:
	case MC_ST_MAIL:
	case MC_ST_RCPT:
	case MC_ST_DATA:
	case MC_ST_BODY:
	case MC_ST_END:
	case MC_ST_QUIT:
	case MC_ST_DEAD:
	case MC_ST__COUNT:
		break;
	}
	return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
	    "reply while %s", mc_client_words(c->state));
}

int
mc_client_session_step(struct mc_client *c, struct mc_err *err)
{
	struct mc_reply r;
	size_t used;
	int rc;

	if (c->in.len == 0)
		return MC_WANT_READ;
	if (!c->asked)
		return mc_client_unasked(c, err);
	rc = mc_client_reply(c, &r, err);
	if (rc <= 0)
		return rc < 0 ? -1 : MC_WANT_READ;
	used = r.raw.len;
	if (used != c->in.len) {
		mc_client_reply_done(c, used);
		return mc_client_unasked(c, err);
	}
	if (c->out.len != 0 && r.code < 400)
		return mc_client_too_early(c, err);
	c->asked = false;
	if (c->set.facts != NULL)
		mc_tell_reply(c->set.facts, mc_client_stage(c->state),
		    c->secured, &r);
	rc = on_reply(c, &r, err);
	mc_client_reply_done(c, used);
	if (rc != 0)
		return -1;
	if (c->state == MC_ST_HANDSHAKE)
		return MC_WANT_TLS;
	return c->state == MC_ST_READY ? MC_WANT_JOB : MC_WANT_READ;
}
