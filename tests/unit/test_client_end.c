/* SPDX-License-Identifier: MIT */
/*
 * test_client_end.c - what may still leave once a transaction has ended badly
 *
 * The owner writes what it finds in the output, also after a failure: nothing
 * of a message that counts as not sent may be in there.
 */
#include "unit.h"

#include "smtp/client.h"

struct talk {
	struct mc_client *c;
	struct mc_envelope env;
	size_t order[2];
};

static void
feed(struct talk *t, const char *text)
{
	assert_int_equal(mc_client_feed(t->c, text, strlen(text), NULL), 0);
}

static void
send_all(struct talk *t)
{
	mc_client_sent(t->c, mc_client_output(t->c).len);
}

/* up to the first MC_WANT_JOB, and the job begun */
static void
talk_begin(struct talk *t, bool pipelining)
{
	struct mc_client_settings s = { .tls = MC_CLIENT_TLS_NONE };
	struct mc_client_job job = { .n = 2, .size = 10 };
	size_t at;

	memset(t, 0, sizeof(*t));
	mc_envelope_init(&t->env);
	assert_int_equal(mc_envelope_set_sender(&t->env,
	    MC_STR("me@a.example"), NULL), 0);
	assert_int_equal(mc_envelope_add(&t->env, MC_STR("x@b.example"),
	    false, &at, NULL), 0);
	assert_int_equal(mc_envelope_add(&t->env, MC_STR("y@b.example"),
	    false, &at, NULL), 0);
	t->order[1] = 1;
	s.ehlo_name = MC_STR("localhost");
	assert_int_equal(mc_client_new(&s, &t->c, NULL), 0);
	feed(t, "220 hi\r\n");
	assert_int_equal(mc_client_step(t->c, NULL), MC_WANT_READ);
	send_all(t);
	feed(t, pipelining ? "250-host\r\n250 PIPELINING\r\n" :
	    "250 host\r\n");
	assert_int_equal(mc_client_step(t->c, NULL), MC_WANT_JOB);
	job.env = &t->env;
	job.order = t->order;
	assert_int_equal(mc_client_begin(t->c, &job, NULL), 0);
	assert_true(mc_client_output(t->c).len != 0);
}

/* the same up to a message of which the end has not left */
static void
talk_to_end(struct talk *t)
{
	talk_begin(t, true);
	send_all(t);
	feed(t, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(mc_client_step(t->c, NULL), MC_WANT_BODY);
	assert_int_equal(mc_client_body(t->c, MC_STR("A: b\r\n\r\ntext\r\n"),
	    NULL), 0);
	mc_client_sent(t->c, 4);
	assert_int_equal(mc_client_body_end(t->c, NULL), 0);
	assert_true(mc_client_output(t->c).len != 0);
}

static void
talk_clear(struct talk *t)
{
	mc_client_free(t->c);
	mc_envelope_clear(&t->env);
}

static void
check_over(struct talk *t, enum mc_verdict verdict)
{
	assert_int_equal(mc_client_output(t->c).len, 0);
	assert_int_equal(mc_envelope_at(&t->env, 0)->verdict, verdict);
	assert_int_equal(mc_envelope_at(&t->env, 1)->verdict, verdict);
	assert_int_equal(mc_client_step(t->c, NULL), MC_WANT_CLOSE);
	mc_client_quit(t->c);
	assert_int_equal(mc_client_output(t->c).len, 0);
}

/* a reply in the middle of the message: its rest stays here, and so the
 * server cannot take a message that is deferred, and comes again */
static void
test_early_reply(void **state)
{
	static const char *const replies[] = {
		"421 going down\r\n", "250 thank you\r\n", "552 too big\r\n",
		"354 go on\r\n", "451 later\r\n", "garbage\r\n",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(replies); i++) {
		struct mc_err err = { .code = MC_OK };
		struct talk t;

		talk_to_end(&t);
		feed(&t, replies[i]);
		assert_err(mc_client_step(t.c, &err), err, i == 0 ?
		    MC_E_SERVER_UNAVAILABLE : i == 5 ? MC_E_REPLY_SYNTAX :
		    MC_E_REPLY_UNEXPECTED);
		assert_false(err.unsure);
		check_over(&t, MC_DEFERRED);
		talk_clear(&t);
	}
}

/* the connection or the time is gone: unsure, to be on the safe side, and
 * nothing more leaves */
static void
test_lost_at_the_end(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct talk t;

	(void)state;
	talk_to_end(&t);
	(void)mc_err_set(&err, MC_E_TIMEOUT, MC_STAGE_END, "no answer");
	mc_client_lost(t.c, &err);
	assert_true(err.unsure);
	check_over(&t, MC_UNSURE);
	talk_clear(&t);
}

/* commands that had no room on the wire do not follow either */
static void
test_commands(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct talk t;

	(void)state;
	talk_begin(&t, true);
	mc_client_sent(t.c, strlen("MAIL FROM:<me@a.example>\r\n"));
	feed(&t, "421 bye\r\n");
	assert_err(mc_client_step(t.c, &err), err, MC_E_SERVER_UNAVAILABLE);
	check_over(&t, MC_DEFERRED);
	talk_clear(&t);

	talk_begin(&t, false);
	mc_err_reset(&err);
	(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_MAIL, "gone");
	mc_client_lost(t.c, &err);
	assert_false(err.unsure);
	check_over(&t, MC_DEFERRED);
	talk_clear(&t);
}

/* the text cannot be read: no end of data */
static void
test_abort(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct talk t;

	(void)state;
	talk_begin(&t, true);
	send_all(&t);
	feed(&t, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	assert_int_equal(mc_client_step(t.c, NULL), MC_WANT_BODY);
	assert_int_equal(mc_client_body(t.c, MC_STR("A: b\r\n"), NULL), 0);
	(void)mc_err_set(&err, MC_E_IO, MC_STAGE_LOCAL, "cannot read");
	mc_client_body_abort(t.c, &err);
	check_over(&t, MC_DEFERRED);
	assert_int_equal(mc_envelope_at(&t.env, 0)->code, MC_E_IO);
	talk_clear(&t);
}

/* the goodbye of a session that failed in good order is still there */
static void
test_quit_stays(void **state)
{
	struct mc_client_settings s = { .tls = MC_CLIENT_TLS_NONE };
	struct mc_err err = { .code = MC_OK };
	struct mc_client *c;

	(void)state;
	s.ehlo_name = MC_STR("localhost");
	assert_int_equal(mc_client_new(&s, &c, NULL), 0);
	assert_int_equal(mc_client_feed(c, "554 no\r\n", 8, NULL), 0);
	assert_err(mc_client_step(c, &err), err, MC_E_NOT_READY);
	assert_str(mc_client_output(c), "QUIT\r\n");
	mc_client_free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_early_reply),
		cmocka_unit_test(test_lost_at_the_end),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_quit_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
