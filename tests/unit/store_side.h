/* SPDX-License-Identifier: MIT */
/*
 * store_side.h - a spool in a temporary directory, and messages to put in it
 */
#ifndef MC_STORE_SIDE_H
#define MC_STORE_SIDE_H

#include "base/file.h"
#include "queue/store_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#define HEADER "Subject: x\r\nMessage-ID: <1@x.example>\r\n"
#define BODY "one\r\n.two\r\n"
#define ARRIVAL 1700000000

struct side {
	char top[64];
	char dir[96];
	struct mc_log log;
	char said[8192];
	struct mc_store *store;
	struct mc_envelope env;
	struct mc_spool body;
	size_t order[200];
	struct mc_store_item item;
};

static void
side_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct side *s = ctx;
	size_t n = strlen(s->said);

	(void)level;
	(void)stage;
	(void)snprintf(s->said + n, sizeof(s->said) - n, "%s\n", text);
}

static inline void
side_open(struct side *s)
{
	struct mc_store_settings set = { .dir = s->dir, .reserve_bytes = 1,
	    .log = &s->log };
	struct mc_err err = { .code = MC_OK };

	mc_store_close(s->store);
	s->store = NULL;
	if (mc_store_open(&set, &s->store, &err) != 0)
		fail_msg("%s", err.text);
}

static inline void
side_rcpts(struct side *s, size_t n)
{
	char addr[64];
	size_t i;

	mc_envelope_clear(&s->env);
	assert_int_equal(mc_envelope_set_sender(&s->env, MC_STR("me@x.example"),
	    NULL), 0);
	for (size_t k = 0; k < n; k++) {
		(void)snprintf(addr, sizeof(addr), "r%zu@y.example", k);
		assert_int_equal(mc_envelope_add(&s->env, mc_str_from(addr),
		    k % 2 == 1, &i, NULL), 0);
		s->order[k] = k;
	}
	s->item.n = n;
}

static inline void
side_init(struct side *s)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->top, sizeof(s->top), "/tmp/mailchute-test-XXXXXX");
	assert_non_null(mkdtemp(s->top));
	(void)snprintf(s->dir, sizeof(s->dir), "%s/spool", s->top);
	s->log = (struct mc_log){ side_log, s, MC_LOG_TRACE };
	mc_envelope_init(&s->env);
	side_rcpts(s, 3);
	mc_spool_init(&s->body, 4096, "/tmp");
	assert_int_equal(mc_spool_add(&s->body, BODY, strlen(BODY), NULL), 0);
	s->item = (struct mc_store_item){ .account = "work", .uid = 1000,
	    .arrival = ARRIVAL, .next_attempt = ARRIVAL + 300,
	    .env = &s->env, .order = s->order, .n = 3,
	    .header = MC_STR(HEADER), .body = &s->body };
	side_open(s);
}

static inline void
side_wipe_at(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, e->d_name, 0) != 0)
			side_wipe_at(fd, e->d_name);
	}
	if (d != NULL)
		(void)closedir(d);
	(void)unlinkat(at, name, AT_REMOVEDIR);
}

static inline void
side_wipe_dir(const char *path)
{
	side_wipe_at(AT_FDCWD, path);
}

static inline void
side_clear(struct side *s)
{
	mc_store_close(s->store);
	mc_envelope_clear(&s->env);
	mc_spool_clear(&s->body);
	side_wipe_dir(s->top);
}

static inline const char *
side_path(struct side *s, const char *sub, char kind, const char *id)
{
	static char path[512];

	if (kind == 0)
		(void)snprintf(path, sizeof(path), "%s/%s/%s", s->dir, sub, id);
	else
		(void)snprintf(path, sizeof(path), "%s/%s/%c-%s", s->dir, sub,
		    kind, id);
	return path;
}

static inline void
side_set_time(const char *path, int64_t when)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
		{ .tv_sec = (time_t)when } };

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static inline void
side_put(struct side *s, char id[MC_ID_LEN + 1])
{
	struct mc_err err = { .code = MC_OK };

	if (mc_store_put(s->store, &s->item, NULL, id, &err) != 0)
		fail_msg("%s", err.text);
}

static inline struct mc_entry *
side_claim(struct side *s, const char *id)
{
	struct mc_entry *entry = NULL;
	struct mc_err err = { .code = MC_OK };

	if (mc_store_claim(s->store, id, true, &entry, &err) != 1)
		fail_msg("not claimed: %s", err.text);
	return entry;
}

/* names in q/ or bad/ that begin with a letter ('\0': any) */
static inline size_t
side_count(struct side *s, const char *sub, char kind)
{
	DIR *d = opendir(side_path(s, sub, 0, "."));
	struct dirent *e;
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' &&
		    (kind == '\0' || e->d_name[0] == kind);
	(void)closedir(d);
	return n;
}

static inline unsigned char *
side_read(const char *path, size_t *ret_n)
{
	int fd = open(path, O_RDONLY);
	struct stat st;
	unsigned char *p;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*ret_n = (size_t)st.st_size;
	p = malloc(*ret_n + 1);
	assert_non_null(p);
	assert_int_equal(mc_file_pread(fd, p, *ret_n, 0, NULL), 0);
	(void)close(fd);
	return p;
}

static inline void
side_write(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, p, n, NULL), 0);
	(void)close(fd);
}

#endif
