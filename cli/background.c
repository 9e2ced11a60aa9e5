/* SPDX-License-Identifier: MIT */
/*
 * background.c - a run of the queue that nobody waits for
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/syscall.h>
#endif

/* descriptors that are looked at where the system cannot close all at once */
#define MOST_FDS 65536

static void
close_from(int first)
{
	struct rlimit limit;
	int fd, most = MOST_FDS;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0u) == 0)
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MOST_FDS)
		most = (int)limit.rlim_cur;
	for (fd = first; fd < most; fd++)
		close(fd);
}

/*
 * A caller that reads our output to its end must not wait for us, nor may a
 * terminal that goes away end us, or a file system stay busy.
 */
static bool
detach(void)
{
	int fd, null = open("/dev/null", O_RDWR);

	if (null < 0 || setsid() < 0 || chdir("/") != 0)
		return false;
	for (fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			return false;
	close_from(3);
	return true;
}

static void
log_event(void *ctx, const struct mc_run_event *event)
{
	const char *const *log = ctx;

	cli_log_event(*log, event);
}

static int
run(const struct cli_identity *id, const struct mc_config *config,
    const char *log)
{
	struct mc_run settings = { .flags = MC_RUN_NO_WAIT };
	struct mc_queue *queue = NULL;
	struct mc_err err = { 0 };

	settings.cancel_fd = cli_cancel_fd();
	settings.event = log_event;
	settings.ctx = &log;
	/* it is there; who may make it also clears it of left-overs */
	if (mc_queue_open(&id->caller, config, MC_QUEUE_CREATE, &queue,
	    &err) != 0)
		goto fail;
	mc_queue_set_log(queue, MC_LOG_WARN, cli_log_text, &log);
	if (mc_queue_run(queue, &settings, &err) != 0)
		goto fail;
	mc_queue_free(queue);
	return 0;
fail:
	cli_log_text(&log, MC_LOG_ERROR, err.stage, err.text);
	mc_queue_free(queue);
	return mc_err_exit(&err);
}

static bool
is_due(const struct cli_identity *id, const struct mc_config *config)
{
	struct mc_queue *queue = NULL;
	struct mc_err err = { 0 };
	bool due = mc_queue_open(&id->caller, config, 0, &queue, &err) == 0 &&
	    mc_queue_due(queue, &err) == 1;

	mc_queue_free(queue);
	return due;
}

/* in the new process; never comes back */
static void
become_run(const struct cli_identity *id, const struct mc_config *config,
    const char *tag, const char *log, const sigset_t *mask)
{
	if (!detach())
		_exit(EX_OSERR);
	cli_catch_signals();
	sigprocmask(SIG_SETMASK, mask, NULL);
	cli_open_log(tag);
	/* standard error is nowhere now */
	_exit(run(id, config, strcmp(log, "stderr") == 0 ? "syslog" : log));
}

/*
 * Until the child has let go of everything: whoever kills our process group
 * or reads our output to the end, once we are gone, must not meet it.
 */
static void
wait_detached(int fd)
{
	char c;

	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
}

void
cli_background_run(const struct cli_identity *id,
    const struct mc_config *config, const char *tag, const char *log,
    bool sure)
{
	sigset_t all, before;
	int held[2];
	pid_t pid;

	if ((!sure && !is_due(id, config)) || pipe(held) != 0)
		return;
	/* the handlers write into a pipe that the child is about to close */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		become_run(id, config, tag, log, &before);
	close(held[1]);
	if (pid > 0)
		wait_detached(held[0]);
	close(held[0]);
	sigprocmask(SIG_SETMASK, &before, NULL);
}
