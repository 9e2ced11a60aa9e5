/* SPDX-License-Identifier: MIT */
/*
 * test_maildir.c - copies of messages in a Maildir
 */
#include "conf_side.h"

#include "base/limits.h"
#include "base/mem.h"
#include "mail/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static const char *const all_dirs[] = { "sent/tmp", "sent/new", "sent/cur",
    "sent", NULL };

/* how many files there are in a directory, and the name of one */
static size_t
count(struct side *side, const char *dir, char *name)
{
	DIR *d = opendir(side_path(side, dir));
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.') {
			(void)snprintf(name, 256, "%.120s", e->d_name);
			n++;
		}
	(void)closedir(d);
	return n;
}

static void
empty(struct side *side, const char *dir)
{
	char name[256], path[160];

	while (count(side, dir, name) != 0) {
		(void)snprintf(path, sizeof(path), "%.20s/%.120s", dir, name);
		assert_int_equal(unlink(side_path(side, path)), 0);
	}
}

static int
put(struct side *side, const char *header, struct mc_str body,
    struct mc_err *err)
{
	struct mc_spool spool;
	char dir[256];
	int rc;

	(void)snprintf(dir, sizeof(dir), "%s/sent", side->dir);
	mc_spool_init(&spool, 4096, side->dir);
	assert_int_equal(mc_spool_add(&spool, body.ptr, body.len, NULL), 0);
	rc = mc_maildir_put(dir, "h/o:st", mc_str_from(header), &spool, err);
	mc_spool_clear(&spool);
	return rc;
}

/* the one that is in cur */
static void
read_copy(struct side *side, struct mc_buf *out)
{
	char name[256], path[160];
	struct stat st;
	FILE *f;
	int c;

	assert_int_equal(count(side, "sent/cur", name), 1);
	assert_non_null(strstr(name, ".h\\057o\\072st:2,S"));
	(void)snprintf(path, sizeof(path), "sent/cur/%.120s", name);
	assert_int_equal(stat(side_path(side, path), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	f = fopen(side_path(side, path), "r");
	assert_non_null(f);
	mc_buf_init(out, SIZE_MAX);
	while ((c = fgetc(f)) != EOF)
		mc_buf_addc(out, (char)c);
	(void)fclose(f);
}

static void
test_lines(void **state)
{
	static const struct {
		const char *body;
		const char *copy;
	} t[] = {
		{ "", "" }, { "a\r\n", "a\n" }, { "a\r\n\r\nb\r\n", "a\n\nb\n" },
		{ "a\rb\r\n", "a\rb\n" }, { "a\r\r\n", "a\r\n" },
		{ "a\r", "a\r" }, { "\r\n", "\n" }, { "a\nb", "a\nb" },
		{ "\r\r\r", "\r\r\r" },
	};
	struct mc_err err = { .code = MC_OK };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_buf got, want;
		struct side side;
		struct stat st;
		char name[256];

		side_open(&side);
		if (put(&side, "To: a\r\nSubject: b\r\n",
		    mc_str_from(t[i].body), &err) != 0)
			fail_msg("%s", err.text);
		read_copy(&side, &got);
		mc_buf_init(&want, SIZE_MAX);
		mc_buf_addf(&want, "To: a\nSubject: b\n\n%s", t[i].copy);
		assert_str(mc_buf_str(&got), want.ptr);
		mc_buf_clear(&got);
		mc_buf_clear(&want);
		assert_int_equal(count(&side, "sent/tmp", name), 0);
		assert_int_equal(count(&side, "sent/new", name), 0);
		assert_int_equal(stat(side_path(&side, "sent"), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0700);
		/* another one is another file */
		assert_int_equal(put(&side, "A: b\r\n", MC_STR("x"), &err), 0);
		assert_int_equal(count(&side, "sent/cur", name), 2);
		empty(&side, "sent/cur");
		side_close(&side, all_dirs);
	}
}

/* a line end at every place of a piece's end */
static void
test_pieces(void **state)
{
	char *text = mc_mem_zalloc(MC_BODY_CHUNK * 2 + 64, 1);
	struct mc_err err = { .code = MC_OK };

	(void)state;
	for (size_t end = MC_BODY_CHUNK - 3; end < MC_BODY_CHUNK + 3; end++) {
		struct mc_buf got;
		struct side side;

		memset(text, 'x', MC_BODY_CHUNK * 2);
		memcpy(text + end, "\r\n", 2);
		side_open(&side);
		assert_int_equal(put(&side, "A: b\r\n", mc_str_make(text,
		    MC_BODY_CHUNK * 2), &err), 0);
		read_copy(&side, &got);
		assert_int_equal(got.len, MC_BODY_CHUNK * 2 + 6 - 1);
		assert_int_equal(got.ptr[6 + end], '\n');
		assert_null(memchr(got.ptr, '\r', got.len));
		mc_buf_clear(&got);
		empty(&side, "sent/cur");
		side_close(&side, all_dirs);
	}
	mc_mem_free(text);
}

/* nothing is left where it fails */
static void
test_fails(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct rlimit limit = { 4096, RLIM_INFINITY }, old;
	struct side side;
	char name[256];
	char *text;

	(void)state;
	side_open(&side);
	side_write(&side, "sent", "a file", 0600);
	assert_err(put(&side, "A: b\r\n", MC_STR("x"), &err), err, MC_E_IO);
	assert_non_null(strstr(err.text, "/sent"));
	assert_int_equal(unlink(side_path(&side, "sent")), 0);
	/* a way out */
	side_mkdir(&side, "sent");
	assert_int_equal(symlink("/tmp", side_path(&side, "sent/cur")), 0);
	mc_err_reset(&err);
	assert_err(put(&side, "A: b\r\n", MC_STR("x"), &err), err, MC_E_IO);
	assert_int_equal(unlink(side_path(&side, "sent/cur")), 0);
	/* no room */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit.rlim_max = old.rlim_max;
	text = mc_mem_zalloc(3 * MC_BODY_CHUNK, 1);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	mc_err_reset(&err);
	{
		struct mc_spool spool;
		char dir[256];

		(void)snprintf(dir, sizeof(dir), "%s/sent", side.dir);
		mc_spool_init(&spool, 4 * MC_BODY_CHUNK, side.dir);
		assert_int_equal(mc_spool_add(&spool, text, 3 * MC_BODY_CHUNK,
		    NULL), 0);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
		assert_err(mc_maildir_put(dir, NULL, MC_STR("A: b\r\n"),
		    &spool, &err), err, MC_E_IO);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		mc_spool_clear(&spool);
	}
	mc_mem_free(text);
	assert_int_equal(count(&side, "sent/tmp", name), 0);
	assert_int_equal(count(&side, "sent/cur", name), 0);
	side_close(&side, all_dirs);
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1; ; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_spool spool;
		struct side side;
		char dir[256], name[256];
		int rc;

		side_open(&side);
		(void)snprintf(dir, sizeof(dir), "%s/sent", side.dir);
		mc_spool_init(&spool, 4096, side.dir);
		assert_int_equal(mc_spool_add(&spool, "x", 1, NULL), 0);
		(void)failmalloc(n, false);
		rc = mc_maildir_put(dir, "h", MC_STR("A: b\r\n"), &spool,
		    &err);
		bool over = failmalloc(0, false) < n;

		mc_spool_clear(&spool);
		if (over)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_NOMEM);
		if (access(side_path(&side, "sent/cur"), F_OK) == 0) {
			assert_int_equal(count(&side, "sent/cur", name),
			    over ? 1 : 0);
			assert_int_equal(count(&side, "sent/tmp", name), 0);
			empty(&side, "sent/cur");
		}
		side_close(&side, all_dirs);
		if (over) {
			assert_true(n > 2);
			break;
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_fails),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
