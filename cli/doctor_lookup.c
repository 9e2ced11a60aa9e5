/* SPDX-License-Identifier: MIT */
/*
 * doctor_lookup.c - ask DNS, by the helper program for that
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOKUP_MS 15000

struct asking {
	struct doctor_answer *answer;
	const char *type;
};

static void
on_line(void *ctx, const char *const *fields, size_t n)
{
	struct asking *a = ctx;
	struct doctor_answer *answer = a->answer;

	if (n >= 2 && strcmp(fields[0], "error") == 0) {
		answer->none = strcmp(fields[1], "none") == 0;
		answer->temporary = !answer->none;
		return;
	}
	if (n < 2 || strcmp(fields[0], a->type) != 0 ||
	    answer->n == DOCTOR_RECORDS)
		return;
	answer->v[answer->n] = strdup(fields[n - 1]);
	answer->n += answer->v[answer->n] != NULL;
}

int
doctor_lookup(const struct doctor *d, const char *type, const char *name,
    struct doctor_answer *ret_answer)
{
	const char *args[5];
	struct asking a = { ret_answer, type };
	struct mc_helper h = { .name = "lookup", .args = args,
	    .timeout_ms = LOOKUP_MS, .cancel_fd = cli_cancel_fd(),
	    .line = on_line, .ctx = &a };
	size_t n = 0;

	memset(ret_answer, 0, sizeof(*ret_answer));
	if (d->dns != NULL) {
		args[n++] = "--server";
		args[n++] = d->dns;
	}
	args[n++] = type;
	args[n++] = name;
	args[n] = NULL;
	if (mc_helper_run(&d->id->caller, &h, &ret_answer->err) != 0)
		return -1;
	return ret_answer->temporary ? -1 : 0;
}

void
doctor_answer_clear(struct doctor_answer *answer)
{
	for (size_t i = 0; i < answer->n; i++)
		free(answer->v[i]);
	memset(answer, 0, sizeof(*answer));
}

/* the last two labels, or three where the last two are short as in co.uk: a
 * guess, since the list of public suffixes is not here */
static const char *
site_of(const char *name)
{
	const char *dots[3] = { NULL, NULL, NULL };
	size_t n = 0;

	for (const char *p = name + strlen(name); p-- > name && n < 3;)
		if (*p == '.' && p[1] != '\0')
			dots[n++] = p;
	if (n < 2)
		return name;
	if (strlen(dots[1] + 1) <= 6 && dots[0] - dots[1] <= 4 &&
	    strlen(dots[0] + 1) == 2)
		return n == 3 ? dots[2] + 1 : name;
	return dots[1] + 1;
}

bool
doctor_same_site(const char *a, const char *b)
{
	size_t len = strlen(site_of(a)), other = strlen(site_of(b));

	/* an address */
	if (strspn(a, "0123456789.") == strlen(a) || strchr(a, ':') != NULL ||
	    strspn(b, "0123456789.") == strlen(b) || strchr(b, ':') != NULL)
		return false;
	len -= len > 0 && site_of(a)[len - 1] == '.' ? 1 : 0;
	other -= other > 0 && site_of(b)[other - 1] == '.' ? 1 : 0;
	return len == other && strncasecmp(site_of(a), site_of(b), len) == 0;
}
