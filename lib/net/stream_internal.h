/* SPDX-License-Identifier: MIT */
/*
 * stream_internal.h - a stream's two halves: sockets and TLS
 */
#ifndef MC_STREAM_INTERNAL_H
#define MC_STREAM_INTERNAL_H

#include "net/stream.h"
#include "net/tls_internal.h"

struct mc_stream {
	int fd;
	int cancel_fd;
	struct mc_tls_io io;
	struct mc_tls_conn tls;
	bool tls_begun;		/* the ClientHello was made in advance */
	bool tls_up;		/* handshake done and checked */
	size_t half_out;	/* bytes of a record that went out in part */
	struct mc_err fault;	/* what ended this connection, once it did */
};

/* return -1 with the fault */
int
mc_stream_fault(struct mc_stream *s, struct mc_err *err);

/* make the errno of a system call the fault */
int
mc_stream_broken(struct mc_stream *s, int sys, const char *doing,
    struct mc_err *err);

/* mc_wait_one in a stream's words; a timeout is no fault */
MC_NODISCARD int
mc_stream_wait(struct mc_stream *s, short events, int64_t deadline,
    short *ret_revents, struct mc_err *err);

/* ----------------------------------------------------------- stream_tls.c */

MC_NODISCARD int
mc_stream_tls_prepare(struct mc_stream *s, const struct mc_tls *tls,
    struct mc_str *ret_hello, struct mc_err *err);

MC_NODISCARD int
mc_stream_tls_start(struct mc_stream *s, const struct mc_tls *tls,
    bool after_clear, int64_t deadline, struct mc_tls_info *ret_info,
    struct mc_err *err);

MC_NODISCARD int
mc_stream_tls_read(struct mc_stream *s, void *p, size_t n, int64_t deadline,
    size_t *ret_got, struct mc_err *err);

MC_NODISCARD int
mc_stream_tls_write(struct mc_stream *s, const char *p, size_t n,
    bool stop_on_input, int64_t deadline, size_t *ret_done,
    struct mc_err *err);

/* without waiting: 1 bytes or the end can be read, 0 not, -1 a fault */
int
mc_stream_tls_input(struct mc_stream *s);

void
mc_stream_tls_end(struct mc_stream *s);

#endif
