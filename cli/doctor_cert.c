/* SPDX-License-Identifier: MIT */
/*
 * doctor_cert.c - the server's certificate, and whose fault it is
 *
 * A certificate that is not trusted may be the server's fault, the clock's, that
 * of this machine's authorities, or the work of somebody in between: each leaves
 * other traces.
 */
#include "doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DAY 86400
/* authorities change every few months */
#define OLD_BUNDLE (3 * 365 * DAY)

static const char certificate[] = "certificate";

/* what breaks TLS open to look into it signs with a name of its own */
static const char *const breakers[] = { "Avast", "AVG ", "Kaspersky",
    "ESET SSL", "Bitdefender", "Fortinet", "FortiGate", "Zscaler", "Sophos",
    "Blue Coat", "Palo Alto", "Netskope", "Cisco Umbrella", "Check Point",
    "WatchGuard", "Barracuda", "Forcepoint", "McAfee", "Smoothwall",
    "SonicWall", "Untangle", "Securly", "Lightspeed", "mitmproxy", "squid",
    "Burp", "PortSwigger", "Charles Proxy", "Dr.Web", "Proxy CA",
    "Inspection", "Interception", "Firewall" };

static const char *
tls_fact(const struct doctor *d, const char *name)
{
	const char *text = doctor_fact(d, MC_STAGE_TLS, name, 0);

	return text == NULL ? "" : text;
}

static const char *
breaker_of(const struct doctor *d)
{
	for (size_t i = 0; i < sizeof(breakers) / sizeof(breakers[0]); i++)
		if (doctor_has(tls_fact(d, "issuer"), breakers[i]) ||
		    doctor_has(tls_fact(d, "culprit"), breakers[i]) ||
		    doctor_has(tls_fact(d, "culprit-issuer"), breakers[i]))
			return breakers[i];
	return NULL;
}

static void
list_names(const struct doctor *d, char *buf, size_t size)
{
	const char *name;
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < 6 && n < size && (name = doctor_fact(d,
	    MC_STAGE_TLS, "name", i)) != NULL; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s",
		    i == 0 ? "" : ", ", name);
	if (n == 0)
		snprintf(buf, size, "%s", tls_fact(d, "subject"));
}

/* ------------------------------------------------------------------- trusted */

static void
say_good(struct doctor *d)
{
	int64_t end = doctor_fact_time(d, MC_STAGE_TLS, "not-after");
	int64_t begin = doctor_fact_time(d, MC_STAGE_TLS, "not-before");
	int64_t left = (end - d->now) / DAY, few = (end - begin) / DAY / 6;
	char names[1024], date[64];

	list_names(d, names, sizeof(names));
	doctor_date(end, date, sizeof(date));
	if (breaker_of(d) != NULL)
		doctor_say(d, DOCTOR_WARNING, 0, certificate, "whoever runs "
		    "it reads mail and password; ask them to leave this "
		    "server alone", "%s, by %s: that is a proxy or virus "
		    "scanner which breaks TLS open", names,
		    tls_fact(d, "issuer"));
	if (strcmp(doctor_key(d, "tls-verify"), "no") == 0 &&
	    doctor_key(d, "tls-pin")[0] == '\0')
		doctor_say(d, DOCTOR_WARNING, 0, certificate, "set tls-verify "
		    "= yes, or tls-pin to the server's key", "%s, by %s: not checked, since "
		    "tls-verify = no; anybody in between can read the mail",
		    names, tls_fact(d, "issuer"));
	else if (left < (few < 14 ? few : 14))
		doctor_say(d, DOCTOR_WARNING, 0, certificate, "whoever runs "
		    "the server has to renew it until then", "%s, by %s, "
		    "expires on %s, in %lld days", names,
		    tls_fact(d, "issuer"), date, (long long)left);
	else
		doctor_ok(d, certificate, "%s, by %s, until %s (%lld days "
		    "left)", names, tls_fact(d, "issuer"), date,
		    (long long)left);
}

/* --------------------------------------------------------------------- time */

static void
fail_cert(struct doctor *d, const char *remedy, const char *found)
{
	doctor_say(d, DOCTOR_FAILED, mc_err_exit(&d->err), certificate, remedy,
	    "%s", found);
}

static void
say_early(struct doctor *d)
{
	char found[512], date[64], now[64];

	snprintf(found, sizeof(found), "valid from %s only, and this machine's "
	    "clock says %s: the clock is wrong, not the certificate",
	    doctor_date(doctor_fact_time(d, MC_STAGE_TLS,
	    tls_fact(d, "culprit")[0] != '\0' ? "culprit-not-before" :
	    "not-before"), date, sizeof(date)), doctor_date(d->now, now, sizeof(now)));
	fail_cert(d, "set the clock: timedatectl set-ntp true, or date -s",
	    found);
}

/* an authority of this system, not one that the server has sent */
static bool
is_own_root(const struct doctor *d)
{
	const char *culprit = tls_fact(d, "culprit");

	return culprit[0] != '\0' &&
	    strcmp(culprit, tls_fact(d, "culprit-issuer")) == 0;
}

static void
say_late(struct doctor *d)
{
	const char *culprit = tls_fact(d, "culprit");
	int64_t end = doctor_fact_time(d, MC_STAGE_TLS, culprit[0] != '\0' ?
	    "culprit-not-after" : "not-after");
	int64_t true_time = doctor_true_time(d);
	char found[DOCTOR_TEXT], date[64], now[64], then[64];

	doctor_date(end, date, sizeof(date));
	doctor_date(d->now, now, sizeof(now));
	if (true_time != 0 && true_time < end && true_time + DAY < d->now) {
		snprintf(found, sizeof(found), "expired on %s only by this "
		    "machine's clock, which says %s although it is about %s: "
		    "the clock is wrong, not the certificate", date, now,
		    doctor_date(true_time, then, sizeof(then)));
		fail_cert(d, "set the clock: timedatectl set-ntp true, or "
		    "date -s", found);
	} else if (is_own_root(d)) {
		snprintf(found, sizeof(found), "the authority %s, of this "
		    "machine's own trust store, expired on %s", culprit, date);
		fail_cert(d, "bring the authorities up to date: apt-get "
		    "install --only-upgrade ca-certificates, or its like",
		    found);
	} else {
		snprintf(found, sizeof(found), "%s%sexpired on %s (now it is "
		    "%s)", culprit, culprit[0] != '\0' ?
		    ", of the authority that signed it, " : "", date, now);
		fail_cert(d, "whoever runs the server has to renew it; until "
		    "then mail waits in the queue", found);
	}
}

/* -------------------------------------------------------------------- trust */

/* beside OpenSSL's hashed directory */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",
	"/etc/pki/tls/certs/ca-bundle.crt",
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/etc/ssl/cert.pem",
	"/etc/ssl/ca-bundle.pem",
	"/usr/local/share/certs/ca-root-nss.crt",
};

/* the bundle of the system; NULL: there is none */
static const char *
find_bundle(struct stat *ret_st)
{
	for (size_t i = 0; i < sizeof(bundles) / sizeof(bundles[0]); i++)
		if (stat(bundles[i], ret_st) == 0 && ret_st->st_size > 0)
			return bundles[i];
	return NULL;
}

static bool
uses_system(const struct doctor *d)
{
	return doctor_key(d, "tls-ca-file")[0] == '\0' &&
	    doctor_key(d, "tls-ca-dir")[0] == '\0';
}

/* true: it was this machine's fault, and that was said */
static bool
say_trust_store(struct doctor *d)
{
	char found[DOCTOR_TEXT], date[64];
	const char *bundle;
	struct stat st;

	if (strcmp(tls_fact(d, "trust"), "none") == 0) {
		fail_cert(d, "apt-get install ca-certificates, or its like; "
		    "or name the authority with tls-ca-file", "this machine "
		    "has no authorities: its trust store is missing, so no "
		    "server at all can be checked");
		return true;
	}
	if (!uses_system(d))
		return false;
	bundle = find_bundle(&st);
	if (bundle == NULL || (int64_t)st.st_mtime + OLD_BUNDLE > d->now)
		return false;
	snprintf(found, sizeof(found), "by an authority that this machine does "
	    "not know, %s, and its trust store %s is of %s: too old",
	    tls_fact(d, "issuer"), bundle,
	    doctor_date((int64_t)st.st_mtime, date, sizeof(date)));
	fail_cert(d, "bring the authorities up to date: apt-get install "
	    "--only-upgrade ca-certificates, or its like", found);
	return true;
}

static void
say_unknown(struct doctor *d)
{
	const char *breaker = breaker_of(d);
	char found[DOCTOR_TEXT], remedy[DOCTOR_TEXT];

	if (breaker != NULL) {
		snprintf(found, sizeof(found), "by %s: an intercepting proxy "
		    "or virus scanner stands in between, and its certificate "
		    "is in the place of the server's", tls_fact(d, "issuer"));
		fail_cert(d, "have it leave this server alone; to let it read "
		    "mail and password instead, name its authority with "
		    "tls-ca-file", found);
		return;
	}
	if (say_trust_store(d))
		return;
	snprintf(found, sizeof(found), "by an authority that %s does not know, "
	    "%s: a private one, or an intercepting proxy in between%s",
	    uses_system(d) ? "this machine" : "tls-ca-file",
	    tls_fact(d, "issuer"), doctor_private(d) ? "; that the public "
	    "name of the server has a private address here speaks for the "
	    "proxy" : "");
	snprintf(remedy, sizeof(remedy), "if the authority is your company's, "
	    "set tls-ca-file to its certificate; or, once you know that this "
	    "key is the server's, tls-pin = %s", tls_fact(d, "pin"));
	fail_cert(d, remedy, found);
}

static void
say_self_signed(struct doctor *d)
{
	char remedy[DOCTOR_TEXT];

	snprintf(remedy, sizeof(remedy), "set tls-ca-file to that certificate "
	    "or, once you know that this key is the server's, tls-pin = %s",
	    tls_fact(d, "pin"));
	fail_cert(d, remedy, doctor_private(d) ? "self-signed, and the public "
	    "name of the server has a private address here: most likely a "
	    "captive portal or a proxy, not the server" : "self-signed: "
	    "nobody vouches for it");
}

static void
say_wrong_name(struct doctor *d)
{
	char names[1024], found[DOCTOR_TEXT];
	const char *host = doctor_key(d, "tls-host");

	if (host[0] == '\0')
		host = doctor_key(d, "host");
	list_names(d, names, sizeof(names));
	snprintf(found, sizeof(found), "wrong name: it is for %s, not for "
	    "%s%s", names, host, doctor_private(d) ? "; and the public name "
	    "has a private address here: a captive portal answers in the "
	    "server's place" : "");
	fail_cert(d, doctor_private(d) ? "open any http:// page in a browser "
	    "and log in to the network" : "set `host` to a name that the "
	    "certificate has, if that is your provider's; if it is not, "
	    "somebody else answers", found);
}

void
doctor_certificate(struct doctor *d)
{
	const char *verify = tls_fact(d, "verify");

	if (d->err.code != MC_E_TLS_CERT)
		say_good(d);
	else if (doctor_key(d, "tls-pin")[0] != '\0')
		fail_cert(d, "if the server has a new key on purpose, set "
		    "tls-pin to it; if not, somebody else answers",
		    d->err.text);
	else if (strstr(verify, "not yet valid") != NULL)
		say_early(d);
	else if (strstr(verify, "expired") != NULL)
		say_late(d);
	else if (strstr(verify, "mismatch") != NULL)
		say_wrong_name(d);
	else if (strcmp(tls_fact(d, "trust"), "none") == 0 &&
	    say_trust_store(d))
		;
	else if (strcmp(verify, "self-signed certificate") == 0)
		say_self_signed(d);
	else if (strstr(verify, "issuer") != NULL || strstr(verify,
	    "self-signed certificate in") != NULL || strstr(verify,
	    "first certificate") != NULL)
		say_unknown(d);
	else
		fail_cert(d, "tell whoever runs the server; with transport = "
		    "native more is seen of the certificate", d->err.text);
}
