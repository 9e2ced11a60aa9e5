/* SPDX-License-Identifier: MIT */
/*
 * distrust.c - a configuration that a stranger may have chosen
 *
 * A web application that hands a visitor's words to sendmail's command line
 * lets the visitor give -C, and uploads are files of the application's user.
 */
#include "base/base.h"
#include "base/limits.h"
#include "config/conf.h"
#include "config/grant.h"
#include "config/source.h"

static int
refuse(const struct mc_setting *s, enum mc_key_id key, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
	    "%s: %s is refused here, since the file was given on the command "
	    "line and is not root's alone: call the program as mailchute, or "
	    "let root own the file and nobody else write it", s->origin,
	    mc_key_row(key).name);
}

/* a program, or a file */
static bool
reaches_out(enum mc_key_id key, const struct mc_setting *s)
{
	if (key == MC_K_log)
		return s->text[0] == '/' || s->text[0] == '~';
	if (key == MC_K_password_keyring || key == MC_K_password_fd)
		return s->num != 0;
	/* tokens of whoever runs this would go to the host of the file, and a
	 * client secret to its provider */
	if (key == MC_K_oauth)
		return s->num != MC_OAUTH_OFF;
	if (key == MC_K_oauth_token_url || key == MC_K_oauth_device_url ||
	    key == MC_K_oauth_auth_url || key == MC_K_oauth_revoke_url)
		return true;
	return key == MC_K_dkim_key || mc_key_row(key).type == MC_TYPE_CMD ||
	    mc_key_row(key).type == MC_TYPE_PATH;
}

static int
check_layer(const struct mc_layer *layer, bool may_host, bool may_proxy,
    struct mc_err *err)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		const struct mc_setting *s = layer->v[i];
		enum mc_key_id key = (enum mc_key_id)i;

		if (s == NULL)
			continue;
		/* the text of a secret is elsewhere */
		if (key == MC_K_proxy && s->secret != NULL && !may_proxy)
			return refuse(s, key, err);
		if (s->text[0] == '\0')
			continue;
		if (reaches_out(key, s) || (key == MC_K_host && !may_host))
			return refuse(s, key, err);
	}
	return 0;
}

static bool
has_credential_files(const struct mc_config *config)
{
	bool has = false;

	for (size_t i = 0; !has && i < config->n_accts; i++) {
		struct mc_buf path;

		mc_buf_init(&path, MC_MAX_CONFIG_LINE);
		has = mc_source_credential(config->credentials,
		    &config->accts[i].a, &path, NULL) != 0;
		mc_buf_clear(&path);
	}
	return has;
}

/* of the environment, which would go to the host of the file; whoever has a
 * directory of credentials may have one there */
static bool
has_credentials(const struct mc_config *config)
{
	const struct mc_layer *env = &config->env.layer;

	static const enum mc_key_id keys[] = {
		MC_K_password, MC_K_password_file, MC_K_password_command,
		MC_K_password_keyring, MC_K_password_fd, MC_K_netrc_file,
		MC_K_token, MC_K_token_file, MC_K_token_command, MC_K_oauth,
	};

	return mc_layer_has(env, keys, MC_NELEM(keys)) ||
	    has_credential_files(config);
}

int
mc_config_distrust(const struct mc_config *config, struct mc_err *err)
{
	const struct mc_layer *env = &config->env.layer;
	bool may_host = !has_credentials(config);
	bool may_proxy = env->v[MC_K_proxy_password_command] == NULL;

	for (size_t i = 0; i < config->n_files; i++) {
		const struct mc_conf_file *cf = &config->files[i];

		if (cf->is_roots)
			continue;
		if (check_layer(&cf->lead, may_host, may_proxy, err) != 0)
			return -1;
		for (size_t k = 0; k < cf->sections.n; k++) {
			const struct mc_section *s =
			    mc_vec_at(&cf->sections, k);

			if (check_layer(&s->layer, may_host, may_proxy,
			    err) != 0)
				return -1;
		}
	}
	return 0;
}
