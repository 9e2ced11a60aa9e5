/* SPDX-License-Identifier: MIT */
/*
 * report.h - make a delivery report: multipart/report (RFC 6522, 3464, 3834)
 *
 * A report tells the sender of a message what became of some of its
 * recipients and names no other.  It is meant for a null return path, has
 * Auto-Submitted: auto-replied, a valid From, and the header of the original
 * only (RET=FULL: all of it, if it is small and fit to be sent again).  Lines
 * have at most 998 bytes, and end with CRLF.  All is ASCII unless an address,
 * an answer of a server or the original is not (RFC 6533).
 */
#ifndef MC_REPORT_H
#define MC_REPORT_H

#include "base/rand.h"
#include "config/config.h"
#include "mail/envelope.h"
#include "mail/spool.h"
#include "queue/reason.h"

enum mc_report_kind {
	MC_REPORT_FAILED,	/* Action: failed */
	MC_REPORT_DELAYED,	/* Action: delayed; more attempts follow */
	MC_REPORT_RELAYED	/* Action: relayed (RFC 3461 5.2.2 c: to a
				 * server that does not do DSN), for
				 * NOTIFY=SUCCESS */
};

struct mc_report_settings {
	enum mc_report_kind kind;
	const char *id;			/* of the message in the queue */
	const struct mc_envelope *env;	/* sender, envid, ret, smtputf8;
					 * recipients with orcpt, notify, and
					 * text as mc_reason_format made it */
	const size_t *which;		/* those it is about */
	size_t n;
	int64_t arrival;		/* seconds since 1970; 0: unknown */
	int64_t last_attempt;		/* 0: unknown */
	int64_t retry_until;		/* DELAYED: when we give up; 0:
					 * unknown */
	int64_t now;			/* goes into Date, so a rerun may
					 * differ there only */
	struct mc_str header;		/* of the original */
	const struct mc_spool *body;	/* of the original; NULL: never goes
					 * back */
	struct mc_str from;		/* address for From; the sender's if
					 * this is empty, no address, or one
					 * outside ASCII while that is not */
	struct mc_str host;		/* Remote-MTA: the server's name or
					 * address; "" if none */
	struct mc_str reporter;		/* Reporting-MTA: a domain */
};

/* from, host and reporter by the account (NULL: it is not known any more) and,
 * where that says nothing, by env */
void
mc_report_of_account(const struct mc_account *account,
    struct mc_report_settings *settings);

/* may, by NOTIFY (RFC 3461 4.1; unspecified: failure only), such a report be
 * made?  A null sender or a message that is itself a report: the caller knows,
 * and asks not */
bool
mc_report_wanted(const struct mc_rcpt *rcpt, enum mc_report_kind kind);

/*
 * mc_report_id - identifier of a report: the same for the same message, kind
 * and set of recipients in any order
 *
 * 26 characters of base32 (as mc_rand_id) out of SHA-256.  MC_E_INTERNAL (also
 * for no recipient, and for an index that no envelope has).
 */
MC_NODISCARD int
mc_report_id(const char *id, enum mc_report_kind kind, const size_t *which,
    size_t n, char ret_id[MC_ID_LEN + 1], struct mc_err *err);

/* enough for the header of any report */
#define MC_REPORT_HEADER 4096

/*
 * mc_report_make - header (all fields, without the blank line) and body
 *
 * The human part says in a few lines what happened to whom, why, and what the
 * sender can do.  Message-ID is made of mc_report_id and reporter, so it is
 * the same in a rerun.  References is the original's Message-ID.  ret_header
 * (with a maximum of MC_REPORT_HEADER or more) and ret_body come initialised
 * and empty; after a failure they hold a part, to be cleared.  *ret_8bit: the
 * body has bytes outside ASCII and says so (the caller's needs_8bit).  -1 with
 * err: MC_E_NOMEM, MC_E_IO (original cannot be read), MC_E_TMPFILE,
 * MC_E_INTERNAL (no recipient, or none of this envelope; a sender or reporter
 * that cannot stand in a header).
 */
MC_NODISCARD int
mc_report_make(const struct mc_report_settings *settings,
    struct mc_buf *ret_header, struct mc_spool *ret_body, bool *ret_8bit,
    struct mc_err *err);

#endif
