/* SPDX-License-Identifier: MIT */
/*
 * cli.h - what the parts of the command share
 */
#ifndef MC_CLI_H
#define MC_CLI_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sysexits.h>

#include "mailchute.h"

/* in a table that holds texts and no pointers to them, what does not fit is an
 * error */
#define CLI_FITS(text, type, field) \
	_Static_assert(sizeof(text) <= sizeof(((struct type *)0)->field), \
	    "too long: " text);

/* ----------------------------------------------------------------- identity */

/* who runs us; filled once by cli_identity, strings live to the end */
struct cli_identity {
	struct mc_caller caller;
	char login[256];
	char home[4096];
	char full_name[256];
	char hostname[256];
	char mailname[256];
};

void
cli_identity(struct cli_identity *id, char **envp);

/* ------------------------------------------------------------------ options */

enum cli_mode {
	CLI_SEND,
	CLI_MAILQ,
	CLI_COUNT,		/* -bP */
	CLI_ALIASES,
	CLI_VERIFY,		/* -bv */
	CLI_FLUSH,		/* -q */
	CLI_SMTP,		/* -bs */
	CLI_INTERVAL,		/* -q30m: nothing to do, but a hint to give */
	CLI_NOTHING,		/* accepted, nothing to do */
	CLI_HELP,
	CLI_HELP_ALL,
	CLI_VERSION
};

/* -od, --queue-only */
enum cli_delivery {
	CLI_AS_CONFIGURED,
	CLI_NOW,		/* try, queue what is left */
	CLI_BACKGROUND,		/* queue, then deliver in the background */
	CLI_QUEUE		/* queue alone */
};

/* -oe: how to tell of failures */
enum cli_errors {
	CLI_ERRORS_DEFAULT,	/* as -oep */
	CLI_ERRORS_PRINT,
	CLI_ERRORS_QUIET,
	CLI_ERRORS_MAIL,
	CLI_ERRORS_WRITE,
	CLI_ERRORS_EXIT		/* -oee */
};

struct cli_pair {
	const char *key;	/* owned by the option list */
	const char *value;
};

/* -qI, -qR, -qS: which messages a run of the queue is about */
struct cli_limit {
	char what;		/* 'I', 'R' or 'S' */
	bool without;		/* with '!' in front */
	const char *text;
};

#define CLI_PROBLEM 768

struct cli_options {
	enum cli_mode mode;
	bool header_rcpts;	/* -t */
	bool ignore_dots;	/* -i */
	bool no_aliases;	/* -n */
	bool body_8bit;		/* -B8BITMIME */
	bool dry_run;
	bool show_version;	/* -d0.1 */
	int verbose;
	enum cli_errors errors;
	enum cli_delivery delivery;
	bool queue_only;	/* --queue-only */
	const char *sender;	/* -f, -r; NULL: not given */
	const char *full_name;	/* -F */
	const char *account;	/* -a */
	const char *config;	/* -C */
	const char *tag;	/* -L */
	unsigned notify;	/* -N */
	const char *ret;	/* -R */
	const char *envid;	/* -V */
	const char *priority;	/* --priority */
	const char *deliver_by;	/* --deliver-by */
	const char *send_at;	/* --send-at */
	struct cli_pair *sets;	/* --KEY=VALUE */
	size_t n_sets;
	struct cli_limit *limits;
	size_t n_limits;
	char **operands;
	int n_operands;
	bool after_dashes;	/* "--" was there */
	char problem[CLI_PROBLEM];	/* what was wrong, or "" */
	/* makes the message in place of reading it; 0, or -1 with err; NULL:
	 * read it from standard input */
	int (*fill)(void *ctx, struct mc_submission *sub, struct mc_err *err);
	void *fill_ctx;
	bool progress;		/* show it, where it can be seen */
};

/*
 * Parse argv in sendmail's manner: clusters, attached and separate values, the
 * first operand ends the options.  0, or an exit status; `problem` says what is
 * wrong, and after 0 what was left out.  All strings point into argv, of which
 * "--KEY=VALUE" is cut into two.  In both cases cli_options_clear is due, and
 * `mode` is the one that the words so far have chosen.
 */
int
cli_options_parse(int argc, char **argv, struct cli_options *ret_options);

void
cli_options_clear(struct cli_options *options);

/* what one needs most, on a screen; or all there is */
void
cli_help(FILE *out, bool all);

/* the part of a row's help that a screen has room for: up to a semicolon */
int
cli_help_len(const char *help);

/* name of a subcommand; NULL past the end */
const char *
cli_command_at(size_t i, const char **ret_help);

/* ------------------------------------------------------------------- report */

/* the name in front of every message */
extern const char *cli_name;

/* "name: text", one line on standard error */
void
cli_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* an error of the library; returns its exit status */
int
cli_fail(const struct mc_err *err);

/* what was done with a message */
struct cli_outcome {
	struct mc_queued queued;	/* recipients 0: nothing was queued */
	struct mc_err queue_err;	/* why it could not be queued */
	struct mc_queued report;	/* to the sender; recipients 0: none */
	struct mc_err report_err;	/* why there is none */
	bool report_is_enough;	/* -oee: who is in it has not failed */
	bool quiet;		/* nothing on standard error */
	bool watched;		/* somebody is there to read */
	bool verbose;
};

/* "2026-12-24 18:00", of the local zone */
void
cli_minute(int64_t when, char *out, size_t size);

/* verdicts to standard error and to the log; returns the exit status */
int
cli_report(const struct mc_submission *sub, const struct cli_outcome *outcome,
    const char *log);

/*
 * Where the log goes, and from now on addresses appear in it as the
 * configuration says; until then as their domain alone.  The string belongs to
 * the configuration.
 */
const char *
cli_log_of(const struct cli_identity *id, const struct mc_config *config);

/* one line for each recipient in the log */
void
cli_log_results(const char *log, const struct mc_submission *sub,
    const struct mc_queued *queued);

/* the same line in the log for what a run of the queue did */
void
cli_log_event(const char *log, const struct mc_run_event *event);

/* mc_log_fn for those whom nobody watches; ctx points to the log's name */
void
cli_log_text(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text);

/* a log that is a file is there afterwards, for those who may make none */
void
cli_make_log(const char *log);

/* for a process that will soon be able to open nothing */
void
cli_hold_log(const char *log);

/* name in the system log; NULL: that of the program */
void
cli_open_log(const char *tag);

/* mc_log_fn for -v: the dialogue to standard error */
void
cli_trace(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text);

/* ----------------------------------------------------------------- progress */

/* one line on standard error, written anew until it is erased */
struct cli_progress {
	size_t width;		/* of what is there now */
	int64_t shown;		/* when, in ms */
	int verbose;
	char line[80];		/* no line is longer */
};

/*
 * Show how sending a message of more than 1 MB goes, if standard error is a
 * terminal; `p` lives until cli_progress_end, which takes the line away.
 */
void
cli_progress_begin(struct cli_progress *p, struct mc_submission *sub);

void
cli_progress_end(struct cli_progress *p);

/* ----------------------------------------------------------------- commands */

/* sendmail -bs: an SMTP session on standard input and output */
int
cli_smtp(const struct cli_identity *id, const struct cli_options *o,
    const struct mc_config *config);

int
cli_sendmail(const struct cli_identity *id, int argc, char **argv);

/* do what the options say, once the configuration is read */
int
cli_run(const struct cli_identity *id, struct cli_options *o);

/* "send --to ..."; argv[0] is "send" */
int
cli_send(const struct cli_identity *id, int argc, char **argv);

/* "config check", "config show"; argv[0] is "config" */
int
cli_config(const struct cli_identity *id, int argc, char **argv);

/* the configuration; every problem in it is said.  0, or an exit status */
int
cli_load_telling(const struct cli_identity *id, const char *file,
    struct mc_config **ret_config);

/* "dkim keygen", "dkim record"; argv[0] is "dkim" */
int
cli_dkim(const struct cli_identity *id, int argc, char **argv);

/* "config import"; argv[0] is "config" */
int
cli_import(const struct cli_identity *id, int argc, char **argv);

/* "doctor", "doctor ACCOUNT"; argv[0] is "doctor" */
int
cli_doctor(const struct cli_identity *id, int argc, char **argv);

/* "login ACCOUNT"; argv[0] is "login" */
int
cli_login(const struct cli_identity *id, int argc, char **argv);

/* "logout ACCOUNT"; argv[0] is "logout" */
int
cli_logout(const struct cli_identity *id, int argc, char **argv);

/* "setup me@example.com"; argv[0] is "setup" */
int
cli_setup(const struct cli_identity *id, int argc, char **argv);

/* "serve", "serve token add LOGIN"; argv[0] is "serve" */
int
cli_serve(const struct cli_identity *id, int argc, char **argv);

/* ---------------------------------------------------------------- processes */

/*
 * Deliver from the queue in a process of its own that nobody waits for and
 * that holds none of the caller's descriptors, unless nothing is due; `sure`:
 * something is, do not look.  `tag` is for cli_open_log.  Failure is silent:
 * the queue is safe, and another run will come.
 */
void
cli_background_run(const struct cli_identity *id,
    const struct mc_config *config, const char *tag, const char *log,
    bool sure);

/* SIGTERM, SIGINT and SIGHUP from now on make cli_cancel_fd readable */
void
cli_catch_signals(void);

/* SIGHUP from now on makes another descriptor readable, which does not wait; -1
 * if there is none */
int
cli_catch_reload(void);

/* were we asked to end? */
bool
cli_cancelled(void);

/* "queue", "queue show ID" and so on; argv[0] is "queue" */
int
cli_queue(const struct cli_identity *id, int argc, char **argv);

/*
 * The directory of a service is its user's, and who comes along is root: from
 * now on that user.  An empty name, one that is not there or root's own: nothing
 * is done.  false with errno.
 */
bool
cli_become_owner(const char *dir);

/* sendmail -q: what waits, and fits the limits, is tried now */
int
cli_flush(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *options);

/* -q30m: whoever sits at a terminal learns what to do instead */
void
cli_hint_interval(void);

/* -bP: how many messages are in the queue */
int
cli_count(const struct cli_identity *id, const struct mc_config *config);

/* -bv: whom each operand stands for; 0 or an exit status, said */
int
cli_verify(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *options);

/* the value of a global key such as `log` */
const char *
cli_config_value(const struct mc_config *config, const char *key);

/* mailq, sendmail -bp; account NULL: messages of all accounts */
int
cli_mailq(const struct cli_identity *id, const struct mc_config *config,
    const char *account);

/* the descriptor that gets readable when we are asked to end; -1 if none */
int
cli_cancel_fd(void);

/* read the rest of standard input, so that the writer sees our status */
void
cli_drain(void);

#endif
