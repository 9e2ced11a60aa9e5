/* SPDX-License-Identifier: MIT */
/*
 * str.h - a borrowed slice of bytes
 *
 * Not NUL-terminated; may hold NUL.  Whoever makes one says how long the
 * bytes live.  Letters are compared as ASCII whatever the locale is.
 */
#ifndef MC_STR_H
#define MC_STR_H

#include "base/base.h"

struct mc_str {
	const char *ptr;
	size_t len;
};

#define MC_STR(lit) ((struct mc_str){ (lit), sizeof(lit) - 1 })
#define MC_STR_NONE ((struct mc_str){ NULL, 0 })
/* printf("%.*s", MC_STR_FMT(s)); only for text already known printable */
#define MC_STR_FMT(s) (int)((s).len > INT_MAX ? INT_MAX : (s).len), \
    ((s).ptr == NULL ? "" : (s).ptr)

/* slice of a C string; NULL gives the empty slice */
struct mc_str
mc_str_from(const char *s);

struct mc_str
mc_str_make(const char *p, size_t len);

/* the part from offset off, at most len bytes; out of range is empty */
struct mc_str
mc_str_sub(struct mc_str s, size_t off, size_t len);

bool
mc_str_eq(struct mc_str a, struct mc_str b);

/* ASCII case folded */
bool
mc_str_eq_nocase(struct mc_str a, struct mc_str b);

bool
mc_str_starts_nocase(struct mc_str s, struct mc_str prefix);

/* offset of the first c, or s.len */
size_t
mc_str_chr(struct mc_str s, char c);

/* without blanks (space, tab, CR, LF) at both ends */
struct mc_str
mc_str_trim(struct mc_str s);

/*
 * mc_str_next_token - cut the next token off the front of *rest
 *
 * Tokens are separated by one or more bytes out of `seps`.  Returns true with
 * *ret_token, false when nothing is left.
 */
bool
mc_str_next_token(struct mc_str *rest, const char *seps,
    struct mc_str *ret_token);

/* every byte below 0x80 */
bool
mc_str_is_ascii(struct mc_str s);

/* well-formed UTF-8 by RFC 3629: no overlong form, surrogate, > U+10FFFF */
bool
mc_str_is_utf8(struct mc_str s);

/* holds a byte out of 0x00-0x1f or 0x7f */
bool
mc_str_has_ctl(struct mc_str s);

/*
 * mc_str_printable - write untrusted text for people and logs
 *
 * Control bytes, 0x7f, C1 controls and what is no UTF-8 become '?'; runs of
 * CR LF TAB become one space.  At most cap - 1 bytes, never more than s has,
 * cut at a character boundary, and a NUL.  Returns how many without the NUL.
 */
size_t
mc_str_printable(struct mc_str s, char *ret_text, size_t cap);

/* ctype without locale; the argument is any int */
bool mc_is_alpha(int c);
bool mc_is_digit(int c);
bool mc_is_alnum(int c);
bool mc_is_blank(int c);		/* space or tab */
int mc_to_lower(int c);

#endif
