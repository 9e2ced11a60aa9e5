/* SPDX-License-Identifier: MIT */
/*
 * compose.c - texts and files as the parts of a message
 */
#include "base/base.h"
#include "mail/compose.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"
#include "mail/mime_internal.h"

/* -------------------------------------------------------------------- texts */

struct mc_compose_text {
	struct mc_spool bytes;
	struct mc_mime_utf8 utf8;
	size_t line;		/* bytes in this one, a CR counted */
	size_t longest;
	bool cr;		/* the last byte was one */
	bool bare_cr;
	bool has_8bit;
	bool has_nul;
};

struct mc_compose_text *
mc_compose_text_new(const char *tmpdir, struct mc_err *err)
{
	struct mc_compose_text *t = mc_mem_zalloc(1, sizeof(*t));

	if (t == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	else
		mc_spool_init(&t->bytes, MC_SPOOL_MEMORY, tmpdir);
	return t;
}

void
mc_compose_text_free(struct mc_compose_text *text)
{
	if (text == NULL)
		return;
	mc_spool_clear(&text->bytes);
	mc_mem_free(text);
}

static void
note_byte(struct mc_compose_text *t, char byte)
{
	if (t->cr)
		t->bare_cr = true;
	t->cr = byte == '\r';
	t->has_nul = t->has_nul || byte == '\0';
	t->has_8bit = t->has_8bit || (unsigned char)byte >= 0x80;
	t->line++;
	if (t->line - t->cr > t->longest)
		t->longest = t->line - t->cr;
}

int
mc_compose_text_add(struct mc_compose_text *text, const char *p, size_t n,
    struct mc_err *err)
{
	size_t done = 0;

	mc_mime_utf8_add(&text->utf8, p, n);
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			note_byte(text, p[i]);
			continue;
		}
		text->line = 0;
		if (text->cr) {
			text->cr = false;
			continue;
		}
		if (mc_spool_add(&text->bytes, p + done, i - done, err) != 0 ||
		    mc_spool_add(&text->bytes, "\r", 1, err) != 0)
			return -1;
		done = i;
	}
	return mc_spool_add(&text->bytes, p + done, n - done, err);
}

int
mc_compose_text_end(struct mc_compose_text *text, bool any_charset,
    const char *what, struct mc_err *err)
{
	if (text->cr)
		text->bare_cr = true;
	if (text->has_nul)
		return mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "%s holds a NUL byte: send it as an attachment", what);
	if (!any_charset && (text->utf8.bad || text->utf8.need != 0))
		return mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "%s is not UTF-8: say what it is (--charset ISO-8859-1, "
		    "for one), or convert it with iconv", what);
	return 0;
}

static enum mc_mime_cte
text_cte(const struct mc_compose_text *t)
{
	if (t->bare_cr || t->longest > MC_MAX_LINE)
		return MC_CTE_QP;
	return t->has_8bit ? MC_CTE_8BIT : MC_CTE_7BIT;
}

/* ------------------------------------------------------------------- writing */

/* what is behind the boundary's first letters; those tell which one it is */
struct writer {
	const struct mc_compose *c;
	struct mc_mime_out out;
	const struct mc_compose_file *file;	/* that is read, or NULL */
	char *in;		/* MC_BODY_CHUNK */
	char id[MC_ID_LEN + 1];
	bool is_8bit;		/* one of the texts is */
	struct mc_buf head;
};

static void
put(struct writer *w, const char *fmt, ...) MC_PRINTF(2, 3);

static void
put(struct writer *w, const char *fmt, ...)
{
	char line[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line)) {
		w->out.failed = true;
		(void)mc_err_set(w->out.err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "a line that is too long");
		return;
	}
	mc_mime_put(&w->out, line, (size_t)n);
}

/* the next piece of a spool into w->in; 0 at its end, or after a failure */
static size_t
next(struct writer *w, const struct mc_spool *s, uint64_t *off)
{
	struct mc_err why = { .code = MC_OK };
	size_t got;

	if (w->out.failed)
		return 0;
	if (mc_spool_read(s, *off, w->in, MC_BODY_CHUNK, &got, &why) == 0) {
		*off += got;
		return got;
	}
	w->out.failed = true;
	if (w->file == NULL)
		(void)mc_err_set(w->out.err, why.code, why.stage, "%s",
		    why.text);
	else if (why.sys != 0)
		(void)mc_err_sys(w->out.err, why.code, why.stage, why.sys,
		    "cannot read %.*s", MC_STR_FMT(w->file->name));
	else
		(void)mc_err_set(w->out.err, why.code, why.stage,
		    "%.*s got shorter while it was read",
		    MC_STR_FMT(w->file->name));
	return 0;
}

static void
put_coded(struct writer *w, const struct mc_spool *s,
    enum mc_mime_coder_kind kind, bool last)
{
	struct mc_mime_coder coder;
	uint64_t off = 0;
	size_t n;

	mc_mime_coder_init(&coder, kind, 0, &w->out);
	while ((n = next(w, s, &off)) != 0)
		mc_mime_coder_add(&coder, w->in, n);
	mc_mime_coder_end(&coder, last);
}

static const char *
charset(const struct writer *w)
{
	return w->c->charset == NULL ? "UTF-8" : w->c->charset;
}

/* `last`: nothing follows in the message */
static void
put_text(struct writer *w, const struct mc_compose_text *t,
    const char *subtype, bool last)
{
	enum mc_mime_cte cte = text_cte(t);
	uint64_t off = 0;
	size_t n;

	put(w, "Content-Type: text/%s; charset=%s\r\n"
	    "Content-Transfer-Encoding: %s\r\n\r\n", subtype, charset(w),
	    mc_mime_cte_name(cte));
	if (cte == MC_CTE_QP) {
		put_coded(w, &t->bytes, MC_CODE_QP, last);
		return;
	}
	while ((n = next(w, &t->bytes, &off)) != 0)
		mc_mime_put(&w->out, w->in, n);
}

/* text without a charset would be taken for ASCII */
static bool
is_utf8_text(struct writer *w, const struct mc_compose_file *f)
{
	struct mc_mime_utf8 utf8 = { .bad = false };
	struct mc_str type = mc_str_from(f->type);
	uint64_t off = 0;
	size_t n;

	if (!mc_str_starts_nocase(type, MC_STR("text/")) ||
	    mc_str_chr(type, ';') < type.len)
		return false;
	while (!utf8.bad && (n = next(w, &f->bytes, &off)) != 0)
		mc_mime_utf8_add(&utf8, w->in, n);
	return !utf8.bad && utf8.need == 0;
}

static void
put_file(struct writer *w, const struct mc_compose_file *f)
{
	w->file = f;
	mc_buf_reset(&w->head);
	mc_compose_file_header(f->name, f->type,
	    is_utf8_text(w, f) ? "UTF-8" : NULL, &w->head);
	if (mc_buf_err(&w->head, "file name", w->out.err) != 0)
		w->out.failed = true;
	mc_mime_put(&w->out, w->head.ptr, w->head.len);
	put_coded(w, &f->bytes, MC_CODE_BASE64, false);
}

/* --------------------------------------------------------------- boundaries */

/* begins one; "=_" is in no quoted-printable (RFC 2045 6.7) */
#define BOUNDARY "=_%c%s"

static void
begin_multipart(struct writer *w, const char *subtype, char which)
{
	put(w, "Content-Type: multipart/%s;\r\n boundary=\"" BOUNDARY "\"\r\n"
	    "%s\r\n", subtype, which, w->id,
	    w->is_8bit ? "Content-Transfer-Encoding: 8bit\r\n" : "");
}

static void
delimit(struct writer *w, char which, bool first)
{
	put(w, "%s--" BOUNDARY "\r\n", first ? "" : "\r\n", which, w->id);
}

static void
end_multipart(struct writer *w, char which)
{
	put(w, "\r\n--" BOUNDARY "--", which, w->id);
}

/* is it somewhere in the spool? */
static bool
contains(struct writer *w, const struct mc_spool *s, const char *id)
{
	char window[2 * MC_ID_LEN];
	size_t kept = 0, n;
	uint64_t off = 0;

	while ((n = next(w, s, &off)) != 0) {
		const char *p = w->in, *end = w->in + n;
		size_t lead = n < MC_ID_LEN ? n : MC_ID_LEN;

		/* what began in the piece before */
		memcpy(window + kept, w->in, lead);
		for (size_t i = 0; i + MC_ID_LEN <= kept + lead; i++)
			if (memcmp(window + i, id, MC_ID_LEN) == 0)
				return true;
		while ((size_t)(end - p) >= MC_ID_LEN && (p = memchr(p, id[0],
		    (size_t)(end - p) - MC_ID_LEN + 1)) != NULL) {
			if (memcmp(p, id, MC_ID_LEN) == 0)
				return true;
			p++;
		}
		/* next() fills w->in unless it is the last piece */
		kept = n < MC_ID_LEN ? n : MC_ID_LEN - 1;
		memcpy(window, end - kept, kept);
	}
	return false;
}

/*
 * 128 random bits are in no text by chance, but a weak generator, or a mail
 * that quotes this one, costs a look.
 */
static int
choose_boundary(struct writer *w)
{
	const struct mc_compose *c = w->c;

	for (unsigned tries = 0; tries < 20; tries++) {
		if (mc_rand_id(w->id, w->out.err) != 0)
			return -1;
		if (!contains(w, &c->text->bytes, w->id) && (c->html == NULL ||
		    !contains(w, &c->html->bytes, w->id)))
			return w->out.failed ? -1 : 0;
	}
	return mc_err_set(w->out.err, MC_E_INTERNAL, MC_STAGE_LOCAL,
	    "no boundary that is not in the text: the random numbers of this "
	    "system are none");
}

/* --------------------------------------------------------------- the message */

static void
put_parts(struct writer *w)
{
	const struct mc_compose *c = w->c;
	bool mixed = c->n_files != 0;
	bool text = c->text->bytes.size != 0 || (c->html == NULL && !mixed);
	bool any = text || c->html != NULL;

	if (mixed)
		begin_multipart(w, "mixed", 'm');
	if (mixed && any)
		delimit(w, 'm', true);
	if (text && c->html != NULL) {
		begin_multipart(w, "alternative", 'a');
		delimit(w, 'a', true);
		put_text(w, c->text, "plain", false);
		delimit(w, 'a', false);
		put_text(w, c->html, "html", false);
		end_multipart(w, 'a');
	} else if (any) {
		put_text(w, text ? c->text : c->html, text ? "plain" : "html",
		    !mixed);
	}
	for (size_t i = 0; i < c->n_files; i++) {
		delimit(w, 'm', i == 0 && !any);
		put_file(w, &c->files[i]);
	}
	if (mixed)
		end_multipart(w, 'm');
	if (mixed || (text && c->html != NULL))
		put(w, "\r\n");
}

static int
write_all(struct writer *w)
{
	const struct mc_compose *c = w->c;

	w->is_8bit = text_cte(c->text) == MC_CTE_8BIT ||
	    (c->html != NULL && text_cte(c->html) == MC_CTE_8BIT);
	if ((c->html != NULL || c->n_files != 0) && choose_boundary(w) != 0)
		return -1;
	mc_mime_put(&w->out, c->fields.ptr, c->fields.len);
	put(w, "MIME-Version: 1.0\r\n");
	put_parts(w);
	return mc_mime_flush(&w->out);
}

int
mc_compose_write(const struct mc_compose *c, mc_compose_fn fn, void *ctx,
    struct mc_err *err)
{
	struct writer w = { .c = c };
	int rc = -1;

	w.out.put = fn;
	w.out.ctx = ctx;
	w.out.err = err;
	mc_buf_init(&w.head, MC_MAX_HEADER);
	w.out.block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	w.in = mc_mem_zalloc(1, MC_BODY_CHUNK);
	if (w.out.block == NULL || w.in == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	else
		rc = write_all(&w);
	mc_buf_clear(&w.head);
	mc_mem_free(w.out.block);
	mc_mem_free(w.in);
	return rc;
}
