/* SPDX-License-Identifier: MIT */
/*
 * report_lines.c - the lines of a report on their way out
 */
#include "base/base.h"

#include "queue/report_internal.h"

#include "base/err.h"
#include "base/limits.h"

#define WIDTH 72

void
mc_report_fail(struct mc_report *r, const char *what)
{
	if (!r->failed)
		(void)mc_err_set(r->err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "delivery report: %s", what);
	r->failed = true;
}

static bool
holds(struct mc_str line, struct mc_str what)
{
	while (line.len >= what.len) {
		size_t at = mc_str_chr(line, what.ptr[0]);

		line = mc_str_sub(line, at, SIZE_MAX);
		if (mc_str_eq(mc_str_sub(line, 0, what.len), what))
			return true;
		line = mc_str_sub(line, 1, SIZE_MAX);
	}
	return false;
}

void
mc_report_put(struct mc_report *r, struct mc_str line)
{
	if (r->failed)
		return;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];

		if (c == '\0' || c == '\r' || c == '\n') {
			mc_report_fail(r, "a line with NUL, CR or LF in it");
			return;
		}
		if ((unsigned char)c >= 0x80)
			r->has_8bit = true;
	}
	if (line.len > MC_MAX_LINE) {
		mc_report_fail(r, "a line that is too long");
		return;
	}
	if (r->out == NULL) {
		if (holds(line, mc_str_from(r->boundary)))
			r->seen = true;
		return;
	}
	if (mc_spool_add(r->out, line.ptr, line.len, r->err) != 0 ||
	    mc_spool_add(r->out, "\r\n", 2, r->err) != 0)
		r->failed = true;
}

void
mc_report_end(struct mc_report *r)
{
	if (!r->failed && mc_buf_err(&r->line, "a line", r->err) != 0)
		r->failed = true;
	mc_report_put(r, mc_buf_str(&r->line));
	mc_buf_reset(&r->line);
}

void
mc_report_wrap(struct mc_report *r, const char *first, const char *next,
    struct mc_str text)
{
	bool empty = true;
	struct mc_str word;

	mc_buf_addz(&r->line, first);
	while (mc_str_next_token(&text, " ", &word)) {
		if (!empty && r->line.len + 1 + word.len > WIDTH) {
			mc_report_end(r);
			mc_buf_addz(&r->line, next);
			empty = true;
		}
		if (!empty)
			mc_buf_addc(&r->line, ' ');
		mc_buf_add_str(&r->line, word);
		empty = false;
	}
	mc_report_end(r);
}

void
mc_report_wrap_text(struct mc_report *r, const char *first, const char *next)
{
	if (!r->failed && mc_buf_err(&r->text, "a paragraph", r->err) != 0)
		r->failed = true;
	mc_report_wrap(r, first, next, mc_buf_str(&r->text));
	mc_buf_reset(&r->text);
}
