/* SPDX-License-Identifier: MIT */
/*
 * tokens.h - passwords of the local service, each for one user of the machine
 *
 * For clients that cannot use a socket in the file system, and have to say over
 * loopback who they are.  A token is 128 random bits, so that the file may hold
 * plain digests of them:
 *
 *	LOGIN:sha256 of the token, 64 digits in hex
 *
 * one a line, blank lines and those that begin with # aside.  It is a regular
 * file, no link, of mode 0600, which belongs to us, to root or to the owner of
 * its directory; root makes it for that owner.  The directory is opened too, so
 * that a confined process has to be allowed to read it.
 *
 * A login: 1 to 255 bytes of UTF-8 without control bytes, blanks and colons,
 * not with # in front.
 */
#ifndef MC_TOKENS_H
#define MC_TOKENS_H

#include "base/rand.h"
#include "base/str.h"

#define MC_TOKEN_LEN MC_ID_LEN

/*
 * mc_token_make - a new token for login, in place of the one it had
 *
 * ret_token: letters in lower case and digits, then NUL; the caller wipes it,
 * and nobody can tell it again.  -1 with err: MC_E_BAD_VALUE (login),
 * MC_E_CONF_FILE, MC_E_CONF_SECRET, MC_E_CONF_SYNTAX (the file: nothing is
 * changed), MC_E_TIMEOUT (others write it all the time), MC_E_IO, MC_E_NOMEM,
 * MC_E_INTERNAL.
 */
MC_NODISCARD int
mc_token_make(const char *path, const char *login,
    char ret_token[MC_TOKEN_LEN + 1], struct mc_err *err);

/* 1: removed, 0: there was none; -1 as mc_token_make */
MC_NODISCARD int
mc_token_remove(const char *path, const char *login, struct mc_err *err);

/*
 * mc_token_check - is this the token of login?
 *
 * 1 or 0, 0 also if there is no such file; in time that does not depend on the
 * answer or on whether there is such a login.  -1 with err: MC_E_CONF_FILE,
 * MC_E_CONF_SECRET, MC_E_CONF_SYNTAX, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_token_check(const char *path, struct mc_str login, struct mc_str password,
    struct mc_err *err);

#endif
