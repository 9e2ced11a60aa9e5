/* SPDX-License-Identifier: MIT */
/*
 * dot.h - message bytes as DATA carries them (RFC 5321 4.5.2)
 *
 * Whatever comes in, what goes out has no CR without LF and no LF without CR
 * and no line "." before the end: a last guard behind message.h.  CRLF, CR and
 * LF each end a line; how the input is cut into pieces makes no difference.
 */
#ifndef MC_DOT_H
#define MC_DOT_H

#include "base/buf.h"

struct mc_dot {
	bool at_line_start;
	bool cr;		/* a CR is held back */
};

void
mc_dot_init(struct mc_dot *d);

/* append the encoding of the next bytes */
void
mc_dot_add(struct mc_dot *d, struct mc_str in, struct mc_buf *out);

/* finish the last line if need be, and append "." CRLF */
void
mc_dot_end(struct mc_dot *d, struct mc_buf *out);

/*
 * Message bytes as BDAT carries them (RFC 3030) go as they are; this says
 * whether they may: no CR without LF, no LF without CR.  How they are cut into
 * pieces makes no difference.
 */
struct mc_chunk {
	bool cr;		/* the last byte was a CR */
};

void
mc_chunk_init(struct mc_chunk *chunk);

bool
mc_chunk_check(struct mc_chunk *chunk, struct mc_str piece);

/* nothing is left open */
bool
mc_chunk_end(const struct mc_chunk *chunk);

#endif
