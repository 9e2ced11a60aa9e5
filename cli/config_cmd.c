/* SPDX-License-Identifier: MIT */
/*
 * config_cmd.c - mailchute config check, show; import is in import_cmd.c
 */
#include "cli.h"

#include <string.h>

static void
on_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	unsigned *n = ctx;

	(void)file;
	(void)line;
	++*n;
	cli_say("%s", problem->text);
}

int
cli_load_telling(const struct cli_identity *id, const char *file,
    struct mc_config **ret_config)
{
	struct mc_err err = { 0 };
	unsigned n = 0;

	if (mc_config_load(&id->caller, file, on_problem, &n, ret_config,
	    &err) == 0)
		return 0;
	return n == 0 ? cli_fail(&err) : mc_err_exit(&err);
}

struct args {
	const char *account;
	const char *file;
};

static int
parse_args(int argc, char **argv, struct args *ret_args)
{
	int i;

	for (i = 2; i < argc; i++) {
		if (strcmp(argv[i], "-a") == 0 && i + 1 < argc) {
			ret_args->account = argv[++i];
		} else if (strcmp(argv[i], "-C") == 0 && i + 1 < argc) {
			ret_args->file = argv[++i];
		} else if (argv[i][0] != '-' && ret_args->file == NULL) {
			ret_args->file = argv[i];
		} else {
			cli_say("config: unknown word %.100s", argv[i]);
			return EX_USAGE;
		}
	}
	return 0;
}

/* the only account that nobody has written down */
static void
check_service(const struct mc_config *config)
{
	struct mc_value v;
	size_t i;

	for (i = 0; mc_config_value(config, NULL, i, &v, NULL) == 0; i++)
		if (strcmp(v.key, "host") == 0 &&
		    strcmp(v.origin, "the local service") == 0)
			printf("mail goes to the local service, %s\n",
			    v.value);
}

static int
check(struct mc_config *config)
{
	size_t i;

	for (i = 0; mc_config_file(config, i) != NULL; i++)
		printf("read %s\n", mc_config_file(config, i));
	if (i == 0)
		printf("no configuration file was found\n");
	check_service(config);
	for (i = 0; mc_config_account(config, i) != NULL; i++)
		printf("account %s: ok\n", mc_config_account(config, i));
	return 0;
}

static int
show_account(struct mc_config *config, const char *account)
{
	struct mc_err err = { 0 };
	struct mc_value v;
	size_t i;

	printf("[account %s]\n", account);
	for (i = 0; mc_config_value(config, account, i, &v, &err) == 0; i++) {
		if (v.value == NULL || v.value[0] == '\0')
			continue;
		printf("# from: %s\n%s = %s\n", v.origin, v.key, v.value);
	}
	return err.code == MC_OK ? 0 : cli_fail(&err);
}

static int
show(struct mc_config *config, const char *account)
{
	size_t i;
	int status = 0;

	if (account != NULL)
		return show_account(config, account);
	for (i = 0; mc_config_account(config, i) != NULL && status == 0;
	    i++) {
		if (i != 0)
			printf("\n");
		status = show_account(config, mc_config_account(config, i));
	}
	return status;
}

static int
help(void)
{
	fputs("usage: mailchute config check [-C file]\n"
	    "       mailchute config show [-a account] [-C file]\n"
	    "       mailchute config import --from program [--output file] "
	    "[file]\n"
	    "\n"
	    "  check            is something wrong in the files, and where?\n"
	    "  show             every key of an account, and who says so\n"
	    "  import           make one from that of another program, see\n"
	    "                   config import --help\n"
	    "  -a account       of this one; default: the default account\n"
	    "  -C file          this file instead of the usual ones\n"
	    "\n"
	    "Manual: mailchute.conf(5), mailchute(1)\n", stdout);
	return 0;
}

int
cli_config(const struct cli_identity *id, int argc, char **argv)
{
	struct args args = { 0 };
	struct mc_config *config = NULL;
	bool is_check, is_show;
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0)
		return help();
	if (argc > 1 && strcmp(argv[1], "import") == 0)
		return cli_import(id, argc, argv);
	is_check = argc > 1 && strcmp(argv[1], "check") == 0;
	is_show = argc > 1 && strcmp(argv[1], "show") == 0;
	if (!is_check && !is_show) {
		cli_say("usage: mailchute config check|show [-a account] "
		    "[-C file], or config import --from PROGRAM");
		return EX_USAGE;
	}
	status = parse_args(argc, argv, &args);
	if (status != 0)
		return status;
	status = cli_load_telling(id, args.file, &config);
	if (status != 0)
		return status;
	status = is_check ? check(config) : show(config, args.account);
	mc_config_free(config);
	return status;
}
