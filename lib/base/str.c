/* SPDX-License-Identifier: MIT */
/*
 * str.c - borrowed slices: compare, cut, and tell what kind of bytes they hold
 */
#include "base/base.h"
#include "base/str.h"

bool
mc_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

bool
mc_is_alpha(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool
mc_is_alnum(int c)
{
	return mc_is_alpha(c) || mc_is_digit(c);
}

bool
mc_is_blank(int c)
{
	return c == ' ' || c == '\t';
}

int
mc_to_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

struct mc_str
mc_str_make(const char *p, size_t len)
{
	return (struct mc_str){ p, len };
}

struct mc_str
mc_str_from(const char *s)
{
	return mc_str_make(s, s == NULL ? 0 : strlen(s));
}

struct mc_str
mc_str_sub(struct mc_str s, size_t off, size_t len)
{
	if (off >= s.len)
		return MC_STR_NONE;
	if (len > s.len - off)
		len = s.len - off;
	return mc_str_make(s.ptr + off, len);
}

bool
mc_str_eq(struct mc_str a, struct mc_str b)
{
	return a.len == b.len &&
	    (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
mc_str_eq_nocase(struct mc_str a, struct mc_str b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (mc_to_lower(a.ptr[i]) != mc_to_lower(b.ptr[i]))
			return false;
	return true;
}

bool
mc_str_starts_nocase(struct mc_str s, struct mc_str prefix)
{
	return s.len >= prefix.len &&
	    mc_str_eq_nocase(mc_str_sub(s, 0, prefix.len), prefix);
}

size_t
mc_str_chr(struct mc_str s, char c)
{
	const char *at = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);

	return at == NULL ? s.len : (size_t)(at - s.ptr);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct mc_str
mc_str_trim(struct mc_str s)
{
	while (s.len != 0 && is_space(s.ptr[s.len - 1]))
		s.len--;
	while (s.len != 0 && is_space(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	return s;
}

static bool
is_one_of(char c, const char *set)
{
	for (; *set != '\0'; set++)
		if (c == *set)
			return true;
	return false;
}

bool
mc_str_next_token(struct mc_str *rest, const char *seps,
    struct mc_str *ret_token)
{
	struct mc_str s = *rest;

	while (s.len != 0 && is_one_of(s.ptr[0], seps)) {
		s.ptr++;
		s.len--;
	}

	size_t n = 0;

	while (n < s.len && !is_one_of(s.ptr[n], seps))
		n++;
	*rest = mc_str_sub(s, n, SIZE_MAX);
	if (n == 0)
		return false;
	*ret_token = mc_str_make(s.ptr, n);
	return true;
}

bool
mc_str_is_ascii(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] >= 0x80)
			return false;
	return true;
}

bool
mc_str_has_ctl(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f)
			return true;
	return false;
}

/*
 * Length of the well-formed character at the front, 0 if there is none.  The
 * ranges of the second byte are the table in RFC 3629 section 4: they shut
 * out overlong forms, surrogates and what lies beyond U+10FFFF.
 */
static size_t
utf8_len(const char *ptr, size_t n)
{
	const unsigned char *p = (const unsigned char *)ptr;
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (len > n)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return len;
}

bool
mc_str_is_utf8(struct mc_str s)
{
	for (size_t i = 0, n; i < s.len; i += n) {
		n = utf8_len(s.ptr + i, s.len - i);
		if (n == 0)
			return false;
	}
	return true;
}

/* the code point of a character that utf8_len has found well-formed */
static uint32_t
utf8_value(const char *ptr, size_t len)
{
	static const unsigned char first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *p = (const unsigned char *)ptr;
	uint32_t v = p[0] & first[len];

	for (size_t i = 1; i < len; i++)
		v = v << 6 | (p[i] & 0x3fu);
	return v;
}

/*
 * What terminals may obey, and what changes how the text around it looks:
 * C0, C1, zero-width and bidirectional controls, line separators.
 */
static bool
is_control(const char *p, size_t len)
{
	uint32_t v = utf8_value(p, len);

	return v < 0x20 || (v >= 0x7f && v < 0xa0) || v == 0xad ||
	    v == 0x61c || (v >= 0x200b && v <= 0x200f) ||
	    (v >= 0x2028 && v <= 0x202e) || (v >= 0x2060 && v <= 0x206f) ||
	    v == 0xfeff;
}

static bool
is_line_space(char c)
{
	return c == '\r' || c == '\n' || c == '\t';
}

size_t
mc_str_printable(struct mc_str s, char *ret_text, size_t cap)
{
	size_t used = 0;

	for (size_t i = 0, n; i < s.len; i += n) {
		const char *from = s.ptr + i;

		n = 1;
		if (is_line_space(*from)) {
			while (i + n < s.len && is_line_space(from[n]))
				n++;
			from = " ";
		} else {
			size_t len = utf8_len(from, s.len - i);

			n = len == 0 ? 1 : len;
			if (len == 0 || is_control(from, len))
				from = "?";
		}

		size_t width = from == s.ptr + i ? n : 1;

		if (used + width >= cap)
			break;
		memcpy(ret_text + used, from, width);
		used += width;
	}
	if (cap != 0)
		ret_text[used] = '\0';
	return used;
}
