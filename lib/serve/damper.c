/* SPDX-License-Identifier: MIT */
/*
 * damper.c - lines about refusals, but not thousands of them
 */
#include "base/base.h"

#include "serve/damper.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

struct place {
	bool used;
	struct mc_whose whose;
	enum mc_refusal reason;
	int64_t until;		/* the end of its minute */
	uint32_t lines;
	uint64_t held;		/* not written */
};

struct mc_damper {
	struct place places[MC_DAMPER_MOST];
	struct place others[MC_REFUSED__COUNT];
};

struct mc_damper *
mc_damper_new(struct mc_err *err)
{
	struct mc_damper *d = mc_mem_zalloc(1, sizeof(*d));

	if (d == NULL)
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return d;
}

void
mc_damper_free(struct mc_damper *d)
{
	mc_mem_free(d);
}

/* what was held back has to be told before the place can be another's */
static bool
is_free(const struct place *p, int64_t now)
{
	return !p->used || (now >= p->until && p->held == 0);
}

static struct place *
place_for(struct mc_damper *d, struct mc_whose whose, enum mc_refusal reason,
    int64_t now)
{
	struct place *spare = &d->others[reason];

	for (size_t i = MC_DAMPER_MOST; i-- > 0;) {
		struct place *p = &d->places[i];

		if (is_free(p, now))
			spare = p;
		else if (p->reason == reason && p->whose.id == whose.id &&
		    p->whose.kind == whose.kind)
			return p;
	}
	return spare;
}

bool
mc_damper_allows(struct mc_damper *d, struct mc_whose whose,
    enum mc_refusal reason, int64_t now)
{
	struct place *p;

	if ((unsigned)reason >= MC_REFUSED__COUNT)
		return false;
	p = place_for(d, whose, reason, now);
	if (is_free(p, now))
		*p = (struct place){ .used = true, .whose = whose,
		    .reason = reason, .until = now + MC_DAMPER_TIME };
	if (p->lines < MC_DAMPER_LINES) {
		p->lines++;
		return true;
	}
	if (p->held < UINT64_MAX)
		p->held++;
	return false;
}

static bool
tell(struct place *p, int64_t now, bool others, struct mc_damped *ret_damped)
{
	if (!p->used || p->held == 0 || (now != MC_NEVER && now < p->until))
		return false;
	*ret_damped = (struct mc_damped){ .others = others,
	    .whose = p->whose, .reason = p->reason, .n = p->held };
	p->used = false;
	return true;
}

bool
mc_damper_due(struct mc_damper *d, int64_t now, struct mc_damped *ret_damped)
{
	for (size_t i = 0; i < MC_DAMPER_MOST; i++)
		if (tell(&d->places[i], now, false, ret_damped))
			return true;
	for (size_t i = 0; i < MC_REFUSED__COUNT; i++)
		if (tell(&d->others[i], now, true, ret_damped))
			return true;
	return false;
}

static void
sooner(const struct place *p, int64_t *next)
{
	if (p->used && p->held != 0 &&
	    (*next == MC_NEVER || p->until < *next))
		*next = p->until;
}

int64_t
mc_damper_next(const struct mc_damper *d)
{
	int64_t next = MC_NEVER;

	for (size_t i = 0; i < MC_DAMPER_MOST; i++)
		sooner(&d->places[i], &next);
	for (size_t i = 0; i < MC_REFUSED__COUNT; i++)
		sooner(&d->others[i], &next);
	return next;
}
