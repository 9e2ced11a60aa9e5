/* SPDX-License-Identifier: MIT */
/*
 * encword.c - text outside ASCII as encoded words, folded
 */
#include "base/base.h"
#include "mail/encword.h"

#include "base/b64.h"
#include "base/limits.h"

#define WIDTH 76
/* RFC 2047 2 */
#define MOST_WORD 75
/* "=?" charset "?B?" "?=" */
#define FRAME 7
/* less than four bytes may be half a character */
#define LEAST_BYTES 6

void
mc_encword_init(struct mc_encword *w, size_t col, struct mc_buf *out)
{
	w->out = out;
	w->col = col;
	w->encoded = false;
	w->behind = false;
	w->near = false;
	mc_buf_init(&w->text, MC_MAX_HEADER_RCPT);
}

void
mc_encword_clear(struct mc_encword *w)
{
	mc_buf_clear(&w->text);
}

const char *
mc_encword_charset(struct mc_str text)
{
	return mc_str_is_utf8(text) ? "UTF-8" : "unknown-8bit";
}

static bool
is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char
last_byte(const struct mc_encword *w)
{
	return w->out->len == 0 ? ':' : w->out->ptr[w->out->len - 1];
}

/* put the blanks that were written last at the beginning of a new line */
static void
fold(struct mc_encword *w)
{
	const char *p = w->out->ptr;
	size_t n = w->out->len;

	while (n > 0 && mc_is_blank((unsigned char)p[n - 1]))
		n--;
	/* no line of blanks alone may come of it */
	if (n == w->out->len || n == 0 || p[n - 1] == '\n')
		return;
	w->col = w->out->len - n;
	w->encoded = false;
	mc_buf_splice(w->out, n, 0, MC_STR("\r\n"));
}

void
mc_encword_raw(struct mc_encword *w, struct mc_str s)
{
	size_t lf = SIZE_MAX;

	if (s.len == 0)
		return;
	/* RFC 2047 5 (3): a blank on either side */
	if (w->behind && !is_white(s.ptr[0]) && s.ptr[0] != ')') {
		mc_buf_addc(w->out, ' ');
		w->col++;
	}
	w->behind = false;
	if (!is_white(s.ptr[0]))
		w->near = false;
	if (w->encoded && w->col + s.len > WIDTH && !is_white(s.ptr[0]))
		fold(w);
	mc_buf_add_str(w->out, s);
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] == '\n')
			lf = i;
	if (lf == SIZE_MAX) {
		w->col += s.len;
		return;
	}
	w->col = s.len - lf - 1;
	w->encoded = false;
}

/* how much of the text goes into a word of at most `most` bytes: no half
 * character of UTF-8 */
static size_t
cut(struct mc_str text, size_t most, bool utf8)
{
	size_t n = most;

	if (text.len <= most)
		return text.len;
	while (utf8 && n > 1 && ((unsigned char)text.ptr[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
put_words(struct mc_encword *w, struct mc_str text)
{
	const char *charset = mc_encword_charset(text);
	bool utf8 = mc_str_is_utf8(text);
	size_t frame = FRAME + strlen(charset);
	size_t whole = (MOST_WORD - frame) / 4 * 3;
	bool first = true;

	if (text.len == 0)
		return;
	if (!is_white(last_byte(w)) && last_byte(w) != '(') {
		mc_buf_addc(w->out, ' ');
		w->col++;
	}
	while (text.len != 0) {
		size_t room = w->col + frame < WIDTH ?
		    (WIDTH - w->col - frame) / 4 * 3 : 0;

		if (!first) {
			mc_buf_addz(w->out, "\r\n ");
			w->col = 1;
			room = whole;
		} else if (room < text.len && room < LEAST_BYTES) {
			fold(w);
			room = whole;
		}
		size_t n = cut(text, room < whole ? room : whole, utf8);
		size_t before = w->out->len;
		mc_buf_addf(w->out, "=?%s?B?", charset);
		mc_b64_encode(mc_str_sub(text, 0, n), w->out);
		mc_buf_addz(w->out, "?=");
		w->col += w->out->len - before;
		text = mc_str_sub(text, n, text.len);
		first = false;
	}
	w->encoded = true;
	w->behind = true;
	w->near = true;
}

/* what the word says, without quotes and line ends */
static void
add_meaning(struct mc_buf *out, struct mc_str s, enum mc_encword_kind kind)
{
	bool quoted = kind == MC_ENCWORD_PHRASE && s.len != 0 &&
	    s.ptr[0] == '"';

	for (size_t i = quoted ? 1 : 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (quoted && c == '"')
			return;
		if ((quoted || kind == MC_ENCWORD_COMMENT) && c == '\\' &&
		    i + 1 < s.len)
			c = s.ptr[++i];
		if (c != '\r' && c != '\n')
			mc_buf_addc(out, c);
	}
}

/* begin a text to be encoded, behind a blank */
static void
begin(struct mc_encword *w, struct mc_str blank)
{
	mc_buf_reset(&w->text);
	if (w->near)
		add_meaning(&w->text, blank, MC_ENCWORD_TEXT);
}

static void
end(struct mc_encword *w)
{
	if (w->text.err != 0 && w->out->err == 0)
		w->out->err = w->text.err;
	put_words(w, mc_buf_str(&w->text));
}

void
mc_encword_put(struct mc_encword *w, struct mc_str text)
{
	begin(w, MC_STR(" "));
	mc_buf_add_str(&w->text, text);
	end(w);
}

/* -------------------------------------------------------------------- words */

struct word {
	struct mc_str blank;	/* in front of it */
	struct mc_str raw;
	size_t next;		/* offset behind it */
	bool ascii;
	bool encoded;		/* already an encoded word */
};

static bool
is_special(char c)
{
	return c != '\0' && strchr("(),;:<>@[]", c) != NULL;
}

/* where the quoted string at `at` ends */
static size_t
quoted_end(struct mc_str s, size_t at, size_t end)
{
	for (at++; at < end; at++) {
		if (s.ptr[at] == '"')
			return at + 1;
		if (s.ptr[at] == '\\' && at + 1 < end)
			at++;
	}
	return end;
}

static size_t
word_end(struct mc_str s, size_t at, size_t end, enum mc_encword_kind kind)
{
	if (kind == MC_ENCWORD_PHRASE && at < end && s.ptr[at] == '"')
		return quoted_end(s, at, end);
	for (; at < end && !is_white(s.ptr[at]); at++) {
		char c = s.ptr[at];

		if (kind == MC_ENCWORD_PHRASE && (c == '"' || is_special(c)))
			break;
		if (kind == MC_ENCWORD_COMMENT && (c == '(' || c == ')'))
			break;
		/* not half of a line end */
		if (kind == MC_ENCWORD_COMMENT && c == '\\' && at + 1 < end &&
		    !is_white(s.ptr[at + 1]))
			at++;
	}
	return at;
}

/* false if no word follows; ret_word->blank is there all the same */
static bool
next_word(struct mc_str s, size_t at, size_t end, enum mc_encword_kind kind,
    struct word *ret_word)
{
	size_t from = at;

	while (from < end && is_white(s.ptr[from]))
		from++;
	ret_word->blank = mc_str_sub(s, at, from - at);
	ret_word->next = word_end(s, from, end, kind);
	ret_word->raw = mc_str_sub(s, from, ret_word->next - from);
	ret_word->ascii = mc_str_is_ascii(ret_word->raw);

	struct mc_str raw = ret_word->raw;
	ret_word->encoded = raw.len > 6 && raw.ptr[0] == '=' &&
	    raw.ptr[1] == '?' && raw.ptr[raw.len - 2] == '?' &&
	    raw.ptr[raw.len - 1] == '=';
	return raw.len != 0;
}

/* where the run of words to be encoded ends that begins at `at` */
static size_t
run_end(struct mc_str s, size_t at, size_t end, enum mc_encword_kind kind,
    bool *ret_meets)
{
	size_t last = at;
	struct word word;

	*ret_meets = false;
	while (next_word(s, at, end, kind, &word)) {
		if (word.encoded) {
			*ret_meets = last == at;
			break;
		}
		at = word.next;
		if (!word.ascii)
			last = at;
	}
	return last;
}

size_t
mc_encword_words(struct mc_encword *w, struct mc_str s, size_t at, size_t most,
    enum mc_encword_kind kind)
{
	bool meets;
	struct word word;

	for (;;) {
		bool any = next_word(s, at, most, kind, &word);

		mc_encword_raw(w, word.blank);
		if (!any)
			return at + word.blank.len;
		if (word.ascii) {
			w->encoded = w->encoded || word.encoded;
			mc_encword_raw(w, word.raw);
			w->encoded = w->encoded || word.encoded;
			w->near = word.encoded;
			at = word.next;
			continue;
		}
		at += word.blank.len;
		size_t stop = run_end(s, at, most, kind, &meets);
		begin(w, word.blank);
		while (at < stop && next_word(s, at, stop, kind, &word)) {
			add_meaning(&w->text, word.blank, MC_ENCWORD_TEXT);
			add_meaning(&w->text, word.raw, kind);
			at = word.next;
		}
		if (meets && next_word(s, at, most, kind, &word))
			add_meaning(&w->text, word.blank, MC_ENCWORD_TEXT);
		end(w);
		w->near = w->near && !meets;
	}
}
