/* SPDX-License-Identifier: MIT */
/*
 * test_fixup.c - what is taken from a header, and what is changed in it
 */
#include "unit.h"

#include "base/limits.h"
#include "mail/fixup.h"
#include "mail/message.h"

#include <time.h>

#define DATE "Date: Mon, 23 Nov 2026 14:30:07 +0000\r\n"
#define ID "Message-ID: <I>\r\n"
#define RDATE "Resent-Date: Mon, 23 Nov 2026 14:30:07 +0000\r\n"
#define RID "Resent-Message-ID: <I>\r\n"
#define FROM "From: Al B <al@d.example>\r\n"
/* a header that lacks nothing */
#define H "From: a@x\r\nDate: d\r\nMessage-ID: <m@x>\r\n"

/* the header of a message text with LF line ends */
static void
parse(const char *text, struct mc_message *m)
{
	struct mc_err err = { .code = MC_OK };

	mc_message_init(m, 1 << 20, NULL);
	struct mc_message_reader *r = mc_message_reader_new(m, false, &err);
	assert_non_null(r);
	assert_int_equal(mc_message_reader_feed(r, text, strlen(text), &err),
	    0);
	assert_int_equal(mc_message_reader_end(r, &err), 0);
	mc_message_reader_free(r);
}

/* -------------------------------------------------------------- recipients */

struct told {
	struct mc_buf text;
	size_t stop_after;	/* fail once so many were told, 0: never */
	size_t n;
};

static int
tell(void *ctx, enum mc_rcpt_kind kind, const struct mc_addr *addr,
    struct mc_err *err)
{
	struct told *t = ctx;

	if (t->stop_after != 0 && t->n == t->stop_after)
		return mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_LOCAL, NULL);
	t->n++;
	if (t->text.len != 0)
		mc_buf_addc(&t->text, ' ');
	mc_buf_addc(&t->text, kind == MC_RCPT_TO ? 't' :
	    kind == MC_RCPT_CC ? 'c' : 'b');
	mc_buf_addc(&t->text, ':');
	mc_buf_add_str(&t->text, addr->local);
	if (addr->domain.len != 0) {
		mc_buf_addc(&t->text, '@');
		mc_buf_add_str(&t->text, addr->domain);
	}
	return 0;
}

static void
test_recipients(void **state)
{
	static const struct {
		const char *text;
		const char *all;	/* NULL: MC_E_ADDR_SYNTAX */
		const char *visible;
	} rows[] = {
		{ "To: a@x, b@x\nCc: c@x\nBcc: d@x\n",
		    "t:a@x t:b@x c:c@x b:d@x", "t:a@x t:b@x c:c@x" },
		{ "To: a@x\nTO : b@x\nBcc: d@x\nbCC :\n e@x,\n\tf@x\n",
		    "t:a@x t:b@x b:d@x b:e@x b:f@x", "t:a@x t:b@x" },
		{ "To: F: a@x, Bob <b@x>;, c@x\n", "t:a@x t:b@x t:c@x",
		    "t:a@x t:b@x t:c@x" },
		{ "To: undisclosed-recipients:;\nBcc: d@x\n", "b:d@x", "" },
		{ "To: a@x (Al \\) (n, c)), \"Doe, John\" <b@x>, (c) c@x\n",
		    "t:a@x t:b@x t:c@x", "t:a@x t:b@x t:c@x" },
		{ "To: \"a b\"@x, \"x,y\"@x\n", "t:\"a b\"@x t:\"x,y\"@x",
		    "t:\"a b\"@x t:\"x,y\"@x" },
		{ "To: bob\n", "t:bob", "t:bob" },
		{ "To: a@x\nBcc:\n", "t:a@x", "t:a@x" },
		{ "Bcc: a@x\n", "b:a@x", "" },
		{ "To:\n", "", "" },
		{ "To: <>\nCc: ,,\n", "", "" },
		{ "Subject: x\nFrom: me@x\nReply-To: r@x\nToo: y@x\n", "", "" },
		{ "Apparently-To: a@x\n", "", "" },
		/* resent: only the Resent- fields, of all blocks; seen is the
		 * newest */
		{ "Resent-From: f@x\nResent-To: r1@x\nResent-Bcc: r2@x\n"
		    "To: o@x\nBcc: ob@x\n", "t:r1@x b:r2@x", "t:r1@x" },
		{ "Resent-To: second@x\nReceived: q\nResent-To: first@x\n"
		    "Resent-Cc: c1@x\nTo: o@x\n",
		    "t:second@x t:first@x c:c1@x", "t:second@x" },
		{ "Resent-From: a@x\nResent-To: n@x\nResent-Date: d\n"
		    "Resent-From: b@x\nResent-To: o@x\n",
		    "t:n@x t:o@x", "t:n@x" },
		{ "Received: q\nResent-Cc: n@x\nTo: o@x\n", "c:n@x", "c:n@x" },
		{ "Resent-From: f@x\nTo: o@x\n", "", "" },
		{ "Resent-Bcc: f@x\nTo: o@x\n", "b:f@x", "" },
		/* broken lists stop -t, but only hide from the visible */
		{ "To: a@x\nCc: \"open\n", NULL, "t:a@x" },
		{ "To: a@b@c\nCc: c@x\n", NULL, "c:c@x" },
		{ "To: <a@x\n", NULL, "" },
		{ "To: a: b: c@x;;\n", NULL, "" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_message m;
		struct mc_err err = { .code = MC_OK };
		struct told t = { .n = 0 };

		mc_buf_init(&t.text, 10000);
		parse(rows[i].text, &m);
		int rc = mc_fixup_recipients(&m.header, tell, &t, &err);
		if (rows[i].all == NULL) {
			assert_err(rc, err, MC_E_ADDR_SYNTAX);
			/* says which field */
			assert_true(strncmp(err.text, "To", 2) == 0 ||
			    strncmp(err.text, "Cc", 2) == 0);
		} else {
			assert_int_equal(rc, 0);
			assert_string_equal(t.text.ptr, rows[i].all);
		}
		mc_buf_reset(&t.text);
		assert_int_equal(mc_fixup_visible(&m.header, tell, &t, NULL),
		    0);
		assert_string_equal(t.text.ptr, rows[i].visible);
		mc_buf_clear(&t.text);
		mc_message_clear(&m);
	}
}

static void
test_recipients_stop(void **state)
{
	struct mc_message m;

	(void)state;
	parse("To: a@x, b@x\nCc: c@x\n", &m);
	for (size_t stop = 1; stop < 3; stop++) {
		struct mc_err err = { .code = MC_OK };
		struct told t = { .stop_after = stop };

		mc_buf_init(&t.text, 10000);
		assert_err(mc_fixup_recipients(&m.header, tell, &t, &err), err,
		    MC_E_ADDR_BARE);
		assert_int_equal(t.n, stop);
		mc_err_reset(&err);
		assert_err(mc_fixup_visible(&m.header, tell, &t, &err), err,
		    MC_E_ADDR_BARE);
		mc_buf_clear(&t.text);
	}
	mc_message_clear(&m);
}

/* -------------------------------------------------------------- the header */

/* new Message-IDs become <I> */
static void
mask_ids(struct mc_buf *b)
{
	static const char tail[] = "@id.example>";

	for (size_t i = 27; i + strlen(tail) <= b->len; i++) {
		if (memcmp(b->ptr + i, tail, strlen(tail)) != 0 ||
		    b->ptr[i - 27] != '<')
			continue;
		mc_buf_splice(b, i - 26, 26 + strlen(tail) - 1, MC_STR("I"));
		i -= 26;
	}
}

static const struct mc_fixup plain = {
	.domain = { "d.example", 9 },
	.from_addr = { "al@d.example", 12 },
	.from_name = { "Al B", 4 },
	.own_addr = { "al@d.example", 12 },
	.own_name = { "Al B", 4 },
	.id_domain = { "id.example", 10 },
	.now = 1795444207,
};

static void
check(const char *text, const struct mc_fixup *fix, const char *want,
    const char *want_id)
{
	struct mc_message m;
	struct mc_err err = { .code = MC_OK };
	struct mc_buf b;
	struct mc_buf id;

	parse(text, &m);
	mc_buf_init(&b, 1 << 20);
	mc_buf_init(&id, 2000);
	assert_int_equal(mc_fixup_header(&m.header, fix, &id, &err), 0);
	mc_header_write(&m.header, &b);
	assert_int_equal(b.len, m.header.size);
	mask_ids(&b);
	mask_ids(&id);
	assert_string_equal(b.ptr, want);
	assert_string_equal(id.ptr, want_id);

	/* a second time changes nothing */
	mc_buf_reset(&b);
	mc_buf_reset(&id);
	assert_int_equal(mc_fixup_header(&m.header, fix, &id, &err), 0);
	mc_header_write(&m.header, &b);
	mask_ids(&b);
	assert_string_equal(b.ptr, want);
	mc_buf_clear(&b);
	mc_buf_clear(&id);
	mc_message_clear(&m);
}

struct row {
	const char *text;
	const char *want;
};

static void
test_bcc(void **state)
{
	static const struct row rows[] = {
		{ H "To: b@x\nBcc: s@x\nSubject: q\n",
		    H "To: b@x\r\nSubject: q\r\n" },
		{ H "BCC: b@x\nbcc: c@x,\n d@x\nTo: b@x\n",
		    H "To: b@x\r\n" },
		{ H "bCC :s@x\nBcc\t:\n s@x\n\ts2@x\nTo: b@x\n",
		    H "To: b@x\r\n" },
		{ H "Bcc:\nTo: b@x\nBcc: \nBcc:\n \n", H "To: b@x\r\n" },
		{ H "Bcc: G: s@x, t@x;\nTo: b@x\n", H "To: b@x\r\n" },
		{ H "Bcc: (c, (d)) s@x (e)\nTo: b@x\n", H "To: b@x\r\n" },
		{ H "Bcc: \"broken <s@x\nTo: b@x\n", H "To: b@x\r\n" },
		{ "Bcc: s@x\nBcc: s@x\n" H "To: b@x\nBcc: s@x\nBcc: s@x",
		    H "To: b@x\r\n" },
		{ H "X-Bcc: s@x\nBccc: s@x\n", H "X-Bcc: s@x\r\nBccc: s@x\r\n" },
		{ "Return-Path: <r@x>\nCONTENT-LENGTH: 5\n" H "Received: q\n",
		    H "Received: q\r\n" },
		{ H "Content-Length: 1\nContent-Length-X: 1\nErrors-To: e\n",
		    H "Content-Length-X: 1\r\nErrors-To: e\r\n" },
		/* a resent message loses both kinds */
		{ "Resent-From: f@x\nResent-To: r1@x\nResent-Bcc: r2@x\n" H
		    "To: o@x\nBcc: ob@x\n",
		    RDATE RID "Resent-From: f@x\r\nResent-To: r1@x\r\n" H
		    "To: o@x\r\n" },
		{ "resent-BCC :\n s@x\n" H, "Resent-From: Al B "
		    "<al@d.example>\r\n" RDATE RID H },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check(rows[i].text, &plain, rows[i].want, "<m@x>");
}

static void
test_missing(void **state)
{
	static const struct row rows[] = {
		{ "", FROM DATE ID },
		{ "\nbody\n", FROM DATE ID },
		{ "To: b@x\nSubject:q\n", FROM DATE ID "To: b@x\r\nSubject:q\r\n" },
		{ "From:\nDate: \nMessage-ID:\t\nTo:b@x\n",
		    FROM DATE ID "To:b@x\r\n" },
		{ "From: <>\nMessage-Id: <>\nDate:\n \n\t\nTo:b@x\n",
		    FROM DATE ID "To:b@x\r\n" },
		{ "FROM : a@x\nTo: b@x\n", DATE ID "FROM : a@x\r\nTo: b@x\r\n" },
		{ "From: a@x\nDate: q\nTo: b@x\n",
		    ID "From: a@x\r\nDate: q\r\nTo: b@x\r\n" },
		/* two From fields stay, but an empty one beside a good one goes */
		{ "From: a@x\nFrom: b@x\n", DATE ID
		    "From: a@x\r\nFrom: b@x\r\n" },
		{ "From:\nFrom: b@x\nFrom: <>\n", DATE ID "From: b@x\r\n" },
		{ "From: G:;\n", DATE ID "From: G:;\r\n" },
		/* resent: the Resent- forms in the newest block, on top */
		{ "Resent-To: r@x\nTo: o@x\n",
		    "Resent-From: Al B <al@d.example>\r\n" RDATE RID
		    "Resent-To: r@x\r\nTo: o@x\r\n" },
		/* the plain ones are the author's: only empty ones are made */
		{ "Resent-To: r@x\nFrom: <>\nMessage-ID:\nDate: \nTo: o@x\n",
		    FROM DATE ID "Resent-From: Al B <al@d.example>\r\n" RDATE
		    RID "Resent-To: r@x\r\nTo: o@x\r\n" },
		{ "To: o@x\nResent-Cc: r@x\nDate:\n", DATE "To: o@x\r\n"
		    "Resent-From: Al B <al@d.example>\r\n" RDATE RID
		    "Resent-Cc: r@x\r\n" },
		{ "X: y\nResent-To: r@x\nResent-Date: q\nResent-From:\n"
		    "From: o@x\nMessage-ID: <m>\nDate: e\n",
		    "X: y\r\nResent-From: Al B <al@d.example>\r\n" RID
		    "Resent-To: r@x\r\nResent-Date: q\r\n"
		    "From: o@x\r\nMessage-ID: <m>\r\nDate: e\r\n" },
		{ "Resent-To: n@x\nReceived: q\nResent-To: o@x\n"
		    "Resent-Date: e\nResent-From: f@x\nResent-Message-ID: <o>\n"
		    H, "Resent-From: Al B <al@d.example>\r\n" RDATE RID
		    "Resent-To: n@x\r\nReceived: q\r\nResent-To: o@x\r\n"
		    "Resent-Date: e\r\nResent-From: f@x\r\n"
		    "Resent-Message-ID: <o>\r\n" H },
		{ "Resent-Bcc: n@x\nReceived: q\nResent-To: o@x\n"
		    "Resent-Date: e\nResent-From: f@x\nResent-Message-ID: <o>\n"
		    H, "Resent-From: Al B <al@d.example>\r\n" RDATE RID
		    "Received: q\r\nResent-To: o@x\r\n"
		    "Resent-Date: e\r\nResent-From: f@x\r\n"
		    "Resent-Message-ID: <o>\r\n" H },
		/* complete ones stay as they are */
		{ "Resent-From: f@x\nResent-Date: e\nResent-Message-ID: <o>\n"
		    "Resent-To: t@x\n" H, "Resent-From: f@x\r\nResent-Date: e"
		    "\r\nResent-Message-ID: <o>\r\nResent-To: t@x\r\n" H },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		check(rows[i].text, &plain, rows[i].want,
		    strstr(rows[i].want, "<m@x>") != NULL ? "<m@x>" :
		    strstr(rows[i].want, "<m>") != NULL ? "<m>" : "<I>");
}

static void
test_message_id(void **state)
{
	static const struct row rows[] = {
		{ "<a@b>", "<a@b>" },
		{ "\n  <a@b> (c)\n ", "<a@b>" },
		{ "(c) <a b@c>", "<a b@c>" },
		{ "plain", "plain" },
		{ "a\n <b", "a  <b" },
		{ "<a\x01\xff>", "<a?" "?>" },
	};
	char text[100];
	char want[100];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		size_t n = 0;

		(void)snprintf(text, sizeof(text),
		    "From: a@x\nDate: d\nMessage-ID: %s\n", rows[i].text);
		for (size_t k = 0; text[k] != '\0'; k++) {
			if (text[k] == '\n')
				want[n++] = '\r';
			want[n++] = text[k];
		}
		want[n] = '\0';
		check(text, &plain, want, rows[i].want);
	}
}

static void
test_qualify(void **state)
{
	static const struct row rows[] = {
		{ "To: bob, Al <al>, x@y", "To: bob@d.example, "
		    "Al <al@d.example>, x@y" },
		{ "TO:bob", "TO:bob@d.example" },
		{ "Cc :  \"a b\" , (c) bob (d, e) ,", "Cc :  \"a b\"@d.example "
		    ", (c) bob@d.example (d, e) ," },
		{ "Reply-To: G: bob,x@y,<carl> ; , dora", "Reply-To: G: "
		    "bob@d.example,x@y,<carl@d.example> ; , dora@d.example" },
		{ "To: bob,\n\tcarl\n ,\n x@y", "To: bob@d.example,\r\n"
		    "\tcarl@d.example\r\n ,\r\n x@y" },
		{ "Sender: root (Cron Daemon)",
		    "Sender: root@d.example (Cron Daemon)" },
		{ "To: J\xc3\xb6rg <joe>", "To: J\xc3\xb6rg <joe@d.example>" },
		{ "To: a.b", "To: a.b@d.example" },
		/* not lists, not ours, or nothing to do: every byte stays */
		{ "To: \"open, bob", "To: \"open, bob" },
		{ "To: bob <carl", "To: bob <carl" },
		{ "To:a@x , b@y", "To:a@x , b@y" },
		{ "To: undisclosed-recipients:;",
		    "To: undisclosed-recipients:;" },
		{ "To:", "To:" },
		{ "Subject: bob", "Subject: bob" },
		{ "Return-Receipt-To: bob", "Return-Receipt-To: bob" },
	};
	static const char *const resent[] = { "To", "Cc", "Sender",
		"Reply-To", "From" };
	char text[200];
	char want[300];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		(void)snprintf(text, sizeof(text), H "%s\n", rows[i].text);
		(void)snprintf(want, sizeof(want), H "%s\r\n", rows[i].want);
		check(text, &plain, want, "<m@x>");
	}
	for (size_t i = 0; i < MC_NELEM(resent); i++) {
		(void)snprintf(text, sizeof(text), H "Resent-Message-ID: i\n"
		    "Resent-Date: d\n%sResent-%s: bob\n",
		    i == 4 ? "" : "Resent-From: c@x\n", resent[i]);
		(void)snprintf(want, sizeof(want), H "Resent-Message-ID: i\r\n"
		    "Resent-Date: d\r\n%sResent-%s: bob@d.example\r\n",
		    i == 4 ? "" : "Resent-From: c@x\r\n", resent[i]);
		check(text, &plain, want, "<m@x>");
	}

	/* cron, whole */
	check("From: root (Cron Daemon)\nTo: alice\nSubject: Cron\n"
	    "X-Cron-Env: <A=b>\n\nout\n", &plain, DATE ID
	    "From: root@d.example (Cron Daemon)\r\nTo: alice@d.example\r\n"
	    "Subject: Cron\r\nX-Cron-Env: <A=b>\r\n", "<I>");

	/* without a domain bare names stay */
	struct mc_fixup none = plain;
	none.domain = MC_STR_NONE;
	check(H "To: bob\n", &none, H "To: bob\r\n", "<m@x>");
}

static void
test_from_name(void **state)
{
	static const struct row rows[] = {
		{ "", "From: al@d.example\r\n" },
		{ "Alice Tester", "From: Alice Tester <al@d.example>\r\n" },
		{ "J. \"Q\" (x)",
		    "From: \"J. \\\"Q\\\" (x)\" <al@d.example>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_fixup fix = plain;
		char want[200];

		fix.from_name = mc_str_from(rows[i].text);
		(void)snprintf(want, sizeof(want), "%s" DATE ID "To: b@x\r\n",
		    rows[i].want);
		check("To: b@x\n", &fix, want, "<I>");
		/* a From that is there does not change */
		check(H, &fix, H, "<m@x>");
	}

	/* no line of its own comes out of a name, whatever it holds */
	static const char *const names[] = { "x\nBcc: e@x", "x\r\nBcc: e@x",
		"x\r\n\r\nbody", "\r", "\n", "J\xc3\xb6rg\r\nBcc: e@x" };
	for (size_t i = 0; i < MC_NELEM(names); i++) {
		struct mc_fixup fix = plain;
		struct mc_message m;
		struct mc_buf id;

		fix.from_name = mc_str_from(names[i]);
		parse("To: b@x\n", &m);
		mc_buf_init(&id, 1000);
		assert_int_equal(mc_fixup_header(&m.header, &fix, &id, NULL),
		    0);
		assert_int_equal(m.header.fields.n, 4);
		assert_true(mc_header_find(&m.header, "Bcc", 0) == SIZE_MAX);
		mc_buf_clear(&id);
		mc_message_clear(&m);
	}
}

static bool
owns_listed(const void *ctx, struct mc_str addr)
{
	return mc_str_eq(addr, mc_str_from(ctx));
}

/* what every row of the policy's has behind it */
#define REST "Date: d\r\nMessage-ID: <m@x>\r\n"

static void
test_policy(void **state)
{
	static const struct {
		enum mc_from_policy policy;
		const char *text;
		const char *want;
	} rows[] = {
		{ MC_FROM_KEEP, "From: Bo <b@y>\n", "From: Bo <b@y>\r\n" },
		{ MC_FROM_KEEP, "Sender: s@y\nFrom: b@y\n",
		    "Sender: s@y\r\nFrom: b@y\r\n" },
		{ MC_FROM_KEEP, "From: b@y\nFrom: \"c\nSender:\n",
		    "From: b@y\r\nFrom: \"c\r\nSender:\r\n" },
		{ MC_FROM_ADDRESS, "From: Bo <b@y>\n",
		    "Reply-To: Bo <b@y>\r\nFrom: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From:\"B, \\\"o\" <b@y>\n",
		    "Reply-To: \"B, \\\"o\" <b@y>\r\n"
		    "From: \"B, \\\"o\" <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: =?utf-8?q?J=C3=B6rg?=\n <b@y>\n",
		    "Reply-To: =?utf-8?q?J=C3=B6rg?=\r\n <b@y>\r\n"
		    "From: =?utf-8?q?J=C3=B6rg?=\r\n <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: Bo <@r:b@y> (c)\n",
		    "Reply-To: Bo <@r:b@y> (c)\r\n"
		    "From: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: Bo <\n b@y\t> (c)\n",
		    "Reply-To: Bo <\r\n b@y\t> (c)\r\n"
		    "From: Bo <\r\n al@d.example\t> (c)\r\n" },
		/* cron: the name comes out of its comment */
		{ MC_FROM_ADDRESS, "From: root (Cron Daemon)\n",
		    "Reply-To: root@d.example (Cron Daemon)\r\n"
		    "From: Cron Daemon <al@d.example>\r\n" },
		{ MC_FROM_FORCE, "From: root (Cron Daemon)\n",
		    "Reply-To: root@d.example (Cron Daemon)\r\n" FROM },
		{ MC_FROM_ADDRESS, "From: \"root (Cron Daemon)\"\n",
		    "Reply-To: \"root (Cron Daemon)\"@d.example\r\n"
		    "From: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y (J. \\(\"x\\\")\n",
		    "Reply-To: b@y (J. \\(\"x\\\")\r\n"
		    "From: \"J. (\\\"x\\\"\" <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y (J\xc3\xb6rg)\n",
		    "Reply-To: b@y (J\xc3\xb6rg)\r\n"
		    "From: =?UTF-8?B?SsO2cmc=?= <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y (a\n\t\n b)\n",
		    "Reply-To: b@y (a\t\r\n b)\r\n"
		    "From: \"a  b\" <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y\n",
		    "Reply-To: b@y\r\nFrom: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "From: <b@y>\n",
		    "Reply-To: <b@y>\r\nFrom: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "From: Bo <b@y>, Cy <c@y>\n",
		    "Reply-To: Bo <b@y>, Cy <c@y>\r\n"
		    "From: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: Staff: Bo <b@y>, c@y;\n",
		    "Reply-To: Staff: Bo <b@y>, c@y;\r\n"
		    "From: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: Nobody:;\n",
		    "X-Original-From: Nobody:;\r\n" FROM },
		{ MC_FROM_ADDRESS, "Reply-To: r@y\nFrom: Bo <b@y>\n",
		    "X-Original-From: Bo <b@y>\r\nReply-To: r@y\r\n"
		    "From: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "Reply-To:\nFrom: Bo <b@y>\n",
		    "Reply-To: Bo <b@y>\r\nFrom: Bo <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: not a list\n",
		    "X-Original-From: not a list\r\n"
		    "From: Al B <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y\n \n (c)\n",
		    "Reply-To: b@y \r\n (c)\r\nFrom: c <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: Bo\n \n <b@y>\n",
		    "Reply-To: Bo \r\n <b@y>\r\n"
		    "From: Bo \r\n <al@d.example>\r\n" },
		/* ours already: nothing to do */
		{ MC_FROM_ADDRESS, "From: Bo <Al@D.example>\n",
		    "From: Bo <Al@D.example>\r\n" },
		{ MC_FROM_FORCE, "From: Bo <Al@D.example>\n",
		    "From: Bo <Al@D.example>\r\n" },
		{ MC_FROM_FORCE, "From: Bo <bo@own.example>\n",
		    "From: Bo <bo@own.example>\r\n" },
		{ MC_FROM_ADDRESS, "From: al\n", "From: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "To: b@x\n", FROM "To: b@x\r\n" },
		{ MC_FROM_FORCE, "From: Bo <b@y>\n",
		    "Reply-To: Bo <b@y>\r\n" FROM },
		{ MC_FROM_FORCE, "From: b@y, c@y\nReply-To: r@y\n",
		    "X-Original-From: b@y, c@y\r\n" FROM "Reply-To: r@y\r\n" },
		{ MC_FROM_FORCE, "To: b@x\n", FROM "To: b@x\r\n" },
		/* one From is left, or a server takes the other one */
		{ MC_FROM_FORCE, "From: b@y\nX: q\nFrom: c@y\nFrom:d@y\n",
		    "X-Original-From: d@y\r\nX-Original-From: c@y\r\n"
		    "Reply-To: b@y\r\n" FROM "X: q\r\n" },
		{ MC_FROM_ADDRESS, "From: b@y\nFrom: al@d.example\nFrom: c@y\n"
		    "X: q\n", "X-Original-From: c@y\r\nX-Original-From: b@y\r\n"
		    "From: al@d.example\r\nX: q\r\n" },
		{ MC_FROM_ADDRESS, "From: al@d.example\n"
		    "From: bo@own.example\n",
		    "X-Original-From: bo@own.example\r\n"
		    "From: al@d.example\r\n" },
		/* several people: all of them have to be ours */
		{ MC_FROM_ADDRESS, "From: al@d.example, bo@own.example\n",
		    "Sender: Al B <al@d.example>\r\n"
		    "From: al@d.example, bo@own.example\r\n" },
		{ MC_FROM_ADDRESS, "From: Al <al@d.example>, b@y\n",
		    "Reply-To: Al <al@d.example>, b@y\r\n"
		    "From: Al <al@d.example>\r\n" },
		/* Sender too; it goes where it says no more than From */
		{ MC_FROM_FORCE, "Sender: s@y\nFrom: b@y\n",
		    "X-Original-Sender: s@y\r\nReply-To: b@y\r\n" FROM },
		{ MC_FROM_ADDRESS, "Sender: Si <s@y>\nFrom: bo@own.example\n",
		    "X-Original-Sender: Si <s@y>\r\n"
		    "Sender: Si <al@d.example>\r\n"
		    "From: bo@own.example\r\n" },
		{ MC_FROM_FORCE, "From: bo@own.example\nSender: Si <s@y>\n",
		    "X-Original-Sender: Si <s@y>\r\n"
		    "From: bo@own.example\r\n"
		    "Sender: Al B <al@d.example>\r\n" },
		{ MC_FROM_ADDRESS, "Sender: s@y\nFrom: al@d.example, "
		    "bo@own.example\n", "X-Original-Sender: s@y\r\n"
		    "Sender: al@d.example\r\n"
		    "From: al@d.example, bo@own.example\r\n" },
		{ MC_FROM_ADDRESS, "Sender: Q <al@d.example>\nFrom: b@y\n",
		    "Reply-To: b@y\r\nSender: Q <al@d.example>\r\n"
		    "From: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "Sender: al\nSender: \"\nFrom: al\n",
		    "X-Original-Sender: \"\r\nSender: al@d.example\r\n"
		    "From: al@d.example\r\n" },
		{ MC_FROM_ADDRESS, "Sender:\nSender: <>\nFrom: al\n",
		    "X-Original-Sender: <>\r\nFrom: al@d.example\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_fixup fix = plain;
		char text[400];
		char want[500];

		fix.from_policy = rows[i].policy;
		fix.owns = owns_listed;
		fix.owns_ctx = "bo@own.example";
		(void)snprintf(text, sizeof(text), "%sDate: d\n"
		    "Message-ID: <m@x>\n", rows[i].text);
		(void)snprintf(want, sizeof(want), "%s" REST, rows[i].want);
		check(text, &fix, want, "<m@x>");
	}

	/* an account without an address has nothing to put there */
	struct mc_fixup none = plain;
	none.from_policy = MC_FROM_FORCE;
	none.own_addr = MC_STR_NONE;
	check(H "Sender: s@y\nReply-To:\n", &none, H "Sender: s@y\r\n"
	    "Reply-To:\r\n", "<m@x>");

	/* nor is there a name in every one */
	struct mc_fixup nameless = plain;
	nameless.from_policy = MC_FROM_FORCE;
	nameless.own_name = MC_STR_NONE;
	check("From: Bo <b@y>\n" REST, &nameless,
	    "Reply-To: Bo <b@y>\r\nFrom: al@d.example\r\n" REST, "<m@x>");
}

static void
test_policy_resent(void **state)
{
	struct mc_fixup fix = plain;

	(void)state;
	fix.from_policy = MC_FROM_ADDRESS;
	fix.owns = owns_listed;
	fix.owns_ctx = "bo@own.example";
	check("Resent-From: R <r@y>\nResent-Sender: s@y\nResent-To: t@x\n"
	    "Resent-Date: d\nResent-Message-ID: <i>\nReceived: q\n"
	    "Resent-From: old@y\nResent-Sender: old2@y\n"
	    "From: O <o@y>\nSender: p@y\nDate: d\nMessage-ID: <m@x>\n", &fix,
	    "X-Original-Resent-Sender: s@y\r\n"
	    "X-Original-Resent-From: R <r@y>\r\n"
	    "X-Original-Sender: p@y\r\nReply-To: O <o@y>\r\n"
	    "Resent-From: R <al@d.example>\r\nResent-To: t@x\r\n"
	    "Resent-Date: d\r\nResent-Message-ID: <i>\r\nReceived: q\r\n"
	    "Resent-From: old@y\r\nResent-Sender: old2@y\r\n"
	    "From: O <al@d.example>\r\nDate: d\r\nMessage-ID: <m@x>\r\n",
	    "<m@x>");
	/* blocks that touch once a From between them is gone are one */
	check("From: o@y\nResent-From: al\nResent-Date: d\n"
	    "Resent-Message-ID: <i>\nFrom: p@y\nResent-Sender: q@y\n"
	    "Date: d\nMessage-ID: <m@x>\n", &fix,
	    "X-Original-Resent-Sender: q@y\r\nX-Original-From: p@y\r\n"
	    "Reply-To: o@y\r\nFrom: al@d.example\r\n"
	    "Resent-From: al@d.example\r\nResent-Date: d\r\n"
	    "Resent-Message-ID: <i>\r\nDate: d\r\nMessage-ID: <m@x>\r\n",
	    "<m@x>");
	check("Resent-From: al\nResent-Date: d\nResent-Message-ID: <i>\n"
	    "Resent-Sender: p@y\nResent-Sender: q@y\nResent-To: t@x\n"
	    "Resent-From: r@y\n", &fix,
	    "X-Original-Resent-Sender: q@y\r\n"
	    "X-Original-Resent-Sender: p@y\r\n"
	    "Resent-From: al@d.example\r\nResent-Date: d\r\n"
	    "Resent-Message-ID: <i>\r\nResent-To: t@x\r\n"
	    "Resent-From: r@y\r\n", "<i>");
	check("Resent-From: al\nResent-Date: d\nResent-Message-ID: <i>\n"
	    "Bcc: c@x\nResent-Sender: q@y\n", &fix,
	    "X-Original-Resent-Sender: q@y\r\n"
	    "Resent-From: al@d.example\r\nResent-Date: d\r\n"
	    "Resent-Message-ID: <i>\r\n", "<i>");
	/* answers go to the author, not to who resends */
	check("Resent-From: R <r@y>\nResent-Date: d\nResent-Message-ID: <i>\n"
	    "From: al\n", &fix, "X-Original-Resent-From: R <r@y>\r\n"
	    "Resent-From: R <al@d.example>\r\nResent-Date: d\r\n"
	    "Resent-Message-ID: <i>\r\nFrom: al@d.example\r\n", "<i>");
	/* the From is ours, who resends is not */
	check("X: y\nResent-Sender: S <s@y>\nResent-From: bo@own.example, "
	    "al@d.example\nResent-Date: d\nResent-Message-ID: <i>\n"
	    "Resent-To: t@x\nFrom: al\n", &fix,
	    "X-Original-Resent-Sender: S <s@y>\r\nX: y\r\n"
	    "Resent-Sender: S <al@d.example>\r\n"
	    "Resent-From: bo@own.example, al@d.example\r\n"
	    "Resent-Date: d\r\nResent-Message-ID: <i>\r\nResent-To: t@x\r\n"
	    "From: al@d.example\r\n", "<i>");
}

/* a From of several people has a Sender (RFC 5322 3.6.2) */
static void
test_sender(void **state)
{
	static const struct row rows[] = {
		{ "From: a@y, b@y\n", "Sender: Al B <al@d.example>\r\n"
		    "From: a@y, b@y\r\n" },
		{ "X: y\nFrom: a, \"\n", "X: y\r\nFrom: a, \"\r\n" },
		{ "X: y\nFrom: G: a, b;\n", "X: y\r\nSender: Al B "
		    "<al@d.example>\r\n"
		    "From: G: a@d.example, b@d.example;\r\n" },
		{ "From: a@y, b@y\nSender: c@y\n",
		    "From: a@y, b@y\r\nSender: c@y\r\n" },
		{ "Sender: <>\nX: y\nFrom: a@y, b@y\nSender:\n",
		    "X: y\r\nSender: Al B <al@d.example>\r\n"
		    "From: a@y, b@y\r\n" },
		{ "From: a@y,\n", "From: a@y,\r\n" },
		{ "From: a@y\nFrom: b@y\n", "From: a@y\r\nFrom: b@y\r\n" },
		/* who resends stands for the block */
		{ "Resent-From: a@y, b@y\nResent-To: t@x\nResent-Date: d\n"
		    "Resent-Message-ID: <i>\nFrom: c@y, d@y\n",
		    "Resent-Sender: Al B <al@d.example>\r\n"
		    "Resent-From: a@y, b@y\r\nResent-To: t@x\r\n"
		    "Resent-Date: d\r\nResent-Message-ID: <i>\r\n"
		    "From: c@y, d@y\r\n" },
		{ "Resent-To: t@x\nResent-Date: d\nResent-Sender:\n"
		    "Resent-Message-ID: <i>\nResent-From: a@y, b@y\n"
		    "Received: q\nResent-From: e@y, f@y\n"
		    "Resent-Sender: g@y\nFrom: c@y\n",
		    "Resent-To: t@x\r\nResent-Date: d\r\n"
		    "Resent-Message-ID: <i>\r\n"
		    "Resent-Sender: Al B <al@d.example>\r\n"
		    "Resent-From: a@y, b@y\r\nReceived: q\r\n"
		    "Resent-From: e@y, f@y\r\nResent-Sender: g@y\r\n"
		    "From: c@y\r\n" },
	};
	char text[400];
	char want[500];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		(void)snprintf(text, sizeof(text), "%sDate: d\n"
		    "Message-ID: <m@x>\n", rows[i].text);
		(void)snprintf(want, sizeof(want), "%s" REST, rows[i].want);
		check(text, &plain, want, "<m@x>");
	}
}

static void
test_received(void **state)
{
	(void)state;
	for (size_t n = MC_MAX_RECEIVED; n <= MC_MAX_RECEIVED + 1; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_message m;
		struct mc_buf id;

		mc_buf_init(&id, 1000);
		parse("Bcc: s@x\nX-Received: q\nReceived-SPF: q\n", &m);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(mc_header_append_raw(&m.header,
			    i % 2 == 0 ? MC_STR("Received: q\r\n") :
			    MC_STR("RECEIVED : q\r\n"), NULL), 0);
		int rc = mc_fixup_header(&m.header, &plain, &id, &err);
		if (n <= MC_MAX_RECEIVED) {
			assert_int_equal(rc, 0);
		} else {
			assert_err(rc, err, MC_E_LOOP);
			assert_int_equal(err.enh[0], 5);
			assert_int_equal(err.enh[1], 4);
			assert_int_equal(err.enh[2], 6);
		}
		assert_true(mc_header_find(&m.header, "Bcc", 0) == SIZE_MAX);
		mc_message_clear(&m);
		mc_buf_clear(&id);
	}
}

static void
test_failures(void **state)
{
	struct mc_fixup fix = plain;
	struct mc_message m;
	struct mc_buf id;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_buf_init(&id, 1000);
	fix.id_domain = MC_STR("evil\r\nBcc: x");
	parse("To: a@x\nBcc: s@x\n", &m);
	assert_err(mc_fixup_header(&m.header, &fix, &id, &err), err,
	    MC_E_INTERNAL);
	assert_int_equal(id.len, 0);
	assert_true(mc_header_find(&m.header, "Bcc", 0) == SIZE_MAX);
	mc_err_reset(&err);
	fix = plain;
	fix.from_addr = MC_STR_NONE;
	assert_err(mc_fixup_header(&m.header, &fix, &id, &err), err,
	    MC_E_INTERNAL);
	mc_message_clear(&m);
	mc_buf_clear(&id);
}

/* a full header still takes what must be added */
static void
test_full(void **state)
{
	struct mc_message m;
	struct mc_buf id;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_buf_init(&id, 1000);
	mc_message_init(&m, 1000, NULL);
	assert_int_equal(mc_header_append_raw(&m.header,
	    MC_STR("Resent-To: b@x\r\n"), NULL), 0);
	for (size_t i = 1; i < MC_MAX_FIELDS; i++)
		assert_int_equal(mc_header_append_raw(&m.header,
		    MC_STR("X-Received: q\r\n"), NULL), 0);
	assert_int_equal(mc_fixup_header(&m.header, &plain, &id, &err), 0);
	assert_int_equal(m.header.fields.n, MC_MAX_FIELDS + 3);
	mc_message_clear(&m);

	/* also where from-policy has much to keep */
	struct mc_fixup fix = plain;
	fix.from_policy = MC_FROM_FORCE;
	mc_message_init(&m, 1000, NULL);
	for (size_t i = 0; i < MC_MAX_FIELDS; i++)
		assert_int_equal(mc_header_append_raw(&m.header,
		    MC_STR("From: q@x\r\n"), NULL), 0);
	assert_int_equal(mc_fixup_header(&m.header, &fix, &id, &err), 0);
	/* all of them kept, a From, a Date and a Message-ID */
	assert_int_equal(m.header.fields.n, MC_MAX_FIELDS + 3);
	size_t left = mc_header_find(&m.header, "From", 0);
	assert_true(left != SIZE_MAX);
	assert_true(mc_header_find(&m.header, "From", left + 1) == SIZE_MAX);
	mc_message_clear(&m);
	mc_buf_clear(&id);
}

/* the greatest list there may be, all of it bare names */
static void
test_big_list(void **state)
{
	struct mc_message m;
	struct mc_buf b;
	struct mc_buf id;
	struct mc_err err = { .code = MC_OK };

	(void)state;
	mc_buf_init(&b, 32 << 20);
	mc_buf_init(&id, 1000);
	mc_message_init(&m, 1000, NULL);
	mc_buf_addz(&b, "To: u0");
	for (size_t i = 1; i < MC_MAX_RCPTS; i++)
		mc_buf_addf(&b, ",\r\n u%zu", i);
	mc_buf_addz(&b, "\r\n");
	assert_int_equal(mc_header_append_raw(&m.header, mc_buf_str(&b), &err),
	    0);
	assert_int_equal(mc_fixup_header(&m.header, &plain, &id, &err), 0);
	const struct mc_field *f = mc_header_at(&m.header, 3);
	assert_str(f->name, "To");
	assert_int_equal(f->raw.len, b.len + 10 * (size_t)MC_MAX_RCPTS);
	mc_message_clear(&m);
	mc_buf_clear(&id);
	mc_buf_clear(&b);
}

static int
ignore(void *ctx, enum mc_rcpt_kind kind, const struct mc_addr *addr,
    struct mc_err *err)
{
	(void)ctx;
	(void)kind;
	(void)addr;
	(void)err;
	return 0;
}

static void
test_no_memory(void **state)
{
	struct mc_fixup fix = plain;
	unsigned long n = 1;

	(void)state;
	fix.from_policy = MC_FROM_ADDRESS;
	fix.owns = owns_listed;
	fix.owns_ctx = "nobody";
	for (;; n++) {
		struct mc_message m;
		struct mc_buf id;
		struct mc_err err = { .code = MC_OK };

		parse("Resent-From: f@x\nResent-To: r1, G: r2@x;\n"
		    "Resent-Sender: u@x\n"
		    "Resent-Bcc: s@x\nFrom: Bo <bo>\nFrom:\nSender: q@x\n"
		    "From: Cy <c@y>\nReply-To: <>\n"
		    "To: a, b (c), \"d e\" <f>\nBcc: s@x\n", &m);
		mc_buf_init(&id, 1000);
		failmalloc(n, false);
		int rc = mc_fixup_recipients(&m.header, ignore, NULL, &err);
		if (rc == 0)
			rc = mc_fixup_visible(&m.header, ignore, NULL, &err);
		if (rc == 0)
			rc = mc_fixup_header(&m.header, &fix, &id, &err);
		failmalloc(0, false);
		mc_buf_clear(&id);
		mc_message_clear(&m);
		if (rc == 0)
			break;
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 50);
}

static int
setup(void **state)
{
	(void)state;
	if (setenv("TZ", "UTC0", 1) != 0)
		return -1;
	tzset();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recipients),
		cmocka_unit_test(test_recipients_stop),
		cmocka_unit_test(test_bcc),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_message_id),
		cmocka_unit_test(test_qualify),
		cmocka_unit_test(test_from_name),
		cmocka_unit_test(test_policy),
		cmocka_unit_test(test_policy_resent),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_big_list),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
