/* SPDX-License-Identifier: MIT */
/*
 * test_deliver.c - each server gets the form of a message that it takes
 *
 * A transport in memory that writes down what it is given.
 */
#include "unit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "transport/deliver.h"

#include <fcntl.h>

#define UE "\xc3\xbc"
#define ALL (MC_TAKES_8BIT | MC_TAKES_UTF8)

struct mc_transport {
	int number;
};

/* one test at a time */
static struct server {
	unsigned takes[4];	/* of each connection; the last one stays */
	struct mc_transport_limits limits;
	size_t sizes[32];	/* recipients of each job */
	int conns[32];		/* and its connection */
	int lose;		/* the first connection ends at this job */
	bool last[32];		/* each job was said to be the last */
	bool ends;		/* what is said to be so ends the connection */
	size_t split;		/* it takes no more than so many; 0: all */
	int closed;
	int opened;
	int jobs;
	struct mc_buf header;	/* of the last job */
	struct mc_buf body;
	const struct mc_spool *spool;
	bool same;		/* all jobs had the same spool */
	bool needs_8bit;
	bool needs_utf8;
	bool needs_binary;
	struct mc_err unfit;
	int refuse;		/* so many log-ins with a token */
	bool late;		/* that shows with the first transaction only */
	bool token;		/* it is one that can be renewed */
	int renewed;		/* log-ins that wanted another one */
	struct mc_transport conn;
} server;

static int
fake_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	server.conn.number = server.opened++;
	if (server.token) {
		server.renewed += env->token->refused != 0;
		env->token->given = (uint64_t)server.opened;
	}
	if (server.refuse > 0 && !server.late) {
		server.refuse--;
		return mc_err_set(err, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, NULL);
	}
	*ret_transport = &server.conn;
	return 0;
}

static bool
fake_ready(const struct mc_transport *t)
{
	(void)t;
	return !server.late || (server.refuse == 0 && server.jobs != 0);
}

static void
note(const struct mc_transport_job *job)
{
	char block[100];
	uint64_t at = 0;
	size_t got;

	mc_buf_reset(&server.header);
	mc_buf_reset(&server.body);
	mc_buf_add_str(&server.header, job->extra);
	mc_buf_add_str(&server.header, job->header);
	while (mc_spool_read(job->body, at, block, sizeof(block), &got,
	    NULL) == 0 && got != 0 && server.body.len < 100000) {
		mc_buf_add(&server.body, block, got);
		at += got;
	}
	if (server.jobs != 0 && job->body != server.spool)
		server.same = false;
	server.spool = job->body;
	server.needs_8bit = job->needs_8bit;
	server.needs_utf8 = job->needs_utf8;
	server.needs_binary = job->needs_binary;
	memset(&server.unfit, 0, sizeof(server.unfit));
	if (job->unfit != NULL)
		server.unfit = *job->unfit;
}

static int
fake_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	bool lost = t->number == 0 && server.jobs + 1 == server.lose;

	if (server.late && server.refuse > 0) {
		server.refuse--;
		return mc_err_set(err, MC_E_AUTH_REFUSED, MC_STAGE_AUTH, NULL);
	}
	note(job);
	assert_in_range(server.jobs, 0, MC_NELEM(server.sizes) - 1);
	server.sizes[server.jobs] = job->n;
	server.conns[server.jobs] = t->number;
	server.last[server.jobs] = job->last;
	server.jobs++;
	for (size_t i = 0; i < job->n; i++) {
		struct mc_rcpt *r = mc_envelope_at(job->env, job->order[i]);

		r->verdict = lost ? MC_DEFERRED : job->unfit != NULL ?
		    MC_FAILED : MC_DELIVERED;
		r->code = lost ? MC_E_CLOSED : job->unfit != NULL ?
		    MC_E_NEED_8BITMIME : MC_OK;
		r->split = server.split != 0 && i >= server.split;
		if (r->split)
			r->verdict = MC_DEFERRED;
	}
	return lost ? mc_err_set(err, MC_E_CLOSED, MC_STAGE_MAIL, NULL) :
	    job->last && server.ends;
}

static void
fake_close(struct mc_transport *t)
{
	(void)t;
	server.closed++;
}

static unsigned
fake_takes(const struct mc_transport *t)
{
	size_t i = (size_t)t->number;

	return server.takes[i < MC_NELEM(server.takes) ? i :
	    MC_NELEM(server.takes) - 1];
}

static struct mc_transport_limits
fake_limits(const struct mc_transport *t)
{
	(void)t;
	return server.limits;
}

static const struct mc_transport_ops fake = { .name = "fake",
	.open = fake_open, .send = fake_send, .close = fake_close,
	.takes = fake_takes, .limits = fake_limits };
static const struct mc_transport_ops waiting = { .name = "waiting",
	.open = fake_open, .send = fake_send, .close = fake_close,
	.takes = fake_takes, .ready = fake_ready };
static const struct mc_transport_ops willing = { .name = "willing",
	.open = fake_open, .send = fake_send, .close = fake_close };

/* -------------------------------------------------------------------- world */

struct world {
	struct mc_delivery d;
	struct mc_delivery_message m;
	struct mc_envelope env;
	struct mc_plan plan;
	struct mc_spool body;
	struct mc_caller caller;
	struct mc_account account;
	struct mc_err err;
};

static void
open_world(struct world *w, unsigned takes, const char *header,
    const char *body)
{
	memset(&server, 0, sizeof(server));
	mc_buf_init(&server.header, SIZE_MAX / 2);
	mc_buf_init(&server.body, SIZE_MAX / 2);
	server.same = true;
	for (size_t i = 0; i < MC_NELEM(server.takes); i++)
		server.takes[i] = takes;
	memset(w, 0, sizeof(*w));
	mc_envelope_init(&w->env);
	mc_plan_init(&w->plan);
	mc_spool_init(&w->body, MC_SPOOL_MEMORY, NULL);
	assert_int_equal(mc_envelope_set_sender(&w->env, MC_STR("me@x.test"),
	    NULL), 0);
	for (int c = 'a'; c <= 'c'; c++) {
		char addr[] = "?@x.test";
		size_t i;

		addr[0] = (char)c;
		assert_int_equal(mc_envelope_add(&w->env, mc_str_from(addr),
		    c != 'a', &i, NULL), 0);
	}
	assert_int_equal(mc_plan_make(&w->env, MC_FAN_BLIND, 0, &w->plan,
	    NULL), 0);
	assert_int_equal(mc_spool_add(&w->body, body, strlen(body), NULL), 0);
	w->d.ops = &fake;
	w->d.env.caller = &w->caller;
	w->d.env.account = &w->account;
	w->m.env = &w->env;
	w->m.plan = &w->plan;
	w->m.header = mc_str_from(header);
	w->m.body = &w->body;
	w->m.needs_8bit = !mc_str_is_ascii(mc_str_from(body));
}

static void
close_world(struct world *w)
{
	mc_delivery_close(&w->d);
	mc_envelope_clear(&w->env);
	mc_plan_clear(&w->plan);
	mc_spool_clear(&w->body);
	mc_buf_clear(&server.header);
	mc_buf_clear(&server.body);
}

static void
check_all(const struct world *w, enum mc_verdict verdict)
{
	for (size_t i = 0; i < w->env.rcpts.n; i++)
		assert_int_equal(mc_envelope_at(&w->env, i)->verdict, verdict);
}

/* -------------------------------------------------------------------- forms */

#define DOMAIN "To: J" UE " <a@" UE ".test>\r\n"
#define DOMAIN_A "To: J" UE " <a@xn--tda.test>\r\n"
#define TEXT "Subject: s\r\n"
#define QP "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
    "Content-Transfer-Encoding: quoted-printable\r\n"
#define BINARY "MIME-Version: 1.0\r\nContent-Type: text/plain; " \
    "charset=utf-8\r\nContent-Transfer-Encoding: binary\r\n"
#define BODY "a caf" UE "\r\n"
#define BODY_QP "a caf=C3=BC\r\n"

static void
test_forms(void **state)
{
	static const struct {
		unsigned takes;
		const char *header;
		const char *body;
		const char *new_header;	/* NULL: as it is */
		const char *new_body;
		bool needs_8bit;
		bool needs_utf8;
		const char *unfit;
	} rows[] = {
		{ 0, TEXT, "x\r\n", NULL, NULL, false, false, NULL },
		{ ALL, TEXT, BODY, NULL, NULL, true, false, NULL },
		{ ALL, DOMAIN, BODY, NULL, NULL, true, true, NULL },
		{ ALL, DOMAIN, "x\r\n", NULL, NULL, false, true, NULL },
		{ ALL, "X: \xfc\r\n", "x\r\n", NULL, NULL, true, false, NULL },
		{ MC_TAKES_8BIT, TEXT, BODY, NULL, NULL, true, false, NULL },
		{ MC_TAKES_8BIT, DOMAIN, BODY, DOMAIN_A, NULL, true, false,
		    NULL },
		{ MC_TAKES_8BIT, "To: a@" UE ".test\r\n", "x\r\n",
		    "To: a@xn--tda.test\r\n", NULL, false, false, NULL },
		{ MC_TAKES_8BIT, "DKIM-Signature: x\r\n" DOMAIN, "x\r\n", NULL,
		    NULL, true, false, NULL },
		{ 0, TEXT, BODY, TEXT QP, BODY_QP, false, false, NULL },
		{ 0, DOMAIN, BODY, "To: =?UTF-8?B?SsO8?= <a@xn--tda.test>\r\n"
		    QP, BODY_QP, false, false, NULL },
		{ 0, DOMAIN, "x\r\n", "To: =?UTF-8?B?SsO8?= "
		    "<a@xn--tda.test>\r\n", NULL, false, false, NULL },
		{ 0, "DKIM-Signature: x\r\n" DOMAIN, "x\r\n", NULL, NULL, true,
		    false, "DKIM" },
		{ 0, "DKIM-Signature: x\r\n", BODY, NULL, NULL, true, false,
		    "DKIM" },
		{ 0, "Message-ID: <" UE "@x>\r\n", BODY, NULL, NULL, true,
		    false, "Message-ID" },
		{ 0, "Content-Type: application/pkcs7-mime\r\n", BODY, NULL,
		    NULL, true, false, "S/MIME" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const char *header = rows[i].new_header == NULL ?
		    rows[i].header : rows[i].new_header;
		const char *body = rows[i].new_body == NULL ? rows[i].body :
		    rows[i].new_body;
		struct world w;

		open_world(&w, rows[i].takes, rows[i].header, rows[i].body);
		if (mc_delivery_run(&w.d, &w.m, &w.err) != 0)
			fail_msg("row %zu: %s", i, w.err.text);
		assert_int_equal(server.jobs, 3);
		assert_string_equal(server.header.ptr, header);
		assert_string_equal(server.body.ptr, body);
		assert_int_equal(server.needs_8bit, rows[i].needs_8bit);
		assert_int_equal(server.needs_utf8, rows[i].needs_utf8);
		/* converted once for all three */
		assert_true(server.same);
		assert_int_equal(server.spool == &w.body,
		    rows[i].new_body == NULL);
		if (rows[i].unfit == NULL) {
			assert_int_equal(server.unfit.code, MC_OK);
			check_all(&w, MC_DELIVERED);
		} else {
			assert_non_null(strstr(server.unfit.text,
			    rows[i].unfit));
			check_all(&w, MC_FAILED);
		}
		close_world(&w);
	}
}

/* what was marked as binary goes as it was where that is taken */
static void
test_binary(void **state)
{
	static const char was[] = "a\0b\xff\r\n";
	static const struct {
		unsigned takes;
		const char *header;	/* what leaves of it: */
		const char *new_header;
		bool binary;
		bool needs_utf8;
	} rows[] = {
		{ ALL, QP, NULL, false, false },
		{ 0, QP, NULL, false, false },
		{ MC_TAKES_BINARY, QP, BINARY, true, false },
		{ MC_TAKES_BINARY | ALL, QP, BINARY, true, false },
		{ MC_TAKES_BINARY | ALL, DOMAIN QP, DOMAIN BINARY, true, true },
		{ MC_TAKES_BINARY | MC_TAKES_8BIT, DOMAIN QP, DOMAIN_A QP,
		    false, false },
		{ MC_TAKES_BINARY | ALL, "X: \xfc\r\n" QP, NULL, false, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const char *header = rows[i].new_header == NULL ?
		    rows[i].header : rows[i].new_header;
		struct mc_spool binary;
		struct world w;

		open_world(&w, rows[i].takes, rows[i].header, BODY_QP);
		mc_spool_init(&binary, MC_SPOOL_MEMORY, NULL);
		assert_int_equal(mc_spool_add(&binary, was, sizeof(was) - 1,
		    NULL), 0);
		w.m.binary = &binary;
		assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err), 0);
		assert_string_equal(server.header.ptr, header);
		assert_int_equal(server.needs_binary, rows[i].binary);
		assert_int_equal(server.needs_utf8, rows[i].needs_utf8);
		if (rows[i].binary) {
			assert_int_equal(server.body.len, sizeof(was) - 1);
			assert_memory_equal(server.body.ptr, was,
			    sizeof(was) - 1);
			assert_false(server.needs_8bit);
		} else {
			assert_string_equal(server.body.ptr, BODY_QP);
		}
		/* another server, and another form */
		if (rows[i].binary) {
			mc_delivery_close(&w.d);
			for (size_t k = 0; k < MC_NELEM(server.takes); k++)
				server.takes[k] = ALL;
			assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err),
			    0);
			assert_false(server.needs_binary);
			assert_string_equal(server.body.ptr, BODY_QP);
		}
		close_world(&w);
		mc_spool_clear(&binary);
	}
}

/* a transport that does not say takes everything */
static void
test_willing(void **state)
{
	struct world w;

	(void)state;
	open_world(&w, 0, DOMAIN, BODY);
	w.d.ops = &willing;
	assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err), 0);
	assert_string_equal(server.body.ptr, BODY);
	assert_true(server.needs_utf8);
	close_world(&w);
}

/* one of several servers behind a name takes less than the one before */
static void
test_another_server(void **state)
{
	static const unsigned takes[] = { 0, MC_TAKES_8BIT, ALL };

	(void)state;
	for (size_t a = 0; a < MC_NELEM(takes); a++) {
		for (size_t b = 0; b < MC_NELEM(takes); b++) {
			struct world w;

			open_world(&w, takes[b], DOMAIN, BODY);
			server.takes[0] = takes[a];
			server.lose = 2;
			assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err),
			    0);
			assert_int_equal(server.opened, 2);
			assert_int_equal(server.jobs, 4);
			check_all(&w, MC_DELIVERED);
			assert_string_equal(server.body.ptr, takes[b] == 0 ?
			    BODY_QP : BODY);
			assert_int_equal(server.needs_8bit, takes[b] != 0);
			assert_int_equal(server.needs_utf8, takes[b] == ALL);
			close_world(&w);
		}
	}
}

/* recipients a@0, b@0, ... or a@0, b@1, a@2, ... */
static void
add_many(struct world *w, size_t n, size_t domains)
{
	mc_envelope_clear(&w->env);
	assert_int_equal(mc_envelope_set_sender(&w->env, MC_STR(""), NULL), 0);
	for (size_t k = 0; k < n; k++) {
		char addr[64];
		size_t at;

		snprintf(addr, sizeof(addr), "r%zu@%s%zu.test", k,
		    k % 3 == 0 ? "D" : "d", k % domains);
		assert_int_equal(mc_envelope_add(&w->env, mc_str_from(addr),
		    false, &at, NULL), 0);
	}
	assert_int_equal(mc_plan_make(&w->env, MC_FAN_BLIND, 0, &w->plan,
	    NULL), 0);
}

/* RFC 9422 */
static void
test_limits(void **state)
{
	static const struct {
		struct mc_transport_limits limits;
		size_t n;
		size_t domains;	/* that they have, in turn */
		const char *sizes;	/* of the jobs; / between connections */
	} rows[] = {
		{ { 0, 0, 0 }, 9, 1, "9" },
		{ { 4, 0, 0 }, 9, 1, "441" },
		{ { 999999, 999999, 999999 }, 9, 9, "9" },
		{ { 9, 0, 0 }, 9, 1, "9" },
		{ { 1, 0, 0 }, 3, 1, "111" },
		{ { 0, 0, 1 }, 9, 1, "9" },
		{ { 3, 0, 1 }, 9, 1, "3/3/3" },
		{ { 2, 0, 2 }, 9, 1, "22/22/1" },
		{ { 0, 1, 0 }, 4, 1, "4" },
		{ { 0, 1, 0 }, 4, 2, "1111" },
		{ { 0, 2, 0 }, 8, 2, "8" },
		{ { 0, 2, 0 }, 8, 4, "2222" },
		{ { 3, 2, 2 }, 8, 2, "33/2" },
		/* more than are remembered: fewer together, never more */
		{ { 0, 40, 0 }, 90, 45, "XX:" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf log;
		struct world w;

		open_world(&w, ALL, TEXT, "x\r\n");
		add_many(&w, rows[i].n, rows[i].domains);
		server.limits = rows[i].limits;
		assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err), 0);
		check_all(&w, MC_DELIVERED);
		mc_buf_init(&log, 1000);
		for (int k = 0; k < server.jobs; k++) {
			if (k != 0 && server.conns[k] != server.conns[k - 1])
				mc_buf_addc(&log, '/');
			mc_buf_addc(&log, (char)('0' + server.sizes[k]));
		}
		mc_buf_addc(&log, '\0');
		assert_string_equal(log.ptr, rows[i].sizes);
		mc_buf_clear(&log);
		close_world(&w);
	}
}

/* the connection may end with the one job that there is, if no more follow of
 * which we could know */
static void
test_last(void **state)
{
	static const struct {
		size_t n;
		size_t limit;		/* announced */
		size_t split;		/* kept */
		bool ends;
		const char *jobs;	/* L: the last; / between connections */
	} rows[] = {
		{ 1, 0, 0, true, "L" },
		{ 1, 0, 0, false, "L" },
		{ 100, 0, 0, true, "L" },
		{ 101, 0, 0, true, "-" },
		{ 101, 200, 0, true, "L" },
		{ 101, 50, 0, true, "--L" },
		{ 5, 0, 2, true, "L/-L" },	/* 452: another one */
		{ 4, 0, 2, false, "LL" },	/* unless it goes on */
		{ 4, 2, 0, true, "-L" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * MC_NELEM(rows); i++) {
		size_t k = i / 2;
		struct mc_buf log;
		struct world w;

		open_world(&w, ALL, TEXT, "x\r\n");
		add_many(&w, rows[k].n, 1);
		server.limits.rcpts = rows[k].limit;
		server.split = rows[k].split;
		server.ends = rows[k].ends;
		w.d.last = i % 2 == 0;
		assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err), 0);
		check_all(&w, MC_DELIVERED);
		mc_buf_init(&log, 1000);
		for (int j = 0; j < server.jobs; j++) {
			if (j != 0 && server.conns[j] != server.conns[j - 1])
				mc_buf_addc(&log, '/');
			mc_buf_addc(&log, server.last[j] ? 'L' : '-');
		}
		mc_buf_addc(&log, '\0');
		if (i % 2 == 0)
			assert_string_equal(log.ptr, rows[k].jobs);
		else
			assert_null(strchr(log.ptr, 'L'));
		/* it is closed when it has ended, and not before */
		assert_int_equal(w.d.conn == NULL, i % 2 == 0 &&
		    rows[k].ends && strchr(log.ptr, 'L') != NULL);
		mc_buf_clear(&log);
		close_world(&w);
		assert_int_equal(server.closed, server.opened);
	}
	/* nor with one of several */
	struct world w;

	open_world(&w, ALL, TEXT, "x\r\n");
	w.d.last = true;
	assert_int_equal(mc_delivery_run(&w.d, &w.m, &w.err), 0);
	assert_int_equal(server.jobs, 3);
	for (int j = 0; j < 3; j++)
		assert_false(server.last[j]);
	close_world(&w);
}

/* a log-in that is refused for its token is tried once more, with another */
static void
test_refused_token(void **state)
{
	static const struct {
		bool token;
		int refuse;
		int opened;
		int renewed;
		bool good;
	} rows[] = {
		{ true, 0, 1, 0, true },
		{ true, 1, 2, 1, true },
		{ true, 2, 2, 1, false },
		{ true, 9, 2, 1, false },
		{ false, 1, 1, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows) * 2; i++) {
		size_t k = i / 2;
		struct world w;
		int rc;

		open_world(&w, ALL, TEXT, "x\r\n");
		w.d.ops = &waiting;
		server.late = i % 2 == 1;
		server.token = rows[k].token;
		server.refuse = rows[k].refuse;
		rc = mc_delivery_run(&w.d, &w.m, &w.err);
		assert_int_equal(server.opened, rows[k].opened);
		assert_int_equal(server.renewed, rows[k].renewed);
		if (rows[k].good) {
			assert_int_equal(rc, 0);
			check_all(&w, MC_DELIVERED);
		} else {
			assert_err(rc, w.err, MC_E_AUTH_REFUSED);
			check_all(&w, MC_PENDING);
		}
		/* the next one may renew again */
		assert_int_equal(w.d.token.refused, 0);
		close_world(&w);
	}
}

/* it cannot be read: nobody has a verdict, and nothing was sent */
static void
test_unreadable(void **state)
{
	struct world w;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	open_world(&w, 0, TEXT, BODY);
	mc_spool_clear(&w.body);
	mc_spool_init_fd(&w.body, fd, 0, 1000);
	assert_err(mc_delivery_run(&w.d, &w.m, &w.err), w.err, MC_E_IO);
	assert_int_equal(server.jobs, 0);
	check_all(&w, MC_PENDING);
	close_world(&w);
	assert_int_equal(close(fd), 0);
}

static void
test_no_memory(void **state)
{
	static const unsigned takes[] = { 0, MC_TAKES_8BIT, ALL };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(takes); i++) {
		bool done = false;

		for (unsigned long n = 1; !done; n++) {
			struct world w;

			open_world(&w, takes[i], DOMAIN TEXT, BODY);
			/* what notes them down must have its memory */
			(void)!mc_buf_reserve(&server.header, 10000);
			(void)!mc_buf_reserve(&server.body, 10000);
			failmalloc(n, false);
			int rc = mc_delivery_run(&w.d, &w.m, &w.err);
			done = failmalloc(0, false) < n;
			if (rc == 0) {
				check_all(&w, MC_DELIVERED);
				assert_int_equal(server.jobs, 3);
			} else {
				assert_false(done);
				assert_err(rc, w.err, MC_E_NOMEM);
				check_all(&w, MC_PENDING);
			}
			close_world(&w);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_willing),
		cmocka_unit_test(test_another_server),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_last),
		cmocka_unit_test(test_refused_token),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
