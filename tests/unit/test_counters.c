/* SPDX-License-Identifier: MIT */
/*
 * test_counters.c - what goes through a spool is counted, for all processes
 */
#include "unit.h"

#include "queue/bytes.h"
#include "queue/counters.h"
#include "queue/side_file.h"
#include "store_side.h"

#include <inttypes.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define R MC_COUNTERS_RECORD

static const struct mc_counts one = { 1, 2, 3, 4 };

/* in a process of its own: cmocka's way out of a failed test is not for it */
#define MUST(what) do { \
	if (!(what)) { \
		(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
		    #what); \
		_exit(1); \
	} \
} while (0)

static const char *
path_of(struct side *s)
{
	return side_path(s, ".", 0, MC_COUNTERS_FILE);
}

struct sums {
	size_t n;
	char name[MC_COUNTERS_MOST][MC_COUNTERS_NAME];
	struct mc_counts counts[MC_COUNTERS_MOST];
	int64_t since;
};

static int
take(void *ctx, const char *account, const struct mc_counts *counts)
{
	struct sums *sums = ctx;

	MUST(sums->n < MC_COUNTERS_MOST);
	(void)snprintf(sums->name[sums->n], MC_COUNTERS_NAME, "%s", account);
	sums->counts[sums->n++] = *counts;
	return 0;
}

static const struct sums *
read_all(struct side *s)
{
	static struct sums sums;

	sums.n = 0;
	assert_int_equal(mc_counters_each(s->store, take, &sums, &sums.since),
	    0);
	return &sums;
}

static void
assert_counts(struct side *s, const char *account, uint64_t queued,
    uint64_t delivered, uint64_t deferred, uint64_t failed)
{
	const struct sums *sums = read_all(s);

	for (size_t i = 0; i < sums->n; i++) {
		const struct mc_counts *c = &sums->counts[i];

		if (strcmp(sums->name[i], account) != 0)
			continue;
		assert_true(c->queued == queued);
		assert_true(c->delivered == delivered);
		assert_true(c->deferred == deferred);
		assert_true(c->failed == failed);
		return;
	}
	fail_msg("no account %s", account);
}

static void
assert_empty(struct side *s)
{
	const struct sums *sums = read_all(s);

	assert_int_equal(sums->n, 0);
	assert_int_equal(sums->since, 0);
}

/* ----------------------------------------------------------------- ordinary */

static void
adding(void **state)
{
	struct side s;
	struct stat st;
	int64_t before = (int64_t)time(NULL);

	(void)state;
	side_init(&s);
	assert_empty(&s);
	for (uint64_t n = 1; n <= 3; n++) {
		assert_true(mc_counters_add(s.store, "work", &one));
		assert_counts(&s, "work", n, 2 * n, 3 * n, 4 * n);
		assert_true(mc_counters_add(s.store, "home",
		    &(struct mc_counts){ .failed = 1 }));
		assert_counts(&s, "home", 0, 0, 0, n);
	}
	assert_int_equal(read_all(&s)->n, 2);
	assert_in_range(read_all(&s)->since, before, time(NULL));
	assert_int_equal(stat(path_of(&s), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 3 * R);
	/* to the end of what can be counted, and no further */
	assert_true(mc_counters_add(s.store, "work", &(struct mc_counts){
	    UINT64_MAX, UINT64_MAX - 6, 0, 1 }));
	assert_counts(&s, "work", UINT64_MAX, UINT64_MAX, 9, 13);
	/* another open of it sees the same */
	side_open(&s);
	assert_counts(&s, "work", UINT64_MAX, UINT64_MAX, 9, 13);
	assert_counts(&s, "home", 0, 0, 0, 3);
	assert_string_equal(s.said, "");
	side_clear(&s);
}

static void
names(void **state)
{
	char longest[MC_COUNTERS_NAME], too_long[MC_COUNTERS_NAME + 1];
	struct side s;

	(void)state;
	side_init(&s);
	memset(longest, 'n', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(too_long, 'n', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	assert_true(mc_counters_add(s.store, longest, &one));
	assert_counts(&s, longest, 1, 2, 3, 4);
	/* never counted, and no reason to try again */
	assert_true(mc_counters_add(s.store, too_long, &one));
	assert_true(mc_counters_add(s.store, "", &one));
	assert_int_equal(read_all(&s)->n, 1);
	for (int i = 1; i < MC_COUNTERS_MOST + 3; i++) {
		char name[20];

		(void)snprintf(name, sizeof(name), "account%d", i);
		assert_true(mc_counters_add(s.store, name, &one));
	}
	assert_int_equal(read_all(&s)->n, MC_COUNTERS_MOST);
	assert_counts(&s, "account255", 1, 2, 3, 4);
	assert_true(mc_counters_add(s.store, "account255", &one));
	assert_counts(&s, "account255", 2, 4, 6, 8);
	side_clear(&s);
}

static int
stop(void *ctx, const char *account, const struct mc_counts *counts)
{
	(void)account;
	(void)counts;
	++*(int *)ctx;
	return 7;
}

static void
early_end(void **state)
{
	struct side s;
	int64_t since;
	int n = 0;

	(void)state;
	side_init(&s);
	assert_true(mc_counters_add(s.store, "a", &one));
	assert_true(mc_counters_add(s.store, "b", &one));
	assert_int_equal(mc_counters_each(s.store, stop, &n, &since), 7);
	assert_int_equal(n, 1);
	side_clear(&s);
}

/* ------------------------------------------------------------------- damage */

/* is told by who reads, and by who begins anew; then it counts again */
static void
assert_anew(struct side *s, bool look)
{
	s->said[0] = '\0';
	/* that takes 20 ms, since somebody could be writing */
	if (look) {
		assert_empty(s);
		assert_non_null(strstr(s->said, "counters is damaged"));
	}
	s->said[0] = '\0';
	assert_true(mc_counters_add(s->store, "new", &one));
	assert_non_null(strstr(s->said, "counters is damaged and begins anew"));
	s->said[0] = '\0';
	assert_counts(s, "new", 1, 2, 3, 4);
	assert_int_equal(read_all(s)->n, 1);
	assert_string_equal(s->said, "");
}

static void
damage(void **state)
{
	struct side s;
	unsigned char *good;
	size_t n;

	(void)state;
	side_init(&s);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_true(mc_counters_add(s.store, "home", &one));
	good = side_read(path_of(&s), &n);
	assert_int_equal(n, 3 * R);
	/* every byte */
	for (size_t i = 0; i < n; i++) {
		good[i] ^= 0x20;
		side_write(path_of(&s), good, n);
		good[i] ^= 0x20;
		assert_anew(&s, i % 29 == 0);
	}
	/* every length but whole ones; nothing at all is no damage */
	for (size_t i = 1; i < n; i++) {
		if (i % R == 0)
			continue;
		side_write(path_of(&s), good, i);
		assert_anew(&s, i % 29 == 0);
	}
	side_write(path_of(&s), "", 0);
	s.said[0] = '\0';
	assert_empty(&s);
	assert_true(mc_counters_add(s.store, "new", &one));
	assert_string_equal(s.said, "");
	/* as after a power loss: the length is there, the bytes are not */
	memset(good, 0, n);
	side_write(path_of(&s), good, n);
	assert_anew(&s, true);
	free(good);
	/* far too long */
	assert_int_equal(truncate(path_of(&s), (off_t)R * 100000), 0);
	assert_anew(&s, true);
	side_clear(&s);
}

static void
seal(unsigned char *record)
{
	put_u32(record + R - 4, mc_side_sum(record, R - 4));
}

/* a right sum does not make it sense */
static void
nonsense(void **state)
{
	unsigned char *good;
	struct side s;
	size_t n;

	(void)state;
	side_init(&s);
	assert_true(mc_counters_add(s.store, "work", &one));
	good = side_read(path_of(&s), &n);
	for (int i = 0; i < 3; i++) {
		unsigned char bad[2 * R];

		memcpy(bad, good, sizeof(bad));
		if (i == 0)
			memset(bad + R, 'x', MC_COUNTERS_NAME);
		else if (i == 1)
			bad[R] = '\0';
		else
			bad[8] = 2;
		seal(bad);
		seal(bad + R);
		side_write(path_of(&s), bad, sizeof(bad));
		assert_anew(&s, true);
	}
	free(good);
	side_clear(&s);
}

/* what stands there instead loses its name, and nothing is written to it */
static void
things(void **state)
{
	char other[160];
	unsigned char *p;
	struct side s;
	size_t n;

	(void)state;
	side_init(&s);
	(void)snprintf(other, sizeof(other), "%s/other", s.top);
	side_write(other, "mine", 4);
	for (int i = 0; i < 4; i++) {
		(void)unlink(path_of(&s));
		if (i == 0)
			assert_int_equal(symlink(other, path_of(&s)), 0);
		else if (i == 1)
			assert_int_equal(link(other, path_of(&s)), 0);
		else if (i == 2)
			assert_int_equal(mkfifo(path_of(&s), 0600), 0);
		else
			assert_int_equal(mkdir(path_of(&s), 0700), 0);
		assert_empty(&s);
		assert_true(mc_counters_add(s.store, "work", &one));
		assert_counts(&s, "work", 1, 2, 3, 4);
	}
	p = side_read(other, &n);
	assert_int_equal(n, 4);
	assert_memory_equal(p, "mine", 4);
	free(p);
	side_clear(&s);
}

/* ------------------------------------------------------------------ failure */

static void
locked(void **state)
{
	struct side s;
	int64_t begun;
	int fd;

	(void)state;
	side_init(&s);
	assert_true(mc_counters_add(s.store, "work", &one));
	fd = open(path_of(&s), O_RDWR);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	begun = (int64_t)time(NULL);
	assert_false(mc_counters_add(s.store, "work", &one));
	assert_non_null(strstr(s.said, "not counted"));
	s.said[0] = '\0';
	/* and that is told once */
	assert_false(mc_counters_add(s.store, "work", &one));
	assert_string_equal(s.said, "");
	assert_in_range(time(NULL) - begun, 0, 10);
	/* to look needs no lock */
	assert_counts(&s, "work", 1, 2, 3, 4);
	(void)close(fd);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_counts(&s, "work", 2, 4, 6, 8);
	side_clear(&s);
}

/* a limit on the size stands for a disk that is full: what is there stays, and
 * can still be counted up */
static void
no_room(void **state)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit old, low;
	struct side s;

	(void)state;
	side_init(&s);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_int_equal(sigaction(SIGXFSZ, &ignore, NULL), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	low = old;
	/* in the middle of the next record */
	low.rlim_cur = 2 * R + R / 2;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_false(mc_counters_add(s.store, "home", &one));
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_counts(&s, "work", 2, 4, 6, 8);
	assert_int_equal(read_all(&s)->n, 1);
	assert_null(strstr(s.said, "damaged"));
	assert_true(mc_counters_add(s.store, "home", &one));
	assert_counts(&s, "home", 1, 2, 3, 4);
	/* and from nothing */
	assert_int_equal(unlink(path_of(&s)), 0);
	low.rlim_cur = R;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	assert_false(mc_counters_add(s.store, "work", &one));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_empty(&s);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_counts(&s, "work", 1, 2, 3, 4);
	assert_null(strstr(s.said, "damaged"));
	side_clear(&s);
}

/* ---------------------------------------------------------------- processes */

#define ADDERS 6
#define TIMES 400

static void
add_many(struct side *s, int which)
{
	char name[20];

	(void)alarm(120);
	(void)snprintf(name, sizeof(name), "own%d", which);
	for (int i = 0; i < TIMES; i++) {
		/* a busy machine may keep the lock from one for long */
		while (!mc_counters_add(s->store, "all", &one))
			continue;
		while (!mc_counters_add(s->store, name, &one))
			continue;
		if (i % 50 == 0)
			MUST(mc_counters_each(s->store, take,
			    &(struct sums){ 0 }, &(int64_t){ 0 }) == 0);
	}
	MUST(strstr(s->said, "damaged") == NULL);
	_exit(0);
}

static void
together(void **state)
{
	pid_t pid[ADDERS];
	struct side s;
	int status;

	(void)state;
	side_init(&s);
	for (int i = 0; i < ADDERS; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0)
			add_many(&s, i);
	}
	for (int i = 0; i < ADDERS; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_counts(&s, "all", ADDERS * TIMES, 2 * ADDERS * TIMES,
	    3 * ADDERS * TIMES, 4 * ADDERS * TIMES);
	for (int i = 0; i < ADDERS; i++) {
		char name[20];

		(void)snprintf(name, sizeof(name), "own%d", i);
		assert_counts(&s, name, TIMES, 2 * TIMES, 3 * TIMES,
		    4 * TIMES);
	}
	assert_int_equal(read_all(&s)->n, ADDERS + 1);
	assert_string_equal(s.said, "");
	side_clear(&s);
}

/* whoever dies in the middle leaves no damage, and no lock */
static void
killed(void **state)
{
	struct side s;
	uint64_t last = 0;

	(void)state;
	side_init(&s);
	for (int i = 0; i < 60; i++) {
		const struct sums *sums;
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			(void)alarm(120);
			for (;;)
				(void)mc_counters_add(s.store, "work", &one);
		}
		(void)nanosleep(&(struct timespec){ .tv_nsec =
		    1000000 + 77777 * i }, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(mc_counters_add(s.store, "work", &one));
		sums = read_all(&s);
		assert_int_equal(sums->n, 1);
		assert_true(sums->counts[0].queued > last);
		last = sums->counts[0].queued;
		assert_true(sums->counts[0].delivered == 2 * last);
		assert_true(sums->counts[0].failed == 4 * last);
	}
	assert_string_equal(s.said, "");
	side_clear(&s);
}

/* nothing here asks for memory; should it ever, this has to grow */
static void
no_memory(void **state)
{
	struct side s;
	struct sums *sums = calloc(1, sizeof(*sums));

	(void)state;
	assert_non_null(sums);
	side_init(&s);
	(void)failmalloc(1, true);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_int_equal(mc_counters_each(s.store, take, sums, &sums->since),
	    0);
	assert_int_equal(failmalloc(0, false), 0);
	assert_int_equal(sums->n, 1);
	free(sums);
	side_clear(&s);
}

/* what was refused is in a file of its own, of the same form */
static void
refused(void **state)
{
	static struct sums sums;
	struct side s;

	(void)state;
	side_init(&s);
	assert_int_equal(mc_refused_each(s.store, take, &sums, &sums.since),
	    0);
	assert_int_equal(sums.n, 0);
	assert_true(mc_counters_add(s.store, "work", &one));
	assert_true(mc_refused_add(s.store, "sender", 2));
	assert_true(mc_refused_add(s.store, "rate-messages", 1));
	assert_true(mc_refused_add(s.store, "sender", 5));
	assert_int_equal(mc_refused_each(s.store, take, &sums, &sums.since),
	    0);
	assert_int_equal(sums.n, 2);
	assert_string_equal(sums.name[0], "sender");
	assert_true(sums.counts[0].queued == 7);
	assert_string_equal(sums.name[1], "rate-messages");
	assert_true(sums.counts[1].queued == 1);
	assert_true(sums.since > 0);
	/* neither is taken for the other */
	assert_int_equal(read_all(&s)->n, 1);
	assert_counts(&s, "work", 1, 2, 3, 4);
	assert_int_equal(renameat(s.store->top, MC_COUNTERS_FILE,
	    s.store->top, MC_REFUSED_FILE), 0);
	sums.n = 0;
	assert_int_equal(mc_refused_each(s.store, take, &sums, &sums.since),
	    0);
	assert_int_equal(sums.n, 0);
	assert_non_null(strstr(s.said, "refused is damaged; the next refusal"));
	assert_true(mc_refused_add(s.store, "size", 1));
	assert_int_equal(mc_refused_each(s.store, take, &sums, &sums.since),
	    0);
	assert_int_equal(sums.n, 1);
	side_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adding),
		cmocka_unit_test(names),
		cmocka_unit_test(early_end),
		cmocka_unit_test(damage),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(things),
		cmocka_unit_test(locked),
		cmocka_unit_test(no_room),
		cmocka_unit_test(together),
		cmocka_unit_test(killed),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
