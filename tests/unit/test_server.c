/* SPDX-License-Identifier: MIT */
/*
 * test_server.c - the server engine: commands, arguments, answers, limits
 *
 * Dialogues are rows: what the client sends, the codes that come back, and
 * what the owner was asked.  Each is run whole, byte by byte, and cut at every
 * offset, with the same result to the byte.  Clients call themselves and
 * everybody else Zebra, and nothing of that may come back.
 */
#include "unit.h"

#include "base/mem.h"
#include "server_side.h"

#define HI "EHLO Zebra\r\n"
#define M "MAIL FROM:<Zebra@a.example>\r\n"
#define R "RCPT TO:<Zebra@b.example>\r\n"
#define M_LOG "MAIL <Zebra@a.example>\n"
#define R_LOG "RCPT <Zebra@b.example>\n"

#define F_LF 1u
#define F_HELO 2u
#define F_LEAN 4u		/* no CHUNKING, SMTPUTF8, DSN */
#define F_LONG 8u
#define F_SMALL 16u		/* little is enough */

struct row {
	const char *in;
	const char *codes;
	const char *log;
	unsigned flags;
};

static struct mc_server_settings
settings(unsigned flags)
{
	struct mc_server_settings set = talk_settings();

	set.lf_ok = (flags & F_LF) != 0;
	set.long_lines_ok = (flags & F_LONG) != 0;
	if ((flags & F_LEAN) != 0)
		set.no_chunking = set.no_smtputf8 = set.no_dsn = true;
	if ((flags & F_SMALL) != 0) {
		set.max_size = 20;
		set.max_rcpts = 2;
		set.max_messages = 2;
	}
	return set;
}

static bool
holds(struct mc_str text, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= text.len; i++)
		if (strncasecmp(text.ptr + i, word, n) == 0)
			return true;
	return false;
}

static void
end_talk(struct talk *t)
{
	if (!t->closed) {
		mc_server_eof(t->s);
		talk_run(t, SIZE_MAX);
	}
	talk_check(t);
	assert_false(holds(mc_buf_str(&t->out), "zebra"));
}

static bool
same(struct talk *a, struct talk *b)
{
	return mc_str_eq(mc_buf_str(&a->out), mc_buf_str(&b->out)) &&
	    mc_str_eq(mc_buf_str(&a->log), mc_buf_str(&b->log));
}

/* what comes of `in` in pieces of n, or of at and the rest, is as in `want` */
static void
check_cuts(struct mc_str in, const struct mc_server_settings *set,
    struct talk *want)
{
	for (size_t at = 0; at <= in.len; at++) {
		struct talk t;

		talk_begin(&t, set);
		if (at == 0) {
			for (size_t i = 0; i < in.len; i++)
				talk_feed(&t, mc_str_sub(in, i, 1));
		} else {
			talk_feed(&t, mc_str_sub(in, 0, at));
			talk_feed(&t, mc_str_sub(in, at, SIZE_MAX));
		}
		end_talk(&t);
		if (!same(&t, want))
			print_message("cut at %zu:\n%s\n%s\n", at, t.out.ptr,
			    t.log.ptr);
		assert_true(same(&t, want));
		talk_clear(&t);
	}
}

static void
check_row(const struct row *row)
{
	struct mc_server_settings set = settings(row->flags);
	struct talk t;

	talk_begin(&t, &set);
	talk_say(&t, row->in);
	end_talk(&t);
	if (strcmp(t.log.ptr, row->log) != 0)
		print_message("input:\n%s\nlog:\n%s", row->in, t.log.ptr);
	assert_codes(&t, row->codes);
	assert_string_equal(t.log.ptr, row->log);
	check_cuts(mc_str_from(row->in), &set, &t);
	talk_clear(&t);
}

static void
check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i]);
}

/* ---------------------------------------------------------------- dialogues */

static void
test_dialogues(void **state)
{
	static const struct row rows[] = {
		{ HI M R "DATA\r\nx: y\r\n\r\n..z\r\n.\r\nQUIT\r\n",
		    "220 250 250 250 354 250 221",
		    M_LOG R_LOG "END x: y\\r\\n\\r\\n.z\\r\\n\nCLOSE\n", 0 },
		{ "HELO Zebra\r\nmail from: <Zebra@a.example>\r\n"
		    "rcpt to:<Zebra@b.example> \r\ndata\r\n.\r\nquit\r\n",
		    "220 250 250 250 354 250 221",
		    "MAIL <Zebra@a.example> helo\n" R_LOG "END \nCLOSE\n", 0 },
		/* two messages; RSET between; EHLO is one too */
		{ HI M R "DATA\r\na\r\n.\r\n" M R "RSET\r\n" M R HI M R
		    "DATA\r\nb\r\n.\r\n",
		    "220 250 250 250 354 250 250 250 250 250 250 250 250 250 "
		    "354 250",
		    M_LOG R_LOG "END a\\r\\n\n" M_LOG R_LOG "RESET\n" M_LOG
		    R_LOG "RESET\n" M_LOG R_LOG "END b\\r\\n\nCLOSE\n", 0 },
		/* nothing of one recipient sticks to the next */
		{ HI M "RCPT TO:<Zebra@b.example> NOTIFY=NEVER ORCPT=rfc822;a"
		    "\r\nRCPT TO:<Zebra@b.example> ORCPT=rfc822;b\r\n" R,
		    "220 250 250 250 250 250", M_LOG
		    "RCPT <Zebra@b.example> notify 8 orcpt a\n"
		    "RCPT <Zebra@b.example> orcpt b\n" R_LOG "RESET\nCLOSE\n",
		    0 },
		/* out of order */
		{ M R "DATA\r\n" "BDAT 0 LAST\r\n" HI "RCPT TO:<x@y>\r\n"
		    "DATA\r\n" M M "DATA\r\n" "BDAT 1\r\nx" R
		    "DATA\r\nx\r\n.\r\n" R "DATA\r\n" "BDAT 0 LAST\r\n",
		    "220 503 503 503 503 250 503 503 250 503 503 503 250 354 "
		    "250 503 503 503", M_LOG R_LOG "END x\\r\\n\nCLOSE\n", 0 },
		/* asked for and never done */
		{ "NOOP\r\nNOOP Zebra\r\nHELP\r\nHELP Zebra\r\n"
		    "VRFY Zebra\r\nVRFY <nobody@b.example>\r\nEXPN Zebra\r\n"
		    "ETRN Zebra\r\nTURN\r\nAUTH PLAIN Zebra\r\nSTARTTLS\r\n"
		    "RSET\r\n",
		    "220 250 250 214 214 252 252 502 502 502 502 502 250",
		    "CLOSE\n", 0 },
		/* wrong arguments */
		{ "EHLO\r\nHELO \r\nVRFY\r\nEHLO \x1bZebra\r\n" HI
		    "RSET x\r\nQUIT now\r\nDATA Zebra\r\n\r\nZebra\r\n",
		    "220 501 501 501 501 250 501 501 501 500 500",
		    "CLOSE\n", 0 },
		/* blanks behind a command do no harm */
		{ "EHLO  Zebra \r\n" M R "DATA \r\n.\r\nQUIT\t\r\n",
		    "220 250 250 250 354 250 221",
		    M_LOG R_LOG "END \nCLOSE\n", 0 },
		/* the end of input is QUIT; half a command is none */
		{ HI M R "DATA", "220 250 250 250",
		    M_LOG R_LOG "RESET\nCLOSE\n", 0 },
		{ HI M R "DATA\r\nhalf", "220 250 250 250 354 421",
		    M_LOG R_LOG "RESET\nCLOSE\n", 0 },
		{ HI M R "BDAT 5\r\nhalf", "220 250 250 250 421",
		    M_LOG R_LOG "RESET\nCLOSE\n", 0 },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

static void
test_lines(void **state)
{
	static const struct row rows[] = {
		/* LF alone: not here */
		{ "EHLO Zebra\nMAIL FROM:<>\r\n", "220 500", "CLOSE\n", 0 },
		{ HI "NOOP\nNOOP\r\n", "220 250 500", "CLOSE\n", 0 },
		{ "\n", "220 500", "CLOSE\n", 0 },
		/* here it may be */
		{ "EHLO Zebra\n" "MAIL FROM:<Zebra@a.example>\n"
		    "RCPT TO:<Zebra@b.example>\nDATA\na\n..b\n\n.\nQUIT\n",
		    "220 250 250 250 354 250 221", M_LOG R_LOG
		    "END a\\r\\n.b\\r\\n\\r\\n\nCLOSE\n", F_LF },
		/* CRLF first: commands with LF, content strictly not */
		{ HI M "RCPT TO:<Zebra@b.example>\nDATA\na\r\n.\r\nQUIT\n",
		    "220 250 250 250 354 250 221", M_LOG R_LOG
		    "END a\\r\\n\nCLOSE\n", F_LF },
		/* LF first: CRLF in commands and at ends of lines too */
		{ "EHLO Zebra\n" M R "DATA\r\na\r\nb\n.\nQUIT\r\n",
		    "220 250 250 250 354 250 221", M_LOG R_LOG
		    "END a\\r\\nb\\r\\n\nCLOSE\n", F_LF },
		/* bare CR */
		{ HI "NOOP \rQUIT\r\nNOOP\r\r\nNOOP\r\n\rNOOP\r\n",
		    "220 250 500 500 250 500", "CLOSE\n", 0 },
		{ "NOOP\r\r\nNOOP\rQUIT\n", "220 500 500", "CLOSE\n", F_LF },
		/* what is no SMTP at all */
		{ "GET / HTTP/1.1\r\n" HI, "220 421", "CLOSE\n", 0 },
		{ "post / HTTP/1.1\r\n" HI, "220 421", "CLOSE\n", F_LF },
		{ HI "CONNECT Zebra:25\r\n" M, "220 250 421", "CLOSE\n", 0 },
		{ "PRI * HTTP/2.0\r\n", "220 421", "CLOSE\n", 0 },
		{ "\x16\x03\x01", "220 421", "CLOSE\n", 0 },
		{ " EHLO Zebra\r\n", "220 421", "CLOSE\n", 0 },
		{ "\xff", "220 421", "CLOSE\n", 0 },
		{ "{\"Zebra\"", "220 421", "CLOSE\n", 0 },
		/* a browser's form, with mail in it */
		{ "POST / HTTP/1.1\r\nHost: Zebra\r\n\r\n" HI M R
		    "DATA\r\nx\r\n.\r\n", "220 421", "CLOSE\n", F_LF },
		/* text behind a DATA that was refused */
		{ HI "DATA\r\nFrom: Zebra\r\n\r\nHi\r\n.\r\nQUIT\r\n",
		    "220 250 503 500 500 500 421", "CLOSE\n", 0 },
	};

	(void)state;
	check_rows(rows, MC_NELEM(rows));
}

static void
test_nul(void **state)
{
	static const char in[] = HI "NOOP \0Zebra\r\nNO\0OP\r\nNOOP\r\n";
	struct mc_server_settings set = settings(0);
	struct talk t;

	(void)state;
	talk_begin(&t, &set);
	talk_feed(&t, MC_STR(in));
	end_talk(&t);
	assert_codes(&t, "220 250 500 500 250");
	check_cuts(MC_STR(in), &set, &t);
	talk_clear(&t);
}

/* ---------------------------------------------------------------- arguments */

/* one MAIL and what it becomes; NULL: nothing, with that code */
static const struct {
	const char *arg;
	const char *code;
	const char *log;
	unsigned flags;
} mails[] = {
	{ "FROM:<>", "250", "MAIL <>", 0 },
	{ "FROM: <>", "250", "MAIL <>", 0 },
	{ "from:<a@b.example>", "250", "MAIL <a@b.example>", 0 },
	{ "FROM:a@b.example", "250", "MAIL <a@b.example>", 0 },
	{ "FROM:<root>", "250", "MAIL <root> bare", 0 },
	{ "FROM:root", "250", "MAIL <root> bare", 0 },
	{ "FROM:<first.last>", "250", "MAIL <first.last> bare", 0 },
	{ "FROM:<\"a b\"@c.example>", "250", "MAIL <\"a b\"@c.example>", 0 },
	{ "FROM:<\"a>b\"@c.example>", "250", "MAIL <\"a>b\"@c.example>", 0 },
	{ "FROM:<\"a\\\"> b\"@c.example>", "250",
	    "MAIL <\"a\\\"> b\"@c.example>", 0 },
	{ "FROM:<\"ab\"@c.example>", "250", "MAIL <ab@c.example>", 0 },
	{ "FROM:<a@[192.0.2.1]>", "250", "MAIL <a@[192.0.2.1]>", 0 },
	{ "FROM:<a@[IPv6:2001:db8::1]>", "250",
	    "MAIL <a@[IPv6:2001:db8::1]>", 0 },
	{ "FROM:<@r.example,@s.example:a@b.example>", "250",
	    "MAIL <a@b.example>", 0 },
	{ "FROM:<a@b.example.>", "250", "MAIL <a@b.example>", 0 },
	{ "FROM:<a@b.example> SIZE=12 BODY=8BITMIME", "250",
	    "MAIL <a@b.example> size 12 8bit", 0 },
	{ "FROM:<>  size=0   body=7bit ", "250", "MAIL <> size 0", 0 },
	{ "FROM:<> SIZE=1000000", "250", "MAIL <> size 1000000", 0 },
	{ "FROM:<> RET=FULL ENVID=QQ314159", "250",
	    "MAIL <> full envid QQ314159", 0 },
	{ "FROM:<> ENVID=a+2Bb+3Dc+20d RET=hdrs", "250",
	    "MAIL <> hdrs envid a+b=c d", 0 },
	{ "FROM:<\xc3\xa9@b.example> SMTPUTF8", "250",
	    "MAIL <\xc3\xa9@b.example> utf8", 0 },
	{ "FROM:<a@\xc3\xa9.example> SMTPUTF8", "250",
	    "MAIL <a@xn--9ca.example> utf8", 0 },
	{ "FROM:<a@b.example> SMTPUTF8", "250",
	    "MAIL <a@b.example> utf8", 0 },

	{ "", "501", NULL, 0 },
	{ "<a@b.example>", "501", NULL, 0 },
	{ "TO:<a@b.example>", "501", NULL, 0 },
	{ "FROM:", "501", NULL, 0 },
	{ "FROM: ", "501", NULL, 0 },
	{ "FROM <a@b.example>", "501", NULL, 0 },
	{ "FROM:<a@b.example", "501", NULL, 0 },
	{ "FROM:a@b.example>", "501", NULL, 0 },
	{ "FROM:<a@b.example>SIZE=1", "501", NULL, 0 },
	{ "FROM:<a@b.example>>", "501", NULL, 0 },
	{ "FROM:<<a@b.example>>", "501", NULL, 0 },
	{ "FROM:<a b@c.example>", "501", NULL, 0 },
	{ "FROM:<a@b c>", "501", NULL, 0 },
	{ "FROM:< >", "501", NULL, 0 },
	{ "FROM:<@>", "501", NULL, 0 },
	{ "FROM:<a@>", "501", NULL, 0 },
	{ "FROM:<@b.example>", "501", NULL, 0 },
	{ "FROM:<@r.example:>", "501", NULL, 0 },
	{ "FROM:<a@@b.example>", "501", NULL, 0 },
	{ "FROM:<a@b@c.example>", "501", NULL, 0 },
	{ "FROM:<a(b)@c.example>", "501", NULL, 0 },
	{ "FROM:a(b)@c.example", "501", NULL, 0 },
	{ "FROM:a@b.example,c@d.example", "501", NULL, 0 },
	{ "FROM:x:a@b.example;", "501", NULL, 0 },
	{ "FROM:x<a@b.example>", "501", NULL, 0 },
	{ "FROM:<a@b.example,c@d.example>", "501", NULL, 0 },
	{ "FROM:<a.@b.example>", "501", NULL, 0 },
	{ "FROM:<a@-b.example>", "501", NULL, 0 },
	{ "FROM:<a@b..example>", "501", NULL, 0 },
	{ "FROM:<a@[1.2.3]>", "501", NULL, 0 },
	{ "FROM:<\"a@b.example>", "501", NULL, 0 },
	{ "FROM:<a\x1b@b.example>", "501", NULL, 0 },
	{ "FROM:<a\x7f@b.example>", "501", NULL, 0 },
	{ "FROM:<\xc3\xa9@b.example>", "553", NULL, 0 },
	{ "FROM:<a@\xc3\xa9.example>", "553", NULL, 0 },
	{ "FROM:<\xc3\xa9>", "553", NULL, 0 },
	{ "FROM:<\xff@b.example> SMTPUTF8", "501", NULL, 0 },
	{ "FROM:<\xc3@b.example>", "501", NULL, 0 },

	{ "FROM:<> SIZE=1 SIZE=1", "501", NULL, 0 },
	{ "FROM:<> SMTPUTF8 SMTPUTF8", "501", NULL, 0 },
	{ "FROM:<> SIZE", "501", NULL, 0 },
	{ "FROM:<> SIZE=", "501", NULL, 0 },
	{ "FROM:<> SIZE=-1", "501", NULL, 0 },
	{ "FROM:<> SIZE=0x10", "501", NULL, 0 },
	{ "FROM:<> SIZE=1k", "501", NULL, 0 },
	{ "FROM:<> SIZE=1000001", "552", NULL, 0 },
	{ "FROM:<> SIZE=18446744073709551615", "552", NULL, 0 },
	{ "FROM:<> SIZE=18446744073709551616", "552", NULL, 0 },
	{ "FROM:<> SIZE=99999999999999999999", "552", NULL, 0 },
	{ "FROM:<> SIZE=100000000000000000000", "501", NULL, 0 },
	{ "FROM:<> BODY=", "501", NULL, 0 },
	{ "FROM:<> BODY=9BIT", "501", NULL, 0 },
	{ "FROM:<> BODY=BINARYMIME", "555", NULL, 0 },
	{ "FROM:<> SMTPUTF8=1", "501", NULL, 0 },
	{ "FROM:<> SMTPUTF8=", "501", NULL, 0 },
	{ "FROM:<> RET=ALL", "501", NULL, 0 },
	{ "FROM:<> ENVID=", "501", NULL, 0 },
	{ "FROM:<> ENVID=a=b", "501", NULL, 0 },
	{ "FROM:<> ENVID=+", "501", NULL, 0 },
	{ "FROM:<> ENVID=+2", "501", NULL, 0 },
	{ "FROM:<> ENVID=+2G", "501", NULL, 0 },
	{ "FROM:<> ENVID=+00", "501", NULL, 0 },
	{ "FROM:<> ENVID=+0A", "501", NULL, 0 },
	{ "FROM:<> ENVID=+0D", "501", NULL, 0 },
	{ "FROM:<> ENVID=+7F", "501", NULL, 0 },
	{ "FROM:<> ENVID=+C3+A9", "501", NULL, 0 },
	{ "FROM:<> ENVID=\xc3\xa9", "501", NULL, 0 },
	{ "FROM:<> AUTH=<>", "555", NULL, 0 },
	{ "FROM:<> ZEBRA", "555", NULL, 0 },
	{ "FROM:<> NOTIFY=NEVER", "555", NULL, 0 },
	{ "FROM:<> =", "555", NULL, 0 },
	{ "FROM:<> SIZEX=1", "555", NULL, 0 },
	{ "FROM:<> SIZE=1", "555", NULL, F_HELO },
	{ "FROM:<> SMTPUTF8", "555", NULL, F_LEAN },
	{ "FROM:<> SIZE=9 BODY=8BITMIME RET=FULL ENVID=a SMTPUTF8 ZEBRA=x",
	    "555", NULL, 0 },
	{ "FROM:<Zebra> ENVID=a SIZE=x", "501", NULL, 0 },
	{ "FROM:<> RET=FULL", "555", NULL, F_LEAN },
	{ "FROM:<> ENVID=a", "555", NULL, F_LEAN },
};

static const struct {
	const char *arg;
	const char *code;
	const char *log;
	unsigned flags;
} rcpts[] = {
	{ "TO:<a@b.example>", "250", "RCPT <a@b.example>", 0 },
	{ "to: a@b.example", "250", "RCPT <a@b.example>", 0 },
	{ "TO:<postmaster>", "250", "RCPT <postmaster> bare", 0 },
	{ "TO:<@r.example:a@b.example>", "250", "RCPT <a@b.example>", 0 },
	{ "TO:<-x@b.example>", "250", "RCPT <-x@b.example>", 0 },
	{ "TO:<a@b.example> NOTIFY=NEVER", "250",
	    "RCPT <a@b.example> notify 8", 0 },
	{ "TO:<a@b.example> notify=success,FAILURE,Delay", "250",
	    "RCPT <a@b.example> notify 7", 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;c+2Bd@e.example", "250",
	    "RCPT <a@b.example> orcpt c+d@e.example", 0 },
	{ "TO:<a@b.example> ORCPT=RFC822;c+2bd@e.example NOTIFY=DELAY", "250",
	    "RCPT <a@b.example> notify 4 orcpt c+d@e.example", 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{e9}\\x{20AC}\\x{1F600}\\x{2B}@x",
	    "250", "RCPT <a@b.example> orcpt \xc3\xa9\xe2\x82\xac"
	    "\xf0\x9f\x98\x80+@x", 0 },
	{ "TO:<a@b.example> ORCPT=x400;/c=de/", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=x400;/c+3Dde/", "250",
	    "RCPT <a@b.example>", 0 },

	{ "TO:<>", "501", NULL, 0 },
	{ "TO:", "501", NULL, 0 },
	{ "FROM:<a@b.example>", "501", NULL, 0 },
	{ "TO:<a@b.example> <c@d.example>", "555", NULL, 0 },
	{ "TO:<a@b.example><c@d.example>", "501", NULL, 0 },
	{ "TO:<a@b.example>,<c@d.example>", "501", NULL, 0 },
	{ "TO:<\xc3\xa9@b.example>", "553", NULL, 0 },
	{ "TO:<a@b.example> SMTPUTF8", "555", NULL, 0 },
	{ "TO:<a@b.example> SIZE=1", "555", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=NEVER,DELAY", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=DELAY,", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=,DELAY", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=SOMETIMES", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=DELAY NOTIFY=DELAY", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;a ORCPT=rfc822;a", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=a", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=;a", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rf c;a", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=r+66c;a", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;+00", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;a+0Ab", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;a+0ab", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;a+4", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;\xc3\xa9", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\xc3\xa9", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{0A}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{9B}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{D800}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{110000}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{0000041}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{}", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;\\x{41", "501", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=utf-8;a+b", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=DELAY ORCPT=rfc822;a X", "555", NULL, 0 },
	{ "TO:<a@b.example> ORCPT=rfc822;a NOTIFY=x", "501", NULL, 0 },
	{ "TO:<a@b.example> NOTIFY=NEVER", "555", NULL, F_HELO },
	{ "TO:<a@b.example> NOTIFY=NEVER", "555", NULL, F_LEAN },
	{ "TO:<a@b.example> ORCPT=rfc822;a", "555", NULL, F_LEAN },
};

/* before: what opens the transaction for RCPT; "" for MAIL */
static void
check_arg(const char *before, const char *arg, const char *code,
    const char *log, unsigned flags)
{
	struct mc_server_settings set = settings(flags);
	bool mail = before[0] == '\0';
	struct talk t;
	struct mc_buf line;
	struct mc_str reply;

	mc_buf_init(&line, 65536);
	mc_buf_addf(&line, "%s %s\r\n", mail ? "MAIL" : "RCPT", arg);
	talk_begin(&t, &set);
	talk_say(&t, (flags & F_HELO) != 0 ? "HELO Zebra\r\n" : HI);
	talk_say(&t, before);
	mc_buf_reset(&t.out);
	mc_buf_reset(&t.log);
	talk_feed(&t, mc_buf_str(&line));
	reply = mc_str_sub(mc_buf_str(&t.out), 0, 3);
	if (!mc_str_eq(reply, mc_str_from(code)))
		print_message("%s: %s", line.ptr, t.out.ptr);
	assert_str(reply, code);
	mc_buf_reset(&line);
	if (log != NULL)
		mc_buf_addf(&line, "%s\n", log);
	assert_string_equal(t.log.ptr, line.ptr);
	/* it leaves nothing behind: the next one is what it says */
	mc_buf_reset(&t.log);
	if (mail && log != NULL)
		talk_say(&t, "RSET\r\n");
	mc_buf_reset(&t.log);
	talk_say(&t, mail ? M : R);
	assert_string_equal(t.log.ptr, !mail ? R_LOG : (flags & F_HELO) == 0 ?
	    M_LOG : "MAIL <Zebra@a.example> helo\n");
	mc_buf_reset(&t.out);
	end_talk(&t);
	mc_buf_clear(&line);
	talk_clear(&t);
}

static void
test_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(mails); i++)
		check_arg("", mails[i].arg, mails[i].code, mails[i].log,
		    mails[i].flags);
}

static void
test_rcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rcpts); i++)
		check_arg("MAIL FROM:<>\r\n", rcpts[i].arg, rcpts[i].code,
		    rcpts[i].log, rcpts[i].flags);
	check_arg("MAIL FROM:<> SMTPUTF8\r\n",
	    "TO:<\xc3\xa9@b.example> ORCPT=utf-8;\xc3\xa9@b.example", "250",
	    "RCPT <\xc3\xa9@b.example> orcpt \xc3\xa9@b.example", 0);
	check_arg("MAIL FROM:<> SMTPUTF8\r\n",
	    "TO:<a@b.example> ORCPT=utf-8;\xc3", "501", NULL, 0);
	check_arg("MAIL FROM:<> SMTPUTF8\r\n",
	    "TO:<a@b.example> ORCPT=utf-8;\xc2\x9b", "501", NULL, 0);
}

/* lengths just right and one too much */
static void
test_lengths(void **state)
{
	static const struct {
		const char *front;
		size_t n;
		const char *back;
		const char *code;
	} rows[] = {
		{ "TO:<", 64, "@b.example>", "250" },
		{ "TO:<", 65, "@b.example>", "501" },
		{ "TO:<", 64, ">", "250" },
		{ "TO:<", 65, ">", "501" },
		{ "TO:<a@", 63, ".example>", "250" },
		{ "TO:<a@", 64, ".example>", "501" },
		{ "TO:<a@b.example> ORCPT=rfc822;", 493, "", "250" },
		{ "TO:<a@b.example> ORCPT=rfc822;", 494, "", "501" },
		{ "FROM:<> ENVID=", 100, "", "250" },
		{ "FROM:<> ENVID=", 101, "", "501" },
		{ "FROM:<> ENVID=+41", 99, "", "250" },
		{ "FROM:<> ENVID=+41", 100, "", "501" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_server_settings set = settings(0);
		bool mail = rows[i].front[0] == 'F';
		struct mc_buf line;
		struct talk t;

		mc_buf_init(&line, 65536);
		mc_buf_addf(&line, "%s %s", mail ? "MAIL" : "RCPT",
		    rows[i].front);
		for (size_t k = 0; k < rows[i].n; k++)
			mc_buf_addc(&line, 'a');
		mc_buf_addf(&line, "%s\r\n", rows[i].back);
		talk_begin(&t, &set);
		talk_say(&t, HI);
		if (!mail)
			talk_say(&t, "MAIL FROM:<>\r\n");
		mc_buf_reset(&t.out);
		talk_feed(&t, mc_buf_str(&line));
		assert_codes(&t, rows[i].code);
		end_talk(&t);
		mc_buf_clear(&line);
		talk_clear(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialogues),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_mail),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
