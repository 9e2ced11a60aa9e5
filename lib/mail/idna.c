/* SPDX-License-Identifier: MIT */
/* Host names: checked, and converted between U-labels and A-labels. */

#include "base/base.h"

#include "mail/idna.h"

#include "base/err.h"
#include "mail/addr_part.h"
#include "mail/idna_lib.h"

#define MOST_HOST 253		/* RFC 1035 2.3.4, without the root's dot */
#define MOST_LABEL 63
/* more bytes of UTF-8 than can fit into MOST_HOST of punycode */
#define MOST_UTF8 1024

static int
refuse(enum mc_code code, struct mc_str host, const char *why,
    struct mc_err *err)
{
	struct mc_str at = mc_addr_excerpt(host);

	return mc_err_set(err, code, MC_STAGE_LOCAL,
	    "host name \"%.*s\" %s", MC_STR_FMT(at), why);
}

static struct mc_str
without_root(struct mc_str host)
{
	if (host.len != 0 && host.ptr[host.len - 1] == '.')
		host.len--;
	return host;
}

static int
check_label(struct mc_str label, bool allow_underscore, struct mc_str host,
    struct mc_err *err)
{
	if (label.len == 0)
		return refuse(MC_E_ADDR_SYNTAX, host, "has an empty part", err);
	if (label.len > MOST_LABEL)
		return refuse(MC_E_ADDR_LONG, host,
		    "has a part of more than 63 characters", err);
	if (label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
		return refuse(MC_E_ADDR_SYNTAX, host,
		    "has a part that begins or ends with a hyphen", err);
	for (size_t i = 0; i < label.len; i++) {
		unsigned char c = (unsigned char)label.ptr[i];

		if (mc_is_alnum(c) || c == '-' ||
		    (c == '_' && allow_underscore))
			continue;
		return refuse(MC_E_ADDR_SYNTAX, host,
		    "has a character that no host name may have", err);
	}
	return 0;
}

/* `host` is ASCII without the root's dot; `shown` is what the user wrote */
static int
check_host(struct mc_str host, bool allow_underscore, struct mc_str shown,
    struct mc_err *err)
{
	size_t from = 0;

	if (host.len == 0)
		return mc_err_set(err, MC_E_ADDR_SYNTAX, MC_STAGE_LOCAL,
		    "an empty host name");
	while (from <= host.len) {
		struct mc_str rest = mc_str_sub(host, from, host.len);
		struct mc_str label = mc_str_sub(rest, 0, mc_str_chr(rest,
		    '.'));

		if (check_label(label, allow_underscore, shown, err) == -1)
			return -1;
		from += label.len + 1;
	}
	if (host.len > MOST_HOST)
		return refuse(MC_E_ADDR_LONG, shown,
		    "is longer than 253 characters", err);
	return 0;
}

static int
idn_error(int code, struct mc_str host, struct mc_err *err)
{
	if (code == IDN2_MALLOC)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (code == IDN2_TOO_BIG_DOMAIN || code == IDN2_TOO_BIG_LABEL)
		return refuse(MC_E_ADDR_LONG, host, "is too long", err);
	return refuse(MC_E_ADDR_SYNTAX, host,
	    "has characters that IDNA 2008 does not allow", err);
}

/* mc_buf in, because libidn2 wants NUL-terminated text */
static int
to_cstring(struct mc_str host, struct mc_buf *out, struct mc_err *err)
{
	if (host.len > MOST_UTF8)
		return refuse(MC_E_ADDR_LONG, host, "is too long", err);
	if (!mc_addr_is_clean(host))
		return refuse(MC_E_ADDR_SYNTAX, host,
		    "is not UTF-8, or has control characters", err);
	mc_buf_add_str(out, host);
	return mc_buf_err(out, "host name", err);
}

/*
 * A-labels and the U-labels that belong to them, both to be freed with
 * idn2_free.  The mapping of UTS #46 alone lets pass what IDNA 2008 does not
 * ("a_\u00fc"), so that its result is checked once more without any mapping.
 * IDN2_USE_STD3_ASCII_RULES must not be used: it silently removes what it
 * does not like, and "ex\uff20mple.de" would become another host.
 */
static int
convert(const struct mc_idna_lib *lib, const char *host, struct mc_str shown,
    char **ret_a, char **ret_u, struct mc_err *err)
{
	char *a = NULL;
	char *u = NULL;
	char *again = NULL;
	int rc;

	rc = lib->to_ascii(host, &a, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc == IDN2_OK)
		rc = lib->to_unicode(a, &u, 0);
	if (rc == IDN2_OK)
		rc = lib->to_ascii(u, &again, IDN2_NO_TR46);
	if (rc == IDN2_OK && strcmp(a, again) != 0)
		rc = IDN2_UALABEL_MISMATCH;
	lib->release(again);
	if (rc != IDN2_OK) {
		lib->release(a);
		lib->release(u);
		return idn_error(rc, shown, err);
	}
	*ret_a = a;
	*ret_u = u;
	return 0;
}

/* Either output may be NULL. */
static int
map_host(struct mc_str host, bool allow_underscore, struct mc_buf *ret_a,
    struct mc_buf *ret_u, struct mc_err *err)
{
	struct mc_idna_lib lib;
	struct mc_buf text;
	char *a = NULL;
	char *u = NULL;
	int rc = -1;

	if (mc_idna_lib(&lib, err) == -1)
		return -1;
	mc_buf_init(&text, MOST_UTF8);
	if (to_cstring(host, &text, err) == -1 ||
	    convert(&lib, text.ptr, host, &a, &u, err) == -1)
		goto out;
	struct mc_str ascii = without_root(mc_str_from(a));

	if (check_host(ascii, allow_underscore, host, err) == -1)
		goto out;
	rc = 0;
	if (ret_a != NULL) {
		mc_buf_add_str(ret_a, ascii);
		rc = mc_buf_err(ret_a, "host name", err);
	}
	if (ret_u != NULL) {
		mc_buf_add_str(ret_u, without_root(mc_str_from(u)));
		rc = mc_buf_err(ret_u, "host name", err);
	}
out:
	lib.release(a);
	lib.release(u);
	mc_buf_clear(&text);
	return rc;
}

int
mc_idna_host(struct mc_str host, bool allow_underscore, struct mc_buf *out,
    struct mc_err *err)
{
	char lower[MOST_HOST];

	if (!mc_str_is_ascii(host))
		return map_host(host, allow_underscore, out, NULL, err);
	struct mc_str bare = without_root(host);

	if (check_host(bare, allow_underscore, host, err) == -1)
		return -1;
	for (size_t i = 0; i < bare.len; i++)
		lower[i] = (char)mc_to_lower((unsigned char)bare.ptr[i]);
	mc_buf_add(out, lower, bare.len);
	return mc_buf_err(out, "host name", err);
}

int
mc_idna_unicode(struct mc_str host, struct mc_buf *out, struct mc_err *err)
{
	return map_host(host, false, NULL, out, err);
}

int
mc_idna_check_u(struct mc_str host, struct mc_err *err)
{
	struct mc_buf u;
	int rc;

	mc_buf_init(&u, MOST_UTF8);
	rc = mc_idna_unicode(host, &u, err);
	if (rc == 0 && !mc_str_eq_nocase(mc_buf_str(&u), without_root(host)))
		rc = refuse(MC_E_ADDR_SYNTAX, host,
		    "is not in the normal form of IDNA 2008", err);
	mc_buf_clear(&u);
	return rc;
}
