/* SPDX-License-Identifier: MIT */
/*
 * oauth_answer.c - what stands in a provider's JSON object, and what it means
 */
#include "helper/oauth.h"

#include <stdio.h>
#include <string.h>

/* where a provider does not say how long a token holds (RFC 6749 5.1) */
#define USUAL_SECONDS 3600
#define MOST_SECONDS (90 * 86400)
#define MOST_WORDS 280

void
answer_clear(struct answer *a)
{
	json_decref(a->object);
	a->object = NULL;
}

static bool
is_printable(const char *s, size_t most, bool blanks)
{
	size_t n;

	for (n = 0; s[n] != '\0'; n++)
		if (s[n] < (blanks ? 0x20 : 0x21) || s[n] > 0x7e)
			return false;
	return n != 0 && n <= most;
}

const char *
get_text(const json_t *object, const char *name, size_t most, bool blanks)
{
	const json_t *v = json_object_get(object, name);
	const char *s = json_string_value(v);

	/* without a flag jansson takes no NUL in a string */
	return s != NULL && is_printable(s, most, blanks) ? s : NULL;
}

int64_t
get_seconds(const json_t *object, const char *name)
{
	const json_t *v = json_object_get(object, name);
	const char *s = json_string_value(v);
	json_int_t n = -1;

	if (json_is_integer(v))
		n = json_integer_value(v);
	else if (json_is_real(v) && json_real_value(v) >= 0 &&
	    json_real_value(v) < 1e9)
		n = (json_int_t)json_real_value(v);
	else if (s != NULL && *s != '\0' && strlen(s) < 10 &&
	    s[strspn(s, "0123456789")] == '\0')
		for (n = 0; *s != '\0'; s++)
			n = n * 10 + (*s - '0');
	return n < 0 ? -1 : n > MOST_SECONDS ? MOST_SECONDS : (int64_t)n;
}

bool
is_error(const struct answer *a, const char *error)
{
	const char *e = get_text(a->object, "error", 64, false);

	return e != NULL && strcmp(e, error) == 0;
}

/* ------------------------------------------------------------------- errors */

struct meaning {
	const char *error;
	const char *word;
	const char *text;
};

/* RFC 6749 4.1.2.1 and 5.2, RFC 8628 3.5 */
static const struct meaning meanings[] = {
	{ "invalid_grant", "login",
	    "the log-in has expired or was withdrawn" },
	{ "interaction_required", "login",
	    "the provider wants you to log in again" },
	{ "login_required", "login",
	    "the provider wants you to log in again" },
	{ "consent_required", "login",
	    "the provider wants you to agree again" },
	{ "access_denied", "refused",
	    "the log-in was refused, by you or by the provider" },
	{ "expired_token", "refused",
	    "nobody has entered the code in time" },
	{ "invalid_client", "refused",
	    "the provider does not know this oauth-client-id, or the client "
	    "secret is wrong" },
	{ "unauthorized_client", "refused",
	    "the provider does not let this oauth-client-id log in this way: "
	    "see oauth-flow" },
	{ "unsupported_grant_type", "refused",
	    "the provider has no log-in of this kind: see oauth-flow" },
	{ "invalid_scope", "refused",
	    "the provider does not grant this oauth-scope" },
	{ "invalid_request", "refused",
	    "the provider does not understand the request" },
	{ "temporarily_unavailable", "temporary",
	    "the provider cannot answer now" },
	{ "server_error", "temporary", "the provider cannot answer now" },
};

/* what a provider says must not bring a secret into a log */
static bool
repeats_secret(const struct job *job, const char *words)
{
	static const enum key secret[] = { KEY_CLIENT_SECRET,
	    KEY_REFRESH_TOKEN, KEY_PROXY_PASSWORD };

	for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
		if (job->v[secret[i]] != NULL &&
		    strstr(words, job->v[secret[i]]) != NULL)
			return true;
	return false;
}

/* the provider's own words, without what only it understands */
static void
find_words(const struct job *job, const struct answer *a, const char *error,
    char *out, size_t size)
{
	const json_t *v = json_object_get(a->object, "error_description");
	const char *s = json_string_value(v);
	const char *end;
	size_t n = 0;

	out[0] = '\0';
	/* all of them, before they are cut */
	if (s == NULL || repeats_secret(job, s))
		return;
	/* of Microsoft: a number, the sentence, then its own book-keeping */
	end = strstr(s, "Trace ID:");
	if (end == NULL)
		end = s + strlen(s);
	while (s < end && n < size - 1 && n < MOST_WORDS) {
		out[n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s;
		s++;
	}
	while (n != 0 && (out[n - 1] == ' ' || out[n - 1] == '.'))
		n--;
	out[n] = '\0';
	if (strcmp(out, error) == 0)
		out[0] = '\0';
}

int
fail_answer(struct job *job, const struct answer *a)
{
	const char *error = get_text(a->object, "error", 64, true);
	const struct meaning *m = NULL;
	char words[MOST_WORDS + 1];

	if (error != NULL && repeats_secret(job, error))
		error = NULL;
	if (error == NULL && a->status == 200)
		return fail(job, "protocol", "what the provider says has "
		    "neither a token nor an error in it");
	if (error == NULL)
		return fail(job, a->status >= 500 ? "temporary" : "protocol",
		    "the provider answered with HTTP status %ld and no reason",
		    a->status);
	find_words(job, a, error, words, sizeof(words));
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(meanings[i].error, error) == 0)
			m = &meanings[i];
	if (m == NULL)
		return fail(job, a->status >= 500 || a->status == 429 ?
		    "temporary" : "refused", "the provider said no: %s%s%s",
		    error, words[0] != '\0' ? ", " : "", words);
	return fail(job, m->word, "%s: %s%s%s", m->text, error,
	    words[0] != '\0' ? ", " : "", words);
}

/* -------------------------------------------------------------------- tokens */

static int
bad_token(struct job *job, const char *what)
{
	return fail(job, "protocol", "the provider's answer has %s", what);
}

int
take_token(struct job *job, const struct answer *a)
{
	const char *access = get_text(a->object, "access_token", MOST_TOKEN,
	    false);
	const char *type = get_text(a->object, "token_type", 64, false);
	const char *refresh = get_text(a->object, "refresh_token",
	    MOST_REFRESH, false);
	const char *scope = get_text(a->object, "scope", 2048, true);
	int64_t seconds = get_seconds(a->object, "expires_in");

	if (a->status != 200 || json_object_get(a->object, "error") != NULL)
		return fail_answer(job, a);
	if (access == NULL)
		return bad_token(job, "no access token that can be used");
	if (type == NULL || strcasecmp(type, "bearer") != 0)
		return bad_token(job, "a token that is no bearer token");
	if (refresh == NULL &&
	    json_object_get(a->object, "refresh_token") != NULL &&
	    !json_is_null(json_object_get(a->object, "refresh_token")))
		return bad_token(job, "a refresh token that cannot be used");
	if (seconds < 0 && json_object_get(a->object, "expires_in") != NULL)
		return bad_token(job, "no sensible expires_in");
	if (seconds < 0)
		seconds = USUAL_SECONDS;
	printf("token\t%s\t%lld\t%s\t%s\n", access, (long long)seconds,
	    refresh == NULL ? "" : refresh, scope == NULL ? "" : scope);
	return 0;
}

void
add_client(struct job *job, struct text *form)
{
	text_add_pair(form, "client_id", job->v[KEY_CLIENT_ID]);
	text_add_pair(form, "client_secret", job->v[KEY_CLIENT_SECRET]);
}
