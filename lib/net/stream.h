/* SPDX-License-Identifier: MIT */
/*
 * stream.h - bytes to and from one server, in clear or over TLS, with deadlines
 */
#ifndef MC_STREAM_H
#define MC_STREAM_H

#include "net/tls.h"

/*
 * A failure other than MC_E_TIMEOUT and MC_E_CANCELLED is final: each later
 * call gives it again.  The stream does not know what is being talked about, so
 * its errors have the stage MC_STAGE_CONNECT, those of TLS itself MC_STAGE_TLS.
 */
struct mc_stream;

/* takes the descriptor (non-blocking), also on failure; MC_E_NOMEM.  With fd -1
 * the stream is for mc_stream_prepare_tls, mc_stream_attach and mc_stream_free
 * until it has one */
MC_NODISCARD int
mc_stream_new(int fd, int cancel_fd, struct mc_stream **ret_stream,
    struct mc_err *err);

/* takes the descriptor of a connection; the first `sent` bytes that
 * mc_stream_prepare_tls made have left through it */
void
mc_stream_attach(struct mc_stream *s, int fd, size_t sent);

/* sends close_notify without waiting if TLS is up, closes; NULL is fine */
void
mc_stream_free(struct mc_stream *s);

/*
 * mc_stream_prepare_tls - begin the handshake of TLS from the start
 *
 * Of a stream that has no descriptor yet, so that what the client says first
 * can leave with the SYN.  *ret_hello stays until mc_stream_attach: one whole
 * ClientHello, or nothing.  mc_stream_start_tls with the same `tls` goes on,
 * and sends what has not left.  MC_E_TLS, MC_E_NOMEM.
 */
MC_NODISCARD int
mc_stream_prepare_tls(struct mc_stream *s, const struct mc_tls *tls,
    struct mc_str *ret_hello, struct mc_err *err);

/*
 * mc_stream_start_tls - handshake as client and check the server
 *
 * First a non-blocking MSG_PEEK must find nothing: bytes that came in clear
 * before our ClientHello are MC_E_INJECTED (`after_clear` true; skipped for TLS
 * from the start).  Verification failures say which check failed and what to do
 * (expired on DATE, name mismatch with the names that the certificate has,
 * unknown authority, self-signed, pin).  A handshake with a server that speaks
 * plain SMTP says so ("port 587 wants tls = starttls").  After a failure the
 * stream is only good for mc_stream_free.  `tls` must outlive the stream.
 * With `after_clear` the end of a TLS 1.3 handshake leaves with what is written
 * next, or before mc_stream_read waits; mc_stream_readable does not send it.
 * -1 with err: MC_E_TLS, MC_E_TLS_CERT, MC_E_INJECTED, MC_E_TIMEOUT,
 * MC_E_CANCELLED, MC_E_CLOSED.
 */
MC_NODISCARD int
mc_stream_start_tls(struct mc_stream *s, const struct mc_tls *tls,
    bool after_clear, int64_t deadline, struct mc_tls_info *ret_info,
    struct mc_err *err);

/*
 * mc_stream_read - wait for bytes, 1 to n of them
 *
 * *ret_got is 0 at an orderly end (FIN in clear, close_notify in TLS); TLS that
 * ends without close_notify, a reset and so on: MC_E_CLOSED.  MC_E_TIMEOUT,
 * MC_E_CANCELLED, MC_E_NET, MC_E_TLS.
 */
MC_NODISCARD int
mc_stream_read(struct mc_stream *s, void *p, size_t n, int64_t deadline,
    size_t *ret_got, struct mc_err *err);

/*
 * mc_stream_write - send n bytes
 *
 * Returns 0 with *ret_done: n, or less when the server sent something while
 * we could not write (`stop_on_input`): read that, then go on with the rest
 * (same bytes first: a TLS record may be half out).  Up to 16 KiB leave as one
 * record and one system call.  SIGPIPE never happens (MSG_NOSIGNAL, also under
 * OpenSSL).  Errors as mc_stream_read; with `stop_on_input` a reply that came
 * before a reset is told as input, not as an error.
 */
MC_NODISCARD int
mc_stream_write(struct mc_stream *s, const void *p, size_t n,
    bool stop_on_input, int64_t deadline, size_t *ret_done,
    struct mc_err *err);

/* would mc_stream_read return at once?  never blocks */
bool
mc_stream_readable(struct mc_stream *s);

int
mc_stream_fd(const struct mc_stream *s);

#endif
