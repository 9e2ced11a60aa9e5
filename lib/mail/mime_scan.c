/* SPDX-License-Identifier: MIT */
/*
 * mime_scan.c - find the parts of a body and what they hold, in one pass
 *
 * Lines come in pieces of any size.  A line is kept only in a header, or while
 * it may still be a delimiter.
 */
#include "base/base.h"
#include "mail/mime_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

/* a multipart, or with an empty boundary a message, that is open */
struct level {
	size_t node;
	size_t off;		/* of the boundary in s->boundaries */
	size_t len;
	unsigned parts;
	bool closed;		/* the last delimiter was there */
	bool is_digest;
};

enum where { IN_HEAD, IN_BODY, IN_FILLER };

struct scan {
	struct mc_mime_tree *tree;
	unsigned want;
	unsigned char kinds[256];	/* see mc_mime_kinds */
	enum where where;
	size_t node;		/* being read; the multipart of a filler */
	size_t filler;		/* its own node, once there is one */
	uint64_t filler_at;
	size_t parts;

	struct level levels[MC_MAX_MIME_DEPTH];
	size_t depth;
	struct mc_buf boundaries;

	uint64_t at;		/* bytes seen, but for a CR that waits */
	uint64_t line_at;
	uint64_t line_len;
	bool cr;
	bool hold;		/* the line is in `line` so far */
	struct mc_buf line;
	struct mc_buf field;
	size_t n_fields;
	struct mc_mime_fields fields;
	struct mc_mime_utf8 utf8;
	struct mc_err *err;
};

static struct mc_mime_node *
node_at(const struct scan *s, size_t i)
{
	return mc_vec_at(&s->tree->nodes, i);
}

static struct mc_mime_node *
add_node(struct scan *s, size_t parent, enum mc_mime_kind kind, uint64_t at)
{
	struct mc_mime_node *node = mc_vec_add(&s->tree->nodes);

	if (node == NULL) {
		(void)mc_err_set(s->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	node->parent = parent;
	node->kind = kind;
	node->sealed_by = MC_MIME_NO_NODE;
	node->head = node->head_end = node->body = node->end = at;
	return node;
}

/* ------------------------------------------------------------ what it holds */

/* bytes of content; of fillers only what has to go gets a node */
static int
note_bytes(struct scan *s, const char *p, size_t n)
{
	struct mc_mime_node *node = node_at(s, s->node);
	unsigned flags = mc_mime_flags(s->kinds, p, n, &node->escapes);

	if (s->node == 0 && !s->tree->has_type &&
	    ((flags & MC_MIME_8BIT) != 0 || s->utf8.need != 0))
		mc_mime_utf8_add(&s->utf8, p, n);
	if (s->line_len > MC_MAX_LINE)
		flags |= MC_MIME_LINES;
	node->junk = node->junk || (flags & MC_MIME_JUNK) != 0;
	flags &= MC_MIME_ALL;
	node->body_flags |= flags;
	if (s->where != IN_FILLER || (flags & s->want) == 0)
		return 0;
	if (s->filler == MC_MIME_NO_NODE) {
		if (add_node(s, s->node, MC_MIME_FILLER, s->filler_at) == NULL)
			return -1;
		s->filler = s->tree->nodes.n - 1;
	}
	node_at(s, s->filler)->body_flags |= flags;
	return 0;
}

/* ---------------------------------------------------------------- structure */

static void
pop_levels(struct scan *s, size_t depth)
{
	while (s->depth > depth) {
		struct level *level = &s->levels[--s->depth];

		mc_buf_splice(&s->boundaries, level->off, level->len,
		    MC_STR_NONE);
		if (level->len != 0 && level->parts == 0)
			node_at(s, level->node)->why = MC_WHY_NO_PARTS;
	}
}

static void
begin_filler(struct scan *s, size_t node, uint64_t at)
{
	s->where = IN_FILLER;
	s->node = node;
	s->filler = MC_MIME_NO_NODE;
	s->filler_at = at;
}

static int
begin_part(struct scan *s, size_t parent, unsigned number, uint64_t at)
{
	struct mc_mime_node *node = add_node(s, parent, MC_MIME_LEAF, at);

	if (node == NULL)
		return -1;
	node->number = number;
	s->node = s->tree->nodes.n - 1;
	s->where = IN_HEAD;
	if (++s->parts > MC_MAX_MIME_PARTS) {
		/* all that follows is one part, to the end */
		node->why = MC_WHY_MANY;
		s->where = IN_BODY;
		pop_levels(s, 0);
	}
	return 0;
}

static int
push_level(struct scan *s, bool is_digest, bool is_message)
{
	struct level *level = &s->levels[s->depth];
	size_t off = s->boundaries.len;

	if (!is_message) {
		int rc = mc_mime_boundary(mc_buf_str(&s->fields.type),
		    &s->boundaries, s->err);
		if (rc <= 0)
			return rc;
	}
	*level = (struct level){ .node = s->node, .off = off,
	    .len = s->boundaries.len - off, .is_digest = is_digest };
	s->depth++;
	return 1;
}

/* what the fields make of a node that has a body */
static int
classify(struct scan *s)
{
	struct mc_mime_node *node = node_at(s, s->node);
	struct mc_mime_type type = mc_mime_type_parse(
	    mc_buf_str(&s->fields.type));
	bool coded = s->fields.cte > MC_CTE_BINARY;

	if (!s->fields.has_type && s->depth != 0 &&
	    s->levels[s->depth - 1].is_digest)
		type = (struct mc_mime_type){ .kind = MC_MIME_MESSAGE };
	node->cte = s->fields.cte;
	node->is_text = type.is_text;
	node->why = type.why;
	/* what is base64 already may be wrapped; it is no change inside */
	if (node->why == MC_WHY_PKCS7 && coded)
		node->why = MC_WHY_NONE;
	if (s->fields.twice)
		node->why = MC_WHY_TWICE;
	else if (node->cte == MC_CTE_OTHER)
		node->why = MC_WHY_CTE;
	else if (coded && type.kind != MC_MIME_LEAF)
		node->why = MC_WHY_CODED;
	else if (type.kind != MC_MIME_LEAF && s->depth == MC_MAX_MIME_DEPTH)
		node->why = MC_WHY_DEEP;
	else if (type.kind != MC_MIME_LEAF)
		node->kind = type.kind;
	if (node->kind == MC_MIME_LEAF)
		return 0;

	int rc = push_level(s, type.is_digest, node->kind == MC_MIME_MESSAGE);
	if (rc == 0) {
		node->kind = MC_MIME_LEAF;
		node->why = MC_WHY_BOUNDARY;
	}
	return rc < 0 ? -1 : 0;
}

/* the header is complete: on with what follows */
static int
begin_body(struct scan *s, uint64_t at)
{
	size_t i = s->node;
	struct mc_mime_node *node = node_at(s, i);

	node->body = at;
	s->where = IN_BODY;
	if (classify(s) != 0)
		return -1;
	if (node->kind == MC_MIME_MULTIPART)
		begin_filler(s, i, at);
	else if (node->kind == MC_MIME_MESSAGE)
		return begin_part(s, i, 1, at);
	return 0;
}

/* ------------------------------------------------------------------- header */

static int
end_field(struct scan *s)
{
	struct mc_str raw = mc_buf_str(&s->field);
	size_t colon = mc_str_chr(raw, ':');

	if (mc_buf_err(&s->field, "a header field", s->err) != 0)
		return -1;
	if (raw.len == 0)
		return 0;
	if (mc_mime_fields_note(&s->fields,
	    mc_str_trim(mc_str_sub(raw, 0, colon)),
	    mc_str_trim(mc_str_sub(raw, colon + 1, raw.len)), s->err) != 0)
		return -1;
	mc_buf_reset(&s->field);
	return 0;
}

static int
end_head(struct scan *s, uint64_t at)
{
	node_at(s, s->node)->head_end = at;
	s->n_fields = 0;
	return end_field(s);
}

/* more than a header may have: the whole part is left as it is */
static void
give_up_head(struct scan *s)
{
	struct mc_mime_node *node = node_at(s, s->node);

	node->why = MC_WHY_HEADER_LONG;
	s->where = IN_BODY;
	s->n_fields = 0;
	mc_buf_reset(&s->field);
	mc_mime_fields_clear(&s->fields);
}

static int
head_done(struct scan *s, uint64_t end, uint64_t body, bool blank_line)
{
	node_at(s, s->node)->blank_line = blank_line;
	if (end_head(s, end) != 0 || begin_body(s, body) != 0)
		return -1;
	mc_mime_fields_clear(&s->fields);
	return 0;
}

/* a complete line: 1 if it was the header's, 0 if it is the body's first */
static int
head_line(struct scan *s)
{
	struct mc_mime_node *node = node_at(s, s->node);
	struct mc_str line = mc_buf_str(&s->line);
	const struct mc_mime_node *parent = node_at(s, node->parent);
	uint64_t escapes = 0;
	bool goes_on;

	if (line.len == 0)
		return head_done(s, s->line_at, s->at, true) == 0 ? 1 : -1;
	goes_on = s->n_fields != 0 && mc_is_blank((unsigned char)line.ptr[0]);
	/* the line of an mbox in front of a message counts for nothing */
	bool mbox = s->line_at == node->head &&
	    parent->kind == MC_MIME_MESSAGE &&
	    mc_str_eq(mc_str_sub(line, 0, 5), MC_STR("From "));
	if (!goes_on && !mbox && !mc_mime_is_field(line))
		return head_done(s, s->line_at, s->line_at, false);
	if (!goes_on && end_field(s) != 0)
		return -1;
	if (!goes_on && !mbox && ++s->n_fields > MC_MAX_FIELDS) {
		give_up_head(s);
		return 0;
	}
	node->head_flags |= mc_mime_flags(s->kinds, line.ptr, line.len,
	    &escapes) & MC_MIME_ALL;
	if (line.len > MC_MAX_LINE)
		node->head_flags |= MC_MIME_LINES;
	if (!mbox) {
		mc_buf_add_str(&s->field, line);
		mc_buf_addz(&s->field, "\r\n");
	}
	return 1;
}

/* --------------------------------------------------------------- delimiters */

static bool
is_blank(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!mc_is_blank((unsigned char)s.ptr[i]))
			return false;
	return true;
}

/*
 * Is the held line a delimiter of a level?  RFC 2046 5.1.1 has it that whatever
 * begins like one is; most readers want the whole line.  So the whole line
 * counts, and where the two would differ nothing is changed.  The same for a
 * line that is a delimiter of two levels, or of one that has ended.
 */
static struct level *
find_delimiter(struct scan *s, bool *ret_close)
{
	struct mc_str line = mc_buf_str(&s->line);
	struct level *hit = NULL;
	struct level *unclear = NULL;
	struct level *begins = NULL;

	if (line.len < 2 || line.ptr[0] != '-' || line.ptr[1] != '-')
		return NULL;
	for (size_t i = s->depth; i-- > 0;) {
		struct level *level = &s->levels[i];
		struct mc_str rest = mc_str_sub(line, 2, level->len);

		if (level->len == 0 || !mc_str_eq(rest,
		    mc_str_sub(mc_buf_str(&s->boundaries), level->off,
		    level->len)))
			continue;
		rest = mc_str_sub(line, 2 + level->len, line.len);
		bool close = mc_str_starts_nocase(rest, MC_STR("--"));
		if (line.len > MC_MAX_LINE ||
		    !is_blank(mc_str_sub(rest, close ? 2 : 0, rest.len))) {
			begins = level;
		} else if (hit == NULL) {
			hit = level;
			*ret_close = close;
		} else {
			unclear = level;
		}
	}
	if (hit == NULL)
		unclear = begins;
	else if (hit->closed && unclear == NULL)
		unclear = hit;
	if (unclear != NULL)
		node_at(s, unclear->node)->why = MC_WHY_UNCLEAR;
	return hit != NULL && hit->closed ? NULL : hit;
}

/* what was read ends; before a delimiter, the CRLF in front is not its */
static int
end_content(struct scan *s, uint64_t at, bool delimiter)
{
	struct mc_mime_node *node = node_at(s, s->node);

	switch (s->where) {
	case IN_HEAD:
		if (end_head(s, at) != 0)
			return -1;
		node->body = node->end = at;
		node->cte = s->fields.cte;
		if (s->fields.twice)
			node->why = MC_WHY_TWICE;
		mc_mime_fields_clear(&s->fields);
		break;
	case IN_BODY:
		if (delimiter && at >= 2)
			at -= 2;
		node->end = at > node->body ? at : node->body;
		break;
	case IN_FILLER:
		if (s->filler != MC_MIME_NO_NODE)
			node_at(s, s->filler)->end = at;
		break;
	}
	return 0;
}

static int
at_delimiter(struct scan *s, struct level *level, bool close)
{
	if (end_content(s, s->line_at, true) != 0)
		return -1;
	pop_levels(s, (size_t)(level - s->levels) + 1);
	if (!close)
		return begin_part(s, level->node, ++level->parts, s->at);
	level->closed = true;
	begin_filler(s, level->node, s->at);
	return 0;
}

/* -------------------------------------------------------------------- lines */

static void
begin_line(struct scan *s)
{
	s->line_at = s->at;
	s->line_len = 0;
	s->hold = s->where == IN_HEAD || s->depth != 0;
	mc_buf_reset(&s->line);
}

/* the held line is content */
static int
release(struct scan *s)
{
	if (mc_buf_err(&s->line, "a header line", s->err) != 0)
		return -1;
	s->hold = false;
	int rc = note_bytes(s, s->line.ptr, s->line.len);
	mc_buf_reset(&s->line);
	return rc;
}

static int
end_line(struct scan *s)
{
	bool close = false;
	int rc = 0;

	/* the first line of a body may have to be looked at anew; every turn
	 * goes one level deeper */
	while (s->hold && rc == 0) {
		struct level *level = find_delimiter(s, &close);

		if (mc_buf_err(&s->line, "a header line", s->err) != 0)
			return -1;
		if (level != NULL) {
			rc = at_delimiter(s, level, close);
			break;
		}
		if (s->where == IN_HEAD)
			rc = head_line(s);
		else
			rc = release(s);
	}
	if (s->utf8.need != 0)
		s->utf8.bad = true;
	s->utf8.need = 0;
	begin_line(s);
	return rc < 0 ? -1 : 0;
}

/* bytes of a line, without its end */
static int
add_text(struct scan *s, const char *p, size_t n)
{
	bool close;

	if (n == 0)
		return 0;
	s->at += n;
	s->line_len += n;
	if (s->where == IN_HEAD) {
		mc_buf_add(&s->line, p, n);
		if (s->at - node_at(s, s->node)->head <= MC_MAX_HEADER)
			return mc_buf_err(&s->line, "a header line", s->err);
		give_up_head(s);
		(void)find_delimiter(s, &close);
		return release(s);
	}
	if (!s->hold)
		return note_bytes(s, p, n);

	size_t k = MC_MAX_LINE + 1 - s->line.len;
	k = k < n ? k : n;
	if (s->line.len == 0 && *p != '-')
		k = 0;
	mc_buf_add(&s->line, p, k);
	if (mc_buf_err(&s->line, "a line", s->err) != 0)
		return -1;
	if (k != 0 && s->line.len <= MC_MAX_LINE &&
	    (s->line.len < 2 || s->line.ptr[1] == '-'))
		return 0;
	(void)find_delimiter(s, &close);
	return release(s) == 0 ? note_bytes(s, p + k, n - k) : -1;
}

static int
feed(struct scan *s, const char *p, const char *end)
{
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		const char *stop = lf != NULL ? lf : end;
		bool crlf = s->cr && lf == p;

		if (s->cr && !crlf && add_text(s, "\r", 1) != 0)
			return -1;
		s->cr = false;
		if (stop > p && stop[-1] == '\r') {
			crlf = lf != NULL;
			s->cr = lf == NULL;
			stop--;
		} else if (lf != NULL && !crlf) {
			stop++;
		}
		if (add_text(s, p, (size_t)(stop - p)) != 0)
			return -1;
		if (crlf) {
			s->at += 2;
			if (end_line(s) != 0)
				return -1;
		}
		p = lf != NULL ? lf + 1 : end;
	}
	return 0;
}

static int
feed_body(struct scan *s, const struct mc_spool *body, char *block)
{
	uint64_t off = 0;
	size_t got;

	do {
		if (mc_spool_read(body, off, block, MC_BODY_CHUNK, &got,
		    s->err) != 0 || feed(s, block, block + got) != 0)
			return -1;
		off += got;
	} while (got != 0);
	if (s->cr && add_text(s, "\r", 1) != 0)
		return -1;
	if (s->line_len != 0 && end_line(s) != 0)
		return -1;
	if (end_content(s, s->at, false) != 0)
		return -1;
	pop_levels(s, 0);
	s->tree->is_utf8 = !s->utf8.bad && s->utf8.need == 0;
	return 0;
}

/* the node of the message, whose header is not in the body */
static int
begin_message(struct scan *s, const struct mc_header *header)
{
	struct mc_mime_node *node = add_node(s, MC_MIME_NO_NODE, MC_MIME_LEAF,
	    0);

	if (node == NULL)
		return -1;
	node->blank_line = true;
	for (size_t i = 0; i < header->fields.n; i++) {
		const struct mc_field *f = mc_header_at(header, i);

		if (mc_mime_fields_note(&s->fields, f->name, f->value,
		    s->err) != 0)
			return -1;
	}
	s->tree->has_type = s->fields.has_type;
	if (begin_body(s, 0) != 0)
		return -1;
	mc_mime_fields_clear(&s->fields);
	begin_line(s);
	return 0;
}

int
mc_mime_scan(const struct mc_header *header, const struct mc_spool *body,
    unsigned want, struct mc_mime_tree *ret_tree, struct mc_err *err)
{
	struct scan *s = mc_mem_zalloc(1, sizeof(*s));
	char *block = mc_mem_zalloc(1, MC_BODY_CHUNK);
	int rc = -1;

	/* the message, the parts, what follows when there are too many; and
	 * two fillers for each */
	mc_vec_init(&ret_tree->nodes, sizeof(struct mc_mime_node),
	    3 * (MC_MAX_MIME_PARTS + 2));
	if (s == NULL || block == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		goto out;
	}
	s->tree = ret_tree;
	s->want = want;
	s->err = err;
	mc_mime_kinds(s->kinds);
	/* a line is looked at once a piece has made it too long */
	mc_buf_init(&s->line, MC_MAX_HEADER + MC_BODY_CHUNK);
	mc_buf_init(&s->field, MC_MAX_HEADER + MC_BODY_CHUNK);
	mc_buf_init(&s->boundaries, MC_MAX_MIME_DEPTH * MC_MAX_LINE);
	mc_mime_fields_init(&s->fields);
	if (begin_message(s, header) == 0 && feed_body(s, body, block) == 0)
		rc = 0;
	mc_buf_clear(&s->line);
	mc_buf_clear(&s->field);
	mc_buf_clear(&s->boundaries);
	mc_mime_fields_clear(&s->fields);
out:
	mc_mem_free(s);
	mc_mem_free(block);
	return rc;
}

void
mc_mime_tree_clear(struct mc_mime_tree *tree)
{
	mc_vec_clear(&tree->nodes);
}
