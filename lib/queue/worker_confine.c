/* SPDX-License-Identifier: MIT */
/*
 * worker_confine.c - what a worker keeps when it gives up the rest
 */
#include "base/base.h"
#include "queue/worker_confine.h"

#include "base/confine.h"
#include "base/env.h"
#include "base/num.h"
#include "base/place.h"
#include "base/secret.h"
#include "config/proxy.h"

#define DNS_PORT 53
/* the system's, the account's, and those that the environment names */
#define MOST_PATHS 48
#define MOST_PORTS 3

/*
 * Whole directories: what a name service or OpenSSL opens there is different
 * on every system, and a rule for one file does not hold for the one that
 * takes its place while the worker lives (resolv.conf).
 */
static const char *const system_paths[] = {
	"/etc", "/usr", "/lib", "/lib64", "/opt", "/nix/store", "/gnu/store",
	"/run", "/var/lib/sss", "/var/lib/samba", "/var/lib/ca-certificates",
	"/var/cache/nscd", "/proc", "/sys/devices/system/cpu", "/dev/null",
	"/dev/random", "/dev/urandom",
};

/* where OpenSSL finds the system's authorities, one a file */
static const char *const trust_paths[] = {
	"/etc/ssl/certs", "/etc/pki/tls/certs",
};

/* as configured */
static const char *const own_paths[] = { SYSCONFDIR, LIBDIR, PKGLIBEXECDIR };

struct plan {
	const struct mc_worker *set;
	struct mc_confine_path paths[MOST_PATHS];
	size_t n_paths;
	uint16_t ports[MOST_PORTS];
	size_t n_ports;
	/* directories, of files and of SSL_CERT_DIR, one behind the other */
	char dirs[PATH_MAX];
	size_t used;
	char own[PATH_MAX];
};

bool
mc_worker_confinable(const struct mc_account *a)
{
	struct mc_str rest, word;

	if (!a->confine)
		return false;
	rest = a->auth == NULL ? MC_STR_NONE : mc_str_from(a->auth);
	while (mc_str_next_token(&rest, " \t,;", &word))
		if (mc_str_eq_nocase(word, MC_STR("GSSAPI")))
			return false;
	return true;
}

static void
add_path(struct plan *p, const char *path, unsigned may)
{
	if (path != NULL && path[0] != '\0' && p->n_paths < MOST_PATHS)
		p->paths[p->n_paths++] = (struct mc_confine_path){ path, may };
}

static bool
is_private(const struct plan *p, struct mc_str dir)
{
	return mc_confine_holds(dir, p->set->dir) ||
	    mc_confine_holds(dir, p->set->caller->home);
}

/* a copy that ends in '\0', or NULL where there are too many */
static const char *
keep(struct plan *p, struct mc_str dir)
{
	char *to = p->dirs + p->used;

	if (dir.len >= sizeof(p->dirs) - p->used)
		return NULL;
	memcpy(to, dir.ptr, dir.len);
	to[dir.len] = '\0';
	p->used += dir.len + 1;
	return to;
}

/*
 * The directory, so that the file may be made anew in the meantime; but not
 * one that has the home directory or the spool in it.
 */
static void
add_file(struct plan *p, const char *file)
{
	const char *end = file == NULL ? NULL : strrchr(file, '/');
	struct mc_str dir;

	add_path(p, file, MC_MAY_READ);
	if (end == NULL || end == file)
		return;
	dir = mc_str_make(file, (size_t)(end - file));
	if (!is_private(p, dir))
		add_path(p, keep(p, dir), MC_MAY_READ);
}

/* of certificates, which often are links to where they are kept */
static void
add_trust(struct plan *p, const char *dir)
{
	add_path(p, dir, MC_MAY_READ | MC_MAY_LINKS);
}

/* several are separated by colons, as OpenSSL has it */
static void
add_trusts(struct plan *p, const char *list)
{
	struct mc_str rest = list == NULL ? MC_STR_NONE : mc_str_from(list);
	struct mc_str dir;

	while (mc_str_next_token(&rest, ":", &dir))
		add_trust(p, keep(p, dir));
}

static void
add_port(struct plan *p, struct mc_str text)
{
	uint64_t n;

	if (mc_num_u64(text, UINT16_MAX, &n) == 0 && n != 0 &&
	    p->n_ports < MOST_PORTS)
		p->ports[p->n_ports++] = (uint16_t)n;
}

static void
add_ports(struct plan *p)
{
	const struct mc_account *a = p->set->account;
	struct mc_proxy proxy;

	p->ports[p->n_ports++] = DNS_PORT;
	if (!a->is_socket)
		add_port(p, mc_str_from(a->port_text));
	if (a->proxy != NULL &&
	    mc_proxy_split(mc_secret_peek(a->proxy), &proxy) == 0)
		add_port(p, proxy.port);
}

/*
 * Where it was built, or installed below another root: libraries and the
 * helper are beside the program.
 */
static void
add_own(struct plan *p, unsigned may)
{
	struct mc_str dir = mc_place_folder(p->own, sizeof(p->own));
	size_t n = dir.len;

	while (n != 0 && dir.ptr[n - 1] != '/')
		n--;
	if (n > 1 && !is_private(p, mc_str_sub(dir, 0, n - 1)))
		dir = mc_str_sub(dir, 0, n - 1);
	if (dir.len == 0 || is_private(p, dir))
		return;
	p->own[dir.len] = '\0';
	add_path(p, p->own, may);
}

/* each directory costs two milliseconds: only those that are looked into */
static void
add_authorities(struct plan *p)
{
	const struct mc_account *a = p->set->account;
	const char *list = mc_env_get(p->set->caller->envp, "SSL_CERT_DIR");

	add_file(p, a->tls_ca_file);
	add_trust(p, a->tls_ca_dir);
	if (a->tls_ca_file != NULL || a->tls_ca_dir != NULL)
		return;
	if (list != NULL)
		add_trusts(p, list);
	else
		for (size_t i = 0; i < MC_NELEM(trust_paths); i++)
			add_trust(p, trust_paths[i]);
}

static void
add_paths(struct plan *p, bool run)
{
	static const char *const variables[] = { "SSL_CERT_FILE",
	    "OPENSSL_CONF", "HOSTALIASES" };
	const struct mc_account *a = p->set->account;
	char *const *envp = p->set->caller->envp;
	const char *tmp = p->set->caller->tmpdir;
	unsigned may = run ? MC_MAY_READ | MC_MAY_RUN : MC_MAY_READ;

	for (size_t i = 0; i < MC_NELEM(system_paths); i++)
		add_path(p, system_paths[i], may);
	for (size_t i = 0; i < MC_NELEM(own_paths); i++)
		if (strncmp(own_paths[i], "/usr/", 5) != 0)
			add_path(p, own_paths[i], may);
	add_own(p, may);
	add_authorities(p);
	add_file(p, a->tls_cert);
	add_file(p, a->tls_key);
	for (size_t i = 0; i < MC_NELEM(variables); i++)
		add_file(p, mc_env_get(envp, variables[i]));
	add_path(p, mc_env_get(envp, "OPENSSL_MODULES"), MC_MAY_READ);
	/* without it, a large message that has to be converted is in memory */
	if (tmp == NULL)
		tmp = "/tmp";
	if (!is_private(p, mc_str_from(tmp)))
		add_path(p, tmp, MC_MAY_TEMP);
}

static void
tell(const struct mc_worker *set, const struct mc_log *log,
    const struct mc_confine_result *got)
{
	char missing[MC_CONFINE_WORDS];

	mc_log_line(log, MC_LOG_DEBUG, MC_STAGE_LOCAL,
	    "this worker is confined: 0x%x, Landlock ABI %d", got->done,
	    got->abi);
	mc_confine_missing(got, missing);
	if (missing[0] == '\0' || set->told)
		return;
	mc_log_line(log, MC_LOG_INFO, MC_STAGE_LOCAL,
	    "workers are not confined in everything, since this system does "
	    "not do it:%s (Landlock ABI %d, error %d)", missing, got->abi,
	    got->sys);
}

void
mc_worker_confine(const struct mc_worker *set, const struct mc_log *log)
{
	const struct mc_account *a = set->account;
	bool run = a->tls_verify == MC_VERIFY_DANE && !a->is_socket;
	struct mc_confine_result got;
	struct plan p;

	p.set = set;
	p.n_paths = p.n_ports = p.used = 0;
	add_paths(&p, run);
	add_ports(&p);
	mc_confine(&(struct mc_confine_rules){ .paths = p.paths,
	    .n_paths = p.n_paths, .ports = p.ports, .n_ports = p.n_ports,
	    .bind = a->source_address != NULL, .run = run }, &got);
	tell(set, log, &got);
}
