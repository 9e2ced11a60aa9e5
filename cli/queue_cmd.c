/* SPDX-License-Identifier: MIT */
/*
 * queue_cmd.c - mailchute queue: see the queue and steer it
 */
#include "queue.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*act_fn)(struct mc_queue *queue, const char *id,
    struct mc_err *err);

struct verb {
	const char *name;
	int (*run)(struct cli_queue *q, const struct verb *verb);
	bool takes_account;
	bool takes_words;
	bool takes_json;
	bool takes_body;
	bool is_run;		/* takes its options, and words or none */
	bool is_stats;		/* takes its options */
	/* for those that change messages */
	act_fn act;
	const char *done;	/* "3 messages ..." */
	bool (*is_meant)(const struct mc_queue_message *m);	/* by "all" */
};

/* ----------------------------------------------------------------- opening */

/* what the library has to say about the spool; an error means that something
 * was left out */
static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct cli_queue *q = ctx;

	(void)stage;
	q->failed |= level == MC_LOG_ERROR;
	cli_say("%s", text);
}

bool
cli_become_owner(const char *dir)
{
	struct stat st;

	if (getuid() != 0 || dir[0] != '/' || stat(dir, &st) != 0 ||
	    st.st_uid == 0)
		return true;
	return setgroups(0, NULL) == 0 && setgid(st.st_gid) == 0 &&
	    setuid(st.st_uid) == 0;
}

int
cli_queue_open(struct cli_queue *q)
{
	struct mc_err err = { 0 };

	if (!cli_become_owner(cli_config_value(q->config, "queue-dir"))) {
		cli_say("cannot become the user whose queue it is: %s",
		    strerror(errno));
		return EX_OSERR;
	}
	/* what is not there cannot be watched */
	if (mc_queue_open(&q->id->caller, q->config, q->watch ?
	    MC_QUEUE_CREATE : 0, &q->queue, &err) != 0)
		return cli_fail(&err);
	mc_queue_set_log(q->queue, MC_LOG_WARN, on_log, q);
	return 0;
}

void
cli_queue_close(struct cli_queue *q)
{
	mc_queue_free(q->queue);
	q->queue = NULL;
}

bool
cli_queue_wants(const struct cli_queue *q, const struct mc_queue_message *m)
{
	/* whose a damaged one is nobody knows any more */
	return q->account == NULL || m->state == MC_QUEUE_DAMAGED ||
	    strcmp(q->account, m->account) == 0;
}

bool
cli_queue_cancelled(void)
{
	struct pollfd p = { .fd = cli_cancel_fd(), .events = POLLIN };

	return p.fd >= 0 && poll(&p, 1, 0) > 0;
}

int
cli_queue_interrupted(void)
{
	cli_say("interrupted");
	return EX_TEMPFAIL;
}

int
cli_queue_none(const struct cli_queue *q)
{
	const char *name;
	size_t i;

	if (q->account == NULL)
		return 0;
	for (i = 0; (name = mc_config_account(q->config, i)) != NULL; i++)
		if (strcmp(name, q->account) == 0)
			return 0;
	cli_say("no account %.100s in the configuration, and no message of "
	    "it in the queue", q->account);
	return EX_CONFIG;
}

int
cli_mailq(const struct cli_identity *id, const struct mc_config *config,
    const char *account)
{
	struct cli_queue q = { .id = id, .config = config,
	    .account = account };
	int status = cli_queue_open(&q);

	if (status == 0)
		status = cli_queue_list(&q);
	cli_queue_close(&q);
	return status;
}

/* ------------------------------------------------------------- identifiers */

static int
compare_account(void *ctx, const struct mc_queue_message *m)
{
	const struct cli_queue *q = ctx;

	if (cli_queue_wants(q, m))
		return 0;
	cli_say("message %s is of account %s, and not of %s", m->id,
	    m->account, q->account);
	return EX_DATAERR;
}

int
cli_queue_find(struct cli_queue *q, const char *word, char ret_id[32])
{
	struct mc_err err = { 0 };
	int rc;

	if (mc_queue_find(q->queue, word, ret_id, &err) != 0)
		return cli_fail(&err);
	if (q->account == NULL)
		return 0;
	rc = mc_queue_show(q->queue, ret_id, compare_account, q, &err);
	/* a damaged one is of any account */
	if (rc < 0 && err.code != MC_E_QUEUE_DAMAGED)
		return cli_fail(&err);
	return rc < 0 ? 0 : rc;
}

struct ids {
	struct cli_queue *q;
	const struct verb *verb;
	char (*id)[32];
	size_t n;
	size_t cap;
};

static int
collect(void *ctx, const struct mc_queue_message *m)
{
	struct ids *ids = ctx;
	size_t cap = ids->cap == 0 ? 64 : ids->cap * 2;
	char (*grown)[32];

	if (!ids->verb->is_meant(m) || !cli_queue_wants(ids->q, m))
		return 0;
	if (ids->n % 64 == 0 && cli_queue_cancelled())
		return cli_queue_interrupted();
	if (ids->n == ids->cap) {
		grown = realloc(ids->id, cap * sizeof(*grown));
		if (grown == NULL) {
			cli_say("out of memory: nothing was done");
			return EX_TEMPFAIL;
		}
		ids->id = grown;
		ids->cap = cap;
	}
	snprintf(ids->id[ids->n], sizeof(*ids->id), "%s", m->id);
	ids->n++;
	return 0;
}

/* ----------------------------------------------------------------- actions */

static bool
is_waiting(const struct mc_queue_message *m)
{
	return m->state == MC_QUEUE_WAITING || m->state == MC_QUEUE_ACTIVE;
}

/* a time that was asked for is not passed over in a crowd */
static bool
may_try(const struct mc_queue_message *m)
{
	return is_waiting(m) && m->hold_until == 0;
}

static bool
is_held(const struct mc_queue_message *m)
{
	return m->state == MC_QUEUE_HELD;
}

static bool
is_any(const struct mc_queue_message *m)
{
	(void)m;
	return true;
}

/* of all: what has left meanwhile is no failure, nor is one that is being
 * tried when it should be tried */
static bool
is_fine(const struct verb *verb, const struct mc_err *err)
{
	return err->code == MC_E_QUEUE_NONE ||
	    (err->code == MC_E_QUEUE_BUSY && verb->act == mc_queue_retry);
}

static int
act_on_all(struct cli_queue *q, const struct verb *verb, size_t *ret_n)
{
	struct ids ids = { .q = q, .verb = verb };
	struct mc_err err = { 0 };
	int rc = mc_queue_list(q->queue, collect, &ids, &err);
	int status = rc < 0 ? cli_fail(&err) : rc;
	size_t i;

	if (rc == 0 && ids.n == 0)
		status = cli_queue_none(q);
	/* some of them could not even be looked at */
	if (status == 0 && q->failed)
		status = EX_TEMPFAIL;
	for (i = 0; rc == 0 && i < ids.n; i++) {
		if (cli_queue_cancelled()) {
			status = cli_queue_interrupted();
			break;
		}
		err = (struct mc_err){ 0 };
		if (verb->act(q->queue, ids.id[i], &err) == 0)
			++*ret_n;
		else if (!is_fine(verb, &err)) {
			rc = cli_fail(&err);
			status = status == 0 ? rc : status;
			rc = 0;
		}
	}
	free(ids.id);
	return status;
}

static int
act_on_words(struct cli_queue *q, const struct verb *verb, size_t *ret_n)
{
	struct mc_err err;
	int i, rc, status = 0;
	char id[32];

	for (i = 0; i < q->n_words; i++) {
		if (cli_queue_cancelled())
			return cli_queue_interrupted();
		err = (struct mc_err){ 0 };
		rc = cli_queue_find(q, q->words[i], id);
		if (rc == 0 && verb->act(q->queue, id, &err) != 0)
			rc = cli_fail(&err);
		if (rc == 0)
			++*ret_n;
		else if (status == 0)
			status = rc;
	}
	return status;
}

static int
run_act(struct cli_queue *q, const struct verb *verb)
{
	size_t n = 0;
	int status;

	if (q->n_words == 1 && strcmp(q->words[0], "all") == 0)
		status = act_on_all(q, verb, &n);
	else
		status = act_on_words(q, verb, &n);
	if (n != 0 || status == 0)
		printf("%zu message%s %s\n", n, n == 1 ? "" : "s",
		    verb->done);
	if (n != 0 && verb->act == mc_queue_retry)
		cli_background_run(q->id, q->config, NULL,
		    cli_log_of(q->id, q->config), true);
	return status;
}

/* ----------------------------------------------------------------- looking */

static int
run_list(struct cli_queue *q, const struct verb *verb)
{
	(void)verb;
	return cli_queue_list(q);
}

static int
run_show(struct cli_queue *q, const struct verb *verb)
{
	int i, rc, status = 0;
	char id[32];

	(void)verb;
	for (i = 0; i < q->n_words; i++) {
		rc = cli_queue_find(q, q->words[i], id);
		if (rc == 0 && i != 0 && !q->json)
			puts("");
		if (rc == 0)
			rc = cli_queue_show(q, id);
		if (status == 0)
			status = rc;
	}
	return status;
}

static void
on_check(void *ctx, const char *name, const char *what)
{
	struct cli_text text = { .ptr = NULL };

	(void)ctx;
	cli_text_clean(&text, name);
	cli_text_addz(&text, ": ");
	cli_text_clean(&text, what);
	cli_text_addz(&text, "\n");
	cli_text_flush(&text, stdout);
	cli_text_free(&text);
}

/* status 1 is what monitoring looks at */
static int
run_check(struct cli_queue *q, const struct verb *verb)
{
	struct mc_err err = { 0 };
	size_t damaged = 0;

	(void)verb;
	/* all that would be logged is told by the check itself */
	mc_queue_set_log(q->queue, MC_LOG_NONE, NULL, NULL);
	if (mc_queue_check(q->queue, on_check, NULL, &damaged, &err) != 0) {
		fflush(stdout);
		return cli_fail(&err);
	}
	if (damaged == 0)
		puts("no message is damaged");
	else
		printf("%zu message%s damaged\n", damaged,
		    damaged == 1 ? " is" : "s are");
	return damaged != 0;
}

static int
run_run(struct cli_queue *q, const struct verb *verb)
{
	(void)verb;
	return cli_queue_run(q);
}

static int
run_stats(struct cli_queue *q, const struct verb *verb)
{
	(void)verb;
	return cli_queue_stats(q);
}

/* --------------------------------------------------------------- the words */

static const struct verb verbs[] = {
	{ .name = "list", .run = run_list, .takes_account = true,
	    .takes_json = true },
	{ .name = "show", .run = run_show, .takes_account = true,
	    .takes_words = true, .takes_json = true, .takes_body = true },
	{ .name = "hold", .run = run_act, .takes_account = true,
	    .takes_words = true, .act = mc_queue_hold, .done = "held",
	    .is_meant = is_waiting },
	{ .name = "release", .run = run_act, .takes_account = true,
	    .takes_words = true, .act = mc_queue_release,
	    .done = "released", .is_meant = is_held },
	{ .name = "retry", .run = run_act, .takes_account = true,
	    .takes_words = true, .act = mc_queue_retry, .done = "due now",
	    .is_meant = may_try },
	{ .name = "remove", .run = run_act, .takes_account = true,
	    .takes_words = true, .act = mc_queue_remove, .done = "removed",
	    .is_meant = is_any },
	{ .name = "run", .run = run_run, .takes_words = true,
	    .is_run = true },
	{ .name = "check", .run = run_check },
	{ .name = "stats", .run = run_stats, .takes_account = true,
	    .takes_json = true, .is_stats = true },
};

static const char synopsis[] =
    "usage: mailchute queue [list] | show ID ... | "
    "hold|release|retry|remove ID ...|all | "
    "run [--watch] [--no-wait] [-v] | run [-v] ID ... | check | "
    "stats [--prometheus] [--output FILE] "
    "[-a account] [-C file] [--json] [--body]";

static int
usage(void)
{
	cli_say("%s", synopsis);
	return EX_USAGE;
}

static int
help(void)
{
	fputs("usage: mailchute queue [command] [-C file]\n"
	    "\n"
	    "What could not be sent yet, and what failed for good.\n"
	    "\n"
	    "  list [-a account] [--json]       what waits, why, and until "
	    "when (also mailq)\n"
	    "  show ID ... [--json] [--body]    all about it; its first letters "
	    "are enough\n"
	    "  retry ID ... | all [-a account]  due now, also if it has "
	    "failed\n"
	    "  hold ID ... | all                not for the moment\n"
	    "  release ID ... | all             what was held may go\n"
	    "  remove ID ... | all              give it up; nobody is told\n"
	    "  run [--no-wait] [-v] [ID ...]    send what is due, or these\n"
	    "  run --watch                      send whatever becomes due, "
	    "until it is ended\n"
	    "  check                            is every message whole?\n"
	    "  stats [--json | --prometheus] [--output file]\n"
	    "                                   how much waits, was sent, "
	    "failed, was refused\n"
	    "\n"
	    "Manual: mailchute(1)\n", stdout);
	return 0;
}

/* an option of `queue stats`: how many words it has, or 0 */
static int
parse_stats(struct cli_queue *q, int argc, char **argv, int i)
{
	static const char with_value[] = "--output=";
	size_t n = strlen(with_value);
	int used = 1;

	if (strcmp(argv[i], "--prometheus") == 0) {
		q->prometheus = true;
		return 1;
	}
	if (strcmp(argv[i], "--output") == 0 && i + 1 < argc) {
		q->output = argv[i + 1];
		used = 2;
	} else if (strncmp(argv[i], with_value, n) == 0) {
		q->output = argv[i] + n;
	} else {
		return 0;
	}
	return q->output[0] == '\0' ? 0 : used;
}

/* what goes together, and what is missing; 0 or an exit status, said */
static int
check_words(const struct cli_queue *q, const struct verb *verb)
{
	if (verb->is_run && q->n_words != 0 && q->watch) {
		cli_say("queue run: either --watch, or messages");
		return usage();
	}
	if (verb->is_stats && q->json && q->prometheus) {
		cli_say("queue stats: either --json, or --prometheus");
		return usage();
	}
	if (!verb->takes_words || verb->is_run || q->n_words != 0)
		return 0;
	cli_say("queue %s: which message?", verb->name);
	return usage();
}

/* words may stand between options; they move to the front of argv */
static int
parse(struct cli_queue *q, const struct verb *verb, int argc, char **argv,
    const char **ret_file)
{
	int i, n = 0, used;

	for (i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-C") == 0 && i + 1 < argc) {
			*ret_file = argv[++i];
		} else if (verb->takes_account &&
		    strcmp(argv[i], "-a") == 0 && i + 1 < argc) {
			q->account = argv[++i];
		} else if (verb->takes_json &&
		    strcmp(argv[i], "--json") == 0) {
			q->json = true;
		} else if (verb->takes_body &&
		    strcmp(argv[i], "--body") == 0) {
			q->body = true;
		} else if (verb->is_run && strcmp(argv[i], "--watch") == 0) {
			q->watch = true;
		} else if (verb->is_run &&
		    strcmp(argv[i], "--no-wait") == 0) {
			q->no_wait = true;
		} else if (verb->is_run && (strcmp(argv[i], "-v") == 0 ||
		    strcmp(argv[i], "--verbose") == 0)) {
			q->verbose++;
		} else if (verb->is_stats && (used = parse_stats(q, argc, argv,
		    i)) != 0) {
			i += used - 1;
		} else if (verb->takes_words && argv[i][0] != '-') {
			argv[n++] = argv[i];
		} else {
			cli_say("queue %s: unknown word %.100s", verb->name,
			    argv[i]);
			return usage();
		}
	}
	q->words = argv;
	q->n_words = n;
	return check_words(q, verb);
}

static const struct verb *
find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

int
cli_queue(const struct cli_identity *id, int argc, char **argv)
{
	struct cli_queue q = { .id = id };
	const struct verb *verb = &verbs[0];
	struct mc_config *config = NULL;
	const char *file = NULL;
	struct mc_err err = { 0 };
	int status, skip = 1;

	if ((argc > 1 && strcmp(argv[1], "--help") == 0) ||
	    (argc > 2 && strcmp(argv[2], "--help") == 0))
		return help();
	if (argc > 1 && argv[1][0] != '-') {
		verb = find_verb(argv[1]);
		skip = 2;
	}
	if (verb == NULL) {
		cli_say("queue: unknown word %.100s", argv[1]);
		return usage();
	}
	status = parse(&q, verb, argc - skip, argv + skip, &file);
	if (status != 0)
		return status;
	if (mc_config_load(&id->caller, file, NULL, NULL, &config, &err) != 0)
		return cli_fail(&err);
	q.config = config;
	status = cli_queue_open(&q);
	if (status == 0)
		status = verb->run(&q, verb);
	cli_queue_close(&q);
	mc_config_free(config);
	return status;
}
