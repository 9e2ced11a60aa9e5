/* SPDX-License-Identifier: MIT */
/*
 * test_strip.c - fields that do not leave, and those that have to
 */
#include "unit.h"

#include "base/limits.h"
#include "mail/strip.h"

static void
test_parse(void **state)
{
	static const struct {
		const char *in;
		const char *out;	/* NULL: refused */
		const char *says;	/* the error does */
	} rows[] = {
		{ "Received", "Received", NULL },
		{ "  Received,User-Agent\t x-mailer ,",
		    "Received User-Agent x-mailer", NULL },
		{ "Return-Path Authentication-Results X-From Tox",
		    "Return-Path Authentication-Results X-From Tox", NULL },
		{ "Received from", NULL, "From cannot be removed" },
		{ "SENDER", NULL, "Sender cannot" },
		{ "reply-to", NULL, "Reply-To cannot" },
		{ "To", NULL, "To cannot" },
		{ "Cc", NULL, "Cc cannot" },
		{ "bcc", NULL, "Bcc cannot" },
		{ "subject", NULL, "Subject cannot" },
		{ "Date", NULL, "Date cannot" },
		{ "message-id", NULL, "Message-ID cannot" },
		{ "In-reply-to", NULL, "In-Reply-To cannot" },
		{ "References", NULL, "References cannot" },
		{ "Mime-Version", NULL, "MIME-Version cannot" },
		{ "content-disposition", NULL, "Content-... cannot" },
		{ "Resent-Date", NULL, "Resent-... cannot" },
		{ "dkim-signature", NULL, "DKIM-Signature cannot" },
		{ "ARC-Seal", NULL, "ARC-... cannot" },
		{ "TLS-Required", NULL, "TLS-Required cannot" },
		{ "Auto-Submitted", NULL, "Auto-Submitted cannot" },
		{ "X-*", NULL, "no patterns" },
		{ "X-Mailer:", NULL, "without the colon" },
		{ "X-M\xc3\xa4iler", NULL, "must be names" },
		{ " , ", NULL, "holds no name" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_buf out;
		int rc;

		mc_buf_init(&out, 1000);
		rc = mc_strip_parse(mc_str_from(rows[i].in), &out, &err);
		if (rows[i].out != NULL) {
			assert_int_equal(rc, 0);
			assert_string_equal(out.ptr, rows[i].out);
		} else {
			assert_int_equal(rc, -1);
			assert_int_equal(err.code, MC_E_CONF_VALUE);
			if (strstr(err.text, rows[i].says) == NULL)
				fail_msg("%s: %s", rows[i].in, err.text);
		}
		mc_buf_clear(&out);
	}
}

#define NAMES "Received user-agent X-Mailer"
#define REC "Received: from a\r\n\tby b\r\n"
#define TO "To: a@x\r\n"
#define UA "User-Agent: Mutt\r\n"
#define SIG "DKIM-Signature: v=1; a=rsa-sha256; d=x; "

static const struct {
	const char *in;
	const char *out;
	const char *removed;
	const char *kept;
} rows[] = {
	{ TO, TO, "", "" },
	{ REC REC TO UA "x-MAILER : y\r\nX-Mailer-2: z\r\n" REC,
	    TO "X-Mailer-2: z\r\n", "Received, User-Agent, x-MAILER", "" },
	/* a signature keeps what it names, whichever field of that name */
	{ UA SIG "h=From: to\r\n\t :\r\n user-AGENT ; b=x\r\n" REC TO UA,
	    UA SIG "h=From: to\r\n\t :\r\n user-AGENT ; b=x\r\n" TO UA,
	    "Received", "User-Agent" },
	{ SIG "h=From:To; b=x\r\n" TO UA, SIG "h=From:To; b=x\r\n" TO,
	    "User-Agent", "" },
	{ SIG "h=From; b=x\r\n" SIG "b=x;h=received\r\n" REC UA,
	    SIG "h=From; b=x\r\n" SIG "b=x;h=received\r\n" REC,
	    "User-Agent", "Received" },
	{ "ARC-Message-Signature: i=1; h=X-Mailer; b=x\r\nX-Mailer: y\r\n",
	    "ARC-Message-Signature: i=1; h=X-Mailer; b=x\r\nX-Mailer: y\r\n",
	    "", "X-Mailer" },
	/* one that only looks like it */
	{ SIG "bh=User-Agent; z=User-Agent; b=x\r\n" UA,
	    SIG "bh=User-Agent; z=User-Agent; b=x\r\n", "User-Agent", "" },
	{ "DKIM-Signature:\r\n" UA "DKIM-Signature: h\r\n",
	    "DKIM-Signature:\r\nDKIM-Signature: h\r\n", "User-Agent", "" },
	/* resent: all of it is others' */
	{ "Resent-From: b@x\r\n" REC TO UA, "Resent-From: b@x\r\n" REC TO UA,
	    "", "" },
};

static int
strip(size_t i, struct mc_err *err)
{
	struct mc_buf removed, kept, out;
	struct mc_header h;
	int rc;

	mc_buf_init(&removed, 1000);
	mc_buf_init(&kept, 1000);
	mc_buf_init(&out, MC_MAX_HEADER);
	mc_header_init(&h);
	rc = mc_header_read(&h, mc_str_from(rows[i].in), err);
	if (rc == 0)
		rc = mc_strip_header(&h, MC_STR(NAMES), &removed, &kept, err);
	mc_header_write(&h, &out);
	if (rc == 0)
		rc = mc_buf_err(&out, "header", err);
	if (rc == 0) {
		assert_string_equal(out.ptr, rows[i].out);
		assert_string_equal(removed.ptr, rows[i].removed);
		assert_string_equal(kept.ptr, rows[i].kept);
	}
	mc_header_clear(&h);
	mc_buf_clear(&out);
	mc_buf_clear(&kept);
	mc_buf_clear(&removed);
	return rc;
}

static void
test_strip(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };

		assert_int_equal(strip(i, &err), 0);
	}
}

static void
test_no_names(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_buf none;
	struct mc_header h;

	(void)state;
	mc_buf_init(&none, 1);
	mc_header_init(&h);
	assert_int_equal(mc_header_read(&h, MC_STR(REC UA), &err), 0);
	assert_int_equal(mc_strip_header(&h, MC_STR_NONE, &none, &none, &err),
	    0);
	assert_int_equal(h.fields.n, 2);
	mc_header_clear(&h);
	mc_buf_clear(&none);
}

/* every allocation fails in turn */
static void
test_nomem(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		int rc = -1;

		for (unsigned long n = 1; rc != 0; n++) {
			struct mc_err err = { .code = MC_OK };

			assert_true(n < 1000);
			failmalloc(n, false);
			rc = strip(i, &err);
			failmalloc(0, false);
			if (rc != 0)
				assert_int_equal(err.code, MC_E_NOMEM);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_strip),
		cmocka_unit_test(test_no_names),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
