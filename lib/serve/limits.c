/* SPDX-License-Identifier: MIT */
/*
 * limits.c - how much each user of the local service has had
 */
#include "base/base.h"

#include "serve/limits.h"

#include "base/err.h"
#include "base/mem.h"
#include "serve/limits_internal.h"

/* what wears off within reason */
#define MOST_ERRORS 1000

/* -------------------------------------------------------------------- entries */

static size_t
bucket_of(struct mc_whose whose)
{
	uint32_t hash = (whose.id ^ (uint32_t)whose.kind << 31) * 2654435761u;

	return hash >> 16 & (MC_LIMITS_BUCKETS - 1);
}

/* index of the entry, or MC_LIMITS_NONE */
static uint16_t
find(const struct mc_limits *l, struct mc_whose whose)
{
	uint16_t i = l->buckets[bucket_of(whose)];

	while (i != MC_LIMITS_NONE && (l->entries[i].whose.id != whose.id ||
	    l->entries[i].whose.kind != whose.kind))
		i = l->entries[i].next;
	return i;
}

/* NULL: there is none */
static struct mc_limits_entry *
get(struct mc_limits *l, struct mc_whose whose)
{
	uint16_t i = find(l, whose);

	return i == MC_LIMITS_NONE ? NULL : &l->entries[i];
}

static void
wear_off(struct mc_limits_entry *e, int64_t now)
{
	while (e->errors != 0 && now - e->errors_at >= MC_LIMITS_HALF) {
		e->errors /= 2;
		e->errors_at += MC_LIMITS_HALF;
	}
	if (e->errors == 0)
		e->errors_at = now;
}

bool
mc_limits_is_idle(struct mc_limits_entry *e, int64_t now)
{
	wear_off(e, now);
	return e->sessions == 0 && e->errors == 0 &&
	    e->messages_at <= now * 1000 && e->recipients_at <= now * 1000 &&
	    e->old_messages == 0 && e->new_messages == 0;
}

static void
forget(struct mc_limits *l, uint16_t i)
{
	struct mc_limits_entry *e = &l->entries[i];
	uint16_t *link = &l->buckets[bucket_of(e->whose)];

	while (*link != i)
		link = &l->entries[*link].next;
	*link = e->next;
	*e = (struct mc_limits_entry){ .next = l->free };
	l->free = i;
	l->n--;
}

static void
forget_idle(struct mc_limits *l, int64_t now)
{
	for (uint16_t i = 0; i < l->reached; i++)
		if (l->entries[i].used &&
		    mc_limits_is_idle(&l->entries[i], now))
			forget(l, i);
}

/* take one out of what is unused: its index, or MC_LIMITS_NONE */
static uint16_t
unused(struct mc_limits *l, int64_t now)
{
	uint16_t i;

	if (l->free == MC_LIMITS_NONE && l->reached < MC_LIMITS_MOST)
		return l->reached++;
	if (l->free == MC_LIMITS_NONE)
		forget_idle(l, now);
	i = l->free;
	if (i != MC_LIMITS_NONE)
		l->free = l->entries[i].next;
	return i;
}

struct mc_limits_entry *
mc_limits_need(struct mc_limits *l, struct mc_whose whose, int64_t now)
{
	uint16_t i = find(l, whose), *bucket;
	struct mc_limits_entry *e;

	if (i != MC_LIMITS_NONE)
		return &l->entries[i];
	i = unused(l, now);
	if (i == MC_LIMITS_NONE)
		return NULL;
	bucket = &l->buckets[bucket_of(whose)];
	e = &l->entries[i];
	*e = (struct mc_limits_entry){ .whose = whose, .used = true,
	    .next = *bucket, .errors_at = now };
	*bucket = i;
	l->n++;
	return e;
}

/* -------------------------------------------------------------- life and death */

struct mc_limits *
mc_limits_new(const struct mc_serve_limits *limits, struct mc_err *err)
{
	struct mc_limits *l = mc_mem_zalloc(1, sizeof(*l));

	if (l == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		return NULL;
	}
	l->set = *limits;
	for (size_t i = 0; i < MC_LIMITS_BUCKETS; i++)
		l->buckets[i] = MC_LIMITS_NONE;
	l->free = MC_LIMITS_NONE;
	return l;
}

void
mc_limits_free(struct mc_limits *l)
{
	if (l == NULL)
		return;
	mc_usage_clear(&l->usage);
	mc_mem_free(l);
}

/* ------------------------------------------------------------------- sessions */

enum mc_refusal
mc_limits_join(struct mc_limits *l, struct mc_whose whose, int64_t now)
{
	bool user = whose.kind == MC_WHOSE_USER;
	struct mc_limits_entry *e = mc_limits_need(l, whose, now);

	if (e == NULL)
		return MC_REFUSED_USERS;
	if (e->sessions >= (user ? l->set.sessions_user :
	    l->set.sessions_loopback))
		return user ? MC_REFUSED_USER_SESSIONS :
		    MC_REFUSED_LOOPBACK_SESSIONS;
	e->sessions++;
	return MC_REFUSED_NOT;
}

void
mc_limits_leave(struct mc_limits *l, struct mc_whose whose)
{
	struct mc_limits_entry *e = get(l, whose);

	if (e != NULL && e->sessions != 0)
		e->sessions--;
}

static int64_t
delay_of(struct mc_limits *l, struct mc_whose whose, int64_t now)
{
	struct mc_limits_entry *e = get(l, whose);
	int64_t delay;

	if (e == NULL)
		return 0;
	wear_off(e, now);
	if (e->errors <= MC_LIMITS_FREE_ERRORS)
		return 0;
	delay = (int64_t)(e->errors - MC_LIMITS_FREE_ERRORS) *
	    MC_LIMITS_ERROR_DELAY;
	return delay < MC_LIMITS_MOST_DELAY ? delay : MC_LIMITS_MOST_DELAY;
}

enum mc_refusal
mc_limits_open(struct mc_limits *l, struct mc_whose whose, int64_t now,
    int64_t *ret_delay)
{
	enum mc_refusal why;

	if (l->sessions >= l->set.sessions)
		return MC_REFUSED_SESSIONS;
	why = mc_limits_join(l, whose, now);
	if (why != MC_REFUSED_NOT)
		return why;
	l->sessions++;
	*ret_delay = delay_of(l, whose, now);
	return MC_REFUSED_NOT;
}

void
mc_limits_close(struct mc_limits *l, struct mc_whose whose)
{
	mc_limits_leave(l, whose);
	if (l->sessions != 0)
		l->sessions--;
}

uint32_t
mc_limits_sessions(const struct mc_limits *l)
{
	return l->sessions;
}

bool
mc_limits_busy(const struct mc_limits *l)
{
	return (uint64_t)l->sessions * 4 > (uint64_t)l->set.sessions * 3;
}

void
mc_limits_errors(struct mc_limits *l, struct mc_whose whose, uint32_t n,
    int64_t now)
{
	struct mc_limits_entry *e;

	if (n == 0 || (e = mc_limits_need(l, whose, now)) == NULL)
		return;
	wear_off(e, now);
	e->errors = n > MOST_ERRORS - e->errors ? MOST_ERRORS : e->errors + n;
}

/* ---------------------------------------------------------------------- rates */

/*
 * *at is when nothing is used of the allowance.  It may lie `seconds` ahead:
 * then all of it is.
 */
static bool
take(const struct mc_serve_rate *rate, int64_t *at, uint32_t n, int64_t now,
    int64_t *ret_wait)
{
	int64_t whole = (int64_t)rate->seconds * 1000000;
	int64_t from = *at > now * 1000 ? *at : now * 1000;
	int64_t to, over;

	if (n > rate->count) {
		*ret_wait = (int64_t)rate->seconds;
		return false;
	}
	to = from + whole / (int64_t)rate->count * n;
	over = to - now * 1000 - whole;
	if (over > 0) {
		*ret_wait = (over + 999999) / 1000000;
		return false;
	}
	*at = to;
	return true;
}

enum mc_refusal
mc_limits_message(struct mc_limits *l, struct mc_whose whose, int64_t now,
    int64_t *ret_wait)
{
	struct mc_limits_entry *e;

	if (l->set.messages.count == 0)
		return MC_REFUSED_NOT;
	e = mc_limits_need(l, whose, now);
	if (e == NULL)
		return MC_REFUSED_USERS;
	return take(&l->set.messages, &e->messages_at, 1, now, ret_wait) ?
	    MC_REFUSED_NOT : MC_REFUSED_RATE_MESSAGES;
}

enum mc_refusal
mc_limits_recipients(struct mc_limits *l, struct mc_whose whose, uint32_t n,
    int64_t now, int64_t *ret_wait)
{
	struct mc_limits_entry *e;

	if (l->set.recipients.count == 0)
		return MC_REFUSED_NOT;
	e = mc_limits_need(l, whose, now);
	if (e == NULL)
		return MC_REFUSED_USERS;
	return take(&l->set.recipients, &e->recipients_at, n, now, ret_wait) ?
	    MC_REFUSED_NOT : MC_REFUSED_RATE_RECIPIENTS;
}

/* --------------------------------------------------------------------- shares */

static uint64_t
sum_of(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* is it more than `percent` of the whole?  A whole of 0 has no limit */
static bool
is_over(uint64_t part, uint64_t whole, uint32_t percent)
{
	uint64_t share = whole / 100 * percent + whole % 100 * percent / 100;

	return whole != 0 && part > share;
}

enum mc_refusal
mc_limits_share(const struct mc_limits *l, uid_t uid, uint64_t bytes)
{
	const uint16_t i = find(l, mc_whose_user(uid));
	const struct mc_usage_user *u;
	uint64_t messages = 1;

	if (!l->counted || l->set.queue_share >= 100)
		return MC_REFUSED_NOT;
	u = mc_usage_find(&l->usage, uid);
	if (u != NULL) {
		messages = sum_of(messages, u->messages);
		bytes = sum_of(bytes, u->bytes);
	}
	if (i != MC_LIMITS_NONE) {
		const struct mc_limits_entry *e = &l->entries[i];

		messages = sum_of(messages, e->old_messages + e->new_messages);
		bytes = sum_of(bytes, sum_of(e->old_bytes, e->new_bytes));
	}
	/* one message may be had by everybody, whatever the parts are */
	if (messages > 1 && is_over(messages, l->usage.whole_messages,
	    l->set.queue_share))
		return MC_REFUSED_SHARE;
	if (is_over(bytes, l->usage.whole_bytes, l->set.queue_share))
		return MC_REFUSED_SHARE;
	return MC_REFUSED_NOT;
}

void
mc_limits_committed(struct mc_limits *l, uid_t uid, uint64_t bytes,
    int64_t now)
{
	struct mc_limits_entry *e = mc_limits_need(l, mc_whose_user(uid), now);

	if (e == NULL)
		return;
	e->new_messages = sum_of(e->new_messages, 1);
	e->new_bytes = sum_of(e->new_bytes, bytes);
}

void
mc_limits_begin_usage(struct mc_limits *l)
{
	for (size_t i = 0; i < l->reached; i++) {
		struct mc_limits_entry *e = &l->entries[i];

		e->old_messages = sum_of(e->old_messages, e->new_messages);
		e->old_bytes = sum_of(e->old_bytes, e->new_bytes);
		e->new_messages = e->new_bytes = 0;
	}
}

int
mc_limits_set_usage(struct mc_limits *l, const struct mc_usage *usage,
    struct mc_err *err)
{
	struct mc_usage copy = *usage;
	size_t n = usage->users.n;

	mc_vec_init(&copy.users, sizeof(struct mc_usage_user), n);
	for (size_t i = 0; i < n; i++) {
		struct mc_usage_user *u = mc_vec_add(&copy.users);

		if (u == NULL) {
			mc_usage_clear(&copy);
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		}
		*u = *(const struct mc_usage_user *)mc_vec_at(&usage->users,
		    i);
	}
	mc_usage_clear(&l->usage);
	l->usage = copy;
	l->counted = true;
	for (size_t i = 0; i < l->reached; i++)
		l->entries[i].old_messages = l->entries[i].old_bytes = 0;
	return 0;
}
