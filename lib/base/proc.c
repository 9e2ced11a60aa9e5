/* SPDX-License-Identifier: MIT */
/*
 * proc.c - run a helper program as an argument vector, never through a shell
 */
#include "base/base.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#ifndef NSIG
#define NSIG 65
#endif

/* where programs are looked for when the environment does not say */
#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

#define GRACE_MS 1000
/* an end that no descriptor tells of is looked for this often */
#define TICK_MS 50
/* closing one by one stops here where the limit is absurdly high */
#define MOST_FDS (1 << 20)

struct run {
	char *const *argv;
	char *const *envp;
	char *program;		/* path of what argv[0] names */
	pid_t pid;		/* 0 before the fork and after the reaping */
	int null_fd;
	int in_fd[2];		/* its standard input, if there is some */
	int out_fd[2];		/* its standard output: we read [0] */
	int exec_fd[2];		/* errno of a failed execve, or just the end */
	int cancel_fd;
	int64_t deadline;
	int n_fds;		/* descriptors to close one by one */
	bool quiet;		/* its standard error is lost */
};

/* ---------------------------------------------------------------- splitting */

/* move one word, without its quotes, and a NUL to *to; -1: open quote */
static int
split_word(struct mc_str *line, char **to)
{
	char quote = 0;
	size_t i = 0;

	for (; i < line->len; i++) {
		char c = line->ptr[i];

		if (quote == 0 && mc_is_blank(c))
			break;
		if (quote == 0 && (c == '\'' || c == '"')) {
			quote = c;
			continue;
		}
		if (c == quote) {
			quote = 0;
			continue;
		}
		if (c == '\\' && quote != '\'') {
			if (++i == line->len)
				return -1;
			c = line->ptr[i];
		}
		*(*to)++ = c;
	}
	if (quote != 0)
		return -1;
	*(*to)++ = '\0';
	*line = mc_str_sub(*line, i, SIZE_MAX);
	return 0;
}

int
mc_proc_split(struct mc_str line, char ***ret_argv, struct mc_err *err)
{
	if (mc_str_chr(line, '\0') != line.len)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "the command holds a NUL byte");

	/* a word takes a byte and a blank at least; each byte goes over once */
	size_t most = line.len / 2 + 1;
	size_t head = (most + 1) * sizeof(char *);
	char **argv = mc_mem_zalloc(head + line.len + 1, 1);

	if (argv == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);

	char *to = (char *)argv + head;
	size_t n = 0;

	for (;;) {
		while (line.len != 0 && mc_is_blank(line.ptr[0]))
			line = mc_str_sub(line, 1, SIZE_MAX);
		if (line.len == 0)
			break;
		argv[n++] = to;
		if (split_word(&line, &to) != 0) {
			mc_mem_wipe((char *)argv + head,
			    (size_t)(to - (char *)argv) - head);
			mc_mem_free(argv);
			return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
			    "the command ends inside quotes or after a "
			    "backslash");
		}
	}
	if (n == 0) {
		mc_mem_free(argv);
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "the command is empty");
	}
	*ret_argv = argv;
	return 0;
}

int
mc_proc_expand_home(char **argv, const char *home, char **ret_own,
    struct mc_err *err)
{
	struct mc_buf b;

	*ret_own = NULL;
	if (strncmp(argv[0], "~/", 2) != 0 || home == NULL)
		return 0;
	mc_buf_init(&b, MC_MAX_CONFIG_LINE * 2);
	mc_buf_addz(&b, home);
	mc_buf_addz(&b, argv[0] + 1);

	int rc = mc_buf_err(&b, "name of the command", err);

	if (rc == 0) {
		*ret_own = mc_buf_take(&b);
		argv[0] = *ret_own;
		if (*ret_own == NULL)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG,
			    NULL);
	}
	mc_buf_clear(&b);
	return rc;
}

/* ---------------------------------------------------------------- preparing */

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    access(path, X_OK) == 0;
}

static struct mc_str
path_of(char *const envp[])
{
	for (size_t i = 0; envp != NULL && envp[i] != NULL; i++)
		if (strncmp(envp[i], "PATH=", 5) == 0)
			return mc_str_from(envp[i] + 5);
	return MC_STR(DEFAULT_PATH);
}

/*
 * The path of argv[0].  Relative directories in PATH are passed over: mail
 * is sent from anywhere, also from where others may put a program.
 */
static int
find_program(struct run *run, struct mc_err *err)
{
	const char *name = run->argv[0];
	struct mc_str path = path_of(run->envp);
	struct mc_str dir;

	if (strchr(name, '/') != NULL) {
		run->program = mc_mem_strdup(name);
		if (run->program == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		return 0;
	}
	while (*name != '\0' && mc_str_next_token(&path, ":", &dir)) {
		struct mc_buf full;

		if (dir.ptr[0] != '/')
			continue;
		mc_buf_init(&full, SIZE_MAX);
		mc_buf_add_str(&full, dir);
		mc_buf_addc(&full, '/');
		mc_buf_addz(&full, name);
		if (mc_buf_err(&full, "PATH", err) != 0) {
			mc_buf_clear(&full);
			return -1;
		}
		if (is_program(full.ptr)) {
			run->program = mc_buf_take(&full);
			return 0;
		}
		mc_buf_clear(&full);
	}
	(void)mc_err_set(err, MC_E_HELPER, MC_STAGE_LOCAL,
	    "cannot find the program \"%s\" in PATH", name);
	if (err != NULL && err->code == MC_E_HELPER)
		err->sys = ENOENT;
	return -1;
}

/* both ends close-on-exec and above 2; -1 with errno */
static int
open_pipe(int fd[2])
{
#ifdef HAVE_PIPE2
	if (pipe2(fd, O_CLOEXEC) != 0)
		return -1;
#else
	if (pipe(fd) != 0)
		return -1;
	(void)fcntl(fd[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fd[1], F_SETFD, FD_CLOEXEC);
#endif
	fd[0] = mc_file_lift(fd[0]);
	if (fd[0] >= 0)
		fd[1] = mc_file_lift(fd[1]);
	return fd[0] >= 0 && fd[1] >= 0 ? 0 : -1;
}

int
mc_proc_most_fds(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MOST_FDS)
		return (int)limit.rlim_cur;
	return MOST_FDS;
}

/* all of it fits, so nobody waits for the program to read it */
static int
put_input(struct run *run, struct mc_str input, struct mc_err *err)
{
	ssize_t n;

	if (input.len == 0)
		return 0;
	if (input.len > MC_PROC_INPUT)
		return mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL,
		    "too much input for %s", run->argv[0]);
	if (open_pipe(run->in_fd) != 0)
		n = -1;
	else
		do
			n = write(run->in_fd[1], input.ptr, input.len);
		while (n < 0 && errno == EINTR);
	if (n != (ssize_t)input.len)
		return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, errno,
		    "cannot run %s", run->argv[0]);
	mc_file_close(&run->in_fd[1]);
	return 0;
}

static int
open_all(struct run *run, struct mc_err *err)
{
	run->null_fd = mc_file_lift(open("/dev/null", O_RDWR | O_CLOEXEC));
	/* confined (confine.h): what goes to a standard error that was closed
	 * is lost either way */
	if (run->null_fd < 0 && errno == EACCES)
		run->null_fd = mc_file_lift(open("/dev/null",
		    O_RDONLY | O_CLOEXEC));
	if (run->null_fd < 0 || open_pipe(run->out_fd) != 0 ||
	    open_pipe(run->exec_fd) != 0)
		return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, errno,
		    "cannot run %s", run->argv[0]);

	run->n_fds = mc_proc_most_fds();
	return 0;
}

/* ------------------------------------------------------------ in the child */

/*
 * From here to execve only what POSIX calls async-signal-safe: another thread
 * may have held any lock at the time of the fork.
 */
void
mc_proc_close_from(int first, int n_fds)
{
#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
		return;
#endif
	for (int fd = first; fd < n_fds; fd++)
		(void)close(fd);
}

static void
reset_signals(void)
{
	struct sigaction dfl;
	sigset_t none;

	memset(&dfl, 0, sizeof(dfl));
	dfl.sa_handler = SIG_DFL;
	(void)sigemptyset(&dfl.sa_mask);
	for (int sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	/* the child has one thread */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void
become(const struct run *run)
{
	int sys;

	(void)setpgid(0, 0);
	if (dup2(run->in_fd[0] >= 0 ? run->in_fd[0] : run->null_fd, 0) < 0 ||
	    dup2(run->out_fd[1], 1) < 0)
		goto fail;
	if ((run->quiet || fcntl(2, F_GETFD) < 0) && dup2(run->null_fd, 2) < 0)
		goto fail;
	/* all of ours are above 2, so 3 is the one to keep until execve */
	if (dup2(run->exec_fd[1], 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC) < 0)
		goto fail;
	mc_proc_close_from(4, run->n_fds);
	reset_signals();
	/* find_program has set it: mc_err_set, where it has not, returns -1 */
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	(void)execve(run->program, run->argv, run->envp);
	sys = errno;
	while (write(3, &sys, sizeof(sys)) < 0 && errno == EINTR)
		;
	_exit(127);
fail:
	sys = errno;
	while (write(run->exec_fd[1], &sys, sizeof(sys)) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* ----------------------------------------------------------- in the parent */

/* Signals wait: the caller's handlers must not run in the child. */
static int
start(struct run *run, struct mc_err *err)
{
	sigset_t all, before;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);

	pid_t pid = fork();

	if (pid == 0)
		become(run);

	int sys = errno;

	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, sys,
		    "cannot run %s", run->argv[0]);
	run->pid = pid;
	/* both sides do it, so that neither has to wait for the other */
	(void)setpgid(pid, pid);
	mc_file_close(&run->out_fd[1]);
	mc_file_close(&run->exec_fd[1]);
	return 0;
}

enum life {
	RUNNING,
	ENDED,		/* not reaped, so that its number stays its own */
	GONE		/* the caller ignores SIGCHLD: the system reaped it */
};

static enum life
look(const struct run *run)
{
	siginfo_t info;
	int rc;

	memset(&info, 0, sizeof(info));
	do
		rc = waitid(P_PID, (id_t)run->pid, &info,
		    WEXITED | WNOHANG | WNOWAIT);
	while (rc != 0 && errno == EINTR);
	if (rc != 0)
		return GONE;
	return info.si_pid == run->pid ? ENDED : RUNNING;
}

static int
reap(struct run *run, int *ret_status)
{
	pid_t got;

	do
		got = waitpid(run->pid, ret_status, 0);
	while (got < 0 && errno == EINTR);
	run->pid = 0;
	return got < 0 ? -1 : 0;
}

/* ask, wait for a second, insist */
static void
kill_group(struct run *run)
{
	int64_t end = mc_clock_after(GRACE_MS);
	int wait = 1, status;

	if (run->pid == 0)
		return;
	if (look(run) == RUNNING)
		(void)kill(-run->pid, SIGTERM);
	while (look(run) == RUNNING && mc_clock_left(end) > 0) {
		(void)poll(NULL, 0, wait);
		wait = wait < TICK_MS / 2 ? wait * 2 : TICK_MS;
	}
	if (look(run) != GONE)
		(void)kill(-run->pid, SIGKILL);
	(void)reap(run, &status);
}

/* what execve failed with: 0 nothing (yet), else errno */
static int
exec_error(struct run *run)
{
	int sys = 0;
	ssize_t got = mc_file_read(run->exec_fd[0], &sys, sizeof(sys));

	mc_file_close(&run->exec_fd[0]);
	return got == (ssize_t)sizeof(sys) ? sys : 0;
}

/* 1 for output, 0 for its end, -1 with err */
static int
take_output(struct run *run, struct mc_buf *out, struct mc_err *err)
{
	ssize_t got = mc_file_fill(run->out_fd[0], out);

	if (got >= 0)
		return got > 0;
	if (out->err == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (out->err != 0)
		return mc_err_set(err, MC_E_HELPER, MC_STAGE_LOCAL,
		    "%s wrote more than %zu bytes", run->argv[0], out->max);
	return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, errno,
	    "cannot read what %s writes", run->argv[0]);
}

/*
 * One wait.  Returns 1 to go on, 0 when the program has ended and all its
 * output is here, -1 with err.
 */
static int
step(struct run *run, int wait, struct mc_buf *out, struct mc_err *err)
{
	struct pollfd fds[3] = {
		{ .fd = run->cancel_fd, .events = POLLIN },
		{ .fd = run->exec_fd[0], .events = POLLIN },
		{ .fd = run->out_fd[0], .events = POLLIN },
	};
	int left = mc_clock_left(run->deadline);
	/* asked before the poll: its last output is readable by then */
	bool ended = look(run) != RUNNING;

	if (!ended && left == 0)
		return mc_err_set(err, MC_E_HELPER, MC_STAGE_LOCAL,
		    "%s took too long and was stopped", run->argv[0]);
	if (ended)
		wait = 0;
	else if (left >= 0 && left < wait)
		wait = left;
	if (poll(fds, MC_NELEM(fds), wait) < 0 && errno != EINTR)
		return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, errno,
		    "cannot wait for %s", run->argv[0]);
	if (fds[0].revents != 0)
		return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
		    "interrupted while %s was running", run->argv[0]);
	if (fds[1].revents != 0) {
		int sys = exec_error(run);

		if (sys != 0)
			return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, sys,
			    "cannot run %s", run->program);
	}
	if (fds[2].revents != 0) {
		int rc = take_output(run, out, err);

		if (rc == 0)
			mc_file_close(&run->out_fd[0]);
		return rc < 0 ? -1 : 1;
	}
	return ended && fds[1].revents == 0 ? 0 : 1;
}

static int
judge(struct run *run, struct mc_err *err)
{
	int status = 0;
	const char *name = run->argv[0];

	if (reap(run, &status) != 0)
		return mc_err_sys(err, MC_E_HELPER, MC_STAGE_LOCAL, errno,
		    "cannot tell how %s ended (is SIGCHLD ignored?)", name);
	if (WIFSIGNALED(status))
		return mc_err_set(err, MC_E_HELPER, MC_STAGE_LOCAL,
		    "%s was killed by signal %d", name, WTERMSIG(status));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return mc_err_set(err, MC_E_HELPER, MC_STAGE_LOCAL,
		    "%s ended with status %d", name, WEXITSTATUS(status));
	return 0;
}

static int
collect(struct run *run, struct mc_buf *out, struct mc_err *err)
{
	int rc, wait = TICK_MS;

	do {
		/* output is over: the end is near, so look more often */
		if (run->out_fd[0] < 0)
			wait = wait == TICK_MS ? 1 :
			    wait < TICK_MS / 2 ? wait * 2 : TICK_MS - 1;
		rc = step(run, wait, out, err);
	} while (rc > 0);
	return rc < 0 ? -1 : judge(run, err);
}

static int
carry_out(struct run *run, struct mc_str input, int64_t timeout_ms,
    struct mc_buf *out, struct mc_err *err)
{
	static char *const no_env[] = { NULL };
	size_t before = out->len;
	int rc = -1;

	if (run->envp == NULL)
		run->envp = no_env;
	run->null_fd = -1;
	for (int i = 0; i < 2; i++)
		run->in_fd[i] = run->out_fd[i] = run->exec_fd[i] = -1;
	run->deadline = mc_clock_after(timeout_ms);

	if (mc_buf_err(out, "output", err) != 0)
		return -1;
	if (find_program(run, err) == 0 && open_all(run, err) == 0 &&
	    put_input(run, input, err) == 0 &&
	    start(run, err) == 0)
		rc = collect(run, out, err);
	kill_group(run);
	if (rc != 0) {
		mc_file_unfill(out, before);
		out->err = 0;
	}
	mc_file_close(&run->null_fd);
	for (int i = 0; i < 2; i++) {
		mc_file_close(&run->in_fd[i]);
		mc_file_close(&run->out_fd[i]);
		mc_file_close(&run->exec_fd[i]);
	}
	mc_mem_free(run->program);
	return rc;
}

int
mc_proc_run(char *const argv[], char *const envp[], int64_t timeout_ms,
    int cancel_fd, struct mc_buf *out, struct mc_err *err)
{
	return mc_proc_run_with(argv, envp, (struct mc_str){ NULL, 0 },
	    timeout_ms, cancel_fd, out, err);
}

int
mc_proc_run_quiet(char *const argv[], char *const envp[], int64_t timeout_ms,
    int cancel_fd, struct mc_buf *out, struct mc_err *err)
{
	struct run run = { .argv = argv, .envp = envp,
		.cancel_fd = cancel_fd, .quiet = true };

	return carry_out(&run, MC_STR_NONE, timeout_ms, out, err);
}

int
mc_proc_run_with(char *const argv[], char *const envp[], struct mc_str input,
    int64_t timeout_ms, int cancel_fd, struct mc_buf *out, struct mc_err *err)
{
	struct run run = { .argv = argv, .envp = envp,
		.cancel_fd = cancel_fd };

	return carry_out(&run, input, timeout_ms, out, err);
}

bool
mc_proc_has_terminal(void)
{
	int fd = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		return false;
	mc_file_close(&fd);
	return true;
}
