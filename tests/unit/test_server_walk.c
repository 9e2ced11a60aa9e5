/* SPDX-License-Identifier: MIT */
/*
 * test_server_walk.c - the server engine: every sequence of commands
 *
 * A model that knows only what RFC 5321 and 3030 say of the order of commands
 * tells the first digit of every reply; the owner is asked for a message
 * exactly when the model says that there is one, with exactly its content, and
 * each transaction ends once.
 */
#include "unit.h"

#include "base/buf.h"
#include "smtp/server.h"

#define MAX_DEPTH 8
#define MAX_SIZE 8

enum what { EHLO, HELO, MAIL, BAD_MAIL, RCPT, BAD_RCPT, DATA, PIPED, SMUGGLE,
	CHUNK, BARE_CHUNK, LAST, EMPTY_LAST, REFUSED_LAST, RSET, NOOP, JUNK,
	QUIT };

struct symbol {
	enum what what;
	const char *text;
	const char *content;	/* sent only behind a 354 */
};

/* the first are enough for long walks */
static const struct symbol alphabet[] = {
	{ EHLO, "EHLO x\r\n", NULL },
	{ MAIL, "MAIL FROM:<a>\r\n", NULL },
	{ RCPT, "RCPT TO:<b>\r\n", NULL },
	{ PIPED, "DATA\r\nx\r\n.\r\n", NULL },
	{ CHUNK, "BDAT 3\r\na\r\n", NULL },
	{ LAST, "BDAT 3 LAST\r\nb\r\n", NULL },
	{ RSET, "RSET\r\n", NULL },
	{ JUNK, "XYZZY\r\n", NULL },
	{ DATA, "DATA\r\n", "y\r\n.\r\n" },
	{ SMUGGLE, "DATA\r\n", "y\n.\nRSET\nMAIL FROM:<a>\n\r\n.\r\n" },
	{ HELO, "HELO x\r\n", NULL },
	{ BAD_MAIL, "MAIL FROM:<no>\r\n", NULL },
	{ BAD_RCPT, "RCPT TO:<no>\r\n", NULL },
	{ BARE_CHUNK, "BDAT 2\r\n\n\n", NULL },
	{ EMPTY_LAST, "BDAT 0 LAST\r\n", NULL },
	{ REFUSED_LAST, "BDAT 4 LAST\r\nno\r\n", NULL },
	{ NOOP, "NOOP\r\n", NULL },
	{ QUIT, "QUIT\r\n", NULL },
};
#define N_CORE 8
#define N_ALL MC_NELEM(alphabet)

struct model {
	int hello;		/* 0, 1 HELO, 2 EHLO */
	bool mail;
	bool rcpt;
	bool chunks;
	bool bare;
	char text[64];
	bool closed;
	unsigned ends;
	char want[16];		/* first digits of the replies to a command */
};

struct run {
	struct mc_server *s;
	struct model m;
	bool open;
	bool closed;
	unsigned ends;
	char text[64];
	char got[64];
};

static unsigned long walked, messages;

static void
append(char text[64], struct mc_str s)
{
	size_t n = strlen(text);

	assert_true(n + s.len < 64);
	if (s.len != 0)
		memcpy(text + n, s.ptr, s.len);
	text[n + s.len] = '\0';
}

/* ----------------------------------------------------------------- a model */

static void
reset(struct model *m)
{
	m->mail = m->rcpt = m->chunks = m->bare = false;
	m->text[0] = '\0';
}

static void
say(struct model *m, const char *digits)
{
	memcpy(m->want, digits, strlen(digits) + 1);
}

static void
on_mail(struct model *m, bool bad)
{
	bool ok = m->hello != 0 && !m->mail && !bad;

	say(m, ok ? "2" : "5");
	m->mail |= ok;
}

static void
on_rcpt(struct model *m, bool bad)
{
	bool ok = m->mail && !m->chunks && !bad;

	say(m, ok ? "2" : "5");
	m->rcpt |= ok;
}

static void
on_data(struct model *m, enum what what)
{
	if (!m->rcpt || m->chunks) {
		/* a client that does not wait has a dot as its next command */
		say(m, what == PIPED ? "554" : "5");
		m->closed = what == PIPED;
		return;
	}
	say(m, what == SMUGGLE ? "35" : "32");
	m->closed = what == SMUGGLE;
	m->ends += what != SMUGGLE;
	reset(m);
}

static void
on_chunk(struct model *m, const char *content, bool last)
{
	if (m->hello != 2 || !m->rcpt) {
		say(m, "5");
		return;
	}
	m->chunks = true;
	if (strlen(m->text) + strlen(content) > MAX_SIZE) {
		say(m, "5");
		reset(m);
		return;
	}
	append(m->text, mc_str_from(content));
	if (content[0] == '\n')
		m->bare = true;
	say(m, "2");
	if (!last)
		return;
	if (m->bare || strstr(m->text, "no") != NULL)
		say(m, "5");
	m->ends += !m->bare;
	reset(m);
}

static void
model_step(struct model *m, enum what what)
{
	say(m, "2");
	switch (what) {
	case EHLO:
	case HELO:
		m->hello = what == EHLO ? 2 : 1;
		reset(m);
		break;
	case MAIL:
	case BAD_MAIL:
		on_mail(m, what == BAD_MAIL);
		break;
	case RCPT:
	case BAD_RCPT:
		on_rcpt(m, what == BAD_RCPT);
		break;
	case DATA:
	case PIPED:
	case SMUGGLE:
		on_data(m, what);
		break;
	case CHUNK:
		on_chunk(m, "a\r\n", false);
		break;
	case BARE_CHUNK:
		on_chunk(m, "\n\n", false);
		break;
	case LAST:
		on_chunk(m, "b\r\n", true);
		break;
	case EMPTY_LAST:
		on_chunk(m, "", true);
		break;
	case REFUSED_LAST:
		on_chunk(m, "no\r\n", true);
		break;
	case RSET:
		reset(m);
		break;
	case NOOP:
		break;
	case JUNK:
		say(m, "5");
		break;
	case QUIT:
		m->closed = true;
		break;
	}
}

/* -------------------------------------------------------------------- a run */

static void
answer(struct run *r, bool yes)
{
	struct mc_server_answer a = { .code = yes ? 250 : 554 };

	mc_server_answer(r->s, &a);
}

static void
on_end(struct run *r)
{
	assert_true(r->open);
	r->open = false;
	r->ends++;
	answer(r, strstr(r->text, "no") == NULL);
}

/* the first digit of each reply */
static void
take_output(struct run *r)
{
	struct mc_str out = mc_server_output(r->s);
	size_t n = out.len;

	while (out.len != 0) {
		size_t lf = mc_str_chr(out, '\n');
		size_t k = strlen(r->got);

		assert_true(lf < out.len && lf > 4 && k + 2 < sizeof(r->got));
		if (out.ptr[3] == ' ') {
			r->got[k] = out.ptr[0];
			r->got[k + 1] = '\0';
		}
		out = mc_str_sub(out, lf + 1, SIZE_MAX);
	}
	mc_server_sent(r->s, n);
}

static void
go_on(struct run *r)
{
	struct mc_str part;
	bool bad;

	for (;;) {
		switch (mc_server_step(r->s)) {
		case MC_SERVE_MAIL:
			assert_false(r->open);
			bad = mc_server_mail(r->s)->sender.len == 2;
			r->open = !bad;
			r->text[0] = '\0';
			answer(r, !bad);
			break;
		case MC_SERVE_RCPT:
			assert_true(r->open);
			answer(r, mc_server_rcpt(r->s)->addr.len != 2);
			break;
		case MC_SERVE_BODY:
			assert_true(r->open);
			part = mc_server_body(r->s);
			append(r->text, part);
			break;
		case MC_SERVE_END:
			on_end(r);
			break;
		case MC_SERVE_RESET:
			assert_true(r->open);
			r->open = false;
			break;
		case MC_SERVE_CLOSE:
			assert_false(r->open);
			r->closed = true;
			take_output(r);
			return;
		case MC_SERVE_READ:
			take_output(r);
			return;
		case MC_SERVE_AUTH:
		case MC_SERVE_STARTTLS:
		case MC_SERVE_WRITE:
		case MC_SERVE_SLOW:
			fail_msg("so little, and too much");
		}
	}
}

static void
send(struct run *r, const char *text)
{
	assert_int_equal(mc_server_feed(r->s, text, strlen(text), NULL), 0);
	go_on(r);
}

static void
step(struct run *r, const struct symbol *sym)
{
	struct model *m = &r->m;
	char text[sizeof(m->text)];

	memcpy(text, m->text, sizeof(text));
	model_step(m, sym->what);
	r->got[0] = '\0';
	send(r, sym->text);
	if (sym->content != NULL && strcmp(r->got, "3") == 0)
		send(r, sym->content);
	assert_string_equal(r->got, m->want);
	assert_int_equal(r->closed, m->closed);
	assert_int_equal(r->ends, m->ends);
	/* what a message was is what was sent since its MAIL */
	assert_int_equal(r->open, m->mail && !m->closed);
	if (m->chunks && !m->bare)
		assert_string_equal(r->text, m->text);
	else if (sym->what == LAST && strcmp(m->want, "2") == 0) {
		append(text, MC_STR("b\r\n"));
		assert_string_equal(r->text, text);
	} else if (sym->what == PIPED && strcmp(m->want, "32") == 0)
		assert_string_equal(r->text, "x\r\n");
}

/* false: there is no way on from here */
static bool
visit(const char *before, const size_t *path, size_t n)
{
	struct mc_server_settings set = { .host = MC_STR("h"),
	    .max_size = MAX_SIZE };
	struct run r = { .s = NULL };
	size_t i;
	bool open;

	assert_int_equal(mc_server_new(&set, &r.s, NULL), 0);
	go_on(&r);
	assert_string_equal(r.got, "2");
	for (; *before != '\0'; before++)
		step(&r, &alphabet[*before - '0']);
	for (i = 0; i < n; i++) {
		assert_false(r.closed);
		step(&r, &alphabet[path[i]]);
	}
	walked++;
	messages += r.ends;
	open = !r.closed;
	if (open) {
		/* the end, wherever it comes */
		mc_server_eof(r.s);
		go_on(&r);
		assert_true(r.closed);
	}
	mc_server_free(r.s);
	return open;
}

static void
walk(const char *before, size_t letters, size_t depth)
{
	size_t path[MAX_DEPTH] = { 0 };
	size_t n = 1;

	walked = messages = 0;
	while (n > 0) {
		if (visit(before, path, n) && n < depth) {
			path[n++] = 0;
			continue;
		}
		while (n > 0 && ++path[n - 1] == letters)
			n--;
	}
	print_message("# %lu sequences with %lu messages\n", walked, messages);
}

static void
test_core(void **state)
{
	(void)state;
	walk("", N_CORE, 6);
	assert_true(walked > 100000 && messages > 500);
}

/* the same where something is going on: behind EHLO MAIL RCPT, and with a
 * chunk behind that */
static void
test_core_inside(void **state)
{
	(void)state;
	walk("012", N_CORE, 5);
	assert_true(walked > 15000 && messages > 5000);
	walk("0124", N_CORE, 5);
	assert_true(walked > 15000 && messages > 3000);
}

static void
test_all(void **state)
{
	(void)state;
	walk("", N_ALL, 4);
	assert_true(walked > 50000 && messages > 5);
	walk("012", N_ALL, 4);
	assert_true(walked > 50000 && messages > 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_core_inside),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
