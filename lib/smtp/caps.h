/* SPDX-License-Identifier: MIT */
/*
 * caps.h - what a server offers in its reply to EHLO
 */
#ifndef MC_CAPS_H
#define MC_CAPS_H

#include "smtp/reply.h"

#define MC_CAP_STARTTLS 0x0001u
#define MC_CAP_PIPELINING 0x0002u
#define MC_CAP_8BITMIME 0x0004u
#define MC_CAP_SMTPUTF8 0x0008u
#define MC_CAP_DSN 0x0010u
#define MC_CAP_ENHANCED 0x0020u
#define MC_CAP_CHUNKING 0x0040u
#define MC_CAP_SIZE 0x0080u
#define MC_CAP_AUTH 0x0100u
#define MC_CAP_REQUIRETLS 0x0200u
#define MC_CAP_LIMITS 0x0400u
#define MC_CAP_PRIORITY 0x0800u
#define MC_CAP_DELIVERBY 0x1000u
#define MC_CAP_FUTURERELEASE 0x2000u
#define MC_CAP_BINARYMIME 0x4000u

#define MC_MAX_MECHS 1024

struct mc_caps {
	unsigned flags;
	uint64_t size;		/* limit in bytes; 0 = none known */
	/* LIMITS (RFC 9422); 0 = none known */
	uint32_t rcpt_max;	/* recipients in a transaction */
	uint32_t domain_max;	/* domains among them */
	uint32_t mail_max;	/* transactions in a connection */
	uint32_t by_min;	/* least seconds for DELIVERBY mode R; 0: any */
	/* FUTURERELEASE (RFC 4865): how long, and until when at most */
	int64_t hold_most;
	int64_t hold_last;	/* seconds since 1970 */
	char mechs[MC_MAX_MECHS];	/* " PLAIN LOGIN ": upper case, each word
				 * between blanks; words that are no mechanism names are left out;
				 * what does not fit is left out whole */
};

/*
 * mc_caps_parse - read an EHLO reply (code 250)
 *
 * The first line is the greeting and no keyword.  Keywords are exact tokens,
 * any case, ended by a space or the line; only spaces separate, a tab is part
 * of a word.  "AUTH=PLAIN" (old form) counts as AUTH; a mechanism named twice
 * is kept once.  SIZE without number, 0, negative, not decimal or past 2^63-1
 * means no known limit.  A repeated keyword: flags add up, AUTH lists join,
 * the last SIZE counts.  Of LIMITS a word counts that is NAME=N with N from 1 to
 * 999999 without leading zero; what is not known or not well formed is skipped.
 * FUTURERELEASE counts with both its limits in good form alone, the last time
 * that it is there.
 */
void
mc_caps_parse(const struct mc_reply *r, struct mc_caps *ret_caps);

/* does the server hold a message from `now` until then (seconds since 1970)? */
bool
mc_caps_can_hold(const struct mc_caps *caps, int64_t until, int64_t now);

/* is the mechanism (any case) offered? */
bool
mc_caps_has_mech(const struct mc_caps *caps, struct mc_str mech);

#endif
