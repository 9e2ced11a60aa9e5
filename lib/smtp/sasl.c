/* SPDX-License-Identifier: MIT */
/* sasl.c - choose a log-in mechanism and lead it to its end (RFC 4954) */
#include "base/base.h"

#include "smtp/sasl.h"

#include "base/b64.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "smtp/sasl_internal.h"

enum state {
	STATE_NEW,
	STATE_RUNNING,	/* the mechanism wants more */
	STATE_DONE,	/* it has all it wants: 235 is welcome */
	STATE_EXCUSED,	/* OAuth: the server said no, we said carry on */
	STATE_OVER,	/* the 235 was believed */
	STATE_DEAD
};

struct mc_sasl {
	enum state state;
	struct mc_mech_set set;
	const struct mc_mech *mech;
	unsigned rounds;

	char *user, *host, *port;
	const struct mc_secret *password, *token;
	uint64_t max_iterations;

	struct mc_gsasl *gsasl;
	struct mc_scram *scram;
	char detail[sizeof("status ") + MC_OAUTH_MAX_STATUS];
};

/* ---------------------------------------------------------------- settings */

static int
bad_value(struct mc_err *err, const char *text)
{
	return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG, "%s", text);
}

static int
no_memory(struct mc_err *err)
{
	return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);
}

static int
set_allowed(struct mc_sasl *s, const struct mc_sasl_settings *settings,
    struct mc_err *err)
{
	unsigned named;
	struct mc_str bad;

	s->set.allowed = mc_mechs_parse(settings->mechs, &named, &bad);
	if (bad.len != 0)
		return mc_mechs_unknown(bad, err);
	if (s->set.allowed == 0)
		return bad_value(err, "auth: no mechanism is named; "
		    "leave it out, or say auto");

	/* A certificate logs in by itself only where nothing else was given:
	 * it may be another person's. */
	unsigned external = 1u << MC_MECH_EXTERNAL;

	if ((named & external) == 0 &&
	    (settings->password != NULL || settings->token != NULL))
		s->set.allowed &= ~external;

	if (mc_gsasl_new(&s->gsasl, err) < 0)
		return -1;
	for (size_t i = 0; i < MC_N_MECHS; i++) {
		if ((s->set.allowed & 1u << i) == 0 ||
		    mc_mechs[i].kind != MC_KIND_GSASL ||
		    mc_gsasl_has(s->gsasl, mc_mechs[i].name.ptr))
			continue;
		if ((named & 1u << i) != 0)
			return mc_err_set(err, MC_E_CONF_VALUE,
			    MC_STAGE_CONFIG,
			    "auth: %s is not in this system's libgsasl",
			    mc_mechs[i].name.ptr);
		s->set.allowed &= ~(1u << i);
	}
	return 0;
}

/* a name that goes between separators of protocols */
static int
set_name(const char *value, const char *what, char **ret_copy,
    struct mc_err *err)
{
	struct mc_str v = mc_str_from(value);

	if (value == NULL)
		return 0;
	if (v.len == 0 || mc_str_has_ctl(v) || !mc_str_is_utf8(v))
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "%s is %s", what, v.len == 0 ? "empty" :
		    "not printable UTF-8");
	*ret_copy = mc_mem_strdup(value);
	if (*ret_copy == NULL)
		return no_memory(err);
	return 0;
}

/* Latin-1 in a file is the usual way to a password that never works. */
static int
check_password(const struct mc_sasl *s, struct mc_err *err)
{
	if (s->password == NULL ||
	    (s->set.allowed & mc_mechs_needing(MC_MN_PASSWORD)) == 0)
		return 0;

	struct mc_str p = mc_secret_peek(s->password);

	if (p.len == 0)
		return bad_value(err, "the password is empty");
	if (p.len > MC_MAX_SECRET)
		return bad_value(err, "the password is too long");
	if (memchr(p.ptr, '\0', p.len) != NULL)
		return bad_value(err, "the password has a NUL byte, which no "
		    "log-in mechanism can carry");
	if (!mc_str_is_utf8(p))
		return bad_value(err, "the password is not UTF-8");
	return 0;
}

static int
check_token(const struct mc_sasl *s, struct mc_err *err)
{
	if (s->token == NULL || (s->set.allowed & mc_mechs_needing(MC_MN_TOKEN)) == 0)
		return 0;

	struct mc_str t = mc_secret_peek(s->token);

	if (t.len == 0)
		return bad_value(err, "the token is empty");
	if (t.len > MC_MAX_SECRET)
		return bad_value(err, "the token is too long");
	if (!mc_oauth_is_token(t))
		return bad_value(err, "the token has bytes that no OAuth 2.0 "
		    "access token has (blanks, control or non-ASCII)");
	return 0;
}

/* 0 with *ret_good; -1 only for lack of memory */
static int
try_prep(struct mc_str s, const char *what, bool *ret_good, struct mc_err *err)
{
	struct mc_err why = { 0 };
	struct mc_buf out;

	mc_buf_init_secret(&out, MC_SASL_MAX_MESSAGE);

	int rc = mc_sasl_prep(s, what, &out, &why);

	mc_buf_clear(&out);
	if (rc < 0 && why.code == MC_E_NOMEM)
		return no_memory(err);
	*ret_good = rc == 0;
	return 0;
}

/*
 * SCRAM needs user and password in their SASLprep forms.  Where there are
 * none (control bytes are enough) other mechanisms may still do.
 */
static int
check_prepared(struct mc_sasl *s, struct mc_err *err)
{
	bool user = true, password = true;
	unsigned scram = 0;

	for (size_t i = 0; i < MC_N_MECHS; i++)
		if (mc_mech_is_scram(&mc_mechs[i]))
			scram |= s->set.allowed & 1u << i;

	if (scram == 0 || s->user == NULL || s->password == NULL)
		return 0;
	if (try_prep(mc_str_from(s->user), "user", &user, err) < 0 ||
	    try_prep(mc_secret_peek(s->password), "password", &password,
	    err) < 0)
		return -1;
	if (user && password)
		return 0;
	s->set.allowed &= ~scram;
	s->set.unprepared = true;
	if (s->set.allowed == 0)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "the %s has characters that SASLprep (RFC 4013) forbids, "
		    "and auth allows only mechanisms that need it",
		    user ? "password" : "user");
	return 0;
}

static void
set_have(struct mc_sasl *s)
{
	if (s->user != NULL)
		s->set.have |= MC_MN_USER;
	if (s->password != NULL)
		s->set.have |= MC_MN_PASSWORD;
	if (s->token != NULL)
		s->set.have |= MC_MN_TOKEN;
	if (s->host != NULL)
		s->set.have |= MC_MN_HOST;
}

int
mc_sasl_new(const struct mc_sasl_settings *settings, struct mc_sasl **ret_sasl,
    struct mc_err *err)
{
	struct mc_sasl *s = mc_mem_zalloc(1, sizeof(*s));

	if (s == NULL)
		return no_memory(err);
	s->password = settings->password;
	s->token = settings->token;
	s->max_iterations = settings->max_iterations;
	if (set_allowed(s, settings, err) < 0 ||
	    set_name(settings->user, "user", &s->user, err) < 0 ||
	    set_name(settings->host, "host", &s->host, err) < 0 ||
	    set_name(settings->port, "port", &s->port, err) < 0 ||
	    check_password(s, err) < 0 || check_token(s, err) < 0 ||
	    check_prepared(s, err) < 0) {
		mc_sasl_free(s);
		return -1;
	}
	set_have(s);
	*ret_sasl = s;
	return 0;
}

/* the log-in is over: nothing that was made from a secret stays */
static void
forget(struct mc_sasl *s)
{
	mc_gsasl_end(s->gsasl);
	mc_scram_free(s->scram);
	s->scram = NULL;
}

void
mc_sasl_free(struct mc_sasl *s)
{
	if (s == NULL)
		return;
	forget(s);
	mc_gsasl_free(s->gsasl);
	mc_mem_free(s->user);
	mc_mem_free(s->host);
	mc_mem_free(s->port);
	mc_mem_wipe(s, sizeof(*s));
	mc_mem_free(s);
}

/* ------------------------------------------------------------------- start */

static struct mc_str
peek(const struct mc_secret *secret)
{
	return secret == NULL ? MC_STR_NONE : mc_secret_peek(secret);
}

static struct mc_sasl_login
make_login(const struct mc_sasl *s)
{
	struct mc_sasl_login login = {
		.user = mc_str_from(s->user),
		.host = mc_str_from(s->host),
		.port = mc_str_from(s->port),
	};

	/* nobody gets a secret that he has no use for */
	if ((s->mech->needs & MC_MN_PASSWORD) != 0)
		login.password = peek(s->password);
	if ((s->mech->needs & MC_MN_TOKEN) != 0)
		login.token = peek(s->token);
	return login;
}

static int
start_scram(struct mc_sasl *s, struct mc_str offered,
    const struct mc_sasl_channel *channel, struct mc_buf *raw,
    struct mc_err *err)
{
	struct mc_buf user;
	int rc;

	mc_buf_init(&user, MC_SASL_MAX_MESSAGE);
	rc = mc_sasl_prep(mc_str_from(s->user), "user", &user, err);
	if (rc == 0) {
		const struct mc_scram_settings settings = {
			.sha256 = s->mech->kind == MC_KIND_SCRAM_SHA256,
			.flag = mc_mechs_gs2_flag(s->mech, offered, channel),
			.exporter = channel->exporter,
			.user = mc_buf_str(&user),
			.max_iterations = s->max_iterations,
		};

		rc = mc_scram_new(&settings, &s->scram, err);
	}
	mc_buf_clear(&user);
	if (rc == 0)
		mc_scram_first(s->scram, raw);
	return rc;
}

/* 1: all said, 0: more to come */
static int
first_message(struct mc_sasl *s, struct mc_str offered,
    const struct mc_sasl_channel *channel, struct mc_buf *raw,
    struct mc_err *err)
{
	const struct mc_sasl_login login = make_login(s);

	switch (s->mech->kind) {
	case MC_KIND_OAUTHBEARER:
	case MC_KIND_XOAUTH2:
		mc_oauth_first(s->mech->kind, &login, raw);
		return 1;
	case MC_KIND_SCRAM_SHA1:
	case MC_KIND_SCRAM_SHA256:
		return start_scram(s, offered, channel, raw, err);
	case MC_KIND_GSASL:
		break;
	}
	if (mc_gsasl_start(s->gsasl, s->mech->name.ptr, &login, err) < 0)
		return -1;
	if ((s->mech->traits & MC_MT_SERVER_FIRST) != 0)
		return 0;
	return mc_gsasl_step(s->gsasl, NULL, raw, err);
}

static int
die(struct mc_sasl *s)
{
	s->state = STATE_DEAD;
	forget(s);
	return -1;
}

int
mc_sasl_start(struct mc_sasl *s, struct mc_str offered,
    const struct mc_sasl_channel *channel, struct mc_str *ret_mech,
    bool *ret_has_ir, struct mc_buf *ir, struct mc_err *err)
{
	struct mc_buf raw;
	bool has_ir;

	if (s->state != STATE_NEW)
		return mc_err_set(err, MC_E_INTERNAL, MC_STAGE_AUTH,
		    "a second log-in with the same object");
	if (mc_mechs_choose(&s->set, offered, channel, &s->mech, err) < 0)
		return die(s);

	mc_buf_init_secret(&raw, MC_SASL_MAX_MESSAGE);

	int rc = first_message(s, offered, channel, &raw, err);

	has_ir = (s->mech->traits & MC_MT_SERVER_FIRST) == 0;
	if (rc >= 0 && mc_buf_err(&raw, "user and password", err) < 0)
		rc = -1;
	if (rc >= 0 && has_ir && raw.len == 0)
		mc_buf_addc(ir, '=');	/* RFC 4954 4: empty, not absent */
	else if (rc >= 0 && has_ir)
		mc_b64_encode(mc_buf_str(&raw), ir);
	mc_buf_clear(&raw);
	if (rc < 0 || mc_buf_err(ir, "user and password", err) < 0)
		return die(s);

	s->state = rc == 1 ? STATE_DONE : STATE_RUNNING;
	*ret_mech = s->mech->name;
	*ret_has_ir = has_ir;
	return 0;
}

/* -------------------------------------------------------------------- step */

static int
wrong(struct mc_err *err, const char *text)
{
	return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH, "%s", text);
}

/* RFC 7628 3.2.3, and Google's form: the server's "no" comes as a challenge
 * with details in it; an answer without meaning gets us the 535. */
static int
answer_refusal(struct mc_sasl *s, struct mc_str in, struct mc_buf *raw)
{
	struct mc_str status;

	if (mc_oauth_status(in, peek(s->token), &status))
		(void)snprintf(s->detail, sizeof(s->detail), "status %.*s",
		    MC_STR_FMT(status));
	if (s->mech->kind == MC_KIND_OAUTHBEARER)
		mc_buf_addc(raw, '\001');
	s->state = STATE_EXCUSED;
	return 0;
}

static int
step_scram(struct mc_sasl *s, struct mc_str in, struct mc_buf *raw,
    struct mc_err *err)
{
	struct mc_buf password;
	int rc;

	mc_buf_init_secret(&password, MC_SASL_MAX_MESSAGE);
	rc = mc_sasl_prep(mc_secret_peek(s->password), "password", &password,
	    err);
	if (rc == 0)
		rc = mc_scram_step(s->scram, in, mc_buf_str(&password), raw,
		    err);
	mc_buf_clear(&password);
	return rc;
}

/* in and raw are bytes */
static int
step_raw(struct mc_sasl *s, struct mc_str in, struct mc_buf *raw,
    struct mc_err *err)
{
	int rc;

	if (s->state == STATE_DONE && mc_mech_is_oauth(s->mech))
		return answer_refusal(s, in, raw);
	if (s->state != STATE_RUNNING)
		return wrong(err, "the server wants more of the log-in than "
		    "the mechanism has");
	rc = mc_mech_is_scram(s->mech) ? step_scram(s, in, raw, err) :
	    mc_gsasl_step(s->gsasl, &in, raw, err);
	if (rc < 0)
		return -1;
	if (rc == 1)
		s->state = STATE_DONE;
	return 0;
}

static int
step(struct mc_sasl *s, struct mc_str challenge, struct mc_buf *raw,
    struct mc_err *err)
{
	struct mc_buf in;
	int rc = -1;

	if (s->state == STATE_NEW || s->state == STATE_OVER ||
	    s->state == STATE_DEAD)
		return wrong(err, "the log-in is over");
	if (++s->rounds > MC_MAX_AUTH_ROUNDS)
		return wrong(err, "the server does not come to an end with "
		    "the log-in");
	if (challenge.len > MC_MAX_REPLY_LINE_AUTH)
		return wrong(err, "the server's challenge is too long");

	mc_buf_init(&in, MC_MAX_REPLY_LINE_AUTH);
	if (mc_b64_decode(challenge, &in) < 0)
		(void)wrong(err, "the server's challenge is not base64");
	else if (mc_buf_err(&in, "the server's challenge", err) == 0)
		rc = step_raw(s, mc_buf_str(&in), raw, err);
	mc_buf_clear(&in);
	return rc;
}

bool
mc_sasl_one_step(const struct mc_sasl *s)
{
	return s->mech != NULL && (s->mech->traits & MC_MT_ONE_STEP) != 0;
}

int
mc_sasl_step(struct mc_sasl *s, struct mc_str challenge,
    struct mc_buf *response, struct mc_err *err)
{
	struct mc_buf raw;

	mc_buf_init_secret(&raw, MC_SASL_MAX_MESSAGE);

	int rc = step(s, challenge, &raw, err);

	if (rc == 0)
		rc = mc_buf_err(&raw, "the answer to the server", err);
	if (rc == 0 && raw.len != 0) {
		mc_b64_encode(mc_buf_str(&raw), response);
		rc = mc_buf_err(response, "the answer to the server", err);
	}
	mc_buf_clear(&raw);
	return rc < 0 ? die(s) : 0;
}

int
mc_sasl_accept(struct mc_sasl *s, struct mc_err *err)
{
	if (s->state == STATE_DONE || s->state == STATE_OVER) {
		s->state = STATE_OVER;
		forget(s);
		return 0;
	}

	bool proves = s->mech != NULL && (s->mech->traits & MC_MT_PROVES) != 0;

	(void)die(s);
	if (proves)
		return mc_err_set(err, MC_E_AUTH_SERVER, MC_STAGE_AUTH,
		    "the server says that we are logged in before it has "
		    "proven that it knows the password: it may not be the "
		    "server that it claims to be");
	return wrong(err, "the server says that we are logged in where the "
	    "log-in had no such end");
}

struct mc_str
mc_sasl_detail(const struct mc_sasl *s)
{
	return mc_str_from(s->detail);
}
