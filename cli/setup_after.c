/* SPDX-License-Identifier: MIT */
/*
 * setup_after.c - the queue's timer and a test mail, once the account is there
 */
#include "setup.h"

#include "term.h"

#include <string.h>
#include <unistd.h>

#define UNIT "mailchute-queue.timer"

/* ------------------------------------------------------------------- timer */

static void
print_crontab(void)
{
	printf("So that mail which had to wait leaves by itself, run "
	    "\"crontab -e\" and add:\n"
	    "  */2 * * * * " BINDIR "/mailchute queue run --no-wait\n");
}

void
setup_timer(const struct setup *s)
{
	const char *const user[] = { "systemctl", "--user", "enable", "--now",
	    UNIT, NULL };
	const char *const root[] = { "systemctl", "enable", "--now", UNIT,
	    NULL };
	bool can = setup_has_program("systemctl");
	int yes = s->o->timer != NULL && strcmp(s->o->timer, "yes") == 0;

	if (s->o->timer == NULL && s->ask && can) {
		yes = cli_ask_yes("Start the timer that sends mail which had "
		    "to wait", true);
		if (yes < 0)
			return;
	} else if (s->o->timer == NULL && s->ask) {
		print_crontab();
		return;
	}
	if (!yes)
		return;
	if (can && setup_run(geteuid() == 0 ? root : user, "", true) == 0)
		printf("Timer:   " UNIT " is on\n");
	else
		print_crontab();
}

/* --------------------------------------------------------------- test mail */

struct test {
	const struct setup *s;
	const char *to;
};

static int
fill(void *ctx, struct mc_submission *sub, struct mc_err *err)
{
	static const char text[] = "This mail was sent by mailchute setup. "
	    "The account works.\n";
	const struct test *t = ctx;
	const char *const to[] = { t->to, NULL };
	struct mc_letter letter = { .from = t->s->address, .to = to,
	    .subject = "mailchute works" };
	int fds[2];
	int rc;

	/* it is shorter than any pipe */
	if (pipe(fds) != 0 || write(fds[1], text, sizeof(text) - 1) !=
	    (ssize_t)sizeof(text) - 1) {
		err->code = MC_E_IO;
		snprintf(err->text, sizeof(err->text), "no pipe to be had");
		return -1;
	}
	close(fds[1]);
	letter.text_fd = fds[0];
	rc = mc_submission_compose(sub, &letter, err);
	close(fds[0]);
	return rc;
}

int
setup_test(const struct setup *s)
{
	struct cli_pair no_queue = { "queue", "off" };
	struct test t = { .s = s, .to = s->address };
	struct cli_options o = { .mode = CLI_SEND, .fill = fill,
	    .fill_ctx = &t, .account = s->account, .config = s->file,
	    .sets = &no_queue, .n_sets = 1 };
	char question[SETUP_TEXT + 64];
	int yes = s->o->test != NULL && strcmp(s->o->test, "no") != 0;
	int status;

	if (yes && strcmp(s->o->test, "yes") != 0)
		t.to = s->o->test;
	if (s->o->test == NULL && s->ask) {
		snprintf(question, sizeof(question), "Send a test mail to %s",
		    s->address);
		yes = cli_ask_yes(question, true);
	}
	if (yes <= 0)
		return 0;
	(void)fflush(stdout);
	cli_open_log(NULL);
	status = cli_run(s->id, &o);
	if (status == 0)
		printf("Sent a test mail to %s.\n", t.to);
	else
		cli_say("the account is set up, but the test mail was not "
		    "taken");
	return status;
}
