/* SPDX-License-Identifier: MIT */
/*
 * stream_internal.h - a stream's two halves: sockets and TLS
 */
#ifndef MC_STREAM_INTERNAL_H
#define MC_STREAM_INTERNAL_H

#include "net/stream.h"
#include "net/tls_internal.h"

struct mc_stream;

/*
 * The TLS half, as the other one calls it.  By a pointer, so that whoever never
 * turns TLS on does not link it: the program itself, which speaks to the local
 * service.
 */
struct mc_stream_layer {
	int (*read)(struct mc_stream *s, void *p, size_t n, int64_t deadline,
	    size_t *ret_got, struct mc_err *err);
	int (*write)(struct mc_stream *s, const char *p, size_t n,
	    bool stop_on_input, int64_t deadline, size_t *ret_done,
	    struct mc_err *err);
	/* without waiting: 1 bytes or the end can be read, 0 not, -1 a fault */
	int (*input)(struct mc_stream *s);
	/* so many bytes of what was prepared have left */
	void (*sent)(struct mc_stream *s, size_t n);
	void (*end)(struct mc_stream *s);
};

struct mc_stream {
	int fd;
	int cancel_fd;
	const struct mc_stream_layer *layer;	/* NULL: TLS was never begun */
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

/* 1: a byte waits; 0: the end; -1 with errno */
int
mc_stream_peek(const struct mc_stream *s);

/* is it no more than "not now"? */
bool
mc_stream_would_block(int sys);

#endif
