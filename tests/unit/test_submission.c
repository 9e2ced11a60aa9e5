/* SPDX-License-Identifier: MIT */
/*
 * test_submission.c - from a message in memory to a verdict for everybody
 *
 * Most cases end with the plan.  The others talk to a small server in a thread
 * over a UNIX socket, which answers by a table.
 */
#include "conf_side.h"

#include "base/limits.h"
#include "submission.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

struct world {
	struct side side;
	char *envp[2];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_submission *sub;
	struct mc_err err;
};

static void
open_world(struct world *w, const char *conf, const char *aliases)
{
	char text[4096];

	memset(w, 0, sizeof(*w));
	side_open(&w->side);
	if (aliases != NULL)
		side_write(&w->side, "aliases", aliases, 0600);
	(void)snprintf(text, sizeof(text), "log = off\n%s%s",
	    strstr(conf, "[account") == NULL ? "[account t]\n" : "", conf);
	side_write(&w->side, "conf", text, 0600);
	w->caller = (struct mc_caller){ .login = "joe", .full_name = "Joe Doe",
	    .home = w->side.dir, .hostname = "box.example.test",
	    .envp = w->envp, .uid = getuid() };
	if (mc_config_load(&w->caller, side_path(&w->side, "conf"), NULL, NULL,
	    &w->config, &w->err) != 0)
		fail_msg("%s", w->err.text);
	assert_int_equal(mc_submission_new(&w->caller, w->config, &w->sub,
	    &w->err), 0);
}

static void
close_world(struct world *w)
{
	static const char *const names[] = { "conf", "aliases", "socket",
	    "text", NULL };

	mc_submission_free(w->sub);
	mc_config_free(w->config);
	side_close(&w->side, names);
}

static void
put(struct world *w, const char *message)
{
	assert_int_equal(mc_submission_write(w->sub, message, strlen(message),
	    0, &w->err), 0);
}

static void
add(struct world *w, const char *rcpts)
{
	if (mc_submission_add_rcpt(w->sub, rcpts, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static void
prepare(struct world *w)
{
	if (mc_submission_prepare(w->sub, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static bool
header_has(const struct world *w, const char *text)
{
	return strstr(w->sub->header.ptr, text) != NULL;
}

/* "a@x b@x / c@x*": transactions, blind ones with a star */
static const char *
plan_text(const struct world *w, char *text, size_t size)
{
	struct mc_overview o;
	struct mc_result r;
	size_t n = 0;

	text[0] = '\0';
	assert_int_equal(mc_submission_overview(w->sub, &o, NULL), 0);
	for (size_t t = 0; t < o.transactions; t++) {
		const char *sep = t == 0 ? "" : " / ";

		for (size_t i = 0; mc_submission_result(w->sub, i, &r) == 0;
		    i++) {
			if (r.transaction != t)
				continue;
			assert_int_equal(r.verdict, MC_PENDING);
			n += (size_t)snprintf(text + n, size - n, "%s%s%s",
			    sep, r.address, r.blind ? "*" : "");
			assert_true(n < size);
			sep = " ";
		}
	}
	return text;
}

/* ------------------------------------------------------------------- plans */

#define LISTED "To: a@x.test, B <b@x.test>\nCc: c@x.test\nBcc: d@x.test, " \
    "e@x.test\n\nhi\n"
#define ALIASES "root: admin@x.test, ops\nops: o1@x.test, o2@x.test\n" \
    "loop: root, \\loop\npipe: \"|/bin/sh\"\n"

static void
test_plans(void **state)
{
	static const struct {
		const char *conf;
		const char *rcpts;	/* NULL: none */
		bool t;			/* from the header too */
		bool n;			/* no aliases */
		const char *message;
		const char *plan;	/* NULL: fails */
		enum mc_code code;
	} rows[] = {
		{ "", NULL, true, false, LISTED,
		    "a@x.test b@x.test c@x.test / d@x.test* / e@x.test*", 0 },
		{ "fan-out = off", NULL, true, false, LISTED,
		    "a@x.test b@x.test c@x.test d@x.test* e@x.test*", 0 },
		{ "fan-out = bcc", NULL, true, false, LISTED,
		    "a@x.test b@x.test c@x.test / d@x.test* / e@x.test*", 0 },
		{ "max-recipients = 2", NULL, true, false, LISTED,
		    "a@x.test b@x.test / c@x.test / d@x.test* / e@x.test*", 0 },
		/* arguments: blind unless the header names them */
		{ "", "c@x.test, z@x.test", false, false, LISTED,
		    "c@x.test / z@x.test*", 0 },
		{ "", "C@X.TEST", false, false, LISTED, "C@X.TEST", 0 },
		{ "", "e@x.test a@x.test", true, false, LISTED,
		    "a@x.test b@x.test c@x.test / e@x.test* / d@x.test*", 0 },
		/* somebody in To and Bcc is not blind; each once */
		{ "", NULL, true, false, "To: a@x.test\nBcc: A@X.test, "
		    "a@x.test, a@X.TEST\n\n", "a@x.test A@X.test", 0 },
		/* aliases: members that no reader sees are blind */
		{ "aliases = ~/aliases", "root", false, false, "To: root\n\n",
		    "admin@x.test* / o1@x.test* / o2@x.test*", 0 },
		{ "aliases = ~/aliases", "root@box.example.test", false, false,
		    "To: o1@x.test\n\n", "o1@x.test / admin@x.test* / "
		    "o2@x.test*", 0 },
		{ "aliases = ~/aliases\ndomain = d.test", "root", false, true,
		    "To: root\n\n", "root@d.test", 0 },
		{ "aliases = ~/aliases\ndomain = d.test", "loop", false, false,
		    "\n", "loop@d.test* / admin@x.test* / o1@x.test* / "
		    "o2@x.test*", 0 },
		{ "aliases = ~/aliases", "loop", false, false, "\n", NULL,
		    MC_E_ADDR_BARE },
		{ "aliases = ~/aliases", "pipe", false, false, "\n", NULL,
		    MC_E_CONF_ALIASES },
		{ "aliases = ~/nothere", "a@x.test", false, false, "\n", NULL,
		    MC_E_FILE },
		{ "aliases = ~/nothere", "a@x.test", false, true, "\n",
		    "a@x.test*", 0 },
		/* bare names never get a guessed domain */
		{ "", "bob", false, false, "\n", NULL, MC_E_ADDR_BARE },
		{ "", NULL, true, false, "To: bob\n\n", NULL, MC_E_ADDR_BARE },
		{ "domain = d.test", "bob, bob@localhost", false, false,
		    "To: bob\n\n", "bob@d.test", 0 },
		/* what cannot leave */
		{ "", NULL, false, false, LISTED, NULL, MC_E_NO_RCPT },
		{ "", NULL, true, false, "Subject: x\n\n", NULL,
		    MC_E_NO_RCPT },
		{ "", NULL, true, false, "To: undisclosed:;\n\n", NULL,
		    MC_E_NO_RCPT },
		{ "", NULL, true, false, "To: a@x.test, \"b\n\n", NULL,
		    MC_E_ADDR_SYNTAX },
		{ "", "a@x.test", false, false, "A: b\nB: \rc\n\n", NULL,
		    MC_E_HDR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char text[512];
		int rc;

		open_world(&w, rows[i].conf, ALIASES);
		if (rows[i].rcpts != NULL)
			add(&w, rows[i].rcpts);
		mc_submission_use_header_rcpts(w.sub, rows[i].t);
		mc_submission_no_aliases(w.sub, rows[i].n);
		rc = mc_submission_write(w.sub, rows[i].message,
		    strlen(rows[i].message), 0, &w.err);
		if (rc == 0)
			rc = mc_submission_prepare(w.sub, &w.err);
		if (rows[i].plan == NULL) {
			assert_err(rc, w.err, rows[i].code);
		} else {
			if (rc != 0)
				fail_msg("row %zu: %s", i, w.err.text);
			assert_string_equal(plan_text(&w, text, sizeof(text)),
			    rows[i].plan);
			assert_false(header_has(&w, "Bcc"));
		}
		close_world(&w);
	}
}

/* ORCPT: the address before the aliases, but never that of another recipient */
static void
test_original(void **state)
{
	static const struct {
		const char *conf;
		const char *rcpts;
		const char *message;
		const char *text;
	} rows[] = {
		{ "", "a@x.test", "\n", "a@x.test" },
		{ "", "root@box.example.test", "To: a@x.test\n\n",
		    "admin@x.test(root@box.example.test) "
		    "o1@x.test(root@box.example.test) "
		    "o2@x.test(root@box.example.test)" },
		{ "", "ops, o2@x.test", "\n",
		    "o1@x.test(ops@box.example.test) o2@x.test" },
		{ "domain = d.test\n", "O2@X.test, o2@x.test, ops", "\n",
		    "O2@X.test o2@x.test o1@x.test(ops@d.test)" },
		/* the first of several names */
		{ "domain = d.test\n", "ops, root", "\n",
		    "o1@x.test(ops@d.test) o2@x.test(ops@d.test) "
		    "admin@x.test(root@d.test)" },
		/* a copy of what a blind recipient gets */
		{ "domain = d.test\n", NULL, "To: b@x.test\nBcc: loop\n\n",
		    "b@x.test loop@d.test admin@x.test o1@x.test o2@x.test" },
		{ "domain = d.test\n", "ops", "Bcc: ops@D.test\n\n",
		    "o1@x.test(ops@d.test) o2@x.test(ops@d.test)" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf text;
		struct world w;
		char conf[256];

		(void)snprintf(conf, sizeof(conf), "%saliases = ~/aliases\n",
		    rows[i].conf);
		open_world(&w, conf, ALIASES);
		if (rows[i].rcpts != NULL)
			add(&w, rows[i].rcpts);
		mc_submission_use_header_rcpts(w.sub, rows[i].rcpts == NULL);
		put(&w, rows[i].message);
		prepare(&w);
		mc_buf_init(&text, 4096);
		for (size_t k = 0; k < w.sub->env.rcpts.n; k++) {
			const struct mc_rcpt *r = mc_envelope_at(&w.sub->env,
			    k);

			mc_buf_addf(&text, "%s%s", k == 0 ? "" : " ", r->addr);
			if (r->orcpt != NULL)
				mc_buf_addf(&text, "(%s)", r->orcpt);
		}
		assert_string_equal(text.ptr, rows[i].text);
		mc_buf_clear(&text);
		close_world(&w);
	}
}

/* no line over 998 bytes, no NUL; the facts are those of the new text */
static void
check_body(const struct world *w)
{
	const struct mc_message *m = &w->sub->message;
	char block[1000];
	size_t got, line = 0, longest = 0;
	uint64_t at = 0, lines = 0;
	bool has_8bit = false;

	while (mc_spool_read(&m->body, at, block, sizeof(block), &got,
	    NULL) == 0 && got != 0) {
		for (size_t i = 0; i < got; i++) {
			assert_int_not_equal(block[i], '\0');
			has_8bit = has_8bit || (block[i] & 0x80) != 0;
			line = block[i] == '\n' ? 0 : line + 1;
			lines += block[i] == '\n';
			longest = line > longest ? line : longest;
		}
		at += got;
	}
	assert_int_equal(m->facts.longest_line, longest == 0 ? 0 :
	    longest - 1);
	assert_in_range(m->facts.longest_line, 0, MC_MAX_LINE);
	assert_int_equal(m->facts.lines, lines);
	assert_int_equal(m->facts.has_8bit, has_8bit);
	assert_false(m->facts.has_nul);
}

/* a message whose text is `n` times `text`, prepared */
static int
prepare_body(struct world *w, const char *header, struct mc_str text,
    size_t n)
{
	add(w, "a@x.test");
	put(w, header);
	put(w, "\n");
	for (size_t i = 0; i < n; i++)
		if (mc_submission_write(w->sub, text.ptr, text.len, 0,
		    &w->err) != 0)
			return -1;
	return mc_submission_prepare(w->sub, &w->err);
}

#define SIGNED "Content-Type: multipart/signed; boundary=b\n"

static void
test_body(void **state)
{
	static const struct {
		const char *header;
		struct mc_str text;
		size_t n;
		const char *then;	/* is in the header */
		const char *why;	/* refused */
	} rows[] = {
		{ "A: b\n", MC_STR("x"), MC_MAX_LINE, NULL, NULL },
		{ "A: b\n", MC_STR("x"), MC_MAX_LINE + 1,
		    "Content-Transfer-Encoding: quoted-printable", NULL },
		{ "A: b\n", MC_STR("x"), 1000000,
		    "Content-Transfer-Encoding: quoted-printable", NULL },
		{ "A: b\n", MC_STR("a\0b\n"), 1,
		    "Content-Transfer-Encoding: base64", NULL },
		{ "A: b\n", MC_STR("a\0b\xff\n"), 200000,
		    "Content-Transfer-Encoding: base64", NULL },
		{ "Content-Type: a/b\nContent-Transfer-Encoding: 8bit\n",
		    MC_STR("\xc3\xbc"), 1000,
		    "Content-Transfer-Encoding: base64", NULL },
		/* nothing has to go but what the server decides */
		{ "A: b\n", MC_STR("\xc3\xbc\n"), 3, NULL, NULL },
		{ SIGNED, MC_STR("--b\n\n\0\n--b\n\n--b--\n"), 1, NULL,
		    "part 1 has NUL bytes and cannot be encoded: the message "
		    "is multipart/signed" },
		{ "DKIM-Signature: v=1\n", MC_STR("x"), 999, NULL,
		    "DKIM signature" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, "", NULL);
		int rc = prepare_body(&w, rows[i].header, rows[i].text,
		    rows[i].n);
		if (rows[i].why != NULL) {
			assert_err(rc, w.err, MC_E_MSG_CONTENT);
			assert_non_null(strstr(w.err.text, rows[i].why));
		} else {
			if (rc != 0)
				fail_msg("row %zu: %s", i, w.err.text);
			check_body(&w);
			assert_int_equal(header_has(&w,
			    "Content-Transfer-Encoding"),
			    rows[i].then != NULL);
			assert_true(rows[i].then == NULL ||
			    header_has(&w, rows[i].then));
		}
		close_world(&w);
	}
}

static void
test_body_no_memory(void **state)
{
	bool done = false;

	(void)state;
	for (unsigned long n = 1; !done; n++) {
		struct world w;

		open_world(&w, "", NULL);
		add(&w, "a@x.test");
		put(&w, "A: b\n\n");
		assert_int_equal(mc_submission_write(w.sub, "a\0b\n", 4, 0,
		    &w.err), 0);
		failmalloc(n, false);
		int rc = mc_submission_prepare(w.sub, &w.err);
		done = failmalloc(0, false) < n;
		if (rc == 0)
			check_body(&w);
		else
			assert_err(rc, w.err, MC_E_NOMEM);
		assert_true(!done || rc == 0);
		close_world(&w);
	}
}

/* --------------------------------------------------------- sender and header */

static void
test_headers(void **state)
{
	static const struct {
		const char *conf;
		const char *sender;	/* NULL: not set */
		const char *login;	/* NULL: nobody */
		const char *message;
		const char *made;	/* NULL: MC_E_NO_USER */
		const char *has[3];
		const char *lacks;
	} rows[] = {
		{ "", NULL, "joe", "To: a@x.test\n\n", "joe@box.example.test",
		    { "From: Joe Doe <joe@box.example.test>\r\n", "Date: ",
		    "@box.example.test>\r\n" }, "Sender" },
		{ "from = me@w.test", NULL, "joe", "To: a@x.test\n\n",
		    "me@w.test", { "From: Joe Doe <me@w.test>\r\n" }, NULL },
		{ "from = *@w.test", NULL, "joe", "To: a@x.test\n\n",
		    "joe@box.example.test", { "To: a@x.test\r\n" }, NULL },
		{ "domain = d.test", "bob", "joe", "To: a@x.test\n\n",
		    "bob@d.test", { "From: Joe Doe <bob@d.test>\r\n",
		    "@d.test>\r\n" }, NULL },
		{ "from = me@w.test", "<>", "joe", "From: x@y.test\n\n", "",
		    { "From: x@y.test\r\n" }, "me@w.test" },
		/* a user id without a name */
		{ "", NULL, NULL, "From: x@y.test\n\n", NULL, { NULL }, NULL },
		{ "", "<>", NULL, "To: a@x.test\n\n", "",
		    { "From: Joe Doe <MAILER-DAEMON@box.example.test>\r\n" },
		    NULL },
		{ "", "<>", NULL, "From: <>\n\n", "",
		    { "From: Joe Doe <MAILER-DAEMON@box.example.test>\r\n" },
		    NULL },
		{ "", "", NULL, "From: x@y.test\n\n", "",
		    { "From: x@y.test\r\n" }, NULL },
		{ "", "s@y.test", NULL, "To: a@x.test\n\n", "s@y.test",
		    { "From: Joe Doe <s@y.test>\r\n" }, NULL },
		{ "from = me@w.test", NULL, NULL, "To: a@x.test\n\n",
		    "me@w.test", { "From: Joe Doe <me@w.test>\r\n" }, NULL },
		/* from-policy */
		{ "from = me@w.test\nfrom-policy = keep", NULL, "joe",
		    "From: \"X\" <x@y.test>\n\n", "me@w.test",
		    { "From: \"X\" <x@y.test>\r\n" }, "Reply-To" },
		{ "from = me@w.test\nfrom-policy = address", NULL, "joe",
		    "From: \"X\" <x@y.test>\n\n", "me@w.test",
		    { "From: \"X\" <me@w.test>\r\n",
		    "Reply-To: \"X\" <x@y.test>\r\n" }, NULL },
		{ "from = me@w.test\nfrom-policy = force", NULL, "joe",
		    "From: \"X\" <x@y.test>\nReply-To: z@y.test\n\n",
		    "me@w.test", { "From: Joe Doe <me@w.test>\r\n",
		    "X-Original-From: \"X\" <x@y.test>\r\n",
		    "Reply-To: z@y.test\r\n" }, NULL },
		{ "from = me@w.test, *@v.test\nfrom-policy = force", NULL,
		    "joe", "From: x@v.test\n\n", "me@w.test",
		    { "From: x@v.test\r\n" }, "X-Original" },
		{ "from = me@w.test\nfrom-policy = force", NULL, "joe",
		    "From: (no address\n\n", "me@w.test",
		    { "From: Joe Doe <me@w.test>\r\n" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct mc_overview o;

		open_world(&w, rows[i].conf, NULL);
		w.caller.login = rows[i].login;
		add(&w, "a@x.test");
		if (rows[i].sender != NULL)
			assert_int_equal(mc_submission_set_sender(w.sub,
			    rows[i].sender, &w.err), 0);
		put(&w, rows[i].message);
		if (rows[i].made == NULL) {
			assert_err(mc_submission_prepare(w.sub, &w.err),
			    w.err, MC_E_NO_USER);
			close_world(&w);
			continue;
		}
		prepare(&w);
		assert_int_equal(mc_submission_overview(w.sub, &o, NULL), 0);
		assert_string_equal(o.sender, rows[i].made);
		for (size_t k = 0; k < 3 && rows[i].has[k] != NULL; k++)
			if (!header_has(&w, rows[i].has[k]))
				fail_msg("row %zu: no %s in %s", i,
				    rows[i].has[k], w.sub->header.ptr);
		if (rows[i].lacks != NULL && header_has(&w, rows[i].lacks))
			fail_msg("row %zu: %s", i, rows[i].lacks);
		close_world(&w);
	}
}

static void
test_account(void **state)
{
	static const char conf[] = "[account one]\nfrom = me@one.test\n"
	    "[account two]\nfrom = *@two.test\nhost = mail.two.test\n"
	    "user = u\npassword = p\ntls = starttls\n";
	struct mc_overview o;
	struct world w;

	(void)state;
	open_world(&w, conf, NULL);
	assert_err(mc_submission_set_account(w.sub, "three", &w.err), w.err,
	    MC_E_CONF_ACCOUNT);
	assert_non_null(strstr(w.err.text, "two"));
	add(&w, "a@x.test");
	put(&w, "From: x@two.test\n\nabc\n");
	assert_err(mc_submission_overview(w.sub, &o, (mc_err_reset(&w.err),
	    &w.err)), w.err, MC_E_INTERNAL);
	prepare(&w);
	assert_int_equal(mc_submission_overview(w.sub, &o, NULL), 0);
	assert_string_equal(o.account, "two");
	assert_string_equal(o.host, "mail.two.test");
	assert_string_equal(o.port, "587");
	assert_string_equal(o.tls, "starttls");
	assert_string_equal(o.auth, "auto");
	assert_string_equal(o.user, "u");
	assert_int_equal(o.recipients, 1);
	assert_int_equal(o.transactions, 1);
	assert_int_equal(o.size, w.sub->header.len + 2 + 5);
	assert_non_null(strstr(w.sub->header.ptr, o.message_id));
	close_world(&w);

	open_world(&w, conf, NULL);
	assert_int_equal(mc_submission_set_account(w.sub, "one", &w.err), 0);
	add(&w, "a@x.test");
	put(&w, "From: x@two.test\n\n");
	prepare(&w);
	assert_int_equal(mc_submission_overview(w.sub, &o, NULL), 0);
	assert_string_equal(o.account, "one");
	close_world(&w);
}

static void
test_dsn(void **state)
{
	static const struct {
		unsigned notify;
		const char *ret;
		const char *envid;
		bool good;
	} rows[] = {
		{ 0, NULL, NULL, true },
		{ MC_NOTIFY_SUCCESS | MC_NOTIFY_DELAY, "FULL", "id+1", true },
		{ MC_NOTIFY_NEVER, "hdrs", NULL, true },
		{ MC_NOTIFY_NEVER | MC_NOTIFY_SUCCESS, NULL, NULL, false },
		{ 16, NULL, NULL, false },
		{ 0, "all", NULL, false },
		{ 0, NULL, "", false },
		{ 0, NULL, "a\nb", false },
		{ 0, NULL, "\xc3\xa4", false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		const struct mc_rcpt *rcpt;
		int rc;

		open_world(&w, "", NULL);
		add(&w, "a@x.test");
		put(&w, "A: b\n\n");
		rc = mc_submission_set_dsn(w.sub, rows[i].notify, rows[i].ret,
		    rows[i].envid, &w.err);
		if (!rows[i].good)
			assert_err(rc, w.err, MC_E_BAD_VALUE);
		else
			assert_int_equal(rc, 0);
		prepare(&w);
		rcpt = mc_envelope_at(&w.sub->env, 0);
		assert_int_equal(rcpt->notify, rows[i].good ?
		    rows[i].notify : 0);
		assert_int_equal(rcpt->orcpt != NULL, rcpt->notify != 0);
		assert_int_equal(w.sub->env.envid != NULL, rows[i].good &&
		    rows[i].envid != NULL);
		close_world(&w);
	}
}

static void
test_params(void **state)
{
	static const struct {
		const char *by;
		enum mc_by mode;	/* NONE: refused */
		bool trace;
		uint64_t seconds;
	} rows[] = {
		{ "1", MC_BY_NOTIFY, false, 1 },
		{ "999999999;R", MC_BY_RETURN, false, 999999999 },
		{ "60;n", MC_BY_NOTIFY, false, 60 },
		{ "60;Rt", MC_BY_RETURN, true, 60 },
		{ "60;NT", MC_BY_NOTIFY, true, 60 },
		{ "", MC_BY_NONE, false, 0 }, { "0", MC_BY_NONE, false, 0 },
		{ "-1;N", MC_BY_NONE, false, 0 },
		{ "1000000000", MC_BY_NONE, false, 0 },
		{ "60;", MC_BY_NONE, false, 0 },
		{ "60;X", MC_BY_NONE, false, 0 },
		{ "60;T", MC_BY_NONE, false, 0 },
		{ "60;RR", MC_BY_NONE, false, 0 },
		{ "60;R SIZE=1", MC_BY_NONE, false, 0 },
		{ "60;R;", MC_BY_NONE, false, 0 },
		{ "1h", MC_BY_NONE, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		int p = (int)i - 10;
		int rc;

		open_world(&w, "", NULL);
		rc = mc_submission_set_deliver_by(w.sub, rows[i].by, &w.err);
		if (rows[i].mode == MC_BY_NONE)
			assert_err(rc, w.err, MC_E_BAD_VALUE);
		else
			assert_int_equal(rc, 0);
		assert_int_equal(w.sub->by, rows[i].mode);
		assert_int_equal(w.sub->by_trace, rows[i].trace);
		assert_true(w.sub->by_seconds == rows[i].seconds);
		assert_int_equal(mc_submission_set_priority(w.sub, p, NULL),
		    p < -9 ? -1 : 0);
		assert_int_equal(mc_submission_set_priority(w.sub, 10, NULL),
		    -1);
		add(&w, "a@x.test");
		put(&w, "A: b\n\n");
		prepare(&w);
		assert_int_equal(w.sub->env.by, rows[i].mode);
		assert_int_equal(w.sub->env.priority, p < -9 ? 0 : p);
		assert_int_equal(w.sub->env.has_priority, p >= -9);
		memset(&w.err, 0, sizeof(w.err));
		assert_err(mc_submission_set_priority(w.sub, 1, &w.err), w.err,
		    MC_E_USAGE);
		close_world(&w);
	}
}

static void
test_send_at(void **state)
{
	const int64_t now = (int64_t)time(NULL);
	struct mc_overview o;
	struct world w;

	(void)state;
	open_world(&w, "", NULL);
	assert_err(mc_submission_set_send_at(w.sub, "@5", &w.err), w.err,
	    MC_E_USAGE);
	assert_int_equal(mc_submission_set_send_at(w.sub, "+1h", NULL), 0);
	assert_int_equal(mc_submission_set_deliver_by(w.sub, "60", NULL), 0);
	add(&w, "a@x.test");
	put(&w, "A: b\n\n");
	prepare(&w);
	assert_in_range(w.sub->env.hold_until, now + 3600, now + 3660);
	/* the time for the delivery begins then */
	assert_true(w.sub->env.by_time == w.sub->env.hold_until + 60);
	assert_int_equal(mc_submission_overview(w.sub, &o, NULL), 0);
	assert_true(o.hold_until == w.sub->env.hold_until);
	memset(&w.err, 0, sizeof(w.err));
	assert_err(mc_submission_set_send_at(w.sub, "+1h", &w.err), w.err,
	    MC_E_USAGE);
	close_world(&w);
	/* a time that has come while the message was read is no time */
	open_world(&w, "", NULL);
	assert_int_equal(mc_submission_set_send_at(w.sub, "+0s", NULL), 0);
	assert_int_equal(mc_submission_set_deliver_by(w.sub, "60", NULL), 0);
	add(&w, "a@x.test");
	put(&w, "A: b\n\n");
	prepare(&w);
	assert_int_equal(w.sub->env.hold_until, 0);
	assert_in_range(w.sub->env.by_time, now + 60, now + 120);
	close_world(&w);
}

/* ------------------------------------------------------------------- states */

static void
test_setters(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "", NULL);
	assert_err(mc_submission_set_sender(w.sub, "a@x.test, b@x.test",
	    &w.err), w.err, MC_E_ADDR_SYNTAX);
	mc_err_reset(&w.err);
	assert_err(mc_submission_add_rcpt(w.sub, "a@x.test, <b", &w.err),
	    w.err, MC_E_ADDR_SYNTAX);
	assert_int_equal(w.sub->raw.n, 0);
	add(&w, "a@x.test");
	put(&w, "A: b\n\n");
	prepare(&w);
	/* nothing may be lost in silence behind the plan */
	mc_err_reset(&w.err);
	assert_err(mc_submission_add_rcpt(w.sub, "c@x.test", &w.err), w.err,
	    MC_E_USAGE);
	mc_err_reset(&w.err);
	assert_err(mc_submission_set_sender(w.sub, "c@x.test", &w.err), w.err,
	    MC_E_USAGE);
	mc_err_reset(&w.err);
	assert_err(mc_submission_set_account(w.sub, "t", &w.err), w.err,
	    MC_E_USAGE);
	mc_err_reset(&w.err);
	assert_err(mc_submission_set_full_name(w.sub, "x", &w.err), w.err,
	    MC_E_USAGE);
	mc_err_reset(&w.err);
	assert_err(mc_submission_set_dsn(w.sub, 0, NULL, "x", &w.err), w.err,
	    MC_E_USAGE);
	mc_err_reset(&w.err);
	assert_err(mc_submission_write(w.sub, "x", 1, 0, &w.err), w.err,
	    MC_E_INTERNAL);
	prepare(&w);
	close_world(&w);
}

/* a failure of preparing stays: half of the work must not be done twice */
static void
test_failure_stays(void **state)
{
	struct mc_err again = { .code = MC_OK };
	struct world w;

	(void)state;
	open_world(&w, "host = ~/socket\ntls = off\n", NULL);
	add(&w, "bob");
	put(&w, "Bcc: a@x.test\n\n");
	assert_err(mc_submission_prepare(w.sub, &w.err), w.err,
	    MC_E_ADDR_BARE);
	add(&w, "a@x.test");
	assert_err(mc_submission_prepare(w.sub, &again), again,
	    MC_E_ADDR_BARE);
	assert_string_equal(again.text, w.err.text);
	mc_err_reset(&again);
	assert_err(mc_submission_send(w.sub, &again), again, MC_E_ADDR_BARE);
	close_world(&w);
}

/* half a message never leaves as if it were all */
static void
test_read(void **state)
{
	struct world w;
	struct mc_result r;
	int fd, pipes[2], cancel[2];

	(void)state;
	open_world(&w, "", NULL);
	side_write(&w.side, "text", "To: a@x.test\n\n.\nmore\n", 0600);
	fd = open(w.side.path, O_RDONLY);
	assert_true(fd >= 0);
	mc_submission_use_header_rcpts(w.sub, 1);
	assert_int_equal(mc_submission_read(w.sub, fd, MC_READ_DOT, &w.err),
	    0);
	(void)close(fd);
	prepare(&w);
	assert_int_equal(w.sub->message.body.size, 0);
	assert_int_equal(mc_submission_result(w.sub, 0, &r), 0);
	assert_string_equal(r.address, "a@x.test");
	assert_int_equal(mc_submission_result(w.sub, 1, &r), -1);
	close_world(&w);

	/* cut short: by the person, then by an error */
	for (int i = 0; i < 2; i++) {
		struct mc_err later = { .code = MC_OK };
		enum mc_code want = i == 0 ? MC_E_CANCELLED : MC_E_IO;

		open_world(&w, "", NULL);
		add(&w, "a@x.test");
		assert_int_equal(pipe(pipes), 0);
		assert_int_equal(pipe(cancel), 0);
		put(&w, "A: b\n\nfirst half\n");
		if (i == 0) {
			assert_int_equal(write(cancel[1], "", 1), 1);
			mc_submission_set_cancel(w.sub, cancel[0]);
			assert_int_equal(write(pipes[1], "x", 1), 1);
		}
		/* the writing end cannot be read */
		assert_err(mc_submission_read(w.sub, pipes[i == 0 ? 0 : 1], 0,
		    &w.err), w.err, want);
		assert_err(mc_submission_prepare(w.sub, &later), later, want);
		for (int k = 0; k < 2; k++) {
			(void)close(pipes[k]);
			(void)close(cancel[k]);
		}
		close_world(&w);
	}
}

static void
test_prepare_nomem(void **state)
{
	static const char conf[] = "aliases = ~/aliases\nfrom = me@w.test\n"
	    "from-policy = address\n";
	unsigned long n;

	(void)state;
	for (n = 1;; n++) {
		struct world w;
		char text[256];
		int rc;

		open_world(&w, conf, ALIASES);
		(void)snprintf(text, sizeof(text), "From: x@y.test\n" LISTED);
		(void)failmalloc(n, false);
		rc = mc_submission_add_rcpt(w.sub, "root, a@x.test", &w.err);
		if (rc == 0)
			rc = mc_submission_set_sender(w.sub, "s@x.test",
			    &w.err);
		if (rc == 0)
			rc = mc_submission_set_dsn(w.sub, MC_NOTIFY_SUCCESS,
			    "full", "id", &w.err);
		mc_submission_use_header_rcpts(w.sub, 1);
		if (rc == 0)
			rc = mc_submission_write(w.sub, text, strlen(text), 0,
			    &w.err);
		if (rc == 0)
			rc = mc_submission_prepare(w.sub, &w.err);
		unsigned long count = failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, w.err, MC_E_NOMEM);
		} else {
			assert_true(count < n);
			assert_string_equal(plan_text(&w, text, sizeof(text)),
			    "a@x.test b@x.test c@x.test / admin@x.test* / "
			    "o1@x.test* / o2@x.test* / d@x.test* / e@x.test*");
			assert_true(header_has(&w, "From: me@w.test\r\n"));
		}
		close_world(&w);
		if (rc == 0)
			break;
	}
	assert_true(n > 50);
}

/* ------------------------------------------------------------------ sending */

struct rule {
	const char *line;	/* how it begins; "." is the end of data */
	const char *reply;	/* NULL: close the connection */
	unsigned times;		/* 0: always */
};

struct peer {
	const struct rule *rules;
	unsigned used[16];
	int fd;
	struct sockaddr_un addr;
	pthread_t thread;
	atomic_bool stop;
	unsigned connections;
	int nap_body, nap_end;	/* ms without reading, and before the verdict */
	char data[16384];	/* all messages that came */
	size_t n_data;
};

static const struct rule usual[] = {
	{ "EHLO", "250-peer\r\n250 PIPELINING\r\n", 0 },
	{ "MAIL", "250 ok\r\n", 0 },
	{ "RCPT", "250 ok\r\n", 0 },
	{ "DATA", "354 go\r\n", 0 },
	{ ".", "250 2.0.0 taken\r\n", 0 },
	{ "RSET", "250 ok\r\n", 0 },
	{ NULL, NULL, 0 },
};

static const struct rule *
find_rule(struct peer *p, const char *line)
{
	size_t i;

	for (i = 0; p->rules[i].line != NULL; i++) {
		const struct rule *r = &p->rules[i];

		if (strncmp(line, r->line, strlen(r->line)) != 0 ||
		    (r->times != 0 && p->used[i] >= r->times))
			continue;
		p->used[i]++;
		return r;
	}
	for (i = 0; usual[i].line != NULL; i++)
		if (strncmp(line, usual[i].line, strlen(usual[i].line)) == 0)
			return &usual[i];
	return NULL;
}

static bool
say(int fd, const char *text)
{
	return send(fd, text, strlen(text), MSG_NOSIGNAL) ==
	    (ssize_t)strlen(text);
}

/* false: the end of the connection */
static bool
answer(struct peer *p, int fd, const char *line, bool *in_data)
{
	const struct rule *r;

	if (*in_data) {
		size_t n = strlen(line);

		if (strcmp(line, ".") != 0) {
			if (p->n_data + n + 1 < sizeof(p->data)) {
				memcpy(p->data + p->n_data, line, n);
				p->n_data += n;
				p->data[p->n_data++] = '\n';
			}
			return true;
		}
		*in_data = false;
	}
	r = find_rule(p, line);
	if (strcmp(line, ".") == 0)
		(void)poll(NULL, 0, p->nap_end);
	if (r == NULL || r->reply == NULL || !say(fd, r->reply))
		return false;
	*in_data = strncmp(r->reply, "354", 3) == 0;
	if (*in_data)
		(void)poll(NULL, 0, p->nap_body);
	return strncmp(r->reply, "421", 3) != 0;
}

static void
serve(struct peer *p, int fd)
{
	char line[2048], buf[16384];
	size_t n = 0;
	bool in_data = false;
	ssize_t got;

	if (!say(fd, "220 peer\r\n"))
		return;
	while ((got = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < got; i++) {
			if (buf[i] != '\n') {
				if (buf[i] != '\r' && n + 1 < sizeof(line))
					line[n++] = buf[i];
				continue;
			}
			line[n] = '\0';
			n = 0;
			if (!answer(p, fd, line, &in_data))
				return;
		}
}

static void *
run_peer(void *arg)
{
	struct peer *p = arg;
	int fd;

	while ((fd = accept(p->fd, NULL, NULL)) >= 0) {
		if (atomic_load(&p->stop)) {
			(void)close(fd);
			break;
		}
		p->connections++;
		serve(p, fd);
		(void)close(fd);
	}
	return NULL;
}

static void
start_peer(struct peer *p, struct side *side, const struct rule *rules)
{
	memset(p, 0, sizeof(*p));
	p->rules = rules;
	p->addr.sun_family = AF_UNIX;
	(void)snprintf(p->addr.sun_path, sizeof(p->addr.sun_path), "%.90s",
	    side_path(side, "socket"));
	p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_true(p->fd >= 0);
	assert_int_equal(bind(p->fd, (const struct sockaddr *)&p->addr,
	    sizeof(p->addr)), 0);
	assert_int_equal(listen(p->fd, 5), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, run_peer, p), 0);
}

static void
stop_peer(struct peer *p)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	atomic_store(&p->stop, true);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&p->addr,
	    sizeof(p->addr)), 0);
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	(void)close(fd);
	(void)close(p->fd);
	p->data[p->n_data] = '\0';
}

#define SOCKET_CONF "host = ~/socket\ntls = off\ntimeout = 5s\n"

static void
test_verdicts(void **state)
{
	static const struct {
		const char *rcpts;
		struct rule rules[4];
		const char *verdicts;	/* d, f, l(ater), u(nsure) */
		enum mc_code code;	/* of the whole */
		bool unsure;
		unsigned connections;
	} rows[] = {
		{ "a@x.test, b@x.test", { { NULL, NULL, 0 } }, "dd", MC_OK,
		    false, 1 },
		{ "a@x.test, b@x.test, c@x.test, d@x.test",
		    { { "RCPT TO:<b@", "550 5.1.1 no\r\n", 0 },
		    { "RCPT TO:<c@", "451 later\r\n", 0 } }, "dfld",
		    MC_E_REFUSED, false, 1 },
		{ "a@x.test", { { "MAIL", "550 no\r\n", 0 },
		    { "RCPT", "503 no\r\n", 0 }, { "DATA", "503 no\r\n",
		    0 } }, "f", MC_E_REFUSED, false, 1 },
		{ "a@x.test", { { "DATA", "451 no\r\n", 0 } }, "l",
		    MC_E_REFUSED, false, 1 },
		{ "a@x.test", { { ".", "554 spam\r\n", 0 } }, "f",
		    MC_E_REFUSED, false, 1 },
		/* nothing said before the end of data is a verdict */
		{ "a@x.test", { { "EHLO", "550 no\r\n", 0 },
		    { "HELO", "550 no\r\n", 0 } }, "l", MC_E_NOT_READY,
		    false, 1 },
		{ "a@x.test", { { "DATA", "250 ok\r\n", 0 } }, "l",
		    MC_E_REPLY_UNEXPECTED, false, 1 },
		{ "a@x.test, b@x.test", { { "RCPT TO:<a@", "550 no\r\n", 0 },
		    { "DATA", NULL, 0 } }, "ll", MC_E_CLOSED, false, 1 },
		/* behind it without a verdict: unsure, and not again */
		{ "a@x.test, b@x.test", { { "RCPT TO:<b@", "550 no\r\n", 0 },
		    { ".", NULL, 0 } }, "uf", MC_E_REFUSED, false, 1 },
		{ "a@x.test", { { ".", NULL, 0 } }, "u", MC_E_CLOSED, true, 1 },
		{ "a@x.test", { { ".", "250x\r\n", 0 } }, "u",
		    MC_E_REPLY_SYNTAX, true, 1 },
		{ "a@x.test, z@x.test", { { ".", "354 go\r\n", 0 } }, "ul",
		    MC_E_REPLY_UNEXPECTED, true, 1 },
		/* one too many goes again on the same connection */
		{ "a@x.test, b@x.test, c@x.test",
		    { { "RCPT TO:<a@", "250 ok\r\n", 0 },
		    { "RCPT TO:<b@", "452 too many\r\n", 1 },
		    { "RCPT TO:<c@", "552 too many\r\n", 1 } }, "ddd", MC_OK,
		    false, 1 },
		/* a connection that has carried something is replaced */
		{ "a@x.test, y@x.test, z@x.test",
		    { { "MAIL", "250 ok\r\n", 1 },
		    { "MAIL", "421 enough\r\n", 1 } }, "ddd", MC_OK, false, 2 },
		{ "a@x.test, y@x.test",
		    { { "MAIL", "250 ok\r\n", 1 }, { "MAIL", NULL, 0 } },
		    "dl", MC_E_CLOSED, false, 2 },
		/* one that has not, is not */
		{ "a@x.test, y@x.test", { { "MAIL", "421 no\r\n", 0 } }, "ll",
		    MC_E_SERVER_UNAVAILABLE, false, 1 },
		/* a refusal settles something, too */
		{ "a@x.test, y@x.test", { { ".", "421 no\r\n", 1 } }, "ld",
		    MC_E_REFUSED, false, 2 },
	};
	static const char letters[] = { '-', 'd', 'f', 'l', 'u' };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err again = { .code = MC_OK };
		struct world w;
		struct peer p;
		struct mc_result r;
		char got[8] = "";
		int rc;

		open_world(&w, SOCKET_CONF, NULL);
		start_peer(&p, &w.side, rows[i].rules);
		add(&w, rows[i].rcpts);
		put(&w, "From: f@x.test\nTo: a@x.test, b@x.test, c@x.test, "
		    "d@x.test\n\nhi\n");
		assert_null(mc_submission_reply(w.sub));
		rc = mc_submission_send(w.sub, &w.err);
		stop_peer(&p);
		for (size_t k = 0; mc_submission_result(w.sub, k, &r) == 0;
		    k++) {
			got[k] = letters[r.verdict];
			/* what went wrong is said for each */
			assert_int_equal(r.err.code == MC_OK,
			    r.verdict == MC_DELIVERED);
			assert_int_equal(r.err.text[0] == '\0',
			    r.verdict == MC_DELIVERED);
			assert_int_equal(r.err.unsure,
			    r.verdict == MC_UNSURE);
			if (r.verdict == MC_DELIVERED)
				assert_string_equal(r.reply,
				    "250 2.0.0 taken");
		}
		if (strcmp(got, rows[i].verdicts) != 0)
			fail_msg("row %zu: %s, %s", i, got, w.err.text);
		if (rows[i].code == MC_OK)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, w.err, rows[i].code);
		assert_int_equal(w.err.unsure, rows[i].unsure);
		assert_int_equal(p.connections, rows[i].connections);
		assert_int_equal(mc_submission_reply(w.sub) != NULL,
		    strchr(got, 'd') != NULL);
		assert_err(mc_submission_send(w.sub, &again), again,
		    MC_E_USAGE);
		close_world(&w);
	}
}

/* the copy of a blind recipient names just that one, and only when asked */
static void
test_copies(void **state)
{
	static const struct rule rules[] = { { NULL, NULL, 0 } };
	static const char *const modes[] = { "blind", "bcc", "off" };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(modes); i++) {
		struct world w;
		struct peer p;
		char conf[256];
		const char *at;
		unsigned n = 0;
		int rc;

		(void)snprintf(conf, sizeof(conf), SOCKET_CONF "fan-out = %s\n",
		    modes[i]);
		open_world(&w, conf, NULL);
		start_peer(&p, &w.side, rules);
		mc_submission_use_header_rcpts(w.sub, 1);
		put(&w, "From: f@x.test\n" LISTED);
		rc = mc_submission_send(w.sub, &w.err);
		stop_peer(&p);
		assert_int_equal(rc, 0);
		for (at = p.data; (at = strstr(at, "From: f@x")) != NULL; at++)
			n++;
		assert_int_equal(n, i == 2 ? 1 : 3);
		assert_int_equal(strstr(p.data, "Bcc: d@x.test\n") != NULL,
		    i == 1);
		assert_int_equal(strstr(p.data, "Bcc: e@x.test\n") != NULL,
		    i == 1);
		assert_null(strstr(p.data, "d@x.test, "));
		close_world(&w);
	}
}

static void
test_not_reached(void **state)
{
	struct mc_result r;
	struct world w;
	int cancel[2];

	(void)state;
	open_world(&w, "", NULL);
	add(&w, "a@x.test, b@x.test");
	put(&w, "A: b\n\n");
	assert_err(mc_submission_send(w.sub, &w.err), w.err, MC_E_CONF_VALUE);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(mc_submission_result(w.sub, i, &r), 0);
		assert_int_equal(r.verdict, MC_DEFERRED);
		assert_int_equal(r.err.code, MC_E_CONF_VALUE);
	}
	close_world(&w);

	open_world(&w, SOCKET_CONF, NULL);
	add(&w, "a@x.test");
	put(&w, "A: b\n\n");
	assert_err(mc_submission_send(w.sub, &w.err), w.err, MC_E_CONNECT);
	assert_int_equal(mc_submission_result(w.sub, 0, &r), 0);
	assert_int_equal(r.verdict, MC_DEFERRED);
	close_world(&w);

	/* cancelled before the first wait */
	open_world(&w, "host = 127.0.0.1\nport = 9\ntls = off\n", NULL);
	assert_int_equal(pipe(cancel), 0);
	assert_int_equal(write(cancel[1], "", 1), 1);
	mc_submission_set_cancel(w.sub, cancel[0]);
	add(&w, "a@x.test");
	put(&w, "A: b\n\n");
	assert_int_equal(mc_submission_send(w.sub, &w.err), -1);
	assert_true(w.err.code == MC_E_CANCELLED ||
	    w.err.code == MC_E_CONNECT);
	assert_int_equal(mc_submission_result(w.sub, 0, &r), 0);
	assert_int_equal(r.verdict, MC_DEFERRED);
	(void)close(cancel[0]);
	(void)close(cancel[1]);
	close_world(&w);
}

/* how many chunks of a message a socket takes that nobody reads */
static size_t
socket_room(void)
{
	static const char chunk[MC_BODY_CHUNK];
	size_t n = 0;
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	while (write(fds[0], chunk, sizeof(chunk)) == (ssize_t)sizeof(chunk))
		n++;
	(void)close(fds[0]);
	(void)close(fds[1]);
	return n;
}

/* the wait for the verdict begins when the end of the data has left, and not
 * when it was written down to leave */
static void
test_slow_end(void **state)
{
	static const struct rule rules[] = { { NULL, NULL, 0 } };
	static const char line[] = "a line of forty bytes, CR LF among them";
	size_t size = socket_room() * MC_BODY_CHUNK + MC_BODY_CHUNK / 2;
	struct world w;
	struct peer p;
	int rc;

	(void)state;
	open_world(&w, "host = ~/socket\ntls = off\ntimeout = 3s\n", NULL);
	start_peer(&p, &w.side, rules);
	p.nap_body = 2000;
	p.nap_end = 2000;
	add(&w, "a@x.test");
	put(&w, "From: f@x.test\n\n");
	for (size_t n = 0; n < size; n += strlen(line) + 1) {
		put(&w, line);
		put(&w, "\n");
	}
	rc = mc_submission_send(w.sub, &w.err);
	stop_peer(&p);
	if (rc != 0)
		fail_msg("%s", w.err.text);
	close_world(&w);
}

/* whatever allocation fails: everybody has a verdict, and it is true */
static void
test_send_nomem(void **state)
{
	static const struct rule rules[] = { { NULL, NULL, 0 } };
	unsigned long n, count;

	(void)state;
	for (n = 1;; n++) {
		struct world w;
		struct peer p;
		struct mc_result r;
		unsigned delivered = 0, unsure = 0;
		int rc;

		open_world(&w, SOCKET_CONF, NULL);
		start_peer(&p, &w.side, rules);
		add(&w, "a@x.test, y@x.test");
		put(&w, "From: f@x.test\nTo: a@x.test\n\nhi\n");
		prepare(&w);
		(void)failmalloc(n, false);
		rc = mc_submission_send(w.sub, &w.err);
		count = failmalloc(0, false);
		stop_peer(&p);
		for (size_t i = 0; mc_submission_result(w.sub, i, &r) == 0;
		    i++) {
			assert_int_not_equal(r.verdict, MC_PENDING);
			assert_int_not_equal(r.verdict, MC_FAILED);
			delivered += r.verdict == MC_DELIVERED;
			unsure += r.verdict == MC_UNSURE;
		}
		assert_int_equal(rc == 0, delivered == 2);
		if (rc != 0)
			assert_int_not_equal(w.err.code, MC_OK);
		unsigned came = 0;
		for (const char *at = p.data;
		    (at = strstr(at, "From: f@x")) != NULL; at++)
			came++;
		assert_true(came >= delivered && came <= delivered + unsure);
		close_world(&w);
		if (count < n)
			break;
	}
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_original),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_send_at),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_body_no_memory),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_dsn),
		cmocka_unit_test(test_setters),
		cmocka_unit_test(test_failure_stays),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_prepare_nomem),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_not_reached),
		cmocka_unit_test(test_slow_end),
		cmocka_unit_test(test_send_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
