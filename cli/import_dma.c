/* SPDX-License-Identifier: MIT */
/*
 * import_dma.c - dma.conf, and the files that it names
 */
#include "import.h"

#include <errno.h>
#include <string.h>

static const struct import_row rows[] = {
	{ "SMARTHOST", IM_TAKE, IM_HOST, NULL },
	{ "PORT", IM_TAKE, IM_PORT, NULL },
	{ "ALIASES", IM_TAKE, IM_ALIASES, NULL },
	{ "AUTHPATH", IM_TAKE, IM_OWN_1, NULL },
	{ "SECURETRANSFER", IM_SWITCH, IM_TLS, NULL },
	{ "SECURETRANS", IM_SWITCH, IM_TLS, NULL },
	{ "STARTTLS", IM_SWITCH, IM_STARTTLS, NULL },
	{ "CERTFILE", IM_TAKE, IM_CERT, NULL },
	{ "MAILNAME", IM_TAKE, IM_EHLO_NAME, NULL },
	{ "MASQUERADE", IM_TAKE, IM_ENVELOPE_FROM, NULL },
	{ "SECURE", IM_DROP, IM_NOTHING, NULL },
	{ "NULLCLIENT", IM_SWITCH, IM_OWN_2, NULL },
	{ "SPOOLDIR", IM_LEFT, IM_NOTHING, "the queue is another one: what"
	    " waits there is sent by dma -q, or lost with dma" },
	{ "FINGERPRINT", IM_LEFT, IM_NOTHING, "it is of the whole"
	    " certificate, and tls-pin is of its key: where the certificate is"
	    " not trusted otherwise, the error text names the pin to write" },
	{ "OPPORTUNISTIC_TLS", IM_LEFT, IM_NOTHING,
	    "nothing is sent in clear where the server has no TLS" },
	{ "INSECURE", IM_LEFT, IM_NOTHING,
	    "there is no log-in without TLS" },
	{ "DEFER", IM_LEFT, IM_NOTHING,
	    "is an option for each message, -odq" },
	{ "FULLBOUNCE", IM_LEFT, IM_NOTHING,
	    "is an option for each message, -R full" },
	{ "DEBUGLOG", IM_LEFT, IM_NOTHING,
	    "is an option for each message, -v" },
};

/* ----------------------------------------------------------------- reading */

static void
read_file(struct import *im, struct import_source *source)
{
	struct import_place at = { source->file, 0 };
	struct import_account *account = import_add(im, "default", at);
	char *line, *name;

	if (account == NULL)
		return;
	while ((line = import_line(im, source)) != NULL) {
		at.line = source->line;
		/* everywhere, as dma has it */
		if (strchr(line, '#') != NULL)
			*strchr(line, '#') = '\0';
		line = import_trim(line);
		if (*line == '\0')
			continue;
		name = import_word(&line);
		import_apply(im, account, rows,
		    sizeof(rows) / sizeof(rows[0]), name, line, at, false);
	}
}

/* "user|host:password": of several for a host the last one counts */
static void
read_auth(struct import *im, struct import_account *account,
    struct import_source *source)
{
	struct import_place at = { source->file, 0 };
	char *line, *host, *password;

	while ((line = import_line(im, source)) != NULL) {
		at.line = source->line;
		if (*line == '\0' || *line == '#')
			continue;
		host = strchr(line, '|');
		password = host == NULL ? NULL : strpbrk(host, ": \t");
		if (password == NULL) {
			import_say(im, at, true, "is no user|host:password");
			continue;
		}
		*host++ = '\0';
		*password++ = '\0';
		if (!import_is(account, IM_HOST, host)) {
			import_say(im, at, true, "is for a server that is not"
			    " the SMARTHOST");
			continue;
		}
		import_set(account, IM_USER, line, at);
		import_set(account, IM_PASSWORD, password, at);
	}
}

/* ----------------------------------------------------------------- meaning */

static void
mean_auth(struct import *im, struct import_account *account)
{
	const struct import_value *path = &account->slots[IM_OWN_1];
	struct import_source source;
	int error;

	if (import_get(account, IM_OWN_1) == NULL)
		return;
	error = import_open(im, path->text, &source);
	if (error == 0)
		read_auth(im, account, &source);
	else
		import_say(im, path->at, true, "AUTHPATH: cannot be read: %s",
		    strerror(error));
}

/* a name, or the file that its first line is in; it greets, and is a domain */
static const char *
mean_name(struct import *im, struct import_account *account)
{
	struct import_value *name = &account->slots[IM_EHLO_NAME];

	if (import_get(account, IM_EHLO_NAME) == NULL)
		return "%H";
	if (name->text[0] == '/') {
		bool usual = strcmp(name->text, "/etc/mailname") == 0;

		name->text = import_first_line(im, name->text, true);
		if (usual)
			return "%M";
	}
	if (name->text == NULL)
		return "%H";
	import_set(account, IM_DOMAIN, name->text, name->at);
	return name->text;
}

/* "user@host", "user@" or "host" */
static void
mean_masquerade(struct import *im, struct import_account *account,
    const char *own_name)
{
	struct import_value *from = &account->slots[IM_ENVELOPE_FROM];
	const char *at_sign;

	if (import_get(account, IM_ENVELOPE_FROM) == NULL)
		return;
	at_sign = strrchr(from->text, '@');
	if (at_sign == NULL)
		from->text = import_join(im, "%U@", from->text, "");
	else if (at_sign == from->text)
		from->text = import_join(im, "%U", from->text, "");
	if (at_sign != NULL && at_sign[1] == '\0')
		from->text = import_join(im, from->text, own_name, "");
	import_set(account, IM_ENVELOPE_FIXED, "yes", from->at);
}

static void
finish(struct import *im, struct import_account *account)
{
	if (import_get(account, IM_HOST) == NULL) {
		import_say(im, account->at, true, "there is no SMARTHOST: dma"
		    " takes mail to each recipient's own server, which"
		    " mailchute does not do");
		account->dropped = true;
		return;
	}
	mean_auth(im, account);
	mean_masquerade(im, account, mean_name(im, account));
	if (import_is(account, IM_STARTTLS, "on")) {
		if (import_is(account, IM_TLS, "on"))
			account->slots[IM_TLS].text = "starttls";
		else
			import_say(im, account->slots[IM_STARTTLS].at, false,
			    "STARTTLS: has no effect without SECURETRANSFER");
	}
	if (import_get(account, IM_ALIASES) == NULL &&
	    !import_is(account, IM_OWN_2, "on"))
		import_say(im, account->at, false, "dma looks into"
		    " /etc/aliases: if that is wanted, write \"aliases ="
		    " /etc/aliases\"");
	else if (import_is(account, IM_OWN_2, "on"))
		account->slots[IM_ALIASES].text = NULL;
}

const struct import_program import_dma = {
	.name = "dma",
	.read = read_file,
	.finish = finish,
	.ports = { "25", "25", "25" },
};
