/* SPDX-License-Identifier: MIT */
/*
 * Whom to trust, and who we are: authorities and the client certificate.
 */
#include "base/base.h"

#include "net/tls_internal.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

/*
 * From so many hashed names on a directory is taken for the system's whole
 * set.  Fewer may be an administrator's own additions beside a bundle.
 */
#define WHOLE_SET 8

/* "4042bcee.0", as made by `openssl rehash` */
static bool
is_hashed_name(const char *name)
{
	size_t i = 0;
	while (i < 8 && name[i] != '\0' &&
	    strchr("0123456789abcdef", name[i]) != NULL)
		i++;
	if (i != 8 || name[i] != '.')
		return false;
	i++;
	size_t digits = i;
	while (mc_is_digit((unsigned char)name[i]))
		i++;
	return i > digits && name[i] == '\0';
}

/* how many hashed names dir has, up to `enough`; -1 with errno */
static int
count_hashed(const char *dir, int enough)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return -1;
	int n = 0;
	const struct dirent *entry;
	/* a stream of our own */
	/* NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while (n < enough && (entry = readdir(d)) != NULL)
		n += is_hashed_name(entry->d_name);
	closedir(d);
	return n;
}

static int
load_dir(X509_STORE *store, const char *dir, struct mc_err *err)
{
	int n = count_hashed(dir, 1);
	if (n == -1)
		return mc_err_sys(err, MC_E_TLS_SETUP, MC_STAGE_TLS, errno,
		    "tls-ca-dir %s", dir);
	if (n == 0)
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "tls-ca-dir %s: no certificate is named by its hash (run "
		    "openssl rehash on it)", dir);
	if (X509_STORE_load_path(store, dir) != 1)
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "tls-ca-dir %s cannot be used", dir);
	return 0;
}

static int
load_file(X509_STORE *store, const char *file, struct mc_err *err)
{
	/* OpenSSL does not say which errno it was */
	if (access(file, R_OK) == -1)
		return mc_err_sys(err, MC_E_TLS_SETUP, MC_STAGE_TLS, errno,
		    "tls-ca-file %s", file);
	ERR_clear_error();
	if (X509_STORE_load_file(store, file) == 1)
		return 0;
	char buf[256];
	return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
	    "tls-ca-file %s holds no certificate in PEM form (%s)", file,
	    mc_tls_reason(buf, sizeof(buf)));
}

/* where systems keep all authorities in one file, beside OpenSSL's own idea */
static const char *const bundles[] = {
	"/etc/ssl/certs/ca-certificates.crt",	/* Debian, Alpine, Arch */
	"/etc/pki/tls/certs/ca-bundle.crt",	/* Fedora before 43 */
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",	/* Fedora */
	"/etc/ssl/cert.pem",			/* Alpine, BSD, macOS */
	"/etc/ssl/ca-bundle.pem",		/* openSUSE */
	"/usr/local/share/certs/ca-root-nss.crt",	/* FreeBSD */
	"/usr/local/etc/openssl/cert.pem",	/* macOS, local builds */
};

static bool
have_bundle(void)
{
	if (access(X509_get_default_cert_file(), R_OK) == 0)
		return true;
	for (size_t i = 0; i < MC_NELEM(bundles); i++)
		if (access(bundles[i], R_OK) == 0)
			return true;
	return false;
}

static void
load_bundle(X509_STORE *store)
{
	if (X509_STORE_load_file(store, X509_get_default_cert_file()) == 1)
		return;
	for (size_t i = 0; i < MC_NELEM(bundles); i++)
		if (access(bundles[i], R_OK) == 0 &&
		    X509_STORE_load_file(store, bundles[i]) == 1)
			return;
}

/*
 * The directory does not know an authority: only now read the bundles, which
 * costs more CPU than all the rest of a submission.
 */
static int
late_by_subject(X509_LOOKUP *lookup, X509_LOOKUP_TYPE type,
    const X509_NAME *name, X509_OBJECT *ret)
{
	struct mc_tls *tls = X509_LOOKUP_get_method_data(lookup);
	X509_STORE *store = X509_LOOKUP_get_store(lookup);
	if (type != X509_LU_X509 || tls->late_done)
		return 0;
	tls->late_done = true;
	if (tls->late_file != NULL)
		(void)X509_STORE_load_file(store, tls->late_file);
	if (tls->late_bundle)
		load_bundle(store);
	ERR_clear_error();
	X509_OBJECT *found = X509_OBJECT_retrieve_by_subject(
	    X509_STORE_get0_objects(store), type, name);
	if (found == NULL)
		return 0;
	X509 *cert = X509_OBJECT_get0_X509(found);
	if (X509_OBJECT_set1_X509(ret, cert) != 1)
		return 0;
	/* X509_STORE_CTX_get_by_subject takes a reference of its own and
	 * drops none of ours (X509_LOOKUP_meth_new(3)); the store keeps one */
	X509_free(cert);
	return 1;
}

static int
add_late(struct mc_tls *tls, X509_STORE *store)
{
	tls->late = X509_LOOKUP_meth_new("bundles when needed");
	if (tls->late == NULL || X509_LOOKUP_meth_set_get_by_subject(
	    tls->late, late_by_subject) != 1)
		return -1;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, tls->late);
	if (lookup == NULL || X509_LOOKUP_set_method_data(lookup, tls) != 1)
		return -1;
	return 0;
}

/*
 * OpenSSL's own lookup of directories honours SSL_CERT_DIR; the bundle of
 * SSL_CERT_FILE comes from the caller.
 */
static int
load_system(struct mc_tls *tls, const char *late_file, struct mc_err *err)
{
	X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
	X509_LOOKUP *dir = X509_STORE_add_lookup(store,
	    X509_LOOKUP_hash_dir());
	if (dir == NULL ||
	    X509_LOOKUP_add_dir(dir, NULL, X509_FILETYPE_DEFAULT) != 1)
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "cannot use the system's certificates");
	int n = count_hashed(X509_get_default_cert_dir(), WHOLE_SET);
	if (late_file != NULL) {
		tls->late_file = mc_mem_strdup(late_file);
		if (tls->late_file == NULL)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
	}
	tls->late_bundle = n < WHOLE_SET && late_file == NULL;
	tls->no_trust = n <= 0 && late_file == NULL && !have_bundle();
	if ((tls->late_file != NULL || tls->late_bundle) &&
	    add_late(tls, store) == -1)
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "cannot use the system's certificates");
	return 0;
}

int
mc_tls_load_trust(struct mc_tls *tls, const struct mc_tls_settings *settings,
    struct mc_err *err)
{
	const char *file = settings->ca_file, *dir = settings->ca_dir;
	X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
	if (file == NULL && dir == NULL)
		return load_system(tls, settings->late_file, err);
	if (dir != NULL && load_dir(store, dir, err) == -1)
		return -1;
	if (file != NULL && load_file(store, file, err) == -1)
		return -1;
	/* what a user names is an anchor, also without the root above it */
	if (X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls->ctx),
	    X509_V_FLAG_PARTIAL_CHAIN) != 1)
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS, NULL);
	return 0;
}

/* ---------------------------------------------------- client certificate */

/* a file, in memory that is wiped; what the key is in must be private.  what:
 * the key of the configuration that names it */
static int
slurp(const char *what, const char *path, bool private, struct mc_buf *out,
    struct mc_err *err)
{
	mode_t mode;
	uid_t owner;
	struct mc_err why = { .code = MC_OK };
	if (mc_file_slurp(path, out, &mode, &owner, &why) == -1) {
		if (why.code == MC_E_NOMEM)
			return mc_err_set(err, MC_E_NOMEM, MC_STAGE_TLS, NULL);
		return mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS, "%s: %s",
		    what, why.text);
	}
	if (private && (mode & 077) != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_TLS,
		    "%s %s holds a private key and is open to others (mode "
		    "%04o): chmod 600 it", what, path, (unsigned)mode & 07777);
	if (private && owner != geteuid() && owner != 0)
		return mc_err_set(err, MC_E_CONF_SECRET, MC_STAGE_TLS,
		    "%s %s holds a private key and belongs to another user",
		    what, path);
	return 0;
}

/* a program without terminal must not wait for a passphrase */
static int
no_passphrase(char *buf, int size, int for_writing, void *seen)
{
	(void)buf;
	(void)size;
	(void)for_writing;
	*(bool *)seen = true;
	return -1;
}

static int
use_chain(SSL_CTX *ctx, const char *what, const char *path,
    const struct mc_buf *pem, struct mc_err *err)
{
	bool asked = false;
	int ret = -1;
	X509 *cert = NULL;
	BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked);
	if (cert == NULL || SSL_CTX_use_certificate(ctx, cert) != 1)
		goto out;
	for (;;) {
		X509 *ca = PEM_read_bio_X509(bio, NULL, no_passphrase, &asked);
		if (ca == NULL)
			break;
		if (SSL_CTX_add0_chain_cert(ctx, ca) != 1) {
			X509_free(ca);
			goto out;
		}
	}
	/* the end of the file shows as an error */
	ERR_clear_error();
	ret = 0;
out:
	if (ret == -1) {
		char buf[256];
		mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "%s %s: no usable certificate in PEM form (%s)",
		    what, path, mc_tls_reason(buf, sizeof(buf)));
	}
	X509_free(cert);
	BIO_free(bio);
	return ret;
}

static int
use_key(SSL_CTX *ctx, const char *what, const char *path,
    const struct mc_buf *pem, struct mc_err *err)
{
	bool asked = false;
	int ret = -1;
	char buf[256];
	EVP_PKEY *key = NULL;
	BIO *bio = BIO_new_mem_buf(pem->ptr, (int)pem->len);
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase,
		    &asked);
	if (key == NULL && asked)
		mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "%s %s is protected by a passphrase, which mailchute "
		    "cannot ask for: take it off with openssl pkey", what,
		    path);
	else if (key == NULL)
		mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "%s %s: no private key in PEM form (%s)", what, path,
		    mc_tls_reason(buf, sizeof(buf)));
	else if (SSL_CTX_use_PrivateKey(ctx, key) != 1 ||
	    SSL_CTX_check_private_key(ctx) != 1)
		mc_err_set(err, MC_E_TLS_SETUP, MC_STAGE_TLS,
		    "%s %s does not belong to the certificate (%s)", what,
		    path, mc_tls_reason(buf, sizeof(buf)));
	else
		ret = 0;
	EVP_PKEY_free(key);
	BIO_free(bio);
	return ret;
}

int
mc_tls_load_cert(SSL_CTX *ctx, const struct mc_tls_pair *pair,
    struct mc_err *err)
{
	const char *key = pair->key != NULL ? pair->key : pair->cert;
	struct mc_buf cert_pem, key_pem;
	mc_buf_init_secret(&cert_pem, MC_MAX_CONFIG);
	mc_buf_init_secret(&key_pem, MC_MAX_SECRET);
	ERR_clear_error();
	int ret = slurp(pair->cert_name, pair->cert, pair->key == NULL,
	    &cert_pem, err);
	if (ret == 0)
		ret = use_chain(ctx, pair->cert_name, pair->cert, &cert_pem,
		    err);
	if (ret == 0 && pair->key != NULL)
		ret = slurp(pair->key_name, key, true, &key_pem, err);
	if (ret == 0)
		ret = use_key(ctx, pair->key_name, key,
		    pair->key != NULL ? &key_pem : &cert_pem, err);
	mc_buf_clear(&cert_pem);
	mc_buf_clear(&key_pem);
	return ret;
}
