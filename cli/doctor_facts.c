/* SPDX-License-Identifier: MIT */
/*
 * doctor_facts.c - what the probe told, kept for whoever draws conclusions
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* a server may repeat itself for ever */
#define MOST_FACTS 2000

/* without memory a fact is not known, as with a server that does not tell */
void
doctor_on_fact(void *ctx, enum mc_stage stage, const char *name,
    const char *value)
{
	struct doctor_facts *facts = ctx;
	struct doctor_fact f = { .stage = stage };

	if (facts->n == MOST_FACTS)
		return;
	if (facts->n == facts->cap) {
		size_t cap = facts->cap == 0 ? 64 : 2 * facts->cap;
		struct doctor_fact *v = realloc(facts->v, cap * sizeof(*v));

		if (v == NULL)
			return;
		facts->v = v;
		facts->cap = cap;
	}
	f.name = strdup(name);
	f.value = strdup(value);
	if (f.name == NULL || f.value == NULL) {
		free(f.name);
		free(f.value);
		return;
	}
	facts->v[facts->n++] = f;
}

void
doctor_facts_clear(struct doctor_facts *facts)
{
	for (size_t i = 0; i < facts->n; i++) {
		free(facts->v[i].name);
		free(facts->v[i].value);
	}
	free(facts->v);
	memset(facts, 0, sizeof(*facts));
}

static bool
is_fact(const struct doctor_fact *f, enum mc_stage stage, const char *name)
{
	return f->stage == stage && strcmp(f->name, name) == 0;
}

static const char *
find(const struct doctor *d, size_t begin, enum mc_stage stage,
    const char *name, size_t i)
{
	for (size_t k = begin; k < d->facts.n; k++)
		if (is_fact(&d->facts.v[k], stage, name) && i-- == 0)
			return d->facts.v[k].value;
	return NULL;
}

const char *
doctor_fact(const struct doctor *d, enum mc_stage stage, const char *name,
    size_t i)
{
	return find(d, 0, stage, name, i);
}

const char *
doctor_last(const struct doctor *d, enum mc_stage stage, const char *from,
    const char *name, size_t i)
{
	size_t begin = d->facts.n;

	while (begin > 0 && !is_fact(&d->facts.v[begin - 1], stage, from))
		begin--;
	return begin == 0 ? NULL : find(d, begin, stage, name, i);
}

int64_t
doctor_fact_time(const struct doctor *d, enum mc_stage stage,
    const char *name)
{
	const char *text = doctor_fact(d, stage, name, 0);

	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static bool
find_key(const struct doctor *d, const char *key, struct mc_value *ret)
{
	for (size_t i = 0; d->config != NULL && mc_config_value(d->config,
	    d->account, i, ret, NULL) == 0; i++)
		if (strcmp(ret->key, key) == 0)
			return true;
	return false;
}

const char *
doctor_key(const struct doctor *d, const char *key)
{
	struct mc_value v;

	return find_key(d, key, &v) && v.value != NULL ? v.value : "";
}

const char *
doctor_origin(const struct doctor *d, const char *key)
{
	struct mc_value v;

	return find_key(d, key, &v) && v.origin != NULL ? v.origin : "";
}

bool
doctor_has(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (; text != NULL && *text != '\0'; text++)
		if (strncasecmp(text, word, len) == 0)
			return true;
	return false;
}

void
doctor_bare(const char *address, char *buf, size_t size)
{
	const char *p = address[0] == '[' ? address + 1 : address;

	snprintf(buf, size, "%.*s", (int)strcspn(p, address[0] == '[' ?
	    "]%" : ":"), p);
}

const char *
doctor_date(int64_t when, char *buf, size_t size)
{
	time_t t = (time_t)when;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(buf, size, "?");
	return buf;
}
