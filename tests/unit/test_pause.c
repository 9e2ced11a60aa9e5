/* SPDX-License-Identifier: MIT */
/*
 * test_pause.c - accounts that wait, and rates, for all processes
 */
#include "unit.h"

#include "queue/pause_file.h"
#include "store_side.h"

#include <inttypes.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define WORK "a-adqt5v5pkwzhmixr23vllpwacr"
#define NOW INT64_C(1800000000)
#define MS (NOW * 1000)

static const struct mc_schedule usual = { .retry_min = 60,
    .retry_max = 14400, .lifetime = 5 * 86400, .unsure_wait = 1800 };

static const char *
path_of(struct side *s, const char *name)
{
	return side_path(s, ".", 0, name);
}

static struct mc_err
why(enum mc_code code, int smtp, const char *text)
{
	struct mc_err e = { .code = code, .smtp = smtp };

	(void)snprintf(e.text, sizeof(e.text), "%s", text);
	return e;
}

static struct mc_pause
add(struct side *s, enum mc_fault fault, enum mc_code code, int64_t now)
{
	struct mc_err e = why(code, 0, mc_code_name(code));
	struct mc_err err = { .code = MC_OK };
	struct mc_pause p, again;

	if (mc_pause_add(s->store, "work", &usual, fault, &e, now, &p,
	    &err) != 0)
		fail_msg("%s", err.text);
	mc_pause_load(s->store, "work", &again);
	assert_memory_equal(&p, &again, sizeof(p));
	return p;
}

static void
assert_none(struct side *s)
{
	static const struct mc_pause none;
	struct mc_pause p;

	memset(&p, 1, sizeof(p));
	mc_pause_load(s->store, "work", &p);
	assert_memory_equal(&p, &none, sizeof(p));
}

static int64_t
rate(struct side *s, uint64_t messages, uint64_t seconds, int64_t now)
{
	return mc_rate_take(s->store, "work", messages, seconds, now);
}

/* ------------------------------------------------------------------- record */

static void
name(void **state)
{
	char a[MC_PAUSE_NAME];

	(void)state;
	mc_pause_name("work", a);
	assert_string_equal(a, WORK);
	mc_pause_name("", a);
	assert_string_equal(a, "a-4oymiquy7qobjgx36tejs35zeq");
	mc_pause_name("default", a);
	assert_string_equal(a, "a-g6uo5qoodfuh2ezp4kifdxfgfh");
}

static void
record(void **state)
{
	struct mc_pause_record r = { .pause = { .until = NOW + 9,
	    .since = -5, .failures = UINT32_MAX, .fault = MC_FAULT_BUSY,
	    .code = MC_E_TLS_CERT }, .counted = NOW, .groups = 2,
	    .group = { { -7, 1 }, { MS, UINT32_MAX } } };
	struct mc_pause_record back;
	unsigned char b[MC_PAUSE_BYTES];

	(void)state;
	memset(r.pause.text, 't', sizeof(r.pause.text) - 1);
	mc_pause_encode(&r, b);
	memset(&back, 1, sizeof(back));
	assert_true(mc_pause_decode(b, &back));
	assert_int_equal(back.pause.until, NOW + 9);
	assert_int_equal(back.pause.since, -5);
	assert_true(back.pause.failures == UINT32_MAX);
	assert_int_equal(back.pause.fault, MC_FAULT_BUSY);
	assert_int_equal(back.pause.code, MC_E_TLS_CERT);
	assert_string_equal(back.pause.text, r.pause.text);
	assert_int_equal(back.counted, NOW);
	assert_int_equal(back.groups, 2);
	assert_int_equal(back.group[0].last, -7);
	assert_int_equal(back.group[0].n, 1);
	assert_int_equal(back.group[1].last, MS);
	assert_true(back.group[1].n == UINT32_MAX);

	/* any bit that is not as it was */
	for (size_t i = 0; i < sizeof(b) * 8; i++) {
		b[i / 8] ^= (unsigned char)(1u << i % 8);
		assert_false(mc_pause_decode(b, &back));
		b[i / 8] ^= (unsigned char)(1u << i % 8);
	}
	/* all of the one, and the end of another: torn */
	for (size_t n = 0; n < sizeof(b); n++) {
		struct mc_pause_record other = { .groups = 1 };
		unsigned char torn[MC_PAUSE_BYTES];

		mc_pause_encode(&other, torn);
		if (memcmp(b + n, torn + n, sizeof(b) - n) == 0 ||
		    memcmp(b, torn, n) == 0)
			continue;
		memcpy(torn, b, n);
		assert_false(mc_pause_decode(torn, &back));
	}
}

/* a right sum does not make it sense */
static void
nonsense(void **state)
{
	struct mc_pause_record good = { .pause = { .text = "text" },
	    .groups = 2, .group = { { 1, 1 }, { 2, 1 } } };
	struct mc_pause_record back;
	unsigned char b[MC_PAUSE_BYTES];

	(void)state;
	for (int i = 0; i < 5; i++) {
		struct mc_pause_record r = good;

		if (i == 1)
			r.pause.fault = (enum mc_fault)(MC_FAULT_BUSY + 1);
		if (i == 2)
			r.pause.code = (enum mc_code)10000;
		if (i == 3)
			r.group[0].last = 3;
		if (i == 4)
			(void)snprintf(r.pause.text, sizeof(r.pause.text),
			    "a\nb\033[2J");
		mc_pause_encode(&r, b);
		assert_int_equal(mc_pause_decode(b, &back), i == 0 || i == 4);
	}
	assert_string_equal(back.pause.text, "a b?[2J");
}

/* ------------------------------------------------------------------- pauses */

static void
doubling(void **state)
{
	struct side s;
	int64_t now = NOW;

	(void)state;
	side_init(&s);
	assert_none(&s);
	for (uint32_t n = 1; n <= 40; n++) {
		struct mc_pause p = add(&s, MC_FAULT_BUSY,
		    MC_E_SERVER_UNAVAILABLE, now);
		int64_t wait = n > 8 ? 14400 : INT64_C(60) << (n - 1);

		assert_int_equal(p.failures, n);
		assert_int_equal(p.since, NOW);
		assert_int_equal(p.fault, MC_FAULT_BUSY);
		assert_int_equal(p.code, MC_E_SERVER_UNAVAILABLE);
		assert_string_equal(p.text, "MC_E_SERVER_UNAVAILABLE");
		assert_in_range(p.until - now, wait * 3 / 4, wait * 5 / 4);
		assert_true(mc_pause_holds(&p, &usual, now));
		assert_true(mc_pause_holds(&p, &usual, p.until - 1));
		assert_false(mc_pause_holds(&p, &usual, p.until));
		now = p.until;
	}
	/* and from the start */
	mc_pause_clear(s.store, "work");
	assert_none(&s);
	assert_int_equal(add(&s, MC_FAULT_ACCOUNT, MC_E_TLS_CERT,
	    now).failures, 1);
	assert_string_equal(s.said, "");
	side_clear(&s);
}

/* by chance, the log-in is not tried again within 5 minutes */
static void
lock_out(void **state)
{
	static const struct {
		uint64_t min;
		uint64_t max;
		enum mc_code code;
		int smtp;
		uint32_t failures;
		int64_t least;
		int64_t most;
	} t[] = {
		{ 60, 14400, MC_E_AUTH_REFUSED, 535, 1, 300, 375 },
		{ 60, 14400, MC_E_AUTH_REFUSED, 535, 2, 450, 750 },
		{ 60, 14400, MC_E_AUTH_REFUSED, 535, 20, 10800, 18000 },
		{ 60, 14400, MC_E_NOT_READY, 535, 1, 300, 375 },
		{ 1, 30, MC_E_AUTH_REFUSED, 0, 1, 300, 375 },
		{ 1, 30, MC_E_AUTH_REFUSED, 0, 3, 300, 375 },
		{ 3600, 3600, MC_E_AUTH_REFUSED, 0, 3, 2700, 4500 },
		{ 60, 14400, MC_E_TLS_CERT, 0, 1, 45, 75 },
		{ 1, 30, MC_E_NO_SECRET, 0, 1, 1, 1 },
	};
	struct side s;

	(void)state;
	side_init(&s);
	for (size_t i = 0; i < MC_NELEM(t) * 20; i++) {
		size_t k = i / 20;
		struct mc_schedule sch = { .retry_min = t[k].min,
		    .retry_max = t[k].max };
		struct mc_err e = why(t[k].code, t[k].smtp, "no");
		int64_t now = NOW;
		struct mc_pause p;

		for (uint32_t n = 0; n < t[k].failures; n++, now += 100000)
			assert_int_equal(mc_pause_add(s.store, "work", &sch,
			    MC_FAULT_ACCOUNT, &e, now, &p, NULL), 0);
		now -= 100000;
		assert_int_equal(p.failures, t[k].failures);
		assert_in_range(p.until - now, t[k].least, t[k].most);
		assert_true(mc_pause_holds(&p, &sch, now));
		mc_pause_clear(s.store, "work");
	}
	side_clear(&s);
}

/* always the same, and no matter to the row of failures */
static void
network(void **state)
{
	struct side s;
	struct mc_pause p;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 10; i++) {
		p = add(&s, MC_FAULT_NETWORK, MC_E_RESOLVE, NOW + 100 * i);
		assert_int_equal(p.until, NOW + 100 * i + 60);
		assert_int_equal(p.failures, 0);
		assert_int_equal(p.since, NOW);
		assert_int_equal(p.fault, MC_FAULT_NETWORK);
	}
	p = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW + 1000);
	p = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW + 2000);
	assert_int_equal(p.failures, 2);
	assert_int_equal(p.since, NOW + 1000);
	p = add(&s, MC_FAULT_NETWORK, MC_E_CONNECT, NOW + 3000);
	assert_int_equal(p.until, NOW + 3060);
	assert_int_equal(p.failures, 2);
	assert_int_equal(p.since, NOW + 1000);
	assert_int_equal(p.code, MC_E_CONNECT);
	p = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW + 4000);
	assert_int_equal(p.failures, 3);
	assert_in_range(p.until - NOW - 4000, 180, 300);

	static const struct {
		uint64_t min;
		int64_t wait;
	} t[] = { { 0, 1 }, { 1, 1 }, { 5, 5 }, { 60, 60 }, { 7200, 60 },
	    { UINT64_MAX, 60 } };

	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_schedule sch = { .retry_min = t[i].min,
		    .retry_max = t[i].min };

		mc_pause_clear(s.store, "work");
		assert_int_equal(mc_pause_add(s.store, "work", &sch,
		    MC_FAULT_NETWORK, NULL, NOW, &p, NULL), 0);
		assert_int_equal(p.until, NOW + t[i].wait);
		assert_int_equal(p.code, MC_OK);
		assert_string_equal(p.text, "");
	}
	side_clear(&s);
}

static void
once(void **state)
{
	struct side s;
	struct mc_pause p, q;

	(void)state;
	side_init(&s);
	p = add(&s, MC_FAULT_ACCOUNT, MC_E_TLS_CERT, NOW);
	for (int d = -2; d <= 2; d++) {
		q = add(&s, MC_FAULT_ACCOUNT, MC_E_TLS_CERT, NOW + d);
		assert_memory_equal(&p, &q, sizeof(p));
	}
	/* the two seconds do not begin anew each time */
	q = add(&s, MC_FAULT_ACCOUNT, MC_E_TLS_CERT, NOW + 3);
	assert_int_equal(q.failures, 2);
	assert_true(q.until > p.until);
	/* another one at the same time: the longer pause, counted once */
	p = add(&s, MC_FAULT_ACCOUNT, MC_E_AUTH_REFUSED, NOW + 4);
	assert_int_equal(p.failures, 2);
	assert_int_equal(p.code, MC_E_AUTH_REFUSED);
	assert_in_range(p.until - NOW - 4, 450, 750);
	q = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW + 5);
	assert_memory_equal(&p, &q, sizeof(p));
	/* a short one does not end a long one, nor does a message's own */
	q = add(&s, MC_FAULT_NETWORK, MC_E_RESOLVE, NOW + 100);
	assert_memory_equal(&p, &q, sizeof(p));
	q = add(&s, MC_FAULT_MESSAGE, MC_E_REFUSED, NOW + 100);
	assert_memory_equal(&p, &q, sizeof(p));
	/* the clock went back: no pause, and a failure of its own */
	assert_false(mc_pause_holds(&p, &usual, NOW - 86400));
	q = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW - 86400);
	assert_int_equal(q.failures, 3);
	assert_in_range(q.until - NOW + 86400, 180, 300);
	side_clear(&s);
}

static void
holds(void **state)
{
	static const struct {
		int64_t until;
		uint64_t min;
		uint64_t max;
		bool holds;
	} t[] = {
		{ 0, 60, 14400, false },
		{ NOW, 60, 14400, false },
		{ NOW - 1, 60, 14400, false },
		{ NOW + 1, 60, 14400, true },
		{ NOW + 18000, 60, 14400, true },
		{ NOW + 18001, 60, 14400, false },
		/* the longest is of the log-in, or retry-min */
		{ NOW + 375, 1, 30, true },
		{ NOW + 376, 1, 30, false },
		{ NOW + 375, 0, 0, true },
		{ NOW + 1250, 1000, 30, true },
		{ NOW + 1251, 1000, 30, false },
		{ INT64_MAX, 60, 14400, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_schedule sch = { .retry_min = t[i].min,
		    .retry_max = t[i].max };
		struct mc_pause p = { .until = t[i].until };

		if (mc_pause_holds(&p, &sch, NOW) != t[i].holds)
			fail_msg("%zu", i);
	}

	struct mc_pause none = { .until = 0 };

	assert_false(mc_pause_holds(&none, &usual, -30));
}

static void
clearing(void **state)
{
	struct side s;
	struct stat st;

	(void)state;
	side_init(&s);
	mc_pause_clear(s.store, "work");
	assert_int_not_equal(lstat(path_of(&s, WORK), &st), 0);
	/* the rate stays as it is, in both directions */
	assert_int_equal(rate(&s, 1, 60, MS), 0);
	(void)add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW);
	assert_int_equal(rate(&s, 1, 60, MS + 1), 59999);
	mc_pause_clear(s.store, "work");
	assert_none(&s);
	assert_int_equal(rate(&s, 1, 60, MS + 2), 59998);
	/* accounts have files of their own */
	(void)add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW);
	mc_pause_clear(s.store, "home");
	assert_int_equal(add(&s, MC_FAULT_NETWORK, MC_E_NET,
	    NOW + 900).failures, 1);
	assert_int_equal(mc_rate_take(s.store, "home", 1, 60, MS), 0);
	assert_int_equal(stat(path_of(&s, WORK), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, MC_PAUSE_BYTES);
	assert_string_equal(s.said, "");
	side_clear(&s);
}

/* -------------------------------------------------------------------- rates */

static void
no_rate(void **state)
{
	struct side s;
	struct stat st;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rate(&s, 0, 60, MS), 0);
		assert_int_equal(rate(&s, 5, 0, MS), 0);
	}
	assert_int_not_equal(lstat(path_of(&s, WORK), &st), 0);
	side_clear(&s);
}

static void
window(void **state)
{
	struct side s;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 20; i++)
		assert_int_equal(rate(&s, 20, 60, MS), 0);
	assert_int_equal(rate(&s, 20, 60, MS), 60000);
	assert_int_equal(rate(&s, 20, 60, MS + 59999), 1);
	for (int i = 0; i < 20; i++)
		assert_int_equal(rate(&s, 20, 60, MS + 60000), 0);
	assert_int_equal(rate(&s, 20, 60, MS + 60000), 60000);
	/* another rate looks at the same messages */
	assert_int_equal(rate(&s, 21, 60, MS + 60001), 0);
	assert_int_equal(rate(&s, 22, 3600, MS + 60002), 0);
	assert_int_equal(rate(&s, 22, 3600, MS + 60003), 3599999);
	assert_int_equal(rate(&s, 5, 1, MS + 61000), 2);
	assert_int_equal(rate(&s, 5, 1, MS + 61002), 0);
	/* rates without end */
	assert_int_equal(mc_rate_take(s.store, "big", 1, UINT64_MAX, 0), 0);
	assert_true(mc_rate_take(s.store, "big", 1, UINT64_MAX, MS) > MS);
	assert_int_equal(mc_rate_take(s.store, "huge", UINT64_MAX, UINT64_MAX,
	    INT64_MAX), 0);
	assert_int_equal(mc_rate_take(s.store, "huge", UINT64_MAX, UINT64_MAX,
	    INT64_MIN), 0);
	side_clear(&s);
}

/*
 * Tries at odd times; whatever goes, no window sees more, and each wait that
 * is told is right and, but for a sixtieth, not longer than it has to be.
 */
static void
any_window(void **state)
{
	static const struct {
		uint64_t messages;
		uint64_t seconds;
	} t[] = { { 1, 1 }, { 5, 1 }, { 7, 10 }, { 20, 60 }, { 150, 61 },
	    { 100, 3600 } };
	static int64_t gone[20000];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		int64_t w = (int64_t)t[i].seconds * 1000;
		size_t most = (size_t)t[i].messages;
		int64_t now = MS;
		uint32_t seed = 1;
		size_t n = 0;
		struct side s;

		side_init(&s);
		while (now < MS + 12 * w) {
			int64_t wait = rate(&s, most, t[i].seconds, now);

			if (wait == 0) {
				assert_true(n < MC_NELEM(gone));
				if (n >= most)
					assert_true(now - gone[n - most] >= w);
				gone[n++] = now;
			} else {
				int64_t need = gone[n - most] + w - now;

				assert_in_range(wait, 1, w);
				assert_true(wait >= need);
				assert_true(wait <= need + w / 60 + 1);
			}
			seed = seed * 1103515245 + 12345;
			now += wait != 0 && seed >> 31 == 0 ? wait :
			    (int64_t)(seed >> 8) % (2 * w / (int64_t)most + 2);
		}
		/* and it is not stingy */
		assert_true(n >= most * 6);
		side_clear(&s);
	}
}

/* narrow groups that do not fit in wide ones */
static void
other_window(void **state)
{
	struct side s;
	int64_t now = MS;

	(void)state;
	side_init(&s);
	/* 62 in a second, from a rate in whose minute all of them stay */
	for (int i = 0; i < 62; i++, now += 16)
		assert_int_equal(rate(&s, 1000, 1, now), 0);
	for (int i = 0; i < 300; i++, now += 1000)
		assert_int_equal(rate(&s, 1000, 3600, now), 0);
	assert_true(rate(&s, 362, 3600, now) > 0);
	assert_int_equal(rate(&s, 363, 3600, now), 0);
	/* all are counted as long as the first one has to be */
	assert_true(rate(&s, 363, 3600, MS + 3599999) > 0);
	side_clear(&s);
}

static void
clock_back(void **state)
{
	struct side s;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 5; i++)
		assert_int_equal(rate(&s, 5, 60, MS + i * 10000), 0);
	/* a little: processes wait for each other */
	assert_int_equal(rate(&s, 5, 60, MS + 40000), 20000);
	assert_int_equal(rate(&s, 5, 60, MS + 39000), 21000);
	assert_int_equal(rate(&s, 6, 60, MS + 39000), 0);
	assert_int_equal(rate(&s, 6, 60, MS + 40000), 20000);
	/* a year: all six are as good as just gone, and remain so */
	int64_t past = MS - INT64_C(31536000000);

	assert_int_equal(rate(&s, 6, 60, past), 60000);
	assert_int_equal(rate(&s, 6, 60, past + 1), 59999);
	assert_int_equal(rate(&s, 6, 60, past + 59999), 1);
	for (int i = 0; i < 6; i++)
		assert_int_equal(rate(&s, 6, 60, past + 60000), 0);
	assert_int_equal(rate(&s, 6, 60, past + 60000), 60000);
	/* before 1970, and the end of time */
	assert_int_equal(rate(&s, 6, 60, -5), 60000);
	assert_int_equal(rate(&s, 6, 60, INT64_MIN), 60000);
	assert_int_equal(rate(&s, 6, 60, INT64_MAX), 0);
	assert_int_equal(rate(&s, 1, 60, INT64_MIN), 60000);
	side_clear(&s);
}

/* ------------------------------------------------ what stands in the way */

enum thing {
	LINK, HARD_LINK, FIFO, SOCKET, EMPTY_DIR, OTHER_OWNER, NO_MODE, EMPTY,
	SHORT, LONG, HUGE_FILE, ZEROS, BAD_SUM, NEWER, LOOSE, THINGS
};

/* a valid record of a pause, changed into something else */
static void
plant(struct side *s, enum thing thing, const char *path, const char *aside)
{
	unsigned char b[MC_PAUSE_BYTES + 1];
	struct mc_pause_record r = { .pause = { .until = NOW + 100,
	    .since = NOW, .failures = 9 } };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	(void)s;
	mc_pause_encode(&r, b);
	b[MC_PAUSE_BYTES] = 0;
	if (thing == ZEROS)
		memset(b, 0, sizeof(b));
	if (thing == BAD_SUM)
		b[100] ^= 1;
	if (thing == NEWER)
		b[8] = 2;
	side_write(thing == LINK || thing == HARD_LINK ? aside : path, b,
	    thing == SHORT ? MC_PAUSE_BYTES - 1 : thing == EMPTY ? 0 :
	    thing == LONG ? sizeof(b) : MC_PAUSE_BYTES);
	switch (thing) {
	case LINK:
		assert_int_equal(symlink(aside, path), 0);
		break;
	case HARD_LINK:
		assert_int_equal(link(aside, path), 0);
		break;
	case FIFO:
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkfifo(path, 0600), 0);
		break;
	case SOCKET:
		assert_int_equal(unlink(path), 0);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		assert_true(strlen(path) < sizeof(sun.sun_path));
		memcpy(sun.sun_path, path, strlen(path));
		assert_int_equal(bind(fd, (struct sockaddr *)&sun,
		    sizeof(sun)), 0);
		(void)close(fd);
		break;
	case EMPTY_DIR:
		assert_int_equal(unlink(path), 0);
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	case OTHER_OWNER:
		assert_int_equal(chown(path, 1, 1), 0);
		break;
	case NO_MODE:
		assert_int_equal(chmod(path, 0), 0);
		break;
	case HUGE_FILE:
		assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
		break;
	case LOOSE:
		assert_int_equal(chmod(path, 0644), 0);
		break;
	case EMPTY:
	case SHORT:
	case LONG:
	case ZEROS:
	case BAD_SUM:
	case NEWER:
	case THINGS:
		break;
	}
}

static void
things(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * THINGS; i++) {
		enum thing thing = (enum thing)(i / 3);
		struct side s;
		struct stat st;
		struct mc_pause p;
		char path[256], aside[256];

		if (thing == OTHER_OWNER && geteuid() != 0)
			continue;
		side_init(&s);
		(void)snprintf(path, sizeof(path), "%s/" WORK, s.dir);
		(void)snprintf(aside, sizeof(aside), "%s/aside", s.top);
		plant(&s, thing, path, aside);

		/* looking and clearing change nothing */
		mc_pause_load(s.store, "work", &p);
		assert_int_equal(p.failures, thing == LOOSE ? 9 : 0);
		if (thing != LOOSE) {
			mc_pause_clear(s.store, "work");
			assert_none(&s);
			assert_int_equal(lstat(path, &st), 0);
			assert_string_equal(s.said, "");
		}
		/* counting makes it anew */
		if (i % 3 == 0) {
			p = add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE,
			    NOW);
			assert_int_equal(p.failures, thing == LOOSE ? 10 : 1);
		} else if (i % 3 == 1) {
			assert_int_equal(rate(&s, 1, 60, MS), 0);
			assert_int_equal(rate(&s, 1, 60, MS), 60000);
		} else {
			mc_store_close(s.store);
			s.store = NULL;
			side_open(&s);
			assert_int_equal(rate(&s, 1, 60, MS), 0);
		}
		assert_int_equal(lstat(path, &st), 0);
		assert_true(S_ISREG(st.st_mode));
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(st.st_uid, geteuid());
		assert_int_equal(st.st_size, MC_PAUSE_BYTES);
		if (thing != LOOSE)
			assert_int_equal(st.st_mode & 07777, 0600);
		if (thing != EMPTY && thing != LOOSE)
			assert_non_null(strstr(s.said, WORK));
		/* what a link led to is as it was */
		if (thing == LINK || thing == HARD_LINK) {
			size_t n;
			unsigned char *b = side_read(aside, &n);
			struct mc_pause_record r;

			assert_int_equal(n, MC_PAUSE_BYTES);
			assert_true(mc_pause_decode(b, &r));
			assert_int_equal(r.pause.failures, 9);
			free(b);
		}
		side_clear(&s);
	}
}

/* nothing can be made there: it counts for this process, and the rate is
 * not kept, which is told once */
static void
check_unwritable(struct side *s, enum mc_code code)
{
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	struct mc_err err = { .code = MC_OK };
	struct mc_pause p;
	const char *said;

	s->said[0] = '\0';
	memset(&p, 1, sizeof(p));
	assert_err(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT,
	    &e, NOW, &p, &err), err, code);
	assert_non_null(strstr(err.text, s->dir));
	assert_int_equal(p.failures, 1);
	assert_true(mc_pause_holds(&p, &usual, NOW));
	assert_string_equal(p.text, "no");
	assert_int_equal(mc_pause_add(s->store, "work", &usual,
	    MC_FAULT_ACCOUNT, &e, NOW, NULL, NULL), -1);
	assert_none(s);
	mc_pause_clear(s->store, "work");
	assert_string_equal(s->said, "");
	for (int i = 0; i < 10; i++)
		assert_int_equal(rate(s, 1, 60, MS), 0);
	said = strstr(s->said, "rate of account work");
	assert_non_null(said);
	assert_null(strstr(said + 1, "rate of account work"));
}

static void
unwritable_name(void **state)
{
	struct side s;
	char path[256];

	(void)state;
	side_init(&s);
	(void)snprintf(path, sizeof(path), "%s/" WORK, s.dir);
	assert_int_equal(mkdir(path, 0700), 0);
	side_write(side_path(&s, WORK, 0, "x"), "", 0);
	check_unwritable(&s, MC_E_QUEUE);
	side_clear(&s);
}

static int
child_of(void (*fn)(struct side *s, void *ctx), struct side *s, void *ctx)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		/* a test that fails must not leave it behind */
		(void)alarm(120);
		fn(s, ctx);
		_exit(0);
	}
	return (int)pid;
}

static void
reap(int pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* in a process of its own: cmocka's way out of a failed test is not for it */
#define MUST(what) do { \
	if (!(what)) { \
		(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
		    #what); \
		_exit(1); \
	} \
} while (0)

static void
as_nobody(struct side *s, void *ctx)
{
	struct mc_store_settings set = { .dir = s->dir, .reserve_bytes = 1,
	    .log = &s->log };
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	struct mc_err err = { .code = MC_OK };
	struct mc_pause p;

	(void)ctx;
	MUST(geteuid() != 0 || (setgid(65534) == 0 && setuid(65534) == 0));
	mc_store_close(s->store);
	MUST(mc_store_open(&set, &s->store, NULL) == 0);
	MUST(chmod(s->dir, 0500) == 0);
	MUST(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT, &e, NOW,
	    &p, &err) == -1 && err.code == MC_E_QUEUE && p.failures == 1);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	/* one that is there can be written all the same */
	MUST(chmod(s->dir, 0700) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(chmod(s->dir, 0500) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 60000);
	MUST(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT, &e, NOW,
	    &p, NULL) == 0);
	/* an odd mode: removed where that can be, else in the way */
	MUST(chmod(path_of(s, WORK), 0400) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(chmod(s->dir, 0700) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 60000);
	mc_store_close(s->store);
}

static void
unwritable_dir(void **state)
{
	struct side s;

	(void)state;
	side_init(&s);
	if (geteuid() == 0) {
		side_wipe_dir(s.dir);
		assert_int_equal(chown(s.top, 65534, 65534), 0);
	}
	reap(child_of(as_nobody, &s, NULL));
	side_clear(&s);
}

/* a limit on the size of files says what a full disk says */
static void
with_limit(struct side *s, void *ctx)
{
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	struct mc_err err = { .code = MC_OK };
	struct mc_pause p;
	struct rlimit lim = { .rlim_cur = *(rlim_t *)ctx,
	    .rlim_max = RLIM_INFINITY };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	MUST(sigaction(SIGXFSZ, &ignore, NULL) == 0);
	MUST(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	MUST(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT, &e, NOW,
	    &p, &err) == -1 && err.code == MC_E_QUEUE_FULL && p.failures == 1);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(strstr(s->said, "rate of account work") != NULL);
	mc_pause_load(s->store, "work", &p);
	MUST(p.failures == 0 && p.until == 0);
	/* then there is room again */
	lim.rlim_cur = RLIM_INFINITY;
	MUST(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 0);
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 60000);
	/* no room once more, but it needs none */
	lim.rlim_cur = MC_PAUSE_BYTES;
	MUST(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	MUST(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT, &e, NOW,
	    &p, NULL) == 0);
	/* and one that cannot be written stays, which is said */
	lim.rlim_cur = 0;
	MUST(setrlimit(RLIMIT_FSIZE, &lim) == 0);
	mc_pause_clear(s->store, "work");
	MUST(strstr(s->said, "the pause of account work stays") != NULL);
	mc_pause_load(s->store, "work", &p);
	MUST(p.failures == 1);
}

static void
full_disk(void **state)
{
	(void)state;
	for (rlim_t n = 0; n < MC_PAUSE_BYTES; n += 700) {
		struct side s;

		side_init(&s);
		reap(child_of(with_limit, &s, &n));
		side_clear(&s);
	}
}

static int64_t
clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* somebody stopped while holding the lock: for a second, and not for ever */
static void
locked(void **state)
{
	struct side s;
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	struct mc_err err = { .code = MC_OK };
	struct mc_pause p;
	char path[256];
	int64_t began;
	int fd;

	(void)state;
	side_init(&s);
	(void)snprintf(path, sizeof(path), "%s/" WORK, s.dir);
	(void)add(&s, MC_FAULT_BUSY, MC_E_SERVER_UNAVAILABLE, NOW);
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	began = clock_ms();
	mc_pause_load(s.store, "work", &p);
	assert_int_equal(p.failures, 1);
	assert_true(clock_ms() - began < 500);
	assert_err(mc_pause_add(s.store, "work", &usual, MC_FAULT_ACCOUNT, &e,
	    NOW + 10, &p, &err), err, MC_E_QUEUE);
	assert_non_null(strstr(err.text, "locked"));
	assert_int_equal(p.failures, 2);
	assert_in_range(p.until - NOW - 10, 450, 750);
	assert_int_equal(rate(&s, 1, 60, MS), 0);
	assert_int_equal(rate(&s, 1, 60, MS), 0);
	mc_pause_clear(s.store, "work");
	assert_in_range(clock_ms() - began, 3900, 9000);
	mc_pause_load(s.store, "work", &p);
	assert_int_equal(p.failures, 1);
	(void)close(fd);
	mc_pause_clear(s.store, "work");
	assert_none(&s);
	side_clear(&s);
}

static void
take_the_last(struct side *s, void *ctx)
{
	(void)ctx;
	MUST(mc_rate_take(s->store, "work", 1, 60, MS) == 60000);
}

/* the lock is got on a file that has lost its name meanwhile: it is not it */
static void
replaced(void **state)
{
	struct side s;
	unsigned char *b;
	char path[256], aside[256];
	size_t n;
	int fd, pid;

	(void)state;
	side_init(&s);
	(void)snprintf(path, sizeof(path), "%s/" WORK, s.dir);
	(void)snprintf(aside, sizeof(aside), "%s/aside", s.dir);
	assert_int_equal(rate(&s, 1, 60, MS), 0);
	b = side_read(path, &n);
	side_write(aside, b, n);
	free(b);
	side_write(path, "", 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = child_of(take_the_last, &s, NULL);
	(void)usleep(200000);
	assert_int_equal(rename(aside, path), 0);
	/* the child has the descriptor too */
	assert_int_equal(flock(fd, LOCK_UN), 0);
	(void)close(fd);
	reap(pid);
	side_clear(&s);
}

/* ---------------------------------------------------------- many processes */

#define PROCESSES 8

struct shared {
	_Atomic int64_t now;
	_Atomic int taken;
	_Atomic int tries;
	_Atomic int arrived;
	_Atomic int phase;
	_Atomic int stop;
};

static struct shared *
share(void)
{
	struct shared *sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(sh != MAP_FAILED);
	return sh;
}

static void
meet(struct shared *sh, int phase)
{
	sh->arrived++;
	while (sh->phase < phase)
		(void)usleep(100);
}

/* a store of its own: what is in memory is not shared */
static void
reopen(struct side *s)
{
	struct mc_store_settings set = { .dir = s->dir, .reserve_bytes = 1,
	    .no_sweep = true, .log = &s->log };

	mc_store_close(s->store);
	MUST(mc_store_open(&set, &s->store, NULL) == 0);
}

static void
take_in_phases(struct side *s, void *ctx)
{
	struct shared *sh = ctx;

	reopen(s);
	for (int phase = 1; phase <= 6; phase++) {
		meet(sh, phase);
		for (int i = 0; i < 30; i++) {
			if (mc_rate_take(s->store, "work", 50, 60,
			    sh->now) == 0)
				sh->taken++;
		}
	}
	meet(sh, 7);
	MUST(s->said[0] == '\0');
	mc_store_close(s->store);
}

/* all try at once, far more than may go, from before there is a file */
static void
takers(void **state)
{
	static const struct {
		int64_t now;
		int taken;
	} t[] = { { 0, 50 }, { 30000, 50 }, { 59999, 50 }, { 60000, 100 },
	    { 60500, 100 }, { 120000, 150 } };

	(void)state;
	for (int round = 0; round < 4; round++) {
		struct shared *sh = share();
		struct side s;
		int pids[PROCESSES];

		side_init(&s);
		for (int i = 0; i < PROCESSES; i++)
			pids[i] = child_of(take_in_phases, &s, sh);
		for (int phase = 1; phase <= 7; phase++) {
			while (sh->arrived < PROCESSES * phase)
				(void)usleep(100);
			if (phase > 1)
				assert_int_equal(sh->taken,
				    t[phase - 2].taken);
			if (phase <= 6)
				sh->now = MS + t[phase - 1].now;
			sh->phase = phase;
		}
		for (int i = 0; i < PROCESSES; i++)
			reap(pids[i]);
		side_clear(&s);
		(void)munmap(sh, sizeof(*sh));
	}
}

static int64_t
wall_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
take_for_a_while(struct side *s, void *ctx)
{
	struct shared *sh = ctx;
	int64_t end = clock_ms() + 2500;

	reopen(s);
	while (clock_ms() < end) {
		int64_t wait = mc_rate_take(s->store, "work", 25, 1,
		    wall_ms());

		sh->tries++;
		MUST(wait >= 0 && wait <= 11000);
		if (wait == 0)
			sh->taken++;
	}
	MUST(s->said[0] == '\0');
	mc_store_close(s->store);
}

/* by the real clock: 2.5 seconds are less than four windows, more than two */
static void
real_time(void **state)
{
	struct shared *sh = share();
	struct side s;
	int pids[PROCESSES];
	int64_t began = clock_ms();
	int64_t windows;

	(void)state;
	side_init(&s);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child_of(take_for_a_while, &s, sh);
	for (int i = 0; i < PROCESSES; i++)
		reap(pids[i]);
	windows = (clock_ms() - began) / 1000 + 1;
	assert_true(sh->tries > 500);
	assert_in_range(sh->taken, 50, 25 * windows);
	side_clear(&s);
	(void)munmap(sh, sizeof(*sh));
}

static void
fail_in_phases(struct side *s, void *ctx)
{
	struct shared *sh = ctx;
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	struct mc_pause p;

	reopen(s);
	for (int phase = 1; phase <= 10; phase++) {
		meet(sh, phase);
		for (int i = 0; i < 5; i++) {
			MUST(mc_pause_add(s->store, "work", &usual,
			    MC_FAULT_ACCOUNT, &e, sh->now + i % 3, &p, NULL)
			    == 0);
			MUST(p.failures == (uint32_t)phase);
			MUST(mc_pause_holds(&p, &usual, sh->now));
		}
	}
	meet(sh, 11);
	MUST(s->said[0] == '\0');
	mc_store_close(s->store);
}

static void
failures(void **state)
{
	struct shared *sh = share();
	struct side s;
	struct mc_pause p;
	int pids[PROCESSES];

	(void)state;
	side_init(&s);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child_of(fail_in_phases, &s, sh);
	for (int phase = 1; phase <= 11; phase++) {
		while (sh->arrived < PROCESSES * phase)
			(void)usleep(100);
		sh->now = NOW + phase * 5;
		sh->phase = phase;
	}
	for (int i = 0; i < PROCESSES; i++)
		reap(pids[i]);
	mc_pause_load(s.store, "work", &p);
	assert_int_equal(p.failures, 10);
	assert_int_equal(p.since, NOW + 5);
	side_clear(&s);
	(void)munmap(sh, sizeof(*sh));
}

/* adds, clears, takes and looks at once: whatever is seen is whole */
static void
all_at_once(struct side *s, void *ctx)
{
	struct shared *sh = ctx;
	int me = sh->arrived++;
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");
	int64_t end = clock_ms() + 1000;
	struct mc_pause p;

	reopen(s);
	for (int64_t n = 0; clock_ms() < end; n++) {
		switch (me % 4) {
		case 0:
			MUST(mc_pause_add(s->store, "work", &usual,
			    MC_FAULT_ACCOUNT, &e, NOW + n % 50, &p, NULL) ==
			    0);
			MUST(p.failures > 0);
			break;
		case 1:
			mc_pause_clear(s->store, "work");
			break;
		case 2:
			if (mc_rate_take(s->store, "work", 40, 60, MS) == 0)
				sh->taken++;
			break;
		}
		mc_pause_load(s->store, "work", &p);
		MUST((p.until == 0) == (p.failures == 0));
		MUST((p.until == 0) == (p.text[0] == '\0'));
		sh->tries++;
	}
	MUST(s->said[0] == '\0');
	mc_store_close(s->store);
}

static void
together(void **state)
{
	struct shared *sh = share();
	struct side s;
	int pids[PROCESSES];

	(void)state;
	side_init(&s);
	for (int i = 0; i < PROCESSES; i++)
		pids[i] = child_of(all_at_once, &s, sh);
	for (int i = 0; i < PROCESSES; i++)
		reap(pids[i]);
	assert_int_equal(sh->taken, 40);
	assert_true(sh->tries > 100);
	side_clear(&s);
	(void)munmap(sh, sizeof(*sh));
}

/* a process that is killed at any time leaves a record or none */
static void
write_for_ever(struct side *s, void *ctx)
{
	struct mc_err e = why(MC_E_AUTH_REFUSED, 535, "no");

	(void)ctx;
	reopen(s);
	for (int64_t n = 0;; n++) {
		MUST(mc_pause_add(s->store, "work", &usual, MC_FAULT_ACCOUNT,
		    &e, NOW + n * 3, NULL, NULL) == 0);
		(void)mc_rate_take(s->store, "work", 1000, 1, MS + n);
	}
}

static void
killed(void **state)
{
	struct side s;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 100; i++) {
		int pid = child_of(write_for_ever, &s, NULL);
		int64_t began = clock_ms();
		struct mc_pause p;
		int status;

		(void)usleep(1000 + (useconds_t)i * 50);
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status));
		/* no lock is left, and no file that is in the way */
		p = add(&s, MC_FAULT_ACCOUNT, MC_E_TLS_CERT, NOW + (1 << 30));
		assert_true(p.failures >= 1);
		assert_true(clock_ms() - began < 900);
		mc_pause_clear(s.store, "work");
		assert_none(&s);
	}
	side_clear(&s);
}

/* nothing here asks for memory; should it ever, this has to grow */
static void
no_memory(void **state)
{
	struct side s;
	struct mc_pause p;

	(void)state;
	side_init(&s);
	(void)failmalloc(1, true);
	p = add(&s, MC_FAULT_ACCOUNT, MC_E_AUTH_REFUSED, NOW);
	assert_int_equal(rate(&s, 1, 60, MS), 0);
	assert_int_equal(rate(&s, 1, 60, MS), 60000);
	mc_pause_clear(s.store, "work");
	assert_none(&s);
	assert_int_equal(failmalloc(0, false), 0);
	assert_int_equal(p.failures, 1);
	side_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name),
		cmocka_unit_test(record),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(doubling),
		cmocka_unit_test(lock_out),
		cmocka_unit_test(network),
		cmocka_unit_test(once),
		cmocka_unit_test(holds),
		cmocka_unit_test(clearing),
		cmocka_unit_test(no_rate),
		cmocka_unit_test(window),
		cmocka_unit_test(any_window),
		cmocka_unit_test(other_window),
		cmocka_unit_test(clock_back),
		cmocka_unit_test(things),
		cmocka_unit_test(unwritable_name),
		cmocka_unit_test(unwritable_dir),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(locked),
		cmocka_unit_test(replaced),
		cmocka_unit_test(takers),
		cmocka_unit_test(real_time),
		cmocka_unit_test(failures),
		cmocka_unit_test(together),
		cmocka_unit_test(killed),
		cmocka_unit_test(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
