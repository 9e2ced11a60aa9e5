/* SPDX-License-Identifier: MIT */
/* Replies of a hostile server: whatever comes, the parser keeps its word. */
#include "base/base.h"

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/reply.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static bool
is_enh(const int enh[3], int code)
{
	if (enh[0] == 0)
		return enh[1] == 0 && enh[2] == 0;
	return enh[0] == code / 100 && enh[0] != 3 && enh[1] >= 0 &&
	    enh[1] <= 999 && enh[2] >= 0 && enh[2] <= 999;
}

static void
check_text(const struct mc_reply *r)
{
	struct mc_buf text;
	struct mc_err err = { .code = MC_OK };

	mc_buf_init(&text, 4096);
	mc_reply_text(r, &text);
	require(text.err == 0 && text.len >= 3);
	require(text.len <= MC_MAX_REPLY_TEXT);
	require(!mc_str_has_ctl(mc_buf_str(&text)));
	require(mc_str_is_utf8(mc_buf_str(&text)));
	mc_buf_clear(&text);

	require(mc_reply_err(r, MC_E_REFUSED, MC_STAGE_RCPT, "x", &err) == -1);
	require(err.smtp == r->code && err.enh[0] >= 2 && err.enh[0] <= 5);
	require(!mc_str_has_ctl(mc_str_from(err.text)));
}

static void
check_reply(const struct mc_reply *r, struct mc_str in, size_t used)
{
	size_t bytes = 0;

	require(used >= 4 && used <= in.len && used <= MC_MAX_REPLY);
	require(r->raw.ptr == in.ptr && r->raw.len == used);
	require(in.ptr[used - 1] == '\n');
	require(r->code >= 200 && r->code <= 559);
	require(r->lines >= 1 && r->lines <= MC_MAX_REPLY_LINES);
	require(is_enh(r->enh, r->code));
	for (size_t i = 0; i < r->lines; i++) {
		struct mc_str line = mc_reply_line(r, i);

		require(memchr(line.len > 0 ? line.ptr : "", '\n',
		    line.len) == NULL);
		require(line.len == 0 || (line.ptr >= in.ptr + 4 &&
		    line.ptr + line.len < in.ptr + used));
		bytes += line.len + 4;
	}
	require(bytes <= used);
	require(mc_reply_line(r, r->lines).len == 0);
	check_text(r);
}

/* a front part may be "not yet"; a verdict is the one of the whole */
static void
check_fronts(struct mc_str in, size_t step, int whole, size_t whole_used,
    enum mc_code whole_code)
{
	for (size_t n = 0; n < in.len; n += step) {
		struct mc_reply r;
		struct mc_err err = { .code = MC_OK };
		size_t used = 0;
		int rc = mc_reply_parse(mc_str_make(in.ptr, n),
		    MC_MAX_REPLY_LINE, &r, &used, &err);

		if (rc != 0) {
			require(rc == whole && used == whole_used);
			require(err.code == whole_code);
			return;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_str in = mc_str_make((const char *)data, size);

	for (;;) {
		struct mc_reply r;
		struct mc_err err = { .code = MC_OK };
		size_t used = 0;
		int rc = mc_reply_parse(in, MC_MAX_REPLY_LINE, &r, &used,
		    &err);

		require(rc >= -1 && rc <= 1);
		require((rc == -1) == (err.code != MC_OK));
		check_fronts(in, 1 + in.len / 512, rc, used, err.code);
		if (rc == 0)
			require(in.len < MC_MAX_REPLY);
		if (rc == -1)
			require(err.text[0] != '\0' &&
			    !mc_str_has_ctl(mc_str_from(err.text)));
		if (rc != 1)
			return 0;
		check_reply(&r, in, used);
		in = mc_str_sub(in, used, in.len);
	}
}
