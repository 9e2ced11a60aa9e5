/* SPDX-License-Identifier: MIT */
/*
 * test_letter.c - a submission made of addresses, a text and files
 */
#include "conf_side.h"

#include "base/limits.h"
#include "submission.h"

#include <fcntl.h>
#include <sys/stat.h>

struct world {
	struct side side;
	char *envp[2];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_submission *sub;
	struct mc_err err;
	struct mc_letter letter;
};

#define LIST(...) ((const char *const []){ __VA_ARGS__, NULL })

static void
open_world(struct world *w, const char *conf)
{
	static const char *const to[] = { "a@x.test", NULL };

	memset(w, 0, sizeof(*w));
	side_open(&w->side);
	side_write(&w->side, "conf", conf, 0600);
	w->caller = (struct mc_caller){ .login = "joe", .full_name = "Joe Doe",
	    .home = w->side.dir, .tmpdir = w->side.dir,
	    .hostname = "box.example.test", .envp = w->envp, .uid = getuid() };
	if (mc_config_load(&w->caller, side_path(&w->side, "conf"), NULL, NULL,
	    &w->config, &w->err) != 0)
		fail_msg("%s", w->err.text);
	assert_int_equal(mc_submission_new(&w->caller, w->config, &w->sub,
	    &w->err), 0);
	w->letter.text_fd = -1;
	w->letter.to = to;
}

static void
close_world(struct world *w)
{
	static const char *const names[] = { "conf", "text", "html", "a.bin",
	    "fifo", NULL };

	if (w->letter.text_fd >= 0)
		close(w->letter.text_fd);
	mc_submission_free(w->sub);
	mc_config_free(w->config);
	side_close(&w->side, names);
}

static void
set_text(struct world *w, const char *text)
{
	side_write(&w->side, "text", text, 0600);
	w->letter.text_fd = open(side_path(&w->side, "text"), O_RDONLY);
	assert_true(w->letter.text_fd >= 0);
}

#define CONF "log = off\n[account t]\nfrom = me@w.test\ndomain = w.test\n"

static int
compose(struct world *w)
{
	return mc_submission_compose(w->sub, &w->letter, &w->err);
}

static void
make(struct world *w)
{
	if (compose(w) != 0 || mc_submission_prepare(w->sub, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

static bool
header_has(const struct world *w, const char *text)
{
	return strstr(w->sub->header.ptr, text) != NULL;
}

/* the body, which is small */
static const char *
body(const struct world *w, char *out, size_t size)
{
	size_t got;

	assert_int_equal(mc_spool_read(&w->sub->message.body, 0, out, size - 1,
	    &got, NULL), 0);
	out[got] = '\0';
	return out;
}

/* ---------------------------------------------------------------- envelope */

static void
test_envelope(void **state)
{
	static const struct {
		const char *address;
		size_t txn;
		bool blind;
	} rows[] = {
		{ "a@x.test", 0, false }, { "b@x.test", 0, false },
		{ "c@x.test", 0, false }, { "root@w.test", 0, false },
		{ "d@x.test", 1, true }, { "e@x.test", 2, true },
	};
	struct world w;
	struct mc_result r;
	char text[1000];

	(void)state;
	open_world(&w, CONF);
	w.letter.to = LIST("A <a@x.test>, b@x.test");
	w.letter.cc = LIST("c@x.test", "", "root");
	w.letter.bcc = LIST("d@x.test", "E <e@x.test>");
	w.letter.reply_to = "r@x.test, s@x.test";
	w.letter.subject = "hi";
	w.letter.fields = LIST("X-Job: 7", "Message-ID: <m@x.test>");
	set_text(&w, "hello\n");
	make(&w);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		size_t k = 0;

		while (mc_submission_result(w.sub, k, &r) == 0 &&
		    strcmp(r.address, rows[i].address) != 0)
			k++;
		assert_int_equal(mc_submission_result(w.sub, k, &r), 0);
		assert_int_equal(r.transaction, rows[i].txn);
		assert_int_equal(r.blind, rows[i].blind);
	}
	assert_int_equal(mc_submission_result(w.sub, MC_NELEM(rows), &r), -1);
	assert_string_equal(w.sub->env.sender, "me@w.test");
	assert_true(header_has(&w, "From: Joe Doe <me@w.test>\r\n"));
	assert_true(header_has(&w, "To: A <a@x.test>, b@x.test\r\n"));
	assert_true(header_has(&w, "Cc: c@x.test, root@w.test\r\n"));
	assert_true(header_has(&w, "Reply-To: r@x.test, s@x.test\r\n"));
	assert_true(header_has(&w, "Subject: hi\r\n"));
	assert_true(header_has(&w, "X-Job: 7\r\n"));
	assert_true(header_has(&w, "Message-ID: <m@x.test>\r\n"));
	assert_true(header_has(&w, "Date: "));
	assert_false(header_has(&w, "d@x.test"));
	assert_false(header_has(&w, "e@x.test"));
	assert_false(header_has(&w, "Bcc"));
	assert_string_equal(body(&w, text, sizeof(text)), "hello\r\n");
	close_world(&w);
}

static void
test_sender(void **state)
{
	static const struct {
		const char *from;
		const char *preset;	/* of the envelope */
		const char *sender;
		const char *field;
	} rows[] = {
		{ NULL, NULL, "me@w.test", "From: Joe Doe <me@w.test>\r\n" },
		{ "B <b@y.test>", NULL, "b@y.test", "From: B <b@y.test>\r\n" },
		{ "b", NULL, "b@w.test", "From: b@w.test\r\n" },
		{ "b@y.test", "", "", "From: b@y.test\r\n" },
		{ NULL, "c@y.test", "c@y.test", "From: Joe Doe <c@y.test>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, CONF);
		if (rows[i].preset != NULL)
			assert_int_equal(mc_submission_set_sender(w.sub,
			    rows[i].preset, &w.err), 0);
		w.letter.from = rows[i].from;
		make(&w);
		assert_string_equal(w.sub->env.sender, rows[i].sender);
		assert_true(header_has(&w, rows[i].field));
		close_world(&w);
	}
}

/* "Bcc: that address" is what fan-out = bcc puts on the copy */
static void
test_bcc_is_marked(void **state)
{
	const struct mc_txn *txn;
	struct world w;

	(void)state;
	open_world(&w, CONF "fan-out = bcc\n");
	w.letter.bcc = LIST("d@x.test");
	make(&w);
	assert_int_equal(w.sub->plan.txns.n, 2);
	txn = mc_vec_at(&w.sub->plan.txns, 1);
	assert_true(txn->mark_bcc);
	close_world(&w);
}

/* -------------------------------------------------------------------- files */

static void
test_files(void **state)
{
	struct mc_attachment files[2];
	struct world w;
	char text[2000];

	(void)state;
	open_world(&w, CONF);
	side_write(&w.side, "a.bin", "hi", 0600);
	side_write(&w.side, "html", "<p>\n", 0600);
	set_text(&w, "hello\n");
	files[0] = (struct mc_attachment){ side_path(&w.side, "a.bin"), NULL };
	files[1] = (struct mc_attachment){ "/proc/self/comm", "text/x-comm" };
	w.letter.html = "/dev/null";
	w.letter.attachments = files;
	w.letter.n_attachments = access(files[1].path, R_OK) == 0 ? 2 : 1;
	assert_err(compose(&w), w.err, MC_E_FILE);
	close_world(&w);

	open_world(&w, CONF);
	char html[4096], bin[4096];

	side_write(&w.side, "a.bin", "hi", 0600);
	side_write(&w.side, "html", "<p>\n", 0600);
	set_text(&w, "hello\n");
	(void)snprintf(html, sizeof(html), "%s", side_path(&w.side, "html"));
	(void)snprintf(bin, sizeof(bin), "%s", side_path(&w.side, "a.bin"));
	files[0].path = bin;
	w.letter.html = html;
	w.letter.attachments = files;
	w.letter.n_attachments = access(files[1].path, R_OK) == 0 ? 2 : 1;
	make(&w);
	(void)body(&w, text, sizeof(text));
	assert_non_null(strstr(text, "\r\n\r\nhello\r\n\r\n--"));
	assert_non_null(strstr(text, "\r\n\r\n<p>\r\n\r\n--"));
	assert_non_null(strstr(text, "filename=\"a.bin\"\r\n\r\naGk=\r\n--"));
	/* says that it is empty, and is not */
	if (w.letter.n_attachments == 2) {
		const char *at = strstr(text, "filename=\"comm\"\r\n\r\n");

		assert_non_null(at);
		assert_int_not_equal(at[19], '\r');
	}
	close_world(&w);
}

static void
test_refused(void **state)
{
	static const struct mc_attachment missing = { "/nonexistent/x", NULL };
	static const struct mc_attachment folder = { "/tmp", NULL };
	static const struct mc_attachment device = { "/dev/zero", NULL };
	static const struct mc_attachment name = { "/tmp/a\nb", NULL };
	static const struct mc_attachment type = { "/etc/passwd", "x" };
	static const struct mc_attachment nested = { "/etc/passwd",
	    "multipart/mixed" };
	static const struct {
		struct mc_letter letter;
		enum mc_code code;
	} rows[] = {
		{ { .attachments = &missing, .n_attachments = 1 }, MC_E_FILE },
		{ { .attachments = &folder, .n_attachments = 1 }, MC_E_FILE },
		{ { .attachments = &device, .n_attachments = 1 }, MC_E_FILE },
		{ { .attachments = &name, .n_attachments = 1 },
		    MC_E_BAD_VALUE },
		{ { .attachments = &type, .n_attachments = 1 },
		    MC_E_BAD_VALUE },
		{ { .attachments = &nested, .n_attachments = 1 },
		    MC_E_BAD_VALUE },
		{ { .attachments = &missing,
		    .n_attachments = MC_MAX_ATTACHMENTS + 1 },
		    MC_E_BAD_VALUE },
		{ { .html = "/nonexistent" }, MC_E_FILE },
		{ { .html = "/tmp" }, MC_E_FILE },
		{ { .charset = "a b" }, MC_E_BAD_VALUE },
		{ { .subject = "a\nBcc: b@x.test" }, MC_E_HDR_SYNTAX },
		{ { .from = "a@x.test, b@x.test" }, MC_E_ADDR_SYNTAX },
		{ { .from = "a@x.test\nBcc: b@x.test" }, MC_E_ADDR_SYNTAX },
		{ { .from = "" }, MC_E_ADDR_SYNTAX },
		{ { .reply_to = "a@" }, MC_E_ADDR_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		int fd;

		open_world(&w, CONF);
		w.letter = rows[i].letter;
		w.letter.to = LIST("a@x.test");
		/* it is not looked at before the rest is known to be good */
		set_text(&w, "text");
		fd = w.letter.text_fd;
		assert_err(compose(&w), w.err, rows[i].code);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
		/* and stays a failure */
		mc_err_reset(&w.err);
		assert_err(mc_submission_prepare(w.sub, &w.err), w.err,
		    rows[i].code);
		close_world(&w);
	}
}

static void
test_fifo(void **state)
{
	struct mc_attachment file = { NULL, NULL };
	struct world w;

	(void)state;
	open_world(&w, CONF);
	file.path = side_path(&w.side, "fifo");
	assert_int_equal(mkfifo(file.path, 0600), 0);
	w.letter.attachments = &file;
	w.letter.n_attachments = 1;
	(void)alarm(10);
	assert_err(compose(&w), w.err, MC_E_FILE);
	(void)alarm(0);
	close_world(&w);
}

static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		const char *charset;
		enum mc_code code;
		const char *field;
	} rows[] = {
		{ "\xff", NULL, MC_E_MSG_CONTENT, NULL },
		{ "\xff", "ISO-8859-1", MC_OK,
		    "Content-Type: text/plain; charset=ISO-8859-1\r\n" },
		{ "", NULL, MC_OK,
		    "Content-Type: text/plain; charset=UTF-8\r\n" },
		{ "a\rb", NULL, MC_OK,
		    "Content-Transfer-Encoding: quoted-printable\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, CONF);
		set_text(&w, rows[i].text);
		w.letter.charset = rows[i].charset;
		if (rows[i].code == MC_OK) {
			make(&w);
			assert_true(header_has(&w, rows[i].field));
		} else {
			assert_err(compose(&w), w.err, rows[i].code);
		}
		close_world(&w);
	}
}

/* ------------------------------------------------------------------- order */

static void
test_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, CONF);
	make(&w);
	assert_err(compose(&w), w.err, MC_E_USAGE);
	close_world(&w);

	open_world(&w, CONF);
	assert_int_equal(mc_submission_write(w.sub, "X: y\n", 5, 0, &w.err),
	    0);
	assert_err(compose(&w), w.err, MC_E_USAGE);
	close_world(&w);

	open_world(&w, CONF);
	assert_int_equal(compose(&w), 0);
	assert_err(compose(&w), w.err, MC_E_USAGE);
	close_world(&w);
}

static void
test_cancel(void **state)
{
	int fds[2], text[2];
	struct world w;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(text), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	open_world(&w, CONF);
	mc_submission_set_cancel(w.sub, fds[0]);
	w.letter.text_fd = text[0];
	(void)alarm(10);
	assert_err(compose(&w), w.err, MC_E_CANCELLED);
	(void)alarm(0);
	close_world(&w);
	close(text[1]);
	close(fds[0]);
	close(fds[1]);
}

static void
test_no_memory(void **state)
{
	unsigned long n;

	(void)state;
	for (n = 1; n < 10000; n++) {
		struct mc_attachment files[2];
		char html[4096], bin[4096];
		struct world w;
		unsigned long count;
		int rc;

		open_world(&w, CONF);
		side_write(&w.side, "a.bin", "hi", 0600);
		side_write(&w.side, "html", "<p>\n", 0600);
		set_text(&w, "hello\n");
		(void)snprintf(html, sizeof(html), "%s",
		    side_path(&w.side, "html"));
		(void)snprintf(bin, sizeof(bin), "%s",
		    side_path(&w.side, "a.bin"));
		files[0] = (struct mc_attachment){ bin, NULL };
		files[1] = (struct mc_attachment){ bin, "text/plain" };
		w.letter.from = "B <b@y.test>";
		w.letter.to = LIST("J\xc3\xb6rg <a@x.test>", "b@x.test");
		w.letter.bcc = LIST("c@x.test");
		w.letter.subject = "\xc3\xa9";
		w.letter.html = html;
		w.letter.attachments = files;
		w.letter.n_attachments = 2;
		(void)failmalloc(n, false);
		rc = compose(&w);
		if (rc == 0)
			rc = mc_submission_prepare(w.sub, &w.err);
		count = failmalloc(0, false);
		if (rc == 0) {
			assert_true(count < n);
			assert_int_equal(w.sub->env.rcpts.n, 3);
			assert_true(header_has(&w, "\r\nSubject: =?"));
		} else {
			assert_err(rc, w.err, MC_E_NOMEM);
			assert_int_equal(mc_submission_prepare(w.sub, NULL),
			    -1);
		}
		close_world(&w);
		if (rc == 0)
			break;
	}
	assert_true(n > 50 && n < 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_bcc_is_marked),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_fifo),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
