/* SPDX-License-Identifier: MIT */
/*
 * file_put.c - a private file that is there as a whole or not at all
 */
#include "base/base.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rand.h"

static int
fail(const struct mc_file_place *p, const char *what, struct mc_err *err)
{
	return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
	    "cannot %s %s/%s", what, p->dir_name, p->name);
}

int
mc_file_place_open(const char *path, struct mc_file_place *ret_place,
    struct mc_err *err)
{
	const char *slash = strrchr(path, '/');
	struct mc_file_place p = {
		.name = slash == NULL ? path : slash + 1,
	};
	char *dir;

	if (*p.name == '\0')
		return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL,
		    "\"%s\" names no file", path);
	if (slash == NULL)
		dir = mc_mem_strdup(".");
	else
		dir = mc_mem_strndup(path, slash == path ? 1 :
		    (size_t)(slash - path));
	if (dir == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	p.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p.dir >= 0)
		p.dir = mc_file_lift(p.dir);
	if (p.dir < 0) {
		(void)mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot open the directory of %s", path);
		mc_mem_free(dir);
		return -1;
	}
	p.dir_name = dir;
	*ret_place = p;
	return 0;
}

void
mc_file_place_close(struct mc_file_place *place)
{
	union {
		const char *in;
		void *out;
	} name = { place->dir_name };

	mc_file_close(&place->dir);
	mc_mem_free(name.out);
	place->dir_name = NULL;
}

/* root makes it for the one whose directory it is */
static int
give_away(int dir, int fd)
{
	struct stat st;

	if (geteuid() != 0)
		return 0;
	if (fstat(dir, &st) != 0)
		return -1;
	return fchown(fd, st.st_uid, st.st_gid);
}

static int
write_temp(const struct mc_file_place *p, const char *temp,
    struct mc_str content, struct mc_err *err)
{
	int fd = openat(p->dir, temp, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc = -1;

	if (fd >= 0)
		fd = mc_file_lift(fd);
	if (fd < 0)
		return fail(p, "make", err);
	/* an odd umask */
	if (fchmod(fd, 0600) != 0 || give_away(p->dir, fd) != 0)
		(void)fail(p, "set mode and owner of", err);
	else if (mc_file_write(fd, content.ptr, content.len, err) != 0)
		mc_err_ctx(err, "%s/%s", p->dir_name, p->name);
	else if (mc_file_sync(fd) != 0)
		(void)fail(p, "fsync", err);
	else
		rc = 0;
	mc_file_close(&fd);
	return rc;
}

int
mc_file_put(const struct mc_file_place *place, struct mc_str content,
    bool keep, struct mc_err *err)
{
	char temp[MC_ID_LEN + 2] = ".";
	int rc;

	if (mc_rand_id(temp + 1, err) != 0)
		return -1;
	if (write_temp(place, temp, content, err) != 0) {
		(void)unlinkat(place->dir, temp, 0);
		return -1;
	}
	rc = keep ? mc_file_rename_new(place->dir, temp, place->dir,
	    place->name) : renameat(place->dir, temp, place->dir, place->name);
	if (rc != 0 && !(keep && errno == EEXIST)) {
		(void)fail(place, "rename to", err);
		(void)unlinkat(place->dir, temp, 0);
		return -1;
	}
	if (rc != 0)
		(void)unlinkat(place->dir, temp, 0);
	/* not every file system can */
	if (mc_file_sync(place->dir) != 0 && errno != EINVAL &&
	    errno != ENOTSUP)
		return fail(place, "fsync the directory of", err);
	return 0;
}
