/* SPDX-License-Identifier: MIT */
/* sasl_gsasl.c - the mechanisms that libgsasl does for us, and SASLprep */
#include "base/base.h"

#include "smtp/sasl_internal.h"

#include <gsasl.h>

#include "base/err.h"
#include "base/mem.h"

/* A type 2 message has 32 bytes at least (MS-NLMP 2.2.1.2), and libntlm's
 * struct has room for 1024 behind the 48 of its later forms. */
#define NTLM_MIN 32
#define NTLM_FULL (48 + 1024)

struct mc_gsasl {
	Gsasl *ctx;
	Gsasl_session *session;
	bool ntlm;
};

/* ----------------------------------------------------------- SASLprep */

/* what SASLprep leaves alone */
static bool
is_plain_ascii(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
			return false;
	return true;
}

/* With unassigned code points allowed.  libgsasl 2.2 has the sense of its flag
 * the wrong way round, so both are tried; they differ in nothing else. */
static int
saslprep(const char *in, char **ret_prepared)
{
	int rc = gsasl_saslprep(in, GSASL_ALLOW_UNASSIGNED, ret_prepared,
	    NULL);

	if (rc == GSASL_SASLPREP_ERROR)
		rc = gsasl_saslprep(in, 0, ret_prepared, NULL);
	return rc;
}

int
mc_sasl_prep(struct mc_str s, const char *what, struct mc_buf *out,
    struct mc_err *err)
{
	if (is_plain_ascii(s)) {
		mc_buf_add_str(out, s);
		return mc_buf_err(out, what, err);
	}

	char *in = mc_mem_strndup(s.ptr, s.len);
	char *prepared = NULL;

	if (in == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);

	int rc = saslprep(in, &prepared);

	mc_mem_wipe(in, s.len);
	mc_mem_free(in);
	if (rc == GSASL_MALLOC_ERROR)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);
	if (rc != GSASL_OK || prepared == NULL || prepared[0] == '\0') {
		gsasl_free(prepared);
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s has characters that SASLprep (RFC 4013) does not allow",
		    what);
	}
	mc_buf_addz(out, prepared);
	mc_mem_wipe(prepared, strlen(prepared));
	gsasl_free(prepared);
	return mc_buf_err(out, what, err);
}

/* ------------------------------------------------------------ sessions */

int
mc_gsasl_new(struct mc_gsasl **ret_g, struct mc_err *err)
{
	struct mc_gsasl *g = mc_mem_zalloc(1, sizeof(*g));

	if (g == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);

	int rc = gsasl_init(&g->ctx);

	if (rc != GSASL_OK) {
		mc_mem_free(g);
		if (rc == GSASL_MALLOC_ERROR)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_AUTH,
		    "cannot set up libgsasl: %s", gsasl_strerror(rc));
	}
	*ret_g = g;
	return 0;
}

void
mc_gsasl_end(struct mc_gsasl *g)
{
	if (g == NULL || g->session == NULL)
		return;

	/* libgsasl frees its copy without wiping it.  It is the library's own
	 * heap block, const only in the prototype. */
	char *copy = (char *)gsasl_property_fast(g->session,
	    GSASL_PASSWORD);

	if (copy != NULL)
		mc_mem_wipe(copy, strlen(copy));
	gsasl_finish(g->session);
	g->session = NULL;
}

void
mc_gsasl_free(struct mc_gsasl *g)
{
	if (g == NULL)
		return;
	mc_gsasl_end(g);
	gsasl_done(g->ctx);
	mc_mem_free(g);
}

bool
mc_gsasl_has(const struct mc_gsasl *g, const char *mech)
{
	return gsasl_client_support_p(g->ctx, mech) != 0;
}

static int
gsasl_failed(int rc, struct mc_err *err)
{
	if (rc == GSASL_MALLOC_ERROR)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);
	if (rc == GSASL_AUTHENTICATION_ERROR || rc == GSASL_INTEGRITY_ERROR)
		return mc_err_set(err, MC_E_AUTH_SERVER, MC_STAGE_AUTH, NULL);
	if (rc == GSASL_GSSAPI_INIT_SEC_CONTEXT_ERROR)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "GSSAPI: no usable Kerberos ticket for this server; "
		    "see klist and kinit");
	return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
	    "the log-in dialogue went wrong: %s", gsasl_strerror(rc));
}

static int
set_property(Gsasl_session *session, Gsasl_property prop, struct mc_str value)
{
	if (value.len == 0)
		return GSASL_OK;
#if GSASL_VERSION_NUMBER >= 0x020000
	return gsasl_property_set_raw(session, prop, value.ptr, value.len);
#else
	gsasl_property_set_raw(session, prop, value.ptr, value.len);
	return gsasl_property_fast(session, prop) != NULL ?
	    GSASL_OK : GSASL_MALLOC_ERROR;
#endif
}

int
mc_gsasl_start(struct mc_gsasl *g, const char *mech,
    const struct mc_sasl_login *login, struct mc_err *err)
{
	/* No callback: what is not given here does not exist.  That holds
	 * for an authorization identity and for tls-unique above all. */
	const struct {
		Gsasl_property prop;
		struct mc_str value;
	} props[] = {
		{ GSASL_AUTHID, login->user },
		{ GSASL_PASSWORD, login->password },
		{ GSASL_SERVICE, MC_STR("smtp") },
		{ GSASL_HOSTNAME, login->host },
	};
	int rc = gsasl_client_start(g->ctx, mech, &g->session);

	if (rc != GSASL_OK) {
		g->session = NULL;
		return gsasl_failed(rc, err);
	}
	g->ntlm = strcmp(mech, "NTLM") == 0;
	for (size_t i = 0; i < MC_NELEM(props) && rc == GSASL_OK; i++)
		rc = set_property(g->session, props[i].prop, props[i].value);
	if (rc != GSASL_OK) {
		mc_gsasl_end(g);
		return gsasl_failed(rc, err);
	}
	return 0;
}

/*
 * libgsasl copies the challenge to the start of libntlm's struct, and offsets
 * in it may point anywhere in that: what is behind it is zero, not chance.
 */
static int
fill_ntlm(struct mc_str in, char full[NTLM_FULL], struct mc_str *ret_in,
    struct mc_err *err)
{
	static const char magic[] = "NTLMSSP\0\002\0\0";	/* and a NUL */

	if (in.len < NTLM_MIN || memcmp(in.ptr, magic, sizeof(magic)) != 0)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the server's NTLM challenge is broken");
	*ret_in = in;
	if (in.len < NTLM_FULL) {
		memset(full, 0, NTLM_FULL);
		memcpy(full, in.ptr, in.len);
		*ret_in = mc_str_make(full, NTLM_FULL);
	}
	return 0;
}

int
mc_gsasl_step(struct mc_gsasl *g, const struct mc_str *in, struct mc_buf *out,
    struct mc_err *err)
{
	struct mc_str input = in != NULL ? *in : MC_STR_NONE;
	char full[NTLM_FULL];
	char *answer = NULL;
	size_t n = 0;

	if (in != NULL && g->ntlm && fill_ntlm(*in, full, &input, err) < 0)
		return -1;
	if (in != NULL && input.ptr == NULL)
		input.ptr = "";

	int rc = gsasl_step(g->session, input.ptr, input.len, &answer, &n);

	if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
		/* *answer is not ours after a failure */
		return gsasl_failed(rc, err);
	}
	if (answer != NULL) {
		mc_buf_add(out, answer, n);
		mc_mem_wipe(answer, n);
		gsasl_free(answer);
	}
	if (mc_buf_err(out, "the answer to the server", err) < 0)
		return -1;
	return rc == GSASL_OK ? 1 : 0;
}
