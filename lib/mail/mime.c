/* SPDX-License-Identifier: MIT */
/*
 * mime.c - decide what becomes of each part, or say why nothing can
 */
#include "base/base.h"
#include "mail/mime.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/mime_internal.h"

static struct mc_mime_node *
node_at(const struct mc_mime_tree *tree, size_t i)
{
	return mc_vec_at(&tree->nodes, i);
}

/* ----------------------------------------------------------------- refusals */

/*
 * Numbers as IMAP has them (RFC 3501 6.4.5): the parts of a multipart that is
 * a message count as the message's own.
 */
void
mc_mime_path(const struct mc_mime_tree *tree, size_t node, struct mc_buf *out)
{
	unsigned numbers[2 * MC_MAX_MIME_DEPTH];
	size_t n = 0;
	const struct mc_mime_node *p = node_at(tree, node);

	if (p->kind == MC_MIME_FILLER) {
		mc_buf_addz(out, "the text beside the parts of ");
		p = node_at(tree, p->parent);
	}
	for (; p->parent != MC_MIME_NO_NODE; p = node_at(tree, p->parent))
		if (n < MC_NELEM(numbers) &&
		    (p->kind != MC_MIME_MULTIPART ||
		    node_at(tree, p->parent)->kind != MC_MIME_MESSAGE))
			numbers[n++] = p->number;
	if (n == 0)
		mc_buf_addz(out, "the message");
	else
		mc_buf_addf(out, "part %u", numbers[--n]);
	while (n > 0)
		mc_buf_addf(out, ".%u", numbers[--n]);
}

static const char *
describe(unsigned flags)
{
	if ((flags & MC_MIME_8BIT) != 0)
		return "8-bit bytes";
	if ((flags & MC_MIME_LINES) != 0)
		return "a line over 998 bytes";
	return (flags & MC_MIME_NUL) != 0 ? "NUL bytes" :
	    "a carriage return or line feed alone";
}

static const char *
reason(enum mc_mime_why why)
{
	switch (why) {
	case MC_WHY_SIGNED:
		return "is multipart/signed and the signature would break; "
		    "sign it in 7-bit form";
	case MC_WHY_ENCRYPTED:
		return "is multipart/encrypted, which has to be 7-bit when it "
		    "is made";
	case MC_WHY_PKCS7:
		return "is S/MIME, which has to be base64 when it is made";
	case MC_WHY_7BIT_TYPE:
		return "is a message/ type that is 7-bit by rule; attach it "
		    "as another type";
	case MC_WHY_CTE:
		return "has a Content-Transfer-Encoding that is not known; "
		    "use quoted-printable or base64";
	case MC_WHY_CODED:
		return "is a multipart or a message, which must not be marked "
		    "as encoded; correct its Content-Transfer-Encoding";
	case MC_WHY_TWICE:
		return "has fields Content-Type or Content-Transfer-Encoding "
		    "that contradict each other; keep one of each";
	case MC_WHY_BOUNDARY:
		return "is a multipart without a usable boundary; correct its "
		    "Content-Type";
	case MC_WHY_UNCLEAR:
		return "is a multipart with lines that only some readers take "
		    "for its boundary; use another boundary";
	case MC_WHY_NO_PARTS:
		return "is a multipart in which its boundary never stands; "
		    "correct its Content-Type";
	case MC_WHY_DEEP:
		return "lies too deep, with more than 64 multiparts and "
		    "messages around it";
	case MC_WHY_MANY:
		return "comes after 10000 parts, which is too many";
	case MC_WHY_HEADER_LONG:
		return "has too long a header, over 100 KiB or 1000 fields";
	case MC_WHY_HEADER_BYTES:
		return "has them in its header; take them out";
	case MC_WHY_JUNK:
		return "is marked as base64 but is something else; correct its "
		    "Content-Transfer-Encoding";
	case MC_WHY_NONE:
		break;
	}
	return "has a DKIM signature, which would break; sign it in 7-bit "
	    "form, or after it is encoded";
}

/* node i holds `flags`, and because of `by`, which may be itself, they stay */
static int
refuse(const struct mc_mime_tree *tree, size_t i, unsigned flags, size_t by,
    enum mc_mime_why why, struct mc_err *err)
{
	struct mc_buf path, owner;
	int rc = -1;

	mc_buf_init(&path, MC_ERR_TEXT);
	mc_buf_init(&owner, MC_ERR_TEXT);
	mc_mime_path(tree, i, &path);
	mc_mime_path(tree, by, &owner);
	if (mc_buf_err(&path, "the number of a part", err) != 0 ||
	    mc_buf_err(&owner, "the number of a part", err) != 0)
		goto out;
	rc = mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
	    "%.*s has %s and cannot be encoded: %.*s %s%s",
	    MC_STR_FMT(mc_buf_str(&path)), describe(flags),
	    i == by ? 2 : (int)owner.len, i == by ? "it" : owner.ptr,
	    reason(why), (flags & MC_MIME_8BIT) != 0 ?
	    ", or use a server with 8BITMIME" : "");
out:
	mc_buf_clear(&path);
	mc_buf_clear(&owner);
	return rc;
}

/* ---------------------------------------------------------------- decisions */

/* what the nodes around have to say about node i */
static void
inherit(const struct mc_mime_tree *tree, size_t i)
{
	struct mc_mime_node *node = node_at(tree, i);
	const struct mc_mime_node *parent = node_at(tree, node->parent);

	if (parent == NULL)
		return;
	node->sealed_by = parent->sealed_by;
	if (parent->sealed_by != MC_MIME_NO_NODE ||
	    parent->why == MC_WHY_NONE)
		return;
	/* what is beside the parts is not signed */
	if (node->kind != MC_MIME_FILLER || (parent->why != MC_WHY_SIGNED &&
	    parent->why != MC_WHY_ENCRYPTED))
		node->sealed_by = node->parent;
}

/* see mime.h: about where the one gets longer than the other, or for text,
 * which some people read undecoded, much longer */
static enum mc_mime_cte
choose(const struct mc_mime_node *node)
{
	uint64_t size = node->end - node->body;

	if ((node->body_flags & (MC_MIME_NUL | MC_MIME_CR)) != 0 ||
	    (node->cte == MC_CTE_BINARY && !node->is_text) ||
	    node->escapes > size / (node->is_text ? 3 : 6))
		return MC_CTE_BASE64;
	return MC_CTE_QP;
}

/* what has to be done to node i: 1 if anything */
static int
decide(const struct mc_mime_tree *tree, size_t i, unsigned want, bool dkim,
    struct mc_err *err)
{
	struct mc_mime_node *node = node_at(tree, i);
	bool is_content = node->kind == MC_MIME_LEAF ||
	    node->kind == MC_MIME_FILLER;
	unsigned head = node->head_flags & want;
	unsigned body = is_content ? node->body_flags & want : 0;
	enum mc_mime_why why = MC_WHY_NONE;

	if ((head | body) == 0)
		return 0;
	if (dkim)
		return refuse(tree, i, head | body, 0, MC_WHY_NONE, err);
	if (node->sealed_by != MC_MIME_NO_NODE)
		return refuse(tree, i, head | body, node->sealed_by,
		    node_at(tree, node->sealed_by)->why, err);
	node->fold = head != 0;
	node->ascii = (head & MC_MIME_8BIT) != 0;
	node->recode = body != 0;
	if (node->recode && node->kind == MC_MIME_LEAF &&
	    node->cte <= MC_CTE_BINARY)
		node->new_cte = choose(node);

	if (node->why == MC_WHY_HEADER_LONG || body != 0)
		why = node->why;
	if (why == MC_WHY_NONE && body != 0 && node->cte == MC_CTE_BASE64 &&
	    node->junk)
		why = MC_WHY_JUNK;
	if (why == MC_WHY_NONE && (head & (MC_MIME_NUL | MC_MIME_CR)) != 0)
		return refuse(tree, i, head & (MC_MIME_NUL | MC_MIME_CR), i,
		    MC_WHY_HEADER_BYTES, err);
	/* the header has to be written, but is none that can be */
	if (why == MC_WHY_NONE &&
	    (node->fold || node->new_cte != MC_CTE_NONE) &&
	    (node->head_flags & (MC_MIME_NUL | MC_MIME_CR)) != 0)
		return refuse(tree, i, node->head_flags &
		    (MC_MIME_NUL | MC_MIME_CR), i, MC_WHY_HEADER_BYTES, err);
	if (why != MC_WHY_NONE)
		return refuse(tree, i, head | body, i, why, err);
	return 1;
}

/* what is in each body once it is done */
static void
look_ahead(const struct mc_mime_tree *tree, unsigned want)
{
	for (size_t i = tree->nodes.n; i-- > 0;) {
		struct mc_mime_node *node = node_at(tree, i);
		struct mc_mime_node *parent = node_at(tree, node->parent);
		unsigned head = node->head_flags;

		if (node->kind != MC_MIME_LEAF)
			node->after |= node->body_flags & ~want;
		else if (!node->recode)
			node->after = node->body_flags;
		if (node->fold)
			head &= ~MC_MIME_LINES;
		if (node->ascii)
			head &= ~MC_MIME_8BIT;
		if (parent != NULL)
			parent->after |= node->after | head;
	}
}

/* 8bit and binary where they are not true any more */
static void
relabel(struct mc_mime_node *node)
{
	enum mc_mime_cte cte = MC_CTE_7BIT;

	if (node->kind == MC_MIME_FILLER || node->recode ||
	    node->sealed_by != MC_MIME_NO_NODE || (node->why != MC_WHY_NONE &&
	    node->why != MC_WHY_SIGNED && node->why != MC_WHY_ENCRYPTED) ||
	    (node->head_flags & (MC_MIME_NUL | MC_MIME_CR)) != 0 ||
	    (node->cte != MC_CTE_8BIT && node->cte != MC_CTE_BINARY))
		return;
	if ((node->after & ~MC_MIME_8BIT) != 0)
		cte = MC_CTE_BINARY;
	else if (node->after != 0)
		cte = MC_CTE_8BIT;
	if (cte < node->cte)
		node->new_cte = cte;
}

/* 1 if there is anything to do */
static int
plan(const struct mc_mime_tree *tree, unsigned want, bool dkim,
    struct mc_err *err)
{
	bool any = false;

	for (size_t i = 0; i < tree->nodes.n; i++) {
		inherit(tree, i);
		int rc = decide(tree, i, want, dkim, err);
		if (rc < 0)
			return -1;
		any = any || rc != 0;
	}
	if (!any)
		return 0;
	look_ahead(tree, want);
	for (size_t i = 0; i < tree->nodes.n; i++)
		relabel(node_at(tree, i));
	return 1;
}

/* ------------------------------------------------------------------- header */

static bool
is_encoded_anew(const struct mc_mime_tree *tree)
{
	for (size_t i = 0; i < tree->nodes.n; i++)
		if (node_at(tree, i)->recode &&
		    node_at(tree, i)->new_cte != MC_CTE_NONE)
			return true;
	return false;
}

static int
add_field(struct mc_header *h, const char *name, const char *value,
    struct mc_err *err)
{
	return mc_header_insert(h, h->fields.n, mc_str_from(name),
	    mc_str_from(value), err);
}

/* what can fail comes first, and goes again if what follows does */
static int
change_header(struct mc_header *h, const struct mc_mime_tree *tree,
    struct mc_err *err)
{
	const struct mc_mime_node *top = node_at(tree, 0);
	const char *type = NULL;
	size_t before = h->fields.n;

	if (top->recode && top->new_cte != MC_CTE_NONE && !tree->has_type)
		type = (top->body_flags & MC_MIME_8BIT) == 0 ?
		    "text/plain; charset=us-ascii" : tree->is_utf8 ?
		    "text/plain; charset=utf-8" :
		    "text/plain; charset=unknown-8bit";
	if (is_encoded_anew(tree) &&
	    mc_header_find(h, "MIME-Version", 0) == SIZE_MAX &&
	    add_field(h, "MIME-Version", "1.0", err) != 0)
		goto undo;
	if (type != NULL && add_field(h, "Content-Type", type, err) != 0)
		goto undo;
	if (top->new_cte != MC_CTE_NONE &&
	    mc_mime_set_cte(h, top->new_cte, err) != 0)
		goto undo;
	return 0;
undo:
	while (h->fields.n > before)
		mc_header_remove(h, h->fields.n - 1);
	return -1;
}

int
mc_mime_convert(struct mc_header *header, const struct mc_spool *body,
    unsigned want, struct mc_spool *ret_body, struct mc_err *err)
{
	bool dkim = mc_header_find(header, "DKIM-Signature", 0) != SIZE_MAX;
	struct mc_mime_tree tree = { .has_type = false };
	int rc = -1;

	if (mc_mime_scan(header, body, want, &tree, err) != 0)
		goto out;
	rc = plan(&tree, want, dkim, err);
	if (rc == 1 && (mc_mime_write(&tree, body, want, ret_body, err) != 0 ||
	    change_header(header, &tree, err) != 0)) {
		mc_spool_clear(ret_body);
		rc = -1;
	}
out:
	mc_mime_tree_clear(&tree);
	return rc;
}

/* ------------------------------------------------------------------- binary */

static bool
all_binary(const struct mc_mime_tree *tree, size_t i)
{
	for (; i != MC_MIME_NO_NODE; i = node_at(tree, i)->parent)
		if (node_at(tree, i)->cte != MC_CTE_BINARY)
			return false;
	return true;
}

int
mc_mime_is_binary(const struct mc_header *header, const struct mc_spool *body,
    unsigned want, bool *ret_binary, struct mc_err *err)
{
	struct mc_mime_tree tree = { .has_type = false };
	int rc = mc_mime_scan(header, body, want, &tree, err);
	bool binary = tree.has_type;

	for (size_t i = 0; rc == 0 && i < tree.nodes.n; i++) {
		const struct mc_mime_node *node = node_at(&tree, i);

		if ((node->head_flags & want) != 0 ||
		    (node->kind == MC_MIME_FILLER &&
		    (node->body_flags & want) != 0))
			binary = false;
		else if ((node->body_flags & want) != 0)
			binary = binary && all_binary(&tree, i);
	}
	mc_mime_tree_clear(&tree);
	if (rc == 0)
		*ret_binary = binary;
	return rc;
}

int
mc_mime_mark_binary(struct mc_header *header, struct mc_err *err)
{
	return mc_mime_set_cte(header, MC_CTE_BINARY, err);
}
