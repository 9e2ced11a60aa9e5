/* SPDX-License-Identifier: MIT */
/*
 * format_envelope.c - the envelope of a queued message as a row of records
 */
#include "base/base.h"

#include "queue/format.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "queue/bytes.h"

#define RECORD_HEAD 5
#define MESSAGE_LEN 24
#define RCPT_LEN 8

/* flags of the message and of a recipient; a bit unknown here is damage */
enum {
	F_NEEDS_8BIT = 1,
	F_IS_REPORT = 2,
	F_BODY_8BIT = 4,
	F_SMTPUTF8 = 8,
	F_NO_ATTEMPT = 16,
	F_MESSAGE = F_NEEDS_8BIT | F_IS_REPORT | F_BODY_8BIT | F_SMTPUTF8 |
	    F_NO_ATTEMPT
};

enum {
	F_BLIND = 1,
	F_FROM_BCC = 2,
	F_RCPT = F_BLIND | F_FROM_BCC
};

#define NOTIFY_ALL (MC_NOTIFY_SUCCESS | MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY | \
    MC_NOTIFY_NEVER)

/* ------------------------------------------------------------------ writing */

static void
add_record(struct mc_buf *out, char type, const unsigned char *fixed,
    size_t n_fixed, struct mc_str text)
{
	unsigned char head[RECORD_HEAD];

	head[0] = (unsigned char)type;
	put_u32(head + 1, (uint32_t)(n_fixed + text.len));
	mc_buf_add(out, head, sizeof(head));
	mc_buf_add(out, fixed, n_fixed);
	mc_buf_add_str(out, text);
}

/* what could not be read again is not written */
static int
check_text(const char *what, const char *text, struct mc_err *err)
{
	struct mc_str s = mc_str_from(text);

	if (s.len > MC_QF_TEXT)
		return mc_err_set(err, MC_E_TOO_LONG, MC_STAGE_LOCAL,
		    "%s is too long for the queue (limit %d bytes)", what,
		    MC_QF_TEXT);
	if (mc_str_has_ctl(s))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%s holds a control character and cannot be queued", what);
	return 0;
}

static int
add_text(struct mc_buf *out, char type, const char *what, const char *text,
    struct mc_err *err)
{
	if (check_text(what, text, err) != 0)
		return -1;
	add_record(out, type, NULL, 0, mc_str_from(text));
	return 0;
}

static void
add_param(struct mc_buf *out, struct mc_str text)
{
	add_record(out, 'X', NULL, 0, text);
}

static int
add_message(struct mc_buf *out, const struct mc_store_item *item,
    struct mc_err *err)
{
	const struct mc_envelope *env = item->env;
	unsigned char fixed[MESSAGE_LEN];

	put_u64(fixed, item->uid);
	put_u64(fixed + 8, (uint64_t)item->arrival);
	put_u32(fixed + 16, (item->needs_8bit ? F_NEEDS_8BIT : 0u) |
	    (item->is_report ? F_IS_REPORT : 0u) |
	    (env->body_8bit ? F_BODY_8BIT : 0u) |
	    (env->smtputf8 ? F_SMTPUTF8 : 0u) |
	    (item->no_attempt ? F_NO_ATTEMPT : 0u));
	put_u32(fixed + 20, (uint32_t)env->ret);
	add_record(out, 'M', fixed, sizeof(fixed), MC_STR_NONE);
	if (add_text(out, 'A', "the account's name", item->account, err) != 0)
		return -1;
	if (add_text(out, 'S', "the sender", env->sender, err) != 0)
		return -1;
	if (env->envid != NULL && add_text(out, 'V',
	    "the envelope identifier", env->envid, err) != 0)
		return -1;
	mc_qf_params_encode(env, add_param, out);
	return 0;
}

static int
add_rcpt(struct mc_buf *out, const struct mc_rcpt *r, struct mc_err *err)
{
	const char *why = r->text != NULL ? r->text : r->reply;
	unsigned char fixed[RCPT_LEN];
	char text[MC_QF_NOTE_TEXT + 1];

	if (check_text("a recipient", r->addr, err) != 0)
		return -1;
	if (r->addr[0] == '\0')
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "a recipient without address cannot be queued");
	put_u32(fixed, r->notify & NOTIFY_ALL);
	put_u32(fixed + 4, (r->blind ? F_BLIND : 0u) |
	    (r->from_bcc ? F_FROM_BCC : 0u));
	add_record(out, 'R', fixed, sizeof(fixed), mc_str_from(r->addr));
	if (r->orcpt != NULL && add_text(out, 'O', "an original recipient",
	    r->orcpt, err) != 0)
		return -1;
	if (why != NULL && mc_str_printable(mc_str_from(why), text,
	    sizeof(text)) != 0)
		add_record(out, 'W', NULL, 0, mc_str_from(text));
	return 0;
}

int
mc_qf_envelope_encode(const struct mc_store_item *item, struct mc_buf *out,
    char *ret_cells, struct mc_err *err)
{
	if (item->account == NULL || item->account[0] == '\0' ||
	    item->env->sender == NULL)
		return mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
		    "a message without account or sender cannot be queued");
	if (item->n == 0)
		return mc_err_set(err, MC_E_NO_RCPT, MC_STAGE_LOCAL, NULL);

	size_t total = item->env->rcpts.n;
	bool *seen = mc_mem_zalloc(total, sizeof(*seen));
	int rc = -1;

	if (seen == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (add_message(out, item, err) != 0)
		goto out;
	for (size_t i = 0; i < item->n; i++) {
		size_t which = item->order[i];

		/* the reader refuses a recipient that comes twice */
		if (which >= total || seen[which]) {
			(void)mc_err_set(err, MC_E_USAGE, MC_STAGE_LOCAL,
			    "no such recipient to queue, or one twice");
			goto out;
		}
		seen[which] = true;

		const struct mc_rcpt *r = mc_envelope_at(item->env, which);

		if (add_rcpt(out, r, err) != 0)
			goto out;
		ret_cells[i] = r->verdict == MC_UNSURE ? MC_CELL_UNSURE :
		    r->verdict == MC_FAILED ? MC_CELL_FAILED :
		    MC_CELL_PENDING;
	}
	rc = mc_buf_err(out, "the envelope", err);
out:
	mc_mem_free(seen);
	return rc;
}

/* ------------------------------------------------------------------ reading */

void
mc_qf_reader_init(struct mc_qf_reader *r, uint32_t n, struct mc_envelope *env,
    struct mc_qf_info *info)
{
	*r = (struct mc_qf_reader){ .env = env, .info = info, .n = n };
	mc_buf_init(&r->part, MC_QF_RECORD);
}

void
mc_qf_reader_clear(struct mc_qf_reader *r)
{
	mc_buf_clear(&r->part);
}

static int
damaged(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_QUEUE_DAMAGED, MC_STAGE_LOCAL,
	    "broken envelope: %s", what);
}

/* types that may stand after `last`; 0 is the beginning */
static bool
may_follow(char last, char type)
{
	switch (type) {
	case 'M':
		return last == '\0';
	case 'A':
		return last == 'M';
	case 'S':
		return last == 'A';
	case 'V':
		return last == 'S';
	case 'X':
		return last == 'S' || last == 'V' || last == 'X';
	case 'R':
		return last != '\0' && last != 'M' && last != 'A';
	case 'O':
		return last == 'R';
	case 'W':
		return last == 'R' || last == 'O';
	default:
		return false;
	}
}

static int
copy(struct mc_str s, char **ret_copy, struct mc_err *err)
{
	char *p = mc_mem_strndup(s.len == 0 ? "" : s.ptr, s.len);

	if (p == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_mem_free(*ret_copy);
	*ret_copy = p;
	return 0;
}

static int
take_message(struct mc_qf_reader *r, struct mc_str data, struct mc_err *err)
{
	const unsigned char *p = (const unsigned char *)data.ptr;

	if (data.len != MESSAGE_LEN)
		return damaged(err, "length of the first record");

	uint64_t uid = get_u64(p);
	uint32_t flags = get_u32(p + 16);
	uint32_t ret = get_u32(p + 20);

	if (uid > ULONG_MAX || (flags & ~(uint32_t)F_MESSAGE) != 0 ||
	    ret > MC_RET_HDRS)
		return damaged(err, "values of the first record");
	r->info->uid = (unsigned long)uid;
	r->info->arrival = (int64_t)get_u64(p + 8);
	r->info->needs_8bit = (flags & F_NEEDS_8BIT) != 0;
	r->info->is_report = (flags & F_IS_REPORT) != 0;
	r->info->no_attempt = (flags & F_NO_ATTEMPT) != 0;
	r->env->body_8bit = (flags & F_BODY_8BIT) != 0;
	r->env->smtputf8 = (flags & F_SMTPUTF8) != 0;
	r->env->ret = (enum mc_ret)ret;
	return 0;
}

static int
take_rcpt(struct mc_qf_reader *r, struct mc_str data, struct mc_err *err)
{
	const unsigned char *p = (const unsigned char *)data.ptr;

	if (data.len <= RCPT_LEN || r->env->rcpts.n >= r->n)
		return damaged(err, "recipients");

	uint32_t notify = get_u32(p);
	uint32_t flags = get_u32(p + 4);
	struct mc_str addr = mc_str_sub(data, RCPT_LEN, data.len - RCPT_LEN);
	size_t before = r->env->rcpts.n;
	size_t i;

	if ((notify & ~NOTIFY_ALL) != 0 || (flags & ~(uint32_t)F_RCPT) != 0 ||
	    addr.len > MC_QF_TEXT || mc_str_has_ctl(addr))
		return damaged(err, "values of a recipient");
	if (mc_envelope_add(r->env, addr, (flags & F_BLIND) != 0, &i, err) != 0)
		return -1;
	/* two cells for one recipient: whose is the verdict? */
	if (i != before)
		return damaged(err, "a recipient twice");
	mc_envelope_at(r->env, i)->notify = notify;
	mc_envelope_at(r->env, i)->from_bcc = (flags & F_FROM_BCC) != 0;
	return 0;
}

static int
take_first(struct mc_qf_reader *r, struct mc_str data, struct mc_err *err)
{
	size_t i = r->env->rcpts.n - 1;

	if (data.len == 0 || data.len > MC_QF_NOTE_TEXT)
		return damaged(err, "length of a note");
	r->info->has_first = true;
	if (copy(data, &mc_envelope_at(r->env, i)->text, err) != 0)
		return -1;
	return r->first != NULL ? r->first(r->ctx, i, data) : 0;
}

static int
take_record(struct mc_qf_reader *r, char type, struct mc_str data,
    struct mc_err *err)
{
	if (!may_follow(r->last, type))
		return damaged(err, "records out of order");
	r->last = type;
	if (type == 'M')
		return take_message(r, data, err);
	if (type == 'R')
		return take_rcpt(r, data, err);
	if (data.len > MC_QF_TEXT || mc_str_has_ctl(data))
		return damaged(err, "text of a record");
	if (type == 'W')
		return take_first(r, data, err);
	if (type == 'S')
		return mc_envelope_set_sender(r->env, data, err);
	if (type == 'X')
		return mc_qf_params_take(r->env, data) ? 0 :
		    damaged(err, "what is asked of the server");
	if (data.len == 0 && type == 'A')
		return damaged(err, "no account");
	if (type == 'A')
		return copy(data, &r->info->account, err);
	if (type == 'V')
		return copy(data, &r->env->envid, err);
	return copy(data, &mc_envelope_at(r->env, r->env->rcpts.n - 1)->orcpt,
	    err);
}

/* bytes of the record at the front of `in`, as far as that is known */
static size_t
record_len(struct mc_str in)
{
	if (in.len < RECORD_HEAD)
		return RECORD_HEAD;
	return RECORD_HEAD + (size_t)get_u32((const unsigned char *)in.ptr + 1);
}

/* takes one record if `in` holds all of it; *ret_rc is as for feed */
static bool
whole(struct mc_qf_reader *r, struct mc_str in, size_t *ret_used, int *ret_rc,
    struct mc_err *err)
{
	size_t len = record_len(in);

	if (in.len < RECORD_HEAD || in.len < len)
		return false;
	*ret_used = len;
	*ret_rc = take_record(r, in.ptr[0], mc_str_sub(in, RECORD_HEAD,
	    len - RECORD_HEAD), err);
	return true;
}

int
mc_qf_reader_feed(struct mc_qf_reader *r, const void *p, size_t n,
    struct mc_err *err)
{
	struct mc_str in = mc_str_make(p, n);

	for (;;) {
		struct mc_str at = r->part.len != 0 ? mc_buf_str(&r->part) : in;
		size_t used;
		int rc;

		if (at.len == 0)
			return 0;
		if (record_len(at) > MC_QF_RECORD)
			return damaged(err, "length of a record");
		if (whole(r, at, &used, &rc, err)) {
			if (rc != 0)
				return rc;
			if (r->part.len != 0)
				mc_buf_reset(&r->part);
			else
				in = mc_str_sub(in, used, in.len - used);
			continue;
		}
		if (in.len == 0)
			return 0;

		/* what is missing: of the head first, then of the rest */
		size_t want = record_len(at) - r->part.len;
		struct mc_str more = mc_str_sub(in, 0, want);

		mc_buf_add_str(&r->part, more);
		if (mc_buf_err(&r->part, "a record", err) != 0)
			return -1;
		in = mc_str_sub(in, more.len, in.len - more.len);
	}
}

int
mc_qf_reader_end(const struct mc_qf_reader *r, struct mc_err *err)
{
	if (r->part.len != 0)
		return damaged(err, "it ends within a record");
	if (r->env->rcpts.n != r->n)
		return damaged(err, "number of recipients");
	return 0;
}
