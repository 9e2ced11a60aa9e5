/* SPDX-License-Identifier: MIT */
/*
 * letter.c - a submission made of addresses, a text and files
 */
#include "base/base.h"
#include "submission.h"

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/compose.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define READ_SIZE 65536

struct work {
	struct mc_submission *sub;
	const struct mc_letter *letter;
	struct mc_buf fields;
	struct mc_compose_text *text;
	struct mc_compose_text *html;
	struct mc_compose_file *files;
	int *fds;		/* of the files */
	size_t n_files;		/* that are open */
	char *buf;		/* READ_SIZE */
};

/* ---------------------------------------------------------------- addresses */

static int
add_rcpts(struct mc_submission *sub, const char *const *lists, bool bcc,
    struct mc_err *err)
{
	for (; lists != NULL && *lists != NULL; lists++) {
		size_t i = sub->raw.n;

		if (mc_submission_add_rcpt(sub, *lists, err) != 0)
			return -1;
		for (; bcc && i < sub->raw.n; i++) {
			struct mc_raw_addr *raw = mc_vec_at(&sub->raw, i);

			raw->from_bcc = true;
		}
	}
	return 0;
}

static int
make_envelope(struct work *w, struct mc_err *err)
{
	const struct mc_letter *l = w->letter;

	if (l->from != NULL && !w->sub->has_sender &&
	    mc_submission_set_sender(w->sub, l->from, err) != 0)
		return -1;
	if (add_rcpts(w->sub, l->to, false, err) != 0 ||
	    add_rcpts(w->sub, l->cc, false, err) != 0 ||
	    add_rcpts(w->sub, l->bcc, true, err) != 0)
		return -1;
	return 0;
}

static int
add_list(struct work *w, const char *name, const char *const *lists,
    struct mc_err *err)
{
	size_t n;

	return mc_compose_addresses(name, lists, &w->fields, &n, err);
}

static int
add_from(struct work *w, struct mc_err *err)
{
	const char *const list[] = { w->letter->from, NULL };
	size_t n;

	if (list[0] == NULL)
		return 0;
	if (mc_compose_addresses("From", list, &w->fields, &n, err) != 0)
		return -1;
	if (n != 1)
		return mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "From: this has to be one address");
	return 0;
}

static int
make_fields(struct work *w, struct mc_err *err)
{
	const struct mc_letter *l = w->letter;
	const char *const reply_to[] = { l->reply_to, NULL };

	if (add_from(w, err) != 0 ||
	    add_list(w, "To", l->to, err) != 0 ||
	    add_list(w, "Cc", l->cc, err) != 0 ||
	    add_list(w, "Reply-To", reply_to, err) != 0)
		return -1;
	if (l->subject != NULL && mc_compose_field(MC_STR("Subject"),
	    mc_str_from(l->subject), &w->fields, err) != 0)
		return -1;
	for (size_t i = 0; l->fields != NULL && l->fields[i] != NULL; i++)
		if (mc_compose_extra(l->fields[i], &w->fields, err) != 0)
			return -1;
	return 0;
}

/* -------------------------------------------------------------------- files */

/* -1 with err */
static int
open_file(const char *path, struct stat *ret_st, struct mc_err *err)
{
	/* O_NONBLOCK: a FIFO must not hang us */
	int fd = mc_file_lift(open(path,
	    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));

	if (fd < 0)
		return mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot open %s", path);
	if (fstat(fd, ret_st) != 0) {
		(void)mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot look at %s", path);
		mc_file_close(&fd);
	} else if (!S_ISREG(ret_st->st_mode)) {
		(void)mc_err_set(err, MC_E_FILE, MC_STAGE_LOCAL,
		    "%s is no regular file", path);
		mc_file_close(&fd);
	}
	return fd;
}

/* the next piece of a file; 0 at its end, -1 with err */
static ssize_t
read_file(struct work *w, int fd, const char *path, struct mc_err *err)
{
	ssize_t n = mc_file_read(fd, w->buf, READ_SIZE);

	if (n < 0)
		(void)mc_err_sys(err, MC_E_FILE, MC_STAGE_LOCAL, errno,
		    "cannot read %s", path);
	return n;
}

/* files such as those of /proc say that they are empty and are not */
static int
copy_file(struct work *w, int fd, const char *path, struct mc_spool *s,
    struct mc_err *err)
{
	ssize_t n;

	mc_spool_init(s, MC_SPOOL_MEMORY, w->sub->caller->tmpdir);
	while ((n = read_file(w, fd, path, err)) > 0)
		if (mc_spool_add(s, w->buf, (size_t)n, err) != 0)
			return -1;
	return n < 0 ? -1 : 0;
}

static int
open_attachment(struct work *w, const struct mc_attachment *a,
    struct mc_err *err)
{
	struct mc_compose_file *f = &w->files[w->n_files];
	struct stat st;
	int *fd = &w->fds[w->n_files];

	if (mc_compose_file_name(a->path, &f->name, err) != 0)
		return -1;
	f->type = a->type == NULL ? mc_compose_type_of(f->name) : a->type;
	if (mc_compose_type_check(f->type, err) != 0)
		return -1;
	*fd = open_file(a->path, &st, err);
	if (*fd < 0)
		return -1;
	w->n_files++;
	if (st.st_size == 0)
		return copy_file(w, *fd, a->path, &f->bytes, err);
	mc_spool_init_fd(&f->bytes, *fd, 0, (uint64_t)st.st_size);
	return 0;
}

static int
open_attachments(struct work *w, struct mc_err *err)
{
	const struct mc_letter *l = w->letter;

	if (l->n_attachments > MC_MAX_ATTACHMENTS)
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "more than %d attachments", MC_MAX_ATTACHMENTS);
	w->files = mc_mem_zalloc(l->n_attachments + 1, sizeof(*w->files));
	w->fds = mc_mem_zalloc(l->n_attachments + 1, sizeof(*w->fds));
	if (w->files == NULL || w->fds == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	for (size_t i = 0; i < l->n_attachments; i++)
		if (open_attachment(w, &l->attachments[i], err) != 0)
			return -1;
	return 0;
}

/* -------------------------------------------------------------------- texts */

static int
read_html(struct work *w, struct mc_err *err)
{
	const char *path = w->letter->html;
	struct stat st;
	ssize_t n;
	int fd, rc = 0;

	if (path == NULL)
		return 0;
	w->html = mc_compose_text_new(w->sub->caller->tmpdir, err);
	if (w->html == NULL)
		return -1;
	fd = open_file(path, &st, err);
	if (fd < 0)
		return -1;
	while (rc == 0 && (n = read_file(w, fd, path, err)) != 0)
		rc = n < 0 ? -1 : mc_compose_text_add(w->html, w->buf,
		    (size_t)n, err);
	mc_file_close(&fd);
	return rc != 0 ? -1 : mc_compose_text_end(w->html,
	    w->letter->charset != NULL, path, err);
}

static int
read_text(struct work *w, struct mc_err *err)
{
	int fd = w->letter->text_fd;
	ssize_t n = 0;

	w->text = mc_compose_text_new(w->sub->caller->tmpdir, err);
	if (w->text == NULL)
		return -1;
	while (fd >= 0) {
		if (mc_submission_wait_input(w->sub, fd, err) < 0)
			return -1;
		n = mc_file_read(fd, w->buf, READ_SIZE);
		if (n < 0)
			return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
			    "cannot read the text");
		if (n == 0)
			break;
		if (mc_compose_text_add(w->text, w->buf, (size_t)n, err) != 0)
			return -1;
	}
	return mc_compose_text_end(w->text, w->letter->charset != NULL,
	    "the text", err);
}

/* ---------------------------------------------------------------------- all */

static int
put(void *ctx, const void *p, size_t n, struct mc_err *err)
{
	return mc_submission_write(ctx, p, n, 0, err);
}

static int
compose(struct work *w, struct mc_err *err)
{
	struct mc_compose c = { .charset = w->letter->charset };

	if (w->sub->reader != NULL || w->sub->ended)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "this submission has a message already");
	w->buf = mc_mem_zalloc(1, READ_SIZE);
	if (w->buf == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (c.charset != NULL && mc_compose_charset_check(c.charset, err) != 0)
		return -1;
	/* what somebody may wait for comes last */
	if (make_envelope(w, err) != 0 || make_fields(w, err) != 0 ||
	    open_attachments(w, err) != 0 || read_html(w, err) != 0 ||
	    read_text(w, err) != 0)
		return -1;
	c.fields = mc_buf_str(&w->fields);
	c.text = w->text;
	c.html = w->html;
	c.files = w->files;
	c.n_files = w->n_files;
	if (mc_compose_write(&c, put, w->sub, err) != 0)
		return -1;
	return mc_submission_end(w->sub, err);
}

int
mc_submission_compose(struct mc_submission *sub,
    const struct mc_letter *letter, struct mc_err *err)
{
	struct work w = { .sub = sub, .letter = letter };
	struct mc_err first = { .code = MC_OK };
	int rc;

	if (sub->prepared)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "this submission is prepared already");
	mc_buf_init(&w.fields, MC_MAX_HEADER + MC_MAX_HEADER_RCPT);
	rc = compose(&w, &first);
	for (size_t i = 0; i < w.n_files; i++) {
		mc_spool_clear(&w.files[i].bytes);
		mc_file_close(&w.fds[i]);
	}
	mc_mem_free(w.files);
	mc_mem_free(w.fds);
	mc_compose_text_free(w.text);
	mc_compose_text_free(w.html);
	mc_buf_clear(&w.fields);
	mc_mem_free(w.buf);
	if (rc == 0)
		return 0;
	/* what there is so far must never leave as if it were all */
	if (!mc_err_is_set(&sub->broken))
		sub->broken = first;
	if (err != NULL && !mc_err_is_set(err))
		*err = first;
	return -1;
}
