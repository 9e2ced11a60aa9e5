/* SPDX-License-Identifier: MIT */
/*
 * base.h - what every source file of mailchute includes first
 */
#ifndef MC_BASE_H
#define MC_BASE_H

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

#include "mailchute.h"

#if defined(__GNUC__) || defined(__clang__)
#define MC_NODISCARD __attribute__((warn_unused_result))
#define MC_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define MC_UNUSED __attribute__((unused))
#else
#define MC_NODISCARD
#define MC_PRINTF(f, a)
#define MC_UNUSED
#endif

#define MC_NELEM(a) (sizeof(a) / sizeof((a)[0]))

#include "base/banned.h"

#endif
