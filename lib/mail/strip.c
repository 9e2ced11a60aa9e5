/* SPDX-License-Identifier: MIT */
/*
 * strip.c - header fields that do not leave
 */
#include "base/base.h"
#include "mail/strip.h"

#include "base/err.h"
#include "mail/fixup_internal.h"

/* ------------------------------------------------------------- which names */

/* names that end in '-' stand for all that begin so */
static const struct {
	const char *name;
	const char *why;
} needed[] = {
	{ "From", "it says who the message is from" },
	{ "Sender", "it says who the message is from" },
	{ "Reply-To", "it says where answers go" },
	{ "To", "it says whom the message is for" },
	{ "Cc", "it says whom the message is for" },
	{ "Bcc", "it is removed as fan-out says" },
	{ "Subject", "it is part of what was written" },
	{ "Date", "every message needs it" },
	{ "Message-ID", "answers and reports are matched by it" },
	{ "In-Reply-To", "readers find the conversation by it" },
	{ "References", "readers find the conversation by it" },
	{ "MIME-Version", "without it the text cannot be read" },
	{ "Content-", "without it the text cannot be read" },
	{ "Resent-", "it says who has resent the message" },
	{ "DKIM-Signature", "a signature stays with what it signs" },
	{ "ARC-", "a signature stays with what it signs" },
	{ "TLS-Required", "servers decide by it how the message goes" },
	{ "Auto-Submitted", "without it automatic answers go in circles" },
};

static int
refuse_needed(struct mc_str name, struct mc_err *err)
{
	for (size_t i = 0; i < MC_NELEM(needed); i++) {
		struct mc_str n = mc_str_from(needed[i].name);
		bool all = n.ptr[n.len - 1] == '-';

		if (all ? !mc_str_starts_nocase(name, n) :
		    !mc_str_eq_nocase(name, n))
			continue;
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s%s cannot be removed: %s", needed[i].name,
		    all ? "..." : "", needed[i].why);
	}
	return 0;
}

static int
check_name(struct mc_str name, struct mc_err *err)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.ptr[i];

		if (c == '*')
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "takes whole names, no patterns");
		if (c <= ' ' || c >= 0x7f || c == ':')
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG, "must be names of header fields "
			    "without the colon, separated by blanks");
	}
	return refuse_needed(name, err);
}

int
mc_strip_parse(struct mc_str in, struct mc_buf *out, struct mc_err *err)
{
	struct mc_str rest = in;
	struct mc_str name;
	bool first = true;

	while (mc_str_next_token(&rest, " \t,", &name)) {
		if (check_name(name, err) != 0)
			return -1;
		if (!first)
			mc_buf_addc(out, ' ');
		mc_buf_add_str(out, name);
		first = false;
	}
	if (first)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "holds no name of a header field");
	return 0;
}

/* --------------------------------------------------------- what is signed */

/* does the list, separated by any of `seps`, hold the name? */
static bool
holds(struct mc_str list, const char *seps, struct mc_str name)
{
	struct mc_str one;

	while (mc_str_next_token(&list, seps, &one))
		if (mc_str_eq_nocase(mc_str_trim(one), name))
			return true;
	return false;
}

/* is it named in h= of a signature (RFC 6376 3.5)? */
static bool
covers(struct mc_str signature, struct mc_str name)
{
	struct mc_str tag;

	while (mc_str_next_token(&signature, ";", &tag)) {
		size_t eq = mc_str_chr(tag, '=');

		if (mc_str_eq_nocase(mc_str_trim(mc_str_sub(tag, 0, eq)),
		    MC_STR("h")) &&
		    holds(mc_str_sub(tag, eq + 1, SIZE_MAX), ":", name))
			return true;
	}
	return false;
}

static bool
is_signed(const struct mc_header *h, struct mc_str name)
{
	static const char kinds[][24] = { "DKIM-Signature",
		"ARC-Message-Signature" };

	for (size_t k = 0; k < MC_NELEM(kinds); k++)
		for (size_t i = mc_header_find(h, kinds[k], 0); i != SIZE_MAX;
		    i = mc_header_find(h, kinds[k], i + 1))
			if (covers(mc_header_at(h, i)->value, name))
				return true;
	return false;
}

/* --------------------------------------------------------------- removing */

static void
note(struct mc_buf *list, struct mc_str name)
{
	if (holds(mc_buf_str(list), ", ", name))
		return;
	if (list->len != 0)
		mc_buf_addz(list, ", ");
	mc_buf_add_str(list, name);
}

int
mc_strip_header(struct mc_header *h, struct mc_str names,
    struct mc_buf *removed, struct mc_buf *kept, struct mc_err *err)
{
	if (names.len == 0 || mc_fixup_newest_block(h).resent)
		return 0;
	for (size_t i = 0; i < h->fields.n;) {
		struct mc_str name = mc_header_at(h, i)->name;

		if (!holds(names, " ", name)) {
			i++;
		} else if (is_signed(h, name)) {
			note(kept, name);
			i++;
		} else {
			note(removed, name);
			mc_header_remove(h, i);
		}
	}
	if (mc_buf_err(removed, "names of header fields", err) != 0)
		return -1;
	return mc_buf_err(kept, "names of header fields", err);
}
