/* SPDX-License-Identifier: MIT */
/*
 * module.h - a transport in a shared object of its own
 *
 * Loading TLS and SASL takes as long as queueing a message does, and most
 * calls of the program need neither: it links no transport and loads one when
 * something is sent.  libmailchute has the native one linked in.
 */
#ifndef MC_MODULE_H
#define MC_MODULE_H

#include "transport/transport.h"

/* the one symbol that a module exports, and its name for the loader */
#define MC_MODULE_SYMBOL mc_transport_module
#define MC_MODULE_NAME "mc_transport_module"

/* Program and module share structures, so they have to come from one build:
 * `layout` is MC_MODULE_LAYOUT as the module saw it. */
struct mc_transport_module {
	const char *version;		/* mc_version() */
	size_t layout[8];
	const struct mc_transport_ops *ops;
};

#define MC_MODULE_LAYOUT \
	{ sizeof(struct mc_transport_module), sizeof(struct mc_account), \
	sizeof(struct mc_caller), sizeof(struct mc_log), \
	sizeof(struct mc_envelope), sizeof(struct mc_rcpt), \
	sizeof(struct mc_transport_job), sizeof(struct mc_transport_ops) }

/*
 * mc_module_load - load `file`, which stays loaded until the process ends
 *
 * MC_E_MODULE: it cannot be loaded, or is not of this build (the text says
 * what to do).
 */
MC_NODISCARD int
mc_module_load(const char *file, const struct mc_transport_ops **ret_ops,
    struct mc_err *err);

#endif
