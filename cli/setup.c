/* SPDX-License-Identifier: MIT */
/*
 * setup.c - mailchute setup: from an address and a password to an account
 *
 * All that the account needs is asked and tried first, then all of it is
 * written, so that whoever stops at a question leaves nothing half-written.
 * The timer and the test mail come after that, and need no more of it.
 */
#include "setup.h"

#include "setup_ask.h"
#include "term.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS 3		/* of a password that is not taken */

int
setup_stopped(void)
{
	cli_say("stopped; nothing was changed");
	return EX_TEMPFAIL;
}

/* --------------------------------------------------------------------- try */

static bool
may_log_in(const struct setup *s)
{
	return s->user[0] != '\0' && !s->oauth &&
	    (s->has_secret || s->source[0] != '\0');
}

/* for a queue a refused log-in is a reason to wait; here it is an answer */
static int
status_of(const struct mc_err *err)
{
	return err->code == MC_E_AUTH_REFUSED ? EX_NOPERM : mc_err_exit(err);
}

/* the log-in was refused: once more, with another name or password? */
static int
ask_again(struct setup *s, const struct mc_err *err, int round)
{
	char usual[sizeof(s->user)];
	bool typed = s->has_secret && s->o->password_fd == NULL &&
	    s->o->password_file == NULL;

	(void)cli_fail(err);
	if (s->server.provider != NULL &&
	    s->server.provider->auth == SETUP_APP_PASSWORD)
		printf("%s takes no other password than one that was made for "
		    "a program:\n%s\n", s->server.provider->name,
		    s->server.provider->note);
	if (!s->ask || !typed || round + 1 == ROUNDS)
		return -1;
	memcpy(usual, s->user, sizeof(usual));
	do
		if (cli_ask("User name", usual, s->user,
		    sizeof(s->user)) != 0)
			return setup_stopped();
	while (!setup_is_value(s->user));
	return setup_ask_secret(s);
}

static int
try_server(struct setup *s)
{
	struct mc_err err;
	int status, yes;

	if (s->o->no_try)
		return 0;
	printf("Trying %s ...\n", s->server.host);
	(void)fflush(stdout);
	for (int round = 0; ; round++) {
		memset(&err, 0, sizeof(err));
		if (setup_try(s, &s->server, may_log_in(s), true, &err) == 0)
			return 0;
		if (cli_cancelled())
			return setup_stopped();
		if (err.code != MC_E_AUTH_REFUSED)
			break;
		status = ask_again(s, &err, round);
		if (status < 0) {
			cli_say("nothing was written");
			return status_of(&err);
		}
		if (status > 0)
			return status;
	}
	(void)cli_fail(&err);
	if (!s->ask) {
		cli_say("nothing was written; --no-try writes without trying");
		return status_of(&err);
	}
	yes = cli_ask_yes("Write the account all the same", false);
	if (yes > 0)
		return 0;
	(void)setup_stopped();
	return yes < 0 ? EX_TEMPFAIL : status_of(&err);
}

/* ----------------------------------------------------------------- writing */

/* a lone account takes all mail, whatever it is called; two do not */
static bool
lost_default(const struct setup *s)
{
	return s->old != NULL && setup_has_accounts(s->old) &&
	    !setup_has_account(s->old, "default") &&
	    !setup_has_account(s->old, s->account) &&
	    strcmp(s->account, "default") != 0;
}

static int
write_account(struct setup *s)
{
	const char *store = "none";
	int status = 0;

	if (s->has_secret && s->source[0] == '\0')
		status = setup_choose_store(s, &store);
	if (status != 0)
		return setup_stopped();
	/* the last moment at which nothing has been changed */
	if (cli_cancelled())
		return setup_stopped();
	status = setup_make_place(s);
	if (status == 0)
		status = setup_keep_secret(s, store);
	if (status == 0)
		status = setup_write_file(s);
	if (status != 0) {
		setup_forget_secret(s);
		return status;
	}
	printf("%sWrote%s   account %s in %s\n", cli_colour(stdout, CLI_GOOD),
	    cli_colour(stdout, CLI_PLAIN), s->account, s->file);
	if (s->old != NULL)
		printf("        what was there before is in %s~\n", s->file);
	if (lost_default(s))
		printf("%sNote%s    no account is called default, so mail from "
		    "other addresses than\n"
		    "        those in \"from\" is refused: call one of them "
		    "[account default]\n", cli_colour(stdout, CLI_WARNING),
		    cli_colour(stdout, CLI_PLAIN));
	return 0;
}

static int
log_in(struct setup *s)
{
	char command[] = "login", conf[] = "-C";
	char *argv[] = { command, conf, s->file, s->account, NULL };

	return cli_login(s->id, 4, argv);
}

static int
finish(struct setup *s)
{
	int status;

	setup_timer(s);
	if (s->oauth) {
		if (!s->ask || cli_ask_yes("Log in at the provider now",
		    true) <= 0) {
			printf("One step is left, the log-in at the provider:"
			    "\n  mailchute login %s\n", s->account);
			return 0;
		}
		(void)fflush(stdout);
		status = log_in(s);
		return status == 0 ? setup_test(s) : status;
	}
	if (strstr(s->source, "$CREDENTIALS_DIRECTORY") != NULL ||
	    (s->user[0] != '\0' && s->source[0] == '\0'))
		return 0;
	return setup_test(s);
}

/* ----------------------------------------------------------------- command */

static void
list_providers(void)
{
	const struct setup_provider *p;

	for (size_t i = 0; (p = setup_provider_at(i)) != NULL; i++)
		printf("%s\n  server   %s, port %s, tls = %s\n"
		    "%s%s%s%s%s%s%s%s%s  source   %s\n", p->name, p->host,
		    p->port, p->tls, p->domains[0] != '\0' ? "  domains  " :
		    "", p->domains, p->domains[0] != '\0' ? "\n" : "",
		    p->mx[0] != '\0' ? "  MX       " : "", p->mx,
		    p->mx[0] != '\0' ? "\n" : "", p->note[0] != '\0' ?
		    "  note     " : "", p->note, p->note[0] != '\0' ? "\n" :
		    "", p->source);
}

static void
clear(struct setup *s)
{
	volatile char *p = s->secret;

	for (size_t i = 0; i < sizeof(s->secret); i++)
		p[i] = '\0';
	free(s->old);
	free(s);
}

int
cli_setup(const struct cli_identity *id, int argc, char **argv)
{
	static int (*const steps[])(struct setup *) = {
		setup_ask_address, setup_read_file, setup_ask_account,
		setup_ask_server, setup_ask_user, setup_ask_secret, try_server,
		write_account, finish,
	};
	struct setup_options o;
	struct setup *s;
	int status = setup_parse(&o, argc, argv);

	if (status != 0)
		return status;
	if (o.help || o.providers) {
		if (o.help)
			setup_help(stdout);
		else
			list_providers();
		return 0;
	}
	s = calloc(1, sizeof(*s));
	if (s == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	s->id = id;
	s->o = &o;
	s->ask = !o.yes && cli_can_ask();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) &&
	    status == 0; i++) {
		status = steps[i](s);
		(void)fflush(stdout);
	}
	clear(s);
	return status;
}
