/* SPDX-License-Identifier: MIT */
/*
 * log.h - one call that hands a line to whoever uses the library
 *
 * Lines are printable, carry no newline and never a secret: callers pass
 * display texts only.  A null log, or one without function, drops all.
 */
#ifndef MC_LOG_H
#define MC_LOG_H

#include "base/str.h"

struct mc_log {
	mc_log_fn fn;		/* from mailchute.h */
	void *ctx;
	enum mc_level most;	/* lines above this level are not made */
};

void
mc_log_line(const struct mc_log *log, enum mc_level level, enum mc_stage stage,
    const char *fmt, ...) MC_PRINTF(4, 5);

static inline bool
mc_log_wants(const struct mc_log *log, enum mc_level level)
{
	return log != NULL && log->fn != NULL && level <= log->most;
}

#endif
