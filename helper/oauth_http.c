/* SPDX-License-Identifier: MIT */
/*
 * oauth_http.c - one POST to a provider, and the JSON object that comes back
 */
#include "helper/oauth.h"

#include <curl/curl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_MS 15000
#define MOST_URL 4096

struct reply {
	struct text body;
	size_t header;		/* bytes of it so far */
	bool too_long;
};

/* how much of a reply there is, header included, decides when it is enough */
static bool
has_room(struct reply *r, size_t n)
{
	if (n <= MOST_REPLY && r->header + r->body.len <= MOST_REPLY - n)
		return true;
	r->too_long = true;
	return false;
}

static size_t
on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct reply *r = ctx;

	(void)p;
	(void)size;
	if (!has_room(r, n))
		return 0;
	r->header += n;
	return n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct reply *r = ctx;

	(void)size;
	if (!has_room(r, n))
		return 0;
	text_add(&r->body, p, n);
	return r->body.failed ? 0 : n;
}

/* nothing else is in the clear; for tests, and providers behind a tunnel */
bool
may_be_clear(const char *url)
{
	static const char *const hosts[] = { "http://127.0.0.1",
	    "http://localhost", "http://[::1]" };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t n = strlen(hosts[i]);

		if (strncmp(url, hosts[i], n) == 0 &&
		    (url[n] == ':' || url[n] == '/' || url[n] == '\0'))
			return strchr(url, '@') == NULL;
	}
	return false;
}

static int
check_url(struct job *job, const char *url)
{
	bool clear = may_be_clear(url);

	if (strlen(url) > MOST_URL)
		return fail(job, "setup", "an address of the provider is too "
		    "long");
	if (!clear && strncmp(url, "https://", 8) != 0)
		return fail(job, "setup", "%.200s: only https:// will do", url);
	return 0;
}

/* 0, or the first option that does not work */
static CURLcode
set_up(struct job *job, CURL *c, const char *url, const struct text *form,
    struct reply *r, char *words)
{
	int64_t left = job->end - now_ms();
	const char *proxy = job->v[KEY_PROXY];
	/* this program has one thread */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	const char *file = getenv("SSL_CERT_FILE");
	CURLcode rc = 0;

	if (left < 1)
		left = 1;
	if (left > INT_MAX)
		left = INT_MAX;
#define SET(option, value) \
	do { \
		if (rc == 0) \
			rc = curl_easy_setopt(c, (option), (value)); \
	} while (0)
	SET(CURLOPT_URL, url);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(CURLOPT_PROTOCOLS_STR, may_be_clear(url) ? "http" : "https");
#else
	SET(CURLOPT_PROTOCOLS, (long)(may_be_clear(url) ? CURLPROTO_HTTP :
	    CURLPROTO_HTTPS));
#endif
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (file != NULL && *file != '\0')
		SET(CURLOPT_CAINFO, file);
	SET(CURLOPT_POSTFIELDSIZE, (long)form->len);
	SET(CURLOPT_POSTFIELDS, form->len == 0 ? "" : form->ptr);
	SET(CURLOPT_USERAGENT, "mailchute/" PACKAGE_VERSION);
	/* "" is none, whatever the environment says */
	SET(CURLOPT_PROXY, proxy == NULL ? "" : proxy);
	SET(CURLOPT_NOPROXY, "");
	if (job->v[KEY_PROXY_USER] != NULL)
		SET(CURLOPT_PROXYUSERNAME, job->v[KEY_PROXY_USER]);
	if (job->v[KEY_PROXY_PASSWORD] != NULL)
		SET(CURLOPT_PROXYPASSWORD, job->v[KEY_PROXY_PASSWORD]);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(left < CONNECT_MS ? left :
	    CONNECT_MS));
	SET(CURLOPT_TIMEOUT_MS, (long)left);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, r);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_ERRORBUFFER, words);
#undef SET
	return rc;
}

/* "https://login.example" of an address, for people */
static int
origin_len(const char *url)
{
	const char *slash = strstr(url, "//");

	return (int)(slash == NULL ? strlen(url) :
	    (size_t)(slash + 2 - url) + strcspn(slash + 2, "/?#"));
}

static int
fail_curl(struct job *job, const char *url, const struct reply *r,
    CURLcode rc, const char *words)
{
	int n = origin_len(url);

	if (r->too_long)
		return fail(job, "protocol", "%.*s answered with more than %d "
		    "bytes", n, url, MOST_REPLY);
	if (rc == CURLE_OUT_OF_MEMORY || r->body.failed)
		return fail(job, "temporary", "out of memory");
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return fail(job, "temporary", "%.*s did not answer in time", n,
		    url);
	return fail(job, "temporary", "%.*s cannot be reached: %.200s", n, url,
	    words[0] != '\0' ? words : curl_easy_strerror(rc));
}

static int
read_object(struct job *job, const char *url, const struct text *body,
    struct answer *a)
{
	json_error_t why;
	int n = origin_len(url);

	a->object = body->len == 0 ? NULL : json_loadb(body->ptr, body->len,
	    JSON_REJECT_DUPLICATES, &why);
	if (json_is_object(a->object))
		return 0;
	answer_clear(a);
	if (a->status >= 300 && a->status < 400)
		return fail(job, "protocol", "%.*s wants to send us elsewhere "
		    "(HTTP status %ld), and that is not followed", n, url,
		    a->status);
	if (a->status >= 500 || a->status == 429)
		return fail(job, "temporary", "%.*s cannot answer now (HTTP "
		    "status %ld)", n, url, a->status);
	if (body->len == 0)
		return fail(job, "protocol", "%.*s said nothing (HTTP status "
		    "%ld)", n, url, a->status);
	return fail(job, "protocol", "%.*s answered with something that is no "
	    "JSON object (HTTP status %ld)", n, url, a->status);
}

int
post(struct job *job, const char *url, const struct text *form,
    struct answer *ret_answer)
{
	char words[CURL_ERROR_SIZE] = "";
	struct reply r = { .header = 0 };
	struct answer a = { .object = NULL };
	CURL *c = NULL;
	CURLcode rc;
	int done = -1;

	if (check_url(job, url) != 0)
		return -1;
	if (form->failed)
		return fail(job, "temporary", "out of memory");
	c = curl_easy_init();
	if (c == NULL)
		return fail(job, "setup", "libcurl cannot be used");
	rc = set_up(job, c, url, form, &r, words);
	if (rc == 0)
		rc = curl_easy_perform(c);
	if (rc != 0) {
		(void)fail_curl(job, url, &r, rc, words);
		goto out;
	}
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a.status);
	/* a withdrawal has nothing to say (RFC 7009 2.2) */
	if (a.status == 200 && r.body.len == 0 &&
	    job->v[KEY_REVOKE_URL] == url)
		done = 0;
	else
		done = read_object(job, url, &r.body, &a);
	if (done == 0)
		*ret_answer = a;
out:
	curl_easy_cleanup(c);
	text_clear(&r.body);
	return done;
}
