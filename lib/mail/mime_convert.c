/* SPDX-License-Identifier: MIT */
/*
 * mime_convert.c - write a body anew: what is to change, the rest as it is
 */
#include "base/base.h"
#include "mail/mime_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/downgrade.h"
#include "mail/fold.h"

struct writer {
	const struct mc_mime_tree *tree;
	const struct mc_spool *body;
	unsigned want;
	uint64_t at;		/* how far the old body is done */
	char *block;		/* of MC_BODY_CHUNK */
	struct mc_mime_out out;
	struct mc_err *err;
};

static int
read_block(struct writer *w, uint64_t end, size_t *ret_n)
{
	uint64_t left = end - w->at;
	size_t n = left < MC_BODY_CHUNK ? (size_t)left : MC_BODY_CHUNK;

	if (mc_spool_read(w->body, w->at, w->block, n, ret_n, w->err) != 0)
		return -1;
	if (*ret_n == 0)
		return mc_err_set(w->err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
	w->at += *ret_n;
	return 0;
}

static int
copy(struct writer *w, uint64_t end)
{
	size_t n;

	while (w->at < end) {
		if (read_block(w, end, &n) != 0)
			return -1;
		mc_mime_put(&w->out, w->block, n);
		if (w->out.failed)
			return -1;
	}
	return 0;
}

static int
code(struct writer *w, uint64_t end, enum mc_mime_coder_kind kind)
{
	struct mc_mime_coder c;
	int rc = 0;
	size_t n;

	mc_mime_coder_init(&c, kind, w->want, &w->out);
	while (rc == 0 && w->at < end) {
		rc = read_block(w, end, &n);
		if (rc == 0)
			mc_mime_coder_add(&c, w->block, n);
		if (w->out.failed)
			rc = -1;
	}
	mc_mime_coder_end(&c, end == w->body->size);
	return rc;
}

static enum mc_mime_coder_kind
coder_of(const struct mc_mime_node *node)
{
	if (node->cte == MC_CTE_QP)
		return MC_WRAP_QP;
	if (node->cte == MC_CTE_BASE64)
		return MC_WRAP_BASE64;
	return node->new_cte == MC_CTE_QP ? MC_CODE_QP : MC_CODE_BASE64;
}

/* ------------------------------------------------------------------- header */

int
mc_mime_set_cte(struct mc_header *h, enum mc_mime_cte cte, struct mc_err *err)
{
	static const char name[] = "Content-Transfer-Encoding";
	struct mc_str value = mc_str_from(mc_mime_cte_name(cte));
	size_t i = mc_header_find(h, name, 0);

	if (i == SIZE_MAX)
		return mc_header_insert(h, h->fields.n, mc_str_from(name),
		    value, err);
	if (mc_header_set_at(h, i, mc_header_at(h, i)->name, value, err) != 0)
		return -1;
	/* others would have said the same as the first */
	while ((i = mc_header_find(h, name, i + 1)) != SIZE_MAX)
		mc_header_remove(h, i--);
	return 0;
}

/* length of the first line with its end; only CRLF is one */
static size_t
line_size(struct mc_str s)
{
	for (size_t i = 1; i < s.len; i++)
		if (s.ptr[i] == '\n' && s.ptr[i - 1] == '\r')
			return i + 1;
	return s.len;
}

static int
read_head(struct writer *w, uint64_t end, struct mc_buf *out)
{
	size_t n;

	while (w->at < end) {
		if (read_block(w, end, &n) != 0)
			return -1;
		mc_buf_add(out, w->block, n);
	}
	/* a body that is not canonical may end here without */
	if (out->len < 2 || out->ptr[out->len - 1] != '\n')
		mc_buf_addz(out, "\r\n");
	return mc_buf_err(out, "the header of a part", w->err);
}

static int
write_head(struct writer *w, size_t i)
{
	const struct mc_mime_node *node = mc_vec_at(&w->tree->nodes, i);
	const struct mc_mime_node *parent = mc_vec_at(&w->tree->nodes,
	    node->parent);
	struct mc_header h;
	struct mc_buf text;
	size_t mbox = 0;
	int rc = -1;

	mc_header_init(&h);
	mc_buf_init(&text, MC_MAX_HEADER + 2);
	if (node->head != node->head_end &&
	    read_head(w, node->head_end, &text) != 0)
		goto out;
	struct mc_str s = mc_buf_str(&text);
	/* see head_line in mime_scan.c */
	if (mc_str_eq(mc_str_sub(s, 0, 5), MC_STR("From ")))
		mbox = line_size(s);
	if (node->fold && mbox > MC_MAX_LINE + 2) {
		(void)mc_err_set(w->err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "the line \"From \" in front of its header has more than "
		    "%d bytes", MC_MAX_LINE);
		goto out;
	}
	if (node->ascii && !mc_str_is_ascii(mc_str_sub(s, 0, mbox))) {
		(void)mc_err_set(w->err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "the line \"From \" in front of its header has 8-bit "
		    "bytes");
		goto out;
	}
	if (mc_header_read(&h, mc_str_sub(s, mbox, s.len), w->err) != 0 ||
	    (node->new_cte != MC_CTE_NONE &&
	    mc_mime_set_cte(&h, node->new_cte, w->err) != 0) ||
	    (node->ascii && mc_downgrade_header(&h, w->err) != 0) ||
	    (node->fold && mc_fold_header(&h, w->err) != 0))
		goto out;
	/* else these would be fields of what is around */
	if (parent->kind == MC_MIME_MESSAGE && !parent->blank_line)
		mc_mime_put(&w->out, "\r\n", 2);
	mc_mime_put(&w->out, s.ptr, mbox);
	mc_buf_reset(&text);
	for (size_t k = 0; k < h.fields.n; k++) {
		const struct mc_field *f = mc_header_at(&h, k);

		mc_mime_put(&w->out, f->raw.ptr, f->raw.len);
	}
	rc = 0;
out:
	mc_header_clear(&h);
	mc_buf_clear(&text);
	return rc;
}

/* --------------------------------------------------------------------- body */

static int
write_node(struct writer *w, size_t i)
{
	const struct mc_mime_node *node = mc_vec_at(&w->tree->nodes, i);
	const struct mc_mime_node *parent = mc_vec_at(&w->tree->nodes,
	    node->parent);

	if (node->kind == MC_MIME_FILLER) {
		if (copy(w, node->head) != 0)
			return -1;
		/* else it might become a field */
		if (node->head == parent->body && !parent->blank_line)
			mc_mime_put(&w->out, "\r\n", 2);
		return code(w, node->end, MC_CODE_FILLER);
	}
	/* the first one's header is not in the body */
	if (i != 0 && (node->fold || node->new_cte != MC_CTE_NONE) &&
	    (copy(w, node->head) != 0 || write_head(w, i) != 0))
		return -1;
	if (!node->recode)
		return 0;
	if (copy(w, node->body) != 0)
		return -1;
	if (!node->blank_line)
		mc_mime_put(&w->out, "\r\n", 2);
	return code(w, node->end, coder_of(node));
}

/* say where it was, if it was the message's fault */
static void
name_part(const struct writer *w, size_t i)
{
	struct mc_buf path;

	if (w->err == NULL || w->err->code != MC_E_MSG_CONTENT)
		return;
	mc_buf_init(&path, MC_ERR_TEXT);
	mc_mime_path(w->tree, i, &path);
	if (path.err == 0)
		mc_err_ctx(w->err, "%.*s", MC_STR_FMT(mc_buf_str(&path)));
	mc_buf_clear(&path);
}

int
mc_mime_write(const struct mc_mime_tree *tree, const struct mc_spool *body,
    unsigned want, struct mc_spool *out, struct mc_err *err)
{
	struct writer w = { .tree = tree, .body = body, .want = want,
	    .err = err, .out = { .to = out, .err = err } };
	int rc = -1;

	w.block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	w.out.block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	if (w.block == NULL || w.out.block == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		goto out;
	}
	for (size_t i = 0; i < tree->nodes.n; i++) {
		if (write_node(&w, i) != 0) {
			name_part(&w, i);
			goto out;
		}
	}
	if (copy(&w, body->size) == 0)
		rc = mc_mime_flush(&w.out);
out:
	mc_mem_free(w.block);
	mc_mem_free(w.out.block);
	return rc;
}
