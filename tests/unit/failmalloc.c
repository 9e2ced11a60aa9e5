/* SPDX-License-Identifier: MIT */
/*
 * failmalloc.c - stands between the code under test and its allocations
 *
 * Linked with --wrap for each function of base/mem.h that hands out memory.
 */
#include "base/base.h"
#include "base/mem.h"

unsigned long
failmalloc(unsigned long n, bool forever);

void *__real_mc_mem_zalloc(size_t n, size_t size);
void *__real_mc_mem_realloc(void *p, size_t n, size_t size);
char *__real_mc_mem_strndup(const char *s, size_t len);
char *__real_mc_mem_strdup(const char *s);
void *__wrap_mc_mem_zalloc(size_t n, size_t size);
void *__wrap_mc_mem_realloc(void *p, size_t n, size_t size);
char *__wrap_mc_mem_strndup(const char *s, size_t len);
char *__wrap_mc_mem_strdup(const char *s);

static struct {
	unsigned long count;
	unsigned long fail_at;
	bool forever;
} state;

unsigned long
failmalloc(unsigned long n, bool forever)
{
	unsigned long count = state.count;

	state.count = 0;
	state.fail_at = n;
	state.forever = forever;
	return count;
}

static bool
fails(void)
{
	state.count++;
	if (state.fail_at == 0)
		return false;
	return state.count == state.fail_at ||
	    (state.forever && state.count > state.fail_at);
}

void *
__wrap_mc_mem_zalloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_mc_mem_zalloc(n, size);
}

void *
__wrap_mc_mem_realloc(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_mc_mem_realloc(p, n, size);
}

char *
__wrap_mc_mem_strndup(const char *s, size_t len)
{
	return fails() ? NULL : __real_mc_mem_strndup(s, len);
}

char *
__wrap_mc_mem_strdup(const char *s)
{
	return fails() ? NULL : __real_mc_mem_strdup(s);
}
