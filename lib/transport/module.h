/* SPDX-License-Identifier: MIT */
/*
 * module.h - a transport in a shared object of its own
 *
 * Loading TLS and SASL takes as long as queueing a message does, and most
 * calls of the program need neither: it links the way to a socket alone, and
 * loads the rest when something is sent elsewhere.  libmailchute has the native one linked in; libcurl is
 * always loaded.
 */
#ifndef MC_MODULE_H
#define MC_MODULE_H

#include "net/tls_serve.h"
#include "transport/dkim.h"
#include "transport/transport.h"

/* the one symbol that a module exports, and its name for the loader */
#define MC_MODULE_SYMBOL mc_transport_module
#define MC_MODULE_NAME "mc_transport_module"

/* Program and module share structures, so they have to come from one build:
 * `layout` is MC_MODULE_LAYOUT as the module saw it. */
struct mc_transport_module {
	const char *version;		/* mc_version() */
	size_t layout[12];
	const struct mc_transport_ops *ops;
	const struct mc_tls_serve_ops *tls_serve;	/* NULL: not in it */
	const struct mc_dkim_ops *dkim;			/* NULL: not in it */
};

#define MC_MODULE_LAYOUT \
	{ sizeof(struct mc_transport_module), sizeof(struct mc_account), \
	sizeof(struct mc_caller), sizeof(struct mc_log), \
	sizeof(struct mc_envelope), sizeof(struct mc_rcpt), \
	sizeof(struct mc_transport_job), sizeof(struct mc_transport_env), \
	sizeof(struct mc_transport_ops), sizeof(struct mc_tls_serve_ops), \
	sizeof(struct mc_tls_terminate), sizeof(struct mc_dkim_ops) }

/*
 * mc_module_load - load `file`, which stays loaded until the process ends
 *
 * MC_E_MODULE: it cannot be loaded, or is not of this build (the text says
 * what to do).
 */
MC_NODISCARD int
mc_module_load(const char *file, const struct mc_transport_module **ret_module,
    struct mc_err *err);

/*
 * mc_module_get - find and load the module called `name`
 *
 * Where the caller is installed, that is where the module is, also when all of
 * it stands below another root; in the place where it was built, libtool has
 * put it into .libs.  Anywhere else it is the installed one.  own_folder: of
 * the file that the caller's code is in; empty: not known.  MC_E_MODULE,
 * MC_E_NOMEM, MC_E_TOO_LONG.
 */
MC_NODISCARD int
mc_module_get(struct mc_str own_folder, const char *name,
    const struct mc_transport_module **ret_module, struct mc_err *err);

/*
 * mc_tls_serve_find - TLS for clients of ours, which is in the native module
 *
 * MC_E_MODULE: it cannot be loaded, or this was built without OpenSSL.
 */
MC_NODISCARD int
mc_tls_serve_find(const struct mc_tls_serve_ops **ret_ops, struct mc_err *err);

/* what that says where it was left out */
int
mc_tls_serve_none(struct mc_err *err);

#endif
