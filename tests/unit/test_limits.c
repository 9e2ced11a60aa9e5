/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c - how much each user has had, and lines about what was refused
 */
#include "unit.h"

#include "base/clock.h"
#include "queue/bytes.h"
#include "serve/damper.h"
#include "serve/limits.h"

#define MINUTE INT64_C(60000)
#define START INT64_C(5000)

static const struct mc_serve_limits few = {
	.sessions = 8, .sessions_user = 3, .sessions_loopback = 2,
	.messages = { 6, 60 }, .recipients = { 100, 3600 },
	.queue_share = 20,
};

static struct mc_limits *
make(const struct mc_serve_limits *set)
{
	struct mc_limits *l = mc_limits_new(set, NULL);

	assert_non_null(l);
	return l;
}

static const char *
try_open(struct mc_limits *l, struct mc_whose whose, int64_t now)
{
	int64_t delay = -1;
	enum mc_refusal why = mc_limits_open(l, whose, now, &delay);

	assert_int_equal(delay >= 0, why == MC_REFUSED_NOT);
	return mc_refusal_name(why);
}

/* ------------------------------------------------------------------- reasons */

static void
test_reasons(void **state)
{
	(void)state;
	for (unsigned i = 1; i < MC_REFUSED__COUNT; i++) {
		const char *name = mc_refusal_name((enum mc_refusal)i);

		assert_int_equal(mc_refusal_find(name), i);
		assert_in_range(strlen(name), 1, 31);
		assert_int_not_equal(mc_refusal_words((enum mc_refusal)i)[0],
		    '\0');
		for (size_t k = 0; name[k] != '\0'; k++)
			assert_true(name[k] == '-' ||
			    (name[k] >= 'a' && name[k] <= 'z'));
	}
	assert_int_equal(mc_refusal_find("nothing"), MC_REFUSED_NOT);
	assert_int_equal(mc_refusal_find(""), MC_REFUSED_NOT);
	assert_string_equal(mc_refusal_name((enum mc_refusal)999), "");
	assert_string_equal(mc_refusal_words((enum mc_refusal)-1), "");
}

/* ------------------------------------------------------------------ sessions */

/* + opens, - closes, j joins, l leaves; who: a digit is a uid, F and S are the
 * loopback addresses */
static void
test_sessions(void **state)
{
	static const struct {
		const char *steps;
		const char *last;	/* what came of the last step */
	} cases[] = {
		{ "+1 +1 +1", "" },
		{ "+1 +1 +1 +1", "user-sessions" },
		{ "+1 +1 +1 -1 +1", "" },
		{ "+1 +1 +1 -1 -1 -1 -1 -1 +1 +1 +1", "" },
		{ "+F +F", "" },
		{ "+F +F +F", "loopback-sessions" },
		{ "+F +F +S +S", "" },
		{ "+1 +1 +1 +2 +2 +2 +3 +3", "" },
		{ "+1 +1 +1 +2 +2 +2 +3 +3 +4", "sessions" },
		{ "+1 +1 +1 +2 +2 +2 +3 +3 -2 +4", "" },
		/* a log-in counts for the user too, but not twice */
		{ "+F j1 +1 +1 +1", "user-sessions" },
		{ "+F j1 +1 +1 j1", "user-sessions" },
		{ "+F j1 +1 +1 l1 -F +1", "" },
		{ "+F j4 +S j4 +1 +1 +1 +2 +2 +2", "" },
		{ "+F j4 +S j4 +1 +1 +1 +2 +2 +2 +3", "sessions" },
		/* 4 and 6 are uids as well */
		{ "+F +F +4 +4 +4 +6", "" },
		/* a refused one counts for nothing */
		{ "+1 +1 +1 +1 +1 +1 +1 +1 +1 +1 +2", "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct mc_limits *l = make(&few);
		const char *last = "?";

		for (const char *p = cases[i].steps; *p != '\0';
		    p += p[2] == ' ' ? 3 : 2) {
			struct mc_whose w = p[1] == 'F' ?
			    mc_whose_source(false) : p[1] == 'S' ?
			    mc_whose_source(true) :
			    mc_whose_user((uid_t)(p[1] - '0'));

			if (p[0] == '+')
				last = try_open(l, w, START);
			else if (p[0] == 'j')
				last = mc_refusal_name(mc_limits_join(l, w,
				    START));
			else if (p[0] == '-')
				mc_limits_close(l, w);
			else
				mc_limits_leave(l, w);
		}
		if (strcmp(last, cases[i].last) != 0)
			fail_msg("%s: %s", cases[i].steps, last);
		mc_limits_free(l);
	}
}

static void
test_busy(void **state)
{
	struct mc_limits *l = make(&few);

	(void)state;
	for (uid_t i = 0; i < 8; i++) {
		assert_int_equal(mc_limits_busy(l), i > 6);
		assert_int_equal(mc_limits_sessions(l), i);
		assert_string_equal(try_open(l, mc_whose_user(i), START), "");
	}
	assert_true(mc_limits_busy(l));
	mc_limits_close(l, mc_whose_user(0));
	mc_limits_close(l, mc_whose_user(1));
	assert_false(mc_limits_busy(l));
	mc_limits_free(l);
	mc_limits_free(NULL);
}

/* the table holds MC_LIMITS_MOST; those who do nothing are forgotten for others */
static void
test_many_users(void **state)
{
	struct mc_serve_limits many = few;
	struct mc_limits *l;
	int64_t wait;

	(void)state;
	many.sessions = 100000;
	many.sessions_user = 2;
	l = make(&many);
	for (uid_t i = 0; i < MC_LIMITS_MOST; i++)
		assert_string_equal(try_open(l, mc_whose_user(i * 1024), START),
		    "");
	assert_string_equal(try_open(l, mc_whose_user(1), START), "users");
	assert_int_equal(mc_limits_message(l, mc_whose_user(1), START, &wait),
	    MC_REFUSED_USERS);
	assert_int_equal(mc_limits_recipients(l, mc_whose_user(1), 1, START,
	    &wait), MC_REFUSED_USERS);
	assert_int_equal(mc_limits_join(l, mc_whose_user(1), START),
	    MC_REFUSED_USERS);
	mc_limits_errors(l, mc_whose_user(1), 1, START);
	mc_limits_committed(l, 1, 1, START);
	/* those who are there are not concerned */
	assert_string_equal(try_open(l, mc_whose_user(1024), START), "");
	assert_int_equal(mc_limits_message(l, mc_whose_user(2048), START,
	    &wait), MC_REFUSED_NOT);
	mc_limits_close(l, mc_whose_user(2048));
	/* gone, but not forgotten before the minute is */
	assert_string_equal(try_open(l, mc_whose_user(1), START), "users");
	assert_string_equal(try_open(l, mc_whose_user(1), START + MINUTE), "");
	/* all come and go, many times */
	for (uid_t i = 0; i < MC_LIMITS_MOST; i++)
		mc_limits_close(l, mc_whose_user(i * 1024));
	for (uid_t i = 0; i < 5 * MC_LIMITS_MOST; i++) {
		assert_string_equal(try_open(l, mc_whose_user(7 + i * 3),
		    START + MINUTE), "");
		mc_limits_close(l, mc_whose_user(7 + i * 3));
	}
	mc_limits_free(l);
}

/* ------------------------------------------------------------------- errors */

static void
test_errors(void **state)
{
	static const struct {
		uint32_t errors;
		int64_t after;
		int64_t delay;
	} cases[] = {
		{ 0, 0, 0 },
		{ 10, 0, 0 },
		{ 11, 0, 100 },
		{ 20, 0, 1000 },
		{ 20, MC_LIMITS_HALF - 1, 1000 },
		{ 20, MC_LIMITS_HALF, 0 },
		{ 100, 0, 9000 },
		{ 100, MC_LIMITS_HALF, 4000 },
		{ 100, 2 * MC_LIMITS_HALF + 5, 1500 },
		{ 1000, 0, 10000 },
		{ UINT32_MAX, 0, 10000 },
		{ UINT32_MAX, 7 * MC_LIMITS_HALF, 0 },
		{ 100, INT64_C(1) << 50, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct mc_limits *l = make(&few);
		struct mc_whose w = mc_whose_user(7);
		int64_t delay = -1;

		mc_limits_errors(l, w, cases[i].errors, START);
		assert_int_equal(mc_limits_open(l, w, START + cases[i].after,
		    &delay), MC_REFUSED_NOT);
		if (delay != cases[i].delay)
			fail_msg("%zu: %lld", i, (long long)delay);
		/* nobody else waits for it */
		assert_int_equal(mc_limits_open(l, mc_whose_user(8),
		    START + cases[i].after, &delay), MC_REFUSED_NOT);
		assert_int_equal(delay, 0);
		mc_limits_free(l);
	}
}

static void
test_errors_add_up(void **state)
{
	struct mc_limits *l = make(&few);
	struct mc_whose w = mc_whose_user(7);
	int64_t now = START, delay = 0, last = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++, now += MINUTE) {
		assert_int_equal(mc_limits_open(l, w, now, &delay),
		    MC_REFUSED_NOT);
		assert_true(i == 0 || delay > last);
		last = delay;
		mc_limits_errors(l, w, 20, now);
		mc_limits_close(l, w);
	}
	mc_limits_free(l);
}

/* --------------------------------------------------------------------- rates */

static void
test_messages(void **state)
{
	struct mc_limits *l = make(&few);
	struct mc_whose a = mc_whose_user(1), b = mc_whose_user(2);
	int64_t wait = -1;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(mc_limits_message(l, a, START, &wait),
		    MC_REFUSED_NOT);
	assert_int_equal(wait, -1);
	assert_int_equal(mc_limits_message(l, a, START, &wait),
	    MC_REFUSED_RATE_MESSAGES);
	assert_int_equal(wait, 10);
	assert_int_equal(mc_limits_message(l, a, START + 9001, &wait),
	    MC_REFUSED_RATE_MESSAGES);
	assert_int_equal(wait, 1);
	/* users cannot take from each other */
	assert_int_equal(mc_limits_message(l, b, START, &wait),
	    MC_REFUSED_NOT);
	/* after that time one more, and no more than one */
	assert_int_equal(mc_limits_message(l, a, START + 10000, &wait),
	    MC_REFUSED_NOT);
	assert_int_equal(mc_limits_message(l, a, START + 10000, &wait),
	    MC_REFUSED_RATE_MESSAGES);
	/* who was silent for a week has saved one minute's */
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(mc_limits_message(l, a,
		    START + 7 * 24 * 60 * MINUTE, &wait), MC_REFUSED_NOT);
	assert_int_equal(mc_limits_message(l, a,
	    START + 7 * 24 * 60 * MINUTE, &wait), MC_REFUSED_RATE_MESSAGES);
	mc_limits_free(l);
}

static void
test_recipients(void **state)
{
	static const struct {
		struct mc_serve_rate rate;
		uint32_t first;
		uint32_t then;
		int64_t wait;	/* 0: taken */
	} cases[] = {
		{ { 100, 3600 }, 100, 1, 36 },
		{ { 100, 3600 }, 99, 1, 0 },
		{ { 100, 3600 }, 1, 99, 0 },
		{ { 100, 3600 }, 50, 51, 36 },
		{ { 100, 3600 }, 1, 101, 3600 },
		{ { 100, 3600 }, 1, UINT32_MAX, 3600 },
		{ { 1, 1 }, 1, 1, 1 },
		{ { 1000000000, 1 }, 100000, 100000, 0 },
		{ { 1000000000, 365 * 86400 }, 1000000, 1000000000, 31536 },
		{ { 1, 365 * 86400 }, 1, 1, 365 * 86400 },
		{ { 7, 60 }, 7, 0, 0 },
		{ { 0, 0 }, UINT32_MAX, UINT32_MAX, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct mc_serve_limits set = few;
		struct mc_whose w = mc_whose_user(1);
		struct mc_limits *l;
		int64_t wait = 0;
		enum mc_refusal why;

		set.recipients = cases[i].rate;
		l = make(&set);
		assert_int_equal(mc_limits_recipients(l, w, cases[i].first,
		    START, &wait), MC_REFUSED_NOT);
		why = mc_limits_recipients(l, w, cases[i].then, START, &wait);
		if (why != (cases[i].wait != 0 ? MC_REFUSED_RATE_RECIPIENTS :
		    MC_REFUSED_NOT) || wait != cases[i].wait)
			fail_msg("%zu: %s %lld", i, mc_refusal_name(why),
			    (long long)wait);
		mc_limits_free(l);
	}
}

/* -------------------------------------------------------------------- shares */

static void
use(struct mc_limits *l, uint64_t uid, uint64_t messages, uint64_t bytes,
    uint64_t whole_messages, uint64_t whole_bytes)
{
	struct mc_usage u = { .messages = messages, .bytes = bytes,
	    .whole_messages = whole_messages, .whole_bytes = whole_bytes };
	struct mc_usage_user *user;

	mc_vec_init(&u.users, sizeof(struct mc_usage_user), 10);
	user = mc_vec_add(&u.users);
	assert_non_null(user);
	*user = (struct mc_usage_user){ uid, messages, bytes };
	mc_limits_begin_usage(l);
	assert_int_equal(mc_limits_set_usage(l, &u, NULL), 0);
	mc_usage_clear(&u);
}

static void
test_share(void **state)
{
	static const struct {
		uint64_t messages, bytes;	/* of uid 1 */
		uint64_t whole_messages, whole_bytes;
		uint64_t size;
		bool refused;
	} cases[] = {
		{ 0, 0, 100, 1000, 200, false },
		{ 0, 0, 100, 1000, 201, true },
		{ 19, 0, 100, 1000, 1, false },
		{ 20, 0, 100, 1000, 1, true },
		{ 1, 150, 100, 1000, 50, false },
		{ 1, 150, 100, 1000, 51, true },
		{ 1000000, 0, 0, 1000, 1, false },
		{ 1, 1000000, 100, 0, 1000000, false },
		/* the first message, where a fifth is less than one */
		{ 0, 0, 4, 1000, 1, false },
		{ 1, 1, 4, 1000, 1, true },
		{ 1, UINT64_MAX, 0, UINT64_MAX, UINT64_MAX, true },
		{ 1, 1, 0, UINT64_MAX, UINT64_MAX / 5 - 2, false },
		{ 1, 1, 0, UINT64_MAX, UINT64_MAX / 5 + 2, true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct mc_limits *l = make(&few);

		assert_int_equal(mc_limits_share(l, 1, UINT64_MAX),
		    MC_REFUSED_NOT);
		use(l, 1, cases[i].messages, cases[i].bytes,
		    cases[i].whole_messages, cases[i].whole_bytes);
		if ((mc_limits_share(l, 1, cases[i].size) ==
		    MC_REFUSED_SHARE) != cases[i].refused)
			fail_msg("%zu", i);
		/* the others have theirs */
		assert_int_equal(mc_limits_share(l, 2, 1), MC_REFUSED_NOT);
		mc_limits_free(l);
	}
}

static void
test_committed(void **state)
{
	struct mc_limits *l = make(&few);

	(void)state;
	use(l, 1, 18, 100, 100, 1000);
	mc_limits_committed(l, 1, 10, START);
	assert_int_equal(mc_limits_share(l, 1, 90), MC_REFUSED_NOT);
	assert_int_equal(mc_limits_share(l, 1, 91), MC_REFUSED_SHARE);
	mc_limits_committed(l, 1, 10, START);
	assert_int_equal(mc_limits_share(l, 1, 1), MC_REFUSED_SHARE);
	/* what comes while a count is made is in neither, or in both */
	mc_limits_begin_usage(l);
	mc_limits_committed(l, 1, 50, START);
	assert_int_equal(mc_limits_share(l, 1, 1), MC_REFUSED_SHARE);

	struct mc_usage empty = { .whole_messages = 100, .whole_bytes = 1000 };

	mc_vec_init(&empty.users, sizeof(struct mc_usage_user), 1);
	assert_int_equal(mc_limits_set_usage(l, &empty, NULL), 0);
	assert_int_equal(mc_limits_share(l, 1, 150), MC_REFUSED_NOT);
	assert_int_equal(mc_limits_share(l, 1, 151), MC_REFUSED_SHARE);
	use(l, 2, 1, 1, 100, 1000);
	assert_int_equal(mc_limits_share(l, 1, 200), MC_REFUSED_NOT);
	mc_limits_free(l);
}

static void
test_share_of_all(void **state)
{
	struct mc_serve_limits set = few;
	struct mc_limits *l;

	(void)state;
	set.queue_share = 100;
	l = make(&set);
	use(l, 1, 500, 5000, 100, 1000);
	assert_int_equal(mc_limits_share(l, 1, 1), MC_REFUSED_NOT);
	mc_limits_free(l);
}

/* --------------------------------------------------------------------- carry */

static void
save(const struct mc_limits *l, int64_t now, struct mc_buf *out)
{
	mc_buf_init(out, MC_LIMITS_SAVED);
	assert_int_equal(mc_limits_save(l, now, out, NULL), 0);
}

static struct mc_limits *
make_used(void)
{
	struct mc_limits *l = make(&few);
	int64_t wait;

	for (size_t i = 0; i < 6; i++)
		assert_int_equal(mc_limits_message(l, mc_whose_user(1), START,
		    &wait), MC_REFUSED_NOT);
	assert_int_equal(mc_limits_recipients(l, mc_whose_user(2), 100, START,
	    &wait), MC_REFUSED_NOT);
	mc_limits_errors(l, mc_whose_source(true), 20, START);
	use(l, 9, 1, 1, 100, 1000);
	mc_limits_committed(l, 3, 200, START);
	return l;
}

static void
test_carry(void **state)
{
	struct mc_limits *l = make_used(), *next = make(&few);
	int64_t wait = 0, delay = 0;
	struct mc_buf saved;

	(void)state;
	/* only a session: it stays with whom it is */
	assert_string_equal(try_open(l, mc_whose_user(4), START), "");
	save(l, START + 5000, &saved);
	assert_int_equal(saved.len, 16 + 4 * MC_LIMITS_RECORD);
	assert_int_equal(mc_limits_load(next, mc_buf_str(&saved), 77000, NULL),
	    0);
	assert_int_equal(mc_limits_sessions(next), 0);
	assert_int_equal(mc_limits_message(next, mc_whose_user(1), 77000,
	    &wait), MC_REFUSED_RATE_MESSAGES);
	assert_int_equal(wait, 5);
	assert_int_equal(mc_limits_message(next, mc_whose_user(1), 82000,
	    &wait), MC_REFUSED_NOT);
	assert_int_equal(mc_limits_recipients(next, mc_whose_user(2), 1,
	    77000, &wait), MC_REFUSED_RATE_RECIPIENTS);
	assert_int_equal(wait, 31);
	assert_int_equal(mc_limits_open(next, mc_whose_source(true), 77000,
	    &delay), MC_REFUSED_NOT);
	assert_int_equal(delay, 1000);
	use(next, 9, 1, 1, 100, 1000);
	assert_int_equal(mc_limits_share(next, 3, 1), MC_REFUSED_NOT);
	mc_buf_clear(&saved);
	mc_limits_free(l);
	mc_limits_free(next);
}

/* every byte changed, and every length */
static void
test_carry_broken(void **state)
{
	struct mc_limits *l = make_used();
	struct mc_buf saved;

	(void)state;
	save(l, START, &saved);
	for (size_t n = 0; n < saved.len; n++) {
		struct mc_limits *next = make(&few);
		struct mc_err err = { 0 };

		assert_err(mc_limits_load(next, mc_str_sub(mc_buf_str(&saved),
		    0, n), START, &err), err, MC_E_BAD_VALUE);
		saved.ptr[n] = (char)(saved.ptr[n] ^ 0xff);
		/* a record may say anything that can be */
		if (mc_limits_load(next, mc_buf_str(&saved), START, NULL) == 0)
			assert_true(n >= 16 || n == 6 || n == 7);
		saved.ptr[n] = (char)(saved.ptr[n] ^ 0xff);
		mc_limits_free(next);
	}
	mc_buf_clear(&saved);
	mc_limits_free(l);
}

/* ------------------------------------------------------------------- no memory */

static void
test_no_memory(void **state)
{
	struct mc_usage u = { .whole_messages = 1 };
	struct mc_limits *l;
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)state;
	(void)failmalloc(1, false);
	assert_null(mc_limits_new(&few, &err));
	assert_int_equal(err.code, MC_E_NOMEM);
	err = (struct mc_err){ 0 };
	(void)failmalloc(1, false);
	assert_null(mc_damper_new(&err));
	assert_int_equal(err.code, MC_E_NOMEM);
	(void)failmalloc(0, false);
	l = make_used();
	mc_vec_init(&u.users, sizeof(struct mc_usage_user), 1);
	assert_non_null(mc_vec_add(&u.users));
	err = (struct mc_err){ 0 };
	(void)failmalloc(1, false);
	assert_err(mc_limits_set_usage(l, &u, &err), err, MC_E_NOMEM);
	(void)failmalloc(0, false);
	mc_usage_clear(&u);
	for (unsigned long n = 1;; n++) {
		err = (struct mc_err){ 0 };
		mc_buf_init(&out, MC_LIMITS_SAVED);
		(void)failmalloc(n, false);

		int rc = mc_limits_save(l, START, &out, &err);
		bool all = failmalloc(0, false) < n;

		mc_buf_clear(&out);
		if (all)
			break;
		assert_err(rc, err, MC_E_NOMEM);
	}
	/* what was said of the old count still holds */
	assert_int_equal(mc_limits_share(l, 3, 1), MC_REFUSED_SHARE);
	mc_limits_free(l);
}

/* --------------------------------------------------------------------- damper */

static size_t
lines(struct mc_damper *d, uid_t uid, enum mc_refusal reason, size_t n,
    int64_t now)
{
	size_t written = 0;

	for (size_t i = 0; i < n; i++)
		written += mc_damper_allows(d, mc_whose_user(uid), reason, now);
	return written;
}

static void
test_damper(void **state)
{
	struct mc_damper *d = mc_damper_new(NULL);
	struct mc_damped damped;

	(void)state;
	assert_non_null(d);
	assert_true(mc_damper_next(d) == MC_NEVER);
	assert_int_equal(lines(d, 1, MC_REFUSED_SENDER, 5, START), 5);
	assert_true(mc_damper_next(d) == MC_NEVER);
	assert_int_equal(lines(d, 1, MC_REFUSED_SENDER, 100, START + 1), 0);
	assert_int_equal(lines(d, 1, MC_REFUSED_SIZE, 6, START + 1000), 5);
	assert_int_equal(lines(d, 2, MC_REFUSED_SENDER, 5, START), 5);
	assert_true(mc_damper_next(d) == START + MINUTE);
	assert_false(mc_damper_due(d, START + MINUTE - 1, &damped));
	assert_true(mc_damper_due(d, START + MINUTE, &damped));
	assert_int_equal(damped.n, 100);
	assert_int_equal(damped.whose.id, 1);
	assert_int_equal(damped.reason, MC_REFUSED_SENDER);
	assert_false(damped.others);
	assert_false(mc_damper_due(d, START + MINUTE, &damped));
	assert_int_equal(lines(d, 1, MC_REFUSED_SENDER, 6, START + MINUTE), 5);
	/* at the end everything is told */
	assert_true(mc_damper_due(d, MC_NEVER, &damped));
	assert_true(mc_damper_due(d, MC_NEVER, &damped));
	assert_false(mc_damper_due(d, MC_NEVER, &damped));
	assert_true(mc_damper_next(d) == MC_NEVER);
	mc_damper_free(d);
	mc_damper_free(NULL);
}

/* many at once share a place, and no line is lost */
static void
test_damper_full(void **state)
{
	struct mc_damper *d = mc_damper_new(NULL);
	struct mc_damped damped;
	uint64_t told = 0;
	size_t written = 0;
	bool others = false;

	(void)state;
	assert_non_null(d);
	for (uid_t i = 0; i < 1000; i++)
		written += lines(d, i, MC_REFUSED_RATE_MESSAGES, 20, START);
	assert_int_equal(written, 5 * (MC_DAMPER_MOST + 1));
	while (mc_damper_due(d, START + MINUTE, &damped)) {
		told += damped.n;
		others |= damped.others;
	}
	assert_true(others);
	assert_int_equal(told + written, 20000);
	assert_int_equal(lines(d, 5000, MC_REFUSED_SIZE, 6, START + MINUTE), 5);
	assert_false(mc_damper_allows(d, mc_whose_user(1),
	    MC_REFUSED__COUNT, START));
	mc_damper_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_many_users),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_errors_add_up),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_share),
		cmocka_unit_test(test_committed),
		cmocka_unit_test(test_share_of_all),
		cmocka_unit_test(test_carry),
		cmocka_unit_test(test_carry_broken),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_damper),
		cmocka_unit_test(test_damper_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
