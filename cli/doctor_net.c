/* SPDX-License-Identifier: MIT */
/*
 * doctor_net.c - the way to the server, up to EHLO
 */
#include "doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PROBE_MS 60000
#define KNOCK_MS 2000

static const char connection[] = "connection";
static const char tls[] = "TLS";

static bool
failed_at(const struct doctor *d, enum mc_stage stage)
{
	return d->err.code != MC_OK && d->err.stage == stage;
}

static bool
mode_is(const struct doctor *d, const char *mode)
{
	return strcmp(doctor_key(d, "tls"), mode) == 0;
}

/* ------------------------------------------------------------------- asking */

static void
probe(struct doctor *d, unsigned flags)
{
	struct mc_probe p = { .account = d->account, .flags = flags,
	    .cancel_fd = cli_cancel_fd(), .timeout_ms = PROBE_MS,
	    .fact = doctor_on_fact, .ctx = &d->facts };

	doctor_facts_clear(&d->facts);
	memset(&d->err, 0, sizeof(d->err));
	p.rcpt = (flags & MC_PROBE_NO_AUTH) == 0 ? d->rcpt : NULL;
	(void)!mc_probe(&d->id->caller, d->config, &p, &d->err);
}

/* secrets are fetched before anything else happens */
static bool
is_about_secret(const struct doctor *d)
{
	return d->facts.n == 0 && (d->err.code == MC_E_HELPER ||
	    d->err.code == MC_E_NO_SECRET || d->err.code == MC_E_CONF_SECRET ||
	    (d->err.code == MC_E_CONF_VALUE &&
	    strstr(d->err.text, "secret") != NULL));
}

/* --------------------------------------------------------- name and address */

static bool
is_private_address(const char *text)
{
	char host[128];
	struct in_addr v4;
	struct in6_addr v6;
	uint32_t a;

	doctor_bare(text, host, sizeof(host));
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return (v6.s6_addr[0] & 0xfe) == 0xfc ||
		    IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_LINKLOCAL(&v6);
	if (inet_pton(AF_INET, host, &v4) != 1)
		return false;
	a = ntohl(v4.s_addr);
	return a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 ||
	    a >> 16 == 0xc0a8 || a >> 16 == 0xa9fe || a >> 22 == 0x191;
}

/* names that are only known here are expected at such addresses */
static bool
is_public_name(const char *host)
{
	static const char *const own[] = { ".local", ".lan", ".internal",
	    ".home.arpa", ".localhost", ".intranet", ".corp", ".home" };
	size_t len = strlen(host);

	if (strchr(host, '.') == NULL || strchr(host, ':') != NULL ||
	    strspn(host, "0123456789.") == len)
		return false;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		size_t n = strlen(own[i]);

		if (len > n && strcmp(host + len - n, own[i]) == 0)
			return false;
	}
	return true;
}

bool
doctor_private(const struct doctor *d)
{
	const char *address = doctor_fact(d, MC_STAGE_RESOLVE, "address", 0);

	return address != NULL && is_public_name(doctor_key(d, "host")) &&
	    is_private_address(address);
}

static void
say_resolve(struct doctor *d)
{
	const char *address, *ms = doctor_fact(d, MC_STAGE_RESOLVE, "ms", 0);
	char list[DOCTOR_TEXT] = "";
	size_t n = 0;

	if (failed_at(d, MC_STAGE_RESOLVE)) {
		doctor_fail(d, &d->err, "name", d->err.sys == EAGAIN ?
		    "no DNS server answered: is the network up, and is "
		    "/etc/resolv.conf right?" : "correct `host`, or ask the "
		    "provider for the server's name");
		return;
	}
	for (size_t i = 0; n < sizeof(list) && (address = doctor_fact(d,
	    MC_STAGE_RESOLVE, "address", i)) != NULL; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i == 0 ? "" : ", ", address);
	if (n != 0)
		doctor_ok(d, "name", "%s: %s (%s ms)", doctor_key(d, "host"),
		    list, ms != NULL ? ms : "?");
}

/* --------------------------------------------------------------- connection */

static const char *
remedy_for_connect(const struct doctor *d, unsigned use, const char *ports,
    char *buf, size_t size)
{
	bool filtered = d->err.sys == ETIMEDOUT || d->err.code ==
	    MC_E_TIMEOUT;

	if (use != 0 && filtered)
		snprintf(buf, size, "port %s is filtered on the way%s, and "
		    "others are not (%s): set port = %u", d->port,
		    strcmp(d->port, "25") == 0 ? ", as many networks do "
		    "against spam" : "", ports, use);
	else if (use != 0)
		snprintf(buf, size, "wrong port?  The server answers at "
		    "others (%s): set port = %u", ports, use);
	else if (d->err.sys == ENETUNREACH || d->err.sys == EHOSTUNREACH ||
	    d->err.sys == ENETDOWN)
		snprintf(buf, size, "there is no route from here to the "
		    "server: is the network up (`ip route`), and a VPN where "
		    "one is needed?");
	else if (d->err.sys == EACCES || d->err.sys == EPERM)
		snprintf(buf, size, "this machine itself forbids it: its "
		    "firewall, or a security module of the kernel");
	else if (filtered)
		snprintf(buf, size, "a firewall drops what goes there, or "
		    "the server is down%s%s", ports[0] != '\0' ? "; " : "",
		    ports);
	else if (doctor_fact(d, MC_STAGE_RESOLVE, "address", 0) == NULL)
		snprintf(buf, size, "check `host`, `port` and `proxy`");
	else
		snprintf(buf, size, "check `host` and `port`; no usual port "
		    "for mail answers at that host");
	return buf;
}

static void
say_connect(struct doctor *d)
{
	const char *peer = doctor_fact(d, MC_STAGE_CONNECT, "peer", 0);
	const char *ms = doctor_fact(d, MC_STAGE_CONNECT, "ms", 0);
	char ports[512], remedy[DOCTOR_TEXT];
	unsigned use;

	if (peer != NULL) {
		doctor_ok(d, connection, "%s (%s ms)", peer,
		    ms != NULL ? ms : "?");
		return;
	}
	if (d->facts.n != 0 && d->err.stage != MC_STAGE_RESOLVE &&
	    doctor_fact(d, MC_STAGE_RESOLVE, "address", 0) == NULL &&
	    doctor_key(d, "host")[0] != '/')
		doctor_ok(d, connection, "made by libcurl (transport = curl, "
		    "or a proxy), which tells no more of it");
	if (!failed_at(d, MC_STAGE_CONNECT))
		return;
	if (doctor_key(d, "host")[0] == '/') {
		doctor_fail(d, &d->err, connection, "start the service: "
		    "systemctl start mailchute.socket");
		return;
	}
	use = doctor_ports(d, ports, sizeof(ports));
	doctor_fail(d, &d->err, connection, remedy_for_connect(d, use, ports,
	    remedy, sizeof(remedy)));
}

/* --------------------------------------------------------- greeting and TLS */

/* a web server, or a page to log in to a network */
static void
say_http(struct doctor *d, const char *what)
{
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), what,
	    "open any http:// page in a browser and log in to the network; "
	    "if there is no such page, check `host` and `port`",
	    "a web server answers (HTTP) where the mail server should%s: "
	    "a captive portal, such as of a hotel, answers in its place, or "
	    "host and port are not those of a mail server",
	    doctor_private(d) ? ", and its address is a private one" : "");
}

/* what stands at the port says which of the two ways it wants */
static bool
say_other_way(struct doctor *d, const char *what)
{
	const char *peer = doctor_fact(d, MC_STAGE_CONNECT, "peer", 0);
	enum doctor_port there;

	if (peer == NULL || peer[0] == '/')
		return false;
	there = doctor_knock(peer, (unsigned)strtoul(d->port, NULL, 10),
	    KNOCK_MS);
	if (there == DOCTOR_HTTP) {
		say_http(d, what);
	} else if (there == DOCTOR_TLS && mode_is(d, "starttls")) {
		doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), what,
		    "set tls = on", "port %s speaks TLS from the start, and "
		    "tls = starttls waits for a greeting in clear", d->port);
	} else if (there == DOCTOR_SMTP && mode_is(d, "on")) {
		doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), what,
		    "set tls = starttls, or use the port for TLS from the "
		    "start (465)", "port %s greets in clear, and tls = on "
		    "wants TLS from the start", d->port);
	} else
		return false;
	return true;
}

static void
say_greeting(struct doctor *d)
{
	const char *text = doctor_fact(d, MC_STAGE_GREETING, "text", 0);

	if (text != NULL && strstr(text, "***") != NULL)
		doctor_say(d, DOCTOR_WARNING, 0, "greeting", "have SMTP "
		    "inspection (\"fixup\") turned off for this server, or "
		    "use port 465", "%s: something in between has replaced "
		    "it, as firewalls that inspect SMTP do", text);
	if (!failed_at(d, MC_STAGE_GREETING))
		return;
	if (strstr(d->err.text, "HTTP/") != NULL)
		say_http(d, "greeting");
	else if (d->err.smtp != 0)
		doctor_fail(d, &d->err, "greeting", "the server does not want "
		    "this address now: it is busy, or the address is on a "
		    "block list; its words say more");
	else if (!say_other_way(d, "greeting"))
		doctor_fail(d, &d->err, "greeting", "check `host` and `port`: "
		    "a mail server greets within seconds");
}

/* some firewalls write over the word instead of removing it */
static bool
is_mangled(const struct doctor *d)
{
	const char *line;

	for (size_t i = 0; (line = doctor_fact(d, MC_STAGE_EHLO, "line",
	    i)) != NULL; i++)
		if (strstr(line, "XXXXXXX") != NULL)
			return true;
	return false;
}

static void
say_starttls(struct doctor *d)
{
	char ports[512], remedy[DOCTOR_TEXT];
	unsigned use;

	if (!failed_at(d, MC_STAGE_STARTTLS))
		return;
	if (d->err.code != MC_E_TLS_NOT_OFFERED) {
		doctor_fail(d, &d->err, tls, d->err.code == MC_E_INJECTED ?
		    "somebody in between tampers with the connection; use "
		    "port 465 with tls = on" : "use port 465 with tls = on, "
		    "or tell the provider");
		return;
	}
	use = doctor_ports(d, ports, sizeof(ports));
	snprintf(remedy, sizeof(remedy), "use TLS from the start, which cannot "
	    "be taken away like that: tls = on, port = %u%s%s", use != 0 ?
	    use : 465, ports[0] != '\0' ? "; " : "", ports);
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), tls, remedy, "%s",
	    is_mangled(d) ? "an intercepting proxy or firewall has written "
	    "XXXXXXXX over STARTTLS in the server's answer, so that mail "
	    "would go in clear; nothing was sent" : "the server does not "
	    "offer STARTTLS at this port, or something in between has "
	    "removed it; nothing was sent");
}

static void
say_tls(struct doctor *d)
{
	const char *version = doctor_fact(d, MC_STAGE_TLS, "version", 0);
	const char *cipher = doctor_fact(d, MC_STAGE_TLS, "cipher", 0);
	/* the stream has no better word for a connection that was cut */
	bool cut = failed_at(d, MC_STAGE_CONNECT) && doctor_fact(d,
	    MC_STAGE_CONNECT, "peer", 0) != NULL;

	if (version != NULL)
		doctor_ok(d, tls, "%s, %s", version, cipher != NULL ? cipher :
		    "?");
	else if (d->err.code == MC_E_TLS_SETUP || d->err.code == MC_E_CONF_VALUE)
		doctor_fail(d, &d->err, tls, "correct the keys tls-... of the "
		    "account");
	else if (((failed_at(d, MC_STAGE_TLS) &&
	    d->err.code != MC_E_TLS_CERT) || cut) && !say_other_way(d, tls))
		doctor_fail(d, &d->err, tls, "tls = on goes with port 465, "
		    "tls = starttls with port 587; if that is right, the "
		    "server's TLS is broken or too old");
	if (version != NULL || d->err.code == MC_E_TLS_CERT)
		doctor_certificate(d);
}

static void
say_ehlo(struct doctor *d)
{
	const char *first = doctor_last(d, MC_STAGE_EHLO, "tls", "line", 0);
	const char *line;
	char list[DOCTOR_TEXT] = "";
	size_t n = 0;

	if (failed_at(d, MC_STAGE_EHLO)) {
		doctor_fail(d, &d->err, "EHLO", "look at the server's words; "
		    "some want a name that exists: set ehlo-name");
		return;
	}
	if (first == NULL || failed_at(d, MC_STAGE_TLS) ||
	    failed_at(d, MC_STAGE_STARTTLS))
		return;
	for (size_t i = 1; n < sizeof(list) && (line = doctor_last(d,
	    MC_STAGE_EHLO, "tls", "line", i)) != NULL; i++)
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s",
		    i == 1 ? "" : ", ", line);
	doctor_ok(d, "EHLO", "%s: %s", first, n != 0 ? list : "nothing more");
}

/* --------------------------------------------------------------------- all */

static void
set_port(struct doctor *d)
{
	const char *port = doctor_key(d, "port");

	if (port[0] == '\0' || strcmp(port, "0") == 0)
		port = mode_is(d, "starttls") ? "587" : mode_is(d, "off") ?
		    "25" : "465";
	snprintf(d->port, sizeof(d->port), "%s", port);
}

void
doctor_network(struct doctor *d)
{
	set_port(d);
	probe(d, d->no_auth ? MC_PROBE_NO_AUTH : 0);
	if (is_about_secret(d)) {
		d->no_secret = true;
		doctor_secret_failed(d);
		probe(d, MC_PROBE_NO_AUTH);
	}
	if (d->err.code == MC_E_CANCELLED)
		return;
	if (d->err.code == MC_E_MODULE || d->err.code == MC_E_HELPER) {
		doctor_fail(d, &d->err, "program", "install all of mailchute "
		    "again");
		return;
	}
	if (failed_at(d, MC_STAGE_CONFIG)) {
		doctor_fail(d, &d->err, "account", "correct the account");
		return;
	}
	say_resolve(d);
	say_connect(d);
	say_greeting(d);
	doctor_compare_clocks(d);
	say_starttls(d);
	say_tls(d);
	say_ehlo(d);
	doctor_login(d);
}
