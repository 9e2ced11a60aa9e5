/* SPDX-License-Identifier: MIT */
/*
 * worker_confine.h - what a worker keeps when it gives up the rest
 */
#ifndef MC_WORKER_CONFINE_H
#define MC_WORKER_CONFINE_H

#include "base/log.h"
#include "queue/worker.h"

/*
 * mc_worker_confine - leave to this process what a delivery needs
 *
 * It may read the system's files and those that the account names, not the home
 * directory and not the spool; write nothing but temporary files without a
 * name; run nothing but the helper of tls-verify = dane; connect by TCP to the
 * account's port, its proxy's, and that of DNS.  Not for an account with
 * confine = no, nor one that names GSSAPI, whose library wants more.
 *
 * What the kernel cannot do is logged (info) unless set->told.  Secrets have to
 * come from a keeper after that (keeper.h).
 */
void
mc_worker_confine(const struct mc_worker *set, const struct mc_log *log);

/* is it going to be tried? */
bool
mc_worker_confinable(const struct mc_account *account);

#endif
