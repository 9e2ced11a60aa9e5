/* SPDX-License-Identifier: MIT */
/*
 * test_tls.c - which servers are trusted, and what is said of the others
 */
#include "unit.h"

#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/connect.h"
#include "net/stream.h"
#include "net/tls_internal.h"
#include "tlspeer.h"

#define LIMIT_MS 20000

static struct {
	struct cert ca;
	struct cert rsa_ca;	/* trusted too */
	struct cert good;	/* mail.example, 127.0.0.1 */
	char dir[64];
	char ca_file[96];
} fix;

static const char *
file_path(const char *name, char buf[96])
{
	snprintf(buf, 96, "%s/%s", fix.dir, name);
	return buf;
}

static int
set_up(void **state)
{
	(void)state;
	const struct cert_spec ca = { .cn = "Test CA", .ca = true };
	const struct cert_spec rsa_ca = { .cn = "Test RSA CA", .ca = true,
	    .key = CERT_RSA2048 };
	const struct cert_spec good = { .cn = "x",
	    .san = "DNS:mail.example, IP:127.0.0.1, IP:::1",
	    .eku = "serverAuth" };
	snprintf(fix.dir, sizeof(fix.dir), "/tmp/mctlsXXXXXX");
	if (mkdtemp(fix.dir) == NULL || !cert_make(&ca, NULL, &fix.ca) ||
	    !cert_make(&rsa_ca, NULL, &fix.rsa_ca) ||
	    !cert_make(&good, &fix.ca, &fix.good))
		return -1;
	file_path("ca.pem", fix.ca_file);
	if (!cert_write(fix.ca_file, 0644, &fix.ca, NULL, NULL))
		return -1;
	FILE *f = fopen(fix.ca_file, "a");
	int ok = f != NULL && PEM_write_X509(f, fix.rsa_ca.x) == 1;
	return f != NULL && fclose(f) == 0 && ok ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem",
	    "both.pem", "junk.pem", "hashed/00000000.0" };
	char path[96];
	for (size_t i = 0; i < MC_NELEM(names); i++)
		unlink(file_path(names[i], path));
	rmdir(file_path("hashed", path));
	rmdir(file_path("empty", path));
	rmdir(fix.dir);
	cert_clear(&fix.ca);
	cert_clear(&fix.rsa_ca);
	cert_clear(&fix.good);
	return 0;
}

/* connect, shake hands with a server that is `p`, and say how it went */
static int
shake(struct peer_tls *p, const struct mc_tls_settings *settings,
    struct mc_tls_info *ret_info, struct mc_err *err)
{
	struct peer peer;
	struct mc_tls *tls = NULL;
	struct mc_stream *s = NULL;
	char buf[8];
	size_t got;
	peer_start(&peer, peer_tls, p);
	int64_t deadline = mc_clock_after(LIMIT_MS);
	struct mc_connect c = { .host = "127.0.0.1", .port = peer.port,
	    .deadline = deadline, .cancel_fd = -1 };
	int ret = -1;
	if (mc_tls_new(settings, &tls, err) == -1)
		goto out;
	int fd = mc_net_connect(&c, NULL, err);
	if (fd == -1 || mc_stream_new(fd, -1, &s, err) == -1)
		goto out;
	ret = mc_stream_start_tls(s, tls, false, deadline, ret_info, err);
	/* the server has nothing to say: this is its close_notify, after
	 * which it has surely seen our last flight */
	if (ret == 0)
		ret = mc_stream_read(s, buf, sizeof(buf), deadline, &got, err);
out:
	mc_stream_free(s);
	mc_tls_free(tls);
	peer_join(&peer);
	return ret;
}

/* --------------------------------------------------------------- trusted */

static void
good_server(void **state)
{
	static const struct {
		int max;
		const char *host;
		const char *sni;
		const char *version;
	} rows[] = {
		{ TLS1_3_VERSION, "mail.example", "mail.example", "TLSv1.3" },
		{ TLS1_2_VERSION, "mail.example", "mail.example", "TLSv1.2" },
		{ TLS1_3_VERSION, "MAIL.example", "MAIL.example", "TLSv1.3" },
		{ TLS1_3_VERSION, "127.0.0.1", "", "TLSv1.3" },
		{ TLS1_3_VERSION, "[127.0.0.1]", "", "TLSv1.3" },
		{ TLS1_3_VERSION, "::1", "", "TLSv1.3" },
		{ TLS1_3_VERSION, "[::1]", "", "TLSv1.3" },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct peer_tls p = { .cert = &fix.good, .max = rows[i].max };
		struct mc_tls_settings set = { .host = rows[i].host,
		    .verify = true, .ca_file = fix.ca_file };
		struct mc_tls_info info;
		struct mc_err err = { .code = MC_OK };
		int rc = shake(&p, &set, &info, &err);
		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_true(info.verified);
		assert_false(info.client_cert);
		assert_string_equal(info.version, rows[i].version);
		assert_true(strlen(info.cipher) > 5);
		assert_string_equal(p.sni, rows[i].sni);
		assert_true(info.has_exporter);
		assert_memory_equal(info.exporter, p.exporter, 32);
	}
}

static void
no_exporter_without_ems(void **state)
{
	(void)state;
	struct peer_tls p = { .cert = &fix.good, .max = TLS1_2_VERSION,
	    .no_ems = true };
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .ca_file = fix.ca_file };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(shake(&p, &set, &info, &err), 0);
	assert_false(info.has_exporter);
}

/* ----------------------------------------------------------- not trusted */

static const char nul_name[] = "mail.example\0.evil.example";

static const struct {
	const char *what;
	struct cert_spec spec;
	const char *host;
	enum { BY_CA, BY_SELF, BY_RSA } by;
	const char *text;	/* part of the error, NULL: it is good */
} matrix[] = {
	{ "expired", { .cn = "x", .san = "DNS:mail.example", .from = -9,
	    .to = -2 }, "mail.example", BY_CA, "expired on 20" },
	{ "future", { .cn = "x", .san = "DNS:mail.example", .from = 2,
	    .to = 9 }, "mail.example", BY_CA, "is not valid before 20" },
	{ "self-signed", { .cn = "x", .san = "DNS:mail.example" },
	    "mail.example", BY_SELF, "self-signed" },
	{ "wrong host", { .cn = "x", .san = "DNS:a.example, DNS:b.example, "
	    "DNS:c.example, DNS:d.example, DNS:e.example" },
	    "mail.example", BY_CA,
	    "is for a.example, b.example, c.example, d.example and 1 more "
	    "and not for mail.example" },
	{ "CN only", { .cn = "mail.example" }, "mail.example", BY_CA,
	    "names no host" },
	{ "CN beside SAN", { .cn = "mail.example", .san = "DNS:a.example" },
	    "mail.example", BY_CA, "is for a.example" },
	{ "NUL in SAN", { .cn = "x", .raw_dns = nul_name,
	    .raw_len = sizeof(nul_name) - 1 }, "mail.example", BY_CA,
	    "is for mail.example?.evil.example and not" },
	{ "wildcard over all", { .cn = "x", .san = "DNS:*" },
	    "mail.example", BY_CA, "is for *" },
	{ "wildcard over a top level", { .cn = "x", .san = "DNS:*.example" },
	    "mail.example", BY_CA, "is for *.example" },
	{ "wildcard", { .cn = "x", .san = "DNS:*.mail.example" },
	    "smtp.mail.example", BY_CA, NULL },
	{ "wildcard for two labels", { .cn = "x",
	    .san = "DNS:*.mail.example" }, "a.b.mail.example", BY_CA,
	    "is for *.mail.example" },
	{ "wildcard for no label", { .cn = "x",
	    .san = "DNS:*.mail.example" }, "mail.example", BY_CA,
	    "is for *.mail.example" },
	{ "partial wildcard", { .cn = "x", .san = "DNS:a*.mail.example" },
	    "ab.mail.example", BY_CA, "is for a*.mail.example" },
	{ "inner wildcard", { .cn = "x", .san = "DNS:mail.*.example" },
	    "mail.a.example", BY_CA, "is for mail.*.example" },
	{ "IP in dNSName", { .cn = "x", .san = "DNS:127.0.0.1" },
	    "127.0.0.1", BY_CA, "is for 127.0.0.1 and not for 127.0.0.1" },
	{ "other IP", { .cn = "x", .san = "IP:192.0.2.1, IP:2001:db8::1" },
	    "127.0.0.1", BY_CA,
	    "is for 192.0.2.1, 2001:db8:0:0:0:0:0:1 and not for 127.0.0.1" },
	{ "no IP", { .cn = "127.0.0.1" }, "127.0.0.1", BY_CA,
	    "names no host" },
	{ "name that looks like an IP", { .cn = "x", .san = "IP:127.0.0.1" },
	    "127.1", BY_CA, "is for 127.0.0.1 and not for 127.1" },
	{ "client's EKU", { .cn = "x", .san = "DNS:mail.example",
	    .eku = "clientAuth" }, "mail.example", BY_CA,
	    "not meant for servers" },
	{ "RSA 1024", { .cn = "x", .san = "DNS:mail.example",
	    .key = CERT_RSA1024 }, "mail.example", BY_CA, "weak" },
	{ "RSA 2048", { .cn = "x", .san = "DNS:mail.example",
	    .key = CERT_RSA2048 }, "mail.example", BY_CA, NULL },
	{ "SHA-1", { .cn = "x", .san = "DNS:mail.example", .md = "SHA1" },
	    "mail.example", BY_CA, "weak" },
	{ "SHA-1 and RSA", { .cn = "x", .san = "DNS:mail.example",
	    .md = "SHA1" }, "mail.example", BY_RSA, "weak" },
	{ "MD5", { .cn = "x", .san = "DNS:mail.example", .md = "MD5" },
	    "mail.example", BY_RSA, "weak" },
};

static void
cert_matrix(void **state)
{
	(void)state;
	for (size_t i = 0; i < MC_NELEM(matrix); i++) {
		struct cert cert;
		const struct cert *const issuers[] = { &fix.ca, NULL,
		    &fix.rsa_ca };
		if (!cert_make(&matrix[i].spec, issuers[matrix[i].by],
		    &cert)) {
			/* a system's policy may forbid even to sign so */
			print_message("# cannot make: %s\n", matrix[i].what);
			continue;
		}
		for (int max = TLS1_2_VERSION; max <= TLS1_3_VERSION; max++) {
			struct peer_tls p = { .cert = &cert, .max = max };
			struct mc_tls_settings set = { .verify = true,
			    .host = matrix[i].host, .ca_file = fix.ca_file };
			struct mc_tls_info info = { .verified = false };
			struct mc_err err = { .code = MC_OK };
			int rc = shake(&p, &set, &info, &err);
			if (matrix[i].text == NULL) {
				assert_string_equal(err.text, "");
				assert_int_equal(rc, 0);
				assert_true(info.verified);
				continue;
			}
			if (rc != -1 || err.code != MC_E_TLS_CERT ||
			    strstr(err.text, matrix[i].text) == NULL)
				fail_msg("%s: %d %s", matrix[i].what, rc,
				    err.text);
			assert_false(p.shaken && max == TLS1_2_VERSION);

			/* the user may say that it does not matter */
			if (max != TLS1_3_VERSION)
				continue;
			set.verify = false;
			err = (struct mc_err){ .code = MC_OK };
			rc = shake(&p, &set, &info, &err);
			if (matrix[i].spec.key != CERT_RSA1024 || rc == 0) {
				assert_string_equal(err.text, "");
				assert_false(info.verified);
			}
		}
		cert_clear(&cert);
	}
}

static void
unknown_authority(void **state)
{
	(void)state;
	const struct cert_spec other = { .cn = "Other\nCA", .ca = true };
	const struct cert_spec leaf = { .cn = "x",
	    .san = "DNS:mail.example" };
	struct cert ca, cert;
	char pin[64];
	assert_true(cert_make(&other, NULL, &ca));
	assert_true(cert_make(&leaf, &ca, &cert));
	cert_pin(&cert, pin);
	const struct cert *chains[] = { NULL, &ca };
	for (size_t i = 0; i < 2; i++) {
		struct peer_tls p = { .cert = &cert, .chain = chains[i] };
		struct mc_tls_settings set = { .host = "mail.example",
		    .verify = true, .ca_file = fix.ca_file };
		struct mc_tls_info info;
		struct mc_err err = { .code = MC_OK };
		assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
		assert_non_null(strstr(err.text,
		    "from an unknown authority, Other CA:"));
		assert_non_null(strstr(err.text, pin));
		assert_null(strchr(err.text, '\n'));

		/* what the text proposes works */
		err = (struct mc_err){ .code = MC_OK };
		set.pins = pin;
		assert_int_equal(shake(&p, &set, &info, &err), 0);
		assert_true(info.verified);
	}
	cert_clear(&ca);
	cert_clear(&cert);
}

static void
system_trust_does_not_know_us(void **state)
{
	(void)state;
	struct peer_tls p = { .cert = &fix.good };
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	/* with the bundle that SSL_CERT_FILE names it does */
	set.late_file = fix.ca_file;
	err = (struct mc_err){ .code = MC_OK };
	assert_int_equal(shake(&p, &set, &info, &err), 0);
	assert_true(info.verified);
	set.late_file = "/nonexistent/bundle.pem";
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
}

/* the leaf or an intermediate authority alone, named by the user */
static void
partial_chain(void **state)
{
	(void)state;
	const struct cert_spec sub_spec = { .cn = "Sub CA", .ca = true };
	const struct cert_spec leaf_spec = { .cn = "x",
	    .san = "DNS:mail.example" };
	struct cert sub, leaf;
	char path[96];
	assert_true(cert_make(&sub_spec, &fix.ca, &sub));
	assert_true(cert_make(&leaf_spec, &sub, &leaf));
	file_path("junk.pem", path);
	assert_true(cert_write(path, 0644, &sub, NULL, NULL));
	struct peer_tls p = { .cert = &leaf };
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .ca_file = path };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(shake(&p, &set, &info, &err), 0);
	/* but without the intermediate there is no way to the root */
	set.ca_file = fix.ca_file;
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	p.chain = &sub;
	err = (struct mc_err){ .code = MC_OK };
	assert_int_equal(shake(&p, &set, &info, &err), 0);
	cert_clear(&sub);
	cert_clear(&leaf);
}

static void
hashed_dir(void **state)
{
	(void)state;
	char dir[96], path[200];
	file_path("hashed", dir);
	mkdir(dir, 0700);
	snprintf(path, sizeof(path), "%s/%08lx.0", dir,
	    X509_NAME_hash_ex(X509_get_subject_name(fix.ca.x), NULL, NULL,
	    NULL));
	assert_true(cert_write(path, 0644, &fix.ca, NULL, NULL));
	struct peer_tls p = { .cert = &fix.good };
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .ca_dir = dir };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(shake(&p, &set, &info, &err), 0);
	assert_true(info.verified);
	unlink(path);

	/* what is there and cannot be opened, by nobody: a socket */
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(strlen(path) < sizeof(at.sun_path));
	memcpy(at.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	assert_non_null(strstr(err.text, "unknown authority"));
	assert_non_null(strstr(err.text, "a certificate could not be read ("));
	assert_non_null(strstr(err.text, path));
	close(fd);
	unlink(path);
}

/* ------------------------------------------------------------------ pins */

static void
pins(void **state)
{
	(void)state;
	const struct cert_spec old = { .cn = "x", .from = -9, .to = -2 };
	const struct cert_spec weak = { .cn = "x", .key = CERT_RSA1024 };
	struct cert cert, short_key;
	char pin[64], good_pin[64], weak_pin[64], two[140];
	assert_true(cert_make(&old, NULL, &cert));
	assert_true(cert_make(&weak, NULL, &short_key));
	cert_pin(&cert, pin);
	cert_pin(&short_key, weak_pin);
	cert_pin(&fix.good, good_pin);
	snprintf(two, sizeof(two), " %s\t%s ", good_pin, pin);
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	struct peer_tls p = { .cert = &cert };
	struct mc_tls_settings set = { .verify = true };
	const char *const right[] = { pin, two };
	for (size_t i = 0; i < 2; i++) {
		set.pins = right[i];
		assert_int_equal(shake(&p, &set, &info, &err), 0);
		assert_true(info.verified);
	}
	/* also when nothing else is checked */
	set.pins = good_pin;
	for (int verify = 0; verify < 2; verify++) {
		set.verify = verify != 0;
		err = (struct mc_err){ .code = MC_OK };
		assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
		assert_non_null(strstr(err.text, pin));
	}
	p.cert = &short_key;
	set.pins = weak_pin;
	err = (struct mc_err){ .code = MC_OK };
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	assert_non_null(strstr(err.text, "too short"));
	cert_clear(&cert);
	cert_clear(&short_key);
}

static void
pin_syntax(void **state)
{
#define B64 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "sha256//" B64, true },
		{ "SHA256//" B64, true },
		{ "sha256//" B64 " sha256//" B64, true },
		{ " sha256//" B64 ";sha256//" B64 ",", true },
		{ "", false },
		{ " ", false },
		{ B64, false },
		{ "sha1//" B64, false },
		{ "sha256/" B64, false },
		{ "sha256//", false },
		{ "sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", false },
		{ "sha256//" B64 "x", false },
		{ "sha256//" "R7DEQpj8HBSa", false },
		{ "sha256//" B64 B64, false },
		{ "sha256//" B64 " junk", false },
		{ "sha256//\001\002", false },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_err err = { .code = MC_OK };
		int rc = mc_tls_check_pins(rows[i].text, &err);
		if (rows[i].good)
			assert_int_equal(rc, 0);
		else
			assert_err(rc, err, MC_E_CONF_VALUE);
	}
	char many[65 * 60] = "";
	size_t n = 0;
	for (int i = 0; i < 65; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "sha256//"
		    B64 " ");
	struct mc_err err = { .code = MC_OK };
	assert_err(mc_tls_check_pins(many, &err), err, MC_E_CONF_VALUE);
}

/* ------------------------------------------------------------ the policy */

static void
policy(void **state)
{
	static const struct {
		const char *what;
		struct peer_tls p;
		const char *text;
	} rows[] = {
		{ "TLS 1.1", { .max = TLS1_1_VERSION }, "TLS" },
		{ "TLS 1.0", { .max = TLS1_VERSION }, "TLS" },
		{ "anonymous", { .max = TLS1_2_VERSION,
		    .ciphers = "aNULL:@SECLEVEL=0" }, "handshake" },
		{ "no encryption", { .max = TLS1_2_VERSION,
		    .ciphers = "eNULL:@SECLEVEL=0" }, "handshake" },
		{ "plain SMTP", { .before = "220 mx.example ESMTP\r\n" },
		    "port 587 wants tls = starttls" },
		{ "plain SMTP, many lines", { .before = "220-mx.example\r\n" },
		    "port 587 wants tls = starttls" },
		{ "HTTP", { .before = "HTTP/1.1 400 Bad Request\r\n\r\n" },
		    "does not speak TLS" },
		{ "IMAP", { .before = "* OK IMAP4rev1 ready\r\n" },
		    "does not speak TLS" },
	};
	(void)state;
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct peer_tls p = rows[i].p;
		p.cert = &fix.good;
		struct mc_tls_settings set = { .host = "mail.example",
		    .verify = true, .ca_file = fix.ca_file };
		struct mc_tls_info info;
		for (int verify = 0; verify < 2; verify++) {
			struct mc_err err = { .code = MC_OK };
			set.verify = verify != 0;
			int rc = shake(&p, &set, &info, &err);
			if (rc != -1 || err.code != MC_E_TLS ||
			    strstr(err.text, rows[i].text) == NULL)
				fail_msg("%s: %d %s: %s", rows[i].what, rc,
				    mc_code_name(err.code), err.text);
			assert_false(p.shaken);
		}
	}
}

static void
context_is_strict(void **state)
{
	(void)state;
	/* or nothing of the rest is worth much */
	SSL_CTX *lax = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_get_security_level(lax), 0);
	assert_true((SSL_CTX_get_options(lax) &
	    SSL_OP_LEGACY_SERVER_CONNECT) != 0);
	SSL_CTX_free(lax);
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .ca_file = fix.ca_file };
	struct mc_tls *tls;
	struct mc_err err = { .code = MC_OK };
	assert_int_equal(mc_tls_new(&set, &tls, &err), 0);
	uint64_t options = SSL_CTX_get_options(tls->ctx);
	assert_true((options & SSL_OP_NO_COMPRESSION) != 0);
	assert_true((options & SSL_OP_NO_RENEGOTIATION) != 0);
	assert_true((options & SSL_OP_NO_TICKET) != 0);
	assert_true((options & SSL_OP_IGNORE_UNEXPECTED_EOF) == 0);
	assert_true((options & SSL_OP_LEGACY_SERVER_CONNECT) == 0);
	assert_true(SSL_CTX_get_security_level(tls->ctx) >= 2);
	assert_true(SSL_CTX_get_min_proto_version(tls->ctx) >=
	    TLS1_2_VERSION);
	assert_int_equal(SSL_CTX_get_verify_mode(tls->ctx), SSL_VERIFY_PEER);
	mc_tls_free(tls);
	mc_tls_free(NULL);
}

static void
bad_settings(void **state)
{
	(void)state;
	char junk[96], empty[96];
	file_path("junk.pem", junk);
	file_path("empty", empty);
	mkdir(empty, 0700);
	FILE *f = fopen(junk, "w");
	fputs("-----BEGIN NOTHING-----\n", f);
	fclose(f);
	const struct {
		struct mc_tls_settings set;
		enum mc_code code;
		const char *text;
	} rows[] = {
		/* nothing to check against must never mean: no check */
		{ { .host = NULL, .verify = true }, MC_E_CONF_VALUE,
		    "tls-host" },
		{ { .host = "", .verify = true }, MC_E_CONF_VALUE, "name" },
		{ { .host = ".example", .verify = true }, MC_E_CONF_VALUE,
		    "name" },
		{ { .host = "a b", .verify = true }, MC_E_CONF_VALUE, "name" },
		{ { .host = "m\303\274ll.example", .verify = true },
		    MC_E_CONF_VALUE, "name" },
		{ { .host = "x", .verify = true, .ca_file = junk },
		    MC_E_TLS_SETUP, "holds no certificate" },
		{ { .host = "x", .verify = true, .ca_file = "/nonexistent" },
		    MC_E_TLS_SETUP, "No such file" },
		{ { .host = "x", .verify = true, .ca_dir = "/nonexistent" },
		    MC_E_TLS_SETUP, "No such file" },
		{ { .host = "x", .verify = true, .ca_dir = empty },
		    MC_E_TLS_SETUP, "openssl rehash" },
		{ { .host = "x", .verify = true, .pins = "x" },
		    MC_E_CONF_VALUE, "tls-pin" },
		{ { .host = "x", .verify = true, .pins = "" },
		    MC_E_CONF_VALUE, "tls-pin" },
	};
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		struct mc_tls *tls = NULL;
		struct mc_err err = { .code = MC_OK };
		assert_err(mc_tls_new(&rows[i].set, &tls, &err), err,
		    rows[i].code);
		if (strstr(err.text, rows[i].text) == NULL)
			fail_msg("%s", err.text);
		assert_null(tls);
	}
}

/* ---------------------------------------------------- client certificate */

static void
client_certificate(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "me" };
	struct cert me;
	char cert[96], key[96], both[96];
	assert_true(cert_make(&spec, &fix.ca, &me));
	assert_true(cert_write(file_path("cert.pem", cert), 0644, &me, NULL,
	    NULL));
	assert_true(cert_write(file_path("key.pem", key), 0600, NULL, &me,
	    NULL));
	assert_true(cert_write(file_path("both.pem", both), 0600, &me, &me,
	    NULL));
	static const struct {
		bool ask;
		const char *sigalgs;
		bool ours;
		bool sent;
	} rows[] = {
		{ true, NULL, true, true },
		{ false, NULL, true, false },
		{ true, NULL, false, false },
		/* ours is ECDSA: asked for, but nothing that could be sent */
		{ true, "RSA+SHA256:RSA-PSS+SHA256", true, false },
	};
	for (size_t i = 0; i < 2 * MC_NELEM(rows); i++) {
		size_t r = i / 2;
		struct peer_tls p = { .cert = &fix.good,
		    .ask_cert = rows[r].ask,
		    .client_sigalgs = rows[r].sigalgs,
		    .max = i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION };
		struct mc_tls_settings set = { .host = "mail.example",
		    .verify = true, .ca_file = fix.ca_file };
		if (rows[r].ours) {
			set.cert = i % 2 == 0 ? cert : both;
			set.key = i % 2 == 0 ? key : NULL;
		}
		struct mc_tls_info info;
		struct mc_err err = { .code = MC_OK };
		int rc = shake(&p, &set, &info, &err);
		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_int_equal(info.client_cert, rows[r].sent);
		assert_int_equal(p.got_cert, rows[r].sent);
	}
	/* a server that is not the right one never sees it */
	struct peer_tls p = { .cert = &fix.good, .ask_cert = true };
	struct mc_tls_settings set = { .host = "other.example",
	    .verify = true, .ca_file = fix.ca_file, .cert = both };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	assert_false(p.shaken);
	cert_clear(&me);
}

static void
client_key_files(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "me" };
	struct cert me;
	char cert[96], key[96], both[96], junk[96];
	assert_true(cert_make(&spec, &fix.ca, &me));
	file_path("cert.pem", cert);
	file_path("key.pem", key);
	file_path("both.pem", both);
	file_path("junk.pem", junk);
	assert_true(cert_write(junk, 0600, NULL, NULL, NULL));
	assert_true(cert_write(cert, 0644, &me, NULL, NULL));
	const struct {
		unsigned mode;
		const char *pass;
		const struct cert *of;
		const char *cert;
		const char *key;
		enum mc_code code;
		const char *text;
	} rows[] = {
		{ 0600, NULL, &me, cert, key, MC_OK, NULL },
		{ 0400, NULL, &me, cert, key, MC_OK, NULL },
		{ 0640, NULL, &me, cert, key, MC_E_CONF_SECRET, "chmod 600" },
		{ 0604, NULL, &me, cert, key, MC_E_CONF_SECRET, "chmod 600" },
		{ 0644, NULL, &me, both, NULL, MC_E_CONF_SECRET,
		    "chmod 600" },
		{ 0600, "secret", &me, cert, key, MC_E_TLS_SETUP,
		    "passphrase" },
		{ 0600, NULL, &fix.good, cert, key, MC_E_TLS_SETUP,
		    "does not belong" },
		{ 0600, NULL, NULL, cert, key, MC_E_TLS_SETUP,
		    "no private key" },
		{ 0600, NULL, &me, junk, key, MC_E_TLS_SETUP,
		    "no usable certificate" },
		{ 0600, NULL, &me, "/nonexistent", key, MC_E_TLS_SETUP,
		    "/nonexistent" },
		{ 0600, NULL, &me, cert, "/nonexistent", MC_E_TLS_SETUP,
		    "/nonexistent" },
		{ 0600, NULL, &me, cert, NULL, MC_E_CONF_SECRET,
		    "chmod 600" },
	};
	for (size_t i = 0; i < MC_NELEM(rows); i++) {
		assert_true(cert_write(key, rows[i].mode, NULL, rows[i].of,
		    rows[i].pass));
		assert_true(cert_write(both, rows[i].mode, &me, &me, NULL));
		struct mc_tls_settings set = { .host = "mail.example",
		    .cert = rows[i].cert, .key = rows[i].key };
		struct mc_tls *tls = NULL;
		struct mc_err err = { .code = MC_OK };
		int rc = mc_tls_new(&set, &tls, &err);
		if (rows[i].code == MC_OK) {
			assert_string_equal(err.text, "");
			assert_int_equal(rc, 0);
		} else {
			assert_err(rc, err, rows[i].code);
			if (strstr(err.text, rows[i].text) == NULL)
				fail_msg("%zu: %s", i, err.text);
		}
		mc_tls_free(tls);
	}
	/* a certificate without its key in the same file */
	assert_true(cert_write(cert, 0600, &me, NULL, NULL));
	struct mc_tls_settings set = { .host = "x", .cert = cert };
	struct mc_tls *tls = NULL;
	struct mc_err err = { .code = MC_OK };
	assert_err(mc_tls_new(&set, &tls, &err), err, MC_E_TLS_SETUP);
	cert_clear(&me);
}

static void
no_memory(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "me" };
	struct cert me;
	char both[96];
	assert_true(cert_make(&spec, &fix.ca, &me));
	assert_true(cert_write(file_path("both.pem", both), 0600, &me, &me,
	    NULL));
	struct mc_tls_settings set = { .host = "mail.example",
	    .verify = true, .cert = both,
	    .pins = "sha256//" B64 " sha256//" B64 };
	unsigned long n = 1;
	for (;; n++) {
		struct mc_tls *tls = NULL;
		struct mc_err err = { .code = MC_OK };
		failmalloc(n, false);
		int rc = mc_tls_new(&set, &tls, &err);
		if (failmalloc(0, false) < n) {
			assert_int_equal(rc, 0);
			mc_tls_free(tls);
			break;
		}
		assert_err(rc, err, MC_E_NOMEM);
	}
	assert_true(n > 4);
	cert_clear(&me);
}

/* ------------------------------------------------------------------ DANE */

static void
add_tlsa(struct mc_dane *dane, int usage, int selector, int type,
    const void *data, size_t len)
{
	struct mc_tlsa *r = mc_vec_add(&dane->records);
	assert_non_null(r);
	r->usage = (unsigned char)usage;
	r->selector = (unsigned char)selector;
	r->type = (unsigned char)type;
	r->off = dane->data.len;
	r->len = len;
	mc_buf_add(&dane->data, data, len);
	assert_int_equal(dane->data.err, 0);
	snprintf(dane->base, sizeof(dane->base), "mail.example");
}

/* a record for the certificate, or one beside it */
static void
add_cert(struct mc_dane *dane, const char *record, X509 *x, bool right)
{
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	int len = record[1] == '0' ? i2d_X509(x, &der) :
	    i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	assert_true(len > 0);
	if (record[2] == '0')
		add_tlsa(dane, record[0] - '0', record[1] - '0', 0, der,
		    (size_t)len);
	else {
		assert_int_equal(EVP_Digest(der, (size_t)len, digest, &size,
		    record[2] == '1' ? EVP_sha256() : EVP_sha512(), NULL), 1);
		digest[0] ^= right ? 0 : 1;
		add_tlsa(dane, record[0] - '0', record[1] - '0',
		    record[2] - '0', digest, size);
	}
	OPENSSL_free(der);
}

enum dane_of { OF_LEAF, OF_CA, OF_NOBODY };

static const struct {
	const char *record;
	enum dane_of of;
	const char *base;	/* NULL: mail.example */
	const char *host;	/* tls-host */
	bool system;		/* the authority is unknown */
	bool expired;
	const char *pin;	/* "good", "bad", NULL */
	const char *text;	/* NULL: trusted */
	const char *how;
} dane_rows[] = {
	{ "311", OF_LEAF, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 3 1 1)" },
	{ "312", OF_LEAF, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 3 1 2)" },
	{ "300", OF_LEAF, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 3 0 0)" },
	{ "310", OF_LEAF, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 3 1 0)" },
	/* RFC 7671 5.1: neither the name nor the date */
	{ "311", OF_LEAF, "other.example", "else.example", true, true, NULL,
	    NULL, "verified by DANE (TLSA 3 1 1)" },
	{ "311", OF_NOBODY, NULL, "mail.example", false, false, NULL,
	    "matches none of the TLSA records that mail.example", NULL },
	{ "301", OF_CA, NULL, "mail.example", false, false, NULL,
	    "matches none", NULL },
	{ "201", OF_CA, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 2 0 1)" },
	{ "200", OF_CA, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 2 0 0)" },
	{ "210", OF_CA, NULL, "mail.example", true, false, NULL, NULL,
	    "verified by DANE (TLSA 2 1 0)" },
	/* either name will do, but one of them has to */
	{ "211", OF_CA, "other.example", "mail.example", true, false, NULL,
	    NULL, "verified by DANE (TLSA 2 1 1)" },
	{ "211", OF_CA, "mail.example", "other.example", true, false, NULL,
	    NULL, "verified by DANE (TLSA 2 1 1)" },
	{ "211", OF_CA, "a.example", "b.example", true, false, NULL,
	    "is for mail.example", NULL },
	{ "211", OF_CA, NULL, "mail.example", true, true, NULL, "expired on",
	    NULL },
	{ "211", OF_NOBODY, NULL, "mail.example", false, false, NULL,
	    "matches none", NULL },
	/* pins count beside the records */
	{ "311", OF_LEAF, NULL, "mail.example", true, false, "good", NULL,
	    "verified by DANE (TLSA 3 1 1) and pin" },
	{ "211", OF_CA, NULL, "mail.example", true, false, "good", NULL,
	    "verified by DANE (TLSA 2 1 1) and pin" },
	{ "311", OF_LEAF, NULL, "mail.example", true, false, "bad",
	    "not among tls-pin", NULL },
	{ "311", OF_NOBODY, NULL, "mail.example", true, false, "good",
	    "matches none", NULL },
	{ "211", OF_CA, "a.example", "b.example", true, false, "good",
	    "is for mail.example", NULL },
};

static void
dane(void **state)
{
	(void)state;
	const struct cert_spec old = { .cn = "x", .from = -9, .to = -2,
	    .san = "DNS:mail.example" };
	struct cert expired;
	assert_true(cert_make(&old, &fix.ca, &expired));
	for (size_t i = 0; i < 2 * MC_NELEM(dane_rows); i++) {
		size_t row = i / 2;
		const struct cert *leaf = dane_rows[row].expired ? &expired :
		    &fix.good;
		struct peer_tls p = { .cert = leaf, .chain = &fix.ca,
		    .max = i % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION };
		struct mc_dane records;
		char pin[64];
		mc_dane_init(&records);
		add_cert(&records, dane_rows[row].record,
		    dane_rows[row].of == OF_CA ? fix.ca.x : leaf->x,
		    dane_rows[row].of != OF_NOBODY);
		if (dane_rows[row].base != NULL)
			snprintf(records.base, sizeof(records.base), "%s",
			    dane_rows[row].base);
		cert_pin(dane_rows[row].pin != NULL &&
		    dane_rows[row].pin[0] == 'b' ? &fix.ca : leaf, pin);
		struct mc_tls_settings set = { .verify = true,
		    .host = dane_rows[row].host, .dane = &records,
		    .ca_file = dane_rows[row].system ? NULL : fix.ca_file,
		    .pins = dane_rows[row].pin != NULL ? pin : NULL };
		struct mc_tls_info info = { .verified = false };
		struct mc_err err = { .code = MC_OK };
		int rc = shake(&p, &set, &info, &err);
		mc_dane_clear(&records);
		if (dane_rows[row].text == NULL) {
			assert_string_equal(err.text, "");
			assert_int_equal(rc, 0);
			assert_true(info.verified);
			assert_string_equal(info.how, dane_rows[row].how);
			assert_string_equal(p.sni, dane_rows[row].base != NULL ?
			    dane_rows[row].base : "mail.example");
			continue;
		}
		if (rc != -1 || err.code != MC_E_TLS_CERT ||
		    strstr(err.text, dane_rows[row].text) == NULL)
			fail_msg("row %zu: %d %s", row, rc, err.text);
		assert_false(info.verified);
	}
	cert_clear(&expired);
}

/* one record that fits is enough, and OpenSSL's judgement of what is usable
 * decides between DANE and authorities */
static void
dane_usable(void **state)
{
	(void)state;
	static const unsigned char junk[40] = { 0x30, 0x82 };
	for (int i = 0; i < 6; i++) {
		struct peer_tls p = { .cert = &fix.good, .chain = &fix.ca };
		bool known = i % 2 == 0;
		struct mc_dane records;
		mc_dane_init(&records);
		add_tlsa(&records, 3, 0, 0, junk, sizeof(junk));
		add_tlsa(&records, 2, 1, 0, junk, sizeof(junk));
		add_tlsa(&records, 3, 1, 1, junk, 31);
		add_tlsa(&records, 3, 1, 9, junk, 32);
		if (i >= 2) {
			add_cert(&records, "311", fix.good.x, false);
			add_cert(&records, "211", fix.good.x, true);
		}
		if (i >= 4)
			add_cert(&records, "301", fix.good.x, true);
		struct mc_tls_settings set = { .verify = true,
		    .host = "mail.example", .dane = &records,
		    .ca_file = known ? fix.ca_file : NULL };
		struct mc_tls_info info = { .verified = false };
		struct mc_err err = { .code = MC_OK };
		int rc = shake(&p, &set, &info, &err);
		mc_dane_clear(&records);
		bool good = i >= 4 || (i < 2 && known);
		if (!good) {
			assert_err(rc, err, MC_E_TLS_CERT);
			assert_non_null(strstr(err.text, i >= 2 ?
			    "TLSA" : "unknown authority"));
			continue;
		}
		assert_string_equal(err.text, "");
		assert_int_equal(rc, 0);
		assert_string_equal(info.how, i >= 4 ?
		    "verified by DANE (TLSA 3 0 1)" :
		    "verified by authority and name");
	}
}

/* a key that can be forged is none, whatever DNS says */
static void
dane_weak_key(void **state)
{
	(void)state;
	const struct cert_spec spec = { .cn = "x", .key = CERT_RSA1024,
	    .san = "DNS:mail.example" };
	struct cert weak;
	if (!cert_make(&spec, &fix.ca, &weak))
		return;
	struct peer_tls p = { .cert = &weak };
	struct mc_dane records;
	mc_dane_init(&records);
	add_cert(&records, "311", weak.x, true);
	struct mc_tls_settings set = { .verify = true, .host = "mail.example",
	    .dane = &records };
	struct mc_tls_info info;
	struct mc_err err = { .code = MC_OK };
	assert_err(shake(&p, &set, &info, &err), err, MC_E_TLS_CERT);
	assert_non_null(strstr(err.text, "weak"));
	mc_dane_clear(&records);
	cert_clear(&weak);
}

/*
 * A system that allows everything: what is refused all the same is refused by
 * us.  OpenSSL reads this once, at its first use.
 */
static void
lax_system(char path[32])
{
	static const char text[] = "openssl_conf = a\n[a]\nssl_conf = b\n"
	    "[b]\nsystem_default = c\n[c]\nMinProtocol = TLSv1\n"
	    "CipherString = ALL:@SECLEVEL=0\n"
	    "Options = UnsafeLegacyRenegotiation, UnsafeLegacyServerConnect, "
	    "Compression, ClientRenegotiation\n";
	snprintf(path, 32, "/tmp/mccnfXXXXXX");
	int fd = mkstemp(path);
	ssize_t put = write(fd, text, sizeof(text) - 1);
	close(fd);
	setenv("OPENSSL_CONF", put > 0 ? path : "", 1);
}

int
main(void)
{
	char conf[32];
	lax_system(conf);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_server),
		cmocka_unit_test(no_exporter_without_ems),
		cmocka_unit_test(cert_matrix),
		cmocka_unit_test(unknown_authority),
		cmocka_unit_test(system_trust_does_not_know_us),
		cmocka_unit_test(partial_chain),
		cmocka_unit_test(hashed_dir),
		cmocka_unit_test(pins),
		cmocka_unit_test(pin_syntax),
		cmocka_unit_test(policy),
		cmocka_unit_test(context_is_strict),
		cmocka_unit_test(bad_settings),
		cmocka_unit_test(client_certificate),
		cmocka_unit_test(client_key_files),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(dane),
		cmocka_unit_test(dane_usable),
		cmocka_unit_test(dane_weak_key),
	};
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);
	unlink(conf);
	return failed;
}
