/* SPDX-License-Identifier: MIT */
/*
 * doctor_say.c - one finding of mailchute doctor, for people or as JSON
 */
#include "doctor.h"
#include "term.h"
#include "text.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define WIDTH 79
#define INDENT 10

static const char *const words[] = { "ok", "warning", "failed" };
static const enum cli_colour colours[] = { CLI_GOOD, CLI_WARNING, CLI_BAD };

/* at blanks, where somebody reads it; a program gets whole lines */
static void
put_wrapped(const char *text, size_t column)
{
	bool wrap = isatty(STDOUT_FILENO) == 1;
	bool first = true;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (wrap && !first && column + 1 + n > WIDTH) {
			printf("\n%*s", INDENT, "");
			column = INDENT;
		} else if (!first) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)n, text);
		column += n;
		text += n + (text[n] == ' ' ? 1 : 0);
		first = false;
	}
	putchar('\n');
}

static void
put_text(enum doctor_verdict verdict, const char *what, const char *found,
    const char *remedy)
{
	printf("%s%-*s%s%s%s%s: ", cli_colour(stdout, colours[verdict]),
	    INDENT, words[verdict], cli_colour(stdout, CLI_PLAIN),
	    cli_colour(stdout, CLI_STRONG), what,
	    cli_colour(stdout, CLI_PLAIN));
	put_wrapped(found, INDENT + strlen(what) + 2);
	if (remedy == NULL)
		return;
	printf("%*s", INDENT, "");
	put_wrapped(remedy, INDENT);
}

static void
put_json(enum doctor_verdict verdict, const char *what, const char *found,
    const char *remedy)
{
	struct cli_text text = { 0 };

	cli_text_addz(&text, "{\"check\":");
	cli_text_json(&text, what);
	cli_text_addz(&text, ",\"verdict\":");
	cli_text_json(&text, words[verdict]);
	cli_text_addz(&text, ",\"found\":");
	cli_text_json(&text, found);
	cli_text_addz(&text, ",\"remedy\":");
	cli_text_json(&text, remedy);
	cli_text_addz(&text, "}\n");
	cli_text_flush(&text, stdout);
	cli_text_free(&text);
}

/* what time heals comes last: a status that says "try again" must not hide
 * one that says "mend it" */
static void
count(struct doctor *d, enum doctor_verdict verdict, int status)
{
	if (verdict == DOCTOR_WARNING)
		d->warned = true;
	if (verdict == DOCTOR_FAILED && (d->status == 0 ||
	    (d->status == EX_TEMPFAIL && status != EX_TEMPFAIL)))
		d->status = status;
}

static void
say(struct doctor *d, enum doctor_verdict verdict, const char *what,
    const char *remedy, const char *found)
{
	struct cli_text clean = { 0 }, help = { 0 };

	cli_text_clean(&clean, found);
	cli_text_add(&clean, "", 1);
	if (remedy != NULL) {
		cli_text_clean(&help, remedy);
		cli_text_add(&help, "", 1);
	}
	/* without memory, as it came: better than not at all, and nothing of
	 * it has bytes that the library lets through unseen */
	found = clean.failed ? "(no memory)" : clean.ptr;
	remedy = remedy == NULL ? NULL : help.failed ? "(no memory)" :
	    help.ptr;
	if (d->json)
		put_json(verdict, what, found, remedy);
	else
		put_text(verdict, what, found, remedy);
	fflush(stdout);
	cli_text_free(&clean);
	cli_text_free(&help);
}

void
doctor_say(struct doctor *d, enum doctor_verdict verdict, int status,
    const char *what, const char *remedy, const char *fmt, ...)
{
	char found[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	count(d, verdict, status);
	say(d, verdict, what, remedy, found);
}

void
doctor_ok(struct doctor *d, const char *what, const char *fmt, ...)
{
	char found[DOCTOR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	say(d, DOCTOR_OK, what, NULL, found);
}

void
doctor_fail(struct doctor *d, const struct mc_err *err, const char *what,
    const char *remedy)
{
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(err), what, remedy, "%s",
	    err->text);
}
