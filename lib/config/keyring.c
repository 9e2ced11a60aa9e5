/* SPDX-License-Identifier: MIT */
/*
 * keyring.c - a password out of the desktop's keyring
 *
 * By secret-tool, a program of libsecret: the library would bring GLib and
 * D-Bus into every process that sends.
 */
#include "base/base.h"
#include "config/keyring.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"

#include <errno.h>
#include <sys/stat.h>

#define KEY "password-keyring: "
#define BUS "DBUS_SESSION_BUS_ADDRESS"
#define TOOL "secret-tool"

struct ask {
	const struct mc_account *account;
	char *const *envp;
	int64_t end;
	int cancel_fd;
};

/* ------------------------------------------------------------- session bus */

/* a socket that this user's session has made; 0, or -1: it is not there */
static int
is_bus(const char *path, unsigned long uid)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    (unsigned long)st.st_uid == uid ? 0 : -1;
}

/*
 * Without one GLib would start a bus of its own, which has no keyring but one
 * that is locked.  Cron and its like do not say where the bus of the user is
 * that is logged in all the while: *ret_own is the variable that does, or NULL.
 */
static int
find_bus(const struct mc_caller *caller, char **ret_own, struct mc_err *err)
{
	const char *dir = mc_env_get(caller->envp, "XDG_RUNTIME_DIR");
	struct mc_buf path;
	int rc;

	*ret_own = NULL;
	if (mc_env_get(caller->envp, BUS) != NULL)
		return 0;
	mc_buf_init(&path, MC_MAX_CONFIG_LINE);
	mc_buf_addz(&path, BUS "=unix:path=");

	size_t at = path.len;

	if (dir != NULL)
		mc_buf_addf(&path, "%s/bus", dir);
	else
		mc_buf_addf(&path, "/run/user/%lu/bus", caller->uid);
	rc = mc_buf_err(&path, "XDG_RUNTIME_DIR", err);
	if (rc == 0 && is_bus(path.ptr + at, caller->uid) != 0)
		rc = mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    KEY "there is no keyring here, since there is no session "
		    "bus (" BUS " is not set): log in to the desktop; then "
		    "mailchute queue retry all");
	if (rc == 0) {
		*ret_own = mc_buf_take(&path);
		if (*ret_own == NULL)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG,
			    NULL);
	}
	mc_buf_clear(&path);
	return rc;
}

/* the caller's environment with one more variable; mc_mem_free */
static char **
env_with(const struct mc_caller *caller, char *own, struct mc_err *err)
{
	size_t n = 0;
	char **envp;

	while (caller->envp != NULL && caller->envp[n] != NULL)
		n++;
	envp = mc_mem_zalloc(n + 2, sizeof(*envp));
	if (envp == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
		return NULL;
	}
	if (n != 0)
		memcpy(envp, caller->envp, n * sizeof(*envp));
	envp[n] = own;
	return envp;
}

/* ------------------------------------------------------------- secret-tool */

/* `verb` is lookup or search */
static int
run_tool(const struct ask *k, const char *verb, struct mc_buf *out,
    struct mc_err *err)
{
	const char *const words[] = { TOOL, verb, "service", "mailchute",
		"host", k->account->host, "user", k->account->user, NULL };
	char *argv[MC_NELEM(words)];
	int left = mc_clock_left(k->end);

	/* execve changes none of them */
	memcpy(argv, words, sizeof(argv));
	if (strcmp(verb, "lookup") == 0)
		return mc_proc_run(argv, k->envp, left, k->cancel_fd, out, err);
	/* what it says of the item is of no use to anybody */
	return mc_proc_run_quiet(argv, k->envp, left, k->cancel_fd, out, err);
}

static int
locked(struct mc_err *err)
{
	return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
	    KEY "the keyring is locked and needs somebody to unlock it: log "
	    "in to the desktop, or run: gnome-keyring-daemon --replace "
	    "--unlock; then mailchute queue retry all");
}

/*
 * A lookup fails in the same way for an item that is not there and for one
 * that nobody has unlocked.  A search shows items of locked keyrings too.
 */
static int
explain(const struct ask *k, const struct mc_err *why, struct mc_err *err)
{
	const struct mc_account *a = k->account;
	struct mc_err again = { .code = MC_OK };
	struct mc_buf found;
	bool is_locked;
	int rc;

	if (mc_clock_left(k->end) == 0)
		return locked(err);
	if (why->sys == ENOENT)
		return mc_err_set(err, MC_E_HELPER, MC_STAGE_CONFIG,
		    KEY "%s (it is in libsecret-tools or libsecret)",
		    why->text);
	mc_buf_init_secret(&found, MC_MAX_SECRET);
	rc = run_tool(k, "search", &found, &again);
	is_locked = rc != 0 ? mc_clock_left(k->end) == 0 : found.len != 0;
	if (rc != 0 && (again.code == MC_E_NOMEM ||
	    again.code == MC_E_CANCELLED))
		rc = mc_err_set(err, again.code, MC_STAGE_CONFIG, NULL);
	else if (is_locked)
		rc = locked(err);
	else if (rc != 0)
		rc = mc_err_set(err, MC_E_HELPER, MC_STAGE_CONFIG,
		    KEY "%s: is there a keyring in this session?", why->text);
	else
		rc = mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    KEY "the keyring has no password for this account: run: "
		    TOOL " store --label=mailchute service mailchute host %s "
		    "user %s", a->host, a->user);
	mc_buf_clear(&found);
	return rc;
}

static int
look_up(const struct ask *k, struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (run_tool(k, "lookup", out, &why) == 0)
		return 0;
	if (why.code == MC_E_HELPER)
		return explain(k, &why, err);
	if (err != NULL)
		*err = why;
	return -1;
}

int
mc_keyring_get(const struct mc_account *account,
    const struct mc_caller *caller, int cancel_fd, struct mc_buf *out,
    struct mc_err *err)
{
	struct ask k = { .account = account, .cancel_fd = cancel_fd };
	char *own = NULL;
	char **envp;
	int rc = -1;

	if (account->user == NULL || account->host == NULL)
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    KEY "account %s has no %s to look for", account->name,
		    account->host == NULL ? "host" : "user");
	if (find_bus(caller, &own, err) != 0)
		return -1;
	envp = env_with(caller, own, err);
	if (envp != NULL) {
		k.envp = envp;
		k.end = mc_clock_after((int64_t)account->helper_timeout *
		    1000);
		rc = look_up(&k, out, err);
	}
	mc_mem_free(envp);
	mc_mem_free(own);
	return rc;
}
