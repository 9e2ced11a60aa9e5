/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - the queue from the outside: place, list, find, steer, due
 */
#include "unit.h"

#include "base/mem.h"
#include "queue/counters.h"
#include "queue/pause.h"
#include "queue_internal.h"
#include "store_side.h"

#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static const char accounts[] =
    "[account work]\nhost = h.example\n"
    "[account other]\nhost = h.example\nretry-max = 6h\n";

struct desk {
	struct side side;
	char path[128];			/* of the configuration */
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_queue *queue;
	struct mc_log log;
	char said[4096];		/* by the queue, with its level */
};

static void
desk_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct desk *d = ctx;
	size_t n = strlen(d->said);

	(void)stage;
	(void)snprintf(d->said + n, sizeof(d->said) - n, "%d %s\n", (int)level,
	    text);
}

static struct mc_config *
load(struct desk *d, const char *text)
{
	struct mc_config *config = NULL;
	struct mc_err err = { .code = MC_OK };

	side_write(d->path, text, strlen(text));
	if (mc_config_load(&d->caller, d->path, NULL, NULL, &config,
	    &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

static void
desk_open(struct desk *d)
{
	struct mc_err err = { .code = MC_OK };

	mc_queue_free(d->queue);
	d->queue = NULL;
	if (mc_queue_open(&d->caller, d->config, 0, &d->queue, &err) != 0)
		fail_msg("%s", err.text);
	mc_queue_set_log(d->queue, MC_LOG_WARN, desk_log, d);
}

static void
desk_init(struct desk *d)
{
	char text[512];

	memset(d, 0, sizeof(*d));
	side_init(&d->side);
	(void)snprintf(d->path, sizeof(d->path), "%s/config", d->side.top);
	d->caller.uid = geteuid();
	(void)snprintf(text, sizeof(text), "queue-dir = %s\n%s", d->side.dir,
	    accounts);
	d->config = load(d, text);
	desk_open(d);
}

static void
desk_clear(struct desk *d)
{
	mc_queue_free(d->queue);
	mc_config_free(d->config);
	side_clear(&d->side);
}

static int64_t
now(void)
{
	return (int64_t)time(NULL);
}

/* the message's file, and a lock on it as a runner would have */
static int
lock(struct desk *d, const char *id)
{
	int fd = open(side_path(&d->side, "q", 'm', id), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	return fd;
}

static void
spoil(struct desk *d, const char *id)
{
	int fd = open(side_path(&d->side, "q", 'm', id), O_WRONLY);

	assert_int_equal(mc_file_pwrite(fd, "x", 1, 0, NULL), 0);
	(void)close(fd);
}

/* in bad/, as a runner puts it there */
static void
banish(struct desk *d, const char *id)
{
	struct mc_entry *entry;
	struct mc_err err = { .code = MC_OK };

	spoil(d, id);
	assert_err(mc_store_claim(d->side.store, id, true, &entry, &err), err,
	    MC_E_QUEUE_DAMAGED);
}

/* nobody is left, and one never got it; kept until */
static void
let_fail(struct desk *d, const char *id, int64_t until)
{
	struct mc_entry *entry = side_claim(&d->side, id);
	const size_t got[] = { 0 }, not[] = { 1, 2 };

	assert_int_equal(mc_entry_mark(entry, got, 1, MC_CELL_DELIVERED,
	    NULL), 0);
	assert_int_equal(mc_entry_mark(entry, not, 2, MC_CELL_REPORTED, NULL),
	    0);
	assert_int_equal(mc_entry_keep(entry, until, NULL), 0);
	mc_entry_close(entry);
}

/* ------------------------------------------------------------- seen things */

struct seen {
	size_t n;
	char id[32];
	enum mc_queue_state state;
	int64_t next_attempt;
	int64_t hold_until;
	uint64_t size;
	size_t pending;
	char account[64];
	char pause[256];		/* "" for NULL */
	char verdicts[200];		/* a letter each */
	size_t stop_at;			/* 0: never */
	const char *only;		/* NULL: the last one stays */
};

static char
letter(enum mc_verdict verdict)
{
	static const char letters[] = "PDFTU";

	return letters[verdict];
}

static int
see(void *ctx, const struct mc_queue_message *m)
{
	struct seen *s = ctx;
	struct mc_queue_recipient r;
	size_t i;

	s->n++;
	if (s->n == s->stop_at)
		return 42;
	if (s->only != NULL && strcmp(s->only, m->id) != 0)
		return 0;
	(void)snprintf(s->id, sizeof(s->id), "%s", m->id);
	s->state = m->state;
	s->next_attempt = m->next_attempt;
	s->hold_until = m->hold_until;
	s->size = m->size;
	s->pending = m->pending;
	(void)snprintf(s->account, sizeof(s->account), "%s", m->account);
	(void)snprintf(s->pause, sizeof(s->pause), "%s",
	    m->pause == NULL ? "" : m->pause);
	for (i = 0; mc_queue_rcpt(m, i, &r) == 0; i++) {
		assert_non_null(r.address);
		s->verdicts[i] = letter(r.verdict);
	}
	s->verdicts[i] = '\0';
	assert_int_equal(i, m->recipients);
	return 0;
}

static struct seen
look(struct desk *d, const char *id)
{
	struct seen seen = { .only = id };
	struct mc_err err = { .code = MC_OK };

	if (mc_queue_list(d->queue, see, &seen, &err) != 0)
		fail_msg("%s", err.text);
	if (id != NULL)
		assert_string_equal(seen.id, id);
	return seen;
}

static int
count_note(void *ctx, const char *address, int64_t when, const char *text)
{
	char *said = ctx;
	size_t n = strlen(said);

	(void)snprintf(said + n, 1000 - n, "%s %lld %s\n",
	    address == NULL ? "-" : address, (long long)when, text);
	return n > 500;
}

static int
add_bytes(void *ctx, const void *p, size_t n)
{
	struct mc_buf *b = ctx;

	mc_buf_add(b, p, n);
	return b->max == 1;
}

/* ------------------------------------------------------------------- place */

static void
place(void **state)
{
	static const struct {
		unsigned long uid;
		const char *keys;
		const char *home;
		char *env;
		const char *want;	/* NULL: no place */
	} rows[] = {
		{ 0, "", "/root", NULL, "/var/spool/mailchute" },
		{ 0, "", NULL, (char *)"XDG_STATE_HOME=/s",
		    "/var/spool/mailchute" },
		{ 0, "queue-dir = /q\n", "/root", NULL, "/q" },
		{ 1000, "queue-dir = ~/q\n", "/home/u", NULL, "/home/u/q" },
		{ 1000, "", "/home/u", NULL,
		    "/home/u/.local/state/mailchute/queue" },
		{ 1000, "", "/home/u", (char *)"XDG_STATE_HOME=/s",
		    "/s/mailchute/queue" },
		{ 1000, "", NULL, (char *)"XDG_STATE_HOME=/s",
		    "/s/mailchute/queue" },
		/* the rules of XDG: what is not absolute does not count */
		{ 1000, "", "/home/u", (char *)"XDG_STATE_HOME=s",
		    "/home/u/.local/state/mailchute/queue" },
		{ 1000, "", "home", (char *)"XDG_STATE_HOME=s", NULL },
		{ 1000, "", NULL, NULL, NULL },
		{ 1000, "", "", NULL, NULL },
	};
	struct desk d;

	(void)state;
	desk_init(&d);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char *envp[] = { rows[i].env, NULL };
		struct mc_caller caller = { .uid = rows[i].uid,
		    .home = rows[i].home, .envp = envp };
		struct mc_err err = { .code = MC_OK };
		struct mc_config *config;
		struct mc_queue *queue;
		struct mc_buf out;

		d.caller.home = rows[i].home;
		config = load(&d, rows[i].keys);
		mc_buf_init(&out, MC_QUEUE_PLACE);
		mc_buf_addz(&out, "what was there");
		int rc = mc_queue_place(&caller, config, &out, &err);
		if (rows[i].want != NULL) {
			assert_int_equal(rc, 0);
			assert_string_equal(out.ptr, rows[i].want);
		} else {
			assert_err(rc, err, MC_E_QUEUE);
			assert_string_equal(err.text,
			    "no place for a queue: set queue-dir");
			mc_err_reset(&err);
			assert_err(mc_queue_open(&caller, config, 0, &queue,
			    &err), err, MC_E_QUEUE);
		}
		mc_buf_clear(&out);
		mc_config_free(config);
	}
	desk_clear(&d);
}

static void
settings(void **state)
{
	struct mc_store_settings set = { .dir = NULL };
	struct mc_config *config;
	struct mc_buf place_buf;
	struct desk d;

	(void)state;
	desk_init(&d);
	/* two accounts and no default: the global keys are there still */
	config = load(&d, "queue-dir = /q\nqueue-max-messages = 7\n"
	    "queue-max-bytes = 1M\nqueue-reserve = 2k\nqueue-any-fs = yes\n"
	    "[account a]\nhost = h.example\n[account b]\nhost = h.example\n");
	mc_buf_init(&place_buf, MC_QUEUE_PLACE);
	assert_int_equal(mc_queue_settings(&d.caller, config, &place_buf, &set,
	    NULL), 0);
	assert_string_equal(set.dir, "/q");
	assert_int_equal(set.max_messages, 7);
	assert_int_equal(set.max_bytes, 1 << 20);
	assert_int_equal(set.reserve_bytes, 2048);
	assert_true(set.any_fs);
	assert_false(set.no_create || set.no_sweep);
	mc_buf_clear(&place_buf);
	mc_config_free(config);
	desk_clear(&d);
}

/* ----------------------------------------------------- no spool, a bad one */

static void
no_spool(void **state)
{
	static const char id[] = "abcdefghijklmnopqrstuvwxyz";
	struct mc_err err = { .code = MC_OK };
	struct seen seen = { .n = 0 };
	size_t damaged = 99;
	char full[32], said[1000] = "";
	struct mc_buf b;
	struct desk d;

	(void)state;
	desk_init(&d);
	mc_store_close(d.side.store);
	d.side.store = NULL;
	side_wipe_dir(d.side.dir);
	desk_open(&d);
	mc_buf_init(&b, 10);
	assert_string_equal(mc_queue_dir(d.queue), d.side.dir);
	assert_int_equal(mc_queue_list(d.queue, see, &seen, &err), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(mc_queue_due(d.queue, &err), 0);
	assert_int_equal(mc_queue_check(d.queue, NULL, NULL, &damaged, &err),
	    0);
	assert_int_equal(damaged, 0);
	assert_err(mc_queue_find(d.queue, "a", full, &err), err,
	    MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_show(d.queue, id, see, &seen, &err), err,
	    MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_notes(d.queue, id, count_note, said, &err), err,
	    MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_read(d.queue, id, add_bytes, &b, &err), err,
	    MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_hold(d.queue, id, &err), err, MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_release(d.queue, id, &err), err, MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_retry(d.queue, id, &err), err, MC_E_QUEUE_NONE);
	mc_err_reset(&err);
	assert_err(mc_queue_remove(d.queue, id, &err), err, MC_E_QUEUE_NONE);
	assert_int_not_equal(access(d.side.dir, F_OK), 0);
	/* until it is wanted */
	mc_queue_free(d.queue);
	d.queue = NULL;
	mc_err_reset(&err);
	assert_int_equal(mc_queue_open(&d.caller, d.config, MC_QUEUE_CREATE,
	    &d.queue, &err), 0);
	assert_int_equal(access(d.side.dir, F_OK), 0);
	assert_int_equal(mc_queue_list(d.queue, see, &seen, &err), 0);
	desk_clear(&d);
}

static void
bad_spools(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_queue *queue = NULL;
	struct desk d;

	(void)state;
	desk_init(&d);
	assert_int_equal(chmod(d.side.dir, 0755), 0);
	assert_err(mc_queue_open(&d.caller, d.config, 0, &queue, &err), err,
	    MC_E_QUEUE);
	assert_non_null(strstr(err.text, "open to others"));
	assert_int_equal(mc_err_exit(&err), 75);
	assert_int_equal(chmod(d.side.dir, 0700), 0);
	/* not a directory */
	side_wipe_dir(d.side.dir);
	side_write(d.side.dir, "x", 1);
	mc_err_reset(&err);
	assert_err(mc_queue_open(&d.caller, d.config, 0, &queue, &err), err,
	    MC_E_QUEUE);
	mc_err_reset(&err);
	assert_err(mc_queue_open(&d.caller, d.config, MC_QUEUE_CREATE, &queue,
	    &err), err, MC_E_QUEUE);
	assert_null(queue);
	mc_queue_free(NULL);
	assert_int_equal(unlink(d.side.dir), 0);
	desk_clear(&d);
}

/* who only asks leaves what another writes, or has not finished, alone */
static void
no_sweep(void **state)
{
	static const char id[] = "abcdefghijklmnopqrstuvwxyz";
	struct desk d;

	(void)state;
	desk_init(&d);
	side_write(side_path(&d.side, "q", 't', id), "half", 4);
	desk_open(&d);
	assert_int_equal(side_count(&d.side, "q", 't'), 1);
	assert_int_equal(look(&d, NULL).n, 0);
	mc_queue_free(d.queue);
	assert_int_equal(mc_queue_open(&d.caller, d.config, MC_QUEUE_CREATE,
	    &d.queue, NULL), 0);
	assert_int_equal(side_count(&d.side, "q", 't'), 0);
	desk_clear(&d);
}

/* -------------------------------------------------------------------- list */

static void
list_fields(void **state)
{
	const size_t got[] = { 0 }, refused[] = { 2 };
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1], held[MC_ID_LEN + 1];
	struct mc_entry *entry;
	struct seen seen;
	struct desk d;

	(void)state;
	desk_init(&d);
	side_rcpts(&d.side, 4);
	mc_envelope_at(&d.side.env, 1)->verdict = MC_UNSURE;
	side_put(&d.side, id);
	entry = side_claim(&d.side, id);
	assert_int_equal(mc_entry_mark(entry, got, 1, MC_CELL_DELIVERED, &err),
	    0);
	assert_int_equal(mc_entry_mark(entry, refused, 1, MC_CELL_FAILED,
	    &err), 0);
	mc_entry_close(entry);
	seen = look(&d, id);
	assert_int_equal(seen.n, 1);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_string_equal(seen.verdicts, "DUFP");
	assert_int_equal(seen.pending, 2);
	assert_int_equal(seen.size, strlen(HEADER) + 2 + strlen(BODY));
	assert_int_equal(seen.next_attempt, ARRIVAL + 300);
	assert_string_equal(seen.account, "work");
	assert_string_equal(seen.pause, "");
	side_put(&d.side, held);
	assert_int_equal(mc_queue_hold(d.queue, held, &err), 0);
	assert_int_equal(look(&d, held).state, MC_QUEUE_HELD);
	assert_int_equal(look(&d, held).n, 2);
	/* a lock on it means nothing then */
	int fd = lock(&d, held);
	assert_int_equal(look(&d, held).state, MC_QUEUE_HELD);
	(void)close(fd);
	desk_clear(&d);
}

static void
list_active(void **state)
{
	char id[MC_ID_LEN + 1], other[MC_ID_LEN + 1];
	struct seen seen = { .n = 0 };
	struct desk d;
	int fd;

	(void)state;
	if (access("/proc/locks", R_OK) != 0)
		skip();
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, other);
	fd = lock(&d, id);
	assert_int_equal(look(&d, id).state, MC_QUEUE_ACTIVE);
	assert_int_equal(look(&d, other).state, MC_QUEUE_WAITING);
	assert_int_equal(mc_queue_show(d.queue, id, see, &seen, NULL), 0);
	assert_int_equal(seen.state, MC_QUEUE_ACTIVE);
	(void)close(fd);
	assert_int_equal(look(&d, id).state, MC_QUEUE_WAITING);
	desk_clear(&d);
}

static void
list_failed_damaged(void **state)
{
	char id[MC_ID_LEN + 1], failed[MC_ID_LEN + 1], bad[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct seen seen;
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, failed);
	side_put(&d.side, bad);
	let_fail(&d, failed, ARRIVAL + 1000);
	banish(&d, bad);
	spoil(&d, id);
	seen = look(&d, failed);
	assert_int_equal(seen.n, 3);
	assert_int_equal(seen.state, MC_QUEUE_FAILED);
	assert_int_equal(seen.next_attempt, ARRIVAL + 1000);
	assert_string_equal(seen.verdicts, "DFF");
	assert_int_equal(seen.pending, 0);
	/* in bad/, and still in its place: looking moves nothing */
	seen = look(&d, bad);
	assert_int_equal(seen.state, MC_QUEUE_DAMAGED);
	assert_true(seen.size > 4096);
	assert_string_equal(seen.account, "");
	seen = look(&d, id);
	assert_int_equal(seen.state, MC_QUEUE_DAMAGED);
	assert_true(seen.size > 4096);
	assert_int_equal(side_count(&d.side, "q", 'm'), 2);
	assert_err(mc_queue_show(d.queue, id, see, &seen, &err), err,
	    MC_E_QUEUE_DAMAGED);
	mc_err_reset(&err);
	assert_err(mc_queue_show(d.queue, bad, see, &seen, &err), err,
	    MC_E_QUEUE_DAMAGED);
	assert_non_null(strstr(err.text, "/bad/m-"));
	desk_clear(&d);
}

/* what is no message of ours is told, and is not in the list */
static void
list_odd(void **state)
{
	char id[MC_ID_LEN + 1];
	struct desk d;
	uint32_t version = 99, twice = ~version;
	int fd;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	fd = open(side_path(&d.side, "q", 'm', id), O_WRONLY);
	assert_int_equal(mc_file_pwrite(fd, &version, 4, 8, NULL), 0);
	assert_int_equal(mc_file_pwrite(fd, &twice, 4, 12, NULL), 0);
	(void)close(fd);
	assert_int_equal(look(&d, NULL).n, 0);
	assert_int_equal(d.said[0], '0' + MC_LOG_ERROR);
	assert_non_null(strstr(d.said, "newer release"));
	assert_int_equal(unlink(side_path(&d.side, "q", 'm', id)), 0);
	d.said[0] = '\0';
	assert_int_equal(mkfifo(side_path(&d.side, "q", 'm', id), 0600), 0);
	side_write(side_path(&d.side, "q", 0, "foreign\033[2J"), "x", 1);
	assert_int_equal(look(&d, NULL).n, 0);
	assert_non_null(strstr(d.said, "no plain file"));
	assert_non_null(strstr(d.said, "foreign?[2J: not a name of ours"));
	assert_int_equal(mc_queue_due(d.queue, NULL), 0);
	desk_clear(&d);
}

static void
list_stops(void **state)
{
	char id[MC_ID_LEN + 1];
	struct seen seen = { .stop_at = 2 };
	struct desk d;

	(void)state;
	desk_init(&d);
	for (int i = 0; i < 3; i++)
		side_put(&d.side, id);
	assert_int_equal(mc_queue_list(d.queue, see, &seen, NULL), 42);
	assert_int_equal(seen.n, 2);
	seen = (struct seen){ .stop_at = 1 };
	assert_int_equal(mc_queue_show(d.queue, id, see, &seen, NULL), 42);
	/* in bad/ too */
	banish(&d, id);
	seen = (struct seen){ .stop_at = 3 };
	assert_int_equal(mc_queue_list(d.queue, see, &seen, NULL), 42);
	desk_clear(&d);
}

static void
pause_account(struct desk *d, const char *account, int64_t *ret_until)
{
	const struct mc_schedule schedule = { 600, 3600, 86400, 1800, 3 };
	struct mc_err why = { .code = MC_OK }, err = { .code = MC_OK };
	struct mc_pause pause;

	(void)mc_err_set(&why, MC_E_TLS_CERT, MC_STAGE_TLS, "expired");
	assert_int_equal(mc_pause_add(d->side.store, account, &schedule,
	    MC_FAULT_ACCOUNT, &why, now(), &pause, &err), 0);
	*ret_until = pause.until;
}

static void
list_paused(void **state)
{
	char id[MC_ID_LEN + 1], later[MC_ID_LEN + 1], other[MC_ID_LEN + 1];
	char failed[MC_ID_LEN + 1];
	struct seen seen;
	int64_t until;
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, failed);
	let_fail(&d, failed, ARRIVAL);
	d.side.item.next_attempt = now() + 100000;
	side_put(&d.side, later);
	d.side.item.account = "other";
	side_put(&d.side, other);
	pause_account(&d, "work", &until);
	assert_true(until > now());
	seen = look(&d, id);
	assert_int_equal(seen.next_attempt, until);
	assert_non_null(strstr(seen.pause, "expired"));
	seen = look(&d, later);
	assert_int_equal(seen.next_attempt, d.side.item.next_attempt);
	assert_non_null(strstr(seen.pause, "expired"));
	assert_string_equal(look(&d, other).pause, "");
	assert_string_equal(look(&d, failed).pause, "");
	assert_int_equal(look(&d, failed).next_attempt, ARRIVAL);
	/* somebody wants it tried again */
	assert_int_equal(mc_queue_retry(d.queue, id, NULL), 0);
	assert_string_equal(look(&d, later).pause, "");
	assert_true(look(&d, id).next_attempt <= now());
	desk_clear(&d);
}

/* one that waits for its time: shown, and sent before by its name alone */
static void
list_timed(void **state)
{
	char id[MC_ID_LEN + 1], past[MC_ID_LEN + 1], failed[MC_ID_LEN + 1];
	struct seen seen;
	int64_t until = now() + 30 * 86400;
	struct desk d;

	(void)state;
	desk_init(&d);
	d.side.env.hold_until = d.side.item.next_attempt = until;
	side_put(&d.side, id);
	side_put(&d.side, failed);
	let_fail(&d, failed, until + 1000);
	/* waiting so far ahead is no wrong clock, nor work for a run */
	assert_int_equal(mc_queue_due(d.queue, NULL), 0);
	seen = look(&d, id);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_true(seen.hold_until == until && seen.next_attempt == until);
	assert_int_equal(look(&d, failed).hold_until, 0);
	d.side.env.hold_until = now() - 1;
	d.side.item.next_attempt = now() + 300;
	side_put(&d.side, past);
	assert_int_equal(look(&d, past).hold_until, 0);
	assert_int_equal(mc_queue_remove(d.queue, past, NULL), 0);
	/* hold and release leave the time as it is */
	assert_int_equal(mc_queue_hold(d.queue, id, NULL), 0);
	seen = look(&d, id);
	assert_int_equal(seen.state, MC_QUEUE_HELD);
	assert_true(seen.hold_until == until);
	assert_int_equal(mc_queue_release(d.queue, id, NULL), 0);
	assert_int_equal(mc_queue_release(d.queue, id, NULL), 0);
	seen = look(&d, id);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_true(seen.hold_until == until && seen.next_attempt == until);
	assert_int_equal(mc_queue_due(d.queue, NULL), 0);
	/* a file that has lost its time is shown as what it is */
	side_set_time(side_path(&d.side, "q", 'm', id), 1000);
	assert_true(look(&d, id).next_attempt == until);
	assert_int_equal(mc_queue_hold(d.queue, id, NULL), 0);
	assert_int_equal(mc_queue_retry(d.queue, id, NULL), 0);
	seen = look(&d, id);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_true(seen.hold_until == 0 && seen.next_attempt <= now());
	assert_int_equal(mc_queue_due(d.queue, NULL), 1);
	assert_int_equal(mc_queue_retry(d.queue, failed, NULL), 0);
	assert_int_equal(look(&d, failed).hold_until, 0);
	desk_clear(&d);
}

/* an account that is not in the configuration any more has a pause too */
static void
list_lost_account(void **state)
{
	char id[MC_ID_LEN + 1];
	int64_t until;
	struct desk d;

	(void)state;
	desk_init(&d);
	d.side.item.account = "gone";
	side_put(&d.side, id);
	pause_account(&d, "gone", &until);
	assert_int_equal(look(&d, id).next_attempt, until);
	assert_string_equal(look(&d, id).account, "gone");
	desk_clear(&d);
}

/* ----------------------------------------------------------- find and read */

static void
put_as(struct desk *d, const char *id)
{
	char got[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };

	if (mc_store_put(d->side.store, &d->side.item, id, got, &err) != 0)
		fail_msg("%s", err.text);
}

static void
find(void **state)
{
	static const char one[] = "aaaabbbbccccddddeeeeffff22";
	static const char two[] = "aaaabbbbccccddddeeeeffff33";
	static const char bad[] = "bad2bad2bad2bad2bad2bad2ba";
	static const struct {
		const char *word;
		const char *want;
		enum mc_code code;
	} rows[] = {
		{ one, one, MC_OK },
		{ "AAAABBBBCCCCDDDDEEEEFFFF22", one, MC_OK },
		{ "aaaabbbbccccddddeeeeffff3", two, MC_OK },
		{ "b", bad, MC_OK },
		{ "BAD2", bad, MC_OK },
		{ bad, bad, MC_OK },
		{ "a", NULL, MC_E_USAGE },
		{ "aaaabbbbccccddddeeeeffff", NULL, MC_E_USAGE },
		{ "", NULL, MC_E_USAGE },
		{ "c", NULL, MC_E_QUEUE_NONE },
		{ "aaaabbbbccccddddeeeeffff222", NULL, MC_E_QUEUE_NONE },
		{ "aaaabbbbccccddddeeeeffff44", NULL, MC_E_QUEUE_NONE },
		{ "../m-a\033[2J", NULL, MC_E_QUEUE_NONE },
	};
	struct desk d;

	(void)state;
	desk_init(&d);
	put_as(&d, one);
	put_as(&d, two);
	put_as(&d, bad);
	banish(&d, bad);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		char id[32] = "";
		int rc = mc_queue_find(d.queue, rows[i].word, id, &err);

		if (rows[i].code == MC_OK) {
			assert_int_equal(rc, 0);
			assert_string_equal(id, rows[i].want);
			continue;
		}
		assert_err(rc, err, rows[i].code);
		assert_string_equal(id, "");
		assert_null(strchr(err.text, '\033'));
	}
	/* the same in both places is one */
	put_as(&d, bad);
	char id[32];
	assert_int_equal(mc_queue_find(d.queue, "b", id, NULL), 0);
	assert_string_equal(id, bad);
	desk_clear(&d);
}

static void
notes_and_text(void **state)
{
	char id[MC_ID_LEN + 1], said[1000] = "", want[400];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	struct mc_buf b;
	struct desk d;

	(void)state;
	desk_init(&d);
	mc_envelope_at(&d.side.env, 1)->text = mc_mem_strdup("451 first");
	side_put(&d.side, id);
	entry = side_claim(&d.side, id);
	assert_int_equal(mc_entry_note(entry, 0, 5000, "450 \033[2J", true,
	    NULL), 0);
	assert_int_equal(mc_entry_note(entry, SIZE_MAX, 6000, "all of it",
	    true, NULL), 0);
	mc_entry_close(entry);
	assert_int_equal(mc_queue_notes(d.queue, id, count_note, said, &err),
	    0);
	(void)snprintf(want, sizeof(want), "r1@y.example %lld 451 first\n"
	    "r0@y.example 5000 450 ?[2J\n- 6000 all of it\n",
	    (long long)ARRIVAL);
	assert_string_equal(said, want);
	memset(said, 'x', 600);
	said[600] = '\0';
	assert_int_equal(mc_queue_notes(d.queue, id, count_note, said, &err),
	    1);
	mc_buf_init(&b, 1000);
	assert_int_equal(mc_queue_read(d.queue, id, add_bytes, &b, &err), 0);
	assert_string_equal(b.ptr, HEADER "\r\n" BODY);
	mc_buf_clear(&b);
	mc_buf_init(&b, 1);
	assert_int_equal(mc_queue_read(d.queue, id, add_bytes, &b, &err), 1);
	mc_buf_clear(&b);
	desk_clear(&d);
}

/* a header of nothing, and a body of many pieces */
static void
read_long(void **state)
{
	char id[MC_ID_LEN + 1], piece[1000];
	struct mc_spool body;
	struct mc_buf b;
	struct desk d;

	(void)state;
	desk_init(&d);
	memset(piece, 'b', sizeof(piece));
	mc_spool_init(&body, 1 << 20, NULL);
	for (int i = 0; i < 200; i++)
		assert_int_equal(mc_spool_add(&body, piece, sizeof(piece),
		    NULL), 0);
	d.side.item.body = &body;
	d.side.item.header = MC_STR_NONE;
	side_put(&d.side, id);
	mc_buf_init(&b, 1 << 20);
	assert_int_equal(mc_queue_read(d.queue, id, add_bytes, &b, NULL), 0);
	assert_int_equal(b.len, 2 + 200 * sizeof(piece));
	assert_memory_equal(b.ptr, "\r\nb", 3);
	assert_int_equal(b.ptr[b.len - 1], 'b');
	assert_int_equal(mc_buf_err(&b, "body", NULL), 0);
	mc_buf_clear(&b);
	mc_spool_clear(&body);
	desk_clear(&d);
}

/* ------------------------------------------------------------------- steer */

static void
hold_release(void **state)
{
	char id[MC_ID_LEN + 1], failed[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, failed);
	let_fail(&d, failed, ARRIVAL + 1000);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mc_queue_hold(d.queue, id, &err), 0);
		assert_int_equal(look(&d, id).state, MC_QUEUE_HELD);
		assert_int_equal(look(&d, id).next_attempt, ARRIVAL + 300);
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(mc_queue_release(d.queue, id, &err), 0);
		assert_int_equal(look(&d, id).state, MC_QUEUE_WAITING);
		assert_int_equal(look(&d, id).next_attempt, ARRIVAL + 300);
	}
	assert_err(mc_queue_hold(d.queue, failed, &err), err, MC_E_USAGE);
	/* there is nothing to release, and it stays what it is */
	assert_int_equal(mc_queue_release(d.queue, failed, NULL), 0);
	assert_int_equal(look(&d, failed).state, MC_QUEUE_FAILED);
	assert_int_equal(look(&d, failed).next_attempt, ARRIVAL + 1000);
	desk_clear(&d);
}

static void
retry(void **state)
{
	char id[MC_ID_LEN + 1], held[MC_ID_LEN + 1], failed[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct seen seen;
	struct desk d;

	(void)state;
	desk_init(&d);
	d.side.item.next_attempt = now() + 5000;
	side_put(&d.side, id);
	side_put(&d.side, held);
	side_put(&d.side, failed);
	let_fail(&d, failed, now() + 5000);
	assert_int_equal(mc_queue_hold(d.queue, held, &err), 0);
	assert_int_equal(mc_queue_due(d.queue, &err), 0);
	assert_int_equal(mc_queue_retry(d.queue, id, &err), 0);
	assert_int_equal(mc_queue_due(d.queue, &err), 1);
	assert_int_equal(mc_queue_remove(d.queue, id, &err), 0);
	assert_int_equal(mc_queue_retry(d.queue, held, &err), 0);
	seen = look(&d, held);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_true(seen.next_attempt <= now());
	assert_int_equal(mc_queue_remove(d.queue, held, &err), 0);
	assert_int_equal(mc_queue_retry(d.queue, failed, &err), 0);
	seen = look(&d, failed);
	assert_int_equal(seen.state, MC_QUEUE_WAITING);
	assert_true(seen.next_attempt <= now());
	/* who has it does not get it again */
	assert_string_equal(seen.verdicts, "DPP");
	assert_int_equal(seen.n, 1);
	desk_clear(&d);
}

static void
remove_all_kinds(void **state)
{
	char id[6][MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };
	struct mc_entry *entry;
	struct desk d;

	(void)state;
	desk_init(&d);
	for (size_t i = 0; i < MC_NELEM(id); i++)
		side_put(&d.side, id[i]);
	entry = side_claim(&d.side, id[0]);
	assert_int_equal(mc_entry_note(entry, 0, 5, "x", true, NULL), 0);
	mc_entry_close(entry);
	let_fail(&d, id[1], now() + 100);
	assert_int_equal(mc_queue_hold(d.queue, id[2], &err), 0);
	banish(&d, id[3]);
	spoil(&d, id[4]);
	/* another of the same name in bad/, and its notes */
	banish(&d, id[5]);
	put_as(&d, id[5]);
	entry = side_claim(&d.side, id[5]);
	assert_int_equal(mc_entry_note(entry, 0, 5, "x", true, NULL), 0);
	mc_entry_close(entry);
	banish(&d, id[5]);
	assert_int_equal(side_count(&d.side, "bad", 'm'), 3);
	assert_int_equal(side_count(&d.side, "bad", 'l'), 1);
	for (size_t i = 0; i < MC_NELEM(id); i++)
		if (mc_queue_remove(d.queue, id[i], &err) != 0)
			fail_msg("%zu: %s", i, err.text);
	assert_int_equal(side_count(&d.side, "q", '\0'), 0);
	assert_int_equal(side_count(&d.side, "bad", '\0'), 0);
	for (size_t i = 0; i < MC_NELEM(id); i++) {
		mc_err_reset(&err);
		assert_err(mc_queue_remove(d.queue, id[i], &err), err,
		    MC_E_QUEUE_NONE);
	}
	desk_clear(&d);
}

static void
steer_errors(void **state)
{
	int (*const acts[])(struct mc_queue *, const char *,
	    struct mc_err *) = { mc_queue_hold, mc_queue_release,
	    mc_queue_retry, mc_queue_remove };
	char id[MC_ID_LEN + 1], bad[MC_ID_LEN + 1];
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, bad);
	banish(&d, bad);
	int fd = lock(&d, id);
	for (size_t i = 0; i < MC_NELEM(acts); i++) {
		struct mc_err err = { .code = MC_OK };

		assert_err(acts[i](d.queue, id, &err), err, MC_E_QUEUE_BUSY);
		assert_int_equal(mc_err_exit(&err), 75);
		mc_err_reset(&err);
		assert_err(acts[i](d.queue, "aaaaaaaaaaaaaaaaaaaaaaaaaa",
		    &err), err, MC_E_QUEUE_NONE);
		assert_int_equal(mc_err_exit(&err), 65);
		mc_err_reset(&err);
		assert_err(acts[i](d.queue, "../../etc/passwd", &err), err,
		    MC_E_QUEUE_NONE);
		mc_err_reset(&err);
		if (acts[i] != mc_queue_remove)
			assert_err(acts[i](d.queue, bad, &err), err,
			    MC_E_QUEUE_DAMAGED);
	}
	(void)close(fd);
	assert_int_equal(look(&d, id).state, MC_QUEUE_WAITING);
	assert_int_equal(look(&d, id).n, 2);
	desk_clear(&d);
}

/* nothing can be written: hold and remove need nothing of the kind, and what
 * would be sent is refused */
static int
steer_full(struct desk *d, const char *id)
{
	const struct rlimit none = { 0, 0 };
	struct sigaction sa = { .sa_handler = SIG_IGN };
	struct mc_err err = { .code = MC_OK };

	if (sigaction(SIGXFSZ, &sa, NULL) != 0 ||
	    setrlimit(RLIMIT_FSIZE, &none) != 0)
		return 1;
	if (mc_queue_retry(d->queue, id, &err) == 0 ||
	    err.code != MC_E_QUEUE_READONLY || mc_err_exit(&err) != 75)
		return 2;
	if (mc_queue_hold(d->queue, id, NULL) != 0)
		return 3;
	mc_err_reset(&err);
	if (mc_queue_release(d->queue, id, &err) == 0 ||
	    err.code != MC_E_QUEUE_READONLY)
		return 4;
	return mc_queue_remove(d->queue, id, NULL) == 0 ? 0 : 5;
}

static void
full_disk(void **state)
{
	char id[MC_ID_LEN + 1];
	struct desk d;
	int status;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	pid_t pid = fork();
	if (pid == 0)
		_exit(steer_full(&d, id));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(side_count(&d.side, "q", '\0'), 0);
	desk_clear(&d);
}

/* --------------------------------------------------------------------- due */

static void
due(void **state)
{
	enum kind { PLAIN, HELD, FAILED };
	static const struct {
		int64_t in;		/* seconds from now */
		enum kind kind;
		int want;
	} rows[] = {
		{ -10, PLAIN, 1 },
		{ 0, PLAIN, 1 },
		{ 1000, PLAIN, 0 },
		/* 125 percent of 6 h is the longest wait of all accounts */
		{ 7 * 3600, PLAIN, 0 },
		{ 9 * 3600, PLAIN, 1 },
		{ INT32_MAX, PLAIN, 1 },
		{ -10, HELD, 0 },
		{ 9 * 3600, HELD, 0 },
		{ -10, FAILED, 1 },
		{ 9 * 3600, FAILED, 0 },
	};
	struct desk d;

	(void)state;
	desk_init(&d);
	assert_int_equal(mc_queue_due(d.queue, NULL), 0);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		char id[MC_ID_LEN + 1];

		d.side.item.next_attempt = now() + rows[i].in;
		side_put(&d.side, id);
		if (rows[i].kind == HELD)
			assert_int_equal(mc_queue_hold(d.queue, id, &err), 0);
		if (rows[i].kind == FAILED)
			let_fail(&d, id, now() + rows[i].in);
		int rc = mc_queue_due(d.queue, &err);
		if (rc != rows[i].want)
			fail_msg("row %zu: %d", i, rc);
		assert_int_equal(mc_queue_remove(d.queue, id, &err), 0);
	}
	desk_clear(&d);
}

/* ------------------------------------------------------------------- check */

static void
count_odd(void *ctx, const char *name, const char *what)
{
	size_t *n = ctx;

	assert_true(name[0] != '\0' && what[0] != '\0');
	(*n)++;
}

static void
check(void **state)
{
	char id[MC_ID_LEN + 1];
	size_t damaged = 99, odd = 0;
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	assert_int_equal(mc_queue_check(d.queue, count_odd, &odd, &damaged,
	    NULL), 0);
	assert_int_equal(damaged, 0);
	assert_int_equal(odd, 0);
	spoil(&d, id);
	assert_int_equal(mc_queue_check(d.queue, count_odd, &odd, &damaged,
	    NULL), 0);
	assert_int_equal(damaged, 1);
	assert_true(odd >= 1);
	desk_clear(&d);
}

/* ------------------------------------------------------ scans of the store */

struct scanned {
	size_t n;
	size_t notes;
	size_t sizes;
	int stop;
};

static int
scan_one(void *ctx, const struct mc_store_stat *st)
{
	struct scanned *s = ctx;

	assert_true(mc_store_is_id(st->id));
	s->n++;
	s->notes += st->notes;
	s->sizes += st->size != 0;
	return s->stop;
}

static void
scans(void **state)
{
	struct scanned s = { .n = 0 };
	char id[MC_ID_LEN + 1];
	struct mc_store_stat st;
	struct mc_entry *entry;
	struct mc_entry_info info;
	struct stat file;
	struct desk d;

	(void)state;
	desk_init(&d);
	side_put(&d.side, id);
	side_put(&d.side, id);
	entry = side_claim(&d.side, id);
	assert_int_equal(mc_entry_note(entry, 0, 5, "x", false, NULL), 0);
	mc_entry_info(entry, &info);
	mc_entry_close(entry);
	assert_int_equal(stat(side_path(&d.side, "q", 'm', id), &file), 0);
	assert_true(info.dev == file.st_dev && info.ino == file.st_ino);
	/* a name is told whatever has it, or there would be a stat for each */
	assert_int_equal(mkfifo(side_path(&d.side, "q", 'm',
	    "aaaaaaaaaaaaaaaaaaaaaaaaaa"), 0600), 0);
	assert_int_equal(mc_store_scan_names(d.side.store, scan_one, &s, NULL),
	    0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.notes, 1);
	assert_int_equal(s.sizes, 0);
	s = (struct scanned){ .stop = 7 };
	assert_int_equal(mc_store_scan_names(d.side.store, scan_one, &s, NULL),
	    7);
	assert_int_equal(s.n, 1);
	s = (struct scanned){ .n = 0 };
	(void)failmalloc(1, true);
	assert_int_equal(mc_store_scan_quick(d.side.store, scan_one, &s, NULL),
	    0);
	assert_int_equal(failmalloc(0, false), 0);
	assert_int_equal(s.n, 2);
	assert_int_equal(s.sizes, 2);
	s = (struct scanned){ .stop = 7 };
	assert_int_equal(mc_store_scan_quick(d.side.store, scan_one, &s, NULL),
	    7);
	assert_int_equal(s.n, 1);
	assert_int_equal(mc_store_stat_id(d.side.store, id, &st), 1);
	assert_string_equal(st.id, id);
	assert_int_equal(st.size, file.st_size);
	assert_int_equal(mc_store_stat_id(d.side.store,
	    "aaaaaaaaaaaaaaaaaaaaaaaaaa", &st), 0);
	assert_int_equal(mc_store_stat_id(d.side.store,
	    "bbbbbbbbbbbbbbbbbbbbbbbbbb", &st), 0);
	assert_int_equal(mc_store_stat_id(d.side.store, "../q", &st), 0);
	assert_int_equal(mc_store_drop_bad(d.side.store, "../q", NULL), 0);
	desk_clear(&d);
}

/* ------------------------------------------------------------------- stats */

struct told {
	size_t n;
	size_t stop_at;
	uint64_t messages;
	char names[500];
	struct mc_queue_account work;
};

static int
tell_account(void *ctx, const struct mc_queue_account *a)
{
	struct told *t = ctx;
	size_t len = strlen(t->names);

	if (++t->n == t->stop_at)
		return 42;
	(void)snprintf(t->names + len, sizeof(t->names) - len, "%s,",
	    a->account);
	for (size_t i = 0; i < MC_STATS; i++)
		t->messages += a->messages[i];
	if (strcmp(a->account, "work") == 0)
		t->work = *a;
	return 0;
}

static void
stats(void **state)
{
	struct told t = { .n = 0 }, stopped = { .stop_at = 2 };
	struct mc_err err = { .code = MC_OK };
	char id[MC_ID_LEN + 1];
	struct desk d;
	int64_t until;
	int fd[2];

	(void)state;
	desk_init(&d);
	d.side.item.account = "zoo";
	side_put(&d.side, id);
	d.side.item.account = "aaa";
	side_put(&d.side, id);
	d.side.item.account = "work";
	side_put(&d.side, id);
	side_put(&d.side, id);
	banish(&d, id);
	pause_account(&d, "work", &until);
	assert_true(mc_counters_add(d.side.store, "work",
	    &(struct mc_counts){ 1, 2, 3, 4 }));
	/* whoever is not in the queue any more has numbers all the same */
	assert_true(mc_counters_add(d.side.store, "past",
	    &(struct mc_counts){ .queued = 1 }));
	assert_int_equal(mc_queue_stats(d.queue, -1, tell_account, &t, &err),
	    0);
	assert_string_equal(t.names, ",aaa,other,past,work,zoo,");
	assert_int_equal(t.messages, 4);
	assert_int_equal(t.work.messages[MC_STAT_DEFERRED], 1);
	assert_int_equal(t.work.bytes[MC_STAT_DEFERRED], strlen(HEADER) + 2 +
	    strlen(BODY));
	assert_int_equal(t.work.oldest, ARRIVAL);
	assert_int_equal(t.work.paused_until, until);
	assert_int_equal(t.work.next_attempt, until);
	assert_int_equal(t.work.queued, 1);
	assert_int_equal(t.work.delivered, 2);
	assert_int_equal(t.work.deferred, 3);
	assert_int_equal(t.work.failed, 4);
	assert_in_range(t.work.since, now() - 60, now());
	assert_int_equal(mc_queue_stats(d.queue, -1, tell_account, &stopped,
	    NULL), 42);
	assert_int_equal(stopped.n, 2);
	/* somebody wants it to end */
	assert_int_equal(pipe(fd), 0);
	t = (struct told){ .n = 0 };
	assert_int_equal(mc_queue_stats(d.queue, fd[0], tell_account, &t,
	    &err), 0);
	assert_int_equal(write(fd[1], "", 1), 1);
	assert_err(mc_queue_stats(d.queue, fd[0], tell_account, &t, &err),
	    err, MC_E_CANCELLED);
	assert_int_equal(t.n, 6);
	(void)close(fd[0]);
	(void)close(fd[1]);
	desk_clear(&d);
}

static int
tell_refusal(void *ctx, const struct mc_queue_refusal *r)
{
	struct mc_buf *b = ctx;

	assert_in_range(r->since, now() - 60, now());
	mc_buf_addf(b, "%s=%d,", r->reason, (int)r->count);
	return strcmp(r->reason, "stop") == 0 ? 42 : 0;
}

static void
refusals(void **state)
{
	struct desk d;
	struct mc_buf b;

	(void)state;
	desk_init(&d);
	mc_buf_init(&b, 1000);
	assert_int_equal(mc_queue_refusals(d.queue, tell_refusal, &b), 0);
	assert_int_equal(b.len, 0);
	assert_true(mc_refused_add(d.side.store, "sender", 3));
	assert_true(mc_refused_add(d.side.store, "share", 1));
	assert_int_equal(mc_queue_refusals(d.queue, tell_refusal, &b), 0);
	assert_string_equal(b.ptr, "sender=3,share=1,");
	assert_true(mc_refused_add(d.side.store, "stop", 1));
	assert_true(mc_refused_add(d.side.store, "size", 1));
	mc_buf_reset(&b);
	assert_int_equal(mc_queue_refusals(d.queue, tell_refusal, &b), 42);
	assert_string_equal(b.ptr, "sender=3,share=1,stop=1,");
	mc_buf_clear(&b);
	desk_clear(&d);
}

/* --------------------------------------------------------------- no memory */

/* 0, or -1 with the first error of one round through everything */
static int
round_trip(struct desk *d, const char *id, struct mc_err *err)
{
	struct seen seen = { .n = 0 };
	struct told told = { .n = 0 };
	struct mc_queue *queue = NULL;
	char full[32], said[1000] = "";
	struct mc_buf b;
	int rc = -1;

	mc_buf_init(&b, 10000);
	if (mc_queue_open(&d->caller, d->config, 0, &queue, err) == 0 &&
	    mc_queue_list(queue, see, &seen, err) == 0 &&
	    mc_queue_stats(queue, -1, tell_account, &told, err) == 0 &&
	    mc_queue_find(queue, id, full, err) == 0 &&
	    mc_queue_show(queue, id, see, &seen, err) == 0 &&
	    mc_queue_notes(queue, id, count_note, said, err) == 0 &&
	    mc_queue_read(queue, id, add_bytes, &b, err) == 0 &&
	    mc_queue_due(queue, err) >= 0 &&
	    mc_queue_hold(queue, id, err) == 0 &&
	    mc_queue_release(queue, id, err) == 0 &&
	    mc_queue_retry(queue, id, err) == 0)
		rc = 0;
	mc_buf_clear(&b);
	mc_queue_free(queue);
	return rc;
}

static void
no_memory(void **state)
{
	char id[MC_ID_LEN + 1];
	struct mc_entry *entry;
	unsigned long n;
	int64_t until;
	struct desk d;
	int rc = -1;

	(void)state;
	desk_init(&d);
	mc_envelope_at(&d.side.env, 1)->text = mc_mem_strdup("451 first");
	side_put(&d.side, id);
	entry = side_claim(&d.side, id);
	assert_int_equal(mc_entry_note(entry, 0, 5000, "x", true, NULL), 0);
	mc_entry_close(entry);
	pause_account(&d, "work", &until);
	for (n = 1; rc != 0; n++) {
		struct mc_err err = { .code = MC_OK };

		failmalloc(n, false);
		rc = round_trip(&d, id, &err);
		/* one that is done without is counted, and was not missed */
		if (rc == 0 && failmalloc(0, false) >= n)
			rc = 1;
		failmalloc(0, false);
		if (rc < 0)
			assert_err(rc, err, MC_E_NOMEM);
		/* whatever was left out, the message is there and whole */
		assert_int_equal(look(&d, id).n, 1);
	}
	assert_true(n > 30);
	desk_clear(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(place),
		cmocka_unit_test(settings),
		cmocka_unit_test(no_spool),
		cmocka_unit_test(bad_spools),
		cmocka_unit_test(no_sweep),
		cmocka_unit_test(list_fields),
		cmocka_unit_test(list_active),
		cmocka_unit_test(list_failed_damaged),
		cmocka_unit_test(list_odd),
		cmocka_unit_test(list_stops),
		cmocka_unit_test(list_paused),
		cmocka_unit_test(list_timed),
		cmocka_unit_test(list_lost_account),
		cmocka_unit_test(find),
		cmocka_unit_test(notes_and_text),
		cmocka_unit_test(read_long),
		cmocka_unit_test(hold_release),
		cmocka_unit_test(retry),
		cmocka_unit_test(remove_all_kinds),
		cmocka_unit_test(steer_errors),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(due),
		cmocka_unit_test(check),
		cmocka_unit_test(scans),
		cmocka_unit_test(stats),
		cmocka_unit_test(refusals),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
