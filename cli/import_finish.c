/* SPDX-License-Identifier: MIT */
/*
 * import_finish.c - from what is said of an account to lines of our own
 */
#include "import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* slots that are a key of ours as they stand */
static const struct {
	enum import_slot slot;
	const char *key;
} plain[] = {
	{ IM_PROTOCOL, "protocol" },
	{ IM_CA_FILE, "tls-ca-file" },
	{ IM_CA_DIR, "tls-ca-dir" },
	{ IM_CERT, "tls-cert" },
	{ IM_KEY, "tls-key" },
	{ IM_TLS_HOST, "tls-host" },
	{ IM_FROM, "from" },
	{ IM_FROM_NAME, "from-name" },
	{ IM_FROM_POLICY, "from-policy" },
	{ IM_ENVELOPE_FROM, "envelope-from" },
	{ IM_ENVELOPE_FIXED, "envelope-from-fixed" },
	{ IM_DOMAIN, "domain" },
	{ IM_EHLO_NAME, "ehlo-name" },
	{ IM_SOURCE, "source-address" },
	{ IM_TIMEOUT, "connect-timeout" },
	{ IM_TIMEOUT, "timeout" },
	{ IM_ALIASES, "aliases" },
	{ IM_LIFETIME, "queue-lifetime" },
	{ IM_RETRY_MIN, "retry-min" },
	{ IM_RETRY_MAX, "retry-max" },
	{ IM_PER_CONNECTION, "messages-per-connection" },
};

/* ----------------------------------------------------------------- entries */

static bool
is_continuation(unsigned char c)
{
	return c >= 0x80 && c < 0xc0;
}

/* printable, as far as a file of ours needs it, and UTF-8 by its shape; that
 * it is all of UTF-8 is seen when the result is read */
static const char *
fault_of(const char *value)
{
	const unsigned char *p = (const unsigned char *)value;
	size_t n = strlen(value);

	for (size_t i = 0; i < n; i++) {
		size_t more;

		if (p[i] < 0x20 || p[i] == 0x7f)
			return "there is a control byte in it";
		if (p[i] < 0x80)
			continue;
		more = p[i] >= 0xf0 ? 3 : p[i] >= 0xe0 ? 2 : 1;
		if (p[i] < 0xc2 || p[i] > 0xf4 || n - i <= more)
			return "it is not UTF-8";
		while (more-- > 0)
			if (!is_continuation(p[++i]))
				return "it is not UTF-8";
	}
	if (n != 0 && (value[0] == ' ' || value[n - 1] == ' '))
		return "it begins or ends with a blank";
	return NULL;
}

void
import_put(struct import *im, struct import_account *account, const char *key,
    const char *value, struct import_place at, bool secret)
{
	struct import_entry *entry;
	const char *fault;

	if (*value == '\0')
		return;
	fault = fault_of(value);
	if (fault != NULL) {
		import_say(im, at, true, "%s: cannot be carried, since %s%s",
		    key, fault, secret ? "; put it into a file of its own, "
		    "and name that with password-file" : "");
		return;
	}
	entry = import_zeros(im, sizeof(*entry));
	if (entry == NULL)
		return;
	entry->key = key;
	entry->value = value;
	entry->at = at.file != NULL ? at : account->at;
	entry->secret = secret;
	*account->end = entry;
	account->end = &entry->next;
}

/* ------------------------------------------------------------- the server */

/*
 * The system's own authorities, by another name: they are trusted anyway, and
 * reading them from one file takes longer than all the rest.
 */
static void
forget_usual_trust(struct import_account *account)
{
	static const char *const usual[] = {
		"system", "/etc/ssl/certs", "/etc/ssl/certs/",
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/ssl/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/tls/certs",
		"/etc/ssl/cert.pem", "/usr/local/share/certs/ca-root-nss.crt",
	};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (import_is(account, IM_CA_FILE, usual[i]))
			account->slots[IM_CA_FILE].text = NULL;
		if (import_is(account, IM_CA_DIR, usual[i]))
			account->slots[IM_CA_DIR].text = NULL;
	}
}

/* names of services that people write in place of a port */
static const char *
port_number(const char *port)
{
	static const struct {
		const char *name;
		const char *number;
	} services[] = {
		{ "smtp", "25" }, { "lmtp", "24" }, { "submission", "587" },
		{ "submissions", "465" }, { "smtps", "465" },
		{ "ssmtp", "465" }, { "urd", "465" },
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcasecmp(port, services[i].name) == 0)
			return services[i].number;
	return port;
}

static bool
is_loopback(const char *host)
{
	return strcasecmp(host, "localhost") == 0 ||
	    strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

/* "on", "starttls" or "off" */
static const char *
tls_of(struct import *im, const struct import_account *account,
    const char *host, const char *port)
{
	const struct import_value *tls = &account->slots[IM_TLS];
	const char *mode = tls->text;

	if (mode != NULL && strcmp(mode, "off") != 0)
		return mode;
	if (is_loopback(host))
		return "off";
	mode = strcmp(port, "465") == 0 ? "on" : "starttls";
	import_say(im, tls->text != NULL ? tls->at :
	    account->slots[IM_HOST].at, true,
	    "there is no TLS, and mailchute sends nothing in clear to other"
	    " machines: \"tls = %s\" is written, and the server has to do that",
	    mode);
	return mode;
}

static void
put_tls(struct import *im, struct import_account *account, const char *mode,
    const char *port)
{
	struct import_place at = account->slots[IM_TLS].text != NULL ?
	    account->slots[IM_TLS].at : account->slots[IM_HOST].at;
	const char *usual = strcmp(mode, "on") == 0 ? "465" :
	    strcmp(mode, "starttls") == 0 ? "587" : "25";

	if (strcmp(port, usual) != 0)
		import_put(im, account, "port", port,
		    account->slots[IM_PORT].text != NULL ?
		    account->slots[IM_PORT].at : at, false);
	/* also where it is the default: it is what people look for */
	import_put(im, account, "tls", mode, at, false);
}

/* false if there is no server at all */
static bool
put_server(struct import *im, struct import_account *account,
    const struct import_program *program, const char **ret_mode)
{
	const char *host = import_get(account, IM_HOST);
	const char *path = import_get(account, IM_SOCKET);
	const char *port = import_get(account, IM_PORT);
	const char *mode = import_get(account, IM_TLS);

	*ret_mode = mode == NULL ? "off" : mode;
	if (path != NULL) {
		import_put(im, account, "host", path,
		    account->slots[IM_SOCKET].at, false);
		if (strcmp(*ret_mode, "off") != 0)
			import_put(im, account, "tls", mode,
			    account->slots[IM_TLS].at, false);
		return true;
	}
	if (host == NULL) {
		import_say(im, account->at, true,
		    "account %s: no server is named", account->name);
		return false;
	}
	if (port != NULL)
		port = port_number(port);
	else
		port = program->ports[strcmp(*ret_mode, "on") == 0 ? 2 :
		    strcmp(*ret_mode, "starttls") == 0];
	*ret_mode = tls_of(im, account, host, port);
	import_put(im, account, "host", host, account->slots[IM_HOST].at,
	    false);
	put_tls(im, account, *ret_mode, port);
	return true;
}

static void
put_proxy(struct import *im, struct import_account *account)
{
	const char *host = import_get(account, IM_PROXY_HOST);
	const char *port = import_get(account, IM_PROXY_PORT);
	bool six = host != NULL && strchr(host, ':') != NULL;

	if (host == NULL)
		return;
	host = import_join(im, six ? "socks5h://[" : "socks5h://", host,
	    six ? "]:" : ":");
	import_put(im, account, "proxy",
	    import_join(im, host, port == NULL ? "1080" : port, ""),
	    account->slots[IM_PROXY_HOST].at, false);
}

static void
put_verify(struct import *im, struct import_account *account)
{
	struct import_place at = account->slots[IM_VERIFY].at;

	if (!import_is(account, IM_VERIFY, "off"))
		return;
	import_put(im, account, "tls-verify", "no", at, false);
	if (import_get(account, IM_USER) != NULL)
		import_say(im, at, true, "the certificate is not verified, so"
		    " user and password are kept back: better name the"
		    " server's tls-ca-file or tls-pin; auth-unverified = yes"
		    " gives them to anybody");
}

/* ------------------------------------------------------------------ log-in */

bool
import_is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if ((*text < 'a' || *text > 'z') &&
		    (*text < 'A' || *text > 'Z') &&
		    (*text < '0' || *text > '9') &&
		    strchr("._@+-", *text) == NULL)
			return false;
	return true;
}

/* "cram-md5 plain" is CRAM-MD5 PLAIN to us */
static const char *
mechanisms(struct import *im, const char *text)
{
	char *names = import_keep(im, text, strlen(text));

	for (char *p = names; *p != '\0'; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	return names;
}

/* a program that only says what its arguments are hides nothing; too many are
 * taken for such rather than too few */
static bool
says_secret(const char *command)
{
	return strstr(command, "echo") != NULL ||
	    strncmp(command, "printf ", 7) == 0;
}

static void
put_password(struct import *im, struct import_account *account, bool token)
{
	const struct import_value *text = &account->slots[IM_PASSWORD];
	const struct import_value *command =
	    &account->slots[IM_PASSWORD_COMMAND];
	bool shell = false;
	const char *ours;

	if (import_get(account, IM_PASSWORD) != NULL) {
		import_put(im, account, token ? "token" : "password",
		    text->text, text->at, true);
		return;
	}
	if (import_get(account, IM_PASSWORD_COMMAND) == NULL) {
		import_say(im, account->slots[IM_USER].at, true, "account %s:"
		    " no password is with the user: give it with"
		    " password-file or password-command", account->name);
		return;
	}
	ours = import_command(im, command->text, &shell);
	if (shell)
		import_say(im, command->at, false, "the command needs a shell,"
		    " so it is run by sh -c");
	import_put(im, account, token ? "token-command" : "password-command",
	    ours, command->at, says_secret(command->text));
}

/* these need none, the certificate or the ticket is enough */
static bool
needs_password(const char *auth)
{
	return strcmp(auth, "EXTERNAL") != 0 && strcmp(auth, "GSSAPI") != 0;
}

static void
put_login(struct import *im, struct import_account *account, const char *mode)
{
	const struct import_value *user = &account->slots[IM_USER];
	struct import_place at = account->slots[IM_AUTH].at;
	const char *auth = import_get(account, IM_AUTH);

	if (auth != NULL && strcmp(auth, "off") == 0) {
		/* a certificate would be used to log in, too */
		if (import_get(account, IM_USER) != NULL ||
		    import_get(account, IM_CERT) != NULL)
			import_put(im, account, "auth", "off", at, false);
		return;
	}
	if (strcmp(mode, "off") == 0) {
		if (import_get(account, IM_USER) != NULL)
			import_say(im, user->at, true, "there is no log-in"
			    " without TLS: user and password are left out");
		return;
	}
	auth = auth == NULL || strcmp(auth, "on") == 0 ? "" :
	    mechanisms(im, auth);
	import_put(im, account, "auth", auth, at, false);
	if (import_get(account, IM_USER) == NULL)
		return;
	import_put(im, account, "user", user->text, user->at, false);
	if (needs_password(auth))
		put_password(im, account, strcmp(auth, "XOAUTH2") == 0 ||
		    strcmp(auth, "OAUTHBEARER") == 0);
}

/* ---------------------------------------------------------------- commands */

/* what a shell sees to, and we do not, wherever it stands outside of quotes */
#define SHELL_ONLY "|&;<>()*?["

/* words that only a shell knows as a command */
static bool
is_shell_word(const char *word, size_t n)
{
	static const char *const words[] = { ".", ":", "!", "{", "case", "cd",
		"command", "eval", "exec", "export", "for", "if", "read",
		"set", "source", "test", "until", "while" };

	if (memchr(word, '=', n) != NULL)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == n && memcmp(words[i], word, n) == 0)
			return true;
	return false;
}

/* with a home directory that is no more than a path */
static bool
may_use_home(const struct import *im)
{
	const char *p = im->home;

	for (; p != NULL && *p != '\0'; p++)
		if (*p != '/' && !import_is_plain((char[]){ *p, '\0' }))
			return false;
	return im->home != NULL;
}

/*
 * The command as words and quotes alone, which mean the same to us as to a
 * shell; false if there is more to it.  "~/" at the beginning of a word is the
 * home directory.
 */
static bool
without_shell(const struct import *im, const char *command,
    struct cli_text *out)
{
	char quote = '\0';
	bool begins = true;

	if (is_shell_word(command, strcspn(command, " \t")))
		return false;
	for (const char *p = command; *p != '\0'; p++) {
		/* in double quotes our backslash does more than the shell's */
		if (quote != '\'' && (strchr("$`", *p) != NULL ||
		    (*p == '\\' && (quote != '\0' || p[1] == '\0'))))
			return false;
		if (quote == '\0' && (strchr(SHELL_ONLY, *p) != NULL ||
		    (begins && *p == '#')))
			return false;
		if (quote == '\0' && begins && *p == '~') {
			if (p[1] != '/' || !may_use_home(im))
				return false;
			cli_text_addz(out, im->home);
			begins = false;
			continue;
		}
		if (*p == '\\' && quote == '\0')
			cli_text_add(out, p++, 1);
		else if (*p == quote)
			quote = '\0';
		else if (quote == '\0' && (*p == '"' || *p == '\''))
			quote = *p;
		begins = *p == ' ' || *p == '\t';
		cli_text_add(out, p, 1);
	}
	return quote == '\0';
}

const char *
import_command(struct import *im, const char *command, bool *ret_shell)
{
	struct cli_text text = { NULL, 0, 0, false };
	const char *kept;

	*ret_shell = !without_shell(im, command, &text);
	if (*ret_shell) {
		text.len = 0;
		cli_text_addz(&text, "sh -c '");
		for (const char *p = command; *p != '\0'; p++)
			if (*p == '\'')
				cli_text_addz(&text, "'\\''");
			else
				cli_text_add(&text, p, 1);
		cli_text_addz(&text, "'");
	}
	im->failed = im->failed || text.failed;
	kept = import_keep(im, text.len == 0 ? "" : text.ptr, text.len);
	cli_text_free(&text);
	return kept;
}

const char *
import_pattern_domain(const char *pattern)
{
	if (strncmp(pattern, "%U@", 3) != 0 || strchr(pattern + 3, '%') != NULL)
		return NULL;
	return pattern + 3;
}

/* ------------------------------------------------------------------- whole */

static void
put_log(struct import *im, const struct import_account *account)
{
	const struct import_value *log = &account->slots[IM_LOG];
	const struct import_entry *has = im->lead.first;

	if (import_get(account, IM_LOG) == NULL)
		return;
	if (has == NULL)
		import_put(im, &im->lead, "log", log->text, log->at, false);
	else if (strcmp(has->value, log->text) != 0)
		import_say(im, log->at, true,
		    "log: there is one for all accounts, and another one"
		    " stands before this");
}

void
import_finish_account(struct import *im, struct import_account *account,
    const struct import_program *program)
{
	const char *mode;

	if (program->finish != NULL)
		program->finish(im, account);
	if (account->dropped)
		return;
	put_log(im, account);
	if (!put_server(im, account, program, &mode)) {
		account->dropped = true;
		return;
	}
	forget_usual_trust(account);
	put_verify(im, account);
	put_login(im, account, mode);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (account->slots[plain[i].slot].text != NULL)
			import_put(im, account, plain[i].key,
			    account->slots[plain[i].slot].text,
			    account->slots[plain[i].slot].at, false);
	put_proxy(im, account);
}

void
import_finish(struct import *im, const struct import_program *program)
{
	if (program->end != NULL && !im->failed)
		program->end(im);
	for (struct import_account *account = im->first; account != NULL;
	    account = account->next)
		if (!account->dropped)
			import_finish_account(im, account, program);
}

/* --------------------------------------------------------------- rendering */

struct render {
	struct cli_text *out;
	unsigned line;
	bool secrets;
	bool hidden;
	import_line_fn fn;
	void *ctx;
};

static void
end_line(struct render *r, struct import_account *account,
    struct import_entry *entry)
{
	cli_text_addz(r->out, "\n");
	r->line++;
	if (r->fn != NULL)
		r->fn(r->ctx, r->line, account, entry);
}

static void
render_entries(struct render *r, struct import_account *account)
{
	for (struct import_entry *entry = account->first; entry != NULL;
	    entry = entry->next) {
		bool hide = entry->secret && !r->secrets;

		if (entry->dropped)
			continue;
		r->hidden = r->hidden || hide;
		if (hide)
			cli_text_addz(r->out, "# left out here: ");
		cli_text_addz(r->out, entry->key);
		if (!hide) {
			cli_text_addz(r->out, " = ");
			cli_text_addz(r->out, entry->value);
		}
		end_line(r, account, entry);
	}
}

void
import_render(struct import *im, const char *title, bool secrets,
    struct cli_text *out, bool *ret_hidden, import_line_fn fn, void *ctx)
{
	struct render r = { .out = out, .secrets = secrets, .fn = fn,
		.ctx = ctx };

	cli_text_addz(out, "# ");
	cli_text_clean(out, title);
	end_line(&r, NULL, NULL);
	render_entries(&r, &im->lead);
	for (struct import_account *account = im->first; account != NULL;
	    account = account->next) {
		if (account->dropped)
			continue;
		end_line(&r, NULL, NULL);
		cli_text_addz(out, "[account ");
		cli_text_addz(out, account->name);
		cli_text_addz(out, "]");
		end_line(&r, account, NULL);
		render_entries(&r, account);
	}
	*ret_hidden = r.hidden;
}
