/* SPDX-License-Identifier: MIT */
/*
 * choose.c - find an account by its name or by the sender
 */
#include "base/base.h"
#include "base/buf.h"
#include "base/limits.h"
#include "config/conf.h"
#include "mail/idna.h"
#include "mail/mailbox.h"

#define MAX_LIST 200		/* bytes of names in an error text */

static void
add_names(const struct mc_config *config, struct mc_buf *b)
{
	for (size_t i = 0; i < config->n_accts; i++) {
		const char *name = config->accts[i].a.name;

		if (b->len + strlen(name) > MAX_LIST) {
			mc_buf_addz(b, ", ...");
			return;
		}
		mc_buf_addf(b, "%s%s", i == 0 ? "" : ", ", name);
	}
}

static int
no_account(const struct mc_config *config, const char *name,
    struct mc_err *err)
{
	struct mc_buf names;
	int rc;

	mc_buf_init(&names, 2 * MAX_LIST);
	add_names(config, &names);
	rc = mc_buf_err(&names, "list of accounts", err);
	if (rc == 0 && name != NULL)
		rc = mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "no account \"%s\"; there is: %s", name, names.ptr);
	else if (rc == 0 && config->env.account != NULL)
		rc = mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "MAILCHUTE_ACCOUNT names \"%s\", which is no account;"
		    " there is: %s", config->env.account, names.ptr);
	else if (rc == 0)
		rc = mc_err_set(err, MC_E_CONF_ACCOUNT, MC_STAGE_CONFIG,
		    "no account is named \"default\": name one of %s with -a"
		    " or MAILCHUTE_ACCOUNT", names.ptr);
	mc_buf_clear(&names);
	return rc;
}

int
mc_accounts_find(const struct mc_config *config, const char *name,
    const struct mc_acct **ret_acct, struct mc_err *err)
{
	size_t i = config->def;

	if (name != NULL) {
		for (i = 0; i < config->n_accts; i++) {
			if (strcmp(config->accts[i].a.name, name) == 0)
				break;
		}
	}
	if (i >= config->n_accts)
		return no_account(config, name, err);
	*ret_acct = &config->accts[i];
	return 0;
}

int
mc_config_find(const struct mc_config *config, const char *name,
    const struct mc_account **ret_account, struct mc_err *err)
{
	const struct mc_acct *acct = NULL;

	if (mc_accounts_find(config, name, &acct, err) != 0)
		return -1;
	*ret_account = &acct->a;
	return 0;
}

/*
 * How well do the patterns fit?  0: not at all; more for a longer pattern,
 * most for an exact address.
 */
static size_t
fit(const char *patterns, struct mc_str addr)
{
	struct mc_str rest = mc_str_from(patterns);
	struct mc_str pattern;
	size_t best = 0;

	while (mc_value_next_from(&rest, &pattern)) {
		bool exact = mc_str_chr(pattern, '*') == pattern.len;
		size_t worth = exact ? SIZE_MAX : pattern.len;

		if (worth > best && mc_mailbox_match(pattern, addr))
			best = worth;
	}
	return best;
}

/*
 * Patterns hold domains as A-labels.  An address with a local part outside
 * ASCII keeps U-labels, so it is tried in both forms.
 */
static size_t
fit_any(const char *patterns, struct mc_str addr)
{
	size_t best = 0;
	size_t at = mc_mailbox_at(addr);
	struct mc_str domain = mc_str_sub(addr, at + 1, SIZE_MAX);

	if (patterns == NULL || addr.len == 0)
		return 0;
	best = fit(patterns, addr);
	if (best == 0 && !mc_str_is_ascii(domain)) {
		struct mc_buf other;

		mc_buf_init(&other, MC_MAX_PATH * 4);
		mc_buf_add_str(&other, mc_str_sub(addr, 0, at + 1));
		if (mc_idna_host(domain, false, &other, NULL) == 0 &&
		    other.err == 0)
			best = fit(patterns, mc_buf_str(&other));
		mc_buf_clear(&other);
	}
	return best;
}

/* open: only those without allow-sender */
static const struct mc_acct *
best_fit(const struct mc_config *config, struct mc_str addr, bool open,
    bool *ret_exact)
{
	const struct mc_acct *found = NULL;
	size_t best = 0;

	for (size_t i = 0; i < config->n_accts; i++) {
		const struct mc_acct *acct = &config->accts[i];
		size_t worth = fit_any(acct->match, addr);

		if (worth <= best || (open && acct->a.allow_sender != NULL))
			continue;
		best = worth;
		found = &config->accts[i];
	}
	*ret_exact = best == SIZE_MAX;
	return found;
}

int
mc_config_choose(const struct mc_config *config, struct mc_str sender,
    struct mc_str header_from, const struct mc_account **ret_account,
    const char **ret_rule, struct mc_err *err)
{
	const struct mc_acct *acct = NULL;
	const char *rule;
	bool exact;

	acct = best_fit(config, sender, false, &exact);
	rule = exact ? "its from names the envelope sender" :
	    "a pattern in its from fits the envelope sender";
	if (acct == NULL) {
		acct = best_fit(config, header_from, false, &exact);
		rule = exact ? "its from names the address in From" :
		    "a pattern in its from fits the address in From";
	}
	if (acct == NULL) {
		if (mc_accounts_find(config, NULL, &acct, err) != 0)
			return -1;
		rule = config->n_accts == 1 ? "the only account" :
		    config->env.account != NULL ?
		    "the account that MAILCHUTE_ACCOUNT names" :
		    "the default account";
	}
	*ret_account = &acct->a;
	*ret_rule = rule;
	return 0;
}

int
mc_config_choose_open(const struct mc_config *config, struct mc_str sender,
    const struct mc_account **ret_account, struct mc_err *err)
{
	bool exact;
	const struct mc_acct *acct = best_fit(config, sender, true, &exact);

	if (acct == NULL && mc_accounts_find(config, NULL, &acct, err) != 0)
		return -1;
	*ret_account = &acct->a;
	return 0;
}

struct mc_str
mc_account_from(const struct mc_account *account)
{
	struct mc_str rest = mc_str_from(account->from);
	struct mc_str element;

	while (mc_value_next_from(&rest, &element)) {
		if (mc_str_chr(element, '*') == element.len)
			return element;
	}
	return MC_STR_NONE;
}

bool
mc_account_owns(const struct mc_account *account, struct mc_str addr)
{
	return fit_any(account->from, addr) != 0;
}
