/* SPDX-License-Identifier: MIT */
/*
 * reason.h - why a recipient was not served, as one line that can be read back
 *
 * "[550 5.1.1] text": reply code and enhanced status code (RFC 3463), where a
 * server said so; "[5.4.7] text" where we did.  It is what people see in
 * lists, and what a delivery report made after a crash takes its Status and
 * Diagnostic-Code from.  The first digits may differ: "[550 4.7.0]" is a
 * refusal that we do not take as final.
 */
#ifndef MC_REASON_H
#define MC_REASON_H

#include "base/buf.h"

struct mc_reason {
	int smtp;		/* 0: not a server's word */
	int enh[3];		/* all 0: unknown */
	struct mc_str text;	/* slice of the input, printable when it was
				 * made here */
};

/*
 * mc_reason_format - append the line
 *
 * At most MC_QF_NOTE_TEXT bytes, printable.  Codes that mc_reason_parse would
 * not take are left out.  A text that could pass for codes of ours gets a
 * blank in front.
 */
void
mc_reason_format(const struct mc_err *why, struct mc_buf *out);

/* in front of the text when why->unsure, so that such attempts can be counted */
#define MC_REASON_UNSURE "may have been delivered: "

bool
mc_reason_is_unsure(struct mc_str line);

/*
 * mc_reason_parse - never fails: what has no such brackets is all text
 *
 * Codes out of range (200 to 599, x.0-999.0-999 with x 2, 4 or 5) are not
 * taken; then the brackets are text too.  The text is what mc_reason_format
 * was given, made printable and cut.
 */
void
mc_reason_parse(struct mc_str line, struct mc_reason *ret_reason);

#endif
