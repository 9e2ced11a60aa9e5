/* SPDX-License-Identifier: MIT */
/*
 * dkim.h - what a DKIM signature says and what it is made over (RFC 6376)
 *
 * Canonical forms ("relaxed" for header and body), the field itself, and its
 * lines.  Digests and keys are somebody else's (transport/dkim.h).
 */
#ifndef MC_DKIM_H
#define MC_DKIM_H

#include "mail/header.h"

#define MC_DKIM_DIGEST 32	/* SHA-256 */

/* the next bytes of a canonical form; failures are the receiver's to keep */
typedef void mc_dkim_put(void *ctx, const char *p, size_t n);

/* small pieces become larger ones */
struct mc_dkim_out {
	mc_dkim_put *put;
	void *ctx;
	size_t n;
	char bytes[1024];
};

/* ---------------------------------------------------------- canonical forms */

struct mc_dkim_body {
	struct mc_dkim_out out;
	uint64_t ends;		/* line ends that wait for a byte behind them */
	bool blank;		/* and so does a blank */
	bool cr;		/* the last byte was CR */
	bool any;		/* there was a byte that counts */
};

void
mc_dkim_body_begin(struct mc_dkim_body *b, mc_dkim_put *put, void *ctx);

/* the next bytes of the body, in pieces of any size; CRLF alone ends a line */
void
mc_dkim_body_add(struct mc_dkim_body *b, const char *p, size_t n);

/* the rest: one line end, or nothing for a body in which nothing counts */
void
mc_dkim_body_end(struct mc_dkim_body *b);

/*
 * mc_dkim_put_field - one field in its canonical form
 *
 * raw begins with the name and has a colon; a CRLF at its end is not needed.
 * Without one behind the form, if `last` says that it is the signature's own.
 */
void
mc_dkim_put_field(struct mc_str raw, bool last, mc_dkim_put *put, void *ctx);

/* ---------------------------------------------------------------- signature */

struct mc_dkim_tags {
	const char *algorithm;		/* "rsa-sha256" */
	const char *domain;		/* A-labels */
	struct mc_str selector;
	uint64_t time;			/* seconds since 1970 */
	unsigned char body[MC_DKIM_DIGEST];	/* of its canonical form */
};

/*
 * mc_dkim_field_begin - append "DKIM-Signature: ...; b=", folded
 *
 * h= names those of our list that are in the header, each as often as it is
 * there, and those that nobody may add once more than that.
 */
void
mc_dkim_field_begin(const struct mc_dkim_tags *tags,
    const struct mc_header *header, struct mc_buf *out);

/*
 * mc_dkim_put_header - all that the signature is made over (RFC 6376 3.7)
 *
 * The fields that mc_dkim_field_begin has named, of each name the lowest first,
 * and then that field itself as it is so far.
 */
void
mc_dkim_put_header(const struct mc_header *header, struct mc_str field,
    mc_dkim_put *put, void *ctx);

/* append the signature, folded, and CRLF.  MC_E_NOMEM */
MC_NODISCARD int
mc_dkim_field_end(struct mc_str signature, struct mc_buf *out,
    struct mc_err *err);

/* ---------------------------------------------------------------- who signs */

/*
 * mc_dkim_is_ours - are all authors in the domain, or below it?
 *
 * 1; 0 if one is not, with its domain (printable, cut to size) in ret_domain,
 * empty when From is missing or cannot be read.  -1 with err: MC_E_NOMEM.
 */
MC_NODISCARD int
mc_dkim_is_ours(const struct mc_header *header, const char *domain,
    char *ret_domain, size_t size, struct mc_err *err);

/* ------------------------------------------------------------------- record */

/* append the text of the TXT record: "v=DKIM1; k=rsa; p=..." */
void
mc_dkim_record_text(const char *type, struct mc_str key, struct mc_buf *out);

#endif
