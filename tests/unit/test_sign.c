/* SPDX-License-Identifier: MIT */
/*
 * test_sign.c - keys out of files, and signatures made with them
 */
#include "unit.h"

#include "base/b64.h"
#include "base/limits.h"
#include "base/mem.h"
#include "transport/sign.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* RFC 8463 A.2 */
#define ED25519 "-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
	"-----END PRIVATE KEY-----\n"
#define ED25519_PUBLIC "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

#define HEADER "From: Joe SixPack <joe@football.example.com>\r\n" \
	"To: Suzie Q <suzie@shopping.example.net>\r\n" \
	"Subject: Is dinner ready?\r\n" \
	"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n" \
	"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
#define BODY "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\n" \
	"Joe.\r\n"

static const struct mc_dkim_ops *const ops = &mc_dkim_openssl;

struct world {
	char dir[64];
	char file[128];
	char key[300];
	struct mc_account account;
	struct mc_caller caller;
	struct mc_log log;
	struct mc_transport_env env;
	struct mc_signer signer;
	struct mc_spool body;
	struct mc_buf out;
	char said[512];
	struct mc_err err;
};

static void
hear(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct world *w = ctx;

	(void)stage;
	(void)snprintf(w->said, sizeof(w->said), "%d %s", (int)level, text);
}

static void
write_file(const char *path, struct mc_str text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
open_world(struct world *w)
{
	memset(w, 0, sizeof(*w));
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/mc-sign.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(w->file, sizeof(w->file), "%s/key.pem", w->dir);
	(void)snprintf(w->key, sizeof(w->key), "%s, %s", w->file, w->file);
	write_file(w->file, MC_STR(ED25519), 0600);
	w->account.name = "t";
	w->account.dkim_domain = "football.example.com";
	w->account.dkim_selector = "one two";
	w->account.dkim_key = w->key;
	w->caller.uid = getuid();
	w->log = (struct mc_log){ hear, w, MC_LOG_DEBUG };
	w->env.account = &w->account;
	w->env.caller = &w->caller;
	w->env.log = &w->log;
	mc_spool_init(&w->body, MC_SPOOL_MEMORY, NULL);
	assert_int_equal(mc_spool_add(&w->body, BODY, strlen(BODY), NULL), 0);
	mc_buf_init(&w->out, 100000);
}

static void
close_world(struct world *w)
{
	mc_signer_clear(&w->signer);
	mc_spool_clear(&w->body);
	mc_buf_clear(&w->out);
	unlink(w->file);
	assert_int_equal(rmdir(w->dir), 0);
}

static struct mc_dkim_key *
read_key(struct mc_str pem)
{
	struct mc_dkim_key *key = NULL;

	assert_int_equal(ops->key_new(pem, "k", &key, NULL), 0);
	return key;
}

/* --------------------------------------------------------------- algorithms */

/* the signature of RFC 8463 A.3, field for field */
static void
test_rfc8463(void **state)
{
	static const char *const fields[] = {
		"From: Joe SixPack <joe@football.example.com>\r\n",
		"To: Suzie Q <suzie@shopping.example.net>\r\n",
		"Subject: Is dinner ready?\r\n",
		"Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n",
		("Message-ID: <20030712040037.46341.5F8J@football.example.com>"
		    "\r\n"),
	};
	static const char field[] =
	    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"
	    " d=football.example.com; i=@football.example.com;\r\n"
	    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
	    " subject : date : message-id : from : subject : date;\r\n"
	    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=\r\n";
	struct mc_dkim_key *key = read_key(MC_STR(ED25519));
	struct mc_dkim_digest *digest;
	unsigned char hash[MC_DKIM_DIGEST];
	struct mc_buf out, text;

	(void)state;
	mc_buf_init(&out, 1000);
	mc_buf_init(&text, 1000);
	assert_int_equal(ops->digest_new(&digest, NULL), 0);
	for (size_t i = 0; i < MC_NELEM(fields); i++)
		mc_dkim_put_field(mc_str_from(fields[i]), false,
		    ops->digest_add, digest);
	mc_dkim_put_field(mc_str_from(field), true, ops->digest_add, digest);
	assert_int_equal(ops->digest_end(digest, hash, NULL), 0);
	assert_int_equal(ops->sign(key, hash, &out, NULL), 0);
	mc_b64_encode(mc_buf_str(&out), &text);
	assert_string_equal(text.ptr,
	    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus"
	    "Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==");
	mc_buf_reset(&out);
	mc_buf_reset(&text);
	assert_int_equal(ops->public_key(key, &out, NULL), 0);
	mc_b64_encode(mc_buf_str(&out), &text);
	assert_string_equal(text.ptr, ED25519_PUBLIC);
	assert_string_equal(ops->type(key), "ed25519");
	ops->digest_free(digest);
	ops->key_free(key);
	mc_buf_clear(&out);
	mc_buf_clear(&text);
}

/* the digest begins anew after each end */
static void
test_digest(void **state)
{
	struct mc_dkim_digest *digest;
	unsigned char a[MC_DKIM_DIGEST], b[MC_DKIM_DIGEST];

	(void)state;
	assert_int_equal(ops->digest_new(&digest, NULL), 0);
	ops->digest_add(digest, "abc", 3);
	assert_int_equal(ops->digest_end(digest, a, NULL), 0);
	assert_memory_equal(a, "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40"
	    "\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff"
	    "\x61\xf2\x00\x15\xad", 32);
	ops->digest_add(digest, "a", 1);
	ops->digest_add(digest, "bc", 2);
	assert_int_equal(ops->digest_end(digest, b, NULL), 0);
	assert_memory_equal(a, b, sizeof(a));
	ops->digest_free(digest);
	ops->digest_free(NULL);
}

static void
test_generate(void **state)
{
	static const struct {
		unsigned bits;
		const char *type;
		size_t n;
	} rows[] = { { 2048, "rsa", 256 }, { 0, "ed25519", 64 } };
	unsigned char hash[MC_DKIM_DIGEST] = { 1 };

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_dkim_key *key;
		struct mc_buf pem, out;

		mc_buf_init_secret(&pem, 10000);
		mc_buf_init(&out, 10000);
		assert_int_equal(ops->generate(rows[i].bits, &pem, NULL), 0);
		key = read_key(mc_buf_str(&pem));
		assert_string_equal(ops->type(key), rows[i].type);
		if (rows[i].bits != 0)
			assert_int_equal(ops->bits(key), rows[i].bits);
		assert_int_equal(ops->sign(key, hash, &out, NULL), 0);
		assert_int_equal(out.len, rows[i].n);
		ops->key_free(key);
		mc_buf_clear(&pem);
		mc_buf_clear(&out);
	}
}

/* every key that is cut short, or has a byte that is not its own */
static void
test_hostile_keys(void **state)
{
	char text[] = ED25519;

	(void)state;
	for (size_t n = 0; n < strlen(ED25519) - 1; n++) {
		struct mc_dkim_key *key = NULL;
		struct mc_err err = { .code = MC_OK };

		/* a hyphen less at the end may be forgiven */
		if (ops->key_new(mc_str_make(text, n), "f", &key, &err) == 0)
			ops->key_free(key);
		else
			assert_err(-1, err, MC_E_DKIM);
	}
	for (size_t n = 0; n < strlen(ED25519); n++) {
		struct mc_dkim_key *key = NULL;

		text[n] = (char)(text[n] ^ 0x55);
		if (ops->key_new(MC_STR(text), "f", &key, NULL) == 0)
			ops->key_free(key);
		text[n] = (char)(text[n] ^ 0x55);
	}
}

/* ------------------------------------------------------------------ signing */

static void
test_sign(void **state)
{
	struct world w;
	const char *second;

	(void)state;
	open_world(&w);
	assert_false(mc_signer_signs(&w.signer));
	assert_int_equal(mc_signer_load(&w.signer, &w.env, &w.err), 0);
	assert_true(mc_signer_signs(&w.signer));
	assert_int_equal(w.signer.n, 2);
	assert_int_equal(mc_signer_sign(&w.signer, MC_STR(HEADER), &w.body,
	    &w.out, &w.err), 1);
	assert_memory_equal(w.out.ptr, "DKIM-Signature: v=1; "
	    "a=ed25519-sha256;", 37);
	assert_string_equal(w.out.ptr + w.out.len - strlen(HEADER), HEADER);
	assert_non_null(strstr(w.out.ptr,
	    "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;"));
	assert_non_null(strstr(w.out.ptr, "s=one;"));
	second = strstr(w.out.ptr + 10, "DKIM-Signature:");
	assert_non_null(second);
	assert_null(strstr(second, "s=one;"));
	assert_non_null(strstr(second, "s=two;"));
	assert_non_null(strstr(w.said, "signed for football.example.com"));
	close_world(&w);
}

static void
test_foreign(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	w.account.dkim_domain = "example.org";
	assert_int_equal(mc_signer_load(&w.signer, &w.env, &w.err), 0);
	assert_int_equal(mc_signer_sign(&w.signer, MC_STR(HEADER), &w.body,
	    &w.out, &w.err), 0);
	assert_int_equal(w.out.len, 0);
	assert_non_null(strstr(w.said, "not signed: From is of "
	    "football.example.com, and dkim-domain is example.org"));
	assert_int_equal(w.said[0] - '0', MC_LOG_INFO);
	assert_int_equal(mc_signer_sign(&w.signer, MC_STR("To: a@x\r\n"),
	    &w.body, &w.out, &w.err), 0);
	assert_non_null(strstr(w.said, "names nobody"));
	close_world(&w);
}

/* without keys there is nothing to do, nor to load */
static void
test_off(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	w.account.dkim_domain = NULL;
	assert_int_equal(mc_signer_load(&w.signer, &w.env, &w.err), 0);
	assert_false(mc_signer_signs(&w.signer));
	assert_false(mc_signer_signs(NULL));
	assert_null(w.signer.ops);
	close_world(&w);
}

static void
test_files(void **state)
{
	static const struct {
		mode_t mode;
		enum mc_code code;
	} rows[] = {
		{ 0600, MC_OK }, { 0400, MC_OK }, { 0640, MC_OK },
		{ 0440, MC_OK }, { 0660, MC_E_CONF_SECRET },
		{ 0620, MC_E_CONF_SECRET }, { 0644, MC_E_CONF_SECRET },
		{ 0604, MC_E_CONF_SECRET }, { 0602, MC_E_CONF_SECRET },
	};
	struct world w;

	(void)state;
	open_world(&w);
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		assert_int_equal(chmod(w.file, rows[i].mode), 0);
		mc_err_reset(&w.err);
		if (rows[i].code == MC_OK)
			assert_int_equal(mc_signer_load(&w.signer, &w.env,
			    &w.err), 0);
		else
			assert_err(mc_signer_load(&w.signer, &w.env, &w.err),
			    w.err, rows[i].code);
		mc_signer_clear(&w.signer);
	}
	assert_int_equal(chmod(w.file, 0600), 0);
	/* somebody else's */
	if (getuid() == 0) {
		assert_int_equal(chown(w.file, 12345, 0), 0);
		mc_err_reset(&w.err);
		assert_err(mc_signer_load(&w.signer, &w.env, &w.err), w.err,
		    MC_E_CONF_SECRET);
		assert_non_null(strstr(w.err.text, "chown"));
	}
	close_world(&w);
}

/* the moment to read it is over, whatever comes later */
static void
test_once(void **state)
{
	struct world w;

	(void)state;
	open_world(&w);
	unlink(w.file);
	mc_signer_load_now(&w.signer, &w.env);
	write_file(w.file, MC_STR(ED25519), 0600);
	for (int i = 0; i < 2; i++) {
		mc_err_reset(&w.err);
		assert_err(mc_signer_load(&w.signer, &w.env, &w.err), w.err,
		    MC_E_DKIM);
		assert_non_null(strstr(w.err.text, w.file));
		assert_non_null(strstr(w.err.text, "keygen"));
	}
	mc_signer_clear(&w.signer);
	mc_signer_load_now(&w.signer, &w.env);
	unlink(w.file);
	mc_err_reset(&w.err);
	assert_int_equal(mc_signer_load(&w.signer, &w.env, &w.err), 0);
	assert_true(mc_signer_signs(&w.signer));
	close_world(&w);
}

/* no body, and one that cannot be read */
static void
test_body(void **state)
{
	struct mc_spool broken;
	struct world w;

	(void)state;
	open_world(&w);
	assert_int_equal(mc_signer_load(&w.signer, &w.env, &w.err), 0);
	mc_spool_clear(&w.body);
	assert_int_equal(mc_signer_sign(&w.signer, MC_STR(HEADER), &w.body,
	    &w.out, &w.err), 1);
	assert_non_null(strstr(w.out.ptr,
	    "bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"));
	mc_buf_reset(&w.out);
	mc_spool_init_fd(&broken, -1, 0, 100);
	assert_err(mc_signer_sign(&w.signer, MC_STR(HEADER), &broken, &w.out,
	    &w.err), w.err, MC_E_IO);
	close_world(&w);
}

static void
test_no_memory(void **state)
{
	bool done = false;

	(void)state;
	for (unsigned long n = 1; !done; n++) {
		struct world w;
		int rc;

		open_world(&w);
		failmalloc(n, false);
		rc = mc_signer_load(&w.signer, &w.env, &w.err);
		if (rc == 0)
			rc = mc_signer_sign(&w.signer, MC_STR(HEADER),
			    &w.body, &w.out, &w.err);
		done = failmalloc(0, false) < n;
		if (rc == 1) {
			assert_true(done);
			assert_non_null(strstr(w.out.ptr, "s=two;"));
		} else {
			assert_false(done);
			assert_err(rc, w.err, MC_E_NOMEM);
		}
		close_world(&w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc8463),
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_generate),
		cmocka_unit_test(test_hostile_keys),
		cmocka_unit_test(test_sign),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_off),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
