/* SPDX-License-Identifier: MIT */
/*
 * sign.h - an account's DKIM keys, and signatures made with them
 */
#ifndef MC_SIGN_H
#define MC_SIGN_H

#include "config/dkim.h"
#include "mail/spool.h"
#include "transport/dkim.h"
#include "transport/transport.h"

/* all zero: not loaded */
struct mc_signer {
	const struct mc_account *account;	/* whose keys these are */
	const struct mc_log *log;
	const struct mc_dkim_ops *ops;
	struct {
		struct mc_dkim_key *key;
		struct mc_str selector;		/* the account's */
		char algorithm[32];
	} keys[MC_MAX_DKIM];
	size_t n;
	bool loaded;
	bool once;		/* this is no more the time to read files */
	struct mc_err err;	/* with `once`: what went wrong then */
};

/*
 * mc_signer_load - read the keys of an account, unless that is done
 *
 * Does nothing for an account that signs nothing.  A file must be regular,
 * ours or root's, closed to all others but for reading by its group.  The
 * account stays as it is until mc_signer_clear.  -1 with err: MC_E_DKIM,
 * MC_E_CONF_SECRET, MC_E_MODULE, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_signer_load(struct mc_signer *s, const struct mc_transport_env *env,
    struct mc_err *err);

/* load them now or never: a failure is told by each mc_signer_load() from now
 * on.  For a process that soon may read nothing */
void
mc_signer_load_now(struct mc_signer *s, const struct mc_transport_env *env);

/* wipes */
void
mc_signer_clear(struct mc_signer *s);

static inline bool
mc_signer_signs(const struct mc_signer *s)
{
	return s != NULL && s->n != 0;
}

/*
 * mc_signer_sign - append the header with its signatures in front
 *
 * The body is read in pieces, once for all of them.  1: signed; 0: From is not
 * of the domain, which was logged, and nothing was appended.  -1 with err:
 * MC_E_DKIM, MC_E_IO, MC_E_NOMEM, MC_E_TOO_LONG, MC_E_HDR_SYNTAX.
 */
MC_NODISCARD int
mc_signer_sign(const struct mc_signer *s, struct mc_str header,
    const struct mc_spool *body, struct mc_buf *out, struct mc_err *err);

/*
 * mc_dkim_read_key - read one key from its file, with the checks above
 *
 * Nothing of the file stays in memory but the key.
 */
MC_NODISCARD int
mc_dkim_read_key(const struct mc_dkim_ops *ops, const char *file,
    unsigned long uid, struct mc_dkim_key **ret_key, struct mc_err *err);

#endif
