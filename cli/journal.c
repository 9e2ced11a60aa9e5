/* SPDX-License-Identifier: MIT */
/*
 * journal.c - lines of the log for the journal of systemd, with fields
 *
 * What stands in the fields can be asked for: journalctl MAILCHUTE_ID=...
 */
#include "cli.h"

#include "journal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define MOST 65536

const char *cli_journal_path = "/run/systemd/journal/socket";

struct out {
	size_t n;
	bool full;
	char text[MOST];
};

static void
add(struct out *o, const void *p, size_t n)
{
	if (n > sizeof(o->text) - o->n) {
		o->full = true;
		return;
	}
	memcpy(o->text + o->n, p, n);
	o->n += n;
}

/* NAME=VALUE; a value of several lines has its length in front instead */
static void
add_field(struct out *o, const char *name, const char *value)
{
	size_t n = strlen(value);
	unsigned char len[8];
	int i;

	add(o, name, strlen(name));
	if (memchr(value, '\n', n) == NULL) {
		add(o, "=", 1);
	} else {
		for (i = 0; i < 8; i++)
			len[i] = (unsigned char)((uint64_t)n >> (8 * i));
		add(o, "\n", 1);
		add(o, len, sizeof(len));
	}
	add(o, value, n);
	add(o, "\n", 1);
}

static void
add_number(struct out *o, const char *name, long value)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", value);
	add_field(o, name, text);
}

static bool
send_out(const struct out *o)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(cli_journal_path);
	ssize_t n;
	int fd, saved;

	if (len >= sizeof(sun.sun_path))
		return false;
	memcpy(sun.sun_path, cli_journal_path, len);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	do
		n = sendto(fd, o->text, o->n, MSG_NOSIGNAL,
		    (const struct sockaddr *)&sun, sizeof(sun));
	while (n < 0 && errno == EINTR);
	saved = errno;
	close(fd);
	/* syslog(3) would wait for the same journal */
	return n >= 0 || saved == EAGAIN || saved == ENOBUFS;
}

bool
cli_journal(int level, const char *ident, const char *message,
    const struct cli_field *fields, size_t n)
{
	struct out o;
	size_t i;

	/* most machines without a journal do not get further */
	if (access(cli_journal_path, F_OK) != 0)
		return false;
	o.n = 0;
	o.full = false;
	add_field(&o, "MESSAGE", message);
	add_number(&o, "PRIORITY", level);
	add_number(&o, "SYSLOG_FACILITY", LOG_MAIL >> 3);
	add_field(&o, "SYSLOG_IDENTIFIER", ident);
	add_number(&o, "SYSLOG_PID", (long)getpid());
	for (i = 0; i < n; i++)
		if (fields[i].value != NULL && fields[i].value[0] != '\0')
			add_field(&o, fields[i].name, fields[i].value);
	return o.full || send_out(&o);
}

static const char *
refusal_field(const char *key)
{
	static const struct {
		const char *key;
		const char *field;
	} names[] = {
		{ "source", "MAILCHUTE_SOURCE" }, { "uid", "MAILCHUTE_UID" },
		{ "pid", "MAILCHUTE_PID" }, { "reason", "MAILCHUTE_REASON" },
		{ "sender", "MAILCHUTE_SENDER" },
		{ "account", "MAILCHUTE_ACCOUNT" },
		{ "error", "MAILCHUTE_CODE" }, { "count", "MAILCHUTE_COUNT" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i].key, key) == 0)
			return names[i].field;
	return NULL;
}

size_t
cli_journal_refusal(char *text, struct cli_field *ret_fields, size_t most)
{
	char *rest = NULL;
	char *word = strtok_r(text, " ", &rest);
	size_t n = 0;

	if (word == NULL || strcmp(word, "refused") != 0)
		return 0;
	while (n < most && (word = strtok_r(NULL, " ", &rest)) != NULL) {
		char *value = strchr(word, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		ret_fields[n].name = refusal_field(word);
		ret_fields[n].value = value;
		if (ret_fields[n].name != NULL && strcmp(value, "-") != 0)
			n++;
	}
	return n;
}
