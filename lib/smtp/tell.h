/* SPDX-License-Identifier: MIT */
/*
 * tell.h - what a server says before the first message, for whoever asks
 */
#ifndef MC_TELL_H
#define MC_TELL_H

#include "base/fact.h"
#include "smtp/caps.h"

/*
 * mc_tell_reply - a reply to something other than a transaction
 *
 * Of EHLO each line, "tls" ("yes" or "no") in front, and what follows from
 * them; else "text" of the greeting, and "reply".  What goes on with a log-in
 * (334) is not told.  facts is not NULL.
 */
void
mc_tell_reply(const struct mc_facts *facts, enum mc_stage stage, bool secured,
    const struct mc_reply *r);

#endif
