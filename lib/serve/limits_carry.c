/* SPDX-License-Identifier: MIT */
/*
 * limits_carry.c - what the listener that comes next has to know
 *
 * Times are written as what is left of them, so that they mean something
 * wherever they are read.  A head of 16 bytes, and records:
 *
 *	0	u32 kind, u32 id
 *	8	u64 us until messages are free, u64 the same of recipients
 *	24	u32 errors, u32 ms since they last wore off
 *	32	u64 messages committed since the count, u64 bytes
 */
#include "base/base.h"

#include "serve/limits.h"

#include "base/err.h"
#include "queue/bytes.h"
#include "serve/limits_internal.h"

#define MAGIC "MCLIM\n"
#define FORMAT 1
#define HEAD 16
#define RECORD MC_LIMITS_RECORD
#define MOST_ERRORS 1000000
/* a year and a bit: longer than any rate */
#define MOST_AHEAD (INT64_C(400) * 86400 * 1000000)

/* NOLINTNEXTLINE(misc-redundant-expression): until somebody changes one */
_Static_assert(MC_LIMITS_SAVED == HEAD + MC_LIMITS_MOST * RECORD, "room");

static uint64_t
ahead(int64_t at, int64_t now)
{
	return at > now * 1000 ? (uint64_t)(at - now * 1000) : 0;
}

static void
save_one(const struct mc_limits_entry *e, int64_t now, struct mc_buf *out)
{
	unsigned char r[RECORD];

	put_u32(r, (uint32_t)e->whose.kind);
	put_u32(r + 4, e->whose.id);
	put_u64(r + 8, ahead(e->messages_at, now));
	put_u64(r + 16, ahead(e->recipients_at, now));
	put_u32(r + 24, e->errors);
	put_u32(r + 28, (uint32_t)(now - e->errors_at));
	put_u64(r + 32, e->old_messages + e->new_messages);
	put_u64(r + 40, e->old_bytes + e->new_bytes);
	mc_buf_add(out, r, sizeof(r));
}

int
mc_limits_save(const struct mc_limits *l, int64_t now, struct mc_buf *out,
    struct mc_err *err)
{
	unsigned char head[HEAD] = { 0 };
	uint32_t n = 0;
	size_t at = out->len;

	memcpy(head, MAGIC, strlen(MAGIC));
	put_u32(head + 8, FORMAT);
	mc_buf_add(out, head, sizeof(head));
	for (size_t i = 0; i < l->reached; i++) {
		struct mc_limits_entry e = l->entries[i];

		/* a session that goes on is not the next one's */
		e.sessions = 0;
		if (!e.used || mc_limits_is_idle(&e, now))
			continue;
		save_one(&e, now, out);
		n++;
	}
	if (mc_buf_err(out, "state of the limits", err) != 0)
		return -1;
	put_u32((unsigned char *)out->ptr + at + 12, n);
	return 0;
}

static int
bad(struct mc_err *err)
{
	return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
	    "state of the limits: not what was written");
}

static bool
is_sound(const unsigned char *r)
{
	return get_u32(r) <= MC_WHOSE_SOURCE && get_u64(r + 8) <= MOST_AHEAD &&
	    get_u64(r + 16) <= MOST_AHEAD && get_u32(r + 24) <= MOST_ERRORS &&
	    get_u32(r + 28) < MC_LIMITS_HALF && get_u64(r + 32) <= INT64_MAX &&
	    get_u64(r + 40) <= INT64_MAX;
}

static int
check(struct mc_str in, struct mc_err *err)
{
	const unsigned char *p = (const unsigned char *)in.ptr;

	if (in.len < HEAD || memcmp(p, MAGIC, strlen(MAGIC)) != 0 ||
	    get_u32(p + 8) != FORMAT || get_u32(p + 12) > MC_LIMITS_MOST ||
	    in.len != HEAD + (size_t)get_u32(p + 12) * RECORD)
		return bad(err);
	for (size_t at = HEAD; at < in.len; at += RECORD)
		if (!is_sound(p + at))
			return bad(err);
	return 0;
}

int
mc_limits_load(struct mc_limits *l, struct mc_str in, int64_t now,
    struct mc_err *err)
{
	const unsigned char *r = (const unsigned char *)in.ptr + HEAD;

	if (check(in, err) != 0)
		return -1;
	for (size_t at = HEAD; at < in.len; at += RECORD, r += RECORD) {
		struct mc_whose whose = { .id = get_u32(r + 4) };
		struct mc_limits_entry *e;

		whose.kind = get_u32(r) == MC_WHOSE_USER ? MC_WHOSE_USER :
		    MC_WHOSE_SOURCE;
		e = mc_limits_need(l, whose, now);
		if (e == NULL)
			break;
		e->messages_at = now * 1000 + (int64_t)get_u64(r + 8);
		e->recipients_at = now * 1000 + (int64_t)get_u64(r + 16);
		e->errors = get_u32(r + 24);
		e->errors_at = now - (int64_t)get_u32(r + 28);
		e->new_messages = get_u64(r + 32);
		e->new_bytes = get_u64(r + 40);
	}
	return 0;
}
