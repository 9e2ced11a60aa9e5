/* SPDX-License-Identifier: MIT */
/*
 * sasl_side.h - the tests' client, and libgsasl's server to talk to
 */
#ifndef MC_SASL_SIDE_H
#define MC_SASL_SIDE_H

#include "unit.h"

#include <gsasl.h>

#include "base/b64.h"
#include "smtp/sasl.h"

#define USER "tim,=o"
#define PASSWORD "correct: horse/battery+staple"
#define TOKEN "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg=="
#define ROUNDS 1000000

#define FULL { .verified = true, .has_exporter = true, \
    .exporter = "exporter of this very channel.." }
#define UNBOUND { .verified = true }

struct side {
	struct mc_secret *password, *token;
	struct mc_sasl *sasl;
	struct mc_str mech;
	bool has_ir;
	struct mc_buf ir;	/* base64 */
	struct mc_buf out;	/* base64, answer of the last step */
	struct mc_err err;
};

static inline void
side_init(struct side *s, const char *password, size_t len, const char *token)
{
	memset(s, 0, sizeof(*s));
	mc_buf_init_secret(&s->ir, 1024 * 1024);
	mc_buf_init_secret(&s->out, 1024 * 1024);
	if (password != NULL) {
		s->password = mc_secret_new(password, len, NULL);
		assert_non_null(s->password);
	}
	if (token != NULL) {
		s->token = mc_secret_new(token, strlen(token), NULL);
		assert_non_null(s->token);
	}
}

static inline int
side_new(struct side *s, const char *user, const char *mechs)
{
	const struct mc_sasl_settings set = {
		.user = user,
		.password = s->password,
		.token = s->token,
		.mechs = mechs,
		.host = "smtp.example.com",
		.port = "465",
		.max_iterations = ROUNDS,
	};

	return mc_sasl_new(&set, &s->sasl, &s->err);
}

static inline int
side_start(struct side *s, const char *offered,
    const struct mc_sasl_channel *channel)
{
	return mc_sasl_start(s->sasl, mc_str_from(offered), channel, &s->mech,
	    &s->has_ir, &s->ir, &s->err);
}

/* a base64 challenge */
static inline int
side_step64(struct side *s, struct mc_str challenge)
{
	mc_buf_reset(&s->out);
	return mc_sasl_step(s->sasl, challenge, &s->out, &s->err);
}

/* a challenge in bytes */
static inline int
side_step(struct side *s, struct mc_str challenge)
{
	struct mc_buf b64;
	int rc;

	mc_buf_init(&b64, 1024 * 1024);
	mc_b64_encode(challenge, &b64);
	assert_int_equal(b64.err, 0);
	rc = side_step64(s, mc_buf_str(&b64));
	mc_buf_clear(&b64);
	return rc;
}

static inline bool
side_holds(struct mc_str text, struct mc_str what)
{
	for (size_t i = 0; what.len != 0 && i + what.len <= text.len; i++)
		if (memcmp(text.ptr + i, what.ptr, what.len) == 0)
			return true;
	return false;
}

/*
 * Neither the secret nor its base64 at any of the three alignments is in
 * what people get to see.
 */
static inline void
side_clean_of(const struct side *s, struct mc_str secret)
{
	struct mc_str texts[] = {
		mc_str_from(s->err.text),
		s->sasl == NULL ? MC_STR_NONE : mc_sasl_detail(s->sasl),
	};

	for (size_t t = 0; t < MC_NELEM(texts); t++) {
		assert_false(side_holds(texts[t], secret));
		for (size_t skip = 0; skip < 3 && secret.len > 12; skip++) {
			struct mc_buf b;

			/* whole groups only: the ends depend on neighbours */
			mc_buf_init(&b, 1024 * 1024);
			mc_b64_encode(mc_str_sub(secret, skip,
			    (secret.len - skip) / 3 * 3), &b);
			assert_false(side_holds(texts[t], mc_buf_str(&b)));
			mc_buf_clear(&b);
		}
	}
}

static inline void
side_free(struct side *s)
{
	if (s->password != NULL)
		side_clean_of(s, mc_secret_peek(s->password));
	if (s->token != NULL)
		side_clean_of(s, mc_secret_peek(s->token));
	mc_sasl_free(s->sasl);
	mc_secret_free(s->password);
	mc_secret_free(s->token);
	mc_buf_clear(&s->ir);
	mc_buf_clear(&s->out);
}

/* bytes of a base64 buffer; "=" is empty */
static inline void
side_decode(struct mc_str b64, struct mc_buf *out)
{
	mc_buf_init(out, 1024 * 1024);
	if (!mc_str_eq(b64, MC_STR("=")))
		assert_int_equal(mc_b64_decode(b64, out), 0);
	assert_int_equal(out->err, 0);
}

/* failmalloc over several calls: the left-th allocation within on and off */
static inline void
budget_on(unsigned long left)
{
	(void)failmalloc(left, false);
}

/* what is left; 0 once it has failed */
static inline unsigned long
budget_off(unsigned long left)
{
	unsigned long used = failmalloc(0, false);

	return used < left ? left - used : 0;
}

/* -------------------------------------------------- libgsasl's server */

struct server {
	Gsasl *ctx;
	Gsasl_session *session;
	const char *user;
	const char *password;
	const unsigned char *exporter;	/* 32 bytes; NULL: no binding */
	const char *iterations;
	bool external;			/* somebody asked about EXTERNAL */
};

/* libgsasl before 2.0 knows no tls-exporter: its server cannot do -PLUS */
static inline bool
server_can(const char *mech)
{
#if GSASL_VERSION_NUMBER >= 0x020000
	(void)mech;
	return true;
#else
	return strstr(mech, "-PLUS") == NULL;
#endif
}

/* int since 2.0, void before */
static inline int
put(Gsasl_session *session, Gsasl_property prop, const char *value)
{
	(void)gsasl_property_set(session, prop, value);
	return GSASL_OK;
}

static inline int
server_callback(Gsasl *ctx, Gsasl_session *session, Gsasl_property prop)
{
	struct server *v = gsasl_callback_hook_get(ctx);

	if (prop == GSASL_PASSWORD)
		return put(session, prop, v->password);
	if (prop == GSASL_SCRAM_ITER && v->iterations != NULL)
		return put(session, prop, v->iterations);
	if (prop == GSASL_REALM)
		return put(session, prop, "example.com");
	if (prop == GSASL_VALIDATE_EXTERNAL) {
		v->external = true;
		return GSASL_OK;
	}
	if (prop == GSASL_VALIDATE_SIMPLE) {
		const char *u = gsasl_property_fast(session, GSASL_AUTHID);
		const char *p = gsasl_property_fast(session, GSASL_PASSWORD);

		return u != NULL && p != NULL && strcmp(u, v->user) == 0 &&
		    strcmp(p, v->password) == 0 ?
		    GSASL_OK : GSASL_AUTHENTICATION_ERROR;
	}
#if GSASL_VERSION_NUMBER >= 0x020000
	if (prop == GSASL_CB_TLS_EXPORTER && v->exporter != NULL) {
		struct mc_buf b;

		mc_buf_init(&b, 100);
		mc_b64_encode(mc_str_make((const char *)v->exporter, 32), &b);
		(void)put(session, prop, b.ptr);
		mc_buf_clear(&b);
		return GSASL_OK;
	}
#endif
	return GSASL_NO_CALLBACK;
}

static inline void
server_start(struct server *v, const char *mech)
{
	assert_int_equal(gsasl_init(&v->ctx), GSASL_OK);
	gsasl_callback_set(v->ctx, server_callback);
	gsasl_callback_hook_set(v->ctx, v);
	assert_int_equal(gsasl_server_start(v->ctx, mech, &v->session),
	    GSASL_OK);
	(void)put(v->session, GSASL_SERVICE, "smtp");
	(void)put(v->session, GSASL_HOSTNAME, "smtp.example.com");
}

static inline void
server_end(struct server *v)
{
	if (v->session != NULL)
		gsasl_finish(v->session);
	if (v->ctx != NULL)
		gsasl_done(v->ctx);
	v->session = NULL;
	v->ctx = NULL;
}

/* what the client sent, in base64; *out gets bytes */
static inline int
server_step(struct server *v, struct mc_str b64, struct mc_buf *out)
{
	struct mc_buf in;
	char *p = NULL;
	size_t n = 0;
	int rc;

	side_decode(b64, &in);
	rc = gsasl_step(v->session, in.ptr, in.len, &p, &n);
	mc_buf_clear(&in);
	mc_buf_reset(out);
	if (rc == GSASL_OK || rc == GSASL_NEEDS_MORE) {
		mc_buf_add(out, p, n);
		gsasl_free(p);
	}
	return rc;
}

/*
 * The whole dialogue as an SMTP server would lead it: 0 if both sides are
 * content, 1 if the server said no, -1 if the client did.
 */
static inline int
side_talk(struct side *s, struct server *v)
{
	struct mc_buf challenge;
	int rc, result = -1;

	mc_buf_init(&challenge, 1024 * 1024);
	if (s->has_ir)
		rc = server_step(v, mc_buf_str(&s->ir), &challenge);
	else
		rc = server_step(v, MC_STR_NONE, &challenge);
	/* a last message of the server's goes as one more challenge */
	while (rc == GSASL_NEEDS_MORE || (rc == GSASL_OK &&
	    challenge.len != 0)) {
		bool last = rc == GSASL_OK;

		if (side_step(s, mc_buf_str(&challenge)) < 0)
			goto out;
		if (last)
			break;
		rc = server_step(v, mc_buf_str(&s->out), &challenge);
	}
	if (rc != GSASL_OK)
		result = 1;
	else
		result = mc_sasl_accept(s->sasl, &s->err);
out:
	mc_buf_clear(&challenge);
	return result;
}

#endif
