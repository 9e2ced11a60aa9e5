/* SPDX-License-Identifier: MIT */
/*
 * fact.h - tell somebody who asks what is seen on the way to a server
 *
 * Only a probe asks.  Everywhere else the pointer is NULL, and the test of it
 * is all that a fact costs: whoever has to work for one tests first.
 */
#ifndef MC_FACT_H
#define MC_FACT_H

#include "base/str.h"

struct mc_facts {
	mc_fact_fn fn;		/* from mailchute.h; not NULL */
	void *ctx;
};

/* what others wrote becomes printable, and is cut to 2 KiB; never a secret */
void
mc_fact(const struct mc_facts *facts, enum mc_stage stage, const char *name,
    struct mc_str value);

void
mc_fact_number(const struct mc_facts *facts, enum mc_stage stage,
    const char *name, int64_t value);

#endif
