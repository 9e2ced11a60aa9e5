/* SPDX-License-Identifier: MIT */
/*
 * lookup_http.c - one document over HTTPS
 *
 * Redirections are followed here and not by libcurl, because each has to be
 * judged first: to HTTPS alone, without a name and password in it, not to this
 * machine or to private networks unless the first server is there too.
 */
#include <config.h>

#include "helper/lookup.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define REDIRECTS_MAX 3
#define HEADER_MAX 65536

/* one document on its way */
struct fetch {
	CURL *curl;
	struct lookup_page *page;
	size_t header;		/* bytes of it so far */
	int hop;
	bool too_long;
	bool inside;		/* the first server has a private address */
	bool led_inside;	/* a redirection went to one */
};

/* --------------------------------------------------------------- addresses */

static bool
is_private_v4(uint32_t ip)
{
	static const struct {
		uint32_t net;
		int bits;
	} nets[] = {
		{ 0x00000000, 8 }, { 0x0a000000, 8 }, { 0x64400000, 10 },
		{ 0x7f000000, 8 }, { 0xa9fe0000, 16 }, { 0xac100000, 12 },
		{ 0xc0000000, 24 }, { 0xc0a80000, 16 }, { 0xc6120000, 15 },
		{ 0xe0000000, 3 },
	};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++)
		if ((ip ^ nets[i].net) >> (32 - nets[i].bits) == 0)
			return true;
	return false;
}

static bool
is_private_v6(const struct in6_addr *ip)
{
	uint32_t last;

	memcpy(&last, ip->s6_addr + 12, 4);
	/* a v4 address in the clothes of v6: mapped, or of NAT64 */
	if (IN6_IS_ADDR_V4MAPPED(ip) || IN6_IS_ADDR_V4COMPAT(ip) ||
	    memcmp(ip->s6_addr, "\0\x64\xff\x9b\0\0\0\0\0\0\0\0", 12) == 0)
		return is_private_v4(ntohl(last));
	return IN6_IS_ADDR_LOOPBACK(ip) || IN6_IS_ADDR_UNSPECIFIED(ip) ||
	    IN6_IS_ADDR_LINKLOCAL(ip) || IN6_IS_ADDR_SITELOCAL(ip) ||
	    IN6_IS_ADDR_MULTICAST(ip) || (ip->s6_addr[0] & 0xfe) == 0xfc;
}

static bool
is_private(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return is_private_v4(ntohl(((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr.s_addr));
	return sa->sa_family != AF_INET6 || is_private_v6(
	    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

/* a name that is an address of such a network, or this machine's own */
static bool
names_private(const char *host)
{
	size_t n = strlen(host);
	char bare[64];
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return is_private_v4(ntohl(v4.s_addr));
	if (host[0] == '[') {
		if (n < 3 || n > sizeof(bare))
			return true;
		memcpy(bare, host + 1, n - 2);
		bare[n - 2] = '\0';
		bare[strcspn(bare, "%")] = '\0';
		return inet_pton(AF_INET6, bare, &v6) != 1 || is_private_v6(&v6);
	}
	if (n != 0 && host[n - 1] == '.')
		n--;
	return (n == 9 && strncasecmp(host, "localhost", 9) == 0) ||
	    (n > 10 && strncasecmp(host + n - 10, ".localhost", 10) == 0);
}

/* where a connection goes, whatever the name said */
static curl_socket_t
on_connect(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct fetch *f = ctx;
	bool private = is_private(&to->addr);

	(void)purpose;
	if (f->hop == 0)
		f->inside = f->inside || private;
	else if (private && !f->inside) {
		f->led_inside = true;
		return CURL_SOCKET_BAD;
	}
	return socket(to->family, to->socktype, to->protocol);
}

/* ----------------------------------------------------------------- content */

static size_t
on_data(char *data, size_t one, size_t n, void *ctx)
{
	struct fetch *f = ctx;

	(void)one;
	if (n > LOOKUP_DOCUMENT_MAX - f->page->len) {
		f->too_long = true;
		return 0;
	}
	memcpy(f->page->data + f->page->len, data, n);
	f->page->len += n;
	return n;
}

static size_t
on_header(char *data, size_t one, size_t n, void *ctx)
{
	struct fetch *f = ctx;

	(void)data;
	(void)one;
	if (n > HEADER_MAX - f->header) {
		f->too_long = true;
		return 0;
	}
	f->header += n;
	return n;
}

/* ------------------------------------------------------------ redirections */

/* is this a place to go to?  Else `why` */
static bool
may_follow(const char *url, char *why, size_t size)
{
	char *scheme = NULL, *host = NULL, *user = NULL, *password = NULL;
	const char *wrong = NULL;
	CURLU *u = curl_url();

	if (u == NULL || curl_url_set(u, CURLUPART_URL, url,
	    CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
	    curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    strcasecmp(scheme, "https") != 0)
		wrong = "something that is not https";
	else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK ||
	    curl_url_get(u, CURLUPART_PASSWORD, &password, 0) == CURLUE_OK)
		wrong = "an address with a user name in it";
	else if (curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    names_private(host))
		wrong = "this machine or a private network";
	else if (strlen(url) >= sizeof(((struct lookup_page *)NULL)->url))
		wrong = "an address that is too long";
	curl_free(scheme);
	curl_free(user);
	curl_free(password);
	curl_free(host);
	curl_url_cleanup(u);
	if (wrong != NULL)
		lookup_why(why, size, "it leads to %s", wrong);
	return wrong == NULL;
}

/* ----------------------------------------------------------------- request */

/* sets `wrong` when it fails */
#define SET(curl, option, value) \
	(wrong |= (curl_easy_setopt((curl), (option), (value)) != CURLE_OK))

static bool
set_up(struct fetch *f, const struct lookup *l)
{
	bool wrong = false;

#if LIBCURL_VERSION_NUM >= 0x075500
	SET(f->curl, CURLOPT_PROTOCOLS_STR, "https");
#else
	SET(f->curl, CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a resolver's thread that hangs must not keep us */
	SET(f->curl, CURLOPT_QUICK_EXIT, 1L);
#endif
	SET(f->curl, CURLOPT_FOLLOWLOCATION, 0L);
	SET(f->curl, CURLOPT_NOSIGNAL, 1L);
	SET(f->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	SET(f->curl, CURLOPT_SSL_VERIFYHOST, 2L);
	SET(f->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(f->curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(f->curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(f->curl, CURLOPT_USERAGENT, "mailchute/" PACKAGE_VERSION);
	SET(f->curl, CURLOPT_WRITEFUNCTION, on_data);
	SET(f->curl, CURLOPT_WRITEDATA, f);
	SET(f->curl, CURLOPT_HEADERFUNCTION, on_header);
	SET(f->curl, CURLOPT_HEADERDATA, f);
	SET(f->curl, CURLOPT_OPENSOCKETFUNCTION, on_connect);
	SET(f->curl, CURLOPT_OPENSOCKETDATA, f);
	if (l->ca_file != NULL) {
		SET(f->curl, CURLOPT_CAINFO, l->ca_file);
		SET(f->curl, CURLOPT_CAPATH, (char *)NULL);
	}
	return !wrong;
}

/* what libcurl is told about where hosts are; NULL for nothing, or no memory */
static struct curl_slist *
redirect_connection(const struct lookup *l)
{
	char line[320];

	if (l->connect == NULL)
		return NULL;
	(void)snprintf(line, sizeof(line), "::%s", l->connect);
	return curl_slist_append(NULL, line);
}

/* with --server this program asks that one, and libcurl nobody */
static struct curl_slist *
resolve(const struct lookup *l, const char *url)
{
	char line[1024], list[600], *host = NULL, *port = NULL;
	struct curl_slist *slist = NULL;
	CURLU *u = curl_url();

	if (u != NULL && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
	    CURLUE_OK && lookup_is_name(host, false) &&
	    lookup_host(l, host, list, sizeof(list)) == 1) {
		(void)snprintf(line, sizeof(line), "%s:%s:%s", host, port, list);
		slist = curl_slist_append(NULL, line);
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(u);
	return slist;
}

/* the transfer of one URL; what curl said */
static CURLcode
get(struct fetch *f, const struct lookup *l, int64_t end)
{
	struct curl_slist *to = redirect_connection(l), *hosts = NULL;
	bool wrong = false;
	CURLcode code;
	int64_t left;

	if (l->server != NULL && l->connect == NULL)
		hosts = resolve(l, f->page->url);
	f->page->len = f->header = 0;
	left = end - lookup_now();
	SET(f->curl, CURLOPT_URL, f->page->url);
	SET(f->curl, CURLOPT_TIMEOUT_MS, left < 1 ? 1L : (long)left);
	SET(f->curl, CURLOPT_CONNECTTIMEOUT_MS, left < 1 ? 1L : (long)left);
	SET(f->curl, CURLOPT_CONNECT_TO, to);
	SET(f->curl, CURLOPT_RESOLVE, hosts);
	if (wrong || (l->connect != NULL && to == NULL))
		code = CURLE_OUT_OF_MEMORY;
	else if (l->server != NULL && l->connect == NULL && hosts == NULL)
		code = CURLE_COULDNT_RESOLVE_HOST;
	else
		code = curl_easy_perform(f->curl);
	/* they are about to be gone */
	(void)curl_easy_setopt(f->curl, CURLOPT_CONNECT_TO, NULL);
	(void)curl_easy_setopt(f->curl, CURLOPT_RESOLVE, NULL);
	curl_slist_free_all(to);
	curl_slist_free_all(hosts);
	return code;
}

/* ----------------------------------------------------------------- verdict */

/* a transfer that did not come to its end */
static enum lookup_got
judge_failure(const struct fetch *f, CURLcode code, const char *detail,
    char *why, size_t size)
{
	const char *url = f->page->url;

	if (f->too_long) {
		lookup_why(why, size, "%s: it is longer than %d KiB", url,
		    LOOKUP_DOCUMENT_MAX / 1024);
		return LOOKUP_REFUSED;
	}
	if (f->led_inside) {
		lookup_why(why, size, "%s: a redirection leads to this "
		    "machine or a private network", url);
		return LOOKUP_REFUSED;
	}
	if (code == CURLE_OUT_OF_MEMORY)
		return LOOKUP_BROKEN;
	if (code == CURLE_PEER_FAILED_VERIFICATION) {
		lookup_why(why, size, "%s: its certificate is not to be "
		    "trusted: %s", url, detail);
		return LOOKUP_REFUSED;
	}
	lookup_why(why, size, "%s: %s", url, detail);
	/* nearly all domains have no such host, or no server on it */
	if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT)
		return LOOKUP_NONE;
	return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR ||
	    code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING ||
	    code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PARTIAL_FILE ||
	    code == CURLE_COULDNT_RESOLVE_PROXY ?
	    LOOKUP_TEMPORARY : LOOKUP_REFUSED;
}

static enum lookup_got
judge_status(const struct fetch *f, long status, char *why, size_t size)
{
	if (status == 200)
		return LOOKUP_FOUND;
	lookup_why(why, size, "%s: the web server said %ld", f->page->url,
	    status);
	return status == 429 || status >= 500 ? LOOKUP_TEMPORARY : LOOKUP_NONE;
}

/* follow where it leads; LOOKUP_FOUND: page is filled */
static enum lookup_got
walk(struct fetch *f, const struct lookup *l, int64_t end, char *why,
    size_t size)
{
	char detail[CURL_ERROR_SIZE] = "", reason[128];
	CURLcode code;
	char *next;
	long status;

	(void)curl_easy_setopt(f->curl, CURLOPT_ERRORBUFFER, detail);
	for (f->hop = 0; f->hop <= REDIRECTS_MAX; f->hop++) {
		next = NULL;
		status = 0;
		code = get(f, l, end);
		if (code != CURLE_OK)
			return judge_failure(f, code, detail[0] != '\0' ?
			    detail : curl_easy_strerror(code), why, size);
		(void)curl_easy_getinfo(f->curl, CURLINFO_RESPONSE_CODE,
		    &status);
		(void)curl_easy_getinfo(f->curl, CURLINFO_REDIRECT_URL, &next);
		if (next == NULL)
			return judge_status(f, status, why, size);
		if (!may_follow(next, reason, sizeof(reason))) {
			lookup_why(why, size, "%s: %s", f->page->url,
			    reason);
			return LOOKUP_REFUSED;
		}
		(void)snprintf(f->page->url, sizeof(f->page->url), "%s", next);
	}
	lookup_why(why, size, "%s: more than %d redirections",
	    f->page->url, REDIRECTS_MAX);
	return LOOKUP_REFUSED;
}

enum lookup_got
lookup_fetch(const struct lookup *l, const char *url, int ms,
    struct lookup_page *ret, char *why, size_t size)
{
	struct fetch f = { .page = ret };
	enum lookup_got got = LOOKUP_BROKEN;

	(void)snprintf(ret->url, sizeof(ret->url), "%s", url);
	ret->data = malloc(LOOKUP_DOCUMENT_MAX);
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(ret->data);
		return got;
	}
	f.curl = curl_easy_init();
	if (f.curl != NULL && ret->data != NULL && set_up(&f, l))
		got = walk(&f, l, lookup_now() + ms, why, size);
	curl_easy_cleanup(f.curl);
	curl_global_cleanup();
	if (got != LOOKUP_FOUND)
		free(ret->data);
	return got;
}

char *
lookup_escape(const char *text)
{
	return curl_easy_escape(NULL, text, 0);
}

void
lookup_free(char *text)
{
	curl_free(text);
}
