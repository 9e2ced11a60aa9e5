/* SPDX-License-Identifier: MIT */
/*
 * report_internal.h - what the files that make a report share
 *
 * The parts are made twice: once only to be looked at (is the boundary in
 * them, are they ASCII?), then into the spool.  Nothing of a part is kept in
 * memory.  After a failure all that puts lines does nothing, so that a
 * sequence is checked once, by `failed`.
 */
#ifndef MC_REPORT_INTERNAL_H
#define MC_REPORT_INTERNAL_H

#include "queue/format.h"
#include "queue/report.h"

/* of a buffer, and of an original that goes back whole */
#define MC_REPORT_BUFFER (256 * 1024)
/* shown of an address: no mailbox is longer, an ORCPT may have 500 */
#define MC_REPORT_ADDR 512

struct mc_report {
	const struct mc_report_settings *set;
	struct mc_err *err;
	bool failed;

	char id[MC_ID_LEN + 1];
	char boundary[MC_ID_LEN + 16];
	struct mc_buf sender;	/* checked: may stand in a header */
	struct mc_buf from;
	struct mc_buf reporter;	/* A-labels */
	struct mc_buf host;	/* as Remote-MTA wants it; empty if none */
	struct mc_buf whole;	/* body of the original, if `full` */
	bool full;		/* the original goes back with its body */
	bool utf8;		/* an address needs RFC 6533 */

	struct mc_spool *out;	/* NULL: only look */
	bool seen;		/* the boundary stood in a line */
	bool has_8bit;		/* so did a byte beyond ASCII */
	struct mc_buf line;	/* being made */
	struct mc_buf text;	/* a paragraph, before it is wrapped */
};

/* one recipient, fit to be shown: printable, cut, UTF-8 */
struct mc_report_rcpt {
	char addr[MC_REPORT_ADDR + 1];
	char orcpt[MC_REPORT_ADDR + 1];	/* "" if none */
	char why[MC_QF_NOTE_TEXT + 32];	/* "550 5.1.1 text" if `answered`, else
					 * our own words; "" if unknown */
	bool answered;			/* a server said it */
	int status[3];			/* of the class of the action */
};

void
mc_report_show(const struct mc_report *r, size_t i,
    struct mc_report_rcpt *ret_rcpt);

/* -------------------------------------------------------------------- lines */

/* one line, checked once more: whatever came before, no CR, LF or NUL and no
 * line that is too long leaves here */
void
mc_report_put(struct mc_report *r, struct mc_str line);

/* put r->line and begin a new one */
void
mc_report_end(struct mc_report *r);

/* text in lines of about 72 bytes, cut at blanks only; the first one begins
 * with `first`, each further one with `next` */
void
mc_report_wrap(struct mc_report *r, const char *first, const char *next,
    struct mc_str text);

/* r->text wrapped, and emptied */
void
mc_report_wrap_text(struct mc_report *r, const char *first, const char *next);

/* give up; the first error stays */
void
mc_report_fail(struct mc_report *r, const char *what);

/* -------------------------------------------------------------------- parts */

void
mc_report_human(struct mc_report *r);

void
mc_report_status(struct mc_report *r);

void
mc_report_original(struct mc_report *r);

/*
 * mc_report_read_original - decide `full`, and read `whole` if it is so
 *
 * RET=FULL, a failure, at most 256 KiB together, and a body of which every
 * line could be sent again as it is.  MC_E_IO, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_report_read_original(struct mc_report *r, struct mc_err *err);

/* the original's identifier with its brackets, if it has one of plain atoms */
struct mc_str
mc_report_message_id(struct mc_str header);

#endif
