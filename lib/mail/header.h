/* SPDX-License-Identifier: MIT */
/*
 * header.h - the header section of a message as an editable list of fields
 *
 * A field keeps its bytes exactly, except that every line end in it is CRLF.
 */
#ifndef MC_HEADER_H
#define MC_HEADER_H

#include "base/buf.h"
#include "base/vec.h"

struct mc_field {
	struct mc_str raw;	/* "Name: value CRLF", folds inside */
	struct mc_str name;	/* slice of raw, without blanks */
	struct mc_str value;	/* slice of raw, after the colon, last CRLF off */
	char *own;		/* owns raw if not NULL */
};

struct mc_header {
	struct mc_vec fields;	/* struct mc_field, top first */
	size_t size;		/* of all raw together */
};

void
mc_header_init(struct mc_header *h);

void
mc_header_clear(struct mc_header *h);

/*
 * mc_header_append_raw - add a field as read (the bytes are copied)
 *
 * raw ends with CRLF and starts with name and colon (blanks before the colon
 * are allowed); the name is printable ASCII; every line end inside is CRLF
 * followed by a blank; no NUL.  MC_E_HDR_SYNTAX, MC_E_HDR_LONG
 * (more than MC_MAX_FIELDS), MC_E_NOMEM.
 */
MC_NODISCARD int
mc_header_append_raw(struct mc_header *h, struct mc_str raw,
    struct mc_err *err);

/*
 * mc_header_read - append all fields of a text, as mc_header_write gives it
 *
 * Each is checked as mc_header_append_raw does; a few more than MC_MAX_FIELDS
 * are taken, since some may have been added.  MC_E_HDR_SYNTAX, MC_E_HDR_LONG,
 * MC_E_NOMEM; the fields in front of the failure are there then.
 */
MC_NODISCARD int
mc_header_read(struct mc_header *h, struct mc_str text, struct mc_err *err);

/*
 * mc_header_set_at / _insert - replace field i, or insert before field i
 *
 * Name and value are checked against injection: no CR, LF or NUL except a fold
 * (CRLF followed by a blank and at least one non-blank byte in that line) in the value.
 * A blank is put behind the colon unless the value begins with one.
 * MC_E_HDR_SYNTAX, MC_E_HDR_LONG (too many fields), MC_E_NOMEM; the header is
 * then unchanged.
 */
MC_NODISCARD int
mc_header_set_at(struct mc_header *h, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err);

MC_NODISCARD int
mc_header_insert(struct mc_header *h, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err);

/* replace field i by these bytes, checked as mc_header_append_raw does */
MC_NODISCARD int
mc_header_set_raw_at(struct mc_header *h, size_t i, struct mc_str raw,
    struct mc_err *err);

void
mc_header_remove(struct mc_header *h, size_t i);

/* remove every field of that name (case folded); returns how many */
size_t
mc_header_remove_all(struct mc_header *h, const char *name);

/* index of the first such field at or after `from`, or SIZE_MAX */
size_t
mc_header_find(const struct mc_header *h, const char *name, size_t from);

const struct mc_field *
mc_header_at(const struct mc_header *h, size_t i);

/* append all fields, without the blank line */
void
mc_header_write(const struct mc_header *h, struct mc_buf *out);

#endif
