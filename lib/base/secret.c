/* SPDX-License-Identifier: MIT */
/*
 * secret.c - a password or token: locked, kept out of dumps, wiped
 */
#include "base/base.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/secret.h"

#include <sys/mman.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* stands at the start of its own pages, the bytes behind it */
struct mc_secret {
	size_t map_len;
	size_t len;
	char bytes[];
};

struct mc_secret *
mc_secret_new(const char *p, size_t len, struct mc_err *err)
{
	struct mc_secret *s = NULL;
	void *map = MAP_FAILED;
	size_t map_len = sizeof(*s) + 1;

	if (len <= SIZE_MAX / 2) {
		map_len += len;
		map = mmap(NULL, map_len, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
	if (map == MAP_FAILED) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	/* as far as it goes: RLIMIT_MEMLOCK may be nothing at all */
	(void)mlock(map, map_len);
#ifdef MADV_DONTDUMP
	(void)madvise(map, map_len, MADV_DONTDUMP);
#elif defined(MADV_NOCORE)
	(void)madvise(map, map_len, MADV_NOCORE);
#endif
	s = map;
	s->map_len = map_len;
	s->len = len;
	if (len != 0)
		memcpy(s->bytes, p, len);
	s->bytes[len] = '\0';
	return s;
}

void
mc_secret_free(struct mc_secret *s)
{
	if (s == NULL)
		return;

	size_t map_len = s->map_len;

	mc_mem_wipe(s, map_len);
	(void)munmap(s, map_len);
}

struct mc_str
mc_secret_peek(const struct mc_secret *s)
{
	return mc_str_make(s->bytes, s->len);
}

void
mc_secret_blot(struct mc_secret *s, size_t from, size_t n)
{
	if (from > s->len)
		return;
	if (n > s->len - from)
		n = s->len - from;
	mc_mem_wipe(s->bytes + from, n);
	if (n != 0)
		memset(s->bytes + from, 'x', n);
}

void
mc_secret_forget(struct mc_secret *s)
{
	mc_mem_wipe(s->bytes, s->len);
	s->len = 0;
}

bool
mc_secret_eq(struct mc_str a, struct mc_str b)
{
	if (a.len != b.len)
		return false;

	/* volatile: no early way out for a clever compiler */
	volatile unsigned char diff = 0;

	for (size_t i = 0; i < a.len; i++)
		diff = (unsigned char)(diff | (a.ptr[i] ^ b.ptr[i]));
	return diff == 0;
}
