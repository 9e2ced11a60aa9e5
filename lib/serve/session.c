/* SPDX-License-Identifier: MIT */
/* Moves bytes between a client and the server engine, and watches the time. */
#include "base/base.h"

#include "serve/session.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"

#define IDLE_MS (300 * 1000)
#define TOTAL_MS (3600 * 1000)
#define SLOW_MS 1000
#define RATE 500
#define RATE_MS (60 * 1000)
#define LIMIT_MS 5000		/* between two looks at a limit */
#define LAST_MS 2000		/* for the last words to a client */
#define READ_SIZE 16384
#define WRITE_SIZE 512		/* _POSIX_PIPE_BUF: never blocks behind poll */

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* what a wait has brought; 0: the time has passed */
#define READY 1
#define CANCELLED 2

struct run {
	const struct mc_session *set;
	struct mc_server *s;
	int in_fd;
	int out_fd;
	int64_t until;		/* the end of the session */
	int64_t since;		/* this command is waited for; 0: not yet */
	int64_t began;		/* the content of this message; 0: not yet */
	int64_t got;		/* bytes of it */
	bool eof;
	bool ending;		/* the engine was told to end */
	bool tls;
	bool receiving;		/* a message, when the time was over */
	struct mc_err why;	/* what ended it */
};

static int64_t
or_default(int64_t ms, int64_t otherwise)
{
	return ms != 0 ? ms : otherwise;
}

/* ------------------------------------------------------------------ waiting */

/* wait for fd (-1: only for the time to pass); what is there counts even when
 * the deadline has passed.  READY and CANCELLED, or -1. */
static int
wait_for(struct run *r, int fd, short events, int64_t deadline)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = r->ending ? -1 : r->set->cancel_fd, .events = POLLIN },
	};

	for (;;) {
		int n = poll(fds, 2, mc_clock_left(deadline));

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return mc_err_sys(&r->why, MC_E_IO, MC_STAGE_LOCAL,
			    errno, "cannot wait for the client");
		if (n > 0)
			return (fds[0].revents != 0 ? READY : 0) |
			    (fds[1].revents != 0 ? CANCELLED : 0);
		if (mc_clock_left(deadline) == 0)
			return 0;
	}
}

/* when a client that has been silent since `began` is given up, as things
 * stand */
static int64_t
idle_end(const struct run *r, int64_t began)
{
	const struct mc_session_owner *o = &r->set->owner;
	int64_t ms = o->idle_limit == NULL ? 0 : o->idle_limit(o->ctx);

	if (ms == 0)
		ms = or_default(r->set->idle_ms, IDLE_MS);
	return ms < MC_NEVER - began ? began + ms : MC_NEVER;
}

/* when to ask for that again */
static int64_t
next_look(const struct run *r)
{
	return r->set->owner.idle_limit == NULL ? MC_NEVER :
	    mc_clock_after(LIMIT_MS);
}

/* end the session in good order: the engine says why, and closes */
static void
say_bye(struct run *r, enum mc_server_bye why, enum mc_code code)
{
	(void)mc_err_set(&r->why, code, MC_STAGE_LOCAL,
	    code == MC_E_TIMEOUT ? "waited too long while %s" :
	    "interrupted while %s", mc_server_words(r->s));
	r->ending = true;
	r->receiving = mc_server_receiving(r->s);
	mc_server_bye(r->s, why);
}

/* ------------------------------------------------------------------- output */

static int
lost(struct run *r, int sys)
{
	if (sys == EPIPE || sys == ECONNRESET)
		return mc_err_sys(&r->why, MC_E_CLOSED, MC_STAGE_LOCAL, sys,
		    "the client went away while %s", mc_server_words(r->s));
	return mc_err_sys(&r->why, MC_E_IO, MC_STAGE_LOCAL, sys,
	    "no way to the client while %s", mc_server_words(r->s));
}

/*
 * A descriptor that others share stays as it is, so O_NONBLOCK is no way: a
 * socket is asked not to wait, and all else gets no more than fits.
 */
static ssize_t
write_some(int fd, struct mc_str out)
{
	ssize_t n;

	do {
		n = send(fd, out.ptr, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = write(fd, out.ptr, out.len < WRITE_SIZE ?
			    out.len : WRITE_SIZE);
	} while (n < 0 && errno == EINTR);
	return n;
}

/* wait_for room to write, as long as the limit of the moment allows */
static int
wait_to_write(struct run *r, int64_t began)
{
	for (;;) {
		int64_t deadline = r->ending ? began + LAST_MS :
		    idle_end(r, began);
		int ready = wait_for(r, r->out_fd, POLLOUT,
		    mc_clock_sooner(deadline, next_look(r)));

		if (ready != 0 || mc_clock_left(deadline) == 0)
			return ready;
	}
}

/* write all there is.  Who takes nothing in time is not told so. */
static int
flush(struct run *r)
{
	int64_t began = mc_clock_ms();

	/* there was a command */
	if (mc_server_output(r->s).len != 0)
		r->since = 0;
	while (mc_server_output(r->s).len != 0) {
		int ready = wait_to_write(r, began);
		ssize_t n;

		if (ready < 0)
			return -1;
		if ((ready & READY) == 0)
			return mc_err_set(&r->why, ready == CANCELLED ?
			    MC_E_CANCELLED : MC_E_TIMEOUT, MC_STAGE_LOCAL,
			    "the client takes no reply");
		n = write_some(r->out_fd, mc_server_output(r->s));
		if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return lost(r, errno);
		if (n > 0)
			mc_server_sent(r->s, (size_t)n);
	}
	return 0;
}

/* -------------------------------------------------------------------- input */

/* when the message is too slow, if nothing more of it comes */
static int64_t
rate_limit(struct run *r)
{
	int64_t rate = or_default(r->set->rate, RATE);
	int64_t least = or_default(r->set->rate_ms, RATE_MS);
	int64_t most;

	if (!mc_server_receiving(r->s))
		return MC_NEVER;
	if (r->began == 0)
		r->began = mc_clock_ms();
	/* no message is so large that this overflows */
	most = r->got * 1000 / rate;
	return r->began + (most > least ? most : least);
}

static int
feed(struct run *r)
{
	char piece[READ_SIZE];
	ssize_t n = mc_file_read(r->in_fd, piece, sizeof(piece));
	int rc;

	if (n > 0) {
		r->got += r->began != 0 ? n : 0;
		rc = mc_server_feed(r->s, piece, (size_t)n, &r->why);
		/* it may hold a password */
		if (r->set->server.offer_auth)
			mc_mem_wipe(piece, (size_t)n);
		return rc;
	}
	if (n == 0 || errno == ECONNRESET) {
		if (mc_server_receiving(r->s))
			(void)mc_err_set(&r->why, MC_E_CLOSED, MC_STAGE_LOCAL,
			    "the client went away in the middle of a message");
		r->eof = true;
		mc_server_eof(r->s);
		return 0;
	}
	/* a descriptor that does not wait, and somebody else was faster */
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return lost(r, errno);
}

/*
 * From when on a silent client is silent.  Where others wait for its place, a
 * byte now and then does not keep it: a command has to come as a whole, and
 * how fast a message comes is looked at elsewhere.
 */
static int64_t
silent_since(struct run *r)
{
	int64_t now = mc_clock_ms();

	if (r->since == 0 || r->set->owner.idle_limit == NULL ||
	    mc_server_receiving(r->s))
		r->since = now;
	return r->since;
}

/* for the client, while the owner does what it has to do in time */
static int
wait_for_client(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	int64_t limit = mc_clock_sooner(r->until, rate_limit(r));
	int64_t began = silent_since(r);

	for (;;) {
		int64_t wake = o->idle == NULL ? MC_NEVER : o->idle(o->ctx);
		int64_t deadline = mc_clock_sooner(limit, idle_end(r, began));
		int ready = wait_for(r, r->in_fd, POLLIN, mc_clock_sooner(
		    deadline, mc_clock_sooner(wake, next_look(r))));

		if (ready != 0 || mc_clock_left(deadline) == 0)
			return ready;
	}
}

static int
fill(struct run *r)
{
	int ready;

	if (r->ending || r->eof)
		return mc_err_set(&r->why, MC_E_INTERNAL, MC_STAGE_LOCAL,
		    "the session does not end");
	if (mc_clock_left(r->until) == 0) {
		say_bye(r, MC_SERVER_TIMEOUT, MC_E_TIMEOUT);
		return 0;
	}
	ready = wait_for_client(r);
	if (ready < 0)
		return -1;
	/* the rest of a message may be there: then it is still judged */
	if ((ready & READY) != 0 && feed(r) != 0)
		return -1;
	if ((ready & CANCELLED) != 0)
		say_bye(r, MC_SERVER_SHUTDOWN, MC_E_CANCELLED);
	else if (ready == 0)
		say_bye(r, MC_SERVER_TIMEOUT, MC_E_TIMEOUT);
	return 0;
}

static int64_t
times(int64_t ms, unsigned n)
{
	return ms > MC_NEVER / n ? MC_NEVER : ms * n;
}

static int
slow_down(struct run *r)
{
	int ready;

	if (flush(r) != 0)
		return -1;
	if (r->ending)
		return 0;
	ready = wait_for(r, -1, 0, mc_clock_sooner(r->until, mc_clock_after(
	    times(or_default(r->set->slow_ms, SLOW_MS),
	    mc_server_slowness(r->s)))));
	if (ready < 0)
		return -1;
	if (ready == CANCELLED)
		say_bye(r, MC_SERVER_SHUTDOWN, MC_E_CANCELLED);
	return 0;
}

/*
 * Has a client that has not been greeted gone?  -1 with why; 1 if there is
 * something to read, behind which nobody can tell.
 */
static int
is_waiting(struct run *r)
{
	char c;
	ssize_t n;

	do
		n = recv(r->in_fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
	    errno == ENOTSOCK)))
		return 1;
	return mc_err_set(&r->why, MC_E_CLOSED, MC_STAGE_LOCAL,
	    "the client went away before the greeting");
}

/* a client that is known already waits before it hears anything */
static int
hold_back(struct run *r)
{
	int64_t deadline = mc_clock_sooner(r->until,
	    mc_clock_after(r->set->delay_ms));
	int fd = r->in_fd;

	while (r->set->delay_ms > 0) {
		int ready = wait_for(r, fd, POLLIN, deadline);

		if (ready < 0)
			return -1;
		if ((ready & CANCELLED) != 0) {
			say_bye(r, MC_SERVER_SHUTDOWN, MC_E_CANCELLED);
			return 0;
		}
		if (ready == 0)
			return 0;
		if (is_waiting(r) < 0)
			return -1;
		fd = -1;
	}
	return 0;
}

/* ---------------------------------------------------------------- questions */

static void
ask_mail(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	struct mc_server_answer a = { .code = 0 };

	r->began = r->got = 0;
	o->mail(o->ctx, mc_server_mail(r->s), &a);
	mc_server_answer(r->s, &a);
}

static void
ask_rcpt(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	struct mc_server_answer a = { .code = 0 };

	o->rcpt(o->ctx, mc_server_rcpt(r->s), &a);
	mc_server_answer(r->s, &a);
}

static int
ask_end(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	struct mc_server_answer a = { .code = 0 };

	if (flush(r) != 0)
		return -1;
	o->end(o->ctx, &a);
	mc_server_answer(r->s, &a);
	return 0;
}

static void
ask_auth(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	struct mc_server_answer a = { .code = 0 };

	if (o->auth != NULL)
		o->auth(o->ctx, mc_server_auth(r->s), &a);
	mc_server_answer(r->s, &a);
}

static int
start_tls(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	int fd = -1;

	if (flush(r) != 0)
		return -1;
	if (o->starttls != NULL)
		fd = o->starttls(o->ctx, &r->why);
	/* the client hears nothing but TLS from now on */
	if (fd < 0)
		return mc_err_set(&r->why, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "TLS with the client cannot begin");
	r->in_fd = r->out_fd = fd;
	r->since = 0;
	r->tls = true;
	mc_server_tls_up(r->s);
	return 0;
}

/* who has said QUIT need not wait for the answer */
static int
last_words(struct run *r)
{
	if (flush(r) == 0)
		return 0;
	if (r->why.code != MC_E_CLOSED || mc_server_reason(r->s) != NULL)
		return -1;
	mc_err_reset(&r->why);
	return 0;
}

/* --------------------------------------------------------------------- loop */

/* 0 once the engine has closed, -1 with r->why */
static int
talk(struct run *r)
{
	const struct mc_session_owner *o = &r->set->owner;
	int rc = 0;

	while (rc == 0) {
		switch (mc_server_step(r->s)) {
		case MC_SERVE_READ:
			rc = flush(r);
			if (rc == 0)
				rc = fill(r);
			break;
		case MC_SERVE_WRITE:
			rc = flush(r);
			break;
		case MC_SERVE_MAIL:
			ask_mail(r);
			break;
		case MC_SERVE_RCPT:
			ask_rcpt(r);
			break;
		case MC_SERVE_BODY:
			o->body(o->ctx, mc_server_body(r->s));
			break;
		case MC_SERVE_END:
			rc = ask_end(r);
			break;
		case MC_SERVE_RESET:
			o->reset(o->ctx);
			break;
		case MC_SERVE_AUTH:
			ask_auth(r);
			break;
		case MC_SERVE_STARTTLS:
			rc = start_tls(r);
			break;
		case MC_SERVE_SLOW:
			rc = slow_down(r);
			break;
		case MC_SERVE_CLOSE:
			return last_words(r);
		}
	}
	return rc;
}

int
mc_session_run_result(const struct mc_session *session,
    struct mc_session_result *ret_result, struct mc_err *err)
{
	const struct mc_session_owner *o = &session->owner;
	struct run r = {
		.set = session,
		.in_fd = session->in_fd, .out_fd = session->out_fd,
	};
	const char *reason;

	memset(ret_result, 0, sizeof(*ret_result));
	if (mc_server_new(&session->server, &r.s, err) != 0)
		return -1;
	r.until = mc_clock_after(or_default(session->total_ms, TOTAL_MS));
	if (hold_back(&r) == 0 && talk(&r) == 0) {
		reason = mc_server_reason(r.s);
		if (reason != NULL && r.why.code == MC_OK)
			mc_log_line(session->log, MC_LOG_INFO, MC_STAGE_LOCAL,
			    "session ended: %s", reason);
	}
	if (mc_server_open(r.s))
		o->reset(o->ctx);
	ret_result->taken = mc_server_taken(r.s);
	ret_result->errors = mc_server_errors_total(r.s);
	ret_result->junk = mc_server_junk_total(r.s);
	ret_result->too_big = mc_server_too_big(r.s);
	ret_result->too_many = mc_server_too_many(r.s);
	ret_result->no_login = mc_server_no_login(r.s);
	ret_result->tls = r.tls;
	ret_result->receiving = r.receiving;
	ret_result->overtime = r.why.code == MC_E_TIMEOUT &&
	    mc_clock_left(r.until) == 0;
	ret_result->end = mc_server_end_of(r.s);
	mc_server_free(r.s);
	if (r.why.code == MC_OK)
		return 0;
	if (err != NULL && !mc_err_is_set(err))
		*err = r.why;
	return -1;
}

int
mc_session_run(const struct mc_session *session, struct mc_err *err)
{
	struct mc_session_result result;

	return mc_session_run_result(session, &result, err);
}
