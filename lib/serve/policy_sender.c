/* SPDX-License-Identifier: MIT */
/*
 * policy_sender.c - the account for a sender, if the peer may use it
 */
#include "base/base.h"

#include "serve/policy.h"

#include "base/err.h"
#include "base/limits.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "serve/policy_internal.h"

/* a pattern with the login name in it */
#define PATTERN MC_MAX_CONFIG_LINE
/* of the list in an error text */
#define SHOWN 300

/* one question, and what is worked out for it */
struct asking {
	const struct mc_policy *policy;
	const struct mc_peer *peer;
	struct mc_str local;
	struct mc_str domain;
	bool is_null;
	struct mc_buf sender;	/* whole, as far as it is known */
	struct mc_buf other;	/* with the domain as A-labels, if need be */
	struct mc_buf pattern;
	const struct mc_account *account;	/* the answer */
};

/* ------------------------------------------------------------------ the names */

/*
 * In a pattern '*' would stand for anything, and what needs quotes in an address
 * would end somewhere else.
 */
static bool
is_plain(const char *login)
{
	static const char marks[] = "!#$%&'+-/=?^_`{|}~.";

	if (login == NULL || *login == '\0')
		return false;
	for (; *login != '\0'; login++) {
		unsigned char c = (unsigned char)*login;

		if (c < 0x80 && !mc_is_alnum(c) && strchr(marks, c) == NULL)
			return false;
	}
	return true;
}

static struct mc_str
domain_of(struct mc_str addr)
{
	return mc_str_sub(addr, mc_mailbox_at(addr) + 1, SIZE_MAX);
}

/* the i-th domain that is one's own with an account; false behind the last */
static bool
own_domain(const struct asking *q, const struct mc_account *account, size_t i,
    struct mc_str *ret_domain)
{
	switch (i) {
	case 0:
		*ret_domain = mc_str_from(account->domain);
		return true;
	case 1:
		*ret_domain = domain_of(mc_account_from(account));
		return true;
	case 2:
		*ret_domain = mc_str_from(q->policy->caller->mailname);
		return true;
	case 3:
		*ret_domain = mc_str_from(q->policy->caller->hostname);
		return true;
	default:
		return false;
	}
}

static struct mc_str
first_domain(const struct asking *q, const struct mc_account *account)
{
	struct mc_str domain = MC_STR_NONE;

	for (size_t i = 0; domain.len == 0 &&
	    own_domain(q, account, i, &domain); i++)
		continue;
	return domain;
}

/* ----------------------------------------------------------------- the sender */

/*
 * An address whose local part is outside ASCII keeps U-labels; patterns have
 * A-labels.
 */
static int
set_other(struct asking *q, struct mc_err *err)
{
	struct mc_str sender = mc_buf_str(&q->sender);
	struct mc_str domain = domain_of(sender);
	struct mc_err why = { .code = MC_OK };

	mc_buf_reset(&q->other);
	if (mc_str_is_ascii(domain))
		return 0;
	mc_buf_add_str(&q->other, mc_str_sub(sender, 0,
	    mc_mailbox_at(sender) + 1));
	if (mc_idna_host(domain, false, &q->other, &why) == 0)
		return mc_buf_err(&q->other, "sender", err);
	mc_buf_reset(&q->other);
	return why.code == MC_E_NOMEM ? mc_err_set(err, MC_E_NOMEM,
	    MC_STAGE_LOCAL, NULL) : 0;
}

/* the sender as it is with an account, which matters for a bare one alone */
static int
complete(struct asking *q, const struct mc_account *account,
    struct mc_err *err)
{
	struct mc_str domain = q->domain;

	if (q->is_null || (q->domain.len != 0 && q->sender.len != 0))
		return 0;
	if (domain.len == 0)
		domain = first_domain(q, account);
	if (domain.len == 0)
		return mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_LOCAL,
		    "the sender has no domain, and neither has the account "
		    "or this host");
	mc_buf_reset(&q->sender);
	if (mc_mailbox_make(q->local, domain, &q->sender, err) != 0)
		return -1;
	return set_other(q, err);
}

/* ---------------------------------------------------------------------- rules */

/*
 * 1 with the pattern in q->pattern, the login name in place of %U; 0 where
 * there is none to put there
 */
static int
expand(struct asking *q, struct mc_str pattern, struct mc_err *err)
{
	const char *login = q->peer->login;
	size_t i = 0;

	mc_buf_reset(&q->pattern);
	for (; i < pattern.len; i++) {
		if (!mc_str_eq(mc_str_sub(pattern, i, 2), MC_STR("%U"))) {
			mc_buf_addc(&q->pattern, pattern.ptr[i]);
			continue;
		}
		if (!is_plain(login))
			return 0;
		mc_buf_addz(&q->pattern, login);
		i++;
	}
	return mc_buf_err(&q->pattern, "a rule of allow-sender", err) == 0 ?
	    1 : -1;
}

/* 1, 0, or -1 with err */
static int
fits(struct asking *q, struct mc_str pattern, struct mc_err *err)
{
	bool null_rule = mc_str_eq(pattern, MC_STR("<>"));
	struct mc_str p;
	int rc;

	if (q->is_null || null_rule)
		return q->is_null && null_rule;
	rc = expand(q, pattern, err);
	if (rc != 1)
		return rc;
	p = mc_buf_str(&q->pattern);
	return mc_mailbox_match(p, mc_buf_str(&q->sender)) ||
	    (q->other.len != 0 && mc_mailbox_match(p, mc_buf_str(&q->other)));
}

static int
fits_rule(struct asking *q, const struct mc_policy_rule *rule,
    struct mc_err *err)
{
	struct mc_str rest = rule->patterns;
	struct mc_str pattern;
	int rc = complete(q, rule->account, err);

	while (rc == 0 && mc_allow_next_pattern(&rest, &pattern))
		rc = fits(q, pattern, err);
	return rc;
}

static const struct mc_policy_rule *
rule_for(const struct asking *q, size_t i)
{
	const struct mc_policy_rule *rule = mc_vec_at(&q->policy->rules, i);

	return mc_policy_is_one(q->policy, q->peer, rule->who, rule->n) ?
	    rule : NULL;
}

/* 1: by q->account; 0: by none of them; *ret_named: there is one for the peer */
static int
ask_rules(struct asking *q, bool *ret_named, struct mc_err *err)
{
	int rc = 0;

	*ret_named = false;
	for (size_t i = 0; rc == 0 && i < q->policy->rules.n; i++) {
		const struct mc_policy_rule *rule = rule_for(q, i);

		if (rule == NULL)
			continue;
		*ret_named = true;
		rc = fits_rule(q, rule, err);
		if (rc == 1)
			q->account = rule->account;
	}
	return rc;
}

/* ------------------------------------------------------------------- refusing */

/* "alice", or "user 1234" */
static void
add_peer(const struct asking *q, struct mc_buf *out)
{
	if (!q->peer->has_uid)
		mc_buf_addz(out, "who does not log in");
	else if (q->peer->login != NULL)
		mc_buf_addz(out, q->peer->login);
	else
		mc_buf_addf(out, "user %lu", (unsigned long)q->peer->uid);
}

/* false when there is no room for more */
static bool
add_shown(struct mc_buf *out, struct mc_str one)
{
	bool first = out->len == 0;

	if (out->len + one.len > SHOWN) {
		mc_buf_addz(out, first ? "..." : ", ...");
		return false;
	}
	mc_buf_addz(out, first ? "" : ", ");
	mc_buf_add_str(out, one);
	return true;
}

/* of the peer's own rules, those of others are nobody's business */
static void
show_rules(struct asking *q, struct mc_buf *out)
{
	bool room = true;

	for (size_t i = 0; room && i < q->policy->rules.n; i++) {
		const struct mc_policy_rule *rule = rule_for(q, i);
		struct mc_str rest = rule != NULL ? rule->patterns :
		    MC_STR_NONE;
		struct mc_str pattern;

		while (room && mc_allow_next_pattern(&rest, &pattern))
			if (expand(q, pattern, NULL) == 1)
				room = add_shown(out, mc_buf_str(&q->pattern));
	}
}

/* "LOGIN@DOMAIN" into `out`; nothing where there is none.  -1: no memory */
static int
own_address(const struct asking *q, struct mc_str domain, struct mc_buf *out,
    struct mc_err *err)
{
	const char *login = q->peer->login;
	struct mc_err why = { .code = MC_OK };

	mc_buf_reset(out);
	if (login == NULL || domain.len == 0 || mc_mailbox_make(
	    mc_str_from(login), domain, out, &why) == 0)
		return 0;
	mc_buf_reset(out);
	return why.code != MC_E_NOMEM ? 0 : mc_err_set(err, MC_E_NOMEM,
	    MC_STAGE_LOCAL, NULL);
}

static int
refuse(struct asking *q, bool named, const struct mc_account *account,
    struct mc_err *err)
{
	struct mc_buf who, allowed;
	int rc;

	mc_buf_init(&who, MC_ERR_TEXT);
	mc_buf_init(&allowed, 2 * MC_ERR_TEXT);
	add_peer(q, &who);
	if (named)
		show_rules(q, &allowed);
	else if (account != NULL && own_address(q, first_domain(q, account),
	    &allowed, NULL) != 0)
		mc_buf_reset(&allowed);
	rc = mc_err_set(err, MC_E_NOT_ALLOWED, MC_STAGE_LOCAL,
	    "%.*s may not %s%.*s; allowed: %s; see allow-sender",
	    MC_STR_FMT(mc_buf_str(&who)),
	    q->is_null ? "use the null sender" : "send as ",
	    MC_STR_FMT(mc_buf_str(&q->sender)),
	    allowed.len != 0 ? allowed.ptr : "nothing");
	mc_buf_clear(&who);
	mc_buf_clear(&allowed);
	return rc;
}

/* --------------------------------------------------------------- without rules */

static int
choose(struct asking *q, struct mc_err *err)
{
	const struct mc_account *standard = NULL;
	const char *rule;

	/* a bare one gets the domain before it chooses */
	if (q->domain.len == 0 && !q->is_null && mc_config_find(
	    q->policy->config, NULL, &standard, err) != 0)
		return -1;
	if (complete(q, standard, err) != 0)
		return -1;
	return mc_config_choose(q->policy->config, mc_buf_str(&q->sender),
	    MC_STR_NONE, &q->account, &rule, err);
}

/* LOGIN@DOMAIN, or LOGIN+anything@DOMAIN */
static bool
is_own(const struct asking *q, struct mc_str sender, struct mc_str own)
{
	size_t at = mc_mailbox_at(sender), own_at = mc_mailbox_at(own);
	struct mc_str local = mc_str_sub(sender, 0, at);
	struct mc_str name = mc_str_sub(own, 0, own_at);

	if (!mc_str_eq_nocase(mc_str_sub(sender, at, SIZE_MAX),
	    mc_str_sub(own, own_at, SIZE_MAX)))
		return false;
	if (mc_str_eq_nocase(local, name))
		return true;
	return is_plain(q->peer->login) && local.len > name.len &&
	    mc_str_starts_nocase(local, name) && local.ptr[name.len] == '+';
}

/* 1, 0, or -1 with err */
static int
is_own_sender(struct asking *q, struct mc_err *err)
{
	struct mc_str domain;
	bool own = false;

	for (size_t i = 0; !own && own_domain(q, q->account, i, &domain);
	    i++) {
		if (own_address(q, domain, &q->pattern, err) != 0)
			return -1;
		own = q->pattern.len != 0 &&
		    (is_own(q, mc_buf_str(&q->sender),
		    mc_buf_str(&q->pattern)) || is_own(q,
		    mc_buf_str(&q->other), mc_buf_str(&q->pattern)));
	}
	return own;
}

static int
ask_without_rules(struct asking *q, struct mc_err *err)
{
	const struct mc_config *config = q->policy->config;
	const struct mc_account *standard = NULL;
	int rc;

	if (q->is_null)
		return refuse(q, false, NULL, err);
	if (q->domain.len == 0 && mc_config_choose_open(config, MC_STR_NONE,
	    &standard, err) != 0)
		return -1;
	if (complete(q, standard, err) != 0 || mc_config_choose_open(config,
	    mc_buf_str(&q->sender), &q->account, err) != 0)
		return -1;
	rc = is_own_sender(q, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	return refuse(q, false, q->account, err);
}

/* ----------------------------------------------------------------------- entry */

static int
ask(struct asking *q, struct mc_err *err)
{
	bool named;
	int rc;

	if (!mc_policy_admits(q->policy, q->peer))
		return mc_err_set(err, MC_E_NOT_ALLOWED, MC_STAGE_LOCAL,
		    "you may not use this service; see allow-users");
	rc = ask_rules(q, &named, err);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	if (mc_policy_is_free(q->policy, q->peer))
		return choose(q, err);
	if (!q->peer->has_uid && !q->policy->loopback_named && !q->is_null)
		return choose(q, err);
	if (named || !q->peer->has_uid)
		return refuse(q, named, NULL, err);
	return ask_without_rules(q, err);
}

int
mc_policy_sender(const struct mc_policy *policy, const struct mc_peer *peer,
    struct mc_str local, struct mc_str domain,
    const struct mc_account **ret_account, struct mc_buf *out,
    struct mc_err *err)
{
	struct asking q = { .policy = policy, .peer = peer, .local = local,
	    .domain = domain, .is_null = local.len == 0 && domain.len == 0 };
	int rc;

	mc_buf_init(&q.sender, 2 * MC_MAX_PATH);
	mc_buf_init(&q.other, 4 * MC_MAX_PATH);
	mc_buf_init(&q.pattern, PATTERN);
	rc = ask(&q, err);
	if (rc == 0) {
		mc_buf_add_str(out, mc_buf_str(&q.sender));
		rc = mc_buf_err(out, "sender", err);
	}
	if (rc == 0)
		*ret_account = q.account;
	mc_buf_clear(&q.sender);
	mc_buf_clear(&q.other);
	mc_buf_clear(&q.pattern);
	return rc;
}
