/* SPDX-License-Identifier: MIT */
/*
 * text.c - what the command writes: bytes of others made harmless, ages, sizes
 */
#include "cli.h"
#include "text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BAD UINT32_MAX
/* what cli_text_addf makes, with its NUL */
#define MOST_MADE 512

/* -------------------------------------------------------------------- text */

static bool
make_room(struct cli_text *text, size_t n)
{
	size_t cap = text->cap < 256 ? 256 : text->cap;
	char *grown;

	if (text->failed)
		return false;
	if (n <= text->cap - text->len)
		return true;
	while (cap - text->len < n && cap <= SIZE_MAX / 2)
		cap *= 2;
	grown = cap - text->len < n ? NULL : realloc(text->ptr, cap);
	if (grown == NULL) {
		text->failed = true;
		return false;
	}
	text->ptr = grown;
	text->cap = cap;
	return true;
}

void
cli_text_add(struct cli_text *text, const void *p, size_t n)
{
	if (n == 0 || !make_room(text, n))
		return;
	memcpy(text->ptr + text->len, p, n);
	text->len += n;
}

void
cli_text_addz(struct cli_text *text, const char *s)
{
	cli_text_add(text, s, strlen(s));
}

void
cli_text_addf(struct cli_text *text, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!make_room(text, MOST_MADE))
		return;
	va_start(ap, fmt);
	n = vsnprintf(text->ptr + text->len, MOST_MADE, fmt, ap);
	va_end(ap);
	if (n > 0)
		text->len += n < MOST_MADE ? (size_t)n : MOST_MADE - 1;
}

void
cli_text_flush(struct cli_text *text, FILE *out)
{
	if (text->len != 0)
		(void)fwrite(text->ptr, 1, text->len, out);
	text->len = 0;
}

void
cli_text_free(struct cli_text *text)
{
	free(text->ptr);
	*text = (struct cli_text){ NULL, 0, 0, false };
}

/* -------------------------------------------------------------- characters */

/*
 * The character at the front, and how many bytes it has; BAD and 1 for a byte
 * that begins none; 0 if the bytes are the beginning of one (RFC 3629 4).
 */
static size_t
next_char(const char *p, size_t n, uint32_t *ret_char)
{
	const unsigned char *b = (const unsigned char *)p;
	unsigned char low = 0x80, high = 0xbf;
	size_t size, i;

	*ret_char = b[0];
	if (b[0] < 0x80)
		return 1;
	size = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	*ret_char = b[0] & (0xffu >> (size + 1));
	if (b[0] == 0xe0)
		low = 0xa0;
	else if (b[0] == 0xed)
		high = 0x9f;
	else if (b[0] == 0xf0)
		low = 0x90;
	else if (b[0] == 0xf4)
		high = 0x8f;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		size = 0;
	for (i = 1; i < size; i++) {
		if (i == n)
			return 0;
		if (b[i] < low || b[i] > high)
			size = 0;
		*ret_char = *ret_char << 6 | (b[i] & 0x3fu);
		low = 0x80;
		high = 0xbf;
	}
	if (size != 0)
		return size;
	*ret_char = BAD;
	return 1;
}

/* would a terminal do something with it but show it? */
static bool
is_harmful(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	    c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2066 && c <= 0x2069) || c == BAD;
}

static void
add_json(struct cli_text *to, uint32_t c, const char *p, size_t n)
{
	static const char *const words[] = { ['\b'] = "\\b", ['\t'] = "\\t",
	    ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r" };

	if (c == BAD)
		cli_text_addz(to, "\\ufffd");
	else if (c == '"' || c == '\\')
		cli_text_addf(to, "\\%c", (int)c);
	else if (c < sizeof(words) / sizeof(words[0]) && words[c] != NULL)
		cli_text_addz(to, words[c]);
	else if (is_harmful(c))
		cli_text_addf(to, "\\u%04x", (unsigned)c);
	else
		cli_text_add(to, p, n);
}

/* ----------------------------------------------------------------- pouring */

static void
pour_char(struct cli_pour *pour, uint32_t c, const char *p, size_t n)
{
	if (pour->form == CLI_JSON) {
		add_json(pour->to, c, p, n);
		return;
	}
	if (pour->cr && c != '\n')
		cli_text_addz(pour->to, pour->form == CLI_RAW ? "\r" : "?");
	pour->cr = c == '\r';
	if (pour->cr)
		return;
	if (pour->form == CLI_RAW || c == '\n' || c == '\t' || !is_harmful(c))
		cli_text_add(pour->to, p, n);
	else
		cli_text_addz(pour->to, "?");
}

void
cli_pour(struct cli_pour *pour, const void *p, size_t n)
{
	const char *at = p, *end = at + n;
	uint32_t c;
	size_t size;

	/* byte by byte while the last piece's end is not a whole character */
	while (pour->n != 0 && at < end) {
		pour->part[pour->n++] = *at++;
		while (pour->n != 0 &&
		    (size = next_char(pour->part, pour->n, &c)) != 0) {
			pour_char(pour, c, pour->part, size);
			pour->n -= size;
			memmove(pour->part, pour->part + size, pour->n);
		}
	}
	while (at < end && (size = next_char(at, (size_t)(end - at), &c)) != 0)
	{
		pour_char(pour, c, at, size);
		at += size;
	}
	if (at < end) {
		pour->n = (size_t)(end - at);
		memcpy(pour->part, at, pour->n);
	}
}

void
cli_pour_end(struct cli_pour *pour)
{
	size_t i;

	for (i = 0; i < pour->n; i++)
		pour_char(pour, BAD, pour->part + i, 1);
	pour->n = 0;
	if (pour->cr)
		pour_char(pour, BAD, "", 0);
	pour->cr = false;
}

void
cli_text_clean(struct cli_text *text, const char *s)
{
	const char *end = s + strlen(s), *p = s;
	uint32_t c;
	size_t size;

	while (p < end) {
		size = next_char(p, (size_t)(end - p), &c);
		if (size == 0 || is_harmful(c)) {
			cli_text_add(text, s, (size_t)(p - s));
			cli_text_addz(text, "?");
			s = p + (size == 0 ? 1 : size);
		}
		p += size == 0 ? 1 : size;
	}
	cli_text_add(text, s, (size_t)(end - s));
}

void
cli_text_json(struct cli_text *text, const char *s)
{
	struct cli_pour pour = { .to = text, .form = CLI_JSON };
	size_t n = 0;

	if (s == NULL) {
		cli_text_addz(text, "null");
		return;
	}
	cli_text_addz(text, "\"");
	/* most strings are all of this kind */
	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	cli_text_add(text, s, n);
	cli_pour(&pour, s + n, strlen(s + n));
	cli_pour_end(&pour);
	cli_text_addz(text, "\"");
}

void
cli_text_cut(struct cli_text *text, size_t from, size_t columns)
{
	static const char dots[] = "...";
	size_t i, shown = 0, keep = text->len;

	if (columns < 2 * sizeof(dots))
		return;
	for (i = from; i < text->len; i++) {
		if (((unsigned char)text->ptr[i] & 0xc0) == 0x80)
			continue;
		shown++;
		if (shown == columns - strlen(dots) + 1)
			keep = i;
	}
	if (shown <= columns)
		return;
	text->len = keep;
	cli_text_addz(text, dots);
}

/* ----------------------------------------------------------------- numbers */

void
cli_text_age(struct cli_text *text, int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds < 60)
		cli_text_addf(text, "%ds", (int)seconds);
	else if (seconds < 3600)
		cli_text_addf(text, "%dmin", (int)(seconds / 60));
	else if (seconds < INT64_C(48) * 3600)
		cli_text_addf(text, "%dh", (int)(seconds / 3600));
	else
		cli_text_addf(text, "%lldd", (long long)(seconds / 86400));
}

void
cli_text_size(struct cli_text *text, uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	uint64_t tenths;
	size_t i = 0;

	if (bytes < 1000) {
		cli_text_addf(text, "%d", (int)bytes);
		return;
	}
	/* at most 1000 of a unit: five characters */
	while (bytes >= UINT64_C(1000) * 1024) {
		bytes /= 1024;
		i++;
	}
	tenths = (bytes * 10 + 1023) / 1024;
	if (tenths < 100)
		cli_text_addf(text, "%d.%d%c", (int)(tenths / 10),
		    (int)(tenths % 10), units[i]);
	else
		cli_text_addf(text, "%d%c", (int)((tenths + 9) / 10),
		    units[i]);
}

static size_t
format_time(char *out, size_t size, enum cli_time form, const struct tm *tm)
{
	switch (form) {
	case CLI_HOUR:
		return strftime(out, size, "%H:%M", tm);
	case CLI_DAY:
		return strftime(out, size, "%Y-%m-%d", tm);
	case CLI_MINUTE:
		return strftime(out, size, "%Y-%m-%d %H:%M", tm);
	case CLI_SECOND:
		return strftime(out, size, "%Y-%m-%d %H:%M:%S", tm);
	case CLI_ZONE:
		return strftime(out, size, "%Y-%m-%d %H:%M:%S %z", tm);
	case CLI_LS:
		return strftime(out, size, "%b %e %H:%M", tm);
	case CLI_LS_YEAR:
		return strftime(out, size, "%b %e  %Y", tm);
	}
	return 0;
}

void
cli_text_time(struct cli_text *text, enum cli_time form, int64_t when)
{
	time_t t = (time_t)when;
	char made[100];
	struct tm tm;

	if ((int64_t)t != when || localtime_r(&t, &tm) == NULL ||
	    format_time(made, sizeof(made), form, &tm) == 0)
		cli_text_addz(text, "?");
	else
		cli_text_addz(text, made);
}
