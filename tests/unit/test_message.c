/* SPDX-License-Identifier: MIT */
/*
 * test_message.c - the message reader and the spool it fills
 */
#include "unit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "mail/message.h"

#include <sys/resource.h>
#include <sys/stat.h>

/* ------------------------------------------------------------------- spool */

static void
assert_spool(const struct mc_spool *s, const char *want, size_t n)
{
	char got[4096];
	struct mc_err err = { .code = MC_OK };

	assert_int_equal(s->size, n);
	for (size_t off = 0; off <= n; off++) {
		size_t k = 99;

		assert_int_equal(mc_spool_read(s, off, got, sizeof(got), &k,
		    &err), 0);
		assert_int_equal(k, n - off);
		if (k != 0)
			assert_memory_equal(got, want + off, k);
		assert_int_equal(mc_spool_read(s, off, got, 3, &k, &err), 0);
		assert_int_equal(k, n - off < 3 ? n - off : 3);
		if (k != 0)
			assert_memory_equal(got, want + off, k);
	}
}

static void
test_spool(void **state)
{
	static const size_t limits[] = { 0, 1, 7, 64, 4096 };
	char text[300];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t l = 0; l < MC_NELEM(limits); l++) {
		for (size_t piece = 1; piece <= 100; piece += 9) {
			struct mc_spool s;
			size_t done = 0;

			mc_spool_init(&s, limits[l], NULL);
			assert_spool(&s, "", 0);
			while (done < sizeof(text)) {
				size_t n = sizeof(text) - done;

				n = n < piece ? n : piece;
				assert_int_equal(mc_spool_add(&s, text + done,
				    n, NULL), 0);
				done += n;
			}
			assert_spool(&s, text, sizeof(text));
			assert_int_equal(s.fd >= 0, limits[l] < sizeof(text));
			assert_true(s.mem.len <= limits[l]);
			assert_true(s.mem.cap <= limits[l] + 1);

			size_t k = 99;
			char c;
			assert_int_equal(mc_spool_read(&s, UINT64_MAX, &c, 1,
			    &k, NULL), 0);
			assert_int_equal(k, 0);
			mc_spool_clear(&s);
			assert_int_equal(s.fd, -1);
			assert_int_equal(s.size, 0);
		}
	}
}

static void
test_spool_full_disk(void **state)
{
	static const char text[] = "0123456789";
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction before;
	struct rlimit old;
	struct mc_spool s;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	assert_int_equal(sigaction(SIGXFSZ, &ignore, &before), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	struct rlimit tiny = { .rlim_cur = 25, .rlim_max = old.rlim_max };

	mc_spool_init(&s, 8, NULL);
	int rc[3];
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	rc[0] = mc_spool_add(&s, text, 10, &err);
	rc[1] = mc_spool_add(&s, text, 10, &err);
	rc[2] = mc_spool_add(&s, text, 10, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_int_equal(rc[0], 0);
	assert_int_equal(rc[1], 0);
	assert_err(rc[2], err, MC_E_IO);

	/* what was written half is not there, and room makes it good again */
	assert_spool(&s, "01234567890123456789", 20);
	assert_int_equal(mc_spool_add(&s, text, 10, NULL), 0);
	assert_spool(&s, "012345678901234567890123456789", 30);
	mc_spool_clear(&s);
	assert_int_equal(sigaction(SIGXFSZ, &before, NULL), 0);
}

/* ------------------------------------------------------------------ reader */

struct result {
	int rc;			/* of the end */
	bool dot_seen;
	enum mc_code code;
	char header[2048];
	size_t header_len;
	char body[2048];
	size_t body_len;
	struct mc_body_facts facts;
	bool header_8bit;
};

/* read s in pieces: up to `split`, then the rest; split 0 is bytewise */
static void
read_message(struct mc_str s, bool dot, size_t split, size_t memory,
    struct result *ret)
{
	struct mc_message m;
	struct mc_err err = { .code = MC_OK };
	struct mc_buf b;
	size_t got;
	int rc = 0;

	mc_message_init(&m, memory, NULL);
	struct mc_message_reader *r = mc_message_reader_new(&m, dot, &err);
	assert_non_null(r);
	for (size_t at = 0; at < s.len;) {
		size_t n = split == 0 ? 1 : at < split ? split : s.len - at;

		rc = mc_message_reader_feed(r, s.ptr + at, n, &err);
		at += n;
	}
	memset(ret, 0, sizeof(*ret));
	ret->dot_seen = rc == 1;
	ret->rc = mc_message_reader_end(r, &err);
	if (rc < 0)
		assert_int_equal(ret->rc, -1);
	assert_int_equal(ret->rc == 0, err.code == MC_OK);
	ret->code = err.code;
	mc_message_reader_free(r);

	if (ret->rc == 0) {
		mc_buf_init(&b, sizeof(ret->header) - 1);
		mc_header_write(&m.header, &b);
		memcpy(ret->header, b.ptr, b.len + 1);
		ret->header_len = b.len;
		mc_buf_clear(&b);
		assert_int_equal(mc_spool_read(&m.body, 0, ret->body,
		    sizeof(ret->body) - 1, &got, NULL), 0);
		assert_int_equal(got, m.body.size);
		ret->body_len = got;
		assert_int_equal(mc_message_size(&m),
		    ret->header_len + 2 + ret->body_len);
		ret->facts = m.facts;
		ret->header_8bit = m.header_8bit;
	}
	mc_message_clear(&m);
}

/* the facts, counted anew from the canonical body */
static void
assert_facts(const struct result *r)
{
	struct mc_body_facts f = { .lines = 0 };
	size_t len = 0;

	for (size_t i = 0; i < r->body_len; i++) {
		unsigned char c = (unsigned char)r->body[i];

		if (c == '\r') {
			assert_int_equal(r->body[i + 1], '\n');
			continue;
		}
		if (c == '\n') {
			assert_true(i > 0 && r->body[i - 1] == '\r');
			f.longest_line = len > f.longest_line ? len :
			    f.longest_line;
			f.lines++;
			len = 0;
			continue;
		}
		f.has_nul = f.has_nul || c == 0;
		f.has_8bit = f.has_8bit || c >= 0x80;
		len++;
	}
	assert_int_equal(len, 0);
	assert_int_equal(f.lines, r->facts.lines);
	assert_int_equal(f.longest_line, r->facts.longest_line);
	assert_int_equal(f.has_nul, r->facts.has_nul);
	assert_int_equal(f.has_8bit, r->facts.has_8bit);
}

#define S(lit) { (lit), sizeof(lit) - 1 }
#define BAD .header = NULL

struct row {
	struct mc_str in;
	const char *header;	/* NULL: MC_E_HDR_SYNTAX */
	struct mc_str body;
	bool dot_seen;
};

static void
check_row(const struct row *row, bool dot)
{
	/* 1 MiB of memory, and none: the body goes to a file at once */
	for (size_t split = 0; split <= row->in.len; split++) {
		struct result r;

		read_message(row->in, dot, split, split % 2 ? 1 << 20 : 0, &r);
		if (row->header == NULL) {
			assert_int_equal(r.rc, -1);
			assert_int_equal(r.code, MC_E_HDR_SYNTAX);
			continue;
		}
		assert_int_equal(r.rc, 0);
		assert_string_equal(r.header, row->header);
		assert_int_equal(r.body_len, row->body.len);
		if (r.body_len != 0)
			assert_memory_equal(r.body, row->body.ptr, r.body_len);
		assert_int_equal(r.dot_seen, row->dot_seen);
		assert_facts(&r);
	}
}

static void
test_boundary(void **state)
{
	static const struct row rows[] = {
		{ S(""), "", S(""), false },
		{ S("\n"), "", S(""), false },
		{ S("\r\n"), "", S(""), false },
		{ S("\r\r\r\n"), "", S(""), false },
		{ S("To: a\n\nb\n"), "To: a\r\n", S("b\r\n"), false },
		{ S("To: a\r\n\r\nb\r\n"), "To: a\r\n", S("b\r\n"), false },
		{ S("To: a\r\r\n\r\r\nb\r\r\n"), "To: a\r\n", S("b\r\n"),
		    false },
		/* PHP: CRLF header, LF body */
		{ S("To: a\r\nX: y\r\n\r\nl1\nl2\r\n"), "To: a\r\nX: y\r\n",
		    S("l1\r\nl2\r\n"), false },
		{ S("To: a\r\nX: y\nZ:\r\n\nb"), "To: a\r\nX: y\r\nZ:\r\n",
		    S("b\r\n"), false },
		/* no header at all */
		{ S("hello\nsecond\n"), "", S("hello\r\nsecond\r\n"), false },
		{ S("hello world: x\n"), "", S("hello world: x\r\n"), false },
		{ S("hello"), "", S("hello\r\n"), false },
		{ S(" lead\nSubject: x\n\nb\n"), "",
		    S(" lead\r\nSubject: x\r\n\r\nb\r\n"), false },
		{ S("\tlead\n"), "", S("\tlead\r\n"), false },
		{ S("\nSubject: x\n"), "", S("Subject: x\r\n"), false },
		{ S(": x\n"), "", S(": x\r\n"), false },
		{ S("\xc3\xa4: x\n"), "", S("\xc3\xa4: x\r\n"), false },
		{ S("a\xc3\xa4: x\n"), "", S("a\xc3\xa4: x\r\n"), false },
		/* the first line that is no field starts the body */
		{ S("Subject: hi\nnot a header\n\nrest\n"), "Subject: hi\r\n",
		    S("not a header\r\n\r\nrest\r\n"), false },
		{ S("Subject: hi\nnocolon\n"), "Subject: hi\r\n",
		    S("nocolon\r\n"), false },
		{ S("Subject: hi\n:x\n"), "Subject: hi\r\n", S(":x\r\n"),
		    false },
		{ S("Subject: hi\nhalf"), "Subject: hi\r\n", S("half\r\n"),
		    false },
		{ S("Subject: hi\nhalf \t"), "Subject: hi\r\n",
		    S("half \t\r\n"), false },
		{ S("Subject: hi\n<html>: x\n"), "Subject: hi\r\n<html>: x\r\n",
		    S(""), false },
		/* ends inside the header */
		{ S("Subject: hi"), "Subject: hi\r\n", S(""), false },
		{ S("Subject: hi\n"), "Subject: hi\r\n", S(""), false },
		{ S("Subject: hi\n more"), "Subject: hi\r\n more\r\n", S(""),
		    false },
		{ S("Subject:"), "Subject:\r\n", S(""), false },
		{ S("Subject: hi\r\n\r\n"), "Subject: hi\r\n", S(""), false },
		{ S("Subject: hi\n\n\n"), "Subject: hi\r\n", S("\r\n"), false },
		/* bytes are kept */
		{ S("To:a\nTO :b\nto\t \t:\n\n"),
		    "To:a\r\nTO :b\r\nto\t \t:\r\n", S(""), false },
		{ S("X:  two  \n\ty \n"), "X:  two  \r\n\ty \r\n", S(""),
		    false },
		{ S("X: a\r\n \r\n\t\n b\n\nB"), "X: a\r\n \r\n\t\r\n b\r\n",
		    S("B\r\n"), false },
		{ S("X: \xff\x01\x7f\n\n"), "X: \xff\x01\x7f\r\n", S(""),
		    false },
		/* mbox lines */
		{ S("From alice Mon Jan 1 00:00:00 2026\nTo: a\n\nb"),
		    "To: a\r\n", S("b\r\n"), false },
		{ S(">From alice\r\nFrom bob\n>From carl\nTo: a\n\nb"),
		    "To: a\r\n", S("b\r\n"), false },
		{ S("From alice\n\nb"), "", S("b\r\n"), false },
		{ S("From alice\n b"), "", S(" b\r\n"), false },
		{ S("From alice"), "", S(""), false },
		{ S("From \n\n"), "", S(""), false },
		{ S("From "), "", S(""), false },
		{ S("From\n\n"), "", S("From\r\n\r\n"), false },
		{ S("From : a@x\n\nb"), "From : a@x\r\n", S("b\r\n"), false },
		{ S("From: a@x\nFrom me\n"), "From: a@x\r\n",
		    S("From me\r\n"), false },
		{ S("To: a\n\nFrom me\n>From q\n"), "To: a\r\n",
		    S("From me\r\n>From q\r\n"), false },
		{ S("from alice\n"), "", S("from alice\r\n"), false },
		{ S(">>From alice\n"), "", S(">>From alice\r\n"), false },
		/* body bytes */
		{ S("X: y\n\na\rb\n"), "X: y\r\n", S("a\r\nb\r\n"), false },
		{ S("X: y\n\na\r\rb\r"), "X: y\r\n", S("a\r\n\r\nb\r\n"),
		    false },
		{ S("X: y\n\na\0b\n\0"), "X: y\r\n", S("a\0b\r\n\0\r\n"),
		    false },
		{ S("X: y\n\n..two\n.one\n..\n...\n"), "X: y\r\n",
		    S("..two\r\n.one\r\n..\r\n...\r\n"), false },
		{ S("X: y\n\nq\n.\nr\n."), "X: y\r\n",
		    S("q\r\n.\r\nr\r\n.\r\n"), false },
		{ S("X: y\n.\nr\n"), "X: y\r\n", S(".\r\nr\r\n"), false },
		/* text without header may begin with a bare CR */
		{ S("\r50%\r100%\n"), "", S("\r\n50%\r\n100%\r\n"), false },
		{ S("\r"), "", S("\r\n"), false },
		{ S("ab\r\rc"), "", S("ab\r\n\r\nc\r\n"), false },
		{ S("\0\0"), "", S("\0\0\r\n"), false },
		{ S("ab\0c: d\n"), "", S("ab\0c: d\r\n"), false },
		/* bare CR and NUL in the header */
		{ S("X: a\rBcc: b\n\n"), BAD },
		{ S("X: a\r b\n\n"), BAD },
		{ S("X: a\n\rb\n\n"), BAD },
		{ S("X: a\nb\rc\n\n"), BAD },
		{ S("X: a\nb\r"), BAD },
		{ S("X: a\n\r"), BAD },
		{ S("X: a\r"), BAD },
		{ S("X: a\r\r"), BAD },
		{ S("X: a\0b\n\n"), BAD },
		{ S("X: a\n\0\n"), BAD },
		{ S("X: a\nY\0: b\n"), BAD },
		{ S("X: a\n \0\n"), BAD },
		{ S("From a\rTo: b\n"), BAD },
		{ S("From a\0\nTo: b\n"), BAD },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check_row(&rows[i], false);
}

static void
test_dot(void **state)
{
	static const struct row rows[] = {
		{ S("X: y\n\nl1\n.\nl2\n"), "X: y\r\n", S("l1\r\n"), true },
		{ S("X: y\r\n\r\nl1\r\n.\r\nl2\r\n"), "X: y\r\n",
		    S("l1\r\n"), true },
		{ S("X: y\n\nl1\n.\r\r\nl2\n"), "X: y\r\n", S("l1\r\n"),
		    true },
		{ S("X: y\n\nl1\r.\rl2\n"), "X: y\r\n", S("l1\r\n"), true },
		{ S("X: y\n\n.\n"), "X: y\r\n", S(""), true },
		{ S("X: y\n.\nZ: y\n"), "X: y\r\n", S(""), true },
		{ S("X: y\n z\n.\r\nZ: y\n"), "X: y\r\n z\r\n", S(""), true },
		{ S(".\nX: y\n"), "", S(""), true },
		{ S(".\r\n"), "", S(""), true },
		{ S(".\rX: y\n"), "", S(""), true },
		{ S("From a\n.\nX: y\n"), "", S(""), true },
		{ S("X: y\n ."), "X: y\r\n .\r\n", S(""), false },
		{ S("X: y\n\na."), "X: y\r\n", S("a.\r\n"), false },
		{ S("X: y\n\na\n ."), "X: y\r\n", S("a\r\n .\r\n"), false },
		/* at the end without line end: it is not data */
		{ S("X: y\n\nl1\n."), "X: y\r\n", S("l1\r\n"), false },
		{ S("X: y\n."), "X: y\r\n", S(""), false },
		{ S("."), "", S(""), false },
		/* other lines with dots are left alone */
		{ S("X: y\n\n..two\n.one\n..\n...\n. \n"), "X: y\r\n",
		    S("..two\r\n.one\r\n..\r\n...\r\n. \r\n"), false },
		{ S(".X: y\n..: z\n\nb"), ".X: y\r\n..: z\r\n", S("b\r\n"),
		    false },
		{ S("X: y\n.\0\n"), BAD },
		{ S("X: y\n.\rZ: y\n"), BAD },
		/* what comes behind is not looked at */
		{ S("X: y\n\nb\n.\n\0\xff\r\r"), "X: y\r\n", S("b\r\n"), true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check_row(&rows[i], true);
}

/* ----------------------------------------------- all strings of four letters */

/* sanitizers make this slow */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define DEPTH 6
#endif
#ifndef DEPTH
#define DEPTH 8
#endif

/* the rules for a body once more, plainly, for a whole string; false when
 * the dot ended it */
static bool
model_body(const char *s, size_t n, bool dot, char *out, size_t *ret_len)
{
	size_t len = 0;
	size_t line = 0;
	size_t i = 0;

	while (i < n) {
		if (s[i] != '\r' && s[i] != '\n') {
			out[len++] = s[i++];
			continue;
		}
		size_t k = i;
		while (k < n && s[k] == '\r')
			k++;
		i = k < n && s[k] == '\n' ? k + 1 : i + 1;
		if (dot && len - line == 1 && out[line] == '.') {
			*ret_len = line;
			return false;
		}
		out[len++] = '\r';
		out[len++] = '\n';
		line = len;
	}
	if (dot && len - line == 1 && out[line] == '.')
		len = line;
	if (len > line) {
		out[len++] = '\r';
		out[len++] = '\n';
	}
	*ret_len = len;
	return true;
}

/* the same for what stands at a line start of the header section; there are
 * no colons and blanks in it.  -1 when it is refused */
static int
model_rest(const char *s, size_t n, bool fields, bool dot, char *out,
    size_t *ret_len)
{
	size_t text = 0;
	size_t cr;

	while (text < n && s[text] != '\r' && s[text] != '\n')
		text++;
	for (cr = text; cr < n && s[cr] == '\r';)
		cr++;
	bool bare = cr > text && (cr == n || s[cr] != '\n');
	if (fields && bare)
		return -1;
	if (text == 0 && !bare && n > 0) {
		s += cr + 1;
		n -= cr + 1;
	}
	return model_body(s, n, dot, out, ret_len) ? 0 : 1;
}

static void
check_string(const char *front, bool in_body, bool fields, const char *s,
    size_t n, bool dot)
{
	char text[40];
	char want[64];
	size_t want_len = 0;
	size_t front_len = strlen(front);
	struct result r;
	int rc = in_body ? !model_body(s, n, dot, want, &want_len) :
	    model_rest(s, n, fields, dot, want, &want_len);

	memcpy(text, front, front_len);
	memcpy(text + front_len, s, n);
	size_t last = front_len + n;
	for (size_t split = 0; split <= last; split++) {
		/* bytewise, whole, and split where the string is */
		if (split != 0 && split < front_len)
			continue;
		read_message(mc_str_make(text, last), dot, split, 4096, &r);
		if (rc < 0) {
			assert_int_equal(r.rc, -1);
			assert_int_equal(r.code, MC_E_HDR_SYNTAX);
			continue;
		}
		assert_int_equal(r.rc, 0);
		/* a CR at the very end may leave the answer to the end */
		if (r.dot_seen || n == 0 || s[n - 1] != '\r')
			assert_int_equal(r.dot_seen, rc == 1);
		assert_string_equal(r.header, fields ? "A: b\r\n" : "");
		assert_int_equal(r.body_len, want_len);
		assert_memory_equal(r.body, want, want_len);
		assert_facts(&r);
	}
}

static void
test_all_strings(void **state)
{
	static const char letters[] = { '\r', '\n', '.', 'a' };
	char text[DEPTH];

	(void)state;
	for (size_t len = 0; len <= DEPTH; len++) {
		for (size_t n = 0; n < (size_t)1 << 2 * len; n++) {
			for (size_t i = 0; i < len; i++)
				text[i] = letters[n >> 2 * i & 3];
			for (int dot = 0; dot < 2; dot++) {
				check_string("", false, false, text, len, dot);
				check_string("A: b\n", false, true, text, len,
				    dot);
				check_string("A: b\n\n", true, true, text, len,
				    dot);
			}
		}
	}
}

/* ------------------------------------------------------------------- limits */

static enum mc_code
read_big(const struct mc_buf *b, uint64_t *ret_header)
{
	struct mc_message m;
	struct mc_err err = { .code = MC_OK };

	mc_message_init(&m, MC_SPOOL_MEMORY, NULL);
	struct mc_message_reader *r = mc_message_reader_new(&m, false, &err);
	assert_non_null(r);
	if (mc_message_reader_feed(r, b->ptr, b->len, &err) != 0) {
		/* the error stays, and is told again to who asks anew */
		struct mc_err again = { .code = MC_OK };

		assert_int_equal(mc_message_reader_feed(r, "x", 1, &again), -1);
		assert_int_equal(again.code, err.code);
		assert_string_equal(again.text, err.text);
	}
	int rc = mc_message_reader_end(r, &err);
	assert_int_equal(rc, err.code == MC_OK ? 0 : -1);
	mc_message_reader_free(r);
	*ret_header = m.header.size;
	mc_message_clear(&m);
	return err.code;
}

static void
fill(struct mc_buf *b, const char *front, size_t n)
{
	size_t len = strlen(front);

	mc_buf_addz(b, front);
	char *p = mc_buf_reserve(b, n);
	assert_non_null(p);
	memset(p, 'a', n - len);
	mc_buf_commit(b, n - len - 2);
	mc_buf_addz(b, "\r\n");
}

static void
test_limits(void **state)
{
	static const char *const rcpts[] = { "To:", "cc :", "BCC:",
		"Resent-To:", "Resent-Cc:", "Resent-Bcc\t:" };
	struct mc_buf b;
	uint64_t size;

	(void)state;
	mc_buf_init(&b, 32 << 20);
	fill(&b, "X:", MC_MAX_HEADER);
	assert_int_equal(read_big(&b, &size), MC_OK);
	assert_int_equal(size, MC_MAX_HEADER);
	mc_buf_addz(&b, "Y:\r\n");
	assert_int_equal(read_big(&b, &size), MC_E_HDR_LONG);
	mc_buf_reset(&b);
	fill(&b, "X:", MC_MAX_HEADER + 1);
	assert_int_equal(read_big(&b, &size), MC_E_HDR_LONG);

	/* many short ones: bytes first, then their number */
	mc_buf_reset(&b);
	for (size_t i = 0; i < MC_MAX_FIELDS; i++)
		mc_buf_addz(&b, "X: y\n");
	assert_int_equal(read_big(&b, &size), MC_OK);
	mc_buf_addz(&b, "X: y\n");
	assert_int_equal(read_big(&b, &size), MC_E_HDR_LONG);

	/* recipients have room of their own */
	mc_buf_reset(&b);
	fill(&b, "X:", MC_MAX_HEADER);
	for (size_t i = 0; i < MC_NELEM(rcpts); i++)
		fill(&b, rcpts[i], MC_MAX_HEADER_RCPT / 8);
	fill(&b, "To:", MC_MAX_HEADER_RCPT / 8 * 2);
	assert_int_equal(read_big(&b, &size), MC_OK);
	assert_int_equal(size, MC_MAX_HEADER + MC_MAX_HEADER_RCPT);
	mc_buf_addz(&b, "To:\n");
	assert_int_equal(read_big(&b, &size), MC_E_HDR_LONG);
	mc_buf_reset(&b);
	fill(&b, "Bcc:", MC_MAX_HEADER_RCPT);
	assert_int_equal(read_big(&b, &size), MC_OK);
	assert_int_equal(size, MC_MAX_HEADER_RCPT);

	/* a first line that is far too long for a name is body */
	mc_buf_reset(&b);
	fill(&b, "", 5 << 20);
	mc_buf_addz(&b, "X: y\r\n");
	assert_int_equal(read_big(&b, &size), MC_OK);
	assert_int_equal(size, 0);

	/* 8-bit header */
	struct result r;
	read_message(MC_STR("Subject: \xc3\xa4\n\nb"), false, 3, 100, &r);
	assert_true(r.header_8bit);
	assert_false(r.facts.has_8bit);
	read_message(MC_STR("Subject: a\n\n\xc3\xa4"), false, 3, 100, &r);
	assert_false(r.header_8bit);
	assert_true(r.facts.has_8bit);
	mc_buf_clear(&b);
}

/* lines of every length around the block edges, through a file */
static void
test_long_body(void **state)
{
	struct mc_buf in;
	struct mc_buf want;
	struct mc_message m;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_buf_init(&in, 8 << 20);
	mc_buf_init(&want, 8 << 20);
	for (unsigned i = 0; want.len < 700000; i++) {
		unsigned n = i * 37 % 1500;

		for (unsigned k = 0; k < n; k++) {
			mc_buf_addc(&in, (char)('a' + (i + k) % 26));
			mc_buf_addc(&want, (char)('a' + (i + k) % 26));
		}
		mc_buf_addz(&in, i % 3 == 0 ? "\n" : i % 3 == 1 ? "\r\n" :
		    "\r\r\n");
		mc_buf_addz(&want, "\r\n");
	}
	for (size_t piece = 1000; piece < 300000; piece = piece * 3 + 1) {
		mc_message_init(&m, 65536, NULL);
		struct mc_message_reader *r = mc_message_reader_new(&m, true,
		    &err);
		assert_non_null(r);
		assert_int_equal(mc_message_reader_feed(r, "X: y\n\n", 6,
		    &err), 0);
		for (size_t at = 0; at < in.len;) {
			size_t n = in.len - at < piece ? in.len - at : piece;

			assert_int_equal(mc_message_reader_feed(r, in.ptr + at,
			    n, &err), 0);
			at += n;
		}
		assert_int_equal(mc_message_reader_end(r, &err), 0);
		mc_message_reader_free(r);

		assert_int_equal(m.body.size, want.len);
		assert_true(m.body.fd >= 0);
		assert_true(m.body.mem.cap <= 65537);
		char got[5000];
		for (size_t at = 0; at < want.len;) {
			size_t n;

			assert_int_equal(mc_spool_read(&m.body, at, got,
			    sizeof(got), &n, &err), 0);
			assert_true(n > 0);
			assert_memory_equal(got, want.ptr + at, n);
			at += n;
		}
		assert_int_equal(m.facts.longest_line, 1499);
		mc_message_clear(&m);
	}
	mc_buf_clear(&in);
	mc_buf_clear(&want);
}

static void
test_no_memory(void **state)
{
	static const char text[] = "From x\nTo: a\nCc: b\n c\nSubject: s\n\n"
	    "line\nline two\r\nand a longer third line\n.\n";
	unsigned long n = 1;

	(void)state;
	for (;; n++) {
		struct mc_message m;
		struct mc_err err = { .code = MC_OK };
		int rc = -1;

		mc_message_init(&m, 30, NULL);
		failmalloc(n, false);
		struct mc_message_reader *r = mc_message_reader_new(&m, true,
		    &err);
		if (r != NULL) {
			(void)!mc_message_reader_feed(r, text, 20, NULL);
			(void)!mc_message_reader_feed(r, text + 20,
			    sizeof(text) - 21, NULL);
			rc = mc_message_reader_end(r, &err);
		}
		failmalloc(0, false);
		mc_message_reader_free(r);
		mc_message_clear(&m);
		if (rc == 0)
			break;
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spool),
		cmocka_unit_test(test_spool_full_disk),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_dot),
		cmocka_unit_test(test_all_strings),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_long_body),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
