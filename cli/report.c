/* SPDX-License-Identifier: MIT */
/*
 * report.c - what a person and the system log read
 */
#include "cli.h"

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

static void
log_line(const char *log, int priority, const char *line)
{
	char stamp[64], all[3200];
	struct tm tm;
	time_t now = time(NULL);
	int fd;

	if (strcmp(log, "syslog") == 0) {
		syslog(priority, "%s", line);
		return;
	}
	if (strcmp(log, "stderr") == 0) {
		put_line(STDERR_FILENO, line);
		return;
	}
	/* a log that cannot be written never fails the mail */
	fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY |
	    O_NONBLOCK, 0600);
	if (fd < 0) {
		cli_say("cannot write the log %s: %s", log, strerror(errno));
		return;
	}
	if (gmtime_r(&now, &tm) == NULL || strftime(stamp, sizeof(stamp),
	    "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		stamp[0] = '\0';
	snprintf(all, sizeof(all), "%s %s[%ld]: %s", stamp, cli_name,
	    (long)getpid(), line);
	put_line(fd, all);
	close(fd);
}

static void
log_result(const char *log, const struct mc_overview *o,
    const struct mc_result *r)
{
	char line[3000], reply[700], from[300], to[300], id[300];

	quote(reply, sizeof(reply), r->verdict == MC_DELIVERED ?
	    (r->reply == NULL ? "" : r->reply) : r->err.text);
	quote(from, sizeof(from), o->sender);
	quote(to, sizeof(to), r->address);
	quote(id, sizeof(id), o->message_id == NULL ? "" : o->message_id);
	snprintf(line, sizeof(line),
	    "account=%s host=%s from=\"%s\" to=\"%s\" verdict=%s exit=%d "
	    "size=%llu msgid=\"%s\" text=\"%s\"", o->account, o->host, from,
	    to, verdict_word(r->verdict), mc_err_exit(&r->err),
	    (unsigned long long)o->size, id, reply);
	log_line(log, r->verdict == MC_DELIVERED ? LOG_INFO :
	    r->verdict == MC_FAILED ? LOG_ERR : LOG_WARNING, line);
}

/* ------------------------------------------------------------------- verdicts */

static const char *
advice(enum mc_verdict verdict, enum mc_code code)
{
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

/*
 * One line when all failed for one reason, else one line for each recipient
 * that failed.
 */
static void
say_verdicts(const struct mc_submission *sub, const struct mc_err *err)
{
	struct mc_result r;
	/* what is about recipients names them */
	size_t i, others = err->stage == MC_STAGE_RCPT;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.verdict == MC_DELIVERED || r.verdict == MC_FAILED ||
		    strcmp(r.err.text, err->text) != 0)
			others++;
	if (others == 0) {
		if (mc_submission_result(sub, 0, &r) == 0)
			cli_say("%s%s", err->text,
			    mc_err_exit(err) == EX_TEMPFAIL ?
			    advice(r.verdict, err->code) : "");
		return;
	}
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.verdict != MC_DELIVERED)
			cli_say("%s: %s%s", r.address, r.err.text,
			    advice(r.verdict, r.err.code));
}

int
cli_report(const struct mc_submission *sub, const struct mc_err *err,
    const char *log, bool quiet)
{
	struct mc_overview o;
	struct mc_result r;
	size_t i;

	if (err->code != MC_OK && !quiet)
		say_verdicts(sub, err);
	if (log[0] != '\0' && strcmp(log, "off") != 0 &&
	    mc_submission_overview(sub, &o, NULL) == 0)
		for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
			log_result(log, &o, &r);
	return mc_err_exit(err);
}
