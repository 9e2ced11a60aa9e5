/* SPDX-License-Identifier: MIT */
/* Lexical pieces of mail addresses that several modules need. */

#include "base/base.h"

#include "mail/addr_part.h"

#define EXCERPT 60

bool
mc_addr_is_atext(char c)
{
	if ((unsigned char)c >= 0x80 || mc_is_alnum((unsigned char)c))
		return true;
	return c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL;
}

bool
mc_addr_is_dot_string(struct mc_str s)
{
	bool want = true;	/* an atom must begin here */

	for (size_t i = 0; i < s.len; i++) {
		if (mc_addr_is_atext(s.ptr[i]))
			want = false;
		else if (s.ptr[i] != '.' || want)
			return false;
		else
			want = true;
	}
	return !want;
}

bool
mc_addr_is_clean(struct mc_str s)
{
	if (mc_str_has_ctl(s) || !mc_str_is_utf8(s))
		return false;
	/* U+0080..U+009F are C2 80..C2 9F: terminals obey them */
	for (size_t i = 1; i < s.len; i++)
		if ((unsigned char)s.ptr[i - 1] == 0xc2 &&
		    (unsigned char)s.ptr[i] < 0xa0)
			return false;
	return true;
}

size_t
mc_addr_quoted_end(struct mc_str s, size_t off)
{
	for (size_t i = off + 1; i < s.len; i++) {
		if (s.ptr[i] == '"')
			return i + 1;
		if (s.ptr[i] == '\\')
			i++;
	}
	return 0;
}

void
mc_addr_unescape(struct mc_str s, struct mc_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\\' && ++i == s.len)
			return;
		if (s.ptr[i] == '\t')
			mc_buf_addc(out, ' ');
		else if (s.ptr[i] != '\r' && s.ptr[i] != '\n')
			mc_buf_addc(out, s.ptr[i]);
	}
}

void
mc_addr_write_local(struct mc_str content, struct mc_buf *out)
{
	if (mc_addr_is_dot_string(content)) {
		mc_buf_add_str(out, content);
		return;
	}
	mc_buf_addc(out, '"');
	for (size_t i = 0; i < content.len; i++) {
		if (content.ptr[i] == '"' || content.ptr[i] == '\\')
			mc_buf_addc(out, '\\');
		mc_buf_addc(out, content.ptr[i]);
	}
	mc_buf_addc(out, '"');
}

struct mc_str
mc_addr_excerpt(struct mc_str s)
{
	size_t n = s.len;

	if (n > EXCERPT) {
		n = EXCERPT;
		while (n > EXCERPT - 4 &&
		    ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
			n--;
	}
	return mc_str_sub(s, 0, n);
}
