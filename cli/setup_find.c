/* SPDX-License-Identifier: MIT */
/*
 * setup_find.c - which server takes the mail of an address
 *
 * A known provider needs no question to anybody.  Else SRV records (RFC 6186,
 * RFC 8314), the domain's autoconfig document and its MX are looked at, and
 * only where all of them are silent the usual names are tried.  What each
 * answer is worth goes along with it.
 */
#include "setup.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DNS_SECONDS "5"
#define WEB_SECONDS "10"
#define MOST_MS 20000

/* one question to mailchute-lookup, and where its answers go */
struct question {
	const struct setup *s;
	struct setup_found *found;
	const char *tls;	/* of the SRV records that are asked for */
	char ascii[SETUP_HOST];
	bool told;		/* an answer was taken */
	bool decided;		/* the answer is "no such service" */
};

const char *
setup_trust_text(enum setup_trust trust)
{
	switch (trust) {
	case SETUP_GIVEN:
		return "you have named it";
	case SETUP_TABLE:
		return "a provider that mailchute knows";
	case SETUP_SIGNED:
		return "signed by DNSSEC";
	case SETUP_WEB:
		return "the domain's own web server says so, over verified "
		    "HTTPS";
	case SETUP_WITHIN:
		return "the server is in your domain; its certificate has to "
		    "prove it";
	case SETUP_UNVERIFIED:
		break;
	}
	return "nobody vouches for it";
}

static struct setup_server *
add(struct setup_found *found, const char *host, const char *port,
    const char *tls)
{
	struct setup_server *f;

	if (found->n == SETUP_SERVERS || strlen(host) >= SETUP_HOST)
		return NULL;
	f = &found->list[found->n++];
	memset(f, 0, sizeof(*f));
	snprintf(f->host, sizeof(f->host), "%s", host);
	snprintf(f->port, sizeof(f->port), "%s", port);
	snprintf(f->tls, sizeof(f->tls), "%s", tls);
	f->trust = SETUP_UNVERIFIED;
	return f;
}

static void
add_provider(struct setup_found *found, const struct setup_provider *p,
    enum setup_trust trust, const char *how)
{
	struct setup_server *f = add(found, p->host, p->port, p->tls);

	if (f == NULL)
		return;
	f->provider = p;
	f->trust = trust;
	f->oauth_only = p->auth == SETUP_OAUTH;
	snprintf(f->how, sizeof(f->how), "%s%s", p->name, how);
}

/* what unsigned DNS is worth: as much as the certificate can prove */
static enum setup_trust
dns_trust(const struct setup *s, const char *secure, const char *host)
{
	if (strcmp(secure, "1") == 0)
		return SETUP_SIGNED;
	return setup_inside(host, s->domain) ? SETUP_WITHIN :
	    SETUP_UNVERIFIED;
}

/* ----------------------------------------------------------------- answers */

static void
on_srv(void *ctx, const char *const *fields, size_t n)
{
	struct question *q = ctx;
	struct setup_server *f;

	if (n == 4 && strcmp(fields[0], "error") == 0 &&
	    strcmp(fields[3], "decided") == 0)
		q->decided = true;
	if (n != 6 || strcmp(fields[0], "srv") != 0 || q->told)
		return;
	q->told = true;
	f = add(q->found, fields[5], fields[4], q->tls);
	if (f == NULL)
		return;
	f->trust = dns_trust(q->s, fields[1], f->host);
	snprintf(f->how, sizeof(f->how), "SRV record of %s", q->s->domain);
}

static void
on_server(void *ctx, const char *const *fields, size_t n)
{
	struct question *q = ctx;
	struct setup_server *f;

	/* without TLS no log-in would be sent */
	if (n != 7 || strcmp(fields[0], "server") != 0 ||
	    strcmp(fields[4], "off") == 0)
		return;
	f = add(q->found, fields[2], fields[3], fields[4]);
	if (f == NULL)
		return;
	f->trust = SETUP_WEB;
	f->oauth_only = strcasecmp(fields[5], "OAuth2") == 0;
	snprintf(f->user, sizeof(f->user), "%s", fields[6]);
	snprintf(f->how, sizeof(f->how), "%.*s",
	    (int)strcspn(fields[1], "?"), fields[1]);
}

static void
on_mx(void *ctx, const char *const *fields, size_t n)
{
	struct question *q = ctx;
	const struct setup_provider *p;
	char how[SETUP_TEXT];

	if (n != 4 || strcmp(fields[0], "mx") != 0 || q->told)
		return;
	p = setup_provider_by_mx(fields[3]);
	if (p == NULL)
		return;
	q->told = true;
	snprintf(how, sizeof(how), ", as the MX record of %s says",
	    q->s->domain);
	add_provider(q->found, p, strcmp(fields[1], "1") == 0 ?
	    SETUP_SIGNED : SETUP_UNVERIFIED, how);
}

/* --------------------------------------------------------------- questions */

/* 0 if it was asked; -1 if we are to end, or (said) there is no helper */
static int
look_up(struct question *q, const char *command, const char *name,
    mc_line_fn fn)
{
	const struct setup_options *o = q->s->o;
	const char *args[16];
	struct mc_helper helper = { .name = "lookup", .args = args,
	    .timeout_ms = MOST_MS, .cancel_fd = cli_cancel_fd(), .line = fn,
	    .ctx = q };
	struct mc_err err = { 0 };
	size_t n = 0;

	if (o->dns != NULL) {
		args[n++] = "--server";
		args[n++] = o->dns;
	}
	if (o->ca_file != NULL) {
		args[n++] = "--ca-file";
		args[n++] = o->ca_file;
	}
	args[n++] = "--timeout";
	args[n++] = strcmp(command, "autoconfig") == 0 ? WEB_SECONDS :
	    DNS_SECONDS;
	args[n++] = command;
	args[n++] = name;
	args[n] = NULL;
	q->told = q->decided = false;
	if (mc_helper_run(&q->s->id->caller, &helper, &err) == 0)
		return 0;
	if (!cli_cancelled())
		cli_say("%s: servers cannot be looked up (the program belongs "
		    "to the package with libcurl, such as mailchute-curl)",
		    err.text);
	return -1;
}

/* SRV records of both kinds; -1 as above */
static int
ask_srv(struct question *q)
{
	static const char *const services[][2] = {
		{ "_submissions._tcp", "on" },
		{ "_submission._tcp", "starttls" },
	};
	char name[SETUP_HOST + 24];
	int no = 0;

	for (size_t i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s.%s", services[i][0],
		    q->s->domain);
		q->tls = services[i][1];
		if (strlen(name) >= SETUP_HOST)
			return 0;
		if (look_up(q, "srv", name, on_srv) != 0)
			return -1;
		no += q->decided;
	}
	q->found->none = no == 2;
	return 0;
}

void
setup_recognize(struct setup_server *f)
{
	const struct setup_provider *p;

	for (size_t i = 0; f->provider == NULL &&
	    (p = setup_provider_at(i)) != NULL; i++)
		if (strcasecmp(p->host, f->host) == 0) {
			f->provider = p;
			f->oauth_only = f->oauth_only ||
			    p->auth == SETUP_OAUTH;
		}
}

/* stable, and each server once, as the best one says it */
static void
sort(struct setup_found *found)
{
	struct setup_server sorted[SETUP_SERVERS];
	size_t n = 0;

	for (int trust = 0; trust <= SETUP_UNVERIFIED; trust++)
		for (size_t i = 0; i < found->n; i++) {
			const struct setup_server *f = &found->list[i];
			size_t k = 0;

			if ((int)f->trust != trust)
				continue;
			while (k < n && (strcasecmp(sorted[k].host,
			    f->host) != 0 || strcmp(sorted[k].port,
			    f->port) != 0))
				k++;
			if (k == n)
				sorted[n++] = *f;
			else if (sorted[k].user[0] == '\0')
				memcpy(sorted[k].user, f->user,
				    sizeof(f->user));
		}
	for (size_t i = 0; i < n; i++)
		setup_recognize(&sorted[i]);
	memcpy(found->list, sorted, n * sizeof(sorted[0]));
	found->n = n;
}

/* ----------------------------------------------------------------- guesses */

static int
guess(const struct setup *s, struct setup_found *found)
{
	static const char *const names[] = { "smtp", "mail" };
	static const char *const ways[][2] = {
		{ "465", "on" }, { "587", "starttls" },
	};
	struct setup_server f = { .trust = SETUP_WITHIN };
	struct mc_err err;

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 2; k++) {
			memset(&err, 0, sizeof(err));
			if (snprintf(f.host, sizeof(f.host), "%s.%s", names[i],
			    s->domain) >= (int)sizeof(f.host))
				return 0;
			snprintf(f.port, sizeof(f.port), "%s", ways[k][0]);
			snprintf(f.tls, sizeof(f.tls), "%s", ways[k][1]);
			snprintf(f.how, sizeof(f.how), "a guess: it answers "
			    "there");
			if (setup_try(s, &f, false, false, &err) == 0) {
				found->list[found->n++] = f;
				return 0;
			}
			if (cli_cancelled())
				return -1;
			/* no such name: not at the other port either */
			if (err.code == MC_E_RESOLVE)
				break;
		}
	return 0;
}

static void
on_name(void *ctx, const char *const *fields, size_t n)
{
	struct question *q = ctx;

	if (n == 2 && strcmp(fields[0], "name") == 0)
		snprintf(q->ascii, sizeof(q->ascii), "%s", fields[1]);
}

/* names outside ASCII, as answers have them; 0, or -1 as above */
static int
ask_name(struct question *q, struct setup *s)
{
	const char *p = s->domain;

	while (*p != '\0' && (unsigned char)*p < 0x80)
		p++;
	if (*p == '\0')
		return 0;
	if (look_up(q, "name", s->domain, on_name) != 0)
		return -1;
	snprintf(s->domain, sizeof(s->domain), "%s", q->ascii);
	return 0;
}

int
setup_find(struct setup *s, struct setup_found *ret)
{
	const struct setup_provider *p = setup_provider_of(s->domain);
	struct question q = { .s = s, .found = ret };

	memset(ret, 0, sizeof(*ret));
	if (p != NULL) {
		add_provider(ret, p, SETUP_TABLE, ", by your address");
		return 0;
	}
	if (s->o->no_lookup)
		return 0;
	if (ask_name(&q, s) == 0 && ask_srv(&q) == 0 && !ret->none &&
	    look_up(&q, "autoconfig", s->address, on_server) == 0 &&
	    ret->n == 0)
		(void)look_up(&q, "mx", s->domain, on_mx);
	if (cli_cancelled())
		return -1;
	sort(ret);
	if (ret->n != 0 || ret->none)
		return 0;
	return guess(s, ret);
}
