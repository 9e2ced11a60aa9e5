/* SPDX-License-Identifier: MIT */
/*
 * test_policy.c - who may use the local service, and as whom
 */
#include "conf_side.h"

#include "base/limits.h"
#include "serve/names.h"
#include "serve/policy.h"

#include <grp.h>
#include <pwd.h>

#define OWN 990

static struct {
	char text[4096];
	int lines;
} said;

static void
hear(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	(void)ctx;
	(void)stage;
	assert_int_equal(level, MC_LOG_WARN);
	(void)snprintf(said.text, sizeof(said.text), "%s", text);
	said.lines++;
}

static const struct mc_log the_log = { hear, NULL, MC_LOG_TRACE };

static struct mc_caller the_caller = { .login = "mailchute",
	.hostname = "host.example", .mailname = "mail.example", .uid = OWN };

struct set_up {
	struct side side;
	struct mc_config *config;
	struct mc_policy *policy;
};

static void
set_up(struct set_up *s, const char *text)
{
	struct mc_err err = { 0 };

	memset(&said, 0, sizeof(said));
	s->config = NULL;
	side_open(&s->side);
	if (mc_config_load(&the_caller, side_write(&s->side, "c", text, 0600),
	    NULL, NULL, &s->config, &err) != 0)
		fail_msg("%s", err.text);
	if (mc_policy_new(s->config, &the_caller, &the_log, &s->policy,
	    &err) != 0)
		fail_msg("%s", err.text);
}

static void
tear_down(struct set_up *s)
{
	static const char *const names[] = { "c", NULL };

	mc_policy_free(s->policy);
	mc_config_free(s->config);
	side_close(&s->side, names);
}

/* -------------------------------------------------------------------- peers */

static const gid_t of_alice[] = { 1000, 500, 65534 };
static const gid_t of_bob[] = { 1001 };

static const struct mc_peer alice = { true, 1000, "alice", of_alice, 3 };
static const struct mc_peer bob = { true, 1001, "bob", of_bob, 1 };
static const struct mc_peer root = { true, 0, "root", NULL, 0 };
static const struct mc_peer own = { true, OWN, NULL, NULL, 0 };
static const struct mc_peer unnamed = { true, 4242, NULL, of_bob, 1 };
static const struct mc_peer overflow = { true, 65534, "nobody", of_alice, 3 };
static const struct mc_peer none = { true, (uid_t)-1, "x", of_bob, 1 };
static const struct mc_peer tcp = { .has_uid = false };

/* one bit for each of them, in this order */
static const struct mc_peer *const peers[] = { &alice, &bob, &root, &own,
	&unnamed, &overflow, &none, &tcp };

static void
test_admits(void **state)
{
	static const struct {
		const char *text;
		const char *admits;
	} cases[] = {
		{ "", "abro" },
		{ "allow-users =\n", "ro" },
		{ "allow-users = *\n", "abro" },
		{ "allow-users = 1000\n", "aro" },
		{ "allow-users = 4242, 1001\n", "brou" },
		{ "allow-users = @500\n", "aro" },
		{ "allow-users = @1001\n", "brou" },
		/* the overflow group is no group, and its user nobody */
		{ "allow-users = @65534 65534 nobody\n", "ro" },
		{ "allow-users = 4294967294\n", "ro" },
		{ "allow-users = 7\ntrust-loopback = yes\n", "rot" },
		{ "allow-users = 7\n[account a]\n"
		    "allow-sender = loopback: *\n", "ro" },
	};
	static const char letters[] = "abrouOnt";

	(void)state;
	for (size_t i = 0; i < MC_NELEM(cases); i++) {
		struct set_up s;

		set_up(&s, cases[i].text);
		for (size_t k = 0; k < MC_NELEM(peers); k++)
			if (mc_policy_admits(s.policy, peers[k]) !=
			    (strchr(cases[i].admits, letters[k]) != NULL))
				fail_msg("%s: %c", cases[i].text, letters[k]);
		tear_down(&s);
	}
}

static void
test_names(void **state)
{
	struct passwd *pw = getpwuid(1);
	struct group *gr = getgrgid(1);
	const gid_t one = 1;
	struct mc_peer peer = { true, 1, "x", NULL, 0 };
	struct mc_peer member = { true, 2, "y", &one, 1 };
	char text[512];
	struct set_up s;

	(void)state;
	if (pw == NULL || gr == NULL)
		skip();
	(void)snprintf(text, sizeof(text), "allow-users = %s\n", pw->pw_name);
	set_up(&s, text);
	assert_true(mc_policy_admits(s.policy, &peer));
	assert_false(mc_policy_admits(s.policy, &member));
	assert_int_equal(said.lines, 0);
	tear_down(&s);
	(void)snprintf(text, sizeof(text), "allow-users = @%s\n", gr->gr_name);
	set_up(&s, text);
	assert_false(mc_policy_admits(s.policy, &peer));
	assert_true(mc_policy_admits(s.policy, &member));
	assert_int_equal(said.lines, 0);
	tear_down(&s);
}

static void
test_unknown_names(void **state)
{
	struct set_up s;

	(void)state;
	set_up(&s, "\nallow-users = no-such-user-here 1000\n");
	assert_int_equal(said.lines, 1);
	assert_non_null(strstr(said.text, "c:2: allow-users: "));
	assert_non_null(strstr(said.text, "no user \"no-such-user-here\""));
	assert_true(mc_policy_admits(s.policy, &alice));
	assert_false(mc_policy_admits(s.policy, &bob));
	tear_down(&s);

	/* told once, although it is in both accounts */
	set_up(&s, "allow-sender = @no-such-group-here: *\n"
	    "[account a]\n[account default]\n");
	assert_int_equal(said.lines, 1);
	assert_non_null(strstr(said.text, "group \"no-such-group-here\""));
	tear_down(&s);
}

/* ------------------------------------------------------------------- senders */

#define PLAIN "domain = work.example\nfrom = me@mine.example, *@post.example\n"

#define TWO \
	"[account shop]\ndomain = shop.example\nfrom = *@shop.example\n" \
	"allow-sender = 33: *@shop.example <>; @500: %U@shop.example\n" \
	"[account default]\ndomain = work.example\n" \
	"[account other]\nfrom = *@other.example\ndomain = other.example\n"

#define RULES \
	"[account a]\ndomain = a.example\n" \
	"allow-sender = 1000: alice@a.example, %U+*@a.example \"x y\"@a.example\n" \
	"[account b]\ndomain = b.example\n" \
	"allow-sender = 1000: *@*.b.example; 1001 loopback: <>; *: %U@b\xc3\xbc" \
	".example\n" \
	"[account default]\nfrom = *@c.example\n"

struct sender_case {
	const char *text;
	const struct mc_peer *peer;
	const char *sender;	/* "local@domain", "local", "" */
	const char *account;	/* NULL: refused */
	const char *whole;	/* or a part of the refusal */
};

static const struct sender_case sender_cases[] = {
	/* no rules at all */
	{ PLAIN, &alice, "alice", "default", "alice@work.example" },
	{ PLAIN, &alice, "alice@work.example", "default",
	    "alice@work.example" },
	{ PLAIN, &alice, "Alice+x@WORK.example", "default",
	    "Alice+x@WORK.example" },
	{ PLAIN, &alice, "alice+a+b@mail.example", "default",
	    "alice+a+b@mail.example" },
	{ PLAIN, &alice, "alice@host.example", "default",
	    "alice@host.example" },
	{ PLAIN, &alice, "alice@mine.example", "default",
	    "alice@mine.example" },
	{ PLAIN, &alice, "alice@post.example", NULL,
	    "alice may not send as alice@post.example; allowed: "
	    "alice@work.example; see allow-sender" },
	{ PLAIN, &alice, "alicex@work.example", NULL, "may not send as" },
	{ PLAIN, &alice, "bob@work.example", NULL, "may not send as bob@" },
	{ PLAIN, &alice, "bob", NULL, "may not send as bob@work.example" },
	{ PLAIN, &alice, "alice@sub.work.example", NULL, "may not" },
	{ PLAIN, &alice, "\"alice+x@work.example\"@evil.example", NULL,
	    "may not" },
	{ PLAIN, &alice, "me@mine.example", NULL, "may not" },
	{ PLAIN, &alice, "", NULL, "alice may not use the null sender" },
	{ PLAIN, &root, "x@y.example", "default", "x@y.example" },
	{ PLAIN, &root, "x", "default", "x@work.example" },
	{ PLAIN, &root, "", "default", "" },
	{ PLAIN, &own, "", "default", "" },
	{ PLAIN, &own, "x@y.example", "default", "x@y.example" },
	{ PLAIN, &unnamed, "x@work.example", NULL, "may not use this" },
	{ PLAIN, &overflow, "nobody@work.example", NULL, "may not use this" },
	{ PLAIN, &tcp, "x@work.example", NULL, "may not use this" },
	{ "allow-users = 4242\n" PLAIN, &unnamed, "x@work.example", NULL,
	    "user 4242 may not send as x@work.example; allowed: nothing" },
	{ "allow-users = 1001\n" PLAIN, &alice, "alice@work.example", NULL,
	    "may not use this service; see allow-users" },
	/* without a domain of its own the host's stands in */
	{ "host = h.example\n", &alice, "alice", "default",
	    "alice@mail.example" },
	/* the rules of others */
	{ TWO, &bob, "bob", "default", "bob@work.example" },
	{ TWO, &bob, "bob@other.example", "other", "bob@other.example" },
	{ TWO, &bob, "bob@shop.example", NULL,
	    "allowed: bob@work.example; see" },
	{ TWO, &alice, "alice@shop.example", "shop", "alice@shop.example" },
	{ TWO, &alice, "alice", "shop", "alice@shop.example" },
	{ TWO, &alice, "alice@work.example", NULL,
	    "allowed: alice@shop.example; see" },
	{ TWO, &alice, "", NULL, "null sender; allowed: alice@shop.example" },
	{ TWO, &root, "x@shop.example", "shop", "x@shop.example" },
	{ TWO, &root, "x@other.example", "other", "x@other.example" },
	{ TWO, &root, "x", "default", "x@work.example" },
	/* several rules, in order */
	{ RULES, &alice, "alice", "a", "alice@a.example" },
	{ RULES, &alice, "ALICE@A.example", "a", "ALICE@A.example" },
	{ RULES, &alice, "alice+1@a.example", "a", "alice+1@a.example" },
	{ RULES, &alice, "\"x y\"@a.example", "a", "\"x y\"@a.example" },
	{ RULES, &alice, "who@x.b.example", "b", "who@x.b.example" },
	{ RULES, &alice, "who@b.example", NULL,
	    "allowed: alice@a.example, alice+*@a.example, \"x y\"@a.example, "
	    "*@*.b.example, alice@xn--b-eha.example; see" },
	{ RULES, &alice, "alice@b\xc3\xbc.example", "b",
	    "alice@xn--b-eha.example" },
	{ RULES, &alice, "", NULL, "null sender" },
	{ RULES, &bob, "", "b", "" },
	{ RULES, &bob, "bob@xn--b-eha.example", "b",
	    "bob@xn--b-eha.example" },
	{ RULES, &bob, "bob@c.example", NULL,
	    "allowed: <>, bob@xn--b-eha.example; see" },
	{ RULES, &root, "x@c.example", "default", "x@c.example" },
	{ RULES, &root, "root@xn--b-eha.example", "b",
	    "root@xn--b-eha.example" },
	{ RULES, &tcp, "", NULL, "may not use this service" },
	{ "trust-loopback = yes\n" RULES, &tcp, "", "b", "" },
	{ "trust-loopback = yes\n" RULES, &tcp, "a@c.example", NULL,
	    "who does not log in may not send as a@c.example; allowed: <>" },
	{ "trust-loopback = yes\n" TWO, &tcp, "a@shop.example", "shop",
	    "a@shop.example" },
	{ "trust-loopback = yes\n" TWO, &tcp, "a", "default",
	    "a@work.example" },
	{ "trust-loopback = yes\n" TWO, &tcp, "", NULL, "null sender" },
	/* any address is not the null sender, and no login name no address */
	{ "allow-sender = *: *\n", &alice, "x@y.example", "default",
	    "x@y.example" },
	{ "allow-sender = *: *\n", &alice, "", NULL, "allowed: *; see" },
	{ "allow-users = 4242\nallow-sender = 4242: %U@x.example *@y.example\n",
	    &unnamed, "%U@x.example", NULL, "allowed: *@y.example; see" },
	{ "allow-users = 4242\nallow-sender = 4242: %U@x.example *@y.example\n",
	    &unnamed, "q@y.example", "default", "q@y.example" },
	{ "allow-sender = no-such-user-here: *\n" PLAIN, &alice, "alice",
	    "default", "alice@work.example" },
};

static struct mc_str
part(const char *sender, bool want_domain)
{
	struct mc_str s = mc_str_from(sender);
	const char *at = strrchr(sender, '@');
	size_t n = at == NULL ? s.len : (size_t)(at - sender);

	return want_domain ? mc_str_sub(s, n + 1, SIZE_MAX) :
	    mc_str_sub(s, 0, n);
}

static void
check_sender(struct set_up *s, const struct sender_case *c)
{
	const struct mc_account *account = NULL;
	struct mc_err err = { 0 };
	struct mc_buf out;
	int rc;

	mc_buf_init(&out, MC_MAX_PATH);
	rc = mc_policy_sender(s->policy, c->peer, part(c->sender, false),
	    part(c->sender, true), &account, &out, &err);
	if (c->account != NULL && (rc != 0 ||
	    strcmp(account->name, c->account) != 0 ||
	    strcmp(out.ptr, c->whole) != 0))
		fail_msg("%s\n%s: %s %s %s", c->text, c->sender,
		    account != NULL ? account->name : "-", out.ptr, err.text);
	if (c->account == NULL && (rc != -1 ||
	    err.code != MC_E_NOT_ALLOWED || account != NULL || out.len != 0 ||
	    strstr(err.text, c->whole) == NULL))
		fail_msg("%s\n%s: %d %s", c->text, c->sender, rc, err.text);
	mc_buf_clear(&out);
}

static void
test_sender(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(sender_cases); i++) {
		struct set_up s;

		set_up(&s, sender_cases[i].text);
		check_sender(&s, &sender_cases[i]);
		tear_down(&s);
	}
}

/* a login name can hold nearly anything, and must not become a pattern */
static void
test_hostile_logins(void **state)
{
	static const char *const logins[] = { "*", "a*", "a b", "a@b", "\"", "",
	    "a,b", "(a", "a\\" };
	static const char *const senders[] = { "x@w.example", "abc@w.example",
	    "a+x@w.example", "\"a b\"@w.example", "\"a@b\"@w.example" };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(logins); i++) {
		struct mc_peer peer = { true, 1000, logins[i], NULL, 0 };
		struct sender_case c = { "[account default]\n"
		    "allow-sender = 1000: %U@w.example %U+*@w.example\n",
		    &peer, NULL, NULL, "may not send as" };
		struct set_up s, plain;

		set_up(&s, c.text);
		set_up(&plain, "domain = w.example\n");
		for (size_t k = 0; k < MC_NELEM(senders); k++) {
			c.sender = senders[k];
			check_sender(&s, &c);
			check_sender(&plain, &c);
		}
		tear_down(&s);
		tear_down(&plain);
	}
}

static void
test_bad_senders(void **state)
{
	const struct mc_account *account = NULL;
	struct mc_err err = { 0 };
	struct mc_buf out;
	struct set_up s;

	(void)state;
	set_up(&s, PLAIN);
	mc_buf_init(&out, MC_MAX_PATH);
	assert_err(mc_policy_sender(s.policy, &alice, MC_STR("a b"),
	    MC_STR("x.example"), &account, &out, &err), err, MC_E_ADDR_SYNTAX);
	mc_buf_clear(&out);
	tear_down(&s);

	/* nothing that a bare one could be completed with */
	the_caller.hostname = the_caller.mailname = NULL;
	set_up(&s, "host = h.example\n");
	mc_buf_init(&out, MC_MAX_PATH);
	err = (struct mc_err){ 0 };
	assert_err(mc_policy_sender(s.policy, &alice, MC_STR("alice"),
	    MC_STR_NONE, &account, &out, &err), err, MC_E_ADDR_BARE);
	mc_buf_clear(&out);
	tear_down(&s);
	the_caller.hostname = "host.example";
	the_caller.mailname = "mail.example";

	/* accounts, but none of them the default one */
	set_up(&s, "[account a]\nfrom = *@a.example\ndomain = a.example\n"
	    "[account b]\n");
	mc_buf_init(&out, MC_MAX_PATH);
	err = (struct mc_err){ 0 };
	assert_err(mc_policy_sender(s.policy, &alice, MC_STR("alice"),
	    MC_STR_NONE, &account, &out, &err), err, MC_E_CONF_ACCOUNT);
	assert_int_equal(mc_policy_sender(s.policy, &alice, MC_STR("alice"),
	    MC_STR("a.example"), &account, &out, &err), 0);
	assert_string_equal(account->name, "a");
	mc_buf_clear(&out);
	tear_down(&s);
}

/* the text of a refusal is cut, whatever the rules are */
static void
test_long_list(void **state)
{
	static char text[20000] = "allow-sender = 1000:";
	struct sender_case c = { text, &alice, "x@q.example", NULL,
	    ", ...; see allow-sender" };
	struct set_up s;

	(void)state;
	for (size_t i = 0; i < 500; i++)
		(void)snprintf(text + strlen(text), 40, " %%U+%zu@r.example", i);
	text[strlen(text)] = '\n';
	set_up(&s, text);
	check_sender(&s, &c);
	c = (struct sender_case){ text, &alice, "alice+499@r.example",
	    "default", "alice+499@r.example" };
	check_sender(&s, &c);
	tear_down(&s);
}

static bool
without_memory(struct set_up *s, const struct sender_case *c, unsigned long n)
{
	const struct mc_account *account = NULL;
	struct mc_policy *policy = NULL;
	struct mc_err err = { 0 };
	struct mc_buf out;
	int rc;

	mc_buf_init(&out, MC_MAX_PATH);
	(void)failmalloc(n, false);
	rc = mc_policy_new(s->config, &the_caller, &the_log, &policy, &err);
	if (rc == 0)
		rc = mc_policy_sender(policy, c->peer, part(c->sender, false),
		    part(c->sender, true), &account, &out, &err);

	bool all = failmalloc(0, false) < n;

	if (!all && err.code != MC_E_NOMEM && rc != 0 &&
	    err.code != MC_E_NOT_ALLOWED)
		fail_msg("%s: %lu: %s", c->sender, n, err.text);
	/* no lack of memory lets in, or keeps out */
	if (rc == 0)
		assert_non_null(c->account);
	else if (err.code == MC_E_NOT_ALLOWED)
		assert_null(c->account);
	mc_policy_free(policy);
	mc_buf_clear(&out);
	return all;
}

static void
test_no_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(sender_cases); i++) {
		struct set_up s;
		unsigned long n = 1;

		set_up(&s, sender_cases[i].text);
		while (!without_memory(&s, &sender_cases[i], n))
			n++;
		assert_true(n > 2);
		tear_down(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_admits),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_unknown_names),
		cmocka_unit_test(test_sender),
		cmocka_unit_test(test_hostile_logins),
		cmocka_unit_test(test_bad_senders),
		cmocka_unit_test(test_long_list),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
