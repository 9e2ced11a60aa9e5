/* SPDX-License-Identifier: MIT */
/*
 * dkim.c - new keys for DKIM, and the records that belong to them
 */
#include "base/base.h"
#include "mailchute.h"

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/idna.h"
#include "transport/sign.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MOST_KEY 65536
#define MOST_NAME 253	/* of a domain name, in text */
/* longer keys make records and answers of DNS that not all receivers get */
#define LEAST_NEW_BITS 2048
#define MOST_NEW_BITS 4096

/* ------------------------------------------------------------------ records */

static int
make_name(struct mc_str selector, const char *domain, struct mc_buf *out,
    struct mc_err *err)
{
	mc_buf_add_str(out, selector);
	mc_buf_addz(out, "._domainkey.");
	mc_buf_addz(out, domain);
	return mc_buf_err(out, "name of the record", err);
}

static int
tell_record(const struct mc_dkim_ops *ops, const struct mc_dkim_key *key,
    struct mc_dkim_record *record, mc_dkim_fn fn, void *ctx,
    struct mc_err *err)
{
	struct mc_buf public_key, text;
	int rc = -1;

	mc_buf_init(&public_key, MOST_KEY);
	mc_buf_init(&text, 2 * MOST_KEY);
	record->type = ops->type(key);
	record->bits = ops->bits(key);
	if (ops->public_key(key, &public_key, err) == 0) {
		mc_dkim_record_text(record->type, mc_buf_str(&public_key),
		    &text);
		rc = mc_buf_err(&text, "record", err);
	}
	if (rc == 0) {
		record->text = text.ptr;
		fn(ctx, record);
	}
	mc_buf_clear(&public_key);
	mc_buf_clear(&text);
	return rc;
}

static int
tell_file(const struct mc_dkim_ops *ops, unsigned long uid,
    struct mc_dkim_record *record, mc_dkim_fn fn, void *ctx,
    struct mc_err *err)
{
	struct mc_dkim_key *key;
	int rc;

	if (mc_dkim_read_key(ops, record->file, uid, &key, err) != 0)
		return -1;
	rc = tell_record(ops, key, record, fn, ctx, err);
	ops->key_free(key);
	return rc;
}

/* one key of an account */
static int
tell_one(const struct mc_dkim_ops *ops, const struct mc_caller *caller,
    const char *domain, struct mc_str selector, struct mc_str file,
    mc_dkim_fn fn, void *ctx, struct mc_err *err)
{
	struct mc_dkim_record record = { .domain = domain };
	struct mc_buf name;
	char *path = mc_mem_strndup(file.ptr, file.len);
	char *word = mc_mem_strndup(selector.ptr, selector.len);
	int rc = -1;

	mc_buf_init(&name, MOST_NAME);
	if (path == NULL || word == NULL) {
		(void)mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	} else if (make_name(selector, domain, &name, err) == 0) {
		record.file = path;
		record.selector = word;
		record.name = name.ptr;
		rc = tell_file(ops, caller->uid, &record, fn, ctx, err);
	}
	mc_buf_clear(&name);
	mc_mem_free(path);
	mc_mem_free(word);
	return rc;
}

int
mc_dkim_record(const struct mc_caller *caller, const struct mc_config *config,
    const char *account, mc_dkim_fn fn, void *ctx, struct mc_err *err)
{
	const struct mc_dkim_ops *ops;
	const struct mc_account *a;
	struct mc_str selectors, files, selector, file;

	if (mc_config_find(config, account, &a, err) != 0)
		return -1;
	if (a->dkim_domain == NULL)
		return mc_err_set(err, MC_E_CONF_VALUE, MC_STAGE_CONFIG,
		    "account %s has no dkim-domain, and signs nothing: "
		    "\"mailchute dkim keygen\" makes a key", a->name);
	if (mc_dkim_find(&ops, err) != 0)
		return -1;
	selectors = mc_str_from(a->dkim_selector);
	files = mc_str_from(a->dkim_key);
	while (mc_str_next_token(&selectors, " ", &selector) &&
	    mc_dkim_next_file(&files, &file))
		if (tell_one(ops, caller, a->dkim_domain, selector, file, fn,
		    ctx, err) != 0)
			return -1;
	return 0;
}

/* ------------------------------------------------------------------- keygen */

/* it may be in use: never another one in its place */
static int
taken(const char *file, struct mc_err *err)
{
	return mc_err_set(err, MC_E_IO, MC_STAGE_LOCAL,
	    "%s is there already, and stays as it is: name another file "
	    "(--out), and take another selector for a new key", file);
}

static int
write_new(const char *file, struct mc_str text, struct mc_err *err)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
	    O_NOFOLLOW, 0600);
	int rc;

	if (fd < 0 && errno == EEXIST)
		return taken(file, err);
	if (fd < 0)
		return mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot make %s", file);
	rc = mc_file_write(fd, text.ptr, text.len, err);
	if (rc == 0 && mc_file_sync(fd) != 0)
		rc = mc_err_sys(err, MC_E_IO, MC_STAGE_LOCAL, errno,
		    "cannot write %s", file);
	mc_file_close(&fd);
	if (rc != 0)
		(void)unlink(file);
	return rc;
}

static int
check_new(const struct mc_dkim_new *n, struct mc_buf *domain,
    struct mc_buf *selector, struct mc_buf *name, struct mc_err *err)
{
	struct mc_err why = { .code = MC_OK };

	if (n->bits != 0 &&
	    (n->bits < LEAST_NEW_BITS || n->bits > MOST_NEW_BITS))
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "a key has from %d to %d bits, and not %u",
		    LEAST_NEW_BITS, MOST_NEW_BITS, n->bits);
	if (mc_idna_host(mc_str_from(n->domain), false, domain, &why) != 0 ||
	    mc_idna_host(mc_str_from(n->selector), true, selector,
	    &why) != 0) {
		if (why.code == MC_E_NOMEM)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL,
			    NULL);
		return mc_err_set(err, MC_E_BAD_VALUE, MC_STAGE_LOCAL,
		    "%s is no name for DNS", domain->len == 0 ? n->domain :
		    n->selector);
	}
	if (mc_buf_err(domain, "domain", err) != 0 ||
	    mc_buf_err(selector, "selector", err) != 0)
		return -1;
	return make_name(mc_buf_str(selector), domain->ptr, name, err);
}

/* before it takes the time */
static int
check_place(const char *file, struct mc_err *err)
{
	return access(file, F_OK) == 0 ? taken(file, err) : 0;
}

static int
generate(const struct mc_dkim_ops *ops, const struct mc_dkim_new *n,
    struct mc_dkim_record *record, mc_dkim_fn fn, void *ctx,
    struct mc_err *err)
{
	struct mc_dkim_key *key = NULL;
	struct mc_buf pem;
	int rc = -1;

	mc_buf_init_secret(&pem, MOST_KEY);
	if (ops->generate(n->bits, &pem, err) == 0 &&
	    ops->key_new(mc_buf_str(&pem), n->file, &key, err) == 0 &&
	    write_new(n->file, mc_buf_str(&pem), err) == 0)
		rc = tell_record(ops, key, record, fn, ctx, err);
	ops->key_free(key);
	mc_buf_clear(&pem);
	return rc;
}

int
mc_dkim_keygen(const struct mc_dkim_new *n, mc_dkim_fn fn, void *ctx,
    struct mc_err *err)
{
	struct mc_dkim_record record = { .file = n->file };
	struct mc_buf domain, selector, name;
	const struct mc_dkim_ops *ops;
	int rc = -1;

	mc_buf_init(&domain, MC_MAX_DOMAIN);
	mc_buf_init(&selector, MC_MAX_DOMAIN);
	mc_buf_init(&name, MOST_NAME);
	if (check_new(n, &domain, &selector, &name, err) == 0 &&
	    check_place(n->file, err) == 0 && mc_dkim_find(&ops, err) == 0) {
		record.name = name.ptr;
		record.domain = domain.ptr;
		record.selector = selector.ptr;
		rc = generate(ops, n, &record, fn, ctx, err);
	}
	mc_buf_clear(&domain);
	mc_buf_clear(&selector);
	mc_buf_clear(&name);
	return rc;
}
