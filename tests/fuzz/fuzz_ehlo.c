/* SPDX-License-Identifier: MIT */
/* Capabilities out of hostile EHLO replies, and out of hostile lines. */
#include "base/base.h"

#include "base/buf.h"
#include "base/limits.h"
#include "smtp/caps.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

static bool
is_mech(struct mc_str word)
{
	if (word.len == 0 || word.len > 20)
		return false;
	for (size_t i = 0; i < word.len; i++) {
		char c = word.ptr[i];

		if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_')
			return false;
	}
	return true;
}

static void
check_mechs(const struct mc_caps *caps)
{
	const char *end = memchr(caps->mechs, '\0', sizeof(caps->mechs));

	require(end != NULL);

	struct mc_str rest = mc_str_make(caps->mechs,
	    (size_t)(end - caps->mechs));
	struct mc_str word;

	if (rest.len == 0)
		return;
	require((caps->flags & MC_CAP_AUTH) != 0);
	require(rest.len > 2 && rest.ptr[0] == ' ' && end[-1] == ' ');
	while (rest.len > 1) {
		require(rest.ptr[0] == ' ');
		rest = mc_str_sub(rest, 1, rest.len);
		word = mc_str_sub(rest, 0, mc_str_chr(rest, ' '));
		require(is_mech(word));
		require(mc_caps_has_mech(caps, word));
		rest = mc_str_sub(rest, word.len, rest.len);
		/* named once */
		for (struct mc_str r = rest, w;
		    mc_str_next_token(&r, " ", &w); )
			require(!mc_str_eq(w, word));
	}
}

static void
check(struct mc_str in)
{
	struct mc_reply r;
	struct mc_caps caps, again;
	struct mc_err err = { .code = MC_OK };
	size_t used;

	if (mc_reply_parse(in, MC_MAX_REPLY_LINE, &r, &used, &err) != 1)
		return;
	memset(&caps, 0x5a, sizeof(caps));
	memset(&again, 0xa5, sizeof(again));
	mc_caps_parse(&r, &caps);
	mc_caps_parse(&r, &again);
	/* every byte is written, padding too */
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c) */
	require(memcmp(&caps, &again, sizeof(caps)) == 0);
	require(caps.flags <= 0x3fff);
	require(caps.by_min == 0 || ((caps.flags & MC_CAP_DELIVERBY) != 0 &&
	    caps.by_min <= 999999999));
	/* with both limits, or not at all */
	require(((caps.flags & MC_CAP_FUTURERELEASE) != 0) ==
	    (caps.hold_most > 0));
	require(caps.hold_last >= 0 && (caps.hold_most != 0 ||
	    caps.hold_last == 0));
	require((caps.flags & MC_CAP_LIMITS) != 0 || (caps.rcpt_max == 0 &&
	    caps.domain_max == 0 && caps.mail_max == 0));
	require(caps.rcpt_max <= 999999 && caps.domain_max <= 999999 &&
	    caps.mail_max <= 999999);
	require(caps.size <= INT64_MAX);
	require(caps.size == 0 || (caps.flags & MC_CAP_SIZE) != 0);
	require(r.lines > 1 || caps.flags == 0);
	check_mechs(&caps);
}

/* the same bytes as keyword lines, so that not every input has to hit upon
 * the form of a reply first */
static void
check_as_lines(struct mc_str data)
{
	struct mc_buf b;
	struct mc_str line;

	mc_buf_init(&b, MC_MAX_REPLY);
	mc_buf_addz(&b, "250-mx\r\n");
	while (mc_str_next_token(&data, "\r\n", &line)) {
		mc_buf_addz(&b, "250-");
		mc_buf_add_str(&b, line);
		mc_buf_addz(&b, "\r\n");
	}
	mc_buf_addz(&b, "250 HELP\r\n");
	if (b.err == 0)
		check(mc_buf_str(&b));
	mc_buf_clear(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mc_str in = mc_str_make((const char *)data, size);

	check(in);
	check_as_lines(in);
	return 0;
}
