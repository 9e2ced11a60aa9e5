/* SPDX-License-Identifier: MIT */
/*
 * test_account.c - what an account is made of, and which one is chosen
 */
#include "conf_side.h"

#include "base/buf.h"
#include "config/conf.h"
#include "config/grant.h"

#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct world {
	struct side side;
	struct mc_config *config;
	struct mc_err err;
};

/* user's and system's file (NULL: none), up to three variables */
static int
load(struct world *w, const char *user, const char *system, const char *env1,
    const char *env2, const char *env3)
{
	char vars[3][128] = { "", "", "" };
	char *envp[4] = { NULL };
	const char *given[3] = { env1, env2, env3 };
	struct mc_caller caller = { .envp = envp, .uid = getuid() };
	char home[128];
	char path[128];

	*w = (struct world){ .config = NULL };
	side_open(&w->side);
	side_mkdir(&w->side, "home");
	side_mkdir(&w->side, "home/.config");
	side_mkdir(&w->side, "home/.config/mailchute");
	if (user != NULL)
		side_write(&w->side, "home/.config/mailchute/config", user,
		    0600);
	if (system != NULL)
		side_write(&w->side, "system", system, 0600);
	for (size_t i = 0; i < 3 && given[i] != NULL; i++) {
		(void)snprintf(vars[i], sizeof(vars[i]), "%s", given[i]);
		envp[i] = vars[i];
	}
	(void)snprintf(home, sizeof(home), "%s/home", w->side.dir);
	(void)snprintf(path, sizeof(path), "%s/system", w->side.dir);
	caller.home = home;
	return mc_config_load_from(&caller, NULL, path, NULL, NULL,
	    &w->config, &w->err);
}

static void
unload(struct world *w)
{
	static const char *const names[] = {
		"home/.config/mailchute/config", "home/.config/mailchute",
		"home/.config", "home", "system", NULL
	};

	mc_config_free(w->config);
	side_close(&w->side, names);
}

static const struct mc_account *
named(const struct world *w, const char *name)
{
	const struct mc_account *a;
	struct mc_err e = { .code = MC_OK };

	if (w->config == NULL)
		fail_msg("%s", w->err.text);
	if (mc_config_find(w->config, name, &a, &e) != 0)
		fail_msg("%s", e.text);
	return a;
}

static void
test_tls_and_port(void **state)
{
	static const struct {
		const char *conf;
		enum mc_tls_mode mode;
		const char *port;
		bool given;
	} t[] = {
		{ "host = a.example", MC_TLS_ON, "465", false },
		{ "host = a.example\nport = 587", MC_TLS_STARTTLS, "587",
		    false },
		{ "host = a.example\nport = 25", MC_TLS_STARTTLS, "25",
		    false },
		{ "host = a.example\nport = 587\ntls = on", MC_TLS_ON, "587",
		    true },
		{ "host = a.example\nport = 2525", MC_TLS_ON, "2525", false },
		{ "host = a.example\ntls = starttls", MC_TLS_STARTTLS, "587",
		    true },
		{ "host = a.example\ntls = starttls\nport = 465",
		    MC_TLS_STARTTLS, "465", true },
		{ "host = localhost\ntls = off", MC_TLS_OFF, "25", true },
		{ "host = LOCALHOST.\ntls = off", MC_TLS_OFF, "25", true },
		{ "host = 127.5.5.5\ntls = off\nport = 2525", MC_TLS_OFF,
		    "2525", true },
		{ "host = ::1\ntls = off", MC_TLS_OFF, "25", true },
		{ "host = [::1]\ntls = off", MC_TLS_OFF, "25", true },
		{ "host = /run/s\ntls = off", MC_TLS_OFF, "25", true },
		{ "host = /run/s", MC_TLS_OFF, "25", false },
		{ "host = ~/s", MC_TLS_OFF, "25", false },
		{ "host = /run/s\ntls = on\ntls-host = a.example", MC_TLS_ON,
		    "465", true },
		{ "host = /run/s\ntls = on\ntls-pin = " PIN, MC_TLS_ON, "465",
		    true },
		{ "host = localhost\ntls = off\nuser = me\nauth = off",
		    MC_TLS_OFF, "25", true },
		{ "tls = off", MC_TLS_OFF, "25", true },
		{ "tls = off\nuser = me", MC_TLS_OFF, "25", true },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct world w;

		if (load(&w, t[i].conf, NULL, NULL, NULL, NULL) != 0)
			fail_msg("%s: %s", t[i].conf, w.err.text);
		a = named(&w, NULL);
		assert_int_equal(a->tls_mode, t[i].mode);
		assert_string_equal(a->port_text, t[i].port);
		assert_int_equal(a->explicit_tls, t[i].given);
		assert_int_equal(a->is_socket, a->host != NULL &&
		    a->host[0] == '/');
		unload(&w);
	}
}

static void
test_refused(void **state)
{
	static const struct {
		const char *conf;
		unsigned line;
		const char *says;
	} t[] = {
		{ "host = a.example\ntls = off", 2, "tls: off is for" },
		{ "host = 128.0.0.1\ntls = off", 2, "tls: off is for" },
		{ "host = 127.1\ntls = off", 2, "tls: off is for" },
		{ "host = ::2\ntls = off", 2, "tls: off is for" },
		{ "host = ::ffff:192.0.2.1\ntls = off", 2, "tls: off is for" },
		{ "host = localhost.example\ntls = off", 2, "off is for" },
		{ "host = localhost\ntls = off\nuser = me", 3, "user: " },
		{ "host = localhost\ntls = off\nauth = PLAIN", 3, "auth: " },
		{ "host = /run/s\nuser = me", 2, "user: " },
		{ "host = /run/s\ntls = starttls", 2, "tls-host" },
		{ "host = a.example\ntls-key = /k", 2, "tls-cert" },
		{ "[account x]\ntls-key = /k", 2, "account x" },
		{ "retry-min = 2h\nretry-max = 1h", 2, "retry-max: " },
		{ "retry-min = 2h\nretry-max = 1h", 2, "retry-min" },
		{ "retry-max = 59s\nretry-min = 1min", 1, "retry-min" },
		{ "retry-max = 1h\n[account x]\nretry-min = 2h", 3,
		    "retry-min: retry-max (3600 s) must" },
		{ "retry-min = 2h\n[account x]\nretry-max = 1h", 3,
		    "retry-max: retry-max (3600 s) must" },
		{ "rate = 0/min", 1, "rate: must be" },
		{ "dkim-domain = a.example", 1, "dkim-domain: needs the sel" },
		{ "dkim-domain = a.example\ndkim-selector = s", 1,
		    "dkim-domain: needs the file" },
		{ "dkim-key = /k", 1, "dkim-key: nothing is signed" },
		{ "dkim-selector = s", 1, "dkim-selector: nothing is signed" },
		{ "dkim-domain = a.example\ndkim-selector = s t\n"
		    "dkim-key = /k", 2, "as many" },
		{ "dkim-domain = a.example\ndkim-key = /k, ~/l, /m\n"
		    "dkim-selector = s t", 3, "as many" },
		{ "dkim-key = /k,/l,/m,/n,/o", 1, "four" },
		{ "dkim-key = /k, l", 1, "whole path" },
		{ "dkim-key = ,", 1, "no path" },
		{ "dkim-selector = a b!", 1, "in front of ._domainkey" },
		{ "dkim-selector = ,", 1, "no selector" },
		{ "dkim-domain = [192.0.2.1]", 1, "must be a host name" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		struct world w;
		char place[32];
		int rc = load(&w, t[i].conf, NULL, NULL, NULL, NULL);

		if (rc == 0)
			fail_msg("taken: %s", t[i].conf);
		assert_err(rc, w.err, MC_E_CONF_VALUE);
		(void)snprintf(place, sizeof(place), "/config:%u: ",
		    t[i].line);
		assert_non_null(strstr(w.err.text, place));
		if (strstr(w.err.text, t[i].says) == NULL)
			fail_msg("no \"%s\" in: %s", t[i].says, w.err.text);
		unload(&w);
	}
}

static void
test_home(void **state)
{
	const struct mc_account *a;
	struct world w;
	struct mc_caller nobody = { .uid = getuid() };
	struct mc_err e = { .code = MC_OK };
	char want[256];
	char path[256];

	(void)state;
	assert_int_equal(load(&w, "password-file = ~/.secret\n"
	    "log = ~/log\nhost = ~/sock\naliases = /etc/aliases\n", NULL,
	    NULL, NULL, NULL), 0);
	a = named(&w, NULL);
	(void)snprintf(want, sizeof(want), "%s/home/.secret", w.side.dir);
	assert_string_equal(a->password_file, want);
	(void)snprintf(want, sizeof(want), "%s/home/log", w.side.dir);
	assert_string_equal(a->log, want);
	(void)snprintf(want, sizeof(want), "%s/home/sock", w.side.dir);
	assert_string_equal(a->host, want);
	assert_string_equal(a->aliases, "/etc/aliases");
	assert_false(a->env_password_file);

	(void)snprintf(path, sizeof(path), "%s", side_path(&w.side,
	    "home/.config/mailchute/config"));
	mc_config_free(w.config);
	w.config = NULL;
	assert_err(mc_config_load_from(&nobody, path, "/nonexistent", NULL,
	    NULL, &w.config, &e), e, MC_E_CONF_VALUE);
	assert_non_null(strstr(e.text, "home directory"));
	unload(&w);
}

static void
test_dkim(void **state)
{
	static const char lead[] = "dkim-domain = X.Example\n"
	    "dkim-selector = S1,t2\ndkim-key = ~/a b.pem ,/c\n";
	static const struct {
		const char *user;
		const char *system;
		const char *env;
		const char *account;
		const char *domain;	/* NULL: signs nothing */
	} t[] = {
		{ lead, NULL, NULL, NULL, "x.example" },
		{ lead, NULL, "MAILCHUTE_DKIM_DOMAIN=y.example", NULL,
		    "y.example" },
		{ "dkim-domain = gr\xc3\xbcn.example\ndkim-selector = S1 t2\n"
		    "dkim-key = ~/a b.pem, /c", NULL, NULL, NULL,
		    "xn--grn-ioa.example" },
		{ "", lead, NULL, NULL, "x.example" },
		{ NULL, lead, NULL, NULL, "x.example" },
		/* not for a server that the user names */
		{ "host = h.example", lead, NULL, NULL, NULL },
		{ "[account a]\nhost = h.example", lead, NULL, "a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		char want[256];
		struct world w;

		if (load(&w, t[i].user, t[i].system, t[i].env, NULL,
		    NULL) != 0)
			fail_msg("%zu: %s", i, w.err.text);
		a = named(&w, t[i].account);
		if (t[i].domain == NULL) {
			assert_null(a->dkim_domain);
			assert_null(a->dkim_selector);
			assert_null(a->dkim_key);
		} else {
			assert_string_equal(a->dkim_domain, t[i].domain);
			assert_string_equal(a->dkim_selector, "s1 t2");
			(void)snprintf(want, sizeof(want),
			    "%s/home/a b.pem, /c", w.side.dir);
			assert_string_equal(a->dkim_key, want);
		}
		unload(&w);
	}
}

/* an account may sign for itself, as the others do, or not at all */
static void
test_dkim_accounts(void **state)
{
	struct world w;

	(void)state;
	assert_int_equal(load(&w, "dkim-selector = s\ndkim-key = /k\n"
	    "dkim-domain = a.example\n[account a]\n[account b]\n"
	    "dkim-domain = b.example\n[account c]\ndkim-domain =\n", NULL,
	    NULL, NULL, NULL), 0);
	assert_string_equal(named(&w, "a")->dkim_domain, "a.example");
	assert_string_equal(named(&w, "b")->dkim_domain, "b.example");
	assert_string_equal(named(&w, "b")->dkim_key, "/k");
	assert_null(named(&w, "c")->dkim_domain);
	unload(&w);
}

/* which of the six stands in the account that is named */
static void
test_credentials(void **state)
{
	static const struct {
		const char *user;
		const char *system;
		const char *env;
		const char *account;
		const char *password;
		const char *password_file;
		const char *command;
		const char *token;
	} t[] = {
		/* one place, all forms */
		{ "password = u\npassword-file = /u\ntoken = t\n", NULL, NULL,
		    NULL, "u", "/u", NULL, "t" },
		/* the account's own displaces what stands before */
		{ "password = u\n[account a]\npassword-command = c\n", NULL,
		    NULL, "a", NULL, NULL, "c", NULL },
		{ "password = u\n[account a]\ntoken = t\n[account b]\n", NULL,
		    NULL, "a", NULL, NULL, NULL, "t" },
		{ "password = u\n[account a]\ntoken = t\n[account b]\n", NULL,
		    NULL, "b", "u", NULL, NULL, NULL },
		{ "password = u\n[account a]\npassword =\n", NULL, NULL, "a",
		    NULL, NULL, NULL, NULL },
		/* environment: the default account only */
		{ "[account default]\npassword = u\n[account b]\n"
		    "password = b\n", NULL, "MAILCHUTE_PASSWORD=e", NULL, "e",
		    NULL, NULL, NULL },
		{ "[account default]\npassword = u\n[account b]\n"
		    "password = b\n", NULL, "MAILCHUTE_PASSWORD=e", "b", "b",
		    NULL, NULL, NULL },
		{ "[account default]\npassword = u\n", NULL,
		    "MAILCHUTE_PASSWORD_FILE=/e", NULL, NULL, "/e", NULL,
		    NULL },
		/* the system's secrets only for the system's hosts */
		{ NULL, "password = s\n[account a]\nhost = s.example\n", NULL,
		    "a", "s", NULL, NULL, NULL },
		{ "[account a]\nhost = u.example\n",
		    "password = s\npassword-file = /s\n", NULL, "a", NULL,
		    NULL, NULL, NULL },
		{ "[account a]\n", "host = s.example\npassword = s\n", NULL,
		    "a", NULL, NULL, NULL, NULL },
		{ "host = u.example\n", "host = s.example\npassword = s\n",
		    NULL, NULL, NULL, NULL, NULL, NULL },
		{ "host = u.example\n", "[account a]\npassword = s\n", NULL,
		    "a", NULL, NULL, NULL, NULL },
		{ "timeout = 1\n", "[account a]\nhost = s.example\n"
		    "password = s\n", NULL, "a", "s", NULL, NULL, NULL },
		{ "password = u\n", "[account a]\nhost = s.example\n", NULL,
		    "a", "u", NULL, NULL, NULL },
		/* replaced as a whole */
		{ "[account a]\nhost = u.example\n",
		    "[account a]\nhost = s.example\npassword = s\n", NULL,
		    "a", NULL, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct world w;

		if (load(&w, t[i].user, t[i].system, t[i].env, NULL, NULL)
		    != 0)
			fail_msg("%zu: %s", i, w.err.text);
		a = named(&w, t[i].account);
		if ((a->password == NULL) != (t[i].password == NULL) ||
		    (a->token == NULL) != (t[i].token == NULL) ||
		    (a->password_file == NULL) !=
		    (t[i].password_file == NULL) ||
		    (a->password_command == NULL) != (t[i].command == NULL))
			fail_msg("row %zu", i);
		if (a->password != NULL)
			assert_str(mc_secret_peek(a->password),
			    t[i].password);
		if (a->token != NULL)
			assert_str(mc_secret_peek(a->token), t[i].token);
		if (a->password_file != NULL)
			assert_string_equal(a->password_file,
			    t[i].password_file);
		unload(&w);
	}
}

/* OAuth is one of them where it is on */
static void
test_oauth(void **state)
{
	static const struct {
		const char *user;
		const char *system;
		const char *env;
		const char *account;
		enum mc_oauth oauth;
		bool password;
	} t[] = {
		{ "oauth = google\n", NULL, NULL, NULL, MC_OAUTH_GOOGLE, false },
		{ "oauth = custom\n[account a]\npassword = p\n", NULL, NULL,
		    "a", MC_OAUTH_OFF, true },
		{ "password = p\n[account a]\noauth = microsoft\n", NULL,
		    NULL, "a", MC_OAUTH_MICROSOFT, false },
		/* none displaces nothing */
		{ "password = p\n[account a]\noauth = off\n", NULL, NULL, "a",
		    MC_OAUTH_OFF, true },
		{ "oauth = google\npassword = p\n[account a]\noauth = off\n",
		    NULL, NULL, "a", MC_OAUTH_OFF, true },
		{ "password = p\n", NULL, "MAILCHUTE_OAUTH=google", NULL,
		    MC_OAUTH_GOOGLE, false },
		/* the system's is not for a host of the user's */
		{ "[account a]\nhost = u.example\n", "oauth = google\n", NULL,
		    "a", MC_OAUTH_OFF, false },
		{ NULL, "oauth = google\n[account a]\nhost = s.example\n",
		    NULL, "a", MC_OAUTH_GOOGLE, false },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct world w;

		if (load(&w, t[i].user, t[i].system, t[i].env, NULL, NULL)
		    != 0)
			fail_msg("%zu: %s", i, w.err.text);
		a = named(&w, t[i].account);
		if (a->oauth != (int)t[i].oauth ||
		    (a->password != NULL) != t[i].password)
			fail_msg("row %zu: oauth %d", i, a->oauth);
		unload(&w);
	}
}

/* the command for a proxy's password, and the proxy that it is for */
static void
test_proxy_password(void **state)
{
#define PROXY "proxy = http://u@p.example:1\n"
#define OTHER "proxy = http://u@q.example:1\n"
	static const struct {
		const char *user;
		const char *system;
		const char *env;
		const char *want;	/* NULL: none */
		const char *says;	/* not taken */
	} t[] = {
		{ PROXY "proxy-password-command = c\n", NULL, NULL, "c", NULL },
		{ PROXY "[account a]\nproxy-password-command = c\n", NULL,
		    NULL, "c", NULL },
		{ "proxy-password-command = c\n", NULL, NULL, "c", NULL },
		/* not for the proxy of a stronger place */
		{ "proxy-password-command = c\n[account a]\n" PROXY, NULL,
		    NULL, NULL, NULL },
		{ PROXY "proxy-password-command = c\n", NULL,
		    "MAILCHUTE_PROXY=http://x:y@q.example:1", NULL, NULL },
		{ PROXY, "proxy-password-command = c\n", NULL, NULL, NULL },
		{ PROXY, "[account a]\nproxy-password-command = c\n", NULL,
		    NULL, NULL },
		{ PROXY, "[account a]\n" OTHER "proxy-password-command = c\n",
		    NULL, "c", NULL },
		{ NULL, PROXY "proxy-password-command = c\n", NULL, "c", NULL },
		{ "proxy-password-command = c\n", PROXY, NULL, "c", NULL },
		{ "proxy = http://p.example:1\nproxy-password-command = c\n",
		    NULL, NULL, NULL, "no user in proxy" },
		{ "proxy = http://u:p@p.example:1\n"
		    "proxy-password-command = c\n", NULL, NULL, NULL,
		    "a password in proxy too" },
		{ "proxy =\nproxy-password-command = c\n", NULL, NULL, "c",
		    NULL },
	};
#undef PROXY
#undef OTHER

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		char user[300];
		struct world w;
		int rc;

		(void)snprintf(user, sizeof(user), "%s%s",
		    t[i].user == NULL ? "" : "host = h.example\n",
		    t[i].user == NULL ? "" : t[i].user);
		rc = load(&w, t[i].user == NULL ? NULL : user, t[i].system,
		    t[i].env, NULL, NULL);
		if (rc != 0 && t[i].says == NULL)
			fail_msg("%zu: %s", i, w.err.text);
		if (t[i].says != NULL) {
			assert_err(rc, w.err, MC_E_CONF_VALUE);
			assert_non_null(strstr(w.err.text, t[i].says));
		} else {
			a = named(&w, NULL);
			if ((a->proxy_password_command == NULL) !=
			    (t[i].want == NULL))
				fail_msg("row %zu", i);
		}
		unload(&w);
	}
}

static void
test_default_account(void **state)
{
	static const struct {
		const char *conf;
		const char *env;
		const char *want;	/* NULL: there is none */
		const char *says;
	} t[] = {
		{ "", NULL, "default", NULL },
		{ "[account a]", NULL, "a", NULL },
		{ "[account a]\n[account default]", NULL, "default", NULL },
		{ "[account a]\n[account b]", NULL, NULL, "a, b" },
		{ "[account a]\n[account b]", "MAILCHUTE_ACCOUNT=b", "b",
		    NULL },
		{ "[account a]\n[account default]", "MAILCHUTE_ACCOUNT=a",
		    "a", NULL },
		{ "[account a]", "MAILCHUTE_ACCOUNT=c", NULL, "\"c\"" },
		{ "[account a]", "MAILCHUTE_ACCOUNT=", "a", NULL },
		{ "[account a]", "MAILCHUTE_ACCOUNT=A", NULL, "\"A\"" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a = NULL;
		struct mc_err e = { .code = MC_OK };
		struct world w;
		int rc;

		assert_int_equal(load(&w, t[i].conf, NULL, t[i].env, NULL,
		    NULL), 0);
		rc = mc_config_find(w.config, NULL, &a, &e);
		if (t[i].want != NULL) {
			assert_int_equal(rc, 0);
			assert_string_equal(a->name, t[i].want);
		} else {
			assert_err(rc, e, MC_E_CONF_ACCOUNT);
			assert_non_null(strstr(e.text, t[i].says));
			assert_null(a);
		}
		unload(&w);
	}
}

static void
test_unknown_account(void **state)
{
	struct mc_buf conf;
	struct mc_err e = { .code = MC_OK };
	const struct mc_account *a;
	struct world w;

	(void)state;
	mc_buf_init(&conf, 1 << 20);
	for (int i = 0; i < 500; i++)
		mc_buf_addf(&conf, "[account name-%d]\n", i);
	assert_int_equal(load(&w, conf.ptr, NULL, NULL, NULL, NULL), 0);
	assert_err(mc_config_find(w.config, "nobody", &a, &e), e,
	    MC_E_CONF_ACCOUNT);
	assert_non_null(strstr(e.text, "\"nobody\""));
	assert_non_null(strstr(e.text, "name-0, name-1"));
	assert_non_null(strstr(e.text, ", ..."));
	unload(&w);
	mc_buf_clear(&conf);
}

/* a variable that would apply to no account */
static void
test_stray_env(void **state)
{
	struct world w;

	(void)state;
	assert_err(load(&w, "[account a]\n[account b]\n", NULL,
	    "MAILCHUTE_HOST=x.example", NULL, NULL), w.err, MC_E_CONF_VALUE);
	assert_non_null(strstr(w.err.text, "MAILCHUTE_HOST"));
	unload(&w);
	assert_int_equal(load(&w, "[account a]\n[account b]\n", NULL,
	    "MAILCHUTE_TIMEOUT=5", NULL, NULL), 0);
	assert_int_equal(named(&w, "b")->timeout, 5);
	unload(&w);
	assert_int_equal(load(&w, "[account a]\n[account b]\n", NULL,
	    "MAILCHUTE_HOST=x.example", "MAILCHUTE_ACCOUNT=b", NULL), 0);
	assert_string_equal(named(&w, "b")->host, "x.example");
	assert_null(named(&w, "a")->host);
	unload(&w);
}

static void
test_choose(void **state)
{
	static const char conf[] =
	    "from = lead@lead.example\n"
	    "[account default]\n"
	    "[account work]\n"
	    "from = me@work.example, *@lists.work.example, *@*.work.example\n"
	    "[account alone]\n"
	    "from = \"a, b\"@work.example, me@lists.work.example\n"
	    "[account late]\n"
	    "from = *@lists.work.example, *@b\xc3\xbc" "cher.example\n";
	static const struct {
		const char *sender;
		const char *header;
		const char *want;
		const char *rule;
	} t[] = {
		{ "me@work.example", "", "work", "names the envelope" },
		{ "Me@WORK.example", "", "work", "names the envelope" },
		{ "x@lists.work.example", "", "work", "pattern" },
		{ "me@lists.work.example", "", "alone", "names" },
		{ "x@deep.work.example", "", "work", "pattern" },
		{ "x@work.example", "", "default", "default account" },
		{ "\"a, b\"@work.example", "", "alone", "names" },
		{ "x@xn--bcher-kva.example", "", "late", "pattern" },
		{ "\xc3\xbc@b\xc3\xbc" "cher.example", "", "late", "pattern" },
		{ "", "me@work.example", "work", "From" },
		{ "x@x.example", "y@lists.work.example", "work", "From" },
		/* the envelope sender goes first */
		{ "y@deep.work.example", "me@lists.work.example", "work",
		    "envelope" },
		{ "", "", "default", "default" },
		{ "me", "root", "default", "default" },
		{ "@", "@work.example", "default", "default" },
		/* holds for all, so it chooses none */
		{ "lead@lead.example", "", "default", "default" },
	};
	struct world w;

	(void)state;
	assert_int_equal(load(&w, conf, NULL, NULL, NULL, NULL), 0);
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		const char *rule;
		struct mc_err e = { .code = MC_OK };

		assert_int_equal(mc_config_choose(w.config,
		    mc_str_from(t[i].sender), mc_str_from(t[i].header), &a,
		    &rule, &e), 0);
		if (strcmp(a->name, t[i].want) != 0)
			fail_msg("%s / %s: %s", t[i].sender, t[i].header,
			    a->name);
		assert_non_null(strstr(rule, t[i].rule));
	}
	assert_str(mc_account_from(named(&w, "work")), "me@work.example");
	assert_str(mc_account_from(named(&w, "alone")),
	    "\"a, b\"@work.example");
	assert_str(mc_account_from(named(&w, "late")), "");
	assert_str(mc_account_from(named(&w, NULL)), "lead@lead.example");
	assert_true(mc_account_owns(named(&w, "work"),
	    MC_STR("x@lists.work.example")));
	assert_false(mc_account_owns(named(&w, "work"),
	    MC_STR("x@work.example")));
	assert_true(mc_account_owns(named(&w, NULL),
	    MC_STR("lead@lead.example")));
	assert_false(mc_account_owns(named(&w, NULL), MC_STR_NONE));

	/* `from` of the command line changes the sender, not the choice */
	const struct mc_account *a;
	const char *rule;

	assert_int_equal(mc_config_set(w.config, "from", "cli@cli.example",
	    NULL), 0);
	assert_str(mc_account_from(named(&w, "work")), "cli@cli.example");
	assert_int_equal(mc_config_choose(w.config, MC_STR("me@work.example"),
	    MC_STR_NONE, &a, &rule, NULL), 0);
	assert_string_equal(a->name, "work");
	assert_int_equal(mc_config_choose(w.config, MC_STR("cli@cli.example"),
	    MC_STR_NONE, &a, &rule, NULL), 0);
	assert_string_equal(a->name, "default");
	unload(&w);
}

static void
test_choose_without_default(void **state)
{
	const struct mc_account *a;
	const char *rule;
	struct mc_err e = { .code = MC_OK };
	struct world w;

	(void)state;
	assert_int_equal(load(&w, "[account a]\nfrom = *@a.example\n"
	    "[account b]\nfrom = *@b.example\n", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(mc_config_choose(w.config, MC_STR("x@b.example"),
	    MC_STR_NONE, &a, &rule, &e), 0);
	assert_string_equal(a->name, "b");
	assert_err(mc_config_choose(w.config, MC_STR("x@c.example"),
	    MC_STR_NONE, &a, &rule, &e), e, MC_E_CONF_ACCOUNT);
	unload(&w);
	assert_int_equal(load(&w, "[account a]\n", NULL, NULL, NULL, NULL),
	    0);
	assert_int_equal(mc_config_choose(w.config, MC_STR("x@b.example"),
	    MC_STR_NONE, &a, &rule, NULL), 0);
	assert_string_equal(rule, "the only account");
	unload(&w);
	/* environment: the default account's own */
	assert_int_equal(load(&w, "[account a]\nfrom = x@x.example\n"
	    "[account default]\n", NULL, "MAILCHUTE_FROM=y@y.example", NULL,
	    NULL), 0);
	assert_int_equal(mc_config_choose(w.config, MC_STR("y@y.example"),
	    MC_STR_NONE, &a, &rule, NULL), 0);
	assert_string_equal(a->name, "default");
	assert_str(mc_account_from(named(&w, "a")), "x@x.example");
	unload(&w);
	assert_int_equal(load(&w, "[account a]\n[account default]\n", NULL,
	    "MAILCHUTE_FROM_NAME=Jo", "MAILCHUTE_ENVELOPE_FROM=b@y.example",
	    "MAILCHUTE_ENVELOPE_FROM_FIXED=yes"), 0);
	a = named(&w, "default");
	assert_string_equal(a->from_name, "Jo");
	assert_string_equal(a->envelope_from, "b@y.example");
	assert_true(a->envelope_from_fixed);
	a = named(&w, "a");
	assert_null(a->from_name);
	assert_null(a->envelope_from);
	assert_true(a->envelope_from_fixed);
	unload(&w);
}

static void
test_rate(void **state)
{
	static const struct {
		const char *conf;
		uint64_t messages;
		uint64_t seconds;
		const char *shown;
	} t[] = {
		{ "", 0, 0, "" },
		{ "rate =", 0, 0, "" },
		{ "rate = 20/min", 20, 60, "20/min" },
		{ "rate = 30 / 2 min", 30, 120, "30/2min" },
		{ "rate = 1000/d", 1000, 86400, "1000/d" },
		{ "rate = 5/s\n[account default]\nrate =", 0, 0, "" },
		{ "rate = 5/s\n[account default]\nrate = 7/h", 7, 3600,
		    "7/h" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct mc_value v;
		struct world w;

		(void)load(&w, t[i].conf, NULL, NULL, NULL, NULL);
		a = named(&w, NULL);
		assert_int_equal(a->rate_messages, t[i].messages);
		assert_int_equal(a->rate_seconds, t[i].seconds);
		assert_int_equal(mc_config_value(w.config, NULL, MC_K_rate,
		    &v, NULL), 0);
		assert_string_equal(v.value, t[i].shown);
		unload(&w);
	}
}

/* a default that does not go with what was given follows it, and is shown */
static void
test_retries(void **state)
{
	static const struct {
		const char *conf;
		const char *system;
		const char *env;
		uint64_t min;
		uint64_t max;
		const char *min_shown;
		const char *max_shown;
	} t[] = {
		{ "", NULL, NULL, 60, 14400, "1min", "4h" },
		{ "retry-min = 6h", NULL, NULL, 21600, 21600, "6h", "6h" },
		{ "retry-max = 30s", NULL, NULL, 30, 30, "30s", "30s" },
		{ "retry-min = 4h", NULL, NULL, 14400, 14400, "4h", "4h" },
		{ "retry-min = 2h", NULL, NULL, 7200, 14400, "2h", "4h" },
		{ "retry-max = 1min", NULL, NULL, 60, 60, "1min", "1min" },
		{ "retry-min = 1h\nretry-max = 1h", NULL, NULL, 3600, 3600,
		    "1h", "1h" },
		{ "", "retry-min = 6h", NULL, 21600, 21600, "6h", "6h" },
		{ "", NULL, "MAILCHUTE_RETRY_MAX=10", 10, 10, "10", "10" },
		{ "[account default]\nretry-min = 5h", "retry-max = 6h", NULL,
		    18000, 21600, "5h", "6h" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(t); i++) {
		const struct mc_account *a;
		struct mc_value v;
		struct world w;

		(void)load(&w, t[i].conf, t[i].system, t[i].env, NULL, NULL);
		a = named(&w, NULL);
		assert_int_equal(a->retry_min, t[i].min);
		assert_int_equal(a->retry_max, t[i].max);
		assert_int_equal(mc_config_value(w.config, NULL,
		    MC_K_retry_min, &v, NULL), 0);
		assert_string_equal(v.value, t[i].min_shown);
		assert_int_equal(mc_config_value(w.config, NULL,
		    MC_K_retry_max, &v, NULL), 0);
		assert_string_equal(v.value, t[i].max_shown);
		unload(&w);
	}

	/* what comes from the command line is checked against the rest, too,
	 * and a refusal changes nothing */
	struct world w;
	struct mc_err e = { .code = MC_OK };

	assert_int_equal(load(&w, "retry-min = 6h\n", NULL, NULL, NULL,
	    NULL), 0);
	assert_err(mc_config_set(w.config, "retry-max", "1h", &e), e,
	    MC_E_CONF_VALUE);
	assert_non_null(strstr(e.text, "retry-max"));
	assert_non_null(strstr(e.text, "retry-min"));
	assert_int_equal(named(&w, NULL)->retry_max, 21600);
	e.code = MC_OK;
	assert_int_equal(mc_config_set(w.config, "retry-max", "7h", &e), 0);
	assert_int_equal(named(&w, NULL)->retry_max, 25200);
	unload(&w);
}

static void
test_shown(void **state)
{
	struct mc_value v;
	struct world w;

	(void)state;
	assert_int_equal(load(&w, "host = a.example\nport = 587\n", NULL,
	    NULL, NULL, NULL), 0);
	assert_int_equal(mc_config_value(w.config, NULL, MC_K_tls, &v, NULL),
	    0);
	assert_string_equal(v.value, "starttls");
	assert_string_equal(v.origin, "default");
	assert_true(v.is_default);
	assert_int_equal(mc_config_value(w.config, NULL, MC_K_port, &v, NULL),
	    0);
	assert_string_equal(v.value, "587");
	assert_false(v.is_default);
	unload(&w);
	assert_int_equal(load(&w, "host = a.example\ntls = starttls\n", NULL,
	    NULL, NULL, NULL), 0);
	assert_int_equal(mc_config_value(w.config, NULL, MC_K_port, &v, NULL),
	    0);
	assert_string_equal(v.value, "587");
	assert_string_equal(v.origin, "default");
	unload(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls_and_port),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_dkim),
		cmocka_unit_test(test_dkim_accounts),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_oauth),
		cmocka_unit_test(test_proxy_password),
		cmocka_unit_test(test_default_account),
		cmocka_unit_test(test_unknown_account),
		cmocka_unit_test(test_stray_env),
		cmocka_unit_test(test_choose),
		cmocka_unit_test(test_choose_without_default),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_shown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
