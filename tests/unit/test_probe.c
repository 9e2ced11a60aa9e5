/* SPDX-License-Identifier: MIT */
/*
 * test_probe.c - what is told of a server, and where a probe ends
 *
 * Each server is a thread that answers by a table and writes down what came.
 */
#include "conf_side.h"

#include "base/clock.h"
#include "mailchute.h"
#include "tlspeer.h"

#include <poll.h>
#include <sys/socket.h>

#define SECRET "s3cret-pass"
/* PLAIN of "joe" and it, and the two words of LOGIN */
#define SECRET_PLAIN "AGpvZQBzM2NyZXQtcGFzcw=="
#define SECRET_B64 "czNjcmV0LXBhc3M="

static struct {
	struct cert ca;
	struct cert good;
	struct cert late;	/* expired */
	struct cert other;	/* another name */
	struct cert self;
	struct side side;
} fix;

static int
set_up(void **state)
{
	const struct cert_spec ca = { .cn = "Test CA", .ca = true };
	const struct cert_spec good = { .cn = "mail",
	    .san = "DNS:mail.example, IP:127.0.0.1" };
	const struct cert_spec late = { .cn = "old", .san = "IP:127.0.0.1",
	    .from = -30, .to = -2 };
	const struct cert_spec other = { .cn = "b", .san = "DNS:b.example" };
	const struct cert_spec self = { .cn = "me", .san = "IP:127.0.0.1" };

	(void)state;
	side_open(&fix.side);
	return cert_make(&ca, NULL, &fix.ca) &&
	    cert_make(&good, &fix.ca, &fix.good) &&
	    cert_make(&late, &fix.ca, &fix.late) &&
	    cert_make(&other, &fix.ca, &fix.other) &&
	    cert_make(&self, NULL, &fix.self) &&
	    cert_write(side_path(&fix.side, "ca.pem"), 0644, &fix.ca, NULL,
	    NULL) ? 0 : -1;
}

static int
tear_down(void **state)
{
	static const char *const names[] = { "ca.pem", "conf", "pass", NULL };

	(void)state;
	side_close(&fix.side, names);
	cert_clear(&fix.ca);
	cert_clear(&fix.good);
	cert_clear(&fix.late);
	cert_clear(&fix.other);
	cert_clear(&fix.self);
	return 0;
}

/* ------------------------------------------------------------------- server */

struct server {
	struct peer_tls tls;
	bool starttls;
	bool silent;		/* never greets */
	const char *greeting;	/* NULL: the usual one */
	const char *ehlo;	/* behind the first line; NULL: the usual one */
	const char *auth;	/* the answer; NULL: 235 */
	const char *mail;	/* NULL: 250 */
	const char *rcpt;
	char heard[2048];	/* the commands, each with its LF */
	size_t n;
};

static int
get_byte(const struct server *s, char *c)
{
	return s->tls.ssl != NULL ? SSL_read(s->tls.ssl, c, 1) :
	    (int)recv(s->tls.fd, c, 1, 0);
}

static void
say(const struct server *s, const char *text)
{
	if (s->tls.ssl != NULL)
		(void)SSL_write(s->tls.ssl, text, (int)strlen(text));
	else
		(void)send(s->tls.fd, text, strlen(text), MSG_NOSIGNAL);
}

/* the next command in `heard`, or NULL */
static const char *
hear(struct server *s)
{
	size_t begin = s->n;
	char c;

	while (s->n + 2 < sizeof(s->heard) && get_byte(s, &c) == 1) {
		if (c == '\r')
			continue;
		s->heard[s->n++] = c;
		if (c == '\n')
			return s->heard + begin;
	}
	return NULL;
}

static void
serve(struct server *s)
{
	const char *cmd;

	while ((cmd = hear(s)) != NULL) {
		if (strncmp(cmd, "EHLO", 4) == 0) {
			say(s, "250-mail.example greets\r\n");
			say(s, s->ehlo != NULL ? s->ehlo :
			    s->starttls && s->tls.ssl == NULL ?
			    "250-STARTTLS\r\n250 SIZE 1000\r\n" :
			    "250-PIPELINING\r\n250-SIZE 2000\r\n"
			    "250 AUTH LOGIN PLAIN\r\n");
		} else if (strncmp(cmd, "AUTH", 4) == 0) {
			say(s, s->auth != NULL ? s->auth :
			    "235 2.7.0 welcome\r\n");
		} else if (strncmp(cmd, "MAIL", 4) == 0) {
			say(s, s->mail != NULL ? s->mail : "250 ok\r\n");
		} else if (strncmp(cmd, "RCPT", 4) == 0) {
			say(s, s->rcpt != NULL ? s->rcpt : "250 ok\r\n");
		} else if (strncmp(cmd, "STARTTLS", 8) == 0) {
			say(s, "220 go on\r\n");
			return;
		} else {
			say(s, "221 bye\r\n");
			return;
		}
	}
}

static void
talk(struct peer_tls *p)
{
	struct server *s = p->arg;

	if (!s->starttls && s->silent)
		(void)hear(s);
	else if (!s->starttls)
		say(s, s->greeting != NULL ? s->greeting :
		    "220 mail.example ready\r\n");
	serve(s);
}

static void
run_server(int fd, void *arg)
{
	struct server *s = arg;

	s->tls.fd = fd;
	if (s->starttls) {
		say(s, "220 mail.example ready\r\n");
		serve(s);
		if (strstr(s->heard, "STARTTLS\n") == NULL)
			return;
	}
	peer_tls(fd, &s->tls);
}

/* -------------------------------------------------------------------- probe */

struct seen {
	char text[16384];	/* "stage/name=value\n" */
	size_t n;
};

static void
on_fact(void *ctx, enum mc_stage stage, const char *name, const char *value)
{
	struct seen *seen = ctx;
	int n = snprintf(seen->text + seen->n, sizeof(seen->text) - seen->n,
	    "%s/%s=%s\n", mc_stage_name(stage), name, value);

	assert_true(n > 0 && (size_t)n < sizeof(seen->text) - seen->n);
	assert_null(strchr(value, '\n'));
	seen->n += (size_t)n;
}

static bool
told(const struct seen *seen, const char *fact)
{
	size_t len = strlen(fact);
	const char *at = seen->text;

	while ((at = strstr(at, fact)) != NULL) {
		if ((at == seen->text || at[-1] == '\n') && (at[len] == '\n' ||
		    fact[len - 1] == '='))
			return true;
		at += len;
	}
	return false;
}

#define assert_told(seen, fact) do { \
	if (!told((seen), (fact))) \
		fail_msg("%s is not among:\n%s", (fact), (seen)->text); \
} while (0)

/* probe one server; `keys` are more lines of the account */
static int
probe(struct server *s, const char *keys, struct mc_probe *p,
    struct seen *seen, struct mc_err *err)
{
	char *envp[] = { NULL };
	struct mc_caller caller = { .login = "joe", .home = fix.side.dir,
	    .hostname = "box.example", .envp = envp, .uid = getuid() };
	struct mc_config *config = NULL;
	struct peer peer = { .listen_fd = -1 };
	char text[1024], ca[256];
	int rc;

	(void)snprintf(ca, sizeof(ca), "%s", side_path(&fix.side, "ca.pem"));
	if (s != NULL) {
		s->tls.talk = talk;
		s->tls.arg = s;
		if (s->tls.cert == NULL)
			s->tls.cert = &fix.good;
		peer_start(&peer, run_server, s);
	}
	(void)snprintf(text, sizeof(text), "log = off\n[account t]\n"
	    "host = 127.0.0.1\nport = %s\ntls-ca-file = %s\n%s",
	    s != NULL ? peer.port : "1", ca, keys);
	side_write(&fix.side, "conf", text, 0600);
	(void)side_write(&fix.side, "pass", SECRET "\n", 0600);
	memset(seen, 0, sizeof(*seen));
	p->fact = on_fact;
	p->ctx = seen;
	rc = mc_config_load(&caller, side_path(&fix.side, "conf"), NULL, NULL,
	    &config, err);
	if (rc == 0)
		rc = mc_probe(&caller, config, p, err);
	mc_config_free(config);
	if (s != NULL)
		peer_join(&peer);
	assert_null(strstr(seen->text, SECRET));
	assert_null(strstr(seen->text, SECRET_PLAIN));
	assert_null(strstr(seen->text, SECRET_B64));
	return rc;
}

static const char *
login_keys(void)
{
	static char keys[512];

	(void)snprintf(keys, sizeof(keys), "tls = on\nuser = joe\n"
	    "password-file = %s\nehlo-name = box.example\n",
	    side_path(&fix.side, "pass"));
	return keys;
}

/* -------------------------------------------------------------------- tests */

static void
test_all(void **state)
{
	struct server s = { .tls.fd = -1 };
	struct mc_probe p = { .cancel_fd = -1 };
	struct mc_err err = { 0 };
	struct seen seen;
	char fact[64];

	(void)state;
	if (probe(&s, login_keys(), &p, &seen, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.heard, "EHLO box.example\n"
	    "AUTH PLAIN " SECRET_PLAIN "\nQUIT\n");
	assert_told(&seen, "resolve/address=");
	assert_told(&seen, "connect/peer=");
	assert_told(&seen, "connect/ms=");
	assert_told(&seen, "tls/version=TLSv1.3");
	assert_told(&seen, "tls/cipher=");
	assert_told(&seen, "tls/subject=CN=mail");
	assert_told(&seen, "tls/issuer=CN=Test CA");
	assert_told(&seen, "tls/name=mail.example");
	assert_told(&seen, "tls/name=127.0.0.1");
	assert_told(&seen, "tls/pin=");
	assert_false(told(&seen, "tls/verify="));
	assert_told(&seen, "greeting/text=220 mail.example ready");
	assert_told(&seen, "ehlo/tls=yes");
	assert_told(&seen, "ehlo/line=mail.example greets");
	assert_told(&seen, "ehlo/line=AUTH LOGIN PLAIN");
	assert_told(&seen, "ehlo/mechanisms=LOGIN PLAIN");
	assert_told(&seen, "ehlo/size=2000");
	assert_told(&seen, "auth/mechanism=PLAIN");
	assert_told(&seen, "auth/reply=235 2.7.0 welcome");
	/* a second or two may pass while certificates are made */
	const char *at = strstr(seen.text, "tls/not-after=");
	assert_non_null(at);
	long long end = strtoll(at + strlen("tls/not-after="), NULL, 10);
	long long want = mc_clock_real_ms() / 1000 + 30 * 86400;
	assert_true(end <= want && end > want - 120);
	(void)snprintf(fact, sizeof(fact), "tls/not-before=%lld",
	    end - 31 * 86400);
	assert_told(&seen, fact);
}

/* STARTTLS: what was said in clear is told, too, and can be told apart */
static void
test_starttls(void **state)
{
	struct server s = { .starttls = true, .tls.fd = -1 };
	struct mc_probe p = { .cancel_fd = -1, .flags = MC_PROBE_NO_AUTH,
	    .rcpt = "nobody@is.asked" };
	struct mc_err err = { 0 };
	struct seen seen;
	const char *clear, *go, *tls, *safe;

	(void)state;
	/* the file is not there, and nobody looks */
	if (probe(&s, "tls = starttls\nuser = joe\nehlo-name = b\n"
	    "password-file = /nonexistent/pass\n", &p, &seen, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(s.heard, "EHLO b\nSTARTTLS\nEHLO b\nQUIT\n");
	clear = strstr(seen.text, "ehlo/tls=no\n");
	go = strstr(seen.text, "starttls/reply=220 go on\n");
	tls = strstr(seen.text, "tls/version=");
	safe = strstr(seen.text, "ehlo/tls=yes\n");
	assert_true(clear != NULL && clear < go && go < tls && tls < safe);
	assert_told(&seen, "ehlo/size=1000");
	assert_told(&seen, "ehlo/size=2000");
	assert_false(told(&seen, "auth/mechanism="));
}

static void
test_certificates(void **state)
{
	const struct {
		const struct cert *cert;
		const char *subject;
		const char *verify;
	} rows[] = {
		{ &fix.late, "tls/subject=CN=old",
		    "tls/verify=certificate has expired" },
		{ &fix.other, "tls/name=b.example",
		    "tls/verify=IP address mismatch" },
		{ &fix.self, "tls/issuer=CN=me",
		    "tls/verify=self-signed certificate" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct server s = { .tls.cert = rows[i].cert, .tls.fd = -1 };
		struct mc_probe p = { .cancel_fd = -1 };
		struct mc_err err = { 0 };
		struct seen seen;

		assert_err(probe(&s, login_keys(), &p, &seen, &err), err,
		    MC_E_TLS_CERT);
		assert_int_equal(err.stage, MC_STAGE_TLS);
		assert_told(&seen, rows[i].subject);
		assert_told(&seen, rows[i].verify);
		assert_told(&seen, "tls/not-after=");
		assert_string_equal(s.heard, "");
	}
}

static void
test_refusals(void **state)
{
	static const struct {
		const char *greeting, *ehlo, *auth;
		enum mc_code code;
		enum mc_stage stage;
		const char *fact;
	} rows[] = {
		{ NULL, NULL, "535 5.7.8 no\x1b[1m\r\n", MC_E_AUTH_REFUSED,
		    MC_STAGE_AUTH, "auth/reply=535 5.7.8 no?[1m" },
		{ NULL, "250 SIZE\r\n", NULL, MC_E_AUTH_NOT_OFFERED,
		    MC_STAGE_AUTH, "ehlo/mechanisms=" },
		{ "554 go away\r\n", NULL, NULL, MC_E_NOT_READY,
		    MC_STAGE_GREETING, "greeting/text=554 go away" },
		{ "HTTP/1.1 302 Found\r\n", NULL, NULL, MC_E_REPLY_SYNTAX,
		    MC_STAGE_GREETING, "tls/version=TLSv1.3" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct server s = { .greeting = rows[i].greeting,
		    .ehlo = rows[i].ehlo, .auth = rows[i].auth, .tls.fd = -1 };
		struct mc_probe p = { .cancel_fd = -1 };
		struct mc_err err = { 0 };
		struct seen seen;

		assert_err(probe(&s, login_keys(), &p, &seen, &err), err,
		    rows[i].code);
		assert_int_equal(err.stage, rows[i].stage);
		assert_told(&seen, rows[i].fact);
		assert_null(strstr(s.heard, "MAIL"));
	}
}

/* MAIL and RCPT, with and without pipelining, and BDAT or DATA never */
static void
test_rcpt(void **state)
{
	static const char chunks[] = "250-PIPELINING\r\n250-CHUNKING\r\n"
	    "250 AUTH PLAIN\r\n";
	static const char slow[] = "250 AUTH PLAIN\r\n";
	static const struct {
		const char *ehlo, *mail, *rcpt;
		enum mc_code code;
		enum mc_stage stage;
		int smtp;
	} rows[] = {
		{ NULL, NULL, NULL, MC_OK, MC_STAGE_LOCAL, 0 },
		{ chunks, NULL, NULL, MC_OK, MC_STAGE_LOCAL, 0 },
		{ slow, NULL, NULL, MC_OK, MC_STAGE_LOCAL, 0 },
		{ NULL, "553 5.7.1 not yours\r\n", "503 5.5.1 MAIL first\r\n",
		    MC_E_REFUSED, MC_STAGE_MAIL, 553 },
		{ slow, "553 5.7.1 not yours\r\n", NULL, MC_E_REFUSED,
		    MC_STAGE_MAIL, 553 },
		{ chunks, NULL, "450 4.2.0 greylisted\r\n", MC_E_REFUSED,
		    MC_STAGE_RCPT, 450 },
		{ slow, NULL, "550 5.1.1 nobody\r\n", MC_E_REFUSED,
		    MC_STAGE_RCPT, 550 },
	};
	char keys[1024];

	(void)state;
	(void)snprintf(keys, sizeof(keys), "%sfrom = me@box.example\n",
	    login_keys());
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct server s = { .ehlo = rows[i].ehlo, .mail = rows[i].mail,
		    .rcpt = rows[i].rcpt, .tls.fd = -1 };
		struct mc_probe p = { .cancel_fd = -1,
		    .rcpt = "Ann <ann@far.example>" };
		struct mc_err err = { 0 };
		struct seen seen;

		int rc = probe(&s, keys, &p, &seen, &err);

		if (rows[i].code == MC_OK && rc != 0)
			fail_msg("%s", err.text);
		if (rows[i].code != MC_OK) {
			assert_err(rc, err, rows[i].code);
			assert_int_equal(err.stage, rows[i].stage);
			assert_int_equal(err.smtp, rows[i].smtp);
		}
		assert_non_null(strstr(s.heard, "MAIL FROM:<me@box.example>"));
		assert_int_equal(strstr(s.heard, "RCPT TO:<ann@far.example>") !=
		    NULL, rows[i].ehlo != slow || rows[i].mail == NULL);
		assert_non_null(strstr(s.heard, "\nQUIT\n"));
		assert_null(strstr(s.heard, "DATA"));
		assert_null(strstr(s.heard, "BDAT"));
	}
}

/* who is to be asked about cannot be, or nobody asks */
static void
test_bad_rcpt(void **state)
{
	static const char *const bad[] = { "", "ann", "a@b.example, c@d.example",
	    "a@b.example\r\nRCPT TO:<c@d.example>" };
	struct mc_probe p = { .cancel_fd = -1, .rcpt = "a@b.example" };
	struct mc_err err = { 0 };
	struct seen seen;

	(void)state;
	assert_err(probe(NULL, "tls = on\n", &p, &seen, &err), err,
	    MC_E_CONF_VALUE);
	for (size_t i = 0; i < MC_NELEM(bad); i++) {
		memset(&err, 0, sizeof(err));
		p.rcpt = bad[i];
		assert_int_equal(probe(NULL, "tls = on\nfrom = me@b.example\n",
		    &p, &seen, &err), -1);
		assert_int_not_equal(err.code, MC_E_CONNECT);
		assert_string_equal(seen.text, "");
	}
}

/* nobody at the port; somebody who says nothing; somebody who cancels */
static void
test_waits(void **state)
{
	struct server s = { .silent = true, .tls.fd = -1 };
	struct server t = { .silent = true, .tls.fd = -1 };
	struct mc_probe p = { .cancel_fd = -1 };
	struct mc_err err = { 0 };
	struct seen seen;
	int64_t begin = mc_clock_ms();
	int fds[2];

	(void)state;
	assert_err(probe(NULL, "tls = on\n", &p, &seen, &err), err,
	    MC_E_CONNECT);
	assert_told(&seen, "resolve/address=127.0.0.1:1");
	assert_false(told(&seen, "connect/peer="));

	memset(&err, 0, sizeof(err));
	p.timeout_ms = 400;
	assert_err(probe(&s, login_keys(), &p, &seen, &err), err,
	    MC_E_TIMEOUT);
	assert_int_equal(err.stage, MC_STAGE_GREETING);
	assert_true(mc_clock_ms() - begin < 10000);

	memset(&err, 0, sizeof(err));
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	p.cancel_fd = fds[0];
	p.timeout_ms = 0;
	assert_err(probe(&t, login_keys(), &p, &seen, &err), err,
	    MC_E_CANCELLED);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
test_accounts(void **state)
{
	struct mc_probe p = { .account = "other", .cancel_fd = -1 };
	struct mc_err err = { 0 };
	struct seen seen;

	(void)state;
	assert_err(probe(NULL, "", &p, &seen, &err), err, MC_E_CONF_ACCOUNT);
	memset(&err, 0, sizeof(err));
	p.account = NULL;
	assert_err(probe(NULL, "user = joe\npassword-file = /nonexistent/p\n",
	    &p, &seen, &err), err, MC_E_NO_SECRET);
	assert_string_equal(seen.text, "");
}

static void
test_no_memory(void **state)
{
	char keys[1024];
	unsigned long n;

	(void)state;
	(void)snprintf(keys, sizeof(keys), "%sfrom = me@box.example\n",
	    login_keys());
	for (n = 1; n < 2000; n++) {
		struct server s = { .tls.fd = -1 };
		struct mc_probe p = { .cancel_fd = -1,
		    .rcpt = "ann@far.example" };
		struct mc_err err = { 0 };
		struct seen seen;
		unsigned long count;
		int rc;

		(void)failmalloc(n, false);
		rc = probe(&s, keys, &p, &seen, &err);
		count = failmalloc(0, false);
		if (rc == 0 && count < n)
			return;
		/* a fact may be left out for lack of it, and no more */
		if (rc != 0)
			assert_string_equal(mc_code_name(err.code),
			    mc_code_name(MC_E_NOMEM));
	}
	fail_msg("there is no end of allocations");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_starttls),
		cmocka_unit_test(test_certificates),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_rcpt),
		cmocka_unit_test(test_bad_rcpt),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
