/* SPDX-License-Identifier: MIT */
/*
 * fuzz_addr - address lists, the mailboxes made of them, and names
 *
 * The first byte gives the flags; the rest is the list, and a display name.
 */
#include "base/base.h"

#include "base/err.h"
#include "mail/addr.h"
#include "mail/mailbox.h"

#define CHECK(cond) do { \
	if (!(cond)) \
		__builtin_trap(); \
} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_inside(struct mc_str part, struct mc_str whole)
{
	return part.ptr >= whole.ptr &&
	    part.ptr + part.len <= whole.ptr + whole.len;
}

/* a made mailbox, read and made once more, is itself */
static void
check_mailbox(struct mc_str made)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_addr_list list;
	struct mc_buf again;

	CHECK(made.len <= 254);
	CHECK(!mc_str_has_ctl(made));
	CHECK(mc_str_is_utf8(made));
	mc_addr_list_init(&list);
	mc_buf_init(&again, 1000);
	CHECK(mc_addr_parse(made, 0, &list, &err) == 0);
	CHECK(list.addrs.n == 1);
	struct mc_addr *a = mc_vec_at(&list.addrs, 0);

	CHECK(a->spec_off == 0 && a->spec_len == made.len);
	CHECK(a->name.len == 0 && a->comment.len == 0);
	CHECK(mc_mailbox_at(made) == a->local.len);
	CHECK(mc_mailbox_make(a->local, a->domain, &again, &err) == 0);
	CHECK(mc_str_eq(mc_buf_str(&again), made));
	CHECK(mc_mailbox_eq(mc_buf_str(&again), made));
	CHECK(mc_mailbox_match(made, made) || mc_str_chr(made, '*') < made.len);
	mc_buf_clear(&again);
	mc_addr_list_clear(&list);
}

static void
check_address(const struct mc_addr *a, struct mc_str in, struct mc_str text)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf made;

	CHECK(a->local.len != 0);
	CHECK(is_inside(a->local, text) && is_inside(a->domain, text));
	CHECK(is_inside(a->name, text) && is_inside(a->comment, text));
	CHECK(!mc_str_has_ctl(a->local) && !mc_str_has_ctl(a->domain));
	CHECK(!mc_str_has_ctl(a->name) && !mc_str_has_ctl(a->comment));
	CHECK(a->name.len == 0 || a->comment.len == 0);
	CHECK(a->spec_len != 0 && a->spec_off < in.len);
	CHECK(a->spec_len <= in.len - a->spec_off);
	mc_buf_init(&made, 1000);
	if (mc_mailbox_make(a->local, a->domain, &made, &err) == 0) {
		check_mailbox(mc_buf_str(&made));
	} else {
		CHECK(err.code == MC_E_ADDR_SYNTAX ||
		    err.code == MC_E_ADDR_LONG);
		CHECK(made.len == 0 && err.text[0] != '\0');
	}
	mc_buf_clear(&made);
}

/* any name in front of an address gives one address, the same */
static void
check_name(struct mc_str name)
{
	struct mc_addr_list list;
	struct mc_buf out;

	mc_addr_list_init(&list);
	mc_buf_init(&out, 16 * name.len + 1000);
	mc_addr_format(name, MC_STR("a@example.org"), &out);
	CHECK(mc_buf_err(&out, "name", NULL) == 0);
	CHECK(mc_str_is_ascii(mc_buf_str(&out)));
	CHECK(mc_addr_parse(mc_buf_str(&out), 0, &list, NULL) == 0);
	CHECK(list.addrs.n == 1 && list.groups == 0);
	struct mc_addr *a = mc_vec_at(&list.addrs, 0);

	CHECK(mc_str_eq(a->local, MC_STR("a")));
	CHECK(mc_str_eq(a->domain, MC_STR("example.org")));
	mc_buf_clear(&out);
	mc_addr_list_clear(&list);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_addr_list list;

	if (size == 0)
		return 0;
	struct mc_str in = mc_str_make((const char *)data + 1, size - 1);

	mc_addr_list_init(&list);
	if (mc_addr_parse(in, data[0] & (MC_ADDR_OPERAND | MC_ADDR_NULL_OK),
	    &list, &err) == 0) {
		for (size_t i = 0; i < list.addrs.n; i++)
			check_address(mc_vec_at(&list.addrs, i), in,
			    mc_buf_str(&list.text));
	} else {
		CHECK(err.code == MC_E_ADDR_SYNTAX);
		CHECK(err.text[0] != '\0');
		CHECK(!mc_str_has_ctl(mc_str_from(err.text)));
		CHECK(list.addrs.n == 0);
	}
	mc_addr_list_clear(&list);
	check_name(in);
	return 0;
}
