/* SPDX-License-Identifier: MIT */
/*
 * import_ssmtp.c - ssmtp.conf, and revaliases beside it
 */
#include "import.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

static const struct import_row rows[] = {
	{ "Mailhub", IM_TAKE, IM_HOST, NULL },
	{ "RemotePort", IM_TAKE, IM_PORT, NULL },
	{ "Hostname", IM_TAKE, IM_EHLO_NAME, NULL },
	{ "RewriteDomain", IM_TAKE, IM_DOMAIN, NULL },
	{ "FromLineOverride", IM_SWITCH, IM_OWN_1, NULL },
	{ "UseTLS", IM_SWITCH, IM_TLS, NULL },
	{ "UseSTARTTLS", IM_SWITCH, IM_STARTTLS, NULL },
	{ "UseTLSCert", IM_SWITCH, IM_OWN_2, NULL },
	{ "TLSCert", IM_TAKE, IM_CERT, NULL },
	{ "TLSKey", IM_TAKE, IM_KEY, NULL },
	{ "TLS_CA_File", IM_TAKE, IM_CA_FILE, NULL },
	{ "TLS_CA_Dir", IM_TAKE, IM_CA_DIR, NULL },
	{ "AuthUser", IM_TAKE, IM_USER, NULL },
	{ "AuthPass", IM_TAKE, IM_PASSWORD, NULL },
	{ "AuthMethod", IM_TAKE, IM_AUTH, NULL },
	{ "Root", IM_LEFT_SET, IM_NOTHING, "write an aliases file with a line"
	    " for root and each other user whose mail it is, and name it with"
	    " aliases" },
	{ "UseOldAUTH", IM_LEFT_ON, IM_NOTHING,
	    "there is one form of AUTH LOGIN" },
	{ "Debug", IM_LEFT_ON, IM_NOTHING,
	    "is an option for each message, -v" },
};

/* the directory that a file is in, and another name */
static const char *
beside(struct import *im, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	char *where = slash == NULL ? import_keep(im, "", 0) :
	    import_keep(im, file, (size_t)(slash + 1 - file));

	return import_join(im, where, name, "");
}

static void
set_hub(struct import_account *account, char *hub, struct import_place at)
{
	char *port = strchr(hub, ':');

	if (port != NULL) {
		*port++ = '\0';
		import_set(account, IM_PORT, port, at);
	}
	import_set(account, IM_HOST, hub, at);
}

/* ----------------------------------------------------------------- reading */

/*
 * The value of a line as ssmtp takes it: up to a blank, '=' or ':'.  What else
 * there is, it does not read.
 */
static char *
value_of(struct import *im, const char *name, char *rest,
    struct import_place at)
{
	bool hub = strcasecmp(name, "mailhub") == 0;
	char *end;

	rest += strspn(rest, " \t=");
	end = rest + strcspn(rest, hub ? " \t=" : " \t=:");
	/* a user may have one, as it is seen */
	if (strcasecmp(name, "authuser") == 0)
		end = rest + strcspn(rest, " \t=");
	if (memchr(rest, '#', (size_t)(end - rest)) != NULL) {
		import_say(im, at, true, "%s: ssmtp takes no value with # in"
		    " it: write it yourself", import_shown(name));
		*rest = '\0';
		return rest;
	}
	if (*end != '\0') {
		char *more = end + strspn(end, " \t");

		if (*more != '\0' && *more != '#')
			import_say(im, at, true, "%s: ssmtp reads only what"
			    " stands before a blank, = or :, and so much is"
			    " carried", import_shown(name));
		*end = '\0';
	}
	return rest;
}

/* UseTLS=NO takes STARTTLS away, UseSTARTTLS=YES brings TLS */
static void
settle_tls(struct import_account *account, const char *name,
    struct import_place at)
{
	if (strcasecmp(name, "usetls") == 0 &&
	    import_is(account, IM_TLS, "off"))
		import_set(account, IM_STARTTLS, "off", at);
	if (strcasecmp(name, "usestarttls") == 0 &&
	    import_is(account, IM_STARTTLS, "on"))
		import_set(account, IM_TLS, "on", at);
}

/* "login:address[:hub[:port]]" */
static void
read_revaliases(struct import *im, struct import_account *account,
    struct import_source *source)
{
	struct import_place at = { source->file, 0 };
	char *line, *address, *hub;

	while ((line = import_line(im, source)) != NULL) {
		at.line = source->line;
		line = import_trim(line);
		if (*line == '\0' || *line == '#')
			continue;
		address = strchr(line, ':');
		if (address == NULL) {
			import_say(im, at, true, "is no login:address");
			continue;
		}
		*address++ = '\0';
		if (im->login == NULL || strcmp(line, im->login) != 0) {
			import_say(im, at, true, "belongs into the"
			    " configuration of user %s, as from",
			    import_shown(line));
			continue;
		}
		hub = strchr(address, ':');
		if (hub != NULL) {
			*hub++ = '\0';
			set_hub(account, hub, at);
		}
		import_set(account, IM_FROM, import_trim(address), at);
	}
}

static void
read_file(struct import *im, struct import_source *source)
{
	struct import_place at = { source->file, 0 };
	struct import_account *account = import_add(im, "default", at);
	struct import_source reverse;
	const char *path;
	char *line, *name;
	int error;

	if (account == NULL)
		return;
	while ((line = import_line(im, source)) != NULL) {
		size_t n;
		char *rest;

		at.line = source->line;
		name = import_trim(line);
		if (*name == '\0' || *name == '#')
			continue;
		n = strcspn(name, "= \t");
		rest = name + n + (name[n] != '\0');
		name[n] = '\0';
		rest = value_of(im, name, rest, at);
		if (*rest == '\0')
			continue;
		if (strcasecmp(name, "mailhub") == 0)
			set_hub(account, rest, at);
		else
			import_apply(im, account, rows,
			    sizeof(rows) / sizeof(rows[0]), name, rest, at,
			    true);
		settle_tls(account, name, at);
	}
	path = beside(im, source->file, "revaliases");
	error = import_open(im, path, &reverse);
	if (error == 0)
		read_revaliases(im, account, &reverse);
	else if (error != ENOENT)
		import_say(im, (struct import_place){ path, 0 }, true,
		    "cannot be read: %s", strerror(error));
}

/* ----------------------------------------------------------------- meaning */

static void
mean_from(struct import *im, struct import_account *account)
{
	const struct import_value *domain = &account->slots[IM_DOMAIN];
	const struct import_value *host = &account->slots[IM_EHLO_NAME];
	const struct import_value *over = &account->slots[IM_OWN_1];
	const char *at_sign;

	/* "user@domain" is taken for its domain */
	at_sign = domain->text == NULL ? NULL : strrchr(domain->text, '@');
	if (at_sign != NULL)
		account->slots[IM_DOMAIN].text = at_sign + 1;
	else if (domain->text == NULL && host->text != NULL)
		import_set(account, IM_DOMAIN, host->text, host->at);
	if (import_is(account, IM_OWN_1, "on"))
		import_say(im, over->at, false, "FromLineOverride: From stays"
		    " as it is; the envelope sender does not follow it");
	if (import_get(account, IM_FROM) == NULL &&
	    import_get(account, IM_DOMAIN) != NULL) {
		import_set(account, IM_FROM, import_join(im, "*@",
		    domain->text, ""), domain->at);
		import_set(account, IM_ENVELOPE_FROM, import_join(im, "%U@",
		    domain->text, ""), domain->at);
	}
	if (!import_is(account, IM_OWN_1, "on") &&
	    import_get(account, IM_FROM) != NULL)
		import_set(account, IM_FROM_POLICY, "force",
		    over->text != NULL ? over->at :
		    account->slots[IM_FROM].at);
}

static void
finish(struct import *im, struct import_account *account)
{
	if (import_is(account, IM_TLS, "on") &&
	    import_is(account, IM_STARTTLS, "on"))
		account->slots[IM_TLS].text = "starttls";
	if (!import_is(account, IM_OWN_2, "on")) {
		account->slots[IM_CERT].text = NULL;
		account->slots[IM_KEY].text = NULL;
	}
	mean_from(im, account);
}

const struct import_program import_ssmtp = {
	.name = "ssmtp",
	.read = read_file,
	.finish = finish,
	.ports = { "25", "25", "25" },
};
