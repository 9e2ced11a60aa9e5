/* SPDX-License-Identifier: MIT */
/*
 * fuzz_session.c - several jobs over one session, whatever the server says
 *
 * The first three bytes choose the session, the jobs, and how bytes are cut in
 * both directions; the rest is the server's.  The target is an owner of the
 * engine as client.h describes it.  It reads what leaves as a server would, and
 * pairs commands with replies by itself, to say for each recipient which
 * verdicts are possible.
 */
#include "base/base.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/secret.h"
#include "smtp/client.h"

#define MAX_JOBS 4
#define MAX_RCPTS 4
#define MAX_CMDS 128
#define LOOK 4096
#define CHECK(what) do { if (!(what)) __builtin_trap(); } while (0)

/* and its base64 with the user in front, as PLAIN sends it */
#define SECRET "Frobozz-53cret"
#define SECRET_B64 "AG1lAEZyb2JvenotNTNjcmV0"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum kind { GREETING, HELLO, STARTTLS, AUTH, AUTH_LINE, MAIL, RCPT, DATA, END,
	RSET };

struct cmd {
	enum kind kind;
	unsigned job, rcpt;
};

struct job {
	struct mc_envelope env;
	size_t order[MAX_RCPTS];
	enum mc_verdict seen[MAX_RCPTS];
	struct mc_str text;
	bool begun;
	bool given;		/* all of the text was handed over */
	/* what the server saw, and said */
	bool text_done;
	size_t text_at;		/* of it */
	unsigned mail, data;
	unsigned rcpt[MAX_RCPTS];
	unsigned end[MAX_RCPTS];
	unsigned n_end;		/* replies to the text, so far */
};

/* what the server reads at */
enum where { AT_LINE, IN_TEXT, IN_CHUNK };

struct session {
	struct mc_client *c;
	struct mc_sasl *sasl;
	struct mc_secret *secret;
	enum mc_client_tls tls;
	bool secured, lmtp, flight, last, abort;
	bool cut;		/* small pieces */
	bool rash;		/* the server does not wait to be asked */
	bool over, failed, quit;
	uint32_t random;
	unsigned n_jobs, n_rcpts, next;	/* the job to begin */
	struct job jobs[MAX_JOBS];

	enum where where;
	char line[MC_MAX_COMMAND + 600];
	size_t line_len;
	size_t chunk;		/* bytes left of it */
	unsigned on_wire;	/* job whose MAIL came last */
	bool data_open;		/* DATA was said, and then nothing */
	struct cmd cmds[MAX_CMDS];
	unsigned asked, answered;

	/* replies as they came */
	unsigned codes[MAX_CMDS];
	unsigned n_codes;
	char reply[4];
	size_t reply_len;	/* of the line */
	bool garbled;		/* what comes is none any more */
};

static unsigned
dice(struct session *s, unsigned n)
{
	s->random = s->random * 1664525u + 1013904223u;
	return (s->random >> 16) % n;
}

/* pair the replies that the engine has taken with what was asked */
static void
pair(struct session *s);

/* -------------------------------------------------------- the server's ears */

static void
ask(struct session *s, enum kind kind, unsigned rcpt)
{
	CHECK(s->asked < MAX_CMDS);
	s->cmds[s->asked++] = (struct cmd){ kind, s->on_wire, rcpt };
}

static bool
is(struct mc_str line, const char *verb)
{
	return mc_str_starts_nocase(line, mc_str_from(verb));
}

/* the replies that the end of a text gets */
static void
ask_end(struct session *s)
{
	const struct job *j = &s->jobs[s->on_wire];
	unsigned n = 0;

	for (unsigned k = 0; s->lmtp && k < s->n_rcpts; k++)
		if (j->rcpt[k] >= 200 && j->rcpt[k] < 300) {
			ask(s, END, k);
			n++;
		}
	if (n == 0)
		ask(s, END, 0);
}

static void
end_text(struct session *s)
{
	struct job *j = &s->jobs[s->on_wire];

	/* all of it, or nothing for a server that wants it for nobody */
	CHECK(j->text_at == j->text.len || (j->text_at == 0 && !j->given));
	j->text_done = j->text_at == j->text.len && j->given;
	s->where = AT_LINE;
	ask_end(s);
}

static void
hear_text_line(struct session *s, struct mc_str line)
{
	struct job *j = &s->jobs[s->on_wire];

	if (mc_str_eq(line, MC_STR("."))) {
		end_text(s);
		return;
	}
	if (line.len != 0 && line.ptr[0] == '.')
		line = mc_str_sub(line, 1, line.len);
	CHECK(mc_str_eq(mc_str_sub(j->text, j->text_at, line.len), line));
	j->text_at += line.len;
	CHECK(mc_str_eq(mc_str_sub(j->text, j->text_at, 2), MC_STR("\r\n")));
	j->text_at += 2;
}

static void
hear_mail(struct session *s, struct mc_str line)
{
	unsigned j = (unsigned)(line.ptr[strlen("MAIL FROM:<s")] - '0');

	CHECK(j < s->n_jobs && s->jobs[j].begun);
	/* each job once, in their order */
	CHECK(j >= s->on_wire && s->jobs[j].mail == 0);
	s->on_wire = j;
	ask(s, MAIL, 0);
}

static void
hear_rcpt(struct session *s, struct mc_str line)
{
	const char *at = line.ptr + strlen("RCPT TO:<r");
	unsigned k = (unsigned)(at[1] - '0');

	CHECK((unsigned)(at[0] - '0') == s->on_wire && k < s->n_rcpts);
	ask(s, RCPT, k);
}

static void
hear_bdat(struct session *s, struct mc_str line)
{
	size_t n = 0;

	for (const char *p = line.ptr + 5; mc_is_digit((unsigned char)*p); p++)
		n = n * 10 + (size_t)(*p - '0');
	CHECK(n == s->jobs[s->on_wire].text.len);
	CHECK(mc_str_eq(mc_str_sub(line, line.len - 5, 5), MC_STR(" LAST")));
	s->chunk = n;
	s->where = IN_CHUNK;
}

static void
hear_command(struct session *s, struct mc_str line)
{
	unsigned last = s->answered == 0 ? 0 : s->codes[s->answered - 1];
	bool clear = s->tls == MC_CLIENT_TLS_STARTTLS && !s->secured;

	/* QUIT is the end */
	CHECK(!s->quit);
	if (is(line, s->lmtp ? "LHLO " : "EHLO ") ||
	    (is(line, "HELO ") && s->tls == MC_CLIENT_TLS_NONE)) {
		ask(s, HELLO, 0);
	} else if (is(line, "QUIT")) {
		s->quit = true;
	} else if (is(line, "STARTTLS")) {
		CHECK(clear);
		ask(s, STARTTLS, 0);
	} else {
		CHECK(!clear);
		if (is(line, "AUTH ")) {
			CHECK(s->secured && s->sasl != NULL);
			ask(s, AUTH, 0);
		} else if (is(line, "MAIL FROM:<s")) {
			hear_mail(s, line);
		} else if (is(line, "RCPT TO:<r")) {
			hear_rcpt(s, line);
		} else if (is(line, "BDAT ")) {
			hear_bdat(s, line);
		} else if (is(line, "RSET")) {
			ask(s, RSET, 0);
		} else if (is(line, "DATA")) {
			s->data_open = true;
			ask(s, DATA, 0);
		} else {
			CHECK(last == 334 && s->secured);
			ask(s, AUTH_LINE, 0);
		}
	}
}

static void
hear_line(struct session *s)
{
	struct mc_str line = mc_str_make(s->line, s->line_len);

	pair(s);
	if (s->where == AT_LINE && s->data_open) {
		s->data_open = false;
		if (s->jobs[s->on_wire].data == 354)
			s->where = IN_TEXT;
	}
	if (s->where == IN_TEXT)
		hear_text_line(s, line);
	else
		hear_command(s, line);
	s->line_len = 0;
}

/* bytes that have left */
static void
hear(struct session *s, const char *p, size_t n)
{
	struct job *j;

	while (n-- != 0) {
		char c = *p++;

		if (s->where == IN_CHUNK) {
			j = &s->jobs[s->on_wire];
			CHECK(j->text_at < j->text.len &&
			    j->text.ptr[j->text_at] == c);
			j->text_at++;
			if (--s->chunk == 0)
				end_text(s);
			continue;
		}
		CHECK(s->line_len < sizeof(s->line));
		if (c == '\n') {
			CHECK(s->line_len != 0 &&
			    s->line[s->line_len - 1] == '\r');
			s->line_len--;
			hear_line(s);
		} else {
			s->line[s->line_len++] = c;
		}
	}
}

/* --------------------------------------------------------------- its mouth */

/* what of the bytes is a reply; where they are none, the engine has to stop */
static void
note_said(struct session *s, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n && !s->garbled; i++) {
		if (s->reply_len < sizeof(s->reply))
			s->reply[s->reply_len] = (char)p[i];
		s->reply_len++;
		if (p[i] != '\n')
			continue;
		char sep = s->reply[3];
		unsigned code = 0;

		for (size_t k = 0; k < 3; k++) {
			if (k >= s->reply_len ||
			    !mc_is_digit((unsigned char)s->reply[k]))
				s->garbled = true;
			else
				code = code * 10 + (unsigned)(s->reply[k] - '0');
		}
		if (s->n_codes == MAX_CMDS)
			s->garbled = true;
		if (!s->garbled && (s->reply_len < 4 || sep != '-'))
			s->codes[s->n_codes++] = code;
		s->reply_len = 0;
	}
}

static void
pair(struct session *s)
{
	unsigned long taken = mc_client_progress(s->c);
	struct mc_str out = mc_client_output(s->c);
	unsigned long asked = s->asked;

	/* what is written and has not left counts as asked: nothing but the
	 * end of a text depends on it.  Half a line may be on its way. */
	for (size_t i = 0; i < out.len && asked < taken; i++)
		asked += out.ptr[i] == '\n';
	asked += s->line_len != 0;
	/* more than was asked for is the end, and then by one */
	CHECK(taken <= s->n_codes);
	CHECK(taken <= asked + (s->failed ? 1u : 0u));
	while (s->answered < taken && s->answered < s->asked) {
		unsigned code = s->codes[s->answered];
		const struct cmd *cmd = &s->cmds[s->answered++];
		struct job *j = &s->jobs[cmd->job];

		if (cmd->kind == MAIL) {
			j->mail = code;
		} else if (cmd->kind == RCPT) {
			j->rcpt[cmd->rcpt] = code;
		} else if (cmd->kind == DATA) {
			j->data = code;
		} else if (cmd->kind == END) {
			j->n_end++;
			for (unsigned k = 0; k < MAX_RCPTS; k++)
				if (!s->lmtp || k == cmd->rcpt)
					j->end[k] = code;
		}
	}
}

/* ---------------------------------------------------------------- verdicts */

static bool
good(unsigned code)
{
	return code >= 250 && code <= 259;
}

static void
check_verdict(const struct job *j, unsigned k, enum mc_verdict v)
{
	bool accepted = good(j->mail) && j->rcpt[k] >= 250 && j->rcpt[k] <= 252;

	if (v == MC_DELIVERED)
		CHECK(accepted && j->text_done && good(j->end[k]));
	else if (accepted && j->text_done)
		CHECK(!good(j->end[k]));
	/* by DATA it is so from when the engine has it all */
	if (v == MC_UNSURE)
		CHECK((j->text_done || (j->data == 354 && j->given)) &&
		    j->mail < 400 && j->rcpt[k] < 400 && j->end[k] < 400);
}

/* one is reached and stays; only a refusal can be taken back */
static void
watch(struct session *s)
{
	for (unsigned i = 0; i < s->n_jobs; i++)
		for (unsigned k = 0; k < s->n_rcpts; k++) {
			struct job *j = &s->jobs[i];
			enum mc_verdict v = mc_envelope_at(&j->env,
			    j->order[k])->verdict;

			CHECK(j->begun || v == MC_PENDING);
			if (j->seen[k] == MC_DELIVERED ||
			    j->seen[k] == MC_UNSURE)
				CHECK(v == j->seen[k]);
			if (j->seen[k] != MC_PENDING)
				CHECK(v != MC_PENDING);
			if (j->begun)
				check_verdict(j, k, v);
			j->seen[k] = v;
		}
}

/* --------------------------------------------------------------- the owner */

/* as much as the dice say; false: not all */
static bool
flush(struct session *s)
{
	struct mc_str out = mc_client_output(s->c);
	size_t n = out.len;

	CHECK(out.len <= 4 * MC_MAX_FLIGHT);
	if (n == 0)
		return true;
	if (s->cut && dice(s, 3) == 0)
		n = dice(s, (unsigned)n + 1);
	hear(s, out.ptr, n);
	mc_client_sent(s->c, n);
	return n == out.len;
}

/* after a failure nothing leaves but a polite word */
static void
check_last_words(struct session *s, const struct mc_buf *before)
{
	struct mc_str out = mc_client_output(s->c);

	/* what was there already stays, or goes */
	if (before->len != 0 && out.len >= before->len &&
	    memcmp(out.ptr, before->ptr, before->len) == 0)
		out = before->len == LOOK ? MC_STR_NONE :
		    mc_str_sub(out, before->len, out.len);
	CHECK(out.len == 0 || mc_str_eq(out, MC_STR("*\r\n")) ||
	    mc_str_eq(out, MC_STR("QUIT\r\n")));
}

static void
fail(struct session *s)
{
	s->failed = s->over = true;
	pair(s);
	watch(s);
	for (unsigned i = 0; i < s->n_jobs; i++)
		for (unsigned k = 0; k < s->n_rcpts; k++)
			CHECK(!s->jobs[i].begun ||
			    s->jobs[i].seen[k] != MC_PENDING);
}

static void
begin(struct session *s)
{
	struct job *j = &s->jobs[s->next];
	struct mc_client_job job = { .env = &j->env, .order = j->order,
	    .n = s->n_rcpts };
	unsigned long over = mc_client_over(s->c);

	if (mc_client_takes_binary(s->c) && dice(s, 2) == 0) {
		j->text = MC_STR("A: b\r\n\r\n\0\0\xff\r\n");
		job.needs_binary = true;
	}
	job.size = j->text.len;
	s->next++;
	job.last = s->last && s->next == s->n_jobs;
	j->begun = true;
	if (mc_client_begin(s->c, &job, NULL) != 0) {
		/* what stands behind the last reply ends it before it began */
		j->begun = mc_envelope_at(&j->env, 0)->verdict != MC_PENDING;
		fail(s);
	} else if (mc_client_over(s->c) != over)
		watch(s);
}

static void
put_body(struct session *s)
{
	/* it is that of the newest one */
	struct job *j = &s->jobs[s->next - 1];
	struct mc_err why = { 0 };
	size_t at = 0;

	CHECK(s->next != 0 && !j->given && mc_client_body_begins(s->c));
	while (at < j->text.len) {
		struct mc_str piece = mc_str_sub(j->text, at,
		    1 + dice(s, (unsigned)j->text.len));

		CHECK(mc_client_body(s->c, piece, NULL) == 0);
		at += piece.len;
		if (s->abort) {
			(void)mc_err_set(&why, MC_E_IO, MC_STAGE_LOCAL, NULL);
			mc_client_body_abort(s->c, &why);
			CHECK(mc_client_output(s->c).len == 0);
			fail(s);
			return;
		}
	}
	j->given = true;
	CHECK(mc_client_body_end(s->c, NULL) == 0);
	if (s->next < s->n_jobs && dice(s, 4) != 0 &&
	    mc_client_overlaps(s->c, s->jobs[s->next].text.len))
		begin(s);
}

/* until the engine waits for bytes */
static void
go_on(struct session *s)
{
	const struct mc_sasl_channel channel = { .verified = true };

	while (!s->over) {
		struct mc_err err = { 0 };
		struct mc_buf before;
		int want;

		/* of a text that waits to leave, its beginning will do */
		mc_buf_init(&before, 4 * MC_MAX_FLIGHT);
		mc_buf_add_str(&before, mc_str_sub(mc_client_output(s->c), 0,
		    LOOK));
		want = mc_client_step(s->c, &err);
		if (want < 0)
			check_last_words(s, &before);
		mc_buf_clear(&before);
		if (want < 0) {
			CHECK(err.code != MC_OK && err.text[0] != '\0');
			fail(s);
			return;
		}
		pair(s);
		watch(s);
		if (want == MC_WANT_BODY && mc_client_holds(s->c)) {
			put_body(s);
			continue;
		}
		if (want == MC_WANT_CLOSE) {
			CHECK(!mc_client_ended(s->c) || (s->last && s->flight));
			s->over = true;
			return;
		}
		/* there may be something to read first */
		if (!flush(s))
			return;
		if (want == MC_WANT_READ)
			return;
		if (want == MC_WANT_TLS) {
			CHECK(s->tls == MC_CLIENT_TLS_STARTTLS);
			s->secured = true;
			mc_client_secured(s->c, &channel);
		} else if (want == MC_WANT_BODY) {
			put_body(s);
		} else if (s->next == s->n_jobs) {
			mc_client_quit(s->c);
			(void)flush(s);
			s->over = true;
		} else {
			begin(s);
		}
	}
}

/* the connection is gone: what may be there is unsure, the rest was not sent */
static void
lose(struct session *s)
{
	struct mc_err err = { 0 };

	(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_CONNECT, NULL);
	mc_client_lost(s->c, &err);
	watch(s);
	for (unsigned i = 0; i < s->n_jobs; i++)
		for (unsigned k = 0; k < s->n_rcpts; k++) {
			const struct job *j = &s->jobs[i];

			if (!j->begun)
				continue;
			CHECK(j->seen[k] != MC_PENDING);
			if (!s->over && j->text_done && j->mail < 400 &&
			    j->rcpt[k] < 400 && j->end[k] == 0)
				CHECK(j->seen[k] == MC_UNSURE);
		}
}

/* ------------------------------------------------------------------- set-up */

static void
make_jobs(struct session *s, uint8_t kind, const struct mc_buf *big)
{
	char addr[32];

	s->n_jobs = 1 + (kind & 3);
	s->n_rcpts = 1 + ((kind >> 2) & 3);
	for (unsigned i = 0; i < s->n_jobs; i++) {
		struct job *j = &s->jobs[i];

		mc_envelope_init(&j->env);
		snprintf(addr, sizeof(addr), "s%u@x.example", i);
		CHECK(mc_envelope_set_sender(&j->env, mc_str_from(addr),
		    NULL) == 0);
		for (unsigned k = 0; k < s->n_rcpts; k++) {
			snprintf(addr, sizeof(addr), "r%u%u@x.example", i, k);
			CHECK(mc_envelope_add(&j->env, mc_str_from(addr),
			    false, &j->order[k], NULL) == 0);
		}
		j->text = i == 1 ? MC_STR("A: b\r\n\r\n") :
		    MC_STR("A: b\r\n\r\n.\r\n.x\r\nQUIT\r\n");
		if (big->len != 0 && i == 0)
			j->text = mc_buf_str(big);
	}
}

static void
set_up(struct session *s, const uint8_t *kind)
{
	struct mc_client_settings set = { .ehlo_name = MC_STR("localhost") };
	struct mc_sasl_settings ss = { .user = "me", .mechs = "PLAIN",
	    .host = "h", .port = "465", .max_iterations = 10000 };

	set.tls = s->tls = (kind[0] & 3) == 0 ? MC_CLIENT_TLS_NONE :
	    (kind[0] & 3) == 1 ? MC_CLIENT_TLS_DONE : MC_CLIENT_TLS_STARTTLS;
	s->secured = s->tls == MC_CLIENT_TLS_DONE;
	set.channel.verified = true;
	set.lmtp = s->lmtp = (kind[0] & 4) != 0;
	set.no_pipelining = (kind[0] & 8) != 0;
	set.no_chunking = (kind[0] & 16) != 0;
	set.one_flight = s->flight = (kind[0] & 32) != 0;
	s->last = (kind[0] & 128) != 0;
	s->abort = (kind[1] & 128) != 0;
	s->cut = (kind[2] & 1) != 0;
	s->rash = (kind[2] & 2) != 0;
	s->random = kind[2];
	if ((kind[0] & 64) != 0) {
		s->secret = mc_secret_new(SECRET, strlen(SECRET), NULL);
		ss.password = s->secret;
		CHECK(s->secret != NULL &&
		    mc_sasl_new(&ss, &s->sasl, NULL) == 0);
		set.sasl = s->sasl;
	}
	CHECK(mc_client_new(&set, &s->c, NULL) == 0);
	s->asked = 1;		/* the greeting */
}

static void
clear(struct session *s)
{
	mc_client_free(s->c);
	mc_sasl_free(s->sasl);
	mc_secret_free(s->secret);
	for (unsigned i = 0; i < s->n_jobs; i++)
		mc_envelope_clear(&s->jobs[i].env);
	mc_mem_free(s);
}

/* to the end of a reply */
static size_t
reply_size(const uint8_t *p, size_t n)
{
	size_t at = 0, line = 0;

	for (; at < n; at++) {
		if (p[at] != '\n')
			continue;
		if (at - line < 4 || p[line + 3] != '-')
			return at + 1;
		line = at + 1;
	}
	return n;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session *s;
	struct mc_buf big;
	size_t at = 3;

	if (size < 3)
		return 0;
	s = mc_mem_zalloc(1, sizeof(*s));
	CHECK(s != NULL);
	mc_buf_init(&big, 2 * MC_MAX_EARLY);
	if ((data[1] & 16) != 0) {
		mc_buf_addz(&big, "A: b\r\n\r\n");
		while (big.len <= MC_MAX_EARLY)
			mc_buf_addz(&big, ".a line of some length, for size\r\n");
	}
	set_up(s, data);
	make_jobs(s, data[1], &big);
	go_on(s);
	while (at < size && !s->over) {
		size_t n = 1 + dice(s, s->cut ? 9 : 200);
		size_t most = s->rash ? size - at :
		    reply_size(data + at, size - at);

		if (n > most)
			n = most;
		note_said(s, data + at, n);
		if (mc_client_feed(s->c, data + at, n, NULL) != 0)
			break;
		at += n;
		go_on(s);
	}
	lose(s);
	clear(s);
	mc_buf_clear(&big);
	return 0;
}
