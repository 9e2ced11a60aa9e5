/* SPDX-License-Identifier: MIT */
/*
 * test_schedule.c - when a message goes again, when not any more, whose fault
 */
#include "unit.h"

#include "queue/schedule.h"

#include <errno.h>
#include <inttypes.h>

#define NOW (MC_SCHEDULE_RELEASED + 1000)
#define DAY 86400

static const struct mc_schedule usual = { .retry_min = 60,
    .retry_max = 14400, .lifetime = 5 * DAY, .unsure_wait = 1800,
    .unsure_retries = 3 };

static void
of_account(void **state)
{
	struct mc_account a = { .retry_min = 1, .retry_max = 2,
	    .queue_lifetime = 3, .unsure_wait = 4, .unsure_retries = 5 };
	struct mc_schedule s;

	(void)state;
	mc_schedule_of(&a, &s);
	assert_int_equal(s.retry_min, 1);
	assert_int_equal(s.retry_max, 2);
	assert_int_equal(s.lifetime, 3);
	assert_int_equal(s.unsure_wait, 4);
	assert_int_equal(s.unsure_retries, 5);
	a.retry_min = 9;
	mc_schedule_of(&a, &s);
	assert_int_equal(s.retry_min, 9);
	assert_int_equal(s.retry_max, 9);
}

static void
next(void **state)
{
	/* the wait with least and most chance */
	static const struct {
		uint64_t min;
		uint64_t max;
		uint64_t attempts;
		int64_t least;
		int64_t most;
	} t[] = {
		{ 60, 14400, 0, 45, 75 },
		{ 60, 14400, 1, 45, 75 },
		{ 60, 14400, 2, 90, 150 },
		{ 60, 14400, 3, 180, 300 },
		{ 60, 14400, 8, 5760, 9600 },
		{ 60, 14400, 9, 10800, 18000 },
		{ 60, 14400, 10, 10800, 18000 },
		{ 60, 14400, 63, 10800, 18000 },
		{ 60, 14400, 64, 10800, 18000 },
		{ 60, 14400, 65, 10800, 18000 },
		{ 60, 14400, UINT64_MAX, 10800, 18000 },
		{ 60, 60, 1, 45, 75 },
		{ 60, 60, 9, 45, 75 },
		/* a maximum below the minimum */
		{ 600, 60, 1, 450, 750 },
		{ 600, 60, 5, 450, 750 },
		{ 600, 0, 5, 450, 750 },
		/* nothing left for chance */
		{ 0, 0, 1, 1, 1 },
		{ 0, 0, UINT64_MAX, 1, 1 },
		{ 1, 1, 1, 1, 1 },
		{ 1, 3, 9, 3, 3 },
		{ 4, 4, 1, 3, 5 },
		{ 5, 5, 1, 4, 6 },
		{ 0, 100, 1, 1, 1 },
		{ 0, 100, 4, 6, 10 },
		{ 0, 100, 64, 75, 125 },
		{ 1, UINT64_MAX, 61, INT64_C(3) << 58, INT64_C(5) << 58 },
		{ 1, UINT64_MAX, 64, INT64_C(3) << 59, INT64_C(5) << 59 },
		{ UINT64_MAX, UINT64_MAX, 1, INT64_C(3) << 59,
		    INT64_C(5) << 59 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_schedule s = { .retry_min = t[i].min,
		    .retry_max = t[i].max };
		int64_t least = mc_schedule_next(&s, t[i].attempts, 0, 0);
		int64_t most = mc_schedule_next(&s, t[i].attempts, 0,
		    UINT32_MAX);

		/* a large range is not hit to the second */
		if (least != t[i].least || most > t[i].most ||
		    most < t[i].most - t[i].most / 1000000000)
			fail_msg("%zu: %" PRId64 " to %" PRId64, i, least,
			    most);
		assert_int_equal(mc_schedule_next(&s, t[i].attempts, -77, 0),
		    t[i].least - 77);
	}
}

/* chance is even, and grows with the number that comes in */
static void
chance(void **state)
{
	int64_t before = 0;
	unsigned hits[31] = { 0 };

	(void)state;
	for (uint32_t i = 0; i < 31000; i++) {
		int64_t at = mc_schedule_next(&usual, 1, NOW,
		    (uint32_t)(((uint64_t)i << 32) / 31000));

		assert_in_range(at - NOW, 45, 75);
		assert_true(at >= before);
		before = at;
		hits[at - NOW - 45]++;
	}
	for (size_t i = 0; i < MC_NELEM(hits); i++)
		assert_in_range(hits[i], 999, 1001);
}

static void
end_of_time(void **state)
{
	static const uint64_t waits[] = { 0, 1, 60, INT64_MAX, UINT64_MAX };
	static const uint32_t randoms[] = { 0, 1, 0x80000000u, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(waits); i++) {
		for (size_t k = 0; k < MC_NELEM(randoms); k++) {
			struct mc_schedule s = { .retry_min = waits[i],
			    .retry_max = waits[i], .unsure_wait = waits[i] };
			int64_t at = mc_schedule_next(&s, 3, INT64_MAX,
			    randoms[k]);

			assert_true(at == INT64_MAX);
			at = mc_schedule_next_unsure(&s, 3, INT64_MAX - 1,
			    randoms[k]);
			assert_true(at == INT64_MAX);
			at = mc_schedule_next(&s, 3, INT64_MIN, randoms[k]);
			assert_true(at > INT64_MIN && at < 0);
			at = mc_schedule_next_unsure(&s, 3, INT64_MIN,
			    randoms[k]);
			assert_true(at > INT64_MIN);
			(void)mc_schedule_due(&s, INT64_MAX, INT64_MIN);
			(void)mc_schedule_expired(&s, INT64_MIN, 9, INT64_MAX);
		}
	}
	assert_true(mc_schedule_next(&usual, 1, INT64_MAX - 45, 0) ==
	    INT64_MAX);
	assert_true(mc_schedule_next(&usual, 1, INT64_MAX - 46, 0) ==
	    INT64_MAX - 1);
}

static void
unsure(void **state)
{
	struct mc_schedule s = usual;

	(void)state;
	assert_int_equal(mc_schedule_next_unsure(&s, 1, NOW, 0), NOW + 1800);
	assert_int_equal(mc_schedule_next_unsure(&s, 1, NOW, UINT32_MAX),
	    NOW + 1800);
	assert_int_equal(mc_schedule_next_unsure(&s, 9, NOW, 0), NOW + 10800);
	s.unsure_wait = 0;
	assert_int_equal(mc_schedule_next_unsure(&s, 1, NOW, 0), NOW + 45);
}

static void
due(void **state)
{
	static const struct {
		uint64_t min;
		uint64_t max;
		uint64_t unsure;
		int64_t ahead;
		bool due;
	} t[] = {
		{ 60, 14400, 1800, 0, true },
		{ 60, 14400, 1800, -1, true },
		{ 60, 14400, 1800, -NOW, true },
		{ 60, 14400, 1800, 1, false },
		{ 60, 14400, 1800, 18000, false },
		{ 60, 14400, 1800, 18001, true },
		{ 60, 14400, 1800, 400 * DAY, true },
		/* the longest is another one */
		{ 60, 60, 1800, 2250, false },
		{ 60, 60, 1800, 2251, true },
		{ 7200, 60, 1800, 9000, false },
		{ 7200, 60, 1800, 9001, true },
		{ 0, 0, 0, 1, false },
		{ 0, 0, 0, 2, true },
		{ 1, 1, 1, 1, false },
		{ 1, 1, 1, 2, true },
		{ 60, UINT64_MAX, 0, INT64_MAX - NOW, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_schedule s = { .retry_min = t[i].min,
		    .retry_max = t[i].max, .unsure_wait = t[i].unsure };

		if (mc_schedule_due(&s, NOW + t[i].ahead, NOW) != t[i].due)
			fail_msg("%zu", i);
	}
	assert_true(mc_schedule_due(&usual, INT64_MAX, INT64_MIN));
	assert_true(mc_schedule_due(&usual, INT64_MIN, INT64_MAX));

	/* what is made is never taken for a mistake, nor is it due at once */
	for (uint64_t min = 0; min < 40; min++) {
		for (uint64_t n = 0; n < 12; n++) {
			struct mc_schedule s = { .retry_min = min,
			    .retry_max = 3 * min, .unsure_wait = min / 2 };
			int64_t at = mc_schedule_next_unsure(&s, n, NOW,
			    UINT32_MAX);

			assert_false(mc_schedule_due(&s, at, NOW));
			assert_true(mc_schedule_due(&s, at, at));
		}
	}
}

static void
expired(void **state)
{
	static const struct {
		int64_t arrival;
		uint64_t attempts;
		int64_t now;
		bool expired;
	} t[] = {
		{ NOW, 4, NOW + 5 * DAY, false },
		{ NOW, 4, NOW + 5 * DAY + 1, true },
		{ NOW, UINT64_MAX, NOW + 5 * DAY + 1, true },
		{ NOW, UINT64_MAX, NOW + 5 * DAY, false },
		{ NOW, 3, NOW + 500 * DAY, false },
		{ NOW, 0, NOW + 500 * DAY, false },
		/* from the future */
		{ NOW + 9 * DAY, 100, NOW, false },
		{ INT64_MAX, 100, NOW, false },
		{ NOW, 100, NOW, false },
		/* from a time without clock, or of clocks that know nothing */
		{ 0, 4, NOW, true },
		{ INT64_MIN, 4, NOW, true },
		{ -40 * DAY, 100, 0, false },
		{ 0, 100, 40 * DAY, false },
		{ 0, 100, MC_SCHEDULE_RELEASED - 1, false },
		{ 0, 100, MC_SCHEDULE_RELEASED, true },
		{ INT64_MIN, 100, INT64_MAX, true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		if (mc_schedule_expired(&usual, t[i].arrival, t[i].attempts,
		    t[i].now) != t[i].expired)
			fail_msg("%zu", i);
	}

	struct mc_schedule s = usual;

	s.lifetime = UINT64_MAX;
	assert_false(mc_schedule_expired(&s, INT64_MIN, 100, INT64_MAX));
	s.lifetime = 0;
	assert_true(mc_schedule_expired(&s, NOW - 1, 4, NOW));
}

/* ------------------------------------------------------------------- faults */

#define MESSAGE MC_FAULT_MESSAGE
#define NETWORK MC_FAULT_NETWORK
#define ACCOUNT MC_FAULT_ACCOUNT
#define BUSY MC_FAULT_BUSY

/* every code, as it comes out of mc_err_set */
static void
fault_of_codes(void **state)
{
	static const struct {
		enum mc_code code;
		enum mc_fault opening;
		enum mc_fault later;
	} t[] = {
		{ MC_OK, MESSAGE, MESSAGE },
		{ MC_E_USAGE, ACCOUNT, MESSAGE },
		{ MC_E_NO_RCPT, ACCOUNT, MESSAGE },
		{ MC_E_ADDR_SYNTAX, ACCOUNT, MESSAGE },
		{ MC_E_ADDR_LONG, ACCOUNT, MESSAGE },
		{ MC_E_ADDR_BARE, ACCOUNT, MESSAGE },
		{ MC_E_TOO_MANY_RCPTS, ACCOUNT, MESSAGE },
		{ MC_E_HDR_SYNTAX, ACCOUNT, MESSAGE },
		{ MC_E_HDR_LONG, ACCOUNT, MESSAGE },
		{ MC_E_MSG_CONTENT, ACCOUNT, MESSAGE },
		{ MC_E_LOOP, ACCOUNT, MESSAGE },
		{ MC_E_BAD_VALUE, ACCOUNT, MESSAGE },
		{ MC_E_TOO_LONG, ACCOUNT, MESSAGE },
		{ MC_E_CONF_FILE, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_SYNTAX, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_KEY, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_VALUE, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_SECRET, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_ACCOUNT, ACCOUNT, ACCOUNT },
		{ MC_E_CONF_ALIASES, ACCOUNT, ACCOUNT },
		{ MC_E_FILE, ACCOUNT, MESSAGE },
		{ MC_E_NOMEM, NETWORK, MESSAGE },
		{ MC_E_IO, ACCOUNT, MESSAGE },
		{ MC_E_TMPFILE, ACCOUNT, MESSAGE },
		{ MC_E_NO_USER, ACCOUNT, MESSAGE },
		{ MC_E_CANCELLED, NETWORK, MESSAGE },
		{ MC_E_MODULE, ACCOUNT, ACCOUNT },
		{ MC_E_HELPER, ACCOUNT, ACCOUNT },
		{ MC_E_NO_SECRET, ACCOUNT, ACCOUNT },
		{ MC_E_DKIM, ACCOUNT, ACCOUNT },
		{ MC_E_RESOLVE, ACCOUNT, MESSAGE },
		{ MC_E_CONNECT, ACCOUNT, MESSAGE },
		{ MC_E_TIMEOUT, ACCOUNT, MESSAGE },
		{ MC_E_CLOSED, ACCOUNT, MESSAGE },
		{ MC_E_NET, ACCOUNT, MESSAGE },
		{ MC_E_TLS, ACCOUNT, ACCOUNT },
		{ MC_E_TLS_CERT, ACCOUNT, ACCOUNT },
		{ MC_E_TLS_SETUP, ACCOUNT, ACCOUNT },
		{ MC_E_TLS_NOT_OFFERED, ACCOUNT, ACCOUNT },
		{ MC_E_INJECTED, ACCOUNT, MESSAGE },
		{ MC_E_REPLY_SYNTAX, ACCOUNT, MESSAGE },
		{ MC_E_REPLY_LONG, ACCOUNT, MESSAGE },
		{ MC_E_REPLY_UNEXPECTED, ACCOUNT, MESSAGE },
		{ MC_E_AUTH_NOT_OFFERED, ACCOUNT, ACCOUNT },
		{ MC_E_AUTH_REFUSED, ACCOUNT, ACCOUNT },
		{ MC_E_AUTH_PROTO, ACCOUNT, ACCOUNT },
		{ MC_E_AUTH_SERVER, ACCOUNT, ACCOUNT },
		{ MC_E_SERVER_UNAVAILABLE, BUSY, BUSY },
		{ MC_E_NOT_READY, ACCOUNT, ACCOUNT },
		{ MC_E_REFUSED, ACCOUNT, MESSAGE },
		{ MC_E_NO_RCPT_LEFT, ACCOUNT, MESSAGE },
		{ MC_E_TOO_BIG, ACCOUNT, MESSAGE },
		{ MC_E_NEED_8BITMIME, ACCOUNT, MESSAGE },
		{ MC_E_NEED_SMTPUTF8, ACCOUNT, MESSAGE },
		{ MC_E_NEED_REQUIRETLS, ACCOUNT, MESSAGE },
		{ MC_E_NEED_DELIVERBY, ACCOUNT, MESSAGE },
		{ MC_E_NEED_FUTURERELEASE, ACCOUNT, MESSAGE },
		{ MC_E_NOT_ALLOWED, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_FS, ACCOUNT, ACCOUNT },
		{ MC_E_QUEUE_FULL, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_EXISTS, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_DAMAGED, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_READONLY, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_NEWER, ACCOUNT, ACCOUNT },
		{ MC_E_QUEUE_NONE, ACCOUNT, MESSAGE },
		{ MC_E_QUEUE_BUSY, ACCOUNT, MESSAGE },
		{ MC_E_EXPIRED, ACCOUNT, MESSAGE },
		{ MC_E_RATE, ACCOUNT, MESSAGE },
		{ MC_E_INTERNAL, ACCOUNT, MESSAGE },
	};
	size_t codes = 1;

	(void)state;
#define MC_ERR(id, class, status, x, y, z, text) codes++;
#include "base/errors.def"
#undef MC_ERR
	assert_int_equal(codes, MC_NELEM(t));
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_err e = { .code = MC_OK };

		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(t[k].code, t[i].code);
		if (t[i].code != MC_OK)
			(void)mc_err_set(&e, t[i].code, MC_STAGE_CONNECT,
			    NULL);
		if (mc_fault_of(&e, true) != t[i].opening ||
		    mc_fault_of(&e, false) != t[i].later)
			fail_msg("%s", mc_code_name(t[i].code));
	}
}

static void
fault_of_network(void **state)
{
	static const enum mc_code codes[] = { MC_E_RESOLVE, MC_E_CONNECT,
	    MC_E_TIMEOUT, MC_E_CLOSED, MC_E_NET };
	static const struct {
		int sys;
		enum mc_fault opening;
	} t[] = {
		{ ENETUNREACH, NETWORK },
		{ EHOSTUNREACH, NETWORK },
		{ ENETDOWN, NETWORK },
		{ EADDRNOTAVAIL, NETWORK },
		{ EAGAIN, NETWORK },
		{ EMFILE, NETWORK },
		{ ENOBUFS, NETWORK },
		{ 0, ACCOUNT },
		{ ECONNREFUSED, ACCOUNT },
		{ ETIMEDOUT, ACCOUNT },
		{ ECONNRESET, ACCOUNT },
		{ EACCES, ACCOUNT },
		{ ENOENT, ACCOUNT },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		for (size_t k = 0; k < MC_NELEM(codes); k++) {
			struct mc_err e = { .code = codes[k],
			    .stage = MC_STAGE_CONNECT, .sys = t[i].sys };

			assert_int_equal(mc_fault_of(&e, true), t[i].opening);
			assert_int_equal(mc_fault_of(&e, false), MESSAGE);
		}
	}

	/* the resolver does not answer; the server does not */
	struct mc_err e = { .code = MC_E_TIMEOUT, .stage = MC_STAGE_RESOLVE };

	assert_int_equal(mc_fault_of(&e, true), NETWORK);
	e.stage = MC_STAGE_GREETING;
	assert_int_equal(mc_fault_of(&e, true), ACCOUNT);
	/* errno of something else */
	e = (struct mc_err){ .code = MC_E_HELPER, .sys = EAGAIN };
	assert_int_equal(mc_fault_of(&e, true), ACCOUNT);
}

static void
fault_of_replies(void **state)
{
	static const struct {
		enum mc_code code;
		int smtp;
		int enh[3];
		enum mc_fault opening;
		enum mc_fault later;
	} t[] = {
		{ MC_E_REFUSED, 421, { 4, 0, 0 }, BUSY, BUSY },
		{ MC_E_REPLY_UNEXPECTED, 421, { 4, 0, 0 }, BUSY, BUSY },
		{ MC_E_REFUSED, 450, { 4, 7, 1 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 550, { 5, 4, 5 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 452, { 4, 4, 5 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 550, { 5, 4, 6 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 451, { 4, 7, 0 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 452, { 4, 7, 650 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 450, { 4, 3, 2 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 451, { 4, 3, 2 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 452, { 4, 3, 2 }, ACCOUNT, BUSY },
		{ MC_E_REFUSED, 452, { 4, 3, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 450, { 4, 2, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 450, { 4, 0, 0 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 450, { 4, 2, 7 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 450, { 5, 7, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 453, { 4, 7, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 449, { 4, 7, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 454, { 4, 7, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 550, { 5, 7, 1 }, ACCOUNT, MESSAGE },
		{ MC_E_REFUSED, 554, { 5, 3, 2 }, ACCOUNT, MESSAGE },
		/* ours, without a reply */
		{ MC_E_HELPER, 0, { 4, 7, 0 }, ACCOUNT, ACCOUNT },
		{ MC_E_INJECTED, 0, { 4, 7, 0 }, ACCOUNT, MESSAGE },
		{ MC_E_CANCELLED, 0, { 4, 3, 2 }, NETWORK, MESSAGE },
		/* of the account, whatever the digits */
		{ MC_E_AUTH_REFUSED, 535, { 5, 7, 8 }, ACCOUNT, ACCOUNT },
		{ MC_E_NOT_READY, 450, { 4, 7, 1 }, ACCOUNT, ACCOUNT },
		{ MC_E_SERVER_UNAVAILABLE, 454, { 4, 7, 0 }, BUSY, BUSY },
		{ MC_E_SERVER_UNAVAILABLE, 0, { 4, 3, 2 }, BUSY, BUSY },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct mc_err e = { .code = t[i].code, .smtp = t[i].smtp };

		memcpy(e.enh, t[i].enh, sizeof(e.enh));
		if (mc_fault_of(&e, true) != t[i].opening ||
		    mc_fault_of(&e, false) != t[i].later)
			fail_msg("%zu: %s %d", i, mc_code_name(e.code),
			    e.smtp);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_account),
		cmocka_unit_test(next),
		cmocka_unit_test(chance),
		cmocka_unit_test(end_of_time),
		cmocka_unit_test(unsure),
		cmocka_unit_test(due),
		cmocka_unit_test(expired),
		cmocka_unit_test(fault_of_codes),
		cmocka_unit_test(fault_of_network),
		cmocka_unit_test(fault_of_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
