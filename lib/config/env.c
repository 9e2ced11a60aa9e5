/* SPDX-License-Identifier: MIT */
/*
 * env.c - settings out of environment variables, and MAILCHUTE_URL
 *
 * Secrets are overwritten where they stand, so that neither helper commands
 * nor /proc/PID/environ show them any longer.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"

#define PREFIX "MAILCHUTE_"
#define MAX_VALUE 65536

/* variables that are no keys */
static const char *const others[] = { "CONFIG", "ACCOUNT", "URL" };

static const char *const origin = "environment";

struct reader {
	struct mc_conf_env *env;
	struct mc_problems *problems;
	const char *url;	/* what stands behind MAILCHUTE_URL= */
};

void
mc_conf_env_clear(struct mc_conf_env *env)
{
	mc_layer_clear(&env->layer);
	mc_mem_free(env->config);
	mc_mem_free(env->account);
	*env = (struct mc_conf_env){ .config = NULL };
}

/* "CONNECT_TIMEOUT" is the name of "connect-timeout" */
static bool
is_name_of(struct mc_str var, const char *key)
{
	if (var.len != strlen(key))
		return false;
	for (size_t i = 0; i < var.len; i++) {
		int c = key[i] == '-' ? '_' : mc_is_alpha(key[i]) ?
		    key[i] & ~0x20 : key[i];

		if (var.ptr[i] != (char)c)
			return false;
	}
	return true;
}

static int
find_key(struct mc_str var, enum mc_key_id *ret_key)
{
	for (size_t i = 0; i < MC_K__COUNT; i++) {
		if (!is_name_of(var, mc_key_row((enum mc_key_id)i).name))
			continue;
		*ret_key = (enum mc_key_id)i;
		return 0;
	}
	return -1;
}

static int
unknown(struct reader *r, struct mc_str var, const struct mc_place *at)
{
	enum mc_key_id key = mc_key_nearest(var);
	const char *nearest = mc_key_row(key).name;
	size_t least = mc_key_distance(var, mc_str_from(nearest));
	char name[64];
	size_t n = 0;

	for (size_t i = 0; i < MC_NELEM(others); i++) {
		if (mc_key_distance(var, mc_str_from(others[i])) >= least)
			continue;
		least = mc_key_distance(var, mc_str_from(others[i]));
		nearest = others[i];
	}
	for (; n < sizeof(name) - 1 && nearest[n] != '\0'; n++)
		name[n] = nearest[n] == '-' ? '_' :
		    mc_is_alpha(nearest[n]) ? (char)(nearest[n] & ~0x20) :
		    nearest[n];
	name[n] = '\0';
	return mc_problems_addf(r->problems, at, MC_E_CONF_KEY,
	    "no such variable; the nearest is " PREFIX "%s", name);
}

/*
 * The same variable twice is an oddity of the environment: the first counts,
 * as for getenv.  A variable and its _FILE form contradict each other.
 */
static int
put(struct reader *r, enum mc_key_id key, struct mc_str value,
    const struct mc_place *at)
{
	const struct mc_setting *old = r->env->layer.v[key];
	struct mc_err e = { .code = MC_OK };

	if (old != NULL) {
		struct mc_str name = mc_str_sub(mc_str_from(old->origin),
		    strlen(origin) + 1, SIZE_MAX);

		if (mc_str_eq(name, mc_str_from(at->var)))
			return 0;
		return mc_problems_addf(r->problems, at, MC_E_CONF_VALUE,
		    "%.*s is set too: unset one of them", MC_STR_FMT(name));
	}
	if (mc_layer_put(&r->env->layer, key, value, at, &e) != 0)
		return mc_problems_add(r->problems, at, &e);
	return 0;
}

/*
 * The contents of a file, less one line end.  Returns 1, or 0 with the
 * problem told, or -1 to stop.
 */
static int
read_value(struct reader *r, const char *path, const struct mc_place *at,
    struct mc_buf *out)
{
	struct mc_err e = { .code = MC_OK };

	if (mc_file_slurp(path, out, NULL, NULL, &e) != 0) {
		if (e.code == MC_E_NOMEM)
			return mc_problems_add(r->problems, at, &e);
		return mc_problems_addf(r->problems, at, MC_E_CONF_FILE,
		    "%s", e.text);
	}
	return 1;
}

static struct mc_str
without_line_end(struct mc_str s)
{
	if (s.len != 0 && s.ptr[s.len - 1] == '\n')
		s.len--;
	if (s.len != 0 && s.ptr[s.len - 1] == '\r')
		s.len--;
	return s;
}

static int
from_file(struct reader *r, enum mc_key_id key, const char *path,
    const struct mc_place *at)
{
	struct mc_buf text;

	mc_buf_init_secret(&text, MAX_VALUE);

	int rc = read_value(r, path, at, &text);
	struct mc_str value = without_line_end(mc_buf_str(&text));

	if (rc == 1 && mc_key_row(key).type == MC_TYPE_PATH &&
	    mc_str_chr(value, '\n') != value.len)
		rc = mc_problems_addf(r->problems, at, MC_E_CONF_VALUE,
		    "the file must hold the path for \"%s\", not what belongs"
		    " into that file; leave _FILE away", mc_key_row(key).name);
	else if (rc == 1)
		rc = put(r, key, mc_str_trim(value), at);
	mc_buf_clear(&text);
	return rc;
}

/* -------------------------------------------------------------------- URL */

static int
hex(char c)
{
	if (mc_is_digit((unsigned char)c))
		return c - '0';
	c = (char)mc_to_lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3986 2.1; false if a '%' is not followed by two hex digits */
static bool
percent_decode(struct mc_str in, struct mc_buf *out)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.ptr[i] != '%') {
			mc_buf_addc(out, in.ptr[i]);
			continue;
		}
		if (in.len - i < 3 || hex(in.ptr[i + 1]) < 0 ||
		    hex(in.ptr[i + 2]) < 0)
			return false;
		mc_buf_addc(out, (char)(hex(in.ptr[i + 1]) << 4 |
		    hex(in.ptr[i + 2])));
		i += 2;
	}
	return true;
}

struct url {
	bool tls;		/* from the start */
	struct mc_str user;	/* still encoded; ptr NULL if none */
	struct mc_str password;	/* the same */
	struct mc_str host;	/* with its brackets */
	struct mc_str port;	/* empty if none */
};

/* offset of the last c, or s.len */
static size_t
last(struct mc_str s, char c)
{
	for (size_t i = s.len; i > 0; i--) {
		if (s.ptr[i - 1] == c)
			return i - 1;
	}
	return s.len;
}

/* "smtps://user:password@host:port"; false if it is not that */
static bool
split_url(struct mc_str s, struct url *ret)
{
	struct url u = { .tls = true };

	if (mc_str_starts_nocase(s, MC_STR("smtps://")))
		s = mc_str_sub(s, 8, SIZE_MAX);
	else if (mc_str_starts_nocase(s, MC_STR("smtp://"))) {
		s = mc_str_sub(s, 7, SIZE_MAX);
		u.tls = false;
	} else
		return false;
	if (s.len != 0 && s.ptr[s.len - 1] == '/')
		s.len--;

	size_t at = last(s, '@');

	/* an unencoded '/' in a password would look like a path here */
	if (mc_str_chr(mc_str_sub(s, 0, at), '/') != at)
		return false;
	if (at != s.len) {
		u.user = mc_str_sub(s, 0, at);
		s = mc_str_sub(s, at + 1, SIZE_MAX);

		size_t colon = mc_str_chr(u.user, ':');

		if (colon != u.user.len) {
			u.password = mc_str_sub(u.user, colon + 1, SIZE_MAX);
			u.user = mc_str_sub(u.user, 0, colon);
		}
	}

	size_t colon = last(s, ':');
	size_t bracket = last(s, ']');

	if (colon != s.len && (bracket == s.len || bracket < colon)) {
		u.port = mc_str_sub(s, colon + 1, SIZE_MAX);
		if (u.port.len == 0)
			return false;
		s = mc_str_sub(s, 0, colon);
	}
	u.host = s;
	*ret = u;
	/* a second colon: an IPv6 address without its brackets */
	return s.len != 0 && s.ptr[0] != '/' && s.ptr[0] != '~' &&
	    (s.ptr[0] == '[' || mc_str_chr(s, ':') == s.len);
}

/* single variables are stronger: put only what none of them has set */
static int
put_weak(struct reader *r, enum mc_key_id key, struct mc_str value,
    const struct mc_place *at)
{
	if (r->env->layer.v[key] != NULL || value.len == 0)
		return 0;
	return put(r, key, value, at);
}

static int
put_decoded(struct reader *r, enum mc_key_id key, struct mc_str value,
    const struct mc_place *at)
{
	struct mc_err e = { .code = MC_OK };
	struct mc_buf text;
	int rc;

	mc_buf_init_secret(&text, MAX_VALUE);
	if (!percent_decode(value, &text))
		rc = mc_problems_addf(r->problems, at, MC_E_CONF_VALUE,
		    "a %% must be followed by two hex digits (%%25 is a %%)");
	else if (mc_buf_err(&text, "value", &e) != 0)
		rc = mc_problems_add(r->problems, at, &e);
	else
		rc = put_weak(r, key, mc_buf_str(&text), at);
	mc_buf_clear(&text);
	return rc;
}

static bool
has_credential(const struct mc_layer *layer)
{
	static const enum mc_key_id keys[] = {
		MC_K_password, MC_K_password_file, MC_K_password_command,
		MC_K_token, MC_K_token_file, MC_K_token_command,
	};

	return mc_layer_has(layer, keys, MC_NELEM(keys));
}

static int
put_url(struct reader *r, struct mc_str text, const struct mc_place *at)
{
	struct url u;

	if (!split_url(text, &u))
		return mc_problems_addf(r->problems, at, MC_E_CONF_VALUE,
		    "must be smtps://user@host:465 or smtp://user@host:587;"
		    " write @ : / %% in a user or password as %%40 %%3A %%2F"
		    " %%25, and an IPv6 address in brackets");
	if (u.port.len == 0)
		u.port = u.tls ? MC_STR("465") : MC_STR("587");

	bool own_credential = has_credential(&r->env->layer);
	int rc = put_weak(r, MC_K_host, u.host, at);

	if (rc == 0)
		rc = put_weak(r, MC_K_port, u.port, at);
	if (rc == 0)
		rc = put_weak(r, MC_K_tls, u.tls ? MC_STR("on") :
		    MC_STR("starttls"), at);
	if (rc == 0)
		rc = put_decoded(r, MC_K_user, u.user, at);
	if (rc == 0 && !own_credential)
		rc = put_decoded(r, MC_K_password, u.password, at);
	return rc;
}

/*
 * Take the password out of the variable itself: it stays a URL.  What cannot
 * be split goes altogether.
 */
static void
wipe_url(char *text)
{
	struct mc_str s = mc_str_from(text);
	struct url u;

	if (!split_url(s, &u)) {
		mc_mem_wipe(text, s.len);
		return;
	}
	if (u.password.ptr == NULL)
		return;

	size_t from = (size_t)(u.password.ptr - text) - 1;
	size_t to = from + 1 + u.password.len;

	memmove(text + from, text + to, s.len - to);
	mc_mem_wipe(text + from + (s.len - to), to - from);
}

static int
read_url(struct reader *r)
{
	const struct mc_place at = { .file = origin, .var = PREFIX "URL" };
	struct mc_str text = mc_str_trim(mc_str_from(r->url));

	return text.len == 0 ? 0 : put_url(r, text, &at);
}

/* -------------------------------------------------------------------- all */

/* a variable that is no key */
static int
other(struct reader *r, struct mc_str var, const char *value,
    const struct mc_place *at)
{
	char **to = mc_str_eq(var, MC_STR("CONFIG")) ? &r->env->config :
	    mc_str_eq(var, MC_STR("ACCOUNT")) ? &r->env->account : NULL;

	if (to == NULL) {
		if (r->url == NULL)
			r->url = value;
		return 0;
	}
	if (*to != NULL || *value == '\0')
		return 0;
	*to = mc_mem_strdup(value);
	if (*to == NULL)
		return mc_problems_addf(r->problems, at, MC_E_NOMEM, NULL);
	return 0;
}

/* var: the name behind the prefix */
static int
variable(struct reader *r, struct mc_str var, const char *value,
    const struct mc_place *at)
{
	struct mc_str suffix = MC_STR("_FILE");
	struct mc_str stem = var;
	enum mc_key_id key;

	/* for this program's own tests */
	if (mc_str_eq(mc_str_sub(var, 0, 5), MC_STR("TEST_")))
		return 0;
	for (size_t i = 0; i < MC_NELEM(others); i++) {
		if (mc_str_eq(var, mc_str_from(others[i])))
			return other(r, var, value, at);
	}
	if (find_key(var, &key) == 0)
		return *value == '\0' ? 0 : put(r, key, mc_str_from(value),
		    at);
	if (var.len > suffix.len)
		stem.len -= suffix.len;
	if (stem.len != var.len && mc_str_eq(mc_str_sub(var, stem.len,
	    SIZE_MAX), suffix) && find_key(stem, &key) == 0)
		return *value == '\0' ? 0 : from_file(r, key, value, at);
	return unknown(r, var, at);
}

/* everything secret, read or not */
static void
wipe(char *var)
{
	struct mc_str name = mc_str_make(var, strcspn(var, "="));
	enum mc_key_id key;

	if (var[name.len] == '\0')
		return;

	char *value = var + name.len + 1;

	name = mc_str_sub(name, strlen(PREFIX), SIZE_MAX);
	if (mc_str_eq(name, MC_STR("URL")))
		wipe_url(value);
	else if (find_key(name, &key) == 0 &&
	    (mc_key_row(key).flags & MC_KF_SECRET) != 0)
		mc_mem_wipe(value, strlen(value));
}

static int
read_one(struct reader *r, const char *var)
{
	size_t n = strcspn(var, "=");
	struct mc_place at = { .file = origin };

	if (var[n] == '\0')
		return 0;

	char *name = mc_mem_strndup(var, n);

	if (name == NULL)
		return mc_problems_addf(r->problems, &at, MC_E_NOMEM, NULL);
	at.var = name;

	int rc = variable(r, mc_str_from(name + strlen(PREFIX)),
	    var + n + 1, &at);

	mc_mem_free(name);
	return rc;
}

int
mc_conf_env_read(struct mc_conf_env *env, char **envp,
    struct mc_problems *problems)
{
	struct reader r = { .env = env, .problems = problems };
	int rc = 0;

	if (envp == NULL)
		return 0;
	for (char **p = envp; rc == 0 && *p != NULL; p++) {
		if (strncmp(*p, PREFIX, strlen(PREFIX)) == 0)
			rc = read_one(&r, *p);
	}
	if (rc == 0 && r.url != NULL)
		rc = read_url(&r);
	for (char **p = envp; *p != NULL; p++) {
		if (strncmp(*p, PREFIX, strlen(PREFIX)) == 0)
			wipe(*p);
	}
	return rc;
}
