/* SPDX-License-Identifier: MIT */
/*
 * test_runner_lots.c - a run over the queue with several messages on their way
 * at once
 */
#include "runner_stage.h"

static void
open_stage(struct stage *s, const char *more)
{
	set_up(s, more);
	s->ops = &flying;
	s->side.item.arrival = now() - 2000;
	s->side.item.next_attempt = now() - 1000;
}

/* once more, whatever is still there, due or not */
static void
run_rest(struct stage *s)
{
	const char *ids[MC_NELEM(s->ids)];
	size_t n = 0;

	for (size_t i = 0; i < s->n_ids; i++)
		if (access(side_path(&s->side, "q", 'm', s->ids[i]),
		    F_OK) == 0)
			ids[n++] = s->ids[i];
	s->run.ids = ids;
	s->run.n_ids = n;
	run_ok(s);
	s->run.ids = NULL;
	s->run.n_ids = 0;
}

/* one message for each name, and n that are taken between them */
static void
put_lot(struct stage *s, const char *before, int n, const char *after)
{
	char name[16];

	if (before != NULL)
		put_to(s, before, 0);
	for (int i = 0; i < n; i++) {
		s->side.item.next_attempt++;
		(void)snprintf(name, sizeof(name), "ok%d", i);
		put_to(s, name, 0);
	}
	s->side.item.next_attempt++;
	if (after != NULL)
		put_to(s, after, 0);
}

static void
check_once(int n)
{
	char address[40];

	for (int i = 0; i < n; i++) {
		(void)snprintf(address, sizeof(address), "ok%d@y.example", i);
		assert_int_equal(times_sent(address), 1);
	}
}

static void
test_depth(void **state)
{
	static const struct {
		const char *conf;
		int depth;
	} rows[] = {
		{ "connections = 1\n", 8 },
		{ "connections = 1\npipeline-depth = 3\n", 3 },
		{ "connections = 1\npipeline-depth = 1\n", 0 },
		{ "connections = 1\npipeline-depth = 100\n", 39 },
		{ "connections = 1\nrate = 1000/s\n", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct stage s;

		open_stage(&s, rows[i].conf);
		put_lot(&s, NULL, 40, NULL);
		run_ok(&s);
		assert_int_equal(world->n_sent, 40);
		check_once(40);
		assert_int_equal(world->opens, 1);
		assert_int_equal(waiting(&s), 0);
		/* with a rate each is a lot of its own */
		assert_in_range(world->most_flying, rows[i].depth,
		    rows[i].depth == 0 ? 1 : rows[i].depth);
		tear_down(&s);
	}
}

static void
test_two_connections(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 2\n");
	put_lot(&s, NULL, 100, NULL);
	run_ok(&s);
	check_once(100);
	assert_int_equal(world->n_sent, 100);
	assert_int_equal(world->opens, 2);
	tear_down(&s);
}

static void
test_messages_per_connection(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\nmessages-per-connection = 6\n");
	put_lot(&s, NULL, 12, NULL);
	run_ok(&s);
	check_once(12);
	assert_int_equal(world->opens, 2);
	assert_int_equal(world->most_flying, 5);
	tear_down(&s);
}

static void
test_verdicts(void **state)
{
	char cells[10];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_lot(&s, "ok", 2, "later ok bad");
	put_lot(&s, "bad", 2, "ok");
	run_ok(&s);
	/* and the two reports */
	assert_int_equal(s.events[MC_DELIVERED], 9);
	assert_int_equal(s.events[MC_DEFERRED], 1);
	assert_int_equal(s.events[MC_FAILED], 2);
	(void)look(&s, s.ids[3], cells);
	assert_string_equal(cells, "PDB");
	(void)look(&s, s.ids[4], cells);
	assert_string_equal(cells, "B");
	tear_down(&s);
}

/* what breaks the connection is tried once more, and what was behind it goes
 * on in the same run: none twice */
static void
test_lost(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_lot(&s, "ok", 3, "drop");
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	run_ok(&s);
	check_once(3);
	assert_int_equal(times_sent("fine1@y.example"), 1);
	assert_int_equal(times_sent("fine2@y.example"), 1);
	assert_int_equal(s.events[MC_DEFERRED], 1);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* all of it was out: nobody knows, and none of them goes again in this run,
 * nor together in the next */
static void
test_unsure(void **state)
{
	char cells[10];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\nunsure-wait = 1s\n");
	world->text_is_out = 1;
	put_lot(&s, "first", 3, "unsure");
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	run_ok(&s);
	check_once(3);
	assert_int_equal(world->most_flying, 6);
	assert_int_equal(times_sent("fine1@y.example"), 0);
	assert_int_equal(s.events[MC_UNSURE], 3);
	for (int i = 4; i < 7; i++) {
		assert_int_equal(look(&s, s.ids[i], cells).attempts, 1);
		assert_string_equal(cells, "U");
	}

	world->most_flying = 0;
	run_rest(&s);
	assert_int_equal(times_sent("fine1@y.example"), 1);
	assert_int_equal(times_sent("fine2@y.example"), 1);
	assert_in_range(world->most_flying, 0, 1);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* one connection that breaks with many messages on it is one, not many */
static void
test_not_paused(void **state)
{
	struct mc_pause pause;
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	world->text_is_out = 1;
	put_lot(&s, "first", 0, "unsure");
	put_lot(&s, NULL, 6, NULL);
	run_ok(&s);
	mc_pause_load(s.side.store, "work", &pause);
	assert_int_equal(pause.until, 0);
	assert_int_equal(s.events[MC_UNSURE], 7);
	tear_down(&s);
}

/* all of a lot are told to wait for the same reason: that pauses once */
static void
test_paused_once(void **state)
{
	struct mc_pause pause;
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_to(&s, "ok", 0);
	for (int i = 0; i < 5; i++) {
		s.side.item.next_attempt++;
		put_to(&s, "busy", 0);
	}
	run_ok(&s);
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until > now());
	assert_int_equal(pause.failures, 1);
	assert_int_equal(waiting(&s), 5);
	tear_down(&s);
}

/* the connection is lost, and there is no other: what was given back has not
 * been tried */
static void
test_given_back(void **state)
{
	char cells[10];
	struct mc_pause pause;
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	world->open_after = 1;
	put_lot(&s, "first", 0, "drop");
	put_lot(&s, NULL, 5, NULL);
	run_ok(&s);
	mc_pause_load(s.side.store, "work", &pause);
	assert_true(pause.until > now());
	assert_int_equal(pause.failures, 1);
	assert_int_equal(world->n_sent, 1);
	for (size_t i = 1; i < s.n_ids; i++) {
		struct mc_entry_info info = look(&s, s.ids[i], cells);

		assert_string_equal(cells, "P");
		assert_int_equal(info.attempts, 0);
		assert_false(info.cut_off);
		assert_true(info.next_attempt <= now() + 10);
	}
	mc_pause_clear(s.side.store, "work");
	world->open_after = 0;
	run_rest(&s);
	check_once(5);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* by name: each is tried, whatever became of those before */
static void
test_named(void **state)
{
	const char *ids[8];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_lot(&s, "first", 2, "drop");
	s.side.item.next_attempt++;
	put_to(&s, "drop2", 0);
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	for (size_t i = 0; i < s.n_ids; i++)
		ids[i] = s.ids[i];
	s.run.ids = ids;
	s.run.n_ids = s.n_ids;
	run_ok(&s);
	check_once(2);
	assert_int_equal(times_sent("fine1@y.example"), 1);
	assert_int_equal(times_sent("fine2@y.example"), 1);
	assert_int_equal(waiting(&s), 2);
	tear_down(&s);
}

static void
test_worker_dies(void **state)
{
	char cells[10];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_lot(&s, "first", 1, "die");
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	if (run(&s, NULL) != 0)
		fail_msg("the run failed");
	check_once(1);
	/* nobody knows of these whether they arrived */
	for (int i = 2; i < 5; i++) {
		assert_int_equal(look(&s, s.ids[i], cells).attempts, 1);
		assert_string_equal(cells, "P");
	}

	s.run.ids = (const char *[]){ s.ids[3], s.ids[4] };
	s.run.n_ids = 2;
	world->open_now = 0;
	world->most_flying = 0;
	run_ok(&s);
	assert_int_equal(times_sent("fine1@y.example"), 1);
	assert_int_equal(times_sent("fine2@y.example"), 1);
	assert_in_range(world->most_flying, 0, 1);
	assert_int_equal(waiting(&s), 1);
	tear_down(&s);
}

/* killed between a reply and its record: at most those on their way have a
 * second copy, and each says so */
static void
test_runner_dies(void **state)
{
	char cells[10];
	struct stage s;
	pid_t pid;
	int status, twice = 0;

	(void)state;
	/* the worker does it, and could not otherwise */
	open_stage(&s, "connections = 1\nconfine = no\n");
	put_lot(&s, "first", 3, "kill");
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	world->kill = 1;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(20);
		_exit(run(&s, NULL) != RUN_KILLED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_killed(status);
	for (int i = 4; i < 7; i++) {
		assert_true(look(&s, s.ids[i], cells).cut_off);
		assert_string_equal(cells, "P");
	}

	world->kill = world->open_now = world->most_flying = 0;
	run_ok(&s);
	assert_int_equal(waiting(&s), 0);
	check_once(3);
	assert_int_equal(times_sent("kill@y.example"), 2);
	assert_int_equal(times_sent("fine1@y.example"), 1);
	assert_in_range(world->most_flying, 0, 1);
	for (const char *p = s.side.said;
	    (p = strstr(p, "may make a second copy")) != NULL; p++)
		twice++;
	assert_int_equal(twice, 3);
	tear_down(&s);
}

/* asked to end: what is on its way and cannot be waited for is in doubt, and
 * what had not begun was not tried */
static void
test_cancel(void **state)
{
	struct mc_err err = { 0 };
	char cells[10];
	struct stage s;
	int fds[2];
	pid_t pid;

	(void)state;
	open_stage(&s, "connections = 1\n");
	world->text_is_out = 1;
	put_lot(&s, "first", 2, "stuck");
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	assert_int_equal(pipe(fds), 0);
	s.run.cancel_fd = fds[0];
	pid = fork();
	if (pid == 0) {
		(void)poll(NULL, 0, 300);
		_exit(write(fds[1], "", 1) != 1);
	}
	assert_err(run(&s, &err), err, MC_E_CANCELLED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	check_once(2);
	(void)look(&s, s.ids[3], cells);
	assert_string_equal(cells, "P");
	(void)look(&s, s.ids[4], cells);
	assert_string_equal(cells, "U");
	(void)close(fds[0]);
	(void)close(fds[1]);
	tear_down(&s);
}

/* a large one is not on its way together with others */
static void
test_large(void **state)
{
	struct stage s;
	const char *line = "a line that is there twenty thousand times, so that "
	    "it is more than may be on its way\r\n";

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_lot(&s, "first", 2, NULL);
	for (int i = 0; i < 20000; i++)
		assert_int_equal(mc_spool_add(&s.side.body, line, strlen(line),
		    NULL), 0);
	s.side.item.next_attempt++;
	put_to(&s, "large", 0);
	mc_spool_clear(&s.side.body);
	mc_spool_init(&s.side.body, 4096, "/tmp");
	assert_int_equal(mc_spool_add(&s.side.body, BODY, strlen(BODY), NULL),
	    0);
	s.side.item.next_attempt++;
	put_to(&s, "fine1", 0);
	put_to(&s, "fine2", 0);
	run_ok(&s);
	check_once(2);
	assert_int_equal(world->n_sent, 6);
	assert_int_equal(world->most_flying, 2);
	assert_int_equal(world->opens, 1);
	tear_down(&s);
}

/* ------------------------------------------------------- whose turn it is */

/* n messages, one a second, of who handed them in */
static void
put_of(struct stage *s, unsigned long uid, const char *name, int n)
{
	char word[32];

	s->side.item.uid = uid;
	for (int i = 0; i < n; i++) {
		/* only the last identifiers are asked for */
		if (s->n_ids == MC_NELEM(s->ids))
			s->n_ids = 0;
		s->side.item.next_attempt++;
		(void)snprintf(word, sizeof(word), "%s%d", name, i);
		put_to(s, word, 0);
	}
}

static void
check_order(const char *const *want, size_t n)
{
	char address[40];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(address, sizeof(address), "%s@y.example",
		    want[i]);
		assert_string_equal(world->sent[i], address);
	}
}

/* those who handed in later do not wait for all that was there before, however
 * many are in hand at once; everybody's own order stays */
static void
test_turns(void **state)
{
	static const char *const want[] = { "a0", "b0", "c0", "a1", "b1", "a2",
	    "b2", "a3", "a4", "a5" };
	static const struct {
		const struct mc_transport_ops *ops;
		const char *conf;
	} rows[] = {
		{ &fake, "connections = 1\n" },
		{ &flying, "connections = 1\n" },
		{ &flying, "connections = 1\npipeline-depth = 2\n" },
		{ &flying, "connections = 1\nmessages-per-connection = 3\n" },
		{ &flying, "connections = 1\nrate = 1000/s\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct stage s;

		open_stage(&s, rows[i].conf);
		s.ops = rows[i].ops;
		put_of(&s, 7, "a", 6);
		put_of(&s, 3, "b", 3);
		put_of(&s, 0, "c", 1);
		run_ok(&s);
		assert_int_equal(world->n_sent, (int)MC_NELEM(want));
		check_order(want, MC_NELEM(want));
		tear_down(&s);
	}
}

/* of one alone, oldest first, as ever */
static void
test_no_turns(void **state)
{
	char address[40];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_of(&s, 7, "a", 600);
	run_ok(&s);
	assert_int_equal(world->n_sent, 600);
	for (int i = 0; i < 600; i++) {
		(void)snprintf(address, sizeof(address), "a%d@y.example", i);
		assert_string_equal(world->sent[i], address);
	}
	tear_down(&s);
}

static int
place_of(const char *address)
{
	for (int i = 0; i < world->n_sent; i++)
		if (strcmp(world->sent[i], address) == 0)
			return i;
	fail_msg("%s was not sent", address);
	return -1;
}

/* far behind more than is looked at in one go; each takes the server a while */
static void
test_turn_of_the_last(void **state)
{
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\npipeline-depth = 1\n");
	world->pause_ms = 2;
	s.side.item.next_attempt = now() - 2000;
	put_of(&s, 7, "a", 1500);
	put_of(&s, 3, "b", 1);
	run_ok(&s);
	assert_int_equal(world->n_sent, 1501);
	assert_in_range(place_of("b0@y.example"), 0, 500);
	assert_int_equal(place_of("a0@y.example"), 0);
	tear_down(&s);
}

/* what has to go alone keeps its turn while it waits for the others in hand */
static void
test_turn_alone(void **state)
{
	static const char *const want[] = { "a0", "b0", "alone0", "b1", "c0",
	    "b2", "c1" };
	struct mc_err err = { 0 };
	struct mc_entry *entry;
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_of(&s, 7, "a", 1);
	put_of(&s, 7, "alone", 1);
	entry = side_claim(&s.side, s.ids[1]);
	assert_int_equal(mc_entry_note(entry, 0, now() - 1500,
	    "[451 4.3.0] not now", false, &err), 0);
	mc_entry_close(entry);
	put_of(&s, 7, "c", 2);
	put_of(&s, 3, "b", 3);
	run_ok(&s);
	assert_int_equal(world->n_sent, (int)MC_NELEM(want));
	check_order(want, MC_NELEM(want));
	tear_down(&s);
}

/* asked for by name they go as they were asked for */
static void
test_no_turn_by_name(void **state)
{
	static const char *const want[] = { "b1", "a1", "a0", "b0" };
	const char *ids[4];
	struct stage s;

	(void)state;
	open_stage(&s, "connections = 1\n");
	put_of(&s, 7, "a", 2);
	put_of(&s, 3, "b", 2);
	ids[0] = s.ids[3];
	ids[1] = s.ids[1];
	ids[2] = s.ids[0];
	ids[3] = s.ids[2];
	s.run.ids = ids;
	s.run.n_ids = MC_NELEM(ids);
	run_ok(&s);
	check_order(want, MC_NELEM(want));
	tear_down(&s);
}

/* for each failing allocation: nothing is lost, nothing is sent twice */
static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1;; n++) {
		unsigned long made;
		struct stage s;
		int rc;

		open_stage(&s, "connections = 1\n");
		put_lot(&s, "first", 4, "later");
		(void)failmalloc(n, false);
		rc = run(&s, NULL);
		made = allocations();
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		world->open_now = 0;
		mc_pause_clear(s.side.store, "work");
		run_rest(&s);
		check_once(4);
		assert_int_equal(times_sent("first@y.example"), 1);
		assert_int_equal(waiting(&s), 1);
		tear_down(&s);
		if (rc == 0 && made < n)
			break;
		assert_true(n < 20000);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_two_connections),
		cmocka_unit_test(test_messages_per_connection),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_unsure),
		cmocka_unit_test(test_not_paused),
		cmocka_unit_test(test_paused_once),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_named),
		cmocka_unit_test(test_worker_dies),
		cmocka_unit_test(test_runner_dies),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_no_turns),
		cmocka_unit_test(test_turn_of_the_last),
		cmocka_unit_test(test_turn_alone),
		cmocka_unit_test(test_no_turn_by_name),
		cmocka_unit_test(test_no_memory),
	};

	if (stage_open(argc, argv) != 0)
		return 99;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
