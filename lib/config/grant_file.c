/* SPDX-License-Identifier: MIT */
/*
 * grant_file.c - the file in which an account's tokens are kept
 *
 * Lines of "KEY VALUE".  What the tokens were got for stands in front of them,
 * so that another client, provider or scope does not get them.
 */
#include "base/base.h"
#include "config/grant.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/num.h"

#define FIRST_LINE "mailchute-token 1\n"
#define MOST_FILE (4 * MC_MAX_SECRET)
#define MOST_PATH 8192
#define NAP_MS 20

void
mc_grant_clear(struct mc_grant *grant)
{
	mc_secret_free(grant->access);
	mc_secret_free(grant->refresh);
	memset(grant, 0, sizeof(*grant));
}

/* -------------------------------------------------------------------- places */

/* "oauth" in the directory that `path` is in */
static void
add_beside(struct mc_buf *out, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	mc_buf_add(out, path, n);
	mc_buf_addz(out, "oauth");
}

int
mc_grant_place(const struct mc_account *a, const struct mc_caller *caller,
    struct mc_buf *out, struct mc_err *err)
{
	const char *state = mc_env_get(caller->envp, "XDG_STATE_HOME");

	if (a->oauth_dir != NULL)
		mc_buf_addz(out, a->oauth_dir);
	else if (a->queue_dir != NULL)
		add_beside(out, a->queue_dir);
	else if (state != NULL && state[0] == '/')
		mc_buf_addf(out, "%s/mailchute/oauth", state);
	else if (caller->home != NULL && caller->home[0] == '/')
		mc_buf_addf(out, "%s/.local/state/mailchute/oauth",
		    caller->home);
	else
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "there is no place to keep tokens: set oauth-dir");
	return mc_buf_err(out, "path of the tokens", err);
}

/* names of accounts may have anything in them */
static void
add_name(struct mc_buf *out, const char *account)
{
	for (const char *p = account; *p != '\0'; p++) {
		bool plain = mc_is_alpha(*p) || mc_is_digit(*p) ||
		    *p == '-' || *p == '_' || (*p == '.' && p != account);

		if (plain)
			mc_buf_addc(out, *p);
		else
			mc_buf_addf(out, "%%%02x", (unsigned char)*p);
	}
}

/* DIR/NAME with an ending */
static int
path_of(const struct mc_account *a, const struct mc_caller *caller,
    const char *end, struct mc_buf *out, struct mc_err *err)
{
	if (mc_grant_place(a, caller, out, err) != 0)
		return -1;
	mc_buf_addc(out, '/');
	add_name(out, a->name);
	mc_buf_addz(out, end);
	return mc_buf_err(out, "path of the tokens", err);
}

/* each directory of the path that is not there, for its owner alone */
static int
make_dirs(const char *dir, struct mc_err *err)
{
	char *path = mc_mem_strdup(dir);
	int rc = 0;

	if (path == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (char *p = path + 1; rc == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot make the directory %s for tokens", path);
		*p = c;
		if (c == '\0')
			break;
	}
	mc_mem_free(path);
	return rc;
}

/* whoever can write there can put another file in its place */
static int
check_place(const struct mc_file_place *place, struct mc_err *err)
{
	struct stat st;

	if (fstat(place->dir, &st) != 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot look at %s", place->dir_name);
	if ((st.st_mode & 022) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "others may write the directory of the tokens: chmod 700 "
		    "%s", place->dir_name);
	return 0;
}

/* 1: there, 0: the directory is not there, -1 */
static int
open_place(const struct mc_buf *path, bool make,
    struct mc_file_place *ret_place, struct mc_err *err)
{
	size_t n = path->len;
	char *dir;
	int rc;

	while (n > 1 && path->ptr[n - 1] != '/')
		n--;
	dir = mc_mem_strndup(path->ptr, n - 1);
	if (dir == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (make)
		rc = make_dirs(dir, err) == 0 ? 1 : -1;
	else
		rc = access(dir, F_OK) == 0 || errno != ENOENT;
	mc_mem_free(dir);
	if (rc != 1)
		return rc;
	if (mc_file_place_open(path->ptr, ret_place, err) != 0)
		return -1;
	if (check_place(ret_place, err) == 0)
		return 1;
	mc_file_place_close(ret_place);
	return -1;
}

/* ---------------------------------------------------------------- its lines */

static void
add_line(struct mc_buf *out, const char *key, const char *value)
{
	if (value != NULL)
		mc_buf_addf(out, "%s %s\n", key, value);
}

/* the lines that have to be the same, for these to be our tokens */
static void
add_terms(struct mc_buf *out, const struct mc_terms *t)
{
	mc_buf_addz(out, FIRST_LINE);
	add_line(out, "client", t->client_id);
	add_line(out, "provider", t->token_url);
	add_line(out, "scope", t->scope);
	add_line(out, "subject", t->subject);
	add_line(out, "user", t->account->user);
	if (mc_terms_alone(t))
		add_line(out, "by", t->flow == MC_FLOW_JWT ? "jwt" : "client");
	mc_buf_addz(out, "--\n");
}

static int
take_secret(struct mc_str value, struct mc_secret **to, struct mc_err *err)
{
	if (*to != NULL || value.len == 0)
		return 1;
	*to = mc_secret_new(value.ptr, value.len, err);
	return *to == NULL ? -1 : 0;
}

/* 0; 1: this is none of our lines; -1 with err */
static int
take_line(struct mc_str line, struct mc_grant *g, struct mc_err *err)
{
	size_t blank = mc_str_chr(line, ' ');
	struct mc_str key = mc_str_sub(line, 0, blank);
	struct mc_str value = mc_str_sub(line, blank + 1, SIZE_MAX);
	uint64_t n = 0;
	bool number = mc_num_u64(value, INT64_MAX / 2, &n) == 0;

	if (mc_str_eq(key, MC_STR("access")))
		return take_secret(value, &g->access, err);
	if (mc_str_eq(key, MC_STR("refresh")))
		return take_secret(value, &g->refresh, err);
	if (mc_str_eq(key, MC_STR("got")) && number)
		g->got = (int64_t)n;
	else if (mc_str_eq(key, MC_STR("expires")) && number)
		g->expires = (int64_t)n;
	else
		return 1;
	return 0;
}

/* as mc_grant_load */
static int
parse(const struct mc_terms *t, struct mc_str text, struct mc_grant *ret,
    struct mc_err *err)
{
	struct mc_grant g = { .access = NULL };
	struct mc_buf terms;
	int rc = 0;

	mc_buf_init(&terms, MOST_FILE);
	add_terms(&terms, t);
	if (mc_buf_err(&terms, "terms", err) != 0)
		rc = -1;
	else if (!mc_str_eq(mc_str_sub(text, 0, terms.len),
	    mc_buf_str(&terms)))
		rc = 1;
	text = mc_str_sub(text, terms.len, SIZE_MAX);
	mc_buf_clear(&terms);
	while (rc == 0 && text.len != 0) {
		size_t n = mc_str_chr(text, '\n');

		/* one without its end was cut off */
		rc = n == text.len ? 1 : take_line(mc_str_sub(text, 0, n), &g,
		    err);
		text = mc_str_sub(text, n + 1, SIZE_MAX);
	}
	if (rc == 0 && g.access != NULL) {
		*ret = g;
		return 1;
	}
	mc_grant_clear(&g);
	return rc < 0 ? -1 : 0;
}

static int
check_file(const struct mc_file_place *place, int fd, struct mc_err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL,
		    "%s/%s is no regular file", place->dir_name, place->name);
	if ((st.st_mode & 077) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "others may read or write the tokens: run chmod 600 %s/%s, "
		    "and log in again if somebody may have read them",
		    place->dir_name, place->name);
	if (st.st_uid != geteuid())
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "%s/%s belongs to user %lu, and not to you: chown it",
		    place->dir_name, place->name, (unsigned long)st.st_uid);
	return 0;
}

/* 1, 0: no such file, -1 */
static int
read_file(const struct mc_file_place *place, struct mc_buf *out,
    struct mc_err *err)
{
	int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n = -1;
	int rc = -1;

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot open %s/%s", place->dir_name, place->name);
	if (check_file(place, fd, err) == 0) {
		do
			n = mc_file_fill(fd, out);
		while (n > 0);
		if (n == 0)
			rc = 1;
		else if (out->err == MC_E_NOMEM)
			(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		else
			(void)mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot read %s/%s", place->dir_name, place->name);
	}
	mc_file_close(&fd);
	return rc;
}

/* -------------------------------------------------------------------- public */

int
mc_grant_load(const struct mc_terms *terms, const struct mc_caller *caller,
    struct mc_grant *ret_grant, struct mc_err *err)
{
	struct mc_file_place place;
	struct mc_buf path, text;
	int rc = -1;

	mc_buf_init(&path, MOST_PATH);
	mc_buf_init_secret(&text, MOST_FILE);
	if (path_of(terms->account, caller, ".token", &path, err) == 0)
		rc = open_place(&path, false, &place, err);
	if (rc == 1) {
		rc = read_file(&place, &text, err);
		mc_file_place_close(&place);
	}
	if (rc == 1)
		rc = parse(terms, mc_buf_str(&text), ret_grant, err);
	mc_buf_clear(&path);
	mc_buf_clear(&text);
	return rc;
}

int
mc_grant_store(const struct mc_terms *terms, const struct mc_caller *caller,
    const struct mc_grant *grant, struct mc_err *err)
{
	struct mc_file_place place;
	struct mc_buf path, text;
	int rc = -1;

	mc_buf_init(&path, MOST_PATH);
	mc_buf_init_secret(&text, MOST_FILE);
	add_terms(&text, terms);
	mc_buf_addf(&text, "got %" PRId64 "\nexpires %" PRId64 "\naccess ",
	    grant->got, grant->expires);
	mc_buf_add_str(&text, mc_secret_peek(grant->access));
	mc_buf_addc(&text, '\n');
	if (grant->refresh != NULL) {
		mc_buf_addz(&text, "refresh ");
		mc_buf_add_str(&text, mc_secret_peek(grant->refresh));
		mc_buf_addc(&text, '\n');
	}
	if (mc_buf_err(&text, "tokens", err) == 0 &&
	    path_of(terms->account, caller, ".token", &path, err) == 0 &&
	    open_place(&path, true, &place, err) == 1) {
		rc = mc_file_put(&place, mc_buf_str(&text), false, err);
		mc_file_place_close(&place);
	}
	mc_buf_clear(&path);
	mc_buf_clear(&text);
	return rc;
}

int
mc_grant_remove(const struct mc_account *account,
    const struct mc_caller *caller, struct mc_err *err)
{
	struct mc_buf path;
	int rc = -1;

	mc_buf_init(&path, MOST_PATH);
	if (path_of(account, caller, ".token", &path, err) == 0) {
		rc = unlink(path.ptr) == 0;
		if (rc == 0 && errno != ENOENT && errno != ENOTDIR)
			rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot remove %s", path.ptr);
	}
	mc_buf_clear(&path);
	return rc;
}

/* ---------------------------------------------------------------------- lock */

static int
wait_lock(int fd, const char *path, int64_t timeout_ms, int cancel_fd,
    struct mc_err *err)
{
	int64_t end = mc_clock_after(timeout_ms);

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		struct pollfd p = { .fd = cancel_fd, .events = POLLIN };

		if (errno != EWOULDBLOCK && errno != EINTR)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot lock %s", path);
		if (mc_clock_left(end) == 0)
			return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_LOCAL,
			    "another process is renewing the token, and has "
			    "not finished in time");
		if (poll(&p, 1, NAP_MS) > 0)
			return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_LOCAL,
			    NULL);
	}
	return 0;
}

int
mc_grant_lock(const struct mc_account *account,
    const struct mc_caller *caller, int64_t timeout_ms, int cancel_fd,
    int *ret_fd, struct mc_err *err)
{
	struct mc_file_place place;
	struct mc_buf path;
	int rc = -1, fd;

	mc_buf_init(&path, MOST_PATH);
	if (path_of(account, caller, ".lock", &path, err) != 0 ||
	    open_place(&path, true, &place, err) != 1)
		goto out;
	fd = openat(place.dir, place.name, O_RDWR | O_CREAT | O_NOFOLLOW |
	    O_NOCTTY | O_CLOEXEC, 0600);
	if (fd >= 0)
		fd = mc_file_lift(fd);
	mc_file_place_close(&place);
	if (fd < 0) {
		(void)mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot open %s", path.ptr);
		goto out;
	}
	rc = wait_lock(fd, path.ptr, timeout_ms, cancel_fd, err);
	if (rc == 0)
		*ret_fd = fd;
	else
		mc_file_close(&fd);
out:
	mc_buf_clear(&path);
	return rc;
}
