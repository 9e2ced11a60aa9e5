/* SPDX-License-Identifier: MIT */
/*
 * client.c - the session of a client, without I/O
 */
#include "base/base.h"
#include "smtp/client_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* whatever a server may send before we look: one reply and one read */
#define MC_MAX_INPUT (MC_MAX_REPLY + 65536)

static const struct {
	const char *name;
	enum mc_stage stage;
	unsigned seconds;
	const char *words;
} states[MC_ST__COUNT] = {
#define MC_STATE(id, stage, seconds, words) { #id, stage, seconds, words },
#include "smtp/states.def"
#undef MC_STATE
};

const char *
mc_client_words(enum mc_state state)
{
	return states[state].words;
}

enum mc_stage
mc_client_stage(enum mc_state state)
{
	return states[state].stage;
}

unsigned
mc_client_timeout(const struct mc_client *c)
{
	return states[c->state].seconds;
}

void
mc_client_go(struct mc_client *c, enum mc_state state)
{
	if (state == c->state)
		return;
	if (mc_log_wants(c->set.log, MC_LOG_TRACE))
		mc_log_line(c->set.log, MC_LOG_TRACE, states[state].stage,
		    "state %s -> %s", states[c->state].name,
		    states[state].name);
	c->state = state;
}

int
mc_client_new(const struct mc_client_settings *settings,
    struct mc_client **ret_client, struct mc_err *err)
{
	struct mc_client *c;

	if (!mc_cmd_is_ehlo_name(settings->ehlo_name))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_EHLO,
		    "ehlo-name is neither a host name nor an address literal");
	c = mc_mem_zalloc(1, sizeof(*c));
	if (c == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	c->set = *settings;
	mc_buf_init(&c->in, MC_MAX_INPUT);
	mc_buf_init_secret(&c->out, 2 * MC_MAX_FLIGHT);
	mc_buf_init(&c->show, 2 * MC_MAX_COMMAND);
	mc_buf_init_secret(&c->ir, 2 * MC_MAX_SECRET);
	mc_buf_init(&c->final, MC_MAX_REPLY_TEXT);
	c->ehlo_name = mc_mem_strndup(settings->ehlo_name.ptr,
	    settings->ehlo_name.len);
	if (c->ehlo_name == NULL) {
		mc_client_free(c);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	if (settings->tls == MC_CLIENT_TLS_DONE) {
		c->channel = settings->channel;
		c->secured = true;
	}
	c->state = MC_ST_GREETING;
	c->asked = true;
	*ret_client = c;
	return 0;
}

void
mc_client_free(struct mc_client *c)
{
	if (c == NULL)
		return;
	mc_buf_clear(&c->in);
	mc_buf_clear(&c->out);
	mc_buf_clear(&c->show);
	mc_buf_clear(&c->ir);
	mc_buf_clear(&c->final);
	mc_client_clear_txns(c);
	mc_mem_free(c->ehlo_name);
	mc_mem_wipe(&c->channel, sizeof(c->channel));
	mc_mem_wipe(&c->set.channel, sizeof(c->set.channel));
	mc_mem_free(c);
}

int
mc_client_feed(struct mc_client *c, const void *p, size_t n,
    struct mc_err *err)
{
	mc_buf_add(&c->in, p, n);
	if (c->in.err == MC_E_TOO_LONG)
		return mc_err_set(err, MC_E_REPLY_LONG,
		    states[c->state].stage, NULL);
	return mc_buf_err(&c->in, "input", err);
}

struct mc_str
mc_client_output(const struct mc_client *c)
{
	return mc_buf_str(&c->out);
}

void
mc_client_sent(struct mc_client *c, size_t n)
{
	mc_buf_consume(&c->out, n);
	c->handed += n;
	if (n != 0)
		c->asked = true;
}

bool
mc_client_quiet(const struct mc_client *c)
{
	return !c->asked;
}

bool
mc_client_ready(const struct mc_client *c)
{
	return c->set.sasl == NULL || c->logged_in;
}

bool
mc_client_login_failed(const struct mc_client *c)
{
	return c->auth == MC_AUTH_FAILED;
}

bool
mc_client_out_of_step(const struct mc_client *c)
{
	return c->out_of_step;
}

bool
mc_client_stumbled(const struct mc_client *c)
{
	return c->no_chunking;
}

bool
mc_client_takes_binary(const struct mc_client *c)
{
	return (c->caps.flags & MC_CAP_BINARYMIME) != 0 &&
	    (c->caps.flags & MC_CAP_CHUNKING) != 0 && !c->no_binary &&
	    !c->no_chunking && !c->set.no_chunking;
}

bool
mc_client_refuses_binary(const struct mc_client *c)
{
	return c->no_binary;
}

unsigned long
mc_client_over(const struct mc_client *c)
{
	return c->over;
}

unsigned long
mc_client_progress(const struct mc_client *c)
{
	return c->progress;
}

const struct mc_caps *
mc_client_caps(const struct mc_client *c)
{
	return &c->caps;
}

struct mc_str
mc_client_final(const struct mc_client *c)
{
	return mc_buf_str(&c->final);
}

bool
mc_client_trusted(const struct mc_client *c)
{
	if (c->set.sasl != NULL && !c->logged_in)
		return false;
	return c->set.tls == MC_CLIENT_TLS_NONE || c->channel.verified;
}

struct mc_cmd_out
mc_client_cmd(struct mc_client *c)
{
	mc_buf_reset(&c->show);
	return (struct mc_cmd_out){ &c->out, &c->show };
}

void
mc_client_trace_cmd(struct mc_client *c)
{
	if (mc_log_wants(c->set.log, MC_LOG_TRACE))
		mc_log_line(c->set.log, MC_LOG_TRACE, states[c->state].stage,
		    "C: %.*s", MC_STR_FMT(mc_buf_str(&c->show)));
}

/* a line of the log-in dialogue is hidden whatever it says */
static void
trace_reply(struct mc_client *c, const struct mc_reply *r)
{
	struct mc_buf line;
	size_t i;

	if (!mc_log_wants(c->set.log, MC_LOG_TRACE))
		return;
	for (i = 0; i < r->lines; i++) {
		mc_buf_init(&line, MC_MAX_REPLY_LINE);
		if (c->state == MC_ST_AUTH && r->code == 334)
			mc_buf_addz(&line, "<hidden>");
		else
			mc_buf_add_printable(&line, mc_reply_line(r, i),
			    MC_MAX_REPLY_TEXT);
		mc_log_line(c->set.log, MC_LOG_TRACE, states[c->state].stage,
		    "S: %03d%c%.*s", r->code, i + 1 < r->lines ? '-' : ' ',
		    MC_STR_FMT(mc_buf_str(&line)));
		mc_buf_clear(&line);
	}
}

int
mc_client_reply(struct mc_client *c, struct mc_reply *ret_reply,
    struct mc_err *err)
{
	size_t used;
	int rc;

	if (c->in.len == 0)
		return 0;
	rc = mc_reply_parse(mc_buf_str(&c->in), c->state == MC_ST_AUTH ?
	    MC_MAX_REPLY_LINE_AUTH : MC_MAX_REPLY_LINE, ret_reply, &used, err);
	if (rc < 0) {
		if (err != NULL)
			err->stage = states[c->state].stage;
		return -1;
	}
	if (rc == 0)
		return 0;
	c->progress++;
	trace_reply(c, ret_reply);
	return 1;
}

void
mc_client_reply_done(struct mc_client *c, size_t used)
{
	mc_buf_consume(&c->in, used);
}

int
mc_client_unexpected(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	char what[128];

	snprintf(what, sizeof(what), "unexpected reply while %s",
	    states[c->state].words);
	return mc_reply_err(r, MC_E_REPLY_UNEXPECTED, states[c->state].stage,
	    what, err);
}

int
mc_client_unavailable(struct mc_client *c, const struct mc_reply *r,
    struct mc_err *err)
{
	return mc_reply_err(r, MC_E_SERVER_UNAVAILABLE,
	    states[c->state].stage, "the server is not available", err);
}

/*
 * Bytes that no command of ours asked for: the response injections behind
 * STARTTLS and the desynchronised replies of a broken proxy end here.
 */
int
mc_client_unasked(struct mc_client *c, struct mc_err *err)
{
	struct mc_reply r;
	int rc;

	rc = mc_client_reply(c, &r, NULL);
	if (rc > 0 && r.code == 421)
		return mc_client_unavailable(c, &r, err);
	return mc_err_set(err, MC_E_INJECTED, states[c->state].stage,
	    "the server sent data that nothing had asked for while we were "
	    "%s: broken server, or somebody in between",
	    states[c->state].words);
}

int
mc_client_too_early(const struct mc_client *c, struct mc_err *err)
{
	return mc_err_set(err, MC_E_INJECTED, states[c->state].stage,
	    "the server answered a command that had not left yet");
}

int
mc_client_step(struct mc_client *c, struct mc_err *err)
{
	struct mc_err local = { 0 };
	int rc = -1;

	switch (c->state) {
	case MC_ST_GREETING:
	case MC_ST_EHLO:
	case MC_ST_HELO:
	case MC_ST_STARTTLS:
		rc = mc_client_session_step(c, &local);
		break;
	case MC_ST_AUTH:
		rc = c->n != 0 ? mc_client_txn_step(c, &local) :
		    mc_client_session_step(c, &local);
		break;
	case MC_ST_HANDSHAKE:
		return MC_WANT_TLS;
	case MC_ST_READY:
		return MC_WANT_JOB;
	case MC_ST_RSET:
	case MC_ST_MAIL:
	case MC_ST_RCPT:
	case MC_ST_DATA:
	case MC_ST_BODY:
	case MC_ST_END:
		rc = mc_client_txn_step(c, &local);
		break;
	case MC_ST_QUIT:
	case MC_ST_DEAD:
	case MC_ST__COUNT:
		return MC_WANT_CLOSE;
	}
	if (rc >= 0)
		return rc;
	/* while a part of it is still here, the end of data is not there */
	if (c->out.len != 0)
		mc_client_unsent(c);
	if (c->set.is_service)
		mc_client_name_service(&local);
	mc_client_txn_lost(c, &local);
	mc_client_go(c, MC_ST_DEAD);
	if (err != NULL)
		*err = local;
	return -1;
}

bool
mc_client_ended(const struct mc_client *c)
{
	return c->state == MC_ST_QUIT && c->quit_rides;
}

void
mc_client_quit(struct mc_client *c)
{
	if (c->state != MC_ST_READY)
		return;
	if (mc_cmd_plain(mc_client_cmd(c), "QUIT", NULL) == 0)
		mc_client_trace_cmd(c);
	mc_client_go(c, MC_ST_QUIT);
}

void
mc_client_lost(struct mc_client *c, struct mc_err *err)
{
	struct mc_err local = { 0 };
	struct mc_err *e = err == NULL ? &local : err;
	char text[MC_ERR_TEXT];

	if (c->state == MC_ST_DEAD)
		return;
	e->stage = states[c->state].stage;
	if (c->set.is_service)
		mc_client_name_service(e);
	if (e->code == MC_E_TIMEOUT || e->code == MC_E_CLOSED ||
	    e->code == MC_E_NET) {
		memcpy(text, e->text, sizeof(text));
		snprintf(e->text, sizeof(e->text), "%.300s, while %s", text,
		    states[c->state].words);
	}
	if (mc_client_is_out(c))
		e->unsure = 1;
	mc_client_txn_lost(c, e);
	mc_client_go(c, MC_ST_DEAD);
}
