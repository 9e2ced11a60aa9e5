/* SPDX-License-Identifier: MIT */
/*
 * The system's resolver with a deadline: getaddrinfo in a thread that may be
 * left behind.
 */
#include "base/base.h"

#include "net/connect_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/wait.h"

/* NSS modules run on this stack; also what the thread may cost in RLIMIT_AS */
#define STACK ((size_t)1024 * 1024)

/* shared by the thread and whoever waits; the last one frees it */
struct request {
	pthread_mutex_t lock;
	int refs;
	int done_fd;		/* written by the thread at its end */
	mc_resolver_fn fn;
	char *host;
	char *port;
	int family;
	int result;		/* of getaddrinfo */
	int sys;
	struct addrinfo *list;
};

static void
request_release(struct request *r)
{
	pthread_mutex_lock(&r->lock);
	int refs = --r->refs;
	pthread_mutex_unlock(&r->lock);
	if (refs > 0)
		return;
	if (r->list != NULL)
		freeaddrinfo(r->list);
	mc_file_close(&r->done_fd);
	pthread_mutex_destroy(&r->lock);
	mc_mem_free(r->host);
	mc_mem_free(r->port);
	mc_mem_free(r);
}

static int
make_pipe(int fds[2])
{
#ifdef HAVE_PIPE2
	return pipe2(fds, O_CLOEXEC);
#else
	if (pipe(fds) == -1)
		return -1;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return 0;
#endif
}

static struct request *
request_new(const struct mc_connect *c, int family, mc_resolver_fn fn,
    int *ret_read_fd, struct mc_err *err)
{
	int fds[2];
	struct request *r = mc_mem_zalloc(1, sizeof(*r));
	if (r == NULL)
		goto nomem;
	r->host = mc_mem_strdup(c->host);
	r->port = mc_mem_strdup(c->port);
	if (r->host == NULL || r->port == NULL)
		goto nomem;
	if (make_pipe(fds) == -1) {
		mc_err_sys(err, MC_E_RESOLVE, MC_STAGE_RESOLVE, errno,
		    "cannot make a pipe");
		goto fail;
	}
	if (pthread_mutex_init(&r->lock, NULL) != 0) {
		mc_file_close(&fds[0]);
		mc_file_close(&fds[1]);
		goto nomem;
	}
	r->refs = 2;
	r->fn = fn != NULL ? fn : getaddrinfo;
	r->family = family;
	r->done_fd = fds[1];
	*ret_read_fd = fds[0];
	return r;
nomem:
	mc_err_set(err, MC_E_NOMEM, MC_STAGE_RESOLVE, NULL);
fail:
	if (r != NULL) {
		mc_mem_free(r->host);
		mc_mem_free(r->port);
	}
	mc_mem_free(r);
	return NULL;
}

static void *
resolver_thread(void *arg)
{
	struct request *r = arg;
	struct addrinfo hints = {
		.ai_family = r->family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_ADDRCONFIG,
	};
	struct addrinfo *list = NULL;
	int result = r->fn(r->host, r->port, &hints, &list);
	if (result != 0 && result != EAI_AGAIN && result != EAI_MEMORY) {
		/* AI_ADDRCONFIG hides 127.0.0.1 names while the network is
		 * down, and mail to this machine must not need a network */
		hints.ai_flags = AI_NUMERICSERV;
		list = NULL;
		result = r->fn(r->host, r->port, &hints, &list);
	}
	int sys = errno;
	pthread_mutex_lock(&r->lock);
	r->result = result;
	r->sys = sys;
	r->list = result == 0 ? list : NULL;
	pthread_mutex_unlock(&r->lock);
	/* EPIPE when nobody waits any more; every signal is blocked here */
	ssize_t put = write(r->done_fd, "", 1);
	(void)put;
	request_release(r);
	return NULL;
}

/* no signal of the program may land in a thread that it knows nothing of */
static int
start_thread(struct request *r)
{
	pthread_attr_t attr;
	int rc = pthread_attr_init(&attr);
	if (rc != 0)
		return rc;
	sigset_t all, before;
	sigfillset(&all);
	rc = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (rc == 0) {
		pthread_t thread;
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		pthread_attr_setstacksize(&attr, STACK);
		rc = pthread_create(&thread, &attr, resolver_thread, r);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return rc;
}

static int
explain(const struct mc_connect *c, int result, int sys, struct mc_err *err)
{
	const char *host = c->host;
	if (result == EAI_MEMORY)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_RESOLVE, NULL);
	if (result == EAI_SYSTEM)
		return mc_err_sys(err, MC_E_RESOLVE, MC_STAGE_RESOLVE, sys,
		    "cannot resolve %s", host);
	const char *why;
	if (result == EAI_AGAIN)
		why = "no DNS server answered for now: is the network up, "
		    "and is /etc/resolv.conf right?";
	else if (result == EAI_FAIL)
		why = "the DNS servers failed to look it up";
	else if (result == EAI_NONAME)
		why = "there is no such host: check the spelling of `host`";
#ifdef EAI_NODATA
	else if (result == EAI_NODATA)
		why = "the name exists but has no address: check `host`";
#endif
#ifdef EAI_ADDRFAMILY
	else if (result == EAI_ADDRFAMILY)
		why = "the name has no address of the wanted family";
#endif
	else
		why = gai_strerror(result);
	bool first = !mc_err_is_set(err);
	mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
	    "cannot resolve %s: %s", host, why);
	/* for those who have to know without reading: it says nothing about
	 * the name */
	if (err != NULL && first && result == EAI_AGAIN)
		err->sys = EAGAIN;
	return -1;
}

static int
take_result(struct request *r, const struct mc_connect *c,
    struct mc_ips *ret_addrs, struct mc_err *err)
{
	pthread_mutex_lock(&r->lock);
	struct addrinfo *list = r->list;
	int result = r->result;
	int sys = r->sys;
	pthread_mutex_unlock(&r->lock);
	if (result != 0)
		return explain(c, result, sys, err);
	struct mc_ips addrs;
	mc_ips_pick(list, r->family, &addrs);
	if (addrs.n == 0)
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "cannot resolve %s: the resolver gave no usable address "
		    "(0.0.0.0 means that a filter blocks the name)", c->host);
	*ret_addrs = addrs;
	return 0;
}

int
mc_net_resolve(const struct mc_connect *c, int family, mc_resolver_fn fn,
    struct mc_ips *ret_addrs, struct mc_err *err)
{
	int read_fd;
	struct request *r = request_new(c, family, fn, &read_fd, err);
	if (r == NULL)
		return -1;
	int ret = -1;
	int rc = start_thread(r);
	if (rc != 0) {
		request_release(r);
		mc_err_sys(err, MC_E_RESOLVE, MC_STAGE_RESOLVE, rc,
		    "cannot start a thread to resolve %s", c->host);
		goto out;
	}
	struct pollfd fds[2] = { { .fd = read_fd, .events = POLLIN } };
	int ready = mc_wait_any(fds, 1, c->cancel_fd, c->deadline,
	    MC_STAGE_RESOLVE, err);
	if (ready == 0)
		mc_err_set(err, MC_E_TIMEOUT, MC_STAGE_RESOLVE,
		    "no answer from the resolver about %s in time: is the "
		    "network up, and is /etc/resolv.conf right?", c->host);
	else if (ready > 0)
		ret = take_result(r, c, ret_addrs, err);
out:
	mc_file_close(&read_fd);
	request_release(r);
	return ret;
}
