/* SPDX-License-Identifier: MIT */
/*
 * runner_stage.h - a queue, and a server that is a table: what a recipient's
 * name begins with decides what becomes of it
 *
 * For one .c file a program.  With BY_PARENT a run is a process of its own, as
 * in the service: without secrets, confined, and its workers are started by
 * the test.
 */
#ifndef RUNNER_STAGE_H
#define RUNNER_STAGE_H

#include "unit.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "queue/pause.h"
#include "queue/runner.h"
#include "queue/spawn.h"
#include "serve/roles.h"
#include "store_side.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_SENT 4096

/* what all processes of a test see */
struct world {
	int opens;
	int closes;
	int open_now;
	int most_open;
	int open_code;		/* enum mc_code: every open fails so */
	int open_sys;
	int fail_first;		/* only so many of them */
	int open_after;		/* only so many of them work; 0: all */
	int limit;		/* connections that the server takes */
	int sends;
	int pause_ms;		/* the server takes so long for each */
	int dsn;
	int kill;		/* the runner, once "kill" is delivered */
	pid_t runner;		/* where the worker's parent is another one */
	int hold;		/* messages that a server was to hold */
	int most_flying;	/* transactions begun and not answered */
	int text_is_out;	/* when a connection is lost */
	int n_sent;
	char sent[MOST_SENT][80];	/* addresses, as they were delivered */
	char text[16384];	/* of the last message that was delivered */
	/* what the last message asked for */
	bool require_tls;
	bool has_priority;
	int priority;
	enum mc_by by;
	int64_t left;		/* seconds of its time for delivery */
};

static struct world *world;

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

static int
add(int *n, int by)
{
	return __atomic_add_fetch(n, by, __ATOMIC_SEQ_CST);
}

/* ------------------------------------------------------------ the transport */

#define MOST_FLYING 200

struct mc_transport {
	const struct mc_transport_env *env;
	/* begun, with all that the caller need not keep */
	struct flying {
		struct mc_transport_job job;
		char *header;
		struct mc_spool body;
	} flying[MOST_FLYING];
	int n_flying;
};

static int
fake_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	int n = add(&world->opens, 1), held;

	if (world->open_after != 0 && n > world->open_after) {
		(void)mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "the server is gone");
		err->sys = ECONNREFUSED;
		return -1;
	}
	if (world->open_code != 0 && (world->fail_first == 0 ||
	    n <= world->fail_first)) {
		(void)mc_err_set(err, (enum mc_code)world->open_code,
		    MC_STAGE_CONNECT, "the server is not for us");
		err->sys = world->open_sys;
		return -1;
	}
	held = add(&world->open_now, 1);
	if (world->limit != 0 && held > world->limit) {
		(void)add(&world->open_now, -1);
		(void)mc_err_set(err, MC_E_SERVER_UNAVAILABLE,
		    MC_STAGE_GREETING, "too many connections");
		err->smtp = 421;
		return -1;
	}
	if (held > world->most_open)
		world->most_open = held;
	/* the server has memory enough */
	*ret_transport = calloc(1, sizeof(struct mc_transport));
	assert_non_null(*ret_transport);
	(*ret_transport)->env = env;
	return 0;
}

static void
say(struct mc_rcpt *r, enum mc_verdict verdict, enum mc_code code, int smtp,
    int second, const char *text)
{
	r->verdict = verdict;
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

static bool
begins(const struct mc_rcpt *r, const char *with)
{
	return strncmp(r->addr, with, strlen(with)) == 0;
}

static int
lose(const struct mc_transport_job *job, enum mc_verdict verdict,
    enum mc_code code, bool unsure, struct mc_err *err)
{
	for (size_t k = 0; k < job->n; k++)
		say(mc_envelope_at(job->env, job->order[k]), verdict, code, 0,
		    0, "lost");
	(void)mc_err_set(err, code, MC_STAGE_END, "lost");
	err->unsure = unsure;
	return -1;
}

static void
deliver(const struct mc_transport_job *job, struct mc_rcpt *r)
{
	int at = add(&world->n_sent, 1) - 1;
	size_t got = 0;

	assert_true(at < MOST_SENT);
	(void)snprintf(world->sent[at], sizeof(world->sent[at]), "%s",
	    r->addr);
	world->require_tls = job->env->require_tls;
	world->has_priority = job->env->has_priority;
	world->priority = job->env->priority;
	world->by = job->env->by;
	world->left = job->env->by_time - now();
	r->dsn = world->dsn != 0;
	say(r, MC_DELIVERED, MC_OK, 250, 0, "250 2.0.0 taken");
	if (job->header.len + 10000 < sizeof(world->text)) {
		memcpy(world->text, job->header.ptr, job->header.len);
		assert_int_equal(mc_spool_read(job->body, 0, world->text +
		    job->header.len, 10000, &got, NULL), 0);
		world->text[job->header.len + got] = '\0';
	}
}

static int
fake_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	(void)add(&world->sends, 1);
	(void)add(&world->hold, job->env->hold_until != 0);
	for (size_t k = 0; k < job->n; k++) {
		struct mc_rcpt *r = mc_envelope_at(job->env, job->order[k]);

		if (begins(r, "bad"))
			say(r, MC_FAILED, MC_E_REFUSED, 550, 1, "550 5.1.1 no");
		else if (begins(r, "later"))
			say(r, MC_DEFERRED, MC_E_REFUSED, 451, 3, "451 wait");
		else if (begins(r, "busy"))
			say(r, MC_DEFERRED, MC_E_REFUSED, 450, 7, "450 4.7.1");
		else if (begins(r, "unsure"))
			return lose(job, MC_UNSURE, MC_E_CLOSED, true, err);
		else if (begins(r, "drop"))
			return lose(job, MC_DEFERRED, MC_E_CLOSED, false, err);
		else if (begins(r, "421"))
			return lose(job, MC_DEFERRED, MC_E_SERVER_UNAVAILABLE,
			    false, err);
		else if (begins(r, "die"))
			_exit(9);
		else {
			struct pollfd p = { .fd = t->env->cancel_fd,
			    .events = POLLIN };

			if (world->pause_ms != 0)
				(void)poll(NULL, 0, world->pause_ms);
			if (begins(r, "slow"))
				(void)poll(NULL, 0, 700);
			if (begins(r, "stuck") && poll(&p, 1, 20000) > 0)
				return lose(job, MC_DEFERRED, MC_E_CANCELLED,
				    false, err);
			deliver(job, r);
			if (begins(r, "kill") && world->kill != 0) {
				(void)kill(world->runner != 0 ?
				    world->runner : getppid(), SIGKILL);
				_exit(9);
			}
		}
	}
	return 0;
}

static void
fake_close(struct mc_transport *t)
{
	if (t == NULL)
		return;
	(void)add(&world->closes, 1);
	(void)add(&world->open_now, -1);
	free(t);
}

static const struct mc_transport_ops fake = { .name = "fake",
	.open = fake_open, .send = fake_send, .close = fake_close };

/* ------------------------------------------------ several on their way at once */

static int
fake_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct flying *f = &t->flying[t->n_flying];
	char block[4096];
	uint64_t at = 0;
	size_t got;

	assert_in_range(t->n_flying, 0, MOST_FLYING - 1);
	f->job = *job;
	f->header = strndup(job->header.ptr, job->header.len);
	f->job.header.ptr = f->header;
	f->job.extra = MC_STR("");
	mc_spool_init(&f->body, MC_SPOOL_MEMORY, NULL);
	while (mc_spool_read(job->body, at, block, sizeof(block), &got,
	    err) == 0 && got != 0) {
		if (mc_spool_add(&f->body, block, got, NULL) != 0) {
			free(f->header);
			mc_spool_clear(&f->body);
			return 2;
		}
		at += got;
	}
	f->job.body = &f->body;
	t->n_flying++;
	if (t->n_flying > world->most_flying)
		world->most_flying = t->n_flying;
	return 0;
}

/* the oldest one is over */
static void
landed(struct mc_transport *t)
{
	free(t->flying[0].header);
	mc_spool_clear(&t->flying[0].body);
	t->n_flying--;
	memmove(&t->flying[0], &t->flying[1], (size_t)t->n_flying *
	    sizeof(t->flying[0]));
}

/* all that was begun is out: whatever is behind the broken one may have
 * arrived, or cannot have */
static void
fake_drop(struct mc_transport *t, const struct mc_err *why)
{
	struct mc_err ignored = { 0 };

	for (; t->n_flying != 0; landed(t))
		(void)lose(&t->flying[0].job, world->text_is_out ? MC_UNSURE :
		    MC_DEFERRED, why->code, false, &ignored);
}

static int
fake_finish(struct mc_transport *t, struct mc_err *err)
{
	int rc = fake_send(t, &t->flying[0].job, err);

	landed(t);
	if (rc != 0) {
		if (t->n_flying != 0 && world->text_is_out)
			err->unsure = true;
		fake_drop(t, err);
	}
	return rc;
}

MC_UNUSED static const struct mc_transport_ops flying = { .name = "flying",
	.open = fake_open, .send = fake_send, .close = fake_close,
	.start = fake_start, .finish = fake_finish, .drop = fake_drop };

/* --------------------------------------------------------------------- stage */

struct stage {
	struct side side;
	struct mc_caller caller;
	struct mc_config *config;
	const struct mc_transport_ops *ops;
	struct mc_run run;
	char ids[200][MC_ID_LEN + 1];
	size_t n_ids;
	int64_t hold_until;	/* of what is put */
	size_t events[5];	/* by verdict */
	struct mc_run_event last;
	/* what each message asks for; priority 0: none */
	bool require_tls;
	int priority;
	enum mc_by by;
	int64_t left;
	enum mc_ret ret;
};

static void
on_event(void *ctx, const struct mc_run_event *event)
{
	struct stage *s = ctx;

	s->events[event->verdict]++;
	s->last = *event;
}

/* more: lines of the configuration, of the account "work" */
static void
set_up(struct stage *s, const char *more)
{
	struct mc_err err = { 0 };
	char path[200], text[2000];

	memset(s, 0, sizeof(*s));
	side_init(&s->side);
	memset(world, 0, sizeof(*world));
	s->caller.home = s->side.top;
	s->caller.hostname = "host.example";
	s->caller.uid = geteuid();
	s->caller.tmpdir = s->side.top;
	(void)snprintf(path, sizeof(path), "%s/config", s->side.top);
	(void)snprintf(text, sizeof(text), "[account work]\n"
	    "host = mail.example\nfrom = me@x.example\n%s", more);
	side_write(path, text, strlen(text));
	if (mc_config_load(&s->caller, path, NULL, NULL, &s->config,
	    &err) != 0)
		fail_msg("%s", err.text);
	s->ops = &fake;
	s->run.cancel_fd = -1;
	s->run.event = on_event;
	s->run.ctx = s;
	s->side.item.arrival = now() - 10;
	s->side.item.next_attempt = now() - 5;
}

static void
tear_down(struct stage *s)
{
	mc_config_free(s->config);
	side_clear(&s->side);
}

MC_UNUSED static void
ask_for(struct stage *s, bool require_tls, int priority, enum mc_by by,
    int64_t left)
{
	s->require_tls = require_tls;
	s->priority = priority;
	s->by = by;
	s->left = left;
}

/* names separated by blanks; each becomes name@y.example */
static const char *
put_to(struct stage *s, const char *names, unsigned notify)
{
	char word[64];
	size_t i, n = 0;
	char *id = s->ids[s->n_ids++];

	mc_envelope_clear(&s->side.env);
	assert_int_equal(mc_envelope_set_sender(&s->side.env,
	    MC_STR("me@x.example"), NULL), 0);
	s->side.env.require_tls = s->require_tls;
	s->side.env.ret = s->ret;
	s->side.env.has_priority = s->priority != 0;
	s->side.env.priority = s->priority;
	s->side.env.by = s->by;
	s->side.env.by_time = now() + s->left;
	while (*names != '\0') {
		size_t k = strcspn(names, " ");

		(void)snprintf(word, sizeof(word), "%.*s@y.example", (int)k,
		    names);
		assert_int_equal(mc_envelope_add(&s->side.env,
		    mc_str_from(word), false, &i, NULL), 0);
		mc_envelope_at(&s->side.env, i)->notify = notify;
		s->side.order[n] = n;
		n++;
		names += k;
		names += *names == ' ';
	}
	s->side.item.n = n;
	s->side.env.hold_until = s->hold_until;
	side_put(&s->side, id);
	return id;
}

/* what run() says of a runner that is a process of its own */
#define RUN_KILLED (-2)

static int
run_here(struct stage *s, const int *spawn, struct mc_err *err)
{
	struct mc_runner_settings set = { .store = s->side.store,
	    .config = s->config, .caller = &s->caller, .log = &s->side.log,
	    .ops = s->ops, .failed_keep = 1000, .run = &s->run,
	    .spawn = spawn };

	return mc_runner_run(&set, err);
}

#ifdef BY_PARENT

/* what a run in another process has to say */
struct outcome {
	bool ended;		/* it did not die */
	int rc;
	struct mc_err err;
	size_t events[5];
	struct mc_run_event last;
	char said[sizeof(((struct side *)NULL)->said)];
	unsigned long allocations;
	unsigned confined;
};

static struct outcome *outcome;
static unsigned not_confined;	/* MC_CONFINE_... */

static void
be_runner(struct stage *s, int channel)
{
	struct mc_role_settings role = { .config = s->config,
	    .caller = &s->caller, .spool = s->side.dir,
	    .log = &(struct mc_log){ 0 }, .without = not_confined };

	(void)alarm(120);
	mc_config_forget(s->config, NULL);
	outcome->confined = mc_role_confine(MC_ROLE_RUNNER, &role);
	outcome->rc = run_here(s, &channel, &outcome->err);
	outcome->allocations = failmalloc(0, false);
	memcpy(outcome->events, s->events, sizeof(s->events));
	outcome->last = s->last;
	memcpy(outcome->said, s->side.said, sizeof(s->side.said));
	outcome->ended = true;
	_exit(0);
}

#define MOST_WORKERS 300

/* the test may have children of its own: only ours are waited for */
static void
reap(struct mc_spawn_parent *parent, pid_t *pids, size_t *n)
{
	for (size_t i = 0; i < *n;) {
		if (waitpid(pids[i], NULL, WNOHANG) == 0) {
			i++;
			continue;
		}
		assert_true(mc_spawn_gone(parent, pids[i]));
		pids[i] = pids[--*n];
	}
}

/* until there is neither a runner nor a worker */
static void
be_parent(struct mc_spawn_parent *parent, pid_t runner, int *channel)
{
	pid_t pids[MOST_WORKERS];
	struct mc_err err = { 0 };
	bool there = true;
	size_t n = 0;

	while (there || n != 0) {
		struct pollfd p = { .fd = *channel, .events = POLLIN };
		int64_t wake = MC_NEVER;
		int rc = 0;

		assert_in_range(n, 0, MOST_WORKERS - 1);
		if (poll(&p, 1, 20) > 0)
			rc = mc_spawn_take(*channel, parent, &pids[n], &err);
		if (rc == 1)
			n++;
		if (rc < 0)
			mc_file_close(channel);
		reap(parent, pids, &n);
		if (there && waitpid(runner, NULL, WNOHANG) != 0) {
			there = false;
			mc_file_close(channel);
			mc_spawn_end(parent, 5000);
		}
		assert_int_equal(mc_spawn_check(parent, &wake), n);
	}
}

static int
run(struct stage *s, struct mc_err *err)
{
	struct mc_spawn_parent parent = { .config = s->config,
	    .caller = &s->caller, .log = &s->side.log, .dir = s->side.dir,
	    .ops = s->ops };
	int ends[2];
	pid_t pid;

	assert_int_equal(mc_spawn_channel(ends, NULL), 0);
	/* of its own: runs may be beside each other */
	if (outcome != NULL)
		(void)munmap(outcome, sizeof(*outcome));
	outcome = mmap(NULL, sizeof(*outcome), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(outcome != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		be_runner(s, ends[1]);
	}
	world->runner = pid;
	(void)failmalloc(0, false);
	(void)close(ends[1]);
	mc_spawn_parent_init(&parent);
	be_parent(&parent, pid, &ends[0]);
	mc_spawn_parent_clear(&parent);
	if (outcome->ended) {
		memcpy(s->events, outcome->events, sizeof(s->events));
		s->last = outcome->last;
		(void)snprintf(s->side.said + strlen(s->side.said),
		    sizeof(s->side.said) - strlen(s->side.said), "%s",
		    outcome->said);
	}
	if (err != NULL)
		*err = outcome->err;
	return outcome->ended ? outcome->rc : RUN_KILLED;
}

MC_UNUSED static unsigned long
allocations(void)
{
	return outcome->allocations;
}

/* the runner was killed, whose parent has this status */
#define assert_killed(status) assert_true(WIFEXITED(status) && \
	WEXITSTATUS(status) == 0)

#else

#define assert_killed(status) assert_true(WIFSIGNALED(status) && \
	WTERMSIG(status) == SIGKILL)

static int
run(struct stage *s, struct mc_err *err)
{
	return run_here(s, NULL, err);
}

/* of the last run, none of which fails any more */
MC_UNUSED static unsigned long
allocations(void)
{
	return failmalloc(0, false);
}

#endif

static void
run_ok(struct stage *s)
{
	struct mc_err err = { 0 };

	if (run(s, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(world->open_now, 0);
	/* what a run sends is to go now */
	assert_int_equal(world->hold, 0);
	/* no process is left */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static int
times_sent(const char *address)
{
	int n = 0;

	for (int i = 0; i < world->n_sent; i++)
		n += strcmp(world->sent[i], address) == 0;
	return n;
}

static struct mc_entry_info
look(struct stage *s, const char *id, char *cells)
{
	struct mc_entry_info info;
	struct mc_entry *entry;
	struct mc_err err = { 0 };
	size_t i;

	if (mc_store_look(s->side.store, id, &entry, &err) != 1)
		fail_msg("%s is not there: %s", id, err.text);
	mc_entry_info(entry, &info);
	for (i = 0; i < mc_entry_envelope(entry)->rcpts.n; i++)
		cells[i] = (char)mc_entry_cell(entry, i);
	cells[i] = '\0';
	mc_entry_close(entry);
	info.id = info.account = NULL;
	return info;
}

static size_t
waiting(struct stage *s)
{
	return side_count(&s->side, "q", 'm');
}

static int
find_cut_off(void *ctx, size_t i, int64_t when, const char *text)
{
	size_t *n = ctx;

	(void)i;
	(void)when;
	*n += strstr(text, "cut off") != NULL;
	return 0;
}

MC_UNUSED static size_t
cut_offs(struct stage *s, const char *id)
{
	struct mc_err err = { 0 };
	struct mc_entry *entry;
	size_t n = 0;

	assert_int_equal(mc_store_look(s->side.store, id, &entry, &err), 1);
	assert_int_equal(mc_entry_notes(entry, find_cut_off, &n, &err), 0);
	mc_entry_close(entry);
	return n;
}

static int
stage_open(int argc, char **argv)
{
	world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (world == MAP_FAILED)
		return -1;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return 0;
}

#endif
