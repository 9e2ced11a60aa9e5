/* SPDX-License-Identifier: MIT */
/*
 * place.c - where the other files of mailchute are
 */
#include "base/base.h"
#include "base/place.h"

#include "base/buf.h"
#include "base/mem.h"

#include <limits.h>
#include <unistd.h>

struct mc_str
mc_place_folder(char *buf, size_t size)
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

char *
mc_place_find(const char *installed, const char *built, struct mc_err *err)
{
	struct mc_str bindir = MC_STR(BINDIR), dir;
	char own[PATH_MAX], *path;

	dir = mc_place_folder(own, sizeof(own));
	if (ends_with(dir, bindir))
		return join(mc_str_sub(dir, 0, dir.len - bindir.len),
		    installed, err);
	if (dir.len != 0) {
		path = join(dir, built, err);
		if (path == NULL || access(path, R_OK) == 0)
			return path;
		mc_mem_free(path);
	}
	return join(MC_STR_NONE, installed, err);
}
