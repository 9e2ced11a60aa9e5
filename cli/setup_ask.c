/* SPDX-License-Identifier: MIT */
/*
 * setup_ask.c - address, account, user and password, from options or a person
 */
#include "setup_ask.h"

#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* an answer that no option gave, where nobody can be asked */
static int
missing(const char *what, const char *option)
{
	cli_say("setup: %s is missing, and nobody can be asked: give %s", what,
	    option);
	return EX_USAGE;
}

bool
setup_is_value(const char *text)
{
	if (text[0] == '\0' || text[0] == ' ' || text[strlen(text) - 1] == ' ')
		return false;
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* ----------------------------------------------------------------- address */

static bool
take_address(struct setup *s, const char *text)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || at == text || at[1] == '\0' ||
	    !setup_is_value(text) || strpbrk(text, " <>,;") != NULL ||
	    strchr(at + 1, '/') != NULL ||
	    at[1] == '-' || at[1] == '.' || strlen(text) > 320 ||
	    strlen(at + 1) >= sizeof(s->domain))
		return false;
	snprintf(s->address, sizeof(s->address), "%s", text);
	snprintf(s->domain, sizeof(s->domain), "%s", at + 1);
	return true;
}

/* what becomes a value of a key as it stands; an exit status */
static int
check_options(struct setup *s)
{
	struct setup_options *o = s->o;
	char *path;

	if (o->name != NULL && !setup_is_value(o->name)) {
		cli_say("setup: --name is no name");
		return EX_USAGE;
	}
	if (o->ca_file == NULL)
		return 0;
	path = realpath(o->ca_file, NULL);
	if (path == NULL || strlen(path) >= sizeof(s->ca_file) ||
	    !setup_is_value(path)) {
		cli_say("--tls-ca-file: %.200s cannot be read: %s", o->ca_file,
		    path == NULL ? strerror(errno) : "its name is odd");
		free(path);
		return EX_NOINPUT;
	}
	snprintf(s->ca_file, sizeof(s->ca_file), "%s", path);
	free(path);
	o->ca_file = s->ca_file;
	return 0;
}

int
setup_ask_address(struct setup *s)
{
	char text[SETUP_TEXT];
	int status = check_options(s);

	if (status != 0)
		return status;
	if (s->o->address != NULL) {
		if (take_address(s, s->o->address))
			return 0;
		cli_say("setup: %.100s is no mail address: write it like "
		    "me@example.com", s->o->address);
		return EX_USAGE;
	}
	if (!s->ask)
		return missing("the mail address", "it, or --address");
	for (;;) {
		if (cli_ask("Your mail address", NULL, text, sizeof(text)) != 0)
			return setup_stopped();
		if (take_address(s, text))
			return 0;
		printf("Write it like me@example.com.\n");
		(void)fflush(stdout);
	}
}

/* ----------------------------------------------------------------- account */

static bool
take_account(struct setup *s, const char *name)
{
	if (!setup_is_value(name) || strlen(name) >= sizeof(s->account) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-@+") != strlen(name) || name[0] == '-' ||
	    name[0] == '.')
		return false;
	snprintf(s->account, sizeof(s->account), "%s", name);
	return true;
}

/* the first one is the default account, others are called by their domain */
static void
usual_account(const struct setup *s, char *ret, size_t size)
{
	size_t n = strcspn(s->domain, ".");

	if (s->old == NULL || !setup_has_accounts(s->old))
		snprintf(ret, size, "default");
	else
		snprintf(ret, size, "%.*s", (int)n, s->domain);
}

/* 1 it may be this name, 0 ask for another one, -1 stopped */
static int
may_replace(const struct setup *s)
{
	char question[SETUP_PATH + 128];

	if (s->old == NULL || !setup_has_account(s->old, s->account) ||
	    s->o->replace)
		return 1;
	snprintf(question, sizeof(question), "Account %s is in %s already.  "
	    "Replace it", s->account, s->file);
	return cli_ask_yes(question, false);
}

int
setup_ask_account(struct setup *s)
{
	char name[80];
	int yes;

	usual_account(s, name, sizeof(name));
	if (!take_account(s, s->o->account != NULL ? s->o->account : name)) {
		cli_say("setup: %s", s->o->account != NULL ? "the name of an "
		    "account is letters, digits, and . _ - @ +" :
		    "give the account a name with --account");
		return EX_USAGE;
	}
	if (!s->ask && s->old != NULL && !s->o->replace &&
	    setup_has_account(s->old, s->account)) {
		cli_say("account %s is in %s already: give --replace, or "
		    "another name with --account", s->account, s->file);
		return EX_CANTCREAT;
	}
	while ((yes = may_replace(s)) == 0)
		do
			if (cli_ask("Name of the new account", NULL, name,
			    sizeof(name)) != 0)
				return setup_stopped();
		while (!take_account(s, name));
	return yes < 0 ? setup_stopped() : 0;
}

/* -------------------------------------------------------------------- user */

bool
setup_has_key(const char *name)
{
	struct mc_key key;

	for (size_t i = 0; mc_key_info(i, &key) == 0; i++)
		if (strcmp(key.name, name) == 0)
			return true;
	return false;
}

/* OAuth 2.0: what the provider has to be told, and whether we can do it */
static int
ask_oauth(struct setup *s)
{
	const struct setup_provider *p = s->server.provider;
	const char *name = p != NULL ? p->name : s->server.host;

	if (!setup_has_key("oauth") || p == NULL || p->oauth[0] == '\0') {
		cli_say("%s wants OAuth 2.0: write the account by hand, with "
		    "token-command or the oauth keys, mailchute.conf(5); or "
		    "give --password-command to try a password", name);
		return EX_UNAVAILABLE;
	}
	s->oauth = true;
	if (s->o->client_id != NULL)
		snprintf(s->client_id, sizeof(s->client_id), "%s",
		    s->o->client_id);
	else if (!s->ask)
		return missing("the client id for OAuth 2.0",
		    "--oauth-client-id");
	else if (cli_ask("Client id, from the provider's page for developers",
	    NULL, s->client_id, sizeof(s->client_id)) != 0)
		return setup_stopped();
	if (setup_is_value(s->client_id))
		return 0;
	cli_say("setup: a client id is needed: mailchute.conf(5) says where it "
	    "comes from");
	return EX_USAGE;
}

int
setup_ask_user(struct setup *s)
{
	const char *usual = s->server.user[0] != '\0' ? s->server.user :
	    s->address;
	const struct setup_provider *p = s->server.provider;
	bool given = s->o->password_fd != NULL ||
	    s->o->password_file != NULL || s->o->password_command != NULL;

	if (p != NULL && p->note[0] != '\0')
		printf("Note:    %s\n", p->note);
	(void)fflush(stdout);
	if (s->o->user != NULL)
		snprintf(s->user, sizeof(s->user), "%s", s->o->user);
	else if (!s->ask)
		snprintf(s->user, sizeof(s->user), "%s", usual);
	else if (cli_ask("User name", usual, s->user, sizeof(s->user)) != 0)
		return setup_stopped();
	if (s->user[0] != '\0' && !setup_is_value(s->user)) {
		cli_say("setup: that is no user name");
		return EX_USAGE;
	}
	if (s->user[0] == '\0' || given)
		return 0;
	return s->server.oauth_only || s->o->client_id != NULL ?
	    ask_oauth(s) : 0;
}

/* ---------------------------------------------------------------- password */

/* the first line of a descriptor */
static int
read_secret(struct setup *s, int fd, const char *name)
{
	size_t len = 0;
	ssize_t n = 1;

	while (n != 0 && len < sizeof(s->secret) &&
	    memchr(s->secret, '\n', len) == NULL) {
		n = read(fd, s->secret + len, sizeof(s->secret) - len);
		if (n < 0 && errno == EINTR && !cli_cancelled())
			continue;
		if (n < 0)
			break;
		len += (size_t)n;
	}
	if (n < 0 || len == sizeof(s->secret)) {
		cli_say("%s gives no password: %s", name, n < 0 ?
		    strerror(errno) : "it is too long");
		return EX_NOINPUT;
	}
	s->secret[len] = '\0';
	s->secret[strcspn(s->secret, "\r\n")] = '\0';
	if (s->secret[0] == '\0') {
		cli_say("%s gives no password: it is empty", name);
		return EX_NOINPUT;
	}
	s->has_secret = true;
	return 0;
}

/* a file that stays where it is, or one to read */
static int
use_file(struct setup *s)
{
	char *path;
	int fd, status;

	if (s->o->store == NULL) {
		path = realpath(s->o->password_file, NULL);
		if (path == NULL || strlen(path) > SETUP_PATH - 1) {
			cli_say("%s cannot be read: %s", s->o->password_file,
			    strerror(errno));
			free(path);
			return EX_NOINPUT;
		}
		snprintf(s->source, sizeof(s->source), "password-file = %s\n",
		    path);
		free(path);
		return 0;
	}
	fd = open(s->o->password_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		cli_say("%s cannot be read: %s", s->o->password_file,
		    strerror(errno));
		return EX_NOINPUT;
	}
	status = read_secret(s, fd, s->o->password_file);
	close(fd);
	return status;
}

static int
type_secret(struct setup *s)
{
	do
		if (cli_ask_secret("Password (it is not shown)", s->secret,
		    sizeof(s->secret)) != 0)
			return setup_stopped();
	while (s->secret[0] == '\0');
	s->has_secret = true;
	return 0;
}

int
setup_ask_secret(struct setup *s)
{
	const struct setup_options *o = s->o;

	if (s->oauth || s->user[0] == '\0')
		return 0;
	if (o->password_command != NULL) {
		if (!setup_is_value(o->password_command)) {
			cli_say("setup: --password-command is no command");
			return EX_USAGE;
		}
		snprintf(s->source, sizeof(s->source), "password-command = "
		    "%s\n", o->password_command);
		return 0;
	}
	if (o->password_file != NULL)
		return use_file(s);
	if (o->password_fd != NULL)
		return read_secret(s, (int)strtol(o->password_fd, NULL, 10),
		    "--password-fd");
	if (s->ask)
		return type_secret(s);
	if (o->store != NULL && (strcmp(o->store, "none") == 0 ||
	    strcmp(o->store, "credential") == 0))
		return 0;
	return missing("the password", "--password-fd, --password-file or "
	    "--password-command");
}
