/* SPDX-License-Identifier: MIT */
/*
 * server_auth.c - AUTH (PLAIN and LOGIN) and STARTTLS
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include "base/b64.h"
#include "base/limits.h"
#include "base/mem.h"

bool
mc_server_has_auth(const struct mc_server *s)
{
	return s->set.offer_auth && (s->tls || !s->set.auth_needs_tls);
}

const struct mc_server_auth *
mc_server_auth(const struct mc_server *s)
{
	return &s->login.auth;
}

static void
forget(struct mc_server *s)
{
	struct mc_login *l = &s->login;

	mc_mem_wipe(l->text.ptr, l->text.cap);
	mc_buf_reset(&l->text);
	memset(&l->auth, 0, sizeof(l->auth));
	l->user_len = 0;
}

/* the log-in is over, without success */
static void
give_up(struct mc_server *s, enum mc_say say)
{
	forget(s);
	s->state = MC_SV_COMMAND;
	mc_server_refuse(s, say);
}

/* ------------------------------------------------------------ the exchange */

/* RFC 4616: [authzid] NUL user NUL password */
static bool
split_plain(struct mc_str text, struct mc_server_auth *ret_auth)
{
	size_t first = mc_str_chr(text, '\0');
	struct mc_str rest = mc_str_sub(text, first + 1, SIZE_MAX);
	size_t second = mc_str_chr(rest, '\0');
	struct mc_str password = mc_str_sub(rest, second + 1, SIZE_MAX);

	if (first == text.len || second == rest.len ||
	    mc_str_chr(password, '\0') != password.len)
		return false;
	ret_auth->authzid = mc_str_sub(text, 0, first);
	ret_auth->user = mc_str_sub(rest, 0, second);
	ret_auth->password = password;
	return true;
}

/* could it be anybody?  To act for somebody else nobody may. */
static bool
is_possible(const struct mc_server_auth *a)
{
	return a->user.len != 0 && a->user.len <= MC_MAX_SERVER_USER &&
	    mc_str_is_utf8(a->user) && !mc_str_has_ctl(a->user) &&
	    a->password.len != 0 &&
	    (a->authzid.len == 0 || mc_str_eq(a->authzid, a->user));
}

static void
ask_owner(struct mc_server *s)
{
	if (is_possible(&s->login.auth))
		s->state = MC_SV_LOGIN;
	else
		give_up(s, MC_SAY_AUTH_NO);
}

/* what the client says at this point, in base64 */
static void
take_response(struct mc_server *s, struct mc_str b64)
{
	struct mc_login *l = &s->login;
	struct mc_str text;

	if (mc_b64_decode(b64, &l->text) != 0 ||
	    mc_buf_err(&l->text, "log-in", NULL) != 0) {
		give_up(s, MC_SAY_AUTH_SYNTAX);
		return;
	}
	text = mc_buf_str(&l->text);
	switch (l->at) {
	case MC_LOGIN_PLAIN:
		if (split_plain(text, &l->auth))
			ask_owner(s);
		else
			give_up(s, MC_SAY_AUTH_SYNTAX);
		break;
	case MC_LOGIN_USER:
		l->user_len = text.len;
		l->at = MC_LOGIN_PASSWORD;
		mc_server_say(s, MC_SAY_AUTH_PASSWORD);
		break;
	case MC_LOGIN_PASSWORD:
		l->auth.user = mc_str_sub(text, 0, l->user_len);
		l->auth.password = mc_str_sub(text, l->user_len, SIZE_MAX);
		ask_owner(s);
		break;
	}
}

static void
take_auth_line(struct mc_server *s, struct mc_str line)
{
	if (mc_str_eq(line, MC_STR("*")))
		give_up(s, MC_SAY_AUTH_CANCELLED);
	else if (line.len > MC_MAX_SERVER_AUTH_LINE)
		give_up(s, MC_SAY_AUTH_LONG);
	else
		take_response(s, line);
}

int
mc_server_on_auth(struct mc_server *s)
{
	struct mc_str line;
	size_t raw_len;

	if (s->bye != MC_SAY_NONE) {
		mc_server_say_close(s, s->bye);
		return MC_GO_ON;
	}
	if (mc_server_take_line(s, &line)) {
		raw_len = line.len;
		if (mc_server_take_line_end(s, &line))
			take_auth_line(s, line);
		mc_server_wipe_line(s, raw_len);
		return MC_GO_ON;
	}
	if (s->state != MC_SV_AUTH)
		return MC_GO_ON;
	if (!s->eof)
		return MC_SERVE_READ;
	mc_server_close(s);
	return MC_GO_ON;
}

int
mc_server_on_login(struct mc_server *s)
{
	(void)s;
	return MC_SERVE_AUTH;
}

void
mc_server_login_answer(struct mc_server *s, int code)
{
	forget(s);
	s->state = MC_SV_COMMAND;
	switch (code) {
	case 235:
		s->logged_in = true;
		mc_server_say(s, MC_SAY_AUTH_OK);
		break;
	case 535:
		mc_server_refuse(s, MC_SAY_AUTH_NO);
		break;
	case 421:
		mc_server_say_close(s, MC_SAY_REFUSED);
		break;
	default:
		/* nobody is let in by an answer that was forgotten */
		mc_server_say(s, MC_SAY_AUTH_LATER);
		break;
	}
}

/* -------------------------------------------------------------------- AUTH */

static enum mc_say
check_auth(const struct mc_server *s)
{
	if (!s->set.offer_auth)
		return MC_SAY_NOT_HERE;
	if (!s->esmtp)
		return MC_SAY_NO_HELLO;
	if (s->logged_in)
		return MC_SAY_AUTH_TWICE;
	if (s->txn.open)
		return MC_SAY_AUTH_INSIDE;
	if (!mc_server_has_auth(s))
		return MC_SAY_AUTH_TLS;
	return MC_SAY_NONE;
}

void
mc_server_cmd_auth(struct mc_server *s, struct mc_str arg)
{
	struct mc_str mech = MC_STR_NONE;
	struct mc_str first = arg;
	enum mc_say say = check_auth(s);

	(void)mc_str_next_token(&first, " \t", &mech);
	first = mc_str_trim(first);
	if (say == MC_SAY_NONE && mech.len == 0)
		say = MC_SAY_ARG;
	if (say == MC_SAY_NONE && mc_str_eq_nocase(mech, MC_STR("PLAIN")))
		s->login.at = MC_LOGIN_PLAIN;
	else if (say == MC_SAY_NONE && mc_str_eq_nocase(mech, MC_STR("LOGIN")))
		s->login.at = MC_LOGIN_USER;
	else if (say == MC_SAY_NONE)
		say = MC_SAY_AUTH_MECH;
	if (say != MC_SAY_NONE) {
		mc_server_refuse(s, say);
		return;
	}
	forget(s);
	s->state = MC_SV_AUTH;
	/* "=" is an empty one (RFC 4954 section 4) */
	if (first.len != 0)
		take_response(s, mc_str_eq(first, MC_STR("=")) ? MC_STR_NONE :
		    first);
	else
		mc_server_say(s, s->login.at == MC_LOGIN_PLAIN ?
		    MC_SAY_AUTH_GO : MC_SAY_AUTH_USER);
}

/* ---------------------------------------------------------------- STARTTLS */

static enum mc_say
check_starttls(const struct mc_server *s, struct mc_str arg)
{
	if (!s->set.offer_starttls)
		return MC_SAY_NOT_HERE;
	if (arg.len != 0)
		return MC_SAY_ARG;
	if (!s->hello)
		return MC_SAY_NO_HELLO;
	if (s->tls)
		return MC_SAY_TLS_TWICE;
	return MC_SAY_NONE;
}

void
mc_server_cmd_starttls(struct mc_server *s, struct mc_str arg)
{
	enum mc_say say = check_starttls(s, arg);

	if (say != MC_SAY_NONE) {
		mc_server_refuse(s, say);
		return;
	}
	/* whoever can write into the clear part of a session could say
	 * something that would count as said over TLS */
	if (mc_server_input(s).len != 0) {
		mc_server_say_close(s, MC_SAY_INJECTED);
		return;
	}
	mc_server_say(s, MC_SAY_TLS_GO);
	s->state = MC_SV_TLS;
}

int
mc_server_on_tls(struct mc_server *s)
{
	/* it awaits TLS, so that no reply would be understood any more */
	if (mc_server_input(s).len == 0 && !s->eof)
		return MC_SERVE_STARTTLS;
	mc_server_close(s);
	return MC_GO_ON;
}

void
mc_server_tls_up(struct mc_server *s)
{
	if (s->state != MC_SV_TLS || mc_server_input(s).len != 0 || s->eof)
		return;
	mc_server_drop(s);
	s->tls = true;
	s->hello = s->esmtp = s->logged_in = s->has_line = false;
	s->state = MC_SV_COMMAND;
}
