/* SPDX-License-Identifier: MIT */
/*
 * fuzz_options - the command line, as strangers may write it
 *
 * The input is words that end with NUL, of which the first one is the name.
 * Each word is in memory of its own, so that a byte too far is seen.
 */
#include "base/base.h"

#include "cli/cli.h"

#define MOST_WORDS 200

#define CHECK(cond) do { \
	if (!(cond)) \
		__builtin_trap(); \
} while (0)

const char *cli_name = "sendmail";

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct line {
	int argc;
	char *argv[MOST_WORDS + 1];
	size_t len[MOST_WORDS];
};

static void
make_line(struct line *line, const uint8_t *data, size_t size)
{
	memset(line, 0, sizeof(*line));
	while (size != 0 && line->argc < MOST_WORDS) {
		const uint8_t *end = memchr(data, '\0', size);
		size_t n = end == NULL ? size : (size_t)(end - data);
		char *word = malloc(n + 1);

		CHECK(word != NULL);
		memcpy(word, data, n);
		word[n] = '\0';
		line->argv[line->argc] = word;
		line->len[line->argc++] = n;
		n += end != NULL;
		data += n;
		size -= n;
	}
}

/* NULL, or a text that begins in one of the words and ends there */
static void
check_value(const struct line *line, const char *value)
{
	for (int i = 0; value != NULL && i < line->argc; i++)
		if (value >= line->argv[i] &&
		    value <= line->argv[i] + line->len[i])
			return;
	CHECK(value == NULL);
}

static void
check_options(const struct line *line, const struct cli_options *o)
{
	check_value(line, o->sender);
	check_value(line, o->full_name);
	check_value(line, o->account);
	check_value(line, o->config);
	check_value(line, o->tag);
	check_value(line, o->ret);
	check_value(line, o->envid);
	for (size_t i = 0; i < o->n_sets; i++) {
		CHECK(o->sets[i].key != NULL && o->sets[i].value != NULL);
		/* --no-queue is a pair of our own */
		if (strcmp(o->sets[i].key, "queue") != 0)
			check_value(line, o->sets[i].key);
	}
	for (size_t i = 0; i < o->n_limits; i++) {
		CHECK(o->limits[i].text != NULL);
		CHECK(strchr("IRS", o->limits[i].what) != NULL);
		check_value(line, o->limits[i].text);
	}
	CHECK((o->notify & MC_NOTIFY_NEVER) == 0 ||
	    o->notify == MC_NOTIFY_NEVER);
	CHECK(strlen(o->problem) < sizeof(o->problem));
}

static void
check_operands(const struct line *line, char *const *argv,
    const struct cli_options *o)
{
	CHECK(o->n_operands >= 0 && o->n_operands <= line->argc);
	CHECK(o->operands + o->n_operands == argv + line->argc);
	CHECK(o->n_operands < line->argc || line->argc == 0);
	/* options have ended there, with a word that is none or with -- */
	if (o->n_operands != 0 && !o->after_dashes)
		CHECK(o->operands[0][0] != '-' || o->operands[0][1] == '\0');
	if (o->after_dashes)
		CHECK(strcmp(o->operands[-1], "--") == 0);
	for (int i = 0; i < line->argc; i++)
		CHECK(argv[i] == line->argv[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli_options o = { 0 };
	char **argv;
	struct line line;
	int status;

	make_line(&line, data, size);
	/* of just the right size, too */
	argv = malloc(((size_t)line.argc + 1) * sizeof(*argv));
	CHECK(argv != NULL);
	memcpy(argv, line.argv, ((size_t)line.argc + 1) * sizeof(*argv));
	status = cli_options_parse(line.argc, argv, &o);
	CHECK(status == 0 || status == EX_USAGE);
	CHECK(status == 0 || o.problem[0] != '\0');
	check_options(&line, &o);
	if (status == 0)
		check_operands(&line, argv, &o);
	cli_options_clear(&o);
	CHECK(o.sets == NULL && o.limits == NULL);
	for (int i = 0; i < line.argc; i++)
		free(line.argv[i]);
	free(argv);
	return 0;
}
