/* SPDX-License-Identifier: MIT */
/*
 * mem.c - heap memory with checked sizes, and wiping that stays
 */
#include "base/base.h"
#include "base/mem.h"

/* n * size, at least 1, in *ret_total; false if it does not fit */
static bool
total_size(size_t n, size_t size, size_t *ret_total)
{
	if (size != 0 && n > SIZE_MAX / size)
		return false;
	*ret_total = n * size == 0 ? 1 : n * size;
	return true;
}

void *
mc_mem_zalloc(size_t n, size_t size)
{
	size_t total;

	if (!total_size(n, size, &total))
		return NULL;
	return calloc(1, total);
}

void *
mc_mem_realloc(void *p, size_t n, size_t size)
{
	size_t total;

	if (!total_size(n, size, &total))
		return NULL;
	return realloc(p, total);
}

char *
mc_mem_strndup(const char *s, size_t len)
{
	if (len == SIZE_MAX)
		return NULL;

	char *copy = malloc(len + 1);

	if (copy == NULL)
		return NULL;
	if (len != 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
mc_mem_strdup(const char *s)
{
	return mc_mem_strndup(s, strlen(s));
}

void
mc_mem_free(void *p)
{
	free(p);
}

void
mc_mem_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
#ifdef HAVE_EXPLICIT_BZERO
	explicit_bzero(p, n);
#else
	volatile unsigned char *byte = p;

	while (n-- != 0)
		*byte++ = 0;
#endif
}
