/* SPDX-License-Identifier: MIT */
/*
 * schedule.c - when a message goes again, when not any more, whose fault
 */
#include "base/base.h"

#include "queue/schedule.h"

#include <errno.h>

/* fewer attempts say nothing, however old the message is: the machine may
 * have been off */
#define LEAST_ATTEMPTS 4

void
mc_schedule_of(const struct mc_account *account,
    struct mc_schedule *ret_schedule)
{
	*ret_schedule = (struct mc_schedule){
		.retry_min = account->retry_min,
		.retry_max = account->retry_max,
		.lifetime = account->queue_lifetime,
		.unsure_wait = account->unsure_wait,
		.unsure_retries = account->unsure_retries,
	};
	if (ret_schedule->retry_max < ret_schedule->retry_min)
		ret_schedule->retry_max = ret_schedule->retry_min;
}

static uint64_t
larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* wait + a quarter of it */
static uint64_t
at_most(uint64_t wait)
{
	return wait > UINT64_MAX - wait / 4 ? UINT64_MAX : wait + wait / 4;
}

static int64_t
later(int64_t now, uint64_t wait)
{
	uint64_t room = (uint64_t)INT64_MAX - (uint64_t)now;

	return wait >= room ? INT64_MAX : (int64_t)((uint64_t)now + wait);
}

/* before chance has its say */
static uint64_t
wait_after(const struct mc_schedule *s, uint64_t attempts)
{
	uint64_t least = larger(s->retry_min, 1);
	uint64_t most = larger(least, s->retry_max);
	uint64_t doublings = attempts == 0 ? 0 : attempts - 1;

	if (doublings >= 64 || least > most >> doublings)
		return most;
	return least << doublings;
}

int64_t
mc_schedule_next(const struct mc_schedule *s, uint64_t attempts, int64_t now,
    uint32_t random)
{
	uint64_t wait = wait_after(s, attempts);
	/* the longest wait there is room for: 2^61 seconds are as good */
	uint64_t w = wait > UINT64_C(1) << 61 ? UINT64_C(1) << 61 : wait;
	uint64_t choices = w / 4 * 2 + 1;

	/* choices * random / 2^32, in two steps that cannot overflow */
	w = w - w / 4 + (choices >> 32) * random +
	    ((choices & UINT32_MAX) * random >> 32);
	return later(now, w);
}

int64_t
mc_schedule_next_unsure(const struct mc_schedule *s, uint64_t attempts,
    int64_t now, uint32_t random)
{
	int64_t next = mc_schedule_next(s, attempts, now, random);
	int64_t unsure = later(now, s->unsure_wait);

	return unsure > next ? unsure : next;
}

bool
mc_schedule_due(const struct mc_schedule *s, int64_t next, int64_t now)
{
	uint64_t longest = larger(s->unsure_wait,
	    larger(s->retry_min, s->retry_max));

	if (next <= now)
		return true;
	return (uint64_t)next - (uint64_t)now > larger(at_most(longest), 1);
}

bool
mc_schedule_expired(const struct mc_schedule *s, int64_t arrival,
    uint64_t attempts, int64_t now)
{
	if (attempts < LEAST_ATTEMPTS || now < MC_SCHEDULE_RELEASED ||
	    arrival >= now)
		return false;
	return (uint64_t)now - (uint64_t)arrival > s->lifetime;
}

/* ------------------------------------------------------------------- faults */

/* whom the table of failures blames: its classes of that name */
static bool
is_of_account(enum mc_code code)
{
	enum {
		CLASS_USAGE, CLASS_DATA, CLASS_CONFIG, CLASS_LOCAL, CLASS_TEMP,
		CLASS_ACCOUNT, CLASS_PROTO, CLASS_REPLY, CLASS_INTERNAL
	} class = CLASS_INTERNAL;

	switch (code) {
	case MC_OK:
		break;
#define MC_ERR(id, cl, status, x, y, z, text) \
	case MC_E_##id: class = CLASS_##cl; break;
#include "base/errors.def"
#undef MC_ERR
	}
	return class == CLASS_ACCOUNT || class == CLASS_CONFIG;
}

/* the way to everybody is blocked, or we are short of what it takes */
static bool
is_near(int sys)
{
	switch (sys) {
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EADDRNOTAVAIL:
#ifdef EHOSTDOWN
	case EHOSTDOWN:
#endif
#ifdef ENONET
	case ENONET:
#endif
	case EAGAIN:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return true;
	}
	return false;
}

static enum mc_fault
fault_opening(const struct mc_err *err)
{
	enum mc_code code = err->code;

	if (code == MC_E_NOMEM || code == MC_E_CANCELLED)
		return MC_FAULT_NETWORK;
	if (code == MC_E_TIMEOUT && err->stage == MC_STAGE_RESOLVE)
		return MC_FAULT_NETWORK;
	if ((code == MC_E_RESOLVE || code == MC_E_CONNECT ||
	    code == MC_E_TIMEOUT || code == MC_E_CLOSED ||
	    code == MC_E_NET) && is_near(err->sys))
		return MC_FAULT_NETWORK;
	return MC_FAULT_ACCOUNT;
}

enum mc_fault
mc_fault_of(const struct mc_err *err, bool opening)
{
	const int *enh = err->enh;

	if (err->code == MC_OK)
		return MC_FAULT_MESSAGE;
	if (err->smtp == 421 || err->code == MC_E_SERVER_UNAVAILABLE)
		return MC_FAULT_BUSY;
	if (opening)
		return fault_opening(err);
	if (is_of_account(err->code))
		return MC_FAULT_ACCOUNT;
	if (err->smtp >= 450 && err->smtp <= 452 && enh[0] == 4 &&
	    (enh[1] == 7 || (enh[1] == 3 && enh[2] == 2)))
		return MC_FAULT_BUSY;
	/* a provider's quota for the day, for which it says 550 5.4.5 */
	if (err->smtp >= 400 && enh[1] == 4 && enh[2] == 5)
		return MC_FAULT_BUSY;
	return MC_FAULT_MESSAGE;
}
