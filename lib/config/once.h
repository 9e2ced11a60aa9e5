/* SPDX-License-Identifier: MIT */
/*
 * once.h - a password that can be had only once: of a descriptor, of a person
 *
 * For a process that sends at once, and that keeps it for its next connection.
 * The queue and the service have nobody to ask.
 */
#ifndef MC_ONCE_H
#define MC_ONCE_H

#include "base/secret.h"
#include "config/config.h"

struct mc_once {
	mc_ask_fn ask;		/* NULL: nobody can be asked */
	void *ask_ctx;
	bool looked;
	bool is_there;		/* what password-fd names */
	bool tried;
	struct mc_secret *secret;	/* NULL: there was none */
};

/*
 * mc_once_look - is the descriptor of password-fd there?
 *
 * To be asked before libraries open some of their own, which they may leave
 * open for exec.  Once it was asked the answer stays.
 */
void
mc_once_look(struct mc_once *once, const struct mc_account *account);

/*
 * mc_once_get - the password of password-fd, or of whoever is asked
 *
 * Of a descriptor the first line counts; it has to be one that the program was
 * started with, and is waited for at most helper-timeout.  MC_E_NO_SECRET,
 * also the second time after a failure; MC_E_CONF_VALUE (no such descriptor,
 * a NUL byte), MC_E_CANCELLED, MC_E_NOMEM.  The caller owns *ret_secret.
 */
MC_NODISCARD int
mc_once_get(struct mc_once *once, const struct mc_account *account,
    int cancel_fd, struct mc_secret **ret_secret, struct mc_err *err);

/* wipe; one that was never used is fine */
void
mc_once_clear(struct mc_once *once);

#endif
