/* SPDX-License-Identifier: MIT */
/*
 * format_params.c - what else is asked of the server, as records of a queued
 * message
 */
#include "base/base.h"

#include "queue/format.h"

uint32_t
mc_qf_version_for(const struct mc_envelope *env)
{
	return env->require_tls ? 2 : 1;
}

void
mc_qf_params_encode(const struct mc_envelope *env,
    void (*add)(struct mc_buf *out, struct mc_str text), struct mc_buf *out)
{
	if (env->require_tls)
		add(out, MC_STR("REQUIRETLS"));
}

static bool
take_require_tls(struct mc_envelope *env, struct mc_str value)
{
	if (value.len != 0 || env->require_tls)
		return false;
	env->require_tls = true;
	return true;
}

bool
mc_qf_params_take(struct mc_envelope *env, struct mc_str text)
{
	static const struct {
		const char *name;
		bool (*take)(struct mc_envelope *env, struct mc_str value);
	} params[] = {
		{ "REQUIRETLS", take_require_tls },
	};
	size_t n = mc_str_chr(text, '=');

	for (size_t i = 0; i < MC_NELEM(params); i++)
		if (mc_str_eq(mc_str_sub(text, 0, n),
		    mc_str_from(params[i].name)))
			return params[i].take(env, mc_str_sub(text, n,
			    text.len));
	return false;
}
