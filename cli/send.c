/* SPDX-License-Identifier: MIT */
/*
 * send.c - mailchute send: a message of options, standard input and files
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum value { NONE, NEED };

enum id {
#define MC_SEND(id, letter, name, value, argument, help) SEND_##id,
#include "send.def"
#undef MC_SEND
	N_OPTIONS
};

struct option {
	const char *name;
	const char *argument;
	const char *help;
	enum value value;
	char letter;		/* 0: none */
};

static const struct option options[] = {
#define MC_SEND(id, letter, name, value, argument, help) \
	{ name, argument, help, value, letter },
#include "send.def"
#undef MC_SEND
};

/* what the command line says; the lists have room for all its words */
struct send {
	struct mc_letter letter;
	const char **to;
	const char **cc;
	const char **bcc;
	const char **fields;
	size_t n_to, n_cc, n_bcc, n_fields;
	struct mc_attachment *attachments;
	struct cli_options o;
	bool help;
};

static int
usage(const char *what, const char *word)
{
	cli_say("send: %s%.200s; see \"mailchute send --help\"", what, word);
	return EX_USAGE;
}

static int
fill(void *ctx, struct mc_submission *sub, struct mc_err *err)
{
	const struct send *s = ctx;

	if (isatty(STDIN_FILENO))
		cli_say("type the text; Ctrl-D on a line of its own ends it");
	return mc_submission_compose(sub, &s->letter, err);
}

/* ------------------------------------------------------------------ options */

static void
add_pair(struct send *s, const char *key, const char *value)
{
	s->o.sets[s->o.n_sets].key = key;
	s->o.sets[s->o.n_sets].value = value;
	s->o.n_sets++;
}

static int
set_type(struct send *s, const char *value)
{
	if (s->letter.n_attachments == 0)
		return usage("--type stands behind the --attach that it is "
		    "about: ", value);
	s->attachments[s->letter.n_attachments - 1].type = value;
	return 0;
}

static int
apply(struct send *s, enum id id, const char *value)
{
	switch (id) {
	case SEND_TO:
		s->to[s->n_to++] = value;
		break;
	case SEND_CC:
		s->cc[s->n_cc++] = value;
		break;
	case SEND_BCC:
		s->bcc[s->n_bcc++] = value;
		break;
	case SEND_SUBJECT:
		s->letter.subject = value;
		break;
	case SEND_ATTACH:
		s->attachments[s->letter.n_attachments++].path = value;
		break;
	case SEND_TYPE:
		return set_type(s, value);
	case SEND_HTML:
		s->letter.html = value;
		break;
	case SEND_FROM:
		s->letter.from = value;
		break;
	case SEND_REPLY_TO:
		s->letter.reply_to = value;
		break;
	case SEND_HEADER:
		s->fields[s->n_fields++] = value;
		break;
	case SEND_CHARSET:
		s->letter.charset = value;
		break;
	case SEND_ACCOUNT:
		s->o.account = value;
		break;
	case SEND_CONFIG:
		s->o.config = value;
		break;
	case SEND_AT:
		s->o.send_at = value;
		break;
	case SEND_DRY_RUN:
		s->o.dry_run = true;
		break;
	case SEND_QUEUE_ONLY:
		s->o.delivery = CLI_QUEUE;
		s->o.queue_only = true;
		break;
	case SEND_NO_QUEUE:
		add_pair(s, "queue", "off");
		break;
	case SEND_VERBOSE:
		s->o.verbose++;
		break;
	case SEND_QUIET:
		s->o.progress = false;
		break;
	case SEND_HELP:
		s->help = true;
		break;
	case N_OPTIONS:
		break;
	}
	return 0;
}

/* "-a" and "--account", N_OPTIONS if it is none; `n`: length without value */
static enum id
find(const char *word, size_t n)
{
	size_t i;

	for (i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];

		if (n == 2 && o->letter != 0 && word[1] == o->letter)
			return (enum id)i;
		if (n > 2 && strlen(o->name) == n - 2 && word[1] == '-' &&
		    strncmp(word + 2, o->name, n - 2) == 0)
			return (enum id)i;
	}
	return N_OPTIONS;
}

/* one word, and *at moves on when the next one is its value */
static int
parse_word(struct send *s, int argc, char **argv, int *at)
{
	char *word = argv[*at];
	char *equals = word[0] == '-' && word[1] == '-' ?
	    strchr(word, '=') : NULL;
	enum id id;

	if (word[0] != '-')
		return usage("recipients stand behind --to, and this does "
		    "not: ", word);
	id = find(word, equals == NULL ? strlen(word) :
	    (size_t)(equals - word));
	if (id == N_OPTIONS && equals != NULL && equals > word + 2) {
		*equals = '\0';
		add_pair(s, word + 2, equals + 1);
		return 0;
	}
	if (id == N_OPTIONS)
		return usage("unknown option ", word);
	if (options[id].value == NONE)
		return equals == NULL ? apply(s, id, "") :
		    usage("this option takes no value: ", word);
	if (equals != NULL)
		return apply(s, id, equals + 1);
	if (*at + 1 >= argc)
		return usage("a value is missing behind ", word);
	return apply(s, id, argv[++*at]);
}

static int
parse(struct send *s, int argc, char **argv)
{
	size_t room = (size_t)argc + 1;
	int i, status = 0;

	s->to = calloc(room, sizeof(*s->to));
	s->cc = calloc(room, sizeof(*s->cc));
	s->bcc = calloc(room, sizeof(*s->bcc));
	s->fields = calloc(room, sizeof(*s->fields));
	s->attachments = calloc(room, sizeof(*s->attachments));
	s->o.sets = calloc(room, sizeof(*s->o.sets));
	if (s->to == NULL || s->cc == NULL || s->bcc == NULL ||
	    s->fields == NULL || s->attachments == NULL || s->o.sets == NULL) {
		cli_say("out of memory");
		return EX_TEMPFAIL;
	}
	for (i = 1; i < argc && status == 0; i++)
		status = parse_word(s, argc, argv, &i);
	s->letter.to = s->to;
	s->letter.cc = s->cc;
	s->letter.bcc = s->bcc;
	s->letter.fields = s->fields;
	s->letter.attachments = s->attachments;
	s->letter.text_fd = STDIN_FILENO;
	if (status == 0 && s->n_to == 0 && !s->help)
		status = usage("for whom?  --to is missing", "");
	return status;
}

static void
clear(struct send *s)
{
	free(s->to);
	free(s->cc);
	free(s->bcc);
	free(s->fields);
	free(s->attachments);
	cli_options_clear(&s->o);
}

static void
help(FILE *out)
{
	char left[64];
	size_t i;

	fprintf(out,
	    "usage: mailchute send --to addresses [options] < text\n"
	    "Makes a message of the text and submits it.\n");
	for (i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];

		if (o->letter != 0)
			snprintf(left, sizeof(left), "-%c, --%s%s%s",
			    o->letter, o->name, o->value == NEED ? " " : "",
			    o->argument);
		else
			snprintf(left, sizeof(left), "    --%s%s%s", o->name,
			    o->value == NEED ? " " : "", o->argument);
		fprintf(out, "  %-25s %.*s\n", left, cli_help_len(o->help),
		    o->help);
	}
	fprintf(out, "Keys of the configuration may stand here too.  Manual: "
	    "mailchute-send(1)\n");
}

int
cli_send(const struct cli_identity *id, int argc, char **argv)
{
	struct send s = { .help = false };
	int status;

	s.o.mode = CLI_SEND;
	s.o.fill = fill;
	s.o.fill_ctx = &s;
	s.o.progress = true;
	status = parse(&s, argc, argv);
	if (status != 0) {
		cli_drain();
	} else if (s.help) {
		help(stdout);
	} else {
		cli_open_log(NULL);
		status = cli_run(id, &s.o);
	}
	clear(&s);
	return status;
}
