/* SPDX-License-Identifier: MIT */
/*
 * import_input.c - the files of other programs, and what git knows
 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GIT_MS 10000
#define MOST_PATH 4096

extern char **environ;

/* ----------------------------------------------------------------- reading */

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* wait for more from a program; an errno */
static int
await(int fd, int64_t until)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = cli_cancel_fd(), .events = POLLIN },
	};
	int64_t left = until - now_ms();

	if (left <= 0 || poll(p, 2, (int)left) == 0)
		return ETIMEDOUT;
	return cli_cancelled() ? EINTR : 0;
}

/* from a descriptor until its end, which has to come by `until` (0: a file);
 * an errno */
static int
read_all(int fd, int64_t until, struct cli_text *out)
{
	char bytes[16384];
	ssize_t n;
	int error;

	for (;;) {
		error = until == 0 ? 0 : await(fd, until);
		if (error != 0)
			return error;
		n = read(fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR && !cli_cancelled())
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			return 0;
		cli_text_add(out, bytes, (size_t)n);
		if (out->failed)
			return ENOMEM;
		if (out->len > IMPORT_MAX_FILE)
			return EFBIG;
	}
}

static int
read_file(void *ctx, const char *path, char **ret_text, size_t *ret_len)
{
	struct cli_text text = { NULL, 0, 0, false };
	struct stat st;
	int error = 0;
	int fd;

	(void)ctx;
	/* a FIFO or a terminal must not hold us up */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return errno;
	if (fstat(fd, &st) != 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	else
		error = read_all(fd, 0, &text);
	close(fd);
	if (error != 0) {
		cli_text_free(&text);
		return error;
	}
	*ret_text = text.ptr;
	*ret_len = text.len;
	return 0;
}

static const char *
reason(int error)
{
	if (error == EINVAL)
		return "it is no regular file";
	if (error == EFBIG)
		return "it is larger than 1 MiB";
	return strerror(error);
}

/* 0, or an exit status; a file that is not there is told of if `wanted` */
static int
read_one(struct import *im, const struct import_program *program,
    const char *path, bool wanted, bool *ret_found)
{
	const char *why = NULL;
	char *text = NULL;
	size_t len = 0;
	int error = read_file(NULL, path, &text, &len);
	int status = 0;

	if (error == ENOENT && !wanted)
		return 0;
	if (error == 0 && import_text(im, program, path, text, len, &why) == 0)
		*ret_found = true;
	if (error != 0 || why != NULL) {
		cli_say("%s: cannot be read: %s", path,
		    why != NULL ? why : reason(error));
		status = why != NULL || error == EFBIG ? EX_DATAERR :
		    EX_NOINPUT;
	}
	import_wipe(text, len);
	free(text);
	return status;
}

/* -------------------------------------------------------------- asking git */

static bool
start_git(int *ret_fd, pid_t *ret_pid)
{
	char git[] = "git", no_pager[] = "--no-pager", config[] = "config";
	char list[] = "--list", origin[] = "--show-origin", z[] = "-z";
	char *const argv[] = { git, no_pager, config, list, origin, z, NULL };
	posix_spawn_file_actions_t actions;
	int fds[2];
	bool good;

	if (pipe(fds) != 0)
		return false;
	if (posix_spawn_file_actions_init(&actions) != 0) {
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	good = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null",
	    O_RDONLY, 0) == 0 &&
	    posix_spawn_file_actions_adddup2(&actions, fds[1], 1) == 0 &&
	    posix_spawn_file_actions_addclose(&actions, fds[1]) == 0 &&
	    posix_spawnp(ret_pid, "git", &actions, NULL, argv, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	if (!good)
		close(fds[0]);
	*ret_fd = fds[0];
	return good;
}

static int
read_git(struct import *im)
{
	struct cli_text text = { NULL, 0, 0, false };
	int error, fd, state = 0;
	pid_t pid;

	if (!start_git(&fd, &pid)) {
		cli_say("git cannot be run: name a file to read");
		return EX_UNAVAILABLE;
	}
	error = read_all(fd, now_ms() + GIT_MS, &text);
	close(fd);
	if (error != 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
		;
	if (error == 0 && (!WIFEXITED(state) || WEXITSTATUS(state) != 0))
		error = EIO;
	if (error == 0 && import_git_list(im, text.len == 0 ? "" : text.ptr,
	    text.len) != 0)
		error = EIO;
	import_wipe(text.ptr, text.len);
	cli_text_free(&text);
	if (error == 0)
		return 0;
	cli_say("git config --list: %s", error == EIO ?
	    "git has failed" : strerror(error));
	return EX_UNAVAILABLE;
}

/* --------------------------------------------------------- usual files */

/* the files that the programs themselves read, the strongest first */
static const struct {
	const struct import_program *program;
	const char *path;	/* ~: home directory, $: XDG_CONFIG_HOME */
} usual[] = {
	{ &import_msmtp, "~/.msmtprc" },
	{ &import_msmtp, "$/msmtp/config" },
	{ &import_msmtp, "/etc/msmtprc" },
	{ &import_ssmtp, "/etc/ssmtp/ssmtp.conf" },
	{ &import_esmtp, "~/.esmtprc" },
	{ &import_esmtp, "/etc/esmtprc" },
	{ &import_dma, "/etc/dma/dma.conf" },
	{ &import_nullmailer, "/etc/nullmailer/remotes" },
};

/* "~/x" and "$/x" as whole paths; false where there is no such place */
static bool
whole_path(const char *path, const char *home, char *out, size_t size)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *where = path[0] == '/' ? "" : home;
	const char *below = "";

	if (path[0] == '$' && xdg != NULL && xdg[0] == '/')
		where = xdg;
	else if (path[0] == '$')
		below = "/.config";
	if (where == NULL)
		return false;
	return (size_t)snprintf(out, size, "%s%s%s", where, below,
	    path[0] == '/' ? path : path + 1) < size;
}

/* msmtp reads one file of the user and that of the system, the others one */
static int
read_usual(struct import *im, const struct import_program *program,
    const char *home)
{
	char path[MOST_PATH];
	bool found_user = false, found = false;
	int status = 0;

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]) &&
	    status == 0; i++) {
		bool is_users = usual[i].path[0] != '/';

		if (usual[i].program != program ||
		    (found_user && (is_users || program != &import_msmtp)) ||
		    !whole_path(usual[i].path, home, path, sizeof(path)))
			continue;
		/* in the system's file ~ is another one for each user */
		im->home = is_users ? home : NULL;
		status = read_one(im, program, path, false, &found);
		found_user = found_user || (found && is_users);
	}
	if (status == 0 && !found) {
		cli_say("no configuration of %s was found: name its file",
		    program->name);
		return EX_NOINPUT;
	}
	return status;
}

int
import_input(struct import *im, const struct import_program *program,
    const char *file, const char *home)
{
	char path[MOST_PATH];
	struct stat st;
	bool found = false;

	im->read = read_file;
	if (file == NULL && program == &import_git)
		return read_git(im);
	if (file == NULL)
		return read_usual(im, program, home);
	im->home = strncmp(file, "/etc/", 5) == 0 ? NULL : home;
	(void)snprintf(path, sizeof(path), "%s", file);
	if (program == &import_nullmailer && stat(path, &st) == 0 &&
	    S_ISDIR(st.st_mode))
		(void)snprintf(path, sizeof(path), "%.4000s/remotes", file);
	return read_one(im, program, path, true, &found);
}
