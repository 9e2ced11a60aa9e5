/* SPDX-License-Identifier: MIT */
/*
 * import_git.c - what git send-email has been told, as sendemail.*
 */
#include "import.h"

#include <string.h>
#include <strings.h>

#define SECTION "sendemail"

static const struct import_row rows[] = {
	{ "smtpserver", IM_TAKE, IM_HOST, NULL },
	{ "smtpserverport", IM_TAKE, IM_PORT, NULL },
	{ "smtpencryption", IM_TAKE, IM_TLS, NULL },
	{ "smtpssl", IM_SWITCH, IM_STARTTLS, NULL },
	{ "smtpuser", IM_TAKE, IM_USER, NULL },
	{ "smtppass", IM_TAKE, IM_PASSWORD, NULL },
	{ "smtpdomain", IM_TAKE, IM_EHLO_NAME, NULL },
	{ "smtpauth", IM_TAKE, IM_AUTH, NULL },
	{ "smtpsslcertpath", IM_TAKE, IM_CA_FILE, NULL },
	{ "smtpbatchsize", IM_TAKE, IM_PER_CONNECTION, NULL },
	{ "smtprelogindelay", IM_LEFT_SET, IM_NOTHING,
	    "connections are not kept apart by time, see rate" },
	{ "smtpserveroption", IM_LEFT_SET, IM_NOTHING,
	    "is for a program that is called, such as this one" },
	{ "from", IM_TAKE, IM_FROM, NULL },
	{ "envelopesender", IM_TAKE, IM_ENVELOPE_FROM, NULL },
	{ "identity", IM_TAKE, IM_OWN_1, NULL },
	{ "sendmailcmd", IM_TAKE, IM_OWN_2, NULL },
};

/* ------------------------------------------------- the file format of git */

struct scan {
	struct import *im;	/* NULL: say nothing */
	struct import *memory;
	struct import_source *source;
	import_git_fn fn;
	void *ctx;
	const char *section;	/* "sendemail.", "sendemail.work.", or NULL */
};

static void
odd(const struct scan *s, unsigned line, const char *what)
{
	if (s->im != NULL)
		import_say(s->im, (struct import_place){ s->source->file,
		    line }, true, "%s", what);
}

static char *
lower(char *text)
{
	for (char *p = text; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p - 'A' + 'a');
	return text;
}

/* [section], [section "sub section"], [section.sub]; what is behind it, or
 * NULL */
static char *
scan_section(struct scan *s, char *line)
{
	char *name = line + 1, *sub, *to;
	size_t n = strcspn(name, "] \t");

	if (name[n] == '\0')
		return NULL;
	if (name[n] == ']') {
		name[n] = '\0';
		s->section = import_join(s->memory, lower(name), ".", "");
		return name + n + 1;
	}
	sub = name + n + strspn(name + n, " \t");
	name[n] = '\0';
	if (*sub++ != '"')
		return NULL;
	s->section = import_join(s->memory, lower(name), ".", "");
	for (name = to = sub; *sub != '\0' && *sub != '"'; sub++) {
		if (*sub == '\\' && sub[1] != '\0')
			sub++;
		*to++ = *sub;
	}
	if (*sub != '"' || sub[1] != ']')
		return NULL;
	*to = '\0';
	s->section = import_join(s->memory, s->section, name, ".");
	return sub + 2;
}

/*
 * The value, in quotes or not, written over itself; a backslash at the end of
 * a line joins the next one.  NULL if it is broken.
 */
static char *
scan_value(struct scan *s, const char *line)
{
	struct cli_text out = { NULL, 0, 0, false };
	size_t end = 0;		/* behind the last byte that counts */
	bool quoted = false, good = true;
	char *kept;

	line += strspn(line, " \t");
	for (const char *p = line; good && p != NULL && *p != '\0'; p++) {
		char c = *p;

		if (!quoted && (c == '#' || c == ';'))
			break;
		if (c == '"') {
			quoted = !quoted;
			end = out.len;
			continue;
		}
		if (c == '\\' && p[1] == '\0') {
			p = import_line(s->memory, s->source);
			if (p == NULL)
				break;
			/* the loop steps on: one before the line begins */
			line = import_join(s->memory, " ", p, "");
			p = line;
			continue;
		}
		if (c == '\\') {
			static const char from[] = "ntb\"\\";
			static const char to[] = "\n\t\b\"\\";
			const char *at = strchr(from, *++p);

			good = at != NULL;
			c = good ? to[at - from] : c;
		}
		cli_text_add(&out, &c, 1);
		if (quoted || (c != ' ' && c != '\t'))
			end = out.len;
	}
	s->memory->failed = s->memory->failed || out.failed;
	kept = good && !quoted ?
	    import_keep(s->memory, out.len == 0 ? "" : out.ptr, end) : NULL;
	cli_text_free(&out);
	return kept;
}

static void
scan_key(struct scan *s, char *line)
{
	unsigned number = s->source->line;
	size_t n = strcspn(line, "= \t#;");
	char *name = lower(import_keep(s->memory, line, n));
	const char *value = "";

	line += n;
	line += strspn(line, " \t");
	if (n == 0 || s->section == NULL ||
	    (*line != '=' && *line != '\0' && *line != '#' && *line != ';')) {
		odd(s, number, "is neither a section nor a key");
		return;
	}
	if (*line == '=')
		value = scan_value(s, line + 1);
	if (value == NULL) {
		odd(s, number, "the value is broken: a quote without its end,"
		    " or an unknown backslash");
		return;
	}
	s->fn(s->ctx, import_join(s->memory, s->section, name, ""), value,
	    number);
}

void
import_git_scan(struct import *im, struct import_source *source,
    struct import *memory, import_git_fn fn, void *ctx)
{
	struct scan s = { im, memory, source, fn, ctx, NULL };
	char *line;

	while ((line = import_line(memory, source)) != NULL &&
	    !memory->failed) {
		line = import_trim(line);
		if (*line == '[') {
			line = scan_section(&s, line);
			if (line == NULL) {
				s.section = NULL;
				odd(&s, source->line, "is no section");
				continue;
			}
			line = import_trim(line);
		}
		if (*line != '\0' && *line != '#' && *line != ';')
			scan_key(&s, line);
	}
}

/* ------------------------------------------------------------------ keys */

/* the rest of the key if it is of the section that we are here for */
static const char *
of_section(const char *key)
{
	size_t n = strlen(SECTION);

	return strncasecmp(key, SECTION ".", n + 1) == 0 ? key + n + 1 : NULL;
}

/* what is not about the server is for git itself, which goes on using it */
static bool
is_row(const char *name)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcasecmp(rows[i].name, name) == 0)
			return true;
	return false;
}

static struct import_account *
account_of(struct import *im, const char *name, size_t n,
    struct import_place at)
{
	char *sub = import_keep(im, name, n);
	struct import_account *account;

	for (account = im->first; account != NULL; account = account->next)
		if (account->slots[IM_OWN_3].text != NULL &&
		    strcmp(account->slots[IM_OWN_3].text, sub) == 0)
			return account;
	account = import_add(im, sub, at);
	if (account != NULL)
		import_set(account, IM_OWN_3, sub, at);
	return account;
}

static void
add_key(struct import *im, const char *key, const char *value,
    struct import_place at)
{
	struct import_account *account = &im->lead;
	const char *rest = of_section(key);
	const char *name = rest == NULL ? NULL : strrchr(rest, '.');

	if (rest == NULL) {
		if (strncasecmp(key, "include", 7) == 0 && at.line != 0)
			import_say(im, at, true, "other files are not"
			    " followed: leave the file's name out, and git"
			    " is asked");
		return;
	}
	name = name == NULL ? rest : name + 1;
	if (!is_row(name))
		return;
	if (name != rest)
		account = account_of(im, rest, (size_t)(name - 1 - rest), at);
	if (account != NULL)
		import_apply(im, account, rows,
		    sizeof(rows) / sizeof(rows[0]), name, value, at, true);
}

struct adding {
	struct import *im;
	const char *file;
};

static void
add_scanned(void *ctx, const char *key, const char *value, unsigned line)
{
	const struct adding *a = ctx;

	add_key(a->im, key, value, (struct import_place){ a->file, line });
}

static void
read_file(struct import *im, struct import_source *source)
{
	struct adding a = { im, source->file };

	import_git_scan(im, source, im, add_scanned, &a);
}

/* ------------------------------------------------------------- git's list */

struct finding {
	const char *key;
	const char *value;
	unsigned line;
};

static void
find_scanned(void *ctx, const char *key, const char *value, unsigned line)
{
	struct finding *f = ctx;

	if (strcasecmp(f->key, key) == 0 && strcmp(f->value, value) == 0)
		f->line = line;
}

/* git says which file a key stands in, but not in which line */
static unsigned
find_line(struct import *im, const char *file, const char *key,
    const char *value)
{
	struct finding f = { key, value, 0 };
	struct import_source source;

	if (import_open(im, file, &source) == 0)
		import_git_scan(NULL, &source, im, find_scanned, &f);
	return f.line;
}

int
import_git_list(struct import *im, const char *text, size_t len)
{
	const char *p = text, *end = text + len;

	while (p < end) {
		const char *origin = p;
		const char *key = memchr(origin, '\0', (size_t)(end - p));
		const char *stop, *value;
		struct import_place at = { origin, 0 };
		char *name;

		if (key == NULL)
			return -1;
		key++;
		stop = memchr(key, '\0', (size_t)(end - key));
		if (stop == NULL)
			return -1;
		p = stop + 1;
		if (of_section(key) == NULL)
			continue;
		value = memchr(key, '\n', (size_t)(stop - key));
		name = import_keep(im, key,
		    (size_t)((value == NULL ? stop : value) - key));
		value = value == NULL ? "" :
		    import_keep(im, value + 1, (size_t)(stop - value - 1));
		if (strncmp(origin, "file:", 5) == 0) {
			at.file = origin + 5;
			at.line = find_line(im, at.file, name, value);
		}
		at.file = import_keep(im, at.file, strlen(at.file));
		add_key(im, name, value, at);
	}
	return 0;
}

/* ----------------------------------------------------------------- meaning */

/* [sendemail] holds for each identity that does not say otherwise */
static void
end(struct import *im)
{
	struct import_account base = im->lead;
	const char *chosen = import_get(&base, IM_OWN_1);
	struct import_account *account, *twin = NULL;

	memset(im->lead.slots, 0, sizeof(im->lead.slots));
	for (account = im->first; account != NULL; account = account->next) {
		struct import_account own = *account;

		import_inherit(account, &base);
		import_inherit(account, &own);
		if (chosen != NULL && import_is(account, IM_OWN_3, chosen))
			twin = account;
	}
	if (chosen != NULL && twin == NULL)
		import_say(im, base.slots[IM_OWN_1].at, true,
		    "identity: there is none of this name");
	if (twin == NULL && import_get(&base, IM_HOST) == NULL &&
	    import_get(&base, IM_OWN_2) == NULL)
		return;
	account = import_add(im, "default", twin != NULL ? twin->at :
	    base.slots[import_get(&base, IM_HOST) != NULL ? IM_HOST :
	    IM_OWN_2].at);
	if (account != NULL)
		import_inherit(account, twin != NULL ? twin : &base);
}

/* "Name <address>" */
static void
mean_from(struct import *im, struct import_account *account)
{
	struct import_value *from = &account->slots[IM_FROM];
	const char *left, *right;
	char *name;

	if (import_is(account, IM_ENVELOPE_FROM, "auto"))
		account->slots[IM_ENVELOPE_FROM].text = NULL;
	left = from->text == NULL ? NULL : strrchr(from->text, '<');
	right = left == NULL ? NULL : strchr(left, '>');
	if (right == NULL)
		return;
	name = import_trim(import_keep(im, from->text,
	    (size_t)(left - from->text)));
	if (name[0] == '"' && strlen(name) > 1 &&
	    name[strlen(name) - 1] == '"') {
		name[strlen(name) - 1] = '\0';
		name++;
	}
	import_set(account, IM_FROM_NAME, name, from->at);
	from->text = import_keep(im, left + 1, (size_t)(right - left - 1));
}

static void
mean_tls(struct import *im, struct import_account *account)
{
	struct import_value *tls = &account->slots[IM_TLS];
	struct import_value *trust = &account->slots[IM_CA_FILE];

	if (import_is(account, IM_STARTTLS, "on") && tls->text == NULL)
		*tls = account->slots[IM_STARTTLS];
	if (import_is(account, IM_TLS, "ssl"))
		tls->text = "on";
	else if (import_is(account, IM_TLS, "tls"))
		tls->text = "starttls";
	else if (tls->text != NULL && strcmp(tls->text, "on") != 0)
		tls->text = "off";
	if (trust->text != NULL && *trust->text == '\0') {
		import_set(account, IM_VERIFY, "off", trust->at);
		trust->text = NULL;
	} else if (trust->text != NULL && strlen(trust->text) > 1 &&
	    import_is_directory(im, trust->text)) {
		account->slots[IM_CA_DIR] = *trust;
		trust->text = NULL;
	}
}

/* a password that stands nowhere is what git credential is for */
static void
mean_password(struct import *im, struct import_account *account)
{
	const char *user = import_get(account, IM_USER);
	const char *host = import_get(account, IM_HOST);
	const char *port = import_get(account, IM_PORT);
	const char *command;

	if (port == NULL)
		port = import_is(account, IM_TLS, "on") ? "465" : "25";
	if (import_is(account, IM_AUTH, "none"))
		account->slots[IM_AUTH].text = "off";
	if (user == NULL || import_get(account, IM_PASSWORD) != NULL ||
	    host == NULL || import_is(account, IM_AUTH, "off") ||
	    !import_is_plain(user) || !import_is_plain(host) ||
	    !import_is_plain(port))
		return;
	command = import_join(im, "export GIT_TERMINAL_PROMPT=0;"
	    " printf \"protocol=smtp\\nhost=", host, ":");
	command = import_join(im, command, port, "\\nusername=");
	command = import_join(im, command, user, "\\n\\n\" |"
	    " git credential fill | sed -n s/^password=//p");
	import_set(account, IM_PASSWORD_COMMAND, command,
	    account->slots[IM_USER].at);
}

static void
finish(struct import *im, struct import_account *account)
{
	const struct import_value *host = &account->slots[IM_HOST];
	const char *colon;

	if (import_get(account, IM_OWN_2) != NULL) {
		import_say(im, account->slots[IM_OWN_2].at, true,
		    "sendmailcmd: git gives its mail to a program already,"
		    " which may be mailchute");
		account->dropped = true;
		return;
	}
	if (host->text != NULL && host->text[0] == '/') {
		import_say(im, host->at, true, "smtpserver: git gives its"
		    " mail to a program already, which may be mailchute");
		account->dropped = true;
		return;
	}
	/* with two of them it is an address */
	colon = host->text == NULL ? NULL : strchr(host->text, ':');
	if (colon != NULL && strchr(colon + 1, ':') == NULL) {
		if (import_get(account, IM_PORT) == NULL)
			import_set(account, IM_PORT, colon + 1, host->at);
		import_set(account, IM_HOST, import_keep(im, host->text,
		    (size_t)(colon - host->text)), host->at);
	}
	mean_from(im, account);
	mean_tls(im, account);
	mean_password(im, account);
}

const struct import_program import_git = {
	.name = "git",
	.read = read_file,
	.end = end,
	.finish = finish,
	.ports = { "25", "25", "465" },
};
