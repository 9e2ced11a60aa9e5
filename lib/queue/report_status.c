/* SPDX-License-Identifier: MIT */
/*
 * report_status.c - the part of a report that programs read (RFC 3464)
 */
#include "base/base.h"

#include "queue/report_internal.h"

#include "mail/date.h"

/* where the part is ASCII, any other character is one '?' */
static void
add_text(struct mc_report *r, const char *text)
{
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x80 || r->utf8)
			mc_buf_addc(&r->text, *text);
		else if (c >= 0xc0)
			mc_buf_addc(&r->text, '?');
	}
}

static void
put_field(struct mc_report *r, const char *name, const char *value)
{
	mc_buf_addz(&r->line, name);
	mc_buf_addz(&r->line, value);
	mc_report_end(r);
}

static void
put_date(struct mc_report *r, const char *name, int64_t when)
{
	if (when <= 0)
		return;
	mc_buf_addz(&r->line, name);
	mc_date_format(when, &r->line);
	mc_report_end(r);
}

/* RFC 6533 3: UTF-8 as it is, since this is message/global-delivery-status */
static void
put_address(struct mc_report *r, const char *name, const char *addr)
{
	mc_buf_addz(&r->line, name);
	mc_buf_addz(&r->line, mc_str_is_ascii(mc_str_from(addr)) ?
	    " rfc822; " : " utf-8; ");
	mc_buf_addz(&r->line, addr);
	mc_report_end(r);
}

/* RFC 3464 2.2.1: what RFC 3461 4.4 lets a client send, no more */
static void
put_envid(struct mc_report *r, const char *envid)
{
	struct mc_str id = mc_str_from(envid);

	if (id.len > 100 || mc_str_has_ctl(id) || !mc_str_is_ascii(id) ||
	    mc_str_trim(id).len == 0)
		return;
	put_field(r, "Original-Envelope-Id: ", envid);
}

static const char *
action(enum mc_report_kind kind)
{
	switch (kind) {
	case MC_REPORT_FAILED:
		return "failed";
	case MC_REPORT_DELAYED:
		return "delayed";
	case MC_REPORT_RELAYED:
		return "relayed";
	}
	return "failed";
}

static void
put_rcpt(struct mc_report *r, size_t i)
{
	const struct mc_report_settings *set = r->set;
	struct mc_report_rcpt rcpt;

	mc_report_show(r, i, &rcpt);
	if (rcpt.orcpt[0] != '\0')
		put_address(r, "Original-Recipient:", rcpt.orcpt);
	put_address(r, "Final-Recipient:", rcpt.addr);
	put_field(r, "Action: ", action(set->kind));
	mc_buf_addf(&r->line, "Status: %d.%d.%d", rcpt.status[0],
	    rcpt.status[1], rcpt.status[2]);
	mc_report_end(r);
	if (rcpt.answered) {
		if (r->host.len != 0)
			put_field(r, "Remote-MTA: dns; ", r->host.ptr);
		add_text(r, rcpt.why);
		mc_report_wrap_text(r, "Diagnostic-Code: smtp; ", "    ");
	}
	put_date(r, "Last-Attempt-Date: ", set->last_attempt);
	if (set->kind == MC_REPORT_DELAYED)
		put_date(r, "Will-Retry-Until: ", set->retry_until);
}

void
mc_report_status(struct mc_report *r)
{
	const struct mc_report_settings *set = r->set;

	put_field(r, "Reporting-MTA: dns; ", r->reporter.ptr);
	if (set->env->envid != NULL)
		put_envid(r, set->env->envid);
	put_date(r, "Arrival-Date: ", set->arrival);
	for (size_t k = 0; k < set->n && !r->failed; k++) {
		mc_report_end(r);
		put_rcpt(r, set->which[k]);
	}
}
