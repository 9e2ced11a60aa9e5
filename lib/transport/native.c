/* SPDX-License-Identifier: MIT */
/*
 * native.c - the transport of our own: client engine over a stream
 */
#include "base/base.h"
#include "transport/transport.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/connect.h"
#include "net/dane.h"
#include "net/stream.h"
#include "transport/drive.h"
#include "transport/login.h"

struct mc_transport {
	const struct mc_transport_env *env;
	struct mc_tls *tls;
	struct mc_login login;
	struct mc_dane dane;	/* only with tls-verify = dane */
	struct mc_stream *stream;
	struct mc_drive drive;
};

static int
start_tls(struct mc_transport *t, bool after_clear,
    struct mc_sasl_channel *ret_channel, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_tls_info info;
	uint64_t seconds = 120;

	if (a->timeout != 0 && a->timeout < seconds)
		seconds = a->timeout;
	if (mc_stream_start_tls(t->stream, t->tls, after_clear,
	    mc_clock_after((int64_t)seconds * 1000), &info, err) != 0)
		return -1;
	mc_log_line(t->env->log, MC_LOG_DEBUG, MC_STAGE_TLS,
	    "%s %s, server %s", info.version, info.cipher, info.how);
	memset(ret_channel, 0, sizeof(*ret_channel));
	ret_channel->verified = info.verified;
	ret_channel->unverified_ok = a->auth_unverified;
	ret_channel->client_cert = info.client_cert;
	ret_channel->has_exporter = info.has_exporter;
	memcpy(ret_channel->exporter, info.exporter, sizeof(info.exporter));
	mc_mem_wipe(&info, sizeof(info));
	return 0;
}

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

	if (start_tls(t, true, &channel, err) != 0)
		return -1;
	mc_client_secured(t->drive.client, &channel);
	mc_mem_wipe(&channel, sizeof(channel));
	return 0;
}

static const struct mc_link stream_link = {
	link_read, link_write, link_readable, link_secure,
};

/* ---------------------------------------------------------------------- open */

/* as long as connecting may take, but nobody waits for DNS that long */
#define DANE_MS (30 * 1000)

static int
look_up_dane(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_dane_query q = { 0 };
	int64_t most = (int64_t)a->connect_timeout * 1000;

	if (a->is_socket)
		return 0;
	q.host = a->host;
	q.port = a->port_text;
	q.envp = t->env->caller->envp;
	q.timeout_ms = most < DANE_MS ? most : DANE_MS;
	q.cancel_fd = t->env->cancel_fd;
	if (mc_dane_lookup(&q, &t->dane, err) != 0)
		return -1;
	if (t->dane.records.n != 0)
		mc_log_line(t->env->log, MC_LOG_DEBUG, MC_STAGE_TLS,
		    "%zu TLSA records of %s", t->dane.records.n,
		    t->dane.base);
	else
		mc_log_line(t->env->log, MC_LOG_INFO, MC_STAGE_TLS,
		    "no DANE, so as with tls-verify = yes: %s", t->dane.why);
	return 0;
}

static int
make_tls(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_tls_settings s = { 0 };

	if (a->tls_mode == MC_TLS_OFF)
		return 0;
	if (a->tls_verify == MC_VERIFY_DANE) {
		if (look_up_dane(t, err) != 0)
			return -1;
		s.dane = &t->dane;
	}
	s.host = a->tls_host != NULL ? a->tls_host :
	    a->is_socket ? NULL : a->host;
	s.verify = a->tls_verify != MC_VERIFY_NO;
	s.ca_file = a->tls_ca_file;
	s.ca_dir = a->tls_ca_dir;
	/* as with every OpenSSL program; SSL_CERT_DIR is its own doing */
	s.late_file = mc_env_get(t->env->caller->envp, "SSL_CERT_FILE");
	s.pins = a->tls_pin;
	s.cert = a->tls_cert;
	s.key = a->tls_key;
	if (a->tls_verify == MC_VERIFY_NO && a->tls_pin == NULL)
		mc_log_line(t->env->log, MC_LOG_WARN, MC_STAGE_TLS,
		    "account %s has tls-verify = no: anybody in between can "
		    "read and change the mail", a->name);
	return mc_tls_new(&s, &t->tls, err);
}

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
	    (may_be_fast(a) && mc_stream_prepare_tls(t->stream, t->tls,
	    &c.hello, err) != 0))
		return -1;

	c.host = a->host;
	c.port = a->port_text;
	c.source = a->source_address;
	c.deadline = mc_clock_after((int64_t)a->connect_timeout * 1000);
	c.cancel_fd = t->env->cancel_fd;
	c.log = t->env->log;
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

static void
native_close(struct mc_transport *t)
{
	if (t == NULL)
		return;
	mc_drive_clear(&t->drive);
	mc_stream_free(t->stream);
	mc_tls_free(t->tls);
	mc_login_clear(&t->login);
	mc_dane_clear(&t->dane);
	mc_mem_free(t);
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
	    start_tls(t, false, &channel, err) != 0)
		goto out;
	if (make_client(t, &channel, err) != 0 ||
	    mc_drive_open(&t->drive, err) != 0)
		goto out;
	rc = 0;
out:
	mc_mem_wipe(&channel, sizeof(channel));
	return rc;
}

static int
native_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	struct mc_transport *t;
	int rc;

	if (env->account->host == NULL)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "account %s has no host: put \"host = NAME\" into the "
		    "configuration, see mailchute.conf(5)",
		    env->account->name);
	t = mc_mem_zalloc(1, sizeof(*t));
	if (t == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	t->env = env;
	mc_dane_init(&t->dane);
	if (mc_drive_init(&t->drive, env, &t->login, err) != 0) {
		native_close(t);
		return -1;
	}
	rc = open_session(t, err);
	/* of no use once the log-in is over, and so they do not stay */
	if (rc != 0 || mc_drive_ready(&t->drive))
		mc_login_clear(&t->login);
	if (rc != 0) {
		mc_drive_name_host(env->account, err);
		native_close(t);
		return -1;
	}
	*ret_transport = t;
	return 0;
}

/* ---------------------------------------------------------------------- send */

static int
native_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_send(&t->drive, job, err);
}

static unsigned
native_takes(const struct mc_transport *t)
{
	return mc_drive_takes(&t->drive);
}

static bool
native_ready(const struct mc_transport *t)
{
	return mc_drive_ready(&t->drive);
}

static int
native_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_start(&t->drive, job, err);
}

static int
native_finish(struct mc_transport *t, struct mc_err *err)
{
	return mc_drive_finish(&t->drive, err);
}

static void
native_drop(struct mc_transport *t, const struct mc_err *why)
{
	mc_drive_drop(&t->drive, why);
}

static struct mc_transport_limits
native_limits(const struct mc_transport *t)
{
	return mc_drive_limits(&t->drive);
}

const struct mc_transport_ops mc_transport_native = {
	"native", native_open, native_send, native_close, native_takes, native_ready,
	native_start, native_finish, native_drop, native_limits,
};
