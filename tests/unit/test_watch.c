/* SPDX-License-Identifier: MIT */
/* A session that somebody else opens: what must stop it, and what must not. */
#include "unit.h"

#include "transport/watch.h"

/* "> " what leaves, "< " what comes; separated by '|' */
struct row {
	const char *talk;
	enum mc_code code;	/* MC_OK: to the end */
	enum mc_stage stage;
};

static struct mc_account
account(enum mc_tls_mode mode)
{
	return (struct mc_account){ .name = "t", .host = "mx",
		.tls_mode = mode };
}

static void
begin(struct mc_watch *w, const struct mc_account *a, bool login)
{
	unsigned named;
	struct mc_str bad;

	mc_watch_init(w);
	w->account = a;
	w->login = login;
	w->channel.verified = true;
	w->mechs.allowed = mc_mechs_parse("PLAIN LOGIN XOAUTH2", &named, &bad);
	w->mechs.have = MC_MN_USER | MC_MN_PASSWORD;
}

/* in pieces of `size` bytes; which one stopped it, or 0 */
static int
talk(struct mc_watch *w, const char *text, size_t size)
{
	struct mc_str rest = mc_str_from(text), line;

	while (mc_str_next_token(&rest, "|", &line)) {
		struct mc_str s = mc_str_sub(line, 2, SIZE_MAX);

		if (line.ptr[0] == '>') {
			mc_watch_client(w, s.ptr, s.len);
			continue;
		}
		for (size_t i = 0; i < s.len; i += size) {
			struct mc_str piece = mc_str_sub(s, i, size);

			if (mc_watch_server(w, piece.ptr, piece.len) != 0)
				return -1;
		}
	}
	return 0;
}

static void
run(const struct row *rows, size_t n, enum mc_tls_mode mode, bool login)
{
	static const size_t sizes[] = { 1, 3, 100000 };
	struct mc_account a = account(mode);

	for (size_t i = 0; i < n * MC_NELEM(sizes); i++) {
		const struct row *row = &rows[i / MC_NELEM(sizes)];
		struct mc_watch w;
		struct mc_err err = { .code = MC_OK };
		int rc;

		begin(&w, &a, login);
		rc = talk(&w, row->talk, sizes[i % MC_NELEM(sizes)]);
		if (rc == 0)
			rc = mc_watch_end(&w, &err);
		else
			assert_int_equal(mc_watch_end(&w, &err), -1);
		if (err.code != row->code)
			fail_msg("%s: %s (%s)", row->talk,
			    mc_code_name(err.code), err.text);
		assert_int_equal(rc, row->code == MC_OK ? 0 : -1);
		if (rc != 0)
			assert_int_equal(err.stage, row->stage);
		mc_watch_clear(&w);
	}
}

#define HI "< 220 mx ready\r\n|> EHLO me\r\n|"
#define CAPS "< 250-mx\r\n250-SIZE 10\r\n250 AUTH PLAIN\r\n|"
#define AUTH "> AUTH PLAIN AGEAYg==\r\n|"

static void
test_open(void **state)
{
	static const struct row rows[] = {
		{ HI CAPS, MC_OK, 0 },
		{ HI "< 250 mx\r\n", MC_OK, 0 },
		{ "< 220-mx\r\n220 ready\r\n|> EHLO me\r\n|" CAPS, MC_OK, 0 },
		{ "< 554 5.7.1 no\r\n", MC_E_NOT_READY, MC_STAGE_GREETING },
		{ "< 421 later\r\n", MC_E_SERVER_UNAVAILABLE,
		    MC_STAGE_GREETING },
		{ "< 450 later\r\n", MC_E_SERVER_UNAVAILABLE,
		    MC_STAGE_GREETING },
		{ "< 250 hello\r\n", MC_E_REPLY_UNEXPECTED,
		    MC_STAGE_GREETING },
		{ "< HTTP/1.1 400 Bad\r\n", MC_E_REPLY_SYNTAX,
		    MC_STAGE_GREETING },
		{ "< 220 mx\r\n250 x\r\n", MC_E_REPLY_UNEXPECTED,
		    MC_STAGE_GREETING },
		{ HI "< 550 no\r\n", MC_E_NOT_READY, MC_STAGE_EHLO },
		{ HI "< 250-mx\r\n", MC_E_INJECTED, MC_STAGE_EHLO },
		{ HI "< 550 no\r\n|> HELO me\r\n|< 250 mx\r\n",
		    MC_E_NOT_READY, MC_STAGE_EHLO },
		{ "< 220 mx\r\n|> HELO me\r\n|< 250 mx\r\n",
		    MC_E_NOT_READY, MC_STAGE_EHLO },
	};
	static const struct row clear[] = {
		{ HI CAPS, MC_OK, 0 },
		{ HI "< 550 no\r\n|> HELO me\r\n|< 250 mx\r\n", MC_OK, 0 },
		{ HI "< 421 no\r\n", MC_E_SERVER_UNAVAILABLE, MC_STAGE_EHLO },
		{ HI "< 550 no\r\n|> HELO me\r\n|< 550 mx\r\n",
		    MC_E_NOT_READY, MC_STAGE_EHLO },
	};

	(void)state;
	run(rows, MC_NELEM(rows), MC_TLS_ON, false);
	run(clear, MC_NELEM(clear), MC_TLS_OFF, false);
}

#define OFFER "< 250-mx\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n|"
#define TLS HI OFFER "> STARTTLS\r\n|< 220 go\r\n|"

static void
test_starttls(void **state)
{
	static const struct row rows[] = {
		{ TLS "> EHLO me\r\n|" CAPS, MC_OK, 0 },
		{ HI CAPS, MC_E_TLS_NOT_OFFERED, MC_STAGE_STARTTLS },
		{ HI "< 250-mx\r\n250 XSTARTTLS\r\n", MC_E_TLS_NOT_OFFERED,
		    MC_STAGE_STARTTLS },
		{ HI OFFER, MC_E_INTERNAL, MC_STAGE_STARTTLS },
		{ HI OFFER "> STARTTLS\r\n|< 454 no\r\n",
		    MC_E_SERVER_UNAVAILABLE, MC_STAGE_STARTTLS },
		{ HI OFFER "> STARTTLS\r\n|< 501 no\r\n", MC_E_TLS,
		    MC_STAGE_STARTTLS },
		{ HI OFFER "> STARTTLS\r\n|< 220-go\r\n220 on\r\n",
		    MC_E_REPLY_UNEXPECTED, MC_STAGE_STARTTLS },
		/* what came in clear behind the reply */
		{ HI OFFER "> STARTTLS\r\n|< 220 go\r\n250 x\r\n",
		    MC_E_INJECTED, MC_STAGE_TLS },
		{ TLS "> EHLO me\r\n|< 550 no\r\n", MC_E_NOT_READY,
		    MC_STAGE_EHLO },
	};
	struct mc_account a = account(MC_TLS_STARTTLS);
	struct mc_watch w;

	(void)state;
	run(rows, MC_NELEM(rows), MC_TLS_STARTTLS, false);
	/* only the list after TLS counts */
	begin(&w, &a, false);
	assert_int_equal(talk(&w, TLS "> EHLO me\r\n|< 250 mx\r\n", 9), 0);
	assert_int_equal(w.caps.flags, 0);
	mc_watch_clear(&w);
}

static void
test_login(void **state)
{
	static const struct row rows[] = {
		{ HI CAPS AUTH "< 235 ok\r\n", MC_OK, 0 },
		{ HI CAPS AUTH "< 334 \r\n|> AGEAYg==\r\n|< 235 ok\r\n",
		    MC_OK, 0 },
		{ HI CAPS, MC_E_AUTH_PROTO, MC_STAGE_AUTH },
		/* before a credential leaves */
		{ HI "< 250 mx\r\n", MC_E_AUTH_NOT_OFFERED, MC_STAGE_AUTH },
		{ HI "< 250-mx\r\n250 AUTH CRAM-MD5 XOAUTH2\r\n",
		    MC_E_AUTH_NOT_OFFERED, MC_STAGE_AUTH },
		{ HI CAPS AUTH "< 535 5.7.8 no\r\n", MC_E_AUTH_REFUSED,
		    MC_STAGE_AUTH },
		{ HI CAPS AUTH "< 454 later\r\n", MC_E_SERVER_UNAVAILABLE,
		    MC_STAGE_AUTH },
		{ HI CAPS AUTH "< 250 ok\r\n", MC_E_REPLY_UNEXPECTED,
		    MC_STAGE_AUTH },
		{ HI CAPS AUTH "< 334-x\r\n334 y\r\n", MC_E_REPLY_UNEXPECTED,
		    MC_STAGE_AUTH },
		{ HI CAPS AUTH "< 235 ok\r\n250 x\r\n", MC_E_INJECTED,
		    MC_STAGE_MAIL },
		{ HI CAPS AUTH "< 334 what?\r\n", MC_E_AUTH_PROTO,
		    MC_STAGE_AUTH },
		/* words of the dialogue that look like commands */
		{ HI CAPS AUTH "< 334 eA==\r\n|> EHLO\r\n|< 235 ok\r\n", MC_OK,
		    0 },
		{ HI CAPS AUTH "< 334 \r\n334 \r\n334 \r\n334 \r\n"
		    "334 \r\n334 \r\n334 \r\n334 \r\n334 \r\n",
		    MC_E_AUTH_PROTO, MC_STAGE_AUTH },
	};
	struct mc_account a = account(MC_TLS_ON);
	struct mc_watch w;

	(void)state;
	run(rows, MC_NELEM(rows), MC_TLS_ON, true);
	/* an unverified channel */
	begin(&w, &a, true);
	w.channel.verified = false;
	assert_int_equal(talk(&w, HI CAPS, 5), -1);
	assert_int_equal(w.err.code, MC_E_AUTH_NOT_OFFERED);
	mc_watch_clear(&w);
}

static void
test_endless(void **state)
{
	struct mc_account a = account(MC_TLS_ON);
	struct mc_watch w;
	size_t n = 0;

	(void)state;
	begin(&w, &a, false);
	assert_int_equal(talk(&w, HI, 100), 0);
	while (mc_watch_server(&w, "250-x\r\n", 7) == 0)
		assert_true(++n < 100000);
	assert_int_equal(w.err.code, MC_E_REPLY_LONG);
	assert_int_equal(mc_watch_server(&w, "250 x\r\n", 7), -1);
	mc_watch_clear(&w);
}

struct seen {
	char text[2000];
};

static void
note(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct seen *seen = ctx;
	size_t n = strlen(seen->text);

	(void)level;
	(void)stage;
	(void)snprintf(seen->text + n, sizeof(seen->text) - n, "%s\n", text);
}

/* no line of the log-in is shown */
static void
test_hidden(void **state)
{
	struct seen seen = { "" };
	const struct mc_log log = { note, &seen, MC_LOG_TRACE };
	struct mc_account a = account(MC_TLS_ON);
	struct mc_watch w;

	(void)state;
	begin(&w, &a, true);
	w.log = &log;
	assert_int_equal(talk(&w, "> CONNECT mx:465 HTTP/1.1\r\n"
	    "Proxy-Authorization: Basic c2VjcmV0\r\n\r\n", 50), 0);
	assert_int_equal(talk(&w, HI CAPS "> AUTH PLAIN c2VjcmV0\r\n|"
	    "< 334 c2VjcmV0\r\n|> c2VjcmV0\r\n|< 235 ok\r\n", 50), 0);
	assert_string_equal(seen.text, "S: 220 mx ready\nC: EHLO me\n"
	    "S: 250-mx\nS: 250-SIZE 10\nS: 250 AUTH PLAIN\n"
	    "C: AUTH PLAIN <hidden>\nS: 334 <hidden>\nC: <hidden>\n"
	    "S: 235 ok\n");
	mc_watch_clear(&w);
}

static void
test_no_memory(void **state)
{
	struct mc_account a = account(MC_TLS_ON);

	(void)state;
	for (unsigned long n = 1;; n++) {
		struct mc_watch w;
		int rc;

		begin(&w, &a, true);
		(void)failmalloc(n, true);
		rc = talk(&w, HI CAPS AUTH "< 235 ok\r\n", 4);
		(void)failmalloc(0, false);
		if (rc != 0)
			assert_int_equal(w.err.code, MC_E_NOMEM);
		mc_watch_clear(&w);
		if (rc == 0)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
