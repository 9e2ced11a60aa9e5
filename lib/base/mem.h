/* SPDX-License-Identifier: MIT */
/*
 * mem.h - the only place where heap memory comes from
 *
 * Nothing here aborts: a null pointer means that there is no memory, and the
 * caller reports MC_E_NOMEM.  Size arithmetic is checked for overflow.  Tests
 * replace these functions at link time to make the n-th allocation fail.
 */
#ifndef MC_MEM_H
#define MC_MEM_H

#include "base/base.h"

/* n zeroed objects of the given size (both may be 0) */
MC_NODISCARD void *
mc_mem_zalloc(size_t n, size_t size);

/* grow or shrink to n objects; on failure the old block stays valid */
MC_NODISCARD void *
mc_mem_realloc(void *p, size_t n, size_t size);

/* NUL-terminated copy of len bytes */
MC_NODISCARD char *
mc_mem_strndup(const char *s, size_t len);

MC_NODISCARD char *
mc_mem_strdup(const char *s);

/* NULL is fine */
void
mc_mem_free(void *p);

/* overwrite in a way that the compiler keeps; NULL with n == 0 is fine */
void
mc_mem_wipe(void *p, size_t n);

#endif
