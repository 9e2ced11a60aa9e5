/* SPDX-License-Identifier: MIT */
/*
 * sign.c - an account's DKIM keys, and signatures made with them
 */
#include "base/base.h"
#include "transport/sign.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <sys/stat.h>

#define MOST_KEY 65536

/* -------------------------------------------------------------------- files */

static int
check_file(const char *file, mode_t mode, uid_t owner, unsigned long uid,
    struct mc_err *err)
{
	if (owner != 0 && (unsigned long)owner != uid)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "dkim-key: %s belongs to user %lu, neither to you nor to "
		    "root: chown it", file, (unsigned long)owner);
	if ((mode & (S_IRWXO | S_IWGRP)) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_CONFIG,
		    "dkim-key: others may read or write %s: run chmod 600 %s",
		    file, file);
	return 0;
}

static const char *
remedy(int sys)
{
	return sys == ENOENT ? " (\"mailchute dkim keygen\" makes one)" :
	    sys == EACCES ? " (it must belong to the user who sends, who may "
	    "be that of the service)" : "";
}

int
mc_dkim_read_key(const struct mc_dkim_ops *ops, const char *file,
    unsigned long uid, struct mc_dkim_key **ret_key, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_buf text;
	mode_t mode;
	uid_t owner;
	int rc = -1;

	mc_buf_init_secret(&text, MOST_KEY);
	if (mc_file_slurp(file, &text, &mode, &owner, &why) == 0) {
		if (check_file(file, mode, owner, uid, err) == 0)
			rc = ops->key_new(mc_buf_str(&text), file, ret_key,
			    err);
	} else if (why.code == MC_E_NOMEM) {
		rc = mc_err_set(err, MC_E_NOMEM, MC_STAGE_CONFIG, NULL);
	} else if (why.code == MC_E_TOO_LONG) {
		rc = mc_err_set(err, MC_E_DKIM, MC_STAGE_CONFIG,
		    "dkim-key: %s is too large for a key", file);
	} else {
		rc = mc_err_set(err, MC_E_DKIM, MC_STAGE_CONFIG,
		    "dkim-key: %s%s", why.text, remedy(why.sys));
	}
	mc_buf_clear(&text);
	return rc;
}

/* --------------------------------------------------------------------- keys */

static int
add_key(struct mc_signer *s, struct mc_str selector, struct mc_str file,
    unsigned long uid, struct mc_err *err)
{
	char *path = mc_mem_strndup(file.ptr, file.len);
	int rc;

	if (path == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	rc = mc_dkim_read_key(s->ops, path, uid, &s->keys[s->n].key, err);
	mc_mem_free(path);
	if (rc != 0)
		return -1;
	s->keys[s->n].selector = selector;
	(void)snprintf(s->keys[s->n].algorithm,
	    sizeof(s->keys[s->n].algorithm), "%s-sha256",
	    s->ops->type(s->keys[s->n].key));
	s->n++;
	return 0;
}

static int
load(struct mc_signer *s, const struct mc_transport_env *env,
    struct mc_err *err)
{
	const struct mc_account *a = env->account;
	struct mc_str selectors = mc_str_from(a->dkim_selector);
	struct mc_str files = mc_str_from(a->dkim_key);
	struct mc_str selector, file;

	if (mc_dkim_find(&s->ops, err) != 0)
		return -1;
	while (s->n < MC_MAX_DKIM && mc_dkim_next_file(&files, &file) &&
	    mc_str_next_token(&selectors, " ", &selector))
		if (add_key(s, selector, file, env->caller->uid, err) != 0)
			return -1;
	if (s->n == 0)
		return mc_err_set(err, MC_E_DKIM, MC_STAGE_CONFIG,
		    "account %s has a dkim-domain and no key", a->name);
	return 0;
}

static void
free_keys(struct mc_signer *s)
{
	while (s->n != 0)
		s->ops->key_free(s->keys[--s->n].key);
}

int
mc_signer_load(struct mc_signer *s, const struct mc_transport_env *env,
    struct mc_err *err)
{
	if (env->account->dkim_domain == NULL || s->loaded)
		return 0;
	if (s->once) {
		if (err != NULL && !mc_err_is_set(err))
			*err = s->err;
		return -1;
	}
	s->account = env->account;
	s->log = env->log;
	if (load(s, env, err) != 0) {
		free_keys(s);
		return -1;
	}
	s->loaded = true;
	return 0;
}

void
mc_signer_load_now(struct mc_signer *s, const struct mc_transport_env *env)
{
	struct mc_err err = { .code = MC_OK };

	if (mc_signer_load(s, env, &err) != 0)
		s->err = err;
	s->once = true;
}

void
mc_signer_clear(struct mc_signer *s)
{
	free_keys(s);
	memset(s, 0, sizeof(*s));
}

/* ------------------------------------------------------------------ signing */

/* the body's canonical form goes through the digest, a piece at a time */
static int
hash_body(const struct mc_signer *s, struct mc_dkim_digest *digest,
    const struct mc_spool *body, unsigned char *ret_hash, struct mc_err *err)
{
	struct mc_dkim_body canon;
	char *buf = mc_mem_zalloc(1, MC_BODY_CHUNK);
	uint64_t at = 0;
	size_t got = 1;
	int rc = 0;

	if (buf == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_dkim_body_begin(&canon, s->ops->digest_add, digest);
	while (rc == 0 && got != 0) {
		rc = mc_spool_read(body, at, buf, MC_BODY_CHUNK, &got, err);
		if (rc == 0) {
			mc_dkim_body_add(&canon, buf, got);
			at += got;
		}
	}
	mc_mem_free(buf);
	mc_dkim_body_end(&canon);
	return rc == 0 ? s->ops->digest_end(digest, ret_hash, err) : -1;
}

/* one field, in front of the header or behind another one */
static int
add_signature(const struct mc_signer *s, size_t i, struct mc_dkim_tags *tags,
    const struct mc_header *h, struct mc_dkim_digest *digest,
    struct mc_buf *out, struct mc_err *err)
{
	unsigned char hash[MC_DKIM_DIGEST];
	struct mc_buf signature;
	size_t from = out->len;
	int rc = -1;

	tags->algorithm = s->keys[i].algorithm;
	tags->selector = s->keys[i].selector;
	mc_dkim_field_begin(tags, h, out);
	if (mc_buf_err(out, "header with its DKIM signature", err) != 0)
		return -1;
	mc_dkim_put_header(h, mc_str_sub(mc_buf_str(out), from, SIZE_MAX),
	    s->ops->digest_add, digest);
	mc_buf_init(&signature, MC_MAX_SECRET);
	if (s->ops->digest_end(digest, hash, err) == 0 &&
	    s->ops->sign(s->keys[i].key, hash, &signature, err) == 0)
		rc = mc_dkim_field_end(mc_buf_str(&signature), out, err);
	mc_buf_clear(&signature);
	return rc;
}

static int
sign_all(const struct mc_signer *s, const struct mc_header *h,
    const struct mc_spool *body, struct mc_buf *out, struct mc_err *err)
{
	struct mc_dkim_tags tags = { .domain = s->account->dkim_domain };
	struct mc_dkim_digest *digest;
	int64_t now = mc_clock_real_ms() / 1000;
	int rc;

	tags.time = now > 0 ? (uint64_t)now : 0;
	if (s->ops->digest_new(&digest, err) != 0)
		return -1;
	rc = hash_body(s, digest, body, tags.body, err);
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		rc = add_signature(s, i, &tags, h, digest, out, err);
	s->ops->digest_free(digest);
	return rc;
}

static void
tell_foreign(const struct mc_signer *s, const char *domain)
{
	if (domain[0] == '\0')
		mc_log_line(s->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "not signed: From names nobody in a domain");
	else
		mc_log_line(s->log, MC_LOG_INFO, MC_STAGE_LOCAL,
		    "not signed: From is of %s, and dkim-domain is %s", domain,
		    s->account->dkim_domain);
}

int
mc_signer_sign(const struct mc_signer *s, struct mc_str header,
    const struct mc_spool *body, struct mc_buf *out, struct mc_err *err)
{
	char domain[MC_MAX_DOMAIN + 1];
	struct mc_header h;
	size_t from = out->len;
	int rc;

	mc_header_init(&h);
	rc = mc_header_read(&h, header, err);
	if (rc == 0)
		rc = mc_dkim_is_ours(&h, s->account->dkim_domain, domain,
		    sizeof(domain), err);
	if (rc == 0)
		tell_foreign(s, domain);
	if (rc == 1 && sign_all(s, &h, body, out, err) != 0)
		rc = -1;
	mc_header_clear(&h);
	if (rc != 1)
		return rc;
	mc_log_line(s->log, MC_LOG_DEBUG, MC_STAGE_LOCAL,
	    "signed for %s, %zu bytes of signature", s->account->dkim_domain,
	    out->len - from);
	mc_buf_add_str(out, header);
	return mc_buf_err(out, "header with its DKIM signature", err) == 0 ?
	    1 : -1;
}
