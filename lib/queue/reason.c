/* SPDX-License-Identifier: MIT */
/*
 * reason.c - why a recipient was not served, as one line that can be read back
 */
#include "base/base.h"

#include "queue/reason.h"

#include "base/num.h"
#include "queue/format.h"

static bool
is_smtp(int code)
{
	return code >= 200 && code <= 599;
}

static bool
is_enh(const int enh[3])
{
	return (enh[0] == 2 || enh[0] == 4 || enh[0] == 5) && enh[1] >= 0 &&
	    enh[1] <= 999 && enh[2] >= 0 && enh[2] <= 999;
}

/* would be taken for codes, or for such a text with a blank in front; what
 * trim cuts off becomes blanks in print */
static bool
looks_like_codes(struct mc_str s)
{
	struct mc_str bare = mc_str_trim(s);

	return bare.len != 0 && bare.ptr[0] == '[';
}

void
mc_reason_format(const struct mc_err *why, struct mc_buf *out)
{
	struct mc_str text = mc_str_make(why->text,
	    strnlen(why->text, sizeof(why->text)));
	char codes[32] = "";
	const int *enh = why->enh;
	bool smtp = is_smtp(why->smtp);

	if (smtp && is_enh(enh))
		(void)snprintf(codes, sizeof(codes), "[%d %d.%d.%d]",
		    why->smtp, enh[0], enh[1], enh[2]);
	else if (smtp)
		(void)snprintf(codes, sizeof(codes), "[%d]", why->smtp);
	else if (is_enh(enh))
		(void)snprintf(codes, sizeof(codes), "[%d.%d.%d]", enh[0],
		    enh[1], enh[2]);

	size_t n = strlen(codes);

	mc_buf_addz(out, codes);
	if (n != 0 ? text.len != 0 || why->unsure : looks_like_codes(text)) {
		mc_buf_addc(out, ' ');
		n++;
	}
	if (why->unsure) {
		mc_buf_addz(out, MC_REASON_UNSURE);
		n += strlen(MC_REASON_UNSURE);
	}
	mc_buf_add_printable(out, text, MC_QF_NOTE_TEXT - n);
}

/* digits up to `end`, or to the end of s; cut off *s with what ends them */
static bool
take_number(struct mc_str *s, char end, uint64_t most, int *ret)
{
	size_t n = mc_str_chr(*s, end);
	uint64_t value;

	/* as we write them: no zero in front */
	if (n > 1 && s->ptr[0] == '0')
		return false;
	if (mc_num_u64(mc_str_sub(*s, 0, n), most, &value) != 0)
		return false;
	*ret = (int)value;
	*s = mc_str_sub(*s, n + 1, SIZE_MAX);
	return true;
}

static bool
take_enh(struct mc_str s, int ret_enh[3])
{
	return take_number(&s, '.', 5, &ret_enh[0]) &&
	    take_number(&s, '.', 999, &ret_enh[1]) &&
	    mc_str_chr(s, '.') == s.len &&
	    take_number(&s, '.', 999, &ret_enh[2]) && is_enh(ret_enh);
}

/* what stands between the brackets */
static bool
take_codes(struct mc_str s, struct mc_reason *r)
{
	if (take_enh(s, r->enh))
		return true;

	size_t n = mc_str_chr(s, ' ');
	struct mc_str code = mc_str_sub(s, 0, n);

	if (!take_number(&code, ' ', 599, &r->smtp) || !is_smtp(r->smtp))
		return false;
	if (n == s.len) {
		memset(r->enh, 0, sizeof(r->enh));
		return true;
	}
	return take_enh(mc_str_sub(s, n + 1, SIZE_MAX), r->enh);
}

void
mc_reason_parse(struct mc_str line, struct mc_reason *ret_reason)
{
	struct mc_reason r = { .smtp = 0 };
	size_t end = mc_str_chr(line, ']');

	if (line.len != 0 && line.ptr[0] == '[' && end < line.len &&
	    (end + 1 == line.len || line.ptr[end + 1] == ' ') &&
	    take_codes(mc_str_sub(line, 1, end - 1), &r)) {
		r.text = mc_str_sub(line, end + 2, SIZE_MAX);
	} else {
		r = (struct mc_reason){ .text = line };
		/* the blank that keeps it from being codes */
		if (line.len != 0 && line.ptr[0] == ' ' &&
		    looks_like_codes(line))
			r.text = mc_str_sub(line, 1, SIZE_MAX);
	}
	*ret_reason = r;
}

bool
mc_reason_is_unsure(struct mc_str line)
{
	const size_t n = strlen(MC_REASON_UNSURE);
	struct mc_reason reason;

	mc_reason_parse(line, &reason);
	return mc_str_eq(mc_str_sub(reason.text, 0, n),
	    MC_STR(MC_REASON_UNSURE));
}
