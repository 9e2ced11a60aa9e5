/* SPDX-License-Identifier: MIT */
/*
 * message.h - read a message of any line ends into header and spooled body
 */
#ifndef MC_MESSAGE_H
#define MC_MESSAGE_H

#include "mail/header.h"
#include "mail/spool.h"

/* what the body holds; all about the canonical (CRLF) form */
struct mc_body_facts {
	bool has_8bit;		/* a byte >= 0x80 */
	bool has_nul;
	size_t longest_line;	/* bytes, without CRLF */
	uint64_t lines;
};

struct mc_message {
	struct mc_header header;
	struct mc_spool body;	/* canonical: every line ends with CRLF */
	struct mc_body_facts facts;
	bool header_8bit;
};

void
mc_message_init(struct mc_message *m, size_t memory, const char *tmpdir);

void
mc_message_clear(struct mc_message *m);

struct mc_message_reader;

/*
 * mc_message_reader_new - begin to read a message into m
 *
 * Rules, as callers of sendmail rely on them:
 *  - LF, CRLF and CR CR..LF end a line; a CR that no LF follows ends a line in
 *    the body and is an error (MC_E_HDR_SYNTAX) in the header; so is NUL in
 *    the header.  Of a line that could go on to be a field, both are an error
 *    when a field stands above it, and begin the body when none does.
 *  - leading mbox lines "From " and ">From " go, however many.
 *  - a field is printable bytes other than colon, optional blanks (together at
 *    most MC_MAX_LINE), colon, and what is folded below it; a line of blanks
 *    only is a fold when a field stands above it.
 *  - the first line that is neither field nor fold starts the body (it belongs
 *    to the body); a leading blank line ends an empty header; input that starts
 *    with a blank-led line has no header.
 *  - with `dot`, a line of exactly "." ends the message, in the header
 *    too, and at the end of input without line end; what follows is ignored.
 *  - the last line gets its line end if it lacks one; an empty body stays
 *    empty.
 *  - sizes: MC_MAX_HEADER for all fields but To, Cc, Bcc and their Resent-
 *    forms, MC_MAX_HEADER_RCPT for these; MC_E_HDR_LONG.
 * NULL with err: MC_E_NOMEM.
 */
MC_NODISCARD struct mc_message_reader *
mc_message_reader_new(struct mc_message *m, bool dot, struct mc_err *err);

/*
 * feed the next bytes, in pieces of any size; after an error further input is
 * swallowed without effect (the caller drains its input) and the error stays.
 * Returns 0; 1 once the dot was seen (rest is ignored; that a dot at the very
 * end was one shows only in _end); -1 with err.
 */
MC_NODISCARD int
mc_message_reader_feed(struct mc_message_reader *r, const void *p, size_t n,
    struct mc_err *err);

/* end of input: -1 with err as feed */
MC_NODISCARD int
mc_message_reader_end(struct mc_message_reader *r, struct mc_err *err);

void
mc_message_reader_free(struct mc_message_reader *r);

/*
 * mc_message_set_body - take another body, canonical too, and what it holds
 *
 * *body gets the one before, which has to be cleared.  -1 with err, and the message as
 * it was: MC_E_IO, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_message_set_body(struct mc_message *m, struct mc_spool *body,
    struct mc_err *err);

/* header + blank line + body in bytes */
uint64_t
mc_message_size(const struct mc_message *m);

#endif
