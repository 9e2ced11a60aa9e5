/* SPDX-License-Identifier: MIT */
/*
 * test_connect.c - addresses, the resolver's thread and the race
 */
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net_side.h"

#define LIMIT_MS 20000

/* ---------------------------------------------------------------- literals */

static void
literals(void **state)
{
	static const struct {
		const char *host;
		bool literal;
		bool loopback;
		const char *text;	/* with port 25 */
	} rows[] = {
		{ "127.0.0.1", true, true, "127.0.0.1:25" },
		{ "127.255.0.3", true, true, "127.255.0.3:25" },
		{ "128.0.0.1", true, false, "128.0.0.1:25" },
		{ "[192.0.2.1]", true, false, "192.0.2.1:25" },
		{ "::1", true, true, "[::1]:25" },
		{ "[::1]", true, true, "[::1]:25" },
		{ "2001:DB8::1", true, false, "[2001:db8::1]:25" },
		{ "[2001:db8:0:0:0:0:0:1]", true, false,
		    "[2001:db8::1]:25" },
		{ "fe80::1%lo", true, false, "[fe80::1]:25" },
		{ "::ffff:127.0.0.1", true, false, "[::ffff:127.0.0.1]:25" },
		{ "localhost", false, true, NULL },
		{ "LocalHost", false, true, NULL },
		{ "localhost.", false, true, NULL },
		{ "localhost.example", false, false, NULL },
		{ "xlocalhost", false, false, NULL },
		{ "127.1", false, false, NULL },
		{ "0x7f000001", false, false, NULL },
		{ "127.0.0.1.example", false, false, NULL },
		{ "127.0.0.01", false, false, NULL },
		{ "192.0.2.1%lo", false, false, NULL },
		{ "[127.0.0.1", false, false, NULL },
		{ "127.0.0.1]", false, false, NULL },
		{ "[]", false, false, NULL },
		{ "[", false, false, NULL },
		{ "", false, false, NULL },
		{ ":", false, false, NULL },
		{ "mail.example", false, false, NULL },
		{ "/run/mailchute/submit", false, false, NULL },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_ip a;
		char text[MC_PEER_TEXT];
		if (mc_net_is_literal(rows[i].host) != rows[i].literal ||
		    mc_net_is_loopback(rows[i].host) != rows[i].loopback)
			fail_msg("%s", rows[i].host);
		assert_int_equal(mc_ip_parse(rows[i].host, 25, &a) == 0,
		    rows[i].literal);
		if (rows[i].text == NULL)
			continue;
		mc_ip_text(&a, text);
		assert_string_equal(text, rows[i].text);
	}
	assert_false(mc_net_is_literal(NULL));
	assert_false(mc_net_is_loopback(NULL));
	char longest[300];
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(mc_net_is_literal(longest));
}

/* ---------------------------------------------------------- the selection */

#define MAX_LIST 500

struct list {
	struct addrinfo ai[MAX_LIST];
	struct mc_ip addr[MAX_LIST];
};

static struct addrinfo *
make_list(struct list *l, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(mc_ip_parse(texts[i], 25, &l->addr[i]), 0);
		l->ai[i] = (struct addrinfo){
			.ai_family = l->addr[i].ss.ss_family,
			.ai_addr = (struct sockaddr *)&l->addr[i].ss,
			.ai_addrlen = l->addr[i].len,
			.ai_next = i + 1 < n ? &l->ai[i + 1] : NULL,
		};
	}
	return n == 0 ? NULL : &l->ai[0];
}

static void
selection(void **state)
{
	static const struct {
		const char *in[8];
		int family;
		const char *out;
	} rows[] = {
		{ { "::2", "::3", "1.1.1.1", "1.1.1.2" }, AF_UNSPEC,
		    "[::2]:25 1.1.1.1:25 [::3]:25 1.1.1.2:25 " },
		{ { "1.1.1.1", "1.1.1.2", "::2" }, AF_UNSPEC,
		    "1.1.1.1:25 [::2]:25 1.1.1.2:25 " },
		{ { "1.1.1.1", "1.1.1.2", "::2" }, AF_INET6, "[::2]:25 " },
		{ { "::2", "1.1.1.2", "::3" }, AF_INET, "1.1.1.2:25 " },
		{ { "::2", "::2", "1.1.1.2", "1.1.1.2", "::3" }, AF_UNSPEC,
		    "[::2]:25 1.1.1.2:25 [::3]:25 " },
		{ { "0.0.0.0", "::", "::ffff:0.0.0.0", "1.1.1.1" }, AF_UNSPEC,
		    "1.1.1.1:25 " },
		{ { "0.0.0.0", "::" }, AF_UNSPEC, "" },
		{ { "::2" }, AF_INET, "" },
		{ { NULL }, AF_UNSPEC, "" },
	};
	static struct list list;
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		size_t n = 0;
		while (n < 8 && rows[i].in[n] != NULL)
			n++;
		struct mc_ips addrs;
		mc_ips_pick(make_list(&list, rows[i].in, n),
		    rows[i].family, &addrs);
		char all[512] = "";
		for (size_t k = 0; k < addrs.n; k++) {
			char text[MC_PEER_TEXT];
			mc_ip_text(&addrs.v[k], text);
			size_t len = strlen(all);
			snprintf(all + len, sizeof(all) - len, "%s ", text);
		}
		assert_string_equal(all, rows[i].out);
	}
}

static void
selection_has_an_end(void **state)
{
	static struct list list;
	static char texts[MAX_LIST][32];
	const char *in[MAX_LIST];
	(void)state;
	for (int i = 0; i < MAX_LIST; i++) {
		snprintf(texts[i], sizeof(texts[i]),
		    i < 490 ? "10.0.%d.%d" : "2001:db8::%d:%d", i / 250,
		    1 + i % 250);
		in[i] = texts[i];
	}
	struct mc_ips addrs;
	mc_ips_pick(make_list(&list, in, MAX_LIST), AF_UNSPEC, &addrs);
	assert_int_equal(addrs.n, MC_MAX_ADDRESSES);
	/* the other family is not crowded out */
	assert_int_equal(addrs.v[1].ss.ss_family, AF_INET6);
	assert_int_equal(addrs.v[15].ss.ss_family, AF_INET6);
}

/* ----------------------------------------------------------- the socket */

static void
check_socket(int fd)
{
	int on = 0;
	socklen_t len = sizeof(on);
	assert_true(fd > 2);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &len),
	    0);
	assert_true(on != 0);
	assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len),
	    0);
	assert_true(on != 0);
}

/* ---------------------------------------------------------------- the race */

enum kind { GOOD, REFUSED, HOLE };

static void
race(void **state)
{
	static const struct {
		enum kind kinds[MC_MAX_ADDRESSES];
		size_t n;
		size_t winner;
		int64_t attempt_ms;
		int64_t delay_ms;
		int64_t limit_ms;
		enum mc_code code;
		const char *text;
	} rows[] = {
		{ { GOOD }, 1, 0, 0, 0, LIMIT_MS, MC_OK, NULL },
		{ { REFUSED, GOOD }, 2, 1, 0, 0, LIMIT_MS, MC_OK, NULL },
		{ { REFUSED, REFUSED, REFUSED, GOOD }, 4, 3, 0, 0, LIMIT_MS,
		    MC_OK, NULL },
		/* the second one runs beside the first */
		{ { HOLE, GOOD }, 2, 1, 0, 10, LIMIT_MS, MC_OK, NULL },
		{ { HOLE, HOLE, REFUSED, GOOD, GOOD }, 5, 3, 0, 10, LIMIT_MS,
		    MC_OK, NULL },
		/* a failure does not wait for the delay to pass */
		{ { HOLE, REFUSED, GOOD }, 3, 2, 0, 700, 1350, MC_OK, NULL },
		/* or after it, when its time is up first */
		{ { HOLE, GOOD }, 2, 1, 30, LIMIT_MS, LIMIT_MS, MC_OK, NULL },
		{ { REFUSED }, 1, 0, 0, 0, LIMIT_MS, MC_E_CONNECT,
		    "refused" },
		{ { REFUSED, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED }, 6,
		    0, 0, 0, LIMIT_MS, MC_E_CONNECT, "and 2 more" },
		{ { HOLE, REFUSED }, 2, 0, 30, 10, LIMIT_MS, MC_E_CONNECT,
		    "timed out" },
		{ { HOLE }, 1, 0, 0, 0, SHORT_MS, MC_E_TIMEOUT,
		    "timed out" },
		{ { HOLE, HOLE }, 2, 0, 0, 10, SHORT_MS, MC_E_TIMEOUT,
		    "timed out" },
		{ { GOOD }, 1, 0, 0, 0, 0, MC_E_TIMEOUT, "no time left" },
		{ { GOOD }, 0, 0, 0, 0, LIMIT_MS, MC_E_CONNECT, "no time" },
	};
	(void)state;
	struct hole hole;
	uint16_t good_port, refused_port;
	int good = listen_on(&good_port, 8);
	int refused = listen_on(&refused_port, -1);
	hole_open(&hole);
	const uint16_t ports[] = { good_port, refused_port, hole.port };
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_connect c = { .host = "mail.example", .port = "25",
		    .attempt_ms = rows[i].attempt_ms,
		    .delay_ms = rows[i].delay_ms, .cancel_fd = -1,
		    .deadline = mc_clock_after(rows[i].limit_ms) };
		struct mc_ips addrs = { .n = rows[i].n };
		for (size_t k = 0; k < rows[i].n; k++)
			assert_int_equal(mc_ip_parse("127.0.0.1",
			    ports[rows[i].kinds[k]], &addrs.v[k]), 0);
		struct mc_err err = { .code = MC_OK };
		size_t winner = 99;
		size_t before = open_fds();
		int fd = mc_net_race(&c, &addrs, NULL, &winner, &err);
		if (rows[i].code == MC_OK) {
			assert_string_equal(err.text, "");
			assert_int_equal(winner, rows[i].winner);
			check_socket(fd);
			close(fd);
		} else {
			assert_err(fd, err, rows[i].code);
			assert_int_equal(winner, 99);
			if (strcasestr(err.text, rows[i].text) == NULL)
				fail_msg("%zu: %s", i, err.text);
		}
		/* the losers are closed */
		assert_int_equal(open_fds(), before);
	}
	hole_close(&hole);
	close(good);
	close(refused);
}

static void
race_is_cancelled(void **state)
{
	(void)state;
	struct hole hole;
	int fds[2];
	hole_open(&hole);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	struct mc_connect c = { .host = "mail.example", .port = "25",
	    .cancel_fd = fds[0], .deadline = mc_clock_after(LIMIT_MS) };
	struct mc_ips addrs = { .n = 1 };
	assert_int_equal(mc_ip_parse("127.0.0.1", hole.port, &addrs.v[0]),
	    0);
	struct mc_err err = { .code = MC_OK };
	size_t winner;
	assert_err(mc_net_race(&c, &addrs, NULL, &winner, &err), err,
	    MC_E_CANCELLED);
	hole_close(&hole);
	close(fds[0]);
	close(fds[1]);
}

/* ------------------------------------------------------------ the resolver */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool go;
	int ended;
} slow = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };

static int
fake(const char *host, const char *port, const struct addrinfo *hints,
    struct addrinfo **ret_list)
{
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	if (sigismember(&mask, SIGTERM) != 1 ||
	    sigismember(&mask, SIGPIPE) != 1)
		return EAI_FAIL;
	struct addrinfo numeric = *hints;
	numeric.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
	if (strcmp(host, "slow.example") == 0) {
		pthread_mutex_lock(&slow.lock);
		while (!slow.go)
			pthread_cond_wait(&slow.cond, &slow.lock);
		slow.ended++;
		pthread_cond_broadcast(&slow.cond);
		pthread_mutex_unlock(&slow.lock);
		return getaddrinfo("192.0.2.1", port, &numeric, ret_list);
	}
	if (strcmp(host, "good.example") == 0)
		return getaddrinfo("192.0.2.1", port, &numeric, ret_list);
	if (strcmp(host, "offline.example") == 0)
		return (hints->ai_flags & AI_ADDRCONFIG) != 0 ? EAI_NONAME :
		    getaddrinfo("127.0.0.9", port, &numeric, ret_list);
	if (strcmp(host, "blocked.example") == 0)
		return getaddrinfo("0.0.0.0", port, &numeric, ret_list);
	if (strcmp(host, "again.example") == 0)
		return EAI_AGAIN;
	if (strcmp(host, "fail.example") == 0)
		return EAI_FAIL;
	if (strcmp(host, "memory.example") == 0)
		return EAI_MEMORY;
	if (strcmp(host, "system.example") == 0) {
		errno = EMFILE;
		return EAI_SYSTEM;
	}
	return EAI_NONAME;
}

static void
resolver(void **state)
{
	static const struct {
		const char *host;
		enum mc_code code;
		int sys;
		const char *text;
	} rows[] = {
		{ "good.example", MC_OK, 0, "192.0.2.1:25" },
		{ "offline.example", MC_OK, 0, "127.0.0.9:25" },
		{ "none.example", MC_E_RESOLVE, 0, "there is no such host" },
		{ "again.example", MC_E_RESOLVE, EAGAIN, "is the network up" },
		{ "fail.example", MC_E_RESOLVE, 0, "DNS servers failed" },
		{ "system.example", MC_E_RESOLVE, EMFILE,
		    "Too many open files" },
		{ "memory.example", MC_E_NOMEM, 0, "memory" },
		{ "blocked.example", MC_E_RESOLVE, 0, "filter" },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_connect c = { .host = rows[i].host, .port = "25",
		    .cancel_fd = -1, .deadline = mc_clock_after(LIMIT_MS) };
		struct mc_err err = { .code = MC_OK };
		struct mc_ips addrs;
		int rc = mc_net_resolve(&c, AF_UNSPEC, fake, &addrs, &err);
		if (rows[i].code == MC_OK) {
			char text[MC_PEER_TEXT];
			assert_string_equal(err.text, "");
			assert_int_equal(addrs.n, 1);
			mc_ip_text(&addrs.v[0], text);
			assert_string_equal(text, rows[i].text);
			continue;
		}
		assert_err(rc, err, rows[i].code);
		assert_int_equal(err.sys, rows[i].sys);
		if (strstr(err.text, rows[i].text) == NULL)
			fail_msg("%s", err.text);
	}
	/* the caller's mask is what it was */
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
}

static void
slow_resolver(void **state)
{
	(void)state;
	int fds[2];
	struct mc_ips addrs;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	struct mc_connect c = { .host = "slow.example", .port = "25",
	    .cancel_fd = -1, .deadline = mc_clock_after(SHORT_MS) };
	assert_err(mc_net_resolve(&c, AF_UNSPEC, fake, &addrs, &err), err,
	    MC_E_TIMEOUT);
	assert_int_equal(err.stage, MC_STAGE_RESOLVE);
	c.deadline = mc_clock_after(LIMIT_MS);
	c.cancel_fd = fds[0];
	err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_net_resolve(&c, AF_UNSPEC, fake, &addrs, &err), err,
	    MC_E_CANCELLED);
	/* both threads end later and clean up after themselves */
	pthread_mutex_lock(&slow.lock);
	slow.go = true;
	pthread_cond_broadcast(&slow.cond);
	while (slow.ended < 2)
		pthread_cond_wait(&slow.cond, &slow.lock);
	pthread_mutex_unlock(&slow.lock);
	close(fds[0]);
	close(fds[1]);
	/* not a test of time: room for their last steps before the leak
	 * checker looks */
	poll(NULL, 0, 2 * SHORT_MS);
}

static void
resolver_without_memory(void **state)
{
	(void)state;
	struct mc_connect c = { .host = "good.example", .port = "25",
	    .cancel_fd = -1, .deadline = mc_clock_after(LIMIT_MS) };
	for (unsigned long n = 1;; n++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_ips addrs;
		size_t before = open_fds();
		failmalloc(n, false);
		int rc = mc_net_resolve(&c, AF_UNSPEC, fake, &addrs, &err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			assert_true(n > 3);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
		assert_int_equal(open_fds(), before);
	}
}

/* -------------------------------------------------------------- everything */

struct lines {
	char text[1024];
};

static void
note(void *ctx, enum mc_level level, enum mc_stage stage, const char *text)
{
	struct lines *l = ctx;
	size_t len = strlen(l->text);
	(void)level;
	(void)stage;
	snprintf(l->text + len, sizeof(l->text) - len, "%s\n", text);
}

static void
connecting(void **state)
{
	(void)state;
	uint16_t port;
	int listener = listen_on(&port, 8);
	char port_text[8], peer[MC_PEER_TEXT], want[64];
	snprintf(port_text, sizeof(port_text), "%u", port);
	snprintf(want, sizeof(want), "127.0.0.1:%u", port);
	static const char *const hosts[] = { "127.0.0.1", "[127.0.0.1]",
	    "localhost", "LOCALHOST." };
	for (size_t i = 0; i < MC_NELEM(hosts); i++) {
		struct lines lines = { "" };
		struct mc_log log = { note, &lines, MC_LOG_DEBUG };
		struct mc_connect c = { .host = hosts[i], .port = port_text,
		    .source = i % 2 == 0 ? "127.0.0.2" : NULL,
		    .cancel_fd = -1, .log = &log,
		    .deadline = mc_clock_after(LIMIT_MS) };
		struct mc_err err = { .code = MC_OK };
		int fd = mc_net_connect(&c, peer, &err);
		assert_string_equal(err.text, "");
		check_socket(fd);
		assert_string_equal(peer, want);
		assert_non_null(strstr(lines.text, want));
		struct sockaddr_in sin;
		socklen_t len = sizeof(sin);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&sin,
		    &len), 0);
		assert_int_equal(ntohl(sin.sin_addr.s_addr) & 0xff,
		    i % 2 == 0 ? 2 : 1);
		close(fd);
		fd = mc_net_connect(&c, NULL, NULL);
		assert_true(fd > 2);
		close(fd);
	}
	close(listener);
}

static void
connect_errors(void **state)
{
	static char long_name[400];
	memset(long_name, 'a', sizeof(long_name) - 1);
	static char long_path[400];
	memset(long_path, '/', sizeof(long_path) - 1);
	static const struct {
		const char *host;
		const char *port;
		const char *source;
		enum mc_code code;
	} rows[] = {
		{ "127.0.0.1", "0", NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", "65536", NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", "smtp", NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", "", NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", "-1", NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", NULL, NULL, MC_E_CONF_VALUE },
		{ "127.0.0.1", "25", "localhost", MC_E_CONF_VALUE },
		{ "127.0.0.1", "25", "", MC_E_CONF_VALUE },
		{ "127.0.0.1", "25", "::1", MC_E_RESOLVE },
		{ "127.0.0.1", "25", "192.0.2.77", MC_E_CONNECT },
		{ "0.0.0.0", "25", NULL, MC_E_RESOLVE },
		{ "::", "25", NULL, MC_E_RESOLVE },
		{ "[::ffff:0.0.0.0]", "25", NULL, MC_E_RESOLVE },
		{ "", "25", NULL, MC_E_RESOLVE },
		{ long_name, "25", NULL, MC_E_RESOLVE },
		{ long_path, "", NULL, MC_E_CONNECT },
		{ "/nonexistent/socket", "", NULL, MC_E_CONNECT },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_connect c = { .host = rows[i].host,
		    .port = rows[i].port, .source = rows[i].source,
		    .cancel_fd = -1, .deadline = mc_clock_after(LIMIT_MS) };
		struct mc_err err = { .code = MC_OK };
		char peer[MC_PEER_TEXT] = "untouched";
		assert_err(mc_net_connect(&c, peer, &err), err,
		    rows[i].code);
		assert_string_equal(peer, "untouched");
	}
}

static void
unix_sockets(void **state)
{
	(void)state;
	char dir[] = "/tmp/mcnetXXXXXX";
	assert_non_null(mkdtemp(dir));
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/s", dir);
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&sun,
	    sizeof(sun)), 0);
	struct mc_connect c = { .host = sun.sun_path, .cancel_fd = -1,
	    .deadline = mc_clock_after(LIMIT_MS) };
	struct mc_err err = { .code = MC_OK };
	char peer[MC_PEER_TEXT];
	assert_err(mc_net_connect(&c, peer, &err), err, MC_E_CONNECT);
	assert_non_null(strstr(err.text, "is the service running?"));
	assert_int_equal(listen(listener, 0), 0);
	err = (struct mc_err){ .code = MC_OK };
	int fd = mc_net_connect(&c, peer, &err);
	assert_true(fd > 2);
	assert_string_equal(peer, sun.sun_path);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	/* nobody accepts, and the backlog is full at some time */
	int fill[16];
	size_t n = 0;
	int rc = 0;
	while (n < MC_NELEM(fill) && rc != -1) {
		c.deadline = mc_clock_after(SHORT_MS);
		rc = mc_net_connect(&c, NULL, &err);
		if (rc != -1)
			fill[n++] = rc;
	}
	assert_err(rc, err, MC_E_TIMEOUT);
	while (n > 0)
		close(fill[--n]);
	close(fd);
	close(listener);
	unlink(sun.sun_path);
	rmdir(dir);
}

/* with no standard descriptors the connection is still none of them */
static void
low_descriptors(void **state)
{
	(void)state;
	int saved = fcntl(0, F_DUPFD_CLOEXEC, 10);
	close(0);
	int fd = mc_net_socket(AF_INET);
	bool free_again = fcntl(0, F_GETFD) == -1;
	if (saved != -1) {
		dup2(saved, 0);
		close(saved);
	}
	assert_true(fd > 2);
	assert_true(free_again);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_true((fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals),
		cmocka_unit_test(selection),
		cmocka_unit_test(selection_has_an_end),
		cmocka_unit_test(race),
		cmocka_unit_test(race_is_cancelled),
		cmocka_unit_test(resolver),
		cmocka_unit_test(slow_resolver),
		cmocka_unit_test(resolver_without_memory),
		cmocka_unit_test(connecting),
		cmocka_unit_test(connect_errors),
		cmocka_unit_test(unix_sockets),
		cmocka_unit_test(low_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
