/* SPDX-License-Identifier: MIT */
/*
 * netrc.h - name and password for a server, out of a netrc
 */
#ifndef MC_NETRC_H
#define MC_NETRC_H

#include "base/buf.h"

struct mc_netrc_want {
	const char *host;
	const char *port;	/* digits; only an entry with `port` minds it */
	const char *user;	/* NULL: whoever the first entry names */
};

/*
 * mc_netrc_find - the entry for a server
 *
 * Words are separated by blanks and line ends; "..." holds any bytes but a line
 * end, and there a backslash takes the next byte as it is, or makes \n, \r and
 * \t what they are in C.  Where a keyword can stand, # begins a comment.
 * machine, default, login (user), password (passwd), account, port and
 * macdef, whose text ends with an empty line, are known; an entry without a
 * password is passed over.  The first machine that fits counts, else the first
 * default that does.  An entry without a login fits every user; without a
 * wanted user it has to have one.
 *
 * 1 with the two appended (login stays empty if the entry has none), 0 if
 * there is none, -1 with err: MC_E_CONF_SYNTAX ("line N: ...", never a word of
 * the file), MC_E_NOMEM.
 */
MC_NODISCARD int
mc_netrc_find(struct mc_str text, const struct mc_netrc_want *want,
    struct mc_buf *login, struct mc_buf *password, struct mc_err *err);

#endif
