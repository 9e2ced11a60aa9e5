/* SPDX-License-Identifier: MIT */
/*
 * smtp_run.h - inside of an SMTP session: over which transport mail leaves
 */
#ifndef MC_SMTP_RUN_H
#define MC_SMTP_RUN_H

#include "transport/deliver.h"

/* mc_smtp_run over another transport; ops NULL: the usual one */
MC_NODISCARD int
mc_smtp_run_over(const struct mc_caller *caller,
    const struct mc_config *config, const struct mc_smtp *smtp,
    const struct mc_transport_ops *ops, struct mc_err *err);

#endif
