/* SPDX-License-Identifier: MIT */
/*
 * fit.h - a message in the form that a server takes
 *
 *	BINARYMIME: what is marked as binary as it was, if the header fits
 *	8BITMIME and SMTPUTF8: as it is
 *	8BITMIME: as it is, with A-labels for domains in addresses of the header
 *	neither: 7-bit, header and body
 *
 * And signed in that form, where the account has a key for it (DKIM).
 *
 * The message itself stays as it is, for another server may take more.
 */
#ifndef MC_FIT_H
#define MC_FIT_H

#include "transport/deliver.h"

struct mc_fit {
	/* what to send */
	struct mc_str header;
	const struct mc_spool *body;
	bool needs_8bit;	/* bytes >= 0x80 that SMTPUTF8 does not cover */
	bool needs_utf8;	/* the header is UTF-8, and may be */
	bool needs_binary;	/* covers bytes >= 0x80, too */
	struct mc_err unfit;	/* why it is not 7-bit, if it has to be */

	/* private */
	const struct mc_delivery_message *m;
	const struct mc_caller *caller;
	const struct mc_signer *signer;
	bool made;
	unsigned takes;		/* what it was made for */
	struct mc_buf new_header;
	struct mc_spool new_body;
	struct mc_buf signed_header;
};

/* the caller's tmpdir is where a large body goes; all are borrowed, and the
 * signer may get its keys later, or be NULL */
void
mc_fit_init(struct mc_fit *fit, const struct mc_delivery_message *m,
    const struct mc_caller *caller, const struct mc_signer *signer);

void
mc_fit_clear(struct mc_fit *fit);

/*
 * mc_fit_for - make it fit for a server (MC_TAKES_...), unless it is already
 *
 * A message that cannot be made fit is left as it is, with the reason in
 * `unfit`, and that is success.  -1 with err: MC_E_NOMEM, MC_E_IO,
 * MC_E_TMPFILE, MC_E_INTERNAL; and those of mc_signer_sign.
 */
MC_NODISCARD int
mc_fit_for(struct mc_fit *fit, unsigned takes, struct mc_err *err);

#endif
