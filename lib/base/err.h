/* SPDX-License-Identifier: MIT */
/*
 * err.h - filling in struct mc_err (public, see mailchute.h)
 *
 * The first error wins: a setter on an error that is already set does
 * nothing.  A null `err` is allowed everywhere.  All setters return -1 so
 * that `return mc_err_set(...)` reads well.
 */
#ifndef MC_ERR_H
#define MC_ERR_H

#include "base/str.h"

/* text is formatted, made printable and cut to MC_ERR_TEXT; NULL fmt uses
 * the table's text.  enh is preset from the table. */
int
mc_err_set(struct mc_err *err, enum mc_code code, enum mc_stage stage,
    const char *fmt, ...) MC_PRINTF(4, 5);

/* the system's words for errno value `sys`, in buf or elsewhere */
const char *
mc_err_words(int sys, char *buf, size_t size);

/* mc_err_set with ": " and the system's words for errno value `sys` behind */
int
mc_err_sys(struct mc_err *err, enum mc_code code, enum mc_stage stage, int sys,
    const char *fmt, ...) MC_PRINTF(5, 6);

/* clang-tidy looks at one file at a time, and would not know what they return */
#ifdef __clang_analyzer__
#define mc_err_set(...) ((void)mc_err_set(__VA_ARGS__), -1)
#define mc_err_sys(...) ((void)mc_err_sys(__VA_ARGS__), -1)
#endif

/* put "text: " in front of the text that is there */
void
mc_err_ctx(struct mc_err *err, const char *fmt, ...) MC_PRINTF(2, 3);

/* forget: ready for another attempt */
void
mc_err_reset(struct mc_err *err);

static inline bool
mc_err_is_set(const struct mc_err *err)
{
	return err != NULL && err->code != MC_OK;
}

#endif
