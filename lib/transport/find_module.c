/* SPDX-License-Identifier: MIT */
/*
 * find_module.c - what has to be found, in the program
 *
 * Linked into the program alone, where it comes before find_linked.c.
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/err.h"
#include "base/place.h"
#include "config/handover.h"
#include "transport/login.h"

#include <limits.h>

#if !defined(MC_NATIVE_LINKED) || !defined(MC_CURL_LINKED)

/* NULL with err */
static const struct mc_transport_module *
get(const char *name, struct mc_err *err)
{
	const struct mc_transport_module *module;
	char own[PATH_MAX];

	if (mc_module_get(mc_place_folder(own, sizeof(own)), name, &module,
	    err) != 0)
		return NULL;
	return module;
}

static int
get_ops(const char *name, const struct mc_transport_ops **ret_ops,
    struct mc_err *err)
{
	const struct mc_transport_module *module = get(name, err);

	if (module == NULL)
		return -1;
	*ret_ops = module->ops;
	return 0;
}

#endif

int
mc_transport_find(const struct mc_account *account,
    const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	if (account->host == NULL)
		return mc_account_no_host(account, err);
	if (!mc_transport_by_curl(account)) {
#ifdef MC_NATIVE_LINKED
		*ret_ops = &mc_transport_native;
		return 0;
#else
#ifdef MC_NATIVE
		/* for the local service nothing has to be loaded */
		if (account->is_socket && account->tls_mode == MC_TLS_OFF &&
		    !mc_login_wanted(account)) {
			*ret_ops = &mc_transport_socket;
			return 0;
		}
#endif
		return get_ops("native.so", ret_ops, err);
#endif
	}
#ifdef MC_CURL_LINKED
	*ret_ops = &mc_transport_curl;
	return 0;
#else
	return get_ops("curl.so", ret_ops, err);
#endif
}

int
mc_tls_serve_find(const struct mc_tls_serve_ops **ret_ops, struct mc_err *err)
{
#if defined(MC_NATIVE_LINKED)
	(void)err;
	*ret_ops = &mc_tls_serve;
	return 0;
#elif defined(MC_NATIVE)
	const struct mc_transport_module *module = get("native.so", err);

	if (module == NULL)
		return -1;
	if (module->tls_serve == NULL)
		return mc_tls_serve_none(err);
	*ret_ops = module->tls_serve;
	return 0;
#else
	(void)ret_ops;
	return mc_tls_serve_none(err);
#endif
}

int
mc_dkim_find(const struct mc_dkim_ops **ret_ops, struct mc_err *err)
{
#if defined(MC_NATIVE_LINKED)
	(void)err;
	*ret_ops = &mc_dkim_openssl;
	return 0;
#elif defined(MC_NATIVE)
	const struct mc_transport_module *module = get("native.so", err);

	if (module == NULL)
		return -1;
	if (module->dkim == NULL)
		return mc_dkim_none(err);
	*ret_ops = module->dkim;
	return 0;
#else
	(void)ret_ops;
	return mc_dkim_none(err);
#endif
}
