/* SPDX-License-Identifier: MIT */
/*
 * import_msmtp.c - the configuration of msmtp
 */
#include "import.h"

#include <string.h>

#define FROM_ALWAYS "what is missing of From, Date and Message-ID is added"

static const struct import_row rows[] = {
	{ "host", IM_TAKE, IM_HOST, NULL },
	{ "port", IM_TAKE, IM_PORT, NULL },
	{ "socket", IM_TAKE, IM_SOCKET, NULL },
	{ "protocol", IM_TAKE, IM_PROTOCOL, NULL },
	{ "domain", IM_TAKE, IM_EHLO_NAME, NULL },
	{ "timeout", IM_TAKE, IM_TIMEOUT, NULL },
	{ "connect_timeout", IM_TAKE, IM_TIMEOUT, NULL },
	{ "source_ip", IM_TAKE, IM_SOURCE, NULL },
	{ "proxy_host", IM_TAKE, IM_PROXY_HOST, NULL },
	{ "proxy_port", IM_TAKE, IM_PROXY_PORT, NULL },
	{ "auth", IM_TAKE, IM_AUTH, NULL },
	{ "user", IM_TAKE, IM_USER, NULL },
	{ "password", IM_TAKE, IM_PASSWORD, NULL },
	{ "passwordeval", IM_TAKE, IM_PASSWORD_COMMAND, NULL },
	{ "ntlmdomain", IM_LEFT_SET, IM_NOTHING, "NTLM has no domain here" },
	{ "tls", IM_SWITCH, IM_TLS, NULL },
	{ "tls_starttls", IM_SWITCH, IM_STARTTLS, NULL },
	{ "tls_trust_file", IM_TAKE, IM_CA_FILE, NULL },
	{ "tls_crl_file", IM_LEFT_SET, IM_NOTHING,
	    "lists of revoked certificates are not read" },
	{ "tls_fingerprint", IM_LEFT_SET, IM_NOTHING, "it is of the whole"
	    " certificate, and tls-pin is of its key: where the certificate is"
	    " not trusted otherwise, the error text names the pin to write" },
	{ "tls_key_file", IM_TAKE, IM_KEY, NULL },
	{ "tls_cert_file", IM_TAKE, IM_CERT, NULL },
	{ "tls_certcheck", IM_SWITCH, IM_VERIFY, NULL },
	{ "tls_host_override", IM_TAKE, IM_TLS_HOST, NULL },
	{ "tls_priorities", IM_LEFT_SET, IM_NOTHING,
	    "TLS is 1.2 or newer, and openssl.cnf has the rest" },
	{ "tls_min_dh_prime_bits", IM_LEFT_SET, IM_NOTHING,
	    "TLS is 1.2 or newer, and openssl.cnf has the rest" },
	{ "tls_force_sslv3", IM_LEFT_ON, IM_NOTHING,
	    "TLS is 1.2 or newer" },
	{ "from", IM_TAKE, IM_FROM, NULL },
	{ "auto_from", IM_SWITCH, IM_OWN_1, NULL },
	{ "maildomain", IM_TAKE, IM_OWN_2, NULL },
	{ "allow_from_override", IM_SWITCH, IM_OWN_3, NULL },
	{ "set_from_header", IM_TAKE, IM_FROM_POLICY, NULL },
	{ "add_missing_from_header", IM_LEFT_OFF, IM_NOTHING, FROM_ALWAYS },
	{ "set_date_header", IM_LEFT_OFF, IM_NOTHING, FROM_ALWAYS },
	{ "add_missing_date_header", IM_LEFT_OFF, IM_NOTHING, FROM_ALWAYS },
	{ "set_msgid_header", IM_LEFT_OFF, IM_NOTHING, FROM_ALWAYS },
	{ "remove_bcc_headers", IM_LEFT_OFF, IM_NOTHING,
	    "Bcc is always removed" },
	{ "keepbcc", IM_LEFT_ON, IM_NOTHING, "Bcc is always removed" },
	{ "undisclosed_recipients", IM_LEFT_ON, IM_NOTHING,
	    "To and Cc stay; who is in Bcc is hidden from everybody" },
	{ "dsn_notify", IM_LEFT_SET, IM_NOTHING,
	    "is an option for each message, -N" },
	{ "dsn_return", IM_LEFT_SET, IM_NOTHING,
	    "is an option for each message, -R" },
	{ "logfile", IM_TAKE, IM_LOG, NULL },
	{ "logfile_time_format", IM_LEFT_SET, IM_NOTHING,
	    "times in the log have one form" },
	{ "syslog", IM_TAKE, IM_NOTHING, NULL },
	{ "aliases", IM_TAKE, IM_ALIASES, NULL },
	{ "eval", IM_LEFT, IM_NOTHING,
	    "is not run: write here what the command prints" },
};

/* ----------------------------------------------------------------- reading */

/* without the one pair of quotes that a value may have */
static char *
unquote(char *value)
{
	size_t n = strlen(value);

	if (n >= 2 && value[0] == '"' && value[n - 1] == '"') {
		value[n - 1] = '\0';
		return value + 1;
	}
	return value;
}

/* "name : parent, parent" */
static struct import_account *
begin_account(struct import *im, char *text,
    const struct import_account *defaults, struct import_place at)
{
	struct import_account *account, *parent;
	char *list = strchr(text, ':');
	char *comma;

	if (list != NULL)
		*list++ = '\0';
	text = import_trim(text);
	account = import_find(im, text);
	/* the user's file wins over the system's, which is read last */
	if (account != NULL && strcmp(account->at.file, at.file) != 0)
		return NULL;
	account = import_add(im, text, at);
	if (account == NULL)
		return NULL;
	import_inherit(account, defaults);
	for (; list != NULL; list = comma) {
		comma = strchr(list, ',');
		if (comma != NULL)
			*comma++ = '\0';
		list = import_trim(list);
		parent = import_find(im, list);
		if (parent != NULL && parent != account)
			import_inherit(account, parent);
		else
			import_say(im, at, true, "account %s: there is no"
			    " account %s before it", account->name,
			    import_shown(list));
	}
	return account;
}

static void
read_syslog(struct import *im, struct import_account *account,
    const char *value, struct import_place at)
{
	const char *state = *value == '\0' ? "on" : import_switch(value);

	if (state != NULL && strcmp(state, "off") == 0)
		return;
	import_set(account, IM_LOG, "syslog", at);
	if (strcmp(value, "LOG_MAIL") != 0)
		import_say(im, at, false, "syslog: it is always the facility"
		    " mail");
}

static void
read_file(struct import *im, struct import_source *source)
{
	struct import_account defaults = { .name = "" };
	/* what belongs to an account that does not count goes here */
	struct import_account none = { .name = "" };
	struct import_account *now = NULL;
	struct import_place at = { source->file, 0 };
	char *line, *name, *value;

	while ((line = import_line(im, source)) != NULL) {
		at.line = source->line;
		value = import_trim(line);
		if (*value == '\0' || *value == '#')
			continue;
		name = import_word(&value);
		value = unquote(value);
		if (strcmp(name, "account") == 0) {
			now = begin_account(im, value, &defaults, at);
			if (now == NULL)
				now = &none;
		} else if (strcmp(name, "defaults") == 0) {
			now = &defaults;
		} else if (now == NULL) {
			import_say(im, at, true, "stands before the first"
			    " account");
		} else if (strcmp(name, "syslog") == 0) {
			read_syslog(im, now, value, at);
		} else {
			import_apply(im, now, rows,
			    sizeof(rows) / sizeof(rows[0]), name, value, at,
			    false);
		}
	}
}

/* ----------------------------------------------------------------- meaning */

static void
mean_tls(struct import *im, struct import_account *account)
{
	const struct import_value *trust = &account->slots[IM_CA_FILE];

	if (import_is(account, IM_TLS, "on") &&
	    !import_is(account, IM_STARTTLS, "off"))
		account->slots[IM_TLS].text = "starttls";
	if (trust->text != NULL && *trust->text == '\0')
		import_say(im, trust->at, true, "tls_trust_file: the system's"
		    " authorities are trusted where no others are named");
}

/* "%U@example.org" and the like */
static void
mean_pattern(struct import *im, struct import_account *account,
    const char *pattern, struct import_place at)
{
	const char *domain = import_pattern_domain(pattern);

	account->slots[IM_FROM].text = NULL;
	if (strstr(pattern, "%C") != NULL) {
		import_say(im, at, true, "from: %%C is not known here, see"
		    " envelope-from for what is");
		return;
	}
	import_set(account, IM_ENVELOPE_FROM, pattern, at);
	if (domain == NULL)
		return;
	import_set(account, IM_DOMAIN, domain, at);
	import_set(account, IM_FROM, import_join(im, "*@", domain, ""), at);
}

static void
mean_from(struct import *im, struct import_account *account)
{
	struct import_value *from = &account->slots[IM_FROM];
	const struct import_value *domain = &account->slots[IM_OWN_2];

	if (import_is(account, IM_OWN_1, "on")) {
		if (import_get(account, IM_OWN_2) != NULL)
			mean_pattern(im, account,
			    import_join(im, "%U@", domain->text, ""),
			    domain->at);
		else
			import_say(im, account->slots[IM_OWN_1].at, true,
			    "auto_from: without a maildomain the sender would"
			    " be no full address");
	} else if (from->text != NULL && strchr(from->text, '%') != NULL) {
		mean_pattern(im, account, from->text, from->at);
	} else if (from->text != NULL && strpbrk(from->text, "?[") != NULL) {
		import_say(im, from->at, true, "from: of the patterns only *"
		    " is known here");
		from->text = NULL;
	}
	if (import_is(account, IM_OWN_3, "off"))
		import_set(account, IM_ENVELOPE_FIXED, "yes",
		    account->slots[IM_OWN_3].at);
}

static void
mean_header(struct import *im, struct import_account *account)
{
	struct import_value *policy = &account->slots[IM_FROM_POLICY];
	const char *state = policy->text == NULL ? NULL :
	    *policy->text == '\0' ? "on" : import_switch(policy->text);

	if (policy->text == NULL)
		return;
	if (state != NULL && strcmp(state, "on") == 0) {
		policy->text = "force";
		if (import_get(account, IM_FROM) == NULL)
			import_say(im, policy->at, true, "set_from_header:"
			    " has no effect without addresses in from");
		return;
	}
	if (strcmp(policy->text, "auto") != 0)
		import_say(im, policy->at, true, "set_from_header: %s",
		    FROM_ALWAYS);
	policy->text = NULL;
}

static void
mean_login(struct import *im, struct import_account *account)
{
	const char *host = import_get(account, IM_HOST);
	const char *user = import_get(account, IM_USER);
	const char *command;

	/* without "auth" there is no log-in, whatever else is there */
	if (import_get(account, IM_AUTH) == NULL)
		import_set(account, IM_AUTH,
		    account->slots[IM_AUTH].text != NULL ? "on" : "off",
		    account->slots[IM_AUTH].at);
	if (import_is(account, IM_AUTH, "off") ||
	    import_is(account, IM_AUTH, "external") ||
	    import_is(account, IM_AUTH, "gssapi") || user == NULL ||
	    host == NULL || import_get(account, IM_PASSWORD) != NULL ||
	    import_get(account, IM_PASSWORD_COMMAND) != NULL ||
	    !import_is_plain(user) || !import_is_plain(host))
		return;
	command = import_join(im, "secret-tool lookup host ", host,
	    " service smtp user ");
	import_set(account, IM_PASSWORD_COMMAND,
	    import_join(im, command, user, ""), account->slots[IM_USER].at);
	import_say(im, account->slots[IM_USER].at, true, "account %s: no"
	    " password is with the user: it is taken from the key ring by"
	    " secret-tool, and neither asked for nor looked up in .netrc",
	    account->name);
}

static void
finish(struct import *im, struct import_account *account)
{
	mean_tls(im, account);
	mean_from(im, account);
	mean_header(im, account);
	mean_login(im, account);
	if (import_is(account, IM_HOST, ""))
		account->slots[IM_HOST].text = NULL;
	if (import_is(account, IM_TIMEOUT, "off") ||
	    import_is(account, IM_TIMEOUT, "0"))
		account->slots[IM_TIMEOUT].text = NULL;
	if (import_is(account, IM_PROTOCOL, "smtp"))
		account->slots[IM_PROTOCOL].text = NULL;
	if (import_is(account, IM_LOG, "-")) {
		import_say(im, account->slots[IM_LOG].at, true,
		    "logfile: a log goes to a file, syslog or stderr");
		account->slots[IM_LOG].text = NULL;
	}
	if (import_get(account, IM_EHLO_NAME) != NULL &&
	    strchr(account->slots[IM_EHLO_NAME].text, '%') != NULL) {
		import_say(im, account->slots[IM_EHLO_NAME].at, true,
		    "domain: ehlo-name is a name, without patterns");
		account->slots[IM_EHLO_NAME].text = NULL;
	}
}

const struct import_program import_msmtp = {
	.name = "msmtp",
	.read = read_file,
	.finish = finish,
	.ports = { "25", "25", "465" },
};
