/* SPDX-License-Identifier: MIT */
/*
 * report.c - what a person and the system log read
 */
#include "cli.h"

#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

const char *cli_name = "mailchute";

/*
 * One write a line: lines of processes that share a log do not mix.  What the
 * library says is printable; words of the command line need not be, and a web
 * application lets strangers choose some of them.
 */
static void
put_line(int fd, const char *text)
{
	char line[4096];
	int i, n = snprintf(line, sizeof(line), "%s\n", text);

	if (n >= (int)sizeof(line))
		n = (int)sizeof(line) - 1;
	for (i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[n - 1] = '\n';
	while (write(fd, line, (size_t)n) < 0 && errno == EINTR)
		;
}

void
cli_say(const char *fmt, ...)
{
	char text[2048], line[2200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(line, sizeof(line), "%s: %s", cli_name, text);
	put_line(STDERR_FILENO, line);
}

int
cli_fail(const struct mc_err *err)
{
	cli_say("%s", err->text);
	return mc_err_exit(err);
}

void
cli_trace(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text)
{
	int verbose = *(int *)ctx;

	/* states of the engine are for those who look for a bug in it */
	if (verbose < 2 && strncmp(text, "state ", 6) == 0)
		return;
	if (level <= MC_LOG_WARN)
		cli_say("%s", text);
	else if (level == MC_LOG_TRACE)
		put_line(STDERR_FILENO, text);
	else
		cli_say("%s: %s", mc_stage_name(stage), text);
}

static const char *
verdict_word(enum mc_verdict verdict)
{
	switch (verdict) {
	case MC_PENDING:
		return "not tried";
	case MC_DELIVERED:
		return "delivered";
	case MC_FAILED:
		return "failed";
	case MC_DEFERRED:
		return "deferred";
	case MC_UNSURE:
		return "unsure";
	}
	return "?";
}

/* ----------------------------------------------------------------------- log */

/* values of log lines: quotes and backslashes would end them early */
static void
quote(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 3 < size; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n] = '\0';
}

/* RFC 3339 in UTC */
static void
utc(char *out, size_t size, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
}

/* room for a tag of -L */
#define TAG 32

/* the name in the system log; syslog keeps the pointer */
static char ident[TAG + 1] = "mailchute";

/* a log that cannot be written never fails the mail */
static int
open_log_file(const char *log)
{
	int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0600);

	if (fd < 0)
		cli_say("cannot write the log %s: %s", log, strerror(errno));
	return fd;
}

static bool
is_log_file(const char *log)
{
	return log[0] != '\0' && strcmp(log, "off") != 0 &&
	    strcmp(log, "syslog") != 0 && strcmp(log, "stderr") != 0;
}

void
cli_make_log(const char *log)
{
	int fd = is_log_file(log) ? open_log_file(log) : -1;

	if (fd >= 0)
		close(fd);
}

/* for a process that may open nothing any more; else each line opens it, so
 * that it can be turned over */
static int held_log = -1;

void
cli_hold_log(const char *log)
{
	if (is_log_file(log))
		held_log = open_log_file(log);
	else if (strcmp(log, "syslog") == 0)
		openlog(ident, LOG_PID | LOG_NDELAY, LOG_MAIL);
}

/* `fields` are for a journal alone: all of them are in the line too */
static void
log_fields(const char *log, int priority, const char *line,
    const struct cli_field *fields, size_t n)
{
	char now[32], all[3200];
	int fd;

	if (strcmp(log, "syslog") == 0) {
		if (!cli_journal(priority, ident, line, fields, n))
			syslog(priority, "%s", line);
		return;
	}
	if (strcmp(log, "stderr") == 0) {
		put_line(STDERR_FILENO, line);
		return;
	}
	fd = held_log >= 0 ? held_log : open_log_file(log);
	if (fd < 0)
		return;
	utc(now, sizeof(now), (int64_t)time(NULL));
	snprintf(all, sizeof(all), "%s %s[%ld]: %s", now, cli_name,
	    (long)getpid(), line);
	put_line(fd, all);
	if (fd != held_log)
		close(fd);
}

static void
log_line(const char *log, int priority, const char *line)
{
	log_fields(log, priority, line, NULL, 0);
}

void
cli_open_log(const char *tag)
{
	size_t i;

	snprintf(ident, sizeof(ident), "%s", tag != NULL && tag[0] != '\0' ?
	    tag : cli_name);
	for (i = 0; ident[i] != '\0'; i++)
		if ((unsigned char)ident[i] <= 0x20 ||
		    (unsigned char)ident[i] >= 0x7f)
			ident[i] = '?';
	/* in a new process the old descriptor may be something else by now */
	closelog();
	openlog(ident, LOG_PID, LOG_MAIL);
}

/* NULL: nobody has said how, so it shows the domain alone */
static struct mc_mask *mask;

void
cli_log_text(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text)
{
	const char *log = *(const char *const *)ctx;
	char line[3000], copy[3000];
	struct cli_field fields[8];
	size_t n;

	(void)stage;
	if (strcmp(log, "off") == 0 || log[0] == '\0')
		return;
	mc_mask_text(mask, text, NULL, 0, line, sizeof(line));
	snprintf(copy, sizeof(copy), "%s", line);
	n = cli_journal_refusal(copy, fields,
	    sizeof(fields) / sizeof(fields[0]));
	log_fields(log, level <= MC_LOG_ERROR ? LOG_ERR :
	    level == MC_LOG_WARN ? LOG_WARNING : LOG_INFO, line, fields, n);
}

const char *
cli_log_of(const struct cli_identity *id, const struct mc_config *config)
{
	const char *log = cli_config_value(config, "log");
	struct mc_err err = { 0 };
	char line[700];
	int rc;

	if (strcmp(log, "off") == 0 || log[0] == '\0')
		return log;
	mc_mask_free(mask);
	mask = NULL;
	rc = mc_mask_new(&id->caller, config, &mask, &err);
	if (rc != 0) {
		snprintf(line, sizeof(line), "log-addresses = hash: there is no "
		    "key, so only domains are shown: %s", err.text);
		cli_log_text(&log, MC_LOG_WARN, err.stage, line);
	}
	return log;
}

/* what the journal knows such lines by */
#define ATTEMPT_ID "5c2a3f7e0d9b4b66a1e84d07c3f1b92d"

/* x.y.z: of the error, else what stands in the reply */
static void
status_of(const struct mc_run_event *e, char *out, size_t size)
{
	const int *enh = e->err.enh;
	int code, a = 2, b = 0, c = 0;

	if (e->verdict != MC_DELIVERED && enh[0] != 0) {
		snprintf(out, size, "%d.%d.%d", enh[0], enh[1], enh[2]);
		return;
	}
	out[0] = '\0';
	if (e->verdict != MC_DELIVERED)
		return;
	/* three digits are a number always */
	/* NOLINTNEXTLINE(cert-err34-c) */
	if (e->reply == NULL || sscanf(e->reply, "%3d %1d.%3d.%3d", &code, &a,
	    &b, &c) != 4 || a != 2)
		b = c = 0;
	snprintf(out, size, "2.%d.%d", b, c);
}

/* the values of one line, as the log shows them, and not quoted yet */
struct attempt {
	char text[MC_ERR_TEXT + 100];
	char from[300], to[300];
	char next[32], status[32], exit[16], size[32];
};

static void
attempt_fields(const char *log, int priority, const char *line,
    const struct mc_run_event *e, const char *word, const char *msgid,
    const struct attempt *a)
{
	const struct cli_field fields[] = {
		{ "MESSAGE_ID", ATTEMPT_ID },
		{ "MAILCHUTE_ID", e->id },
		{ "MAILCHUTE_ACCOUNT", e->account },
		{ "MAILCHUTE_HOST", e->host },
		{ "MAILCHUTE_SENDER", a->from },
		{ "MAILCHUTE_RECIPIENT", a->to },
		{ "MAILCHUTE_VERDICT", word },
		{ "MAILCHUTE_STATUS", a->status },
		{ "MAILCHUTE_EXIT", a->exit },
		{ "MAILCHUTE_SIZE", a->size },
		{ "MAILCHUTE_NEXT", a->next },
		{ "MAILCHUTE_MESSAGE_ID", msgid },
		{ "MAILCHUTE_REPLY", a->text },
	};

	log_fields(log, priority, line, fields,
	    sizeof(fields) / sizeof(fields[0]));
}

/* one attempt at one recipient: `msgid` or id may be missing */
static void
log_attempt(const char *log, const struct mc_run_event *e, const char *word,
    int status, const char *msgid)
{
	char line[3000], text[700], from[300], to[300], id[400], next[64];
	const char *const known[] = { e->address, e->sender };
	struct attempt a = { .next = "" };
	int priority = strcmp(word, "delivered") == 0 ? LOG_INFO :
	    strcmp(word, "failed") == 0 ? LOG_ERR : LOG_WARNING;

	mc_mask_text(mask, e->verdict != MC_DELIVERED ? e->err.text :
	    e->reply == NULL ? "" : e->reply, known, 2, a.text,
	    sizeof(a.text));
	quote(text, sizeof(text), a.text);
	mc_mask_address(mask, e->sender, a.from, sizeof(a.from));
	quote(from, sizeof(from), a.from);
	mc_mask_address(mask, e->address, a.to, sizeof(a.to));
	quote(to, sizeof(to), a.to);
	id[0] = next[0] = '\0';
	if (msgid != NULL) {
		char quoted[300];

		quote(quoted, sizeof(quoted), msgid);
		snprintf(id, sizeof(id), " msgid=\"%s\"", quoted);
	}
	if (e->next_attempt != 0) {
		utc(a.next, sizeof(a.next), e->next_attempt);
		snprintf(next, sizeof(next), " next=%s", a.next);
	}
	status_of(e, a.status, sizeof(a.status));
	snprintf(a.exit, sizeof(a.exit), "%d", status);
	snprintf(a.size, sizeof(a.size), "%llu", (unsigned long long)e->size);
	snprintf(line, sizeof(line),
	    "account=%s host=%s from=\"%s\" to=\"%s\" verdict=%s exit=%s "
	    "size=%s%s%s%s%s text=\"%s\"", e->account, e->host, from, to,
	    word, a.exit, a.size, id,
	    e->id != NULL ? " id=" : "", e->id != NULL ? e->id : "", next,
	    text);
	attempt_fields(log, priority, line, e, word, msgid, &a);
}

void
cli_log_event(const char *log, const struct mc_run_event *event)
{
	if (log[0] != '\0' && strcmp(log, "off") != 0)
		log_attempt(log, event, verdict_word(event->verdict),
		    mc_err_exit(&event->err), NULL);
}

/* standard error has heard of it */
static void
log_copy(const char *log, const struct mc_overview *o)
{
	char text[700];

	if (o->copy_failed == NULL || strcmp(log, "stderr") == 0)
		return;
	snprintf(text, sizeof(text), "copy-to: %s (message %.100s itself was "
	    "sent)", o->copy_failed, o->message_id == NULL ? "" :
	    o->message_id);
	cli_log_text(&log, MC_LOG_WARN, MC_STAGE_LOCAL, text);
}

void
cli_log_results(const char *log, const struct mc_submission *sub,
    const struct mc_queued *queued)
{
	struct mc_overview o;
	struct mc_result r;
	bool waits;
	size_t i;

	if (log[0] == '\0' || strcmp(log, "off") == 0 ||
	    mc_submission_overview(sub, &o, NULL) != 0)
		return;
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
		struct mc_run_event e = {
			.account = o.account, .host = o.host,
			.sender = o.sender, .address = r.address,
			.verdict = r.verdict, .err = r.err,
			.reply = r.reply, .size = o.size,
		};

		if (r.queued) {
			e.id = queued->id;
			if (r.verdict != MC_FAILED)
				e.next_attempt = queued->next_attempt;
		}
		/* one that failed is there for its report alone */
		waits = r.queued && r.verdict != MC_FAILED;
		log_attempt(log, &e, waits ? "queued" :
		    verdict_word(r.verdict), waits ? 0 : mc_err_exit(&r.err),
		    o.message_id == NULL ? "" : o.message_id);
	}
	log_copy(log, &o);
}

/* ------------------------------------------------------------------- verdicts */

static const char *
advice(enum mc_verdict verdict, enum mc_code code)
{
	if (code == MC_E_NEED_FUTURERELEASE)
		return " (not sent: without a queue, nobody holds it until "
		    "then)";
	switch (verdict) {
	case MC_DEFERRED:
	case MC_PENDING:
		/* time alone does not mend these */
		if (code == MC_E_AUTH_REFUSED || code == MC_E_TLS_CERT ||
		    code == MC_E_AUTH_NOT_OFFERED || code == MC_E_HELPER ||
		    code == MC_E_TLS_NOT_OFFERED)
			return " (not sent)";
		return " (not sent; try again later)";
	case MC_UNSURE:
		return " (may have been delivered: the server took the text "
		    "and gave no verdict)";
	case MC_FAILED:
	case MC_DELIVERED:
		break;
	}
	return "";
}

/* neither delivered nor in the queue */
static bool
is_left(const struct mc_result *r)
{
	return r->verdict != MC_DELIVERED && !r->queued;
}

/*
 * One line when all failed for one reason, else one line for each recipient
 * that failed.
 */
static void
say_verdicts(const struct mc_submission *sub, const struct mc_err *err,
    int status, const struct mc_err *queue_err)
{
	bool both = queue_err->code != MC_OK &&
	    strcmp(queue_err->text, err->text) != 0;
	/* what is about recipients names them */
	size_t i, others = err->stage == MC_STAGE_RCPT;
	struct mc_result r;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (!is_left(&r) || r.verdict == MC_FAILED ||
		    (r.err.code != MC_OK && strcmp(r.err.text, err->text) != 0))
			others++;
	if (others == 0) {
		if (mc_submission_result(sub, 0, &r) == 0)
			cli_say("%s%s%s%s", err->text,
			    both ? "; not queued: " : "",
			    both ? queue_err->text : "",
			    status == EX_TEMPFAIL ||
		    err->code == MC_E_NEED_FUTURERELEASE ?
			    advice(r.verdict, err->code) : "");
		return;
	}
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (is_left(&r))
			cli_say("%s: %s%s", r.address, r.err.text,
			    advice(r.verdict, r.err.code));
	if (both)
		cli_say("not queued: %s", queue_err->text);
}

/*
 * What the queued recipients have in common, or what the first one has; ""
 * if nothing was tried.
 */
static void
queue_reason(const struct mc_submission *sub, char *out, size_t size)
{
	struct mc_result first = { 0 }, r;
	size_t i, n = 0, all = 0, other = 0;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
		all++;
		if (!r.queued)
			continue;
		if (n++ == 0)
			first = r;
		else
			other += strcmp(r.err.text, first.err.text) != 0;
	}
	if (n == 0 || first.err.code == MC_OK)
		out[0] = '\0';
	else if (n == all && other == 0 && first.err.stage != MC_STAGE_RCPT)
		snprintf(out, size, ": %s", first.err.text);
	else if (n == 1)
		snprintf(out, size, ": %s: %s", first.address,
		    first.err.text);
	else
		snprintf(out, size, ": %s and %zu more: %s", first.address,
		    n - 1, first.err.text);
}

void
cli_minute(int64_t when, char *out, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (localtime_r(&t, &tm) == NULL ||
	    strftime(out, size, "%Y-%m-%d %H:%M", &tm) == 0)
		snprintf(out, size, "an unknown time");
}

/* that it waits is what was asked for, and needs no reason */
static void
say_timed(const struct mc_submission *sub, const struct cli_outcome *outcome,
    const char *reason)
{
	struct mc_result r;
	char when[64];
	size_t i;

	if (!outcome->watched)
		return;
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.queued && r.err.code == MC_E_NEED_FUTURERELEASE)
			reason = "";
	cli_minute(outcome->queued.hold_until, when, sizeof(when));
	cli_say("queued until %s as %s%s", when, outcome->queued.id, reason);
}

static void
say_queued(const struct mc_submission *sub, const struct cli_outcome *outcome)
{
	const struct mc_queued *queued = &outcome->queued;
	char reason[MC_ERR_TEXT + 400], when[64];

	queue_reason(sub, reason, sizeof(reason));
	if (queued->hold_until > (int64_t)time(NULL)) {
		say_timed(sub, outcome, reason);
		return;
	}
	if (reason[0] == '\0') {
		if (outcome->verbose)
			cli_say("queued as %s", queued->id);
		return;
	}
	if (!outcome->watched)
		return;
	cli_minute(queued->next_attempt, when, sizeof(when));
	cli_say("queued as %s%s, next try at %s", queued->id, reason, when);
}

/* nobody can take it back any more: somebody may want to know that */
static void
say_held(const struct mc_submission *sub)
{
	struct mc_overview o;
	struct mc_result r;
	char when[64];
	size_t i;

	if (mc_submission_overview(sub, &o, NULL) != 0 || o.hold_until == 0)
		return;
	cli_minute(o.hold_until, when, sizeof(when));
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.verdict == MC_DELIVERED) {
			cli_say("the server holds it until %s", when);
			return;
		}
}

/* every recipient has it, is in the queue, or is in the report */
static bool
is_all_told(const struct mc_submission *sub,
    const struct cli_outcome *outcome)
{
	struct mc_result r;
	size_t i, failed = 0;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
		failed += r.verdict == MC_FAILED;
		if (r.verdict != MC_FAILED && is_left(&r))
			return false;
	}
	return outcome->report.recipients == failed;
}

static void
log_report(const char *log, const struct mc_submission *sub,
    const struct cli_outcome *outcome)
{
	struct mc_overview o;
	char line[900], to[300], masked[MC_ERR_TEXT + 100];

	if (log[0] == '\0' || strcmp(log, "off") == 0 ||
	    mc_submission_overview(sub, &o, NULL) != 0)
		return;
	if (outcome->report.recipients != 0) {
		mc_mask_address(mask, o.sender, masked, sizeof(masked));
		quote(to, sizeof(to), masked);
		snprintf(line, sizeof(line), "report id=%s to=\"%s\" about "
		    "%zu refused", outcome->report.id, to,
		    outcome->report.recipients);
		log_line(log, LOG_WARNING, line);
	} else if (outcome->report_err.code != MC_OK) {
		mc_mask_text(mask, outcome->report_err.text, &o.sender, 1,
		    masked, sizeof(masked));
		snprintf(line, sizeof(line), "no report to the sender: %s",
		    masked);
		log_line(log, LOG_ERR, line);
	}
}

int
cli_report(const struct mc_submission *sub, const struct cli_outcome *outcome,
    const char *log)
{
	struct mc_err err = { 0 };
	struct mc_result r;
	bool failed = false;
	int status = 0;
	size_t i;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		failed = failed || r.verdict == MC_FAILED;
	if (mc_submission_status(sub, &err) != 0)
		status = mc_err_exit(&err);
	/* whatever keeps it out of the queue, the caller has to try again */
	if (outcome->queue_err.code != MC_OK && !failed)
		status = EX_TEMPFAIL;
	if (outcome->report_is_enough && is_all_told(sub, outcome))
		status = 0;
	if (outcome->queued.recipients != 0 && !outcome->quiet)
		say_queued(sub, outcome);
	if (outcome->watched && !outcome->quiet)
		say_held(sub);
	if (status != 0 && !outcome->quiet)
		say_verdicts(sub, &err, status, &outcome->queue_err);
	cli_log_results(log, sub, &outcome->queued);
	log_report(log, sub, outcome);
	return status;
}
