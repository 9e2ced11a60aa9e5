/* SPDX-License-Identifier: MIT */
/*
 * tokens.c - the file of local tokens
 */
#include "base/base.h"

#include "serve/tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "queue/sha256.h"

#define HEX_LEN ((size_t)2 * MC_SHA256_LEN)
#define PATIENCE_MS 10000	/* for others to finish their change */
#define NAP_NS (2 * 1000 * 1000)

/* ---------------------------------------------------------------- the file */

static bool
is_login(struct mc_str s)
{
	size_t i;

	if (s.len == 0 || s.len > MC_MAX_SERVER_USER || s.ptr[0] == '#' ||
	    !mc_str_is_utf8(s) || mc_str_has_ctl(s))
		return false;
	for (i = 0; i < s.len; i++)
		if (s.ptr[i] == ':' || s.ptr[i] == ' ')
			return false;
	return true;
}

/* the file may be ours, root's, or that of whoever has the directory */
static int
check_file(const struct mc_file_place *place, const struct stat *st,
    struct mc_err *err)
{
	struct stat dir;

	if (!S_ISREG(st->st_mode))
		return mc_err_set(err, MC_E_CONF_FILE, MC_STAGE_CONFIG,
		    "%s/%s is no regular file", place->dir_name, place->name);
	if ((st->st_mode & 077) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "%s/%s is open to others (mode %04o): chmod 600 it",
		    place->dir_name, place->name,
		    (unsigned)st->st_mode & 07777);
	if (st->st_uid == geteuid() || st->st_uid == 0)
		return 0;
	if (fstat(place->dir, &dir) == 0 && dir.st_uid == st->st_uid)
		return 0;
	return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
	    "%s/%s belongs to another user", place->dir_name, place->name);
}

/* the descriptor, -1 with err; *ret_fd is -1 if there is no file */
static int
open_file(const struct mc_file_place *place, int *ret_fd, struct mc_err *err)
{
	struct stat st;
	int fd = openat(place->dir, place->name, O_RDONLY | O_NOFOLLOW |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0 && errno == ENOENT) {
		*ret_fd = -1;
		return 0;
	}
	if (fd < 0 && errno == ELOOP)
		return mc_err_set(err, MC_E_CONF_FILE, MC_STAGE_CONFIG,
		    "%s/%s is a symbolic link", place->dir_name, place->name);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)mc_err_sys(err, MC_E_CONF_FILE, MC_STAGE_CONFIG, errno,
		    "cannot open %s/%s", place->dir_name, place->name);
		mc_file_close(&fd);
		return -1;
	}
	if (check_file(place, &st, err) != 0) {
		mc_file_close(&fd);
		return -1;
	}
	*ret_fd = fd;
	return 0;
}

static int
read_file(const struct mc_file_place *place, int fd, struct mc_buf *out,
    struct mc_err *err)
{
	ssize_t n;

	do
		n = mc_file_fill(fd, out);
	while (n > 0);
	if (n == 0)
		return 0;
	if (out->err == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	return mc_err_sys(err, MC_E_CONF_FILE, MC_STAGE_CONFIG, errno,
	    "cannot read %s/%s", place->dir_name, place->name);
}

/* --------------------------------------------------------------- its lines */

struct line {
	struct mc_str all;	/* with its end */
	struct mc_str login;	/* empty: a comment, or blank */
	unsigned char digest[MC_SHA256_LEN];
};

static int
hex_value(char c)
{
	if (mc_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool
read_digest(struct mc_str hex, unsigned char digest[MC_SHA256_LEN])
{
	size_t i;

	if (hex.len != HEX_LEN)
		return false;
	for (i = 0; i < MC_SHA256_LEN; i++) {
		int high = hex_value(hex.ptr[2 * i]);
		int low = hex_value(hex.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest[i] = (unsigned char)(high * 16 + low);
	}
	return true;
}

/* take the next line off *rest; 1, 0 at the end, -1 if it is none of ours */
static int
next_line(struct mc_str *rest, struct line *ret)
{
	size_t n = mc_str_chr(*rest, '\n');
	struct mc_str text;
	size_t colon;

	if (rest->len == 0)
		return 0;
	text = mc_str_trim(mc_str_sub(*rest, 0, n));
	ret->all = mc_str_sub(*rest, 0, n + 1);
	ret->login = MC_STR_NONE;
	*rest = mc_str_sub(*rest, n + 1, SIZE_MAX);
	if (text.len == 0 || text.ptr[0] == '#')
		return 1;
	colon = mc_str_chr(text, ':');
	ret->login = mc_str_sub(text, 0, colon);
	if (!is_login(ret->login) || !read_digest(mc_str_sub(text, colon + 1,
	    SIZE_MAX), ret->digest))
		return -1;
	return 1;
}

static int
bad_line(const struct mc_file_place *place, unsigned n, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_SYNTAX, MC_STAGE_CONFIG,
	    "%s/%s, line %u: not \"login:sha256 in hex\"", place->dir_name,
	    place->name, n);
}

static void
digest_of(struct mc_str text, unsigned char ret_digest[MC_SHA256_LEN])
{
	struct mc_sha256 sha;

	mc_sha256_init(&sha);
	mc_sha256_add(&sha, text.ptr, text.len);
	mc_sha256_end(&sha, ret_digest);
	mc_mem_wipe(&sha, sizeof(sha));
}

/* ----------------------------------------------------------------- a check */

/* every line is looked at in full, whatever the others said */
static int
search(const struct mc_file_place *place, struct mc_str text,
    struct mc_str login, const unsigned char digest[MC_SHA256_LEN],
    struct mc_err *err)
{
	unsigned found = 0;
	unsigned n = 0;
	struct line line;
	int rc;

	while ((rc = next_line(&text, &line)) > 0) {
		unsigned same = mc_secret_eq(mc_str_make(
		    (const char *)digest, MC_SHA256_LEN), mc_str_make(
		    (const char *)line.digest, MC_SHA256_LEN));

		n++;
		if (line.login.len == 0)
			continue;
		found |= same & (unsigned)mc_secret_eq(line.login, login);
	}
	return rc < 0 ? bad_line(place, n + 1, err) : (int)found;
}

static int
check_at(const struct mc_file_place *place, struct mc_str login,
    struct mc_str password, struct mc_err *err)
{
	unsigned char digest[MC_SHA256_LEN];
	struct mc_buf text;
	int rc, fd;

	if (open_file(place, &fd, err) != 0)
		return -1;
	digest_of(password, digest);
	mc_buf_init_secret(&text, MC_MAX_CONFIG);
	rc = fd < 0 ? 0 : read_file(place, fd, &text, err);
	if (rc == 0)
		rc = search(place, mc_buf_str(&text), login, digest, err);
	mc_buf_clear(&text);
	mc_file_close(&fd);
	return rc;
}

int
mc_token_check(const char *path, struct mc_str login, struct mc_str password,
    struct mc_err *err)
{
	struct mc_file_place place;
	int rc;

	if (mc_file_place_open(path, &place, err) != 0)
		return -1;
	rc = check_at(&place, login, password, err);
	mc_file_place_close(&place);
	return rc;
}

/* ---------------------------------------------------------------- a change */

/* locked, and still the file of that name?  1, 0: look again, -1 with errno */
static int
lock(const struct mc_file_place *place, int fd)
{
	struct stat here, there;

	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
	if (fstat(fd, &here) != 0 || fstatat(place->dir, place->name, &there,
	    AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	return here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

/* the file, made if need be, with its lock; a change gives the name to another
 * file, so that those who wait have to look again */
static int
open_locked(const struct mc_file_place *place, int *ret_fd, struct mc_err *err)
{
	int64_t deadline = mc_clock_after(PATIENCE_MS);

	for (;;) {
		int rc, fd;

		if (open_file(place, &fd, err) != 0)
			return -1;
		if (fd < 0 && mc_file_put(place, MC_STR_NONE, true, err) != 0)
			return -1;
		rc = fd < 0 ? 0 : lock(place, fd);
		if (rc > 0) {
			*ret_fd = fd;
			return 0;
		}
		if (rc < 0)
			(void)mc_err_sys(err, MC_E_IO, MC_STAGE_CONFIG, errno,
			    "cannot lock %s/%s", place->dir_name, place->name);
		mc_file_close(&fd);
		if (rc < 0)
			return -1;
		if (mc_clock_left(deadline) == 0)
			return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_CONFIG,
			    "others are changing %s/%s all the time",
			    place->dir_name, place->name);
		(void)nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
}

static void
add_line(struct mc_buf *out, struct mc_str login, struct mc_str token)
{
	unsigned char digest[MC_SHA256_LEN];
	size_t i;

	digest_of(token, digest);
	if (out->len != 0 && out->ptr[out->len - 1] != '\n')
		mc_buf_addc(out, '\n');
	mc_buf_add_str(out, login);
	mc_buf_addc(out, ':');
	for (i = 0; i < MC_SHA256_LEN; i++)
		mc_buf_addf(out, "%02x", digest[i]);
	mc_buf_addc(out, '\n');
}

/* all but the lines of login; their number, or -1 */
static int
copy_others(const struct mc_file_place *place, struct mc_str text,
    struct mc_str login, struct mc_buf *out, struct mc_err *err)
{
	unsigned n = 0;
	int left_out = 0;
	struct line line;
	int rc;

	while ((rc = next_line(&text, &line)) > 0) {
		n++;
		if (line.login.len != 0 && mc_str_eq(line.login, login))
			left_out++;
		else
			mc_buf_add_str(out, line.all);
	}
	return rc < 0 ? bad_line(place, n + 1, err) : left_out;
}

/* token empty: only remove.  How many lines login had, or -1 */
static int
change_locked(const struct mc_file_place *place, int fd, struct mc_str login,
    struct mc_str token, struct mc_err *err)
{
	struct mc_buf text, out;
	int rc = -1;

	mc_buf_init_secret(&text, MC_MAX_CONFIG);
	mc_buf_init_secret(&out, MC_MAX_CONFIG);
	if (read_file(place, fd, &text, err) == 0)
		rc = copy_others(place, mc_buf_str(&text), login, &out, err);
	if (rc >= 0 && token.len != 0)
		add_line(&out, login, token);
	if (rc >= 0 && mc_buf_err(&out, "the file of tokens", err) != 0)
		rc = -1;
	if (rc > 0 || (rc == 0 && token.len != 0))
		if (mc_file_put(place, mc_buf_str(&out), false, err) != 0)
			rc = -1;
	mc_buf_clear(&text);
	mc_buf_clear(&out);
	return rc;
}

static int
change(const char *path, const char *login, struct mc_str token,
    struct mc_err *err)
{
	struct mc_file_place place;
	struct stat st;
	int rc = -1;
	int fd;

	if (!is_login(mc_str_from(login)))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_CONFIG,
		    "\"%s\" is no login name", login);
	if (mc_file_place_open(path, &place, err) != 0)
		return -1;
	/* nothing to remove from is no reason to make it */
	if (token.len == 0 && fstatat(place.dir, place.name, &st,
	    AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		rc = 0;
	else if (open_locked(&place, &fd, err) == 0) {
		rc = change_locked(&place, fd, mc_str_from(login), token, err);
		mc_file_close(&fd);
	}
	mc_file_place_close(&place);
	return rc;
}

int
mc_token_make(const char *path, const char *login,
    char ret_token[MC_TOKEN_LEN + 1], struct mc_err *err)
{
	char token[MC_TOKEN_LEN + 1];
	int rc;

	if (mc_rand_id(token, err) != 0)
		return -1;
	rc = change(path, login, mc_str_make(token, MC_TOKEN_LEN), err);
	if (rc >= 0)
		memcpy(ret_token, token, sizeof(token));
	mc_mem_wipe(token, sizeof(token));
	return rc < 0 ? -1 : 0;
}

int
mc_token_remove(const char *path, const char *login, struct mc_err *err)
{
	int rc = change(path, login, MC_STR_NONE, err);

	return rc > 0 ? 1 : rc;
}
