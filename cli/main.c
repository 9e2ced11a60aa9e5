/* SPDX-License-Identifier: MIT */
/*
 * main.c - what a process has to settle before mail is its business
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

extern char **environ;

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static volatile sig_atomic_t cancel_write = -1;
static int cancel_read = -1;
static volatile sig_atomic_t reload_write = -1;

int
cli_cancel_fd(void)
{
	return cancel_read;
}

bool
cli_cancelled(void)
{
	struct pollfd p = { .fd = cancel_read, .events = POLLIN };

	return cancel_read >= 0 && poll(&p, 1, 0) > 0;
}

static void
on_signal(int sig)
{
	int saved = errno;
	ssize_t n;

	(void)sig;
	n = write(cancel_write, "", 1);
	(void)n;
	errno = saved;
}

static void
on_reload(int sig)
{
	int saved = errno;
	ssize_t n;

	(void)sig;
	n = write(reload_write, "", 1);
	(void)n;
	errno = saved;
}

/* a pipe that neither waits nor outlives an exec */
static bool
make_pipe(int fds[2])
{
	size_t i;

	if (pipe(fds) != 0)
		return false;
	for (i = 0; i < 2; i++) {
		fcntl(fds[i], F_SETFD, FD_CLOEXEC);
		fcntl(fds[i], F_SETFL, O_NONBLOCK);
	}
	return true;
}

int
cli_catch_reload(void)
{
	struct sigaction act;
	int fds[2];

	if (!make_pipe(fds))
		return -1;
	reload_write = fds[1];
	memset(&act, 0, sizeof(act));
	sigemptyset(&act.sa_mask);
	act.sa_handler = on_reload;
	sigaction(SIGHUP, &act, NULL);
	return fds[0];
}

void
cli_catch_signals(void)
{
	static const int ends[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction act, old;
	int fds[2];
	size_t i;

	memset(&act, 0, sizeof(act));
	sigemptyset(&act.sa_mask);
	act.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &act, NULL);
	sigaction(SIGXFSZ, &act, NULL);
	/* inherited as ignored it would hide how helper commands end */
	act.sa_handler = SIG_DFL;
	sigaction(SIGCHLD, &act, NULL);
	/* and one that blocked them would have a service that nothing ends */
	sigprocmask(SIG_SETMASK, &act.sa_mask, NULL);
	cancel_read = cancel_write = -1;
	if (!make_pipe(fds))
		return;
	cancel_read = fds[0];
	cancel_write = fds[1];
	act.sa_handler = on_signal;
	/* the second one ends us, whatever we hang in */
	act.sa_flags = SA_RESETHAND;
	for (i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		/* nohup(1) and shells ignore some of them on purpose */
		if (sigaction(ends[i], NULL, &old) == 0 &&
		    old.sa_handler != SIG_IGN)
			sigaction(ends[i], &act, NULL);
}

/*
 * A socket or message must never become descriptor 0, 1 or 2.  Where all of
 * them are open a missing /dev/null, as in a chroot, does no harm.
 */
static bool
open_standard_fds(void)
{
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* passwords will be in this process: no core file, no ptrace by others */
static void
forbid_dumps(void)
{
#ifndef SANITIZED	/* whose leak check needs ptrace */
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
#endif
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void
choose_name(const char *path)
{
	static const char *const names[] = {
		"sendmail", "mailq", "newaliases",
	};
	const char *base = base_name(path);
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(base, names[i]) == 0)
			cli_name = names[i];
}

typedef int command_fn(const struct cli_identity *id, int argc, char **argv);

static const struct {
	const char *name;
	const char *help;
	command_fn *fn;
} commands[] = {
#define MC_COMMAND(name, help) { #name, help, cli_##name },
#include "commands.def"
#undef MC_COMMAND
};

const char *
cli_command_at(size_t i, const char **ret_help)
{
	if (i >= sizeof(commands) / sizeof(commands[0]))
		return NULL;
	*ret_help = commands[i].help;
	return commands[i].name;
}

static command_fn *
command_of(int *argc, char ***argv)
{
	size_t i;

	if (*argc > 1 && strcmp(cli_name, "mailchute") == 0)
		for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
			if (strcmp((*argv)[1], commands[i].name) == 0) {
				--*argc;
				++*argv;
				return commands[i].fn;
			}
	return cli_sendmail;
}

int
main(int argc, char **argv)
{
	struct cli_identity id;
	command_fn *command;
	int status;

	if (!open_standard_fds())
		return EX_OSERR;
	/* configuration, helpers and log belong to whoever calls */
	if (getuid() != geteuid() || getgid() != getegid()) {
		cli_say("this program is not made to run set-user-ID or "
		    "set-group-ID: take the bit off");
		return EX_NOPERM;
	}
	umask(077);
	forbid_dumps();
	cli_catch_signals();
	if (argc > 0)
		choose_name(argv[0]);
	cli_identity(&id, environ);
	command = command_of(&argc, &argv);
	status = command(&id, argc, argv);
	/* a flush that failed before may have emptied the buffer */
	if ((ferror(stdout) != 0 || fflush(stdout) != 0) && status == 0)
		status = EX_IOERR;
#ifndef SANITIZED
	/* what libraries would tidy up now goes with the process anyway, and
	 * takes OpenSSL a twentieth of a submission's time */
	_exit(status);
#endif
	return status;
}
