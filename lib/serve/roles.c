/* SPDX-License-Identifier: MIT */
/*
 * roles.c - what each process of the service keeps when it gives up the rest
 */
#include "base/base.h"
#include "serve/roles.h"

#include "base/confine.h"
#include "base/mem.h"

/* the system's, and room for aliases */
#define MOST_PATHS 64

/*
 * Whole directories, since files are replaced by others while we run (passwd,
 * aliases).  Of /run only what tells of users.
 */
static const char *const system_paths[] = {
	"/etc", "/usr", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store",
	"/run/systemd/userdb", "/run/host/userdb", "/run/nscd",
	"/var/lib/sss", "/var/lib/extrausers", "/var/cache/nscd",
	"/sys/devices/system/cpu", "/dev/null", "/dev/random", "/dev/urandom",
};

struct plan {
	const struct mc_role_settings *set;
	struct mc_confine_path paths[MOST_PATHS];
	size_t n;
	/* directories of files, one behind the other */
	char dirs[4 * PATH_MAX];
	size_t used;
};

bool
mc_role_confinable(const struct mc_config *config)
{
	const struct mc_account *a;
	struct mc_err ignored = { .code = MC_OK };

	if (mc_config_find(config, NULL, &a, &ignored) != 0 &&
	    mc_config_find(config, mc_config_account(config, 0), &a,
	    &ignored) != 0)
		return true;
	return a->confine;
}

static void
add_path(struct plan *p, const char *path, unsigned may)
{
	if (path == NULL || path[0] == '\0' || p->n == MOST_PATHS)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (p->paths[i].may == may && strcmp(p->paths[i].path,
		    path) == 0)
			return;
	p->paths[p->n++] = (struct mc_confine_path){ path, may };
}

/* its directory, so that it may be made anew meanwhile; but not one that has
 * the home directory in it */
static void
add_file(struct plan *p, const char *file)
{
	const char *end = file == NULL ? NULL : strrchr(file, '/');
	struct mc_str dir;
	char *to = p->dirs + p->used;

	add_path(p, file, MC_MAY_READ);
	if (end == NULL || end == file)
		return;
	dir = mc_str_make(file, (size_t)(end - file));
	if (dir.len >= sizeof(p->dirs) - p->used ||
	    mc_confine_holds(dir, p->set->caller->home))
		return;
	memcpy(to, dir.ptr, dir.len);
	to[dir.len] = '\0';
	p->used += dir.len + 1;
	add_path(p, to, MC_MAY_READ);
}

/* aliases for those who take mail, logs for all: one that is there, for what
 * is made anew in its place this process is too old */
static void
add_files(struct plan *p, bool aliases)
{
	const struct mc_config *config = p->set->config;
	struct mc_err ignored = { .code = MC_OK };
	const struct mc_account *a;
	const char *name;

	for (size_t i = 0; (name = mc_config_account(config, i)) != NULL; i++)
		if (mc_config_find(config, name, &a, &ignored) == 0) {
			if (aliases)
				add_file(p, a->aliases);
			if (a->log != NULL && a->log[0] == '/')
				add_path(p, a->log, MC_MAY_TEMP);
		}
}

static void
add_paths(struct plan *p, enum mc_role role)
{
	const char *tmp = p->set->caller->tmpdir;

	if (role == MC_ROLE_TERMINATOR)
		return;
	add_path(p, p->set->spool, MC_MAY_WRITE);
	/* without it, what is large is in memory */
	if (tmp == NULL)
		tmp = "/tmp";
	if (!mc_confine_holds(mc_str_from(tmp), p->set->caller->home))
		add_path(p, tmp, MC_MAY_TEMP);
	for (size_t i = 0; i < MC_NELEM(system_paths); i++)
		add_path(p, system_paths[i], MC_MAY_READ);
	if (role == MC_ROLE_LISTENER)
		add_file(p, p->set->tokens);
	add_files(p, role == MC_ROLE_LISTENER);
}

static void
tell(enum mc_role role, const struct mc_role_settings *set,
    const struct mc_confine_result *got)
{
	static const char *const names[] = { "listener", "runner",
	    "terminator" };
	char missing[MC_CONFINE_WORDS];

	mc_log_line(set->log, MC_LOG_DEBUG, MC_STAGE_LOCAL,
	    "the %s is confined: 0x%x, Landlock ABI %d", names[role],
	    got->done, got->abi);
	mc_confine_missing(got, missing);
	if (missing[0] == '\0' || set->told)
		return;
	mc_log_line(set->log, MC_LOG_INFO, MC_STAGE_LOCAL,
	    "the service is not confined in everything, since this system "
	    "does not do it:%s (Landlock ABI %d, error %d)", missing,
	    got->abi, got->sys);
}

unsigned
mc_role_confine(enum mc_role role, const struct mc_role_settings *set)
{
	struct mc_confine_rules rules = { .without = set->without };
	struct mc_confine_result got;
	struct plan *p;

	if (!mc_role_confinable(set->config))
		return 0;
	p = mc_mem_zalloc(1, sizeof(*p));
	if (p == NULL) {
		mc_log_line(set->log, MC_LOG_WARN, MC_STAGE_LOCAL,
		    "out of memory: a process is not confined");
		return 0;
	}
	p->set = set;
	add_paths(p, role);
	rules.paths = p->paths;
	rules.n_paths = p->n;
	rules.accept = role == MC_ROLE_LISTENER;
	rules.local = true;
	rules.closed = role == MC_ROLE_TERMINATOR;
	mc_confine(&rules, &got);
	mc_mem_free(p);
	tell(role, set, &got);
	return got.done;
}
