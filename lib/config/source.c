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
#include "config/grant.h"
#include "config/keyring.h"
#include "config/netrc.h"
#include "config/source.h"

#include <errno.h>
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
	bool keyring;
	uint64_t fd;
	const char *netrc;
};

#define DIRECTORY "CREDENTIALS_DIRECTORY"

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
	if (kind == MC_SECRET_OAUTH_CLIENT)
		return (struct places){
			.what = "client secret",
			.secret = a->oauth_client_secret,
			.file = a->oauth_client_secret_file,
			.file_by_env = a->env_client_secret_file,
			.file_key = "oauth-client-secret-file",
			.command = a->oauth_client_secret_command,
			.command_key = "oauth-client-secret-command",
		};
	if (kind == MC_SECRET_OAUTH_KEY)
		return (struct places){
			.what = "key of a service account",
			.file = a->oauth_key_file,
			.file_key = "oauth-key-file",
		};
	return (struct places){
		.what = "password",
		.secret = a->password,
		.file = a->password_file,
		.file_by_env = a->env_password_file,
		.file_key = "password-file",
		.command = a->password_command,
		.command_key = "password-command",
		.keyring = a->password_keyring,
		.fd = a->password_fd,
		.netrc = a->netrc_file,
	};
}

/* the one order of precedence */
static enum mc_source_place
choose(const struct places *p)
{
	if (p->secret != NULL)
		return MC_PLACE_KEY;
	if (p->file != NULL)
		return MC_PLACE_FILE;
	if (p->command != NULL)
		return MC_PLACE_COMMAND;
	if (p->keyring)
		return MC_PLACE_KEYRING;
	if (p->fd != 0)
		return MC_PLACE_FD;
	if (p->netrc != NULL)
		return MC_PLACE_NETRC;
	return MC_PLACE_NONE;
}

bool
mc_source_has(const struct mc_account *account, enum mc_secret_kind kind)
{
	struct places p = places_of(account, kind);

	if (kind == MC_SECRET_TOKEN && account->oauth != MC_OAUTH_OFF)
		return true;
	return choose(&p) != MC_PLACE_NONE;
}

int
mc_source_credential(const char *dir, const struct mc_account *a,
    struct mc_buf *path, struct mc_err *err)
{
	struct stat st;

	if (dir == NULL || dir[0] != '/')
		return 0;
	for (int i = 0; i < (a->is_default ? 2 : 1); i++) {
		mc_buf_reset(path);
		mc_buf_addf(path, "%s/mailchute.%s%spassword", dir,
		    i == 0 ? a->name : "", i == 0 ? "." : "");
		if (mc_buf_err(path, DIRECTORY, err) != 0)
			return -1;
		/* one that cannot be read is one all the same */
		if ((i == 1 || strchr(a->name, '/') == NULL) &&
		    lstat(path->ptr, &st) == 0)
			return 1;
	}
	return 0;
}

int
mc_source_place(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, enum mc_source_place *ret_place,
    struct mc_err *err)
{
	struct places p = places_of(account, kind);
	enum mc_source_place place = choose(&p);
	struct mc_buf path;
	int rc;

	if (place == MC_PLACE_NONE && kind == MC_SECRET_PASSWORD) {
		mc_buf_init(&path, MC_MAX_CONFIG_LINE);
		rc = mc_source_credential(mc_env_get(caller->envp, DIRECTORY),
		    account, &path, err);
		mc_buf_clear(&path);
		if (rc < 0)
			return -1;
		if (rc > 0)
			place = MC_PLACE_CREDENTIAL;
	}
	*ret_place = place;
	return 0;
}

int
mc_source_none(const struct mc_account *account, struct mc_err *err)
{
	return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
	    "account %s has a user but no password: set password-keyring, "
	    "password-file or password-command (see mailchute.conf(5)); then "
	    "mailchute queue retry all", account->name);
}

/*
 * A copy that the service manager has made for this process alone.  Where it
 * lets another user than the owner read it, it does so by an access control
 * list, whose mask then stands in the place of the group's permissions.
 */
static bool
is_credential(const char *file, const struct mc_caller *caller)
{
	const char *dir = mc_env_get(caller->envp, DIRECTORY);
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

	if (strncmp(p->file, "$" DIRECTORY "/", strlen(DIRECTORY) + 2) == 0)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "%s: %s: " DIRECTORY " is not set here: only a service "
		    "that systemd starts with LoadCredential= has it",
		    p->file_key, p->file);
	if (mc_file_slurp(p->file, out, &mode, &owner, &why) == 0)
		return check_file(p, mode, owner, caller, err);
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	if (why.code == MC_E_TOO_LONG)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s: %s is larger than %zu bytes", p->file_key, p->file,
		    out->max);
	(void)mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG, "%s: %s",
	    p->file_key, why.text);
	if (err != NULL)
		err->sys = why.sys;
	return -1;
}

/*
 * A pinentry, an agent, a password manager that is locked: without a terminal
 * they cannot ask, and time alone mends nothing.
 */
static int
explain_failure(const struct places *p, const struct mc_err *why,
    struct mc_err *err)
{
	if (why->code != MC_E_HELPER || why->sys != 0 ||
	    mc_proc_has_terminal()) {
		if (err != NULL && !mc_err_is_set(err))
			*err = *why;
		mc_err_ctx(err, "%s", p->command_key);
		return -1;
	}
	return mc_err_set(err, MC_E_HELPER, MC_STAGE_CONFIG, "%s: %s, and "
	    "there is no terminal to ask at: maybe it needs somebody to unlock "
	    "it; then mailchute queue retry all", p->command_key, why->text);
}

static int
run_command(const struct places *p, const struct mc_account *account,
    const struct mc_caller *caller, int cancel_fd, struct mc_buf *out,
    struct mc_err *err)
{
	char *no_env[] = { NULL };
	struct mc_err why = { .code = MC_OK };
	char *own = NULL;
	char **argv;
	int rc;

	if (mc_proc_split(mc_str_from(p->command), &argv, err) != 0) {
		mc_err_ctx(err, "%s", p->command_key);
		return -1;
	}
	rc = mc_proc_expand_home(argv, caller->home, &own, &why);
	if (rc == 0)
		rc = mc_proc_run(argv, caller->envp != NULL ? caller->envp :
		    no_env, (int64_t)account->helper_timeout * 1000,
		    cancel_fd, out, &why);
	if (rc != 0)
		rc = explain_failure(p, &why, err);
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
mc_source_first_line(struct mc_str text, const char *key,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	return make_secret(first_line(text), key, ret_secret, err);
}

/* ------------------------------------------------------------- each of them */

static int
get_file(const struct places *p, const struct mc_caller *caller,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	struct mc_buf text;
	int rc;

	mc_buf_init_secret(&text, MC_MAX_SECRET);
	rc = read_file(p, caller, &text, err);
	if (rc == 0)
		rc = make_secret(mc_buf_str(&text), p->file_key, ret_secret,
		    err);
	mc_buf_clear(&text);
	return rc;
}

static int
get_credential(const struct mc_account *a, const struct mc_caller *caller,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	struct places p = { .file_key = "credential" };
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, MC_MAX_CONFIG_LINE);
	rc = mc_source_credential(mc_env_get(caller->envp, DIRECTORY), a,
	    &path, err);
	p.file = path.ptr;
	if (rc > 0)
		rc = get_file(&p, caller, ret_secret, err);
	else if (rc == 0)
		rc = mc_source_none(a, err);
	mc_buf_clear(&path);
	return rc;
}

static int
get_output(const struct places *p, const struct mc_account *a,
    const struct mc_caller *caller, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	const char *key = p->command != NULL ? p->command_key :
	    "password-keyring";
	struct mc_buf text;
	int rc;

	mc_buf_init_secret(&text, MC_MAX_SECRET);
	rc = p->command != NULL ?
	    run_command(p, a, caller, cancel_fd, &text, err) :
	    mc_keyring_get(a, caller, cancel_fd, &text, err);
	if (rc == 0)
		rc = mc_source_first_line(mc_buf_str(&text), key, ret_secret,
		    err);
	mc_buf_clear(&text);
	return rc;
}

/* the password, or with MC_SECRET_USER the name that goes with it */
static int
get_netrc(const struct mc_account *a, enum mc_secret_kind kind,
    const struct mc_caller *caller, struct mc_secret **ret_secret,
    struct mc_err *err)
{
	struct places p = { .file = a->netrc_file, .file_key = "netrc-file" };
	struct mc_netrc_want want = { a->host, a->port_text, a->user };
	struct mc_buf text, login, password;
	int rc;

	mc_buf_init_secret(&text, MC_MAX_CONFIG);
	mc_buf_init_secret(&login, MC_MAX_SECRET);
	mc_buf_init_secret(&password, MC_MAX_SECRET);
	rc = read_file(&p, caller, &text, err);
	if (rc == 0) {
		rc = mc_netrc_find(mc_buf_str(&text), &want, &login,
		    &password, err);
		if (rc < 0)
			mc_err_ctx(err, "netrc-file: %s", a->netrc_file);
		else if (rc == 0)
			rc = mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
			    "netrc-file: %s has no entry with a password for "
			    "machine %s%s%s", a->netrc_file, a->host,
			    a->user != NULL ? " and login " : "",
			    a->user != NULL ? a->user : "");
		else
			rc = make_secret(mc_buf_str(kind == MC_SECRET_USER ?
			    &login : &password), "netrc-file", ret_secret,
			    err);
	}
	mc_buf_clear(&text);
	mc_buf_clear(&login);
	mc_buf_clear(&password);
	return rc;
}

static int
get_none(const struct places *p, const struct mc_account *a,
    struct mc_err *err)
{
	if (p->file_key == NULL)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has no %s", a->name, p->command_key);
	if (strcmp(p->what, "password") != 0)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has no %s: set %s or %s", a->name, p->what,
		    p->file_key, p->command_key);
	return mc_source_none(a, err);
}

int
mc_source_get(const struct mc_account *account, enum mc_secret_kind kind,
    const struct mc_caller *caller, int cancel_fd,
    struct mc_secret **ret_secret, struct mc_err *err)
{
	const struct mc_grant_wish wish = { .cancel_fd = cancel_fd };
	struct places p = places_of(account, kind);
	enum mc_source_place place;

	if (kind == MC_SECRET_USER)
		return get_netrc(account, kind, caller, ret_secret, err);
	if (kind == MC_SECRET_TOKEN && account->oauth != MC_OAUTH_OFF)
		return mc_grant_token(account, caller, &wish, ret_secret, err);
	if (mc_source_place(account, kind, caller, &place, err) != 0)
		return -1;
	switch (place) {
	case MC_PLACE_KEY:
		if (mc_secret_peek(p.secret).len != 0)
			return copy_secret(p.secret, ret_secret, err);
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s: this process has forgotten the %s",
		    account->name, p.what);
	case MC_PLACE_FILE:
		return get_file(&p, caller, ret_secret, err);
	case MC_PLACE_COMMAND:
	case MC_PLACE_KEYRING:
		return get_output(&p, account, caller, cancel_fd, ret_secret,
		    err);
	case MC_PLACE_FD:
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s: password-fd is for sendmail and mailchute "
		    "send when they send at once; the queue and the service "
		    "need password-file or the like", account->name);
	case MC_PLACE_NETRC:
		return get_netrc(account, kind, caller, ret_secret, err);
	case MC_PLACE_CREDENTIAL:
		return get_credential(account, caller, ret_secret, err);
	case MC_PLACE_NONE:
		break;
	}
	return get_none(&p, account, err);
}
