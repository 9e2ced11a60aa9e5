/* SPDX-License-Identifier: MIT */
/*
 * test_mask.c - addresses in lines that are kept
 */
#include "unit.h"

#include "mailchute.h"
#include "queue/log_key.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char top[] = "/tmp/test_mask.XXXXXX";
static char home[] = "/nonexistent";
static const struct mc_caller caller = { .login = "u", .home = home,
	.hostname = "h.example", .uid = 1000 };

static struct mc_config *
load(const char *dir, const char *mode)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_config *config = NULL;
	char path[200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/conf", top);
	f = fopen(path, "w");
	assert_non_null(f);
	(void)fprintf(f, "queue-dir = %s/%s\nlog-addresses = %s\n", top, dir,
	    mode);
	assert_int_equal(fclose(f), 0);
	if (mc_config_load(&caller, path, NULL, NULL, &config, &err) != 0)
		fail_msg("%s", err.text);
	return config;
}

static struct mc_mask *
make(const char *dir, const char *mode, int want)
{
	struct mc_err err = { .code = MC_OK };
	struct mc_config *config = load(dir, mode);
	struct mc_mask *mask = NULL;
	int rc = mc_mask_new(&caller, config, &mask, &err);

	if (rc != want)
		fail_msg("%d: %s", rc, err.text);
	assert_int_equal(err.code == MC_OK, want == 0);
	mc_config_free(config);
	return mask;
}

static void
key_path(const char *dir, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/%s/" MC_LOG_KEY, top, dir);
}

/* ------------------------------------------------------------------- texts */

static const char *const known[] = { "Alice@example.test",
	"\"john doe\"@example.test" };

static void
test_domain(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} rows[] = {
		{ "", "" },
		{ "250 2.1.5 Ok", "250 2.1.5 Ok" },
		{ "<alice@example.test>: unknown", "<@example.test>: unknown" },
		{ "ALICE@Example.TEST unknown", "@Example.TEST unknown" },
		{ "550 User Alice: unknown.", "550 User @example.test: "
		    "unknown." },
		{ "alice", "@example.test" },
		{ "malice, alice2, \xc3\xa4lice, alice\xc3\xa9",
		    "malice, alice2, \xc3\xa4lice, alice\xc3\xa9" },
		{ "rfc822;alice+40example.test", "rfc822;@example.test"
		    "+40example.test" },
		{ "to=alice@example.test, from=<bob@x.test>",
		    "to=@example.test, from=<@x.test>" },
		{ "bounce-alice=example.test@lists.test", "@lists.test" },
		{ "a!b%c@relay.test.", "@relay.test." },
		{ "<@a.test,@b.test:bob@c.test>", "<@a.test,@b.test:@c.test>" },
		{ "\"john doe\"@example.test is not here",
		    "@example.test is not here" },
		{ "no john doe here", "no @example.test here" },
		{ "\"j. \\\"q\\\" x\"@x.test", "@x.test" },
		{ "he said \"bob@x.test\" twice", "he said \"@x.test\" twice" },
		{ "he said \"no\" to 'bob@x.test'", "he said \"no\" to "
		    "'@x.test'" },
		{ "j\xc3\xbcrgen@x.test", "@x.test" },
		{ "\xe4\xba\xba@\xe4\xbe\x8b.test", "@\xe4\xbe\x8b.test" },
		{ "bob@[192.0.2.1] bob@[IPv6:2001:db8::1]",
		    "@[192.0.2.1] @[IPv6:2001:db8::1]" },
		{ "a @ b, x@, @y, \"open", "a @ b, x@, @y, \"open" },
		{ "bob@[open", "bob@[open" },
	};
	struct mc_mask *mask = make("none", "domain", 0);

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		const struct mc_mask *masks[] = { mask, NULL };
		char out[200];

		for (size_t k = 0; k < 2; k++) {
			size_t n = mc_mask_text(masks[k], rows[i].in, known, 2,
			    out, sizeof(out));

			assert_string_equal(out, rows[i].out);
			assert_int_equal(n, strlen(out));
		}
	}
	mc_mask_free(mask);
	/* nothing was made for it */
	char path[200];
	key_path("none", path, sizeof(path));
	assert_int_equal(access(path, F_OK), -1);
}

static void
test_address(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "bob@x.test", "@x.test" }, { "bob", "@" },
		{ "\"a@b\"@x.test", "@x.test" },
		{ "bob@[192.0.2.1]", "@[192.0.2.1]" },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char out[200];

		(void)mc_mask_address(NULL, rows[i][0], out, sizeof(out));
		assert_string_equal(out, rows[i][1]);
	}
}

static void
test_full(void **state)
{
	struct mc_mask *mask = make("none", "full", 0);
	char out[200];

	(void)state;
	(void)mc_mask_text(mask, "550 <alice@example.test> Alice", known, 2,
	    out, sizeof(out));
	assert_string_equal(out, "550 <alice@example.test> Alice");
	(void)mc_mask_address(mask, "Bob@x.test", out, sizeof(out));
	assert_string_equal(out, "Bob@x.test");
	mc_mask_free(mask);
}

/* no byte behind what there is room for */
static void
test_cut(void **state)
{
	const char *text = "says <alice@example.test> Alice";
	struct mc_mask *mask = make("cut", "hash", 0);
	char all[200];

	(void)state;
	(void)mc_mask_text(mask, text, known, 2, all, sizeof(all));
	for (size_t size = 0; size < sizeof(all); size++) {
		char out[201];

		memset(out, 'x', sizeof(out));
		size_t n = mc_mask_text(mask, text, known, 2, out, size);
		assert_int_equal(out[size], 'x');
		if (size == 0)
			continue;
		assert_int_equal(n, strlen(out));
		assert_true(n < size);
		assert_memory_equal(out, all, n);
	}
	mc_mask_free(mask);
}

/* -------------------------------------------------------------------- hash */

static void
hash(const struct mc_mask *mask, const char *addr, char out[200])
{
	(void)mc_mask_address(mask, addr, out, 200);
}

static void
test_hash(void **state)
{
	/* one mailbox, and others */
	static const char *const same[] = { "alice@example.test",
		"ALICE@Example.Test", "\"alice\"@example.test",
		"\"al\\ice\"@example.test" };
	static const char *const others[] = { "alice@example.org",
		"alic@example.test", "alicee@xample.test", "bob@example.test",
		"\"alice \"@example.test", "alice" };
	struct mc_mask *mask = make("hash", "hash", 0);
	char first[200], out[200], text[220], path[200];
	struct stat st;

	(void)state;
	hash(mask, same[0], first);
	assert_int_equal(strlen(first), 2 + 16 + strlen("@example.test"));
	assert_memory_equal(first, "h:", 2);
	assert_int_equal(strspn(first + 2, "0123456789abcdef"), 16);
	assert_string_equal(first + 18, "@example.test");
	for (size_t i = 0; i < MC_NELEM(same); i++) {
		hash(mask, same[i], out);
		assert_memory_equal(out, first, 18);
		(void)snprintf(text, sizeof(text), "550 to=<%s>", same[i]);
		(void)mc_mask_text(mask, text, NULL, 0, out, sizeof(out));
		assert_memory_equal(out, "550 to=<", 8);
		assert_memory_equal(out + 8, first, 18);
	}
	for (size_t i = 0; i < MC_NELEM(others); i++) {
		hash(mask, others[i], out);
		assert_memory_not_equal(out, first, 18);
	}
	/* the form of the domain does not count */
	hash(mask, "x@b\xc3\xbc" "cher.test", first);
	hash(mask, "x@xn--bcher-kva.test", out);
	assert_memory_equal(out, first, 18);
	hash(mask, "", out);
	assert_string_equal(out, "");
	/* words in a text */
	hash(mask, "alice@example.test", first);
	(void)mc_mask_text(mask, "no Alice here", known, 2, out, sizeof(out));
	(void)snprintf(text, sizeof(text), "no %s here", first);
	assert_string_equal(out, text);
	mc_mask_free(mask);

	key_path("hash", path, sizeof(path));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, MC_LOG_KEY_LEN);
}

/* as Python's hmac has it for "alice@example.test" and a key of 32 times k */
static void
test_vector(void **state)
{
	struct mc_mask *mask = make("vector", "hash", 0);
	char path[200], out[200];
	char key[MC_LOG_KEY_LEN];
	FILE *f;

	(void)state;
	mc_mask_free(mask);
	memset(key, 'k', sizeof(key));
	key_path("vector", path, sizeof(path));
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(key, 1, sizeof(key), f), sizeof(key));
	assert_int_equal(fclose(f), 0);
	mask = make("vector", "hash", 0);
	hash(mask, "Alice@Example.test", out);
	assert_string_equal(out, "h:421fd4c4ee3cdd33@Example.test");
	mc_mask_free(mask);
}

/* one key for one spool, another for another */
static void
test_key_stays(void **state)
{
	struct mc_mask *a = make("stays", "hash", 0);
	struct mc_mask *b = make("stays", "hash", 0);
	struct mc_mask *c = make("other", "hash", 0);
	char one[200], two[200], three[200];

	(void)state;
	hash(a, "alice@example.test", one);
	hash(b, "alice@example.test", two);
	hash(c, "alice@example.test", three);
	assert_string_equal(one, two);
	assert_string_not_equal(one, three);
	mc_mask_free(a);
	mc_mask_free(b);
	mc_mask_free(c);
}

/* a key that is none, or not ours alone: domains, and it stays as it is */
static void
test_bad_key(void **state)
{
	static const struct {
		const char *dir;
		mode_t mode;
		off_t size;
	} rows[] = {
		{ "open", 0644, MC_LOG_KEY_LEN }, { "short", 0600, 31 },
		{ "empty", 0600, 0 }, { "long", 0600, 33 },
	};

	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		char path[200], out[200];
		struct stat st;

		mc_mask_free(make(rows[i].dir, "hash", 0));
		key_path(rows[i].dir, path, sizeof(path));
		assert_int_equal(truncate(path, rows[i].size), 0);
		assert_int_equal(chmod(path, rows[i].mode), 0);
		struct mc_mask *mask = make(rows[i].dir, "hash", 1);
		hash(mask, "alice@example.test", out);
		assert_string_equal(out, "@example.test");
		mc_mask_free(mask);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_size, rows[i].size);
	}
	/* a link, and a FIFO that nobody writes to */
	for (int fifo = 0; fifo < 2; fifo++) {
		const char *dir = fifo ? "fifo" : "link";
		char path[200], out[200];

		mc_mask_free(make(dir, "hash", 0));
		key_path(dir, path, sizeof(path));
		assert_int_equal(unlink(path), 0);
		assert_int_equal(fifo ? mkfifo(path, 0600) :
		    symlink("/dev/zero", path), 0);
		struct mc_mask *mask = make(dir, "hash", 1);
		hash(mask, "alice@example.test", out);
		assert_string_equal(out, "@example.test");
		mc_mask_free(mask);
	}
}

/* no spool can be made */
static void
test_no_place(void **state)
{
	struct mc_mask *mask = make("conf/no", "hash", 1);
	char out[200];

	(void)state;
	hash(mask, "alice@example.test", out);
	assert_string_equal(out, "@example.test");
	mc_mask_free(mask);
}

/* every allocation fails in turn; no address comes through */
static void
test_nomem(void **state)
{
	struct mc_config *config = load("nomem", "hash");

	(void)state;
	for (unsigned long n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_mask *mask = NULL;
		char out[200];

		assert_true(n < 1000);
		failmalloc(n, false);
		int rc = mc_mask_new(&caller, config, &mask, &err);
		hash(mask, "x@b\xc3\xbc" "cher.test", out);
		failmalloc(0, false);
		assert_null(strchr(out, 'x'));
		mc_mask_free(mask);
		if (rc == 0)
			break;
		assert_int_equal(err.code, MC_E_NOMEM);
	}
	mc_config_free(config);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(top) == NULL ? -1 : 0;
}

static int
wipe_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static int
tear_down(void **state)
{
	(void)state;
	return nftw(top, wipe_one, 8, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_address),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_key_stays),
		cmocka_unit_test(test_bad_key),
		cmocka_unit_test(test_no_place),
		cmocka_unit_test(test_nomem),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
