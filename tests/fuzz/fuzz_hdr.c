/* SPDX-License-Identifier: MIT */
/*
 * fuzz_hdr.c - any header through the fix-ups: what comes out is a header,
 * holds what it must and names nobody who is hidden
 */
#include "base/base.h"

#include "mail/fixup.h"
#include "mail/mailbox.h"
#include "mail/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) do { \
	if (!(x)) \
		__builtin_trap(); \
} while (0)

static bool
read_in(const void *p, size_t n, struct mc_message *ret_m)
{
	mc_message_init(ret_m, 4096, NULL);
	struct mc_message_reader *r = mc_message_reader_new(ret_m, false, NULL);
	CHECK(r != NULL);
	(void)!mc_message_reader_feed(r, p, n, NULL);
	int rc = mc_message_reader_end(r, NULL);
	mc_message_reader_free(r);
	return rc == 0;
}

static int
count(void *ctx, enum mc_rcpt_kind kind, const struct mc_addr *addr,
    struct mc_err *err)
{
	size_t *n = ctx;

	(void)err;
	CHECK(addr->local.len != 0);
	n[kind]++;
	return 0;
}

/* is there a field of that name that says something? */
static bool
has(const struct mc_header *h, const char *name)
{
	for (size_t i = 0; (i = mc_header_find(h, name, i)) != SIZE_MAX; i++)
		if (mc_str_trim(mc_header_at(h, i)->value).len != 0)
			return true;
	return false;
}

/* as it would stand in an envelope, where a domain has one form */
static bool
is_own(const struct mc_addr *a)
{
	struct mc_buf b;

	mc_buf_init(&b, 1000);
	bool own = mc_mailbox_make(a->local, a->domain, &b, NULL) == 0 &&
	    mc_mailbox_eq_loose(mc_buf_str(&b), MC_STR("me@own.example"));
	mc_buf_clear(&b);
	return own;
}

static void
check_header(const struct mc_header *h, enum mc_from_policy policy)
{
	static const char *const gone[] = { "Bcc", "Resent-Bcc",
		"Return-Path", "Content-Length" };
	static const char *const there[] = { "From", "Date", "Message-ID",
		"Resent-From", "Resent-Date", "Resent-Message-ID" };
	/* of who wrote it, unless somebody has resent it */
	size_t first = has(h, "Resent-Date") ? 3 : 0;
	static const char *const lists[] = { "From", "Sender", "Reply-To",
		"To", "Cc", "Resent-From", "Resent-Sender", "Resent-Reply-To",
		"Resent-To", "Resent-Cc" };
	struct mc_addr_list list;

	for (size_t i = 0; i < MC_NELEM(gone); i++)
		CHECK(mc_header_find(h, gone[i], 0) == SIZE_MAX);
	for (size_t i = 0; i < 3; i++)
		CHECK(has(h, there[first + i]));
	for (size_t i = 0; i < 3; i++)
		CHECK(has(h, there[i]) ||
		    mc_header_find(h, there[i], 0) == SIZE_MAX);
	size_t from = mc_header_find(h, "From", 0);
	CHECK(policy == MC_FROM_KEEP || from == SIZE_MAX ||
	    mc_header_find(h, "From", from + 1) == SIZE_MAX);
	mc_addr_list_init(&list);
	for (size_t k = 0; k < MC_NELEM(lists); k++) {
		for (size_t i = 0; (i = mc_header_find(h, lists[k], i)) !=
		    SIZE_MAX; i++) {
			if (mc_addr_parse(mc_header_at(h, i)->value,
			    MC_ADDR_NULL_OK, &list, NULL) != 0) {
				CHECK(k > 1 || policy == MC_FROM_KEEP);
				continue;
			}
			CHECK(k > 1 || policy == MC_FROM_KEEP ||
			    list.addrs.n != 0);
			for (size_t j = 0; j < list.addrs.n; j++) {
				const struct mc_addr *a = mc_vec_at(&list.addrs,
				    j);

				CHECK(a->domain.len != 0);
				CHECK(k > 1 || policy == MC_FROM_KEEP ||
				    is_own(a));
			}
		}
	}
	mc_addr_list_clear(&list);
}

static void
write_out(const struct mc_header *h, struct mc_buf *out)
{
	mc_buf_reset(out);
	mc_header_write(h, out);
	CHECK(out->err == 0);
	CHECK(out->len == h->size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_fixup fix = {
		.domain = MC_STR("d.example"),
		.from_addr = MC_STR("me@own.example"),
		.from_name = MC_STR("M. \"E\" \xc3\xa9"),
		.own_addr = MC_STR("me@own.example"),
		.own_name = MC_STR("J. (x)"),
		.from_policy = (enum mc_from_policy)(size % 3),
		.id_domain = MC_STR("own.example"),
		.now = 1795444207,
	};
	struct mc_message m;
	struct mc_message again;
	struct mc_buf text;
	struct mc_buf id;
	struct mc_err err = { .code = MC_OK };
	size_t before[3] = { 0, 0, 0 };
	size_t after[3] = { 0, 0, 0 };

	mc_buf_init(&text, SIZE_MAX);
	mc_buf_init(&id, 4000);
	if (!read_in(data, size, &m))
		goto out;
	bool list_ok = mc_fixup_recipients(&m.header, count, before, NULL) == 0;
	CHECK(mc_fixup_visible(&m.header, count, after, NULL) == 0);
	CHECK(after[MC_RCPT_BCC] == 0);

	if (mc_fixup_header(&m.header, &fix, &id, &err) != 0) {
		CHECK(err.code == MC_E_HDR_LONG || err.code == MC_E_TOO_LONG ||
		    err.code == MC_E_LOOP);
		goto out;
	}
	CHECK(id.len != 0);
	check_header(&m.header, fix.from_policy);
	write_out(&m.header, &text);
	mc_buf_addz(&text, "\r\n");

	/* the same fields come out of it again, and no body */
	bool ok = read_in(text.ptr, text.len, &again);
	if (ok) {
		CHECK(again.header.fields.n == m.header.fields.n);
		CHECK(again.header.size == m.header.size);
		CHECK(again.body.size == 0);
		for (size_t i = 0; i < m.header.fields.n; i++)
			CHECK(mc_str_eq(mc_header_at(&m.header, i)->raw,
			    mc_header_at(&again.header, i)->raw));
		memset(after, 0, sizeof(after));
		int rc = mc_fixup_recipients(&again.header, count, after, NULL);
		CHECK(!list_ok || rc == 0);
		CHECK(!list_ok || (after[MC_RCPT_TO] == before[MC_RCPT_TO] &&
		    after[MC_RCPT_CC] == before[MC_RCPT_CC]) ||
		    mc_header_find(&again.header, "Resent-From", 0) !=
		    SIZE_MAX);
		CHECK(after[MC_RCPT_BCC] == 0);

		/* nothing is left to do */
		CHECK(mc_fixup_header(&again.header, &fix, &id, NULL) == 0);
		CHECK(again.header.size == m.header.size);
	} else {
		/* only for what was added: fields at the limit, or bytes */
		CHECK(m.header.size > 90 * 1024 || m.header.fields.n > 990);
	}
	mc_message_clear(&again);
out:
	mc_message_clear(&m);
	mc_buf_clear(&text);
	mc_buf_clear(&id);
	return 0;
}
