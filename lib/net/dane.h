/* SPDX-License-Identifier: MIT */
/*
 * dane.h - which certificates DNS names for a server (RFC 6698, 7671, 7672)
 *
 * The records come from a helper program, mailchute-tlsa.  It prints a line
 * for each, and then one that says what they are worth:
 *
 *	tlsa USAGE SELECTOR MATCHING-TYPE HEX
 *	secure NAME		they are those of _PORT._tcp.NAME
 *	none			it is proved that there are none
 *	insecure REASON		nothing is proved
 *	again REASON		the name itself cannot be looked up for now
 *	failed REASON		its records cannot: they may be forged
 */
#ifndef MC_DANE_H
#define MC_DANE_H

#include "base/buf.h"
#include "base/limits.h"
#include "base/vec.h"

/* usages that count for SMTP */
#define MC_DANE_TA 2
#define MC_DANE_EE 3

struct mc_tlsa {
	unsigned char usage;
	unsigned char selector;
	unsigned char type;
	size_t off, len;	/* of its data, in struct mc_dane */
};

struct mc_dane {
	char base[MC_MAX_DOMAIN + 1];	/* NAME; "" unless secure */
	struct mc_vec records;	/* of struct mc_tlsa: those that may count */
	struct mc_buf data;
	char why[160];		/* why there are none; "" otherwise */
};

void
mc_dane_init(struct mc_dane *dane);

void
mc_dane_clear(struct mc_dane *dane);

/*
 * mc_dane_parse - read what the helper has printed
 *
 * Into an empty *dane; only secure records stay in it, and of them those that
 * count for SMTP: DANE-TA(2) and DANE-EE(3) (RFC 7672 3.1.3), known selector
 * and matching type, digest of the right length.  -1 with err: MC_E_RESOLVE
 * (failed; again: err->sys is EAGAIN), MC_E_HELPER (not the lines above),
 * MC_E_NOMEM.
 */
MC_NODISCARD int
mc_dane_parse(struct mc_str text, struct mc_dane *dane, struct mc_err *err);

struct mc_dane_query {
	const char *program;	/* the helper; NULL: where it is installed */
	const char *host;	/* a name */
	const char *port;
	char *const *envp;	/* for the helper */
	int64_t timeout_ms;
	int cancel_fd;
};

/*
 * mc_dane_lookup - run the helper and read what it prints
 *
 * *dane as for mc_dane_parse.  A name that can have no records (an address,
 * localhost) is not looked up.  -1 with err: as mc_dane_parse; MC_E_HELPER
 * too when the helper does not run, MC_E_TIMEOUT when it takes too long;
 * MC_E_CANCELLED; MC_E_CONF_VALUE when it was left out of this build.
 */
MC_NODISCARD int
mc_dane_lookup(const struct mc_dane_query *query, struct mc_dane *dane,
    struct mc_err *err);

#endif
