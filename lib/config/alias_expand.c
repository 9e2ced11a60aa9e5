/* SPDX-License-Identifier: MIT */
/*
 * alias_expand.c - expand a local name by the aliases file, without recursion
 */
#include "base/base.h"
#include "config/alias_int.h"

#include "base/limits.h"
#include "base/mem.h"

#define FIRST_SLOTS 64

/* a list of members that is still to be gone through */
struct job {
	const struct mc_alias_entry *entry;
	char *include;		/* file that is read instead; owned */
	unsigned depth;
	bool in_default;
};

struct run {
	const struct mc_aliases *a;
	struct mc_str hostname;
	mc_alias_fn fn;
	void *ctx;
	size_t results;
	struct mc_vec jobs;	/* done ones stay: they say what was included */
	size_t includes;
	/* entries met, by their place in the file: number + 1, 0 is free */
	uint32_t *slots;
	size_t n_slots;
	size_t n_met;
};

/* ------------------------------------------------------------- entries met */

/* a free slot, or the one that holds it */
static uint32_t *
slot_of(uint32_t *slots, size_t n_slots, uint32_t number)
{
	size_t i = number * UINT32_C(2654435761) & (n_slots - 1);

	while (slots[i] != 0 && slots[i] != number)
		i = (i + 1) & (n_slots - 1);
	return &slots[i];
}

static int
grow(struct run *run, struct mc_err *err)
{
	size_t n = run->n_slots == 0 ? FIRST_SLOTS : run->n_slots * 2;
	uint32_t *slots = mc_mem_zalloc(n, sizeof(*slots));

	if (slots == NULL)
		return mc_conf_nomem(err);
	for (size_t i = 0; i < run->n_slots; i++) {
		if (run->slots[i] != 0)
			*slot_of(slots, n, run->slots[i]) = run->slots[i];
	}
	mc_mem_free(run->slots);
	run->slots = slots;
	run->n_slots = n;
	return 0;
}

/* 1 when it is new, 0 when it was met before, -1 with err */
static int
meet(struct run *run, const struct mc_alias_entry *entry, struct mc_err *err)
{
	const struct mc_alias_entry *first = run->a->entries.items;
	uint32_t number = (uint32_t)(entry - first) + 1;
	uint32_t *slot;

	if (run->n_met * 2 >= run->n_slots && grow(run, err) != 0)
		return -1;
	slot = slot_of(run->slots, run->n_slots, number);
	if (*slot != 0)
		return 0;
	*slot = number;
	run->n_met++;
	return 1;
}

/* -------------------------------------------------------------------- jobs */

static int
add_job(struct run *run, const struct job *job, struct mc_err *err)
{
	struct job *slot;

	if (job->depth > MC_MAX_ALIAS_DEPTH)
		return mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
		    "aliases lead to aliases more than %d deep",
		    MC_MAX_ALIAS_DEPTH);
	if (run->jobs.n >= run->jobs.max)
		return mc_err_set(err, MC_E_TOO_MANY_RCPTS, MC_STAGE_CONFIG,
		    "aliases lead to more than %d names", MC_MAX_RCPTS);
	slot = mc_vec_add(&run->jobs);
	if (slot == NULL)
		return mc_conf_nomem(err);
	*slot = *job;
	return 0;
}

static int
add_entry(struct run *run, const struct mc_alias_entry *entry, unsigned depth,
    bool in_default, struct mc_err *err)
{
	const struct job job = {
		.entry = entry,
		.depth = depth,
		.in_default = in_default,
	};
	int rc = meet(run, entry, err);

	return rc == 1 ? add_job(run, &job, err) : rc;
}

static int
add_include(struct run *run, const struct job *from, struct mc_str path,
    struct mc_err *err)
{
	struct job job = *from;

	for (size_t i = 0; run->includes != 0 && i < run->jobs.n; i++) {
		const struct job *old = mc_vec_at(&run->jobs, i);

		if (old->include != NULL &&
		    mc_str_eq(mc_str_from(old->include), path))
			return 0;
	}
	if (run->includes == MC_MAX_ALIAS_FILES)
		return mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
		    "more than %d files are included", MC_MAX_ALIAS_FILES);
	job.depth++;
	job.include = mc_mem_strndup(path.ptr, path.len);
	if (job.include == NULL)
		return mc_conf_nomem(err);
	if (add_job(run, &job, err) != 0) {
		mc_mem_free(job.include);
		return -1;
	}
	run->includes++;
	return 0;
}

static int
result(struct run *run, struct mc_str local, struct mc_str domain,
    struct mc_err *err)
{
	if (run->results == MC_MAX_RCPTS)
		return mc_err_set(err, MC_E_TOO_MANY_RCPTS, MC_STAGE_CONFIG,
		    "aliases lead to more than %d addresses", MC_MAX_RCPTS);
	run->results++;
	return run->fn(run->ctx, local, domain, err);
}

static bool
is_here(const struct run *run, struct mc_str domain)
{
	return domain.len == 0 ||
	    mc_str_eq_nocase(domain, MC_STR("localhost")) ||
	    (run->hostname.len != 0 &&
	    mc_str_eq_nocase(domain, run->hostname));
}

/* job NULL: the name that was asked for */
static int
local_name(struct run *run, const struct job *job, struct mc_str local,
    struct mc_err *err)
{
	const struct mc_alias_entry *last = mc_aliases_find(run->a,
	    MC_STR("default"));
	const struct mc_alias_entry *entry;
	struct mc_buf plain;
	unsigned depth = job != NULL ? job->depth + 1 : 0;
	bool in_default = job != NULL && job->in_default;
	bool itself;

	mc_buf_init(&plain, MC_MAX_ALIASES);
	mc_alias_unquote(local, &plain);
	if (mc_buf_err(&plain, "name", err) != 0) {
		mc_buf_clear(&plain);
		return -1;
	}
	entry = mc_aliases_find(run->a, mc_buf_str(&plain));
	itself = job != NULL && job->entry == entry;
	mc_buf_clear(&plain);
	if (entry == NULL && !in_default)
		entry = last;
	if (entry == last)
		in_default = true;
	if (entry == NULL || itself)
		return result(run, local, MC_STR_NONE, err);
	return add_entry(run, entry, depth, in_default, err);
}

static int
member(struct run *run, const struct job *job, struct mc_str text,
    struct mc_addr_list *addrs, struct mc_err *err)
{
	struct mc_str path;

	if (mc_alias_member(text, addrs, &path, err) != 0)
		return -1;
	if (path.len != 0)
		return add_include(run, job, path, err);
	for (size_t i = 0; i < addrs->addrs.n; i++) {
		const struct mc_addr *addr = mc_vec_at(&addrs->addrs, i);
		int rc = addr->no_alias || !is_here(run, addr->domain) ?
		    result(run, addr->local, addr->domain, err) :
		    local_name(run, job, addr->local, err);

		if (rc != 0)
			return -1;
	}
	return 0;
}

/* a place only for what this module itself has to say */
static void
add_place(struct mc_err *err, const char *file, unsigned line)
{
	if (err != NULL && err->code == MC_E_CONF_ALIASES)
		mc_err_ctx(err, "%s:%u", file, line);
}

static int
members(struct run *run, const struct job *job, const char *file,
    struct mc_alias_reader *r, struct mc_err *err)
{
	struct mc_addr_list addrs;
	struct mc_buf text;
	unsigned line;
	int rc = 0;

	mc_addr_list_init(&addrs);
	mc_buf_init(&text, MC_MAX_ALIASES);
	while (rc == 0) {
		int got = mc_alias_next(r, &text, &line, err);

		if (got == 0)
			break;
		rc = got < 0 ? -1 : member(run, job, mc_buf_str(&text),
		    &addrs, err);
		if (rc != 0 && got > 0)
			add_place(err, file, line);
	}
	mc_buf_clear(&text);
	mc_addr_list_clear(&addrs);
	return rc;
}

static int
included(struct run *run, const struct job *job, struct mc_err *err)
{
	struct mc_buf text;
	int rc;

	mc_buf_init(&text, MC_MAX_ALIASES);
	rc = mc_alias_include(job->include, &text, err);
	if (rc != 0)
		add_place(err, run->a->path, job->entry->line);
	else {
		struct mc_alias_reader r = {
			.rest = mc_buf_str(&text),
			.line = 1,
			.by_line = true,
		};

		rc = members(run, job, job->include, &r, err);
	}
	mc_buf_clear(&text);
	return rc;
}

static int
all_jobs(struct run *run, struct mc_err *err)
{
	for (size_t i = 0; i < run->jobs.n; i++) {
		/* copied: new jobs may move the vector */
		const struct job job = *(struct job *)mc_vec_at(&run->jobs, i);
		struct mc_alias_reader r = {
			.rest = job.entry->value,
			.line = job.entry->line,
		};
		int rc = job.include != NULL ? included(run, &job, err) :
		    members(run, &job, run->a->path, &r, err);

		if (rc != 0)
			return -1;
	}
	return 0;
}

int
mc_aliases_expand(const struct mc_aliases *a, struct mc_str name,
    struct mc_str hostname, mc_alias_fn fn, void *ctx, struct mc_err *err)
{
	struct run run = {
		.a = a,
		.hostname = hostname,
		.fn = fn,
		.ctx = ctx,
	};
	int rc;

	mc_vec_init(&run.jobs, sizeof(struct job), MC_MAX_RCPTS);
	rc = local_name(&run, NULL, name, err);
	if (rc == 0)
		rc = all_jobs(&run, err);
	if (rc == 0 && run.results == 0) {
		const struct job *first = mc_vec_at(&run.jobs, 0);

		rc = mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
		    "%s:%u: \"%.*s\" leads to no address", a->path,
		    first != NULL ? first->entry->line : 0,
		    MC_STR_FMT(name));
	}
	for (size_t i = 0; i < run.jobs.n; i++) {
		struct job *job = mc_vec_at(&run.jobs, i);

		mc_mem_free(job->include);
	}
	mc_vec_clear(&run.jobs);
	mc_mem_free(run.slots);
	return rc;
}
