/* SPDX-License-Identifier: MIT */
/*
 * format_params.c - what else is asked of the server, or known, as records of a
 * queued message
 */
#include "base/base.h"

#include "queue/format.h"

#include <inttypes.h>

#include "base/num.h"

uint32_t
mc_qf_version_for(const struct mc_envelope *env)
{
	return env->copied || env->require_tls || env->has_priority ||
	    env->by != MC_BY_NONE || env->hold_until != 0 ? 2 : 1;
}

/* without memory for it, the envelope has none either */
static void
put(void (*add)(struct mc_buf *out, struct mc_str text), struct mc_buf *text,
    struct mc_buf *out)
{
	if (text->err != MC_OK)
		out->err = text->err;
	else
		add(out, mc_buf_str(text));
	mc_buf_reset(text);
}

void
mc_qf_params_encode(const struct mc_envelope *env,
    void (*add)(struct mc_buf *out, struct mc_str text), struct mc_buf *out)
{
	struct mc_buf text;

	if (env->copied)
		add(out, MC_STR("COPIED"));
	if (env->require_tls)
		add(out, MC_STR("REQUIRETLS"));
	mc_buf_init(&text, 64);
	if (env->has_priority) {
		mc_buf_addf(&text, "MT-PRIORITY=%d", env->priority);
		put(add, &text, out);
	}
	if (env->by != MC_BY_NONE) {
		mc_buf_addf(&text, "BY=%" PRId64 ";%s%s", env->by_time,
		    env->by == MC_BY_RETURN ? "R" : "N",
		    env->by_trace ? "T" : "");
		put(add, &text, out);
	}
	if (env->hold_until != 0) {
		mc_buf_addf(&text, "HOLD=%" PRId64, env->hold_until);
		put(add, &text, out);
	}
	mc_buf_clear(&text);
}

static bool
take_copied(struct mc_envelope *env, struct mc_str value)
{
	if (value.len != 0 || env->copied)
		return false;
	env->copied = true;
	return true;
}

static bool
take_require_tls(struct mc_envelope *env, struct mc_str value)
{
	if (value.len != 0 || env->require_tls)
		return false;
	env->require_tls = true;
	return true;
}

static bool
take_priority(struct mc_envelope *env, struct mc_str value)
{
	bool minus = value.len == 3 && value.ptr[1] == '-';
	uint64_t n;

	if (env->has_priority || value.len != (minus ? 3 : 2) ||
	    mc_num_u64(mc_str_sub(value, minus ? 2 : 1, 1), 9, &n) != 0 ||
	    (minus && n == 0))
		return false;
	env->has_priority = true;
	env->priority = minus ? -(int)n : (int)n;
	return true;
}

static bool
take_by(struct mc_envelope *env, struct mc_str value)
{
	size_t end = mc_str_chr(value, ';');
	struct mc_str mode = mc_str_sub(value, end, value.len);
	bool returns = mc_str_eq(mc_str_sub(mode, 0, 2), MC_STR(";R"));
	uint64_t when;

	if (env->by != MC_BY_NONE || value.len == 0 ||
	    mc_num_u64(mc_str_sub(value, 1, end - 1), INT64_MAX / 2,
	    &when) != 0 ||
	    (!returns && !mc_str_eq(mc_str_sub(mode, 0, 2), MC_STR(";N"))) ||
	    (mode.len != 2 && !mc_str_eq(mc_str_sub(mode, 2, mode.len),
	    MC_STR("T"))))
		return false;
	env->by = returns ? MC_BY_RETURN : MC_BY_NOTIFY;
	env->by_trace = mode.len != 2;
	env->by_time = (int64_t)when;
	return true;
}

static bool
take_hold(struct mc_envelope *env, struct mc_str value)
{
	uint64_t when;

	if (env->hold_until != 0 || value.len == 0 ||
	    mc_num_u64(mc_str_sub(value, 1, value.len), INT64_MAX / 2,
	    &when) != 0 || when == 0)
		return false;
	env->hold_until = (int64_t)when;
	return true;
}

bool
mc_qf_params_take(struct mc_envelope *env, struct mc_str text)
{
	static const struct {
		const char *name;
		bool (*take)(struct mc_envelope *env, struct mc_str value);
	} params[] = {
		{ "COPIED", take_copied },
		{ "REQUIRETLS", take_require_tls },
		{ "MT-PRIORITY", take_priority },
		{ "BY", take_by },
		{ "HOLD", take_hold },
	};
	size_t n = mc_str_chr(text, '=');

	for (size_t i = 0; i < MC_NELEM(params); i++)
		if (mc_str_eq(mc_str_sub(text, 0, n),
		    mc_str_from(params[i].name)))
			return params[i].take(env, mc_str_sub(text, n,
			    text.len));
	return false;
}
