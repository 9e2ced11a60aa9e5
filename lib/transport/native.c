/* SPDX-License-Identifier: MIT */
/*
 * native.c - the transport of our own: client engine over a stream
 */
#include "base/base.h"
#include "transport/transport.h"

#include "base/clock.h"
#include "base/env.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/source.h"
#include "net/connect.h"
#include "net/stream.h"
#include "smtp/client.h"

/* a session of a 0-byte message, and what every byte adds: 500 B/s */
#define SESSION_MS (3600 * INT64_C(1000))
#define MS_PER_BYTE 2

struct mc_transport {
	const struct mc_transport_env *env;
	struct mc_tls *tls;
	struct mc_secret *password;
	struct mc_secret *token;
	struct mc_sasl *sasl;
	struct mc_stream *stream;
	struct mc_client *client;
	int64_t session_end;
	unsigned long waited;	/* jobs whose end was told of */
	unsigned long at_once;	/* and those that were over when they began */
	char *buf;		/* MC_BODY_CHUNK, for both directions */
};

static int64_t
phase_deadline(const struct mc_transport *t)
{
	uint64_t most = t->env->account->timeout;
	uint64_t seconds = mc_client_timeout(t->client);

	if (most != 0 && most < seconds)
		seconds = most;
	return mc_clock_sooner(t->session_end,
	    mc_clock_after((int64_t)seconds * 1000));
}

/* ---------------------------------------------------------- moving the bytes */

static int
read_some(struct mc_transport *t, int64_t deadline, struct mc_err *err)
{
	size_t got;

	if (mc_stream_read(t->stream, t->buf, MC_BODY_CHUNK, deadline, &got,
	    err) != 0)
		return -1;
	if (got == 0)
		return mc_err_set(err, MC_E_CLOSED, MC_STAGE_CONNECT,
		    "the server closed the connection");
	return mc_client_feed(t->client, t->buf, got, err);
}

/*
 * Write what the engine has, reading on the side: a server may answer while
 * we write, and must not answer what we have not asked.
 *
 * Returns 1 when all is out, 0 when there is input to be handled first.
 */
static int
flush(struct mc_transport *t, struct mc_err *err)
{
	struct mc_str out = mc_client_output(t->client);
	int64_t deadline = phase_deadline(t);
	size_t done;

	while (out.len != 0) {
		if (mc_client_quiet(t->client) &&
		    mc_stream_readable(t->stream))
			return read_some(t, deadline, err);
		if (mc_stream_write(t->stream, out.ptr, out.len, true,
		    deadline, &done, err) != 0)
			return -1;
		mc_client_sent(t->client, done);
		if (done < out.len)
			return read_some(t, deadline, err);
		out = mc_client_output(t->client);
	}
	return 1;
}

/* the engine's last words before an end: one try, not for long */
static void
flush_last(struct mc_transport *t)
{
	struct mc_str out;
	struct mc_err ignored = { 0 };
	size_t done;

	if (t->client == NULL || t->stream == NULL)
		return;
	out = mc_client_output(t->client);
	if (out.len == 0)
		return;
	if (mc_stream_write(t->stream, out.ptr, out.len, false,
	    mc_clock_after(1000), &done, &ignored) == 0)
		mc_client_sent(t->client, done);
}

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
	    "%s %s, server %s", info.version, info.cipher,
	    info.verified ? "verified" : "NOT VERIFIED");
	memset(ret_channel, 0, sizeof(*ret_channel));
	ret_channel->verified = info.verified;
	ret_channel->unverified_ok = a->auth_unverified;
	ret_channel->client_cert = info.client_cert;
	ret_channel->has_exporter = info.has_exporter;
	memcpy(ret_channel->exporter, info.exporter, sizeof(info.exporter));
	mc_mem_wipe(&info, sizeof(info));
	return 0;
}

static int
secure(struct mc_transport *t, struct mc_err *err)
{
	struct mc_sasl_channel channel;

	if (start_tls(t, true, &channel, err) != 0)
		return -1;
	mc_client_secured(t->client, &channel);
	mc_mem_wipe(&channel, sizeof(channel));
	return 0;
}

/* ------------------------------------------------------------------ content */

/* where in extra + header + blank line + body the sender stands */
struct content {
	const struct mc_transport_job *job;
	size_t part;
	uint64_t off;
};

/* the next piece: *ret_got 0 at the end */
static int
content_next(struct content *at, char *buf, size_t size, size_t *ret_got,
    struct mc_err *err)
{
	const struct mc_str parts[] = {
		at->job->extra, at->job->header, MC_STR("\r\n"),
	};
	size_t used = 0, got;

	while (at->part < MC_NELEM(parts) && used < size) {
		struct mc_str rest = mc_str_sub(parts[at->part],
		    (size_t)at->off, size - used);

		if (rest.len != 0)
			memcpy(buf + used, rest.ptr, rest.len);
		used += rest.len;
		at->off += rest.len;
		if (at->off == parts[at->part].len) {
			at->part++;
			at->off = 0;
		}
	}
	if (at->part == MC_NELEM(parts) && used < size) {
		if (mc_spool_read(at->job->body, at->off, buf + used,
		    size - used, &got, err) != 0)
			return -1;
		at->off += got;
		used += got;
	}
	*ret_got = used;
	return 0;
}

static int
put_content(struct mc_transport *t, struct content *at, struct mc_err *err)
{
	size_t got;

	if (at == NULL)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_DATA,
		    "no content");
	if (mc_client_body_begins(t->client)) {
		at->part = 0;
		at->off = 0;
	}
	if (content_next(at, t->buf, MC_BODY_CHUNK, &got, err) != 0) {
		mc_client_body_abort(t->client, err);
		return -1;
	}
	if (got == 0)
		return mc_client_body_end(t->client, err);
	if (mc_client_body(t->client, mc_str_make(t->buf, got), err) != 0)
		return -1;
	if (t->env->progress != NULL)
		t->env->progress(t->env->progress_ctx, got);
	/* the end rides with the last piece */
	if (got < MC_BODY_CHUNK)
		return mc_client_body_end(t->client, err);
	return 0;
}

/* --------------------------------------------------------------------- drive */

/* an error text says where, once */
static void
name_host(const struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;

	if (err == NULL)
		return;
	if (err->code == MC_E_AUTH_REFUSED && a->user != NULL)
		mc_err_ctx(err, "log-in as %s", a->user);
	if (strstr(err->text, a->host) == NULL)
		mc_err_ctx(err, "%s", a->host);
}

/*
 * Run the engine until it is ready for a job, or so many are over (0: all).
 * On failure every recipient of the running jobs has its verdict.
 */
static int
drive(struct mc_transport *t, struct content *content, unsigned long over,
    struct mc_err *err)
{
	struct mc_client *c = t->client;
	unsigned long progress = mc_client_progress(c);
	int64_t deadline = phase_deadline(t);
	int want, rc;
	bool wrote;

	for (;;) {
		want = mc_client_step(c, err);
		if (want < 0) {
			flush_last(t);
			return -1;
		}
		if (over != 0 && mc_client_over(c) >= over)
			return 0;
		if (want == MC_WANT_BODY && mc_client_holds(c)) {
			if (put_content(t, content, err) != 0)
				break;
			continue;
		}
		wrote = mc_client_output(c).len != 0;
		rc = flush(t, err);
		if (rc < 0)
			break;
		if (rc == 0)
			continue;
		/* a wait begins when what is waited for has been asked, and
		 * the end of a message may take its time to leave */
		if (progress != mc_client_progress(c) || wrote ||
		    want == MC_WANT_BODY) {
			progress = mc_client_progress(c);
			deadline = phase_deadline(t);
		}
		switch ((enum mc_want)want) {
		case MC_WANT_READ:
			rc = read_some(t, deadline, err);
			break;
		case MC_WANT_TLS:
			rc = secure(t, err);
			deadline = phase_deadline(t);
			break;
		case MC_WANT_BODY:
			rc = mc_stream_readable(t->stream) ?
			    read_some(t, deadline, err) :
			    put_content(t, content, err);
			/* the wait for the verdict begins with the end */
			deadline = phase_deadline(t);
			break;
		case MC_WANT_JOB:
			return 0;
		case MC_WANT_CLOSE:
			return mc_err_set(err, MC_E_SERVER_UNAVAILABLE,
			    MC_STAGE_END, "the server ends the session");
		}
		if (rc != 0)
			break;
	}
	name_host(t, err);
	mc_client_lost(c, err);
	return -1;
}

/* ---------------------------------------------------------------------- open */

static int
make_tls(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_tls_settings s = { 0 };

	if (a->tls_mode == MC_TLS_OFF)
		return 0;
	s.host = a->tls_host != NULL ? a->tls_host :
	    a->is_socket ? NULL : a->host;
	s.verify = a->tls_verify;
	s.ca_file = a->tls_ca_file;
	s.ca_dir = a->tls_ca_dir;
	/* as with every OpenSSL program; SSL_CERT_DIR is its own doing */
	s.late_file = mc_env_get(t->env->caller->envp, "SSL_CERT_FILE");
	s.pins = a->tls_pin;
	s.cert = a->tls_cert;
	s.key = a->tls_key;
	if (!a->tls_verify && a->tls_pin == NULL)
		mc_log_line(t->env->log, MC_LOG_WARN, MC_STAGE_TLS,
		    "account %s has tls-verify = no: anybody in between can "
		    "read and change the mail", a->name);
	return mc_tls_new(&s, &t->tls, err);
}

static bool
wants_login(const struct mc_account *a)
{
	if (a->auth != NULL && strcasecmp(a->auth, "off") == 0)
		return false;
	if (a->auth != NULL && strcasecmp(a->auth, "auto") != 0)
		return true;
	return a->user != NULL || mc_source_has(a, MC_SECRET_TOKEN);
}

static int
get_secrets(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	bool password = mc_source_has(a, MC_SECRET_PASSWORD) &&
	    mc_sasl_wants_password(a->auth);
	bool token = mc_source_has(a, MC_SECRET_TOKEN) &&
	    mc_sasl_wants_token(a->auth);

	if (password && mc_source_get(a, MC_SECRET_PASSWORD, t->env->caller,
	    t->env->cancel_fd, &t->password, err) != 0)
		return -1;
	if (token && mc_source_get(a, MC_SECRET_TOKEN, t->env->caller,
	    t->env->cancel_fd, &t->token, err) != 0)
		return -1;
	if (!password && !token && a->tls_cert == NULL &&
	    (a->auth == NULL || strcasecmp(a->auth, "auto") == 0))
		return mc_err_set(err, MC_E_NO_SECRET, MC_STAGE_CONFIG,
		    "account %s has a user but no password: set "
		    "password-file, password-command or token-command",
		    a->name);
	return 0;
}

static int
make_sasl(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_sasl_settings s = { 0 };

	if (!wants_login(a))
		return 0;
	if (get_secrets(t, err) != 0)
		return -1;
	s.user = a->user;
	s.password = t->password;
	s.token = t->token;
	s.mechs = a->auth;
	s.host = a->is_socket ? "localhost" : a->host;
	s.port = a->port_text;
	s.max_iterations = a->scram_max_iterations;
	return mc_sasl_new(&s, &t->sasl, err);
}

static int
make_client(struct mc_transport *t, const struct mc_sasl_channel *channel,
    struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_client_settings s = { 0 };
	int rc;

	s.ehlo_name = mc_str_from(a->ehlo_name != NULL ? a->ehlo_name :
	    "localhost");
	s.tls = a->tls_mode == MC_TLS_ON ? MC_CLIENT_TLS_DONE :
	    a->tls_mode == MC_TLS_STARTTLS ? MC_CLIENT_TLS_STARTTLS :
	    MC_CLIENT_TLS_NONE;
	s.channel = *channel;
	s.unverified_ok = a->auth_unverified;
	s.sasl = t->sasl;
	s.no_pipelining = a->pipelining == MC_PIPELINING_OFF;
	s.one_flight = a->pipelining == MC_PIPELINING_FULL &&
	    (t->env->quirks == NULL ||
	    (*t->env->quirks & MC_QUIRK_FLIGHT) == 0);
	s.no_chunking = !a->chunking || (t->env->quirks != NULL &&
	    (*t->env->quirks & MC_QUIRK_CHUNKING) != 0);
	s.log = t->env->log;
	rc = mc_client_new(&s, &t->client, err);
	mc_mem_wipe(&s.channel, sizeof(s.channel));
	return rc;
}

static int
connect_stream(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_connect c = { 0 };
	int fd;

	c.host = a->host;
	c.port = a->port_text;
	c.source = a->source_address;
	c.deadline = mc_clock_after((int64_t)a->connect_timeout * 1000);
	c.cancel_fd = t->env->cancel_fd;
	c.log = t->env->log;
	fd = mc_net_connect(&c, NULL, err);
	if (fd < 0)
		return -1;
	return mc_stream_new(fd, t->env->cancel_fd, &t->stream, err);
}

static void
native_close(struct mc_transport *t)
{
	if (t == NULL)
		return;
	if (t->client != NULL) {
		mc_client_quit(t->client);
		flush_last(t);
	}
	mc_client_free(t->client);
	mc_stream_free(t->stream);
	mc_sasl_free(t->sasl);
	mc_tls_free(t->tls);
	mc_secret_free(t->password);
	mc_secret_free(t->token);
	mc_mem_free(t->buf);
	mc_mem_free(t);
}

/* secrets are of no use once the log-in is over, and so do not stay */
static void
drop_secrets(struct mc_transport *t)
{
	mc_sasl_free(t->sasl);
	t->sasl = NULL;
	mc_secret_free(t->password);
	t->password = NULL;
	mc_secret_free(t->token);
	t->token = NULL;
}

static int
open_session(struct mc_transport *t, struct mc_err *err)
{
	struct mc_sasl_channel channel = { 0 };
	int rc = -1;

	if (make_tls(t, err) != 0 || make_sasl(t, err) != 0 ||
	    connect_stream(t, err) != 0)
		return -1;
	if (t->env->account->tls_mode == MC_TLS_ON &&
	    start_tls(t, false, &channel, err) != 0)
		goto out;
	if (make_client(t, &channel, err) != 0 || drive(t, NULL, 0, err) != 0)
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
	t->session_end = mc_clock_after(SESSION_MS);
	t->buf = mc_mem_zalloc(1, MC_BODY_CHUNK);
	if (t->buf == NULL) {
		native_close(t);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	rc = open_session(t, err);
	if (rc != 0 || mc_client_ready(t->client))
		drop_secrets(t);
	if (rc != 0) {
		name_host(t, err);
		native_close(t);
		return -1;
	}
	*ret_transport = t;
	return 0;
}

/* ---------------------------------------------------------------------- send */

/* what another connection to this server should mind */
static void
learn(struct mc_transport *t)
{
	if (t->env->quirks == NULL)
		return;
	if (mc_client_stumbled(t->client))
		*t->env->quirks |= MC_QUIRK_CHUNKING;
	if (mc_client_out_of_step(t->client))
		*t->env->quirks |= MC_QUIRK_FLIGHT;
}

/* the log-in failed: whom the server has not served all the same, nobody has
 * asked about */
static void
take_back(const struct mc_transport_job *job)
{
	for (size_t k = 0; k < job->n; k++) {
		struct mc_rcpt *rcpt = mc_envelope_at(job->env, job->order[k]);

		if (rcpt->verdict == MC_DEFERRED)
			rcpt->verdict = MC_PENDING;
	}
}

static void
make_job(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_client_job *ret_cj)
{
	memset(ret_cj, 0, sizeof(*ret_cj));
	ret_cj->env = job->env;
	ret_cj->order = job->order;
	ret_cj->n = job->n;
	ret_cj->size = job->extra.len + job->header.len + 2 + job->body->size;
	ret_cj->needs_8bit = job->needs_8bit;
	ret_cj->needs_utf8 = job->needs_utf8;
	ret_cj->unfit = job->unfit;
	t->session_end = mc_clock_after(SESSION_MS +
	    (int64_t)(ret_cj->size * MS_PER_BYTE));
}

static int
native_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct mc_client_job cj;
	struct content content = { job, 0, 0 };
	int rc;

	make_job(t, job, &cj);
	if (mc_client_begin(t->client, &cj, err) != 0)
		return -1;
	rc = drive(t, &content, 0, err);
	t->waited = mc_client_over(t->client) - t->at_once;
	if (rc != 0 && !mc_client_ready(t->client))
		name_host(t, err);
	if (rc != 0 && mc_client_login_failed(t->client))
		take_back(job);
	learn(t);
	if (mc_client_ready(t->client))
		drop_secrets(t);
	return rc;
}

static bool
native_ready(const struct mc_transport *t)
{
	return mc_client_ready(t->client);
}

/* nothing is written before a good deal has come together, or somebody waits */
static int
native_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	struct mc_client *c = t->client;
	struct content content = { job, 0, 0 };
	unsigned long over = mc_client_over(c);
	struct mc_client_job cj;
	int want;

	make_job(t, job, &cj);
	if (!mc_client_overlaps(c, cj.size))
		return 2;
	if (mc_client_begin(c, &cj, err) != 0)
		goto lost;
	if (mc_client_over(c) != over) {
		t->at_once++;
		return 1;
	}
	while ((want = mc_client_step(c, err)) == MC_WANT_BODY)
		if (put_content(t, &content, err) != 0)
			goto lost;
	if (want < 0) {
		flush_last(t);
		return -1;
	}
	if (mc_client_output(c).len < MC_MAX_EARLY || flush(t, err) >= 0)
		return 0;
lost:
	name_host(t, err);
	mc_client_lost(c, err);
	return -1;
}

static int
native_finish(struct mc_transport *t, struct mc_err *err)
{
	t->waited++;
	return drive(t, NULL, t->waited + t->at_once, err);
}

static unsigned
native_takes(const struct mc_transport *t)
{
	unsigned flags = mc_client_caps(t->client)->flags;

	return ((flags & MC_CAP_8BITMIME) != 0 ? MC_TAKES_8BIT : 0) |
	    ((flags & MC_CAP_SMTPUTF8) != 0 ? MC_TAKES_UTF8 : 0);
}

const struct mc_transport_ops mc_transport_native = {
	"native", native_open, native_send, native_close, native_takes,
	native_ready, native_start, native_finish,
};
