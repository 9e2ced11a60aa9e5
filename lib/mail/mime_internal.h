/* SPDX-License-Identifier: MIT */
/*
 * mime_internal.h - inside of mc_mime_convert: fields, tree, streams; not for
 * others
 *
 * First the scan makes a tree of the body, then mime.c decides what is to
 * become of each node, then mime_convert.c writes the body anew.
 */
#ifndef MC_MIME_INTERNAL_H
#define MC_MIME_INTERNAL_H

#include "base/vec.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/spool.h"

#define MC_MIME_NO_NODE SIZE_MAX

enum mc_mime_kind {
	MC_MIME_LEAF,		/* also what cannot be walked, with a reason */
	MC_MIME_MULTIPART,
	MC_MIME_MESSAGE,	/* has one child */
	MC_MIME_FILLER		/* preamble or epilogue with something to go */
};

enum mc_mime_cte {
	MC_CTE_NONE,
	MC_CTE_7BIT,
	MC_CTE_8BIT,
	MC_CTE_BINARY,
	MC_CTE_QP,
	MC_CTE_BASE64,
	MC_CTE_OTHER
};

/* why nothing in a node can be changed: what to say stands in mime.c */
enum mc_mime_why {
	MC_WHY_NONE,
	MC_WHY_SIGNED,
	MC_WHY_ENCRYPTED,
	MC_WHY_PKCS7,
	MC_WHY_7BIT_TYPE,
	MC_WHY_CTE,		/* not known */
	MC_WHY_CODED,		/* composite, but not 7bit, 8bit or binary */
	MC_WHY_TWICE,		/* fields that contradict each other */
	MC_WHY_BOUNDARY,	/* none, or broken */
	MC_WHY_UNCLEAR,		/* readers differ on where parts begin */
	MC_WHY_NO_PARTS,
	MC_WHY_DEEP,
	MC_WHY_MANY,
	MC_WHY_HEADER_LONG,
	MC_WHY_HEADER_BYTES,
	MC_WHY_JUNK		/* in base64 */
};

/* an entity, or a filler; all offsets are of the body of the message */
struct mc_mime_node {
	uint64_t head;		/* the header begins */
	uint64_t head_end;	/* behind its last field */
	uint64_t body;		/* behind the blank line, if there is one */
	uint64_t end;
	uint64_t escapes;	/* bytes that quoted-printable escapes */
	size_t parent;		/* always less than its own index; or NO_NODE */
	unsigned number;	/* among the children of its parent, from 1 */
	enum mc_mime_kind kind;
	enum mc_mime_cte cte;
	enum mc_mime_why why;
	bool blank_line;	/* ends the header */
	bool is_text;
	bool junk;		/* bytes that are neither base64 nor blank */
	/* MC_MIME_... that are there; of containers: in their fillers */
	unsigned head_flags;
	unsigned body_flags;

	/* what mime.c decides */
	size_t sealed_by;	/* the node whose reason holds here too */
	bool fold;		/* write the header anew */
	bool ascii;		/* and in ASCII */
	enum mc_mime_cte new_cte; /* NONE: as it is */
	bool recode;		/* write the body in it, or wrap it anew */
	unsigned after;		/* MC_MIME_... that are in the body then */
};

struct mc_mime_tree {
	struct mc_vec nodes;	/* in the order of the body; 0 is the message */
	bool has_type;		/* Content-Type at the top */
	bool is_utf8;		/* the body, if there is none */
};

/* ------------------------------------------------------ fields, mime_type.c */

/* the fields of one header that matter here */
struct mc_mime_fields {
	struct mc_buf type;	/* value of Content-Type */
	bool has_type;
	bool twice;		/* there are two, and they differ */
	bool has_cte;
	enum mc_mime_cte cte;
};

struct mc_mime_type {
	enum mc_mime_kind kind;
	enum mc_mime_why why;	/* of what the type says: SIGNED, ... */
	bool is_text;
	bool is_digest;
};

void
mc_mime_fields_init(struct mc_mime_fields *f);

void
mc_mime_fields_clear(struct mc_mime_fields *f);

/* look at a field, in the order of the header; MC_E_NOMEM */
MC_NODISCARD int
mc_mime_fields_note(struct mc_mime_fields *f, struct mc_str name,
    struct mc_str value, struct mc_err *err);

/* a value without usable type is text/plain (RFC 2045 5.2) */
struct mc_mime_type
mc_mime_type_parse(struct mc_str value);

/*
 * mc_mime_boundary - append the boundary parameter of a Content-Type
 *
 * Quoted or not, or in pieces (RFC 2231).  1, or 0 if there is none, more than
 * one, or one that cannot stand in a line of its own; -1 with err: MC_E_NOMEM.
 */
MC_NODISCARD int
mc_mime_boundary(struct mc_str value, struct mc_buf *out, struct mc_err *err);

/* "8bit" and so on; NULL for NONE and OTHER */
const char *
mc_mime_cte_name(enum mc_mime_cte cte);

/* does the line, without its end, begin a field? */
bool
mc_mime_is_field(struct mc_str line);

/* ------------------------------------------------------ bytes, mime_bytes.c */

#define MC_MIME_ALL 15u		/* what mime.h has */
#define MC_MIME_ESCAPE 16u	/* needs one in quoted-printable */
#define MC_MIME_JUNK 32u	/* neither base64 nor blank */

/* for each of the 256 bytes the sum of MC_MIME_... */
void
mc_mime_kinds(unsigned char *ret_kinds);

/* what kinds there are among n bytes; adds to *escapes how many need one */
unsigned
mc_mime_flags(const unsigned char *kinds, const char *p, size_t n,
    uint64_t *escapes);

struct mc_mime_utf8 {
	bool bad;
	unsigned need;		/* bytes that must follow */
	unsigned char low;	/* and what the next one may be */
	unsigned char high;
};

/* well-formed by RFC 3629 is what is not bad, and needs nothing at the end */
void
mc_mime_utf8_add(struct mc_mime_utf8 *u, const char *p, size_t n);

/* -------------------------------------------------------- tree, mime_scan.c */

/* never changes header or body; tree is to be cleared after a failure too */
MC_NODISCARD int
mc_mime_scan(const struct mc_header *header, const struct mc_spool *body,
    unsigned want, struct mc_mime_tree *ret_tree, struct mc_err *err);

void
mc_mime_tree_clear(struct mc_mime_tree *tree);

/* --------------------------------------------------- streams, mime_encode.c */

/* bytes on their way to a spool or a function, and the first error */
struct mc_mime_out {
	struct mc_spool *to;	/* NULL: put */
	int (*put)(void *ctx, const void *p, size_t n, struct mc_err *err);
	void *ctx;
	char *block;		/* of MC_BODY_CHUNK, the caller's */
	size_t n;
	struct mc_err *err;
	bool failed;
};

void
mc_mime_put(struct mc_mime_out *out, const void *p, size_t n);

/* hand the rest over; -1 if anything has failed */
MC_NODISCARD int
mc_mime_flush(struct mc_mime_out *out);

enum mc_mime_coder_kind {
	MC_CODE_QP,		/* bytes to quoted-printable */
	MC_CODE_BASE64,		/* bytes to base64 */
	MC_WRAP_QP,		/* quoted-printable that is not quite it */
	MC_WRAP_BASE64,		/* base64 with lines that are too long */
	MC_CODE_FILLER		/* what nobody reads: see mime.h */
};

struct mc_mime_coder {
	enum mc_mime_coder_kind kind;
	struct mc_mime_out *out;
	unsigned want;		/* for fillers */
	bool cr;		/* a CR waits for what follows */
	char line[80];		/* as it will be; for base64 what is encoded */
	size_t n;		/* bytes in it; of a filler's line so far */
	bool broken;		/* a filler's line, by us, in front of this */
	bool more;		/* base64: there was a line before */
	struct mc_buf text;	/* base64 */
	/* wrapping quoted-printable: '=', the digit behind it or 0, and blanks
	 * that may be in front of a line end */
	bool equal;
	int hex;
	char blanks[998];
	size_t n_blanks;
};

void
mc_mime_coder_init(struct mc_mime_coder *c, enum mc_mime_coder_kind kind,
    unsigned want, struct mc_mime_out *out);

void
mc_mime_coder_add(struct mc_mime_coder *c, const char *p, size_t n);

/* with `last`, nothing follows in the message: what is written ends a line */
void
mc_mime_coder_end(struct mc_mime_coder *c, bool last);

/* --------------------------------------------------- bodies, mime_convert.c */

/* write the body as decided */
MC_NODISCARD int
mc_mime_write(const struct mc_mime_tree *tree, const struct mc_spool *body,
    unsigned want, struct mc_spool *out, struct mc_err *err);

/* set every Content-Transfer-Encoding, or add one at the end */
MC_NODISCARD int
mc_mime_set_cte(struct mc_header *h, enum mc_mime_cte cte, struct mc_err *err);

/* "part 1.2" or, at the top, "the body" */
void
mc_mime_path(const struct mc_mime_tree *tree, size_t node, struct mc_buf *out);

#endif
