/* SPDX-License-Identifier: MIT */
/*
 * pattern.c - addresses with '*' in them, as `from` and allow-sender have them
 */
#include "base/base.h"
#include "base/limits.h"
#include "config/conf.h"
#include "mail/addr.h"
#include "mail/mailbox.h"

static int
bad(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/*
 * Append "@domain" for an element with a '*' in it.  A domain outside ASCII
 * is compared in its A-label form, as an envelope has it.
 */
static int
add_pattern_domain(struct mc_str domain, struct mc_buf *out,
    struct mc_err *err)
{
	bool all_below = domain.len > 2 && memcmp(domain.ptr, "*.", 2) == 0;
	struct mc_str name = all_below ? mc_str_sub(domain, 2, SIZE_MAX) :
	    domain;
	struct mc_buf addr;
	int rc;

	mc_buf_addz(out, all_below ? "@*." : "@");
	if (mc_str_chr(name, '*') == name.len) {
		mc_buf_init(&addr, MC_MAX_PATH + 2);
		rc = mc_mailbox_make(MC_STR("x"), name, &addr, err);
		mc_buf_add_str(out, mc_str_sub(mc_buf_str(&addr), 2, SIZE_MAX));
		mc_buf_clear(&addr);
		return rc;
	}
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!mc_is_alnum((unsigned char)c) && c != '.' && c != '-' &&
		    c != '*')
			return bad(err, "in a domain with * inside a label"
			    " only letters, digits, dots and hyphens may"
			    " stand");
	}
	mc_buf_add_str(out, name);
	return 0;
}

static int
add_one(const struct mc_addr *addr, struct mc_buf *out, struct mc_err *err)
{
	bool star = mc_str_chr(addr->local, '*') != addr->local.len;
	bool domain_star = mc_str_chr(addr->domain, '*') != addr->domain.len;

	if (addr->name.len != 0 || addr->comment.len != 0 || addr->in_group)
		return bad(err, "takes addresses without names, "
		    "separated by commas");
	if (addr->domain.len == 0 && !mc_str_eq(addr->local, MC_STR("*")))
		return bad(err, "takes full addresses like me@example.com,"
		    " or patterns like *@example.com");
	if (!star && !domain_star)
		return mc_mailbox_make(addr->local, addr->domain, out, err);
	mc_buf_add_str(out, addr->local);
	if (addr->domain.len == 0)
		return 0;
	return add_pattern_domain(addr->domain, out, err);
}

int
mc_patterns_check(struct mc_str in, bool one, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_addr_list list;
	int rc;

	mc_addr_list_init(&list);
	rc = mc_addr_parse(in, 0, &list, err);
	if (rc == 0 && list.groups != 0)
		rc = bad(err, "takes addresses, no groups");
	if (rc == 0 && one && list.addrs.n != 1)
		rc = bad(err, "takes full addresses and patterns of them");
	for (size_t i = 0; rc == 0 && i < list.addrs.n; i++) {
		if (i != 0)
			mc_buf_addz(out, ", ");
		rc = add_one(mc_vec_at(&list.addrs, i), out, err);
	}
	mc_addr_list_clear(&list);
	return rc;
}

bool
mc_value_next_from(struct mc_str *rest, struct mc_str *ret_element)
{
	struct mc_str s = *rest;
	bool quoted = false;
	size_t n = 0;

	if (s.len == 0)
		return false;
	for (; n < s.len; n++) {
		if (quoted && s.ptr[n] == '\\' && n + 1 < s.len)
			n++;
		else if (s.ptr[n] == '"')
			quoted = !quoted;
		else if (!quoted && s.ptr[n] == ',')
			break;
	}
	*ret_element = mc_str_sub(s, 0, n);
	*rest = mc_str_trim(mc_str_sub(s, n + 1, SIZE_MAX));
	return true;
}
