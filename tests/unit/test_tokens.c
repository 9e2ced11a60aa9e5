/* SPDX-License-Identifier: MIT */
/*
 * test_tokens.c - the file of local tokens: made, checked, replaced, refused
 */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "base/file.h"
#include "serve/tokens.h"

/* sha256 of "secret" */
#define SECRET "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"

struct place {
	char dir[64];
	char path[80];
};

static void
place_make(struct place *p)
{
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_tokens.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->path, sizeof(p->path), "%s/tokens", p->dir);
}

static void
place_remove(struct place *p)
{
	(void)unlink(p->path);
	/* nothing else may have been left there */
	assert_int_equal(rmdir(p->dir), 0);
}

static void
write_file(const struct place *p, const char *text, mode_t mode)
{
	int fd = open(p->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, text, strlen(text), NULL), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	mc_file_close(&fd);
}

static void
assert_file(const struct place *p, const char *text)
{
	struct mc_buf b;

	mc_buf_init(&b, 1 << 20);
	assert_int_equal(mc_file_slurp(p->path, &b, NULL, NULL, NULL), 0);
	assert_string_equal(b.ptr, text);
	mc_buf_clear(&b);
}

static int
check(const struct place *p, const char *login, const char *password)
{
	struct mc_err err = { .code = MC_OK };
	int rc = mc_token_check(p->path, mc_str_from(login),
	    mc_str_from(password), &err);

	assert_true(rc >= 0);
	assert_int_equal(err.code, MC_OK);
	return rc;
}

static void
test_make(void **state)
{
	char joe[MC_TOKEN_LEN + 1], ann[MC_TOKEN_LEN + 1];
	char again[MC_TOKEN_LEN + 1];
	struct place p;
	struct stat st;

	(void)state;
	place_make(&p);
	assert_int_equal(check(&p, "joe", "x"), 0);
	assert_int_equal(mc_token_remove(p.path, "joe", NULL), 0);
	assert_int_equal(access(p.path, F_OK), -1);
	assert_int_equal(mc_token_make(p.path, "joe", joe, NULL), 0);
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mc_token_make(p.path, "ann", ann, NULL), 0);
	assert_int_equal(strlen(joe), MC_TOKEN_LEN);
	assert_string_not_equal(joe, ann);
	assert_int_equal(check(&p, "joe", joe), 1);
	assert_int_equal(check(&p, "ann", ann), 1);
	assert_int_equal(check(&p, "joe", ann), 0);
	assert_int_equal(check(&p, "Joe", joe), 0);
	assert_int_equal(check(&p, "jo", joe), 0);
	assert_int_equal(check(&p, "", joe), 0);
	assert_int_equal(check(&p, "joe", ""), 0);
	/* the old one is worth nothing */
	assert_int_equal(mc_token_make(p.path, "joe", again, NULL), 0);
	assert_int_equal(check(&p, "joe", joe), 0);
	assert_int_equal(check(&p, "joe", again), 1);
	assert_int_equal(check(&p, "ann", ann), 1);
	assert_int_equal(mc_token_remove(p.path, "joe", NULL), 1);
	assert_int_equal(mc_token_remove(p.path, "joe", NULL), 0);
	assert_int_equal(check(&p, "joe", again), 0);
	assert_int_equal(check(&p, "ann", ann), 1);
	place_remove(&p);
}

/* what a person has written stays */
static void
test_by_hand(void **state)
{
	char token[MC_TOKEN_LEN + 1];
	struct place p;

	(void)state;
	place_make(&p);
	write_file(&p, "# mine\n\njoe:" SECRET "\n \t\nann:" SECRET "\r\n"
	    "joe:" SECRET "\n  # end", 0600);
	assert_int_equal(check(&p, "joe", "secret"), 1);
	assert_int_equal(check(&p, "ann", "secret"), 1);
	assert_int_equal(check(&p, "# mine", "secret"), 0);
	assert_int_equal(check(&p, "joe", "Secret"), 0);
	assert_int_equal(mc_token_remove(p.path, "joe", NULL), 1);
	assert_file(&p, "# mine\n\n \t\nann:" SECRET "\r\n  # end");
	assert_int_equal(mc_token_make(p.path, "joe", token, NULL), 0);
	assert_int_equal(check(&p, "joe", token), 1);
	write_file(&p, "joe:2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A2"
	    "5FE97BF527A25B", 0400);
	assert_int_equal(check(&p, "joe", "secret"), 1);
	place_remove(&p);
}

static void
test_bad_lines(void **state)
{
	static const char *const bad[] = {
		"joe\n", ":" SECRET "\n", "joe:\n", "joe:secret\n",
		"joe:" SECRET "0\n", "joe:0" SECRET "\n", "joe: " SECRET "\n",
		"j oe:" SECRET "\n", "j\toe:" SECRET "\n",
		"jo\xff" ":" SECRET "\n", "joe:" SECRET ":\n",
		"joe:z" "bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97"
		"bf527a25b\n",
	};
	struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		struct mc_err err = { .code = MC_OK };
		char text[400], token[MC_TOKEN_LEN + 1] = "kept";

		snprintf(text, sizeof(text), "ann:" SECRET "\n%s", bad[i]);
		write_file(&p, text, 0600);
		assert_err(mc_token_check(p.path, MC_STR("ann"),
		    MC_STR("secret"), &err), err, MC_E_CONF_SYNTAX);
		assert_non_null(strstr(err.text, "line 2"));
		mc_err_reset(&err);
		assert_err(mc_token_make(p.path, "bob", token, &err), err,
		    MC_E_CONF_SYNTAX);
		mc_err_reset(&err);
		assert_err(mc_token_remove(p.path, "ann", &err), err,
		    MC_E_CONF_SYNTAX);
		assert_string_equal(token, "kept");
		assert_file(&p, text);
	}
	place_remove(&p);
}

static void
test_logins(void **state)
{
	static const char *const bad[] = { "", "a:b", "a b", "a\nb", "#a",
	    "a\xff", "\x7f" };
	char token[MC_TOKEN_LEN + 1], name[300];
	struct mc_err err = { .code = MC_OK };
	struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		mc_err_reset(&err);
		assert_err(mc_token_make(p.path, bad[i], token, &err), err,
		    MC_E_BAD_VALUE);
	}
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	mc_err_reset(&err);
	assert_err(mc_token_make(p.path, name, token, &err), err,
	    MC_E_BAD_VALUE);
	assert_int_equal(access(p.path, F_OK), -1);
	name[255] = '\0';
	assert_int_equal(mc_token_make(p.path, name, token, NULL), 0);
	assert_int_equal(check(&p, name, token), 1);
	assert_int_equal(mc_token_make(p.path, "j\xc3\xb6rg", token, NULL), 0);
	assert_int_equal(check(&p, "j\xc3\xb6rg", token), 1);
	place_remove(&p);
}

/* what is no private file of ours */
static void
test_bad_files(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0666 };
	char token[MC_TOKEN_LEN + 1], other[100];
	struct mc_err err = { .code = MC_OK };
	struct mc_buf big;
	struct place p;

	(void)state;
	place_make(&p);
	for (size_t i = 0; i < MC_NELEM(modes); i++) {
		write_file(&p, "joe:" SECRET "\n", modes[i]);
		mc_err_reset(&err);
		assert_err(mc_token_check(p.path, MC_STR("joe"),
		    MC_STR("secret"), &err), err, MC_E_CONF_SECRET);
		mc_err_reset(&err);
		assert_err(mc_token_make(p.path, "joe", token, &err), err,
		    MC_E_CONF_SECRET);
	}
	/* a link, to a good one */
	snprintf(other, sizeof(other), "%s/other", p.dir);
	assert_int_equal(chmod(p.path, 0600), 0);
	assert_int_equal(rename(p.path, other), 0);
	assert_int_equal(symlink("other", p.path), 0);
	mc_err_reset(&err);
	assert_err(mc_token_check(p.path, MC_STR("joe"), MC_STR("secret"),
	    &err), err, MC_E_CONF_FILE);
	mc_err_reset(&err);
	assert_err(mc_token_make(p.path, "joe", token, &err), err,
	    MC_E_CONF_FILE);
	assert_int_equal(unlink(p.path), 0);
	assert_int_equal(unlink(other), 0);
	/* a FIFO and a directory */
	assert_int_equal(mkfifo(p.path, 0600), 0);
	mc_err_reset(&err);
	assert_err(mc_token_check(p.path, MC_STR("joe"), MC_STR("secret"),
	    &err), err, MC_E_CONF_FILE);
	assert_int_equal(unlink(p.path), 0);
	assert_int_equal(mkdir(p.path, 0700), 0);
	mc_err_reset(&err);
	assert_err(mc_token_make(p.path, "joe", token, &err), err,
	    MC_E_CONF_FILE);
	assert_int_equal(rmdir(p.path), 0);
	/* too big */
	mc_buf_init(&big, 1 << 22);
	while (big.len <= 1 << 20)
		mc_buf_addz(&big, "# nothing at all\n");
	write_file(&p, big.ptr, 0600);
	mc_buf_clear(&big);
	mc_err_reset(&err);
	assert_err(mc_token_check(p.path, MC_STR("joe"), MC_STR("secret"),
	    &err), err, MC_E_CONF_FILE);
	place_remove(&p);
	/* no directory */
	mc_err_reset(&err);
	assert_err(mc_token_make(p.path, "joe", token, &err), err, MC_E_IO);
	/* another user's; only root can make one */
	if (geteuid() != 0)
		return;
	place_make(&p);
	write_file(&p, "joe:" SECRET "\n", 0600);
	assert_int_equal(chown(p.path, 12345, 12345), 0);
	mc_err_reset(&err);
	assert_err(mc_token_check(p.path, MC_STR("joe"), MC_STR("secret"),
	    &err), err, MC_E_CONF_SECRET);
	/* in a directory of its own it is as it should be, and stays so */
	assert_int_equal(chown(p.dir, 12345, 12345), 0);
	assert_int_equal(check(&p, "joe", "secret"), 1);
	assert_int_equal(mc_token_make(p.path, "ann", token, NULL), 0);
	struct stat st;
	assert_int_equal(stat(p.path, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 12345);
	place_remove(&p);
}

/* nobody's change gets lost, and whoever reads finds a whole file */
static void
test_at_once(void **state)
{
	enum { PROCS = 6, ROUNDS = 8 };
	pid_t pids[PROCS];
	struct place p;
	int status;

	(void)state;
	place_make(&p);
	write_file(&p, "joe:" SECRET "\n", 0600);
	for (unsigned i = 0; i < PROCS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] != 0)
			continue;
		(void)alarm(60);
		for (unsigned k = 0; k < ROUNDS; k++) {
			char token[MC_TOKEN_LEN + 1], name[32];

			snprintf(name, sizeof(name), "u%u.%u", i, k);
			if (mc_token_make(p.path, name, token, NULL) != 0)
				_exit(1);
			if (mc_token_check(p.path, mc_str_from(name),
			    mc_str_from(token), NULL) != 1)
				_exit(2);
			if (mc_token_check(p.path, MC_STR("joe"),
			    MC_STR("secret"), NULL) != 1)
				_exit(3);
			if (k % 2 == 0 && mc_token_remove(p.path, name,
			    NULL) != 1)
				_exit(4);
		}
		_exit(0);
	}
	for (unsigned i = 0; i < PROCS; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
	for (unsigned i = 0; i < PROCS; i++)
		for (unsigned k = 0; k < ROUNDS; k++) {
			char name[32];

			snprintf(name, sizeof(name), "u%u.%u", i, k);
			assert_int_equal(mc_token_remove(p.path, name, NULL),
			    k % 2);
		}
	assert_file(&p, "joe:" SECRET "\n");
	place_remove(&p);
}

/* every allocation fails in turn: the file is the old one or the new one, and
 * nothing is left beside it */
static void
test_no_memory(void **state)
{
	unsigned long n;
	struct place p;

	(void)state;
	place_make(&p);
	for (n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };
		char token[MC_TOKEN_LEN + 1];
		unsigned long count;
		int rc;

		write_file(&p, "joe:" SECRET "\n", 0600);
		(void)failmalloc(n, false);
		rc = mc_token_make(p.path, "ann", token, &err);
		count = failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, err, MC_E_NOMEM);
			assert_file(&p, "joe:" SECRET "\n");
		} else {
			assert_int_equal(check(&p, "ann", token), 1);
		}
		if (count < n)
			break;
		mc_err_reset(&err);
		(void)failmalloc(n, false);
		rc = mc_token_check(p.path, MC_STR("joe"), MC_STR("secret"),
		    &err);
		(void)failmalloc(0, false);
		if (rc != 1)
			assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 3);
	place_remove(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_logins),
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_no_memory),
	};

	(void)umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
