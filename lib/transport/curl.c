/* SPDX-License-Identifier: MIT */
/*
 * curl.c - the transport over libcurl: for proxies, and where there is no
 * TLS and SASL of our own
 *
 * libcurl resolves, connects (through the proxy), secures, greets and logs in,
 * watched by watch.c; with CURLOPT_CONNECT_ONLY it stops there, and the client
 * engine carries the messages over the bytes of curl_easy_send and _recv.  So
 * recipients, parameters, pipelining, the dots and the verdicts are the same
 * as those of the native transport, whatever release of libcurl it is.
 */
#include "base/base.h"
#include "transport/curl_internal.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

#define TLS_SECONDS 120

/*
 * The deadline of the wait that goes on.  It begins anew with each step:
 * connected, secured, and every reply.
 */
static int64_t
deadline_of(const struct mc_transport *t, bool connected)
{
	const struct mc_account *a = t->env->account;
	uint64_t seconds = mc_watch_timeout(&t->watch);

	if (!connected)
		seconds = a->connect_timeout;
	else if (mc_curl_in_handshake(t))
		seconds = TLS_SECONDS;
	if (connected && a->timeout != 0 && a->timeout < seconds)
		seconds = a->timeout;
	return mc_clock_sooner(t->drive.session_end,
	    mc_clock_after((int64_t)seconds * 1000));
}

/* a number that changes with each step */
static unsigned long
step_of(const struct mc_transport *t, bool connected)
{
	return 4 * t->watch.progress + (connected ? 1 : 0) +
	    (mc_curl_secured(t) ? 2 : 0);
}

/* 1 with *ret_code when libcurl is done, 0: it goes on, -1 with err */
static int
turn(struct mc_transport *t, CURLcode *ret_code, struct mc_err *err)
{
	const CURLMsg *msg;
	struct mc_curl_quiet q;
	CURLMcode rc;
	int left;

	mc_curl_quiet_begin(&q);
	rc = curl_multi_perform(t->multi, &left);
	mc_curl_quiet_end(&q);
	if (rc != CURLM_OK)
		return mc_err_set(err, rc == CURLM_OUT_OF_MEMORY ?
		    MC_E_NOMEM : MC_E_NET, MC_STAGE_CONNECT, "libcurl: %s",
		    curl_multi_strerror(rc));
	msg = curl_multi_info_read(t->multi, &left);
	if (msg == NULL || msg->msg != CURLMSG_DONE)
		return 0;
	*ret_code = msg->data.result;
	return 1;
}

/* until something happens, somebody cancels, or the deadline passes */
static int
wait_turn(struct mc_transport *t, int64_t deadline, struct mc_err *err)
{
	struct curl_waitfd cancel = { .fd = t->env->cancel_fd,
	    .events = CURL_WAIT_POLLIN };
	unsigned extra = cancel.fd >= 0 ? 1 : 0;
	CURLMcode rc;
	int n = 0;

	rc = curl_multi_poll(t->multi, &cancel, extra,
	    mc_clock_left(deadline), &n);
	if (rc != CURLM_OK)
		return mc_err_set(err, MC_E_NET, MC_STAGE_CONNECT,
		    "libcurl: %s", curl_multi_strerror(rc));
	if (extra != 0 && cancel.revents != 0)
		return mc_err_set(err, MC_E_CANCELLED, MC_STAGE_CONNECT,
		    NULL);
	if (mc_clock_left(deadline) == 0)
		return mc_curl_lost(t, MC_E_TIMEOUT, "no answer in time", err);
	return 0;
}

static int
perform(struct mc_transport *t, struct mc_err *err)
{
	bool connected = false;
	int64_t deadline = deadline_of(t, false);
	unsigned long step = 0;
	CURLcode code;
	int rc;

	for (;;) {
		rc = turn(t, &code, err);
		if (rc < 0)
			return -1;
		if (rc > 0)
			break;
		if (!connected && mc_curl_connected(t)) {
			/* it was there so that an address that does not
			 * answer leaves time for the others */
			connected = true;
			(void)curl_easy_setopt(t->easy,
			    CURLOPT_CONNECTTIMEOUT, MC_CURL_FOREVER_S);
		}
		if (step != step_of(t, connected)) {
			step = step_of(t, connected);
			deadline = deadline_of(t, connected);
		}
		if (wait_turn(t, deadline, err) != 0)
			return -1;
	}
	if (code != CURLE_OK)
		return mc_curl_explain(t, code, err);
	return mc_watch_end(&t->watch, err);
}

/* the back end that is in use; the others of a libcurl with several stand in
 * parentheses */
static struct mc_str
back_end(const curl_version_info_data *v)
{
	struct mc_str rest = mc_str_from(v->ssl_version), word;

	while (mc_str_next_token(&rest, " ", &word))
		if (word.ptr[0] != '(')
			return word;
	return MC_STR("none");
}

/*
 * Pins, hashed directories, partial chains, the security level and the numbers
 * of verification failures mean here what they mean to OpenSSL.
 */
static int
check_libcurl(struct mc_err *err)
{
	static const char *const good[] = { "OpenSSL/", "LibreSSL/",
	    "BoringSSL", "quictls/", "AWS-LC/" };
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	struct mc_str tls = back_end(v);
	size_t i;

	for (i = 0; i < MC_NELEM(good); i++)
		if (mc_str_starts_nocase(tls, mc_str_from(good[i])))
			break;
	if (i == MC_NELEM(good))
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "libcurl %s does TLS by %.*s, and mailchute checks "
		    "certificates and pins only with OpenSSL: install the "
		    "libcurl of OpenSSL (libcurl4 on Debian)", v->version,
		    MC_STR_FMT(tls));
	for (i = 0; v->protocols[i] != NULL; i++)
		if (strcmp(v->protocols[i], "smtps") == 0)
			return 0;
	return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
	    "libcurl %s was built without SMTP", v->version);
}

/* libcurl stops here; the engine goes on */
static int
take_over(struct mc_transport *t, struct mc_err *err)
{
	if (curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &t->fd) !=
	    CURLE_OK || t->fd == CURL_SOCKET_BAD)
		return mc_err_set(err, MC_E_CLOSED, MC_STAGE_AUTH,
		    "the server closed the connection");
	if (mc_drive_client(&t->drive, t->env->account->tls_mode ==
	    MC_TLS_OFF ? MC_CLIENT_TLS_NONE : MC_CLIENT_TLS_DONE,
	    &t->watch.channel, err) != 0)
		return -1;
	t->drive.link = &mc_curl_link;
	t->drive.ctx = t;
	if (mc_client_resume(t->drive.client, &t->watch.caps, err) != 0)
		return -1;
	return mc_drive_open(&t->drive, err);
}

static void
curl_close(struct mc_transport *t)
{
	struct mc_curl_quiet q;

	if (t == NULL)
		return;
	mc_drive_clear(&t->drive);
	mc_curl_quiet_begin(&q);
	if (t->multi != NULL && t->easy != NULL)
		(void)curl_multi_remove_handle(t->multi, t->easy);
	curl_easy_cleanup(t->easy);
	(void)curl_multi_cleanup(t->multi);
	mc_curl_quiet_end(&q);
	curl_slist_free_all(t->connect_to);
	mc_watch_clear(&t->watch);
	mc_login_clear(&t->login);
	mc_mem_free(t);
}

static int
open_session(struct mc_transport *t, struct mc_err *err)
{
	int rc;

	if (check_libcurl(err) != 0 ||
	    mc_drive_init(&t->drive, t->env, &t->login, err) != 0)
		return -1;
	t->multi = curl_multi_init();
	t->easy = curl_easy_init();
	if (t->multi == NULL || t->easy == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	rc = mc_curl_set_options(t, err);
	if (rc == 0 && curl_multi_add_handle(t->multi, t->easy) != CURLM_OK)
		rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (rc == 0)
		rc = perform(t, err);
	if (rc == 0)
		rc = take_over(t, err);
	mc_curl_drop_secrets(t);
	if (rc != 0 || mc_drive_ready(&t->drive))
		mc_login_clear(&t->login);
	return rc;
}

static int
curl_open(const struct mc_transport_env *env,
    struct mc_transport **ret_transport, struct mc_err *err)
{
	struct mc_transport *t;

	t = mc_mem_zalloc(1, sizeof(*t));
	/* never undone: others in the process may use libcurl too */
	if (t == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		mc_mem_free(t);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	t->env = env;
	for (size_t i = 0; i < MC_CURL_SOCKS; i++)
		t->socks[i] = CURL_SOCKET_BAD;
	mc_watch_init(&t->watch);
	t->watch.account = env->account;
	t->watch.log = env->log;
	t->watch.facts = env->facts;
	if (open_session(t, err) != 0) {
		mc_drive_name_host(env->account, err);
		curl_close(t);
		return -1;
	}
	*ret_transport = t;
	return 0;
}

static int
curl_send(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_send(&t->drive, job, err);
}

static struct mc_transport_limits
curl_limits(const struct mc_transport *t)
{
	return mc_drive_limits(&t->drive);
}

static unsigned
curl_takes(const struct mc_transport *t)
{
	return mc_drive_takes(&t->drive);
}

static bool
curl_ready(const struct mc_transport *t)
{
	return mc_drive_ready(&t->drive);
}

static int
curl_start(struct mc_transport *t, const struct mc_transport_job *job,
    struct mc_err *err)
{
	return mc_drive_start(&t->drive, job, err);
}

static int
curl_finish(struct mc_transport *t, struct mc_err *err)
{
	return mc_drive_finish(&t->drive, err);
}

static void
curl_drop(struct mc_transport *t, const struct mc_err *why)
{
	mc_drive_drop(&t->drive, why);
}

const struct mc_transport_ops mc_transport_curl = {
	"curl", curl_open, curl_send, curl_close, curl_takes, curl_ready,
	curl_start, curl_finish, curl_drop, curl_limits,
};
