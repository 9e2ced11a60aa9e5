/* SPDX-License-Identifier: MIT */
/*
 * forget.c - overwrite what accounts log in with
 */
#include "base/base.h"
#include "base/mem.h"
#include "config/conf.h"
#include "config/proxy.h"

/* the form stays, since checks look at it: scheme://xxxx:xxxx@host:port */
static void
forget_proxy(struct mc_secret *proxy)
{
	struct mc_str s = mc_secret_peek(proxy);
	struct mc_proxy p;

	if (mc_proxy_split(s, &p) != 0) {
		mc_secret_forget(proxy);
		return;
	}
	if (!p.has_user)
		return;
	mc_secret_blot(proxy, (size_t)(p.user.ptr - s.ptr), p.user.len);
	if (p.password.len != 0)
		mc_secret_blot(proxy, (size_t)(p.password.ptr - s.ptr),
		    p.password.len);
}

/* people write passwords into commands; whoever forgets them runs none */
static void
forget_command(char *text)
{
	size_t n = text == NULL ? 0 : strlen(text);

	mc_mem_wipe(text, n);
	if (n != 0)
		memset(text, 'x', n);
}

static void
forget_setting(struct mc_setting *s, enum mc_key_id key,
    const struct mc_acct *keep)
{
	enum mc_key_type type = mc_key_row(key).type;

	if (s == NULL || (keep != NULL && keep->won[key] == s))
		return;
	if (type == MC_TYPE_CMD)
		forget_command(s->text);
	if (type != MC_TYPE_SECRET || s->secret == NULL)
		return;
	if (key == MC_K_proxy)
		forget_proxy(s->secret);
	else
		mc_secret_forget(s->secret);
}

static void
forget_layer(struct mc_layer *layer, const struct mc_acct *keep)
{
	for (size_t i = 0; i < MC_K__COUNT; i++)
		forget_setting(layer->v[i], (enum mc_key_id)i, keep);
}

void
mc_config_forget(struct mc_config *config, const char *name)
{
	const struct mc_acct *keep = NULL;

	for (size_t i = 0; name != NULL && i < config->n_accts; i++)
		if (strcmp(config->accts[i].a.name, name) == 0)
			keep = &config->accts[i];
	forget_layer(&config->cli, keep);
	forget_layer(&config->env.layer, keep);
	for (size_t f = 0; f < config->n_files; f++) {
		struct mc_conf_file *cf = &config->files[f];

		forget_layer(&cf->lead, keep);
		for (size_t i = 0; i < cf->sections.n; i++) {
			struct mc_section *s = mc_vec_at(&cf->sections, i);

			forget_layer(&s->layer, keep);
		}
	}
}
