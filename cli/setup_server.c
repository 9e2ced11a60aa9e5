/* SPDX-License-Identifier: MIT */
/*
 * setup_server.c - choose a server: the one that was named, or one of those
 * that were found, each shown with what it is worth
 */
#include "setup_ask.h"

#include "term.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* a name or an address, which stands on a line of its own in the file */
static bool
is_host(const char *host)
{
	size_t n = strlen(host);

	if (n == 0 || n >= SETUP_HOST || host[0] == '-')
		return false;
	for (; *host != '\0'; host++)
		if ((unsigned char)*host <= ' ' || *host == 0x7f ||
		    strchr("@/\\\"'<>()", *host) != NULL)
			return false;
	return true;
}

static int
use_given(struct setup *s, const char *host, const char *port,
    const char *tls)
{
	struct setup_server *f = &s->server;

	if (!is_host(host)) {
		cli_say("setup: %.100s is no name of a server", host);
		return EX_USAGE;
	}
	memset(f, 0, sizeof(*f));
	if (tls == NULL)
		tls = port != NULL && strcmp(port, "465") != 0 ? "starttls" :
		    "on";
	if (port == NULL)
		port = strcmp(tls, "on") == 0 ? "465" : "587";
	snprintf(f->host, sizeof(f->host), "%s", host);
	snprintf(f->port, sizeof(f->port), "%s", port);
	snprintf(f->tls, sizeof(f->tls), "%s", tls);
	f->trust = SETUP_GIVEN;
	setup_recognize(f);
	return 0;
}

/* ----------------------------------------------------------------- by hand */

static int
ask_by_hand(struct setup *s)
{
	static const char *const ways[] = { "TLS from the start",
	    "STARTTLS: TLS after a greeting in clear" };
	char host[SETUP_HOST], port[16];
	char *end;
	unsigned long n;
	int way;

	do
		if (cli_ask("Name of the mail server", NULL, host,
		    sizeof(host)) != 0)
			return setup_stopped();
	while (!is_host(host));
	do {
		if (cli_ask("Port", "465", port, sizeof(port)) != 0)
			return setup_stopped();
		n = strtoul(port, &end, 10);
	} while (*end != '\0' || n == 0 || n > 65535);
	if (n == 465 || n == 587)
		return use_given(s, host, port, NULL);
	way = cli_ask_which("What is spoken there", ways, 2, 0);
	if (way < 0)
		return setup_stopped();
	return use_given(s, host, port, way == 0 ? "on" : "starttls");
}

/* ------------------------------------------------------------------- found */

static void
show(const struct setup_server *f)
{
	bool good = f->trust != SETUP_UNVERIFIED;

	printf("Server:  %s%s%s, port %s, %s\n", cli_colour(stdout,
	    CLI_STRONG), f->host, cli_colour(stdout, CLI_PLAIN), f->port,
	    strcmp(f->tls, "on") == 0 ? "TLS from the start" : "STARTTLS");
	printf("Found:   %s\n", f->how);
	printf("Trust:   %s%s%s\n", cli_colour(stdout, good ? CLI_GOOD :
	    CLI_WARNING), setup_trust_text(f->trust), cli_colour(stdout,
	    CLI_PLAIN));
	if (!good)
		printf("         Whoever can change DNS answers on the way to "
		    "you could have made it,\n"
		    "         and would get your password.\n");
	(void)fflush(stdout);
}

/* 1 take it, 0 not, -1 stopped */
static int
agree(const struct setup *s, const struct setup_server *f)
{
	if (f->trust == SETUP_UNVERIFIED && !s->o->accept_unverified)
		return cli_ask_yes("Use it all the same", false);
	return cli_ask_yes("Use it", true);
}

static int
use_best(struct setup *s, const struct setup_found *found)
{
	const struct setup_server *f = &found->list[0];

	if (found->n == 0) {
		cli_say("no mail server was found for %s%s: name it with "
		    "--host", s->domain, found->none ? ", which says that it "
		    "has none" : "");
		return EX_NOHOST;
	}
	show(f);
	if (f->trust == SETUP_UNVERIFIED && !s->o->accept_unverified) {
		cli_say("nobody vouches for %s: if it is the right server, "
		    "give --host %s, or --accept-unverified", f->host,
		    f->host);
		return EX_NOPERM;
	}
	s->server = *f;
	return 0;
}

int
setup_ask_server(struct setup *s)
{
	struct setup_found *found;
	int yes = 0, status = 0;

	if (s->o->host != NULL)
		return use_given(s, s->o->host, s->o->port, s->o->tls);
	found = calloc(1, sizeof(*found));
	if (found == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	printf("Looking for the mail server of %s ...\n", s->domain);
	(void)fflush(stdout);
	if (setup_find(s, found) != 0) {
		status = setup_stopped();
	} else if (!s->ask) {
		status = use_best(s, found);
	} else {
		for (size_t i = 0; i < found->n && yes == 0; i++) {
			show(&found->list[i]);
			yes = agree(s, &found->list[i]);
			if (yes > 0)
				s->server = found->list[i];
		}
		if (found->n == 0)
			printf("None was found%s.  Your provider's help pages "
			    "name it: \"SMTP server\".\n", found->none ?
			    ", and the domain says that it has none" : "");
		(void)fflush(stdout);
		status = yes < 0 ? setup_stopped() : yes > 0 ? 0 :
		    ask_by_hand(s);
	}
	free(found);
	return status;
}
