/* SPDX-License-Identifier: MIT */
/*
 * maildir.c - a copy of a message for a Maildir
 */
#include "base/base.h"
#include "mail/maildir.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

struct box {
	const char *dir;
	int tmp;
	int cur;
	struct mc_buf name;	/* of the file, in tmp */
	struct mc_buf final;	/* in cur */
};

static int
failed(const struct box *b, const char *what, struct mc_err *err)
{
	return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno, "%s %s",
	    what, b->dir);
}

/* ------------------------------------------------------------- directories */

/* the directory, made if it is not there; -1 with errno */
static int
open_dir(int at, const char *name, int flags)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return -1;
	return mc_file_lift(openat(at, name, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC | flags));
}

static int
open_box(struct box *b, struct mc_err *err)
{
	int top = open_dir(AT_FDCWD, b->dir, 0);
	int new = -1;

	if (top >= 0)
		b->tmp = open_dir(top, "tmp", O_NOFOLLOW);
	/* readers take a directory without it for no Maildir */
	if (b->tmp >= 0)
		new = open_dir(top, "new", O_NOFOLLOW);
	if (new >= 0)
		b->cur = open_dir(top, "cur", O_NOFOLLOW);
	mc_file_close(&new);
	mc_file_close(&top);
	return b->cur >= 0 ? 0 : failed(b, "cannot use", err);
}

/* a host's name with a slash or a colon would be another path, or flags */
static void
add_host(struct mc_buf *name, const char *host)
{
	if (host == NULL || host[0] == '\0')
		host = "localhost";
	for (size_t n = 0; n < 64 && host[n] != '\0'; n++) {
		if (host[n] == '/' || host[n] == ':')
			mc_buf_addf(name, "\\%03o", (unsigned)host[n]);
		else
			mc_buf_addc(name, host[n]);
	}
}

static int
make_name(struct box *b, const char *host, struct mc_err *err)
{
	char id[MC_ID_LEN + 1];

	if (mc_rand_id(id, err) != 0)
		return -1;
	mc_buf_addf(&b->name, "%" PRId64 ".R%s.",
	    mc_clock_real_ms() / 1000, id);
	add_host(&b->name, host);
	mc_buf_add_str(&b->final, mc_buf_str(&b->name));
	mc_buf_addz(&b->final, ":2,S");
	if (mc_buf_err(&b->name, "name", err) != 0)
		return -1;
	return mc_buf_err(&b->final, "name", err);
}

/* ----------------------------------------------------------------- content */

/* CRLF becomes LF.  *held: a CR ends what came before, and is not written */
static int
write_lines(int fd, char *text, size_t n, bool *held, struct mc_err *err)
{
	size_t to = 0;

	if (n != 0 && *held && text[0] != '\n' &&
	    mc_file_write(fd, "\r", 1, err) != 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '\r' && (i + 1 == n || text[i + 1] == '\n'))
			continue;
		text[to++] = text[i];
	}
	*held = n != 0 && text[n - 1] == '\r';
	return mc_file_write(fd, text, to, err);
}

static int
write_header(int fd, struct mc_str header, char *room, bool *held,
    struct mc_err *err)
{
	for (size_t at = 0; at < header.len; ) {
		struct mc_str piece = mc_str_sub(header, at, MC_BODY_CHUNK);

		memcpy(room, piece.ptr, piece.len);
		if (write_lines(fd, room, piece.len, held, err) != 0)
			return -1;
		at += piece.len;
	}
	memcpy(room, "\r\n", 2);
	return write_lines(fd, room, 2, held, err);
}

static int
write_body(int fd, const struct mc_spool *body, char *room, bool *held,
    struct mc_err *err)
{
	size_t got;

	for (uint64_t at = 0; at < body->size; at += got) {
		if (mc_spool_read(body, at, room, MC_BODY_CHUNK, &got,
		    err) != 0)
			return -1;
		if (got == 0)
			return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL,
			    "the message is shorter than it was");
		if (write_lines(fd, room, got, held, err) != 0)
			return -1;
	}
	return *held ? mc_file_write(fd, "\r", 1, err) : 0;
}

static int
write_all(const struct box *b, int fd, struct mc_str header,
    const struct mc_spool *body, struct mc_err *err)
{
	char *room = mc_mem_zalloc(MC_BODY_CHUNK, 1);
	bool held = false;
	int rc = -1;

	if (room == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (write_header(fd, header, room, &held, err) == 0 &&
	    write_body(fd, body, room, &held, err) == 0)
		rc = mc_file_sync(fd) == 0 ? 0 :
		    failed(b, "cannot write into", err);
	mc_mem_free(room);
	return rc;
}

/* ------------------------------------------------------------------ public */

static int
put(struct box *b, struct mc_str header, const struct mc_spool *body,
    struct mc_err *err)
{
	int fd = mc_file_lift(openat(b->tmp, b->name.ptr, O_WRONLY | O_CREAT |
	    O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
	int rc;

	if (fd < 0)
		return failed(b, "cannot write into", err);
	rc = write_all(b, fd, header, body, err);
	mc_file_close(&fd);
	if (rc == 0 && mc_file_rename_new(b->tmp, b->name.ptr, b->cur,
	    b->final.ptr) != 0)
		rc = failed(b, "cannot write into", err);
	if (rc != 0)
		(void)unlinkat(b->tmp, b->name.ptr, 0);
	else if (mc_file_sync(b->cur) != 0)
		/* it is there, and may be gone after a power cut */
		rc = failed(b, "cannot write into", err);
	return rc;
}

int
mc_maildir_put(const char *dir, const char *host, struct mc_str header,
    const struct mc_spool *body, struct mc_err *err)
{
	struct box b = { .dir = dir, .tmp = -1, .cur = -1 };
	int rc = -1;

	mc_buf_init(&b.name, 512);
	mc_buf_init(&b.final, 512);
	if (make_name(&b, host, err) == 0 && open_box(&b, err) == 0)
		rc = put(&b, header, body, err);
	mc_file_close(&b.tmp);
	mc_file_close(&b.cur);
	mc_buf_clear(&b.name);
	mc_buf_clear(&b.final);
	return rc;
}
