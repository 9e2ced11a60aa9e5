/* SPDX-License-Identifier: MIT */
/*
 * test_runner.c - a run over the queue
 */
#include "runner_stage.h"

#include "base/confine.h"
#include "base/secret.h"
#include "config/source.h"
#include "queue/counters.h"
#include "transport/login.h"

#include <sys/file.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#endif

/* --------------------------------------------------------------------- tests */

static void
test_delivers(void **state)
{
	struct stage s;

	(void)state;
	set_up(&s, "");
	put_to(&s, "ok1 ok2", 0);
	run_ok(&s);
	assert_int_equal(times_sent("ok1@y.example"), 1);
	assert_int_equal(times_sent("ok2@y.example"), 1);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(side_count(&s.side, "q", 'l'), 0);
	assert_int_equal(s.events[MC_DELIVERED], 2);
	assert_non_null(strstr(world->text, HEADER));
	assert_non_null(strstr(world->text, BODY));
	tear_down(&s);
}

static void
test_not_due(void **state)
{
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	s.side.item.next_attempt = now() + 300;
	id = put_to(&s, "ok", 0);
	run_ok(&s);
	assert_int_equal(world->opens, 0);
	s.run.ids = &id;
	s.run.n_ids = 1;
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	assert_int_equal(waiting(&s), 0);
	tear_down(&s);
}

static void
test_no_such_id(void **state)
{
	struct mc_err err = { 0 };
	const char *id = "abcdefghijklmnopqrstuvwxyz";
	struct stage s;

	(void)state;
	set_up(&s, "");
	s.run.ids = &id;
	s.run.n_ids = 1;
	assert_err(run(&s, &err), err, MC_E_QUEUE_NONE);
	tear_down(&s);
}

static void
test_one_connection(void **state)
{
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "connections = 1\n");
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	assert_int_equal(world->n_sent, 40);
	assert_int_equal(world->opens, 1);
	assert_int_equal(world->closes, 1);
	tear_down(&s);
}

static void
test_two_connections(void **state)
{
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "");
	for (int i = 0; i < 60; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	assert_int_equal(world->n_sent, 60);
	assert_in_range(world->opens, 1, 2);
	assert_int_equal(waiting(&s), 0);
	tear_down(&s);
}

static void
test_messages_per_connection(void **state)
{
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "connections = 1\nmessages-per-connection = 5\n");
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	assert_int_equal(world->n_sent, 20);
	assert_int_equal(world->opens, 4);
	tear_down(&s);
}

static void
test_deferred(void **state)
{
	struct mc_entry_info info;
	char cells[10];
	struct stage s;
	const char *id;
	int64_t begun = now();

	(void)state;
	set_up(&s, "retry-min = 100\n");
	id = put_to(&s, "ok later", 0);
	run_ok(&s);
	info = look(&s, id, cells);
	assert_string_equal(cells, "DP");
	assert_int_equal(info.attempts, 1);
	assert_in_range(info.next_attempt, begun + 75, now() + 125);
	assert_int_equal(s.events[MC_DEFERRED], 1);
	assert_int_equal(s.last.next_attempt, info.next_attempt);
	run_ok(&s);
	assert_int_equal(world->sends, 1);
	/* the wait doubles */
	s.run.ids = &id;
	s.run.n_ids = 1;
	begun = now();
	/* notes of the same second are one attempt */
	(void)poll(NULL, 0, 1100);
	run_ok(&s);
	info = look(&s, id, cells);
	assert_int_equal(info.attempts, 2);
	assert_in_range(info.next_attempt, begun + 150, now() + 250);
	assert_int_equal(times_sent("ok@y.example"), 1);
	tear_down(&s);
}

static void
test_failed(void **state)
{
	struct mc_entry_info info;
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	id = put_to(&s, "ok bad", 0);
	run_ok(&s);
	info = look(&s, id, cells);
	assert_string_equal(cells, "DB");
	assert_true(info.failed);
	assert_in_range(info.next_attempt, now() + 990, now() + 1000);
	/* the report has gone the same way, at once */
	assert_int_equal(times_sent("me@x.example"), 1);
	assert_int_equal(waiting(&s), 1);
	assert_non_null(strstr(world->text, "multipart/report"));
	assert_non_null(strstr(world->text, "bad@y.example"));
	assert_null(strstr(world->text, "ok@y.example"));
	run_ok(&s);
	assert_int_equal(world->sends, 2);
	tear_down(&s);
}

static void
test_failed_goes_at_last(void **state)
{
	struct mc_entry *entry;
	struct mc_err err = { 0 };
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	id = put_to(&s, "bad", MC_NOTIFY_NEVER);
	run_ok(&s);
	assert_true(look(&s, id, cells).failed);
	assert_string_equal(cells, "B");
	assert_int_equal(world->n_sent, 0);
	/* time passes: the note gets old with everything else */
	entry = side_claim(&s.side, id);
	assert_int_equal(mc_entry_note(entry, 0, now() - 2000, "long ago",
	    false, &err), 0);
	assert_int_equal(mc_entry_keep(entry, now() - 1, &err), 0);
	mc_entry_close(entry);
	run_ok(&s);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(world->sends, 1);
	tear_down(&s);
}

static void
test_no_report_about_reports(void **state)
{
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	s.side.item.is_report = true;
	id = put_to(&s, "bad", MC_NOTIFY_FAILURE);
	run_ok(&s);
	assert_true(look(&s, id, cells).failed);
	assert_int_equal(waiting(&s), 1);
	assert_int_equal(world->sends, 1);
	tear_down(&s);
}

static void
test_no_report_to_nobody(void **state)
{
	char cells[10];
	struct stage s;
	char id[MC_ID_LEN + 1];
	size_t i;

	(void)state;
	set_up(&s, "");
	mc_envelope_clear(&s.side.env);
	assert_int_equal(mc_envelope_set_sender(&s.side.env, MC_STR_NONE,
	    NULL), 0);
	assert_int_equal(mc_envelope_add(&s.side.env,
	    MC_STR("bad@y.example"), false, &i, NULL), 0);
	s.side.item.n = 1;
	side_put(&s.side, id);
	run_ok(&s);
	assert_true(look(&s, id, cells).failed);
	assert_int_equal(waiting(&s), 1);
	assert_int_equal(world->sends, 1);
	tear_down(&s);
}

/* a crash between the state and the report */
static void
test_report_is_made_up_for(void **state)
{
	struct mc_entry *entry;
	struct mc_err err = { 0 };
	static const size_t which[] = { 0 };
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	id = put_to(&s, "bad later", 0);
	entry = side_claim(&s.side, id);
	assert_int_equal(mc_entry_note(entry, 0, now(), "[550 5.1.1] gone",
	    true, &err), 0);
	assert_int_equal(mc_entry_mark(entry, which, 1, MC_CELL_FAILED, &err),
	    0);
	mc_entry_close(entry);
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "BP");
	assert_int_equal(times_sent("me@x.example"), 1);
	assert_non_null(strstr(world->text, "5.1.1"));
	tear_down(&s);
}

static void
test_unsure(void **state)
{
	struct mc_entry_info info;
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "unsure-wait = 2000\nunsure-retries = 1\n");
	id = put_to(&s, "unsure", 0);
	run_ok(&s);
	info = look(&s, id, cells);
	assert_string_equal(cells, "U");
	assert_true(info.next_attempt >= now() + 1990);
	assert_int_equal(world->sends, 1);
	assert_int_equal(s.events[MC_UNSURE], 1);
	(void)poll(NULL, 0, 1100);
	s.run.ids = &id;
	s.run.n_ids = 1;
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "B");
	assert_int_equal(world->sends, 3);
	assert_int_equal(times_sent("me@x.example"), 1);
	assert_non_null(strstr(world->text, "unsure@y.example"));
	tear_down(&s);
}

static void
test_never_unsure_twice(void **state)
{
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "unsure-retries = 0\n");
	id = put_to(&s, "unsure", MC_NOTIFY_NEVER);
	run_ok(&s);
	assert_true(look(&s, id, cells).failed);
	assert_string_equal(cells, "B");
	assert_int_equal(world->sends, 1);
	tear_down(&s);
}

static void
test_account_fails(void **state)
{
	struct mc_pause pause;
	char cells[10];
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "");
	world->open_code = MC_E_AUTH_REFUSED;
	for (int i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	/* thirty messages are one failed log-in */
	assert_int_equal(world->opens, 1);
	assert_int_equal(waiting(&s), 30);
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 0);
	assert_string_equal(cells, "P");
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until >= now() + 200);
	assert_non_null(strstr(pause.text, "not for us"));
	run_ok(&s);
	assert_int_equal(world->opens, 1);
	/* somebody has mended it */
	mc_pause_clear(s.side.store, "work");
	world->open_code = 0;
	run_ok(&s);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(world->n_sent, 30);
	tear_down(&s);
}

static void
test_network_is_down(void **state)
{
	struct mc_pause pause;
	char cells[10];
	struct stage s;

	(void)state;
	/* old enough to expire, if it were anybody's attempt */
	set_up(&s, "queue-lifetime = 60\n");
	s.side.item.arrival = now() - 100000;
	world->open_code = MC_E_CONNECT;
	world->open_sys = ENETUNREACH;
	put_to(&s, "ok", 0);
	for (int i = 0; i < 6; i++) {
		run_ok(&s);
		mc_pause_load(s.side.store, "work", &pause);
		assert_in_range(pause.until, now(), now() + 80);
		assert_int_equal(pause.failures, 0);
		mc_pause_clear(s.side.store, "work");
	}
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 0);
	assert_string_equal(cells, "P");
	assert_int_equal(world->opens, 6);
	tear_down(&s);
}

static void
test_busy_server(void **state)
{
	static const char *const names[] = { "busy", "421" };
	struct mc_pause pause;
	char cells[10];
	struct stage s;

	(void)state;
	for (size_t k = 0; k < MC_NELEM(names); k++) {
		set_up(&s, "connections = 1\n");
		put_to(&s, names[k], 0);
		s.side.item.next_attempt++;
		put_to(&s, "ok", 0);
		run_ok(&s);
		mc_pause_load(s.side.store, "work", &pause);
		assert_true(pause.until > now());
		(void)look(&s, s.ids[0], cells);
		assert_string_equal(cells, "P");
		(void)look(&s, s.ids[1], cells);
		assert_string_equal(cells, "P");
		assert_int_equal(world->sends, 1);
		tear_down(&s);
	}
}

static void
test_one_connection_too_many(void **state)
{
	struct mc_pause pause;
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "connections = 3\n");
	world->limit = 1;
	put_to(&s, "slow", 0);
	s.side.item.next_attempt++;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	assert_int_equal(world->n_sent, 41);
	assert_int_equal(world->most_open, 1);
	assert_in_range(world->opens, 2, 3);
	mc_pause_load(s.side.store, "work", &pause);
	assert_int_equal(pause.until, 0);
	tear_down(&s);
}

/* one message that breaks its connection does not stop the others */
static void
test_poison(void **state)
{
	struct mc_pause pause;
	char cells[10];
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "drop", 0);
	s.side.item.next_attempt++;
	for (int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	assert_int_equal(world->n_sent, 10);
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 1);
	mc_pause_load(s.side.store, "work", &pause);
	assert_int_equal(pause.until, 0);
	tear_down(&s);
}

static void
test_broken_server(void **state)
{
	struct mc_pause pause;
	struct stage s;
	char name[16];

	(void)state;
	set_up(&s, "connections = 1\n");
	for (int i = 0; i < 10; i++) {
		(void)snprintf(name, sizeof(name), "drop%d", i);
		put_to(&s, name, 0);
	}
	run_ok(&s);
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until > now());
	assert_int_equal(world->sends, 3);
	tear_down(&s);
}

static void
test_worker_dies(void **state)
{
	char cells[10];
	struct stage s;

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "die", 0);
	s.side.item.next_attempt++;
	put_to(&s, "ok", 0);
	s.run.event = NULL;
	if (run(&s, NULL) != 0)
		fail_msg("the run failed");
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 1);
	assert_string_equal(cells, "P");
	assert_true(look(&s, s.ids[0], cells).next_attempt > now());
	assert_int_equal(times_sent("ok@y.example"), 1);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	tear_down(&s);
}

/* the relay has taken it and nobody is left to write that down: one more
 * copy, and the log and the notes say why */
static void
test_runner_dies(void **state)
{
	char cells[10];
	struct stage s;
	pid_t pid;
	int status;

	(void)state;
	/* the worker does it, and could not */
	set_up(&s, "confine = no\n");
	put_to(&s, "kill later", 0);
	s.run.event = NULL;
	world->kill = 1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(20);
		_exit(run(&s, NULL) != RUN_KILLED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_killed(status);
	assert_int_equal(times_sent("kill@y.example"), 1);
	assert_true(look(&s, s.ids[0], cells).cut_off);
	assert_string_equal(cells, "PP");
	assert_int_equal(cut_offs(&s, s.ids[0]), 0);

	world->kill = world->open_now = 0;
	run_ok(&s);
	assert_int_equal(times_sent("kill@y.example"), 2);
	assert_false(look(&s, s.ids[0], cells).cut_off);
	assert_string_equal(cells, "DP");
	assert_int_equal(cut_offs(&s, s.ids[0]), 1);
	assert_non_null(strstr(s.side.said, "may make a second copy"));
	tear_down(&s);
}

static void
age(struct stage *s, const char *id, int attempts)
{
	struct mc_entry *entry = side_claim(&s->side, id);
	struct mc_err err = { 0 };

	for (int i = 0; i < attempts; i++)
		assert_int_equal(mc_entry_note(entry, 0, now() - 5000 + i,
		    "[451 4.3.0] not now", false, &err), 0);
	mc_entry_close(entry);
}

static void
test_expires(void **state)
{
	struct mc_entry_info info;
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "queue-lifetime = 1000\n");
	s.side.item.arrival = now() - 6000;
	id = put_to(&s, "later", 0);
	age(&s, id, 2);
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "P");
	assert_int_equal(world->n_sent, 0);
	s.run.ids = &id;
	s.run.n_ids = 1;
	(void)poll(NULL, 0, 1100);
	run_ok(&s);
	info = look(&s, id, cells);
	assert_string_equal(cells, "B");
	assert_true(info.failed);
	assert_int_equal(times_sent("me@x.example"), 1);
	assert_non_null(strstr(world->text, "5.4.7"));
	assert_int_equal(s.events[MC_FAILED], 1);
	tear_down(&s);
}

/* an account that nobody mends in all that time */
static void
test_expires_with_its_account(void **state)
{
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "queue-lifetime = 1000\nretry-min = 1\n");
	s.side.item.arrival = now() - 6000;
	id = put_to(&s, "ok", MC_NOTIFY_NEVER);
	world->open_code = MC_E_TLS_CERT;
	for (int i = 0; i < 3; i++) {
		s.run.ids = &id;
		s.run.n_ids = 1;
		run_ok(&s);
		(void)look(&s, id, cells);
		assert_string_equal(cells, "P");
		/* failures within two seconds are one */
		(void)poll(NULL, 0, 3200);
	}
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "B");
	assert_int_equal(world->n_sent, 0);
	tear_down(&s);
}

static void
test_delay_report(void **state)
{
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "delay-report = 100\n");
	s.side.item.arrival = now() - 200;
	id = put_to(&s, "later", MC_NOTIFY_DELAY);
	run_ok(&s);
	assert_int_equal(times_sent("me@x.example"), 1);
	assert_non_null(strstr(world->text, "delayed"));
	(void)look(&s, id, cells);
	assert_string_equal(cells, "P");
	s.run.ids = &id;
	s.run.n_ids = 1;
	run_ok(&s);
	/* and no second one */
	assert_int_equal(times_sent("me@x.example"), 1);
	tear_down(&s);
}

/* what was asked of the server, in a later attempt */
static void
test_params(void **state)
{
	char cells[10];
	struct stage s;

	(void)state;
	set_up(&s, "");
	ask_for(&s, true, -4, MC_BY_RETURN, 100);
	put_to(&s, "ok", 0);
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	assert_true(world->require_tls);
	assert_true(world->has_priority);
	assert_int_equal(world->priority, -4);
	assert_int_equal(world->by, MC_BY_RETURN);
	assert_in_range(world->left, 90, 100);
	/* one after another: nothing stays behind in between */
	ask_for(&s, false, 0, MC_BY_NONE, 0);
	put_to(&s, "ok", 0);
	run_ok(&s);
	assert_false(world->require_tls);
	assert_false(world->has_priority);
	assert_int_equal(world->by, MC_BY_NONE);
	/* in time: it waits on */
	ask_for(&s, false, 0, MC_BY_RETURN, 100);
	const char *id = put_to(&s, "later", 0);
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "P");
	tear_down(&s);
}

/* RFC 8689 section 5: the report needs what the message needed, and holds no
 * more than the header */
static void
test_report_require_tls(void **state)
{
	struct stage s;

	(void)state;
	for (int i = 0; i < 2; i++) {
		set_up(&s, "");
		ask_for(&s, i == 1, 0, MC_BY_NONE, 0);
		s.ret = MC_RET_FULL;
		put_to(&s, "bad", 0);
		run_ok(&s);
		assert_int_equal(times_sent("me@x.example"), 1);
		assert_int_equal(world->require_tls, i == 1);
		assert_non_null(strstr(world->text, "1@x.example"));
		assert_int_equal(strstr(world->text, "one\r\n") == NULL,
		    i == 1);
		tear_down(&s);
	}
}

/* RFC 2852: with R the time ends it, with N the sender is told; whatever
 * lifetime and delay-report say */
static void
test_deliver_by(void **state)
{
	static const struct {
		enum mc_by by;
		int64_t left;
		unsigned notify;
		const char *cells;
		int reports;
		const char *text;
	} rows[] = {
		{ MC_BY_RETURN, -1, 0, "B", 1, "Status: 5.4.7" },
		{ MC_BY_RETURN, 50, 0, "P", 0, NULL },
		{ MC_BY_NOTIFY, -1, 0, "P", 1, "Action: delayed" },
		{ MC_BY_NOTIFY, -1, MC_NOTIFY_DELAY, "P", 1,
		    "Action: delayed" },
		{ MC_BY_NOTIFY, -1, MC_NOTIFY_FAILURE, "P", 0, NULL },
		{ MC_BY_NOTIFY, -1, MC_NOTIFY_NEVER, "P", 0, NULL },
		{ MC_BY_NOTIFY, 50, 0, "P", 0, NULL },
		{ MC_BY_NONE, -1, 0, "P", 0, NULL },
	};
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		set_up(&s, "");
		ask_for(&s, false, 0, rows[i].by, rows[i].left);
		id = put_to(&s, "later", rows[i].notify);
		run_ok(&s);
		(void)look(&s, id, cells);
		assert_string_equal(cells, rows[i].cells);
		assert_int_equal(times_sent("me@x.example"), rows[i].reports);
		if (rows[i].text != NULL)
			assert_non_null(strstr(world->text, rows[i].text));
		/* the report itself has all the time */
		if (rows[i].reports != 0)
			assert_int_equal(world->by, MC_BY_NONE);
		s.run.ids = &id;
		s.run.n_ids = 1;
		run_ok(&s);
		assert_int_equal(times_sent("me@x.example"), rows[i].reports);
		tear_down(&s);
	}
}

static void
test_relayed_report(void **state)
{
	struct stage s;

	(void)state;
	for (int dsn = 0; dsn < 2; dsn++) {
		set_up(&s, "");
		world->dsn = dsn;
		put_to(&s, "ok", MC_NOTIFY_SUCCESS);
		run_ok(&s);
		assert_int_equal(times_sent("ok@y.example"), 1);
		assert_int_equal(times_sent("me@x.example"), dsn == 0);
		assert_int_equal(waiting(&s), 0);
		tear_down(&s);
	}
}

static void
test_no_such_account(void **state)
{
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	s.side.item.account = "gone";
	id = put_to(&s, "ok", 0);
	s.side.item.account = "work";
	put_to(&s, "ok2", 0);
	run_ok(&s);
	(void)look(&s, id, cells);
	assert_string_equal(cells, "P");
	assert_int_equal(world->n_sent, 1);
	assert_non_null(strstr(s.side.said, "no account gone"));
	tear_down(&s);
}

static void
test_held(void **state)
{
	struct mc_entry *entry;
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	id = put_to(&s, "ok", 0);
	entry = side_claim(&s.side, id);
	assert_int_equal(mc_entry_hold(entry, true, NULL), 0);
	mc_entry_close(entry);
	run_ok(&s);
	assert_int_equal(world->opens, 0);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* whatever has become of the mark, and of the time of the file */
static void
test_waits_for_its_time(void **state)
{
	static const int64_t days[] = { 1, 20, 450 };
	static const struct {
		mode_t mode;
		int64_t next;		/* from now; INT64_MAX: the right one */
		bool mended;
	} rows[] = {
		{ 0601, INT64_MAX, true },
		{ 0601, -5, true },
		{ 0600, -5, true },
		{ 0600, 600 * 86400, true },
		{ 0600, 60, false },	/* nobody looks yet */
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(days) * MC_NELEM(rows); i++) {
		size_t k = i % MC_NELEM(rows);
		struct mc_store_stat st = { .size = 0 };
		struct stage s;
		const char *id, *path;

		set_up(&s, "");
		s.hold_until = now() + days[i / MC_NELEM(rows)] * 86400;
		s.side.item.next_attempt = s.hold_until;
		id = put_to(&s, "ok", 0);
		path = side_path(&s.side, "q", 'm', id);
		assert_int_equal(chmod(path, rows[k].mode), 0);
		if (rows[k].next != INT64_MAX)
			side_set_time(path, now() + rows[k].next);
		run_ok(&s);
		assert_int_equal(mc_store_stat_id(s.side.store, id, &st), 1);
		if (rows[k].mended)
			assert_true(st.timed &&
			    st.next_attempt == s.hold_until);
		/* nor by name */
		s.run.ids = &id;
		s.run.n_ids = 1;
		run_ok(&s);
		assert_int_equal(world->opens, 0);
		assert_int_equal(mc_store_stat_id(s.side.store, id, &st), 1);
		assert_true(st.timed && st.next_attempt == s.hold_until);
		assert_string_equal(s.side.said, "");
		tear_down(&s);
	}
}

static void
test_its_time_comes(void **state)
{
	struct stage s;

	(void)state;
	set_up(&s, "");
	s.hold_until = s.side.item.next_attempt = now() + 2;
	put_to(&s, "ok", 0);
	run_ok(&s);
	assert_int_equal(world->opens, 0);
	while (now() < s.hold_until)
		(void)poll(NULL, 0, 50);
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	assert_int_equal(waiting(&s), 0);
	tear_down(&s);
}

/* a mark without a time does not keep what a wrong clock put off */
static void
test_mark_without_time(void **state)
{
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	s.side.item.next_attempt = now() + 500 * 86400;
	id = put_to(&s, "ok", 0);
	assert_int_equal(chmod(side_path(&s.side, "q", 'm', id), 0601), 0);
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	tear_down(&s);
}

/* somebody wants it to go now: it does, and again until it is delivered */
static void
test_freed(void **state)
{
	struct mc_entry_info info;
	struct mc_entry *entry;
	char cells[10];
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	s.hold_until = s.side.item.next_attempt = now() + 20 * 86400;
	id = put_to(&s, "later", 0);
	entry = side_claim(&s.side, id);
	assert_int_equal(mc_entry_free(entry, NULL), 0);
	assert_int_equal(mc_entry_reschedule(entry, now(), NULL), 0);
	mc_entry_close(entry);
	for (int i = 1; i <= 2; i++) {
		run_ok(&s);
		assert_int_equal(world->sends, i);
		info = look(&s, id, cells);
		assert_string_equal(cells, "P");
		assert_int_equal(info.hold_until, 0);
		assert_true(info.next_attempt < now() + 86400);
		side_set_time(side_path(&s.side, "q", 'm', id), now() - 1);
	}
	tear_down(&s);
}

/* its time in the queue begins when it was to be sent */
static void
test_lifetime_begins_later(void **state)
{
	static const struct {
		int64_t hold;		/* from now */
		const char *cells;
		int delays;
	} rows[] = {
		{ -2000, "B", 0 },
		{ -500, "P", 1 },
		{ -50, "P", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char cells[10];
		struct stage s;
		const char *id;

		set_up(&s, "queue-lifetime = 1000\ndelay-report = 100\n");
		s.side.item.arrival = now() - 6000;
		s.hold_until = now() + rows[i].hold;
		id = put_to(&s, "later", MC_NOTIFY_DELAY);
		age(&s, id, 4);
		run_ok(&s);
		(void)look(&s, id, cells);
		assert_string_equal(cells, rows[i].cells);
		assert_int_equal(times_sent("me@x.example"), rows[i].delays);
		tear_down(&s);
	}
}

static void
test_another_has_it(void **state)
{
	struct mc_entry *entry;
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "");
	id = put_to(&s, "ok", 0);
	put_to(&s, "ok2", 0);
	entry = side_claim(&s.side, id);
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 0);
	assert_int_equal(times_sent("ok2@y.example"), 1);
	mc_entry_close(entry);
	run_ok(&s);
	assert_int_equal(times_sent("ok@y.example"), 1);
	tear_down(&s);
}

/* the child that a failed test would leave behind ends with us */
static void
die_with_parent(void)
{
	(void)alarm(60);
}

/* each of them is waited for, not only the first */
static void
test_another_had_them(void **state)
{
	char name[16], c;
	struct stage s;
	int fds[2];
	pid_t pid;

	(void)state;
	set_up(&s, "");
	for (int i = 0; i < 150; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		for (size_t i = 0; i < s.n_ids; i++)
			(void)side_claim(&s.side, s.ids[i]);
		c = 0;
		if (write(fds[1], &c, 1) != 1)
			_exit(1);
		(void)poll(NULL, 0, 250);
		_exit(0);
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	if (run(&s, NULL) != 0)
		fail_msg("the run failed");
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waiting(&s), 0);
	assert_int_equal(world->n_sent, 150);
	(void)close(fds[0]);
	(void)close(fds[1]);
	tear_down(&s);
}

static void
test_one_run(void **state)
{
	struct stage s;
	struct mc_err err = { 0 };
	int lock;

	(void)state;
	set_up(&s, "");
	put_to(&s, "ok", 0);
	assert_int_equal(mc_store_lock_run(s.side.store, &lock, &err), 1);
	s.run.flags = MC_RUN_NO_WAIT;
	run_ok(&s);
	assert_int_equal(world->opens, 0);
	(void)close(lock);
	run_ok(&s);
	assert_int_equal(world->n_sent, 1);
	tear_down(&s);
}

static void
test_rate(void **state)
{
	struct stage s;
	char name[16];
	int64_t begun;

	(void)state;
	set_up(&s, "rate = 4/2s\n");
	for (int i = 0; i < 6; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	begun = mc_clock_ms();
	run_ok(&s);
	assert_int_equal(world->n_sent, 6);
	/* two had to wait for half a second each */
	assert_true(mc_clock_ms() - begun >= 900);
	assert_int_equal(world->opens, 1);
	tear_down(&s);
}

/* a slow one on one connection does not keep the others */
static void
test_slow_one(void **state)
{
	struct stage s;
	char name[16];
	int64_t begun;

	(void)state;
	set_up(&s, "");
	put_to(&s, "slow", 0);
	s.side.item.next_attempt++;
	for (int i = 0; i < 30; i++) {
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(&s, name, 0);
	}
	begun = mc_clock_ms();
	run_ok(&s);
	assert_int_equal(world->n_sent, 31);
	assert_string_equal(world->sent[30], "slow@y.example");
	assert_int_equal(world->most_open, 2);
	assert_true(mc_clock_ms() - begun < 15000);
	tear_down(&s);
}

static void
test_cancel(void **state)
{
	struct mc_err err = { 0 };
	char cells[10];
	struct stage s;
	int fds[2];
	pid_t pid;

	(void)state;
	set_up(&s, "connections = 1\n");
	put_to(&s, "stuck", 0);
	assert_int_equal(pipe(fds), 0);
	s.run.cancel_fd = fds[0];
	pid = fork();
	if (pid == 0) {
		(void)poll(NULL, 0, 300);
		_exit(write(fds[1], "", 1) != 1);
	}
	assert_err(run(&s, &err), err, MC_E_CANCELLED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(look(&s, s.ids[0], cells).attempts, 0);
	assert_string_equal(cells, "P");
	assert_true(look(&s, s.ids[0], cells).next_attempt <= now());
	(void)close(fds[0]);
	(void)close(fds[1]);
	tear_down(&s);
}

static bool
comes(int *n, int want)
{
	for (int i = 0; i < 1000 && __atomic_load_n(n, __ATOMIC_SEQ_CST) <
	    want; i++)
		(void)poll(NULL, 0, 10);
	return __atomic_load_n(n, __ATOMIC_SEQ_CST) >= want;
}

static void
test_watch(void **state)
{
	struct mc_entry *entry;
	struct stage s;
	int fds[2], status;
	const char *id;
	pid_t pid;

	(void)state;
	set_up(&s, "keep-connection = 30\nretry-min = 1000\n");
	assert_int_equal(pipe(fds), 0);
	s.run.cancel_fd = fds[0];
	s.run.flags = MC_RUN_WATCH;
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		_exit(run(&s, NULL) != 0);
	}
	put_to(&s, "ok1", 0);
	assert_true(comes(&world->n_sent, 1));
	/* the connection is still there, and hears of the next one at once */
	put_to(&s, "ok2", 0);
	assert_true(comes(&world->n_sent, 2));
	assert_int_equal(world->opens, 1);
	/* what becomes due later */
	s.side.item.next_attempt = now() + 2;
	put_to(&s, "ok3", 0);
	assert_true(comes(&world->n_sent, 3));
	/* and what was to wait, and one that waits longer */
	s.hold_until = s.side.item.next_attempt = now() + 2;
	put_to(&s, "ok4", 0);
	assert_true(comes(&world->n_sent, 4));
	assert_true(now() >= s.hold_until);
	s.hold_until = s.side.item.next_attempt = now() + 400 * 86400;
	put_to(&s, "ok5", 0);
	s.hold_until = 0;
	/* a deferred one that somebody puts forward */
	s.side.item.next_attempt = now();
	id = put_to(&s, "later", 0);
	assert_true(comes(&world->sends, 5));
	while (mc_store_claim(s.side.store, id, true, &entry, NULL) != 1)
		(void)poll(NULL, 0, 10);
	assert_int_equal(mc_entry_reschedule(entry, now() - 1, NULL), 0);
	mc_entry_close(entry);
	assert_true(comes(&world->sends, 6));
	assert_int_equal(times_sent("ok5@y.example"), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	tear_down(&s);
}

/* one that is due again before its attempt is over goes then, and not when
 * everything is looked at once more */
static void
test_watch_slow(void **state)
{
	struct stage s;
	int fds[2], status;
	pid_t pid;

	(void)state;
	set_up(&s, "keep-connection = 30\nretry-min = 1\nretry-max = 1\n");
	assert_int_equal(pipe(fds), 0);
	s.run.cancel_fd = fds[0];
	s.run.flags = MC_RUN_WATCH;
	world->pause_ms = 2100;
	pid = fork();
	if (pid == 0) {
		die_with_parent();
		_exit(run(&s, NULL) != 0);
	}
	put_to(&s, "ok later", 0);
	assert_true(comes(&world->sends, 2));
	assert_int_equal(write(fds[1], "", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
	tear_down(&s);
}

/* what is put while a run is at its end is not left lying */
static void
test_many_runs(void **state)
{
	struct stage s;
	pid_t pids[4];

	(void)state;
	set_up(&s, "");
	s.run.flags = MC_RUN_NO_WAIT;
	for (int round = 0; round < 10; round++) {
		for (size_t k = 0; k < MC_NELEM(pids); k++) {
			pids[k] = fork();
			if (pids[k] != 0)
				continue;
			put_to(&s, "ok", 0);
			_exit(run(&s, NULL) != 0);
		}
		for (size_t k = 0; k < MC_NELEM(pids); k++) {
			int status;

			assert_int_equal(waitpid(pids[k], &status, 0),
			    pids[k]);
			assert_int_equal(status, 0);
		}
		assert_int_equal(waiting(&s), 0);
	}
	assert_int_equal(world->n_sent, 40);
	tear_down(&s);
}

static int
take_counts(void *ctx, const char *account, const struct mc_counts *counts)
{
	assert_string_equal(account, "work");
	*(struct mc_counts *)ctx = *counts;
	return 0;
}

static struct mc_counts
counts(struct stage *s)
{
	struct mc_counts c = { .queued = 0 };
	int64_t since;

	assert_int_equal(mc_counters_each(s->side.store, take_counts, &c,
	    &since), 0);
	return c;
}

/* the file says what the events said, whenever it is looked at between runs */
static void
test_counts(void **state)
{
	struct mc_counts c;
	struct stage s;
	const char *id;

	(void)state;
	set_up(&s, "unsure-retries = 0\n");
	assert_int_equal(counts(&s).delivered, 0);
	put_to(&s, "ok1 bad ok2", 0);
	id = put_to(&s, "ok3 later unsure", 0);
	for (int i = 0; i < 3; i++) {
		run_ok(&s);
		c = counts(&s);
		assert_int_equal(c.delivered, s.events[MC_DELIVERED]);
		assert_int_equal(c.deferred, s.events[MC_DEFERRED] +
		    s.events[MC_UNSURE]);
		assert_int_equal(c.failed, s.events[MC_FAILED]);
		s.run.ids = &id;
		s.run.n_ids = 1;
	}
	/* the reports to the sender */
	assert_true(c.queued >= 1 && c.delivered >= 4);
	assert_true(c.deferred >= 1 && c.failed >= 1);
	tear_down(&s);
}

/* what cannot be counted is sent all the same */
static void
test_counts_locked(void **state)
{
	struct stage s;
	int fd;

	(void)state;
	set_up(&s, "");
	put_to(&s, "ok1", 0);
	run_ok(&s);
	fd = open(side_path(&s.side, ".", 0, MC_COUNTERS_FILE), O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	put_to(&s, "ok2", 0);
	run_ok(&s);
	assert_int_equal(times_sent("ok2@y.example"), 1);
	assert_int_equal(counts(&s).delivered, 1);
	assert_non_null(strstr(s.side.said, "is not counted"));
	(void)close(fd);
	put_to(&s, "ok3", 0);
	run_ok(&s);
	assert_int_equal(counts(&s).delivered, 2);
	tear_down(&s);
}

static void
test_no_memory(void **state)
{
	struct stage s;
	unsigned long n;

	(void)state;
	for (n = 1; ; n++) {
		unsigned long made;
		int rc;

		set_up(&s, "");
		put_to(&s, "ok bad", 0);
		(void)failmalloc(n, false);
		rc = run(&s, NULL);
		made = allocations();
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		/* nothing is lost, and nothing goes twice */
		world->open_now = 0;
		mc_pause_clear(s.side.store, "work");
		if (waiting(&s) == 1 && s.n_ids == 1) {
			const char *id = s.ids[0];
			char cells[10];

			if (!look(&s, id, cells).failed) {
				s.run.ids = &id;
				s.run.n_ids = 1;
				run_ok(&s);
				s.run.ids = NULL;
				s.run.n_ids = 0;
			}
		}
		run_ok(&s);
		assert_int_equal(times_sent("ok@y.example"), 1);
		assert_int_equal(times_sent("me@x.example"), 1);
		tear_down(&s);
		if (rc == 0 && made < n)
			break;
		assert_true(n < 5000);
	}
}

/* ------------------------------------------------------------ confinement */

/* a worker that somebody else has taken over: where is it let in? */
static const char *pry_top, *pry_dir;

struct pried {
	int access;		/* of the message's descriptor */
	int message;		/* errno of opening it for writing */
	int reading;
	int create;
	int change;		/* rename */
	int list;
	int home;
	int run;
	int temp;		/* 0: a temporary file could be made */
	char password[64];
};

static struct pried *pried;

static int
opening(const char *dir, const char *name, int flags)
{
	char path[300];
	int fd, sys;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, flags | O_CLOEXEC, 0600);
	sys = fd < 0 ? errno : 0;
	mc_file_close(&fd);
	return sys;
}

static int
pry_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	struct mc_secret *secret = NULL;

	if (mc_source_has(env->account, MC_SECRET_PASSWORD)) {
		if (mc_login_secret(env, MC_SECRET_PASSWORD, &secret,
		    err) != 0)
			return -1;
		(void)snprintf(pried->password, sizeof(pried->password),
		    "%.*s", MC_STR_FMT(mc_secret_peek(secret)));
		mc_secret_free(secret);
	}
	return fake_open(env, ret_transport, err);
}

static int
pry_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	char q[200], name[80], from[300], to[300];
	struct mc_err why = { 0 };
	int fd;

	(void)snprintf(q, sizeof(q), "%s/q", pry_dir);
	(void)snprintf(name, sizeof(name), "%s", world->sent[MOST_SENT - 1]);
	pried->access = fcntl(job->body->fd, F_GETFL) & O_ACCMODE;
	pried->message = opening(q, name, O_RDWR);
	pried->reading = opening(q, name, O_RDONLY);
	pried->create = opening(q, "new", O_WRONLY | O_CREAT);
	pried->list = opening(q, "", O_RDONLY | O_DIRECTORY);
	pried->home = opening(pry_top, "config", O_RDONLY);
	(void)snprintf(from, sizeof(from), "%s/%s", q, name);
	(void)snprintf(to, sizeof(to), "%s/other", q);
	if (!t->env->account->confine ||
	    t->env->account->auth == NULL ||
	    strcmp(t->env->account->auth, "auto") != 0)
		return fake_send(t, job, err);
	/* what would be the end of the test if it worked */
	pried->change = rename(from, to) == 0 ? 0 : errno;
	pried->run = execl("/bin/true", "true", NULL) == 0 ? 0 : errno;
	fd = mc_file_temp(t->env->caller->tmpdir, &why);
	pried->temp = fd < 0;
	mc_file_close(&fd);
	return fake_send(t, job, err);
}

static const struct mc_transport_ops prying = { .name = "prying",
	.open = pry_open, .send = pry_send, .close = fake_close };

static bool
is_confined(void)
{
	struct mc_confine_result got;
	struct mc_confine_rules none = { .n_paths = 0 };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		mc_confine(&none, &got);
		_exit((got.done & MC_CONFINE_FILES) != 0 &&
		    (got.done & MC_CONFINE_CALLS) != 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status == 0;
}

/* the name of the one file in the queue */
static void
find_message(const char *dir)
{
	char path[200];
	struct dirent *e;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/q", dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			(void)snprintf(world->sent[MOST_SENT - 1],
			    sizeof(world->sent[0]), "%.79s", e->d_name);
	(void)closedir(d);
}

/* another configuration */
static void
again(struct stage *s, const char *more)
{
	char path[200], text[2000];

	mc_config_free(s->config);
	s->config = NULL;
	(void)snprintf(path, sizeof(path), "%s/config", s->side.top);
	(void)snprintf(text, sizeof(text), "[account work]\n"
	    "host = mail.example\nfrom = me@x.example\n%s", more);
	side_write(path, text, strlen(text));
	assert_int_equal(mc_config_load(&s->caller, path, NULL, NULL,
	    &s->config, NULL), 0);
}

static void
pry(struct stage *s)
{
	pry_top = s->side.top;
	pry_dir = s->side.dir;
	memset(pried, 0, sizeof(*pried));
	s->ops = &prying;
	put_to(s, "ok", 0);
	find_message(s->side.dir);
	run_ok(s);
	assert_int_equal(world->n_sent, 1);
	assert_int_equal(pried->access, O_RDONLY);
	assert_int_equal(pried->temp, 0);
}

static void
test_confined(void **state)
{
	static const char line[] = "user = me\npassword-command = sh -c "
	    "'echo made >%s/made; echo secret'\n";
	char more[300], made[100];
	struct stage s;

	(void)state;
	if (!is_confined()) {
		print_message("# SKIP: neither Landlock nor seccomp here\n");
		skip();
	}
	set_up(&s, "");
	pry(&s);
	assert_int_equal(pried->message, EACCES);
	assert_int_equal(pried->reading, EACCES);
	assert_int_equal(pried->create, EACCES);
	assert_int_equal(pried->list, EACCES);
	assert_int_equal(pried->home, EACCES);
	assert_true(pried->change == EPERM || pried->change == EACCES);
	assert_int_equal(pried->run, EPERM);
	/* all was done, so there is nothing to say */
	assert_null(strstr(s.side.said, "not confined"));
	tear_down(&s);

	/* the command for the password is as free as ever */
	set_up(&s, "");
	(void)snprintf(made, sizeof(made), "%s/made", s.side.top);
	(void)snprintf(more, sizeof(more), line, s.side.top);
	again(&s, more);
	pry(&s);
	assert_string_equal(pried->password, "secret");
	assert_int_equal(access(made, R_OK), 0);
	assert_int_equal(pried->message, EACCES);
	assert_int_equal(pried->home, EACCES);
	assert_int_equal(unlink(made), 0);
	tear_down(&s);
}

#ifdef __linux__

/* as on a kernel without Landlock */
static void
take_landlock_away(void)
{
	struct sock_filter code[] = {
		{ BPF_LD | BPF_W | BPF_ABS, 0, 0,
		    offsetof(struct seccomp_data, nr) },
		{ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 444 },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | ENOSYS },
		{ BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW },
	};
	struct sock_fprog prog = { MC_NELEM(code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) != 0)
		_exit(97);
}

/* everything is delivered, the log says it once, and seccomp is there */
static void
test_half_confined(void **state)
{
	struct stage s;
	int status;
	pid_t pid;

	(void)state;
	if (!is_confined()) {
		print_message("# SKIP: neither Landlock nor seccomp here\n");
		skip();
	}
	set_up(&s, "messages-per-connection = 1\n");
	pid = fork();
	if (pid == 0) {
		const char *text = s.side.said, *said = "not confined in";
		int n = 0;

		(void)alarm(20);
		take_landlock_away();
		put_to(&s, "ok", 0);
		put_to(&s, "ok", 0);
		pry_top = s.side.top;
		pry_dir = s.side.dir;
		s.ops = &prying;
		find_message(s.side.dir);
		run_ok(&s);
		while ((text = strstr(text, said)) != NULL) {
			text++;
			n++;
		}
		_exit(n);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(world->opens, 2);
	assert_int_equal(world->n_sent, 2);
	assert_int_equal(pried->message, EACCES);
	assert_int_equal(pried->reading, 0);
	assert_int_equal(pried->create, EACCES);
	assert_int_equal(pried->change, EPERM);
	assert_int_equal(pried->run, EPERM);
	tear_down(&s);
}

#define HAVE_HALF
#endif

/* not for everybody: then nothing of it is done */
static void
test_not_confined(void **state)
{
	static const char *const lines[] = { "confine = no\n",
	    "user = me\nauth = gssapi\n" };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(lines); i++) {
		struct stage s;

		set_up(&s, lines[i]);
		pry(&s);
		assert_int_equal(pried->reading, 0);
		assert_int_equal(pried->home, 0);
		tear_down(&s);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delivers),
		cmocka_unit_test(test_not_due),
		cmocka_unit_test(test_no_such_id),
		cmocka_unit_test(test_one_connection),
		cmocka_unit_test(test_two_connections),
		cmocka_unit_test(test_messages_per_connection),
		cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_failed_goes_at_last),
		cmocka_unit_test(test_no_report_about_reports),
		cmocka_unit_test(test_no_report_to_nobody),
		cmocka_unit_test(test_report_is_made_up_for),
		cmocka_unit_test(test_unsure),
		cmocka_unit_test(test_never_unsure_twice),
		cmocka_unit_test(test_account_fails),
		cmocka_unit_test(test_network_is_down),
		cmocka_unit_test(test_busy_server),
		cmocka_unit_test(test_one_connection_too_many),
		cmocka_unit_test(test_poison),
		cmocka_unit_test(test_broken_server),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_runner_dies),
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_expires_with_its_account),
		cmocka_unit_test(test_delay_report),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_report_require_tls),
		cmocka_unit_test(test_deliver_by),
		cmocka_unit_test(test_relayed_report),
		cmocka_unit_test(test_no_such_account),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_waits_for_its_time),
		cmocka_unit_test(test_its_time_comes),
		cmocka_unit_test(test_mark_without_time),
		cmocka_unit_test(test_freed),
		cmocka_unit_test(test_lifetime_begins_later),
		cmocka_unit_test(test_another_has_it),
		cmocka_unit_test(test_another_had_them),
		cmocka_unit_test(test_one_run),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_slow_one),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_watch),
		cmocka_unit_test(test_watch_slow),
		cmocka_unit_test(test_many_runs),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_counts_locked),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_confined),
#ifdef HAVE_HALF
		cmocka_unit_test(test_half_confined),
#endif
		cmocka_unit_test(test_not_confined),
	};

	pried = mmap(NULL, sizeof(*pried), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pried == MAP_FAILED || stage_open(argc, argv) != 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
