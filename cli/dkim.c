/* SPDX-License-Identifier: MIT */
/*
 * dkim.c - mailchute dkim keygen, mailchute dkim record
 */
#include "cli.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BITS 2048
/* RFC 1035 3.3: what a string of a record can hold */
#define STRING 255
#define NAME 256

static const char help_text[] =
"usage: mailchute dkim keygen [options]\n"
"       mailchute dkim record [account]\n"
"\n"
"keygen makes a private key to sign mail with (DKIM), and shows the record\n"
"that belongs into DNS and the lines for the configuration.\n"
"  --bits NUMBER    an RSA key of so many bits, 2048 to 4096 (2048)\n"
"  --ed25519        an Ed25519 key; not every receiver knows these, so use it\n"
"                   beside an RSA key\n"
"  --domain NAME    domain that signs (that of dkim-domain or from)\n"
"  --selector NAME  name of the key in DNS (made of the month)\n"
"  --out FILE       where it goes, a file that is not there yet\n"
"                   (SELECTOR.DOMAIN.pem)\n"
"\n"
"record shows the records of the keys that an account signs with.\n"
"\n"
"  -C FILE          configuration to read\n"
"\n"
"Manual: mailchute(1)\n";

struct args {
	const char *account;
	const char *file;	/* -C */
	const char *domain;
	const char *selector;
	const char *out;
	const char *bits;
	bool ed25519;
	bool help;
	/* what domain and selector point to where no option gave them */
	char own_domain[NAME];
	char own_selector[NAME];
};

static int
usage(const char *what, const char *word)
{
	cli_say("dkim: %s%.100s (mailchute dkim --help)", what, word);
	return EX_USAGE;
}

/* "--out FILE" or "--out=FILE": 1 with the value, 0 if it is another option,
 * -1 without a value */
static int
value_of(const char *name, int argc, char **argv, int *i, const char **ret)
{
	const char *word = argv[*i];
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0 ||
	    (word[n] != '\0' && word[n] != '='))
		return 0;
	if (word[n] == '=') {
		*ret = word + n + 1;
	} else {
		if (*i + 1 >= argc)
			return -1;
		*ret = argv[++*i];
	}
	return (*ret)[0] == '\0' ? -1 : 1;
}

static int
parse_option(int argc, char **argv, int *i, bool is_keygen,
    struct args *args)
{
	const struct {
		const char *name;
		const char **value;
		bool of_keygen;
	} rows[] = {
		{ "-C", &args->file, false },
		{ "--config", &args->file, false },
		{ "--bits", &args->bits, true },
		{ "--domain", &args->domain, true },
		{ "--selector", &args->selector, true },
		{ "--out", &args->out, true },
	};
	const char *word = argv[*i];
	size_t k;
	int rc;

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		args->help = true;
		return 0;
	}
	if (is_keygen && strcmp(word, "--ed25519") == 0) {
		args->ed25519 = true;
		return 0;
	}
	for (k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		if (rows[k].of_keygen && !is_keygen)
			continue;
		rc = value_of(rows[k].name, argc, argv, i, rows[k].value);
		if (rc < 0)
			return usage("a value is missing behind ", word);
		if (rc > 0)
			return 0;
	}
	return usage("unknown option ", word);
}

static int
parse_args(int argc, char **argv, bool is_keygen, struct args *args)
{
	int i, rc;

	for (i = 2; i < argc; i++) {
		if (argv[i][0] == '-') {
			rc = parse_option(argc, argv, &i, is_keygen, args);
			if (rc != 0)
				return rc;
		} else if (!is_keygen && args->account == NULL) {
			args->account = argv[i];
		} else {
			return usage("unknown word ", argv[i]);
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ records */

/* a zone file takes strings of no more than 255 bytes, and puts them together */
static void
show_strings(const char *text)
{
	size_t left = strlen(text);

	while (left > STRING) {
		printf("\t\"%.*s\"\n", STRING, text);
		text += STRING;
		left -= STRING;
	}
	printf("\t\"%s\" )\n", text);
}

static void
show_record(const struct mc_dkim_record *r)
{
	if (strcmp(r->type, "rsa") == 0)
		printf("; %s: RSA, %u bits\n", r->file, r->bits);
	else
		printf("; %s: Ed25519\n", r->file);
	printf("%s. IN TXT (\n", r->name);
	show_strings(r->text);
	printf("\n; the same for a web page: type TXT, and without line ends\n"
	    "; name: %s\n; text: %s\n", r->name, r->text);
}

struct shown {
	unsigned n;
	bool short_key;
};

static void
on_record(void *ctx, const struct mc_dkim_record *r)
{
	struct shown *shown = ctx;

	if (shown->n++ != 0)
		printf("\n");
	show_record(r);
	if (strcmp(r->type, "rsa") == 0 && r->bits < BITS)
		shown->short_key = true;
}

static int
record(const struct cli_identity *id, const struct mc_config *config,
    const struct args *args)
{
	struct shown shown = { 0, false };
	struct mc_err err = { 0 };

	if (mc_dkim_record(&id->caller, config, args->account, on_record,
	    &shown, &err) != 0)
		return cli_fail(&err);
	if (shown.short_key)
		cli_say("a key of less than 2048 bits can be broken, and some "
		    "receivers do not count it: make a longer one");
	return 0;
}

/* ------------------------------------------------------------------- keygen */

static const char *
own_value(const struct mc_config *config, const char *key)
{
	struct mc_value v;
	size_t i;

	for (i = 0; mc_config_value(config, NULL, i, &v, NULL) == 0; i++)
		if (strcmp(v.key, key) == 0)
			return v.value == NULL || v.value[0] == '\0' ? NULL :
			    v.value;
	return NULL;
}

/* that of the first address, which no pattern is */
static bool
domain_of(const char *from, char *ret, size_t size)
{
	const char *at = strchr(from, '@');
	size_t n;

	if (at == NULL)
		return false;
	n = strcspn(at + 1, ", ");
	if (n == 0 || n >= size || memchr(at + 1, '*', n) != NULL)
		return false;
	memcpy(ret, at + 1, n);
	ret[n] = '\0';
	return true;
}

static int
choose_domain(const struct mc_config *config, struct args *args)
{
	const char *from;

	args->domain = own_value(config, "dkim-domain");
	if (args->domain != NULL)
		return 0;
	from = own_value(config, "from");
	if (from == NULL || !domain_of(from, args->own_domain,
	    sizeof(args->own_domain)))
		return usage("which domain signs?  --domain NAME", "");
	args->domain = args->own_domain;
	return 0;
}

/* months tell keys apart, and how old each is */
static void
choose_selector(struct args *args)
{
	time_t now = time(NULL);
	struct tm tm;

	if (args->selector != NULL)
		return;
	if (gmtime_r(&now, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	snprintf(args->own_selector, sizeof(args->own_selector),
	    "%s%04d%02d", args->ed25519 ? "e" : "r",
	    (int)tm.tm_year + 1900, (int)tm.tm_mon + 1);
	args->selector = args->own_selector;
}

static int
choose_bits(const struct args *args, unsigned *ret_bits)
{
	unsigned long n;
	char *end;

	*ret_bits = args->ed25519 ? 0 : BITS;
	if (args->bits == NULL)
		return 0;
	if (args->ed25519)
		return usage("--ed25519 and --bits do not go together", "");
	n = strtoul(args->bits, &end, 10);
	if (args->bits[0] < '0' || args->bits[0] > '9' || *end != '\0' ||
	    n == 0 || n > UINT_MAX)
		return usage("no number of bits: ", args->bits);
	*ret_bits = (unsigned)n;
	return 0;
}

static void
on_new(void *ctx, const struct mc_dkim_record *r)
{
	char path[PATH_MAX];

	(void)ctx;
	show_record(r);
	printf("\n# for the configuration, once that is in DNS\n"
	    "dkim-domain = %s\ndkim-selector = %s\ndkim-key = %s\n",
	    r->domain, r->selector, realpath(r->file, path) != NULL ? path :
	    r->file);
}

static int
keygen(struct args *args)
{
	struct mc_dkim_new new = { 0 };
	struct mc_err err = { 0 };
	char file[2 * NAME + 8];
	int rc = choose_bits(args, &new.bits);

	if (rc != 0)
		return rc;
	choose_selector(args);
	new.domain = args->domain;
	new.selector = args->selector;
	new.file = args->out;
	if (new.file == NULL) {
		if (strchr(new.domain, '/') != NULL ||
		    strchr(new.selector, '/') != NULL)
			return usage("a name with a slash: ",
			    strchr(new.domain, '/') != NULL ? new.domain :
			    new.selector);
		snprintf(file, sizeof(file), "%s.%s.pem", new.selector,
		    new.domain);
		new.file = file;
	}
	if (mc_dkim_keygen(&new, on_new, NULL, &err) != 0)
		return cli_fail(&err);
	return 0;
}

/* --------------------------------------------------------------------- both */

static int
run(const struct cli_identity *id, bool is_keygen, struct args *args)
{
	struct mc_config *config = NULL;
	int status;

	/* a configuration that waits for its key is no reason not to make it */
	if (is_keygen && args->domain != NULL)
		return keygen(args);
	status = cli_load_telling(id, args->file, &config);
	if (status != 0) {
		if (is_keygen)
			cli_say("dkim: with --domain NAME no configuration is "
			    "read");
		return status;
	}
	if (is_keygen) {
		status = choose_domain(config, args);
		if (status == 0)
			status = keygen(args);
	} else {
		status = record(id, config, args);
	}
	mc_config_free(config);
	return status;
}

int
cli_dkim(const struct cli_identity *id, int argc, char **argv)
{
	struct args args = { 0 };
	bool is_keygen = argc > 1 && strcmp(argv[1], "keygen") == 0;
	bool is_record = argc > 1 && strcmp(argv[1], "record") == 0;
	int status;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
		fputs(help_text, stdout);
		return 0;
	}
	if (!is_keygen && !is_record)
		return usage(argc > 1 ? "unknown word " :
		    "keygen, or record?", argc > 1 ? argv[1] : "");
	status = parse_args(argc, argv, is_keygen, &args);
	if (status != 0)
		return status;
	if (args.help) {
		fputs(help_text, stdout);
		return 0;
	}
	return run(id, is_keygen, &args);
}
