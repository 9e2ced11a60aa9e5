/* SPDX-License-Identifier: MIT */
/*
 * report.c - make a delivery report: what it is about, header, and its parts
 */
#include "base/base.h"

#include "queue/report.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/addr.h"
#include "mail/date.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "queue/bytes.h"
#include "queue/report_internal.h"
#include "queue/sha256.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* boundaries tried; the first is a digest that no message can have foreseen */
#define TRIES 16

bool
mc_report_wanted(const struct mc_rcpt *rcpt, enum mc_report_kind kind)
{
	unsigned notify = rcpt->notify == 0 ? MC_NOTIFY_FAILURE : rcpt->notify;

	if ((notify & MC_NOTIFY_NEVER) != 0)
		return false;
	switch (kind) {
	case MC_REPORT_FAILED:
		return (notify & MC_NOTIFY_FAILURE) != 0;
	case MC_REPORT_DELAYED:
		return (notify & MC_NOTIFY_DELAY) != 0;
	case MC_REPORT_RELAYED:
		return (notify & MC_NOTIFY_SUCCESS) != 0;
	}
	return false;
}

/* --------------------------------------------------------------- identifier */

/* a set as bits has neither order nor doubles, and needs no memory */
static int
mark_set(const size_t *which, size_t n,
    unsigned char set[(MC_MAX_RCPTS + 7) / 8], struct mc_err *err)
{
	if (n == 0)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "a delivery report about nobody");
	for (size_t i = 0; i < n; i++) {
		if (which[i] >= MC_MAX_RCPTS)
			return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "a delivery report about no recipient");
		set[which[i] / 8] |= (unsigned char)(1u << which[i] % 8);
	}
	return 0;
}

int
mc_report_id(const char *id, enum mc_report_kind kind, const size_t *which,
    size_t n, char ret_id[MC_ID_LEN + 1], struct mc_err *err)
{
	static const char label[] = "delivery report";
	unsigned char set[(MC_MAX_RCPTS + 7) / 8] = { 0 };
	unsigned char digest[MC_SHA256_LEN];
	unsigned char number[4];
	struct mc_sha256 sha;

	if (mark_set(which, n, set, err) != 0)
		return -1;

	put_u32(number, (uint32_t)kind);
	mc_sha256_init(&sha);
	mc_sha256_add(&sha, label, sizeof(label));
	mc_sha256_add(&sha, id, strlen(id) + 1);
	mc_sha256_add(&sha, number, sizeof(number));
	mc_sha256_add(&sha, set, sizeof(set));
	mc_sha256_end(&sha, digest);
	mc_rand_id_of(digest, ret_id);
	return 0;
}

/* --------------------------------------------------------------- recipients */

static int
class_of(enum mc_report_kind kind)
{
	switch (kind) {
	case MC_REPORT_FAILED:
		return 5;
	case MC_REPORT_DELAYED:
		return 4;
	case MC_REPORT_RELAYED:
		return 2;
	}
	return 5;
}

static void
add_why(const struct mc_reason *reason, char *ret_why, size_t size)
{
	char text[MC_QF_NOTE_TEXT + 1];
	const int *enh = reason->enh;

	(void)mc_str_printable(mc_str_trim(reason->text), text, sizeof(text));
	if (reason->smtp == 0)
		(void)snprintf(ret_why, size, "%s", text);
	else if (enh[0] == 0)
		(void)snprintf(ret_why, size, "%d %s", reason->smtp, text);
	else
		(void)snprintf(ret_why, size, "%d %d.%d.%d %s", reason->smtp,
		    enh[0], enh[1], enh[2], text);
}

/*
 * A note may be older than the action: who was put off and is served now still
 * has the refusal in its text.  The words of a server count only if they say
 * the same thing, taken or not taken; our own are never about success.
 */
void
mc_report_show(const struct mc_report *r, size_t i,
    struct mc_report_rcpt *ret_rcpt)
{
	const struct mc_rcpt *rcpt = mc_envelope_at(r->set->env, i);
	bool relayed = r->set->kind == MC_REPORT_RELAYED;
	int class = class_of(r->set->kind);
	struct mc_reason reason;

	memset(ret_rcpt, 0, sizeof(*ret_rcpt));
	ret_rcpt->status[0] = class;
	(void)mc_str_printable(mc_str_from(rcpt->addr), ret_rcpt->addr,
	    sizeof(ret_rcpt->addr));
	(void)mc_str_printable(mc_str_from(rcpt->orcpt), ret_rcpt->orcpt,
	    sizeof(ret_rcpt->orcpt));
	mc_reason_parse(mc_str_from(rcpt->text), &reason);
	if (reason.smtp == 0 ? relayed : relayed != (reason.smtp / 100 == 2))
		return;
	if (reason.enh[0] == class)
		memcpy(ret_rcpt->status, reason.enh, sizeof(reason.enh));
	ret_rcpt->answered = reason.smtp != 0;
	add_why(&reason, ret_rcpt->why, sizeof(ret_rcpt->why));
}

static int
check_recipients(struct mc_report *r, struct mc_err *err)
{
	const struct mc_report_settings *set = r->set;
	struct mc_report_rcpt rcpt;

	for (size_t k = 0; k < set->n; k++) {
		if (set->which[k] >= set->env->rcpts.n)
			return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
			    "a delivery report about no recipient");
		mc_report_show(r, set->which[k], &rcpt);
		if (!mc_str_is_ascii(mc_str_from(rcpt.addr)) ||
		    !mc_str_is_ascii(mc_str_from(rcpt.orcpt)))
			r->utf8 = true;
	}
	return 0;
}

/* ----------------------------------------------------------------- settings */

/* append an address that may stand in a header; nothing if it may not */
static int
take_address(struct mc_str addr, struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	size_t at = mc_mailbox_at(addr);

	/* mail for the local service, which adds what is missing to the report
	 * as it would have done to the message */
	if (mc_mailbox_is_bare(addr) ? mc_mailbox_bare(addr, out, &why) == 0 :
	    mc_mailbox_make(mc_str_sub(addr, 0, at),
	    mc_str_sub(addr, at + 1, SIZE_MAX), out, &why) == 0)
		return 0;
	if (why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return 0;
}

static int
take_addresses(struct mc_report *r, struct mc_err *err)
{
	struct mc_str sender = mc_str_from(r->set->env->sender);

	if (take_address(sender, &r->sender, err) != 0 ||
	    take_address(r->set->from, &r->from, err) != 0)
		return -1;
	if (r->sender.len == 0)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "a delivery report to nobody");
	/* who sends from an ASCII address may not take another (RFC 6533 4) */
	if (r->from.len == 0 || (!mc_str_is_ascii(mc_buf_str(&r->from)) &&
	    mc_str_is_ascii(mc_buf_str(&r->sender)))) {
		mc_buf_reset(&r->from);
		mc_buf_add_str(&r->from, mc_buf_str(&r->sender));
	}
	return mc_buf_err(&r->from, "an address", err);
}

/* RFC 3464 2.1.2: a name of DNS, or an address in brackets; nothing for what
 * is neither, such as the path of a socket */
static int
take_host(struct mc_str host, struct mc_buf *out, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	unsigned char addr[sizeof(struct in6_addr)];
	char text[64] = "";

	if (host.len < sizeof(text) && host.len != 0 &&
	    mc_str_chr(host, '\0') == host.len)
		memcpy(text, host.ptr, host.len);
	if (inet_pton(AF_INET, text, addr) == 1)
		mc_buf_addf(out, "[%s]", text);
	else if (inet_pton(AF_INET6, text, addr) == 1)
		mc_buf_addf(out, "[IPv6:%s]", text);
	else if (mc_idna_host(host, true, out, &why) != 0 &&
	    why.code == MC_E_NOMEM)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	return mc_buf_err(out, "a host name", err);
}

static int
take_reporter(struct mc_report *r, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (mc_idna_host(r->set->reporter, true, &r->reporter, &why) == 0)
		return 0;
	return mc_err_set(err, why.code == MC_E_NOMEM ? MC_E_NOMEM :
	    MC_E_INTERNAL, MC_STAGE_LOCAL, "delivery report: %s", why.text);
}

static int
prepare(struct mc_report *r, struct mc_err *err)
{
	const struct mc_report_settings *set = r->set;

	if (mc_report_id(set->id, set->kind, set->which, set->n, r->id,
	    err) != 0)
		return -1;
	if (check_recipients(r, err) != 0 || take_addresses(r, err) != 0 ||
	    take_reporter(r, err) != 0 ||
	    take_host(set->host, &r->host, err) != 0)
		return -1;
	return mc_report_read_original(r, err);
}

/* -------------------------------------------------------------------- parts */

enum part { HUMAN, STATUS, ORIGINAL, PARTS };

static void
put_part(struct mc_report *r, enum part part)
{
	if (part == HUMAN)
		mc_report_human(r);
	else if (part == STATUS)
		mc_report_status(r);
	else
		mc_report_original(r);
}

/* RFC 6533: what was sent with SMTPUTF8 goes back under a name of its own */
static const char *
type_of(const struct mc_report *r, enum part part)
{
	struct mc_str header = r->set->header;
	bool global = r->set->env->smtputf8 && !mc_str_is_ascii(header) &&
	    mc_str_is_utf8(header);

	if (part == HUMAN)
		return "text/plain; charset=utf-8";
	if (part == STATUS)
		return r->utf8 ? "message/global-delivery-status" :
		    "message/delivery-status";
	if (r->full)
		return global ? "message/global" : "message/rfc822";
	return global ? "message/global-headers" : "text/rfc822-headers";
}

/* look at every part, with one boundary after the other until none has it */
static int
look(struct mc_report *r, bool ret_8bit[PARTS], struct mc_err *err)
{
	r->out = NULL;
	for (int try = 0; try < TRIES; try++) {
		int n = snprintf(r->boundary, sizeof(r->boundary), "=_%s",
		    r->id);

		if (try != 0)
			(void)snprintf(r->boundary + n, sizeof(r->boundary) -
			    (size_t)n, "-%d", try);
		r->seen = false;
		for (int part = 0; part < PARTS; part++) {
			r->has_8bit = false;
			put_part(r, part);
			ret_8bit[part] = r->has_8bit;
		}
		if (r->failed)
			return -1;
		if (!r->seen)
			return 0;
	}
	return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_LOCAL,
	    "delivery report: no boundary is left");
}

static const char *
encoding(bool is_8bit)
{
	return is_8bit ? "8bit" : "7bit";
}

static void
put_line(struct mc_report *r, const char *a, const char *b, const char *c)
{
	mc_buf_addf(&r->line, "%s%s%s", a, b, c);
	mc_report_end(r);
}

static int
write_body(struct mc_report *r, struct mc_spool *ret_body,
    const bool is_8bit[PARTS])
{
	r->out = ret_body;
	for (int part = 0; part < PARTS; part++) {
		put_line(r, "--", r->boundary, "");
		put_line(r, "Content-Type: ", type_of(r, part), "");
		put_line(r, "Content-Transfer-Encoding: ",
		    encoding(is_8bit[part]), "");
		put_line(r, "", "", "");
		put_part(r, part);
		/* this line end belongs to the boundary */
		put_line(r, "", "", "");
	}
	put_line(r, "--", r->boundary, "--");
	return r->failed ? -1 : 0;
}

/* ------------------------------------------------------------------- header */

static const char *
subject(enum mc_report_kind kind)
{
	switch (kind) {
	case MC_REPORT_FAILED:
		return "Delivery failed: your message was not delivered";
	case MC_REPORT_DELAYED:
		return "Delivery delayed: your message is still being tried";
	case MC_REPORT_RELAYED:
		return "Delivered: your message was passed on";
	}
	return "Delivery report";
}

static int
write_header(const struct mc_report *r, bool is_8bit, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str original = mc_report_message_id(r->set->header);

	mc_buf_addz(out, "From: ");
	mc_addr_format(MC_STR("Mail Delivery System"), mc_buf_str(&r->from),
	    out);
	mc_buf_addf(out, "\r\nTo: %s\r\nSubject: %s\r\nDate: ", r->sender.ptr,
	    subject(r->set->kind));
	mc_date_format(r->set->now, out);
	mc_buf_addf(out, "\r\nMessage-ID: <%s@%s>\r\n", r->id,
	    r->reporter.ptr);
	if (original.len != 0)
		mc_buf_addf(out, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n",
		    MC_STR_FMT(original), MC_STR_FMT(original));
	mc_buf_addf(out, "Auto-Submitted: auto-replied\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=%s;\r\n"
	    "\tboundary=\"%s\"\r\n"
	    "Content-Transfer-Encoding: %s\r\n",
	    r->utf8 ? "global-delivery-status" : "delivery-status",
	    r->boundary, encoding(is_8bit));
	return mc_buf_err(out, "the header of a delivery report", err);
}

int
mc_report_make(const struct mc_report_settings *settings,
    struct mc_buf *ret_header, struct mc_spool *ret_body, bool *ret_8bit,
    struct mc_err *err)
{
	struct mc_report r = { .set = settings, .err = err };
	struct mc_buf *const bufs[] = { &r.sender, &r.from, &r.reporter,
		&r.host, &r.whole, &r.line, &r.text };
	bool is_8bit[PARTS] = { false };
	bool any = false;
	int rc = -1;

	for (size_t i = 0; i < MC_NELEM(bufs); i++)
		mc_buf_init(bufs[i], MC_REPORT_BUFFER);
	if (prepare(&r, err) != 0 || look(&r, is_8bit, err) != 0)
		goto out;
	for (int part = 0; part < PARTS; part++)
		any = any || is_8bit[part];
	if (write_header(&r, any, ret_header, err) != 0 ||
	    write_body(&r, ret_body, is_8bit) != 0)
		goto out;
	*ret_8bit = any;
	rc = 0;
out:
	for (size_t i = 0; i < MC_NELEM(bufs); i++)
		mc_buf_clear(bufs[i]);
	return rc;
}
