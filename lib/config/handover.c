/* SPDX-License-Identifier: MIT */
/*
 * handover.c - without a configuration, mail goes to the local service
 */
#include "base/base.h"
#include "config/handover.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ------------------------------------------------------------------ looking */

/* no socket has a longer path */
#define MOST_PATH sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* the directory that `path` is in; -1 with errno */
static int
stat_folder(const char *path, struct stat *ret_st)
{
	const char *slash = strrchr(path, '/');
	char folder[MOST_PATH];
	size_t len;

	if (path[0] != '/' || strlen(path) >= sizeof(folder)) {
		errno = path[0] != '/' ? EINVAL : ENAMETOOLONG;
		return -1;
	}
	len = slash == path ? 1 : (size_t)(slash - path);
	memcpy(folder, path, len);
	folder[len] = '\0';
	return stat(folder, ret_st);
}

int
mc_handover_look(const char *path, struct mc_err *err)
{
	struct stat st = { .st_uid = 0 }, dir;
	bool there;

	if (stat_folder(path, &dir) != 0 || (lstat(path, &st) != 0 &&
	    errno != ENOENT)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return MC_LOOK_NONE;
		return mc_err_sys(err, MC_E_CONNECT, MC_STAGE_CONNECT, errno,
		    "the local service's socket %s is not used", path);
	}
	there = st.st_mode != 0;
	if (there && !S_ISSOCK(st.st_mode))
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "the local service is not used: %s is no socket", path);
	if ((dir.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "the local service is not used: others than its owner can "
		    "write the directory of %s", path);
	if (there && dir.st_uid != 0 && dir.st_uid != st.st_uid)
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "the local service is not used: the directory of %s is "
		    "neither root's nor that of the socket's owner", path);
	/* made for the service, which has gone for a while */
	return there ? MC_LOOK_THERE : MC_LOOK_AWAY;
}

/* ------------------------------------------------------------------ deciding */

/* the path, with the home directory for "~/"; empty: there is to be none */
static int
socket_path(const struct mc_config *config, struct mc_buf *out,
    struct mc_err *err)
{
	const struct mc_setting *s = config->env.layer.v[MC_K_socket];

	for (size_t i = 0; s == NULL && i < config->n_files; i++)
		s = config->files[i].lead.v[MC_K_socket];
	if (s == NULL)
		s = config->defaults.v[MC_K_socket];
	if (strncmp(s->text, "~/", 2) == 0 && config->home != NULL) {
		mc_buf_addz(out, config->home);
		mc_buf_addz(out, s->text + 1);
	} else if (s->text[0] == '/') {
		mc_buf_addz(out, s->text);
	}
	return mc_buf_err(out, "path of the socket", err);
}

/*
 * An account like any other whose host is a socket.  What the environment says
 * of a log-in and of TLS is for some server; who is blind to whom is the
 * service's affair, which sees the header too: one transaction for everybody.
 * Nobody but the service gets that, and it hands on each blind recipient alone.
 */
static int
fill_layer(struct mc_layer *layer, const char *path, struct mc_err *err)
{
	static const struct {
		enum mc_key_id key;
		const char *value;
	} rows[] = {
		{ MC_K_tls, "off" }, { MC_K_auth, "off" }, { MC_K_user, "" },
		{ MC_K_protocol, "smtp" }, { MC_K_proxy, "" },
		{ MC_K_transport, "native" }, { MC_K_fan_out, "off" },
		{ MC_K_tls_key, "" }, { MC_K_dkim_domain, "" },
	};
	struct mc_place at = { .file = "the local service" };

	for (size_t i = 0; i < MC_NELEM(rows); i++)
		if (mc_layer_put(layer, rows[i].key,
		    mc_str_from(rows[i].value), &at, err) != 0)
			return -1;
	return mc_layer_put(layer, MC_K_host, mc_str_from(path), &at, err);
}

static int
set_note(struct mc_config *config, const char *a, const char *b,
    const char *c, struct mc_err *err)
{
	struct mc_buf text;

	mc_buf_init(&text, 3 * MC_MAX_CONFIG_LINE);
	mc_buf_addf(&text, "%s%s%s", a, b, c);
	config->service_note = mc_buf_take(&text);
	mc_buf_clear(&text);
	return config->service_note == NULL ? mc_conf_nomem(err) : 0;
}

/* where nothing says what server there is */
static int
find_without(struct mc_config *config, const char *path, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	int there = mc_handover_look(path, &why);

	if (there < 0)
		return set_note(config, "; ", why.text, "", err);
	if (there == MC_LOOK_NONE && set_note(config, "; or start the local service, see "
	    "mailchute-serve(8): there is no ", path, "", err) != 0)
		return -1;
	if (fill_layer(&config->service, path, err) != 0)
		return -1;
	config->service_state = there != MC_LOOK_NONE ? MC_HANDOVER_USED :
	    MC_HANDOVER_GONE;
	return 0;
}

/* whoever has a configuration has to say so himself */
static int
find_beside(struct mc_config *config, const char *path, struct mc_err *err)
{
	if (mc_handover_look(path, NULL) != MC_LOOK_THERE)
		return 0;
	return set_note(config, "; \"host = ", path, "\" is for the local "
	    "service", err);
}

int
mc_handover_find(struct mc_config *config, struct mc_err *err)
{
	bool without = config->n_files == 0 &&
	    config->env.layer.v[MC_K_host] == NULL;
	struct mc_buf path;
	int rc;

	mc_buf_init(&path, 2 * MC_MAX_CONFIG_LINE);
	rc = socket_path(config, &path, err);
	if (rc == 0 && path.len != 0)
		rc = without ? find_without(config, path.ptr, err) :
		    find_beside(config, path.ptr, err);
	mc_buf_clear(&path);
	return rc;
}

/* ------------------------------------------------------------------- public */

int
mc_config_find_queued(const struct mc_config *config, const char *name,
    const struct mc_account **ret_account, struct mc_err *err)
{
	const struct mc_acct *waiting = config->waiting;

	if (waiting != NULL && (name == NULL ||
	    strcmp(name, waiting->a.name) == 0)) {
		*ret_account = &waiting->a;
		return 0;
	}
	return mc_config_find(config, name, ret_account, err);
}

int
mc_account_no_host(const struct mc_account *account, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
	    "account %s has no host: put \"host = NAME\" into the "
	    "configuration, see mailchute.conf(5)%s", account->name,
	    account->no_host != NULL ? account->no_host : "");
}
