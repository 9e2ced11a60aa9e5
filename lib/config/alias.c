/* SPDX-License-Identifier: MIT */
/*
 * alias.c - read the aliases file, and check it
 */
#include "base/base.h"
#include "config/alias_int.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

struct loader {
	struct mc_aliases *a;
	struct mc_problems *problems;
	struct mc_place at;
	bool open;		/* continuation lines belong to the last entry */
	bool skip;		/* ... or to a line that was no entry */
};

/* ----------------------------------------------------------------- members */

void
mc_alias_unquote(struct mc_str local, struct mc_buf *out)
{
	size_t end = local.len;

	if (end < 2 || local.ptr[0] != '"' || local.ptr[end - 1] != '"') {
		mc_buf_add_str(out, local);
		return;
	}
	for (size_t i = 1; i < end - 1; i++) {
		if (local.ptr[i] == '\\' && i + 1 < end - 1)
			i++;
		mc_buf_addc(out, local.ptr[i]);
	}
}

/* is the line that begins here a comment? */
static bool
is_comment(struct mc_str s)
{
	size_t i = 0;

	while (i < s.len && mc_is_blank((unsigned char)s.ptr[i]))
		i++;
	return i < s.len && s.ptr[i] == '#';
}

/* what a comma in the middle of a member may hide in */
struct nest {
	bool quoted;
	size_t comment;		/* depth of parentheses */
	bool angle;
};

static bool
is_open(const struct nest *n)
{
	return n->quoted || n->comment != 0 || n->angle;
}

static void
nest_step(struct nest *n, char c)
{
	if (n->quoted)
		n->quoted = c != '"';
	else if (c == '(')
		n->comment++;
	else if (n->comment != 0)
		n->comment -= c == ')' ? 1 : 0;
	else if (c == '"')
		n->quoted = true;
	else if (c == '<' || c == '>')
		n->angle = c == '<';
}

/*
 * Cut one member, perhaps an empty one, off the front.  Comment lines vanish
 * and line ends become blanks, so that a folded member is one line.
 */
static void
cut(struct mc_alias_reader *r, struct mc_buf *out)
{
	struct nest nest = { .quoted = false };
	struct mc_str s = r->rest;
	size_t i = 0;

	for (; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n')
			continue;
		if (c == '\n') {
			r->line++;
			while (is_comment(mc_str_sub(s, i + 1, SIZE_MAX))) {
				size_t n = mc_str_chr(mc_str_sub(s, i + 1,
				    SIZE_MAX), '\n');

				if (i + 1 + n == s.len) {
					i = s.len - 1;
					break;
				}
				i += n + 1;
				r->line++;
			}
			if (r->by_line)
				break;
			c = ' ';
		}
		if (c == ',' && !is_open(&nest))
			break;
		if (c == '\\' && (nest.quoted || nest.comment != 0) &&
		    i + 1 < s.len && s.ptr[i + 1] != '\n') {
			mc_buf_addc(out, c);
			c = s.ptr[++i];
		} else
			nest_step(&nest, c);
		mc_buf_addc(out, c);
	}
	r->rest = mc_str_sub(s, i + 1, SIZE_MAX);
}

int
mc_alias_next(struct mc_alias_reader *r, struct mc_buf *out,
    unsigned *ret_line, struct mc_err *err)
{
	while (r->rest.len != 0) {
		struct mc_str s = r->rest;

		/* where the member itself begins, not the comma before it */
		if (mc_is_blank((unsigned char)s.ptr[0]) ||
		    s.ptr[0] == '\r' || s.ptr[0] == ',') {
			r->rest = mc_str_sub(s, 1, SIZE_MAX);
			continue;
		}
		if (s.ptr[0] == '#' && r->by_line) {
			size_t n = mc_str_chr(s, '\n');

			r->rest = mc_str_sub(s, n, SIZE_MAX);
			continue;
		}
		if (s.ptr[0] == '\n') {
			r->line++;
			r->rest = mc_str_sub(s, 1, SIZE_MAX);
			if (is_comment(r->rest)) {
				size_t n = mc_str_chr(r->rest, '\n');

				r->rest = mc_str_sub(r->rest, n, SIZE_MAX);
			}
			continue;
		}
		*ret_line = r->line;
		mc_buf_reset(out);
		cut(r, out);
		if (mc_buf_err(out, "member", err) != 0)
			return -1;
		return 1;
	}
	return 0;
}

static const char *const no_comma = "members are separated by commas, and"
    " comments stand on lines of their own";

static int
bad_member(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG, "%s", what);
}

int
mc_alias_member(struct mc_str text, struct mc_addr_list *list,
    struct mc_str *ret_path, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_str include = MC_STR(":include:");
	struct mc_str bare;

	text = mc_str_trim(text);
	bare = text;
	if (bare.len != 0 && bare.ptr[0] == '"') {
		bare = mc_str_sub(bare, 1, SIZE_MAX);
		if (bare.len != 0 && bare.ptr[bare.len - 1] == '"')
			bare.len--;
	}
	bare = mc_str_trim(bare);
	*ret_path = MC_STR_NONE;
	if (mc_str_starts_nocase(bare, include)) {
		bare = mc_str_trim(mc_str_sub(bare, include.len, SIZE_MAX));
		if (bare.len == 0 || bare.ptr[0] != '/')
			return bad_member(err,
			    ":include: needs the whole path of a file");
		*ret_path = bare;
		return 0;
	}
	if (bare.len != 0 && bare.ptr[0] == '|')
		return bad_member(err, "mailchute delivers nothing to programs"
		    " or files, and this is a program");
	if (bare.len != 0 && bare.ptr[0] == '#')
		return bad_member(err, no_comma);
	/* as an operand: only there a backslash may lead */
	if (mc_addr_parse(text, MC_ADDR_OPERAND, list, &why) != 0 ||
	    list->groups != 0) {
		if (why.code == MC_E_NOMEM)
			return mc_conf_nomem(err);
		return mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
		    "no address: %s", why.code != MC_OK ? why.text :
		    "a group");
	}
	for (size_t i = 0; i < list->addrs.n; i++) {
		const struct mc_addr *addr = mc_vec_at(&list->addrs, i);
		size_t skip = addr->local.ptr[0] == '"' ? 1 : 0;

		/* with a domain it may be one of X.400's long names */
		if (addr->domain.len == 0 && addr->local.len > skip &&
		    addr->local.ptr[skip] == '/')
			return bad_member(err, "mailchute delivers nothing to"
			    " programs or files, and this is a file");
		if (i > 0)
			return bad_member(err, no_comma);
	}
	return 0;
}

/* ------------------------------------------------------------------ loading */

/*
 * The name in front of the colon, folded and unquoted where it stands.
 * Returns the offset behind the colon, 0 if there is no name.
 */
static size_t
cut_name(char *line, size_t len, struct mc_str *ret_name)
{
	bool quoted = line[0] == '"';
	size_t to = 0;
	size_t i = quoted ? 1 : 0;

	for (; i < len && line[i] != (quoted ? '"' : ':'); i++) {
		if (quoted && line[i] == '\\' && i + 1 < len)
			i++;
		line[to++] = (char)mc_to_lower((unsigned char)line[i]);
	}
	if (quoted) {
		i++;
		while (i < len && mc_is_blank((unsigned char)line[i]))
			i++;
	} else {
		while (to > 0 && mc_is_blank((unsigned char)line[to - 1]))
			to--;
	}
	if (i >= len || line[i] != ':' || to == 0)
		return 0;
	*ret_name = mc_str_make(line, to);
	return i + 1;
}

static int
entry_line(struct loader *ld, char *line, size_t len)
{
	struct mc_alias_entry *entry;
	struct mc_str name = MC_STR_NONE;
	size_t colon = cut_name(line, len, &name);

	ld->open = false;
	ld->skip = true;
	if (colon == 0)
		return mc_problems_addf(ld->problems, &ld->at,
		    MC_E_CONF_ALIASES, "no entry: write \"name: address,"
		    " address\"");
	entry = mc_vec_add(&ld->a->entries);
	if (entry == NULL)
		return mc_problems_addf(ld->problems, &ld->at, MC_E_NOMEM,
		    NULL);
	entry->name = name;
	entry->value = mc_str_make(line + colon, len - colon);
	entry->line = ld->at.line;
	ld->open = true;
	return 0;
}

static int
one_line(struct loader *ld, char *line, size_t len)
{
	struct mc_str s = mc_str_make(line, len);

	if (len != 0 && line[len - 1] == '\r')
		s.len = --len;
	if (mc_conf_has_ctl(s))
		return mc_problems_addf(ld->problems, &ld->at,
		    MC_E_CONF_ALIASES, "the line holds a control byte");
	if (mc_str_trim(s).len == 0 || is_comment(s))
		return 0;
	if (!mc_is_blank((unsigned char)line[0]))
		return entry_line(ld, line, len);
	if (ld->open) {
		struct mc_alias_entry *entry = mc_vec_at(&ld->a->entries,
		    ld->a->entries.n - 1);

		entry->value.len = (size_t)(line + len - entry->value.ptr);
		return 0;
	}
	if (ld->skip)
		return 0;
	return mc_problems_addf(ld->problems, &ld->at, MC_E_CONF_ALIASES,
	    "a line that begins with a blank continues the entry before, and"
	    " there is none");
}

int
mc_aliases_lines(struct mc_aliases *a, struct mc_problems *problems)
{
	struct loader ld = {
		.a = a,
		.problems = problems,
		.at = { .file = a->path },
	};
	int rc = 0;

	for (size_t off = 0; rc == 0 && off < a->text.len; ) {
		size_t n = mc_str_chr(mc_str_sub(mc_buf_str(&a->text), off,
		    SIZE_MAX), '\n');

		ld.at.line++;
		rc = one_line(&ld, a->text.ptr + off, n);
		off += n + 1;
	}
	return rc;
}

static int
by_name(const void *left, const void *right)
{
	const struct mc_alias_entry *a = left;
	const struct mc_alias_entry *b = right;
	size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
	int order = memcmp(a->name.ptr, b->name.ptr, n);

	if (order == 0 && a->name.len != b->name.len)
		order = a->name.len < b->name.len ? -1 : 1;
	if (order == 0)
		order = a->line < b->line ? -1 : a->line > b->line;
	return order;
}

int
mc_aliases_sort(struct mc_aliases *a, struct mc_problems *problems)
{
	int rc = 0;

	if (a->entries.n != 0)
		qsort(a->entries.items, a->entries.n, a->entries.size, by_name);
	for (size_t i = 1; rc == 0 && i < a->entries.n; i++) {
		const struct mc_alias_entry *one = mc_vec_at(&a->entries,
		    i - 1);
		const struct mc_alias_entry *two = mc_vec_at(&a->entries, i);
		struct mc_place at = { .file = a->path, .line = two->line };

		if (mc_str_eq(one->name, two->name))
			rc = mc_problems_addf(problems, &at,
			    MC_E_CONF_ALIASES, "\"%.*s\" stands in line %u"
			    " already", MC_STR_FMT(two->name), one->line);
	}
	return rc;
}

int
mc_aliases_open(const char *path, struct mc_aliases **ret, struct mc_err *err)
{
	struct mc_aliases *a = mc_mem_zalloc(1, sizeof(*a));
	struct mc_err why = { .code = MC_OK };

	if (a == NULL) {
		(void)mc_conf_nomem(err);
		return -1;
	}
	mc_buf_init(&a->text, MC_MAX_ALIASES);
	mc_vec_init(&a->entries, sizeof(struct mc_alias_entry),
	    MC_MAX_ALIASES);
	a->path = mc_mem_strdup(path);
	if (a->path == NULL)
		(void)mc_conf_nomem(err);
	else if (mc_file_slurp(path, &a->text, NULL, NULL, &why) == 0) {
		*ret = a;
		return 0;
	} else if (why.code == MC_E_TOO_LONG)
		(void)mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
		    "%s is larger than %d bytes", path, MC_MAX_ALIASES);
	else if (err != NULL && !mc_err_is_set(err)) {
		*err = why;
		err->stage = MC_STAGE_CONFIG;
	}
	mc_aliases_free(a);
	return -1;
}

int
mc_aliases_load(const char *path, struct mc_aliases **ret_aliases,
    struct mc_err *err)
{
	struct mc_problems problems = { .fn = NULL };
	struct mc_aliases *a;

	if (mc_aliases_open(path, &a, err) != 0)
		return -1;
	if (mc_aliases_lines(a, &problems) != 0 ||
	    mc_aliases_sort(a, &problems) != 0) {
		mc_aliases_free(a);
		return mc_problems_end(&problems, err);
	}
	*ret_aliases = a;
	return 0;
}

void
mc_aliases_free(struct mc_aliases *a)
{
	if (a == NULL)
		return;
	mc_vec_clear(&a->entries);
	mc_buf_clear(&a->text);
	mc_mem_free(a->path);
	mc_mem_free(a);
}

const struct mc_alias_entry *
mc_aliases_find(const struct mc_aliases *a, struct mc_str name)
{
	size_t from = 0;
	size_t to = a->entries.n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;
		const struct mc_alias_entry *e = mc_vec_at(&a->entries,
		    middle);
		size_t i = 0;
		int order = 0;

		for (; order == 0 && i < name.len && i < e->name.len; i++)
			order = mc_to_lower((unsigned char)name.ptr[i]) -
			    (unsigned char)e->name.ptr[i];
		if (order == 0 && name.len == e->name.len)
			return e;
		if (order < 0 || (order == 0 && name.len < e->name.len))
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

int
mc_alias_include(const char *path, struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_file_slurp(path, out, NULL, NULL, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_conf_nomem(err);
	return mc_err_set(err, MC_E_CONF_ALIASES, MC_STAGE_CONFIG,
	    ":include: %s", why.text);
}
