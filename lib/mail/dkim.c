/* SPDX-License-Identifier: MIT */
/*
 * dkim.c - the field of a DKIM signature, and what it covers
 */
#include "base/base.h"
#include "mail/dkim.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/idna.h"

#include <inttypes.h>

/* no line of the field is longer, unless a word is */
#define LINE 76

/*
 * RFC 6376 5.4.1, with what tells a reader how to read (MIME) and how to leave
 * a list at once (RFC 8058).  `over`: one more than there are, so that another
 * one that somebody adds, which readers might show instead, breaks the
 * signature (8.15).
 */
static const struct {
	const char *name;
	bool over;
} covered[] = {
	{ "From", true },
	{ "Subject", true },
	{ "To", true },
	{ "Date", true },
	{ "Cc", true },
	{ "Reply-To", true },
	{ "Message-ID", true },
	{ "MIME-Version", true },
	{ "Content-Type", true },
	{ "Content-Transfer-Encoding", true },
	{ "In-Reply-To", false },
	{ "References", false },
	{ "Resent-Date", false },
	{ "Resent-From", false },
	{ "Resent-Sender", false },
	{ "Resent-To", false },
	{ "Resent-Cc", false },
	{ "Resent-Message-ID", false },
	{ "List-Id", false },
	{ "List-Help", false },
	{ "List-Unsubscribe", false },
	{ "List-Unsubscribe-Post", false },
	{ "List-Subscribe", false },
	{ "List-Post", false },
	{ "List-Owner", false },
	{ "List-Archive", false },
};

/* ------------------------------------------------------------------ folding */

/* a field while it is written */
struct lines {
	struct mc_buf *out;
	size_t used;		/* of the line */
};

/* a blank belongs in front of it, and becomes a fold where the line is full */
static void
add_word(struct lines *l, const char *a, struct mc_str b)
{
	size_t n = strlen(a) + b.len;

	if (l->used + 1 + n > LINE) {
		mc_buf_addz(l->out, "\r\n\t");
		l->used = 8 + n;
	} else {
		mc_buf_addc(l->out, ' ');
		l->used += 1 + n;
	}
	mc_buf_addz(l->out, a);
	mc_buf_add_str(l->out, b);
}

/* goes on where it is, or on the next line: nothing stands between */
static void
add_joined(struct lines *l, const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b);

	if (l->used + n > LINE) {
		mc_buf_addz(l->out, "\r\n\t");
		l->used = 8;
	}
	mc_buf_addz(l->out, a);
	mc_buf_addz(l->out, b);
	l->used += n;
}

/* ---------------------------------------------------------------- the field */

static size_t
count(const struct mc_header *h, const char *name)
{
	size_t n = 0;

	for (size_t i = mc_header_find(h, name, 0); i != SIZE_MAX;
	    i = mc_header_find(h, name, i + 1))
		n++;
	return n;
}

static void
add_names(struct lines *l, const struct mc_header *h)
{
	bool first = true;

	for (size_t i = 0; i < MC_NELEM(covered); i++) {
		size_t n = count(h, covered[i].name) + covered[i].over;

		for (size_t k = 0; k < n; k++) {
			if (first)
				add_word(l, "h=",
				    mc_str_from(covered[i].name));
			else
				add_joined(l, ":", covered[i].name);
			first = false;
		}
	}
	mc_buf_addc(l->out, ';');
	l->used++;
}

static void
add_tag(struct lines *l, const char *tag, struct mc_str value)
{
	add_word(l, tag, value);
	mc_buf_addc(l->out, ';');
	l->used++;
}

void
mc_dkim_field_begin(const struct mc_dkim_tags *tags,
    const struct mc_header *header, struct mc_buf *out)
{
	struct lines l = { out, 0 };
	struct mc_buf hash;
	char time[24];

	mc_buf_init(&hash, 64);
	mc_b64_encode(mc_str_make((const char *)tags->body,
	    sizeof(tags->body)), &hash);
	/* one that could not be made is no signature at all */
	if (mc_buf_err(&hash, "hash", NULL) != 0)
		out->err = hash.err;
	(void)snprintf(time, sizeof(time), "%" PRIu64, tags->time);
	mc_buf_addz(out, "DKIM-Signature:");
	l.used = 15;
	add_tag(&l, "v=", MC_STR("1"));
	add_tag(&l, "a=", mc_str_from(tags->algorithm));
	add_tag(&l, "c=", MC_STR("relaxed/relaxed"));
	add_tag(&l, "d=", mc_str_from(tags->domain));
	add_tag(&l, "s=", tags->selector);
	add_tag(&l, "t=", mc_str_from(time));
	add_names(&l, header);
	add_tag(&l, "bh=", mc_buf_str(&hash));
	/* on a line of its own, so that nothing depends on how long it gets */
	mc_buf_addz(out, "\r\n\tb=");
	mc_buf_clear(&hash);
}

int
mc_dkim_field_end(struct mc_str signature, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_buf text;
	struct mc_str s;
	size_t room = LINE - 8 - 2;	/* behind the TAB and "b=" */
	int rc;

	mc_buf_init(&text, 8192);
	mc_b64_encode(signature, &text);
	s = mc_buf_str(&text);
	while (s.len > room) {
		mc_buf_add(out, s.ptr, room);
		mc_buf_addz(out, "\r\n\t");
		s = mc_str_sub(s, room, SIZE_MAX);
		room = LINE - 8;
	}
	mc_buf_add_str(out, s);
	mc_buf_addz(out, "\r\n");
	rc = mc_buf_err(&text, "signature", err);
	if (rc == 0)
		rc = mc_buf_err(out, "header with its DKIM signature", err);
	mc_buf_clear(&text);
	return rc;
}

void
mc_dkim_put_header(const struct mc_header *header, struct mc_str field,
    mc_dkim_put *put, void *ctx)
{
	for (size_t i = 0; i < MC_NELEM(covered); i++) {
		struct mc_str name = mc_str_from(covered[i].name);

		for (size_t k = header->fields.n; k-- != 0;) {
			const struct mc_field *f = mc_header_at(header, k);

			if (mc_str_eq_nocase(f->name, name))
				mc_dkim_put_field(f->raw, false, put, ctx);
		}
	}
	mc_dkim_put_field(field, true, put, ctx);
}

/* ---------------------------------------------------------------- who signs */

static bool
is_below(struct mc_str name, struct mc_str domain)
{
	struct mc_str tail;

	if (name.len < domain.len)
		return false;
	tail = mc_str_sub(name, name.len - domain.len, domain.len);
	return mc_str_eq_nocase(tail, domain) && (name.len == domain.len ||
	    name.ptr[name.len - domain.len - 1] == '.');
}

/* as mc_dkim_is_ours, for one author */
static int
is_author_ours(const struct mc_addr *addr, struct mc_str domain,
    char *ret_domain, size_t size, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_buf name;
	int rc = 0;

	mc_buf_init(&name, MC_MAX_DOMAIN);
	if (mc_idna_host(addr->domain, true, &name, &why) == 0)
		rc = is_below(mc_buf_str(&name), domain);
	if (rc == 0)
		mc_str_printable(addr->domain, ret_domain, size);
	if (why.code == MC_E_NOMEM || name.err == MC_E_NOMEM)
		rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_buf_clear(&name);
	return rc;
}

int
mc_dkim_is_ours(const struct mc_header *header, const char *domain,
    char *ret_domain, size_t size, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_addr_list list;
	size_t authors = 0;
	int rc = 1;

	ret_domain[0] = '\0';
	mc_addr_list_init(&list);
	for (size_t i = mc_header_find(header, "From", 0);
	    rc == 1 && i != SIZE_MAX;
	    i = mc_header_find(header, "From", i + 1)) {
		if (mc_addr_parse(mc_header_at(header, i)->value, 0, &list,
		    &why) != 0) {
			rc = why.code == MC_E_NOMEM ? mc_err_set(err,
			    MC_E_NOMEM, MC_STAGE_LOCAL, NULL) : 0;
			break;
		}
		for (size_t k = 0; rc == 1 && k < list.addrs.n; k++) {
			rc = is_author_ours(mc_vec_at(&list.addrs, k),
			    mc_str_from(domain), ret_domain, size, err);
			authors++;
		}
	}
	mc_addr_list_clear(&list);
	return rc == 1 && authors == 0 ? 0 : rc;
}

/* ------------------------------------------------------------------- record */

void
mc_dkim_record_text(const char *type, struct mc_str key, struct mc_buf *out)
{
	mc_buf_addf(out, "v=DKIM1; k=%s; p=", type);
	mc_b64_encode(key, out);
}
