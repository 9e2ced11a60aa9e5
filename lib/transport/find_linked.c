/* SPDX-License-Identifier: MIT */
/*
 * find_linked.c - what has to be found, in the library
 *
 * The native transport is linked in.  libcurl brings some thirty libraries
 * with it, so it is a module here too.
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/err.h"
#include "config/handover.h"

#include <dlfcn.h>

#ifndef MC_CURL_LINKED

/* the folder of libmailchute.so; empty when this is linked statically, where
 * the loader would only tell what the program was called */
static struct mc_str
own_folder(void)
{
	static const char here;
	struct mc_str file = MC_STR_NONE;
	Dl_info info;
	size_t n;

	if (dladdr(&here, &info) != 0)
		file = mc_str_from(info.dli_fname);
	for (n = file.len; n != 0 && file.ptr[n - 1] != '/'; n--)
		;
	if (n == 0 || file.ptr[0] != '/' || !mc_str_starts_nocase(
	    mc_str_sub(file, n, SIZE_MAX), MC_STR("libmailchute.")))
		return MC_STR_NONE;
	return mc_str_sub(file, 0, n - 1);
}

#endif

int
mc_transport_find(const struct mc_account *account,
    const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	if (account->host == NULL)
		return mc_account_no_host(account, err);
	if (!mc_transport_by_curl(account)) {
#ifdef MC_NATIVE
		*ret_ops = &mc_transport_native;
		return 0;
#endif
	}
#ifdef MC_CURL_LINKED
	*ret_ops = &mc_transport_curl;
	return 0;
#else
	const struct mc_transport_module *module;

	if (mc_module_get(own_folder(), "curl.so", &module, err) != 0)
		return -1;
	*ret_ops = module->ops;
	return 0;
#endif
}

int
mc_tls_serve_find(const struct mc_tls_serve_ops **ret_ops, struct mc_err *err)
{
#ifdef MC_NATIVE
	(void)err;
	*ret_ops = &mc_tls_serve;
	return 0;
#else
	(void)ret_ops;
	return mc_tls_serve_none(err);
#endif
}

int
mc_dkim_find(const struct mc_dkim_ops **ret_ops, struct mc_err *err)
{
#ifdef MC_NATIVE
	(void)err;
	*ret_ops = &mc_dkim_openssl;
	return 0;
#else
	(void)ret_ops;
	return mc_dkim_none(err);
#endif
}
