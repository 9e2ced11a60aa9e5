/* SPDX-License-Identifier: MIT */
/*
 * place.h - where the other files of mailchute are
 */
#ifndef MC_PLACE_H
#define MC_PLACE_H

#include "base/base.h"
#include "base/str.h"

/* the folder of the running program's file, without links, in buf; empty where
 * the system does not say */
struct mc_str
mc_place_folder(char *buf, size_t size);

/*
 * mc_place_find - the path of a file that is installed with the program
 *
 * `installed` is its path as configured.  When the running program stands in
 * BINDIR below another root, the file is below that root too; when `built`,
 * put behind the folder of the program, is a file, the program stands where
 * it was built.  Anywhere else it is the installed one.  The caller frees it
 * (mc_mem_free); NULL with err: MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD char *
mc_place_find(const char *installed, const char *built, struct mc_err *err);

#endif
