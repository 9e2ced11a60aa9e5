/* SPDX-License-Identifier: MIT */
/*
 * native.c - the transport of our own: client engine over a stream
 */
#include "base/base.h"
#include "transport/native_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/handover.h"
#include "net/connect.h"

/* --------------------------------------------------------- moving the bytes */

static int
link_read(void *ctx, void *p, size_t n, int64_t deadline, size_t *ret_got,
    struct mc_err *err)
{
	struct mc_transport *t = ctx;

	return mc_stream_read(t->stream, p, n, deadline, ret_got, err);
}

static int
link_write(void *ctx, const void *p, size_t n, bool stop_on_input,
    int64_t deadline, size_t *ret_done, struct mc_err *err)
{
	struct mc_transport *t = ctx;

	return mc_stream_write(t->stream, p, n, stop_on_input, deadline,
	    ret_done, err);
}

static bool
link_readable(void *ctx)
{
	struct mc_transport *t = ctx;

	return mc_stream_readable(t->stream);
}

static int
link_secure(void *ctx, struct mc_err *err)
{
	struct mc_transport *t = ctx;
	struct mc_sasl_channel channel;

	if (t->tls == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "no TLS at this place");
	if (t->how->start(t, true, &channel, err) != 0)
		return -1;
	mc_client_secured(t->drive.client, &channel);
	mc_mem_wipe(&channel, sizeof(channel));
	return 0;
}

static const struct mc_link stream_link = {
	link_read, link_write, link_readable, link_secure,
};

/* ---------------------------------------------------------------------- open */

static int
make_client(struct mc_transport *t, const struct mc_sasl_channel *channel,
    struct mc_err *err)
{
	const struct mc_account *a = t->env->account;

	return mc_drive_client(&t->drive, a->tls_mode == MC_TLS_ON ?
	    MC_CLIENT_TLS_DONE : a->tls_mode == MC_TLS_STARTTLS ?
	    MC_CLIENT_TLS_STARTTLS : MC_CLIENT_TLS_NONE, channel, err);
}

/* the server speaks first where TLS does not come first */
static bool
may_be_fast(const struct mc_account *a)
{
	return a->tcp_fast_open && a->tls_mode == MC_TLS_ON && !a->is_socket;
}

static int
connect_stream(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_connect c = { 0 };
	size_t sent = 0;
	int fd;

	if (mc_stream_new(-1, t->env->cancel_fd, &t->stream, err) != 0 ||
	    (may_be_fast(a) && t->tls != NULL &&
	    t->how->prepare(t, &c.hello, err) != 0))
		return -1;

	c.host = a->host;
	c.port = a->port_text;
	c.source = a->source_address;
	c.deadline = mc_clock_after((int64_t)a->connect_timeout * 1000);
	c.cancel_fd = t->env->cancel_fd;
	c.log = t->env->log;
	c.facts = t->env->facts;
	c.ret_sent = &sent;
	fd = mc_net_connect(&c, NULL, err);
	if (fd < 0)
		return -1;
	mc_stream_attach(t->stream, fd, sent);
	if (sent != 0)
		mc_log_line(c.log, MC_LOG_DEBUG, MC_STAGE_CONNECT,
		    "%zu bytes left with the SYN", sent);
	t->drive.link = &stream_link;
	t->drive.ctx = t;
	return 0;
}

void
mc_native_close(struct mc_transport *t)
{
	if (t == NULL)
		return;
	mc_drive_clear(&t->drive);
	mc_stream_free(t->stream);
	if (t->tls != NULL)
		t->how->end(t->tls);
	mc_login_clear(&t->login);
	mc_mem_free(t);
}

/* without it nothing leaves for an account that wants it */
static int
make_tls(struct mc_transport *t, struct mc_err *err)
{
	if (t->env->account->tls_mode == MC_TLS_OFF)
		return 0;
	if (t->how == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_TLS,
		    "no TLS at this place");
	return t->how->make(t, err);
}

static int
open_session(struct mc_transport *t, struct mc_err *err)
{
	struct mc_sasl_channel channel = { 0 };
	int rc = -1;

	if (make_tls(t, err) != 0 || mc_login_sasl(t->env, &t->login, err) != 0 ||
	    connect_stream(t, err) != 0)
		return -1;
	if (t->env->account->tls_mode == MC_TLS_ON &&
	    t->how->start(t, false, &channel, err) != 0)
		goto out;
	if (make_client(t, &channel, err) != 0 ||
	    mc_drive_open(&t->drive, err) != 0)
		goto out;
	rc = 0;
out:
	mc_mem_wipe(&channel, sizeof(channel));
	return rc;
}

int
mc_native_open(const struct mc_transport_env *env,
    const struct mc_native_secure *how, struct mc_transport **ret_transport,
    struct mc_err *err)
{
	struct mc_transport *t;
	int rc;

	if (env->account->is_service && mc_handover_look(env->account->host,
	    err) < 0)
		return -1;
	t = mc_mem_zalloc(1, sizeof(*t));
	if (t == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	t->env = env;
	t->how = how;
	if (mc_drive_init(&t->drive, env, &t->login, err) != 0) {
		mc_native_close(t);
		return -1;
	}
	rc = open_session(t, err);
	/* of no use once the log-in is over, and so they do not stay */
	if (rc != 0 || mc_drive_ready(&t->drive))
		mc_login_clear(&t->login);
	if (rc != 0) {
		mc_drive_name_host(env->account, err);
		mc_native_close(t);
		return -1;
	}
	*ret_transport = t;
	return 0;
}

/* ---------------------------------------------------------------------- send */

int
mc_native_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_send(&t->drive, job, err);
}

unsigned
mc_native_takes(const struct mc_transport *t)
{
	return mc_drive_takes(&t->drive);
}

bool
mc_native_ready(const struct mc_transport *t)
{
	return mc_drive_ready(&t->drive);
}

int
mc_native_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_start(&t->drive, job, err);
}

int
mc_native_finish(struct mc_transport *t, struct mc_err *err)
{
	return mc_drive_finish(&t->drive, err);
}

void
mc_native_drop(struct mc_transport *t, const struct mc_err *why)
{
	mc_drive_drop(&t->drive, why);
}

struct mc_transport_limits
mc_native_limits(const struct mc_transport *t)
{
	return mc_drive_limits(&t->drive);
}

static int
open_plain(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	return mc_native_open(env, NULL, ret_transport, err);
}

const struct mc_transport_ops mc_transport_socket = {
	.name = "socket", .open = open_plain, MC_NATIVE_OPS,
};
