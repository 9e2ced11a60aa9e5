/* SPDX-License-Identifier: MIT */
/*
 * env.h - look into an environment that the caller has handed in
 */
#ifndef MC_ENV_H
#define MC_ENV_H

#include "base/base.h"

/* value of a variable, a slice of envp; NULL if there is none or it is empty,
 * or envp is NULL */
const char *
mc_env_get(char *const *envp, const char *name);

#endif
