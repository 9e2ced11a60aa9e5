/* SPDX-License-Identifier: MIT */
/*
 * oauth.c - mailchute-oauth: get, renew and withdraw OAuth 2.0 tokens
 *
 * A program of its own, so that neither HTTP nor JSON is in the way of a
 * message.  It keeps nothing: lib/config/grant_file.c has the files, and starts it
 * only when there is something to ask of a provider.
 */
#include "helper/oauth.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/prctl.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

static const char *const names[KEYS] = {
	[KEY_WHAT] = "what",
	[KEY_CLIENT_ID] = "client-id",
	[KEY_CLIENT_SECRET] = "client-secret",
	[KEY_SCOPE] = "scope",
	[KEY_DEVICE_URL] = "device-url",
	[KEY_AUTH_URL] = "auth-url",
	[KEY_AUTH_EXTRA] = "auth-extra",
	[KEY_TOKEN_URL] = "token-url",
	[KEY_REVOKE_URL] = "revoke-url",
	[KEY_REFRESH_TOKEN] = "refresh-token",
	[KEY_KEY_FILE] = "key-file",
	[KEY_SUBJECT] = "subject",
	[KEY_LOGIN_HINT] = "login-hint",
	[KEY_REDIRECT_HOST] = "redirect-host",
	[KEY_BROWSER] = "browser",
	[KEY_PROXY] = "proxy",
	[KEY_PROXY_USER] = "proxy-user",
	[KEY_PROXY_PASSWORD] = "proxy-password",
	[KEY_SECONDS] = "seconds",
};

static const struct {
	const char *what;
	int (*run)(struct job *job);
} flows[] = {
	{ "device", flow_device },
	{ "code", flow_code },
	{ "client", flow_client },
	{ "jwt", flow_jwt },
	{ "refresh", flow_refresh },
	{ "revoke", flow_revoke },
};

#define NELEM(a) (sizeof(a) / sizeof((a)[0]))
#define MOST_SECONDS 3600

int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int
fail(struct job *job, const char *word, const char *fmt, ...)
{
	va_list ap;

	if (job->failure.word != NULL)
		return -1;
	job->failure.word = word;
	va_start(ap, fmt);
	(void)vsnprintf(job->failure.text, sizeof(job->failure.text), fmt, ap);
	va_end(ap);
	return -1;
}

int
need(struct job *job, enum key key)
{
	if (job->v[key] != NULL)
		return 0;
	return fail(job, "setup", "the request has no %s", names[key]);
}

/* -------------------------------------------------------------- the request */

static void
forbid_dumps(void)
{
#ifndef SANITIZED
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
#ifdef __linux__
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
#endif
}

static int
read_all(struct text *in)
{
	char block[4096];
	ssize_t n;

	in->most = MOST_REQUEST;
	do {
		n = read(STDIN_FILENO, block, sizeof(block));
		if (n > 0)
			text_add(in, block, (size_t)n);
	} while (n > 0 || (n < 0 && errno == EINTR));
	explicit_bzero(block, sizeof(block));
	return n < 0 || in->failed || in->ptr == NULL ||
	    memchr(in->ptr, '\0', in->len) != NULL ? -1 : 0;
}

/* cuts the text into values; -1: not a request */
static int
parse(struct job *job, char *text)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
		char *value = strchr(line, ' ');
		size_t i = 0;

		if (value == NULL || rest == NULL)
			return -1;
		*value++ = '\0';
		while (i < KEYS && strcmp(names[i], line) != 0)
			i++;
		if (i == KEYS || job->v[i] != NULL || *value == '\0')
			return -1;
		job->v[i] = value;
	}
	return job->v[KEY_WHAT] != NULL && job->v[KEY_SECONDS] != NULL ?
	    0 : -1;
}

static int
run(struct job *job)
{
	char *stop;
	long seconds = strtol(job->v[KEY_SECONDS], &stop, 10);

	if (*stop != '\0' || seconds < 1 || seconds > MOST_SECONDS)
		return fail(job, "setup", "a wrong limit of time");
	job->end = now_ms() + seconds * 1000;
	for (size_t i = 0; i < NELEM(flows); i++)
		if (strcmp(flows[i].what, job->v[KEY_WHAT]) == 0)
			return flows[i].run(job);
	return fail(job, "setup", "an unknown request");
}

/* ------------------------------------------------------------------- answer */

static int
print_failure(struct job *job)
{
	char *p = job->failure.text;

	for (; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	printf("error\t%s\t%s\n", job->failure.word, job->failure.text);
	return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
}

int
main(int argc, char *argv[])
{
	static struct job job;
	struct text in = { .ptr = NULL };
	static char out[MOST_TOKEN * 2 + MOST_REPLY];
	int status = EX_OK;

	(void)argv;
	if (argc != 1) {
		(void)fprintf(stderr, "usage: mailchute-oauth <REQUEST\n"
		    "It is run by mailchute; see mailchute-login(1).\n");
		return EX_USAGE;
	}
	forbid_dumps();
	text_use_for_json();
	signal(SIGPIPE, SIG_IGN);
	(void)setvbuf(stdout, out, _IOFBF, sizeof(out));
	if (read_all(&in) != 0 || parse(&job, in.ptr) != 0) {
		(void)fprintf(stderr, "mailchute-oauth: not a request\n");
		status = EX_USAGE;
	} else if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0) {
		(void)fail(&job, "setup", "libcurl cannot be used");
		status = print_failure(&job);
	} else {
		if (run(&job) != 0)
			status = print_failure(&job);
		else if (fflush(stdout) != 0 || ferror(stdout))
			status = EX_IOERR;
		curl_global_cleanup();
	}
	text_clear(&in);
	explicit_bzero(out, sizeof(out));
	return status;
}
