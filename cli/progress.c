/* SPDX-License-Identifier: MIT */
/*
 * progress.c - how much of a large message is gone, on a terminal
 */
#include "cli.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LEAST_BYTES 1000000
#define BAR 20
#define PAUSE_MS 100

static int64_t
now_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
write_all(const char *p, size_t n)
{
	while (n != 0) {
		ssize_t k = write(STDERR_FILENO, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* blanks over it, since a terminal may know no other way */
static void
erase(struct cli_progress *p)
{
	char line[sizeof(p->line) + 2];

	if (p->width == 0)
		return;
	line[0] = '\r';
	memset(line + 1, ' ', p->width);
	line[1 + p->width] = '\r';
	write_all(line, p->width + 2);
	p->width = 0;
}

static void
show(struct cli_progress *p, uint64_t done, uint64_t total)
{
	struct cli_text line = { .ptr = NULL };
	/* total is not 0, and of a size that a disk can hold */
	unsigned percent = (unsigned)(done / (total / 100 + 1));
	char bar[BAR + 1];
	size_t n;

	if (done == total)
		percent = 100;
	memset(bar, '.', BAR);
	memset(bar, '#', percent * BAR / 100);
	bar[BAR] = '\0';
	cli_text_addf(&line, "\rsending [%s] %3u%%, ", bar, percent);
	cli_text_size(&line, done);
	cli_text_addz(&line, " of ");
	cli_text_size(&line, total);
	if (!line.failed && line.len <= sizeof(p->line)) {
		n = line.len - 1;
		while (line.len <= p->width && !line.failed)
			cli_text_addz(&line, " ");
		write_all(line.ptr, line.failed ? 0 : line.len);
		p->width = n > p->width ? n : p->width;
	}
	cli_text_free(&line);
}

static void
on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct cli_progress *p = ctx;
	int64_t now = now_ms();

	if (total < LEAST_BYTES ||
	    (done != total && p->width != 0 && now - p->shown < PAUSE_MS))
		return;
	p->shown = now;
	show(p, done, total);
}

/* nothing is written into the line */
static void
on_log(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct cli_progress *p = ctx;

	erase(p);
	cli_trace(&p->verbose, level, stage, text);
}

void
cli_progress_begin(struct cli_progress *p, struct mc_submission *sub)
{
	memset(p, 0, sizeof(*p));
	if (!isatty(STDERR_FILENO))
		return;
	mc_submission_set_log(sub, MC_LOG_WARN, on_log, p);
	mc_submission_set_progress(sub, on_progress, p);
}

void
cli_progress_end(struct cli_progress *p)
{
	erase(p);
}
