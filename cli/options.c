/* SPDX-License-Identifier: MIT */
/*
 * options.c - sendmail's command line, by the tables in flags.def
 */
#include "cli.h"

#include "flags.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int
usage(struct cli_options *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int
usage(struct cli_options *o, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->problem, sizeof(o->problem), fmt, ap);
	va_end(ap);
	n = strlen(o->problem);
	snprintf(o->problem + n, sizeof(o->problem) - n,
	    "; see \"%s --help\"", cli_name);
	return EX_USAGE;
}

static int
refuse(struct cli_options *o, const char *name, const char *why)
{
	snprintf(o->problem, sizeof(o->problem), "%s is refused: %s", name,
	    why);
	return EX_USAGE;
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
			return usage(o, "-N %.100s: not never, success, "
			    "failure or delay", value);
		all |= words[i].bit;
		p += n;
		p += *p == ',';
	}
	if (all == 0 || ((all & MC_NOTIFY_NEVER) != 0 &&
	    all != MC_NOTIFY_NEVER))
		return usage(o, "-N %.100s: never stands alone", value);
	o->notify = all;
	return 0;
}

static int
set_mode(struct cli_options *o, const char *value)
{
	const struct cli_sub *sub = NULL;
	char name[4] = "-b";

	if (value[0] != '\0' && value[1] == '\0')
		sub = cli_sub_find('b', value[0]);
	if (sub == NULL)
		return usage(o, "-b%.20s: no such mode", value);
	o->mode = (enum cli_mode)sub->id;
	name[2] = value[0];
	return sub->status == CLI_REFUSED ? refuse(o, name, sub->help) : 0;
}

/* -oe and its like; sendmail looks at the first letter alone */
static void
set_errors(struct cli_options *o, const char *value)
{
	const struct cli_sub *sub = cli_sub_find('e', value[0]);

	if (sub != NULL)
		o->errors = (enum cli_errors)sub->id;
}

static void
set_delivery(struct cli_options *o, const char *value)
{
	const struct cli_sub *sub = cli_sub_find('d', value[0]);

	if (sub != NULL)
		o->delivery = (enum cli_delivery)sub->id;
}

/* sendmail takes an empty value and one that begins with t or y as true */
static bool
is_true(const char *value)
{
	return *value == '\0' || strchr("tTyY", *value) != NULL;
}

/* what has no row is ignored like what has one that says so */
static void
set_option(struct cli_options *o, int id, const char *value)
{
	switch (id) {
	case 'd':
		set_delivery(o, value);
		break;
	case 'e':
		set_errors(o, value);
		break;
	case 'i':
		o->ignore_dots = is_true(value);
		break;
	case 'v':
		o->verbose += is_true(value);
		break;
	default:
		break;
	}
}

static void
set_short_option(struct cli_options *o, const char *value)
{
	const struct cli_sub *sub = cli_sub_find('o', value[0]);

	if (sub != NULL)
		set_option(o, sub->id, value + 1);
}

static void
set_long_option(struct cli_options *o, const char *word)
{
	const char *value;
	const struct cli_sub *sub = cli_sub_find_long(word, &value);

	if (sub != NULL)
		set_option(o, sub->id, value);
}

static int
no_memory(struct cli_options *o)
{
	snprintf(o->problem, sizeof(o->problem), "out of memory");
	return EX_TEMPFAIL;
}

static int
add_limit(struct cli_options *o, const char *value)
{
	struct cli_limit *grown = realloc(o->limits,
	    (o->n_limits + 1) * sizeof(*grown));
	struct cli_limit *limit;

	if (grown == NULL)
		return no_memory(o);
	o->limits = grown;
	limit = &grown[o->n_limits++];
	limit->without = value[0] == '!';
	value += limit->without;
	limit->what = value[0];
	limit->text = value + 1;
	return 0;
}

/* behind -q, whose value is never the next word */
static int
set_run(struct cli_options *o, const char *value)
{
	const struct cli_sub *sub = cli_sub_find('q',
	    isdigit((unsigned char)value[0]) ? '#' : value[0]);
	const char *what = value + (value[0] == '!');

	/* a limit that is misread would let the whole queue go */
	if (value[0] == '!' && (what[0] == '\0' ||
	    strchr("IRSQ", what[0]) == NULL))
		return usage(o, "-q%.100s: behind ! stands I, R or S", value);
	if (what[0] == 'Q')
		sub = cli_sub_find('q', 'Q');
	if (sub == NULL || value[0] == '#')
		sub = cli_sub_find('q', '\0');
	o->mode = (enum cli_mode)sub->id;
	if (what[0] != '\0' && strchr("IRS", what[0]) != NULL)
		return add_limit(o, value);
	return 0;
}

static void
set_ret(struct cli_options *o, const char *value)
{
	if (strcasecmp(value, "full") == 0 || strcasecmp(value, "hdrs") == 0)
		o->ret = value;
	else
		snprintf(o->problem, sizeof(o->problem),
		    "-R %.100s: neither full nor hdrs, so it is left out",
		    value);
}

/* the value of one that takes none is empty */
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
		o->show_version |= strcmp(value, "0.1") == 0;
		break;
	case 'e':
		set_errors(o, value);
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
		return set_run(o, value);
	case 'R':
		set_ret(o, value);
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
	char name[3] = "-";
	int rc;

	while (*p != '\0') {
		const struct cli_flag *f = cli_flag_find(*p);
		const char *value = "";

		name[1] = isprint((unsigned char)*p) ? *p : '?';
		if (f == NULL)
			return usage(o, "unknown option %s", name);
		p++;
		if (f->value == CLI_NEED && *p == '\0') {
			if (*at + 1 >= argc)
				return usage(o, "option %s needs a value",
				    name);
			value = argv[++*at];
		} else if (f->value != CLI_NONE) {
			value = p;
			p += strlen(p);
		}
		if (f->status == CLI_REFUSED)
			return refuse(o, name, f->help);
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

	if (grown == NULL)
		return no_memory(o);
	o->sets = grown;
	o->sets[o->n_sets].key = key;
	o->sets[o->n_sets].value = value;
	o->n_sets++;
	return 0;
}

static int
add_set(struct cli_options *o, char *text)
{
	char *equals = strchr(text, '=');

	/* a key, and the one that is said for a single message */
	if (equals == NULL && strcmp(text, "require-tls") == 0)
		return add_pair(o, text, "yes");
	if (equals == NULL)
		return strcmp(text, "account") == 0 ||
		    strcmp(text, "config") == 0 ||
		    strcmp(text, "priority") == 0 ||
		    strcmp(text, "deliver-by") == 0 ||
		    strcmp(text, "send-at") == 0 ?
		    usage(o, "option --%s needs a value", text) :
		    usage(o, "unknown option --%.100s", text);
	*equals = '\0';
	return add_pair(o, text, equals + 1);
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
	else if (strcmp(word, "help=all") == 0)
		o->mode = CLI_HELP_ALL;
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
	    !long_value(word, "config", argc, argv, at, &o->config) &&
	    !long_value(word, "priority", argc, argv, at, &o->priority) &&
	    !long_value(word, "deliver-by", argc, argv, at,
	    &o->deliver_by) &&
	    !long_value(word, "send-at", argc, argv, at, &o->send_at))
		return add_set(o, word);
	return 0;
}

/* another mode would pass over it, and what should wait would not */
static int
check_send_at(struct cli_options *o)
{
	if (o->send_at == NULL || o->mode == CLI_SEND ||
	    o->mode == CLI_HELP || o->mode == CLI_HELP_ALL ||
	    o->mode == CLI_VERSION)
		return 0;
	return usage(o, "--send-at is for a message that is sent, and "
	    "nothing else");
}

int
cli_options_parse(int argc, char **argv, struct cli_options *ret_options)
{
	struct cli_options *o = ret_options;
	int i, rc;

	o->operands = argv;
	/* execve(2) may leave out even the name */
	if (argc < 1)
		return 0;
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
	/* "sendmail -d0.1 -bv root" is how people ask for it */
	if (o->show_version)
		o->mode = CLI_VERSION;
	o->operands = argv + i;
	o->n_operands = argc - i;
	return check_send_at(o);
}

void
cli_options_clear(struct cli_options *options)
{
	free(options->sets);
	options->sets = NULL;
	options->n_sets = 0;
	free(options->limits);
	options->limits = NULL;
	options->n_limits = 0;
}
