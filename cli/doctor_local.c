/* SPDX-License-Identifier: MIT */
/*
 * doctor_local.c - who runs the queue, and whose sendmail is it
 */
#include "doctor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define CRONTAB_MS 5000

/* ------------------------------------------------------------------ systemd */

static const char *const units[] = {
	"timers.target.wants/mailchute-queue.timer",
	"default.target.wants/mailchute-watch.service",
	"multi-user.target.wants/mailchute-watch-system.service",
	"multi-user.target.wants/mailchute.service",
	"sockets.target.wants/mailchute.socket",
};

/* a link that enables one of ours, in `path` */
static bool
is_enabled(const char *dir, char *path, size_t size)
{
	struct stat st;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		snprintf(path, size, "%s/%s", dir, units[i]);
		if (lstat(path, &st) == 0)
			return true;
	}
	return false;
}

static bool
find_unit(const struct doctor *d, char *path, size_t size)
{
	static const char *const system[] = { "/etc/systemd/system",
	    "/usr/lib/systemd/system", "/lib/systemd/system" };
	static const char *const user[] = { "/etc/systemd/user",
	    "/usr/lib/systemd/user" };
	const char *config = getenv("XDG_CONFIG_HOME");
	char own[DOCTOR_PATH];
	bool root = d->id->caller.uid == 0;

	for (size_t i = 0; root && i < sizeof(system) / sizeof(system[0]); i++)
		if (is_enabled(system[i], path, size))
			return true;
	for (size_t i = 0; !root && i < sizeof(user) / sizeof(user[0]); i++)
		if (is_enabled(user[i], path, size))
			return true;
	if (config != NULL && config[0] == '/')
		snprintf(own, sizeof(own), "%s/systemd/user", config);
	else if (d->id->caller.home != NULL)
		snprintf(own, sizeof(own), "%s/.config/systemd/user",
		    d->id->caller.home);
	else
		return false;
	return is_enabled(own, path, size);
}

/* --------------------------------------------------------------------- cron */

/* a line that is no comment and names us */
static bool
names_us(char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest))
		if (line[strspn(line, " \t")] != '#' &&
		    strstr(line, "mailchute") != NULL)
			return true;
	return false;
}

static bool
file_names_us(const char *path)
{
	char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return names_us(text);
}

static bool
dir_names_us(const char *dir, char *path, size_t size)
{
	const struct dirent *e;
	DIR *d = opendir(dir);
	bool found = false;

	while (d != NULL && !found && (e = readdir(d)) != NULL) {
		snprintf(path, size, "%s/%s", dir, e->d_name);
		found = e->d_name[0] != '.' && file_names_us(path);
	}
	if (d != NULL)
		closedir(d);
	return found;
}

/* all that comes until the end or the limit */
static size_t
read_for(int fd, char *buf, size_t size, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n + 1 < size && poll(&p, 1, ms) > 0) {
		ssize_t got = read(fd, buf + n, size - 1 - n);

		if (got <= 0)
			break;
		n += (size_t)got;
	}
	buf[n] = '\0';
	return n;
}

/* a user's own table can only be read by that program */
static bool
crontab_names_us(void)
{
	char name[] = "crontab", list[] = "-l";
	char *argv[] = { name, list, NULL };
	posix_spawn_file_actions_t actions;
	char text[16384];
	int fds[2];
	pid_t pid;
	int rc;

	if (pipe(fds) != 0)
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY,
	    0);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY,
	    0);
	posix_spawn_file_actions_addclose(&actions, fds[1]);
	rc = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	text[0] = '\0';
	if (rc == 0) {
		(void)read_for(fds[0], text, sizeof(text), CRONTAB_MS);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(fds[0]);
	return names_us(text);
}

void
doctor_timers(struct doctor *d)
{
	char path[2 * DOCTOR_PATH];
	struct stat st;

	if (d->config != NULL && (doctor_key(d, "host")[0] == '/' ||
	    strcmp(doctor_key(d, "queue"), "off") == 0))
		return;
	if (find_unit(d, path, sizeof(path))) {
		if (stat("/run/systemd/system", &st) == 0)
			doctor_ok(d, "timers", "%s", path);
		else
			doctor_say(d, DOCTOR_WARNING, 0, "timers", "use cron, "
			    "or run `mailchute queue run --watch`", "%s is "
			    "enabled, but systemd does not run this machine",
			    path);
	} else if (dir_names_us("/etc/cron.d", path, sizeof(path)))
		doctor_ok(d, "timers", "%s", path);
	else if (file_names_us("/etc/crontab") || crontab_names_us())
		doctor_ok(d, "timers", "cron");
	else
		doctor_say(d, DOCTOR_WARNING, 0, "timers",
		    d->id->caller.uid == 0 ? "systemctl enable --now "
		    "mailchute-queue.timer; or in `crontab -e`: */2 * * * * "
		    "mailchute queue run --no-wait" : "systemctl --user enable "
		    "--now mailchute-queue.timer; or in `crontab -e`: */2 * "
		    "* * * mailchute queue run --no-wait", "nothing runs the queue: what "
		    "could not be sent at once waits until somebody does");
}

/* ----------------------------------------------------------------- sendmail */

static const char *
own_program(char *buf)
{
	ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);

	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

void
doctor_sendmail(struct doctor *d)
{
	static const char *const places[] = { "/usr/sbin/sendmail",
	    "/usr/lib/sendmail" };
	char real[PATH_MAX], own[PATH_MAX];
	const char *base;
	size_t i = 0;

	while (i < 2 && realpath(places[i], real) == NULL)
		i++;
	if (i == 2) {
		doctor_say(d, DOCTOR_WARNING, 0, "sendmail", "ln -s the "
		    "program mailchute there, if programs such as cron are "
		    "to send mail", "there is no /usr/sbin/sendmail");
		return;
	}
	base = strrchr(real, '/') + 1;
	if (strcmp(real, own_program(own)) == 0)
		doctor_ok(d, "sendmail", "%s is this program", places[i]);
	else if (strncmp(base, "mailchute", 9) == 0)
		doctor_say(d, DOCTOR_WARNING, 0, "sendmail", "remove one of "
		    "the two", "%s is another mailchute, %s", places[i],
		    real);
	else
		doctor_say(d, DOCTOR_WARNING, 0, "sendmail", "if cron, PHP and "
		    "others are to send by mailchute: update-alternatives, "
		    "or ln -s the program there", "%s%s%s belongs to "
		    "another mail program: what others on this machine send "
		    "goes there", places[i], strcmp(places[i], real) != 0 ?
		    " is " : "", strcmp(places[i], real) != 0 ? real : "");
}
