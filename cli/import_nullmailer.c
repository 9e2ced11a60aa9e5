/* SPDX-License-Identifier: MIT */
/*
 * import_nullmailer.c - the file remotes of nullmailer, and those beside it
 */
#include "import.h"

#include <string.h>

static const struct import_row rows[] = {
	{ "port", IM_TAKE, IM_PORT, NULL },
	{ "user", IM_TAKE, IM_USER, NULL },
	{ "pass", IM_TAKE, IM_PASSWORD, NULL },
	{ "source", IM_TAKE, IM_SOURCE, NULL },
	{ "auth-login", IM_SWITCH, IM_OWN_1, NULL },
	{ "tls", IM_SWITCH, IM_TLS, NULL },
	{ "ssl", IM_SWITCH, IM_TLS, NULL },
	{ "starttls", IM_SWITCH, IM_STARTTLS, NULL },
	{ "x509certfile", IM_TAKE, IM_CERT, NULL },
	{ "x509keyfile", IM_TAKE, IM_KEY, NULL },
	{ "x509cafile", IM_TAKE, IM_CA_FILE, NULL },
	{ "x509crlfile", IM_LEFT, IM_NOTHING,
	    "lists of revoked certificates are not read" },
	{ "x509fmtder", IM_LEFT, IM_NOTHING,
	    "certificates and keys have to be PEM: convert them" },
	{ "insecure", IM_SWITCH, IM_OWN_2, NULL },
	{ "tls-anon-auth", IM_LEFT, IM_NOTHING,
	    "TLS without a certificate of the server is not done" },
	{ "daemon", IM_DROP, IM_NOTHING, NULL },
	{ "syslog", IM_DROP, IM_NOTHING, NULL },
};

/* the files beside remotes, of one line each */
static const struct {
	const char *name;
	struct import_row row;
} files[] = {
	{ "helohost", { "helohost", IM_TAKE, IM_EHLO_NAME, NULL } },
	{ "me", { "me", IM_TAKE, IM_OWN_3, NULL } },
	{ "defaulthost", { "defaulthost", IM_TAKE, IM_DOMAIN, NULL } },
	{ "defaultdomain", { "defaultdomain", IM_LEFT, IM_NOTHING,
	    "is not put behind names without a dot" } },
	{ "allmailfrom", { "allmailfrom", IM_TAKE, IM_ENVELOPE_FROM, NULL } },
	{ "adminaddr", { "adminaddr", IM_LEFT, IM_NOTHING, "write an aliases"
	    " file with a line \"default: ADDRESS\", and name it with"
	    " aliases" } },
	{ "idhost", { "idhost", IM_LEFT, IM_NOTHING,
	    "the Message-ID has the domain of the sender" } },
	{ "pausetime", { "pausetime", IM_TAKE, IM_RETRY_MIN, NULL } },
	{ "maxpause", { "maxpause", IM_TAKE, IM_RETRY_MAX, NULL } },
	{ "queuelifetime", { "queuelifetime", IM_TAKE, IM_LIFETIME, NULL } },
	{ "sendtimeout", { "sendtimeout", IM_LEFT, IM_NOTHING,
	    "there are limits for each step, see timeout" } },
	{ "doublebounceto", { "doublebounceto", IM_LEFT, IM_NOTHING,
	    "nothing is sent about reports that cannot be delivered" } },
	{ "bounceto", { "bounceto", IM_LEFT, IM_NOTHING,
	    "reports go to the envelope sender" } },
};

/* ------------------------------------------------------------------- words */

/*
 * The next word by the rules of a shell, written over itself; NULL at the end.
 * false in *ret_good for a quote without an end.
 */
static char *
next_word(char **rest, bool *ret_good)
{
	char *from = *rest + strspn(*rest, " \t");
	char *begin = from, *to = from;
	char quote = '\0';

	if (*from == '\0')
		return NULL;
	for (; *from != '\0'; from++) {
		if (quote == '\0' && (*from == ' ' || *from == '\t'))
			break;
		if (quote == '\0' && (*from == '"' || *from == '\''))
			quote = *from;
		else if (*from == quote)
			quote = '\0';
		else if (*from == '\\' && quote != '\'' && from[1] != '\0')
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*rest = from + (*from != '\0');
	if (to < *rest)
		*to = '\0';
	*ret_good = *ret_good && quote == '\0';
	return begin;
}

/* ----------------------------------------------------------------- reading */

/* "--port=25", "port=25", "--port 25" */
static void
read_option(struct import *im, struct import_account *account, char *word,
    char **rest, struct import_place at, bool *ret_good)
{
	static const char *const with_value[] = { "port", "user", "pass",
		"source", "x509certfile", "x509keyfile", "x509cafile",
		"x509crlfile" };
	bool dashed = strncmp(word, "--", 2) == 0;
	char *value;

	word += dashed ? 2 : 0;
	value = strchr(word, '=');
	if (value != NULL)
		*value++ = '\0';
	for (size_t i = 0; dashed && value == NULL &&
	    i < sizeof(with_value) / sizeof(with_value[0]); i++)
		if (strcmp(word, with_value[i]) == 0)
			value = next_word(rest, ret_good);
	import_apply(im, account, rows, sizeof(rows) / sizeof(rows[0]), word,
	    value == NULL ? "" : value, at, false);
}

static void
read_remote(struct import *im, char *line, struct import_place at)
{
	bool good = true;
	char *host = next_word(&line, &good);
	char *protocol = next_word(&line, &good);
	struct import_account *account;
	char *word;

	if (host == NULL)
		return;
	if (protocol != NULL && strcmp(protocol, "smtp") != 0) {
		import_say(im, at, true, "%s: is not spoken here",
		    import_shown(protocol));
		return;
	}
	if (im->first != NULL) {
		import_say(im, at, true, "there is one server only: the ones"
		    " behind the first are left out");
		return;
	}
	account = import_add(im, "default", at);
	if (account == NULL)
		return;
	import_set(account, IM_HOST, host, at);
	while ((word = next_word(&line, &good)) != NULL)
		read_option(im, account, word, &line, at, &good);
	if (!good)
		import_say(im, at, true, "the quotes are not closed");
}

static void
read_beside(struct import *im, struct import_account *account,
    const char *remotes)
{
	const char *slash = strrchr(remotes, '/');
	char *where = slash == NULL ? import_keep(im, "", 0) :
	    import_keep(im, remotes, (size_t)(slash + 1 - remotes));

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct import_place at = {
			import_join(im, where, files[i].name, ""), 1 };
		const char *value = import_first_line(im, at.file, false);

		if (value != NULL)
			import_apply(im, account, &files[i].row, 1,
			    files[i].name, value, at, false);
	}
}

static void
read_file(struct import *im, struct import_source *source)
{
	struct import_place at = { source->file, 0 };
	char *line;

	while ((line = import_line(im, source)) != NULL) {
		at.line = source->line;
		line = import_trim(line);
		if (*line != '\0' && *line != '#')
			read_remote(im, line, at);
	}
	if (im->first != NULL)
		read_beside(im, im->first, source->file);
}

/* ----------------------------------------------------------------- meaning */

static void
finish(struct import *im, struct import_account *account)
{
	if (import_is(account, IM_STARTTLS, "on"))
		import_set(account, IM_TLS, "starttls",
		    account->slots[IM_STARTTLS].at);
	if (import_is(account, IM_OWN_2, "on"))
		import_set(account, IM_VERIFY, "off",
		    account->slots[IM_OWN_2].at);
	if (import_is(account, IM_OWN_1, "on"))
		import_set(account, IM_AUTH, "login",
		    account->slots[IM_OWN_1].at);
	if (import_get(account, IM_EHLO_NAME) == NULL)
		account->slots[IM_EHLO_NAME] = account->slots[IM_OWN_3];
	if (import_get(account, IM_ENVELOPE_FROM) != NULL)
		import_set(account, IM_ENVELOPE_FIXED, "yes",
		    account->slots[IM_ENVELOPE_FROM].at);
	if (import_is(account, IM_RETRY_MIN, "0")) {
		import_say(im, account->slots[IM_RETRY_MIN].at, true,
		    "pausetime: queue = off does without a second try");
		account->slots[IM_RETRY_MIN].text = NULL;
	}
}

const struct import_program import_nullmailer = {
	.name = "nullmailer",
	.read = read_file,
	.finish = finish,
	.ports = { "25", "25", "465" },
};
