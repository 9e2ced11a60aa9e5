/* SPDX-License-Identifier: MIT */
/*
 * test_journal.c - lines for the journal, as it would read them
 */
#include "unit.h"

#include "cli/journal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

struct world {
	char dir[64];
	char path[96];
	int fd;
	char got[65536];
	size_t n;
};

static int
setup(void **state)
{
	static struct world w;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	(void)snprintf(w.dir, sizeof(w.dir), "/tmp/mc-journal.XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	(void)snprintf(w.path, sizeof(w.path), "%s/socket", w.dir);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", w.path);
	w.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(w.fd >= 0);
	assert_int_equal(bind(w.fd, (const struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	cli_journal_path = w.path;
	*state = &w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	close(w->fd);
	unlink(w->path);
	rmdir(w->dir);
	return 0;
}

static const char *
hear(struct world *w)
{
	ssize_t n = recv(w->fd, w->got, sizeof(w->got) - 1, 0);

	assert_true(n > 0);
	w->n = (size_t)n;
	w->got[n] = '\0';
	return w->got;
}

static void
fields(void **state)
{
	struct world *w = *state;
	const struct cli_field rows[] = {
		{ "MAILCHUTE_ID", "abc" }, { "MAILCHUTE_HOST", NULL },
		{ "MAILCHUTE_NEXT", "" }, { "MAILCHUTE_REPLY", "250 =ok" },
	};
	char want[300];

	assert_true(cli_journal(LOG_ERR, "sendmail", "a line", rows, 4));
	(void)snprintf(want, sizeof(want), "MESSAGE=a line\nPRIORITY=3\n"
	    "SYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER=sendmail\nSYSLOG_PID=%ld\n"
	    "MAILCHUTE_ID=abc\nMAILCHUTE_REPLY=250 =ok\n", (long)getpid());
	assert_string_equal(hear(w), want);
	assert_true(cli_journal(LOG_INFO, "x", "", NULL, 0));
	assert_non_null(strstr(hear(w), "MESSAGE=\nPRIORITY=6\n"));
}

/* a value cannot become a field of its own */
static void
lines(void **state)
{
	struct world *w = *state;
	const struct cli_field row = { "MAILCHUTE_REPLY", "250\nEVIL=ye" };

	assert_true(cli_journal(LOG_INFO, "x", "m", &row, 1));
	(void)hear(w);
	/* the name, LF, eight bytes of length, the value, LF */
	const size_t len = 15 + 1 + 8 + 11 + 1;
	const char *at = w->got + w->n - len;

	assert_memory_equal(at, "MAILCHUTE_REPLY\n", 16);
	assert_memory_equal(at + 16, "\x0b\0\0\0\0\0\0\0", 8);
	assert_memory_equal(at + 24, "250\nEVIL=ye\n", 12);
}

static void
absent(void **state)
{
	struct world *w = *state;

	cli_journal_path = "/nonexistent/socket";
	assert_false(cli_journal(LOG_INFO, "x", "m", NULL, 0));
	/* a socket that nobody has open */
	cli_journal_path = w->path;
	close(w->fd);
	w->fd = -1;
	assert_false(cli_journal(LOG_INFO, "x", "m", NULL, 0));
	/* a path that is too long, or no socket */
	cli_journal_path = w->dir;
	assert_false(cli_journal(LOG_INFO, "x", "m", NULL, 0));
}

/* one that nobody reads takes so much, and then nobody waits */
static void
full(void **state)
{
	struct timespec a, b;
	int i, sent = 0;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < 5000; i++)
		sent += cli_journal(LOG_INFO, "x", "a message", NULL, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(sent, 5000);
	assert_true(b.tv_sec - a.tv_sec < 20);
}

static void
too_long(void **state)
{
	struct world *w = *state;
	static char text[70000];

	memset(text, 'x', sizeof(text) - 1);
	assert_true(cli_journal(LOG_INFO, "x", text, NULL, 0));
	assert_int_equal(recv(w->fd, w->got, sizeof(w->got), 0), -1);
}

static void
refusals(void **state)
{
	char text[] = "refused source=unix uid=1000 pid=- reason=sender "
	    "sender=a=b@x.example odd other=1 count=1";
	char no[] = "the listener has ended";
	struct cli_field f[8];

	(void)state;
	assert_int_equal(cli_journal_refusal(no, f, 8), 0);
	assert_int_equal(cli_journal_refusal(text, f, 8), 5);
	assert_string_equal(f[0].name, "MAILCHUTE_SOURCE");
	assert_string_equal(f[0].value, "unix");
	assert_string_equal(f[1].name, "MAILCHUTE_UID");
	assert_string_equal(f[2].name, "MAILCHUTE_REASON");
	assert_string_equal(f[3].name, "MAILCHUTE_SENDER");
	assert_string_equal(f[3].value, "a=b@x.example");
	assert_string_equal(f[4].name, "MAILCHUTE_COUNT");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(fields, setup, teardown),
		cmocka_unit_test_setup_teardown(lines, setup, teardown),
		cmocka_unit_test_setup_teardown(absent, setup, teardown),
		cmocka_unit_test_setup_teardown(full, setup, teardown),
		cmocka_unit_test_setup_teardown(too_long, setup, teardown),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
