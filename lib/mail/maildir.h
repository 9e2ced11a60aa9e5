/* SPDX-License-Identifier: MIT */
/*
 * maildir.h - a copy of a message for a Maildir
 */
#ifndef MC_MAILDIR_H
#define MC_MAILDIR_H

#include "mail/spool.h"

/*
 * mc_maildir_put - put a message there, as one that was read
 *
 * `dir` is made (0700) if only its last part is missing, and so are tmp, new and
 * cur in it.  header: all fields, without the blank line; lines end with LF in
 * the copy.  Written to tmp, fsync, renamed into cur, fsync: whoever looks
 * finds all of it or nothing.  host (or NULL) is for the name of the file.
 * Memory does not grow with the message.  -1 with err: MC_E_IO, MC_E_NOMEM;
 * nothing is left then.
 */
MC_NODISCARD int
mc_maildir_put(const char *dir, const char *host, struct mc_str header,
    const struct mc_spool *body, struct mc_err *err);

#endif
