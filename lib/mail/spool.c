/* SPDX-License-Identifier: MIT */
/*
 * spool.c - bytes in memory that move to an unlinked file once they are many
 */
#include "base/base.h"

#include "mail/spool.h"

#include "base/err.h"
#include "base/file.h"

#include <errno.h>

void
mc_spool_init(struct mc_spool *s, size_t limit, const char *tmpdir)
{
	mc_buf_init(&s->mem, limit);
	s->fd = -1;
	s->size = 0;
	s->in_file = 0;
	s->limit = limit;
	s->tmpdir = tmpdir;
	s->base = 0;
	s->borrowed = false;
}

void
mc_spool_init_fd(struct mc_spool *s, int fd, uint64_t base, uint64_t size)
{
	mc_spool_init(s, 0, NULL);
	s->fd = fd;
	s->size = size;
	s->in_file = size;
	s->base = base;
	s->borrowed = true;
}

void
mc_spool_clear(struct mc_spool *s)
{
	mc_buf_clear(&s->mem);
	if (s->borrowed)
		s->fd = -1;
	mc_file_close(&s->fd);
	s->borrowed = false;
	s->base = 0;
	s->size = 0;
	s->in_file = 0;
}

static int
to_file(struct mc_spool *s, const void *p, size_t n, struct mc_err *err)
{
	if (n == 0)
		return 0;
	if (s->fd < 0) {
		s->fd = mc_file_temp(s->tmpdir, err);
		if (s->fd < 0)
			return -1;
	}
	/* a write that failed half-way left the offset somewhere */
	if (lseek(s->fd, (off_t)s->in_file, SEEK_SET) < 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot use the temporary file for the message");
	if (mc_file_write(s->fd, p, n, err) != 0) {
		mc_err_ctx(err, "temporary file for the message");
		return -1;
	}
	s->in_file += n;
	return 0;
}

int
mc_spool_add(struct mc_spool *s, const void *p, size_t n, struct mc_err *err)
{
	if (s->borrowed)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "a message in the queue cannot be added to");
	if (n > s->limit - s->mem.len) {
		if (to_file(s, s->mem.ptr, s->mem.len, err) != 0)
			return -1;
		mc_buf_reset(&s->mem);
		if (n >= s->limit) {
			if (to_file(s, p, n, err) != 0)
				return -1;
			s->size += n;
			return 0;
		}
	}
	mc_buf_add(&s->mem, p, n);
	if (mc_buf_err(&s->mem, "the message", err) != 0)
		return -1;
	s->size += n;
	return 0;
}

int
mc_spool_add_line(struct mc_spool *s, const void *p, size_t n,
    struct mc_err *err)
{
	/* with room for it one look at the buffer will do: large messages are
	 * made of millions of lines */
	if (!s->borrowed && s->limit - s->mem.len >= 2 &&
	    n <= s->limit - s->mem.len - 2) {
		char *to = mc_buf_reserve(&s->mem, n + 2);

		if (to != NULL) {
			memcpy(to, p, n);
			memcpy(to + n, "\r\n", 2);
			mc_buf_commit(&s->mem, n + 2);
		}
		if (mc_buf_err(&s->mem, "the message", err) != 0)
			return -1;
		s->size += n + 2;
		return 0;
	}
	if (mc_spool_add(s, p, n, err) != 0)
		return -1;
	return mc_spool_add(s, "\r\n", 2, err);
}

int
mc_spool_read(const struct mc_spool *s, uint64_t off, void *p, size_t n,
    size_t *ret_got, struct mc_err *err)
{
	size_t got = 0;

	if (off < s->in_file) {
		uint64_t left = s->in_file - off;

		got = left < n ? (size_t)left : n;
		if (mc_file_pread(s->fd, p, got, s->base + off, err) != 0) {
			mc_err_ctx(err, s->borrowed ? "message in the queue" :
			    "temporary file for the message");
			return -1;
		}
		off += got;
	}
	if (got < n && off < s->size) {
		size_t skip = (size_t)(off - s->in_file);
		size_t left = s->mem.len - skip;

		if (left > n - got)
			left = n - got;
		memcpy((char *)p + got, s->mem.ptr + skip, left);
		got += left;
	}
	*ret_got = got;
	return 0;
}
