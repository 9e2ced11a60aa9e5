/* SPDX-License-Identifier: MIT */
/*
 * conf_side.h - a scratch directory with files, for the tests of lib/config
 */
#ifndef MC_CONF_SIDE_H
#define MC_CONF_SIDE_H

#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

struct side {
	char dir[64];
	char path[256];		/* of the last side_path */
};

static MC_UNUSED void
side_open(struct side *side)
{
	(void)snprintf(side->dir, sizeof(side->dir), "/tmp/mc-unit-XXXXXX");
	assert_non_null(mkdtemp(side->dir));
}

static MC_UNUSED const char *
side_path(struct side *side, const char *name)
{
	(void)snprintf(side->path, sizeof(side->path), "%s/%s", side->dir,
	    name);
	return side->path;
}

static MC_UNUSED const char *
side_write_n(struct side *side, const char *name, const char *text, size_t n,
    mode_t mode)
{
	const char *path = side_path(side, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, n), (ssize_t)n);
	assert_int_equal(fchmod(fd, mode), 0);
	(void)close(fd);
	return path;
}

static MC_UNUSED const char *
side_write(struct side *side, const char *name, const char *text, mode_t mode)
{
	return side_write_n(side, name, text, strlen(text), mode);
}

static MC_UNUSED void
side_mkdir(struct side *side, const char *name)
{
	assert_int_equal(mkdir(side_path(side, name), 0700), 0);
}

/* files first, then the directories, deepest first; names of what was made */
static MC_UNUSED void
side_close(struct side *side, const char *const *names)
{
	for (; names != NULL && *names != NULL; names++) {
		const char *path = side_path(side, *names);

		if (unlink(path) != 0)
			(void)rmdir(path);
	}
	assert_int_equal(rmdir(side->dir), 0);
}

#endif
