/* SPDX-License-Identifier: MIT */
/*
 * setup_store.c - where the password is kept, and put there
 *
 * A secret goes to other programs on their standard input, never as a word of
 * their command line, which everybody on the machine can read.
 */
#include "setup.h"

#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROGRAM_SECONDS 120	/* a keyring may have to be unlocked by hand */

/* ---------------------------------------------------------------- programs */

bool
setup_has_program(const char *name)
{
	const char *path = getenv("PATH");
	char file[SETUP_PATH];

	while (path != NULL && *path != '\0') {
		size_t len = strcspn(path, ":");

		if (len != 0 && snprintf(file, sizeof(file), "%.*s/%s",
		    (int)len, path, name) < (int)sizeof(file) &&
		    access(file, X_OK) == 0)
			return true;
		path += len;
		path += *path == ':';
	}
	return false;
}

/* in the child: never returns */
static void
become(const char *const *argv, int in, bool quiet)
{
	int nothing = open("/dev/null", O_WRONLY);

	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0)
		_exit(126);
	/* what it has to say is ours to show; what it prints is nobody's */
	if (nothing >= 0) {
		(void)dup2(nothing, STDOUT_FILENO);
		if (quiet)
			(void)dup2(nothing, STDERR_FILENO);
	}
	execvp(argv[0], (char *const *)(const void *)argv);
	_exit(127);
}

static void
feed(int fd, const char *input)
{
	size_t len = strlen(input);
	ssize_t n;

	while (len != 0) {
		n = write(fd, input, len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			input += n;
			len -= (size_t)n;
		}
	}
}

/* wait, but neither for ever nor when we are to end */
static int
wait_for(pid_t pid)
{
	const struct timespec moment = { 0, 20000000 };
	int status;

	for (int i = 0; i < PROGRAM_SECONDS * 50; i++) {
		pid_t got = waitpid(pid, &status, WNOHANG);

		if (got == pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
		if ((got < 0 && errno != EINTR) || cli_cancelled())
			break;
		nanosleep(&moment, NULL);
	}
	kill(pid, SIGTERM);
	for (int i = 0; i < 50; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return -1;
		nanosleep(&moment, NULL);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

int
setup_run(const char *const *argv, const char *input, bool quiet)
{
	int fds[2];
	pid_t pid;

	(void)fflush(stdout);
	if (pipe(fds) != 0)
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (pid == 0)
		become(argv, fds[0], quiet);
	close(fds[0]);
	if (pid > 0)
		feed(fds[1], input);
	close(fds[1]);
	return pid < 0 ? -1 : wait_for(pid);
}

/* ------------------------------------------------------------------ choice */

static bool
has_keyring(void)
{
	return setup_has_program("secret-tool") &&
	    getenv("DBUS_SESSION_BUS_ADDRESS") != NULL;
}

static bool
has_pass(const struct setup *s)
{
	char path[SETUP_PATH + 32];
	const char *dir = getenv("PASSWORD_STORE_DIR");

	if (dir != NULL)
		snprintf(path, sizeof(path), "%s/.gpg-id", dir);
	else
		snprintf(path, sizeof(path), "%s/.password-store/.gpg-id",
		    s->id->home);
	return setup_has_program("pass") && access(path, R_OK) == 0;
}

static void
secret_file_name(const struct setup *s, char *ret, size_t size)
{
	const char *slash = strrchr(s->file, '/');

	snprintf(ret, size, "%.*s/password-%s", (int)(slash - s->file),
	    s->file, s->account);
}

int
setup_choose_store(struct setup *s, const char **ret_store)
{
	const char *texts[4], *words[4];
	char file_text[SETUP_PATH + 64], file[SETUP_PATH];
	size_t n = 0;
	int chosen = 0;

	if (s->o->store != NULL) {
		*ret_store = s->o->store;
		return 0;
	}
	if (has_keyring()) {
		words[n] = "keyring";
		texts[n++] = "in the keyring of the desktop (secret-tool)";
	}
	secret_file_name(s, file, sizeof(file));
	snprintf(file_text, sizeof(file_text), "in %s, which only you can "
	    "read", file);
	words[n] = "file";
	texts[n++] = file_text;
	if (has_pass(s)) {
		words[n] = "pass";
		texts[n++] = "in the password store (pass)";
	}
	words[n] = "credential";
	texts[n++] = "in a systemd credential, which you make yourself";
	if (s->ask)
		chosen = cli_ask_which("Keep the password", texts, n, 0);
	if (chosen < 0)
		return EX_TEMPFAIL;
	/* a keyring is not to be had where a script will send */
	*ret_store = s->ask ? words[chosen] : "file";
	return 0;
}

/* ----------------------------------------------------------------- storing */

static int
in_keyring(struct setup *s)
{
	char label[SETUP_TEXT + SETUP_HOST + 64];
	const char *const argv[] = { "secret-tool", "store", label, "service",
	    "mailchute", "host", s->server.host, "user", s->user, NULL };
	int status;

	snprintf(label, sizeof(label), "--label=mailchute %s at %s", s->user,
	    s->server.host);
	status = setup_run(argv, s->secret, false);
	if (status != 0) {
		cli_say("secret-tool did not take the password (%s): unlock "
		    "the keyring, or choose --store file",
		    status == 127 ? "it is not installed: package "
		    "libsecret-tools" : "its status was not 0");
		return EX_UNAVAILABLE;
	}
	if (setup_has_key("password-keyring"))
		snprintf(s->source, sizeof(s->source),
		    "password-keyring = yes\n");
	else if (strpbrk(s->user, " \t\"'\\") != NULL) {
		cli_say("a user name with blanks or quotes cannot be looked up "
		    "in the keyring: choose --store file");
		return EX_USAGE;
	} else
		snprintf(s->source, sizeof(s->source), "password-command = "
		    "secret-tool lookup service mailchute host %s user %s\n",
		    s->server.host, s->user);
	return 0;
}

static int
in_pass(struct setup *s)
{
	char name[128];
	const char *const argv[] = { "pass", "insert", "--multiline",
	    "--force", name, NULL };
	int status;

	snprintf(name, sizeof(name), "mailchute/%s", s->account);
	status = setup_run(argv, s->secret, false);
	if (status != 0) {
		cli_say("pass did not take the password: try \"pass insert "
		    "%s\", or choose --store file", name);
		return EX_UNAVAILABLE;
	}
	snprintf(s->source, sizeof(s->source), "password-command = pass show "
	    "%s\n", name);
	return 0;
}

/* a new file beside it, which then takes the name: never half a password */
static int
in_file(struct setup *s)
{
	char file[SETUP_PATH], fresh[SETUP_PATH + 8];
	size_t len = strlen(s->secret);
	bool good;
	int fd;

	secret_file_name(s, file, sizeof(file));
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", file);
	fd = mkstemp(fresh);
	if (fd < 0) {
		cli_say("%s cannot be made: %s", file, strerror(errno));
		return EX_CANTCREAT;
	}
	good = write(fd, s->secret, len) == (ssize_t)len &&
	    write(fd, "\n", 1) == 1 && fsync(fd) == 0;
	good = close(fd) == 0 && good;
	/* one that is there belongs to the account as it still is */
	if (good && access(file, F_OK) == 0) {
		char kept[SETUP_PATH + 8];

		snprintf(kept, sizeof(kept), "%s~", file);
		unlink(kept);
		good = s->secret_kept = link(file, kept) == 0 ||
		    rename(file, kept) == 0;
	}
	if (!good || rename(fresh, file) != 0) {
		cli_say("%s cannot be written: %s", file, strerror(errno));
		unlink(fresh);
		return EX_CANTCREAT;
	}
	snprintf(s->secret_file, sizeof(s->secret_file), "%s", file);
	snprintf(s->source, sizeof(s->source), "password-file = %s\n", file);
	return 0;
}

static int
in_credential(struct setup *s)
{
	snprintf(s->source, sizeof(s->source),
	    "password-file = $CREDENTIALS_DIRECTORY/mailchute-%s\n",
	    s->account);
	printf("\nMake the credential, as root:\n"
	    "  systemd-ask-password -n | systemd-creds encrypt "
	    "--name=mailchute-%s - /etc/credstore.encrypted/mailchute-%s\n"
	    "and add to each unit that sends mail, such as "
	    "mailchute-queue.service:\n"
	    "  [Service]\n"
	    "  LoadCredentialEncrypted=mailchute-%s\n\n", s->account,
	    s->account, s->account);
	return 0;
}

int
setup_keep_secret(struct setup *s, const char *store)
{
	if (s->source[0] != '\0' || !s->has_secret ||
	    strcmp(store, "none") == 0)
		return 0;
	if (strcmp(store, "keyring") == 0)
		return in_keyring(s);
	if (strcmp(store, "pass") == 0)
		return in_pass(s);
	if (strcmp(store, "credential") == 0)
		return in_credential(s);
	return in_file(s);
}

void
setup_forget_secret(struct setup *s)
{
	char kept[SETUP_PATH + 8];

	if (s->secret_file[0] == '\0')
		return;
	snprintf(kept, sizeof(kept), "%s~", s->secret_file);
	if (!s->secret_kept || rename(kept, s->secret_file) != 0)
		unlink(s->secret_file);
	s->secret_file[0] = '\0';
}
