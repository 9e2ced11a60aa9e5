/* SPDX-License-Identifier: MIT */
/*
 * options.c - sendmail's command line, from the table in flags.def
 */
#include "cli.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum value { NONE, NEED, MAY };
enum status { HONOURED, IGNORED, REFUSED };

struct flag {
	char letter;
	enum value value;
	enum status status;
	const char *argument;
	const char *help;
};

static const struct flag flags[] = {
#define MC_FLAG(letter, value, status, argument, help) \
	{ letter, value, status, argument, help },
#include "flags.def"
#undef MC_FLAG
};

#define N_FLAGS (sizeof(flags) / sizeof(flags[0]))

static int
usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int
usage(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cli_say("%s; see \"%s --help\"", text, cli_name);
	return EX_USAGE;
}

static const struct flag *
find_flag(char letter)
{
	size_t i;

	for (i = 0; i < N_FLAGS; i++)
		if (flags[i].letter == letter)
			return &flags[i];
	return NULL;
}

/* -N never, or a list of success, failure, delay (RFC 3461 4.1) */
static int
set_notify(struct cli_options *o, const char *value)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{ "success", MC_NOTIFY_SUCCESS },
		{ "failure", MC_NOTIFY_FAILURE },
		{ "delay", MC_NOTIFY_DELAY },
		{ "never", MC_NOTIFY_NEVER },
	};
	unsigned all = 0;
	const char *p = value;
	size_t n, i;

	while (*p != '\0') {
		n = strcspn(p, ",");
		for (i = 0; i < 4; i++)
			if (strlen(words[i].word) == n &&
			    strncasecmp(p, words[i].word, n) == 0)
				break;
		if (i == 4)
			return usage("-N %.100s: not never, success, failure "
			    "or delay", value);
		all |= words[i].bit;
		p += n;
		p += *p == ',';
	}
	if (all == 0 || ((all & MC_NOTIFY_NEVER) != 0 &&
	    all != MC_NOTIFY_NEVER))
		return usage("-N %.100s: never stands alone", value);
	o->notify = all;
	return 0;
}

static int
set_mode(struct cli_options *o, const char *value)
{
	if (value[0] == '\0' || value[1] != '\0')
		return usage("-b%.20s: no such mode", value);
	switch (value[0]) {
	case 'm':
		o->mode = CLI_SEND;
		return 0;
	case 'p':
	case 'P':
		o->mode = CLI_MAILQ;
		return 0;
	case 'i':
		o->mode = CLI_ALIASES;
		return 0;
	case 's':
		o->mode = CLI_SMTP;
		return 0;
	case 'h':
	case 'H':
		o->mode = CLI_NOTHING;
		return 0;
	default:
		return usage("-b%.20s: this mode is not there", value);
	}
}

static void
set_error_mode(struct cli_options *o, const char *value)
{
	o->quiet = value[0] == 'q';
}

/* -odi, -odb and their like; sendmail looks at the first letter alone */
static void
set_delivery(struct cli_options *o, const char *value)
{
	switch (value[0]) {
	case 'i':
	case 'f':
		o->delivery = CLI_NOW;
		break;
	case 'b':
		o->delivery = CLI_BACKGROUND;
		break;
	case 'q':
	case 'd':
		o->delivery = CLI_QUEUE;
		break;
	default:
		break;
	}
}

/* sendmail takes an empty value and one that begins with t or y as true */
static bool
is_true(const char *value)
{
	return *value == '\0' || strchr("tTyY", *value) != NULL;
}

static void
set_short_option(struct cli_options *o, const char *value)
{
	switch (value[0]) {
	case 'd':
		set_delivery(o, value + 1);
		break;
	case 'i':
		o->ignore_dots = is_true(value + 1);
		break;
	case 'v':
		o->verbose += is_true(value + 1);
		break;
	case 'e':
		set_error_mode(o, value + 1);
		break;
	default:
		break;
	}
}

static void
set_long_option(struct cli_options *o, const char *value)
{
	if (strncasecmp(value, "IgnoreDots", 10) == 0 &&
	    (value[10] == '=' || value[10] == '\0'))
		o->ignore_dots = is_true(value + 10 + (value[10] == '='));
	else if (strncasecmp(value, "ErrorMode=", 10) == 0)
		set_error_mode(o, value + 10);
	else if (strncasecmp(value, "DeliveryMode=", 13) == 0)
		set_delivery(o, value + 13);
}

static int
apply(struct cli_options *o, char letter, const char *value)
{
	switch (letter) {
	case 'a':
		o->account = value;
		break;
	case 'B':
		o->body_8bit = strcasecmp(value, "8BITMIME") == 0;
		break;
	case 'b':
		return set_mode(o, value);
	case 'C':
		o->config = value;
		break;
	case 'd':
		if (strcmp(value, "0.1") == 0)
			o->mode = CLI_VERSION;
		break;
	case 'e':
		set_error_mode(o, value);
		break;
	case 'F':
		o->full_name = value;
		break;
	case 'f':
	case 'r':
		o->sender = value;
		break;
	case 'I':
		o->mode = CLI_ALIASES;
		break;
	case 'i':
		o->ignore_dots = true;
		break;
	case 'L':
		o->tag = value;
		break;
	case 'N':
		return set_notify(o, value);
	case 'n':
		o->no_aliases = true;
		break;
	case 'O':
		set_long_option(o, value);
		break;
	case 'o':
		set_short_option(o, value);
		break;
	case 'q':
		/* an interval is a daemon's business */
		o->mode = value != NULL && value[0] >= '0' &&
		    value[0] <= '9' ? CLI_NOTHING : CLI_FLUSH;
		break;
	case 'R':
		if (strcasecmp(value, "full") != 0 &&
		    strcasecmp(value, "hdrs") != 0)
			return usage("-R %.100s: neither full nor hdrs",
			    value);
		o->ret = value;
		break;
	case 't':
		o->header_rcpts = true;
		break;
	case 'V':
		o->envid = value;
		break;
	case 'v':
		o->verbose++;
		break;
	default:
		break;
	}
	return 0;
}

/* one word of single-letter options; *at moves on when a value is taken */
static int
parse_cluster(struct cli_options *o, int argc, char **argv, int *at)
{
	const char *p = argv[*at] + 1;
	char name[2] = "";
	int rc;

	while (*p != '\0') {
		const struct flag *f = find_flag(*p);
		const char *value = "";

		name[0] = isprint((unsigned char)*p) ? *p : '?';
		if (f == NULL)
			return usage("unknown option -%s", name);
		p++;
		if (f->value == NEED && *p == '\0') {
			if (*at + 1 >= argc)
				return usage("option -%s needs a value", name);
			value = argv[++*at];
		} else if (f->value != NONE) {
			value = p;
			p += strlen(p);
		}
		if (f->status == REFUSED)
			return usage("option -%s is refused", name);
		rc = apply(o, f->letter, value);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
add_pair(struct cli_options *o, const char *key, const char *value)
{
	struct cli_pair *grown = realloc(o->sets,
	    (o->n_sets + 1) * sizeof(*grown));

	if (grown == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	o->sets = grown;
	o->sets[o->n_sets].key = key;
	o->sets[o->n_sets].value = value;
	o->n_sets++;
	return 0;
}

static int
add_set(struct cli_options *o, char *word)
{
	char *equals = strchr(word, '=');

	if (equals == NULL)
		return usage("unknown option --%.100s", word);
	*equals = '\0';
	return add_pair(o, word, equals + 1);
}

/* "--name=value" or "--name value" */
static bool
long_value(const char *word, const char *name, int argc, char **argv,
    int *at, const char **ret_value)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0)
		return false;
	if (word[n] == '=') {
		*ret_value = word + n + 1;
		return true;
	}
	if (word[n] != '\0' || *at + 1 >= argc)
		return false;
	*ret_value = argv[++*at];
	return true;
}

static int
parse_long(struct cli_options *o, int argc, char **argv, int *at)
{
	char *word = argv[*at] + 2;

	if (strcmp(word, "help") == 0)
		o->mode = CLI_HELP;
	else if (strcmp(word, "version") == 0)
		o->mode = CLI_VERSION;
	else if (strcmp(word, "dry-run") == 0)
		o->dry_run = true;
	else if (strcmp(word, "verbose") == 0)
		o->verbose++;
	else if (strcmp(word, "no-queue") == 0)
		return add_pair(o, "queue", "off");
	else if (strcmp(word, "queue-only") == 0) {
		o->delivery = CLI_QUEUE;
		o->queue_only = true;
	} else if (!long_value(word, "account", argc, argv, at, &o->account) &&
	    !long_value(word, "config", argc, argv, at, &o->config))
		return add_set(o, word);
	return 0;
}

int
cli_options_parse(int argc, char **argv, struct cli_options *ret_options)
{
	struct cli_options *o = ret_options;
	int i, rc;

	for (i = 1; i < argc; i++) {
		/* a lone "-" is an operand as anywhere else */
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			break;
		if (strcmp(argv[i], "--") == 0) {
			o->after_dashes = true;
			i++;
			break;
		}
		rc = argv[i][1] == '-' ? parse_long(o, argc, argv, &i) :
		    parse_cluster(o, argc, argv, &i);
		if (rc != 0)
			return rc;
	}
	o->operands = argv + i;
	o->n_operands = argc - i;
	return 0;
}

void
cli_options_clear(struct cli_options *options)
{
	free(options->sets);
	options->sets = NULL;
	options->n_sets = 0;
}

static void
help_flag(FILE *out, const struct flag *f)
{
	char left[40];

	snprintf(left, sizeof(left), "-%c%s%s%s", f->letter,
	    f->value == NEED ? " " : "", f->value == MAY ? "[" : "",
	    f->argument);
	fprintf(out, "  %-16s %s\n", left, f->help);
}

void
cli_help(FILE *out)
{
	static const char *const longs[][2] = {
		{ "--dry-run",
		    "show account, envelope and plan, and send nothing" },
		{ "--queue-only",
		    "put the message into the queue, and send nothing" },
		{ "--no-queue", "the same as --queue=off" },
		{ "--version", "show the version" },
		{ "--help", "show this" },
	};
	struct mc_key key;
	char left[64];
	size_t i;

	fprintf(out,
	    "usage: mailchute [options] [--] [recipient ...] < message\n"
	    "       mailchute config check | show [-a account] [-C file]\n"
	    "       mailchute queue [list | show ID ... | check]\n"
	    "       mailchute queue hold | release | retry | remove "
	    "ID ... | all\n"
	    "\n"
	    "Submits a message read from standard input over verified TLS.\n"
	    "Called as sendmail, mailq or newaliases it takes their part.\n"
	    "\n");
	for (i = 0; i < N_FLAGS; i++)
		if (flags[i].status == HONOURED && flags[i].value != MAY)
			help_flag(out, &flags[i]);
	for (i = 0; i < sizeof(longs) / sizeof(longs[0]); i++)
		fprintf(out, "  %-16s %s\n", longs[i][0], longs[i][1]);
	fprintf(out, "  --account, --config and --verbose are long forms of "
	    "-a, -C and -v.\n");
	fprintf(out, "\nAccepted and ignored: ");
	for (i = 0; i < N_FLAGS; i++)
		if (flags[i].status == IGNORED)
			fprintf(out, "-%c ", flags[i].letter);
	fprintf(out, "\nKeys of the configuration that may stand here:\n");
	for (i = 0; mc_key_info(i, &key) == 0; i++) {
		if ((key.flags & MC_KEY_NOCLI) != 0)
			continue;
		snprintf(left, sizeof(left), "--%s=%s", key.name, key.type);
		fprintf(out, "  %-27s %s\n", left, key.help);
	}
	fprintf(out, "\nManual: mailchute(1), mailchute.conf(5)\n");
}
