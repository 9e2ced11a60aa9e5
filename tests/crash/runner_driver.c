/* SPDX-License-Identifier: MIT */
/*
 * runner_driver.c - the runner that is shipped, with a server that is a table
 *
 *	runner_driver put DIR MARK SIZE [WORD=VALUE...] NAME...
 *				queue a message to NAME@y.example each; "queued
 *				ID".  Words: id, from, account, age (seconds
 *				since it came), due (seconds from now), notify
 *				(bits), report (1: it is one), times
 *	runner_driver run DIR SINK CONFIG [WORD=VALUE...]
 *				one run.  Words: id (may be repeated), wait
 *				(0: not for another run), watch (1), keep
 *				(seconds), gate (a file: "stuck" ends when it
 *				is there)
 *	runner_driver fail|due|keep|old|revive DIR
 *				with every message: a note and cell F for the
 *				first recipient; due now, and nothing paused;
 *				a note of an hour ago and kept, its time over;
 *				four attempts an hour ago; half put back, as a
 *				crash leaves it
 *	runner_driver claim DIR MS	claim all, "claimed", let go after so long
 *	runner_driver recover DIR...	open, check and list
 *	runner_driver settle DIR SINK CONFIG
 *				the same, then run with all due until nothing
 *				but failed ones is left, and list
 *
 * What a recipient's name begins with decides:
 *
 *	bad later busy	550, 451, 450 4.7.1
 *	drop		the connection is lost before anything was taken
 *	unsure		taken, and the connection is lost; once: the same, but
 *			taken with a reply when it comes again
 *	stuck		waits for the gate or the end of the runner
 *	deaf		waits for the gate alone; orphan: outlives the runner too
 *	slow		takes its time; any other: taken
 *
 * Names that begin with "dead" are no recipients' but accounts' whose server
 * nobody can connect to; to "net" there is no way.  What is taken is one line
 * of SINK: recipient, mark, whole or ALTERED, size, action of a report, whom a
 * report is about.
 */
#include "side.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/pause.h"
#include "queue/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#define MOST 20000
#define MOST_RCPTS 100

static const char *sink_path, *gate;
static int cancel_pipe[2] = { -1, -1 };

static const char *
value(char **argv, const char *word, const char *otherwise)
{
	size_t n = strlen(word);

	for (; *argv != NULL; argv++)
		if (strncmp(*argv, word, n) == 0 && (*argv)[n] == '=')
			return *argv + n + 1;
	return otherwise;
}

static long
number(char **argv, const char *word, long otherwise)
{
	const char *s = value(argv, word, NULL);

	return s == NULL ? otherwise : strtol(s, NULL, 10);
}

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

static int
fails(const struct mc_err *err)
{
	fprintf(stderr, "%s\n", err->text);
	return 1;
}

/* ------------------------------------------------------------ the transport */

#define MOST_FLYING 100

struct mc_transport {
	const struct mc_transport_env *env;
	/* begun, and dealt with by the server: what its replies will say */
	struct {
		int rc;
		struct mc_err err;
	} flying[MOST_FLYING];
	int n_flying;
	bool broken;
};

static int
fake_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	if (strncmp(env->account->name, "dead", 4) == 0) {
		(void)mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "nobody is there");
		err->sys = ECONNREFUSED;
		return -1;
	}
	if (strcmp(env->account->name, "net") == 0) {
		(void)mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "there is no network");
		err->sys = ENETUNREACH;
		return -1;
	}
	*ret_transport = calloc(1, sizeof(struct mc_transport));
	if (*ret_transport == NULL)
		_exit(97);
	(*ret_transport)->env = env;
	return 0;
}

static void
verdict(struct mc_rcpt *r, enum mc_verdict v, enum mc_code code, int smtp,
    int second, const char *text)
{
	r->verdict = v;
	r->code = code;
	r->stage = MC_STAGE_RCPT;
	r->smtp = smtp;
	r->enh[0] = smtp / 100;
	r->enh[1] = second;
	r->enh[2] = 1;
	mc_mem_free(r->text);
	r->text = mc_mem_strdup(text);
	mc_mem_free(r->reply);
	r->reply = mc_mem_strdup(text);
}

static int
lose(const struct mc_transport_job *job, enum mc_verdict v, enum mc_code code,
    struct mc_err *err)
{
	for (size_t k = 0; k < job->n; k++)
		verdict(mc_envelope_at(job->env, job->order[k]), v, code, 0, 0,
		    "lost");
	(void)mc_err_set(err, code, MC_STAGE_END, "lost");
	err->unsure = v == MC_UNSURE;
	return -1;
}

/* what stands behind `field` at the beginning of a line, up to a blank, ';' or
 * the end of the line; without <> */
static void
field_at(const char *text, const char *field, char *to, size_t room)
{
	const char *p = text;
	size_t n = strlen(field), k;

	(void)snprintf(to, room, "-");
	while ((p = strstr(p, field)) != NULL && p != text && p[-1] != '\n')
		p += n;
	if (p == NULL)
		return;
	p += n;
	p += strspn(p, " <");
	k = strcspn(p, " >\r\n;@");
	if (k != 0)
		(void)snprintf(to, room, "%.*s", (int)k, p);
}

/* of all recipients that a report names, the local parts */
static void
about_whom(const char *text, char *to, size_t room)
{
	static const char field[] = "\nFinal-Recipient: rfc822;";
	size_t at = 0;

	(void)snprintf(to, room, "-");
	while ((text = strstr(text, field)) != NULL) {
		text += strlen(field);
		text += strspn(text, " ");
		at += (size_t)snprintf(to + at, room - at, "%s%.*s",
		    at == 0 ? "" : ",", (int)strcspn(text, "@\r\n"), text);
		if (at >= room)
			break;
	}
}

struct seen {
	char mark[MARK_LEN + 16];
	char about[200];
	char action[32];
	enum content content;
	uint64_t size;
};

/* a message of ours, or a report about one */
static void
look_at(struct mc_str header, const struct mc_spool *body, struct seen *s)
{
	char head[4096], text[16384] = "", mark[MARK_LEN];
	size_t got = 0;

	*s = (struct seen){ .mark = "?", .about = "-", .action = "-",
	    .size = body->size + header.len };
	(void)snprintf(head, sizeof(head), "%.*s", MC_STR_FMT(header));
	if (strstr(head, "multipart/report") == NULL) {
		s->content = side_look_body(body, mark);
		if (s->content != UNREADABLE)
			(void)snprintf(s->mark, sizeof(s->mark), "%s", mark);
		return;
	}
	field_at(head, "References:", mark, sizeof(mark));
	(void)snprintf(s->mark, sizeof(s->mark), "report:%s", mark);
	if (mc_spool_read(body, 0, text, sizeof(text) - 1, &got, NULL) != 0) {
		s->content = UNREADABLE;
		return;
	}
	field_at(text, "Action:", s->action, sizeof(s->action));
	about_whom(text, s->about, sizeof(s->about));
	/* cut off, it would lack this one's end */
	char *end = body->size < sizeof(text) ? strrchr(text, '-') : NULL;
	s->content = body->size >= sizeof(text) ||
	    (end != NULL && end[-1] == '-') ? WHOLE : ALTERED;
}

static void
take(const struct mc_transport_job *job, const struct mc_rcpt *r)
{
	char line[1024];
	struct seen s;
	int fd = open(sink_path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	look_at(job->header, job->body, &s);
	/* unreadable just now is no reason to send something else */
	if (fd < 0 || s.content == UNREADABLE)
		_exit(96);
	int n = snprintf(line, sizeof(line), "%s %s %s %llu %s %s\n", r->addr,
	    s.mark, s.content == WHOLE ? "whole" : "ALTERED",
	    (unsigned long long)s.size, s.action, s.about);
	if (write(fd, line, (size_t)n) != n)
		_exit(98);
	(void)close(fd);
}

/* this line of the sink begins so already */
static bool
was_taken(const struct mc_rcpt *r)
{
	char line[1024];
	size_t n = strlen(r->addr);
	bool was = false;
	FILE *f = fopen(sink_path, "r");

	while (f != NULL && !was && fgets(line, sizeof(line), f) != NULL)
		was = strncmp(line, r->addr, n) == 0 && line[n] == ' ';
	if (f != NULL)
		(void)fclose(f);
	return was;
}

static bool
begins(const struct mc_rcpt *r, const char *with)
{
	return strncmp(r->addr, with, strlen(with)) == 0;
}

/* until the gate opens; false: the runner is at its end first */
static bool
wait_at_gate(const struct mc_transport *t, bool stays)
{
	struct pollfd p = { .fd = stays ? -1 : t->env->cancel_fd,
	    .events = POLLIN };

	for (int i = 0; i < 6000; i++) {
		if (poll(&p, 1, 10) > 0)
			return false;
		if (gate != NULL && access(gate, F_OK) == 0)
			return true;
	}
	return true;
}

static int
fake_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	for (size_t k = 0; k < job->n; k++) {
		struct mc_rcpt *r = mc_envelope_at(job->env, job->order[k]);

		if (begins(r, "bad")) {
			verdict(r, MC_FAILED, MC_E_REFUSED, 550, 1,
			    "550 5.1.1 no");
			continue;
		}
		if (begins(r, "later")) {
			verdict(r, MC_DEFERRED, MC_E_REFUSED, 451, 3,
			    "451 wait");
			continue;
		}
		if (begins(r, "busy")) {
			verdict(r, MC_DEFERRED, MC_E_REFUSED, 450, 7,
			    "450 4.7.1");
			continue;
		}
		if (begins(r, "drop"))
			return lose(job, MC_DEFERRED, MC_E_CLOSED, err);
		if (begins(r, "unsure") ||
		    (begins(r, "once") && !was_taken(r))) {
			take(job, r);
			return lose(job, MC_UNSURE, MC_E_CLOSED, err);
		}
		if (begins(r, "slow"))
			(void)poll(NULL, 0, 300);
		if (begins(r, "orphan"))
			(void)prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
		if (begins(r, "stuck") || begins(r, "orphan") ||
		    begins(r, "deaf")) {
			say("begun %ld", (long)getpid());
			if (!wait_at_gate(t, !begins(r, "stuck")))
				return lose(job, MC_DEFERRED, MC_E_CANCELLED,
				    err);
		}
		take(job, r);
		verdict(r, MC_DELIVERED, MC_OK, 250, 0, "250 2.0.0 taken");
	}
	return 0;
}

static void
fake_close(struct mc_transport *t)
{
	free(t);
}

/* the server has it at once, and the reply is on its way; behind a broken one
 * nothing is taken, and nobody here can know that */
static int
fake_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct mc_err *why = &t->flying[t->n_flying].err;

	(void)err;
	if (t->n_flying == MOST_FLYING)
		return 2;
	memset(why, 0, sizeof(*why));
	t->flying[t->n_flying].rc = t->broken ?
	    lose(job, MC_UNSURE, MC_E_CLOSED, why) : fake_send(t, job, why);
	t->broken = t->flying[t->n_flying].rc != 0;
	t->n_flying++;
	return 0;
}

static int
fake_finish(struct mc_transport *t, struct mc_err *err)
{
	int rc = t->flying[0].rc;

	if (rc != 0)
		*err = t->flying[t->n_flying - 1].err;
	t->n_flying--;
	memmove(t->flying, t->flying + 1, (size_t)t->n_flying *
	    sizeof(t->flying[0]));
	return rc;
}

/* what nobody waits for any more: unless it broke, all have what they got */
static void
fake_drop(struct mc_transport *t, const struct mc_err *why)
{
	(void)t;
	(void)why;
}

static const struct mc_transport_ops fake = { .name = "fake",
	.open = fake_open, .send = fake_send, .close = fake_close,
	.start = fake_start, .finish = fake_finish, .drop = fake_drop };

/* in place of the library's, which would bring TLS with it */
int
mc_transport_find(const struct mc_account *account,
    const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	(void)account;
	(void)err;
	*ret_ops = &fake;
	return 0;
}

/* nothing is signed */
int
mc_dkim_find(const struct mc_dkim_ops **ret_ops, struct mc_err *err)
{
	(void)ret_ops;
	return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL, NULL);
}

/* --------------------------------------------------------------------- put */

static int
add_names(struct mc_envelope *env, char **argv, unsigned notify,
    struct mc_err *err)
{
	char address[100];
	size_t i;

	for (; *argv != NULL; argv++) {
		if (strchr(*argv, '=') != NULL)
			continue;
		(void)snprintf(address, sizeof(address), "%s@y.example", *argv);
		if (mc_envelope_add(env, mc_str_from(address), false, &i,
		    err) != 0)
			return -1;
		mc_envelope_at(env, i)->notify = notify;
	}
	return 0;
}

static int
cmd_put(char **argv)
{
	static size_t order[MOST_RCPTS];
	struct mc_store *store = open_store(argv[2]);
	struct mc_err err = { .code = MC_OK };
	char **words = argv + 5, header[300], id[MC_ID_LEN + 1];
	struct mc_envelope env;
	struct mc_spool body;
	int rc = 1;

	if (store == NULL)
		return 1;
	mc_envelope_init(&env);
	mc_spool_init(&body, 1 << 20, NULL);
	(void)snprintf(header, sizeof(header), "Subject: x\r\nFrom: me@x.example"
	    "\r\nMessage-ID: <%s@x.example>\r\n", argv[3]);
	struct mc_store_item item = { .account = value(words, "account",
	    "work"), .uid = 5, .arrival = now() - number(words, "age", 10),
	    .next_attempt = now() + number(words, "due", -5), .env = &env,
	    .order = order, .header = mc_str_from(header), .body = &body,
	    .is_report = number(words, "report", 0) != 0 };

	if (mc_envelope_set_sender(&env, mc_str_from(value(words, "from",
	    "me@x.example")), &err) == 0 && add_names(&env, words,
	    (unsigned)number(words, "notify", 0), &err) == 0 &&
	    side_write_body(&body, argv[3], strtoul(argv[4], NULL, 10),
	    &err) == 0) {
		rc = 0;
		item.n = env.rcpts.n;
	}
	for (size_t k = 0; k < item.n && k < MOST_RCPTS; k++)
		order[k] = k;
	for (long k = number(words, "times", 1); rc == 0 && k > 0; k--) {
		rc = mc_store_put(store, &item, value(words, "id", NULL), id,
		    &err) != 0;
		item.next_attempt++;
		if (rc == 0)
			say("queued %s", id);
	}
	if (rc != 0)
		(void)fails(&err);
	mc_envelope_clear(&env);
	mc_spool_clear(&body);
	mc_store_close(store);
	return rc;
}

/* --------------------------------------------------------------------- run */

static void
on_event(void *ctx, const struct mc_run_event *event)
{
	static const char letters[] = "PDFLU";

	(void)ctx;
	say("event %s %s %c", event->id, event->address,
	    letters[event->verdict]);
}

static void
on_signal(int sig)
{
	(void)sig;
	if (write(cancel_pipe[1], "", 1) != 1)
		_exit(95);
}

/* KiB; what getrusage(2) says is of the program before exec, too */
static long
peak(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long n = 0;

	while (f != NULL && n == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmHWM:", 6) == 0)
			n = strtol(line + 6, NULL, 10);
	if (f != NULL)
		(void)fclose(f);
	return n;
}

static const char *ids[MOST];

static int
run(struct mc_store *store, const char *config_path, char **words)
{
	struct mc_caller caller = { .home = "/", .hostname = "host.example",
	    .uid = geteuid() };
	struct mc_config *config = NULL;
	struct mc_err err = { .code = MC_OK };
	struct mc_run run = { .cancel_fd = cancel_pipe[0],
	    .event = on_event };
	struct mc_runner_settings set = { .store = store, .caller = &caller,
	    .log = &driver_log, .ops = &fake, .run = &run,
	    .failed_keep = (uint64_t)number(words, "keep", 100000) };
	int rc;

	for (char **w = words; *w != NULL; w++)
		if (strncmp(*w, "id=", 3) == 0)
			ids[run.n_ids++] = *w + 3;
	if (run.n_ids != 0)
		run.ids = ids;
	if (number(words, "wait", 1) == 0)
		run.flags |= MC_RUN_NO_WAIT;
	if (number(words, "watch", 0) != 0)
		run.flags |= MC_RUN_WATCH;
	gate = value(words, "gate", NULL);
	if (mc_config_load(&caller, config_path, NULL, NULL, &config,
	    &err) != 0)
		return fails(&err);
	set.config = config;
	rc = mc_runner_run(&set, &err);
	if (rc != 0)
		(void)fails(&err);
	mc_config_free(config);
	say("rss %ld", peak());
	return rc != 0;
}

static int
cmd_run(char **argv)
{
	struct mc_store *store;
	struct sigaction act = { .sa_handler = on_signal };
	int rc;

	sink_path = argv[3];
	if (pipe(cancel_pipe) != 0)
		return 1;
	(void)sigaction(SIGTERM, &act, NULL);
	(void)sigaction(SIGALRM, &act, NULL);
	store = open_store(argv[2]);
	if (store == NULL)
		return 1;
	rc = run(store, argv[4], argv + 5);
	mc_store_close(store);
	return rc;
}

/* ------------------------------------------------------------ every message */

static struct {
	char id[MOST][MC_ID_LEN + 1];
	size_t n;
} all;

static int
collect(void *ctx, const struct mc_store_stat *st)
{
	(void)ctx;
	if (all.n < MOST)
		memcpy(all.id[all.n++], st->id, sizeof(st->id));
	return 0;
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int
get_all(struct mc_store *store)
{
	all.n = 0;
	if (mc_store_scan(store, collect, NULL, NULL) != 0)
		return -1;
	qsort(all.id, all.n, sizeof(all.id[0]), by_id);
	return 0;
}

static bool
is_pending(struct mc_entry *entry)
{
	size_t n = mc_entry_envelope(entry)->rcpts.n;

	for (size_t i = 0; i < n; i++) {
		enum mc_cell cell = mc_entry_cell(entry, i);

		if (cell != MC_CELL_DELIVERED && cell != MC_CELL_REPORTED)
			return true;
	}
	return false;
}

/* true: there is something for a run to do */
static bool
make_due(struct mc_store *store, const char *id)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct mc_store_stat st;
	bool pending = false;
	int rc = 0;

	/* a worker that was killed a moment ago may still have it */
	for (int i = 0; rc == 0 && i < 200; i++) {
		rc = mc_store_claim(store, id, false, &entry, &err);
		if (rc == 0 && mc_store_stat_id(store, id, &st) != 1)
			return false;
		if (rc == 0)
			(void)poll(NULL, 0, 10);
	}
	if (rc != 1)
		return false;
	mc_entry_info(entry, &info);
	mc_pause_clear(store, info.account);
	if (is_pending(entry)) {
		pending = true;
		/* who is due keeps his place: what has failed goes in front
		 * of the report about it */
		if (info.next_attempt > now() &&
		    mc_entry_reschedule(entry, now(), &err) != 0)
			(void)fails(&err);
	}
	mc_entry_close(entry);
	return pending;
}

static int
do_one(const char *what, struct mc_entry *entry, struct mc_err *err)
{
	static const size_t first[] = { 0 };

	if (strcmp(what, "fail") == 0)
		return mc_entry_note(entry, 0, now(), "[550 5.1.1] gone", true,
		    err) != 0 || mc_entry_mark(entry, first, 1, MC_CELL_FAILED,
		    err) != 0;
	if (strcmp(what, "keep") == 0)
		return mc_entry_note(entry, 0, now() - 3600, "long ago", false,
		    err) != 0 || mc_entry_keep(entry, now() - 1, err) != 0;
	if (strcmp(what, "old") == 0) {
		for (int i = 0; i < 4; i++)
			if (mc_entry_note(entry, 0, now() - 3600 + i,
			    "[451 4.3.0] not now", false, err) != 0)
				return -1;
		return 0;
	}
	return mc_entry_revive(entry, now() - 1, err) != 0 ||
	    fchmod(mc_entry_fd(entry), 0700) != 0;
}

static int
cmd_each(char **argv)
{
	struct mc_store *store = open_store(argv[2]);
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	int rc = 0;

	if (store == NULL || get_all(store) != 0)
		return 1;
	for (size_t k = 0; rc == 0 && k < all.n; k++) {
		if (strcmp(argv[1], "due") == 0) {
			(void)make_due(store, all.id[k]);
			continue;
		}
		if (mc_store_claim(store, all.id[k], false, &entry, &err) != 1)
			return fails(&err);
		rc = do_one(argv[1], entry, &err);
		mc_entry_close(entry);
	}
	mc_store_close(store);
	return rc == 0 ? 0 : fails(&err);
}

static int
cmd_claim(char **argv)
{
	struct mc_store *store = open_store(argv[2]);
	struct mc_entry *entry;

	if (store == NULL || get_all(store) != 0)
		return 1;
	for (size_t k = 0; k < all.n; k++)
		if (mc_store_claim(store, all.id[k], false, &entry, NULL) != 1)
			return 1;
	say("claimed");
	(void)poll(NULL, 0, (int)strtol(argv[3], NULL, 10));
	return 0;
}

/* ----------------------------------------------------------------- recovery */

static int
count_note(void *ctx, size_t i, int64_t when, const char *text)
{
	(void)i;
	(void)when;
	(void)text;
	++*(size_t *)ctx;
	return 0;
}

static void
list_one(struct mc_store *store, const char *id, const char *word)
{
	struct mc_err err = { .code = MC_OK };
	const struct mc_spool *body;
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct mc_str header;
	char cells[MOST_RCPTS + 1];
	struct seen seen = { .mark = "?", .content = UNREADABLE };
	size_t n, notes = 0;

	if (mc_store_look(store, id, &entry, &err) != 1) {
		say("%s %s refused %s", word, id, mc_code_name(err.code));
		return;
	}
	n = mc_entry_envelope(entry)->rcpts.n;
	for (size_t i = 0; i < n && i < MOST_RCPTS; i++)
		cells[i] = (char)mc_entry_cell(entry, i);
	cells[n] = '\0';
	mc_entry_info(entry, &info);
	if (mc_entry_content(entry, &header, &body, &err) == 0)
		look_at(header, body, &seen);
	if (mc_entry_notes(entry, count_note, &notes, &err) != 0)
		notes = 0;
	say("%s %s %s %s %s notes=%zu next=%lld%s%s", word, id, cells,
	    seen.mark, seen.content == WHOLE ? "whole" : "ALTERED", notes,
	    (long long)info.next_attempt, info.held ? " held" : "",
	    info.failed ? " failed" : "");
	mc_entry_close(entry);
}

static void
tell_check(void *ctx, const char *name, const char *what)
{
	(void)ctx;
	say("check %s %s", name, what);
}

static void
list_all(struct mc_store *store, const char *word)
{
	if (get_all(store) == 0)
		for (size_t k = 0; k < all.n; k++)
			list_one(store, all.id[k], word);
}

static struct mc_store *
recover(const char *dir)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_store *store;
	size_t bad = 0;

	say("== %s", dir);
	store = open_store(dir);
	if (store == NULL)
		return NULL;
	if (mc_store_check(store, tell_check, NULL, &bad, &err) != 0)
		say("check failed: %s", err.text);
	say("bad %zu", bad);
	list_all(store, "m");
	return store;
}

static int
cmd_recover(char **argv)
{
	for (argv += 2; *argv != NULL; argv++)
		mc_store_close(recover(*argv));
	return 0;
}

static int
cmd_settle(char **argv)
{
	struct mc_store *store = recover(argv[2]);
	int rc = 0;

	if (store == NULL)
		return 1;
	sink_path = argv[3];
	say("settling");
	for (int round = 0; rc == 0 &&
	    round < number(argv + 5, "rounds", 8); round++) {
		bool pending = false;

		if (get_all(store) != 0)
			return 1;
		for (size_t k = 0; k < all.n; k++)
			pending |= make_due(store, all.id[k]);
		if (!pending)
			break;
		rc = run(store, argv[4], argv + 5);
	}
	list_all(store, "settled");
	mc_store_close(store);
	return rc;
}

int
main(int argc, char **argv)
{
	const char *cmd = argc < 3 ? "" : argv[1];
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGXFSZ, &ignore, NULL);
	if (strcmp(cmd, "put") == 0 && argc >= 6)
		return cmd_put(argv);
	if (strcmp(cmd, "run") == 0 && argc >= 5)
		return cmd_run(argv);
	if (strcmp(cmd, "fail") == 0 || strcmp(cmd, "due") == 0 ||
	    strcmp(cmd, "keep") == 0 || strcmp(cmd, "old") == 0 ||
	    strcmp(cmd, "revive") == 0)
		return cmd_each(argv);
	if (strcmp(cmd, "claim") == 0 && argc == 4)
		return cmd_claim(argv);
	if (strcmp(cmd, "settle") == 0 && argc >= 5)
		return cmd_settle(argv);
	if (strcmp(cmd, "recover") == 0)
		return cmd_recover(argv);
	fprintf(stderr, "runner_driver: see the top of runner_driver.c\n");
	return 64;
}
