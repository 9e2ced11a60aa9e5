/* SPDX-License-Identifier: MIT */
/*
 * test_fastopen.c - a ClientHello made in advance, and in the SYN
 *
 * TCP Fast Open needs a server that takes part, which is a setting of the
 * kernel; so the process has a network of its own.
 */
#include "unit.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "net/stream.h"
#include "net_side.h"
#include "tlspeer.h"

#define LIMIT_MS 20000
#define SYN_DATA 32		/* TCPI_OPT_SYN_DATA, not in every header */
#define SYSCTL "/proc/sys/net/ipv4/tcp_fastopen"

static struct cert cert;
static struct mc_tls *tls;
static bool have_net;

static bool
set_mtu(int mtu)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	req.ifr_mtu = mtu;
	bool ok = ioctl(fd, SIOCSIFMTU, &req) == 0;
	close(fd);
	return ok;
}

static bool
set_servers(const char *mode)
{
	FILE *f = fopen(SYSCTL, "we");
	return f != NULL && fputs(mode, f) != EOF && fclose(f) == 0;
}

/* client and server, whether the server asks for it or not */
#define ALL "1027"
/* the client, and servers that ask for it: tlspeer does not */
#define NO_SERVERS "3"

/* a loopback without any cookies */
static bool
new_net(void)
{
#ifdef CLONE_NEWNET
	struct ifreq req = { .ifr_name = "lo" };
	if (unshare(CLONE_NEWNET) == -1 &&
	    unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
		return false;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	req.ifr_flags = IFF_UP;
	bool up = ioctl(fd, SIOCSIFFLAGS, &req) == 0;
	close(fd);
	return up && set_servers(ALL);
#else
	return false;
#endif
}

static int
set_up(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "x", .san = "DNS:mail.example" };
	if (!cert_make(&spec, NULL, &cert))
		return -1;
	char pin[64];
	cert_pin(&cert, pin);
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .pins = pin };
	have_net = new_net();
	if (!have_net)
		print_message("# no network of its own, or no TCP Fast Open: "
		    "most is skipped\n");
	return mc_tls_new(&set, &tls, NULL);
}

static int
tear_down(void **state)
{
	(void)state;
	mc_tls_free(tls);
	cert_clear(&cert);
	return 0;
}

static int
fresh_net(void **state)
{
	(void)state;
	have_net = have_net && new_net();
	return 0;
}

/* did the SYN bring data that was taken? */
static bool
syn_data(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len),
	    0);
	return (info.tcpi_options & SYN_DATA) != 0;
}

static void
say_done(struct peer_tls *p)
{
	SSL_write(p->ssl, "done", 4);
	SSL_shutdown(p->ssl);
}

/* prepare, connect, shake hands, read; how many bytes left early */
static size_t
visit(int max, size_t *ret_hello, bool *ret_taken)
{
	struct peer_tls p = { .cert = &cert, .max = max, .talk = say_done };
	struct mc_str hello = MC_STR_NONE;
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	struct mc_stream *s;
	struct peer peer;
	char buf[8];
	size_t got, sent = 99;

	assert_int_equal(mc_stream_new(-1, -1, &s, &err), 0);
	assert_int_equal(mc_stream_prepare_tls(s, tls, &hello, &err), 0);
	/* the type of the record, and that of the message */
	assert_true(hello.len > 100);
	assert_int_equal(hello.ptr[0], 22);
	assert_int_equal(hello.ptr[5], 1);
	peer_start(&peer, peer_tls, &p);
	struct mc_connect c = { .host = "127.0.0.1", .port = peer.port,
	    .deadline = mc_clock_after(LIMIT_MS), .cancel_fd = -1,
	    .hello = hello, .ret_sent = &sent };
	int fd = mc_net_connect(&c, NULL, &err);
	assert_string_equal(err.text, "");
	mc_stream_attach(s, fd, sent);
	assert_int_equal(mc_stream_start_tls(s, tls, false, c.deadline, &info,
	    &err), 0);
	assert_string_equal(info.version, max == TLS1_2_VERSION ? "TLSv1.2" :
	    "TLSv1.3");
	assert_int_equal(mc_stream_read(s, buf, sizeof(buf), c.deadline, &got,
	    &err), 0);
	assert_int_equal(got, 4);
	*ret_taken = syn_data(fd);
	*ret_hello = hello.len;
	mc_stream_free(s);
	peer_join(&peer);
	assert_true(p.shaken);
	return sent;
}

/* ---------------------------------------------------------- made in advance */

/* without a cookie all is as always */
static void
first_visit(void **state)
{
	(void)state;
	size_t len;
	bool taken;
	if (have_net)
		assert_true(set_servers(NO_SERVERS));
	assert_int_equal(visit(TLS1_3_VERSION, &len, &taken), 0);
	assert_false(taken);
	assert_int_equal(visit(TLS1_2_VERSION, &len, &taken), 0);
}

static void
wrong_order(void **state)
{
	(void)state;
	struct mc_err err = { .code = MC_OK };
	struct mc_str hello;
	struct mc_stream *s;
	struct mc_tls_info info;
	uint16_t port;
	assert_int_equal(mc_stream_new(listen_on(&port, 1), -1, &s, NULL), 0);
	assert_err(mc_stream_prepare_tls(s, tls, &hello, &err), err,
	    MC_E_INTERNAL);
	mc_stream_free(s);
	assert_int_equal(mc_stream_new(-1, -1, &s, NULL), 0);
	assert_int_equal(mc_stream_prepare_tls(s, tls, &hello, NULL), 0);
	err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_stream_prepare_tls(s, tls, &hello, &err), err,
	    MC_E_INTERNAL);
	/* not what was prepared */
	err = (struct mc_err){ .code = MC_OK };
	assert_err(mc_stream_start_tls(s, NULL, false, 0, &info, &err), err,
	    MC_E_INTERNAL);
	mc_stream_free(s);
}

/* the server is gone before the rest could be sent: no other words */
static void
cut(void **state)
{
	(void)state;
	char texts[2][MC_ERR_TEXT];
	for (int early = 0; early < 2; early++) {
		struct mc_err err = { .code = MC_OK };
		struct mc_stream *s;
		struct mc_str hello;
		struct mc_tls_info info;
		int pair[2];
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM |
		    SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
		close(pair[1]);
		assert_int_equal(mc_stream_new(-1, -1, &s, NULL), 0);
		if (early == 1)
			assert_int_equal(mc_stream_prepare_tls(s, tls, &hello,
			    NULL), 0);
		mc_stream_attach(s, pair[0], 0);
		assert_err(mc_stream_start_tls(s, tls, false,
		    mc_clock_after(LIMIT_MS), &info, &err), err,
		    MC_E_CLOSED);
		memcpy(texts[early], err.text, sizeof(err.text));
		mc_stream_free(s);
	}
	assert_string_equal(texts[0], texts[1]);
}

/* -------------------------------------------------------------- in the SYN */

static void
second_visit(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	(void)state;
	if (!have_net)
		skip();
	size_t len;
	bool taken;
	assert_int_equal(visit(TLS1_3_VERSION, &len, &taken), 0);
	assert_false(taken);
	for (size_t i = 0; i < MC_NELEM(versions); i++) {
		assert_int_equal(visit(versions[i], &len, &taken), len);
		assert_true(taken);
	}
	/* the server does not want it any more: it comes once again */
	assert_true(set_servers(NO_SERVERS));
	assert_int_equal(visit(TLS1_3_VERSION, &len, &taken), len);
	assert_false(taken);
}

/* what does not fit in the SYN follows */
static void
two_packets(void **state)
{
	(void)state;
	if (!have_net)
		skip();
	size_t len;
	bool taken;
	assert_true(set_mtu(300));
	assert_int_equal(visit(TLS1_3_VERSION, &len, &taken), 0);
	size_t sent = visit(TLS1_3_VERSION, &len, &taken);
	assert_in_range(sent, 1, len - 1);
	assert_true(taken);
}

/* ---------------------------------------------------------------- the race */

enum kind { GOOD, REFUSED, HOLE };

static void
count_tries(void *ctx, enum mc_level level, enum mc_stage stage,
    const char *text)
{
	size_t *n = ctx;
	(void)level;
	(void)stage;
	*n += strncmp(text, "trying ", 7) == 0;
}

/* with a cookie for the host each row ends as it does without */
static void
race(void **state)
{
	static const struct {
		enum kind kinds[3];
		size_t n;
		size_t winner;
		int64_t attempt_ms;
		int64_t limit_ms;
		size_t tries;
		bool early;	/* the winner got the hello in its SYN */
		enum mc_code code;
	} rows[] = {
		{ { GOOD }, 1, 0, 0, LIMIT_MS, 1, true, MC_OK },
		{ { REFUSED }, 1, 0, 0, LIMIT_MS, 2, false, MC_E_CONNECT },
		{ { REFUSED, REFUSED }, 2, 0, 0, LIMIT_MS, 4, false,
		    MC_E_CONNECT },
		/* the dead one is given up before the next is asked */
		{ { REFUSED, GOOD }, 2, 1, 0, LIMIT_MS, 3, true, MC_OK },
		/* and here it is not */
		{ { HOLE, GOOD }, 2, 1, 0, LIMIT_MS, 2, false, MC_OK },
		{ { HOLE, REFUSED, GOOD }, 3, 2, 0, LIMIT_MS, 3, false,
		    MC_OK },
		{ { HOLE }, 1, 0, 30, LIMIT_MS, 1, false, MC_E_CONNECT },
		{ { HOLE }, 1, 0, 0, SHORT_MS, 1, false, MC_E_TIMEOUT },
	};
	(void)state;
	if (!have_net)
		skip();
	struct hole hole;
	uint16_t good_port, refused_port;
	char text[MC_ERR_TEXT];
	size_t len;
	bool taken;
	/* before there is a cookie, or nothing fills up */
	hole_open(&hole);
	assert_int_equal(visit(TLS1_3_VERSION, &len, &taken), 0);
	int good = listen_on(&good_port, 64);
	int refused = listen_on(&refused_port, -1);
	const uint16_t ports[] = { good_port, refused_port, hole.port };
	for (size_t i = 0; i < MC_NELEM(rows) * 2; i++) {
		size_t k = i / 2, tries = 0, sent = 99, winner = 99;
		bool fast = i % 2 == 1;
		const struct mc_log log = { count_tries, &tries,
		    MC_LOG_DEBUG };
		struct mc_connect c = { .host = "mail.example", .port = "25",
		    .attempt_ms = rows[k].attempt_ms, .delay_ms = 30,
		    .cancel_fd = -1, .log = &log, .ret_sent = &sent,
		    .hello = fast ? MC_STR("hello") : MC_STR_NONE,
		    .deadline = mc_clock_after(rows[k].limit_ms) };
		struct mc_ips addrs = { .n = rows[k].n };
		for (size_t m = 0; m < rows[k].n; m++)
			assert_int_equal(mc_ip_parse("127.0.0.1",
			    ports[rows[k].kinds[m]], &addrs.v[m]), 0);
		struct mc_err err = { .code = MC_OK };
		size_t before = open_fds();
		int fd = mc_net_race(&c, &addrs, NULL, &winner, &err);
		if (rows[k].code == MC_OK) {
			assert_string_equal(err.text, "");
			assert_int_equal(winner, rows[k].winner);
			assert_int_equal(sent, fast && rows[k].early ? 5 : 0);
			assert_int_equal(syn_data(fd), sent != 0);
			close(fd);
		} else {
			assert_err(fd, err, rows[k].code);
			assert_int_equal(sent, 99);
			if (fast)
				assert_string_equal(err.text, text);
			memcpy(text, err.text, sizeof(text));
		}
		assert_int_equal(tries, fast ? rows[k].tries : rows[k].n);
		assert_int_equal(open_fds(), before);
	}
	hole_close(&hole);
	close(good);
	close(refused);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_visit),
		cmocka_unit_test(wrong_order),
		cmocka_unit_test(cut),
		cmocka_unit_test_setup(second_visit, fresh_net),
		cmocka_unit_test_setup(two_packets, fresh_net),
		cmocka_unit_test_setup(race, fresh_net),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
