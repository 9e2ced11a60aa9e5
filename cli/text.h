/* SPDX-License-Identifier: MIT */
/*
 * text.h - what the command writes: bytes of others made harmless, ages, sizes
 */
#ifndef MC_CLI_TEXT_H
#define MC_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* a growing text; after a failure (no memory) it takes nothing more */
struct cli_text {
	char *ptr;
	size_t len;
	size_t cap;
	bool failed;
};

void
cli_text_add(struct cli_text *text, const void *p, size_t n);

void
cli_text_addz(struct cli_text *text, const char *s);

/* the result has to be shorter than 512 bytes */
void
cli_text_addf(struct cli_text *text, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* write it, and begin a new one */
void
cli_text_flush(struct cli_text *text, FILE *out);

void
cli_text_free(struct cli_text *text);

/*
 * What others wrote: control characters (C1, and those that turn the order of
 * writing around, too) and what is no UTF-8 become '?'.
 */
void
cli_text_clean(struct cli_text *text, const char *s);

/* a string of JSON with its quotes, nothing but harmless characters in it;
 * NULL is null; what is no UTF-8 becomes U+FFFD */
void
cli_text_json(struct cli_text *text, const char *s);

/* the same for bytes that come in pieces, cut anywhere */
enum cli_form {
	CLI_RAW,		/* as they are, but CRLF becomes LF */
	CLI_LINES,		/* as cli_text_clean, but LF and TAB stay */
	CLI_JSON		/* without the quotes, CRLF stays */
};

struct cli_pour {
	struct cli_text *to;
	enum cli_form form;
	char part[4];		/* of a character */
	size_t n;
	bool cr;
};

void
cli_pour(struct cli_pour *pour, const void *p, size_t n);

void
cli_pour_end(struct cli_pour *pour);

/* cut what stands behind `from` to so many columns; 0: not at all */
void
cli_text_cut(struct cli_text *text, size_t from, size_t columns);

/* "45s", "12min", "3h", "5d" */
void
cli_text_age(struct cli_text *text, int64_t seconds);

/* "512", "1.2K", "34M" */
void
cli_text_size(struct cli_text *text, uint64_t bytes);

enum cli_time {
	CLI_HOUR,		/* 14:05 */
	CLI_DAY,		/* 2026-11-23 */
	CLI_MINUTE,		/* 2026-11-23 14:05 */
	CLI_SECOND,		/* 2026-11-23 14:05:09 */
	CLI_ZONE,		/* 2026-11-23 14:05:09 +0100 */
	CLI_LS,			/* Nov 23 14:05 */
	CLI_LS_YEAR		/* Nov 23  2026 */
};

/* local time, seconds since 1970; "?" where there is no such date */
void
cli_text_time(struct cli_text *text, enum cli_time form, int64_t when);

#endif
