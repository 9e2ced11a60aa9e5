/* SPDX-License-Identifier: MIT */
/*
 * fact.c - tell somebody who asks what is seen on the way to a server
 */
#include "base/base.h"
#include "base/fact.h"

#define MOST_BYTES 2048

void
mc_fact(const struct mc_facts *facts, enum mc_stage stage, const char *name,
    struct mc_str value)
{
	char text[MOST_BYTES];

	if (facts == NULL)
		return;
	(void)mc_str_printable(value, text, sizeof(text));
	facts->fn(facts->ctx, stage, name, text);
}

void
mc_fact_number(const struct mc_facts *facts, enum mc_stage stage,
    const char *name, int64_t value)
{
	char text[24];

	if (facts == NULL)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	facts->fn(facts->ctx, stage, name, text);
}
