/* SPDX-License-Identifier: MIT */
/*
 * test_base_proc.c - helper programs: splitting, running, ending them
 */
#include "unit.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* execve takes its words without const, and leaves them alone */
#define WORD(s) ((char *)(s))

static char dir[] = "/tmp/mailchute-test-XXXXXX";
static char *const usual_env[] = { WORD("PATH=/usr/bin:/bin"), NULL };

/* words in angle brackets, or NULL for an error */
static void
split_table(void **state)
{
	static const struct {
		struct mc_str line;
		const char *want;
	} rows[] = {
		{ MC_STR("pass show work/smtp"), "<pass><show><work/smtp>" },
		{ MC_STR("  a\t b  "), "<a><b>" },
		{ MC_STR("a"), "<a>" },
		{ MC_STR("'a b' \"c d\" e\\ f"), "<a b><c d><e f>" },
		{ MC_STR("a'b c'd\"e f\"g"), "<ab cde fg>" },
		{ MC_STR("'' \"\""), "<><>" },
		{ MC_STR("a '' b"), "<a><><b>" },
		{ MC_STR("'\\'"), "<\\>" },
		{ MC_STR("\"\\\"\\\\'\""), "<\"\\'>" },
		{ MC_STR("'\"'"), "<\">" },
		{ MC_STR("\\a\\\\\\'"), "<a\\'>" },
		{ MC_STR("\\ "), "< >" },
		{ MC_STR("a;b|c&d>e$HOME`x`*~#"), "<a;b|c&d>e$HOME`x`*~#>" },
		{ MC_STR("a\nb"), "<a\nb>" },
		{ MC_STR("gr\xc3\xbcn"), "<gr\xc3\xbcn>" },
		{ MC_STR(""), NULL },
		{ MC_STR(" \t "), NULL },
		{ MC_STR("'a"), NULL },
		{ MC_STR("a \"b"), NULL },
		{ MC_STR("a'"), NULL },
		{ MC_STR("a\\"), NULL },
		{ MC_STR("\"a\\"), NULL },
		{ MC_STR("\"a\\\""), NULL },
		{ MC_STR("a\0b"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { 0 };
		char **argv = NULL;
		struct mc_buf got;
		int rc = mc_proc_split(rows[i].line, &argv, &err);

		if (rows[i].want == NULL) {
			assert_err(rc, err, MC_E_CONF_VALUE);
			assert_null(argv);
			continue;
		}
		assert_int_equal(rc, 0);
		mc_buf_init(&got, 100);
		for (size_t k = 0; argv[k] != NULL; k++)
			mc_buf_addf(&got, "<%s>", argv[k]);
		assert_string_equal(got.ptr, rows[i].want);
		mc_buf_clear(&got);
		mc_mem_free(argv);
	}
}

/* every line of these bytes up to seven long: stays in its block */
static void
split_all(void **state)
{
	static const char alphabet[] = { 'a', ' ', '\'', '"', '\\' };
	unsigned long taken = 0;

	(void)state;
	for (size_t len = 0; len <= 7; len++) {
		unsigned long n = 1;

		for (size_t i = 0; i < len; i++)
			n *= sizeof(alphabet);
		for (unsigned long k = 0; k < n; k++) {
			char line[7];
			char **argv;
			unsigned long rest = k;
			size_t total = 0;

			for (size_t i = 0; i < len; i++) {
				line[i] = alphabet[rest % sizeof(alphabet)];
				rest /= sizeof(alphabet);
			}
			if (mc_proc_split(mc_str_make(line, len), &argv,
			    NULL) != 0)
				continue;
			for (size_t i = 0; argv[i] != NULL; i++)
				total += strlen(argv[i]);
			assert_true(total <= len);
			taken++;
			mc_mem_free(argv);
		}
	}
	assert_true(taken > 10000);
}

static void
split_no_memory(void **state)
{
	struct mc_err err = { 0 };
	char **argv = NULL;

	(void)state;
	(void)failmalloc(1, false);
	assert_err(mc_proc_split(MC_STR("a b"), &argv, &err), err,
	    MC_E_NOMEM);
	assert_null(argv);
	(void)failmalloc(0, false);
}

static int
run_shell(const char *script, struct mc_buf *out, struct mc_err *err)
{
	char *argv[] = { WORD("sh"), WORD("-c"), WORD(script), NULL };

	return mc_proc_run(argv, usual_env, 20000, -1, out, err);
}

static void
output(void **state)
{
	static const struct {
		const char *script, *want;
	} rows[] = {
		{ "echo hello", "hello\n" },
		{ ":", "" },
		{ "printf 'a\\000b'", "a" },
		/* nothing on stdin, and no shell words in the environment */
		{ "cat; echo end", "end\n" },
		{ "echo \"$PATH $HOME\"", "/usr/bin:/bin \n" },
		/* the output ends before the program does */
		{ "echo x; exec >&-; sleep 0.3", "x\n" },
	};

	int fd[2], saved = fcntl(0, F_DUPFD_CLOEXEC, 10);

	(void)state;
	assert_true(saved >= 0);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "the message\n", 12), 12);
	assert_int_equal(dup2(fd[0], 0), 0);
	(void)close(fd[1]);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { 0 };
		struct mc_buf out;

		mc_buf_init_secret(&out, 1000);
		mc_buf_addc(&out, '>');
		if (run_shell(rows[i].script, &out, &err) != 0)
			fail_msg("%s: %s", rows[i].script, err.text);
		assert_string_equal(out.ptr + 1, rows[i].want);
		mc_buf_clear(&out);
	}
	assert_int_equal(dup2(saved, 0), 0);
	(void)close(saved);
	(void)close(fd[0]);
}

static void
much_output(void **state)
{
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 300000);
	assert_int_equal(run_shell("dd if=/dev/zero bs=1000 count=300 "
	    "2>/dev/null", &out, &err), 0);
	assert_int_equal(out.len, 300000);
	mc_buf_reset(&out);
	mc_buf_addz(&out, "pre");
	assert_err(run_shell("dd if=/dev/zero bs=1000 count=300 2>/dev/null",
	    &out, &err), err, MC_E_HELPER);
	assert_non_null(strstr(err.text, "300000 bytes"));
	assert_str(mc_buf_str(&out), "pre");
	assert_int_equal(mc_buf_err(&out, "x", NULL), 0);
	mc_buf_clear(&out);
}

static void
failures(void **state)
{
	static const struct {
		const char *script, *text;
	} rows[] = {
		{ "echo hunter2; exit 3", "sh ended with status 3" },
		{ "echo hunter2; kill -KILL $$", "sh was killed by signal 9" },
		{ "exit 255", "status 255" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { 0 };
		struct mc_buf out;

		mc_buf_init(&out, 100);
		mc_buf_addz(&out, "pre");
		assert_err(run_shell(rows[i].script, &out, &err), err,
		    MC_E_HELPER);
		assert_non_null(strstr(err.text, rows[i].text));
		assert_null(strstr(err.text, "hunter2"));
		assert_str(mc_buf_str(&out), "pre");
		mc_buf_clear(&out);
	}
}

static const char *
in_dir(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void
put_script(const char *name, const char *text, mode_t mode)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, text, strlen(text), NULL), 0);
	assert_int_equal(fchmod(fd, mode), 0);
	mc_file_close(&fd);
}

static void
looking_up(void **state)
{
	char path[300], full[100], *env[] = { path, NULL };
	char *argv[] = { WORD("helper"), WORD("a b"), NULL };
	struct mc_err err = { 0 };
	struct mc_buf out;
	int cwd = open(".", O_RDONLY);

	(void)state;
	assert_true(cwd >= 0);
	assert_int_equal(mkdir(in_dir("one"), 0700), 0);
	assert_int_equal(mkdir(in_dir("one/helper"), 0700), 0);
	assert_int_equal(mkdir(in_dir("two"), 0700), 0);
	put_script("two/helper", "not a program", 0600);
	assert_int_equal(mkdir(in_dir("three"), 0700), 0);
	put_script("three/helper", "#!/bin/sh\necho \"$0 $#\"\n", 0700);

	/* a directory, a file that is no program, a missing place: go on */
	mc_buf_init(&out, 200);
	(void)snprintf(path, sizeof(path),
	    "PATH=:/missing:%s/one:%s/two:%s/three:/bin", dir, dir, dir);
	assert_int_equal(mc_proc_run(argv, env, 20000, -1, &out, &err), 0);
	(void)snprintf(full, sizeof(full), "%s/three/helper 1\n", dir);
	assert_string_equal(out.ptr, full);

	/* never in the current directory, however that is written */
	assert_int_equal(chdir(in_dir("three")), 0);
	(void)snprintf(path, sizeof(path), "PATH=:.:./:../three:/missing:");
	assert_err(mc_proc_run(argv, env, 20000, -1, &out, &err), err,
	    MC_E_HELPER);
	assert_non_null(strstr(err.text, "\"helper\""));
	mc_err_reset(&err);

	/* a slash says where, without PATH */
	mc_buf_reset(&out);
	argv[0] = WORD("./helper");
	assert_int_equal(mc_proc_run(argv, NULL, 20000, -1, &out, &err), 0);
	assert_string_equal(out.ptr, "./helper 1\n");
	assert_int_equal(fchdir(cwd), 0);
	mc_buf_reset(&out);
	argv[0] = WORD("true");
	assert_int_equal(mc_proc_run(argv, NULL, 20000, -1, &out, &err), 0);
	argv[0] = WORD("");
	assert_err(mc_proc_run(argv, env, 20000, -1, &out, &err), err,
	    MC_E_HELPER);
	mc_buf_clear(&out);

	(void)unlink(in_dir("two/helper"));
	(void)unlink(in_dir("three/helper"));
	(void)rmdir(in_dir("one/helper"));
	(void)rmdir(in_dir("one"));
	(void)rmdir(in_dir("two"));
	(void)rmdir(in_dir("three"));
	mc_file_close(&cwd);
}

static void
cannot_execute(void **state)
{
	static const struct {
		const char *name;
		int sys;
	} rows[] = {
		{ "missing", ENOENT },
		{ "plain", EACCES },
		/* no #! line: a shell would run it, we do not */
		{ "bare", ENOEXEC },
		{ "broken", -1 },	/* valgrind does not say what */
		{ "", EACCES },
	};

	(void)state;
	put_script("plain", "#!/bin/sh\n", 0600);
	put_script("bare", "echo hello\n", 0700);
	put_script("broken", "#!/missing/sh\n", 0700);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char *argv[] = { WORD(in_dir(rows[i].name)), NULL };
		struct mc_err err = { 0 };
		struct mc_buf out;

		mc_buf_init(&out, 100);
		assert_err(mc_proc_run(argv, usual_env, 20000, -1, &out, &err),
		    err, MC_E_HELPER);
		if (rows[i].sys >= 0)
			assert_int_equal(err.sys, rows[i].sys);
		assert_non_null(strstr(err.text, argv[0]));
		mc_buf_clear(&out);
	}
	(void)unlink(in_dir("plain"));
	(void)unlink(in_dir("bare"));
	(void)unlink(in_dir("broken"));
}

static void
descriptors(void **state)
{
	struct mc_err err = { 0 };
	struct mc_buf out;
	int fd = open("/dev/null", O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, 9), 9);
	assert_int_equal(dup2(fd, 3) >= 0, 1);
	mc_buf_init(&out, 100);
	assert_int_equal(run_shell("for i in 3 4 5 6 7 8 9; do "
	    "(eval \"true >&$i\") 2>/dev/null && echo $i; done; "
	    "true >&2 && echo two; true", &out, &err), 0);
	assert_string_equal(out.ptr, "two\n");
	mc_buf_clear(&out);
	(void)close(9);
	mc_file_close(&fd);
}

/* ignored and blocked signals would be inherited */
static void
signals(void **state)
{
	struct sigaction ign = { .sa_handler = SIG_IGN }, old;
	struct mc_err err = { 0 };
	struct mc_buf out;
	sigset_t some, before, after;

	(void)state;
	mc_buf_init(&out, 100);
	(void)sigaction(SIGUSR1, &ign, &old);
	(void)sigemptyset(&some);
	(void)sigaddset(&some, SIGUSR2);
	(void)sigprocmask(SIG_BLOCK, &some, &before);
	assert_int_equal(run_shell("sh -c 'kill -USR1 $$; echo ignored'; "
	    "sh -c 'kill -USR2 $$; echo blocked'; true", &out, &err), 0);
	assert_string_equal(out.ptr, "");
	(void)sigprocmask(SIG_SETMASK, &before, &after);
	assert_true(sigismember(&after, SIGUSR2));
	assert_false(sigismember(&after, SIGTERM));
	(void)sigaction(SIGUSR1, &old, NULL);
	mc_buf_clear(&out);
}

/*
 * A pipe as the helper's stderr: its end comes when the last process that
 * holds it is gone, and not a moment before.
 */
struct watch {
	int saved;
	int fd;
};

static void
watch_begin(struct watch *w)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	w->saved = fcntl(2, F_DUPFD_CLOEXEC, 10);
	assert_true(w->saved >= 0);
	assert_int_equal(dup2(fd[1], 2), 2);
	(void)close(fd[1]);
	w->fd = fd[0];
}

static bool
watch_all_gone(struct watch *w)
{
	char c;
	bool gone = false;

	assert_int_equal(dup2(w->saved, 2), 2);
	(void)close(w->saved);
	assert_int_equal(fcntl(w->fd, F_SETFL, O_NONBLOCK), 0);
	/* SIGKILL takes effect a little later */
	for (int i = 0; i < 200 && !gone; i++) {
		gone = mc_file_read(w->fd, &c, 1) == 0;
		if (!gone)
			(void)usleep(10000);
	}
	(void)close(w->fd);
	return gone;
}

static void
time_is_up(void **state)
{
	static const struct {
		const char *script;
		int least, most;
	} rows[] = {
		{ "echo hunter2; sleep 60", 300, 1250 },
		{ "sleep 60 & sleep 60", 300, 1250 },
		/* drips: never silent for long, never done */
		{ "while :; do echo x; sleep 0.01; done", 300, 1250 },
		{ "exec >&-; sleep 60", 300, 1250 },
		/* deaf to SIGTERM */
		{ "trap '' TERM; sleep 60 & sleep 60; sleep 60", 1300, 9000 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char *argv[] = { WORD("sh"), WORD("-c"),
		    WORD(rows[i].script), NULL };
		struct mc_err err = { 0 };
		struct mc_buf out;
		struct watch w;
		int64_t begin = mc_clock_ms();
		int rc;

		mc_buf_init(&out, 10000);
		watch_begin(&w);
		rc = mc_proc_run(argv, usual_env, 300, -1, &out, &err);
		assert_true(watch_all_gone(&w));
		begin = mc_clock_ms() - begin;
		assert_err(rc, err, MC_E_HELPER);
		assert_non_null(strstr(err.text, "too long"));
		assert_null(strstr(err.text, "hunter2"));
		assert_int_equal(out.len, 0);
		assert_in_range(begin, rows[i].least, rows[i].most + 4000);
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
		mc_buf_clear(&out);
	}
}

/* SIGTERM is for the whole group, with time to tidy up */
static void
time_to_tidy(void **state)
{
	char script[400];
	char *argv[] = { WORD("sh"), WORD("-c"), script, NULL };
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)state;
	(void)snprintf(script, sizeof(script),
	    "sh -c 'trap \"echo x >%s; exit\" TERM; "
	    "while :; do sleep 0.05; done' & trap '' TERM; sleep 60; sleep 60",
	    in_dir("tidied"));
	mc_buf_init(&out, 100);
	assert_err(mc_proc_run(argv, usual_env, 500, -1, &out, &err), err,
	    MC_E_HELPER);
	assert_int_equal(unlink(in_dir("tidied")), 0);
	mc_buf_clear(&out);
}

static void
cancelled(void **state)
{
	char *argv[] = { WORD("sleep"), WORD("60"), NULL };
	int64_t begin = mc_clock_ms();
	struct mc_err err = { 0 };
	struct mc_buf out;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	mc_buf_init(&out, 100);

	pid_t pid = fork();

	if (pid == 0) {
		(void)usleep(200000);
		_exit(write(fd[1], "x", 1) != 1);
	}
	assert_true(pid > 0);
	assert_err(mc_proc_run(argv, usual_env, MC_NEVER, fd[0], &out, &err),
	    err, MC_E_CANCELLED);
	begin = mc_clock_ms() - begin;
	assert_in_range(begin, 190, 9000);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);

	/* nobody asks: the descriptor does no harm */
	char c;

	assert_int_equal(read(fd[0], &c, 1), 1);
	argv[0] = WORD("true");
	assert_int_equal(mc_proc_run(argv, usual_env, MC_NEVER, fd[0], &out,
	    NULL), 0);
	mc_buf_clear(&out);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

/* an agent that the helper leaves behind holds its output open */
static void
left_behind(void **state)
{
	int64_t begin = mc_clock_ms();
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 100);
	assert_int_equal(run_shell("sleep 4 & echo secret", &out, &err), 0);
	assert_string_equal(out.ptr, "secret\n");
	assert_true(mc_clock_ms() - begin < 3000);
	mc_buf_clear(&out);
}

static int
with_all_closed(void)
{
	struct mc_buf out;

	for (int i = 0; i < 3; i++)
		(void)close(i);
	mc_buf_init(&out, 100);
	if (run_shell("read x; echo out; echo err >&2 && echo two",
	    &out, NULL) != 0)
		return 1;
	if (strcmp(out.ptr, "out\ntwo\n") != 0)
		return 2;
	mc_buf_clear(&out);
	return fcntl(0, F_GETFD) >= 0 || fcntl(1, F_GETFD) >= 0 ? 3 : 0;
}

static int
with_sigchld_ignored(void)
{
	struct sigaction ign = { .sa_handler = SIG_IGN };
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)sigaction(SIGCHLD, &ign, NULL);
	mc_buf_init(&out, 100);
	if (run_shell("echo x", &out, &err) != -1 || out.len != 0)
		return 1;
	mc_buf_clear(&out);
	return strstr(err.text, "SIGCHLD") != NULL ? 0 : 2;
}

static int
without_descriptors(void)
{
	struct mc_err err = { 0 };
	struct mc_buf out;

	for (int fd = dup(0); fd >= 0; fd = dup(0))
		;
	mc_buf_init(&out, 100);
	/* some numbers come back, one at a time: each open fails once */
	for (int n = 0; n < 5; n++) {
		mc_err_reset(&err);
		if (run_shell("echo x", &out, &err) != -1 ||
		    err.code != MC_E_HELPER || err.sys != EMFILE)
			return 1 + n;
		(void)close(20 + n);
	}
	mc_err_reset(&err);
	if (run_shell("echo x", &out, &err) != 0)
		return 9;
	mc_buf_clear(&out);
	return 0;
}

static void
in_odd_processes(void **state)
{
	static int (*const fns[])(void) = {
		with_all_closed, with_sigchld_ignored, without_descriptors,
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(fns); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(fns[i]());
		assert_true(pid > 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		if (WEXITSTATUS(status) != 0)
			fail_msg("case %zu: %d", i, WEXITSTATUS(status));
	}
}

static void
run_no_memory(void **state)
{
	int rc = -1;

	(void)state;
	for (unsigned long n = 1; rc != 0; n++) {
		struct mc_err err = { 0 };
		struct mc_buf out;

		assert_true(n < 20);
		mc_buf_init(&out, 20000);
		(void)failmalloc(n, false);
		rc = run_shell("dd if=/dev/zero bs=1000 count=20 2>/dev/null",
		    &out, &err);
		if (failmalloc(0, false) >= n) {
			assert_err(rc, err, MC_E_NOMEM);
			assert_int_equal(out.len, 0);
		} else
			assert_int_equal(rc, 0);
		mc_buf_clear(&out);
	}
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void
test_input(void **state)
{
	static char big[MC_PROC_INPUT + 1];
	char *argv[] = { (char *)"cat", NULL };
	struct mc_err err = { 0 };
	struct mc_buf out;

	(void)state;
	memset(big, 'x', sizeof(big));
	mc_buf_init(&out, sizeof(big));
	assert_int_equal(mc_proc_run_with(argv, usual_env,
	    mc_str_make("a\0b\n", 4), 20000, -1, &out, &err), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.ptr, "a\0b\n", 4);
	mc_buf_reset(&out);
	assert_int_equal(mc_proc_run_with(argv, usual_env,
	    mc_str_make(big, MC_PROC_INPUT), 20000, -1, &out, &err), 0);
	assert_int_equal(out.len, MC_PROC_INPUT);
	assert_err(mc_proc_run_with(argv, usual_env,
	    mc_str_make(big, sizeof(big)), 20000, -1, &out, &err), err,
	    MC_E_TOO_LONG);
	/* a program that does not read is no reason to wait, or to die */
	argv[0] = (char *)"true";
	assert_int_equal(mc_proc_run_with(argv, usual_env,
	    mc_str_make(big, MC_PROC_INPUT), 20000, -1, &out, &err), 0);
	mc_buf_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_table),
		cmocka_unit_test(split_all),
		cmocka_unit_test(split_no_memory),
		cmocka_unit_test(output),
		cmocka_unit_test(much_output),
		cmocka_unit_test(failures),
		cmocka_unit_test(looking_up),
		cmocka_unit_test(cannot_execute),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(signals),
		cmocka_unit_test(time_is_up),
		cmocka_unit_test(time_to_tidy),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(left_behind),
		cmocka_unit_test(in_odd_processes),
		cmocka_unit_test(run_no_memory),
		cmocka_unit_test(test_input),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
