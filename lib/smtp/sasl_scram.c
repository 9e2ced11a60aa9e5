/* SPDX-License-Identifier: MIT */
/*
 * sasl_scram.c - SCRAM (RFC 5802, RFC 7677) with tls-exporter (RFC 9266)
 *
 * Our own, because libgsasl 2.2 cannot say "y": given an exporter it fails
 * for the mechanisms without -PLUS, given none it says "n" (and 1.10 knows
 * no exporter).  Without "y" nobody would notice that -PLUS was stripped.
 */
#include "base/base.h"

#include "smtp/sasl_internal.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/b64.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/rand.h"
#include "base/secret.h"

#define EXPORTER_LEN 32

struct mc_scram {
	const EVP_MD *md;
	size_t hash_len;
	uint64_t max_iterations;
	struct mc_buf nonce;
	struct mc_buf cbind;		/* GS2 header and binding data */
	size_t gs2_len;
	struct mc_buf bare;		/* client-first-message-bare */
	bool answered;			/* client-final-message is out */
	unsigned char server_sig[EVP_MAX_MD_SIZE];
};

/* server-first-message */
struct challenge {
	struct mc_str nonce;
	struct mc_buf salt;
	int iterations;
};

static int
broken(struct mc_err *err, const char *what)
{
	return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
	    "the server's SCRAM message is not to be trusted: %s", what);
}

/* --------------------------------------------------------------- start */

static int
make_nonce(struct mc_buf *out, struct mc_err *err)
{
	unsigned char bytes[MC_SCRAM_NONCE_BYTES];

	if (mc_rand_bytes(bytes, sizeof(bytes), err) < 0)
		return -1;
	mc_b64_encode(mc_str_make((const char *)bytes, sizeof(bytes)), out);
	return 0;
}

static void
add_gs2(struct mc_scram *s, const struct mc_scram_settings *settings)
{
	if (settings->flag == 'p')
		mc_buf_addz(&s->cbind, "p=tls-exporter,,");
	else {
		mc_buf_addc(&s->cbind, settings->flag);
		mc_buf_addz(&s->cbind, ",,");
	}
	s->gs2_len = s->cbind.len;
	if (settings->flag == 'p')
		mc_buf_add(&s->cbind, settings->exporter, EXPORTER_LEN);
}

int
mc_scram_new(const struct mc_scram_settings *settings,
    struct mc_scram **ret_scram, struct mc_err *err)
{
	struct mc_scram *s = mc_mem_zalloc(1, sizeof(*s));

	if (s == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_AUTH, NULL);
	s->md = settings->sha256 ? EVP_sha256() : EVP_sha1();
	s->hash_len = (size_t)EVP_MD_get_size(s->md);
	s->max_iterations = settings->max_iterations;
	mc_buf_init(&s->nonce, MC_SASL_MAX_MESSAGE);
	mc_buf_init(&s->cbind, MC_SASL_MAX_MESSAGE);
	mc_buf_init(&s->bare, MC_SASL_MAX_MESSAGE);

	if (settings->nonce.len != 0)
		mc_buf_add_str(&s->nonce, settings->nonce);
	else if (make_nonce(&s->nonce, err) < 0)
		goto out;
	add_gs2(s, settings);
	mc_buf_addz(&s->bare, "n=");
	mc_sasl_add_name(settings->user, &s->bare);
	mc_buf_addz(&s->bare, ",r=");
	mc_buf_add_str(&s->bare, mc_buf_str(&s->nonce));
	if (mc_buf_err(&s->nonce, "the nonce", err) < 0 ||
	    mc_buf_err(&s->cbind, "the channel binding", err) < 0 ||
	    mc_buf_err(&s->bare, "the user name", err) < 0)
		goto out;
	*ret_scram = s;
	return 0;
out:
	mc_scram_free(s);
	return -1;
}

void
mc_scram_free(struct mc_scram *s)
{
	if (s == NULL)
		return;
	mc_buf_clear(&s->nonce);
	mc_buf_clear(&s->cbind);
	mc_buf_clear(&s->bare);
	mc_mem_wipe(s, sizeof(*s));
	mc_mem_free(s);
}

void
mc_scram_first(const struct mc_scram *s, struct mc_buf *out)
{
	mc_buf_add_str(out, mc_str_sub(mc_buf_str(&s->cbind), 0, s->gs2_len));
	mc_buf_add_str(out, mc_buf_str(&s->bare));
}

/* ------------------------------------------------ server-first-message */

/* "x=value" up to the next comma, which goes too; a comma at the very end
 * starts another, empty attribute and stays */
static bool
take_attr(struct mc_str *rest, char name, struct mc_str *ret_value)
{
	if (rest->len < 2 || rest->ptr[0] != name || rest->ptr[1] != '=')
		return false;

	size_t end = mc_str_chr(*rest, ',');
	size_t next = end + 1 < rest->len ? end + 1 : end;

	*ret_value = mc_str_sub(*rest, 2, end - 2);
	*rest = mc_str_sub(*rest, next, rest->len - next);
	return true;
}

/* what comes behind i=, r= or v=: optional extensions, well-formed, and none
 * that RFC 5802 5.1 has us refuse or that repeats what was read */
static bool
extensions_ok(struct mc_str rest)
{
	while (rest.len != 0) {
		char name = rest.ptr[0];
		struct mc_str value;

		if (!mc_is_alpha(name) || strchr("mrsiev", name) != NULL ||
		    !take_attr(&rest, name, &value) || value.len == 0)
			return false;
	}
	return true;
}

static bool
is_nonce(struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] < 0x21 || s.ptr[i] > 0x7e || s.ptr[i] == ',')
			return false;
	return true;
}

static int
check_iterations(struct mc_str text, uint64_t most, int *ret_n,
    struct mc_err *err)
{
	uint64_t n;

	if (text.len == 0 || text.ptr[0] == '0' ||
	    mc_num_u64(text, UINT64_MAX, &n) < 0)
		return broken(err, "its iteration count is no number");
	if (n < MC_SCRAM_MIN_ITERATIONS)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the server asks for %llu hash rounds only; an answer to "
		    "fewer than %d would give the password away",
		    (unsigned long long)n, MC_SCRAM_MIN_ITERATIONS);
	if (n > most || n > INT_MAX)
		return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
		    "the server asks for %llu hash rounds, more than "
		    "scram-max-iterations (%llu) allows",
		    (unsigned long long)n, (unsigned long long)most);
	*ret_n = (int)n;
	return 0;
}

static int
check_nonce(const struct mc_scram *s, struct mc_str nonce, struct mc_err *err)
{
	struct mc_str ours = mc_buf_str(&s->nonce);

	if (nonce.len <= ours.len || !is_nonce(nonce) ||
	    !mc_str_eq(mc_str_sub(nonce, 0, ours.len), ours))
		return broken(err, "its nonce does not continue ours");
	return 0;
}

static int
check_salt(struct mc_str text, struct mc_buf *salt, struct mc_err *err)
{
	int rc = mc_b64_decode(text, salt);

	if (salt->err == MC_E_NOMEM)
		return mc_buf_err(salt, "the salt", err);
	if (rc < 0 || salt->err != 0 || salt->len == 0)
		return broken(err, "its salt is not 1 to 1024 bytes of base64");
	return 0;
}

static int
parse_challenge(const struct mc_scram *s, struct mc_str in,
    struct challenge *c, struct mc_err *err)
{
	struct mc_str rest = in, salt, iterations;

	if (memchr(in.ptr, '\0', in.len) != NULL || !mc_str_is_utf8(in))
		return broken(err, "it is no text");
	if (rest.len != 0 && rest.ptr[0] == 'm')
		return broken(err, "it wants an extension unknown here");
	if (!take_attr(&rest, 'r', &c->nonce) ||
	    !take_attr(&rest, 's', &salt) ||
	    !take_attr(&rest, 'i', &iterations) || !extensions_ok(rest))
		return broken(err, "it is not r=, s=, i=");
	if (check_nonce(s, c->nonce, err) < 0 ||
	    check_salt(salt, &c->salt, err) < 0)
		return -1;
	return check_iterations(iterations, s->max_iterations, &c->iterations,
	    err);
}

/* --------------------------------------------------------------- proof */

struct keys {
	unsigned char salted[EVP_MAX_MD_SIZE];
	unsigned char client[EVP_MAX_MD_SIZE];
	unsigned char stored[EVP_MAX_MD_SIZE];
	unsigned char server[EVP_MAX_MD_SIZE];
	unsigned char proof[EVP_MAX_MD_SIZE];
};

static bool
hmac(const struct mc_scram *s, const unsigned char *key, struct mc_str data,
    unsigned char out[EVP_MAX_MD_SIZE])
{
	return HMAC(s->md, key, (int)s->hash_len,
	    (const unsigned char *)data.ptr, data.len, out, NULL) != NULL;
}

/* RFC 5802 3; auth is AuthMessage */
static bool
derive(struct mc_scram *s, const struct challenge *c, struct mc_str password,
    struct mc_str auth, struct keys *k)
{
	struct mc_str salt = mc_buf_str(&c->salt);

	if (PKCS5_PBKDF2_HMAC(password.ptr, (int)password.len,
	    (const unsigned char *)salt.ptr, (int)salt.len, c->iterations,
	    s->md, (int)s->hash_len, k->salted) != 1 ||
	    !hmac(s, k->salted, MC_STR("Client Key"), k->client) ||
	    EVP_Digest(k->client, s->hash_len, k->stored, NULL, s->md,
	    NULL) != 1 ||
	    !hmac(s, k->stored, auth, k->proof) ||
	    !hmac(s, k->salted, MC_STR("Server Key"), k->server) ||
	    !hmac(s, k->server, auth, s->server_sig))
		return false;
	for (size_t i = 0; i < s->hash_len; i++)
		k->proof[i] ^= k->client[i];
	return true;
}

static int
answer(struct mc_scram *s, struct mc_str in, struct mc_str password,
    struct mc_buf *out, struct mc_err *err)
{
	struct challenge c = { 0 };
	struct mc_buf final, auth;
	struct keys k;
	int rc = -1;

	mc_buf_init(&c.salt, MC_SCRAM_MAX_SALT);
	mc_buf_init(&final, MC_SASL_MAX_MESSAGE);
	mc_buf_init(&auth, 2 * MC_SASL_MAX_MESSAGE);
	memset(&k, 0, sizeof(k));
	if (parse_challenge(s, in, &c, err) < 0)
		goto out;

	mc_buf_addz(&final, "c=");
	mc_b64_encode(mc_buf_str(&s->cbind), &final);
	mc_buf_addz(&final, ",r=");
	mc_buf_add_str(&final, c.nonce);
	mc_buf_add_str(&auth, mc_buf_str(&s->bare));
	mc_buf_addc(&auth, ',');
	mc_buf_add_str(&auth, in);
	mc_buf_addc(&auth, ',');
	mc_buf_add_str(&auth, mc_buf_str(&final));
	if (mc_buf_err(&final, "the answer", err) < 0 ||
	    mc_buf_err(&auth, "the answer", err) < 0)
		goto out;

	if (!derive(s, &c, password, mc_buf_str(&auth), &k)) {
		/* nothing of it may be taken for an error of TLS later */
		ERR_clear_error();
		(void)mc_err_set(err, MC_E_INTERNAL, MC_STAGE_AUTH,
		    "the digest %s does not work here",
		    EVP_MD_get0_name(s->md));
		goto out;
	}
	mc_buf_add_str(out, mc_buf_str(&final));
	mc_buf_addz(out, ",p=");
	mc_b64_encode(mc_str_make((const char *)k.proof, s->hash_len), out);
	rc = mc_buf_err(out, "the answer", err);
out:
	mc_mem_wipe(&k, sizeof(k));
	mc_buf_clear(&auth);
	mc_buf_clear(&final);
	mc_buf_clear(&c.salt);
	return rc;
}

/* ------------------------------------------------ server-final-message */

/* The names of RFC 5802 7: anything else a server makes up is not shown. */
static int
refused(struct mc_str name, struct mc_err *err)
{
	static const struct {
		const char *name, *hint;
	} known[] = {
		{ "invalid-encoding", "" },
		{ "extensions-not-supported", "" },
		{ "invalid-proof", ": check user and password" },
		{ "channel-bindings-dont-match",
		    ": somebody may sit between us and the server" },
		{ "server-does-support-channel-binding",
		    ": somebody may have cut -PLUS out of its offer" },
		{ "channel-binding-not-supported", "" },
		{ "unsupported-channel-binding-type",
		    ": name the mechanisms without -PLUS in auth" },
		{ "unknown-user", ": check user" },
		{ "invalid-username-encoding", ": check user" },
		{ "no-resources", ": try again later" },
	};

	for (size_t i = 0; i < MC_NELEM(known); i++)
		if (mc_str_eq(name, mc_str_from(known[i].name)))
			return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
			    "the server refused the log-in, %s%s",
			    known[i].name, known[i].hint);
	return mc_err_set(err, MC_E_AUTH_PROTO, MC_STAGE_AUTH,
	    "the server refused the log-in, other-error");
}

static int
check_verifier(const struct mc_scram *s, struct mc_str text,
    struct mc_err *err)
{
	struct mc_buf sig;
	bool good;

	mc_buf_init(&sig, EVP_MAX_MD_SIZE);

	int rc = mc_b64_decode(text, &sig);

	if (sig.err == MC_E_NOMEM)
		return mc_buf_err(&sig, "the verifier", err);
	good = rc == 0 && sig.err == 0 && mc_secret_eq(mc_buf_str(&sig),
	    mc_str_make((const char *)s->server_sig, s->hash_len));
	mc_buf_clear(&sig);
	if (!good)
		return mc_err_set(err, MC_E_AUTH_SERVER, MC_STAGE_AUTH,
		    "the server could not prove that it knows the password: "
		    "it may not be the server that it claims to be");
	return 1;
}

static int
judge(const struct mc_scram *s, struct mc_str in, struct mc_err *err)
{
	struct mc_str rest = in, value;

	if (take_attr(&rest, 'e', &value))
		return refused(value, err);
	if (!take_attr(&rest, 'v', &value) || !extensions_ok(rest))
		return broken(err, "it has no proof (v=)");
	return check_verifier(s, value, err);
}

int
mc_scram_step(struct mc_scram *s, struct mc_str in, struct mc_str password,
    struct mc_buf *out, struct mc_err *err)
{
	if (s->answered)
		return judge(s, in, err);
	if (answer(s, in, password, out, err) < 0)
		return -1;
	s->answered = true;
	return 0;
}
