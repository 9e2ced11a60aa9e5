/* SPDX-License-Identifier: MIT */
/*
 * policy.c - reading the rules, and who is meant by them
 */
#include "base/base.h"

#include "serve/policy.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "serve/names.h"
#include "serve/policy_internal.h"

#include <fcntl.h>

/* words in all lists together; a configuration has room for fewer */
#define MOST_WHOS (1024 * 1024)
#define MOST_RULES (1024 * 1024)

/* what the kernel shows of ids that it cannot map; see user_namespaces(7) */
#define OVERFLOW_UID "/proc/sys/kernel/overflowuid"
#define OVERFLOW_GID "/proc/sys/kernel/overflowgid"
#define OVERFLOW_ID 65534

/* what is being read */
struct reading {
	struct mc_policy *policy;
	const struct mc_log *log;	/* NULL: told already */
	const char *account;
	enum mc_key_id key;
};

static int
nomem(struct mc_err *err)
{
	return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
}

/* ------------------------------------------------------------------ reading */

static unsigned long
overflow_id(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t id = OVERFLOW_ID;
	char text[32];
	ssize_t n;

	if (fd < 0)
		return OVERFLOW_ID;
	n = read(fd, text, sizeof(text));
	(void)close(fd);
	if (n <= 0 || mc_num_u64(mc_str_trim(mc_str_make(text, (size_t)n)),
	    UINT32_MAX, &id) != 0)
		return OVERFLOW_ID;
	return (unsigned long)id;
}

static void
warn(const struct reading *r, struct mc_str word, const char *what)
{
	struct mc_value value;

	if (r->log == NULL || mc_config_value(r->policy->config, r->account,
	    (size_t)r->key, &value, NULL) != 0)
		return;
	mc_log_line(r->log, MC_LOG_WARN, MC_STAGE_CONFIG,
	    "%s: %s: there is no %s \"%.*s\" on this host: the name fits "
	    "nobody", value.origin, value.key, what, MC_STR_FMT(word));
}

/* -1: out of memory */
static int
look_up(const struct reading *r, const struct mc_who *who,
    struct mc_policy_who *w)
{
	uid_t uid = 0;
	gid_t gid = 0;
	int rc = 1;

	w->kind = who->kind;
	w->id = who->id;
	if (who->kind == MC_WHO_USER) {
		rc = mc_serve_user(who->name, &uid);
		w->kind = MC_WHO_UID;
		w->id = uid;
	} else if (who->kind == MC_WHO_GROUP) {
		rc = mc_serve_group(who->name, &gid);
		w->kind = MC_WHO_GID;
		w->id = gid;
	}
	w->nobody = rc != 1;
	if (rc == 0)
		warn(r, who->name, who->kind == MC_WHO_USER ? "user" : "group");
	return rc < 0 ? -1 : 0;
}

/* words in normal form, separated by blanks */
static int
add_whos(const struct reading *r, struct mc_str words, size_t *ret_n,
    struct mc_err *err)
{
	struct mc_policy *p = r->policy;
	struct mc_policy_who *w;
	struct mc_str word;
	struct mc_who who;
	size_t n = 0;

	for (; mc_str_next_token(&words, " ", &word); n++) {
		if (mc_who_parse(word, &who, err) != 0)
			return -1;
		w = mc_vec_add(&p->whos);
		if (w == NULL || look_up(r, &who, w) != 0)
			return nomem(err);
		if (w->kind == MC_WHO_LOOPBACK)
			p->loopback_named = true;
	}
	*ret_n = n;
	return 0;
}

static int
add_rules(const struct reading *r, const struct mc_account *account,
    struct mc_err *err)
{
	struct mc_policy *p = r->policy;
	struct mc_str rest = mc_str_from(account->allow_sender);
	struct mc_str whos, patterns;

	while (mc_allow_next_rule(&rest, &whos, &patterns)) {
		struct mc_policy_rule *rule = mc_vec_add(&p->rules);

		if (rule == NULL)
			return nomem(err);
		rule->account = account;
		rule->patterns = patterns;
		rule->who = p->whos.n;
		if (add_whos(r, whos, &rule->n, err) != 0)
			return -1;
	}
	return 0;
}

static int
read_accounts(struct reading *r, const struct mc_log *log, struct mc_err *err)
{
	const struct mc_config *config = r->policy->config;
	const char *told = NULL;
	const struct mc_account *a;

	r->key = MC_K_allow_sender;
	for (size_t i = 0; (r->account = mc_config_account(config, i)) != NULL;
	    i++) {
		if (mc_config_find(config, r->account, &a, err) != 0)
			return -1;
		/* one before the first section is the same in all of them */
		r->log = a->allow_sender != told ? log : NULL;
		told = a->allow_sender;
		if (add_rules(r, a, err) != 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct mc_policy *p, const struct mc_log *log, struct mc_err *err)
{
	struct reading r = { .policy = p, .log = log, .key = MC_K_allow_users,
	    .account = mc_config_account(p->config, 0) };
	const struct mc_account *a;

	/* keys before the first section are the same in every account */
	if (mc_config_find(p->config, r.account, &a, err) != 0 ||
	    add_whos(&r, mc_str_from(a->allow_users), &p->n_users, err) != 0)
		return -1;
	p->trust_loopback = a->trust_loopback;
	return read_accounts(&r, log, err);
}

int
mc_policy_new(const struct mc_config *config, const struct mc_caller *caller,
    const struct mc_log *log, struct mc_policy **ret_policy,
    struct mc_err *err)
{
	struct mc_policy *p = mc_mem_zalloc(1, sizeof(*p));

	if (p == NULL)
		return nomem(err);
	p->config = config;
	p->caller = caller;
	p->own = (uid_t)caller->uid;
	p->overflow_uid = (uid_t)overflow_id(OVERFLOW_UID);
	p->overflow_gid = (gid_t)overflow_id(OVERFLOW_GID);
	mc_vec_init(&p->whos, sizeof(struct mc_policy_who), MOST_WHOS);
	mc_vec_init(&p->rules, sizeof(struct mc_policy_rule), MOST_RULES);
	if (read_all(p, log, err) != 0) {
		mc_policy_free(p);
		return -1;
	}
	*ret_policy = p;
	return 0;
}

void
mc_policy_free(struct mc_policy *policy)
{
	if (policy == NULL)
		return;
	mc_vec_clear(&policy->whos);
	mc_vec_clear(&policy->rules);
	mc_mem_free(policy);
}

/* --------------------------------------------------------------------- peers */

static bool
is_real(const struct mc_policy *policy, const struct mc_peer *peer)
{
	return peer->has_uid && peer->uid != (uid_t)-1 &&
	    peer->uid != policy->overflow_uid && peer->uid != OVERFLOW_ID;
}

bool
mc_policy_is_free(const struct mc_policy *policy, const struct mc_peer *peer)
{
	return is_real(policy, peer) &&
	    (peer->uid == 0 || peer->uid == policy->own);
}

static bool
is_member(const struct mc_policy *policy, const struct mc_peer *peer,
    unsigned long gid)
{
	if (gid == policy->overflow_gid || gid == OVERFLOW_ID)
		return false;
	for (size_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == gid)
			return true;
	return false;
}

static bool
is_meant(const struct mc_policy *policy, const struct mc_peer *peer,
    const struct mc_policy_who *w)
{
	if (w->nobody)
		return false;
	switch (w->kind) {
	case MC_WHO_UID:
		return is_real(policy, peer) && peer->uid == w->id;
	case MC_WHO_GID:
		return is_real(policy, peer) && is_member(policy, peer, w->id);
	case MC_WHO_ALL:
		return is_real(policy, peer) && peer->login != NULL;
	case MC_WHO_LOOPBACK:
		return !peer->has_uid;
	case MC_WHO_USER:
	case MC_WHO_GROUP:
		break;
	}
	return false;
}

bool
mc_policy_is_one(const struct mc_policy *policy, const struct mc_peer *peer,
    size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++)
		if (is_meant(policy, peer, mc_vec_at(&policy->whos, i)))
			return true;
	return false;
}

bool
mc_policy_admits(const struct mc_policy *policy, const struct mc_peer *peer)
{
	if (!peer->has_uid)
		return policy->trust_loopback;
	return mc_policy_is_free(policy, peer) ||
	    mc_policy_is_one(policy, peer, 0, policy->n_users);
}
