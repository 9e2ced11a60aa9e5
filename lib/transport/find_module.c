/* SPDX-License-Identifier: MIT */
/*
 * find_module.c - mc_transport_find() in the program
 *
 * Linked into the program alone, where it comes before find_linked.c.
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/err.h"

#include <limits.h>
#include <unistd.h>

#if !defined(MC_NATIVE_LINKED) || !defined(MC_CURL_LINKED)

/* the folder of the program's own file, without links; empty where the system
 * does not say */
static struct mc_str
own_folder(char *buf, size_t size)
{
	ssize_t n = readlink("/proc/self/exe", buf, size);

	if (n <= 0 || (size_t)n >= size || buf[0] != '/')
		return MC_STR_NONE;
	while (buf[n - 1] != '/')
		n--;
	return mc_str_make(buf, (size_t)n - 1);
}

static int
get(const char *name, const struct mc_transport_ops **ret_ops,
    struct mc_err *err)
{
	char own[PATH_MAX];

	return mc_module_get(own_folder(own, sizeof(own)), name, ret_ops, err);
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
