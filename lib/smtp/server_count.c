/* SPDX-License-Identifier: MIT */
/*
 * server_count.c - what a client has done wrong, and what comes of it
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include "base/limits.h"

/* recipients that weigh as much as one junk command */
#define RCPTS_A_JUNK 100

static void
add_up(unsigned *total, unsigned n)
{
	*total = n > UINT_MAX - *total ? UINT_MAX : *total + n;
}

bool
mc_server_count_error(struct mc_server *s)
{
	add_up(&s->errors_total, 1);
	if (++s->errors >= s->set.max_errors) {
		mc_server_say_close(s, MC_SAY_ERRORS);
		return false;
	}
	if (s->errors >= s->set.max_errors / 2)
		s->slow = true;
	return true;
}

bool
mc_server_count_junk(struct mc_server *s, unsigned n)
{
	add_up(&s->junk_total, n);
	add_up(&s->junk, n);
	if (s->junk >= s->set.max_junk) {
		mc_server_say_close(s, MC_SAY_JUNK);
		return false;
	}
	if (s->junk >= s->set.max_junk / 2)
		s->slow = true;
	return true;
}

/*
 * The answer to a recipient tells nothing of whether there is such a mailbox,
 * but who asks for thousands without a message means no good.
 */
bool
mc_server_count_given_up(struct mc_server *s)
{
	size_t n = s->txn.rcpts / RCPTS_A_JUNK;

	if (!s->txn.open)
		return true;
	return mc_server_count_junk(s, n < UINT_MAX ? (unsigned)n + 1 :
	    UINT_MAX);
}

/* a client that does not wait for answers may have some hundreds too many */
bool
mc_server_count_put_off(struct mc_server *s)
{
	if (++s->txn.put_off % RCPTS_A_JUNK != 0)
		return true;
	return mc_server_count_junk(s, 1);
}

/* how far in the second half of what is allowed; 0: not there yet */
static unsigned
beyond(unsigned n, unsigned max)
{
	return n < max / 2 ? 0 : n - max / 2 + 1;
}

unsigned
mc_server_slowness(const struct mc_server *s)
{
	unsigned n = beyond(s->errors, s->set.max_errors);
	unsigned m = beyond(s->junk, s->set.max_junk);

	if (n < m)
		n = m;
	if (n < 1)
		return 1;
	return n < MC_MAX_SERVER_SLOW ? n : MC_MAX_SERVER_SLOW;
}

unsigned
mc_server_errors_total(const struct mc_server *s)
{
	return s->errors_total;
}

unsigned
mc_server_junk_total(const struct mc_server *s)
{
	return s->junk_total;
}
