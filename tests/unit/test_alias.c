/* SPDX-License-Identifier: MIT */
/*
 * test_alias.c - the aliases file
 */
#include "conf_side.h"

#include "base/buf.h"
#include "base/limits.h"
#include "config/alias.h"

static const char *const all_files[] = { "aliases", "list", "list2", NULL };

struct world {
	struct side side;
	struct mc_aliases *a;
	struct mc_err err;
	struct mc_buf got;	/* "a@b c d@e" */
	size_t n;
};

static int
load_n(struct world *w, const char *text, size_t n)
{
	*w = (struct world){ .a = NULL };
	side_open(&w->side);
	mc_buf_init(&w->got, 1 << 20);
	return mc_aliases_load(side_write_n(&w->side, "aliases", text, n,
	    0644), &w->a, &w->err);
}

static int
load(struct world *w, const char *text)
{
	return load_n(w, text, strlen(text));
}

static void
unload(struct world *w)
{
	mc_aliases_free(w->a);
	mc_buf_clear(&w->got);
	side_close(&w->side, all_files);
}

static int
take(void *ctx, struct mc_str local, struct mc_str domain, struct mc_err *err)
{
	struct world *w = ctx;

	(void)err;
	w->n++;
	if (w->got.len != 0)
		mc_buf_addc(&w->got, ' ');
	mc_buf_add_str(&w->got, local);
	if (domain.len != 0) {
		mc_buf_addc(&w->got, '@');
		mc_buf_add_str(&w->got, domain);
	}
	return 0;
}

static int
expand(struct world *w, const char *name)
{
	w->err = (struct mc_err){ .code = MC_OK };
	mc_buf_reset(&w->got);
	w->n = 0;
	return mc_aliases_expand(w->a, mc_str_from(name),
	    MC_STR("box.example"), take, w, &w->err);
}

static void
test_expand(void **state)
{
	static const struct {
		const char *text;
		const char *name;
		const char *want;
	} t[] = {
		{ "", "root", "root" },
		{ "root: me@x.example", "root", "me@x.example" },
		{ "root: me@x.example", "ROOT", "me@x.example" },
		{ "Root : me@x.example", "root", "me@x.example" },
		{ "\"Ro ot\": me@x.example", "\"ro ot\"", "me@x.example" },
		{ "\"r:o\\\"t\": me@x.example", "\"r:o\\\"t\"",
		    "me@x.example" },
		{ "root: me@x.example", "other", "other" },
		{ "root: a@x, b@y,\n\tc@z\n\n# note\n  , d@z", "root",
		    "a@x b@y c@z d@z" },
		{ "root: a@x,\r\n\tb@y\r\nbin: root\r\n", "bin", "a@x b@y" },
		{ "root: a@x,\n   # c@z,\n b@y", "root", "a@x b@y" },
		{ "root: a@x\n# end", "root", "a@x" },
		{ "root: a@x\n \t# end", "root", "a@x" },
		{ "root:\n a@x", "root", "a@x" },
		{ "root: \"Me, Myself\" <a@x>, (b, c) d@y", "root",
		    "a@x d@y" },
		{ "root: \"a, b\"@x", "root", "\"a, b\"@x" },
		{ "root: a@x,,b@y,", "root", "a@x b@y" },
		/* over and over, each once */
		{ "a: b, c\nb: d\nc: d\nd: x@x", "a", "x@x" },
		{ "a: b\nb: a, x@x", "a", "x@x" },
		{ "a: A, x@x", "a", "A x@x" },
		{ "a: \\b, x@x\nb: y@y", "a", "b x@x" },
		{ "a: \\a", "a", "a" },
		{ "a: b@localhost, c@BOX.example, d@x\nb: b@b\nc: c@c\n"
		    "d: e@e", "a", "d@x b@b c@c" },
		{ "a: a@localhost", "a", "a" },
		{ "a: a@box.example, x@x", "a", "a x@x" },
		/* default */
		{ "default: me@x\nroot: r@x", "root", "r@x" },
		{ "default: me@x\nroot: r@x", "nobody", "me@x" },
		{ "default: me@x\nroot: pi, po", "root", "me@x" },
		{ "default: root\nroot: pi", "nobody", "pi" },
		{ "default: pi", "nobody", "pi" },
		{ "default: pi", "default", "pi" },
		{ "default: default", "x", "default" },
		{ "DEFAULT: me@x", "nobody", "me@x" },
		/* lines of others */
		{ "bin: |/bin/x\nroot: me@x", "root", "me@x" },
		{ "a: /G=x/S=y/@gw.example", "a", "/G=x/S=y/@gw.example" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct world w;

		if (load(&w, t[i].text) != 0)
			fail_msg("%s: %s", t[i].text, w.err.text);
		if (expand(&w, t[i].name) != 0)
			fail_msg("%s: %s", t[i].text, w.err.text);
		if (strcmp(w.got.ptr, t[i].want) != 0)
			fail_msg("%s: %s gave %s", t[i].text, t[i].name,
			    w.got.ptr);
		unload(&w);
	}
}

static void
test_refused_members(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *says;
	} t[] = {
		{ "a: |/bin/x", 1, "delivers nothing to programs" },
		{ "a: \"|/bin/x -a, b\"", 1, "delivers nothing to programs" },
		{ "a: b@x,\n  \" | x\"", 2, "program" },
		{ "a: /dev/null", 1, "this is a file" },
		{ "a: \"/var/mail/a b\"", 1, "this is a file" },
		{ "a: b@x,\n# c\n /var/mail/x", 3, "this is a file" },
		{ "\n\na: :include:list", 3, "whole path" },
		{ "a: :include:", 1, "whole path" },
		{ "a: :include:/nonexistent/list", 1, "/nonexistent/list" },
		{ "a: b c", 1, "no address" },
		{ "a: b@x c@x", 1, "commas" },
		{ "a: b@x # home", 1, "" },
		{ "a: # none", 1, "lines of their own" },
		{ "a: b@@x", 1, "no address" },
		{ "a: <b@x", 1, "no address" },
		{ "a: \"b", 1, "no address" },
		{ "a: (b", 1, "no address" },
		{ "a: g: b@x;", 1, "no address" },
		{ "a: error:nouser no", 1, "" },
		{ "a:", 1, "leads to no address" },
		{ "a: ,,", 1, "leads to no address" },
		{ "a: b\nb: a", 1, "leads to no address" },
		{ "a: <>", 1, "no address" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct world w;
		char place[32];
		int rc;

		if (load(&w, t[i].text) != 0)
			fail_msg("%s: %s", t[i].text, w.err.text);
		rc = expand(&w, "a");
		if (rc == 0)
			fail_msg("%s gave %s", t[i].text, w.got.ptr);
		assert_err(rc, w.err, MC_E_CONF_ALIASES);
		(void)snprintf(place, sizeof(place), "/aliases:%u: ",
		    t[i].line);
		if (strstr(w.err.text, place) == NULL ||
		    strstr(w.err.text, t[i].says) == NULL)
			fail_msg("%s: %s", t[i].text, w.err.text);
		/* nobody else is hurt */
		assert_int_equal(expand(&w, "other"), 0);
		assert_string_equal(w.got.ptr, "other");
		unload(&w);
	}
}

static void
test_refused_files(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		unsigned line;
	} t[] = {
		{ "a: b@x\nA: c@x", 13, 2 },
		{ "b: b@x\na: b@x\nc: x@x\n\"a\": c@x", 29, 4 },
		{ "root me@x", 9, 1 },
		{ ": me@x", 6, 1 },
		{ "\"\": me@x", 8, 1 },
		{ "\"root: me@x", 11, 1 },
		{ "\"root\" x: me@x", 14, 1 },
		{ "# c\n  a@x", 9, 2 },
		{ "a: b\0@x", 7, 1 },
		{ "\na: b\rb@x", 10, 2 },
		{ "a: b\x1b@x", 7, 1 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct world w;
		char place[32];

		assert_err(load_n(&w, t[i].text, t[i].n), w.err,
		    MC_E_CONF_ALIASES);
		assert_null(w.a);
		(void)snprintf(place, sizeof(place), "/aliases:%u: ",
		    t[i].line);
		if (strstr(w.err.text, place) == NULL)
			fail_msg("%zu: %s", i, w.err.text);
		unload(&w);
	}

	struct mc_aliases *a;
	struct mc_err e = { .code = MC_OK };

	assert_err(mc_aliases_load("/nonexistent/aliases", &a, &e), e,
	    MC_E_FILE);
	e.code = MC_OK;
	assert_err(mc_aliases_load("/dev/null", &a, &e), e, MC_E_FILE);
}

static void
test_include(void **state)
{
	struct world w;
	char text[512];

	(void)state;
	assert_int_equal(load(&w, ""), 0);
	mc_aliases_free(w.a);
	w.a = NULL;
	side_write(&w.side, "list2", "deep@x\n", 0644);
	(void)snprintf(text, sizeof(text), "# members\r\na@x, b@x\r\n\n"
	    "  # more\n\"C, D\" <c@x>\nstaff, e\n:include:%s/list2\n"
	    ":include:%s/list", w.side.dir, w.side.dir);
	side_write(&w.side, "list", text, 0644);
	(void)snprintf(text, sizeof(text), "all: \":include:%s/list\",\n"
	    " :INCLUDE: %s/list, f@x\nstaff: s@x\ne: all\n", w.side.dir,
	    w.side.dir);
	side_write(&w.side, "aliases", text, 0644);
	assert_int_equal(mc_aliases_load(side_path(&w.side, "aliases"), &w.a,
	    &w.err), 0);
	if (expand(&w, "all") != 0)
		fail_msg("%s", w.err.text);
	assert_string_equal(w.got.ptr, "f@x a@x b@x c@x s@x deep@x");

	/* the place inside the included file */
	side_write(&w.side, "list", "a@x\n# c\n|x\n", 0644);
	assert_err(expand(&w, "all"), w.err, MC_E_CONF_ALIASES);
	assert_non_null(strstr(w.err.text, "/list:3: "));
	unload(&w);
}

/* many ways through few names, and one long way */
static void
test_bounds(void **state)
{
	struct mc_buf text;
	struct world w;

	(void)state;
	mc_buf_init(&text, MC_MAX_ALIASES);
	for (int i = 0; i < 15; i++) {
		mc_buf_addf(&text, "a%d: a%d", i, i + 1);
		for (int j = 0; j < 50; j++)
			mc_buf_addf(&text, ", a%d", i + 1);
		mc_buf_addz(&text, "\n");
	}
	mc_buf_addz(&text, "a15: end@x\n");
	assert_int_equal(load_n(&w, text.ptr, text.len), 0);
	assert_int_equal(expand(&w, "a0"), 0);
	assert_string_equal(w.got.ptr, "end@x");
	unload(&w);

	mc_buf_reset(&text);
	for (int i = 0; i < 40; i++)
		mc_buf_addf(&text, "a%d: a%d\n", i, i + 1);
	mc_buf_addz(&text, "a40: end@x\n");
	assert_int_equal(load_n(&w, text.ptr, text.len), 0);
	assert_int_equal(expand(&w, "a30"), 0);
	assert_err(expand(&w, "a0"), w.err, MC_E_CONF_ALIASES);
	assert_non_null(strstr(w.err.text, "deep"));
	unload(&w);

	mc_buf_reset(&text);
	mc_buf_addz(&text, "all: a@x");
	for (int i = 1; i < MC_MAX_RCPTS; i++)
		mc_buf_addz(&text, ",a@x");
	assert_int_equal(load_n(&w, text.ptr, text.len), 0);
	assert_int_equal(expand(&w, "all"), 0);
	assert_int_equal(w.n, MC_MAX_RCPTS);
	unload(&w);
	mc_buf_addz(&text, ",a@x");
	assert_int_equal(load_n(&w, text.ptr, text.len), 0);
	assert_err(expand(&w, "all"), w.err, MC_E_TOO_MANY_RCPTS);
	unload(&w);

	/* each of many names once, in time that grows with their number */
	mc_buf_reset(&text);
	mc_buf_addz(&text, "all: n0");
	for (int i = 1; i < 20000; i++)
		mc_buf_addf(&text, ",n%d", i);
	for (int i = 0; i < 20000; i++)
		mc_buf_addf(&text, "\nn%d: all, n%d, u@x%d", i, i / 2, i);
	assert_int_equal(load_n(&w, text.ptr, text.len), 0);
	assert_int_equal(expand(&w, "all"), 0);
	/* u@x of each, and n0, whose half is itself */
	assert_int_equal(w.n, 20001);
	unload(&w);

	mc_buf_reset(&text);
	while (mc_buf_err(&text, "text", NULL) == 0)
		mc_buf_addz(&text, "# long\n");
	mc_buf_clear(&text);
}

static int
refuse(void *ctx, struct mc_str local, struct mc_str domain,
    struct mc_err *err)
{
	(void)ctx;
	(void)local;
	(void)domain;
	return mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_LOCAL, "no");
}

static void
test_callback_says_no(void **state)
{
	struct world w;
	struct mc_err e = { .code = MC_OK };

	(void)state;
	assert_int_equal(load(&w, "a: b@x"), 0);
	assert_err(mc_aliases_expand(w.a, MC_STR("a"), MC_STR_NONE, refuse,
	    NULL, &e), e, MC_E_ADDR_BARE);
	assert_string_equal(e.text, "no");
	unload(&w);
}

struct told {
	unsigned n;
	unsigned lines[16];
	struct mc_err errs[16];
};

static void
tell(void *ctx, const char *file, unsigned line, const struct mc_err *problem)
{
	struct told *told = ctx;

	assert_non_null(file);
	assert_true(told->n < MC_NELEM(told->lines));
	told->lines[told->n] = line;
	told->errs[told->n++] = *problem;
}

static void
test_check(void **state)
{
	static const char *const good = "a: b@x\nb: c\n";
	static const unsigned lines[] = { 2, 3, 5, 6, 8, 7, 2, 0 };
	struct told told = { .n = 0 };
	struct mc_err e = { .code = MC_OK };
	struct world w;
	char text[1024];
	const char *path;

	(void)state;
	assert_int_equal(load(&w, good), 0);
	path = side_path(&w.side, "aliases");
	assert_int_equal(mc_aliases_check(path, tell, &told, &e), 0);
	assert_int_equal(told.n, 0);
	assert_int_equal(mc_aliases_check(path, NULL, NULL, &e), 0);
	side_write(&w.side, "list", "ok@x\n/dev/null\n", 0644);
	(void)snprintf(text, sizeof(text), "a: b@x\nnonsense\nc: |x, d@x,\n"
	    "  e@x,\n  /dev/null\nf@x: g@x\na: h@x\nl: b c, :include:%s/list,"
	    " :include:%s/list, :include:/nonexistent/l\n", w.side.dir,
	    w.side.dir);
	path = side_write(&w.side, "aliases", text, 0644);
	assert_err(mc_aliases_check(path, tell, &told, &e), e,
	    MC_E_CONF_ALIASES);
	assert_int_equal(told.n, MC_NELEM(lines));
	for (unsigned i = 0; i < told.n; i++) {
		assert_int_equal(told.lines[i], lines[i]);
		assert_int_equal(told.errs[i].code, MC_E_CONF_ALIASES);
	}
	e.code = MC_OK;
	assert_err(mc_aliases_check(path, NULL, NULL, &e), e,
	    MC_E_CONF_ALIASES);
	assert_non_null(strstr(e.text, "aliases:2: "));
	e.code = MC_OK;
	told.n = 0;
	assert_err(mc_aliases_check("/nonexistent/a", tell, &told, &e), e,
	    MC_E_FILE);
	assert_int_equal(told.n, 1);
	unload(&w);
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (unsigned long n = 1; ; n++) {
		struct told told = { .n = 0 };
		struct world w;
		char text[512];
		int rc;

		assert_int_equal(load(&w, ""), 0);
		mc_aliases_free(w.a);
		w.a = NULL;
		side_write(&w.side, "list", "x@x\n\"a b\"\n", 0644);
		(void)snprintf(text, sizeof(text), "a: b, :include:%s/list,"
		    " \"a b\"\nb: \"n, m\" <c@x>\n", w.side.dir);
		side_write(&w.side, "aliases", text, 0644);
		mc_buf_clear(&w.got);
		(void)failmalloc(n, false);
		rc = mc_aliases_load(side_path(&w.side, "aliases"), &w.a,
		    &w.err);
		if (rc == 0)
			rc = mc_aliases_expand(w.a, MC_STR("a"), MC_STR_NONE,
			    take, &w, &w.err);
		/* the test's own buffer */
		if (rc == 0 && w.got.err != 0)
			rc = mc_buf_err(&w.got, "got", &w.err);
		if (rc == 0)
			rc = mc_aliases_check(side_path(&w.side, "aliases"),
			    tell, &told, &w.err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			unload(&w);
			assert_true(n > 20);
			return;
		}
		if (rc == 0 || w.err.code != MC_E_NOMEM)
			fail_msg("allocation %lu: %s", n, w.err.text);
		assert_err(rc, w.err, MC_E_NOMEM);
		unload(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_refused_members),
		cmocka_unit_test(test_refused_files),
		cmocka_unit_test(test_include),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_callback_says_no),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
