/* SPDX-License-Identifier: MIT */
/*
 * version.c - which library this is
 */
#include "base/base.h"

const char *
mc_version(void)
{
	return VERSION;
}
