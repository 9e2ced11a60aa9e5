/* SPDX-License-Identifier: MIT */
/*
 * find_module.c - mc_transport_find() in the program
 *
 * Linked into the program alone, where it comes before find_linked.c.
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/err.h"
#include "base/place.h"

#include <limits.h>

#if !defined(MC_NATIVE_LINKED) || !defined(MC_CURL_LINKED)

static int
get(const char *name, const struct mc_transport_ops **ret_ops,
    struct mc_err *err)
{
	char own[PATH_MAX];

	return mc_module_get(mc_place_folder(own, sizeof(own)), name,
	    ret_ops, err);
}

#endif

int
mc_transport_find(const struct mc_account *account,
    const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	(void)err;
	if (!mc_transport_by_curl(account)) {
#ifdef MC_NATIVE_LINKED
		*ret_ops = &mc_transport_native;
		return 0;
#else
		return get("native.so", ret_ops, err);
#endif
	}
#ifdef MC_CURL_LINKED
	*ret_ops = &mc_transport_curl;
	return 0;
#else
	return get("curl.so", ret_ops, err);
#endif
}
