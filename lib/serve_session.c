/* SPDX-License-Identifier: MIT */
/*
 * serve_session.c - one client of the service: each message goes to the queue
 *
 * What it may not do the policy says (who sends as whom) and the listener (how
 * much).  Whatever is asked for, an address of a recipient is answered as any
 * other one: who collects addresses learns nothing here (RFC 5321 7.3).
 */
#include "base/base.h"
#include "serve_client.h"
#include "smtp_take.h"

#include "base/child.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "serve/session.h"
#include "serve/sockets.h"
#include "serve/tokens.h"

#include <errno.h>
#include <sys/socket.h>

#define BUSY_MS 4000		/* between two questions whether it is */

/* ------------------------------------------------------------------ refusals */

static void
tell_refused(struct mc_served *c, enum mc_refusal why, const char *word,
    const char *value)
{
	char text[MC_ASK_TEXT];
	size_t n;

	c->refused++;
	n = (size_t)snprintf(text, sizeof(text), "sender=%s account=%s",
	    c->sender.len == 0 ? "-" : c->sender.ptr,
	    c->account == NULL ? "-" : c->account);
	if (word != NULL && n < sizeof(text))
		(void)snprintf(text + n, sizeof(text) - n, " %s=%s", word,
		    value);
	mc_ask_tell(c->sock, MC_ASK_REFUSED, why, 0, text);
}

/* what the listener does not allow now; `what` completes the sentence */
static void
answer_limit(struct mc_served *c, const struct mc_ask_answer *got,
    const char *what, struct mc_server_answer *answer)
{
	bool share = got->reason == MC_REFUSED_SHARE;

	answer->code = share ? 452 : 450;
	answer->enh[0] = 4;
	answer->enh[1] = share ? 3 : 7;
	answer->enh[2] = 1;
	if (got->wait > 0)
		(void)snprintf(answer->text, sizeof(answer->text),
		    "%s; try again in %lld seconds", what,
		    (long long)got->wait);
	else
		(void)snprintf(answer->text, sizeof(answer->text),
		    "%s; try again later", what);
	tell_refused(c, (enum mc_refusal)got->reason, NULL, NULL);
}

static void
answer_alone(struct mc_server_answer *answer)
{
	answer->code = 421;
	answer->enh[0] = 4;
	answer->enh[1] = 3;
	answer->enh[2] = 2;
	(void)snprintf(answer->text, sizeof(answer->text),
	    "Shutting down; try again later");
}

/* places and figures of ours are for the log, not for who sends mail */
static void
answer_err(const struct mc_served *c, const struct mc_err *err,
    struct mc_server_answer *answer)
{
	bool full = err->code == MC_E_QUEUE_FULL;

	mc_server_answer_err(err, answer);
	if (!full && answer->code != 451)
		return;
	mc_log_line(&c->service->log, MC_LOG_ERROR, err->stage, "%s",
	    err->text);
	(void)snprintf(answer->text, sizeof(answer->text), "%s",
	    full ? "No room for more mail; try again later" :
	    "Trouble here; try again later");
}

/* may it go on?  Else the answer says why not */
static bool
may(struct mc_served *c, enum mc_ask_what what, uint64_t n, const char *words,
    struct mc_server_answer *answer)
{
	struct mc_ask_answer got;
	int rc = mc_ask(c->sock, what, n, &got);

	if (rc > 0)
		return true;
	if (rc < 0)
		answer_alone(answer);
	else
		answer_limit(c, &got, words, answer);
	return false;
}

/* ------------------------------------------------------------------ envelope */

static int
begin(struct mc_served *c, const struct mc_server_mail *mail,
    struct mc_err *err)
{
	const struct mc_account *account;
	struct mc_str local, domain;
	struct mc_buf whole;
	int rc;

	mc_take_split(mail->sender, mail->bare, &local, &domain);
	/* the submission makes the same of a bare one */
	mc_buf_init(&whole, MC_MAX_PATH * 2);
	rc = mc_policy_sender(c->service->policy, &c->peer, local, domain,
	    &account, &whole, err);
	mc_buf_clear(&whole);
	if (rc != 0)
		return -1;
	c->account = account->name;
	if (mc_submission_new(&c->caller, c->service->config, &c->sub,
	    err) != 0)
		return -1;
	c->sub->uid = c->peer.has_uid ? (unsigned long)c->peer.uid :
	    c->service->caller->uid;
	c->sub->received_by = mc_take_host(c->service->caller).ptr;
	c->sub->received_with = !mail->esmtp ? "SMTP" :
	    mail->smtputf8 ? "UTF8SMTP" : "ESMTP";
	mc_submission_set_log(c->sub, MC_LOG_WARN, c->service->log.fn,
	    c->service->log.ctx);
	if (mc_submission_set_account(c->sub, account->name, err) != 0)
		return -1;
	return mc_take_mail(c->sub, mail, err);
}

static void
drop(struct mc_served *c)
{
	mc_submission_free(c->sub);
	c->sub = NULL;
	c->size = 0;
	memset(&c->broken, 0, sizeof(c->broken));
}

/* for lines of a log that are cut at blanks */
static void
keep_sender(struct mc_served *c, struct mc_str sender)
{
	mc_buf_reset(&c->sender);
	mc_buf_add_str(&c->sender, sender.len == 0 ? MC_STR("<>") : sender);
	for (size_t i = 0; i < c->sender.len; i++)
		if (c->sender.ptr[i] == ' ' || c->sender.ptr[i] == '\t')
			c->sender.ptr[i] = '?';
	mc_buf_add(&c->sender, "", 1);
	/* without memory it is not named */
	if (c->sender.err != 0)
		mc_buf_clear(&c->sender);
}

static void
on_mail(void *ctx, const struct mc_server_mail *mail,
    struct mc_server_answer *answer)
{
	struct mc_served *c = ctx;
	struct mc_err err = { 0 };

	c->account = NULL;
	keep_sender(c, mail->sender);
	if (begin(c, mail, &err) != 0) {
		answer_err(c, &err, answer);
		if (err.code == MC_E_NOT_ALLOWED)
			tell_refused(c, MC_REFUSED_SENDER, NULL, NULL);
		drop(c);
	} else if (!may(c, MC_ASK_MESSAGE, 1, "Too many messages for now",
	    answer)) {
		drop(c);
	}
}

static void
on_rcpt(void *ctx, const struct mc_server_rcpt *rcpt,
    struct mc_server_answer *answer)
{
	struct mc_served *c = ctx;
	struct mc_err err = { 0 };

	if (!may(c, MC_ASK_RCPT, 1, "Too many recipients for now", answer))
		return;
	if (mc_take_rcpt(c->sub, rcpt, &err) != 0)
		answer_err(c, &err, answer);
}

static void
on_reset(void *ctx)
{
	drop(ctx);
}

/* ------------------------------------------------------------------- content */

static void
on_body(void *ctx, struct mc_str piece)
{
	struct mc_served *c = ctx;

	c->size += piece.len;
	/* what comes after an error is lost, and the error stays */
	if (c->broken.code == MC_OK && mc_submission_write(c->sub, piece.ptr,
	    piece.len, 0, &c->broken) != 0)
		mc_log_line(&c->service->log, MC_LOG_DEBUG, MC_STAGE_LOCAL,
		    "%s", c->broken.text);
}

static int
check_header(const struct mc_served *c, struct mc_err *err)
{
	const struct mc_header *h = &c->sub->message.header;

	if (h->size > c->limits->header)
		return mc_err_set(err, MC_E_HDR_LONG, MC_STAGE_LOCAL,
		    "the header has more than %u bytes", c->limits->header);
	if (h->fields.n > c->limits->fields)
		return mc_err_set(err, MC_E_HDR_LONG, MC_STAGE_LOCAL,
		    "the header has more than %u fields", c->limits->fields);
	return mc_take_hops(c->sub, c->limits->received, err);
}

static int
put(struct mc_served *c, struct mc_queued *queued, struct mc_err *err)
{
	struct mc_err broken = c->broken;

	if (broken.code != MC_OK) {
		*err = broken;
		return -1;
	}
	if (mc_submission_end(c->sub, err) != 0 || check_header(c, err) != 0 ||
	    mc_submission_prepare(c->sub, err) != 0)
		return -1;
	return mc_submission_queue(c->sub, queued, err);
}

static enum mc_refusal
reason_of_content(const struct mc_err *err)
{
	if (err->code == MC_E_QUEUE_FULL)
		return MC_REFUSED_DISK;
	/* see mc_take_hops */
	return err->enh[1] == 4 && err->enh[2] == 6 ? MC_REFUSED_LOOP :
	    MC_REFUSED_CONTENT;
}

static void
on_end(void *ctx, struct mc_server_answer *answer)
{
	struct mc_served *c = ctx;
	const struct mc_serve_options *set = c->service->set;
	struct mc_queued queued = { 0 };
	struct mc_err err = { 0 };

	if (!may(c, MC_ASK_SHARE, c->size,
	    "Too much mail of yours is in the queue", answer)) {
		drop(c);
		return;
	}
	if (put(c, &queued, &err) == 0) {
		answer->code = 250;
		(void)snprintf(answer->text, sizeof(answer->text),
		    "queued as %s", queued.id);
		mc_ask_tell(c->sock, MC_ASK_TAKEN, MC_REFUSED_NOT, c->size,
		    NULL);
		if (set->done != NULL)
			set->done(set->ctx, c->sub, &queued, &err);
	} else {
		/* it is its form, not its size */
		if (err.code == MC_E_HDR_LONG) {
			err.enh[1] = 6;
			err.enh[2] = 0;
		}
		answer_err(c, &err, answer);
		tell_refused(c, reason_of_content(&err), "error",
		    mc_code_name(err.code));
	}
	drop(c);
}

/* --------------------------------------------------------- log-in and TLS */

/* a token proves a name; the rest is as if that user had come by the path */
static void
on_auth(void *ctx, const struct mc_server_auth *auth,
    struct mc_server_answer *answer)
{
	struct mc_served *c = ctx;
	struct mc_ask_answer got;
	struct mc_err err = { 0 };
	int rc = mc_token_check(c->service->tokens.ptr, auth->user,
	    auth->password, &err);

	if (rc < 0) {
		mc_log_line(&c->service->log, MC_LOG_ERROR, err.stage, "%s",
		    err.text);
		return;
	}
	if (rc == 0 || !mc_served_become(c, auth->user) ||
	    !mc_policy_admits(c->service->policy, &c->peer) ||
	    mc_ask(c->sock, MC_ASK_LOGIN, c->peer.uid, &got) != 1) {
		mc_served_forget(c);
		answer->code = 535;
		tell_refused(c, MC_REFUSED_AUTH, NULL, NULL);
		return;
	}
	answer->code = 235;
}

/* the key is with another process, and so is TLS */
static int
on_starttls(void *ctx, struct mc_err *err)
{
	struct mc_served *c = ctx;
	int fds[2];

	if (mc_child_pair(fds, err) != 0)
		return -1;
	c->plain = fds[0];
	if (mc_ask_give(c->sock, MC_ASK_TLS_CLIENT, c->fd) != 0 ||
	    mc_ask_give(c->sock, MC_ASK_TLS_PLAIN, fds[1]) != 0) {
		mc_file_close(&fds[1]);
		return mc_err_sys(err, MC_E_IO, MC_STAGE_TLS, errno,
		    "nobody is there to begin TLS");
	}
	mc_file_close(&fds[1]);
	mc_served_forget(c);
	return c->plain;
}

/* not for every command: who is silent for seconds is asked about again */
static int64_t
on_idle_limit(void *ctx)
{
	struct mc_served *c = ctx;
	struct mc_ask_answer got;

	if (mc_clock_left(c->ask_busy) == 0) {
		c->busy = mc_ask(c->sock, MC_ASK_BUSY, 0, &got) == 1;
		c->ask_busy = mc_clock_after(BUSY_MS);
	}
	return c->busy && c->limits->idle_busy_ms < c->limits->idle_ms ?
	    c->limits->idle_busy_ms : c->limits->idle_ms;
}

/* ----------------------------------------------------------------- its life */

static void
settle(const struct mc_served *c, int stop, struct mc_session *ret)
{
	const struct mc_service *v = c->service;
	const struct mc_serve_limits *l = c->limits;
	bool tcp = c->hello.is_tcp != 0;

	*ret = (struct mc_session){
		.in_fd = c->fd, .out_fd = c->fd, .cancel_fd = stop,
		.server = {
			.host = mc_take_host(v->caller),
			.max_size = l->size,
			.max_rcpts = l->message_recipients,
			.max_messages = l->session_messages,
			.max_errors = l->errors,
			.max_junk = l->junk,
			.max_line = l->command,
			.max_text_line = l->text_line,
			.offer_starttls = tcp && v->cert.len != 0,
			.offer_auth = tcp,
			.need_auth = tcp && !v->limits.trust_loopback,
			.auth_needs_tls = true,
		},
		.idle_ms = l->idle_ms, .total_ms = l->session_ms,
		.rate = l->data_rate != 0 ? l->data_rate : INT64_MAX / 4000,
		.delay_ms = c->hello.delay_ms,
		.log = &v->log,
	};
}

/* what the end of a session counts as; `err` if it has failed */
static enum mc_refusal
reason_of(const struct mc_session_result *result, const struct mc_err *err)
{
	if (result->overtime)
		return MC_REFUSED_TIME;
	if (err->code == MC_E_TIMEOUT)
		return result->receiving ? MC_REFUSED_SLOW : MC_REFUSED_IDLE;
	switch (result->end) {
	case MC_SERVER_END_ERRORS:
		return MC_REFUSED_ERRORS;
	case MC_SERVER_END_JUNK:
		return MC_REFUSED_JUNK;
	case MC_SERVER_END_MESSAGES:
		return MC_REFUSED_MESSAGES;
	case MC_SERVER_END_FOREIGN:
		return MC_REFUSED_FOREIGN;
	case MC_SERVER_END_FORM:
		return MC_REFUSED_SMUGGLING;
	case MC_SERVER_END_NONE:
		break;
	}
	return MC_REFUSED_NOT;
}

static void
run(struct mc_served *c, int stop)
{
	struct mc_session_result result = { 0 };
	struct mc_err err = { 0 };
	struct mc_session s;
	enum mc_refusal why;
	bool bad;

	mc_served_look(c);
	if (c->peer.has_uid &&
	    !mc_policy_admits(c->service->policy, &c->peer)) {
		mc_socket_turn_away(c->fd);
		tell_refused(c, MC_REFUSED_PEER, NULL, NULL);
		return;
	}
	settle(c, stop, &s);
	s.owner = (struct mc_session_owner){ .mail = on_mail, .rcpt = on_rcpt,
	    .body = on_body, .end = on_end, .reset = on_reset, .ctx = c,
	    .auth = on_auth, .starttls = on_starttls,
	    .idle_limit = on_idle_limit };
	bad = mc_session_run_result(&s, &result, &err) != 0;
	if (result.errors != 0 || result.junk != 0)
		mc_ask_tell(c->sock, MC_ASK_ERRORS, MC_REFUSED_NOT,
		    (uint64_t)result.errors + result.junk, NULL);
	if (result.too_big != 0)
		tell_refused(c, MC_REFUSED_SIZE, NULL, NULL);
	if (result.too_many != 0)
		tell_refused(c, MC_REFUSED_RECIPIENTS, NULL, NULL);
	if (result.no_login != 0)
		tell_refused(c, MC_REFUSED_AUTH, NULL, NULL);
	why = reason_of(&result, &err);
	/* what the engine has refused by itself; where there is another reason
	 * it may be what a client had sent behind that, without waiting */
	if (result.errors != 0 && c->refused == 0 && why == MC_REFUSED_NOT)
		why = MC_REFUSED_SYNTAX;
	if (why != MC_REFUSED_NOT)
		tell_refused(c, why, NULL, NULL);
	else if (bad && err.code != MC_E_CLOSED &&
	    err.code != MC_E_CANCELLED)
		mc_log_line(&c->service->log, MC_LOG_WARN, err.stage, "%s",
		    err.text);
}

void
mc_serve_session(void *ctx, int sock)
{
	struct mc_service *service = ctx;
	struct mc_served *c;
	int stop = -1;
	char more;

	mc_serve_in_child(service, "session");
	c = mc_mem_zalloc(1, sizeof(*c));
	if (c == NULL)
		return;
	c->service = service;
	c->limits = &service->limits.limits;
	c->sock = sock;
	c->fd = c->plain = -1;
	c->ask_busy = mc_clock_after(BUSY_MS);
	mc_buf_init(&c->sender, MC_MAX_PATH * 2);
	if (mc_child_recv(sock, &c->hello, sizeof(c->hello), &c->fd) == 1 &&
	    c->fd >= 0 && mc_child_recv(sock, &more, 1, &stop) == 1 &&
	    stop >= 0)
		run(c, stop);
	drop(c);
	mc_file_close(&c->plain);
	mc_file_close(&c->fd);
	mc_file_close(&stop);
	mc_buf_clear(&c->sender);
	mc_mem_free(c);
}
