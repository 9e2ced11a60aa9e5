/* SPDX-License-Identifier: MIT */
/*
 * side.h - what the drivers of the crash tests share: a spool, lines that are
 * single writes, and bodies that can be told whole from altered
 */
#ifndef MC_CRASH_SIDE_H
#define MC_CRASH_SIDE_H

#include "base/base.h"

#include "base/err.h"
#include "queue/store.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define MARK_LEN 64

static void
say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	text[n++] = '\n';
	if (write(1, text, (size_t)n) != n)
		_exit(99);
}

static void
tell_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	(void)ctx;
	(void)level;
	(void)stage;
	fprintf(stderr, "log: %s\n", text);
}

static const struct mc_log driver_log = { tell_log, NULL, MC_LOG_ERROR };

static struct mc_store *
open_store(const char *dir)
{
	/* no reserve to speak of: a full disk is to be really full */
	struct mc_store_settings set = { .dir = dir, .reserve_bytes = 1,
	    .log = &driver_log };
	struct mc_err err = { .code = MC_OK };
	struct mc_store *store;

	if (mc_store_open(&set, &store, &err) == 0)
		return store;
	fprintf(stderr, "%s\n", err.text);
	say("refused %s", mc_code_name(err.code));
	return NULL;
}

/* ------------------------------------------------------------------- bodies */

static void
fill(char *p, size_t from, size_t n, const char *mark)
{
	size_t k = strlen(mark);

	for (size_t i = 0; i < n; i++)
		p[i] = (from + i) % 78 == 77 ? '\n' :
		    mark[((from + i) * 7 + (from + i) / 91) % k];
}

/* the body follows from mark and size, which stand in its first line */
static int
side_write_body(struct mc_spool *body, const char *mark, size_t size,
    struct mc_err *err)
{
	char head[128], piece[1000];
	int n = snprintf(head, sizeof(head), "%s %zu\r\n", mark, size);

	if (mc_spool_add(body, head, (size_t)n, err) != 0)
		return -1;
	for (size_t at = 0; at < size; at += sizeof(piece)) {
		size_t k = size - at < sizeof(piece) ? size - at :
		    sizeof(piece);

		fill(piece, at, k, mark);
		if (mc_spool_add(body, piece, k, err) != 0)
			return -1;
	}
	return 0;
}

enum content { WHOLE, ALTERED, UNREADABLE };

static enum content
side_look_body(const struct mc_spool *body, char ret_mark[MARK_LEN])
{
	char head[128] = "", have[1000], want[1000];
	size_t got, size = 0;

	if (mc_spool_read(body, 0, head, sizeof(head) - 1, &got, NULL) != 0)
		return UNREADABLE;
	char *end = strstr(head, "\r\n");
	if (end == NULL || sscanf(head, "%60s %zu", ret_mark, &size) != 2)
		return ALTERED;
	size_t start = (size_t)(end + 2 - head);
	if (body->size != start + size)
		return ALTERED;
	for (size_t at = 0; at < size; at += got) {
		if (mc_spool_read(body, start + at, have, sizeof(have), &got,
		    NULL) != 0)
			return UNREADABLE;
		if (got == 0)
			return ALTERED;
		fill(want, at, got, ret_mark);
		if (memcmp(have, want, got) != 0)
			return ALTERED;
	}
	return WHOLE;
}

#endif
