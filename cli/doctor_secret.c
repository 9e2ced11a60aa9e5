/* SPDX-License-Identifier: MIT */
/*
 * doctor_secret.c - where password or token come from, and why they do not
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char secret[] = "secret";

/* programs that ask a person before they give something out */
static const struct {
	const char *name;
	const char *remedy;
} keepers[] = {
	{ "secret-tool", "unlock the keyring: log in at the desktop, or "
	    "`secret-tool lookup` the same words in a terminal; for cron and "
	    "services use password-file instead" },
	{ "kwallet", "open the wallet, or use password-file for services" },
	{ "gpg", "gpg-agent has to ask for a passphrase: run the command once "
	    "in a terminal (export GPG_TTY=$(tty)), or raise max-cache-ttl" },
	{ "pass", "gpg-agent has to ask for a passphrase: run the command "
	    "once in a terminal (export GPG_TTY=$(tty)), or raise "
	    "max-cache-ttl" },
	{ "bw", "`bw unlock`, and hand BW_SESSION on" },
	{ "rbw", "`rbw unlock` first" },
	{ "op", "`op signin` first" },
	{ "keepassxc-cli", "it asks for the passphrase of the database, which "
	    "nobody can type here: use a key file" },
};

static const char *
keeper_of(const char *command)
{
	const char *base = command;
	size_t len = strcspn(command, " \t");

	for (size_t i = 0; i < len; i++)
		if (command[i] == '/')
			base = command + i + 1;
	for (size_t i = 0; i < sizeof(keepers) / sizeof(keepers[0]); i++) {
		size_t n = strlen(keepers[i].name);

		if (strncmp(base, keepers[i].name, n) == 0 &&
		    (base[n] == '\0' || base[n] == ' ' || base[n] == '\t' ||
		    base[n] == '-' || n == strlen("kwallet")))
			return keepers[i].remedy;
	}
	return NULL;
}

/* ------------------------------------------------------------------ a file */

static void
tell(struct doctor *d, const char *remedy, const char *key, const char *found)
{
	d->secret_told = true;
	doctor_say(d, DOCTOR_FAILED, EX_CONFIG, secret, remedy, "%s: %s", key,
	    found);
}

/* made for this process alone by the service manager, which may let another
 * user read it by a list that shows as the group's permission */
static bool
is_credential(const char *path)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	size_t n = dir == NULL ? 0 : strlen(dir);

	return n != 0 && strncmp(path, dir, n) == 0 && path[n] == '/' &&
	    strstr(path, "/../") == NULL;
}

/* what the library looks at before it reads the file */
static void
check_stat(struct doctor *d, const char *key, const char *path,
    const struct stat *st)
{
	char mode[300], found[DOCTOR_TEXT], remedy[DOCTOR_TEXT];
	bool lax = strcmp(doctor_origin(d, key), "environment") == 0;
	mode_t closed = is_credential(path) ? 037 : 077;

	doctor_mode(st->st_mode, st->st_uid, mode, sizeof(mode));
	if (!lax && st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(found, sizeof(found), "%.1000s belongs to neither "
		    "this user nor root (%s), so it is not used", path, mode);
		snprintf(remedy, sizeof(remedy), "chown %.1000s", path);
		tell(d, remedy, key, found);
	} else if (!lax && (st->st_mode & closed) != 0) {
		snprintf(found, sizeof(found), "others may read or write "
		    "%.1000s (%s), so it is not used", path, mode);
		snprintf(remedy, sizeof(remedy), "chmod 600 %.1000s; whoever "
		    "could read it may have done so: change the password",
		    path);
		tell(d, remedy, key, found);
	} else if (S_ISREG(st->st_mode) && st->st_size == 0) {
		snprintf(found, sizeof(found), "%.1000s is empty", path);
		tell(d, "write the password into it", key, found);
	} else
		doctor_ok(d, secret, "%s: %s (%s)", key, path, mode);
}

/* nothing is read: only whether it could be */
static void
check_file(struct doctor *d, const char *key, const char *path)
{
	struct doctor_why why = { "", "" };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int sys = errno;

	if (fd < 0) {
		doctor_why_not(d, path, DOCTOR_READ, sys, &why);
		tell(d, why.remedy, key, why.found);
		return;
	}
	if (fstat(fd, &st) == 0)
		check_stat(d, key, path, &st);
	close(fd);
}

/* ---------------------------------------------------------------- a command */

/* is there a program of that name where it will be looked for? */
static bool
is_there(const struct doctor *d, const char *name)
{
	const char *path = getenv("PATH");
	char file[2 * DOCTOR_PATH];

	if (strncmp(name, "~/", 2) == 0 && d->id->caller.home != NULL) {
		snprintf(file, sizeof(file), "%s%s", d->id->caller.home,
		    name + 1);
		return access(file, X_OK) == 0;
	}
	if (strchr(name, '/') != NULL)
		return access(name, X_OK) == 0;
	while (path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)n, path, name);
		if (n != 0 && access(file, X_OK) == 0)
			return true;
		path += n + (path[n] == ':' ? 1 : 0);
	}
	return false;
}

static void
check_command(struct doctor *d, const char *key, const char *command)
{
	char name[DOCTOR_PATH];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(command, " \t"),
	    command);
	/* a name in quotes is left to the probe */
	if (strpbrk(name, "\"'\\") == NULL && !is_there(d, name)) {
		char found[DOCTOR_TEXT];

		snprintf(found, sizeof(found), "there is no program %.1000s "
		    "in PATH", name);
		tell(d, "install it, or write its whole path; services and "
		    "cron have a shorter PATH than a shell", key, found);
	} else
		doctor_ok(d, secret, "%s: %s%s", key, command, d->no_auth ?
		    " (not run)" : "");
}

/* --------------------------------------------------------------------- all */

static void
check_key(struct doctor *d, const char *key, const char *value)
{
	size_t n = strlen(key);

	if (n > 5 && strcmp(key + n - 5, "-file") == 0)
		check_file(d, key, value);
	else if (n > 8 && strcmp(key + n - 8, "-command") == 0)
		check_command(d, key, value);
	else if (strcmp(value, "no") != 0)
		doctor_ok(d, secret, "%s: set in the configuration", key);
}

/* what mailchute login has got */
static void
check_login(struct doctor *d)
{
	struct mc_oauth_state state;
	struct mc_err err = { 0 };
	char remedy[DOCTOR_TEXT], date[64];
	int rc = mc_oauth_look(&d->id->caller, d->config, d->account, &state,
	    &err);

	snprintf(remedy, sizeof(remedy), "log in: mailchute login %.200s",
	    d->account);
	if (rc < 0) {
		doctor_fail(d, &err, secret, remedy);
	} else if (strcmp(doctor_key(d, "oauth-flow"), "client") == 0 ||
	    strcmp(doctor_key(d, "oauth-flow"), "jwt") == 0) {
		doctor_ok(d, secret, "oauth: tokens are got without a person, "
		    "when mail is sent");
		return;
	} else if (rc == 0) {
		doctor_say(d, DOCTOR_FAILED, EX_CONFIG, secret, remedy,
		    "oauth: nobody has logged in at the provider");
	} else if (state.has_refresh) {
		doctor_ok(d, secret, "oauth: logged in; the token is renewed "
		    "by itself, next by %s", doctor_date(state.expires, date,
		    sizeof(date)));
		return;
	} else if (state.expires > d->now) {
		doctor_ok(d, secret, "oauth: a token until %s",
		    doctor_date(state.expires, date, sizeof(date)));
		return;
	} else {
		doctor_say(d, DOCTOR_FAILED, EX_CONFIG, secret, remedy,
		    "oauth: the token was good until %s, and cannot be "
		    "renewed without you", doctor_date(state.expires, date,
		    sizeof(date)));
	}
	d->secret_told = true;
}

void
doctor_secret(struct doctor *d)
{
	static const char *const keys[] = { "password", "password-file",
	    "password-command", "password-keyring", "token", "token-file",
	    "token-command", "proxy-password-command" };
	size_t n = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = doctor_key(d, keys[i]);

		if (value[0] == '\0')
			continue;
		n++;
		check_key(d, keys[i], value);
	}
	if (doctor_key(d, "oauth")[0] != '\0' &&
	    strcmp(doctor_key(d, "oauth"), "off") != 0) {
		n++;
		check_login(d);
	}
	if (n == 0 && doctor_key(d, "user")[0] == '\0')
		doctor_ok(d, secret, "none: this account does not log in");
}

void
doctor_secret_failed(struct doctor *d)
{
	const char *command = doctor_key(d, "password-command");
	const struct mc_err *err = &d->err;
	const char *remedy;

	if (d->secret_told)
		return;
	if (command[0] == '\0')
		command = doctor_key(d, "token-command");
	if (strcmp(doctor_key(d, "password-keyring"), "yes") == 0)
		command = "secret-tool";
	remedy = keeper_of(command);
	if (remedy != NULL && strstr(err->text, "locked") != NULL)
		doctor_fail(d, err, secret, remedy);
	else if (remedy != NULL && strstr(err->text, "cannot find") == NULL)
		doctor_say(d, DOCTOR_FAILED, mc_err_exit(err), secret, remedy,
		    "%s: it gave no secret; a locked keyring or a question "
		    "that nobody can answer here is the usual reason",
		    err->text);
	else
		doctor_fail(d, err, secret, command[0] != '\0' ?
		    "run the command by hand, with standard input from "
		    "/dev/null: the secret has to be its first line" :
		    "the password has to stand in a file or come from a "
		    "command: set password-file or password-command");
}
