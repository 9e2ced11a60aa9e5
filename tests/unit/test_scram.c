/* SPDX-License-Identifier: MIT */
/* test_scram.c - SCRAM against the RFCs' examples, libgsasl and liars */
#include "sasl_side.h"

#include "smtp/sasl_internal.h"

static const char *const all[] = {
	"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS",
	"SCRAM-SHA-1",
};

static const struct mc_sasl_channel full = FULL;
static const struct mc_sasl_channel unbound = UNBOUND;

/* ------------------------------------------------------- RFC examples */

struct example {
	bool sha256;
	const char *nonce, *first, *challenge, *final, *proof;
};

/* RFC 5802 section 5 and RFC 7677 section 3: user "user", "pencil" */
static const struct example examples[] = {
	{ false, "fyko+d2lbbFgONRv9qkxdawL",
	    "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
	    "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "s=QSXCR+Q6sek8bf92,i=4096",
	    "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
	    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
	    "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=" },
	{ true, "rOprNGfwEbeRWgbNEkqO",
	    "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
	    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
	    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
	    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
	    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=" },
};

static void
test_examples(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(examples); i++) {
		const struct example *x = &examples[i];
		const struct mc_scram_settings set = {
			.sha256 = x->sha256,
			.flag = 'n',
			.user = MC_STR("user"),
			.nonce = mc_str_from(x->nonce),
			.max_iterations = 4096,
		};
		struct mc_err err = { 0 };
		struct mc_scram *s;
		struct mc_buf out;

		mc_buf_init(&out, 1000);
		assert_int_equal(mc_scram_new(&set, &s, &err), 0);
		mc_scram_first(s, &out);
		assert_str(mc_buf_str(&out), x->first);
		mc_buf_reset(&out);
		assert_int_equal(mc_scram_step(s, mc_str_from(x->challenge),
		    MC_STR("pencil"), &out, &err), 0);
		assert_str(mc_buf_str(&out), x->final);
		mc_buf_reset(&out);
		assert_int_equal(mc_scram_step(s, mc_str_from(x->proof),
		    MC_STR("pencil"), &out, &err), 1);
		assert_int_equal(out.len, 0);
		mc_scram_free(s);
		mc_buf_clear(&out);
	}
}

/* ---------------------------------------------------- libgsasl's server */

/* client-first-message in *ret_first */
static void
begin(struct side *s, const char *password, const char *mech,
    const char *offered, const struct mc_sasl_channel *channel,
    struct mc_buf *ret_first)
{
	side_init(s, password, strlen(password), NULL);
	assert_int_equal(side_new(s, USER, mech), 0);
	assert_int_equal(side_start(s, offered, channel), 0);
	assert_true(s->has_ir);
	side_decode(mc_buf_str(&s->ir), ret_first);
}

static struct mc_str
nonce_of(const struct mc_buf *first)
{
	const char *r = strstr(first->ptr, ",r=");

	assert_non_null(r);
	return mc_str_from(r + 3);
}

static int
talk(const char *mech, const char *offered, const char *password,
    const struct mc_sasl_channel *channel, struct server *v,
    struct mc_err *ret_err)
{
	struct side s;
	struct mc_buf first;
	int rc;

	begin(&s, password, mech, offered, channel, &first);
	server_start(v, s.mech.ptr);
	rc = side_talk(&s, v);
	*ret_err = s.err;
	server_end(v);
	side_free(&s);
	mc_buf_clear(&first);
	return rc;
}

static void
test_gsasl(void **state)
{
	static const char *const passwords[] = {
		PASSWORD, " ", "a", "p\303\244ss\xc2\xa0wort", "I\xc2\xadX",
		"\xe2\x85\xa8", ",=,=",
		("longer than a block of SHA-256, which HMAC hashes first: "
		"0123456789 0123456789 0123456789 0123456789"),
	};
	struct mc_err err;

	(void)state;
	for (size_t i = 0; i < MC_NELEM(all); i++) {
		if (!server_can(all[i]))
			continue;
		for (size_t p = 0; p < MC_NELEM(passwords); p++) {
			bool plus = strstr(all[i], "PLUS") != NULL;
			struct server v = { .password = passwords[p],
			    .exporter = plus ? full.exporter : NULL,
			    .iterations = "5000" };

			assert_int_equal(talk(all[i], all[i], passwords[p],
			    &full, &v, &err), 0);
			assert_int_equal(talk(all[i], all[i], passwords[p],
			    plus ? &full : &unbound, &v, &err), 0);
			v.password = "another password";
			assert_int_equal(talk(all[i], all[i], passwords[p],
			    &full, &v, &err), 1);
		}
	}
}

/* 10 KiB, as everything else exact */
static void
test_long_password(void **state)
{
	char password[10241];
	struct mc_err err;
	struct server v = { .password = password };

	(void)state;
	for (size_t i = 0; i < sizeof(password) - 1; i++)
		password[i] = (char)('!' + i % 90);
	password[sizeof(password) - 1] = '\0';
	assert_int_equal(talk("SCRAM-SHA-256", "SCRAM-SHA-256", password,
	    &unbound, &v, &err), 0);
}

/* Unicode 3.2 knows no emoji: such a password goes through as it is.
 * (libgsasl's server refuses to look it up.) */
static void
test_unassigned(void **state)
{
	struct mc_buf first, text, plain, mapped;
	struct side s;

	(void)state;
	mc_buf_init(&text, 1000);
	begin(&s, "\360\237\246\204", "SCRAM-SHA-256", "SCRAM-SHA-256",
	    &unbound, &first);
	mc_buf_addz(&text, "r=");
	mc_buf_add_str(&text, nonce_of(&first));
	mc_buf_addz(&text, "x,s=c2FsdA==,i=4096");
	assert_int_equal(side_step(&s, mc_buf_str(&text)), 0);
	assert_true(s.out.len != 0);
	mc_buf_clear(&first);
	mc_buf_clear(&text);
	side_free(&s);

	mc_buf_init(&plain, 100);
	mc_buf_init(&mapped, 100);
	assert_int_equal(mc_sasl_prep(MC_STR("\360\237\246\204"), "it", &plain,
	    NULL), 0);
	assert_int_equal(mc_sasl_prep(MC_STR("\xc2\xad\360\237\246\204"), "it",
	    &mapped, NULL), 0);
	assert_str(mc_buf_str(&plain), "\360\237\246\204");
	assert_str(mc_buf_str(&mapped), "\360\237\246\204");
	mc_buf_clear(&plain);
	mc_buf_clear(&mapped);
}

/* B14: somebody in the middle has another channel with the server */
static void
test_relay(void **state)
{
	struct mc_sasl_channel other = FULL;
	struct mc_err err;

	(void)state;
	other.exporter[31] ^= 1;
	for (size_t i = 0; i < MC_NELEM(all); i++) {
		struct server v = { .password = PASSWORD,
		    .exporter = other.exporter };

		if (strstr(all[i], "PLUS") == NULL || !server_can(all[i]))
			continue;
		assert_int_equal(talk(all[i], all[i], PASSWORD, &full, &v,
		    &err), 1);
	}
}

/* B15: -PLUS was cut out of the offer, and the server looks for that */
static void
test_stripped(void **state)
{
	struct mc_err err;
	struct server v = { .password = PASSWORD, .exporter = full.exporter };

	(void)state;
	if (server_can("SCRAM-SHA-256-PLUS")) {
		assert_int_equal(talk("auto", "SCRAM-SHA-256 PLAIN", PASSWORD,
		    &full, &v, &err), 1);
		assert_int_equal(talk("auto", "SCRAM-SHA-1", PASSWORD, &full,
		    &v, &err), 1);
	}
	/* the same with a server that has no binding to offer */
	v.exporter = NULL;
	assert_int_equal(talk("auto", "SCRAM-SHA-256 PLAIN", PASSWORD, &full,
	    &v, &err), 0);
}

static void
test_flag(void **state)
{
	static const struct {
		const char *mechs, *offered;
		bool exporter;
		const char *mech, *gs2;
	} rows[] = {
		{ NULL, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", true,
		    "SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=" },
		{ NULL, "SCRAM-SHA-1-PLUS SCRAM-SHA-1", true,
		    "SCRAM-SHA-1-PLUS", "p=tls-exporter,,n=" },
		{ NULL, "SCRAM-SHA-256", true, "SCRAM-SHA-256", "y,,n=" },
		{ NULL, "SCRAM-SHA-1 PLAIN", true, "SCRAM-SHA-1", "y,,n=" },
		{ NULL, "SCRAM-SHA-256", false, "SCRAM-SHA-256", "n,,n=" },
		{ NULL, "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", false,
		    "SCRAM-SHA-256", "n,,n=" },
		{ "scram-sha-256", "SCRAM-SHA-256 SCRAM-SHA-256-PLUS", true,
		    "SCRAM-SHA-256", "n,,n=" },
		{ "scram-sha-256", "SCRAM-SHA-256", true, "SCRAM-SHA-256",
		    "y,,n=" },
		/* only the -PLUS of the other hash is offered */
		{ NULL, "SCRAM-SHA-256 SCRAM-SHA-1-PLUS", true,
		    "SCRAM-SHA-256", "y,,n=" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_buf first;
		struct side s;

		begin(&s, PASSWORD, rows[i].mechs, rows[i].offered,
		    rows[i].exporter ? &full : &unbound, &first);
		assert_str(s.mech, rows[i].mech);
		assert_memory_equal(first.ptr, rows[i].gs2,
		    strlen(rows[i].gs2));
		mc_buf_clear(&first);
		side_free(&s);
	}
}

/* escaped user, at least 18 random bytes, never the same again */
static void
test_first(void **state)
{
	static const char want[] = "n,,n=tim=2C=3Do,r=";
	struct mc_buf one, two, nonce;
	struct side a, b;

	(void)state;
	begin(&a, PASSWORD, "SCRAM-SHA-256", "SCRAM-SHA-256", &unbound, &one);
	begin(&b, PASSWORD, "SCRAM-SHA-256", "SCRAM-SHA-256", &unbound, &two);
	assert_memory_equal(one.ptr, want, sizeof(want) - 1);
	assert_int_equal(one.len, two.len);
	assert_memory_not_equal(one.ptr, two.ptr, one.len);
	side_decode(mc_str_from(one.ptr + sizeof(want) - 1), &nonce);
	assert_true(nonce.len >= 18);
	mc_buf_clear(&nonce);
	mc_buf_clear(&one);
	mc_buf_clear(&two);
	side_free(&a);
	side_free(&b);
}

/* --------------------------------------------------------------- liars */

/* form with %N: our nonce, %S: 1024 bytes of salt, %L: 1025 */
static void
expand(const char *form, struct mc_str nonce, struct mc_buf *out)
{
	char salt[1025];

	memset(salt, 0xa5, sizeof(salt));
	mc_buf_reset(out);
	for (; *form != '\0'; form++) {
		if (*form != '%') {
			mc_buf_addc(out, *form);
			continue;
		}
		form++;
		if (*form == 'N')
			mc_buf_add_str(out, nonce);
		else if (*form == 'H')
			mc_buf_add_str(out, mc_str_sub(nonce, 0,
			    nonce.len / 2));
		else if (*form == 'S')
			mc_b64_encode(mc_str_make(salt, 1024), out);
		else if (*form == 'L')
			mc_b64_encode(mc_str_make(salt, 1025), out);
		else
			mc_buf_addc(out, '\0');
	}
	assert_int_equal(out->err, 0);
}

static const struct {
	const char *form;
	bool good;
} challenges[] = {
	{ "r=%Nx,s=c2FsdA==,i=4096", true },
	{ "r=%N!~+/,s=AA==,i=4097", true },
	{ "r=%Nx,s=%S,i=4096", true },
	{ "r=%Nx,s=c2FsdA==,i=4096,x=ext,Y=1", true },
	/* nonce: ours only, shorter, other, none, bytes that are none */
	{ "r=%N,s=c2FsdA==,i=4096", false },
	{ "r=%H,s=c2FsdA==,i=4096", false },
	{ "r=%Hxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx,s=c2FsdA==,i=4096", false },
	{ "r=x%N,s=c2FsdA==,i=4096", false },
	{ "r=,s=c2FsdA==,i=4096", false },
	{ "s=c2FsdA==,i=4096", false },
	{ "r=%N x,s=c2FsdA==,i=4096", false },
	{ "r=%N\303\244,s=c2FsdA==,i=4096", false },
	{ "r=%N\177,s=c2FsdA==,i=4096", false },
	{ "r=%N\xff,s=c2FsdA==,i=4096", false },
	{ "r=%Nx%0,s=c2FsdA==,i=4096", false },
	{ "R=%Nx,s=c2FsdA==,i=4096", false },
	/* salt */
	{ "r=%Nx,s=,i=4096", false },
	{ "r=%Nx,s=c2FsdA=,i=4096", false },
	{ "r=%Nx,s=c2FsdA,i=4096", false },
	{ "r=%Nx,s=c2Fs\ndA==,i=4096", false },
	{ "r=%Nx,s=!!!!,i=4096", false },
	{ "r=%Nx,s=%L,i=4096", false },
	{ "r=%Nx,i=4096", false },
	{ "r=%Nx,s,i=4096", false },
	/* iterations */
	{ "r=%Nx,s=c2FsdA==,i=0", false },
	{ "r=%Nx,s=c2FsdA==,i=1", false },
	{ "r=%Nx,s=c2FsdA==,i=4095", false },
	{ "r=%Nx,s=c2FsdA==,i=1000001", false },
	{ "r=%Nx,s=c2FsdA==,i=2147483648", false },
	{ "r=%Nx,s=c2FsdA==,i=4294971392", false },
	{ "r=%Nx,s=c2FsdA==,i=18446744073709555712", false },
	{ "r=%Nx,s=c2FsdA==,i=99999999999999999999999999", false },
	{ "r=%Nx,s=c2FsdA==,i=04096", false },
	{ "r=%Nx,s=c2FsdA==,i=+4096", false },
	{ "r=%Nx,s=c2FsdA==,i=-4096", false },
	{ "r=%Nx,s=c2FsdA==,i= 4096", false },
	{ "r=%Nx,s=c2FsdA==,i=4096 ", false },
	{ "r=%Nx,s=c2FsdA==,i=4096.0", false },
	{ "r=%Nx,s=c2FsdA==,i=0x1000", false },
	{ "r=%Nx,s=c2FsdA==,i=", false },
	{ "r=%Nx,s=c2FsdA==,i=many", false },
	{ "r=%Nx,s=c2FsdA==", false },
	/* extensions and order */
	{ "m=x,r=%Nx,s=c2FsdA==,i=4096", false },
	{ "x=1,r=%Nx,s=c2FsdA==,i=4096", false },
	{ "r=%Nx,m=x,s=c2FsdA==,i=4096", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,m=x", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,i=1", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,,", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,x", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,x=", false },
	{ "r=%Nx,s=c2FsdA==,i=4096,1=x", false },
	{ "s=c2FsdA==,r=%Nx,i=4096", false },
	{ "r=%Nx,i=4096,s=c2FsdA==", false },
	{ ",r=%Nx,s=c2FsdA==,i=4096", false },
	{ "", false },
	{ ",", false },
	{ "r", false },
	{ "r=", false },
	{ "e=other-error", false },
	{ "v=AAAA", false },
};

static void
test_challenges(void **state)
{
	struct mc_buf first, text;
	struct side s;

	(void)state;
	mc_buf_init(&text, 10000);
	for (size_t m = 0; m < MC_NELEM(all); m++) {
		for (size_t i = 0; i < MC_NELEM(challenges); i++) {
			begin(&s, PASSWORD, all[m], all[m], &full, &first);
			expand(challenges[i].form, nonce_of(&first), &text);

			int rc = side_step(&s, mc_buf_str(&text));

			if (challenges[i].good) {
				assert_int_equal(rc, 0);
				assert_true(s.out.len != 0);
			} else {
				assert_err(rc, s.err, MC_E_AUTH_PROTO);
				assert_int_equal(s.err.stage, MC_STAGE_AUTH);
				assert_int_equal(s.out.len, 0);
			}
			side_clean_of(&s, MC_STR(PASSWORD));

			/* B13: 235 instead of v= */
			memset(&s.err, 0, sizeof(s.err));
			assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
			    MC_E_AUTH_SERVER);
			/* and nothing goes on after that */
			memset(&s.err, 0, sizeof(s.err));
			assert_err(side_step(&s, mc_buf_str(&text)), s.err,
			    MC_E_AUTH_PROTO);
			mc_buf_clear(&first);
			side_free(&s);
		}
	}
	mc_buf_clear(&text);
}

/* every prefix of a good message but the whole is refused; nothing of it is
 * ever taken for a proof */
static void
test_truncated(void **state)
{
	struct mc_buf first, text;
	struct side s;
	size_t len = 1;

	(void)state;
	mc_buf_init(&text, 10000);
	for (size_t n = 0; n < len; n++) {
		begin(&s, PASSWORD, "SCRAM-SHA-1", "SCRAM-SHA-1", &unbound,
		    &first);
		expand("r=%Nx,s=c2FsdA==,i=4096", nonce_of(&first), &text);
		len = text.len;
		assert_err(side_step(&s, mc_str_make(text.ptr, n)), s.err,
		    MC_E_AUTH_PROTO);
		mc_buf_clear(&first);
		side_free(&s);
	}
	mc_buf_clear(&text);
}

enum end {
	GOOD, PROTO, SERVER
};

/* %V: the right signature in base64 */
static const struct {
	const char *form;
	enum end end;
	const char *text;	/* in the error */
} finals[] = {
	{ "v=%V", GOOD, NULL },
	{ "v=%V,x=ext", GOOD, NULL },
	{ "v=%Vx", SERVER, NULL },
	{ "v=", SERVER, NULL },
	{ "v=AAAA", SERVER, NULL },
	{ "v=!", SERVER, NULL },
	{ "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA=", SERVER, NULL },
	{ "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", SERVER, NULL },
	{ "v=%W", SERVER, NULL },
	{ "v=%V,v=%V", PROTO, "proof" },
	{ "v=%V,", PROTO, "proof" },
	{ "V=%V", PROTO, "proof" },
	{ "v%V", PROTO, "proof" },
	{ " v=%V", PROTO, "proof" },
	{ "x=1,v=%V", PROTO, "proof" },
	{ "", PROTO, "proof" },
	{ "e=other-error", PROTO, "other-error" },
	{ "e=invalid-proof", PROTO, "invalid-proof" },
	{ "e=invalid-proof,x=1", PROTO, "invalid-proof" },
	{ "e=unknown-user", PROTO, "unknown-user" },
	{ "e=channel-bindings-dont-match", PROTO, "somebody" },
	{ "e=server-does-support-channel-binding", PROTO, "-PLUS" },
	{ "e=unsupported-channel-binding-type", PROTO, "-PLUS" },
	{ "e=call +1 555 1234 now", PROTO, "other-error" },
	{ "e=\033[2J", PROTO, "other-error" },
	{ "e=", PROTO, "other-error" },
	{ "e=invalid-proof,v=%V", PROTO, "invalid-proof" },
};

/* everything up to the server's own final message */
static void
up_to_final(struct side *s, struct server *v, const char *mech,
    struct mc_buf *final)
{
	struct mc_buf first;

	begin(s, PASSWORD, mech, mech, &full, &first);
	mc_buf_clear(&first);
	server_start(v, mech);
	assert_int_equal(server_step(v, mc_buf_str(&s->ir), final),
	    GSASL_NEEDS_MORE);
	assert_int_equal(side_step(s, mc_buf_str(final)), 0);
	assert_int_equal(server_step(v, mc_buf_str(&s->out), final),
	    GSASL_OK);
	assert_memory_equal(final->ptr, "v=", 2);
}

static void
make_final(const char *form, struct mc_str right, struct mc_buf *out)
{
	mc_buf_reset(out);
	for (; *form != '\0'; form++) {
		if (form[0] == '%' && (form[1] == 'V' || form[1] == 'W')) {
			mc_buf_add_str(out, right);
			/* one bit off */
			if (form[1] == 'W')
				out->ptr[out->len - 5] ^= 2;
			form++;
		} else
			mc_buf_addc(out, *form);
	}
	assert_int_equal(out->err, 0);
}

static void
one_final(const char *mech, size_t i)
{
	struct server v = { .password = PASSWORD,
	    .exporter = strstr(mech, "PLUS") != NULL ? full.exporter : NULL };
	struct mc_buf final, text;
	struct side s;

	mc_buf_init(&final, 1000);
	mc_buf_init(&text, 1000);
	up_to_final(&s, &v, mech, &final);
	make_final(finals[i].form, mc_str_make(final.ptr + 2, final.len - 2),
	    &text);

	int rc = side_step(&s, mc_buf_str(&text));

	if (finals[i].end == GOOD) {
		assert_int_equal(rc, 0);
		assert_int_equal(s.out.len, 0);	/* an empty line */
		assert_int_equal(mc_sasl_accept(s.sasl, &s.err), 0);
		assert_int_equal(mc_sasl_accept(s.sasl, &s.err), 0);
	} else {
		assert_err(rc, s.err, finals[i].end == PROTO ?
		    MC_E_AUTH_PROTO : MC_E_AUTH_SERVER);
		if (finals[i].text != NULL)
			assert_non_null(strstr(s.err.text, finals[i].text));
		memset(&s.err, 0, sizeof(s.err));
		assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
		    MC_E_AUTH_SERVER);
	}
	/* the server goes on all the same */
	memset(&s.err, 0, sizeof(s.err));
	assert_err(side_step(&s, mc_buf_str(&final)), s.err, MC_E_AUTH_PROTO);

	server_end(&v);
	side_free(&s);
	mc_buf_clear(&text);
	mc_buf_clear(&final);
}

static void
test_finals(void **state)
{
	(void)state;
	for (size_t m = 0; m < MC_NELEM(all); m++)
		for (size_t i = 0; i < MC_NELEM(finals); i++)
			if (server_can(all[m]))
				one_final(all[m], i);
}

/* 235 at every point before v= */
static void
test_early_235(void **state)
{
	(void)state;
	for (size_t m = 0; m < MC_NELEM(all); m++) {
		struct server v = { .password = PASSWORD,
		    .exporter = strstr(all[m], "PLUS") != NULL ?
		    full.exporter : NULL };
		struct mc_buf first, final;
		struct side s;

		side_init(&s, PASSWORD, strlen(PASSWORD), NULL);
		assert_int_equal(side_new(&s, USER, all[m]), 0);
		assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
		    MC_E_AUTH_PROTO);
		side_free(&s);

		begin(&s, PASSWORD, all[m], all[m], &full, &first);
		mc_buf_clear(&first);
		assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
		    MC_E_AUTH_SERVER);
		side_free(&s);

		if (!server_can(all[m]))
			continue;
		mc_buf_init(&final, 1000);
		up_to_final(&s, &v, all[m], &final);
		assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
		    MC_E_AUTH_SERVER);
		/* the proof comes too late */
		memset(&s.err, 0, sizeof(s.err));
		assert_err(side_step(&s, mc_buf_str(&final)), s.err,
		    MC_E_AUTH_PROTO);
		memset(&s.err, 0, sizeof(s.err));
		assert_err(mc_sasl_accept(s.sasl, &s.err), s.err,
		    MC_E_AUTH_SERVER);
		server_end(&v);
		side_free(&s);
		mc_buf_clear(&final);
	}
}

/* the user's limit counts, not the built-in one */
static void
test_limit(void **state)
{
	static const struct {
		uint64_t most;
		const char *iterations;
		bool good;
	} rows[] = {
		{ 4096, "4096", true }, { 4096, "4097", false },
		{ 0, "4096", false }, { 10000, "10000", true },
		{ UINT64_MAX, "2147483648", false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const struct mc_scram_settings set = {
			.flag = 'n',
			.user = MC_STR("u"),
			.nonce = MC_STR("abc"),
			.max_iterations = rows[i].most,
		};
		struct mc_err err = { 0 };
		struct mc_scram *s;
		struct mc_buf in, out;

		mc_buf_init(&in, 1000);
		mc_buf_init(&out, 1000);
		mc_buf_addf(&in, "r=abcd,s=c2FsdA==,i=%s", rows[i].iterations);
		assert_int_equal(mc_scram_new(&set, &s, &err), 0);

		int rc = mc_scram_step(s, mc_buf_str(&in), MC_STR("p"), &out,
		    &err);

		if (rows[i].good)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_AUTH_PROTO);
		mc_scram_free(s);
		mc_buf_clear(&in);
		mc_buf_clear(&out);
	}
}

/* --------------------------------------------------------------- memory */

static void
test_nomem(void **state)
{
	bool through = false;

	(void)state;
	for (unsigned long n = 1; !through; n++) {
		struct server v = { .password = PASSWORD };
		unsigned long left = n;
		struct mc_buf challenge, b64;
		struct side s;

		mc_buf_init(&challenge, 1000);
		mc_buf_init(&b64, 1000);
		side_init(&s, PASSWORD, strlen(PASSWORD), NULL);
		server_start(&v, "SCRAM-SHA-256");
		budget_on(left);

		int rc = side_new(&s, "t\303\255m", NULL);

		if (rc == 0)
			rc = side_start(&s, "SCRAM-SHA-256", &full);
		left = budget_off(left);
		for (int i = 0; i < 2 && rc == 0; i++) {
			(void)server_step(&v, mc_buf_str(i == 0 ? &s.ir :
			    &s.out), &challenge);
			mc_buf_reset(&b64);
			mc_b64_encode(mc_buf_str(&challenge), &b64);
			budget_on(left);
			rc = side_step64(&s, mc_buf_str(&b64));
			left = budget_off(left);
		}
		if (rc == 0)
			assert_int_equal(mc_sasl_accept(s.sasl, &s.err), 0);
		else
			assert_err(rc, s.err, MC_E_NOMEM);
		through = rc == 0;
		assert_true(through == (left != 0));
		server_end(&v);
		side_free(&s);
		mc_buf_clear(&b64);
		mc_buf_clear(&challenge);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_gsasl),
		cmocka_unit_test(test_long_password),
		cmocka_unit_test(test_unassigned),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_stripped),
		cmocka_unit_test(test_flag),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_challenges),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_finals),
		cmocka_unit_test(test_early_235),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
