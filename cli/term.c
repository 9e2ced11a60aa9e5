/* SPDX-License-Identifier: MIT */
/*
 * term.c - a person at a terminal: questions, answers, colour
 */
#include "cli.h"

#include "term.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static bool
may_colour(FILE *out)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL &&
	    term[0] != '\0' && strcmp(term, "dumb") != 0 &&
	    isatty(fileno(out)) == 1;
}

const char *
cli_colour(FILE *out, enum cli_colour colour)
{
	if (!may_colour(out))
		return "";
	switch (colour) {
	case CLI_GOOD:
		return "\033[32m";
	case CLI_WARNING:
		return "\033[33m";
	case CLI_BAD:
		return "\033[31m";
	case CLI_STRONG:
		return "\033[1m";
	case CLI_PLAIN:
		break;
	}
	return "\033[0m";
}

/* a job in the background would be stopped if it wanted to read */
static int
open_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	if (fd >= 0 && tcgetpgrp(fd) != getpgrp()) {
		close(fd);
		return -1;
	}
	return fd;
}

bool
cli_can_ask(void)
{
	int fd = open_terminal();

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void
put(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	while (len != 0) {
		n = write(fd, text, len);
		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

/* one byte, unless the process is told to end first: 1, 0 at the end, -1 */
static int
get(int fd, char *c)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
	    { .fd = cli_cancel_fd(), .events = POLLIN } };
	ssize_t n;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return -1;
		if (cli_cancelled())
			return -1;
		if (p[0].revents == 0)
			continue;
		n = read(fd, c, 1);
		if (n >= 0)
			return (int)n;
		if (errno != EINTR && errno != EAGAIN)
			return -1;
	}
}

/* a line without its end */
static int
get_line(int fd, char *ret, size_t size)
{
	size_t n = 0;
	bool full = false;
	char c;
	int rc;

	while ((rc = get(fd, &c)) == 1 && c != '\n') {
		if (n + 1 < size && c != '\0')
			ret[n++] = c;
		else
			full = true;
	}
	ret[n] = '\0';
	if (rc != 1) {
		/* the shell's next prompt does not stand behind the question */
		put(fd, "\n");
		return -1;
	}
	if (full) {
		put(fd, "That is too long.\n");
		return -1;
	}
	return 0;
}

static int
ask(const char *question, const char *usual, bool hidden, char *ret,
    size_t size)
{
	struct termios before, quiet;
	int fd = open_terminal(), rc;

	if (fd < 0)
		return -1;
	hidden = hidden && tcgetattr(fd, &before) == 0;
	if (hidden) {
		quiet = before;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		quiet.c_lflag |= ECHONL;
		tcsetattr(fd, TCSAFLUSH, &quiet);
	}
	put(fd, question);
	if (usual != NULL && usual[0] != '\0') {
		put(fd, " [");
		put(fd, usual);
		put(fd, "]");
	}
	put(fd, ": ");
	rc = get_line(fd, ret, size);
	if (hidden)
		tcsetattr(fd, TCSAFLUSH, &before);
	close(fd);
	if (rc == 0 && ret[0] == '\0' && usual != NULL)
		snprintf(ret, size, "%s", usual);
	return rc;
}

int
cli_ask(const char *question, const char *usual, char *ret, size_t size)
{
	return ask(question, usual, false, ret, size);
}

int
cli_ask_secret(const char *question, char *ret, size_t size)
{
	return ask(question, NULL, true, ret, size);
}

static void
say_again(const char *text)
{
	int fd = open_terminal();

	if (fd < 0)
		return;
	put(fd, text);
	close(fd);
}

int
cli_ask_yes(const char *question, bool usual)
{
	char answer[16];

	for (;;) {
		if (ask(question, usual ? "yes" : "no", false, answer,
		    sizeof(answer)) != 0)
			return -1;
		if (strcmp(answer, "yes") == 0 || strcmp(answer, "y") == 0)
			return 1;
		if (strcmp(answer, "no") == 0 || strcmp(answer, "n") == 0)
			return 0;
		say_again("Please answer yes or no.\n");
	}
}

int
cli_ask_which(const char *question, const char *const *texts, size_t n,
    size_t usual)
{
	char line[512], number[16], answer[16];
	unsigned long chosen;
	char *end;
	size_t i;

	snprintf(number, sizeof(number), "%zu", usual + 1);
	for (;;) {
		for (i = 0; i < n; i++) {
			snprintf(line, sizeof(line), "  %zu  %s\n", i + 1,
			    texts[i]);
			say_again(line);
		}
		if (ask(question, number, false, answer, sizeof(answer)) != 0)
			return -1;
		chosen = strtoul(answer, &end, 10);
		if (end != answer && *end == '\0' && chosen >= 1 && chosen <= n)
			return (int)(chosen - 1);
		snprintf(line, sizeof(line), "Please answer with a number "
		    "from 1 to %zu.\n", n);
		say_again(line);
	}
}
