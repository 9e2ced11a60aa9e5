/* SPDX-License-Identifier: MIT */
/*
 * curl_link.c - bytes over a connection that libcurl has made
 */
#include "base/base.h"
#include "transport/curl_internal.h"

#include "base/err.h"
#include "net/wait.h"

#include <pthread.h>
#include <time.h>

static void
pipe_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

void
mc_curl_quiet_begin(struct mc_curl_quiet *q)
{
	sigset_t set;

	q->pending = sigpending(&set) == 0 && sigismember(&set, SIGPIPE) == 1;
	pipe_set(&set);
	(void)pthread_sigmask(SIG_BLOCK, &set, &q->old);
}

void
mc_curl_quiet_end(const struct mc_curl_quiet *q)
{
	const struct timespec now = { 0, 0 };
	sigset_t set;

	if (!q->pending && sigpending(&set) == 0 &&
	    sigismember(&set, SIGPIPE) == 1) {
		pipe_set(&set);
		(void)sigtimedwait(&set, NULL, &now);
	}
	(void)pthread_sigmask(SIG_SETMASK, &q->old, NULL);
}

/* ----------------------------------------------------------------- the link */

static bool
has_input(const struct mc_transport *t)
{
	return t->peek_n != 0 || t->ended || mc_err_is_set(&t->broken);
}

/* take what is there without waiting */
static void
fill(struct mc_transport *t)
{
	struct mc_curl_quiet q;
	CURLcode code;
	size_t n = 0;

	if (has_input(t))
		return;
	mc_curl_quiet_begin(&q);
	code = curl_easy_recv(t->easy, t->peeked, sizeof(t->peeked), &n);
	mc_curl_quiet_end(&q);
	if (code == CURLE_AGAIN)
		return;
	if (code != CURLE_OK)
		(void)mc_err_set(&t->broken, MC_E_CLOSED, MC_STAGE_CONNECT,
		    "the connection broke");
	else if (n == 0)
		t->ended = true;
	t->peek_at = 0;
	t->peek_n = code == CURLE_OK ? n : 0;
}

static int
broken(const struct mc_transport *t, struct mc_err *err)
{
	if (err != NULL && !mc_err_is_set(err))
		*err = t->broken;
	return -1;
}

static int
link_read(void *ctx, void *p, size_t n, int64_t deadline, size_t *ret_got,
    struct mc_err *err)
{
	struct mc_transport *t = ctx;

	for (;;) {
		fill(t);
		if (t->peek_n != 0) {
			if (n > t->peek_n)
				n = t->peek_n;
			memcpy(p, t->peeked + t->peek_at, n);
			t->peek_at += n;
			t->peek_n -= n;
			*ret_got = n;
			return 0;
		}
		if (mc_err_is_set(&t->broken))
			return broken(t, err);
		if (t->ended) {
			*ret_got = 0;
			return 0;
		}
		if (mc_wait_one(t->fd, POLLIN, t->env->cancel_fd, deadline,
		    MC_STAGE_CONNECT, NULL, err) != 0)
			return -1;
	}
}

/* 1: some went, 0: not now, -1: the connection is gone */
static int
push(struct mc_transport *t, size_t *ret_sent)
{
	struct mc_curl_quiet q;
	CURLcode code;

	mc_curl_quiet_begin(&q);
	code = curl_easy_send(t->easy, t->stage + t->stage_at, t->stage_n,
	    ret_sent);
	mc_curl_quiet_end(&q);
	if (code == CURLE_AGAIN)
		return 0;
	return code == CURLE_OK ? 1 : -1;
}

static int
link_write(void *ctx, const void *p, size_t n, bool stop_on_input,
    int64_t deadline, size_t *ret_done, struct mc_err *err)
{
	struct mc_transport *t = ctx;
	size_t done = 0, sent;
	int rc;

	while (done < n) {
		if (t->stage_n == 0) {
			t->stage_at = 0;
			t->stage_n = n - done < MC_CURL_STAGE ? n - done :
			    MC_CURL_STAGE;
			memcpy(t->stage, (const char *)p + done, t->stage_n);
		}
		rc = push(t, &sent);
		if (rc > 0) {
			t->stage_at += sent;
			t->stage_n -= sent;
			done += sent;
			continue;
		}
		/* a reply may be the reason */
		if (stop_on_input) {
			fill(t);
			if (t->peek_n != 0 || (rc == 0 && has_input(t)))
				break;
		}
		if (rc < 0)
			return mc_err_set(err, MC_E_CLOSED, MC_STAGE_CONNECT,
			    "the connection broke");
		if (mc_wait_one(t->fd, stop_on_input ? POLLOUT | POLLIN :
		    POLLOUT, t->env->cancel_fd, deadline, MC_STAGE_CONNECT,
		    NULL, err) != 0)
			return -1;
	}
	*ret_done = done;
	return 0;
}

static bool
link_readable(void *ctx)
{
	struct mc_transport *t = ctx;

	fill(t);
	return has_input(t);
}

const struct mc_link mc_curl_link = {
	link_read, link_write, link_readable, NULL,
};
