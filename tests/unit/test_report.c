/* SPDX-License-Identifier: MIT */
/*
 * test_report.c - delivery reports: whole ones byte by byte, and each rule
 */
#include "unit.h"

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "queue/report.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>

#define ID "ztpqz5pmyxi6v2ozjf4oxd3saa"
#define HEADER \
	"Date: Tue, 14 Nov 2023 22:13:00 +0000\r\n" \
	"From: Me <me@x.example>\r\n" \
	"To: bob@y.example\r\n" \
	"Bcc: hidden@z.example,\r\n\tother@z.example\r\n" \
	"Subject: minutes of the meeting\r\n" \
	"Message-ID: <m1@x.example>\r\n"
#define BODY "Hello Bob,\r\n\r\n.here they are.\r\n"

struct world {
	struct mc_envelope env;
	struct mc_spool body;
	size_t which[10000];
	struct mc_report_settings set;
	struct mc_buf out;	/* header, blank line, body */
	bool is_8bit;
};

static void
zone(const char *tz)
{
	assert_int_equal(setenv("TZ", tz, 1), 0);
	tzset();
}

/* one more recipient that it is about */
static struct mc_rcpt *
add(struct world *w, const char *addr, const char *text)
{
	size_t i;

	assert_int_equal(mc_envelope_add(&w->env, mc_str_from(addr), true, &i,
	    NULL), 0);

	struct mc_rcpt *r = mc_envelope_at(&w->env, i);

	if (text != NULL) {
		r->text = mc_mem_strdup(text);
		assert_non_null(r->text);
	}
	w->which[w->set.n++] = i;
	return r;
}

static void
world_init(struct world *w, enum mc_report_kind kind)
{
	zone("UTC0");
	memset(w, 0, sizeof(*w));
	mc_envelope_init(&w->env);
	assert_int_equal(mc_envelope_set_sender(&w->env,
	    MC_STR("me@x.example"), NULL), 0);
	mc_spool_init(&w->body, 4096, NULL);
	assert_int_equal(mc_spool_add(&w->body, BODY, strlen(BODY), NULL), 0);
	mc_buf_init(&w->out, (size_t)1 << 26);
	w->set = (struct mc_report_settings){ .kind = kind, .id = ID,
	    .env = &w->env, .which = w->which, .arrival = 1700000000,
	    .last_attempt = 1700000300, .retry_until = 1700432000,
	    .now = 1700000400, .header = MC_STR(HEADER), .body = &w->body,
	    .from = MC_STR("postmaster@x.example"),
	    .host = MC_STR("mx.y.example"), .reporter = MC_STR("x.example") };
}

static void
world_clear(struct world *w)
{
	mc_envelope_clear(&w->env);
	mc_spool_clear(&w->body);
	mc_buf_clear(&w->out);
}

static void
set_body(struct world *w, const char *p, size_t n)
{
	mc_spool_clear(&w->body);
	mc_spool_init(&w->body, 4096, NULL);
	assert_int_equal(mc_spool_add(&w->body, p, n, NULL), 0);
}

static int
try_make(struct world *w, size_t limit, struct mc_err *err)
{
	struct mc_spool body;
	struct mc_buf header;
	char piece[5000];
	size_t got = 1;
	int rc;

	mc_buf_reset(&w->out);
	mc_buf_init(&header, MC_REPORT_HEADER);
	mc_spool_init(&body, limit, NULL);
	rc = mc_report_make(&w->set, &header, &body, &w->is_8bit, err);
	if (rc == 0) {
		mc_buf_add_str(&w->out, mc_buf_str(&header));
		mc_buf_addz(&w->out, "\r\n");
	}
	for (uint64_t off = 0; rc == 0 && got != 0; off += got) {
		assert_int_equal(mc_spool_read(&body, off, piece,
		    sizeof(piece), &got, NULL), 0);
		mc_buf_add(&w->out, piece, got);
	}
	mc_buf_clear(&header);
	mc_spool_clear(&body);
	return rc;
}

/* what must hold for each */
static void
check_lines(const struct world *w)
{
	const char *p = w->out.ptr;
	bool is_8bit = false;
	size_t line = 0;

	assert_int_equal(w->out.err, 0);
	for (size_t i = 0; i < w->out.len; i++) {
		if (p[i] == '\n') {
			assert_true(i > 0 && p[i - 1] == '\r');
			assert_true(i - line <= MC_MAX_LINE + 1);
			line = i + 1;
		}
		if (p[i] == '\r')
			assert_int_equal(p[i + 1], '\n');
		assert_int_not_equal(p[i], 0);
		is_8bit = is_8bit || (unsigned char)p[i] >= 0x80;
	}
	assert_int_equal(line, w->out.len);
	assert_int_equal(is_8bit, w->is_8bit);
}

static void
make(struct world *w)
{
	struct mc_err err = { .code = MC_OK };

	if (try_make(w, MC_SPOOL_MEMORY, &err) != 0)
		fail_msg("%s", err.text);
	check_lines(w);
}

static bool
has(const struct world *w, const char *text)
{
	return strstr(w->out.ptr, text) != NULL;
}

#define assert_has(w, text) do { \
	if (!has(w, text)) \
		fail_msg("no \"%s\" in\n%s", text, (w)->out.ptr); \
} while (0)
#define assert_lacks(w, text) do { \
	if (has(w, text)) \
		fail_msg("\"%s\" in\n%s", text, (w)->out.ptr); \
} while (0)

/* ------------------------------------------------------------ whole reports */

static const char *
place(const char *variable)
{
	const char *dir = getenv(variable);

	return dir == NULL ? "." : dir;
}

/* tests/data/report/NAME.eml; what came instead is left beside the test */
static void
assert_golden(const struct world *w, const char *name)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf want;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/tests/data/report/%s.eml",
	    place("top_srcdir"), name);
	mc_buf_init(&want, 1 << 20);
	(void)!mc_file_slurp(path, &want, NULL, NULL, &err);
	if (!mc_str_eq(mc_buf_str(&want), mc_buf_str(&w->out))) {
		(void)snprintf(path, sizeof(path), "%s/tests/unit/%s.eml.log",
		    place("top_builddir"), name);

		int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		(void)!mc_file_write(fd, w->out.ptr, w->out.len, NULL);
		(void)close(fd);
		mc_buf_clear(&want);
		fail_msg("another report than expected, see %s %s", path,
		    err.text);
	}
	mc_buf_clear(&want);
}

static void
golden_failed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	w.env.envid = mc_mem_strdup("QQ+314=159");
	add(&w, "bob@y.example", "[550 5.1.1] <bob@y.example>: Recipient "
	    "address rejected: User unknown in virtual mailbox table")->orcpt =
	    mc_mem_strdup("bob@y.example");
	make(&w);
	assert_golden(&w, "failed");
	world_clear(&w);
}

static void
golden_several(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "ann@y.example", "[550] no");
	add(&w, "hidden@z.example", NULL);
	w.set.n--;
	add(&w, "\"odd one\"@y.example", "[5.4.7] given up after 5 days; the "
	    "last answer was: 451 4.7.1 greylisted, try again later");
	add(&w, "cid@y.example", NULL);
	add(&w, "dan@y.example", "[554 5.7.1] rejected by policy")->orcpt =
	    mc_mem_strdup("team@y.example");
	w.set.host = MC_STR("/run/mail/socket");
	w.set.from = MC_STR("");
	make(&w);
	assert_golden(&w, "several");
	world_clear(&w);
}

static void
golden_delayed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_DELAYED);
	w.env.ret = MC_RET_FULL;
	add(&w, "bob@y.example", "[451 4.3.0] mailbox busy")->notify =
	    MC_NOTIFY_DELAY | MC_NOTIFY_FAILURE;
	make(&w);
	assert_golden(&w, "delayed");
	assert_has(&w, "you will get another");

	mc_envelope_at(&w.env, 0)->notify = MC_NOTIFY_DELAY;
	make(&w);
	assert_lacks(&w, "you will get");
	w.set.retry_until = 0;
	make(&w);
	assert_has(&w, "anything: it is tried again.");
	assert_lacks(&w, "Will-Retry-Until");
	world_clear(&w);
}

static void
golden_relayed(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_RELAYED);
	add(&w, "bob@y.example", "[250 2.6.0] queued as 17")->notify =
	    MC_NOTIFY_SUCCESS;
	/* what held it up at first is of no more interest */
	add(&w, "ann@y.example", "[451 4.7.1] greylisted")->notify =
	    MC_NOTIFY_SUCCESS;
	add(&w, "cid@y.example", "[4.4.1] cannot connect")->notify =
	    MC_NOTIFY_SUCCESS;
	make(&w);
	assert_golden(&w, "relayed");
	world_clear(&w);
}

static void
golden_full(void **state)
{
	static const char body[] = "Gr\xfc\xdf" "e\r\n\r\n--=_x\r\n.\r\n";
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	w.env.ret = MC_RET_FULL;
	add(&w, "bob@y.example", "[552 5.2.2] over quota");
	set_body(&w, body, sizeof(body) - 1);
	w.set.header = MC_STR(HEADER
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: text/plain; charset=iso-8859-1\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n");
	make(&w);
	assert_golden(&w, "full");
	world_clear(&w);
}

static void
golden_utf8(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	w.env.smtputf8 = true;
	w.set.header = MC_STR("From: me@x.example\r\n"
	    "To: j\xc3\xbcrgen@b\xc3\xbc" "cher.example\r\n"
	    "Subject: \xe2\x82\xac\r\nMessage-ID: <m2@x.example>\r\n");
	add(&w, "j\xc3\xbcrgen@b\xc3\xbc" "cher.example", "[550 5.1.1] "
	    "Empf\xc3\xa4nger unbekannt")->orcpt =
	    mc_mem_strdup("j\xc3\xbcrgen@b\xc3\xbc" "cher.example");
	add(&w, "ann@y.example", "[550 5.6.7] no SMTPUTF8 here");
	make(&w);
	assert_golden(&w, "utf8");
	world_clear(&w);
}

static void
zones(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_DELAYED);
	add(&w, "bob@y.example", NULL);
	zone("XXX-5:30");
	make(&w);
	assert_has(&w, "\r\nDate: Wed, 15 Nov 2023 03:50:00 +0530\r\n");
	assert_has(&w, "\r\nArrival-Date: Wed, 15 Nov 2023 03:43:20 +0530\r\n");
	assert_has(&w, "\r\nLast-Attempt-Date: Wed, 15 Nov 2023 03:48:20 "
	    "+0530\r\n");
	zone("UTC0");
	w.set.arrival = w.set.last_attempt = w.set.retry_until = 0;
	make(&w);
	assert_has(&w, "Your message has not been");
	assert_lacks(&w, "Arrival-Date");
	assert_lacks(&w, "Attempt-Date");
	world_clear(&w);
}

/* ------------------------------------------------------- wanted, identifier */

static void
wanted(void **state)
{
	static const struct {
		unsigned notify;
		bool failed, delayed, relayed;
	} rows[] = {
		{ 0, true, false, false },
		{ MC_NOTIFY_FAILURE, true, false, false },
		{ MC_NOTIFY_DELAY, false, true, false },
		{ MC_NOTIFY_SUCCESS, false, false, true },
		{ MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY | MC_NOTIFY_SUCCESS,
		    true, true, true },
		{ MC_NOTIFY_NEVER, false, false, false },
		{ MC_NOTIFY_NEVER | MC_NOTIFY_FAILURE, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_rcpt r = { .notify = rows[i].notify };

		assert_int_equal(mc_report_wanted(&r, MC_REPORT_FAILED),
		    rows[i].failed);
		assert_int_equal(mc_report_wanted(&r, MC_REPORT_DELAYED),
		    rows[i].delayed);
		assert_int_equal(mc_report_wanted(&r, MC_REPORT_RELAYED),
		    rows[i].relayed);
	}
}

static void
identifier(void **state)
{
	static const size_t a[] = { 0, 7, 99999 };
	static const size_t b[] = { 99999, 0, 7, 0 };
	static const size_t c[] = { 0, 8, 99999 };
	static const size_t d[] = { 0, MC_MAX_RCPTS };
	static const size_t e[] = { 0, SIZE_MAX };
	char id[MC_ID_LEN + 1], other[MC_ID_LEN + 1];
	struct mc_err err = { .code = MC_OK };

	(void)state;
	assert_int_equal(mc_report_id(ID, MC_REPORT_FAILED, a, 3, id, &err), 0);
	assert_int_equal(strlen(id), MC_ID_LEN);
	assert_int_equal(strspn(id, "abcdefghijklmnopqrstuvwxyz234567"),
	    MC_ID_LEN);
	assert_int_equal(mc_report_id(ID, MC_REPORT_FAILED, b, 4, other,
	    &err), 0);
	assert_string_equal(id, other);
	assert_int_equal(mc_report_id(ID, MC_REPORT_FAILED, c, 3, other,
	    &err), 0);
	assert_string_not_equal(id, other);
	assert_int_equal(mc_report_id(ID, MC_REPORT_FAILED, a, 2, other,
	    &err), 0);
	assert_string_not_equal(id, other);
	assert_int_equal(mc_report_id(ID, MC_REPORT_DELAYED, a, 3, other,
	    &err), 0);
	assert_string_not_equal(id, other);
	assert_int_equal(mc_report_id("x", MC_REPORT_FAILED, a, 3, other,
	    &err), 0);
	assert_string_not_equal(id, other);
	assert_err(mc_report_id(ID, MC_REPORT_FAILED, d, 2, other, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_report_id(ID, MC_REPORT_FAILED, e, 2, other, &err), err,
	    MC_E_INTERNAL);
	mc_err_reset(&err);
	assert_err(mc_report_id(ID, MC_REPORT_FAILED, a, 0, other, &err), err,
	    MC_E_INTERNAL);
}

/* ------------------------------------------------------------------- status */

static void
status(void **state)
{
	static const struct {
		enum mc_report_kind kind;
		const char *text;
		const char *status;
		const char *diagnostic;	/* NULL: none */
	} rows[] = {
		{ MC_REPORT_FAILED, NULL, "5.0.0", NULL },
		{ MC_REPORT_FAILED, "", "5.0.0", NULL },
		{ MC_REPORT_FAILED, "no brackets", "5.0.0", NULL },
		{ MC_REPORT_FAILED, "[550 5.1.1] a b", "5.1.1",
		    "550 5.1.1 a b" },
		{ MC_REPORT_FAILED, "[550] a", "5.0.0", "550 a" },
		{ MC_REPORT_FAILED, "[550]", "5.0.0", "550" },
		{ MC_REPORT_FAILED, "[5.4.7] a", "5.4.7", NULL },
		{ MC_REPORT_FAILED, "[451 4.2.0] a", "5.0.0", "451 4.2.0 a" },
		{ MC_REPORT_FAILED, "[4.4.1] a", "5.0.0", NULL },
		{ MC_REPORT_FAILED, "[250 2.0.0] a", "5.0.0", NULL },
		{ MC_REPORT_DELAYED, "[451 4.2.0] a", "4.2.0", "451 4.2.0 a" },
		{ MC_REPORT_DELAYED, "[550 5.4.5] a", "4.0.0", "550 5.4.5 a" },
		{ MC_REPORT_DELAYED, "[4.4.1] a", "4.4.1", NULL },
		{ MC_REPORT_DELAYED, NULL, "4.0.0", NULL },
		{ MC_REPORT_RELAYED, NULL, "2.0.0", NULL },
		{ MC_REPORT_RELAYED, "[250 2.6.0] a", "2.6.0", "250 2.6.0 a" },
		{ MC_REPORT_RELAYED, "[451 4.2.0] a", "2.0.0", NULL },
		{ MC_REPORT_RELAYED, "[2.6.0] a", "2.0.0", NULL },
		{ MC_REPORT_RELAYED, "text", "2.0.0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const char *const actions[] = { "failed", "delayed",
			"relayed" };
		struct world w;
		char want[200];

		world_init(&w, rows[i].kind);
		add(&w, "bob@y.example", rows[i].text);
		make(&w);
		(void)snprintf(want, sizeof(want), "\r\nAction: %s\r\n"
		    "Status: %s\r\n%s%s%s", actions[rows[i].kind],
		    rows[i].status, rows[i].diagnostic == NULL ? "" :
		    "Remote-MTA: dns; mx.y.example\r\nDiagnostic-Code: smtp; ",
		    rows[i].diagnostic == NULL ? "" : rows[i].diagnostic,
		    rows[i].diagnostic == NULL ? "Last" : "\r\nLast");
		assert_has(&w, want);
		world_clear(&w);
	}
}

static void
hosts(void **state)
{
	static const struct {
		const char *host;
		const char *want;	/* NULL: not told */
	} rows[] = {
		{ "", NULL },
		{ "mx.y.example", "mx.y.example" },
		{ "MX_1.y.example.", "mx_1.y.example" },
		{ "b\xc3\xbc" "cher.example", "xn--bcher-kva.example" },
		{ "192.0.2.1", "[192.0.2.1]" },
		{ "2001:db8::1", "[IPv6:2001:db8::1]" },
		{ "/run/socket", NULL },
		{ "a b", NULL },
		{ "x\r\nEvil: y", NULL },
		{ "-x.example", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char want[200];

		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", "[550 5.0.0] no");
		w.set.host = mc_str_from(rows[i].host);
		make(&w);
		if (rows[i].want == NULL) {
			assert_lacks(&w, "Remote-MTA");
			assert_has(&w, "The server answered:\r\n");
			assert_lacks(&w, "Evil");
		} else {
			(void)snprintf(want, sizeof(want),
			    "\r\nRemote-MTA: dns; %s\r\n", rows[i].want);
			assert_has(&w, want);
			(void)snprintf(want, sizeof(want),
			    "The server %s answered:\r\n", rows[i].want);
			assert_has(&w, want);
		}
		world_clear(&w);
	}
}

/* the words of others stay words */
static void
hostile_text(void **state)
{
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", "[550 5.1.1] no\r\n\r\n--x\r\n\x1b[2JAction: "
	    "delivered\x80 \xe2\x80\xae" "end");
	mc_envelope_at(&w.env, 0)->orcpt = mc_mem_strdup("a\r\nEvil: b");
	w.env.envid = mc_mem_strdup("e\r\nEvil: c");
	make(&w);
	assert_lacks(&w, "\r\nEvil");
	assert_lacks(&w, "\r\nAction: delivered");
	assert_lacks(&w, "\x1b");
	assert_lacks(&w, "\xe2\x80\xae");
	assert_lacks(&w, "Original-Envelope-Id");
	assert_has(&w, "    > 550 5.1.1 no --x ?[2JAction: delivered? ?end"
	    "\r\n");
	assert_has(&w, "\r\nOriginal-Recipient: rfc822; a Evil: b\r\n");
	world_clear(&w);

	/* an identifier that is none is not told */
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	for (size_t i = 0; i < 4; i++) {
		static const char *const ids[] = { "", "z\r\nEvil: d",
			"z\r\nEvil", "From me" };

		w.set.id = ids[i];
		make(&w);
		assert_lacks(&w, "Evil");
		assert_lacks(&w, "From me");
		assert_lacks(&w, "identifier");
	}
	assert_has(&w, "recipients. The header of the message is\r\n"
	    "attached.\r\n");
	/* nor one of the envelope that no client may send */
	for (size_t i = 0; i < 3; i++) {
		static const char *const ids[] = { "", "  ", "\xc3\xa9" };

		mc_mem_free(w.env.envid);
		w.env.envid = mc_mem_strdup(ids[i]);
		make(&w);
		assert_lacks(&w, "Original-Envelope-Id");
	}
	world_clear(&w);
}

static void
odd_text(void **state)
{
	struct world w;
	char text[600];

	(void)state;
	/* a word that is wider than any line, and a text that is cut */
	world_init(&w, MC_REPORT_FAILED);
	(void)snprintf(text, sizeof(text), "[550] x %0500d %090d", 1, 2);
	add(&w, "bob@y.example", text);
	make(&w);
	assert_has(&w, "    > 550 x\r\n    > 0000000");
	assert_has(&w, "Diagnostic-Code: smtp; 550 x\r\n    0000000");
	world_clear(&w);

	/* not ASCII, but no address needs it: the human part alone has it */
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", "[550] n\xc3\xa9gatif \xe2\x82\xac");
	make(&w);
	assert_true(w.is_8bit);
	assert_has(&w, "    > 550 n\xc3\xa9gatif \xe2\x82\xac\r\n");
	assert_has(&w, "smtp; 550 n?gatif ?\r\n");
	assert_has(&w, "message/delivery-status\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n");
	world_clear(&w);
}

/* ------------------------------------------------------------------- header */

static void
from(void **state)
{
	static const struct {
		const char *sender;
		const char *from;
		const char *want;
	} rows[] = {
		{ "me@x.example", "p@x.example", "p@x.example" },
		{ "me@x.example", "", "me@x.example" },
		{ "me@x.example", "no address", "me@x.example" },
		{ "me@x.example", "a@b\r\nEvil: y", "me@x.example" },
		{ "me@x.example", "p\xc3\xb6st@x.example", "me@x.example" },
		{ "m\xc3\xa9@x.example", "p\xc3\xb6st@x.example",
		    "p\xc3\xb6st@x.example" },
		{ "\"a b\"@x.example", "", "\"a b\"@x.example" },
		{ "me@[192.0.2.1]", "", "me@[192.0.2.1]" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char want[200];

		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		assert_int_equal(mc_envelope_set_sender(&w.env,
		    mc_str_from(rows[i].sender), NULL), 0);
		w.set.from = mc_str_from(rows[i].from);
		if (try_make(&w, 0, NULL) != 0)
			fail_msg("row %zu", i);
		(void)snprintf(want, sizeof(want), "From: Mail Delivery System "
		    "<%s>\r\nTo: %s\r\nSubject: ", rows[i].want,
		    rows[i].sender);
		assert_memory_equal(w.out.ptr, want, strlen(want));
		world_clear(&w);
	}
}

static void
threads(void **state)
{
	static const struct {
		const char *header;
		const char *want;	/* NULL: none */
	} rows[] = {
		{ "Message-ID: <a@b>\r\n", "<a@b>" },
		{ "message-id:<a@b>\r\n", "<a@b>" },
		{ "X: y\r\nMESSAGE-ID :\r\n <a.$=b@[c]>\r\n", "<a.$=b@[c]>" },
		{ "Message-ID: <a@b> \r\nMessage-ID: <c@d>\r\n", "<a@b>" },
		{ "Message-ID: a@b\r\nMessage-ID: <c@d>\r\n", NULL },
		{ "Message-ID: <a@b> (c)\r\n", NULL },
		{ "Message-ID: <a@b> <c@d>\r\n", NULL },
		{ "Message-ID: <a b@c>\r\n", NULL },
		{ "Message-ID: <a@b\r\n c>\r\n", NULL },
		{ "Message-ID: <a\"@b>\r\n", NULL },
		{ "Message-ID: <a>\r\n", NULL },
		{ "Message-ID: <@b>\r\n", NULL },
		{ "Message-ID: <a@>\r\n", NULL },
		{ "Message-ID: <>\r\n", NULL },
		{ "Message-ID:\r\n", NULL },
		{ "Message-ID: <\xc3\xa9@b>\r\n", NULL },
		{ "X: y\r\n\r\nMessage-ID: <a@b>\r\n", NULL },
		{ "Bcc: z\r\n Message-ID: <a@b>\r\n", NULL },
		{ "", NULL },
	};
	struct world w;
	char *header;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char want[200];

		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		w.set.header = mc_str_from(rows[i].header);
		make(&w);
		if (rows[i].want == NULL) {
			assert_lacks(&w, "In-Reply-To");
			assert_lacks(&w, "References");
		} else {
			(void)snprintf(want, sizeof(want), "\r\nIn-Reply-To: "
			    "%s\r\nReferences: %s\r\nAuto-Submitted: "
			    "auto-replied\r\n", rows[i].want, rows[i].want);
			assert_has(&w, want);
		}
		world_clear(&w);
	}

	/* as long as may be, and one more */
	for (int n = 512; n <= 513; n++) {
		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		header = mc_mem_zalloc(1, 1000);
		(void)snprintf(header, 1000, "Message-ID: <%0*d@b>\r\n", n - 2,
		    0);
		w.set.header = mc_str_from(header);
		make(&w);
		assert_int_equal(has(&w, "References"), n == 512);
		world_clear(&w);
		mc_mem_free(header);
	}
}

/* ----------------------------------------------------------------- original */

/* what stands in the third part */
static struct mc_str
third(const struct world *w, const char *type)
{
	char head[200];
	const char *at, *end;

	(void)snprintf(head, sizeof(head), "\r\nContent-Type: %s\r\n"
	    "Content-Transfer-Encoding: ", type);
	at = strstr(w->out.ptr, head);
	if (at == NULL)
		fail_msg("no %s in\n%s", type, w->out.ptr);
	at = strstr(at + 1, "bit\r\n\r\n") + 7;
	end = strstr(at - 2, "\r\n--=_");
	return mc_str_make(at, (size_t)(end - at));
}

static void
quoted_header(void **state)
{
	static const struct {
		const char *header;
		const char *want;
	} rows[] = {
		{ "A: b\r\n", "A: b\r\n" },
		{ "A: b\nC: d\n", "A: b\r\nC: d\r\n" },
		{ "A: b\rC: d", "A: b\r\nC: d\r\n" },
		{ "A: b\r\n c\r\n\td\r\nE:f\r\n",
		    "A: b\r\n c\r\n\td\r\nE:f\r\n" },
		{ "A : b\r\nC:\r\n", "A : b\r\nC:\r\n" },
		{ "A: b \t\r\nC:  \r\n", "A: b\r\nC:\r\n" },
		/* blind copies */
		{ "Bcc: x\r\nA: b\r\n", "A: b\r\n" },
		{ "bCC :x\r\n y\r\n\tz\r\nA: b\r\n", "A: b\r\n" },
		{ "A: b\r\nResent-Bcc: x\r\n", "A: b\r\n" },
		{ "A: b\rBcc: x\r\n", "A: b\r\n" },
		{ "A: b\nBcc: x\n", "A: b\r\n" },
		{ "Bcc: x\r y\n z\r\nA: b\r\n", "A: b\r\n" },
		{ "Bcc2: x\r\nXBcc: y\r\n", "Bcc2: x\r\nXBcc: y\r\n" },
		/* no fields */
		{ "nothing\r\nA: b\r\n", "A: b\r\n" },
		{ "nothing\r\n c: d\r\nA: b\r\n", "A: b\r\n" },
		{ " A: b\r\nC: d\r\n", "C: d\r\n" },
		{ ": x\r\nC: d\r\n", "C: d\r\n" },
		{ "A b: x\r\nC: d\r\n", "C: d\r\n" },
		{ "\xc3\xa9: x\r\nC: d\r\n", "C: d\r\n" },
		{ "From me@x Tue Nov 14\r\nC: d\r\n", "C: d\r\n" },
		/* the end */
		{ "A: b\r\n\r\nC: d\r\n", "A: b\r\n" },
		{ "A: b\r\n  \t\r\n c\r\nD: e\r\n",
		    "A: b\r\n c\r\nD: e\r\n" },
		{ "\r\nA: b\r\n", "" },
		{ "", "" },
	};
	struct world w;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		w.set.header = mc_str_from(rows[i].header);
		make(&w);
		assert_str(third(&w, "text/rfc822-headers"), rows[i].want);
		world_clear(&w);
	}

	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	w.set.header = MC_STR("A: b\0c\r\nD\0: e\r\n");
	make(&w);
	assert_str(third(&w, "text/rfc822-headers"), "A: b?c\r\n");
	world_clear(&w);
}

/* a header of one field: name, run of one byte, rest */
static void
assert_quoted(const char *name, char c, size_t n, const char *rest,
    const char *want, size_t want_n, const char *want_rest)
{
	struct mc_buf in, out;
	struct world w;

	mc_buf_init(&in, SIZE_MAX);
	mc_buf_init(&out, SIZE_MAX);
	mc_buf_addz(&in, name);
	for (size_t i = 0; i < n; i++)
		mc_buf_addc(&in, c);
	mc_buf_addz(&in, rest);
	mc_buf_addz(&out, want);
	for (size_t i = 0; i < want_n; i++)
		mc_buf_addc(&out, c);
	mc_buf_addz(&out, want_rest);
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	w.set.header = mc_buf_str(&in);
	make(&w);
	assert_str(third(&w, "text/rfc822-headers"), out.ptr);
	world_clear(&w);
	mc_buf_clear(&in);
	mc_buf_clear(&out);
}

static void
long_lines(void **state)
{
	(void)state;
	/* as long as a line may be; one more is folded at its last blank */
	assert_quoted("A: ", 'x', 995, "\r\n", "A: ", 995, "\r\n");
	assert_quoted("A: ", 'x', 996, "\r\n", "A:\r\n ", 996, "\r\n");
	assert_quoted("A: ", 'x', 900, " y z yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
	    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
	    "\r\n", "A: ", 900, " y z\r\n yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"
	    "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n");
	/* cut where there is no blank */
	assert_quoted("A:", 'x', 5000, " y\r\nB: c\r\n", "A:", 996,
	    "\r\nB: c\r\n");
	assert_quoted("A: ", 'x', 5000, " y\r\nB: c\r\n", "A:\r\n ", 997,
	    "\r\nB: c\r\n");
	/* not between name and colon */
	assert_quoted("A :", 'x', 5000, "\r\n", "A :", 995, "\r\n");
	/* no line of blanks comes of many blanks */
	assert_quoted("A:", ' ', 5000, "x\r\n", "A:\r\n ", 0, "x\r\n");
	assert_quoted("A: b\r\n", ' ', 5000, "x\r\n", "A: b\r\n ", 0,
	    "x\r\n");
	assert_quoted("A: b", ' ', 5000, "\r\n", "A: b", 0, "\r\n");
	/* a name that is none */
	assert_quoted("", 'x', 5000, ": y\r\nB: c\r\n", "B: c", 0, "\r\n");
	assert_quoted("A", ' ', 5000, ": y\r\nB: c\r\n", "B: c", 0, "\r\n");
}

/* a character is kept or lost, not halved */
static void
cut_characters(void **state)
{
	(void)state;
	for (size_t off = 0; off < 4; off++) {
		struct mc_buf in;
		struct world w;

		mc_buf_init(&in, 10000);
		mc_buf_add(&in, "A:zzz", 2 + off);
		for (int i = 0; i < 600; i++)
			mc_buf_addz(&in, "\xe2\x82\xac");
		mc_buf_addz(&in, "\r\n");
		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		w.set.header = mc_buf_str(&in);
		make(&w);

		struct mc_str got = third(&w, "text/rfc822-headers");

		assert_true(mc_str_is_utf8(got));
		assert_true(got.len > 995 && got.len <= 1000);
		assert_memory_equal(got.ptr + got.len - 5, "\xe2\x82\xac\r\n",
		    5);
		world_clear(&w);
		mc_buf_clear(&in);
	}
}

static void
much_header(void **state)
{
	struct mc_buf in;
	struct world w;

	(void)state;
	mc_buf_init(&in, SIZE_MAX);
	mc_buf_addz(&in, "First: 1\r\nTo: a@b.example");
	for (int i = 0; i < 3000; i++)
		mc_buf_addf(&in, ",\r\n\tr%d@example.org", i);
	mc_buf_addz(&in, "\r\n");
	for (int i = 0; i < 500; i++)
		mc_buf_addf(&in, "X-%03d: %090d\r\n", i, 0);
	mc_buf_addz(&in, "Last: 1\r\n");
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	w.set.header = mc_buf_str(&in);
	make(&w);

	struct mc_str got = third(&w, "text/rfc822-headers");

	assert_true(got.len <= 32 * 1024 && got.len > 32 * 1024 - 100);
	assert_memory_equal(got.ptr, "First: 1\r\nX-000: ", 17);
	assert_memory_equal(got.ptr + got.len - 9, "Last: 1\r\n", 9);
	world_clear(&w);
	mc_buf_clear(&in);
}

static void
types(void **state)
{
	static const struct {
		const char *header;
		bool smtputf8;
		enum mc_ret ret;
		const char *want;
	} rows[] = {
		{ "A: b\r\n", false, MC_RET_NONE, "text/rfc822-headers" },
		{ "A: b\r\n", true, MC_RET_HDRS, "text/rfc822-headers" },
		{ "A: \xe9\r\n", true, MC_RET_HDRS, "text/rfc822-headers" },
		{ "A: \xc3\xa9\r\n", false, MC_RET_HDRS,
		    "text/rfc822-headers" },
		{ "A: \xc3\xa9\r\n", true, MC_RET_HDRS,
		    "message/global-headers" },
		{ "A: b\r\n", true, MC_RET_FULL, "message/rfc822" },
		{ "A: \xe9\r\n", true, MC_RET_FULL, "message/rfc822" },
		{ "A: \xc3\xa9\r\n", true, MC_RET_FULL, "message/global" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		bool ascii = mc_str_is_ascii(mc_str_from(rows[i].header));
		struct world w;
		char want[300];

		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		w.set.header = mc_str_from(rows[i].header);
		w.env.ret = rows[i].ret;
		w.env.smtputf8 = rows[i].smtputf8;
		make(&w);
		(void)snprintf(want, sizeof(want), "\r\nContent-Type: %s\r\n"
		    "Content-Transfer-Encoding: %s\r\n\r\n%s", rows[i].want,
		    ascii ? "7bit" : "8bit", rows[i].header);
		assert_has(&w, want);
		/* the outer one says the same (RFC 2045 6.4) */
		(void)snprintf(want, sizeof(want), "\"\r\nContent-Transfer-"
		    "Encoding: %s\r\n\r\n--=_", ascii ? "7bit" : "8bit");
		assert_has(&w, want);
		world_clear(&w);
	}
}

/* is a body of which n times c is a line sent back? */
static bool
whole(enum mc_report_kind kind, enum mc_ret ret, char c, size_t n,
    struct mc_str end)
{
	struct mc_buf in;
	struct world w;

	mc_buf_init(&in, SIZE_MAX);
	for (size_t i = 0; i < n; i++)
		mc_buf_addc(&in, c);
	mc_buf_add_str(&in, end);
	world_init(&w, kind);
	add(&w, "bob@y.example", NULL);
	w.env.ret = ret;
	set_body(&w, in.ptr, in.len);
	make(&w);

	bool is = has(&w, "message/rfc822");

	if (is) {
		struct mc_str got = third(&w, "message/rfc822");

		/* all of it, but for the blind copies */
		assert_true(got.len > in.len);
		assert_memory_equal(got.ptr + got.len - in.len, in.ptr,
		    in.len);
		assert_memory_equal(got.ptr, "Date: ", 6);
		assert_has(&w, "recipients. The message is attached.");
	} else {
		assert_str(third(&w, "text/rfc822-headers"),
		    "Date: Tue, 14 Nov 2023 22:13:00 +0000\r\n"
		    "From: Me <me@x.example>\r\nTo: bob@y.example\r\n"
		    "Subject: minutes of the meeting\r\n"
		    "Message-ID: <m1@x.example>\r\n");
	}
	assert_lacks(&w, "hidden");
	world_clear(&w);
	mc_buf_clear(&in);
	return is;
}

static void
full(void **state)
{
	static const enum mc_report_kind f = MC_REPORT_FAILED;

	(void)state;
	assert_true(whole(f, MC_RET_FULL, 'x', 998, MC_STR("\r\n")));
	assert_true(whole(f, MC_RET_FULL, 'x', 0, MC_STR("")));
	assert_true(whole(f, MC_RET_FULL, '\xff', 9, MC_STR("\r\n")));
	assert_true(whole(f, MC_RET_FULL, '.', 1, MC_STR("\r\n")));
	assert_false(whole(f, MC_RET_NONE, 'x', 9, MC_STR("\r\n")));
	assert_false(whole(f, MC_RET_HDRS, 'x', 9, MC_STR("\r\n")));
	assert_false(whole(MC_REPORT_DELAYED, MC_RET_FULL, 'x', 9,
	    MC_STR("\r\n")));
	assert_false(whole(MC_REPORT_RELAYED, MC_RET_FULL, 'x', 9,
	    MC_STR("\r\n")));
	assert_false(whole(f, MC_RET_FULL, 'x', 999, MC_STR("\r\n")));
	assert_false(whole(f, MC_RET_FULL, 'x', 999, MC_STR("")));
	assert_false(whole(f, MC_RET_FULL, 'x', 9, MC_STR("\n")));
	assert_false(whole(f, MC_RET_FULL, 'x', 9, MC_STR("\r")));
	assert_false(whole(f, MC_RET_FULL, 'x', 9, MC_STR("\ry\r\n")));
	assert_false(whole(f, MC_RET_FULL, 'x', 9, MC_STR("\r\r\n")));
	assert_false(whole(f, MC_RET_FULL, 'x', 9, MC_STR("\0\r\n")));
}

/* 256 KiB with header and blank line */
static void
full_size(void **state)
{
	size_t header = strlen(HEADER) + 2;

	(void)state;
	for (int more = 0; more < 2; more++) {
		struct mc_buf in;
		struct world w;

		mc_buf_init(&in, SIZE_MAX);
		while (in.len + 10 < 256 * 1024 - header)
			mc_buf_addz(&in, "12345678\r\n");
		while (in.len + 2 < 256 * 1024 - header + (size_t)more)
			mc_buf_addc(&in, 'x');
		mc_buf_addz(&in, "\r\n");
		world_init(&w, MC_REPORT_FAILED);
		add(&w, "bob@y.example", NULL);
		w.env.ret = MC_RET_FULL;
		set_body(&w, in.ptr, in.len);
		make(&w);
		assert_int_equal(has(&w, "message/rfc822"), more == 0);
		w.set.body = NULL;
		make(&w);
		assert_lacks(&w, "message/rfc822");
		world_clear(&w);
		mc_buf_clear(&in);
	}
}

/* ----------------------------------------------------------------- boundary */

static size_t
occurrences(const struct world *w, const char *text)
{
	size_t n = 0;

	for (const char *p = w->out.ptr; (p = strstr(p, text)) != NULL; p++)
		n++;
	return n;
}

static void
boundary(void **state)
{
	char id[MC_ID_LEN + 1], header[3000] = "";
	struct mc_err err = { .code = MC_OK };
	struct world w;
	size_t n = 0;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	assert_int_equal(mc_report_id(ID, MC_REPORT_FAILED, w.which, 1, id,
	    NULL), 0);
	w.env.ret = MC_RET_FULL;
	/* "=_ID", then with -1 to -15: each is in the header after its turn */
	for (int i = 0; i < 16; i++) {
		char want[64];

		w.set.header = mc_str_make(header, n);
		make(&w);
		(void)snprintf(want, sizeof(want), i == 0 ?
		    "\tboundary=\"=_%s\"\r\n" : "\tboundary=\"=_%s-%d\"\r\n",
		    id, i);
		assert_has(&w, want);
		/* header, three times, and the end */
		*strchr(want + 1, '\r') = '\0';
		want[strlen(want) - 1] = '\0';
		assert_int_equal(occurrences(&w, want + 11), 5);
		n += (size_t)snprintf(header + n, sizeof(header) - n,
		    i == 0 ? "X: ==_%s\r\n" : "X: y=_%s-%d\r\n", id, i);
	}
	w.set.header = mc_str_make(header, n);
	assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);

	/* in the body that goes back, too; not when it does not */
	n = (size_t)snprintf(header, sizeof(header), "--=_%s--\r\n", id);
	set_body(&w, header, n);
	w.set.header = MC_STR("A: b\r\n");
	make(&w);
	assert_has(&w, "-1\"\r\n");
	w.env.ret = MC_RET_HDRS;
	make(&w);
	assert_lacks(&w, "-1\"\r\n");
	world_clear(&w);
}

/* ---------------------------------------------------------- what goes wrong */

static void
refused(void **state)
{
	struct mc_err err = { .code = MC_OK };
	static const char *const senders[] = { "", "a b", "a b@x.example",
		"me@x.example\r\nEvil: y", "<me@x.example>" };
	static const char *const reporters[] = { "", "a b", "x\r\nEvil: y",
		"(none)", "-x", "[192.0.2.1]" };
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);
	mc_err_reset(&err);
	add(&w, "bob@y.example", NULL);
	w.which[0] = 1;
	assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);
	w.which[0] = 0;
	for (size_t i = 0; i < MC_NELEM(senders); i++) {
		mc_err_reset(&err);
		assert_int_equal(mc_envelope_set_sender(&w.env,
		    mc_str_from(senders[i]), NULL), 0);
		assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);
	}
	mc_err_reset(&err);
	mc_mem_free(w.env.sender);
	w.env.sender = NULL;
	assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);
	assert_int_equal(mc_envelope_set_sender(&w.env,
	    MC_STR("me@x.example"), NULL), 0);
	for (size_t i = 0; i < MC_NELEM(reporters); i++) {
		mc_err_reset(&err);
		w.set.reporter = mc_str_from(reporters[i]);
		assert_err(try_make(&w, 0, &err), err, MC_E_INTERNAL);
	}
	w.set.reporter = MC_STR("x.example");
	make(&w);
	world_clear(&w);
}

static void
unreadable(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct rlimit old, none;
	struct world w;

	(void)state;
	world_init(&w, MC_REPORT_FAILED);
	add(&w, "bob@y.example", NULL);
	w.env.ret = MC_RET_FULL;
	mc_spool_clear(&w.body);
	mc_spool_init_fd(&w.body, -1, 0, 100);
	assert_err(try_make(&w, 0, &err), err, MC_E_IO);
	/* it is not even looked at when the header alone goes back */
	w.env.ret = MC_RET_HDRS;
	make(&w);

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	mc_err_reset(&err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int rc = try_make(&w, 100, &err);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_err(rc, err, MC_E_TMPFILE);
	world_clear(&w);
}

static void
out_of_memory(void **state)
{
	(void)state;
	for (int forever = 0; forever < 2; forever++) {
		unsigned long n = 0;
		struct world w;
		int rc = -1;

		world_init(&w, MC_REPORT_FAILED);
		w.env.ret = MC_RET_FULL;
		w.env.envid = mc_mem_strdup("e");
		add(&w, "bob@y.example", "[550 5.1.1] no")->orcpt =
		    mc_mem_strdup("b@y.example");
		add(&w, "j\xc3\xbcrgen@y.example", "[550] nein");
		/* so that the test's own buffer needs no more */
		make(&w);
		while (rc != 0) {
			struct mc_err err = { .code = MC_OK };

			(void)failmalloc(++n, forever);
			rc = try_make(&w, 100, &err);
			(void)failmalloc(0, false);
			if (rc != 0)
				assert_err(rc, err, MC_E_NOMEM);
		}
		check_lines(&w);
		assert_true(n > 10);
		world_clear(&w);
	}
}

/* --------------------------------------------------------------------- many */

/* allocations for a report about n of 2n recipients */
static unsigned long
cost(size_t n, size_t *ret_size)
{
	static struct world w;
	unsigned long count;
	struct mc_spool body;
	struct mc_buf header;
	char addr[64];
	bool is_8bit;

	world_init(&w, MC_REPORT_FAILED);
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(addr, sizeof(addr), "told%zu@y.example", i);
		add(&w, addr, "[550 5.1.1] No such user here");
		(void)snprintf(addr, sizeof(addr), "untold%zu@y.example", i);
		add(&w, addr, "[550 5.1.1] No such user here");
		w.set.n--;
	}
	mc_buf_init(&header, MC_REPORT_HEADER);
	mc_spool_init(&body, 65536, NULL);
	(void)failmalloc(0, false);
	assert_int_equal(mc_report_make(&w.set, &header, &body, &is_8bit,
	    NULL), 0);
	count = failmalloc(0, false);
	*ret_size = (size_t)body.size;
	assert_true(body.mem.cap <= 65536 + 1);
	mc_buf_clear(&header);
	mc_spool_clear(&body);

	make(&w);
	assert_int_equal(occurrences(&w, "\r\nFinal-Recipient: rfc822; told"),
	    n);
	assert_lacks(&w, "untold");
	world_clear(&w);
	return count;
}

static void
many(void **state)
{
	size_t size, big_size;
	unsigned long few = cost(100, &size);
	unsigned long big = cost(5000, &big_size);

	(void)state;
	/* no memory for each: what grows is the spool, up to its limit */
	assert_true(big <= few + 20);
	assert_true(big_size > 40 * size && big_size < 55 * size);
	assert_true(big_size > 1000000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_failed),
		cmocka_unit_test(golden_several),
		cmocka_unit_test(golden_delayed),
		cmocka_unit_test(golden_relayed),
		cmocka_unit_test(golden_full),
		cmocka_unit_test(golden_utf8),
		cmocka_unit_test(zones),
		cmocka_unit_test(wanted),
		cmocka_unit_test(identifier),
		cmocka_unit_test(status),
		cmocka_unit_test(hosts),
		cmocka_unit_test(hostile_text),
		cmocka_unit_test(odd_text),
		cmocka_unit_test(from),
		cmocka_unit_test(threads),
		cmocka_unit_test(quoted_header),
		cmocka_unit_test(long_lines),
		cmocka_unit_test(cut_characters),
		cmocka_unit_test(much_header),
		cmocka_unit_test(types),
		cmocka_unit_test(full),
		cmocka_unit_test(full_size),
		cmocka_unit_test(boundary),
		cmocka_unit_test(refused),
		cmocka_unit_test(unreadable),
		cmocka_unit_test(out_of_memory),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
