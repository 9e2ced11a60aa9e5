/* SPDX-License-Identifier: MIT */
/*
 * doctor_conf.c - the configuration, who may read and write it, the account
 */
#include "doctor.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static const char conf[] = "configuration";

static const char *
remedy_for(const struct mc_err *problem)
{
	if (problem->code == MC_E_CONF_KEY)
		return "correct or remove the line; mailchute.conf(5) lists "
		    "the keys";
	if (problem->code == MC_E_CONF_SECRET)
		return "until then nothing is sent: anybody on this machine "
		    "could have read or changed what stands there";
	return "correct it; `mailchute config check` looks at the "
	    "configuration alone";
}

static void
on_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	struct doctor *d = ctx;
	struct doctor_why why = { "", "" };

	(void)line;
	if (problem->code != MC_E_CONF_FILE || problem->sys == 0 ||
	    file == NULL || file[0] == '\0') {
		doctor_fail(d, problem, conf, remedy_for(problem));
		return;
	}
	doctor_why_not(d, file, DOCTOR_READ, problem->sys, &why);
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(problem), conf, why.remedy,
	    "cannot read %s", why.found);
}

/* the library refuses such a file only where it holds a secret or a command */
static void
check_file(struct doctor *d, const char *path)
{
	char mode[300], remedy[DOCTOR_TEXT];
	struct stat st;

	if (stat(path, &st) != 0) {
		doctor_ok(d, conf, "%s", path);
		return;
	}
	doctor_mode(st.st_mode, st.st_uid, mode, sizeof(mode));
	snprintf(remedy, sizeof(remedy), "anybody who may write it chooses "
	    "the server that gets mail and password: chmod go-w %.1000s",
	    path);
	if ((st.st_mode & 022) != 0)
		doctor_say(d, DOCTOR_WARNING, 0, conf, remedy,
		    "%s: others may write it (%s)", path, mode);
	else
		doctor_ok(d, conf, "%s (%s)", path, mode);
}

static void
on_alias_problem(void *ctx, const char *file, unsigned line,
    const struct mc_err *problem)
{
	(void)file;
	(void)line;
	doctor_fail(ctx, problem, "aliases", "correct the aliases file");
}

static void
check_aliases(struct doctor *d)
{
	struct mc_err err = { 0 };
	const char *file = doctor_key(d, "aliases");

	if (file[0] != '\0' && mc_config_check_aliases(d->config, d->account,
	    on_alias_problem, d, &err) == 0)
		doctor_ok(d, "aliases", "%s", file);
}

/* the one called default, else the only one; it is named in lines, and in the
 * queue */
static void
choose_default(struct doctor *d)
{
	const char *name;
	size_t n = 0;

	while ((name = mc_config_account(d->config, n)) != NULL &&
	    strcmp(name, "default") != 0)
		n++;
	if (name != NULL)
		d->account = name;
	else if (n == 1)
		d->account = mc_config_account(d->config, 0);
}

static int
check_account(struct doctor *d)
{
	struct mc_err err = { 0 };
	struct mc_value v;
	const char *host;

	if (d->account == NULL)
		choose_default(d);
	if (mc_config_value(d->config, d->account, 0, &v, &err) != 0) {
		doctor_fail(d, &err, "account", "`mailchute config check` "
		    "lists the accounts");
		return -1;
	}
	host = doctor_key(d, "host");
	if (host[0] == '\0') {
		doctor_say(d, DOCTOR_FAILED, EX_CONFIG, "account",
		    "write `host = NAME-OF-THE-SERVER` into the configuration, "
		    "or have `mailchute setup` do it", "%s has no host: there "
		    "is no server to send to", d->account != NULL ?
		    d->account : "the default account");
		return -1;
	}
	doctor_ok(d, "account", "%s: %s%s%s", d->account != NULL ?
	    d->account : "the default one", host,
	    doctor_key(d, "user")[0] != '\0' ? " as " : "",
	    doctor_key(d, "user"));
	check_aliases(d);
	return 0;
}

int
doctor_config(struct doctor *d)
{
	struct mc_err err = { 0 };
	int before = d->status;

	if (mc_config_load(&d->id->caller, d->file, on_problem, d, &d->config,
	    &err) != 0) {
		if (d->status == before)
			doctor_fail(d, &err, conf, remedy_for(&err));
		return -1;
	}
	for (size_t i = 0; mc_config_file(d->config, i) != NULL; i++)
		check_file(d, mc_config_file(d->config, i));
	if (mc_config_file(d->config, 0) == NULL)
		doctor_ok(d, conf, "no file; environment and defaults alone");
	return check_account(d);
}
