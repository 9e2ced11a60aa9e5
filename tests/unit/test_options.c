/* SPDX-License-Identifier: MIT */
/*
 * test_options.c - the command line, row by row of its table
 */
#include "unit.h"

#include "cli/flags.h"

const char *cli_name = "sendmail";

#define MOST 12

/* words that end with NULL; what was parsed has to be cleared */
static int
parse(struct cli_options *o, const char *const *words)
{
	static char copies[MOST][600];
	static char *argv[MOST + 1];
	int argc = 0;

	argv[argc++] = copies[0];
	snprintf(copies[0], sizeof(copies[0]), "sendmail");
	for (; *words != NULL; words++) {
		assert_true(argc < MOST && strlen(*words) < 600);
		snprintf(copies[argc], sizeof(copies[argc]), "%s", *words);
		argv[argc] = copies[argc];
		argc++;
	}
	argv[argc] = NULL;
	memset(o, 0, sizeof(*o));
	return cli_options_parse(argc, argv, o);
}

#define PARSE(o, ...) \
	parse(o, (const char *const[]){ __VA_ARGS__, NULL })

static void
expect_operand(struct cli_options *o, const char *word)
{
	assert_int_equal(o->n_operands, 1);
	assert_string_equal(o->operands[0], word);
}

/* ------------------------------------------------------------------- table */

/* words that each letter takes; one that it does not like is another test's */
static const char *
good_value(char letter)
{
	switch (letter) {
	case 'b':
		return "m";
	case 'N':
		return "never";
	case 'R':
		return "hdrs";
	default:
		return "v";
	}
}

/* what has no effect leaves everything as it was */
static void
expect_nothing(struct cli_options *o)
{
	struct cli_options fresh = { 0 };

	fresh.operands = o->operands;
	fresh.n_operands = o->n_operands;
	assert_memory_equal(o, &fresh, sizeof(fresh));
}

static void
check_flag(const struct cli_flag *f)
{
	char alone[3] = { '-', f->letter, '\0' };
	char attached[16];
	struct cli_options o;
	const char *value = good_value(f->letter);
	int want = f->status == CLI_REFUSED ? EX_USAGE : 0;

	snprintf(attached, sizeof(attached), "-%c%s", f->letter, value);
	/* alone at the end, and in front of an operand */
	assert_int_equal(PARSE(&o, alone), f->value == CLI_NEED ? EX_USAGE :
	    want);
	cli_options_clear(&o);
	if (f->value == CLI_NEED)
		assert_int_equal(PARSE(&o, alone, value, "a@x"), want);
	else
		assert_int_equal(PARSE(&o, alone, "a@x"), want);
	if (want == 0)
		expect_operand(&o, "a@x");
	if (f->status == CLI_IGNORED)
		expect_nothing(&o);
	cli_options_clear(&o);
	if (f->value == CLI_NONE)
		return;
	assert_int_equal(PARSE(&o, attached, "a@x"), want);
	if (want == 0)
		expect_operand(&o, "a@x");
	else
		assert_non_null(strstr(o.problem, f->help));
	if (f->status == CLI_IGNORED)
		expect_nothing(&o);
	cli_options_clear(&o);
}

static void
test_flags(void **state)
{
	const struct cli_flag *f;
	size_t i, n;

	(void)state;
	for (n = 0; (f = cli_flag_at(n)) != NULL; n++) {
		check_flag(f);
		assert_ptr_equal(cli_flag_find(f->letter), f);
		for (i = 0; i < n; i++)
			assert_int_not_equal(cli_flag_at(i)->letter,
			    f->letter);
	}
	assert_true(n > 30);
}

/* letters, behind a dash, that the table has not */
static void
test_unknown(void **state)
{
	struct cli_options o;
	char word[3] = "-";
	int c;

	(void)state;
	for (c = 1; c < 256; c++) {
		word[1] = (char)c;
		if (c == '-' || cli_flag_find((char)c) != NULL)
			continue;
		assert_int_equal(PARSE(&o, word, "a@x"), EX_USAGE);
		assert_non_null(strstr(o.problem, "unknown option"));
		cli_options_clear(&o);
		/* in a cluster too */
		assert_int_equal(PARSE(&o, "-i", word, "a@x"), EX_USAGE);
		cli_options_clear(&o);
	}
}

static const char *
front(char group)
{
	return group == 'b' ? "-b" : group == 'q' ? "-q" : group == 'd' ?
	    "-od" : group == 'e' ? "-oe" : group == 'O' ? "-O" : "-o";
}

static void
check_sub(const struct cli_sub *sub)
{
	char word[64];
	struct cli_options o;
	int want = sub->status == CLI_REFUSED ? EX_USAGE : 0;

	snprintf(word, sizeof(word), "%s%s%s", front(sub->group),
	    sub->name[0] == '#' ? "30m" : sub->name,
	    sub->name[0] == '!' ? "Rx" : sub->group == 'O' ? "=x" :
	    sub->argument[0] != '\0' ? "x" : "");
	assert_int_equal(PARSE(&o, word, "a@x"), want);
	if (want == 0)
		expect_operand(&o, "a@x");
	else
		assert_non_null(strstr(o.problem, sub->help));
	if (sub->group == 'b' || sub->group == 'q')
		assert_int_equal(o.mode, sub->id);
	else if (sub->group == 'd')
		assert_int_equal(o.delivery, sub->id);
	else if (sub->group == 'e')
		assert_int_equal(o.errors, sub->id);
	else if (sub->id == 0)
		expect_nothing(&o);
	cli_options_clear(&o);
}

static void
test_subs(void **state)
{
	const struct cli_sub *sub;
	const char *value;
	size_t n;

	(void)state;
	for (n = 0; (sub = cli_sub_at(n)) != NULL; n++) {
		check_sub(sub);
		assert_non_null(strchr("bqodeO", sub->group));
		/* each is found by its name, so no name is there twice */
		if (sub->group == 'O')
			assert_ptr_equal(cli_sub_find_long(sub->name, &value),
			    sub);
		else
			assert_ptr_equal(cli_sub_find(sub->group,
			    sub->name[0]), sub);
		/* for people */
		assert_true(sub->help[0] != '\0');
	}
	assert_true(n > 50);
}

/* every letter behind -o, and every text behind -O, is taken */
static void
test_no_row(void **state)
{
	struct cli_options o;
	char word[] = "-o?";
	int c;

	(void)state;
	for (c = 1; c < 256; c++) {
		word[1] = 'o';
		word[2] = (char)c;
		assert_int_equal(PARSE(&o, word, "a@x"), 0);
		expect_operand(&o, "a@x");
		if (cli_sub_find('o', (char)c) == NULL)
			expect_nothing(&o);
		cli_options_clear(&o);
		word[1] = 'O';
		assert_int_equal(PARSE(&o, word, "a@x"), 0);
		expect_nothing(&o);
		cli_options_clear(&o);
		word[1] = 'q';
		assert_int_equal(PARSE(&o, word, "a@x"), c == '!' ?
		    EX_USAGE : 0);
		cli_options_clear(&o);
	}
}

/* ----------------------------------------------------------------- effects */

static void
test_dots(void **state)
{
	static const struct {
		const char *word;
		bool want;
	} rows[] = {
		{ "-i", true }, { "-oi", true }, { "-oitrue", true },
		{ "-oiT", true }, { "-oiyes", true }, { "-oiY", true },
		{ "-oifalse", false }, { "-oi0", false }, { "-oino", false },
		{ "-OIgnoreDots", true }, { "-OIgnoreDots=", true },
		{ "-Oignoredots=True", true }, { "-OIgnoreDots=n", false },
		{ "-OIgnoreDots = y", true }, { "-OIgnoreDotsX", false },
		{ "-OIgnoreDot=y", false }, { "-ti", true }, { "-it", true },
		{ "-ci", true }, { "-di", false }, { "-Ei", false },
	};
	struct cli_options o;
	size_t i;

	(void)state;
	for (i = 0; i < MC_NELEM(rows); i++) {
		assert_int_equal(PARSE(&o, rows[i].word), 0);
		if (o.ignore_dots != rows[i].want)
			fail_msg("%s", rows[i].word);
		cli_options_clear(&o);
	}
}

/* the last one counts */
static void
test_last(void **state)
{
	struct cli_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "-fa@x", "-r", "b@x", "-tf", "c@x", "-odb",
	    "-odq", "-oem", "-eq"), 0);
	assert_string_equal(o.sender, "c@x");
	assert_true(o.header_rcpts);
	assert_int_equal(o.delivery, CLI_QUEUE);
	assert_int_equal(o.errors, CLI_ERRORS_QUIET);
	assert_int_equal(o.n_operands, 0);
	cli_options_clear(&o);
	/* a value may look like an option */
	assert_int_equal(PARSE(&o, "-f", "-i", "-F", "--", "--", "-t"), 0);
	assert_string_equal(o.sender, "-i");
	assert_string_equal(o.full_name, "--");
	assert_false(o.ignore_dots || o.header_rcpts);
	assert_true(o.after_dashes);
	expect_operand(&o, "-t");
	cli_options_clear(&o);
}

static void
test_end(void **state)
{
	struct cli_options o;
	char *none[] = { NULL };

	(void)state;
	assert_int_equal(PARSE(&o, "-i", "a@x", "-t", "--"), 0);
	assert_int_equal(o.n_operands, 3);
	assert_false(o.header_rcpts || o.after_dashes);
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "-", "-t"), 0);
	assert_int_equal(o.n_operands, 2);
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "", "-t"), 0);
	assert_int_equal(o.n_operands, 2);
	cli_options_clear(&o);
	memset(&o, 0, sizeof(o));
	assert_int_equal(cli_options_parse(0, none, &o), 0);
	assert_int_equal(o.n_operands, 0);
	cli_options_clear(&o);
}

static void
test_limits(void **state)
{
	struct cli_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "-qIab", "-q!Rx.test", "-qS", "-q!I"), 0);
	assert_int_equal(o.mode, CLI_FLUSH);
	assert_int_equal(o.n_limits, 4);
	assert_int_equal(o.limits[0].what, 'I');
	assert_string_equal(o.limits[0].text, "ab");
	assert_false(o.limits[0].without);
	assert_int_equal(o.limits[1].what, 'R');
	assert_string_equal(o.limits[1].text, "x.test");
	assert_true(o.limits[1].without);
	assert_int_equal(o.limits[2].what, 'S');
	assert_string_equal(o.limits[2].text, "");
	assert_true(o.limits[3].without);
	cli_options_clear(&o);
	/* quarantine is nothing here, with or without */
	assert_int_equal(PARSE(&o, "-q!Qx"), 0);
	assert_int_equal(o.mode, CLI_NOTHING);
	assert_int_equal(o.n_limits, 0);
	cli_options_clear(&o);
	/* a limit that is none must not become a run over everything */
	assert_int_equal(PARSE(&o, "-q!rx"), EX_USAGE);
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "-q!"), EX_USAGE);
	cli_options_clear(&o);
}

/* a daemon is refused before and behind its interval, and reads no input */
static void
test_daemon(void **state)
{
	struct cli_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "-bd", "-q30m"), EX_USAGE);
	assert_non_null(strstr(o.problem, "queue run --watch"));
	assert_int_not_equal(o.mode, CLI_SEND);
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "-q30m", "-bd"), EX_USAGE);
	assert_int_not_equal(o.mode, CLI_SEND);
	cli_options_clear(&o);
	/* these had a message on their input */
	assert_int_equal(PARSE(&o, "-bS"), EX_USAGE);
	assert_int_equal(o.mode, CLI_SEND);
	cli_options_clear(&o);
}

static void
test_notify(void **state)
{
	static const struct {
		const char *word;
		unsigned want;	/* 0: refused */
	} rows[] = {
		{ "never", MC_NOTIFY_NEVER },
		{ "SUCCESS", MC_NOTIFY_SUCCESS },
		{ "success,Failure,delay", MC_NOTIFY_SUCCESS |
		    MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY },
		{ "failure,failure", MC_NOTIFY_FAILURE },
		{ "failure,", MC_NOTIFY_FAILURE },
		{ "never,success", 0 }, { "", 0 }, { ",", 0 }, { "no", 0 },
		{ "success failure", 0 }, { "successs", 0 },
	};
	struct cli_options o;
	size_t i;

	(void)state;
	for (i = 0; i < MC_NELEM(rows); i++) {
		int status = PARSE(&o, "-N", rows[i].word);

		if (status != (rows[i].want == 0 ? EX_USAGE : 0) ||
		    (status == 0 && o.notify != rows[i].want))
			fail_msg("%s: %d %x", rows[i].word, status, o.notify);
		cli_options_clear(&o);
	}
}

static void
test_ret(void **state)
{
	struct cli_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "-RHdrs"), 0);
	assert_string_equal(o.ret, "Hdrs");
	assert_string_equal(o.problem, "");
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "-R", "all", "a@x"), 0);
	assert_null(o.ret);
	assert_non_null(strstr(o.problem, "neither full nor hdrs"));
	expect_operand(&o, "a@x");
	cli_options_clear(&o);
}

static void
test_long(void **state)
{
	struct cli_options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--queue=on", "--no-queue", "--account",
	    "w", "--config=c", "--verbose", "--dry-run", "--queue-only",
	    "--from=", "a@x"), 0);
	assert_int_equal(o.n_sets, 3);
	assert_string_equal(o.sets[0].key, "queue");
	assert_string_equal(o.sets[0].value, "on");
	assert_string_equal(o.sets[1].value, "off");
	assert_string_equal(o.sets[2].key, "from");
	assert_string_equal(o.sets[2].value, "");
	assert_string_equal(o.account, "w");
	assert_string_equal(o.config, "c");
	assert_true(o.dry_run && o.queue_only && o.verbose == 1);
	expect_operand(&o, "a@x");
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "--config"), EX_USAGE);
	assert_non_null(strstr(o.problem, "needs a value"));
	cli_options_clear(&o);
	assert_int_equal(PARSE(&o, "--nosuch"), EX_USAGE);
	cli_options_clear(&o);
}

/* words that are too long for a line are cut there */
static void
test_problem(void **state)
{
	struct cli_options o;
	char word[600] = "-b";

	(void)state;
	memset(word + 2, 'x', sizeof(word) - 3);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(PARSE(&o, word), EX_USAGE);
	assert_true(strlen(o.problem) < 200);
	assert_non_null(strstr(o.problem, "--help"));
	cli_options_clear(&o);
	word[1] = '-';
	assert_int_equal(PARSE(&o, word), EX_USAGE);
	assert_true(strlen(o.problem) < 200);
	cli_options_clear(&o);
	word[1] = 'N';
	assert_int_equal(PARSE(&o, word), EX_USAGE);
	assert_true(strlen(o.problem) < 250);
	cli_options_clear(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_subs),
		cmocka_unit_test(test_no_row),
		cmocka_unit_test(test_dots),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_end),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_daemon),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_ret),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
