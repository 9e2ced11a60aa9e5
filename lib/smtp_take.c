/* SPDX-License-Identifier: MIT */
/*
 * smtp_take.c - what a client of our SMTP server says, put into a submission
 */
#include "base/base.h"
#include "smtp_take.h"

#include "base/err.h"
#include "mail/mailbox.h"
#include "smtp/cmd.h"

void
mc_take_split(struct mc_str addr, bool bare, struct mc_str *ret_local,
    struct mc_str *ret_domain)
{
	size_t at = bare ? addr.len : mc_mailbox_at(addr);

	*ret_local = mc_str_sub(addr, 0, at);
	*ret_domain = mc_str_sub(addr, at + 1, addr.len);
}

int
mc_take_mail(struct mc_submission *sub, const struct mc_server_mail *mail,
    struct mc_err *err)
{
	static const char *const rets[] = { NULL, "full", "hdrs" };
	struct mc_str local, domain;
	char envid[101];

	mc_submission_set_8bit(sub, mail->body_8bit);
	sub->smtputf8 = mail->smtputf8;
	(void)snprintf(envid, sizeof(envid), "%.*s",
	    MC_STR_FMT(mail->envid));
	if (mc_submission_set_dsn(sub, 0, rets[mail->ret],
	    envid[0] != '\0' ? envid : NULL, err) != 0)
		return -1;
	mc_take_split(mail->sender, mail->bare, &local, &domain);
	return mc_submission_put_sender(sub, local, domain, err);
}

int
mc_take_rcpt(struct mc_submission *sub, const struct mc_server_rcpt *rcpt,
    struct mc_err *err)
{
	struct mc_str local, domain;

	mc_take_split(rcpt->addr, rcpt->bare, &local, &domain);
	return mc_submission_put_rcpt(sub, local, domain, rcpt->notify,
	    rcpt->orcpt, err);
}

int
mc_take_hops(const struct mc_submission *sub, size_t most,
    struct mc_err *err)
{
	const struct mc_header *h = &sub->message.header;
	size_t at = 0, n = 0;

	for (; (at = mc_header_find(h, "Received", at)) != SIZE_MAX; at++)
		if (++n > most)
			break;
	if (n <= most)
		return 0;
	(void)mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
	    "too many Received fields: the message goes round in circles");
	if (err != NULL) {
		err->enh[1] = 4;
		err->enh[2] = 6;
	}
	return -1;
}

struct mc_str
mc_take_host(const struct mc_caller *caller)
{
	struct mc_str name = mc_str_from(caller->hostname);

	return mc_cmd_is_ehlo_name(name) ? name : MC_STR("localhost");
}
