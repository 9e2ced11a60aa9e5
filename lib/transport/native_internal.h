/* SPDX-License-Identifier: MIT */
/*
 * native_internal.h - the native transport and the TLS in it
 *
 * native.c is complete without TLS: a socket of this machine needs no more, and
 * the program has that linked in.  native_tls.c adds it.
 */
#ifndef MC_NATIVE_INTERNAL_H
#define MC_NATIVE_INTERNAL_H

#include "net/stream.h"
#include "transport/drive.h"
#include "transport/login.h"

struct mc_native_tls;

struct mc_transport {
	const struct mc_transport_env *env;
	const struct mc_native_secure *how;	/* NULL: no TLS here */
	struct mc_native_tls *tls;	/* NULL: off */
	struct mc_login login;
	struct mc_stream *stream;
	struct mc_drive drive;
};

/* all that TLS does in a session */
struct mc_native_secure {
	/* t->tls, if the account wants it; before there is a connection */
	int (*make)(struct mc_transport *t, struct mc_err *err);
	/* what may leave with the SYN */
	int (*prepare)(struct mc_transport *t, struct mc_str *ret_hello,
	    struct mc_err *err);
	int (*start)(struct mc_transport *t, bool after_clear,
	    struct mc_sasl_channel *ret_channel, struct mc_err *err);
	/* once the stream is gone */
	void (*end)(struct mc_native_tls *tls);
};

/* mc_transport_ops.open, with TLS or without */
MC_NODISCARD int
mc_native_open(const struct mc_transport_env *env,
    const struct mc_native_secure *how, struct mc_transport **ret_transport,
    struct mc_err *err);

/* the rest of mc_transport_ops, the same in both */
#define MC_NATIVE_OPS \
	.send = mc_native_send, .close = mc_native_close, \
	.takes = mc_native_takes, .ready = mc_native_ready, \
	.start = mc_native_start, .finish = mc_native_finish, \
	.drop = mc_native_drop, .limits = mc_native_limits

int
mc_native_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err);
void
mc_native_close(struct mc_transport *t);
unsigned
mc_native_takes(const struct mc_transport *t);
bool
mc_native_ready(const struct mc_transport *t);
int
mc_native_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err);
int
mc_native_finish(struct mc_transport *t, struct mc_err *err);
void
mc_native_drop(struct mc_transport *t, const struct mc_err *why);
struct mc_transport_limits
mc_native_limits(const struct mc_transport *t);

#endif
