/* SPDX-License-Identifier: MIT */
/* test_oauth.c - OAUTHBEARER and XOAUTH2, and what a server says of them */
#include "sasl_side.h"

#include "smtp/sasl_internal.h"

static const struct mc_sasl_channel full = FULL;

static const char *const both[] = { "OAUTHBEARER", "XOAUTH2" };

static void
begin(struct side *s, const char *user, const char *mech)
{
	side_init(s, NULL, 0, TOKEN);
	assert_int_equal(side_new(s, user, mech), 0);
	assert_int_equal(side_start(s, mech, &full), 0);
	assert_true(s->has_ir);
}

/* -------------------------------------------------------------- message */

static void
test_first(void **state)
{
	static const struct {
		const char *mech, *user, *want;
	} rows[] = {
		{ "OAUTHBEARER", "user@example.com", "n,a=user@example.com,"
		    "\001host=smtp.example.com\001port=465\001auth=Bearer "
		    TOKEN "\001\001" },
		{ "OAUTHBEARER", "a,b=c=2C", "n,a=a=2Cb=3Dc=3D2C,"
		    "\001host=smtp.example.com\001port=465\001auth=Bearer "
		    TOKEN "\001\001" },
		{ "XOAUTH2", "user@example.com", "user=user@example.com"
		    "\001auth=Bearer " TOKEN "\001\001" },
		{ "XOAUTH2", "a,b=c", "user=a,b=c\001auth=Bearer " TOKEN
		    "\001\001" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf got;
		struct side s;

		begin(&s, rows[i].user, rows[i].mech);
		side_decode(mc_buf_str(&s.ir), &got);
		assert_str(mc_buf_str(&got), rows[i].want);
		mc_buf_clear(&got);
		assert_int_equal(mc_sasl_accept(s.sasl, &s.err), 0);
		side_free(&s);
	}
}

/* RFC 7628 section 4.1 without host and port: both may be left out */
static void
test_no_host(void **state)
{
	struct mc_sasl_login login = { .user = MC_STR("u"),
	    .token = MC_STR("t") };
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 100);
	mc_oauth_first(MC_KIND_OAUTHBEARER, &login, &out);
	assert_str(mc_buf_str(&out), "n,a=u,\001auth=Bearer t\001\001");
	mc_buf_clear(&out);
}

/* --------------------------------------------------------------- refusal */

static const struct {
	const char *json, *detail;
} refusals[] = {
	{ "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}",
	    "status 401" },
	{ "{\"schemes\":\"bearer\",\"status\":\"invalid_token\"}",
	    "status invalid_token" },
	{ " {\r\n\t\"status\" : 400 }", "status 400" },
	{ "{\"status\":\"insufficient_scope\",\"openid-configuration\":"
	    "\"https://evil.example/.well-known/openid-configuration\"}",
	    "status insufficient_scope" },
	{ "{\"a\":{\"status\":\"500\"},\"b\":[\"status\"],"
	    "\"status\":\"401\"}", "status 401" },
	{ "{\"a\":\"status\",\"status\":\"401\"}", "status 401" },
	{ "{\"a\\\"status\\\":\":\"x\\\\\",\"status\":\"401\"}",
	    "status 401" },
	{ "{\"a\":\"{[\",\"status\":\"401\"}", "status 401" },
	/* nothing to show */
	{ "", "" },
	{ "{}", "" },
	{ "{\"status\"}", "" },
	{ "{\"status\":", "" },
	{ "{\"status\":\"401", "" },
	{ "{\"status\":\"", "" },
	{ "{\"status\":{\"status\":\"401\"}}", "" },
	{ "{\"status\":null}", "" },
	{ "{\"status\":\"\"}", "" },
	{ "{\"status\":\"4011\"}", "" },
	{ "{\"status\":-401}", "" },
	{ "{\"status\":\"40a\"}", "" },
	{ "{\"status\":\"a\\u0062\"}", "" },
	{ "{\"status\":\"go to http://evil.example\"}", "" },
	{ "{\"status\":\"\033[2J\"}", "" },
	{ "{\"status\":\"in\nvalid\"}", "" },
	{ "{\"status\":\"INVALID\"}", "" },
	{ "{\"status\":\"" TOKEN "\"}", "" },
	{ "{\"status\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", "" },
	{ "{\"status\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
	    "status aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
	{ "{\"Status\":\"401\"}", "" },
	{ "{\"xstatus\":\"401\"}", "" },
	{ "\"status\":\"401\"", "" },
	{ "[{\"status\":\"401\"}]", "" },
	{ "}}}{\"status\":\"401\"}", "status 401" },
	{ "\\\"{\"status\":\"401\"}", "" },
	{ "this is no JSON", "" },
};

static void
test_refusals(void **state)
{
	(void)state;
	for (size_t m = 0; m < MC_NELEM(both); m++) {
		for (size_t i = 0; i < MC_NELEM(refusals); i++) {
			struct side s;

			begin(&s, USER, both[m]);
			assert_int_equal(side_step(&s,
			    mc_str_from(refusals[i].json)), 0);
			assert_str(mc_buf_str(&s.out), m == 0 ? "AQ==" : "");
			assert_str(mc_sasl_detail(s.sasl),
			    refusals[i].detail);

			/* no 235 after a refusal, no second challenge */
			if (i % 2 == 0)
				assert_err(mc_sasl_accept(s.sasl, &s.err),
				    s.err, MC_E_AUTH_PROTO);
			else
				assert_err(side_step(&s, MC_STR("{}")),
				    s.err, MC_E_AUTH_PROTO);
			assert_str(mc_sasl_detail(s.sasl),
			    refusals[i].detail);
			side_free(&s);
		}
	}
}

/* every prefix and every single wrong byte: bounded, printable, no leak */
static void
test_broken_json(void **state)
{
	static const char json[] = "{\"a\":[1,{\"b\":\"\\\"\"}],"
	    "\"status\":\"401\",\"z\":\"" TOKEN "\"}";
	char text[sizeof(json)];

	(void)state;
	for (size_t i = 0; i < sizeof(json) - 1; i++) {
		static const char bytes[] = "\"\\{}[]:,\0\377";
		struct mc_str got;

		(void)mc_oauth_status(mc_str_make(json, i), MC_STR(TOKEN),
		    &got);
		for (size_t k = 0; k < sizeof(bytes); k++) {
			memcpy(text, json, sizeof(json));
			text[i] = bytes[k];
			if (!mc_oauth_status(mc_str_make(text, sizeof(json) -
			    1), MC_STR(TOKEN), &got))
				continue;
			assert_true(got.len <= MC_OAUTH_MAX_STATUS);
			assert_false(mc_str_has_ctl(got));
			assert_false(mc_str_eq(got, MC_STR(TOKEN)));
		}
	}
}

static void
test_large_json(void **state)
{
	struct mc_buf json;

	(void)state;
	mc_buf_init(&json, 100000);
	for (size_t pad = 4060; pad < 4100; pad++) {
		struct side s;

		mc_buf_reset(&json);
		mc_buf_addz(&json, "{\"status\":\"401\"");
		while (json.len < pad)
			mc_buf_addc(&json, ' ');
		mc_buf_addc(&json, '}');
		begin(&s, USER, "OAUTHBEARER");
		assert_int_equal(side_step(&s, mc_buf_str(&json)), 0);
		assert_str(mc_buf_str(&s.out), "AQ==");
		assert_str(mc_sasl_detail(s.sasl),
		    json.len <= MC_OAUTH_MAX_JSON ? "status 401" : "");
		side_free(&s);
	}
	/* depth is a number, not a stack */
	mc_buf_reset(&json);
	while (json.len < MC_OAUTH_MAX_JSON)
		mc_buf_addc(&json, '{');

	struct mc_str got;

	assert_false(mc_oauth_status(mc_buf_str(&json), MC_STR_NONE, &got));
	mc_buf_clear(&json);
}

/* a token that looks like a status is not shown either */
static void
test_echo(void **state)
{
	struct mc_str got;

	(void)state;
	assert_true(mc_oauth_status(MC_STR("{\"status\":\"abc\"}"),
	    MC_STR("abcd"), &got));
	assert_false(mc_oauth_status(MC_STR("{\"status\":\"abc\"}"),
	    MC_STR("abc"), &got));
}

static void
test_nomem(void **state)
{
	(void)state;
	for (size_t m = 0; m < MC_NELEM(both); m++) {
		unsigned long left = 0;

		for (unsigned long n = 1; left == 0; n++) {
			struct side s;

			assert_true(n < 200);
			begin(&s, USER, both[m]);
			budget_on(n);

			int rc = side_step64(&s,
			    MC_STR("eyJzdGF0dXMiOiI0MDEifQ=="));

			left = budget_off(n);
			if (left != 0) {
				assert_int_equal(rc, 0);
				assert_str(mc_sasl_detail(s.sasl),
				    "status 401");
			} else
				assert_err(rc, s.err, MC_E_NOMEM);
			side_free(&s);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_no_host),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_broken_json),
		cmocka_unit_test(test_large_json),
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
