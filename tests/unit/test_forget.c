/* SPDX-License-Identifier: MIT */
/*
 * test_forget.c - what a process that has forgotten secrets still has of them
 *
 * Nothing here has a secret in plain text but the configuration: a child that
 * is gone writes the file, and what is searched for is kept as other bytes.
 */
#include "conf_side.h"

#include "base/mem.h"
#include "config/keeper.h"
#include "config/proxy.h"

#ifndef __linux__

int
main(void)
{
	printf("1..0 # SKIP needs /proc/self/mem\n");
	return 0;
}

#else

#include <inttypes.h>
#include <sys/mman.h>
#include <sys/wait.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define LEN 24
/* no other bytes of a process have as much in common with a secret */
#define PIECE 8
#define MASK 0x5a

enum { LEAD, WORK, WORK_TOKEN, HOME, HOME_TOKEN, PROXY_USER, PROXY_PASSWORD,
	SECRETS };

static unsigned char hidden[SECRETS][LEN];	/* each byte ^ MASK */

static void
make_hidden(void)
{
	static const char letters[] = "abcdefghijkmnopqrstuvwxyzACDEFGHIJKLMN"
	    "PQRSTUVWXYZ23456789";
	unsigned char random[SECRETS][LEN];
	int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, random, sizeof(random)), sizeof(random));
	(void)close(fd);
	for (size_t k = 0; k < SECRETS; k++)
		for (size_t i = 0; i < LEN; i++)
			hidden[k][i] = (unsigned char)(letters[random[k][i] %
			    (sizeof(letters) - 1)] ^ MASK);
}

/* ------------------------------------------------------------ the file of it */

static const char config[] =
    "password = \1\n"
    "proxy = socks5h://\6:\7@proxy.example:1080\n"
    "[account default]\nhost = a.example\nuser = me\n"
    "[account work]\nhost = b.example\nuser = me\n"
    "password = \2\ntoken = \3\nproxy =\n"
    "[account home]\nhost = c.example\nuser = me\nproxy =\n"
    "password-command = sh -c 'echo \4'\n"
    "token-command = echo \5\n"
    "[account file]\nhost = d.example\nuser = me\nproxy =\n"
    "password-file = ~/secret\n";

/* in a child, whose memory goes with it */
static void
write_config(struct side *side)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(side_path(side, "config"), O_WRONLY | O_CREAT |
		    O_TRUNC, 0600);

		for (size_t i = 0; config[i] != '\0'; i++) {
			char text[LEN];
			size_t k = (size_t)config[i] - 1;

			if (k >= SECRETS) {
				if (write(fd, &config[i], 1) != 1)
					_exit(1);
				continue;
			}
			for (size_t b = 0; b < LEN; b++)
				text[b] = (char)(hidden[k][b] ^ MASK);
			if (write(fd, text, LEN) != LEN)
				_exit(1);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* -------------------------------------------------------------- the search */

/* what a secret becomes: itself, or base64 of it from each of three places */
struct shape {
	unsigned char bytes[40];	/* each ^ MASK */
	size_t n;
};

static unsigned char
digit(unsigned v)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return (unsigned char)(digits[v & 63] ^ MASK);
}

/* of the whole groups of three from `from` on; nothing is kept in plain text */
static void
shape_of(const unsigned char *h, size_t from, bool base64, struct shape *s)
{
	s->n = 0;
	if (!base64) {
		memcpy(s->bytes, h, LEN);
		s->n = LEN;
		return;
	}
	for (size_t i = from; i + 3 <= LEN; i += 3) {
		unsigned v = (unsigned)(h[i] ^ MASK) << 16 |
		    (unsigned)(h[i + 1] ^ MASK) << 8 |
		    (unsigned)(h[i + 2] ^ MASK);

		for (int bits = 18; bits >= 0; bits -= 6)
			s->bytes[s->n++] = digit(v >> bits);
	}
}

/* pieces of it in these bytes */
static size_t
count_in(const struct shape *s, const unsigned char *p, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i + PIECE <= n; i++)
		for (size_t k = 0; k + PIECE <= s->n; k++) {
			size_t b = 0;

			while (b < PIECE && (p[i + b] ^ MASK) ==
			    s->bytes[k + b])
				b++;
			found += b == PIECE;
		}
	return found;
}

struct search {
	struct shape shapes[SECRETS][4];
	size_t found[SECRETS];
	bool first[256];	/* one of the shapes has a piece that begins so */
	size_t bytes;
};

static void
search_block(struct search *s, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i + PIECE <= n; i++) {
		if (!s->first[p[i] ^ MASK])
			continue;
		for (size_t k = 0; k < SECRETS; k++)
			for (size_t j = 0; j < 4; j++)
				s->found[k] += count_in(&s->shapes[k][j],
				    p + i, PIECE);
	}
}

/* with the pages before and behind this block: what is read is no finding */
static unsigned char *block;
#define BLOCK (64 * 1024)

static void
search_range(struct search *s, int fd, uint64_t from, uint64_t to)
{
	while (from + PIECE <= to) {
		size_t want = to - from > BLOCK ? BLOCK : (size_t)(to - from);
		ssize_t got = pread(fd, block, want, (off_t)from);

		if (got < PIECE)
			return;		/* [vvar] and its like */
		search_block(s, block, (size_t)got);
		s->bytes += (size_t)got;
		/* pieces across the edge */
		from += (uint64_t)got == to - from ? (uint64_t)got :
		    (uint64_t)got - (PIECE - 1);
	}
}

/* all that this process can read of itself */
static void
search_all(struct search *s)
{
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096], mode[8];
	uint64_t from, to;

	assert_true(mem >= 0);
	assert_non_null(maps);
	memset(s, 0, sizeof(*s));
	for (size_t k = 0; k < SECRETS; k++)
		for (size_t j = 0; j < 4; j++) {
			struct shape *shape = &s->shapes[k][j];

			shape_of(hidden[k], j == 0 ? 0 : j - 1, j != 0, shape);
			for (size_t i = 0; i + PIECE <= shape->n; i++)
				s->first[shape->bytes[i]] = true;
		}
	while (fgets(line, sizeof(line), maps) != NULL) {
		/* the kernel writes them */
		/* NOLINTNEXTLINE(cert-err34-c) */
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to,
		    mode) != 3 || mode[0] != 'r' ||
		    from == (uint64_t)(uintptr_t)block)
			continue;
		search_range(s, mem, from, to);
	}
	(void)fclose(maps);
	(void)close(mem);
}

/* ------------------------------------------------------------------- tests */

struct desk {
	struct side side;
	struct mc_caller caller;
	char *envp[4];
	char var[200];
	struct mc_config *config;
};

static void
desk_open(struct desk *d)
{
	struct mc_err err = { .code = MC_OK };

	memset(d, 0, sizeof(*d));
	make_hidden();
	side_open(&d->side);
	write_config(&d->side);
	d->caller.home = d->side.dir;
	d->caller.uid = geteuid();
	d->caller.envp = d->envp;
	if (mc_config_load(&d->caller, side_path(&d->side, "config"), NULL,
	    NULL, &d->config, &err) != 0)
		fail_msg("%s", err.text);
}

static void
desk_close(struct desk *d)
{
	static const char *const files[] = { "config", NULL };

	mc_config_free(d->config);
	side_close(&d->side, files);
}

static const struct mc_account *
account(struct desk *d, const char *name)
{
	const struct mc_account *a = NULL;
	struct mc_err err = { .code = MC_OK };

	if (mc_config_find(d->config, name, &a, &err) != 0)
		fail_msg("%s", err.text);
	return a;
}

/* which secrets are there, as bits, in a child that forgets */
static unsigned
left(struct desk *d, bool forget, const char *keep)
{
	struct search *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned bits = 0;
	int status;
	pid_t pid;

	assert_true(s != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)alarm(100);
		block = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED |
		    MAP_ANONYMOUS, -1, 0);
		if (block == MAP_FAILED)
			_exit(1);
		if (forget)
			mc_config_forget(d->config, keep);
		search_all(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* it has looked at something */
	assert_true(s->bytes > 1024 * 1024);
	for (size_t k = 0; k < SECRETS; k++)
		bits |= s->found[k] != 0 ? 1u << k : 0;
	(void)munmap(s, sizeof(*s));
	return bits;
}

#define BIT(k) (1u << (k))

static void
test_left(void **state)
{
	static const struct {
		const char *keep;
		unsigned left;
	} rows[] = {
		{ NULL, 0 },
		{ "nobody", 0 },
		{ "file", 0 },
		{ "work", BIT(WORK) | BIT(WORK_TOKEN) },
		{ "home", BIT(HOME) | BIT(HOME_TOKEN) },
		{ "default", BIT(LEAD) | BIT(PROXY_USER) |
		    BIT(PROXY_PASSWORD) },
	};
	struct desk d;

	(void)state;
	desk_open(&d);
	/* or the search is good for nothing */
	assert_int_equal(left(&d, false, NULL), BIT(SECRETS) - 1);
	for (size_t i = 0; i < MC_NELEM(rows); i++)
		assert_int_equal(left(&d, true, rows[i].keep), rows[i].left);
	/* the process that has it all has lost nothing */
	assert_int_equal(left(&d, false, NULL), BIT(SECRETS) - 1);
	desk_close(&d);
}

/* that there is one is known after it as before, and nobody gets it */
static void
test_known(void **state)
{
	struct mc_secret *secret = NULL;
	struct mc_err err = { .code = MC_OK };
	struct mc_value value;
	struct mc_proxy proxy;
	struct desk d;

	(void)state;
	desk_open(&d);
	mc_config_forget(d.config, "home");
	assert_true(mc_source_has(account(&d, "work"), MC_SECRET_PASSWORD));
	assert_true(mc_source_has(account(&d, "work"), MC_SECRET_TOKEN));
	assert_false(mc_keeper_needed(account(&d, "work"), &d.caller));
	assert_true(mc_keeper_needed(account(&d, "home"), &d.caller));
	assert_true(mc_keeper_needed(account(&d, "file"), &d.caller));
	assert_false(mc_source_has(account(&d, "file"), MC_SECRET_TOKEN));
	assert_non_null(account(&d, "default")->proxy);
	assert_null(account(&d, "work")->proxy);
	assert_int_equal(mc_proxy_split(mc_secret_peek(account(&d,
	    "default")->proxy), &proxy), 0);
	assert_str(proxy.host, "proxy.example");
	assert_str(proxy.port, "1080");
	assert_true(proxy.has_user);
	assert_int_equal(proxy.password.len, LEN);
	for (size_t i = 0; mc_config_value(d.config, "work", i, &value,
	    NULL) == 0; i++)
		if (strcmp(value.key, "password") == 0)
			assert_string_equal(value.value, "<hidden>");

	assert_err(mc_source_get(account(&d, "work"), MC_SECRET_PASSWORD,
	    &d.caller, -1, &secret, &err), err, MC_E_NO_SECRET);
	assert_non_null(strstr(err.text, "forgotten"));
	memset(&err, 0, sizeof(err));
	/* the kept one's command is as it was */
	d.envp[0] = (char *)"PATH=/usr/bin:/bin";
	assert_string_not_equal(account(&d, "home")->token_command,
	    "xxxxxxxxxxxxx");
	assert_memory_equal(account(&d, "home")->token_command, "echo ", 5);

	/* and what is set later is checked against all of it */
	if (mc_config_set(d.config, "queue", "off", &err) != 0)
		fail_msg("%s", err.text);
	assert_true(mc_source_has(account(&d, "work"), MC_SECRET_PASSWORD));
	desk_close(&d);
}

/* variables are wiped where they stand, and their copies here */
static void
test_environment(void **state)
{
	struct mc_err err = { .code = MC_OK };
	struct desk d;

	(void)state;
	desk_open(&d);
	mc_config_free(d.config);
	d.config = NULL;
	(void)snprintf(d.var, sizeof(d.var), "MAILCHUTE_PASSWORD=");
	for (size_t i = 0, n = strlen(d.var); i < LEN; i++)
		d.var[n + i] = (char)(hidden[HOME][i] ^ MASK);
	d.envp[0] = d.var;
	if (mc_config_load(&d.caller, side_path(&d.side, "config"), NULL,
	    NULL, &d.config, &err) != 0)
		fail_msg("%s", err.text);
	/* of the default account now, whose file has the last word no more */
	assert_true((left(&d, true, "default") & BIT(HOME)) != 0);
	assert_int_equal(left(&d, true, NULL), 0);
	assert_int_equal(left(&d, true, "work"), BIT(WORK) |
	    BIT(WORK_TOKEN));
	desk_close(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_environment),
	};
	/* a sanitizer has far too much memory to search */
	const struct CMUnitTest some[] = {
		cmocka_unit_test(test_known),
	};

	if (SANITIZED)
		return cmocka_run_group_tests(some, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
