/* SPDX-License-Identifier: MIT */
/*
 * module.c - load a transport from a shared object
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/err.h"

#include <dlfcn.h>

static int
check(const struct mc_transport_module *module, const char *file,
    struct mc_err *err)
{
	static const size_t layout[] = MC_MODULE_LAYOUT;

	if (strcmp(module->version, mc_version()) == 0 &&
	    memcmp(module->layout, layout, sizeof(layout)) == 0)
		return 0;
	return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
	    "%s belongs to version %.40s, and this is %s: install all of "
	    "mailchute again, and restart what runs", file, module->version,
	    mc_version());
}

int
mc_module_load(const char *file, const struct mc_transport_ops **ret_ops,
    struct mc_err *err)
{
	const struct mc_transport_module *module;
	const char *why;
	void *handle;

	/* all symbols now, so that nothing is missing in mid-session; never
	 * closed, since OpenSSL leaves functions to be called at the end */
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		why = dlerror();
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "%s; it is a part of mailchute that sending needs: "
		    "install all of it", why != NULL ? why : file);
	}
	module = dlsym(handle, MC_MODULE_NAME);
	if (module == NULL)
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "%s is not a part of mailchute: install all of it again",
		    file);
	if (check(module, file, err) != 0)
		return -1;
	*ret_ops = module->ops;
	return 0;
}
