/* SPDX-License-Identifier: MIT */
/*
 * encword.h - text outside ASCII as encoded words (RFC 2047), folded
 *
 * A writer appends the pieces of a value, keeps the column, and folds where a
 * line with encoded words would pass 76 bytes (RFC 2047 2).
 */
#ifndef MC_ENCWORD_H
#define MC_ENCWORD_H

#include "base/buf.h"

struct mc_encword {
	struct mc_buf *out;
	size_t col;		/* of the line so far, the field's name counted */
	bool encoded;		/* there is an encoded word in the line */
	bool behind;		/* the last thing was one */
	bool near;		/* at most blanks since one, which are not shown
				 * if another one follows */
	struct mc_buf text;	/* what is to be encoded */
};

enum mc_encword_kind {
	MC_ENCWORD_TEXT,	/* unstructured */
	MC_ENCWORD_PHRASE,	/* atoms and quoted strings, up to a special */
	MC_ENCWORD_COMMENT	/* up to a parenthesis */
};

/* `col`: where the value begins */
void
mc_encword_init(struct mc_encword *w, size_t col, struct mc_buf *out);

void
mc_encword_clear(struct mc_encword *w);

/* bytes as they are */
void
mc_encword_raw(struct mc_encword *w, struct mc_str s);

/* text as encoded words, whatever it is; nothing for no text */
void
mc_encword_put(struct mc_encword *w, struct mc_str text);

/*
 * mc_encword_words - take words from `at` on, up to `most`
 *
 * From the first to the last word that is not ASCII, as far as no encoded word
 * stands between, they become encoded words; what is around stays.  Returns
 * where it stopped, which is `at` when a special stands there.
 */
size_t
mc_encword_words(struct mc_encword *w, struct mc_str s, size_t at, size_t most,
    enum mc_encword_kind kind);

/* "UTF-8", or "unknown-8bit" (RFC 1428) */
const char *
mc_encword_charset(struct mc_str text);

#endif
