/* SPDX-License-Identifier: MIT */
/*
 * resolve.c - from collected names to recipients: aliases, domain, blindness
 */
#include "base/base.h"
#include "submission.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/alias.h"
#include "mail/mailbox.h"

struct resolve {
	struct mc_submission *sub;
	struct mc_aliases *aliases;	/* NULL: none */
	struct mc_envelope named;	/* what To and Cc name, in lower case */
	bool from_bcc;			/* of the one being resolved */
	const struct mc_raw_addr *raw;	/* the one being resolved, or NULL */
	bool make_named;		/* fill `named` instead of the envelope */
};

static struct mc_str
hostname(const struct mc_submission *sub)
{
	return mc_str_from(sub->caller->hostname);
}

static bool
is_name(struct mc_str domain, const char *name)
{
	return name != NULL && *name != '\0' &&
	    mc_str_eq_nocase(domain, mc_str_from(name));
}

/* name, name@localhost, name@hostname, name@mailname: all local names */
static bool
is_local(const struct mc_submission *sub, struct mc_str domain)
{
	return domain.len == 0 || is_name(domain, "localhost") ||
	    is_name(domain, sub->caller->hostname) ||
	    is_name(domain, sub->caller->mailname);
}

/* a name that the server is to find somebody for stays what it is */
static int
make(const struct mc_submission *sub, struct mc_str local,
    struct mc_str domain, struct mc_buf *out, struct mc_err *err)
{
	if (domain.len == 0 && mc_submission_is_bare(sub))
		return mc_mailbox_bare(local, out, err);
	return mc_mailbox_make(local, domain, out, err);
}

static void
lower(struct mc_buf *b)
{
	size_t i;

	for (i = 0; i < b->len; i++)
		b->ptr[i] = (char)mc_to_lower((unsigned char)b->ptr[i]);
}

static int
add_named(struct resolve *r, struct mc_buf *addr, struct mc_err *err)
{
	size_t ignored;

	lower(addr);
	return mc_envelope_add(&r->named, mc_buf_str(addr), false, &ignored,
	    err);
}

/*
 * What several ways to one address want told, since it is written to once.
 * Unspecified is failure and delay (RFC 3461 4.1); who never wants to know does
 * not keep it from the others.
 */
static unsigned
merge_notify(unsigned a, unsigned b)
{
	const unsigned usual = MC_NOTIFY_FAILURE | MC_NOTIFY_DELAY;

	if (a == b)
		return a;
	return ((a == 0 ? usual : a) | (b == 0 ? usual : b)) &
	    ~MC_NOTIFY_NEVER;
}

/*
 * The address that the submitter wrote, if an alias has made another of it;
 * *ret_text stays NULL if there is nothing to say.
 */
static int
original(struct resolve *r, const struct mc_rcpt *rcpt, char **ret_text,
    struct mc_err *err)
{
	struct mc_str local = mc_str_from(r->raw->local);
	struct mc_str domain = mc_str_from(r->raw->domain);
	struct mc_err why = { .code = MC_OK };
	struct mc_buf addr;
	int rc = 0;

	mc_buf_init(&addr, MC_MAX_PATH * 2);
	if (domain.len == 0 || mc_str_eq_nocase(domain, MC_STR("localhost")))
		domain = mc_str_from(r->sub->account->domain);
	if (domain.len == 0 && !mc_submission_is_bare(r->sub))
		domain = hostname(r->sub);
	if (r->raw->orcpt != NULL)
		mc_buf_addz(&addr, r->raw->orcpt);
	/* a name that makes no address tells nobody anything */
	else if (make(r->sub, local, domain, &addr, &why) != 0) {
		if (why.code == MC_E_NOMEM)
			rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
		goto out;
	}
	rc = mc_buf_err(&addr, "original recipient", err);
	if (rc != 0 || (r->raw->orcpt == NULL && mc_mailbox_eq(
	    mc_buf_str(&addr), mc_str_from(rcpt->addr))))
		goto out;
	*ret_text = mc_mem_strndup(addr.ptr, addr.len);
	if (*ret_text == NULL)
		rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
out:
	mc_buf_clear(&addr);
	return rc;
}

/*
 * Of several ways to one address the first one is named, but what the
 * submitter said of it, and the address itself, come before any alias:
 * whoever sees his own name learns nothing.
 */
static int
set_orcpt(struct resolve *r, struct mc_rcpt *rcpt, bool is_new,
    struct mc_err *err)
{
	bool given = r->raw->orcpt != NULL;
	char *text = NULL;

	if (original(r, rcpt, &text, err) != 0)
		return -1;
	if (is_new || (!rcpt->orcpt_given && (text == NULL || given))) {
		mc_mem_free(rcpt->orcpt);
		rcpt->orcpt = text;
		rcpt->orcpt_given = given;
	} else {
		mc_mem_free(text);
	}
	return 0;
}

/*
 * Who reads his mail may see by what address it came to him, and some servers
 * write that into the header: it must not be that of another recipient.  (An
 * alias may hand on what its own mailbox gets as well.)
 */
static void
hide_others(struct mc_envelope *env)
{
	for (size_t i = 0; i < env->rcpts.n; i++) {
		struct mc_rcpt *rcpt = mc_envelope_at(env, i);

		if (rcpt->orcpt == NULL || !mc_envelope_has(env,
		    mc_str_from(rcpt->orcpt)))
			continue;
		mc_mem_free(rcpt->orcpt);
		rcpt->orcpt = NULL;
	}
}

/* `was` recipients were there before this one */
static int
set_dsn(struct resolve *r, size_t i, size_t was, struct mc_err *err)
{
	struct mc_rcpt *rcpt = mc_envelope_at(&r->sub->env, i);
	unsigned notify = r->raw->notify != 0 ? r->raw->notify :
	    r->sub->notify;

	rcpt->notify = i < was ? merge_notify(rcpt->notify, notify) : notify;
	return set_orcpt(r, rcpt, i == was, err);
}

static int
add_rcpt(struct resolve *r, struct mc_buf *addr, struct mc_err *err)
{
	struct mc_envelope *env = &r->sub->env;
	struct mc_rcpt *rcpt;
	struct mc_buf low;
	size_t i, was = env->rcpts.n;
	bool blind;
	int rc;

	mc_buf_init(&low, MC_MAX_PATH * 2);
	mc_buf_add_str(&low, mc_buf_str(addr));
	rc = mc_buf_err(&low, "address", err);
	lower(&low);
	blind = !mc_envelope_has(&r->named, mc_buf_str(&low));
	mc_buf_clear(&low);
	if (rc != 0)
		return -1;
	if (mc_envelope_add(env, mc_buf_str(addr), blind, &i, err) != 0)
		return -1;
	rcpt = mc_envelope_at(env, i);
	rcpt->from_bcc = rcpt->from_bcc || r->from_bcc;
	return set_dsn(r, i, was, err);
}

/*
 * The domain of a bare name: the one that it was written with (a local name
 * without an alias), else the configured one.  Never a guess: the name would
 * go to a stranger.
 */
static struct mc_str
domain_for(const struct resolve *r, struct mc_str local)
{
	if (r->raw != NULL && r->raw->domain[0] != '\0' &&
	    strcasecmp(r->raw->domain, "localhost") != 0 &&
	    mc_str_eq(local, mc_str_from(r->raw->local)))
		return mc_str_from(r->raw->domain);
	return mc_str_from(r->sub->account->domain);
}

/* the local service might know the name */
static const char *
hint(const struct mc_submission *sub)
{
	const struct mc_account *a = sub->account;

	return a->host == NULL && a->no_host != NULL ? a->no_host : "";
}

/* an address in full, or a bare name that takes a domain or fails */
static int
settle(void *ctx, struct mc_str local, struct mc_str domain,
    struct mc_err *err)
{
	struct resolve *r = ctx;
	struct mc_buf addr;
	int rc = -1;

	mc_buf_init(&addr, MC_MAX_PATH * 2);
	if (domain.len == 0 || mc_str_eq_nocase(domain, MC_STR("localhost")))
		domain = domain_for(r, local);
	if (domain.len == 0 && !mc_submission_is_bare(r->sub)) {
		(void)mc_err_set(err, MC_E_ADDR_BARE, MC_STAGE_LOCAL,
		    "\"%.*s\" is no full address: give it a line in the "
		    "aliases file, or set domain in the configuration%s",
		    MC_STR_FMT(local), hint(r->sub));
		goto out;
	}
	if (make(r->sub, local, domain, &addr, err) != 0)
		goto out;
	rc = r->make_named ? add_named(r, &addr, err) :
	    add_rcpt(r, &addr, err);
out:
	mc_buf_clear(&addr);
	return rc;
}

static int
resolve_one(struct resolve *r, const struct mc_raw_addr *raw,
    struct mc_err *err)
{
	struct mc_str local = mc_str_from(raw->local);
	struct mc_str domain = mc_str_from(raw->domain);

	int rc;

	r->from_bcc = raw->from_bcc;
	r->raw = raw;
	if (r->aliases != NULL && !raw->no_alias && is_local(r->sub, domain))
		rc = mc_aliases_expand(r->aliases, local, hostname(r->sub),
		    settle, r, err);
	else
		rc = settle(r, local, domain, err);
	r->raw = NULL;
	return rc;
}

/* what the reader of the message sees; what cannot be made is not named */
static int
on_visible(void *ctx, enum mc_rcpt_kind kind, const struct mc_addr *addr,
    struct mc_err *err)
{
	struct resolve *r = ctx;
	struct mc_err local = { 0 };

	(void)kind;
	if (settle(r, addr->local, addr->domain, &local) == 0 ||
	    local.code != MC_E_NOMEM)
		return 0;
	if (err != NULL)
		*err = local;
	return -1;
}

static int
on_header_rcpt(void *ctx, enum mc_rcpt_kind kind, const struct mc_addr *addr,
    struct mc_err *err)
{
	struct resolve *r = ctx;
	struct mc_raw_addr raw = { 0 };
	int rc;

	if (mc_raw_addr_set(&raw, addr->local, addr->domain, err) != 0)
		return -1;
	raw.from_bcc = kind == MC_RCPT_BCC;
	raw.no_alias = addr->no_alias;
	rc = resolve_one(r, &raw, err);
	mc_raw_addr_clear(&raw);
	return rc;
}

static int
resolve_all(struct resolve *r, struct mc_err *err)
{
	struct mc_submission *sub = r->sub;
	size_t i;

	r->make_named = true;
	if (mc_fixup_visible(&sub->message.header, on_visible, r, err) != 0)
		return -1;
	r->make_named = false;
	for (i = 0; i < sub->raw.n; i++)
		if (resolve_one(r, mc_vec_at(&sub->raw, i), err) != 0)
			return -1;
	if (sub->header_rcpts && mc_fixup_recipients(&sub->message.header,
	    on_header_rcpt, r, err) != 0)
		return -1;
	if (sub->env.rcpts.n == 0)
		return mc_err_set(err, MC_E_NO_RCPT, MC_STAGE_LOCAL,
		    sub->header_rcpts ? "no recipients: the header names none "
		    "in To, Cc or Bcc, and none were given as arguments" :
		    "no recipients: give them as arguments, or use -t to take "
		    "them from the header");
	hide_others(&sub->env);
	return 0;
}

int
mc_submission_resolve(struct mc_submission *sub, struct mc_err *err)
{
	struct resolve r = { .sub = sub };
	int rc = -1;

	mc_envelope_init(&r.named);
	if (sub->account->aliases != NULL && !sub->no_aliases &&
	    mc_aliases_load(sub->account->aliases, &r.aliases, err) != 0)
		goto out;
	rc = resolve_all(&r, err);
out:
	mc_aliases_free(r.aliases);
	mc_envelope_clear(&r.named);
	return rc;
}
