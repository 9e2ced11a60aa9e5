/* SPDX-License-Identifier: MIT */
/*
 * reply.h - server replies: RFC 5321 4.2, enhanced codes RFC 2034 and 3463
 */
#ifndef MC_REPLY_H
#define MC_REPLY_H

#include "base/buf.h"

struct mc_reply {
	int code;		/* 200..559 */
	int enh[3];		/* of the first line; zero when there is none,
				 * it contradicts code, or RFC 2034 forbids */
	size_t lines;
	/* raw bytes of the reply, all lines with their ends; slice of the input */
	struct mc_str raw;
};

/*
 * mc_reply_parse - take one complete server reply from the front of `in`
 *
 * Lines end with CRLF or LF; "NNN-" goes on, "NNN " or a bare "NNN" ends; all lines carry the
 * same code; first digit 2 to 5, second 0 to 5 (RFC 5321 4.2), exactly three digits.  NUL and bare CR inside a
 * line are syntax errors.  max_line: MC_MAX_REPLY_LINE, or MC_MAX_REPLY_LINE_AUTH while a
 * 334 may come.  The limits hold for incomplete input too: too much input
 * without a line end fails at once, and so does a first line that can no longer become a
 * reply ("HTTP/1.1 ...", "* OK").
 *
 * Returns 1 with *ret_reply and *ret_used; 0 if more input is needed; -1 with
 * err (its stage is for the caller to set): MC_E_REPLY_SYNTAX (text quotes the
 * line, printable, shortened), MC_E_REPLY_LONG.  Line ends count in the limits.
 * The verdict does not depend on how the bytes are cut.  Outputs are written
 * only for 1.
 */
MC_NODISCARD int
mc_reply_parse(struct mc_str in, size_t max_line, struct mc_reply *ret_reply,
    size_t *ret_used, struct mc_err *err);

/* text of line i without code, separator and line end; empty past the end */
struct mc_str
mc_reply_line(const struct mc_reply *r, size_t i);

/*
 * append "550 5.1.1 text text", printable, at most MC_MAX_REPLY_TEXT bytes:
 * lines are joined by one blank, and do not repeat the enhanced code
 */
void
mc_reply_text(const struct mc_reply *r, struct mc_buf *out);

/*
 * mc_reply_err - describe a refusal as an error
 *
 * err gets code, smtp, enh (or x.0.0 by the first digit; the table's own for an
 * unwanted 2yz or 3yz) and the text "`what`: 550 5.1.1 no such user".  Returns
 * -1.
 */
int
mc_reply_err(const struct mc_reply *r, enum mc_code code, enum mc_stage stage,
    const char *what, struct mc_err *err);

#endif
