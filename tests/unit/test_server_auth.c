/* SPDX-License-Identifier: MIT */
/*
 * test_server_auth.c - the server engine: AUTH, STARTTLS, and what a client
 * does wrong
 */
#include "server_side.h"

#include "base/b64.h"
#include "smtp/server_internal.h"

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<c@d.example>\r\n"
#define D "DATA\r\nx\r\n.\r\n"

/* "\0joe\0pass" and so on, as `printf | base64` makes them */
#define PLAIN_JOE "AGpvZQBwYXNz"
#define PLAIN_AS_JOE "am9lAGpvZQBwYXNz"
#define PLAIN_AS_ANN "YW5uAGpvZQBwYXNz"
#define JOE "am9l"
#define PASS "cGFzcw=="

static const struct mc_server_answer yes = { .code = 235 };
static const struct mc_server_answer no = { .code = 535 };
static const struct mc_server_answer later = { .code = 454 };
static const struct mc_server_answer enough = { .code = 421 };

struct row {
	const char *in;
	const char *codes;	/* without greeting and EHLO */
	const char *log;
	const struct mc_server_answer *answer;
};

static struct mc_server_settings
service(void)
{
	struct mc_server_settings set = talk_settings();

	set.offer_auth = set.offer_starttls = true;
	return set;
}

static void
run_row(const struct mc_server_settings *set, const struct row *row,
    size_t piece)
{
	struct mc_str in = mc_str_from(row->in);
	struct talk t;
	char codes[256];

	talk_begin(&t, set);
	if (row->answer != NULL)
		t.auth = *row->answer;
	talk_run(&t, SIZE_MAX);
	talk_say(&t, HI);
	while (in.len != 0 && !t.closed) {
		talk_feed(&t, mc_str_sub(in, 0, piece));
		in = mc_str_sub(in, piece, SIZE_MAX);
	}
	snprintf(codes, sizeof(codes), "220 250%s%s",
	    row->codes[0] != '\0' ? " " : "", row->codes);
	assert_codes(&t, codes);
	assert_string_equal(t.log.ptr, row->log);
	talk_check(&t);
	talk_clear(&t);
}

static void
run_rows(const struct mc_server_settings *set, const struct row *rows,
    size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t piece = 1; piece < 200; piece = piece * 5 + 2) {
			run_row(set, &rows[i], piece);
			if (piece == 1)
				run_row(set, &rows[i], SIZE_MAX);
		}
}

#define SAW_JOE "AUTH <joe> pass\n"

static void
test_auth(void **state)
{
	static const struct row rows[] = {
		{ "AUTH PLAIN " PLAIN_JOE "\r\n", "235", SAW_JOE, &yes },
		{ "auth plain " PLAIN_JOE "\r\n", "235", SAW_JOE, &yes },
		{ "AUTH PLAIN\r\n" PLAIN_JOE "\r\n", "334 235", SAW_JOE,
		    &yes },
		{ "AUTH PLAIN " PLAIN_AS_JOE "\r\n", "235",
		    "AUTH <joe> pass as itself\n", &yes },
		{ "AUTH PLAIN " PLAIN_AS_ANN "\r\n", "535", "", &yes },
		{ "AUTH LOGIN\r\n" JOE "\r\n" PASS "\r\n", "334 334 235",
		    SAW_JOE, &yes },
		{ "AUTH LOGIN " JOE "\r\n" PASS "\r\n", "334 235", SAW_JOE,
		    &yes },
		/* what the owner does not let in */
		{ "AUTH PLAIN " PLAIN_JOE "\r\n", "535", SAW_JOE, &no },
		{ "AUTH PLAIN " PLAIN_JOE "\r\n", "454", SAW_JOE, &later },
		{ "AUTH PLAIN " PLAIN_JOE "\r\n", "454", SAW_JOE, NULL },
		{ "AUTH PLAIN " PLAIN_JOE "\r\nAUTH PLAIN " PLAIN_JOE "\r\n",
		    "535 535", SAW_JOE SAW_JOE, &no },
		/* given up, and broken in all ways */
		{ "AUTH PLAIN\r\n*\r\nNOOP\r\n", "334 501 250", "", &yes },
		{ "AUTH LOGIN\r\n" JOE "\r\n*\r\nNOOP\r\n", "334 334 501 250",
		    "", &yes },
		{ "AUTH PLAIN\r\n****\r\nNOOP\r\n", "334 501 250", "", &yes },
		{ "AUTH PLAIN\r\n=\r\nNOOP\r\n", "334 501 250", "", &yes },
		{ "AUTH PLAIN =\r\nNOOP\r\n", "501 250", "", &yes },
		{ "AUTH PLAIN\r\n\r\nNOOP\r\n", "334 501 250", "", &yes },
		{ "AUTH PLAIN " JOE "\r\n", "501", "", &yes },
		{ "AUTH PLAIN AGpvZQ==\r\n", "501", "", &yes },
		/* "\0joe\0pa\0ss", "\0\0pass", "\0joe\0" */
		{ "AUTH PLAIN AGpvZQBwYQBzcw==\r\n", "501", "", &yes },
		{ "AUTH PLAIN AABwYXNz\r\n", "535", "", &yes },
		{ "AUTH PLAIN AGpvZQA=\r\n", "535", "", &yes },
		/* "\0jo\ne\0pass", "\0jo\xff\0pass" */
		{ "AUTH PLAIN AGpvCmUAcGFzcw==\r\n", "535", "", &yes },
		{ "AUTH PLAIN AGpv/wBwYXNz\r\n", "535", "", &yes },
		{ "AUTH PLAIN " PLAIN_JOE " x\r\n", "501", "", &yes },
		{ "AUTH LOGIN =\r\n" PASS "\r\n", "334 535", "", &yes },
		{ "AUTH LOGIN\r\n" JOE "\r\n\r\n", "334 334 535", "", &yes },
		{ "AUTH LOGIN\r\nam9l=\r\n", "334 501", "", &yes },
		{ "AUTH\r\nAUTH CRAM-MD5\r\nAUTH PLAINX\r\n", "501 504 504",
		    "", &yes },
		/* where it does not belong */
		{ "AUTH PLAIN " PLAIN_JOE "\r\nAUTH PLAIN " PLAIN_JOE "\r\n",
		    "235 503", SAW_JOE, &yes },
		{ "AUTH PLAIN " PLAIN_JOE "\r\nEHLO x\r\nAUTH LOGIN\r\n",
		    "235 250 503", SAW_JOE, &yes },
		{ "HELO x\r\nAUTH PLAIN " PLAIN_JOE "\r\n", "250 503", "",
		    &yes },
		{ "MAIL FROM:<>\r\nAUTH PLAIN " PLAIN_JOE "\r\nRSET\r\n"
		    "AUTH PLAIN " PLAIN_JOE "\r\n", "250 503 250 235",
		    "MAIL <>\nRESET\n" SAW_JOE, &yes },
		/* lines of a log-in are no commands, and the other way round */
		{ "AUTH LOGIN\r\nQUIT\r\nRSET\r\n", "334 334 535", "", &yes },
		{ "AUTH PLAIN\r\n" PLAIN_JOE "\n", "334 500", "CLOSE\n",
		    &yes },
		{ "AUTH PLAIN " PLAIN_JOE "\r\nNOOP\r\n", "421", SAW_JOE
		    "CLOSE\n", &enough },
		/* the parameter is read, and that is all */
		{ "MAIL FROM:<> AUTH=<>\r\nRSET\r\n"
		    "MAIL FROM:<> AUTH=a+40b\r\nRSET\r\n"
		    "MAIL FROM:<> AUTH=a+4\r\nMAIL FROM:<> AUTH\r\n",
		    "250 250 250 250 501 501",
		    "MAIL <>\nRESET\nMAIL <>\nRESET\n", NULL },
	};
	struct mc_server_settings set = service();

	(void)state;
	run_rows(&set, rows, MC_NELEM(rows));
}

/* -bs has neither */
static void
test_not_offered(void **state)
{
	static const struct row rows[] = {
		{ "AUTH PLAIN " PLAIN_JOE "\r\nAUTH PLAIN\r\nSTARTTLS\r\n"
		    "MAIL FROM:<> AUTH=<>\r\n", "502 502 502 555", "", &yes },
		{ "HELO x\r\nAUTH\r\nSTARTTLS x\r\n", "250 502 502", "", &yes },
	};
	struct mc_server_settings set = talk_settings();

	(void)state;
	run_rows(&set, rows, MC_NELEM(rows));
	set.need_auth = true;
	run_rows(&set, &(struct row){ M "VRFY a\r\n", "530 252", "", NULL },
	    1);
}

static void
test_need_auth(void **state)
{
	static const struct row rows[] = {
		{ M R "DATA\r\n", "530 503 503", "", NULL },
		{ M "BDAT 4 LAST\r\nx\r\n\n" "NOOP\r\n", "530 503 250", "",
		    NULL },
		{ "AUTH PLAIN " PLAIN_JOE "\r\n" M, "535 530", SAW_JOE, &no },
		{ "AUTH PLAIN " PLAIN_JOE "\r\n" M R D,
		    "235 250 250 354 250", SAW_JOE "MAIL <a@b.example>\n"
		    "RCPT <c@d.example>\nEND x\\r\\n\n", &yes },
		/* EHLO takes no log-in away */
		{ "AUTH PLAIN " PLAIN_JOE "\r\n" HI M "RSET\r\n",
		    "235 250 250 250", SAW_JOE "MAIL <a@b.example>\nRESET\n",
		    &yes },
	};
	struct mc_server_settings set = service();

	(void)state;
	set.need_auth = true;
	run_rows(&set, rows, MC_NELEM(rows));
}

/* how long a line of a log-in may be, and no password stays in memory */
static void
test_auth_lines(void **state)
{
	static const struct {
		size_t n;
		const char *codes;
		bool closed;
	} rows[] = {
		{ 12288, "220 250 334 235", false },
		{ 12292, "220 250 334 500", false },
		{ 16380, "220 250 334 500", false },
		{ 16384, "220 250 334 500", true },
	};
	struct mc_server_settings set = service();

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf raw, line;
		struct talk t;

		mc_buf_init(&raw, 1 << 20);
		mc_buf_init(&line, 1 << 20);
		mc_buf_add(&raw, "\0joe\0", 5);
		while (raw.len < rows[i].n / 4 * 3)
			mc_buf_addc(&raw, 'p');
		mc_b64_encode(mc_buf_str(&raw), &line);
		assert_int_equal(line.len, rows[i].n);
		mc_buf_addz(&line, "\r\n");
		talk_begin(&t, &set);
		t.auth = yes;
		talk_say(&t, HI "AUTH PLAIN\r\n");
		talk_feed(&t, mc_buf_str(&line));
		assert_codes(&t, rows[i].codes);
		assert_int_equal(t.closed, rows[i].closed);
		talk_check(&t);
		talk_clear(&t);
		mc_buf_clear(&raw);
		mc_buf_clear(&line);
	}
}

static void
test_announced(void **state)
{
	static const char plain[] = "250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n";
	struct mc_server_settings set = service();
	struct talk t;

	(void)state;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	assert_non_null(strstr(t.out.ptr, plain));
	talk_say(&t, "STARTTLS\r\n");
	mc_buf_reset(&t.out);
	talk_say(&t, HI);
	assert_null(strstr(t.out.ptr, "STARTTLS"));
	assert_non_null(strstr(t.out.ptr, "250-AUTH PLAIN LOGIN\r\n"));
	talk_check(&t);
	talk_clear(&t);

	set.auth_needs_tls = true;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	assert_non_null(strstr(t.out.ptr, "250-STARTTLS\r\n"));
	assert_null(strstr(t.out.ptr, "AUTH"));
	t.auth = yes;
	talk_say(&t, "AUTH PLAIN " PLAIN_JOE "\r\nSTARTTLS\r\n");
	assert_codes(&t, "220 250 538 220");
	mc_buf_reset(&t.out);
	talk_say(&t, HI);
	assert_non_null(strstr(t.out.ptr, "250-AUTH PLAIN LOGIN\r\n"));
	talk_say(&t, "AUTH PLAIN " PLAIN_JOE "\r\n");
	assert_codes(&t, "250 235");
	assert_string_equal(t.log.ptr, "TLS\n" SAW_JOE);
	talk_clear(&t);
}

/* the session begins again; what came in the clear is void */
static void
test_starttls(void **state)
{
	struct mc_server_settings set = service();
	struct talk t;

	(void)state;
	set.need_auth = true;
	talk_begin(&t, &set);
	t.auth = yes;
	talk_say(&t, "STARTTLS\r\n" HI "STARTTLS now\r\n");
	assert_codes(&t, "220 503 250 501");
	talk_say(&t, "AUTH PLAIN " PLAIN_JOE "\r\n" M);
	talk_say(&t, "STARTTLS\r\n");
	assert_int_equal(t.tls, 1);
	assert_false(t.open);
	mc_buf_reset(&t.out);
	talk_say(&t, M "AUTH PLAIN " PLAIN_JOE "\r\nDATA\r\n");
	talk_say(&t, HI M "STARTTLS\r\nAUTH PLAIN " PLAIN_JOE "\r\n" M);
	assert_codes(&t, "503 503 503 250 530 503 235 250");
	assert_string_equal(t.log.ptr, SAW_JOE "MAIL <a@b.example>\nTLS\n"
	    "RESET\n" SAW_JOE "MAIL <a@b.example>\n");
	talk_check(&t);
	talk_clear(&t);
}

/* CVE-2011-0411: not a byte that came in the clear may count as said later */
static void
test_injected(void **state)
{
	static const char *const behind[] = {
		"RSET\r\n", "\r\n", "x", "EHLO x\r\nMAIL FROM:<>\r\n", "\x16",
	};
	struct mc_server_settings set = service();

	(void)state;
	for (size_t i = 0; i < MC_NELEM(behind); i++) {
		struct mc_buf in;
		struct talk t;

		mc_buf_init(&in, 1000);
		mc_buf_addf(&in, HI "STARTTLS\r\n%s", behind[i]);
		talk_begin(&t, &set);
		talk_feed(&t, mc_buf_str(&in));
		assert_codes(&t, "220 250 421");
		assert_true(t.closed && t.tls == 0);
		assert_string_equal(mc_server_reason(t.s),
		    "Nothing may follow STARTTLS before TLS has begun");
		talk_clear(&t);

		/* later, while TLS begins: without a word */
		talk_begin(&t, &set);
		t.no_tls = true;
		talk_say(&t, HI "STARTTLS\r\n");
		assert_int_equal(t.tls, 1);
		assert_int_equal(mc_server_feed(t.s, behind[i],
		    strlen(behind[i]), NULL), 0);
		mc_server_tls_up(t.s);
		t.no_tls = false;
		talk_run(&t, SIZE_MAX);
		assert_true(t.closed);
		assert_codes(&t, "220 250 220");
		talk_clear(&t);
		mc_buf_clear(&in);
	}
}

/* an end of input in each state, and a wish to end */
static void
test_ends(void **state)
{
	static const char *const ins[] = { "AUTH PLAIN\r\n",
	    "AUTH LOGIN\r\n" JOE "\r\n", "AUTH PLAIN\r\nAGpv" };
	struct mc_server_settings set = service();
	struct talk t;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(ins); i++) {
		talk_begin(&t, &set);
		talk_say(&t, HI);
		talk_say(&t, ins[i]);
		assert_string_equal(mc_server_words(t.s),
		    "waiting for a log-in");
		mc_server_eof(t.s);
		talk_run(&t, SIZE_MAX);
		assert_true(t.closed);
		assert_null(mc_server_reason(t.s));
		talk_clear(&t);

		talk_begin(&t, &set);
		talk_say(&t, HI);
		talk_say(&t, ins[i]);
		mc_server_bye(t.s, MC_SERVER_SHUTDOWN);
		talk_run(&t, SIZE_MAX);
		assert_true(t.closed);
		assert_non_null(strstr(t.out.ptr, "\r\n421 4.3.2 "));
		talk_clear(&t);
	}
	talk_begin(&t, &set);
	talk_run(&t, SIZE_MAX);
	assert_int_equal(mc_server_feed(t.s, HI "STARTTLS\r\n",
	    strlen(HI "STARTTLS\r\n"), NULL), 0);
	mc_server_eof(t.s);
	talk_run(&t, SIZE_MAX);
	assert_true(t.closed && t.tls == 0);
	talk_clear(&t);
}

/* -------------------------------------------------------------- what counts */

static void
test_auth_errors(void **state)
{
	struct mc_server_settings set = service();
	struct talk t;

	(void)state;
	set.max_errors = 6;
	talk_begin(&t, &set);
	t.auth = no;
	talk_say(&t, HI);
	for (unsigned i = 1; i < 6; i++) {
		talk_say(&t, "AUTH PLAIN " PLAIN_JOE "\r\n");
		assert_int_equal(t.slow, i < 3 ? 0 : i - 2);
	}
	/* 1 + 2 + 3 times as long as at first */
	assert_int_equal(t.slowness, 6);
	talk_say(&t, "AUTH PLAIN\r\n*\r\n");
	assert_codes(&t, "220 250 535 535 535 535 535 334 421");
	assert_int_equal(mc_server_errors_total(t.s), 6);
	assert_int_equal(mc_server_junk_total(t.s), 0);
	talk_clear(&t);
}

/* slower and slower, up to ten times */
static void
test_slowness(void **state)
{
	struct mc_server_settings set = talk_settings();
	unsigned before = 0;
	struct talk t;

	(void)state;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	for (unsigned i = 1; i < 100; i++) {
		unsigned want = i < 50 ? 0 : i < 59 ? i - 49 : 10;

		talk_say(&t, "NOOP\r\n");
		assert_int_equal(t.slowness - before, want);
		before = t.slowness;
	}
	talk_say(&t, "X\r\n");
	assert_int_equal(t.slowness, before);
	talk_clear(&t);

	/* a message pays off, but not what the owner is told */
	talk_begin(&t, &set);
	talk_say(&t, HI);
	for (unsigned i = 0; i < 60; i++)
		talk_say(&t, i % 6 == 0 ? "X\r\n" : "NOOP\r\n");
	talk_say(&t, M R D "NOOP\r\nX\r\n");
	assert_int_equal(mc_server_slowness(t.s), 1);
	assert_int_equal(mc_server_errors_total(t.s), 11);
	assert_int_equal(mc_server_junk_total(t.s), 51);
	talk_clear(&t);

	set.max_errors = 1;
	talk_begin(&t, &set);
	talk_say(&t, HI "X\r\n");
	assert_codes(&t, "220 250 421");
	talk_clear(&t);
}

/* names are tried out without a message: the answers are the same, and it
 * comes to an end however it is done */
static void
test_harvest(void **state)
{
	static const struct {
		const char *again;
		unsigned rcpts;
		unsigned rounds;	/* at most */
		int mail;		/* what the owner says */
		int rcpt;
	} rows[] = {
		{ "RSET\r\n", 1, 50, 0, 0 },
		{ "RSET\r\n", 250, 25, 0, 0 },
		{ HI, 250, 25, 0, 0 },
		{ "HELO x\r\n", 1, 50, 0, 0 },
		{ "", 0, 99, 450, 0 },
		{ "", 1000, 10, 0, 450 },
		/* beyond the most in one message */
		{ "", 1000, 11, 0, 0 },
	};
	struct mc_server_settings set = talk_settings();

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct talk t;
		unsigned n = 0;

		talk_begin(&t, &set);
		t.terse = true;
		t.mail.code = rows[i].mail;
		t.rcpt.code = rows[i].rcpt;
		talk_say(&t, HI M);
		for (; n < 200 && !t.closed; n++) {
			for (unsigned k = 0; k < rows[i].rcpts; k++)
				talk_say(&t, R);
			talk_say(&t, rows[i].again);
			if (rows[i].mail != 0 || rows[i].again[0] != '\0')
				talk_say(&t, M);
		}
		assert_int_equal(n, rows[i].rounds);
		assert_true(t.slow >= 10);
		assert_true(t.slowness > t.slow);
		assert_string_equal(mc_server_reason(t.s),
		    "Too many commands without a message");
		assert_true(mc_server_junk_total(t.s) >= 100);
		talk_clear(&t);
	}
}

/* a client that does not wait for answers may go over the limit */
static void
test_many_rcpts(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct talk t;

	(void)state;
	talk_begin(&t, &set);
	t.terse = true;
	talk_say(&t, HI M);
	for (unsigned i = 0; i < 3000; i++)
		talk_say(&t, R);
	talk_say(&t, D);
	assert_int_equal(t.ends, 1);
	assert_int_equal(t.slow, 0);
	assert_int_equal(mc_server_junk_total(t.s), 20);
	talk_clear(&t);
}

/* limits as they are set */
static void
test_limits(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct talk t;

	(void)state;
	set.max_junk = 4;
	set.max_line = 20;
	set.max_text_line = 10;
	talk_begin(&t, &set);
	talk_say(&t, HI "NOOP 4567890123456\r\nNOOP 456789012345678\r\n");
	talk_say(&t, M);
	talk_say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<b>\r\nDATA\r\n"
	    "12345678\r\n.\r\n");
	talk_say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<b>\r\nDATA\r\n"
	    "123456789\r\n.\r\n");
	talk_say(&t, "MAIL FROM:<a@b>\r\nRCPT TO:<b>\r\nBDAT 10 LAST\r\n"
	    "12345678\r\nMAIL FROM:<a@b>\r\nRCPT TO:<b>\r\n"
	    "BDAT 11 LAST\r\n123456789\r\n");
	assert_codes(&t, "220 250 250 500 500 250 250 354 250 250 250 354 554 "
	    "250 250 250 250 250 554");
	mc_buf_reset(&t.out);
	for (unsigned i = 0; i < 4; i++)
		talk_say(&t, "NOOP\r\n");
	assert_codes(&t, "250 250 250 421");
	assert_int_equal(t.slow, 2);
	talk_clear(&t);
	/* a longer line than usual, of which a buffer has to be as long */
	set = talk_settings();
	set.max_line = 1000000;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	for (unsigned k = 0; k < 2; k++) {
		struct mc_buf in;

		mc_buf_init(&in, 1 << 20);
		mc_buf_addz(&in, "MAIL FROM:<a@b> ENVID=");
		while (in.len < (k == 0 ? 16000 : 100))
			mc_buf_addc(&in, 'x');
		mc_buf_addz(&in, "\r\n");
		talk_feed(&t, mc_buf_str(&in));
		mc_buf_clear(&in);
	}
	assert_codes(&t, "220 250 501 250");
	talk_clear(&t);
}

static bool
holds(const struct mc_buf *b, const char *text)
{
	size_t n = strlen(text);

	for (size_t i = 0; i + n <= b->cap; i++)
		if (memcmp(b->ptr + i, text, n) == 0)
			return true;
	return false;
}

/* the password is in no memory of the engine any more, however it came */
static void
test_wiped(void **state)
{
	static const char *const ins[] = {
		"AUTH PLAIN " PLAIN_JOE "\r\n",
		"AUTH PLAIN\r\n" PLAIN_JOE "\r\nNOOP\r\n",
		"AUTH LOGIN\r\n" JOE "\r\n" PASS "\r\n",
		/* with the password, but no log-in */
		"AUTH PLAIN " PLAIN_JOE "=\r\n",
		"AUTH CRAM-MD5 " PLAIN_JOE "\r\n",
		"AUTH PLAIN " PLAIN_AS_ANN "\r\n",
	};
	struct mc_server_settings set = service();

	(void)state;
	for (size_t i = 0; i < MC_NELEM(ins); i++)
		for (size_t piece = 1; piece < 50; piece++) {
			struct mc_str in = mc_str_from(ins[i]);
			struct talk t;

			talk_begin(&t, &set);
			t.auth = i % 2 == 0 ? yes : no;
			talk_say(&t, HI);
			while (in.len != 0) {
				talk_feed(&t, mc_str_sub(in, 0, piece));
				in = mc_str_sub(in, piece, SIZE_MAX);
			}
			/* what it is in base64, at any offset */
			assert_false(holds(&t.s->in, "BwYXNz"));
			assert_false(holds(&t.s->in, "cGFzcw"));
			assert_false(holds(&t.s->login.text, "pass"));
			talk_clear(&t);
		}
}

static void
test_no_memory(void **state)
{
	struct mc_server_settings set = service();
	unsigned long n;

	(void)state;
	for (n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_server *s;
		int rc;

		(void)failmalloc(n, false);
		rc = mc_server_new(&set, &s, &err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			mc_server_free(s);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_auth),
		cmocka_unit_test(test_not_offered),
		cmocka_unit_test(test_need_auth),
		cmocka_unit_test(test_auth_lines),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_injected),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_auth_errors),
		cmocka_unit_test(test_slowness),
		cmocka_unit_test(test_harvest),
		cmocka_unit_test(test_many_rcpts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wiped),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
