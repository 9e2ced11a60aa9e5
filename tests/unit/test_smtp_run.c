/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_run.c - from a dialogue to transactions, the queue, and the answer
 *
 * The transport is one of our own, which decides by the local part: ok..., no...
 * (550), later... (451), lost... (no verdict).
 */
#include "conf_side.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "queue/store.h"
#include "smtp_run.h"

#include <ftw.h>
#include <poll.h>
#include <sys/wait.h>

#define HI "EHLO c.example\r\n"
#define M "MAIL FROM:<me@w.test>\r\n"
#define R(who) "RCPT TO:<" who "@x.test>\r\n"
#define D "DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\n"
#define Q "QUIT\r\n"

/* one at a time: a transport has no context of its own */
static struct world {
	struct side side;
	char spool[128];
	char *envp[2];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_smtp smtp;
	struct mc_err err;
	char out[65536];	/* what the client got */
	char log[65536];	/* what went over the transport */
	size_t opened;
	size_t closed;
	size_t delivered;	/* recipients */
	bool refuse_open;
	int cancel[2];
	bool cancel_in_send;
	int closes[2];		/* a byte for each closed connection */
	size_t done;
	char done_id[32];
	enum mc_code done_err;
} *world;

static void
say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	size_t n = strlen(world->log);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(world->log + n, sizeof(world->log) - n, fmt, ap);
	va_end(ap);
}

/* --------------------------------------------------------------- transport */

static int
fake_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	assert_non_null(env->account);
	assert_ptr_equal(env->caller, &world->caller);
	world->opened++;
	if (world->refuse_open)
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "nobody there");
	say("open %s\n", env->account->name);
	*ret_transport = (struct mc_transport *)world;
	return 0;
}

static void
fake_close(struct mc_transport *t)
{
	assert_ptr_equal(t, world);
	say("close\n");
	world->closed++;
	if (world->closes[1] > 0)
		assert_int_equal(write(world->closes[1], "", 1), 1);
}

static void
judge(struct mc_rcpt *rcpt)
{
	static const struct {
		const char *begins;
		enum mc_verdict verdict;
		enum mc_code code;
		int smtp;
		const char *text;
	} rows[] = {
		{ "ok", MC_DELIVERED, MC_OK, 250, NULL },
		{ "no", MC_FAILED, MC_E_REFUSED, 550, "no such user" },
		{ "later", MC_DEFERRED, MC_E_REFUSED, 451, "come again" },
		{ "lost", MC_UNSURE, MC_E_TIMEOUT, 0, "no verdict" },
	};

	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		if (strncmp(rcpt->addr + (rcpt->addr[0] == '"'),
		    rows[i].begins, strlen(rows[i].begins)) != 0)
			continue;
		rcpt->verdict = rows[i].verdict;
		rcpt->code = rows[i].code;
		rcpt->stage = MC_STAGE_RCPT;
		rcpt->smtp = rows[i].smtp;
		rcpt->enh[0] = rows[i].smtp / 100;
		rcpt->enh[1] = rcpt->enh[2] = 1;
		mc_mem_free(rcpt->text);
		rcpt->text = rows[i].text == NULL ? NULL :
		    mc_mem_strdup(rows[i].text);
		world->delivered += rcpt->verdict == MC_DELIVERED;
		return;
	}
	fail_msg("%s: unknown", rcpt->addr);
}

static int
fake_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	char text[2048];
	size_t n = 0;

	assert_ptr_equal(t, world);
	(void)err;
	(void)snprintf(text, sizeof(text), "%.*s", MC_STR_FMT(job->header));
	assert_null(strcasestr(text, "bcc:"));
	say("from <%s>", job->env->sender);
	if (job->env->ret != MC_RET_NONE)
		say(" ret=%d", job->env->ret);
	if (job->env->envid != NULL)
		say(" envid=%s", job->env->envid);
	say("%s%s", job->env->body_8bit ? " 8bit" : "",
	    job->env->smtputf8 ? " utf8" : "");
	for (size_t i = 0; i < job->n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(job->env, job->order[i]);

		say(" to %s", rcpt->addr);
		if (rcpt->notify != 0)
			say("/%u", rcpt->notify);
		if (rcpt->orcpt != NULL)
			say("/%s", rcpt->orcpt);
		judge(rcpt);
	}
	assert_int_equal(mc_spool_read(job->body, 0, text, sizeof(text) - 1,
	    &n, NULL), 0);
	say(" body %.*s\n", (int)n, text);
	if (world->cancel_in_send)
		assert_int_equal(write(world->cancel[1], "", 1), 1);
	return 0;
}

static const struct mc_transport_ops fake = {
	.name = "fake", .open = fake_open, .send = fake_send,
	.close = fake_close
};

/* ------------------------------------------------------------------- world */

static void
on_done(void *ctx, const struct mc_submission *sub,
    const struct mc_queued *queued, const struct mc_err *queue_err)
{
	struct mc_result r;

	assert_ptr_equal(ctx, world);
	assert_int_equal(mc_submission_result(sub, 0, &r), 0);
	world->done++;
	world->done_err = queue_err->code;
	(void)snprintf(world->done_id, sizeof(world->done_id), "%s",
	    queued->recipients != 0 ? queued->id : "");
}

static void
open_world(struct world *w, const char *conf)
{
	char text[2048];

	memset(w, 0, sizeof(*w));
	world = w;
	side_open(&w->side);
	(void)snprintf(w->spool, sizeof(w->spool), "%s/spool", w->side.dir);
	(void)snprintf(text, sizeof(text), "log = off\nqueue-dir = %s\n"
	    "queue-reserve = 1\n[account default]\nhost = localhost\n"
	    "from = me@w.test\n%s\n[account other]\nhost = localhost\n"
	    "from = other@w.test\n", w->spool, conf);
	side_write(&w->side, "conf", text, 0600);
	w->caller = (struct mc_caller){ .login = "joe", .full_name = "Joe Doe",
	    .home = w->side.dir, .hostname = "box.example.test",
	    .envp = w->envp, .uid = getuid() };
	if (mc_config_load(&w->caller, side_path(&w->side, "conf"), NULL, NULL,
	    &w->config, &w->err) != 0)
		fail_msg("%s", w->err.text);
	assert_int_equal(pipe(w->cancel), 0);
	w->smtp = (struct mc_smtp){ .in_fd = -1, .out_fd = -1,
	    .cancel_fd = w->cancel[0], .done = on_done, .ctx = w };
}

static int
wipe_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void
close_world(struct world *w)
{
	mc_config_free(w->config);
	mc_file_close(&w->cancel[0]);
	mc_file_close(&w->cancel[1]);
	assert_int_equal(nftw(w->side.dir, wipe_one, 8,
	    FTW_DEPTH | FTW_PHYS), 0);
	world = NULL;
}

static int
file_with(const char *text, size_t n)
{
	int fd = mc_file_temp(NULL, NULL);

	assert_true(fd >= 0);
	assert_int_equal(mc_file_write(fd, text, n, NULL), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* a session over files; nth allocation fails if not 0.  How many there were. */
static unsigned long
run_n(struct world *w, const char *in, unsigned long nth, int *ret_rc)
{
	unsigned long all;
	ssize_t n;

	w->smtp.in_fd = file_with(in, strlen(in));
	w->smtp.out_fd = file_with("", 0);
	memset(&w->err, 0, sizeof(w->err));
	(void)failmalloc(nth, false);
	*ret_rc = mc_smtp_run_over(&w->caller, w->config, &w->smtp, &fake,
	    &w->err);
	all = failmalloc(0, false);
	assert_int_equal(*ret_rc != 0, w->err.code != MC_OK);
	n = pread(w->smtp.out_fd, w->out, sizeof(w->out) - 1, 0);
	assert_true(n >= 0);
	w->out[n] = '\0';
	mc_file_close(&w->smtp.in_fd);
	mc_file_close(&w->smtp.out_fd);
	/* whatever happened, nothing stays open */
	if (!w->refuse_open)
		assert_true(w->closed <= w->opened);
	return all;
}

static void
run(struct world *w, const char *in)
{
	int rc;

	(void)run_n(w, in, 0, &rc);
	if (rc != 0)
		fail_msg("%s", w->err.text);
}

static bool
said(const struct world *w, const char *text)
{
	return strstr(w->out, text) != NULL;
}

/* "ok@x.test=P no@x.test=F" of the only message in the queue; "" if none */
static void
queued(const struct world *w, char *out, size_t size)
{
	struct mc_store_settings set = { .dir = w->spool, .no_create = true };
	struct mc_store *store = NULL;
	struct mc_entry *entry = NULL;
	struct mc_err err = { 0 };
	const struct mc_envelope *env;
	size_t n = 0;

	out[0] = '\0';
	if (w->done_id[0] == '\0')
		return;
	assert_int_equal(mc_store_open(&set, &store, &err), 0);
	assert_int_equal(mc_store_look(store, w->done_id, &entry, &err), 1);
	env = mc_entry_envelope(entry);
	for (size_t i = 0; i < env->rcpts.n; i++) {
		const struct mc_rcpt *rcpt = mc_envelope_at(env, i);

		n += (size_t)snprintf(out + n, size - n, "%s%s=%c",
		    i == 0 ? "" : " ", rcpt->addr, mc_entry_cell(entry, i));
		assert_true(n < size);
	}
	mc_entry_close(entry);
	mc_store_close(store);
}

/* -------------------------------------------------------------- the answer */

static void
test_answer(void **state)
{
	static const struct {
		const char *rcpts;	/* first letters */
		const char *conf;
		enum mc_way way;
		const char *answer;
		const char *queued;
		size_t delivered;
	} rows[] = {
		{ "o", "", 0, "250 2.0.0 sent\r\n", "", 1 },
		{ "n", "", 0, "550 5.1.1 no such user\r\n", "", 0 },
		{ "l", "", 0, "250 2.0.0 queued as ", "later1@x.test=P", 0 },
		{ "u", "", 0, "250 2.0.0 queued as ", "lost1@x.test=U", 0 },
		{ "ol", "", 0, "250 2.0.0 sent to some, queued as ",
		    "later2@x.test=P", 1 },
		{ "on", "", 0, "250 2.0.0 sent to some, refused for some: "
		    "a report follows\r\n", "no2@x.test=F", 1 },
		{ "ln", "", 0, ", refused for some: a report follows\r\n",
		    "later1@x.test=P no2@x.test=F", 0 },
		{ "nuo", "", 0, "250 2.0.0 sent to some, queued as ",
		    "no1@x.test=F lost2@x.test=U", 1 },
		{ "nn", "", 0, "550 5.1.1 no such user\r\n", "", 0 },
		{ "l", "queue = off", 0, "451 4.1.1 come again\r\n", "", 0 },
		{ "u", "queue = off", 0, "451 4.1.1 no verdict\r\n", "", 0 },
		{ "ol", "queue = off", 0, "451 4.1.1 sent to some, but not "
		    "to later2@x.test: come again\r\n", "", 1 },
		{ "on", "queue = off", 0, "550 5.1.1 sent to some, but not "
		    "to no2@x.test: no such user\r\n", "", 1 },
		{ "nl", "queue = off", 0, "451 4.1.1 come again\r\n", "", 0 },
		{ "nlo", "queue = off", 0, "451 4.1.1 sent to some, but not "
		    "to later2@x.test: come again\r\n", "", 1 },
		{ "o", "queue = always", 0, "250 2.0.0 queued as ",
		    "ok1@x.test=P", 0 },
		{ "o", "queue = always", MC_WAY_SEND, "250 2.0.0 sent\r\n",
		    "", 1 },
		{ "o", "", MC_WAY_QUEUE, "250 2.0.0 queued as ",
		    "ok1@x.test=P", 0 },
		{ "o", "queue = off", MC_WAY_QUEUE, "250 2.0.0 sent\r\n", "",
		    1 },
		{ "o", "", MC_WAY_QUEUE_ONLY, "250 2.0.0 queued as ",
		    "ok1@x.test=P", 0 },
		{ "o", "queue = off", MC_WAY_QUEUE_ONLY,
		    "451 4.3.0 account default has queue = off; nothing was "
		    "sent\r\n", "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char in[1024] = HI M, text[256];

		open_world(&w, rows[i].conf);
		for (size_t k = 0; rows[i].rcpts[k] != '\0'; k++) {
			char c = rows[i].rcpts[k];
			size_t n = strlen(in);

			(void)snprintf(in + n, sizeof(in) - n,
			    "RCPT TO:<%s%zu@x.test>\r\n", c == 'o' ? "ok" :
			    c == 'n' ? "no" : c == 'l' ? "later" : "lost",
			    k + 1);
		}
		(void)snprintf(in + strlen(in), sizeof(in) - strlen(in),
		    D "NOOP\r\n" Q);
		w.smtp.way = rows[i].way;
		run(&w, in);
		if (!said(&w, rows[i].answer))
			fail_msg("%zu: %s", i, w.out);
		assert_true(said(&w, "\r\n250 2.0.0 Ok\r\n221 "));
		queued(&w, text, sizeof(text));
		assert_string_equal(text, rows[i].queued);
		if (said(&w, "queued as "))
			assert_true(said(&w, w.done_id));
		assert_int_equal(w.delivered, rows[i].delivered);
		assert_int_equal(w.done, 1);
		assert_int_equal(w.opened, w.closed);
		close_world(&w);
	}
}

/* a spool that is none: nothing is taken that is not sent */
static void
test_no_spool(void **state)
{
	static const struct {
		const char *rcpt;
		enum mc_way way;
		const char *answer;
	} rows[] = {
		{ R("ok"), 0, "\r\n250 2.0.0 sent\r\n" },
		{ R("no"), 0, "\r\n550 5.1.1 no such user\r\n" },
		{ R("later"), 0, "\r\n451 4.1.1 come again; not queued: " },
		{ R("ok") R("later"), 0, "\r\n451 4.1.1 sent to some, but not "
		    "to later@x.test: come again; not queued: " },
		{ R("ok") R("no"), 0, "\r\n550 5.1.1 sent to some, but not "
		    "to no@x.test: no such user; not queued: " },
		{ R("ok"), MC_WAY_QUEUE, "\r\n451 4.3.0 " },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char in[1024];

		open_world(&w, "");
		side_write(&w.side, "spool", "", 0600);
		w.smtp.way = rows[i].way;
		(void)snprintf(in, sizeof(in), HI M "%s" D Q, rows[i].rcpt);
		run(&w, in);
		if (!said(&w, rows[i].answer))
			fail_msg("%zu: %s", i, w.out);
		close_world(&w);
	}
}

/* ------------------------------------------------------------ the envelope */

static void
test_envelope(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "domain = d.test");
	run(&w, HI "MAIL FROM:<me@w.test> RET=FULL ENVID=a+2Bb BODY=8BITMIME\r\n"
	    "RCPT TO:<ok1@x.test> NOTIFY=SUCCESS,DELAY "
	    "ORCPT=rfc822;old@x.test\r\n"
	    "RCPT TO:<ok2@x.test> NOTIFY=NEVER\r\n" R("ok3")
	    "RCPT TO:<ok4@x.test> ORCPT=rfc822;four@x.test\r\n"
	    "DATA\r\nTo: ok1@x.test, ok2@x.test, ok3@x.test, ok4@x.test,\r\n"
	    " ok9@x.test\r\nBcc: ok8@x.test\r\n\r\n1\r\n.\r\n"
	    "MAIL FROM:<>\r\nRCPT TO:<ok1>\r\nRCPT TO:<\"ok 2\"@x.test>\r\n"
	    "DATA\r\nFrom: f@x.test\r\nTo: ok1@d.test\r\n\r\n2\r\n.\r\n"
	    "MAIL FROM:<joe>\r\n" R("ok1") "DATA\r\nTo: ok1@x.test\r\n\r\n"
	    "3\r\n.\r\n"
	    "MAIL FROM:<me@w.test> SMTPUTF8\r\n" R("ok1")
	    "DATA\r\nTo: ok1@x.test\r\nSubject: \xc3\xa9\r\n.\r\n"
	    "MAIL FROM:<me@w.test> SMTPUTF8\r\n" R("ok1")
	    "DATA\r\nTo: ok1@x.test\r\n.\r\n" Q);
	assert_string_equal(w.log, "open default\n"
	    "from <me@w.test> ret=1 envid=a+b 8bit "
	    "to ok1@x.test/5/old@x.test to ok2@x.test/8/ok2@x.test "
	    "to ok3@x.test to ok4@x.test/four@x.test body 1\r\n\n"
	    "from <> to ok1@d.test body 2\r\n\n"
	    "from <> to \"ok 2\"@x.test body 2\r\n\n"
	    "from <joe@d.test> to ok1@x.test body 3\r\n\n"
	    "from <me@w.test> utf8 to ok1@x.test body \n"
	    "from <me@w.test> to ok1@x.test body \nclose\n");
	close_world(&w);
}

/* the same address by several ways: nobody's wish is lost */
static void
test_notify(void **state)
{
	static const struct {
		const char *first;
		const char *second;
		const char *want;
	} rows[] = {
		{ "", "", "" },
		{ " NOTIFY=NEVER", " NOTIFY=NEVER", "/8/ok@x.test" },
		{ " NOTIFY=NEVER", " NOTIFY=SUCCESS", "/1/ok@x.test" },
		{ " NOTIFY=SUCCESS", " NOTIFY=DELAY", "/5/ok@x.test" },
		{ " NOTIFY=SUCCESS", "", "/7/ok@x.test" },
		{ "", " NOTIFY=NEVER", "/6/ok@x.test" },
		{ " ORCPT=rfc822;a@b.test", " ORCPT=rfc822;c@d.test",
		    "/a@b.test" },
		{ " NOTIFY=NEVER", " NOTIFY=NEVER ORCPT=rfc822;c@d.test",
		    "/8/c@d.test" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char in[512], want[512];

		open_world(&w, "");
		(void)snprintf(in, sizeof(in), HI M "RCPT TO:<ok@x.test>%s\r\n"
		    "RCPT TO:<ok@X.test>%s\r\n" D Q, rows[i].first,
		    rows[i].second);
		run(&w, in);
		(void)snprintf(want, sizeof(want), "open default\n"
		    "from <me@w.test> to ok@x.test%s body hello\r\n\nclose\n",
		    rows[i].want);
		assert_string_equal(w.log, want);
		close_world(&w);
	}
}

/* what is wrong shows at the end, and is final */
static void
test_content(void **state)
{
	static const struct {
		const char *rcpt;
		const char *data;
		const char *answer;
	} rows[] = {
		{ R("ok"), "X\r: y\r\n", "550 5.5.2 " },
		{ "RCPT TO:<bare>\r\n", "X: y\r\n", "550 5.1.3 " },
		{ R("ok"), "Resent-To: b@x.test\r\nX: y\r\n",
		    "250 2.0.0 sent" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		char in[512];

		open_world(&w, "");
		(void)snprintf(in, sizeof(in), HI M "%sDATA\r\n%s\r\n.\r\n" Q,
		    rows[i].rcpt, rows[i].data);
		run(&w, in);
		if (!said(&w, rows[i].answer))
			fail_msg("%zu: %s", i, w.out);
		assert_int_equal(w.delivered, rows[i].answer[0] == '2');
		close_world(&w);
	}
}

/* ---------------------------------------------------------- the connection */

static void
test_connection(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "messages-per-connection = 2");
	run(&w, HI M R("ok1") D M R("no1") D M R("ok2") "RSET\r\n" M R("ok3") D
	    "MAIL FROM:<other@w.test>\r\n" R("ok4") D M R("ok5") D Q);
	assert_string_equal(w.log,
	    "open default\n"
	    "from <me@w.test> to ok1@x.test body hello\r\n\n"
	    "from <me@w.test> to no1@x.test body hello\r\n\n"
	    "close\nopen default\n"
	    "from <me@w.test> to ok3@x.test body hello\r\n\n"
	    "close\nopen other\n"
	    "from <other@w.test> to ok4@x.test body hello\r\n\n"
	    "close\nopen default\n"
	    "from <me@w.test> to ok5@x.test body hello\r\n\nclose\n");
	assert_int_equal(w.done, 5);
	close_world(&w);

	/* one that cannot be had is asked for again */
	open_world(&w, "queue = off");
	w.refuse_open = true;
	run(&w, HI M R("ok1") D M R("ok2") D Q);
	assert_int_equal(w.opened, 2);
	assert_true(said(&w, "\r\n451 4.4.1 nobody there\r\n"));
	close_world(&w);

	/* one that has been idle for too long is not trusted */
	open_world(&w, "keep-connection = 0s");
	run(&w, HI M R("ok1") D M R("ok2") D Q);
	assert_int_equal(w.delivered, 2);
	close_world(&w);
}

/* a client that goes on only when the connection was closed */
static void
patient_client(int fd)
{
	static const char first[] = HI M R("ok1") D;
	struct pollfd p = { .fd = world->closes[0], .events = POLLIN };
	char c;

	(void)alarm(20);
	if (write(fd, first, sizeof(first) - 1) == (ssize_t)sizeof(first) - 1 &&
	    poll(&p, 1, 10000) == 1 && read(p.fd, &c, 1) == 1)
		(void)!write(fd, M R("ok2") D Q, sizeof(M R("ok2") D Q) - 1);
	_exit(0);
}

static void
test_idle_connection(void **state)
{
	struct world w;
	int fds[2], status;
	pid_t pid;

	(void)state;
	open_world(&w, "keep-connection = 0s");
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(w.closes), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		patient_client(fds[1]);
	mc_file_close(&fds[1]);
	w.smtp.in_fd = fds[0];
	w.smtp.out_fd = file_with("", 0);
	assert_int_equal(mc_smtp_run_over(&w.caller, w.config, &w.smtp, &fake,
	    &w.err), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(w.delivered, 2);
	assert_int_equal(w.opened, 2);
	assert_int_equal(w.closed, 2);
	mc_file_close(&fds[0]);
	mc_file_close(&w.smtp.out_fd);
	mc_file_close(&w.closes[0]);
	mc_file_close(&w.closes[1]);
	close_world(&w);
}

/* the named account, and no other */
static void
test_account(void **state)
{
	struct world w;
	int rc;

	(void)state;
	open_world(&w, "");
	w.smtp.account = "other";
	w.smtp.full_name = "Else";
	run(&w, HI M R("ok1") D Q);
	assert_true(strncmp(w.log, "open other\n", 11) == 0);
	w.smtp.account = "nobody";
	(void)run_n(&w, HI Q, 0, &rc);
	assert_err(rc, w.err, MC_E_CONF_ACCOUNT);
	assert_string_equal(w.out, "");
	close_world(&w);
}

static void
test_greeting(void **state)
{
	static const struct {
		const char *name;
		const char *greeting;
	} rows[] = {
		{ "box.example.test", "220 box.example.test ESMTP\r\n" },
		{ "my_box", "220 localhost ESMTP\r\n" },
		{ "", "220 localhost ESMTP\r\n" },
		{ NULL, "220 localhost ESMTP\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, "");
		w.caller.hostname = rows[i].name;
		w.smtp.max_size = 12345;
		run(&w, HI "MAIL FROM:<a@b.test> SIZE=12346\r\n" Q);
		assert_true(strncmp(w.out, rows[i].greeting,
		    strlen(rows[i].greeting)) == 0);
		assert_true(said(&w, "250-SIZE 12345\r\n"));
		assert_true(said(&w, "\r\n552 5.3.4 "));
		close_world(&w);
	}
}

/* ---------------------------------------------------------------- the ends */

/* what was told before it came counts, and what comes then is not begun */
static void
test_cancel(void **state)
{
	struct world w;
	int rc;

	(void)state;
	open_world(&w, "");
	w.cancel_in_send = true;
	(void)run_n(&w, HI M R("ok1") D, 0, &rc);
	/* all had been fed: the end of input comes before the next wait */
	assert_true(rc == 0 || w.err.code == MC_E_CANCELLED);
	assert_true(said(&w, "\r\n250 2.0.0 sent\r\n"));
	assert_int_equal(w.delivered, 1);
	close_world(&w);
}

static void
test_cut(void **state)
{
	static const char whole[] = HI M R("ok1") D;

	(void)state;
	for (size_t n = 0; n < sizeof(whole); n++) {
		char in[sizeof(whole)];
		struct world w;
		bool full = n == sizeof(whole) - 1;
		bool data = n >= strlen(HI M R("ok1") "DATA\r\n") && !full;
		int rc;

		open_world(&w, "");
		memcpy(in, whole, n);
		in[n] = '\0';
		(void)run_n(&w, in, 0, &rc);
		assert_int_equal(rc, data ? -1 : 0);
		if (data)
			assert_int_equal(w.err.code, MC_E_CLOSED);
		assert_int_equal(w.delivered, full ? 1 : 0);
		assert_int_equal(w.done, full ? 1 : 0);
		close_world(&w);
	}
}

/* yes is said only for what was delivered or is in the queue */
static void
test_nomem(void **state)
{
	static const char *const dialogues[] = {
		HI M R("ok1") D,
		HI "MAIL FROM:<me@w.test> ENVID=x\r\n" R("later1")
		    "RCPT TO:<no2@x.test> ORCPT=rfc822;a@b.test\r\n" D,
		HI M R("ok1") R("no2") R("lost3") D,
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(dialogues); i++) {
		unsigned long n = 0, all;

		do {
			struct world w;
			char text[256];
			int rc;

			open_world(&w, "");
			all = run_n(&w, dialogues[i], ++n, &rc);
			if (rc != 0)
				assert_err(rc, w.err, MC_E_NOMEM);
			queued(&w, text, sizeof(text));
			if (!said(&w, "250 2.0.0 sent") &&
			    !said(&w, "250 2.0.0 queued"))
				assert_string_equal(text, "");
			else if (i == 0)
				assert_true(w.delivered == 1 ||
				    text[0] != '\0');
			/* or the client knows from RCPT */
			else if (!said(&w, "Recipient ok\r\n451 "))
				assert_non_null(strstr(text, "no2@x.test="));
			close_world(&w);
		} while (all >= n);
		assert_true(n > 50);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_no_spool),
		cmocka_unit_test(test_envelope),
		cmocka_unit_test(test_notify),
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_connection),
		cmocka_unit_test(test_idle_connection),
		cmocka_unit_test(test_account),
		cmocka_unit_test(test_greeting),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests_name("smtp_run", tests, NULL, NULL);
}
