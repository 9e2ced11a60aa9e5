/* SPDX-License-Identifier: MIT */
/*
 * verify.c - sendmail's -bv: whom a recipient stands for, without sending
 */
#include "cli.h"

/* "address... deliverable: account NAME", a line each */
static int
show(const struct mc_submission *sub, const char *operand)
{
	struct mc_overview o;
	struct mc_result r;
	struct mc_err err = { 0 };
	size_t i;

	if (mc_submission_overview(sub, &o, &err) != 0)
		return cli_fail(&err);
	if (o.host[0] == '\0') {
		cli_say("%s... not deliverable: account %s has no host",
		    operand, o.account);
		return EX_CONFIG;
	}
	for (i = 0; mc_submission_result(sub, i, &r) == 0; i++)
		printf("%s... deliverable: account %s\n", r.address,
		    o.account);
	return 0;
}

/* all that is done with a message before anything leaves, with an empty one */
static int
resolve(struct mc_submission *sub, const struct cli_options *o,
    const char *operand, struct mc_err *err)
{
	if ((o->account != NULL &&
	    mc_submission_set_account(sub, o->account, err) != 0) ||
	    (o->sender != NULL &&
	    mc_submission_set_sender(sub, o->sender, err) != 0) ||
	    mc_submission_add_rcpt(sub, operand, err) != 0)
		return -1;
	mc_submission_no_aliases(sub, o->no_aliases);
	if (mc_submission_end(sub, err) != 0)
		return -1;
	return mc_submission_prepare(sub, err);
}

static int
verify(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *o, const char *operand)
{
	struct mc_submission *sub = NULL;
	struct mc_err err = { 0 };
	int status;

	if (mc_submission_new(&id->caller, config, &sub, &err) != 0)
		return cli_fail(&err);
	if (resolve(sub, o, operand, &err) == 0) {
		status = show(sub, operand);
	} else {
		cli_say("%s... not deliverable: %s", operand, err.text);
		/* nobody here has that name */
		status = err.code == MC_E_ADDR_BARE ? EX_NOUSER :
		    mc_err_exit(&err);
	}
	mc_submission_free(sub);
	return status;
}

int
cli_verify(const struct cli_identity *id, const struct mc_config *config,
    const struct cli_options *options)
{
	int i, one, status = 0;

	if (options->n_operands == 0) {
		cli_say("-bv: no address to look at; a message is not read");
		return EX_USAGE;
	}
	for (i = 0; i < options->n_operands; i++) {
		one = verify(id, config, options, options->operands[i]);
		if (status == 0)
			status = one;
	}
	return status;
}
