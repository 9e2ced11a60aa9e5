/* SPDX-License-Identifier: MIT */
/*
 * server_side.h - a client and an owner around the server engine
 *
 * Feeds input in pieces, answers what is asked, writes down what happened in a
 * form that does not depend on the pieces, and looks at every line that comes
 * out.
 */
#ifndef MC_SERVER_SIDE_H
#define MC_SERVER_SIDE_H

#include "unit.h"

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/server.h"

struct talk {
	struct mc_server *s;
	struct mc_buf out;	/* all that was written */
	struct mc_buf log;	/* all that was asked, one line each */
	struct mc_buf body;	/* of the message that comes in */
	bool open;		/* a transaction that owes an END or a RESET */
	bool closed;
	bool terse;		/* MAIL and RCPT are not written down */
	unsigned ends;
	unsigned slow;
	unsigned slowness;	/* all together */
	unsigned tls;
	size_t most_output;
	/* answers: yes by default */
	struct mc_server_answer mail;
	struct mc_server_answer rcpt;
	struct mc_server_answer end;
	struct mc_server_answer auth;	/* no answer by default */
	bool no_tls;		/* it does not come up */
};

static const struct mc_server_answer talk_queued = {
	.code = 250, .enh = { 2, 0, 0 }, .text = "queued as 1"
};

static inline struct mc_server_settings
talk_settings(void)
{
	return (struct mc_server_settings){
		.host = MC_STR("mx.example"), .max_size = 1000000,
		.max_rcpts = 1000,
	};
}

static inline void
talk_begin(struct talk *t, const struct mc_server_settings *set)
{
	memset(t, 0, sizeof(*t));
	mc_buf_init(&t->out, 1 << 24);
	mc_buf_init(&t->log, 1 << 24);
	mc_buf_init(&t->body, 1 << 24);
	t->end = talk_queued;
	assert_int_equal(mc_server_new(set, &t->s, NULL), 0);
}

static inline void
talk_clear(struct talk *t)
{
	mc_server_free(t->s);
	mc_buf_clear(&t->out);
	mc_buf_clear(&t->log);
	mc_buf_clear(&t->body);
}

static inline void
talk_add_escaped(struct mc_buf *out, struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\r')
			mc_buf_addz(out, "\\r");
		else if (c == '\n')
			mc_buf_addz(out, "\\n");
		else if (c == '\0')
			mc_buf_addz(out, "\\0");
		else
			mc_buf_addc(out, c);
	}
}

static inline void
talk_on_mail(struct talk *t)
{
	const struct mc_server_mail *m = mc_server_mail(t->s);
	static const char *const rets[] = { "", " full", " hdrs" };

	assert_false(t->open);
	assert_true(mc_str_is_utf8(m->sender));
	t->open = t->mail.code == 0 || t->mail.code == 250;
	if (t->terse) {
		mc_server_answer(t->s, &t->mail);
		return;
	}
	mc_buf_addf(&t->log, "MAIL <%.*s>%s", MC_STR_FMT(m->sender),
	    m->bare ? " bare" : "");
	if (!m->esmtp)
		mc_buf_addz(&t->log, " helo");
	if (m->has_size)
		mc_buf_addf(&t->log, " size %llu",
		    (unsigned long long)m->size);
	mc_buf_addz(&t->log, m->body_8bit ? " 8bit" : "");
	mc_buf_addz(&t->log, m->smtputf8 ? " utf8" : "");
	mc_buf_addz(&t->log, rets[m->ret]);
	if (m->envid.len != 0)
		mc_buf_addf(&t->log, " envid %.*s", MC_STR_FMT(m->envid));
	mc_buf_addc(&t->log, '\n');
	mc_server_answer(t->s, &t->mail);
}

static inline void
talk_on_rcpt(struct talk *t)
{
	const struct mc_server_rcpt *r = mc_server_rcpt(t->s);

	assert_true(t->open);
	assert_true(r->addr.len != 0 && mc_str_is_utf8(r->addr));
	if (t->terse) {
		mc_server_answer(t->s, &t->rcpt);
		return;
	}
	mc_buf_addf(&t->log, "RCPT <%.*s>%s", MC_STR_FMT(r->addr),
	    r->bare ? " bare" : "");
	if (r->notify != 0)
		mc_buf_addf(&t->log, " notify %u", r->notify);
	if (r->orcpt.len != 0)
		mc_buf_addf(&t->log, " orcpt %.*s", MC_STR_FMT(r->orcpt));
	mc_buf_addc(&t->log, '\n');
	mc_server_answer(t->s, &t->rcpt);
}

static inline void
talk_on_end(struct talk *t)
{
	assert_true(t->open);
	t->open = false;
	t->ends++;
	mc_buf_addz(&t->log, "END ");
	talk_add_escaped(&t->log, mc_buf_str(&t->body));
	mc_buf_addc(&t->log, '\n');
	mc_buf_reset(&t->body);
	mc_server_answer(t->s, &t->end);
}

static inline void
talk_on_auth(struct talk *t)
{
	const struct mc_server_auth *a = mc_server_auth(t->s);

	assert_false(t->open);
	mc_buf_addf(&t->log, "AUTH <%.*s> ", MC_STR_FMT(a->user));
	talk_add_escaped(&t->log, a->password);
	mc_buf_addz(&t->log, a->authzid.len != 0 ? " as itself\n" : "\n");
	mc_server_answer(t->s, &t->auth);
	assert_int_equal(a->user.len, 0);
}

/* one line of output, without CRLF */
static inline void
talk_check_line(struct mc_str line)
{
	static const char *const bare[] = {
		"220 mx.example ESMTP", "250 mx.example", "250-mx.example",
		"250-PIPELINING", "250-SIZE", "250-8BITMIME",
		"250-SMTPUTF8", "250-DSN", "250-CHUNKING",
		"250 ENHANCEDSTATUSCODES",
		"354 Go ahead; a line with only a dot ends it",
		"250-STARTTLS", "250-AUTH PLAIN LOGIN", "334 ",
		"334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6",
	};

	assert_true(line.len >= 3 && line.len <= 510);
	assert_false(mc_str_has_ctl(line));
	if (mc_str_starts_nocase(line, MC_STR("250-SIZE ")))
		return;
	for (size_t i = 0; i < MC_NELEM(bare); i++)
		if (mc_str_eq(line, mc_str_from(bare[i])))
			return;
	assert_true(line.len > 10);
	for (size_t i = 0; i < 3; i++)
		assert_true(mc_is_digit(line.ptr[i]));
	assert_true(strchr("245", line.ptr[0]) != NULL);
	assert_true(line.ptr[3] == ' ' || line.ptr[3] == '-');
	assert_int_equal(line.ptr[4], line.ptr[0]);
	assert_int_equal(line.ptr[5], '.');
	assert_true(mc_is_digit(line.ptr[6]));
}

static inline void
talk_write(struct talk *t, size_t most)
{
	struct mc_str out = mc_server_output(t->s);

	if (out.len > t->most_output)
		t->most_output = out.len;
	assert_true(out.len <= MC_MAX_SERVER_OUTPUT + 4096);
	out = mc_str_sub(out, 0, most);
	mc_buf_add_str(&t->out, out);
	mc_server_sent(t->s, out.len);
}

/* handle what there is; `most` bytes are written in between */
static inline void
talk_run(struct talk *t, size_t most)
{
	for (;;) {
		enum mc_serve want = mc_server_step(t->s);

		talk_write(t, most);
		switch (want) {
		case MC_SERVE_READ:
			assert_true(mc_server_room(t->s) >=
			    MC_MAX_SERVER_FEED);
			talk_write(t, SIZE_MAX);
			return;
		case MC_SERVE_WRITE:
			talk_write(t, SIZE_MAX);
			break;
		case MC_SERVE_MAIL:
			assert_int_equal(mc_server_step(t->s), want);
			talk_on_mail(t);
			break;
		case MC_SERVE_RCPT:
			assert_int_equal(mc_server_step(t->s), want);
			talk_on_rcpt(t);
			break;
		case MC_SERVE_BODY:
			assert_true(t->open);
			assert_true(mc_server_body(t->s).len != 0);
			assert_true(mc_server_body(t->s).len <= MC_BODY_CHUNK);
			mc_buf_add_str(&t->body, mc_server_body(t->s));
			break;
		case MC_SERVE_END:
			assert_int_equal(mc_server_step(t->s), want);
			talk_on_end(t);
			break;
		case MC_SERVE_RESET:
			assert_true(t->open);
			t->open = false;
			mc_buf_reset(&t->body);
			mc_buf_addz(&t->log, "RESET\n");
			break;
		case MC_SERVE_AUTH:
			assert_int_equal(mc_server_step(t->s), want);
			talk_on_auth(t);
			break;
		case MC_SERVE_STARTTLS:
			assert_int_equal(mc_server_step(t->s), want);
			talk_write(t, SIZE_MAX);
			mc_buf_addz(&t->log, "TLS\n");
			t->tls++;
			if (t->no_tls)
				return;
			mc_server_tls_up(t->s);
			break;
		case MC_SERVE_SLOW:
			t->slow++;
			t->slowness += mc_server_slowness(t->s);
			break;
		case MC_SERVE_CLOSE:
			assert_false(t->open);
			if (!t->closed)
				mc_buf_addz(&t->log, "CLOSE\n");
			t->closed = true;
			talk_write(t, SIZE_MAX);
			return;
		}
	}
}

static inline void
talk_feed(struct talk *t, struct mc_str in)
{
	while (in.len != 0 && !t->closed) {
		struct mc_str part = mc_str_sub(in, 0, MC_MAX_SERVER_FEED);

		assert_int_equal(mc_server_feed(t->s, part.ptr, part.len,
		    NULL), 0);
		in = mc_str_sub(in, part.len, SIZE_MAX);
		talk_run(t, SIZE_MAX);
	}
}

static inline void
talk_say(struct talk *t, const char *text)
{
	talk_feed(t, mc_str_from(text));
}

static inline void
talk_check(struct talk *t)
{
	struct mc_str rest = mc_buf_str(&t->out);

	while (rest.len != 0) {
		size_t lf = mc_str_chr(rest, '\n');

		assert_true(lf > 0 && lf < rest.len);
		assert_int_equal(rest.ptr[lf - 1], '\r');
		talk_check_line(mc_str_sub(rest, 0, lf - 1));
		rest = mc_str_sub(rest, lf + 1, SIZE_MAX);
	}
	assert_int_equal(mc_buf_err(&t->out, "", NULL), 0);
	assert_int_equal(mc_buf_err(&t->log, "", NULL), 0);
}

/* the codes of all replies, one a reply, separated by blanks */
static inline void
talk_codes(struct talk *t, struct mc_buf *codes)
{
	struct mc_str rest = mc_buf_str(&t->out);
	struct mc_str line;

	while (mc_str_next_token(&rest, "\r\n", &line)) {
		if (line.ptr[3] == '-')
			continue;
		if (codes->len != 0)
			mc_buf_addc(codes, ' ');
		mc_buf_add_str(codes, mc_str_sub(line, 0, 3));
	}
}

static inline void
assert_codes(struct talk *t, const char *want)
{
	struct mc_buf codes;

	mc_buf_init(&codes, 1 << 20);
	talk_codes(t, &codes);
	if (!mc_str_eq(mc_buf_str(&codes), mc_str_from(want)))
		print_message("output:\n%.*s", MC_STR_FMT(mc_buf_str(&t->out)));
	assert_string_equal(codes.ptr, want);
	mc_buf_clear(&codes);
}

#endif
