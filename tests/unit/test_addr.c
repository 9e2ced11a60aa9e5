/* SPDX-License-Identifier: MIT */
/* Address lists: grammar, positions, hostile input; writing addresses. */

#include "unit.h"

#include <pthread.h>

#include "base/buf.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/mailbox.h"

#define OP MC_ADDR_OPERAND
#define NUL MC_ADDR_NULL_OK

/*
 * Expected: addresses with ' | ' between, each as
 * \ (no aliases) # (in a group) {name} (comment) local@domain
 */
struct row {
	const char *in;
	const char *out;
	unsigned flags;
};

static const struct row good[] = {
	{ "", "", 0 },
	{ "  \t ", "", 0 },
	{ "(only a comment)", "", 0 },
	{ ",, ,", "", 0 },
	{ "a@x", "a@x", 0 },
	{ " a@x , b@x ", "a@x | b@x", 0 },
	{ "a@x,, ,b@x,", "a@x | b@x", 0 },
	{ "a@x;b@x; ;c@x", "a@x | b@x | c@x", 0 },
	{ "a+b/c={d}!e%f@X.Org", "a+b/c={d}!e%f@X.Org", 0 },
	{ "bob", "bob", 0 },
	{ "|cmd", "|cmd", 0 },
	{ "/file", "/file", 0 },
	{ "a@x.", "a@x.", 0 },

	/* phrases */
	{ "<a@x>", "a@x", 0 },
	{ "Bob <b@x>", "{Bob}b@x", 0 },
	{ "Bob<b@x>", "{Bob}b@x", 0 },
	{ "Bob Smith <b@x>", "{Bob Smith}b@x", 0 },
	{ "John Q. Public <a@b>", "{John Q. Public}a@b", 0 },
	{ "J.R.R. Tolkien <a@b>", "{J.R.R. Tolkien}a@b", 0 },
	{ "\"Doe, John\" <b@x>", "{Doe, John}b@x", 0 },
	{ "\"a \\\"b\\\" \\\\c\" <b@x>", "{a \"b\" \\c}b@x", 0 },
	{ "\"Doe\" ,John<b@x>", "Doe | {John}b@x", 0 },
	{ "\"<x@y>\" <b@x>", "{<x@y>}b@x", 0 },
	{ "\"a\"  (c) b <b@x>", "{a b}b@x", 0 },
	{ "Bob (the) Smith <b@x>", "{Bob Smith}b@x", 0 },
	{ "=?utf-8?Q?J=C3=BCrgen?= <j@x>", "{=?utf-8?Q?J=C3=BCrgen?=}j@x", 0 },
	{ "J\xc3\xbcrgen <j@x>", "{J\xc3\xbcrgen}j@x", 0 },
	{ "J\xfcrgen <j@x>", "{J\xfcrgen}j@x", 0 },
	{ "\"a\tb\" <b@x>", "{a b}b@x", 0 },
	{ "\"a\r\n\tb\" <b@x>", "{a b}b@x", 0 },
	{ "\"\" <b@x>", "b@x", 0 },
	{ "Bob <bob>", "{Bob}bob", 0 },
	{ "< b@x >", "b@x", 0 },
	{ "<(a)b(c)@(d)x(e)>", "b@x", 0 },

	/* comments */
	{ "root (Cron Daemon)", "(Cron Daemon)root", 0 },
	{ "a@x (Al)", "(Al)a@x", 0 },
	{ "(Al) a@x", "(Al)a@x", 0 },
	{ "(Al) a@x (Bo) (Cy)", "(Bo)a@x", 0 },
	{ "(Al) <a@x>", "(Al)a@x", 0 },
	{ "<a@x> (Al)", "(Al)a@x", 0 },
	{ "Bob <b@x> (Al)", "{Bob}b@x", 0 },
	{ "(Al) Bob <b@x>", "{Bob}b@x", 0 },
	{ "a@x ( n (m (o)) ) , b@x", "(n (m (o)))a@x | b@x", 0 },
	{ "a@x (Al \\) (n, c)), \"Doe, John\" <b@x>, (c) c@x",
	    "(Al ) (n, c))a@x | {Doe, John}b@x | (c)c@x", 0 },
	{ "a(x).(y)b(z)@(p)c(q).(r)d (real)", "(real)a.b@c.d", 0 },
	{ "a@x (\xfc\xc3\xbc)", "(\xfc\xc3\xbc)a@x", 0 },
	{ "a@x (a\n b\\\tc)", "(a b c)a@x", 0 },
	{ "a@x ()", "a@x", 0 },

	/* quoted and obsolete local parts and domains */
	{ "\"a b\"@x, \"x,y\"@x", "\"a b\"@x | \"x,y\"@x", 0 },
	{ "\"joe\"@x", "joe@x", 0 },
	{ "\"j\\oe\"@x", "joe@x", 0 },
	{ "\"a@b\"@x", "\"a@b\"@x", 0 },
	{ "\"a\\\"\\\\b\"@x", "\"a\\\"\\\\b\"@x", 0 },
	{ "\"a..b\"@x", "\"a..b\"@x", 0 },
	{ "a.\"b c\".d@x", "\"a.b c.d\"@x", 0 },
	{ "a.\"b\".c@x", "a.b.c@x", 0 },
	{ "\".\"@x", "\".\"@x", 0 },
	{ "\"a\r\n b\"@x", "\"a b\"@x", 0 },
	{ "a . b @ c . d", "a.b@c.d", 0 },
	{ "a\r\n . b\n\t@ c", "a.b@c", 0 },
	{ "\"Bob Smith\"", "\"Bob Smith\"", 0 },
	{ "a.b", "a.b", 0 },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]", 0 },
	{ "a@[ IPv6:2001:db8::1\r\n ] (c)", "(c)a@[IPv6:2001:db8::1]", 0 },
	{ "<@h,@i:a@x>", "a@x", 0 },
	{ "B <@h.i , , @[192.0.2.1] : a@x>", "{B}a@x", 0 },

	/* UTF-8 */
	{ "j\xc3\xbcrgen@b\xc3\xbc" "cher.de",
	    "j\xc3\xbcrgen@b\xc3\xbc" "cher.de", 0 },
	{ "\"\xc3\xbc b\"@x", "\"\xc3\xbc b\"@x", 0 },

	/* folding */
	{ "a@x,\r\n b@x,\n\tc@x\r\n ", "a@x | b@x | c@x", 0 },
	{ "a@x,\r\n  \r\n b@x", "a@x | b@x", 0 },
	{ "\r\n a@x", "a@x", 0 },

	/* groups */
	{ "undisclosed-recipients:;", "", 0 },
	{ "undisclosed recipients: ;", "", 0 },
	{ "\"quoted: group\":;", "", 0 },
	{ "F: a@x, Bob <b@x>;, c@x", "#a@x | #{Bob}b@x | c@x", 0 },
	{ "F: a@x; c@x", "#a@x | c@x", 0 },
	{ "F:a@x;G: ,b, ;", "#a@x | #b", 0 },
	{ "F: (c) ; (d)", "", 0 },
	{ "a@x, F:;", "a@x", 0 },

	/* the same address in front of its brackets */
	{ "b@x.org <b@X.org>", "b@x.org", 0 },
	{ "b@x.org <b@X.org>, c@x", "b@x.org | c@x", 0 },
	{ "b@x (hm) <b@x> (hm)", "(hm)b@x", 0 },

	/* flags */
	{ "<>", "", NUL },
	{ "< (c) >", "", NUL },
	{ "MAILER-DAEMON <>", "", NUL },
	{ "<>, a@x", "a@x", NUL },
	{ "a@x, Q <>, b@x (c)", "a@x | (c)b@x", NUL },
	{ "a@x b@x", "a@x | b@x", OP },
	{ "a@x <b@x> C <c@x>", "a@x | b@x | {C}c@x", OP },
	{ "<a@x> <a@x>", "a@x", OP },
	{ "<a@x>\tb@x,c", "a@x | b@x | c", OP },
	{ "a@x, b@x", "a@x | b@x", OP },
	{ "Bob Smith <b@x>", "{Bob Smith}b@x", OP },
	{ "\\bob", "\\bob", OP },
	{ "\\bob@x, a", "\\bob@x | a", OP },
	{ "<\\bob>", "\\bob", OP },
	{ "-w@x", "-w@x", OP },
	{ "--", "--", OP },
	{ "N <o@y>", "{N}o@y", OP | NUL },
	{ "", "", OP | NUL },
	{ "daemon", "daemon", OP | NUL },
};

/* `at` is what the text of the error must hold */
static const struct {
	const char *in;
	const char *at;
	unsigned flags;
} bad[] = {
	{ "a b@c", "\"b@c\"", 0 },
	{ "a b@c", "\"b@c\"", OP },
	{ "Bob Smith", "\"Smith\"", 0 },
	{ "alice bob", "\"bob\"", OP },
	{ "<a@b> SIZE=1", "\"SIZE=1\"", 0 },
	{ "<a@b> SIZE=1", "\"SIZE=1\"", OP },
	{ "a@b SIZE=1", "\"SIZE=1\"", OP },
	{ "a@b bob", "\"bob\"", OP },
	{ "a@b <>", "\"<>\"", OP | NUL },
	{ "a@b G: c@d;", "\"G: c@d;\"", OP },
	{ "a@x b@x", "\"b@x\"", 0 },
	{ "a@x <b@x>", "\"b@x", 0 },
	{ "<a@x> <b@x>", "\"b@x", 0 },
	{ "bob <bob> <bob>", "\"<bob>\"", 0 },
	{ "a@b@c", "\"@c\"", 0 },
	{ "a@b@c", "\"@c\"", OP },
	{ "@b", "\"@b\"", 0 },
	{ "a@", "end", 0 },
	{ "a@,b@x", "\",b@x\"", 0 },
	{ "a@b..c", "\".c\"", 0 },
	{ "a@.b", "\".b\"", 0 },
	{ "a@\"b\"", "\"\"b\"", 0 },
	{ "a..b@c", "\".b@c\"", 0 },
	{ ".a@c", "\".a@c\"", 0 },
	{ "a.@c", "\"@c\"", 0 },
	{ "a.", "end", 0 },
	{ "\"a\"b@c", "\"b@c\"", 0 },
	{ "\"\"@c", "\"\"\"@c\"", 0 },
	{ "\"\"", "nothing between", 0 },
	{ "\"a\tb\"@c", "tab", 0 },
	{ "\"abc@d", "\"\"abc@d\"", 0 },
	{ "a@x, \"b\\\"", "\"\"b\\\"", 0 },
	{ "(abc", "\"(abc\"", 0 },
	{ "((a) b@x", "\"((a) b@x\"", 0 },
	{ "a) @b", "\") @b\"", 0 },
	{ "a@x (b\\)", "\"(b\\)\"", 0 },
	{ "<a@b", "\"<a@b\"", 0 },
	{ "<a@b, c@d>", "\", c@d>\"", 0 },
	{ "<<a@b>>", "\"<a@b>>\"", 0 },
	{ "<a@b>>", "\">\"", 0 },
	{ "a@b>", "\">\"", 0 },
	{ ">", "\">\"", 0 },
	{ "<a b@c>", "\"b@c>\"", 0 },
	{ "<", "end", 0 },
	{ "<>", "\"<>\"", 0 },
	{ "Bob <>", "\"<>\"", 0 },
	{ "<> a", "\"a\"", NUL },
	{ "a [b] <c@d>", "\"[b] <c@d>\"", 0 },
	{ "a\\b <c@d>", "\"\\b <c@d>\"", 0 },
	{ "a@[b", "\"[b\"", 0 },
	{ "a@[b[c]]", "\"[c]]\"", 0 },
	{ "a@[b\\]c]", "\"\\]c]\"", 0 },
	{ "[192.0.2.1]", "\"[192.0.2.1]\"", 0 },
	{ "a@[192.0.2.1].x", "\".x\"", 0 },
	{ "<@h a@x>", "\"@h a@x>\"", 0 },
	{ "<@h@i:a@x>", "\"@h@i:a@x>\"", 0 },
	{ "<@h,a@x>", "\"@h,a@x>\"", 0 },
	{ "<@:a@x>", "\":a@x>\"", 0 },
	{ "<@h:>", "\"<@h:>\"", 0 },
	{ "<,>", "\",>\"", 0 },
	{ "F: a@x", "\"F: a@x\"", 0 },
	{ "F: G: a@x;;", "\"G: a@x;;\"", 0 },
	{ ":include:/etc/passwd", "\":include:", OP },
	{ "a@x:25", "\":25\"", 0 },
	{ "Bob: <", "end", 0 },
	{ "\\bob", "\"\\bob\"", 0 },
	{ "\\", "\"\\\"", OP },
	{ "\\\\bob", "\"\\\\bob\"", OP },
	{ "\\\"bob\"", "without a name", OP },
	{ "b\\ob", "\"\\ob\"", OP },
	{ "a@x\nRCPT TO:<e@x>", "line end", OP },
	{ "a@x\n b@x", "line end", OP },
	{ "a@x\r\n b@x", "line end", OP },
	{ "o@y\ne", "line end", OP | NUL },
	{ "a@b\r\nRCPT TO:<x@y>", "line end", 0 },
	{ "a@b\r\n", "line end", 0 },
	{ "a@b\n", "line end", 0 },
	{ "a@b\r c@d", "control", 0 },
	{ "a@b\r", "control", 0 },
	{ "\"a\r\nb\" <c@d>", "line end", 0 },
	{ "(a\nb) <c@d>", "line end", 0 },
	{ "a\x01@b", "control", 0 },
	{ "a@b (\x1b[2J)", "control", 0 },
	{ "\"\x7f\" <a@b>", "control", 0 },
	{ "a\xff@b", "UTF-8", 0 },
	{ "a@b\xc3", "UTF-8", 0 },
	{ "\"a\xc0\x80\"@b", "UTF-8", 0 },
	{ "a\xc2\x9b@b", "control", 0 },
	{ "<\xed\xa0\x80@x>", "UTF-8", 0 },
};

static void
show(const struct mc_addr_list *list, struct mc_buf *out)
{
	for (size_t i = 0; i < list->addrs.n; i++) {
		const struct mc_addr *a = mc_vec_at(&list->addrs, i);

		mc_buf_addz(out, i == 0 ? "" : " | ");
		mc_buf_addz(out, a->no_alias ? "\\" : "");
		mc_buf_addz(out, a->in_group ? "#" : "");
		if (a->name.len != 0) {
			mc_buf_addc(out, '{');
			mc_buf_add_str(out, a->name);
			mc_buf_addc(out, '}');
		}
		if (a->comment.len != 0) {
			mc_buf_addc(out, '(');
			mc_buf_add_str(out, a->comment);
			mc_buf_addc(out, ')');
		}
		mc_buf_add_str(out, a->local);
		if (a->domain.len != 0) {
			mc_buf_addc(out, '@');
			mc_buf_add_str(out, a->domain);
		}
	}
}

/* parse from a block of exactly that size, so that reading past its end is
 * seen by the sanitizer */
static int
parse_exact(struct mc_str text, unsigned flags, struct mc_addr_list *list,
    struct mc_err *err)
{
	char *copy = test_malloc(text.len == 0 ? 1 : text.len);
	int rc;

	if (text.len != 0)
		memcpy(copy, text.ptr, text.len);
	rc = mc_addr_parse(mc_str_make(copy, text.len), flags, list, err);
	test_free(copy);
	return rc;
}

static void
test_good(void **state)
{
	struct mc_addr_list list;
	struct mc_buf out;

	(void)state;
	mc_addr_list_init(&list);
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < MC_NELEM(good); i++) {
		struct mc_err err = { .code = MC_OK };

		mc_buf_reset(&out);
		assert_int_equal(parse_exact(mc_str_from(good[i].in),
		    good[i].flags, &list, &err), 0);
		assert_string_equal(err.text, "");
		show(&list, &out);
		assert_str(mc_buf_str(&out), good[i].out);
	}
	mc_addr_list_clear(&list);
	mc_buf_clear(&out);
}

static void
test_bad(void **state)
{
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc;

		/* what was in the list must go */
		assert_int_equal(mc_addr_parse(MC_STR("old@x, F:;"), 0, &list,
		    NULL), 0);
		rc = parse_exact(mc_str_from(bad[i].in), bad[i].flags, &list,
		    &err);
		assert_err(rc, err, MC_E_ADDR_SYNTAX);
		if (strstr(err.text, bad[i].at) == NULL)
			fail_msg("%s: \"%s\" lacks %s", bad[i].in, err.text,
			    bad[i].at);
		assert_false(mc_str_has_ctl(mc_str_from(err.text)));
		assert_int_equal(list.addrs.n, 0);
		assert_int_equal(list.groups, 0);
		assert_int_equal(list.text.len, 0);
	}
	mc_addr_list_clear(&list);
}

/* every front part and every rear part of every sample: no crash, and on
 * success each address has a local part and a sane place */
static void
test_cut(void **state)
{
	static const unsigned flags[] = { 0, OP, NUL, OP | NUL };
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (size_t i = 0; i < 2 * MC_NELEM(good); i++) {
		struct mc_str in = mc_str_from(good[i / 2].in);

		for (size_t n = 0; n <= in.len; n++) {
			struct mc_str part = i % 2 == 0 ?
			    mc_str_sub(in, 0, n) : mc_str_sub(in, n, in.len);

			if (parse_exact(part, flags[n % 4], &list, NULL) == -1)
				continue;
			for (size_t k = 0; k < list.addrs.n; k++) {
				struct mc_addr *a = mc_vec_at(&list.addrs, k);

				assert_int_not_equal(a->local.len, 0);
				assert_int_not_equal(a->spec_len, 0);
				assert_true(a->spec_off <= part.len);
				assert_true(a->spec_len <=
				    part.len - a->spec_off);
			}
		}
	}
	mc_addr_list_clear(&list);
}

static void
test_nul(void **state)
{
	struct mc_str in[] = {
		MC_STR("\0"), MC_STR("a@x\0"), MC_STR("a\0b@x"),
		MC_STR("\"a\0\" <b@x>"), MC_STR("(\0) b@x"),
		MC_STR("a@x\0, b@x"), MC_STR("F\0: a@x;"),
	};
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (size_t i = 0; i < MC_NELEM(in); i++) {
		struct mc_err err = { .code = MC_OK };

		assert_err(mc_addr_parse(in[i], 0, &list, &err), err,
		    MC_E_ADDR_SYNTAX);
	}
	mc_addr_list_clear(&list);
}

static void
test_spec_place(void **state)
{
	static const struct {
		const char *in;
		const char *specs[3];
	} rows[] = {
		{ "bob", { "bob" } },
		{ "  bob ", { "bob" } },
		{ "root (Cron Daemon)", { "root" } },
		{ "(Al) alice (Bo), bob", { "alice", "bob" } },
		{ "Bob <bob>, \"a b\" <alice@x>", { "bob", "alice@x" } },
		{ "Bob < bob (c) >", { "bob" } },
		{ "<@h:bob>", { "bob" } },
		{ "\"a b\"", { "\"a b\"" } },
		{ "a . b (x) @ c (y) . d (z), e", { "a . b (x) @ c (y) . d",
		    "e" } },
		{ "a (x) . (y) b (z)", { "a (x) . (y) b" } },
		{ "G: a, b@x;, c", { "a", "b@x", "c" } },
		{ "a@x. , b", { "a@x.", "b" } },
		{ "a@[192.0.2.1] (c)", { "a@[192.0.2.1]" } },
		{ "\r\n bob,\r\n alice", { "bob", "alice" } },
		{ "j\xc3\xbcrgen", { "j\xc3\xbcrgen" } },
	};
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str in = mc_str_from(rows[i].in);
		size_t n = 0;

		assert_int_equal(mc_addr_parse(in, 0, &list, NULL), 0);
		for (; n < 3 && rows[i].specs[n] != NULL; n++) {
			struct mc_addr *a = mc_vec_at(&list.addrs, n);

			assert_non_null(a);
			assert_str(mc_str_sub(in, a->spec_off, a->spec_len),
			    rows[i].specs[n]);
		}
		assert_int_equal(list.addrs.n, n);
	}
	assert_int_equal(mc_addr_parse(MC_STR("x, \\bob"), OP, &list, NULL),
	    0);
	assert_int_equal(((struct mc_addr *)list.addrs.items)[1].spec_off, 4);
	mc_addr_list_clear(&list);
}

static void
test_groups(void **state)
{
	static const struct {
		const char *in;
		size_t groups;
	} rows[] = {
		{ "", 0 }, { "a@x", 0 }, { "F:;", 1 }, { "F:;, G: a;H:;", 3 },
		{ "\"a:b\" <c@d>", 0 },
	};
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		assert_int_equal(mc_addr_parse(mc_str_from(rows[i].in), 0,
		    &list, NULL), 0);
		assert_int_equal(list.groups, rows[i].groups);
	}
	mc_addr_list_clear(&list);
}

/* ------------------------------------------------------------- hostile size */

struct bomb {
	const char *head;
	const char *unit;	/* a million times */
	const char *tail;
	bool fine;
};

static const struct bomb bombs[] = {
	{ "", "(", "", false },
	{ "a@x ", "(", "", false },
	{ "", "()", "a@x", true },
	{ "", ")", "", false },
	{ "", ",", "a@x", true },
	{ "", ";", "a@x", true },
	{ "", "<", "", false },
	{ "", ">", "", false },
	{ "", "\"", "", false },
	{ "", "\"", " <a@x>", true },
	{ "", "\"", "\"", false },
	{ "", "\\", "", false },
	{ "\"", "\\", "\"@x", true },
	{ "", "[", "", false },
	{ "a@[", "]", "", false },
	{ "", "@", "", false },
	{ "a", "@", "", false },
	{ "<", "@a,", ":b@x>", true },
	{ "", ".", "", false },
	{ "", ".", " <a@x>", true },
	{ "", "a.", "a@x", true },
	{ "a@", "a.", "a", true },
	{ "", ":", "", false },
	{ "", "G:", "", false },
	{ "", "G:;", "", true },
	{ "", "G: ", "", false },
	{ "", " ", "a@x", true },
	{ "", "\r\n ", "a@x", true },
	{ "", "a ", "", false },
	{ "", "a ", "<a@x>", true },
	{ "", "\"a\" ", "<a@x>", true },
	{ "", "a\n ", "@x", false },
	{ "", "a@x ", "", false },
	{ "", "(a)\"b\"[c]", "", false },
	{ "", "\xc3\xbc", "@x", true },
	{ "(", "a", ")", true },
	{ "\"", "a", "\" <a@x>", true },
};

#define BOMB_UNITS 1000000
#define BOMB_STACK ((size_t)256 * 1024)

/*
 * The time of a parser that is not linear would be a million times a million
 * steps here, some quarter of an hour: alarm() ends the program long before.
 */
static void *
explode(void *arg)
{
	size_t *wrong = arg;
	struct mc_addr_list list;
	struct mc_buf in;

	mc_addr_list_init(&list);
	mc_buf_init(&in, 10 * BOMB_UNITS);
	for (size_t i = 0; i < MC_NELEM(bombs); i++) {
		int rc;

		mc_buf_reset(&in);
		mc_buf_addz(&in, bombs[i].head);
		for (size_t n = 0; n < BOMB_UNITS; n++)
			mc_buf_addz(&in, bombs[i].unit);
		mc_buf_addz(&in, bombs[i].tail);
		rc = mc_addr_parse(mc_buf_str(&in), 0, &list, NULL);
		if ((rc == 0) != bombs[i].fine && *wrong == 0)
			*wrong = i + 1;
	}
	mc_buf_clear(&in);
	mc_addr_list_clear(&list);
	return NULL;
}

static void
test_bombs(void **state)
{
	pthread_attr_t attr;
	pthread_t thread;
	size_t wrong = 0;

	(void)state;
	alarm(300);
	assert_int_equal(pthread_attr_init(&attr), 0);
	assert_int_equal(pthread_attr_setstacksize(&attr, BOMB_STACK), 0);
	assert_int_equal(pthread_create(&thread, &attr, explode, &wrong), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	alarm(0);
	assert_int_equal(wrong, 0);
}

static void
test_count(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_addr_list list;
	struct mc_buf in;

	(void)state;
	mc_addr_list_init(&list);
	mc_buf_init(&in, 10000000);
	for (int i = 0; i < MC_MAX_RCPTS; i++)
		mc_buf_addf(&in, "u%d@x,", i);
	assert_int_equal(mc_addr_parse(mc_buf_str(&in), 0, &list, &err), 0);
	assert_int_equal(list.addrs.n, MC_MAX_RCPTS);
	for (int i = 0; i < MC_MAX_RCPTS; i += 9999) {
		struct mc_addr *a = mc_vec_at(&list.addrs, i);
		char want[20];

		snprintf(want, sizeof(want), "u%d", i);
		assert_str(a->local, want);
		assert_str(a->domain, "x");
	}
	mc_buf_addz(&in, "one.more@x");
	assert_err(mc_addr_parse(mc_buf_str(&in), 0, &list, &err), err,
	    MC_E_TOO_MANY_RCPTS);
	assert_int_equal(list.addrs.n, 0);
	mc_buf_clear(&in);
	mc_addr_list_clear(&list);
}

static void
test_too_long(void **state)
{
	struct mc_err err = { .code = MC_OK };
	size_t len = MC_MAX_ADDR_TEXT + 1;
	char *text = test_malloc(len);
	struct mc_addr_list list;

	(void)state;
	memset(text, ' ', len);
	mc_addr_list_init(&list);
	assert_int_equal(mc_addr_parse(mc_str_make(text, len - 1), 0, &list,
	    &err), 0);
	assert_err(mc_addr_parse(mc_str_make(text, len), 0, &list, &err), err,
	    MC_E_TOO_LONG);
	mc_addr_list_clear(&list);
	test_free(text);
}

static void
test_nomem(void **state)
{
	static const char *in = "F: \"a b\" <a@x>, \"c d\"@x (e), f;,"
	    "1@x,2@x,3@x,4@x,5@x,6@x,7@x,8@x,9@x,<@r.example:10@x>,"
	    "a.long.local.part.that.needs.more.than.one.block@example.org";
	struct mc_addr_list list;

	(void)state;
	mc_addr_list_init(&list);
	for (int forever = 0; forever < 2; forever++) {
		for (unsigned long n = 1; ; n++) {
			struct mc_err err = { .code = MC_OK };
			int rc;

			assert_true(n < 100);
			mc_addr_list_clear(&list);
			failmalloc(n, forever != 0);
			rc = mc_addr_parse(mc_str_from(in), 0, &list, &err);
			failmalloc(0, false);
			if (rc == 0) {
				assert_int_equal(list.addrs.n, 14);
				assert_true(n > 3);
				break;
			}
			assert_err(rc, err, MC_E_NOMEM);
			assert_int_equal(list.addrs.n, 0);
		}
	}
	mc_addr_list_clear(&list);
}

/* ----------------------------------------------------------------- writing */

#define U "\xc3\xbc"

static const struct {
	const char *name;
	const char *out;	/* with a@x as the address */
} formats[] = {
	{ "", "a@x" },
	{ "  \r\n ", "a@x" },
	{ "Bob", "Bob <a@x>" },
	{ "Bob Smith", "Bob Smith <a@x>" },
	{ " Bob\n", "Bob <a@x>" },
	{ "Alice Q. Tester", "\"Alice Q. Tester\" <a@x>" },
	{ "J. \"Q\" (x)", "\"J. \\\"Q\\\" (x)\" <a@x>" },
	{ "a\\b", "\"a\\\\b\" <a@x>" },
	{ "two  blanks", "\"two  blanks\" <a@x>" },
	{ "x\nBcc: e@x", "\"x Bcc: e@x\" <a@x>" },
	{ "x\r\nBcc: e@x", "\"x  Bcc: e@x\" <a@x>" },
	{ "x\x01y\x7fz", "x y z <a@x>" },
	{ "evil <e@x>,", "\"evil <e@x>,\" <a@x>" },
	{ "=?utf-8?Q?J=C3=BCrgen?=", "=?utf-8?Q?J=C3=BCrgen?= <a@x>" },
	{ "J" U "rgen", "=?UTF-8?B?SsO8cmdlbg==?= <a@x>" },
	{ U "\r\nBcc: e@x", "=?UTF-8?B?w7wgIEJjYzogZUB4?= <a@x>" },
	{ "J\xfcrgen", "=?UTF-8?B?Su+/vXJnZW4=?= <a@x>" },
	{ U "\xc2\x9b" "x", "=?UTF-8?B?w7wgeA==?= <a@x>" },
	/* 33 bytes in the first word, never half a character */
	{ U U U U U U U U U U U U U U U U "ab",
	    "=?UTF-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7xh?=\r\n"
	    " =?UTF-8?B?Yg==?= <a@x>" },
	{ "a" U U U U U U U U U U U U U U U U "b",
	    "=?UTF-8?B?YcO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8?=\r\n"
	    " =?UTF-8?B?Yg==?= <a@x>" },
	{ U U U U U U U U U U U U U U U U U,
	    "=?UTF-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7w=?=\r\n"
	    " =?UTF-8?B?w7w=?= <a@x>" },
	/* lines with encoded words are short */
	{ "=?utf-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaa?="
	    " =?utf-8?Q?bbbbbbbbbbbbbbbbbbbbbbbbbbb?=",
	    "=?utf-8?Q?aaaaaaaaaaaaaaaaaaaaaaaaa?=\r\n"
	    " =?utf-8?Q?bbbbbbbbbbbbbbbbbbbbbbbbbbb?= <a@x>" },
};

static void
test_format(void **state)
{
	struct mc_buf out;

	(void)state;
	mc_buf_init(&out, 1000);
	for (size_t i = 0; i < MC_NELEM(formats); i++) {
		mc_buf_reset(&out);
		mc_buf_addc(&out, '>');
		mc_addr_format(mc_str_from(formats[i].name), MC_STR("a@x"),
		    &out);
		assert_string_equal(out.ptr + 1, formats[i].out);
	}
	mc_buf_reset(&out);
	mc_addr_format(MC_STR("n"), MC_STR("a@x\r\nBcc: e@x"), &out);
	assert_string_equal(out.ptr, "n <a@x  Bcc: e@x>");
	mc_buf_reset(&out);
	mc_addr_format(MC_STR("a\0b"), MC_STR("a@x"), &out);
	assert_string_equal(out.ptr, "a b <a@x>");
	mc_buf_clear(&out);
}

/* a small generator of its own, so that every run sees the same names */
static unsigned
next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16 & 0x7fff;
}

/* no line end but folds, no line that is blank or too long */
static void
check_lines(struct mc_str s, size_t most)
{
	size_t from = 0;

	for (size_t i = 0; i <= s.len; i++) {
		if (i < s.len && s.ptr[i] != '\r') {
			assert_true(s.ptr[i] == '\n' ? i != 0 &&
			    s.ptr[i - 1] == '\r' :
			    (unsigned char)s.ptr[i] >= 0x20);
			continue;
		}
		assert_true(i - from <= most);
		assert_int_not_equal(mc_str_trim(mc_str_sub(s, from,
		    i - from)).len, 0);
		from = i + 2;
		if (i < s.len) {
			assert_true(s.len - i > 2);
			assert_int_equal(s.ptr[i + 1], '\n');
			assert_int_equal(s.ptr[i + 2], ' ');
		}
	}
}

/* what a name is after controls became blanks */
static void
normal_name(struct mc_str in, struct mc_buf *out)
{
	struct mc_buf all;

	mc_buf_init(&all, 100000);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char c = (unsigned char)in.ptr[i];

		mc_buf_addc(&all, c < 0x20 || c == 0x7f ? ' ' : in.ptr[i]);
	}
	mc_buf_add_str(out, mc_str_trim(mc_buf_str(&all)));
	mc_buf_clear(&all);
}

static void
check_round_trip(struct mc_str name, struct mc_str addr)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_addr_list list;
	struct mc_buf text;
	struct mc_buf want;
	struct mc_buf made;

	mc_addr_list_init(&list);
	mc_buf_init(&text, 100000);
	mc_buf_init(&want, 100000);
	mc_buf_init(&made, 1000);
	mc_addr_format(name, addr, &text);
	assert_int_equal(mc_buf_err(&text, "", &err), 0);
	check_lines(mc_buf_str(&text), 960);
	assert_int_equal(mc_addr_parse(mc_buf_str(&text), 0, &list, &err), 0);
	assert_int_equal(list.addrs.n, 1);
	struct mc_addr *a = mc_vec_at(&list.addrs, 0);

	assert_int_equal(mc_mailbox_make(a->local, a->domain, &made, &err), 0);
	assert_true(mc_str_eq(mc_buf_str(&made), addr));
	normal_name(name, &want);
	if (mc_str_is_ascii(name))
		assert_true(mc_str_eq(a->name, mc_buf_str(&want)));
	else if (want.len != 0)
		assert_true(mc_str_starts_nocase(a->name, MC_STR("=?UTF-8")));
	mc_buf_clear(&text);
	mc_buf_clear(&want);
	mc_buf_clear(&made);
	mc_addr_list_clear(&list);
}

static void
test_round_trip(void **state)
{
	static const char *addrs[] = {
		"a@x", "\"a b\"@example.org", "\"<,>\\\"\\\\(\"@[192.0.2.1]",
		U "@example.org", "-x@y",
	};
	static const char alphabet[] = "ab .\"\\<>()@,;:[]=?\r\n\t\x01\x7f"
	    "\xc3\xbc\xff";
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char name[40];
		size_t len = next_random(&seed) % sizeof(name);
		/* half of them ASCII, so that the name can be compared */
		size_t most = sizeof(alphabet) - (i % 2 == 0 ? 4 : 0);

		for (size_t k = 0; k < len; k++)
			name[k] = alphabet[next_random(&seed) % most];
		check_round_trip(mc_str_make(name, len),
		    mc_str_from(addrs[i % (int)MC_NELEM(addrs)]));
	}
}

static void
test_long_names(void **state)
{
	static const char *units[] = {
		"word ", "a. b\\", "\"\" ", "=?utf-8?Q?abc?= ", U, U " ",
	};
	struct mc_buf name;
	struct mc_buf addr;

	(void)state;
	mc_buf_init(&name, 100000);
	mc_buf_init(&addr, 1000);
	for (int i = 0; i < 60; i++)
		mc_buf_addc(&addr, 'l');
	mc_buf_addc(&addr, '@');
	for (int i = 0; i < 63; i++)
		mc_buf_addz(&addr, "ab.");
	mc_buf_addz(&addr, "org");
	for (size_t i = 0; i < MC_NELEM(units); i++) {
		mc_buf_reset(&name);
		for (int n = 0; n < 2000; n++) {
			mc_buf_addz(&name, units[i]);
			if (n % 50 == 0 || n % 50 == 49)
				check_round_trip(mc_buf_str(&name),
				    mc_buf_str(&addr));
		}
	}
	mc_buf_clear(&name);
	mc_buf_clear(&addr);
}

/* without any blank to fold at, even ASCII is encoded */
static void
test_no_blank(void **state)
{
	struct mc_buf name;
	struct mc_buf out;

	(void)state;
	mc_buf_init(&name, 100000);
	mc_buf_init(&out, 100000);
	for (int i = 0; i < 300; i++)
		mc_buf_addc(&name, '"');
	check_round_trip(mc_buf_str(&name), MC_STR("a@x"));
	mc_buf_addc(&name, '"');
	mc_addr_format(mc_buf_str(&name), MC_STR("a@x"), &out);
	check_lines(mc_buf_str(&out), 76);
	assert_true(mc_str_starts_nocase(mc_buf_str(&out),
	    MC_STR("=?UTF-8?B?")));
	mc_buf_clear(&name);
	mc_buf_clear(&out);
}

static void
test_format_nomem(void **state)
{
	static const char *names[] = { "Bob", "a.b", U U U U };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(names); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;

		mc_buf_init(&out, 1000);
		failmalloc(1, true);
		mc_addr_format(mc_str_from(names[i]), MC_STR("a@x"), &out);
		failmalloc(0, false);
		assert_err(mc_buf_err(&out, "", &err), err, MC_E_NOMEM);
		mc_buf_clear(&out);
		/* too small: an error, and never a write past the end */
		for (size_t max = 0; max < 8; max++) {
			err = (struct mc_err){ .code = MC_OK };
			mc_buf_init(&out, max);
			mc_addr_format(mc_str_from(names[i]), MC_STR("a@x"),
			    &out);
			assert_err(mc_buf_err(&out, "", &err), err,
			    MC_E_TOO_LONG);
			mc_buf_clear(&out);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_spec_place),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_no_blank),
		cmocka_unit_test(test_format_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
