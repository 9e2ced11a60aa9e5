/* SPDX-License-Identifier: MIT */
/*
 * mime.h - make a message fit for a server: 7-bit, short lines, no NUL
 *
 * Works part by part (multipart and message/rfc822 are walked, RFC 2045 to
 * 2049): a part with bytes that cannot go is encoded anew, and its
 * Content-Transfer-Encoding and those of the parts around it follow.  What a
 * reader gets by decoding stays the same, byte by byte.  Where that cannot be
 * had, the message is refused with the reason.
 */
#ifndef MC_MIME_H
#define MC_MIME_H

#include "mail/header.h"
#include "mail/spool.h"

/* what has to go */
#define MC_MIME_8BIT 1u		/* bytes >= 0x80 */
#define MC_MIME_LINES 2u	/* lines over MC_MAX_LINE */
#define MC_MIME_NUL 4u		/* NUL bytes */
#define MC_MIME_CR 8u		/* CR and LF apart; mc_message never has any */

/*
 * mc_mime_convert - a copy of the body that is fit, and its header
 *
 * `want` is a sum of MC_MIME_..., `body` is canonical: lines end with CRLF.
 * Only parts that hold what has to go are encoded, but these wholly:
 *  - quoted-printable or base64, about whichever is shorter: the former if at
 *    most one byte in six needs an escape, in text/... one in three.  base64
 *    if there is NUL, or CR and LF apart, and for what is marked as binary and
 *    is no text.
 *  - what is quoted-printable or base64 already stays so and is wrapped at 76.
 *  - a body without Content-Type gets MIME-Version and Content-Type:
 *    text/plain with charset us-ascii, utf-8 if it is that, else unknown-8bit
 *    (RFC 1428).
 *  - long lines in the header of a part are folded at blanks, and 8-bit bytes
 *    in it encoded as mc_downgrade_header says.  NUL cannot be: refused.
 *  - in front of the first and behind the last part of a multipart, where no
 *    reader looks, bytes become '?', and lines are broken or lose a leading
 *    hyphen.
 *  - "8bit" and "binary" become "7bit" (or "8bit") wherever that is true now.
 * Refused, but only if something would have to go there: what is signed
 * (multipart/signed, application/pkcs7-mime, the whole below a DKIM-Signature)
 * or encrypted (multipart/encrypted); message/partial and others that are
 * 7-bit by rule; multiparts without usable boundary, or with lines that one
 * reader takes for it and another does not (RFC 2046 5.1.1); encodings that
 * are not known, base64 that is none; contradicting fields; what lies deeper
 * than MC_MAX_MIME_DEPTH or comes after MC_MAX_MIME_PARTS parts.
 *
 * Reads the body twice and keeps nothing of it; memory grows with the number
 * of parts, up to some 4 MB.
 *
 * Returns 1 if something changed: in *header, as far as needed, the fields
 * MIME-Version, Content-Type and Content-Transfer-Encoding (new ones at the
 * end); *ret_body, initialised by the caller and empty, has the new body.
 * 0 if nothing had to go; both are as they were.  -1 with err; both are as
 * they were: MC_E_MSG_CONTENT (which part, why, what to do), MC_E_HDR_LONG (no
 * room for a field), MC_E_NOMEM, MC_E_IO, MC_E_TMPFILE.
 */
MC_NODISCARD int
mc_mime_convert(struct mc_header *header, const struct mc_spool *body,
    unsigned want, struct mc_spool *ret_body, struct mc_err *err);

/*
 * mc_mime_is_binary - may the body go as it is by BINARYMIME (RFC 3030)?
 *
 * Yes if each part that holds something of `want` is marked as "binary", and
 * so is everything around it (RFC 2045 6.4).  MC_E_NOMEM, MC_E_IO.
 */
MC_NODISCARD int
mc_mime_is_binary(const struct mc_header *header, const struct mc_spool *body,
    unsigned want, bool *ret_binary, struct mc_err *err);

/* Content-Transfer-Encoding: binary, whatever it was; MC_E_HDR_LONG,
 * MC_E_NOMEM */
MC_NODISCARD int
mc_mime_mark_binary(struct mc_header *header, struct mc_err *err);

#endif
