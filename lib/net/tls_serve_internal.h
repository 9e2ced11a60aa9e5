/* SPDX-License-Identifier: MIT */
/*
 * tls_serve_internal.h - what the server's side of TLS shares
 */
#ifndef MC_TLS_SERVE_INTERNAL_H
#define MC_TLS_SERVE_INTERNAL_H

#include "net/tls_internal.h"
#include "net/tls_serve.h"

/* ------------------------------------------------------- tls_serve_cert.c */

/* a context with policy, certificate and key; NULL with err */
SSL_CTX *
mc_tls_serve_ctx(const struct mc_tls_serve_files *files, struct mc_err *err);

/* see tls_serve.h */
MC_NODISCARD int
mc_tls_serve_check(const struct mc_tls_serve_files *files, struct mc_err *err);

MC_NODISCARD int
mc_tls_serve_self_signed(const char *path, struct mc_err *err);

#endif
