/* SPDX-License-Identifier: MIT */
/*
 * test_sender.c - the envelope's sender, and the From that goes with it
 */
#include "conf_side.h"

#include "base/limits.h"
#include "config/conf.h"
#include "submission.h"

/* --------------------------------------------------------------- templates */

static void
test_templates(void **state)
{
	static const struct mc_sender_names names = {
		.login = { "joe", 3 }, .host = { "box.example", 11 },
		.mail = { "mail.example", 12 }, .domain = { "d.example", 9 },
	};
	static const struct {
		const char *text;
		const char *normal;	/* NULL: refused */
		const char *made;
	} rows[] = {
		{ "<>", "<>", "" },
		{ "b@x.example", "b@x.example", "b@x.example" },
		{ "< b@x.example >", "b@x.example", "b@x.example" },
		{ "%U@%H", "%U@%H", "joe@box.example" },
		{ "<%U@%M>", "%U@%M", "joe@mail.example" },
		{ "b+%U=%H@%D", "b+%U=%H@%D", "b+joe=box.example@d.example" },
		{ "%U@%U.%D", "%U@%U.%D", "joe@joe.d.example" },
		{ "a%%b@%D", "a%%b@%D", "a%b@d.example" },
		{ "%%U@%D", "%%U@%D", "%U@d.example" },
		{ "\"a @b\"@%D", "\"a @b\"@%D", "\"a @b\"@d.example" },
		{ "b@[192.0.2.1]", "b@[192.0.2.1]", "b@[192.0.2.1]" },
		{ "b@m\xc3\xbcller.example", "b@m\xc3\xbcller.example",
		    "b@xn--mller-kva.example" },
		{ "%u@%D", NULL, NULL },
		{ "%F@%D", NULL, NULL },
		{ "b%@%D", NULL, NULL },
		{ "b@%D%", NULL, NULL },
		{ "b@%", NULL, NULL },
		{ "%", NULL, NULL },
		{ "%U", NULL, NULL },
		{ "bounces", NULL, NULL },
		{ "@%D", NULL, NULL },
		{ "b@", NULL, NULL },
		{ "<b@%D", NULL, NULL },
		{ "b@%D>", NULL, NULL },
		{ "Bo <b@%D>", NULL, NULL },
		{ "b@x.example, c@x.example", NULL, NULL },
		{ "b @%D", NULL, NULL },
		{ "b@%D # bounces", NULL, NULL },
		{ "b@a..b", NULL, NULL },
		{ "b\x01@x.example", NULL, NULL },
		{ "< >", NULL, NULL },
		{ "<<>>", "<>", "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_str text = mc_str_from(rows[i].text);
		struct mc_setting s = { .text = NULL };
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc = mc_value_parse(MC_K_envelope_from, text, &s, &err);

		if (rows[i].normal == NULL) {
			if (rc == 0)
				fail_msg("row %zu gave %s", i, s.text);
			assert_err(rc, err, MC_E_CONF_VALUE);
			assert_int_equal(strncmp(err.text, "envelope-from: ",
			    15), 0);
			continue;
		}
		if (rc != 0)
			fail_msg("row %zu: %s", i, err.text);
		assert_string_equal(s.text, rows[i].normal);
		mc_buf_init(&out, 1000);
		assert_int_equal(mc_envelope_from_make(mc_str_from(s.text),
		    &names, &out, &err), 0);
		assert_str(mc_buf_str(&out), rows[i].made);
		mc_buf_clear(&out);
		mc_setting_clear(&s);
	}
}

/* names that are missing, or that no address may hold */
static void
test_names(void **state)
{
	static const struct {
		struct mc_sender_names names;
		const char *text;
		enum mc_code code;
	} rows[] = {
		{ { { NULL, 0 }, { "h.x", 3 }, { "m.x", 3 }, { "d.x", 3 } },
		    "%U@%H", MC_E_NO_USER },
		{ { { "joe", 3 }, { NULL, 0 }, { "m.x", 3 }, { "d.x", 3 } },
		    "%U@%H", MC_E_CONF_VALUE },
		{ { { "joe", 3 }, { "h.x", 3 }, { NULL, 0 }, { "d.x", 3 } },
		    "%U@%M", MC_E_CONF_VALUE },
		{ { { "joe", 3 }, { "h.x", 3 }, { "m.x", 3 }, { NULL, 0 } },
		    "%U@%D", MC_E_CONF_VALUE },
		{ { { "joe", 3 }, { NULL, 0 }, { NULL, 0 }, { NULL, 0 } },
		    "%U@x.y", MC_OK },
		{ { { "a b", 3 }, { "h.x", 3 }, { NULL, 0 }, { NULL, 0 } },
		    "%U@%H", MC_E_ADDR_SYNTAX },
		{ { { "a@b", 3 }, { "h.x", 3 }, { NULL, 0 }, { NULL, 0 } },
		    "%U@%H", MC_E_ADDR_SYNTAX },
		{ { { "a>\r\nRCPT TO:<e@x>", 18 }, { "h.x", 3 }, { NULL, 0 },
		    { NULL, 0 } }, "%U@%H", MC_E_ADDR_SYNTAX },
		{ { { "joe", 3 }, { "h_x", 3 }, { NULL, 0 }, { NULL, 0 } },
		    "%U@%H", MC_E_ADDR_SYNTAX },
		{ { { "joe", 3 }, { "h>\r\nx", 5 }, { NULL, 0 },
		    { NULL, 0 } }, "%U@%H", MC_E_ADDR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		mc_buf_init(&out, 1000);
		rc = mc_envelope_from_make(mc_str_from(rows[i].text),
		    &rows[i].names, &out, &err);
		if (rows[i].code == MC_OK) {
			assert_int_equal(rc, 0);
		} else {
			assert_err(rc, err, rows[i].code);
			assert_int_equal(out.len, 0);
		}
		mc_buf_clear(&out);
	}
}

/* ------------------------------------------------------------- submissions */

struct world {
	struct side side;
	char *envp[2];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_submission *sub;
	struct mc_err err;
};

static void
open_world(struct world *w, const char *conf)
{
	char text[1024];

	memset(w, 0, sizeof(*w));
	side_open(&w->side);
	(void)snprintf(text, sizeof(text), "log = off\n[account t]\n%s", conf);
	side_write(&w->side, "conf", text, 0600);
	side_write(&w->side, "aliases", "root: admin@x.test\n", 0600);
	w->caller = (struct mc_caller){ .login = "joe", .full_name = "Joe Doe",
	    .home = w->side.dir, .hostname = "box.test",
	    .mailname = "mail.test", .envp = w->envp, .uid = getuid() };
	if (mc_config_load(&w->caller, side_path(&w->side, "conf"), NULL, NULL,
	    &w->config, &w->err) != 0)
		fail_msg("%s", w->err.text);
	assert_int_equal(mc_submission_new(&w->caller, w->config, &w->sub,
	    &w->err), 0);
}

static void
close_world(struct world *w)
{
	static const char *const names[] = { "conf", "aliases", NULL };

	mc_submission_free(w->sub);
	mc_config_free(w->config);
	side_close(&w->side, names);
}

static int
prepare(struct world *w, const char *sender, const char *rcpt,
    const char *message)
{
	if ((sender != NULL &&
	    mc_submission_set_sender(w->sub, sender, &w->err) != 0) ||
	    mc_submission_add_rcpt(w->sub, rcpt, &w->err) != 0 ||
	    mc_submission_write(w->sub, message, strlen(message), 0,
	    &w->err) != 0)
		return -1;
	return mc_submission_prepare(w->sub, &w->err);
}

#define ME "from = me@w.test, *@own.test\n"
#define TO "To: a@x.test\n\n"

static void
test_envelope(void **state)
{
	static const struct {
		const char *conf;
		const char *sender;	/* NULL: not set */
		const char *login;	/* NULL: nobody */
		const char *sends;	/* NULL: fails with `code` */
		enum mc_code code;
		const char *from;	/* the From of a message without one */
	} rows[] = {
		/* by default */
		{ ME, NULL, "joe", "me@w.test", 0, "Joe Doe <me@w.test>" },
		{ "", NULL, "joe", "joe@mail.test", 0,
		    "Joe Doe <joe@mail.test>" },
		{ "domain = d.test\n", NULL, "joe", "joe@d.test", 0,
		    "Joe Doe <joe@d.test>" },
		{ "", NULL, NULL, NULL, MC_E_NO_USER, NULL },
		{ ME, NULL, NULL, "me@w.test", 0, "Joe Doe <me@w.test>" },
		/* given */
		{ ME, "o@y.test", "joe", "o@y.test", 0,
		    "Joe Doe <o@y.test>" },
		{ ME, "N <o@y.test>", "joe", "o@y.test", 0,
		    "Joe Doe <o@y.test>" },
		{ ME, "daemon", "joe", "daemon@w.test", 0,
		    "Joe Doe <daemon@w.test>" },
		{ "", "o@y.test", NULL, "o@y.test", 0, "Joe Doe <o@y.test>" },
		/* the null sender, and still a From */
		{ ME, "<>", "joe", "", 0, "Joe Doe <me@w.test>" },
		{ "", "", "joe", "", 0, "Joe Doe <joe@mail.test>" },
		{ "", "<>", NULL, "", 0, "Joe Doe <MAILER-DAEMON@mail.test>" },
		{ "domain = d.test\n", "<>", "a\xff@b", "", 0,
		    "Joe Doe <MAILER-DAEMON@d.test>" },
		/* envelope-from, when none is given */
		{ ME "envelope-from = b+%U@%D\n", NULL, "joe", "b+joe@w.test",
		    0, "Joe Doe <me@w.test>" },
		{ "envelope-from = %U@%H\n", NULL, "joe", "joe@box.test", 0,
		    "Joe Doe <joe@mail.test>" },
		{ "envelope-from = %U@%M\n", NULL, "joe", "joe@mail.test", 0,
		    "Joe Doe <joe@mail.test>" },
		{ "envelope-from = <>\n", NULL, "joe", "", 0,
		    "Joe Doe <joe@mail.test>" },
		{ "envelope-from = b@w.test\n", NULL, NULL, "b@w.test", 0,
		    "Joe Doe <b@w.test>" },
		{ "envelope-from = %U@w.test\n", NULL, NULL, NULL,
		    MC_E_NO_USER, NULL },
		{ "envelope-from = b@w.test\n", "o@y.test", "joe", "o@y.test",
		    0, "Joe Doe <o@y.test>" },
		{ "envelope-from = b@w.test\n", "<>", "joe", "", 0,
		    "Joe Doe <joe@mail.test>" },
		/* or whatever is given */
		{ ME "envelope-from = b@w.test\nenvelope-from-fixed = yes\n",
		    "o@y.test", "joe", "b@w.test", 0, "Joe Doe <me@w.test>" },
		{ ME "envelope-from-fixed = yes\n", "o@y.test", "joe",
		    "me@w.test", 0, "Joe Doe <me@w.test>" },
		{ ME "envelope-from-fixed = yes\n", "<>", "joe", "", 0,
		    "Joe Doe <me@w.test>" },
		{ "envelope-from = <>\nenvelope-from-fixed = yes\n",
		    "o@y.test", "joe", "", 0, "Joe Doe <joe@mail.test>" },
		/* from-policy */
		{ ME "from-policy = address\n", "root", "joe", "me@w.test",
		    0, "Joe Doe <me@w.test>" },
		{ ME "from-policy = force\n", "o@y.test", "joe", "me@w.test",
		    0, "Joe Doe <me@w.test>" },
		{ ME "from-policy = force\n", "q@own.test", "joe",
		    "q@own.test", 0, "Joe Doe <q@own.test>" },
		{ ME "from-policy = force\n", "<>", "joe", "", 0,
		    "Joe Doe <me@w.test>" },
		{ ME "from-policy = force\nenvelope-from = b@z.test\n",
		    "o@y.test", "joe", "b@z.test", 0, "Joe Doe <me@w.test>" },
		{ ME "from-policy = force\nenvelope-from = b@z.test\n",
		    "q@own.test", "joe", "q@own.test", 0,
		    "Joe Doe <q@own.test>" },
		/* patterns alone: the user's address, if it fits one */
		{ "from = *@mail.test\nfrom-policy = force\n", "o@y.test",
		    "joe", "joe@mail.test", 0, "Joe Doe <joe@mail.test>" },
		{ "from = *@own.test\nfrom-policy = force\n", "o@y.test",
		    "joe", "o@y.test", 0, "Joe Doe <o@y.test>" },
		{ "from = *@mail.test\nfrom-policy = force\n", "o@y.test",
		    NULL, "o@y.test", 0, "Joe Doe <o@y.test>" },
		{ "from-policy = force\n", "o@y.test", "joe", "o@y.test", 0,
		    "Joe Doe <o@y.test>" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char want[200];
		struct world w;
		int rc;

		open_world(&w, rows[i].conf);
		w.caller.login = rows[i].login;
		rc = prepare(&w, rows[i].sender, "a@x.test", TO);
		if (rows[i].sends == NULL) {
			assert_err(rc, w.err, rows[i].code);
			close_world(&w);
			continue;
		}
		if (rc != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		if (strcmp(w.sub->env.sender, rows[i].sends) != 0)
			fail_msg("row %zu: %s", i, w.sub->env.sender);
		(void)snprintf(want, sizeof(want), "From: %s\r\n",
		    rows[i].from);
		if (strncmp(w.sub->header.ptr, want, strlen(want)) != 0)
			fail_msg("row %zu: %s", i, w.sub->header.ptr);
		close_world(&w);
	}
}

static void
test_header(void **state)
{
	static const struct {
		const char *conf;
		const char *message;
		const char *has[3];
		const char *lacks;
	} rows[] = {
		/* who the From belongs to is looked at with its domain */
		{ "from = me@w.test, *@d.test\ndomain = d.test\n"
		    "from-policy = address\n", "From: root (Cron)\n" TO,
		    { "From: root@d.test (Cron)\r\n" }, "Reply-To" },
		{ ME "from-policy = address\n", "From: root (Cron)\n" TO,
		    { "From: Cron <me@w.test>\r\n",
		    "Reply-To: root@mail.test (Cron)\r\n" }, NULL },
		{ ME "from-policy = force\n", "From: A <a@own.test>, b@y.test\n"
		    TO, { "From: Joe Doe <me@w.test>\r\n",
		    "Reply-To: A <a@own.test>, b@y.test\r\n" }, "Sender" },
		{ ME "from-policy = force\n", "From: A <a@own.test>\n"
		    "Sender: s@y.test\n" TO, { "From: A <a@own.test>\r\n",
		    "\nSender: Joe Doe <me@w.test>\r\n",
		    "X-Original-Sender: s@y.test\r\n" }, "Reply-To" },
		{ ME "from-policy = force\n", "From: a@b\xc3\xbc.test\n" TO,
		    { "From: Joe Doe <me@w.test>\r\n" }, NULL },
		{ "from = me@w.test, *@b\xc3\xbc.test\nfrom-policy = force\n",
		    "From: a@b\xc3\xbc.test\n" TO,
		    { "From: a@b\xc3\xbc.test\r\n" }, "me@w" },
		/* the account's name */
		{ ME "from-name = Ops, 24/7\n", TO,
		    { "From: \"Ops, 24/7\" <me@w.test>\r\n" }, NULL },
		{ ME "from-name = J\xc3\xb6rg\nfrom-policy = force\n",
		    "From: X <o@y.test>\n" TO,
		    { "From: =?UTF-8?B?SsO2cmc=?= <me@w.test>\r\n" }, NULL },
		{ ME "from-name = Ops\nfrom-policy = address\n",
		    "From: X <o@y.test>\n" TO,
		    { "From: X <me@w.test>\r\n" }, "Ops" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, rows[i].conf);
		if (prepare(&w, NULL, "a@x.test", rows[i].message) != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		for (size_t k = 0; k < 3 && rows[i].has[k] != NULL; k++)
			if (strstr(w.sub->header.ptr, rows[i].has[k]) == NULL)
				fail_msg("row %zu: no %s in %s", i,
				    rows[i].has[k], w.sub->header.ptr);
		if (rows[i].lacks != NULL && strstr(w.sub->header.ptr,
		    rows[i].lacks) != NULL)
			fail_msg("row %zu: %s", i, w.sub->header.ptr);
		close_world(&w);
	}
}

/* -F, from-name, NAME, user database: the first that is there */
static void
test_name_order(void **state)
{
	static const struct {
		const char *option;	/* NULL: none */
		const char *conf;
		const char *env;	/* NULL: none */
		const char *gecos;
		const char *from;
	} rows[] = {
		{ "O", "from-name = C\n", "NAME=E", "G", "O <me@w.test>" },
		{ "", "from-name = C\n", "NAME=E", "G", "me@w.test" },
		{ NULL, "from-name = C\n", "NAME=E", "G", "C <me@w.test>" },
		{ NULL, "", "NAME=E", "G", "E <me@w.test>" },
		{ NULL, "", "NAME=", "G", "G <me@w.test>" },
		{ NULL, "from-name =\n", NULL, "G", "G <me@w.test>" },
		{ NULL, "", NULL, "", "me@w.test" },
		{ NULL, "", NULL, NULL, "me@w.test" },
		{ "a\nBcc: e@x", "", NULL, NULL, "a Bcc: e@x" },
		{ NULL, "", "NAME=a\r\nBcc: e@x", NULL, "a  Bcc: e@x" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char conf[200];
		char want[100];
		char env[100];
		bool odd = strchr(rows[i].from, ':') != NULL;

		(void)snprintf(conf, sizeof(conf), ME "%s", rows[i].conf);
		open_world(&w, conf);
		if (rows[i].env != NULL) {
			(void)snprintf(env, sizeof(env), "%s", rows[i].env);
			w.envp[0] = env;
		}
		w.caller.full_name = rows[i].gecos;
		if (rows[i].option != NULL)
			assert_int_equal(mc_submission_set_full_name(w.sub,
			    rows[i].option, &w.err), 0);
		if (prepare(&w, NULL, "a@x.test", TO) != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		(void)snprintf(want, sizeof(want), odd ?
		    "From: \"%s\" <me@w.test>\r\n" : "From: %s\r\n",
		    rows[i].from);
		if (strncmp(w.sub->header.ptr, want, strlen(want)) != 0)
			fail_msg("row %zu: %s", i, w.sub->header.ptr);
		close_world(&w);
	}
}

/* every form of a local name finds its alias, a bare one is never sent raw */
static void
test_local_names(void **state)
{
	static const struct {
		const char *conf;
		const char *rcpt;
		const char *to;		/* NULL: MC_E_ADDR_BARE */
	} rows[] = {
		{ "aliases = ~/aliases\n", "root", "admin@x.test" },
		{ "aliases = ~/aliases\n", "ROOT", "admin@x.test" },
		{ "aliases = ~/aliases\n", "root@localhost", "admin@x.test" },
		{ "aliases = ~/aliases\n", "root@BOX.test", "admin@x.test" },
		{ "aliases = ~/aliases\n", "root@mail.test", "admin@x.test" },
		{ "aliases = ~/aliases\n", "root@x.test", "root@x.test" },
		{ "aliases = ~/aliases\n", "\\root@mail.test",
		    "root@mail.test" },
		{ "aliases = ~/aliases\n", "\\root", NULL },
		{ "aliases = ~/aliases\n", "bob", NULL },
		{ "aliases = ~/aliases\n", "bob@localhost", NULL },
		{ "aliases = ~/aliases\n", "bob@mail.test", "bob@mail.test" },
		{ "", "root", NULL },
		{ "domain = d.test\n", "root", "root@d.test" },
		{ "domain = d.test\n", "\\root@localhost", "root@d.test" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct mc_result r;
		int rc;

		open_world(&w, rows[i].conf);
		rc = prepare(&w, NULL, rows[i].rcpt, TO);
		if (rows[i].to == NULL) {
			assert_err(rc, w.err, MC_E_ADDR_BARE);
			close_world(&w);
			continue;
		}
		if (rc != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		assert_int_equal(mc_submission_result(w.sub, 0, &r), 0);
		assert_string_equal(r.address, rows[i].to);
		assert_int_equal(mc_submission_result(w.sub, 1, &r), -1);
		close_world(&w);
	}
}

static void
test_no_memory(void **state)
{
	static const char *const confs[] = {
		ME "from-policy = address\nfrom-name = Ops\n",
		("from = *@mail.test\nfrom-policy = force\n"
		    "envelope-from = b+%U@%D\n"),
		"envelope-from-fixed = yes\n",
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(confs); i++) {
		unsigned long n = 1;

		for (;; n++) {
			struct mc_setting s = { .text = NULL };
			struct mc_err err = { .code = MC_OK };
			struct world w;
			int rc;

			open_world(&w, confs[i]);
			(void)failmalloc(n, false);
			rc = mc_value_parse(MC_K_envelope_from,
			    MC_STR("<b+%U@%D>"), &s, &err);
			if (rc == 0)
				rc = prepare(&w, "o@y.test", "a@x.test",
				    "From: root (Cron)\nSender: s@y\n" TO);
			else
				w.err = err;
			(void)failmalloc(0, false);
			if (rc == 0)
				assert_string_equal(w.sub->env.sender,
				    i == 0 ? "me@w.test" : i == 1 ?
				    "b+joe@mail.test" : "joe@mail.test");
			else
				assert_int_equal(w.err.code, MC_E_NOMEM);
			mc_setting_clear(&s);
			close_world(&w);
			if (rc == 0)
				break;
		}
		assert_true(n > 20);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_name_order),
		cmocka_unit_test(test_local_names),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
