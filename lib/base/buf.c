/* SPDX-License-Identifier: MIT */
/*
 * buf.c - growing byte buffer with a mandatory maximum
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#define FIRST_CAP 64

/* where empty buffers point; cap is 0 then, so nobody writes to it */
static const char nothing[1] = "";

static void
init(struct mc_buf *b, size_t max, bool secret)
{
	/* leaves room to double and to add the NUL without overflow */
	if (max > SIZE_MAX / 4)
		max = SIZE_MAX / 4;
	*b = (struct mc_buf){
		.ptr = (char *)nothing,
		.max = max,
		.secret = secret,
	};
}

void
mc_buf_init(struct mc_buf *b, size_t max)
{
	init(b, max, false);
}

void
mc_buf_init_secret(struct mc_buf *b, size_t max)
{
	init(b, max, true);
}

/* give back the memory, wiped when secret */
static void
release(struct mc_buf *b)
{
	if (b->cap == 0)
		return;
	if (b->secret)
		mc_mem_wipe(b->ptr, b->cap);
	mc_mem_free(b->ptr);
}

void
mc_buf_clear(struct mc_buf *b)
{
	release(b);
	init(b, b->max, b->secret);
}

void
mc_buf_reset(struct mc_buf *b)
{
	if (b->cap != 0) {
		if (b->secret)
			mc_mem_wipe(b->ptr, b->cap);
		b->ptr[0] = '\0';
	}
	b->len = 0;
	b->err = 0;
}

/* a block of `cap` bytes that holds the contents; NULL if out of memory */
static char *
move(struct mc_buf *b, size_t cap)
{
	if (!b->secret)
		return mc_mem_realloc(b->cap == 0 ? NULL : b->ptr, cap, 1);

	/* realloc would leave the old bytes behind, readable */
	char *p = mc_mem_zalloc(cap, 1);

	if (p == NULL)
		return NULL;
	if (b->len != 0)
		memcpy(p, b->ptr, b->len);
	release(b);
	return p;
}

/*
 * The one place with growth arithmetic: afterwards n more bytes and the NUL
 * fit.  len <= max <= SIZE_MAX / 4, hence no sum here can overflow.
 */
static bool
grow(struct mc_buf *b, size_t n)
{
	if (b->err != 0)
		return false;
	if (n > b->max - b->len) {
		b->err = MC_E_TOO_LONG;
		return false;
	}

	size_t need = b->len + n + 1;

	if (need <= b->cap)
		return true;

	size_t cap = b->cap < FIRST_CAP ? FIRST_CAP : b->cap * 2;

	if (cap < need)
		cap = need;
	if (cap > b->max + 1)
		cap = b->max + 1;

	char *p = move(b, cap);

	if (p == NULL) {
		b->err = MC_E_NOMEM;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	b->ptr[b->len] = '\0';
	return true;
}

void
mc_buf_add(struct mc_buf *b, const void *p, size_t n)
{
	if (n == 0 || !grow(b, n))
		return;
	memcpy(b->ptr + b->len, p, n);
	mc_buf_commit(b, n);
}

void
mc_buf_add_str(struct mc_buf *b, struct mc_str s)
{
	mc_buf_add(b, s.ptr, s.len);
}

void
mc_buf_addz(struct mc_buf *b, const char *s)
{
	mc_buf_add(b, s, strlen(s));
}

void
mc_buf_addc(struct mc_buf *b, char c)
{
	mc_buf_add(b, &c, 1);
}

void
mc_buf_addf(struct mc_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);

	int n = vsnprintf(NULL, 0, fmt, ap);

	va_end(ap);
	if (n < 0) {
		if (b->err == 0)
			b->err = MC_E_TOO_LONG;
		return;
	}
	if (!grow(b, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	mc_buf_commit(b, (size_t)n);
}

char *
mc_buf_reserve(struct mc_buf *b, size_t n)
{
	return grow(b, n) ? b->ptr + b->len : NULL;
}

void
mc_buf_commit(struct mc_buf *b, size_t n)
{
	if (b->err != 0 || n == 0)
		return;
	/* more than was reserved: never believe it */
	if (b->cap == 0 || n > b->cap - 1 - b->len) {
		b->err = MC_E_TOO_LONG;
		return;
	}
	b->len += n;
	b->ptr[b->len] = '\0';
}

void
mc_buf_consume(struct mc_buf *b, size_t n)
{
	if (n == 0 || b->len == 0)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->ptr, b->ptr + n, b->len - n);
	b->len -= n;
	b->ptr[b->len] = '\0';
}

void
mc_buf_splice(struct mc_buf *b, size_t off, size_t len, struct mc_str s)
{
	if (b->err != 0)
		return;
	if (off > b->len || len > b->len - off) {
		b->err = MC_E_TOO_LONG;
		return;
	}
	if (s.len == 0 && len == 0)
		return;
	if (s.len > len && !grow(b, s.len - len))
		return;

	char *at = b->ptr + off;

	memmove(at + s.len, at + len, b->len - off - len);
	if (s.len != 0)
		memcpy(at, s.ptr, s.len);
	b->len = b->len - len + s.len;
	b->ptr[b->len] = '\0';
}

struct mc_str
mc_buf_str(const struct mc_buf *b)
{
	return mc_str_make(b->ptr, b->len);
}

char *
mc_buf_take(struct mc_buf *b)
{
	/* an empty buffer has no memory yet, but the caller frees some */
	if (!grow(b, 0))
		return NULL;

	char *p = b->ptr;

	init(b, b->max, b->secret);
	return p;
}

int
mc_buf_err(const struct mc_buf *b, const char *what, struct mc_err *err)
{
	if (b->err == 0)
		return 0;
	if (b->err == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL,
	    "%s is too long (limit %zu bytes)", what, b->max);
}

void
mc_buf_add_printable(struct mc_buf *b, struct mc_str s, size_t most)
{
	size_t room = s.len < most ? s.len : most;

	if (room == 0 || !grow(b, room))
		return;
	mc_buf_commit(b, mc_str_printable(s, b->ptr + b->len, room + 1));
}
