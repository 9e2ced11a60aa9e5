/* SPDX-License-Identifier: MIT */
/*
 * tell.c - what a server says before the first message, for whoever asks
 */
#include "base/base.h"
#include "smtp/tell.h"

#include "base/buf.h"
#include "base/limits.h"

static void
tell_text(const struct mc_facts *facts, enum mc_stage stage,
    const char *name, const struct mc_reply *r)
{
	struct mc_buf out;

	mc_buf_init(&out, MC_MAX_REPLY_TEXT + 1);
	mc_reply_text(r, &out);
	/* without memory it is not known, which a fact may always be */
	if (mc_buf_err(&out, "reply", NULL) == 0)
		mc_fact(facts, stage, name, mc_buf_str(&out));
	mc_buf_clear(&out);
}

static void
tell_ehlo(const struct mc_facts *facts, bool secured,
    const struct mc_reply *r)
{
	struct mc_caps caps;

	mc_caps_parse(r, &caps);
	mc_fact(facts, MC_STAGE_EHLO, "tls",
	    secured ? MC_STR("yes") : MC_STR("no"));
	for (size_t i = 0; i < r->lines; i++)
		mc_fact(facts, MC_STAGE_EHLO, "line", mc_reply_line(r, i));
	mc_fact(facts, MC_STAGE_EHLO, "mechanisms",
	    mc_str_trim(mc_str_from(caps.mechs)));
	if ((caps.flags & MC_CAP_SIZE) != 0)
		mc_fact_number(facts, MC_STAGE_EHLO, "size",
		    (int64_t)caps.size);
}

void
mc_tell_reply(const struct mc_facts *facts, enum mc_stage stage, bool secured,
    const struct mc_reply *r)
{
	if (stage == MC_STAGE_EHLO && r->code == 250)
		tell_ehlo(facts, secured, r);
	else if (r->code != 334)
		tell_text(facts, stage, stage == MC_STAGE_GREETING ? "text" :
		    "reply", r);
}
