/* SPDX-License-Identifier: MIT */
/*
 * server.c - a session of the server: states, replies, counters, the end
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include <sysexits.h>

#include "base/limits.h"
#include "base/mem.h"
#include "smtp/cmd.h"

/* the longest reply behind a full output: one of ours, or the text of an
 * answer in lines of at least half the room each */
#define REPLY_ROOM 4096
#define REPLY_TEXT_MAX (MC_MAX_SERVER_REPLY_LINE - 2)

static const struct {
	int (*handler)(struct mc_server *s);
	const char *words;
} states[MC_SV__COUNT] = {
#define MC_SERVER_STATE(id, handler, words) \
	{ mc_server_on_##handler, words },
#include "smtp/server_states.def"
#undef MC_SERVER_STATE
};

static const struct {
	int code;
	int enh[3];
	const char *text;
} says[MC_SAY__COUNT] = {
	{ 0, { 0 }, "" },
#define MC_SAY(id, code, a, b, c, text) { code, { a, b, c }, text },
#include "smtp/server_replies.def"
#undef MC_SAY
};

/* ----------------------------------------------------------------- replies */

/* 0 to 999; replies are most of what a session of many messages does */
static void
put_number(struct mc_server *s, int n, char end)
{
	char text[4];
	size_t at = sizeof(text);

	text[--at] = end;
	do {
		text[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0 && at > 0);
	mc_buf_add(&s->out, text + at, sizeof(text) - at);
}

static void
put_line(struct mc_server *s, int code, bool more, const int enh[3],
    struct mc_str text)
{
	put_number(s, code, more ? '-' : ' ');
	if (enh[0] != 0) {
		put_number(s, enh[0], '.');
		put_number(s, enh[1], '.');
		put_number(s, enh[2], ' ');
	}
	mc_buf_add_str(&s->out, text);
	mc_buf_add(&s->out, "\r\n", 2);
}

void
mc_server_put_line(struct mc_server *s, int code, bool more,
    struct mc_str text)
{
	static const int none[3] = { 0 };

	put_line(s, code, more, none, text);
}

/* how much of the text goes on this line: to a blank, if there is one in its
 * second half, else between two characters */
static size_t
line_cut(struct mc_str text, size_t room)
{
	size_t n = room;

	if (text.len <= room)
		return text.len;
	while (n > room / 2 && text.ptr[n] != ' ')
		n--;
	if (n > room / 2)
		return n;
	n = room;
	while (n > room / 2 && (text.ptr[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
put_reply(struct mc_server *s, int code, const int enh[3], struct mc_str text)
{
	/* "550-5.999.999 " */
	const size_t room = REPLY_TEXT_MAX - 14;

	for (;;) {
		size_t n = line_cut(text, room);
		bool more = n < text.len;

		put_line(s, code, more, enh, mc_str_sub(text, 0, n));
		if (!more)
			return;
		text = mc_str_sub(text, text.ptr[n] == ' ' ? n + 1 : n,
		    SIZE_MAX);
	}
}

void
mc_server_say(struct mc_server *s, enum mc_say say)
{
	s->too_big += say == MC_SAY_TOO_BIG;
	s->too_many += say == MC_SAY_RCPTS;
	s->no_login += say == MC_SAY_AUTH_FIRST;
	put_reply(s, says[say].code, says[say].enh,
	    mc_str_from(says[say].text));
}

void
mc_server_refuse(struct mc_server *s, enum mc_say say)
{
	if (says[say].code >= 500 && !mc_server_count_error(s))
		return;
	mc_server_say(s, say);
}

void
mc_server_say_close(struct mc_server *s, enum mc_say say)
{
	mc_server_say(s, say);
	s->reason = says[say].text;
	s->last = say;
	mc_server_close(s);
}

void
mc_server_close(struct mc_server *s)
{
	mc_server_drop(s);
	s->slow = false;
	s->state = MC_SV_DEAD;
}

void
mc_server_drop(struct mc_server *s)
{
	struct mc_server_txn *t = &s->txn;

	if (t->open)
		s->reset_due = true;
	t->open = false;
	t->chunking = false;
	t->rcpts = 0;
	t->put_off = 0;
	memset(&t->mail, 0, sizeof(t->mail));
	memset(&t->rcpt, 0, sizeof(t->rcpt));
	memset(&t->content, 0, sizeof(t->content));
	mc_buf_reset(&t->sender);
	mc_buf_reset(&t->envid);
	mc_buf_reset(&t->addr);
	mc_buf_reset(&t->orcpt);
	mc_buf_reset(&s->body);
}

/* ------------------------------------------------------------------ states */

int
mc_server_on_greeting(struct mc_server *s)
{
	char text[MC_MAX_DOMAIN + sizeof(" ESMTP")];

	if (s->bye != MC_SAY_NONE) {
		mc_server_say_close(s, s->bye);
		return MC_GO_ON;
	}
	snprintf(text, sizeof(text), "%s ESMTP", s->host);
	mc_server_put_line(s, 220, false, mc_str_from(text));
	s->state = MC_SV_COMMAND;
	return MC_GO_ON;
}

int
mc_server_on_mail(struct mc_server *s)
{
	(void)s;
	return MC_SERVE_MAIL;
}

int
mc_server_on_rcpt(struct mc_server *s)
{
	(void)s;
	return MC_SERVE_RCPT;
}

int
mc_server_on_end(struct mc_server *s)
{
	(void)s;
	return MC_SERVE_END;
}

int
mc_server_on_dead(struct mc_server *s)
{
	(void)s;
	return MC_SERVE_CLOSE;
}

enum mc_serve
mc_server_step(struct mc_server *s)
{
	int want = MC_GO_ON;

	while (want == MC_GO_ON) {
		if (s->out.len >= MC_MAX_SERVER_OUTPUT)
			return MC_SERVE_WRITE;
		if (s->slow) {
			s->slow = false;
			return MC_SERVE_SLOW;
		}
		if (s->reset_due) {
			s->reset_due = false;
			return MC_SERVE_RESET;
		}
		want = states[s->state].handler(s);
	}
	return (enum mc_serve)want;
}

/* ----------------------------------------------------------------- answers */

static bool
is_answer(const struct mc_server_answer *a)
{
	size_t i;

	if (a->code != 250 && (a->code < 400 || a->code > 559 ||
	    a->code / 10 % 10 > 5))
		return false;
	for (i = 0; i < 3; i++)
		if (a->enh[i] < 0 || a->enh[i] > 999)
			return false;
	return a->enh[0] == 0 || a->enh[0] == a->code / 100;
}

static void
answer_say(struct mc_server_answer *a, enum mc_say say)
{
	a->code = says[say].code;
	memcpy(a->enh, says[say].enh, sizeof(a->enh));
	memcpy(a->text, says[say].text, strlen(says[say].text) + 1);
}

/* printable, and ASCII unless the client has asked for more (RFC 6531 3.5) */
static void
clean_text(struct mc_server_answer *a, bool utf8)
{
	char raw[sizeof(a->text)];
	size_t len = strnlen(a->text, sizeof(a->text));
	size_t i;

	memcpy(raw, a->text, sizeof(raw));
	for (i = 0; !utf8 && i < len; i++)
		if ((raw[i] & 0x80) != 0)
			raw[i] = '?';
	len = mc_str_printable(mc_str_make(raw, len), a->text,
	    sizeof(a->text));
	if (mc_str_trim(mc_str_make(a->text, len)).len == 0)
		snprintf(a->text, sizeof(a->text), "%s",
		    a->code < 400 ? "Ok" : "Refused");
}

/* make it one that can be sent */
static void
settle(struct mc_server_answer *a, enum mc_server_state asked, bool utf8)
{
	if (a->code == 0 && asked == MC_SV_MAIL)
		answer_say(a, MC_SAY_SENDER_OK);
	else if (a->code == 0 && asked == MC_SV_RCPT)
		answer_say(a, MC_SAY_RCPT_OK);
	else if (!is_answer(a))
		answer_say(a, MC_SAY_INTERNAL);
	if (a->code == 551)
		a->code = 550;
	if (a->enh[0] == 0) {
		a->enh[0] = a->code / 100;
		a->enh[1] = a->enh[2] = 0;
	}
	clean_text(a, utf8);
}

/* the message is the owner's affair now, whatever it said */
static void
message_over(struct mc_server *s, bool yes)
{
	s->txn.open = false;
	mc_server_drop(s);
	if (yes) {
		s->taken++;
		s->errors = s->junk = 0;
	}
}

/* what the answer says of the client; false: the session has ended */
static bool
count_answer(struct mc_server *s, enum mc_server_state asked, int code)
{
	if (asked == MC_SV_END || code < 400)
		return true;
	if (code >= 500)
		return mc_server_count_error(s);
	if (asked == MC_SV_RCPT)
		return mc_server_count_put_off(s);
	return mc_server_count_junk(s, 1);
}

void
mc_server_answer(struct mc_server *s, const struct mc_server_answer *answer)
{
	enum mc_server_state asked = s->state;
	struct mc_server_answer a = *answer;
	bool yes;

	if (asked == MC_SV_LOGIN)
		mc_server_login_answer(s, a.code);
	if (asked != MC_SV_MAIL && asked != MC_SV_RCPT && asked != MC_SV_END)
		return;
	s->state = MC_SV_COMMAND;
	settle(&a, asked, s->txn.mail.smtputf8);
	yes = a.code == 250;
	if (asked == MC_SV_END)
		message_over(s, yes);
	else if (asked == MC_SV_MAIL && yes)
		s->txn.open = true;
	else if (asked == MC_SV_MAIL)
		mc_server_drop(s);
	else if (yes)
		s->txn.rcpts++;
	if (!count_answer(s, asked, a.code))
		return;
	put_reply(s, a.code, a.enh, mc_str_from(a.text));
	if (a.code == 421) {
		s->reason = "refused by the service";
		mc_server_close(s);
	}
}

/* would the same message be refused again? */
static bool
is_permanent(const struct mc_err *why)
{
	switch (mc_err_exit(why)) {
	case EX_USAGE:
	case EX_DATAERR:
	case EX_NOUSER:
	case EX_NOHOST:
	case EX_UNAVAILABLE:
	case EX_NOPERM:
		return true;
	default:
		return false;
	}
}

void
mc_server_answer_err(const struct mc_err *why,
    struct mc_server_answer *ret_answer)
{
	struct mc_server_answer a = { .code = 451 };
	bool permanent = is_permanent(why);
	/* 421 would end our session, of which the relay knows nothing */
	bool as_it_is = permanent ? why->smtp >= 500 :
	    why->smtp > 421 && why->smtp < 500;

	a.enh[0] = permanent ? 5 : 4;
	a.enh[1] = why->enh[1];
	a.enh[2] = why->enh[2];
	if (as_it_is)
		a.code = why->smtp;
	else if (permanent && (a.enh[1] == 1 ||
	    why->code == MC_E_NOT_ALLOWED))
		a.code = 550;
	else if (permanent && a.enh[1] == 3 && a.enh[2] == 4)
		a.code = 552;
	else if (permanent)
		a.code = 554;
	else if (a.enh[1] == 3 && a.enh[2] == 1)
		a.code = 452;
	snprintf(a.text, sizeof(a.text), "%s", why->text);
	*ret_answer = a;
}

/* ------------------------------------------------------------ life and feed */

static bool
reserve(struct mc_buf *b, size_t max)
{
	mc_buf_init(b, max);
	return mc_buf_reserve(b, max) != NULL;
}

static bool
reserve_all(struct mc_server *s)
{
	struct mc_server_txn *t = &s->txn;
	size_t line = s->set.max_line;
	bool ok;

	ok = reserve(&s->in, MC_MAX_SERVER_LINE_HARD + MC_MAX_SERVER_FEED);
	ok &= reserve(&s->out, MC_MAX_SERVER_OUTPUT + REPLY_ROOM);
	ok &= reserve(&s->body, MC_BODY_CHUNK);
	ok &= reserve(&t->sender, MC_MAX_PATH);
	ok &= reserve(&t->envid, line);
	ok &= reserve(&t->addr, MC_MAX_PATH);
	ok &= reserve(&t->orcpt, line);
	/* a name and a password, each as long as its line allows */
	mc_buf_init_secret(&s->login.text, 2 * MC_MAX_SERVER_AUTH_LINE);
	if (s->set.offer_auth)
		ok &= mc_buf_reserve(&s->login.text,
		    2 * MC_MAX_SERVER_AUTH_LINE) != NULL;
	return ok;
}

static void
set_defaults(struct mc_server_settings *set)
{
	if (set->max_errors == 0)
		set->max_errors = MC_MAX_SERVER_ERRORS;
	if (set->max_junk == 0)
		set->max_junk = MC_MAX_SERVER_JUNK;
	if (set->max_line == 0)
		set->max_line = MC_MAX_SERVER_LINE;
	if (set->max_line > MC_MAX_SERVER_LINE_HARD)
		set->max_line = MC_MAX_SERVER_LINE_HARD;
	if (set->max_text_line == 0)
		set->max_text_line = MC_MAX_SERVER_TEXT_LINE;
}

int
mc_server_new(const struct mc_server_settings *settings,
    struct mc_server **ret_server, struct mc_err *err)
{
	struct mc_server *s;

	if (!mc_cmd_is_ehlo_name(settings->host))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "the server's name is neither a host name nor an address "
		    "literal");
	s = mc_mem_zalloc(1, sizeof(*s));
	if (s == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	s->set = *settings;
	set_defaults(&s->set);
	s->host = mc_mem_strndup(settings->host.ptr, settings->host.len);
	s->set.host = mc_str_from(s->host);
	if (!reserve_all(s) || s->host == NULL) {
		mc_server_free(s);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	s->state = MC_SV_GREETING;
	*ret_server = s;
	return 0;
}

void
mc_server_free(struct mc_server *s)
{
	if (s == NULL)
		return;
	s->in.secret = s->set.offer_auth;
	mc_buf_clear(&s->in);
	mc_buf_clear(&s->login.text);
	mc_buf_clear(&s->out);
	mc_buf_clear(&s->body);
	mc_buf_clear(&s->txn.sender);
	mc_buf_clear(&s->txn.envid);
	mc_buf_clear(&s->txn.addr);
	mc_buf_clear(&s->txn.orcpt);
	mc_mem_free(s->host);
	mc_mem_free(s);
}

size_t
mc_server_room(const struct mc_server *s)
{
	return s->in.max - (s->in.len - s->in_at);
}

int
mc_server_feed(struct mc_server *s, const void *p, size_t n,
    struct mc_err *err)
{
	size_t before;

	if (n > mc_server_room(s))
		return mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL,
		    "more input than the session has room for");
	if (s->state == MC_SV_DEAD || s->eof)
		return 0;
	before = s->in.len;
	mc_buf_consume(&s->in, s->in_at);
	s->in_at = 0;
	/* half a line with a password may have moved to the front */
	if (s->set.offer_auth)
		mc_mem_wipe(s->in.ptr + s->in.len, before - s->in.len);
	mc_buf_add(&s->in, p, n);
	return mc_buf_err(&s->in, "input", err);
}

void
mc_server_eof(struct mc_server *s)
{
	s->eof = true;
}

void
mc_server_bye(struct mc_server *s, enum mc_server_bye why)
{
	if (s->bye != MC_SAY_NONE)
		return;
	switch (why) {
	case MC_SERVER_SHUTDOWN:
		s->bye = MC_SAY_SHUTDOWN;
		break;
	case MC_SERVER_TIMEOUT:
		s->bye = MC_SAY_TIMEOUT;
		break;
	case MC_SERVER_REFUSED:
		s->bye = MC_SAY_REFUSED;
		break;
	}
}

/* --------------------------------------------------------------- accessors */

struct mc_str
mc_server_output(const struct mc_server *s)
{
	return mc_buf_str(&s->out);
}

void
mc_server_sent(struct mc_server *s, size_t n)
{
	mc_buf_consume(&s->out, n);
}

const struct mc_server_mail *
mc_server_mail(const struct mc_server *s)
{
	return &s->txn.mail;
}

const struct mc_server_rcpt *
mc_server_rcpt(const struct mc_server *s)
{
	return &s->txn.rcpt;
}

struct mc_str
mc_server_body(const struct mc_server *s)
{
	return mc_buf_str(&s->body);
}

size_t
mc_server_taken(const struct mc_server *s)
{
	return s->taken;
}

bool
mc_server_open(const struct mc_server *s)
{
	return s->txn.open || s->reset_due;
}

bool
mc_server_receiving(const struct mc_server *s)
{
	return s->state == MC_SV_DATA || s->state == MC_SV_CHUNK ||
	    s->txn.chunking;
}

const char *
mc_server_words(const struct mc_server *s)
{
	return states[s->state].words;
}

const char *
mc_server_reason(const struct mc_server *s)
{
	return s->reason;
}

enum mc_server_end
mc_server_end_of(const struct mc_server *s)
{
	static const struct {
		enum mc_say say;
		enum mc_server_end end;
	} ends[] = {
		{ MC_SAY_ERRORS, MC_SERVER_END_ERRORS },
		{ MC_SAY_JUNK, MC_SERVER_END_JUNK },
		{ MC_SAY_MESSAGES, MC_SERVER_END_MESSAGES },
		{ MC_SAY_FOREIGN, MC_SERVER_END_FOREIGN },
		{ MC_SAY_LINE_LF, MC_SERVER_END_FORM },
		{ MC_SAY_LINE_LONG, MC_SERVER_END_FORM },
		{ MC_SAY_BARE_ENDS, MC_SERVER_END_FORM },
		{ MC_SAY_BDAT_SYNTAX, MC_SERVER_END_FORM },
		{ MC_SAY_INJECTED, MC_SERVER_END_FORM },
	};

	for (size_t i = 0; i < MC_NELEM(ends); i++)
		if (ends[i].say == s->last)
			return ends[i].end;
	return MC_SERVER_END_NONE;
}

unsigned
mc_server_too_big(const struct mc_server *s)
{
	return s->too_big;
}

unsigned
mc_server_too_many(const struct mc_server *s)
{
	return s->too_many;
}

unsigned
mc_server_no_login(const struct mc_server *s)
{
	return s->no_login;
}
