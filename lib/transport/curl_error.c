/* SPDX-License-Identifier: MIT */
/*
 * curl_error.c - how far libcurl has come, and its failures in our words
 */
#include "base/base.h"
#include "transport/curl_internal.h"

#include "base/err.h"
#include "config/proxy.h"

#include <sys/socket.h>

static const char *
proxy_host(const struct mc_transport *t, char *buf, size_t size)
{
	struct mc_proxy p;

	if (t->env->account->proxy == NULL ||
	    mc_proxy_split(mc_secret_peek(t->env->account->proxy), &p) != 0)
		return "";
	snprintf(buf, size, "%.*s:%.*s", MC_STR_FMT(p.host),
	    MC_STR_FMT(p.port));
	return buf;
}

/* numbers of OpenSSL's X509_V_ERR_..., which is what libcurl hands on */
static const char *
verify_words(long result)
{
	switch (result) {
	case 9:
		return "is not valid yet (if that is not so, set this "
		    "machine's clock)";
	case 10:
		return "has expired (if that is not so, set this machine's "
		    "clock)";
	case 18:
		return "is self-signed: set tls-ca-file to it, or tls-pin";
	case 2:
	case 19:
	case 20:
	case 21:
		return "comes from an unknown authority: set tls-ca-file to "
		    "that authority's certificate, or tls-pin";
	case 26:
		return "is not meant for servers";
	case 66:
	case 67:
	case 68:
		return "is too weak to be safe";
	}
	return NULL;
}

static int
cert_error(const struct mc_transport *t, struct mc_err *err)
{
	const char *words;
	long result = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_SSL_VERIFYRESULT, &result);
	words = verify_words(result);
	if (words != NULL)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate %s", words);
	if (strstr(t->why, "subject name") != NULL)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's certificate is not for %s: check `host`",
		    mc_curl_url_host(t->env->account));
	return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
	    "the server's certificate is not trusted: %s", t->why);
}

/* libcurl's own words are the best that there is for a handshake */
static int
tls_error(const struct mc_transport *t, enum mc_code code, struct mc_err *err)
{
	const char *hint = "";

	if (strstr(t->why, "wrong version number") != NULL)
		hint = t->watch.state == MC_WATCH_HANDSHAKE ? "" :
		    ": port 587 wants tls = starttls, tls = on goes with "
		    "port 465";
	else if (strstr(t->why, "protocol version") != NULL ||
	    strstr(t->why, "unsupported protocol") != NULL)
		hint = ": the server has to offer TLS 1.2 or newer";
	return mc_err_set(err, code, MC_STAGE_TLS, "%s (%s)%s",
	    code == MC_E_TLS_SETUP ? "cannot set up TLS" :
	    "the TLS handshake failed", t->why, hint);
}

static int
proxy_error(const struct mc_transport *t, struct mc_err *err)
{
	char host[300];
	long code = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &code);
	(void)proxy_host(t, host, sizeof(host));
	if (code == 407 || strstr(t->why, "rejected by the SOCKS5") != NULL ||
	    strstr(t->why, "authentication") != NULL)
		return mc_err_set(err, MC_E_NOT_READY, MC_STAGE_CONNECT,
		    "the proxy %s refuses user or password: check `proxy` "
		    "(%s)", host, t->why);
	return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
	    "the proxy %s does not connect us (%s)", host, t->why);
}

/*
 * libcurl's own clock says so only when TLS is there too.  What a proxy does
 * between its connection and that to the server belongs to connecting.
 */
bool
mc_curl_connected(const struct mc_transport *t)
{
	struct sockaddr_storage peer;
	socklen_t len;
	curl_off_t us = 0;

	if (t->watch.progress != 0 || (curl_easy_getinfo(t->easy,
	    CURLINFO_CONNECT_TIME_T, &us) == CURLE_OK && us > 0))
		return true;
	for (size_t i = 0; t->env->account->proxy == NULL && i < MC_CURL_SOCKS;
	    i++) {
		len = sizeof(peer);
		if (t->socks[i] != CURL_SOCKET_BAD && getpeername(t->socks[i],
		    (struct sockaddr *)&peer, &len) == 0)
			return true;
	}
	return false;
}

bool
mc_curl_secured(const struct mc_transport *t)
{
	curl_off_t us = 0;

	return curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &us) ==
	    CURLE_OK && us > 0;
}

/* before the first byte of SMTP? */
bool
mc_curl_in_handshake(const struct mc_transport *t)
{
	return t->watch.state == MC_WATCH_HANDSHAKE ||
	    (t->env->account->tls_mode == MC_TLS_ON && !mc_curl_secured(t) &&
	    t->watch.progress == 0);
}

/* what broke off, in the words of where it was */
int
mc_curl_lost(const struct mc_transport *t, enum mc_code code, const char *what,
    struct mc_err *err)
{
	char host[300];

	if (!mc_curl_connected(t) && t->env->account->proxy != NULL)
		return mc_err_set(err, code, MC_STAGE_CONNECT,
		    "%s, while connecting through the proxy %s", what,
		    proxy_host(t, host, sizeof(host)));
	if (!mc_curl_connected(t))
		return mc_err_set(err, code, MC_STAGE_CONNECT,
		    "%s, while connecting", what);
	if (mc_curl_in_handshake(t))
		return mc_err_set(err, code, MC_STAGE_TLS,
		    "%s, while setting up TLS", what);
	return mc_err_set(err, code, mc_watch_stage(&t->watch),
	    "%s, while %s", what, mc_watch_words(&t->watch));
}

static int
connect_error(const struct mc_transport *t, struct mc_err *err)
{
	char host[300] = "";
	long sys = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &sys);
	(void)proxy_host(t, host, sizeof(host));
	if (t->nowhere)
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "%s leads nowhere: its address is 0.0.0.0 or ::",
		    t->env->account->host);
	if (sys == 0)
		return mc_err_set(err, MC_E_CONNECT, MC_STAGE_CONNECT,
		    "cannot connect to %s%s: %s", host[0] != '\0' ?
		    "the proxy " : t->env->account->host, host, t->why);
	return mc_err_sys(err, MC_E_CONNECT, MC_STAGE_CONNECT, (int)sys,
	    "cannot connect to %s%s", host[0] != '\0' ? "the proxy " :
	    t->env->account->host, host);
}

static bool
is_proxys(const struct mc_transport *t)
{
	return t->env->account->proxy != NULL && t->watch.progress == 0 &&
	    !mc_curl_secured(t) && (strstr(t->why, "proxy") != NULL ||
	    strstr(t->why, "SOCKS") != NULL || strstr(t->why, "CONNECT") !=
	    NULL);
}

/* libcurl's failure as one of ours */
int
mc_curl_explain(const struct mc_transport *t, CURLcode code, struct mc_err *err)
{
	char host[300];

	/* the watch has stopped it, and knows better */
	if (mc_err_is_set(&t->watch.err))
		return mc_watch_end(&t->watch, err);
	if (code == CURLE_PROXY || is_proxys(t))
		return proxy_error(t, err);
	if (code == CURLE_OUT_OF_MEMORY)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (code == CURLE_COULDNT_RESOLVE_HOST)
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "cannot resolve the name %s", t->env->account->host);
	if (code == CURLE_COULDNT_RESOLVE_PROXY)
		return mc_err_set(err, MC_E_RESOLVE, MC_STAGE_RESOLVE,
		    "cannot resolve the name of the proxy %s",
		    proxy_host(t, host, sizeof(host)));
	if (code == CURLE_COULDNT_CONNECT || code == CURLE_INTERFACE_FAILED)
		return connect_error(t, err);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return cert_error(t, err);
	if (code == CURLE_SSL_PINNEDPUBKEYNOTMATCH)
		return mc_err_set(err, MC_E_TLS_CERT, MC_STAGE_TLS,
		    "the server's key is not among tls-pin (a new key, or "
		    "not the server)");
	if (code == CURLE_SSL_CONNECT_ERROR &&
	    strstr(t->why, "SSL_ERROR_SYSCALL") != NULL)
		return mc_curl_lost(t, MC_E_CLOSED,
		    "the server closed the connection", err);
	if (code == CURLE_SSL_CONNECT_ERROR)
		return tls_error(t, MC_E_TLS, err);
	if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CIPHER ||
	    code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR)
		return tls_error(t, MC_E_TLS_SETUP, err);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return mc_curl_lost(t, MC_E_TIMEOUT, "no answer in time", err);
	if (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR ||
	    code == CURLE_GOT_NOTHING)
		return mc_curl_lost(t, MC_E_CLOSED,
		    "the server closed the connection", err);
	if (code == CURLE_WEIRD_SERVER_REPLY)
		return mc_err_set(err, MC_E_INJECTED, mc_watch_stage(&t->watch),
		    "the server sent what nothing had asked for: broken "
		    "server, or somebody in between");
	if (code == CURLE_LOGIN_DENIED && t->login.token != NULL)
		return mc_err_set(err, MC_E_AUTH_REFUSED, MC_STAGE_AUTH,
		    "the server refused the token");
	if (code == CURLE_LOGIN_DENIED)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the log-in dialogue went wrong");
	return mc_err_set(err, MC_E_NET, mc_watch_stage(&t->watch),
	    "libcurl gives up: %s", t->why[0] != '\0' ? t->why :
	    curl_easy_strerror(code));
}
