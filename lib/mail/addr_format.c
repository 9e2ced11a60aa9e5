/* SPDX-License-Identifier: MIT */
/* Writer of "Name <address>" for header fields. */

#include "base/base.h"

#include "mail/addr.h"

#include "base/b64.h"
#include "mail/addr_part.h"

/* A field name may stand in front: "Resent-Reply-To: " is the longest. */
#define START_COL 17
/* RFC 2047 2: lines with encoded words have at most 76 characters */
#define MOST_ENCODED 76
/* RFC 5322 2.1.1: 998, less what an address may take */
#define MOST_PLAIN 700
/* a stretch without a place to fold (quoting may double it) */
#define MOST_UNIT 300

#define WORD_HEAD "=?UTF-8?B?"
#define WORD_TAIL "?="
/* so many bytes give a word of 72 characters; 33 give 56 for the first line */
#define WORD_BYTES 45
#define WORD_BYTES_FIRST 33

struct shape {
	bool ascii;
	bool phrase;	/* atoms with single blanks between */
	bool encoded;	/* holds what may be an encoded word */
	size_t unit;	/* longest run of blanks and the word behind them */
};

/*
 * The next character, made harmless: a blank for any control, U+FFFD for what
 * is no UTF-8.  Returns how many bytes of s it took.
 */
static size_t
next_char(struct mc_str s, size_t off, struct mc_str *ret_char)
{
	unsigned char c = (unsigned char)s.ptr[off];

	if (c < 0x20 || c == 0x7f) {
		*ret_char = MC_STR(" ");
		return 1;
	}
	for (size_t n = 1; n <= 4; n++) {
		struct mc_str one = mc_str_sub(s, off, n);

		if (one.len != n || !mc_str_is_utf8(one))
			continue;
		*ret_char = mc_addr_is_clean(one) ? one : MC_STR(" ");
		return n;
	}
	*ret_char = MC_STR("\xef\xbf\xbd");
	return 1;
}

/* without what becomes a blank at both ends */
static struct mc_str
trim(struct mc_str name)
{
	size_t from = SIZE_MAX;
	size_t to = 0;
	struct mc_str c;

	for (size_t i = 0; i < name.len; ) {
		size_t used = next_char(name, i, &c);

		if (c.ptr[0] != ' ') {
			if (from == SIZE_MAX)
				from = i;
			to = i + used;
		}
		i += used;
	}
	return mc_str_sub(name, from, to - from);
}

static struct shape
look(struct mc_str name)
{
	struct shape sh = { .ascii = true, .phrase = true };
	bool after_blank = true;
	char before = ' ';
	size_t run = 0;
	struct mc_str c;

	for (size_t i = 0; i < name.len; ) {
		i += next_char(name, i, &c);
		bool blank = c.ptr[0] == ' ';

		if ((unsigned char)c.ptr[0] >= 0x80)
			sh.ascii = false;
		if (blank ? after_blank : !mc_addr_is_atext(c.ptr[0]))
			sh.phrase = false;
		if (before == '=' && c.ptr[0] == '?')
			sh.encoded = true;
		run = blank && !after_blank ? 1 : run + 1;
		if (run > sh.unit)
			sh.unit = run;
		after_blank = blank;
		before = c.ptr[0];
	}
	return sh;
}

/* Copy blanks and the word behind them, escaped in quotes. */
static size_t
add_unit(struct mc_str name, size_t off, bool quoted, struct mc_buf *out)
{
	bool in_word = false;
	struct mc_str c;

	while (off < name.len) {
		size_t used = next_char(name, off, &c);

		if (c.ptr[0] == ' ' && in_word)
			break;
		in_word = c.ptr[0] != ' ';
		if (quoted && (c.ptr[0] == '"' || c.ptr[0] == '\\'))
			mc_buf_addc(out, '\\');
		mc_buf_add_str(out, c);
		off += used;
	}
	return off;
}

/* Break the line at offset `at` of out, where a blank stands, if what came
 * behind that makes it too long.  Keeps *col. */
static void
fold(size_t at, size_t most, size_t *col, struct mc_buf *out)
{
	size_t width = out->len - at;

	if (*col + width > most) {
		mc_buf_splice(out, at, 0, MC_STR("\r\n"));
		*col = 0;
	}
	*col += width;
}

static void
add_ascii(struct mc_str name, bool quoted, size_t most, size_t *col,
    struct mc_buf *out)
{
	if (quoted)
		mc_buf_addc(out, '"');
	for (size_t off = 0; off < name.len; ) {
		size_t at = out->len;
		bool first = off == 0;

		off = add_unit(name, off, quoted, out);
		if (first)
			*col += out->len - at;
		else
			fold(at, most, col, out);
	}
	if (quoted)
		mc_buf_addc(out, '"');
	*col += 2;
}

static void
add_word(struct mc_str bytes, struct mc_buf *out)
{
	mc_buf_addz(out, WORD_HEAD);
	mc_b64_encode(bytes, out);
	mc_buf_addz(out, WORD_TAIL);
}

static void
add_encoded(struct mc_str name, size_t *col, struct mc_buf *out)
{
	char word[WORD_BYTES];
	size_t most = WORD_BYTES_FIRST;
	size_t n = 0;
	size_t at;
	struct mc_str c;

	for (size_t i = 0; i < name.len; ) {
		i += next_char(name, i, &c);
		if (n + c.len > most) {
			add_word(mc_str_make(word, n), out);
			mc_buf_addz(out, "\r\n ");
			most = WORD_BYTES;
			*col = 1;
			n = 0;
		}
		memcpy(word + n, c.ptr, c.len);
		n += c.len;
	}
	at = out->len;
	add_word(mc_str_make(word, n), out);
	*col += out->len - at;
}

/* The address has been checked long ago; still no byte of it may start a
 * line of its own. */
static void
add_addr(struct mc_str addr, struct mc_buf *out)
{
	for (size_t i = 0; i < addr.len; i++) {
		unsigned char c = (unsigned char)addr.ptr[i];

		mc_buf_addc(out, c < 0x20 || c == 0x7f ? ' ' : addr.ptr[i]);
	}
}

void
mc_addr_format(struct mc_str name, struct mc_str addr, struct mc_buf *out)
{
	struct mc_str text = trim(name);
	struct shape sh = look(text);
	size_t most = MOST_ENCODED;
	size_t col = START_COL;
	size_t at;

	if (text.len == 0) {
		add_addr(addr, out);
		return;
	}
	if (!sh.ascii || sh.unit > MOST_UNIT) {
		add_encoded(text, &col, out);
	} else {
		if (!sh.encoded)
			most = MOST_PLAIN;
		add_ascii(text, !sh.phrase, most, &col, out);
	}
	at = out->len;
	mc_buf_addz(out, " <");
	add_addr(addr, out);
	mc_buf_addc(out, '>');
	fold(at, most, &col, out);
}
