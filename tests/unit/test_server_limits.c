/* SPDX-License-Identifier: MIT */
/*
 * test_server_limits.c - the server engine: limits, answers, ends, no memory
 */
#include "unit.h"

#include "base/mem.h"
#include "server_side.h"

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<c@d.example>\r\n"
#define D "DATA\r\nx\r\n.\r\n"

static void
begin(struct talk *t)
{
	struct mc_server_settings set = talk_settings();

	talk_begin(t, &set);
}

/* the last line of the output */
static const char *
last(struct talk *t)
{
	size_t n = t->out.len;

	assert_true(n > 2);
	n -= 2;
	while (n > 0 && t->out.ptr[n - 1] != '\n')
		n--;
	return t->out.ptr + n;
}

static void
end_talk(struct talk *t)
{
	if (!t->closed) {
		mc_server_eof(t->s);
		talk_run(t, SIZE_MAX);
	}
	assert_true(t->closed);
	talk_check(t);
	talk_clear(t);
}

/* ------------------------------------------------------------------- limits */

/* a command of n bytes, its end included */
static void
say_long(struct talk *t, size_t n, bool end, size_t piece)
{
	struct mc_buf line;
	struct mc_str rest;

	mc_buf_init(&line, 1 << 20);
	mc_buf_addz(&line, "NOOP ");
	while (line.len < n - (end ? 2 : 0))
		mc_buf_addc(&line, 'x');
	if (end)
		mc_buf_addz(&line, "\r\n");
	rest = mc_buf_str(&line);
	while (rest.len != 0 && !t->closed) {
		talk_feed(t, mc_str_sub(rest, 0, piece));
		rest = mc_str_sub(rest, piece, SIZE_MAX);
	}
	mc_buf_clear(&line);
}

static void
test_line_length(void **state)
{
	static const struct {
		size_t n;
		bool end;
		const char *codes;
	} rows[] = {
		{ 2048, true, "220 250 250" },
		{ 2049, true, "220 500 250" },
		{ 16384, true, "220 500 250" },
		{ 16385, true, "220 500" },
		{ 20000, true, "220 500" },
		{ 16383, false, "220" },
		{ 16384, false, "220 500" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		for (size_t piece = 1; piece < 100000; piece = piece * 7 + 3) {
			struct talk t;

			begin(&t);
			talk_run(&t, SIZE_MAX);
			say_long(&t, rows[i].n, rows[i].end, piece);
			if (rows[i].end)
				talk_say(&t, "NOOP\r\n");
			assert_codes(&t, rows[i].codes);
			end_talk(&t);
		}
}

/* a request for HTTP is one however long it is */
static void
test_long_request(void **state)
{
	struct talk t;
	struct mc_buf in;

	(void)state;
	mc_buf_init(&in, 1 << 20);
	mc_buf_addz(&in, "GET /");
	while (in.len < 9000)
		mc_buf_addc(&in, 'x');
	mc_buf_addz(&in, " HTTP/1.1\r\n" HI M R D);
	begin(&t);
	talk_feed(&t, mc_buf_str(&in));
	assert_codes(&t, "220 421");
	assert_int_equal(t.ends, 0);
	mc_buf_clear(&in);
	end_talk(&t);
}

static void
test_errors(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	talk_say(&t, HI);
	for (unsigned i = 1; i < 20; i++) {
		talk_say(&t, i % 2 != 0 ? "NONSENSE\r\n" : "RCPT TO:x y\r\n");
		assert_int_equal(t.slow, i < 10 ? 0 : i - 9);
		assert_memory_equal(last(&t), "50", 2);
	}
	talk_say(&t, "NONSENSE\r\n");
	assert_string_equal(last(&t), "421 4.7.0 Too many errors\r\n");
	assert_string_equal(mc_server_reason(t.s), "Too many errors");
	end_talk(&t);

	/* a message that was taken pays them off; one that was not does not */
	begin(&t);
	talk_say(&t, HI);
	for (unsigned i = 0; i < 19; i++)
		talk_say(&t, "X\r\n");
	talk_say(&t, M R D);
	for (unsigned i = 0; i < 18; i++)
		talk_say(&t, "X\r\n");
	t.end = (struct mc_server_answer){ .code = 550 };
	talk_say(&t, M R D "X\r\n");
	assert_false(t.closed);
	assert_int_equal(mc_server_taken(t.s), 1);
	talk_say(&t, "X\r\n");
	assert_string_equal(last(&t), "421 4.7.0 Too many errors\r\n");
	end_talk(&t);
}

/* refusals by the owner count too, in all but END */
static void
test_refused_errors(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	t.rcpt = (struct mc_server_answer){ .code = 550, .text = "no" };
	talk_say(&t, HI M);
	for (unsigned i = 0; i < 19; i++)
		talk_say(&t, R);
	assert_false(t.closed);
	talk_say(&t, R);
	assert_string_equal(last(&t), "421 4.7.0 Too many errors\r\n");
	assert_false(t.open);
	end_talk(&t);

	begin(&t);
	t.end = (struct mc_server_answer){ .code = 554, .text = "no" };
	talk_say(&t, HI);
	for (unsigned i = 0; i < 40; i++)
		talk_say(&t, M R D);
	assert_false(t.closed);
	assert_int_equal(t.ends, 40);
	assert_int_equal(t.slow, 0);
	end_talk(&t);

	/* what is temporary never does */
	begin(&t);
	t.mail = (struct mc_server_answer){ .code = 451, .text = "later" };
	talk_say(&t, HI);
	for (unsigned i = 0; i < 40; i++)
		talk_say(&t, M);
	assert_false(t.closed);
	end_talk(&t);
}

static void
test_junk(void **state)
{
	static const char *const words[] = { "NOOP\r\n", "RSET\r\n",
	    "VRFY a\r\n", "HELP\r\n", HI };
	struct talk t;

	(void)state;
	begin(&t);
	talk_say(&t, HI);
	for (unsigned i = 1; i < 100; i++) {
		talk_say(&t, words[i % MC_NELEM(words)]);
		assert_int_equal(t.slow, i < 50 ? 0 : i - 49);
		assert_false(t.closed);
	}
	talk_say(&t, "RSET\r\n");
	assert_string_equal(last(&t),
	    "421 4.7.0 Too many commands without a message\r\n");
	end_talk(&t);

	/* between messages it may be */
	begin(&t);
	talk_say(&t, HI);
	for (unsigned i = 0; i < 300; i++) {
		if (i % 90 == 89)
			talk_say(&t, M R D);
		talk_say(&t, "RSET\r\n");
	}
	assert_false(t.closed);
	end_talk(&t);
}

static void
test_rcpts_and_messages(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct talk t;

	(void)state;
	set.max_rcpts = 2;
	set.max_messages = 2;
	talk_begin(&t, &set);
	talk_say(&t, HI M R R);
	/* so many that they would be too many errors */
	for (unsigned i = 0; i < 30; i++) {
		talk_say(&t, R);
		assert_memory_equal(last(&t), "452 4.5.3 ", 10);
	}
	talk_say(&t, D M);
	/* a refused one does not count */
	t.rcpt = (struct mc_server_answer){ .code = 550 };
	talk_say(&t, R);
	t.rcpt.code = 0;
	talk_say(&t, R R);
	assert_string_equal(last(&t), "250 2.1.5 Recipient ok\r\n");
	talk_say(&t, R);
	assert_memory_equal(last(&t), "452 4.5.3 ", 10);
	talk_say(&t, D);
	assert_int_equal(t.ends, 2);
	talk_say(&t, M);
	assert_string_equal(last(&t),
	    "421 4.7.0 Too many messages in one session\r\n");
	end_talk(&t);

	/* refused messages count too, whoever refused them */
	talk_begin(&t, &set);
	t.end.code = 554;
	t.end.enh[0] = 5;
	talk_say(&t, HI M R D M R "BDAT 1 LAST\r\n\n" M);
	assert_codes(&t, "220 250 250 250 354 554 250 250 554 421");
	assert_int_equal(t.ends, 1);
	assert_int_equal(mc_server_taken(t.s), 0);
	end_talk(&t);
}

/* nothing is handled while replies wait, and they keep their order */
static void
test_output_is_bounded(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct mc_buf in;
	struct talk t;
	unsigned writes = 0;
	unsigned rcpts = 0;

	(void)state;
	mc_buf_init(&in, 1 << 20);
	mc_buf_addz(&in, HI M);
	while (in.len + 100 < MC_MAX_SERVER_FEED) {
		mc_buf_addz(&in, R);
		rcpts++;
	}
	set.max_rcpts = 0;
	talk_begin(&t, &set);
	assert_int_equal(mc_server_feed(t.s, in.ptr, in.len, NULL), 0);
	for (;;) {
		enum mc_serve want = mc_server_step(t.s);

		assert_true(mc_server_output(t.s).len <
		    MC_MAX_SERVER_OUTPUT + 600);
		if (want == MC_SERVE_READ)
			break;
		if (want == MC_SERVE_MAIL)
			talk_on_mail(&t);
		else if (want == MC_SERVE_RCPT)
			talk_on_rcpt(&t);
		else {
			assert_int_equal(want, MC_SERVE_WRITE);
			/* it insists, however little leaves */
			mc_server_sent(t.s, 0);
			assert_int_equal(mc_server_step(t.s), want);
			talk_write(&t, 1000);
			writes++;
		}
	}
	talk_write(&t, SIZE_MAX);
	assert_true(writes > 5);
	talk_say(&t, "QUIT\r\n");
	assert_int_equal(t.out.len, strlen("220 mx.example ESMTP\r\n") +
	    strlen("250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
	    "250-8BITMIME\r\n250-SMTPUTF8\r\n250-DSN\r\n250-CHUNKING\r\n"
	    "250 ENHANCEDSTATUSCODES\r\n") +
	    strlen("250 2.1.0 Sender ok\r\n") +
	    rcpts * strlen("250 2.1.5 Recipient ok\r\n") +
	    strlen("221 2.0.0 Goodbye\r\n"));
	mc_buf_clear(&in);
	end_talk(&t);
}

static void
test_feed_limit(void **state)
{
	static char junk[200000];
	struct mc_err err = { .code = MC_OK };
	struct talk t;
	size_t room;

	(void)state;
	memset(junk, 'x', sizeof(junk));
	begin(&t);
	talk_run(&t, SIZE_MAX);
	room = mc_server_room(t.s);
	assert_true(room >= MC_MAX_SERVER_FEED && room < sizeof(junk));
	assert_err(mc_server_feed(t.s, junk, room + 1, &err), err,
	    MC_E_TOO_LONG);
	assert_int_equal(mc_server_room(t.s), room);
	assert_int_equal(mc_server_feed(t.s, junk, room, NULL), 0);
	assert_int_equal(mc_server_room(t.s), 0);
	talk_run(&t, SIZE_MAX);
	assert_true(t.closed);
	/* what comes behind the end is swallowed */
	assert_int_equal(mc_server_step(t.s), MC_SERVE_CLOSE);
	end_talk(&t);
}

/* ------------------------------------------------------------------ answers */

/* the table: digits agree, and a line holds it */
static void
test_table(void **state)
{
	static const struct {
		int code;
		int enh[3];
		const char *text;
	} rows[] = {
#define MC_SAY(id, code, a, b, c, text) { code, { a, b, c }, text },
#include "smtp/server_replies.def"
#undef MC_SAY
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str text = mc_str_from(rows[i].text);

		assert_true(rows[i].code >= 211 && rows[i].code <= 559);
		assert_int_equal(rows[i].enh[0], rows[i].code / 100 == 3 ? 0 :
		    rows[i].code / 100);
		/* nothing that a client could be asked to do elsewhere */
		assert_true(rows[i].code != 251 && rows[i].code != 551);
		assert_true(text.len > 1 || rows[i].code == 334);
		assert_true(text.len < 100);
		assert_true(mc_str_is_ascii(text) && !mc_str_has_ctl(text));
	}
}

static void
test_ehlo(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct talk t;

	(void)state;
	set.no_chunking = set.no_dsn = set.no_smtputf8 = true;
	set.max_size = 0;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	assert_string_equal(t.out.ptr, "220 mx.example ESMTP\r\n"
	    "250-mx.example\r\n250-PIPELINING\r\n250-SIZE\r\n"
	    "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n");
	mc_buf_reset(&t.out);
	talk_say(&t, "HELO x\r\n");
	assert_string_equal(t.out.ptr, "250 mx.example\r\n");
	end_talk(&t);
}

static void
test_host(void **state)
{
	static const char *const bad[] = { "", "a b", "a\r\nb", "x..y", "-",
	    "1.2.3.4", "a_b" };
	struct mc_server_settings set = talk_settings();

	(void)state;
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_server *s;

		set.host = mc_str_from(bad[i]);
		assert_err(mc_server_new(&set, &s, &err), err,
		    MC_E_BAD_VALUE);
	}
}

static void
test_answers(void **state)
{
	static const struct {
		struct mc_server_answer a;
		const char *reply;
		bool closed;
	} rows[] = {
		{ { 250, { 2, 0, 0 }, "queued as 1" },
		    "250 2.0.0 queued as 1\r\n", false },
		{ { 250, { 0 }, "" }, "250 2.0.0 Ok\r\n", false },
		{ { 550, { 5, 1, 1 }, "no such user" },
		    "550 5.1.1 no such user\r\n", false },
		{ { 451, { 4, 3, 0 }, "" }, "451 4.3.0 Refused\r\n", false },
		{ { 452, { 0 }, "full" }, "452 4.0.0 full\r\n", false },
		{ { 559, { 5, 999, 999 }, "x" }, "559 5.999.999 x\r\n", false },
		{ { 551, { 5, 1, 6 }, "try x@y" }, "550 5.1.6 try x@y\r\n",
		    false },
		{ { 421, { 4, 3, 2 }, "bye" }, "421 4.3.2 bye\r\n", true },
		{ { 554, { 5, 6, 0 }, "a\r\n250 b\x1b[2J\x7f \xc3\xa9 \xff" },
		    "554 5.6.0 a 250 b?[2J? ?? ?\r\n", false },
		/* none of these is an answer, least of all a yes */
		{ { 0, { 0 }, "ok" }, NULL, false },
		{ { 200, { 2, 0, 0 }, "ok" }, NULL, false },
		{ { 251, { 2, 0, 0 }, "ok" }, NULL, false },
		{ { 299, { 2, 0, 0 }, "ok" }, NULL, false },
		{ { 354, { 0 }, "ok" }, NULL, false },
		{ { -250, { 0 }, "ok" }, NULL, false },
		{ { 250, { 5, 0, 0 }, "ok" }, NULL, false },
		{ { 550, { 2, 0, 0 }, "ok" }, NULL, false },
		{ { 550, { 5, -1, 0 }, "ok" }, NULL, false },
		{ { 550, { 5, 0, 1000 }, "ok" }, NULL, false },
		{ { 460, { 0 }, "ok" }, NULL, false },
		{ { 560, { 0 }, "ok" }, NULL, false },
		{ { 2500, { 0 }, "ok" }, NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct talk t;

		begin(&t);
		t.end = rows[i].a;
		talk_say(&t, HI M R D);
		assert_string_equal(last(&t), rows[i].reply != NULL ?
		    rows[i].reply :
		    "451 4.3.0 Internal error; try again later\r\n");
		assert_int_equal(t.closed, rows[i].closed);
		assert_int_equal(mc_server_taken(t.s),
		    rows[i].reply != NULL && rows[i].a.code == 250);
		end_talk(&t);
	}
}

/* the same for MAIL and RCPT, where zero is yes */
static void
test_answers_before(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	t.mail = (struct mc_server_answer){ 550, { 5, 7, 1 }, "not you" };
	talk_say(&t, HI M R);
	t.mail = (struct mc_server_answer){ 251, { 2, 0, 0 }, "x" };
	talk_say(&t, M R);
	t.mail = (struct mc_server_answer){ 250, { 2, 1, 0 }, "fine" };
	t.rcpt = (struct mc_server_answer){ 450, { 4, 7, 1 }, "slowly" };
	talk_say(&t, M R "DATA\r\n");
	t.rcpt = (struct mc_server_answer){ 250, { 2, 1, 5 }, "fine" };
	talk_say(&t, R D);
	t.rcpt = (struct mc_server_answer){ 421, { 4, 7, 0 }, "enough" };
	talk_say(&t, M R);
	assert_codes(&t, "220 250 550 503 451 503 250 450 503 250 354 250 "
	    "250 421");
	assert_string_equal(t.log.ptr, "MAIL <a@b.example>\n"
	    "MAIL <a@b.example>\nMAIL <a@b.example>\nRCPT <c@d.example>\n"
	    "RCPT <c@d.example>\nEND x\\r\\n\nMAIL <a@b.example>\n"
	    "RCPT <c@d.example>\nRESET\nCLOSE\n");
	assert_non_null(mc_server_reason(t.s));
	end_talk(&t);
}

/* an answer that nobody asked for */
static void
test_unasked(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	mc_server_answer(t.s, &talk_queued);
	assert_int_equal(mc_server_output(t.s).len, 0);
	talk_say(&t, HI M R "DATA\r\nx\r\n");
	mc_server_answer(t.s, &talk_queued);
	talk_say(&t, ".\r\n");
	mc_server_answer(t.s, &talk_queued);
	assert_int_equal(mc_server_output(t.s).len, 0);
	talk_say(&t, "QUIT\r\n");
	mc_server_answer(t.s, &talk_queued);
	assert_codes(&t, "220 250 250 250 354 250 221");
	assert_null(mc_server_reason(t.s));
	end_talk(&t);
}

/* a long text goes on several lines, none cut inside a character */
static void
test_long_answers(void **state)
{
	for (unsigned kind = 0; kind < 3; kind++)
		for (size_t pad = 0; pad < 4; pad++) {
			struct talk t;
			size_t n = 0;

			begin(&t);
			t.end = (struct mc_server_answer){ .code = 550,
			    .enh = { 5, 1, 1 } };
			memset(t.end.text, 'x', pad);
			for (n = pad; n + 3 < sizeof(t.end.text); n += 3)
				memcpy(t.end.text + n, kind == 0 ? "yyy" :
				    kind == 1 ? "y y" : "\xe2\x82\xac", 3);
			talk_say(&t, HI "MAIL FROM:<> SMTPUTF8\r\n" R D);
			assert_memory_equal(last(&t), "550 5.1.1 ", 10);
			assert_memory_equal(t.out.ptr + t.out.len -
			    strlen(last(&t)) - 2, "\r\n", 2);
			assert_true(mc_str_is_utf8(mc_buf_str(&t.out)));
			assert_codes(&t, "220 250 250 250 354 550");
			end_talk(&t);
		}
	(void)state;
}

static void
test_answer_err(void **state)
{
	static const struct {
		struct mc_err why;
		int code;
		int enh[3];
	} rows[] = {
		{ { .code = MC_E_REFUSED, .smtp = 550, .enh = { 5, 1, 1 } },
		    550, { 5, 1, 1 } },
		{ { .code = MC_E_REFUSED, .smtp = 554, .enh = { 5, 7, 1 } },
		    554, { 5, 7, 1 } },
		{ { .code = MC_E_REFUSED, .smtp = 452, .enh = { 4, 2, 2 } },
		    452, { 4, 2, 2 } },
		{ { .code = MC_E_SERVER_UNAVAILABLE, .smtp = 421,
		    .enh = { 4, 3, 2 } }, 451, { 4, 3, 2 } },
		/* our own affairs are no verdict on the message */
		{ { .code = MC_E_AUTH_REFUSED, .smtp = 535,
		    .enh = { 5, 7, 8 } }, 451, { 4, 7, 8 } },
		{ { .code = MC_E_NOT_READY, .smtp = 530, .enh = { 5, 7, 0 } },
		    451, { 4, 7, 0 } },
		{ { .code = MC_E_CONF_VALUE, .enh = { 4, 3, 5 } },
		    451, { 4, 3, 5 } },
		{ { .code = MC_E_QUEUE_FULL, .enh = { 4, 3, 1 } },
		    452, { 4, 3, 1 } },
		{ { .code = MC_E_NOMEM, .enh = { 4, 3, 0 } },
		    451, { 4, 3, 0 } },
		{ { .code = MC_E_INTERNAL, .enh = { 4, 3, 0 } },
		    451, { 4, 3, 0 } },
		{ { .code = MC_E_NOT_ALLOWED, .enh = { 5, 7, 1 } },
		    550, { 5, 7, 1 } },
		{ { .code = MC_E_TOO_BIG, .enh = { 5, 3, 4 } },
		    552, { 5, 3, 4 } },
		{ { .code = MC_E_ADDR_SYNTAX, .enh = { 5, 1, 3 } },
		    550, { 5, 1, 3 } },
		{ { .code = MC_E_HDR_SYNTAX, .enh = { 5, 6, 0 } },
		    554, { 5, 6, 0 } },
		{ { .code = MC_E_REFUSED, .smtp = 550, .enh = { 5, 1, 1 },
		    .unsure = 1 }, 451, { 4, 1, 1 } },
		{ { .code = MC_OK }, 451, { 4, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err why = rows[i].why;
		struct mc_server_answer a;

		memcpy(why.text, "words", 6);
		mc_server_answer_err(&why, &a);
		assert_int_equal(a.code, rows[i].code);
		assert_memory_equal(a.enh, rows[i].enh, sizeof(a.enh));
		assert_string_equal(a.text, "words");
	}
}

/* --------------------------------------------------------------------- ends */

static void
test_bye(void **state)
{
	struct talk t;

	(void)state;
	/* instead of the greeting */
	begin(&t);
	mc_server_bye(t.s, MC_SERVER_REFUSED);
	mc_server_bye(t.s, MC_SERVER_TIMEOUT);
	talk_say(&t, HI);
	assert_string_equal(t.out.ptr, "421 4.7.0 Not for you, or not now\r\n");
	end_talk(&t);
	/* between commands, even those that are here already */
	begin(&t);
	talk_say(&t, HI M);
	mc_server_bye(t.s, MC_SERVER_SHUTDOWN);
	talk_say(&t, R "QUIT\r\n");
	assert_codes(&t, "220 250 250 421");
	assert_string_equal(t.log.ptr, "MAIL <a@b.example>\nRESET\nCLOSE\n");
	end_talk(&t);
	/* a finished message is still judged */
	begin(&t);
	talk_say(&t, HI M R "DATA\r\n");
	assert_int_equal(mc_server_feed(t.s, "x\r\n.\r\nNOOP\r\n", 12, NULL),
	    0);
	mc_server_bye(t.s, MC_SERVER_SHUTDOWN);
	talk_run(&t, SIZE_MAX);
	assert_codes(&t, "220 250 250 250 354 250 421");
	assert_int_equal(t.ends, 1);
	end_talk(&t);
	/* a part of one is not */
	begin(&t);
	talk_say(&t, HI M R "BDAT 10\r\n");
	assert_string_equal(mc_server_words(t.s),
	    "receiving a part of a message");
	mc_server_bye(t.s, MC_SERVER_TIMEOUT);
	talk_say(&t, "12345");
	assert_string_equal(last(&t), "421 4.4.2 Waited too long\r\n");
	assert_int_equal(t.ends, 0);
	end_talk(&t);
}

static void
test_eof(void **state)
{
	struct talk t;

	(void)state;
	begin(&t);
	mc_server_eof(t.s);
	talk_run(&t, SIZE_MAX);
	assert_string_equal(t.out.ptr, "220 mx.example ESMTP\r\n");
	assert_null(mc_server_reason(t.s));
	end_talk(&t);
	begin(&t);
	talk_say(&t, HI M R);
	assert_int_equal(mc_server_feed(t.s, D, strlen(D), NULL), 0);
	mc_server_eof(t.s);
	/* what comes behind the end does not count */
	assert_int_equal(mc_server_feed(t.s, M, strlen(M), NULL), 0);
	talk_run(&t, SIZE_MAX);
	assert_codes(&t, "220 250 250 250 354 250");
	assert_null(mc_server_reason(t.s));
	end_talk(&t);
	begin(&t);
	talk_say(&t, HI M R "DATA\r\n.\r");
	mc_server_eof(t.s);
	talk_run(&t, SIZE_MAX);
	assert_codes(&t, "220 250 250 250 354 421");
	assert_non_null(mc_server_reason(t.s));
	end_talk(&t);
	mc_server_free(NULL);
}

/* every allocation fails in turn: at the beginning there is no session, later
 * the command gets 451 and the next is as good as ever */
static void
test_no_memory(void **state)
{
	struct mc_server_settings set = talk_settings();
	unsigned long n = 1;
	unsigned failed = 0;

	(void)state;
	for (;; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_server *s;
		int rc;

		(void)failmalloc(n, false);
		rc = mc_server_new(&set, &s, &err);
		(void)failmalloc(0, false);
		if (rc == 0) {
			mc_server_free(s);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 5);
	for (n = 1;; n++) {
		struct talk t;
		bool refused;

		begin(&t);
		talk_say(&t, HI);
		/* the talk's own buffers must not be what fails */
		assert_non_null(mc_buf_reserve(&t.out, 4096));
		assert_non_null(mc_buf_reserve(&t.log, 4096));
		assert_non_null(mc_buf_reserve(&t.body, 4096));
		mc_buf_reset(&t.out);
		(void)failmalloc(n, false);
		talk_say(&t, M R D);
		if (failmalloc(0, false) < n) {
			assert_int_equal(t.ends, 1);
			end_talk(&t);
			break;
		}
		failed++;
		refused = t.ends == 0;
		assert_true(strstr(t.out.ptr, "451 4.3.0 Out of memory") !=
		    NULL);
		/* the text behind a refused DATA was no command */
		if (!t.closed) {
			assert_false(refused);
			talk_say(&t, M R D);
		}
		end_talk(&t);
	}
	assert_true(failed > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_long_request),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_refused_errors),
		cmocka_unit_test(test_junk),
		cmocka_unit_test(test_rcpts_and_messages),
		cmocka_unit_test(test_output_is_bounded),
		cmocka_unit_test(test_feed_limit),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_ehlo),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_answers_before),
		cmocka_unit_test(test_unasked),
		cmocka_unit_test(test_long_answers),
		cmocka_unit_test(test_answer_err),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_eof),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
