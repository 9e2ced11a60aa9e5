/* SPDX-License-Identifier: MIT */
/*
 * file.c - read one configuration file: sections, keys, values
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/conf.h"

#include <sys/stat.h>

struct reader {
	struct mc_conf_file *cf;
	struct mc_problems *problems;
	struct mc_place at;
	bool in_section;
	size_t section;		/* index, when in_section and not in_bad */
	bool in_bad;		/* what follows a bad header is only checked */
	struct mc_layer bad;
};

int
mc_conf_file_init(struct mc_conf_file *cf, const char *path,
    struct mc_err *err)
{
	*cf = (struct mc_conf_file){ .path = mc_mem_strdup(path) };
	mc_vec_init(&cf->sections, sizeof(struct mc_section), MC_MAX_ACCOUNTS);
	return cf->path == NULL ? mc_conf_nomem(err) : 0;
}

void
mc_conf_file_clear(struct mc_conf_file *cf)
{
	for (size_t i = 0; i < cf->sections.n; i++) {
		struct mc_section *s = mc_vec_at(&cf->sections, i);

		mc_mem_free(s->name);
		mc_layer_clear(&s->layer);
	}
	mc_vec_clear(&cf->sections);
	mc_layer_clear(&cf->lead);
	mc_mem_free(cf->path);
	cf->path = NULL;
}

static struct mc_section *
find_section(const struct mc_conf_file *cf, struct mc_str name)
{
	for (size_t i = 0; i < cf->sections.n; i++) {
		struct mc_section *s = mc_vec_at(&cf->sections, i);

		if (mc_str_eq(mc_str_from(s->name), name))
			return s;
	}
	return NULL;
}

const struct mc_section *
mc_conf_file_section(const struct mc_conf_file *cf, const char *name)
{
	return find_section(cf, mc_str_from(name));
}

static bool
is_account_name(struct mc_str name)
{
	if (name.len == 0 || name.len > MC_MAX_ACCOUNT_NAME ||
	    !mc_str_is_utf8(name))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c < 0x80 && !mc_is_alnum(c) &&
		    memchr("._-@+", c, 5) == NULL)
			return false;
	}
	return true;
}

static int
open_section(struct reader *r, struct mc_str name)
{
	const struct mc_section *twin = find_section(r->cf, name);
	struct mc_section *s;

	if (twin != NULL)
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "[account %.*s] stands in line %u"
		    " already: put its keys there, or give it another name",
		    MC_STR_FMT(name), twin->line);
	if (r->cf->sections.n >= MC_MAX_ACCOUNTS)
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "more than %d accounts in one file",
		    MC_MAX_ACCOUNTS);
	s = mc_vec_add(&r->cf->sections);
	if (s == NULL)
		return mc_problems_addf(r->problems, &r->at, MC_E_NOMEM, NULL);
	s->line = r->at.line;
	s->name = mc_mem_strndup(name.ptr, name.len);
	if (s->name == NULL) {
		r->cf->sections.n--;
		return mc_problems_addf(r->problems, &r->at, MC_E_NOMEM, NULL);
	}
	r->section = r->cf->sections.n - 1;
	r->in_bad = false;
	return 0;
}

/* line begins with '[' */
static int
section_line(struct reader *r, struct mc_str line)
{
	struct mc_str rest = mc_str_trim(mc_str_sub(line, 1, line.len - 2));
	struct mc_str word;

	r->in_section = true;
	r->in_bad = true;
	mc_layer_clear(&r->bad);
	if (line.len < 2 || line.ptr[line.len - 1] != ']')
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "a section is a line like"
		    " [account work], with nothing behind the bracket");
	if (!mc_str_next_token(&rest, " \t", &word) ||
	    !mc_str_eq(word, MC_STR("account")))
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "no such section: accounts are written"
		    " [account NAME]");
	rest = mc_str_trim(rest);
	if (!is_account_name(rest))
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "the name of an account is up to %d"
		    " letters, digits, or . _ - @ +, without blanks and"
		    " quotes", MC_MAX_ACCOUNT_NAME);
	return open_section(r, rest);
}

static struct mc_layer *
layer_of(struct reader *r)
{
	if (!r->in_section)
		return &r->cf->lead;
	if (r->in_bad)
		return &r->bad;

	struct mc_section *s = mc_vec_at(&r->cf->sections, r->section);

	return &s->layer;
}

static int
unknown_key(struct reader *r, struct mc_str name)
{
	const char *nearest = mc_key_row(mc_key_nearest(name)).name;

	if (!mc_key_presentable(name))
		return mc_problems_addf(r->problems, &r->at, MC_E_CONF_KEY,
		    "unknown key; the nearest is \"%s\"", nearest);
	return mc_problems_addf(r->problems, &r->at, MC_E_CONF_KEY,
	    "unknown key \"%.*s\"; the nearest is \"%s\"", MC_STR_FMT(name),
	    nearest);
}

/* a line that is no section, no comment and has no '=' */
static int
broken_line(struct reader *r, struct mc_str line)
{
	struct mc_str rest = line;
	struct mc_str word = MC_STR_NONE;
	enum mc_key_id key;

	if (mc_str_next_token(&rest, " \t:", &word) &&
	    mc_key_find(word, &key) == 0)
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "no '=': write \"%s = ...\"",
		    mc_key_row(key).name);
	return mc_problems_addf(r->problems, &r->at, MC_E_CONF_SYNTAX,
	    "neither \"key = value\" nor [account NAME] nor a comment");
}

static int
key_line(struct reader *r, struct mc_str line)
{
	size_t eq = mc_str_chr(line, '=');
	struct mc_str name = mc_str_trim(mc_str_sub(line, 0, eq));
	struct mc_str value = mc_str_trim(mc_str_sub(line, eq + 1, SIZE_MAX));
	struct mc_layer *layer = layer_of(r);
	struct mc_err e = { .code = MC_OK };
	enum mc_key_id key;

	if (eq == line.len)
		return broken_line(r, line);

	bool known = mc_key_find(name, &key) == 0;

	/* a proxy without user and password is nobody's secret */
	if (known && value.len != 0 &&
	    (mc_key_row(key).flags & MC_KF_SECRET) != 0 &&
	    (key != MC_K_proxy || mc_str_chr(value, '@') != value.len))
		r->cf->has_secret = true;
	if (known && value.len != 0 && (key == MC_K_password_command ||
	    key == MC_K_token_command || key == MC_K_proxy_password_command))
		r->cf->has_command = true;
	if (!known)
		return unknown_key(r, name);
	if (r->in_section && (mc_key_row(key).flags & MC_KF_GLOBAL) != 0)
		return mc_problems_addf(r->problems, &r->at, MC_E_CONF_KEY,
		    "\"%s\" is for all accounts: it must stand before the"
		    " first section", mc_key_row(key).name);
	if (layer->v[key] != NULL)
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "\"%s\" stands in line %u already",
		    mc_key_row(key).name, layer->v[key]->line);
	if (mc_layer_put(layer, key, value, &r->at, &e) != 0)
		return mc_problems_add(r->problems, &r->at, &e);
	return 0;
}

static int
any_line(struct reader *r, struct mc_str line)
{
	if (line.len != 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (line.len > MC_MAX_CONFIG_LINE)
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "the line is longer than %d bytes",
		    MC_MAX_CONFIG_LINE);
	if (mc_conf_has_ctl(line))
		return mc_problems_addf(r->problems, &r->at,
		    MC_E_CONF_SYNTAX, "the line holds a control byte (a"
		    " password with one belongs in a password-file)");
	line = mc_str_trim(line);
	if (line.len == 0 || line.ptr[0] == '#' || line.ptr[0] == ';')
		return 0;
	if (line.ptr[0] == '[')
		return section_line(r, line);
	return key_line(r, line);
}

int
mc_conf_file_parse(struct mc_conf_file *cf, struct mc_str text,
    struct mc_problems *problems)
{
	struct reader *r = mc_mem_zalloc(1, sizeof(*r));
	int rc = 0;

	if (r == NULL)
		return mc_problems_addf(problems,
		    &(struct mc_place){ .file = cf->path }, MC_E_NOMEM, NULL);
	r->cf = cf;
	r->problems = problems;
	r->at.file = cf->path;
	if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
		text = mc_str_sub(text, 3, SIZE_MAX);
	while (rc == 0 && text.len != 0) {
		size_t n = mc_str_chr(text, '\n');

		r->at.line++;
		rc = any_line(r, mc_str_sub(text, 0, n));
		text = mc_str_sub(text, n + 1, SIZE_MAX);
	}
	mc_layer_clear(&r->bad);
	mc_mem_free(r);
	return rc;
}

/* a secret that others could have read is none */
static int
check_mode(const struct mc_conf_file *cf, mode_t mode, uid_t owner,
    unsigned long uid, struct mc_problems *problems)
{
	struct mc_place at = { .file = cf->path };

	/* whoever may write the file chooses what runs with our rights */
	if (cf->has_command && ((owner != 0 && (unsigned long)owner != uid) ||
	    (mode & 022) != 0))
		return mc_problems_addf(problems, &at, MC_E_CONF_SECRET,
		    "names a command to run, and others may write the file:"
		    " make it yours and run chmod go-w %s", cf->path);
	if (!cf->has_secret)
		return 0;
	if (owner != 0 && (unsigned long)owner != uid)
		return mc_problems_addf(problems, &at, MC_E_CONF_SECRET,
		    "holds a password or token but belongs to user %lu,"
		    " neither to you nor to root: chown it",
		    (unsigned long)owner);
	if ((mode & 077) != 0)
		return mc_problems_addf(problems, &at, MC_E_CONF_SECRET,
		    "holds a password or token, and others may read or write"
		    " the file: run chmod 600 %s", cf->path);
	return 0;
}

int
mc_conf_file_read(struct mc_conf_file *cf, unsigned long uid, int *ret_sys,
    struct mc_problems *problems)
{
	struct mc_place at = { .file = cf->path };
	struct mc_err e = { .code = MC_OK };
	struct mc_buf text;
	mode_t mode;
	uid_t owner;
	int rc;

	*ret_sys = 0;
	mc_buf_init_secret(&text, MC_MAX_CONFIG);
	if (mc_file_slurp(cf->path, &text, &mode, &owner, &e) == 0) {
		cf->is_roots = owner == 0 && (mode & 022) == 0;
		rc = mc_conf_file_parse(cf, mc_buf_str(&text), problems);
		if (rc == 0)
			rc = check_mode(cf, mode, owner, uid, problems);
	} else if (e.code == MC_E_FILE && e.sys != 0) {
		*ret_sys = e.sys;
		rc = 0;
	} else if (e.code == MC_E_NOMEM) {
		rc = mc_problems_add(problems, &at, &e);
	} else {
		rc = mc_problems_addf(problems, &at, MC_E_CONF_FILE,
		    e.code == MC_E_TOO_LONG ? "the file is too large" :
		    "this is no regular file");
	}
	mc_buf_clear(&text);
	return rc;
}
