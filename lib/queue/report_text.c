/* SPDX-License-Identifier: MIT */
/*
 * report_text.c - the part of a report that people read
 *
 * They have never heard of this program, and want to know three things: who
 * did not get it, why, and what to do now.
 */
#include "base/base.h"

#include "queue/report_internal.h"

#include "mail/date.h"

#define ANY (-1)

/* by subject and detail of the status (RFC 3463); the first row that fits */
static const struct {
	int subject;
	int detail;
	const char *text;
} advices[] = {
	{ 1, 6, "The mailbox has moved. Ask the recipient for the new "
	    "address." },
	{ 1, 7, "The server does not accept the address that you send from. "
	    "Check it, or ask whoever runs your mail." },
	{ 1, 8, "The server does not accept the address that you send from. "
	    "Check it, or ask whoever runs your mail." },
	{ 1, ANY, "Check the address for mistakes, and send the message again "
	    "to the right one." },
	{ 2, 1, "The mailbox takes no messages. Reach the recipient in some "
	    "other way." },
	{ 2, 2, "The mailbox is full. Tell the recipient in some other way, or "
	    "send the message again later." },
	{ 2, 3, "The message is too large. Send it again without large "
	    "attachments." },
	{ 3, 4, "The message is too large. Send it again without large "
	    "attachments." },
	{ 4, 7, "Send the message again if it is still of use. If that fails "
	    "too, ask whoever runs your mail." },
	{ 6, 7, "The server cannot handle letters outside ASCII in addresses. "
	    "Ask the recipient for another address." },
	{ 6, ANY, "The server does not take a message of this form. Try a "
	    "simpler one, such as plain text without attachments." },
	{ 7, ANY, "The server refused the message by its rules. Show this "
	    "report to whoever runs your mail, or ask the recipient to allow "
	    "your messages." },
	{ ANY, ANY, "If you cannot tell what to do, show this report to "
	    "whoever runs your mail." },
};

static const char *
advice(const int status[3])
{
	size_t i = 0;

	while (i + 1 < MC_NELEM(advices) &&
	    ((advices[i].subject != ANY && advices[i].subject != status[1]) ||
	    (advices[i].detail != ANY && advices[i].detail != status[2])))
		i++;
	return advices[i].text;
}

/* "Your message of DATE ", for somebody who has sent many */
static void
add_beginning(struct mc_report *r)
{
	mc_buf_addf(&r->text, "This is the mail system at %s. Your message ",
	    r->reporter.ptr);
	if (r->set->arrival > 0) {
		mc_buf_addz(&r->text, "of ");
		mc_date_format(r->set->arrival, &r->text);
		mc_buf_addc(&r->text, ' ');
	}
}

static void
add_recipients(struct mc_report *r)
{
	if (r->set->n == 1)
		mc_buf_addz(&r->text, "the recipient below");
	else
		mc_buf_addf(&r->text, "the %zu recipients below", r->set->n);
}

static void
say_failed(struct mc_report *r)
{
	add_beginning(r);
	mc_buf_addz(&r->text, "could not be delivered to ");
	add_recipients(r);
	mc_buf_addz(&r->text, ". It will not be tried again.");
}

/* whoever asked for news of delays alone gets no report of a failure */
static bool
failure_is_told(const struct mc_report *r)
{
	for (size_t k = 0; k < r->set->n; k++)
		if (!mc_report_wanted(mc_envelope_at(r->set->env,
		    r->set->which[k]), MC_REPORT_FAILED))
			return false;
	return true;
}

static void
say_delayed(struct mc_report *r)
{
	add_beginning(r);
	mc_buf_addz(&r->text, "has not been delivered yet to ");
	add_recipients(r);
	mc_buf_addz(&r->text, ". You do not have to do anything: it is tried "
	    "again");
	if (r->set->retry_until > 0) {
		mc_buf_addz(&r->text, " until ");
		mc_date_format(r->set->retry_until, &r->text);
	}
	mc_buf_addc(&r->text, '.');
	if (failure_is_told(r))
		mc_buf_addz(&r->text, " If it cannot be delivered at all, you "
		    "will get another report.");
}

static void
say_relayed(struct mc_report *r)
{
	add_beginning(r);
	mc_buf_addz(&r->text, "was passed on to the next mail server");
	if (r->host.len != 0)
		mc_buf_addf(&r->text, ", %s,", r->host.ptr);
	mc_buf_addz(&r->text, " for ");
	add_recipients(r);
	mc_buf_addz(&r->text, ". That server accepted it, but gives no "
	    "further confirmation: whether the message reaches the mailbox is "
	    "not known here. You do not have to do anything.");
}

static void
say(struct mc_report *r)
{
	switch (r->set->kind) {
	case MC_REPORT_FAILED:
		say_failed(r);
		break;
	case MC_REPORT_DELAYED:
		say_delayed(r);
		break;
	case MC_REPORT_RELAYED:
		say_relayed(r);
		break;
	}
	mc_report_wrap_text(r, "", "");
}

/* in the words of the server, marked as such so that nobody takes them for
 * ours */
static void
put_why(struct mc_report *r, const struct mc_report_rcpt *rcpt)
{
	if (rcpt->why[0] == '\0') {
		if (r->set->kind == MC_REPORT_FAILED)
			mc_report_wrap(r, "    ", "    ",
			    MC_STR("The reason is not known."));
		return;
	}
	if (!rcpt->answered)
		mc_buf_addz(&r->text, "The reason:");
	else if (r->host.len == 0)
		mc_buf_addz(&r->text, "The server answered:");
	else
		mc_buf_addf(&r->text, "The server %s answered:", r->host.ptr);
	mc_report_wrap_text(r, "    ", "    ");
	mc_report_wrap(r, "    > ", "    > ", mc_str_from(rcpt->why));
}

static void
put_rcpt(struct mc_report *r, size_t i)
{
	struct mc_report_rcpt rcpt;

	mc_report_show(r, i, &rcpt);
	mc_buf_addz(&r->text, rcpt.addr);
	if (rcpt.orcpt[0] != '\0' && strcmp(rcpt.orcpt, rcpt.addr) != 0)
		mc_buf_addf(&r->text, " (sent to %s)", rcpt.orcpt);
	mc_report_wrap_text(r, "  ", "  ");
	put_why(r, &rcpt);
	if (r->set->kind == MC_REPORT_FAILED)
		mc_report_wrap(r, "    ", "    ",
		    mc_str_from(advice(rcpt.status)));
}

/* what help is asked with; an identifier of this queue is one word */
static void
add_identifier(struct mc_report *r)
{
	struct mc_str id = mc_str_from(r->set->id);

	if (id.len == 0 || id.len > MC_REPORT_ADDR || mc_str_has_ctl(id) ||
	    !mc_str_is_ascii(id) || mc_str_chr(id, ' ') != id.len)
		return;
	mc_buf_addz(&r->text, " If you ask somebody for help, give them this "
	    "identifier of the message: ");
	mc_buf_add_str(&r->text, id);
}

void
mc_report_human(struct mc_report *r)
{
	const struct mc_report_settings *set = r->set;

	say(r);
	for (size_t k = 0; k < set->n && !r->failed; k++) {
		mc_report_end(r);
		put_rcpt(r, set->which[k]);
	}
	mc_report_end(r);
	mc_buf_addz(&r->text, "This report is about no other recipients. ");
	mc_buf_addz(&r->text, r->full ? "The message" :
	    "The header of the message");
	mc_buf_addz(&r->text, " is attached.");
	add_identifier(r);
	mc_report_wrap_text(r, "", "");
}
