/* SPDX-License-Identifier: MIT */
/*
 * setup_args.c - the words of mailchute setup
 */
#include "setup.h"

#include <stdlib.h>
#include <string.h>

enum kind {
	TEXT,
	FLAG
};

/* where a value goes, as an offset into setup_options */
static const struct {
	const char *name;
	enum kind kind;
	size_t at;
	const char *words;	/* what it may be, or NULL */
} options[] = {
#define ROW(name, kind, field, words) \
	{ name, kind, offsetof(struct setup_options, field), words },
	ROW("--address", TEXT, address, NULL)
	ROW("--name", TEXT, name, NULL)
	ROW("--account", TEXT, account, NULL)
	ROW("--host", TEXT, host, NULL)
	ROW("--port", TEXT, port, NULL)
	ROW("--tls", TEXT, tls, "on starttls")
	ROW("--user", TEXT, user, NULL)
	ROW("--tls-ca-file", TEXT, ca_file, NULL)
	ROW("--store", TEXT, store, "keyring file pass credential none")
	ROW("--password-fd", TEXT, password_fd, NULL)
	ROW("--password-file", TEXT, password_file, NULL)
	ROW("--password-command", TEXT, password_command, NULL)
	ROW("--oauth-client-id", TEXT, client_id, NULL)
	ROW("--timer", TEXT, timer, "yes no")
	ROW("--test", TEXT, test, NULL)
	ROW("--dns", TEXT, dns, NULL)
	ROW("-C", TEXT, config, NULL)
	ROW("--config", TEXT, config, NULL)
	ROW("--yes", FLAG, yes, NULL)
	ROW("--accept-unverified", FLAG, accept_unverified, NULL)
	ROW("--no-lookup", FLAG, no_lookup, NULL)
	ROW("--no-try", FLAG, no_try, NULL)
	ROW("--replace", FLAG, replace, NULL)
	ROW("--providers", FLAG, providers, NULL)
	ROW("--help", FLAG, help, NULL)
	ROW("-h", FLAG, help, NULL)
#undef ROW
};

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

void
setup_help(FILE *out)
{
	fputs("usage: mailchute setup [ADDRESS] [options]\n"
	    "Finds the server, tries it and writes the account.  It asks for "
	    "what no option\n"
	    "says; without a terminal, or with --yes, it takes the usual "
	    "answers.\n"
	    "\n"
	    "  --host NAME, --port N, --tls on|starttls   the server, instead "
	    "of looking\n"
	    "  --user NAME             to log in with; '' for no log-in\n"
	    "  --account NAME          what the account is called\n"
	    "  --name TEXT             your name, for mail without a From\n"
	    "  --password-fd N         read the password from descriptor N, "
	    "or use\n"
	    "  --password-file FILE    this file, or this\n"
	    "  --password-command CMD  program that prints it\n"
	    "  --store keyring|file|pass|credential|none  where to keep it\n"
	    "  --oauth-client-id ID    for providers that want OAuth 2.0\n"
	    "  --tls-ca-file FILE      authorities to trust, not the system's\n"
	    "  --timer yes|no          send waiting mail by a timer\n"
	    "  --test yes|no|ADDRESS   send a test mail\n"
	    "  --accept-unverified     take a server that nobody vouches for\n"
	    "  --replace               replace an account of the same name\n"
	    "  --no-lookup, --no-try   ask no DNS; do not connect\n"
	    "  --dns ADDR:PORT, -C FILE, --yes, --providers (list them)\n"
	    "Manual: mailchute-setup(1)\n", out);
}

static int
wrong(const char *text, const char *word)
{
	cli_say("setup: %s%.100s (mailchute setup --help)", text, word);
	return EX_USAGE;
}

static bool
is_one_of(const char *words, const char *value)
{
	size_t n = strlen(value);

	while (*words != '\0') {
		size_t len = strcspn(words, " ");

		if (len == n && strncmp(words, value, n) == 0)
			return true;
		words += len;
		words += strspn(words, " ");
	}
	return false;
}

/* option k with its value; 0 or an exit status */
static int
take(struct setup_options *o, size_t k, const char *value)
{
	char *field = (char *)o + options[k].at;

	if (options[k].words != NULL &&
	    !is_one_of(options[k].words, value)) {
		cli_say("setup: %s takes one of: %s", options[k].name,
		    options[k].words);
		return EX_USAGE;
	}
	memcpy(field, &value, sizeof(value));
	return 0;
}

static int
word(struct setup_options *o, int argc, char **argv, int *at)
{
	const char *arg = argv[*at], *equals = strchr(arg, '=');
	size_t len = equals != NULL ? (size_t)(equals - arg) : strlen(arg);
	size_t k = 0;

	if (arg[0] != '-') {
		if (o->address != NULL)
			return wrong("one address, please, and not also ", arg);
		o->address = arg;
		return 0;
	}
	while (k < N_OPTIONS && (strlen(options[k].name) != len ||
	    strncmp(options[k].name, arg, len) != 0))
		k++;
	if (k == N_OPTIONS)
		return wrong(strncmp(arg, "--password=", 11) == 0 ?
		    "everybody could read a password here; use --password-fd, "
		    "--password-file or --password-command" :
		    "unknown option ",
		    strncmp(arg, "--password=", 11) == 0 ? "" : arg);
	if (options[k].kind == FLAG) {
		if (equals != NULL)
			return wrong("this option takes no value: ", arg);
		*((bool *)(void *)((char *)o + options[k].at)) = true;
		return 0;
	}
	if (equals != NULL)
		return take(o, k, equals + 1);
	if (*at + 1 >= argc)
		return wrong("a value is missing behind ", arg);
	return take(o, k, argv[++*at]);
}

static bool
is_number(const char *text, unsigned long most)
{
	char *end;
	unsigned long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	n = strtoul(text, &end, 10);
	return *end == '\0' && n <= most;
}

int
setup_parse(struct setup_options *o, int argc, char **argv)
{
	int status = 0;

	memset(o, 0, sizeof(*o));
	for (int i = 1; i < argc && status == 0; i++)
		status = word(o, argc, argv, &i);
	if (status != 0)
		return status;
	if (o->port != NULL && (!is_number(o->port, 65535) ||
	    strtoul(o->port, NULL, 10) == 0))
		return wrong("no port: ", o->port);
	if (o->password_fd != NULL && !is_number(o->password_fd, 1000000))
		return wrong("no descriptor: ", o->password_fd);
	if ((o->password_fd != NULL) + (o->password_file != NULL) +
	    (o->password_command != NULL) > 1)
		return wrong("more than one place for the password", "");
	if (o->host == NULL && (o->port != NULL || o->tls != NULL))
		return wrong("--port and --tls belong to --host, which is "
		    "missing", "");
	if (o->password_command != NULL && o->store != NULL)
		return wrong("--password-command says where the password is; "
		    "--store is too much", "");
	return 0;
}
