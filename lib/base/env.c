/* SPDX-License-Identifier: MIT */
/*
 * env.c - look into an environment that the caller has handed in
 */
#include "base/base.h"
#include "base/env.h"

const char *
mc_env_get(char *const *envp, const char *name)
{
	size_t n = strlen(name);

	for (; envp != NULL && *envp != NULL; envp++) {
		if (strncmp(*envp, name, n) != 0 || (*envp)[n] != '=')
			continue;
		return (*envp)[n + 1] != '\0' ? *envp + n + 1 : NULL;
	}
	return NULL;
}
