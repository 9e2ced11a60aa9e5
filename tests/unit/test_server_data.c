/* SPDX-License-Identifier: MIT */
/*
 * test_server_data.c - the server engine: where messages begin and end
 *
 * Every string over CR, LF, dot and one letter up to eight bytes is content,
 * once as it is and once as a client would send it, in DATA with each kind of
 * line end and in BDAT, cut at every place.  What has to come of it says a
 * model that looks for CR LF . CR LF in the whole of the text, where the engine
 * goes byte by byte.
 */
#include "unit.h"

#include "server_side.h"
#include "smtp/dot.h"

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<a@b.example>\r\n"
#define R "RCPT TO:<c@d.example>\r\n"
#define LETTERS 4
/* sanitizers take five times as long, a byte more costs the same */
#ifndef MAX_LEN
#if defined(__SANITIZE_ADDRESS__)
#define MAX_LEN 7
#else
#define MAX_LEN 8
#endif
#endif

/* the k-th string of n letters */
static struct mc_str
letters(char *text, size_t n, size_t k)
{
	static const char alphabet[LETTERS] = { '\r', '\n', '.', 'a' };

	for (size_t i = 0; i < n; i++) {
		text[i] = alphabet[k % LETTERS];
		k /= LETTERS;
	}
	return mc_str_make(text, n);
}

static size_t
how_many(size_t n)
{
	size_t count = 1;

	while (n-- > 0)
		count *= LETTERS;
	return count;
}

/* a session that is ready for content, over and over unless it was closed */
static void
open_data(struct talk *t, const struct mc_server_settings *set, bool lf)
{
	if (t->s != NULL && t->closed) {
		talk_clear(t);
		t->s = NULL;
	}
	if (t->s == NULL) {
		talk_begin(t, set);
		t->terse = true;
		talk_say(t, lf ? "HELO c\n" : "HELO c\r\n");
	}
	talk_say(t, "MAIL FROM:<>\r\nRCPT TO:<x>\r\nDATA\r\n");
	mc_buf_reset(&t->out);
	mc_buf_reset(&t->log);
	t->ends = 0;
}

/* ------------------------------------------------------------------ a model */

struct fate {
	size_t end;		/* of the content, with its dot; 0: none */
	bool bare;
	char text[64];		/* decoded */
	size_t len;
};

static size_t
find(struct mc_str s, const char *what, size_t n, size_t from)
{
	for (size_t i = from; i + n <= s.len; i++)
		if (memcmp(s.ptr + i, what, n) == 0)
			return i;
	return s.len;
}

/* RFC 5321 4.1.1.4 and 4.5.2, read literally */
static void
crlf_fate(struct mc_str in, struct fate *f)
{
	char buf[64] = "\r\n";
	struct mc_str all = { buf, in.len + 2 };
	size_t end, at;

	memset(f, 0, sizeof(*f));
	memcpy(buf + 2, in.ptr, in.len);
	end = find(all, "\r\n.\r\n", 5, 0);
	if (end == all.len)
		return;
	f->end = end + 5 - 2;
	for (size_t i = 0; i < end + 5; i++) {
		if (buf[i] == '\n' && buf[i - 1] != '\r')
			f->bare = true;
		if (buf[i] == '\r' && buf[i + 1] != '\n')
			f->bare = true;
	}
	for (at = 2; at < end + 2;) {
		size_t next = find(all, "\r\n", 2, at) + 2;

		if (buf[at] == '.')
			at++;
		memcpy(f->text + f->len, buf + at, next - at);
		f->len += next - at;
		at = next;
	}
}

/* lines end with LF; one CR in front of it goes */
static void
lf_fate(struct mc_str in, struct fate *f)
{
	size_t at = 0;

	memset(f, 0, sizeof(*f));
	while (at < in.len) {
		size_t lf = find(in, "\n", 1, at);
		struct mc_str line = mc_str_sub(in, at, lf - at);

		if (lf == in.len)
			return;
		at = lf + 1;
		if (mc_str_eq(line, MC_STR("."))) {
			f->end = at;
			return;
		}
		if (mc_str_eq(line, MC_STR(".\r")))
			f->bare = true;
		if (line.len != 0 && line.ptr[0] == '.')
			line = mc_str_sub(line, 1, line.len);
		if (line.len != 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (mc_str_chr(line, '\r') < line.len)
			f->bare = true;
		if (line.len != 0)
			memcpy(f->text + f->len, line.ptr, line.len);
		f->len += line.len;
		memcpy(f->text + f->len, "\r\n", 2);
		f->len += 2;
	}
}

/* ---------------------------------------------------------------- raw DATA */

static void
check_fate(struct talk *t, const struct fate *f)
{
	struct mc_buf log;

	if (f->bare) {
		assert_int_equal(t->ends, 0);
		assert_string_equal(t->out.ptr, "550 5.5.2 CR or LF by itself "
		    "in the message\r\n");
		assert_string_equal(t->log.ptr, "RESET\nCLOSE\n");
		return;
	}
	/* what is left behind an early end is not SMTP, and no message */
	assert_int_equal(t->ends, 1);
	assert_memory_equal(t->out.ptr, "250 2.0.0 queued as 1\r\n", 23);
	mc_buf_init(&log, 1000);
	mc_buf_addz(&log, "END ");
	talk_add_escaped(&log, mc_str_make(f->text, f->len));
	mc_buf_addc(&log, '\n');
	assert_true(t->log.len >= log.len);
	assert_memory_equal(t->log.ptr, log.ptr, log.len);
	mc_buf_clear(&log);
}

static unsigned long
walk_raw(bool lf, size_t len)
{
	struct mc_server_settings set = talk_settings();
	struct talk t = { .s = NULL };
	unsigned long runs = 0;

	set.lf_ok = lf;
	for (size_t k = 0; k < how_many(len); k++) {
		char text[MAX_LEN + 8];
		struct mc_str in = letters(text, len, k);
		struct fate f;

		memcpy(text + len, lf ? "\n.\n" : "\r\n.\r\n", lf ? 3 : 5);
		in.len += lf ? 3 : 5;
		if (lf)
			lf_fate(in, &f);
		else
			crlf_fate(in, &f);
		assert_true(f.end != 0);
		/* the end never comes early, in whatever pieces */
		for (size_t cut = 0; cut < in.len; cut++) {
			open_data(&t, &set, lf);
			talk_feed(&t, mc_str_sub(in, 0, cut));
			if (cut < f.end)
				assert_true(t.out.len == 0 && t.ends == 0);
			talk_feed(&t, mc_str_sub(in, cut, SIZE_MAX));
			check_fate(&t, &f);
			runs++;
		}
		open_data(&t, &set, lf);
		for (size_t i = 0; i < in.len; i++)
			talk_feed(&t, mc_str_sub(in, i, 1));
		check_fate(&t, &f);
	}
	talk_clear(&t);
	return runs;
}

static void
test_raw_crlf(void **state)
{
	unsigned long runs = 0;

	(void)state;
	for (size_t len = 0; len <= MAX_LEN; len++)
		runs += walk_raw(false, len);
	print_message("# %lu ways to send a message\n", runs);
	assert_true(runs > how_many(MAX_LEN) * (MAX_LEN + 5));
}

static void
test_raw_lf(void **state)
{
	unsigned long runs = 0;

	(void)state;
	for (size_t len = 0; len < MAX_LEN; len++)
		runs += walk_raw(true, len);
	print_message("# %lu ways to send a message\n", runs);
	assert_true(runs > how_many(MAX_LEN - 1) * (MAX_LEN + 2));
}

/* ----------------------------------------------------- what a client sends */

/* in two pieces, or byte by byte for cut == 0; nothing happens too early */
static void
send_stuffed(struct talk *t, struct mc_str in, size_t cut,
    const struct fate *f)
{
	size_t i;

	open_data(t, NULL, false);
	for (i = 0; cut == 0 && i + 1 < in.len; i++)
		talk_feed(t, mc_str_sub(in, i, 1));
	if (cut != 0)
		talk_feed(t, mc_str_sub(in, 0, cut));
	assert_int_equal(t->out.len, cut == in.len ? 23 : 0);
	talk_feed(t, mc_str_sub(in, cut == 0 ? i : cut, SIZE_MAX));
	check_fate(t, f);
	assert_false(t->closed);
}

/* whatever the content is, the way a client writes it is one message, and
 * nothing of it is a command */
static void
test_stuffed(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct mc_buf wire;
	unsigned long runs = 0;
	struct talk t;

	(void)state;
	mc_buf_init(&wire, 1000);
	talk_begin(&t, &set);
	t.terse = true;
	talk_say(&t, HI);
	for (size_t len = 0; len <= MAX_LEN; len++) {
		for (size_t k = 0; k < how_many(len); k++) {
			char text[MAX_LEN + 1];
			struct mc_str in;
			struct mc_dot dot;
			struct fate f;

			mc_buf_reset(&wire);
			mc_dot_init(&dot);
			mc_dot_add(&dot, letters(text, len, k), &wire);
			mc_dot_end(&dot, &wire);
			in = mc_buf_str(&wire);
			crlf_fate(in, &f);
			assert_false(f.bare);
			assert_int_equal(f.end, in.len);
			/* the longest ones only whole and in bytes */
			for (size_t cut = 0; cut <= in.len; cut++) {
				if (len == MAX_LEN && cut != 0)
					cut = in.len;
				send_stuffed(&t, in, cut, &f);
				runs++;
			}
		}
	}
	print_message("# %lu ways to send a message\n", runs);
	assert_true(runs > how_many(MAX_LEN - 1) * MAX_LEN);
	mc_buf_clear(&wire);
	talk_clear(&t);
}

/* --------------------------------------------------------------------- BDAT */

/* in two chunks, cut at every place; the same strings */
static void
test_chunks(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct talk t;
	unsigned good = 0, bad = 0;

	(void)state;
	talk_begin(&t, &set);
	talk_say(&t, HI);
	for (size_t len = 0; len <= 6; len++)
		for (size_t k = 0; k < how_many(len) * (len + 1); k++) {
			char text[MAX_LEN + 1];
			struct mc_str in = letters(text, len, k / (len + 1));
			size_t cut = k % (len + 1);
			bool bare = false;
			struct mc_buf wire;

			for (size_t i = 0; i < len; i++)
				if ((text[i] == '\r' && (i + 1 == len ||
				    text[i + 1] != '\n')) || (text[i] ==
				    '\n' && (i == 0 || text[i - 1] != '\r')))
					bare = true;
			mc_buf_init(&wire, 1000);
			mc_buf_addf(&wire, M R "BDAT %zu\r\n", cut);
			mc_buf_add_str(&wire, mc_str_sub(in, 0, cut));
			mc_buf_addf(&wire, "BDAT %zu LAST\r\n", len - cut);
			mc_buf_add_str(&wire, mc_str_sub(in, cut, SIZE_MAX));
			mc_buf_reset(&t.out);
			mc_buf_reset(&t.log);
			t.ends = 0;
			t.terse = true;
			talk_feed(&t, mc_buf_str(&wire));
			assert_codes(&t, bare ? "250 250 250 554" :
			    "250 250 250 250");
			mc_buf_reset(&wire);
			if (bare) {
				mc_buf_addz(&wire, "RESET");
			} else {
				mc_buf_addz(&wire, "END ");
				talk_add_escaped(&wire, in);
			}
			mc_buf_addc(&wire, '\n');
			assert_string_equal(t.log.ptr, wire.ptr);
			mc_buf_clear(&wire);
			good += !bare;
			bad += bare;
		}
	assert_true(good > 1000 && bad > 10000);
	talk_clear(&t);
}

/* dialogues: input, codes, log; each byte by byte too */
struct row {
	const char *in;
	const char *codes;
	const char *log;
};

#define M_LOG "MAIL <a@b.example>\n"
#define R_LOG "RCPT <c@d.example>\n"

static void
check_row(const struct row *row, const struct mc_server_settings *set)
{
	for (size_t cut = 0; cut <= strlen(row->in); cut++) {
		struct mc_str in = mc_str_from(row->in);
		struct talk t;

		talk_begin(&t, set);
		if (cut == 0)
			for (size_t i = 0; i < in.len; i++)
				talk_feed(&t, mc_str_sub(in, i, 1));
		talk_feed(&t, mc_str_sub(in, 0, cut));
		if (cut != 0)
			talk_feed(&t, mc_str_sub(in, cut, SIZE_MAX));
		assert_codes(&t, row->codes);
		assert_string_equal(t.log.ptr, row->log);
		mc_server_eof(t.s);
		talk_run(&t, SIZE_MAX);
		talk_check(&t);
		talk_clear(&t);
	}
}

static void
test_bdat_dialogues(void **state)
{
	static const struct row rows[] = {
		{ HI M R "BDAT 3 LAST\r\na\r\nQUIT\r\n",
		    "220 250 250 250 250 221",
		    M_LOG R_LOG "END a\\r\\n\nCLOSE\n" },
		{ HI M R "bdat 0 last\r\nBDAT 0\r\nBDAT 0 LAST\r\n",
		    "220 250 250 250 250 503 503", M_LOG R_LOG "END \n" },
		{ HI M R "BDAT 2\r\na\rBDAT 0\r\nNOOP\r\nBDAT 5\r\n\n.\r\nx"
		    "BDAT 2 LAST\r\n\r\n" M,
		    "220 250 250 250 250 250 250 250 250 250", M_LOG R_LOG
		    "END a\\r\\n.\\r\\nx\\r\\n\n" M_LOG },
		/* content that looks like commands, and like the end of data */
		{ HI M R "BDAT 13 LAST\r\n\r\n.\r\nQUIT\r\nx\n" "NOOP\r\n",
		    "220 250 250 250 554 250", M_LOG R_LOG "RESET\n" },
		/* no other way to go on, but back */
		{ HI M R "BDAT 3\r\na\r\n" R M "DATA\r\nBDAT 3 LAST\r\nb\r\n",
		    "220 250 250 250 250 503 503 503 250",
		    M_LOG R_LOG "END a\\r\\nb\\r\\n\n" },
		{ HI M R "BDAT 3\r\na\r\nRSET\r\nBDAT 3 LAST\r\nb\r\n" M R
		    "BDAT 3 LAST\r\nc\r\n",
		    "220 250 250 250 250 250 503 250 250 250", M_LOG R_LOG
		    "RESET\n" M_LOG R_LOG "END c\\r\\n\n" },
		/* EHLO in the middle of it is RSET */
		{ HI M R "BDAT 3\r\na\r\n" HI "BDAT 3 LAST\r\nb\r\n" M R
		    "DATA\r\nc\r\n.\r\n",
		    "220 250 250 250 250 250 503 250 250 354 250", M_LOG R_LOG
		    "RESET\n" M_LOG R_LOG "END c\\r\\n\n" },
		/* refused chunks are read all the same; all that follow too,
		 * until MAIL */
		{ HI "BDAT 6\r\nQUIT\r\n" M "BDAT 6 LAST\r\nQUIT\r\n" R
		    "BDAT 21\r\n12345678901234567890" "1" "BDAT 3\r\nab\n"
		    "BDAT 3 LAST\r\nab\n" M R "BDAT 3 LAST\r\na\r\n",
		    "220 250 503 250 503 250 552 503 503 250 250 250",
		    M_LOG R_LOG "RESET\n" M_LOG R_LOG "END a\\r\\n\n" },
		{ HI M R "BDAT 18\r\n123456789012345678" "BDAT 3 LAST\r\n1\r\n"
		    "RSET\r\n" "BDAT 1 LAST\r\n1",
		    "220 250 250 250 250 552 250 503",
		    M_LOG R_LOG "RESET\n" },
		/* nobody knows how much to read */
		{ HI M R "BDAT\r\nQUIT\r\n", "220 250 250 250 501",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "BDAT x\r\n", "220 250 250 250 501",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "BDAT -1\r\n", "220 250 250 250 501",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "BDAT 1 FIRST\r\nx", "220 250 250 250 501",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "BDAT 1 LAST LAST\r\nx", "220 250 250 250 501",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI "BDAT 99999999999999999999999\r\nx", "220 250 501",
		    "CLOSE\n" },
		/* too much to read */
		{ HI M R "BDAT 1048577 LAST\r\n", "220 250 250 250 552",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI "BDAT 18446744073709551615 LAST\r\n", "220 250 503",
		    "CLOSE\n" },
		/* HELO has no BDAT */
		{ "HELO x\r\n" M R "BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n",
		    "220 250 250 250 503 250",
		    "MAIL <a@b.example> helo\n" R_LOG },
	};
	struct mc_server_settings set = talk_settings();

	(void)state;
	set.max_size = 20;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check_row(&rows[i], &set);
	set.no_chunking = true;
	check_row(&(struct row){ HI M R "BDAT 6 LAST\r\nQUIT\r\nDATA\r\n.\r\n",
	    "220 250 250 250 502 354 250", M_LOG R_LOG "END \n" }, &set);
}

/* --------------------------------------------------------- after a bad end */

/* the transaction is gone whatever came of it (RFC 5321 4.1.1.4) */
static void
test_after_failure(void **state)
{
	static const struct row rows[] = {
		/* too big */
		{ HI M R "DATA\r\n1234567890123456789\r\n.\r\n" R "DATA\r\n"
		    M R "DATA\r\n123456789012345678\r\n.\r\n",
		    "220 250 250 250 354 552 503 503 250 250 354 250", M_LOG
		    R_LOG "RESET\n" M_LOG R_LOG
		    "END 123456789012345678\\r\\n\n" },
		/* bare LF: consumed to the real end, and no message in it */
		{ HI M R "DATA\r\nx\n.\n" M R "DATA\r\ny\r\n.\r\n" M,
		    "220 250 250 250 354 550",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "DATA\r\nx\r\n.\n" M "x\r\r\n.\r\n" M,
		    "220 250 250 250 354 550",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "DATA\r\nx\n.\r\n" M "\r\n.\r\n" M,
		    "220 250 250 250 354 550",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		{ HI M R "DATA\r\nx\r.\r" M "\r\n.\r\n" M,
		    "220 250 250 250 354 550",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
		/* bare wins over too big */
		{ HI M R "DATA\r\n123456789012345678901234567890\n\r\n.\r\n",
		    "220 250 250 250 354 550",
		    M_LOG R_LOG "RESET\nCLOSE\n" },
	};
	struct mc_server_settings set = talk_settings();

	(void)state;
	set.max_size = 20;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check_row(&rows[i], &set);
	/* all of it with the owner saying no */
	for (int code = 421; code <= 554; code += code == 421 ? 30 : 103) {
		struct talk t;

		talk_begin(&t, &set);
		t.end = (struct mc_server_answer){ .code = code };
		talk_say(&t, HI M R "DATA\r\nx\r\n.\r\n" R "DATA\r\n"
		    "BDAT 0 LAST\r\n" M R "BDAT 1 LAST\r\nx");
		assert_codes(&t, code == 421 ? "220 250 250 250 354 421" :
		    code == 451 ?
		    "220 250 250 250 354 451 503 503 503 250 250 451" :
		    "220 250 250 250 354 554 503 503 503 250 250 554");
		assert_int_equal(t.ends, code == 421 ? 1 : 2);
		assert_int_equal(mc_server_taken(t.s), 0);
		talk_clear(&t);
	}
}

/* ------------------------------------------------------------------ limits */

static void
add_line(struct mc_buf *b, size_t n)
{
	char *p = mc_buf_reserve(b, n);

	assert_non_null(p);
	memset(p, 'x', n);
	mc_buf_commit(b, n);
	mc_buf_addz(b, "\r\n");
}

static void
test_line_length(void **state)
{
	static const struct {
		size_t n;
		const char *front;
		bool ok;
	} rows[] = {
		{ 998, "", true }, { 999, "", false }, { 997, "..", true },
		{ 998, "..", false }, { 998, ".", true },
		{ 100000, "", false },
	};

	(void)state;
	for (size_t i = 0; i < 4 * MC_NELEM(rows); i++) {
		struct mc_server_settings set = talk_settings();
		bool chunk = i / MC_NELEM(rows) % 2 != 0;
		bool dot = rows[i % MC_NELEM(rows)].front[0] != '\0';
		bool ok = rows[i % MC_NELEM(rows)].ok;
		struct mc_buf in;
		struct talk t;

		if (chunk && dot)
			continue;
		set.long_lines_ok = i >= 2 * MC_NELEM(rows);
		mc_buf_init(&in, 1 << 20);
		talk_begin(&t, &set);
		t.terse = true;
		talk_say(&t, HI M R);
		mc_buf_reset(&t.out);
		if (chunk)
			mc_buf_addf(&in, "BDAT %zu LAST\r\n",
			    rows[i % MC_NELEM(rows)].n + 2 + 8);
		else
			mc_buf_addz(&in, "DATA\r\n");
		mc_buf_addz(&in, "ab\r\n");
		mc_buf_addz(&in, rows[i % MC_NELEM(rows)].front);
		add_line(&in, rows[i % MC_NELEM(rows)].n);
		mc_buf_addz(&in, "cd\r\n");
		if (!chunk)
			mc_buf_addz(&in, ".\r\n");
		talk_feed(&t, mc_buf_str(&in));
		if (ok || set.long_lines_ok)
			assert_codes(&t, chunk ? "250" : "354 250");
		else
			assert_codes(&t, chunk ? "554" : "354 554");
		assert_int_equal(t.ends, ok || set.long_lines_ok);
		assert_false(t.closed);
		mc_buf_clear(&in);
		talk_clear(&t);
	}
}

/* a last line without end gets one from whoever takes it: it counts */
static void
test_unended_line(void **state)
{
	for (size_t n = 998; n <= 999; n++) {
		struct mc_server_settings set = talk_settings();
		struct mc_buf in;
		struct talk t;

		mc_buf_init(&in, 4096);
		mc_buf_addf(&in, HI M R "BDAT %zu LAST\r\n", n);
		add_line(&in, n);
		in.len -= 2;
		talk_begin(&t, &set);
		talk_feed(&t, mc_buf_str(&in));
		assert_codes(&t, n == 998 ? "220 250 250 250 250" :
		    "220 250 250 250 554");
		mc_buf_clear(&in);
		talk_clear(&t);
	}
	(void)state;
}

/* pieces of any size make the same message, and are never large */
static void
test_big_message(void **state)
{
	struct mc_server_settings set = talk_settings();
	struct mc_buf in, want;

	(void)state;
	mc_buf_init(&in, 1 << 22);
	mc_buf_init(&want, 1 << 22);
	mc_buf_addz(&in, HI M R "DATA\r\n");
	mc_buf_addz(&want, "END ");
	for (unsigned i = 0; want.len < 700000; i++) {
		mc_buf_addf(&in, "%s line %u\r\n", i % 7 == 0 ? ".." : "", i);
		mc_buf_addf(&want, "%s line %u\\r\\n", i % 7 == 0 ? "." : "",
		    i);
	}
	mc_buf_addz(&in, ".\r\n");
	mc_buf_addc(&want, '\n');
	for (size_t piece = 17; piece < 2 * MC_MAX_SERVER_FEED;
	    piece = piece * 5 + 1) {
		struct mc_str rest = mc_buf_str(&in);
		struct talk t;

		talk_begin(&t, &set);
		t.terse = true;
		while (rest.len != 0) {
			talk_feed(&t, mc_str_sub(rest, 0, piece));
			rest = mc_str_sub(rest, piece, SIZE_MAX);
		}
		assert_codes(&t, "220 250 250 250 354 250");
		assert_true(mc_str_eq(mc_buf_str(&t.log),
		    mc_buf_str(&want)));
		talk_clear(&t);
	}
	mc_buf_clear(&in);
	mc_buf_clear(&want);
}

/* what is too big is read to its end, if that is not too far */
static void
test_size(void **state)
{
	static const struct {
		uint64_t max;
		size_t n;		/* lines of 1000 bytes */
		const char *codes;
	} rows[] = {
		{ 0, 3000, "354 250 250" },
		{ 3000000, 3000, "354 250 250" },
		{ 2999999, 3000, "354 552 250" },
		{ 1500000, 3000, "354 552 250" },
		{ 1499999, 3000, "354 552" },
		{ 1000, 1049, "354 552 250" },
		{ 1000, 1050, "354 552" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_server_settings set = talk_settings();
		struct talk t;
		struct mc_buf line;

		set.max_size = rows[i].max;
		mc_buf_init(&line, 2000);
		add_line(&line, 998);
		talk_begin(&t, &set);
		talk_say(&t, HI M R);
		mc_buf_reset(&t.out);
		talk_say(&t, "DATA\r\n");
		for (size_t k = 0; k < rows[i].n && !t.closed; k++)
			talk_feed(&t, mc_buf_str(&line));
		talk_say(&t, ".\r\nNOOP\r\n");
		assert_codes(&t, rows[i].codes);
		mc_buf_clear(&line);
		talk_clear(&t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_raw_crlf),
		cmocka_unit_test(test_raw_lf),
		cmocka_unit_test(test_stuffed),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_bdat_dialogues),
		cmocka_unit_test(test_after_failure),
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_unended_line),
		cmocka_unit_test(test_big_message),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
