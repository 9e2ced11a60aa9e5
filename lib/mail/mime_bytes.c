/* SPDX-License-Identifier: MIT */
/*
 * mime_bytes.c - what bytes mean for encoding, and whether they are UTF-8
 */
#include "base/base.h"
#include "mail/mime_internal.h"

static unsigned char
kind_of(unsigned char c)
{
	if (c >= 0x80)
		return MC_MIME_8BIT | MC_MIME_ESCAPE | MC_MIME_JUNK;
	if (c == '\0')
		return MC_MIME_NUL | MC_MIME_ESCAPE | MC_MIME_JUNK;
	if (c == '\r' || c == '\n')
		return MC_MIME_CR | MC_MIME_ESCAPE;
	if (c == '\t' || c == ' ')
		return 0;
	if (c < 0x20 || c == 0x7f)
		return MC_MIME_ESCAPE | MC_MIME_JUNK;
	if (c == '=')
		return MC_MIME_ESCAPE;
	return mc_is_alnum(c) || c == '+' || c == '/' ? 0 : MC_MIME_JUNK;
}

void
mc_mime_kinds(unsigned char *ret_kinds)
{
	for (unsigned i = 0; i < 256; i++)
		ret_kinds[i] = kind_of((unsigned char)i);
}

unsigned
mc_mime_flags(const unsigned char *kinds, const char *p, size_t n,
    uint64_t *escapes)
{
	unsigned flags = 0;
	uint64_t more = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned kind = kinds[(unsigned char)p[i]];

		flags |= kind;
		more += (kind / MC_MIME_ESCAPE) & 1;
	}
	*escapes += more;
	return flags;
}

void
mc_mime_utf8_add(struct mc_mime_utf8 *u, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (u->need != 0) {
			u->bad = u->bad || c < u->low || c > u->high;
			u->need--;
			u->low = 0x80;
			u->high = 0xbf;
			continue;
		}
		/* overlong forms, surrogates, and what is past U+10FFFF */
		u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
		u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
		u->need = c < 0xc2 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
		u->bad = u->bad || (c >= 0x80 && c < 0xc2) || c > 0xf4;
	}
}
