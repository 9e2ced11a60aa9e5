/* SPDX-License-Identifier: MIT */
/*
 * find_module.c - mc_transport_find() where the transport is a module
 *
 * Linked into the program alone, in place of find_linked.c.
 */
#include "base/base.h"
#include "transport/module.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

#include <limits.h>
#include <unistd.h>

#define MODULE "native.so"

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

static bool
ends_with(struct mc_str s, struct mc_str end)
{
	return s.len >= end.len &&
	    mc_str_eq(mc_str_sub(s, s.len - end.len, end.len), end);
}

static char *
join(struct mc_str dir, const char *rest, struct mc_err *err)
{
	struct mc_buf out;
	char *path;

	mc_buf_init(&out, PATH_MAX);
	mc_buf_add_str(&out, dir);
	mc_buf_addz(&out, rest);
	mc_buf_addc(&out, '\0');
	path = mc_buf_err(&out, "file name", err) == 0 ?
	    mc_buf_take(&out) : NULL;
	mc_buf_clear(&out);
	return path;
}

/*
 * Where the program is installed, that is where the module is, also when all
 * of it stands below another root; in the place where it was built, libtool
 * has put it into .libs.  Anywhere else it is the installed one.  NULL with
 * err.
 */
static char *
find_file(struct mc_err *err)
{
	struct mc_str bindir = MC_STR(BINDIR), dir;
	char own[PATH_MAX], *path;

	dir = own_folder(own, sizeof(own));
	if (ends_with(dir, bindir))
		return join(mc_str_sub(dir, 0, dir.len - bindir.len),
		    PKGLIBDIR "/" MODULE, err);
	if (dir.len != 0) {
		path = join(dir, "/lib/.libs/" MODULE, err);
		if (path == NULL || access(path, R_OK) == 0)
			return path;
		mc_mem_free(path);
	}
	return join(MC_STR_NONE, PKGLIBDIR "/" MODULE, err);
}

int
mc_transport_find(const struct mc_transport_ops **ret_ops, struct mc_err *err)
{
	char *file = find_file(err);
	int rc = -1;

	if (file != NULL)
		rc = mc_module_load(file, ret_ops, err);
	mc_mem_free(file);
	return rc;
}
