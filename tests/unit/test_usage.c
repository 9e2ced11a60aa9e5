/* SPDX-License-Identifier: MIT */
/*
 * test_usage.c - how much of a spool is whose, and how much it can hold
 */
#include "unit.h"

#include "queue/usage.h"
#include "store_side.h"

#include <sys/statvfs.h>

static void
put(struct side *s, unsigned long uid, size_t recipients)
{
	char id[MC_ID_LEN + 1];
	struct mc_err err = { 0 };

	side_rcpts(s, recipients);
	s->item.uid = uid;
	if (mc_store_put(s->store, &s->item, NULL, id, &err) != 0)
		fail_msg("%s", err.text);
}

static void
count(struct side *s, struct mc_usage *ret)
{
	struct mc_err err = { 0 };

	if (mc_usage_count(s->store, -1, ret, &err) != 0)
		fail_msg("%s", err.text);
}

static void
test_count(void **state)
{
	struct mc_usage u;
	struct side s;
	uint64_t sum = 0;

	(void)state;
	side_init(&s);
	count(&s, &u);
	assert_int_equal(u.messages, 0);
	assert_int_equal(u.users.n, 0);
	mc_usage_clear(&u);
	put(&s, 1000, 1);
	put(&s, 5, 3);
	put(&s, 1000, 200);
	put(&s, 4000000000, 1);
	count(&s, &u);
	assert_int_equal(u.messages, 4);
	assert_int_equal(u.users.n, 3);
	assert_int_equal(mc_usage_find(&u, 5)->messages, 1);
	assert_int_equal(mc_usage_find(&u, 1000)->messages, 2);
	assert_int_equal(mc_usage_find(&u, 4000000000)->messages, 1);
	assert_null(mc_usage_find(&u, 0));
	assert_null(mc_usage_find(&u, 999));
	assert_null(mc_usage_find(&u, UINT64_MAX));
	for (size_t i = 0; i < u.users.n; i++) {
		const struct mc_usage_user *user = mc_vec_at(&u.users, i);

		assert_true(user->bytes > 4096 * user->messages);
		sum += user->bytes;
	}
	assert_true(sum == u.bytes);
	mc_usage_clear(&u);
	side_clear(&s);
}

/* a file that says nothing counts, but for nobody; what is no message does not */
static void
test_damaged(void **state)
{
	struct mc_usage u;
	struct side s;
	int fd;

	(void)state;
	side_init(&s);
	put(&s, 1000, 1);
	fd = openat(s.store->q, "m-0123456789abcdef0123456789", O_WRONLY |
	    O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		skip();
	(void)close(fd);

	char name[MC_STORE_NAME];

	(void)snprintf(name, sizeof(name), "m-%0*d", MC_ID_LEN, 7);
	fd = openat(s.store->q, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "MCQUEUE\n and more", 17), 17);
	(void)close(fd);
	assert_int_equal(symlinkat("x", s.store->q, "m-link"), 0);
	count(&s, &u);
	assert_int_equal(u.users.n, 1);
	assert_int_equal(mc_usage_find(&u, 1000)->messages, 1);
	assert_true(u.messages >= 1 && u.messages <= 3);
	assert_int_equal(u.messages, 1 + (mc_store_kind(name) == 'm') +
	    (mc_store_kind("m-0123456789abcdef0123456789") == 'm'));
	mc_usage_clear(&u);
	side_clear(&s);
}

static void
test_whole(void **state)
{
	struct statvfs fs;
	struct mc_usage u;
	struct side s;

	(void)state;
	side_init(&s);
	put(&s, 1, 1);
	s.store->set.max_messages = 17;
	s.store->set.max_bytes = 12345;
	count(&s, &u);
	assert_int_equal(u.whole_messages, 17);
	assert_int_equal(u.whole_bytes, 12345);
	mc_usage_clear(&u);
	/* what the file system has; others write there too, meanwhile */
	s.store->set.max_messages = s.store->set.max_bytes = 0;
	assert_int_equal(fstatvfs(s.store->q, &fs), 0);
	count(&s, &u);
	assert_true(u.whole_bytes > (uint64_t)fs.f_bavail * fs.f_frsize / 2);
	assert_true(u.whole_bytes < (uint64_t)fs.f_blocks * fs.f_frsize +
	    u.bytes);
	if (fs.f_files == 0)
		assert_int_equal(u.whole_messages, 0);
	else
		assert_true(u.whole_messages > 0);
	mc_usage_clear(&u);
	/* and when all of it has to stay free */
	s.store->set.reserve_bytes = INT64_MAX;
	count(&s, &u);
	assert_true(u.whole_bytes == u.bytes);
	mc_usage_clear(&u);
	side_clear(&s);
	side_init(&s);
	s.store->set.reserve_bytes = INT64_MAX;
	count(&s, &u);
	assert_int_equal(u.whole_bytes, 1);
	mc_usage_clear(&u);
	side_clear(&s);
}

static void
test_cancel(void **state)
{
	struct mc_err err = { 0 };
	struct mc_usage u;
	struct side s;
	int fd[2];

	(void)state;
	side_init(&s);
	put(&s, 1, 1);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(mc_usage_count(s.store, fd[0], &u, &err), 0);
	mc_usage_clear(&u);
	assert_int_equal(write(fd[1], "", 1), 1);
	assert_err(mc_usage_count(s.store, fd[0], &u, &err), err,
	    MC_E_CANCELLED);
	(void)close(fd[0]);
	(void)close(fd[1]);
	side_clear(&s);
}

static void
test_no_memory(void **state)
{
	struct side s;
	unsigned long n = 1;
	bool all = false;

	(void)state;
	side_init(&s);
	for (unsigned long uid = 0; uid < 20; uid++)
		put(&s, uid, 1);
	for (; !all; n++) {
		struct mc_err err = { 0 };
		struct mc_usage u;

		(void)failmalloc(n, false);

		int rc = mc_usage_count(s.store, -1, &u, &err);

		all = failmalloc(0, false) < n;
		if (rc == 0) {
			assert_int_equal(u.users.n, 20);
			mc_usage_clear(&u);
		} else {
			assert_int_equal(err.code, MC_E_NOMEM);
		}
		assert_true(rc == 0 || !all);
	}
	assert_true(n > 2);
	side_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
