/* SPDX-License-Identifier: MIT */
/*
 * oauth_text.c - texts that may hold secrets, and two ways to write them
 */
#include "helper/oauth.h"

#include <stdlib.h>
#include <string.h>

void
text_add(struct text *t, const char *p, size_t n)
{
	size_t cap = t->cap == 0 ? 256 : t->cap;
	char *grown;

	if (t->failed || (t->most != 0 && n > t->most - t->len)) {
		t->failed = true;
		return;
	}
	while (cap - t->len <= n)
		cap *= 2;
	if (cap != t->cap) {
		/* not realloc, which leaves the old bytes behind */
		grown = malloc(cap);
		if (grown == NULL) {
			t->failed = true;
			return;
		}
		if (t->len != 0)
			memcpy(grown, t->ptr, t->len);
		if (t->ptr != NULL)
			explicit_bzero(t->ptr, t->cap);
		free(t->ptr);
		t->ptr = grown;
		t->cap = cap;
	}
	if (n != 0)
		memcpy(t->ptr + t->len, p, n);
	t->len += n;
	t->ptr[t->len] = '\0';
}

void
text_addz(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_clear(struct text *t)
{
	if (t->ptr != NULL)
		explicit_bzero(t->ptr, t->cap);
	free(t->ptr);
	*t = (struct text){ .most = t->most };
}

/* ------------------------------------------------------------ jansson's memory */

/* in front of each piece, as large as any type wants it */
union head {
	size_t n;
	max_align_t any;
};

static void *
get_memory(size_t n)
{
	union head *h = n > SIZE_MAX - sizeof(*h) ? NULL :
	    malloc(sizeof(*h) + n);

	if (h == NULL)
		return NULL;
	h->n = n;
	return h + 1;
}

static void
put_memory(void *p)
{
	union head *h = p;

	if (h == NULL)
		return;
	h--;
	explicit_bzero(h + 1, h->n);
	free(h);
}

void
text_use_for_json(void)
{
	json_set_alloc_funcs(get_memory, put_memory);
}

void
text_free_json(char *s)
{
	put_memory(s);
}

/* ----------------------------------------------------------------- encodings */

static bool
is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c) != NULL);
}

void
text_add_pair(struct text *t, const char *name, const char *value)
{
	static const char hex[] = "0123456789ABCDEF";

	if (value == NULL)
		return;
	if (t->len != 0)
		text_addz(t, "&");
	text_addz(t, name);
	text_addz(t, "=");
	for (; *value != '\0'; value++) {
		unsigned char c = (unsigned char)*value;
		char three[3] = { '%', hex[c >> 4], hex[c & 15] };

		if (is_plain(*value))
			text_add(t, value, 1);
		else
			text_add(t, three, sizeof(three));
	}
}

void
text_add_b64(struct text *t, const unsigned char *p, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i < 3 ? n - i : 3;
		unsigned long v = (unsigned long)p[i] << 16;
		char four[4];

		if (left > 1)
			v |= (unsigned long)p[i + 1] << 8;
		if (left > 2)
			v |= p[i + 2];
		for (size_t k = 0; k < 4; k++)
			four[k] = digits[v >> (18 - 6 * k) & 63];
		text_add(t, four, left + 1);
	}
}
