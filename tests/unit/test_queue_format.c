/* SPDX-License-Identifier: MIT */
/*
 * test_queue_format.c - the bytes of a queued message
 */
#include "unit.h"

#include "base/limits.h"
#include "base/mem.h"
#include "queue/bytes.h"
#include "queue/format.h"
#include "queue/sha256.h"

#include <openssl/evp.h>

static void
integers(void **state)
{
	unsigned char p[9];

	(void)state;
	put_u64(p + 1, UINT64_C(0x8877665544332211));
	for (int i = 0; i < 8; i++)
		assert_int_equal(p[i + 1], 0x11 * (i + 1));
	assert_true(get_u64(p + 1) == UINT64_C(0x8877665544332211));
	put_u32(p, 0xfffffffe);
	assert_true(get_u32(p) == 0xfffffffe);
}

static void
head(void **state)
{
	struct mc_qf_head h = { .version = 1, .n = 3, .block = 4096,
	    .envelope = 100, .header = 50, .body = 1000 }, back;
	uint64_t size = 4096 + 100 + 50 + 1000 + MC_QF_TRAILER;
	unsigned char bytes[MC_QF_HEAD];

	(void)state;
	assert_int_equal(mc_qf_block(1), 4096);
	assert_int_equal(mc_qf_block(4096 - 64), 4096);
	assert_int_equal(mc_qf_block(4096 - 63), 8192);
	mc_qf_head_encode(&h, bytes);
	assert_int_equal(mc_qf_head_decode(bytes, size, &back), MC_QF_OK);
	assert_int_equal(back.version, h.version);
	assert_int_equal(back.n, h.n);
	assert_int_equal(back.block, h.block);
	assert_int_equal(back.envelope, h.envelope);
	assert_int_equal(back.header, h.header);
	assert_int_equal(back.body, h.body);
	assert_true(mc_qf_header_at(&h) == 4196);
	assert_true(mc_qf_body_at(&h) == 4246);
	assert_true(mc_qf_trailer_at(&h) == 5246);
	assert_int_equal(mc_qf_head_decode(bytes, size - 1, &back),
	    MC_QF_DAMAGED);
	assert_int_equal(mc_qf_head_decode(bytes, size + 1, &back),
	    MC_QF_DAMAGED);
	/* every byte counts; the number of recipients shows in the envelope */
	for (size_t i = 0; i < MC_QF_HEAD; i++)
		for (int bit = 0; bit < 8; bit++) {
			if (i == 16 || i == 17)
				continue;
			bytes[i] ^= (unsigned char)(1 << bit);
			assert_int_equal(mc_qf_head_decode(bytes, size, &back),
			    MC_QF_DAMAGED);
			bytes[i] ^= (unsigned char)(1 << bit);
		}
}

static void
bounds(void **state)
{
	static const struct {
		struct mc_qf_head h;
		bool fine;
	} rows[] = {
		{ { 1, 1, 4096, 0, 0, 0 }, true },
		{ { 1, 0, 4096, 0, 0, 0 }, false },
		{ { 1, 1, 0, 0, 0, 0 }, false },
		{ { 1, 1, 8192, 0, 0, 0 }, false },
		{ { 1, 1, 4097, 0, 0, 0 }, false },
		{ { 1, MC_MAX_RCPTS, 102400, 9, 9, 9 }, true },
		{ { 1, MC_MAX_RCPTS + 1, 102400, 9, 9, 9 }, false },
		{ { 1, UINT32_MAX, 0, 0, 0, 0 }, false },
		{ { 1, 1, 4096, UINT32_MAX, MC_QF_HEADER, INT64_MAX / 2 }, true },
		{ { 1, 1, 4096, 0, MC_QF_HEADER + 1, 0 }, false },
		{ { 1, 1, 4096, 0, UINT32_MAX, 0 }, false },
		{ { 1, 1, 4096, 0, 0, UINT64_MAX }, false },
		{ { 1, 1, 4096, 0, 0, UINT64_MAX - 4143 }, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		unsigned char bytes[MC_QF_HEAD];
		struct mc_qf_head back;

		mc_qf_head_encode(&rows[i].h, bytes);
		/* as long as it says, even where that wraps around */
		assert_int_equal(mc_qf_head_decode(bytes,
		    mc_qf_trailer_at(&rows[i].h) + MC_QF_TRAILER, &back),
		    rows[i].fine ? MC_QF_OK : MC_QF_DAMAGED);
	}
}

static void
versions(void **state)
{
	static const struct {
		uint32_t version, check;
		enum mc_qf_result want;
	} rows[] = {
		{ 1, ~1u, MC_QF_OK },
		{ 2, ~2u, MC_QF_OK },
		{ 3, ~3u, MC_QF_NEWER },
		{ 0x7fffffff, ~0x7fffffffu, MC_QF_NEWER },
		{ 0, ~0u, MC_QF_DAMAGED },
		{ 2, ~1u, MC_QF_DAMAGED },
		{ 1, ~2u, MC_QF_DAMAGED },
		{ 3, 0, MC_QF_DAMAGED },
	};
	struct mc_qf_head h = { 1, 1, 4096, 0, 0, 0 }, back;
	unsigned char bytes[MC_QF_HEAD];

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		mc_qf_head_encode(&h, bytes);
		put_u32(bytes + 8, rows[i].version);
		put_u32(bytes + 12, rows[i].check);
		assert_int_equal(mc_qf_head_decode(bytes, 4144, &back),
		    rows[i].want);
	}
}

static void
trailer(void **state)
{
	unsigned char digest[MC_QF_DIGEST], bytes[MC_QF_TRAILER];

	(void)state;
	memset(digest, 7, sizeof(digest));
	mc_qf_trailer_encode(99, digest, bytes);
	memset(digest, 0, sizeof(digest));
	assert_true(mc_qf_trailer_decode(bytes, 99, digest));
	assert_int_equal(digest[31], 7);
	assert_false(mc_qf_trailer_decode(bytes, 98, digest));
	for (size_t i = 0; i < MC_QF_TRAILER; i++) {
		bytes[i] ^= 1;
		assert_int_equal(mc_qf_trailer_decode(bytes, 99, digest),
		    i >= 8 && i < 40);
		bytes[i] ^= 1;
	}
	for (int c = 0; c < 256; c++)
		assert_int_equal(mc_qf_is_cell((char)c),
		    c != 0 && strchr("PUDFB", c) != NULL);
}

/* ---------------------------------------------------------------- envelope */

struct row {
	const char *what;
	const char *bytes;
	size_t len;
	const char *want;	/* as show() writes it; NULL: damaged */
};

#define M "M\x18\0\0\0" "\5\0\0\0\0\0\0\0" "\x07\0\0\0\0\0\0\0" "\3\0\0\0" \
    "\1\0\0\0"
#define A "A\4\0\0\0work"
#define S "S\3\0\0\0a@b"
#define R1 "R\x0b\0\0\0" "\2\0\0\0" "\1\0\0\0" "c@d"
#define R2 "R\x0b\0\0\0" "\0\0\0\0" "\2\0\0\0" "e@f"
#define ROW(what, bytes, want) { what, bytes, sizeof(bytes) - 1, want }

static const struct row rows[] = {
	ROW("plain", M A S R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc"),
	ROW("all", M A S "V\1\0\0\0v" R1 "O\2\0\0\0or" "W\3\0\0\0why" R2
	    "W\1\0\0\0!",
	    "5 7 8bit report work a@b ret1 v c@d:2b(or)[why] e@f:0-bcc[!] "
	    "first"),
	ROW("empty sender", M A "S\0\0\0\0" R1 R2,
	    "5 7 8bit report work  ret1 c@d:2b e@f:0-bcc"),
	ROW("no attempt", "M\x18\0\0\0" "\5\0\0\0\0\0\0\0"
	    "\x07\0\0\0\0\0\0\0" "\x10\0\0\0" "\0\0\0\0" A S R1 R2
	    "W\1\0\0\0!",
	    "5 7 no-attempt work a@b ret0 c@d:2b e@f:0-bcc[!] first"),
	ROW("nothing", "", NULL),
	ROW("one recipient", M A S R1, NULL),
	ROW("three", M A S R1 R2 "R\x0b\0\0\0" "\0\0\0\0\0\0\0\0" "g@h", NULL),
	ROW("twice", M A S R1 R1, NULL),
	ROW("twice but for case", M A S R1 "R\x0b\0\0\0" "\2\0\0\0" "\1\0\0\0"
	    "c@D", NULL),
	ROW("no account", M S R1 R2, NULL),
	ROW("empty account", M "A\0\0\0\0" S R1 R2, NULL),
	ROW("two senders", M A S S R1 R2, NULL),
	ROW("late envid", M A S R1 "V\1\0\0\0v" R2, NULL),
	ROW("orcpt of nobody", M A S "O\1\0\0\0o" R1 R2, NULL),
	ROW("two orcpt", M A S R1 "O\1\0\0\0o" "O\1\0\0\0o" R2, NULL),
	ROW("why before orcpt", M A S R1 "W\1\0\0\0o" "O\1\0\0\0o" R2, NULL),
	ROW("empty why", M A S R1 "W\0\0\0\0" R2, NULL),
	ROW("type 0", M A S R1 R2 "\0\0\0\0\0", NULL),
	ROW("unknown type", M A S "Y\0\0\0\0" R1 R2, NULL),
	ROW("copied", M A S "X\6\0\0\0COPIED" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc COPIED"),
	ROW("copied twice", M A S "X\6\0\0\0COPIED" "X\6\0\0\0COPIED" R1
	    R2, NULL),
	ROW("copied where", M A S "X\x8\0\0\0COPIED=x" R1 R2, NULL),
	ROW("require-tls", M A S "X\x0a\0\0\0REQUIRETLS" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc REQUIRETLS"),
	ROW("require-tls behind envid", M A S "V\1\0\0\0v"
	    "X\x0a\0\0\0REQUIRETLS" R1 R2,
	    "5 7 8bit report work a@b ret1 v c@d:2b e@f:0-bcc REQUIRETLS"),
	ROW("priority", M A S "X\x0d\0\0\0MT-PRIORITY=9" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc prio 9"),
	ROW("low priority", M A S "X\x0e\0\0\0MT-PRIORITY=-9" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc prio -9"),
	ROW("priority 0", M A S "X\x0d\0\0\0MT-PRIORITY=0" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc prio 0"),
	ROW("priority -0", M A S "X\x0e\0\0\0MT-PRIORITY=-0" R1 R2, NULL),
	ROW("priority 10", M A S "X\x0e\0\0\0MT-PRIORITY=10" R1 R2, NULL),
	ROW("no priority", M A S "X\x0c\0\0\0MT-PRIORITY=" R1 R2, NULL),
	ROW("no value", M A S "X\x0b\0\0\0MT-PRIORITY" R1 R2, NULL),
	ROW("priority twice", M A S "X\x0d\0\0\0MT-PRIORITY=1"
	    "X\x0d\0\0\0MT-PRIORITY=1" R1 R2, NULL),
	ROW("by", M A S "X\x0a\0\0\0REQUIRETLS" "X\6\0\0\0BY=7;R" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc REQUIRETLS by 7 2"),
	ROW("by with trace", M A S "X\x08\0\0\0BY=17;NT" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc by 17 1 trace"),
	ROW("by without mode", M A S "X\4\0\0\0BY=7" R1 R2, NULL),
	ROW("by with half a mode", M A S "X\5\0\0\0BY=7;" R1 R2, NULL),
	ROW("by with another mode", M A S "X\6\0\0\0BY=7;T" R1 R2, NULL),
	ROW("by with too much", M A S "X\x08\0\0\0BY=7;RTT" R1 R2, NULL),
	ROW("by before 1970", M A S "X\7\0\0\0BY=-7;R" R1 R2, NULL),
	ROW("by for ever", M A S "X\x18\0\0\0BY=9223372036854775807;R" R1 R2,
	    NULL),
	ROW("hold", M A S "X\x0f\0\0\0HOLD=1798131600" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc hold 1798131600"),
	ROW("hold of all that can be", M A S
	    "X\x18\0\0\0HOLD=4611686018427387903" R1 R2,
	    "5 7 8bit report work a@b ret1 c@d:2b e@f:0-bcc "
	    "hold 4611686018427387903"),
	ROW("hold for ever", M A S "X\x18\0\0\0HOLD=4611686018427387904" R1
	    R2, NULL),
	ROW("hold past all numbers", M A S
	    "X\x19\0\0\0HOLD=99999999999999999999" R1 R2, NULL),
	ROW("hold until 1970", M A S "X\6\0\0\0HOLD=0" R1 R2, NULL),
	ROW("hold before 1970", M A S "X\7\0\0\0HOLD=-1" R1 R2, NULL),
	ROW("hold with a unit", M A S "X\7\0\0\0HOLD=1s" R1 R2, NULL),
	ROW("hold without time", M A S "X\5\0\0\0HOLD=" R1 R2, NULL),
	ROW("hold alone", M A S "X\4\0\0\0HOLD" R1 R2, NULL),
	ROW("hold twice", M A S "X\6\0\0\0HOLD=1" "X\6\0\0\0HOLD=1" R1 R2,
	    NULL),
	ROW("by nothing", M A S "X\2\0\0\0BY" R1 R2, NULL),
	ROW("param unknown", M A S "X\1\0\0\0R" R1 R2, NULL),
	ROW("param empty", M A S "X\0\0\0\0" R1 R2, NULL),
	ROW("param with a value", M A S "X\x0b\0\0\0REQUIRETLS=" R1 R2, NULL),
	ROW("param twice", M A S "X\x0a\0\0\0REQUIRETLS"
	    "X\x0a\0\0\0REQUIRETLS" R1 R2, NULL),
	ROW("param late", M A S R1 "X\x0a\0\0\0REQUIRETLS" R2, NULL),
	ROW("param early", M A "X\x0a\0\0\0REQUIRETLS" S R1 R2, NULL),
	ROW("message first", A M S R1 R2, NULL),
	ROW("half at the end", M A S R1 R2 "W\3\0\0\0wh", NULL),
	ROW("half head", M A S R1 R2 "W\3", NULL),
	ROW("empty address", M A S R1 "R\x08\0\0\0" "\0\0\0\0\0\0\0\0", NULL),
	ROW("short recipient", M A S R1 "R\2\0\0\0" "\0\0", NULL),
	ROW("control in address", M A S R1 "R\x0b\0\0\0" "\0\0\0\0" "\0\0\0\0"
	    "e\n\0", NULL),
	ROW("control in account", M "A\2\0\0\0a\r" S R1 R2, NULL),
	ROW("unknown notify", M A S R1 "R\x0b\0\0\0" "\x10\0\0\0" "\0\0\0\0"
	    "e@f", NULL),
	ROW("unknown flag", M A S R1 "R\x0b\0\0\0" "\0\0\0\0" "\4\0\0\0" "e@f",
	    NULL),
	ROW("huge length", M A S "R\xff\xff\xff\xff" "\0\0\0\0", NULL),
	ROW("too long", M A "S\1\x10\0\0" "\0\0\0\0", NULL),
	ROW("unknown ret", "M\x18\0\0\0" "\5\0\0\0\0\0\0\0" "\x07\0\0\0\0\0\0\0"
	    "\3\0\0\0" "\3\0\0\0" A S R1 R2, NULL),
	ROW("unknown flag of message", "M\x18\0\0\0" "\5\0\0\0\0\0\0\0"
	    "\x07\0\0\0\0\0\0\0" "\x20\0\0\0" "\1\0\0\0" A S R1 R2, NULL),
	ROW("short message record", "M\x17\0\0\0" "\5\0\0\0\0\0\0\0"
	    "\x07\0\0\0\0\0\0\0" "\3\0\0\0" "\1\0\0" A S R1 R2, NULL),
};

static void
show(const struct mc_envelope *env, const struct mc_qf_info *info,
    char *ret_text, size_t cap)
{
	struct mc_buf b;

	mc_buf_init(&b, cap - 1);
	mc_buf_addf(&b, "%lu %d%s%s%s %s %s ret%d", info->uid,
	    (int)info->arrival, info->needs_8bit ? " 8bit" : "",
	    info->is_report ? " report" : "",
	    info->no_attempt ? " no-attempt" : "", info->account, env->sender,
	    (int)env->ret);
	if (env->envid != NULL)
		mc_buf_addf(&b, " %s", env->envid);
	for (size_t i = 0; i < env->rcpts.n; i++) {
		const struct mc_rcpt *r = mc_envelope_at(env, i);

		mc_buf_addf(&b, " %s:%u%s%s", r->addr, r->notify,
		    r->blind ? "b" : "-", r->from_bcc ? "bcc" : "");
		if (r->orcpt != NULL)
			mc_buf_addf(&b, "(%s)", r->orcpt);
		if (r->text != NULL)
			mc_buf_addf(&b, "[%s]", r->text);
	}
	if (info->has_first)
		mc_buf_addz(&b, " first");
	if (env->copied)
		mc_buf_addz(&b, " COPIED");
	if (env->require_tls)
		mc_buf_addz(&b, " REQUIRETLS");
	if (env->has_priority)
		mc_buf_addf(&b, " prio %d", env->priority);
	if (env->by != MC_BY_NONE)
		mc_buf_addf(&b, " by %d %d%s", (int)env->by_time, (int)env->by,
		    env->by_trace ? " trace" : "");
	if (env->hold_until != 0)
		mc_buf_addf(&b, " hold %lld", (long long)env->hold_until);
	(void)snprintf(ret_text, cap, "%s", b.ptr);
	mc_buf_clear(&b);
}

/* fed whole (piece 0), in pieces, or cut once at `cut` */
static int
read_envelope(const struct row *row, size_t piece, size_t cut,
    char *ret_text, size_t cap, struct mc_err *err)
{
	struct mc_qf_info info = { .account = NULL };
	struct mc_envelope env;
	struct mc_qf_reader r;
	size_t at = 0;
	int rc = 0;

	mc_envelope_init(&env);
	mc_qf_reader_init(&r, 2, &env, &info);
	while (rc == 0 && at < row->len) {
		size_t n = piece != 0 ? piece : at < cut ? cut : row->len - at;

		if (n > row->len - at)
			n = row->len - at;
		/* of just that size, for the sanitizer */
		char *p = malloc(n);

		memcpy(p, row->bytes + at, n);
		rc = mc_qf_reader_feed(&r, p, n, err);
		free(p);
		at += n;
	}
	if (rc == 0)
		rc = mc_qf_reader_end(&r, err);
	if (rc == 0)
		show(&env, &info, ret_text, cap);
	mc_qf_reader_clear(&r);
	mc_envelope_clear(&env);
	mc_mem_free(info.account);
	return rc;
}

static void
envelopes(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		for (size_t cut = 0; cut <= rows[i].len + 3; cut++) {
			size_t piece = cut > rows[i].len ? cut - rows[i].len :
			    0;
			struct mc_err err = { .code = MC_OK };
			char text[256] = "";
			int rc = read_envelope(&rows[i], piece, cut, text,
			    sizeof(text), &err);

			if (rows[i].want == NULL) {
				if (rc == 0)
					fail_msg("%s: %s", rows[i].what, text);
				assert_err(rc, err, MC_E_QUEUE_DAMAGED);
			} else {
				assert_int_equal(rc, 0);
				assert_string_equal(text, rows[i].want);
			}
		}
	}
}

static void
envelope_memory(void **state)
{
	char text[256];

	(void)state;
	for (unsigned long n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };

		(void)failmalloc(n, false);
		int rc = read_envelope(&rows[1], 3, 0, text, sizeof(text),
		    &err);
		(void)failmalloc(0, false);
		if (rc == 0) {
			assert_true(n > 8);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
	}
}

/* ------------------------------------------------------------------- notes */

static void
notes(void **state)
{
	static const char *const texts[] = { "", "x",
	    "450 4.2.0 \xc3\xa9t\xc3\xa9" };
	unsigned char bytes[MC_QF_NOTE];
	struct mc_qf_note back;
	size_t used;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(texts); i++) {
		struct mc_qf_note note = { .i = i == 1 ? SIZE_MAX : i,
		    .when = -3, .attempt = 9, .text = mc_str_from(texts[i]) };
		size_t n = mc_qf_note_encode(&note, bytes);

		for (size_t k = 0; k < n; k++)
			assert_int_equal(mc_qf_note_decode(mc_str_make(
			    (char *)bytes, k), 3, &back, &used), 0);
		assert_int_equal(mc_qf_note_decode(mc_str_make((char *)bytes,
		    sizeof(bytes)), 3, &back, &used), 1);
		assert_int_equal(used, n);
		assert_true(back.i == note.i);
		assert_int_equal(back.when, -3);
		assert_int_equal(back.attempt, 9);
		assert_str(back.text, texts[i]);
		/* fewer recipients than that */
		if (i == 2)
			assert_int_equal(mc_qf_note_decode(mc_str_make(
			    (char *)bytes, n), 2, &back, &used), -1);
		for (size_t k = 0; k < n; k++) {
			bytes[k] ^= 4;
			assert_int_not_equal(mc_qf_note_decode(mc_str_make(
			    (char *)bytes, n), 3, &back, &used), 1);
			bytes[k] ^= 4;
		}
	}
}

/* row 10: whatever the server says is text and stays one note */
static void
injected(void **state)
{
	static const char *const evil[] = {
		"550 no\r\nR\x0b", "\033[2J\033]0;x\007", "\xc0\xaf\xe0\x80\xaf",
		"NOTE", "\x7f\x80\x9b[31m",
	};
	unsigned char bytes[MC_QF_NOTE];
	struct mc_qf_note note = { .i = 0 }, back;
	char big[5000];
	size_t used;

	(void)state;
	memset(big, 'a', sizeof(big));
	for (size_t i = 0; i <= MC_NELEM(evil); i++) {
		note.text = i == MC_NELEM(evil) ? mc_str_make(big,
		    sizeof(big)) : mc_str_from(evil[i]);
		size_t n = mc_qf_note_encode(&note, bytes);

		assert_int_equal(mc_qf_note_decode(mc_str_make((char *)bytes,
		    n), 1, &back, &used), 1);
		assert_int_equal(used, n);
		assert_true(back.text.len <= MC_QF_NOTE_TEXT);
		assert_false(mc_str_has_ctl(back.text));
		assert_true(mc_str_is_utf8(back.text));
	}
	/* written by hand past the encoder, with a right checksum */
	size_t n = mc_qf_note_encode(&(struct mc_qf_note){ .i = 0,
	    .text = MC_STR("ab") }, bytes);
	uint32_t h = 2166136261u;
	bytes[25] = '\n';
	for (size_t i = 0; i < n - 4; i++)
		h = (h ^ bytes[i]) * 16777619u;
	put_u32(bytes + n - 4, h);
	assert_int_equal(mc_qf_note_decode(mc_str_make((char *)bytes, n), 1,
	    &back, &used), -1);
}

/* the examples of FIPS 180-4, in pieces of several sizes */
static void
sha256(void **state)
{
	static const struct {
		const char *text;
		size_t times;
		const char *hex;
	} examples[] = {
		{ "", 1, "e3b0c44298fc1c149afbf4c8996fb924"
		    "27ae41e4649b934ca495991b7852b855" },
		{ "abc", 1, "ba7816bf8f01cfea414140de5dae2223"
		    "b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		    1, "248d6a61d20638b8e5c026930c3e6039"
		    "a33ce45964ff2167f6ecedd419db06c1" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 10000,
		    "cdc76e5c9914fb9281a1c7e284d73e67"
		    "f1809a48a497200e046d39ccc7112cd0" },
	};
	unsigned char digest[MC_SHA256_LEN];
	char hex[2 * MC_SHA256_LEN + 1];
	struct mc_sha256 sha;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(examples); i++) {
		size_t len = strlen(examples[i].text);

		for (size_t step = 1; step <= 100; step += 33) {
			mc_sha256_init(&sha);
			for (size_t k = 0; k < examples[i].times; k++)
				for (size_t at = 0; at < len; at += step)
					mc_sha256_add(&sha, examples[i].text + at,
					    len - at < step ? len - at : step);
			mc_sha256_add(&sha, NULL, 0);
			mc_sha256_end(&sha, digest);
			for (size_t k = 0; k < sizeof(digest); k++)
				(void)snprintf(hex + 2 * k, 3, "%02x",
				    digest[k]);
			assert_string_equal(hex, examples[i].hex);
		}
	}
}

/* every length over the first blocks, against OpenSSL */
static void
sha256_lengths(void **state)
{
	unsigned char text[4 * MC_SHA256_BLOCK + 1];
	unsigned char digest[MC_SHA256_LEN], other[MC_SHA256_LEN];
	struct mc_sha256 sha;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i * 167 + 13);
	for (size_t n = 0; n <= sizeof(text); n++) {
		for (size_t first = 0; first <= n; first += 21) {
			mc_sha256_init(&sha);
			mc_sha256_add(&sha, text, first);
			mc_sha256_add(&sha, text + first, n - first);
			mc_sha256_end(&sha, digest);
			assert_int_equal(EVP_Digest(text, n, other, NULL,
			    EVP_sha256(), NULL), 1);
			assert_memory_equal(digest, other, sizeof(other));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(integers),
		cmocka_unit_test(head),
		cmocka_unit_test(bounds),
		cmocka_unit_test(versions),
		cmocka_unit_test(trailer),
		cmocka_unit_test(envelopes),
		cmocka_unit_test(envelope_memory),
		cmocka_unit_test(notes),
		cmocka_unit_test(injected),
		cmocka_unit_test(sha256),
		cmocka_unit_test(sha256_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
