/* SPDX-License-Identifier: MIT */
/*
 * test_envelope.c - recipients once each, and the plan that splits them
 */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "mail/plan.h"

static size_t
add(struct mc_envelope *env, const char *addr, bool blind)
{
	struct mc_err err = { .code = MC_OK };
	size_t i = 12345;

	assert_int_equal(mc_envelope_add(env, mc_str_from(addr), blind, &i,
	    &err), 0);
	assert_int_equal(err.code, MC_OK);
	return i;
}

static void
test_once(void **state)
{
	struct mc_envelope env;

	(void)state;
	mc_envelope_init(&env);
	assert_null(mc_envelope_at(&env, 0));
	assert_null(env.sender);
	assert_int_equal(add(&env, "a@x.example", true), 0);
	assert_int_equal(add(&env, "b@x.example", false), 1);
	assert_int_equal(add(&env, "a@x.example", true), 0);
	assert_true(mc_envelope_at(&env, 0)->blind);
	/* the domain's case is nothing, the local part's is something */
	assert_int_equal(add(&env, "b@X.Example", true), 1);
	assert_false(mc_envelope_at(&env, 1)->blind);
	assert_int_equal(add(&env, "B@x.example", true), 2);
	assert_int_equal(add(&env, "\"a@X\"@x.example", true), 3);
	assert_int_equal(add(&env, "\"a@x\"@x.example", true), 4);
	assert_int_equal(add(&env, "\"a@X\"@X.EXAMPLE", true), 3);
	/* once visible, always visible */
	assert_int_equal(add(&env, "a@X.EXAMPLE", false), 0);
	assert_false(mc_envelope_at(&env, 0)->blind);
	assert_int_equal(add(&env, "a@x.example", true), 0);
	assert_false(mc_envelope_at(&env, 0)->blind);
	assert_int_equal(env.rcpts.n, 5);
	assert_string_equal(mc_envelope_at(&env, 0)->addr, "a@x.example");
	assert_int_equal(mc_envelope_at(&env, 0)->verdict, MC_PENDING);
	mc_envelope_clear(&env);
	assert_int_equal(env.rcpts.n, 0);
	assert_int_equal(add(&env, "a@x.example", true), 0);
	mc_envelope_clear(&env);
}

/* the table begins when there are more than a few: nothing may change there */
static void
test_few(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_envelope env;
	char addr[64];
	size_t at;

	(void)state;
	for (unsigned long n = 0; n < 40; n++) {
		mc_envelope_init(&env);
		assert_false(mc_envelope_has(&env, MC_STR("u0@x.example")));
		for (size_t i = 0; i <= n; i++) {
			(void)snprintf(addr, sizeof(addr), "u%zu@x.example", i);
			assert_int_equal(add(&env, addr, true), i);
			(void)snprintf(addr, sizeof(addr), "u%zu@X.example",
			    i / 2);
			assert_int_equal(add(&env, addr, i % 2 == 0), i / 2);
		}
		assert_int_equal(env.rcpts.n, n + 1);
		for (size_t i = 0; i <= n; i++) {
			(void)snprintf(addr, sizeof(addr), "u%zu@x.EXAMPLE", i);
			assert_true(mc_envelope_has(&env, mc_str_from(addr)));
			assert_int_equal(mc_envelope_at(&env, i)->blind,
			    i * 2 + 1 > n);
		}
		assert_false(mc_envelope_has(&env, MC_STR("U0@x.example")));
		/* no memory for one more: what is there stays as it was */
		for (unsigned long k = 1;; k++) {
			(void)failmalloc(k, false);
			int rc = mc_envelope_add(&env, MC_STR("more@x"), false,
			    &at, &err);
			(void)failmalloc(0, false);
			if (rc == 0)
				break;
			assert_err(rc, err, MC_E_NOMEM);
			mc_err_reset(&err);
			assert_int_equal(env.rcpts.n, n + 1);
			assert_false(mc_envelope_has(&env, MC_STR("more@x")));
			assert_true(mc_envelope_has(&env,
			    MC_STR("u0@x.example")));
		}
		assert_int_equal(at, n + 1);
		assert_true(mc_envelope_has(&env, MC_STR("more@X")));
		mc_envelope_clear(&env);
	}
}

static void
test_sender(void **state)
{
	struct mc_envelope env;

	(void)state;
	mc_envelope_init(&env);
	assert_int_equal(mc_envelope_set_sender(&env, MC_STR("a@x"), NULL), 0);
	assert_string_equal(env.sender, "a@x");
	assert_int_equal(mc_envelope_set_sender(&env, MC_STR_NONE, NULL), 0);
	assert_string_equal(env.sender, "");
	failmalloc(1, false);
	struct mc_err err = { .code = MC_OK };
	int rc = mc_envelope_set_sender(&env, MC_STR("b@x"), &err);
	failmalloc(0, false);
	assert_err(rc, err, MC_E_NOMEM);
	assert_string_equal(env.sender, "");
	mc_envelope_clear(&env);
}

static void
test_many(void **state)
{
	struct mc_envelope env;
	struct mc_err err = { .code = MC_OK };
	char addr[64];
	size_t at;

	(void)state;
	mc_envelope_init(&env);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < MC_MAX_RCPTS; i++) {
			(void)snprintf(addr, sizeof(addr),
			    round == 0 ? "u%zu@list.example" :
			    "u%zu@LIST.example", i);
			assert_int_equal(add(&env, addr, false), i);
		}
	}
	assert_int_equal(env.rcpts.n, MC_MAX_RCPTS);
	assert_err(mc_envelope_add(&env, MC_STR("more@x"), false, &at, &err),
	    err, MC_E_TOO_MANY_RCPTS);
	assert_int_equal(add(&env, "u99999@list.example", true), 99999);

	struct mc_plan plan;
	mc_plan_init(&plan);
	assert_int_equal(mc_plan_make(&env, MC_FAN_BLIND, 1000, &plan, &err),
	    0);
	assert_int_equal(plan.txns.n, 100);
	for (size_t i = 0; i < env.rcpts.n; i++)
		mc_envelope_at(&env, i)->blind = true;
	assert_int_equal(mc_plan_make(&env, MC_FAN_BLIND, 1000, &plan, &err),
	    0);
	assert_int_equal(plan.txns.n, MC_MAX_RCPTS);
	mc_plan_clear(&plan);
	mc_envelope_clear(&env);
}

/*
 * Recipients as letters: v visible, b blind; upper case: has its verdict
 * already (D deferred is tried again).  The plan as text: the numbers of each
 * transaction, then '!' if blind and '+' if marked.
 */
static void
plan_text(const struct mc_plan *plan, struct mc_buf *out)
{
	for (size_t i = 0; i < plan->txns.n; i++) {
		const struct mc_txn *t = mc_vec_at(&plan->txns, i);

		if (i != 0)
			mc_buf_addc(out, ' ');
		for (size_t k = 0; k < t->n; k++)
			mc_buf_addf(out, "%s%zu", k == 0 ? "" : ",",
			    plan->order[t->first + k]);
		mc_buf_addz(out, t->blind ? "!" : "");
		mc_buf_addz(out, t->mark_bcc ? "+" : "");
	}
}

static void
test_plan(void **state)
{
	static const struct {
		const char *rcpts;
		enum mc_fan_out fan_out;
		size_t max;
		const char *want;
	} rows[] = {
		{ "", MC_FAN_BLIND, 0, "" },
		{ "v", MC_FAN_BLIND, 0, "0" },
		{ "b", MC_FAN_BLIND, 0, "0!" },
		{ "b", MC_FAN_BCC, 0, "0!+" },
		{ "b", MC_FAN_OFF, 0, "0" },
		{ "bvbvv", MC_FAN_BLIND, 0, "1,3,4 0! 2!" },
		{ "bvbvv", MC_FAN_BCC, 0, "1,3,4 0!+ 2!+" },
		{ "bvbvv", MC_FAN_OFF, 0, "0,1,2,3,4" },
		{ "bvbvv", MC_FAN_OFF, 2, "0,1 2,3 4" },
		{ "vvvvvb", MC_FAN_BLIND, 2, "0,1 2,3 4 5!" },
		{ "vvvv", MC_FAN_BLIND, 2, "0,1 2,3" },
		{ "vvvv", MC_FAN_BLIND, 1, "0 1 2 3" },
		{ "vvvv", MC_FAN_BLIND, 4, "0,1,2,3" },
		{ "vvvv", MC_FAN_BLIND, SIZE_MAX, "0,1,2,3" },
		{ "bbb", MC_FAN_BLIND, 100, "0! 1! 2!" },
		/* Y delivered, F failed, U unsure: not again; D deferred: yes */
		{ "vYFUDv", MC_FAN_BLIND, 0, "0,4,5" },
		{ "YYFU", MC_FAN_BLIND, 0, "" },
		{ "YYFU", MC_FAN_OFF, 3, "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_envelope env;
		struct mc_plan plan;
		struct mc_buf b;

		mc_envelope_init(&env);
		mc_plan_init(&plan);
		mc_buf_init(&b, 1000);
		for (size_t k = 0; rows[i].rcpts[k] != '\0'; k++) {
			char addr[] = "a@x";
			char c = rows[i].rcpts[k];

			addr[0] = (char)('a' + k);
			size_t at = add(&env, addr, c == 'b');
			struct mc_rcpt *r = mc_envelope_at(&env, at);
			r->verdict = c == 'Y' ? MC_DELIVERED : c == 'F' ?
			    MC_FAILED : c == 'U' ? MC_UNSURE : c == 'D' ?
			    MC_DEFERRED : MC_PENDING;
			r->txn = 77;
		}
		/* twice: the second replaces the first */
		assert_int_equal(mc_plan_make(&env, MC_FAN_OFF, 1, &plan,
		    NULL), 0);
		assert_int_equal(mc_plan_make(&env, rows[i].fan_out,
		    rows[i].max, &plan, NULL), 0);
		plan_text(&plan, &b);
		assert_string_equal(b.ptr, rows[i].want);
		size_t n = 0;
		for (size_t k = 0; k < plan.txns.n; k++) {
			const struct mc_txn *t = mc_vec_at(&plan.txns, k);

			assert_int_equal(t->first, n);
			for (size_t j = 0; j < t->n; j++, n++)
				assert_int_equal(mc_envelope_at(&env,
				    plan.order[n])->txn, k);
		}
		assert_int_equal(n, plan.n_order);
		mc_buf_clear(&b);
		mc_plan_clear(&plan);
		mc_envelope_clear(&env);
	}
}

static int
work(struct mc_envelope *env, struct mc_plan *plan, struct mc_err *err)
{
	char addr[32];
	size_t at;

	for (int i = 0; i < 200; i++) {
		(void)snprintf(addr, sizeof(addr), "u%d@x.example", i);
		if (mc_envelope_add(env, mc_str_from(addr), i % 7 == 0, &at,
		    err) != 0)
			return -1;
	}
	return mc_plan_make(env, MC_FAN_BLIND, 10, plan, err);
}

static void
test_no_memory(void **state)
{
	unsigned long n = 1;

	(void)state;
	for (;; n++) {
		struct mc_envelope env;
		struct mc_plan plan;
		struct mc_err err = { .code = MC_OK };

		mc_envelope_init(&env);
		mc_plan_init(&plan);
		failmalloc(n, false);
		int rc = work(&env, &plan, &err);
		failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, err, MC_E_NOMEM);
			assert_int_equal(plan.n_order, 0);
			/* nothing is lost or doubled by trying again */
			assert_int_equal(work(&env, &plan, NULL), 0);
		}
		assert_int_equal(env.rcpts.n, 200);
		assert_int_equal(plan.n_order, 200);
		mc_plan_clear(&plan);
		mc_envelope_clear(&env);
		if (rc == 0)
			break;
	}
	assert_true(n > 200);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_few),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_plan),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
