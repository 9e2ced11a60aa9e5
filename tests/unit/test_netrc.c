/* SPDX-License-Identifier: MIT */
/*
 * test_netrc.c - entries of a netrc, well made and hostile
 */
#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/netrc.h"

struct found {
	struct mc_buf login;
	struct mc_buf password;
	struct mc_err err;
};

static int
find(struct found *f, struct mc_str text, const char *host, const char *user)
{
	struct mc_netrc_want want = { host, "587", user };

	mc_buf_init_secret(&f->login, MC_MAX_SECRET);
	mc_buf_init_secret(&f->password, MC_MAX_SECRET);
	f->err = (struct mc_err){ .code = MC_OK };
	return mc_netrc_find(text, &want, &f->login, &f->password, &f->err);
}

static void
clear(struct found *f)
{
	mc_buf_clear(&f->login);
	mc_buf_clear(&f->password);
}

static void
test_entries(void **state)
{
	static const struct {
		const char *text;
		const char *user;	/* NULL: any */
		const char *login;	/* NULL: there is none */
		const char *password;
	} t[] = {
		{ "machine h login u password p", NULL, "u", "p" },
		{ "machine h\n\tlogin u\n\tpassword p\n", NULL, "u", "p" },
		{ "machine h\r\nlogin u\r\npassword p\r\n", NULL, "u", "p" },
		{ "machine H login u password p", NULL, "u", "p" },
		{ "machine h password p login u", NULL, "u", "p" },
		{ "machine h user u passwd p", NULL, "u", "p" },
		{ "machine\nh\nlogin\nu\npassword\np", NULL, "u", "p" },
		{ "machine h login u password p", "u", "u", "p" },
		{ "machine h login u password p", "U", NULL, NULL },
		{ "machine h login u password p", "v", NULL, NULL },
		{ "machine hh login u password p", NULL, NULL, NULL },
		{ "machine x login a password b\nmachine h login u password p",
		    NULL, "u", "p" },
		{ "machine h login a password b\nmachine h login u password p",
		    NULL, "a", "b" },
		{ "machine h login a password b\nmachine h login u password p",
		    "u", "u", "p" },
		{ "machine h login u\nmachine h login u password p", "u", "u",
		    "p" },
		{ "machine h login u password \"\"", NULL, NULL, NULL },
		/* without a name it is for everybody, but not for nobody */
		{ "machine h password p", "u", "", "p" },
		{ "machine h password p", NULL, NULL, NULL },
		{ "default login u password p", NULL, "u", "p" },
		{ "default login u password p", "v", NULL, NULL },
		{ "default login d password dp\nmachine h login u password p",
		    NULL, "u", "p" },
		{ "machine h login u password p\ndefault login d password dp",
		    NULL, "u", "p" },
		{ "machine x login u password p\ndefault login d password dp",
		    NULL, "d", "dp" },
		{ "default login a password b default login c password d",
		    NULL, "a", "b" },
		{ "machine h account x login u password p", NULL, "u", "p" },
		{ "machine h account password login u password p", NULL, "u",
		    "p" },
		/* quotation marks, and what is special in them */
		{ "machine h login \"a b\" password \"p \\\" \\\\ q\"", NULL,
		    "a b", "p \" \\ q" },
		{ "machine h login u password \"\\n\\r\\t\\x\"", NULL, "u",
		    "\n\r\tx" },
		{ "machine \"h\" \"login\" u password p", NULL, "u", "p" },
		{ "machine h login u password a\\b\"c", NULL, "u", "a\\b\"c" },
		{ "machine h login u password p,q", NULL, "u", "p,q" },
		{ "machine h login u password \xc3\xa4", NULL, "u", "\xc3\xa4" },
		/* comments */
		{ "# machine h login a password b\nmachine h login u password p",
		    NULL, "u", "p" },
		{ "machine h # login a\n login u # x y\npassword p#q", NULL,
		    "u", "p#q" },
		{ "machine h login u password #p", NULL, "u", "#p" },
		{ "#", NULL, NULL, NULL },
		/* macros look like entries */
		{ "macdef m\nmachine h login a password b\n\n"
		    "machine h login u password p", NULL, "u", "p" },
		{ "machine h login u macdef m\npassword x\r\n\r\npassword p",
		    NULL, "u", "p" },
		{ "macdef m\nmachine h login a password b", NULL, NULL, NULL },
		{ "machine h login u password p macdef m", NULL, "u", "p" },
		/* ports */
		{ "machine h port 587 login u password p", NULL, "u", "p" },
		{ "machine h port submission login u password p", NULL, "u",
		    "p" },
		{ "machine h port smtp login u password p", NULL, "u", "p" },
		{ "machine h port imap login a password b\n"
		    "machine h port 25 login a password b\n"
		    "machine h login u password p", NULL, "u", "p" },
		/* words of others' entries do not matter */
		{ "machine x frob login a\nmachine h login u password p", NULL,
		    "u", "p" },
		{ "frob machine h login u password p", NULL, "u", "p" },
		{ "", NULL, NULL, NULL },
		{ " \n\t\r ", NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct found f;
		int rc = find(&f, mc_str_from(t[i].text), "h", t[i].user);

		if (rc != (t[i].login != NULL))
			fail_msg("%s: %d %s", t[i].text, rc, f.err.text);
		if (rc == 1) {
			assert_str(mc_buf_str(&f.login), t[i].login);
			assert_str(mc_buf_str(&f.password), t[i].password);
		}
		clear(&f);
	}
}

static void
test_broken(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} t[] = {
		{ "machine h login \"u", "line 1" },
		{ "machine h login u\npassword \"hunter2\n\"", "line 2" },
		{ "machine h login u password \"hunter2\\", "line 1" },
		{ "machine h login u password", "line 1" },
		{ "machine", "line 1" },
		{ "machine h login u port", "line 1" },
		/* a blank in a password */
		{ "\nmachine h login u password hunter2 two", "line 2" },
		{ "machine h login u password hunter2 two\nmachine x", "line 1" },
		{ "default login u password hunter2 two", "line 1" },
	};
	struct found f;
	char *big;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		assert_err(find(&f, mc_str_from(t[i].text), "h", NULL), f.err,
		    MC_E_CONF_SYNTAX);
		assert_non_null(strstr(f.err.text, t[i].line));
		assert_null(strstr(f.err.text, "hunter2"));
		assert_null(strstr(f.err.text, "two"));
		assert_int_equal(f.password.len, 0);
		clear(&f);
	}
	assert_err(find(&f, mc_str_make("machine h\0login", 15), "h", NULL),
	    f.err, MC_E_CONF_SYNTAX);
	clear(&f);
	/* a word without an end */
	big = mc_mem_zalloc(MC_MAX_SECRET + 32, 1);
	memset(big, 'x', MC_MAX_SECRET + 20);
	memcpy(big, "machine ", 8);
	assert_err(find(&f, mc_str_from(big), "h", NULL), f.err,
	    MC_E_CONF_SYNTAX);
	clear(&f);
	mc_mem_free(big);
}

/* whatever it holds, it ends, and gives only what is in it */
static void
test_hostile(void **state)
{
	static const char *const words[] = { "machine ", "default ", "login ",
		"password ", "macdef ", "port ", "account ", "h ", "\"", "\\",
		"#", "\n", "\r\n", "\n\n", "u ", "p ", "\xff", "\"a b\" ",
		"587 ", "frob " };
	char text[512];
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t n = 0;
		struct found f;
		int rc;

		while (n < sizeof(text) - 16 && (seed >> 16) % 40 != 0) {
			const char *w;

			seed = seed * 1103515245 + 12345;
			w = words[(seed >> 16) % MC_NELEM(words)];
			memcpy(text + n, w, strlen(w));
			n += strlen(w);
			seed = seed * 1103515245 + 12345;
		}
		seed = seed * 1103515245 + 12345;
		rc = find(&f, mc_str_make(text, n), "h",
		    round % 2 == 0 ? NULL : "u");
		if (rc == 1)
			assert_true(f.password.len != 0);
		if (rc == 1 && round % 2 == 0)
			assert_true(f.login.len != 0);
		if (rc == -1)
			assert_int_equal(f.err.code, MC_E_CONF_SYNTAX);
		clear(&f);
	}
}

/* time and memory grow with the file, not faster */
static void
test_large(void **state)
{
	struct mc_buf text;
	struct found f;

	(void)state;
	mc_buf_init(&text, MC_MAX_CONFIG);
	while (text.len < MC_MAX_CONFIG - 200)
		mc_buf_addf(&text, "machine x%zu login u password p\n",
		    text.len);
	mc_buf_addz(&text, "machine h login me password it\n");
	assert_int_equal(find(&f, mc_buf_str(&text), "h", NULL), 1);
	assert_str(mc_buf_str(&f.password), "it");
	clear(&f);
	mc_buf_clear(&text);
}

static void
test_no_memory(void **state)
{
	static const char text[] = "default login d password e\n"
	    "machine h login v password q\nmachine h login u password p\n";

	(void)state;
	for (unsigned long n = 1; ; n++) {
		struct found f;
		int rc;

		(void)failmalloc(n, false);
		rc = find(&f, MC_STR(text), "h", "u");
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 1);
			assert_str(mc_buf_str(&f.password), "p");
			clear(&f);
			assert_true(n > 3);
			break;
		}
		assert_err(rc, f.err, MC_E_NOMEM);
		clear(&f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
