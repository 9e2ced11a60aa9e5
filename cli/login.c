/* SPDX-License-Identifier: MIT */
/*
 * login.c - mailchute login and logout: OAuth 2.0 tokens for an account
 */
#include "cli.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct args {
	struct mc_oauth_options options;
	const char *file;	/* -C */
	bool help;
};

static const char help_login[] =
"usage: mailchute login [--flow=FLOW] [--browser] [-C file] [account]\n"
"\n"
"Log in at the provider of an account (default: the default account) by OAuth\n"
"2.0.  The token is kept, and renewed when mail is sent.  The account needs\n"
"oauth and oauth-client-id in its configuration, see mailchute.conf(5).\n"
"\n"
"  --flow=device   show a code to enter in a browser on any device\n"
"  --flow=code     wait for a browser on this machine\n"
"  --flow=client   no person: with the client's own secret\n"
"  --flow=jwt      no person: with the key of a service account\n"
"  --browser       open a browser (xdg-open), and do not just show the address\n"
"  --no-browser    only show it (the default)\n"
"  -C file         this configuration, and no other\n"
"\n"
"Without --flow it is what oauth-flow says, or what the provider offers.\n"
"Manual: mailchute-login(1)\n";

static const char help_logout[] =
"usage: mailchute logout [--local] [-C file] [account]\n"
"\n"
"Withdraw the token of an account (default: the default account) at its\n"
"provider, where that can be done, and remove it from this machine.\n"
"\n"
"  --local    only remove it here; ask nobody\n"
"  -C file    this configuration, and no other\n"
"\n"
"Manual: mailchute-login(1)\n";

static bool
starts(const char *s, const char *with, const char **ret_rest)
{
	size_t n = strlen(with);

	if (strncmp(s, with, n) != 0)
		return false;
	*ret_rest = s + n;
	return true;
}

static int
bad(const char *command, const char *word)
{
	cli_say("%s: unknown word %.100s; see mailchute %s --help", command,
	    word, command);
	return EX_USAGE;
}

static int
parse(int argc, char **argv, bool out, struct args *a)
{
	bool ended = false;
	int i;

	for (i = 1; i < argc; i++) {
		const char *word = argv[i];

		if (!ended && strcmp(word, "--") == 0)
			ended = true;
		else if (ended || word[0] != '-') {
			if (a->options.account != NULL)
				return bad(argv[0], word);
			a->options.account = word;
		} else if (strcmp(word, "--help") == 0)
			a->help = true;
		else if (strcmp(word, "-C") == 0 && i + 1 < argc)
			a->file = argv[++i];
		else if (out && strcmp(word, "--local") == 0)
			a->options.local = 1;
		else if (!out && strcmp(word, "--browser") == 0)
			a->options.browser = 1;
		else if (!out && strcmp(word, "--no-browser") == 0)
			a->options.browser = 0;
		else if (!out && strcmp(word, "--flow") == 0 && i + 1 < argc)
			a->options.flow = argv[++i];
		else if (out || !starts(word, "--flow=", &a->options.flow))
			return bad(argv[0], word);
	}
	return 0;
}

/*
 * What a service keeps belongs to its user: as that user, so that it can use
 * the token, and nothing in there becomes root's.
 */
static int
begin(const struct cli_identity *id, const struct args *a,
    struct mc_caller *caller, struct mc_config **ret_config)
{
	struct mc_err err = { 0 };

	*caller = id->caller;
	if (mc_config_load(caller, a->file, NULL, NULL, ret_config,
	    &err) != 0)
		return cli_fail(&err);
	if (!cli_become_owner(cli_config_value(*ret_config, "queue-dir"))) {
		cli_say("cannot become the user whose queue it is: %s",
		    strerror(errno));
		return EX_OSERR;
	}
	caller->uid = (unsigned long)geteuid();
	return 0;
}

struct waiting {
	const char *account;
	size_t n;
};

static int
count(void *ctx, const struct mc_queue_account *account)
{
	struct waiting *w = ctx;

	if (strcmp(account->account, w->account) == 0)
		w->n += (size_t)(account->messages[MC_STAT_DUE] +
		    account->messages[MC_STAT_DEFERRED]);
	return 0;
}

/* it has perhaps waited for this */
static void
tell_waiting(const struct mc_caller *caller, const struct mc_config *config,
    const char *account)
{
	struct waiting w = { .account = account };
	struct mc_queue *queue = NULL;
	struct mc_err ignored = { 0 };

	if (w.account == NULL && mc_config_account(config, 1) == NULL)
		w.account = mc_config_account(config, 0);
	if (w.account != NULL && mc_queue_open(caller, config, 0, &queue,
	    &ignored) == 0 && mc_queue_stats(queue, -1, count, &w,
	    &ignored) == 0 && w.n != 0)
		printf("%zu message%s of this account wait%s: \"mailchute queue "
		    "retry all\" has them sent now.\n", w.n, w.n == 1 ? "" :
		    "s", w.n == 1 ? "s" : "");
	mc_queue_free(queue);
}

static int
log_in(const struct cli_identity *id, const struct args *a)
{
	struct mc_config *config = NULL;
	struct mc_oauth_state state = { 0 };
	struct mc_err err = { 0 };
	struct mc_caller caller;
	long long minutes;
	int status = begin(id, a, &caller, &config);

	if (status == 0 && mc_oauth_login(&caller, config, &a->options,
	    &state, &err) != 0) {
		status = mc_err_exit(&err);
		if (err.code == MC_E_CANCELLED)
			cli_say("interrupted; nothing was kept");
		else
			cli_fail(&err);
	} else if (status == 0) {
		minutes = (state.expires - (int64_t)time(NULL) + 30) / 60;
		printf("Logged in.  The token holds for %lld minute%s%s.\n",
		    minutes, minutes == 1 ? "" : "s", state.has_refresh ?
		    ", and is renewed when mail is sent" : ".  It cannot "
		    "be renewed:\nthe provider gave nothing for that; some "
		    "want offline_access in oauth-scope");
		tell_waiting(&caller, config, a->options.account);
	}
	mc_config_free(config);
	return status;
}

static int
log_out(const struct cli_identity *id, const struct args *a)
{
	struct mc_config *config = NULL;
	struct mc_err err = { 0 };
	struct mc_caller caller;
	int status = begin(id, a, &caller, &config);
	int rc;

	if (status == 0) {
		rc = mc_oauth_logout(&caller, config, &a->options, &err);
		if (rc < 0)
			status = cli_fail(&err);
		else
			printf(rc == 1 ? "Logged out.\n" :
			    "There was no token.\n");
	}
	mc_config_free(config);
	return status;
}

int
cli_login(const struct cli_identity *id, int argc, char **argv)
{
	struct args a = { .options = { .cancel_fd = cli_cancel_fd() } };
	int status = parse(argc, argv, false, &a);

	if (status == 0 && a.help)
		fputs(help_login, stdout);
	else if (status == 0)
		status = log_in(id, &a);
	return status;
}

int
cli_logout(const struct cli_identity *id, int argc, char **argv)
{
	struct args a = { .options = { .cancel_fd = cli_cancel_fd() } };
	int status = parse(argc, argv, true, &a);

	if (status == 0 && a.help)
		fputs(help_logout, stdout);
	else if (status == 0)
		status = log_out(id, &a);
	return status;
}
