/* SPDX-License-Identifier: MIT */
/*
 * alias_check.c - find every problem of an aliases file
 */
#include "base/base.h"
#include "config/alias_int.h"

#include "base/limits.h"
#include "base/mem.h"

struct check {
	struct mc_problems *problems;
	struct mc_vec includes;	/* char *, each file once */
};

/* remember a file that is to be checked, too */
static int
note_include(struct check *c, struct mc_str path, const struct mc_place *at)
{
	for (size_t i = 0; i < c->includes.n; i++) {
		char **p = mc_vec_at(&c->includes, i);

		if (mc_str_eq(mc_str_from(*p), path))
			return 0;
	}
	if (c->includes.n == MC_MAX_ALIAS_FILES)
		return mc_problems_addf(c->problems, at, MC_E_CONF_ALIASES,
		    "more than %d files are included", MC_MAX_ALIAS_FILES);

	char **slot = mc_vec_add(&c->includes);

	if (slot != NULL)
		*slot = mc_mem_strndup(path.ptr, path.len);
	if (slot == NULL || *slot == NULL) {
		if (slot != NULL)
			c->includes.n--;
		return mc_problems_addf(c->problems, at, MC_E_NOMEM, NULL);
	}
	return 0;
}

static int
check_members(struct check *c, const char *file, struct mc_alias_reader *r)
{
	struct mc_place at = { .file = file };
	struct mc_addr_list addrs;
	struct mc_buf member;
	struct mc_str path;
	int rc = 0;
	int got;

	mc_addr_list_init(&addrs);
	mc_buf_init(&member, MC_MAX_ALIASES);
	do {
		struct mc_err e = { .code = MC_OK };

		got = mc_alias_next(r, &member, &at.line, &e);
		if (got == 0)
			break;
		if (got < 0)
			rc = mc_problems_add(c->problems, &at, &e);
		else if (mc_alias_member(mc_buf_str(&member), &addrs, &path,
		    &e) != 0)
			rc = e.code == MC_E_NOMEM ?
			    mc_problems_add(c->problems, &at, &e) :
			    mc_problems_addf(c->problems, &at, e.code, "%s",
			    e.text);
		else if (path.len != 0)
			rc = note_include(c, path, &at);
	} while (rc == 0 && got > 0);
	mc_buf_clear(&member);
	mc_addr_list_clear(&addrs);
	return rc;
}

static int
check_entry(struct check *c, const struct mc_aliases *a,
    const struct mc_alias_entry *entry)
{
	struct mc_place at = { .file = a->path, .line = entry->line };
	struct mc_alias_reader r = {
		.rest = entry->value,
		.line = entry->line,
	};

	if (mc_str_chr(entry->name, '@') != entry->name.len &&
	    mc_problems_addf(c->problems, &at, MC_E_CONF_ALIASES,
	    "aliases are for names without a domain") != 0)
		return -1;
	return check_members(c, a->path, &r);
}

static int
check_include(struct check *c, const char *path)
{
	struct mc_place at = { .file = path };
	struct mc_err e = { .code = MC_OK };
	struct mc_buf text;
	int rc;

	mc_buf_init(&text, MC_MAX_ALIASES);
	if (mc_alias_include(path, &text, &e) != 0)
		rc = mc_problems_add(c->problems, &at, &e);
	else {
		struct mc_alias_reader r = {
			.rest = mc_buf_str(&text),
			.line = 1,
			.by_line = true,
		};

		rc = check_members(c, path, &r);
	}
	mc_buf_clear(&text);
	return rc;
}

int
mc_aliases_check(const char *path, mc_problem_fn fn, void *ctx,
    struct mc_err *err)
{
	struct mc_problems problems = { .fn = fn, .ctx = ctx };
	struct check c = { .problems = &problems };
	struct mc_aliases *a;
	struct mc_err e = { .code = MC_OK };
	int rc;

	if (mc_aliases_open(path, &a, &e) != 0) {
		struct mc_place at = { .file = path };

		rc = mc_problems_add(&problems, &at, &e);
		return mc_problems_end(&problems, err) != 0 ? -1 : rc;
	}
	mc_vec_init(&c.includes, sizeof(char *), MC_MAX_ALIAS_FILES);
	rc = mc_aliases_lines(a, &problems);
	for (size_t i = 0; rc == 0 && i < a->entries.n; i++)
		rc = check_entry(&c, a, mc_vec_at(&a->entries, i));
	if (rc == 0)
		rc = mc_aliases_sort(a, &problems);
	for (size_t i = 0; rc == 0 && i < c.includes.n; i++) {
		char **p = mc_vec_at(&c.includes, i);

		/* the vector may move while it is checked; the path does not */
		rc = check_include(&c, *p);
	}
	for (size_t i = 0; i < c.includes.n; i++) {
		char **p = mc_vec_at(&c.includes, i);

		mc_mem_free(*p);
	}
	mc_vec_clear(&c.includes);
	mc_aliases_free(a);
	return mc_problems_end(&problems, err);
}
