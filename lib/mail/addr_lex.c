/* SPDX-License-Identifier: MIT */
/* Tokens of an address list, found by scanning forward. */

#include "base/base.h"

#include "mail/addr_parser.h"

#include "base/err.h"
#include "mail/addr_part.h"

int
mc_addr_refuse(struct mc_addr_parser *p, size_t off, const char *why)
{
	struct mc_str rest = mc_str_sub(p->in, off, p->in.len);
	struct mc_str at = mc_addr_excerpt(rest);

	/* at the very end there is nothing to show but the last bytes */
	if (rest.len == 0) {
		size_t from = p->in.len > 24 ? p->in.len - 24 : 0;

		at = mc_str_sub(p->in, from, p->in.len);
		return mc_err_set(p->err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "%s, at the end of \"%.*s\"", why, MC_STR_FMT(at));
	}
	return mc_err_set(p->err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
	    "%s, at \"%.*s\"", why, MC_STR_FMT(at));
}

int
mc_addr_check_bytes(struct mc_addr_parser *p)
{
	for (size_t i = 0; i < p->in.len; i++) {
		unsigned char c = (unsigned char)p->in.ptr[i];

		if ((c >= 0x20 && c != 0x7f) || c == '\t')
			continue;
		if (c == '\r' && mc_str_sub(p->in, i + 1, 1).len == 1 &&
		    p->in.ptr[i + 1] == '\n')
			c = (unsigned char)p->in.ptr[++i];
		if (c != '\n')
			return mc_addr_refuse(p, i,
			    "a control character in an address");
		if ((p->flags & MC_ADDR_OPERAND) != 0)
			return mc_addr_refuse(p, i,
			    "a line end in an address");
		if (i + 1 == p->in.len || !mc_is_blank(p->in.ptr[i + 1]))
			return mc_addr_refuse(p, i,
			    "a line end without a blank behind it");
	}
	return 0;
}

static int
comment_end(struct mc_addr_parser *p, size_t off, size_t *ret_end)
{
	size_t depth = 0;

	for (size_t i = off; i < p->in.len; i++) {
		if (p->in.ptr[i] == '\\')
			i++;
		else if (p->in.ptr[i] == '(')
			depth++;
		else if (p->in.ptr[i] == ')' && --depth == 0) {
			*ret_end = i + 1;
			return 0;
		}
	}
	return mc_addr_refuse(p, off, "a \"(\" that is never closed");
}

int
mc_addr_find_quote(struct mc_addr_parser *p, size_t off, size_t *ret_end)
{
	size_t end = mc_addr_quoted_end(p->in, off);

	if (end == 0)
		return mc_addr_refuse(p, off, "a quote that is never closed");
	*ret_end = end;
	return 0;
}

int
mc_addr_find_bracket(struct mc_addr_parser *p, size_t off, size_t *ret_end)
{
	for (size_t i = off + 1; i < p->in.len; i++) {
		if (p->in.ptr[i] == ']') {
			*ret_end = i + 1;
			return 0;
		}
		if (p->in.ptr[i] == '[' || p->in.ptr[i] == '\\')
			return mc_addr_refuse(p, i,
			    "a byte that cannot stand in an address literal");
	}
	return mc_addr_refuse(p, off, "a \"[\" that is never closed");
}

int
mc_addr_skip_cfws(struct mc_addr_parser *p, struct mc_addr_span *ret)
{
	if (ret != NULL)
		ret->len = 0;
	for (;;) {
		int c = peek(p);

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			p->pos++;
		} else if (c == '(') {
			size_t off = p->pos;

			if (comment_end(p, off, &p->pos) == -1)
				return -1;
			if (ret != NULL && ret->len == 0)
				*ret = (struct mc_addr_span){
					off, p->pos - off
				};
		} else {
			return 0;
		}
	}
}

int
mc_addr_classify(struct mc_addr_parser *p, char *ret_kind)
{
	size_t i = p->pos;

	*ret_kind = '\0';
	while (i < p->in.len) {
		char c = p->in.ptr[i];
		int rc = 0;

		if (strchr("@<>:,;", c) != NULL) {
			*ret_kind = c;
			return 0;
		}
		if (c == '(')
			rc = comment_end(p, i, &i);
		else if (c == '"')
			rc = mc_addr_find_quote(p, i, &i);
		else if (c == '[')
			rc = mc_addr_find_bracket(p, i, &i);
		else
			i++;
		if (rc == -1)
			return -1;
	}
	return 0;
}

