/* SPDX-License-Identifier: MIT */
/*
 * fuzz_engine.c - a server's bytes into the client engine
 *
 * The first byte chooses the kind of session and the size of the pieces.
 * Whatever the server says: nothing secret or addressed leaves in clear, each
 * recipient ends with one verdict, and none counts as delivered unless the
 * whole message and its final dot had left.
 */
#include "base/base.h"
#include "base/err.h"
#include "base/secret.h"
#include "smtp/client.h"

#define N_RCPTS 3
#define TEXT "A: b\r\n\r\n.x\r\n"
#define CHECK(what) do { if (!(what)) __builtin_trap(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	struct mc_client *c;
	struct mc_envelope env;
	size_t order[N_RCPTS];
	bool secured;
	bool begun;
	bool dot;		/* all of the message was handed out */
	bool over;
};

static bool
starts(struct mc_str s, const char *word)
{
	return mc_str_starts_nocase(s, mc_str_from(word));
}

/* lines that leave: one CRLF each; in clear only what may be seen */
static void
check_output(struct session *s, bool starttls)
{
	struct mc_str out = mc_client_output(s->c);

	if (starttls && !s->secured && out.len != 0)
		CHECK(starts(out, "EHLO ") || starts(out, "STARTTLS\r\n") ||
		    starts(out, "QUIT\r\n"));
	if (out.len != 0)
		CHECK(out.len >= 2 && out.ptr[out.len - 1] == '\n' &&
		    out.ptr[out.len - 2] == '\r');
	mc_client_sent(s->c, out.len);
}

static void
begin(struct session *s)
{
	struct mc_client_job job = { .env = &s->env, .order = s->order,
	    .n = N_RCPTS, .size = sizeof(TEXT) - 1 };
	struct mc_err err = { 0 };

	s->begun = true;
	if (mc_client_begin(s->c, &job, &err) != 0)
		s->over = true;
}

static void
put_body(struct session *s)
{
	CHECK(mc_client_body(s->c, MC_STR(TEXT), NULL) == 0);
	CHECK(mc_client_body_end(s->c, NULL) == 0);
	s->dot = true;
}

static void
go_on(struct session *s, bool starttls)
{
	const struct mc_sasl_channel channel = { .verified = true };
	struct mc_err err = { 0 };
	int want;

	while (!s->over) {
		want = mc_client_step(s->c, &err);
		check_output(s, starttls);
		if (want < 0 || want == MC_WANT_CLOSE) {
			CHECK(want >= 0 || (err.code != MC_OK && err.text[0]));
			s->over = true;
		} else if (want == MC_WANT_READ) {
			return;
		} else if (want == MC_WANT_TLS) {
			s->secured = true;
			mc_client_secured(s->c, &channel);
		} else if (want == MC_WANT_BODY) {
			put_body(s);
		} else if (s->begun) {
			s->over = true;
		} else {
			begin(s);
		}
	}
}

static void
check_verdicts(struct session *s)
{
	size_t i;

	for (i = 0; i < N_RCPTS; i++) {
		const struct mc_rcpt *r = mc_envelope_at(&s->env, i);

		if (!s->begun) {
			CHECK(r->verdict == MC_PENDING);
			continue;
		}
		if (r->verdict == MC_DELIVERED || r->verdict == MC_UNSURE)
			CHECK(s->dot);
	}
}

static void
lose(struct session *s)
{
	struct mc_err err = { 0 };
	size_t i;

	(void)mc_err_set(&err, MC_E_CLOSED, MC_STAGE_CONNECT, NULL);
	mc_client_lost(s->c, &err);
	for (i = 0; s->begun && i < N_RCPTS; i++)
		CHECK(mc_envelope_at(&s->env, i)->verdict != MC_PENDING);
}

static void
set_up(struct session *s, uint8_t kind)
{
	static const char *const names[N_RCPTS] = {
		"a@b.example", "c@d.example", "e@f.example",
	};
	struct mc_client_settings set = { .ehlo_name = MC_STR("localhost") };
	size_t i;

	set.tls = (kind & 3) == 0 ? MC_CLIENT_TLS_NONE :
	    (kind & 3) == 1 ? MC_CLIENT_TLS_DONE : MC_CLIENT_TLS_STARTTLS;
	set.channel.verified = (kind & 4) != 0;
	set.no_pipelining = (kind & 8) != 0;
	s->secured = set.tls == MC_CLIENT_TLS_DONE;
	mc_envelope_init(&s->env);
	CHECK(mc_envelope_set_sender(&s->env, MC_STR("me@x.example"),
	    NULL) == 0);
	for (i = 0; i < N_RCPTS; i++)
		CHECK(mc_envelope_add(&s->env, mc_str_from(names[i]), false,
		    &s->order[i], NULL) == 0);
	CHECK(mc_client_new(&set, &s->c, NULL) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session s = { 0 };
	size_t at = 1, piece;
	bool starttls;

	if (size == 0)
		return 0;
	starttls = (data[0] & 3) >= 2;
	piece = (size_t)(data[0] >> 4) + 1;
	set_up(&s, data[0]);
	go_on(&s, starttls);
	while (at < size && !s.over) {
		size_t n = size - at < piece ? size - at : piece;

		if (mc_client_feed(s.c, data + at, n, NULL) != 0)
			break;
		at += n;
		go_on(&s, starttls);
	}
	lose(&s);
	check_verdicts(&s);
	mc_client_free(s.c);
	mc_envelope_clear(&s.env);
	return 0;
}
