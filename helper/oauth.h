/* SPDX-License-Identifier: MIT */
/*
 * oauth.h - inside of mailchute-oauth
 *
 * The program gets one request on its standard input, lines of "KEY VALUE",
 * and answers with one record on its standard output:
 *
 *	token TAB ACCESS TAB SECONDS TAB REFRESH TAB SCOPE
 *	done
 *	error TAB WORD TAB TEXT
 *
 * SECONDS is how long the access token holds; REFRESH and SCOPE may be empty.
 * Words: login (somebody has to log in again), refused (the provider said no),
 * temporary (not now), protocol (what the provider said makes no sense), setup
 * (something on this machine).  What a person has to do goes to standard error.
 * lib/config/grant_ask.c is the other side.
 */
#ifndef HELPER_OAUTH_H
#define HELPER_OAUTH_H

#include <config.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOST_REQUEST 65536
#define MOST_REPLY 65536	/* header and body of what a provider says */
#define MOST_TOKEN 16384
#define MOST_REFRESH 8192	/* it has to fit into a request again */

/* -------------------------------------------------------------------- texts */

/* bytes with a NUL behind them, wiped when they are let go */
struct text {
	char *ptr;		/* NULL: empty */
	size_t len;
	size_t cap;
	size_t most;		/* 0: no limit but memory */
	bool failed;		/* no memory, or more than `most` */
};

void
text_add(struct text *t, const char *p, size_t n);

void
text_addz(struct text *t, const char *s);

void
text_clear(struct text *t);

/* "a=b&c=d": one more, encoded; NULL value: nothing */
void
text_add_pair(struct text *t, const char *name, const char *value);

/* for jansson: what it frees is wiped */
void
text_use_for_json(void);

/* of json_dumps() */
void
text_free_json(char *s);

/* base64url without padding (RFC 7515 2) */
void
text_add_b64(struct text *t, const unsigned char *p, size_t n);

/* ------------------------------------------------------------------ request */

enum key {
	KEY_WHAT,		/* device, code, client, jwt, refresh, revoke */
	KEY_CLIENT_ID,
	KEY_CLIENT_SECRET,
	KEY_SCOPE,
	KEY_DEVICE_URL,
	KEY_AUTH_URL,
	KEY_AUTH_EXTRA,		/* "a=b&c=d" behind the parameters of our own */
	KEY_TOKEN_URL,
	KEY_REVOKE_URL,
	KEY_REFRESH_TOKEN,
	KEY_KEY_FILE,		/* contents of a provider's key file, base64 */
	KEY_SUBJECT,
	KEY_LOGIN_HINT,
	KEY_REDIRECT_HOST,
	KEY_BROWSER,		/* "yes": have one opened */
	KEY_PROXY,
	KEY_PROXY_USER,
	KEY_PROXY_PASSWORD,
	KEY_SECONDS,		/* limit for the whole of it */
	KEYS
};

struct failure {
	const char *word;	/* NULL: none */
	char text[480];
};

struct job {
	const char *v[KEYS];	/* NULL: not given */
	int64_t end;		/* now_ms() when all has to be over */
	struct failure failure;
};

/* the first one wins; always -1 */
int
fail(struct job *job, const char *word, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* the value, or -1 with a failure that names the key */
int
need(struct job *job, enum key key);

int64_t
now_ms(void);

/* ------------------------------------------------------------------- answers */

/* what a provider has said: a JSON object, or no JSON with a status that says
 * enough */
struct answer {
	long status;
	json_t *object;		/* NULL: none */
};

/* http:// to this machine */
bool
may_be_clear(const char *url);

/* POST a form, and take what comes back; -1: no such answer */
int
post(struct job *job, const char *url, const struct text *form,
    struct answer *ret_answer);

void
answer_clear(struct answer *a);

/* the string of a member that is printable ASCII of at most `most` bytes; NULL
 * if there is none.  `blanks`: they may be in it */
const char *
get_text(const json_t *object, const char *name, size_t most, bool blanks);

/* a number of seconds that is not negative, also as a string; -1 if none */
int64_t
get_seconds(const json_t *object, const char *name);

/* does the answer have this error? */
bool
is_error(const struct answer *a, const char *error);

/* say what a provider's error means; always -1 */
int
fail_answer(struct job *job, const struct answer *a);

/* print the record of a token, or fail */
int
take_token(struct job *job, const struct answer *a);

/* client id, secret where there is one, scope */
void
add_client(struct job *job, struct text *form);

/* --------------------------------------------------------------------- flows */

int
flow_device(struct job *job);

int
flow_code(struct job *job);

int
flow_client(struct job *job);

int
flow_refresh(struct job *job);

int
flow_jwt(struct job *job);

int
flow_revoke(struct job *job);

#endif
