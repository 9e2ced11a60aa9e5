/* SPDX-License-Identifier: MIT */
/*
 * oauth_flow.c - log-ins that need no browser on this machine, and renewal
 */
#include "helper/oauth.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define USUAL_INTERVAL 5	/* RFC 8628 3.2 */
#define SLOWER 5		/* RFC 8628 3.5 */
#define MOST_INTERVAL 60
#define MOST_WAIT 1800		/* for somebody to enter a code */
#define MOST_TRIES 5		/* in a row that did not reach the provider */
#define JWT_SECONDS 3600	/* the most that Google takes */
#define MOST_KEY_FILE 16384

/* ask for a token, and print it */
static int
ask_token(struct job *job, struct text *form)
{
	struct answer a = { .object = NULL };
	int rc = post(job, job->v[KEY_TOKEN_URL], form, &a);

	if (rc == 0)
		rc = take_token(job, &a);
	answer_clear(&a);
	text_clear(form);
	return rc;
}

int
flow_client(struct job *job)
{
	struct text form = { .ptr = NULL };

	if (need(job, KEY_TOKEN_URL) != 0 || need(job, KEY_CLIENT_ID) != 0)
		return -1;
	text_add_pair(&form, "grant_type", "client_credentials");
	add_client(job, &form);
	text_add_pair(&form, "scope", job->v[KEY_SCOPE]);
	return ask_token(job, &form);
}

/* the scope of the log-in holds on (RFC 6749 6) */
int
flow_refresh(struct job *job)
{
	struct text form = { .ptr = NULL };

	if (need(job, KEY_TOKEN_URL) != 0 ||
	    need(job, KEY_REFRESH_TOKEN) != 0)
		return -1;
	text_add_pair(&form, "grant_type", "refresh_token");
	text_add_pair(&form, "refresh_token", job->v[KEY_REFRESH_TOKEN]);
	add_client(job, &form);
	return ask_token(job, &form);
}

int
flow_revoke(struct job *job)
{
	struct text form = { .ptr = NULL };
	struct answer a = { .object = NULL };
	int rc;

	if (need(job, KEY_REVOKE_URL) != 0 ||
	    need(job, KEY_REFRESH_TOKEN) != 0)
		return -1;
	text_add_pair(&form, "token", job->v[KEY_REFRESH_TOKEN]);
	add_client(job, &form);
	rc = post(job, job->v[KEY_REVOKE_URL], &form, &a);
	/* one that is not there any more is what was wanted */
	if (rc == 0 && a.status != 200 && !is_error(&a, "invalid_token"))
		rc = fail_answer(job, &a);
	if (rc == 0)
		printf("done\n");
	answer_clear(&a);
	text_clear(&form);
	return rc;
}

/* -------------------------------------------------------------------- device */

struct device {
	const char *code;
	const char *user_code;
	const char *uri;
	int64_t interval;	/* seconds */
	int64_t end;		/* as job->end */
};

static bool
is_web(const char *uri)
{
	return uri != NULL && (strncmp(uri, "https://", 8) == 0 ||
	    may_be_clear(uri));
}

static int
read_device(struct job *job, const struct answer *a, struct device *d)
{
	int64_t life = get_seconds(a->object, "expires_in");

	if (a->status != 200 || json_object_get(a->object, "error") != NULL)
		return fail_answer(job, a);
	d->code = get_text(a->object, "device_code", MOST_TOKEN, false);
	d->user_code = get_text(a->object, "user_code", 64, true);
	d->uri = get_text(a->object, "verification_uri", 1024, false);
	/* Google's name for it, older than the standard */
	if (d->uri == NULL)
		d->uri = get_text(a->object, "verification_url", 1024, false);
	d->interval = get_seconds(a->object, "interval");
	if (d->code == NULL || d->user_code == NULL || !is_web(d->uri) ||
	    life <= 0)
		return fail(job, "protocol", "the provider's answer has no "
		    "code to enter, or no address to enter it at");
	if (d->interval < 0)
		d->interval = USUAL_INTERVAL;
	if (d->interval < 1)
		d->interval = 1;
	if (d->interval > MOST_INTERVAL)
		d->interval = MOST_INTERVAL;
	if (life > MOST_WAIT)
		life = MOST_WAIT;
	d->end = now_ms() + life * 1000;
	if (d->end > job->end)
		d->end = job->end;
	return 0;
}

static void
show_device(const struct device *d)
{
	long long minutes = (d->end - now_ms() + 59999) / 60000;

	(void)fprintf(stderr,
	    "To log in, open this address in a browser, on any device:\n\n"
	    "    %s\n\n"
	    "and enter this code there:\n\n"
	    "    %s\n\n"
	    "Waiting up to %lld minute%s; Ctrl-C gives up.\n", d->uri,
	    d->user_code, minutes, minutes == 1 ? "" : "s");
}

/* one question; 1: not yet, 0: done, -1 */
static int
poll_once(struct job *job, struct device *d, int *tries)
{
	struct text form = { .ptr = NULL };
	struct answer a = { .object = NULL };
	int rc;

	text_add_pair(&form, "grant_type",
	    "urn:ietf:params:oauth:grant-type:device_code");
	text_add_pair(&form, "device_code", d->code);
	add_client(job, &form);
	rc = post(job, job->v[KEY_TOKEN_URL], &form, &a);
	text_clear(&form);
	if (rc != 0 && strcmp(job->failure.word, "temporary") == 0 &&
	    ++*tries < MOST_TRIES) {
		/* RFC 8628 3.5: less often, when the network does not work */
		d->interval = d->interval * 2 > MOST_INTERVAL ?
		    MOST_INTERVAL : d->interval * 2;
		job->failure.word = NULL;
		return 1;
	}
	if (rc != 0)
		return -1;
	*tries = 0;
	rc = 1;
	if (is_error(&a, "slow_down"))
		d->interval += SLOWER;
	else if (is_error(&a, "invalid_grant"))
		rc = fail(job, "refused", "the provider does not know the "
		    "code any more: begin anew");
	else if (!is_error(&a, "authorization_pending"))
		rc = take_token(job, &a);
	answer_clear(&a);
	return rc;
}

static int
wait_device(struct job *job, struct device *d)
{
	int tries = 0, rc;

	do {
		int64_t left = d->end - now_ms();

		if (left <= d->interval * 1000) {
			if (left > 0)
				(void)poll(NULL, 0, (int)left);
			return fail(job, "refused", "nobody has entered the "
			    "code in time");
		}
		(void)poll(NULL, 0, (int)d->interval * 1000);
		rc = poll_once(job, d, &tries);
	} while (rc == 1);
	return rc;
}

int
flow_device(struct job *job)
{
	struct text form = { .ptr = NULL };
	struct answer a = { .object = NULL };
	struct device d = { .code = NULL };
	int rc;

	if (need(job, KEY_DEVICE_URL) != 0 || need(job, KEY_TOKEN_URL) != 0 ||
	    need(job, KEY_CLIENT_ID) != 0)
		return -1;
	add_client(job, &form);
	text_add_pair(&form, "scope", job->v[KEY_SCOPE]);
	rc = post(job, job->v[KEY_DEVICE_URL], &form, &a);
	text_clear(&form);
	if (rc == 0)
		rc = read_device(job, &a, &d);
	if (rc == 0) {
		show_device(&d);
		rc = wait_device(job, &d);
	}
	answer_clear(&a);
	return rc;
}

/* ------------------------------------------------------------ service accounts */

/* a Google key file: the account, and its private key */
static json_t *
read_key_file(struct job *job)
{
	const char *in = job->v[KEY_KEY_FILE];
	size_t n = strlen(in);
	unsigned char *bytes;
	json_error_t why;
	json_t *file = NULL;
	int len = -1;

	if (n > MOST_KEY_FILE * 4 / 3 + 4)
		return NULL;
	bytes = malloc(n + 1);
	if (bytes == NULL)
		return NULL;
	if (n % 4 == 0)
		len = EVP_DecodeBlock(bytes, (const unsigned char *)in,
		    (int)n);
	/* it counts the padding too */
	while (len > 0 && n != 0 && in[n - 1] == '=') {
		len--;
		n--;
	}
	if (len > 0)
		file = json_loadb((char *)bytes, (size_t)len,
		    JSON_REJECT_DUPLICATES, &why);
	explicit_bzero(bytes, strlen(in) + 1);
	free(bytes);
	if (!json_is_object(file)) {
		json_decref(file);
		return NULL;
	}
	return file;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	/* in place of asking somebody for a passphrase */
	char none[] = "";
	EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL,
	    NULL, none);

	BIO_free(bio);
	if (key != NULL && EVP_PKEY_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

/* append "." and the signature of what is there (RFC 7518 3.3) */
static int
sign(struct text *jwt, EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char sig[1024];
	size_t n = sizeof(sig);
	int ok = ctx != NULL && !jwt->failed &&
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	    EVP_DigestSign(ctx, sig, &n, (const unsigned char *)jwt->ptr,
	    jwt->len) == 1;

	EVP_MD_CTX_free(ctx);
	if (ok != 1)
		return -1;
	text_addz(jwt, ".");
	text_add_b64(jwt, sig, n);
	return jwt->failed ? -1 : 0;
}

static void
add_part(struct text *jwt, json_t *object)
{
	char *s = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);

	if (s == NULL)
		jwt->failed = true;
	else
		text_add_b64(jwt, (const unsigned char *)s, strlen(s));
	text_free_json(s);
	json_decref(object);
}

/* RFC 7523 3, with what Google asks for beside it */
static int
make_jwt(struct job *job, const json_t *file, EVP_PKEY *key,
    struct text *jwt)
{
	const char *id = get_text(file, "private_key_id", 256, false);
	const char *issuer = get_text(file, "client_email", 320, false);
	const char *subject = job->v[KEY_SUBJECT];
	json_int_t now = (json_int_t)time(NULL);
	json_t *claims;

	add_part(jwt, id == NULL ?
	    json_pack("{s:s, s:s}", "alg", "RS256", "typ", "JWT") :
	    json_pack("{s:s, s:s, s:s}", "alg", "RS256", "typ", "JWT", "kid",
	    id));
	text_addz(jwt, ".");
	claims = json_pack("{s:s, s:s, s:I, s:I}", "iss", issuer, "aud",
	    job->v[KEY_TOKEN_URL], "iat", now, "exp", now + JWT_SECONDS);
	if (claims != NULL && ((job->v[KEY_SCOPE] != NULL &&
	    json_object_set_new(claims, "scope",
	    json_string(job->v[KEY_SCOPE])) != 0) || (subject != NULL &&
	    json_object_set_new(claims, "sub", json_string(subject)) != 0))) {
		json_decref(claims);
		claims = NULL;
	}
	add_part(jwt, claims);
	return sign(jwt, key);
}

int
flow_jwt(struct job *job)
{
	struct text jwt = { .ptr = NULL }, form = { .ptr = NULL };
	const char *pem, *issuer;
	EVP_PKEY *key = NULL;
	json_t *file;
	int rc = -1;

	if (need(job, KEY_TOKEN_URL) != 0 || need(job, KEY_KEY_FILE) != 0)
		return -1;
	file = read_key_file(job);
	pem = json_string_value(json_object_get(file, "private_key"));
	issuer = get_text(file, "client_email", 320, false);
	if (pem != NULL)
		key = read_key(pem);
	if (key == NULL || issuer == NULL)
		(void)fail(job, "setup", "oauth-key-file is no JSON key of a "
		    "service account with client_email and an RSA private_key");
	else if (make_jwt(job, file, key, &jwt) != 0)
		(void)fail(job, "setup", "the private key of oauth-key-file "
		    "cannot sign");
	else
		rc = 0;
	EVP_PKEY_free(key);
	json_decref(file);
	if (rc == 0) {
		text_add_pair(&form, "grant_type",
		    "urn:ietf:params:oauth:grant-type:jwt-bearer");
		text_add_pair(&form, "assertion", jwt.ptr);
		rc = ask_token(job, &form);
	}
	text_clear(&jwt);
	return rc;
}
