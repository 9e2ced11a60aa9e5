/* SPDX-License-Identifier: MIT */
/*
 * envelope_from.c - the envelope sender that a configuration asks for
 */
#include "base/base.h"

#include "config/config.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/mailbox.h"

#define PLACEHOLDERS "%U, %H, %M, %D and %%"

static int
bad(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", what);
}

/* what %c stands for; NULL: it is no placeholder */
static const struct mc_str *
meaning(const struct mc_sender_names *names, char c)
{
	static const struct mc_str percent = { "%", 1 };

	switch (c) {
	case 'U':
		return &names->login;
	case 'H':
		return &names->host;
	case 'M':
		return &names->mail;
	case 'D':
		return &names->domain;
	case '%':
		return &percent;
	default:
		return NULL;
	}
}

static int
expand(struct mc_str text, const struct mc_sender_names *names,
    struct mc_buf *out, struct mc_err *err)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] != '%') {
			mc_buf_addc(out, text.ptr[i]);
			continue;
		}
		char c = ++i < text.len ? text.ptr[i] : '\0';
		const struct mc_str *name = meaning(names, c);

		if (name == NULL)
			return bad(err, "there is a % that begins none of "
			    PLACEHOLDERS);
		if (name->len == 0 && c == 'U')
			return mc_err_set(err, MC_E_NO_USER, MC_STAGE_LOCAL,
			    "the user has no name here for %%U");
		if (name->len == 0)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG,
			    "this host has no name for %%%c", c);
		mc_buf_add_str(out, *name);
	}
	return mc_buf_err(out, "the address", err);
}

int
mc_envelope_from_make(struct mc_str text, const struct mc_sender_names *names,
    struct mc_buf *out, struct mc_err *err)
{
	size_t at = mc_mailbox_at(text);
	struct mc_buf local, domain;
	int rc = -1;

	if (mc_str_eq(text, MC_STR("<>")))
		return 0;
	if (at == text.len)
		return bad(err, "must be <> or a full address without a name,"
		    " like bounces@example.com or %U@%D");
	mc_buf_init(&local, MC_MAX_CONFIG_LINE);
	mc_buf_init(&domain, MC_MAX_CONFIG_LINE);
	if (expand(mc_str_sub(text, 0, at), names, &local, err) == 0 &&
	    expand(mc_str_sub(text, at + 1, SIZE_MAX), names, &domain,
	    err) == 0)
		rc = mc_mailbox_make(mc_buf_str(&local), mc_buf_str(&domain),
		    out, err);
	mc_buf_clear(&local);
	mc_buf_clear(&domain);
	return rc;
}

int
mc_envelope_from_check(struct mc_str text, struct mc_buf *out,
    struct mc_err *err)
{
	/* names that go wherever a name may stand */
	static const struct mc_sender_names sample = {
		.login = { "u", 1 }, .host = { "h.example", 9 },
		.mail = { "m.example", 9 }, .domain = { "d.example", 9 },
	};
	struct mc_buf made;
	int rc;

	if (text.len > 2 && text.ptr[0] == '<' && text.ptr[text.len - 1] == '>')
		text = mc_str_trim(mc_str_sub(text, 1, text.len - 2));
	mc_buf_init(&made, 2 * MC_MAX_PATH);
	rc = mc_envelope_from_make(text, &sample, &made, err);
	mc_buf_clear(&made);
	if (rc == 0)
		mc_buf_add_str(out, text);
	return rc;
}
