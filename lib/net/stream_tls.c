/* SPDX-License-Identifier: MIT */
/*
 * The TLS half of a stream: OpenSSL driven over a non-blocking socket.
 */
#include "base/base.h"

#include "net/stream_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "net/wait.h"

/* RFC 8446 section 5.1: the largest plaintext of one record */
#define RECORD 16384

/* how often a server may fill the buffer with what is not for us before that
 * counts as input: at that point it is up to no good */
#define MAX_IDLE 16

/* what a call into OpenSSL came to */
enum outcome {
	DONE,
	ENDED,			/* close_notify */
	WANT_INPUT,
	WANT_OUTPUT,
	AGAIN,			/* see MAX_RECEIVES: just call again */
	FAILED
};

static void
before_call(struct mc_stream *s)
{
	ERR_clear_error();
	s->io.receives = 0;
	s->io.blocked = false;
	s->io.sys = 0;
}

static enum outcome
outcome_of(struct mc_stream *s, int rc)
{
	if (rc > 0)
		return DONE;
	switch (SSL_get_error(s->tls.ssl, rc)) {
	case SSL_ERROR_ZERO_RETURN:
		return ENDED;
	case SSL_ERROR_WANT_READ:
		return s->io.blocked ? WANT_INPUT : AGAIN;
	case SSL_ERROR_WANT_WRITE:
		return WANT_OUTPUT;
	}
	return FAILED;
}

/* turn a failed call into the stream's fault */
static int
fail(struct mc_stream *s, const char *doing, struct mc_err *err)
{
	char buf[256];
	if (mc_err_is_set(&s->fault)) {
		ERR_clear_error();
		return mc_stream_fault(s, err);
	}
	if (s->io.sys != 0) {
		ERR_clear_error();
		return mc_stream_broken(s, s->io.sys, doing, err);
	}
	if (s->io.eof) {
		ERR_clear_error();
		mc_err_set(&s->fault, MC_E_CLOSED, MC_STAGE_CONNECT,
		    "the connection was cut while %s (TLS was not ended by "
		    "the server)", doing);
	} else
		mc_err_set(&s->fault, MC_E_TLS, MC_STAGE_TLS,
		    "TLS failed while %s (%s)", doing,
		    mc_tls_reason(buf, sizeof(buf)));
	return mc_stream_fault(s, err);
}

static int
wait_for(struct mc_stream *s, enum outcome o, int64_t deadline,
    struct mc_err *err)
{
	/* a server that keeps sending what is not for us gets no extra time */
	if (o == AGAIN) {
		if (mc_clock_left(deadline) != 0)
			return 0;
		return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_CONNECT,
		    "no answer from the server in time");
	}
	return mc_stream_wait(s, o == WANT_INPUT ? POLLIN : POLLOUT, deadline,
	    NULL, err);
}

static int
send_held(struct mc_stream *s, const char *doing, int64_t deadline,
    struct mc_err *err)
{
	for (;;) {
		before_call(s);
		int rc = mc_tls_io_flush(&s->io);
		if (rc == 1)
			return 0;
		if (rc == -1)
			return fail(s, doing, err);
		if (wait_for(s, WANT_OUTPUT, deadline, err) == -1)
			return -1;
	}
}

/* ------------------------------------------------------------- handshake */

static const char shaking[] = "shaking hands for TLS";

static int
handshake_failed(struct mc_stream *s, bool after_clear, struct mc_err *err)
{
	/* an alert, which says why */
	int sys = s->io.sys;
	s->io.hold = false;
	(void)mc_tls_io_flush(&s->io);
	s->io.sys = sys;
	if (s->io.sys != 0 || (s->io.eof && s->io.n_first == 0))
		return fail(s, shaking, err);
	if (s->io.eof && ERR_GET_REASON(ERR_peek_error()) ==
	    SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return fail(s, shaking, err);
	mc_tls_handshake_error(&s->tls, &s->io, after_clear, &s->fault);
	return mc_stream_fault(s, err);
}

static int
handshake(struct mc_stream *s, bool after_clear, int64_t deadline,
    struct mc_err *err)
{
	for (;;) {
		before_call(s);
		enum outcome o = outcome_of(s, SSL_connect(s->tls.ssl));
		if (o == DONE)
			return 0;
		if (o == FAILED || o == ENDED)
			return handshake_failed(s, after_clear, err);
		struct mc_err why = { .code = MC_OK };
		if (wait_for(s, o, deadline, &why) == 0)
			continue;
		if (why.code == MC_E_TIMEOUT) {
			mc_err_reset(&why);
			mc_err_set(&why, MC_E_TIMEOUT, MC_STAGE_TLS,
			    "the server did not finish the TLS handshake in "
			    "time%s", after_clear ? "" : " (does it expect "
			    "tls = starttls on this port?)");
		}
		s->fault = why;
		return mc_stream_fault(s, err);
	}
}

/*
 * Is what was made in advance one ClientHello in one record, and nothing else?
 *
 * What is in a SYN may reach the server twice, and come from anybody who saw
 * it.  A ClientHello may (RFC 7413 section 6.3): it has neither secrets nor
 * mail in it, and the server does nothing on it but answer.  OpenSSL cannot
 * write anything else before it has read, since no session is resumed and
 * there is no early data; should that ever change, nothing leaves early.
 */
static bool
is_hello(const struct mc_tls_io *io)
{
	const unsigned char *p = io->held;
	/* RFC 8446 sections 5.1 and 4: type 22, version, length; type 1,
	 * length */
	return io->n_held > 9 && p[0] == 22 && p[5] == 1 &&
	    5 + ((size_t)p[3] << 8 | p[4]) == io->n_held &&
	    9 + ((size_t)p[6] << 16 | (size_t)p[7] << 8 | p[8]) == io->n_held;
}

static int
tls_prepare(struct mc_stream *s, const struct mc_tls *tls,
    struct mc_str *ret_hello, struct mc_err *err)
{
	if (mc_tls_conn_init(&s->tls, tls, &s->io, &s->fault) == -1)
		return mc_stream_fault(s, err);
	s->io.hold = true;
	before_call(s);
	enum outcome o = outcome_of(s, SSL_connect(s->tls.ssl));
	s->io.hold = false;
	/* WANT_OUTPUT: too long to be held, and so it leaves as always */
	if (o != WANT_INPUT && o != WANT_OUTPUT)
		return fail(s, shaking, err);
	s->tls_begun = true;
	*ret_hello = MC_STR_NONE;
	if (is_hello(&s->io))
		*ret_hello = (struct mc_str){ (const char *)s->io.held,
		    s->io.n_held };
	return 0;
}

/*
 * With TLS 1.3 the server sends its tickets and then its greeting.  By Nagle's
 * algorithm the second waits for our acknowledgement of the first, which we
 * would hold back for 40 ms.
 */
static void
hasten_greeting(const struct mc_stream *s)
{
#ifdef TCP_QUICKACK
	int on = 1;

	(void)setsockopt(s->io.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
#else
	(void)s;
#endif
}

/*
 * After STARTTLS we are the first to speak, so what ends the handshake on our
 * side (in TLS 1.3; before that the server ends it) waits for that: one segment
 * instead of two, and none before all checks have passed.
 */
static int
tls_start(struct mc_stream *s, const struct mc_tls *tls,
    bool after_clear, int64_t deadline, struct mc_tls_info *ret_info,
    struct mc_err *err)
{
	if (s->tls_begun ? send_held(s, shaking, deadline, &s->fault) == -1 :
	    mc_tls_conn_init(&s->tls, tls, &s->io, &s->fault) == -1)
		return mc_stream_fault(s, err);
	s->io.hold = after_clear;
	int shaken = handshake(s, after_clear, deadline, NULL);
	if (tls->facts != NULL)
		mc_tls_tell(&s->tls);
	if (shaken == -1 ||
	    mc_tls_conn_finish(&s->tls, ret_info, &s->fault) == -1)
		return mc_stream_fault(s, err);
	s->tls_up = true;
	s->io.hold = false;
	if (!after_clear)
		hasten_greeting(s);
	return 0;
}

static void
tls_end(struct mc_stream *s)
{
	/* an alert between the halves of a record would be garbage */
	if (s->tls_up && s->half_out == 0 && !mc_err_is_set(&s->fault)) {
		before_call(s);
		(void)SSL_shutdown(s->tls.ssl);
	}
	if (s->tls.ssl != NULL) {
		mc_tls_conn_clear(&s->tls);
		ERR_clear_error();
	}
	s->tls_up = false;
}

/* --------------------------------------------------------------- reading */

static int
tls_input(struct mc_stream *s)
{
	for (int i = 0; i < MAX_IDLE; i++) {
		char c;
		before_call(s);
		enum outcome o = outcome_of(s, SSL_peek(s->tls.ssl, &c, 1));
		if (o == DONE || o == ENDED)
			return 1;
		if (o == FAILED)
			return fail(s, "reading", NULL);
		if (o != AGAIN)
			return 0;
	}
	return 1;
}

static int
tls_read(struct mc_stream *s, void *p, size_t n, int64_t deadline,
    size_t *ret_got, struct mc_err *err)
{
	int want = n > INT_MAX ? INT_MAX : (int)n;
	/* nobody wanted to write after the handshake: the server waits for its
	 * end */
	if (s->io.n_held != 0 && send_held(s, "writing", deadline, err) == -1)
		return -1;
	/* mostly the answer is still on its way: save a call that finds
	 * nothing */
	if (SSL_has_pending(s->tls.ssl) == 0 &&
	    (SSL_get_shutdown(s->tls.ssl) & SSL_RECEIVED_SHUTDOWN) == 0 &&
	    mc_stream_wait(s, POLLIN, deadline, NULL, err) == -1)
		return -1;
	for (;;) {
		before_call(s);
		int rc = SSL_read(s->tls.ssl, p, want);
		enum outcome o = outcome_of(s, rc);
		if (o == DONE || o == ENDED) {
			*ret_got = o == DONE ? (size_t)rc : 0;
			return 0;
		}
		if (o == FAILED)
			return fail(s, "reading", err);
		if (wait_for(s, o, deadline, err) == -1)
			return -1;
	}
}

/* --------------------------------------------------------------- writing */

/*
 * Nothing can be sent now.  1: stop, there is input; 0: try again; -1.
 *
 * That the socket is readable is not enough: it may be a session ticket, and
 * whoever then waits for an answer waits for ever, since the server waits for
 * us.
 */
static int
blocked(struct mc_stream *s, enum outcome o, bool stop_on_input,
    int64_t deadline, struct mc_err *err)
{
	if (!stop_on_input || o != WANT_OUTPUT)
		return wait_for(s, o, deadline, err);
	int input = tls_input(s);
	if (input == -1)
		return mc_stream_fault(s, err);
	if (input == 1)
		return 1;
	return mc_stream_wait(s, POLLOUT | POLLIN, deadline, NULL, err);
}

/* the write failed: is the reason there to be read? */
static int
write_failed(struct mc_stream *s, bool stop_on_input, struct mc_err *err)
{
	int sys = s->io.sys;
	if (sys != 0) {
		ERR_clear_error();
		int input = tls_input(s);
		if (input == 1 && stop_on_input)
			return 0;
		if (input == -1)
			return mc_stream_fault(s, err);
		s->io.sys = sys;
	}
	return fail(s, "writing", err);
}

static int
tls_write(struct mc_stream *s, const char *p, size_t n,
    bool stop_on_input, int64_t deadline, size_t *ret_done,
    struct mc_err *err)
{
	size_t done = 0;
	if (n < s->half_out)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "a half-sent record was not gone on with");
	while (done < n) {
		size_t chunk = n - done;
		if (s->half_out != 0)
			chunk = s->half_out;
		else if (chunk > RECORD)
			chunk = RECORD;
		before_call(s);
		int rc = SSL_write(s->tls.ssl, p + done, (int)chunk);
		enum outcome o = outcome_of(s, rc);
		if (o == DONE) {
			done += (size_t)rc;
			s->half_out = 0;
			continue;
		}
		if (o == FAILED || o == ENDED) {
			if (write_failed(s, stop_on_input, err) == -1)
				return -1;
			break;
		}
		s->half_out = chunk;
		int stop = blocked(s, o, stop_on_input, deadline, err);
		if (stop == -1)
			return -1;
		if (stop == 1)
			break;
	}
	*ret_done = done;
	return 0;
}

/* ---------------------------------------------------------------- turning on */

static void
tls_sent(struct mc_stream *s, size_t n)
{
	mc_tls_io_sent(&s->io, n);
}

static const struct mc_stream_layer layer = {
	tls_read, tls_write, tls_input, tls_sent, tls_end,
};

/*
 * CVE-2011-0411 and its kin: what came before our ClientHello was never
 * protected, so nothing of it may be taken for an answer behind TLS.
 */
static int
check_no_input(struct mc_stream *s, struct mc_err *err)
{
	int got = mc_stream_peek(s);
	if (got == 1) {
		mc_err_set(&s->fault, MC_E_INJECTED, MC_STAGE_STARTTLS,
		    "data in clear behind the reply to STARTTLS: the server "
		    "is broken or somebody tampers with the connection");
		return mc_stream_fault(s, err);
	}
	if (got == 0) {
		mc_err_set(&s->fault, MC_E_CLOSED, MC_STAGE_STARTTLS,
		    "the server closed the connection after STARTTLS");
		return mc_stream_fault(s, err);
	}
	if (!mc_stream_would_block(errno))
		return mc_stream_broken(s, errno, "starting TLS", err);
	return 0;
}

int
mc_stream_prepare_tls(struct mc_stream *s, const struct mc_tls *tls,
    struct mc_str *ret_hello, struct mc_err *err)
{
	if (mc_err_is_set(&s->fault))
		return mc_stream_fault(s, err);
	if (s->tls.ssl != NULL || s->fd != -1)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "too late to prepare TLS");
	s->layer = &layer;
	return tls_prepare(s, tls, ret_hello, err);
}

int
mc_stream_start_tls(struct mc_stream *s, const struct mc_tls *tls,
    bool after_clear, int64_t deadline, struct mc_tls_info *ret_info,
    struct mc_err *err)
{
	if (mc_err_is_set(&s->fault))
		return mc_stream_fault(s, err);
	if (s->tls.ssl != NULL && (s->tls_up || !s->tls_begun ||
	    after_clear || s->tls.tls != tls))
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "TLS is on already");
	if (after_clear && check_no_input(s, err) == -1)
		return -1;
	s->layer = &layer;
	return tls_start(s, tls, after_clear, deadline, ret_info,
	    err);
}
