/* SPDX-License-Identifier: MIT */
/*
 * submission.c - a submission from the outside: what is set, read and asked
 */
#include "base/base.h"
#include "submission.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"
#include "mail/addr.h"
#include "mail/when.h"
#include "queue/store.h"

#include <errno.h>
#include <poll.h>

#define READ_SIZE 65536

int
mc_raw_addr_set(struct mc_raw_addr *item, struct mc_str local,
    struct mc_str domain, struct mc_err *err)
{
	char *l = mc_mem_strndup(local.ptr == NULL ? "" : local.ptr,
	    local.len);
	char *d = mc_mem_strndup(domain.ptr == NULL ? "" : domain.ptr,
	    domain.len);

	if (l == NULL || d == NULL) {
		mc_mem_free(l);
		mc_mem_free(d);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	mc_raw_addr_clear(item);
	item->local = l;
	item->domain = d;
	return 0;
}

void
mc_raw_addr_clear(struct mc_raw_addr *item)
{
	mc_mem_free(item->local);
	mc_mem_free(item->domain);
	mc_mem_free(item->orcpt);
	item->local = item->domain = item->orcpt = NULL;
}

int
mc_submission_new(const struct mc_caller *caller,
    const struct mc_config *config, struct mc_submission **ret_sub,
    struct mc_err *err)
{
	struct mc_submission *sub = mc_mem_zalloc(1, sizeof(*sub));

	if (sub == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	sub->caller = caller;
	sub->config = config;
	sub->uid = caller->uid;
	sub->cancel_fd = -1;
	mc_vec_init(&sub->raw, sizeof(struct mc_raw_addr), MC_MAX_RCPTS);
	mc_message_init(&sub->message, MC_SPOOL_MEMORY, caller->tmpdir);
	mc_spool_init(&sub->binary, MC_SPOOL_MEMORY, caller->tmpdir);
	mc_envelope_init(&sub->env);
	mc_plan_init(&sub->plan);
	mc_buf_init(&sub->header, MC_MAX_HEADER + MC_MAX_HEADER_RCPT +
	    MC_MAX_CONFIG);
	mc_buf_init(&sub->message_id, MC_MAX_HEADER);
	mc_buf_init(&sub->stripped, MC_MAX_CONFIG_LINE);
	mc_buf_init(&sub->own_domain, MC_MAX_DOMAIN + 1);
	*ret_sub = sub;
	return 0;
}

void
mc_submission_free(struct mc_submission *sub)
{
	size_t i;

	if (sub == NULL)
		return;
	for (i = 0; i < sub->raw.n; i++)
		mc_raw_addr_clear(mc_vec_at(&sub->raw, i));
	mc_vec_clear(&sub->raw);
	mc_raw_addr_clear(&sub->sender);
	mc_message_reader_free(sub->reader);
	mc_message_clear(&sub->message);
	mc_spool_clear(&sub->binary);
	mc_envelope_clear(&sub->env);
	mc_plan_clear(&sub->plan);
	mc_buf_clear(&sub->header);
	mc_buf_clear(&sub->message_id);
	mc_buf_clear(&sub->stripped);
	mc_buf_clear(&sub->own_domain);
	mc_mem_free(sub->account_name);
	mc_mem_free(sub->full_name);
	mc_mem_free(sub->envid);
	mc_mem_free(sub->final);
	mc_once_clear(&sub->once);
	mc_store_close(sub->store);
	mc_mem_free(sub);
}

void
mc_submission_set_log(struct mc_submission *sub, enum mc_level most,
    mc_log_fn fn, void *ctx)
{
	sub->log = (struct mc_log){ fn, ctx, most };
}

void
mc_submission_set_cancel(struct mc_submission *sub, int fd)
{
	sub->cancel_fd = fd;
}

void
mc_submission_set_progress(struct mc_submission *sub, mc_progress_fn fn,
    void *ctx)
{
	sub->progress = fn;
	sub->progress_ctx = ctx;
}

void
mc_submission_set_ask(struct mc_submission *sub, mc_ask_fn fn, void *ctx)
{
	sub->once.ask = fn;
	sub->once.ask_ctx = ctx;
}

/*
 * What is set after the plan is made would be left out without a word, a
 * recipient for one.
 */
static int
check_open(const struct mc_submission *sub, struct mc_err *err)
{
	if (!sub->prepared)
		return 0;
	return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
	    "this submission is prepared already: nothing can be added");
}

static int
set_text(char **where, const char *text, struct mc_err *err)
{
	char *copy = mc_mem_strdup(text);

	if (copy == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_mem_free(*where);
	*where = copy;
	return 0;
}

int
mc_submission_set_account(struct mc_submission *sub, const char *name,
    struct mc_err *err)
{
	const struct mc_account *account;

	if (check_open(sub, err) != 0)
		return -1;
	if (mc_config_find(sub->config, name, &account, err) != 0)
		return -1;
	return set_text(&sub->account_name, name, err);
}

int
mc_submission_set_full_name(struct mc_submission *sub, const char *name,
    struct mc_err *err)
{
	if (check_open(sub, err) != 0)
		return -1;
	return set_text(&sub->full_name, name, err);
}

int
mc_submission_put_sender(struct mc_submission *sub, struct mc_str local,
    struct mc_str domain, struct mc_err *err)
{
	if (check_open(sub, err) != 0 ||
	    mc_raw_addr_set(&sub->sender, local, domain, err) != 0)
		return -1;
	sub->has_sender = true;
	return 0;
}

int
mc_submission_set_sender(struct mc_submission *sub, const char *text,
    struct mc_err *err)
{
	struct mc_addr_list list;
	const struct mc_addr *addr;
	int rc = -1;

	if (check_open(sub, err) != 0)
		return -1;
	mc_addr_list_init(&list);
	if (mc_addr_parse(mc_str_from(text), MC_ADDR_NULL_OK, &list,
	    err) != 0) {
		mc_err_ctx(err, "sender");
		goto out;
	}
	if (list.addrs.n > 1) {
		(void)mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "sender: more than one address");
		goto out;
	}
	addr = mc_vec_at(&list.addrs, 0);
	rc = mc_submission_put_sender(sub,
	    addr == NULL ? MC_STR_NONE : addr->local,
	    addr == NULL ? MC_STR_NONE : addr->domain, err);
out:
	mc_addr_list_clear(&list);
	return rc;
}

/* NULL with err */
static struct mc_raw_addr *
add_raw(struct mc_submission *sub, struct mc_str local, struct mc_str domain,
    struct mc_err *err)
{
	struct mc_raw_addr *item;

	if (sub->raw.n >= MC_MAX_RCPTS) {
		(void)mc_err_set(err, MC_E_TOO_MANY_RCPTS, MC_STAGE_LOCAL,
		    "more than %d recipients", MC_MAX_RCPTS);
		return NULL;
	}
	item = mc_vec_add(&sub->raw);
	if (item == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	if (mc_raw_addr_set(item, local, domain, err) != 0) {
		mc_vec_remove(&sub->raw, sub->raw.n - 1);
		return NULL;
	}
	return item;
}

int
mc_submission_put_rcpt(struct mc_submission *sub, struct mc_str local,
    struct mc_str domain, unsigned notify, struct mc_str orcpt,
    struct mc_err *err)
{
	struct mc_raw_addr *item;
	char *copy = NULL;

	if (check_open(sub, err) != 0)
		return -1;
	if (orcpt.len != 0) {
		copy = mc_mem_strndup(orcpt.ptr, orcpt.len);
		if (copy == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
	}
	item = add_raw(sub, local, domain, err);
	if (item == NULL) {
		mc_mem_free(copy);
		return -1;
	}
	item->notify = notify;
	item->orcpt = copy;
	return 0;
}

int
mc_submission_add_rcpt(struct mc_submission *sub, const char *text,
    struct mc_err *err)
{
	struct mc_addr_list list;
	size_t i;
	int rc = -1;

	if (check_open(sub, err) != 0)
		return -1;
	mc_addr_list_init(&list);
	if (mc_addr_parse(mc_str_from(text), MC_ADDR_OPERAND |
	    MC_ADDR_NULL_OK, &list, err) != 0) {
		mc_err_ctx(err, "recipient");
		goto out;
	}
	for (i = 0; i < list.addrs.n; i++) {
		const struct mc_addr *addr = mc_vec_at(&list.addrs, i);
		struct mc_raw_addr *item = add_raw(sub, addr->local,
		    addr->domain, err);

		if (item == NULL)
			goto out;
		item->no_alias = addr->no_alias;
	}
	rc = 0;
out:
	mc_addr_list_clear(&list);
	return rc;
}

void
mc_submission_use_header_rcpts(struct mc_submission *sub, int on)
{
	sub->header_rcpts = on != 0;
}

void
mc_submission_no_aliases(struct mc_submission *sub, int on)
{
	sub->no_aliases = on != 0;
}

void
mc_submission_set_8bit(struct mc_submission *sub, int on)
{
	sub->body_8bit = on != 0;
}

/* RFC 3461 4.4: 100 characters before they become xtext */
static bool
envid_ok(struct mc_str s)
{
	return s.len >= 1 && s.len <= 100 && mc_str_is_ascii(s) &&
	    !mc_str_has_ctl(s);
}

int
mc_submission_set_dsn(struct mc_submission *sub, unsigned notify,
    const char *ret, const char *envid, struct mc_err *err)
{
	const unsigned all = MC_NOTIFY_SUCCESS | MC_NOTIFY_FAILURE |
	    MC_NOTIFY_DELAY;

	if (check_open(sub, err) != 0)
		return -1;
	if ((notify & ~(all | MC_NOTIFY_NEVER)) != 0 ||
	    ((notify & MC_NOTIFY_NEVER) != 0 && notify != MC_NOTIFY_NEVER))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "NOTIFY is never, or some of success, failure, delay");
	if (ret != NULL && strcasecmp(ret, "full") != 0 &&
	    strcasecmp(ret, "hdrs") != 0)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "RET is full or hdrs");
	if (envid != NULL && !envid_ok(mc_str_from(envid)))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "an envelope identifier has 1 to 100 printable ASCII "
		    "characters");
	if (envid != NULL && set_text(&sub->envid, envid, err) != 0)
		return -1;
	sub->notify = notify;
	sub->ret = ret == NULL ? MC_RET_NONE :
	    strcasecmp(ret, "full") == 0 ? MC_RET_FULL : MC_RET_HDRS;
	return 0;
}

int
mc_submission_set_priority(struct mc_submission *sub, int priority,
    struct mc_err *err)
{
	if (check_open(sub, err) != 0)
		return -1;
	if (priority < -9 || priority > 9)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "a priority is a number from -9 to 9");
	sub->has_priority = true;
	sub->priority = priority;
	return 0;
}

int
mc_submission_set_deliver_by(struct mc_submission *sub, const char *text,
    struct mc_err *err)
{
	struct mc_str s = mc_str_from(text);
	size_t n = mc_str_chr(s, ';');
	struct mc_str mode = mc_str_sub(s, n + 1, s.len);
	bool returns = mc_str_starts_nocase(mode, MC_STR("R"));
	bool named = returns || mc_str_starts_nocase(mode, MC_STR("N"));
	struct mc_str trace = mc_str_sub(mode, named ? 1 : 0, mode.len);
	uint64_t seconds;

	if (check_open(sub, err) != 0)
		return -1;
	if (mc_num_u64(mc_str_sub(s, 0, n), 999999999, &seconds) != 0 ||
	    seconds == 0 || (n < s.len && !named) ||
	    (trace.len != 0 && !mc_str_eq_nocase(trace, MC_STR("T"))))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "a time for delivery is 1 to 999999999 seconds, and "
		    "perhaps \";R\" (else return it) or \";N\" (else tell me), "
		    "and a T for a trace");
	sub->by = returns ? MC_BY_RETURN : MC_BY_NOTIFY;
	sub->by_trace = trace.len != 0;
	sub->by_seconds = seconds;
	return 0;
}

int
mc_submission_set_send_at(struct mc_submission *sub, const char *text,
    struct mc_err *err)
{
	if (check_open(sub, err) != 0)
		return -1;
	return mc_when_parse(mc_str_from(text), mc_clock_real_ms() / 1000,
	    &sub->send_at, err);
}

/* ------------------------------------------------------------------- message */

int
mc_submission_write(struct mc_submission *sub, const void *p, size_t n,
    unsigned flags, struct mc_err *err)
{
	if (sub->ended)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "message text after its end");
	if (sub->reader == NULL) {
		sub->reader = mc_message_reader_new(&sub->message,
		    (flags & MC_READ_DOT) != 0, err);
		/* this piece is lost, so no later one may begin the message */
		if (sub->reader == NULL)
			return mc_err_set(&sub->broken, MC_E_NOMEM,
			    MC_STAGE_LOCAL, NULL);
	}
	return mc_message_reader_feed(sub->reader, p, n, err) < 0 ? -1 : 0;
}

int
mc_submission_end(struct mc_submission *sub, struct mc_err *err)
{
	if (sub->ended)
		return 0;
	if (mc_submission_write(sub, "", 0, 0, err) != 0 ||
	    mc_message_reader_end(sub->reader, err) != 0)
		return -1;
	mc_message_reader_free(sub->reader);
	sub->reader = NULL;
	sub->ended = true;
	return 0;
}

int
mc_submission_wait_input(const struct mc_submission *sub, int fd,
    struct mc_err *err)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = sub->cancel_fd, .events = POLLIN },
	};

	if (sub->cancel_fd < 0)
		return 1;
	while (poll(p, 2, -1) < 0)
		if (errno != EINTR)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot wait for the message");
	if (p[1].revents != 0)
		return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    "interrupted while reading the message: nothing was sent");
	return 1;
}

/*
 * All of the input is read even when the message is refused: a caller that
 * writes into a pipe must see our exit status, not SIGPIPE.
 */
int
mc_submission_read(struct mc_submission *sub, int fd, unsigned flags,
    struct mc_err *err)
{
	struct mc_err first = { 0 };
	char *buf = mc_mem_zalloc(1, READ_SIZE);
	ssize_t n;

	if (buf == NULL)
		(void)mc_err_set(&first, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	while (buf != NULL) {
		if (mc_submission_wait_input(sub, fd, &first) < 0)
			break;
		n = mc_file_read(fd, buf, READ_SIZE);
		if (n == 0)
			break;
		if (n < 0) {
			(void)mc_err_sys(&first, MC_E_IO, MC_STAGE_LOCAL,
			    errno, "cannot read the message");
			break;
		}
		if (first.code == MC_OK && mc_submission_write(sub, buf,
		    (size_t)n, flags, &first) != 0)
			continue;
	}
	mc_mem_free(buf);
	if (first.code == MC_OK && mc_submission_end(sub, &first) == 0)
		return 0;
	/* what was read so far must never leave as if it were all */
	if (!mc_err_is_set(&sub->broken))
		sub->broken = first;
	if (err != NULL)
		*err = first;
	return -1;
}

/* ----------------------------------------------------------------- questions */

static int
not_prepared(struct mc_err *err)
{
	return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
	    "the submission is not prepared");
}

int
mc_submission_overview(const struct mc_submission *sub,
    struct mc_overview *ret_overview, struct mc_err *err)
{
	static const char *const modes[] = { "on", "starttls", "off" };
	const struct mc_account *a = sub->account;

	if (!sub->prepared)
		return not_prepared(err);
	memset(ret_overview, 0, sizeof(*ret_overview));
	ret_overview->account = a->name;
	ret_overview->rule = sub->rule;
	ret_overview->host = a->host == NULL ? "" : a->host;
	ret_overview->port = a->port_text;
	ret_overview->tls = modes[a->tls_mode];
	ret_overview->auth = a->auth == NULL ? "auto" : a->auth;
	ret_overview->user = a->user;
	ret_overview->sender = sub->env.sender;
	ret_overview->message_id = sub->message_id.ptr;
	ret_overview->size = sub->header.len + 2 + sub->message.body.size;
	ret_overview->recipients = sub->env.rcpts.n;
	ret_overview->transactions = sub->plan.txns.n;
	ret_overview->hold_until = sub->env.hold_until;
	ret_overview->stripped = sub->stripped.ptr;
	ret_overview->copy_failed = mc_err_is_set(&sub->copy_err) ?
	    sub->copy_err.text : NULL;
	return 0;
}

int
mc_submission_result(const struct mc_submission *sub, size_t i,
    struct mc_result *ret_result)
{
	const struct mc_rcpt *rcpt = mc_envelope_at(&sub->env, i);
	struct mc_err *e = &ret_result->err;

	if (!sub->prepared || rcpt == NULL)
		return -1;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->address = rcpt->addr;
	ret_result->verdict = rcpt->verdict;
	ret_result->blind = rcpt->blind;
	ret_result->transaction = rcpt->txn;
	ret_result->reply = rcpt->reply;
	ret_result->queued = sub->queued && (mc_submission_is_open(rcpt) ||
	    (sub->report_failed && rcpt->verdict == MC_FAILED));
	e->code = rcpt->code;
	e->stage = rcpt->stage;
	e->smtp = rcpt->smtp;
	memcpy(e->enh, rcpt->enh, sizeof(e->enh));
	e->unsure = rcpt->verdict == MC_UNSURE;
	snprintf(e->text, sizeof(e->text), "%s",
	    rcpt->text == NULL ? "" : rcpt->text);
	return 0;
}

const char *
mc_submission_reply(const struct mc_submission *sub)
{
	return sub->final;
}
