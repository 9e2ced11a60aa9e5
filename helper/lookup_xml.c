/* SPDX-License-Identifier: MIT */
/*
 * lookup_xml.c - the submission servers in a document of autoconfiguration
 *
 * clientConfig > emailProvider > outgoingServer type="smtp", with hostname,
 * port, socketType, username and authentication in it.  A document with a
 * DOCTYPE is refused as a whole: only attacks need entities here.
 */
#include <config.h>

#include "helper/lookup.h"

#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 16
#define SERVERS_MAX 16
#define TEXT_MAX 512
#define SERVER_DEPTH 3		/* how deep outgoingServer stands */

enum part {
	HOSTNAME,
	PORT,
	SOCKET_TYPE,
	USERNAME,
	AUTHENTICATION,
	N_PARTS
};

static const char *const part_names[N_PARTS] = {
	"hostname", "port", "socketType", "username", "authentication",
};

/* one that can be used; said once the whole document has been read */
struct server {
	char host[TEXT_MAX];
	char port[8];
	const char *tls;
	char auth[TEXT_MAX];
	char user[TEXT_MAX];
};

struct reader {
	XML_Parser parser;
	const struct lookup_page *page;
	const struct lookup_address *address;
	int depth;
	int known;		/* levels, from the root, that are as they should be */
	int part;		/* of a server, whose text comes now; -1: none */
	bool in_server;
	bool bad;		/* this server cannot be used */
	const char *refused;
	char parts[N_PARTS][TEXT_MAX];
	char text[TEXT_MAX];
	size_t len;
	struct server servers[SERVERS_MAX];
	int n;
};

static void
refuse(struct reader *r, const char *why)
{
	if (r->refused == NULL)
		r->refused = why;
	(void)XML_StopParser(r->parser, XML_FALSE);
}

/* ------------------------------------------------------------------ values */

/* blanks at both ends are the indentation's */
static void
trim(char *text)
{
	size_t n = strlen(text);
	size_t lead = strspn(text, " \t\r\n");

	while (n > lead && strchr(" \t\r\n", text[n - 1]) != NULL)
		n--;
	memmove(text, text + lead, n - lead);
	text[n - lead] = '\0';
}

/* append n bytes if they fit */
static bool
add(char *to, size_t size, const char *from, size_t n)
{
	size_t len = strlen(to);

	if (n >= size - len)
		return false;
	memcpy(to + len, from, n);
	to[len + n] = '\0';
	return true;
}

/* put the parts of the address where the document wants them */
static bool
substitute(const struct lookup_address *a, const char *from, char *ret,
    size_t size)
{
	const struct {
		const char *name;
		const char *value;
		size_t len;
	} names[] = {
		{ "%EMAILADDRESS%", a->whole, strlen(a->whole) },
		{ "%EMAILLOCALPART%", a->whole, a->local_len },
		{ "%EMAILDOMAIN%", a->domain, strlen(a->domain) },
	};

	ret[0] = '\0';
	while (*from != '\0') {
		const char *value = from;
		size_t len = 1, skip = 1;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			size_t n = strlen(names[i].name);

			if (strncmp(from, names[i].name, n) != 0)
				continue;
			value = names[i].value;
			len = names[i].len;
			skip = n;
		}
		if (!add(ret, size, value, len))
			return false;
		from += skip;
	}
	return true;
}

static bool
is_port(const char *text)
{
	unsigned n = 0;

	if (*text == '\0')
		return false;
	for (; *text >= '0' && *text <= '9' && n <= 65535; text++)
		n = n * 10 + (unsigned)(*text - '0');
	return *text == '\0' && n >= 1 && n <= 65535;
}

static const char *
tls_word(const char *socket_type)
{
	static const char *const words[][2] = {
		{ "SSL", "on" }, { "STARTTLS", "starttls" }, { "plain", "off" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(socket_type, words[i][0]) == 0)
			return words[i][1];
	return NULL;
}

/* several elements make words with commas between; not a word: left out */
static void
add_authentication(struct reader *r, const char *word)
{
	char *list = r->parts[AUTHENTICATION];

	if (word[0] == '\0' || strspn(word, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != strlen(word) ||
	    strlen(list) + strlen(word) + 2 > TEXT_MAX)
		return;
	if (list[0] != '\0')
		(void)add(list, TEXT_MAX, ",", 1);
	(void)add(list, TEXT_MAX, word, strlen(word));
}

/* a host that can have a certificate: no number in the last place */
static bool
is_host(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot == NULL ? host : dot + 1;

	return lookup_is_name(host, false) &&
	    strspn(last, "0123456789") != strlen(last);
}

static void
take_server(struct reader *r)
{
	struct server *s = &r->servers[r->n];
	const char *tls = tls_word(r->parts[SOCKET_TYPE]);

	if (r->bad || tls == NULL || !is_port(r->parts[PORT]) ||
	    !substitute(r->address, r->parts[HOSTNAME], s->host, TEXT_MAX) ||
	    !substitute(r->address, r->parts[USERNAME], s->user, TEXT_MAX))
		return;
	if (!is_host(s->host) ||
	    (s->user[0] != '\0' && !lookup_is_text(s->user)))
		return;
	s->tls = tls;
	(void)snprintf(s->port, sizeof(s->port), "%.7s", r->parts[PORT]);
	(void)snprintf(s->auth, TEXT_MAX, "%s", r->parts[AUTHENTICATION]);
	r->n++;
}

/* ---------------------------------------------------------------- elements */

static const char *
attribute(const XML_Char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(attributes[0], name) == 0)
			return attributes[1];
	return "";
}

static void XMLCALL
on_start(void *ctx, const XML_Char *name, const XML_Char **attributes)
{
	static const char *const path[] = { "clientConfig", "emailProvider" };
	struct reader *r = ctx;

	if (++r->depth > DEPTH_MAX) {
		refuse(r, "its elements are nested too deeply");
		return;
	}
	if (r->depth < SERVER_DEPTH) {
		if (r->known == r->depth - 1 &&
		    strcmp(name, path[r->depth - 1]) == 0)
			r->known = r->depth;
	} else if (r->depth == SERVER_DEPTH) {
		r->in_server = r->n < SERVERS_MAX &&
		    r->known == SERVER_DEPTH - 1 &&
		    strcmp(name, "outgoingServer") == 0 &&
		    strcasecmp(attribute(attributes, "type"), "smtp") == 0;
		memset(r->parts, 0, sizeof(r->parts));
		r->bad = false;
	} else if (r->depth == SERVER_DEPTH + 1 && r->in_server) {
		r->part = -1;
		for (int i = 0; i < N_PARTS; i++)
			if (strcmp(name, part_names[i]) == 0)
				r->part = i;
		r->text[0] = '\0';
		r->len = 0;
	}
}

static void XMLCALL
on_text(void *ctx, const XML_Char *text, int n)
{
	struct reader *r = ctx;

	if (!r->in_server || r->part < 0 || r->depth != SERVER_DEPTH + 1)
		return;
	if ((size_t)n >= TEXT_MAX - r->len) {
		r->bad = true;
		return;
	}
	memcpy(r->text + r->len, text, (size_t)n);
	r->len += (size_t)n;
	r->text[r->len] = '\0';
}

static void XMLCALL
on_end(void *ctx, const XML_Char *name)
{
	struct reader *r = ctx;

	(void)name;
	if (r->depth == SERVER_DEPTH + 1 && r->in_server && r->part >= 0) {
		trim(r->text);
		if (r->part == AUTHENTICATION)
			add_authentication(r, r->text);
		/* the first one counts */
		else if (r->parts[r->part][0] == '\0')
			(void)snprintf(r->parts[r->part], TEXT_MAX, "%s",
			    r->text);
		r->part = -1;
	} else if (r->depth == SERVER_DEPTH && r->in_server) {
		take_server(r);
		r->in_server = false;
	} else if (r->depth <= r->known)
		r->known = r->depth - 1;
	r->depth--;
}

static void XMLCALL
on_doctype(void *ctx, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int internal)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)internal;
	refuse(ctx, "it has a DOCTYPE, which could hold entities");
}

static void
say_servers(const struct reader *r)
{
	for (int i = 0; i < r->n; i++) {
		const struct server *s = &r->servers[i];

		lookup_say("server", r->page->url, s->host, s->port, s->tls,
		    s->auth, s->user, (char *)NULL);
	}
}

int
lookup_read(const struct lookup_page *page,
    const struct lookup_address *address, char *why, size_t size)
{
	struct reader *r = calloc(1, sizeof(*r));
	int said = -1;

	if (r == NULL || (r->parser = XML_ParserCreate(NULL)) == NULL) {
		lookup_why(why, size, "there is not enough memory");
		free(r);
		return -1;
	}
	r->page = page;
	r->address = address;
	r->part = -1;
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, page->data, (int)page->len, XML_TRUE) ==
	    XML_STATUS_OK && r->refused == NULL) {
		say_servers(r);
		said = r->n;
	} else
		lookup_why(why, size, "%s: %s", page->url,
		    r->refused != NULL ? r->refused :
		    XML_ErrorString(XML_GetErrorCode(r->parser)));
	XML_ParserFree(r->parser);
	free(r);
	return said;
}
