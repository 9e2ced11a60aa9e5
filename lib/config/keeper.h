/* SPDX-License-Identifier: MIT */
/*
 * keeper.h - a process that reads an account's secrets for one that may not
 *
 * Who is confined cannot run password-command as its author meant it, nor read
 * a token-file that was made anew.  The keeper is started before that, knows
 * one account, and does nothing but mc_source_get() and mc_grant_token() for it; it ends when the
 * channel does.
 */
#ifndef MC_KEEPER_H
#define MC_KEEPER_H

#include "base/child.h"
#include "config/source.h"

struct mc_keeper {
	const struct mc_account *account;
	const struct mc_caller *caller;
	uint64_t refused;	/* for the next token: see struct
				 * mc_grant_wish */
	struct mc_child child;
};

/* is there a secret that is not in the configuration itself? */
bool
mc_keeper_needed(const struct mc_account *account,
    const struct mc_caller *caller);

/* account and caller are borrowed.  MC_E_IO */
MC_NODISCARD int
mc_keeper_start(const struct mc_account *account,
    const struct mc_caller *caller, struct mc_keeper *keeper,
    struct mc_err *err);

/* as mc_source_get; MC_E_HELPER too when the keeper is gone.  After an error
 * of that kind, or MC_E_CANCELLED, it answers no more. */
MC_NODISCARD int
mc_keeper_get(struct mc_keeper *keeper, enum mc_secret_kind kind,
    int cancel_fd, struct mc_secret **ret_secret, struct mc_err *err);

/* waits a moment for its end; one that was not started is fine */
void
mc_keeper_end(struct mc_keeper *keeper);

#endif
