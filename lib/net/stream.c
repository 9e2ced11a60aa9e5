/* SPDX-License-Identifier: MIT */
/*
 * One connection: reading and writing with deadlines, in clear or through TLS.
 */
#include "base/base.h"

#include "net/stream.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "net/stream_internal.h"
#include "net/wait.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

int
mc_stream_new(int fd, int cancel_fd, struct mc_stream **ret_stream,
    struct mc_err *err)
{
	struct mc_stream *s = mc_mem_zalloc(1, sizeof(*s));
	if (s == NULL) {
		mc_file_close(&fd);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONNECT, NULL);
	}
	s->cancel_fd = cancel_fd;
	mc_stream_attach(s, fd, 0);
	*ret_stream = s;
	return 0;
}

void
mc_stream_attach(struct mc_stream *s, int fd, size_t sent)
{
#ifdef SO_NOSIGPIPE
	int on = 1;
	(void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof(on));
#endif
	s->fd = fd;
	s->io.fd = fd;
	if (s->layer != NULL)
		s->layer->sent(s, sent);
}

void
mc_stream_free(struct mc_stream *s)
{
	if (s == NULL)
		return;
	if (s->layer != NULL)
		s->layer->end(s);
	mc_file_close(&s->fd);
	mc_mem_free(s);
}

int
mc_stream_fd(const struct mc_stream *s)
{
	return s->fd;
}

int
mc_stream_fault(struct mc_stream *s, struct mc_err *err)
{
	if (err != NULL && !mc_err_is_set(err))
		*err = s->fault;
	return -1;
}

int
mc_stream_broken(struct mc_stream *s, int sys, const char *doing,
    struct mc_err *err)
{
	switch (sys) {
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ENOTCONN:
		mc_err_sys(&s->fault, MC_E_CLOSED, MC_STAGE_CONNECT, sys,
		    "the server broke the connection while %s", doing);
		break;
	case ENOMEM:
	case ENOBUFS:
		mc_err_sys(&s->fault, MC_E_NOMEM, MC_STAGE_CONNECT, sys,
		    "no memory while %s", doing);
		break;
	default:
		mc_err_sys(&s->fault, MC_E_NET, MC_STAGE_CONNECT, sys,
		    "the connection failed while %s", doing);
		break;
	}
	return mc_stream_fault(s, err);
}

int
mc_stream_wait(struct mc_stream *s, short events, int64_t deadline,
    short *ret_revents, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	if (mc_wait_one(s->fd, events, s->cancel_fd, deadline,
	    MC_STAGE_CONNECT, ret_revents, &why) == 0)
		return 0;
	if (why.code == MC_E_TIMEOUT)
		return mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_CONNECT,
		    (events & POLLOUT) != 0 ?
		    "the server takes no more data and time is up" :
		    "no answer from the server in time");
	if (err != NULL && !mc_err_is_set(err))
		*err = why;
	return -1;
}

bool
mc_stream_would_block(int sys)
{
	return sys == EAGAIN || sys == EWOULDBLOCK || sys == EINTR;
}

/* ------------------------------------------------------------- in clear */

static int
clear_read(struct mc_stream *s, void *p, size_t n, int64_t deadline,
    size_t *ret_got, struct mc_err *err)
{
	for (;;) {
		if (mc_stream_wait(s, POLLIN, deadline, NULL, err) == -1)
			return -1;
		ssize_t got = recv(s->fd, p, n, 0);
		if (got >= 0) {
			*ret_got = (size_t)got;
			return 0;
		}
		if (!mc_stream_would_block(errno))
			return mc_stream_broken(s, errno, "reading", err);
	}
}

int
mc_stream_peek(const struct mc_stream *s)
{
	char c;
	ssize_t got;
	do
		got = recv(s->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	while (got == -1 && errno == EINTR);
	return (int)got;
}

static int
clear_write(struct mc_stream *s, const char *p, size_t n, bool stop_on_input,
    int64_t deadline, size_t *ret_done, struct mc_err *err)
{
	size_t done = 0;
	while (done < n) {
		ssize_t put = send(s->fd, p + done, n - done, MSG_NOSIGNAL);
		if (put >= 0) {
			done += (size_t)put;
			continue;
		}
		int sys = errno;
		if (!mc_stream_would_block(sys)) {
			/* the reply that explains why may be there */
			if (stop_on_input && mc_stream_peek(s) == 1)
				break;
			return mc_stream_broken(s, sys, "writing", err);
		}
		short events = stop_on_input ? POLLOUT | POLLIN : POLLOUT;
		short got;
		if (mc_stream_wait(s, events, deadline, &got, err) == -1)
			return -1;
		if ((got & POLLIN) != 0 && (got & POLLOUT) == 0)
			break;
	}
	*ret_done = done;
	return 0;
}

/* --------------------------------------------------------------- either */

int
mc_stream_read(struct mc_stream *s, void *p, size_t n, int64_t deadline,
    size_t *ret_got, struct mc_err *err)
{
	if (mc_err_is_set(&s->fault))
		return mc_stream_fault(s, err);
	if (s->tls_up)
		return s->layer->read(s, p, n, deadline, ret_got, err);
	return clear_read(s, p, n, deadline, ret_got, err);
}

int
mc_stream_write(struct mc_stream *s, const void *p, size_t n,
    bool stop_on_input, int64_t deadline, size_t *ret_done,
    struct mc_err *err)
{
	if (mc_err_is_set(&s->fault))
		return mc_stream_fault(s, err);
	if (s->tls_up)
		return s->layer->write(s, p, n, stop_on_input, deadline,
		    ret_done, err);
	return clear_write(s, p, n, stop_on_input, deadline, ret_done, err);
}

bool
mc_stream_readable(struct mc_stream *s)
{
	if (mc_err_is_set(&s->fault))
		return true;
	if (s->tls_up)
		return s->layer->input(s) != 0;
	return mc_stream_peek(s) != -1 || !mc_stream_would_block(errno);
}
