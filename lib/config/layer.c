/* SPDX-License-Identifier: MIT */
/*
 * layer.c - settings with their places, and the problems found on the way
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/mem.h"
#include "config/conf.h"

#define MAX_PLACE 65536

static void
add_place(struct mc_buf *b, const struct mc_place *place)
{
	mc_buf_addz(b, place->file);
	if (place->var != NULL)
		mc_buf_addf(b, " %s", place->var);
	if (place->line != 0)
		mc_buf_addf(b, ":%u", place->line);
}

char *
mc_place_text(const struct mc_place *place)
{
	struct mc_buf b;

	mc_buf_init(&b, MAX_PLACE);
	add_place(&b, place);

	char *text = mc_buf_take(&b);

	mc_buf_clear(&b);
	return text;
}

static void
add_context(struct mc_err *err, const struct mc_place *place)
{
	if (err == NULL || err->code == MC_E_NOMEM)
		return;
	if (place->line != 0)
		mc_err_ctx(err, "%s:%u", place->file, place->line);
	else if (place->var != NULL)
		mc_err_ctx(err, "%s %s", place->file, place->var);
	else
		mc_err_ctx(err, "%s", place->file);
}

int
mc_layer_put(struct mc_layer *layer, enum mc_key_id key, struct mc_str value,
    const struct mc_place *place, struct mc_err *err)
{
	struct mc_setting fresh = { .file = place->file, .line = place->line };
	struct mc_setting *s;

	if (mc_value_parse(key, value, &fresh, err) != 0) {
		add_context(err, place);
		return -1;
	}
	fresh.origin = mc_place_text(place);
	s = layer->v[key];
	if (s == NULL && fresh.origin != NULL)
		s = mc_mem_zalloc(1, sizeof(*s));
	if (s == NULL || fresh.origin == NULL) {
		mc_setting_clear(&fresh);
		return mc_conf_nomem(err);
	}
	mc_setting_clear(s);
	*s = fresh;
	layer->v[key] = s;
	return 0;
}

void
mc_setting_clear(struct mc_setting *setting)
{
	/* a command may hold a password */
	if (setting->text != NULL)
		mc_mem_wipe(setting->text, strlen(setting->text));
	mc_mem_free(setting->text);
	mc_mem_free(setting->origin);
	mc_secret_free(setting->secret);
	*setting = (struct mc_setting){ .text = NULL };
}

void
mc_setting_free(struct mc_setting *setting)
{
	if (setting == NULL)
		return;
	mc_setting_clear(setting);
	mc_mem_free(setting);
}

bool
mc_layer_has(const struct mc_layer *layer, const enum mc_key_id *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (layer->v[keys[i]] != NULL)
			return true;
	return false;
}

void
mc_layer_clear(struct mc_layer *layer)
{
	for (size_t i = 0; i < MC_K__COUNT; i++)
		mc_setting_free(layer->v[i]);
	*layer = (struct mc_layer){ .v = { NULL } };
}

int
mc_problems_add(struct mc_problems *p, const struct mc_place *place,
    const struct mc_err *problem)
{
	if (p->first.code == MC_OK)
		p->first = *problem;
	if (problem->code == MC_E_NOMEM || p->fn == NULL)
		return -1;
	p->fn(p->ctx, place->file, place->line, problem);
	return 0;
}

int
mc_problems_addf(struct mc_problems *p, const struct mc_place *place,
    enum mc_code code, const char *fmt, ...)
{
	char text[MC_ERR_TEXT] = "";
	struct mc_err problem = { .code = MC_OK };
	va_list ap;

	va_start(ap, fmt);
	if (fmt != NULL && vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	(void)mc_err_set(&problem, code, MC_STAGE_CONFIG, "%s", text);
	add_context(&problem, place);
	return mc_problems_add(p, place, &problem);
}

int
mc_problems_end(const struct mc_problems *p, struct mc_err *err)
{
	if (p->first.code == MC_OK)
		return 0;
	if (!mc_err_is_set(err) && err != NULL)
		*err = p->first;
	return -1;
}

bool
mc_conf_has_ctl(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
	}
	return false;
}
