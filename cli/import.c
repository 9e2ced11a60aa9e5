/* SPDX-License-Identifier: MIT */
/*
 * import.c - what the readers of other programs' configurations share
 */
#include "import.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#ifndef IMPORT_PIECE		/* the test has small ones, to run out in each */
#define IMPORT_PIECE 4096
#endif
#define MAX_NAME 64		/* of an account of ours */
#define MAX_SHOWN 40
#define MAX_SAID 512
#define MAX_NOTES 1000

/* ------------------------------------------------------------------ memory */

/* all that is kept, in pieces; passwords are among it */
struct import_piece {
	struct import_piece *next;
	size_t used;
	size_t size;
	char bytes[];
};

void
import_init(struct import *im)
{
	memset(im, 0, sizeof(*im));
	im->end = &im->first;
	im->notes_end = &im->notes;
	im->lead.end = &im->lead.first;
	im->lead.name = "";
}

void
import_wipe(void *p, size_t n)
{
	/* a plain memset of what is freed next may be left out */
	volatile unsigned char *b = p;

	while (n-- > 0)
		*b++ = 0;
}

void
import_clear(struct import *im)
{
	while (im->pieces != NULL) {
		struct import_piece *piece = im->pieces;

		im->pieces = piece->next;
		import_wipe(piece->bytes, piece->used);
		free(piece);
	}
	import_init(im);
}

static void *
take(struct import *im, size_t n)
{
	struct import_piece *piece = im->pieces;
	size_t align = sizeof(void *);
	size_t size;

	n = (n + align - 1) / align * align;
	if (piece == NULL || piece->size - piece->used < n) {
		size = n > IMPORT_PIECE ? n : IMPORT_PIECE;
		piece = im->failed ? NULL : malloc(sizeof(*piece) + size);
		if (piece == NULL) {
			im->failed = true;
			return NULL;
		}
		piece->size = size;
		piece->used = 0;
		piece->next = im->pieces;
		im->pieces = piece;
	}
	piece->used += n;
	return piece->bytes + piece->used - n;
}

void *
import_zeros(struct import *im, size_t n)
{
	void *p = take(im, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

char *
import_keep(struct import *im, const char *p, size_t n)
{
	/* nobody writes anything else into it: it is too short to be cut */
	static char nothing[1] = "";
	char *kept = take(im, n + 1);

	if (kept == NULL)
		return nothing;
	if (n != 0)
		memcpy(kept, p, n);
	kept[n] = '\0';
	return kept;
}

char *
import_join(struct import *im, const char *a, const char *b, const char *c)
{
	size_t na = strlen(a), nb = strlen(b), nc = strlen(c);
	char *p = take(im, na + nb + nc + 1);

	if (p == NULL)
		return import_keep(im, "", 0);
	memcpy(p, a, na);
	memcpy(p + na, b, nb);
	memcpy(p + na + nb, c, nc);
	p[na + nb + nc] = '\0';
	return p;
}

/* ------------------------------------------------------------------- notes */

void
import_say(struct import *im, struct import_place at, bool left,
    const char *fmt, ...)
{
	struct import_note *note;
	char text[MAX_SAID];
	va_list ap;

	if (at.file == NULL)
		at.file = "";
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	im->left = im->left || left;
	/* a file that is none of this program's would have no end of them */
	if (im->n_notes > MAX_NOTES)
		return;
	/* a line that several accounts inherit is told of once */
	for (note = im->notes; note != NULL; note = note->next)
		if (note->at.line == at.line && note->at.line != 0 &&
		    strcmp(note->text, text) == 0 &&
		    strcmp(note->at.file, at.file) == 0)
			return;
	note = import_zeros(im, sizeof(*note));
	if (note == NULL)
		return;
	note->at = at;
	note->number = im->n_notes;
	note->text = import_keep(im, text, strlen(text));
	if (im->n_notes++ == MAX_NOTES)
		note->text = "there is more of that kind, which is not told";
	*im->notes_end = note;
	im->notes_end = &note->next;
}

/* it may be anything, a password that stands in the wrong place too */
const char *
import_shown(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++) {
		char c = name[i];

		if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') &&
		    c != '_' && c != '-' && c != '.' &&
		    (c < '0' || c > '9' || i == 0))
			return "...";
	}
	return n == 0 || n > MAX_SHOWN ? "..." : name;
}

/* ------------------------------------------------------------------- texts */

int
import_text(struct import *im, const struct import_program *program,
    const char *file, const char *text, size_t len, const char **why)
{
	struct import_source source = { .line = 0 };

	if (len > IMPORT_MAX_FILE) {
		*why = "it is larger than 1 MiB";
		return -1;
	}
	if (len != 0 && memchr(text, '\0', len) != NULL) {
		*why = "it is no text: there is a NUL byte in it";
		return -1;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
	}
	source.file = import_keep(im, file, strlen(file));
	source.rest = import_keep(im, text, len);
	if (!im->failed)
		program->read(im, &source);
	return 0;
}

char *
import_line(struct import *im, struct import_source *source)
{
	while (*source->rest != '\0') {
		char *line = source->rest;
		size_t n = strcspn(line, "\n");

		source->line++;
		source->rest += n + (line[n] == '\n');
		if (n > IMPORT_MAX_LINE) {
			import_say(im, (struct import_place){ source->file,
			    source->line }, true,
			    "the line is longer than 64 KiB");
			continue;
		}
		if (n != 0 && line[n - 1] == '\r')
			n--;
		line[n] = '\0';
		return line;
	}
	return NULL;
}

char *
import_trim(char *s)
{
	size_t n;

	s += strspn(s, " \t");
	n = strlen(s);
	while (n != 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		s[--n] = '\0';
	return s;
}

char *
import_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t");
	size_t n = strcspn(word, " \t");

	*rest = word + n;
	if (**rest != '\0') {
		**rest = '\0';
		*rest += 1 + strspn(*rest + 1, " \t");
	}
	return word;
}

int
import_open(struct import *im, const char *path, struct import_source *ret)
{
	char *text = NULL;
	size_t len = 0;
	int error;

	if (im->read == NULL)
		return ENOENT;
	error = im->read(im->ctx, path, &text, &len);
	if (error != 0)
		return error;
	if (len > IMPORT_MAX_FILE)
		error = EFBIG;
	else if (len != 0 && memchr(text, '\0', len) != NULL)
		error = EILSEQ;
	if (error == 0) {
		ret->file = import_keep(im, path, strlen(path));
		ret->rest = import_keep(im, text, len);
		ret->line = 0;
	}
	import_wipe(text, len);
	free(text);
	return error;
}

const char *
import_first_line(struct import *im, const char *path, bool wanted)
{
	struct import_source source;
	struct import_place at = { path, 0 };
	char *line;
	int error = import_open(im, path, &source);

	if (error != 0) {
		if (wanted || error != ENOENT)
			import_say(im, at, true, "cannot be read: %s",
			    strerror(error));
		return NULL;
	}
	line = import_line(im, &source);
	if (line != NULL)
		line = import_trim(line);
	return line == NULL || *line == '\0' ? NULL : line;
}

/* ---------------------------------------------------------------- accounts */

static char
fit_char(char c)
{
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("._-@+", c)))
		return c;
	return '-';
}

/* letters, digits and . _ - @ +; others become '-' */
static char *
fit_name(struct import *im, const char *name)
{
	size_t n = strlen(name);
	char *fit;

	if (n == 0)
		return import_keep(im, "unnamed", 7);
	fit = import_keep(im, name, n > MAX_NAME ? MAX_NAME : n);
	for (char *p = fit; *p != '\0'; p++)
		*p = fit_char(*p);
	return fit;
}

/* is it the name that the account got for this one? */
static bool
is_name(const struct import_account *account, const char *name)
{
	size_t i;

	for (i = 0; i < MAX_NAME && name[i] != '\0'; i++)
		if (fit_char(name[i]) != account->name[i])
			return false;
	return account->name[i] == '\0';
}

struct import_account *
import_find(struct import *im, const char *name)
{
	struct import_account *account = im->first;

	while (account != NULL && !is_name(account, name))
		account = account->next;
	return account;
}

struct import_account *
import_add(struct import *im, const char *name, struct import_place at)
{
	struct import_account *account;
	char *fit = fit_name(im, name);

	if (im->n_accounts >= IMPORT_MAX_ACCOUNTS) {
		import_say(im, at, true, "more than %d accounts",
		    IMPORT_MAX_ACCOUNTS);
		return NULL;
	}
	if (import_find(im, fit) != NULL) {
		import_say(im, at, true,
		    "there is an account \"%s\" already", fit);
		return NULL;
	}
	if (strcmp(name, fit) != 0)
		import_say(im, at, false, "the account is called \"%s\" here",
		    fit);
	account = import_zeros(im, sizeof(*account));
	if (account == NULL)
		return NULL;
	account->name = fit;
	account->at = at;
	account->end = &account->first;
	*im->end = account;
	im->end = &account->next;
	im->n_accounts++;
	return account;
}

void
import_inherit(struct import_account *to, const struct import_account *from)
{
	for (size_t i = 0; i < IM_SLOTS; i++)
		if (from->slots[i].text != NULL)
			to->slots[i] = from->slots[i];
}

void
import_set(struct import_account *account, enum import_slot slot,
    const char *text, struct import_place at)
{
	account->slots[slot] = (struct import_value){ text, at };
}

const char *
import_get(const struct import_account *account, enum import_slot slot)
{
	const char *text = account->slots[slot].text;

	return text == NULL || *text == '\0' ? NULL : text;
}

bool
import_is(const struct import_account *account, enum import_slot slot,
    const char *text)
{
	const char *has = import_get(account, slot);

	return has != NULL && strcmp(has, text) == 0;
}

/* -------------------------------------------------------------------- rows */

const char *
import_switch(const char *text)
{
	static const char *const on[] = { "on", "yes", "true", "1", "enabled" };
	static const char *const off[] = { "off", "no", "false", "0",
		"disabled" };

	for (size_t i = 0; i < sizeof(on) / sizeof(on[0]); i++)
		if (strcasecmp(text, on[i]) == 0)
			return "on";
	for (size_t i = 0; i < sizeof(off) / sizeof(off[0]); i++)
		if (strcasecmp(text, off[i]) == 0)
			return "off";
	return NULL;
}

/* is it to be told that the line is left out? */
static bool
is_left(const struct import_row *row, const char *value)
{
	const char *state = *value == '\0' ? "on" : import_switch(value);

	switch (row->how) {
	case IM_LEFT:
		return true;
	case IM_LEFT_ON:
		return state == NULL || strcmp(state, "on") == 0;
	case IM_LEFT_OFF:
		return state == NULL ? strcasecmp(value, "auto") != 0 :
		    strcmp(state, "off") == 0;
	case IM_LEFT_SET:
		return *value != '\0' &&
		    (state == NULL || strcmp(state, "off") != 0);
	case IM_TAKE:
	case IM_SWITCH:
	case IM_DROP:
		break;
	}
	return false;
}

static void
apply_row(struct import *im, struct import_account *account,
    const struct import_row *row, const char *value, struct import_place at)
{
	const char *state;

	if (is_left(row, value)) {
		import_say(im, at, true, "%s: %s", row->name, row->why);
		return;
	}
	if (row->how == IM_TAKE)
		import_set(account, row->slot, value, at);
	if (row->how != IM_SWITCH)
		return;
	state = *value == '\0' ? "on" : import_switch(value);
	if (state == NULL)
		import_say(im, at, true, "%s: is neither on nor off",
		    row->name);
	else
		import_set(account, row->slot, state, at);
}

void
import_apply(struct import *im, struct import_account *account,
    const struct import_row *rows, size_t n, const char *name,
    const char *value, struct import_place at, bool fold)
{
	for (size_t i = 0; i < n; i++)
		if (fold ? strcasecmp(rows[i].name, name) == 0 :
		    strcmp(rows[i].name, name) == 0) {
			apply_row(im, account, &rows[i], value, at);
			return;
		}
	import_say(im, at, true, "%s: is not known here", import_shown(name));
}

bool
import_is_directory(struct import *im, const char *path)
{
	struct import_source source;

	return import_open(im, path, &source) == EISDIR;
}
