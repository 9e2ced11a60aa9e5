/* SPDX-License-Identifier: MIT */
/*
 * oauth_code.c - log in by a browser that comes back to this machine
 *
 * RFC 8252 7.3 (loopback address, a port that the kernel chooses) with RFC
 * 7636 (PKCE).  Whatever else on this machine connects to that port neither
 * knows the state nor can use the code.
 */
#include "helper/oauth.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_HEAD 16384		/* of a browser's request */
#define HEAD_MS 5000
#define MOST_VISITS 64
#define MOST_CODE 4096
#define SECRET_BYTES 32

struct visit {
	char *code;		/* decoded, in the request */
	char *state;
	char *error;
	char *description;
};

struct code {
	struct job *job;
	int fd;			/* listens */
	struct text redirect;
	struct text state;
	struct text verifier;
	struct text url;
	struct text found;	/* the code */
};

/* ---------------------------------------------------------------- beginning */

static int
add_random(struct text *out)
{
	unsigned char bytes[SECRET_BYTES];
	int ok = RAND_bytes(bytes, sizeof(bytes));

	if (ok == 1)
		text_add_b64(out, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return ok == 1 && !out->failed ? 0 : -1;
}

static int
listen_here(struct code *c)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t n = sizeof(sin);
	const char *host = c->job->v[KEY_REDIRECT_HOST];
	char port[32];

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || fcntl(c->fd, F_SETFD, FD_CLOEXEC) != 0 ||
	    bind(c->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 ||
	    listen(c->fd, 8) != 0 ||
	    getsockname(c->fd, (struct sockaddr *)&sin, &n) != 0)
		return fail(c->job, "setup", "cannot listen on 127.0.0.1: %s",
		    strerror(errno)); /* NOLINT(concurrency-mt-unsafe) */
	(void)snprintf(port, sizeof(port), ":%u",
	    (unsigned)ntohs(sin.sin_port));
	text_addz(&c->redirect, "http://");
	text_addz(&c->redirect, host == NULL ? "127.0.0.1" : host);
	text_addz(&c->redirect, port);
	return 0;
}

static int
make_url(struct code *c)
{
	const char *const *v = c->job->v;
	struct text query = { .ptr = NULL }, challenge = { .ptr = NULL };
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int rc = -1;

	if (add_random(&c->state) != 0 || add_random(&c->verifier) != 0 ||
	    EVP_Digest(c->verifier.ptr, c->verifier.len, sum, &n,
	    EVP_sha256(), NULL) != 1)
		return fail(c->job, "setup", "OpenSSL cannot be used");
	text_add_b64(&challenge, sum, n);
	text_add_pair(&query, "response_type", "code");
	text_add_pair(&query, "client_id", v[KEY_CLIENT_ID]);
	text_add_pair(&query, "redirect_uri", c->redirect.ptr);
	text_add_pair(&query, "scope", v[KEY_SCOPE]);
	text_add_pair(&query, "state", c->state.ptr);
	text_add_pair(&query, "code_challenge", challenge.ptr);
	text_add_pair(&query, "code_challenge_method", "S256");
	text_add_pair(&query, "login_hint", v[KEY_LOGIN_HINT]);
	text_addz(&c->url, v[KEY_AUTH_URL]);
	text_addz(&c->url, strchr(v[KEY_AUTH_URL], '?') != NULL ? "&" : "?");
	text_addz(&c->url, query.ptr == NULL ? "" : query.ptr);
	if (v[KEY_AUTH_EXTRA] != NULL) {
		text_addz(&c->url, "&");
		text_addz(&c->url, v[KEY_AUTH_EXTRA]);
	}
	if (query.failed || challenge.failed || c->redirect.failed ||
	    c->url.failed)
		(void)fail(c->job, "temporary", "out of memory");
	else
		rc = 0;
	text_clear(&query);
	text_clear(&challenge);
	return rc;
}

/* nobody waits for the browser */
static void
open_browser(const char *url)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0)
			for (int fd = 0; fd < 3; fd++)
				(void)dup2(null, fd);
		if (fork() == 0) {
			(void)setsid();
			(void)execlp("xdg-open", "xdg-open", url,
			    (char *)NULL);
		}
		_exit(0);
	}
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
}

static void
show(const struct code *c)
{
	bool browser = c->job->v[KEY_BROWSER] != NULL;

	(void)fprintf(stderr, "To log in, %s\n\n%s\n\n"
	    "Waiting up to %lld minutes for the browser to come back to "
	    "127.0.0.1; Ctrl-C\ngives up.  On a machine without a browser use "
	    "--flow=device, or have ssh carry\nthe port (ssh -L) that stands "
	    "behind redirect_uri.\n",
	    browser ? "use the browser that opens now; if none does, open "
	    "this address:" : "open this address in a browser on this "
	    "machine:", c->url.ptr,
	    (long long)((c->job->end - now_ms() + 59999) / 60000));
	if (browser)
		open_browser(c->url.ptr);
}

/* ---------------------------------------------------------------- one visit */

/* the head of a request, up to the empty line; NULL: none in time */
static char *
read_head(int fd, char *buf, size_t size, int64_t end)
{
	size_t n = 0;

	while (n < size - 1) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = end - now_ms();
		ssize_t got;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return NULL;
		got = recv(fd, buf + n, size - 1 - n, MSG_DONTWAIT);
		if (got <= 0)
			return NULL;
		n += (size_t)got;
		buf[n] = '\0';
		if (strlen(buf) != n)
			return NULL;
		if (strstr(buf, "\r\n\r\n") != NULL)
			return buf;
	}
	return NULL;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* in place; false: not printable, or a broken escape */
static bool
decode(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		int c = (unsigned char)*s;

		if (c == '+')
			c = ' ';
		if (c == '%') {
			int high = hex(s[1]);
			int low = high < 0 ? -1 : hex(s[2]);

			if (low < 0)
				return false;
			c = high << 4 | low;
			s += 2;
		}
		if (c < 0x20 || c == 0x7f)
			return false;
		*to++ = (char)c;
	}
	*to = '\0';
	return true;
}

/* the parameters that count; each once */
static bool
take_parameters(char *query, struct visit *v)
{
	char *pair;

	while ((pair = strsep(&query, "&")) != NULL) {
		char *value = strchr(pair, '=');
		char **to;

		if (value == NULL)
			continue;
		*value++ = '\0';
		to = strcmp(pair, "code") == 0 ? &v->code :
		    strcmp(pair, "state") == 0 ? &v->state :
		    strcmp(pair, "error") == 0 ? &v->error :
		    strcmp(pair, "error_description") == 0 ?
		    &v->description : NULL;
		if (to == NULL)
			continue;
		if (*to != NULL || !decode(value))
			return false;
		*to = value;
	}
	return true;
}

/* "GET /?code=...&state=... HTTP/1.1" */
static bool
parse_head(char *head, struct visit *v)
{
	char *target = head + 4, *end;

	if (strncmp(head, "GET /", 5) != 0)
		return false;
	end = target + strcspn(target, " \r\n");
	if (strncmp(end, " HTTP/1.", 8) != 0)
		return false;
	*end = '\0';
	if (strncmp(target, "/?", 2) != 0)
		return false;
	return take_parameters(target + 2, v);
}

static void
answer(int fd, const char *status, const char *title, const char *text)
{
	char body[512], head[512];
	int n = snprintf(body, sizeof(body), "<!DOCTYPE html><meta "
	    "charset=utf-8><title>mailchute</title><h1>%s</h1><p>%s</p>\n",
	    title, text);
	int m = snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n"
	    "Content-Type: text/html; charset=utf-8\r\n"
	    "Content-Length: %d\r\nConnection: close\r\n"
	    "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n"
	    "Content-Security-Policy: default-src 'none'\r\n\r\n", status, n);

	if (send(fd, head, (size_t)m, MSG_DONTWAIT | MSG_NOSIGNAL) == m)
		(void)send(fd, body, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static bool
is_state(const struct code *c, const char *state)
{
	unsigned char differs = 0;

	if (state == NULL || strlen(state) != c->state.len)
		return false;
	for (size_t i = 0; i < c->state.len; i++)
		differs |= (unsigned char)(state[i] ^ c->state.ptr[i]);
	return differs == 0;
}

static int
refused(struct job *job, const struct visit *v)
{
	struct answer a = { .status = 400 };

	a.object = json_pack("{s:s}", "error", v->error);
	if (a.object != NULL && v->description != NULL)
		(void)json_object_set_new(a.object, "error_description",
		    json_string(v->description));
	(void)fail_answer(job, &a);
	answer_clear(&a);
	return -1;
}

/* 1: it was not the answer; 0: here is the code; -1: the provider said no */
static int
serve(struct code *c, int fd, char *buf)
{
	struct visit v = { .code = NULL };
	int64_t end = now_ms() + HEAD_MS;
	char *head = read_head(fd, buf, MOST_HEAD, end < c->job->end ? end :
	    c->job->end);

	if (head == NULL)
		return 1;
	if (!parse_head(head, &v)) {
		answer(fd, "404 Not Found", "Nothing here", "");
		return 1;
	}
	if (!is_state(c, v.state)) {
		answer(fd, "400 Bad Request", "Not this log-in", "mailchute "
		    "is waiting for the answer to another log-in.");
		return 1;
	}
	if (v.error != NULL) {
		answer(fd, "200 OK", "Not logged in", "The provider said no; "
		    "mailchute says more.  You can close this window.");
		return refused(c->job, &v);
	}
	if (v.code == NULL || v.code[0] == '\0' ||
	    strlen(v.code) > MOST_CODE) {
		answer(fd, "400 Bad Request", "No code", "");
		return fail(c->job, "protocol", "the browser came back without "
		    "a code");
	}
	text_addz(&c->found, v.code);
	answer(fd, "200 OK", "Done", "mailchute has what it needs.  You can "
	    "close this window.");
	return 0;
}

static int
wait_code(struct code *c)
{
	char *buf = malloc(MOST_HEAD);
	int rc = 1, visits = 0;

	if (buf == NULL)
		return fail(c->job, "temporary", "out of memory");
	while (rc == 1) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN };
		int64_t left = c->job->end - now_ms();
		int fd;

		if (left <= 0 || poll(&p, 1, (int)left) == 0) {
			rc = fail(c->job, "refused", "nobody has logged in in "
			    "time");
			break;
		}
		fd = accept(c->fd, NULL, NULL);
		if (fd < 0)
			continue;
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		if (++visits > MOST_VISITS)
			rc = fail(c->job, "refused", "too many connections to "
			    "the port that waits for the browser");
		else
			rc = serve(c, fd, buf);
		(void)close(fd);
		explicit_bzero(buf, MOST_HEAD);
	}
	free(buf);
	return rc;
}

/* ---------------------------------------------------------------- the whole */

static int
exchange(struct code *c)
{
	struct job *job = c->job;
	struct text form = { .ptr = NULL };
	struct answer a = { .object = NULL };
	int rc;

	text_add_pair(&form, "grant_type", "authorization_code");
	text_add_pair(&form, "code", c->found.ptr);
	text_add_pair(&form, "redirect_uri", c->redirect.ptr);
	text_add_pair(&form, "code_verifier", c->verifier.ptr);
	add_client(job, &form);
	rc = post(job, job->v[KEY_TOKEN_URL], &form, &a);
	if (rc == 0 && is_error(&a, "invalid_grant"))
		rc = fail(job, "refused", "the provider does not take the code "
		    "that it gave to the browser: begin anew");
	if (rc == 0)
		rc = take_token(job, &a);
	answer_clear(&a);
	text_clear(&form);
	return rc;
}

int
flow_code(struct job *job)
{
	struct code c = { .job = job, .fd = -1 };
	int rc = -1;

	if (need(job, KEY_AUTH_URL) != 0 || need(job, KEY_TOKEN_URL) != 0 ||
	    need(job, KEY_CLIENT_ID) != 0)
		return -1;
	if (listen_here(&c) == 0 && make_url(&c) == 0) {
		show(&c);
		rc = wait_code(&c);
	}
	/* nobody else has to come */
	if (c.fd >= 0)
		(void)close(c.fd);
	if (rc == 0)
		rc = exchange(&c);
	text_clear(&c.redirect);
	text_clear(&c.state);
	text_clear(&c.verifier);
	text_clear(&c.url);
	text_clear(&c.found);
	return rc;
}
