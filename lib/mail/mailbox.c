/* SPDX-License-Identifier: MIT */
/* Single addresses: checked for SMTP, compared, matched with patterns. */

#include "base/base.h"

#include "mail/mailbox.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr_part.h"
#include "mail/idna.h"

/* more than any legal address, however much of it is escaped */
#define MOST_INPUT 1024

static int
refuse(enum mc_code code, struct mc_str what, const char *why,
    struct mc_err *err)
{
	struct mc_str at = mc_addr_excerpt(what);

	return mc_err_set(err, code, MC_STAGE_LOCAL, "\"%.*s\" %s",
	    MC_STR_FMT(at), why);
}

/* RFC 5321 4.1.2 Local-part, with RFC 6531 3.3 */
static int
add_local(struct mc_str local, struct mc_buf *out, struct mc_err *err)
{
	struct mc_buf content;

	if (local.len == 0)
		return mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "an address with nothing in front of \"@\"");
	if (local.len > MOST_INPUT)
		return refuse(MC_E_ADDR_LONG, local, "is too long in front of "
		    "\"@\" (64 bytes at most)", err);
	if (!mc_addr_is_clean(local))
		return refuse(MC_E_ADDR_SYNTAX, local, "is not UTF-8, or has "
		    "control characters", err);
	if (local.ptr[0] != '"') {
		if (!mc_addr_is_dot_string(local))
			return refuse(MC_E_ADDR_SYNTAX, local, "has blanks, "
			    "dots or special characters that cannot stand in "
			    "front of \"@\" without quotes", err);
		mc_buf_add_str(out, local);
	} else {
		if (mc_addr_quoted_end(local, 0) != local.len || local.len == 2)
			return refuse(MC_E_ADDR_SYNTAX, local, "is not one "
			    "quoted local part", err);
		mc_buf_init(&content, MOST_INPUT);
		mc_addr_unescape(mc_str_sub(local, 1, local.len - 2),
		    &content);
		int rc = mc_buf_err(&content, "local part", err);
		mc_addr_write_local(mc_buf_str(&content), out);
		mc_buf_clear(&content);
		if (rc == -1)
			return -1;
	}
	if (mc_buf_err(out, "address", err) == -1)
		return -1;
	if (out->len > MC_MAX_LOCAL)
		return refuse(MC_E_ADDR_LONG, local, "is too long in front of "
		    "\"@\" (64 bytes at most)", err);
	return 0;
}

/* RFC 5321 4.1.3, without General-address-literal: no tag but IPv6 is
 * registered */
static int
add_literal(struct mc_str literal, struct mc_buf *out, struct mc_err *err)
{
	char text[64];
	unsigned char addr[sizeof(struct in6_addr)];
	struct mc_str inside = mc_str_sub(literal, 1, literal.len - 2);
	int family = AF_INET;

	if (mc_str_starts_nocase(inside, MC_STR("IPv6:"))) {
		inside = mc_str_sub(inside, 5, inside.len);
		family = AF_INET6;
	}
	if (literal.ptr[literal.len - 1] != ']' || inside.len == 0 ||
	    inside.len >= sizeof(text) ||
	    mc_str_chr(inside, '\0') != inside.len)
		goto bad;
	memcpy(text, inside.ptr, inside.len);
	text[inside.len] = '\0';
	if (inet_pton(family, text, addr) != 1)
		goto bad;
	mc_buf_add_str(out, literal);
	return 0;
bad:
	return refuse(MC_E_ADDR_SYNTAX, literal, "is no address literal, which "
	    "looks like [192.0.2.1] or [IPv6:2001:db8::1]", err);
}

static int
add_domain(struct mc_str domain, bool ascii_local, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_buf scratch;
	int rc;

	if (domain.len != 0 && domain.ptr[0] == '[')
		return add_literal(domain, out, err);
	if (!mc_str_is_ascii(domain)) {
		/* RFC 6531 3.2: U-labels go only where SMTPUTF8 is needed
		 * anyway, every server takes A-labels */
		if (ascii_local)
			return mc_idna_host(domain, false, out, err);
		return mc_idna_unicode(domain, out, err);
	}
	mc_buf_init(&scratch, MC_MAX_DOMAIN);
	rc = mc_idna_host(domain, false, &scratch, err);
	/* the same length, or one less when there was a dot at the end */
	if (rc == 0)
		mc_buf_add_str(out, mc_str_sub(domain, 0, scratch.len));
	mc_buf_clear(&scratch);
	return rc;
}

int
mc_mailbox_make(struct mc_str local, struct mc_str domain, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_buf made;
	int rc = -1;

	mc_buf_init(&made, 2 * MOST_INPUT + 4);
	if (add_local(local, &made, err) == -1)
		goto out;
	bool ascii = mc_str_is_ascii(mc_buf_str(&made));

	mc_buf_addc(&made, '@');
	if (add_domain(domain, ascii, &made, err) == -1 ||
	    mc_buf_err(&made, "address", err) == -1)
		goto out;
	if (made.len > MC_MAX_PATH) {
		refuse(MC_E_ADDR_LONG, mc_buf_str(&made),
		    "is too long for an address (254 bytes at most)", err);
		goto out;
	}
	mc_buf_add_str(out, mc_buf_str(&made));
	rc = mc_buf_err(out, "address", err);
out:
	mc_buf_clear(&made);
	return rc;
}

int
mc_mailbox_bare(struct mc_str local, struct mc_buf *out, struct mc_err *err)
{
	struct mc_buf made;
	int rc;

	mc_buf_init(&made, 2 * MOST_INPUT);
	rc = add_local(local, &made, err);
	if (rc == 0) {
		mc_buf_add_str(out, mc_buf_str(&made));
		rc = mc_buf_err(out, "address", err);
	}
	mc_buf_clear(&made);
	return rc;
}

size_t
mc_mailbox_at(struct mc_str addr)
{
	if (addr.len != 0 && addr.ptr[0] == '"') {
		size_t off = mc_addr_quoted_end(addr, 0);

		if (off == 0 || off == addr.len || addr.ptr[off] != '@')
			return addr.len;
		return off;
	}
	return mc_str_chr(addr, '@');
}

bool
mc_mailbox_is_bare(struct mc_str addr)
{
	return addr.len != 0 && mc_mailbox_at(addr) == addr.len;
}

bool
mc_mailbox_eq(struct mc_str a, struct mc_str b)
{
	size_t at = mc_mailbox_at(a);

	return at == mc_mailbox_at(b) &&
	    mc_str_eq(mc_str_sub(a, 0, at), mc_str_sub(b, 0, at)) &&
	    mc_str_eq_nocase(mc_str_sub(a, at, a.len),
	    mc_str_sub(b, at, b.len));
}

bool
mc_mailbox_eq_loose(struct mc_str a, struct mc_str b)
{
	return mc_str_eq_nocase(a, b);
}

/*
 * On a mismatch only the last '*' takes one byte more: earlier ones have
 * matched as far left as they can.  An address is short, so that the work is
 * bounded by the length of the pattern times a constant.
 */
bool
mc_mailbox_match(struct mc_str pattern, struct mc_str addr)
{
	size_t star = SIZE_MAX;
	size_t taken = 0;
	size_t p = 0;
	size_t a = 0;

	if (addr.len > MC_MAX_PATH)
		return false;
	while (a < addr.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			taken = a;
		} else if (p < pattern.len &&
		    mc_to_lower((unsigned char)pattern.ptr[p]) ==
		    mc_to_lower((unsigned char)addr.ptr[a])) {
			p++;
			a++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			a = ++taken;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}
