/* SPDX-License-Identifier: MIT */
/*
 * secret.h - a password or token: locked, kept out of dumps, wiped
 *
 * The bytes live in pages of their own (mmap, MADV_DONTDUMP, mlock as far as
 * the limits allow) and are NUL-terminated.  Only lib/smtp/sasl.c, oauth.c,
 * lib/transport/curl*.c (which hand them to libcurl, and read `proxy`),
 * lib/config/proxy.c, source.c, once.c, grant*.c (which keep, and renew, tokens),
 * keeper.c (which hand them on), forget.c (which overwrites them),
 * lib/transport/login.c (the user of a netrc) and lib/queue/worker_confine.c
 * (the proxy's port) look at
 * them, through mc_secret_peek.
 */
#ifndef MC_SECRET_H
#define MC_SECRET_H

#include "base/str.h"

struct mc_secret;

/* copies; the caller wipes its own.  NULL with err: MC_E_NOMEM */
MC_NODISCARD struct mc_secret *
mc_secret_new(const char *p, size_t len, struct mc_err *err);

/* wipes; NULL is fine */
void
mc_secret_free(struct mc_secret *s);

/* valid until mc_secret_free */
struct mc_str
mc_secret_peek(const struct mc_secret *s);

/*
 * mc_secret_blot - bytes of it become 'x', and its place in memory forgets them
 *
 * From `from` on, n of them; what is beyond its end is passed over.
 */
void
mc_secret_blot(struct mc_secret *s, size_t from, size_t n);

/* overwrite all of it: empty from now on, which no other secret is */
void
mc_secret_forget(struct mc_secret *s);

/* equal bytes, in time that does not depend on where they differ */
bool
mc_secret_eq(struct mc_str a, struct mc_str b);

#endif
