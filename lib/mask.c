/* SPDX-License-Identifier: MIT */
/*
 * mask.c - addresses in lines that are kept: whole, their domain, or a hash
 *
 * Servers quote addresses as they like, so that all that looks like one is
 * masked, and of those that are known also the local part alone.
 */
#include "base/base.h"
#include "queue_internal.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "mail/idna.h"
#include "mail/mailbox.h"
#include "queue/log_key.h"
#include "queue/sha256.h"
#include "queue/store.h"

#define TOKEN_BYTES 8		/* of the hash: 64 bits tell addresses apart */

struct mc_mask {
	int mode;		/* enum mc_log_addresses */
	unsigned char key[MC_LOG_KEY_LEN];
};

/* what is written, cut where it is full */
struct out {
	char *p;
	size_t n;
	size_t size;		/* room for the NUL is not counted */
};

static void
put(struct out *o, struct mc_str s)
{
	for (size_t i = 0; i < s.len && o->n < o->size; i++)
		o->p[o->n++] = s.ptr[i];
}

/* ------------------------------------------------------------------ tokens */

static void
add_folded(struct mc_sha256 *sha, struct mc_str s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = (char)mc_to_lower((unsigned char)s.ptr[i]);

		mc_sha256_add(sha, &c, 1);
	}
}

/* quotes that need not be there make no other address */
static void
add_local(struct mc_sha256 *sha, struct mc_str local)
{
	bool quoted = local.len >= 2 && local.ptr[0] == '"';

	if (!quoted) {
		add_folded(sha, local);
		return;
	}
	for (size_t i = 1; i + 1 < local.len; i++) {
		if (local.ptr[i] == '\\' && i + 2 < local.len)
			i++;
		add_folded(sha, mc_str_sub(local, i, 1));
	}
}

static void
add_domain(struct mc_sha256 *sha, struct mc_str domain)
{
	struct mc_err why = { .code = MC_OK };
	struct mc_buf host;

	mc_buf_init(&host, MC_MAX_DOMAIN + 1);
	if (!mc_str_is_ascii(domain) &&
	    mc_idna_host(domain, true, &host, &why) == 0)
		domain = mc_buf_str(&host);
	add_folded(sha, domain);
	mc_buf_clear(&host);
}

/* HMAC (RFC 2104): the hash alone would let addresses be tried out */
static void
hash(const struct mc_mask *mask, struct mc_str local, struct mc_str domain,
    unsigned char ret[MC_SHA256_LEN])
{
	unsigned char pad[MC_SHA256_BLOCK] = { 0 };
	struct mc_sha256 sha;

	memcpy(pad, mask->key, sizeof(mask->key));
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36;
	mc_sha256_init(&sha);
	mc_sha256_add(&sha, pad, sizeof(pad));
	add_local(&sha, local);
	mc_sha256_add(&sha, "@", 1);
	add_domain(&sha, domain);
	mc_sha256_end(&sha, ret);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	mc_sha256_init(&sha);
	mc_sha256_add(&sha, pad, sizeof(pad));
	mc_sha256_add(&sha, ret, MC_SHA256_LEN);
	mc_sha256_end(&sha, ret);
	mc_mem_wipe(pad, sizeof(pad));
	mc_mem_wipe(&sha, sizeof(sha));
}

static void
put_token(const struct mc_mask *mask, struct mc_str local,
    struct mc_str domain, struct out *o)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char digest[MC_SHA256_LEN];

	if (mask != NULL && mask->mode == MC_LOG_ADDRESSES_HASH) {
		hash(mask, local, domain, digest);
		put(o, MC_STR("h:"));
		for (size_t i = 0; i < TOKEN_BYTES; i++) {
			put(o, mc_str_make(&digits[digest[i] >> 4], 1));
			put(o, mc_str_make(&digits[digest[i] & 15], 1));
		}
	}
	put(o, MC_STR("@"));
	put(o, domain);
}

/* -------------------------------------------------------- finding addresses */

static bool
is_word(int c)
{
	return mc_is_alnum(c) || c >= 0x80;
}

/* may stand in a local part without quotes */
static bool
is_local(int c)
{
	return is_word(c) ||
	    (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~.", c) != NULL);
}

static int
at(struct mc_str s, size_t i)
{
	return i < s.len ? (unsigned char)s.ptr[i] : 0;
}

/* length of the domain or address literal at i; 0: there is none */
static size_t
domain_len(struct mc_str s, size_t i)
{
	size_t n = 0;

	if (at(s, i) == '[') {
		size_t close = mc_str_chr(mc_str_sub(s, i, SIZE_MAX), ']');

		return i + close < s.len && close <= MC_MAX_DOMAIN ?
		    close + 1 : 0;
	}
	while (is_word(at(s, i + n)) || at(s, i + n) == '.' ||
	    at(s, i + n) == '-' || at(s, i + n) == '_')
		n++;
	while (n > 0 && !is_word(at(s, i + n - 1)))
		n--;
	return n;
}

/* length of the local part at i, in quotes or not; 0: there is none */
static size_t
local_len(struct mc_str s, size_t i)
{
	size_t n = 0;

	if (at(s, i) != '"') {
		while (is_local(at(s, i + n)))
			n++;
		return n;
	}
	for (n = 1; i + n < s.len && at(s, i + n) != '"'; n++)
		if (at(s, i + n) == '\\')
			n++;
	return i + n < s.len ? n + 1 : 0;
}

/*
 * How much in front of an address is none of it, though it might be: "to=" of
 * a log, a quote.  Nothing that could tell of a person.
 */
static size_t
front_len(struct mc_str s)
{
	static const char words[][12] = { "to", "from", "for", "rcpt",
		"recipient", "sender", "mail", "user", "address", "email",
		"mailbox", "orcpt" };
	size_t eq = mc_str_chr(s, '=');
	size_t n = 0;

	for (size_t i = 0; eq < s.len && i < MC_NELEM(words); i++)
		if (mc_str_eq_nocase(mc_str_sub(s, 0, eq),
		    mc_str_from(words[i])))
			n = eq + 1;
	while (n < s.len && strchr("'`*/=", s.ptr[n]) != NULL)
		n++;
	return n == s.len ? 0 : n;
}

/* does `word` stand at i, and end there? */
static bool
stands(struct mc_str s, size_t i, struct mc_str word)
{
	size_t end = i + word.len;

	if (word.len == 0 ||
	    !mc_str_eq_nocase(mc_str_sub(s, i, word.len), word))
		return false;
	return !is_word(at(s, end)) && !(i != 0 && is_word(at(s, i - 1)));
}

/* the local part without the quotes, if it has some and nothing escaped */
static struct mc_str
bare(struct mc_str local)
{
	struct mc_str in = mc_str_sub(local, 1, local.len - 2);

	if (local.len < 3 || local.ptr[0] != '"' ||
	    mc_str_chr(in, '\\') != in.len)
		return local;
	return in;
}

/* what stands at i of the addresses that are known; its length, or 0 */
static size_t
put_known(const struct mc_mask *mask, struct mc_str s, size_t i,
    const char *const *known, size_t n, struct out *o)
{
	for (size_t k = 0; k < n; k++) {
		struct mc_str addr = mc_str_from(known[k]);
		size_t len = mc_mailbox_at(addr);
		struct mc_str local = mc_str_sub(addr, 0, len);
		struct mc_str domain = mc_str_sub(addr, len + 1, SIZE_MAX);
		struct mc_str word = local;

		if (!stands(s, i, word))
			word = bare(local);
		if (!stands(s, i, word))
			continue;
		put_token(mask, local, domain, o);
		return word.len;
	}
	return 0;
}

/*
 * An address that begins at i, whosoever it is: its length; else 0, with how
 * many bytes *ret_skip are no beginning of one either.
 */
static size_t
put_any(const struct mc_mask *mask, struct mc_str s, size_t i, struct out *o,
    size_t *ret_skip)
{
	size_t n = local_len(s, i);
	size_t d = n != 0 && at(s, i + n) == '@' ? domain_len(s, i + n + 1) : 0;

	*ret_skip = at(s, i) == '"' || n == 0 ? 1 : n;
	if (d == 0)
		return 0;

	struct mc_str local = mc_str_sub(s, i, n);
	size_t front = at(s, i) == '"' ? 0 : front_len(local);

	put(o, mc_str_sub(local, 0, front));
	put_token(mask, mc_str_sub(local, front, SIZE_MAX),
	    mc_str_sub(s, i + n + 1, d), o);
	return n + 1 + d;
}

/* ----------------------------------------------------------------- outside */

size_t
mc_mask_text(const struct mc_mask *mask, const char *text,
    const char *const *known, size_t n, char *ret_text, size_t size)
{
	struct out o = { ret_text, 0, size - 1 };
	struct mc_str s = mc_str_from(text);
	size_t tried = 0;

	if (size == 0)
		return 0;
	if (mask != NULL && mask->mode == MC_LOG_ADDRESSES_FULL) {
		put(&o, s);
		s.len = 0;
	}
	for (size_t i = 0; i < s.len;) {
		size_t skip = 1;
		size_t len = i < tried ? 0 : put_any(mask, s, i, &o, &skip);

		if (i >= tried)
			tried = i + skip;
		if (len == 0)
			len = put_known(mask, s, i, known, n, &o);
		if (len == 0) {
			put(&o, mc_str_sub(s, i, 1));
			len = 1;
		}
		i += len;
	}
	ret_text[o.n] = '\0';
	return o.n;
}

size_t
mc_mask_address(const struct mc_mask *mask, const char *address,
    char *ret_text, size_t size)
{
	struct out o = { ret_text, 0, size - 1 };
	struct mc_str addr = mc_str_from(address);
	size_t len = mc_mailbox_at(addr);

	if (size == 0)
		return 0;
	if (addr.len == 0 ||
	    (mask != NULL && mask->mode == MC_LOG_ADDRESSES_FULL))
		put(&o, addr);
	else
		put_token(mask, mc_str_sub(addr, 0, len),
		    mc_str_sub(addr, len + 1, SIZE_MAX), &o);
	ret_text[o.n] = '\0';
	return o.n;
}

/*
 * A spool is made for it if there is none.  Nothing that is queued depends on
 * the key, so that it may be on any file system.
 */
static int
find_key(const struct mc_caller *caller, const struct mc_config *config,
    unsigned char ret_key[MC_LOG_KEY_LEN], struct mc_err *err)
{
	struct mc_store_settings set = { 0 };
	struct mc_store *store = NULL;
	struct mc_err why = { .code = MC_OK };
	struct mc_buf place;
	int rc;

	mc_buf_init(&place, MC_QUEUE_PLACE);
	rc = mc_queue_settings(caller, config, &place, &set, &why);
	if (rc == 0) {
		set.any_fs = true;
		set.no_sweep = true;
		set.no_create = true;
		rc = mc_store_open(&set, &store, &why);
	}
	if (rc != 0 && why.code == MC_E_QUEUE_NONE) {
		set.no_create = false;
		why = (struct mc_err){ .code = MC_OK };
		rc = mc_store_open(&set, &store, &why);
	}
	if (rc == 0)
		rc = mc_log_key_get(store, ret_key, &why);
	mc_store_close(store);
	mc_buf_clear(&place);
	if (rc != 0 && err != NULL)
		*err = why;
	return rc;
}

int
mc_mask_new(const struct mc_caller *caller, const struct mc_config *config,
    struct mc_mask **ret_mask, struct mc_err *err)
{
	const struct mc_account *keys;
	struct mc_mask *mask;
	int rc = 0;

	if (mc_config_find(config, mc_config_account(config, 0), &keys,
	    err) != 0)
		return -1;
	mask = mc_mem_zalloc(1, sizeof(*mask));
	if (mask == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mask->mode = keys->log_addresses;
	if (mask->mode == MC_LOG_ADDRESSES_HASH &&
	    find_key(caller, config, mask->key, err) != 0) {
		mask->mode = MC_LOG_ADDRESSES_DOMAIN;
		rc = 1;
	}
	*ret_mask = mask;
	return rc;
}

void
mc_mask_free(struct mc_mask *mask)
{
	if (mask == NULL)
		return;
	mc_mem_wipe(mask, sizeof(*mask));
	mc_mem_free(mask);
}
