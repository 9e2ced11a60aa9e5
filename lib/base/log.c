/* SPDX-License-Identifier: MIT */
/*
 * log.c - one call that hands a line to whoever uses the library
 */
#include "base/base.h"
#include "base/log.h"

/* longer lines are cut: a log is no transcript */
#define LINE_MAX_BYTES 2048

void
mc_log_line(const struct mc_log *log, enum mc_level level, enum mc_stage stage,
    const char *fmt, ...)
{
	if (level == MC_LOG_NONE || !mc_log_wants(log, level))
		return;

	char raw[LINE_MAX_BYTES];
	char text[LINE_MAX_BYTES];
	va_list ap;

	va_start(ap, fmt);

	int n = vsnprintf(raw, sizeof(raw), fmt, ap);

	va_end(ap);
	if (n < 0)
		return;
	(void)mc_str_printable(mc_str_from(raw), text, sizeof(text));
	log->fn(log->ctx, level, stage, text);
}
