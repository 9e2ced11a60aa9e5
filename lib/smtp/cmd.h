/* SPDX-License-Identifier: MIT */
/*
 * cmd.h - commands: the only maker of lines that we send
 *
 * Each builder appends exactly one line with exactly one CRLF, at its end, to
 * `wire`, and the same for people to `show` (NULL: not wanted), without line end, printable and
 * with secrets hidden.  Arguments are checked against their grammar; nothing is stripped or repaired:
 * -1 with err MC_E_BAD_VALUE (or MC_E_ADDR_SYNTAX, MC_E_ADDR_LONG,
 * MC_E_NEED_SMTPUTF8; MC_E_TOO_LONG, MC_E_NOMEM), and nothing is appended.
 */
#ifndef MC_CMD_H
#define MC_CMD_H

#include "base/buf.h"
#include "mail/envelope.h"

struct mc_cmd_out {
	struct mc_buf *wire;
	struct mc_buf *show;
};

/* name: host name or address literal */
MC_NODISCARD int
mc_cmd_ehlo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err);
MC_NODISCARD int
mc_cmd_lhlo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err);
MC_NODISCARD int
mc_cmd_helo(struct mc_cmd_out out, struct mc_str name, struct mc_err *err);

/* STARTTLS, DATA, RSET, QUIT, NOOP and nothing else */
MC_NODISCARD int
mc_cmd_plain(struct mc_cmd_out out, const char *verb, struct mc_err *err);

/* "AUTH MECH" or, with ir not NULL, "AUTH MECH ir" (ir is base64, or "=" );
 * mech in upper case.  MC_E_TOO_LONG when the line, CRLF included, passes
 * MC_MAX_COMMAND_IR: then ir has to wait for a 334 (RFC 4954 section 4) */
MC_NODISCARD int
mc_cmd_auth(struct mc_cmd_out out, struct mc_str mech, const struct mc_str *ir,
    struct mc_err *err);

/* a line of the log-in dialogue: base64, empty, or "*"; shown as <hidden> unless "*" */
MC_NODISCARD int
mc_cmd_auth_line(struct mc_cmd_out out, struct mc_str b64, struct mc_err *err);

struct mc_cmd_mail {
	struct mc_str sender;	/* empty: <> */
	bool bare_ok;		/* a name without domain may be sent */
	bool has_size;
	uint64_t size;
	bool body_8bit;		/* BODY=8BITMIME */
	bool body_binary;	/* BODY=BINARYMIME instead */
	bool smtputf8;
	bool require_tls;
	bool has_priority;
	int priority;		/* -9 to 9 */
	enum mc_by by;
	bool by_trace;
	int64_t by_seconds;	/* from now; cut to nine digits */
	int64_t hold_until;	/* HOLDUNTIL, seconds since 1970; 0: none */
	enum mc_ret ret;
	struct mc_str envid;	/* plain text, at most 100 printable ASCII
				 * characters, becomes xtext; empty: none */
};

MC_NODISCARD int
mc_cmd_mail(struct mc_cmd_out out, const struct mc_cmd_mail *mail,
    struct mc_err *err);

struct mc_cmd_rcpt {
	struct mc_str addr;
	bool bare_ok;		/* as above */
	bool dsn;		/* may carry NOTIFY and ORCPT; if not, these are
				 * not looked at */
	unsigned notify;
	/* original address without type; empty: none.  Outside ASCII it is sent
	 * with the type utf-8 (RFC 6533), and written in ASCII if not utf8;
	 * what would pass 500 bytes so is left out */
	struct mc_str orcpt;
	bool utf8;		/* session has SMTPUTF8: addresses may be UTF-8 */
};

MC_NODISCARD int
mc_cmd_rcpt(struct mc_cmd_out out, const struct mc_cmd_rcpt *rcpt,
    struct mc_err *err);

/* BDAT (RFC 3030 section 2): so many bytes follow, and they are the last */
MC_NODISCARD int
mc_cmd_bdat(struct mc_cmd_out out, uint64_t size, struct mc_err *err);

/* RFC 3461 section 4: append as xtext, '+' and '=' always encoded */
void
mc_cmd_xtext(struct mc_str text, struct mc_buf *out);

/* is it a host name (LDH labels, A-labels) or an address literal in brackets? */
bool
mc_cmd_is_ehlo_name(struct mc_str name);

#endif
