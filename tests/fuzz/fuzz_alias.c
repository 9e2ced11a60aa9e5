/* SPDX-License-Identifier: MIT */
/*
 * fuzz_alias.c - an aliases file
 */
#include "base/base.h"

#include "base/limits.h"
#include "base/mem.h"
#include "config/alias_int.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) do { if (!(x)) __builtin_trap(); } while (0)

#define MAX_EXPANDED 8

static void
tell(void *ctx, const char *file, unsigned line, const struct mc_err *problem)
{
	size_t *n = ctx;
	struct mc_str text = mc_str_from(problem->text);

	(*n)++;
	MUST(file != NULL && line != 0);
	MUST(problem->code == MC_E_CONF_ALIASES);
	MUST(text.len != 0 && !mc_str_has_ctl(text));
}

static int
take(void *ctx, struct mc_str local, struct mc_str domain, struct mc_err *err)
{
	size_t *n = ctx;

	(void)err;
	MUST(local.len != 0);
	MUST(!mc_str_has_ctl(local) && !mc_str_has_ctl(domain));
	MUST(++*n <= MC_MAX_RCPTS);
	return 0;
}

static void
expand(const struct mc_aliases *a, struct mc_str name)
{
	struct mc_err e = { .code = MC_OK };
	size_t n = 0;

	if (mc_aliases_expand(a, name, MC_STR("box.example"), take, &n, &e)
	    == 0)
		MUST(n != 0 && e.code == MC_OK);
	else
		MUST(e.code != MC_OK && e.text[0] != '\0');
}

/* members end where the entry ends, whatever they are */
static void
walk(const struct mc_alias_entry *entry, bool by_line)
{
	struct mc_alias_reader r = {
		.rest = entry->value,
		.line = entry->line,
		.by_line = by_line,
	};
	struct mc_buf member;
	unsigned line = 0;
	size_t total = 0;
	int got;

	mc_buf_init(&member, MC_MAX_ALIASES);
	while ((got = mc_alias_next(&r, &member, &line, NULL)) == 1) {
		MUST(member.len != 0);
		MUST(mc_str_chr(mc_buf_str(&member), '\n') == member.len);
		MUST(line >= entry->line);
		total += member.len;
	}
	MUST(got == 0 && r.rest.len == 0);
	MUST(total <= entry->value.len);
	mc_buf_clear(&member);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_aliases *a = mc_mem_zalloc(1, sizeof(*a));
	size_t told = 0;
	struct mc_problems problems = { .fn = tell, .ctx = &told };

	MUST(a != NULL);
	mc_buf_init(&a->text, MC_MAX_ALIASES);
	mc_vec_init(&a->entries, sizeof(struct mc_alias_entry),
	    MC_MAX_ALIASES);
	mc_buf_add(&a->text, data, size);
	a->path = mc_mem_strdup("input");
	MUST(a->path != NULL);
	MUST(mc_aliases_lines(a, &problems) == 0);
	MUST(mc_aliases_sort(a, &problems) == 0);
	MUST((told == 0) == (problems.first.code == MC_OK));
	for (size_t i = 0; i < a->entries.n && i < MAX_EXPANDED; i++) {
		const struct mc_alias_entry *entry = mc_vec_at(&a->entries, i);

		MUST(entry->name.len != 0);
		if (told == 0)
			MUST(mc_aliases_find(a, entry->name) == entry);
		walk(entry, false);
		walk(entry, true);
		expand(a, entry->name);
	}
	expand(a, MC_STR("nobody-at-all"));
	mc_aliases_free(a);
	return 0;
}
