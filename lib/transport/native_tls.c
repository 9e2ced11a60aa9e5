/* SPDX-License-Identifier: MIT */
/*
 * native_tls.c - the native transport with TLS
 */
#include "base/base.h"
#include "transport/native_internal.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/dane.h"

struct mc_native_tls {
	struct mc_tls *tls;
	struct mc_dane dane;	/* only with tls-verify = dane */
};

/* --------------------------------------------------------------------- make */

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
	if (mc_dane_lookup(&q, &t->tls->dane, err) != 0)
		return -1;
	if (t->tls->dane.records.n != 0)
		mc_log_line(t->env->log, MC_LOG_DEBUG, MC_STAGE_TLS,
		    "%zu TLSA records of %s", t->tls->dane.records.n,
		    t->tls->dane.base);
	else
		mc_log_line(t->env->log, MC_LOG_INFO, MC_STAGE_TLS,
		    "no DANE, so as with tls-verify = yes: %s", t->tls->dane.why);
	return 0;
}

static int
make(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_tls_settings s = { 0 };

	t->tls = mc_mem_zalloc(1, sizeof(*t->tls));
	if (t->tls == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_dane_init(&t->tls->dane);
	if (a->tls_verify == MC_VERIFY_DANE) {
		if (look_up_dane(t, err) != 0)
			return -1;
		s.dane = &t->tls->dane;
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
	s.facts = t->env->facts;
	if (a->tls_verify == MC_VERIFY_NO && a->tls_pin == NULL)
		mc_log_line(t->env->log, MC_LOG_WARN, MC_STAGE_TLS,
		    "account %s has tls-verify = no: anybody in between can "
		    "read and change the mail", a->name);
	return mc_tls_new(&s, &t->tls->tls, err);
}

static void
end(struct mc_native_tls *tls)
{
	mc_tls_free(tls->tls);
	mc_dane_clear(&tls->dane);
	mc_mem_free(tls);
}

/* -------------------------------------------------------------------- start */

static int
prepare(struct mc_transport *t, struct mc_str *ret_hello, struct mc_err *err)
{
	return mc_stream_prepare_tls(t->stream, t->tls->tls, ret_hello, err);
}

static int
start(struct mc_transport *t, bool after_clear,
    struct mc_sasl_channel *ret_channel, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_tls_info info;
	uint64_t seconds = 120;

	if (a->timeout != 0 && a->timeout < seconds)
		seconds = a->timeout;
	if (mc_stream_start_tls(t->stream, t->tls->tls, after_clear,
	    mc_clock_sooner(t->drive.session_end,
	    mc_clock_after((int64_t)seconds * 1000)), &info, err) != 0)
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

/* ----------------------------------------------------------------- transport */

static const struct mc_native_secure secure = { make, prepare, start, end };

static int
open_secure(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	return mc_native_open(env, &secure, ret_transport, err);
}

const struct mc_transport_ops mc_transport_native = {
	.name = "native", .open = open_secure, MC_NATIVE_OPS,
};
