/* SPDX-License-Identifier: MIT */
/*
 * config.c - the public side: load, set, ask
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/alias.h"

#include <errno.h>
#include <sys/stat.h>

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif

static const char *const command_line = "command line";

/* the defaults are settings like any other, made from the table */
static int
make_defaults(struct mc_layer *layer, struct mc_err *err)
{
	struct mc_place at = { .file = "default" };

	for (size_t i = 0; i < MC_K__COUNT; i++) {
		enum mc_key_id key = (enum mc_key_id)i;
		const char *def = mc_key_row(key).def;

		if (def != NULL && mc_layer_put(layer, key,
		    mc_str_from(def), &at, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * The user's file by the XDG base directory rules, which ignore what is not
 * absolute.  *ret_path NULL: there is no place for one.
 */
static int
user_path(const struct mc_config *config, const struct mc_caller *caller,
    char **ret_path, struct mc_err *err)
{
	const char *xdg = mc_env_get(caller->envp, "XDG_CONFIG_HOME");
	const char *home = config->home;
	struct mc_buf b;

	*ret_path = NULL;
	mc_buf_init(&b, MC_MAX_CONFIG_LINE);
	if (xdg != NULL && xdg[0] == '/')
		mc_buf_addf(&b, "%s/mailchute/config", xdg);
	else if (home != NULL)
		mc_buf_addf(&b, "%s/.config/mailchute/config", home);
	else
		return 0;

	int rc = mc_buf_err(&b, "path of the configuration", err);

	if (rc == 0) {
		*ret_path = mc_buf_take(&b);
		if (*ret_path == NULL)
			rc = mc_conf_nomem(err);
	}
	mc_buf_clear(&b);
	return rc;
}

static int
cannot_read(const char *path, int sys, const char *advice,
    struct mc_problems *problems)
{
	struct mc_err e = { .code = MC_OK };
	struct mc_place at = { .file = path };

	(void)mc_err_sys(&e, MC_E_CONF_FILE, MC_STAGE_CONFIG, sys,
	    "cannot read %s%s", path, advice);
	return mc_problems_add(problems, &at, &e);
}

/* adds the file to config->files if it was there; 0, or -1 to stop */
static int
read_file(struct mc_config *config, const char *path, unsigned long uid,
    int *ret_sys, struct mc_problems *problems)
{
	struct mc_conf_file *cf = &config->files[config->n_files];
	struct mc_err e = { .code = MC_OK };

	if (mc_conf_file_init(cf, path, &e) != 0)
		return mc_problems_add(problems,
		    &(struct mc_place){ .file = path }, &e);

	/* counted first: it is cleared with the rest, whatever happens */
	config->n_files++;
	if (mc_conf_file_read(cf, uid, ret_sys, problems) != 0)
		return -1;
	if (*ret_sys != 0) {
		config->n_files--;
		mc_conf_file_clear(cf);
	}
	return 0;
}

/* a file that was asked for by name must be there */
static int
read_named(struct mc_config *config, const char *path, unsigned long uid,
    struct mc_problems *problems)
{
	int sys = 0;

	/* the usual way to say "none", and no regular file */
	if (strcmp(path, "/dev/null") == 0)
		return 0;
	if (read_file(config, path, uid, &sys, problems) != 0)
		return -1;
	if (sys != 0)
		return cannot_read(path, sys, "", problems);
	config->user = &config->files[0];
	return 0;
}

/*
 * A home that we may not even search (a daemon that was started with
 * another's HOME) is one without a file; a file that is there must be
 * readable.
 */
static bool
is_absent(const char *path, int sys)
{
	struct stat st;

	return sys == ENOENT || sys == ENOTDIR ||
	    (sys == EACCES && stat(path, &st) != 0);
}

static int
read_user(struct mc_config *config, const struct mc_caller *caller,
    struct mc_problems *problems)
{
	struct mc_err e = { .code = MC_OK };
	char *path = NULL;
	int sys = 0;
	int rc;

	if (user_path(config, caller, &path, &e) != 0)
		return mc_problems_add(problems,
		    &(struct mc_place){ .file = "environment" }, &e);
	if (path == NULL)
		return 0;
	rc = read_file(config, path, caller->uid, &sys, problems);
	if (rc == 0 && sys == 0)
		config->user = &config->files[config->n_files - 1];
	else if (rc == 0 && !is_absent(path, sys))
		rc = cannot_read(path, sys, "", problems);
	mc_mem_free(path);
	return rc;
}

/* *ret_closed: it is there, and not for this user to read */
static int
read_system(struct mc_config *config, const char *path, unsigned long uid,
    bool *ret_closed, struct mc_problems *problems)
{
	bool enough = config->user != NULL ||
	    config->env.layer.v[MC_K_host] != NULL;
	int sys = 0;

	if (read_file(config, path, uid, &sys, problems) != 0)
		return -1;
	if (sys == 0) {
		config->system = &config->files[config->n_files - 1];
		return 0;
	}
	*ret_closed = sys == EACCES && !enough;
	if (sys == ENOENT || sys == ENOTDIR || sys == EACCES)
		return 0;
	return cannot_read(path, sys, "", problems);
}

/* for users who may not read the configuration there is the service */
static int
find_service(struct mc_config *config, const char *closed,
    struct mc_problems *problems)
{
	struct mc_err e = { .code = MC_OK };
	struct mc_buf advice;
	int rc;

	if (mc_handover_find(config, &e) != 0)
		return mc_problems_add(problems,
		    &(struct mc_place){ .file = "the local service" }, &e);
	if (closed == NULL || config->service_state == MC_HANDOVER_USED)
		return 0;
	mc_buf_init(&advice, 4 * MC_MAX_CONFIG_LINE);
	mc_buf_addf(&advice, " (and there is neither a file of your own nor"
	    " MAILCHUTE_HOST%s)", config->service_note != NULL ?
	    config->service_note : "");
	rc = cannot_read(closed, EACCES, advice.ptr != NULL ? advice.ptr : "",
	    problems);
	mc_buf_clear(&advice);
	return rc;
}

static int
read_all(struct mc_config *config, const struct mc_caller *caller,
    const char *file, const char *system_path, struct mc_problems *problems)
{
	bool closed = false;

	if (mc_conf_env_read(&config->env, caller->envp, problems) != 0)
		return -1;
	if (file == NULL)
		file = config->env.config;
	if (file != NULL) {
		if (read_named(config, file, caller->uid, problems) != 0)
			return -1;
	} else if (read_user(config, caller, problems) != 0 ||
	    read_system(config, system_path, caller->uid, &closed,
	    problems) != 0)
		return -1;
	if (find_service(config, closed ? system_path : NULL, problems) != 0)
		return -1;
	return mc_accounts_make(config, problems);
}

static int
find_home(struct mc_config *config, const struct mc_caller *caller,
    struct mc_err *err)
{
	const char *home = caller->home;

	if (home == NULL || home[0] != '/')
		home = mc_env_get(caller->envp, "HOME");
	if (home == NULL || home[0] != '/')
		return 0;
	config->home = mc_mem_strdup(home);
	return config->home == NULL ? mc_conf_nomem(err) : 0;
}

static int
find_credentials(struct mc_config *config, const struct mc_caller *caller,
    struct mc_err *err)
{
	const char *dir = mc_env_get(caller->envp, "CREDENTIALS_DIRECTORY");

	if (dir == NULL || dir[0] != '/')
		return 0;
	config->credentials = mc_mem_strdup(dir);
	return config->credentials == NULL ? mc_conf_nomem(err) : 0;
}

int
mc_config_load_from(const struct mc_caller *caller, const char *file,
    const char *system_path, mc_problem_fn fn, void *ctx,
    struct mc_config **ret_config, struct mc_err *err)
{
	struct mc_problems problems = { .fn = fn, .ctx = ctx };
	struct mc_config *config = mc_mem_zalloc(1, sizeof(*config));
	int rc = -1;

	if (config == NULL)
		return mc_conf_nomem(err);
	if (find_home(config, caller, err) == 0 &&
	    find_credentials(config, caller, err) == 0 &&
	    make_defaults(&config->defaults, err) == 0) {
		/* -1 means no more than that the problem is told already */
		if (read_all(config, caller, file, system_path, &problems) == 0)
			rc = 0;
		if (mc_problems_end(&problems, err) != 0)
			rc = -1;
	}
	if (rc != 0) {
		mc_config_free(config);
		return -1;
	}
	*ret_config = config;
	return 0;
}

int
mc_config_load(const struct mc_caller *caller, const char *file,
    mc_problem_fn fn, void *ctx, struct mc_config **ret_config,
    struct mc_err *err)
{
	return mc_config_load_from(caller, file, SYSCONFDIR "/mailchute.conf",
	    fn, ctx, ret_config, err);
}

void
mc_config_free(struct mc_config *config)
{
	if (config == NULL)
		return;
	mc_accounts_free(config->accts, config->n_accts);
	mc_accounts_free(config->waiting, config->waiting != NULL);
	for (size_t i = 0; i < config->n_files; i++)
		mc_conf_file_clear(&config->files[i]);
	mc_layer_clear(&config->service);
	mc_mem_free(config->service_note);
	mc_layer_clear(&config->cli);
	mc_layer_clear(&config->defaults);
	mc_conf_env_clear(&config->env);
	mc_mem_free(config->home);
	mc_mem_free(config->credentials);
	mc_mem_free(config);
}

int
mc_config_set(struct mc_config *config, const char *key, const char *value,
    struct mc_err *err)
{
	struct mc_problems problems = { .fn = NULL };
	struct mc_place at = { .file = command_line };
	struct mc_str name = mc_str_from(key);
	struct mc_setting *old;
	enum mc_key_id id;

	if (mc_key_find(name, &id) != 0)
		return mc_err_set(err, MC_E_CONF_KEY, MC_STAGE_CONFIG,
		    "no key \"%s\"; the nearest is \"%s\"",
		    mc_key_presentable(name) ? key : "...",
		    mc_key_row(mc_key_nearest(name)).name);
	if ((mc_key_row(id).flags & MC_KF_NOCLI) != 0)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_CONFIG,
		    "%s cannot be given on the command line: write it into"
		    " the configuration file or the environment", key);
	old = config->cli.v[id];
	config->cli.v[id] = NULL;

	int rc = mc_layer_put(&config->cli, id, mc_str_from(value), &at, err);

	if (rc == 0 && mc_accounts_make(config, &problems) != 0)
		rc = mc_problems_end(&problems, err);
	if (rc == 0) {
		mc_setting_free(old);
		return 0;
	}
	mc_setting_free(config->cli.v[id]);
	config->cli.v[id] = old;
	return -1;
}

const char *
mc_config_account(const struct mc_config *config, size_t i)
{
	return i < config->n_accts ? config->accts[i].a.name : NULL;
}

const char *
mc_config_file(const struct mc_config *config, size_t i)
{
	return i < config->n_files ? config->files[i].path : NULL;
}

static const char *
shown_text(const struct mc_acct *acct, enum mc_key_id key)
{
	static const char *const modes[] = { "on", "starttls", "off" };
	const struct mc_setting *s = acct->won[key];

	if (key == MC_K_port)
		return acct->a.port_text;
	if (key == MC_K_tls)
		return modes[acct->a.tls_mode];
	if (s == NULL)
		return "";
	if (mc_key_row(key).type == MC_TYPE_SECRET)
		return s->secret != NULL ? "<hidden>" : "";
	return acct->own[key] != NULL ? acct->own[key] : s->text;
}

int
mc_config_value(const struct mc_config *config, const char *account, size_t i,
    struct mc_value *ret_value, struct mc_err *err)
{
	const struct mc_acct *acct;
	const struct mc_setting *s;
	enum mc_key_id key = (enum mc_key_id)i;

	if (mc_accounts_find(config, account, &acct, err) != 0)
		return -1;
	if (i >= MC_K__COUNT)
		return -1;
	s = acct->won[key];
	*ret_value = (struct mc_value){
		.key = mc_key_row(key).name,
		.value = shown_text(acct, key),
		.origin = s != NULL ? s->origin : "default",
		.is_default = s == NULL || s == config->defaults.v[key],
	};
	return 0;
}

int
mc_config_check_aliases(const struct mc_config *config, const char *account,
    mc_problem_fn fn, void *ctx, struct mc_err *err)
{
	const struct mc_account *a;

	if (mc_config_find(config, account, &a, err) != 0)
		return -1;
	if (a->aliases == NULL)
		return 0;
	return mc_aliases_check(a->aliases, fn, ctx, err);
}
