/* SPDX-License-Identifier: MIT */
/*
 * fit.c - a message in the form that a server takes
 */
#include "base/base.h"
#include "transport/fit.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/downgrade.h"
#include "mail/fold.h"
#include "mail/mime.h"

/* encoded words make more of it, but hardly ever of all */
#define MOST_HEADER (4 * (size_t)(MC_MAX_HEADER + MC_MAX_HEADER_RCPT))
/* each names all fields */
#define MOST_SIGNATURES (MC_MAX_DKIM * (size_t)(64 * 1024))

void
mc_fit_init(struct mc_fit *fit, const struct mc_delivery_message *m,
    const struct mc_caller *caller, const struct mc_signer *signer)
{
	memset(fit, 0, sizeof(*fit));
	fit->m = m;
	fit->caller = caller;
	fit->signer = signer;
	mc_buf_init(&fit->new_header, MOST_HEADER);
	mc_buf_init(&fit->signed_header, MOST_HEADER + MOST_SIGNATURES);
	mc_spool_init(&fit->new_body, MC_SPOOL_MEMORY,
	    caller == NULL ? NULL : caller->tmpdir);
}

void
mc_fit_clear(struct mc_fit *fit)
{
	mc_buf_clear(&fit->new_header);
	mc_buf_clear(&fit->signed_header);
	mc_spool_clear(&fit->new_body);
}

/* as it is */
static void
use_original(struct mc_fit *fit)
{
	const struct mc_delivery_message *m = fit->m;

	fit->header = m->header;
	fit->body = m->body;
	fit->needs_8bit = m->needs_8bit || !mc_str_is_ascii(m->header);
	fit->needs_utf8 = false;
	fit->needs_binary = false;
}

static int
write_header(struct mc_fit *fit, struct mc_header *h, struct mc_err *err)
{
	if (mc_fold_header(h, err) != 0)
		return -1;
	mc_header_write(h, &fit->new_header);
	if (mc_buf_err(&fit->new_header, "header", err) != 0)
		return -1;
	fit->header = mc_buf_str(&fit->new_header);
	return 0;
}

static bool
is_signed(const struct mc_header *h)
{
	return mc_header_find(h, "DKIM-Signature", 0) != SIZE_MAX;
}

/* 8BITMIME without SMTPUTF8 */
static int
make_8bit(struct mc_fit *fit, struct mc_header *h, struct mc_err *err)
{
	int rc;

	if (is_signed(h))
		return 0;
	rc = mc_downgrade_domains(h, err);
	if (rc <= 0)
		return rc;
	if (write_header(fit, h, err) != 0)
		return -1;
	fit->needs_8bit = fit->m->needs_8bit || !mc_str_is_ascii(fit->header);
	return 0;
}

/* neither: without addresses that only SMTPUTF8 can carry, which the envelope
 * decides */
static int
make_7bit(struct mc_fit *fit, struct mc_header *h, struct mc_err *err)
{
	int rc = 0;

	if (is_signed(h) && !mc_str_is_ascii(fit->m->header))
		return mc_err_set(err, MC_E_MSG_CONTENT, MC_STAGE_LOCAL,
		    "the header has 8-bit bytes and a DKIM signature, which "
		    "would break; write it as RFC 2047 has it, and then sign");
	if (mc_downgrade_header(h, err) != 0)
		return -1;
	if (fit->m->needs_8bit)
		rc = mc_mime_convert(h, fit->m->body, MC_MIME_8BIT,
		    &fit->new_body, err);
	if (rc < 0 || write_header(fit, h, err) != 0)
		return -1;
	if (rc > 0)
		fit->body = &fit->new_body;
	fit->needs_8bit = false;
	return 0;
}

/* the body that was kept, under a header that says so */
static int
make_binary(struct mc_fit *fit, struct mc_header *h, struct mc_err *err)
{
	if (mc_mime_mark_binary(h, err) != 0 || write_header(fit, h, err) != 0)
		return -1;
	fit->body = fit->m->binary;
	fit->needs_8bit = false;
	fit->needs_utf8 = !mc_str_is_ascii(fit->header);
	fit->needs_binary = true;
	return 0;
}

/* is it about the message, or does it pass? */
static bool
is_final(const struct mc_err *err)
{
	return err->code == MC_E_MSG_CONTENT || err->code == MC_E_HDR_LONG ||
	    err->code == MC_E_HDR_SYNTAX || err->code == MC_E_TOO_LONG;
}

/* back once at most, without BINARYMIME */
/* NOLINTBEGIN(misc-no-recursion) */
static int
convert(struct mc_fit *fit, unsigned takes, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_header h;
	int rc;

	mc_header_init(&h);
	rc = mc_header_read(&h, fit->m->header, &why);
	if (rc == 0)
		rc = (takes & MC_TAKES_BINARY) != 0 ?
		    make_binary(fit, &h, &why) :
		    (takes & MC_TAKES_8BIT) != 0 ? make_8bit(fit, &h, &why) :
		    make_7bit(fit, &h, &why);
	mc_header_clear(&h);
	if (rc == 0)
		return 0;
	if (!is_final(&why)) {
		if (err != NULL && !mc_err_is_set(err))
			*err = why;
		return -1;
	}
	use_original(fit);
	if ((takes & MC_TAKES_BINARY) != 0)
		return mc_fit_for(fit, takes & ~MC_TAKES_BINARY, err);
	/* with 8BITMIME it goes as it stands */
	if ((takes & MC_TAKES_8BIT) == 0)
		fit->unfit = why;
	return 0;
}

/* what does not fit is not sent */
static int
sign(struct mc_fit *fit, struct mc_err *err)
{
	int rc;

	if (!mc_signer_signs(fit->signer) || mc_err_is_set(&fit->unfit))
		return 0;
	rc = mc_signer_sign(fit->signer, fit->header, fit->body,
	    &fit->signed_header, err);
	if (rc == 1)
		fit->header = mc_buf_str(&fit->signed_header);
	return rc < 0 ? -1 : 0;
}

int
mc_fit_for(struct mc_fit *fit, unsigned takes, struct mc_err *err)
{
	const struct mc_delivery_message *m = fit->m;
	bool ascii = mc_str_is_ascii(m->header);
	bool utf8 = (takes & MC_TAKES_UTF8) != 0;

	if (m->binary == NULL ||
	    (!ascii && !(utf8 && mc_str_is_utf8(m->header))))
		takes &= ~MC_TAKES_BINARY;
	takes &= MC_TAKES_8BIT | MC_TAKES_UTF8 | MC_TAKES_BINARY;
	if (fit->made && fit->takes == takes)
		return 0;
	fit->made = false;
	mc_fit_clear(fit);
	mc_err_reset(&fit->unfit);
	use_original(fit);
	if ((takes & MC_TAKES_BINARY) != 0) {
		if (convert(fit, takes, err) != 0)
			return -1;
	} else if (utf8) {
		fit->needs_utf8 = !ascii && mc_str_is_utf8(m->header);
		fit->needs_8bit = m->needs_8bit ||
		    (!ascii && !fit->needs_utf8);
	} else if ((!ascii || ((takes & MC_TAKES_8BIT) == 0 &&
	    m->needs_8bit)) && convert(fit, takes, err) != 0) {
		return -1;
	}
	if (sign(fit, err) != 0)
		return -1;
	fit->made = true;
	fit->takes = takes;
	return 0;
}
/* NOLINTEND(misc-no-recursion) */
