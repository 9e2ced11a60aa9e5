/* SPDX-License-Identifier: MIT */
/*
 * sendmail.c - take a message from standard input and submit it
 */
#include "cli.h"

#include "term.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void
cli_drain(void)
{
	struct pollfd p[2] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = cli_cancel_fd(), .events = POLLIN },
	};
	char buf[65536];
	ssize_t n;

	if (isatty(STDIN_FILENO))
		return;
	/* the handler only leaves a note: without a look at it, a writer that
	 * never ends would make us immune to SIGTERM */
	do {
		n = -1;
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents != 0)
			return;
		n = read(STDIN_FILENO, buf, sizeof(buf));
	} while (n > 0 || (n < 0 && errno == EINTR));
}

const char *
cli_config_value(const struct mc_config *config, const char *key)
{
	struct mc_value v;
	size_t i;

	for (i = 0; mc_config_value(config, mc_config_account(config, 0), i,
	    &v, NULL) == 0; i++)
		if (strcmp(v.key, key) == 0)
			return v.value == NULL ? "" : v.value;
	return "";
}

/* keep it until it can be said and logged; returns its exit status */
static int
problem(struct cli_options *o, const struct mc_err *err)
{
	snprintf(o->problem, sizeof(o->problem), "%s", err->text);
	return mc_err_exit(err);
}

/*
 * Under the names that other programs call, strangers may have put words on
 * the command line: PHP's mail() has a parameter for them.
 */
static bool
is_called_by_programs(void)
{
	return strcmp(cli_name, "mailchute") != 0;
}

/* 0 or an exit status, with the problem in o */
static int
load_config(const struct cli_identity *id, struct cli_options *o,
    struct mc_config **ret_config)
{
	struct mc_err err = { 0 };
	size_t i;

	if (mc_config_load(&id->caller, o->config, NULL, NULL, ret_config,
	    &err) != 0)
		return problem(o, &err);
	if (o->config != NULL && is_called_by_programs() &&
	    mc_config_distrust(*ret_config, &err) != 0) {
		/* not for the log either: it may name any file */
		mc_config_free(*ret_config);
		*ret_config = NULL;
		return problem(o, &err);
	}
	for (i = 0; i < o->n_sets; i++)
		if (mc_config_set(*ret_config, o->sets[i].key,
		    o->sets[i].value, &err) != 0) {
			(void)problem(o, &err);
			return EX_USAGE;
		}
	return 0;
}

/*
 * A word that begins with '-' is an address only behind "--" and when it is
 * one in full: PHP's mail() and others let strangers choose such words.
 */
static int
check_operand(struct cli_options *o, const char *word)
{
	if (word[0] != '-' || (o->after_dashes && strchr(word, '@') != NULL &&
	    strchr(word, '/') == NULL))
		return 0;
	snprintf(o->problem, sizeof(o->problem), "%.200s: options stand before "
	    "the first recipient; an address that begins with - stands behind "
	    "--", word);
	return EX_USAGE;
}

static int
check_sender(struct cli_options *o)
{
	if (o->sender == NULL || o->sender[0] != '-' ||
	    strchr(o->sender, '@') != NULL)
		return 0;
	snprintf(o->problem, sizeof(o->problem), "-f %.200s: this looks like "
	    "an option, not like an address", o->sender);
	return EX_USAGE;
}

/* one digit, with or without a sign; what is none is no priority either */
static int
number(const char *text)
{
	int sign = text[0] == '-' ? -1 : 1;
	const char *p = text + (text[0] == '-' || text[0] == '+');

	if (p[0] < '0' || p[0] > '9' || p[1] != '\0')
		return 10;
	return sign * (p[0] - '0');
}

static int
set_up(struct mc_submission *sub, const struct cli_options *o,
    struct mc_err *err)
{
	int i;

	if (o->account != NULL &&
	    mc_submission_set_account(sub, o->account, err) != 0)
		return -1;
	if (o->sender != NULL &&
	    mc_submission_set_sender(sub, o->sender, err) != 0)
		return -1;
	if (o->full_name != NULL &&
	    mc_submission_set_full_name(sub, o->full_name, err) != 0)
		return -1;
	if ((o->notify != 0 || o->ret != NULL || o->envid != NULL) &&
	    mc_submission_set_dsn(sub, o->notify, o->ret, o->envid, err) != 0)
		return -1;
	if (o->deliver_by != NULL &&
	    mc_submission_set_deliver_by(sub, o->deliver_by, err) != 0)
		return -1;
	if (o->priority != NULL && mc_submission_set_priority(sub,
	    number(o->priority), err) != 0)
		return -1;
	if (o->send_at != NULL &&
	    mc_submission_set_send_at(sub, o->send_at, err) != 0)
		return -1;
	for (i = 0; i < o->n_operands; i++)
		if (mc_submission_add_rcpt(sub, o->operands[i], err) != 0)
			return -1;
	mc_submission_use_header_rcpts(sub, o->header_rcpts);
	mc_submission_no_aliases(sub, o->no_aliases);
	mc_submission_set_8bit(sub, o->body_8bit);
	return 0;
}

static void
show_transactions(const struct mc_submission *sub, size_t n)
{
	struct mc_result r;
	size_t t, i;
	bool first;

	for (t = 0; t < n; t++) {
		printf("transaction %zu:", t + 1);
		first = true;
		for (i = 0; mc_submission_result(sub, i, &r) == 0; i++) {
			if (r.transaction != t)
				continue;
			printf("%s %s%s", first ? "" : ",", r.address,
			    r.blind ? " (blind)" : "");
			first = false;
		}
		printf("\n");
	}
}

static int
show_plan(const struct mc_submission *sub, struct mc_err *err)
{
	struct mc_overview o;
	char when[64];

	if (mc_submission_overview(sub, &o, err) != 0)
		return -1;
	printf("account:      %s (%s)\n", o.account, o.rule);
	if (o.host[0] == '/')
		printf("server:       %s\n", o.host);
	else
		printf("server:       %s, port %s, tls %s\n",
		    o.host[0] == '\0' ? "(none configured)" : o.host, o.port,
		    o.tls);
	if (o.user != NULL)
		printf("log-in:       as %s, auth %s\n", o.user, o.auth);
	if (o.hold_until != 0) {
		cli_minute(o.hold_until, when, sizeof(when));
		printf("to be sent:   %s\n", when);
	}
	printf("sender:       <%s>\n", o.sender);
	printf("message:      %llu bytes, Message-ID %s\n",
	    (unsigned long long)o.size, o.message_id);
	if (o.stripped[0] != '\0')
		printf("removed:      %s\n", o.stripped);
	show_transactions(sub, o.transactions);
	fflush(stdout);
	return 0;
}

/* --------------------------------------------------------------- delivery */

/* how a message goes */
enum way {
	WAY_SEND,		/* without a queue */
	WAY_TRY,
	WAY_QUEUE,
	WAY_BACKGROUND
};

static enum way
choose_way(const struct cli_options *o, int queue_mode)
{
	if (queue_mode == 1)
		return WAY_SEND;
	switch (o->delivery) {
	case CLI_NOW:
		return WAY_TRY;
	case CLI_BACKGROUND:
		return WAY_BACKGROUND;
	case CLI_QUEUE:
		return WAY_QUEUE;
	case CLI_AS_CONFIGURED:
		break;
	}
	return queue_mode == 2 ? WAY_BACKGROUND : WAY_TRY;
}

/* a message that was not taken: said and logged, for an exit status */
static int
fail(const struct cli_options *o, const char *log, const struct mc_err *err)
{
	bool quiet = o->errors == CLI_ERRORS_QUIET;

	if (!quiet)
		(void)cli_fail(err);
	/* one of them is enough */
	if (quiet || strcmp(log, "stderr") != 0)
		cli_log_text(&log, MC_LOG_ERROR, err->stage, err->text);
	return mc_err_exit(err);
}

/* whoever says "only" does not want it sent instead; 0 or an exit status */
static int
check_queue_only(const struct mc_submission *sub, const struct cli_options *o)
{
	struct mc_overview overview;

	if (!o->queue_only || o->delivery != CLI_QUEUE ||
	    mc_submission_queue_mode(sub) != 1 ||
	    mc_submission_overview(sub, &overview, NULL) != 0 ||
	    overview.host[0] == '\0')
		return 0;
	cli_say("--queue-only: account %s has queue = off; nothing was sent",
	    overview.account);
	return EX_USAGE;
}

static int
ask_password(void *ctx, const char *account, const char *user,
    const char *host, char *answer, size_t size)
{
	char question[512];

	(void)ctx;
	(void)account;
	snprintf(question, sizeof(question), "Password for %.200s at %.200s",
	    user, host);
	return cli_ask_secret(question, answer, size);
}

/* what came of it is in the submission */
static void
deliver(struct mc_submission *sub, enum way way, struct cli_outcome *outcome)
{
	/* somebody who has just mended the password wants to see it work */
	unsigned flags = outcome->watched ? MC_ADMIT_REFUSED : 0;
	struct mc_err err = { 0 };
	bool may = way == WAY_SEND || (way == WAY_TRY &&
	    mc_submission_admit(sub, flags, &err) == 0);

	if (may && cli_can_ask())
		mc_submission_set_ask(sub, ask_password, NULL);
	if (may && mc_submission_send(sub, &err) == 0)
		return;
	if (way != WAY_SEND && mc_submission_queue(sub, &outcome->queued,
	    &outcome->queue_err) != 0)
		outcome->queued.recipients = 0;
}

/* the server is there: what waits for it can go */
static bool
has_delivered(const struct mc_submission *sub)
{
	struct mc_result r;
	size_t i;

	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		if (r.verdict == MC_DELIVERED)
			return true;
	return false;
}

/* in the queue, and a run can do something about it */
static bool
is_due(const struct mc_queued *queued)
{
	return queued->recipients != 0 && queued->hold_until <= time(NULL);
}

static bool
wants_run(const struct mc_submission *sub, enum way way,
    const struct cli_outcome *outcome)
{
	if (cli_cancelled())
		return false;
	if (outcome->report.recipients != 0)
		return true;
	switch (way) {
	case WAY_TRY:
		/* its time may have come while the server was asked */
		return has_delivered(sub) ||
		    (outcome->queued.hold_until != 0 &&
		    is_due(&outcome->queued));
	case WAY_BACKGROUND:
		return is_due(&outcome->queued);
	case WAY_SEND:
	case WAY_QUEUE:
		break;
	}
	return false;
}

/* -oem and its like: whoever reads no terminal reads a mail */
static void
mail_report(struct mc_submission *sub, const struct cli_options *o,
    struct cli_outcome *outcome)
{
	if (isatty(STDERR_FILENO) || (o->errors != CLI_ERRORS_MAIL &&
	    o->errors != CLI_ERRORS_WRITE && o->errors != CLI_ERRORS_EXIT))
		return;
	if (mc_submission_report(sub, &outcome->report,
	    &outcome->report_err) != 0)
		outcome->report.recipients = 0;
	else if (outcome->report.recipients != 0)
		outcome->report_is_enough = o->errors == CLI_ERRORS_EXIT;
}

/* what is known once the message is complete; 0 or an exit status, said */
static int
read_message(struct mc_submission *sub, const struct cli_options *o,
    const char *log)
{
	struct mc_err err = { 0 };

	if (set_up(sub, o, &err) != 0) {
		int status = fail(o, log, &err);

		cli_drain();
		return status;
	}
	if (o->fill != NULL && o->fill(o->fill_ctx, sub, &err) != 0) {
		int status = fail(o, log, &err);

		cli_drain();
		return status;
	}
	if ((o->fill == NULL && mc_submission_read(sub, STDIN_FILENO,
	    o->ignore_dots ? 0 : MC_READ_DOT, &err) != 0) ||
	    mc_submission_prepare(sub, &err) != 0)
		return fail(o, log, &err);
	return check_queue_only(sub, o);
}

static int
submit(const struct cli_identity *id, const struct cli_options *o,
    const struct mc_config *config)
{
	/* who only looks leaves nothing behind, no key either */
	const char *log = o->dry_run ? cli_config_value(config, "log") :
	    cli_log_of(id, config);
	struct cli_outcome outcome = { 0 };
	struct cli_progress progress = { 0 };
	int verbose = o->verbose;
	struct mc_submission *sub = NULL;
	struct mc_err err = { 0 };
	enum way way = WAY_SEND;
	bool run = false;
	int status;

	if (mc_submission_new(&id->caller, config, &sub, &err) != 0) {
		status = fail(o, log, &err);
		cli_drain();
		return status;
	}
	mc_submission_set_log(sub, verbose != 0 ? MC_LOG_TRACE : MC_LOG_WARN,
	    cli_trace, &verbose);
	mc_submission_set_cancel(sub, cli_cancel_fd());
	status = read_message(sub, o, log);
	if (status == 0 && o->dry_run) {
		status = show_plan(sub, &err) != 0 ? cli_fail(&err) : 0;
	} else if (status == 0) {
		outcome.quiet = o->errors == CLI_ERRORS_QUIET;
		outcome.verbose = verbose != 0;
		outcome.watched = verbose != 0 || isatty(STDERR_FILENO);
		way = choose_way(o, mc_submission_queue_mode(sub));
		if (o->progress && verbose == 0)
			cli_progress_begin(&progress, sub);
		deliver(sub, way, &outcome);
		cli_progress_end(&progress);
		if (way == WAY_SEND || way == WAY_TRY)
			mail_report(sub, o, &outcome);
		status = cli_report(sub, &outcome, log);
		run = wants_run(sub, way, &outcome);
	}
	mc_submission_free(sub);
	if (run)
		cli_background_run(id, config, o->tag, log,
		    way == WAY_BACKGROUND ||
		    outcome.report.recipients != 0);
	return status;
}

static void
on_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	(void)ctx;
	(void)file;
	(void)line;
	cli_say("%s", problem->text);
}

/* a key of the account that was chosen; "" if it is unset */
static const char *
account_value(const struct mc_config *config, const char *account,
    const char *key)
{
	struct mc_value v;
	size_t i;

	for (i = 0; mc_config_value(config, account, i, &v, NULL) == 0; i++)
		if (strcmp(v.key, key) == 0)
			return v.value;
	return "";
}

/* the file is read at each use: nothing to build, but something to check */
static int
check_aliases(const struct cli_options *o, const struct mc_config *config)
{
	const char *file = account_value(config, o->account, "aliases");
	struct mc_err err = { 0 };

	if (mc_config_check_aliases(config, o->account, on_problem, NULL,
	    &err) != 0)
		return EX_CONFIG;
	if (o->verbose == 0 && !isatty(STDOUT_FILENO))
		return 0;
	if (file[0] == '\0')
		printf("no aliases file is configured\n");
	else
		printf("%s: no mistake found; it is read at each use\n",
		    file);
	return 0;
}

static int
run_mode(const struct cli_identity *id, const struct cli_options *o,
    const struct mc_config *config)
{
	switch (o->mode) {
	case CLI_SEND:
		return submit(id, o, config);
	case CLI_ALIASES:
		return check_aliases(o, config);
	case CLI_MAILQ:
		return cli_mailq(id, config, o->account);
	case CLI_COUNT:
		return cli_count(id, config);
	case CLI_VERIFY:
		return cli_verify(id, config, o);
	case CLI_FLUSH:
		return cli_flush(id, config, o);
	case CLI_SMTP:
		return cli_smtp(id, o, config);
	case CLI_INTERVAL:
	case CLI_NOTHING:
	case CLI_HELP:
	case CLI_HELP_ALL:
	case CLI_VERSION:
		break;
	}
	return EX_SOFTWARE;
}

/*
 * Who calls us may keep no line of what we say: an error that comes before
 * there is a configuration goes to the log of the usual one.
 */
static void
log_early(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *o)
{
	struct mc_config *usual = NULL;
	const char *log = "syslog";

	if (config == NULL && mc_config_load(&id->caller, NULL, NULL, NULL,
	    &usual, NULL) == 0)
		config = usual;
	if (config != NULL)
		log = cli_log_of(id, config);
	if (strcmp(log, "stderr") != 0)
		cli_log_text(&log, MC_LOG_ERROR, MC_STAGE_LOCAL, o->problem);
	mc_config_free(usual);
}

int
cli_run(const struct cli_identity *id, struct cli_options *o)
{
	struct mc_config *config = NULL;
	int i, status = check_sender(o);

	for (i = 0; status == 0 && i < o->n_operands; i++)
		status = check_operand(o, o->operands[i]);
	if (status == 0)
		status = load_config(id, o, &config);
	if (status == 0) {
		status = run_mode(id, o, config);
	} else {
		cli_say("%s", o->problem);
		if (o->mode == CLI_SEND) {
			log_early(id, config, o);
			cli_drain();
		}
	}
	mc_config_free(config);
	return status;
}

static int
wrong_options(const struct cli_identity *id, struct cli_options *o, int status)
{
	cli_open_log(o->tag);
	cli_say("%s", o->problem);
	/* what runs a daemon (-bd) may hold its input open for ever, and shows
	 * nobody what we say */
	if (o->mode == CLI_SEND || o->mode == CLI_NOTHING)
		log_early(id, NULL, o);
	if (o->mode == CLI_SEND)
		cli_drain();
	return status;
}

int
cli_sendmail(const struct cli_identity *id, int argc, char **argv)
{
	struct cli_options o = { 0 };
	int status;

	if (strcmp(cli_name, "mailq") == 0)
		o.mode = CLI_MAILQ;
	else if (strcmp(cli_name, "newaliases") == 0)
		o.mode = CLI_ALIASES;
	status = cli_options_parse(argc, argv, &o);
	if (status != 0) {
		status = wrong_options(id, &o, status);
		goto out;
	}
	cli_open_log(o.tag);
	if (o.problem[0] != '\0')
		cli_say("%s", o.problem);
	switch (o.mode) {
	case CLI_SEND:
	case CLI_ALIASES:
	case CLI_MAILQ:
	case CLI_COUNT:
	case CLI_VERIFY:
	case CLI_FLUSH:
	case CLI_SMTP:
		status = cli_run(id, &o);
		break;
	case CLI_INTERVAL:
		cli_hint_interval();
		break;
	case CLI_NOTHING:
		break;
	case CLI_HELP:
	case CLI_HELP_ALL:
		cli_help(stdout, o.mode == CLI_HELP_ALL);
		break;
	case CLI_VERSION:
		printf("mailchute %s\n", mc_version());
		break;
	}
out:
	cli_options_clear(&o);
	return status;
}
