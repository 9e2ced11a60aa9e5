/* SPDX-License-Identifier: MIT */
/*
 * fixup_header.c - the changes to a header that make it fit to leave
 */
#include "base/base.h"

#include "mail/fixup_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/date.h"

/* -------------------------------------------------------------- the fields */

int
mc_fixup_insert(struct mc_fixup_work *w, size_t i, struct mc_str name,
    struct mc_str value, struct mc_err *err)
{
	if (mc_header_insert(w->h, i, name, value, err) != 0)
		return -1;
	if (i < w->block.start || (i == w->block.start &&
	    !mc_str_starts_nocase(name, MC_STR("Resent-"))))
		w->block.start++;
	if (i <= w->block.end)
		w->block.end++;
	return 0;
}

void
mc_fixup_remove(struct mc_fixup_work *w, size_t i)
{
	mc_header_remove(w->h, i);
	if (i < w->block.start)
		w->block.start--;
	if (i < w->block.end)
		w->block.end--;
}

bool
mc_fixup_name_is(const struct mc_field *f, const char *name)
{
	return mc_str_eq_nocase(f->name, mc_str_from(name));
}

static void
drop_unwanted(struct mc_fixup_work *w)
{
	static const char names[][16] = { "Bcc", "Resent-Bcc", "Return-Path",
		"Content-Length" };

	for (size_t i = w->h->fields.n; i-- > 0;) {
		bool drop = false;

		for (size_t k = 0; k < MC_NELEM(names); k++)
			if (mc_fixup_name_is(mc_header_at(w->h, i), names[k]))
				drop = true;
		if (drop)
			mc_fixup_remove(w, i);
	}
}

/* -------------------------------------------------------------- bare names */

static bool
is_addr_field(const struct mc_field *f)
{
	static const char names[][10] = { "From", "Sender", "Reply-To", "To",
		"Cc" };
	struct mc_str name = f->name;

	if (mc_fixup_is_resent(f))
		name = mc_str_sub(name, MC_RESENT_LEN, SIZE_MAX);
	for (size_t i = 0; i < MC_NELEM(names); i++)
		if (mc_str_eq_nocase(name, mc_str_from(names[i])))
			return true;
	return false;
}

/* w->text becomes the raw field with the domain behind each bare name of
 * w->list; false if there is none */
static bool
add_domains(struct mc_fixup_work *w, const struct mc_field *f)
{
	size_t base = f->raw.len - f->value.len - 2;
	size_t done = 0;

	mc_buf_reset(&w->text);
	for (size_t i = 0; i < w->list.addrs.n; i++) {
		const struct mc_addr *a = mc_vec_at(&w->list.addrs, i);
		size_t at = base + a->spec_off + a->spec_len;

		if (a->domain.len != 0 || at < done)
			continue;
		mc_buf_add_str(&w->text, mc_str_sub(f->raw, done, at - done));
		mc_buf_addc(&w->text, '@');
		mc_buf_add_str(&w->text, w->fix->domain);
		done = at;
	}
	if (done == 0)
		return false;
	mc_buf_add_str(&w->text, mc_str_sub(f->raw, done, f->raw.len - done));
	return true;
}

static int
qualify(struct mc_fixup_work *w, struct mc_err *err)
{
	if (w->fix->domain.len == 0)
		return 0;
	for (size_t i = 0; i < w->h->fields.n; i++) {
		const struct mc_field *f = mc_header_at(w->h, i);

		if (!is_addr_field(f))
			continue;
		int parsed = mc_fixup_try_parse(f->value, &w->list, err);
		if (parsed < 0)
			return -1;
		if (parsed == 0 || !add_domains(w, f))
			continue;
		if (mc_buf_err(&w->text, "an address field", err) != 0 ||
		    mc_header_set_raw_at(w->h, i, mc_buf_str(&w->text),
		    err) != 0)
			return -1;
	}
	return 0;
}

/* ---------------------------------------------------------- missing fields */

/*
 * Does the field say anything?  "<>" and a list without addresses do not: no
 * server takes such a From.
 */
static int
is_filled(struct mc_fixup_work *w, const struct mc_field *f, bool addr,
    struct mc_err *err)
{
	struct mc_str value = mc_str_trim(f->value);

	if (value.len == 0 || mc_str_eq(value, MC_STR("<>")))
		return 0;
	if (!addr)
		return 1;
	int parsed = mc_fixup_try_parse(value, &w->list, err);
	if (parsed <= 0)
		return parsed < 0 ? -1 : 1;
	return w->list.addrs.n != 0 || w->list.groups != 0;
}

int
mc_fixup_drop_empty(struct mc_fixup_work *w, const char *name, bool addr,
    size_t start, size_t *end, size_t *ret_n, struct mc_err *err)
{
	size_t n = 0;

	for (size_t i = start; i < *end;) {
		const struct mc_field *f = mc_header_at(w->h, i);
		int filled = 1;

		if (mc_fixup_name_is(f, name))
			filled = is_filled(w, f, addr, err);
		if (filled < 0)
			return -1;
		if (filled > 0) {
			i++;
			continue;
		}
		mc_fixup_remove(w, i);
		(*end)--;
		n++;
	}
	if (ret_n != NULL)
		*ret_n = n;
	return 0;
}

/* the value that a missing field gets, into w->text */
static int
make_value(struct mc_fixup_work *w, const char *name, struct mc_err *err)
{
	const struct mc_fixup *fix = w->fix;

	mc_buf_reset(&w->text);
	if (strcmp(name, "Date") == 0) {
		mc_date_format(fix->now, &w->text);
	} else if (strcmp(name, "Message-ID") == 0) {
		if (mc_msgid_make(fix->id_domain, &w->text, err) != 0)
			return -1;
	} else {
		if (fix->from_addr.len == 0)
			return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "no address for the From field");
		mc_addr_format(fix->from_name, fix->from_addr, &w->text);
	}
	return mc_buf_err(&w->text, "a header field", err);
}

/*
 * Date, Message-ID and From, or their Resent- forms in the newest block.  Who
 * resends has not written the message: of a resent one only those plain
 * fields are made that are there and empty (RFC 5322 3.6.6).
 */
static int
add_missing(struct mc_fixup_work *w, bool resent, struct mc_err *err)
{
	static const char names[][20] = { "Resent-Message-ID", "Resent-Date",
		"Resent-From" };

	for (size_t k = 0; k < MC_NELEM(names); k++) {
		const char *plain = names[k] + MC_RESENT_LEN;
		const char *name = resent ? names[k] : plain;
		bool addr = strcmp(plain, "From") == 0;
		size_t start = resent ? w->block.start : 0;
		size_t end = resent ? w->block.end : w->h->fields.n;
		size_t dropped = 0;

		if (mc_fixup_drop_empty(w, name, addr, start, &end, &dropped,
		    err) != 0)
			return -1;
		if (mc_header_find(w->h, name, start) < end ||
		    (w->block.resent && !resent && dropped == 0))
			continue;
		if (make_value(w, plain, err) != 0 ||
		    mc_fixup_insert(w, start, mc_str_from(name),
		    mc_buf_str(&w->text), err) != 0)
			return -1;
	}
	return 0;
}

/*
 * A From of several people does not say who of them has sent the message: then
 * there has to be a Sender (RFC 5322 3.6.2).
 */
static int
add_sender(struct mc_fixup_work *w, struct mc_err *err)
{
	bool resent = w->block.resent;
	const char *name = resent ? "Resent-Sender" : "Sender";
	size_t start = resent ? w->block.start : 0;
	size_t end = resent ? w->block.end : w->h->fields.n;
	size_t i = mc_header_find(w->h, resent ? "Resent-From" : "From",
	    start);

	if (i >= end)
		return 0;
	int parsed = mc_fixup_try_parse(mc_header_at(w->h, i)->value, &w->list,
	    err);
	if (parsed <= 0 || w->list.addrs.n < 2)
		return parsed < 0 ? -1 : 0;
	size_t before = end;
	if (mc_fixup_drop_empty(w, name, true, start, &end, NULL, err) != 0)
		return -1;
	if (mc_header_find(w->h, name, start) < end)
		return 0;
	/* what was dropped may have stood above From */
	if (before != end)
		i = mc_header_find(w->h, resent ? "Resent-From" : "From",
		    start);
	mc_buf_reset(&w->text);
	mc_addr_format(w->fix->from_name, w->fix->from_addr, &w->text);
	if (mc_buf_err(&w->text, "a header field", err) != 0)
		return -1;
	return mc_fixup_insert(w, i, mc_str_from(name), mc_buf_str(&w->text),
	    err);
}

/* --------------------------------------------------------------- the whole */

/* so many hands were in it that it goes round in circles (RFC 5321 6.3) */
static int
check_hops(const struct mc_header *h, struct mc_err *err)
{
	size_t n = 0;

	for (size_t i = mc_header_find(h, "Received", 0); i != SIZE_MAX;
	    i = mc_header_find(h, "Received", i + 1))
		n++;
	if (n <= MC_MAX_RECEIVED)
		return 0;
	return mc_err_set(err, MC_E_LOOP, MC_STAGE_LOCAL,
	    "%zu Received fields, more than %d: the message goes round in "
	    "circles; look where it is forwarded", n, MC_MAX_RECEIVED);
}

/* "<...>" if the value has that, else the value as it is, for people; a resent
 * message that has none goes by that of its newest block */
static int
find_message_id(const struct mc_fixup_work *w, struct mc_buf *out,
    struct mc_err *err)
{
	size_t i = mc_header_find(w->h, "Message-ID", 0);

	if (i == SIZE_MAX && w->block.resent)
		i = mc_header_find(w->h, "Resent-Message-ID", w->block.start);
	if (i == SIZE_MAX)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL, NULL);
	struct mc_str id = mc_str_trim(mc_header_at(w->h, i)->value);
	struct mc_str rest = mc_str_sub(id, mc_str_chr(id, '<'), id.len);
	size_t close = mc_str_chr(rest, '>');
	if (close < rest.len)
		id = mc_str_sub(rest, 0, close + 1);
	mc_buf_add_printable(out, id, MC_MAX_LINE);
	return mc_buf_err(out, "the Message-ID", err);
}

int
mc_fixup_header(struct mc_header *h, const struct mc_fixup *fix,
    struct mc_buf *ret_message_id, struct mc_err *err)
{
	struct mc_fixup_work w = { .h = h, .fix = fix,
		.block = mc_fixup_newest_block(h) };
	int rc = -1;

	mc_addr_list_init(&w.list);
	mc_buf_init(&w.text, MC_MAX_ADDR_TEXT);
	drop_unwanted(&w);
	if (check_hops(h, err) != 0 || qualify(&w, err) != 0)
		goto out;
	if (w.block.resent && add_missing(&w, true, err) != 0)
		goto out;
	if (add_missing(&w, false, err) != 0 ||
	    mc_fixup_policy(&w, err) != 0 || add_sender(&w, err) != 0)
		goto out;
	rc = find_message_id(&w, ret_message_id, err);
out:
	mc_buf_clear(&w.text);
	mc_addr_list_clear(&w.list);
	return rc;
}
