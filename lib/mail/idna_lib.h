/* SPDX-License-Identifier: MIT */
/*
 * idna_lib.h - libidn2, had only when a domain outside ASCII comes
 *
 * It and its tables cost every process 200 KiB of memory and the time to load
 * them, and nearly no message needs them.  MC_IDN2_SONAME is what to load; where
 * it is not defined the library is linked.
 */
#ifndef MC_IDNA_LIB_H
#define MC_IDNA_LIB_H

#include "base/base.h"

#include <idn2.h>

/* as in idn2.h */
struct mc_idna_lib {
	int (*to_ascii)(const char *input, char **ret_output, int flags);
	int (*to_unicode)(const char *input, char **ret_output, int flags);
	void (*release)(void *p);
};

/* MC_E_MODULE: it is not there */
MC_NODISCARD int
mc_idna_lib(struct mc_idna_lib *ret_lib, struct mc_err *err);

#endif
