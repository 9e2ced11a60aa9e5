/* SPDX-License-Identifier: MIT */
/*
 * module.c - load a transport from a shared object
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <dlfcn.h>
#include <unistd.h>

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
mc_module_load(const char *file, const struct mc_transport_module **ret_module,
    struct mc_err *err)
{
	const struct mc_transport_module *module;
	const char *why;
	void *handle;

	/* all symbols now, so that nothing is missing in mid-session; never
	 * closed, since OpenSSL leaves functions to be called at the end */
	handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	if (handle == NULL) {
		/* each thread has its own in every libc that we run on */
		/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
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
	*ret_module = module;
	return 0;
}

/* ------------------------------------------------------------- where it is */

static bool
ends_with(struct mc_str s, struct mc_str end)
{
	return s.len >= end.len &&
	    mc_str_eq(mc_str_sub(s, s.len - end.len, end.len), end);
}

/* NULL with err */
static char *
join(struct mc_str dir, const char *middle, const char *name,
    struct mc_err *err)
{
	struct mc_buf out;
	char *path = NULL;

	mc_buf_init(&out, PATH_MAX);
	mc_buf_add_str(&out, dir);
	mc_buf_addz(&out, middle);
	mc_buf_addz(&out, name);
	if (mc_buf_err(&out, "file name", err) == 0) {
		path = mc_buf_take(&out);
		if (path == NULL)
			(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
	}
	mc_buf_clear(&out);
	return path;
}

static char *
find_file(struct mc_str own, const char *name, struct mc_err *err)
{
	static const struct mc_str homes[] = {
		{ BINDIR, sizeof(BINDIR) - 1 }, { LIBDIR, sizeof(LIBDIR) - 1 },
	};
	static const char *const built[] = { "/lib/.libs/", "/" };
	size_t i;

	for (i = 0; i < MC_NELEM(homes); i++)
		if (ends_with(own, homes[i]))
			return join(mc_str_sub(own, 0, own.len -
			    homes[i].len), PKGLIBDIR "/", name, err);
	for (i = 0; own.len != 0 && i < MC_NELEM(built); i++) {
		char *path;

		if (built[i][1] == '\0' && !ends_with(own, MC_STR("/.libs")))
			continue;
		path = join(own, built[i], name, err);
		if (path == NULL || access(path, R_OK) == 0)
			return path;
		mc_mem_free(path);
	}
	return join(MC_STR_NONE, PKGLIBDIR "/", name, err);
}

int
mc_module_get(struct mc_str own_folder, const char *name,
    const struct mc_transport_module **ret_module, struct mc_err *err)
{
	char *file;
	int rc;

#ifndef MC_CURL
	if (strcmp(name, "curl.so") == 0)
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "transport = curl, and a proxy, need libcurl, and this "
		    "mailchute was built without");
#endif
	file = find_file(own_folder, name, err);
	if (file == NULL)
		return -1;
	rc = mc_module_load(file, ret_module, err);
	mc_mem_free(file);
	return rc;
}

int
mc_tls_serve_none(struct mc_err *err)
{
	return mc_err_set(err, MC_E_MODULE, MC_STAGE_TLS,
	    "STARTTLS for clients needs OpenSSL, and this mailchute was built "
	    "without");
}

int
mc_dkim_none(struct mc_err *err)
{
	return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
	    "DKIM (dkim-domain) needs OpenSSL, and this mailchute was built "
	    "without");
}
