/* SPDX-License-Identifier: MIT */
/*
 * curl_options.c - what libcurl is told
 */
#include "base/base.h"
#include "transport/curl_internal.h"

#include "base/err.h"
#include "base/limits.h"
#include "config/proxy.h"
#include "config/source.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

void
mc_curl_set_text(struct mc_transport *t, CURLoption option, const char *value)
{
	CURLcode code = curl_easy_setopt(t->easy, option, value);

	if (t->set_failed == CURLE_OK)
		t->set_failed = code;
}

void
mc_curl_set_long(struct mc_transport *t, CURLoption option, long value)
{
	CURLcode code = curl_easy_setopt(t->easy, option, value);

	if (t->set_failed == CURLE_OK)
		t->set_failed = code;
}

/* a text that was put together, and is wiped */
int
mc_curl_set_buf(struct mc_transport *t, CURLoption option, struct mc_buf *value,
    struct mc_err *err)
{
	int rc = mc_buf_err(value, "option", err);

	if (rc == 0)
		mc_curl_set_text(t, option, value->ptr);
	mc_buf_clear(value);
	return rc;
}

static size_t
on_line(char *p, size_t size, size_t n, void *ctx)
{
	struct mc_transport *t = ctx;

	return mc_watch_server(&t->watch, p, size * n) == 0 ? size * n : 0;
}

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	(void)p;
	(void)ctx;
	return size * n;
}

/* what leaves shows where the dialogue stands; the bytes go nowhere */
static int
on_debug(CURL *easy, curl_infotype type, char *p, size_t n, void *ctx)
{
	struct mc_transport *t = ctx;

	(void)easy;
	if (type == CURLINFO_HEADER_OUT)
		mc_watch_client(&t->watch, p, n);
	return 0;
}

/* 0.0.0.0 and :: mean this machine, for whoever connects there by mistake */
static bool
is_nowhere(const struct curl_sockaddr *addr)
{
	const struct sockaddr_in *four = (const void *)&addr->addr;
	const struct sockaddr_in6 *six = (const void *)&addr->addr;

	if (addr->family == AF_INET)
		return four->sin_addr.s_addr == htonl(INADDR_ANY);
	return addr->family == AF_INET6 &&
	    IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

static curl_socket_t
on_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *addr)
{
	struct mc_transport *t = ctx;
	int fd;

	(void)purpose;
	if (is_nowhere(addr)) {
		t->nowhere = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(addr->family, addr->socktype, addr->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	for (size_t i = 0; i < MC_CURL_SOCKS; i++)
		if (t->socks[i] == CURL_SOCKET_BAD) {
			t->socks[i] = fd;
			break;
		}
	return fd;
}

static int
on_close(void *ctx, curl_socket_t fd)
{
	struct mc_transport *t = ctx;

	for (size_t i = 0; i < MC_CURL_SOCKS; i++)
		if (t->socks[i] == fd)
			t->socks[i] = CURL_SOCKET_BAD;
	return close(fd);
}

/* percent-encode what may not stand in the path of a URL */
static void
add_path(struct mc_buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (mc_is_alnum((unsigned char)*s) || *s == '-' || *s == '.')
			mc_buf_addc(out, *s);
		else
			mc_buf_addf(out, "%%%02X", (unsigned char)*s);
	}
}

/* a host between other things: IPv6 in brackets, its zone encoded */
static void
add_host(struct mc_buf *out, const char *host, bool encode)
{
	bool six = strchr(host, ':') != NULL;

	if (six)
		mc_buf_addc(out, '[');
	for (; *host != '\0'; host++) {
		if (*host == '%' && encode)
			mc_buf_addz(out, "%25");
		else
			mc_buf_addc(out, *host);
	}
	if (six)
		mc_buf_addc(out, ']');
}

/* the name in the URL is the one that the certificate must have */
const char *
mc_curl_url_host(const struct mc_account *a)
{
	return a->tls_host != NULL ? a->tls_host :
	    a->is_socket ? "localhost" : a->host;
}

static int
set_url(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_buf url;

	mc_buf_init(&url, 4 * MC_MAX_COMMAND);
	mc_buf_addz(&url, a->tls_mode == MC_TLS_ON ? "smtps://" : "smtp://");
	add_host(&url, mc_curl_url_host(a), true);
	mc_buf_addf(&url, ":%s/", a->port_text);
	add_path(&url, a->ehlo_name != NULL ? a->ehlo_name : "localhost");
	return mc_curl_set_buf(t, CURLOPT_URL, &url, err);
}

/* where to connect, when it is not what the URL says */
static int
set_place(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_buf text;
	int rc;

	if (a->is_socket) {
		mc_curl_set_text(t, CURLOPT_UNIX_SOCKET_PATH, a->host);
		return 0;
	}
	if (a->source_address != NULL) {
		mc_buf_init(&text, MC_MAX_COMMAND);
		mc_buf_addf(&text, "host!%s", a->source_address);
		if (mc_curl_set_buf(t, CURLOPT_INTERFACE, &text, err) != 0)
			return -1;
	}
	if (a->tls_host == NULL)
		return 0;
	mc_buf_init(&text, MC_MAX_COMMAND);
	mc_buf_addz(&text, "::");
	add_host(&text, a->host, false);
	mc_buf_addf(&text, ":%s", a->port_text);
	rc = mc_buf_err(&text, "host", err);
	if (rc == 0) {
		t->connect_to = curl_slist_append(NULL, text.ptr);
		(void)curl_easy_setopt(t->easy, CURLOPT_CONNECT_TO,
		    t->connect_to);
		if (t->connect_to == NULL)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	mc_buf_clear(&text);
	return rc;
}

static int
set_decoded(struct mc_transport *t, CURLoption option, struct mc_str in,
    struct mc_err *err)
{
	struct mc_buf text;

	mc_buf_init_secret(&text, MC_MAX_SECRET);
	mc_proxy_decode(in, &text);
	return mc_curl_set_buf(t, option, &text, err);
}

/* asked for again at each connection, as that of the account is */
static int
set_proxy_password(struct mc_transport *t, struct mc_str in_url,
    struct mc_err *err)
{
	const struct mc_transport_env *env = t->env;
	struct mc_secret *secret = NULL;
	struct mc_buf text;

	if (!mc_source_has(env->account, MC_SECRET_PROXY))
		return set_decoded(t, CURLOPT_PROXYPASSWORD, in_url, err);
	if (mc_login_secret(env, MC_SECRET_PROXY, &secret, err) != 0)
		return -1;
	mc_buf_init_secret(&text, MC_MAX_SECRET);
	mc_buf_add_str(&text, mc_secret_peek(secret));
	mc_secret_free(secret);
	return mc_curl_set_buf(t, CURLOPT_PROXYPASSWORD, &text, err);
}

static int
set_proxy(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;
	struct mc_proxy p;
	struct mc_buf url;

	/* variables (all_proxy, no_proxy) count for nothing */
	mc_curl_set_text(t, CURLOPT_NOPROXY, "");
	if (a->proxy == NULL) {
		mc_curl_set_text(t, CURLOPT_PROXY, "");
		return 0;
	}
	if (mc_proxy_split(mc_secret_peek(a->proxy), &p) != 0)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_CONFIG,
		    "proxy is not of its form");
	mc_buf_init(&url, MC_MAX_COMMAND);
	mc_buf_addf(&url, "%.*s://%.*s:%.*s", MC_STR_FMT(p.scheme),
	    MC_STR_FMT(p.host), MC_STR_FMT(p.port));
	if (mc_curl_set_buf(t, CURLOPT_PROXY, &url, err) != 0)
		return -1;
	mc_curl_set_long(t, CURLOPT_HTTPPROXYTUNNEL, 1);
	mc_curl_set_long(t, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
	mc_curl_set_long(t, CURLOPT_PROXY_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
	if (!p.has_user)
		return 0;
	mc_curl_set_long(t, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC |
	    CURLAUTH_DIGEST));
	if (set_decoded(t, CURLOPT_PROXYUSERNAME, p.user, err) != 0)
		return -1;
	return set_proxy_password(t, p.password, err);
}

/* ---------------------------------------------------------------- all of it */

int
mc_curl_set_options(struct mc_transport *t, struct mc_err *err)
{
	const struct mc_account *a = t->env->account;

	mc_curl_set_long(t, CURLOPT_CONNECT_ONLY, 1);
	mc_curl_set_long(t, CURLOPT_NOSIGNAL, 1);
	mc_curl_set_long(t, CURLOPT_CONNECTTIMEOUT, (long)a->connect_timeout);
	mc_curl_set_long(t, CURLOPT_SERVER_RESPONSE_TIMEOUT, MC_CURL_FOREVER_S);
	mc_curl_set_long(t, CURLOPT_TCP_NODELAY, 1);
#if LIBCURL_VERSION_NUM >= 0x075500
	mc_curl_set_text(t, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* somebody who cancels does not wait for the resolver */
	mc_curl_set_long(t, CURLOPT_QUICK_EXIT, 1);
#endif
	mc_curl_set_long(t, CURLOPT_VERBOSE, 1);
	(void)curl_easy_setopt(t->easy, CURLOPT_DEBUGFUNCTION, on_debug);
	(void)curl_easy_setopt(t->easy, CURLOPT_DEBUGDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	(void)curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	(void)curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_line);
	(void)curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->why);
	if (set_url(t, err) != 0 || set_place(t, err) != 0 ||
	    mc_curl_set_tls(t, err) != 0 || mc_curl_set_login(t, err) != 0 ||
	    set_proxy(t, err) != 0)
		return -1;
	if (t->set_failed == CURLE_OUT_OF_MEMORY)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	if (t->set_failed != CURLE_OK)
		return mc_err_set(err, MC_E_MODULE, MC_STAGE_LOCAL,
		    "libcurl %s cannot do what is asked of it: %s",
		    curl_version_info(CURLVERSION_NOW)->version,
		    curl_easy_strerror(t->set_failed));
	return 0;
}
