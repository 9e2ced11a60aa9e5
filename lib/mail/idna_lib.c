/* SPDX-License-Identifier: MIT */
/*
 * idna_lib.c - find libidn2 when it is needed
 */
#include "base/base.h"
#include "mail/idna_lib.h"

#include "base/err.h"

#ifdef MC_IDN2_SONAME
#include <dlfcn.h>

/* POSIX lets a function's address come as a pointer to an object */
static bool
look_up(void *handle, const char *name, void *ret_function)
{
	void *at = dlsym(handle, name);

	memcpy(ret_function, &at, sizeof(at));
	return at != NULL;
}

int
mc_idna_lib(struct mc_idna_lib *ret_lib, struct mc_err *err)
{
	/* never closed, so that a second time costs nothing */
	void *handle = dlopen(MC_IDN2_SONAME, RTLD_NOW | RTLD_LOCAL);
	struct mc_idna_lib lib;

	if (handle == NULL ||
	    !look_up(handle, "idn2_to_ascii_8z", &lib.to_ascii) ||
	    !look_up(handle, "idn2_to_unicode_8z8z", &lib.to_unicode) ||
	    !look_up(handle, "idn2_free", &lib.release))
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "domains outside ASCII need " MC_IDN2_SONAME
		    ", which cannot be loaded: install libidn2");
	*ret_lib = lib;
	return 0;
}
#else
int
mc_idna_lib(struct mc_idna_lib *ret_lib, struct mc_err *err)
{
	(void)err;
	*ret_lib = (struct mc_idna_lib){ idn2_to_ascii_8z,
	    idn2_to_unicode_8z8z, idn2_free };
	return 0;
}
#endif
