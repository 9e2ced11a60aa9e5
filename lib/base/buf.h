/* SPDX-License-Identifier: MIT */
/*
 * buf.h - growing byte buffer with a mandatory maximum
 *
 * After a failed append (no memory, or past `max`) every later append does
 * nothing, so that a sequence is checked once, with mc_buf_err().  The bytes
 * are always followed by a NUL that is not counted.  A buffer marked secret
 * grows by copy and wipe and is wiped when cleared.
 */
#ifndef MC_BUF_H
#define MC_BUF_H

#include "base/str.h"

struct mc_buf {
	char *ptr;	/* never NULL after mc_buf_init: "" when empty */
	size_t len;
	size_t cap;	/* allocated, counting the NUL; 0 = not on the heap */
	size_t max;	/* largest len */
	int err;	/* 0, MC_E_NOMEM or MC_E_TOO_LONG: see mc_buf_err */
	bool secret;
};

void
mc_buf_init(struct mc_buf *b, size_t max);

void
mc_buf_init_secret(struct mc_buf *b, size_t max);

/* free the memory (wiped when secret) and start over, empty, same max */
void
mc_buf_clear(struct mc_buf *b);

/* keep the memory, drop the contents and the error */
void
mc_buf_reset(struct mc_buf *b);

void
mc_buf_add(struct mc_buf *b, const void *p, size_t n);

void
mc_buf_add_str(struct mc_buf *b, struct mc_str s);

/* a C string */
void
mc_buf_addz(struct mc_buf *b, const char *s);

void
mc_buf_addc(struct mc_buf *b, char c);

void
mc_buf_addf(struct mc_buf *b, const char *fmt, ...) MC_PRINTF(2, 3);

/* make room for n more bytes and return where they go; NULL on failure */
MC_NODISCARD char *
mc_buf_reserve(struct mc_buf *b, size_t n);

/* count n bytes, written where mc_buf_reserve said, as contents */
void
mc_buf_commit(struct mc_buf *b, size_t n);

/* drop n bytes from the front (moves the rest) */
void
mc_buf_consume(struct mc_buf *b, size_t n);

/* replace `len` bytes at `off` by s; out of range counts as an error */
void
mc_buf_splice(struct mc_buf *b, size_t off, size_t len, struct mc_str s);

/* slice of the contents, valid until the next change */
struct mc_str
mc_buf_str(const struct mc_buf *b);

/*
 * mc_buf_take - hand the memory to the caller (mc_mem_free)
 *
 * The buffer is empty afterwards.  NULL if an append had failed.
 */
MC_NODISCARD char *
mc_buf_take(struct mc_buf *b);

/* 0 if every append so far went in; else -1 with err: MC_E_NOMEM, or
 * MC_E_TOO_LONG with "`what` is too long" */
MC_NODISCARD int
mc_buf_err(const struct mc_buf *b, const char *what, struct mc_err *err);

/*
 * mc_buf_add_printable - append untrusted text for people and logs
 *
 * Control bytes, 0x7f and what is no UTF-8 become '?'; C1 controls too; runs
 * of CR LF TAB become one space.  At most `most` bytes are added (cut at a
 * character boundary).
 */
void
mc_buf_add_printable(struct mc_buf *b, struct mc_str s, size_t most);

#endif
