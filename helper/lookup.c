/* SPDX-License-Identifier: MIT */
/*
 * lookup.c - mailchute-lookup: what DNS and a domain's web server say
 *
 * A program of its own, so that no library for DNS, HTTP or XML comes into the
 * one that sends mail.  It prints records, one a line, fields with a TAB
 * between; mailchute-lookup(8) lists them.
 *
 * All that it reads was written by others: names, documents, redirections.
 * What is not of the expected form is left out, and what looks like an attack
 * is refused with the reason.
 */
#include <config.h>

#include "helper/lookup.h"

#include <idn2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#define SECONDS_USUAL 10
#define SECONDS_MOST 600
#define ADDRESS_MAX 320		/* RFC 3696, erratum 1690: 64 + 1 + 255 */

static const char usage[] =
    "usage: mailchute-lookup [--server ADDR:PORT] [--timeout SECONDS]\n"
    "           [--ca-file FILE] [--connect HOST:PORT] COMMAND\n"
    "commands: srv NAME, txt NAME, mx NAME, addr NAME, name NAME,\n"
    "          autoconfig ADDRESS\n";

int64_t
lookup_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
lookup_left(const struct lookup *l)
{
	int64_t left = l->deadline - lookup_now();

	return left > 0 ? (int)left : 0;
}

/* ------------------------------------------------------------------ output */

/* does a character of n bytes stand here?  0: nothing that is UTF-8 */
static size_t
utf8_len(const unsigned char *s, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 :
	    s[0] >> 3 == 30 ? 4 : 0;
	uint32_t c;

	if (n == 0)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return n;
}

/*
 * Controls, and what makes a terminal show another order than the bytes have:
 * a host that reads as somebody else's.
 */
static bool
is_shown(uint32_t c)
{
	return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x61c &&
	    !(c >= 0x200b && c <= 0x200f) && !(c >= 0x2028 && c <= 0x202e) &&
	    !(c >= 0x2060 && c <= 0x206f) && c != 0xfeff;
}

static void
put_field(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t c;
	size_t n;

	while (*p != '\0') {
		n = utf8_len(p, &c);
		if (n != 0 && is_shown(c))
			(void)fwrite(p, 1, n, stdout);
		else
			(void)putchar('?');
		p += n != 0 ? n : 1;
	}
}

void
lookup_say(const char *first, ...)
{
	const char *word;
	va_list ap;

	put_field(first);
	va_start(ap, first);
	while ((word = va_arg(ap, const char *)) != NULL) {
		(void)putchar('\t');
		put_field(word);
	}
	va_end(ap);
	(void)putchar('\n');
}

void
lookup_why(char *ret, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret, size, fmt, ap);
	va_end(ap);
}

void
lookup_error(const char *word, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lookup_say("error", word, text, (char *)NULL);
}

/* ------------------------------------------------------------------ checks */

bool
lookup_is_text(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	uint32_t c;
	size_t n;

	if (*p == '\0')
		return false;
	for (; *p != '\0'; p += n) {
		n = utf8_len(p, &c);
		if (n == 0 || !is_shown(c))
			return false;
	}
	return true;
}

static bool
is_label_char(char c, bool service)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || c == '-' || (c == '_' && service);
}

bool
lookup_is_name(const char *name, bool service)
{
	size_t n = strlen(name);
	size_t label = 0;

	if (n == 0 || n > LOOKUP_NAME_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (name[i] == '.') {
			if (label == 0 || name[i - 1] == '-')
				return false;
			label = 0;
		} else if (!is_label_char(name[i], service) ||
		    (label == 0 && name[i] == '-') || ++label > 63)
			return false;
	}
	return label != 0 && name[n - 1] != '-';
}

/* the name as DNS has it, where it is one outside ASCII (IDNA 2008) */
static bool
to_ascii(const char *name, char *ret, size_t size)
{
	char *ascii = NULL;
	bool good;

	for (const char *p = name; ; p++) {
		if (*p == '\0')
			return snprintf(ret, size, "%s", name) < (int)size;
		if ((unsigned char)*p >= 0x80)
			break;
	}
	good = lookup_is_text(name) && idn2_to_ascii_8z(name, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) == IDN2_OK &&
	    snprintf(ret, size, "%s", ascii) < (int)size;
	idn2_free(ascii);
	return good;
}

/* a host of the kind that has a certificate: no number in the last place */
static bool
is_domain(const char *name)
{
	const char *dot = strrchr(name, '.');

	return lookup_is_name(name, false) && dot != NULL &&
	    (dot[1] < '0' || dot[1] > '9');
}

static bool
parse_address(const char *text, struct lookup_address *ret)
{
	const char *at = strrchr(text, '@');

	if (at == NULL || at == text || strlen(text) > ADDRESS_MAX ||
	    !lookup_is_text(text) ||
	    !to_ascii(at + 1, ret->domain, sizeof(ret->domain)) ||
	    !is_domain(ret->domain))
		return false;
	ret->whole = text;
	ret->local_len = (size_t)(at - text);
	return true;
}

/* -------------------------------------------------------------- autoconfig */

/* in the order in which a domain's own word counts; both over HTTPS alone */
static const struct {
	const char *before;	/* the domain */
	const char *after;
} places[] = {
	{ "autoconfig.", "/mail/config-v1.1.xml" },
	{ "", "/.well-known/autoconfig/mail/config-v1.1.xml" },
};

#define N_PLACES (sizeof(places) / sizeof(places[0]))

/* what keeps the reason that is worth telling: the first that is not "none" */
struct reason {
	enum lookup_got got;
	char text[512];
};

static enum lookup_got
try_place(const struct lookup *l, const char *url, int ms,
    const struct lookup_address *address, char *why, size_t size)
{
	struct lookup_page page = { 0 };
	enum lookup_got got;
	int n;

	got = lookup_fetch(l, url, ms, &page, why, size);
	if (got != LOOKUP_FOUND)
		return got;
	n = lookup_read(&page, address, why, size);
	if (n == 0)
		lookup_why(why, size, "the document at %s names no "
		    "submission server that can be used", page.url);
	free(page.data);
	return n > 0 ? LOOKUP_FOUND : n == 0 ? LOOKUP_NONE : LOOKUP_REFUSED;
}

static int
autoconfig(const struct lookup *l, const char *text)
{
	static const char *const words[] = { "", "none", "temporary", "refused" };
	struct lookup_address address;
	struct reason first = { LOOKUP_FOUND, "" };
	char url[1536], why[512];
	char *escaped;

	if (!parse_address(text, &address))
		return EX_USAGE;
	escaped = lookup_escape(text);
	for (size_t i = 0; i < N_PLACES && escaped != NULL; i++) {
		enum lookup_got got;

		(void)snprintf(url, sizeof(url),
		    "https://%s%s%s?emailaddress=%s", places[i].before,
		    address.domain, places[i].after, escaped);
		/* the first one must not use up the time of the second */
		got = try_place(l, url, i + 1 < N_PLACES ?
		    lookup_left(l) / 2 : lookup_left(l), &address, why,
		    sizeof(why));
		if (got == LOOKUP_FOUND || got == LOOKUP_BROKEN) {
			lookup_free(escaped);
			return got == LOOKUP_FOUND ? EX_OK : EX_OSERR;
		}
		if (first.got == LOOKUP_FOUND ||
		    (first.got == LOOKUP_NONE && got != LOOKUP_NONE)) {
			first.got = got;
			(void)snprintf(first.text, sizeof(first.text), "%s",
			    why);
		}
	}
	if (escaped == NULL)
		return EX_OSERR;
	lookup_free(escaped);
	lookup_error(words[first.got], "%s", first.text);
	return EX_OK;
}

/* ------------------------------------------------------------ command line */

static bool
parse_number(const char *text, int most, int *ret)
{
	int n = 0;

	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9' && n <= most; text++)
		n = n * 10 + (*text - '0');
	*ret = n;
	return *text == '\0' && n >= 1 && n <= most;
}

/* HOST:PORT, and nothing that libcurl or c-ares would cut into several */
static bool
is_place(const char *text)
{
	const char *colon = strrchr(text, ':');
	int port;

	return colon != NULL && colon != text && strlen(text) < 300 &&
	    strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789.-:[]") == strlen(text) &&
	    parse_number(colon + 1, 65535, &port);
}

/* one option with its value; how many words it took, 0 if it is none */
static int
option(struct lookup *l, char **argv, int *ret_seconds)
{
	const char *name = argv[0], *value = argv[1];

	if (value == NULL)
		return 0;
	if (strcmp(name, "--server") == 0 && is_place(value))
		l->server = value;
	else if (strcmp(name, "--connect") == 0 && is_place(value))
		l->connect = value;
	else if (strcmp(name, "--ca-file") == 0 && value[0] != '\0')
		l->ca_file = value;
	else if (strcmp(name, "--timeout") != 0 ||
	    !parse_number(value, SECONDS_MOST, ret_seconds))
		return 0;
	return 2;
}

static int
run(const struct lookup *l, const char *command, const char *name)
{
	static const struct {
		const char *command;
		enum lookup_type type;
		bool service;
	} types[] = {
		{ "srv", LOOKUP_SRV, true },
		{ "txt", LOOKUP_TXT, true },
		{ "mx", LOOKUP_MX, false },
		{ "addr", LOOKUP_ADDR, false },
	};

	char ascii[LOOKUP_NAME_MAX + 1];

	if (strcmp(command, "autoconfig") == 0)
		return autoconfig(l, name);
	if (!to_ascii(name, ascii, sizeof(ascii)))
		return EX_USAGE;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(command, types[i].command) == 0)
			return lookup_is_name(ascii, types[i].service) ?
			    lookup_dns(l, types[i].type, ascii) : EX_USAGE;
	if (strcmp(command, "name") != 0 || !lookup_is_name(ascii, false))
		return EX_USAGE;
	lookup_say("name", ascii, (char *)NULL);
	return EX_OK;
}

int
main(int argc, char *argv[])
{
	struct lookup l = { 0 };
	int seconds = SECONDS_USUAL;
	int status = EX_USAGE;
	int at = 1;
	int n;

	while (at < argc && argv[at][0] == '-' &&
	    (n = option(&l, argv + at, &seconds)) != 0)
		at += n;
	if (argc - at == 2) {
		l.deadline = lookup_now() + (int64_t)seconds * 1000;
		/* should a library ever hang where it takes no time limit */
		(void)alarm((unsigned)seconds + 5);
		status = run(&l, argv[at], argv[at + 1]);
	}
	if (status == EX_USAGE)
		(void)fputs(usage, stderr);
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		status = EX_IOERR;
	return status;
}
