/* SPDX-License-Identifier: MIT */
/*
 * fuzz_sasl.c - a server without the password leads the log-in dialogue
 *
 * First byte: low four bits choose the mechanism, 0x10 takes the exporter
 * away, 0x20 sends the lines as they are instead of in base64.  Then one
 * challenge a line; %N stands for the client's SCRAM nonce.
 */
#include "base/base.h"

#include "base/b64.h"
#include "base/limits.h"
#include "smtp/sasl.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PASSWORD "xq9-zebra-LAMP-77"
#define TOKEN "tok.Qm9ndXNCb2d1c0JvZ3Vz"

#define MUST(x) do { if (!(x)) __builtin_trap(); } while (0)

static const struct {
	const char *name;
	bool proves;
} mechs[] = {
	{ "SCRAM-SHA-256-PLUS", true }, { "SCRAM-SHA-256", true },
	{ "SCRAM-SHA-1-PLUS", true }, { "SCRAM-SHA-1", true },
	{ "OAUTHBEARER", false }, { "XOAUTH2", false }, { "PLAIN", false },
	{ "LOGIN", false }, { "EXTERNAL", false }, { "CRAM-MD5", false },
	{ "DIGEST-MD5", true }, { "NTLM", false },
};

static bool
holds(struct mc_str text, const char *what)
{
	size_t n = strlen(what);

	for (size_t i = 0; i + n <= text.len; i++)
		if (memcmp(text.ptr + i, what, n) == 0)
			return true;
	return false;
}

static void
check_shown(struct mc_str text)
{
	MUST(!mc_str_has_ctl(text) && mc_str_is_utf8(text));
	MUST(!holds(text, PASSWORD) && !holds(text, TOKEN));
	MUST(!holds(text, "eHE5LXplYnJhLUxBTVA"));
	MUST(!holds(text, "dG9rLlFtOW5kWE5DYjJkMWMwSnZaM1Z6"));
}

static void
check_base64(struct mc_str s)
{
	struct mc_buf b;

	mc_buf_init(&b, 1024 * 1024);
	MUST(mc_b64_decode(s, &b) == 0 && b.err == 0);
	mc_buf_clear(&b);
}

/* the nonce out of an initial response of SCRAM */
static void
find_nonce(const struct mc_buf *ir, struct mc_buf *nonce)
{
	struct mc_buf raw;

	mc_buf_init(&raw, 1024 * 1024);
	if (mc_b64_decode(mc_buf_str(ir), &raw) == 0) {
		const char *r = strstr(raw.ptr, ",r=");

		if (r != NULL)
			mc_buf_addz(nonce, r + 3);
	}
	mc_buf_clear(&raw);
}

static void
make_challenge(struct mc_str line, const struct mc_buf *nonce, bool as_is,
    struct mc_buf *out)
{
	struct mc_buf raw;

	mc_buf_init(&raw, 4 * 1024 * 1024);
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '%' && i + 1 < line.len &&
		    line.ptr[i + 1] == 'N') {
			mc_buf_add_str(&raw, mc_buf_str(nonce));
			i++;
		} else
			mc_buf_addc(&raw, line.ptr[i]);
	}
	mc_buf_reset(out);
	if (as_is)
		mc_buf_add_str(out, mc_buf_str(&raw));
	else
		mc_b64_encode(mc_buf_str(&raw), out);
	mc_buf_clear(&raw);
}

static void
talk(struct mc_sasl *s, const struct mc_buf *ir, struct mc_str rest,
    bool as_is)
{
	struct mc_buf nonce, challenge, answer;
	bool dead = false;
	int answers = 0;

	mc_buf_init(&nonce, 1000);
	mc_buf_init(&challenge, 8 * 1024 * 1024);
	mc_buf_init(&answer, 1024 * 1024);
	find_nonce(ir, &nonce);
	for (int lines = 0; rest.len != 0 && lines < 12; lines++) {
		size_t end = mc_str_chr(rest, '\n');
		struct mc_err err = { 0 };

		make_challenge(mc_str_sub(rest, 0, end), &nonce, as_is,
		    &challenge);
		rest = mc_str_sub(rest, end + 1, rest.len);
		mc_buf_reset(&answer);

		int rc = mc_sasl_step(s, mc_buf_str(&challenge), &answer,
		    &err);

		MUST(rc == 0 || rc == -1);
		if (rc == 0) {
			MUST(!dead && ++answers <= MC_MAX_AUTH_ROUNDS);
			MUST(err.code == MC_OK);
			check_base64(mc_buf_str(&answer));
		} else {
			dead = true;
			MUST(answer.len == 0 && err.text[0] != '\0');
			MUST(err.code == MC_E_AUTH_PROTO ||
			    err.code == MC_E_AUTH_SERVER);
			check_shown(mc_str_from(err.text));
		}
		check_shown(mc_sasl_detail(s));
	}
	mc_buf_clear(&nonce);
	mc_buf_clear(&challenge);
	mc_buf_clear(&answer);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || (data[0] & 15) >= MC_NELEM(mechs))
		return 0;

	size_t m = data[0] & 15;
	const struct mc_sasl_channel channel = {
		.verified = true,
		.client_cert = true,
		.has_exporter = (data[0] & 16) == 0,
	};
	struct mc_secret *password = mc_secret_new(PASSWORD,
	    strlen(PASSWORD), NULL);
	struct mc_secret *token = mc_secret_new(TOKEN, strlen(TOKEN), NULL);
	const struct mc_sasl_settings set = {
		.user = "tim",
		.password = password,
		.token = token,
		.mechs = mechs[m].name,
		.host = "smtp.example.com",
		.port = "465",
		.max_iterations = 4096,
	};
	struct mc_err err = { 0 };
	struct mc_str mech;
	struct mc_sasl *s;
	struct mc_buf ir;
	bool has_ir;

	mc_buf_init(&ir, 1024 * 1024);
	/* a libgsasl without the mechanism */
	if (mc_sasl_new(&set, &s, &err) != 0)
		goto out;
	if (mc_sasl_start(s, mc_str_from(mechs[m].name), &channel, &mech,
	    &has_ir, &ir, &err) == 0) {
		MUST(mc_str_eq(mech, mc_str_from(mechs[m].name)));
		talk(s, &ir, mc_str_make((const char *)data + 1, size - 1),
		    (data[0] & 32) != 0);
		/* no server proves what it does not know */
		MUST(mc_sasl_accept(s, &err) != 0 || !mechs[m].proves);
	}
	mc_sasl_free(s);
out:
	check_shown(mc_str_from(err.text));
	mc_buf_clear(&ir);
	mc_secret_free(password);
	mc_secret_free(token);
	return 0;
}
