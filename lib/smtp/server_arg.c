/* SPDX-License-Identifier: MIT */
/*
 * server_arg.c - the arguments of MAIL and RCPT: one path, some parameters
 */
#include "base/base.h"
#include "smtp/server_internal.h"

#include "base/limits.h"
#include "base/num.h"
#include "mail/addr.h"
#include "mail/mailbox.h"

#define ENVID_MAX 100		/* RFC 3461 4.4, decoded */
#define AUTH_MAX 500		/* RFC 4954 3, with encoding */
#define ORCPT_MAX 500		/* RFC 3461 4.2, with type and encoding */

/* ------------------------------------------------------------------- paths */

/* offset behind the path at the front of s: "<...>", or up to a blank for
 * those who leave out the brackets; 0 if it has no end, or what never stands
 * in a path: blanks or comments outside quotes */
static size_t
path_len(struct mc_str s)
{
	bool quoted = false;
	size_t i;

	if (s.len == 0 || s.ptr[0] != '<') {
		for (i = 0; i < s.len && !mc_is_blank(s.ptr[i]); i++)
			if (s.ptr[i] == '(' || s.ptr[i] == ')')
				return 0;
		return i;
	}
	for (i = 1; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\')
			i++;
		else if (quoted)
			continue;
		else if (c == '>')
			return i + 1;
		else if (mc_is_blank(c) || c == '(' || c == ')')
			return 0;
	}
	return 0;
}

/* cut "FROM:<path> parameters" into its parts */
static bool
split_arg(struct mc_str arg, struct mc_str tag, struct mc_str *ret_path,
    struct mc_str *ret_params)
{
	struct mc_str rest;
	size_t n;

	if (!mc_str_starts_nocase(arg, tag))
		return false;
	/* the blank is no part of it, but many send one */
	rest = mc_str_trim(mc_str_sub(arg, tag.len, SIZE_MAX));
	n = path_len(rest);
	if (n == 0 || (n < rest.len && !mc_is_blank(rest.ptr[n])))
		return false;
	*ret_path = mc_str_sub(rest, 0, n);
	*ret_params = mc_str_sub(rest, n, SIZE_MAX);
	return true;
}

/* a mailbox, or a bare name, in the form in which it goes on */
static int
make_path(const struct mc_addr *a, struct mc_buf *out, bool *ret_bare,
    struct mc_err *err)
{
	*ret_bare = a->domain.len == 0;
	if (!*ret_bare)
		return mc_mailbox_make(a->local, a->domain, out, err);
	if (a->local.len > MC_MAX_LOCAL)
		return mc_err_set(err, MC_E_ADDR_LONG, MC_STAGE_LOCAL, NULL);
	mc_buf_add_str(out, a->local);
	return mc_buf_err(out, "address", err);
}

/* append the address that a path holds; routes go (RFC 5321 appendix C) */
static int
read_path(struct mc_str path, struct mc_buf *out, bool *ret_bare,
    struct mc_err *err)
{
	struct mc_addr_list list;
	const struct mc_addr *a;
	int rc = -1;

	mc_addr_list_init(&list);
	if (mc_addr_parse(path, 0, &list, err) != 0)
		goto out;
	a = mc_vec_at(&list.addrs, 0);
	/* the parser knows much that is no path */
	if (list.addrs.n != 1 || list.groups != 0 || a->name.len != 0)
		(void)mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL, NULL);
	else
		rc = make_path(a, out, ret_bare, err);
out:
	mc_addr_list_clear(&list);
	return rc;
}

/* read_path with the refusal to give */
static enum mc_say
take_path(struct mc_str path, bool utf8, enum mc_say syntax,
    struct mc_buf *out, bool *ret_bare)
{
	struct mc_err err = { .code = MC_OK };

	if (read_path(path, out, ret_bare, &err) != 0)
		return err.code == MC_E_NOMEM ? MC_SAY_NOMEM : syntax;
	if (!utf8 && !mc_str_is_ascii(path))
		return MC_SAY_NEED_UTF8;
	return MC_SAY_NONE;
}

/* ------------------------------------------------------------------- xtext */

static int
hex_value(char c)
{
	if (mc_is_digit(c))
		return c - '0';
	if (mc_to_lower(c) >= 'a' && mc_to_lower(c) <= 'f')
		return mc_to_lower(c) - 'a' + 10;
	return -1;
}

static bool
is_graph(char c)
{
	return c > ' ' && c <= '~';
}

/*
 * RFC 3461 section 4.  What it hides must be printable: it comes out again in
 * lines of reports and of files.
 */
static bool
decode_xtext(struct mc_str text, struct mc_buf *out)
{
	size_t i;

	for (i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '+') {
			int high, low;

			if (text.len - i < 3)
				return false;
			high = hex_value(text.ptr[i + 1]);
			low = hex_value(text.ptr[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			if (c != ' ' && !is_graph(c))
				return false;
			i += 2;
		} else if (!is_graph(c) || c == '=') {
			return false;
		}
		mc_buf_addc(out, c);
	}
	return true;
}

static void
add_utf8(unsigned long point, struct mc_buf *out)
{
	if (point < 0x80) {
		mc_buf_addc(out, (char)point);
	} else if (point < 0x800) {
		mc_buf_addc(out, (char)(0xc0 | point >> 6));
		mc_buf_addc(out, (char)(0x80 | (point & 0x3f)));
	} else if (point < 0x10000) {
		mc_buf_addc(out, (char)(0xe0 | point >> 12));
		mc_buf_addc(out, (char)(0x80 | (point >> 6 & 0x3f)));
		mc_buf_addc(out, (char)(0x80 | (point & 0x3f)));
	} else {
		mc_buf_addc(out, (char)(0xf0 | point >> 18));
		mc_buf_addc(out, (char)(0x80 | (point >> 12 & 0x3f)));
		mc_buf_addc(out, (char)(0x80 | (point >> 6 & 0x3f)));
		mc_buf_addc(out, (char)(0x80 | (point & 0x3f)));
	}
}

/* "\x{20AC}" at the front of s: its length, 0 if it is none */
static size_t
read_point(struct mc_str s, unsigned long *ret_point)
{
	unsigned long point = 0;
	size_t i = 3;

	if (!mc_str_eq(mc_str_sub(s, 0, 3), MC_STR("\\x{")))
		return 0;
	for (; i < s.len && i < 9 && hex_value(s.ptr[i]) >= 0; i++)
		point = point * 16 + (unsigned long)hex_value(s.ptr[i]);
	if (i == 3 || i == s.len || s.ptr[i] != '}')
		return 0;
	/* what else is no character, is_clean_utf8 finds in the whole */
	if (point < 0x20 || point == 0x7f || point > 0x10ffff)
		return 0;
	*ret_point = point;
	return i + 1;
}

/* well-formed, and without C1 controls, of which a terminal obeys some */
static bool
is_clean_utf8(struct mc_str s)
{
	size_t i;

	for (i = 0; i + 1 < s.len; i++)
		if ((unsigned char)s.ptr[i] == 0xc2 &&
		    (unsigned char)s.ptr[i + 1] < 0xa0)
			return false;
	return mc_str_is_utf8(s);
}

/* RFC 6533 section 3; bytes outside ASCII only in a session that has them */
static bool
decode_unitext(struct mc_str text, bool utf8, struct mc_buf *out)
{
	size_t i = 0;

	while (i < text.len) {
		char c = text.ptr[i];
		unsigned long point;

		if (c == '\\') {
			size_t n = read_point(mc_str_sub(text, i, SIZE_MAX),
			    &point);

			if (n == 0)
				return false;
			add_utf8(point, out);
			i += n;
			continue;
		}
		if (c == '+' || c == '=' ||
		    !(is_graph(c) || (utf8 && (c & 0x80) != 0)))
			return false;
		mc_buf_addc(out, c);
		i++;
	}
	return is_clean_utf8(mc_buf_str(out));
}

/* -------------------------------------------------------------- parameters */

enum param {
	P_SIZE = 1,
	P_BODY = 2,
	P_SMTPUTF8 = 4,
	P_RET = 8,
	P_ENVID = 16,
	P_NOTIFY = 32,
	P_ORCPT = 64,
	P_AUTH = 128
};

struct param_row {
	const char *word;
	enum param bit;
	bool value;		/* must have one; else must not */
	enum mc_say (*take)(struct mc_server *s, struct mc_str value);
};

static enum mc_say
take_size(struct mc_server *s, struct mc_str value)
{
	struct mc_server_mail *m = &s->txn.mail;
	size_t digits = 0;

	/* RFC 1870 section 4: up to twenty, which may not fit in 64 bits */
	while (digits < value.len && mc_is_digit(value.ptr[digits]))
		digits++;
	if (digits < value.len || digits > 20)
		return MC_SAY_PARAM_VALUE;
	if (mc_num_u64(value, s->set.max_size != 0 ? s->set.max_size :
	    UINT64_MAX, &m->size) != 0)
		return MC_SAY_TOO_BIG;
	m->has_size = true;
	return MC_SAY_NONE;
}

static enum mc_say
take_body(struct mc_server *s, struct mc_str value)
{
	if (mc_str_eq_nocase(value, MC_STR("BINARYMIME")))
		return MC_SAY_PARAM_UNKNOWN;
	s->txn.mail.body_8bit = mc_str_eq_nocase(value, MC_STR("8BITMIME"));
	if (!s->txn.mail.body_8bit &&
	    !mc_str_eq_nocase(value, MC_STR("7BIT")))
		return MC_SAY_PARAM_VALUE;
	return MC_SAY_NONE;
}

static enum mc_say
take_smtputf8(struct mc_server *s, struct mc_str value)
{
	(void)value;
	if (s->set.no_smtputf8)
		return MC_SAY_PARAM_UNKNOWN;
	s->txn.mail.smtputf8 = true;
	return MC_SAY_NONE;
}

static enum mc_say
take_ret(struct mc_server *s, struct mc_str value)
{
	if (s->set.no_dsn)
		return MC_SAY_PARAM_UNKNOWN;
	if (mc_str_eq_nocase(value, MC_STR("FULL")))
		s->txn.mail.ret = MC_RET_FULL;
	else if (mc_str_eq_nocase(value, MC_STR("HDRS")))
		s->txn.mail.ret = MC_RET_HDRS;
	else
		return MC_SAY_PARAM_VALUE;
	return MC_SAY_NONE;
}

static enum mc_say
take_envid(struct mc_server *s, struct mc_str value)
{
	struct mc_buf *out = &s->txn.envid;

	if (s->set.no_dsn)
		return MC_SAY_PARAM_UNKNOWN;
	if (!decode_xtext(value, out) || out->len > ENVID_MAX)
		return MC_SAY_PARAM_VALUE;
	s->txn.mail.envid = mc_buf_str(out);
	return MC_SAY_NONE;
}

/* RFC 4954 section 5: who sent it first, by the word of a client, which is
 * read and not believed */
static enum mc_say
take_auth(struct mc_server *s, struct mc_str value)
{
	struct mc_buf *out = &s->txn.addr;
	bool ok;

	if (!s->set.offer_auth)
		return MC_SAY_PARAM_UNKNOWN;
	ok = value.len <= AUTH_MAX && decode_xtext(value, out);
	mc_buf_reset(out);
	return ok ? MC_SAY_NONE : MC_SAY_PARAM_VALUE;
}

static enum mc_say
take_notify(struct mc_server *s, struct mc_str value)
{
	static const struct {
		struct mc_str word;
		unsigned bit;
	} words[] = {
		{ { "NEVER", 5 }, MC_NOTIFY_NEVER },
		{ { "SUCCESS", 7 }, MC_NOTIFY_SUCCESS },
		{ { "FAILURE", 7 }, MC_NOTIFY_FAILURE },
		{ { "DELAY", 5 }, MC_NOTIFY_DELAY },
	};
	unsigned all = 0;

	if (s->set.no_dsn)
		return MC_SAY_PARAM_UNKNOWN;
	for (;;) {
		size_t comma = mc_str_chr(value, ',');
		struct mc_str word = mc_str_sub(value, 0, comma);
		size_t i = 0;

		while (i < MC_NELEM(words) &&
		    !mc_str_eq_nocase(word, words[i].word))
			i++;
		if (i == MC_NELEM(words))
			return MC_SAY_PARAM_VALUE;
		all |= words[i].bit;
		if (comma == value.len)
			break;
		value = mc_str_sub(value, comma + 1, SIZE_MAX);
	}
	if ((all & MC_NOTIFY_NEVER) != 0 && all != MC_NOTIFY_NEVER)
		return MC_SAY_PARAM_VALUE;
	s->txn.rcpt.notify = all;
	return MC_SAY_NONE;
}

static bool
is_addr_type(struct mc_str s)
{
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!mc_is_alnum(s.ptr[i]) && s.ptr[i] != '-' &&
		    s.ptr[i] != '.' && s.ptr[i] != '_')
			return false;
	return s.len != 0;
}

static enum mc_say
take_orcpt(struct mc_server *s, struct mc_str value)
{
	struct mc_buf *out = &s->txn.orcpt;
	size_t semicolon = mc_str_chr(value, ';');
	struct mc_str type = mc_str_sub(value, 0, semicolon);
	struct mc_str text = mc_str_sub(value, semicolon + 1, SIZE_MAX);
	bool ok;

	if (s->set.no_dsn)
		return MC_SAY_PARAM_UNKNOWN;
	if (mc_str_eq_nocase(type, MC_STR("utf-8")))
		ok = decode_unitext(text, s->txn.mail.smtputf8, out);
	else
		ok = decode_xtext(text, out);
	if (!ok || out->len == 0 || value.len > ORCPT_MAX ||
	    !is_addr_type(type))
		return MC_SAY_PARAM_VALUE;
	if (mc_str_eq_nocase(type, MC_STR("utf-8")) ||
	    mc_str_eq_nocase(type, MC_STR("rfc822")))
		s->txn.rcpt.orcpt = mc_buf_str(out);
	return MC_SAY_NONE;
}

static const struct param_row mail_params[] = {
	{ "SIZE", P_SIZE, true, take_size },
	{ "BODY", P_BODY, true, take_body },
	{ "SMTPUTF8", P_SMTPUTF8, false, take_smtputf8 },
	{ "RET", P_RET, true, take_ret },
	{ "ENVID", P_ENVID, true, take_envid },
	{ "AUTH", P_AUTH, true, take_auth },
};

static const struct param_row rcpt_params[] = {
	{ "NOTIFY", P_NOTIFY, true, take_notify },
	{ "ORCPT", P_ORCPT, true, take_orcpt },
};

/* one "WORD=value", or "WORD" */
static enum mc_say
take_param(struct mc_server *s, struct mc_str param,
    const struct param_row *row, unsigned *seen)
{
	size_t eq = mc_str_chr(param, '=');
	struct mc_str value = mc_str_sub(param, eq + 1, SIZE_MAX);

	if ((*seen & row->bit) != 0)
		return MC_SAY_PARAM_TWICE;
	*seen |= row->bit;
	if (row->value ? value.len == 0 : eq < param.len)
		return MC_SAY_PARAM_VALUE;
	return row->take(s, value);
}

static enum mc_say
take_params(struct mc_server *s, struct mc_str params,
    const struct param_row *rows, size_t n)
{
	unsigned seen = 0;
	struct mc_str param;

	while (mc_str_next_token(&params, " \t", &param)) {
		struct mc_str word = mc_str_sub(param, 0,
		    mc_str_chr(param, '='));
		size_t i = 0;
		enum mc_say say;

		while (i < n && !mc_str_eq_nocase(word,
		    mc_str_from(rows[i].word)))
			i++;
		/* HELO knows of no parameter (RFC 5321 4.1.1.1) */
		if (i == n || !s->esmtp)
			return MC_SAY_PARAM_UNKNOWN;
		say = take_param(s, param, &rows[i], &seen);
		if (say != MC_SAY_NONE)
			return say;
	}
	return MC_SAY_NONE;
}

/* ----------------------------------------------------------- MAIL and RCPT */

enum mc_say
mc_server_read_mail(struct mc_server *s, struct mc_str arg)
{
	struct mc_server_txn *t = &s->txn;
	struct mc_str path, params;
	enum mc_say say;

	if (!split_arg(arg, MC_STR("FROM:"), &path, &params))
		return MC_SAY_MAIL_SYNTAX;
	say = take_params(s, params, mail_params, MC_NELEM(mail_params));
	if (say == MC_SAY_NONE && !mc_str_eq(path, MC_STR("<>")))
		say = take_path(path, t->mail.smtputf8, MC_SAY_SENDER_SYNTAX,
		    &t->sender, &t->mail.bare);
	t->mail.sender = mc_buf_str(&t->sender);
	t->mail.esmtp = s->esmtp;
	return say;
}

enum mc_say
mc_server_read_rcpt(struct mc_server *s, struct mc_str arg)
{
	struct mc_server_txn *t = &s->txn;
	struct mc_str path, params;
	enum mc_say say;

	memset(&t->rcpt, 0, sizeof(t->rcpt));
	mc_buf_reset(&t->addr);
	mc_buf_reset(&t->orcpt);
	if (!split_arg(arg, MC_STR("TO:"), &path, &params))
		return MC_SAY_RCPT_FORM;
	say = take_params(s, params, rcpt_params, MC_NELEM(rcpt_params));
	if (say == MC_SAY_NONE)
		say = take_path(path, t->mail.smtputf8, MC_SAY_RCPT_SYNTAX,
		    &t->addr, &t->rcpt.bare);
	t->rcpt.addr = mc_buf_str(&t->addr);
	return say;
}
