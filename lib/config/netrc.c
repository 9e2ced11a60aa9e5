/* SPDX-License-Identifier: MIT */
/*
 * netrc.c - name and password for a server, out of a netrc
 *
 * There is no standard: this is what curl and the ftp programs agree upon.
 */
#include "base/base.h"
#include "config/netrc.h"

#include "base/err.h"
#include "base/limits.h"

enum word {
	W_MACHINE,
	W_DEFAULT,
	W_LOGIN,
	W_PASSWORD,
	W_ACCOUNT,
	W_PORT,
	W_MACDEF,
	W_UNKNOWN
};

struct lex {
	struct mc_str rest;
	unsigned line;
	struct mc_buf word;
};

struct entry {
	bool there;
	bool fits;
	bool is_default;
	unsigned unknown;	/* line of a word that nobody knows, or 0 */
	struct mc_buf login;
	struct mc_buf password;
};

struct search {
	const struct mc_netrc_want *want;
	struct lex lex;
	struct entry now;
	struct entry fallback;	/* a default */
};

static int
broken(const struct lex *l, const char *what, struct mc_err *err)
{
	return mc_err_set(err, MC_E_CONF_SYNTAX, MC_STAGE_CONFIG,
	    "line %u: %s", l->line, what);
}

/* ------------------------------------------------------------------- words */

static char
take(struct lex *l)
{
	char c = l->rest.ptr[0];

	l->rest = mc_str_sub(l->rest, 1, SIZE_MAX);
	if (c == '\n')
		l->line++;
	return c;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_line(struct lex *l)
{
	while (l->rest.len != 0 && take(l) != '\n')
		;
}

static char
escaped(char c)
{
	return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

/* behind the first quote; -1: there is no second one on this line */
static int
quoted(struct lex *l)
{
	char c;

	while (l->rest.len != 0 && l->rest.ptr[0] != '\n') {
		c = take(l);
		if (c == '"')
			return 0;
		if (c == '\\') {
			if (l->rest.len == 0 || l->rest.ptr[0] == '\n')
				return -1;
			c = escaped(take(l));
		}
		mc_buf_addc(&l->word, c);
	}
	return -1;
}

/* 1 with l->word, 0 at the end, -1 with err */
static int
next(struct lex *l, bool may_comment, struct mc_err *err)
{
	mc_buf_reset(&l->word);
	for (;;) {
		while (l->rest.len != 0 && is_space(l->rest.ptr[0]))
			(void)take(l);
		if (l->rest.len == 0)
			return 0;
		if (!may_comment || l->rest.ptr[0] != '#')
			break;
		skip_line(l);
	}
	if (l->rest.ptr[0] == '"') {
		(void)take(l);
		if (quoted(l) != 0)
			return broken(l, "a quotation mark is missing", err);
	} else {
		while (l->rest.len != 0 && !is_space(l->rest.ptr[0]))
			mc_buf_addc(&l->word, take(l));
	}
	if (l->word.err == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	if (l->word.err != 0)
		return broken(l, "a word is too long", err);
	return 1;
}

static enum word
word_of(struct mc_str s)
{
	static const struct {
		const char *name;
		enum word word;
	} words[] = {
		{ "machine", W_MACHINE },
		{ "default", W_DEFAULT },
		{ "login", W_LOGIN },
		{ "user", W_LOGIN },
		{ "password", W_PASSWORD },
		{ "passwd", W_PASSWORD },
		{ "account", W_ACCOUNT },
		{ "port", W_PORT },
		{ "macdef", W_MACDEF },
	};

	for (size_t i = 0; i < MC_NELEM(words); i++)
		if (mc_str_eq(s, mc_str_from(words[i].name)))
			return words[i].word;
	return W_UNKNOWN;
}

/* the text of a macro, which may look like entries: to an empty line */
static void
skip_macro(struct lex *l)
{
	skip_line(l);
	while (l->rest.len != 0 && l->rest.ptr[0] != '\n' &&
	    !(l->rest.len > 1 && l->rest.ptr[0] == '\r' &&
	    l->rest.ptr[1] == '\n'))
		skip_line(l);
}

/* ----------------------------------------------------------------- entries */

static bool
is_wanted_host(const struct search *s, struct mc_str host)
{
	return mc_str_eq_nocase(host, mc_str_from(s->want->host));
}

/* as people write it, and as /etc/services has it */
static bool
is_wanted_port(const struct search *s, struct mc_str port)
{
	static const struct {
		const char *port;
		const char *name;
	} names[] = {
		{ "25", "smtp" }, { "465", "smtps" },
		{ "465", "submissions" },
		{ "587", "submission" }, { "587", "smtp" },
		{ "465", "smtp" },
	};

	if (mc_str_eq(port, mc_str_from(s->want->port)))
		return true;
	for (size_t i = 0; i < MC_NELEM(names); i++)
		if (strcmp(names[i].port, s->want->port) == 0 &&
		    mc_str_eq_nocase(port, mc_str_from(names[i].name)))
			return true;
	return false;
}

static void
begin(struct search *s, bool fits, bool is_default)
{
	mc_buf_reset(&s->now.login);
	mc_buf_reset(&s->now.password);
	s->now.there = true;
	s->now.fits = fits;
	s->now.is_default = is_default;
	s->now.unknown = 0;
}

static bool
is_it(const struct search *s)
{
	const struct entry *e = &s->now;
	const char *user = s->want->user;

	if (!e->there || !e->fits || e->password.len == 0)
		return false;
	if (user == NULL)
		return e->login.len != 0;
	return e->login.len == 0 ||
	    mc_str_eq(mc_buf_str(&e->login), mc_str_from(user));
}

/* 1: the search is over, with s->now */
static int
end(struct search *s, struct mc_err *err)
{
	struct entry e = s->fallback;

	if (!is_it(s))
		return 0;
	/* a blank in a password that has no quotes, maybe: what was read of it
	 * would only lock the account */
	if (s->now.unknown != 0)
		return mc_err_set(err, MC_E_CONF_SYNTAX, MC_STAGE_CONFIG,
		    "line %u: an unknown word (a password with blanks needs "
		    "quotation marks)", s->now.unknown);
	if (!s->now.is_default)
		return 1;
	if (!s->fallback.there) {
		s->fallback = s->now;
		s->now = e;
	}
	return 0;
}

/* the word behind a keyword; -1 with err */
static int
value(struct search *s, struct mc_err *err)
{
	int rc = next(&s->lex, false, err);

	if (rc == 0)
		return broken(&s->lex, "something is missing at the end", err);
	return rc < 0 ? -1 : 0;
}

/* an entry that lost its login would fit everybody */
static int
keep(struct mc_buf *to, const struct lex *l, struct mc_err *err)
{
	mc_buf_reset(to);
	mc_buf_add_str(to, mc_buf_str(&l->word));
	return mc_buf_err(to, "word", err);
}

/* 1: the search is over */
static int
apply(struct search *s, enum word word, struct mc_err *err)
{
	int rc;

	if (word == W_UNKNOWN && s->now.unknown == 0)
		s->now.unknown = s->lex.line;
	if (word == W_UNKNOWN)
		return 0;
	if (word == W_MACHINE || word == W_DEFAULT) {
		rc = end(s, err);
		if (rc != 0)
			return rc;
	}
	if (word == W_DEFAULT) {
		begin(s, true, true);
		return 0;
	}
	if (value(s, err) != 0)
		return -1;
	if (word == W_MACHINE)
		begin(s, is_wanted_host(s, mc_buf_str(&s->lex.word)), false);
	else if (word == W_LOGIN)
		return keep(&s->now.login, &s->lex, err);
	else if (word == W_PASSWORD)
		return keep(&s->now.password, &s->lex, err);
	else if (word == W_PORT)
		s->now.fits = s->now.fits &&
		    is_wanted_port(s, mc_buf_str(&s->lex.word));
	else if (word == W_MACDEF)
		skip_macro(&s->lex);
	return 0;
}

static int
search(struct search *s, struct mc_err *err)
{
	int rc;

	do {
		rc = next(&s->lex, true, err);
		if (rc == 0)
			return end(s, err);
		if (rc > 0)
			rc = apply(s, word_of(mc_buf_str(&s->lex.word)), err);
	} while (rc == 0);
	return rc;
}

int
mc_netrc_find(struct mc_str text, const struct mc_netrc_want *want,
    struct mc_buf *login, struct mc_buf *password, struct mc_err *err)
{
	struct search s = { .want = want, .lex = { text, 1, { 0 } } };
	const struct entry *e = &s.now;
	struct mc_buf *const own[] = { &s.lex.word, &s.now.login,
		&s.now.password, &s.fallback.login, &s.fallback.password };
	int rc;

	if (mc_str_chr(text, '\0') != text.len)
		return mc_err_set(err, MC_E_CONF_SYNTAX, MC_STAGE_CONFIG,
		    "it holds a NUL byte");
	for (size_t i = 0; i < MC_NELEM(own); i++)
		mc_buf_init_secret(own[i], MC_MAX_SECRET);
	rc = search(&s, err);
	if (rc == 0 && s.fallback.there) {
		e = &s.fallback;
		rc = 1;
	}
	if (rc > 0) {
		mc_buf_add_str(login, mc_buf_str(&e->login));
		mc_buf_add_str(password, mc_buf_str(&e->password));
		if (mc_buf_err(login, "login", err) != 0 ||
		    mc_buf_err(password, "password", err) != 0)
			rc = -1;
	}
	for (size_t i = 0; i < MC_NELEM(own); i++)
		mc_buf_clear(own[i]);
	return rc;
}
