/* SPDX-License-Identifier: MIT */
/*
 * help.c - what --help shows, from the tables
 */
#include "cli.h"

#include "flags.h"

#include <string.h>

/* "-f address", "-q[run]" */
static void
help_flag(FILE *out, const struct cli_flag *f)
{
	char left[48];

	snprintf(left, sizeof(left), "-%c%s%s%s", f->letter,
	    f->value == CLI_NEED ? " " : f->value == CLI_MAY ? "[" : "",
	    f->argument, f->value == CLI_MAY ? "]" : "");
	fprintf(out, "  %-16s %s\n", left, f->help);
}

/* what stands in front of the name of a row */
static const char *
prefix(char group)
{
	switch (group) {
	case 'b':
		return "-b";
	case 'q':
		return "-q";
	case 'd':
		return "-od";
	case 'e':
		return "-oe";
	case 'O':
		return "-O ";
	default:
		return "-o";
	}
}

static const char *
name_of(const struct cli_sub *sub)
{
	return sub->name[0] == '#' ? "" : sub->name;
}

/* of the groups named, those that have an effect */
static void
help_subs(FILE *out, const char *groups)
{
	const struct cli_sub *sub;
	char left[64];
	size_t i;

	for (; *groups != '\0'; groups++)
		for (i = 0; (sub = cli_sub_at(i)) != NULL; i++) {
			if (sub->group != *groups ||
			    sub->status != CLI_HONOURED)
				continue;
			snprintf(left, sizeof(left), "%s%s%s%s",
			    prefix(sub->group), name_of(sub),
			    sub->group == 'O' ? "=" : "", sub->argument);
			fprintf(out, "    %-14s %s\n", left, sub->help);
		}
}

static void
help_flags(FILE *out)
{
	const struct cli_flag *f;
	size_t i;

	for (i = 0; (f = cli_flag_at(i)) != NULL; i++) {
		if (f->status != CLI_HONOURED)
			continue;
		help_flag(out, f);
		if (f->letter == 'b')
			help_subs(out, "b");
		else if (f->letter == 'O')
			help_subs(out, "O");
		else if (f->letter == 'o')
			help_subs(out, "ode");
		else if (f->letter == 'q')
			help_subs(out, "q");
	}
}

/* all of a status in one line */
static void
help_line(FILE *out, const char *title, enum cli_status status)
{
	const struct cli_flag *f;
	const struct cli_sub *sub;
	size_t i;

	fprintf(out, "%s:", title);
	for (i = 0; (f = cli_flag_at(i)) != NULL; i++)
		if (f->status == status)
			fprintf(out, " -%c", f->letter);
	/* of long options all that have no effect are ignored */
	for (i = 0; (sub = cli_sub_at(i)) != NULL; i++)
		if (sub->status == status && sub->group != 'O')
			fprintf(out, " %s%s", prefix(sub->group),
			    sub->name[0] == '#' ? sub->argument : sub->name);
	fprintf(out, "\n");
}

static void
help_keys(FILE *out)
{
	struct mc_key key;
	char left[64];
	size_t i;

	for (i = 0; mc_key_info(i, &key) == 0; i++) {
		if ((key.flags & MC_KEY_NOCLI) != 0)
			continue;
		snprintf(left, sizeof(left), "--%s=%s", key.name, key.type);
		fprintf(out, "  %-27s %s\n", left, key.help);
	}
}

static const char *const longs[][2] = {
	{ "--dry-run", "show account, envelope and plan, and send nothing" },
	{ "--queue-only", "put the message into the queue, and send nothing" },
	{ "--no-queue", "the same as --queue=off" },
	{ "--priority number", "priority of the message, from -9 to 9" },
	{ "--deliver-by seconds",
	    "deliver it within this time, else return it or tell me" },
	{ "--send-at time", "not before this time, such as 18:00 or +2h30m" },
	{ "--version", "show the version" },
	{ "--help", "show what one needs most" },
	{ "--help=all", "show this" },
};

/* all that there is */
static void
help_all(FILE *out)
{
	size_t i;

	fprintf(out,
	    "Submits a message read from standard input over verified TLS.\n"
	    "Called as sendmail, mailq or newaliases it takes their part.\n"
	    "\n");
	help_flags(out);
	for (i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		fprintf(out, "  %-16s %s\n", longs[i][0], longs[i][1]);
	fprintf(out, "  --account, --config and --verbose are long forms of "
	    "-a, -C and -v.\n\n");
	help_line(out, "Accepted and ignored", CLI_IGNORED);
	help_line(out, "Refused with status 64", CLI_REFUSED);
	fprintf(out, "Every other option of -o and -O is ignored too.\n");
	fprintf(out, "\nKeys of the configuration that may stand here:\n");
	help_keys(out);
}

int
cli_help_len(const char *help)
{
	return (int)strcspn(help, ";");
}

static void
help_screen(FILE *out)
{
	static const char often[] = "tfav";
	const struct cli_flag *f;
	const char *name, *help;
	char left[32];
	size_t i;

	fprintf(out, "Submits a message over verified TLS, as sendmail, mailq "
	    "and newaliases too.\n\n");
	for (i = 0; (name = cli_command_at(i, &help)) != NULL; i++)
		fprintf(out, "  %-11s %s\n", name, help);
	fprintf(out, "\n");
	for (i = 0; often[i] != '\0'; i++) {
		f = cli_flag_find(often[i]);
		snprintf(left, sizeof(left), "-%c %s", f->letter, f->argument);
		fprintf(out, "  %-11s %.*s\n", left, cli_help_len(f->help),
		    f->help);
	}
	fprintf(out, "  --dry-run   show account, envelope and plan, and send "
	    "nothing\n"
	    "  --help=all  all options\n");
}

void
cli_help(FILE *out, bool all)
{
	fprintf(out,
	    "usage: mailchute [options] [--] [recipient ...] < message\n"
	    "       mailchute command [...]         each command knows --help"
	    "\n\n");
	if (all)
		help_all(out);
	else
		help_screen(out);
	fprintf(out, "\nManual: mailchute(1), mailchute-sendmail(8), "
	    "mailchute.conf(5)\n");
}
