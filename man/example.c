/* SPDX-License-Identifier: MIT */
/* example.c - submit standard input to the recipients given as arguments */
#include <mailchute.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

static int
fail(const struct mc_err *err)
{
	fprintf(stderr, "%s: %s\n", mc_code_name(err->code), err->text);
	return mc_err_exit(err);
}

int
main(int argc, char **argv)
{
	struct mc_caller caller = { 0 };
	struct mc_config *config = NULL;
	struct mc_submission *sub = NULL;
	struct mc_err err = { 0 };
	struct mc_result result;
	int status = 0;
	size_t n;

	/* the library asks the process nothing: tell it who is there */
	caller.login = "app";
	caller.home = getenv("HOME");
	caller.tmpdir = getenv("TMPDIR");
	caller.envp = environ;
	caller.uid = (unsigned long)geteuid();

	if (mc_config_load(&caller, NULL, NULL, NULL, &config, &err) != 0 ||
	    mc_submission_new(&caller, config, &sub, &err) != 0)
		goto out;
	for (n = 1; n < (size_t)argc; n++)
		if (mc_submission_add_rcpt(sub, argv[n], &err) != 0)
			goto out;
	if (mc_submission_read(sub, STDIN_FILENO, 0, &err) != 0 ||
	    mc_submission_send(sub, &err) == 0)
		goto out;

	/* some recipients, or all, were not served */
	for (n = 0; mc_submission_result(sub, n, &result) == 0; n++)
		if (result.verdict != MC_DELIVERED)
			fprintf(stderr, "%s: %s%s\n", result.address,
			    result.verdict == MC_DEFERRED ? "later: " :
			    result.verdict == MC_UNSURE ? "unsure: " : "",
			    result.err.text);
out:
	if (err.code != MC_OK)
		status = fail(&err);
	mc_submission_free(sub);
	mc_config_free(config);
	return status;
}
