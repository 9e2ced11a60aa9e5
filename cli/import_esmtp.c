/* SPDX-License-Identifier: MIT */
/*
 * import_esmtp.c - the configuration of esmtp, in which lines mean nothing
 */
#include "import.h"

#include <string.h>
#include <strings.h>

#define NO_COMMANDS "no command is run before or after a connection"
#define NO_LOCAL "there is no delivery on this machine"

static const struct import_row rows[] = {
	{ "hostname", IM_TAKE, IM_HOST, NULL },
	{ "username", IM_TAKE, IM_USER, NULL },
	{ "password", IM_TAKE, IM_PASSWORD, NULL },
	{ "starttls", IM_TAKE, IM_STARTTLS, NULL },
	{ "certificate_passphrase", IM_LEFT_SET, IM_NOTHING,
	    "the key of a client certificate must not need a passphrase" },
	{ "helo", IM_TAKE, IM_EHLO_NAME, NULL },
	{ "qualifydomain", IM_TAKE, IM_DOMAIN, NULL },
	{ "force sender", IM_LEFT_SET, IM_NOTHING, "a Sender field is not set:"
	    " see from-policy for what can be done" },
	{ "force reverse_path", IM_TAKE, IM_ENVELOPE_FROM, NULL },
	{ "message_id", IM_LEFT_OFF, IM_NOTHING,
	    "a missing Message-ID is always added" },
	{ "preconnect", IM_LEFT_SET, IM_NOTHING, NO_COMMANDS },
	{ "postconnect", IM_LEFT_SET, IM_NOTHING, NO_COMMANDS },
	{ "mda", IM_LEFT_SET, IM_NOTHING, NO_LOCAL },
	{ "force_mda", IM_LEFT_SET, IM_NOTHING, NO_LOCAL },
};

/* ------------------------------------------------------------------- words */

struct words {
	struct import *im;
	struct import_place at;
	char *p;
	bool open;		/* a quote had no end */
};

static void
skip_blanks(struct words *w)
{
	for (;;) {
		if (*w->p == '#')
			w->p += strcspn(w->p, "\n");
		if (*w->p == '\n')
			w->at.line++;
		if (*w->p == '\0' || strchr(" \t\r\n", *w->p) == NULL)
			return;
		w->p++;
	}
}

static unsigned char
octal(const char **p)
{
	unsigned n = 0;

	for (int i = 0; i < 3 && **p >= '0' && **p <= '7'; i++)
		n = n * 8 + (unsigned)(*(*p)++ - '0');
	return (unsigned char)n;
}

/* as in C; *p is behind the backslash */
static char
escaped(const char **p)
{
	static const char from[] = "abfnrtv";
	static const char to[] = "\a\b\f\n\r\t\v";
	const char *at = strchr(from, **p);

	if (**p >= '0' && **p <= '7')
		return (char)octal(p);
	if (at != NULL && *at != '\0') {
		(*p)++;
		return to[at - from];
	}
	return *(*p)++;
}

/* between quotes; written over itself, since it gets no longer */
static char *
quoted(struct words *w)
{
	char quote = *w->p++;
	char *begin = w->p, *to = begin;
	const char *from = begin;

	while (*from != '\0' && *from != quote && *from != '\n') {
		char c = *from++;

		if (c == '\\' && *from != '\0' && *from != '\n')
			c = escaped(&from);
		/* a NUL would hide what is behind it */
		*to++ = c == '\0' ? '\x01' : c;
	}
	w->open = *from != quote;
	w->p = begin + (from - begin) + (*from == quote);
	/* `to` is at the end at most, where there is a quote, LF or NUL */
	if (to < w->p)
		*to = '\0';
	return begin;
}

/* the next word; NULL at the end */
static char *
next_word(struct words *w)
{
	char *begin;
	size_t n;

	skip_blanks(w);
	if (*w->p == '\0')
		return NULL;
	if (*w->p == '"' || *w->p == '\'')
		return quoted(w);
	n = strcspn(w->p, " \t\r\n=");
	begin = import_keep(w->im, w->p, n);
	w->p += n;
	return begin;
}

/* the value behind a keyword, with or without '=' */
static char *
next_value(struct words *w)
{
	skip_blanks(w);
	if (*w->p == '=')
		w->p++;
	skip_blanks(w);
	if (*w->p == '"' || *w->p == '\'')
		return next_word(w);
	/* a bare value may hold '=' */
	size_t n = strcspn(w->p, " \t\r\n");
	char *value = import_keep(w->im, w->p, n);

	w->p += n;
	return value;
}

/* ----------------------------------------------------------------- reading */

static void
skip_line(struct words *w)
{
	w->p += strcspn(w->p, "\n");
}

static void
set_host(struct import *im, struct import_account *account, const char *host,
    struct import_place at)
{
	const char *colon = strrchr(host, ':');

	if (colon == NULL) {
		import_set(account, IM_HOST, host, at);
		return;
	}
	import_set(account, IM_HOST,
	    import_keep(im, host, (size_t)(colon - host)), at);
	import_set(account, IM_PORT, colon + 1, at);
}

/* what the reader knows of the file so far */
struct file {
	struct import_account *now;
	struct import_account *chosen;	/* by the word "default" */
	struct import_account *global;
};

static struct import_account *
begin_identity(struct import *im, const char *address, struct import_place at)
{
	struct import_account *account = import_add(im, address, at);

	if (account != NULL)
		import_set(account, IM_FROM, address, at);
	return account;
}

/* false: what stands behind it is not for us to judge */
static bool
is_keyword(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static void
read_statement(struct import *im, struct words *w, struct file *f, char *name)
{
	struct import_account none = { .name = "" };
	struct import_account *account = f->now != NULL ? f->now : &none;
	struct import_place at = w->at;
	char *value;

	if (strcasecmp(name, "default") == 0) {
		f->chosen = f->now;
		return;
	}
	if (strcasecmp(name, "force") == 0) {
		name = next_word(w);
		name = import_join(im, "force ", name == NULL ? "" : name, "");
	}
	if (strcasecmp(name, "identity") != 0 && !is_keyword(name)) {
		import_say(im, at, true, "%s: is not known here",
		    import_shown(name));
		skip_line(w);
		return;
	}
	value = next_value(w);
	if (w->open) {
		import_say(im, at, true, "%s: the quotes are not closed",
		    import_shown(name));
		w->open = false;
		skip_line(w);
		return;
	}
	if (strcasecmp(name, "identity") == 0)
		f->now = begin_identity(im, value, at);
	else if (strcasecmp(name, "hostname") == 0)
		set_host(im, account, value, at);
	else
		import_apply(im, account, rows,
		    sizeof(rows) / sizeof(rows[0]), name, value, at, true);
}

/* whether anything was said of it */
static bool
is_empty(const struct import_account *account)
{
	for (size_t i = 0; i < IM_SLOTS; i++)
		if (account->slots[i].text != NULL)
			return false;
	return true;
}

static void
read_file(struct import *im, struct import_source *source)
{
	struct words w = { im, { source->file, 1 }, source->rest, false };
	struct file f = { NULL, NULL, NULL };
	char *name;

	f.now = f.global = import_add(im, "default", w.at);
	if (f.now == NULL)
		return;
	while ((name = next_word(&w)) != NULL && !im->failed) {
		if (*name == '\0' && *w.p == '=')
			w.p++;
		else
			read_statement(im, &w, &f, name);
		w.open = false;
	}
	/* the default is said so, or what stands first */
	if (is_empty(f.global)) {
		f.global->dropped = true;
		if (f.chosen == NULL)
			f.chosen = f.global->next;
	}
	if (f.chosen == NULL || f.chosen == f.global)
		return;
	if (!is_empty(f.global)) {
		import_say(im, f.global->at, true, "what stands before the"
		    " first identity is not used, since another one is the"
		    " default");
		f.global->dropped = true;
	}
	import_inherit(f.global, f.chosen);
	f.global->at = f.chosen->at;
	f.global->dropped = f.chosen->dropped;
	f.chosen->dropped = true;
}

/* ----------------------------------------------------------------- meaning */

static void
finish(struct import *im, struct import_account *account)
{
	const struct import_value *tls = &account->slots[IM_STARTTLS];
	struct import_value *path = &account->slots[IM_ENVELOPE_FROM];

	if (import_get(account, IM_HOST) == NULL)
		import_set(account, IM_HOST, "localhost", account->at);
	if (import_is(account, IM_STARTTLS, "required") ||
	    import_is(account, IM_STARTTLS, "enabled"))
		import_set(account, IM_TLS, "starttls", tls->at);
	else if (import_is(account, IM_STARTTLS, "disabled"))
		import_set(account, IM_TLS, "off", tls->at);
	else if (tls->text != NULL)
		import_say(im, tls->at, true, "starttls: is not one of"
		    " enabled, disabled, required");
	if (import_is(account, IM_STARTTLS, "enabled"))
		import_say(im, tls->at, false, "starttls: enabled goes on"
		    " without TLS where there is none, and this does not");
	if (path->text == NULL)
		return;
	/* our %U is the login name */
	char *pattern = import_keep(im, path->text, strlen(path->text));

	for (char *p = pattern; *p != '\0'; p++)
		if (p[0] == '%' && p[1] != '\0' && *++p == 'u')
			*p = 'U';
	path->text = pattern;
	import_set(account, IM_ENVELOPE_FIXED, "yes", path->at);
}

const struct import_program import_esmtp = {
	.name = "esmtp",
	.read = read_file,
	.finish = finish,
	.ports = { "587", "587", "465" },
};
