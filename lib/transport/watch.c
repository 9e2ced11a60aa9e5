/* SPDX-License-Identifier: MIT */
/*
 * watch.c - judge a session that somebody else opens
 */
#include "base/base.h"
#include "transport/watch.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/limits.h"
#include "smtp/tell.h"

static const struct {
	enum mc_stage stage;
	unsigned seconds;
	const char *words;
} states[MC_WATCH__COUNT] = {
#define MC_STATE(id, stage, seconds, words) { stage, seconds, words },
#include "smtp/states.def"
#undef MC_STATE
};

void
mc_watch_init(struct mc_watch *w)
{
	memset(w, 0, sizeof(*w));
	mc_buf_init(&w->in, MC_MAX_REPLY + MC_MAX_REPLY_LINE_AUTH);
	w->state = MC_WATCH_GREETING;
}

void
mc_watch_clear(struct mc_watch *w)
{
	mc_buf_clear(&w->in);
}

unsigned
mc_watch_timeout(const struct mc_watch *w)
{
	return states[w->state].seconds;
}

enum mc_stage
mc_watch_stage(const struct mc_watch *w)
{
	return states[w->state].stage;
}

const char *
mc_watch_words(const struct mc_watch *w)
{
	return states[w->state].words;
}

/* ----------------------------------------------------------------- our side */

static bool
begins(struct mc_str s, const char *verb)
{
	struct mc_str v = mc_str_from(verb);

	return mc_str_starts_nocase(s, v) && (s.len == v.len ||
	    s.ptr[v.len] == ' ' || s.ptr[v.len] == '\r');
}

void
mc_watch_client(struct mc_watch *w, const char *p, size_t n)
{
	static const struct {
		const char *verb;
		enum mc_watch_state state;
		size_t words;	/* that may be shown */
	} verbs[] = {
		{ "EHLO", MC_WATCH_EHLO, 2 }, { "HELO", MC_WATCH_HELO, 2 },
		{ "STARTTLS", MC_WATCH_STARTTLS, 1 },
		{ "AUTH", MC_WATCH_AUTH, 2 }, { "QUIT", MC_WATCH_QUIT, 1 },
	};
	struct mc_str line = mc_str_trim(mc_str_make(p, n)), show = line;
	size_t i = 0, blanks = 0;

	while (i < MC_NELEM(verbs) && (w->state == MC_WATCH_AUTH ||
	    !begins(line, verbs[i].verb)))
		i++;
	if (i < MC_NELEM(verbs)) {
		w->state = verbs[i].state;
		for (show.len = 0; show.len < line.len; show.len++)
			if (line.ptr[show.len] == ' ' &&
			    ++blanks == verbs[i].words)
				break;
	}
	if (i < MC_NELEM(verbs) && show.len == line.len)
		mc_log_line(w->log, MC_LOG_TRACE, mc_watch_stage(w),
		    "C: %.*s", MC_STR_FMT(show));
	else if (i < MC_NELEM(verbs))
		mc_log_line(w->log, MC_LOG_TRACE, mc_watch_stage(w),
		    "C: %.*s <hidden>", MC_STR_FMT(show));
	else if (w->state == MC_WATCH_AUTH)
		mc_log_line(w->log, MC_LOG_TRACE, MC_STAGE_AUTH,
		    "C: <hidden>");
}

/* ------------------------------------------------------------------ replies */

static int
unexpected(struct mc_watch *w, const struct mc_reply *r)
{
	char what[128];

	snprintf(what, sizeof(what), "unexpected reply while %s",
	    mc_watch_words(w));
	return mc_reply_err(r, MC_E_REPLY_UNEXPECTED, mc_watch_stage(w), what,
	    &w->err);
}

/* a refusal before log-in is of the account, never of a message */
static int
refused(struct mc_watch *w, const struct mc_reply *r, enum mc_code code,
    const char *what)
{
	if (r->code < 400)
		return unexpected(w, r);
	if (r->code == 421)
		what = "the server is not available";
	if (r->code < 500)
		code = MC_E_SERVER_UNAVAILABLE;
	return mc_reply_err(r, code, mc_watch_stage(w), what, &w->err);
}

static int
on_ehlo(struct mc_watch *w, const struct mc_reply *r)
{
	const struct mc_account *a = w->account;
	const struct mc_mech *mech;

	/* RFC 5321 3.2; only where no TLS can be stripped by it */
	if (r->code >= 500 && a->tls_mode == MC_TLS_OFF)
		return 0;
	if (r->code != 250)
		return refused(w, r, MC_E_NOT_READY, "EHLO was refused");
	mc_caps_parse(r, &w->caps);
	if (a->tls_mode == MC_TLS_STARTTLS && !w->secured) {
		if ((w->caps.flags & MC_CAP_STARTTLS) != 0)
			return 0;
		return mc_err_set(&w->err, MC_E_TLS_NOT_OFFERED,
		    MC_STAGE_STARTTLS, "the server does not offer STARTTLS, "
		    "so nothing was sent; try tls = on with port 465, or ask "
		    "who stands in between");
	}
	/* before a credential leaves: is there a way that may be taken? */
	if (w->login)
		return mc_mechs_choose(&w->mechs, mc_str_from(w->caps.mechs),
		    &w->channel, &mech, &w->err);
	return 0;
}

static int
on_helo(struct mc_watch *w, const struct mc_reply *r)
{
	if (w->account->tls_mode != MC_TLS_OFF)
		return mc_reply_err(r, MC_E_NOT_READY, MC_STAGE_EHLO,
		    "the server answered HELO alone", &w->err);
	if (r->code != 250)
		return refused(w, r, MC_E_NOT_READY, "HELO was refused");
	memset(&w->caps, 0, sizeof(w->caps));
	return 0;
}

static int
on_starttls(struct mc_watch *w, const struct mc_reply *r)
{
	if (r->code != 220 || r->lines != 1)
		return refused(w, r, MC_E_TLS, "STARTTLS was refused");
	/* what was heard before is forgotten (RFC 3207 4.2) */
	memset(&w->caps, 0, sizeof(w->caps));
	w->secured = true;
	w->state = MC_WATCH_HANDSHAKE;
	return 0;
}

/* before anything is answered to it */
static int
check_challenge(struct mc_watch *w, struct mc_str challenge)
{
	struct mc_buf out;
	int rc;

	mc_buf_init_secret(&out, MC_MAX_REPLY_LINE_AUTH);
	rc = mc_b64_decode(challenge, &out);
	mc_buf_clear(&out);
	if (rc == 0)
		return 0;
	return mc_err_set(&w->err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
	    "the server's challenge is not base64");
}

static int
on_auth(struct mc_watch *w, const struct mc_reply *r)
{
	if (r->code == 334 && r->lines != 1)
		return unexpected(w, r);
	if (r->code == 334 && ++w->rounds > MC_MAX_AUTH_ROUNDS)
		return mc_err_set(&w->err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the log-in does not come to an end");
	if (r->code == 334)
		return check_challenge(w, mc_str_trim(mc_reply_line(r, 0)));
	if (r->code == 235) {
		w->logged_in = true;
		w->state = MC_WATCH_READY;
		return 0;
	}
	return refused(w, r, MC_E_AUTH_REFUSED, r->code == 535 ?
	    "the server refused user or password" :
	    "the server refused the log-in");
}

static int
on_reply(struct mc_watch *w, const struct mc_reply *r)
{
	if (w->state == MC_WATCH_GREETING)
		return r->code == 220 ? 0 : refused(w, r, MC_E_NOT_READY,
		    "the server does not want us");
	if (w->state == MC_WATCH_EHLO)
		return on_ehlo(w, r);
	if (w->state == MC_WATCH_HELO)
		return on_helo(w, r);
	if (w->state == MC_WATCH_STARTTLS)
		return on_starttls(w, r);
	if (w->state == MC_WATCH_AUTH)
		return on_auth(w, r);
	return mc_err_set(&w->err, MC_E_INJECTED, mc_watch_stage(w),
	    "the server sent data that nothing had asked for while we were "
	    "%s: broken server, or somebody in between", mc_watch_words(w));
}

static void
trace_reply(const struct mc_watch *w, const struct mc_reply *r)
{
	char text[MC_MAX_REPLY_TEXT];

	if (!mc_log_wants(w->log, MC_LOG_TRACE))
		return;
	for (size_t i = 0; i < r->lines; i++) {
		if (w->state == MC_WATCH_AUTH && r->code == 334)
			snprintf(text, sizeof(text), "<hidden>");
		else
			(void)mc_str_printable(mc_reply_line(r, i), text,
			    sizeof(text));
		mc_log_line(w->log, MC_LOG_TRACE, mc_watch_stage(w),
		    "S: %03d%c%s", r->code, i + 1 < r->lines ? '-' : ' ',
		    text);
	}
}

int
mc_watch_server(struct mc_watch *w, const char *p, size_t n)
{
	struct mc_reply r;
	size_t used;
	int rc;

	if (mc_err_is_set(&w->err))
		return -1;
	mc_buf_add(&w->in, p, n);
	if (w->in.err == MC_E_TOO_LONG)
		return mc_err_set(&w->err, MC_E_REPLY_LONG, mc_watch_stage(w),
		    NULL);
	if (mc_buf_err(&w->in, "reply", &w->err) != 0)
		return -1;
	while (w->in.len != 0) {
		rc = mc_reply_parse(mc_buf_str(&w->in),
		    w->state == MC_WATCH_AUTH ? MC_MAX_REPLY_LINE_AUTH :
		    MC_MAX_REPLY_LINE, &r, &used, &w->err);
		if (rc < 0)
			w->err.stage = mc_watch_stage(w);
		if (rc <= 0)
			return rc;
		w->progress++;
		trace_reply(w, &r);
		if (w->facts != NULL)
			mc_tell_reply(w->facts, mc_watch_stage(w), w->secured ||
			    w->account->tls_mode == MC_TLS_ON, &r);
		if (on_reply(w, &r) != 0)
			return -1;
		mc_buf_consume(&w->in, used);
	}
	return 0;
}

int
mc_watch_end(const struct mc_watch *w, struct mc_err *err)
{
	if (mc_err_is_set(&w->err)) {
		if (err != NULL && !mc_err_is_set(err))
			*err = w->err;
		return -1;
	}
	if (w->in.len != 0)
		return mc_err_set(err, MC_E_INJECTED, mc_watch_stage(w),
		    "the server sent data that nothing had asked for");
	if (w->account->tls_mode == MC_TLS_STARTTLS && !w->secured)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_STARTTLS,
		    "no TLS after STARTTLS");
	if (w->login && !w->logged_in)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "libcurl did not log in");
	return 0;
}
