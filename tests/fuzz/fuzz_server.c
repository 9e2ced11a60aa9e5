/* SPDX-License-Identifier: MIT */
/*
 * fuzz_server.c - a client's bytes into the server engine
 *
 * The first byte chooses the settings, the second the owner's answers and the
 * size of the pieces.  With a 0xff in front of both it is a service with log-in
 * and TLS, of which the byte behind it chooses the settings; then a 0xff is
 * where the client waits before it says more.  Whatever the client says: every line that goes out is a
 * reply, transactions end once, a message that is asked for has a sender, a
 * recipient who was accepted and no CR or LF by itself, and how the bytes were
 * cut makes no difference.
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "smtp/server.h"

#define CHECK(what) do { if (!(what)) __builtin_trap(); } while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct session {
	struct mc_server *s;
	const struct mc_server_settings *set;
	struct mc_buf out;	/* all that was written */
	struct mc_buf log;	/* all that was asked */
	struct mc_buf body;
	unsigned answers;	/* which questions get a no, bit by bit */
	unsigned asked;
	bool open;
	bool tls;
	bool logged_in;
	size_t rcpts;
	bool over;
	size_t unfed;		/* bytes that the client does not wait with */
	bool cut;		/* some of them came behind STARTTLS */
};

static bool
is_yes(struct session *s)
{
	return (s->answers >> (s->asked++ % 4) & 1) == 0;
}

static void
answer(struct session *s, bool yes)
{
	struct mc_server_answer a = { .code = yes ? 250 : 550 };

	memcpy(a.text, yes ? "fine" : "no\r\nway", yes ? 5 : 8);
	mc_server_answer(s->s, &a);
}

static void
check_addr(struct session *s, struct mc_str addr, bool bare)
{
	CHECK(mc_str_is_utf8(addr) && !mc_str_has_ctl(addr));
	CHECK(addr.len <= (bare ? MC_MAX_LOCAL : MC_MAX_PATH));
	mc_buf_add_str(&s->log, addr);
	mc_buf_addc(&s->log, '\n');
}

static void
on_mail(struct session *s)
{
	const struct mc_server_mail *m = mc_server_mail(s->s);
	bool yes = is_yes(s);

	CHECK(!s->open);
	CHECK(s->logged_in || !s->set->need_auth);
	check_addr(s, m->sender, m->bare);
	check_addr(s, m->envid, false);
	CHECK(m->envid.len <= 100 && mc_str_is_ascii(m->envid));
	CHECK(m->smtputf8 || mc_str_is_ascii(m->sender));
	s->open = yes;
	s->rcpts = 0;
	answer(s, yes);
}

static void
on_rcpt(struct session *s)
{
	const struct mc_server_rcpt *r = mc_server_rcpt(s->s);
	bool yes = is_yes(s);

	CHECK(s->open && r->addr.len != 0);
	check_addr(s, r->addr, r->bare);
	CHECK(mc_str_is_utf8(r->orcpt) && !mc_str_has_ctl(r->orcpt));
	CHECK(r->notify <= MC_NOTIFY_NEVER);
	mc_buf_add_str(&s->log, r->orcpt);
	s->rcpts += yes;
	answer(s, yes);
}

static void
on_end(struct session *s, uint64_t max_size)
{
	struct mc_str b = mc_buf_str(&s->body);

	CHECK(s->open && s->rcpts != 0);
	CHECK(max_size == 0 || b.len <= max_size);
	for (size_t i = 0; i < b.len; i++) {
		if (b.ptr[i] == '\n')
			CHECK(i != 0 && b.ptr[i - 1] == '\r');
		if (b.ptr[i] == '\r')
			CHECK(i + 1 < b.len && b.ptr[i + 1] == '\n');
	}
	mc_buf_add_str(&s->log, b);
	mc_buf_reset(&s->body);
	s->open = false;
	answer(s, is_yes(s));
}

static void
on_auth(struct session *s)
{
	const struct mc_server_auth *a = mc_server_auth(s->s);
	struct mc_server_answer no = { .code = 535 };
	bool yes = is_yes(s);

	CHECK(s->set->offer_auth && !s->open && !s->logged_in);
	CHECK(s->tls || !s->set->auth_needs_tls);
	CHECK(a->user.len != 0 && a->user.len <= MC_MAX_SERVER_USER);
	CHECK(mc_str_is_utf8(a->user) && !mc_str_has_ctl(a->user));
	CHECK(a->password.len != 0);
	CHECK(a->authzid.len == 0 || mc_str_eq(a->authzid, a->user));
	mc_buf_add_str(&s->log, a->user);
	mc_buf_add_str(&s->log, a->password);
	no.code = yes ? 235 : no.code;
	s->logged_in = yes;
	mc_server_answer(s->s, &no);
}

/* what was fed behind the command ends the session */
static void
on_starttls(struct session *s)
{
	CHECK(s->set->offer_starttls && !s->tls);
	if (s->unfed != 0) {
		CHECK(mc_server_feed(s->s, "x", 1, NULL) == 0);
		s->cut = true;
	}
	mc_buf_addz(&s->log, "TLS\n");
	s->tls = true;
	s->logged_in = false;
	mc_server_tls_up(s->s);
}

static void
write_out(struct session *s)
{
	struct mc_str out = mc_server_output(s->s);

	CHECK(out.len < MC_MAX_SERVER_OUTPUT + 4096);
	mc_buf_add_str(&s->out, out);
	mc_server_sent(s->s, out.len);
}

static void
go_on(struct session *s, uint64_t max_size)
{
	while (!s->over) {
		enum mc_serve want = mc_server_step(s->s);

		write_out(s);
		switch (want) {
		case MC_SERVE_READ:
			CHECK(mc_server_room(s->s) >= MC_MAX_SERVER_FEED);
			return;
		case MC_SERVE_WRITE:
		case MC_SERVE_SLOW:
			break;
		case MC_SERVE_MAIL:
			on_mail(s);
			break;
		case MC_SERVE_RCPT:
			on_rcpt(s);
			break;
		case MC_SERVE_BODY:
			CHECK(s->open && mc_server_body(s->s).len != 0);
			mc_buf_add_str(&s->body, mc_server_body(s->s));
			break;
		case MC_SERVE_END:
			on_end(s, max_size);
			break;
		case MC_SERVE_RESET:
			CHECK(s->open);
			s->open = false;
			mc_buf_reset(&s->body);
			mc_buf_addz(&s->log, "reset\n");
			break;
		case MC_SERVE_AUTH:
			on_auth(s);
			break;
		case MC_SERVE_STARTTLS:
			on_starttls(s);
			break;
		case MC_SERVE_CLOSE:
			CHECK(!s->open);
			s->over = true;
			break;
		}
	}
}

static void
check_lines(struct mc_str out)
{
	while (out.len != 0) {
		size_t lf = mc_str_chr(out, '\n');
		struct mc_str line = mc_str_sub(out, 0, lf - 1);

		CHECK(lf < out.len && lf >= 5 && lf < 512);
		CHECK(out.ptr[lf - 1] == '\r' && !mc_str_has_ctl(line));
		CHECK(line.ptr[0] >= '2' && line.ptr[0] <= '5');
		CHECK(mc_is_digit(line.ptr[1]) && mc_is_digit(line.ptr[2]));
		CHECK(line.ptr[3] == ' ' || line.ptr[3] == '-');
		out = mc_str_sub(out, lf + 1, SIZE_MAX);
	}
}

static void
feed(struct session *s, const uint8_t *data, size_t size, size_t piece)
{
	for (size_t at = 0; at < size && !s->over; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		CHECK(mc_server_feed(s->s, data + at, n, NULL) == 0);
		s->unfed = size - at - n;
		go_on(s, s->set->max_size);
	}
}

static void
run(struct session *s, const struct mc_server_settings *set,
    const uint8_t *data, size_t size, size_t piece)
{
	memset(s, 0, sizeof(*s));
	s->set = set;
	mc_buf_init(&s->out, SIZE_MAX);
	mc_buf_init(&s->log, SIZE_MAX);
	mc_buf_init(&s->body, SIZE_MAX);
	s->answers = data[1] & 15;
	CHECK(mc_server_new(set, &s->s, NULL) == 0);
	go_on(s, set->max_size);
	for (size_t at = 2; at < size;) {
		const uint8_t *end = set->offer_starttls ?
		    memchr(data + at, 0xff, size - at) : NULL;
		size_t n = end != NULL ? (size_t)(end - data) - at : size - at;

		feed(s, data + at, n, piece);
		at += n + 1;
	}
	mc_server_eof(s->s);
	go_on(s, set->max_size);
	CHECK(s->over);
	check_lines(mc_buf_str(&s->out));
}

static void
clear(struct session *s)
{
	mc_server_free(s->s);
	mc_buf_clear(&s->out);
	mc_buf_clear(&s->log);
	mc_buf_clear(&s->body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_server_settings set = { .host = MC_STR("h.example") };
	struct session a, b;

	if (size < 2)
		return 0;
	if (data[0] == 0xff && size >= 4) {
		set.offer_auth = (data[1] & 1) != 0;
		set.need_auth = (data[1] & 2) != 0;
		set.offer_starttls = (data[1] & 4) != 0;
		set.auth_needs_tls = (data[1] & 8) != 0;
		set.max_errors = (data[1] & 16) != 0 ? 3 : 0;
		set.max_junk = (data[1] & 32) != 0 ? 3 : 0;
		set.max_line = (data[1] & 64) != 0 ? 80 : 0;
		set.max_text_line = (data[1] & 128) != 0 ? 3 : 0;
		data += 2;
		size -= 2;
	}
	set.lf_ok = (data[0] & 1) != 0;
	set.long_lines_ok = (data[0] & 2) != 0;
	set.no_chunking = (data[0] & 4) != 0;
	set.no_smtputf8 = (data[0] & 8) != 0;
	set.no_dsn = (data[0] & 16) != 0;
	set.max_size = (data[0] & 32) != 0 ? 100 : 0;
	set.max_rcpts = (data[0] & 64) != 0 ? 2 : 0;
	set.max_messages = (data[0] & 128) != 0 ? 2 : 0;
	run(&a, &set, data, size, MC_MAX_SERVER_FEED);
	run(&b, &set, data, size, (size_t)(data[1] >> 4) * 3 + 1);
	/* whoever sends behind STARTTLS is thrown out sooner or later */
	if (!a.cut && !b.cut) {
		CHECK(mc_str_eq(mc_buf_str(&a.out), mc_buf_str(&b.out)));
		CHECK(mc_str_eq(mc_buf_str(&a.log), mc_buf_str(&b.log)));
	}
	clear(&a);
	clear(&b);
	return 0;
}
