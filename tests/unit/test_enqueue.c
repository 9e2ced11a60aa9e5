/* SPDX-License-Identifier: MIT */
/*
 * test_enqueue.c - what cannot be sent goes to the queue, and nothing else
 *
 * The verdicts are put where sending would have put them; what came of it is
 * read back by the store.
 */
#include "conf_side.h"

#include "base/limits.h"
#include "base/mem.h"
#include "queue/pause.h"
#include "queue/store_internal.h"
#include "submission.h"

#include <ftw.h>
#include <time.h>

#define MESSAGE "To: a@x.test, b@x.test, c@x.test\nBcc: d@x.test\n" \
    "Subject: x\n\nhello\n"

struct world {
	struct side side;
	char spool[128];
	char *envp[2];
	struct mc_caller caller;
	struct mc_config *config;
	struct mc_submission *sub;
	struct mc_err err;
	struct mc_queued queued;
	int64_t begun;
	char said[4096];
};

static void
note_line(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text)
{
	struct world *w = ctx;
	size_t n = strlen(w->said);

	(void)level;
	(void)stage;
	(void)snprintf(w->said + n, sizeof(w->said) - n, "%s\n", text);
}

/* another submission of the same text, as by another process */
static void
begin(struct world *w, const char *message)
{
	mc_submission_free(w->sub);
	w->sub = NULL;
	memset(&w->err, 0, sizeof(w->err));
	memset(&w->queued, 0, sizeof(w->queued));
	assert_int_equal(mc_submission_new(&w->caller, w->config, &w->sub,
	    &w->err), 0);
	mc_submission_set_log(w->sub, MC_LOG_WARN, note_line, w);
	mc_submission_use_header_rcpts(w->sub, 1);
	assert_int_equal(mc_submission_write(w->sub, message, strlen(message),
	    0, &w->err), 0);
	assert_int_equal(mc_submission_queue_mode(w->sub), -1);
	if (mc_submission_prepare(w->sub, &w->err) != 0)
		fail_msg("%s", w->err.text);
	w->begun = (int64_t)time(NULL);
}

static void
open_world(struct world *w, const char *global, const char *conf)
{
	char text[4096];

	memset(w, 0, sizeof(*w));
	side_open(&w->side);
	(void)snprintf(w->spool, sizeof(w->spool), "%s/spool", w->side.dir);
	/* a key may stand there once */
	(void)snprintf(text, sizeof(text), "log = off\n%s%s\n%s%s\n"
	    "[account t]\n%s\n%s\n",
	    strstr(global, "queue-dir") != NULL ? "" : "queue-dir = ",
	    strstr(global, "queue-dir") != NULL ? "" : w->spool,
	    strstr(global, "queue-reserve") != NULL ? "" :
	    "queue-reserve = 1\n", global,
	    strstr(conf, "host") != NULL ? "" : "host = localhost", conf);
	side_write(&w->side, "conf", text, 0600);
	w->caller = (struct mc_caller){ .login = "joe", .full_name = "Joe Doe",
	    .home = w->side.dir, .hostname = "box.example.test",
	    .envp = w->envp, .uid = getuid() };
	if (mc_config_load(&w->caller, side_path(&w->side, "conf"), NULL, NULL,
	    &w->config, &w->err) != 0)
		fail_msg("%s", w->err.text);
	begin(w, MESSAGE);
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
	mc_submission_free(w->sub);
	mc_config_free(w->config);
	assert_int_equal(nftw(w->side.dir, wipe_one, 8,
	    FTW_DEPTH | FTW_PHYS), 0);
}

static bool
has_spool(const struct world *w)
{
	return access(w->spool, F_OK) == 0;
}

/* ---------------------------------------------------------------- verdicts */

/* one letter a recipient: D delivered, F failed, T deferred, U unsure, P not
 * tried */
static void
set_verdicts(struct world *w, const char *letters)
{
	assert_int_equal(w->sub->env.rcpts.n, strlen(letters));
	w->sub->sent = strspn(letters, "P") != strlen(letters);
	for (size_t i = 0; letters[i] != '\0'; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(&w->sub->env, i);
		char text[64];

		(void)snprintf(text, sizeof(text), "answer %zu", i);
		if (letters[i] == 'P')
			continue;
		rcpt->verdict = letters[i] == 'D' ? MC_DELIVERED :
		    letters[i] == 'F' ? MC_FAILED :
		    letters[i] == 'U' ? MC_UNSURE : MC_DEFERRED;
		if (letters[i] == 'D')
			continue;
		rcpt->text = mc_mem_strdup(text);
		rcpt->code = letters[i] == 'U' ? MC_E_TIMEOUT : MC_E_REFUSED;
		rcpt->stage = MC_STAGE_RCPT;
		rcpt->smtp = letters[i] == 'F' ? 550 :
		    letters[i] == 'T' ? 451 : 0;
		rcpt->enh[0] = letters[i] == 'F' ? 5 : 4;
		rcpt->enh[1] = 2;
		rcpt->enh[2] = (int)i;
	}
}

static void
stop(struct world *w, enum mc_code code, enum mc_stage stage, bool opening)
{
	w->sub->sent = true;
	w->sub->stop_opening = opening;
	(void)mc_err_set(&w->sub->stop, code, stage, "stopped by %s",
	    mc_code_name(code));
	mc_submission_defer_rest(w->sub, &w->sub->stop);
}

static void
queue(struct world *w)
{
	if (mc_submission_queue(w->sub, &w->queued, &w->err) != 0)
		fail_msg("%s", w->err.text);
}

/* ------------------------------------------------------------- reading back */

static struct mc_store *
open_store(const struct world *w)
{
	struct mc_store_settings set = { .dir = w->spool, .no_create = true };
	struct mc_store *store = NULL;
	struct mc_err err = { 0 };

	if (mc_store_open(&set, &store, &err) != 0)
		fail_msg("%s", err.text);
	return store;
}

static int
count_one(void *ctx, const struct mc_store_stat *st)
{
	size_t *n = ctx;

	(void)st;
	++*n;
	return 0;
}

static size_t
count(const struct world *w)
{
	struct mc_store_settings set = { .dir = w->spool, .no_create = true };
	struct mc_store *store = NULL;
	struct mc_err err = { 0 };
	size_t n = 0;

	if (mc_store_open(&set, &store, &err) != 0) {
		assert_true(err.code == MC_E_QUEUE_NONE || !has_spool(w));
		return 0;
	}
	assert_int_equal(mc_store_scan(store, count_one, &n, NULL), 0);
	mc_store_close(store);
	return n;
}

struct found {
	struct mc_store *store;
	struct mc_entry *entry;
	struct mc_envelope *env;
	struct mc_entry_info info;
};

static void
find(const struct world *w, struct found *f)
{
	struct mc_err err = { 0 };

	f->store = open_store(w);
	if (mc_store_claim(f->store, w->queued.id, true, &f->entry,
	    &err) != 1)
		fail_msg("%s: %s", w->queued.id, err.text);
	f->env = mc_entry_envelope(f->entry);
	mc_entry_info(f->entry, &f->info);
}

static void
lose(struct found *f)
{
	mc_entry_close(f->entry);
	mc_store_close(f->store);
}

/* "a@x.test=P d@x.test*=U": blind ones with a star, then the cell */
static void
show(const struct found *f, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < f->env->rcpts.n; i++) {
		const struct mc_rcpt *rcpt = mc_envelope_at(f->env, i);

		n += (size_t)snprintf(out + n, size - n, "%s%s%s=%c",
		    i == 0 ? "" : " ", rcpt->addr, rcpt->blind ? "*" : "",
		    mc_entry_cell(f->entry, i));
		assert_true(n < size);
	}
}

/* ------------------------------------------------------------------- tests */

static void
test_who(void **state)
{
	static const struct {
		const char *verdicts;
		const char *queued;	/* NULL: nothing */
		size_t n;
		enum mc_code code;	/* that decides the status then */
		int exit;
	} rows[] = {
		{ "DDDD", NULL, 0, MC_OK, 0 },
		{ "FDFD", NULL, 0, MC_E_REFUSED, 69 },
		{ "PPPP", "a@x.test=P b@x.test=P c@x.test=P d@x.test*=P", 4,
		    MC_OK, 0 },
		{ "DTDD", "b@x.test=P", 1, MC_OK, 0 },
		{ "DDDT", "d@x.test*=P", 1, MC_OK, 0 },
		{ "DTUT", "b@x.test=P c@x.test=U d@x.test*=P", 3, MC_OK, 0 },
		{ "FTDU", "b@x.test=P d@x.test*=U", 2, MC_E_REFUSED, 69 },
		{ "UPDD", "a@x.test=U b@x.test=P", 2, MC_OK, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct found f;
		struct mc_result r;
		char text[256];

		open_world(&w, "", "");
		set_verdicts(&w, rows[i].verdicts);
		queue(&w);
		assert_int_equal(w.queued.recipients, rows[i].n);
		assert_int_equal(has_spool(&w), rows[i].queued != NULL);
		for (size_t k = 0; mc_submission_result(w.sub, k, &r) == 0; k++)
			assert_int_equal(r.queued,
			    strchr("PTU", rows[i].verdicts[k]) != NULL);
		assert_int_equal(mc_submission_status(w.sub, &w.err),
		    rows[i].code == MC_OK ? 0 : -1);
		assert_int_equal(w.err.code, rows[i].code);
		assert_int_equal(mc_err_exit(&w.err), rows[i].exit);
		if (rows[i].queued != NULL) {
			assert_int_equal(count(&w), 1);
			find(&w, &f);
			show(&f, text, sizeof(text));
			assert_string_equal(text, rows[i].queued);
			lose(&f);
		}
		close_world(&w);
	}
}

/* who failed comes along for the report, unless nobody else is left */
static void
test_failed(void **state)
{
	static const struct {
		const char *verdicts;
		const char *queued;	/* "": nothing */
		enum mc_code code;
		bool now;		/* nobody waits for another attempt */
	} rows[] = {
		{ "FFFF", "", MC_E_REFUSED, false },
		{ "DDDD", "", MC_OK, false },
		{ "DFDD", "b@x.test=F", MC_OK, true },
		{ "DDDF", "d@x.test*=F", MC_OK, true },
		{ "FFDF", "a@x.test=F b@x.test=F d@x.test*=F", MC_OK, true },
		{ "FTFF", "a@x.test=F b@x.test=P c@x.test=F d@x.test*=F",
		    MC_OK, false },
		{ "DFUD", "b@x.test=F c@x.test=U", MC_OK, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct found f;
		struct mc_result r;
		char text[256];

		open_world(&w, "", "");
		set_verdicts(&w, rows[i].verdicts);
		w.sub->report_failed = true;
		queue(&w);
		assert_int_equal(has_spool(&w), rows[i].queued[0] != '\0');
		for (size_t k = 0; mc_submission_result(w.sub, k, &r) == 0; k++)
			assert_int_equal(r.queued, rows[i].queued[0] != '\0' &&
			    rows[i].verdicts[k] != 'D');
		assert_int_equal(mc_submission_status(w.sub, &w.err),
		    rows[i].code == MC_OK ? 0 : -1);
		assert_int_equal(w.err.code, rows[i].code);
		if (rows[i].queued[0] != '\0') {
			find(&w, &f);
			show(&f, text, sizeof(text));
			assert_string_equal(text, rows[i].queued);
			assert_int_equal(f.info.next_attempt <= time(NULL),
			    rows[i].now);
			lose(&f);
		}
		close_world(&w);
	}
}

/* everything that sending it again will need */
static void
test_what(void **state)
{
	static const char message[] = "To: a@x.test\nBcc: d@x.test\n"
	    "Subject: x\nMessage-ID: <1@x.test>\n\nb\xc3\xb6se\n";
	struct world w;
	struct found f;
	const struct mc_spool *body;
	struct mc_str header;
	char got[64];
	size_t n;

	(void)state;
	open_world(&w, "", "from = me@w.test");
	begin(&w, message);
	w.sub->env.ret = MC_RET_HDRS;
	w.sub->env.body_8bit = true;
	w.sub->env.envid = mc_mem_strdup("an id");
	((struct mc_rcpt *)mc_envelope_at(&w.sub->env, 1))->notify =
	    MC_NOTIFY_FAILURE;
	queue(&w);
	find(&w, &f);
	assert_string_equal(f.info.account, "t");
	assert_int_equal(f.info.uid, getuid());
	assert_in_range(f.info.arrival, w.begun, time(NULL));
	assert_true(f.info.needs_8bit);
	assert_false(f.info.is_report);
	assert_false(f.info.held);
	assert_string_equal(f.env->sender, "me@w.test");
	assert_string_equal(f.env->envid, "an id");
	assert_int_equal(f.env->ret, MC_RET_HDRS);
	assert_true(f.env->body_8bit);
	assert_int_equal(mc_envelope_at(f.env, 1)->notify, MC_NOTIFY_FAILURE);
	assert_true(mc_envelope_at(f.env, 1)->blind);
	assert_true(mc_envelope_at(f.env, 1)->from_bcc);
	assert_false(mc_envelope_at(f.env, 0)->blind);
	assert_int_equal(mc_entry_content(f.entry, &header, &body, &w.err), 0);
	assert_str(header, w.sub->header.ptr);
	assert_null(strstr(w.sub->header.ptr, "d@x.test"));
	assert_int_equal(mc_spool_read(body, 0, got, sizeof(got), &n, &w.err),
	    0);
	assert_str(mc_str_make(got, n), "b\xc3\xb6se\r\n");
	lose(&f);
	close_world(&w);
}

/* a body that is in a file */
static void
test_large(void **state)
{
	struct world w;
	struct found f;
	const struct mc_spool *body;
	struct mc_str header;
	size_t lines = 3 * MC_SPOOL_MEMORY / 64, n;
	char line[65], got[65];

	(void)state;
	open_world(&w, "", "");
	mc_submission_free(w.sub);
	assert_int_equal(mc_submission_new(&w.caller, w.config, &w.sub,
	    &w.err), 0);
	assert_int_equal(mc_submission_add_rcpt(w.sub, "a@x.test", &w.err), 0);
	assert_int_equal(mc_submission_write(w.sub, "A: b\n\n", 6, 0, &w.err),
	    0);
	for (size_t i = 0; i < lines; i++) {
		(void)snprintf(line, sizeof(line), "%061zu\r\n", i);
		assert_int_equal(mc_submission_write(w.sub, line, 63, 0,
		    &w.err), 0);
	}
	assert_int_equal(mc_submission_prepare(w.sub, &w.err), 0);
	assert_true(w.sub->message.body.fd >= 0);
	queue(&w);
	find(&w, &f);
	assert_int_equal(mc_entry_content(f.entry, &header, &body, &w.err), 0);
	assert_int_equal(body->size, lines * 63);
	for (size_t i = 0; i < lines; i += 997) {
		assert_int_equal(mc_spool_read(body, i * 63, got, 63, &n,
		    &w.err), 0);
		(void)snprintf(line, sizeof(line), "%061zu\r\n", i);
		assert_int_equal(n, 63);
		assert_memory_equal(got, line, 63);
	}
	lose(&f);
	close_world(&w);
}

/* the notes can be read back as reply and status; the results stay as they
 * were */
static void
test_reasons(void **state)
{
	static const char *const want[] = { NULL, "[451 4.2.1] answer 1",
	    "[4.2.2] may have been delivered: answer 2", NULL };
	struct world w;
	struct found f;
	struct mc_result r;

	(void)state;
	open_world(&w, "", "");
	set_verdicts(&w, "PTUD");
	queue(&w);
	assert_int_equal(mc_submission_result(w.sub, 1, &r), 0);
	assert_string_equal(r.err.text, "answer 1");
	assert_int_equal(r.err.smtp, 451);
	find(&w, &f);
	assert_int_equal(f.env->rcpts.n, 3);
	for (size_t i = 0; i < 3; i++) {
		const char *text = mc_envelope_at(f.env, i)->text;

		if (want[i] == NULL)
			assert_null(text);
		else
			assert_string_equal(text, want[i]);
	}
	lose(&f);
	close_world(&w);
}

static void
test_times(void **state)
{
	static const struct {
		const char *conf;
		const char *verdicts;
		int64_t low, high;	/* seconds from now */
		uint64_t attempts;
	} rows[] = {
		{ "", "PPPP", 0, 1, 0 },
		{ "", "DTDD", 45, 76, 1 },
		{ "retry-min = 10min", "TTTT", 450, 751, 1 },
		{ "", "DTUD", 1800, 2251, 1 },
		{ "unsure-wait = 1min\nretry-min = 1h", "UUUU", 2700, 4501,
		    1 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct found f;

		open_world(&w, "", rows[i].conf);
		set_verdicts(&w, rows[i].verdicts);
		queue(&w);
		if (w.queued.next_attempt < w.begun + rows[i].low ||
		    w.queued.next_attempt > w.begun + rows[i].high + 1)
			fail_msg("row %zu: in %lld s", i, (long long)
			    (w.queued.next_attempt - w.begun));
		find(&w, &f);
		assert_int_equal(f.info.next_attempt, w.queued.next_attempt);
		assert_int_equal(f.info.attempts, rows[i].attempts);
		lose(&f);
		close_world(&w);
	}
}

/* one letter a recipient as for set_verdicts, and H: nobody else holds it */
static void
test_hold_until(void **state)
{
	static const struct {
		const char *verdicts;
		int64_t until;		/* from now */
		int64_t low, high;	/* the next attempt, from now */
		uint64_t attempts;
	} rows[] = {
		{ "PPPP", 7200, 7200, 7200, 0 },
		{ "HHHH", 7200, 7200, 7200, 0 },
		{ "HHHH", 5, 5, 5, 0 },
		{ "DHHD", 20 * 86400, 20 * 86400, 20 * 86400, 0 },
		{ "TTTT", 7200, 7200, 7200, 1 },
		{ "HHTT", 7200, 7200, 7200, 1 },
		{ "TTTT", 5, 45, 76, 1 },
		{ "UUUU", 7200, 7200, 7200, 1 },
		{ "UUUU", 5, 1800, 2251, 1 },
		/* it came while the server was asked */
		{ "HHHH", -1, 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		bool waits = rows[i].until > 0;
		char letters[8];
		struct world w;
		struct found f;
		int64_t until, from;

		open_world(&w, "", "");
		(void)snprintf(letters, sizeof(letters), "%s",
		    rows[i].verdicts);
		for (size_t k = 0; letters[k] != '\0'; k++)
			if (letters[k] == 'H')
				letters[k] = 'T';
		set_verdicts(&w, letters);
		for (size_t k = 0; letters[k] != '\0'; k++)
			if (rows[i].verdicts[k] == 'H')
				mc_envelope_at(&w.sub->env, k)->code =
				    MC_E_NEED_FUTURERELEASE;
		until = w.begun + rows[i].until;
		w.sub->env.hold_until = until;
		queue(&w);
		assert_true(w.queued.hold_until == until);
		from = w.queued.next_attempt - w.begun;
		if (from < rows[i].low || from > rows[i].high +
		    (rows[i].high == rows[i].until ? 0 : 1))
			fail_msg("row %zu: in %lld s", i, (long long)from);
		find(&w, &f);
		assert_true(f.info.next_attempt == w.queued.next_attempt);
		assert_true(f.info.hold_until == until);
		assert_int_equal(f.info.attempts, rows[i].attempts);
		assert_int_equal(f.entry->timed, waits);
		/* what was said to those who wait is no reason */
		for (size_t k = 0, at = 0; letters[k] != '\0'; k++) {
			if (letters[k] == 'D')
				continue;
			assert_int_equal(mc_envelope_at(f.env, at++)->text !=
			    NULL, strchr("TU", rows[i].verdicts[k]) != NULL);
		}
		lose(&f);
		close_world(&w);
	}
}

/* ------------------------------------------------------------------- pauses */

static void
load_pause(const struct world *w, struct mc_pause *ret_pause)
{
	struct mc_store *store = open_store(w);

	mc_pause_load(store, "t", ret_pause);
	mc_store_close(store);
}

static void
test_faults(void **state)
{
	static const struct {
		enum mc_code code;
		enum mc_stage stage;
		bool opening;
		const char *verdicts;	/* before; P is deferred by it */
		bool pause;
		enum mc_fault fault;
		uint64_t attempts;
	} rows[] = {
		{ MC_E_AUTH_REFUSED, MC_STAGE_AUTH, true, "PPPP", true,
		    MC_FAULT_ACCOUNT, 0 },
		{ MC_E_TLS_CERT, MC_STAGE_TLS, true, "PPPP", true,
		    MC_FAULT_ACCOUNT, 0 },
		{ MC_E_HELPER, MC_STAGE_CONFIG, true, "PPPP", true,
		    MC_FAULT_ACCOUNT, 0 },
		/* what may have been delivered has been tried */
		{ MC_E_CONNECT, MC_STAGE_CONNECT, true, "UPPP", true,
		    MC_FAULT_ACCOUNT, 1 },
		{ MC_E_CLOSED, MC_STAGE_DATA, false, "TPPP", false, 0, 1 },
		{ MC_E_TIMEOUT, MC_STAGE_END, false, "UPPP", false, 0, 1 },
		/* a signal is nobody's fault */
		{ MC_E_CANCELLED, MC_STAGE_CONNECT, true, "PPPP", false, 0,
		    0 },
		{ MC_E_CANCELLED, MC_STAGE_END, false, "UPPP", false, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct found f;
		struct mc_pause pause;

		open_world(&w, "", "");
		set_verdicts(&w, rows[i].verdicts);
		stop(&w, rows[i].code, rows[i].stage, rows[i].opening);
		queue(&w);
		assert_int_equal(mc_submission_status(w.sub, &w.err), 0);
		load_pause(&w, &pause);
		if (rows[i].pause != (pause.until > w.begun))
			fail_msg("row %zu: until %lld", i,
			    (long long)(pause.until - w.begun));
		if (rows[i].pause) {
			assert_int_equal(pause.fault, rows[i].fault);
			assert_int_equal(pause.code, rows[i].code);
			assert_true(w.queued.next_attempt >= pause.until);
		}
		find(&w, &f);
		assert_int_equal(f.info.attempts, rows[i].attempts);
		assert_true(f.info.next_attempt <= w.queued.next_attempt);
		lose(&f);
		close_world(&w);
	}
}

static void
test_admit(void **state)
{
	struct world w;
	struct found f;
	struct mc_result r;
	struct mc_pause pause;

	(void)state;
	open_world(&w, "", "");
	/* nothing is known, and nothing is made */
	assert_int_equal(mc_submission_admit(w.sub, 0, &w.err), 0);
	assert_false(has_spool(&w));
	stop(&w, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, true);
	queue(&w);
	assert_err(mc_submission_admit(w.sub, 0, &w.err), w.err, MC_E_USAGE);

	/* once refused, the next one waits, and is due as soon as it may */
	begin(&w, MESSAGE);
	assert_err(mc_submission_admit(w.sub, 0, &w.err), w.err,
	    MC_E_AUTH_REFUSED);
	assert_string_equal(w.err.text, "stopped by MC_E_AUTH_REFUSED");
	assert_int_equal(mc_submission_result(w.sub, 3, &r), 0);
	assert_int_equal(r.verdict, MC_DEFERRED);
	assert_int_equal(r.err.code, MC_E_AUTH_REFUSED);
	memset(&w.err, 0, sizeof(w.err));
	assert_err(mc_submission_send(w.sub, &w.err), w.err, MC_E_USAGE);
	assert_int_equal(mc_submission_status(w.sub, NULL), -1);
	queue(&w);
	assert_int_equal(mc_submission_status(w.sub, NULL), 0);
	load_pause(&w, &pause);
	assert_int_equal(pause.failures, 1);
	assert_int_equal(w.queued.next_attempt, pause.until);
	find(&w, &f);
	assert_true(f.info.next_attempt <= time(NULL));
	assert_int_equal(f.info.attempts, 0);
	lose(&f);

	/* unless somebody wants to see it */
	begin(&w, MESSAGE);
	assert_int_equal(mc_submission_admit(w.sub, MC_ADMIT_REFUSED, &w.err),
	    0);
	set_verdicts(&w, "DDDD");
	mc_submission_well(w.sub);
	load_pause(&w, &pause);
	assert_int_equal(pause.until, 0);
	begin(&w, MESSAGE);
	assert_int_equal(mc_submission_admit(w.sub, 0, &w.err), 0);

	/* other failures of the account do not hold a message back */
	stop(&w, MC_E_TLS_CERT, MC_STAGE_TLS, true);
	queue(&w);
	begin(&w, MESSAGE);
	assert_int_equal(mc_submission_admit(w.sub, 0, &w.err), 0);
	assert_string_equal(w.said, "");
	close_world(&w);
}

static void
test_rate(void **state)
{
	struct world w;
	struct found f;

	(void)state;
	open_world(&w, "", "rate = 2/h");
	for (int i = 0; i < 2; i++) {
		begin(&w, MESSAGE);
		assert_int_equal(mc_submission_admit(w.sub, MC_ADMIT_REFUSED,
		    &w.err), 0);
		assert_true(has_spool(&w));
	}
	begin(&w, MESSAGE);
	assert_err(mc_submission_admit(w.sub, MC_ADMIT_REFUSED, &w.err), w.err,
	    MC_E_RATE);
	assert_string_equal(w.err.text, "rate limit 2/h reached");
	assert_int_equal(mc_err_exit(&w.err), 75);
	queue(&w);
	assert_in_range(w.queued.next_attempt, w.begun + 1700, w.begun + 3602);
	find(&w, &f);
	assert_int_equal(f.info.next_attempt, w.queued.next_attempt);
	assert_int_equal(f.info.attempts, 0);
	lose(&f);
	close_world(&w);

	/* without a queue nothing is counted */
	open_world(&w, "", "rate = 1/h\nqueue = off");
	for (int i = 0; i < 3; i++) {
		begin(&w, MESSAGE);
		assert_int_equal(mc_submission_admit(w.sub, 0, &w.err), 0);
	}
	assert_false(has_spool(&w));
	close_world(&w);
}

/* ----------------------------------------------------------------- failures */

static void
test_modes(void **state)
{
	static const struct {
		const char *conf;
		int mode;
	} rows[] = {
		{ "", 0 }, { "queue = on", 0 }, { "queue = off", 1 },
		{ "queue = always", 2 }, { "queue = always\nhost =", 1 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;

		open_world(&w, "", rows[i].conf);
		assert_int_equal(mc_submission_queue_mode(w.sub),
		    rows[i].mode);
		close_world(&w);
	}
}

static void
test_misuse(void **state)
{
	struct world w;
	struct mc_submission *sub;

	(void)state;
	open_world(&w, "", "");
	assert_int_equal(mc_submission_new(&w.caller, w.config, &sub, &w.err),
	    0);
	assert_err(mc_submission_queue(sub, &w.queued, &w.err), w.err,
	    MC_E_USAGE);
	memset(&w.err, 0, sizeof(w.err));
	assert_err(mc_submission_status(sub, &w.err), w.err, MC_E_USAGE);
	mc_submission_free(sub);
	queue(&w);
	memset(&w.err, 0, sizeof(w.err));
	assert_err(mc_submission_queue(w.sub, &w.queued, &w.err), w.err,
	    MC_E_USAGE);
	memset(&w.err, 0, sizeof(w.err));
	/* it would go twice */
	assert_err(mc_submission_send(w.sub, &w.err), w.err, MC_E_USAGE);
	assert_int_equal(count(&w), 1);
	close_world(&w);
}

static void
test_unusable(void **state)
{
	static const struct {
		const char *global;
		const char *verdicts;
		bool stopped;
		enum mc_code queue;
		enum mc_code status;
	} rows[] = {
		{ "queue-max-bytes = 100", "PPPP", false, MC_E_QUEUE_FULL,
		    MC_E_QUEUE_FULL },
		{ "queue-reserve = 1000000G", "DDTD", false, MC_E_QUEUE_FULL,
		    MC_E_REFUSED },
		{ "queue-reserve = 1000000G", "PPPP", true, MC_E_QUEUE_FULL,
		    MC_E_AUTH_REFUSED },
		{ "queue-dir = /proc/nowhere", "DFTD", false, MC_E_QUEUE,
		    MC_E_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct world w;
		struct mc_err said = { 0 };
		struct mc_result r;

		open_world(&w, rows[i].global, "");
		set_verdicts(&w, rows[i].verdicts);
		if (rows[i].stopped)
			stop(&w, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, true);
		assert_err(mc_submission_queue(w.sub, &w.queued, &said), said,
		    rows[i].queue);
		assert_int_equal(w.queued.recipients, 0);
		assert_err(mc_submission_status(w.sub, &w.err), w.err,
		    rows[i].status);
		for (size_t k = 0; mc_submission_result(w.sub, k, &r) == 0; k++)
			assert_int_equal(r.queued, 0);
		assert_int_equal(count(&w), 0);
		if (rows[i].stopped) {
			/* the next one must not run into the same wall */
			begin(&w, MESSAGE);
			assert_err(mc_submission_admit(w.sub, 0, &w.err),
			    w.err, MC_E_AUTH_REFUSED);
		}
		close_world(&w);
	}
}

/* a queue that does not work is no reason not to send */
static void
test_unusable_admit(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, "", "rate = 1/h");
	assert_int_equal(mkdir(w.spool, 0700), 0);
	assert_int_equal(chmod(w.spool, 0755), 0);
	for (int i = 0; i < 2; i++) {
		begin(&w, MESSAGE);
		assert_int_equal(mc_submission_admit(w.sub, 0, &w.err), 0);
	}
	assert_string_equal(w.said, "");
	assert_err(mc_submission_queue(w.sub, &w.queued, &w.err), w.err,
	    MC_E_QUEUE);
	/* mended, it takes the message after all */
	assert_int_equal(chmod(w.spool, 0700), 0);
	queue(&w);
	assert_int_equal(mc_submission_status(w.sub, NULL), 0);
	assert_int_equal(count(&w), 1);
	close_world(&w);
}

static void
test_nomem(void **state)
{
	unsigned long n = 0, all;

	(void)state;
	do {
		struct world w;
		struct mc_result r;
		int rc;

		open_world(&w, "", "");
		set_verdicts(&w, "DTUP");
		(void)failmalloc(++n, false);
		rc = mc_submission_queue(w.sub, &w.queued, &w.err);
		all = failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, w.err, MC_E_NOMEM);
			assert_int_equal(w.queued.recipients, 0);
			assert_int_equal(count(&w), 0);
			queue(&w);
		}
		assert_int_equal(w.queued.recipients, 3);
		assert_int_equal(count(&w), 1);
		assert_int_equal(mc_submission_result(w.sub, 1, &r), 0);
		assert_string_equal(r.err.text, "answer 1");
		assert_int_equal(mc_submission_result(w.sub, 2, &r), 0);
		assert_string_equal(r.err.text, "answer 2");
		close_world(&w);
	} while (all >= n);
	assert_true(n > 10);
}

static void
test_admit_nomem(void **state)
{
	unsigned long n = 0, all;

	(void)state;
	do {
		struct world w;
		int rc;

		open_world(&w, "", "rate = 100/h");
		stop(&w, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, true);
		queue(&w);
		begin(&w, MESSAGE);
		(void)failmalloc(++n, false);
		rc = mc_submission_admit(w.sub, 0, &w.err);
		all = failmalloc(0, false);
		/* what cannot be found out does not stand in the way */
		if (rc != 0)
			assert_err(rc, w.err, MC_E_AUTH_REFUSED);
		close_world(&w);
	} while (all >= n);
	assert_true(n > 5);
}

/* ----------------------------------------------------------------- reports */

#define REPORTED "From: joe@x.test\nTo: a@x.test, b@x.test, c@x.test\n" \
    "Bcc: d@x.test\nSubject: x\nMessage-ID: <orig@x.test>\n"

/* the body of the report in the queue, and who gets it */
static void
read_report(struct world *w, const struct mc_queued *report, char *text,
    size_t size)
{
	struct mc_err err = { 0 };
	struct mc_str header;
	const struct mc_spool *body;
	struct found f;
	size_t got = 0;

	w->queued = *report;
	find(w, &f);
	assert_true(f.info.is_report);
	assert_string_equal(f.info.account, "t");
	assert_string_equal(f.env->sender, "");
	assert_int_equal(f.env->rcpts.n, 1);
	assert_string_equal(mc_envelope_at(f.env, 0)->addr, "joe@x.test");
	assert_int_equal(mc_envelope_at(f.env, 0)->notify, MC_NOTIFY_NEVER);
	assert_int_equal(mc_entry_content(f.entry, &header, &body, &err), 0);
	assert_true(body->size < size);
	assert_int_equal(mc_spool_read(body, 0, text, size - 1, &got, &err),
	    0);
	text[got] = '\0';
	lose(&f);
}

static void
test_report(void **state)
{
	static const struct {
		const char *verdicts;
		const char *header;	/* more of it, "" for none */
		const char *conf;
		const char *sender;	/* NULL: the default */
		unsigned notify;
		size_t about;
	} rows[] = {
		{ "FDTF", "", "", NULL, 0, 2 },
		{ "FFFF", "", "", NULL, 0, 4 },
		{ "DDDF", "", "", NULL, MC_NOTIFY_FAILURE, 1 },
		{ "DTUP", "", "", NULL, 0, 0 },
		{ "DDDD", "", "", NULL, 0, 0 },
		{ "FFFF", "", "", "", 0, 0 },
		{ "FFFF", "", "queue = off", NULL, 0, 0 },
		{ "FFFF", "", "", NULL, MC_NOTIFY_NEVER, 0 },
		{ "FFFF", "", "", NULL, MC_NOTIFY_DELAY, 0 },
		{ "FFFF", "Content-Type: multipart/report; report-type="
		    "delivery-status\n", "", NULL, 0, 0 },
		{ "FFFF", "content-type:\n MULTIPART/Report;boundary=x\n", "",
		    NULL, 0, 0 },
		{ "FFFF", "Content-Type: multipart/mixed; boundary=x\n"
		    "Auto-Submitted: auto-generated\n", "", NULL, 0, 4 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char message[1000], text[8000], conf[200];
		struct mc_queued report = { .recipients = 99 };
		struct world w;
		struct mc_result r;

		(void)snprintf(conf, sizeof(conf), "from = joe@x.test\n%s",
		    rows[i].conf);
		open_world(&w, "", conf);
		mc_submission_free(w.sub);
		w.sub = NULL;
		(void)snprintf(message, sizeof(message), "%s%s\nhello\n",
		    REPORTED, rows[i].header);
		assert_int_equal(mc_submission_new(&w.caller, w.config,
		    &w.sub, &w.err), 0);
		mc_submission_use_header_rcpts(w.sub, 1);
		if (rows[i].sender != NULL)
			assert_int_equal(mc_submission_set_sender(w.sub,
			    rows[i].sender, &w.err), 0);
		assert_int_equal(mc_submission_set_dsn(w.sub, rows[i].notify,
		    NULL, NULL, &w.err), 0);
		assert_int_equal(mc_submission_write(w.sub, message,
		    strlen(message), 0, &w.err), 0);
		assert_err(mc_submission_report(w.sub, &report, &w.err),
		    w.err, MC_E_USAGE);
		memset(&w.err, 0, sizeof(w.err));
		if (mc_submission_prepare(w.sub, &w.err) != 0)
			fail_msg("%s", w.err.text);
		set_verdicts(&w, rows[i].verdicts);
		if (mc_submission_report(w.sub, &report, &w.err) != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		assert_int_equal(report.recipients, rows[i].about);
		assert_int_equal(count(&w), rows[i].about != 0);
		/* what was said of them stays what it was */
		for (size_t k = 0; rows[i].verdicts[k] != '\0'; k++) {
			assert_int_equal(mc_submission_result(w.sub, k, &r),
			    0);
			if (rows[i].verdicts[k] == 'F')
				assert_memory_equal(r.err.text, "answer", 6);
		}
		if (rows[i].about == 0) {
			close_world(&w);
			continue;
		}
		/* once */
		assert_err(mc_submission_report(w.sub, &report, &w.err),
		    w.err, MC_E_USAGE);
		read_report(&w, &report, text, sizeof(text));
		for (size_t k = 0; k < 4; k++) {
			char field[64];

			(void)snprintf(field, sizeof(field),
			    "Final-Recipient: rfc822; %c@x.test\r\n",
			    "abcd"[k]);
			assert_int_equal(strstr(text, field) != NULL,
			    rows[i].verdicts[k] == 'F');
		}
		assert_non_null(strstr(text, "Status: 5.2."));
		assert_non_null(strstr(text, "Message-ID: <orig@x.test>"));
		close_world(&w);
	}
}

static void
test_report_nomem(void **state)
{
	unsigned long n = 0, all;

	(void)state;
	do {
		struct mc_queued report = { 0 };
		struct world w;
		struct mc_result r;
		int rc;

		open_world(&w, "", "from = joe@x.test");
		set_verdicts(&w, "DTFF");
		(void)failmalloc(++n, false);
		rc = mc_submission_report(w.sub, &report, &w.err);
		all = failmalloc(0, false);
		if (rc != 0) {
			assert_err(rc, w.err, MC_E_NOMEM);
			assert_int_equal(report.recipients, 0);
			assert_int_equal(count(&w), 0);
			/* there may be some later */
			memset(&w.err, 0, sizeof(w.err));
			if (mc_submission_report(w.sub, &report, &w.err) != 0)
				fail_msg("%s", w.err.text);
		}
		assert_int_equal(report.recipients, 2);
		assert_int_equal(mc_submission_result(w.sub, 2, &r), 0);
		assert_string_equal(r.err.text, "answer 2");
		/* those that wait still can */
		queue(&w);
		assert_int_equal(count(&w), 2);
		close_world(&w);
	} while (all >= n);
	assert_true(n > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_failed),
		cmocka_unit_test(test_what),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_hold_until),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_admit),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_misuse),
		cmocka_unit_test(test_unusable),
		cmocka_unit_test(test_unusable_admit),
		cmocka_unit_test(test_nomem),
		cmocka_unit_test(test_admit_nomem),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
