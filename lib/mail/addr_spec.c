/* SPDX-License-Identifier: MIT */
/* Parser of one addr-spec, the part that SMTP needs, and of routes. */

#include "base/base.h"

#include "mail/addr_parser.h"

#include "base/err.h"
#include "mail/addr_part.h"

/* no word here: why? */
static int
refuse_word(struct mc_addr_parser *p)
{
	switch (peek(p)) {
	case '.':
		return mc_addr_refuse(p, p->pos, "a dot in front of an "
		    "address, or two in a row (legal only inside quotes)");
	case '@':
		return mc_addr_refuse(p, p->pos,
		    "\"@\" with nothing, or only a dot, in front of it");
	case '\\':
		return mc_addr_refuse(p, p->pos, "a backslash outside quotes");
	case -1:
		return mc_addr_refuse(p, p->pos, "an address that is not "
		    "complete");
	default:
		return mc_addr_refuse(p, p->pos, "not an address");
	}
}

/* one word of a local part: its content goes to p->local */
static int
read_word(struct mc_addr_parser *p)
{
	size_t off = p->pos;

	if (peek(p) == '"') {
		struct mc_str inside;

		if (mc_addr_find_quote(p, off, &p->pos) == -1)
			return -1;
		inside = mc_str_sub(p->in, off + 1, p->pos - off - 2);
		if (mc_str_chr(inside, '\t') < inside.len)
			return mc_addr_refuse(p, off,
			    "a tab in a quoted address");
		mc_addr_unescape(inside, &p->local);
		return 0;
	}
	while (at_atext(p))
		p->pos++;
	if (p->pos == off)
		return refuse_word(p);
	mc_buf_add_str(&p->local, mc_str_sub(p->in, off, p->pos - off));
	return 0;
}

/* RFC 5322 4.4 obs-local-part: blanks and comments may surround the dots.
 * *ret_end is where the last word ends, *ret_tail a comment behind it. */
static int
read_local(struct mc_addr_parser *p, struct mc_str *ret_local, size_t *ret_end,
    struct mc_addr_span *ret_tail)
{
	size_t mark = p->text->len;

	mc_buf_reset(&p->local);
	for (;;) {
		if (read_word(p) == -1)
			return -1;
		*ret_end = p->pos;
		if (mc_addr_skip_cfws(p, ret_tail) == -1)
			return -1;
		if (peek(p) != '.')
			break;
		p->pos++;
		mc_buf_addc(&p->local, '.');
		if (mc_addr_skip_cfws(p, NULL) == -1)
			return -1;
	}
	if (mc_buf_err(&p->local, "address", p->err) == -1)
		return -1;
	if (p->local.len == 0)
		return mc_addr_refuse(p, *ret_end - 2,
		    "nothing between the quotes of an address");
	mc_addr_write_local(mc_buf_str(&p->local), p->text);
	ret_local->len = p->text->len - mark;
	return 0;
}

/* "[...]" without the blanks in it */
static int
read_literal(struct mc_addr_parser *p, size_t *ret_end)
{
	size_t off = p->pos;

	if (mc_addr_find_bracket(p, off, &p->pos) == -1)
		return -1;
	for (size_t i = off; i < p->pos; i++)
		if (strchr(" \t\r\n", p->in.ptr[i]) == NULL)
			mc_buf_addc(p->text, p->in.ptr[i]);
	*ret_end = p->pos;
	return 0;
}

/* RFC 5322 4.4 obs-domain; a dot at the end (DNS's root) is left in it */
static int
read_labels(struct mc_addr_parser *p, size_t *ret_end,
    struct mc_addr_span *ret_tail)
{
	if (!at_atext(p))
		return mc_addr_refuse(p, p->pos,
		    "no domain, or an empty part of one");
	while (at_atext(p)) {
		size_t off = p->pos;

		while (at_atext(p))
			p->pos++;
		mc_buf_add_str(p->text, mc_str_sub(p->in, off, p->pos - off));
		*ret_end = p->pos;
		if (mc_addr_skip_cfws(p, ret_tail) == -1)
			return -1;
		if (peek(p) != '.')
			break;
		mc_buf_addc(p->text, '.');
		*ret_end = ++p->pos;
		if (mc_addr_skip_cfws(p, ret_tail) == -1)
			return -1;
		if (peek(p) == '.')
			return mc_addr_refuse(p, p->pos,
			    "two dots in a row in a domain");
	}
	return 0;
}

static int
read_domain(struct mc_addr_parser *p, struct mc_str *ret_domain,
    size_t *ret_end, struct mc_addr_span *ret_tail)
{
	size_t mark = p->text->len;
	int rc;

	if (peek(p) == '[') {
		rc = read_literal(p, ret_end);
		if (rc == 0)
			rc = mc_addr_skip_cfws(p, ret_tail);
	} else {
		rc = read_labels(p, ret_end, ret_tail);
	}
	ret_domain->len = p->text->len - mark;
	return rc;
}

int
mc_addr_read_spec(struct mc_addr_parser *p, struct mc_addr *a,
    struct mc_addr_span *ret_tail)
{
	size_t mark = p->text->len;
	size_t end;

	if (peek(p) == '\\' && (p->flags & MC_ADDR_OPERAND) != 0) {
		p->pos++;
		if (!at_atext(p))
			return mc_addr_refuse(p, p->pos - 1,
			    "a backslash without a name behind it");
		a->no_alias = true;
	}
	a->spec_off = p->pos;
	if (read_local(p, &a->local, &end, ret_tail) == -1)
		return -1;
	if (peek(p) == '@') {
		p->pos++;
		if (mc_addr_skip_cfws(p, NULL) == -1 ||
		    read_domain(p, &a->domain, &end, ret_tail) == -1)
			return -1;
	}
	a->spec_len = end - a->spec_off;
	if (mc_buf_err(p->text, "address list", p->err) == -1)
		return -1;
	if (!mc_addr_is_clean(mc_str_sub(mc_buf_str(p->text), mark, SIZE_MAX)))
		return mc_addr_refuse(p, a->spec_off, "an address that is not "
		    "UTF-8, or with control characters");
	return 0;
}

/* RFC 5322 4.4 obs-route: has had no meaning since RFC 5321 appendix C */
int
mc_addr_skip_route(struct mc_addr_parser *p)
{
	size_t mark = p->text->len;
	size_t off = p->pos;
	struct mc_str domain;
	size_t end;

	for (;;) {
		while (peek(p) == ',') {
			p->pos++;
			if (mc_addr_skip_cfws(p, NULL) == -1)
				return -1;
		}
		if (peek(p) != '@')
			break;
		p->pos++;
		if (mc_addr_skip_cfws(p, NULL) == -1 ||
		    read_domain(p, &domain, &end, NULL) == -1)
			return -1;
		if (peek(p) != ',')
			break;
	}
	mc_buf_splice(p->text, mark, p->text->len - mark, MC_STR_NONE);
	if (peek(p) != ':')
		return mc_addr_refuse(p, off,
		    "\"@\" with nothing in front of it, or a route without "
		    "\":\"");
	p->pos++;
	return mc_addr_skip_cfws(p, NULL);
}
