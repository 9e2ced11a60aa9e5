/* SPDX-License-Identifier: MIT */
/* Parser of address lists: forward only, with one look ahead in each member
 * for the byte that tells what it is, so that the time is linear. */

#include "base/base.h"

#include "mail/addr.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr_parser.h"
#include "mail/addr_part.h"

void
mc_addr_list_init(struct mc_addr_list *list)
{
	mc_vec_init(&list->addrs, sizeof(struct mc_addr), MC_MAX_RCPTS);
	mc_buf_init(&list->text, MC_MAX_ADDR_TEXT);
	list->groups = 0;
}

void
mc_addr_list_clear(struct mc_addr_list *list)
{
	mc_vec_clear(&list->addrs);
	mc_buf_clear(&list->text);
	list->groups = 0;
}

/*
 * Read words and dots up to `stop`, which classify() has seen, and append
 * them to out unless that is NULL.  RFC 5322 4.1 obs-phrase lets dots in.
 */
static int
read_phrase(struct mc_addr_parser *p, char stop, struct mc_buf *out)
{
	bool blank = false;
	bool first = true;

	while (peek(p) != stop) {
		size_t off = p->pos;
		size_t end = off + 1;
		bool quoted = peek(p) == '"';

		if (quoted) {
			if (mc_addr_find_quote(p, off, &end) == -1)
				return -1;
		} else if (!at_atext(p) && peek(p) != '.') {
			if (mc_addr_skip_cfws(p, NULL) == -1)
				return -1;
			if (p->pos == off)
				return mc_addr_refuse(p, off, "a special "
				    "character in a name without quotes");
			blank = true;
			continue;
		}
		p->pos = end;
		if (out == NULL)
			continue;
		if (blank && !first)
			mc_buf_addc(out, ' ');
		blank = first = false;
		if (quoted)
			mc_addr_unescape(mc_str_sub(p->in, off + 1,
			    end - off - 2), out);
		else
			mc_buf_addc(out, p->in.ptr[off]);
	}
	return 0;
}

static void
add_comment(struct mc_addr_parser *p, struct mc_addr *a,
    struct mc_addr_span tail)
{
	struct mc_addr_span c = tail.len != 0 ? tail : p->lead;
	size_t mark = p->text->len;

	if (a->name.len != 0 || c.len == 0)
		return;
	mc_addr_unescape(mc_str_trim(mc_str_sub(p->in, c.off + 1, c.len - 2)),
	    p->text);
	a->comment.len = p->text->len - mark;
}

/* Is it the address before once more, as in "a@b <a@b>"? */
static bool
is_again(const struct mc_addr_parser *p, const struct mc_addr *a)
{
	const struct mc_vec *v = &p->list->addrs;
	const struct mc_addr *last = mc_vec_at(v, v->n - 1);
	struct mc_str text = mc_buf_str(p->text);
	size_t o = p->last_mark + last->name.len;
	size_t n = p->mark + a->name.len;

	return mc_str_eq(mc_str_sub(text, o, last->local.len),
	    mc_str_sub(text, n, a->local.len)) &&
	    mc_str_eq_nocase(
	    mc_str_sub(text, o + last->local.len, last->domain.len),
	    mc_str_sub(text, n + a->local.len, a->domain.len));
}

static int
add_address(struct mc_addr_parser *p, struct mc_addr *a,
    struct mc_addr_span tail)
{
	struct mc_buf *text = p->text;
	struct mc_addr *slot;

	add_comment(p, a, tail);
	if (mc_buf_err(text, "address list", p->err) == -1)
		return -1;
	if (p->beside) {
		if (is_again(p, a)) {
			mc_buf_splice(text, p->mark, text->len - p->mark,
			    MC_STR_NONE);
			return 0;
		}
		/* "a@b SIZE=1" must never become two recipients */
		if ((p->flags & MC_ADDR_OPERAND) == 0 || a->domain.len == 0)
			return mc_addr_refuse(p, a->spec_off,
			    "no comma between two addresses");
	}
	if (p->list->addrs.n >= MC_MAX_RCPTS)
		return mc_err_set(p->err, MC_E_TOO_MANY_RCPTS, MC_STAGE_LOCAL,
		    "more than %d addresses in one list", MC_MAX_RCPTS);
	slot = mc_vec_add(&p->list->addrs);
	if (slot == NULL)
		return mc_err_set(p->err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	a->in_group = p->in_group;
	*slot = *a;
	p->last_mark = p->mark;
	return 0;
}

/* What may follow a member that has just ended? */
static int
after_member(struct mc_addr_parser *p, bool full)
{
	int c = peek(p);

	p->beside = false;
	switch (c) {
	case -1:
	case ',':
	case ';':
		return 0;
	case '@':
		return mc_addr_refuse(p, p->pos, "a second \"@\"");
	case '>':
		return mc_addr_refuse(p, p->pos, "\">\" without \"<\"");
	case ':':
		return mc_addr_refuse(p, p->pos, "\":\" behind an address");
	default:
		break;
	}
	if (!full)
		return mc_addr_refuse(p, p->pos, "a blank or special "
		    "character in an address (a name needs <address> "
		    "behind it)");
	if (c != '<' && (p->flags & MC_ADDR_OPERAND) == 0)
		return mc_addr_refuse(p, p->pos,
		    "no comma between two addresses");
	p->beside = true;
	return 0;
}

static int
read_plain(struct mc_addr_parser *p)
{
	struct mc_addr a = { .no_alias = false };
	struct mc_addr_span tail = { 0, 0 };

	if (mc_addr_read_spec(p, &a, &tail) == -1 ||
	    add_address(p, &a, tail) == -1)
		return -1;
	return after_member(p, a.domain.len != 0);
}

static int
read_named(struct mc_addr_parser *p)
{
	struct mc_addr a = { .no_alias = false };
	struct mc_addr_span tail = { 0, 0 };
	size_t open;

	if (read_phrase(p, '<', p->text) == -1)
		return -1;
	a.name.len = p->text->len - p->mark;
	open = p->pos++;
	if (mc_addr_skip_cfws(p, NULL) == -1)
		return -1;
	if ((peek(p) == '@' || peek(p) == ',') && mc_addr_skip_route(p) == -1)
		return -1;
	if (peek(p) == '>') {
		if ((p->flags & MC_ADDR_NULL_OK) == 0 || p->beside)
			return mc_addr_refuse(p, open, "an empty address");
		mc_buf_splice(p->text, p->mark, a.name.len, MC_STR_NONE);
		p->pos++;
		if (mc_addr_skip_cfws(p, NULL) == -1)
			return -1;
		return after_member(p, false);
	}
	if (mc_addr_read_spec(p, &a, NULL) == -1)
		return -1;
	if (peek(p) == -1)
		return mc_addr_refuse(p, open, "a \"<\" that is never closed");
	if (peek(p) != '>')
		return mc_addr_refuse(p, p->pos,
		    "a blank or special character in an address");
	p->pos++;
	if (mc_addr_skip_cfws(p, &tail) == -1 || add_address(p, &a, tail) == -1)
		return -1;
	return after_member(p, a.domain.len != 0);
}

static int
read_group(struct mc_addr_parser *p)
{
	size_t off = p->pos;

	if (p->in_group)
		return mc_addr_refuse(p, off, "a group inside a group");
	if (p->beside)
		return mc_addr_refuse(p, off, "no comma in front of a group");
	if (peek(p) == ':')
		return mc_addr_refuse(p, off,
		    "\":\" without the name of a group");
	if (read_phrase(p, ':', NULL) == -1)
		return -1;
	p->pos++;
	p->in_group = true;
	p->list->groups++;
	return 0;
}

static int
read_member(struct mc_addr_parser *p)
{
	char kind;

	p->mark = p->text->len;
	if (mc_addr_classify(p, &kind) == -1)
		return -1;
	if (kind == '<')
		return read_named(p);
	if (kind == ':')
		return read_group(p);
	return read_plain(p);
}

static int
read_list(struct mc_addr_parser *p)
{
	size_t group = 0;

	for (;;) {
		if (mc_addr_skip_cfws(p, &p->lead) == -1)
			return -1;
		if (peek(p) == -1)
			break;
		if (peek(p) == ',' || peek(p) == ';') {
			if (peek(p) == ';')
				p->in_group = false;
			p->beside = false;
			p->pos++;
			continue;
		}
		if (!p->in_group)
			group = p->pos;
		if (read_member(p) == -1)
			return -1;
	}
	if (p->in_group)
		return mc_addr_refuse(p, group,
		    "a group without \";\" at its end");
	return 0;
}

/* The texts of all addresses stand in order without gaps; now that they do
 * not move any more the slices can point at them. */
static void
set_slices(struct mc_addr_list *list)
{
	const char *at = list->text.ptr;

	for (size_t i = 0; i < list->addrs.n; i++) {
		struct mc_addr *a = mc_vec_at(&list->addrs, i);

		a->name.ptr = at;
		at += a->name.len;
		a->local.ptr = at;
		at += a->local.len;
		a->domain.ptr = at;
		at += a->domain.len;
		a->comment.ptr = at;
		at += a->comment.len;
	}
}

int
mc_addr_parse(struct mc_str text, unsigned flags, struct mc_addr_list *list,
    struct mc_err *err)
{
	struct mc_addr_parser p = {
		.in = text, .flags = flags, .text = &list->text,
		.list = list, .err = err
	};
	int rc = -1;

	mc_addr_list_clear(list);
	mc_buf_init(&p.local, MC_MAX_ADDR_TEXT);
	if (text.len > MC_MAX_ADDR_TEXT) {
		mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL,
		    "an address list of more than %d bytes", MC_MAX_ADDR_TEXT);
		goto out;
	}
	if (mc_addr_check_bytes(&p) == -1 || read_list(&p) == -1)
		goto out;
	set_slices(list);
	rc = 0;
out:
	if (rc == -1)
		mc_addr_list_clear(list);
	mc_buf_clear(&p.local);
	return rc;
}
