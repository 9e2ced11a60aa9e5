/* SPDX-License-Identifier: MIT */
/*
 * fuzz_conf.c - a configuration file, or MAILCHUTE_URL
 *
 * Whatever is stored, written as a file and read again, is the same.
 */
#include "base/base.h"

#include "base/buf.h"
#include "base/mem.h"
#include "config/conf.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) do { if (!(x)) __builtin_trap(); } while (0)

struct told {
	size_t n;
	unsigned lines;		/* in the input */
};

static void
tell(void *ctx, const char *file, unsigned line, const struct mc_err *problem)
{
	struct told *told = ctx;
	struct mc_str text = mc_str_from(problem->text);

	told->n++;
	MUST(file != NULL);
	MUST(line <= told->lines);
	MUST(problem->code != MC_OK && text.len != 0);
	MUST(!mc_str_has_ctl(text) && mc_str_is_utf8(text));
}

static void
write_layer(const struct mc_layer *layer, struct mc_buf *out)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		const struct mc_setting *s = layer->v[i];

		if (s == NULL)
			continue;
		MUST(s->text != NULL && s->origin != NULL);
		mc_buf_addf(out, "%s = ", mc_key_row((enum mc_key_id)i).name);
		if (s->secret != NULL)
			mc_buf_add_str(out, mc_secret_peek(s->secret));
		mc_buf_addf(out, "%s\n", s->text);
	}
}

static void
write_file(const struct mc_conf_file *cf, struct mc_buf *out)
{
	write_layer(&cf->lead, out);
	for (size_t i = 0; i < cf->sections.n; i++) {
		const struct mc_section *s = mc_vec_at(&cf->sections, i);

		mc_buf_addf(out, "[account %s]\n", s->name);
		write_layer(&s->layer, out);
	}
	MUST(mc_buf_err(out, "file", NULL) == 0);
}

static void
same_layer(const struct mc_layer *a, const struct mc_layer *b)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		const struct mc_setting *s = a->v[i];
		const struct mc_setting *t = b->v[i];

		MUST((s == NULL) == (t == NULL));
		if (s == NULL || t == NULL)
			continue;
		MUST(strcmp(s->text, t->text) == 0);
		MUST(s->num == t->num);
		MUST((s->secret == NULL) == (t->secret == NULL));
		if (s->secret != NULL)
			MUST(mc_str_eq(mc_secret_peek(s->secret),
			    mc_secret_peek(t->secret)));
	}
}

static void
round_trip(const struct mc_conf_file *cf)
{
	struct mc_problems problems = { .fn = NULL };
	struct mc_conf_file again;
	struct mc_buf text;

	mc_buf_init(&text, 1 << 22);
	write_file(cf, &text);
	MUST(mc_conf_file_init(&again, "again", NULL) == 0);
	MUST(mc_conf_file_parse(&again, mc_buf_str(&text), &problems) == 0);
	MUST(problems.first.code == MC_OK);
	MUST(again.sections.n == cf->sections.n);
	same_layer(&cf->lead, &again.lead);
	for (size_t i = 0; i < cf->sections.n; i++) {
		const struct mc_section *s = mc_vec_at(&cf->sections, i);
		const struct mc_section *t = mc_vec_at(&again.sections, i);

		MUST(strcmp(s->name, t->name) == 0);
		same_layer(&s->layer, &t->layer);
	}
	mc_conf_file_clear(&again);
	mc_buf_clear(&text);
}

static void
ask(struct mc_config *config)
{
	const char *name;
	const char *rule;
	const struct mc_account *account;
	struct mc_value value;

	for (size_t i = 0; (name = mc_config_account(config, i)) != NULL;
	    i++) {
		MUST(mc_config_find(config, name, &account, NULL) == 0);
		for (size_t k = 0; mc_config_value(config, name, k, &value,
		    NULL) == 0; k++)
			MUST(value.value != NULL && value.origin != NULL);

		struct mc_str from = mc_account_from(account);

		if (from.len != 0)
			MUST(mc_account_owns(account, from));
		if (account->tls_mode == MC_TLS_OFF && account->host != NULL &&
		    account->user != NULL)
			MUST(account->auth != NULL &&
			    strcmp(account->auth, "off") == 0);
		MUST(strcmp(account->port_text, "0") != 0);
	}
	MUST(mc_config_account(config, 0) != NULL);
	if (mc_config_choose(config, MC_STR("me@work.example"),
	    MC_STR("x@y.example"), &account, &rule, NULL) == 0)
		MUST(rule != NULL);
}

static void
resolve(struct mc_conf_file *cf)
{
	struct mc_problems quiet = { .fn = NULL };
	struct mc_config config = {
		.files = { *cf },
		.n_files = 1,
		.home = (char *)"/home/me",
	};

	config.user = &config.files[0];
	if (mc_accounts_make(&config, &quiet) == 0)
		ask(&config);
	else
		MUST(quiet.first.code == MC_E_CONF_VALUE);
	mc_accounts_free(config.accts, config.n_accts);
}

static void
file(struct mc_str text)
{
	struct told told = { .lines = 1 };
	struct mc_problems problems = { .fn = tell, .ctx = &told };
	struct mc_conf_file cf;

	for (size_t i = 0; i < text.len; i++)
		told.lines += text.ptr[i] == '\n';
	MUST(mc_conf_file_init(&cf, "input", NULL) == 0);
	MUST(mc_conf_file_parse(&cf, text, &problems) == 0);
	MUST((told.n == 0) == (problems.first.code == MC_OK));
	round_trip(&cf);
	resolve(&cf);
	mc_conf_file_clear(&cf);
}

static void
url(struct mc_str var)
{
	struct told told = { .lines = 0 };
	struct mc_problems problems = { .fn = tell, .ctx = &told };
	struct mc_conf_env env = { .config = NULL };
	char *copy = mc_mem_strndup(var.ptr, var.len);
	char *envp[] = { copy, NULL };

	MUST(copy != NULL);
	MUST(mc_conf_env_read(&env, envp, &problems) == 0);

	const struct mc_setting *s = env.layer.v[MC_K_password];

	/* what came in as a password is no longer there */
	if (s != NULL && s->secret != NULL && told.n == 0) {
		char *userinfo = copy + strlen("MAILCHUTE_URL=");

		MUST(env.layer.v[MC_K_host] != NULL);
		userinfo = strstr(userinfo, "://");
		MUST(userinfo != NULL);

		char *at = strchr(userinfo + 3, '@');

		MUST(at != NULL);
		MUST(memchr(userinfo + 3, ':',
		    (size_t)(at - userinfo) - 3) == NULL);
	}
	mc_conf_env_clear(&env);
	mc_mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_str in = mc_str_make((const char *)data, size);
	struct mc_str prefix = MC_STR("MAILCHUTE_URL=");

	/* normal forms may be longer than what was read */
	if (size > 16384)
		return 0;
	if (mc_str_eq(mc_str_sub(in, 0, prefix.len), prefix))
		url(in);
	else
		file(in);
	return 0;
}
