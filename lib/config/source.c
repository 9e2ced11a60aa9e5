/* SPDX-License-Identifier: MIT */
/*
 * source.c - get an account's password or token from where it is kept
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "config/source.h"

#include <sys/stat.h>

/* one kind of secret: where it may be, and what the keys are called */
struct places {
	const char *what;
	const struct mc_secret *secret;
	const char *file;
	bool file_by_env;
	const char *file_key;
	const char *command;
	const char *command_key;
};

static struct places
places_of(const struct mc_account *a, enum mc_secret_kind kind)
{
	if (kind == MC_SECRET_TOKEN)
		return (struct places){
			.what = "token",
			.secret = a->token,
			.file = a->token_file,
			.file_by_env = a->env_token_file,
			.file_key = "token-file",
			.command = a->token_command,
			.command_key = "token-command",
		};
	if (kind == MC_SECRET_PROXY)
		return (struct places){
			.command = a->proxy_password_command,
			.command_key = "proxy-password-command",
		};
	return (struct places){
		.what = "password",
		.secret = a->password,
		.file = a->password_file,
		.file_by_env = a->env_password_file,
		.file_key = "password-file",
		.command = a->password_command,
		.command_key = "password-command",
	};
}

bool
mc_source_has(const struct mc_account *account, enum mc_secret_kind kind)
{
	struct places p = places_of(account, kind);

	return p.secret != NULL || p.file != NULL || p.command != NULL;
}

/*
 * A copy that the service manager has made for this process alone.  Where it
 * lets another user than the owner read it, it does so by an access control
 * list, whose mask then stands in the place of the group's permissions.
 */
static bool
is_credential(const char *file, const struct mc_caller *caller)
{
	const char *dir = mc_env_get(caller->envp, "CREDENTIALS_DIRECTORY");
	size_t len = dir != NULL ? strlen(dir) : 0;

	return len > 0 && strncmp(file, dir, len) == 0 && file[len] == '/' &&
	    strstr(file + len, "/../") == NULL;
}

static int
check_file(const struct places *p, mode_t mode, uid_t owner,
    const struct mc_caller *caller, struct mc_err *err)
{
	mode_t closed = is_credential(p->file, caller) ? 037 : 077;

	if (p->file_by_env)
		return 0;
	if (owner != 0 && (unsigned long)owner != caller->uid)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "%s: %s belongs to user %lu, neither to you nor to root:"
		    " chown it", p->file_key, p->file, (unsigned long)owner);
	if ((mode & closed) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "%s: others may read or write %s: run chmod 600 %s",
		    p->file_key, p->file, p->file);
	return 0;
}

static int
read_file(const struct places *p, const struct mc_caller *caller,
    struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	mode_t mode;
	uid_t owner;

	if (mc_file_slurp(p->file, out, &mode, &owner, &why) == 0)
		return check_file(p, mode, owner, caller, err);
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	if (why.code == MC_E_TOO_LONG)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s: %s is larger than %d bytes", p->file_key, p->file,
		    MC_MAX_SECRET);
	(void)mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG, "%s: %s",
	    p->file_key, why.text);
	if (err != NULL)
		err->sys = why.sys;
	return -1;
}

/* the shell, which would expand "~/", is not there */
static int
expand_home(char **argv, const char *home, char **ret_own,
    struct mc_err *err)
{
	struct mc_buf b;

	*ret_own = NULL;
	if (strncmp(argv[0], "~/", 2) != 0 || home == NULL)
		return 0;
	mc_buf_init(&b, MC_MAX_CONFIG_LINE * 2);
	mc_buf_addz(&b, home);
	mc_buf_addz(&b, argv[0] + 1);

	int rc = mc_buf_err(&b, "name of the command", err);

	if (rc == 0) {
		*ret_own = mc_buf_take(&b);
		argv[0] = *ret_own;
		if (*ret_own == NULL)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG,
			    NULL);
	}
	mc_buf_clear(&b);
	return rc;
}

static int
run_command(const struct places *p, const struct mc_account *account,
    const struct mc_caller *caller, int cancel_fd, struct mc_buf *out,
    struct mc_err *err)
{
	char *no_env[] = { NULL };
	char *own = NULL;
	char **argv;
	int rc;

	if (mc_proc_split(mc_str_from(p->command), &argv, err) != 0) {
		mc_err_ctx(err, "%s", p->command_key);
		return -1;
	}
	rc = expand_home(argv, caller->home, &own, err);
	if (rc == 0)
		rc = mc_proc_run(argv, caller->envp != NULL ? caller->envp :
		    no_env, (int64_t)account->helper_timeout * 1000,
		    cancel_fd, out, err);
	if (rc != 0)
		mc_err_ctx(err, "%s", p->command_key);
	mc_mem_free(own);
	mc_mem_free(argv);
	return rc;
}

/*
 * Password managers print the secret first and what else the entry holds
 * below: the rest must not go to a server.
 */
static struct mc_str
first_line(struct mc_str s)
{
	return mc_str_sub(s, 0, mc_str_chr(s, '\n') + 1);
}

/* bytes as they came, less one line end */
static int
make_secret(struct mc_str s, const char *key, struct mc_secret **ret_secret,
    struct mc_err *err)
{
	struct mc_secret *secret;

	if (s.len != 0 && s.ptr[s.len - 1] == '\n') {
		s.len--;
		if (s.len != 0 && s.ptr[s.len - 1] == '\r')
			s.len--;
	}
	if (mc_str_chr(s, '\0') != s.len)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s: the secret holds a NUL byte", key);
	if (s.len == 0)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "%s: the secret is empty", key);
	secret = mc_secret_new(s.ptr, s.len, err);
	if (secret == NULL)
		return -1;
	*ret_secret = secret;
	return 0;
}

static int
copy_secret(const struct mc_secret *from, struct mc_secret **ret_secret,
    struct mc_err *err)
{
	struct mc_str s = mc_secret_peek(from);
	struct mc_secret *secret = mc_secret_new(s.ptr, s.len, err);

	if (secret == NULL)
		return -1;
	*ret_secret = secret;
	return 0;
}

int
mc_source_get(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	struct places p = places_of(account, kind);
	struct mc_buf text;
	int rc;

	if (p.secret != NULL && mc_secret_peek(p.secret).len == 0)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s: this process has forgotten the %s",
		    account->name, p.what);
	if (p.secret != NULL)
		return copy_secret(p.secret, ret_secret, err);
	if (p.file == NULL && p.command == NULL && p.file_key == NULL)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has no %s", account->name, p.command_key);
	if (p.file == NULL && p.command == NULL)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has no %s: set %s or %s", account->name,
		    p.what, p.file_key, p.command_key);
	mc_buf_init_secret(&text, MC_MAX_SECRET);
	rc = p.file != NULL ? read_file(&p, caller, &text, err) :
	    run_command(&p, account, caller, cancel_fd, &text, err);
	if (rc == 0 && p.file != NULL)
		rc = make_secret(mc_buf_str(&text), p.file_key, ret_secret,
		    err);
	else if (rc == 0)
		rc = make_secret(first_line(mc_buf_str(&text)),
		    p.command_key, ret_secret, err);
	mc_buf_clear(&text);
	return rc;
}
