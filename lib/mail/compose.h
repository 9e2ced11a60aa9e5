/* SPDX-License-Identifier: MIT */
/*
 * compose.h - make a message of addresses, texts and files (RFC 2045 to 2049)
 *
 * Pure but for the spools that it reads: the message goes to a function, piece
 * by piece, and memory does not grow with it.
 */
#ifndef MC_COMPOSE_H
#define MC_COMPOSE_H

#include "base/buf.h"
#include "mail/spool.h"

/* takes a piece of the message; -1 with err ends it */
typedef int (*mc_compose_fn)(void *ctx, const void *p, size_t n,
    struct mc_err *err);

/* ------------------------------------------------------------------- fields */

/*
 * mc_compose_addresses - append "Name: list" for lists as people write them
 *
 * `lists` ends with NULL.  Groups are dissolved, and only if there is nothing
 * else an empty one stands for them.  Names are encoded as RFC 2047 has it,
 * domains become A-labels where the local part is ASCII, long fields are
 * folded; bare names stay.  Nothing is appended for no address at all.
 * *ret_n: how many addresses there are.  MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG,
 * MC_E_TOO_MANY_RCPTS, MC_E_TOO_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_compose_addresses(const char *name, const char *const *lists,
    struct mc_buf *out, size_t *ret_n, struct mc_err *err);

/*
 * mc_compose_field - append "Name: text", encoded where needed, and folded
 *
 * What looks like an encoded word is text too.  A tab becomes a blank, and
 * blanks at both ends go.  MC_E_HDR_SYNTAX (other control characters, no
 * UTF-8), MC_E_TOO_LONG, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_compose_field(struct mc_str name, struct mc_str text, struct mc_buf *out,
    struct mc_err *err);

/*
 * mc_compose_extra - the same for "Name: text" in one
 *
 * MC_E_USAGE for a field that is made otherwise, or that would change who gets
 * the message.
 */
MC_NODISCARD int
mc_compose_extra(const char *line, struct mc_buf *out, struct mc_err *err);

/* -------------------------------------------------------------------- texts */

/* a text on its way into the message: lines end with CRLF, whatever they did */
struct mc_compose_text;

/* MC_E_NOMEM; tmpdir as mc_spool_init */
MC_NODISCARD struct mc_compose_text *
mc_compose_text_new(const char *tmpdir, struct mc_err *err);

void
mc_compose_text_free(struct mc_compose_text *text);

/* pieces of any size; MC_E_NOMEM, MC_E_IO, MC_E_TMPFILE */
MC_NODISCARD int
mc_compose_text_add(struct mc_compose_text *text, const char *p, size_t n,
    struct mc_err *err);

/*
 * no more of it.  MC_E_MSG_CONTENT: NUL, or no UTF-8 although it has to be
 * (`what` names it)
 */
MC_NODISCARD int
mc_compose_text_end(struct mc_compose_text *text, bool any_charset,
    const char *what, struct mc_err *err);

/* -------------------------------------------------------------------- files */

/*
 * mc_compose_file_name - the last component of a path, as others may see it
 *
 * MC_E_BAD_VALUE: there is none, a control character, no UTF-8.
 */
MC_NODISCARD int
mc_compose_file_name(const char *path, struct mc_str *ret_name,
    struct mc_err *err);

/* the media type by the ending of the name; application/octet-stream */
const char *
mc_compose_type_of(struct mc_str name);

/* "type/subtype", and parameters behind it; neither multipart nor message,
 * which base64 cannot carry.  MC_E_BAD_VALUE */
MC_NODISCARD int
mc_compose_type_check(const char *type, struct mc_err *err);

/* a token that can be a charset; MC_E_BAD_VALUE */
MC_NODISCARD int
mc_compose_charset_check(const char *charset, struct mc_err *err);

/*
 * mc_compose_file_header - append the header of a part, blank line and all
 *
 * The file's name is in Content-Disposition as RFC 2231 has it, and for
 * readers who do not know that, in ASCII, as the name of the Content-Type.
 */
void
mc_compose_file_header(struct mc_str name, const char *type,
    const char *charset, struct mc_buf *out);

/* --------------------------------------------------------------- the message */

struct mc_compose_file {
	struct mc_str name;
	const char *type;
	struct mc_spool bytes;
};

struct mc_compose {
	struct mc_str fields;	/* of the header, each with CRLF */
	const struct mc_compose_text *text;	/* may be empty, is never NULL */
	const struct mc_compose_text *html;	/* NULL: none */
	const char *charset;	/* of both; NULL: UTF-8 */
	const struct mc_compose_file *files;
	size_t n_files;
};

/*
 * mc_compose_write - header and body
 *
 * One part as it is; text and HTML as multipart/alternative; with files as
 * multipart/mixed.  A text that is empty is left out where there is something
 * else.  Texts are 7bit, 8bit, or, with lines over MC_MAX_LINE or a CR alone,
 * quoted-printable; files are base64.  No boundary occurs in a text.
 * MC_E_IO (a file that got shorter, too), MC_E_NOMEM, MC_E_INTERNAL (no
 * random bytes), and what fn says.
 */
MC_NODISCARD int
mc_compose_write(const struct mc_compose *c, mc_compose_fn fn, void *ctx,
    struct mc_err *err);

#endif
